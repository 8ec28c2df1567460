//! From a request to a case.

use std::sync::Arc;

use futures::future::try_join_all;
use jiff::Timestamp;
use resound_domain::book::Book;
use resound_domain::case::{Case, Command, MAX_ABSORBED, Refused};
use resound_domain::event::{Actor, Ending, Event};
use resound_domain::id::CaseId;
use resound_domain::submission::IdempotencyKey;
use resound_domain::template::Occasion;
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::fields;
use resound_lambda_kit::http::{
    self, ContentType, HttpEvent, HttpRequest, HttpResponse, Rejection,
};
use resound_lambda_kit::precondition::Tags;
use resound_lambda_kit::problem::{FieldError, Kind};
use resound_lambda_kit::telemetry::follow;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_store::{
    Addition, Appended, History, Key, Lookup, MAX_EVENTS, MAX_ITEMS, Message, Notice, Rules, Store,
    StoreError, Turned,
};
use serde_json::{Value, json};

use crate::Config;
use crate::command::{Order, names};
use crate::list::{CaseKind, Wanted};
use crate::view;
use crate::{kpi, statistics, stuck, suppressions};

/// How often a command is decided anew because the case changed while it was decided.
const TRIES: u32 = 5;

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
}

/// Who commands, under which key, and which revision they have seen.
struct Caller {
    actor: Actor,
    key: String,
    seen: Option<Tags>,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        // Who may post across origins is no matter of staff.
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
            "GET /v1/cases" => self.list(&request, invocation).await,
            "GET /v1/cases/{id}" => self.show(&request, invocation).await,
            "POST /v1/cases/{id}/commands" => self.command(&request, invocation).await,
            "GET /v1/statistics/cases" => {
                let zone = self.config.calendars.zone();
                statistics::answer(&self.store, &self.rules, zone, &request, invocation).await
            }
            "GET /v1/kpi" => {
                let zone = self.config.calendars.zone();
                kpi::answer(&self.store, &self.rules, zone, &request, invocation).await
            }
            "GET /v1/stuck-events" => stuck::list(&self.store, &request).await,
            "POST /v1/stuck-events/resume" => {
                stuck::resume(&self.store, &request, invocation.machine_now).await
            }
            "POST /v1/suppressions" => suppressions::list(&self.store, &request).await,
            "POST /v1/suppressions/lookup" => suppressions::look_up(&self.store, &request).await,
            "POST /v1/suppressions/lift" => suppressions::lift(&self.store, &request).await,
            _ => Err(request.problem(Kind::NotFound).into()),
        }
    }

    /// The rules that cases are read and decided by.
    async fn book(&self, invocation: &Invocation) -> Result<Arc<Book>, Fault> {
        let book = self.rules.book(invocation.machine_now).await;
        book.map_err(|error| Fault::doing("read the rules", error))
    }

    async fn list(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let claims = request.require(Scope::CasesRead)?;
        let wanted = Wanted::read(request, &claims.sub)
            .map_err(|faults| request.problem(Kind::Invalid).errors(faults))?;
        let page = self
            .store
            .cases(&wanted.filter(), wanted.cursor.as_ref(), wanted.limit)
            .await
            .map_err(|error| trouble(request, "list the cases", error))?;
        let book = self.book(invocation).await?;
        let cases: Vec<_> = page
            .cases
            .into_iter()
            .map(|case| expired(case, request, &book))
            .filter(|case| wanted.states.contains(&case.state()))
            .filter(|case| wanted.priority.is_none_or(|p| p == case.priority()))
            .filter(|case| wanted.kind.is_none_or(|kind| kind == CaseKind::of(case)))
            .map(|case| view::summary(&case))
            .collect();
        let next = page.next.map(|cursor| cursor.to_string());
        Ok(HttpResponse::json(200, &json!({"cases": cases, "next": next}))?.no_store())
    }

    async fn show(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesRead)?;
        let (history, response) = self.read(request, case_id(request)?).await?;
        let book = self.book(invocation).await?;
        let history = view::as_of(history, request.at, &book);
        // Only what people do changes the tag. What time or a delivery may have changed under it is shown again.
        let unchanged = request
            .header("if-none-match")
            .and_then(|value| value.parse::<Tags>().ok())
            .is_some_and(|tags| tags.match_weakly(history.case.revision()))
            && view::is_settled(&history, &response);
        if unchanged {
            let response = HttpResponse::new(304).etag(history.case.revision());
            return Ok(response.no_store());
        }
        self.shown(&history, &response)
    }

    /// Carries out a command, once.
    ///
    /// A repeat (the same caller, case and key) is told first of all what the command had made of the case: no
    /// precondition is checked again, as the command itself would fail it. Without a key the request's own id serves, so
    /// that our own repeat after a lost answer is recognised as well.
    async fn command(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesWrite)?.sub;
        let id = case_id(request)?;
        let order = read_order(request, sub)?;
        let caller = Caller {
            actor: Actor::Staff(sub.clone()),
            key: match request.header("idempotency-key") {
                Some(key) => key.to_owned(),
                // A blank is in no key that a caller may send.
                None => format!("request {}", request.id),
            },
            seen: seen(request)?,
        };
        for _ in 0..TRIES {
            let (history, response) = self.read(request, id).await?;
            if let Some(before) = repeated(&history, &caller) {
                return self.repeat(request, &order, history, before, &response);
            }
            if let Some(response) = self
                .carry_out(request, &order, &caller, history, &response, invocation)
                .await?
            {
                return Ok(response);
            }
        }
        Err(busy(request))
    }

    /// One try; `None` if the case changed meanwhile.
    async fn carry_out(
        &self,
        request: &HttpRequest,
        order: &Order,
        caller: &Caller,
        mut history: History,
        response: &Lookup,
        invocation: &Invocation,
    ) -> Result<Option<HttpResponse>, Rejection> {
        let before = history.case.clone();
        let revision = before.revision();
        let agrees = caller
            .seen
            .as_ref()
            .is_none_or(|tags| tags.match_strongly(revision))
            && order.version.is_none_or(|version| version == revision);
        if !agrees {
            let problem = request.problem(Kind::PreconditionFailed).detail(
                "您看到的不是最新版本：请重新读取后再决定。",
                "What you have seen is not the latest version: read the case again, then decide.",
            );
            return Err(problem.header("etag", format!("\"{revision}\"")).into());
        }
        if let Command::Told {
            cause: Some(cause), ..
        } = order.command
            && !is_told_of(&history, cause)
        {
            return Err(not_told_of(request));
        }
        if takes_from_another(&before, &order.command, &caller.actor) {
            request.require(Scope::CasesManage)?;
        }
        let machine_now = invocation.machine_now;
        let book = self.book(invocation).await?;
        let events = before
            .handle(&order.command, caller.actor.clone(), request.at, &book)
            .map_err(|refused| conflict(request, &refused))?;
        if events.len() > MAX_EVENTS {
            self.let_pass(request, &before, &events, machine_now)
                .await?;
            return Ok(None);
        }
        let others = self
            .others(request, order, caller, &before, &events, &book)
            .await?;
        view::add(&mut history, &events);
        let message = message_of(&events, order.text.as_deref());
        let mut additions = vec![Addition {
            before: &before,
            after: &history.case,
            events: &events,
            message: message.as_ref(),
            command_key: Some(&caller.key),
        }];
        additions.extend(others.iter().map(|other| Addition {
            before: &other.before,
            after: &other.after,
            events: &other.events,
            message: other.message.as_ref(),
            command_key: None,
        }));
        if additions.iter().map(Addition::items).sum::<usize>() > MAX_ITEMS {
            for addition in &additions {
                self.let_pass(request, addition.before, addition.events, machine_now)
                    .await?;
            }
            return Ok(None);
        }
        let told = events.last();
        let turned = told.and_then(|event| Turned::new(&history.notices, event, machine_now));
        let appended = match (&turned, additions.as_slice()) {
            (Some(turned), [addition]) => {
                let written = self.store.append_turned(addition, turned, machine_now);
                written.await
            }
            (_, additions) => self.store.append_all(additions, machine_now).await,
        };
        let appended = appended.map_err(|error| trouble(request, "write the command", error))?;
        match appended {
            Appended::Conflict => Ok(None),
            Appended::Appended => {
                let (seq, command) = (history.case.version(), order.command.verb().name());
                tracing::info!(case = %before.id(), seq, command, "command carried out");
                history.messages.extend(message);
                if let Some(turned) = turned {
                    let after = turned.after();
                    history.notices.retain(|notice| notice.key != after.key);
                    history.notices.push(after.clone());
                    // As they are read.
                    let place = |notice: &Notice| Key::Notice(notice.key).encode().sk;
                    history.notices.sort_by_cached_key(place);
                }
                self.shown(&history, response).map(Some)
            }
        }
    }

    /// Writes what time made happen before the last of these events, where it is too much to be written together with
    /// that: of a case that is far behind the first of it. Then the command is to be decided anew.
    async fn let_pass(
        &self,
        request: &HttpRequest,
        before: &Case,
        events: &[Event],
        machine_now: Timestamp,
    ) -> Result<(), Rejection> {
        let passed = events.split_last().map_or(&[][..], |(_, passed)| passed);
        let first = passed.get(..MAX_EVENTS).unwrap_or(passed);
        let mut after = before.clone();
        for event in first {
            after.apply(event);
        }
        let caught_up = self
            .store
            .append(before, &after, first, None, None, machine_now);
        match caught_up
            .await
            .map_err(|error| trouble(request, "catch the case up", error))?
        {
            Appended::Appended | Appended::Conflict => Ok(()),
        }
    }

    /// What a command on one case makes happen to others, to be written with it: the survivor of a merge takes the case
    /// in, and the cases it took in follow its outcome.
    async fn others(
        &self,
        request: &HttpRequest,
        order: &Order,
        caller: &Caller,
        before: &Case,
        events: &[Event],
        book: &Book,
    ) -> Result<Vec<Other>, Rejection> {
        let read = |id: CaseId| async move {
            let case = self.store.case(id).await;
            case.map_err(|error| trouble(request, "read another case", error))
        };
        let outcome = match order.command {
            Command::Merge { into } => {
                let survivor = read(into).await?.ok_or_else(|| no_survivor(request))?;
                let absorbed = survivor.absorb(before, caller.actor.clone(), request.at, book);
                let events = absorbed.map_err(|refused| conflict(request, &refused))?;
                return Ok(vec![Other::new(survivor, events, None)]);
            }
            Command::Resolve => Ending::Resolved,
            Command::Decline => Ending::Declined,
            _ => return Ok(Vec::new()),
        };
        let at = events.last().map_or(request.at, |event| event.at);
        let merged = try_join_all(before.absorbed().iter().map(|&id| read(id))).await?;
        let followed = merged.into_iter().flatten().filter_map(|case| {
            let events = case.follow(outcome, at, book);
            (!events.is_empty()).then(|| Other::new(case, events, order.text.as_deref()))
        });
        Ok(followed.collect())
    }

    /// What the first request was told: the case as the command left it.
    fn repeat(
        &self,
        request: &HttpRequest,
        order: &Order,
        mut history: History,
        seq: u32,
        response: &Lookup,
    ) -> Result<HttpResponse, Rejection> {
        history.events.retain(|stored| stored.event.seq <= seq);
        history.messages.retain(|message| message.seq <= seq);
        let text = history.messages.iter().find(|m| m.seq == seq);
        let text = text.map(|message| message.text.as_str());
        let same = history
            .events
            .last()
            .is_some_and(|stored| order.made(&stored.event.kind, text));
        if !same {
            return Err(request.problem(Kind::KeyReused).into());
        }
        let log = history.events.iter().map(|stored| &stored.event);
        history.case = Case::replay(log).map_err(|error| Fault::doing("replay the case", error))?;
        self.shown(&history, response)
    }

    /// A case with its log, and the response that opened it.
    async fn read(
        &self,
        request: &HttpRequest,
        id: CaseId,
    ) -> Result<(History, Lookup), Rejection> {
        let read = tokio::try_join!(self.store.history(id), self.store.response(id.response()));
        let (history, response) = read.map_err(|error| trouble(request, "read the case", error))?;
        let mut history = history.ok_or_else(|| unknown_case(request))?;
        follow(history.case.trace_id());
        // A query is no snapshot of its partition: events may have been added after the case was read.
        let version = history.case.version();
        history.events.retain(|stored| stored.event.seq <= version);
        history.messages.retain(|message| message.seq <= version);
        Ok((history, response))
    }

    fn shown(&self, history: &History, response: &Lookup) -> Result<HttpResponse, Rejection> {
        let url = &self.config.public_url;
        // A task has no customer who could look.
        let status_url = history.case.task().is_none().then(|| {
            let token = self.config.keys.issue_receipt(history.case.id().response());
            format!("{url}/v1/receipts/{token}")
        });
        let view: Value = view::full(history, response, status_url.as_deref(), url);
        Ok(HttpResponse::json(200, &view)?
            .etag(history.case.revision())
            .no_store())
    }
}

