//! Vectors of scores: one a line, in the format of the README beside this file.
//!
//! A vector is answers and what is to be computed from them. Many names are understood for the same thing; a field that is not
//! understood fails, so that nothing a vector says goes unheard.

use std::collections::{BTreeMap, BTreeSet};

use resound_domain::nps::normal::{Z_95, cumulative, two_sided_p};
use resound_domain::nps::{
    ALPHA, Comparison, NpsChange, NpsSummary, Rating, Share, Standings, TierWeights, WeightedNps,
};
use resound_domain::score::{Ces, Csat, Nps, Scores};
use resound_domain::submission::Tier;
use resound_domain::tally::Tally;
use serde_json::{Map, Value};

/// Re-derived from what each names in `source`.
const PUBLISHED: &str = include_str!("nps.jsonl");
/// The rest of what those sources have, worked examples of the literature, and cases of our own.
const FURTHER: &str = include_str!("nps_further.jsonl");

type Outcome = Result<(), String>;

/// Why a vector is of another convention than ours: it is skipped by name.
struct Foreign(String);

/// A question and its scale.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Nps,
    Csat,
    Ces,
}

/// What of a vector has not been heard yet.
struct Fields {
    left: Map<String, Value>,
    tolerance: f64,
    /// What a point of ours is in the vector: 0.01 where its scores are from -1 to 1.
    unit: f64,
}

const IGNORED: [&str; 12] = [
    "id",
    "kind",
    "source",
    "note",
    "notes",
    "checked",
    "own",
    "derived",
    "comment",
    "description",
    "name",
    "tolerance",
];
const SCORE: [&str; 3] = ["nps", "score", "net_promoter_score"];
const ERROR: [&str; 5] = ["standard_error", "se", "std_error", "stderr", "sem"];
const ERROR_OF_DIFFERENCE: [&str; 5] = [
    "standard_error_of_difference",
    "standard_error_difference",
    "se_difference",
    "se_diff",
    "difference_standard_error",
];
const DIFFERENCE: [&str; 5] = ["difference", "change", "delta", "diff", "delta_nps"];
const WALD: [&str; 5] = [
    "wald",
    "wald_interval",
    "interval_wald",
    "ci_wald",
    "wald_ci",
];
const ADJUSTED: [&str; 7] = [
    "adjusted_wald",
    "adjusted",
    "adjusted_wald_interval",
    "interval_adjusted_wald",
    "ci_adjusted_wald",
    "adjusted_wald_ci",
    "interval_adjusted",
];
const INTERVAL: [&str; 6] = [
    "interval",
    "ci",
    "confidence_interval",
    "interval_95",
    "ci_95",
    "ci95",
];
const LOW: [&str; 5] = ["lower", "low", "ci_lower", "ci_low", "lower_bound"];
const HIGH: [&str; 5] = ["upper", "high", "ci_upper", "ci_high", "upper_bound"];
const P: [&str; 5] = ["p", "p_value", "pvalue", "two_sided_p", "p_two_sided"];
const PAIRS: [[&str; 2]; 14] = [
    ["before", "after"],
    ["before", "now"],
    ["previous", "current"],
    ["previous", "now"],
    ["baseline", "now"],
    ["baseline", "current"],
    ["old", "new"],
    ["period_1", "period_2"],
    ["a", "b"],
    ["x", "y"],
    ["first", "second"],
    ["sample_1", "sample_2"],
    ["sample_a", "sample_b"],
    ["group_a", "group_b"],
];

impl Fields {
    fn take(&mut self, names: &[&str]) -> Option<Value> {
        names.iter().find_map(|name| self.left.remove(*name))
    }

    fn number(&mut self, names: &[&str]) -> Result<Option<f64>, String> {
        match self.take(names) {
            None => Ok(None),
            Some(value) => number(&value)
                .map(Some)
                .ok_or(format!("{}: {value} is no number", names[0])),
        }
    }

    fn text(&mut self, names: &[&str]) -> Option<String> {
        let value = self.take(names)?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    }

    /// That an expected number, if it is given, is ours times `unit`. `null` says that there is none.
    fn expect(&mut self, names: &[&str], ours: Option<f64>, unit: f64) -> Outcome {
        let Some(expected) = self.take(names) else {
            return Ok(());
        };
        self.same(names[0], &expected, ours, unit)
    }

    fn same(&self, name: &str, expected: &Value, ours: Option<f64>, unit: f64) -> Outcome {
        match (number(expected), ours) {
            (None, None) if expected.is_null() => Ok(()),
            (Some(theirs), Some(ours))
                if (ours * unit - theirs).abs() <= self.tolerance.max(precision(expected)) =>
            {
                Ok(())
            }
            (Some(_), Some(ours)) => Err(format!("{name}: {} instead of {expected}", ours * unit)),
            _ => Err(format!("{name}: {ours:?} instead of {expected}")),
        }
    }

    /// That an expected interval, as a list or as an object of its ends, is ours. What runs over the scale may be written
    /// uncut, and what holds its score only because it was widened may be written as it was.
    fn interval(
        &self,
        name: &str,
        expected: &Value,
        ours: [f64; 2],
        scale: [f64; 2],
        score: f64,
    ) -> Outcome {
        let ends = match expected {
            Value::Array(ends) if ends.len() == 2 => [ends[0].clone(), ends[1].clone()],
            Value::Object(object) => {
                let end = |names: &[&str]| names.iter().find_map(|name| object.get(*name)).cloned();
                match (end(&LOW), end(&HIGH)) {
                    (Some(low), Some(high)) if object.len() == 2 => [low, high],
                    _ => return Err(format!("{name}: {expected} is no interval")),
                }
            }
            _ => return Err(format!("{name}: {expected} is no interval")),
        };
        for (at, end) in ends.iter().enumerate() {
            let theirs = number(end).ok_or(format!("{name}: {end} is no number"))? / self.unit;
            let beyond = (theirs < scale[0] && ours[at] == scale[0])
                || (theirs > scale[1] && ours[at] == scale[1]);
            let widened =
                ours[at] == score && (ours[1 - at] - score).signum() == (theirs - score).signum();
            if !beyond && !widened {
                self.same(name, end, Some(ours[at]), self.unit)?;
            }
        }
        Ok(())
    }

