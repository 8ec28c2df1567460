//! What a customer may send, and everything that can be wrong with it.
//!
//! [`RawFields`] is what arrived, from JSON or from an HTML form; [`Submission::parse`] either makes a [`Submission`]
//! of it or names every fault at once. What a fault says never repeats what was sent.

use std::fmt;

use jiff::tz::TimeZone;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::form::{FormId, Forms};
use crate::language::{self, Language};
use crate::locale::Locale;
use crate::score::{Ces, Csat, Nps, Scores};

/// Where feedback came from. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Channel {
    Web,
    App,
    Email,
    Chat,
    Phone,
    Social,
    Store,
    Sales,
    Partner,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 9] = [
        Self::Web,
        Self::App,
        Self::Email,
        Self::Chat,
        Self::Phone,
        Self::Social,
        Self::Store,
        Self::Sales,
        Self::Partner,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Email => "email",
            Self::Chat => "chat",
            Self::Phone => "phone",
            Self::Social => "social",
            Self::Store => "store",
            Self::Sales => "sales",
            Self::Partner => "partner",
        }
    }

    /// The channel of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// A customer's tier by annual spend. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Tier {
    Bronze,
    Silver,
    Gold,
    Platinum,
}

impl Tier {
    /// Every tier, from the lowest.
    pub const ALL: [Self; 4] = [Self::Bronze, Self::Silver, Self::Gold, Self::Platinum];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bronze => "bronze",
            Self::Silver => "silver",
            Self::Gold => "gold",
            Self::Platinum => "platinum",
        }
    }

    /// The tier of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }
}

/// How the customer can be reached. Personal data: kept in the response only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// A mailbox (`addr-spec` of RFC 5321, no display name, no line breaks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A phone number, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// How to address the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A valid submission. At least one of text and the three scores is present.
///
/// Its JSON is the canonical form that the content digest of an idempotency key is computed over: fields are written
/// in the order below and absent ones are left out. Append new fields, optional ones only, so that the digest of an
/// old submission stays what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The form, and so the survey, it answers.
    pub form: FormId,
    /// What the customer wrote, 1 to 10,000 characters (Unicode scalar values). As sent, except that CR LF and lone CR
    /// are LF and the other C0 control characters but tab and LF are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expect(missing_docs, reason = "the type says it")]
    pub nps: Option<Nps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expect(missing_docs, reason = "the type says it")]
    pub csat: Option<Csat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expect(missing_docs, reason = "the type says it")]
    pub ces: Option<Ces>,
    /// The channel it came by.
    pub channel: Channel,
    /// The point of the journey, as the sender named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// The product, as the sender named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The order it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The page it was sent from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// How the customer can be reached.
    #[serde(default)]
    pub contact: Contact,
    /// The sender's own id of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The customer's tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The language to answer in.
    pub locale: Locale,
    /// Whether the customer agreed to be contacted about it; `None` if not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<bool>,
    /// The language that the customer is written to in, where `locale` does not say it. No part of what was sent, so
    /// that the digest leaves it out: who repeats a submission does not say anything else because their browser does.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "language::lenient"
    )]
    pub language: Option<Language>,
    /// The IANA zone of the customer's clock, as the sender named it; only one that was known when it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// The longest text, in Unicode scalar values, line ends counted once.
pub const TEXT_LIMIT: usize = 10_000;

/// One value as it arrived.
#[derive(Clone, PartialEq)]
pub enum Raw {
    /// A string; every field of an HTML form is one.
    Text(String),
    /// A whole number, also if written `9.0`.
    Integer(i64),
    /// Any other number.
    Number,
    /// `true` or `false`.
    Bool(bool),
    /// Explicitly nothing.
    Null,
    /// A list; none of our fields is one.
    List,
    /// An object.
    Object(RawFields),
}

/// The fields of a submission as they arrived: in order, repeated ones included, nothing checked.
///
/// Deserializes from any JSON object. Its `Debug` shows the names only.
#[derive(Clone, Default, PartialEq)]
pub struct RawFields(Vec<(String, Raw)>);

impl RawFields {
    /// Adds a field.
    pub fn push(&mut self, name: impl Into<String>, value: Raw) {
        self.0.push((name.into(), value));
    }

    /// Name and value of every field that is text, in order.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Raw::Text(text) => Some((name.as_str(), text.as_str())),
            _ => None,
        })
    }

    /// Every field, in order, repeated ones included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Raw)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The first field of exactly this name, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(n, value)| match value {
            Raw::Text(text) if n == name => Some(text.as_str()),
            _ => None,
        })
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for RawFields {
    /// The fields of an HTML form: all of them text.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(
            fields
                .into_iter()
                .map(|(name, value)| (name.into(), Raw::Text(value.into())))
                .collect(),
        )
    }
}

impl fmt::Debug for RawFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RawFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields, A::Error> {
                // A map type would hide a repeated field.
                let mut fields = RawFields::default();
                while let Some((name, value)) = map.next_entry()? {
                    fields.0.push((name, value));
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl<'de> Visitor<'de> for Value {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(i64::try_from(value).map_or(Raw::Number, Raw::Integer))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                // Some languages write whole numbers as 9.0. Up to 2^53 the conversion is exact.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the value is whole and small"
                )]
                Ok(
                    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
                        Raw::Integer(value as i64)
                    } else {
                        Raw::Number
                    },
                )
            }

            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw::Text(value))
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
                Raw::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Raw::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut fields = RawFields::default();
                while let Some((name, value)) = map.next_entry()? {
                    fields.0.push((name, value));
                }
                Ok(Raw::Object(fields))
            }
        }

        deserializer.deserialize_any(Value)
    }
}

