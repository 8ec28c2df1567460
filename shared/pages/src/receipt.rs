//! The status page: where feedback stands, what was promised, what happened, what to do next.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use resound_domain::case::State;
use resound_domain::language::Language;
use resound_domain::score::Scores;

use crate::layout::{Page, same_page_in_other_language};
use crate::question::Question;
use crate::solved::{self, MessageView, QuestionView};
use crate::text::Clean;
use crate::time::{moment, time, zone_name};

/// Where feedback stands, for its customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is kept and counted; no answer is due.
    Received,
    /// It is followed up by a case in this state.
    Case(State),
}

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promised {
    /// It is to be kept by then.
    Due(Timestamp),
    /// It was to be kept by then, and is not kept yet.
    Late(Timestamp),
    /// The clock stands still while we wait for the customer.
    Paused,
    /// It was kept in time.
    Kept {
        /// When it was to be kept.
        due: Timestamp,
        /// When it was.
        at: Timestamp,
    },
    /// It was kept, but late.
    KeptLate {
        /// When it was to be kept.
        due: Timestamp,
        /// When it was.
        at: Timestamp,
    },
}

/// One thing that happened, as far as it concerns the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: StepKind,
    /// The words that were sent with it; `None` if there were none or they are no longer kept.
    pub message: Option<&'a str>,
}

/// The kinds of step. What happens inside the company (assignments, alerts) has no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// The feedback arrived.
    Received,
    /// A person saw it.
    Acknowledged,
    /// We wrote to the customer.
    Replied,
    /// We began to wait for the customer.
    AwaitingCustomer,
    /// We went on after waiting.
    Resumed,
    /// Solved.
    Resolved,
    /// Will not be done.
    Declined,
    /// Taken up again.
    Reopened,
    /// The customer wrote.
    CustomerWrote,
    /// The customer said that the outcome settles it.
    Confirmed,
    /// The customer said that it is not solved.
    Disputed,
    /// It is followed up together with another story of the same kind.
    Merged,
    /// The loop was closed.
    Closed,
}

/// What a status page shows.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptView<'a> {
    /// The language of the page.
    pub language: Language,
    /// Which Chinese is offered to who reads it in English.
    pub chinese: Language,
    /// The zone in which times are told.
    pub zone: &'a TimeZone,
    /// The short name people read out on the phone.
    pub reference: &'a str,
    /// Where it stands.
    pub progress: Progress,
    /// The promise of an answer; `None` if none was made.
    pub answer: Option<Promised>,
    /// The promise of an outcome; `None` if none was made.
    pub outcome: Option<Promised>,
    /// When a resolved or declined case closes by itself.
    pub closes_at: Option<Timestamp>,
    /// What happened, in order; the first step is [`StepKind::Received`].
    pub steps: &'a [Step<'a>],
    /// What has shipped since of what they reported, the latest first.
    pub shipped: &'a [ShippedView<'a>],
    /// What they can try before everybody is told, the latest first.
    pub trials: &'a [TrialView],
    /// The scores, while they can be changed; `None` afterwards.
    pub scores: Option<ScoresView<'a>>,
    /// Whether the outcome solved it; `None` while there is none.
    pub question: Option<QuestionView<'a>>,
    /// Where words go to whoever works on it; `None` where nobody does.
    pub message: Option<MessageView<'a>>,
    /// Where the customer can write again.
    pub form: &'a str,
}

/// What a customer reported, and shipped since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippedView<'a> {
    /// The version, as customers know it.
    pub release: &'a str,
    /// "Here is how".
    pub words: &'a str,
    /// The language that is in.
    pub language: Language,
}

/// Something that a customer was invited to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialView {
    /// How far they have come with it.
    pub step: TrialStep,
    /// Where its page is, which tells how to take part.
    pub link: String,
}

/// How far somebody has come with what they were invited to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialStep {
    /// They can take part, and have not said whether they do.
    Invited,
    /// They take part, and nothing is asked of them.
    Joined,
    /// They take part, and are asked whether it is fixed.
    Asked,
}

/// The scores a customer can still add or change.
#[derive(Debug, Clone, Copy)]
pub struct ScoresView<'a> {
    /// What is kept.
    pub scores: Scores,
    /// The last instant at which they can be changed.
    pub until: Timestamp,
    /// Where the form is sent.
    pub action: &'a str,
}