    fn done(self) -> Outcome {
        if self.left.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self.left.keys().map(String::as_str).collect();
        Err(format!("not understood: {}", names.join(", ")))
    }
}

/// A number, or a fraction: `"1/3"`.
fn number(value: &Value) -> Option<f64> {
    if let Some(text) = value.as_str() {
        if let Some((over, under)) = text.split_once('/') {
            return Some(over.trim().parse::<f64>().ok()? / under.trim().parse::<f64>().ok()?);
        }
        return match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse().ok(),
            None => text.trim().parse().ok(),
        };
    }
    value.as_f64()
}

/// Half of the last digit that a number was written with; whole ones are meant exactly.
fn precision(value: &Value) -> f64 {
    let exact = number(value).map_or(0.0, |n| n.abs().max(1.0) * 1e-9);
    let text = value.to_string();
    let text = text.trim_matches('"');
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let decimals = digits.split_once('.').map_or(0, |(_, after)| after.len());
    if decimals == 0 || text.contains('/') || digits.ends_with(".0") {
        return exact;
    }
    let power = exponent.parse::<i32>().unwrap_or(0) - i32::try_from(decimals).unwrap();
    exact.max(0.500_001 * 10f64.powi(power))
}

/// The quantile of which this part of a normal distribution is on both sides of zero.
fn quantile(level: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if 2.0 * cumulative(middle) - 1.0 < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// An interval of ours, at another level.
fn at_level(ours: [f64; 2], level: Option<f64>, scale: [f64; 2]) -> Result<[f64; 2], String> {
    let level = match level {
        None => return Ok(ours),
        Some(percent) if percent > 1.0 => percent / 100.0,
        Some(level) => level,
    };
    if (level - 0.95).abs() < 1e-12 {
        return Ok(ours);
    }
    if ours[0] == scale[0] || ours[1] == scale[1] {
        return Err(format!("an interval that was cut has no other at {level}"));
    }
    let (centre, half) = ((ours[0] + ours[1]) / 2.0, (ours[1] - ours[0]) / 2.0);
    let half = half * quantile(level) / Z_95;
    Ok([(centre - half).max(scale[0]), (centre + half).min(scale[1])])
}

fn whole(value: &Value) -> Result<u64, String> {
    let count = value.as_f64().filter(|n| *n >= 0.0 && n.fract() == 0.0);
    count
        .map(|n| n as u64)
        .ok_or(format!("{value} is no count"))
}

fn scored(question: Question, score: &Value) -> Result<Scores, String> {
    let off = || format!("{score} is off the scale");
    if score.is_null() {
        return Ok(Scores::default());
    }
    let score = u8::try_from(whole(score).map_err(|_| off())?).map_err(|_| off())?;
    let mut scores = Scores::default();
    match question {
        Question::Nps => scores.nps = Some(Nps::try_from(score).map_err(|_| off())?),
        Question::Csat => scores.csat = Some(Csat::try_from(score).map_err(|_| off())?),
        Question::Ces => scores.ces = Some(Ces::try_from(score).map_err(|_| off())?),
    }
    Ok(scores)
}

/// A score of ours with the standing that one of another scale has: what is above the last breaks but one is a promoter's.
fn rebroken(score: &Value, breaks: &Value) -> Result<Value, String> {
    let breaks: Option<Vec<f64>> = breaks
        .as_array()
        .and_then(|b| b.iter().map(number).collect());
    let (Some([low, detractors, passives, high]), Some(score)) = (breaks.as_deref(), number(score))
    else {
        return Err("breaks are four numbers".to_owned());
    };
    if score < *low || score > *high {
        return Err(format!("{score} is off the scale"));
    }
    Ok(match score {
        score if score <= *detractors => 0.into(),
        score if score <= *passives => 7.into(),
        _ => 10.into(),
    })
}

/// Adds counts of scores: a list from the lowest score up, or an object by score or standing.
fn count(tally: &mut Tally, question: Question, counts: &Value) -> Outcome {
    let lowest = usize::from(question != Question::Nps);
    let of = match question {
        Question::Nps => tally.nps.as_mut_slice(),
        Question::Csat => tally.csat.as_mut_slice(),
        Question::Ces => tally.ces.as_mut_slice(),
    };
    let pairs: Vec<(usize, u64)> = match counts {
        Value::Array(list) if list.len() == of.len() => {
            let counts: Result<Vec<_>, _> = list.iter().map(whole).collect();
            counts?.into_iter().enumerate().collect()
        }
        Value::Object(object) => {
            let pair = |(score, count): (&String, &Value)| {
                let at = match score.as_str() {
                    "promoter" | "promoters" => 9,
                    "passive" | "passives" | "neutral" | "neutrals" => 7,
                    "detractor" | "detractors" => 0,
                    score => score
                        .parse::<usize>()
                        .ok()
                        .and_then(|n| n.checked_sub(lowest))
                        .ok_or("no such score")?,
                };
                Ok::<_, String>((at, whole(count)?))
            };
            object.iter().map(pair).collect::<Result<_, _>>()?
        }
        other => return Err(format!("{other} are no counts")),
    };
    for (at, count) in pairs {
        *of.get_mut(at).ok_or("no such score")? += count;
        tally.responses += count;
    }
    Ok(())
}

/// Shares as whole people: `p+=1/2, p0=1/3, p-=1/6`, or an object or list of shares.
fn population(value: &Value) -> Result<[u64; 3], String> {
    let shares: Vec<String> = match value {
        Value::String(text) => {
            let share = |names: [&str; 3]| {
                text.split([',', ';']).find_map(|part| {
                    let (name, share) = part.split_once('=')?;
                    names
                        .contains(&name.trim())
                        .then(|| share.trim().to_owned())
                })
            };
            let named = [
                ["p+", "p", "promoters"],
                ["p0", "s", "passives"],
                ["p-", "d", "detractors"],
            ]
            .map(share);
            named.into_iter().flatten().collect()
        }
        Value::Object(object) => ["promoters", "passives", "detractors"]
            .iter()
            .filter_map(|name| Some(object.get(*name)?.to_string().trim_matches('"').to_owned()))
            .collect(),
        Value::Array(list) => list
            .iter()
            .map(|share| share.to_string().trim_matches('"').to_owned())
            .collect(),
        _ => Vec::new(),
    };
    // So many people have shares of sixths, of percents and of tenths of them exactly.
    const PEOPLE: f64 = 5_040_000.0;
    let people: Vec<u64> = shares
        .iter()
        .filter_map(|share| Some((number(&Value::String(share.clone()))? * PEOPLE).round() as u64))
        .collect();
    match people[..] {
        [p, s, d] if (p + s + d).abs_diff(PEOPLE as u64) <= 3 => Ok([p, s, d]),
        _ => Err(format!(
            "{value} are no shares of promoters, passives and detractors"
        )),
    }
}

/// Promoters, passives and detractors as shares, if that is what they are.
fn in_shares(fields: &mut Fields) -> Option<Value> {
    let names = ["promoters", "passives", "detractors"];
    let of = |name: &str| fields.left.get(name).and_then(number);
    let given: Option<Vec<f64>> = names.into_iter().map(of).collect();
    let given = given?;
    let whole = given.iter().all(|n| n.fract() == 0.0);
    if whole || (given.iter().sum::<f64>() - 1.0).abs() > 1e-9 {
        return None;
    }
    let shares = names
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), fields.take(&[name])?)));
    Some(Value::Object(shares.collect()))
}

