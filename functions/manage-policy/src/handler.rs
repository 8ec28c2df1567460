//! From a request to a document.

use std::sync::Arc;

use jiff::Timestamp;
use resound_domain::assignment::Assignment;
use resound_domain::book::NamedCalendar;
use resound_domain::calendar::Calendars;
use resound_domain::policy::Policy;
use resound_domain::targets::Targets;
use resound_domain::template::{Installation, Templates};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::outbound::Reach;
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_store::Store;

use crate::Config;
use crate::calendars::{self, nameable, named};
use crate::document::{Desk, missing, put, show};
use crate::figures;
use crate::recipients::Addressed;
use crate::trial::{self, Post};
use crate::{replay, templates};

/// The function.
#[derive(Debug)]
pub struct App {
    store: Store,
    calendars: Arc<Calendars>,
    reach: Reach,
    installation: Installation,
    public_url: String,
    post: Post,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self {
            store: Store::new(clients.dynamodb.clone(), &config.table),
            calendars: Arc::new(config.calendars),
            reach: config.reach,
            installation: templates::installation(&config.public_url, &config.brand_senders),
            public_url: config.public_url,
            post: Post {
                mailer: clients.mailer.clone(),
                from: config.from,
                brand_senders: config.brand_senders,
                to: config.test_to,
                texter: clients.texter.clone(),
                sms_from: config.sms_from,
                text_to: config.test_text_to,
            },
        }
    }

    async fn answer(
        &self,
        request: HttpRequest,
        machine_now: Timestamp,
    ) -> Result<HttpResponse, Rejection> {
        let request = &request;
        let desk = Desk {
            request,
            store: &self.store,
            calendars: &self.calendars,
            reach: self.reach,
            installation: &self.installation,
            public_url: &self.public_url,
        };
        let scope = match request.route.as_str() {
            "GET /v1/policy"
            | "GET /v1/assignment"
            | "GET /v1/templates"
            | "GET /v1/calendars"
            | "GET /v1/calendars/{name}"
            | "GET /v1/calendars/{name}/preview" => Scope::CasesRead,
            "GET /v1/targets" | "GET /v1/nps/replay" | "GET /v1/surveys/{survey}/figures/{day}" => {
                Scope::ReportsRead
            }
            _ => Scope::Admin,
        };
        request.require(scope)?;
        match request.route.as_str() {
            "GET /v1/policy" => show::<Policy>(&desk, None).await,
            "PUT /v1/policy" => put::<Policy>(&desk, None).await,
            "GET /v1/calendars" => calendars::list(&desk).await,
            "GET /v1/calendars/{name}" => {
                let name = named(request).ok_or_else(|| missing(request))?;
                show::<NamedCalendar>(&desk, Some(&name)).await
            }
            "PUT /v1/calendars/{name}" => {
                let name = nameable(request)?;
                put::<NamedCalendar>(&desk, Some(&name)).await
            }
            "GET /v1/calendars/{name}/preview" => {
                let name = named(request).ok_or_else(|| missing(request))?;
                calendars::preview(&desk, &name).await
            }
            "POST /v1/calendars/preview" => calendars::preview_sent(&desk).await,
            "GET /v1/assignment" => show::<Assignment>(&desk, None).await,
            "PUT /v1/assignment" => put::<Assignment>(&desk, None).await,
            "GET /v1/targets" => show::<Targets>(&desk, None).await,
            "PUT /v1/targets" => put::<Targets>(&desk, None).await,
            "GET /v1/templates" => show::<Templates>(&desk, None).await,
            "PUT /v1/templates" => put::<Templates>(&desk, None).await,
            "POST /v1/templates/preview" => templates::preview(&desk).await,
            "POST /v1/templates/test" => trial::send(&desk, &self.post, machine_now).await,
            "GET /v1/surveys/{survey}/figures/{day}" => figures::show(&desk).await,
            "PUT /v1/surveys/{survey}/figures/{day}" => figures::put(&desk).await,
            "GET /v1/nps/replay" => replay::waiting(&desk).await,
            "POST /v1/nps/replay" => replay::ask(&desk, machine_now).await,
            "GET /v1/recipients" => show::<Addressed>(&desk, None).await,
            "PUT /v1/recipients" => put::<Addressed>(&desk, None).await,
            _ => Err(request.problem(Kind::NotFound).into()),
        }
    }
}

impl Function for App {
    const NAME: &'static str = "manage-policy";
    type Event = HttpEvent;
    type Output = HttpResponse;

    async fn handle(
        &self,
        event: HttpEvent,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Fault> {
        // Boxed: the compiler gives up on computing the size of main's future otherwise.
        let served = http::serve(event, |request| {
            self.answer(request, invocation.machine_now)
        });
        Ok(Box::pin(served).await)
    }
}
