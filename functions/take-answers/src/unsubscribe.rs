//! "I want no more of this": at once where a program of the reader's posts it (RFC 8058), by a button for who follows the link.

use resound_domain::contact::Reason;
use resound_domain::language::Language;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::{Kind, Problem};
use resound_pages::{UnsubscribeView, response, unsubscribe_page};
use resound_store::Suppressed;
use serde::Serialize;

use crate::handler::{App, trouble};

/// What a program gets.
#[derive(Debug, Serialize)]
struct Unsubscribed {
    unsubscribed: bool,
}

impl App {
    /// The page with the button. The link itself changes nothing: programs that look into letters follow it too.
    pub(crate) fn ask_to_unsubscribe(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let token = request.param("token").unwrap_or_default();
        let known = self.config.keys.verify_unsubscribe(token);
        known.ok_or_else(|| unknown(request))?;
        Ok(shown(request, false))
    }

    /// Takes the address of the token off everything that is no answer to what it sent. Any number of times is the same as
    /// once. What is posted with it is not read: the token says it all, and a program may post anything.
    pub(crate) async fn unsubscribe(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let token = request.param("token").unwrap_or_default();
        let contact = self.config.keys.verify_unsubscribe(token);
        let contact = contact.ok_or_else(|| unknown(request))?;
        let listed = self
            .store
            .suppress(contact, Reason::Unsubscribed, request.at, None)
            .await;
        match listed.map_err(|error| trouble(request, "unsubscribe", error))? {
            Suppressed::New => tracing::info!(%contact, "an address unsubscribed"),
            Suppressed::Known | Suppressed::Lifted => {}
        }
        if request.wants_html() {
            return Ok(shown(request, true));
        }
        Ok(HttpResponse::json(200, &Unsubscribed { unsubscribed: true })?.no_store())
    }
}

fn shown(request: &HttpRequest, done: bool) -> HttpResponse {
    let language = request.asked_language().unwrap_or(Language::En);
    let html = unsubscribe_page(&UnsubscribeView { language, done });
    response::page(200, html)
        .header("content-language", language.tag())
        .header("referrer-policy", "no-referrer")
        .no_store()
}

fn unknown(request: &HttpRequest) -> Problem {
    request.problem(Kind::NotFound).detail(
        "链接不完整或不正确，请从邮件中重新复制完整的链接。",
        "The link is incomplete or wrong. Copy the whole link from the letter again.",
    )
}
