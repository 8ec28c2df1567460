//! How a document is published, whatever it is.
//!
//! A version is never changed: publishing adds the next one, on condition that nobody else has added it. What is there
//! already is not published again, so a request may be repeated after a lost answer. Whoever did not know of a version
//! that came in between is told so, and decides again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use resound_domain::book::{NOTICE, Timeline};
use resound_domain::calendar::Calendars;
use resound_domain::policy::{self, CalendarName};
use resound_domain::template::Installation;
use resound_lambda_kit::Fault;
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::outbound::Reach;
use resound_lambda_kit::precondition::Tags;
use resound_lambda_kit::problem::{Kind, Problem};
use resound_store::{ConfigKind, Edition, Editions, Published, Signed, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::body::{Body, Faults, Lines};
use crate::dry_run;
use crate::query::{Manner, version};
use crate::shelves::Shelves;

/// How often something is tried to be written because others came in between.
pub(crate) const TRIES: u32 = 5;

/// The furthest ahead that a document may begin. Longer is a mistyped year.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 400);

/// A kind of document. `name` is which of its kind, where there are several.
pub(crate) trait Document: Serialize + DeserializeOwned + Clone + PartialEq {
    /// Where it is kept.
    const KIND: ConfigKind;
    /// Whether it begins at an instant that it names; else as soon as it is known.
    const WAITS: bool;
    /// Why nobody can be told what it would do, in both languages; `None` where a dry run tells.
    const NO_DRY_RUN: Option<(&'static str, &'static str)> = None;

    /// Every version of its kind.
    fn shelf(shelves: &mut Shelves) -> &mut Editions<Self>;

    /// What holds while none is published.
    fn built_in(name: Option<&CalendarName>, shelves: &Shelves) -> Option<Self>;

    /// Whether it is the one of this name.
    fn is(&self, _name: Option<&CalendarName>) -> bool {
        true
    }

    /// Reads what was sent, in place of `former`.
    ///
    /// # Errors
    /// 422 with every fault.
    fn read(
        asked: &Asked<'_>,
        shelves: &Shelves,
        former: Option<&Edition<Self>>,
    ) -> Result<Self, Rejection>;

    /// The instant it names.
    fn active_from(&self) -> Option<Timestamp>;

    /// The same under this number, from this instant.
    fn published(self, version: u32, active_from: Option<Timestamp>) -> Self;

    /// Others of its kind that must be published behind it, in order.
    fn followers(&self, _shelf: &Editions<Self>) -> Vec<Self> {
        Vec::new()
    }

    /// What people are shown of it, beside its number and its instant: no secret.
    fn shown(&self) -> Value;
}

/// What somebody wants published.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a HttpRequest,
    pub(crate) body: &'a Body,
    pub(crate) name: Option<&'a CalendarName>,
    pub(crate) reach: Reach,
    /// What templates are judged by.
    pub(crate) installation: &'a Installation,
    /// When it is to begin, if that was said.
    pub(crate) active_from: Option<Timestamp>,
}

impl Asked<'_> {
    /// The first instant at which something published now may begin.
    fn earliest(&self) -> Timestamp {
        let earliest = self.request.at.checked_add(NOTICE);
        earliest.unwrap_or(Timestamp::MAX)
    }

    /// When it begins: as soon as it may, unless something else was said.
    pub(crate) fn begins(&self) -> Timestamp {
        self.active_from.unwrap_or_else(|| self.earliest())
    }

    /// The refusal of a text with what is wrong with it.
    pub(crate) fn refuse(&self, text: &str, invalid: &policy::Faults) -> Rejection {
        refuse(self.request, text, invalid)
    }

    /// What is wrong with when it is to begin.
    fn faults<D: Document>(&self) -> Faults {
        let locale = self.request.locale();
        let mut faults = Faults::new(locale);
        let Some(from) = self.active_from else {
            return faults;
        };
        let (earliest, latest) = (self.earliest(), self.request.at.checked_add(FURTHEST));
        let (code, zh_cn, en) = if !D::WAITS {
            (
                "unexpected",
                "此文件一经发布即生效：请去掉 active_from。".to_owned(),
                "It applies as soon as it is known: leave `active_from` out.".to_owned(),
            )
        } else if from < earliest {
            (
                "too-soon",
                format!("须不早于 {earliest}：各处需要两分钟才能得知。"),
                format!(
                    "It must not be before {earliest}: it takes two minutes until everybody knows."
                ),
            )
        } else if latest.is_ok_and(|latest| latest < from) {
            (
                "too-late",
                "须在 400 天之内。".to_owned(),
                "It must be within 400 days.".to_owned(),
            )
        } else {
            return faults;
        };
        match self.body {
            Body::Json { text, .. } if self.body.active_from().is_some() => {
                faults.add(
                    &mut Lines::new(text),
                    "/active_from",
                    code,
                    locale.choose(&zh_cn, &en),
                );
            }
            _ => faults.of_request("active_from", code, &zh_cn, &en),
        }
        faults
    }
}

