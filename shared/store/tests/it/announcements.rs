//! Announcements: who is told, once, and how far it has come.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use resound_domain::budget::{Contacts, MOST_IN_ALL};
use resound_domain::contact::Reason;
use resound_domain::delivery::{self, Fates};
use resound_domain::id::{ContactId, ImprovementId, IssueId, ResponseId};
use resound_domain::issue::announcement::{
    Announcement, Command, Fate, Ledger, Occasion, Pass, Words,
};
use resound_domain::issue::improvement::{self, Improvement, Plan};
use resound_domain::issue::{How, Link, Note, Reporter, Title};
use resound_domain::response::Response;
use resound_store::{
    Accepted, AnnouncedKey, Appended, Approach, Buried, Claim, DeliveryReport, Kept, Key,
    KnownContact, Lease, Linked, Opened, Outcome, Progress, RawKey, Recorded, Reported, StoreError,
    Suppressed, Tell, Told, UnderWay,
};
use serde_json::json;

use crate::support::{DIGEST, Table, by_ann, hours, now, response_of, staff, t0};

const IMPROVEMENT: ImprovementId = ImprovementId::from_bits(24);
const CONTACT: ContactId = ContactId::from_bits(7);
const KEY: AnnouncedKey = AnnouncedKey {
    contact: CONTACT,
    improvement: IMPROVEMENT,
    occasion: Occasion::Announcement,
};
/// Whose letter it is.
const ONE: ResponseId = ResponseId::from_bits(1);
const LEASE: SignedDuration = SignedDuration::from_secs(90);

fn sent() -> Outcome {
    Outcome::Sent {
        provider_id: Some("0100".to_owned()),
    }
}

fn tell(response: &Response, fate: Fate, seen: Option<Fate>) -> Tell {
    Tell {
        told: Told {
            response: response.id,
            improvement: IMPROVEMENT,
            occasion: Occasion::Announcement,
            fate,
            at: t0(),
        },
        seen,
        received_at: response.received_at,
    }
}

impl Table {
    async fn reported(&self, n: u128, issues: &[u128]) -> Response {
        let response = response_of(n, json!({"text": "物流太慢", "nps": 3}));
        let accepted = self.store.accept(&response, &DIGEST, None, now()).await;
        assert_eq!(accepted.unwrap(), Accepted::New);
        for &issue in issues {
            let link = Link {
                response: response.id,
                how: How::Rule,
                unlinked: false,
                reporter: Reporter::of(&response, None),
            };
            let issue = IssueId::from_bits(issue);
            let linked = self.store.link(issue, &link, response.received_at).await;
            assert_eq!(linked.unwrap(), Linked::Linked);
        }
        response
    }

    async fn known(&self, at: Timestamp) -> KnownContact {
        let known = self
            .store
            .approachable(KEY.occasion, IMPROVEMENT, &[CONTACT], at)
            .await;
        known.unwrap().known.remove(&CONTACT).unwrap()
    }

    /// What the ledger says to whoever shares the address with the one who was written to.
    async fn ledger(&self, at: Timestamp) -> Ledger {
        self.known(at).await.ledger(ResponseId::from_bits(999))
    }

    async fn approach(&self, holder: &str, machine_now: Timestamp) -> Approach {
        let known = self.known(machine_now).await;
        let times = (t0(), machine_now);
        let approach = self
            .store
            .approach(KEY, (ONE, &known), holder, times, LEASE);
        approach.await.unwrap()
    }

    /// Records a report as its reader does: again, until it says nothing new.
    async fn hear(&self, fate: delivery::Fate, at: Timestamp) {
        self.hear_of(KEY, fate, at).await;
    }

    async fn hear_of(&self, key: AnnouncedKey, fate: delivery::Fate, at: Timestamp) {
        let report = DeliveryReport {
            fate,
            at,
            provider_id: "0100",
        };
        loop {
            let seen = self.store.announced(key).await.unwrap().unwrap();
            if !seen.learns(&report) {
                return;
            }
            let done = self.store.record_announced_delivery(&seen, &report, now());
            assert_eq!(done.await.unwrap(), Reported::Recorded);
        }
    }

