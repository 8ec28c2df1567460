//! Announcements of improvements: who would be told, started, stopped, gone on with, closed, and how far they have come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use resound_domain::id::ResponseId;
use resound_domain::issue::announcement::{
    Announcement, Counts, Entry, Fate, Occasion, Pass, Refused,
};
use resound_domain::issue::beta::State;
use resound_domain::issue::improvement::Improvement;
use resound_domain::privacy::mask_email;
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Invocation};
use resound_outreach::{Found, Joined, Look, What, Zones, families, joined};
use resound_store::{AnnouncementHistory, Appended, Logged, Opened};
use serde_json::{Value, json};

use crate::body::{Reader, choice, improvement_id, no_improvement};
use crate::handler::{App, Caller, TRIES, busy, passed_over, trouble};
use crate::view::{actor, object};

/// How many reporters a dry run looks at before it looks at the time: their responses are in memory, 40 kB each at most.
const CHUNK: usize = 200;
/// A dry run stops looking with this much time left, and says where the next request goes on.
const RESERVE: Duration = Duration::from_secs(4);
/// How many examples are shown of each kind.
const EXAMPLES: usize = 5;

impl App {
    /// Who would get what, by the same look as the announcement itself. Nothing is written.
    pub(crate) async fn preview_announcement(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        let (improvement, shown) = self
            .dry_run(request, invocation, Occasion::Announcement)
            .await?;
        let beta = self.beta_of(request, improvement.id()).await?;
        let body = json!({
            "improvement": improvement.id(),
            "release": improvement.shipped().map(|shipped| &shipped.version),
            "as_of": request.at,
            "reporters": shown.total,
            "letters": shown.letters,
            "without": shown.without,
            "examples": shown.examples.into_values().flatten().collect::<Vec<_>>(),
            "next": shown.next,
            "beta": beta,
        });
        Ok(HttpResponse::json(200, &body)?.no_store())
    }

    /// Who would get what now, as far as there is time to look.
    pub(crate) async fn dry_run(
        &self,
        request: &HttpRequest,
        invocation: &Invocation,
        occasion: Occasion,
    ) -> Result<(Improvement, Shown), Rejection> {
        request.require(Scope::CasesManage)?;
        let improvement = self.announced(request).await?;
        let read = |text: &str| text.parse().ok();
        let mut after = choice(request, "cursor", &["next"], read)?;
        let forms = self.rules.forms(invocation.machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let zones = Zones::of(&forms, self.config.zone.clone());
        // As if it shipped now, where it has not; and as if a beta began now.
        let reported_until = match (occasion, improvement.shipped()) {
            (Occasion::Announcement, Some(shipped)) => shipped.at,
            _ => request.at,
        };
        let reading = |error| trouble(request, "look at the reporters", error);
        // Nobody has asked to be invited.
        let wanted_by = match occasion {
            Occasion::Announcement => joined(&self.store, improvement.id()).await,
            Occasion::Invitation | Occasion::Question => Ok(Joined::default()),
        };
        let wanted_by = wanted_by.map_err(reading)?;
        passed_over(wanted_by.corrupt);
        let look = Look {
            store: &self.store,
            improvement: improvement.id(),
            occasion,
            reported_until,
            wanted_by: &wanted_by.contacts,
            mail: self.config.mail,
            zones: &zones,
            now: request.at,
            machine_now: invocation.machine_now,
        };
        let families = families(&self.store, &improvement.plan().issues).await;
        let families = families.map_err(reading)?;
        let mut shown = Shown::default();
        let mut addresses = BTreeSet::new();
        loop {
            // Whether two responses are of one address: as the letters see it, or as the draw does.
            let seen = (occasion != Occasion::Invitation).then_some(&mut addresses);
            let page = look.page(&families, after, CHUNK, seen).await;
            let page = page.map_err(reading)?;
            passed_over(page.corrupt);
            for found in &page.found {
                let gets = match (occasion, found.contact()) {
                    (Occasion::Invitation, Some(contact)) if found.can_be_invited() => {
                        (!addresses.insert(contact)).then_some(Fate::Already)
                    }
                    _ => found.without(),
                };
                shown.add(found, gets);
            }
            after = page.next;
            if after.is_none() || invocation.time_left() < RESERVE {
                break;
            }
        }
        shown.next = after;
        Ok((improvement, shown))
    }

    pub(crate) async fn show_announcement(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::CasesManage)?;
        let history = self.announcement(request).await?;
        self.announcement_answer(request, 200, &history).await
    }

