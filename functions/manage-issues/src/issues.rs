//! Issues.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use resound_domain::id::ResponseId;
use resound_domain::issue::priority::{FORMULA, Priority, priority};
use resound_domain::issue::{Command, Entry, How, Issue, Link, Refused, Reporter, State};
use resound_domain::response::Response;
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::idempotency::{issue_id as new_id, subject_id};
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Invocation};
use resound_store::{Appended, IssueHistory, IssueStep, Known, Linked, Lookup, Opened, Relinked};
use serde_json::{Value, json};

use crate::body::{Reader, choice, issue_id, limit, missing, no_issue};
use crate::handler::{App, Caller, TRIES, busy, key_of, passed_over, trouble};
use crate::view;

/// How many issues a list has unless the caller says otherwise, and at most.
const LIST: (usize, usize) = (100, 1000);

/// How many links or suggestions a page has unless the caller says otherwise, and at most.
const PAGE: (usize, usize) = (50, 100);

/// By what a list of issues is sorted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Priority,
    Changed,
}

impl Sort {
    const fn name(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Changed => "changed",
        }
    }
}

/// A command that can be carried out now.
struct Step {
    entry: Entry,
    /// What stands beside the issue, and what is to stand there.
    relinked: Vec<(Option<Link>, Link, Response)>,
    /// The survivor of a merge, with what happens to it.
    survivor: Option<(Issue, Entry)>,
}

