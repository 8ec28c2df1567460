//! What a client is told when it is refused: `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use resound_domain::locale::Locale;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::http::HttpResponse;

/// What is wrong. The kinds that HTTP does not say by itself have a `type` of their own, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: the request cannot be understood.
    BadRequest,
    /// 401: no or no valid token.
    Unauthorized,
    /// 403: the token does not allow it.
    Forbidden,
    /// 404: no such thing.
    NotFound,
    /// 405: the thing is there, the method is not.
    MethodNotAllowed,
    /// 409: the thing is in a state that does not allow it.
    Conflict,
    /// 409: an idempotency key was used before, with other content.
    KeyReused,
    /// 410: it was erased.
    Gone,
    /// 412: somebody else changed it first.
    PreconditionFailed,
    /// 413: the body is larger than [`MAX_BODY`](crate::http::MAX_BODY).
    TooLarge,
    /// 415: not a type, charset or encoding that is read here.
    UnsupportedMediaType,
    /// 422: understood, and some fields are not valid.
    Invalid,
    /// 429: so often that it is not done for a while.
    TooMany,
    /// 500: our fault.
    Internal,
    /// 503: our fault, and trying again may help.
    Unavailable,
}

/// Where the types of problems are named. A name to compare, not a page to fetch.
const TYPES: &str = "https://resound.example/problems/";

impl Kind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict | Self::KeyReused => 409,
            Self::Gone => 410,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The last part of the `type`; `None` for `about:blank`, where the status says it all.
    const fn slug(self) -> Option<&'static str> {
        match self {
            Self::KeyReused => Some("idempotency-key-reused"),
            Self::Conflict => Some("conflicting-state"),
            Self::Invalid => Some("invalid-submission"),
            _ => None,
        }
    }

    /// The title in a language.
    pub const fn title(self, locale: Locale) -> &'static str {
        let (zh_cn, en) = match self {
            Self::BadRequest => ("请求无法理解", "The request cannot be understood"),
            Self::Unauthorized => ("需要登录", "A valid token is required"),
            Self::Forbidden => ("没有权限", "The token does not allow this"),
            Self::NotFound => ("没有找到", "There is nothing here"),
            Self::MethodNotAllowed => ("不支持该方法", "The method is not allowed here"),
            Self::Conflict => (
                "当前状态不允许此操作",
                "The current state does not allow this",
            ),
            Self::KeyReused => (
                "该幂等键已用于其他内容",
                "The idempotency key was used with other content",
            ),
            Self::Gone => ("内容已被删除", "It has been erased"),
            Self::PreconditionFailed => ("内容已被他人修改", "Somebody else has changed it"),
            Self::TooLarge => ("内容过大", "The body is too large"),
            Self::UnsupportedMediaType => ("不支持的内容类型", "The media type is not supported"),
            Self::Invalid => ("提交的内容有误", "Some of what was sent is not valid"),
            Self::TooMany => ("次数过多，请稍后再试", "Too often; try again later"),
            Self::Internal => ("系统出错，请稍后再试", "Something went wrong on our side"),
            Self::Unavailable => (
                "暂时无法处理，请稍后再试",
                "It cannot be done right now, please try again",
            ),
        };
        locale.choose(zh_cn, en)
    }
}

/// One fault of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field as the client named it, nested ones with dots (`contact.email`).
    pub field: String,
    /// A stable name of the fault, for programs.
    pub code: Cow<'static, str>,
    /// The fault in the caller's language, for people.
    pub message: String,
}

/// A refusal in the caller's language. A value to return, not an [`Error`](std::error::Error) to hide.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What is wrong.
    pub kind: Kind,
    /// The language of its texts.
    pub locale: Locale,
    /// What is wrong with this very request, for people.
    pub detail: Option<String>,
    /// Every fault found, by field.
    pub errors: Vec<FieldError>,
    /// Further members of the JSON. Names of the standard members are ignored.
    pub extra: Map<String, Value>,
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    /// A problem with its standard title.
    pub fn new(kind: Kind, locale: Locale) -> Self {
        Self {
            kind,
            locale,
            detail: None,
            errors: Vec::new(),
            extra: Map::new(),
            headers: Vec::new(),
        }
    }

    /// With what is wrong with this very request, in both languages.
    #[must_use]
    pub fn detail(mut self, zh_cn: &str, en: &str) -> Self {
        self.detail = Some(self.locale.choose(zh_cn, en).to_owned());
        self
    }

    /// With the faults of fields.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// With a further member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// With a header on the response, such as `allow`.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The title in the caller's language.
    pub fn title(&self) -> &'static str {
        self.kind.title(self.locale)
    }

    /// The members, as clients see them.
    pub fn to_json(&self) -> Value {
        let mut members = self.extra.clone();
        let kind = match self.kind.slug() {
            Some(slug) => format!("{TYPES}{slug}"),
            None => "about:blank".to_owned(),
        };
        members.insert("type".to_owned(), kind.into());
        members.insert("title".to_owned(), self.title().into());
        members.insert("status".to_owned(), self.kind.status().into());
        if let Some(detail) = &self.detail {
            members.insert("detail".to_owned(), detail.clone().into());
        }
        if !self.errors.is_empty() {
            members.insert("errors".to_owned(), json!(self.errors));
        }
        Value::Object(members)
    }

    /// The headers of this problem alone, for a page that shows it.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The response for a program. It is never cached.
    pub fn into_response(self) -> HttpResponse {
        let response = HttpResponse::new(self.kind.status())
            .body("application/problem+json", self.to_json().to_string())
            .header("content-language", self.locale.tag())
            .no_store();
        self.headers
            .into_iter()
            .fold(response, |response, (name, value)| {
                response.header(name, value)
            })
    }
}

impl From<Problem> for HttpResponse {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_every_fault() {
        let errors = vec![FieldError {
            field: "nps".into(),
            code: "out_of_range".into(),
            message: "0-10".into(),
        }];
        let problem = Problem::new(Kind::Invalid, Locale::ZhCn)
            .errors(errors)
            .with("status", "ignored");
        let response = problem.into_response();
        assert_eq!(response.status, 422);
        assert_eq!(response.headers["content-type"], "application/problem+json");
        assert_eq!(
            serde_json::from_str::<Value>(&response.body).unwrap(),
            json!({
                "type": "https://resound.example/problems/invalid-submission",
                "title": "提交的内容有误",
                "status": 422,
                "errors": [{"field": "nps", "code": "out_of_range", "message": "0-10"}],
            })
        );
    }

    #[test]
    fn what_http_says_by_itself_has_no_type() {
        let problem = Problem::new(Kind::NotFound, Locale::En).detail("甲", "No case has this id.");
        assert_eq!(
            problem.to_json(),
            json!({"type": "about:blank", "title": "There is nothing here", "status": 404, "detail": "No case has this id."})
        );
    }
}
