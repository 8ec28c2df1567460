//! A report as a file of rows, one for each number: the same rows as CSV and as Parquet.

use resound_domain::report::Fact;
use resound_lambda_kit::csv::{Cell, Csv};
use resound_store::Report;

/// The columns, in order. Names are published: append only.
pub(crate) const COLUMNS: [&str; 16] = [
    "kind", "period", "survey", "edition", "as_of", "part", "item", "item_2", "measure", "n",
    "value", "low", "high", "p", "said", "hidden",
];

/// A report as CSV. The header and every code are the same in each language, so that a sheet works for whoever opens it; names
/// that senders chose are guarded.
pub(crate) fn csv(report: &Report, facts: &[Fact]) -> String {
    let kind = report.id.kind().name();
    let (period, as_of) = (report.id.period().to_string(), report.as_of.to_string());
    let mut csv = Csv::new(&COLUMNS);
    for fact in facts {
        let [low, high] = ends(fact);
        csv.line(&[
            Cell::Text(kind),
            Cell::Text(&period),
            Cell::Text(report.id.survey().as_str()),
            Cell::Count(report.edition.into()),
            Cell::Text(&as_of),
            Cell::Text(fact.part),
            Cell::Text(&fact.item),
            Cell::Text(&fact.item_2),
            Cell::Text(fact.measure),
            Cell::count(fact.n),
            Cell::number(fact.value),
            Cell::number(low),
            Cell::number(high),
            Cell::number(fact.p),
            fact.said.as_deref().map_or(Cell::Empty, Cell::Text),
            Cell::Text(if fact.hidden { "true" } else { "false" }),
        ]);
    }
    csv.into_string()
}

/// The ends of an interval, each a column.
pub(crate) fn ends(fact: &Fact) -> [Option<f64>; 2] {
    let [low, high] = fact.interval.map_or([None; 2], |ends| ends.map(Some));
    [low, high]
}
