//! An HTTP API in front of the functions: requests become API Gateway events, version 2.0, and replies become
//! responses, as on AWS. What a client sends never makes this panic or drop the connection without an answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use resound_domain::trace::TraceId;
use resound_lambda_kit::trace;
use serde_json::{Map, Value, json};

use crate::auth::{self, Claims, Tokens};
use crate::route;
use crate::stack::Route;

/// API Gateway's limit of a request body, in bytes.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// API Gateway's limit of the request line and all headers together, in bytes.
pub const HEADER_LIMIT: usize = 10_240;
/// A body over the limit is read up to here and thrown away, so that the client gets to read our answer.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;
/// A body must arrive within this time.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A request on its way to a function.
#[derive(Debug)]
pub struct Incoming {
    /// The function's crate.
    pub function: String,
    /// The API Gateway event.
    pub event: Value,
}

/// The routes of the API.
pub struct Gateway {
    routes: Vec<Route>,
    tokens: Tokens,
    domain: String,
}

impl Gateway {
    /// An API of these routes whose host is `domain`.
    pub fn new(routes: Vec<Route>, tokens: Tokens, domain: String) -> Self {
        Self {
            routes,
            tokens,
            domain,
        }
    }

    /// The routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The tokens it accepts.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The event of a request, or the answer the gateway gives itself. `now` is business time.
    ///
    /// # Errors
    /// The answer, if no function is to be asked: no route, no or not enough authority, too large.
    pub async fn receive(
        &self,
        request: Request<Body>,
        peer: SocketAddr,
        now: Timestamp,
        machine_now: Timestamp,
    ) -> Result<Incoming, Box<Response<Body>>> {
        let (parts, body) = request.into_parts();
        let body = read(&parts, body).await?;
        let line = parts.method.as_str().len() + parts.uri.to_string().len();
        let size = parts
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum::<usize>()
            + line;
        if size > HEADER_LIMIT {
            return refuse(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            );
        }
        let path = parts.uri.path();
        let found = route::find(
            &self.routes,
            |route| &route.key,
            parts.method.as_str(),
            path,
        );
        let Some((route, parameters)) = found else {
            return refuse(StatusCode::NOT_FOUND, "Not Found");
        };
        let claims = self.authorize(route, &parts.headers, machine_now)?;
        let fresh = fresh(machine_now)?;
        let event = self.event(
            &parts,
            &body,
            route,
            &parameters,
            claims.as_ref(),
            &Circumstances { fresh, peer, now },
        );
        Ok(Incoming {
            function: route.function.clone(),
            event,
        })
    }

