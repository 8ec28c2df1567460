//! What a customer is written, as text and as a page that ordinary mail programs show.
//!
//! The order is always the same: greeting, opening, the words of staff, the question of an outcome, the closing, the
//! link, the signature, the footer. A company decides about opening, closing and signature, all of them plain text: the
//! page is made here, everything in it is escaped, and it asks for nothing from outside. Its styles are those that
//! programs without style sheets know too, and its colours can be read on a light and on a dark ground.

use jiff::civil::Date;
use maud::{DOCTYPE, Markup, html};
use resound_domain::confirmation::{Solved, question};
use resound_domain::event::Ending;
use resound_domain::language::Language;
use resound_domain::template::{self, Occasion, Template, Values, Wording};

/// Everything a letter is made of.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Why it is written.
    pub occasion: Occasion,
    /// The language of the customer.
    pub language: Language,
    /// What the company says on this occasion, in this language.
    pub wording: &'a Wording,
    /// Who writes.
    pub brand: Option<Brand<'a>>,
    /// How the customer wants to be addressed.
    pub name: Option<&'a str>,
    /// The human reference of the response.
    pub reference: &'a str,
    /// The day of the response.
    pub day: Date,
    /// The words of staff.
    pub words: &'a str,
    /// The private status page.
    pub status_url: &'a str,
    /// The seq of the event it tells of.
    pub seq: u32,
}

/// The brand that a letter is of, in the language of the letter.
#[derive(Debug, Clone, Copy)]
pub struct Brand<'a> {
    /// Its name.
    pub name: &'a str,
    /// What stands under its letters.
    pub signature: &'a str,
}

impl<'a> Brand<'a> {
    /// A brand in a language.
    pub fn of(brand: &'a template::Brand, language: Language) -> Self {
        Self {
            name: brand.name.get(language),
            signature: brand.signature.get(language),
        }
    }
}

impl Letter<'_> {
    /// The subject: what the company says and the reference, nothing that a customer or staff typed.
    pub fn subject(&self) -> String {
        self.render(&self.wording.subject)
    }

    fn render(&self, template: &Template) -> String {
        let values = Values {
            reference: self.reference,
            day: self.day,
            brand: self.brand.map_or("", |brand| brand.name),
            link: self.status_url,
        };
        template.render(&values, self.language)
    }

    fn greeting(&self) -> String {
        match (self.language, self.name.filter(|name| is_greetable(name))) {
            (Language::ZhCn | Language::ZhTw, Some(name)) => format!("{name}，您好："),
            (Language::ZhCn | Language::ZhTw, None) => "您好：".to_owned(),
            (Language::En, Some(name)) => format!("Hello {name},"),
            (Language::En, None) => "Hello,".to_owned(),
        }
    }

    /// What each answer says, and the page that asks for a click to give it. The link itself changes nothing: programs that
    /// look into letters follow it too.
    fn answers(&self, ending: Ending) -> [(&'static str, String); 2] {
        Solved::ALL.map(|solved| {
            let (url, seq, name) = (self.status_url, self.seq, solved.name());
            let url = format!("{url}?outcome={seq}&solved={name}#solved");
            (solved.text(ending, self.language), url)
        })
    }

    fn link(&self) -> &'static str {
        self.language
            .choose("查看处理进度", "查看處理進度", "See where it stands")
    }

    fn footer(&self) -> String {
        let reference = self.reference;
        match self.language {
            Language::ZhCn => {
                format!("您的反馈编号：{reference}。此链接仅供您本人使用，请勿转发。")
            }
            Language::ZhTw => {
                format!("您的意見編號：{reference}。此連結僅供您本人使用，請勿轉寄。")
            }
            Language::En => format!(
                "Your reference: {reference}. The link is yours alone; please do not pass it on."
            ),
        }
    }

    /// The plain text part.
    pub fn text(&self) -> String {
        let colon = self.language.choose("：", "：", ": ");
        let mut paragraphs = vec![
            self.greeting(),
            self.render(&self.wording.opening),
            self.words.to_owned(),
        ];
        if let Some(ending) = self.occasion.outcome() {
            let mut asked = question(ending, self.language).to_owned();
            for (says, url) in self.answers(ending) {
                asked.push_str(&format!("\n- {says}{colon}{url}"));
            }
            paragraphs.push(asked);
        }
        paragraphs.extend(self.closing());
        paragraphs.push(format!("{}{colon}{}", self.link(), self.status_url));
        paragraphs.extend(self.brand.map(|brand| brand.signature.to_owned()));
        paragraphs.push(self.footer());
        let mut text = paragraphs.join("\n\n");
        text.push('\n');
        text
    }

    fn closing(&self) -> Option<String> {
        let closing = self.wording.closing.as_ref();
        closing.map(|closing| self.render(closing))
    }

    /// The page.
    pub fn html(&self) -> String {
        page(
            self.language,
            &self.subject(),
            &html! {
                p { (self.greeting()) }
                (prose(&self.render(&self.wording.opening)))
                blockquote dir="auto" style=(QUOTATION) { (lines(self.words)) }
                @if let Some(ending) = self.occasion.outcome() {
                    p style="margin-bottom: .5rem" { strong { (question(ending, self.language)) } }
                    p {
                        @for (says, url) in self.answers(ending) {
                            a href=(url) style="display: inline-block; margin: 0 .5rem .5rem 0; padding: .5rem 1rem; border: 1px solid #4a6; border-radius: 4px; background-color: #2c6a45; color: #fff; text-decoration: none" { (says) }
                            " "
                        }
                    }
                }
                @if let Some(closing) = self.closing() { (prose(&closing)) }
                p { a href=(self.status_url) { (self.link()) } }
                @if let Some(brand) = self.brand { (prose(brand.signature)) }
                p style=(SMALL_PRINT) { (self.footer()) }
            },
        )
    }
}

