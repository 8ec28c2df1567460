//! HTTP: API Gateway's events (HTTP API, payload version 2.0) in, its responses out.
//!
//! The event is read by narrow structs of our own, and nothing a client can put into it panics or ends in a 5xx: what
//! cannot be understood is a [`Problem`].

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures::FutureExt;
use jiff::Timestamp;
use resound_domain::language::Language;
use resound_domain::locale::Locale;
use resound_domain::trace::TraceId;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::auth::{Authorizer, Claims, Scope};
use crate::function::panic_text;
use crate::precondition::Tags;
use crate::problem::{Kind, Problem};
use crate::trace;

/// The largest body that is read, in bytes: 256 KB.
pub const MAX_BODY: usize = 256 * 1024;

/// An event of an HTTP API, as far as it is read here.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpEvent {
    #[serde(default)]
    route_key: Option<String>,
    #[serde(default)]
    raw_path: Option<String>,
    #[serde(default)]
    raw_query_string: Option<String>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    path_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    request_context: RequestContext,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    #[serde(default)]
    authorizer: Option<Authorizer>,
    #[serde(default)]
    domain_name: Option<String>,
    #[serde(default)]
    http: Http,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    time_epoch: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Http {
    #[serde(default)]
    method: Option<String>,
}

/// A request, decoded.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: String,
    /// The route that matched, as the template writes it: `POST /v1/feedback`. This is what logs may hold.
    pub route: String,
    /// The path. It may hold a token: never logged.
    pub path: String,
    /// The parameters of the route.
    pub params: BTreeMap<String, String>,
    /// The query, decoded as browsers encode it: names and values in their order.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case; several of one name joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The cookies, as `name=value`.
    pub cookies: Vec<String>,
    /// The body: at most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
    /// The gateway's id of the request. Never empty.
    pub id: String,
    /// Business time of the request: when the gateway received it.
    pub at: Timestamp,
    /// The host the client called.
    pub domain: String,
    /// The trace that the gateway, or the client, gave the request.
    pub trace: Option<TraceId>,
    /// Whose token it is, if it came with one that the gateway verified.
    pub claims: Option<Claims>,
}

/// Shows the route and no more: the rest holds a customer's words and tokens.
impl fmt::Debug for HttpEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEvent")
            .field("route_key", &self.route_key)
            .finish_non_exhaustive()
    }
}

/// Shows the route and the id and no more: the rest holds a customer's words and tokens.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("route", &self.route)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl HttpEvent {
    /// The language the client asked for: `lang` in the query, then `Accept-Language`; `None` if neither names one of
    /// ours.
    pub fn locale(&self) -> Option<Locale> {
        let query = self.raw_query_string.as_deref().unwrap_or_default();
        let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
        asked
            .and_then(|(_, tag)| Locale::from_tag(&tag))
            .or_else(|| {
                let headers = self.headers.iter().flatten();
                headers
                    .filter(|(name, _)| name.eq_ignore_ascii_case("accept-language"))
                    .find_map(|(_, value)| Locale::from_accept_language(value))
            })
    }
}