/// The answers of a vector. A list of scores may hold `null`: a skipped question.
fn answers(fields: &mut Fields, question: Question) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let names: &[&str] = match question {
        Question::Nps => &["scores", "answers", "ratings", "responses_list"],
        Question::Csat => &["scores", "answers", "ratings", "csat_scores"],
        Question::Ces => &["scores", "answers", "ratings", "ces_scores"],
    };
    if let Some(scores) = fields.take(names) {
        let breaks = fields.take(&["breaks"]);
        let standings = fields.take(&["standings", "categories", "groups"]);
        let scores = scores.as_array().ok_or("scores are a list")?;
        for (at, score) in scores.iter().enumerate() {
            let one = match &breaks {
                Some(breaks) => scored(question, &rebroken(score, breaks)?)?,
                None => scored(question, score)?,
            };
            if let Some(expected) = &standings {
                let ours = one.nps.map(|nps| format!("{:?}", nps.standing()));
                let theirs = expected[at]
                    .as_str()
                    .map(|name| name.replace("Neutral", "Passive"));
                if ours.map(|name| name.to_lowercase()) != theirs.map(|name| name.to_lowercase()) {
                    return Err(format!("{score} is not {}", expected[at]));
                }
            }
            tally.add(one);
        }
    } else if let Some(counts) = fields.take(&["counts", "histogram", "distribution", "tally"]) {
        count(&mut tally, question, &counts)?;
    } else if let Some(shares) = fields
        .take(&["population", "shares", "proportions"])
        .or_else(|| in_shares(fields))
    {
        let [promoters, passives, detractors] = population(&shares)?;
        // Of as many as are said to have answered, if that is said: their shares are what is rounded then.
        let scale = match fields.left.get("n").and_then(Value::as_f64) {
            Some(n) => n / (promoters + passives + detractors) as f64,
            None => 1.0,
        };
        let scaled = |people: u64| (people as f64 * scale).round() as u64;
        (tally.nps[9], tally.nps[7], tally.nps[0]) =
            (scaled(promoters), scaled(passives), scaled(detractors));
    } else if question == Question::Nps {
        let n = fields
            .left
            .get("n")
            .or_else(|| fields.left.get("total"))
            .map(whole)
            .transpose()?;
        let mut of = |names: &[&str]| fields.take(names).as_ref().map(whole).transpose();
        let promoters = of(&["promoters", "promoter"])?.ok_or("no answers")?;
        let detractors = of(&["detractors", "detractor"])?.ok_or("no detractors")?;
        let passives = match (of(&["passives", "passive", "neutrals", "neutral"])?, n) {
            (Some(passives), _) => passives,
            (None, Some(n)) => n
                .checked_sub(promoters + detractors)
                .ok_or("n is too small")?,
            (None, None) => return Err("no passives".to_owned()),
        };
        (tally.nps[9], tally.nps[7], tally.nps[0]) = (promoters, passives, detractors);
        tally.responses = promoters + passives + detractors;
    } else {
        return Err("no answers".to_owned());
    }
    for _ in 0..fields.number(&["skipped"])?.unwrap_or(0.0) as u64 {
        tally.add(Scores::default());
    }
    Ok(tally)
}

const SCALE: [f64; 2] = [-100.0, 100.0];

/// Which interval a vector means where it does not say so in the name of the field.
fn method(fields: &mut Fields, question: Question) -> Result<Option<bool>, Foreign> {
    let Some(method) = fields.text(&["method", "test"]) else {
        return Ok(None);
    };
    match method
        .to_lowercase()
        .replace(['-', '.', ' ', '_'], "")
        .as_str()
    {
        "wald" | "z" | "normal" => Ok(Some(false)),
        "adjustedwald" | "adjustedwald(3)" | "rocks" | "agresticoull" => Ok(Some(true)),
        "wilson" | "student" | "t" | "welch" | "agresticaffo" if question != Question::Nps => {
            Ok(None)
        }
        _ => Err(Foreign(format!("the method {method}"))),
    }
}