/// The status page of one response.
pub fn receipt_page(view: &ReceiptView<'_>) -> String {
    let language = view.language;
    let what = language.choose("反馈", "意見", "Feedback");
    let title = format!("{what} {}", view.reference);
    Page {
        locale: language,
        title: &title,
        other_language: Some(&same_page_in_other_language(language, view.chinese)),
        content: html! {
            h1 { (headline(view.progress, language)) }
            p { (language.choose("您的反馈编号：", "您的意見編號：", "Your reference: ")) span.reference { (view.reference) } }
            @if let Some(first) = view.steps.first() {
                p.zone {
                    (language.choose("本页时间均为", "本頁時間均為", "Times on this page are "))
                    (zone_name(first.at, view.zone, language)) (language.choose("。", "。", "."))
                }
            }
            @for shipped in view.shipped {
                div.box.good {
                    h2 {
                        @match language {
                            Language::ZhCn => { "您反馈的问题已在 " (Clean(shipped.release)) " 版本中解决" }
                            Language::ZhTw => { "您反映的問題已在 " (Clean(shipped.release)) " 版本中解決" }
                            Language::En => { "What you reported is fixed in " (Clean(shipped.release)) }
                        }
                    }
                    p { (language.choose("方法如下：", "方法如下：", "Here is how:")) }
                    blockquote lang=[(shipped.language != language).then_some(shipped.language.tag())] dir="auto" { (Clean(shipped.words)) }
                }
            }
            @for trial in view.trials { (self::trial(trial, language)) }
            @if is_late(view) {
                div.box.bad role="status" {
                    h2 { (language.choose("我们迟了，很抱歉", "我們遲了，很抱歉", "We are late, and we are sorry")) }
                    p { (language.choose(
                        "我们没有在承诺的时间内完成。负责人已经知道，这件事仍在处理中。", "我們沒有在承諾的時間內完成。負責人已經知道，這件事仍在處理中。",
                        "We did not keep the time we promised. The people in charge know, and we are still working on it.",
                    )) }
                }
            }
            @if view.answer.is_some() || view.outcome.is_some() { (promises(view)) }
            section.next { (next(view)) }
            (timeline(view))
            @if let Some(scores) = &view.scores { (scores_form(scores, view)) }
        },
    }
    .into_html()
}

fn trial(trial: &TrialView, language: Language) -> Markup {
    let (title, link) = match trial.step {
        TrialStep::Invited => (
            language.choose(
                "邀请您率先试用",
                "邀請您率先試用",
                "You are invited to try it first",
            ),
            language.choose("查看方法并参加", "查看方法並參加", "See how, and take part"),
        ),
        TrialStep::Joined => (
            language.choose("您正在试用", "您正在試用", "You take part in a trial"),
            language.choose("查看试用", "查看試用", "To the trial"),
        ),
        TrialStep::Asked => (
            language.choose(
                "您反馈的问题解决了吗？",
                "您反映的問題解決了嗎？",
                "Is what you reported fixed?",
            ),
            language.choose("告诉我们", "告訴我們", "Tell us"),
        ),
    };
    html! {
        div.box.good {
            h2 { (title) }
            p { a.button href=(trial.link) { (link) } }
        }
    }
}

fn is_late(view: &ReceiptView<'_>) -> bool {
    [view.answer, view.outcome]
        .iter()
        .flatten()
        .any(|promised| matches!(promised, Promised::Late(_)))
}

