//! The status page: where feedback stands, what was promised, what happened, what to do next.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use resound_domain::case::State;
use resound_domain::locale::Locale;
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
    /// The customer said that it is solved.
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
    pub locale: Locale,
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
    /// "Here is how", in the language of the page.
    pub words: &'a str,
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
    let locale = view.locale;
    let title = match locale {
        Locale::ZhCn => format!("反馈 {}", view.reference),
        Locale::En => format!("Feedback {}", view.reference),
    };
    Page {
        locale,
        title: &title,
        other_language: Some(same_page_in_other_language(locale)),
        content: html! {
            h1 { (headline(view.progress, locale)) }
            p { (locale.choose("您的反馈编号：", "Your reference: ")) span.reference { (view.reference) } }
            @if let Some(first) = view.steps.first() {
                p.zone {
                    (locale.choose("本页时间均为", "Times on this page are "))
                    (zone_name(first.at, view.zone, locale)) (locale.choose("。", "."))
                }
            }
            @for shipped in view.shipped {
                div.box.good {
                    h2 {
                        @match locale {
                            Locale::ZhCn => { "您反馈的问题已在 " (Clean(shipped.release)) " 版本中解决" }
                            Locale::En => { "What you reported is fixed in " (Clean(shipped.release)) }
                        }
                    }
                    p { (locale.choose("方法如下：", "Here is how:")) }
                    blockquote dir="auto" { (Clean(shipped.words)) }
                }
            }
            @if is_late(view) {
                div.box.bad role="status" {
                    h2 { (locale.choose("我们迟了，很抱歉", "We are late, and we are sorry")) }
                    p { (locale.choose(
                        "我们没有在承诺的时间内完成。负责人已经知道，这件事仍在处理中。",
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

fn is_late(view: &ReceiptView<'_>) -> bool {
    [view.answer, view.outcome]
        .iter()
        .flatten()
        .any(|promised| matches!(promised, Promised::Late(_)))
}

fn headline(progress: Progress, locale: Locale) -> &'static str {
    let (zh_cn, en) = match progress {
        Progress::Received => ("谢谢，您的反馈已收到", "Thank you, we have your feedback"),
        Progress::Case(State::Open) => (
            "您的反馈已收到，我们会给您答复",
            "We have your feedback and will answer it",
        ),
        Progress::Case(State::Acknowledged) => {
            ("我们正在处理您的反馈", "We are working on your feedback")
        }
        Progress::Case(State::AwaitingCustomer) => {
            ("我们在等您的回复", "We are waiting for your reply")
        }
        Progress::Case(State::Resolved) => {
            ("您反馈的问题已处理完毕", "Your feedback has been resolved")
        }
        Progress::Case(State::Declined) => (
            "很抱歉，这次没能满足您的要求",
            "We are sorry: we will not be doing this",
        ),
        Progress::Case(State::Closed) => ("您的反馈已办结", "Your feedback is closed"),
        Progress::Case(State::Reopened) => (
            "我们重新开始处理您的反馈",
            "We have taken up your feedback again",
        ),
        Progress::Case(State::Merged) => (
            "您的反馈正与同一问题的反馈合并处理",
            "Your feedback is followed up together with other feedback about the same thing",
        ),
    };
    locale.choose(zh_cn, en)
}

fn promises(view: &ReceiptView<'_>) -> Markup {
    let locale = view.locale;
    html! {
        h2 { (locale.choose("我们的承诺", "What we promised")) }
        dl {
            @if let Some(promised) = view.answer {
                dt { (locale.choose("答复", "An answer")) }
                (promise(view, promised, locale.choose("答复", "answered")))
            }
            @if let Some(promised) = view.outcome {
                dt { (locale.choose("处理结果", "An outcome")) }
                (promise(view, promised, locale.choose("给出结果", "settled")))
            }
        }
    }
}

/// One promise in words. `done` is the verb for keeping it.
fn promise(view: &ReceiptView<'_>, promised: Promised, done: &str) -> Markup {
    let (locale, zone) = (view.locale, view.zone);
    let time = |at| time(at, zone, locale);
    match (promised, locale) {
        (Promised::Due(at), Locale::ZhCn) => html! { dd { "最迟 " (time(at)) } },
        (Promised::Due(at), Locale::En) => html! { dd { "By " (time(at)) } },
        (Promised::Late(at), Locale::ZhCn) => {
            html! { dd.late { "已超时：本应在 " (time(at)) " 之前" (done) } }
        }
        (Promised::Late(at), Locale::En) => html! { dd.late { "Late: it was due by " (time(at)) } },
        (Promised::Paused, Locale::ZhCn) => html! { dd { "等您回复期间暂停计时" } },
        (Promised::Paused, Locale::En) => {
            html! { dd { "The clock stands still while we wait for you" } }
        }
        (Promised::Kept { at, .. }, Locale::ZhCn) => html! { dd { "已于 " (time(at)) " " (done) } },
        (Promised::Kept { at, .. }, Locale::En) => {
            html! { dd { "We " (done) " it on " (time(at)) } }
        }
        (Promised::KeptLate { due, at }, Locale::ZhCn) => {
            html! { dd { "已于 " (time(at)) " " (done) "，晚于承诺的 " (time(due)) "，很抱歉" } }
        }
        (Promised::KeptLate { due, at }, Locale::En) => {
            html! { dd { "We " (done) " it on " (time(at)) ", later than the " (time(due)) " we promised. We are sorry." } }
        }
    }
}

/// What the customer can do now.
fn next(view: &ReceiptView<'_>) -> Markup {
    let locale = view.locale;
    let write_again = |text: &str| html! { p { a.button href=(view.form) { (text) } } };
    let quote = match locale {
        Locale::ZhCn => format!("请注明编号 {}。", view.reference),
        Locale::En => format!(" Please quote {}.", view.reference),
    };
    html! {
        h2 { (locale.choose("接下来", "What happens next")) }
        @match view.progress {
            Progress::Received => {
                p { (locale.choose(
                    "您的意见会计入我们的满意度统计，您不需要再做什么。这条反馈没有安排单独答复；如果希望得到答复，请告诉我们。",
                    "It counts in our figures, and there is nothing you need to do. No personal answer is planned for it; if you would like one, tell us.",
                )) (quote) }
                (write_again(locale.choose("再写一条", "Write to us again")))
            }
            Progress::Case(State::Open | State::Acknowledged | State::Reopened | State::Merged) => {
                @if let Some(question) = &view.question { (solved::asked(question, locale)) }
                p { (locale.choose(
                    "您不需要再做什么。请保存本页链接，可随时回来查看进度；请不要转发，拿到链接的人都能看到我们的答复。",
                    "There is nothing you need to do. Keep the link to this page and come back at any time; do not pass it on, because whoever has it can read our answer.",
                )) }
                @if let Some(message) = &view.message { (solved::words(message, false, locale)) }
            }
            Progress::Case(State::AwaitingCustomer) => {
                p { (locale.choose("我们需要您的补充说明才能继续。", "We need a word from you before we can go on.")) }
                @if let Some(message) = &view.message { (solved::words(message, true, locale)) }
            }
            Progress::Case(State::Resolved | State::Declined) => {
                @if let Some(question) = &view.question { (solved::asked(question, locale)) }
                @if let Some(at) = view.closes_at {
                    p {
                        @match locale {
                            Locale::ZhCn => { "如无其他问题，本反馈将于 " (time(at, view.zone, locale)) " 自动办结。" }
                            Locale::En => { "If we hear nothing, it closes by itself on " (time(at, view.zone, locale)) "." }
                        }
                    }
                }
            }
            Progress::Case(State::Closed) => {
                @if let Some(question) = &view.question { (solved::asked(question, locale)) }
                p { (locale.choose("如果有别的问题，随时可以再写给我们。", "If there is something else, write to us at any time.")) (quote) }
                (write_again(locale.choose("再写一条", "Write to us again")))
            }
        }
    }
}

fn scores_form(scores: &ScoresView<'_>, view: &ReceiptView<'_>) -> Markup {
    let locale = view.locale;
    let until = time(scores.until, view.zone, locale);
    let Scores { nps, csat, ces } = scores.scores;
    let questions = [
        (Question::NPS, nps.map(u8::from)),
        (Question::CSAT, csat.map(u8::from)),
        (Question::CES, ces.map(u8::from)),
    ];
    html! {
        h2 id="scores" { (locale.choose("您的评分", "Your scores")) }
        p {
            @match locale {
                Locale::ZhCn => { "在 " (until) " 之前，您可以补上没有回答的，也可以修改。" }
                Locale::En => { "You can answer what you skipped, or change an answer, until " (until) "." }
            }
            @if view.answer.is_some() || view.outcome.is_some() {
                (locale.choose("我们承诺的时间不会因此改变。", " What we promised you stays as it is."))
            }
        }
        form method="post" action=(scores.action) accept-charset="utf-8" {
            @for (question, kept) in &questions {
                fieldset.field aria-describedby=(question.ends_id) {
                    legend { (question.text(locale)) }
                    (question.scale(locale, |score| *kept == Some(score)))
                }
            }
            button type="submit" { (locale.choose("保存评分", "Save scores")) }
        }
    }
}

fn timeline(view: &ReceiptView<'_>) -> Markup {
    let locale = view.locale;
    html! {
        h2 { (locale.choose("处理经过", "What happened so far")) }
        ol {
            @for step in view.steps {
                li {
                    h3 { (step_name(step.kind, locale)) }
                    time datetime=(step.at) { (moment(step.at, view.zone, locale)) }
                    @if let Some(message) = step.message { blockquote dir="auto" { (Clean(message)) } }
                }
            }
        }
    }
}

fn step_name(kind: StepKind, locale: Locale) -> &'static str {
    let (zh_cn, en) = match kind {
        StepKind::Received => ("收到您的反馈", "We received your feedback"),
        StepKind::Acknowledged => ("工作人员已查看", "We have seen it"),
        StepKind::Replied => ("我们回复了您", "We wrote to you"),
        StepKind::AwaitingCustomer => ("等待您的回复", "We are waiting for you"),
        StepKind::Resumed => ("继续处理", "We are working on it again"),
        StepKind::Resolved => ("已处理完毕", "We resolved it"),
        StepKind::Declined => ("未能办理", "We decided not to do it"),
        StepKind::Reopened => ("重新开始处理", "We took it up again"),
        StepKind::CustomerWrote => ("收到您的补充", "You wrote to us"),
        StepKind::Confirmed => ("您告诉我们问题已解决", "You told us that it is solved"),
        StepKind::Disputed => (
            "您告诉我们问题还没有解决",
            "You told us that it is not solved",
        ),
        StepKind::Merged => (
            "与同一问题的反馈合并处理",
            "We follow it up together with other feedback about the same thing",
        ),
        StepKind::Closed => ("已办结", "Closed"),
    };
    locale.choose(zh_cn, en)
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

    fn view<'a>(locale: Locale, zone: &'a TimeZone, steps: &'a [Step<'a>]) -> ReceiptView<'a> {
        ReceiptView {
            locale,
            zone,
            reference: "R-ABCDE-FGHJK",
            progress: Progress::Received,
            answer: None,
            outcome: None,
            closes_at: None,
            steps,
            shipped: &[],
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
    fn what_shipped_is_told_with_how() {
        let (zone, steps) = (zone(), [received()]);
        let shipped = [ShippedView {
            release: "2.4 <b>",
            words: "Update the app.\n<script>alert(1)</script>",
        }];
        for (locale, headline) in [
            (Locale::ZhCn, "您反馈的问题已在 2.4 &lt;b&gt; 版本中解决"),
            (Locale::En, "What you reported is fixed in 2.4 &lt;b&gt;"),
        ] {
            let html = receipt_page(&ReceiptView {
                shipped: &shipped,
                ..view(locale, &zone, &steps)
            });
            assert!(html.contains(headline), "{html}");
            assert!(html.contains("Update the app.\n&lt;script&gt;") && !html.contains("<script>"));
        }
    }

    #[test]
    fn an_outcome_asks_whether_it_solved_it() {
        let (zone, steps) = (zone(), [received()]);
        let page = |state, question, locale| {
            let html = receipt_page(&ReceiptView {
                progress: Progress::Case(state),
                question: Some(question),
                ..view(locale, &zone, &steps)
            });
            next_section(&html)
        };
        let asked = question(Ending::Resolved, None);
        for locale in [Locale::ZhCn, Locale::En] {
            let name = |name| format!("solved_{name}_{}", locale.tag());
            insta::assert_snapshot!(name("asked"), page(State::Resolved, asked, locale));
            for said in Solved::ALL {
                let state = match said {
                    Solved::Yes => State::Closed,
                    Solved::No => State::Reopened,
                };
                let answered = question(Ending::Resolved, Some(said));
                insta::assert_snapshot!(name(said.name()), page(state, answered, locale));
            }
        }
        // Who came by the link that says no finds the place for words open; nothing is said yet.
        let leaning = QuestionView {
            leaning: Some(Solved::No),
            ..asked
        };
        let open = page(State::Resolved, leaning, Locale::En);
        assert!(open.contains("<details open>") && open.contains(r#"name="solved" value="yes""#));
        assert!(!page(State::Resolved, asked, Locale::En).contains("<details open>"));
    }

    #[test]
    fn nothing_is_due() {
        let (zone, steps) = (zone(), [received()]);
        insta::assert_snapshot!(
            "receipt_received_zh",
            body(&receipt_page(&view(Locale::ZhCn, &zone, &steps)))
        );
    }

    #[test]
    fn late_says_late() {
        let (zone, steps) = (zone(), [received()]);
        for (name, locale) in [
            ("receipt_late_zh", Locale::ZhCn),
            ("receipt_late_en", Locale::En),
        ] {
            let html = receipt_page(&ReceiptView {
                progress: Progress::Case(State::Open),
                answer: Some(Promised::Late(at("2026-11-21T08:05:00Z"))),
                outcome: Some(Promised::Due(at("2026-11-22T06:05:00Z"))),
                ..view(locale, &zone, &steps)
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
        for (name, locale) in [
            ("receipt_closed_zh", Locale::ZhCn),
            ("receipt_closed_en", Locale::En),
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
                ..view(locale, &zone, &steps)
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
            for locale in [Locale::ZhCn, Locale::En] {
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
                    ..view(locale, &zone, &steps)
                });
                insta::assert_snapshot!(
                    format!("receipt_{state:?}_{}", locale.tag()),
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
        for (name, locale) in [
            ("receipt_scores_zh", Locale::ZhCn),
            ("receipt_scores_en", Locale::En),
        ] {
            let html = receipt_page(&ReceiptView {
                progress: Progress::Case(State::Open),
                answer: Some(Promised::Paused),
                scores: Some(open),
                ..view(locale, &zone, &steps)
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
