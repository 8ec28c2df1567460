//! What customers are written, and how that looks before anybody is.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::language::Language;
use resound_domain::policy::CalendarName;
use resound_domain::sms::size;
use resound_domain::template::{Brand, Installation, Occasion, Templates, Values};
use resound_lambda_kit::addresses::Addresses;
use resound_lambda_kit::http::{HttpResponse, Rejection};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::receipt;
use resound_pages::letter::{self, Letter};
use resound_store::{ConfigKind, Edition, Editions};
use serde_json::{Map, Value, json};

use crate::body::{Body, Faults, Lines};
use crate::document::{Asked, Desk, Document, refuse, trouble};
use crate::shelves::Shelves;

impl Document for Templates {
    const KIND: ConfigKind = ConfigKind::Templates;
    const WAITS: bool = false;
    const NO_DRY_RUN: Option<(&'static str, &'static str)> = Some((
        "模板不改变任何期限，因此没有试运行：请用 POST /v1/templates/preview 查看效果。",
        "Templates move no deadline, so there is no dry run: look at them with POST /v1/templates/preview.",
    ));

    fn shelf(shelves: &mut Shelves) -> &mut Editions<Self> {
        &mut shelves.templates
    }

    fn built_in(_: Option<&CalendarName>, _: &Shelves) -> Option<Self> {
        Some(Self::default())
    }

    fn read(asked: &Asked<'_>, _: &Shelves, _: Option<&Edition<Self>>) -> Result<Self, Rejection> {
        let (text, value) = asked.body.json(asked.request)?;
        Self::read(value, asked.installation).map_err(|invalid| asked.refuse(text, &invalid))
    }

    fn active_from(&self) -> Option<Timestamp> {
        None
    }

    fn published(self, _: u32, _: Option<Timestamp>) -> Self {
        self
    }

    fn shown(&self) -> Value {
        json!(self)
    }
}

/// What templates are judged by here.
pub(crate) fn installation(public_url: &str, senders: &Addresses) -> Installation {
    Installation {
        is_mailbox: |text| Mailbox::from_str(text).is_ok(),
        senders: senders.iter().map(str::to_owned).collect(),
        link: format!("{public_url}/v1/receipts/{}", receipt::LONGEST),
    }
}

/// The reference in what is shown.
const REFERENCE: &str = "R-ABCDE-FGHJK";

/// What a test goes by. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// A letter.
    Email,
    /// A text message.
    Sms,
}

impl Medium {
    const ALL: [Self; 2] = [Self::Email, Self::Sms];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// Which letter somebody wants to see.
struct Wish {
    occasion: Occasion,
    language: Language,
    /// The id of a brand; `None` for feedback that names nothing any brand is for.
    brand: Option<String>,
    /// What it goes by, where it is sent.
    medium: Medium,
    /// Who is to get it, where it is sent.
    to: Option<String>,
    /// What is looked at in place of what is published.
    document: Option<Value>,
}

/// A letter that somebody wants to see, with made-up words.
pub(crate) struct Sample {
    wish: Wish,
    templates: Templates,
    day: Date,
    status_url: String,
}

/// Shows a letter with made-up words, and what a text message would say in each language, as what is published makes it or
/// as a document that is sent would.
pub(crate) async fn preview(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let body = Body::read(desk.request)?;
    let (text, value) = body.json(desk.request)?;
    let sample = Sample::read(desk, text, value, &[]).await?;
    Ok(HttpResponse::json(200, &sample.shown())?.no_store())
}

impl Sample {
    /// What was asked for, by a body that may have these members besides.
    ///
    /// # Errors
    /// 422 with every fault.
    pub(crate) async fn read(
        desk: &Desk<'_>,
        text: &str,
        value: &Value,
        besides: &[&str],
    ) -> Result<Self, Rejection> {
        let request = desk.request;
        let wish = Wish::read(desk, text, value, besides)?;
        let templates = match &wish.document {
            Some(document) => Templates::read(document, desk.installation).map_err(|invalid| {
                let inside = invalid.within("/document");
                refuse(request, text, &inside)
            })?,
            None => {
                let latest = desk.store.latest_config::<Templates>(ConfigKind::Templates);
                let latest = latest.await;
                let latest =
                    latest.map_err(|error| trouble(request, "read the templates", error))?;
                latest.map(|(_, templates)| templates).unwrap_or_default()
            }
        };
        let brand = wish.brand.as_deref();
        if brand.is_some_and(|id| templates.brand(id).is_none()) {
            let mut faults = Faults::new(request.locale());
            let (zh_cn, en) = (
                "没有这个品牌：请使用模板文件中某个品牌的 id。",
                "There is no such brand: use the id of one in the templates.",
            );
            let message = request.locale().choose(zh_cn, en);
            faults.add(&mut Lines::new(text), "/brand", "unknown-value", message);
            return Err(faults.refuse(request).into());
        }
        Ok(Self {
            wish,
            templates,
            day: request.at.to_zoned(jiff::tz::TimeZone::UTC).date(),
            status_url: format!("{}/v1/receipts/{}", desk.public_url, receipt::SAMPLE),
        })
    }

