//! Rows of a report.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::figures::{NoRate, ResponseRate};
use resound_domain::locale::Locale;
use resound_domain::nps::{
    Comparison, Driver, NpsChange, NpsSummary, Pair, Permutation, Pull, Rating, Share,
    ShareSummary, Standings, TierWeights, Verdict, WeightedNps, drivers,
};
use resound_domain::submission::Tier;
use resound_domain::tally::{Cut, Tally};
use serde::Serialize;

use crate::query::{By, Days, Query, UNKNOWN};

/// The counts of a row, and of the days it is compared with; `None` where nobody sent anything.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) now: Option<Tally>,
    pub(crate) before: Option<Tally>,
    /// Now, of those whose tier is known; only where answers are weighted.
    pub(crate) tiers: BTreeMap<Tier, Tally>,
    /// Who answered of those who were asked; only where that is known.
    pub(crate) rate: Option<ResponseRate>,
}

/// The numbers of the nights so far.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The first local day.
    from: Date,
    /// The last local day, included.
    to: Date,
    /// The days that changes are from; `null` for a report by day, whose rows are compared with the day before each.
    compared_with: Option<Days>,
    rows: Vec<Row>,
    /// What each row does to the score of all, the largest first; only where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    drivers: Option<Vec<DriverRow>>,
    /// How much an answer counts in `weighted`, by tier; only where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<BTreeMap<&'static str, f64>>,
    /// Business time of the run these numbers are from, the earliest of the surveys'; `null` before the first night.
    as_of: Option<Timestamp>,
}

/// One row: the answers to the question of recommendation, and what was answered to the other two.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    /// Both values of a pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<[String; 2]>,
    /// Everybody who answered anything, with or without a score.
    responses: u64,
    /// Of those who were asked; only where that is known, by channel, by survey and of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_rate: Option<RateRow>,
    /// How many answered the question; where nobody did, there is no score.
    n: u64,
    promoters: u64,
    passives: u64,
    detractors: u64,
    nps: Option<f64>,
    standard_error: Option<f64>,
    wald: Option<[f64; 2]>,
    adjusted_wald: Option<[f64; 2]>,
    change: Option<Change>,
    csat: Option<RatingRow>,
    ces: Option<RatingRow>,
    /// By the weights of the report; only where that is asked for, and anybody who counts answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    weighted: Option<Weighted>,
}

/// Who answered of those who were asked, on the days on which it is known how many were.
#[derive(Debug, Serialize)]
struct RateRow {
    asked: u64,
    responses: u64,
    percent: Option<f64>,
    interval: Option<[f64; 2]>,
    /// Why there is no rate.
    none: Option<Said<NoRate>>,
}

/// The score by weights; the unweighted one is beside it in the row.
#[derive(Debug, Serialize)]
struct Weighted {
    nps: f64,
    standard_error: f64,
    effective_n: f64,
    wald: [f64; 2],
    adjusted_wald: [f64; 2],
}

/// What a value of the dimension does to the score of all.
#[derive(Debug, Serialize)]
struct DriverRow {
    key: String,
    /// Both values of a pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<[String; 2]>,
    n: u64,
    share: f64,
    nps_with: f64,
    nps_without: f64,
    impact: f64,
    standard_error: f64,
    interval: [f64; 2],
    p: Option<f64>,
    p_holm: Option<f64>,
    pull: Said<Pull>,
}

/// A verdict, for programs and for people.
#[derive(Debug, Serialize)]
pub(crate) struct Said<Code> {
    pub(crate) code: Code,
    pub(crate) text: &'static str,
}

impl Said<Verdict> {
    pub(crate) const fn new(code: Verdict, locale: Locale) -> Self {
        Self {
            code,
            text: code.text(locale),
        }
    }
}

/// What has become of the score since the days before.
#[derive(Debug, Serialize)]
pub(crate) struct Change {
    /// How many answered then.
    n: u64,
    /// The score then.
    nps: f64,
    difference: f64,
    wald: Comparison,
    adjusted_wald: Comparison,
    verdict: Said<Verdict>,
}

/// The rating of a question, on its own scale.
#[derive(Debug, Serialize)]
struct RatingRow {
    n: u64,
    mean: f64,
    standard_error: Option<f64>,
    interval: Option<[f64; 2]>,
    top_two: ShareSummary,
    change: Option<RatingChangeRow>,
}

/// What has become of a rating since the days before.
#[derive(Debug, Serialize)]
struct RatingChangeRow {
    /// How many answered then.
    n: u64,
    mean: MeanChangeRow,
    top_two: ShareChangeRow,
}

#[derive(Debug, Serialize)]
struct MeanChangeRow {
    /// The mean then.
    before: f64,
    difference: f64,
    welch: Option<Comparison>,
    permutation: Permutation,
    verdict: Said<Verdict>,
}

#[derive(Debug, Serialize)]
struct ShareChangeRow {
    /// The share then, in percent.
    before: f64,
    difference: f64,
    agresti_caffo: Comparison,
    verdict: Said<Verdict>,
}

