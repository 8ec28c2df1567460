//! From a message and a sink to an answer.

use jiff::Timestamp;
use resound_lambda_kit::mail::{Mailbox, Mailer};
use resound_lambda_kit::outbound::{Body, NoAnswer, Outbound, Target};
use serde_json::Value;

use crate::answer::{Answer, Cause};
use crate::message::Message;
use crate::recipients::SinkKind;
use crate::{dingtalk, email, feishu, slack, standard, wecom};

/// Sends messages by whatever sink.
#[derive(Debug)]
pub struct Sender {
    mail: Option<(Mailer, Mailbox)>,
    outbound: Outbound,
}

impl Sender {
    /// `mail` is who sends letters, and in whose name; `None` if this installation sends none.
    pub const fn new(mail: Option<(Mailer, Mailbox)>, outbound: Outbound) -> Self {
        Self { mail, outbound }
    }

    /// Makes one attempt, of at most 5 s. `now` is machine time: it is signed, and compared with what is answered.
    pub async fn send(&self, sink: &SinkKind, message: &Message, now: Timestamp) -> Answer {
        match sink {
            SinkKind::Email { to } => match &self.mail {
                Some((mailer, from)) => {
                    email::judge(mailer.send(&email::letter(message, from, to), now).await)
                }
                None => Answer::Refused {
                    cause: Cause::NotConfigured,
                    reason: "no mail is set up".to_owned(),
                },
            },
            SinkKind::Slack { url } => match self.post(url, &slack::payload(message)).await {
                Ok(answer) => slack::judge(&answer, now),
                Err(error) => error.into(),
            },
            SinkKind::Wecom { url } => match self.post(url, &wecom::payload(message)).await {
                Ok(answer) => wecom::judge(&answer, now),
                Err(error) => error.into(),
            },
            SinkKind::Dingtalk { url, secret } => {
                let Ok(url) = dingtalk::signed(url, secret.reveal(), now) else {
                    return Answer::Refused {
                        cause: Cause::Other,
                        reason: "the address is too long to be signed".to_owned(),
                    };
                };
                match self.post(&url, &dingtalk::payload(message)).await {
                    Ok(answer) => dingtalk::judge(&answer, now),
                    Err(error) => error.into(),
                }
            }
            SinkKind::Feishu { url, secret } => {
                let payload = feishu::payload(message, secret.reveal(), now);
                match self.post(url, &payload).await {
                    Ok(answer) => feishu::judge(&answer, now),
                    Err(error) => error.into(),
                }
            }
            SinkKind::Webhook { url, secrets } => {
                let payload = standard::payload(message).to_string();
                standard::post(&self.outbound, url, secrets, &message.id, payload, now).await
            }
        }
    }

    async fn post(
        &self,
        url: &Target,
        payload: &Value,
    ) -> Result<resound_lambda_kit::outbound::Answer, NoAnswer> {
        self.outbound
            .post(url, &[], payload.to_string(), Body::Wanted)
            .await
    }
}
