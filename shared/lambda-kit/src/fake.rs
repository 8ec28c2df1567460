//! A server on this machine that takes one request and gives a canned answer, for tests.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

pub(crate) struct Server {
    url: String,
    request: JoinHandle<String>,
}

impl Server {
    /// Answers its first request with these bytes, then hangs up.
    pub(crate) fn answering(answer: &str) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    /// The same, on an address of one's choice.
    pub(crate) fn on(listener: TcpListener, answer: &str) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = answer.to_owned();
        let request = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !is_complete(&request) {
                let read = stream.read(&mut buffer).unwrap();
                if read == 0 {
                    break;
                }
                request.extend_from_slice(&buffer[..read]);
            }
            // Who has heard enough may hang up.
            stream.write_all(answer.as_bytes()).unwrap_or_default();
            String::from_utf8(request).unwrap()
        });
        Self { url, request }
    }

    /// The address of a port where nobody listens.
    pub(crate) fn closed() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The request it took.
    pub(crate) fn request(self) -> String {
        self.request.join().unwrap()
    }
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    body.len() >= length.unwrap_or(0)
}