/// A field of a submission. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Field {
    Form,
    Text,
    Nps,
    Csat,
    Ces,
    Channel,
    Touchpoint,
    Product,
    OrderId,
    Page,
    Contact,
    ContactEmail,
    ContactPhone,
    ContactName,
    CustomerId,
    Tier,
    Locale,
    Consent,
    TimeZone,
    IdempotencyKey,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 20] = [
        Self::Form,
        Self::Text,
        Self::Nps,
        Self::Csat,
        Self::Ces,
        Self::Channel,
        Self::Touchpoint,
        Self::Product,
        Self::OrderId,
        Self::Page,
        Self::Contact,
        Self::ContactEmail,
        Self::ContactPhone,
        Self::ContactName,
        Self::CustomerId,
        Self::Tier,
        Self::Locale,
        Self::Consent,
        Self::TimeZone,
        Self::IdempotencyKey,
    ];

    /// The name it has in JSON (members of `contact` with a dot) and in the `errors` of a problem.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Text => "text",
            Self::Nps => "nps",
            Self::Csat => "csat",
            Self::Ces => "ces",
            Self::Channel => "channel",
            Self::Touchpoint => "touchpoint",
            Self::Product => "product",
            Self::OrderId => "order_id",
            Self::Page => "page",
            Self::Contact => "contact",
            Self::ContactEmail => "contact.email",
            Self::ContactPhone => "contact.phone",
            Self::ContactName => "contact.name",
            Self::CustomerId => "customer_id",
            Self::Tier => "tier",
            Self::Locale => "locale",
            Self::Consent => "consent",
            Self::TimeZone => "time_zone",
            Self::IdempotencyKey => "idempotency_key",
        }
    }

    /// The field that a sender means by this name. A member of `contact` may be written `contact.email`,
    /// `contact[email]` or `email`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "email" | "contact[email]" => Some(Self::ContactEmail),
            "phone" | "contact[phone]" => Some(Self::ContactPhone),
            "name" | "contact[name]" => Some(Self::ContactName),
            _ => Self::ALL.into_iter().find(|f| f.name() == name),
        }
    }

    /// What people call it.
    const fn label(self, locale: Locale) -> &'static str {
        let (zh_cn, en) = match self {
            Self::Form => ("表单", "The form"),
            Self::Text => ("反馈内容", "The feedback text"),
            Self::Nps => ("推荐意愿评分", "The recommendation score"),
            Self::Csat => ("满意度评分", "The satisfaction score"),
            Self::Ces => ("便捷度评分", "The ease score"),
            Self::Channel => ("渠道", "The channel"),
            Self::Touchpoint => ("触点", "The touchpoint"),
            Self::Product => ("产品", "The product"),
            Self::OrderId => ("订单号", "The order number"),
            Self::Page => ("页面", "The page"),
            Self::Contact => ("联系方式", "The contact"),
            Self::ContactEmail => ("电子邮箱", "The e-mail address"),
            Self::ContactPhone => ("电话号码", "The phone number"),
            Self::ContactName => ("称呼", "The name"),
            Self::CustomerId => ("客户编号", "The customer id"),
            Self::Tier => ("客户等级", "The tier"),
            Self::Locale => ("语言", "The language"),
            Self::Consent => ("同意选项", "The consent"),
            Self::TimeZone => ("时区", "The time zone"),
            Self::IdempotencyKey => ("幂等键", "The idempotency key"),
        };
        locale.choose(zh_cn, en)
    }
}

/// What is wrong with a field. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Neither text nor a score was sent.
    Empty,
    /// It was sent more than once.
    Duplicated,
    /// It is not of a type the field can have.
    WrongType,
    /// It is not a whole number from `low` to `high`.
    OffScale {
        /// The lowest score.
        low: u8,
        /// The highest score.
        high: u8,
    },
    /// It is longer than this many characters.
    TooLong {
        /// The most characters it may have.
        limit: usize,
    },
    /// It holds a line break or another control character.
    ControlCharacter,
    /// It is not one of the choices.
    UnknownValue {
        /// What may be sent.
        choices: &'static str,
    },
    /// There is no such form.
    UnknownForm,
    /// It is not an e-mail address we can write to.
    InvalidEmail,
    /// It is an e-mail address with characters outside ASCII.
    InternationalEmail,
    /// It is not a phone number.
    InvalidPhone,
    /// It is not an idempotency key.
    InvalidKey,
}

impl Code {
    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Duplicated => "duplicated",
            Self::WrongType => "wrong-type",
            Self::OffScale { .. } => "off-scale",
            Self::TooLong { .. } => "too-long",
            Self::ControlCharacter => "control-character",
            Self::UnknownValue { .. } => "unknown-value",
            Self::UnknownForm => "unknown-form",
            Self::InvalidEmail => "invalid-email",
            Self::InternationalEmail => "international-email",
            Self::InvalidPhone => "invalid-phone",
            Self::InvalidKey => "invalid-key",
        }
    }
}

/// One thing that is wrong with a submission. Never holds what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", field.name(), code.name())]
pub struct Fault {
    /// Where.
    pub field: Field,
    /// What.
    pub code: Code,
}

