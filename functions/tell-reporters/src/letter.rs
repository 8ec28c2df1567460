//! What a reporter reads.

use jiff::civil::Date;
use maud::html;
use resound_domain::issue::Note;
use resound_domain::language::Language;
use resound_domain::template::day;
use resound_pages::letter::{Brand, QUOTATION, SMALL_PRINT, lines, page, prose};

/// Everything a letter is made of: nothing that a reporter typed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter<'a> {
    /// The language of the reporter.
    pub(crate) language: Language,
    /// The local day on which they reported it.
    pub(crate) reported: Date,
    /// The human reference of their response.
    pub(crate) reference: &'a str,
    /// What it is about.
    pub(crate) about: About<'a>,
    /// Who writes.
    pub(crate) brand: Option<Brand<'a>>,
    /// Where they can say that they want no more of this.
    pub(crate) unsubscribe_url: &'a str,
}

/// What a letter is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About<'a> {
    /// It shipped.
    Shipped {
        /// The version it shipped in, as customers know it.
        release: &'a str,
        /// "Here is how", by staff, and the language it is in.
        words: (Language, &'a Note),
        /// Their private status page.
        status_url: &'a str,
    },
    /// They are invited to try it.
    Invited {
        /// How to take part, by staff, and the language it is in.
        words: (Language, &'a Note),
        /// The last local day on which they can join.
        last_day: Date,
        /// The page on which they say whether they do.
        beta_url: &'a str,
    },
    /// They have tried it: is it fixed?
    Asked {
        /// The page on which they say so.
        beta_url: &'a str,
    },
}

impl Letter<'_> {
    /// The subject.
    pub(crate) fn subject(&self) -> String {
        let reference = self.reference;
        let language = self.language;
        match self.about {
            About::Shipped { release, .. } => match language {
                Language::ZhCn => format!("您反馈的问题已在 {release} 版本中解决 [{reference}]"),
                Language::ZhTw => format!("您反映的問題已在 {release} 版本中解決 [{reference}]"),
                Language::En => format!("What you reported is fixed in {release} [{reference}]"),
            },
            About::Invited { .. } => {
                let invited = language.choose(
                    "邀请您率先试用针对您反馈的改进",
                    "邀請您率先試用針對您意見的改進",
                    "Would you be among the first to try the fix for what you reported?",
                );
                format!("{invited} [{reference}]")
            }
            About::Asked { .. } => {
                let asked = language.choose(
                    "您反馈的问题解决了吗？",
                    "您反映的問題解決了嗎？",
                    "Is what you reported fixed for you?",
                );
                format!("{asked} [{reference}]")
            }
        }
    }

    fn greeting(&self) -> &'static str {
        self.language.choose("您好：", "您好：", "Hello,")
    }

    fn opening(&self) -> String {
        let (reported, language) = (day(self.reported, self.language), self.language);
        match self.about {
            About::Shipped { release, .. } => match language {
                Language::ZhCn => {
                    format!("您在{reported}反馈的问题，已在 {release} 版本中解决。方法如下：")
                }
                Language::ZhTw => {
                    format!("您在{reported}反映的問題，已在 {release} 版本中解決。方法如下：")
                }
                Language::En => {
                    format!("What you reported on {reported} is fixed in {release}. Here is how:")
                }
            },
            About::Invited { last_day, .. } => {
                let until = day(last_day, language);
                match language {
                    Language::ZhCn => format!(
                        "针对您在{reported}反馈的问题，我们做了改进。在告知所有人之前，我们从反馈过的客户中随机抽取了少数几位先行试用，您是其中之一。参加截止日期：{until}。方法如下："
                    ),
                    Language::ZhTw => format!(
                        "針對您在{reported}反映的問題，我們做了改進。在告知所有人之前，我們從反映過的客戶中隨機抽取了少數幾位先行試用，您是其中之一。參加截止日期：{until}。方法如下："
                    ),
                    Language::En => format!(
                        "We have worked on what you reported on {reported}. Before we tell everybody, a few of those who reported it can try it first; you were drawn by lot. You can take part until {until}. Here is how:"
                    ),
                }
            }
            About::Asked { .. } => match language {
                Language::ZhCn => format!(
                    "感谢您试用针对您在{reported}反馈的问题所做的改进。在告知所有人之前，我们想先问您：问题解决了吗？"
                ),
                Language::ZhTw => format!(
                    "感謝您試用針對您在{reported}反映的問題所做的改進。在告知所有人之前，我們想先問您：問題解決了嗎？"
                ),
                Language::En => format!(
                    "Thank you for trying what we did about what you reported on {reported}. Before we tell everybody, we ask you: is it fixed?"
                ),
            },
        }
    }

    /// What staff wrote, and the language it is in.
    const fn words(&self) -> Option<(Language, &Note)> {
        match self.about {
            About::Shipped { words, .. } | About::Invited { words, .. } => Some(words),
            About::Asked { .. } => None,
        }
    }

    /// Where to go from here. Following a link changes nothing: programs do it too.
    fn links(&self) -> Vec<(&'static str, String)> {
        let choose = |zh_cn, zh_tw, en| self.language.choose(zh_cn, zh_tw, en);
        match self.about {
            About::Shipped { status_url, .. } => {
                let see = choose(
                    "查看您的反馈",
                    "查看您的意見",
                    "See what became of your feedback",
                );
                vec![(see, status_url.to_owned())]
            }
            About::Invited { beta_url, .. } => {
                let say = choose(
                    "参加或婉拒",
                    "參加或婉拒",
                    "Take part, or say that you would rather not",
                );
                vec![(say, beta_url.to_owned())]
            }
            About::Asked { beta_url } => vec![
                (
                    choose("已经解决", "已經解決", "Yes, it is fixed"),
                    format!("{beta_url}?says=fixed"),
                ),
                (
                    choose("还没有解决", "還沒有解決", "No, it is not"),
                    format!("{beta_url}?says=not_fixed"),
                ),
            ],
        }
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
        let mut parts = vec![self.greeting().to_owned(), self.opening()];
        parts.extend(self.words().map(|(_, words)| words.as_str().to_owned()));
        let links = self.links().into_iter();
        parts.extend(links.map(|(label, url)| format!("{label}{colon}{url}")));
        parts.extend(self.brand.map(|brand| brand.signature.to_owned()));
        parts.push(self.footer());
        let unsubscribe = self.unsubscribe();
        parts.push(format!("{unsubscribe}{colon}{}\n", self.unsubscribe_url));
        parts.join("\n\n")
    }

    /// The HTML part; everything typed by people is escaped.
    pub(crate) fn html(&self) -> String {
        page(
            self.language,
            &self.subject(),
            &html! {
                p { (self.greeting()) }
                p { (self.opening()) }
                @if let Some((language, words)) = self.words() {
                    // A reader of traditional Chinese may get words that staff wrote in simplified Chinese only.
                    @let other = (language != self.language).then_some(language.tag());
                    blockquote lang=[other] dir="auto" style=(QUOTATION) { (lines(words.as_str())) }
                }
                @for (label, url) in self.links() { p { a href=(url) { (label) } } }
                @if let Some(brand) = self.brand { (prose(brand.signature)) }
                p style=(SMALL_PRINT) { (self.footer()) }
                p style=(SMALL_PRINT) { a href=(self.unsubscribe_url) style="color: #767676" { (self.unsubscribe()) } }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn note() -> Note {
        Note::new("Update the app.\n<script>alert(1)</script> & thanks").unwrap()
    }

    fn letter<'a>(language: Language, words: (Language, &'a Note)) -> Letter<'a> {
        Letter {
            language,
            reported: date(2026, 5, 3),
            reference: "R-ABCDE-FGHJK",
            about: About::Shipped {
                release: "2.4",
                words,
                status_url: "https://example.test/v1/receipts/x",
            },
            brand: None,
            unsubscribe_url: "https://example.test/v1/unsubscribe/y",
        }
    }

    fn all(language: Language, words: &Note) -> [Letter<'_>; 3] {
        let shipped = letter(language, (language, words));
        let beta_url = "https://example.test/v1/receipts/x/betas/z";
        let last_day = date(2026, 6, 1);
        let words = (language, words);
        let invited = About::Invited {
            words,
            last_day,
            beta_url,
        };
        let asked = About::Asked { beta_url };
        let about = |about| Letter { about, ..shipped };
        [shipped, about(invited), about(asked)]
    }

    #[test]
    fn it_says_what_and_when_and_how() {
        let note = note();
        let letter = |language| letter(language, (language, &note));
        let en = letter(Language::En);
        assert_eq!(
            en.subject(),
            "What you reported is fixed in 2.4 [R-ABCDE-FGHJK]"
        );
        assert_eq!(
            en.text(),
            "Hello,\n\nWhat you reported on 3 May 2026 is fixed in 2.4. Here is how:\n\nUpdate the app.\n<script>alert(1)</script> & thanks\n\n\
             See what became of your feedback: https://example.test/v1/receipts/x\n\n\
             Your reference: R-ABCDE-FGHJK. The link is yours alone; please do not pass it on.\n\n\
             Unsubscribe from such news (answers to your feedback still reach you): https://example.test/v1/unsubscribe/y\n"
        );
        let zh = letter(Language::ZhCn);
        assert_eq!(
            zh.subject(),
            "您反馈的问题已在 2.4 版本中解决 [R-ABCDE-FGHJK]"
        );
        assert!(
            zh.text()
                .contains("您在2026年5月3日反馈的问题，已在 2.4 版本中解决。方法如下：")
        );
        let tw = letter(Language::ZhTw);
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
    fn an_invitation_says_how_and_until_when_and_the_question_has_two_links() {
        let note = note();
        let [_, invited, asked] = all(Language::En, &note);
        let text = invited.text();
        assert!(text.contains("until 1 June 2026"), "{text}");
        assert!(text.contains("Update the app."), "{text}");
        assert!(text.contains("https://example.test/v1/receipts/x/betas/z\n"));
        let text = asked.text();
        for says in ["fixed", "not_fixed"] {
            let link = format!("https://example.test/v1/receipts/x/betas/z?says={says}\n");
            assert!(text.contains(&link), "{text}");
        }
        for language in Language::ALL {
            let subjects: Vec<_> = all(language, &note).iter().map(Letter::subject).collect();
            for subject in &subjects {
                assert!(subject.ends_with(" [R-ABCDE-FGHJK]"), "{subject}");
                assert_eq!(subjects.iter().filter(|other| *other == subject).count(), 1);
            }
        }
    }

    #[test]
    fn what_staff_typed_is_escaped_in_html() {
        let note = note();
        for letter in Language::ALL.map(|language| all(language, &note)).concat() {
            let html = letter.html();
            let typed = letter.words().is_some();
            let escaped = "Update the app.<br>&lt;script&gt;alert(1)&lt;/script&gt; &amp; thanks";
            assert_eq!(html.contains(escaped), typed);
            assert!(!html.contains("<script>"));
            assert!(html.contains(r#"<meta name="color-scheme" content="light dark">"#));
            assert!(html.contains("href=\"https://example.test/v1/unsubscribe/y\""));
        }
    }

    #[test]
    fn a_brand_signs_every_letter() {
        let note = note();
        let brand = Some(Brand {
            name: "Kettle & Co",
            signature: "Kettle & Co\n<b>Tea Street 1</b>",
        });
        for letter in Language::ALL.map(|language| all(language, &note)).concat() {
            assert!(!letter.text().contains("Tea Street"));
            let signed = Letter { brand, ..letter };
            let footer = signed.footer();
            let text = signed.text();
            assert!(
                text.contains(&format!("\n\nKettle & Co\n<b>Tea Street 1</b>\n\n{footer}")),
                "{text}"
            );
            let html = signed.html();
            assert!(
                html.contains("Kettle &amp; Co<br>&lt;b&gt;Tea Street 1&lt;/b&gt;</p>"),
                "{html}"
            );
        }
    }

    #[test]
    fn words_in_another_language_say_so() {
        let note = Note::new("请更新应用。").unwrap();
        let own = letter(Language::ZhTw, (Language::ZhTw, &note));
        assert!(own.html().contains(r#"<html lang="zh-TW">"#));
        assert!(own.html().contains(r#"<blockquote dir="auto""#));
        let simplified = letter(Language::ZhTw, (Language::ZhCn, &note));
        assert!(
            simplified
                .html()
                .contains(r#"<blockquote lang="zh-CN" dir="auto""#)
        );
    }
}