impl App {
    pub(crate) async fn list_issues(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesRead)?;
        let sorts = [Sort::Priority, Sort::Changed];
        let of_name = |name: &str| sorts.into_iter().find(|sort| sort.name() == name);
        let sort = choice(request, "sort", &sorts.map(Sort::name), of_name)?;
        let sort = sort.unwrap_or(Sort::Priority);
        let states = State::ALL.map(State::name);
        let state = choice(request, "state", &states, State::from_name)?.unwrap_or(State::Open);
        let limit = limit(request, LIST.0, LIST.1)?;
        let targets = self.targets(invocation).await?;
        let found = self.store.issues().await;
        let found = found.map_err(|error| trouble(request, "read the issues", error))?;
        passed_over(found.corrupt);
        let mut ranked: Vec<(Priority, Known)> = found
            .issues
            .into_iter()
            .filter(|known| known.issue.state() == state)
            .map(|known| (known_priority(&known, &targets.priority), known))
            .collect();
        ranked.sort_by(|(a, one), (b, two)| {
            let by_sort = match sort {
                Sort::Priority => b.score.total_cmp(&a.score),
                Sort::Changed => Ordering::Equal,
            };
            by_sort
                .then_with(|| two.issue.changed_at().cmp(&one.issue.changed_at()))
                .then_with(|| one.issue.id().cmp(&two.issue.id()))
        });
        let counted = ranked.iter().filter_map(|(_, known)| known.reach.as_ref());
        let as_of = counted.map(|reach| reach.as_of).min();
        let total = ranked.len();
        let issues: Vec<Value> = ranked
            .iter()
            .take(limit)
            .map(|(priority, known)| {
                view::summary(&known.issue, known.reach.as_ref(), priority).into()
            })
            .collect();
        let body = json!({
            "as_of": as_of,
            "sort": sort.name(),
            "formula": FORMULA,
            "weights": targets.priority,
            "total": total,
            "issues": issues,
        });
        Ok(HttpResponse::json(200, &body)?.cacheable(request))
    }

    pub(crate) async fn open_issue(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesManage)?.sub;
        let mut reader = Reader::of(request)?;
        let about = reader.about();
        let about = reader.done(request, about)?;
        let caller = Caller::of(request, sub, None)?;
        let (id, key) = (new_id(sub, &key_of(request)), Some(caller.key.as_str()));
        let opened = Issue::open(about, caller.actor.clone(), request.at);
        let done = self.store.open_issue(id, &opened, key).await;
        let done = done.map_err(|error| trouble(request, "open the issue", error))?;
        let history = self.store.issue_history(id).await;
        let history = history.map_err(|error| trouble(request, "read the issue", error))?;
        let history = history.ok_or_else(|| no_issue(request))?;
        let first = history.log.first().map(|logged| &logged.entry);
        if done == Opened::Exists && first.map(|entry| &entry.kind) != Some(&opened.kind) {
            return Err(request.problem(Kind::KeyReused).into());
        }
        tracing::info!(issue = %id, "issue opened");
        // A repeat is told what the first was: the issue as it was opened.
        let history = view::until(history, 1)?;
        let body = self.issue_body(request, &history, invocation).await?;
        let shown = HttpResponse::json(201, &body)?.etag(history.issue.version());
        let shown = shown.header("location", format!("/v1/issues/{id}"));
        Ok(shown.no_store())
    }

    pub(crate) async fn show_issue(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesRead)?;
        let history = self.issue(request).await?;
        let body = self.issue_body(request, &history, invocation).await?;
        Ok(HttpResponse::json(200, &body)?.cacheable_at(request, history.issue.version()))
    }

    async fn issue(&self, request: &HttpRequest) -> Result<IssueHistory, Rejection> {
        let history = self.store.issue_history(issue_id(request)?).await;
        let history = history.map_err(|error| trouble(request, "read the issue", error))?;
        history.ok_or_else(|| no_issue(request))
    }

    async fn shown_issue(
        &self,
        request: &HttpRequest,
        history: &IssueHistory,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let body = self.issue_body(request, history, invocation).await?;
        let shown = HttpResponse::json(200, &body)?.etag(history.issue.version());
        Ok(shown.no_store())
    }

    async fn issue_body(
        &self,
        request: &HttpRequest,
        history: &IssueHistory,
        invocation: &Invocation,
    ) -> Result<Value, Rejection> {
        let issue = &history.issue;
        let reach = self.store.reach(issue.id()).await;
        let reach = reach.map_err(|error| trouble(request, "read the counts", error))?;
        let targets = self.targets(invocation).await?;
        let priority = priority(issue.about(), reach.as_ref(), &targets.priority);
        let (reach, weights) = (reach.as_ref(), &targets.priority);
        Ok(view::issue(history, reach, &priority, weights))
    }

    pub(crate) async fn list_links(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesRead)?;
        let (after, limit) = page(request)?;
        let issue = self.issue(request).await?.issue;
        let page = self.store.links(&issue.family(), after, limit).await;
        let page = page.map_err(|error| trouble(request, "read the links", error))?;
        passed_over(page.corrupt);
        let ids: Vec<_> = page.found.iter().map(|link| link.response).collect();
        let responses = self.responses(request, &ids).await?;
        let links: Vec<Value> = page
            .found
            .iter()
            .map(|link| view::link(link, responses.get(&link.response)))
            .collect();
        let body = json!({"links": links, "next": page.next});
        Ok(HttpResponse::json(200, &body)?.cacheable(request))
    }

    pub(crate) async fn list_suggestions(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesRead)?;
        let (after, limit) = page(request)?;
        let issue = self.issue(request).await?.issue;
        let page = self.store.suggestions(issue.id(), after, limit).await;
        let page = page.map_err(|error| trouble(request, "read the suggestions", error))?;
        passed_over(page.corrupt);
        let ids: Vec<_> = page.found.iter().map(|found| found.response).collect();
        let responses = self.responses(request, &ids).await?;
        let suggestions: Vec<Value> = page
            .found
            .iter()
            .map(|found| view::suggestion(found, responses.get(&found.response)))
            .collect();
        let body = json!({"suggestions": suggestions, "next": page.next});
        Ok(HttpResponse::json(200, &body)?.cacheable(request))
    }

    async fn responses(
        &self,
        request: &HttpRequest,
        ids: &[ResponseId],
    ) -> Result<BTreeMap<ResponseId, Response>, Rejection> {
        let read = self.store.responses_named(ids).await;
        let (found, corrupt) =
            read.map_err(|error| trouble(request, "read the responses", error))?;
        passed_over(corrupt);
        Ok(found.into_iter().map(|found| (found.id, found)).collect())
    }

    /// Carries out a command, once: a repeat (the same caller, issue and key) is told first of all what it had made of the issue.
    pub(crate) async fn command_issue(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesWrite)?.sub;
        let mut reader = Reader::of(request)?;
        let (command, version) = (reader.command(), reader.version());
        let command = reader.done(request, command)?;
        if !matches!(command, Command::Link { .. } | Command::Unlink { .. }) {
            request.require(Scope::CasesManage)?;
        }
        let caller = Caller::of(request, sub, version)?;
        for _ in 0..TRIES {
            let history = self.issue(request).await?;
            let made = history.log.iter().find(|logged| {
                caller.made(
                    logged.entry.seq,
                    &logged.entry.by,
                    logged.command_key.as_deref(),
                )
            });
            if let Some(seq) = made.map(|logged| logged.entry.seq) {
                let then = repeated(request, history, &command, seq)?;
                return self.shown_issue(request, &then, invocation).await;
            }
            let before = history.issue.clone();
            caller.agrees(request, before.version())?;
            let Some(step) = self.step(request, &before, &command, &caller).await? else {
                return self.shown_issue(request, &history, invocation).await;
            };
            if self.carried_out(request, &before, &step, &caller).await? {
                let verb = command.verb().name();
                tracing::info!(issue = %before.id(), seq = step.entry.seq, command = verb, "command carried out");
                let history = view::with(history, step.entry, &caller.key);
                return self.shown_issue(request, &history, invocation).await;
            }
        }
        Err(busy(request))
    }

    /// What a command makes happen; `None` if it is so already.
    async fn step(
        &self,
        request: &HttpRequest,
        before: &Issue,
        command: &Command,
        caller: &Caller,
    ) -> Result<Option<Step>, Rejection> {
        let by = || caller.actor.clone();
        let refuse = |refused| conflict(request, &refused);
        let handled = before.handle(command, by(), request.at).map_err(refuse)?;
        let Some(entry) = handled else {
            return Ok(None);
        };
        let mut step = Step {
            entry,
            relinked: Vec::new(),
            survivor: None,
        };
        match command {
            Command::Link { responses } => {
                step.relinked = self.relinked(request, before, responses, false).await?;
            }
            Command::Unlink { responses } => {
                step.relinked = self.relinked(request, before, responses, true).await?;
            }
            Command::Merge { into } => {
                let survivor = self.store.issue(*into).await;
                let survivor =
                    survivor.map_err(|error| trouble(request, "read the other issue", error))?;
                let survivor = survivor.ok_or_else(|| missing(request, "into", "unknown-issue"))?;
                let absorbed = survivor.absorb(before, by(), request.at).map_err(refuse)?;
                step.survivor = Some((survivor, absorbed));
            }
            _ => return Ok(Some(step)),
        }
        let idle = step.relinked.is_empty() && step.survivor.is_none();
        Ok((!idle).then_some(step))
    }

    /// Those of these responses that do not stand beside the issue as they are to.
    async fn relinked(
        &self,
        request: &HttpRequest,
        issue: &Issue,
        responses: &[ResponseId],
        unlinked: bool,
    ) -> Result<Vec<(Option<Link>, Link, Response)>, Rejection> {
        let ids: Vec<_> = BTreeSet::from_iter(responses.iter().copied())
            .into_iter()
            .collect();
        let mut there = self.responses(request, &ids).await?;
        let seen = self.store.links_of(issue.id(), &ids).await;
        let seen = seen.map_err(|error| trouble(request, "read the links", error))?;
        let mut seen: BTreeMap<_, _> = seen.into_iter().map(|link| (link.response, link)).collect();
        let mut relinked = Vec::new();
        for id in ids {
            let Some(response) = there.remove(&id) else {
                return Err(missing(request, "responses", "unknown-response"));
            };
            let seen = seen.remove(&id);
            if seen.as_ref().is_some_and(|link| link.unlinked == unlinked) {
                continue;
            }
            let customer = response.submission.customer_id.as_deref();
            let customer = customer.map(|customer| subject_id(&["customer"], customer));
            let link = Link {
                response: id,
                how: How::Hand,
                unlinked,
                reporter: match &seen {
                    Some(seen) => seen.reporter.clone(),
                    None => Reporter::of(&response, customer),
                },
            };
            relinked.push((seen, link, response));
        }
        Ok(relinked)
    }

    /// Whether nobody else was first.
    async fn carried_out(
        &self,
        request: &HttpRequest,
        before: &Issue,
        step: &Step,
        caller: &Caller,
    ) -> Result<bool, Rejection> {
        let after = |issue: &Issue, entry| {
            let mut after = issue.clone();
            after.apply(entry);
            after
        };
        let own = after(before, &step.entry);
        let mut steps = vec![IssueStep {
            before,
            after: &own,
            entry: &step.entry,
            command_key: Some(&caller.key),
        }];
        let survivor = step.survivor.as_ref();
        let survivor = survivor.map(|(issue, entry)| (issue, after(issue, entry), entry));
        steps.extend(survivor.as_ref().map(|(before, after, entry)| IssueStep {
            before,
            after,
            entry,
            command_key: None,
        }));
        let relinked: Vec<_> = step
            .relinked
            .iter()
            .map(|(seen, link, response)| Relinked {
                seen: seen.as_ref(),
                link,
                received_at: response.received_at,
            })
            .collect();
        let appended = self.store.append_to_issues(&steps, &relinked).await;
        match appended.map_err(|error| trouble(request, "write the command", error))? {
            Appended::Appended => Ok(true),
            Appended::Conflict => Ok(false),
        }
    }

    pub(crate) async fn answer_kano(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesWrite)?;
        let mut reader = Reader::of(request)?;
        let pair = reader.pair();
        let pair = reader.done(request, pair)?;
        let issue = issue_id(request)?;
        let read = |error| trouble(request, "keep the answers", error);
        if self.store.issue(issue).await.map_err(read)?.is_none() {
            return Err(no_issue(request));
        }
        let no_response = || {
            let problem = request.problem(Kind::NotFound);
            problem.detail("没有这个反馈。", "There is no such response.")
        };
        let response = request.param("response").and_then(|id| id.parse().ok());
        let response: ResponseId = response.ok_or_else(no_response)?;
        let Lookup::Found(found) = self.store.response(response).await.map_err(read)? else {
            return Err(no_response().into());
        };
        let kept = self
            .store
            .answer_kano(issue, response, pair, found.received_at);
        match kept.await.map_err(read)? {
            Linked::Gone => Err(no_response().into()),
            Linked::Linked | Linked::Present => {
                let body = json!({"issue": issue, "response": response, "class": pair.class()});
                Ok(HttpResponse::json(200, &body)?.no_store())
            }
        }
    }
}

