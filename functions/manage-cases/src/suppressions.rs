//! The suppression list, by address: whether one is on it and why, and who put it there or took it off.
//!
//! Nobody lists it: it knows addresses by what stands for them only. The address comes in a body, as paths are logged, and goes
//! no further than this file.

use jiff::Timestamp;
use resound_domain::contact::{ByHand, Change, Purpose, Reason, Suppression};
use resound_domain::id::ContactId;
use resound_domain::issue::{BadWords, Note};
use resound_domain::phone::E164;
use resound_domain::submission::{Raw, RawFields};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::fields;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::problem::{FieldError, Kind};
use resound_lambda_kit::sms;
use resound_store::{Lifted, Store, Suppressed};
use serde_json::{Value, json};

use crate::handler::trouble;

/// Why nothing is sent to an address, and what staff did about that. Nothing is written.
pub(crate) async fn look_up(
    store: &Store,
    request: &HttpRequest,
) -> Result<HttpResponse, Rejection> {
    request.require(Scope::CasesManage)?;
    let fields = fields::json(request)?;
    let mut reader = Reader::of(request, &fields);
    let whom = reader.whom();
    let whom = reader.done(whom)?;
    shown(store, request, whom).await
}

/// Puts an address on the list in the name of the caller. One that staff have put there already stays as it is.
pub(crate) async fn list(store: &Store, request: &HttpRequest) -> Result<HttpResponse, Rejection> {
    let sub = &request.require(Scope::CasesManage)?.sub;
    let fields = fields::json(request)?;
    let mut reader = Reader::of(request, &fields);
    let (whom, why) = (reader.whom(), reader.why());
    let (whom, why) = reader.done(whom.zip(why))?;
    let hand = by_hand(sub, request.at, why);
    let listed = store.suppress_by_hand(whom.contact, &hand).await;
    match listed.map_err(|error| trouble(request, "put an address on the list", error))? {
        Suppressed::New => {
            tracing::info!(contact = %whom.contact, "nothing more is sent there");
        }
        Suppressed::Known | Suppressed::Lifted => {}
    }
    shown(store, request, whom).await
}

/// Lifts one reason in the name of the caller. One that does not stand is left alone.
pub(crate) async fn lift(store: &Store, request: &HttpRequest) -> Result<HttpResponse, Rejection> {
    let sub = &request.require(Scope::Admin)?.sub;
    let fields = fields::json(request)?;
    let mut reader = Reader::of(request, &fields);
    let (whom, reason, why) = (reader.whom(), reader.reason(), reader.why());
    let ((whom, reason), why) = reader.done(whom.zip(reason).zip(why))?;
    let hand = by_hand(sub, request.at, why);
    let lifted = store.lift(whom.contact, reason, &hand).await;
    match lifted.map_err(|error| trouble(request, "lift a reason", error))? {
        Lifted::Lifted => {
            tracing::info!(contact = %whom.contact, reason = reason.name(), "a reason is lifted");
        }
        Lifted::Nothing => {}
    }
    shown(store, request, whom).await
}

fn by_hand(sub: &str, at: Timestamp, why: Note) -> ByHand {
    let by = sub.to_owned();
    ByHand { at, by, why }
}

/// How an address is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    Email,
    Sms,
}

impl Medium {
    const ALL: [Self; 2] = [Self::Email, Self::Sms];

    const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// What stands for this address; `None` if it is none.
    fn contact(self, address: &str) -> Option<ContactId> {
        match self {
            Self::Email => Some(Mailbox::new(address).ok()?.contact()),
            Self::Sms => Some(sms::contact(&E164::read(address, None).ok()?)),
        }
    }
}

/// Whom a request is about.
#[derive(Debug, Clone, Copy)]
struct Whom {
    medium: Medium,
    contact: ContactId,
}

async fn shown(
    store: &Store,
    request: &HttpRequest,
    whom: Whom,
) -> Result<HttpResponse, Rejection> {
    let standing = store.suppressions(whom.contact).await;
    let mut standing = standing.map_err(|error| trouble(request, "read the list", error))?;
    let changes = store.suppression_changes(whom.contact).await;
    let mut changes = changes.map_err(|error| trouble(request, "read the trail", error))?;
    standing.sort_by_key(|entry| entry.reason);
    changes.sort_by_key(|change| change.hand.at);
    let body = json!({
        "medium": whom.medium.name(),
        "contact": whom.contact,
        "suppressions": standing.iter().map(reason).collect::<Vec<_>>(),
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
    });
    Ok(HttpResponse::json(200, &body)?.no_store())
}

