//! Outgoing webhooks, signed as Standard Webhooks say, and kept away from addresses that are nobody else's business.
//!
//! Whoever may configure an address could otherwise make a function call what only the function can reach: the metadata
//! of the machine, a database, itself. So an address must be public. The name is resolved and judged by the resolver of
//! the very connection, so that a name that changes its mind in between (rebinding) gains nothing; redirects are not
//! followed; what the answer says is not read.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{
    DnsFuture, ResolveDns, ResolveDnsError, SharedDnsResolver,
};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use http::Uri;
use jiff::Timestamp;
use ring::hmac;

/// A receiver answers within this, or the attempt failed.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The secret shared with a receiver: `whsec_` and 24 to 64 bytes in base64.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// Why a text is not a secret. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`whsec_` and 24 to 64 bytes in base64 are expected")]
pub struct InvalidSecret;

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let encoded = text.strip_prefix("whsec_").ok_or(InvalidSecret)?;
        let bytes = LENIENT.decode(encoded).map_err(|_| InvalidSecret)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(InvalidSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

/// Hidden.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// The `webhook-signature` of a payload. `timestamp` is in seconds.
    pub fn sign(&self, id: &str, timestamp: i64, payload: &str) -> String {
        let signed = format!("{id}.{timestamp}.{payload}");
        format!(
            "v1,{}",
            STANDARD.encode(hmac::sign(&self.0, signed.as_bytes()))
        )
    }
}

/// An address that webhooks may be sent to, as far as its text can tell.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Uri);

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Not an address with a scheme, a host and nothing else odd.
    #[error("not an address")]
    Malformed,
    /// Not `https`, and not `http` where that is allowed.
    #[error("the scheme is not https")]
    Scheme,
    /// Credentials in the address: they would be sent in the clear, and hide the host from a reader.
    #[error("the address has a user name")]
    UserInfo,
    /// An address within a network.
    #[error("the address is not public")]
    NotPublic,
}

/// Whether the addresses of one's own machine and networks may be called: on a developer's machine only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Public addresses, and only over TLS.
    #[default]
    Public,
    /// Any address, also without TLS.
    Anywhere,
}

impl Target {
    /// Judges the text of an address. What its name resolves to is judged when a connection is made.
    ///
    /// # Errors
    /// [`InvalidTarget`].
    pub fn new(address: &str, reach: Reach) -> Result<Self, InvalidTarget> {
        // `Uri` drops fragments; an address that has one was meant otherwise.
        if address.contains('#') {
            return Err(InvalidTarget::Malformed);
        }
        let uri: Uri = address.parse().map_err(|_| InvalidTarget::Malformed)?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if reach == Reach::Anywhere => {}
            Some(_) => return Err(InvalidTarget::Scheme),
            None => return Err(InvalidTarget::Malformed),
        }
        if uri
            .authority()
            .is_none_or(|authority| authority.as_str().contains('@'))
        {
            return Err(InvalidTarget::UserInfo);
        }
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(InvalidTarget::Malformed);
        }
        if reach == Reach::Public {
            // An address in figures never meets the resolver. Odd spellings of one (`017700000001`) do.
            let literal = host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<IpAddr>();
            if literal.is_ok_and(|ip| !is_public(ip)) {
                return Err(InvalidTarget::NotPublic);
            }
        }
        Ok(Self(uri))
    }
}

/// Shows the host: the path may hold a receiver's token.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.0.host().unwrap_or_default())
    }
}

/// Whether an address belongs to the public internet, as far as the registries of special addresses tell.
///
/// IPv6 outside of `2000::/3` is not: that includes addresses that wrap an IPv4 address (mapped, NAT64), whatever it is.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _) // this network, private, loopback, multicast and reserved
            | (100, 64..=127, _) // carriers' NAT
            | (169, 254, _) // link-local, and the metadata of machines
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2) // protocol assignments, documentation
            | (192, 88, 99) // 6to4 relays
            | (198, 18 | 19, _) // benchmarks
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    matches!(a, 0x2000..=0x3fff)
        && !matches!(
            (a, b),
            (0x2001, 0..=0x1ff) // protocol assignments, Teredo among them
                | (0x2001, 0xdb8) // documentation
                | (0x2002, _) // 6to4: wraps an IPv4 address
                | (0x3fff, 0..=0xfff) // documentation
        )
}

