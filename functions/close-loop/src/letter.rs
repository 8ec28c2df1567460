//! What the customer reads.

use maud::{DOCTYPE, html};
use resound_domain::confirmation::{Solved, question};
use resound_domain::event::Ending;
use resound_domain::locale::Locale;

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Staff wrote.
    Reply,
    /// Staff need something from the customer.
    Question,
    /// It is solved.
    Resolved,
    /// It will not be done; the words are the reason.
    Declined,
}

/// Everything a letter is made of.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Why it is written.
    pub occasion: Occasion,
    /// The language of the customer.
    pub locale: Locale,
    /// How the customer wants to be addressed.
    pub name: Option<&'a str>,
    /// The human reference of the response.
    pub reference: &'a str,
    /// The words of staff.
    pub words: &'a str,
    /// The private status page.
    pub status_url: &'a str,
    /// The seq of the event it tells of.
    pub seq: u32,
}

impl Letter<'_> {
    /// The subject: ours and the reference, nothing that anybody typed.
    pub fn subject(&self) -> String {
        let (zh, en) = match self.occasion {
            Occasion::Reply => ("我们回复了您的反馈", "We have answered your feedback"),
            Occasion::Question => (
                "关于您的反馈，想向您确认一点",
                "We have a question about your feedback",
            ),
            Occasion::Resolved => ("您的反馈已处理", "Your feedback has been resolved"),
            Occasion::Declined => ("关于您的反馈的处理结果", "The outcome of your feedback"),
        };
        format!("{} [{}]", self.locale.choose(zh, en), self.reference)
    }

    fn greeting(&self) -> String {
        match (self.locale, self.name.filter(|name| is_greetable(name))) {
            (Locale::ZhCn, Some(name)) => format!("{name}，您好："),
            (Locale::ZhCn, None) => "您好：".to_owned(),
            (Locale::En, Some(name)) => format!("Hello {name},"),
            (Locale::En, None) => "Hello,".to_owned(),
        }
    }

    fn opening(&self) -> &'static str {
        let (zh, en) = match self.occasion {
            Occasion::Reply => (
                "感谢您的反馈。我们的回复如下：",
                "Thank you for your feedback. This is our answer:",
            ),
            Occasion::Question => (
                "为了处理您的反馈，我们需要向您确认：",
                "To help you we need to ask you something:",
            ),
            Occasion::Resolved => (
                "您反馈的问题已经处理完毕：",
                "What you told us about has been resolved:",
            ),
            Occasion::Declined => (
                "我们认真研究了您的反馈，这次未能按您的期望处理，原因如下：",
                "We looked into your feedback carefully. We will not act on it this time, and this is why:",
            ),
        };
        self.locale.choose(zh, en)
    }

    /// The outcome it tells of, if it does: every outcome asks whether it solved it.
    const fn outcome(&self) -> Option<Ending> {
        match self.occasion {
            Occasion::Resolved => Some(Ending::Resolved),
            Occasion::Declined => Some(Ending::Declined),
            Occasion::Reply | Occasion::Question => None,
        }
    }

    /// What each answer says, and the page that asks for a click to give it. The link itself changes nothing: programs that
    /// look into letters follow it too.
    fn answers(&self, ending: Ending) -> [(&'static str, String); 2] {
        Solved::ALL.map(|solved| {
            let (url, seq, name) = (self.status_url, self.seq, solved.name());
            let url = format!("{url}?outcome={seq}&solved={name}#solved");
            (solved.text(ending, self.locale), url)
        })
    }

    fn link(&self) -> &'static str {
        self.locale.choose("查看处理进度", "See where it stands")
    }

    fn footer(&self) -> String {
        match self.locale {
            Locale::ZhCn => format!(
                "您的反馈编号：{}。此链接仅供您本人使用，请勿转发。",
                self.reference
            ),
            Locale::En => format!(
                "Your reference: {}. The link is yours alone; please do not pass it on.",
                self.reference
            ),
        }
    }

    /// The plain text part.
    pub fn text(&self) -> String {
        let colon = self.locale.choose("：", ": ");
        let mut asked = String::new();
        if let Some(ending) = self.outcome() {
            let answers = self.answers(ending);
            let answers = answers.map(|(says, url)| format!("- {says}{colon}{url}\n"));
            asked = format!("{}\n{}\n", question(ending, self.locale), answers.concat());
        }
        format!(
            "{}\n\n{}\n\n{}\n\n{asked}{}{colon}{}\n\n{}\n",
            self.greeting(),
            self.opening(),
            self.words,
            self.link(),
            self.status_url,
            self.footer(),
        )
    }

    /// The HTML part; everything typed by people is escaped.
    pub fn html(&self) -> String {
        html! {
            (DOCTYPE)
            html lang=(self.locale.tag()) {
                head { meta charset="utf-8"; title { (self.subject()) } }
                body style="font-family: system-ui, sans-serif; line-height: 1.6; max-width: 36rem; margin: 0 auto; padding: 1rem" {
                    p { (self.greeting()) }
                    p { (self.opening()) }
                    blockquote dir="auto" style="margin: 0; padding-left: 1rem; border-left: 3px solid #4a6; white-space: pre-line" { (self.words) }
                    @if let Some(ending) = self.outcome() {
                        p style="margin-bottom: .5rem" { strong { (question(ending, self.locale)) } }
                        p {
                            @for (says, url) in self.answers(ending) {
                                a href=(url) style="display: inline-block; margin: 0 .5rem .5rem 0; padding: .5rem 1rem; border: 1px solid #4a6; border-radius: 4px; color: #264; text-decoration: none" { (says) }
                            }
                        }
                    }
                    p { a href=(self.status_url) { (self.link()) } }
                    p style="color: #666; font-size: smaller" { (self.footer()) }
                }
            }
        }
        .into_string()
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

    fn letter(occasion: Occasion, locale: Locale) -> Letter<'static> {
        Letter {
            occasion,
            locale,
            name: Some("李雷"),
            reference: "R-ABCDE-FGHJK",
            words: "Fixed in 2.1.\n<script>alert(1)</script> & thanks",
            status_url: "https://example.test/v1/receipts/x",
            seq: 5,
        }
    }

    #[test]
    fn what_people_typed_is_escaped_in_html_and_kept_in_text() {
        let letter = letter(Occasion::Resolved, Locale::En);
        assert!(letter.text().contains("<script>alert(1)</script> & thanks"));
        assert!(
            letter
                .html()
                .contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; thanks")
        );
        assert!(!letter.html().contains("<script>"));
    }

    #[test]
    fn a_letter_carries_no_message_of_its_sender() {
        for (name, greeting) in [
            ("Zoë O'Neill-Łukasz", "Hello Zoë O'Neill-Łukasz,"),
            ("阿卜杜拉·买买提", "Hello 阿卜杜拉·买买提,"),
            ("evil.example", "Hello,"),
            ("https://evil.example/", "Hello,"),
            ("Call 0800 123456", "Hello,"),
            ("<b>", "Hello,"),
            ("Dear customer you have won our great prize today", "Hello,"),
        ] {
            let letter = Letter {
                name: Some(name),
                ..letter(Occasion::Reply, Locale::En)
            };
            assert_eq!(letter.text().lines().next(), Some(greeting), "{name}");
        }
    }

    #[test]
    fn the_subject_holds_nothing_typed() {
        for occasion in [
            Occasion::Reply,
            Occasion::Question,
            Occasion::Resolved,
            Occasion::Declined,
        ] {
            for locale in [Locale::En, Locale::ZhCn] {
                let subject = letter(occasion, locale).subject();
                assert!(subject.ends_with("[R-ABCDE-FGHJK]"), "{subject}");
                assert!(!subject.contains('<'));
            }
        }
    }

    #[test]
    fn only_an_outcome_asks_whether_it_solved_it() {
        for (occasion, asks) in [
            (Occasion::Reply, false),
            (Occasion::Question, false),
            (Occasion::Resolved, true),
            (Occasion::Declined, true),
        ] {
            for locale in [Locale::En, Locale::ZhCn] {
                let letter = letter(occasion, locale);
                assert_eq!(letter.text().contains("&solved=no"), asks);
                assert_eq!(letter.html().contains("outcome=5&amp;solved=no"), asks);
            }
        }
    }

    #[test]
    fn a_resolution_reads_well() {
        insta::assert_snapshot!(letter(Occasion::Resolved, Locale::En).text(), @r"
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
        insta::assert_snapshot!(letter(Occasion::Declined, Locale::ZhCn).text(), @r"
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
    }
}
