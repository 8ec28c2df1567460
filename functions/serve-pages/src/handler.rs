//! From a request to a page.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use resound_domain::case::State;
use resound_domain::confirmation::{Question, Solved};
use resound_domain::event::Direction;
use resound_domain::form::{Form, FormId};
use resound_domain::issue::beta;
use resound_domain::issue::tester::Tester;
use resound_domain::language::Language;
use resound_domain::response::Response;
use resound_domain::submission::Field;
use resound_lambda_kit::Invocation;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::idempotency::page_key;
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::receipt;
use resound_pages::{self as pages, Progress, response::page};
use resound_store::{Lookup, Told};

use crate::receipt::{Receipt, Shipped, Trial};
use crate::{API, App};

/// The fields of the form that a link may fill in. Not who the customer is or how to reach them: that does not belong
/// in an address. Not consent: it is the customer's own to give.
const FILLED_BY_LINK: [Field; 9] = [
    Field::Text,
    Field::Nps,
    Field::Csat,
    Field::Ces,
    Field::Channel,
    Field::Touchpoint,
    Field::Product,
    Field::OrderId,
    Field::Page,
];

/// The most improvements that a page tells of, the latest ones.
const MOST_SHIPPED: usize = 10;

/// Answers an event. A browser gets every refusal as a page, any other client as `application/problem+json`.
pub(crate) async fn handle(app: &App, event: HttpEvent, invocation: &Invocation) -> HttpResponse {
    let answer = async |request| route(app, &request, invocation).await;
    http::serve_people(event, answer, |problem| {
        let form = form_link(app, &FormId::default_form());
        let way_out = format!("{form}?lang={}", problem.locale.tag());
        pages::response::problem(&problem, Some(&way_out))
    })
    .await
}

async fn route(
    app: &App,
    request: &HttpRequest,
    invocation: &Invocation,
) -> Result<HttpResponse, Rejection> {
    match request.route.as_str() {
        "GET /" => Ok(home(app, request)),
        "GET /f/{form}" => form(app, request, invocation).await,
        "GET /v1/receipts/{token}" => show_receipt(app, request, invocation).await,
        "GET /openapi.json" => Ok(api()),
        _ => Err(request.problem(Kind::NotFound).into()),
    }
}

fn home(app: &App, request: &HttpRequest) -> HttpResponse {
    let form = form_link(app, &FormId::default_form());
    let api = format!("{}/openapi.json", app.config.base_path);
    page(
        200,
        pages::home_page(&pages::HomeView {
            locale: request.locale(),
            form: &form,
            api: &api,
        }),
    )
}

async fn form(
    app: &App,
    request: &HttpRequest,
    invocation: &Invocation,
) -> Result<HttpResponse, Rejection> {
    let unknown = || {
        request
            .problem(Kind::NotFound)
            .detail("没有这个表单。", "There is no such form.")
    };
    let id: FormId = request
        .param("form")
        .and_then(|name| name.parse().ok())
        .ok_or_else(unknown)?;
    let forms = app.rules.forms(invocation.machine_now).await?;
    let form = forms.get(&id).ok_or_else(unknown)?;
    let locale = request.locale();
    let filled = request.query.iter().filter(|(name, _)| {
        Field::from_name(name).is_some_and(|field| FILLED_BY_LINK.contains(&field))
    });
    Ok(page(
        200,
        pages::form_page(&pages::FormView {
            form: id.as_str(),
            name: form
                .title
                .as_ref()
                .map(|title| locale.choose(&title.zh_cn, &title.en)),
            locale,
            answer_in: request.asked_language().unwrap_or_else(|| locale.into()),
            // One per page shown: pressing "send" twice sends once, and two pages send two.
            idempotency_key: &page_key(&request.id),
            action: &format!("{}/v1/feedback", app.config.base_path),
            values: &pages::Values::from_pairs(filled.map(|(name, value)| (name, value))),
            faults: None,
        }),
    ))
}