    pub(crate) async fn start_announcement(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesManage)?.sub;
        let mut reader = Reader::of(request)?;
        let (words, despite_beta) = (reader.announced(), reader.despite_beta());
        let words = reader.done(request, words)?;
        let caller = Caller::of(request, sub, None)?;
        let improvement = self.announced(request).await?;
        let started = Announcement::start(&improvement, words, caller.actor.clone(), request.at);
        let started = started.map_err(|refused| conflict(request, refused))?;
        let id = improvement.id();
        let key = Some(caller.key.as_str());
        let beta = self.store.beta(id).await;
        let beta = beta.map_err(|error| trouble(request, "read the beta", error))?;
        let open = beta
            .as_ref()
            .is_some_and(|beta| beta.state() != State::Closed);
        if open && !despite_beta {
            // Unless it was started despite the beta before, by who repeats themselves: then there is one.
            let announced = self.store.announcement(id).await;
            let announced =
                announced.map_err(|error| trouble(request, "read the announcement", error))?;
            if announced.is_none() {
                return Err(beta_is_open(request));
            }
        }
        let done = self
            .store
            .start_announcement(id, &started, beta.as_ref(), key)
            .await;
        let done = done.map_err(|error| trouble(request, "start the announcement", error))?;
        let history = self.announcement(request).await?;
        if done == Opened::Exists {
            let first = history.log.first();
            let ours = first.is_some_and(|first| {
                first.entry.by == caller.actor && first.command_key.as_deref() == key
            });
            let same = first.map(|first| &first.entry.kind) == Some(&started.kind);
            return match (ours, same) {
                (true, true) => self.announcement_answer(request, 201, &history).await,
                (true, false) => Err(request.problem(Kind::KeyReused).into()),
                (false, _) => Err(there_is_one(request)),
            };
        }
        tracing::info!(improvement = %id, "announcement started");
        self.announcement_answer(request, 201, &history).await
    }

    /// Carries out a command, once.
    pub(crate) async fn command_announcement(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        let sub = &request.require(Scope::CasesManage)?.sub;
        let mut reader = Reader::of(request)?;
        let (command, version) = (reader.announcing(), reader.version());
        let command = reader.done(request, command)?;
        let caller = Caller::of(request, sub, version)?;
        for _ in 0..TRIES {
            let mut history = self.announcement(request).await?;
            let before = history.announcement.clone();
            let made = history.log.iter().find(|logged| {
                let key = logged.command_key.as_deref();
                caller.made(logged.entry.seq, &logged.entry.by, key)
            });
            if let Some(made) = made {
                if made.entry.kind != command.entry() {
                    return Err(request.problem(Kind::KeyReused).into());
                }
                return self.announcement_answer(request, 200, &history).await;
            }
            caller.agrees(request, before.version())?;
            let handled = before.handle(command, caller.actor.clone(), request.at);
            let handled = handled.map_err(|refused| conflict(request, refused))?;
            let Some(entry) = handled else {
                return self.announcement_answer(request, 200, &history).await;
            };
            history.announcement.apply(&entry);
            let (key, after) = (Some(caller.key.as_str()), &history.announcement);
            let done = self
                .store
                .append_to_announcement(&before, after, &entry, key)
                .await;
            let done = done.map_err(|error| trouble(request, "write the command", error))?;
            if done == Appended::Conflict {
                continue;
            }
            tracing::info!(improvement = %before.improvement(), seq = entry.seq, command = command.name(), "command carried out");
            history.log.push(Logged {
                entry,
                command_key: Some(caller.key),
            });
            return self.announcement_answer(request, 200, &history).await;
        }
        Err(busy(request))
    }

    pub(crate) async fn announced(&self, request: &HttpRequest) -> Result<Improvement, Rejection> {
        let found = self.store.improvement(improvement_id(request)?).await;
        let found = found.map_err(|error| trouble(request, "read the improvement", error))?;
        found.ok_or_else(|| no_improvement(request))
    }

    async fn announcement(&self, request: &HttpRequest) -> Result<AnnouncementHistory, Rejection> {
        let history = self
            .store
            .announcement_history(improvement_id(request)?)
            .await;
        let history = history.map_err(|error| trouble(request, "read the announcement", error))?;
        history.ok_or_else(|| {
            let problem = request.problem(Kind::NotFound);
            let en = "This improvement has not been announced.";
            problem.detail("这个改进没有通知过反馈者。", en).into()
        })
    }

    async fn announcement_answer(
        &self,
        request: &HttpRequest,
        status: u16,
        history: &AnnouncementHistory,
    ) -> Result<HttpResponse, Rejection> {
        let announcement = &history.announcement;
        let words = announcement.words();
        let id = announcement.improvement();
        let progress = async {
            let progress = self.store.progress(id).await;
            progress.map_err(|error| trouble(request, "read how far it has come", error))
        };
        let delivered = async {
            let delivered = self.store.deliveries(Occasion::Announcement, id).await;
            delivered.map_err(|error| trouble(request, "read what was delivered", error))
        };
        let (progress, delivered, beta) =
            tokio::try_join!(progress, delivered, self.beta_of(request, id))?;
        let timeline = history.log.iter().map(|logged| step(&logged.entry));
        let body = json!({
            "improvement": id,
            "beta": beta,
            "state": announcement.state(),
            "release": announcement.shipped().version,
            "words": {"zh-CN": words.zh_cn, "zh-TW": words.zh_tw, "en": words.en},
            "version": announcement.version(),
            "started_at": announcement.started_at(),
            "changed_at": announcement.changed_at(),
            "closes_at": announcement.closes_at(),
            "pass": progress.as_ref().map(|progress| walked(&progress.pass)),
            "last_pass": progress.as_ref().and_then(|progress| progress.last.as_ref()).map(walked),
            "delivery": delivered,
            "timeline": timeline.collect::<Vec<_>>(),
        });
        let shown = HttpResponse::json(status, &body)?.etag(announcement.version());
        Ok(shown.no_store())
    }
}

