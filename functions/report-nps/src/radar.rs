//! `GET /v1/nps/radar`: where each touchpoint stands between its baseline and its target.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{StreamExt, TryStreamExt, iter};
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::locale::Locale;
use resound_domain::nps::{NpsSummary, Reached, Spoke, Standings};
use resound_domain::tally::{Dimension, Tally};
use resound_domain::targets::Baseline;
use resound_lambda_kit::http::{HttpResponse, Rejection};
use resound_store::DayCell;
use serde::Serialize;

use crate::desk::Desk;
use crate::query::{Days, Span};
use crate::report::{Change, Said, change};

/// How many baselines are read at once: most companies have one.
const AT_ONCE: usize = 4;

/// The radar, as people are shown it.
#[derive(Debug, Serialize)]
struct Radar {
    from: Date,
    to: Date,
    touchpoints: Vec<Row>,
    as_of: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Row {
    touchpoint: String,
    baseline: Point,
    now: Point,
    /// The NPS it shall reach; `null` where nobody has set one.
    target: Option<f64>,
    /// How much is missing, in points; below zero beyond the target.
    gap: Option<f64>,
    change: Option<Change>,
    reached: Option<Said<Reached>>,
}

/// The score of some days; `null` if nobody answered on them.
#[derive(Debug, Serialize)]
struct Point {
    from: Option<Date>,
    to: Option<Date>,
    n: u64,
    nps: Option<f64>,
    adjusted_wald: Option<[f64; 2]>,
}

/// Answers `GET /v1/nps/radar`.
pub(crate) async fn answer(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let span = Span::read(desk.request, |survey| desk.today(survey));
    let span = span.map_err(|faults| desk.refuse(faults))?;
    let surveys = desk.surveys(span.survey.as_ref());
    let targets = desk.targets().await?;
    let nps = &targets.nps;
    let spans: BTreeSet<Days> = nps.baselines().map(Days::from).chain(span.before).collect();
    let baselines = iter(spans).map(|days| {
        let surveys = &surveys;
        async move {
            let cells = desk.tallies(surveys, days, Dimension::Touchpoint).await?;
            Ok::<_, Rejection>((days, by_value(&cells)))
        }
    });
    let baselines = baselines.buffered(AT_ONCE).try_collect();
    let now = desk.tallies(&surveys, span.days, Dimension::Touchpoint);
    let (baselines, now, as_of): (BTreeMap<_, _>, _, _) =
        tokio::try_join!(baselines, now, desk.as_of(&surveys))?;
    let now = by_value(&now);
    let baseline = |touchpoint: &str| nps.baseline(touchpoint).map(Days::from).or(span.before);
    let then = |touchpoint: &str| {
        let of = baselines.get(&baseline(touchpoint)?)?;
        of.get(touchpoint)
    };
    let named = nps.touchpoints.keys().map(String::as_str);
    let heard = baselines
        .values()
        .flat_map(|of| of.keys())
        .map(String::as_str)
        .filter(|touchpoint| then(touchpoint).is_some());
    let touchpoints: BTreeSet<&str> = named
        .chain(heard)
        .chain(now.keys().map(String::as_str))
        .collect();
    let rows = touchpoints.into_iter().map(|touchpoint| {
        let standings = |of: Option<&Tally>| of.map_or_else(Standings::default, Standings::from);
        let spoke = Spoke::new(
            touchpoint,
            standings(then(touchpoint)),
            standings(now.get(touchpoint)),
            nps.target(touchpoint),
        );
        row(
            spoke,
            baseline(touchpoint),
            span.days,
            desk.request.locale(),
        )
    });
    desk.answer(&Radar {
        from: span.days.from,
        to: span.days.to,
        touchpoints: rows.collect(),
        as_of,
    })
}

fn by_value(cells: &[DayCell]) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for DayCell { cell, .. } in cells {
        let tally = tallies.entry(cell.value.as_str().to_owned());
        tally.or_default().merge(&cell.tally);
    }
    tallies
}

fn row(spoke: Spoke, baseline: Option<Days>, now: Days, locale: Locale) -> Row {
    let moved = spoke.baseline.as_ref().zip(spoke.now.as_ref());
    Row {
        change: moved.map(|(then, now)| change(then, now, locale)),
        baseline: Point::new(baseline, spoke.baseline.as_ref()),
        now: Point::new(Some(now), spoke.now.as_ref()),
        target: spoke.target,
        gap: spoke.gap,
        reached: spoke.reached.map(|code| Said {
            code,
            text: code.text(locale),
        }),
        touchpoint: spoke.touchpoint,
    }
}

impl Point {
    fn new(days: Option<Days>, score: Option<&NpsSummary>) -> Self {
        Self {
            from: days.map(|days| days.from),
            to: days.map(|days| days.to),
            n: score.map_or(0, |score| score.n),
            nps: score.map(|score| score.nps),
            adjusted_wald: score.map(|score| score.adjusted_wald),
        }
    }
}

impl From<Baseline> for Days {
    fn from(Baseline { from, to }: Baseline) -> Self {
        Self { from, to }
    }
}
