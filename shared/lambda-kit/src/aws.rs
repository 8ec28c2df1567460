//! The AWS clients, configured explicitly: nothing is looked up, so a cold start does no I/O before its first call.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::dns::SharedDnsResolver;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, RootCertStore};

use crate::config::{Recorded, Vars};
use crate::mail::Mailer;
use crate::sms::Texter;

/// A connection is made within this, or the attempt fails.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The first byte of an answer comes within this, or the attempt fails.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// A call, with its retries, ends within this.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is tried. Few: a function's time is short, and every caller can be run again.
const MAX_ATTEMPTS: u32 = 3;
/// The first wait between two attempts. The default of a second is for background work; this is half a request.
const INITIAL_BACKOFF: Duration = Duration::from_millis(50);

/// Where AWS is and who we are there.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region.
    pub region: String,
    /// One address for all services instead of AWS's own: an emulator's.
    pub endpoint_url: Option<String>,
    /// What requests are signed with. The `Debug` form hides the secret.
    pub credentials: Credentials,
    /// Certificates, as PEM, to trust at AWS's addresses instead of Mozilla's: those of a gateway that ends TLS within a
    /// company, or of an emulator.
    pub authorities: Option<Authorities>,
    /// The configuration set of SES that letters are sent with: to it SES publishes what becomes of them.
    pub mail_configuration_set: Option<String>,
    /// The configuration set that text messages to customers are sent with: to it is published what becomes of them.
    pub sms_configuration_set: Option<String>,
}

/// Certificates of authorities, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(Vec<u8>);

impl Authorities {
    /// Reads certificates from the text of a PEM file; `None` if it has none, or one that cannot be read.
    pub fn from_pem(pem: Vec<u8>) -> Option<Self> {
        // Tried here, because the HTTP client panics at what it cannot read.
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.ok()?).ok()?;
        }
        (!roots.is_empty()).then_some(Self(pem))
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({} bytes)", self.0.len())
    }
}

impl Settings {
    /// Reads the variables that Lambda sets: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`; and, which nothing sets unless it is wanted, `AWS_ENDPOINT_URL` and `SSL_CERT_FILE`, the
    /// path of a PEM file. Who can set these can set the function's code as well. Where letters are sent from, the template
    /// sets `MAIL_CONFIGURATION_SET`; where text messages are, `SMS_CONFIGURATION_SET`.
    ///
    /// # Errors
    /// [`Recorded`] if region or credentials are missing, the endpoint is no HTTP address, or the file has no
    /// certificates or some that cannot be read.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let region = vars.required("AWS_REGION");
        let key = vars.required("AWS_ACCESS_KEY_ID");
        let secret = vars.required("AWS_SECRET_ACCESS_KEY");
        let token = vars.optional("AWS_SESSION_TOKEN");
        let endpoint_url = match vars.optional("AWS_ENDPOINT_URL") {
            Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                Err(vars.record("AWS_ENDPOINT_URL: an http:// or https:// address is expected"))
            }
            url => Ok(url.map(|url| url.trim_end_matches('/').to_owned())),
        };
        let authorities = match vars.optional("SSL_CERT_FILE") {
            None => Ok(None),
            Some(path) => match std::fs::read(path).map(Authorities::from_pem) {
                Ok(Some(authorities)) => Ok(Some(authorities)),
                Ok(None) => Err(vars.record("SSL_CERT_FILE: PEM certificates are expected")),
                Err(error) => Err(vars.record(format!("SSL_CERT_FILE: {error}"))),
            },
        };
        let mail_configuration_set = vars.optional("MAIL_CONFIGURATION_SET");
        let sms_configuration_set = vars.optional("SMS_CONFIGURATION_SET");
        Ok(Self {
            mail_configuration_set,
            sms_configuration_set,
            region: region?,
            endpoint_url: endpoint_url?,
            credentials: Credentials::new(key?, secret?, token, None, "environment"),
            authorities: authorities?,
        })
    }

    /// An emulator at an address, with credentials that are nobody's.
    pub fn emulator(endpoint_url: impl Into<String>) -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint_url: Some(endpoint_url.into()),
            credentials: Credentials::new("local", "local", None, None, "emulator"),
            authorities: None,
            mail_configuration_set: None,
            sms_configuration_set: None,
        }
    }

    /// The address of a service of ours, without a trailing slash.
    pub(crate) fn endpoint(&self, service: &str) -> String {
        match &self.endpoint_url {
            Some(url) => url.clone(),
            None => {
                let suffix = if self.region.starts_with("cn-") {
                    "amazonaws.com.cn"
                } else {
                    "amazonaws.com"
                };
                format!("https://{service}.{}.{suffix}", self.region)
            }
        }
    }
}