    /// The language of the letter.
    pub(crate) const fn language(&self) -> Language {
        self.wish.language
    }

    /// What it is to go by.
    pub(crate) const fn medium(&self) -> Medium {
        self.wish.medium
    }

    /// Who is to get it, if that was said.
    pub(crate) fn to(&self) -> Option<&str> {
        self.wish.to.as_deref()
    }

    /// The brand that writes.
    pub(crate) fn brand(&self) -> Option<&Brand> {
        match &self.wish.brand {
            None => self.templates.brand_for_all(),
            Some(id) => self.templates.brand(id),
        }
    }

    /// Subject, plain text and page of the letter.
    pub(crate) fn letter(&self) -> (String, String, String) {
        let (occasion, language) = (self.wish.occasion, self.wish.language);
        let letter = Letter {
            occasion,
            language,
            wording: &self.templates.wording(occasion, language),
            brand: self.brand().map(|brand| letter::Brand::of(brand, language)),
            name: Some(language.choose("李雷", "陳美玲", "Kim Lee")),
            reference: REFERENCE,
            day: self.day,
            words: sample(occasion, language),
            status_url: &self.status_url,
            seq: 1,
        };
        (letter.subject(), letter.text(), letter.html())
    }

    /// The text message in a language.
    pub(crate) fn sms(&self, language: Language) -> String {
        let values = Values {
            reference: REFERENCE,
            day: self.day,
            brand: self.brand().map_or("", |brand| brand.name.get(language)),
            link: &self.status_url,
        };
        let wording = self.templates.sms(self.wish.occasion, language);
        wording.render(&values, language)
    }