fn single(fields: &mut Fields, tally: &Tally, adjusted: Option<bool>) -> Outcome {
    let unit = fields.unit;
    let summary = tally.nps_summary();
    let of = |get: fn(&NpsSummary) -> f64| summary.as_ref().map(get);
    fields.expect(
        &["n", "total", "answered", "valid", "responses_with_score"],
        Some(summary.map_or(0.0, |s| s.n as f64)),
        1.0,
    )?;
    fields.expect(&["responses"], Some(tally.responses as f64), 1.0)?;
    for (names, count) in [
        (
            ["promoters", "promoter_count"],
            summary.map_or(0, |s| s.promoters),
        ),
        (
            ["passives", "passive_count"],
            summary.map_or(0, |s| s.passives),
        ),
        (
            ["detractors", "detractor_count"],
            summary.map_or(0, |s| s.detractors),
        ),
    ] {
        fields.expect(&names, Some(count as f64), 1.0)?;
        let share = summary.map(|s| 100.0 * count as f64 / s.n as f64);
        let name = names[0].trim_end_matches('s');
        let named = [
            format!("{name}_share"),
            format!("{name}_percent"),
            format!("{name}_rate"),
            format!("{name}s_share"),
            format!("{name}s_percent"),
        ];
        for name in named {
            let unit = if name.ends_with("percent") { 1.0 } else { unit };
            fields.expect(&[&name], share, unit)?;
        }
    }
    if let Some(asked) = fields.number(&["asked", "invited", "sent", "invitations", "surveyed"])? {
        let rate = Share::new(summary.map_or(0, |s| s.n), asked as u64)
            .ok_or("more answered than were asked")?;
        let percent = fields
            .left
            .get("response_rate")
            .and_then(number)
            .is_some_and(|rate| rate > 1.0);
        fields.expect(
            &["response_rate"],
            Some(rate.percent()),
            if percent { 1.0 } else { 0.01 },
        )?;
        fields.expect(&["response_rate_percent"], Some(rate.percent()), 1.0)?;
    }
    fields.expect(&SCORE, of(|s| s.nps), unit)?;
    fields.expect(
        &["nps_points", "nps_percent", "nps_100"],
        of(|s| s.nps),
        1.0,
    )?;
    if let Some(rounded) = fields.take(&["nps_rounded", "rounded"]) {
        fields.same("nps_rounded", &rounded, of(|s| s.nps.round()), 1.0)?;
    }
    if let Some(variance) = fields.take(&["variance", "var"]) {
        // In points, brendan-r/NPS multiplies the variance by 100 and not by its square.
        let squared = fields.same("variance", &variance, of(|s| s.variance), unit * unit);
        let once = fields.same("variance", &variance, of(|s| s.variance / 100.0), 1.0);
        squared.or_else(|fault| if unit == 1.0 { once } else { Err(fault) })?;
    }
    fields.expect(
        &["standard_deviation", "sd"],
        of(|s| s.variance.sqrt()),
        unit,
    )?;
    fields.expect(&ERROR, of(|s| s.standard_error), unit)?;
    let level = fields.number(&["confidence", "level", "confidence_level", "conf"])?;
    let margin = quantile(level.map_or(0.95, |l| if l > 1.0 { l / 100.0 } else { l }));
    fields.expect(
        &["margin_of_error", "moe", "margin"],
        of(|s| s.standard_error).map(|e| e * margin),
        unit,
    )?;
    intervals(
        fields,
        adjusted,
        |adjusted| {
            let s = summary?;
            Some((
                if adjusted { s.adjusted_wald } else { s.wald },
                SCALE,
                s.nps,
            ))
        },
        level,
    )?;
    // Against a score of zero. The adjusted score and its error are told by their interval, unless that was cut.
    let score = |s: NpsSummary| match adjusted {
        Some(true) => {
            let [low, high] = s.adjusted_wald;
            let cut = low == SCALE[0] || high == SCALE[1];
            (!cut).then_some(((low + high) / 2.0, (high - low) / 2.0 / Z_95))
        }
        _ => Some((s.nps, s.standard_error)),
    };
    let z = summary.and_then(score).filter(|(_, error)| *error > 0.0);
    let z = z.map(|(score, error)| score / error);
    fields.expect(&["z", "z_score", "statistic"], z, 1.0)?;
    fields.expect(&P, z.map(two_sided_p), 1.0)
}

/// Compares the intervals of a vector with ours, which `of` gives with their scale and their score.
fn intervals(
    fields: &mut Fields,
    adjusted: Option<bool>,
    of: impl Fn(bool) -> Option<([f64; 2], [f64; 2], f64)>,
    level: Option<f64>,
) -> Outcome {
    let check = |fields: &Fields, name: &str, expected: &Value, adjusted: bool| {
        let Some((ours, scale, score)) = of(adjusted) else {
            return if expected.is_null() {
                Ok(())
            } else {
                Err(format!("{name}: none instead of {expected}"))
            };
        };
        fields.interval(name, expected, at_level(ours, level, scale)?, scale, score)
    };
    if let Some(Value::Object(both)) = fields.left.get("intervals").cloned() {
        fields.take(&["intervals"]);
        for (name, expected) in both {
            let adjusted = if WALD.contains(&name.as_str()) {
                false
            } else if ADJUSTED.contains(&name.as_str()) {
                true
            } else {
                return Err(format!("not understood: intervals.{name}"));
            };
            check(fields, &name, &expected, adjusted)?;
        }
    }
    for (names, adjusted) in [(&WALD[..], false), (&ADJUSTED[..], true)] {
        if let Some(expected) = fields.take(names) {
            check(fields, names[0], &expected, adjusted)?;
        }
    }
    // One that does not say how it was made is whichever it is.
    let either = |fields: &Fields, expected: &Value| match adjusted {
        Some(adjusted) => check(fields, "interval", expected, adjusted),
        None => check(fields, "interval", expected, true)
            .or_else(|_| check(fields, "interval", expected, false)),
    };
    if let Some(expected) = fields.take(&INTERVAL) {
        either(fields, &expected)?;
    }
    match (fields.take(&LOW), fields.take(&HIGH)) {
        (None, None) => Ok(()),
        (Some(low), Some(high)) => either(fields, &Value::Array(vec![low, high])),
        _ => Err("one end is no interval".to_owned()),
    }
}