impl Fault {
    /// What is wrong and how to put it right, in a sentence for the person who sent it.
    pub fn message(&self, locale: Locale) -> String {
        let label = self.field.label(locale);
        match (self.code, locale) {
            (Code::Empty, Locale::ZhCn) => "内容为空：请写下反馈，或至少给出一个评分。".to_owned(),
            (Code::Empty, Locale::En) => "Nothing was sent: write a text or give at least one score.".to_owned(),
            (Code::Duplicated, Locale::ZhCn) => format!("{label}重复提交：请只保留一个。"),
            (Code::Duplicated, Locale::En) => format!("{label} was sent more than once: send it once."),
            (Code::WrongType, Locale::ZhCn) => format!("{label}的数据类型不对：{}。", self.expected_type(locale)),
            (Code::WrongType, Locale::En) => format!("{label} is of the wrong type: {}.", self.expected_type(locale)),
            (Code::OffScale { low, high }, Locale::ZhCn) => format!("{label}须为 {low} 到 {high} 的整数。"),
            (Code::OffScale { low, high }, Locale::En) => {
                format!("{label} must be a whole number from {low} to {high}.")
            }
            (Code::TooLong { limit }, Locale::ZhCn) => format!("{label}过长：最多 {limit} 个字符，请缩短。"),
            (Code::TooLong { limit }, Locale::En) => {
                format!("{label} is too long: shorten it to at most {limit} characters.")
            }
            (Code::ControlCharacter, Locale::ZhCn) => format!("{label}须为一行：请删去换行和控制字符。"),
            (Code::ControlCharacter, Locale::En) => {
                format!("{label} must be one line: remove line breaks and control characters.")
            }
            (Code::UnknownValue { choices }, Locale::ZhCn) => format!("{label}无法识别：可用的值为 {choices}。"),
            (Code::UnknownValue { choices }, Locale::En) => format!("{label} is not known: send one of {choices}."),
            (Code::UnknownForm, Locale::ZhCn) => {
                format!("没有这个表单：请检查名称，或不填而使用 {}。", FormId::DEFAULT)
            }
            (Code::UnknownForm, Locale::En) => {
                format!("There is no such form: check its name, or leave it out to use {}.", FormId::DEFAULT)
            }
            (Code::InvalidEmail, Locale::ZhCn) => {
                "电子邮箱无效：请填写一个形如 name@example.com 的地址，不含空格、逗号或姓名。".to_owned()
            }
            (Code::InvalidEmail, Locale::En) => {
                "The e-mail address is not valid: give one like name@example.com, without spaces, commas or a name."
                    .to_owned()
            }
            (Code::InternationalEmail, Locale::ZhCn) => {
                "暂不支持含中文等非 ASCII 字符的电子邮箱：请换一个地址，域名可写成 xn-- 形式。".to_owned()
            }
            (Code::InternationalEmail, Locale::En) => concat!(
                "E-mail addresses with characters outside ASCII are not supported: give another address, ",
                "or write its domain in the xn-- form."
            )
            .to_owned(),
            (Code::InvalidPhone, Locale::ZhCn) => {
                "电话号码无效：请用 5 到 32 个字符，只含数字、空格和 + - ( )，且至少 5 位数字。".to_owned()
            }
            (Code::InvalidPhone, Locale::En) => {
                "The phone number is not valid: use 5 to 32 of digits, spaces and + - ( ), with at least 5 digits."
                    .to_owned()
            }
            (Code::InvalidKey, Locale::ZhCn) => "幂等键须为 16 到 255 个可见 ASCII 字符，不含空格。".to_owned(),
            (Code::InvalidKey, Locale::En) => {
                "The idempotency key must be 16 to 255 visible ASCII characters without spaces.".to_owned()
            }
        }
    }

    fn expected_type(&self, locale: Locale) -> &'static str {
        match self.field {
            Field::Contact => locale.choose(
                "请发送含 email、phone 或 name 的对象",
                "send an object with email, phone or name",
            ),
            _ => locale.choose("请发送一个字符串", "send a string"),
        }
    }
}

/// Everything that is wrong with a submission, at most one fault for each field, in the order of [`Field`]. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} field(s) of the submission are at fault", .0.len())]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults.
    pub fn iter(&self) -> impl Iterator<Item = Fault> {
        self.0.iter().copied()
    }

    /// These and one more, that was found elsewhere.
    pub fn with(mut self, fault: Fault) -> Self {
        self.0.push(fault);
        self
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

/// What parsing needs to know besides the fields.
#[derive(Debug, Clone, Copy)]
pub struct ParseContext<'a> {
    /// The forms there are.
    pub forms: &'a Forms,
    /// The language the request asks for (`Accept-Language`), if it names one of ours.
    pub accept_language: Option<Language>,
}

impl Submission {
    /// Makes a submission of what arrived.
    ///
    /// Fields that are null, or text that is blank, count as not sent. Fields it does not know are ignored, and so is a
    /// time zone that is unknown: browsers send some that nobody has, such as `Etc/Unknown`. The
    /// language is the one named, else the one the request asks for, else that of the text, else English.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn parse(fields: &RawFields, context: ParseContext<'_>) -> Result<Self, Faults> {
        let mut reader = Reader::new(fields);
        let form = reader.form(context.forms);
        let text = reader.prose(Field::Text);
        let Scores { nps, csat, ces } = reader.scores();
        let channel = reader.choice(
            Field::Channel,
            "web, app, email, chat, phone, social, store, sales, partner",
            Channel::from_name,
        );
        let touchpoint = reader.line(Field::Touchpoint, 100);
        let product = reader.line(Field::Product, 100);
        let order_id = reader.line(Field::OrderId, 100);
        let page = reader.line(Field::Page, 2_048);
        let contact = Contact {
            email: reader.email(Field::ContactEmail),
            phone: reader.phone(Field::ContactPhone),
            name: reader.line(Field::ContactName, 100),
        };
        let customer_id = reader.line(Field::CustomerId, 100);
        let tier = reader.choice(
            Field::Tier,
            "bronze, silver, gold, platinum",
            Tier::from_name,
        );
        let language = reader.choice(Field::Locale, "zh-CN, zh-TW, en", Language::from_tag);
        let consent = reader.flag(Field::Consent);
        let time_zone = reader.line(Field::TimeZone, 100);

        // A text or score that was refused has its own fault already.
        let sent = [Field::Text, Field::Nps, Field::Csat, Field::Ces]
            .into_iter()
            .any(|f| reader.was_sent(f));
        if !sent {
            reader.fault(Field::Text, Code::Empty);
        }
        let language = language.or(context.accept_language).unwrap_or_else(|| {
            let locale = text.as_deref().and_then(Locale::of_text);
            locale.unwrap_or_default().into()
        });
        let locale = language.locale();
        let submission = Self {
            form,
            text,
            nps,
            csat,
            ces,
            channel: channel.unwrap_or(Channel::Web),
            touchpoint,
            product,
            order_id,
            page,
            contact,
            customer_id,
            tier,
            locale,
            consent,
            language: Some(language).filter(|language| *language != locale.into()),
            time_zone: time_zone.filter(|name| calendar::zone(name).is_some()),
        };
        reader.finish(submission)
    }

    /// The language that the customer is written to in.
    pub fn language(&self) -> Language {
        // A locale that somebody set since says more than a variety of another language.
        let kept = self.language.filter(|kept| kept.locale() == self.locale);
        kept.unwrap_or_else(|| self.locale.into())
    }

    /// The zone that the customer's clock shows, if it was sent: for when a phone may ring.
    pub fn time_zone(&self) -> Option<TimeZone> {
        self.time_zone.as_deref().and_then(calendar::zone)
    }

    /// The three scores.
    pub const fn scores(&self) -> Scores {
        Scores {
            nps: self.nps,
            csat: self.csat,
            ces: self.ces,
        }
    }
}