async fn show_receipt(
    app: &App,
    request: &HttpRequest,
    invocation: &Invocation,
) -> Result<HttpResponse, Rejection> {
    let id = app.config.signing_keys.asked_for(request)?;
    let read = tokio::try_join!(
        app.store.response(id),
        app.store.told(id),
        app.store.invitations(id)
    );
    let (found, told, invited) = read?;
    let response = match found {
        Lookup::Found(response) => response,
        Lookup::Erased => return Err(receipt::erased(request).into()),
        Lookup::Missing => return Err(receipt::unknown(request).into()),
    };
    // The language they wrote in says more than the settings of the browser they read with.
    let asked = request.query("lang").and_then(Language::from_tag);
    let own = response.submission.language();
    let language = asked.unwrap_or(own);
    let mut receipt = read_receipt(app, &response, request.at, invocation.machine_now).await?;
    receipt.betas = betas(app, invited, request.at).await?;
    receipt.shipped = shipped(app, told, language).await?;
    let answer = if request.wants_html() {
        let forms = app.rules.forms(invocation.machine_now).await?;
        let form = &response.submission.form;
        let zone = forms.get(form).and_then(Form::time_zone);
        let zone = zone.unwrap_or_else(|| app.config.time_zone.clone());
        let until = response.amendable_until();
        let place = Place {
            language,
            chinese: own.chinese(),
            zone: &zone,
            form: &form_link(app, form),
            scores_until: (request.at <= until).then_some(until),
        };
        page(200, receipt_page(app, request, &receipt, &place))
    } else {
        HttpResponse::json(200, &receipt.to_json())?.no_store()
    };
    Ok(answer
        .header("referrer-policy", "no-referrer")
        .header("vary", "accept"))
}

/// What has shipped since of what they reported: whatever was announced to them, whether or not a letter could be sent.
async fn shipped(
    app: &App,
    mut told: Vec<Told>,
    language: Language,
) -> Result<Vec<Shipped>, Rejection> {
    told.sort_by_key(|told| (std::cmp::Reverse(told.at), told.improvement));
    let mut shipped = Vec::new();
    for told in told.iter().take(MOST_SHIPPED) {
        if let Some(announcement) = app.store.announcement(told.improvement).await? {
            let (wrote, words) = announcement.words().of(language);
            shipped.push(Shipped {
                at: told.at,
                release: announcement.shipped().version.clone(),
                message: words.as_str().to_owned(),
                language: wrote,
            });
        }
    }
    Ok(shipped)
}

/// The open betas that they were written to about, or perhaps were.
async fn betas(
    app: &App,
    mut invited: Vec<(Told, Tester)>,
    now: Timestamp,
) -> Result<Vec<Trial>, Rejection> {
    invited.retain(|(told, _)| told.fate.was_perhaps_written());
    invited.sort_by_key(|(told, _)| (std::cmp::Reverse(told.at), told.improvement));
    let mut betas = Vec::new();
    for (told, tester) in invited.into_iter().take(MOST_SHIPPED) {
        let beta = app.store.beta(told.improvement).await?;
        if let Some(beta) = beta.filter(|beta| beta.state() != beta::State::Closed) {
            betas.push(Trial {
                improvement: told.improvement,
                takes_part: tester.takes_part(),
                fixed: tester.is_fixed(),
                open: beta.can_be_joined(now),
                asking: beta.asked_at().is_some(),
            });
        }
    }
    Ok(betas)
}

async fn read_receipt(
    app: &App,
    response: &Response,
    now: Timestamp,
    machine_now: Timestamp,
) -> Result<Receipt, Rejection> {
    // A response that was promised nothing opened no case.
    let history = match response.promise {
        Some(_) => app.store.history(response.id.case()).await?,
        None => None,
    };
    let Some(history) = history else {
        return Ok(Receipt::new(response, None, BTreeMap::new(), now));
    };
    let book = app.rules.book(machine_now).await?;
    let log = history
        .events
        .into_iter()
        .map(|stored| stored.event)
        .collect();
    let messages = history
        .messages
        .into_iter()
        .filter(|message| message.direction != Direction::Internal)
        .map(|message| (message.seq, message.text))
        .collect();
    Ok(Receipt::new(
        response,
        Some((history.case, log, &*book)),
        messages,
        now,
    ))
}

