//! Whether an address may be written to, and for what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::issue::Note;

/// What a message to a customer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It answers what they sent: a reply, a question about it, an outcome.
    Answer,
    /// They did not ask for it: a survey, an invitation, an announcement.
    Outreach,
}

/// Why nothing is sent to an address. Names are persisted: append only.
///
/// Each stands for itself. A mailbox that is mended is still one whose owner has unsubscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Its provider says that it does not exist, or takes nothing from us, for good.
    HardBounce,
    /// Its owner called a message of ours unwanted.
    Complaint,
    /// Staff put it on the list.
    ByHand,
    /// Its owner wants nothing but answers.
    Unsubscribed,
}

/// That something is not sent to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Why.
    pub reason: Reason,
    /// When that happened: as the provider tells, or as the owner or staff asked for it.
    pub since: Timestamp,
    /// The provider's name for the message that it happened to.
    pub source: Option<String>,
}

/// What staff did about an address that must not be written to, or must again. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// They put it on the list.
    Listed,
    /// They took it off.
    Lifted,
}

/// Who did something to the list, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// Business time.
    pub at: Timestamp,
    /// Who: the `sub` of a token.
    pub by: String,
    /// Why, in their words, without personal data.
    pub why: Note,
}

/// An entry of the audit trail of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// For which reason it was on the list, or is.
    pub reason: Reason,
    /// What was done.
    pub act: Act,
    /// By whom, when, and why.
    pub hand: ByHand,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [
        Self::HardBounce,
        Self::Complaint,
        Self::ByHand,
        Self::Unsubscribed,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::ByHand => "by_hand",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether a message for this purpose is held back. Who unsubscribed still hears the answer to what they sent.
    pub const fn stops(self, purpose: Purpose) -> bool {
        match self {
            Self::HardBounce | Self::Complaint | Self::ByHand => true,
            Self::Unsubscribed => matches!(purpose, Purpose::Outreach),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_known_by_its_name() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.name()), Some(reason));
        }
        assert_eq!(Reason::from_name("soft_bounce"), None);
    }

    #[test]
    fn who_unsubscribed_still_hears_answers() {
        for reason in Reason::ALL {
            assert!(reason.stops(Purpose::Outreach), "{reason:?}");
            let answered = reason == Reason::Unsubscribed;
            assert_eq!(!reason.stops(Purpose::Answer), answered, "{reason:?}");
        }
    }
}