impl Report {
    /// The report of these rows, in words of this language. What nobody sent anything to, and nobody was asked about, has no row.
    pub(crate) fn new(
        query: &Query,
        rows: BTreeMap<String, Compared>,
        all: &Tally,
        as_of: Option<Timestamp>,
        locale: Locale,
    ) -> Self {
        let drivers = query.drivers.then(|| {
            let with = |of: &Compared| of.now.as_ref().map(Standings::from);
            let mentions = rows
                .iter()
                .filter_map(|(key, of)| Some((key.as_str(), with(of)?)));
            let found = drivers(all.into(), mentions);
            found
                .into_iter()
                .map(|driver| driver_row(query.by, driver, locale))
                .collect()
        });
        let weights = query.weights.as_ref();
        let rows = rows.into_iter().filter_map(|(key, of)| {
            // Who was asked and did not answer has a row as well.
            let now = of.now.or_else(|| of.rate.map(|_| Tally::default()))?;
            let weighted = weights.and_then(|weights| weighted(&now, &of.tiers, weights));
            let (key, values) = named(query.by, key);
            Some(Row {
                values,
                response_rate: of.rate.map(|rate| rate_row(rate, locale)),
                weighted,
                ..row(key, &now, of.before.as_ref(), locale)
            })
        });
        Self {
            from: query.span.days.from,
            to: query.span.days.to,
            compared_with: query.span.before.filter(|_| query.by != By::Day),
            rows: rows.collect(),
            drivers,
            weights: weights.map(|weights| {
                let tiers = Tier::ALL.map(|tier| (tier.name(), weights.of(Some(tier))));
                tiers
                    .into_iter()
                    .chain([(UNKNOWN, weights.of(None))])
                    .collect()
            }),
            as_of,
        }
    }
}

/// What a row is called, and both values if it is of a pair; the cell of all that is too long for one has none.
fn named(by: By, key: String) -> (String, Option<[String; 2]>) {
    let values = match by {
        By::Cut(Cut::Two(_)) => Pair::values(&key),
        _ => None,
    };
    match values.map(|(first, second)| [first.to_owned(), second.to_owned()]) {
        Some(values) => (values.join(" + "), Some(values)),
        None => (key, None),
    }
}

fn rate_row(rate: ResponseRate, locale: Locale) -> RateRow {
    let share = rate.share();
    RateRow {
        asked: rate.asked,
        responses: rate.responses,
        percent: share.ok().map(Share::percent),
        interval: share.ok().map(Share::wilson),
        none: share.err().map(|code| Said {
            code,
            text: code.text(locale),
        }),
    }
}

fn driver_row(by: By, driver: Driver, locale: Locale) -> DriverRow {
    let (key, values) = named(by, driver.name);
    DriverRow {
        key,
        values,
        n: driver.n,
        share: driver.share,
        nps_with: driver.nps_with,
        nps_without: driver.nps_without,
        impact: driver.impact,
        standard_error: driver.standard_error,
        interval: driver.interval,
        p: driver.p,
        p_holm: driver.p_holm,
        pull: Said {
            code: driver.pull,
            text: driver.pull.text(locale),
        },
    }
}

/// The score of all by weights; those of no known tier are all less those of each. `None` if nobody who counts answered, or if
/// a night is being written just now and its parts are more than the whole.
fn weighted(all: &Tally, tiers: &BTreeMap<Tier, Tally>, weights: &TierWeights) -> Option<Weighted> {
    let mut unknown = Standings::from(all);
    let mut answers = BTreeMap::new();
    for (&tier, tally) in tiers {
        let of = Standings::from(tally);
        unknown = unknown.without(of)?;
        answers.insert(Some(tier), of);
    }
    answers.insert(None, unknown);
    let score = WeightedNps::of(&answers, weights)?;
    Some(Weighted {
        nps: score.nps,
        standard_error: score.standard_error,
        effective_n: score.effective_n,
        wald: score.wald,
        adjusted_wald: score.adjusted_wald,
    })
}

fn row(key: String, now: &Tally, before: Option<&Tally>, locale: Locale) -> Row {
    let summary = now.nps_summary();
    let then = before.and_then(Tally::nps_summary);
    Row {
        key,
        values: None,
        responses: now.responses,
        response_rate: None,
        n: summary.map_or(0, |s| s.n),
        promoters: summary.map_or(0, |s| s.promoters),
        passives: summary.map_or(0, |s| s.passives),
        detractors: summary.map_or(0, |s| s.detractors),
        nps: summary.map(|s| s.nps),
        standard_error: summary.map(|s| s.standard_error),
        wald: summary.map(|s| s.wald),
        adjusted_wald: summary.map(|s| s.adjusted_wald),
        change: then
            .zip(summary)
            .map(|(then, now)| change(&then, &now, locale)),
        csat: rating(
            now.csat_rating(),
            before.and_then(Tally::csat_rating),
            locale,
        ),
        ces: rating(now.ces_rating(), before.and_then(Tally::ces_rating), locale),
        weighted: None,
    }
}

pub(crate) fn change(then: &NpsSummary, now: &NpsSummary, locale: Locale) -> Change {
    let change = NpsChange::between(then, now);
    Change {
        n: then.n,
        nps: then.nps,
        difference: change.difference,
        wald: change.wald,
        adjusted_wald: change.adjusted_wald,
        verdict: Said::<Verdict>::new(change.verdict, locale),
    }
}

fn rating<const N: usize>(
    now: Option<Rating<N>>,
    then: Option<Rating<N>>,
    locale: Locale,
) -> Option<RatingRow> {
    let now = now?;
    let change = then.and_then(|then| {
        let change = now.change(&then)?;
        Some(RatingChangeRow {
            n: then.n,
            mean: MeanChangeRow {
                before: then.mean,
                difference: change.mean.difference,
                welch: change.mean.welch,
                permutation: change.mean.permutation,
                verdict: Said::<Verdict>::new(change.mean.verdict, locale),
            },
            top_two: ShareChangeRow {
                before: then.top_two.percent,
                difference: change.top_two.difference,
                agresti_caffo: change.top_two.agresti_caffo,
                verdict: Said::<Verdict>::new(change.top_two.verdict, locale),
            },
        })
    });
    Some(RatingRow {
        n: now.n,
        mean: now.mean,
        standard_error: now.standard_error,
        interval: now.interval,
        top_two: now.top_two,
        change,
    })
}
