//! Where somebody who was invited says whether they take part, and whether it is fixed.

use maud::{Markup, html};
use resound_domain::issue::tester::Word;
use resound_domain::language::Language;

use crate::layout::{Page, same_page_in_other_language};
use crate::text::Clean;

/// What the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BetaView<'a> {
    /// The language of the page.
    pub language: Language,
    /// Which Chinese is offered to who reads it in English.
    pub chinese: Language,
    /// Where the status page of what they reported is.
    pub status: &'a str,
    /// How to take part, by staff, and the language it is in.
    pub words: (Language, &'a str),
    /// Whether they can join still.
    pub can_join: bool,
    /// Whether it goes on.
    pub is_open: bool,
    /// Whether those who joined are asked whether it is fixed.
    pub asks: bool,
    /// Whether they take part; `None` if they have not said.
    pub takes_part: Option<bool>,
    /// Whether it is fixed for them; `None` if they have not said.
    pub is_fixed: Option<bool>,
}

/// The page, with a button for each word. The forms are sent to where the page is.
pub fn beta_page(view: &BetaView<'_>) -> String {
    let (language, takes_part) = (view.language, view.takes_part == Some(true));
    let title = language.choose("率先试用", "率先試用", "Try it first");
    let (wrote, words) = view.words;
    Page {
        locale: language,
        title,
        other_language: Some(&same_page_in_other_language(language, view.chinese)),
        content: html! {
            h1 { (title) }
            @if view.is_open {
                p { (language.choose(
                    "针对您反馈的问题，我们做了改进。在告知所有人之前，邀请您先行试用：", "針對您反映的問題，我們做了改進。在告知所有人之前，邀請您先行試用：", "We have worked on what you reported. Before we tell everybody, you can try it:",
                )) }
                blockquote lang=(wrote.tag()) dir="auto" { (Clean(words)) }
                @if takes_part { (taking_part(view)) } @else { (invited(view)) }
            } @else {
                p { (language.choose("试用已结束，谢谢您。", "試用已結束，謝謝您。", "The trial is over. Thank you.")) }
            }
            p { a href=(view.status) { (language.choose("查看您的反馈", "查看您的意見", "See your feedback")) } }
        },
    }
    .into_html()
}

fn invited(view: &BetaView<'_>) -> Markup {
    let language = view.language;
    html! {
        @if view.takes_part == Some(false) {
            p { (language.choose("您选择了不参加。", "您選擇了不參加。", "You said that you do not take part.")) }
        }
        @if view.can_join {
            (button(Word::Joined, language.choose("参加试用", "參加試用", "Take part")))
            @if view.takes_part.is_none() {
                (button(Word::Declined, language.choose("这次不参加", "這次不參加", "Not this time")))
            }
        } @else {
            p { (language.choose("现在不能再参加了。", "現在不能再參加了。", "It is too late to join.")) }
        }
    }
}

fn taking_part(view: &BetaView<'_>) -> Markup {
    let language = view.language;
    html! {
        div.box.good {
            h2 { (language.choose("您已参加试用。谢谢！", "您已參加試用。謝謝！", "You take part. Thank you!")) }
            @if view.asks {
                @match view.is_fixed {
                    None => p { (language.choose("问题解决了吗？", "問題解決了嗎？", "Is it fixed for you?")) },
                    Some(true) => p { (language.choose("您告诉我们：已经解决。", "您告訴我們：已經解決。", "You told us that it is fixed.")) },
                    Some(false) => p { (language.choose("您告诉我们：还没有解决。", "您告訴我們：還沒有解決。", "You told us that it is not fixed.")) },
                }
                @if view.is_fixed != Some(true) {
                    (button(Word::Fixed, language.choose("已经解决", "已經解決", "Yes, it is fixed")))
                }
                @if view.is_fixed != Some(false) {
                    (button(Word::NotFixed, language.choose("还没有解决", "還沒有解決", "No, it is not")))
                }
            } @else {
                p { (language.choose("过些时候我们会写信问您问题是否解决。", "過些時候我們會寫信問您問題是否解決。", "We will write and ask you whether it is fixed.")) }
            }
        }
        (button(Word::Declined, language.choose("退出试用", "退出試用", "Take part no longer")))
    }
}

fn button(word: Word, label: &str) -> Markup {
    html! {
        form method="post" {
            input type="hidden" name="says" value=(word.name());
            p { button { (label) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITED: BetaView<'static> = BetaView {
        language: Language::En,
        chinese: Language::ZhCn,
        status: "/v1/receipts/token?lang=en",
        words: (Language::En, "Install 2.4 <beta> & see"),
        can_join: true,
        is_open: true,
        asks: false,
        takes_part: None,
        is_fixed: None,
    };

    /// What can be said on a page.
    fn buttons(view: &BetaView<'_>) -> Vec<&'static str> {
        let page = beta_page(view);
        let words = Word::ALL.into_iter().map(Word::name);
        words
            .filter(|word| page.contains(&format!("name=\"says\" value=\"{word}\"")))
            .collect()
    }

    #[test]
    fn there_is_a_button_for_each_word_that_would_be_heard() {
        let joined = BetaView {
            takes_part: Some(true),
            ..INVITED
        };
        let asked = BetaView {
            asks: true,
            ..joined
        };
        let fixed = BetaView {
            is_fixed: Some(true),
            ..asked
        };
        let declined = BetaView {
            takes_part: Some(false),
            ..INVITED
        };
        let late = BetaView {
            can_join: false,
            ..INVITED
        };
        let over = BetaView {
            is_open: false,
            ..fixed
        };
        for (view, expected) in [
            (INVITED, vec!["joined", "declined"]),
            (joined, vec!["declined"]),
            (asked, vec!["declined", "fixed", "not_fixed"]),
            (fixed, vec!["declined", "not_fixed"]),
            (declined, vec!["joined"]),
            (late, vec![]),
            (over, vec![]),
        ] {
            for language in Language::ALL {
                let view = BetaView { language, ..view };
                assert_eq!(buttons(&view), expected, "{view:?}");
                assert!(beta_page(&view).contains(&format!("lang=\"{}\"", language.tag())));
            }
        }
    }

    #[test]
    fn it_leads_on() {
        for is_open in [true, false] {
            let view = BetaView {
                chinese: Language::ZhTw,
                is_open,
                ..INVITED
            };
            let page = beta_page(&view);
            assert!(page.contains("<a href=\"/v1/receipts/token?lang=en\">"));
            assert!(page.contains("href=\"?lang=zh-TW\""));
        }
    }

    #[test]
    fn what_staff_wrote_is_escaped() {
        let page = beta_page(&INVITED);
        assert!(page.contains("Install 2.4 &lt;beta&gt; &amp; see"));
    }
}