    fn shown(&self) -> Value {
        let (occasion, language) = (self.wish.occasion, self.wish.language);
        let brand = self.brand();
        let sms = Language::ALL.map(|language| {
            let shown = measured(&self.sms(language));
            (language.tag().to_owned(), Value::Object(shown))
        });
        let (subject, text, html) = self.letter();
        json!({
            "occasion": occasion,
            "language": language,
            "brand": brand.map(|brand| &brand.id),
            "sender": brand.map(|brand| brand.name.get(language)),
            "from": brand.and_then(|brand| brand.from.as_ref()),
            "reply_to": brand.and_then(|brand| brand.reply_to.as_ref()),
            "subject": subject,
            "text": text,
            "html": html,
            "sms": Value::Object(sms.into_iter().collect()),
        })
    }
}

/// A text message and its length.
pub(crate) fn measured(text: &str) -> Map<String, Value> {
    let size = size(text);
    [
        ("text", json!(text)),
        ("encoding", json!(size.encoding.name())),
        ("units", json!(size.units)),
        ("parts", json!(size.parts)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

impl Wish {
    fn read(
        desk: &Desk<'_>,
        text: &str,
        value: &Value,
        besides: &[&str],
    ) -> Result<Self, Rejection> {
        let request = desk.request;
        let locale = request.locale();
        let (mut faults, mut lines) = (Faults::new(locale), Lines::new(text));
        let none = Map::new();
        let members = value.as_object().unwrap_or_else(|| {
            let message = locale.choose("须为对象。", "An object is expected.");
            faults.add(&mut lines, "", "not-an-object", message);
            &none
        });
        for name in members.keys() {
            let known = ["occasion", "language", "brand", "document"];
            if !known.iter().chain(besides).any(|known| known == name) {
                let message = locale.choose(
                    "没有这个字段：请检查拼写，或去掉。",
                    "There is no such member: check its spelling, or leave it out.",
                );
                let at = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                faults.add(&mut lines, &at, "unknown-field", message);
            }
        }
        let named = |name: &str| members.get(name).and_then(Value::as_str);
        let occasion = named("occasion").and_then(Occasion::from_name);
        let language = named("language").and_then(Language::from_tag);
        let choices = [
            (
                "/occasion",
                occasion.is_none(),
                Occasion::ALL.map(Occasion::name).join(", "),
            ),
            (
                "/language",
                language.is_none(),
                Language::ALL.map(Language::tag).join(", "),
            ),
        ];
        for (at, is_missing, choices) in choices {
            if is_missing {
                let zh_cn = format!("必填：可用的值为 {choices}。");
                let en = format!("It is required: use one of {choices}.");
                faults.add(&mut lines, at, "unknown-value", locale.choose(&zh_cn, &en));
            }
        }
        let brand = members.get("brand").filter(|brand| !brand.is_null());
        if brand.is_some_and(|brand| !brand.is_string()) {
            let message = locale.choose("须为品牌的 id。", "The id of a brand is expected.");
            faults.add(&mut lines, "/brand", "unknown-value", message);
        }
        let medium = match members.get("medium").filter(|medium| !medium.is_null()) {
            None => Some(Medium::Email),
            Some(named) => Medium::ALL
                .into_iter()
                .find(|medium| named == medium.name()),
        };
        if medium.is_none() {
            let choices = Medium::ALL.map(Medium::name).join(", ");
            let zh_cn = format!("可用的值为 {choices}；不填即为 email。");
            let en = format!("Use one of {choices}; left out, it is email.");
            let message = locale.choose(&zh_cn, &en);
            faults.add(&mut lines, "/medium", "unknown-value", message);
        }
        let to = members.get("to").filter(|to| !to.is_null());
        if to.is_some_and(|to| !to.is_string()) {
            let message = locale.choose(
                "须为邮箱地址，短信则为手机号。",
                "An address is expected, or the number for a text message.",
            );
            faults.add(&mut lines, "/to", "unknown-value", message);
        }
        match (occasion, language, medium) {
            (Some(occasion), Some(language), Some(medium)) if faults.none() => Ok(Self {
                occasion,
                language,
                medium,
                brand: brand.and_then(Value::as_str).map(str::to_owned),
                to: to.and_then(Value::as_str).map(str::to_owned),
                document: members.get("document").filter(|d| !d.is_null()).cloned(),
            }),
            _ => Err(faults.refuse(request).into()),
        }
    }
}

/// Words that staff could have written. They show what a preview is for: lines, and characters that mean something in HTML.
const fn sample(occasion: Occasion, language: Language) -> &'static str {
    match occasion {
        Occasion::Reply => language.choose(
            "您好，我们已收到您的反馈。\n正在与物流核对，明天 18:00 前答复您。",
            "您好，我們已收到您的意見。\n正在與物流核對，明天 18:00 前回覆您。",
            "Thank you for writing.\nWe are asking the carrier & will tell you by 18:00 tomorrow.",
        ),
        Occasion::Question => language.choose(
            "请问您使用的版本号是多少？\n（设置 > 关于）",
            "請問您使用的版本號是多少？\n（設定 > 關於）",
            "Which version do you use?\n(Settings > About)",
        ),
        Occasion::Resolved => language.choose(
            "2.4 版已修复该问题，请更新后再试。\n更新方法：设置 > 关于 > 检查更新",
            "2.4 版已修正該問題，請更新後再試。\n更新方法：設定 > 關於 > 檢查更新",
            "Version 2.4 fixes it.\nUpdate under Settings > About & try again.",
        ),
        Occasion::Declined => language.choose(
            "该型号已停产，配件也无法再提供，因此我们无法维修。\n您可以凭订单以旧换新。",
            "該型號已停產，零件也無法再提供，因此我們無法維修。\n您可以憑訂單舊換新。",
            "This model is not made any more and there are no parts, so we cannot repair it.\nWith your order number you can exchange it.",
        ),
    }
}