fn known_priority(known: &Known, weights: &resound_domain::issue::priority::Weights) -> Priority {
    priority(known.issue.about(), known.reach.as_ref(), weights)
}

/// Where a page begins, and how long it is.
fn page(request: &HttpRequest) -> Result<(Option<ResponseId>, usize), Rejection> {
    let read = |text: &str| text.parse().ok();
    let cursor = choice(request, "cursor", &["next"], read)?;
    Ok((cursor, limit(request, PAGE.0, PAGE.1)?))
}

/// The issue as the command of this key left it.
fn repeated(
    request: &HttpRequest,
    history: IssueHistory,
    command: &Command,
    seq: u32,
) -> Result<IssueHistory, Rejection> {
    let made = history.log.iter().find(|logged| logged.entry.seq == seq);
    let kind = made.map(|logged| logged.entry.kind.clone());
    let by = made.map(|logged| logged.entry.by.clone());
    let then = view::until(history, seq)?;
    let log = then.log.iter().map(|logged| &logged.entry);
    let before = Issue::replay(then.issue.id(), log.filter(|entry| entry.seq < seq));
    let again = before.zip(by).and_then(|(before, by)| {
        let handled = before.handle(command, by, request.at);
        handled.ok().flatten().map(|entry| entry.kind)
    });
    match again == kind {
        true => Ok(then),
        false => Err(request.problem(Kind::KeyReused).into()),
    }
}

fn conflict(request: &HttpRequest, refused: &Refused) -> Rejection {
    let problem = request.problem(Kind::Conflict);
    let (zh_cn, en) = match refused {
        Refused::Merged { into } => {
            let problem = problem.detail(
                &format!("问题已并入 {into}：请对那个问题执行。"),
                &format!("The issue was merged into {into}: send the command there."),
            );
            return problem.with("merged_into", into.to_string()).into();
        }
        Refused::Closed => (
            "问题已关闭：请先重新打开，再设置规则。",
            "The issue is closed: reopen it before you set its rule.",
        ),
        Refused::IntoItself => (
            "问题不能并入自身：请给出另一个问题。",
            "An issue cannot be merged into itself: name another one.",
        ),
        Refused::TooMany => (
            "要并入的问题已经并入了太多其他问题。",
            "The issue to merge into has absorbed too many others.",
        ),
        Refused::Count => (
            "反馈数量不对：请给出 1 到 20 个。",
            "Name 1 to 20 responses.",
        ),
    };
    problem.detail(zh_cn, en).into()
}

/// That the log of an issue leads to it: nothing else is ever written.
pub(crate) fn broken_log() -> Rejection {
    Fault::new("the log does not lead to what it is of").into()
}
