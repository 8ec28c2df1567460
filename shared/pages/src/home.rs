//! The front door.

use maud::html;
use resound_domain::language::Language;
use resound_domain::locale::Locale;

use crate::layout::{Page, same_page_in_other_language};

/// What the home page shows.
#[derive(Debug, Clone, Copy)]
pub struct HomeView<'a> {
    /// The language of the page.
    pub locale: Locale,
    /// Where the form is.
    pub form: &'a str,
    /// Where the description of the API is.
    pub api: &'a str,
}

/// What this place is, and the way to the form.
pub fn home_page(view: &HomeView<'_>) -> String {
    let locale = view.locale;
    Page {
        locale,
        title: locale.choose("有反馈，必有回响", "No feedback without an answer"),
        other_language: Some(&same_page_in_other_language(locale.into(), Language::ZhCn)),
        content: html! {
            h1 { (locale.choose("有反馈，必有回响", "No feedback without an answer")) }
            p { (locale.choose(
                "在这里写下您的问题、建议或表扬。提交后您会马上得到一个编号、一个私密的查询链接；需要答复的，还会写明答复和解决的时间。",
                "Tell us what went wrong, what you wish for or what you liked. You get a reference and a private link at once, and where an answer is due, the times by which we answer and resolve it.",
            )) }
            p { a.button href=(view.form) { (locale.choose("填写反馈", "Give feedback")) } }
            h2 { (locale.choose("已经提交过？", "Sent something already?")) }
            p { (locale.choose(
                "请打开提交时得到的链接，查看最新进度和我们的答复。",
                "Open the link you were given to see where things stand and what we answered.",
            )) }
            h2 { (locale.choose("开发者", "For developers")) }
            p { a href=(view.api) { (locale.choose("接口说明（OpenAPI 3.1）", "API description (OpenAPI 3.1)")) } }
        },
    }
    .into_html()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::body;

    #[test]
    fn home() {
        for (name, locale) in [("home_zh", Locale::ZhCn), ("home_en", Locale::En)] {
            insta::assert_snapshot!(
                name,
                body(&home_page(&HomeView {
                    locale,
                    form: "/f/default",
                    api: "/openapi.json"
                }))
            );
        }
    }
}
