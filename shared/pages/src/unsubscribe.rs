//! Where an address asks for no more news.

use maud::html;
use resound_domain::locale::Locale;

use crate::layout::{Page, same_page_in_other_language};

/// What the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeView {
    /// The language of the page.
    pub locale: Locale,
    /// Whether it is done.
    pub done: bool,
}

/// The page that asks, with one button, and the one that says that it is done. The form is sent to where the page is.
pub fn unsubscribe_page(view: &UnsubscribeView) -> String {
    let locale = view.locale;
    let title = match view.done {
        true => locale.choose("已退订", "Unsubscribed"),
        false => locale.choose("不再接收通知", "No more news"),
    };
    Page {
        locale,
        title,
        other_language: (!view.done).then(|| same_page_in_other_language(locale)),
        content: html! {
            h1 { (title) }
            @if view.done {
                p { (locale.choose(
                    "我们不会再向这个邮箱发送产品改进、试用邀请和调查。",
                    "We will not write to this address about improvements, trials and surveys any more.",
                )) }
            } @else {
                p { (locale.choose(
                    "不再向这个邮箱发送产品改进、试用邀请和调查？",
                    "Write to this address no more about improvements, trials and surveys?",
                )) }
                form method="post" { p { button { (locale.choose("退订", "Unsubscribe")) } } }
            }
            p.hint { (locale.choose(
                "您反馈的答复仍会送达。",
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
        for locale in [Locale::ZhCn, Locale::En] {
            let page = |done| unsubscribe_page(&UnsubscribeView { locale, done });
            let (asking, done) = (page(false), page(true));
            assert!(asking.contains("<form method=\"post\">") && asking.contains("<button>"));
            assert!(!done.contains("<form") && !done.contains("<button"));
            let lang = format!("lang=\"{}\"", locale.tag());
            assert!(asking.contains(&lang) && done.contains(&lang));
        }
    }
}
