//! A problem, told to a person.

use maud::html;
use resound_domain::locale::Locale;

use crate::layout::Page;
use crate::text::Clean;

/// What a problem page shows.
#[derive(Debug, Clone, Copy)]
pub struct ProblemView<'a> {
    /// The language of the page.
    pub locale: Locale,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a few words of that language.
    pub title: &'a str,
    /// What that means for the reader; `None` if the title says it all.
    pub detail: Option<&'a str>,
    /// Where a reader may go on, usually the form; `None` if nowhere.
    pub way_out: Option<&'a str>,
}

/// Any HTTP problem, as a page.
pub fn problem_page(view: &ProblemView<'_>) -> String {
    let locale = view.locale;
    Page {
        locale,
        title: view.title,
        other_language: None,
        content: html! {
            h1 { (Clean(view.title)) }
            @if let Some(detail) = view.detail { p { (Clean(detail)) } }
            @if let Some(href) = view.way_out {
                p.next { a.button href=(href) { (locale.choose("填写反馈", "Give feedback")) } }
            }
            p.hint { (locale.choose("错误代码：", "Error code: ")) (view.status) }
        },
    }
    .into_html()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::body;

    #[test]
    fn problem() {
        insta::assert_snapshot!(
            "problem_zh",
            body(&problem_page(&ProblemView {
                locale: Locale::ZhCn,
                status: 404,
                title: "找不到这个页面",
                detail: Some("链接可能不完整。请从邮件或回执中重新复制。"),
                way_out: Some("/f/default?lang=zh-CN"),
            }))
        );
    }

    #[test]
    fn hostile_words_stay_words() {
        let html = problem_page(&ProblemView {
            locale: Locale::En,
            status: 400,
            title: "<script>\0",
            detail: Some("<img src=x onerror=y>"),
            way_out: Some("\"><script>"),
        });
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\0'));
    }
}
