//! Calls of addresses that somebody configured, kept away from addresses that are nobody else's business.
//!
//! Whoever may configure an address could otherwise make a function call what only the function can reach: the metadata
//! of the machine, a database, itself. So an address must be public. The name is resolved and judged by the resolver of
//! the very connection, so that a name that changes its mind in between (rebinding) gains nothing: what was judged is
//! what is connected to. No proxy stands in between, and redirects are not followed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{
    DnsFuture, ResolveDns, ResolveDnsError, SharedDnsResolver,
};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::Uri;

use crate::mail::Watched;

/// A receiver answers within this, or the call failed.
const TIMEOUT: Duration = Duration::from_secs(5);

/// As much of an answer is read, in bytes. What a receiver has to say is a code and a sentence.
const ANSWER_LIMIT: usize = 16 * 1024;

/// An address that may be called, as far as its text can tell.
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
    /// An address within a network, or a name that only means something within one.
    #[error("the address is not public")]
    NotPublic,
    /// A port on which something else than a receiver of webhooks is expected.
    #[error("the port is neither 443 nor above 1023")]
    Port,
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
    /// A public host is an address as RFC 3986 writes it, or a name of at least two labels of letters, digits and
    /// hyphens. So the other spellings of addresses (`2130706433`, `0x7f.1`, `017700000001`, `127.1`) are none, nor are
    /// percent-encoded or international names (write them as `xn--`), nor names with a dot at the end. The port is 443
    /// or an unprivileged one: no mail server is to be talked to.
    ///
    /// # Errors
    /// [`InvalidTarget`].
    pub fn new(address: &str, reach: Reach) -> Result<Self, InvalidTarget> {
        // `Uri` drops fragments; an address that has one was meant otherwise.
        if address.contains('#') {
            return Err(InvalidTarget::Malformed);
        }
        let uri: Uri = address.parse().map_err(|_| InvalidTarget::Malformed)?;
        let target = Self(uri);
        target.judge(reach)?;
        Ok(target)
    }

    fn judge(&self, reach: Reach) -> Result<(), InvalidTarget> {
        match self.0.scheme_str() {
            Some("https") => {}
            Some("http") if reach == Reach::Anywhere => {}
            Some(_) => return Err(InvalidTarget::Scheme),
            None => return Err(InvalidTarget::Malformed),
        }
        let authority = self.0.authority().ok_or(InvalidTarget::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(InvalidTarget::UserInfo);
        }
        let host = self.host();
        if host.is_empty() {
            return Err(InvalidTarget::Malformed);
        }
        if reach == Reach::Anywhere {
            return Ok(());
        }
        judge_host(host)?;
        match (self.0.port_u16(), authority.as_str().ends_with(':')) {
            (None, false) | (Some(443 | 1024..), _) => Ok(()),
            (None, true) | (Some(_), _) => Err(InvalidTarget::Port),
        }
    }

    /// Its host, as it was written.
    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    /// Its path, as it was written; `/` if it has none.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The values of a parameter of its query, decoded, in order.
    pub fn query_values<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = std::borrow::Cow<'a, str>> {
        form_urlencoded::parse(self.0.query().unwrap_or_default().as_bytes())
            .filter_map(move |(found, value)| (found == name).then_some(value))
    }

    /// The same address with further parameters at the end of its query.
    ///
    /// # Errors
    /// [`InvalidTarget::Malformed`] if it becomes longer than an address may be (65,534 bytes).
    pub fn with_query(&self, parameters: &[(&str, &str)]) -> Result<Self, InvalidTarget> {
        let added = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let query = match self.0.query() {
            Some(query) if !query.is_empty() => format!("{query}&{added}"),
            _ => added,
        };
        let mut parts = self.0.clone().into_parts();
        let path_and_query = format!("{}?{query}", self.0.path());
        parts.path_and_query = Some(
            path_and_query
                .parse()
                .map_err(|_| InvalidTarget::Malformed)?,
        );
        Uri::from_parts(parts)
            .map(Self)
            .map_err(|_| InvalidTarget::Malformed)
    }
}

