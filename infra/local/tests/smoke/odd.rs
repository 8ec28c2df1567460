//! Whatever a client sends is answered, and never with a fault of ours.

use std::io::{BufReader, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, connect, exchange};
use crate::system::{Folder, System};

/// Sends bytes as they are; every answer must have one of these statuses.
#[track_caller]
fn raw(system: &System, request: &[u8], expected: &[u16]) -> Vec<Answer> {
    let shown = String::from_utf8_lossy(&request[..request.len().min(150)]).into_owned();
    let answers =
        exchange(&system.http, request).unwrap_or_else(|fault| panic!("{shown:?}: {fault}"));
    assert!(!answers.is_empty(), "{shown:?} was not answered");
    for answer in &answers {
        assert!(
            expected.contains(&answer.status),
            "{shown:?}: {} {:.300}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    answers
}

#[test]
fn odd_bodies_are_answered() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let deep = |depth: usize, open: &str, close: &str| {
        format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes()
    };
    let json_kind = "application/json";
    let form = "application/x-www-form-urlencoded";
    let parts = "multipart/form-data; boundary=X";
    let part = |head: &str, body: &str| {
        format!("--X\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n--X--\r\n")
            .into_bytes()
    };
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        (json_kind, deep(1_000_000, "[", "]"), &[400, 413]),
        (json_kind, deep(100_000, "[", "]"), &[400]),
        (json_kind, deep(1_000_000, "{\"a\":", "}"), &[400, 413]),
        (json_kind, deep(40_000, "{\"a\":", "}"), &[400]),
        (json_kind, deep(100_000, "{\"text\":[", "]}"), &[400, 413]),
        (json_kind, b"".to_vec(), &[400]),
        (json_kind, b"{".to_vec(), &[400]),
        (json_kind, b"null".to_vec(), &[400]),
        (json_kind, b"[]".to_vec(), &[400]),
        (
            json_kind,
            b"{\"text\": \"a\", \"text\": \"b\"}".to_vec(),
            &[422],
        ),
        (json_kind, b"{\"text\": \"\\ud800\"}".to_vec(), &[400, 422]),
        (json_kind, b"{\"text\": \"\xff\xfe\"}".to_vec(), &[400]),
        (
            json_kind,
            "{\"text\": \"太慢\"}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            &[400],
        ),
        (
            json_kind,
            b"\xef\xbb\xbf{\"text\": \"a mark of byte order\"}".to_vec(),
            &[201, 400],
        ),
        (
            json_kind,
            b"{\"text\": {\"text\": \"a\"}, \"contact\": \"x\"}".to_vec(),
            &[422],
        ),
        (json_kind, b"{\"nps\": 1e400}".to_vec(), &[400, 422]),
        (json_kind, b"{\"nps\": 7.0}".to_vec(), &[201, 422]),
        (json_kind, b"{\"nps\": -0}".to_vec(), &[201, 422]),
        (
            json_kind,
            b"{\"nps\": 99999999999999999999999999}".to_vec(),
            &[422],
        ),
        (
            json_kind,
            b"{\"text\": \"nul \\u0000, escape \\u001b[31m\"}".to_vec(),
            &[201, 422],
        ),
        (
            json_kind,
            json!({"text": "😀👩‍👩‍👧‍👦\u{202e}\u{2066}شكراً\u{0301}\u{feff}"})
                .to_string()
                .into_bytes(),
            &[201],
        ),
        (
            json_kind,
            json!({"text": "x".repeat(10_001)}).to_string().into_bytes(),
            &[422],
        ),
        (
            json_kind,
            json!({"text": "a", "contact": {"email": "a@b.example\r\nBcc: c@d.example"}})
                .to_string()
                .into_bytes(),
            &[422],
        ),
        (
            json_kind,
            json!({"text": "a", "contact": {"email": "a@b.example\u{0}"}})
                .to_string()
                .into_bytes(),
            &[422],
        ),
        (
            json_kind,
            json!({"text": "a", "contact": {"email": "\"<script>\"@b.example"}})
                .to_string()
                .into_bytes(),
            &[422],
        ),
        (
            json_kind,
            json!({"text": "a", "contact": {"name": "a\r\nBcc: c@d.example"}})
                .to_string()
                .into_bytes(),
            &[422],
        ),
        (
            json_kind,
            json!({"text": "a", "product": "p\u{0}#|\\", "touchpoint": "#DAY#"})
                .to_string()
                .into_bytes(),
            &[201, 422],
        ),
        (
            json_kind,
            json!({"text": "a", "__proto__": {"x": 1}, "unknown": [1]})
                .to_string()
                .into_bytes(),
            &[201],
        ),
        (form, b"text=%ff%fe".to_vec(), &[400]),
        (form, b"text=\xb2\xbb\xc2\xfa".to_vec(), &[400]),
        (form, b"text=a&text=b".to_vec(), &[422]),
        (form, b"%%%=%&text=100%+sure+%zz".to_vec(), &[201, 422]),
        (form, b"text=%00".to_vec(), &[201, 422]),
        (form, b"&&&===&".to_vec(), &[422]),
        (form, b"text[]=a&text[0]=b".to_vec(), &[422]),
        (form, "a=&".repeat(80_000).into_bytes(), &[422, 400]),
        (parts, part("name=\"text\"", "a"), &[201]),
        (
            parts,
            part("name=\"text\"; filename=\"a.txt\"", "a"),
            &[422],
        ),
        (
            parts,
            b"--X\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\ncut sho".to_vec(),
            &[400],
        ),
        (parts, b"nothing of the kind".to_vec(), &[400, 422]),
        (parts, b"".to_vec(), &[400, 422]),
        (
            "multipart/form-data",
            part("name=\"text\"", "a"),
            &[400, 415],
        ),
        (
            "multipart/form-data; boundary=",
            part("name=\"text\"", "a"),
            &[400, 415],
        ),
        ("application/json; charset=utf-16", b"{}".to_vec(), &[415]),
        (
            "application/x-www-form-urlencoded; charset=gb2312",
            b"text=a".to_vec(),
            &[415],
        ),
        (
            "application/JSON;charset=UTF-8",
            b"{\"nps\": 9}".to_vec(),
            &[201],
        ),
    ];
    for (kind, body, expected) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = system.post("/v1/feedback").body(kind, body).send();
        assert!(
            expected.contains(&answer.status),
            "{kind} {shown:?}: {} {:.500}",
            answer.status,
            answer.text()
        );
        if answer.status >= 400 {
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{shown}"
            );
        }
    }
    let gzip = system
        .post("/v1/feedback")
        .header("Content-Encoding", "gzip");
    gzip.body(json_kind, b"\x1f\x8b".to_vec())
        .send()
        .expect(415);
    assert_eq!(
        system.get("/_local/mailbox").send().expect(200).json(),
        json!([])
    );
}

