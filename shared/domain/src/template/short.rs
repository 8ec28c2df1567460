//! What a text message says: who has news, the reference, and the private page that tells them. Never the words of
//! staff, which may be long and would travel in the open.

use jiff::civil::{Date, date};

use super::{Occasion, Piece, Template, Values, Variable};
use crate::language::Language;
use crate::sms::{Size, size};

/// The most parts that a message may take. What is built in takes two or three, depending on the address of the status
/// page; a longer one would cost more than it tells.
pub const MOST_PARTS: usize = 4;

/// As long as every reference.
const REFERENCE: &str = "R-WWWWW-WWWWW";

/// Of all days, one of these takes the most room in each language.
const LONGEST_DAYS: [Date; 2] = [date(2026, 9, 30), date(2026, 12, 30)];

/// A text message would take more than [`MOST_PARTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message would take {parts} parts, and {MOST_PARTS} are the most")]
pub struct TooLong {
    /// How many it would take.
    pub parts: usize,
}

/// The text of a message.
///
/// # Errors
/// [`TooLong`], only where the address of the status page has grown since the wording was saved.
pub fn message(
    wording: &Template,
    values: &Values<'_>,
    language: Language,
) -> Result<String, TooLong> {
    let text = wording.render(values, language);
    match size(&text).parts {
        parts if parts > MOST_PARTS => Err(TooLong { parts }),
        _ => Ok(text),
    }
}

/// How long a message can become, with the longest that its variables may stand for: any day, any of these brands (none:
/// no name), and this link.
pub(super) fn longest(
    wording: &Template,
    brands: &[&str],
    link: &str,
    language: Language,
) -> Option<Size> {
    let brands = match brands {
        [] => &[""],
        named => named,
    };
    let sizes = brands.iter().flat_map(|brand| {
        LONGEST_DAYS.map(|day| {
            let values = Values {
                reference: REFERENCE,
                day,
                brand,
                link,
            };
            size(&wording.render(&values, language))
        })
    });
    sizes.max_by_key(|size| size.parts)
}

/// Whether the link stands apart: a phone takes what comes right before or after it, up to a blank, for a part of it.
/// Chinese characters and punctuation before it are none.
pub(super) fn is_link_apart(wording: &Template) -> bool {
    let is_link = |piece: Option<&Piece>| piece == Some(&Piece::Variable(Variable::Link));
    wording.0.iter().enumerate().all(|(n, piece)| {
        let after = wording.0.get(n + 1);
        match piece {
            Piece::Variable(Variable::Link) => match after {
                None => true,
                Some(Piece::Text(text)) => text.starts_with(char::is_whitespace),
                Some(Piece::Variable(_)) => false,
            },
            Piece::Variable(_) => !is_link(after),
            Piece::Text(text) => {
                !is_link(after) || !text.ends_with(|c: char| c.is_ascii_alphanumeric())
            }
        }
    })
}