impl Scores {
    /// The scores that arrived, as [`Submission::parse`] reads them; other fields are ignored.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong with them, at once.
    pub fn parse(fields: &RawFields) -> Result<Self, Faults> {
        let mut reader = Reader::new(fields);
        let scores = reader.scores();
        let is_score = |field| matches!(field, Field::Nps | Field::Csat | Field::Ces);
        reader.faults.retain(|fault| is_score(fault.field));
        reader.finish(scores)
    }
}

/// A key under which a sender may repeat a request: 16 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for IdempotencyKey {
    type Error = Fault;

    fn try_from(text: &str) -> Result<Self, Fault> {
        let fits = (16..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned())).ok_or(Fault {
            field: Field::IdempotencyKey,
            code: Code::InvalidKey,
        })
    }
}

/// Reads fields one by one and collects what is wrong with them.
struct Reader<'a> {
    sent: Vec<(Field, &'a Raw)>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(fields: &'a RawFields) -> Self {
        let mut reader = Self {
            sent: Vec::new(),
            faults: Vec::new(),
        };
        for (name, value) in &fields.0 {
            match (Field::from_name(name), value) {
                (Some(Field::Contact), Raw::Object(members)) => {
                    for (name, value) in &members.0 {
                        let field = match name.as_str() {
                            "email" => Field::ContactEmail,
                            "phone" => Field::ContactPhone,
                            "name" => Field::ContactName,
                            _ => continue,
                        };
                        reader.note(field, value);
                    }
                }
                (Some(Field::Contact), value) if !is_absent(value) => {
                    reader.fault(Field::Contact, Code::WrongType)
                }
                (Some(field), value) => reader.note(field, value),
                (None, _) => {}
            }
        }
        reader
    }

    fn note(&mut self, field: Field, value: &'a Raw) {
        if is_absent(value) {
            return;
        }
        if self.was_sent(field) {
            self.fault(field, Code::Duplicated);
        }
        self.sent.push((field, value));
    }

    fn was_sent(&self, field: Field) -> bool {
        self.sent.iter().any(|(f, _)| *f == field)
    }

    /// Records a fault, unless the field has one: the first is the one to put right.
    fn fault(&mut self, field: Field, code: Code) {
        if self.faults.iter().all(|fault| fault.field != field) {
            self.faults.push(Fault { field, code });
        }
    }

    fn finish<T>(mut self, read: T) -> Result<T, Faults> {
        if self.faults.is_empty() {
            return Ok(read);
        }
        self.faults.sort_by_key(|fault| fault.field);
        Err(Faults(self.faults))
    }

    fn value(&self, field: Field) -> Option<&'a Raw> {
        self.sent
            .iter()
            .find(|(f, _)| *f == field)
            .map(|(_, value)| *value)
    }

    /// A text of several lines.
    fn prose(&mut self, field: Field) -> Option<String> {
        let Raw::Text(text) = self.value(field)? else {
            self.fault(field, Code::WrongType);
            return None;
        };
        let text = clean(text);
        if text.chars().nth(TEXT_LIMIT).is_some() {
            self.fault(field, Code::TooLong { limit: TEXT_LIMIT });
            return None;
        }
        Some(text)
    }

    /// One trimmed line. A whole number is taken as its digits: some systems send ids as numbers.
    fn line(&mut self, field: Field, limit: usize) -> Option<String> {
        let line = match self.value(field)? {
            Raw::Text(text) => text.trim().to_owned(),
            Raw::Integer(number) => number.to_string(),
            _ => {
                self.fault(field, Code::WrongType);
                return None;
            }
        };
        if line.chars().any(breaks_line) {
            self.fault(field, Code::ControlCharacter);
            return None;
        }
        if line.chars().nth(limit).is_some() {
            self.fault(field, Code::TooLong { limit });
            return None;
        }
        Some(line)
    }

    fn scores(&mut self) -> Scores {
        Scores {
            nps: self
                .score(Field::Nps, Nps::LOW, Nps::HIGH)
                .and_then(|n| Nps::try_from(n).ok()),
            csat: self
                .score(Field::Csat, Csat::LOW, Csat::HIGH)
                .and_then(|n| Csat::try_from(n).ok()),
            ces: self
                .score(Field::Ces, Ces::LOW, Ces::HIGH)
                .and_then(|n| Ces::try_from(n).ok()),
        }
    }

    fn score(&mut self, field: Field, low: u8, high: u8) -> Option<u8> {
        let number = match self.value(field)? {
            Raw::Integer(number) => u8::try_from(*number).ok(),
            // Digits only: `parse` would take a plus sign.
            Raw::Text(text) if text.trim().bytes().all(|b| b.is_ascii_digit()) => {
                text.trim().parse().ok()
            }
            _ => None,
        };
        let score = number.filter(|n| (low..=high).contains(n));
        if score.is_none() {
            self.fault(field, Code::OffScale { low, high });
        }
        score
    }

    fn choice<T>(
        &mut self,
        field: Field,
        choices: &'static str,
        from_name: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let choice = match self.value(field)? {
            Raw::Text(text) => from_name(text.trim()),
            _ => None,
        };
        if choice.is_none() {
            self.fault(field, Code::UnknownValue { choices });
        }
        choice
    }

    /// Consent, as JSON, check boxes and scripts write it.
    fn flag(&mut self, field: Field) -> Option<bool> {
        let flag = match self.value(field)? {
            Raw::Bool(flag) => Some(*flag),
            Raw::Integer(1) => Some(true),
            Raw::Integer(0) => Some(false),
            Raw::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if flag.is_none() {
            self.fault(
                field,
                Code::UnknownValue {
                    choices: "true, false",
                },
            );
        }
        flag
    }

    fn form(&mut self, forms: &Forms) -> FormId {
        let form = match self.value(Field::Form) {
            None => return FormId::default_form(),
            Some(Raw::Text(text)) => text
                .trim()
                .parse()
                .ok()
                .filter(|id| forms.get(id).is_some()),
            Some(_) => None,
        };
        form.unwrap_or_else(|| {
            self.fault(Field::Form, Code::UnknownForm);
            FormId::default_form()
        })
    }

    fn email(&mut self, field: Field) -> Option<String> {
        let Raw::Text(text) = self.value(field)? else {
            self.fault(field, Code::WrongType);
            return None;
        };
        // Spaces around it are slips of the keyboard; a line break is not.
        match check_email(text.trim_matches(' ')) {
            Ok(email) => Some(email.to_owned()),
            Err(code) => {
                self.fault(field, code);
                None
            }
        }
    }

    fn phone(&mut self, field: Field) -> Option<String> {
        let phone = match self.value(field)? {
            Raw::Text(text) => text.trim_matches(' ').to_owned(),
            Raw::Integer(number) => number.to_string(),
            _ => {
                self.fault(field, Code::WrongType);
                return None;
            }
        };
        let fits = phone.len() <= 32
            && phone
                .bytes()
                .all(|b| b.is_ascii_digit() || b" +-()".contains(&b))
            && phone.bytes().filter(u8::is_ascii_digit).count() >= 5;
        if !fits {
            self.fault(field, Code::InvalidPhone);
            return None;
        }
        Some(phone)
    }
}

