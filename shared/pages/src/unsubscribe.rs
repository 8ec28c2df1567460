//! Where an address asks for no more news.

use maud::html;
use resound_domain::language::Language;

use crate::layout::{Page, same_page_in_other_language};

/// What the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeView {
    /// The language of the page.
    pub language: Language,
    /// Whether it is done.
    pub done: bool,
}

/// The page that asks, with one button, and the one that says that it is done. The form is sent to where the page is.
pub fn unsubscribe_page(view: &UnsubscribeView) -> String {
    let language = view.language;
    let title = match view.done {
        true => language.choose("已退订", "已取消訂閱", "Unsubscribed"),
        false => language.choose("不再接收通知", "不再接收通知", "No more news"),
    };
    let other = same_page_in_other_language(language, Language::ZhCn);
    Page {
        locale: language,
        title,
        other_language: (!view.done).then_some(&other),
        content: html! {
            h1 { (title) }
            @if view.done {
                p { (language.choose(
                    "我们不会再向这个邮箱发送产品改进、试用邀请和调查。", "我們不會再向這個信箱寄送產品改進、試用邀請與問卷。",
                    "We will not write to this address about improvements, trials and surveys any more.",
                )) }
            } @else {
                p { (language.choose(
                    "不再向这个邮箱发送产品改进、试用邀请和调查？", "不再向這個信箱寄送產品改進、試用邀請與問卷？",
                    "Write to this address no more about improvements, trials and surveys?",
                )) }
                form method="post" { p { button { (language.choose("退订", "取消訂閱", "Unsubscribe")) } } }
            }
            p.hint { (language.choose(
                "您反馈的答复仍会送达。", "您意見的答覆仍會送達。",
                "Answers to what you sent us still reach you.",
            )) }
        },
    }
    .into_html()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_by_a_button_and_says_when_it_is_done() {
        for language in Language::ALL {
            let page = |done| unsubscribe_page(&UnsubscribeView { language, done });
            let (asking, done) = (page(false), page(true));
            assert!(asking.contains("<form method=\"post\">") && asking.contains("<button>"));
            assert!(!done.contains("<form") && !done.contains("<button"));
            let lang = format!("lang=\"{}\"", language.tag());
            assert!(asking.contains(&lang) && done.contains(&lang));
        }
    }
}
