//! A receiver of staff alerts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::Value;

/// Listens until the test ends, and keeps what was signed as it must be.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) secret: String,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        let key = b"a secret of thirty-two bytes, ok";
        let taken = Arc::new(Mutex::new(Vec::new()));
        let receiver = Self {
            url,
            secret: format!("whsec_{}", STANDARD.encode(key)),
            taken: Arc::clone(&taken),
        };
        thread::spawn(move || {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            for socket in listener.incoming().flatten() {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                let (mut id, mut time, mut signature, mut length) = Default::default();
                for line in (&mut reader)
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                {
                    let Some((name, value)) = line.split_once(": ") else {
                        continue;
                    };
                    match name.to_ascii_lowercase().as_str() {
                        "webhook-id" => id = value.to_owned(),
                        "webhook-timestamp" => time = value.to_owned(),
                        "webhook-signature" => signature = value.to_owned(),
                        "content-length" => length = value.parse().unwrap(),
                        _ => {}
                    }
                }
                let mut body = vec![0_u8; length];
                if reader.read_exact(&mut body).is_err() {
                    continue;
                }
                let signed = [format!("{id}.{time}.").as_bytes(), &body].concat();
                let given = signature
                    .strip_prefix("v1,")
                    .and_then(|given| STANDARD.decode(given).ok());
                let genuine =
                    given.is_some_and(|given| hmac::verify(&key, &signed, &given).is_ok());
                let status = if genuine {
                    let body = serde_json::from_slice(&body).unwrap();
                    taken.lock().unwrap().push((id, body));
                    "204 No Content"
                } else {
                    "401 Unauthorized"
                };
                // A sender that is gone does not need our answer.
                let answer =
                    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                let _ignored = (&socket).write_all(answer.as_bytes());
            }
        });
        receiver
    }

    /// The parameters that make a system send here.
    pub(crate) fn parameters(&self) -> Vec<String> {
        vec![
            "--parameter".to_owned(),
            format!("AlertWebhookUrl={}", self.url),
            "--parameter".to_owned(),
            format!("AlertWebhookSecret={}", self.secret),
        ]
    }

    /// Ids and payloads of what arrived about a case, in order.
    pub(crate) fn about(&self, case: &str) -> Vec<(String, Value)> {
        let taken = self.taken.lock().unwrap();
        let about = taken
            .iter()
            .filter(|(_, body)| body["data"]["case"] == case);
        about.cloned().collect()
    }
}
