//! From a request to what the customer said, in the log of their case.

use std::sync::Arc;

use resound_domain::book::Book;
use resound_domain::case::{Case, Command, Refused, State};
use resound_domain::confirmation::{NotAsked, Question, Solved};
use resound_domain::event::{Actor, Event, EventKind};
use resound_domain::id::ResponseId;
use resound_domain::submission::IdempotencyKey;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::fields;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::problem::{FieldError, Kind, Problem};
use resound_lambda_kit::telemetry::follow;
use resound_lambda_kit::{Fault, Function, Invocation, receipt};
use resound_pages::response;
use resound_store::{
    Appended, History, Lookup, MAX_EVENTS, Message, Rules, Store, StoreError, StoredEvent,
};
use serde::Serialize;

use crate::Config;
use crate::answer::{Answer, Words};

/// How often it is decided anew because the case changed while it was decided.
pub(crate) const TRIES: u32 = 5;

/// How often a customer can speak in one case: enough for any story, and a bound to what a program with the link can make
/// of its log.
pub(crate) const MOST_WORDS: usize = 50;

/// The function.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    rules: Rules,
}

/// What a program gets.
#[derive(Debug, Serialize)]
struct Heard {
    id: ResponseId,
    state: State,
    /// `null` while there is no outcome to ask about.
    question: Option<Asked>,
}

/// What the customer is asked, and what they said.
#[derive(Debug, Serialize)]
struct Asked {
    outcome: u32,
    said: Option<Solved>,
}

/// What one try came to.
enum Try {
    /// It is in the log, now or since an earlier request.
    Heard,
    /// The case changed meanwhile, or has only now been caught up with time.
    Again,
}