/// What is expected of a rating: mean and top two.
fn rating<const N: usize>(fields: &mut Fields, counts: &[u64; N], names: &[&str]) -> Outcome {
    let rating = Rating::of(counts);
    let of = |get: fn(&Rating<N>) -> Option<f64>| rating.as_ref().and_then(get);
    let scale = [Rating::<N>::LOW, Rating::<N>::HIGH];
    fields.expect(
        &["n", "total", "answered"],
        Some(rating.map_or(0.0, |r| r.n as f64)),
        1.0,
    )?;
    fields.expect(&["mean", "average"], of(|r| Some(r.mean)), 1.0)?;
    fields.expect(
        &["standard_deviation", "sd"],
        of(|r| r.standard_deviation),
        1.0,
    )?;
    fields.expect(
        &["variance", "var"],
        of(|r| r.standard_deviation.map(|d| d * d)),
        1.0,
    )?;
    fields.expect(&ERROR, of(|r| r.standard_error), 1.0)?;
    fields.expect(
        &["top_two_count", "satisfied"],
        of(|r| Some(r.top_two.count as f64)),
        1.0,
    )?;
    let share = [
        "top_two",
        "top_two_share",
        "top_two_box",
        "top2",
        "top_two_percent",
        "top_2_box",
        "t2b",
    ];
    for name in share.iter().chain(names) {
        if let Some(expected) = fields.take(&[name]) {
            let theirs = match expected {
                Value::Object(left) => {
                    let (tolerance, unit) = (fields.tolerance, 1.0);
                    let mut of_share = Fields {
                        left,
                        tolerance,
                        unit,
                    };
                    of_share.expect(&["count"], of(|r| Some(r.top_two.count as f64)), 1.0)?;
                    of_share.expect(&["n", "of"], of(|r| Some(r.top_two.n as f64)), 1.0)?;
                    let share = of_share.take(&["share", "percent", "top_two"]);
                    of_share.done()?;
                    share.ok_or("top_two without a share")?
                }
                share => share,
            };
            let percent =
                name.ends_with("percent") || number(&theirs).is_some_and(|share| share > 1.0);
            fields.same(
                name,
                &theirs,
                of(|r| Some(r.top_two.percent)),
                if percent { 1.0 } else { 0.01 },
            )?;
        }
    }
    for (names, ours) in [
        (
            ["interval", "mean_interval", "ci", "confidence_interval"],
            rating.map(|r| r.interval),
        ),
        (
            [
                "top_two_interval",
                "wilson",
                "wilson_interval",
                "top_two_ci",
            ],
            rating.map(|r| Some(r.top_two.interval)),
        ),
    ] {
        if let Some(expected) = fields.take(&names) {
            let of_share = names[0] == "top_two_interval";
            let (scale, ours) = (if of_share { [0.0, 100.0] } else { scale }, ours.flatten());
            let Some(ours) = ours else {
                if expected.is_null() {
                    continue;
                }
                return Err(format!("{}: none instead of {expected}", names[0]));
            };
            let high = expected.as_array().and_then(|ends| number(ends.get(1)?));
            let before = std::mem::replace(
                &mut fields.unit,
                if of_share && high.is_some_and(|h| h <= 1.0) {
                    0.01
                } else {
                    1.0
                },
            );
            let outcome = fields.interval(names[0], &expected, ours, scale, f64::NAN);
            fields.unit = before;
            outcome?;
        }
    }
    Ok(())
}

/// What is expected of a change.
fn changed(
    fields: &mut Fields,
    difference: f64,
    [plain, adjusted]: [Option<Comparison>; 2],
    chosen: Option<bool>,
    verdict: &str,
    sides: [&str; 2],
    scale: [f64; 2],
) -> Outcome {
    // Of two samples that have no order, which is less which is a matter of taste.
    let unordered = ["a", "x", "first", "sample_1", "sample_a", "group_a"].contains(&sides[0]);
    let unit = fields.unit;
    let mut turned = 1.0;
    if let Some(expected) = fields.take(&DIFFERENCE) {
        if unordered && number(&expected).is_some_and(|theirs| theirs * difference < 0.0) {
            turned = -1.0;
        }
        fields.same("difference", &expected, Some(turned * difference), unit)?;
    }
    let of = |adjusted_wanted: bool| if adjusted_wanted { adjusted } else { plain };
    let default = of(chosen.unwrap_or(false));
    let level = fields.number(&["confidence", "level", "confidence_level", "conf"])?;
    for (prefix, test) in [
        ("", default),
        ("wald_", plain),
        ("adjusted_", adjusted),
        ("adjusted_wald_", adjusted),
    ] {
        let named = |name: &&str| format!("{prefix}{name}");
        let take = |fields: &mut Fields, names: &[&str], ours: Option<f64>, unit: f64| {
            let names: Vec<_> = names.iter().map(named).collect();
            fields.expect(
                &names.iter().map(String::as_str).collect::<Vec<_>>(),
                ours,
                unit,
            )
        };
        take(
            fields,
            &ERROR_OF_DIFFERENCE,
            test.map(|t| t.standard_error),
            unit,
        )?;
        take(fields, &ERROR, test.map(|t| t.standard_error), unit)?;
        let theirs = fields.left.get(&named(&"z")).and_then(number);
        let z = test.and_then(|t| t.z).map(|z| {
            if unordered && theirs.is_some_and(|theirs| theirs * z < 0.0) {
                -z
            } else {
                z
            }
        });
        take(fields, &["z", "z_score", "statistic"], z, 1.0)?;
        take(fields, &P, test.and_then(|t| t.p), 1.0)?;
    }
    intervals(
        fields,
        chosen,
        |adjusted_wanted| {
            let [low, high] = of(adjusted_wanted)?.interval;
            let interval = if turned < 0.0 {
                [-high, -low]
            } else {
                [low, high]
            };
            Some((interval, scale, f64::NAN))
        },
        level,
    )?;
    let alpha = fields.number(&["alpha"])?.unwrap_or(ALPHA);
    if let Some(expected) = fields.take(&["significant", "sig"]) {
        let ours = default.and_then(|t| t.p).is_some_and(|p| p < alpha);
        if expected.as_bool() != Some(ours) {
            return Err(format!("significant: {ours} instead of {expected}"));
        }
    }
    if let Some(expected) = fields.text(&["verdict"])
        && expected != verdict
    {
        return Err(format!("verdict: {verdict} instead of {expected}"));
    }
    Ok(())
}

