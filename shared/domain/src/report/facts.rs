//! A report as rows of numbers, for spreadsheets and programs.

use super::{
    Answered, Breakdown, Change, Complaints, Effect, ImprovementRow, Month, Monthly, Names,
    Numbers, Priorities, Rated, Score, Told, Weekly,
};
use crate::nps::Driver;
use crate::nps::share::ShareSummary;
use crate::statistics::Estimate;

/// One number of a report. Names of parts, measures and columns are published: append only.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Which part of the report: `total`, `complaint`, `channel`, `month`, `score`, `touchpoint`, `theme`, `touchpoint_driver`,
    /// `theme_driver`, `priority`, `weight`, `issue`, `improvement`.
    pub part: &'static str,
    /// What of it, such as the name of a channel or the id of an issue; empty of the whole.
    pub item: String,
    /// Further what, where one name is not enough: the touchpoint of a type of complaint; what an issue or an improvement is called.
    pub item_2: String,
    /// What is measured: `responses`, `nps`, `csat_mean`, ...
    pub measure: &'static str,
    /// From how many answers, cases or months it is.
    pub n: Option<u64>,
    /// The number; `None` if it is hidden, or there is nothing to measure.
    pub value: Option<f64>,
    /// The ends of its interval at 95 %.
    pub interval: Option<[f64; 2]>,
    /// The chance of such a number if nothing were behind it.
    pub p: Option<f64>,
    /// What is to be said of it: the code of a verdict, a pull, a swing, a state, an effort or a Kano class, whether a target is
    /// reached; a day; the formula of priorities.
    pub said: Option<String>,
    /// Whether it is not told because it is of so few people, or would tell of them.
    pub hidden: bool,
}

/// Rows of one item.
struct Rows<'a> {
    facts: &'a mut Vec<Fact>,
    part: &'static str,
    item: String,
    item_2: String,
}

impl Fact {
    /// A row of a measure, to be filled.
    fn new(measure: &'static str) -> Self {
        Self {
            part: "",
            item: String::new(),
            item_2: String::new(),
            measure,
            n: None,
            value: None,
            interval: None,
            p: None,
            said: None,
            hidden: false,
        }
    }

    fn estimate(measure: &'static str, n: u64, value: f64, interval: Option<[f64; 2]>) -> Self {
        Self {
            n: Some(n),
            value: Some(value),
            interval,
            ..Self::new(measure)
        }
    }

    fn share(measure: &'static str, share: &ShareSummary) -> Self {
        Self::estimate(measure, share.n, share.percent, Some(share.interval))
    }

    fn score(score: &Score) -> Vec<Self> {
        vec![Self::estimate(
            "nps",
            score.n,
            score.nps,
            Some(score.interval),
        )]
    }

    fn change(measure: &'static str, change: &Change) -> Self {
        Self {
            p: change.p,
            said: Some(change.verdict.name().to_owned()),
            ..Self::estimate(measure, change.n, change.difference, Some(change.interval))
        }
    }
}

