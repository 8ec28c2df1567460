//! What listens for people and programs: the HTTP API, and beside it `/_local/`, which exists on this machine only.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::{Router, serve};
use jiff::{SignedDuration, Timestamp};
use maud::{DOCTYPE, Markup, html};
use resound_lambda_kit::machine_now;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::auth;
use crate::aws::Letter;
use crate::clock::{self, offset_text};
use crate::engine::{CallError, Engine};
use crate::gateway::{self, Gateway, json_response, message};

/// What our own pages may load.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// What a letter may: be looked at, and lead on.
const LETTER_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The largest body that `/_local/` reads, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// An HTTP API and the engine behind it.
pub struct Server {
    engine: Arc<Engine>,
    gateway: Gateway,
}

impl Server {
    /// A server of this engine.
    pub fn new(engine: Arc<Engine>, gateway: Gateway) -> Arc<Self> {
        Arc::new(Self { engine, gateway })
    }

    /// Answers on a listener until `shutdown`, and then what was asked before it.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let router = Router::new().fallback(answer).with_state(self);
        serve(
            listener,
            router.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(shutdown)
        .await
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request, peer: SocketAddr) -> Response<Body> {
        if is_local(request.uri().path()) {
            return self.local(request).await;
        }
        self.answer_at(request, peer, self.engine.clock().now())
            .await
    }

