//! The AWS clients, configured explicitly: nothing is looked up, so a cold start does no I/O before its first call.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::dns::SharedDnsResolver;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::{Recorded, Vars};
use crate::mail::Mailer;

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
}

impl Settings {
    /// Reads the variables that Lambda sets: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`; and `AWS_ENDPOINT_URL`.
    ///
    /// # Errors
    /// [`Recorded`] if region or credentials are missing, or the endpoint is no HTTP address.
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
        Ok(Self {
            region: region?,
            endpoint_url: endpoint_url?,
            credentials: Credentials::new(key?, secret?, token, None, "environment"),
        })
    }

    /// An emulator at an address, with credentials that are nobody's.
    pub fn emulator(endpoint_url: impl Into<String>) -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint_url: Some(endpoint_url.into()),
            credentials: Credentials::new("local", "local", None, None, "emulator"),
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
    pub sqs: aws_sdk_sqs::Client,
    /// E-mail through SES.
    pub mailer: Mailer,
}

impl Clients {
    /// Clients that connect for themselves and retry.
    pub fn new(settings: &Settings) -> Self {
        Self::with(settings, connector(), Retries::Standard)
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
        let region = Region::new(settings.region.clone());
        let http = client(connector.clone());

        let mut dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(region.clone())
            .credentials_provider(settings.credentials.clone())
            .http_client(http.clone())
            .retry_config(retry.clone())
            .timeout_config(timeouts.clone());
        dynamodb.set_endpoint_url(settings.endpoint_url.clone());

        let mut sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(region)
            .credentials_provider(settings.credentials.clone())
            .http_client(http)
            .retry_config(retry)
            .timeout_config(timeouts);
        sqs.set_endpoint_url(settings.endpoint_url.clone());

        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            mailer: Mailer::new(settings, connector),
        }
    }
}

/// A connector for AWS: ring for TLS, Mozilla's roots from the binary, one pool of connections.
pub fn connector() -> SharedHttpConnector {
    connector_with(None)
}

/// A connector that finds addresses with `resolver`, or as the system does.
pub(crate) fn connector_with(resolver: Option<SharedDnsResolver>) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build();
    let mut builder = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .tls_provider(Provider::Rustls(CryptoMode::Ring));
    // Fails on nothing we set; the default trust store would take its place.
    if let Ok(context) = TlsContext::builder().with_trust_store(roots()).build() {
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

/// Mozilla's roots, embedded: the native store is looked for and read from disk in every cold start, and a minimal
/// container has none. The HTTP client takes PEM only, and the crate has DER.
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
    fn every_embedded_root_is_taken() {
        // Building it parses them all, and panics at one that does not parse.
        drop(connector());
        assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.len() > 100);
    }
}
