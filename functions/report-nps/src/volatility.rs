//! `GET /v1/nps/volatility`: whether satisfaction swings over six months by more than chance makes it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use resound_domain::nps::rating::top_two;
use resound_domain::nps::volatility::MONTHS;
use resound_domain::nps::{Period, Share, ShareSummary, Swing, Volatility, Window};
use resound_domain::tally::{Dimension, Tally};
use resound_lambda_kit::http::{HttpResponse, Rejection};
use serde::Serialize;

use crate::desk::Desk;
use crate::query::{Days, Until};
use crate::report::Said;

/// The volatility, as people are shown it. Numbers are of the months with answers enough; `null` if there is none.
#[derive(Debug, Serialize)]
struct Report {
    /// The first day of the first month.
    from: Date,
    /// The last day of the last month.
    to: Date,
    months: Vec<Month>,
    counted: usize,
    lowest: Option<f64>,
    highest: Option<f64>,
    range: Option<f64>,
    standard_deviation: Option<f64>,
    chi_squared: Option<f64>,
    /// Whether somebody should look.
    flagged: bool,
    swing: Said<Swing>,
    as_of: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Month {
    /// `2026-11`.
    month: String,
    /// Who gave CSAT 4 or 5; `null` if nobody answered.
    satisfied: Option<ShareSummary>,
}

/// Answers `GET /v1/nps/volatility`: the last six months that are over on the day `to`.
pub(crate) async fn answer(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let until = Until::read(desk.request, |survey| desk.today(survey));
    let until = until.map_err(|faults| desk.refuse(faults))?;
    let surveys = desk.surveys(until.survey.as_ref());
    let months = months(until.to);
    let (first, last) = (months.first(), months.last());
    let days = first.zip(last).map(|(first, last)| Days {
        from: first.first(),
        to: last.last(),
    });
    let days = days.filter(|days| days.from.year() >= 0 && months.len() == MONTHS);
    let Some(days) = days else {
        return Err(desk.refuse(vec![Until::out_of_range(desk.request)]));
    };
    let (cells, as_of) = tokio::try_join!(
        desk.tallies(&surveys, days, Dimension::All),
        desk.as_of(&surveys),
    )?;
    let mut tallies: BTreeMap<Date, Tally> = BTreeMap::new();
    for cell in &cells {
        let tally = tallies.entry(cell.day.first_of_month());
        tally.or_default().merge(&cell.cell.tally);
    }
    let mut shares = [None; MONTHS];
    for (share, month) in shares.iter_mut().zip(&months) {
        let tally = tallies.get(&month.first());
        *share = tally.and_then(|tally| top_two(&tally.csat));
    }
    let volatility = Volatility::of(&shares);
    let swing = volatility.map_or(Swing::TooFew, |volatility| volatility.swing);
    let rows = months.iter().zip(shares).map(|(month, share)| Month {
        month: month.to_string(),
        satisfied: share.map(Share::summary),
    });
    desk.answer(&Report {
        from: days.from,
        to: days.to,
        months: rows.collect(),
        counted: volatility.map_or(0, |volatility| volatility.months),
        lowest: volatility.map(|volatility| volatility.lowest),
        highest: volatility.map(|volatility| volatility.highest),
        range: volatility.map(|volatility| volatility.range),
        standard_deviation: volatility.map(|volatility| volatility.standard_deviation),
        chi_squared: volatility.map(|volatility| volatility.chi_squared),
        flagged: swing == Swing::Beyond,
        swing: Said {
            code: swing,
            text: swing.text(desk.request.locale()),
        },
        as_of,
    })
}

/// The last six months of which `to` is no later than the last day, in their order; fewer at the ends of time.
fn months(to: Date) -> Vec<Period> {
    let last = match to.tomorrow() {
        Ok(next) if next.day() == 1 => Some(to),
        _ => to.first_of_month().checked_sub(1.day()).ok(),
    };
    let last = last.and_then(|day| Window::Month.period(day));
    let mut months: Vec<_> = std::iter::successors(last, |month| month.previous())
        .take(MONTHS)
        .collect();
    months.reverse();
    months
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn six_whole_months() {
        let names = |to| -> Vec<_> { months(to).iter().map(ToString::to_string).collect() };
        let until_october = [
            "2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10",
        ];
        assert_eq!(names(date(2026, 11, 1)), until_october);
        assert_eq!(names(date(2026, 11, 29)), until_october);
        assert_eq!(names(date(2026, 11, 30)).last().unwrap(), "2026-11");
        assert_eq!(names(date(2028, 2, 28)).last().unwrap(), "2028-01");
        assert_eq!(names(date(2028, 2, 29)).last().unwrap(), "2028-02");
        assert!(names(Date::MIN).len() < MONTHS);
        assert_eq!(names(Date::MAX).len(), MONTHS);
    }
}
