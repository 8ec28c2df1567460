//! Triage: what a submission is about, at once and without a network call.
//!
//! The rules are lexicons and a few decisions, so every answer can be explained. A statistical model can replace the
//! reading of the words behind [`triage`] without anyone noticing but [`Triage::model`].

mod lexicon_en;
mod lexicon_zh;
mod reading;

use serde::{Deserialize, Serialize};

use crate::locale::Locale;
use crate::score::Scores;
use crate::submission::{Channel, Submission};
use reading::Reading;

/// The version of the rules, kept with every answer.
pub const MODEL: &str = "rules-1";

/// Below this confidence, in percent, a person decides.
pub const UNSURE_BELOW: u8 = 60;

macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The persisted and published name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.name() == name)
            }
        }
    };
}

closed! {
    /// What the customer is doing. Names are persisted: append only.
    Kind {
        /// Something is wrong.
        Complaint = "complaint",
        /// They want to know something.
        Question = "question",
        /// They wish for something.
        Suggestion = "suggestion",
        /// They are pleased.
        Praise = "praise",
        /// None of these, or it cannot be told.
        Other = "other",
    }
}

closed! {
    /// What it is about. Names are persisted: append only.
    Category {
        /// Something is missing, broken or hard to operate.
        Function = "function",
        /// Slow, freezing, crashing; or the thing itself fails.
        Performance = "performance",
        /// Unfriendly or cumbersome: interface, process, staff, delivery.
        Experience = "experience",
        /// A wish.
        Suggestion = "suggestion",
        /// Praise.
        Praise = "praise",
        /// None of these, or it cannot be told.
        Other = "other",
    }
}

closed! {
    /// Where on the customer's way it happened. Names are persisted: append only.
    Touchpoint {
        /// Using the product.
        Product = "product",
        /// Talking to the company.
        Service = "service",
        /// Advertising, campaigns, coupons.
        Marketing = "marketing",
        /// Dispatch and delivery.
        Logistics = "logistics",
        /// Returns, refunds, repairs.
        Aftersales = "aftersales",
    }
}

closed! {
    /// How the customer feels. Names are persisted: append only.
    Sentiment {
        /// Unhappy.
        Negative = "negative",
        /// Neither, or both.
        Neutral = "neutral",
        /// Happy.
        Positive = "positive",
    }
}

closed! {
    /// Why it cannot wait. The gravest comes first. Names are persisted: append only.
    Severity {
        /// Somebody was or could be hurt.
        Safety = "safety",
        /// They speak of lawyers, courts, regulators or the police.
        LegalThreat = "legal_threat",
        /// Data is lost or leaked, an account taken over.
        DataLoss = "data_loss",
        /// Money was taken wrongly.
        Payment = "payment",
        /// Counterfeit, spoiled or contaminated goods, a bad batch.
        QualityIncident = "quality_incident",
    }
}

/// What triage makes of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triage {
    /// What the customer is doing.
    pub kind: Kind,
    /// What it is about.
    pub category: Category,
    /// Where it happened, if that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<Touchpoint>,
    /// How the customer feels.
    pub sentiment: Sentiment,
    /// The language of the text, if it is one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// Why it cannot wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Whether something is asked, whatever the kind.
    pub asks: bool,
    /// How sure the rules are of the kind, in percent.
    pub confidence: u8,
    /// Whether a person should decide instead.
    pub needs_person: bool,
    /// What made this of it.
    pub model: String,
}

impl Triage {
    /// Whether it needs an answer from a person.
    ///
    /// Complaints (an unhappy score is one, see [`Scores::unhappy`]), questions, suggestions, severity signals and
    /// anything that asks something do; so do words that triage cannot read, since deciding about them is a person's
    /// work. Plain praise, and happy or middling scores without words that ask, do not.
    pub fn opens_case(&self) -> bool {
        match self.kind {
            Kind::Complaint | Kind::Question | Kind::Suggestion => true,
            Kind::Praise => self.asks || self.severity.is_some(),
            Kind::Other => self.asks || self.severity.is_some() || self.needs_person,
        }
    }
}

