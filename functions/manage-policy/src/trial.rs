//! A test: what a preview shows, in a mailbox or on the phone of somebody on staff.
//!
//! It goes to an address or a number that the operator listed and to no other; so a template cannot be used to write to
//! a customer. Of letters the role of this function says so as well. Rights to text messages cannot be narrowed to
//! numbers: of these the list is held to here alone. A test is about no case, stands in no ledger that customers have a
//! part in, and counts in nobody's budget.

use jiff::Timestamp;
use resound_domain::language::Language;
use resound_domain::phone::E164;
use resound_domain::privacy::mask_phone;
use resound_domain::submission::IdempotencyKey;
use resound_lambda_kit::Fault;
use resound_lambda_kit::addresses::{Addresses, reply_to};
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::idempotency::{trial_id, value_digest};
use resound_lambda_kit::mail::{Audience, InvalidMailbox, Mail, Mailbox, Mailer, SendError};
use resound_lambda_kit::problem::{FieldError, Kind, Problem};
use resound_lambda_kit::sms::{Numbers, Sms, Texter};
use resound_store::{Digest, TrialStatus, Trying};
use serde_json::{Map, Value, json};

use crate::body::{Body, Faults, Lines};
use crate::document::{Desk, trouble};
use crate::templates::{Medium, Sample, measured};

/// The header that tells a test letter from one to a customer.
const HEADER: &str = "X-Resound-Test";

/// What tests are sent with.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) mailer: Mailer,
    /// Who letters come from; `None` if this installation sends no mail.
    pub(crate) from: Option<Mailbox>,
    /// The addresses that brands may write from.
    pub(crate) brand_senders: Addresses,
    /// Who may get letters.
    pub(crate) to: Addresses,
    pub(crate) texter: Texter,
    /// What text messages are sent as; `None` if this installation sends none.
    pub(crate) sms_from: Option<String>,
    /// Who may get text messages.
    pub(crate) text_to: Numbers,
}

/// What is sent.
enum Draft {
    Letter(Box<Mail>),
    Text(Sms),
}

/// Sends a test, at most once for each key of a caller.
pub(crate) async fn send(
    desk: &Desk<'_>,
    post: &Post,
    machine_now: Timestamp,
) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let sub = desk.caller()?;
    let key = key_of(request)?;
    let body = Body::read(request)?;
    let (text, value) = body.json(request)?;
    let sample = Sample::read(desk, text, value, &["medium", "to"]).await?;
    let draft = match sample.medium() {
        Medium::Email => Draft::Letter(Box::new(post.letter(desk, &sample, text)?)),
        Medium::Sms => Draft::Text(post.text(desk, &sample, text)?),
    };

    let id = trial_id(&sub, &key);
    let digest = Digest(value_digest(value));
    let begun = desk.store.begin_trial(id, digest, request.at).await;
    let begun = begun.map_err(|error| trouble(request, "begin a test", error))?;
    let status = match begun {
        Trying::Ours => {
            let sent = post.send(&draft, machine_now).await;
            let status = match &sent {
                Ok(_) => TrialStatus::Sent,
                Err(SendError::NotSent(_)) => TrialStatus::NotSent,
                Err(SendError::Refused(_)) => TrialStatus::Refused,
                Err(SendError::Unknown(_)) => TrialStatus::Unknown,
            };
            if let Err(why) = sent {
                tracing::warn!(trial = %id, %why, "a test was not surely sent");
            }
            // What cannot be recorded stays unknown, and is not sent again.
            if let Err(error) = desk.store.end_trial(id, status).await {
                let fault = Fault::doing("record a test", error);
                tracing::warn!(trial = %id, %fault, "what came of a test is not recorded");
            }
            status
        }
        Trying::Begun(before) if before.digest != digest => {
            return Err(request.problem(Kind::KeyReused).into());
        }
        Trying::Begun(before) => before.status,
        Trying::TooMany => return Err(too_many(request).into()),
    };
    tracing::info!(trial = %id, medium = sample.medium().name(), ?status, "a test was asked for");
    let mut shown = draft.shown();
    shown.insert("status".to_owned(), json!(status));
    Ok(HttpResponse::json(200, &shown)?.no_store())
}

impl Draft {
    /// What the caller is told of it. A number is masked, as everywhere.
    fn shown(&self) -> Map<String, Value> {
        let (mut shown, to) = match self {
            Self::Letter(mail) => {
                let subject = ("subject".to_owned(), json!(mail.subject));
                (Map::from_iter([subject]), mail.to.address().to_owned())
            }
            Self::Text(sms) => (measured(&sms.text), mask_phone(sms.to.as_str())),
        };
        shown.insert("to".to_owned(), json!(to));
        shown
    }
}

impl Post {
    async fn send(&self, draft: &Draft, machine_now: Timestamp) -> Result<String, SendError> {
        match draft {
            Draft::Letter(mail) => self.mailer.send(mail, machine_now).await,
            Draft::Text(sms) => self.texter.send(sms, machine_now).await,
        }
    }