/// A weighted score: scores with a weight each, or standings by tier.
fn weighted(fields: &mut Fields, weights: &Value) -> Outcome {
    let mut answers: BTreeMap<Option<Tier>, Tally> = BTreeMap::new();
    let mut by_tier: BTreeMap<Tier, f64> = BTreeMap::new();
    let mut unknown = 1.0;
    let tier = |name: &str| Tier::ALL.into_iter().find(|tier| tier.name() == name);
    match weights {
        Value::Object(object) => {
            for (name, weight) in object {
                let weight = number(weight).ok_or("a weight is a number")?;
                match tier(name) {
                    Some(tier) => _ = by_tier.insert(tier, weight),
                    None if ["unknown", "none", "default"].contains(&name.as_str()) => {
                        unknown = weight
                    }
                    None => return Err(format!("no tier {name}")),
                }
            }
            let tiers = fields
                .take(&["tiers", "strata", "groups", "by_tier"])
                .ok_or("no tiers")?;
            for (name, sample) in tiers.as_object().ok_or("tiers are an object")? {
                let mut of = sub(fields, sample)?;
                let tally = self::answers(&mut of, Question::Nps)?;
                single(&mut of, &tally, None)?;
                of.done()?;
                answers.entry(tier(name)).or_default().merge(&tally);
            }
        }
        Value::Array(list) => {
            // As many tiers as there are different weights.
            let list: Vec<f64> = list
                .iter()
                .map(|w| number(w).ok_or("a weight is a number"))
                .collect::<Result<_, _>>()?;
            let different: BTreeSet<_> = list.iter().map(|w| w.to_bits()).collect();
            let places: Vec<_> = [None]
                .into_iter()
                .chain(Tier::ALL.map(Some))
                .zip(&different)
                .collect();
            if places.len() < different.len() {
                return Err("more different weights than there are tiers".to_owned());
            }
            for (tier, bits) in &places {
                match tier {
                    Some(tier) => _ = by_tier.insert(*tier, f64::from_bits(**bits)),
                    None => unknown = f64::from_bits(**bits),
                }
            }
            let scores = fields.take(&["scores", "answers"]).ok_or("no scores")?;
            let scores = scores.as_array().ok_or("scores are a list")?;
            if scores.len() != list.len() {
                return Err("as many weights as scores".to_owned());
            }
            for (score, weight) in scores.iter().zip(list) {
                let place = places
                    .iter()
                    .find(|(_, bits)| **bits == weight.to_bits())
                    .unwrap();
                answers
                    .entry(place.0)
                    .or_default()
                    .add(scored(Question::Nps, score)?);
            }
        }
        other => return Err(format!("{other} are no weights")),
    }
    let mut all = Tally::default();
    answers.values().for_each(|tally| all.merge(tally));
    let weights = TierWeights::new(by_tier, unknown).map_err(|error| error.to_string())?;
    let answers = answers
        .iter()
        .map(|(tier, tally)| (*tier, Standings::from(tally)))
        .collect();
    let ours = WeightedNps::of(&answers, &weights);
    let unit = fields.unit;
    fields.expect(
        &["weighted_nps", "nps_weighted", "weighted"],
        ours.map(|o| o.nps),
        unit,
    )?;
    let names = [
        "weighted_standard_error",
        "standard_error_weighted",
        "weighted_se",
        "se_weighted",
    ];
    fields.expect(&names, ours.map(|o| o.standard_error), unit)?;
    fields.expect(
        &[
            "effective_n",
            "n_effective",
            "effective_sample_size",
            "ess",
            "n_eff",
        ],
        ours.map(|o| o.effective_n),
        1.0,
    )?;
    for (name, adjusted) in [
        ("weighted_wald", false),
        ("weighted_interval", false),
        ("weighted_adjusted_wald", true),
    ] {
        if let Some(expected) = fields.take(&[name]) {
            let ours = ours.ok_or("there is no weighted score")?;
            let interval = if adjusted {
                ours.adjusted_wald
            } else {
                ours.wald
            };
            fields.interval(name, &expected, interval, SCALE, ours.nps)?;
        }
    }
    let unweighted = ["unweighted_nps", "nps_unweighted"];
    fields.expect(&unweighted, ours.map(|o| o.unweighted.nps), unit)?;
    single(fields, &all, None)
}

/// A part of a vector that is a sample of its own.
fn sub(fields: &Fields, sample: &Value) -> Result<Fields, String> {
    let left = match sample {
        Value::Object(object) => object.clone(),
        Value::Array(_) => Map::from_iter([("scores".to_owned(), sample.clone())]),
        _ => return Err(format!("{sample} is no sample")),
    };
    let mut of = Fields {
        left,
        tolerance: fields.tolerance,
        unit: fields.unit,
    };
    IGNORED.iter().for_each(|name| _ = of.take(&[name]));
    Ok(of)
}

