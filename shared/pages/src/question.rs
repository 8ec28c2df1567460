//! The score questions, as people are asked them.

use maud::{Markup, html};
use resound_domain::locale::Locale;
use resound_domain::score::{Ces, Csat, Nps};
use resound_domain::submission::Field;

/// A question that is answered with a score.
pub(crate) struct Question {
    field: Field,
    low: u8,
    high: u8,
    text: [&'static str; 2],
    ends: [[&'static str; 2]; 2],
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
            "How likely are you to recommend us to a friend or colleague?",
        ],
        ends: [
            ["完全不可能", "not at all likely"],
            ["非常可能", "extremely likely"],
        ],
        ends_id: "nps-ends",
    };

    /// Customer satisfaction.
    pub(crate) const CSAT: Self = Self {
        field: Field::Csat,
        low: Csat::LOW,
        high: Csat::HIGH,
        text: ["总的来说，您有多满意？", "Overall, how satisfied are you?"],
        ends: [
            ["非常不满意", "very dissatisfied"],
            ["非常满意", "very satisfied"],
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
            "“We made it easy for you.” Do you agree?",
        ],
        ends: [["完全不同意", "not at all"], ["完全同意", "completely"]],
        ends_id: "ces-ends",
    };

    /// What is asked.
    pub(crate) const fn text(&self, locale: Locale) -> &'static str {
        let [zh_cn, en] = self.text;
        locale.choose(zh_cn, en)
    }

    /// A button for each score, and what the lowest and the highest mean.
    pub(crate) fn scale(&self, locale: Locale, chosen: impl Fn(u8) -> bool) -> Markup {
        let name = self.field.name();
        let end = |score: u8, [zh_cn, en]: [&str; 2]| match locale {
            Locale::ZhCn => format!("{score}：{zh_cn}"),
            Locale::En => format!("{score}: {en}"),
        };
        let [lowest, highest] = self.ends;
        html! {
            div.scale {
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
