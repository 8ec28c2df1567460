//! What a text message says: who has news, the reference, and the private page that tells them. Never the words of
//! staff, which may be long and would travel in the open.

use resound_domain::language::Language;
use resound_domain::sms::size;
use resound_domain::template::Occasion;

/// The most parts that a message may take. Ours take two or three, depending on the address of the status page; a longer
/// one would cost more than it tells.
pub const MOST_PARTS: usize = 4;

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
/// [`TooLong`]
pub fn short(
    occasion: Occasion,
    language: Language,
    reference: &str,
    status_url: &str,
) -> Result<String, TooLong> {
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
    let text = format!("{before}{reference}{after}{status_url}");
    match size(&text).parts {
        parts if parts > MOST_PARTS => Err(TooLong { parts }),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use resound_domain::sms::Encoding;

    use super::*;

    /// A page behind the address that API Gateway gives.
    fn url() -> String {
        let token = "v1.01ARZ3NDEKTSV4RRFFQ69G5FAV.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq";
        format!("https://a1b2c3d4e5.execute-api.ap-southeast-1.amazonaws.com/v1/receipts/{token}")
    }

    #[test]
    fn a_message_names_the_feedback_and_the_page_in_few_parts() {
        for occasion in Occasion::ALL {
            for (language, encoding, most) in [
                (Language::En, Encoding::Gsm7, 2),
                (Language::ZhCn, Encoding::Ucs2, 3),
                (Language::ZhTw, Encoding::Ucs2, 3),
            ] {
                let text = short(occasion, language, "R-ABCDE-FGHJK", &url()).unwrap();
                assert!(
                    text.contains("R-ABCDE-FGHJK") && text.ends_with(&url()),
                    "{text}"
                );
                let size = size(&text);
                assert_eq!(size.encoding, encoding, "{text}");
                assert!(size.parts <= most, "{} {text}", size.parts);
            }
        }
    }

    #[test]
    fn a_message_of_more_parts_is_refused() {
        let long = format!("https://example.test/{}", "x".repeat(67 * MOST_PARTS));
        let text = short(Occasion::Reply, Language::ZhCn, "R-ABCDE-FGHJK", &long);
        assert_eq!(text, Err(TooLong { parts: 5 }));
        assert!(short(Occasion::Reply, Language::En, "R-ABCDE-FGHJK", &long).is_ok());
    }
}