/// Resolves names as the system does, and refuses those of which any address is not public.
#[derive(Debug, Clone, Copy)]
struct Guard;

#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
struct NotPublic;

impl ResolveDns for Guard {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = tokio::net::lookup_host((name, 0))
                .await
                .map_err(ResolveDnsError::new)?;
            let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            if addresses.iter().all(|ip| is_public(*ip)) {
                Ok(addresses)
            } else {
                Err(ResolveDnsError::new(NotPublic))
            }
        })
    }
}

/// Why a webhook was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Trying again may help: no connection, no answer in time, 408, 429 or 5xx. It may have been received.
    #[error("not taken: {reason}")]
    TryLater {
        /// Why.
        reason: String,
        /// How long the receiver asked to be left alone, if it said so in seconds.
        after: Option<Duration>,
    },
    /// Trying again as it is will not help: another status, also a redirect.
    #[error("refused: the receiver answered {0}")]
    Refused(u16),
    /// 410: the receiver wants no more of them.
    #[error("the receiver is gone")]
    Gone,
}

/// Sends webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    connector: SharedHttpConnector,
}

impl Webhooks {
    /// Webhooks over connections that reach as far as `reach`.
    pub fn new(reach: Reach) -> Self {
        let guard = match reach {
            Reach::Public => Some(SharedDnsResolver::new(Guard)),
            Reach::Anywhere => None,
        };
        Self::with(crate::aws::connector_resolving(guard))
    }

    /// Webhooks over a given connector, for tests that inject faults. It has to guard itself.
    pub fn with(connector: SharedHttpConnector) -> Self {
        Self { connector }
    }