/// The refusal of a text with what is wrong with it.
pub(crate) fn refuse(request: &HttpRequest, text: &str, invalid: &policy::Faults) -> Rejection {
    let locale = request.locale();
    let (mut faults, mut lines) = (Faults::new(locale), Lines::new(text));
    for fault in invalid.iter() {
        faults.add(
            &mut lines,
            &fault.at,
            fault.code.name(),
            &fault.message(locale),
        );
    }
    faults.refuse(request).into()
}

/// Everything a route works with.
pub(crate) struct Desk<'a> {
    pub(crate) request: &'a HttpRequest,
    pub(crate) store: &'a Store,
    pub(crate) calendars: &'a Arc<Calendars>,
    pub(crate) reach: Reach,
    /// What templates are judged by.
    pub(crate) installation: &'a Installation,
    /// Where the public reaches the system, without a slash at the end.
    pub(crate) public_url: &'a str,
}

impl Desk<'_> {
    /// Who publishes: the `sub` of their token.
    pub(crate) fn caller(&self) -> Result<String, Problem> {
        Ok(self.request.require(Scope::Admin)?.sub.clone())
    }

    /// What documents of a kind are judged with, as it is now.
    pub(crate) async fn shelves(&self, kind: ConfigKind) -> Result<Shelves, Rejection> {
        let read = Shelves::read(self.store, kind, self.calendars).await;
        read.map_err(|error| trouble(self.request, "read what is published", error))
    }
}

/// The versions of one document. What is built in is version 0.
pub(crate) struct Volume<D> {
    editions: Vec<Edition<D>>,
    /// From when each applies that some time does, in order.
    begins: Vec<(Timestamp, u32)>,
}

/// Where a version stands at some time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Past,
    Current,
    Coming,
    /// A later version took its place before it began.
    Withdrawn,
}

