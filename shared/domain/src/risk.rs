//! Risk rules: what many responses say together that none of them says alone.
//!
//! Everything here is a function of stored responses, so it can be computed again at any time and gives the same. The
//! only thing remembered is the [`Mark`]: up to where a rule has spoken about a subject. What it has spoken about
//! counts no more, so a rule that runs again, or runs after a response was erased, says nothing twice.
//!
//! | rule | looks at | raises | again |
//! |---|---|---|---|
//! | [`ChurnRisk`](Rule::ChurnRisk) | a customer | at the third [negative](is_negative) response in a row | after three more, or three of a later streak |
//! | [`Interview`](Rule::Interview) | a customer | at the third [complaint](is_complaint) | after three more |
//! | [`Anomaly`](Rule::Anomaly) | a product of a survey, by local day | when [`anomaly`] holds | after [`QUIET_DAYS`] |
//! | [`Crisis`](Rule::Crisis) | the same | when [`crisis`] holds | after [`QUIET_DAYS`] |
//! | [`Review`](Rule::Review) | the satisfaction of a survey, by [`Period`] | when [`review`] finds something | with the next period |

mod growth;
mod satisfaction;
mod streak;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::form::FormId;
use crate::id::ResponseId;
use crate::locale::Locale;
use crate::policy::{Audience, Priority};
use crate::score::{Scores, Standing};
use crate::triage::{Kind, Sentiment};

pub use growth::{FLOOR, Growth, QUIET_DAYS, anomaly, crisis, growth};
pub use satisfaction::{Assessment, FEWEST_ANSWERS, PERIODS, Period, review};
pub use streak::{Heard, Place, Triple, complaints, negatives_in_a_row};

/// Whether a response is negative: triage read an unhappy customer in it, or a score alone says so (NPS 0-6, CSAT 1-2,
/// CES 1-3), whatever the words beside it.
pub fn is_negative(sentiment: Sentiment, scores: Scores) -> bool {
    sentiment == Sentiment::Negative || scores.unhappy()
}

/// Whether a response is a complaint: triage took it for one, or the score is a detractor's (NPS 0-6).
///
/// What customers complain about are the categories function, performance and experience; a *question* about a
/// function has that category too and is none, so the kind decides. A complaint of which triage cannot tell what it is
/// about is one all the same.
pub fn is_complaint(kind: Kind, scores: Scores) -> bool {
    kind == Kind::Complaint
        || scores
            .nps
            .is_some_and(|nps| nps.standing() == Standing::Detractor)
}

/// The rules. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Three negative responses in a row from one customer.
    ChurnRisk,
    /// Three complaints of one customer.
    Interview,
    /// The complaints about a product grow three days running.
    Anomaly,
    /// The complaints about a product double daily.
    Crisis,
    /// The satisfaction of a survey moved.
    Review,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 5] = [
        Self::ChurnRisk,
        Self::Interview,
        Self::Anomaly,
        Self::Crisis,
        Self::Review,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChurnRisk => "churn_risk",
            Self::Interview => "interview",
            Self::Anomaly => "anomaly",
            Self::Crisis => "crisis",
            Self::Review => "review",
        }
    }

    /// The rule of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// How urgent its task is.
    pub const fn priority(self) -> Priority {
        match self {
            Self::Crisis => Priority::P1,
            Self::ChurnRisk | Self::Anomaly => Priority::P2,
            Self::Interview | Self::Review => Priority::P3,
        }
    }

    /// Who is told when it raises a task; warnings and breaches of that follow the ladder, as those of any case.
    pub const fn audience(self) -> Audience {
        match self {
            Self::Crisis => Audience::Executive,
            Self::ChurnRisk | Self::Anomaly => Audience::TeamLead,
            Self::Interview | Self::Review => Audience::Owner,
        }
    }
}

/// What a rule found: the matter of a task. Names are persisted: append only.
///
/// It is kept in the log of the task, which outlives an erasure: ids and numbers, and the name of a product that many
/// responses share. Who the customer is stands in the responses alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Three negative responses in a row from one customer.
    ChurnRisk {
        /// The responses, the oldest first.
        evidence: [ResponseId; 3],
    },
    /// Three complaints of one customer.
    Interview {
        /// The responses, the oldest first.
        evidence: [ResponseId; 3],
    },
    /// The complaints about a product grew three days running.
    Anomaly(Surge),
    /// The complaints about a product doubled daily.
    Crisis(Surge),
    /// The satisfaction of a survey moved.
    Review {
        /// The survey.
        survey: FormId,
        /// The first day of the earlier period.
        from: Date,
        /// What it was then.
        before: Assessment,
        /// The last day of the later period.
        to: Date,
        /// What it is now.
        after: Assessment,
    },
}