    fn authorize(
        &self,
        route: &Route,
        headers: &HeaderMap,
        machine_now: Timestamp,
    ) -> Result<Option<Claims>, Box<Response<Body>>> {
        let Some(authorizer) = &route.authorizer else {
            return Ok(None);
        };
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let token = match given.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            // API Gateway takes a token without the scheme as well.
            _ => given,
        };
        let Some(claims) = self.tokens.check(token, machine_now) else {
            let mut answer = message(StatusCode::UNAUTHORIZED, "Unauthorized");
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Err(Box::new(answer));
        };
        let held = auth::scopes(&claims);
        let needed = &authorizer.scopes;
        if !needed.is_empty() && !needed.iter().any(|scope| held.contains(&scope.as_str())) {
            return refuse(StatusCode::FORBIDDEN, "Forbidden");
        }
        Ok(Some(claims))
    }

    fn event(
        &self,
        parts: &Parts,
        body: &Bytes,
        route: &Route,
        parameters: &route::Parameters,
        claims: Option<&Claims>,
        circumstances: &Circumstances,
    ) -> Value {
        let Circumstances { fresh, peer, now } = circumstances;
        let (mut headers, cookies) = headers(&parts.headers);
        let peer_ip = peer.ip().to_string();
        // API Gateway sets these itself, whatever the client claims.
        let forwarded = headers
            .remove("x-forwarded-for")
            .map(|before| format!("{before}, {peer_ip}"));
        headers.insert(
            "x-forwarded-for".to_owned(),
            forwarded.unwrap_or_else(|| peer_ip.clone()),
        );
        headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
        let port = self.domain.rsplit(':').next().unwrap_or_default();
        headers.insert("x-forwarded-port".to_owned(), port.to_owned());
        // As API Gateway does: a trace the client began goes on, and a request without one begins one.
        let traced = headers.get(trace::HEADER);
        if traced.and_then(|header| trace::root(header)).is_none() {
            headers.insert(trace::HEADER.to_owned(), trace::header(fresh.trace));
        }
        let method = parts.method.as_str();
        let path = decoded(parts.uri.path());
        let query = parts.uri.query().unwrap_or_default();
        let key = route.key.to_string();
        let domain = headers.get("host").unwrap_or(&self.domain).clone();
        let mut context = json!({
            "accountId": crate::aws::ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": peer_ip,
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": fresh.id,
            "routeKey": key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        });
        let mut event = json!({
            "version": "2.0",
            "routeKey": key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "isBase64Encoded": false,
        });
        if let (Some(claims), Some(authorizer), Some(context)) =
            (claims, &route.authorizer, context.as_object_mut())
        {
            let scopes = if authorizer.scopes.is_empty() {
                Value::Null
            } else {
                json!(auth::scopes(claims))
            };
            let jwt = json!({"jwt": {"claims": auth::stringified(claims), "scopes": scopes}});
            context.insert("authorizer".to_owned(), jwt);
        }
        if let Some(event) = event.as_object_mut() {
            event.insert("requestContext".to_owned(), context);
            if !cookies.is_empty() {
                event.insert("cookies".to_owned(), json!(cookies));
            }
            if !query.is_empty() {
                event.insert(
                    "queryStringParameters".to_owned(),
                    json!(query_parameters(query)),
                );
            }
            if !parameters.is_empty() {
                let parameters: BTreeMap<_, _> =
                    parameters.iter().map(|(k, v)| (k, decoded(v))).collect();
                event.insert("pathParameters".to_owned(), json!(parameters));
            }
            if !body.is_empty() {
                let (text, encoded) = body_text(body, &parts.headers);
                event.insert("body".to_owned(), Value::String(text));
                event.insert("isBase64Encoded".to_owned(), Value::Bool(encoded));
            }
        }
        event
    }
}

struct Circumstances {
    fresh: Fresh,
    peer: SocketAddr,
    now: Timestamp,
}

/// The answer of the gateway when a function failed.
pub fn failed() -> Response<Body> {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// The response a function's output stands for: format 2.0, or any other JSON as the body of a 200.
pub fn respond(output: Value) -> Response<Body> {
    let Some(reply) = output
        .as_object()
        .filter(|reply| reply.contains_key("statusCode"))
    else {
        let body = match output {
            Value::String(text) => text,
            other => other.to_string(),
        };
        return json_response(StatusCode::OK, body);
    };
    reply_response(reply).unwrap_or_else(failed)
}

/// `None` for a reply that API Gateway would not understand either.
fn reply_response(reply: &Map<String, Value>) -> Option<Response<Body>> {
    let status = reply.get("statusCode")?.as_u64()?;
    let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    if status.is_informational() {
        return None;
    }
    let text = reply
        .get("body")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let body = match reply.get("isBase64Encoded") {
        Some(Value::Bool(true)) => STANDARD.decode(text).ok()?,
        _ => text.as_bytes().to_vec(),
    };
    // These have no body, and the connection would not survive one.
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let mut response = Response::new(if bodiless {
        Body::empty()
    } else {
        Body::from(body)
    });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in reply
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // The connection is ours.
        if !matches!(
            name,
            header::CONTENT_LENGTH
                | header::TRANSFER_ENCODING
                | header::CONNECTION
                | header::UPGRADE
        ) {
            headers.append(name, HeaderValue::from_str(&value).ok()?);
        }
    }
    for cookie in reply
        .get("cookies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        headers.append(
            header::SET_COOKIE,
            HeaderValue::from_str(cookie.as_str()?).ok()?,
        );
    }
    if !bodiless && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain;charset=UTF-8"),
        );
    }
    Some(response)
}

