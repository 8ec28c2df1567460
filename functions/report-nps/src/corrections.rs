//! `GET /v1/nps/corrections`: which days came out differently after they had been told, and why.

use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::locale::Locale;
use resound_domain::tally::{Cause, Tally};
use resound_lambda_kit::http::{HttpResponse, Rejection};
use resound_store::Correction;
use serde::Serialize;

use crate::desk::{Desk, trouble};
use crate::query::Span;
use crate::report::Said;

/// The corrections of some days, as people are shown them.
#[derive(Debug, Serialize)]
struct Corrections {
    from: Date,
    to: Date,
    /// By day, then survey, then in the order in which they were made.
    corrections: Vec<Row>,
    as_of: Option<Timestamp>,
}

/// One day that came out differently.
#[derive(Debug, Serialize)]
struct Row {
    survey: String,
    day: Date,
    /// Of the corrections of this day, from 1 up.
    number: u32,
    was: Counts,
    is: Counts,
    /// Why the day was counted again: everything that was marked by then.
    why: Vec<Said<Cause>>,
    /// Business time of the run that counted it again.
    corrected_at: Timestamp,
}

/// The whole of a day: how many sent anything, gave each score, and what the score of that is.
#[derive(Debug, Serialize)]
struct Counts {
    responses: u64,
    n: u64,
    /// `null` if nobody answered.
    nps: Option<f64>,
    /// How many gave NPS 0 to 10.
    nps_counts: [u64; 11],
    /// How many gave CSAT 1 to 5.
    csat_counts: [u64; 5],
    /// How many gave CES 1 to 7.
    ces_counts: [u64; 7],
}

/// Answers `GET /v1/nps/corrections`.
pub(crate) async fn answer(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let span = Span::read(desk.request, |survey| desk.today(survey));
    let span = span.map_err(|faults| desk.refuse(faults))?;
    let (days, surveys) = (span.days, desk.surveys(span.survey.as_ref()));
    let read = surveys
        .iter()
        .map(|survey| desk.store.corrections(survey, days.from, days.to));
    let read = async {
        let read = try_join_all(read).await;
        read.map_err(|error| trouble(desk.request, "read the corrections", error))
    };
    let (read, as_of) = tokio::try_join!(read, desk.as_of(&surveys))?;
    let locale = desk.request.locale();
    let mut corrections: Vec<_> = surveys
        .iter()
        .zip(read)
        .flat_map(|(survey, of)| of.into_iter().map(move |one| Row::new(survey, one, locale)))
        .collect();
    corrections.sort_by(|a, b| {
        let place = |row: &Row| (row.day, row.survey.clone(), row.number);
        place(a).cmp(&place(b))
    });
    desk.answer(&Corrections {
        from: days.from,
        to: days.to,
        corrections,
        as_of,
    })
}

impl Row {
    fn new(survey: &impl ToString, correction: Correction, locale: Locale) -> Self {
        let why = correction.why.into_iter();
        Self {
            survey: survey.to_string(),
            day: correction.day,
            number: correction.number,
            was: Counts::of(&correction.was),
            is: Counts::of(&correction.is),
            why: why
                .map(|code| Said {
                    code,
                    text: code.text(locale),
                })
                .collect(),
            corrected_at: correction.as_of,
        }
    }
}

impl Counts {
    fn of(tally: &Tally) -> Self {
        let summary = tally.nps_summary();
        Self {
            responses: tally.responses,
            n: summary.map_or(0, |summary| summary.n),
            nps: summary.map(|summary| summary.nps),
            nps_counts: tally.nps,
            csat_counts: tally.csat,
            ces_counts: tally.ces,
        }
    }
}
