//! Why a day that was counted is counted again.

use serde::{Deserialize, Serialize};

/// Why a day that was counted is counted again, or came out differently. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A customer answered a question later than the rest.
    LateAnswer,
    /// A customer changed an answer.
    Edit,
    /// A response was erased.
    Erasure,
    /// Somebody asked for it.
    Replay,
    /// Other rules of counting: see [`METHOD`](super::METHOD).
    Rules,
    /// Nothing is known to have changed: the index showed late what was there.
    Lag,
}

impl Cause {
    /// Every cause.
    pub const EVERY: [Self; 6] = [
        Self::LateAnswer,
        Self::Edit,
        Self::Erasure,
        Self::Replay,
        Self::Rules,
        Self::Lag,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LateAnswer => "late_answer",
            Self::Edit => "edit",
            Self::Erasure => "erasure",
            Self::Replay => "replay",
            Self::Rules => "rules",
            Self::Lag => "lag",
        }
    }

    /// The cause of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|cause| cause.name() == name)
    }

    /// Whether it comes with a write that the index may not show yet. Where nothing was written, nothing is waited for.
    pub const fn follows_a_write(self) -> bool {
        match self {
            Self::LateAnswer | Self::Edit | Self::Erasure => true,
            Self::Replay | Self::Rules | Self::Lag => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_for_ever() {
        let names = Cause::EVERY.map(Cause::name);
        assert_eq!(
            names,
            ["late_answer", "edit", "erasure", "replay", "rules", "lag"]
        );
        for cause in Cause::EVERY {
            assert_eq!(Cause::from_name(cause.name()), Some(cause));
            let text = serde_json::to_string(&cause).unwrap();
            assert_eq!(text, format!("\"{}\"", cause.name()));
        }
    }
}
