//! Who is told, by which sinks, in which language and when not: a document that a company publishes.
//!
//! ```json
//! {"audiences": {"team_lead": {
//!   "locale": "zh-CN",
//!   "time_zone": "Asia/Shanghai",
//!   "quiet_hours": {"from": "22:00", "to": "08:00"},
//!   "sinks": [
//!     {"name": "mail", "kind": "email", "to": "Lead <lead@example.com>"},
//!     {"name": "ops", "kind": "slack", "url": "https://hooks.slack.com/services/..."},
//!     {"name": "wecom", "kind": "wecom", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=..."},
//!     {"name": "ding", "kind": "dingtalk", "url": "https://oapi.dingtalk.com/robot/send?access_token=...", "secret": "SEC..."},
//!     {"name": "feishu", "kind": "feishu", "url": "https://open.feishu.cn/open-apis/bot/v2/hook/...", "secret": "..."},
//!     {"name": "desk", "kind": "webhook", "url": "https://desk.example.com/hook", "secrets": ["whsec_..."]}
//!   ]}}}
//! ```
//!
//! It is read whole: every fault is reported with the pointer of the field, and a field nobody knows is one. Its addresses
//! and secrets are shown as where they go and a fingerprint ([`Recipients::shown`]); what is sent back so is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use resound_domain::calendar;
use resound_domain::locale::Locale;
use resound_domain::policy::Audience;
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::outbound::{InvalidTarget, Reach, Target};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::standard;

/// The most sinks of an audience.
pub const SINKS: usize = 10;
/// The most secrets of a webhook: the next, the present and the last.
pub const SECRETS: usize = 3;

/// A secret as it was written. Its `Debug` form is hidden.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Hidden.
impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// One way to tell an audience.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Its name among the sinks of its audience, under which a ledger keeps what came of it: 1 to 40 lower-case letters,
    /// digits and hyphens. It stays while the address or the secrets change.
    pub name: String,
    /// What it is.
    pub kind: SinkKind,
}

/// What a sink is, and what it takes to reach it. Names are persisted and published: append only.
#[derive(Debug, Clone)]
pub enum SinkKind {
    /// A letter.
    Email {
        /// Who gets it.
        to: Mailbox,
    },
    /// An incoming webhook of Slack.
    Slack {
        /// Its address, which is its secret.
        url: Target,
    },
    /// The robot of a group in WeCom.
    Wecom {
        /// Its address, which is its secret.
        url: Target,
    },
    /// The custom robot of a group in DingTalk, signed.
    Dingtalk {
        /// Its address.
        url: Target,
        /// What it is signed with: `SEC` and more.
        secret: SecretText,
    },
    /// The custom robot of a group in Feishu or Lark, signed.
    Feishu {
        /// Its address.
        url: Target,
        /// What it is signed with.
        secret: SecretText,
    },
    /// A system of one's own, by Standard Webhooks.
    Webhook {
        /// Its address.
        url: Target,
        /// What it is signed with, at least one: all of them at once, so that the receiver can change.
        secrets: Vec<standard::Secret>,
    },
}

impl SinkKind {
    /// The persisted and published name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email",
            Self::Slack { .. } => "slack",
            Self::Wecom { .. } => "wecom",
            Self::Dingtalk { .. } => "dingtalk",
            Self::Feishu { .. } => "feishu",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// Hours in which what can wait does, by the recipient's clock. They may run past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    to: Time,
}

impl QuietHours {
    /// From one time of day until another; `None` if they are the same.
    pub fn new(from: Time, to: Time) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }

    /// When the quiet hours end that `at` is within; `None` if it is not. They begin at `from` and are over at `to`. An
    /// end that the clock skips is where the clock goes on, and of one that comes twice it is the first.
    pub fn until(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = at.to_zoned(zone.clone());
        let (date, time) = (local.date(), local.time());
        let overnight = self.to < self.from;
        let ends = match overnight {
            false if self.from <= time && time < self.to => date,
            true if time < self.to => date,
            true if self.from <= time => date.checked_add(1.day()).ok()?,
            _ => return None,
        };
        let end = zone.to_timestamp(ends.to_datetime(self.to)).ok()?;
        // Where the clock was turned back over the end, the first of both may have passed.
        (at < end).then_some(end)
    }
}

/// Somebody who is told.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The language they are written in.
    pub locale: Locale,
    /// The zone of their dates and quiet hours.
    pub zone: TimeZone,
    /// When they are left alone, if ever.
    pub quiet: Option<QuietHours>,
    /// How they are told: at least one way.
    pub sinks: Vec<Sink>,
}

