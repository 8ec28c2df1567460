//! HTTP/1.1 over a socket, with nothing between the test and the bytes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Generous: it only ends what would never end.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header; the name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|fault| panic!("{fault}: {} {}", self.status, self.text()))
    }

    /// This answer, which must have that status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text:.2000}");
        self
    }

    /// Fields and codes of a problem, as `field code`.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        let errors = problem["errors"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        errors
            .map(|error| {
                assert!(!text(&error["message"]).is_empty());
                format!("{} {}", text(&error["field"]), text(&error["code"]))
            })
            .collect()
    }

    /// The next answer of a connection; `None` at its end.
    pub(crate) fn read(from: &mut impl BufRead, to_head: bool) -> std::io::Result<Option<Self>> {
        let Some(line) = read_line(from)? else {
            return Ok(None);
        };
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {line:?}"));
        let mut headers = Vec::new();
        while let Some(line) = read_line(from)?.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        if to_head || status < 200 || matches!(status, 204 | 304) {
            return Ok(Some(answer));
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(size) = read_line(from)? {
                let size = usize::from_str_radix(&size, 16).unwrap();
                let mut chunk = vec![0; size + 2];
                from.read_exact(&mut chunk)?;
                answer.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = answer.header("content-length") {
            answer.body.resize(length.parse().unwrap(), 0);
            from.read_exact(&mut answer.body)?;
        } else {
            from.read_to_end(&mut answer.body)?;
        }
        Ok(Some(answer))
    }
}

fn read_line(from: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let line = String::from_utf8_lossy(&line);
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A connection to a server.
pub(crate) fn connect(address: &str) -> std::io::Result<TcpStream> {
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends bytes as they are and reads every answer until the server closes the connection.
pub(crate) fn exchange(address: &str, request: &[u8]) -> std::io::Result<Vec<Answer>> {
    let mut socket = connect(address)?;
    // A server may answer and close before it has read everything; what counts is whether its answer can be read.
    let sent = socket.write_all(request);
    let mut answers = Vec::new();
    let to_head = request.starts_with(b"HEAD ");
    let mut reader = BufReader::new(socket);
    while let Some(answer) = Answer::read(&mut reader, to_head)? {
        answers.push(answer);
    }
    if answers.is_empty() {
        sent?;
    }
    Ok(answers)
}

/// A request being made.
#[derive(Clone)]
pub(crate) struct Ask {
    address: String,
    method: &'static str,
    target: String,
    headers: String,
    body: Option<Vec<u8>>,
}

impl Ask {
    pub(crate) fn new(address: &str, method: &'static str, target: &str) -> Self {
        Self {
            address: address.to_owned(),
            method,
            target: target.to_owned(),
            headers: String::new(),
            body: None,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// As a browser that shows this language.
    pub(crate) fn browser(self, language: &str) -> Self {
        let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        self.header("Accept", accept)
            .header("Accept-Language", language)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", content_type)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    pub(crate) fn multipart(self, fields: &[(&str, &str)]) -> Self {
        let mut body = String::new();
        for (name, value) in fields {
            body.push_str(&format!(
                "--=part=\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str("--=part=--\r\n");
        self.body("multipart/form-data; boundary=\"=part=\"", body)
    }

    /// Sends it and reads the answer; an error if the server is not there or stops being there.
    pub(crate) fn try_send(&self) -> std::io::Result<Answer> {
        let length = match &self.body {
            Some(body) => format!("Content-Length: {}\r\n", body.len()),
            None if self.method == "POST" => "Content-Length: 0\r\n".to_owned(),
            None => String::new(),
        };
        let mut request = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{length}{}\r\n",
            self.method, self.target, self.address, self.headers
        )
        .into_bytes();
        request.extend_from_slice(self.body.as_deref().unwrap_or_default());
        let last = exchange(&self.address, &request)?.pop();
        last.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }

    #[track_caller]
    pub(crate) fn send(self) -> Answer {
        self.try_send()
            .unwrap_or_else(|fault| panic!("{} {:.200}: {fault}", self.method, self.target))
    }
}
