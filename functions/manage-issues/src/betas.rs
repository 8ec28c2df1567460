//! Betas of improvements: who could be invited, started, asked, stopped, gone on with, closed, and what testers say.

use resound_domain::id::ImprovementId;
use resound_domain::issue::announcement::Occasion;
use resound_domain::issue::beta::{Beta, Command, Entry, LONGEST, Refused, Terms};
use resound_domain::issue::tester::Turnout;
use resound_domain::nps::ShareSummary;
use resound_lambda_kit::Invocation;
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::idempotency::seed;
use resound_lambda_kit::problem::{FieldError, Kind};
use resound_outreach::{Became, Standing, Standings, settled_standings, turnout};
use resound_store::{Appended, BetaHistory, Drawn, Logged, Opened};
use serde_json::{Value, json};

use crate::body::{Reader, improvement_id};
use crate::handler::{App, Caller, TRIES, busy, key_of, passed_over, trouble};
use crate::view::actor;

impl App {
    /// Who could be invited, by the same look as the draw itself. Nothing is written.
    pub(crate) async fn preview_beta(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let (improvement, shown) = self
            .dry_run(request, invocation, Occasion::Invitation)
            .await?;
        let body = json!({
            "improvement": improvement.id(),
            "as_of": request.at,
            "reporters": shown.total,
            "people": shown.letters,
            "without": shown.without,
            "examples": shown.examples.into_values().flatten().collect::<Vec<_>>(),
            "next": shown.next,
        });
        Ok(HttpResponse::json(200, &body)?.no_store())
    }

