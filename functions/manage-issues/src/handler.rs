//! From a request to an answer.

use std::sync::Arc;

use resound_domain::event::Actor;
use resound_domain::targets::Targets;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::precondition::Tags;
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_store::{Rules, Store, StoreError};

use crate::Config;

/// How often a command is decided anew because somebody else changed what it is about.
pub(crate) const TRIES: u32 = 5;

/// The function.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) rules: Rules,
}

/// Who commands, under which key, and which version they have seen.
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) key: String,
    seen: Option<Tags>,
    /// As the body says it.
    version: Option<u32>,
}

impl Caller {
    pub(crate) fn of(
        request: &HttpRequest,
        sub: &str,
        version: Option<u32>,
    ) -> Result<Self, Rejection> {
        let seen = request.header("if-match").map(str::parse).transpose();
        let seen = seen.map_err(|_| {
            request.problem(Kind::BadRequest).detail(
                "If-Match 应为带引号的 ETag，例如 \"3\"。",
                "If-Match is expected to be the ETag of what you have read with its quotes, such as \"3\".",
            )
        })?;
        Ok(Self {
            actor: Actor::Staff(sub.to_owned()),
            key: key_of(request),
            seen,
            version,
        })
    }

    /// That what they have seen is the latest version, if they say what they have seen.
    pub(crate) fn agrees(&self, request: &HttpRequest, version: u32) -> Result<(), Rejection> {
        let agrees = self
            .seen
            .as_ref()
            .is_none_or(|tags| tags.match_version(version))
            && self.version.is_none_or(|seen| seen == version);
        if agrees {
            return Ok(());
        }
        let problem = request.problem(Kind::PreconditionFailed).detail(
            "您看到的不是最新版本：请重新读取后再决定。",
            "What you have seen is not the latest version: read it again, then decide.",
        );
        Err(problem.header("etag", format!("\"{version}\"")).into())
    }

    /// Whether an entry is of a command that this caller sent under this key. The first is of no command: whoever opened it may
    /// have used the key for that.
    pub(crate) fn made(&self, seq: u32, by: &Actor, key: Option<&str>) -> bool {
        seq > 1 && *by == self.actor && key == Some(&self.key)
    }
}

/// What tells a repeat: the key, or the id that the gateway gave the request, which only our own repeat after a lost answer has
/// again. A blank is in no key that a caller may send.
pub(crate) fn key_of(request: &HttpRequest) -> String {
    match request.header("idempotency-key") {
        Some(key) => key.to_owned(),
        None => format!("request {}", request.id),
    }
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
        match request.route.as_str() {
            "GET /v1/issues" => self.list_issues(&request, invocation).await,
            "POST /v1/issues" => self.open_issue(&request, invocation).await,
            "GET /v1/issues/{id}" => self.show_issue(&request, invocation).await,
            "GET /v1/issues/{id}/links" => self.list_links(&request).await,
            "GET /v1/issues/{id}/suggestions" => self.list_suggestions(&request).await,
            "POST /v1/issues/{id}/commands" => self.command_issue(&request, invocation).await,
            "PUT /v1/issues/{id}/kano/{response}" => self.answer_kano(&request).await,
            "GET /v1/improvements" => self.list_improvements(&request).await,
            "POST /v1/improvements" => self.open_improvement(&request).await,
            "GET /v1/improvements/{id}" => self.show_improvement(&request, invocation).await,
            "POST /v1/improvements/{id}/commands" => self.command_improvement(&request).await,
            "GET /v1/improvements/{id}/announcement" => self.show_announcement(&request).await,
            "POST /v1/improvements/{id}/announcement" => self.start_announcement(&request).await,
            "GET /v1/improvements/{id}/announcement/preview" => {
                self.preview_announcement(&request, invocation).await
            }
            "POST /v1/improvements/{id}/announcement/commands" => {
                self.command_announcement(&request).await
            }
            "GET /v1/improvements/{id}/beta" => self.show_beta(&request).await,
            "POST /v1/improvements/{id}/beta" => self.start_beta(&request).await,
            "GET /v1/improvements/{id}/beta/preview" => {
                self.preview_beta(&request, invocation).await
            }
            "POST /v1/improvements/{id}/beta/commands" => self.command_beta(&request).await,
            _ => Err(request.problem(Kind::NotFound).into()),
        }
    }

    pub(crate) async fn targets(&self, invocation: &Invocation) -> Result<Arc<Targets>, Fault> {
        let targets = self.rules.targets(invocation.machine_now).await;
        targets.map_err(|error| Fault::doing("read the targets", error))
    }
}

impl Function for App {
    const NAME: &'static str = "manage-issues";
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

/// What the table's refusal means to the caller: a passing one is worth trying again, under the same key.
pub(crate) fn trouble(request: &HttpRequest, doing: &'static str, error: StoreError) -> Rejection {
    if error.is_retryable() {
        let fault = Fault::doing(doing, error);
        tracing::warn!(%fault, route = request.route, "the table is not available");
        return busy(request);
    }
    Fault::doing(doing, error).into()
}

pub(crate) fn busy(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::Unavailable);
    problem.header("retry-after", "1").into()
}

/// What cannot be read hides nothing else: it is logged, and left to a person.
pub(crate) fn passed_over(corrupt: Vec<StoreError>) {
    for error in corrupt {
        tracing::error!(fault = %Fault::from(error), "an item was passed over");
    }
}