/// The complaints about a product on days in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surge {
    /// The survey.
    pub survey: FormId,
    /// The product, as senders name it.
    pub product: String,
    /// The last of the days: the local day of the survey.
    pub day: Date,
    /// How many complaints there were, the last day last.
    pub complaints: Vec<u64>,
    /// Some of those of the last day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<ResponseId>,
}

/// Up to where a rule has spoken about a subject. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The last response of a customer that it has counted.
    Response(Place),
    /// The last day that it has judged.
    Day(Date),
}

impl Task {
    /// The rule that found it.
    pub const fn rule(&self) -> Rule {
        match self {
            Self::ChurnRisk { .. } => Rule::ChurnRisk,
            Self::Interview { .. } => Rule::Interview,
            Self::Anomaly(_) => Rule::Anomaly,
            Self::Crisis(_) => Rule::Crisis,
            Self::Review { .. } => Rule::Review,
        }
    }

    /// The responses that show it, as far as they are kept with it.
    pub fn evidence(&self) -> &[ResponseId] {
        match self {
            Self::ChurnRisk { evidence } | Self::Interview { evidence } => evidence,
            Self::Anomaly(surge) | Self::Crisis(surge) => &surge.evidence,
            Self::Review { .. } => &[],
        }
    }

    /// What happened, in one line. Holds the name of a product, which others chose.
    pub fn title(&self, locale: Locale) -> String {
        let zh = locale == Locale::ZhCn;
        match self {
            Self::ChurnRisk { .. } => locale
                .choose(
                    "流失风险：同一客户连续三次负面反馈",
                    "Churn risk: three negative responses in a row from one customer",
                )
                .to_owned(),
            Self::Interview { .. } => locale
                .choose(
                    "深度访谈：同一客户已投诉三次",
                    "Deep interview: three complaints from one customer",
                )
                .to_owned(),
            Self::Anomaly(Surge {
                product,
                complaints,
                ..
            }) => {
                let days = days(complaints);
                if zh {
                    format!("投诉异常：“{product}”的投诉连续三天增长超过 20%（{days}）")
                } else {
                    format!(
                        "Anomaly: complaints about “{product}” are up more than 20% three days running ({days})"
                    )
                }
            }
            Self::Crisis(Surge {
                product,
                complaints,
                ..
            }) => {
                let days = days(complaints);
                if zh {
                    format!("投诉危机：“{product}”的投诉逐日翻倍（{days}）")
                } else {
                    format!("Crisis: complaints about “{product}” double daily ({days})")
                }
            }
            Self::Review {
                survey,
                from,
                before,
                to,
                after,
            } => {
                let (was, is) = (before.percent(), after.percent());
                if zh {
                    format!(
                        "满意度复核：{survey} 的满意度由 {was}% 变为 {is}%（{from} 起 30 天与截至 {to} 的 30 天）"
                    )
                } else {
                    format!(
                        "Review: satisfaction of {survey} went from {was}% to {is}% (30 days from {from}, 30 days to {to})"
                    )
                }
            }
        }
    }
}

/// `3 → 5 → 9`.
fn days(complaints: &[u64]) -> String {
    let days: Vec<_> = complaints.iter().map(u64::to_string).collect();
    days.join(" → ")
}

