//! The business calendars, each under its name.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use resound_domain::book::{NamedCalendar, Timeline};
use resound_domain::calendar::{BusinessCalendar, Draft, Imported, InvalidCalendar};
use resound_domain::policy::CalendarName;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::Problem;
use resound_store::{ConfigKind, Edition, Editions};
use serde_json::{Value, json};

use crate::body::{Body, Faults};
use crate::document::{Asked, Desk, Document, Volume, missing};
use crate::query::{View, version};
use crate::shelves::Shelves;

/// The most calendars a company has: what is to come is published again behind what comes before it, all in one
/// transaction.
const MOST: usize = 50;

/// How many years ahead events of an imported file are written out that repeat without end.
const YEARS_AHEAD: i16 = 5;

impl Document for NamedCalendar {
    const KIND: ConfigKind = ConfigKind::Calendar;
    const WAITS: bool = true;

    fn shelf(shelves: &mut Shelves) -> &mut Editions<Self> {
        &mut shelves.calendars
    }

    fn built_in(name: Option<&CalendarName>, shelves: &Shelves) -> Option<Self> {
        let name = name?;
        let calendar = shelves.builtin().get(name)?.clone();
        Some(Self {
            name: name.clone(),
            active_from: None,
            calendar,
        })
    }

    fn is(&self, name: Option<&CalendarName>) -> bool {
        Some(&self.name) == name
    }

    fn read(
        asked: &Asked<'_>,
        shelves: &Shelves,
        former: Option<&Edition<Self>>,
    ) -> Result<Self, Rejection> {
        let name = asked.name.ok_or_else(|| missing(asked.request))?;
        if former.is_none() && names(shelves).len() >= MOST {
            let mut faults = Faults::new(asked.request.locale());
            faults.of_request(
                "name",
                "too-many",
                "日历过多：最多 50 个。",
                "There are too many calendars: at most 50.",
            );
            return Err(faults.refuse(asked.request).into());
        }
        let former = former.map(|edition| &edition.document.calendar);
        Ok(Self {
            name: name.clone(),
            active_from: None,
            calendar: sent(asked.request, asked.body, former)?,
        })
    }

    fn active_from(&self) -> Option<Timestamp> {
        self.active_from
    }

    fn published(self, _: u32, active_from: Option<Timestamp>) -> Self {
        Self {
            active_from,
            ..self
        }
    }

    /// The calendars of other names that begin later: versions of calendars go up in time, all together, since a case
    /// keeps one number for all of them.
    fn followers(&self, shelf: &Editions<Self>) -> Vec<Self> {
        let published = shelf.editions.iter();
        let published = published.map(|edition| (edition.document.active_from, &edition.document));
        let timeline = Timeline::new(published, |calendar| calendar.name.clone());
        let later = timeline.iter();
        later
            .filter(|(from, other)| other.name != self.name && Some(*from) > self.active_from)
            .map(|(from, other)| Self::clone(other).published(0, Some(*from)))
            .collect()
    }

    fn shown(&self) -> Value {
        json!(self.calendar)
    }
}

/// The name in the path of a request; `None` if there can be no calendar of that name.
pub(crate) fn named(request: &HttpRequest) -> Option<CalendarName> {
    let name: CalendarName = request.param("name")?.parse().ok()?;
    (name != CalendarName::AROUND_THE_CLOCK).then_some(name)
}

/// The name of a calendar that is to be published.
pub(crate) fn nameable(request: &HttpRequest) -> Result<CalendarName, Problem> {
    named(request).ok_or_else(|| {
        let mut faults = Faults::new(request.locale());
        faults.of_request(
            "name",
            "invalid-name",
            "日历名须为 1 到 40 个 a-z、0-9、- 或 _，且不能是 around_the_clock。",
            "The name of a calendar is 1 to 40 of a-z, 0-9, - and _, and not around_the_clock.",
        );
        faults.refuse(request)
    })
}