    pub(crate) async fn show_beta(&self, request: &HttpRequest) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesManage)?;
        let history = self.beta(request).await?;
        self.beta_answer(request, 200, &history).await
    }

    pub(crate) async fn start_beta(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesManage)?.sub;
        let mut reader = Reader::of(request)?;
        let terms = reader.beta(seed(sub, &key_of(request)));
        let terms = reader.done(request, terms)?;
        let caller = Caller::of(request, sub, None)?;
        let improvement = self.announced(request).await?;
        let id = improvement.id();
        let key = Some(caller.key.as_str());
        // A repeat is answered as the first was, whatever has become of the improvement since.
        let found = self.store.beta_history(id).await;
        let found = found.map_err(|error| trouble(request, "read the beta", error))?;
        if let Some(history) = found {
            return self.started_before(request, &caller, &terms, history).await;
        }
        if !self.config.mail {
            return Err(no_sender(request));
        }
        let announcement = self.store.announcement(id).await;
        let announcement =
            announcement.map_err(|error| trouble(request, "read the announcement", error))?;
        let by = caller.actor.clone();
        let started = Beta::start(
            &improvement,
            announcement.as_ref(),
            terms.clone(),
            by,
            request.at,
        );
        let started = started.map_err(|refused| refusal(request, refused))?;
        let done = self.store.start_beta(id, &started, key).await;
        let done = done.map_err(|error| trouble(request, "start the beta", error))?;
        let history = self.beta(request).await?;
        if done == Opened::Exists {
            return self.started_before(request, &caller, &terms, history).await;
        }
        tracing::info!(improvement = %id, "beta started");
        self.beta_answer(request, 201, &history).await
    }

    /// The answer to who starts one where there is one: as the first time, if it was they who started it so.
    async fn started_before(
        &self,
        request: &HttpRequest,
        caller: &Caller,
        terms: &Terms,
        history: BetaHistory,
    ) -> Result<HttpResponse, Rejection> {
        let ours = history.log.first().is_some_and(|first| {
            let key = first.command_key.as_deref();
            first.entry.by == caller.actor && key == Some(caller.key.as_str())
        });
        match (ours, history.beta.terms() == terms) {
            (true, true) => self.beta_answer(request, 201, &history).await,
            (true, false) => Err(request.problem(Kind::KeyReused).into()),
            (false, _) => Err(there_is_one(request)),
        }
    }

    /// Carries out a command, once.
    pub(crate) async fn command_beta(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesManage)?.sub;
        let mut reader = Reader::of(request)?;
        let (command, version) = (reader.trying(), reader.version());
        let command: Command = reader.done(request, command)?;
        let caller = Caller::of(request, sub, version)?;
        for _ in 0..TRIES {
            let mut history = self.beta(request).await?;
            let before = history.beta.clone();
            let made = history.log.iter().find(|logged| {
                let key = logged.command_key.as_deref();
                caller.made(logged.entry.seq, &logged.entry.by, key)
            });
            if let Some(made) = made {
                if made.entry.kind != command.entry() {
                    return Err(request.problem(Kind::KeyReused).into());
                }
                return self.beta_answer(request, 200, &history).await;
            }
            caller.agrees(request, before.version())?;
            let handled = before.handle(command, caller.actor.clone(), request.at);
            let handled = handled.map_err(|refused| refusal(request, refused))?;
            let Some(entry) = handled else {
                return self.beta_answer(request, 200, &history).await;
            };
            history.beta.apply(&entry);
            let (key, after) = (Some(caller.key.as_str()), &history.beta);
            let done = self.store.append_to_beta(&before, after, &entry, key).await;
            let done = done.map_err(|error| trouble(request, "write the command", error))?;
            if done == Appended::Conflict {
                continue;
            }
            tracing::info!(improvement = %before.improvement(), seq = entry.seq, command = command.name(), "command carried out");
            history.log.push(Logged {
                entry,
                command_key: Some(caller.key),
            });
            return self.beta_answer(request, 200, &history).await;
        }
        Err(busy(request))
    }

    async fn beta(&self, request: &HttpRequest) -> Result<BetaHistory, Rejection> {
        let history = self.store.beta_history(improvement_id(request)?).await;
        let history = history.map_err(|error| trouble(request, "read the beta", error))?;
        history.ok_or_else(|| {
            let problem = request.problem(Kind::NotFound);
            let en = "There is no beta of this improvement.";
            problem.detail("这个改进没有试用。", en).into()
        })
    }

    /// Where the beta of an improvement stands, in numbers; `null` if there is none.
    pub(crate) async fn beta_of(
        &self,
        request: &HttpRequest,
        id: ImprovementId,
    ) -> Result<Value, Rejection> {
        let beta = self.store.beta(id).await;
        let beta = beta.map_err(|error| trouble(request, "read the beta", error))?;
        let Some(beta) = beta else {
            return Ok(Value::Null);
        };
        let (drawn, standings) = self.drawn(request, &beta).await?;
        let turnout = turnout_of(request, &beta, drawn.as_ref(), &standings);
        Ok(json!({
            "state": beta.state(),
            "turnout": turnout,
            "fixed": fixed(&turnout),
        }))
    }

    async fn drawn(
        &self,
        request: &HttpRequest,
        beta: &Beta,
    ) -> Result<(Option<Drawn>, Vec<Standing>), Rejection> {
        let id = beta.improvement();
        let reading = |error| trouble(request, "read who is drawn", error);
        let drawn = self.store.draw(id).await.map_err(reading)?;
        let standings = match &drawn {
            Some(drawn) => settled_standings(&self.store, beta, &drawn.draw.sample)
                .await
                .map_err(reading)?,
            None => Standings::default(),
        };
        passed_over(standings.corrupt);
        Ok((drawn, standings.people))
    }

    async fn beta_answer(
        &self,
        request: &HttpRequest,
        status: u16,
        history: &BetaHistory,
    ) -> Result<HttpResponse, Rejection> {
        let beta = &history.beta;
        let (drawn, standings) = self.drawn(request, beta).await?;
        let turnout = turnout_of(request, beta, drawn.as_ref(), &standings);
        let draw = drawn.as_ref().map(|drawn| &drawn.draw);
        let ended_at = draw.and_then(|draw| draw.ended_at);
        let terms = beta.terms();
        let timeline = history.log.iter().map(|logged| step(&logged.entry));
        // While people are drawn, who comes next is not known.
        let shown = standings.iter().filter(|_| ended_at.is_some());
        let body = json!({
            "improvement": beta.improvement(),
            "state": beta.state(),
            "size": terms.size,
            "seed": terms.seed,
            "words": {"zh-CN": terms.words.zh_cn, "zh-TW": terms.words.zh_tw, "en": terms.words.en},
            "until": terms.until,
            "version": beta.version(),
            "started_at": beta.started_at(),
            "changed_at": beta.changed_at(),
            "asked_at": beta.asked_at(),
            "closes_at": beta.closes_at(),
            "draw": draw.map(|draw| json!({
                "able": draw.able,
                "without": draw.without,
                "drawn": draw.sample.candidates().len(),
                "ended_at": draw.ended_at,
            })),
            "turnout": turnout,
            "fixed": fixed(&turnout),
            "drawn": shown.map(person).collect::<Vec<_>>(),
            "timeline": timeline.collect::<Vec<_>>(),
        });
        let shown = HttpResponse::json(status, &body)?.etag(beta.version());
        Ok(shown.no_store())
    }
}