/// What is said where a company says nothing else.
pub(super) fn built_in(occasion: Occasion, language: Language) -> Template {
    let (before, after) = match (occasion, language) {
        (Occasion::Reply, Language::ZhCn) => ("我们回复了您的反馈 ", "："),
        (Occasion::Reply, Language::ZhTw) => ("我們回覆了您的意見 ", "："),
        (Occasion::Reply, Language::En) => ("We have answered your feedback ", ": "),
        (Occasion::Question, Language::ZhCn) => {
            ("关于您的反馈 ", "，我们想向您确认一点，请在此回复：")
        }
        (Occasion::Question, Language::ZhTw) => {
            ("關於您的意見 ", "，我們想向您確認一點，請在此回覆：")
        }
        (Occasion::Question, Language::En) => (
            "We have a question about your feedback ",
            ". Please answer here: ",
        ),
        (Occasion::Resolved, Language::ZhCn) => {
            ("您的反馈 ", " 已处理完毕。请查看答复，并告诉我们是否解决：")
        }
        (Occasion::Resolved, Language::ZhTw) => {
            ("您的意見 ", " 已處理完畢。請查看答覆，並告訴我們是否解決：")
        }
        (Occasion::Resolved, Language::En) => (
            "Your feedback ",
            " has been resolved. Read the answer and tell us whether it helped: ",
        ),
        (Occasion::Declined, Language::ZhCn) => (
            "我们认真研究了您的反馈 ",
            "，这次未能按您的期望处理，原因见：",
        ),
        (Occasion::Declined, Language::ZhTw) => (
            "我們認真研究了您的意見 ",
            "，這次未能按您的期望處理，原因請見：",
        ),
        (Occasion::Declined, Language::En) => (
            "We looked into your feedback ",
            " carefully and will not act on it this time. This is why: ",
        ),
    };
    Template(vec![
        Piece::Text(before.to_owned()),
        Piece::Variable(Variable::Reference),
        Piece::Text(after.to_owned()),
        Piece::Variable(Variable::Link),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::Encoding;
    use crate::template::day;

    /// A page behind the address that API Gateway gives.
    const URL: &str = "https://a1b2c3d4e5.execute-api.ap-southeast-1.amazonaws.com/v1/receipts/01ARZ3NDEKTSV4RRFFQ69G5FAV.1.8unziBubLMzhrPltO4At-Q";

    fn values(link: &str) -> Values<'_> {
        Values {
            reference: "R-ABCDE-FGHJK",
            day: date(2026, 5, 3),
            brand: "",
            link,
        }
    }

    #[test]
    fn what_is_built_in_names_the_feedback_and_the_page_in_few_parts() {
        for occasion in Occasion::ALL {
            for (language, encoding, most) in [
                (Language::En, Encoding::Gsm7, 2),
                (Language::ZhCn, Encoding::Ucs2, 3),
                (Language::ZhTw, Encoding::Ucs2, 3),
            ] {
                let wording = built_in(occasion, language);
                let text = message(&wording, &values(URL), language).unwrap();
                assert!(
                    text.contains("R-ABCDE-FGHJK") && text.ends_with(URL),
                    "{text}"
                );
                let size = size(&text);
                assert_eq!(size.encoding, encoding, "{text}");
                assert!(size.parts <= most, "{} {text}", size.parts);
                assert!(is_link_apart(&wording));
            }
        }
    }

    #[test]
    fn a_message_of_more_parts_is_refused() {
        let long = format!("https://example.test/{}", "x".repeat(67 * MOST_PARTS));
        let text = |language| {
            let wording = built_in(Occasion::Reply, language);
            message(&wording, &values(&long), language)
        };
        assert_eq!(text(Language::ZhCn), Err(TooLong { parts: 5 }));
        assert!(text(Language::En).is_ok());
    }

    #[test]
    fn no_day_and_no_reference_is_longer_than_what_is_measured() {
        for language in Language::ALL {
            let length = |date| day(date, language).chars().count();
            let longest = LONGEST_DAYS.map(length).into_iter().max().unwrap();
            let first = date(2028, 1, 1);
            let mut days = first.series(jiff::Span::new().days(1)).take(366);
            assert!(days.all(|day| length(day) <= longest));
        }
        let reference = crate::id::ResponseId::from_bits(u128::MAX).reference();
        assert_eq!(reference.len(), REFERENCE.len());
    }

    #[test]
    fn the_longest_is_that_of_the_longest_brand() {
        let wording = Template::parse("{{brand}} {{reference}} {{link}}").unwrap();
        let parts = |brands: &[&str]| {
            longest(&wording, brands, URL, Language::En).map(|size| (size.encoding, size.parts))
        };
        assert_eq!(parts(&[]), Some((Encoding::Gsm7, 1)));
        assert_eq!(parts(&["Kettle"]), Some((Encoding::Gsm7, 1)));
        // One character outside of the alphabet makes every part shorter.
        assert_eq!(parts(&["Kettle", "茶", "Tea"]), Some((Encoding::Ucs2, 3)));
    }

    #[test]
    fn a_link_stands_apart() {
        for (text, apart) in [
            ("{{reference}} {{link}}", true),
            ("{{reference}}：{{link}}", true),
            ("请看{{link}} 谢谢", true),
            ("{{link}}\n{{brand}}", true),
            ("{{link}}。", false),
            ("{{link}}.", false),
            ("{{link}}{{brand}}", false),
            ("{{reference}}{{link}}", false),
            ("see{{link}}", false),
            ("{{link}} and {{link}}", true),
        ] {
            let wording = Template::parse(text).unwrap();
            assert_eq!(is_link_apart(&wording), apart, "{text}");
        }
    }
}
