//! Brings the whole system up on this machine.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use resound_lambda_kit::aws::{Clients, Settings};
use tokio::sync::watch;

use crate::auth::Tokens;
use crate::aws::{AwsPort, DATABASE, Data, REGION, StartError};
use crate::clock::Clock;
use crate::data::{DataError, DataFolder};
use crate::demo::{self, DemoError};
use crate::engine::{Engine, EngineError};
use crate::gateway::Gateway;
use crate::registry::{MakeClients, Registry};
use crate::server::Server;
use crate::stack::{REPORT_TEMPLATES, Stack, TEMPLATE, local_defaults};
use crate::template::{Inputs, Template, TemplateError};

/// The name of the stack, which is in the names of what it has.
pub const STACK_NAME: &str = "resound";
/// The secret under which staff tokens are signed.
const TOKEN_SECRET: &str = "staff-tokens";
/// How long a stop waits for requests in work.
const STOP_TIME: Duration = Duration::from_secs(5);

/// What can be chosen when the system is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The port of the HTTP API; the emulated AWS has the next. With 0, two free ones.
    pub port: u16,
    /// The data folder.
    pub data: PathBuf,
    /// Values of template parameters.
    pub parameters: BTreeMap<String, String>,
}

/// Why the system cannot be brought up. One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A port cannot be had.
    #[error("port {port} is in use; choose another with --port (the next one is used as well)")]
    PortInUse {
        /// Which.
        port: u16,
    },
    /// The system refused a port.
    #[error("port {port} cannot be listened on: {source}")]
    Port {
        /// Which.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// There is no port after the last.
    #[error("--port must be below 65535, since the next port is used as well")]
    LastPort,
    /// The emulated AWS does not start.
    #[error(transparent)]
    Aws(#[from] StartError),
    /// The template cannot be brought up.
    #[error("infra/template.yaml: {0}")]
    Template(#[from] TemplateError),
    /// The stack cannot be started.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no demo.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The server stopped by itself.
    #[error("the HTTP server stopped: {0}")]
    Server(#[source] io::Error),
}

/// A system that has been up has a database. If it is lost it must not be made again, empty and without a word.
fn refuse_lost_database(folder: &DataFolder) -> Result<(), DataError> {
    let (Some(path), Some(_)) = (folder.path(), folder.meta().fired_until) else {
        return Ok(());
    };
    match fs::metadata(path.join(DATABASE)) {
        Ok(found) if found.len() > 0 => Ok(()),
        Ok(_) => Err(DataError::Damaged {
            path: path.to_owned(),
            what: format!("{DATABASE} is empty"),
        }),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Err(DataError::Damaged {
            path: path.to_owned(),
            what: format!("{DATABASE} is missing"),
        }),
        Err(source) => Err(DataError::Io {
            path: path.join(DATABASE),
            source,
        }),
    }
}

/// The whole system, up and not yet answering.
pub struct LocalStack {
    engine: Arc<Engine>,
    server: Arc<Server>,
    listener: TcpListener,
    http_url: String,
}

impl LocalStack {
    /// Brings the system up: takes the data folder and two ports, works out the template, makes what it names, and
    /// sends again what a start owes to the time before it.
    ///
    /// # Errors
    /// [`RunError`], for the first thing that stands in the way.
    pub async fn bring_up(options: &Options, registry: &Registry) -> Result<Self, RunError> {
        let folder = DataFolder::open(&options.data)?;
        refuse_lost_database(&folder)?;
        let (http, http_url) = listen(options.port)?;
        let aws_port = match options.port {
            0 => 0,
            port => port.checked_add(1).ok_or(RunError::LastPort)?,
        };
        let (aws, _) = listen(aws_port)?;
        let clock = Arc::new(Clock::ahead(folder.meta().offset_ms));
        let aws = start_aws(aws, Data::Dir(options.data.clone()), Arc::clone(&clock)).await?;
        let tokens = Tokens::new(&folder.secret(TOKEN_SECRET)?);
        let stack = load(&folder, &http_url, aws.url(), &options.parameters)?;
        let routes = stack.routes.clone();
        let clients = straight_to_the_database(aws.dynamo().url().to_owned());
        let engine = Engine::start(stack, aws, registry, &clients, clock, folder).await?;
        let domain = http_url.trim_start_matches("http://").to_owned();
        let server = Server::new(Arc::clone(&engine), Gateway::new(routes, tokens, domain));
        Ok(Self {
            engine,
            server,
            listener: http,
            http_url,
        })
    }

    /// What runs the functions.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Where the HTTP API answers.
    pub fn http_url(&self) -> &str {
        &self.http_url
    }

    /// Where the emulated AWS answers.
    pub fn aws_url(&self) -> &str {
        self.engine.aws().url()
    }

    /// Fills an empty data folder with 90 days of made-up feedback.
    ///
    /// # Errors
    /// [`RunError::Demo`]
    pub async fn tell_demo(&self, seed: u64) -> Result<demo::Summary, RunError> {
        Ok(demo::tell(&self.engine, &self.server, seed).await?)
    }

    /// Answers and delivers until `shutdown`.
    ///
    /// # Errors
    /// [`RunError::Server`], if the listener fails.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), RunError> {
        self.listener
            .set_nonblocking(true)
            .map_err(RunError::Server)?;
        let listener =
            tokio::net::TcpListener::from_std(self.listener).map_err(RunError::Server)?;
        let (stop, stopped) = watch::channel(false);
        let wait = |mut stopped: watch::Receiver<bool>| async move {
            // An error means that the sender is gone: stop, too.
            drop(stopped.wait_for(|stop| *stop).await);
        };
        let engine = tokio::spawn(self.engine.run(wait(stopped.clone())));
        let mut server = tokio::spawn(self.server.run(listener, wait(stopped)));
        let failed = tokio::select! {
            () = shutdown => None,
            ended = &mut server => Some(ended),
        };
        stop.send_replace(true);
        let ended = match failed {
            Some(ended) => ended,
            None => match tokio::time::timeout(STOP_TIME, server).await {
                Ok(ended) => ended,
                // Somebody holds a connection open. What is under way is as after a kill.
                Err(_) => Ok(Ok(())),
            },
        };
        drop(tokio::time::timeout(STOP_TIME, engine).await);
        ended
            .map_err(|fault| RunError::Server(io::Error::other(fault)))?
            .map_err(RunError::Server)
    }
}

impl Engine {
    /// The stack of the template in memory, for tests: no ports but that of the emulated AWS, time moves only when it
    /// is moved, and nothing is delivered unless it is pumped.
    ///
    /// # Errors
    /// [`RunError`], for the first thing that stands in the way.
    pub async fn in_memory(
        registry: &Registry,
        clients: &MakeClients,
        clock: Clock,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Arc<Self>, RunError> {
        let folder = DataFolder::memory();
        let clock = Arc::new(clock);
        let (listener, _) = listen(0)?;
        let aws = start_aws(listener, Data::Memory, Arc::clone(&clock)).await?;
        let stack = load(&folder, "http://localhost", aws.url(), parameters)?;
        Ok(Self::start(stack, aws, registry, clients, clock, folder).await?)
    }
}

/// The clients that a function makes for itself.
pub fn ordinary_clients(settings: &Settings) -> Clients {
    Clients::new(settings)
}

/// The clients that a function makes for itself, but for one thing: they call the database at its own address. Behind
/// the port that all emulated services share it is the same, one hop and a tenth of a request's processor time further.
fn straight_to_the_database(url: String) -> impl Fn(&Settings) -> Clients + Send + Sync {
    move |settings| {
        let clients = ordinary_clients(settings);
        let config = clients.dynamodb.config().to_builder().endpoint_url(&url);
        Clients {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(config.build()),
            ..clients
        }
    }
}

fn load(
    folder: &DataFolder,
    http_url: &str,
    aws_url: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Stack, RunError> {
    let template = Template::parse(TEMPLATE)?;
    let mut secrets = BTreeMap::new();
    for id in template.secrets() {
        let secret = folder.secret(&id)?;
        secrets.insert(id, secret);
    }
    let inputs = Inputs {
        stack_name: STACK_NAME.to_owned(),
        region: REGION.to_owned(),
        account: crate::aws::ACCOUNT.to_owned(),
        http_url: http_url.to_owned(),
        aws_url: aws_url.to_owned(),
        parameters: parameters.clone(),
        defaults: local_defaults(http_url),
        secrets,
    };
    let mut stack = Stack::load(&template, &inputs)?;
    for beside in REPORT_TEMPLATES {
        stack = stack.with_reports(&Template::parse(beside)?, &inputs)?;
    }
    Ok(stack)
}

async fn start_aws(
    listener: TcpListener,
    data: Data,
    clock: Arc<Clock>,
) -> Result<Arc<AwsPort>, RunError> {
    let now: crate::aws::Clock = Arc::new(move || clock.now());
    // Opening the database blocks.
    let started = tokio::task::spawn_blocking(move || AwsPort::start(listener, &data, now)).await;
    let started = started.unwrap_or_else(|fault| Err(StartError::System(io::Error::other(fault))));
    Ok(Arc::new(started?))
}

fn listen(port: u16) -> Result<(TcpListener, String), RunError> {
    let fault = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => RunError::PortInUse { port },
        _ => RunError::Port { port, source },
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(fault)?;
    let address = listener
        .local_addr()
        .map_err(|source| RunError::Port { port, source })?;
    Ok((listener, format!("http://{address}")))
}
