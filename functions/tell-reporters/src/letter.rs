//! What a reporter reads.

use jiff::civil::Date;
use maud::{DOCTYPE, html};
use resound_domain::language::Language;
use resound_domain::template::day;
use resound_pages::letter::lines;

/// Everything a letter is made of: nothing that a reporter typed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter<'a> {
    /// The language of the reporter.
    pub(crate) language: Language,
    /// The local day on which they reported it.
    pub(crate) reported: Date,
    /// The human reference of their response.
    pub(crate) reference: &'a str,
    /// The version it shipped in, as customers know it.
    pub(crate) release: &'a str,
    /// "Here is how", by staff, and the language it is in.
    pub(crate) words: (Language, &'a str),
    /// Their private status page.
    pub(crate) status_url: &'a str,
    /// Where they can say that they want no more of this.
    pub(crate) unsubscribe_url: &'a str,
}

impl Letter<'_> {
    /// The subject.
    pub(crate) fn subject(&self) -> String {
        let (release, reference) = (self.release, self.reference);
        match self.language {
            Language::ZhCn => format!("您反馈的问题已在 {release} 版本中解决 [{reference}]"),
            Language::ZhTw => format!("您反映的問題已在 {release} 版本中解決 [{reference}]"),
            Language::En => format!("What you reported is fixed in {release} [{reference}]"),
        }
    }

    fn greeting(&self) -> &'static str {
        self.language.choose("您好：", "您好：", "Hello,")
    }

    fn opening(&self) -> String {
        let (day, release) = (day(self.reported, self.language), self.release);
        match self.language {
            Language::ZhCn => {
                format!("您在{day}反馈的问题，已在 {release} 版本中解决。方法如下：")
            }
            Language::ZhTw => {
                format!("您在{day}反映的問題，已在 {release} 版本中解決。方法如下：")
            }
            Language::En => {
                format!("What you reported on {day} is fixed in {release}. Here is how:")
            }
        }
    }

    fn link(&self) -> &'static str {
        self.language.choose(
            "查看您的反馈",
            "查看您的意見",
            "See what became of your feedback",
        )
    }

    fn footer(&self) -> String {
        match self.language {
            Language::ZhCn => format!(
                "您的反馈编号：{}。此链接仅供您本人使用，请勿转发。",
                self.reference
            ),
            Language::ZhTw => format!(
                "您的意見編號：{}。此連結僅供您本人使用，請勿轉寄。",
                self.reference
            ),
            Language::En => format!(
                "Your reference: {}. The link is yours alone; please do not pass it on.",
                self.reference
            ),
        }
    }

    fn unsubscribe(&self) -> &'static str {
        self.language.choose(
            "不再接收此类通知（您反馈的答复仍会送达）",
            "不再接收此類通知（您意見的答覆仍會送達）",
            "Unsubscribe from such news (answers to your feedback still reach you)",
        )
    }

    /// The plain text part.
    pub(crate) fn text(&self) -> String {
        let colon = self.language.choose("：", "：", ": ");
        format!(
            "{}\n\n{}\n\n{}\n\n{}{colon}{}\n\n{}\n\n{}{colon}{}\n",
            self.greeting(),
            self.opening(),
            self.words.1,
            self.link(),
            self.status_url,
            self.footer(),
            self.unsubscribe(),
            self.unsubscribe_url,
        )
    }

    /// The HTML part; everything typed by people is escaped.
    pub(crate) fn html(&self) -> String {
        let (language, words) = self.words;
        // A reader of traditional Chinese may get words that staff wrote in simplified Chinese only.
        let other = (language != self.language).then_some(language.tag());
        html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head { meta charset="utf-8"; title { (self.subject()) } }
                body style="font-family: system-ui, sans-serif; line-height: 1.6; max-width: 36rem; margin: 0 auto; padding: 1rem" {
                    p { (self.greeting()) }
                    p { (self.opening()) }
                    blockquote lang=[other] dir="auto" style="margin: 0; padding-left: 1rem; border-left: 3px solid #4a6" { (lines(words)) }
                    p { a href=(self.status_url) { (self.link()) } }
                    p style="color: #666; font-size: smaller" { (self.footer()) }
                    p style="color: #666; font-size: smaller" { a href=(self.unsubscribe_url) style="color: #666" { (self.unsubscribe()) } }
                }
            }
        }
        .into_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn letter(language: Language) -> Letter<'static> {
        Letter {
            language,
            reported: date(2026, 5, 3),
            reference: "R-ABCDE-FGHJK",
            release: "2.4",
            words: (
                language,
                "Update the app.\n<script>alert(1)</script> & thanks",
            ),
            status_url: "https://example.test/v1/receipts/x",
            unsubscribe_url: "https://example.test/v1/unsubscribe/y",
        }
    }

    #[test]
    fn it_says_what_and_when_and_how() {
        let letter = letter(Language::En);
        assert_eq!(
            letter.subject(),
            "What you reported is fixed in 2.4 [R-ABCDE-FGHJK]"
        );
        assert_eq!(
            letter.text(),
            "Hello,\n\nWhat you reported on 3 May 2026 is fixed in 2.4. Here is how:\n\nUpdate the app.\n<script>alert(1)</script> & thanks\n\n\
             See what became of your feedback: https://example.test/v1/receipts/x\n\n\
             Your reference: R-ABCDE-FGHJK. The link is yours alone; please do not pass it on.\n\n\
             Unsubscribe from such news (answers to your feedback still reach you): https://example.test/v1/unsubscribe/y\n"
        );
        let zh = super::tests::letter(Language::ZhCn);
        assert_eq!(
            zh.subject(),
            "您反馈的问题已在 2.4 版本中解决 [R-ABCDE-FGHJK]"
        );
        assert!(
            zh.text()
                .contains("您在2026年5月3日反馈的问题，已在 2.4 版本中解决。方法如下：")
        );
        let tw = super::tests::letter(Language::ZhTw);
        assert_eq!(
            tw.subject(),
            "您反映的問題已在 2.4 版本中解決 [R-ABCDE-FGHJK]"
        );
        assert!(
            tw.text()
                .contains("您在2026年5月3日反映的問題，已在 2.4 版本中解決。方法如下：")
        );
    }

    #[test]
    fn what_staff_typed_is_escaped_in_html() {
        for language in Language::ALL {
            let html = letter(language).html();
            assert!(
                html.contains(
                    "Update the app.<br>&lt;script&gt;alert(1)&lt;/script&gt; &amp; thanks"
                )
            );
            assert!(!html.contains("<script>"));
            assert!(html.contains("href=\"https://example.test/v1/unsubscribe/y\""));
        }
    }

    #[test]
    fn words_in_another_language_say_so() {
        let own = letter(Language::ZhTw);
        assert!(own.html().contains(r#"<html lang="zh-TW">"#));
        assert!(own.html().contains(r#"<blockquote dir="auto""#));
        let simplified = Letter {
            words: (Language::ZhCn, "请更新应用。"),
            ..own
        };
        assert!(
            simplified
                .html()
                .contains(r#"<blockquote lang="zh-CN" dir="auto""#)
        );
    }
}