/// The recipients of every audience that has some.
#[derive(Debug, Clone, Default)]
pub struct Recipients(BTreeMap<Audience, Recipient>);

/// Something wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which field: a JSON pointer (RFC 6901), such as `/audiences/owner/sinks/0/url`.
    pub path: String,
    /// What is wrong with it.
    pub what: What,
}

/// What is wrong with a field. It never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the texts below say it")]
pub enum What {
    Unknown,
    Missing,
    Object,
    List,
    Text,
    Empty,
    TooMany,
    Audience,
    Locale,
    Zone,
    Time,
    SameTime,
    Name,
    Duplicate,
    Kind,
    Mailbox,
    Target(InvalidTarget),
    Provider(&'static str),
    Secret,
    WebhookSecret,
    NothingToKeep,
}

impl What {
    /// The published name: append only.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown-field",
            Self::Missing => "required",
            Self::Object => "not-an-object",
            Self::List => "not-a-list",
            Self::Text => "not-a-string",
            Self::Empty => "empty",
            Self::TooMany => "too-many",
            Self::Audience | Self::Locale | Self::Kind => "unknown-value",
            Self::Zone => "unknown-zone",
            Self::Time => "not-a-time",
            Self::SameTime => "same-time",
            Self::Name => "invalid-name",
            Self::Duplicate => "repeated",
            Self::Mailbox => "invalid-mailbox",
            Self::Target(InvalidTarget::Malformed) => "invalid-address",
            Self::Target(InvalidTarget::Scheme) => "not-https",
            Self::Target(InvalidTarget::UserInfo) => "user-name",
            Self::Target(InvalidTarget::NotPublic) => "not-public",
            Self::Target(InvalidTarget::Port) => "invalid-port",
            Self::Provider(_) => "other-provider",
            Self::Secret | Self::WebhookSecret => "invalid-secret",
            Self::NothingToKeep => "nothing-to-keep",
        }
    }

    /// In words.
    pub fn text(self, locale: Locale) -> String {
        let (zh, en) = match self {
            Self::Unknown => ("未知字段", "no such field"),
            Self::Missing => ("缺少此字段", "is missing"),
            Self::Object => ("应为对象", "an object is expected"),
            Self::List => ("应为列表", "a list is expected"),
            Self::Text => ("应为文本", "a text is expected"),
            Self::Empty => ("不能为空", "must not be empty"),
            Self::TooMany => ("数量过多", "too many"),
            Self::Audience => (
                "未知受众：应为 owner、team_lead、manager 或 executive",
                "no such audience: `owner`, `team_lead`, `manager` or `executive` is expected",
            ),
            Self::Locale => ("应为 `zh-CN` 或 `en`", "`zh-CN` or `en` is expected"),
            Self::Zone => ("不是 IANA 时区", "not an IANA time zone"),
            Self::Time => (
                "应为 24 小时制时间，例如 `22:00`",
                "a time of day such as `22:00` is expected",
            ),
            Self::SameTime => ("开始与结束时间相同", "begins and ends at the same time"),
            Self::Name => (
                "应为 1 至 40 个小写字母、数字或连字符",
                "1 to 40 lower-case letters, digits and hyphens are expected",
            ),
            Self::Duplicate => (
                "同一受众下名称重复",
                "another sink of the audience has this name",
            ),
            Self::Kind => (
                "应为 email、slack、wecom、dingtalk、feishu 或 webhook",
                "`email`, `slack`, `wecom`, `dingtalk`, `feishu` or `webhook` is expected",
            ),
            Self::Mailbox => (
                "不是邮箱地址，例如 `me@example.com`",
                "not a mailbox such as `me@example.com`",
            ),
            Self::Target(InvalidTarget::Malformed) => ("不是有效地址", "not an address"),
            Self::Target(InvalidTarget::Scheme) => ("地址应使用 https", "the scheme is not https"),
            Self::Target(InvalidTarget::UserInfo) => {
                ("地址不能包含用户名", "the address has a user name")
            }
            Self::Target(InvalidTarget::NotPublic) => ("不是公网地址", "the address is not public"),
            Self::Target(InvalidTarget::Port) => (
                "端口应为 443 或大于 1023",
                "the port is neither 443 nor above 1023",
            ),
            Self::Provider(example) => {
                return match locale {
                    Locale::ZhCn => format!("不是该服务的机器人地址，应形如 `{example}`"),
                    Locale::En => {
                        format!("not an address of this provider: `{example}` is expected")
                    }
                };
            }
            Self::Secret => (
                "应为 1 至 256 个可见 ASCII 字符",
                "1 to 256 visible ASCII characters are expected",
            ),
            Self::WebhookSecret => (
                "应为 `whsec_` 加 base64 编码的 24 至 64 字节",
                "`whsec_` and 24 to 64 bytes in base64 are expected",
            ),
            Self::NothingToKeep => (
                "此为隐藏显示的值，但没有可保留的原值",
                "this is how a value is shown, and there is none to keep",
            ),
        };
        locale.choose(zh, en).to_owned()
    }
}