fn turnout_of(
    request: &HttpRequest,
    beta: &Beta,
    drawn: Option<&Drawn>,
    standings: &[Standing],
) -> Turnout {
    drawn.map_or_else(Turnout::default, |drawn| {
        turnout(beta, &drawn.draw, standings, request.at)
    })
}

/// For how many it is fixed, in percent with one decimal: of at most 200 people a second one says nothing.
fn fixed(turnout: &Turnout) -> Option<ShareSummary> {
    let tenths = |percent: f64| (percent * 10.0).round() / 10.0;
    turnout.share_fixed().map(|share| ShareSummary {
        percent: tenths(share.percent),
        interval: share.interval.map(tenths),
        ..share
    })
}

/// Somebody who was drawn, by ids: whoever has the seed and the address's id can check the lot.
fn person(one: &Standing) -> Value {
    let told = |told: Option<Became>| told.map(|told| json!({"fate": told.fate, "at": told.at}));
    json!({
        "lot": one.candidate.lot,
        "contact": one.candidate.contact,
        "response": one.candidate.response,
        "reference": one.candidate.response.reference(),
        "invited": told(one.invited),
        "asked": told(one.asked),
        "said": one.tester,
    })
}

fn step(entry: &Entry) -> Value {
    json!({
        "seq": entry.seq,
        "at": entry.at,
        "by": actor(&entry.by),
        "type": entry.kind.name(),
    })
}

fn no_sender(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::Conflict).detail(
        "系统没有配置发件人，无法邀请。",
        "No sender of e-mail is configured: nobody can be invited.",
    );
    problem.into()
}

fn there_is_one(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::Conflict).detail(
        "这个改进已有试用：每个改进只有一次试用。",
        "There is a beta of this improvement: there is one for each.",
    );
    problem.into()
}

fn refusal(request: &HttpRequest, refused: Refused) -> Rejection {
    let conflict = |zh_cn: &str, en: &str| request.problem(Kind::Conflict).detail(zh_cn, en).into();
    match refused {
        Refused::Past => {
            let en = "It has passed: name an instant to come.";
            end(request, "past", "已经过去：请给出将来的时刻。", en)
        }
        Refused::TooFar => {
            let days = LONGEST.as_hours() / 24;
            let zh_cn = format!("太远：最多 {days} 天之后。");
            let en = format!("It is too far away: at most {days} days from now.");
            end(request, "too-far", &zh_cn, &en)
        }
        Refused::Cancelled => conflict(
            "改进已取消，不能试用。",
            "The improvement is cancelled: there is nothing to try.",
        ),
        Refused::Announced => conflict(
            "这个改进已经通知过反馈者，不再需要试用。",
            "The improvement is announced already: a beta comes before that.",
        ),
        Refused::Stopped => conflict(
            "试用已暂停：请先继续（go_on）。",
            "The beta is stopped: go on with it first.",
        ),
        Refused::Closed => conflict("试用已结束。", "The beta is closed."),
    }
}

/// Something is wrong with the instant until which people can join: 422.
fn end(request: &HttpRequest, code: &'static str, zh_cn: &str, en: &str) -> Rejection {
    let fault = FieldError {
        field: "until".to_owned(),
        code: code.into(),
        message: request.locale().choose(zh_cn, en).to_owned(),
    };
    request.problem(Kind::Invalid).errors(vec![fault]).into()
}