#[test]
fn what_was_typed_is_shown_as_text() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let text = "</textarea><script>alert(1)</script>\u{202e} ' \" & 😀";
    let query: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let page = system
        .get(&format!("/f/default?text={query}&lang=en"))
        .browser("en");
    let page = page.send().expect(200);
    assert!(!page.text().contains("<script"), "{}", page.text());
    assert!(page.text().contains("&lt;script&gt;"));
    let agent = system.staff("agent");
    let body = json!({"text": text, "nps": 0, "contact": {"email": "a@example.com", "name": "<b>Ann</b>"}});
    let receipt = system.feedback(&body);
    agent.command(
        receipt.id(),
        &json!({"command": "resolve", "message": text}),
    );
    let letter = system.eventually("the letter", || system.mail(receipt.id()).pop());
    assert!(letter["text"].as_str().unwrap().contains(text));
    let html = letter["html"].as_str().unwrap();
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script") && !html.contains("<b>"));
    // A letter is a page of its own: a mailbox with a thousand of them inside is more than a browser bears.
    let letter = format!("/_local/mailbox/{}", letter["id"].as_str().unwrap());
    let mailbox = system.get("/_local/mailbox").browser("en").send();
    assert!(
        mailbox
            .expect(200)
            .text()
            .contains(&format!("href=\"{letter}\""))
    );
    let shown = system.get(&letter).browser("en").send().expect(200);
    assert_eq!(shown.text(), html);
    let policy = shown.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none'"));
    system.get("/_local/mailbox/none").send().expect(404);
    for target in [receipt.status_path(), "/_local/mailbox", &letter] {
        let page = system.get(target).browser("en").send().expect(200);
        assert!(
            !page.text().contains("<script"),
            "{target}: {}",
            page.text()
        );
    }
}