/// Everything that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            let text = fault.what.text(Locale::En);
            write!(f, "{separator}{}: {text}", fault.path)?;
        }
        Ok(())
    }
}

impl Recipients {
    /// Reads a document. `former` is the version before it, from which values are taken that are sent as they were
    /// shown. Addresses are judged as far as `reach` allows; of a provider, its own hosts only, unless that is anywhere.
    ///
    /// # Errors
    /// [`Faults`]: all of them.
    pub fn read(document: &Value, reach: Reach, former: Option<&Self>) -> Result<Self, Faults> {
        let mut reader = Reader {
            reach,
            faults: Vec::new(),
        };
        let recipients = reader.recipients(document, former);
        match recipients {
            Some(recipients) if reader.faults.is_empty() => Ok(recipients),
            _ => Err(Faults(reader.faults)),
        }
    }

    /// Who is told when an audience is to be: they themselves, or who stands in for them. That is the nearest below who
    /// is told at all, and where there is none the nearest above: an alert for the wrong person beats one for nobody.
    pub fn find(&self, audience: Audience) -> Option<(Audience, &Recipient)> {
        let below = self.0.range(..=audience).next_back();
        let above = || self.0.range(audience..).next();
        below
            .or_else(above)
            .map(|(audience, recipient)| (*audience, recipient))
    }

    /// Every audience that has recipients, the nearest first.
    pub fn iter(&self) -> impl Iterator<Item = (Audience, &Recipient)> {
        self.0
            .iter()
            .map(|(audience, recipient)| (*audience, recipient))
    }

    /// The document as it is kept, secrets and all. [`Self::read`] reads it back.
    pub fn document(&self) -> Value {
        self.written(|text| text.to_owned(), |url| url.to_string())
    }

    /// The document as people are shown it: of each address where it goes, and of each secret a fingerprint.
    pub fn shown(&self) -> Value {
        self.written(shown_secret, shown_url)
    }

    fn written(&self, secret: fn(&str) -> String, url: fn(&Target) -> String) -> Value {
        let sink = |sink: &Sink| {
            let mut fields = vec![
                ("name", json!(sink.name)),
                ("kind", json!(sink.kind.name())),
            ];
            if let SinkKind::Email { to } = &sink.kind {
                fields.push(("to", json!(to.to_string())));
            }
            if let Some(target) = sink.kind.url() {
                fields.push(("url", json!(url(target))));
            }
            let secrets: Vec<String> = sink.kind.secrets().into_iter().map(secret).collect();
            match (&sink.kind, secrets.first()) {
                (SinkKind::Webhook { .. }, _) => fields.push(("secrets", json!(secrets))),
                (_, Some(secret)) => fields.push(("secret", json!(secret))),
                (_, None) => {}
            }
            object(fields)
        };
        let recipient = |recipient: &Recipient| {
            let mut fields = vec![
                ("locale", json!(recipient.locale)),
                ("time_zone", json!(recipient.zone.iana_name())),
                ("sinks", recipient.sinks.iter().map(sink).collect()),
            ];
            if let Some(QuietHours { from, to }) = recipient.quiet {
                let time = |time: Time| time.strftime("%H:%M").to_string();
                fields.push(("quiet_hours", json!({"from": time(from), "to": time(to)})));
            }
            object(fields)
        };
        let audiences = self.0.iter();
        let audiences: Map<String, Value> = audiences
            .map(|(audience, told)| (audience_name(*audience), recipient(told)))
            .collect();
        json!({"audiences": audiences})
    }
}