fn is_absent(value: &Raw) -> bool {
    match value {
        Raw::Null => true,
        Raw::Text(text) => is_blank(text),
        _ => false,
    }
}

/// Whether a character ends a line or is another control character: not what belongs into a text of one line.
pub fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether nothing of a text can be seen: blanks, control characters, what Unicode 16 lists as
/// [`Default_Ignorable_Code_Point`](https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point) (zero-width
/// and directional characters, fillers, variation selectors), and the Braille pattern without a dot.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '\u{ad}'
                    | '\u{34f}'
                    | '\u{61c}'
                    | '\u{115f}'..='\u{1160}'
                    | '\u{17b4}'..='\u{17b5}'
                    | '\u{180b}'..='\u{180f}'
                    | '\u{200b}'..='\u{200f}'
                    | '\u{202a}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}'
                    | '\u{2800}'
                    | '\u{3164}'
                    | '\u{fe00}'..='\u{fe0f}'
                    | '\u{feff}'
                    | '\u{ffa0}'
                    | '\u{fff0}'..='\u{fff8}'
                    | '\u{1bca0}'..='\u{1bca3}'
                    | '\u{1d173}'..='\u{1d17a}'
                    | '\u{e0000}'..='\u{e0fff}'
            )
    })
}

/// A text of several lines as it is kept: CR LF and lone CR become LF; the other C0 control characters but tab are
/// dropped. Nothing else changes.
pub fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter_map(|c| match c {
            '\r' => Some('\n'),
            '\n' | '\t' => Some(c),
            '\0'..='\u{1f}' => None,
            _ => Some(c),
        })
        .collect()
}