/// A response of the gateway itself.
pub(crate) fn message(status: StatusCode, text: &str) -> Response<Body> {
    json_response(status, json!({"message": text}).to_string())
}

pub(crate) fn json_response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

fn refuse<T>(status: StatusCode, text: &str) -> Result<T, Box<Response<Body>>> {
    Err(Box::new(message(status, text)))
}

/// What the gateway gives each request.
struct Fresh {
    /// Unique for ever: identity of a submission without a key derives from it.
    id: String,
    trace: TraceId,
}

fn fresh(machine_now: Timestamp) -> Result<Fresh, Box<Response<Body>>> {
    let (mut id, mut random) = ([0; 12], [0; 16]);
    let source = ring::rand::SystemRandom::new();
    let filled = [&mut id[..], &mut random[..]]
        .into_iter()
        .try_for_each(|bytes| ring::rand::SecureRandom::fill(&source, bytes));
    if filled.is_err() {
        return Err(Box::new(failed()));
    }
    let second = u32::try_from(machine_now.as_second()).unwrap_or(0);
    Ok(Fresh {
        id: STANDARD.encode(id),
        trace: TraceId::new(second, u128::from_ne_bytes(random)),
    })
}

async fn read(parts: &Parts, mut body: Body) -> Result<Bytes, Box<Response<Body>>> {
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    let announced = body.size_hint().lower();
    let over = u64::try_from(BODY_LIMIT).is_ok_and(|limit| announced > limit);
    if over && parts.headers.contains_key(header::EXPECT) {
        // The client asked first.
        return too_large();
    }
    let collect = async {
        let mut bytes = Vec::new();
        let mut length = 0_usize;
        while let Some(frame) =
            std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await
        {
            // The client broke off or its chunks are malformed.
            let Ok(frame) = frame else { return Err(()) };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            length = length.saturating_add(data.len());
            if length <= BODY_LIMIT {
                bytes.extend_from_slice(&data);
            } else if length > DRAIN_LIMIT {
                break;
            }
        }
        Ok((bytes, length))
    };
    match tokio::time::timeout(BODY_TIME, collect).await {
        Ok(Ok((_, length))) if length > BODY_LIMIT => too_large(),
        Ok(Ok((bytes, _))) => Ok(Bytes::from(bytes)),
        Ok(Err(())) => refuse(StatusCode::BAD_REQUEST, "Bad Request"),
        Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
    }
}