impl HttpRequest {
    /// Decodes an event. Never panics, whatever a client sent.
    ///
    /// A raw space, a quote or a bad percent sign in the query stands for itself.
    ///
    /// # Errors
    /// 400 for a body that is not the base64 it is said to be, 413 for one that is too large, 500 if the gateway left
    /// out the id or the time of the request.
    pub fn decode(event: HttpEvent) -> Result<Self, Problem> {
        let locale = event.locale().unwrap_or_default();
        let context = event.request_context;
        let (Some(id), Some(at)) = (
            context.request_id.filter(|id| !id.is_empty()),
            context
                .time_epoch
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        ) else {
            return Err(Problem::new(Kind::Internal, locale));
        };
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in event.headers.into_iter().flatten() {
            headers
                .entry(name.to_ascii_lowercase())
                .and_modify(|all| {
                    all.push(',');
                    all.push_str(&value);
                })
                .or_insert(value);
        }
        let query = event.raw_query_string.unwrap_or_default();
        Ok(Self {
            method: context.http.method.unwrap_or_default().to_ascii_uppercase(),
            route: event.route_key.unwrap_or_default(),
            path: event.raw_path.unwrap_or_default(),
            params: event.path_parameters.unwrap_or_default(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            cookies: event.cookies.unwrap_or_default(),
            body: decode_body(
                event.body.unwrap_or_default(),
                event.is_base64_encoded,
                locale,
            )?,
            id,
            at,
            trace: headers
                .get(trace::HEADER)
                .and_then(|header| trace::root(header)),
            headers,
            domain: context.domain_name.unwrap_or_default(),
            claims: context.authorizer.and_then(Authorizer::into_claims),
        })
    }

    /// The value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the route.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// The first value of a name in the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The language the client asked for, as [`HttpEvent::locale`].
    pub fn asked_locale(&self) -> Option<Locale> {
        self.asked_language().map(Language::locale)
    }

    /// The language in which the client wants to be written to, asked for in the same way.
    pub fn asked_language(&self) -> Option<Language> {
        let asked = self.query("lang").and_then(Language::from_tag);
        asked.or_else(|| {
            self.header("accept-language")
                .and_then(Language::from_accept_language)
        })
    }

    /// The language to answer in: the one the client asked for, or English.
    pub fn locale(&self) -> Locale {
        self.asked_locale().unwrap_or_default()
    }

    /// Whether to answer with a page: the client accepts `text/html` at least as gladly as JSON.
    ///
    /// A browser does. A program that accepts anything, or says nothing, gets JSON.
    pub fn wants_html(&self) -> bool {
        let (mut html, mut json) = (0.0_f32, 0.0_f32);
        for range in self.header("accept").unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |q| q.parse().unwrap_or(0.0));
            match name.as_str() {
                "text/html" | "application/xhtml+xml" | "text/*" => html = html.max(quality),
                "application/json" | "application/problem+json" | "application/*" | "*/*" => {
                    json = json.max(quality)
                }
                _ => {}
            }
        }
        html > 0.0 && html >= json
    }

    /// The claims of a caller whose token carries a scope.
    ///
    /// # Errors
    /// 401 without a token, 403 if the token lacks the scope: it names the lowest role that has it.
    pub fn require(&self, scope: Scope) -> Result<&Claims, Problem> {
        let Some(claims) = &self.claims else {
            return Err(Problem::new(Kind::Unauthorized, self.locale())
                .header("www-authenticate", "Bearer"));
        };
        if !claims.allows(scope) {
            let challenge = format!(
                r#"Bearer error="insufficient_scope", scope="{}""#,
                scope.name()
            );
            let role = scope.role().name();
            let problem = self.problem(Kind::Forbidden).detail(
                &format!("需要 {role} 角色，或权限范围 {}。", scope.name()),
                &format!("This takes the role {role}, or the scope {}.", scope.name()),
            );
            return Err(problem
                .with("role", role)
                .header("www-authenticate", challenge));
        }
        Ok(claims)
    }

    /// A problem in the caller's language.
    pub fn problem(&self, kind: Kind) -> Problem {
        Problem::new(kind, self.locale())
    }
}

fn decode_body(body: String, is_base64: bool, locale: Locale) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let problem = Problem::new(Kind::TooLarge, locale);
        problem.detail("内容不得超过 256 KB。", "At most 256 KB are accepted.")
    };
    // Four characters of base64 are at most three bytes; a body that cannot fit is not decoded.
    if body.len() / 4 * 3 > MAX_BODY + 3 && is_base64 {
        return Err(too_large());
    }
    let bytes = if is_base64 {
        STANDARD.decode(body).map_err(|_| {
            let problem = Problem::new(Kind::BadRequest, locale);
            problem.detail(
                "请求正文的编码有误。",
                "The encoding of the body is broken.",
            )
        })?
    } else {
        body.into_bytes()
    };
    if bytes.len() > MAX_BODY {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

/// What kind of body a `Content-Type` announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentType {
    /// `application/json`, or a type that ends in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    UrlEncoded,
    /// `multipart/form-data`.
    Multipart {
        /// What stands between its parts.
        boundary: String,
    },
}

