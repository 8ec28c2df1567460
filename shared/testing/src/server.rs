//! An HTTP server on this machine: a receiver of webhooks, or a provider that fails as we like.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A server that keeps what it was sent and gives the same answer to everything.
pub struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A request that the server took.
#[derive(Debug, Clone)]
pub struct Request {
    head: String,
    /// Its body.
    pub body: String,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Server {
    /// Answers every request with this status and body. Runs until the test ends.
    pub fn answering(status: u16, body: &'static str) -> Self {
        let length = body.len();
        Self::start(Some(format!(
            "HTTP/1.1 {status} Canned\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )))
    }

    /// Answers every request with this status, and asks to be left alone for so many seconds.
    pub fn busy_for(status: u16, seconds: u32) -> Self {
        Self::start(Some(format!(
            "HTTP/1.1 {status} Canned\r\nretry-after: {seconds}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )))
    }

    /// Reads every request to its end and hangs up without an answer.
    pub fn hanging_up() -> Self {
        Self::start(None)
    }

    fn start(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own business.
                if let Ok((mut stream, request)) = read(stream) {
                    kept.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(request);
                    if let Some(answer) = &answer {
                        stream.write_all(answer.as_bytes()).unwrap_or_default();
                    }
                }
            }
        });
        Self {
            url: format!("http://{address}"),
            requests,
        }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was sent so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn read(mut stream: TcpStream) -> std::io::Result<(TcpStream, Request)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let request = Request {
                head: head.to_owned(),
                body: body.to_owned(),
            };
            let length = request.header("content-length");
            let length: usize = length.and_then(|n| n.parse().ok()).unwrap_or_default();
            if body.len() >= length {
                return Ok((stream, request));
            }
        }
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend(buffer.iter().take(read));
    }
}
