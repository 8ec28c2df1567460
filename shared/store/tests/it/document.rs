//! What the table holds, taken from what is really written: `docs/table.md`, the names of every attribute, and
//! samples of old items that must be read for ever.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::book::{Book, Edition};
use resound_domain::case::{Case, Command};
use resound_domain::contact::Reason;
use resound_domain::delivery::Fate;
use resound_domain::event::{Direction, Doubt, Effect, Ending, Event};
use resound_domain::form::{FormId, Forms};
use resound_domain::id::{CaseId, ContactId, ImprovementId, IssueId, ResponseId, SubjectId};
use resound_domain::issue::kano::{Answer, Pair};
use resound_domain::issue::{
    self, About, Effort, How, Link, LinkRule, Note, Reach, Reporter, Title,
};
use resound_domain::policy::{Audience, Delay, Ladder, Origin, Policy, Priority};
use resound_domain::report::{Kind, MonthInput, Monthly, Numbers, ReportId};
use resound_domain::response::Response;
use resound_domain::risk::{self, Mark, Place, Surge, Task};
use resound_domain::route::Route;
use resound_domain::score::Scores;
use resound_domain::tally::{Cause, Cut, Dimension, Tally};
use resound_domain::telling::{self, Came};
use resound_domain::triage::Category;
use resound_store::schema::{self, INDEXES};
use resound_store::{
    AddedReport, Addition, Advanced, AnnouncedKey, Appended, Approach, Buried, Cell, Claim,
    ConfigKind, DeliveryReport, Doubted, GroupClaim, IssueStep, Joined, Joining, Kept, KeptOne,
    Key, Lifted, Line, Linked, LookBack, Lookup, Medium, Message, NoticeKey, OpenShard, Opened,
    Outcome, Owed, Part, Progress, Raise, Raised, Recipient, Recorded, Relinked, ReportNoticeKey,
    Reported, Round, Signed, Suggestion, Suppressed, Tell, Telling, Told, TrialStatus, Trying,
    Turned, Watch, Watermark,
};
use serde_json::{Value, json};

use crate::support::{
    DIGEST, T0, Table, applied, book, by_ann, calendars, case, commanded, counting, expired, hours,
    now, response_of, staff, t0,
};

type Item = HashMap<String, AttributeValue>;

/// How a kind of item is called, what it holds, and when it is written. A new kind of key must be told here, and put
/// into [`everything`].
fn about(key: &Key) -> (&'static str, &'static str, &'static str) {
    match key {
        Key::Response(_) => (
            "Response",
            "what a customer sent, or the tombstone left of it",
            "not exists; scores change only in a response that is as it was seen; a tombstone only in the place of a response",
        ),
        Key::Case(_) => (
            "Case",
            "the snapshot of a case",
            "not exists, then `version` = seen",
        ),
        Key::Event { .. } => (
            "Event",
            "an entry in the log of a case: audit trail, timeline and outbox",
            "not exists; `open`, `due_*` and `attempts` change until it is settled",
        ),
        Key::Message { .. } => (
            "Message",
            "the words that went with the event of the same seq: to or from the customer, or for staff only",
            "not exists",
        ),
        Key::Notice(_) => (
            "Notice",
            "an entry in the ledger of effects: cause, recipient, medium",
            "not exists, then `epoch` = seen; what the provider tells later, if `status` and that are as seen",
        ),
        Key::Tally { .. } => (
            "Tally",
            "the counts of a local day, by the value of one dimension or of a pair of them",
            "`generation` of the day's run = taken",
        ),
        Key::Dirty { .. } => (
            "Dirty day",
            "that a local day must be counted again, and why",
            "with what makes its counts wrong",
        ),
        Key::Correction { .. } => (
            "Correction",
            "that the whole of a complete day came out differently: what it was, what it is, and why",
            "not exists, with the tally",
        ),
        Key::DayRun { .. } => (
            "Day run",
            "the generation of the last run that counted a day",
            "not exists, then `generation` = seen",
        ),
        Key::Run { .. } => (
            "Run",
            "how far the nightly runs of a survey have come",
            "not exists, then only forward",
        ),
        Key::Group(_) => (
            "Group",
            "alerts to one recipient by one sink that are one message",
            "not exists, then `status` is open to join, `epoch` = seen to send",
        ),
        Key::Member { .. } => (
            "Member",
            "an alert of a group, by case and event",
            "not exists, with its group open",
        ),
        Key::Walk => (
            "Walk",
            "how far the open cases are caught up with a change of the rules",
            "not exists, then `number` = seen; cursors only forward",
        ),
        Key::Config { .. } => (
            "Configuration",
            "a version of a configuration document",
            "not exists",
        ),
        Key::Turns { .. } => (
            "Turns",
            "how many turns a rule of assignment has given",
            "not exists, then one more",
        ),
        Key::Mark { .. } => (
            "Mark",
            "up to where a risk rule has spoken about a subject, and the task it opened last",
            "with the task; not exists, then `times` = seen",
        ),
        Key::Figures { .. } => (
            "Figures",
            "what only the company knows of a local day: how many were asked, how many customers there are",
            "not exists, then `version` = seen",
        ),
        Key::Report { .. } => (
            "Report",
            "the numbers of a week or month, by survey and edition",
            "not exists",
        ),
        Key::ReportNotice(_) => (
            "Report notice",
            "an entry in the ledger of effects: report, recipient, medium",
            "not exists, then `epoch` = seen",
        ),
        Key::Watch { .. } => (
            "Watch",
            "how far the risk rules have looked at a survey",
            "not exists, then only forward",
        ),
        Key::Issue(_) => (
            "Issue",
            "the snapshot of an issue",
            "not exists, then `version` = seen",
        ),
        Key::Reach(_) => (
            "Reach",
            "whom the links of an issue reach, as counted last; derived",
            "not exists, then only forward",
        ),
        Key::LookBack(_) => (
            "Look back",
            "how far the rule of an issue has looked back",
            "not exists, then only forward",
        ),
        Key::IssueEntry { .. } => (
            "Issue entry",
            "an entry in the log of an issue",
            "not exists, with the issue",
        ),
        Key::Link { .. } => (
            "Link",
            "a response beside an issue: linked, or taken out by hand; no words of it",
            "not exists; by hand, if it is as seen; the response is not erased",
        ),
        Key::Suggestion { .. } => (
            "Suggestion",
            "a response that may be about an issue",
            "not exists, no link; the response is not erased",
        ),
        Key::Kano { .. } => (
            "Kano answer",
            "what somebody answered to the paired questions about an issue",
            "not exists, and the response is not erased; or exists",
        ),
        Key::Trail { .. } => (
            "Trail",
            "that an issue has something of a response, so that an erasure finds it",
            "with that",
        ),
        Key::Linking { .. } => (
            "Linking",
            "how far the responses of a survey were held against the issues",
            "not exists, then only forward",
        ),
        Key::Improvement(_) => (
            "Improvement",
            "the snapshot of an improvement",
            "not exists, then `version` = seen",
        ),
        Key::Suppression { .. } => (
            "Suppression",
            "why nothing is sent to an address: since when, and until when that was lifted",
            "not exists, then `since` and `lifted_at` = seen",
        ),
        Key::SuppressionChange { .. } => (
            "Suppression change",
            "what staff did about a reason, and why: audit trail",
            "not exists, with the reason",
        ),
        Key::Announcement(_) => (
            "Announcement",
            "the snapshot of the announcement of an improvement",
            "not exists, and the beta as seen; then `version` = seen",
        ),
        Key::AnnouncementEntry { .. } => (
            "Announcement entry",
            "an entry in the log of an announcement",
            "not exists, with the announcement",
        ),
        Key::Pass(_) => (
            "Pass",
            "how far an announcement has walked the reporters, and what became of them",
            "not exists, then `step` = seen",
        ),
        Key::Running(_) => (
            "Running",
            "that an announcement runs",
            "with the announcement",
        ),
        Key::Beta(_) => (
            "Beta",
            "the snapshot of the beta of an improvement",
            "not exists, and no announcement either; then `version` = seen",
        ),
        Key::BetaEntry { .. } => (
            "Beta entry",
            "an entry in the log of a beta",
            "not exists, with the beta",
        ),
        Key::Draw(_) => (
            "Draw",
            "who is drawn to be invited to a beta, and how far the draw has walked the reporters",
            "not exists, then `step` = seen",
        ),
        Key::Trying(_) => ("Trying", "that a beta is open", "with the beta"),
        Key::Tester { .. } => (
            "Tester",
            "what the sender of a response says who was invited to a beta",
            "not exists, then `said` = seen; the response is not erased",
        ),
        Key::Pace => (
            "Pace",
            "how many letters about improvements were granted in the last minute",
            "not exists, then as seen",
        ),
        Key::Told { .. } => (
            "Told",
            "what became of the sender of a response who was to be written to about an improvement: announcement, invitation, question",
            "not exists, then `fate` = seen; the response is not erased",
        ),
        Key::Announced(_) => (
            "Announcement notice",
            "an entry in the ledger of effects: address, improvement, what for",
            "not exists, with the contact counted, then `epoch` = seen; what the provider tells later, if `status` and that are as seen",
        ),
        Key::Deliveries { .. } => (
            "Deliveries",
            "how many letters about an improvement met which end, of some of the addresses",
            "not exists, then one more, with what the provider told of the letter",
        ),
        Key::Trial(_) => (
            "Trial",
            "a letter that was sent to try out how it looks; forgotten after 30 days",
            "not exists, then `status` = `unknown`",
        ),
        Key::TrialPace => (
            "Trial pace",
            "how many letters were sent to try them out in the last hour",
            "not exists, then as seen",
        ),
        Key::Contacted(_) => (
            "Contacts",
            "when an address was written to: of our own accord, and in answer to its own cases",
            "not exists, then `version` = seen; of our own accord with what was written",
        ),
        Key::ImprovementEntry { .. } => (
            "Improvement entry",
            "an entry in the log of an improvement",
            "not exists, with the improvement",
        ),
    }
}