/// An address in figures never meets the resolver, so it is judged here; a name is judged by its form.
fn judge_host(host: &str) -> Result<(), InvalidTarget> {
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let literal = match bracketed {
        Some(v6) => Some(IpAddr::V6(
            v6.parse().map_err(|_| InvalidTarget::Malformed)?,
        )),
        None => host.parse().ok().map(IpAddr::V4),
    };
    if let Some(ip) = literal {
        return match is_public(ip) {
            true => Ok(()),
            false => Err(InvalidTarget::NotPublic),
        };
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(InvalidTarget::Malformed);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    // As browsers say: a host that ends in a number is an address, however it is spelled.
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(InvalidTarget::Malformed);
    }
    // A single label is looked for in the network's own domain. These names never belong to the public.
    let local = ["localhost", "local", "internal", "lan", "home", "corp"];
    let is_local = !host.contains('.') || local.iter().any(|name| last.eq_ignore_ascii_case(name));
    match is_local {
        true => Err(InvalidTarget::NotPublic),
        false => Ok(()),
    }
}

/// The whole address, its token included: for the one place it is kept.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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

/// Resolves names as the system does.
#[derive(Debug, Clone, Copy)]
struct System;

impl ResolveDns for System {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = tokio::net::lookup_host((name, 0))
                .await
                .map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Refuses names of which any address is not wanted. It is the resolver of the connection itself: nobody asks again.
#[derive(Debug, Clone)]
struct Guard<R> {
    resolver: R,
    wanted: fn(IpAddr) -> bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
struct NotPublic;

impl<R: ResolveDns> ResolveDns for Guard<R> {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let addresses = self.resolver.resolve_dns(name).await?;
            match addresses.iter().all(|ip| (self.wanted)(*ip)) {
                true => Ok(addresses),
                false => Err(ResolveDnsError::new(NotPublic)),
            }
        })
    }
}

/// What a receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`, as it was written.
    pub retry_after: Option<String>,
    /// The first 16 KiB of the body; less if it broke off or if nobody wanted it.
    pub body: Vec<u8>,
}

/// Whether the body of an answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The status says everything.
    Ignored,
    /// The body says what the status does not.
    Wanted,
}

/// Why there is no answer. The text has neither the address nor what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing was sent: no connection, or a target further away than this may reach.
    #[error("{0}")]
    NotSent(String),
    /// It may have been received: the connection broke, or no answer came in time.
    #[error("{0}")]
    Unknown(String),
}

/// Posts to addresses that somebody configured.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Made with the first call: reading the roots of all public authorities is half the cold start of a function that
    /// may have nobody to call.
    connector: Arc<OnceLock<SharedHttpConnector>>,
    reach: Reach,
}

impl Outbound {
    /// Calls over connections that reach as far as `reach`.
    pub fn new(reach: Reach) -> Self {
        Self {
            connector: Arc::default(),
            reach,
        }
    }

    fn connector(&self) -> &SharedHttpConnector {
        self.connector.get_or_init(|| {
            let guard = Guard {
                resolver: System,
                wanted: is_public,
            };
            crate::aws::connector_resolving(match self.reach {
                Reach::Public => Some(SharedDnsResolver::new(guard)),
                Reach::Anywhere => None,
            })
        })
    }

    /// Calls over a given connector, for tests that inject faults. It has to guard itself.
    pub fn with(connector: SharedHttpConnector) -> Self {
        Self {
            connector: Arc::new(connector.into()),
            reach: Reach::Anywhere,
        }
    }

