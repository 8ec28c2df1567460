//! Stands in for DynamoDB, SQS and SES: real TLS, and every answer at once, as it was recorded.

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::{fs, mem, thread};

use resound_bench::{is_refusal, name_of, reads};
use serde_json::Value;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::http;
use crate::peer::Answers;

/// An authority and a certificate for this machine, made anew for each run: RSA with 2048 bits and one intermediate
/// step, as at AWS's own addresses.
pub(crate) struct Tls {
    /// What clients are to trust.
    pub(crate) authority: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Makes them in a folder, with the `openssl` program.
    pub(crate) fn make(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for certificates");
        let path = |name: &str| folder.join(name);
        fs::write(
            path("leaf.ext"),
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n",
        )
        .expect("extensions");
        openssl(
            folder,
            "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.pem -subj /CN=resound-bench",
        );
        openssl(
            folder,
            "req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost",
        );
        openssl(
            folder,
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem",
        );
        let authority = fs::canonicalize(path("ca.pem")).expect("an authority");
        Self {
            authority,
            chain: path("leaf.pem"),
            key: path("leaf.key"),
        }
    }

    fn server(&self) -> ServerConfig {
        let chain = CertificateDer::pem_file_iter(&self.chain).expect("a chain");
        let chain: Result<Vec<_>, _> = chain.collect();
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("a key");
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain.expect("certificates"), key)
            .expect("a server")
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let ran = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(
        ran.expect("openssl is needed").success(),
        "openssl {arguments}"
    );
}

/// The running stand-in.
pub(crate) struct FakeAws {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answers: Answers,
    calls: u64,
    /// The first question that nothing was recorded for.
    unheard: Option<String>,
}

impl FakeAws {
    pub(crate) fn start(tls: &Tls) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let state = Arc::<Mutex<State>>::default();
        let (config, shared) = (Arc::new(tls.server()), Arc::clone(&state));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&shared));
                thread::spawn(move || {
                    stream.set_nodelay(true).expect("a socket");
                    let connection = ServerConnection::new(config).expect("a connection");
                    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
                    while let Some(request) = http::read(&mut stream) {
                        let answer = shared.lock().unwrap().answer(request);
                        let written = stream.get_mut().write_all(answer.as_bytes());
                        if written.and_then(|()| stream.get_mut().flush()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, state }
    }

    /// Begins to count calls, and to give these answers.
    pub(crate) fn expect(&self, answers: &Answers) {
        *self.state() = State {
            answers: Arc::clone(answers),
            ..State::default()
        };
    }

    /// How many calls there were since.
    pub(crate) fn calls(&self) -> u64 {
        mem::take(&mut self.state().calls)
    }

    /// The first question since that nothing was recorded for: what is measured then is not what the function does.
    pub(crate) fn unheard(&self) -> Option<String> {
        self.state().unheard.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn answer(&mut self, request: http::Request) -> String {
        self.calls += 1;
        let target = request.target.unwrap_or(request.path);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let name = name_of(&target, &body);
        let (status, body) = match self.answers.get(&name) {
            Some(answer) if is_refusal(answer) => ("400 Bad Request", answer.to_string()),
            Some(answer) => ("200 OK", answer.to_string()),
            // Nothing was recorded if it was known that nothing would be asked for.
            None if reads(&target) && !self.answers.is_empty() => {
                self.unheard.get_or_insert(name);
                // Nobody tries that again.
                (
                    "400 Bad Request",
                    r#"{"__type":"ValidationException"}"#.to_owned(),
                )
            }
            None => ("200 OK", "{}".to_owned()),
        };
        http::answer(status, "x-amzn-requestid: 1\r\n", &body)
    }
}