/// What the customer says.
enum Speech {
    Answer(Answer),
    Words { text: String, key: String },
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        // Who may post across origins is no matter of this function.
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
            "GET /v1/unsubscribe/{token}" => return self.ask_to_unsubscribe(&request),
            "POST /v1/unsubscribe/{token}" => return self.unsubscribe(&request).await,
            "GET /v1/receipts/{token}/betas/{id}" => return self.show_beta(&request).await,
            "POST /v1/receipts/{token}/betas/{id}" => return self.hear_tester(&request).await,
            _ => {}
        }
        let id = self.config.keys.asked_for(&request)?;
        let speech = speech(&request).await?;
        for _ in 0..TRIES {
            let history = self.read(&request, id).await?;
            let tried = match &speech {
                Speech::Answer(answer) => self.hear(&request, answer, &history, invocation).await?,
                Speech::Words { text, key } => {
                    let said = (text.as_str(), key.as_str());
                    self.take_down(&request, said, &history, invocation).await?
                }
            };
            if let Try::Heard = tried {
                return self.shown(&request, id).await;
            }
        }
        Err(busy(&request))
    }

    /// The case of a response. There is none where nothing was promised: then nobody waits for words here.
    async fn read(&self, request: &HttpRequest, id: ResponseId) -> Result<History, Rejection> {
        let read = tokio::try_join!(self.store.history(id.case()), self.store.response(id));
        let (history, response) = read.map_err(|error| trouble(request, "read the case", error))?;
        match response {
            Lookup::Found(response) => follow(response.trace_id),
            Lookup::Erased => return Err(receipt::erased(request).into()),
            Lookup::Missing => return Err(receipt::unknown(request).into()),
        }
        let mut history = history.ok_or_else(|| {
            request.problem(Kind::Conflict).detail(
                "这条反馈没有安排单独答复。如果希望得到答复，请再写一条反馈。",
                "No personal answer is planned for this feedback. If you would like one, write to us again.",
            )
        })?;
        // A query is no snapshot of its partition: events may have been added after the case was read.
        let version = history.case.version();
        history.events.retain(|stored| stored.event.seq <= version);
        history.messages.retain(|message| message.seq <= version);
        Ok(history)
    }

    async fn book(&self, invocation: &Invocation) -> Result<Arc<Book>, Fault> {
        let book = self.rules.book(invocation.machine_now).await;
        book.map_err(|error| Fault::doing("read the rules", error))
    }

    /// Takes an answer to "did this solve it?".
    async fn hear(
        &self,
        request: &HttpRequest,
        answer: &Answer,
        history: &History,
        invocation: &Invocation,
    ) -> Result<Try, Rejection> {
        let log = history.events.iter().map(|stored| &stored.event);
        let case = &history.case;
        let question = Question::of(log).ok_or_else(|| {
            not_asked(
                request,
                NotAsked::NoOutcome {
                    state: case.state(),
                },
            )
        })?;
        if question.outcome() != answer.outcome {
            return Err(another_outcome(request).into());
        }
        if question.said() == Some(answer.solved) {
            return match answer.text.is_none() || said_before(history, answer) {
                true => Ok(Try::Heard),
                false => Err(said_otherwise(request).into()),
            };
        }
        let book = self.book(invocation).await?;
        let events = case
            .hear(question, answer.solved, request.at, &book)
            .map_err(|why| not_asked(request, why))?;
        let text = answer.text.as_deref();
        let tried = self
            .append(request, case, &events, text, None, invocation)
            .await?;
        if let Try::Heard = tried {
            let counter = match answer.solved {
                Solved::Yes => Counter::OutcomesConfirmed,
                Solved::No => Counter::OutcomesDisputed,
            };
            invocation.metrics.count(counter, 1);
            tracing::info!(case = %case.id(), outcome = answer.outcome, solved = answer.solved.name(), "the customer said whether it is solved");
        }
        Ok(tried)
    }

    /// Keeps what a customer writes.
    async fn take_down(
        &self,
        request: &HttpRequest,
        (text, key): (&str, &str),
        history: &History,
        invocation: &Invocation,
    ) -> Result<Try, Rejection> {
        let by_customer = |stored: &&StoredEvent| stored.event.by == Actor::Customer;
        let theirs: Vec<_> = history.events.iter().filter(by_customer).collect();
        let before = theirs
            .iter()
            .find(|stored| stored.command_key.as_deref() == Some(key));
        if let Some(before) = before {
            return match words_of(history, before.event.seq) == Some(text) {
                true => Ok(Try::Heard),
                false => Err(request.problem(Kind::KeyReused).into()),
            };
        }
        if theirs.len() > MOST_WORDS {
            return Err(too_many(request).into());
        }
        let (case, book) = (&history.case, self.book(invocation).await?);
        let command = Command::RecordCustomerMessage;
        let events = case
            .handle(&command, Actor::Customer, request.at, &book)
            .map_err(|refused| not_taken(request, &refused))?;
        let tried = self
            .append(request, case, &events, Some(text), Some(key), invocation)
            .await?;
        if let Try::Heard = tried {
            invocation.metrics.count(Counter::CustomersWrote, 1);
            tracing::info!(case = %case.id(), "the customer wrote");
        }
        Ok(tried)
    }

    /// Adds to the log of a case, with the words of the last event.
    async fn append(
        &self,
        request: &HttpRequest,
        before: &Case,
        events: &[Event],
        text: Option<&str>,
        key: Option<&str>,
        invocation: &Invocation,
    ) -> Result<Try, Rejection> {
        // A case that is far behind is caught up first, a transaction at a time.
        let first = events.get(..MAX_EVENTS).filter(|f| f.len() < events.len());
        let (events, text, key) = match first {
            Some(first) => (first, None, None),
            None => (events, text, key),
        };
        let mut after = before.clone();
        for event in events {
            after.apply(event);
        }
        let message = events.last().zip(text).map(|(event, text)| Message {
            seq: event.seq,
            text: text.to_owned(),
            direction: event.kind.direction(),
        });
        let appended = self
            .store
            .append(
                before,
                &after,
                events,
                message.as_ref(),
                key,
                invocation.machine_now,
            )
            .await
            .map_err(|error| trouble(request, "write what the customer said", error))?;
        Ok(match appended {
            Appended::Appended if first.is_none() => Try::Heard,
            Appended::Appended | Appended::Conflict => Try::Again,
        })
    }

    /// To a person the status page, in the language they had it in; to a program where the case stands.
    async fn shown(
        &self,
        request: &HttpRequest,
        id: ResponseId,
    ) -> Result<HttpResponse, Rejection> {
        if request.wants_html() {
            return Ok(back_to_status(request));
        }
        let history = self.read(request, id).await?;
        let log = history.events.iter().map(|stored| &stored.event);
        let heard = Heard {
            id,
            state: history.case.state(),
            question: Question::of(log).map(|question| Asked {
                outcome: question.outcome(),
                said: question.said(),
            }),
        };
        Ok(HttpResponse::json(200, &heard)?.no_store())
    }
}

impl Function for App {
    const NAME: &'static str = "take-answers";
    type Event = HttpEvent;
    type Output = HttpResponse;