/// Whether scores are written from -100 to 100: it is said, or one of them could not be a fraction.
fn in_points(case: &Map<String, Value>) -> bool {
    let said = ["unit", "units", "scale"]
        .iter()
        .find_map(|name| case.get(*name));
    if let Some(said) = said {
        return match said.as_str() {
            Some(word) => {
                !["fraction", "share", "proportion", "unit", "-1..1", "[-1,1]"].contains(&word)
            }
            None => said.as_f64() != Some(1.0),
        };
    }
    let scores: Vec<&str> = [
        &SCORE[..],
        &ERROR,
        &DIFFERENCE,
        &WALD,
        &ADJUSTED,
        &INTERVAL,
        &LOW,
        &HIGH,
        &ERROR_OF_DIFFERENCE,
    ]
    .concat()
    .into_iter()
    .chain(["weighted_nps", "margin_of_error", "intervals"])
    .collect();
    fn large(value: &Value) -> bool {
        match value {
            Value::Array(list) => list.iter().any(large),
            Value::Object(object) => object.values().any(large),
            other => number(other).is_some_and(|n| n.abs() > 1.000_001),
        }
    }
    let samples = case.values().filter_map(Value::as_object);
    let mut known = scores.iter().filter_map(|name| case.get(*name));
    // The ends of a difference of two fractions are up to two: only the numbers of one sample decide there.
    let two = PAIRS
        .iter()
        .any(|[one, other]| case.contains_key(*one) && case.contains_key(*other));
    let beyond = |value: &Value| {
        if two {
            number(value).is_some_and(|n| n.abs() > 2.000_001)
        } else {
            large(value)
        }
    };
    known.any(beyond)
        || samples
            .flat_map(|s| scores.iter().filter_map(|name| s.get(*name)))
            .any(large)
}

/// The same with names as they are written here: `P.Value` is `p_value`, and 95 % is the level of everything.
fn plain(of: &Map<String, Value>) -> Map<String, Value> {
    let name = |name: &String| {
        let name = name.to_lowercase().replace(['-', '.', ' '], "_");
        let levels = ["_95", "_95_percent", "_95pct", "95"];
        let without = |level: &&str| name.strip_suffix(level).filter(|name| !name.is_empty());
        levels.iter().find_map(without).unwrap_or(&name).to_owned()
    };
    let inside = |value: &Value| match value {
        Value::Object(object) => Value::Object(plain(object)),
        other => other.clone(),
    };
    of.iter()
        .map(|(key, value)| (name(key), inside(value)))
        .collect()
}

/// What is wrong with our answer to a vector, if anything.
fn answer(case: &Value) -> Result<Outcome, Foreign> {
    let Some(case) = case.as_object() else {
        return Ok(Err("a vector is an object".to_owned()));
    };
    let case = &plain(case);
    let mut fields = Fields {
        left: case.clone(),
        tolerance: case.get("tolerance").and_then(number).unwrap_or(0.0),
        unit: if in_points(case) { 1.0 } else { 0.01 },
    };
    // What is expected may stand apart from what is given.
    for nested in ["input", "given", "expected", "expect", "output"] {
        if let Some(Value::Object(object)) = fields.left.get(nested).cloned() {
            fields.left.remove(nested);
            fields.left.extend(object);
            fields.unit = if in_points(&fields.left) { 1.0 } else { 0.01 };
        }
    }
    IGNORED.iter().for_each(|name| _ = fields.take(&[name]));
    // One expected number, named by the operation.
    if let Some(op) = fields.text(&["op"])
        && let Some(expected) = fields.take(&["expected", "expect"])
    {
        fields.left.insert(op, expected);
        fields.unit = if in_points(&fields.left) { 1.0 } else { 0.01 };
    }
    if fields.left.get("nps_100").is_some_and(Value::is_boolean) {
        let points = fields.take(&["nps_100"]) == Some(Value::Bool(true));
        fields.unit = if points { 1.0 } else { 0.01 };
    }
    fields.take(&["unit", "units", "scale"]);
    if let Some(divisor) = fields.text(&["divisor", "ddof"])
        && !["n", "0"].contains(&divisor.as_str())
    {
        return Err(Foreign(format!("the divisor {divisor}")));
    }
    if fields
        .text(&["alternative"])
        .is_some_and(|sides| !sides.starts_with("two"))
    {
        return Err(Foreign("a test of one side".to_owned()));
    }
    let kind = fields
        .text(&["question", "metric"])
        .or_else(|| Some(case.get("kind")?.as_str()?.to_owned()));
    let question = match kind.as_deref() {
        Some("csat") => Question::Csat,
        Some("ces") => Question::Ces,
        _ => Question::Nps,
    };
    let adjusted = method(&mut fields, question)?;
    Ok(compute(fields, question, adjusted))
}