/// A mailbox that can stand in a header and on an SMTP command line as it is: `dot-atom` before the `@` (RFC 5321; no
/// quoted part, no comment), a domain name of two labels or more after it (no address literal), ASCII throughout.
fn check_email(email: &str) -> Result<&str, Code> {
    if email
        .chars()
        .any(|c| !c.is_ascii() && !c.is_control() && !c.is_whitespace())
    {
        return Err(Code::InternationalEmail);
    }
    let (local, domain) = email.split_once('@').ok_or(Code::InvalidEmail)?;
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    let fits = email.len() <= 254
        && local.len() <= 64
        && local.split('.').all(atom)
        && domain.contains('.')
        && domain.split('.').all(label)
        && !top.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(email).ok_or(Code::InvalidEmail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(fields: &RawFields) -> Result<Submission, Vec<(&'static str, &'static str)>> {
        let forms = Forms::default();
        Submission::parse(
            fields,
            ParseContext {
                forms: &forms,
                accept_language: None,
            },
        )
        .map_err(|faults| {
            faults
                .iter()
                .map(|f| (f.field.name(), f.code.name()))
                .collect()
        })
    }

    fn form<const N: usize>(
        fields: [(&str, &str); N],
    ) -> Result<Submission, Vec<(&'static str, &'static str)>> {
        parse(&fields.into_iter().collect())
    }

    fn json(text: &str) -> Result<Submission, Vec<(&'static str, &'static str)>> {
        parse(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn json_and_form_say_the_same() {
        let from_json = json(
            r#"{"text":"物流太慢","nps":3,"contact":{"email":"a@b.example","phone":"+86 138-0000-0000","name":"小王"},"consent":true,"channel":"app","tier":"gold"}"#,
        )
        .unwrap();
        for [email, phone, name] in [
            ["email", "phone", "name"],
            ["contact.email", "contact.phone", "contact.name"],
            ["contact[email]", "contact[phone]", "contact[name]"],
        ] {
            let from_form = form([
                ("text", "物流太慢"),
                ("nps", " 3 "),
                (email, "a@b.example"),
                (phone, "+86 138-0000-0000"),
                (name, " 小王 "),
                ("consent", "on"),
                ("channel", "app"),
                ("tier", "gold"),
                ("csat", ""),
                ("order_id", "  "),
                ("surprise", "ignored"),
                ("surprise", "twice"),
            ]);
            assert_eq!(from_form.as_ref(), Ok(&from_json));
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = json(
            r#"{"form":"nope","text":["a"],"nps":11,"csat":"nine","ces":9.5,"channel":"fax","touchpoint":{},"product":"a\nb",
               "order_id":true,"contact":{"email":"a@b.example\r\nBcc: c@d.example","phone":"call me","name":"\u0000x"},
               "customer_id":"1","customer_id":"1","tier":5,"locale":"fr","consent":"maybe","page":1.5}"#,
        );
        assert_eq!(
            faults.unwrap_err(),
            [
                ("form", "unknown-form"),
                ("text", "wrong-type"),
                ("nps", "off-scale"),
                ("csat", "off-scale"),
                ("ces", "off-scale"),
                ("channel", "unknown-value"),
                ("touchpoint", "wrong-type"),
                ("product", "control-character"),
                ("order_id", "wrong-type"),
                ("page", "wrong-type"),
                ("contact.email", "invalid-email"),
                ("contact.phone", "invalid-phone"),
                ("contact.name", "control-character"),
                ("customer_id", "duplicated"),
                ("tier", "unknown-value"),
                ("locale", "unknown-value"),
                ("consent", "unknown-value"),
            ]
        );
    }

    #[test]
    fn nothing_at_all_is_a_fault_of_the_text() {
        for empty in [
            r#"{}"#,
            r#"{"text":" \n "}"#,
            r#"{"text":null,"nps":null}"#,
            r#"{"text":"\u0000","email":"a@b.example"}"#,
        ] {
            assert_eq!(json(empty).unwrap_err(), [("text", "empty")], "{empty}");
        }
        assert_eq!(
            form([("nps", "ten")]).unwrap_err(),
            [("nps", "off-scale")],
            "not empty, only wrong"
        );
    }

    #[test]
    fn scores_are_whole_numbers_on_their_scale() {
        for (value, expected) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("9.0", Some(9)),
            ("\"9\"", Some(9)),
            ("\" 07 \"", Some(7)),
        ] {
            let nps = json(&format!(r#"{{"nps":{value}}}"#)).unwrap().nps;
            assert_eq!(nps.map(Nps::get), expected, "{value}");
        }
        for value in [
            "11",
            "-1",
            "9.5",
            "1e99",
            "18446744073709551615",
            "\"+9\"",
            "\"9.0\"",
            "\"九\"",
            "true",
            "[9]",
            "{}",
        ] {
            assert_eq!(
                json(&format!(r#"{{"nps":{value}}}"#)).unwrap_err(),
                [("nps", "off-scale")],
                "{value}"
            );
        }
        assert!(json(r#"{"csat":0}"#).is_err() && json(r#"{"csat":6}"#).is_err());
        assert!(json(r#"{"ces":0}"#).is_err() && json(r#"{"ces":8}"#).is_err());
    }

    #[test]
    fn a_customers_words_stay_as_they_are() {
        for (sent, kept) in [
            ("  two  spaces ", "  two  spaces "),
            ("a\r\nb\rc\nd\te", "a\nb\nc\nd\te"),
            ("nul\0 bell\u{7} esc\u{1b}[0m", "nul bell esc[0m"),
            (
                "😀👨‍👩‍👧 שלום עליכם \u{202e}rtl e\u{301} \u{85}",
                "😀👨‍👩‍👧 שלום עליכם \u{202e}rtl e\u{301} \u{85}",
            ),
            (
                "<script>alert('x')</script> & \"q\"",
                "<script>alert('x')</script> & \"q\"",
            ),
        ] {
            assert_eq!(form([("text", sent)]).unwrap().text.as_deref(), Some(kept));
        }
    }

    #[test]
    fn text_is_counted_in_characters_and_line_ends_once() {
        let full = "🦀".repeat(TEXT_LIMIT);
        assert_eq!(form([("text", &full)]).unwrap().text.unwrap(), full);
        assert_eq!(
            form([("text", &format!("{full}!"))]).unwrap_err(),
            [("text", "too-long")]
        );
        assert!(form([("text", &"\r\na".repeat(TEXT_LIMIT / 2))]).is_ok());
    }

    #[test]
    fn one_line_fields_are_trimmed_and_short() {
        let submission = form([
            ("nps", "9"),
            ("product", "  Laptop 14″ "),
            ("page", "/a?b=c"),
        ])
        .unwrap();
        assert_eq!(submission.product.as_deref(), Some("Laptop 14″"));
        assert_eq!(
            json(r#"{"nps":9,"order_id":20261121}"#)
                .unwrap()
                .order_id
                .as_deref(),
            Some("20261121")
        );
        assert!(form([("nps", "9"), ("product", &"品".repeat(100))]).is_ok());
        assert_eq!(
            form([("nps", "9"), ("product", &"品".repeat(101))]).unwrap_err(),
            [("product", "too-long")]
        );
        assert_eq!(
            form([("nps", "9"), ("name", "a\u{2028}b")]).unwrap_err(),
            [("contact.name", "control-character")]
        );
    }

    #[test]
    fn what_nobody_can_see_was_not_sent() {
        for blank in [
            "",
            " \u{3000}\n",
            "\0",
            "\u{200b}\u{200d}",
            "\u{202e}\u{2066}",
            "\u{feff}",
            "\u{3164}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0020}",
        ] {
            assert_eq!(form([("text", blank)]).unwrap_err(), [("text", "empty")]);
            assert!(form([("nps", "9"), ("text", blank), ("email", blank)]).is_ok());
        }
        for seen in [
            "\u{200b}.",
            "\u{2764}\u{fe0f}",
            "5\u{fe0f}\u{20e3}",
            "\u{200f}\u{645}",
        ] {
            assert_eq!(form([("text", seen)]).unwrap().text.as_deref(), Some(seen));
        }
    }

    #[test]
    fn a_repeated_field_is_a_fault_unless_blank() {
        assert_eq!(
            form([("nps", "9"), ("nps", "9")]).unwrap_err(),
            [("nps", "duplicated")]
        );
        assert_eq!(
            json(r#"{"nps":9,"email":"a@b.example","contact":{"email":"c@d.example"}}"#)
                .unwrap_err(),
            [("contact.email", "duplicated")]
        );
        assert!(form([("nps", ""), ("nps", "9")]).is_ok());
    }

    #[test]
    fn contact_is_an_object_or_nothing() {
        assert!(json(r#"{"nps":9,"contact":null}"#).is_ok());
        assert!(json(r#"{"nps":9,"contact":{"fax":"1"}}"#).is_ok());
        for wrong in ["[]", "\"a@b.example\"", "5", "true"] {
            assert_eq!(
                json(&format!(r#"{{"nps":9,"contact":{wrong}}}"#)).unwrap_err(),
                [("contact", "wrong-type")]
            );
        }
    }

    #[test]
    fn an_address_cannot_inject_a_header() {
        let long_local = format!("{}@b.example", "a".repeat(65));
        let long = format!("a@{}example", "b123456789.".repeat(25));
        for good in [
            "a@b.example",
            "first.last+tag@sub.shop-1.example",
            "o'hara_1@xn--fiq228c.cn",
            " a@b.example ",
        ] {
            assert_eq!(
                check_email(good.trim_matches(' ')),
                Ok(good.trim_matches(' ')),
                "{good}"
            );
        }
        for bad in [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\n",
            "a@b.example\0",
            "a b@c.example",
            "a@b.example,c@d.example",
            "a@b.example;c@d.example",
            "<a@b.example>",
            "A <a@b.example>",
            "\"a b\"@c.example",
            "a@@b.example",
            "a@b@c.example",
            "a",
            "@b.example",
            "a@",
            "a@localhost",
            "a@b..example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
            "a@-b.example",
            "a@b-.example",
            "a@b.example.",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b_c.example",
            "a(x)@b.example",
            "a@b.example\u{85}",
            "a@b.exa\u{a0}mple",
            &long_local,
            &long,
            "",
        ] {
            assert_eq!(check_email(bad), Err(Code::InvalidEmail), "{bad:?}");
        }
        for international in [
            "张三@b.example",
            "a@例子.cn",
            "ａ@b.example",
            "张三\r\n@b.example",
        ] {
            assert_eq!(
                check_email(international),
                Err(Code::InternationalEmail),
                "{international}"
            );
        }
    }

    #[test]
    fn phone_numbers_are_loose_but_plain() {
        for good in [
            "13800138000",
            "+86 138-0013-8000",
            "(010) 6552 9988",
            "95588",
        ] {
            assert_eq!(
                form([("nps", "9"), ("phone", good)])
                    .unwrap()
                    .contact
                    .phone
                    .as_deref(),
                Some(good)
            );
        }
        assert!(json(r#"{"nps":9,"phone":13800138000}"#).is_ok());
        for bad in [
            "1234",
            "+-() -",
            "138001380001380013800138001380013",
            "1380013800x",
            "１３８００１３８０００",
            "13800\n138000",
        ] {
            assert_eq!(
                form([("nps", "9"), ("phone", bad)]).unwrap_err(),
                [("contact.phone", "invalid-phone")],
                "{bad}"
            );
        }
    }

    #[test]
    fn consent_is_read_as_people_write_it_and_never_guessed() {
        for (value, expected) in [
            ("on", true),
            ("TRUE", true),
            ("yes", true),
            ("1", true),
            ("off", false),
            ("no", false),
            ("0", false),
        ] {
            assert_eq!(
                form([("nps", "9"), ("consent", value)]).unwrap().consent,
                Some(expected),
                "{value}"
            );
        }
        assert_eq!(form([("nps", "9")]).unwrap().consent, None);
        assert_eq!(
            json(r#"{"nps":9,"consent":2}"#).unwrap_err(),
            [("consent", "unknown-value")]
        );
    }

    #[test]
    fn the_language_is_named_or_asked_for_or_guessed() {
        let forms = Forms::default();
        for (named, header, text, expected) in [
            (
                Some("zh-Hans-CN"),
                Some(Language::En),
                "hello",
                Language::ZhCn,
            ),
            (Some("en_GB"), None, "你好", Language::En),
            (None, Some(Language::En), "你好", Language::En),
            (None, None, "你好", Language::ZhCn),
            (None, None, "hello", Language::En),
            (None, None, "😀", Language::En),
            (None, Some(Language::ZhTw), "hello", Language::ZhTw),
            (Some("zh-CN"), Some(Language::ZhTw), "您好", Language::ZhCn),
            (Some("zh-HK"), Some(Language::En), "您好", Language::ZhTw),
        ] {
            let fields: RawFields = named
                .map(|tag| ("locale", tag))
                .into_iter()
                .chain([("text", text)])
                .collect();
            let submission = Submission::parse(
                &fields,
                ParseContext {
                    forms: &forms,
                    accept_language: header,
                },
            )
            .unwrap();
            assert_eq!(
                submission.language(),
                expected,
                "{named:?} {header:?} {text}"
            );
            assert_eq!(submission.locale, expected.locale());
            // What an older version keeps of it is what it wrote itself.
            let kept = serde_json::to_value(&submission).unwrap();
            assert_eq!(kept.get("language").is_some(), expected == Language::ZhTw);
        }
    }

    #[test]
    fn a_time_zone_is_kept_if_it_is_known_and_never_a_reason_to_refuse() {
        for (sent, kept) in [
            ("Asia/Tokyo", Some("Asia/Tokyo")),
            (" America/New_York ", Some("America/New_York")),
            ("Etc/Unknown", None),
            ("Mars/Olympus_Mons", None),
            ("../../etc/passwd", None),
        ] {
            let fields: RawFields = [("text", "hello"), ("time_zone", sent)]
                .into_iter()
                .collect();
            let forms = Forms::default();
            let context = ParseContext {
                forms: &forms,
                accept_language: None,
            };
            let submission = Submission::parse(&fields, context).unwrap();
            assert_eq!(submission.time_zone.as_deref(), kept, "{sent}");
            let known = submission.time_zone();
            let name = known.as_ref().and_then(TimeZone::iana_name);
            assert_eq!(name, kept, "{sent}");
        }
    }

    #[test]
    fn idempotency_keys_are_visible_ascii() {
        for (key, fits) in [
            ("x".repeat(15), false),
            ("x".repeat(16), true),
            ("~!\"#/:".repeat(20), true),
            ("x".repeat(255), true),
            ("x".repeat(256), false),
            ("has a space in it".to_owned(), false),
            ("newline\nnewline\nnewline".to_owned(), false),
            ("钥匙钥匙钥匙钥匙".to_owned(), false),
        ] {
            assert_eq!(
                IdempotencyKey::try_from(key.as_str()).is_ok(),
                fits,
                "{key}"
            );
        }
    }

    fn every_code() -> [Code; 12] {
        [
            Code::Empty,
            Code::Duplicated,
            Code::WrongType,
            Code::OffScale { low: 0, high: 10 },
            Code::TooLong { limit: 100 },
            Code::ControlCharacter,
            Code::UnknownValue { choices: "a, b" },
            Code::UnknownForm,
            Code::InvalidEmail,
            Code::InternationalEmail,
            Code::InvalidPhone,
            Code::InvalidKey,
        ]
    }

    #[test]
    fn every_fault_speaks_both_languages() {
        for code in every_code() {
            for &field in &Field::ALL {
                let fault = Fault { field, code };
                let (zh, en) = (fault.message(Locale::ZhCn), fault.message(Locale::En));
                assert!(
                    zh.ends_with('。') && Locale::of_text(&zh) == Some(Locale::ZhCn),
                    "{zh}"
                );
                assert!(en.ends_with('.') && en.is_ascii(), "{en}");
            }
        }
        let nps = Fault {
            field: Field::Nps,
            code: Code::OffScale {
                low: Nps::LOW,
                high: Nps::HIGH,
            },
        };
        assert_eq!(
            nps.message(Locale::En),
            "The recommendation score must be a whole number from 0 to 10."
        );
        assert_eq!(
            nps.message(Locale::ZhCn),
            "推荐意愿评分须为 0 到 10 的整数。"
        );
    }

    #[test]
    fn published_names_are_kept_for_ever() {
        let fields: Vec<_> = Field::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(
            fields.join(" "),
            "form text nps csat ces channel touchpoint product order_id page contact contact.email contact.phone contact.name customer_id tier locale consent time_zone idempotency_key"
        );
        let codes: Vec<_> = every_code().iter().map(|c| c.name()).collect();
        assert_eq!(
            codes.join(" "),
            "empty duplicated wrong-type off-scale too-long control-character unknown-value unknown-form invalid-email international-email invalid-phone invalid-key"
        );
        for field in Field::ALL {
            assert_eq!(Field::from_name(field.name()), Some(field));
        }
        for channel in Channel::ALL {
            assert_eq!(Channel::from_name(channel.name()), Some(channel));
            assert_eq!(
                serde_json::to_string(&channel).unwrap(),
                format!("\"{}\"", channel.name())
            );
        }
        for tier in Tier::ALL {
            assert_eq!(Tier::from_name(tier.name()), Some(tier));
            assert_eq!(
                serde_json::to_string(&tier).unwrap(),
                format!("\"{}\"", tier.name())
            );
        }
    }

    #[test]
    fn the_canonical_form_is_kept_for_ever() {
        let full = json(
            r#"{"consent":false,"locale":"en","tier":"silver","customer_id":"c1","name":"N","phone":"12345","email":"a@b.example","page":"/p",
               "order_id":"o1","product":"p1","touchpoint":"logistics","channel":"store","ces":7,"csat":5,"nps":10,"text":"t"}"#,
        )
        .unwrap();
        let canonical = r#"{"form":"default","text":"t","nps":10,"csat":5,"ces":7,"channel":"store","touchpoint":"logistics","product":"p1","order_id":"o1","page":"/p","contact":{"email":"a@b.example","phone":"12345","name":"N"},"customer_id":"c1","tier":"silver","locale":"en","consent":false}"#;
        assert_eq!(serde_json::to_string(&full).unwrap(), canonical);
        assert_eq!(serde_json::from_str::<Submission>(canonical).unwrap(), full);
        let least = r#"{"form":"default","nps":10,"channel":"web","contact":{},"locale":"en"}"#;
        assert_eq!(
            serde_json::to_string(&form([("nps", "10")]).unwrap()).unwrap(),
            least
        );
    }

    #[test]
    fn what_was_sent_is_not_shown_by_debug_or_faults() {
        let fields: RawFields = [
            ("email", "secret-value\n"),
            ("phone", "secret-value"),
            ("nps", "secret-value"),
        ]
        .into_iter()
        .collect();
        let forms = Forms::default();
        let faults = Submission::parse(
            &fields,
            ParseContext {
                forms: &forms,
                accept_language: None,
            },
        )
        .unwrap_err();
        let mut shown = format!("{fields:?} {faults:?} {faults}");
        for fault in faults.iter() {
            shown += &format!(
                "{fault} {} {}",
                fault.message(Locale::En),
                fault.message(Locale::ZhCn)
            );
        }
        assert!(!shown.contains("secret"), "{shown}");
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_taken_or_named(
            fields in prop::collection::vec((prop::sample::select(Field::ALL.map(Field::name).to_vec()), ".{0,40}"), 0..12)
        ) {
            match parse(&fields.into_iter().collect()) {
                Err(faults) => prop_assert!(!faults.is_empty()),
                Ok(submission) => {
                    prop_assert!(submission.text.is_some() || !submission.scores().is_empty());
                    let canonical = serde_json::to_string(&submission).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Submission>(&canonical).unwrap(), submission);
                }
            }
        }

        #[test]
        fn an_accepted_address_is_one_clean_token(email in "[ -~\r\n\t]{0,20}@[ -~\r\n]{0,20}") {
            if let Ok(email) = check_email(&email) {
                prop_assert!(email.bytes().all(|b| b.is_ascii_graphic() && !b"<>,;:\"()[]\\".contains(&b)));
                prop_assert_eq!(email.matches('@').count(), 1);
            }
        }
    }
}