impl Standing {
    /// The published name: append only.
    const fn name(self) -> &'static str {
        match self {
            Self::Past => "past",
            Self::Current => "current",
            Self::Coming => "coming",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl<D: Document> Volume<D> {
    /// The versions of the document of this name.
    pub(crate) fn open(shelves: &mut Shelves, name: Option<&CalendarName>) -> Self {
        let built_in = D::built_in(name, shelves).map(|document| Edition {
            version: 0,
            document,
            signed: None,
        });
        let published = D::shelf(shelves).editions.iter();
        let published = published
            .filter(|edition| edition.document.is(name))
            .cloned();
        let editions: Vec<_> = built_in.into_iter().chain(published).collect();
        let named = editions.iter();
        let named = named.map(|edition| (edition.document.active_from(), edition.version));
        let begins = Timeline::new(named, |_| ()).into_iter().collect();
        Self { editions, begins }
    }

    /// The latest version; `None` if there is no such document.
    pub(crate) fn latest(&self) -> Option<&Edition<D>> {
        self.editions.last()
    }

    /// The version of this number.
    pub(crate) fn find(&self, version: u32) -> Option<&Edition<D>> {
        let mut editions = self.editions.iter();
        editions.find(|edition| edition.version == version)
    }

    /// The versions that apply at `now` and later, in order.
    fn standing_now(&self, now: Timestamp) -> impl Iterator<Item = (Standing, &Edition<D>)> {
        let standing = move |version| (self.standing(version, now), version);
        let begins = self
            .begins
            .iter()
            .map(move |&(_, version)| standing(version));
        begins
            .filter(|(standing, _)| matches!(standing, Standing::Current | Standing::Coming))
            .filter_map(|(standing, version)| Some((standing, self.find(version)?)))
    }

    fn standing(&self, version: u32, now: Timestamp) -> Standing {
        let current = self.begins.iter().rev().find(|(from, _)| *from <= now);
        match self.begins.iter().find(|(_, begun)| *begun == version) {
            None => Standing::Withdrawn,
            Some((from, _)) if *from > now => Standing::Coming,
            begun if begun == current => Standing::Current,
            Some(_) => Standing::Past,
        }
    }

    /// The version that applies at `now`, if any does, and those that will.
    pub(crate) fn overview(&self, now: Timestamp) -> (Option<&Edition<D>>, Vec<&Edition<D>>) {
        let (mut current, mut coming) = (None, Vec::new());
        for (standing, edition) in self.standing_now(now) {
            match standing {
                Standing::Current => current = Some(edition),
                _ => coming.push(edition),
            }
        }
        (current, coming)
    }

    /// What people are shown of a version.
    pub(crate) fn shown(&self, edition: &Edition<D>, now: Timestamp) -> Value {
        json!({
            "version": edition.version,
            "state": self.standing(edition.version, now).name(),
            "active_from": edition.document.active_from(),
            "published_at": edition.signed.as_ref().map(|signed| signed.at),
            "published_by": edition.signed.as_ref().map(|signed| &signed.by),
            "document": edition.document.shown(),
        })
    }
}

/// Shows what applies and what is to come, or the version that is asked for.
pub(crate) async fn show<D: Document>(
    desk: &Desk<'_>,
    name: Option<&CalendarName>,
) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let version = version(request)?;
    let mut shelves = desk.shelves(D::KIND).await?;
    let volume = Volume::<D>::open(&mut shelves, name);
    if let Some(version) = version {
        let edition = volume.find(version).ok_or_else(|| missing(request))?;
        return answer(200, &volume.shown(edition, request.at), version);
    }
    if name.is_some() && volume.latest().is_none() {
        return Err(missing(request).into());
    }
    let (current, coming) = volume.overview(request.at);
    let coming = coming.into_iter();
    let both = json!({
        "current": current.map(|edition| volume.shown(edition, request.at)),
        "coming": coming.map(|edition| volume.shown(edition, request.at)).collect::<Vec<_>>(),
    });
    let latest = volume.latest().map_or(0, |latest| latest.version);
    answer(200, &both, latest)
}

/// Publishes a document, once, or tells what that would do.
pub(crate) async fn put<D: Document>(
    desk: &Desk<'_>,
    name: Option<&CalendarName>,
) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let signed = Signed {
        by: desk.caller()?,
        at: request.at,
    };
    let manner = Manner::read(request)?;
    if let (Some(_), Some((zh_cn, en))) = (&manner.dry_run, D::NO_DRY_RUN) {
        let mut faults = Faults::new(request.locale());
        faults.of_request("dry_run", "not-available", zh_cn, en);
        return Err(faults.refuse(request).into());
    }
    let body = Body::read(request)?;
    let tags = matching(request)?;
    let asked = Asked {
        request,
        body: &body,
        name,
        reach: desk.reach,
        installation: desk.installation,
        active_from: body.active_from().or(manner.active_from),
    };
    let mut seen = None;
    for _ in 0..TRIES {
        let mut before = desk.shelves(D::KIND).await?;
        let volume = Volume::<D>::open(&mut before, name);
        let latest = volume.latest();
        let read = D::read(&asked, &before, latest);
        let draft = read.map_err(|rejection| with_faults::<D>(rejection, &asked))?;
        if let Some(latest) = latest.filter(|latest| repeats(latest, &draft, &asked)) {
            let version = latest.version;
            return match manner.dry_run {
                Some(_) => Ok(HttpResponse::json(200, &dry_run::nothing(version))?.no_store()),
                None => answer(200, &volume.shown(latest, request.at), version),
            };
        }
        let version = latest.map(|latest| latest.version);
        if let Some(tags) = &tags
            && !version.is_some_and(|version| tags.match_strongly(version))
        {
            return Err(changed(request, Kind::PreconditionFailed, version).into());
        }
        if *seen.get_or_insert(version) != version {
            return Err(changed(request, Kind::Conflict, version).into());
        }
        let faults = asked.faults::<D>();
        if !faults.none() {
            return Err(faults.refuse(request).into());
        }
        let from = D::WAITS.then(|| asked.begins());
        let shelf = D::shelf(&mut before);
        let first = shelf.last.saturating_add(1);
        let draft = draft.published(first, from);
        let mut documents = draft.followers(shelf);
        documents.insert(0, draft);
        let documents: Vec<D> = (first..)
            .zip(documents)
            .map(|(version, document)| {
                let from = document.active_from();
                document.published(version, from)
            })
            .collect();
        let mut after = before.clone();
        let editions = (first..)
            .zip(&documents)
            .map(|(version, document)| Edition {
                version,
                document: document.clone(),
                signed: Some(signed.clone()),
            });
        D::shelf(&mut after).editions.extend(editions);
        if let Some(page) = &manner.dry_run {
            let run = dry_run::run(desk, page, from, &before.book(), &after.book()).await?;
            return Ok(HttpResponse::json(200, &run.shown(first, from))?.no_store());
        }
        let published = desk
            .store
            .publish(D::KIND, first, &documents, &signed)
            .await;
        let published = published.map_err(|error| trouble(request, "publish", error))?;
        if published == Published::Exists {
            continue;
        }
        tracing::info!(kind = D::KIND.name(), version = first, "published");
        let volume = Volume::<D>::open(&mut after, name);
        let edition = volume
            .find(first)
            .ok_or_else(|| Fault::new("it is not there"))?;
        let location = format!("{}?version={first}", request.path);
        let response = answer(201, &volume.shown(edition, request.at), first)?;
        return Ok(response.header("location", location));
    }
    Err(busy(request))
}