fn survey() -> FormId {
    FormId::default_form()
}

const ID: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

/// Opens and works a case under rules of its own, of which other ones take the place after seven hours.
async fn ruled_case(table: &Table, first: &Response) -> CaseId {
    let rules = json!([{
        "name": "gold",
        "when": {"tier": ["gold"]},
        "targets": {"next_response": {"duration": "PT9H", "calendar": "business"}},
    }]);
    let before = Policy {
        version: 1,
        rules: serde_json::from_value(rules).unwrap(),
        ..Policy::default()
    };
    let after = Policy {
        version: 2,
        active_from: Some(t0() + hours(7)),
        loop_limit: hours(200),
        ladder: Ladder::from([(Audience::Manager, Delay::AfterBreach(hours(1)))]),
        ..before.clone()
    };
    let edition = |policy| Edition::new(policy, calendars(), 1);
    let book = Book::new(edition(before)).with(edition(after));

    let store = &table.store;
    let response = Response {
        id: ResponseId::from_bits(ID + 1),
        ..first.clone()
    };
    let origin = Origin::of(&response.submission, &response.triage);
    let event = Case::open(response.id.case(), t0(), Priority::P2, origin, &book)
        .assigned_to(Some("ann".to_owned()));
    let mut current = Case::begin(&event).unwrap();
    let _new = store
        .accept(&response, &DIGEST, Some((&current, &event)), now())
        .await
        .unwrap();
    let other = case(&response_of(ID + 2, json!({"nps": 2})), Priority::P3).0;
    let handled = |command: Command, after| {
        let book = &book;
        move |case: &Case| {
            let at = t0() + hours(after);
            case.handle(&command, staff(), at, book).unwrap()
        }
    };
    type Step<'a> = &'a dyn Fn(&Case) -> Vec<Event>;
    let steps: [Step<'_>; 12] = [
        &handled(Command::Reply, 1),
        &handled(Command::RecordCustomerMessage, 1),
        &handled(Command::AwaitCustomer { message: false }, 2),
        &handled(Command::RecordCustomerMessage, 3),
        &|case| case.absorb(&other, staff(), t0(), &book).unwrap(),
        &handled(Command::AwaitCustomer { message: false }, 8),
        &handled(Command::Resume, 9),
        &|case| case.expire(t0() + hours(50), &book),
        &handled(Command::Plan, 50),
        &handled(Command::Resolve, 50),
        &handled(Command::RecordCustomerMessage, 51),
        &handled(Command::Merge { into: other.id() }, 51),
    ];
    for step in steps {
        let events = step(&current);
        let after = applied(&current, &events);
        let message = (after.version() == 3).then(|| Message {
            seq: 3,
            text: "还没好".to_owned(),
            direction: events.last().unwrap().kind.direction(),
        });
        let appended = store.append(&current, &after, &events, message.as_ref(), None, now());
        let _appended = appended.await.unwrap();
        current = after;
    }
    let followed = current.follow(Ending::Resolved, t0(), &book);
    let after = applied(&current, &followed);
    let appended = store.append(&current, &after, &followed, None, None, now());
    let _appended = appended.await.unwrap();
    response.id.case()
}

/// Writes a case whose customer a person is to tell: one word is given up, one is told, of one they are still to be called,
/// and nobody does.
async fn told_case(table: &Table, first: &Response) -> CaseId {
    let store = &table.store;
    let response = Response {
        id: ResponseId::from_bits(ID + 6),
        ..first.clone()
    };
    let (mut current, event) = case(&response, Priority::P3);
    let id = current.id();
    let opened = Some((&current, &event));
    let _new = store.accept(&response, &DIGEST, opened, now()).await;
    for (word, calls) in [
        (Command::Resolve, &[Came::NotReached, Came::GaveUp][..]),
        (Command::Reply, &[Came::Told]),
        (Command::Reply, &[Came::NotReached]),
    ] {
        current = table.commanded(&current, word).await;
        let cause = current.version();
        let owed = Owed {
            seq: cause,
            effect: Effect::CustomerNotice,
        };
        let at = current.last_event_at() + hours(1);
        let events = current.ask(cause, at, &book());
        let after = applied(&current, &events);
        let asked = store.append_asked(&current, &after, &events, owed, now());
        assert_eq!(asked.await.unwrap(), Doubted::Recorded);
        current = after;
        for &came in calls {
            let (cause, how) = (None, telling::How::Phone);
            let told = Command::Told { cause, how, came };
            let (after, events) = commanded(&current, &told, at);
            let ledger = store.history(id).await.unwrap().unwrap().notices;
            let turned = Turned::new(&ledger, &events[0], now()).unwrap();
            let addition = Addition {
                before: &current,
                after: &after,
                events: &events,
                message: None,
                command_key: None,
            };
            let done = store.append_turned(&addition, &turned, now());
            assert_eq!(done.await.unwrap(), Appended::Appended);
            current = after;
        }
    }
    let (after, events) = expired(&current, current.last_event_at() + hours(30));
    let reminded = store.append(&current, &after, &events, None, None, now());
    assert_eq!(reminded.await.unwrap(), Appended::Appended);
    id
}