fn object(fields: Vec<(&str, Value)>) -> Value {
    let fields = fields.into_iter();
    Value::Object(
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// The name that the audience is persisted by everywhere.
fn audience_name(audience: Audience) -> String {
    match serde_json::to_value(audience) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

/// Enough to tell secrets apart, and nothing to guess one from.
fn fingerprint(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    let first = hash.as_ref().iter().take(4);
    first.map(|byte| format!("{byte:02x}")).collect()
}

fn shown_secret(text: &str) -> String {
    format!("…{}", fingerprint(text))
}

fn shown_url(url: &Target) -> String {
    let text = url.to_string();
    let scheme = text.split("://").next().unwrap_or_default();
    format!("{scheme}://{}/…{}", url.host(), fingerprint(&text))
}

/// What a robot's address begins with, by its provider: hosts, path, and the parameter that has the token.
struct Provider {
    hosts: &'static [&'static str],
    path: &'static str,
    token: Option<&'static str>,
    example: &'static str,
}

const SLACK: Provider = Provider {
    hosts: &["hooks.slack.com", "hooks.slack-gov.com"],
    path: "/services/",
    token: None,
    example: "https://hooks.slack.com/services/...",
};
const WECOM: Provider = Provider {
    hosts: &["qyapi.weixin.qq.com"],
    path: "/cgi-bin/webhook/send",
    token: Some("key"),
    example: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=...",
};
const DINGTALK: Provider = Provider {
    hosts: &["oapi.dingtalk.com"],
    path: "/robot/send",
    token: Some("access_token"),
    example: "https://oapi.dingtalk.com/robot/send?access_token=...",
};
const FEISHU: Provider = Provider {
    hosts: &["open.feishu.cn", "open.larksuite.com"],
    path: "/open-apis/bot/v2/hook/",
    token: None,
    example: "https://open.feishu.cn/open-apis/bot/v2/hook/...",
};

impl Provider {
    fn is_of(&self, url: &Target) -> bool {
        let host = self
            .hosts
            .iter()
            .any(|host| url.host().eq_ignore_ascii_case(host));
        let path = match self.token {
            Some(token) => {
                url.path() == self.path && url.query_values(token).any(|token| !token.is_empty())
            }
            None => url
                .path()
                .strip_prefix(self.path)
                .is_some_and(|rest| !rest.is_empty()),
        };
        // Ours to add.
        let signed = ["timestamp", "sign"]
            .iter()
            .any(|name| url.query_values(name).next().is_some());
        host && path && !signed
    }
}

/// Reads on after a fault, to find the others.
struct Reader {
    reach: Reach,
    faults: Vec<Fault>,
}

impl Reader {
    fn fault<T>(&mut self, path: impl Into<String>, what: What) -> Option<T> {
        let path = path.into();
        self.faults.push(Fault { path, what });
        None
    }

    /// An object with no other fields than these.
    fn object<'a>(
        &mut self,
        value: &'a Value,
        path: &str,
        known: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(object) = value.as_object() else {
            return self.fault(path, What::Object);
        };
        for name in object.keys() {
            if !known.contains(&name.as_str()) {
                self.fault::<()>(join(path, name), What::Unknown);
            }
        }
        Some(object)
    }

    fn required<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        path: &str,
        name: &str,
    ) -> Option<&'a Value> {
        match object.get(name) {
            Some(value) => Some(value),
            None => self.fault(join(path, name), What::Missing),
        }
    }

    fn text<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        path: &str,
        name: &str,
    ) -> Option<&'a str> {
        let value = self.required(object, path, name)?;
        match value.as_str() {
            Some(text) => Some(text),
            None => self.fault(join(path, name), What::Text),
        }
    }

    fn list<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        path: &str,
        name: &str,
        most: usize,
    ) -> Option<&'a [Value]> {
        let value = self.required(object, path, name)?;
        let path = join(path, name);
        match value.as_array() {
            None => self.fault(path, What::List),
            Some(list) if list.is_empty() => self.fault(path, What::Empty),
            Some(list) if list.len() > most => self.fault(path, What::TooMany),
            Some(list) => Some(list),
        }
    }

    fn recipients(&mut self, document: &Value, former: Option<&Recipients>) -> Option<Recipients> {
        if !document.is_object() {
            return self.fault("", What::Object);
        }
        let document = self.object(document, "", &["audiences"])?;
        let audiences = self.required(document, "", "audiences")?;
        let Some(audiences) = audiences.as_object() else {
            return self.fault("/audiences", What::Object);
        };
        let mut recipients = BTreeMap::new();
        for (name, value) in audiences {
            let path = join("/audiences", name);
            let Ok(audience) = serde_json::from_value::<Audience>(name.as_str().into()) else {
                self.fault::<()>(path, What::Audience);
                continue;
            };
            let former = former.and_then(|former| former.0.get(&audience));
            if let Some(recipient) = self.recipient(value, &path, former) {
                recipients.insert(audience, recipient);
            }
        }
        Some(Recipients(recipients))
    }

    fn recipient(
        &mut self,
        value: &Value,
        path: &str,
        former: Option<&Recipient>,
    ) -> Option<Recipient> {
        let known = ["locale", "time_zone", "quiet_hours", "sinks"];
        let object = self.object(value, path, &known)?;
        let locale = self.text(object, path, "locale").and_then(|tag| match tag {
            "zh-CN" => Some(Locale::ZhCn),
            "en" => Some(Locale::En),
            _ => self.fault(join(path, "locale"), What::Locale),
        });
        let zone =
            self.text(object, path, "time_zone")
                .and_then(|name| match calendar::zone(name) {
                    Some(zone) => Some(zone),
                    None => self.fault(join(path, "time_zone"), What::Zone),
                });
        let quiet = match object.get("quiet_hours") {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.quiet(value, &join(path, "quiet_hours")).map(Some),
        };
        let sinks = self.list(object, path, "sinks", SINKS).map(|list| {
            let mut names = BTreeSet::new();
            let mut sinks = Vec::new();
            for (n, value) in list.iter().enumerate() {
                let path = format!("{path}/sinks/{n}");
                if let Some(sink) = self.sink(value, &path, former) {
                    if !names.insert(sink.name.clone()) {
                        self.fault::<()>(join(&path, "name"), What::Duplicate);
                    }
                    sinks.push(sink);
                }
            }
            sinks
        });
        Some(Recipient {
            locale: locale?,
            zone: zone?,
            quiet: quiet?,
            sinks: sinks?,
        })
    }

    fn quiet(&mut self, value: &Value, path: &str) -> Option<QuietHours> {
        let object = self.object(value, path, &["from", "to"])?;
        let mut time = |name: &str| {
            let text = self.text(object, path, name)?;
            match Time::strptime("%H:%M", text) {
                Ok(time) if text.len() == 5 => Some(time),
                _ => self.fault(join(path, name), What::Time),
            }
        };
        let (from, to) = (time("from"), time("to"));
        match QuietHours::new(from?, to?) {
            Some(quiet) => Some(quiet),
            None => self.fault(path, What::SameTime),
        }
    }

    fn sink(&mut self, value: &Value, path: &str, former: Option<&Recipient>) -> Option<Sink> {
        let kind = value.as_object().and_then(|object| object.get("kind"));
        let known: &[&str] = match kind.and_then(Value::as_str) {
            Some("email") => &["name", "kind", "to"],
            Some("slack" | "wecom") => &["name", "kind", "url"],
            Some("dingtalk" | "feishu") => &["name", "kind", "url", "secret"],
            Some("webhook") => &["name", "kind", "url", "secrets"],
            _ => &["name", "kind", "to", "url", "secret", "secrets"],
        };
        let object = self.object(value, path, known)?;
        let name = self.text(object, path, "name").and_then(|name| {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            match (1..=40).contains(&name.len()) && name.bytes().all(allowed) {
                true => Some(name.to_owned()),
                false => self.fault(join(path, "name"), What::Name),
            }
        });
        let former = former.and_then(|former| {
            let mut sinks = former.sinks.iter();
            sinks.find(|sink| Some(&sink.name) == name.as_ref())
        });
        let former = former.map(|sink| &sink.kind);
        let kind = match self.text(object, path, "kind")? {
            "email" => self
                .text(object, path, "to")
                .and_then(|to| match to.parse() {
                    Ok(to) => Some(SinkKind::Email { to }),
                    Err(_) => self.fault(join(path, "to"), What::Mailbox),
                }),
            "slack" => self
                .url(object, path, former, Some(&SLACK))
                .map(|url| SinkKind::Slack { url }),
            "wecom" => self
                .url(object, path, former, Some(&WECOM))
                .map(|url| SinkKind::Wecom { url }),
            "dingtalk" => {
                let url = self.url(object, path, former, Some(&DINGTALK));
                let secret = self.secret(object, path, former);
                url.zip(secret)
                    .map(|(url, secret)| SinkKind::Dingtalk { url, secret })
            }
            "feishu" => {
                let url = self.url(object, path, former, Some(&FEISHU));
                let secret = self.secret(object, path, former);
                url.zip(secret)
                    .map(|(url, secret)| SinkKind::Feishu { url, secret })
            }
            "webhook" => {
                let url = self.url(object, path, former, None);
                let secrets = self.secrets(object, path, former);
                url.zip(secrets)
                    .map(|(url, secrets)| SinkKind::Webhook { url, secrets })
            }
            _ => self.fault(join(path, "kind"), What::Kind),
        };
        Some(Sink {
            name: name?,
            kind: kind?,
        })
    }

    fn url(
        &mut self,
        object: &Map<String, Value>,
        path: &str,
        former: Option<&SinkKind>,
        provider: Option<&Provider>,
    ) -> Option<Target> {
        let text = self.text(object, path, "url")?;
        let path = join(path, "url");
        let kept = former
            .and_then(|kind| kind.url())
            .filter(|url| shown_url(url) == text);
        let text = match kept {
            Some(url) => url.to_string(),
            None if text.contains('…') => return self.fault(path, What::NothingToKeep),
            None => text.to_owned(),
        };
        // A kept one is judged as well: another kind of sink may have had it, or a longer reach.
        let url = match Target::new(&text, self.reach) {
            Ok(url) => url,
            Err(error) => return self.fault(path, What::Target(error)),
        };
        match provider {
            Some(provider) if self.reach == Reach::Public && !provider.is_of(&url) => {
                self.fault(path, What::Provider(provider.example))
            }
            _ => Some(url),
        }
    }

    fn secret(
        &mut self,
        object: &Map<String, Value>,
        path: &str,
        former: Option<&SinkKind>,
    ) -> Option<SecretText> {
        let text = self.text(object, path, "secret")?;
        let path = join(path, "secret");
        let text = self.kept(text, &path, former)?;
        match (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            true => Some(SecretText(text)),
            false => self.fault(path, What::Secret),
        }
    }

    fn secrets(
        &mut self,
        object: &Map<String, Value>,
        path: &str,
        former: Option<&SinkKind>,
    ) -> Option<Vec<standard::Secret>> {
        let list = self.list(object, path, "secrets", SECRETS)?;
        let read = list.iter().enumerate().map(|(n, value)| {
            let path = format!("{path}/secrets/{n}");
            let Some(text) = value.as_str() else {
                return self.fault(path, What::Text);
            };
            let text = self.kept(text, &path, former)?;
            match text.parse() {
                Ok(secret) => Some(secret),
                Err(_) => self.fault(path, What::WebhookSecret),
            }
        });
        // All of them first: each may have a fault of its own.
        read.collect::<Vec<_>>().into_iter().collect()
    }

    /// The text, or the secret of the former sink that is shown so.
    fn kept(&mut self, text: &str, path: &str, former: Option<&SinkKind>) -> Option<String> {
        let mut secrets = former
            .map(SinkKind::secrets)
            .unwrap_or_default()
            .into_iter();
        match secrets.find(|secret| shown_secret(secret) == text) {
            Some(secret) => Some(secret.to_owned()),
            None if text.starts_with('…') => self.fault(path, What::NothingToKeep),
            None => Some(text.to_owned()),
        }
    }
}

