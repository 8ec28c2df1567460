//! The whole system over real sockets, with functions that answer what they were asked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside of the test functions that clippy knows"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use resound_lambda_kit::{Fault, Function, Invocation};
use resound_local::data::DataFolder;
use resound_local::registry::Registry;
use resound_local::run::{LocalStack, Options, RunError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

macro_rules! echoes {
    ($registry:expr, $($kind:ident $name:literal),*) => {{
        $(
            struct $kind;
            impl Function for $kind {
                const NAME: &'static str = $name;
                type Event = Value;
                type Output = Value;
                async fn handle(&self, event: Value, _: &Invocation) -> Result<Value, Fault> {
                    if event["rawQueryString"] == "fail" {
                        return Err(Fault::new("as told"));
                    }
                    match event.get("rawPath") {
                        Some(_) => Ok(json!({"statusCode": 200, "body": event.to_string()})),
                        None => Ok(json!({"function": $name, "event": event})),
                    }
                }
            }
        )*
        $registry $(.with(|_| Ok(()), |(), _| $kind))*
    }};
}

fn registry() -> Registry {
    echoes!(
        Registry::new(),
        Submit "submit-feedback", Serve "serve-pages", Take "take-answers", Manage "manage-cases", Report "report-nps",
        Policy "manage-policy",
        Relay "relay-events", Alert "alert-breaches", Notify "notify-staff", Close "close-loop", Settle "settle-notices",
        Aggregate "aggregate-nps", Watch "watch-risks", Write "write-reports", Reports "serve-reports", Issues "manage-issues", Link "link-issues", Tell "tell-reporters"
    )
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "resound-server-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(name))
    }

    fn options(&self) -> Options {
        Options {
            port: 0,
            data: self.0.clone(),
            parameters: BTreeMap::new(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ignored = fs::remove_dir_all(&self.0);
    }
}

struct Running {
    address: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    async fn start(folder: &Folder) -> Self {
        let stack = LocalStack::bring_up(&folder.options(), &registry())
            .await
            .unwrap();
        stack.engine().recover().await.unwrap();
        let address = stack.http_url().trim_start_matches("http://").to_owned();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(stack.run(async move { drop(stopped.await) }));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }

    /// Sends bytes as they are and returns the whole answer.
    async fn raw(&self, request: &[u8]) -> String {
        let mut socket = TcpStream::connect(&self.address).await.unwrap();
        socket.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let read =
            tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await;
        read.unwrap().unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Status and body.
    async fn ask(&self, method: &str, target: &str, headers: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.address
        );
        let answer = self.raw(request.as_bytes()).await;
        let status = answer
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("no status: {answer}"))
            .parse()
            .unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (
            status,
            serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)),
        )
    }
}

#[tokio::test]
async fn requests_reach_their_functions() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (status, event) = running.ask("GET", "/f/default?lang=en", "", "").await;
    assert_eq!((status, &event["routeKey"]), (200, &json!("GET /f/{form}")));
    assert_eq!(event["pathParameters"], json!({"form": "default"}));
    assert_eq!(
        running.ask("GET", "/nowhere", "", "").await,
        (404, json!({"message": "Not Found"}))
    );
    assert_eq!(
        running.ask("GET", "/f/default?fail", "", "").await,
        (500, json!({"message": "Internal Server Error"}))
    );
    assert_eq!(
        running.ask("GET", "/v1/cases", "", "").await,
        (401, json!({"message": "Unauthorized"}))
    );
    let (status, answer) = running.ask("GET", "/_local/token?role=agent", "", "").await;
    assert_eq!(status, 200);
    let bearer = format!(
        "Authorization: Bearer {}\r\n",
        answer["token"].as_str().unwrap()
    );
    let (status, event) = running
        .ask("GET", "/v1/cases?state=open", &bearer, "")
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"],
        "agent"
    );
    running.stop().await;
}

#[tokio::test]
async fn whatever_a_client_sends_is_answered() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let head = format!("Host: {}\r\nConnection: close\r\n", running.address);
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\n{head}\r\n").into_bytes();
    let long = "a".repeat(9_000);
    let mut latin = format!("GET /f/default HTTP/1.1\r\n{head}X-Odd: ").into_bytes();
    latin.extend_from_slice(b"\xff\xfe\r\n\r\n");
    let forwarded = format!(
        "GET /f/default HTTP/1.1\r\n{head}X-Forwarded-Proto: <>\" ,,\r\nX-Forwarded-For: ]][\r\nX-Forwarded-Port: no\r\n\r\n"
    );
    let chunks =
        format!("POST /v1/feedback HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n");
    for (request, expected) in [
        (get("/f/default?q=a b"), &[400][..]),
        (get("/f/default?q=\"<>\\^`{|}"), &[200, 400]),
        (get("/f/default?q=<script>"), &[200, 400]),
        (get("/f/%ff%zz%"), &[200]),
        (get("/f/%00"), &[200]),
        (get("/f/..%2f..%2fetc"), &[200]),
        (get("//f//default"), &[404]),
        (get("*"), &[400, 404]),
        (get("http://elsewhere.example/f/default"), &[200]),
        (get(&format!("/f/{long}")), &[200]),
        (get(&format!("/f/{long}{long}")), &[431]),
        (get(&format!("/f/{}", "a".repeat(70_000))), &[414]),
        (latin, &[200]),
        (forwarded.into_bytes(), &[200]),
        (chunks.into_bytes(), &[400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(), &[400]),
        (b"BREW / HTTP/1.0\r\n\r\n".to_vec(), &[404]),
    ] {
        let answer = running.raw(&request).await;
        let status: u16 = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
        let shown = String::from_utf8_lossy(&request[..request.len().min(120)]).into_owned();
        assert!(
            expected.contains(&status),
            "{shown:?} was answered with {answer:?}"
        );
    }
    // Eleven megabytes of it.
    let length = 11 * 1024 * 1024;
    let mut large = format!("POST /v1/feedback HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n")
        .into_bytes();
    large.resize(large.len() + length, b'x');
    assert!(running.raw(&large).await.starts_with("HTTP/1.1 413 "));
    running.stop().await;
}