#[test]
fn odd_requests_are_answered() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let host = &system.http;
    let head = format!("Host: {host}\r\nConnection: close\r\n");
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\n{head}\r\n").into_bytes();
    let with =
        |headers: &str| format!("GET /f/default HTTP/1.1\r\n{head}{headers}\r\n").into_bytes();
    let post = |headers: &str, body: &str| {
        format!("POST /v1/feedback HTTP/1.1\r\n{head}Content-Type: application/json\r\n{headers}\r\n{body}").into_bytes()
    };
    let body = r#"{"nps": 9}"#;
    let long = "a".repeat(9_000);
    let many = (0..300)
        .map(|n| format!("X-H{n}: {n}\r\n"))
        .collect::<String>();
    let token = |token: &str| get(&format!("/v1/receipts/{token}"));
    let mut binary = format!("GET /f/default HTTP/1.1\r\n{head}X-Odd: ").into_bytes();
    binary.extend_from_slice(b"\xff\xfe\x80\r\n\r\n");
    let requests: Vec<(Vec<u8>, &[u16])> = vec![
        // Targets.
        (get("/f/default?q=a b"), &[200, 400]),
        (get("/f/default?text=\"quoted\""), &[200, 400]),
        (get("/f/default?text=<script>"), &[200, 400]),
        (get("/f/default?text=%22%3Cb%3E%20%00%ff%zz%"), &[200]),
        (get("/f/default?lang=<>&lang=en&lang"), &[200, 400]),
        (get("/f/default?\\^`{|}"), &[200, 400]),
        (get("/f/%ff%zz%"), &[404]),
        (get("/f/%00"), &[404]),
        (get("/f/..%2f..%2fetc%2fpasswd"), &[404]),
        (get("/f/../../etc/passwd"), &[404]),
        (get("//f//default"), &[404]),
        (get("/v1/cases/%00"), &[401]),
        (get("*"), &[400, 404]),
        (get("http://elsewhere.example/f/default"), &[200]),
        (get(&format!("/f/{long}")), &[404]),
        (get(&format!("/f/{long}{long}")), &[414, 431]),
        (get(&format!("/f/{}", "a".repeat(70_000))), &[414, 431]),
        (token("forged"), &[404]),
        (token("%00"), &[404]),
        (
            token("0M2B7T6KJ3W5N9VYDCEXR4HQZ8.1.AAAAAAAAAAAAAAAAAAAAAA"),
            &[404],
        ),
        (
            token("0M2B7T6KJ3W5N9VYDCEXR4HQZ8.99999999999999999999.AAAA"),
            &[404],
        ),
        (token("..%2e.%25"), &[404]),
        // Headers.
        (
            with(
                "X-Forwarded-Proto: <>\" ,,\r\nX-Forwarded-For: ]][, ::::, 999.1.1.1\r\nX-Forwarded-Port: no\r\nX-Forwarded-Host: a b\r\nForwarded: for=\"_;proto=;;\r\n",
            ),
            &[200],
        ),
        (
            with("X-Forwarded-Proto: javascript\r\nX-Forwarded-Host: evil.example\r\n"),
            &[200],
        ),
        (
            with("Accept-Language: ;;q=,*;q=9,zh-CN-x-,\u{7f}\r\n"),
            &[200, 400],
        ),
        (with("Accept: ,,;q=x, text/html;q=NaN, */*;q=\r\n"), &[200]),
        (
            with("Cookie: =;;=; a\r\nRange: bytes=-1,9-0\r\nIf-None-Match: *\r\n"),
            &[200],
        ),
        (with("Expect: 200-ok\r\n"), &[200, 400, 417]),
        (
            with("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"),
            &[200],
        ),
        (with(&many), &[200, 400, 431]),
        (
            with(&format!("X-Long: {}\r\n", "a".repeat(600_000))),
            &[400, 431],
        ),
        (with("No colon\r\n"), &[400]),
        (with(" Folded: yes\r\n"), &[200, 400]),
        (binary, &[200, 400]),
        (
            b"GET /f/default HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(),
            &[200, 400],
        ),
        (
            format!("GET /f/default HTTP/1.1\r\nHost: a\r\n{head}\r\n").into_bytes(),
            &[200, 400],
        ),
        // Versions and methods.
        (b"GET /f/default HTTP/1.0\r\n\r\n".to_vec(), &[200]),
        (
            b"GET /f/default HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"
                .to_vec(),
            &[200],
        ),
        (b"GET /f/default HTTP/9.9\r\n\r\n".to_vec(), &[400, 505]),
        (b"GET /f/default\r\n\r\n".to_vec(), &[400]),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            &[400],
        ),
        (b"BREW / HTTP/1.0\r\n\r\n".to_vec(), &[404, 405]),
        (
            format!("DELETE /v1/feedback HTTP/1.1\r\n{head}\r\n").into_bytes(),
            &[404, 405],
        ),
        (
            format!("HEAD /f/default HTTP/1.1\r\n{head}\r\n").into_bytes(),
            &[200, 404, 405],
        ),
        (
            format!("CONNECT {host} HTTP/1.1\r\n{head}\r\n").into_bytes(),
            &[400, 404, 405],
        ),
        // Bodies.
        (
            post(
                "Transfer-Encoding: chunked\r\n",
                "4\r\n{\"np\r\n6\r\ns\": 9}\r\n0\r\n\r\n",
            ),
            &[201],
        ),
        (post("Transfer-Encoding: chunked\r\n", "zz\r\n"), &[400]),
        (
            post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n"),
            &[400],
        ),
        (
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
                "0\r\n\r\n",
            ),
            &[400],
        ),
        (post("Transfer-Encoding: gzip\r\n", ""), &[400, 501]),
        (
            post("Content-Length: 10\r\nContent-Length: 11\r\n", body),
            &[400],
        ),
        (post("Content-Length: -1\r\n", body), &[400]),
        (
            post("Content-Length: 99999999999999999999999\r\n", body),
            &[400, 413],
        ),
        (post("Content-Length: 0\r\n", ""), &[400]),
        (post("Content-Length: 10\r\n", body), &[201]),
        (
            format!("POST /v1/feedback HTTP/1.1\r\n{head}Content-Length: 10\r\n\r\n{body}")
                .into_bytes(),
            &[415],
        ),
    ];
    for (request, expected) in requests {
        raw(&system, &request, expected);
    }
    // Eleven megabytes of it, by length and by chunk.
    let large = "x".repeat(11 * 1024 * 1024);
    raw(
        &system,
        &post(&format!("Content-Length: {}\r\n", large.len()), &large),
        &[413],
    );
    let chunked = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    raw(
        &system,
        &post("Transfer-Encoding: chunked\r\n", &chunked),
        &[413],
    );
}

