//! What is sent. A submission is a function of its number, so that a repeat needs nothing but the number.

use serde_json::{Value, json};

use crate::client::{Ask, Content};

/// What a load consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Submissions that need no answer, as JSON: one write each.
    Plain,
    /// Of a hundred requests: 55 plain submissions, 10 that open a case, 10 form posts of a browser, 10 repeats of an
    /// earlier submission, 15 looks at a status page.
    Real,
}

/// What one request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Submission(Form),
    Repeat,
    StatusPage,
}

/// In which form a submission is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Complaint,
    Browser,
}

impl Mix {
    /// What the request of this number is.
    pub(crate) fn kind(self, number: u64) -> Kind {
        // Spread out: 37 has no factor in common with 100.
        match (self, number.wrapping_mul(37) % 100) {
            (Self::Plain, _) | (Self::Real, 0..55) => Kind::Submission(Form::Plain),
            (Self::Real, 55..65) => Kind::Submission(Form::Complaint),
            (Self::Real, 65..75) => Kind::Submission(Form::Browser),
            (Self::Real, 75..85) => Kind::Repeat,
            (Self::Real, _) => Kind::StatusPage,
        }
    }

    /// Its name, as `--mix` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Real => "real",
        }
    }
}

/// Makes submissions that no other run makes.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// In every idempotency key of this run.
    run: String,
}

impl Work {
    pub(crate) fn of_run(run: String) -> Self {
        Self { run }
    }

    /// The post of this submission.
    pub(crate) fn post(&self, number: u64, form: Form) -> Ask {
        let key = format!("load-{}-{number:08}", self.run);
        let content = match form {
            Form::Plain => Content::Json(key, plain(number).to_string()),
            Form::Complaint => Content::Json(key, complaint(number).to_string()),
            Form::Browser => Content::Form(
                form_urlencoded::Serializer::new(String::new())
                    .append_pair("idempotency_key", &key)
                    .append_pair("text", "配送很快，包装也好，谢谢！")
                    .append_pair("nps", "10")
                    .append_pair("channel", "web")
                    .finish(),
            ),
        };
        Ask::Post(content)
    }
}

fn plain(number: u64) -> Value {
    json!({
        "text": format!("Delivery {number} came a day early and the assistant was friendly."),
        "nps": 9 + number % 2, "channel": "app", "touchpoint": "logistics", "product": "Kettle", "locale": "en",
    })
}

fn complaint(number: u64) -> Value {
    json!({
        "text": format!("Delivery {number} took nine days and nobody could say where it was."),
        "nps": 2, "channel": "web", "touchpoint": "logistics", "product": "Kettle", "locale": "en",
        "contact": {"email": format!("c{number}@example.com")},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_requests_are_what_is_said() {
        let count = |wanted: Kind| {
            (0..100)
                .filter(|number| Mix::Real.kind(*number) == wanted)
                .count()
        };
        assert_eq!(
            [
                Kind::Submission(Form::Plain),
                Kind::Submission(Form::Complaint),
                Kind::Submission(Form::Browser),
                Kind::Repeat,
                Kind::StatusPage
            ]
            .map(count),
            [55, 10, 10, 10, 15]
        );
        assert!((0..100).all(|n| Mix::Plain.kind(n) == Kind::Submission(Form::Plain)));
    }
}