/// Writes one of everything, with every attribute it can have, and tells which keys hold what.
async fn everything(table: &Table) -> Vec<(String, Key)> {
    let store = &table.store;
    let mut response = response_of(
        ID,
        json!({
            "text": "东西坏了，什么时候能修？", "nps": 2, "csat": 1, "ces": 3, "channel": "web", "touchpoint": "checkout",
            "product": "锅", "order_id": "o-1", "page": "/p", "customer_id": "c-1", "tier": "gold", "locale": "zh-CN",
            "consent": true, "contact": {"email": "li@example.com", "phone": "+8610", "name": "李"},
        }),
    );
    let (opened, event) = case(&response, Priority::P2);
    response.promise = opened.clocks().promise();
    let _new = store
        .accept(&response, &DIGEST, Some((&opened, &event)), now())
        .await
        .unwrap();

    let mut current = opened;
    let mut words = None;
    for command in [
        Command::Assign {
            owner: "ann".to_owned(),
        },
        Command::AwaitCustomer { message: true },
        Command::Resume,
        Command::Reply,
        Command::Resolve,
        Command::Reopen,
        Command::Decline,
        Command::Close,
        Command::Reopen,
        Command::Acknowledge,
    ] {
        let (after, events) = commanded(&current, &command, current.last_event_at());
        let message = matches!(command, Command::Reply).then(|| Message {
            seq: after.version(),
            text: "马上".to_owned(),
            direction: Direction::ToCustomer,
        });
        let key = matches!(command, Command::Reply).then_some("0123456789abcdef");
        let _appended = store
            .append(&current, &after, &events, message.as_ref(), key, now())
            .await
            .unwrap();
        words = words.or(message);
        current = after;
    }
    let (after, events) = expired(&current, t0() + hours(6));
    let _appended = store
        .append(&current, &after, &events, None, None, now())
        .await
        .unwrap();
    current = after;

    let cause = words.unwrap().seq;
    let id = current.id();
    let line = Line {
        audience: Audience::Owner,
        medium: Medium::EMAIL,
        one: Some(7),
    };
    let way = Joining {
        line,
        to: Some("ann@example.com".to_owned()),
        due_at: now(),
    };
    let joined = store.join(id, cause, &[way], now()).await.unwrap();
    let Joined::Joined(news) = joined else {
        panic!("nothing of it is there yet")
    };
    let group = news[0].0;
    let claimed = store.claim_group(group, "invocation", now(), hours(1));
    let GroupClaim::Claimed(claimed) = claimed.await.unwrap() else {
        panic!("nobody else claims it")
    };
    let taken = Outcome::Sent {
        provider_id: Some("0101".to_owned()),
    };
    let recorded = store.record_group(&claimed, &taken).await.unwrap();
    assert_eq!(recorded, Recorded::Recorded);
    let notice = NoticeKey {
        case: id,
        cause,
        recipient: Recipient::Customer,
        medium: Medium::EMAIL,
    };
    let Claim::Fresh(lease) = store
        .claim(notice, "invocation", now(), hours(1))
        .await
        .unwrap()
    else {
        panic!()
    };
    let sent = Outcome::Sent {
        provider_id: Some("0100".to_owned()),
    };
    assert_eq!(
        store.record(&lease, &sent, now()).await.unwrap(),
        Recorded::Recorded
    );
    let events = current.doubt(cause, Doubt::Unknown, t0(), &book());
    let after = applied(&current, &events);
    let _appended = store
        .append(&current, &after, &events, None, None, now())
        .await
        .unwrap();

    let second = ruled_case(table, &response).await;
    let third = told_case(table, &response).await;

    let day = response.day;
    let generation = store.next_generation(&survey(), day).await.unwrap();
    let mut tally = Tally::default();
    tally.add(Scores::default());
    let value = Part::new("锅 #1").unwrap();
    let product = Cell {
        cut: Dimension::Product.into(),
        value: value.clone(),
        tally,
    };
    let _written = store
        .write_day(&generation, std::slice::from_ref(&product), &counting())
        .await
        .unwrap();
    store
        .advance_watermark(&survey(), Watermark { day, as_of: t0() })
        .await
        .unwrap();
    let mut all = Tally::default();
    all.add(Scores::default());
    let cell = Cell {
        cut: Cut::ALL,
        value: Part::new("all").unwrap(),
        tally: all,
    };
    let (cells, run) = ([cell, product], counting());
    let corrected = store.write_day(&generation, &cells, &run);
    let _corrected = corrected.await.unwrap();
    let erased = response_of(ID + 9, json!({"nps": 2}));
    let _new = store.accept(&erased, &DIGEST, None, now()).await.unwrap();
    let buried = store.bury(erased.id, now()).await.unwrap();
    assert_eq!(buried, Buried::Buried);
    let report = resound_store::Report {
        id: ReportId::of_day(Kind::Monthly, day, survey()).unwrap(),
        edition: 1,
        as_of: t0(),
        zone: "Asia/Shanghai".to_owned(),
        basis: Tally::default(),
        numbers: Numbers::Monthly(Box::new(Monthly::of(&MonthInput::default()))),
    };
    let added = store.add_report(&report).await.unwrap();
    assert_eq!(added, AddedReport::Added);
    let told = ReportNoticeKey {
        id: report.id.clone(),
        recipient: Recipient::Staff(Audience::Manager),
        medium: Medium::EMAIL,
    };
    let claimed = store.claim(told.clone(), "invocation", now(), hours(1));
    let Claim::Fresh(lease) = claimed.await.unwrap() else {
        panic!()
    };
    let recorded = store.record(&lease, &sent, now()).await.unwrap();
    assert_eq!(recorded, Recorded::Recorded);
    let stamp = book().latest().stamp();
    let walk = store.begin_walk(None, stamp, Round::First, now()).await;
    let walk = walk.unwrap().unwrap();
    let shards: Vec<_> = OpenShard::all().collect();
    let ended = store.end_walk(&walk, &shards).await;
    assert_eq!(ended.unwrap(), Advanced::Advanced);
    let document = Forms::default();
    let by = Signed {
        by: "ann".to_owned(),
        at: t0(),
    };
    let _published = store
        .publish(ConfigKind::Form, 1, &[document], &by)
        .await
        .unwrap();

    assert_eq!(store.next_turn("gold #1").await.unwrap(), 0);
    let rule = Part::new("gold #1").unwrap();
    let (subject, found_by) = (SubjectId::from_bits(ID), risk::Rule::Anomaly);
    let task = surge(day);
    raise(
        table,
        CaseId::from_bits(ID + 3),
        subject,
        task,
        Mark::Day(day),
    )
    .await;
    let [one, two, three] = [1, 2, 3].map(|n| ResponseId::from_bits(ID + n));
    let place = Place {
        at: t0(),
        id: three,
    };
    let churn = Task::ChurnRisk {
        evidence: [one, two, three],
    };
    let churned = CaseId::from_bits(ID + 4);
    raise(table, churned, subject, churn, Mark::Response(place)).await;
    let worked = table.store.case(churned).await.unwrap().unwrap();
    let worked = table.commanded(&worked, Command::Acknowledge).await;
    table.commanded(&worked, Command::Resolve).await;
    let watch = Watch {
        heard_to: Some(t0()),
        judged_to: Some(day),
        assessed_to: Some(day),
    };
    store.watched(&survey(), watch).await.unwrap();

    let figures = json!({"asked": {"email": 1200}, "active_customers": 80, "known_customers": 200});
    let figures = serde_json::from_value(figures).unwrap();
    let of = survey();
    let kept = store.keep_figures(&of, day, None, &figures, &by);
    assert_eq!(kept.await.unwrap(), KeptOne::Kept(1));

    let contacts = everything_of_contacts(table, id, cause).await;

    let mut keys = vec![
        ("response".to_owned(), Key::Response(response.id)),
        ("case".to_owned(), Key::Case(id)),
        ("task".to_owned(), Key::Case(CaseId::from_bits(ID + 3))),
        ("churn_task".to_owned(), Key::Case(churned)),
        (
            "mark_day".to_owned(),
            Key::Mark {
                subject,
                rule: found_by,
            },
        ),
        (
            "mark_response".to_owned(),
            Key::Mark {
                subject,
                rule: risk::Rule::ChurnRisk,
            },
        ),
        ("watch".to_owned(), Key::Watch { survey: survey() }),
        (
            "figures".to_owned(),
            Key::Figures {
                survey: survey(),
                day,
            },
        ),
    ];
    let task = CaseId::from_bits(ID + 3);
    for (of, id) in [
        ("", id),
        ("ruled_", second),
        ("told_", third),
        ("task_", task),
        ("churn_", churned),
    ] {
        for stored in store.history(id).await.unwrap().unwrap().events {
            let (seq, kind) = (stored.event.seq, stored.event.kind.name());
            keys.push((
                format!("{of}event_{seq:02}_{kind}"),
                Key::Event { case: id, seq },
            ));
        }
    }
    keys.push(("ruled_case".to_owned(), Key::Case(second)));
    keys.push(("told_case".to_owned(), Key::Case(third)));
    keys.push((
        "ruled_message".to_owned(),
        Key::Message {
            case: second,
            seq: 3,
        },
    ));
    keys.extend(
        [
            (
                "message",
                Key::Message {
                    case: id,
                    seq: cause,
                },
            ),
            ("notice", Key::Notice(notice)),
            (
                "notice_grouped",
                Key::Notice(NoticeKey {
                    recipient: Recipient::Staff(Audience::Owner),
                    ..notice
                }),
            ),
            ("group", Key::Group(group)),
            (
                "member",
                Key::Member {
                    group,
                    case: id,
                    seq: cause,
                },
            ),
            (
                "tally",
                Key::Tally {
                    survey: survey(),
                    day,
                    cut: Dimension::Product.into(),
                    value,
                },
            ),
            (
                "dirty",
                Key::Dirty {
                    survey: survey(),
                    day,
                    cause: Cause::Erasure,
                },
            ),
            (
                "correction",
                Key::Correction {
                    survey: survey(),
                    day,
                    number: 1,
                },
            ),
            (
                "day_run",
                Key::DayRun {
                    survey: survey(),
                    day,
                },
            ),
            ("run", Key::Run { survey: survey() }),
            ("walk", Key::Walk),
            (
                "config",
                Key::Config {
                    kind: ConfigKind::Form,
                    version: 1,
                },
            ),
            ("turns", Key::Turns { rule }),
            (
                "report",
                Key::Report {
                    id: report.id.clone(),
                    edition: 1,
                },
            ),
            ("report_notice", Key::ReportNotice(told)),
        ]
        .map(|(name, key)| (name.to_owned(), key)),
    );
    keys.extend(everything_of_issues(table, &response).await);
    keys.extend(contacts);
    for cause in [2, 6, 9] {
        let person = NoticeKey {
            case: third,
            cause,
            recipient: Recipient::Customer,
            medium: Medium::of(Route::Person),
        };
        keys.push((format!("told_notice_{cause:02}"), Key::Notice(person)));
    }
    keys
}

