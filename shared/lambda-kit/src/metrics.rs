//! Metrics: lines of the log from which CloudWatch takes numbers (Embedded Metric Format).
//!
//! What an invocation measures is collected in its [`Metrics`] and written when it ends, on one line: a call of
//! CloudWatch would cost time, money and a right. Each metric has one dimension, `service`, the function's name; what
//! differs from one invocation to the next (ids) is a property of the line, which is searched and never multiplies
//! metrics. **Nothing personal is a metric, a dimension or a property.**
//!
//! Own lines instead of a crate: see `docs/adr/0009-metrics-as-log-lines.md`.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What is counted: one value an invocation, if it is not zero. Alarms and dashboards know the names: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// This was the first invocation of its process.
    ColdStart,
    /// Submissions that were kept.
    FeedbackAccepted,
    /// Cases that submissions opened.
    CasesOpened,
    /// Submissions that had been kept before.
    FeedbackReplayed,
    /// New events of which each message is on its queue.
    EventsRelayed,
    /// Cases that time moved.
    CasesExpired,
    /// Cases that were caught up with other rules.
    CasesRetargeted,
    /// Unsettled events that were sent again.
    EventsSentAgain,
    /// Events nobody tries any more until a person resumes them.
    EventsStuck,
    /// Sweeps that stopped themselves, before their time ran out, with work left.
    SweepUnfinished,
    /// Letters to customers that the provider took.
    NoticesSent,
    /// Letters of which nobody knows whether they arrived, or that were refused: a person must look.
    NoticesInDoubt,
    /// Alerts to staff that a channel took.
    AlertsSent,
    /// Alerts that a channel refused: nobody gets them by it.
    AlertsFailed,
    /// Surveys of which the night was completed.
    NightCompleted,
    /// Days that were counted, of all surveys.
    NightDays,
    /// Responses on those days.
    NightResponses,
    /// Customers who said that an outcome solved it.
    OutcomesConfirmed,
    /// Customers who said that an outcome did not solve it.
    OutcomesDisputed,
    /// Messages that customers wrote by themselves.
    CustomersWrote,
    /// Cells of those days that differed, and were written.
    NightCells,
    /// Days that were complete, and came out differently.
    NightCorrections,
    /// Days that are marked and wait for a later run.
    NightWaiting,
    /// Surveys whose night is not complete two hours after the end of their day.
    NightLate,
    /// Tasks that risk rules opened.
    RisksRaised,
    /// Runs of the risk rules that stopped themselves, before their time ran out, with work left.
    RisksUnfinished,
    /// Responses whose scores a customer added or changed later.
    ScoresAmended,
    /// Editions of reports that were written.
    ReportsWritten,
    /// Reports that should have been written hours ago and wait for a night.
    ReportsLate,
    /// Responses that were linked to an issue by its rule or by similarity.
    ResponsesLinked,
    /// Responses that were suggested for an issue.
    ResponsesSuggested,
    /// Runs that link responses and stopped themselves, before their time ran out, with work left.
    LinkingUnfinished,
    /// Letters of announcements that the provider took.
    AnnouncementsSent,
    /// Letters of announcements of which nobody knows whether they arrived. They are not sent again.
    AnnouncementsUnknown,
    /// Letters of betas (invitations, questions) that the provider took.
    BetaLettersSent,
    /// Letters of betas of which nobody knows whether they arrived. They are not sent again.
    BetaLettersUnknown,
    /// Letters to customers that a mailbox took.
    NoticesDelivered,
    /// Letters to customers that were given up.
    NoticesBounced,
    /// Letters to customers of which something came back, and which may have arrived all the same.
    NoticesSoftBounced,
    /// Letters to customers that the provider took and did not send on.
    NoticesRejected,
    /// Letters to customers whose owner called them unwanted.
    NoticesComplained,
    /// Letters that were in doubt, and of which the provider told later that it had taken them.
    NoticesFound,
    /// Reports of the provider about letters that no ledger of cases has: to staff, of another system, of what was deleted.
    ReportsPassedOver,
}