fn headline(progress: Progress, language: Language) -> &'static str {
    let (zh_cn, zh_tw, en) = match progress {
        Progress::Received => (
            "谢谢，您的反馈已收到",
            "謝謝，已收到您的意見",
            "Thank you, we have your feedback",
        ),
        Progress::Case(State::Open) => (
            "您的反馈已收到，我们会给您答复",
            "已收到您的意見，我們會給您答覆",
            "We have your feedback and will answer it",
        ),
        Progress::Case(State::Acknowledged) => (
            "我们正在处理您的反馈",
            "我們正在處理您的意見",
            "We are working on your feedback",
        ),
        Progress::Case(State::AwaitingCustomer) => (
            "我们在等您的回复",
            "我們在等您的回覆",
            "We are waiting for your reply",
        ),
        Progress::Case(State::Resolved) => (
            "您反馈的问题已处理完毕",
            "您反映的問題已處理完畢",
            "Your feedback has been resolved",
        ),
        Progress::Case(State::Declined) => (
            "很抱歉，这次没能满足您的要求",
            "很抱歉，這次未能滿足您的要求",
            "We are sorry: we will not be doing this",
        ),
        Progress::Case(State::Closed) => (
            "您的反馈已办结",
            "您的意見已結案",
            "Your feedback is closed",
        ),
        Progress::Case(State::Reopened) => (
            "我们重新开始处理您的反馈",
            "我們重新開始處理您的意見",
            "We have taken up your feedback again",
        ),
        Progress::Case(State::Merged) => (
            "您的反馈正与同一问题的反馈合并处理",
            "您的意見正與同一問題的意見合併處理",
            "Your feedback is followed up together with other feedback about the same thing",
        ),
    };
    language.choose(zh_cn, zh_tw, en)
}

fn promises(view: &ReceiptView<'_>) -> Markup {
    let language = view.language;
    html! {
        h2 { (language.choose("我们的承诺", "我們的承諾", "What we promised")) }
        dl {
            @if let Some(promised) = view.answer {
                dt { (language.choose("答复", "答覆", "An answer")) }
                (promise(view, promised, language.choose("答复", "答覆", "answered")))
            }
            @if let Some(promised) = view.outcome {
                dt { (language.choose("处理结果", "處理結果", "An outcome")) }
                (promise(view, promised, language.choose("给出结果", "給出結果", "settled")))
            }
        }
    }
}

/// One promise in words. `done` is the verb for keeping it.
fn promise(view: &ReceiptView<'_>, promised: Promised, done: &str) -> Markup {
    let (language, zone) = (view.language, view.zone);
    let time = |at| time(at, zone, language);
    match (promised, language) {
        (Promised::Due(at), Language::ZhCn) => html! { dd { "最迟 " (time(at)) } },
        (Promised::Due(at), Language::ZhTw) => html! { dd { "最遲 " (time(at)) } },
        (Promised::Due(at), Language::En) => html! { dd { "By " (time(at)) } },
        (Promised::Late(at), Language::ZhCn) => {
            html! { dd.late { "已超时：本应在 " (time(at)) " 之前" (done) } }
        }
        (Promised::Late(at), Language::ZhTw) => {
            html! { dd.late { "已逾時：本應在 " (time(at)) " 之前" (done) } }
        }
        (Promised::Late(at), Language::En) => {
            html! { dd.late { "Late: it was due by " (time(at)) } }
        }
        (Promised::Paused, Language::ZhCn) => html! { dd { "等您回复期间暂停计时" } },
        (Promised::Paused, Language::ZhTw) => html! { dd { "等您回覆期間暫停計時" } },
        (Promised::Paused, Language::En) => {
            html! { dd { "The clock stands still while we wait for you" } }
        }
        (Promised::Kept { at, .. }, Language::ZhCn) => {
            html! { dd { "已于 " (time(at)) " " (done) } }
        }
        (Promised::Kept { at, .. }, Language::ZhTw) => {
            html! { dd { "已於 " (time(at)) " " (done) } }
        }
        (Promised::Kept { at, .. }, Language::En) => {
            html! { dd { "We " (done) " it on " (time(at)) } }
        }
        (Promised::KeptLate { due, at }, Language::ZhCn) => {
            html! { dd { "已于 " (time(at)) " " (done) "，晚于承诺的 " (time(due)) "，很抱歉" } }
        }
        (Promised::KeptLate { due, at }, Language::ZhTw) => {
            html! { dd { "已於 " (time(at)) " " (done) "，晚於承諾的 " (time(due)) "，很抱歉" } }
        }
        (Promised::KeptLate { due, at }, Language::En) => {
            html! { dd { "We " (done) " it on " (time(at)) ", later than the " (time(due)) " we promised. We are sorry." } }
        }
    }
}