/// Writes what is known of an address, and the entry of what it was not sent.
async fn everything_of_contacts(table: &Table, case: CaseId, cause: u32) -> Vec<(String, Key)> {
    let store = &table.store;
    let (contact, reason) = (ContactId::from_bits(ID), Reason::HardBounce);
    for at in [t0(), t0() + hours(2)] {
        let listed = store.suppress(contact, reason, at, Some("0100")).await;
        assert_eq!(listed.unwrap(), Suppressed::New);
        let lifted = store.lift(contact, reason, &by_ann(at + hours(1))).await;
        assert_eq!(lifted.unwrap(), Lifted::Lifted);
    }
    let notice = NoticeKey {
        case,
        cause,
        recipient: Recipient::Customer,
        medium: "sms".parse().unwrap(),
    };
    let claim = store.claim(notice, "invocation", now(), hours(1)).await;
    let Claim::Fresh(lease) = claim.unwrap() else {
        panic!("nobody else claims it")
    };
    let recorded = store.record(&lease, &Outcome::Suppressed, now()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    let sent = NoticeKey {
        medium: Medium::EMAIL,
        ..notice
    };
    for fate in Fate::ALL {
        let report = DeliveryReport {
            fate,
            at: t0(),
            provider_id: "0100",
        };
        let notice = store.notice(sent).await.unwrap().unwrap();
        let told = notice.told_by(fate);
        let before = store.case(case).await.unwrap().unwrap();
        let events = before.hear_of_notice(&told, t0(), &book());
        let after = applied(&before, &events);
        let telling = (!told.is_empty()).then_some(Telling {
            before: &before,
            after: &after,
            events: &events,
        });
        if notice.learns(&report) {
            let done = store.record_delivery(&notice, &report, telling, now());
            assert_eq!(done.await.unwrap(), Reported::Recorded);
        }
    }
    [
        ("suppression", Key::Suppression { contact, reason }),
        (
            "suppression_change",
            Key::SuppressionChange {
                contact,
                reason,
                number: 2,
            },
        ),
        ("notice_suppressed", Key::Notice(notice)),
    ]
    .map(|(name, key)| (name.to_owned(), key))
    .into()
}

/// Writes one of everything about issues, with every attribute it can have, beside a response that is there.
async fn everything_of_issues(table: &Table, response: &Response) -> Vec<(String, Key)> {
    let store = &table.store;
    let (one, two) = (IssueId::from_bits(ID), IssueId::from_bits(ID + 1));
    let rule = LinkRule {
        category: Some(Category::Experience),
        touchpoint: Some("logistics".to_owned()),
        product: Some("锅".to_owned()),
        words: vec!["慢".to_owned()],
    };
    let about = About {
        title: Title::new("物流太慢").unwrap(),
        category: Some(Category::Experience),
        touchpoint: Some("logistics".to_owned()),
        product: Some("锅".to_owned()),
        core: false,
        effort: Some(Effort::Small),
        rule: Some(rule.clone()),
    };
    let opened = issue::Issue::open(about, staff(), t0());
    let key = Some("0123456789abcdef");
    for id in [one, two] {
        let opened = store.open_issue(id, &opened, key).await.unwrap();
        assert_eq!(opened, Opened::New);
    }
    let survivor = store.issue(two).await.unwrap().unwrap();
    let mut current = store.issue(one).await.unwrap().unwrap();
    let responses = vec![response.id];
    let title = Title::new("Slow delivery").unwrap();
    for command in [
        issue::Command::Link {
            responses: responses.clone(),
        },
        issue::Command::Unlink { responses },
        issue::Command::Retitle { title },
        issue::Command::SetRule { rule: None },
        issue::Command::SetEffort { effort: None },
        issue::Command::SetRule { rule: Some(rule) },
        issue::Command::SetEffort {
            effort: Some(Effort::Large),
        },
        issue::Command::SetCore { core: true },
        issue::Command::Close,
        issue::Command::Reopen,
    ] {
        let entry = current.handle(&command, staff(), t0()).unwrap().unwrap();
        current = stepped(table, &current, &entry).await;
    }
    let absorbed = current.absorb(&survivor, staff(), t0()).unwrap();
    current = stepped(table, &current, &absorbed).await;
    let merge = issue::Command::Merge { into: two };
    let merged = current.handle(&merge, staff(), t0()).unwrap().unwrap();
    stepped(table, &current, &merged).await;

    let reporter = Reporter::of(response, Some(SubjectId::from_bits(ID)));
    let link = Link {
        response: response.id,
        how: How::Similarity { percent: 61 },
        unlinked: false,
        reporter,
    };
    let at = response.received_at;
    let linked = store.link(one, &link, at).await.unwrap();
    assert_eq!(linked, Linked::Linked);
    let suggestion = Suggestion {
        response: response.id,
        percent: 25,
        day: response.day,
    };
    let suggested = store.suggest(two, suggestion, at).await.unwrap();
    assert_eq!(suggested, Linked::Linked);
    let pair = Pair {
        functional: Answer::Like,
        dysfunctional: Answer::LiveWith,
    };
    let answered = store.answer_kano(one, response.id, pair, at).await;
    assert_eq!(answered.unwrap(), Linked::Linked);
    let answers = store.kano_answers(&[one]).await.unwrap();
    let reach = Reach::count([&link], 7, answers, response.day, t0());
    store.counted(one, &reach).await.unwrap();
    let look = LookBack {
        rule: 1,
        to: t0(),
        until: t0(),
    };
    store.looked_back(one, look).await.unwrap();
    store.advance_linking(&survey(), t0()).await.unwrap();
    // What a person took out.
    let third = IssueId::from_bits(ID + 2);
    let opened_third = store.open_issue(third, &opened, None).await.unwrap();
    assert_eq!(opened_third, Opened::New);
    let before = store.issue(third).await.unwrap().unwrap();
    let command = issue::Command::Unlink {
        responses: vec![response.id],
    };
    let entry = before.handle(&command, staff(), t0()).unwrap().unwrap();
    let mut after = before.clone();
    after.apply(&entry);
    let out = Link {
        how: How::Hand,
        unlinked: true,
        ..link
    };
    let relinked = Relinked {
        seen: None,
        link: &out,
        received_at: at,
    };
    let step = IssueStep {
        before: &before,
        after: &after,
        entry: &entry,
        command_key: None,
    };
    let appended = store.append_to_issues(&[step], &[relinked]).await.unwrap();
    assert_eq!(appended, Appended::Appended);

    let improvement = improvement_of(table, one).await;
    let named = |name: &str, key| (name.to_owned(), key);
    let response = response.id;
    let mut keys = vec![
        named("issue", Key::Issue(one)),
        named("issue_merged_into", Key::Issue(two)),
        named("reach", Key::Reach(one)),
        named("look_back", Key::LookBack(one)),
        named(
            "link",
            Key::Link {
                issue: one,
                response,
            },
        ),
        named(
            "link_taken_out",
            Key::Link {
                issue: third,
                response,
            },
        ),
        named(
            "suggestion",
            Key::Suggestion {
                issue: two,
                response,
            },
        ),
        named(
            "kano",
            Key::Kano {
                issue: one,
                response,
            },
        ),
        named(
            "trail",
            Key::Trail {
                response,
                issue: one,
            },
        ),
        named("linking", Key::Linking { survey: survey() }),
        named("improvement", Key::Improvement(improvement)),
    ];
    for logged in store.issue_history(one).await.unwrap().unwrap().log {
        let (seq, kind) = (logged.entry.seq, logged.entry.kind.name());
        let key = Key::IssueEntry { issue: one, seq };
        keys.push((format!("issue_entry_{seq:02}_{kind}"), key));
    }
    let history = store.improvement_history(improvement).await.unwrap();
    for logged in history.unwrap().log {
        let (seq, kind) = (logged.entry.seq, logged.entry.kind.name());
        let key = Key::ImprovementEntry { improvement, seq };
        keys.push((format!("improvement_entry_{seq:02}_{kind}"), key));
    }
    keys.extend(beta_of(table, improvement, (response, at)).await);
    keys.extend(announcement_of(table, improvement, (response, at)).await);
    keys
}

/// A beta whose log has each kind of entry but that it was closed, of which one tester says whether it is fixed.
async fn beta_of(
    table: &Table,
    improvement: ImprovementId,
    reported: (ResponseId, Timestamp),
) -> Vec<(String, Key)> {
    use resound_domain::id::Lot;
    use resound_domain::issue::announcement::{Fate, Words};
    use resound_domain::issue::beta::{Beta, Command, Seed, Size, Terms};
    use resound_domain::issue::pick::{Candidate, Draw, Night};
    use resound_domain::issue::tester::{Tester, Word};
    let store = &table.store;
    let history = store.improvement_history(improvement).await.unwrap();
    let terms = Terms {
        size: Size::USUAL,
        seed: Seed::new("lots-1").unwrap(),
        words: Words {
            zh_cn: Note::new("请安装测试版").unwrap(),
            zh_tw: None,
            en: Note::new("Install the beta").unwrap(),
        },
        until: t0() + hours(100),
    };
    let started = Beta::start(&history.unwrap().improvement, None, terms, staff(), t0());
    let started = started.unwrap();
    let key = Some("0123456789abcdef");
    let done = store.start_beta(improvement, &started, key).await;
    assert_eq!(done.unwrap(), Opened::New);
    let mut current = Beta::begin(improvement, &started).unwrap();
    for command in [Command::Ask, Command::Stop, Command::GoOn] {
        let entry = current.handle(command, staff(), t0()).unwrap().unwrap();
        let mut after = current.clone();
        after.apply(&entry);
        let done = store.append_to_beta(&current, &after, &entry, key).await;
        assert_eq!(done.unwrap(), Appended::Appended);
        current = after;
    }
    let mut draw = Draw::begin();
    let drawn = store.draw_on(improvement, None, draw.clone()).await;
    draw.able = 1;
    draw.without.add(Fate::NoContact);
    draw.after = Some(reported.0);
    draw.ended_at = Some(t0());
    draw.looked_at = Some(t0());
    draw.night = Some(Night {
        looked_at: t0(),
        until: t0() + hours(1),
    });
    let one = Candidate {
        lot: Lot::from_bits(ID),
        contact: ContactId::from_bits(ID),
        response: reported.0,
    };
    draw.sample.add(one, 1);
    let drawn = drawn.unwrap();
    let moved = store.draw_on(improvement, drawn.as_ref(), draw).await;
    assert!(moved.unwrap().is_some());
    let mut said = Tester::default();
    for word in [Word::Joined, Word::NotFixed, Word::Fixed] {
        let next = said.hear(&current, word, t0()).unwrap().unwrap();
        let kept = store.hear_tester(improvement, reported, &said, &next).await;
        assert_eq!(kept.unwrap(), Kept::Kept);
        said = next;
    }
    let named = |name: &str, key| (name.to_owned(), key);
    let mut keys = vec![
        named("beta", Key::Beta(improvement)),
        named("draw", Key::Draw(improvement)),
        named("trying", Key::Trying(improvement)),
        named(
            "tester",
            Key::Tester {
                response: reported.0,
                improvement,
            },
        ),
    ];
    let history = store.beta_history(improvement).await.unwrap().unwrap();
    assert_eq!(history.beta, current);
    for logged in history.log {
        let (seq, kind) = (logged.entry.seq, logged.entry.kind.name());
        let key = Key::BetaEntry { improvement, seq };
        keys.push((format!("beta_entry_{seq:02}_{kind}"), key));
    }
    keys
}

/// An announcement whose log has each kind of entry, in its second pass, of which one reporter was told.
async fn announcement_of(
    table: &Table,
    improvement: ImprovementId,
    (response, received_at): (ResponseId, Timestamp),
) -> Vec<(String, Key)> {
    use resound_domain::issue::announcement::{Announcement, Command, Fate, Occasion, Pass, Words};
    let store = &table.store;
    let shipped = store.improvement_history(improvement).await.unwrap();
    let words = Words {
        zh_cn: Note::new("请升级").unwrap(),
        zh_tw: None,
        en: Note::new("Update").unwrap(),
    };
    let shipped = shipped.unwrap().improvement;
    let started = Announcement::start(&shipped, words, staff(), t0()).unwrap();
    let beta = store.beta(improvement).await.unwrap();
    let key = Some("0123456789abcdef");
    let done = store
        .start_announcement(improvement, &started, beta.as_ref(), key)
        .await;
    assert_eq!(done.unwrap(), Opened::New);
    let mut current = Announcement::begin(improvement, &started).unwrap();
    let walked = |number, after| {
        let mut pass = Pass {
            number,
            ..Pass::first(t0())
        };
        pass.counts.add(Fate::Sent);
        pass.asleep(Some(t0() + hours(1)));
        (pass, after)
    };
    let (pass, _) = walked(1, None);
    let ended = Pass {
        ended_at: Some(t0()),
        ..pass
    };
    let first = Progress::begin(improvement, ended);
    assert!(store.move_on(None, &first).await.unwrap());
    let again = first.again(Pass {
        number: 2,
        ..Pass::first(t0())
    });
    assert!(store.move_on(Some(&first), &again).await.unwrap());
    let (pass, after) = walked(2, Some(response));
    let on = again.on(pass, after);
    assert!(store.move_on(Some(&again), &on).await.unwrap());
    assert_eq!(store.take_letters(t0(), 3, 10).await.unwrap(), 3);

    let announced = AnnouncedKey {
        contact: ContactId::from_bits(ID),
        improvement,
        occasion: Occasion::Announcement,
    };
    let contacts = [announced.contact];
    let known = store
        .approachable(announced.occasion, improvement, &contacts, now())
        .await;
    let known = known.unwrap().known.remove(&announced.contact).unwrap();
    let claimed = store.approach(
        announced,
        (response, &known),
        "invocation",
        (t0(), now()),
        hours(1),
    );
    let Approach::Claim(Claim::Fresh(lease)) = claimed.await.unwrap() else {
        panic!("nobody else writes to them")
    };
    let sent = Outcome::Sent {
        provider_id: Some("0102".to_owned()),
    };
    let tell = Tell {
        told: Told {
            response,
            improvement,
            occasion: announced.occasion,
            fate: Fate::Sent,
            at: t0(),
        },
        seen: None,
        received_at,
    };
    let recorded = store.record_told(&lease, &sent, &tell, now()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    let bounced = DeliveryReport {
        fate: resound_domain::delivery::Fate::Bounced,
        at: t0(),
        provider_id: "0102",
    };
    let seen = store.announced(announced).await.unwrap().unwrap();
    let recorded = store.record_announced_delivery(&seen, &bounced, now());
    assert_eq!(recorded.await.unwrap(), Reported::Recorded);
    let counted = store.count_answer(announced.contact, t0()).await;
    counted.unwrap();
    let [shard, ..] = ID.to_le_bytes();

    let trial = SubjectId::from_bits(ID);
    let begun = store.begin_trial(trial, DIGEST, t0()).await;
    assert_eq!(begun.unwrap(), Trying::Ours);
    let ended = store.end_trial(trial, TrialStatus::Sent).await;
    ended.unwrap();

    let named = |name: &str, key| (name.to_owned(), key);
    let mut keys = vec![
        named("announcement", Key::Announcement(improvement)),
        named("pass", Key::Pass(improvement)),
        named("pace", Key::Pace),
        named(
            "told",
            Key::Told {
                response,
                improvement,
                occasion: announced.occasion,
            },
        ),
        named("announced", Key::Announced(announced)),
        named("contacted", Key::Contacted(announced.contact)),
        named("trial", Key::Trial(trial)),
        named("trial_pace", Key::TrialPace),
        named("running", Key::Running(improvement)),
        named(
            "deliveries",
            Key::Deliveries {
                improvement,
                occasion: Occasion::Announcement,
                shard: shard % 16,
            },
        ),
    ];
    // It runs at the end, as its mark is to be seen.
    for command in [Command::Stop, Command::GoOn] {
        let entry = current.handle(command, staff(), t0()).unwrap().unwrap();
        let mut after = current.clone();
        after.apply(&entry);
        let done = store.append_to_announcement(&current, &after, &entry, key);
        assert_eq!(done.await.unwrap(), Appended::Appended);
        current = after;
    }
    let history = store.announcement_history(improvement).await.unwrap();
    for logged in history.unwrap().log {
        let (seq, kind) = (logged.entry.seq, logged.entry.kind.name());
        let key = Key::AnnouncementEntry { improvement, seq };
        keys.push((format!("announcement_entry_{seq:02}_{kind}"), key));
    }
    keys
}

async fn stepped(table: &Table, before: &issue::Issue, entry: &issue::Entry) -> issue::Issue {
    let mut after = before.clone();
    after.apply(entry);
    let step = IssueStep {
        before,
        after: &after,
        entry,
        command_key: Some("0123456789abcdef"),
    };
    let appended = table.store.append_to_issues(&[step], &[]).await.unwrap();
    assert_eq!(appended, Appended::Appended);
    after
}

/// An improvement whose log has each kind of entry but that it was cancelled: it ships.
async fn improvement_of(table: &Table, issue: IssueId) -> ImprovementId {
    use resound_domain::issue::improvement::{Command, Improvement, Plan};
    let note = || Note::new("half of it").unwrap();
    let plan = Plan {
        title: Title::new("第二个仓库").unwrap(),
        issues: vec![issue],
        touchpoint: Some("logistics".to_owned()),
        owner: Some("ann".to_owned()),
        due: Some(jiff::civil::date(2027, 1, 31)),
    };
    let opened = Improvement::open(plan, staff(), t0());
    let id = ImprovementId::from_bits(ID);
    let key = Some("0123456789abcdef");
    let done = table.store.open_improvement(id, &opened, key).await;
    assert_eq!(done.unwrap(), Opened::New);
    let mut current = Improvement::begin(id, &opened).unwrap();
    for command in [
        Command::Assign {
            owner: "bo".to_owned(),
        },
        Command::Schedule {
            due: jiff::civil::date(2027, 2, 28),
        },
        Command::Progress { note: note() },
        Command::Ship {
            version: "2.4".to_owned(),
        },
    ] {
        let entry = current.handle(&command, staff(), t0()).unwrap().unwrap();
        let mut after = current.clone();
        after.apply(&entry);
        let done = table
            .store
            .append_to_improvement(&current, &after, &entry, key);
        assert_eq!(done.await.unwrap(), Appended::Appended);
        current = after;
    }
    id
}

fn surge(day: Date) -> Task {
    Task::Anomaly(Surge {
        survey: survey(),
        product: "锅 #1".to_owned(),
        day,
        complaints: vec![5, 7, 9, 12],
        evidence: vec![ResponseId::from_bits(ID)],
    })
}

async fn raise(table: &Table, id: CaseId, subject: SubjectId, task: Task, mark: Mark) {
    let opened = Case::open_task(id, t0(), task, &book());
    let case = Case::begin(&opened).unwrap();
    let raise = Raise {
        case: &case,
        opened: &opened,
        subject,
        mark,
        seen: None,
    };
    let raised = table.store.raise(&raise, now()).await.unwrap();
    assert!(matches!(raised, Raised::Raised(_)), "{raised:?}");
}

/// The attributes of an item, each with its type; maps and lists are gone into.
fn attributes(item: &Item) -> BTreeSet<String> {
    fn walk(path: &str, value: &AttributeValue, found: &mut BTreeSet<String>) {
        let kind = match value {
            AttributeValue::M(map) => {
                for (name, value) in map {
                    walk(&format!("{path}.{name}"), value, found);
                }
                return;
            }
            AttributeValue::L(list) => {
                for value in list {
                    walk(&format!("{path}[]"), value, found);
                }
                return;
            }
            AttributeValue::S(_) => "S",
            AttributeValue::N(_) => "N",
            AttributeValue::Bool(_) => "BOOL",
            AttributeValue::Ss(_) => "SS",
            AttributeValue::B(_) => "B",
            AttributeValue::Null(_) => "NULL",
            other => panic!("no item has {other:?}"),
        };
        found.insert(format!("{path}: {kind}"));
    }
    let mut found = BTreeSet::new();
    for (name, value) in item {
        walk(name, value, &mut found);
    }
    found
}

#[tokio::test]
async fn names_of_attributes_are_append_only() {
    let table = Table::new().await;
    let mut kinds: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (_, key) in everything(&table).await {
        let item = table.raw(&key).await.unwrap();
        kinds
            .entry(about(&key).0)
            .or_default()
            .extend(attributes(&item));
    }
    let mut text = String::new();
    for (kind, attributes) in kinds {
        writeln!(text, "{kind}").unwrap();
        for attribute in attributes {
            writeln!(text, "  {attribute}").unwrap();
        }
    }
    insta::assert_snapshot!("attributes", text);
}

/// The table that is deployed and the one that this crate was written for.
#[test]
fn the_template_builds_the_table_of_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let template: serde_norway::Value =
        serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let tables: Vec<_> = resources
        .values()
        .filter(|r| r["Type"].as_str() == Some("AWS::DynamoDB::Table"))
        .collect();
    let [table] = &tables[..] else {
        panic!("one table")
    };
    let table = &table["Properties"];
    let text = |value: &serde_norway::Value| value.as_str().unwrap_or_default().to_owned();
    let keys = |value: &serde_norway::Value| -> Vec<(String, String)> {
        let keys = value["KeySchema"].as_sequence().unwrap();
        keys.iter()
            .map(|key| (text(&key["AttributeName"]), text(&key["KeyType"])))
            .collect()
    };
    let key = |hash: &str, range: &str| {
        vec![
            (hash.to_owned(), "HASH".to_owned()),
            (range.to_owned(), "RANGE".to_owned()),
        ]
    };
    assert_eq!(keys(table), key(schema::PK, schema::SK));
    assert_eq!(
        text(&table["StreamSpecification"]["StreamViewType"]),
        "KEYS_ONLY"
    );
    let indexes = table["GlobalSecondaryIndexes"].as_sequence().unwrap();
    assert_eq!(indexes.len(), INDEXES.len());
    for (found, expected) in indexes.iter().zip(INDEXES) {
        assert_eq!(text(&found["IndexName"]), expected.name);
        assert_eq!(keys(found), key(expected.hash, expected.range));
        let projection = &found["Projection"];
        let include = projection["NonKeyAttributes"]
            .as_sequence()
            .cloned()
            .unwrap_or_default();
        assert_eq!(
            include.iter().map(text).collect::<Vec<_>>(),
            expected.include
        );
        let kind = if expected.include.is_empty() {
            "KEYS_ONLY"
        } else {
            "INCLUDE"
        };
        assert_eq!(text(&projection["ProjectionType"]), kind);
    }
    let mut strings = BTreeSet::from([schema::PK, schema::SK]);
    strings.extend(INDEXES.iter().flat_map(|index| [index.hash, index.range]));
    let defined = table["AttributeDefinitions"].as_sequence().unwrap();
    assert_eq!(
        defined
            .iter()
            .map(|a| text(&a["AttributeName"]))
            .collect::<BTreeSet<_>>(),
        strings.iter().map(|&s| s.to_owned()).collect()
    );
    assert!(defined.iter().all(|a| text(&a["AttributeType"]) == "S"));
}

// docs/table.md

fn table_md() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/table.md")
}