impl Counter {
    /// Its name in CloudWatch. Its unit is `Count`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ColdStart => "ColdStart",
            Self::FeedbackAccepted => "FeedbackAccepted",
            Self::CasesOpened => "CasesOpened",
            Self::FeedbackReplayed => "FeedbackReplayed",
            Self::EventsRelayed => "EventsRelayed",
            Self::CasesExpired => "CasesExpired",
            Self::CasesRetargeted => "CasesRetargeted",
            Self::EventsSentAgain => "EventsSentAgain",
            Self::EventsStuck => "EventsStuck",
            Self::SweepUnfinished => "SweepUnfinished",
            Self::NoticesSent => "NoticesSent",
            Self::NoticesInDoubt => "NoticesInDoubt",
            Self::AlertsSent => "AlertsSent",
            Self::AlertsFailed => "AlertsFailed",
            Self::NightCompleted => "NightCompleted",
            Self::NightDays => "NightDays",
            Self::NightResponses => "NightResponses",
            Self::OutcomesConfirmed => "OutcomesConfirmed",
            Self::OutcomesDisputed => "OutcomesDisputed",
            Self::CustomersWrote => "CustomersWrote",
            Self::NightCells => "NightCells",
            Self::NightCorrections => "NightCorrections",
            Self::NightWaiting => "NightWaiting",
            Self::NightLate => "NightLate",
            Self::RisksRaised => "RisksRaised",
            Self::RisksUnfinished => "RisksUnfinished",
            Self::ScoresAmended => "ScoresAmended",
            Self::ReportsWritten => "ReportsWritten",
            Self::ReportsLate => "ReportsLate",
            Self::ResponsesLinked => "ResponsesLinked",
            Self::ResponsesSuggested => "ResponsesSuggested",
            Self::LinkingUnfinished => "LinkingUnfinished",
            Self::AnnouncementsSent => "AnnouncementsSent",
            Self::AnnouncementsUnknown => "AnnouncementsUnknown",
            Self::BetaLettersSent => "BetaLettersSent",
            Self::BetaLettersUnknown => "BetaLettersUnknown",
            Self::NoticesDelivered => "NoticesDelivered",
            Self::NoticesBounced => "NoticesBounced",
            Self::NoticesSoftBounced => "NoticesSoftBounced",
            Self::NoticesRejected => "NoticesRejected",
            Self::NoticesComplained => "NoticesComplained",
            Self::NoticesFound => "NoticesFound",
            Self::ReportsPassedOver => "ReportsPassedOver",
        }
    }
}

/// What is measured in milliseconds: every value is kept, so that CloudWatch can tell percentiles. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// How long after it fell due a case was moved (business time) or an event sent again (machine time).
    SweepLateness,
}

impl Span {
    /// Its name in CloudWatch. Its unit is `Milliseconds`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SweepLateness => "SweepLateness",
        }
    }
}

/// What one invocation measured so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<Measured>>);

#[derive(Debug, Default)]
struct Measured {
    counters: BTreeMap<Counter, u64>,
    spans: BTreeMap<Span, Vec<i64>>,
}

/// Where metrics are kept in CloudWatch.
///
/// Guarantee: 1 to 255 ASCII letters, digits, blanks and `.-_/#:`, not beginning with a colon or `AWS/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

/// Why a text is not a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 255 ASCII letters, digits, blanks and .-_/#: are expected, not `AWS/...`")]
pub struct InvalidNamespace;

impl FromStr for Namespace {
    type Err = InvalidNamespace;

    fn from_str(text: &str) -> Result<Self, InvalidNamespace> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || " .-_/#:".contains(c);
        let sound = (1..=255).contains(&text.len())
            && text.chars().all(allowed)
            && !text.trim().is_empty()
            && !text.starts_with([':'])
            && !text.starts_with("AWS/");
        sound.then(|| Self(text.to_owned())).ok_or(InvalidNamespace)
    }
}

/// The most values of one metric on one line.
const MOST_VALUES: usize = 100;

impl Metrics {
    /// Adds to a counter.
    pub fn count(&self, counter: Counter, n: u64) {
        if n > 0 {
            let mut measured = self.measured();
            let counted = measured.counters.entry(counter).or_default();
            *counted = counted.saturating_add(n);
        }
    }

    /// Adds a value, in milliseconds. One below zero counts as zero.
    pub fn record(&self, span: Span, milliseconds: i64) {
        let mut measured = self.measured();
        let values = measured.spans.entry(span).or_default();
        values.push(milliseconds.max(0));
    }

    /// What was counted so far.
    pub fn counted(&self, counter: Counter) -> u64 {
        let measured = self.measured();
        measured.counters.get(&counter).copied().unwrap_or(0)
    }

    /// The values so far, in milliseconds.
    pub fn recorded(&self, span: Span) -> Vec<i64> {
        let measured = self.measured();
        measured.spans.get(&span).cloned().unwrap_or_default()
    }