    async fn fresh(&self, holder: &str, machine_now: Timestamp) -> Lease {
        match self.approach(holder, machine_now).await {
            Approach::Claim(Claim::Fresh(lease)) => lease,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_address_is_written_to_once_and_counted_once() {
    let table = Table::new().await;
    let (one, two) = (table.reported(1, &[]).await, table.reported(2, &[]).await);
    assert_eq!(table.known(now()).await, KnownContact::default());
    let lease = table.fresh("one", now()).await;
    // Its own repeat, after a lost answer; and another run.
    assert_eq!(table.fresh("one", now()).await, lease);
    let other = table.approach("two", now()).await;
    assert_eq!(other, Approach::Claim(Claim::InProgress));
    assert_eq!(table.ledger(now()).await, Ledger::InProgress);

    // It certainly reached nobody: the next attempt is the same contact.
    let released = table.store.release(&lease).await.unwrap();
    assert_eq!(released, Recorded::Recorded);
    assert_eq!(table.ledger(now()).await, Ledger::Released);
    let lease = table.fresh("two", now()).await;
    assert!(
        table.known(now()).await.contacts.allow_one(t0()),
        "one of two"
    );

    let told = tell(&one, Fate::Sent, None);
    let recorded = table.store.record_told(&lease, &sent(), &told, now()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    assert_eq!(table.ledger(now()).await, Ledger::Recorded);
    let other = table.approach("three", now()).await;
    assert_eq!(other, Approach::Claim(Claim::Recorded(sent())));

    let both = [one.id, two.id];
    let kept = table
        .store
        .fates(KEY.occasion, IMPROVEMENT, &both)
        .await
        .unwrap();
    assert_eq!(kept.kept, [told.told]);
    assert_eq!(table.store.told(one.id).await.unwrap(), [told.told]);
}

#[tokio::test]
async fn whoever_was_killed_leaves_a_doubt_and_no_second_letter() {
    let table = Table::new().await;
    let one = table.reported(1, &[]).await;
    let _killed = table.fresh("one", now()).await;
    let later = now() + LEASE;
    assert_eq!(table.ledger(later).await, Ledger::Abandoned);
    let Approach::Claim(Claim::Abandoned(lease)) = table.approach("two", later).await else {
        panic!("the lease is over");
    };
    let told = tell(&one, Fate::Unknown, None);
    let recorded = table
        .store
        .record_told(&lease, &Outcome::Unknown, &told, later)
        .await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    let again = table.approach("three", later).await;
    assert_eq!(again, Approach::Claim(Claim::Recorded(Outcome::Unknown)));
    let known = table.known(later).await;
    assert_eq!(known.ledger(one.id), Ledger::Own(Fate::Unknown));

    // The provider tells after all.
    table.hear(delivery::Fate::Delivered, t0()).await;
    let known = table.known(later).await;
    assert_eq!(known.ledger(one.id), Ledger::Own(Fate::Sent));
    assert_eq!(table.ledger(later).await, Ledger::Recorded);
}

#[tokio::test]
async fn a_provider_that_is_quicker_than_we_are_changes_nothing() {
    let table = Table::new().await;
    let one = table.reported(1, &[]).await;
    let lease = table.fresh("one", now()).await;
    table.hear(delivery::Fate::Delivered, t0()).await;
    let told = tell(&one, Fate::Sent, None);
    for _ in 0..2 {
        let recorded = table.store.record_told(&lease, &sent(), &told, now()).await;
        assert_eq!(recorded.unwrap(), Recorded::Recorded);
    }
    assert_eq!(table.store.told(one.id).await.unwrap(), [told.told]);
}

#[tokio::test]
async fn reports_in_any_order_are_counted_once_for_each_letter() {
    use delivery::Fate::{Accepted, Bounced, Complained, Delivered, SoftBounced};
    let reports = [
        (Delivered, 2),
        (Complained, 9),
        (Bounced, 4),
        (Bounced, 3),
        (SoftBounced, 1),
        (Accepted, 1),
    ];
    let mut ends = Vec::new();
    for turn in 0..reports.len() {
        let table = Table::new().await;
        let lease = table.fresh("one", now()).await;
        let recorded = table.store.record(&lease, &sent(), now()).await;
        assert_eq!(recorded.unwrap(), Recorded::Recorded);
        for n in 0..2 * reports.len() {
            let (fate, after) = reports[(turn + n * 5) % reports.len()];
            table.hear(fate, t0() + hours(after)).await;
        }
        let entry = table.store.announced(KEY).await.unwrap().unwrap();
        assert_eq!(entry.delivery.fate(), Some(Bounced));
        assert_eq!(entry.delivery.at(Bounced), Some(t0() + hours(3)));
        let counted = table
            .store
            .deliveries(KEY.occasion, IMPROVEMENT)
            .await
            .unwrap();
        ends.push((entry, counted));
    }
    let counted = Fates {
        delivered: 1,
        bounced: 1,
        soft_bounced: 1,
        complained: 1,
        rejected: 0,
    };
    assert_eq!(ends[0].1, counted);
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
}

#[tokio::test]
async fn every_letter_of_an_announcement_is_counted() {
    let table = Table::new().await;
    for n in 0..40 {
        let key = AnnouncedKey {
            contact: ContactId::from_bits(n),
            ..KEY
        };
        let known = KnownContact::default();
        let times = (t0(), now());
        let claimed = table
            .store
            .approach(key, (ONE, &known), "one", times, LEASE);
        let claimed = claimed.await.unwrap();
        assert!(matches!(claimed, Approach::Claim(Claim::Fresh(_))));
        let fate = match n {
            0..30 => delivery::Fate::Delivered,
            _ => delivery::Fate::Bounced,
        };
        table.hear_of(key, fate, t0()).await;
    }
    let counted = table
        .store
        .deliveries(KEY.occasion, IMPROVEMENT)
        .await
        .unwrap();
    assert_eq!((counted.delivered, counted.bounced), (30, 10));
    let other = ImprovementId::from_bits(25);
    let none = table.store.deliveries(KEY.occasion, other).await.unwrap();
    assert_eq!(none, Fates::default());
}

#[tokio::test]
async fn two_announcements_at_once_cannot_both_take_the_last_contact() {
    let table = Table::new().await;
    let known = table.known(now()).await;
    let _first = table.fresh("one", now()).await;
    let about = |improvement| AnnouncedKey {
        improvement: ImprovementId::from_bits(improvement),
        ..KEY
    };
    let (other, third) = (about(25), about(26));
    let times = (t0(), now());
    let approach = table
        .store
        .approach(other, (ONE, &known), "two", times, LEASE);
    assert_eq!(approach.await.unwrap(), Approach::Overtaken);
    // Looked at again, there is one left; and then none.
    let again = table.known(now()).await;
    let approach = table
        .store
        .approach(other, (ONE, &again), "two", times, LEASE);
    let approach = approach.await.unwrap();
    assert!(matches!(approach, Approach::Claim(Claim::Fresh(_))));
    // Who saw the one that was left as well comes too late.
    let late = table
        .store
        .approach(third, (ONE, &again), "three", times, LEASE);
    assert_eq!(late.await.unwrap(), Approach::Overtaken);
    assert!(!table.known(now()).await.contacts.allow_one(t0()));
    assert!(
        table
            .known(now())
            .await
            .contacts
            .allow_one(t0() + hours(720))
    );
}

#[tokio::test]
async fn an_answer_and_a_letter_of_ours_at_once_are_both_counted() {
    let table = Table::new().await;
    for (turn, at) in (1..).zip([t0(), t0() + hours(1)]) {
        // The first time there is no item of the address yet.
        let known = table.known(now()).await;
        let counted = table.store.count_answer(CONTACT, at).await;
        counted.unwrap();
        let key = AnnouncedKey {
            improvement: ImprovementId::from_bits(turn),
            ..KEY
        };
        let times = (t0(), now());
        let late = table
            .store
            .approach(key, (ONE, &known), "one", times, LEASE);
        assert_eq!(late.await.unwrap(), Approach::Overtaken);
        let again = table.known(now()).await;
        let approach = table
            .store
            .approach(key, (ONE, &again), "one", times, LEASE);
        let approach = approach.await.unwrap();
        assert!(matches!(approach, Approach::Claim(Claim::Fresh(_))));
    }
    let expected = Contacts::default().and(t0()).and(t0());
    let expected = expected.and_answer(t0()).and_answer(t0() + hours(1));
    assert_eq!(table.known(now()).await.contacts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_at_once_are_counted_once_each() {
    let table = Table::new().await;
    // Two of them are the same, as when an attempt was killed before it could say that it had counted.
    let times = [0, 1, 2, 2].map(|hour| t0() + hours(hour));
    let mut tasks = tokio::task::JoinSet::new();
    for at in times {
        let store = table.store.clone();
        tasks.spawn(async move { store.count_answer(CONTACT, at).await });
    }
    for counted in tasks.join_all().await {
        counted.unwrap();
    }
    let expected = times
        .into_iter()
        .fold(Contacts::default(), |known, at| known.and_answer(at));
    assert_eq!(table.known(now()).await.contacts, expected);
}

#[tokio::test]
async fn of_hundreds_of_answers_a_few_are_kept() {
    let table = Table::new().await;
    for minute in 0..100 {
        let at = t0() + SignedDuration::from_mins(minute);
        table.store.count_answer(CONTACT, at).await.unwrap();
    }
    let known = table.known(now()).await;
    assert!(!known.contacts.allow_one(t0() + hours(2)));
    assert!(known.contacts.allow_one(t0() + hours(722)));
    let item = table.raw(&Key::Contacted(CONTACT)).await.unwrap();
    let answers = item["answers"].as_l().unwrap();
    assert_eq!(answers.len(), MOST_IN_ALL);
    assert_eq!(item["version"].as_n().unwrap(), "100");
}

#[tokio::test]
async fn an_item_of_an_older_version_counts_and_one_of_a_newer_is_left_alone() {
    let table = Table::new().await;
    let older = |v: &str| {
        let RawKey { pk, sk } = Key::Contacted(CONTACT).encode();
        let at = AttributeValue::S(t0().to_string());
        HashMap::from([
            ("PK".to_owned(), AttributeValue::S(pk)),
            ("SK".to_owned(), AttributeValue::S(sk)),
            ("v".to_owned(), AttributeValue::N(v.to_owned())),
            ("contacts".to_owned(), AttributeValue::L(vec![at])),
            ("version".to_owned(), AttributeValue::N("1".to_owned())),
        ])
    };
    table.plant(older("1")).await;
    let counted = table.store.count_answer(CONTACT, t0() + hours(1)).await;
    counted.unwrap();
    let expected = Contacts::default().and(t0()).and_answer(t0() + hours(1));
    assert_eq!(table.known(now()).await.contacts, expected);

    table.plant(older("9")).await;
    let refused = table.store.count_answer(CONTACT, t0()).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
    let left = table.raw(&Key::Contacted(CONTACT)).await;
    assert_eq!(left, Some(older("9")));
}

#[tokio::test]
async fn the_gravest_reason_bars_an_address_until_it_is_lifted() {
    let table = Table::new().await;
    for reason in [Reason::Unsubscribed, Reason::Complaint] {
        let listed = table.store.suppress(CONTACT, reason, t0(), None).await;
        assert_eq!(listed.unwrap(), Suppressed::New);
    }
    assert_eq!(table.known(now()).await.barred, Some(Reason::Complaint));
    let hand = by_ann(t0() + hours(1));
    let lifted = table.store.lift(CONTACT, Reason::Complaint, &hand);
    let _lifted = lifted.await.unwrap();
    assert_eq!(table.known(now()).await.barred, Some(Reason::Unsubscribed));
}

#[tokio::test]
async fn what_is_kept_of_a_reporter_changes_as_it_was_seen_and_goes_with_the_response() {
    let table = Table::new().await;
    let one = table.reported(1, &[]).await;
    let waiting = tell(&one, Fate::OverBudget, None);
    assert_eq!(table.store.tell(&waiting).await.unwrap(), Kept::Kept);
    assert_eq!(table.store.tell(&waiting).await.unwrap(), Kept::Overtaken);
    let over = tell(&one, Fate::Unsubscribed, Some(Fate::MailOff));
    assert_eq!(table.store.tell(&over).await.unwrap(), Kept::Overtaken);
    let lease = table.fresh("one", now()).await;
    let told = tell(&one, Fate::Sent, Some(Fate::OverBudget));
    let recorded = table.store.record_told(&lease, &sent(), &told, now()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    assert_eq!(table.store.told(one.id).await.unwrap(), [told.told]);

    let buried = table.store.bury(one.id, now()).await.unwrap();
    assert_eq!(buried, Buried::Buried);
    assert_eq!(table.store.told(one.id).await.unwrap(), []);
    let late = tell(&one, Fate::Already, None);
    assert_eq!(table.store.tell(&late).await.unwrap(), Kept::Overtaken);
}

#[tokio::test]
async fn a_letter_to_somebody_erased_meanwhile_is_recorded_all_the_same() {
    let table = Table::new().await;
    let one = table.reported(1, &[]).await;
    let lease = table.fresh("one", now()).await;
    let _buried = table.store.bury(one.id, now()).await.unwrap();
    let told = tell(&one, Fate::Sent, None);
    let recorded = table.store.record_told(&lease, &sent(), &told, now()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    assert_eq!(table.ledger(now()).await, Ledger::Recorded);
    assert_eq!(table.store.told(one.id).await.unwrap(), []);
}

#[tokio::test]
async fn reporters_of_several_issues_come_once_each_in_order() {
    let table = Table::new().await;
    for (n, issues) in [
        (1, vec![1]),
        (2, vec![1, 2]),
        (3, vec![2]),
        (4, vec![3]),
        (5, vec![1, 3]),
    ] {
        table.reported(n, &issues).await;
    }
    let id = IssueId::from_bits;
    // The third was merged into the first.
    let families = [vec![id(1), id(3)], vec![id(2)]];
    for limit in 1..4 {
        let (mut found, mut after): (Vec<ResponseId>, _) = (Vec::new(), None);
        loop {
            let page = table
                .store
                .reporters(&families, after, limit)
                .await
                .unwrap();
            found.extend(page.found.iter().map(|link| link.response));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let all: Vec<_> = (1..=5).map(ResponseId::from_bits).collect();
        assert_eq!(found, all, "{limit} at a time");
    }
    let these: Vec<_> = (0..=7).map(ResponseId::from_bits).collect();
    let linked = table.store.still_linked(&families, &these).await.unwrap();
    let linked: Vec<_> = linked.found.iter().map(|link| link.response).collect();
    assert_eq!(linked, these[1..=5], "the same, asked for by name");
}

#[tokio::test]
async fn an_announcement_is_started_once_and_stands_among_those_that_run() {
    let table = Table::new().await;
    let store = &table.store;
    let plan = Plan {
        title: Title::new("第二个仓库").unwrap(),
        issues: vec![IssueId::from_bits(1)],
        touchpoint: None,
        owner: None,
        due: None,
    };
    let opened = Improvement::open(plan, staff(), t0());
    let mut improvement = Improvement::begin(IMPROVEMENT, &opened).unwrap();
    let ship = improvement::Command::Ship {
        version: "2.4".to_owned(),
    };
    let shipped = improvement.handle(&ship, staff(), t0()).unwrap().unwrap();
    improvement.apply(&shipped);
    let words = Words {
        zh_cn: Note::new("请升级").unwrap(),
        zh_tw: None,
        en: Note::new("Update").unwrap(),
    };
    let started = Announcement::start(&improvement, words, staff(), t0()).unwrap();
    for expected in [Opened::New, Opened::Exists] {
        let opened = store
            .start_announcement(IMPROVEMENT, &started, None, Some("key"))
            .await;
        assert_eq!(opened.unwrap(), expected);
    }
    let mut current = store.announcement(IMPROVEMENT).await.unwrap().unwrap();
    let under_way = store.under_way().await.unwrap();
    assert_eq!(under_way.announcements, [IMPROVEMENT]);
    for (command, running) in [
        (Command::Stop, false),
        (Command::GoOn, true),
        (Command::Close, false),
    ] {
        let entry = current.handle(command, staff(), t0()).unwrap().unwrap();
        let mut after = current.clone();
        after.apply(&entry);
        let step = || store.append_to_announcement(&current, &after, &entry, None);
        assert_eq!(step().await.unwrap(), Appended::Appended);
        assert_eq!(step().await.unwrap(), Appended::Conflict);
        let runs = store.under_way().await.unwrap() != UnderWay::default();
        assert_eq!(runs, running, "{command:?}");
        current = after;
    }
    let history = store
        .announcement_history(IMPROVEMENT)
        .await
        .unwrap()
        .unwrap();
    let log = history.log.iter().map(|logged| &logged.entry);
    assert_eq!(Announcement::replay(IMPROVEMENT, log), Some(current));
}

#[tokio::test]
async fn of_two_runs_one_moves_on() {
    let table = Table::new().await;
    let store = &table.store;
    let begun = Progress::begin(IMPROVEMENT, Pass::first(t0()));
    assert!(store.move_on(None, &begun).await.unwrap());
    assert!(store.move_on(None, &begun).await.unwrap(), "a repeat");
    let mut one = begun.pass.clone();
    one.counts.add(Fate::Sent);
    let mine = begun.on(one, Some(ResponseId::from_bits(3)));
    let theirs = begun.on(begun.pass.clone(), Some(ResponseId::from_bits(2)));
    assert!(store.move_on(Some(&begun), &mine).await.unwrap());
    assert!(
        store.move_on(Some(&begun), &mine).await.unwrap(),
        "a repeat"
    );
    assert!(!store.move_on(Some(&begun), &theirs).await.unwrap());
    assert_eq!(
        store.progress(IMPROVEMENT).await.unwrap(),
        Some(mine.clone())
    );
    let again = mine.again(Pass::first(t0()));
    assert!(store.move_on(Some(&mine), &again).await.unwrap());
    let again = store.progress(IMPROVEMENT).await.unwrap().unwrap();
    assert_eq!((again.after, again.last), (None, Some(mine.pass)));
}

#[tokio::test]
async fn a_minute_has_so_many_letters_and_no_more() {
    let table = Table::new().await;
    let take = |minutes, wanted| {
        let minute = t0() + SignedDuration::from_mins(minutes);
        table.store.take_letters(minute, wanted, 10)
    };
    for (minutes, wanted, granted) in [
        (1, 4, 4),
        (1, 4, 4),
        (1, 4, 2),
        (1, 4, 0),
        (2, 20, 10),
        // A run that comes late.
        (1, 1, 0),
        (2, 0, 0),
        (3, 1, 1),
    ] {
        assert_eq!(take(minutes, wanted).await.unwrap(), granted);
    }
}
