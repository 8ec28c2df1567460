//! Why a day that was counted is counted again.

use serde::{Deserialize, Serialize};

use crate::locale::Locale;

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

    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        let (zh_cn, en) = match self {
            Self::LateAnswer => (
                "客户后来补答了问题",
                "a customer answered later than the rest",
            ),
            Self::Edit => ("客户修改了答案", "a customer changed an answer"),
            Self::Erasure => ("有反馈被删除", "a response was erased"),
            Self::Replay => ("有人要求重算", "somebody asked for a recount"),
            Self::Rules => ("计数规则有变", "other rules of counting"),
            Self::Lag => (
                "当时尚未显示的数据现已计入",
                "what was there already showed late",
            ),
        };
        locale.choose(zh_cn, en)
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