/// The style of what is quoted in a letter.
pub const QUOTATION: &str = "margin: 0; padding-left: 1rem; border-left: 3px solid #4a6";

/// The style of small print in a letter: its colour has a contrast of at least 4 to 1 on white and on black.
pub const SMALL_PRINT: &str = "color: #767676; font-size: smaller";

/// A letter to a customer as a page, whatever it is about.
pub fn page(language: Language, subject: &str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (subject) }
            }
            body style="font-family: system-ui, sans-serif; line-height: 1.6; max-width: 36rem; margin: 0 auto; padding: 1rem" { (content) }
        }
    }
    .into_string()
}

/// A text of several lines, as a paragraph.
pub fn prose(text: &str) -> Markup {
    html! { p dir="auto" { (lines(text)) } }
}

/// A text with the ends of its lines as elements: Outlook for Windows knows no `white-space`, and would make one line of
/// them all.
pub fn lines(text: &str) -> Markup {
    html! {
        @for (n, line) in text.lines().enumerate() {
            @if n > 0 { br; }
            (line)
        }
    }
}

/// The longest name that is greeted, in characters.
const NAME_LIMIT: usize = 40;

/// Whether this can stand in a greeting. Anybody can send feedback in the name of anybody, so a letter carries nothing
/// from them that could be an address, a number to call or a sentence with a point.
fn is_greetable(name: &str) -> bool {
    name.chars().count() <= NAME_LIMIT
        && name
            .chars()
            .all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | '·'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// What a test changes of a letter.
    struct Case {
        wording: Wording,
        occasion: Occasion,
        language: Language,
    }

    impl Case {
        fn built_in(occasion: Occasion, language: Language) -> Self {
            Self {
                wording: Wording::built_in(occasion, language),
                occasion,
                language,
            }
        }

        fn all() -> impl Iterator<Item = Self> {
            Occasion::ALL.into_iter().flat_map(|occasion| {
                Language::ALL.map(|language| Self::built_in(occasion, language))
            })
        }

        fn letter(&self) -> Letter<'_> {
            Letter {
                occasion: self.occasion,
                language: self.language,
                wording: &self.wording,
                brand: None,
                name: Some("李雷"),
                reference: "R-ABCDE-FGHJK",
                day: date(2026, 5, 3),
                words: "Fixed in 2.1.\n<script>alert(1)</script> & thanks",
                status_url: "https://example.test/v1/receipts/x",
                seq: 5,
            }
        }
    }

    /// How a mail program shows something.
    #[derive(Debug, PartialEq, Eq)]
    enum Shows {
        Yes,
        /// Not everywhere, or not every value.
        Partly,
        No,
    }
    use Shows::{No, Partly, Yes};

    /// What Apple Mail, Gmail, Outlook for Windows (2007 to 2019) and Outlook.com make of the styles of a letter, and
    /// whether it can be read without. Of each program, the worst of what its versions since 2007 do. Copied from the
    /// results of Can I email, <https://www.caniemail.com>, files `_features/css-*.md` of `hteumeuleu/caniemail`;
    /// `color` and `font-family` have none there.
    const STYLES: [(&str, [Shows; 4], bool); 8] = [
        ("background-color", [Yes, Yes, Yes, Yes], false),
        ("border", [Yes, Yes, Partly, Yes], true),
        ("border-radius", [Yes, Yes, No, Yes], true),
        ("display", [Yes, Partly, Partly, Yes], true),
        ("font-size", [Yes, Yes, Partly, Yes], true),
        ("line-height", [Yes, Yes, Partly, Yes], true),
        ("margin", [Yes, Partly, Partly, Partly], true),
        ("padding", [Yes, Yes, Partly, Yes], true),
    ];
    /// `max-width` is ignored by Outlook for Windows up to 2016, `text-decoration` by Gmail's apps with foreign accounts.
    const ORNAMENTS: [&str; 4] = ["max-width", "text-decoration", "color", "font-family"];

    #[test]
    fn a_letter_relies_on_what_every_program_shows() {
        for (style, shows, can_go) in STYLES {
            assert!(can_go || shows == [Yes, Yes, Yes, Yes], "{style}");
        }
        for case in Case::all() {
            let html = case.letter().html();
            let styles = html.split("style=\"").skip(1);
            let styles = styles.flat_map(|rest| rest.split_once('"').unwrap().0.split(';'));
            let mut names: Vec<_> = styles
                .map(|s| s.split_once(':').unwrap().0.trim())
                .collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                // Of a shorthand, each side as the whole.
                let whole = ["border-left", "margin-bottom", "padding-left"];
                let known = match whole.contains(&name) {
                    true => name.split_once('-').unwrap().0,
                    false => name,
                };
                let listed = STYLES.iter().any(|(style, ..)| *style == known);
                assert!(
                    listed || ORNAMENTS.contains(&known),
                    "{name}: does every program show it?"
                );
            }
            // White words need their ground.
            for link in html.split("<a ").skip(1) {
                let tag = link.split_once('>').unwrap().0;
                let white = tag.contains("color: #fff");
                assert!(!white || tag.contains("background-color: #2c6a45"), "{tag}");
            }
            // The elements: `<blockquote>` is shown by all of them (`html-blockquote.md`), the others are as old as HTML.
            let known = [
                "html",
                "head",
                "meta",
                "title",
                "body",
                "p",
                "a",
                "strong",
                "br",
                "blockquote",
            ];
            for tag in html.split('<').skip(2).filter(|tag| !tag.starts_with('/')) {
                let name = tag.split([' ', '>']).next().unwrap();
                assert!(known.contains(&name), "<{name}>");
            }
        }
    }

    #[test]
    fn lines_end_without_a_style() {
        let shown = |text| lines(text).into_string();
        assert_eq!(shown("a & b\r\n\n<c>\n"), "a &amp; b<br><br>&lt;c&gt;");
        assert_eq!(shown(""), "");
    }

    const EVIL: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> & 'q'";

    #[test]
    fn nothing_in_a_letter_is_html_but_what_is_made_here() {
        let template = |text: &str| Template::parse(text).unwrap();
        for plain in Case::all() {
            let case = Case {
                wording: Wording {
                    subject: template(&format!("{EVIL} {{{{reference}}}} {{{{brand}}}}")),
                    opening: template(&format!("{EVIL} {{{{brand}}}}")),
                    closing: Some(template(&format!("{EVIL} {{{{day}}}}"))),
                },
                ..plain
            };
            let letter = Letter {
                brand: Some(Brand {
                    name: EVIL,
                    signature: EVIL,
                }),
                name: Some(EVIL),
                reference: EVIL,
                words: EVIL,
                status_url: EVIL,
                ..case.letter()
            };
            let html = letter.html();
            for part in ["<script", "<img", "\"><img"] {
                assert!(!html.contains(part), "{html}");
            }
            assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img"));
            assert!(letter.text().contains(EVIL), "as it was written");
        }
    }

    #[test]
    fn a_page_asks_for_nothing_from_outside() {
        for case in Case::all() {
            let html = case.letter().html();
            for part in [
                "src=", "url(", "<link", "<style", "<script", "@import", "<form",
            ] {
                assert!(!html.contains(part), "{part}: {html}");
            }
            assert_eq!(
                html.matches("href=").count(),
                html.matches("href=\"https://example.test/v1/receipts/x")
                    .count()
            );
        }
    }

    #[test]
    fn a_letter_carries_no_message_of_its_sender() {
        let case = Case::built_in(Occasion::Reply, Language::En);
        for (name, greeting) in [
            ("Zoë O'Neill-Łukasz", "Hello Zoë O'Neill-Łukasz,"),
            ("阿卜杜拉·买买提", "Hello 阿卜杜拉·买买提,"),
            ("evil.example", "Hello,"),
            ("https://evil.example/", "Hello,"),
            ("Call 0800 123456", "Hello,"),
            ("Li\r\nBcc: all@example.test", "Hello,"),
            ("<b>", "Hello,"),
            ("Dear customer you have won our great prize today", "Hello,"),
        ] {
            let letter = Letter {
                name: Some(name),
                ..case.letter()
            };
            assert_eq!(letter.text().lines().next(), Some(greeting), "{name}");
        }
    }

    #[test]
    fn the_subject_holds_nothing_typed() {
        for case in Case::all() {
            let subject = case.letter().subject();
            assert!(subject.ends_with("[R-ABCDE-FGHJK]"), "{subject}");
            assert!(!subject.contains('<') && !subject.contains("李雷"));
        }
    }

    #[test]
    fn only_an_outcome_asks_whether_it_solved_it() {
        for case in Case::all() {
            let asks = matches!(case.occasion, Occasion::Resolved | Occasion::Declined);
            let letter = case.letter();
            assert_eq!(letter.text().contains("&solved=no"), asks);
            assert_eq!(letter.html().contains("outcome=5&amp;solved=no"), asks);
        }
    }

    #[test]
    fn a_resolution_reads_well() {
        let case = Case::built_in(Occasion::Resolved, Language::En);
        insta::assert_snapshot!(case.letter().text(), @r"
        Hello 李雷,

        What you told us about has been resolved:

        Fixed in 2.1.
        <script>alert(1)</script> & thanks

        Did this solve it?
        - Yes, it did: https://example.test/v1/receipts/x?outcome=5&solved=yes#solved
        - No, not yet: https://example.test/v1/receipts/x?outcome=5&solved=no#solved

        See where it stands: https://example.test/v1/receipts/x

        Your reference: R-ABCDE-FGHJK. The link is yours alone; please do not pass it on.
        ");
        let case = Case::built_in(Occasion::Declined, Language::ZhCn);
        insta::assert_snapshot!(case.letter().text(), @r"
        李雷，您好：

        我们认真研究了您的反馈，这次未能按您的期望处理，原因如下：

        Fixed in 2.1.
        <script>alert(1)</script> & thanks

        这个答复您能接受吗？
        - 能接受：https://example.test/v1/receipts/x?outcome=5&solved=yes#solved
        - 不能，请再看一看：https://example.test/v1/receipts/x?outcome=5&solved=no#solved

        查看处理进度：https://example.test/v1/receipts/x

        您的反馈编号：R-ABCDE-FGHJK。此链接仅供您本人使用，请勿转发。
        ");
        let case = Case::built_in(Occasion::Resolved, Language::ZhTw);
        let letter = Letter {
            brand: Some(Brand {
                name: "茶壺",
                signature: "茶壺客服中心\n週一至週五 9:00–18:00",
            }),
            ..case.letter()
        };
        insta::assert_snapshot!(letter.text(), @r"
        李雷，您好：

        您反映的問題已經處理完畢：

        Fixed in 2.1.
        <script>alert(1)</script> & thanks

        這樣解決您的問題了嗎？
        - 解決了：https://example.test/v1/receipts/x?outcome=5&solved=yes#solved
        - 還沒有：https://example.test/v1/receipts/x?outcome=5&solved=no#solved

        查看處理進度：https://example.test/v1/receipts/x

        茶壺客服中心
        週一至週五 9:00–18:00

        您的意見編號：R-ABCDE-FGHJK。此連結僅供您本人使用，請勿轉寄。
        ");
    }
}
