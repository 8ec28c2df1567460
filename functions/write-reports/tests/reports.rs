//! Runs over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use resound_domain::calendar;
use resound_domain::event::Actor;
use resound_domain::form::FormId;
use resound_domain::id::{ImprovementId, IssueId, ResponseId};
use resound_domain::issue::improvement::{self, Plan};
use resound_domain::issue::{About, Improvement, Issue, Reach, Title, kano};
use resound_domain::report::{Kind, Monthly, Numbers, ReportId, Told};
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_domain::tally::Tally;
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Function, Invocation};
use resound_messages::Tick;
use resound_store::{
    Accepted, Appended, Buried, Cell, Counting, Digest, Opened, Part, Watermark, WroteDay,
};
use resound_testing::{Aws, ZONE, start, vars};
use serde_json::{Value, json};
use write_reports::{App, Config, VARIABLES, Wrote};

const COMPLAINT: &str = "The parcel came late and broken, terrible.";

struct Desk {
    aws: Aws,
    app: App,
}

fn app(aws: &Aws) -> App {
    let own = [
        ("STAFF_LOCALE", "en"),
        ("MAIL_FROM", "care@shop.example"),
        ("MANAGER_EMAIL", "boss@shop.example"),
    ];
    App::new(vars(&own).read(Config::read).unwrap(), &aws.clients)
}

fn survey() -> FormId {
    FormId::default_form()
}

fn local(at: Timestamp) -> Date {
    at.to_zoned(calendar::zone(ZONE).unwrap()).date()
}

/// So many hours after the start, which is Monday at ten.
fn after(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}

/// The next Monday, at five past six in the morning.
fn monday() -> Timestamp {
    start() + SignedDuration::from_mins(7 * 24 * 60 - 4 * 60 + 5)
}

impl Desk {
    async fn new() -> Self {
        let aws = Aws::start().await;
        let app = app(&aws);
        Self { aws, app }
    }

    /// A response of this number, so many hours after the start.
    async fn said(&self, bits: u128, hours: i64, body: Value) {
        let mut whole = json!({"form": "default", "channel": "web", "locale": "en"});
        let members = body.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(members);
        let submission: Submission = serde_json::from_value(whole).unwrap();
        let received_at = after(hours);
        let response = Response {
            id: ResponseId::from_bits(bits),
            received_at,
            day: local(received_at),
            triage: triage(&Input::from(&submission)),
            submission,
            trace_id: None,
            amended: None,
            promise: None,
        };
        let kept = self
            .aws
            .store
            .accept(&response, &Digest([7; 32]), None, start());
        assert_eq!(kept.await.unwrap(), Accepted::New);
    }

    /// A week: forty are pleased on the web, twenty complain in the app, two call.
    async fn week(&self) {
        for n in 0..40 {
            self.said(
                100 + n,
                i64::try_from(n).unwrap(),
                json!({"nps": 9, "csat": 5}),
            )
            .await;
        }
        for n in 0..20 {
            let body = json!({"nps": 2, "csat": 2, "channel": "app", "touchpoint": "logistics", "text": COMPLAINT});
            self.said(200 + n, i64::try_from(n).unwrap(), body).await;
        }
        for n in 0..2 {
            self.said(
                300 + n,
                5,
                json!({"channel": "phone", "text": "Thank you."}),
            )
            .await;
        }
    }

    /// Counts every day of the week, and the watermark behind them.
    async fn nights(&self) {
        for day in 0..7 {
            self.night(local(start()) + day.days()).await;
        }
    }

    async fn night(&self, day: Date) {
        let store = &self.aws.store;
        let generation = store.next_generation(&survey(), day).await.unwrap();
        let mut cells = BTreeMap::new();
        let of = survey();
        let counted = store.day_scores(&of, day, |counted| {
            for (cut, value) in counted.cells() {
                let tally: &mut Tally = cells.entry((cut, value.into_owned())).or_default();
                tally.add(counted.scores);
            }
        });
        assert!(counted.await.unwrap().is_empty());
        let cells: Vec<Cell> = cells
            .into_iter()
            .map(|((cut, value), tally)| Cell {
                cut,
                value: Part::new(value).unwrap(),
                tally,
            })
            .collect();
        let counting = Counting {
            zone: ZONE,
            as_of: after(7 * 24 - 9),
            marked: BTreeSet::new(),
        };
        let wrote = store
            .write_day(&generation, &cells, &counting)
            .await
            .unwrap();
        assert!(matches!(wrote, WroteDay::Written { .. }), "{wrote:?}");
        let mark = Watermark {
            day,
            as_of: after(7 * 24 - 9),
        };
        store.advance_watermark(&survey(), mark).await.unwrap();
    }