#[tokio::test]
async fn time_moves_and_is_kept() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (status, answer) = running
        .ask("POST", "/_local/clock", "", r#"{"advance":"PT25H"}"#)
        .await;
    assert_eq!(
        (status, &answer["quiet"], &answer["offset"]),
        (200, &json!(true), &json!("PT25H"))
    );
    for (body, expected) in [
        ("", "send {\"advance\":\"PT25H\"}"),
        (r#"{"advance":5}"#, "send {\"advance\":\"PT25H\"}"),
        (
            r#"{"advance":"-PT1H"}"#,
            "time moves forward only: advance must not be negative",
        ),
    ] {
        let answer = running.ask("POST", "/_local/clock", "", body).await;
        assert_eq!(answer, (400, json!({"message": expected})));
    }
    let (_, before) = running.ask("GET", "/_local/clock", "", "").await;
    running.stop().await;

    let running = Running::start(&folder).await;
    let (_, after) = running.ask("GET", "/_local/clock", "", "").await;
    assert_eq!(after["offset"], before["offset"]);
    assert!(after["now"].as_str() >= before["now"].as_str());
    let (_, event) = running.ask("GET", "/f/default", "", "").await;
    let ms = event["requestContext"]["timeEpoch"].as_i64().unwrap();
    let now: jiff::Timestamp = after["now"].as_str().unwrap().parse().unwrap();
    assert!(
        (ms - now.as_millisecond()).abs() < 10_000,
        "requests carry business time"
    );
    running.stop().await;
}

#[tokio::test]
async fn the_local_routes_do_what_they_say() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (status, output) = running
        .ask("POST", "/_local/run/aggregate-nps", "", "")
        .await;
    assert_eq!(
        (status, &output["function"]),
        (200, &json!("aggregate-nps"))
    );
    assert!(
        output["event"]["time"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    assert_eq!(
        running.ask("POST", "/_local/run/close-loop", "", "").await,
        (200, json!({"quiet": true, "waiting": []})),
        "what its queue holds is delivered"
    );
    assert_eq!(
        running
            .ask("POST", "/_local/run/serve-pages", "", "")
            .await
            .0,
        404,
        "it answers requests only"
    );
    let later = "/_local/run/aggregate-nps?ahead=P1D";
    let (status, ahead) = running.ask("POST", later, "", "").await;
    let time = |output: &Value| -> jiff::Timestamp {
        output["event"]["time"].as_str().unwrap().parse().unwrap()
    };
    let hours = time(&ahead).duration_since(time(&output)).as_hours();
    assert_eq!((status, hours), (200, 24));
    let wrong = "/_local/run/aggregate-nps?ahead=soon";
    assert_eq!(running.ask("POST", wrong, "", "").await.0, 400);
    assert_eq!(
        running.ask("POST", "/_local/run/nobody", "", "").await.0,
        404
    );
    assert_eq!(
        running
            .ask("GET", "/_local/run/aggregate-nps", "", "")
            .await
            .0,
        405
    );
    assert_eq!(
        running
            .ask("GET", "/_local/token?role=king", "", "")
            .await
            .0,
        400
    );
    assert_eq!(running.ask("GET", "/_local/token", "", "").await.0, 400);
    assert_eq!(running.ask("GET", "/_local/nothing", "", "").await.0, 404);
    assert_eq!(running.ask("GET", "/_locality", "", "").await.0, 404);
    assert_eq!(
        running.ask("GET", "/_local/mailbox", "", "").await,
        (200, json!([]))
    );
    let (_, page) = running
        .ask("GET", "/_local/mailbox", "Accept: text/html\r\n", "")
        .await;
    assert!(page.as_str().unwrap().contains("Nothing yet."));
    let (_, page) = running.ask("GET", "/_local/", "", "").await;
    assert!(
        page.as_str()
            .unwrap()
            .contains("/_local/run/alert-breaches")
    );
    let foreign = "Origin: https://example.com\r\n";
    assert_eq!(
        running
            .ask("POST", "/_local/clock", foreign, r#"{"advance":"PT1H"}"#)
            .await
            .0,
        403
    );
    running.stop().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_in_a_sentence() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let fault = LocalStack::bring_up(&folder.options(), &registry())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(fault.contains("in use by another process"), "{fault}");
    let other = Folder::new();
    let port = running.address.rsplit(':').next().unwrap().parse().unwrap();
    let busy = Options {
        port,
        ..other.options()
    };
    let fault = LocalStack::bring_up(&busy, &registry())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        fault.starts_with(&format!("port {port} is in use")),
        "{fault}"
    );
    running.stop().await;

    let fault = LocalStack::bring_up(&other.options(), &Registry::new())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        fault.ends_with("which this program does not have"),
        "{fault}"
    );
    let wrong = Options {
        parameters: [("Colour".to_owned(), "red".to_owned())].into(),
        ..other.options()
    };
    let fault = LocalStack::bring_up(&wrong, &registry())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        fault.starts_with("infra/template.yaml: parameter Colour is not one of"),
        "{fault}"
    );
    let damaged = Folder::new();
    drop(DataFolder::open(&damaged.0).unwrap());
    fs::write(damaged.0.join("dynamodb.sqlite"), "not a database").unwrap();
    let fault = LocalStack::bring_up(&damaged.options(), &registry())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(fault.contains("is damaged"), "{fault}");
    assert!(!fault.contains('\n'));
}