impl ContentType {
    /// The content type of a request.
    ///
    /// # Errors
    /// 415 if there is none, or it is none of these, or its charset is not UTF-8, or the body is compressed.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let unsupported = || {
            let problem = request.problem(Kind::UnsupportedMediaType);
            problem.header(
                "accept",
                "application/json, application/x-www-form-urlencoded, multipart/form-data",
            )
        };
        if request
            .header("content-encoding")
            .is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"))
        {
            return Err(
                unsupported().detail("不支持压缩的正文。", "Compressed bodies are not read.")
            );
        }
        let header = request.header("content-type").unwrap_or_default();
        let (essence, parameters) = parse_content_type(header);
        let parameter = |name: &str| {
            parameters
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, value)| value.as_str())
        };
        if let Some(charset) = parameter("charset") {
            let utf8 = ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|ours| charset.eq_ignore_ascii_case(ours));
            if !utf8 {
                return Err(unsupported()
                    .detail("仅支持 UTF-8 字符集。", "Only the charset UTF-8 is read."));
            }
        }
        match essence.as_str() {
            "application/json" => Ok(Self::Json),
            json if json.starts_with("application/") && json.ends_with("+json") => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::UrlEncoded),
            "multipart/form-data" => match parameter("boundary") {
                Some(boundary) if (1..=70).contains(&boundary.len()) => Ok(Self::Multipart {
                    boundary: boundary.to_owned(),
                }),
                _ => Err(request.problem(Kind::BadRequest).detail(
                    "multipart 正文缺少 boundary。",
                    "The multipart body has no boundary.",
                )),
            },
            _ => Err(unsupported()),
        }
    }
}

/// The type in lower case, and the parameters with their names in lower case and quotes taken off.
fn parse_content_type(header: &str) -> (String, Vec<(String, String)>) {
    let (essence, mut rest) = header.split_once(';').unwrap_or((header, ""));
    let mut parameters = Vec::new();
    while let Some((before, after)) = rest.split_once('=') {
        // What stands before a semicolon is a parameter without a value: it says nothing.
        let name = before.rsplit(';').next().unwrap_or(before);
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, next) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), next)
            }
        };
        parameters.push((name.trim().to_ascii_lowercase(), value));
        rest = next;
    }
    (essence.trim().to_ascii_lowercase(), parameters)
}

/// The content of a quoted string whose opening quote was read, and what follows the next semicolon.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                return (
                    value,
                    chars.as_str().split_once(';').map_or("", |(_, next)| next),
                );
            }
            '\\' => value.extend(chars.next()),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// A response in API Gateway's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct HttpResponse {
    /// The status.
    #[serde(rename = "statusCode")]
    pub status: u16,
    /// The headers, names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `Set-Cookie` headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// The body: text, or bytes in base64.
    #[serde(default)]
    pub body: String,
    /// Whether it is bytes.
    #[serde(default)]
    pub is_base64_encoded: bool,
}

impl HttpResponse {
    /// A response without a body.
    pub fn new(status: u16) -> Self {
        let headers = BTreeMap::from([("x-content-type-options".to_owned(), "nosniff".to_owned())]);
        Self {
            status,
            headers,
            cookies: Vec::new(),
            body: String::new(),
            is_base64_encoded: false,
        }
    }