/// What the customer can do now.
fn next(view: &ReceiptView<'_>) -> Markup {
    let language = view.language;
    let write_again = |text: &str| html! { p { a.button href=(view.form) { (text) } } };
    let quote = match language {
        Language::ZhCn => format!("请注明编号 {}。", view.reference),
        Language::ZhTw => format!("請註明編號 {}。", view.reference),
        Language::En => format!(" Please quote {}.", view.reference),
    };
    html! {
        h2 { (language.choose("接下来", "接下來", "What happens next")) }
        @match view.progress {
            Progress::Received => {
                p { (language.choose(
                    "您的意见会计入我们的满意度统计，您不需要再做什么。这条反馈没有安排单独答复；如果希望得到答复，请告诉我们。", "您的意見會計入我們的滿意度統計，您不需要再做什麼。這則意見沒有安排個別答覆；如果希望得到答覆，請告訴我們。",
                    "It counts in our figures, and there is nothing you need to do. No personal answer is planned for it; if you would like one, tell us.",
                )) (quote) }
                (write_again(language.choose("再写一条", "再寫一則", "Write to us again")))
            }
            Progress::Case(State::Open | State::Acknowledged | State::Reopened | State::Merged) => {
                @if let Some(question) = &view.question { (solved::asked(question, language)) }
                p { (language.choose(
                    "您不需要再做什么。请保存本页链接，可随时回来查看进度；请不要转发，拿到链接的人都能看到我们的答复。", "您不需要再做什麼。請保存本頁連結，可隨時回來查看進度；請不要轉寄，拿到連結的人都能看到我們的答覆。",
                    "There is nothing you need to do. Keep the link to this page and come back at any time; do not pass it on, because whoever has it can read our answer.",
                )) }
                @if let Some(message) = &view.message { (solved::words(message, false, language)) }
            }
            Progress::Case(State::AwaitingCustomer) => {
                p { (language.choose("我们需要您的补充说明才能继续。", "我們需要您的補充說明才能繼續。", "We need a word from you before we can go on.")) }
                @if let Some(message) = &view.message { (solved::words(message, true, language)) }
            }
            Progress::Case(State::Resolved | State::Declined) => {
                @if let Some(question) = &view.question { (solved::asked(question, language)) }
                @if let Some(at) = view.closes_at {
                    p {
                        @match language {
                            Language::ZhCn => { "如无其他问题，本反馈将于 " (time(at, view.zone, language)) " 自动办结。" }
                            Language::ZhTw => { "如無其他問題，本意見將於 " (time(at, view.zone, language)) " 自動結案。" }
                            Language::En => { "If we hear nothing, it closes by itself on " (time(at, view.zone, language)) "." }
                        }
                    }
                }
            }
            Progress::Case(State::Closed) => {
                @if let Some(question) = &view.question { (solved::asked(question, language)) }
                p { (language.choose("如果有别的问题，随时可以再写给我们。", "如果有別的問題，隨時可以再寫給我們。", "If there is something else, write to us at any time.")) (quote) }
                (write_again(language.choose("再写一条", "再寫一則", "Write to us again")))
            }
        }
    }
}

fn scores_form(scores: &ScoresView<'_>, view: &ReceiptView<'_>) -> Markup {
    let language = view.language;
    let until = time(scores.until, view.zone, language);
    let Scores { nps, csat, ces } = scores.scores;
    let questions = [
        (Question::NPS, nps.map(u8::from)),
        (Question::CSAT, csat.map(u8::from)),
        (Question::CES, ces.map(u8::from)),
    ];
    html! {
        h2 id="scores" { (language.choose("您的评分", "您的評分", "Your scores")) }
        p {
            @match language {
                Language::ZhCn => { "在 " (until) " 之前，您可以补上没有回答的，也可以修改。" }
                Language::ZhTw => { "在 " (until) " 之前，您可以補上沒有回答的，也可以修改。" }
                Language::En => { "You can answer what you skipped, or change an answer, until " (until) "." }
            }
            @if view.answer.is_some() || view.outcome.is_some() {
                (language.choose("我们承诺的时间不会因此改变。", "我們承諾的時間不會因此改變。", " What we promised you stays as it is."))
            }
        }
        form method="post" action=(scores.action) accept-charset="utf-8" {
            @for (question, kept) in &questions {
                fieldset.field aria-describedby=(question.ends_id) {
                    legend { (question.text(language)) }
                    (question.scale(language, |score| *kept == Some(score)))
                }
            }
            button type="submit" { (language.choose("保存评分", "儲存評分", "Save scores")) }
        }
    }
}