/// The calendar that was sent: a definition, or dates to be added to the one that there is.
fn sent(
    request: &HttpRequest,
    body: &Body,
    former: Option<&BusinessCalendar>,
) -> Result<BusinessCalendar, Problem> {
    let refuse = |invalid: &InvalidCalendar| {
        let mut faults = Faults::new(request.locale());
        faults.of_calendar(invalid);
        faults.refuse(request)
    };
    let year = request.at.to_zoned(TimeZone::UTC).year();
    let last_year = year.saturating_add(YEARS_AHEAD);
    let imported = match body {
        Body::Json { value, .. } if !value.is_array() => {
            let (text, _) = body.json(request)?;
            let draft = Draft::parse(text, last_year);
            return draft.map(|draft| draft.calendar).map_err(|e| refuse(&e));
        }
        Body::Json { text, .. } => Imported::from_json(text),
        Body::Calendar(file) => Imported::from_icalendar(file, last_year),
    };
    let imported = imported.map_err(|invalid| refuse(&invalid))?;
    let mut definition = former.map(|former| former.definition().clone()).ok_or_else(|| {
        let mut faults = Faults::new(request.locale());
        faults.of_request(
            "name",
            "nothing-to-add-to",
            "还没有这个名称的日历：请先发布其营业时间，或将文件作为 import 一并提交。",
            "There is no calendar of this name yet to add the dates to: publish its hours first, or send the file with them as `import`.",
        );
        faults.refuse(request)
    })?;
    definition.keep(&imported);
    definition.try_into().map_err(|invalid| refuse(&invalid))
}

/// Every name there is a calendar of.
fn names(shelves: &Shelves) -> BTreeSet<CalendarName> {
    let published = shelves.calendars.editions.iter();
    let published = published.map(|edition| &edition.document.name);
    let all = shelves.builtin().names().chain(published);
    all.cloned().collect()
}

/// Lists the calendars with their versions.
pub(crate) async fn list(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let mut shelves = desk.shelves(ConfigKind::Calendar).await?;
    let mut calendars = Vec::new();
    for name in names(&shelves) {
        let volume = Volume::<NamedCalendar>::open(&mut shelves, Some(&name));
        let (current, coming) = volume.overview(desk.request.at);
        let listed = |edition: &Edition<NamedCalendar>| {
            json!({
                "version": edition.version,
                "active_from": edition.document.active_from,
                "time_zone": edition.document.calendar.definition().tz,
            })
        };
        calendars.push(json!({
            "name": name,
            "current": current.map(listed),
            "coming": coming.into_iter().map(listed).collect::<Vec<_>>(),
        }));
    }
    Ok(HttpResponse::json(200, &json!({"calendars": calendars}))?.no_store())
}

/// Shows the next open periods of the latest version, which may be to come, or of the one that is asked for.
pub(crate) async fn preview(
    desk: &Desk<'_>,
    name: &CalendarName,
) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let (view, version) = (View::read(request)?, version(request)?);
    let mut shelves = desk.shelves(ConfigKind::Calendar).await?;
    let volume = Volume::<NamedCalendar>::open(&mut shelves, Some(name));
    let edition = match version {
        Some(version) => volume.find(version),
        None => volume.latest(),
    };
    let edition = edition.ok_or_else(|| missing(request))?;
    let mut shown = previewed(&edition.document.calendar, &view);
    if let Some(members) = shown.as_object_mut() {
        members.insert("version".to_owned(), edition.version.into());
    }
    Ok(HttpResponse::json(200, &shown)?.no_store())
}

/// Shows the next open periods of a calendar that is not published. Dates alone are added to the one of the `name` in
/// the query, or else to that of business hours.
pub(crate) async fn preview_sent(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let (view, body) = (View::read(request)?, Body::read(request)?);
    let name = request.query("name").filter(|name| !name.is_empty());
    let name = name.map_or(Ok(CalendarName::BUSINESS), str::parse);
    let name = name.map_err(|_| missing(request))?;
    let mut shelves = desk.shelves(ConfigKind::Calendar).await?;
    let volume = Volume::<NamedCalendar>::open(&mut shelves, Some(&name));
    let former = volume.latest().map(|edition| &edition.document.calendar);
    let calendar = sent(request, &body, former)?;
    Ok(HttpResponse::json(200, &previewed(&calendar, &view))?.no_store())
}

fn previewed(calendar: &BusinessCalendar, view: &View) -> Value {
    let periods = calendar.periods_after(view.from).take(view.count);
    let periods = periods.map(|period| json!({"start": period.start, "end": period.end}));
    json!({
        "time_zone": calendar.definition().tz,
        "periods": periods.collect::<Vec<_>>(),
        "holidays_known_until": calendar.preview(view.from).holidays_known_until,
    })
}
