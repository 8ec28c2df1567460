use jiff::{SignedDuration, Timestamp};
use resound_domain::case::Case;
use resound_domain::delivery::Fate;
use resound_domain::event::EventKind;
use resound_domain::policy::Priority;
use resound_store::{
    Claim, DeliveryReport, Key, Lease, Medium, NoticeKey, NoticeStatus, Outcome, Recipient,
    Recorded, Reported, StoreError, Telling,
};

use crate::support::{Table, applied, book, hours, now, t0};

const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// A case with a letter about its opening.
struct Sent {
    table: Table,
    case: Case,
    key: NoticeKey,
    lease: Lease,
}

impl Sent {
    /// A letter that is claimed.
    async fn claimed() -> Self {
        let table = Table::new().await;
        let case = table.opened(1, Priority::P3).await;
        let key = NoticeKey {
            case: case.id(),
            cause: 1,
            recipient: Recipient::Customer,
            medium: Medium::EMAIL,
        };
        let Claim::Fresh(lease) = table.store.claim(key, "me", now(), LEASE).await.unwrap() else {
            panic!("nobody else claims it")
        };
        Self {
            table,
            case,
            key,
            lease,
        }
    }

    /// A letter of which the ledger says this.
    async fn recorded(outcome: Outcome) -> Self {
        let sent = Self::claimed().await;
        let recorded = sent.table.store.record(&sent.lease, &outcome, now()).await;
        assert_eq!(recorded.unwrap(), Recorded::Recorded);
        sent
    }

    /// Records a report as its reader does: again, until it says nothing new.
    async fn hear(&self, fate: Fate, at: Timestamp) {
        let store = &self.table.store;
        let report = DeliveryReport {
            fate,
            at,
            provider_id: "0100",
        };
        loop {
            let notice = store.notice(self.key).await.unwrap().unwrap();
            if !notice.learns(&report) {
                return;
            }
            let told = notice.told_by(fate);
            let before = store.case(self.case.id()).await.unwrap().unwrap();
            let events = before.hear_of_notice(&told, t0(), &book());
            let after = applied(&before, &events);
            let telling = (!told.is_empty()).then_some(Telling {
                before: &before,
                after: &after,
                events: &events,
            });
            let done = store.record_delivery(&notice, &report, telling, now());
            assert_eq!(done.await.unwrap(), Reported::Recorded);
        }
    }

    async fn status(&self) -> NoticeStatus {
        let notice = self.table.store.notice(self.key).await.unwrap();
        notice.unwrap().status
    }

    /// What the log tells of notices.
    async fn log(&self) -> Vec<EventKind> {
        let history = self.table.store.history(self.case.id()).await;
        let events = history.unwrap().unwrap().events.into_iter();
        events.skip(1).map(|stored| stored.event.kind).collect()
    }
}

fn sent() -> Outcome {
    Outcome::Sent {
        provider_id: Some("0100".to_owned()),
    }
}

#[tokio::test]
async fn reports_in_any_order_end_in_the_same_entry() {
    let reports = [
        (Fate::Delivered, 2),
        (Fate::Complained, 9),
        (Fate::Bounced, 4),
        (Fate::Bounced, 3),
        (Fate::Accepted, 1),
    ];
    let mut ends = Vec::new();
    for turn in 0..reports.len() {
        let world = Sent::recorded(sent()).await;
        for n in 0..2 * reports.len() {
            let (fate, after) = reports[(turn * 2 + n * 3) % reports.len()];
            world.hear(fate, t0() + hours(after)).await;
        }
        let log = world.log().await;
        assert!(
            matches!(log[..], [EventKind::NoticeFailed { cause: 1, .. }]),
            "{log:?}"
        );
        ends.push(world.table.raw(&Key::Notice(world.key)).await.unwrap());
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
}

#[tokio::test]
async fn a_report_settles_a_claim_that_still_stands() {
    let world = Sent::claimed().await;
    world.hear(Fate::Accepted, t0()).await;
    let store = &world.table.store;
    let later = now() + LEASE * 2;
    let claim = store.claim(world.key, "you", later, LEASE).await.unwrap();
    assert_eq!(claim, Claim::Recorded(sent()));
    // Whoever sent it and comes to say so is told that it is known.
    let recorded = store.record(&world.lease, &sent(), now()).await.unwrap();
    assert_eq!(recorded, Recorded::Recorded);
    let released = store.release(&world.lease).await.unwrap();
    assert_eq!(released, Recorded::Superseded);
    assert_eq!(world.log().await, []);
}

#[tokio::test]
async fn a_report_settles_a_doubt_once() {
    for (fate, failed) in [(Fate::Delivered, false), (Fate::Bounced, true)] {
        let world = Sent::recorded(Outcome::Unknown).await;
        for after in [3, 2, 3] {
            world.hear(fate, t0() + hours(after)).await;
        }
        world.hear(Fate::Accepted, t0()).await;
        let status = world.status().await;
        assert!(
            matches!(&status, NoticeStatus::Recorded { outcome, .. } if *outcome == sent()),
            "{status:?}"
        );
        let log = world.log().await;
        let found = log
            .iter()
            .filter(|kind| matches!(kind, EventKind::NoticeFound { .. }));
        let lost = log
            .iter()
            .filter(|kind| matches!(kind, EventKind::NoticeFailed { .. }));
        assert_eq!((found.count(), lost.count()), (1, usize::from(failed)));
    }
}

#[tokio::test]
async fn what_was_not_sent_stays_what_it_is() {
    for outcome in [Outcome::Refused, Outcome::NoContact, Outcome::Suppressed] {
        let world = Sent::recorded(outcome.clone()).await;
        world.hear(Fate::Delivered, t0()).await;
        let status = world.status().await;
        assert!(
            matches!(&status, NoticeStatus::Recorded { outcome: kept, .. } if *kept == outcome),
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn a_report_that_was_weighed_against_something_else_is_weighed_again() {
    let world = Sent::recorded(sent()).await;
    let store = &world.table.store;
    let seen = store.notice(world.key).await.unwrap().unwrap();
    let report = |after| DeliveryReport {
        fate: Fate::Delivered,
        at: t0() + hours(after),
        provider_id: "0100",
    };
    let first = store.record_delivery(&seen, &report(1), None, now()).await;
    assert_eq!(first.unwrap(), Reported::Recorded);
    let second = store.record_delivery(&seen, &report(2), None, now()).await;
    assert_eq!(second.unwrap(), Reported::Conflict);
    // A failure is not recorded without its event.
    let bounced = DeliveryReport {
        fate: Fate::Bounced,
        ..report(1)
    };
    let alone = store.record_delivery(&seen, &bounced, None, now()).await;
    assert!(matches!(alone, Err(StoreError::Rejected(_))), "{alone:?}");
    // Nor for a case that is gone.
    world.table.remove(&Key::Notice(world.key)).await;
    let gone = store.record_delivery(&seen, &report(0), None, now()).await;
    assert_eq!(gone.unwrap(), Reported::Conflict);
    assert_eq!(store.notice(world.key).await.unwrap(), None);
}
