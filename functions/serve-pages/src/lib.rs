//! What people see: the form, the status page, the home page; and the description of the API for programs.
//!
//! Reads only. Everything it shows is decided elsewhere; it adds what time alone has done since.

pub mod config;
mod handler;
mod receipt;

pub use config::Config;

use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::http::{HttpEvent, HttpResponse};
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_store::{Rules, Store};

/// The description of the API, as served.
pub const API: &str = include_str!("../../../docs/api/openapi.json");

/// The function and what it holds between calls.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
}

impl App {
    /// The function with its surroundings.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), config.table_name.clone());
        // Who may post across origins is no matter of the pages.
        let rules = Rules::new(store.clone(), config.calendars.clone(), Vec::new());
        Self {
            config,
            store,
            rules,
        }
    }
}

impl Function for App {
    const NAME: &'static str = "serve-pages";
    type Event = HttpEvent;
    type Output = HttpResponse;

    async fn handle(
        &self,
        event: HttpEvent,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Fault> {
        // Boxed: the compiler gives up on computing the size of main's future otherwise.
        Ok(Box::pin(handler::handle(self, event, invocation)).await)
    }
}