/// Whether the SDK tries a failed call again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retries {
    /// A few times, on what may be transient.
    #[default]
    Standard,
    /// Never: for tests that inject faults and count calls.
    Off,
}

/// The clients that functions share. Cheap to clone; connections are pooled.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The table.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The queues.
    pub sqs: Sqs,
    /// E-mail through SES.
    pub mailer: Mailer,
    /// Text messages.
    pub texter: Texter,
}

impl Clients {
    /// Clients that connect for themselves and retry.
    pub fn new(settings: &Settings) -> Self {
        let connector = match &settings.authorities {
            Some(Authorities(pem)) => {
                connector_with(TrustStore::empty().with_pem_certificate(pem.as_slice()))
            }
            None => connector(),
        };
        Self::with(settings, connector, Retries::Standard)
    }

    /// Clients over a given connector, so that tests can wrap [`connector`] and lose, delay or refuse requests.
    pub fn with(settings: &Settings, connector: SharedHttpConnector, retries: Retries) -> Self {
        let retry = match retries {
            Retries::Standard => RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_initial_backoff(INITIAL_BACKOFF),
            Retries::Off => RetryConfig::disabled(),
        };
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let http = client(connector.clone());

        let mut dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(settings.region.clone()))
            .credentials_provider(settings.credentials.clone())
            .http_client(http.clone())
            .retry_config(retry.clone())
            .timeout_config(timeouts.clone());
        dynamodb.set_endpoint_url(settings.endpoint_url.clone());

        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: Sqs {
                settings: settings.clone(),
                http,
                retry,
                timeouts,
            },
            mailer: Mailer::new(settings, connector.clone()),
            texter: Texter::new(settings, connector),
        }
    }
}

/// What a client of the queues is made of. Functions that send nothing make none, and then have no code of it in their
/// package.
#[derive(Debug, Clone)]
pub struct Sqs {
    settings: Settings,
    http: SharedHttpClient,
    retry: RetryConfig,
    timeouts: TimeoutConfig,
}

impl Sqs {
    /// Makes the client.
    pub fn client(&self) -> aws_sdk_sqs::Client {
        let mut sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.settings.region.clone()))
            .credentials_provider(self.settings.credentials.clone())
            .http_client(self.http.clone())
            .retry_config(self.retry.clone())
            .timeout_config(self.timeouts.clone());
        sqs.set_endpoint_url(self.settings.endpoint_url.clone());
        aws_sdk_sqs::Client::from_conf(sqs.build())
    }
}

/// A connector for AWS: ring for TLS, roots from the binary, one pool of connections.
///
/// Trusts what Mozilla trusts. Amazon's own roots are tried first: to read all of Mozilla's takes more instructions than
/// the rest of a cold start, first call included.
pub fn connector() -> SharedHttpConnector {
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    SharedHttpConnector::new(AmazonFirst {
        amazon: connector_with(amazon),
        all: Arc::default(),
    })
}

/// The authorities that AWS signs the certificates of its addresses with, and says that clients must know. Each of them
/// is one of Mozilla's.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Looks among all roots for what is not signed by Amazon: an endpoint of one's own, or a region of another partition.
#[derive(Debug)]
struct AmazonFirst {
    amazon: SharedHttpConnector,
    /// Made when it is first needed, and then used for everything.
    all: Arc<OnceLock<SharedHttpConnector>>,
}

