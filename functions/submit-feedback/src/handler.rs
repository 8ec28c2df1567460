//! From a request to a receipt.

use std::sync::Arc;

use jiff::Timestamp;
use resound_domain::assignment::Rule;
use resound_domain::case::Case;
use resound_domain::event::Event;
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::id::ResponseId;
use resound_domain::language::Language;
use resound_domain::locale::Locale;
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::Response;
use resound_domain::submission::{
    self, Faults, Field, IdempotencyKey, ParseContext, RawFields, Submission,
};
use resound_domain::triage::{self, Kind as TriageKind, Triage};
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::fields;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::idempotency;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::problem::{FieldError, Kind, Problem};
use resound_lambda_kit::telemetry::follow;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_pages::response::{self, page};
use resound_pages::{FormView, Values, conflict_page, form_page};
use resound_store::{Accepted, Digest, Lookup, Rules, Store, StoreError};
use serde::Serialize;

use crate::{Config, scores};

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
}

/// What a program gets for a submission.
#[derive(Debug, Serialize)]
struct Receipt {
    id: ResponseId,
    reference: String,
    status_url: String,
    /// `null` if nothing was said or scored that needs an answer.
    respond_by: Option<Timestamp>,
    resolve_by: Option<Timestamp>,
}

/// How a submission was judged and under which identity it is kept.
struct Identified {
    id: ResponseId,
    /// Whether the id is of the sender's key, so that it may have been sent before.
    keyed: bool,
    submission: Submission,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        let rules = Rules::new(
            store.clone(),
            config.calendars.clone(),
            config.origins.clone(),
        );
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
        if request.route == "POST /v1/receipts/{token}/scores" {
            return scores::amend(&self.store, &self.config.keys, &request, invocation).await;
        }
        match request.method.as_str() {
            "POST" => self.submit(&request, invocation).await,
            "OPTIONS" => self.preflight(&request, invocation).await,
            _ => Err(request
                .problem(Kind::MethodNotAllowed)
                .header("allow", "POST, OPTIONS")
                .into()),
        }
    }

    async fn submit(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let fields = fields::read(request).await?;
        let forms = self.forms(invocation.machine_now).await?;
        let response = match identify(request, &fields, &forms) {
            Ok(identified) => {
                let form = forms.get(&identified.submission.form);
                self.accept(request, &fields, form, identified, invocation)
                    .await?
            }
            Err(faults) => invalid(request, &fields, &forms, &faults),
        };
        let form = form_named(&fields, &forms);
        Ok(match (request.header("origin"), form) {
            (Some(origin), Some(form)) if form.allows(origin) => shared_with(response, origin),
            _ => response,
        })
    }

    async fn forms(&self, machine_now: Timestamp) -> Result<Arc<Forms>, Fault> {
        let forms = self.rules.forms(machine_now).await;
        forms.map_err(|error| Fault::doing("read the forms", error))
    }

    async fn accept(
        &self,
        request: &HttpRequest,
        fields: &RawFields,
        form: Option<&Form>,
        identified: Identified,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let digest = idempotency::content_digest(&identified.submission)?;
        let zone = form
            .and_then(Form::time_zone)
            .unwrap_or_else(|| self.config.zone.clone());
        let triage = triage::triage(&(&identified.submission).into());
        let trace_id = request.trace.or(invocation.trace);
        follow(trace_id);
        let opened = self
            .open(&identified, &triage, request.at, invocation.machine_now)
            .await?
            .map(|event| Event { trace_id, ..event });
        let opened = opened.and_then(|event| Case::begin(&event).map(|case| (case, event)));
        let Identified { id, submission, .. } = identified;
        let response = Response {
            id,
            received_at: request.at,
            day: request.at.to_zoned(zone).date(),
            trace_id,
            amended: None,
            promise: opened
                .as_ref()
                .and_then(|(case, _)| case.clocks().promise()),
            submission,
            triage,
        };
        let opened = opened.as_ref().map(|(case, event)| (case, event));
        let accepted = self
            .store
            .accept(&response, &Digest(digest), opened, invocation.machine_now)
            .await
            .map_err(|error| Fault::doing("keep the response", error))?;
        match accepted {
            Accepted::New => {
                invocation.metrics.count(Counter::FeedbackAccepted, 1);
                invocation
                    .metrics
                    .count(Counter::CasesOpened, opened.is_some().into());
                tracing::info!(response = %id, case = opened.is_some(), "feedback accepted");
                self.receipt(request, &response)
            }
            Accepted::Replay(first) => {
                invocation.metrics.count(Counter::FeedbackReplayed, 1);
                follow(first.trace_id);
                tracing::info!(response = %id, "feedback was accepted before");
                self.receipt(request, &first)
            }
            Accepted::Mismatch => Ok(conflict(request, fields, form, &response.submission)),
            Accepted::Erased => Ok(erased(request)),
        }
    }

    /// The event with which a submission opens a case; `None` if nothing needs an answer.
    async fn open(
        &self,
        identified: &Identified,
        triage: &Triage,
        at: Timestamp,
        machine_now: Timestamp,
    ) -> Result<Option<Event>, Fault> {
        if !triage.opens_case() {
            return Ok(None);
        }
        let Identified { id, submission, .. } = identified;
        let (book, assignment) = tokio::try_join!(
            self.rules.book(machine_now),
            self.rules.assignment(machine_now),
        )
        .map_err(|error| Fault::doing("read the rules", error))?;
        let priority = Priority::assess(
            triage.severity.is_some(),
            submission.tier,
            submission.nps,
            triage.kind == TriageKind::Complaint,
        );
        let origin = Origin::of(submission, triage);
        let agent = match assignment.rule(priority, &origin, submission.product.as_deref()) {
            Some(rule) => self.agent(rule, identified).await,
            None => None,
        };
        let opened = Case::open(id.case(), at, priority, origin, &book);
        Ok(Some(opened.assigned_to(agent)))
    }

    /// Who gets the case by this rule. A repeat of what was accepted takes no turn, so that turns stay even.
    async fn agent(&self, rule: &Rule, identified: &Identified) -> Option<String> {
        let turn = async {
            if identified.keyed && self.store.response(identified.id).await? != Lookup::Missing {
                return Ok(None);
            }
            self.store.next_turn(&rule.name).await.map(Some)
        };
        let turn = match &rule.agents[..] {
            [_] => Some(0),
            _ => turn.await.unwrap_or_else(|error: StoreError| {
                // Better a case that staff must take than a customer who is refused.
                let fault = Fault::doing("take a turn", error);
                tracing::error!(%fault, response = %identified.id, "the case is assigned to nobody");
                None
            }),
        };
        rule.agent(turn?).map(str::to_owned)
    }

    fn receipt(
        &self,
        request: &HttpRequest,
        response: &Response,
    ) -> Result<HttpResponse, Rejection> {
        let token = self.config.keys.issue_receipt(response.id);
        if request.wants_html() {
            // Without a host, so that the browser stays with the name and the base path it reached us by.
            let base = request.path.strip_suffix("feedback").unwrap_or("/v1/");
            return Ok(HttpResponse::see_other(format!("{base}receipts/{token}")).no_store());
        }
        let receipt = Receipt {
            id: response.id,
            reference: response.id.reference(),
            status_url: format!("{}/v1/receipts/{token}", self.config.public_url),
            respond_by: response.promise.map(|promise| promise.respond_by),
            resolve_by: response.promise.map(|promise| promise.resolve_by),
        };
        let location = receipt.status_url.clone();
        Ok(HttpResponse::json(201, &receipt)?
            .header("location", location)
            .no_store())
    }

    /// Tells a browser whether a page of another origin may post here. Which form it will name is not known yet, so
    /// any form that allows the origin will do; the answer to the post itself goes by its form.
    async fn preflight(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let response = HttpResponse::new(204).header("allow", "POST, OPTIONS");
        let Some(origin) = request.header("origin") else {
            return Ok(response);
        };
        let forms = self.forms(invocation.machine_now).await?;
        if !forms.iter().any(|form| form.allows(origin)) {
            return Ok(response.header("vary", "origin"));
        }
        Ok(shared_with(response, origin)
            .header("access-control-allow-methods", "POST")
            .header(
                "access-control-allow-headers",
                "content-type, idempotency-key",
            )
            .header("access-control-max-age", "600"))
    }
}

