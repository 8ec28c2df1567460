//! Messages that go over real connections to servers that behave as the providers do: each verifies what it is sent by
//! its own means, and answers as the real one would.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use resound_domain::locale::Locale;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::outbound::{Outbound, Reach, Target};
use resound_sinks::{
    Answer, Cause, Event, Fate, Line, Message, Recipients, Sender, Severity, SinkKind,
};
use ring::hmac;
use serde_json::{Value, json};

/// A request that a provider took.
#[derive(Debug, Clone)]
struct Request {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A parameter of the query, decoded by hand.
    fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let value = query.split('&').find_map(|pair| {
            let (found, value) = pair.split_once('=')?;
            (found == name).then_some(value)
        })?;
        let mut bytes = value.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                b'+' => b' ',
                byte => byte,
            });
        }
        Some(String::from_utf8(out).unwrap())
    }
}

/// What a provider does with a request: a status, further headers and a body.
type Behaviour = dyn Fn(&Request) -> (u16, &'static str, String) + Send + Sync;

struct Provider {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Provider {
    fn behaving(
        behaviour: impl Fn(&Request) -> (u16, &'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let behaviour: Box<Behaviour> = Box::new(behaviour);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(request) = read(&mut stream) else {
                    continue;
                };
                let (status, headers, body) = behaviour(&request);
                kept.lock().unwrap().push(request);
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} As it is\r\n{headers}content-length: {length}\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).unwrap_or_default();
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect();
            let request = Request {
                path,
                headers,
                body: body.to_owned(),
            };
            if request.header("content-length")?.parse::<usize>().ok()? <= body.len() {
                return Some(request);
            }
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

fn now() -> Timestamp {
    "2026-11-21T10:01:00.789Z".parse().unwrap()
}

fn message(lines: usize) -> Message {
    let line = |n: usize| Line {
        text: format!("[P2] Overdue: first response [R-{n:05}]"),
        url: format!("https://example.test/v1/cases/{n}"),
        about: n.to_string(),
        trace: None,
        event: Event {
            kind: "case.breached".to_owned(),
            at: now(),
            data: json!({"case": n.to_string()}),
        },
    };
    Message {
        id: "01ARZ3NDEKTSV4RRFFQ69G5FAV-2-owner".parse().unwrap(),
        at: now(),
        locale: Locale::En,
        severity: Severity::Urgent,
        title: format!("{lines} alerts"),
        lines: (1..=lines).map(line).collect(),
        more: 0,
        queue: "https://example.test/v1/cases".to_owned(),
    }
}

/// A sink as a document describes it.
fn sink(mut kind: Value) -> SinkKind {
    kind["name"] = "sink".into();
    let document =
        json!({"audiences": {"owner": {"locale": "en", "time_zone": "UTC", "sinks": [kind]}}});
    let recipients = Recipients::read(&document, Reach::Anywhere, None).unwrap();
    let (_, recipient) = recipients.iter().next().unwrap();
    recipient.sinks[0].kind.clone()
}

async fn send_at(sink: &SinkKind, message: &Message, now: Timestamp) -> Answer {
    let sender = Sender::new(None, Outbound::new(Reach::Anywhere));
    sender.send(sink, message, now).await
}

async fn send(sink: &SinkKind, message: &Message) -> Answer {
    send_at(sink, message, now()).await
}

fn accepted() -> Answer {
    Answer::Accepted { provider_id: None }
}

fn refused(cause: Cause, reason: &str) -> Answer {
    Answer::Refused {
        cause,
        reason: reason.to_owned(),
    }
}

fn hmac_base64(key: &[u8], text: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text))
}