    /// Sends a JSON payload once, signed if there is a secret. `id` names the message, the same at each attempt, so that
    /// the receiver can tell repeats; `now` is machine time.
    ///
    /// # Errors
    /// [`WebhookError`]; its text holds neither the address nor the payload.
    pub async fn send(
        &self,
        target: &Target,
        secret: Option<&Secret>,
        id: &str,
        payload: &str,
        now: Timestamp,
    ) -> Result<(), WebhookError> {
        let later = |reason: String| WebhookError::TryLater {
            reason,
            after: None,
        };
        let timestamp = now.as_second();
        let mut request = http::Request::post(target.0.clone())
            .header("content-type", "application/json")
            .header("user-agent", "resound")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string());
        if let Some(secret) = secret {
            request = request.header("webhook-signature", secret.sign(id, timestamp, payload));
        }
        let request = request
            .body(SdkBody::from(payload))
            .map_err(|error| later(error.to_string()))
            .and_then(|request| {
                HttpRequest::try_from(request).map_err(|error| later(error.to_string()))
            })?;
        let response = match tokio::time::timeout(TIMEOUT, self.connector.call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(later(
                    crate::Fault::doing("call the receiver", error).to_string(),
                ));
            }
            Err(_) => return Err(later(format!("no answer within {} s", TIMEOUT.as_secs()))),
        };
        match response.status().as_u16() {
            200..=299 => Ok(()),
            410 => Err(WebhookError::Gone),
            status @ (408 | 425 | 429 | 500..=599) => {
                let after = response
                    .headers()
                    .get("retry-after")
                    .and_then(|after| after.trim().parse().ok());
                let reason = format!("the receiver answered {status}");
                Err(WebhookError::TryLater {
                    reason,
                    after: after.map(Duration::from_secs),
                })
            }
            status => Err(WebhookError::Refused(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        let mut seen = 0;
        for vector in crate::vectors("standard_webhooks_sign") {
            let text = |name: &str| vector[name].as_str().unwrap();
            let secret = text("secret").parse::<Secret>();
            if text("scheme") != "v1 HMAC-SHA256" {
                assert_eq!(
                    secret.err(),
                    Some(InvalidSecret),
                    "asymmetric keys are not spoken here"
                );
                continue;
            }
            let signature = secret.unwrap().sign(
                text("msg_id"),
                vector["timestamp"].as_i64().unwrap(),
                text("payload"),
            );
            assert_eq!(signature, text("expected"), "{}", vector["id"]);
            seen += 1;
        }
        assert_eq!(seen, 2);
    }

    #[test]
    fn addresses_are_judged_as_published() {
        let mut seen = 0;
        for vector in crate::vectors("webhook_target_ip") {
            let ip: IpAddr = vector["ip"].as_str().unwrap().parse().unwrap();
            assert_eq!(is_public(ip), vector["expected"] == "allow", "{ip}");
            seen += 1;
        }
        assert!(seen > 20);
        for ip in [
            "169.254.170.2",
            "fd00:ec2::254",
            "::1",
            "::",
            "2001::1",
            "ff02::1",
            "240.0.0.1",
            "192.0.2.1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "2606:4700::1111",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    /// Sends to an address, as far as its text and its name allow.
    async fn attempt(address: &str) -> Result<(), String> {
        let target = Target::new(address, Reach::Public).map_err(|error| error.to_string())?;
        let sent = Webhooks::new(Reach::Public)
            .send(&target, None, "id", "{}", Timestamp::UNIX_EPOCH)
            .await;
        sent.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn published_tricks_do_not_reach_anything() {
        let mut seen = 0;
        for vector in crate::vectors("webhook_target_url") {
            let address = vector["url"].as_str().unwrap();
            if address.contains(' ') {
                continue; // A description of rebinding: the guard below judges each resolution by itself.
            }
            for address in [
                address.to_owned(),
                address.replacen("http://", "https://", 1),
            ] {
                assert!(attempt(&address).await.is_err(), "{address}");
            }
            seen += 1;
        }
        assert!(seen >= 8);
        for (address, expected) in [
            ("http://example.com/", "the scheme is not https"),
            ("https://127.0.0.1/", "the address is not public"),
            ("https://[::1]:8080/", "the address is not public"),
            (
                "https://user:pass@example.com/",
                "the address has a user name",
            ),
            ("https:///path", "not an address"),
            ("/path", "not an address"),
            ("example.com", "not an address"),
            ("", "not an address"),
        ] {
            assert_eq!(attempt(address).await.unwrap_err(), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn names_of_ones_own_machine_do_not_resolve() {
        for name in [
            "localhost",
            "127.0.0.1",
            "2130706433",
            "017700000001",
            "0x7f.1",
            "::ffff:7f00:1",
        ] {
            let refused = Guard.resolve_dns(name).await.unwrap_err();
            assert_eq!(
                std::error::Error::source(&refused).unwrap().to_string(),
                "the address is not public",
                "{name}"
            );
        }
        assert!(
            attempt("https://localhost/")
                .await
                .unwrap_err()
                .ends_with("the address is not public")
        );
    }

    #[tokio::test]
    async fn a_receiver_answers_with_its_status() {
        let later = |reason: &str, after: Option<u64>| {
            Err(WebhookError::TryLater {
                reason: reason.to_owned(),
                after: after.map(Duration::from_secs),
            })
        };
        for (answer, expected) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok(())),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\nignored",
                Ok(()),
            ),
            (
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\n\r\n",
                Err(WebhookError::Refused(302)),
            ),
            (
                "HTTP/1.1 404 Not Found\r\n\r\n",
                Err(WebhookError::Refused(404)),
            ),
            ("HTTP/1.1 410 Gone\r\n\r\n", Err(WebhookError::Gone)),
            (
                "HTTP/1.1 503 No\r\nretry-after: 7\r\n\r\n",
                later("the receiver answered 503", Some(7)),
            ),
            (
                "HTTP/1.1 429 No\r\nretry-after: soon\r\n\r\n",
                later("the receiver answered 429", None),
            ),
        ] {
            let server = crate::fake::Server::answering(answer);
            let target =
                Target::new(&format!("{}/hook?a=b", server.url()), Reach::Anywhere).unwrap();
            let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
            let now = Timestamp::from_second(1_614_265_330).unwrap();
            let payload = r#"{"test": 2432232314}"#;
            let webhooks = Webhooks::new(Reach::Anywhere);
            let sent = webhooks.send(
                &target,
                Some(&secret),
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                payload,
                now,
            );
            assert_eq!(sent.await, expected, "{answer}");
            let request = server.request();
            assert!(
                request.starts_with("POST /hook?a=b HTTP/1.1\r\n"),
                "{request}"
            );
            assert!(request.contains(
                "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n"
            ));
            assert!(request.contains("webhook-timestamp: 1614265330\r\n"));
            assert!(request.ends_with(payload));
        }
    }

    #[test]
    fn secrets_are_hidden_and_sound() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for text in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!",
        ] {
            assert_eq!(text.parse::<Secret>().err(), Some(InvalidSecret), "{text}");
        }
    }
}
