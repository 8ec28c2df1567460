//! "Did this solve it?" and a place for further words, on the status page.

use maud::{Markup, html};
use resound_domain::confirmation::{Solved, question};
use resound_domain::event::Ending;
use resound_domain::language::Language;
use resound_domain::submission::TEXT_LIMIT;

/// The question that goes with an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionView<'a> {
    /// Where the answer is sent.
    pub action: &'a str,
    /// The seq of the event that told of the outcome.
    pub outcome: u32,
    /// What the outcome was.
    pub ending: Ending,
    /// What the customer has said to it.
    pub said: Option<Solved>,
    /// What the link says that they came by; nothing is said by following it.
    pub leaning: Option<Solved>,
}

/// A place to write to staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageView<'a> {
    /// Where the words are sent.
    pub action: &'a str,
    /// The key of this page, which makes sending it twice the same as once. New for every page shown.
    pub idempotency_key: &'a str,
}

/// The question with a button for each answer, or what was said. *No* can be said at any time, and with words.
pub(crate) fn asked(view: &QuestionView<'_>, language: Language) -> Markup {
    let no = |open: bool, summary: &str| {
        html! {
            details open[open] {
                summary { (summary) }
                form method="post" action=(view.action) {
                    input type="hidden" name="outcome" value=(view.outcome);
                    input type="hidden" name="solved" value=(Solved::No.name());
                    label for="missing" {
                        (language.choose("还有什么没解决？", "還有什麼沒解決？", "What is still missing?"))
                        " " span.plain { (language.choose("（选填）", "（選填）", "(optional)")) }
                    }
                    textarea #missing name="text" maxlength=(TEXT_LIMIT) {}
                    p { button { (language.choose("请重新处理", "請重新處理", "Take it up again")) } }
                }
            }
        }
    };
    html! {
        div.box.good #solved {
            @match view.said {
                None => {
                    h2 { (question(view.ending, language)) }
                    form method="post" action=(view.action) {
                        input type="hidden" name="outcome" value=(view.outcome);
                        input type="hidden" name="solved" value=(Solved::Yes.name());
                        p { button { (Solved::Yes.text(view.ending, language)) } }
                    }
                    (no(view.leaning == Some(Solved::No), Solved::No.text(view.ending, language)))
                }
                Some(Solved::Yes) => {
                    h2 { (language.choose("您告诉我们：可以了。谢谢！", "您告訴我們：可以了。謝謝！", "You told us that all is well. Thank you!")) }
                    (no(false, language.choose("其实还没有解决", "其實還沒有解決", "It is not solved after all")))
                }
                Some(Solved::No) => {
                    h2 { (language.choose("您告诉我们问题还没有解决", "您告訴我們問題還沒有解決", "You told us that it is not solved")) }
                    p { (language.choose("负责人已经知道，我们会重新处理，并给您新的答复。", "負責人已經知道，我們會重新處理，並給您新的答覆。", "The person in charge knows. We have taken it up again and will write to you.")) }
                }
            }
        }
    }
}

/// A place for words; `wanted` if we wait for them.
pub(crate) fn words(view: &MessageView<'_>, wanted: bool, language: Language) -> Markup {
    html! {
        details #write open[wanted] {
            summary { (if wanted { language.choose("回复我们", "回覆我們", "Reply") } else { language.choose("补充说明", "補充說明", "Add something") }) }
            form method="post" action=(view.action) {
                input type="hidden" name="idempotency_key" value=(view.idempotency_key);
                label for="words" { (language.choose("您想说的话", "您想說的話", "Your words")) }
                textarea #words name="text" required maxlength=(TEXT_LIMIT) {}
                p { button { (language.choose("发送", "送出", "Send")) } }
            }
        }
    }
}
