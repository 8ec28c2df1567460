//! `GET /v1/nps/index`: the Customer Experience Index.

use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::kpi::implementation;
use resound_domain::nps::rating::top_two;
use resound_domain::nps::{ExperienceIndex, IndexWeights, Ingredients, Share};
use resound_domain::tally::Dimension;
use resound_lambda_kit::http::{HttpResponse, Rejection};
use serde::Serialize;

use crate::desk::{Desk, sum, trouble};
use crate::query::Span;

/// The index, as people are shown it.
#[derive(Debug, Serialize)]
struct Index {
    from: Date,
    to: Date,
    /// `null` if no part that weighs anything is known.
    value: Option<f64>,
    interval: Option<[f64; 2]>,
    /// How it was computed; `null` without a value.
    formula: Option<String>,
    parts: [Part; 3],
    as_of: Option<Timestamp>,
}

/// A part: so many of so many. `null` if it is not known.
#[derive(Debug, Serialize)]
struct Part {
    name: &'static str,
    weight: u32,
    count: Option<u64>,
    n: Option<u64>,
    percent: Option<f64>,
}

/// Answers `GET /v1/nps/index`.
pub(crate) async fn answer(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let span = Span::read(desk.request, |survey| desk.today(survey));
    let span = span.map_err(|faults| desk.refuse(faults))?;
    let (days, surveys) = (span.days, desk.surveys(span.survey.as_ref()));
    let figures = surveys
        .iter()
        .map(|survey| desk.store.figures(survey, days.from, days.to));
    let figures = async {
        let figures = try_join_all(figures).await;
        figures.map_err(|error| trouble(desk.request, "read the figures", error))
    };
    let improvements = async {
        let found = desk.store.improvements().await;
        let found = found.map_err(|error| trouble(desk.request, "read the improvements", error))?;
        for error in &found.corrupt {
            tracing::error!(%error, "an improvement cannot be read");
        }
        Ok(found.improvements)
    };
    let (targets, cells, figures, improvements, as_of) = tokio::try_join!(
        desk.targets(),
        desk.tallies(&surveys, days, Dimension::All),
        figures,
        improvements,
        desk.as_of(&surveys),
    )?;
    // The last that is known of each survey: activity is of the thirty days up to it.
    let usage = figures.iter().filter_map(|figures| {
        let known = figures.iter().rev();
        known.filter_map(|(_, figures)| figures.usage()).next()
    });
    let usage = usage.reduce(|sum, more| {
        let of = sum.of().saturating_add(more.of());
        Share::new(sum.count().saturating_add(more.count()), of).unwrap_or(sum)
    });
    let ingredients = Ingredients {
        satisfaction: top_two(&sum(&cells).csat),
        usage,
        improvements: implementation(&improvements, (days.from, days.to), desk.zone),
    };
    let index = ExperienceIndex::of(&ingredients, targets.index);
    desk.answer(&Index {
        from: days.from,
        to: days.to,
        value: index.as_ref().map(|index| index.value),
        interval: index.as_ref().map(|index| index.interval),
        formula: index.map(|index| index.formula),
        parts: parts(&ingredients, targets.index),
        as_of,
    })
}

fn parts(of: &Ingredients, weights: IndexWeights) -> [Part; 3] {
    let part = |name, share: Option<Share>, weight| Part {
        name,
        weight,
        count: share.map(Share::count),
        n: share.map(Share::of),
        percent: share.map(Share::percent),
    };
    [
        part("satisfaction", of.satisfaction, weights.satisfaction),
        part("usage", of.usage, weights.usage),
        part("improvements", of.improvements, weights.improvements),
    ]
}