    /// Everything so far as CloudWatch reads it: one line, and more only if there are more than 100 values of a metric;
    /// none if nothing was measured. `at` is machine time. Properties are ids to search by.
    pub fn lines(
        &self,
        namespace: &Namespace,
        service: &str,
        at: Timestamp,
        properties: &[(&str, String)],
    ) -> Vec<String> {
        let measured = self.measured();
        let mut lines = Vec::new();
        let mut counters = &measured.counters;
        let none = BTreeMap::new();
        for part in 0.. {
            let (mut definitions, mut line) = (Vec::new(), Map::new());
            for (counter, n) in counters {
                definitions.push(json!({"Name": counter.name(), "Unit": "Count"}));
                line.insert(counter.name().to_owned(), json!(n));
            }
            for (span, values) in &measured.spans {
                if let Some(values) = values.chunks(MOST_VALUES).nth(part) {
                    definitions.push(json!({"Name": span.name(), "Unit": "Milliseconds"}));
                    line.insert(span.name().to_owned(), json!(values));
                }
            }
            if definitions.is_empty() {
                break;
            }
            // Each counter has one value: it is on the first line.
            counters = &none;
            let directive = json!({
                "Namespace": namespace.0,
                "Dimensions": [["service"]],
                "Metrics": definitions,
            });
            let metadata = json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [directive],
            });
            line.insert("_aws".to_owned(), metadata);
            line.insert("service".to_owned(), json!(service));
            for (name, value) in properties {
                line.insert((*name).to_owned(), json!(value));
            }
            lines.push(Value::from(line).to_string());
        }
        lines
    }

    /// Everything so far in a few words, for a person; empty if there is nothing.
    pub fn summary(&self) -> String {
        let measured = self.measured();
        let counters = measured.counters.iter();
        let counters = counters.map(|(counter, n)| format!("{} {n}", counter.name()));
        let spans = measured.spans.iter();
        let spans = spans.map(|(span, ms)| format!("{} {ms:?} ms", span.name()));
        counters.chain(spans).collect::<Vec<_>>().join(", ")
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        // Numbers stay valid when somebody panics between two of them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTERS: [Counter; 31] = [
        Counter::ColdStart,
        Counter::FeedbackAccepted,
        Counter::CasesOpened,
        Counter::FeedbackReplayed,
        Counter::EventsRelayed,
        Counter::CasesExpired,
        Counter::CasesRetargeted,
        Counter::EventsSentAgain,
        Counter::EventsStuck,
        Counter::SweepUnfinished,
        Counter::NoticesSent,
        Counter::NoticesInDoubt,
        Counter::AlertsSent,
        Counter::AlertsFailed,
        Counter::NightCompleted,
        Counter::NightDays,
        Counter::NightResponses,
        Counter::NightCells,
        Counter::NightCorrections,
        Counter::NightWaiting,
        Counter::NightLate,
        Counter::RisksRaised,
        Counter::RisksUnfinished,
        Counter::ScoresAmended,
        Counter::ResponsesLinked,
        Counter::ResponsesSuggested,
        Counter::LinkingUnfinished,
        Counter::AnnouncementsSent,
        Counter::AnnouncementsUnknown,
        Counter::BetaLettersSent,
        Counter::BetaLettersUnknown,
    ];

    fn lines(metrics: &Metrics) -> Vec<Value> {
        let namespace = "Resound/prod".parse().unwrap();
        let at = "2026-11-21T00:00:00.123Z".parse().unwrap();
        let properties = [("function_request_id", "r-1".to_owned())];
        let lines = metrics.lines(&namespace, "alert-breaches", at, &properties);
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The rules of "Specification: Embedded metric format" in the CloudWatch User Guide, and its JSON schema.
    fn check(line: &Value) {
        const UNITS: [&str; 4] = ["Count", "Milliseconds", "Seconds", "None"];
        let text = line.to_string();
        assert!(!text.contains('\n') && text.len() <= 256 * 1024);
        let root = line.as_object().unwrap();
        let metadata = root["_aws"].as_object().unwrap();
        // The metadata object has these members and no other.
        assert_eq!(
            metadata.keys().collect::<Vec<_>>(),
            ["CloudWatchMetrics", "Timestamp"]
        );
        let timestamp = metadata["Timestamp"].as_i64().unwrap();
        assert!(timestamp > 1_500_000_000_000, "milliseconds since 1970");
        let directives = metadata["CloudWatchMetrics"].as_array().unwrap();
        assert!(!directives.is_empty());
        for directive in directives {
            let directive = directive.as_object().unwrap();
            assert_eq!(
                directive.keys().collect::<Vec<_>>(),
                ["Dimensions", "Metrics", "Namespace"]
            );
            let namespace = directive["Namespace"].as_str().unwrap();
            assert!((1..=1024).contains(&namespace.len()));
            let sets = directive["Dimensions"].as_array().unwrap();
            assert!(!sets.is_empty());
            for set in sets {
                let set = set.as_array().unwrap();
                assert!(set.len() <= 30);
                for dimension in set {
                    // The target of a dimension is a string of the root, of 1 to 1024 characters.
                    let value = root[dimension.as_str().unwrap()].as_str().unwrap();
                    assert!((1..=1024).contains(&value.len()));
                }
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                let metric = metric.as_object().unwrap();
                assert_eq!(metric.keys().collect::<Vec<_>>(), ["Name", "Unit"]);
                assert!(UNITS.contains(&metric["Unit"].as_str().unwrap()));
                let name = metric["Name"].as_str().unwrap();
                assert!((1..=1024).contains(&name.len()));
                // The target of a metric is a number of the root, or an array of at most 100.
                match &root[name] {
                    Value::Number(_) => {}
                    Value::Array(values) => {
                        assert!((1..=100).contains(&values.len()));
                        assert!(values.iter().all(Value::is_number));
                    }
                    other => panic!("{name}: {other}"),
                }
            }
        }
    }

    #[test]
    fn one_line_holds_everything() {
        let metrics = Metrics::default();
        metrics.count(Counter::CasesExpired, 2);
        metrics.count(Counter::CasesExpired, 1);
        metrics.count(Counter::EventsStuck, 0);
        metrics.record(Span::SweepLateness, 1500);
        metrics.record(Span::SweepLateness, -3);
        assert_eq!(metrics.counted(Counter::CasesExpired), 3);
        assert_eq!(
            metrics.summary(),
            "CasesExpired 3, SweepLateness [1500, 0] ms"
        );
        let lines = lines(&metrics);
        lines.iter().for_each(check);
        assert_eq!(
            lines,
            [json!({
                "_aws": {
                    "Timestamp": 1_795_219_200_123_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Resound/prod",
                        "Dimensions": [["service"]],
                        "Metrics": [
                            {"Name": "CasesExpired", "Unit": "Count"},
                            {"Name": "SweepLateness", "Unit": "Milliseconds"},
                        ],
                    }],
                },
                "service": "alert-breaches",
                "function_request_id": "r-1",
                "CasesExpired": 3,
                "SweepLateness": [1500, 0],
            })]
        );
    }

    #[test]
    fn every_metric_is_as_cloudwatch_wants_it() {
        let metrics = Metrics::default();
        for counter in COUNTERS {
            metrics.count(counter, 1);
        }
        metrics.record(Span::SweepLateness, 1);
        let lines = lines(&metrics);
        lines.iter().for_each(check);
        for counter in COUNTERS {
            assert_eq!(lines[0][counter.name()], 1);
        }
    }

    #[test]
    fn a_storm_takes_several_lines_and_counts_once() {
        let metrics = Metrics::default();
        metrics.count(Counter::CasesExpired, 250);
        for ms in 0..250 {
            metrics.record(Span::SweepLateness, ms);
        }
        let lines = lines(&metrics);
        lines.iter().for_each(check);
        let lengths: Vec<_> = lines
            .iter()
            .map(|line| line["SweepLateness"].as_array().unwrap().len())
            .collect();
        assert_eq!(lengths, [100, 100, 50]);
        let counted: Vec<_> = lines
            .iter()
            .map(|line| line["CasesExpired"].as_i64())
            .collect();
        assert_eq!(counted, [Some(250), None, None]);
        let values = lines
            .iter()
            .flat_map(|line| line["SweepLateness"].as_array().unwrap());
        assert!(values.map(|ms| ms.as_i64().unwrap()).eq(0..250));
    }

    #[test]
    fn nothing_measured_is_nothing_written() {
        let metrics = Metrics::default();
        metrics.count(Counter::EventsStuck, 0);
        assert_eq!(lines(&metrics), Vec::<Value>::new());
        assert_eq!(metrics.summary(), "");
    }

    #[test]
    fn namespaces_are_what_cloudwatch_takes() {
        for good in ["Resound/prod", "a", "Resound/My-Stack_1.2#3:4 x"] {
            assert!(good.parse::<Namespace>().is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "AWS/Lambda",
            ":a",
            "é",
            "a\n",
            "a\"b",
            &"x".repeat(256),
        ] {
            assert_eq!(bad.parse::<Namespace>(), Err(InvalidNamespace), "{bad:?}");
        }
    }
}