    async fn run(&self, at: Timestamp) -> Wrote {
        run(&self.app, at, &Invocation::at("run", start())).await
    }

    async fn report(&self) -> resound_store::Report {
        let id = ReportId::of_day(Kind::Weekly, local(start()), survey()).unwrap();
        self.aws.store.report(&id).await.unwrap().unwrap()
    }

    fn letters(&self) -> usize {
        self.aws.port.mailbox().list().len()
    }
}

async fn run(app: &App, time: Timestamp, invocation: &Invocation) -> Wrote {
    app.handle(Tick { time }, invocation).await.unwrap()
}

#[test]
fn the_list_of_variables_is_the_configuration() {
    let faults = Vars::from_pairs([
        ("TIME_ZONE", "Mars"),
        ("STAFF_LOCALE", "fr"),
        ("MAIL_FROM", "nobody"),
        ("MANAGER_EMAIL", "nobody"),
        ("WEBHOOK_ALLOW_PRIVATE", "perhaps"),
    ])
    .read(Config::read);
    let faults = faults.unwrap_err().to_string();
    for variable in VARIABLES {
        assert!(faults.contains(variable), "{variable}: {faults}");
    }
}

#[tokio::test]
async fn a_week_is_written_once_when_it_is_due_and_counted_and_one_letter_tells_of_it() {
    let desk = Desk::new().await;
    desk.week().await;
    // Not due: the week is not over, and it is not six.
    assert_eq!(
        desk.run(monday() - SignedDuration::from_mins(6))
            .await
            .written,
        0
    );
    // Nothing was counted yet, ever.
    assert_eq!(desk.run(monday()).await, Wrote::default());
    // Due, and not all of it counted: it waits.
    desk.night(local(start())).await;
    let waits = desk.run(monday()).await;
    assert_eq!((waits.written, waits.waiting, waits.late), (0, 1, 0));
    desk.nights().await;
    let wrote = desk.run(monday() + SignedDuration::from_hours(2)).await;
    assert_eq!(
        (wrote.written, wrote.told),
        (1, 1),
        "no week and no month before had a response: {wrote:?}"
    );
    for hours in [0, 1, 5] {
        let again = desk.run(monday() + SignedDuration::from_hours(hours)).await;
        assert_eq!(
            (again.written, again.corrected, again.told),
            (0, 0, 0),
            "{again:?}"
        );
    }
    let report = desk.report().await;
    let Numbers::Weekly(week) = &report.numbers else {
        panic!("a week")
    };
    assert_eq!(week.responses, Told::Shown(62));
    // 40 promoters and 20 detractors.
    let score = week.nps.shown().unwrap();
    assert_eq!((score.n, score.promoters, score.detractors), (60, 40, 20));
    let [only] = week.complaints.top.as_slice() else {
        panic!("one type")
    };
    assert_eq!(
        (only.touchpoint.as_deref(), only.share.count),
        (Some("logistics"), 20)
    );
    assert_eq!(only.examples, [200, 201, 202].map(ResponseId::from_bits));
    // Two called: the channel is hidden, and one with it.
    let channels = week.channels.as_ref().unwrap();
    let hidden = channels.iter().filter(|row| row.numbers.is_none());
    assert_eq!(hidden.count(), 2);
    let letters = desk.aws.port.mailbox().list();
    let [letter] = letters.as_slice() else {
        panic!("one letter")
    };
    let whole = format!("{letter:?}");
    assert!(
        whole.contains("boss@shop.example") && whole.contains("NPS 33.3"),
        "{whole}"
    );
    assert!(!whole.contains("broken"), "no example is in it: {whole}");
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_late_and_says_so() {
    let desk = Desk::new().await;
    desk.week().await;
    desk.night(local(start())).await;
    let invocation = Invocation::at("run", start());
    let late = run(
        &desk.app,
        monday() + SignedDuration::from_hours(6),
        &invocation,
    )
    .await;
    assert_eq!((late.written, late.told), (0, 0));
    assert_eq!(late.late, 1, "{late:?}");
    assert_eq!(invocation.metrics.counted(Counter::ReportsLate), 1);
}

#[tokio::test]
async fn what_is_counted_anew_is_another_edition_the_next_morning_and_no_other_letter() {
    let desk = Desk::new().await;
    desk.week().await;
    desk.nights().await;
    assert_eq!(desk.run(monday()).await.told, 1);
    let first = desk.report().await;
    let buried = desk
        .aws
        .store
        .bury(ResponseId::from_bits(200), start())
        .await;
    assert!(matches!(buried.unwrap(), Buried::Buried));
    desk.nights().await;
    // Only in the morning does it look.
    let noon = desk.run(monday() + SignedDuration::from_hours(6)).await;
    assert_eq!(noon.corrected, 0);
    let morning = desk.run(monday() + SignedDuration::from_hours(24)).await;
    assert_eq!(
        (morning.written, morning.corrected, morning.told),
        (0, 1, 0),
        "{morning:?}"
    );
    let second = desk.report().await;
    assert_eq!((first.edition, second.edition), (1, 2));
    let Numbers::Weekly(week) = &second.numbers else {
        panic!("a week")
    };
    assert_eq!(week.complaints.top[0].share.count, 19);
    assert_eq!(
        week.complaints.top[0].examples,
        [201, 202, 203].map(ResponseId::from_bits)
    );
    let next = desk.run(monday() + SignedDuration::from_hours(48)).await;
    assert_eq!((next.corrected, desk.letters()), (0, 1));
}

#[tokio::test]
async fn two_runs_at_once_write_one_edition_and_one_letter() {
    let desk = Desk::new().await;
    desk.week().await;
    desk.nights().await;
    let (one, other) = (app(&desk.aws), app(&desk.aws));
    let invocations = ["one", "other"].map(|name| Invocation::at(name, start()));
    let runs = tokio::join!(
        run(&one, monday(), &invocations[0]),
        run(&other, monday(), &invocations[1])
    );
    assert_eq!(runs.0.told + runs.1.told, 1, "{runs:?}");
    assert_eq!(desk.report().await.edition, 1);
    assert_eq!(desk.letters(), 1);
}

#[tokio::test]
async fn weeks_that_were_missed_are_made_up_for_without_a_letter() {
    let desk = Desk::new().await;
    desk.week().await;
    desk.nights().await;
    for day in 7..21 {
        desk.night(local(start()) + day.days()).await;
    }
    // Two weeks after it was due.
    let wrote = desk
        .run(monday() + SignedDuration::from_hours(14 * 24))
        .await;
    // The week, and the two that followed it without a response, of which the last is news.
    assert_eq!((wrote.written, wrote.told), (3, 1), "{wrote:?}");
    assert_eq!(desk.report().await.edition, 1);
    let subjects: Vec<String> = desk
        .aws
        .port
        .mailbox()
        .list()
        .iter()
        .map(|letter| format!("{letter:?}"))
        .collect();
    assert!(
        subjects.iter().all(|letter| !letter.contains("2026-W45")),
        "{subjects:?}"
    );
}

/// The first of December, at five past six in the morning.
fn december() -> Timestamp {
    "2026-11-30T22:05:00Z".parse().unwrap()
}

impl Desk {
    /// November: each day six speak of logistics, unhappily until the 15th and then happily, and six of the product. Two
    /// improvements for logistics were opened; one shipped on the 15th, the other one on the first of December, after the report
    /// was due. One issue is open.
    async fn november(&self) {
        for day in 0..28u128 {
            let hours = 24 * i64::try_from(day).unwrap();
            for n in 0..12 {
                let touchpoint = if n < 6 { "logistics" } else { "product" };
                let nps = if n < 6 && day < 13 { 2 } else { 10 };
                let body = json!({"nps": nps, "touchpoint": touchpoint});
                self.said(1000 + 20 * day + n, hours, body).await;
            }
        }
        for day in 0..29 {
            self.night(local(start()) + day.days()).await;
        }
        let store = &self.aws.store;
        let opened = Issue::open(about(), Actor::System, start());
        let done = store.open_issue(issue(), &opened, None).await;
        assert_eq!(done.unwrap(), Opened::New);
        self.reported_by(60, start()).await;
        self.improve(8, "A second carrier", "2026-11-15T04:00:00Z")
            .await;
        self.improve(9, "Lockers", "2026-11-30T22:04:00Z").await;
    }

    /// Whom the issue reaches, as counted at some time.
    async fn reported_by(&self, customers: u64, as_of: Timestamp) {
        let reach = Reach {
            as_of,
            links: customers,
            recent: customers,
            customers,
            tiers: BTreeMap::new(),
            promoters: 0,
            passives: 0,
            detractors: customers,
            days: 24,
            answers: 400,
            kano: kano::Answers::default(),
        };
        self.aws.store.counted(issue(), &reach).await.unwrap();
    }

    async fn improve(&self, bits: u128, title: &str, shipped: &str) {
        let plan = Plan {
            title: Title::new(title).unwrap(),
            issues: vec![issue()],
            touchpoint: Some("logistics".to_owned()),
            owner: Some("ann".to_owned()),
            due: None,
        };
        let opened = Improvement::open(plan, Actor::System, start());
        let id = ImprovementId::from_bits(bits);
        let store = &self.aws.store;
        let done = store.open_improvement(id, &opened, None).await;
        assert_eq!(done.unwrap(), Opened::New);
        let before = Improvement::begin(id, &opened).unwrap();
        let version = "2.0".to_owned();
        let ship = improvement::Command::Ship { version };
        let step = before.handle(&ship, Actor::System, shipped.parse().unwrap());
        let step = step.unwrap().unwrap();
        let mut after = before.clone();
        after.apply(&step);
        let done = store
            .append_to_improvement(&before, &after, &step, None)
            .await;
        assert_eq!(done.unwrap(), Appended::Appended);
    }

    async fn month(&self) -> (u32, Monthly) {
        let id = ReportId::named(Kind::Monthly, "2026-11", survey()).unwrap();
        let report = self.aws.store.report(&id).await.unwrap().unwrap();
        let Numbers::Monthly(month) = report.numbers else {
            panic!("a month")
        };
        (report.edition, *month)
    }
}

fn issue() -> IssueId {
    IssueId::from_bits(7)
}

fn about() -> About {
    About {
        title: Title::new("The parcel is late").unwrap(),
        category: None,
        touchpoint: None,
        product: None,
        core: true,
        effort: None,
        rule: None,
    }
}

#[tokio::test]
async fn a_month_says_what_to_mend_and_what_became_of_what_shipped() {
    let desk = Desk::new().await;
    desk.november().await;
    assert!(desk.run(december()).await.written > 0);
    let (edition, month) = desk.month().await;
    let list = month.priorities.clone().unwrap();
    let [first] = list.first.as_slice() else {
        panic!("one issue")
    };
    // 15 %, half of wide; 24 of 30 days and core; not estimated.
    let score = first.score.shown().unwrap();
    assert!((score - 100.0 * 0.5 * 0.9 * 0.6).abs() < 1e-9, "{score}");
    let rows = &month.improvements.as_ref().unwrap().listed;
    let [shipped, planned] = rows.as_slice() else {
        panic!("both")
    };
    // Thirteen days before the 15th had six each, and fourteen after; the last day had nobody.
    let effect = shipped.effect.unwrap();
    let (before, after) = (
        effect.before.shown().unwrap(),
        effect.after.shown().unwrap(),
    );
    assert_eq!((before.n, before.nps), (78, -100.0));
    assert_eq!((after.n, after.nps), (84, 100.0));
    assert_eq!(effect.change.unwrap().difference, 200.0);
    // It shipped after the report was due.
    assert_eq!((planned.shipped_on, planned.effect), (None, None));
    let letters = desk.aws.port.mailbox().list();
    let told = letters.iter().map(|letter| format!("{letter:?}"));
    let told: Vec<_> = told.filter(|letter| letter.contains("2026-11: ")).collect();
    let [letter] = told.as_slice() else {
        panic!("one letter of the month in {}", letters.len())
    };
    for words in ["The parcel is late", "A second carrier", "Lockers"] {
        assert!(letter.contains(words), "{words}");
    }

    // Another edition keeps the list of then, and counts the days anew.
    desk.reported_by(90, december()).await;
    let buried = desk
        .aws
        .store
        .bury(ResponseId::from_bits(1000), start())
        .await;
    assert_eq!(buried.unwrap(), Buried::Buried);
    desk.night(local(start())).await;
    let next = desk.run(december() + SignedDuration::from_hours(24)).await;
    assert_eq!((next.corrected > 0, edition), (true, 1), "{next:?}");
    let (edition, corrected) = desk.month().await;
    assert_eq!((edition, corrected.priorities), (2, Some(list)));
    let rows = &corrected.improvements.unwrap().listed;
    let before = rows[0].effect.unwrap().before;
    assert_eq!(before.shown().unwrap().n, 77);
    assert_eq!(rows[1].shipped_on, None);
}

#[tokio::test]
async fn a_month_that_was_missed_has_no_list_of_another_time() {
    let desk = Desk::new().await;
    desk.november().await;
    for day in 29..60 {
        desk.night(local(start()) + day.days()).await;
    }
    // The first of January: December is due, and November was missed.
    let wrote = desk
        .run(december() + SignedDuration::from_hours(31 * 24))
        .await;
    assert!(wrote.written > 0, "{wrote:?}");
    let (_, month) = desk.month().await;
    assert_eq!(month.priorities, None);
    assert_eq!(month.improvements.unwrap().listed.len(), 2);
}