impl Rows<'_> {
    fn add(&mut self, fact: Fact) {
        self.facts.push(Fact {
            part: self.part,
            item: self.item.clone(),
            item_2: self.item_2.clone(),
            ..fact
        });
    }

    /// What is told of a measure: its rows, or one that says why there are none.
    fn told<T>(
        &mut self,
        measure: &'static str,
        told: &Told<T>,
        rows: impl FnOnce(&T) -> Vec<Fact>,
    ) {
        match told {
            Told::Shown(shown) => rows(shown).into_iter().for_each(|fact| self.add(fact)),
            Told::Nobody => self.add(Fact {
                n: Some(0),
                ..Fact::new(measure)
            }),
            Told::Hidden => self.add(Fact {
                hidden: true,
                ..Fact::new(measure)
            }),
        }
    }

    /// A count: nobody is a number, too.
    fn count(&mut self, measure: &'static str, told: &Told<u64>) {
        let (value, hidden) = match told {
            Told::Shown(count) => (Some(crate::nps::float(*count)), false),
            Told::Nobody => (Some(0.0), false),
            Told::Hidden => (None, true),
        };
        self.add(Fact {
            value,
            hidden,
            ..Fact::new(measure)
        });
    }

    fn change(&mut self, measure: &'static str, change: Option<&Change>) {
        if let Some(change) = change {
            self.add(Fact::change(measure, change));
        }
    }

    fn answered(&mut self, [median, p90, in_time]: [&'static str; 3], told: &Told<Answered>) {
        self.told(median, told, |answered| {
            let of = |measure, estimate: Estimate| {
                Fact::estimate(measure, answered.n, estimate.value, estimate.interval)
            };
            vec![
                of(median, answered.median_seconds),
                of(p90, answered.p90_seconds),
                Fact::share(in_time, &answered.in_time),
            ]
        });
    }

    fn rated(&mut self, [mean, top_two]: [&'static str; 2], told: &Told<Rated>) {
        self.told(mean, told, |rated| {
            vec![
                Fact::estimate(mean, rated.n, rated.mean, rated.interval),
                Fact::share(top_two, &rated.top_two),
            ]
        });
    }
}

impl Numbers {
    /// Every number of the report, in the order of its parts, with these names.
    pub fn facts(&self, names: &Names) -> Vec<Fact> {
        let mut facts = Vec::new();
        match self {
            Self::Weekly(week) => weekly(&mut facts, week),
            Self::Monthly(month) => monthly(&mut facts, month, names),
        }
        facts
    }
}

fn rows<'a>(facts: &'a mut Vec<Fact>, part: &'static str, item: impl Into<String>) -> Rows<'a> {
    Rows {
        facts,
        part,
        item: item.into(),
        item_2: String::new(),
    }
}

fn weekly(facts: &mut Vec<Fact>, week: &Weekly) {
    let mut total = rows(facts, "total", "");
    total.count("responses", &week.responses);
    total.count("responses_before", &week.responses_before);
    total.told("nps", &week.nps, Fact::score);
    total.change("nps_change", week.nps_change.as_ref());
    total.count("complaints", &week.complaints.total);
    total.count("complaints_before", &week.complaints.before);
    complaints(facts, &week.complaints);
    for row in week.channels.iter().flatten() {
        let mut rows = rows(facts, "channel", &row.channel);
        let Some(numbers) = &row.numbers else {
            rows.count("responses", &Told::Hidden);
            continue;
        };
        rows.count("responses", &Told::Shown(numbers.responses));
        rows.told("nps", &numbers.nps, Fact::score);
        let first = [
            "first_answer_median_seconds",
            "first_answer_p90_seconds",
            "first_answer_in_time_percent",
        ];
        rows.answered(first, &numbers.first_answer);
        let outcome = [
            "resolution_median_seconds",
            "resolution_p90_seconds",
            "resolution_in_time_percent",
        ];
        rows.answered(outcome, &numbers.resolution);
        rows.told("recovered_percent", &numbers.recovered, |share| {
            vec![Fact::share("recovered_percent", share)]
        });
    }
}

fn complaints(facts: &mut Vec<Fact>, complaints: &Complaints) {
    for of in &complaints.top {
        let mut rows = Rows {
            item_2: of.touchpoint.clone().unwrap_or_default(),
            ..rows(facts, "complaint", of.category.name())
        };
        rows.count("complaints", &Told::Shown(of.share.count));
        rows.add(Fact::share("share_percent", &of.share));
        rows.count("complaints_before", &of.before);
        rows.change("share_change", of.change.as_ref());
    }
}

fn monthly(facts: &mut Vec<Fact>, month: &Monthly, names: &Names) {
    for of in &month.trend {
        let Month {
            month,
            responses,
            nps,
            satisfied,
        } = of;
        let mut rows = rows(facts, "month", month);
        rows.count("responses", responses);
        rows.told("nps", nps, Fact::score);
        rows.told("satisfied_percent", satisfied, |share| {
            vec![Fact::share("satisfied_percent", share)]
        });
    }
    let mut total = rows(facts, "total", "");
    total.change("nps_change", month.nps_change.as_ref());
    if let Some(of) = &month.volatility {
        let months = u64::try_from(of.months).unwrap_or(u64::MAX);
        total.add(Fact {
            said: code(&of.swing),
            ..Fact::estimate("satisfied_range", months, of.range, None)
        });
    }
    total.rated(["csat_mean", "csat_top_two_percent"], &month.csat);
    total.rated(["ces_mean", "ces_top_two_percent"], &month.ces);
    for (score, count) in month.scores.shown().into_iter().flatten().enumerate() {
        rows(facts, "score", score.to_string()).count("people", count);
    }
    breakdown(
        facts,
        ["touchpoint", "touchpoint_driver"],
        &month.touchpoints,
    );
    breakdown(facts, ["theme", "theme_driver"], &month.themes);
    if let Some(list) = &month.priorities {
        priorities(facts, list, names);
    }
    for row in month.improvements.iter().flat_map(|list| &list.listed) {
        let named = names.improvements.get(&row.improvement);
        let rows = Rows {
            item_2: named.map_or_else(String::new, |named| named.title.to_string()),
            ..rows(facts, "improvement", row.improvement.to_string())
        };
        improvement(rows, row, named.and_then(|named| named.owner.clone()));
    }
}

fn priorities(facts: &mut Vec<Fact>, list: &Priorities, names: &Names) {
    rows(facts, "priority", "").add(Fact {
        said: Some(list.formula.clone()),
        ..Fact::new("formula")
    });
    for (name, percent) in list.weights.each() {
        rows(facts, "weight", name).add(Fact {
            value: Some(percent.into()),
            ..Fact::new("percent")
        });
    }
    for of in &list.first {
        let named = names.issues.get(&of.issue);
        let mut rows = Rows {
            item_2: named.map_or_else(String::new, ToString::to_string),
            ..rows(facts, "issue", of.issue.to_string())
        };
        let factor = |measure, value| Fact {
            value: Some(value),
            ..Fact::new(measure)
        };
        let told = |measure, told: &Told<f64>| Fact {
            value: told.shown().copied(),
            hidden: *told == Told::Hidden,
            ..Fact::new(measure)
        };
        rows.add(told("priority", &of.score));
        rows.count("customers", &Told::Shown(of.share.count));
        rows.add(Fact::share("share_percent", &of.share));
        rows.add(factor("days", of.days.into()));
        rows.add(factor("impact_factor", of.factors.impact));
        rows.add(factor("urgency_factor", of.factors.urgency));
        rows.add(Fact {
            said: of.effort.as_ref().and_then(code),
            ..factor("cost_factor", of.factors.cost)
        });
        rows.add(Fact {
            said: of.kano.as_ref().and_then(code),
            ..factor("kano_factor", of.factors.kano)
        });
        rows.add(told("value_factor", &of.value));
    }
}

fn improvement(mut rows: Rows<'_>, row: &ImprovementRow, owner: Option<String>) {
    let mut say = |measure, said: Option<String>| {
        if said.is_some() {
            rows.add(Fact {
                said,
                ..Fact::new(measure)
            });
        }
    };
    say("state", code(&row.state));
    say("owner", owner);
    say("touchpoint", row.touchpoint.clone());
    say("due", row.due.as_ref().map(ToString::to_string));
    say(
        "shipped_on",
        row.shipped_on.as_ref().map(ToString::to_string),
    );
    say(
        "progressed_on",
        row.progressed_on.as_ref().map(ToString::to_string),
    );
    let (
        Some(spans),
        Some(Effect {
            before,
            after,
            change,
        }),
    ) = (row.spans, &row.effect)
    else {
        return;
    };
    for (measure, [first, last], score) in [
        ("nps_before", spans.before, before),
        ("nps_after", spans.after, after),
    ] {
        let said = Some(format!("{first}/{last}"));
        rows.told(measure, score, |score| {
            let score = Fact::estimate(measure, score.n, score.nps, Some(score.interval));
            vec![Fact { said, ..score }]
        });
    }
    rows.change("nps_change", change.as_ref());
}

fn breakdown(facts: &mut Vec<Fact>, [part, drivers]: [&'static str; 2], breakdown: &Breakdown) {
    for row in breakdown.rows.iter().flatten() {
        let mut rows = rows(facts, part, row.value.clone().unwrap_or_default());
        let Some(numbers) = &row.numbers else {
            rows.count("responses", &Told::Hidden);
            continue;
        };
        rows.count("responses", &Told::Shown(numbers.responses));
        rows.told("nps", &numbers.nps, Fact::score);
        rows.told("nps_before", &numbers.before, |before| {
            vec![Fact::estimate(
                "nps_before",
                before.n,
                before.nps,
                Some(before.interval),
            )]
        });
        rows.change("nps_change", numbers.change.as_ref());
        if let Some(target) = numbers.target {
            rows.add(Fact {
                value: Some(target),
                said: numbers.reached.as_ref().and_then(code),
                ..Fact::new("nps_target")
            });
        }
    }
    for driver in &breakdown.drivers {
        let Driver {
            name,
            n,
            impact,
            interval,
            p_holm,
            pull,
            ..
        } = driver;
        rows(facts, drivers, name).add(Fact {
            p: *p_holm,
            said: code(pull),
            ..Fact::estimate("impact", *n, *impact, Some(*interval))
        });
    }
}

/// The published name of what is to be said.
fn code(said: &impl serde::Serialize) -> Option<String> {
    let code = serde_json::to_value(said).ok()?;
    code.as_str().map(str::to_owned)
}