async fn render() -> String {
    let table = Table::new().await;
    let keys = everything(&table).await;
    let mut out = String::from(
        "# The table\n\n\
         One DynamoDB table holds everything. This page is generated from the keys and from items that were really\n\
         written (`cargo test -p resound-store -- --ignored table_md`); a test fails when it is out of date.\n\
         Names are append only: what is persisted under a name keeps it for ever.\n\n\
         ## Items\n\n\
         | item | PK | SK | holds | written on condition |\n|---|---|---|---|---|\n",
    );
    let mut seen = BTreeSet::new();
    let mut kinds: BTreeMap<&str, (BTreeSet<String>, BTreeSet<&str>)> = BTreeMap::new();
    for (_, key) in &keys {
        let (name, holds, condition) = about(key);
        let item = table.raw(key).await.unwrap();
        let (tops, indexes) = kinds.entry(name).or_default();
        tops.extend(
            item.keys()
                .filter(|name| !["PK", "SK", "v"].contains(&name.as_str()))
                .cloned(),
        );
        indexes.extend(
            INDEXES
                .iter()
                .filter(|index| item.contains_key(index.hash) && item.contains_key(index.range))
                .map(|index| index.name),
        );
        if seen.insert(name) {
            let raw = key.encode();
            writeln!(
                out,
                "| {name} | `{}` | `{}` | {holds} | {condition} |",
                raw.pk, raw.sk
            )
            .unwrap();
        }
    }
    out.push_str(
        "\nFree text inside a key is escaped (`#`, `%` and control characters as `%XX`), so no value can pass for a\n\
         separator. Every key decodes to what it was made of and nothing else.\n\n\
         ## Attributes\n\nBeside the key and `v`, the version of the item's form:\n\n| item | attributes | in the indexes |\n|---|---|---|\n",
    );
    for (name, (tops, indexes)) in kinds {
        let tops: Vec<_> = tops.iter().map(|name| format!("`{name}`")).collect();
        let indexes: Vec<_> = indexes.iter().map(|name| format!("`{name}`")).collect();
        let indexes = if indexes.is_empty() {
            "-".to_owned()
        } else {
            indexes.join(", ")
        };
        writeln!(out, "| {name} | {} | {indexes} |", tops.join(", ")).unwrap();
    }
    out.push_str(
        "\nPersonal text is in `Response` and `Message` only. The tombstone of a response has `erased_at` and nothing else.\n\
         `due_at` of a case is business time, of an event machine time; both, like `received_at`, are milliseconds since\n\
         1970 in 15 digits.\n\n\
         ## Indexes\n\n\
         Global, sparse and narrow. They lag behind the table, so the item itself is read again before anything is decided\n\
         (what counts whole days from `by-day`, the nightly count and the risk rules about products, is the exception).\n\n\
         | index | partition key | sort key | projection | answers |\n|---|---|---|---|---|\n",
    );
    for index in INDEXES {
        let projection = if index.include.is_empty() {
            "`KEYS_ONLY`".to_owned()
        } else {
            format!(
                "`INCLUDE` {}",
                index
                    .include
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        writeln!(
            out,
            "| `{}` | `{}` | `{}` | {projection} | {} |",
            index.name, index.hash, index.range, index.about
        )
        .unwrap();
    }
    let last = |n: u8| n - 1;
    writeln!(
        out,
        "\nPartitions are sharded by the id of the item, because a throttled index refuses writes to the table:\n\n\
         - `due`: `{}` to `{}`, `{}` to `{}`, and `{}` for events nobody tries any more;\n\
         - `by-day`: `{}` to `{}` for each survey and local day;\n\
         - `queue`: `{}` to `{}` for each state. `queue_at` is the earliest deadline of the clocks that run; `v`\n  \
         and the last event where none runs; `x` and when it closes or closed where there is an outcome;\n  \
         followed by `#` and the id.",
        schema::case_shard(0),
        schema::case_shard(last(schema::CASE_SHARDS)),
        schema::event_shard(0),
        schema::event_shard(last(schema::EVENT_SHARDS)),
        schema::STUCK,
        schema::day_shard(&survey(), jiff::civil::date(2026, 11, 21), 0),
        schema::day_shard(&survey(), jiff::civil::date(2026, 11, 21), last(schema::DAY_SHARDS)),
        schema::queue_shard(resound_domain::case::State::Open, 0),
        schema::queue_shard(resound_domain::case::State::Open, last(schema::QUEUE_SHARDS)),
    )
    .unwrap();
    out
}

#[tokio::test]
async fn table_md_is_up_to_date() {
    let kept = std::fs::read_to_string(table_md()).unwrap_or_default();
    assert!(
        kept.replace("\r\n", "\n") == render().await,
        "docs/table.md is out of date: cargo test -p resound-store -- --ignored write_table_md"
    );
}

#[tokio::test]
#[ignore = "writes docs/table.md"]
async fn write_table_md() {
    std::fs::write(table_md(), render().await).unwrap();
}

// Samples

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::Null(_) => json!({"NULL": true}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        AttributeValue::B(bytes) => json!({"B": bytes.as_ref()}),
        AttributeValue::L(list) => json!({"L": list.iter().map(to_json).collect::<Vec<_>>()}),
        AttributeValue::M(map) => json!({"M": item_to_json(map)}),
        other => panic!("no item has {other:?}"),
    }
}

fn item_to_json(item: &Item) -> Value {
    item.iter()
        .map(|(name, value)| (name.clone(), to_json(value)))
        .collect()
}

fn from_json(value: &Value) -> AttributeValue {
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text(inner)),
        "N" => AttributeValue::N(text(inner)),
        "BOOL" => AttributeValue::Bool(inner.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(inner.as_array().unwrap().iter().map(text).collect()),
        "B" => AttributeValue::B(Blob::new(
            serde_json::from_value::<Vec<u8>>(inner.clone()).unwrap(),
        )),
        "L" => AttributeValue::L(inner.as_array().unwrap().iter().map(from_json).collect()),
        "M" => AttributeValue::M(item_from_json(inner)),
        other => panic!("no item has {other}"),
    }
}