impl SinkKind {
    fn url(&self) -> Option<&Target> {
        match self {
            Self::Email { .. } => None,
            Self::Slack { url }
            | Self::Wecom { url }
            | Self::Dingtalk { url, .. }
            | Self::Feishu { url, .. }
            | Self::Webhook { url, .. } => Some(url),
        }
    }

    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Email { .. } | Self::Slack { .. } | Self::Wecom { .. } => Vec::new(),
            Self::Dingtalk { secret, .. } | Self::Feishu { secret, .. } => vec![secret.reveal()],
            Self::Webhook { secrets, .. } => secrets
                .iter()
                .map(|secret| secret.text().reveal())
                .collect(),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    format!("{path}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Value {
        json!({"audiences": {
            "team_lead": {
                "locale": "zh-CN",
                "time_zone": "Asia/Shanghai",
                "quiet_hours": {"from": "22:00", "to": "08:00"},
                "sinks": [
                    {"name": "mail", "kind": "email", "to": "Lead <lead@example.test>"},
                    {"name": "ops", "kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/xyzzy"},
                    {"name": "wecom", "kind": "wecom", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=xyzzy"},
                    {"name": "ding", "kind": "dingtalk", "url": "https://oapi.dingtalk.com/robot/send?access_token=xyzzy", "secret": "SECxyzzy"},
                    {"name": "feishu", "kind": "feishu", "url": "https://open.feishu.cn/open-apis/bot/v2/hook/xyzzy", "secret": "xyzzy"},
                    {"name": "desk", "kind": "webhook", "url": "https://desk.example.test/hook/xyzzy", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]},
                ],
            },
            "executive": {
                "locale": "en",
                "time_zone": "Europe/Berlin",
                "sinks": [{"name": "mail", "kind": "email", "to": "boss@example.test"}],
            },
        }})
    }