/// What triage looks at.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What the customer wrote.
    pub text: Option<&'a str>,
    /// The scores they gave.
    pub scores: Scores,
    /// The channel it came by.
    pub channel: Channel,
    /// The touchpoint the sender named. One of ours is taken as it is.
    pub touchpoint: Option<&'a str>,
}

impl<'a> From<&'a Submission> for Input<'a> {
    fn from(submission: &'a Submission) -> Self {
        Self {
            text: submission.text.as_deref(),
            scores: submission.scores(),
            channel: submission.channel,
            touchpoint: submission.touchpoint.as_deref(),
        }
    }
}

/// What this submission is about. Pure: the same input gives the same answer.
pub fn triage(input: &Input<'_>) -> Triage {
    let text = input.text.unwrap_or_default();
    let reading = Reading::of(text);
    let (kind, confidence) = judge(&reading, input.scores, input.text.is_some());
    let touchpoint = input
        .touchpoint
        .and_then(Touchpoint::from_name)
        .or_else(|| reading.touchpoint());
    Triage {
        kind,
        category: match kind {
            Kind::Suggestion => Category::Suggestion,
            Kind::Praise => Category::Praise,
            Kind::Complaint | Kind::Question | Kind::Other => reading.category(touchpoint),
        },
        touchpoint,
        sentiment: feeling(&reading, input.scores),
        language: Locale::of_text(text),
        severity: reading.severity(),
        asks: reading.asks,
        confidence,
        needs_person: confidence < UNSURE_BELOW,
        model: MODEL.to_owned(),
    }
}

/// The kind, and how sure we are of it in percent.
fn judge(reading: &Reading, scores: Scores, has_text: bool) -> (Kind, u8) {
    let tone = reading.tone();
    if scores.unhappy() {
        // The score decides; kind words beside it only make us less sure.
        return (Kind::Complaint, if tone > 1 { 75 } else { 95 });
    }
    if reading.severity().is_some() {
        return (Kind::Complaint, 85);
    }
    if !has_text {
        return if scores.happy() {
            (Kind::Praise, 95)
        } else {
            (Kind::Other, 95)
        };
    }
    let conflict: u8 = if reading.good > 0 && reading.bad > 0 {
        15
    } else {
        0
    };
    let strength = 50_u8.saturating_add(
        u8::try_from(tone.unsigned_abs().min(4))
            .unwrap_or(4)
            .saturating_mul(11),
    );
    if reading.wishes && tone > -3 {
        return (Kind::Suggestion, 80_u8.saturating_sub(conflict));
    }
    if reading.asks && tone > -2 {
        return (Kind::Question, 80_u8.saturating_sub(conflict));
    }
    match tone {
        // Unhappy words beside a happy score: a person should look, and the case opens.
        ..0 if scores.happy() => (Kind::Complaint, 55),
        ..0 => (Kind::Complaint, strength.saturating_sub(conflict)),
        0 if scores.happy() => (Kind::Praise, 80),
        // A middling score, and words that say nothing against it.
        0 if !scores.is_empty() && reading.bad == 0 => (Kind::Other, 65),
        0 => (Kind::Other, 30),
        _ if scores.happy() => (Kind::Praise, 95),
        _ => (Kind::Praise, strength.saturating_sub(conflict)),
    }
}

/// How the customer feels: the words, with the weight of two words for the scores.
fn feeling(reading: &Reading, scores: Scores) -> Sentiment {
    let score = if scores.unhappy() {
        -4
    } else if scores.happy() {
        3
    } else {
        0
    };
    match reading.tone() + score {
        ..0 => Sentiment::Negative,
        0 => Sentiment::Neutral,
        1.. => Sentiment::Positive,
    }
}