/// How far a pass has come: every reporter up to there is in one of the counts.
fn walked(pass: &Pass) -> Value {
    json!({
        "number": pass.number,
        "began_at": pass.began_at,
        "ended_at": pass.ended_at,
        "next_at": pass.next_at(),
        "reporters": pass.counts.total(),
        "counts": pass.counts,
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

/// What a dry run has seen.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) total: u64,
    pub(crate) letters: u64,
    pub(crate) without: Counts,
    /// By what they would get.
    pub(crate) examples: BTreeMap<&'static str, Vec<Value>>,
    /// The last who was looked at, if there are more.
    pub(crate) next: Option<ResponseId>,
}

impl Shown {
    fn add(&mut self, found: &Found, without: Option<Fate>) {
        self.total += 1;
        let name = match without {
            None => {
                self.letters += 1;
                "letter"
            }
            Some(fate) => {
                self.without.add(fate);
                fate.name()
            }
        };
        let examples = self.examples.entry(name).or_default();
        if examples.len() >= EXAMPLES {
            return;
        }
        let mut example = object(json!({
            "response": found.response,
            "reference": found.response.reference(),
            "gets": name,
        }));
        if let What::Do(judged) = &found.what {
            let submission = &judged.response.submission;
            let email = submission.contact.email.as_deref();
            example.extend(object(json!({
                "reported": judged.response.day,
                "locale": submission.language(),
                "email": email.map(mask_email),
            })));
        }
        examples.push(example.into());
    }
}

fn there_is_one(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::Conflict).detail(
        "这个改进已经通知过反馈者：每个改进只通知一次，可以停止或继续。",
        "This improvement is announced already: there is one announcement for each, which can be stopped and gone on with.",
    );
    problem.into()
}

fn beta_is_open(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::Conflict).detail(
        "这个改进正在试用：请先询问试用者并结束试用，再通知所有人；如确需现在通知，请发送 \"despite_beta\": true。",
        "A beta of this improvement is open: ask its testers and close it before everyone is told, or send \"despite_beta\": true to tell everyone now.",
    );
    problem.into()
}

fn conflict(request: &HttpRequest, refused: Refused) -> Rejection {
    let problem = request.problem(Kind::Conflict);
    let problem = match refused {
        Refused::NotShipped(state) => problem.detail(
            &format!("改进处于 {} 状态：发布之后才能通知反馈者。", state.name()),
            &format!(
                "The improvement is {}: reporters are told when it has shipped.",
                state.name()
            ),
        ),
        Refused::Closed => problem.detail("通知已结束。", "The announcement is closed."),
    };
    problem.into()
}