/// How and where a status page is read.
struct Place<'a> {
    language: Language,
    /// Which Chinese is offered to who reads it in English.
    chinese: Language,
    zone: &'a TimeZone,
    /// Where the customer can write anew.
    form: &'a str,
    /// Until when scores can be changed; `None` afterwards.
    scores_until: Option<Timestamp>,
}

fn receipt_page(app: &App, request: &HttpRequest, receipt: &Receipt, place: &Place<'_>) -> String {
    let language = place.language;
    let token = request.param("token").unwrap_or_default();
    let action = |what: &str| {
        let (base, lang) = (&app.config.base_path, language.tag());
        format!("{base}/v1/receipts/{token}/{what}?lang={lang}")
    };
    let (scores, helped, messages) = (action("scores"), action("helped"), action("messages"));
    let key = page_key(&request.id);
    let steps: Vec<_> = receipt
        .steps
        .iter()
        .map(|step| pages::Step {
            at: step.at,
            kind: step.kind,
            message: step.message.as_deref(),
        })
        .collect();
    let news: Vec<_> = receipt
        .shipped
        .iter()
        .map(|shipped| pages::ShippedView {
            release: &shipped.release,
            words: &shipped.message,
            language: shipped.language,
        })
        .collect();
    let trials: Vec<_> = receipt
        .betas
        .iter()
        .filter_map(|trial| {
            let step = match (trial.takes_part, trial.asking, trial.fixed) {
                (Some(true), true, None) => pages::TrialStep::Asked,
                (Some(true), ..) => pages::TrialStep::Joined,
                (None, ..) if trial.open => pages::TrialStep::Invited,
                (None | Some(false), ..) => return None,
            };
            let link = action(&format!("betas/{}", trial.improvement));
            Some(pages::TrialView { step, link })
        })
        .collect();
    pages::receipt_page(&pages::ReceiptView {
        language,
        chinese: place.chinese,
        zone: place.zone,
        reference: &receipt.reference,
        progress: receipt.progress,
        answer: receipt.answer,
        outcome: receipt.outcome,
        closes_at: receipt.closes_at,
        steps: &steps,
        shipped: &news,
        trials: &trials,
        scores: place.scores_until.map(|until| pages::ScoresView {
            scores: receipt.scores,
            until,
            action: &scores,
        }),
        question: receipt.question.map(|question| pages::QuestionView {
            action: &helped,
            outcome: question.outcome(),
            ending: question.ending(),
            said: question.said(),
            leaning: leaning(request, &question),
        }),
        message: is_worked(receipt.progress).then_some(pages::MessageView {
            action: &messages,
            idempotency_key: &key,
        }),
        form: place.form,
    })
}

/// The answer of the link in a letter, if that was about the outcome that stands.
fn leaning(request: &HttpRequest, question: &Question) -> Option<Solved> {
    let about = request.query("outcome")?.parse() == Ok(question.outcome());
    Solved::from_name(request.query("solved")?).filter(|_| about)
}

/// Whether somebody works on it by itself, who can be written to. After an outcome the question asks for words.
const fn is_worked(progress: Progress) -> bool {
    matches!(
        progress,
        Progress::Case(
            State::Open | State::Acknowledged | State::AwaitingCustomer | State::Reopened
        )
    )
}

fn api() -> HttpResponse {
    HttpResponse::new(200)
        .body("application/json", API)
        .header("cache-control", "public, max-age=300")
        .header("access-control-allow-origin", "*")
}

fn form_link(app: &App, form: &FormId) -> String {
    format!("{}/f/{form}", app.config.base_path)
}