    /// A JSON response.
    ///
    /// # Errors
    /// What the serializer says: a map whose keys are no strings.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::new(status).body("application/json", serde_json::to_string(value)?))
    }

    /// A page. Unless it brings a policy of its own with [`Self::headers`], it may load nothing, not even a style, be
    /// framed by nobody and post to its own origin only.
    pub fn html(status: u16, page: impl Into<String>) -> Self {
        const POLICY: &str =
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        Self::new(status)
            .body("text/html; charset=utf-8", page)
            .header("content-security-policy", POLICY)
            // Addresses of ours hold receipt tokens.
            .header("referrer-policy", "no-referrer")
    }

    /// 303: fetch another address, after a form was posted.
    pub fn see_other(location: impl Into<String>) -> Self {
        Self::new(303).header("location", location)
    }

    /// With a body of a type.
    pub fn body(mut self, content_type: &str, body: impl Into<String>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// With a body of bytes, for a caller to keep under this name: letters, digits, `-` and `.`.
    pub fn file(mut self, content_type: &str, name: &str, bytes: &[u8]) -> Self {
        self.body = STANDARD.encode(bytes);
        self.is_base64_encoded = true;
        self.header("content-type", content_type).attachment(name)
    }

    /// For a caller to keep under this name: letters, digits, `-` and `.`.
    pub fn attachment(self, name: &str) -> Self {
        self.header(
            "content-disposition",
            format!("attachment; filename=\"{name}\""),
        )
    }

    /// With a header; the name in lower case. Control characters of the value are dropped: it cannot end the line.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        let mut value = value.into();
        value.retain(|c| !c.is_control());
        self.headers.insert(name.to_owned(), value);
        self
    }

    /// With several headers, each as by [`Self::header`].
    pub fn headers(self, headers: &[(&str, &str)]) -> Self {
        headers.iter().fold(self, |response, (name, value)| {
            response.header(name, *value)
        })
    }

    /// With a `Set-Cookie` header.
    pub fn cookie(mut self, cookie: impl Into<String>) -> Self {
        let mut cookie = cookie.into();
        cookie.retain(|c| !c.is_control());
        self.cookies.push(cookie);
        self
    }

    /// Not to be kept by any cache.
    pub fn no_store(self) -> Self {
        self.header("cache-control", "no-store")
    }

    /// With a strong entity tag.
    pub fn etag(self, tag: impl fmt::Display) -> Self {
        self.header("etag", format!("\"{tag}\""))
    }

    /// With what lets the caller keep it and ask whether it is still the same: the hash of the body as its strong tag. If the caller
    /// has this very body (`If-None-Match`, RFC 9110, 13.1.2: a list or `*`, compared weakly), it is 304 and no body.
    ///
    /// Only the caller's own cache may keep it, and it asks each time: who may read it is decided anew, and a correction is seen
    /// at once. For a 200 to a `GET` whose body depends on the address, the language and what is stored, and on nothing else: a
    /// body that holds the time of the request never matches. A header that cannot be read asks for nothing.
    pub fn cacheable(self, request: &HttpRequest) -> Self {
        let tag = self.hash();
        self.cacheable_as(request, tag)
    }

    /// The same for what commands change: the tag begins with the version, as in `3-…`, and whoever sends it back in `If-Match` has
    /// seen that version ([`Tags::match_version`]). What is computed anew beside it, and is in the body, refuses nobody.
    pub fn cacheable_at(self, request: &HttpRequest, version: u32) -> Self {
        let tag = format!("{version}-{}", self.hash());
        self.cacheable_as(request, tag)
    }

    fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.body.as_bytes()))
    }

    /// The same where the body has a strong tag of its own, such as a version.
    pub fn cacheable_as(mut self, request: &HttpRequest, tag: impl fmt::Display) -> Self {
        let tag = tag.to_string();
        let has_it = request
            .header("if-none-match")
            .and_then(|value| value.parse::<Tags>().ok())
            .is_some_and(|tags| tags.match_weakly(&tag));
        if has_it {
            self = Self::new(304);
        }
        self.etag(tag)
            .header("cache-control", "private, max-age=0, must-revalidate")
            .header("vary", "accept, accept-language")
    }
}