    async fn handle(
        &self,
        event: HttpEvent,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Fault> {
        let answer = async |request| self.answer(request, invocation).await;
        // Boxed: the compiler gives up on computing the size of main's future otherwise.
        let served = http::serve_people(event, answer, |problem| response::problem(&problem, None));
        Ok(Box::pin(served).await)
    }
}

/// What a request says.
async fn speech(request: &HttpRequest) -> Result<Speech, Rejection> {
    let invalid = |faults: Vec<FieldError>| request.problem(Kind::Invalid).errors(faults);
    match request.route.as_str() {
        "POST /v1/receipts/{token}/helped" => {
            let fields = fields::read(request).await?;
            let answer = Answer::read(&fields, request.locale()).map_err(invalid)?;
            Ok(Speech::Answer(answer))
        }
        "POST /v1/receipts/{token}/messages" => {
            let fields = fields::read(request).await?;
            let Words { text, key } = Words::read(&fields, request.locale()).map_err(invalid)?;
            Ok(Speech::Words {
                text,
                key: key_of(request, key)?,
            })
        }
        _ => Err(request.problem(Kind::NotFound).into()),
    }
}

/// The key of a message: the header's, else the page's, else the request itself, so that our own repeat is recognised.
fn key_of(request: &HttpRequest, of_page: Option<IdempotencyKey>) -> Result<String, Problem> {
    if let Some(key) = request.header("idempotency-key") {
        let key = IdempotencyKey::try_from(key).map_err(|fault| {
            let locale = request.locale();
            request.problem(Kind::Invalid).errors(vec![FieldError {
                field: fault.field.name().to_owned(),
                code: fault.code.name().into(),
                message: fault.message(locale),
            }])
        })?;
        return Ok(key.as_str().to_owned());
    }
    // A blank is in no key that a caller may send.
    let own = || format!("request {}", request.id);
    Ok(of_page.map_or_else(own, |key| key.as_str().to_owned()))
}

fn words_of(history: &History, seq: u32) -> Option<&str> {
    let mut messages = history.messages.iter();
    let message = messages.find(|message| message.seq == seq)?;
    Some(message.text.as_str())
}

/// Whether the last answer came with these words.
fn said_before(history: &History, answer: &Answer) -> bool {
    let mut events = history.events.iter().rev();
    let last = events.find(|stored| {
        matches!(stored.event.kind, EventKind::Disputed { outcome, .. } if outcome == answer.outcome)
    });
    last.is_some_and(|stored| words_of(history, stored.event.seq) == answer.text.as_deref())
}

fn back_to_status(request: &HttpRequest) -> HttpResponse {
    let page = request.path.rsplit_once('/').map_or("/", |(page, _)| page);
    response::back_to(request, page, "")
}

fn not_asked(request: &HttpRequest, why: NotAsked) -> Problem {
    let problem = request.problem(Kind::Conflict);
    match why {
        NotAsked::NoOutcome { .. } => problem.detail(
            "这条反馈正在处理，还没有结果。有了结果我们会告诉您，并问您是否解决了问题。",
            "This feedback is being worked on and has no outcome yet. When it has one we will tell you, and ask whether it solved it.",
        ),
        NotAsked::Task => problem.detail("没有可以回答的问题。", "There is nothing to answer."),
    }
}

fn another_outcome(request: &HttpRequest) -> Problem {
    request.problem(Kind::Conflict).detail(
        "这个问题是关于之前的一次答复的，之后情况已有变化。请打开进度页面查看最新情况。",
        "This question was about an earlier outcome, and things have moved on since. See the status page for where it stands.",
    )
}

fn said_otherwise(request: &HttpRequest) -> Problem {
    request.problem(Kind::Conflict).detail(
        "您已经回答过这个问题。如果还想补充，请在进度页面上给我们留言。",
        "You have answered this already. To add something, write to us on the status page.",
    )
}

fn too_many(request: &HttpRequest) -> Problem {
    request.problem(Kind::Conflict).detail(
        "这条反馈下的留言已经很多，不能再添加了。请再写一条反馈。",
        "There are very many messages about this feedback, and it takes no more. Write to us anew.",
    )
}

fn not_taken(request: &HttpRequest, refused: &Refused) -> Problem {
    let problem = request.problem(Kind::Conflict);
    match refused {
        Refused::Merged { .. } => problem.detail(
            "您的反馈正与同一问题的反馈合并处理，有了结果我们会告诉您。如有新的情况，请再写一条反馈。",
            "Your feedback is followed up together with other feedback about the same thing, and you will hear the outcome. If there is something new, write to us again.",
        ),
        _ => problem.detail(
            "目前不能在这条反馈下留言。请再写一条反馈。",
            "This feedback takes no words just now. Write to us again.",
        ),
    }
}

/// What the table's refusal means to the caller: a passing one is worth trying again.
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
