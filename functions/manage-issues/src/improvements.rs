//! Improvements.

use resound_domain::issue::effect::{Effect, Spans};
use resound_domain::issue::improvement::{Improvement, Refused, Shipped, State, Verb};
use resound_domain::nps::Verdict;
use resound_domain::tally::{Dimension, Tally};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::idempotency::improvement_id as new_id;
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Invocation};
use resound_store::{Appended, ImprovementHistory, Logged, Opened};
use serde_json::{Value, json};

use crate::body::{Reader, choice, improvement_id, missing, no_improvement};
use crate::handler::{App, Caller, TRIES, busy, key_of, passed_over, trouble};
use crate::issues::broken_log;
use crate::view;

impl App {
    pub(crate) async fn list_improvements(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::ReportsRead)?;
        let state = choice(
            request,
            "state",
            &State::ALL.map(State::name),
            State::from_name,
        )?;
        let found = self.store.improvements().await;
        let found = found.map_err(|error| trouble(request, "read the improvements", error))?;
        passed_over(found.corrupt);
        let mut improvements = found.improvements;
        improvements.retain(|improvement| state.is_none_or(|state| improvement.state() == state));
        // What is to ship next first; then what has no day, by its age.
        improvements.sort_by_key(|improvement| {
            let due = improvement.plan().due;
            (
                due.is_none(),
                due,
                improvement.opened_at(),
                improvement.id(),
            )
        });
        let listed: Vec<Value> = improvements
            .iter()
            .map(|improvement| view::plan(improvement, request.at).into())
            .collect();
        let changed = improvements.iter().map(Improvement::changed_at).max();
        let body = json!({"as_of": changed, "improvements": listed});
        Ok(HttpResponse::json(200, &body)?.cacheable(request))
    }

    pub(crate) async fn open_improvement(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesManage)?.sub;
        let mut reader = Reader::of(request)?;
        let plan = reader.plan();
        let plan = reader.done(request, plan)?;
        let caller = Caller::of(request, sub, None)?;
        for issue in &plan.issues {
            let found = self.store.issue(*issue).await;
            let found = found.map_err(|error| trouble(request, "read the issues", error))?;
            if found.is_none() {
                return Err(missing(request, "issues", "unknown-issue"));
            }
        }
        let (id, key) = (new_id(sub, &key_of(request)), Some(caller.key.as_str()));
        let opened = Improvement::open(plan, caller.actor.clone(), request.at);
        let done = self.store.open_improvement(id, &opened, key).await;
        let done = done.map_err(|error| trouble(request, "open the improvement", error))?;
        let history = self.store.improvement_history(id).await;
        let history = history.map_err(|error| trouble(request, "read the improvement", error))?;
        let history = history.ok_or_else(|| no_improvement(request))?;
        let first = history.log.first().map(|logged| &logged.entry.kind);
        if done == Opened::Exists && first != Some(&opened.kind) {
            return Err(request.problem(Kind::KeyReused).into());
        }
        tracing::info!(improvement = %id, "improvement opened");
        let history = until(history, 1)?;
        let body = view::improvement(&history, request.at, Value::Null);
        let shown = HttpResponse::json(201, &body)?.etag(history.improvement.version());
        let shown = shown.header("location", format!("/v1/improvements/{id}"));
        Ok(shown.no_store())
    }

    pub(crate) async fn show_improvement(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::ReportsRead)?;
        let history = self.improvement(request).await?;
        let effect = self
            .effect(request, &history.improvement, invocation)
            .await?;
        let body = view::improvement(&history, request.at, effect);
        Ok(HttpResponse::json(200, &body)?.cacheable_at(request, history.improvement.version()))
    }

    async fn improvement(&self, request: &HttpRequest) -> Result<ImprovementHistory, Rejection> {
        let history = self
            .store
            .improvement_history(improvement_id(request)?)
            .await;
        let history = history.map_err(|error| trouble(request, "read the improvement", error))?;
        history.ok_or_else(|| no_improvement(request))
    }

    /// What became of the scores of its touchpoint, over all surveys, each by the days of its own zone and as far as its nights
    /// have come; `null` unless it shipped, has a touchpoint, and a day after it was counted.
    async fn effect(
        &self,
        request: &HttpRequest,
        improvement: &Improvement,
        invocation: &Invocation,
    ) -> Result<Value, Rejection> {
        let (Some(Shipped { at, .. }), Some(touchpoint)) =
            (improvement.shipped(), &improvement.plan().touchpoint)
        else {
            return Ok(Value::Null);
        };
        let read = |error| trouble(request, "read the tallies", error);
        let forms = self.rules.forms(invocation.machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let (mut before, mut after) = (Tally::default(), Tally::default());
        let mut surveys = Vec::new();
        for form in forms.iter() {
            let Some(counted) = self.store.watermark(&form.id).await.map_err(read)? else {
                continue;
            };
            let zone = form.time_zone().unwrap_or_else(|| self.config.zone.clone());
            let Some(spans) = Spans::around(at.to_zoned(zone).date(), counted.day) else {
                continue;
            };
            let ([from, until], [since, to]) = (spans.before, spans.after);
            let cells = self
                .store
                .tallies(&form.id, from, to, Dimension::Touchpoint);
            for cell in cells.await.map_err(read)? {
                if cell.cell.value.as_str() != touchpoint {
                    continue;
                }
                if cell.day <= until {
                    before.merge(&cell.cell.tally);
                } else if cell.day >= since {
                    after.merge(&cell.cell.tally);
                }
            }
            surveys.push(json!({"survey": form.id, "spans": spans, "as_of": counted.as_of}));
        }
        if surveys.is_empty() {
            return Ok(Value::Null);
        }
        let effect = Effect::between(&before, &after);
        let locale = request.locale();
        let said = |verdict: Option<Verdict>| {
            verdict.map(|verdict| json!({"code": verdict, "text": verdict.text(locale)}))
        };
        Ok(json!({
            "touchpoint": touchpoint,
            "surveys": surveys,
            "nps": effect.nps,
            "csat": effect.csat,
            "ces": effect.ces,
            "verdict": said(effect.nps.change.map(|change| change.verdict)),
        }))
    }

    /// Carries out a command, once.
    pub(crate) async fn command_improvement(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesWrite)?.sub;
        let mut reader = Reader::of(request)?;
        let (command, version) = (reader.step(sub), reader.version());
        let command = reader.done(request, command)?;
        // Whoever works it says how far it has come; the rest is for who decides.
        if command.verb() != Verb::Progress {
            request.require(Scope::CasesManage)?;
        }
        let caller = Caller::of(request, sub, version)?;
        for _ in 0..TRIES {
            let mut history = self.improvement(request).await?;
            let made = history.log.iter().find(|logged| {
                caller.made(
                    logged.entry.seq,
                    &logged.entry.by,
                    logged.command_key.as_deref(),
                )
            });
            if let Some(made) = made {
                if made.entry.kind != command.entry() {
                    return Err(request.problem(Kind::KeyReused).into());
                }
                let seq = made.entry.seq;
                return answer(request, &until(history, seq)?);
            }
            let before = history.improvement.clone();
            caller.agrees(request, before.version())?;
            let handled = before.handle(&command, caller.actor.clone(), request.at);
            let handled = handled.map_err(|refused| conflict(request, refused))?;
            let Some(entry) = handled else {
                return answer(request, &history);
            };
            history.improvement.apply(&entry);
            let (key, after) = (Some(caller.key.as_str()), &history.improvement);
            let done = self
                .store
                .append_to_improvement(&before, after, &entry, key);
            let done = done.await;
            let done = done.map_err(|error| trouble(request, "write the command", error))?;
            if done == Appended::Conflict {
                continue;
            }
            let verb = command.verb().name();
            tracing::info!(improvement = %before.id(), seq = entry.seq, command = verb, "command carried out");
            history.log.push(Logged {
                entry,
                command_key: Some(caller.key),
            });
            return answer(request, &history);
        }
        Err(busy(request))
    }
}

fn answer(request: &HttpRequest, history: &ImprovementHistory) -> Result<HttpResponse, Rejection> {
    let body = view::improvement(history, request.at, Value::Null);
    let shown = HttpResponse::json(200, &body)?.etag(history.improvement.version());
    Ok(shown.no_store())
}

/// An improvement as it was after the entry `seq`.
fn until(mut history: ImprovementHistory, seq: u32) -> Result<ImprovementHistory, Rejection> {
    history.log.retain(|logged| logged.entry.seq <= seq);
    let log = history.log.iter().map(|logged| &logged.entry);
    let improvement = Improvement::replay(history.improvement.id(), log);
    history.improvement = improvement.ok_or_else(broken_log)?;
    Ok(history)
}

fn conflict(request: &HttpRequest, refused: Refused) -> Rejection {
    let (state, command) = (refused.state.name(), refused.command.name());
    let zh_cn = format!("改进处于 {state} 状态，不能执行 {command}。");
    let en = format!("An improvement that is {state} does not take {command}.");
    request.problem(Kind::Conflict).detail(&zh_cn, &en).into()
}