#[test]
fn connections_are_used_as_the_standard_allows() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let host = &system.http;
    let body = r#"{"nps": 9}"#;
    let head = format!("Host: {host}\r\nContent-Type: application/json\r\n");
    let post = |headers: &str| {
        format!(
            "POST /v1/feedback HTTP/1.1\r\n{head}{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // Three at once, answered in order.
    let pipeline = format!(
        "{}GET /openapi.json HTTP/1.1\r\nHost: {host}\r\n\r\n{}",
        post(""),
        post("Connection: close\r\n")
    );
    let answers = raw(&system, pipeline.as_bytes(), &[200, 201]);
    assert_eq!(
        answers.iter().map(|a| a.status).collect::<Vec<_>>(),
        [201, 200, 201]
    );

    // The body is sent when asked for.
    let mut socket = connect(host).unwrap();
    let head_only = format!(
        "POST /v1/feedback HTTP/1.1\r\n{head}Connection: close\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head_only.as_bytes()).unwrap();
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let go_on = Answer::read(&mut reader, false).unwrap().unwrap();
    assert_eq!(go_on.status, 100);
    socket.write_all(body.as_bytes()).unwrap();
    assert_eq!(
        Answer::read(&mut reader, false).unwrap().unwrap().status,
        201
    );

    // Byte by byte.
    let mut socket = connect(host).unwrap();
    for byte in post("Connection: close\r\n").as_bytes().chunks(16) {
        socket.write_all(byte).unwrap();
        socket.flush().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    let answer = Answer::read(&mut BufReader::new(socket), false)
        .unwrap()
        .unwrap();
    assert_eq!(answer.status, 201);

    // Half a request and no more to come: an answer if there can be one, and the next client is served.
    for half in [
        &b"GET /f/default HT"[..],
        b"POST /v1/feedback HTTP/1.1\r\nContent-Length: 100\r\n\r\n{\"nps\"",
        b"",
        b"\r\n\r\n",
    ] {
        let mut socket = connect(host).unwrap();
        socket.write_all(half).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let answer = Answer::read(&mut BufReader::new(socket), false)
            .ok()
            .flatten();
        assert!(answer.is_none_or(|answer| answer.status < 500), "{half:?}");
    }
    // Clients that hang up at once, and clients that never say anything.
    let _silent: Vec<_> = (0..50).map(|_| connect(host).unwrap()).collect();
    for _ in 0..50 {
        let mut socket = connect(host).unwrap();
        socket.write_all(post("").as_bytes()).unwrap();
    }
    let answer = system.get("/openapi.json").send().expect(200);
    assert!(matches!(answer.json(), Value::Object(_)));
}