fn item_from_json(value: &Value) -> Item {
    value
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), from_json(value)))
        .collect()
}

/// A case but for what only a later version than that of the samples gathers from the log.
fn kept(case: &Case) -> serde_json::Value {
    let mut kept = serde_json::json!(case);
    kept.as_object_mut().unwrap().remove("to_tell");
    kept
}

/// Items of every version that ever wrote to a table, as they were written then. They are never changed; a new
/// version adds a folder of its own.
#[tokio::test]
async fn every_item_ever_written_can_be_read() {
    let (mut versions, mut traced, mut untold) = (0, 0, 0);
    for version in std::fs::read_dir(samples()).unwrap() {
        let table = Table::new().await;
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            table
                .plant(item_from_json(&serde_json::from_str(&text).unwrap()))
                .await;
        }
        let id = ResponseId::from_bits(ID);
        let store = &table.store;
        let Lookup::Found(response) = store.response(id).await.unwrap() else {
            panic!("no response")
        };
        let history = store.history(id.case()).await.unwrap().unwrap();
        assert_eq!(history.case.id(), response.id.case());
        assert_eq!(history.case.trace_id(), response.trace_id);
        traced += u32::from(response.trace_id.is_some());
        let log = history.events.iter().map(|stored| &stored.event);
        assert_eq!(kept(&Case::replay(log).unwrap()), kept(&history.case));
        assert_eq!(history.messages.len(), 1);
        assert!(!history.notices.is_empty());
        let second = ResponseId::from_bits(ID + 1).case();
        if let Some(ruled) = store.history(second).await.unwrap() {
            let log = ruled.events.iter().map(|stored| &stored.event);
            assert_eq!(kept(&Case::replay(log).unwrap()), kept(&ruled.case));
            assert_eq!(ruled.messages[0].direction, Direction::FromCustomer);
        }
        let third = ResponseId::from_bits(ID + 6).case();
        if let Some(told) = store.history(third).await.unwrap() {
            let log = told.events.iter().map(|stored| &stored.event);
            assert_eq!(Case::replay(log).unwrap(), told.case);
            let open = told.case.to_tell().map(|open| (open.cause, open.attempts));
            assert_eq!((open, told.notices.len()), (Some((9, 1)), 3));
            untold += 1;
        }
        assert!(
            history
                .events
                .iter()
                .any(|event| event.open.contains(&Effect::CustomerNotice))
        );
        let day = response.day;
        assert_eq!(
            store
                .tallies(&survey(), day, day, Dimension::Product)
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            store.watermark(&survey()).await.unwrap(),
            Some(Watermark {
                day,
                as_of: T0.parse().unwrap()
            })
        );
        assert_eq!(
            store
                .latest_config::<Forms>(ConfigKind::Form)
                .await
                .unwrap()
                .unwrap()
                .0,
            1
        );
        let _next = store.next_generation(&survey(), day).await.unwrap();
        versions += 1;
    }
    assert_eq!(
        (versions, traced, untold),
        (4, 3, 1),
        "some are from before there were traces, or people who tell"
    );
}

#[tokio::test]
#[ignore = "writes the samples of a new version of the items; refuses to touch those of an old one"]
async fn write_samples() {
    let table = Table::new().await;
    let folder = samples().join("v3");
    std::fs::create_dir(&folder).expect("a folder that is not there yet");
    for (name, key) in everything(&table).await {
        let item = table.raw(&key).await.unwrap();
        let text = serde_json::to_string_pretty(&item_to_json(&item)).unwrap();
        std::fs::write(folder.join(format!("{name}.json")), text + "\n").unwrap();
    }
}