impl Function for App {
    const NAME: &'static str = "submit-feedback";
    type Event = HttpEvent;
    type Output = HttpResponse;

    async fn handle(
        &self,
        event: HttpEvent,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Fault> {
        let answer = |request| self.answer(request, invocation);
        Ok(http::serve_people(event, answer, |problem| response::problem(&problem, None)).await)
    }
}

/// What is sent and as whom: under the sender's key if there is one, else as this very request.
fn identify(
    request: &HttpRequest,
    fields: &RawFields,
    forms: &Forms,
) -> Result<Identified, Faults> {
    let context = ParseContext {
        forms,
        accept_language: request.asked_language(),
    };
    let key = request
        .header("idempotency-key")
        .or_else(|| fields.text(Field::IdempotencyKey.name()))
        .filter(|key| !key.is_empty())
        .map(IdempotencyKey::try_from)
        .transpose();
    let (submission, key) = match (Submission::parse(fields, context), key) {
        (Ok(submission), Ok(key)) => (submission, key),
        (Err(faults), Err(fault)) => return Err(faults.with(fault)),
        (Err(faults), Ok(_)) => return Err(faults),
        (Ok(_), Err(fault)) => return Err(fault.into()),
    };
    let id = match &key {
        Some(key) => idempotency::response_id(&submission.form, key),
        None => idempotency::response_id_of_request(&request.id),
    };
    Ok(Identified {
        id,
        keyed: key.is_some(),
        submission,
    })
}

/// The form these fields name, if there is one of that name.
fn form_named<'a>(fields: &RawFields, forms: &'a Forms) -> Option<&'a Form> {
    let name = fields.text(Field::Form.name());
    let name = name.filter(|name| !name.is_empty());
    let name = name.unwrap_or(FormId::DEFAULT);
    forms.iter().find(|form| form.id.as_str() == name)
}

