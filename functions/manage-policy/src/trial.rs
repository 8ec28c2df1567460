//! A test letter: what a preview shows, in a mailbox of somebody on staff.
//!
//! It goes to an address that the operator listed and to no other, which the role of this function says as well; so a
//! template cannot be used to write to a customer. It is about no case, stands in no ledger that customers have a part
//! in, and counts in nobody's budget.

use jiff::Timestamp;
use resound_domain::submission::IdempotencyKey;
use resound_lambda_kit::Fault;
use resound_lambda_kit::addresses::Addresses;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::idempotency::{trial_id, value_digest};
use resound_lambda_kit::mail::{Audience, Mail, Mailbox, Mailer, SendError};
use resound_lambda_kit::problem::{FieldError, Kind, Problem};
use resound_store::{Digest, TrialStatus, Trying};
use serde_json::json;

use crate::body::{Body, Faults, Lines};
use crate::document::{Desk, trouble};
use crate::templates::Sample;

/// The header that tells a test letter from one to a customer.
const HEADER: &str = "X-Resound-Test";

/// What test letters are sent with.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) mailer: Mailer,
    /// Who they come from; `None` if this installation sends no mail.
    pub(crate) from: Option<Mailbox>,
    /// The addresses that brands may write from.
    pub(crate) brand_senders: Addresses,
    /// Who may get them.
    pub(crate) to: Addresses,
}

/// Sends a test letter, at most once for each key of a caller.
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
    let sample = Sample::read(desk, text, value, &["to"]).await?;
    let Some(from) = &post.from else {
        return Err(off(request).into());
    };
    let to = post.recipient(desk, &sample, text)?;
    let mail = post.mail(&sample, from, to.clone());
    let mail = mail.map_err(|error| Fault::doing("write a test letter", error))?;

    let id = trial_id(&sub, &key);
    let digest = Digest(value_digest(value));
    let begun = desk.store.begin_trial(id, digest, request.at).await;
    let begun = begun.map_err(|error| trouble(request, "begin a test letter", error))?;
    let status = match begun {
        Trying::Ours => {
            let sent = post.mailer.send(&mail, machine_now).await;
            let status = match &sent {
                Ok(_) => TrialStatus::Sent,
                Err(SendError::NotSent(_)) => TrialStatus::NotSent,
                Err(SendError::Refused(_)) => TrialStatus::Refused,
                Err(SendError::Unknown(_)) => TrialStatus::Unknown,
            };
            if let Err(why) = sent {
                tracing::warn!(trial = %id, %why, "a test letter was not surely sent");
            }
            // What cannot be recorded stays unknown, and is not sent again.
            if let Err(error) = desk.store.end_trial(id, status).await {
                let fault = Fault::doing("record a test letter", error);
                tracing::warn!(trial = %id, %fault, "what came of a test letter is not recorded");
            }
            status
        }
        Trying::Begun(before) if before.digest != digest => {
            return Err(request.problem(Kind::KeyReused).into());
        }
        Trying::Begun(before) => before.status,
        Trying::TooMany => return Err(too_many(request).into()),
    };
    tracing::info!(trial = %id, ?status, "a test letter was asked for");
    let shown = json!({"status": status, "to": to.address(), "subject": mail.subject});
    Ok(HttpResponse::json(200, &shown)?.no_store())
}

impl Post {
    /// Who gets it: the address that was named, or the only one that there is.
    fn recipient(
        &self,
        desk: &Desk<'_>,
        sample: &Sample,
        text: &str,
    ) -> Result<&Mailbox, Rejection> {
        let mut listed = self.to.iter();
        let only = match (sample.to(), listed.next(), listed.next()) {
            (_, None, _) => return Err(off(desk.request).into()),
            (Some(named), ..) => Some(named),
            (None, Some(only), None) => Some(only),
            (None, Some(_), Some(_)) => None,
        };
        if let Some(found) = only.and_then(|address| self.to.find(address)) {
            return Ok(found);
        }
        let locale = desk.request.locale();
        let choices = self.to.iter().collect::<Vec<_>>().join(", ");
        let zh_cn = format!("测试信只能发给运维人员列出的地址：{choices}。");
        let en = format!("Test letters go to addresses that the operator listed only: {choices}.");
        let mut faults = Faults::new(locale);
        let message = locale.choose(&zh_cn, &en);
        faults.add(&mut Lines::new(text), "/to", "unknown-value", message);
        Err(faults.refuse(desk.request).into())
    }

    fn mail(
        &self,
        sample: &Sample,
        from: &Mailbox,
        to: Mailbox,
    ) -> Result<Mail, resound_lambda_kit::mail::InvalidMailbox> {
        let language = sample.language();
        let brand = sample.brand();
        let own = brand.and_then(|brand| brand.from.as_deref());
        let from = own
            .and_then(|own| self.brand_senders.find(own))
            .unwrap_or(from);
        let from = match brand {
            Some(brand) => from.clone().named(brand.name.get(language))?,
            None => from.clone(),
        };
        let mark = language.choose("【测试】", "【測試】", "[TEST] ");
        let (subject, text, html) = sample.letter();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(Mail {
            from,
            to,
            reply_to: brand.and_then(|brand| brand.reply_to.as_ref()?.parse().ok()),
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

fn off(request: &HttpRequest) -> Problem {
    request.problem(Kind::Conflict).detail(
        "没有设置测试信：请让运维人员给出参数 MailFrom 和 TestMailTo。",
        "Test letters are off: have the operator give the parameters MailFrom and TestMailTo.",
    )
}

fn too_many(request: &HttpRequest) -> Problem {
    request.problem(Kind::TooMany).header("retry-after", "3600").detail(
        "这个小时内已发出 20 封测试信，请下个小时再试。预览不受限制。",
        "20 test letters were sent in this hour: try again in the next. Previews are not counted.",
    )
}
