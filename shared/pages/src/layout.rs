//! The frame of every page: head, style, language link, foot.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use resound_domain::language::Language;
use resound_domain::locale::Locale;
use ring::digest::{SHA256, digest};

use crate::text::Clean;

/// The only style sheet. Its hash stands in [`CONTENT_SECURITY_POLICY`]; a test keeps the two together.
pub(crate) const STYLE: &str = include_str!("style.css");

/// Nothing but our style, our icon and forms to ourselves. No script runs, whatever a page were made to contain.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-cc2FcZ1FuC6TufHc//+FNaT7VBYBxXpcx0eqax7UrDk='; \
    img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a page with these style sheets.
pub(crate) fn policy(styles: &[&str]) -> String {
    let hashes: Vec<String> = styles
        .iter()
        .map(|style| {
            let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
            format!("'sha256-{hash}'")
        })
        .collect();
    format!(
        "default-src 'none'; style-src {}; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hashes.join(" ")
    )
}

/// The headers every page is served with.
///
/// Pages hold fresh keys or private links, so nobody keeps a copy, and no address is told to another site.
/// Status pages send `Referrer-Policy: no-referrer` instead of the one here: with it a browser would
/// post our form with `Origin: null`.
pub const HEADERS: [(&str, &str); 5] = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cache-control", "no-store"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];

/// Two arcs leaving a point: a voice and its echo.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' fill='none' \
    stroke='%230b7a75' stroke-width='3' stroke-linecap='round'%3E%3Ccircle cx='8' cy='16' r='3' fill='%230b7a75'/%3E\
    %3Cpath d='M15 9a10 10 0 0 1 0 14M21 4a17 17 0 0 1 0 24'/%3E%3C/svg%3E";

/// One page.
pub(crate) struct Page<'a, L> {
    /// Its language, as a `Locale` where it has two.
    pub(crate) locale: L,
    /// The text of the browser's tab; the name of the product follows it.
    pub(crate) title: &'a str,
    /// Where the same page is found in the other language; `None` where following it would lose what was typed.
    pub(crate) other_language: Option<&'a str>,
    pub(crate) content: Markup,
}

impl<L: Into<Language>> Page<'_, L> {
    pub(crate) fn into_html(self) -> String {
        self.into_html_with(&[])
    }

    /// The page with further style sheets, which its [`policy`] must name.
    pub(crate) fn into_html_with(self, styles: &[&str]) -> String {
        let language = self.locale.into();
        let other = match language {
            Language::ZhCn | Language::ZhTw => Locale::En,
            Language::En => Locale::ZhCn,
        };
        let brand = language.choose("回响", "迴響", "Resound");
        html! {
            (DOCTYPE)
            html lang=(language.tag()) dir="ltr" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (Clean(self.title)) " · " (brand) }
                    link rel="icon" href=(ICON);
                    style { (PreEscaped(STYLE)) }
                    @for style in styles { style { (PreEscaped(style)) } }
                }
                body {
                    header {
                        p.brand { span.echo aria-hidden="true" { "((" } " " (brand) }
                        @if let Some(href) = self.other_language {
                            a lang=(other.tag()) hreflang=(other.tag()) href=(href) { (other.choose("中文", "English")) }
                        }
                    }
                    main { (self.content) }
                    footer { p { (language.choose("有反馈，必有回响。", "有意見，必有迴響。", "No feedback without an answer.")) } }
                }
            }
        }
        .into_string()
    }
}

/// The address of the page one is on, in the other language, which is `chinese` for who reads it in English.
pub(crate) fn same_page_in_other_language(language: Language, chinese: Language) -> String {
    let other = match language {
        Language::ZhCn | Language::ZhTw => Language::En,
        Language::En => chinese,
    };
    format!("?lang={}", other.tag())
}

/// The body of a page, an element a line, for snapshots that people review.
#[cfg(test)]
pub(crate) fn body(html: &str) -> String {
    html.split_once("<body>").unwrap().1.replace("><", ">\n<")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_of_every_page() {
        let page = Page {
            locale: Locale::En,
            title: "Title",
            other_language: None,
            content: html! {},
        };
        let html = page.into_html().replace(STYLE, "");
        insta::assert_snapshot!(html.replace("><", ">\n<"));
    }

    #[test]
    fn the_policy_allows_exactly_our_style() {
        assert_eq!(
            CONTENT_SECURITY_POLICY,
            policy(&[STYLE]),
            "the style changed: write its hash into CONTENT_SECURITY_POLICY"
        );
    }
}