impl HttpConnector for AmazonFirst {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if let Some(all) = self.all.get() {
            return all.call(request);
        }
        let again = request.try_clone();
        let first = self.amazon.call(request);
        let all = Arc::clone(&self.all);
        HttpConnectorFuture::new(async move {
            match (first.await, again) {
                // The handshake failed, so nothing of the request was sent.
                (Err(error), Some(again)) if is_of_unknown_issuer(&error) => {
                    let all = all.get_or_init(|| connector_with(roots()));
                    all.call(again).await
                }
                (outcome, _) => outcome,
            }
        })
    }
}

fn is_of_unknown_issuer(error: &(dyn Error + 'static)) -> bool {
    let tls = error.downcast_ref();
    if let Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) = tls {
        return true;
    }
    // The source of an I/O error is not what it holds, but the source of that.
    if let Some(within) = error.downcast_ref().and_then(io::Error::get_ref) {
        return is_of_unknown_issuer(within);
    }
    error.source().is_some_and(is_of_unknown_issuer)
}

/// How long strangers may take to be connected to: some are on the other side of the world, three round trips away.
const STRANGERS_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connector for anybody's addresses, which it finds with `resolver` or as the system does. It uses no proxy and
/// follows no redirect.
pub(crate) fn connector_resolving(resolver: Option<SharedDnsResolver>) -> SharedHttpConnector {
    connect(
        HttpConnectorSettings::builder()
            .connect_timeout(STRANGERS_CONNECT_TIMEOUT)
            .build(),
        resolver,
        roots(),
    )
}

fn connector_with(roots: TrustStore) -> SharedHttpConnector {
    connect(
        HttpConnectorSettings::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build(),
        None,
        roots,
    )
}

fn connect(
    settings: HttpConnectorSettings,
    resolver: Option<SharedDnsResolver>,
    roots: TrustStore,
) -> SharedHttpConnector {
    let mut builder = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .tls_provider(Provider::Rustls(CryptoMode::Ring));
    // Fails on nothing we set; the default trust store would take its place.
    if let Ok(context) = TlsContext::builder().with_trust_store(roots).build() {
        builder.set_tls_context(context);
    }
    SharedHttpConnector::new(match resolver {
        Some(resolver) => builder.build_with_resolver(resolver),
        None => builder.build(),
    })
}

fn client(connector: SharedHttpConnector) -> SharedHttpClient {
    http_client_fn(move |_, _| connector.clone())
}