#[tokio::test]
async fn slack_takes_blocks() {
    let slack = Provider::behaving(|request| {
        let body = request.json();
        let blocks = body["blocks"].as_array().map_or(0, Vec::len);
        match (request.path.as_str(), blocks) {
            ("/services/T/B/x", 1..=50) if body["text"].is_string() => (200, "", "ok".to_owned()),
            ("/services/T/B/x", _) => (400, "", "invalid_blocks".to_owned()),
            ("/services/T/B/busy", _) => (429, "retry-after: 30\r\n", "rate_limited".to_owned()),
            ("/services/T/B/archived", _) => (410, "", "channel_is_archived".to_owned()),
            _ => (404, "", "no_service".to_owned()),
        }
    });
    let at = |path: &str| {
        sink(json!({"kind": "slack", "url": format!("{}/services/T/B/{path}", slack.url)}))
    };
    for lines in [1, 60, 2000] {
        assert_eq!(send(&at("x"), &message(lines)).await, accepted());
    }
    assert_eq!(
        send(&at("busy"), &message(1)).await,
        Answer::TryLater {
            reason: "Slack answered 429".to_owned(),
            after: Some(Duration::from_secs(30)),
            fate: Fate::NotTaken,
        }
    );
    for path in ["archived", "gone"] {
        assert!(matches!(
            send(&at(path), &message(1)).await,
            Answer::Gone { .. }
        ));
    }
    let requests = slack.requests();
    assert_eq!(
        requests[0].header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[tokio::test]
async fn wecom_counts_bytes_and_messages() {
    let sent = Mutex::new(0);
    let wecom = Provider::behaving(move |request| {
        let mut sent = sent.lock().unwrap();
        *sent += 1;
        let body = request.json();
        let content = body["markdown"]["content"].as_str().unwrap_or_default();
        let answer = match () {
            () if request.query("key").as_deref() != Some("k") => {
                json!({"errcode": 93000, "errmsg": "invalid webhook url"})
            }
            () if body["msgtype"] != "markdown" || content.is_empty() => json!({"errcode": 40008}),
            () if content.len() > 4096 => {
                json!({"errcode": 40058, "errmsg": "markdown.content exceed max length 4096"})
            }
            () if *sent > 20 => json!({"errcode": 45009, "errmsg": "api freq out of limit"}),
            () => json!({"errcode": 0, "errmsg": "ok"}),
        };
        (200, "", answer.to_string())
    });
    let at = |key: &str| {
        sink(
            json!({"kind": "wecom", "url": format!("{}/cgi-bin/webhook/send?key={key}", wecom.url)}),
        )
    };
    assert_eq!(
        send(&at("other"), &message(1)).await,
        Answer::Gone {
            reason: "WeCom answered 93000 (invalid webhook address)".to_owned()
        }
    );
    for lines in 0..19 {
        assert_eq!(send(&at("k"), &message(lines * 20)).await, accepted());
    }
    assert_eq!(
        send(&at("k"), &message(1)).await,
        Answer::TryLater {
            reason: "WeCom answered 45009 (more than 20 messages a minute)".to_owned(),
            after: Some(Duration::from_secs(60)),
            fate: Fate::NotTaken,
        }
    );
}

#[tokio::test]
async fn dingtalk_verifies_time_and_signature() {
    let dingtalk = Provider::behaving(|request| {
        let (timestamp, sign) = (request.query("timestamp"), request.query("sign"));
        let timestamp: i64 = timestamp.unwrap_or_default().parse().unwrap_or(0);
        let right = hmac_base64(b"SECret", format!("{timestamp}\nSECret").as_bytes());
        let late = (timestamp - now().as_millisecond()).abs() > 3_600_000;
        let body = request.json();
        let answer = match () {
            () if request.query("access_token").as_deref() != Some("t+1") => {
                json!({"errcode": 300001, "errmsg": "token is not exist"})
            }
            () if late => json!({"errcode": 310000, "errmsg": "invalid timestamp"}),
            () if sign != Some(right) => json!({"errcode": 310000, "errmsg": "sign not match"}),
            () if request.body.len() > 20_000 => {
                json!({"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"})
            }
            () if body["markdown"]["title"] == "" => json!({"errcode": 40035}),
            () => json!({"errcode": 0, "errmsg": "ok"}),
        };
        (200, "", answer.to_string())
    });
    let at = |token: &str, secret: &str| {
        let url = format!("{}/robot/send?access_token={token}", dingtalk.url);
        sink(json!({"kind": "dingtalk", "url": url, "secret": secret}))
    };
    for lines in [1, 500] {
        assert_eq!(
            send(&at("t%2B1", "SECret"), &message(lines)).await,
            accepted()
        );
    }
    let unsigned = refused(
        Cause::Credentials,
        "DingTalk answered 310000 (signature, time, keyword or address of the sender)",
    );
    assert_eq!(send(&at("t%2B1", "SECrets"), &message(1)).await, unsigned);
    let late = now() + jiff::SignedDuration::from_secs(3601);
    let sent = send_at(&at("t%2B1", "SECret"), &message(1), late).await;
    assert_eq!(sent, unsigned);
    assert!(matches!(
        send(&at("x", "SECret"), &message(1)).await,
        Answer::Gone { .. }
    ));
}

#[tokio::test]
async fn feishu_verifies_time_and_signature() {
    let feishu = Provider::behaving(|request| {
        let body = request.json();
        let timestamp: i64 = body["timestamp"]
            .as_str()
            .unwrap_or_default()
            .parse()
            .unwrap_or(0);
        let right = hmac_base64(format!("{timestamp}\nsecret").as_bytes(), &[]);
        let late = (timestamp - now().as_second()).abs() > 3600;
        let answer = match () {
            () if request.path != "/open-apis/bot/v2/hook/t" => {
                json!({"code": 19001, "msg": "param invalid: incoming webhook access token invalid"})
            }
            () if late || body["sign"] != right => {
                json!({"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"})
            }
            () if request.body.len() > 20 * 1024 || body["msg_type"] != "post" => {
                json!({"code": 9499, "msg": "Bad Request"})
            }
            () => json!({"code": 0, "msg": "success", "data": {}, "StatusCode": 0}),
        };
        (200, "", answer.to_string())
    });
    let at = |token: &str, secret: &str| {
        let url = format!("{}/open-apis/bot/v2/hook/{token}", feishu.url);
        sink(json!({"kind": "feishu", "url": url, "secret": secret}))
    };
    for lines in [1, 500] {
        assert_eq!(send(&at("t", "secret"), &message(lines)).await, accepted());
    }
    let unsigned = refused(
        Cause::Credentials,
        "Feishu answered 19021 (signature, or a time more than an hour off)",
    );
    assert_eq!(send(&at("t", "other"), &message(1)).await, unsigned);
    let late = now() + jiff::SignedDuration::from_secs(3601);
    assert_eq!(
        send_at(&at("t", "secret"), &message(1), late).await,
        unsigned
    );
    assert!(matches!(
        send(&at("x", "secret"), &message(1)).await,
        Answer::Gone { .. }
    ));
}

/// The secrets of a receiver that verifies as the standard says, whose clock shows `now`.
fn verifies(request: &Request, secret: &str, now: i64) -> bool {
    let (Some(id), Some(timestamp), Some(signatures)) = (
        request.header("webhook-id"),
        request.header("webhook-timestamp"),
        request.header("webhook-signature"),
    ) else {
        return false;
    };
    let Ok(seconds) = timestamp.parse::<i64>() else {
        return false;
    };
    if (now - seconds).abs() > 300 {
        return false;
    }
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let right = hmac_base64(
        &key,
        format!("{id}.{timestamp}.{}", request.body).as_bytes(),
    );
    let mut signatures = signatures.split(' ');
    signatures.any(|signature| signature == format!("v1,{right}"))
}

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

#[tokio::test]
async fn a_receiver_may_change_its_secret_whenever_it_likes() {
    let receiver = Provider::behaving(|_| (204, "", String::new()));
    let send = async |secrets: &[&str]| {
        let kind =
            json!({"kind": "webhook", "url": format!("{}/hook", receiver.url), "secrets": secrets});
        send(&sink(kind), &message(3)).await
    };
    for secrets in [&[OLD][..], &[NEW, OLD], &[NEW]] {
        assert_eq!(send(secrets).await, accepted());
    }
    let now = now().as_second();
    let accepting = |secret: &str| {
        let requests = receiver.requests();
        requests
            .iter()
            .map(|request| verifies(request, secret, now))
            .collect::<Vec<_>>()
    };
    assert_eq!(accepting(OLD), [true, true, false]);
    assert_eq!(accepting(NEW), [false, true, true]);
    assert_eq!(accepting(OTHER), [false; 3]);
    let rotating = receiver.requests()[1].clone();
    assert_eq!(
        rotating.header("webhook-id"),
        Some("01ARZ3NDEKTSV4RRFFQ69G5FAV-2-owner")
    );
    assert_eq!(rotating.json()["type"], "alerts.grouped");
    let signatures = rotating.header("webhook-signature").unwrap();
    assert_eq!(signatures.matches("v1,").count(), 2);
}

/// The published cases, against the receiver above: so it is one that the signatures of this crate can be trusted to.
#[tokio::test]
async fn the_receiver_of_these_tests_verifies_as_published() {
    let receiver = Provider::behaving(|_| (200, "", String::new()));
    let kind = json!({"kind": "webhook", "url": receiver.url, "secrets": [OLD]});
    assert_eq!(send(&sink(kind), &message(1)).await, accepted());
    let sent = receiver.requests()[0].clone();
    let at = now().as_second();
    assert!(
        verifies(&sent, OLD, at)
            && verifies(&sent, OLD, at + 300)
            && verifies(&sent, OLD, at - 300)
    );
    let without = |name: &str| {
        let mut request = sent.clone();
        request.headers.retain(|(found, _)| found != name);
        assert_eq!(request.headers.len() + 1, sent.headers.len());
        request
    };
    let signed = |signature: String| {
        let mut request = without("webhook-signature");
        request
            .headers
            .push(("webhook-signature".to_owned(), signature));
        request
    };
    let right = sent.header("webhook-signature").unwrap();
    let mut seen = 0;
    for line in include_str!("vectors/webhooks.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        if vector["kind"] != "standard_webhooks_verify_case" {
            continue;
        }
        let (request, now) = match vector["case"].as_str().unwrap() {
            "missing webhook-id" => (without("webhook-id"), at),
            "missing webhook-signature" => (without("webhook-signature"), at),
            case if case.ends_with("(last byte off)") => {
                let last = right.trim_end_matches('=').len() - 1;
                let other = if &right[last..=last] == "A" { "Q" } else { "A" };
                (signed(format!("{}{other}=", &right[..last])), at)
            }
            "first 8 characters of a right signature" => (signed(right[..8].to_owned()), at),
            "timestamp newer than now + 300 s (301 s)" => (sent.clone(), at - 301),
            "several v1 signatures, none right" => {
                let [one, two] = [NEW, OTHER].map(|secret| {
                    let secret: resound_sinks::standard::Secret = secret.parse().unwrap();
                    secret.sign(sent.header("webhook-id").unwrap(), at, &sent.body)
                });
                (signed(format!("{one} {two}")), at)
            }
            // Of secrets, not of requests: `standard::tests::padding_may_be_missing`.
            case if case.starts_with("unpadded base64 secret") => {
                seen += 1;
                continue;
            }
            unknown => panic!("a case that nothing here tests: {unknown}"),
        };
        assert_eq!(vector["expected"], "reject");
        assert!(!verifies(&request, OLD, now), "{}", vector["case"]);
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[tokio::test]
async fn what_a_receiver_answers_is_what_is_made_of_it() {
    for (status, headers, expected) in [
        (200, "", "accepted"),
        (
            302,
            "location: http://127.0.0.1:9/\r\n",
            "refused: the receiver answered 302",
        ),
        (404, "", "refused: the receiver answered 404"),
        (410, "", "the receiver is gone: the receiver answered 410"),
        (500, "", "not taken: the receiver answered 500"),
    ] {
        let receiver = Provider::behaving(move |_| (status, headers, String::new()));
        let kind = json!({"kind": "webhook", "url": receiver.url, "secrets": [OLD]});
        assert_eq!(send(&sink(kind), &message(1)).await.to_string(), expected);
        assert_eq!(receiver.requests().len(), 1);
    }
    for (when, wait) in [
        ("120", 120),
        ("Sat, 21 Nov 2026 10:03:00 GMT", 119),
        ("1000000", 86_400),
    ] {
        let header: &'static str = format!("retry-after: {when}\r\n").leak();
        let receiver = Provider::behaving(move |_| (503, header, String::new()));
        let kind = json!({"kind": "webhook", "url": receiver.url, "secrets": [OLD]});
        let Answer::TryLater { after, .. } = send(&sink(kind), &message(1)).await else {
            panic!("{when}");
        };
        assert_eq!(after.unwrap().as_secs(), wait);
    }
}

#[tokio::test]
async fn letters_go_through_the_mailer() {
    let ses = Provider::behaving(|request| {
        match request.json()["Destination"]["ToAddresses"][0].as_str() {
            Some("lead@example.test") => (200, "", json!({"MessageId": "m-1"}).to_string()),
            _ => (
                400,
                "x-amzn-errortype: MessageRejected\r\n",
                "{}".to_owned(),
            ),
        }
    });
    let mailer = Clients::new(&Settings::emulator(&ses.url)).mailer;
    let from = "Resound <resound@example.test>".parse().unwrap();
    let sender = Sender::new(Some((mailer, from)), Outbound::new(Reach::Public));
    let to = |to: &str| sink(json!({"kind": "email", "to": to}));
    assert_eq!(
        sender
            .send(&to("lead@example.test"), &message(2), now())
            .await,
        Answer::Accepted {
            provider_id: Some("m-1".to_owned())
        }
    );
    assert_eq!(
        sender
            .send(&to("nobody@example.test"), &message(2), now())
            .await,
        refused(Cause::Content, "SES answered 400 MessageRejected")
    );
    assert_eq!(
        send(&to("lead@example.test"), &message(2)).await,
        refused(Cause::NotConfigured, "no mail is set up")
    );
}

#[tokio::test]
async fn a_robot_that_moved_into_ones_own_network_is_not_called() {
    // As if a document that was read for a developer's machine came to be used in production.
    let trap = Provider::behaving(|_| (200, "", "ok".to_owned()));
    let kind = sink(json!({"kind": "slack", "url": format!("{}/services/x", trap.url)}));
    let sender = Sender::new(None, Outbound::new(Reach::Public));
    let Answer::TryLater { fate, .. } = sender.send(&kind, &message(1), now()).await else {
        panic!("not sent");
    };
    assert_eq!(fate, Fate::NotTaken);
    let local = Target::new("https://localhost/services/x", Reach::Anywhere).unwrap();
    let kind = SinkKind::Slack { url: local };
    let sent = sender.send(&kind, &message(1), now()).await;
    assert!(matches!(
        sent,
        Answer::TryLater {
            fate: Fate::NotTaken,
            ..
        }
    ));
    assert!(trap.requests().is_empty());
}