    /// Posts JSON once, on a connection of its own, and waits at most 5 s for the whole answer.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(&str, &str)],
        payload: String,
        body: Body,
    ) -> Result<Answer, NoAnswer> {
        // An address in figures never meets the guard, and the target may have been judged for a longer reach.
        target
            .judge(self.reach)
            .map_err(|error| NoAnswer::NotSent(error.to_string()))?;
        let mut request = http::Request::post(target.0.clone())
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "resound")
            // One kept over a freeze of the function may be dead without knowing it; and each is judged anew.
            .header("connection", "close");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = Arc::new(AtomicBool::new(false));
        let watched = SdkBody::from_body_1_x(Watched::new(payload, &sent));
        let request = request
            .body(watched)
            .map_err(|error| NoAnswer::NotSent(error.to_string()))
            .and_then(|request| {
                HttpRequest::try_from(request).map_err(|error| NoAnswer::NotSent(error.to_string()))
            })?;
        let call = async {
            let mut response = self.connector().call(request).await.map_err(|error| {
                // The text of a connection error has addresses and causes, never what was sent.
                crate::Fault::doing("call the receiver", error).to_string()
            })?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after").map(str::to_owned);
            let body = match body {
                Body::Wanted => read_at_most(response.take_body(), ANSWER_LIMIT).await,
                Body::Ignored => Vec::new(),
            };
            Ok(Answer {
                status,
                retry_after,
                body,
            })
        };
        let reason = match tokio::time::timeout(TIMEOUT, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(reason)) => reason,
            Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        };
        // What no connection ever asked for cannot have arrived.
        match sent.load(Ordering::Acquire) {
            true => Err(NoAnswer::Unknown(reason)),
            false => Err(NoAnswer::NotSent(reason)),
        }
    }
}