    /// Answers one request to the HTTP API as of a business time.
    pub(crate) async fn answer_at(
        &self,
        request: Request,
        peer: SocketAddr,
        now: Timestamp,
    ) -> Response<Body> {
        let incoming = match self
            .gateway
            .receive(request, peer, now, machine_now())
            .await
        {
            Ok(incoming) => incoming,
            Err(answer) => return *answer,
        };
        match self.engine.invoke(&incoming.function, incoming.event).await {
            Ok(output) => gateway::respond(output),
            Err(CallError::TimedOut(_)) => {
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Err(CallError::Failed { .. } | CallError::Unknown(_)) => gateway::failed(),
        }
    }

    /// A staff token; `None` if there is no such role.
    pub(crate) fn token(&self, role: &str) -> Option<String> {
        self.gateway.tokens().issue(role, machine_now())
    }

    async fn local(&self, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if let Err(why) = from_this_machine(&parts.headers) {
            return message(StatusCode::FORBIDDEN, why);
        }
        let path = parts
            .uri
            .path()
            .trim_start_matches("/_local")
            .trim_matches('/');
        let wants_page = prefers_html(&parts.headers);
        match (parts.method, path) {
            (Method::GET, "") => page(self.index()),
            (Method::GET, "clock") => json_answer(&self.clock()),
            (Method::POST, "clock") => match to_bytes(body, BODY_LIMIT).await {
                Ok(body) => self.advance(&body).await,
                Err(_) => message(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            },
            (Method::GET, "token") => self.give_token(parts.uri.query().unwrap_or_default()),
            (Method::GET, "mailbox") if wants_page => page(mailbox(&self.letters())),
            (Method::GET, "mailbox") => json_answer(&Caught::json(&self.letters())),
            (Method::GET, path) if path.starts_with("mailbox/") => {
                self.letter(path.trim_start_matches("mailbox/"))
            }
            (Method::POST, path) if path.starts_with("run/") => {
                let query = parts.uri.query().unwrap_or_default();
                self.run_function(path.trim_start_matches("run/"), query)
                    .await
            }
            (_, "" | "clock" | "token" | "mailbox") => {
                message(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
            }
            (_, path) if path.starts_with("run/") => {
                message(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
            }
            _ => message(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    /// The HTML of a letter, as a page of its own.
    fn letter(&self, id: &str) -> Response<Body> {
        let letters = self.engine.aws().mailbox().list();
        let letter = letters.into_iter().find(|letter| letter.id == id);
        match letter.and_then(|letter| letter.html) {
            Some(html) => html_response(html, LETTER_POLICY),
            None => message(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    fn letters(&self) -> Vec<Caught> {
        let mailbox = self.engine.aws().mailbox();
        let letters = mailbox.list();
        let kept = u64::try_from(letters.len()).unwrap_or(u64::MAX);
        let first = mailbox.count().saturating_sub(kept);
        let made_up = self.engine.folder().meta().demo_letters;
        let numbered = (first..).zip(letters);
        numbered
            .map(|(n, letter)| Caught {
                letter,
                demo: n < made_up,
            })
            .collect()
    }

    fn clock(&self) -> Value {
        let clock = self.engine.clock();
        json!({"now": clock.now().to_string(), "offset": offset_text(clock.offset_ms())})
    }

    async fn advance(&self, body: &[u8]) -> Response<Body> {
        let by = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|body| body.get("advance")?.as_str().map(str::to_owned))
            .ok_or_else(|| r#"send {"advance":"PT25H"}"#.to_owned())
            .and_then(|text| clock::parse_advance(&text));
        let by = match by {
            Ok(by) => by,
            Err(fault) => return message(StatusCode::BAD_REQUEST, &fault),
        };
        let quiet = match Arc::clone(&self.engine).advance_to_the_end(by).await {
            Ok(quiet) => quiet,
            Err(fault) => return message(StatusCode::INTERNAL_SERVER_ERROR, &fault),
        };
        let mut answer = self.clock();
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("quiet".to_owned(), json!(quiet.is_quiet()));
            if !quiet.is_quiet() {
                answer.insert("waiting".to_owned(), json!(quiet.waiting));
            }
        }
        json_answer(&answer)
    }

    /// Runs a function now, or as if it were later by the duration `ahead`.
    async fn run_function(&self, function: &str, query: &str) -> Response<Body> {
        let ahead = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "ahead");
        let ahead = ahead.map_or(Ok(0), |(_, by)| clock::parse_advance(&by));
        let at = match ahead {
            Ok(ms) => self.engine.clock().now() + SignedDuration::from_millis(ms),
            Err(fault) => return message(StatusCode::BAD_REQUEST, &fault),
        };
        match self.engine.run_at(function, at).await {
            Some(Ok(output)) => json_answer(&output),
            Some(Err(fault)) => message(StatusCode::INTERNAL_SERVER_ERROR, &fault.to_string()),
            None => message(
                StatusCode::NOT_FOUND,
                &format!("no schedule, stream or queue runs a function named {function}"),
            ),
        }
    }

    fn give_token(&self, query: &str) -> Response<Body> {
        let role = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "role");
        let role = role.map(|(_, role)| role.into_owned()).unwrap_or_default();
        match self.token(&role) {
            Some(token) => json_answer(&json!({"token": token})),
            None => {
                let known: Vec<_> = auth::names().collect();
                let fault = format!("role must be one of {}", known.join(", "));
                message(StatusCode::BAD_REQUEST, &fault)
            }
        }
    }

    fn index(&self) -> Markup {
        let clock = self.engine.clock();
        let stack = self.engine.stack();
        layout(
            "Resound on this machine",
            &html! {
                p { "Business time: " b { (clock.now()) } ", " (offset_text(clock.offset_ms())) " ahead of the machine." }
                ul {
                    li { a href="/f/default" { "/f/default" } " the form that customers see" }
                    li { a href="/_local/mailbox" { "/_local/mailbox" } " what was mailed to customers and staff (" (self.engine.aws().mailbox().count()) ")" }
                    li { a href="/_local/clock" { "/_local/clock" } " business time; POST " code { r#"{"advance":"PT25H"}"# } " to move it" }
                    @for role in auth::names() {
                        li { a href={ "/_local/token?role=" (role) } { "/_local/token?role=" (role) } " a staff token" }
                    }
                    @for schedule in &stack.schedules {
                        li { code { "POST /_local/run/" (schedule.function) } " runs it now" }
                    }
                }
                h2 { "Queues" }
                ul {
                    @for (queue, counts) in self.engine.aws().sqs().all_counts() {
                        li { (queue) ": " (counts.visible) " waiting, " (counts.in_flight) " in work, " (counts.delayed) " delayed" }
                    }
                }
                h2 { "Routes" }
                ul { @for route in self.gateway.routes() { li { code { (route.key.to_string()) } " " (route.function) } } }
            },
        )
    }
}

impl Engine {
    /// As [`Engine::advance`], to its end even if the client hangs up.
    async fn advance_to_the_end(
        self: Arc<Self>,
        by_ms: i64,
    ) -> Result<crate::engine::Quiet, String> {
        let task = tokio::spawn(async move { self.advance(by_ms).await });
        match task.await {
            Ok(outcome) => outcome.map_err(|fault| fault.to_string()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}

async fn answer(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    server.answer(request, peer).await
}

fn is_local(path: &str) -> bool {
    path.strip_prefix("/_local")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A page on another site must not move our clock or read our mail, by itself or by pointing its name at us.
fn from_this_machine(headers: &HeaderMap) -> Result<(), &'static str> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if !is_loopback(host) {
        return Err(
            "/_local/ answers only when called by a name of this machine, such as localhost",
        );
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let host = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, host)| host);
        if !host.is_some_and(is_loopback) {
            return Err("/_local/ does not answer pages of other sites");
        }
    }
    if headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site")
    {
        return Err("/_local/ does not answer pages of other sites");
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// A browser names `text/html`; programs name JSON or nothing.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    let place = |kind: &str| {
        accept
            .split(',')
            .position(|part| part.split(';').next().is_some_and(|p| p.trim() == kind))
    };
    match (place("text/html"), place("application/json")) {
        (Some(html), Some(json)) => html < json,
        (html, _) => html.is_some(),
    }
}

fn json_answer(value: &Value) -> Response<Body> {
    let mut response = json_response(StatusCode::OK, value.to_string());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn page(markup: Markup) -> Response<Body> {
    html_response(markup.into_string(), PAGE_POLICY)
}

fn html_response(html: String, policy: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    response
}

fn layout(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { "body{font:1rem/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
                    "article{border:1px solid #ccc;border-radius:.5rem;padding:1rem;margin:1rem 0}"
                    "pre{white-space:pre-wrap}dt{color:#555}" }
            }
            body { h1 { (title) } (content) }
        }
    }
}

/// A letter in the mailbox.
struct Caught {
    letter: Letter,
    /// Whether `--demo` made it up.
    demo: bool,
}

impl Caught {
    fn json(caught: &[Self]) -> Value {
        let letters = caught.iter().map(|Self { letter, demo }| {
            let mut letter = json!(letter);
            if let (true, Some(letter)) = (demo, letter.as_object_mut()) {
                letter.insert("demo".to_owned(), Value::Bool(true));
            }
            letter
        });
        Value::Array(letters.collect())
    }
}

fn mailbox(letters: &[Caught]) -> Markup {
    layout(
        "Mailbox",
        &html! {
            p { "Everything that was sent by mail and SMS, the latest first. Nothing left this machine. " a href="/_local/" { "Back" } }
            @if letters.is_empty() { p { "Nothing yet." } }
            @for Caught { letter, demo } in letters.iter().rev() {
                article {
                    h2 { @if letter.subject.is_empty() { (letter.channel.to_uppercase()) } @else { (letter.subject) } @if *demo { " (demo)" } }
                    p { (letter.at) " " (letter.channel) " to " b { (letter.to) }
                        @if let Some(about) = &letter.about { " about " code { (about) } } }
                    @for (name, value) in &letter.headers { p { code { (name) ": " (value) } } }
                    pre { (letter.text) }
                    @if letter.html.is_some() {
                        p { a href={ "/_local/mailbox/" (letter.id) } { "HTML" } }
                    }
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_kept_out() {
        let check = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            from_this_machine(&map).is_ok()
        };
        for host in [
            "localhost",
            "LOCALHOST:8787",
            "127.0.0.1:8787",
            "127.9.9.9",
            "[::1]:8787",
        ] {
            assert!(check(&[("host", host)]), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "10.0.0.1:8787",
            "127.0.0.1.example.com",
            "[::2]",
        ] {
            assert!(!check(&[("host", host)]), "{host}");
        }
        assert!(check(&[
            ("host", "localhost"),
            ("origin", "http://localhost:8787")
        ]));
        assert!(!check(&[
            ("host", "localhost"),
            ("origin", "https://example.com")
        ]));
        assert!(!check(&[("host", "localhost"), ("origin", "null")]));
        assert!(!check(&[
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site")
        ]));
    }

    #[test]
    fn a_browser_gets_a_page_and_a_program_json() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("application/json, text/html", false),
            ("text/html;q=0.9, application/json;q=0.1", true),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(prefers_html(&headers), expected, "{accept}");
        }
    }

    #[test]
    fn a_letter_is_shown_and_not_run() {
        let letter = Letter {
            at: "2026-11-21T10:00:00Z".parse().unwrap(),
            channel: "email".into(),
            from: "<b@b.example>".into(),
            to: "<a@b.example>".into(),
            subject: "<script>1</script>".into(),
            text: "a & b".into(),
            html: Some("<p onclick=\"x()\">hi</p>".into()),
            about: None,
            headers: [("X-Odd".into(), "<b>".into())].into(),
            id: "1".into(),
        };
        let caught = [Caught { letter, demo: true }];
        assert_eq!(Caught::json(&caught)[0]["demo"], true);
        let page = mailbox(&caught).into_string();
        assert!(page.contains("(demo)"));
        assert!(!page.contains("<script>"));
        assert!(page.contains("a &amp; b"));
        assert!(page.contains("X-Odd: &lt;b&gt;"));
        assert!(
            page.contains(r#"<a href="/_local/mailbox/1">HTML</a>"#),
            "{page}"
        );
        assert!(!page.contains("onclick"), "its page is another: {page}");
    }
}
