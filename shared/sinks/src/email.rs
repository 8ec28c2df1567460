//! E-mail to staff.

use maud::{DOCTYPE, html};
use resound_lambda_kit::mail::{Audience, Mail, Mailbox, SendError};

use crate::answer::{Answer, Cause, Fate};
use crate::message::Message;
use crate::text::{LINE, TITLE, link, plain, something};

/// The most alerts that one letter lists: some programs cut letters above 100 KB.
pub const LINES: usize = 200;

/// A message as a letter. Nobody's holiday note answers it (RFC 3834).
pub fn letter(message: &Message, from: &Mailbox, to: &Mailbox) -> Mail {
    let title = plain(&message.title, TITLE);
    let shown = message.lines.len().min(LINES);
    let rest = message.rest(shown);
    let lines = message.lines.iter().take(shown);
    let lines: Vec<_> = lines
        .map(|line| (something(plain(&line.text, LINE)), link(&line.url)))
        .collect();
    let queue = link(&message.queue);
    let open = message.open_queue();

    let mut text = format!("{title}\n\n");
    for (line, url) in &lines {
        text.push_str(&format!("- {line}\n"));
        if let Some(url) = url {
            text.push_str(&format!("  {url}\n"));
        }
    }
    if let Some(rest) = &rest {
        text.push_str(&format!("\n{rest}\n"));
    }
    if let Some(url) = &queue {
        text.push_str(&format!(
            "\n{open}{}{url}\n",
            message.locale.choose("：", ": ")
        ));
    }
    let html = html! {
        (DOCTYPE)
        html lang=(message.locale.tag()) {
            head { meta charset="utf-8"; title { (title) } }
            body style="font-family: system-ui, sans-serif; line-height: 1.6; max-width: 36rem; margin: 0 auto; padding: 1rem" {
                h1 style="font-size: 1.2rem" { (title) }
                ul {
                    @for (line, url) in &lines {
                        li { @if let Some(url) = url { a href=(url) { (line) } } @else { (line) } }
                    }
                }
                @if let Some(rest) = &rest { p { (rest) } }
                @if let Some(url) = &queue { p { a href=(url) { (open) } } }
            }
        }
    };
    let alone = match (message.lines.as_slice(), message.more) {
        ([line], 0) => Some(line),
        _ => None,
    };
    Mail {
        from: from.clone(),
        to: to.clone(),
        reply_to: None,
        subject: title,
        text,
        html: Some(html.into_string()),
        headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
        about: alone.map_or_else(|| message.id.to_string(), |line| line.about.clone()),
        trace: alone.and_then(|line| line.trace),
        audience: Audience::Staff,
        entry: None,
    }
}

/// What came of a letter.
pub fn judge(sent: Result<String, SendError>) -> Answer {
    let (reason, fate) = match sent {
        Ok(id) => {
            return Answer::Accepted {
                provider_id: Some(id),
            };
        }
        Err(SendError::Refused(reason)) => {
            let cause = Cause::Content;
            return Answer::Refused { cause, reason };
        }
        Err(SendError::NotSent(reason)) => (reason, Fate::NotTaken),
        Err(SendError::Unknown(reason)) => (reason, Fate::Unknown),
    };
    Answer::TryLater {
        reason,
        after: None,
        fate,
    }
}