    fn read(document: &Value) -> Result<Recipients, Faults> {
        Recipients::read(document, Reach::Public, None)
    }

    #[test]
    fn a_document_is_read_as_it_is_kept() {
        let recipients = read(&whole()).unwrap();
        assert_eq!(recipients.document(), whole());
        assert_eq!(read(&json!({"audiences": {}})).unwrap().iter().count(), 0);
        let audiences: Vec<_> = recipients.iter().map(|(audience, _)| audience).collect();
        assert_eq!(audiences, [Audience::TeamLead, Audience::Executive]);
    }

    #[test]
    fn nothing_shown_is_a_secret_and_what_was_shown_is_kept() {
        let recipients = read(&whole()).unwrap();
        let shown = recipients.shown();
        for text in [shown.to_string(), format!("{recipients:?}")] {
            for secret in ["xyzzy", "whsec_", "MfKQ9r8GKYqr"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        insta::assert_json_snapshot!("shown", shown);
        let again = Recipients::read(&shown, Reach::Public, Some(&recipients)).unwrap();
        assert_eq!(again.document(), whole());

        // A new secret is put before the old ones.
        let mut rotated = shown.clone();
        let secrets = &mut rotated["audiences"]["team_lead"]["sinks"][5]["secrets"];
        let new = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
        *secrets = json!([new, secrets[0]]);
        let again = Recipients::read(&rotated, Reach::Public, Some(&recipients)).unwrap();
        assert_eq!(
            again.document()["audiences"]["team_lead"]["sinks"][5]["secrets"],
            json!([new, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
        );

        let faults = read(&shown).unwrap_err().0;
        assert!(faults.iter().all(|fault| fault.what == What::NothingToKeep));
        assert_eq!(faults.len(), 9, "each address and each secret: {faults:?}");
        // What another sink has is not this one's to keep.
        let mut moved = shown.clone();
        moved["audiences"]["team_lead"]["sinks"][1]["name"] = "elsewhere".into();
        let faults = Recipients::read(&moved, Reach::Public, Some(&recipients)).unwrap_err();
        assert_eq!(faults.0.len(), 1);
    }

    #[test]
    fn every_fault_has_its_path() {
        let faults = read(&json!({"extra": 1, "audiences": {
            "everybody": {},
            "owner": 7,
            "manager": {
                "locale": "fr",
                "time_zone": "Mars/Olympus",
                "quiet_hours": {"from": "25:00", "to": "8:00", "days": []},
                "sinks": [],
                "colour": "red",
            },
            "executive": {
                "quiet_hours": {"from": "08:00", "to": "08:00"},
                "time_zone": 8,
                "sinks": [
                    {"name": "A b", "kind": "email", "to": "nobody", "url": "https://example.com"},
                    {"name": "a", "kind": "slack", "url": "https://hooks.slack.com.evil.example/services/x"},
                    {"name": "a", "kind": "wecom", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"},
                    {"name": "b", "kind": "dingtalk", "url": "http://oapi.dingtalk.com/robot/send?access_token=x"},
                    {"name": "c", "kind": "feishu", "url": "https://127.0.0.1/open-apis/bot/v2/hook/x", "secret": ""},
                    {"name": "d", "kind": "webhook", "url": "https://u@example.com/", "secrets": ["x", 1, "whsec_"]},
                    {"name": "e", "kind": "webhook", "url": "https://example.com:22/", "secrets": []},
                    {"name": "f", "kind": "fax"},
                    {"kind": "slack", "url": "https://hooks.slack.com/services/x#y"},
                    {"name": "g", "kind": "email", "to": "g@example.test"},
                    {"name": "g", "kind": "email", "to": "g@example.test"},
                ],
            },
        }}))
        .unwrap_err();
        // The list is one too long, and so not looked into.
        let mut text: Vec<_> = faults.to_string().split("; ").map(str::to_owned).collect();
        assert!(text.contains(&"/audiences/executive/sinks: too many".to_owned()));

        let mut fewer = json!({"audiences": {"executive": {"locale": "en", "time_zone": "UTC", "sinks": [
            {"name": "A b", "kind": "email", "to": "nobody", "url": "https://example.com"},
            {"name": "a", "kind": "slack", "url": "https://hooks.slack.com.evil.example/services/x"},
            {"name": "a", "kind": "wecom", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"},
            {"name": "b", "kind": "dingtalk", "url": "http://oapi.dingtalk.com/robot/send?access_token=x"},
            {"name": "c", "kind": "feishu", "url": "https://127.0.0.1/open-apis/bot/v2/hook/x", "secret": ""},
            {"name": "d", "kind": "webhook", "url": "https://u@example.com/", "secrets": ["x", 1, "whsec_"]},
            {"name": "e", "kind": "webhook", "url": "https://example.com:22/", "secrets": []},
            {"name": "f", "kind": "fax"},
            {"kind": "slack", "url": "https://hooks.slack.com/services/x#y"},
            {"name": "g", "kind": "dingtalk", "url": "https://oapi.dingtalk.com/robot/send?access_token=x&sign=y", "secret": "a b"},
        ]}}});
        text.extend(
            read(&fewer)
                .unwrap_err()
                .to_string()
                .split("; ")
                .map(str::to_owned),
        );
        fewer["audiences"]["executive"]["sinks"] = json!([
            {"name": "g", "kind": "email", "to": "g@example.test"},
            {"name": "g", "kind": "email", "to": "g@example.test"},
        ]);
        text.push(read(&fewer).unwrap_err().to_string());
        for odd in [json!(null), json!([]), json!({}), json!({"audiences": []})] {
            text.push(read(&odd).unwrap_err().to_string());
        }
        insta::assert_snapshot!("faults", text.join("\n"));
    }

    #[test]
    fn faults_are_told_in_both_languages() {
        for what in [
            What::Unknown,
            What::Audience,
            What::Provider("https://example.test"),
            What::Target(InvalidTarget::Port),
            What::NothingToKeep,
        ] {
            assert!(!what.text(Locale::ZhCn).is_ascii());
            assert!(what.text(Locale::En).is_ascii());
        }
    }

    #[test]
    fn on_ones_own_machine_a_robot_may_live_anywhere() {
        let document = json!({"audiences": {"owner": {"locale": "en", "time_zone": "UTC", "sinks": [
            {"name": "a", "kind": "slack", "url": "http://127.0.0.1:9/slack"},
        ]}}});
        assert!(read(&document).is_err());
        assert!(Recipients::read(&document, Reach::Anywhere, None).is_ok());
    }

    #[test]
    fn an_audience_without_recipients_is_stood_in_for() {
        let recipients = read(&whole()).unwrap();
        for (audience, found) in [
            (Audience::Owner, Audience::TeamLead),
            (Audience::TeamLead, Audience::TeamLead),
            (Audience::Manager, Audience::TeamLead),
            (Audience::Executive, Audience::Executive),
        ] {
            assert_eq!(recipients.find(audience).unwrap().0, found);
        }
        assert!(Recipients::default().find(Audience::Owner).is_none());
    }

    #[test]
    fn quiet_hours_end_on_the_recipients_clock() {
        let quiet = |from: &str, to: &str| {
            let time = |text: &str| Time::strptime("%H:%M", text).unwrap();
            QuietHours::new(time(from), time(to))
        };
        let shanghai = calendar::zone("Asia/Shanghai").unwrap();
        let berlin = calendar::zone("Europe/Berlin").unwrap();
        let night = quiet("22:00", "08:00").unwrap();
        let noon = quiet("12:00", "14:00").unwrap();
        let spring = quiet("23:00", "02:30").unwrap();
        for (hours, zone, at, expected) in [
            (night, &shanghai, "2026-11-21T13:59:59Z", None),
            (
                night,
                &shanghai,
                "2026-11-21T14:00:00Z",
                Some("2026-11-22T00:00:00Z"),
            ),
            (
                night,
                &shanghai,
                "2026-11-21T23:59:59Z",
                Some("2026-11-22T00:00:00Z"),
            ),
            (night, &shanghai, "2026-11-22T00:00:00Z", None),
            (
                noon,
                &shanghai,
                "2026-11-22T04:00:00Z",
                Some("2026-11-22T06:00:00Z"),
            ),
            (noon, &shanghai, "2026-11-22T06:00:00Z", None),
            // 02:30 does not exist on 29 March 2026: the clock goes from 02:00 to 03:00.
            (
                spring,
                &berlin,
                "2026-03-28T23:00:00Z",
                Some("2026-03-29T01:30:00Z"),
            ),
            (spring, &berlin, "2026-03-29T01:30:00Z", None),
            // 02:30 comes twice on 25 October 2026: quiet until the first.
            (
                spring,
                &berlin,
                "2026-10-25T00:29:59Z",
                Some("2026-10-25T00:30:00Z"),
            ),
            (spring, &berlin, "2026-10-25T00:30:00Z", None),
            (spring, &berlin, "2026-10-25T01:10:00Z", None),
        ] {
            let until = hours.until(at.parse().unwrap(), zone);
            assert_eq!(until.map(|t| t.to_string()).as_deref(), expected, "{at}");
        }
        assert_eq!(quiet("08:00", "08:00"), None);
    }
}
