//! `GET /v1/nps`: scores of some days, broken down by something.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::figures::ResponseRate;
use resound_domain::form::FormId;
use resound_domain::submission::{Channel, Tier};
use resound_domain::tally::{Counted as Counts, Cut, Dimension};
use resound_lambda_kit::http::{HttpResponse, Rejection};
use resound_store::{DayCell, Part, StoreError};

use crate::desk::{Desk, sum, trouble};
use crate::query::{By, Query};
use crate::report::{Compared, Report};

/// What the nights have made of one survey.
struct Counted {
    survey: FormId,
    cells: Vec<DayCell>,
    /// What drivers are held against: the cells of all.
    all: Vec<DayCell>,
    /// What is weighted: the cells by tier.
    tiers: Vec<DayCell>,
    /// Who answered of those who were asked, by channel.
    rates: BTreeMap<Channel, ResponseRate>,
    as_of: Option<Timestamp>,
}

/// Answers `GET /v1/nps`.
pub(crate) async fn answer(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let query = Query::read(desk.request, |survey| desk.today(survey));
    let query = query.map_err(|faults| desk.refuse(faults))?;
    let surveys = desk.surveys(query.span.survey.as_ref()).into_iter();
    let counted = try_join_all(surveys.map(|survey| count(desk, survey, &query)))
        .await
        .map_err(|error| trouble(desk.request, "read the tallies", error))?;
    // A survey that had no night yet has nothing to be out of date.
    let as_of = counted.iter().filter_map(|counted| counted.as_of).min();
    let all = sum(counted.iter().flat_map(|counted| &counted.all));
    let rows = rows(&query, counted);
    let report = Report::new(&query, rows, &all, as_of, desk.request.locale());
    desk.answer(&report)
}

/// Whether there is a response rate of each row: who was asked is known by channel.
const fn rates(by: By) -> bool {
    matches!(
        by,
        By::Cut(Cut::One(
            Dimension::All | Dimension::Survey | Dimension::Channel
        ))
    )
}

async fn count(desk: &Desk<'_>, survey: FormId, query: &Query) -> Result<Counted, StoreError> {
    let cut = match query.by {
        // A survey or a day is counted in one cell of its own tallies.
        By::Day | By::Cut(Cut::One(Dimension::Survey)) => Cut::ALL,
        By::Cut(cut) => cut,
    };
    let (from, to) = (query.span.days.from, query.span.days.to);
    let beside = async |wanted: bool, dimension: Dimension| match wanted {
        true => desk.store.tallies(&survey, from, to, dimension).await,
        false => Ok(Vec::new()),
    };
    let rated = async || match rates(query.by) {
        true => desk.store.response_rates(&survey, from, to).await,
        false => Ok(BTreeMap::new()),
    };
    let (cells, all, tiers, rates, watermark) = tokio::try_join!(
        desk.store.tallies(&survey, query.read_from(), to, cut),
        beside(query.drivers, Dimension::All),
        beside(query.weights.is_some(), Dimension::Tier),
        rated(),
        desk.store.watermark(&survey),
    )?;
    Ok(Counted {
        survey,
        cells,
        all,
        tiers,
        rates,
        as_of: watermark.map(|watermark| watermark.as_of),
    })
}

/// The counts of each row, and of what it is compared with, in the order of their keys.
fn rows(query: &Query, counted: Vec<Counted>) -> BTreeMap<String, Compared> {
    let days = query.span.days;
    let mut rows: BTreeMap<String, Compared> = BTreeMap::new();
    for counted in counted {
        let survey = counted.survey;
        let key = |day: Date, value: Part| match query.by {
            By::Day => day.to_string(),
            By::Cut(Cut::One(Dimension::Survey)) => survey.to_string(),
            By::Cut(_) => value.into_string(),
        };
        for (channel, rate) in counted.rates {
            let key = match query.by {
                By::Cut(Cut::One(Dimension::Channel)) => channel.name().to_owned(),
                By::Cut(Cut::One(Dimension::Survey)) => survey.to_string(),
                _ => Counts::ALL.to_owned(),
            };
            let row = rows.entry(key).or_default();
            let sum = row.rate.get_or_insert_default();
            sum.add(rate.asked, rate.responses);
        }
        for DayCell { day, cell } in counted.cells {
            // What is today's number is tomorrow's to be compared with.
            if query.by == By::Day
                && let Ok(next) = day.tomorrow()
                && days.contain(next)
            {
                let row = rows.entry(next.to_string()).or_default();
                row.before.get_or_insert_default().merge(&cell.tally);
            }
            let now = days.contain(day);
            if now || query.by != By::Day {
                let row = rows.entry(key(day, cell.value)).or_default();
                let of = if now { &mut row.now } else { &mut row.before };
                of.get_or_insert_default().merge(&cell.tally);
            }
        }
        for DayCell { day, cell } in counted.tiers {
            let tier = Tier::ALL
                .into_iter()
                .find(|t| t.name() == cell.value.as_str());
            let all = match query.by {
                By::Cut(Cut::One(Dimension::All)) => Counts::ALL.to_owned(),
                _ => key(day, cell.value),
            };
            // The tier of a newer version is not known here: like no tier at all, what is left of the row counts for it.
            if let Some(tier) = tier {
                let row = rows.entry(all).or_default();
                row.tiers.entry(tier).or_default().merge(&cell.tally);
            }
        }
    }
    rows
}