fn reason(entry: &Suppression) -> Value {
    let stops = match entry.reason.stops(Purpose::Answer) {
        true => "everything",
        false => "outreach",
    };
    json!({
        "reason": entry.reason.name(),
        "since": entry.since,
        "source": entry.source,
        "stops": stops,
    })
}

fn change(change: &Change) -> Value {
    json!({
        "at": change.hand.at,
        "by": change.hand.by,
        "type": change.act,
        "reason": change.reason.name(),
        "why": change.hand.why,
    })
}

/// Reads a body, and collects everything that is wrong with it.
struct Reader<'a> {
    request: &'a HttpRequest,
    fields: &'a RawFields,
    faults: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    const fn of(request: &'a HttpRequest, fields: &'a RawFields) -> Self {
        Self {
            request,
            fields,
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, field: &'static str, code: &'static str, zh_cn: &str, en: &str) {
        self.faults.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            message: self.request.locale().choose(zh_cn, en).to_owned(),
        });
    }

    fn text(&mut self, field: &'static str) -> Option<&'a str> {
        let mut sent = self.fields.iter().filter(|(name, _)| *name == field);
        match (sent.next(), sent.next()) {
            (Some((_, Raw::Text(text))), None) => return Some(text),
            (None | Some((_, Raw::Null)), None) => {
                self.fault(field, "required", "必填。", "It is required.");
            }
            (_, Some(_)) => self.fault(
                field,
                "duplicated",
                "重复提交：请只保留一个。",
                "It was sent more than once: send it once.",
            ),
            (Some(_), None) => self.fault(
                field,
                "wrong-type",
                "数据类型不对：请发送一个字符串。",
                "It is of the wrong type: send a string.",
            ),
        }
        None
    }

    fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(field)?;
        let found = all.iter().copied().find(|one| name(*one) == text);
        if found.is_none() {
            let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
            let names = names.join(", ");
            self.fault(
                field,
                "unknown-value",
                &format!("无法识别：可用的值为 {names}。"),
                &format!("It is not known: send one of {names}."),
            );
        }
        found
    }

    /// The medium and the address.
    fn whom(&mut self) -> Option<Whom> {
        let medium = self.choice("medium", &Medium::ALL, Medium::name);
        let address = self.text("address");
        let (medium, address) = medium.zip(address)?;
        let contact = medium.contact(address.trim());
        if contact.is_none() {
            let (zh_cn, en) = match medium {
                Medium::Email => (
                    "不是可用的邮箱地址：只写地址本身，例如 me@example.com。",
                    "It is no address that letters can be sent to: write the address alone, me@example.com.",
                ),
                Medium::Sms => (
                    "不是完整的号码：请从国家码写起，例如 +86 138 0013 8000。",
                    "It is no complete number: begin with the country, +86 138 0013 8000.",
                ),
            };
            self.fault("address", "invalid-address", zh_cn, en);
        }
        contact.map(|contact| Whom { medium, contact })
    }

    fn reason(&mut self) -> Option<Reason> {
        self.choice("reason", &Reason::ALL, Reason::name)
    }

    /// Why staff do it.
    fn why(&mut self) -> Option<Note> {
        let text = self.text("why")?;
        let (code, zh_cn, en) = match Note::new(text) {
            Ok(why) => return Some(why),
            Err(BadWords::Blank) => (
                "blank",
                "为空白：请写明原因。",
                "It is blank: say why in words.",
            ),
            Err(BadWords::TooLong | BadWords::Lines) => {
                ("too-long", "过长：请缩短。", "It is too long: shorten it.")
            }
            Err(BadWords::Personal) => (
                "personal-data",
                "含有个人信息：请去掉邮箱、电话、证件号和卡号。",
                "It holds personal data: leave out e-mail addresses and numbers of people.",
            ),
        };
        self.fault("why", code, zh_cn, en);
        None
    }

    fn done<T>(self, read: Option<T>) -> Result<T, Rejection> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => {
                let problem = self.request.problem(Kind::Invalid);
                Err(problem.errors(self.faults).into())
            }
        }
    }
}