impl Function for App {
    const NAME: &'static str = "manage-cases";
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

/// A case that changes because another one does.
struct Other {
    before: Case,
    after: Case,
    events: Vec<Event>,
    message: Option<Message>,
}

impl Other {
    fn new(before: Case, events: Vec<Event>, text: Option<&str>) -> Self {
        let mut after = before.clone();
        for event in &events {
            after.apply(event);
        }
        Self {
            message: message_of(&events, text),
            before,
            after,
            events,
        }
    }
}

/// The words that go with the last of these events.
fn message_of(events: &[Event], text: Option<&str>) -> Option<Message> {
    let event = events.last()?;
    text.map(|text| Message {
        seq: event.seq,
        text: text.to_owned(),
        direction: event.kind.direction(),
    })
}

/// The case as time has made it by the request.
fn expired(mut case: Case, request: &HttpRequest, book: &Book) -> Case {
    for event in case.expire(request.at, book) {
        case.apply(&event);
    }
    case
}

/// Whether a command gives away a case that somebody else works.
fn takes_from_another(case: &Case, command: &Command, caller: &Actor) -> bool {
    let (Command::Assign { owner: to }, Actor::Staff(caller)) = (command, caller) else {
        return false;
    };
    case.owner()
        .is_some_and(|owner| owner != caller && owner != to)
}

/// Whether event `seq` of a log is one that the customer is told of.
fn is_told_of(history: &History, seq: u32) -> bool {
    let mut events = history.events.iter().map(|stored| &stored.event);
    events.any(|event| event.seq == seq && Occasion::of(&event.kind).is_some())
}

fn not_told_of(request: &HttpRequest) -> Rejection {
    let fault = FieldError {
        field: "cause".to_owned(),
        code: "unknown-event".into(),
        message: request
            .locale()
            .choose(
                "这一事项不是要告知客户的内容：请给出回复、提问或结果的 seq。",
                "The customer is not told of that event: name the `seq` of a reply, a question or an outcome.",
            )
            .to_owned(),
    };
    request.problem(Kind::Invalid).errors(vec![fault]).into()
}

fn case_id(request: &HttpRequest) -> Result<CaseId, Rejection> {
    let id = request.param("id").and_then(|id| id.parse().ok());
    id.ok_or_else(|| unknown_case(request))
}

/// The command of a request, or every fault of its body and its key.
fn read_order(request: &HttpRequest, caller: &str) -> Result<Order, Rejection> {
    if ContentType::of(request)? != ContentType::Json {
        let problem = request.problem(Kind::UnsupportedMediaType);
        return Err(problem.header("accept", "application/json").into());
    }
    let fields = fields::json(request)?;
    let locale = request.locale();
    let key = match request.header("idempotency-key") {
        Some(key) => IdempotencyKey::try_from(key).map(|_| ()),
        None => Ok(()),
    };
    let key = key.err().map(|fault| FieldError {
        field: "idempotency_key".to_owned(),
        code: fault.code.name().into(),
        message: fault.message(locale),
    });
    let faults = match (Order::read(&fields, caller, locale), key) {
        (Ok(order), None) => return Ok(order),
        (Ok(_), Some(fault)) => vec![fault],
        (Err(faults), key) => faults.into_iter().chain(key).collect(),
    };
    Err(request.problem(Kind::Invalid).errors(faults).into())
}

/// The tags of `If-Match`, if it was sent.
fn seen(request: &HttpRequest) -> Result<Option<Tags>, Rejection> {
    let tags = request.header("if-match").map(str::parse).transpose();
    tags.map_err(|_| {
        let problem = request.problem(Kind::BadRequest).detail(
            "If-Match 应为带引号的 ETag，例如 \"3\"。",
            "If-Match is expected to be the ETag of the case with its quotes, such as \"3\".",
        );
        problem.into()
    })
}

/// The seq of what this caller's command of this key has made happen before.
fn repeated(history: &History, caller: &Caller) -> Option<u32> {
    let mut events = history.events.iter();
    let before = events.find(|stored| {
        stored.command_key.as_deref() == Some(&caller.key) && stored.event.by == caller.actor
    });
    before.map(|stored| stored.event.seq)
}

fn unknown_case(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::NotFound);
    problem
        .detail("没有这个个案。", "There is no such case.")
        .into()
}

