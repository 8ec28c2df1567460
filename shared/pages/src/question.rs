//! The score questions, as people are asked them.

use maud::{Markup, html};
use resound_domain::language::Language;
use resound_domain::score::{Ces, Csat, Nps};
use resound_domain::submission::Field;

/// A question that is answered with a score.
pub(crate) struct Question {
    field: Field,
    low: u8,
    high: u8,
    text: [&'static str; 3],
    ends: [[&'static str; 3]; 2],
    /// The id of the words at the ends of the scale.
    pub(crate) ends_id: &'static str,
}

impl Question {
    /// Net Promoter Score.
    pub(crate) const NPS: Self = Self {
        field: Field::Nps,
        low: Nps::LOW,
        high: Nps::HIGH,
        text: [
            "您有多大可能向朋友或同事推荐我们？",
            "您有多大可能向朋友或同事推薦我們？",
            "How likely are you to recommend us to a friend or colleague?",
        ],
        ends: [
            ["完全不可能", "完全不可能", "not at all likely"],
            ["非常可能", "非常可能", "extremely likely"],
        ],
        ends_id: "nps-ends",
    };

    /// Customer satisfaction.
    pub(crate) const CSAT: Self = Self {
        field: Field::Csat,
        low: Csat::LOW,
        high: Csat::HIGH,
        text: [
            "总的来说，您有多满意？",
            "整體而言，您有多滿意？",
            "Overall, how satisfied are you?",
        ],
        ends: [
            ["非常不满意", "非常不滿意", "very dissatisfied"],
            ["非常满意", "非常滿意", "very satisfied"],
        ],
        ends_id: "csat-ends",
    };

    /// Customer effort.
    pub(crate) const CES: Self = Self {
        field: Field::Ces,
        low: Ces::LOW,
        high: Ces::HIGH,
        text: [
            "“我们让您轻松办成了事。”您同意吗？",
            "「我們讓您輕鬆把事情辦好了。」您同意嗎？",
            "“We made it easy for you.” Do you agree?",
        ],
        ends: [
            ["完全不同意", "完全不同意", "not at all"],
            ["完全同意", "完全同意", "completely"],
        ],
        ends_id: "ces-ends",
    };

    /// What is asked.
    pub(crate) fn text(&self, language: impl Into<Language>) -> &'static str {
        let [zh_cn, zh_tw, en] = self.text;
        language.into().choose(zh_cn, zh_tw, en)
    }

    /// A button for each score, and what the lowest and the highest mean.
    pub(crate) fn scale(
        &self,
        language: impl Into<Language>,
        chosen: impl Fn(u8) -> bool,
    ) -> Markup {
        let language = language.into();
        let name = self.field.name();
        let end = |score: u8, [zh_cn, zh_tw, en]: [&str; 3]| {
            let colon = language.choose("：", "：", ": ");
            format!("{score}{colon}{}", language.choose(zh_cn, zh_tw, en))
        };
        let [lowest, highest] = self.ends;
        html! {
            div.scale.long[self.high - self.low > 6] {
                @for score in self.low..=self.high {
                    label for={ (name) "-" (score) } {
                        input id={ (name) "-" (score) } type="radio" name=(name) value=(score) checked[chosen(score)];
                        (score)
                    }
                }
            }
            p.ends id=(self.ends_id) {
                span { (end(self.low, lowest)) }
                span { (end(self.high, highest)) }
            }
        }
    }
}