fn compute(mut fields: Fields, question: Question, adjusted: Option<bool>) -> Outcome {
    // That the answers are to be refused.
    if let Some(refused) = fields.take(&["error", "refused", "invalid"]) {
        let refusal = answers(&mut fields, question).err();
        return match (refused.as_bool(), refusal) {
            (Some(false), None) | (Some(true) | None, Some(_)) => Ok(()),
            (_, refusal) => Err(format!("{refusal:?} instead of {refused}")),
        };
    }
    if let Some(weights) = fields.take(&["weights", "weight"]) {
        weighted(&mut fields, &weights)?;
        return fields.done();
    }
    if let Some(Value::Array(samples)) = fields.take(&["samples", "periods"]) {
        for (name, sample) in ["first", "second"].into_iter().zip(samples) {
            fields.left.insert(name.to_owned(), sample);
        }
    }
    let sides = PAIRS
        .iter()
        .find(|sides| sides.iter().all(|side| fields.left.contains_key(*side)));
    let Some(&sides) = sides else {
        // One score, and what it stands for.
        if let (Some(score), Some(standing)) = (
            fields.left.get("score").cloned(),
            fields.text(&["standing", "category", "group"]),
        ) {
            fields.take(&["score"]);
            let nps = scored(Question::Nps, &score)?.nps.ok_or("no score")?;
            let ours = format!("{:?}", nps.standing()).to_lowercase();
            return if standing.to_lowercase().trim_end_matches('s') == ours {
                fields.done()
            } else {
                Err(format!("{ours} instead of {standing}"))
            };
        }
        let tally = answers(&mut fields, question)?;
        match question {
            Question::Nps => single(&mut fields, &tally, adjusted)?,
            Question::Csat => rating(&mut fields, &tally.csat, &["csat"])?,
            Question::Ces => rating(&mut fields, &tally.ces, &["ces"])?,
        }
        return fields.done();
    };
    let mut tallies = Vec::new();
    for side in sides {
        let sample = fields.take(&[side]).ok_or("no sample")?;
        let mut of = sub(&fields, &sample)?;
        let tally = answers(&mut of, question)?;
        match question {
            Question::Nps => single(&mut of, &tally, None)?,
            Question::Csat => rating(&mut of, &tally.csat, &["csat"])?,
            Question::Ces => rating(&mut of, &tally.ces, &["ces"])?,
        }
        of.done()?;
        tallies.push(tally);
    }
    let [before, now] = &tallies[..] else {
        return Err("two samples make a change".to_owned());
    };
    match question {
        Question::Nps => {
            let both = before
                .nps_summary()
                .zip(now.nps_summary())
                .ok_or("nobody answered")?;
            let change = NpsChange::between(&both.0, &both.1);
            let tests = [Some(change.wald), Some(change.adjusted_wald)];
            changed(
                &mut fields,
                change.difference,
                tests,
                adjusted,
                change.verdict.name(),
                sides,
                [-200.0, 200.0],
            )?;
        }
        Question::Csat => change_of_rating(
            &mut fields,
            before.csat_rating().zip(now.csat_rating()),
            sides,
        )?,
        Question::Ces => change_of_rating(
            &mut fields,
            before.ces_rating().zip(now.ces_rating()),
            sides,
        )?,
    }
    fields.done()
}

fn change_of_rating<const N: usize>(
    fields: &mut Fields,
    both: Option<(Rating<N>, Rating<N>)>,
    sides: [&str; 2],
) -> Outcome {
    let (before, now) = both.ok_or("nobody answered")?;
    let change = now.change(&before).ok_or("nobody answered")?;
    if let Some(expected) = fields.take(&["top_two_difference", "top_two_change"]) {
        let percent = number(&expected).is_some_and(|d| d.abs() > 1.0);
        fields.same(
            "top_two_difference",
            &expected,
            Some(change.top_two.difference),
            if percent { 1.0 } else { 0.01 },
        )?;
    }
    fields.expect(&["top_two_z"], change.top_two.agresti_caffo.z, 1.0)?;
    fields.expect(
        &["top_two_p", "top_two_p_value"],
        change.top_two.agresti_caffo.p,
        1.0,
    )?;
    fields.unit = 1.0;
    let widest = Rating::<N>::HIGH - Rating::<N>::LOW;
    changed(
        fields,
        change.mean.difference,
        [change.mean.welch; 2],
        None,
        change.mean.verdict.name(),
        sides,
        [-widest, widest],
    )
}

/// Runs the vectors of a file: how many ran, and which were skipped. Fails with every one that was answered wrongly.
pub(crate) fn run(file: &str) -> (usize, Vec<String>) {
    let (mut ran, mut skipped, mut wrong) = (0, Vec::new(), Vec::new());
    for (number, line) in (1..)
        .zip(file.lines())
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let case: Value = match serde_json::from_str(line) {
            Ok(case) => case,
            Err(error) => {
                wrong.push(format!("line {number}: {error}"));
                continue;
            }
        };
        let id = case["id"]
            .as_str()
            .map_or_else(|| format!("line {number}"), str::to_owned);
        match answer(&case) {
            Err(Foreign(reason)) => {
                println!("skipped {id}: {reason} is not ours");
                skipped.push(id);
            }
            Ok(outcome) => {
                ran += 1;
                wrong.extend(outcome.err().map(|fault| format!("{id}: {fault}")));
            }
        }
    }
    println!(
        "{ran} ran, {} skipped, {} wrong",
        skipped.len(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    (ran, skipped)
}

#[test]
fn published() {
    let (ran, skipped) = run(PUBLISHED);
    assert_eq!((ran, skipped.len()), (8, 0));
}

#[test]
fn further() {
    let (_, skipped) = run(FURTHER);
    assert_eq!(skipped, ["nps-beta", "nps-sample-variance"]);
}

/// A runner that lets everything pass would pass everything.
#[test]
fn what_is_wrong_or_not_understood_fails() {
    let base = serde_json::json!({"id": "x", "kind": "nps", "promoters": 3, "passives": 2, "detractors": 1});
    let with = |name: &str, value: Value| {
        let mut case = base.clone();
        case[name] = value;
        answer(&case).ok().unwrap()
    };
    assert_eq!(with("nps", (1.0f64 / 3.0).into()), Ok(()));
    assert_eq!(with("note", "any".into()), Ok(()));
    for (name, value) in [
        ("nps", 0.33.into()),
        ("nps", 33.4.into()),
        ("nps", Value::Null),
        ("variance", 0.56.into()),
        ("standard_error", 0.31.into()),
        ("wald", serde_json::json!([-0.2, 0.93])),
        ("adjusted_wald", serde_json::json!([-0.3, 0.93])),
        ("interval", "wide".into()),
        ("n", 7.into()),
        ("p", 0.5.into()),
        ("z", Value::Null),
        ("kurtosis", 3.into()),
        ("median", Value::Null),
    ] {
        // 0.33 is 1/3 as far as it is written.
        let expected_to_pass = (name, value.as_f64()) == ("nps", Some(0.33))
            || (name, value.as_f64()) == ("variance", Some(0.56));
        assert_eq!(
            with(name, value.clone()).is_ok(),
            expected_to_pass,
            "{name}: {value}"
        );
    }
}
