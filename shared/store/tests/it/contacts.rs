use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use resound_domain::contact::{Act, Reason};
use resound_domain::id::ContactId;
use resound_store::{Key, Lifted, StoreError, Suppressed};

use crate::support::{Table, by_ann, hours, t0};

const CONTACT: ContactId = ContactId::from_bits(7);

impl Table {
    async fn bounced(&self, at: Timestamp) -> Suppressed {
        let reason = Reason::HardBounce;
        let listed = self.store.suppress(CONTACT, reason, at, Some("0100")).await;
        listed.unwrap()
    }

    async fn lifted(&self, at: Timestamp) -> Lifted {
        let hand = by_ann(at);
        let lifted = self.store.lift(CONTACT, Reason::HardBounce, &hand);
        lifted.await.unwrap()
    }

    async fn reasons(&self) -> Vec<(Reason, Timestamp)> {
        let listed = self.store.suppressions(CONTACT).await.unwrap();
        let listed = listed.into_iter();
        listed.map(|entry| (entry.reason, entry.since)).collect()
    }
}

#[tokio::test]
async fn an_address_is_on_the_list_for_each_reason_apart() {
    let table = Table::new().await;
    assert_eq!(table.reasons().await, []);
    assert_eq!(table.lifted(t0()).await, Lifted::Nothing);
    for reason in Reason::ALL {
        let listed = table.store.suppress(CONTACT, reason, t0(), None).await;
        assert_eq!(listed.unwrap(), Suppressed::New);
    }
    assert_eq!(table.lifted(t0() + hours(1)).await, Lifted::Lifted);
    let left: Vec<_> = table.reasons().await.into_iter().map(|(r, _)| r).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(!left.contains(&Reason::HardBounce));
    let other = table.store.suppressions(ContactId::from_bits(8)).await;
    assert_eq!(other.unwrap(), []);
}

#[tokio::test]
async fn reports_in_any_order_end_in_the_same_item() {
    let mut ends = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 1, 0]] {
        let table = Table::new().await;
        for after in order {
            let _listed = table.bounced(t0() + hours(after)).await;
        }
        let key = Key::Suppression {
            contact: CONTACT,
            reason: Reason::HardBounce,
        };
        ends.push(table.raw(&key).await.unwrap());
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
}

#[tokio::test]
async fn what_was_lifted_does_not_come_back_with_an_old_report() {
    let table = Table::new().await;
    assert_eq!(table.bounced(t0()).await, Suppressed::New);
    assert_eq!(table.bounced(t0()).await, Suppressed::Known);
    assert_eq!(table.lifted(t0() + hours(5)).await, Lifted::Lifted);
    assert_eq!(table.lifted(t0() + hours(6)).await, Lifted::Nothing);
    for after in [0, 5] {
        assert_eq!(table.bounced(t0() + hours(after)).await, Suppressed::Lifted);
    }
    assert_eq!(table.reasons().await, []);
    // It bounces again, and the list knows when.
    assert_eq!(table.bounced(t0() + hours(9)).await, Suppressed::New);
    assert_eq!(table.bounced(t0() + hours(7)).await, Suppressed::Known);
    let since = t0() + hours(7);
    assert_eq!(table.reasons().await, [(Reason::HardBounce, since)]);
}

#[tokio::test]
async fn a_report_of_a_clock_that_is_ahead_can_be_lifted() {
    let table = Table::new().await;
    assert_eq!(table.bounced(t0() + hours(2)).await, Suppressed::New);
    assert_eq!(table.lifted(t0()).await, Lifted::Lifted);
    assert_eq!(table.bounced(t0() + hours(2)).await, Suppressed::Lifted);
    assert_eq!(table.reasons().await, []);
}

#[tokio::test]
async fn a_repeat_after_a_lost_answer_finds_its_own() {
    let table = Table::new().await;
    table.lose_answer_of("PutItem");
    assert_eq!(table.bounced(t0()).await, Suppressed::Known);
    table.lose_answer_of("TransactWriteItems");
    assert_eq!(table.lifted(t0() + hours(1)).await, Lifted::Lifted);
    table.lose_answer_of("UpdateItem");
    assert_eq!(table.bounced(t0() + hours(2)).await, Suppressed::Known);
    assert_eq!(table.lost(), 3);
    let since = t0() + hours(2);
    assert_eq!(table.reasons().await, [(Reason::HardBounce, since)]);
}

#[tokio::test]
async fn what_staff_do_leaves_a_trail_and_what_they_repeat_none() {
    let table = Table::new().await;
    let put = async |after| {
        let hand = by_ann(t0() + hours(after));
        let listed = table.store.suppress_by_hand(CONTACT, &hand);
        listed.await.unwrap()
    };
    assert_eq!(put(1).await, Suppressed::New);
    assert_eq!(put(2).await, Suppressed::Known);
    let reason = Reason::ByHand;
    let lift = async |after| {
        let hand = by_ann(t0() + hours(after));
        let lifted = table.store.lift(CONTACT, reason, &hand);
        lifted.await.unwrap()
    };
    assert_eq!(lift(3).await, Lifted::Lifted);
    assert_eq!(lift(4).await, Lifted::Nothing);
    assert_eq!(table.reasons().await, []);
    // At the very time of the lifting, as two clocks may have it.
    assert_eq!(put(3).await, Suppressed::New);
    assert_eq!(table.reasons().await.len(), 1);
    let changes = table.store.suppression_changes(CONTACT).await.unwrap();
    let acts: Vec<_> = changes.iter().map(|c| (c.act, c.hand.clone())).collect();
    let expected = [(Act::Listed, 1), (Act::Lifted, 3), (Act::Listed, 3)];
    let expected = expected.map(|(act, after)| (act, by_ann(t0() + hours(after))));
    assert_eq!(acts, expected);
    // What the provider reports is no act of staff.
    assert_eq!(table.bounced(t0()).await, Suppressed::New);
    let changes = table.store.suppression_changes(CONTACT).await.unwrap();
    assert_eq!(changes.len(), 3);
}

#[tokio::test]
async fn a_reason_that_cannot_be_read_is_not_taken_for_none() {
    let table = Table::new().await;
    let reason = Reason::Complaint;
    let key = Key::Suppression {
        contact: CONTACT,
        reason,
    };
    let listed = table.store.suppress(CONTACT, reason, t0(), None).await;
    assert_eq!(listed.unwrap(), Suppressed::New);
    let mut newer = table.raw(&key).await.unwrap();
    newer.insert("v".to_owned(), AttributeValue::N("9".to_owned()));
    table.plant(newer.clone()).await;
    let standing = table.store.suppressions(CONTACT).await;
    assert!(matches!(standing, Err(StoreError::Corrupt { .. })));

    // One that only a newer version can name is that one's to heed.
    table.remove(&key).await;
    let unknown = AttributeValue::S("SUPPRESSION#teleported".to_owned());
    newer.insert("SK".to_owned(), unknown);
    table.plant(newer).await;
    assert_eq!(table.reasons().await, []);
}

#[tokio::test]
async fn of_two_who_lift_at_once_one_does() {
    let table = Table::new().await;
    assert_eq!(table.bounced(t0()).await, Suppressed::New);
    let lifts = (1..=4).map(|after| table.lifted(t0() + hours(after)));
    let done = futures::future::join_all(lifts).await;
    let lifted = done.iter().filter(|done| **done == Lifted::Lifted).count();
    assert_eq!(lifted, 1, "{done:?}");
    let changes = table.store.suppression_changes(CONTACT).await.unwrap();
    assert_eq!(changes.len(), 1);
}