fn no_survivor(request: &HttpRequest) -> Rejection {
    let fault = FieldError {
        field: "into".to_owned(),
        code: "unknown-case".into(),
        message: request
            .locale()
            .choose("没有要并入的个案。", "There is no such case to merge into.")
            .to_owned(),
    };
    request.problem(Kind::Invalid).errors(vec![fault]).into()
}

fn conflict(request: &HttpRequest, refused: &Refused) -> Rejection {
    let problem = request.problem(Kind::Conflict);
    let (state, command, allowed) = match refused {
        Refused::WrongState {
            state,
            command,
            allowed,
        } => (state, command, allowed),
        Refused::Merged { into } => {
            let problem = problem.detail(
                &format!("个案已并入 {into}：请对那个个案执行。"),
                &format!("The case was merged into {into}: send the command there."),
            );
            return problem.with("merged_into", into.to_string()).into();
        }
        Refused::IntoItself => {
            let zh_cn = "个案不能并入自身：请给出另一个个案。";
            let en = "A case cannot be merged into itself: name another one.";
            return problem.detail(zh_cn, en).into();
        }
        Refused::NoSurvivor { state } => {
            let state = state.name();
            let problem = problem.detail(
                &format!("要并入的个案处于 {state} 状态，已有结果：请先重新打开它。"),
                &format!("The case to merge into is {state} and has its outcome: reopen it first."),
            );
            return problem.with("state", state).into();
        }
        Refused::Task => {
            let zh_cn = "任务没有客户，不能与个案合并。";
            let en = "A task has no customer and is not merged with a case.";
            return problem.detail(zh_cn, en).into();
        }
        Refused::NothingToTell => {
            let zh_cn = "目前没有需要人工告知客户的事项：请用 cause 说明告知了哪一项。";
            let en = "Nothing is still to be told by a person: say with `cause` which event it was about.";
            return problem.detail(zh_cn, en).into();
        }
        Refused::TooMany => {
            let problem = problem.detail(
                &format!("一个个案最多并入 {MAX_ABSORBED} 个其他个案。"),
                &format!("A case takes in at most {MAX_ABSORBED} others."),
            );
            return problem.into();
        }
    };
    let (state, command, allows) = (state.name(), command.name(), names(allowed));
    problem
        .detail(
            &format!("个案处于 {state} 状态，不能执行 {command}；可以执行：{allows}。"),
            &format!("A case that is {state} does not take {command}; it takes {allows}."),
        )
        .with("state", state)
        .with(
            "allowed",
            allowed.iter().map(|verb| verb.name()).collect::<Vec<_>>(),
        )
        .into()
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

fn busy(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::Unavailable);
    problem.header("retry-after", "1").into()
}