/// The responses behind `after`, in order, each once.
fn behind(heard: &[Heard], after: Option<Place>) -> Vec<Heard> {
    let mut heard: Vec<_> = heard
        .iter()
        .filter(|heard| after.is_none_or(|after| heard.place > after))
        .copied()
        .collect();
    heard.sort_unstable_by_key(|heard| heard.place);
    heard.dedup_by_key(|heard| heard.place);
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Csat, Nps};

    fn nps(n: u8) -> Scores {
        Scores {
            nps: Nps::try_from(n).ok(),
            ..Scores::default()
        }
    }

    #[test]
    fn what_is_negative_and_what_is_a_complaint() {
        let none = Scores::default();
        let csat = |n| Scores {
            csat: Csat::try_from(n).ok(),
            ..none
        };
        for (kind, sentiment, scores, negative, complaint) in [
            (Kind::Complaint, Sentiment::Negative, none, true, true),
            // Sober words: a complaint, and nobody is said to be unhappy.
            (Kind::Complaint, Sentiment::Neutral, none, false, true),
            // An unhappy question is no complaint.
            (Kind::Question, Sentiment::Negative, none, true, false),
            (Kind::Question, Sentiment::Neutral, none, false, false),
            (Kind::Praise, Sentiment::Positive, none, false, false),
            // The score decides, whatever the words.
            (Kind::Praise, Sentiment::Positive, nps(6), true, true),
            (Kind::Other, Sentiment::Neutral, nps(7), false, false),
            (Kind::Complaint, Sentiment::Neutral, csat(2), true, true),
            (Kind::Other, Sentiment::Neutral, csat(3), false, false),
        ] {
            let found = (is_negative(sentiment, scores), is_complaint(kind, scores));
            assert_eq!(
                found,
                (negative, complaint),
                "{kind:?} {sentiment:?} {scores:?}"
            );
        }
    }

    #[test]
    fn names_are_kept() {
        for rule in Rule::ALL {
            assert_eq!(Rule::from_name(rule.name()), Some(rule));
            let written = serde_json::to_value(rule).unwrap();
            assert_eq!(written, rule.name());
        }
    }

    /// One of each, as it is written.
    fn samples() -> Vec<Task> {
        let id = |n| ResponseId::from_bits(n);
        let surge = |complaints: &[u64]| Surge {
            survey: FormId::default_form(),
            product: "kettle <b>".to_owned(),
            day: jiff::civil::date(2026, 11, 21),
            complaints: complaints.to_vec(),
            evidence: vec![id(4)],
        };
        let assessment = |satisfied, answered| Assessment {
            satisfied,
            answered,
        };
        vec![
            Task::ChurnRisk {
                evidence: [id(1), id(2), id(3)],
            },
            Task::Interview {
                evidence: [id(1), id(2), id(3)],
            },
            Task::Anomaly(surge(&[5, 7, 9, 12])),
            Task::Crisis(surge(&[5, 10, 20])),
            Task::Review {
                survey: FormId::default_form(),
                from: jiff::civil::date(2026, 8, 1),
                before: assessment(163, 200),
                to: jiff::civil::date(2026, 10, 31),
                after: assessment(120, 200),
            },
        ]
    }

    #[test]
    fn what_is_written_reads_back_and_never_changes() {
        let written: Vec<_> = samples()
            .iter()
            .map(|task| {
                let text = serde_json::to_string(task).unwrap();
                assert_eq!(&serde_json::from_str::<Task>(&text).unwrap(), task);
                text
            })
            .collect();
        assert_eq!(
            written,
            [
                r#"{"churn_risk":{"evidence":["00000000000000000000000001","00000000000000000000000002","00000000000000000000000003"]}}"#,
                r#"{"interview":{"evidence":["00000000000000000000000001","00000000000000000000000002","00000000000000000000000003"]}}"#,
                r#"{"anomaly":{"survey":"default","product":"kettle <b>","day":"2026-11-21","complaints":[5,7,9,12],"evidence":["00000000000000000000000004"]}}"#,
                r#"{"crisis":{"survey":"default","product":"kettle <b>","day":"2026-11-21","complaints":[5,10,20],"evidence":["00000000000000000000000004"]}}"#,
                r#"{"review":{"survey":"default","from":"2026-08-01","before":{"satisfied":163,"answered":200},"to":"2026-10-31","after":{"satisfied":120,"answered":200}}}"#,
            ]
        );
    }

    #[test]
    fn titles_say_it_in_both_languages() {
        let titles: Vec<_> = samples()
            .iter()
            .flat_map(|task| [Locale::ZhCn, Locale::En].map(|locale| task.title(locale)))
            .collect();
        assert_eq!(
            titles,
            [
                "流失风险：同一客户连续三次负面反馈",
                "Churn risk: three negative responses in a row from one customer",
                "深度访谈：同一客户已投诉三次",
                "Deep interview: three complaints from one customer",
                "投诉异常：“kettle <b>”的投诉连续三天增长超过 20%（5 → 7 → 9 → 12）",
                "Anomaly: complaints about “kettle <b>” are up more than 20% three days running (5 → 7 → 9 → 12)",
                "投诉危机：“kettle <b>”的投诉逐日翻倍（5 → 10 → 20）",
                "Crisis: complaints about “kettle <b>” double daily (5 → 10 → 20)",
                "满意度复核：default 的满意度由 81.5% 变为 60.0%（2026-08-01 起 30 天与截至 2026-10-31 的 30 天）",
                "Review: satisfaction of default went from 81.5% to 60.0% (30 days from 2026-08-01, 30 days to 2026-10-31)",
            ]
        );
    }
}