fn shared_with(response: HttpResponse, origin: &str) -> HttpResponse {
    response
        .header("access-control-allow-origin", origin)
        .header("access-control-expose-headers", "location")
        .header("vary", "origin")
}

/// The language of a person in front of the form: what they asked for, else the language the form was in.
fn locale_of(request: &HttpRequest, fields: &RawFields) -> Locale {
    fields
        .text(Field::Locale.name())
        .and_then(Locale::from_tag)
        .or_else(|| request.asked_locale())
        .unwrap_or_default()
}

/// Every fault by field: to a program as a problem, to a person as the form with what they typed.
fn invalid(
    request: &HttpRequest,
    fields: &RawFields,
    forms: &Forms,
    faults: &Faults,
) -> HttpResponse {
    let locale = locale_of(request, fields);
    if request.wants_html() {
        let form = form_named(fields, forms);
        let html = show_form(request, fields, form, locale, Some(faults), form_page);
        return page(Kind::Invalid.status(), html);
    }
    Problem::new(Kind::Invalid, locale)
        .errors(field_errors(faults, locale))
        .into_response()
}

/// The faults as a program is told them.
pub(crate) fn field_errors(faults: &Faults, locale: Locale) -> Vec<FieldError> {
    let told = |fault: submission::Fault| FieldError {
        field: fault.field.name().to_owned(),
        code: fault.code.name().into(),
        message: fault.message(locale),
    };
    faults.iter().map(told).collect()
}

/// The key was used for something else. A person gets their text again, under a new key.
fn conflict(
    request: &HttpRequest,
    fields: &RawFields,
    form: Option<&Form>,
    submission: &Submission,
) -> HttpResponse {
    let locale = locale_of(request, fields);
    if !request.wants_html() {
        return Problem::new(Kind::KeyReused, locale).into_response();
    }
    let html = show_form(
        request,
        fields,
        form,
        submission.locale,
        None,
        conflict_page,
    );
    page(Kind::KeyReused.status(), html)
}

fn show_form(
    request: &HttpRequest,
    fields: &RawFields,
    form: Option<&Form>,
    locale: Locale,
    faults: Option<&Faults>,
    view: fn(&FormView<'_>) -> String,
) -> String {
    let title = form.and_then(|form| form.title.as_ref());
    view(&FormView {
        form: form.map_or(FormId::DEFAULT, |form| form.id.as_str()),
        name: title.map(|title| locale.choose(&title.zh_cn, &title.en)),
        locale,
        answer_in: fields
            .text(Field::Locale.name())
            .and_then(Language::from_tag)
            .or_else(|| request.asked_language())
            .filter(|language| language.locale() == locale)
            .unwrap_or_else(|| locale.into()),
        idempotency_key: &idempotency::page_key(&request.id),
        action: &request.path,
        values: &Values::from_pairs(fields.texts()),
        faults,
    })
}

/// What was sent was erased since. A response, so that pages of other origins may read it.
fn erased(request: &HttpRequest) -> HttpResponse {
    let problem = request.problem(Kind::Gone);
    match request.wants_html() {
        true => response::problem(&problem, None),
        false => problem.into_response(),
    }
}