    /// The letter to the address that was named, or to the only one that there is.
    fn letter(&self, desk: &Desk<'_>, sample: &Sample, text: &str) -> Result<Mail, Rejection> {
        let request = desk.request;
        let (Some(from), Some(_)) = (&self.from, self.to.iter().next()) else {
            return Err(off(request, sample.medium()).into());
        };
        let wanted = wanted(sample.to(), self.to.iter());
        let to = wanted.and_then(|address| self.to.find(address));
        let to = to.ok_or_else(|| {
            let choices = self.to.iter().collect::<Vec<_>>().join(", ");
            unlisted(
                request,
                text,
                &format!("测试信只能发给运维人员列出的地址：{choices}。"),
                &format!("Test letters go to addresses that the operator listed only: {choices}."),
            )
        })?;
        let mail = self.mail(sample, from, to.clone());
        mail.map_err(|error| Fault::doing("write a test letter", error).into())
    }

    /// The text message to the number that was named, or to the only one that there is.
    fn text(&self, desk: &Desk<'_>, sample: &Sample, text: &str) -> Result<Sms, Rejection> {
        let request = desk.request;
        let (Some(from), Some(_)) = (&self.sms_from, self.text_to.iter().next()) else {
            return Err(off(request, sample.medium()).into());
        };
        let wanted = wanted(sample.to(), self.text_to.iter());
        let to: Option<&E164> = wanted.and_then(|number| self.text_to.find(number));
        let to = to.ok_or_else(|| {
            let choices = self.text_to.iter().map(mask_phone);
            let choices = choices.collect::<Vec<_>>().join(", ");
            unlisted(
                request,
                text,
                &format!(
                    "测试短信只能发给运维人员列出的号码：{choices}。请完整填写，如 +8613800138000。"
                ),
                &format!(
                    "Test messages go to numbers that the operator listed only: {choices}. Write it out, as +14155550100."
                ),
            )
        })?;
        let language = sample.language();
        Ok(Sms {
            from: from.clone(),
            to: to.clone(),
            text: format!("{}{}", mark(language), sample.sms(language)),
            about: "test".to_owned(),
            entry: None,
        })
    }

    fn mail(&self, sample: &Sample, from: &Mailbox, to: Mailbox) -> Result<Mail, InvalidMailbox> {
        let language = sample.language();
        let brand = sample.brand();
        let mark = mark(language);
        let (subject, text, html) = sample.letter();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(Mail {
            from: self.brand_senders.sender(from, brand, language)?,
            to,
            reply_to: reply_to(brand),
            subject: format!("{mark}{subject}"),
            text,
            html: Some(html),
            headers: vec![
                header("Auto-Submitted", "auto-generated"),
                header(HEADER, "true"),
            ],
            trace: None,
            about: "test".to_owned(),
            audience: Audience::Staff,
            entry: None,
        })
    }
}

/// Who is to get it: who was named, or the only one who is listed.
fn wanted<'a>(
    named: Option<&'a str>,
    mut listed: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    match (named, listed.next(), listed.next()) {
        (Some(named), ..) => Some(named),
        (None, only, None) => only,
        (None, ..) => None,
    }
}

/// What a test begins with.
const fn mark(language: Language) -> &'static str {
    language.choose("【测试】", "【測試】", "[TEST] ")
}

/// The key of the request: the header's, else the request itself, so that our own repeat is recognised.
fn key_of(request: &HttpRequest) -> Result<String, Problem> {
    let Some(key) = request.header("idempotency-key") else {
        // A blank is in no key that a caller may send.
        return Ok(format!("request {}", request.id));
    };
    let key = IdempotencyKey::try_from(key).map_err(|fault| {
        request.problem(Kind::Invalid).errors(vec![FieldError {
            field: fault.field.name().to_owned(),
            code: fault.code.name().into(),
            message: fault.message(request.locale()),
        }])
    })?;
    Ok(key.as_str().to_owned())
}

fn unlisted(request: &HttpRequest, text: &str, zh_cn: &str, en: &str) -> Problem {
    let locale = request.locale();
    let mut faults = Faults::new(locale);
    let message = locale.choose(zh_cn, en);
    faults.add(&mut Lines::new(text), "/to", "unknown-value", message);
    faults.refuse(request)
}

fn off(request: &HttpRequest, medium: Medium) -> Problem {
    let (zh_cn, en) = match medium {
        Medium::Email => (
            "没有设置测试信：请让运维人员给出参数 MailFrom 和 TestMailTo。",
            "Test letters are off: have the operator give the parameters MailFrom and TestMailTo.",
        ),
        Medium::Sms => (
            "没有设置测试短信：请让运维人员给出参数 SmsOriginationIdentity 和 TestTextTo。",
            "Test messages are off: have the operator give the parameters SmsOriginationIdentity and TestTextTo.",
        ),
    };
    request.problem(Kind::Conflict).detail(zh_cn, en)
}

fn too_many(request: &HttpRequest) -> Problem {
    request.problem(Kind::TooMany).header("retry-after", "3600").detail(
        "这个小时内已发出 20 次测试（邮件和短信合计），请下个小时再试。预览不受限制。",
        "20 tests were sent in this hour, letters and text messages together: try again in the next. Previews are not counted.",
    )
}
