//! What somebody of staff says to a customer whom nothing that is sent has told.

use crate::confirmation::question;
use crate::event::Ending;
use crate::language::Language;
use crate::template::Occasion;

/// The words for a call or a visit, a line for each thing to say: who calls about what, what came of it in the words that
/// the customer was to be sent, and, of an outcome, whether it helped.
///
/// In the language of the customer. `name` is how they want to be addressed.
pub fn script(
    occasion: Occasion,
    language: Language,
    name: Option<&str>,
    reference: &str,
    words: &str,
) -> String {
    let (zh_cn, zh_tw, en) = match occasion {
        Occasion::Reply => ("我们的回复是：", "我們的回覆是：", "This is our answer:"),
        Occasion::Question => (
            "为了处理您的反馈，我们想向您确认：",
            "為了處理您的意見，我們想向您確認：",
            "To help you we need to ask you something:",
        ),
        Occasion::Resolved => (
            "您反馈的问题已经处理完毕：",
            "您反映的問題已經處理完畢：",
            "What you told us about has been resolved:",
        ),
        Occasion::Declined => (
            "我们认真研究过，这次未能按您的期望处理，原因是：",
            "我們認真研究過，這次未能按您的期望處理，原因是：",
            "We looked into it carefully. We will not act on it this time, and this is why:",
        ),
    };
    let news = match language {
        Language::ZhCn => zh_cn,
        Language::ZhTw => zh_tw,
        Language::En => en,
    };
    let greeting = match (language, name) {
        (Language::ZhCn, Some(name)) => {
            format!("{name}，您好！我打电话是为了您的反馈，编号 {reference}。")
        }
        (Language::ZhCn, None) => format!("您好！我打电话是为了您的反馈，编号 {reference}。"),
        (Language::ZhTw, Some(name)) => {
            format!("{name}，您好！我來電是為了您的意見，編號 {reference}。")
        }
        (Language::ZhTw, None) => format!("您好！我來電是為了您的意見，編號 {reference}。"),
        (Language::En, Some(name)) => {
            format!("Hello {name}, I am calling about your feedback, reference {reference}.")
        }
        (Language::En, None) => {
            format!("Hello, I am calling about your feedback, reference {reference}.")
        }
    };
    let ending = match occasion {
        Occasion::Resolved => Some(Ending::Resolved),
        Occasion::Declined => Some(Ending::Declined),
        Occasion::Reply | Occasion::Question => None,
    };
    let mut script = format!("{greeting}\n{news}\n{words}");
    if let Some(ending) = ending {
        script.push('\n');
        script.push_str(question(ending, language));
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_says_who_what_and_asks() {
        let say = |occasion, language, name| {
            script(
                occasion,
                language,
                name,
                "R-ABCDE-FGHJK",
                "We sent a new one.",
            )
        };
        assert_eq!(
            say(Occasion::Resolved, Language::En, Some("Li")),
            "Hello Li, I am calling about your feedback, reference R-ABCDE-FGHJK.\n\
             What you told us about has been resolved:\n\
             We sent a new one.\n\
             Did this solve it?"
        );
        assert_eq!(
            say(Occasion::Declined, Language::ZhCn, None),
            "您好！我打电话是为了您的反馈，编号 R-ABCDE-FGHJK。\n\
             我们认真研究过，这次未能按您的期望处理，原因是：\n\
             We sent a new one.\n\
             这个答复您能接受吗？"
        );
        for occasion in Occasion::ALL {
            for language in Language::ALL {
                let said = say(occasion, language, Some("Li"));
                let asks = matches!(occasion, Occasion::Resolved | Occasion::Declined);
                assert_eq!(said.lines().count(), if asks { 4 } else { 3 }, "{said}");
                assert!(said.contains("R-ABCDE-FGHJK") && said.contains("We sent a new one."));
            }
        }
    }
}