fn timeline(view: &ReceiptView<'_>) -> Markup {
    let language = view.language;
    html! {
        h2 { (language.choose("处理经过", "處理經過", "What happened so far")) }
        ol {
            @for step in view.steps {
                li {
                    h3 { (step_name(step.kind, language)) }
                    time datetime=(step.at) { (moment(step.at, view.zone, language)) }
                    @if let Some(message) = step.message { blockquote dir="auto" { (Clean(message)) } }
                }
            }
        }
    }
}

fn step_name(kind: StepKind, language: Language) -> &'static str {
    let (zh_cn, zh_tw, en) = match kind {
        StepKind::Received => ("收到您的反馈", "收到您的意見", "We received your feedback"),
        StepKind::Acknowledged => ("工作人员已查看", "工作人員已查看", "We have seen it"),
        StepKind::Replied => ("我们回复了您", "我們回覆了您", "We wrote to you"),
        StepKind::AwaitingCustomer => ("等待您的回复", "等待您的回覆", "We are waiting for you"),
        StepKind::Resumed => ("继续处理", "繼續處理", "We are working on it again"),
        StepKind::Resolved => ("已处理完毕", "已處理完畢", "We resolved it"),
        StepKind::Declined => ("未能办理", "未能辦理", "We decided not to do it"),
        StepKind::Reopened => ("重新开始处理", "重新開始處理", "We took it up again"),
        StepKind::CustomerWrote => ("收到您的补充", "收到您的補充", "You wrote to us"),
        StepKind::Confirmed => (
            "您告诉我们：可以了",
            "您告訴我們：可以了",
            "You told us that all is well",
        ),
        StepKind::Disputed => (
            "您告诉我们问题还没有解决",
            "您告訴我們問題還沒有解決",
            "You told us that it is not solved",
        ),
        StepKind::Merged => (
            "与同一问题的反馈合并处理",
            "與同一問題的意見合併處理",
            "We follow it up together with other feedback about the same thing",
        ),
        StepKind::Closed => ("已办结", "已結案", "Closed"),
    };
    language.choose(zh_cn, zh_tw, en)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::body;
    use resound_domain::confirmation::Solved;
    use resound_domain::event::Ending;
    use resound_domain::score::Nps;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn view<'a>(language: Language, zone: &'a TimeZone, steps: &'a [Step<'a>]) -> ReceiptView<'a> {
        ReceiptView {
            language,
            chinese: Language::ZhCn,
            zone,
            reference: "R-ABCDE-FGHJK",
            progress: Progress::Received,
            answer: None,
            outcome: None,
            closes_at: None,
            steps,
            shipped: &[],
            trials: &[],
            scores: None,
            question: None,
            message: None,
            form: "/f/default",
        }
    }

    fn received() -> Step<'static> {
        Step {
            at: at("2026-11-21T06:05:00Z"),
            kind: StepKind::Received,
            message: None,
        }
    }

    fn question(ending: Ending, said: Option<Solved>) -> QuestionView<'static> {
        QuestionView {
            action: "/v1/receipts/x/helped?lang=en",
            outcome: 5,
            ending,
            said,
            leaning: None,
        }
    }

    /// The part of a page that says what happens next.
    fn next_section(html: &str) -> String {
        let (_, next) = html.split_once("<section").unwrap();
        let (next, _) = next.split_once("</section>").unwrap();
        next.replace("><", ">\n<")
    }

    #[test]
    fn who_accepted_a_no_did_not_say_that_it_is_solved() {
        let declined_and_confirmed =
            [StepKind::Declined, StepKind::Confirmed].map(|kind| Step { kind, ..received() });
        for (language, not_said) in [
            (Language::ZhCn, "解决"),
            (Language::ZhTw, "解決"),
            (Language::En, "solved"),
        ] {
            let html = receipt_page(&view(language, &zone(), &declined_and_confirmed));
            assert!(!html.contains(not_said), "{html}");
        }
    }

    #[test]
    fn what_shipped_is_told_with_how() {
        let (zone, steps) = (zone(), [received()]);
        let shipped = [ShippedView {
            release: "2.4 <b>",
            words: "Update the app.\n<script>alert(1)</script>",
            language: Language::En,
        }];
        for (language, headline) in [
            (Language::ZhCn, "您反馈的问题已在 2.4 &lt;b&gt; 版本中解决"),
            (Language::ZhTw, "您反映的問題已在 2.4 &lt;b&gt; 版本中解決"),
            (Language::En, "What you reported is fixed in 2.4 &lt;b&gt;"),
        ] {
            let html = receipt_page(&ReceiptView {
                shipped: &shipped,
                ..view(language, &zone, &steps)
            });
            assert!(html.contains(headline), "{html}");
            assert!(html.contains("Update the app.\n&lt;script&gt;") && !html.contains("<script>"));
        }
    }

    #[test]
    fn a_trial_leads_to_its_page() {
        let (zone, steps) = (zone(), [received()]);
        for (step, words) in [
            (
                TrialStep::Invited,
                [
                    "邀请您率先试用",
                    "邀請您率先試用",
                    "You are invited to try it first",
                ],
            ),
            (
                TrialStep::Joined,
                ["您正在试用", "您正在試用", "You take part in a trial"],
            ),
            (
                TrialStep::Asked,
                [
                    "您反馈的问题解决了吗",
                    "您反映的問題解決了嗎",
                    "Is what you reported fixed?",
                ],
            ),
        ] {
            let trials = [TrialView {
                step,
                link: "/v1/receipts/x/betas/1?lang=en".to_owned(),
            }];
            for (language, words) in [Language::ZhCn, Language::ZhTw, Language::En]
                .into_iter()
                .zip(words)
            {
                let html = receipt_page(&ReceiptView {
                    trials: &trials,
                    ..view(language, &zone, &steps)
                });
                assert!(html.contains(words), "{html}");
                assert!(html.contains(r#"href="/v1/receipts/x/betas/1?lang=en""#));
            }
        }
    }

    #[test]
    fn an_outcome_asks_whether_it_solved_it() {
        let (zone, steps) = (zone(), [received()]);
        let page = |state, question, language| {
            let html = receipt_page(&ReceiptView {
                progress: Progress::Case(state),
                question: Some(question),
                ..view(language, &zone, &steps)
            });
            next_section(&html)
        };
        let asked = question(Ending::Resolved, None);
        for language in Language::ALL {
            let name = |name| format!("solved_{name}_{}", language.tag());
            insta::assert_snapshot!(name("asked"), page(State::Resolved, asked, language));
            for said in Solved::ALL {
                let state = match said {
                    Solved::Yes => State::Closed,
                    Solved::No => State::Reopened,
                };
                let answered = question(Ending::Resolved, Some(said));
                insta::assert_snapshot!(name(said.name()), page(state, answered, language));
            }
        }
        // Who came by the link that says no finds the place for words open; nothing is said yet.
        let leaning = QuestionView {
            leaning: Some(Solved::No),
            ..asked
        };
        let open = page(State::Resolved, leaning, Language::En);
        assert!(open.contains("<details open>") && open.contains(r#"name="solved" value="yes""#));
        assert!(!page(State::Resolved, asked, Language::En).contains("<details open>"));
    }

    #[test]
    fn nothing_is_due() {
        let (zone, steps) = (zone(), [received()]);
        insta::assert_snapshot!(
            "receipt_received_zh",
            body(&receipt_page(&view(Language::ZhCn, &zone, &steps)))
        );
    }

    #[test]
    fn late_says_late() {
        let (zone, steps) = (zone(), [received()]);
        for (name, language) in [
            ("receipt_late_zh", Language::ZhCn),
            ("receipt_late_zh_tw", Language::ZhTw),
            ("receipt_late_en", Language::En),
        ] {
            let html = receipt_page(&ReceiptView {
                progress: Progress::Case(State::Open),
                answer: Some(Promised::Late(at("2026-11-21T08:05:00Z"))),
                outcome: Some(Promised::Due(at("2026-11-22T06:05:00Z"))),
                ..view(language, &zone, &steps)
            });
            insta::assert_snapshot!(name, body(&html));
        }
    }

    #[test]
    fn the_whole_way() {
        let zone = zone();
        let step = |hour: u8, kind, message| Step {
            at: at(&format!("2026-11-21T{hour:02}:05:00Z")),
            kind,
            message,
        };
        let steps = [
            received(),
            step(7, StepKind::Acknowledged, None),
            step(8, StepKind::Replied, Some("您好，\n我们正在查。")),
            step(9, StepKind::AwaitingCustomer, Some("请问订单号是多少？")),
            step(10, StepKind::Resumed, None),
            step(11, StepKind::Resolved, Some("已退款，三个工作日内到账。")),
            step(12, StepKind::Reopened, None),
            step(
                13,
                StepKind::Declined,
                Some("Sorry: <b>no</b> refunds after 90 days\0 \u{202e}مرحبا"),
            ),
            step(14, StepKind::Closed, None),
        ];
        for (name, language) in [
            ("receipt_closed_zh", Language::ZhCn),
            ("receipt_closed_zh_tw", Language::ZhTw),
            ("receipt_closed_en", Language::En),
        ] {
            let html = receipt_page(&ReceiptView {
                progress: Progress::Case(State::Closed),
                answer: Some(Promised::Kept {
                    due: at("2026-11-21T10:05:00Z"),
                    at: at("2026-11-21T08:05:00Z"),
                }),
                outcome: Some(Promised::KeptLate {
                    due: at("2026-11-21T12:30:00Z"),
                    at: at("2026-11-21T13:05:00Z"),
                }),
                ..view(language, &zone, &steps)
            });
            insta::assert_snapshot!(name, body(&html));
        }
    }

    #[test]
    fn every_state_has_its_next_step() {
        let (zone, steps) = (zone(), [received()]);
        for state in [
            State::Open,
            State::Acknowledged,
            State::AwaitingCustomer,
            State::Resolved,
            State::Declined,
            State::Closed,
            State::Reopened,
            State::Merged,
        ] {
            for language in Language::ALL {
                let asks = matches!(state, State::Resolved | State::Declined | State::Closed);
                let ending = match state {
                    State::Declined => Ending::Declined,
                    _ => Ending::Resolved,
                };
                let html = receipt_page(&ReceiptView {
                    progress: Progress::Case(state),
                    answer: Some(Promised::Paused),
                    closes_at: Some(at("2026-11-24T06:05:00Z")),
                    question: asks.then_some(question(ending, None)),
                    message: (!asks && state != State::Merged).then_some(MessageView {
                        action: "/v1/receipts/x/messages?lang=en",
                        idempotency_key: "0123456789abcdef",
                    }),
                    ..view(language, &zone, &steps)
                });
                insta::assert_snapshot!(
                    format!("receipt_{state:?}_{}", language.tag()),
                    main_text(&html)
                );
            }
        }
    }

    #[test]
    fn scores_can_be_changed() {
        let (zone, steps) = (zone(), [received()]);
        let scores = Scores {
            nps: Some(Nps::try_from(9).unwrap()),
            ..Scores::default()
        };
        let open = ScoresView {
            scores,
            until: at("2026-12-21T06:05:00Z"),
            action: "/v1/receipts/\"<token>/scores?lang=en",
        };
        for (name, language) in [
            ("receipt_scores_zh", Language::ZhCn),
            ("receipt_scores_zh_tw", Language::ZhTw),
            ("receipt_scores_en", Language::En),
        ] {
            let html = receipt_page(&ReceiptView {
                progress: Progress::Case(State::Open),
                answer: Some(Promised::Paused),
                scores: Some(open),
                ..view(language, &zone, &steps)
            });
            let html = body(&html);
            let (_, form) = html.split_once("<h2 id=\"scores\"").unwrap();
            insta::assert_snapshot!(name, form);
        }
    }

    /// The text a reader meets between header and timeline.
    fn main_text(html: &str) -> String {
        let (_, main) = html.split_once("<main>").unwrap();
        let (main, _) = main.split_once("<ol>").unwrap();
        let mut text = String::new();
        for piece in main.split('<').filter(|p| !p.is_empty()) {
            let words = piece.split_once('>').map_or("", |(_, words)| words);
            if !words.trim().is_empty() {
                text.push_str(words.trim());
                text.push('\n');
            }
        }
        text
    }
}
