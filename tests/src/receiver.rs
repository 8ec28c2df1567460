//! A receiver of webhooks on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

/// What an installation of the receiver was sent.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The path it was sent to.
    pub path: String,
    /// The id of the message, the same at each attempt.
    pub id: String,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The header `webhook-timestamp`, in seconds.
    pub timestamp: i64,
    /// The payload as it was sent.
    pub payload: String,
}

impl Webhook {
    /// The payload.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).expect("a payload of JSON")
    }
}

/// Takes every webhook and keeps it. Its thread ends with the process.
#[derive(Debug)]
pub struct Receiver {
    origin: String,
    taken: Arc<Mutex<Vec<Webhook>>>,
}

impl Receiver {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("a port"));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A connection that breaks off is the sender's affair.
                if let Ok((mut stream, webhook)) = stream.and_then(take) {
                    // Before it is answered: who has the answer finds it here.
                    kept.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(webhook);
                    let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                    stream.write_all(answer).unwrap_or_default();
                }
            }
        });
        Self { origin, taken }
    }

    /// Where webhooks for this path are sent to.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What was taken so far under this path, in order.
    pub fn taken(&self, path: &str) -> Vec<Webhook> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.iter().filter(|webhook| webhook.path == path);
        theirs.cloned().collect()
    }
}

fn take(stream: TcpStream) -> std::io::Result<(TcpStream, Webhook)> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut webhook = Webhook {
        path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        id: String::new(),
        signature: String::new(),
        timestamp: 0,
        payload: String::new(),
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "webhook-id" => webhook.id = value.to_owned(),
            "webhook-signature" => webhook.signature = value.to_owned(),
            "webhook-timestamp" => webhook.timestamp = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    webhook.payload = String::from_utf8_lossy(&body).into_owned();
    Ok((stream, webhook))
}