/// Mozilla's roots, embedded: a native store would be looked for and read from disk, and a minimal container
/// has none. The HTTP client takes PEM only, and the crate has DER.
fn roots() -> TrustStore {
    static PEM: LazyLock<String> = LazyLock::new(|| {
        let mut pem = String::new();
        for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let body = STANDARD.encode(certificate);
            let written = writeln!(
                pem,
                "-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"
            );
            debug_assert!(written.is_ok(), "writing to a string does not fail");
        }
        pem
    });
    TrustStore::empty().with_pem_certificate(PEM.as_bytes())
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let vars = Vars::from_pairs(pairs.iter().copied());
        vars.read(Settings::read)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn settings_come_from_the_environment_of_a_function() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        let at = |more: &[(&'static str, &'static str)]| read(&[&keys, more].concat());
        let china = at(&[("AWS_REGION", "cn-north-1")]).unwrap();
        assert_eq!(
            china.endpoint("email"),
            "https://email.cn-north-1.amazonaws.com.cn"
        );
        assert!(!format!("{china:?}").contains("s3cret"));
        let local = at(&[
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:8788/"),
        ]);
        assert_eq!(local.unwrap().endpoint("email"), "http://127.0.0.1:8788");
        assert_eq!(
            read(&[("AWS_ENDPOINT_URL", "ftp://x")]).unwrap_err(),
            "AWS_REGION is not set; AWS_ACCESS_KEY_ID is not set; AWS_SECRET_ACCESS_KEY is not set; \
             AWS_ENDPOINT_URL: an http:// or https:// address is expected"
        );
    }

    #[test]
    fn authorities_are_certificates() {
        let root = STANDARD.encode(&webpki_root_certs::TLS_SERVER_ROOT_CERTS[0]);
        let pem = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes()
        };
        assert!(Authorities::from_pem(pem(&root)).is_some());
        for odd in [Vec::new(), b"nothing".to_vec(), pem("AAAA"), pem("?")] {
            assert_eq!(Authorities::from_pem(odd), None);
        }
        let faults = read(&[("SSL_CERT_FILE", "/nowhere/at/all")]).unwrap_err();
        assert!(faults.contains("SSL_CERT_FILE: No such file"), "{faults}");
    }

    #[test]
    fn every_embedded_root_is_taken() {
        // Building it parses them all, and panics at one that does not parse.
        drop(connector_resolving(None));
        drop(connector());
        assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.len() > 100);
    }

    #[test]
    fn amazons_roots_are_mozillas() {
        let amazon: Vec<_> = CertificateDer::pem_slice_iter(AMAZON_ROOTS).collect();
        assert_eq!(amazon.len(), 5);
        for root in amazon {
            let root = root.unwrap();
            assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.contains(&root));
        }
    }

    /// A certificate that nobody trusts, of this machine and with its key, both in DER. It says nothing of value: it is
    /// here so that a real handshake can fail.
    const OF_NOBODY: [&str; 2] = [
        "MIIBUjCB+aADAgECAgEBMAoGCCqGSM49BAMCMBExDzANBgNVBAMMBm5vYm9keTAgFw0yMDAxMDEwMDAwMDBaGA8y\
             MTIwMDEwMTAwMDAwMFowETEPMA0GA1UEAwwGbm9ib2R5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8vU4R7Eq\
             CJ8Is7bBKdEAGXm93pVbnWXSAyxODpTBASEq1vN/jQgnSZd+84lOWgYHQjh3pcXF4nHqb16MbCiaO6NAMD4wDwYD\
             VR0RBAgwBocEfwAAATAMBgNVHRMBAf8EAjAAMB0GA1UdDgQWBBTYednPzIvhJdSP8Vm62poqeAx6lzAKBggqhkjO\
             PQQDAgNIADBFAiEA/WmaOCggT3ovvI+Q+IxzKY/XeuwXA4ge2OdDX4jUlLQCIEeR/GDXcJaNiYtEhh4RCIpL6rdE\
             BPlWdQT/Qlj3LuaF",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghmxZf3hkT67TdmUk6+uw9N9wRZHKVD15kgpRbADw\
             HQChRANCAATy9ThHsSoInwiztsEp0QAZeb3elVudZdIDLE4OlMEBISrW83+NCCdJl37ziU5aBgdCOHelxcXicepv\
             XoxsKJo7",
    ];

    #[tokio::test]
    async fn who_is_not_signed_by_amazon_is_looked_for_among_all_roots() {
        let [certificate, key] = OF_NOBODY.map(|der| STANDARD.decode(der).unwrap());
        let server = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key.try_into().unwrap())
        .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let server = Arc::new(server);
            for mut stream in listener.incoming().flatten() {
                let mut tls = rustls::ServerConnection::new(Arc::clone(&server)).unwrap();
                // Ends when the client refuses the certificate.
                while tls
                    .complete_io(&mut stream)
                    .is_ok_and(|moved| moved != (0, 0))
                {}
            }
        });
        let connector = AmazonFirst {
            amazon: connector_with(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)),
            all: Arc::default(),
        };
        let request = HttpRequest::get(url).unwrap();
        let refused = connector.call(request).await.unwrap_err();
        assert!(is_of_unknown_issuer(&refused), "{refused:?}");
        assert!(connector.all.get().is_some(), "all roots were tried");
    }

    #[test]
    fn only_an_unknown_issuer_is_looked_for_among_all_roots() {
        let io = |tls: CertificateError| {
            let tls = rustls::Error::InvalidCertificate(tls);
            ConnectorError::io(Box::new(io::Error::new(io::ErrorKind::InvalidData, tls)))
        };
        assert!(is_of_unknown_issuer(&io(CertificateError::UnknownIssuer)));
        assert!(!is_of_unknown_issuer(&io(CertificateError::Expired)));
        let timeout = io::Error::from(io::ErrorKind::TimedOut);
        assert!(!is_of_unknown_issuer(&ConnectorError::io(Box::new(
            timeout
        ))));
    }
}
