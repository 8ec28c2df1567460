//! From a request to a report.

use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_store::{Rules, Store};

use crate::Config;
use crate::desk::Desk;
use crate::{assessments, corrections, index, radar, scores, volatility};

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        let rules = Rules::new(store.clone(), config.calendars.clone(), Vec::new());
        Self {
            config,
            store,
            rules,
        }
    }

    async fn answer(
        &self,
        request: HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::ReportsRead)?;
        let (store, rules, zone) = (&self.store, &self.rules, &self.config.zone);
        let desk = Desk::open(&request, store, rules, zone, invocation.machine_now).await?;
        match request.route.as_str() {
            "GET /v1/nps" => scores::answer(&desk).await,
            "GET /v1/nps/radar" => radar::answer(&desk).await,
            "GET /v1/nps/index" => index::answer(&desk).await,
            "GET /v1/nps/volatility" => volatility::answer(&desk).await,
            "GET /v1/nps/assessments" => assessments::answer(&desk).await,
            "GET /v1/nps/corrections" => corrections::answer(&desk).await,
            _ => Err(request.problem(Kind::NotFound).into()),
        }
    }
}

impl Function for App {
    const NAME: &'static str = "report-nps";
    type Event = HttpEvent;
    type Output = HttpResponse;

    async fn handle(
        &self,
        event: HttpEvent,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Fault> {
        // Boxed: the compiler gives up on computing the size of main's future otherwise.
        let served = http::serve(event, |request| self.answer(request, invocation));
        Ok(Box::pin(served).await)
    }
}
