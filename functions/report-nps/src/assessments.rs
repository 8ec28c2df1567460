//! `GET /v1/nps/assessments`: which assessments of satisfaction disagree with the one before them.
//!
//! An assessment is of thirty days, as the risk rule that asks for a review has them.

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::nps::rating::top_two;
use resound_domain::nps::volatility::disagree;
use resound_domain::nps::{Comparison, Share, ShareSummary, Verdict};
use resound_domain::risk::{PERIODS, Period};
use resound_domain::tally::Dimension;
use resound_lambda_kit::http::{HttpResponse, Rejection};
use resound_store::DayCell;
use serde::Serialize;

use crate::desk::{Desk, sum};
use crate::query::{Days, Until};
use crate::report::Said;

/// The assessments of 180 days, as people are shown them.
#[derive(Debug, Serialize)]
struct Report {
    from: Date,
    to: Date,
    assessments: Vec<Assessment>,
    as_of: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Assessment {
    from: Date,
    to: Date,
    /// Who gave CSAT 4 or 5; `null` if nobody answered.
    satisfied: Option<ShareSummary>,
    /// Since the one before; `null` for the first, and where nobody answered.
    change: Option<Moved>,
    /// Whether it and the one before disagree by more than five points, and by more than chance.
    disagrees: bool,
}

#[derive(Debug, Serialize)]
struct Moved {
    difference: f64,
    agresti_caffo: Comparison,
    verdict: Said<Verdict>,
}

/// Answers `GET /v1/nps/assessments`: the last six assessments that are over on the day `to`.
pub(crate) async fn answer(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let until = Until::read(desk.request, |survey| desk.today(survey));
    let until = until.map_err(|faults| desk.refuse(faults))?;
    let surveys = desk.surveys(until.survey.as_ref());
    let newest = match Period::of(until.to) {
        whole if whole.last_day() <= until.to => whole,
        running => running.before(),
    };
    let mut spans: Vec<_> = std::iter::successors(Some(newest), |period| Some(period.before()))
        .take(PERIODS)
        .map(|period| Days {
            from: period.first_day(),
            to: period.last_day(),
        })
        .collect();
    spans.reverse();
    let whole = spans.first().zip(spans.last());
    let whole = whole.map(|(first, last)| Days {
        from: first.from,
        to: last.to,
    });
    let Some(days) = whole.filter(|days| days.from.year() >= 0) else {
        return Err(desk.refuse(vec![Until::out_of_range(desk.request)]));
    };
    let (cells, as_of) = tokio::try_join!(
        desk.tallies(&surveys, days, Dimension::All),
        desk.as_of(&surveys),
    )?;
    let mut before: Option<Share> = None;
    let assessments = spans.into_iter().map(|days| {
        let of = |cell: &&DayCell| days.contain(cell.day);
        let share = top_two(&sum(cells.iter().filter(of)).csat);
        let both = before.zip(share);
        before = share;
        Assessment {
            from: days.from,
            to: days.to,
            satisfied: share.map(Share::summary),
            change: both.map(|(then, now)| {
                let change = now.change(then);
                Moved {
                    difference: change.difference,
                    agresti_caffo: change.agresti_caffo,
                    verdict: Said::<Verdict>::new(change.verdict, desk.request.locale()),
                }
            }),
            disagrees: both.is_some_and(|(then, now)| disagree(then, now)),
        }
    });
    desk.answer(&Report {
        from: days.from,
        to: days.to,
        assessments: assessments.collect(),
        as_of,
    })
}