/// The first `limit` bytes of a body, or what came before it broke off.
async fn read_at_most(mut body: SdkBody, limit: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < limit
        && let Some(Ok(frame)) =
            std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await
    {
        if let Ok(data) = frame.into_data() {
            bytes.extend(data.into_iter().take(limit - bytes.len()));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Mutex;

    use super::*;
    use crate::fake::Server;

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
            "0.0.0.0",
            "::ffff:8.8.8.8",    // mapped
            "64:ff9b::808:808",  // NAT64
            "2002:808:808::1",   // 6to4
            "2001:0:808:808::1", // Teredo
            "fec0::1",           // site-local
            "192.88.99.1",       // 6to4 relay
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

    /// Calls an address, as far as its text and its name allow.
    async fn attempt(address: &str) -> Result<Answer, String> {
        let target = Target::new(address, Reach::Public).map_err(|error| error.to_string())?;
        let outbound = Outbound::new(Reach::Public);
        let sent = outbound.post(&target, &[], "{}".to_owned(), Body::Ignored);
        sent.await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn published_tricks_do_not_reach_anything() {
        let mut seen = 0;
        for vector in crate::vectors("webhook_target_url") {
            let address = vector["url"].as_str().unwrap();
            if address.contains(' ') {
                continue; // A description of rebinding, which is a test of its own below.
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
    }

    #[test]
    fn the_text_of_an_address_is_judged() {
        use InvalidTarget::{Malformed, NotPublic, Port, Scheme, UserInfo};
        for (address, expected) in [
            ("http://example.com/", Scheme),
            ("ftp://example.com/", Scheme),
            ("https://127.0.0.1/", NotPublic),
            ("https://[::1]:8080/", NotPublic),
            ("https://[::ffff:169.254.169.254]/", NotPublic),
            ("https://user:pass@example.com/", UserInfo),
            ("https://hooks.slack.com@127.0.0.1/", UserInfo),
            ("https:///path", Malformed),
            ("/path", Malformed),
            ("example.com", Malformed),
            ("", Malformed),
            ("https://example.com/#part", Malformed),
            ("https://2130706433/", Malformed),
            ("https://017700000001/", Malformed),
            ("https://0x7f000001/", Malformed),
            ("https://0x7f.1/", Malformed),
            ("https://127.1/", Malformed),
            ("https://0177.0.0.1/", Malformed),
            ("https://127.0.0.1./", Malformed),
            ("https://example.com./", Malformed),
            ("https://example..com/", Malformed),
            ("https://%31%32%37.0.0.1/", Malformed),
            ("https://exämple.com/", Malformed),
            ("https://１２７.0.0.1/", Malformed),
            ("https://-x.example.com/", Malformed),
            ("https://localhost/", NotPublic),
            ("https://LOCALHOST/", NotPublic),
            ("https://intranet/", NotPublic),
            ("https://db.internal/", NotPublic),
            ("https://printer.local/", NotPublic),
            ("https://example.com:25/", Port),
            ("https://example.com:0/", Port),
            ("https://example.com:80/", Port),
        ] {
            assert_eq!(
                Target::new(address, Reach::Public).err(),
                Some(expected),
                "{address}"
            );
        }
        for address in [
            "https://example.com",
            "https://example.com:443/a?b=c",
            "https://example.com:8443/",
            "https://xn--exmple-cua.com/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(Target::new(address, Reach::Public).is_ok(), "{address}");
        }
        let near = Target::new("http://127.0.0.1:1/", Reach::Anywhere);
        assert_eq!(format!("{:?}", near.unwrap()), "Target(127.0.0.1)");
    }

    #[test]
    fn a_query_grows_at_its_end() {
        for (address, expected) in [
            ("https://example.com", "https://example.com/?t=1&s=a%2Bb%3D"),
            (
                "https://example.com/x?k=v",
                "https://example.com/x?k=v&t=1&s=a%2Bb%3D",
            ),
        ] {
            let target = Target::new(address, Reach::Public).unwrap();
            let longer = target.with_query(&[("t", "1"), ("s", "a+b=")]).unwrap();
            assert_eq!(longer.to_string(), expected);
            assert_eq!(longer.query_values("s").collect::<Vec<_>>(), ["a+b="]);
        }
    }

    #[tokio::test]
    async fn names_of_ones_own_machine_do_not_resolve() {
        let guard = Guard {
            resolver: System,
            wanted: is_public,
        };
        for name in [
            "localhost",
            "127.0.0.1",
            "2130706433",
            "017700000001",
            "0x7f.1",
            "::ffff:7f00:1",
        ] {
            let refused = guard.resolve_dns(name).await.unwrap_err();
            assert_eq!(
                std::error::Error::source(&refused).unwrap().to_string(),
                "the address is not public",
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn a_longer_reach_than_the_connections_gains_nothing() {
        let server = Server::closed();
        let target = Target::new(&server, Reach::Anywhere).unwrap();
        let outbound = Outbound::new(Reach::Public);
        let sent = outbound.post(&target, &[], String::new(), Body::Ignored);
        let refused = NoAnswer::NotSent("the scheme is not https".to_owned());
        assert_eq!(sent.await, Err(refused));
    }

    /// Gives the next of its answers each time it is asked.
    #[derive(Debug, Clone)]
    struct Rebinding(Arc<Mutex<Vec<Vec<IpAddr>>>>);

    impl ResolveDns for Rebinding {
        fn resolve_dns<'a>(&'a self, _: &'a str) -> DnsFuture<'a> {
            let mut answers = self.0.lock().unwrap();
            DnsFuture::ready(match answers.is_empty() {
                true => Err(ResolveDnsError::new("asked once too often")),
                false => Ok(answers.remove(0)),
            })
        }
    }

    #[tokio::test]
    async fn what_was_judged_is_what_is_connected_to() {
        // 127.0.0.2 stands in for a public address and 127.0.0.1 for one that is nobody else's business: the same port
        // of both is open, and only the guard keeps them apart.
        let public: IpAddr = "127.0.0.2".parse().unwrap();
        let private: IpAddr = "127.0.0.1".parse().unwrap();
        let wanted = |ip: IpAddr| ip == "127.0.0.2".parse::<IpAddr>().unwrap();
        let trap = TcpListener::bind((private, 0)).unwrap();
        trap.set_nonblocking(true).unwrap();
        let port = trap.local_addr().unwrap().port();
        let listener = TcpListener::bind((public, port)).unwrap();
        let server = Server::on(listener, "HTTP/1.1 204 No Content\r\n\r\n");

        let answers = vec![vec![public], vec![private], vec![public, private], vec![]];
        let resolver = Rebinding(Arc::new(Mutex::new(answers)));
        let guard = Guard {
            resolver: resolver.clone(),
            wanted,
        };
        let outbound = Outbound {
            connector: Arc::new(
                crate::aws::connector_resolving(Some(SharedDnsResolver::new(guard))).into(),
            ),
            reach: Reach::Anywhere,
        };
        let url = format!("http://rebind.example:{port}/");
        let target = Target::new(&url, Reach::Anywhere).unwrap();
        let post = || outbound.post(&target, &[], "{}".to_owned(), Body::Ignored);

        assert_eq!(post().await.unwrap().status, 204);
        assert_eq!(resolver.0.lock().unwrap().len(), 3, "asked once");
        assert!(server.request().starts_with("POST / HTTP/1.1\r\n"));
        for what in ["then private", "public and private at once"] {
            let NoAnswer::NotSent(reason) = post().await.unwrap_err() else {
                panic!("{what}: something was sent");
            };
            assert!(reason.ends_with("the address is not public"), "{reason}");
        }
        assert!(matches!(post().await, Err(NoAnswer::NotSent(_))), "nowhere");
        assert!(trap.accept().is_err(), "nobody came to the private address");
    }

    #[tokio::test]
    async fn an_answer_is_read_as_far_as_it_is_wanted() {
        let long = "x".repeat(ANSWER_LIMIT + 1);
        let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{long}");
        for (answer, body, expected) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", Body::Wanted, ""),
            (&endless, Body::Wanted, &long[1..]),
            (&endless, Body::Ignored, ""),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbroken",
                Body::Wanted,
                "broken",
            ),
        ] {
            let server = Server::answering(answer);
            let target = Target::new(server.url(), Reach::Anywhere).unwrap();
            let outbound = Outbound::new(Reach::Anywhere);
            let answer = outbound.post(&target, &[], "{}".to_owned(), body).await;
            assert_eq!(answer.unwrap().body, expected.as_bytes());
            drop(server.request());
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let answer = format!(
            "HTTP/1.1 307 Elsewhere\r\nlocation: http://{}/\r\nretry-after: 7\r\n\r\n",
            elsewhere.local_addr().unwrap()
        );
        let server = Server::answering(&answer);
        let target = Target::new(server.url(), Reach::Anywhere).unwrap();
        let outbound = Outbound::new(Reach::Anywhere);
        let answer = outbound.post(&target, &[("x", "y")], "{}".to_owned(), Body::Wanted);
        let answer = answer.await.unwrap();
        assert_eq!(
            (answer.status, answer.retry_after.as_deref()),
            (307, Some("7"))
        );
        assert!(server.request().contains("\r\nx: y\r\n"));
        assert!(elsewhere.accept().is_err());
    }

    #[tokio::test]
    async fn what_never_left_is_told_from_what_may_have_arrived() {
        let outbound = Outbound::new(Reach::Anywhere);
        let post = async |url: &str| {
            let target = Target::new(url, Reach::Anywhere).unwrap();
            let sent = outbound.post(&target, &[], "{}".to_owned(), Body::Ignored);
            sent.await.unwrap_err()
        };
        assert!(matches!(
            post(&Server::closed()).await,
            NoAnswer::NotSent(_)
        ));
        let silent = Server::answering("");
        assert!(matches!(post(silent.url()).await, NoAnswer::Unknown(_)));
    }
}