/// Lower-case names; several of one name joined by commas; cookies apart.
fn headers(given: &HeaderMap) -> (BTreeMap<String, String>, Vec<String>) {
    let mut headers = BTreeMap::<String, String>::new();
    let mut cookies = Vec::new();
    for (name, value) in given {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == header::COOKIE {
            cookies.extend(
                value
                    .split(';')
                    .map(str::trim)
                    .filter(|cookie| !cookie.is_empty())
                    .map(str::to_owned),
            );
            continue;
        }
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    (headers, cookies)
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    parameters
}

/// Percent-decoded; what is not valid stays as it is, what is not UTF-8 is replaced.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |byte: &u8| {
            char::from(*byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        let pair = after.first().and_then(hex).zip(after.get(1).and_then(hex));
        match pair {
            Some((high, low)) if *first == b'%' => {
                bytes.push(high * 16 + low);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// API Gateway hands text on as it is and everything else in base64, form posts included.
fn body_text(body: &Bytes, headers: &HeaderMap) -> (String, bool) {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let textual = kind.starts_with("text/")
        || matches!(
            kind.as_str(),
            "application/json" | "application/xml" | "application/javascript"
        );
    match std::str::from_utf8(body) {
        Ok(text) if textual => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::RouteKey;
    use crate::stack::Authorizer;

    const NOW: &str = "2026-11-21T10:00:00.123Z";

    fn gateway() -> Gateway {
        let route = |key: &str, scopes: Option<&[&str]>| Route {
            key: RouteKey::parse(key).unwrap(),
            function: "f".into(),
            authorizer: scopes.map(|s| Authorizer {
                scopes: s.iter().map(|s| (*s).to_owned()).collect(),
            }),
        };
        let routes = vec![
            route("POST /v1/feedback", None),
            route("GET /f/{form}", None),
            route("GET /staff", Some(&["resound/cases.read"])),
            route("GET /any-staff", Some(&[])),
        ];
        Gateway::new(routes, Tokens::new("s"), "127.0.0.1:8787".into())
    }

    async fn receive(request: Request<Body>) -> Result<Value, (u16, String)> {
        let peer = "127.0.0.1:9".parse().unwrap();
        let now = NOW.parse().unwrap();
        match gateway().receive(request, peer, now, now).await {
            Ok(incoming) => Ok(incoming.event),
            Err(answer) => Err(taken(*answer).await),
        }
    }

    async fn taken(answer: Response<Body>) -> (u16, String) {
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn request(
        method: &str,
        uri: &str,
        headers: &[(&str, &[u8])],
        body: impl Into<Body>,
    ) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        request.body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn a_trace_goes_on_and_what_is_none_is_replaced() {
        for (sent, goes_on) in [
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", true),
            ("Root=1-5759e988-other", false),
        ] {
            let headers: &[(&str, &[u8])] = &[("X-Amzn-Trace-Id", sent.as_bytes())];
            let event = receive(request("GET", "/f/x", headers, "")).await.unwrap();
            let header = event["headers"]["x-amzn-trace-id"].as_str().unwrap();
            assert_eq!(header == sent, goes_on);
            assert!(trace::root(header).is_some());
        }
    }

    #[tokio::test]
    async fn a_request_becomes_the_event_that_aws_sends() {
        let headers: &[(&str, &[u8])] = &[
            ("Host", b"127.0.0.1:8787"),
            ("X-Twice", b"a"),
            ("x-twice", b"b"),
            ("Cookie", b"k=v; l=w"),
            ("User-Agent", b"curl"),
            ("X-Forwarded-Proto", b"gopher, <>"),
            ("X-Forwarded-For", b"1.2.3.4"),
            ("X-Latin", b"caf\xe9"),
        ];
        let mut event = receive(request("GET", "/f/a%20b%zz?x=1&x=%2B2&y", headers, ""))
            .await
            .unwrap();
        let id = event["requestContext"]["requestId"].take();
        assert_eq!(id.as_str().unwrap().len(), 16);
        let trace = event["headers"].as_object_mut().unwrap();
        let trace = trace.remove("x-amzn-trace-id").unwrap();
        let begun = format!(
            "Root=1-{:08x}-",
            NOW.parse::<Timestamp>().unwrap().as_second()
        );
        assert!(trace.as_str().unwrap().starts_with(&begun), "{trace}");
        assert_eq!(
            event,
            json!({
                "version": "2.0", "routeKey": "GET /f/{form}", "rawPath": "/f/a b%zz", "rawQueryString": "x=1&x=%2B2&y",
                "cookies": ["k=v", "l=w"],
                "headers": {"host": "127.0.0.1:8787", "x-twice": "a,b", "user-agent": "curl", "x-latin": "caf\u{fffd}",
                    "x-forwarded-for": "1.2.3.4, 127.0.0.1", "x-forwarded-port": "8787", "x-forwarded-proto": "http"},
                "queryStringParameters": {"x": "1,+2", "y": ""},
                "pathParameters": {"form": "a b%zz"},
                "isBase64Encoded": false,
                "requestContext": {
                    "accountId": "000000000000", "apiId": "local", "domainName": "127.0.0.1:8787", "domainPrefix": "local",
                    "http": {"method": "GET", "path": "/f/a b%zz", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "curl"},
                    "requestId": null, "routeKey": "GET /f/{form}", "stage": "$default",
                    "time": "21/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_255_200_123_i64,
                },
            })
        );
    }

    #[tokio::test]
    async fn text_stays_text_and_everything_else_is_encoded() {
        for (kind, body, expected, textual) in [
            ("application/json", b"{}".as_slice(), "{}", true),
            ("Application/JSON; charset=utf-8", b"{}", "{}", true),
            ("text/plain", b"hi", "hi", true),
            ("text/plain", b"\xff", "/w==", false),
            ("application/x-www-form-urlencoded", b"a=b", "YT1i", false),
            ("multipart/form-data; boundary=x", b"a", "YQ==", false),
            ("", b"a", "YQ==", false),
        ] {
            let kind_header: &[(&str, &[u8])] = &[("Content-Type", kind.as_bytes())];
            let event = receive(request("POST", "/v1/feedback", kind_header, body))
                .await
                .unwrap();
            assert_eq!(
                (&event["body"], &event["isBase64Encoded"]),
                (&json!(expected), &json!(!textual)),
                "{kind}"
            );
        }
    }

    #[tokio::test]
    async fn the_gateway_answers_by_itself_what_no_function_should_see() {
        let large = vec![b'a'; BODY_LIMIT + 1];
        let long: &[(&str, &[u8])] = &[("x", &[b'a'; HEADER_LIMIT])];
        let token = Tokens::new("s")
            .issue("analyst", NOW.parse().unwrap())
            .unwrap();
        let bearer = format!("Bearer {token}");
        for (request, status, text) in [
            (request("GET", "/nowhere", &[], ""), 404, "Not Found"),
            (request("PUT", "/v1/feedback", &[], ""), 404, "Not Found"),
            (
                request("POST", "/v1/feedback", &[], large),
                413,
                "Request Entity Too Large",
            ),
            (
                request("POST", "/v1/feedback", long, ""),
                431,
                "Request Header Fields Too Large",
            ),
            (request("GET", "/staff", &[], ""), 401, "Unauthorized"),
            (
                request("GET", "/staff", &[("authorization", b"Bearer \xff")], ""),
                401,
                "Unauthorized",
            ),
            (
                request("GET", "/staff", &[("authorization", b"Basic YTpi")], ""),
                401,
                "Unauthorized",
            ),
            (
                request("GET", "/staff", &[("authorization", bearer.as_bytes())], ""),
                403,
                "Forbidden",
            ),
        ] {
            assert_eq!(
                receive(request).await.unwrap_err(),
                (status, json!({"message": text}).to_string())
            );
        }
    }

    #[tokio::test]
    async fn claims_arrive_as_text() {
        let token = Tokens::new("s")
            .issue("viewer", NOW.parse().unwrap())
            .unwrap();
        let bearer = format!("Bearer {token}");
        let headers: &[(&str, &[u8])] = &[("Authorization", bearer.as_bytes())];
        let event = receive(request("GET", "/staff", headers, ""))
            .await
            .unwrap();
        let jwt = &event["requestContext"]["authorizer"]["jwt"];
        assert_eq!(jwt["scopes"], json!(["resound/cases.read"]));
        assert!(
            jwt["claims"]
                .as_object()
                .unwrap()
                .values()
                .all(Value::is_string)
        );
        let event = receive(request("GET", "/any-staff", headers, ""))
            .await
            .unwrap();
        assert_eq!(
            event["requestContext"]["authorizer"]["jwt"]["scopes"],
            Value::Null
        );
    }

    #[tokio::test]
    async fn a_reply_becomes_a_response() {
        let reply = json!({"statusCode": 303, "headers": {"location": "/x", "x-n": 1, "content-length": "99"},
            "cookies": ["a=1", "b=2"], "body": "aGk=", "isBase64Encoded": true});
        let response = respond(reply);
        assert_eq!(response.headers()["location"], "/x");
        assert_eq!(response.headers()["x-n"], "1");
        assert_eq!(
            response.headers()["content-type"],
            "text/plain;charset=UTF-8"
        );
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(taken(response).await, (303, "hi".into()));
        assert_eq!(
            taken(respond(json!({"a": 1}))).await,
            (200, r#"{"a":1}"#.into())
        );
        assert_eq!(
            taken(respond(json!({"statusCode": 204, "body": "x"}))).await,
            (204, String::new())
        );
        for wrong in [
            json!({"statusCode": 99}),
            json!({"statusCode": 101}),
            json!({"statusCode": "x"}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
            json!({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}),
            json!({"statusCode": 200, "body": "!", "isBase64Encoded": true}),
        ] {
            assert_eq!(taken(respond(wrong.clone())).await.0, 500, "{wrong}");
        }
    }
}