/// Whether what is asked for is the latest version already.
fn repeats<D: Document>(latest: &Edition<D>, draft: &D, asked: &Asked<'_>) -> bool {
    let bare = |document: &D| document.clone().published(0, None);
    let from = latest.document.active_from();
    bare(&latest.document) == bare(draft)
        && (asked.active_from.is_none() || asked.active_from == from)
}

/// A refusal of the document, with what is wrong with its instant as well.
fn with_faults<D: Document>(rejection: Rejection, asked: &Asked<'_>) -> Rejection {
    match rejection {
        Rejection::Problem(mut problem) if problem.kind == Kind::Invalid => {
            let timing = asked.faults::<D>().refuse(asked.request);
            problem.errors.extend(timing.errors);
            problem.into()
        }
        other => other,
    }
}

fn answer(status: u16, body: &Value, version: u32) -> Result<HttpResponse, Rejection> {
    Ok(HttpResponse::json(status, body)?.etag(version).no_store())
}

/// The tags of `If-Match`, if it was sent.
pub(crate) fn matching(request: &HttpRequest) -> Result<Option<Tags>, Problem> {
    let tags = request.header("if-match").map(str::parse).transpose();
    tags.map_err(|_| {
        request.problem(Kind::BadRequest).detail(
            "If-Match 应为带引号的 ETag，例如 \"3\"。",
            "If-Match is expected to be the ETag of the document with its quotes, such as \"3\".",
        )
    })
}

/// Somebody else has published in between.
pub(crate) fn changed(request: &HttpRequest, kind: Kind, version: Option<u32>) -> Problem {
    let problem = request.problem(kind).detail(
        "已有他人发布的新版本：请重新读取后再决定。",
        "Somebody else has published a version: read it, then decide.",
    );
    match version {
        Some(version) => problem.header("etag", format!("\"{version}\"")),
        None => problem,
    }
}

pub(crate) fn missing(request: &HttpRequest) -> Problem {
    let problem = request.problem(Kind::NotFound);
    problem.detail(
        "没有这个文件或版本。",
        "There is no such document or version.",
    )
}

/// What the table's refusal means to the caller: a passing one is worth trying again.
pub(crate) fn trouble(request: &HttpRequest, doing: &'static str, error: StoreError) -> Rejection {
    let retryable = error.is_retryable();
    let fault = Fault::doing(doing, error);
    if !retryable {
        return fault.into();
    }
    tracing::warn!(%fault, route = request.route, "the table is not available");
    busy(request)
}

pub(crate) fn busy(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::Unavailable);
    problem.header("retry-after", "1").into()
}