/// Why a request was not answered as it wished.
#[derive(Debug)]
pub enum Rejection {
    /// The client's doing: it is told.
    Problem(Problem),
    /// Ours: it is logged, and the client gets a 500 that tells nothing.
    Fault(Fault),
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Answers an event: decodes it, calls `handle`, and turns what goes wrong into a response.
///
/// A fault or a panic is logged once, here, and answered with a 500 in the caller's language that bears the id of the
/// request. So the invocation itself succeeds: alarms watch the API's 5xx count and the log.
pub async fn serve<F>(event: HttpEvent, handle: impl FnOnce(HttpRequest) -> F) -> HttpResponse
where
    F: Future<Output = Result<HttpResponse, Rejection>>,
{
    serve_people(event, handle, Problem::into_response).await
}

/// As [`serve`], where people ask as well: a browser gets a problem as `page` shows it.
pub async fn serve_people<F>(
    event: HttpEvent,
    handle: impl FnOnce(HttpRequest) -> F,
    page: impl FnOnce(Problem) -> HttpResponse,
) -> HttpResponse
where
    F: Future<Output = Result<HttpResponse, Rejection>>,
{
    let locale = event.locale().unwrap_or_default();
    let request = match HttpRequest::decode(event) {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let person = request.wants_html();
    let tell = |problem: Problem| match person {
        true => page(problem),
        false => problem.into_response(),
    };
    let (id, route) = (request.id.clone(), request.route.clone());
    // As for an invocation: what a handler shares stays valid when it panics.
    let outcome = AssertUnwindSafe(async { handle(request).await })
        .catch_unwind()
        .await;
    let fault = match outcome {
        Ok(Ok(response)) => return response,
        Ok(Err(Rejection::Problem(problem))) => return tell(problem),
        Ok(Err(Rejection::Fault(fault))) => fault,
        Err(panic) => Fault::new(format!("panicked: {}", panic_text(&*panic))),
    };
    tracing::error!(%fault, route, http_request_id = id, "request failed");
    tell(Problem::new(Kind::Internal, locale).with("request_id", id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn event() -> Value {
        serde_json::from_str(include_str!("../tests/events/http.json")).unwrap()
    }

    fn with(change: impl FnOnce(&mut Value)) -> Result<HttpRequest, Problem> {
        let mut event = event();
        change(&mut event);
        HttpRequest::decode(serde_json::from_value(event).unwrap())
    }

    fn with_header(name: &str, value: &str) -> HttpRequest {
        with(|event| event["headers"][name] = value.into()).unwrap()
    }

    #[test]
    fn a_recorded_event_is_decoded() {
        let request = with(|_| ()).unwrap();
        assert_eq!(request.method, "POST");
        assert_eq!(request.route, "POST /v1/cases/{id}/commands");
        assert_eq!(request.param("id"), Some("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
        assert_eq!(request.query("a b"), Some("1&2"));
        assert_eq!(request.header("x-mixed"), Some("Case"));
        assert_eq!(request.cookies, ["k=v"]);
        assert_eq!(request.body, "{\"command\":\"acknowledge\"}".as_bytes());
        assert_eq!(request.at, "2026-11-21T00:30:00.123Z".parse().unwrap());
        assert_eq!(request.id, "JKJaXmPLvHcESHA=");
        assert_eq!(request.domain, "api.example.com");
        assert_eq!(request.locale(), Locale::ZhCn);
        assert_eq!(request.require(Scope::CasesWrite).unwrap().sub, "agent-7");
        assert_eq!(
            request.require(Scope::Admin).unwrap_err().kind,
            Kind::Forbidden
        );
    }

    #[test]
    fn nobody_is_asked_for_a_token() {
        let request = with(|event| event["requestContext"]["authorizer"] = Value::Null).unwrap();
        let response = request
            .require(Scope::CasesRead)
            .unwrap_err()
            .into_response();
        assert_eq!(
            (
                response.status,
                response.headers["www-authenticate"].as_str()
            ),
            (401, "Bearer")
        );
    }

    #[test]
    fn odd_queries_stand_for_themselves() {
        for (raw, expected) in [
            ("a=<b> \"c'", "<b> \"c'"),
            ("a=100%", "100%"),
            ("a=%zz%41", "%zzA"),
            ("a=%ff", "\u{fffd}"),
            ("a", ""),
            ("b=1&a=%E4%BD%A0+%F0%9F%98%80", "你 😀"),
        ] {
            let request = with(|event| event["rawQueryString"] = raw.into()).unwrap();
            assert_eq!(request.query("a"), Some(expected), "{raw}");
        }
    }

    #[test]
    fn a_body_is_base64_if_it_says_so_and_never_too_large() {
        let body = |body: String, encoded: bool| {
            with(|event| {
                event["body"] = body.into();
                event["isBase64Encoded"] = encoded.into();
            })
            .map(|request| request.body.len())
            .map_err(|problem| problem.kind.status())
        };
        assert_eq!(body("aGk=".into(), true), Ok(2));
        assert_eq!(body("not base64!".into(), true), Err(400));
        assert_eq!(body("x".repeat(MAX_BODY), false), Ok(MAX_BODY));
        assert_eq!(body("x".repeat(MAX_BODY + 1), false), Err(413));
        assert_eq!(
            body(STANDARD.encode("x".repeat(MAX_BODY)), true),
            Ok(MAX_BODY)
        );
        assert_eq!(
            body(STANDARD.encode("x".repeat(MAX_BODY + 1)), true),
            Err(413)
        );
        assert_eq!(
            body(STANDARD.encode("x".repeat(MAX_BODY * 9)), true),
            Err(413)
        );
    }

    #[test]
    fn an_event_without_identity_or_time_is_our_fault() {
        for event in [
            json!({}),
            json!({"requestContext": {"requestId": "r"}}),
            json!({"headers": null}),
        ] {
            let problem = HttpRequest::decode(serde_json::from_value(event).unwrap()).unwrap_err();
            assert_eq!(problem.kind, Kind::Internal);
        }
    }

    #[test]
    fn browsers_get_pages_and_programs_get_json() {
        for (accept, expected) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("application/json, text/plain, */*", false),
            ("text/html", true),
            ("application/json;q=0.5, text/html;q=0.4", false),
            ("TEXT/HTML;level=1;q=1.0", true),
            ("text/html;q=0", false),
            ("text/html;q=broken", false),
        ] {
            assert_eq!(
                with_header("accept", accept).wants_html(),
                expected,
                "{accept}"
            );
        }
    }

    #[test]
    fn content_types_are_told_apart() {
        let multipart = |boundary: &str| {
            Ok(ContentType::Multipart {
                boundary: boundary.into(),
            })
        };
        for (header, expected) in [
            ("application/json", Ok(ContentType::Json)),
            ("Application/JSON; Charset=\"UTF-8\"", Ok(ContentType::Json)),
            (
                "application/vnd.api+json;charset=utf8",
                Ok(ContentType::Json),
            ),
            (
                "application/x-www-form-urlencoded; charset=utf-8",
                Ok(ContentType::UrlEncoded),
            ),
            ("multipart/form-data; boundary=----x", multipart("----x")),
            (
                "multipart/form-data; a; boundary=\"a;\\\"b\"; charset=utf-8",
                multipart("a;\"b"),
            ),
            ("multipart/form-data", Err(400)),
            ("multipart/form-data; boundary=\"\"", Err(400)),
            ("application/json; charset=gbk", Err(415)),
            ("application/json; charset=\"gb2312", Err(415)),
            ("text/plain", Err(415)),
            ("", Err(415)),
            (";;;==", Err(415)),
        ] {
            let found = ContentType::of(&with_header("content-type", header));
            assert_eq!(
                found.map_err(|problem| problem.kind.status()),
                expected,
                "{header}"
            );
        }
        assert_eq!(
            ContentType::of(&with_header("content-encoding", "gzip"))
                .unwrap_err()
                .kind
                .status(),
            415
        );
    }

    #[test]
    fn a_response_has_the_format_of_the_gateway_and_one_line_per_header() {
        let response = HttpResponse::json(201, &json!({"id": 1}))
            .unwrap()
            .etag(3)
            .no_store()
            .cookie("a=b\r\nX: y");
        let response = response.header("location", "/a\r\nset-cookie: b");
        assert_eq!(
            serde_json::to_value(&response).unwrap(),
            json!({
                "statusCode": 201,
                "headers": {
                    "cache-control": "no-store", "content-type": "application/json", "etag": "\"3\"",
                    "location": "/aset-cookie: b", "x-content-type-options": "nosniff",
                },
                "cookies": ["a=bX: y"],
                "body": "{\"id\":1}",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn who_has_a_body_already_is_not_sent_it_again() {
        let answer = |known: &str| {
            let request = with_header("if-none-match", known);
            let response = HttpResponse::json(200, &json!({"n": 1})).unwrap();
            response.cacheable(&request)
        };
        // printf '{"n":1}' | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d =
        const TAG: &str = "K_0U9D0X_HzqJOCReoh5tLL4gLi67sG52Q-6rWVecb0";
        let fresh = answer("\"of-yesterday\"");
        assert_eq!(
            serde_json::to_value(&fresh).unwrap(),
            json!({
                "statusCode": 200,
                "headers": {
                    "cache-control": "private, max-age=0, must-revalidate", "content-type": "application/json",
                    "etag": format!("\"{TAG}\""), "vary": "accept, accept-language", "x-content-type-options": "nosniff",
                },
                "body": "{\"n\":1}",
                "isBase64Encoded": false,
            })
        );
        let mut same = fresh.clone();
        (same.status, same.body) = (304, String::new());
        same.headers.remove("content-type");
        for known in [
            format!("\"{TAG}\""),
            format!("W/\"{TAG}\""),
            format!("\"a,b\", W/\"c\" ,, \"{TAG}\""),
            "*".to_owned(),
        ] {
            assert_eq!(answer(&known), same, "{known}");
        }
        for unknown in ["", TAG, "\"", "W/*", "\"*\"", "\"\"", "\u{0}"] {
            assert_eq!(answer(unknown), fresh, "{unknown:?}");
        }
    }

    #[tokio::test]
    async fn what_goes_wrong_is_answered() {
        let event: HttpEvent = serde_json::from_value(event()).unwrap();
        let fine = serve(event.clone(), |_| async { Ok(HttpResponse::new(204)) }).await;
        assert_eq!(fine.status, 204);
        let refused = serve(event.clone(), |request| async move {
            Err(request.problem(Kind::NotFound).into())
        })
        .await;
        assert_eq!(refused.status, 404);
        let failed = serve(event.clone(), |_| async {
            Err(Fault::new("secret").into())
        })
        .await;
        assert_eq!(failed.status, 500);
        assert!(!failed.body.contains("secret") && failed.body.contains("JKJaXmPLvHcESHA="));
        let panicked = serve(event, |_| async { panic!("secret") }).await;
        assert_eq!(panicked.body, failed.body);
    }

    /// JSON of any shape, with the names of the event mixed in.
    fn any_json() -> impl Strategy<Value = Value> {
        const NAMES: &str = "routeKey|rawPath|rawQueryString|headers|cookies|body|isBase64Encoded|requestContext|http|\
                             method|timeEpoch|requestId|authorizer|jwt|claims|scopes|sub|scope|pathParameters|[a-z]{3}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(NAMES, inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_event_panics(event in any_json()) {
            if let Ok(event) = serde_json::from_value::<HttpEvent>(event) {
                let _ignored = HttpRequest::decode(event);
            }
        }

        #[test]
        fn nothing_a_client_sends_panics_or_is_our_fault(
            query in ".{0,60}", path in ".{0,30}", name in "[A-Za-z-]{1,12}", value in ".{0,40}", kind in ".{0,60}",
            accept in ".{0,40}", body in ".{0,60}", encoded: bool,
        ) {
            let request = with(|event| {
                event["rawQueryString"] = query.into();
                event["rawPath"] = path.into();
                event["headers"] = json!({name: value, "content-type": kind, "accept": accept});
                event["body"] = body.into();
                event["isBase64Encoded"] = encoded.into();
            });
            match request {
                Ok(request) => {
                    let _ignored = (ContentType::of(&request), request.wants_html(), request.locale());
                }
                Err(problem) => prop_assert!(problem.kind.status() < 500),
            }
        }
    }
}
