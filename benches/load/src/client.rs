//! HTTP to a system on this machine.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{Method, Request, StatusCode, Uri, header};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer that takes longer counts as none.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than any page we ask for.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// A body to post.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// An idempotency key and JSON, as a program posts.
    Json(String, String),
    /// A form that a browser posts; the key is one of its fields.
    Form(String),
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// `POST /v1/feedback`.
    Post(Content),
    /// A status page, by its path.
    Status(String),
    /// A post without a body to an address of the local stack.
    Local(&'static str),
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The submission was acknowledged; this is the path of its status page.
    Acknowledged(u16, String),
    /// Any other answer of the system.
    Status(u16, Bytes),
    /// The connection broke, or nothing came in time. Whether it was done is not known.
    None,
}

impl Answer {
    /// The status, if there was an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Acknowledged(status, _) | Self::Status(status, _) => Some(*status),
            Self::None => None,
        }
    }
}

/// An address on this machine. There is no other kind: load on what others run is not ours to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Authority);

impl std::str::FromStr for Address {
    type Err = String;

    /// Reads `http://127.0.0.1:8787`, `http://localhost:8787` or `http://[::1]:8787`.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "{text} is not the address of a system on this machine, such as http://127.0.0.1:8787; \
                 no other is ever put under load"
            )
        };
        let uri: Uri = text.parse().map_err(|_| fault())?;
        let authority = uri.authority().ok_or_else(fault)?;
        let plain = uri.scheme() == Some(&Scheme::HTTP) && matches!(uri.path(), "" | "/");
        // Not resolved: a name can lead anywhere.
        let ip = match authority.host() {
            "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            host => host.trim_matches(['[', ']']).parse().ok(),
        };
        let port = authority.port_u16().unwrap_or(80);
        match ip {
            Some(ip) if plain && ip.is_loopback() && !authority.as_str().contains('@') => {
                let socket = std::net::SocketAddr::new(ip, port).to_string();
                Ok(Self(socket.parse().map_err(|_| fault())?))
            }
            _ => Err(fault()),
        }
    }
}

/// A client with connections of its own.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: Http<HttpConnector, Body>,
    address: Address,
}

impl Client {
    pub(crate) fn of(address: Address) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Http::builder(TokioExecutor::new())
            // What is sent twice must be our own doing.
            .retry_canceled_requests(false)
            .build(connector);
        Self { http, address }
    }

    /// Sends a request and reads the answer, whatever it is.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.send_within(ask, PATIENCE).await
    }

    /// As [`Client::send`], with another limit.
    pub(crate) async fn send_within(&self, ask: Ask, patience: Duration) -> Answer {
        tokio::time::timeout(patience, self.try_send(ask))
            .await
            .ok()
            .flatten()
            .unwrap_or(Answer::None)
    }

    async fn try_send(&self, ask: Ask) -> Option<Answer> {
        let (method, path) = match &ask {
            Ask::Post(_) => (Method::POST, "/v1/feedback"),
            Ask::Status(path) => (Method::GET, path.as_str()),
            Ask::Local(path) => (Method::POST, *path),
        };
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.address.0.clone())
            .path_and_query(path.parse::<PathAndQuery>().ok()?)
            .build()
            .ok()?;
        let request = Request::builder().method(method).uri(uri);
        let request = match ask {
            Ask::Post(Content::Json(key, body)) => request
                .header("idempotency-key", key)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body)),
            Ask::Post(Content::Form(body)) => request
                .header(header::ACCEPT, "text/html,*/*;q=0.8")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(body)),
            Ask::Status(_) | Ask::Local(_) => request.body(Body::empty()),
        };
        let response = self.http.request(request.ok()?).await.ok()?;
        let (head, body) = response.into_parts();
        let body = to_bytes(Body::new(body), LONGEST_ANSWER).await.ok()?;
        let status = head.status.as_u16();
        let url = match head.status {
            StatusCode::CREATED => serde_json::from_slice::<Value>(&body)
                .ok()
                .and_then(|receipt| receipt.get("status_url")?.as_str().map(str::to_owned)),
            StatusCode::SEE_OTHER => head
                .headers
                .get(header::LOCATION)
                .and_then(|location| location.to_str().ok())
                .map(str::to_owned),
            _ => None,
        };
        // A path only: after a restart the system listens elsewhere.
        let path = url.and_then(|url| {
            url.find("/v1/")
                .and_then(|at| url.get(at..))
                .map(str::to_owned)
        });
        Some(match path {
            Some(path) => Answer::Acknowledged(status, path),
            None => Answer::Status(status, body),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_put_under_load() {
        for (text, expected) in [
            ("http://127.0.0.1:8787", "127.0.0.1:8787"),
            ("http://127.9.9.9:1/", "127.9.9.9:1"),
            ("http://localhost:8787", "127.0.0.1:8787"),
            ("http://[::1]:8787", "[::1]:8787"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.0, expected);
        }
        for text in [
            "",
            "127.0.0.1:8787",
            "https://127.0.0.1:8787",
            "http://10.0.0.1:8787",
            "http://example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost@example.com",
            "http://example.com@127.0.0.1",
            "http://127.0.0.1:8787/elsewhere",
            "http://0.0.0.0:8787",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
