use futures::future::join_all;
use jiff::SignedDuration;
use resound_domain::id::ResponseId;
use resound_domain::policy::Audience;
use resound_store::{Claim, Key, Lease, Medium, NoticeKey, Outcome, Recipient, Recorded};

use crate::support::{Table, now};

const LEASE: SignedDuration = SignedDuration::from_secs(30);

fn key() -> NoticeKey {
    NoticeKey {
        case: ResponseId::from_bits(1).case(),
        cause: 2,
        recipient: Recipient::Staff(Audience::TeamLead),
        medium: Medium::WEBHOOK,
    }
}

fn sent() -> Outcome {
    Outcome::Sent {
        provider_id: Some("0100-abc".to_owned()),
    }
}

async fn fresh(table: &Table, owner: &str) -> Lease {
    match table.store.claim(key(), owner, now(), LEASE).await.unwrap() {
        Claim::Fresh(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_one_is_fresh() {
    let table = Table::new().await;
    let owners: Vec<String> = (0..6).map(|n| n.to_string()).collect();
    let all = join_all(
        owners
            .iter()
            .map(|owner| table.store.claim(key(), owner, now(), LEASE)),
    )
    .await;
    let fresh = all
        .iter()
        .filter(|c| matches!(c, Ok(Claim::Fresh(lease)) if lease.attempts() == 1))
        .count();
    let waiting = all
        .iter()
        .filter(|c| matches!(c, Ok(Claim::InProgress)))
        .count();
    assert_eq!((fresh, waiting), (1, 5));
}

#[tokio::test]
async fn a_repeated_claim_finds_itself() {
    let table = Table::new().await;
    assert_eq!(fresh(&table, "me").await, fresh(&table, "me").await);
}

#[tokio::test]
async fn what_is_recorded_is_not_sent_again() {
    for outcome in [
        sent(),
        Outcome::Sent { provider_id: None },
        Outcome::Refused,
        Outcome::Unknown,
        Outcome::NoContact,
        Outcome::Suppressed,
        Outcome::NoConsent,
        Outcome::MailOff,
        Outcome::Off,
        Outcome::Unusable,
        Outcome::ToTell,
        Outcome::NotReached,
        Outcome::Overtaken,
    ] {
        let table = Table::new().await;
        let lease = fresh(&table, "me").await;
        for _ in 0..2 {
            assert_eq!(
                table.store.record(&lease, &outcome, now()).await.unwrap(),
                Recorded::Recorded
            );
        }
        let claim = table
            .store
            .claim(key(), "you", now() + LEASE * 10, LEASE)
            .await
            .unwrap();
        assert_eq!(claim, Claim::Recorded(outcome));
        assert_eq!(
            table.store.release(&lease).await.unwrap(),
            Recorded::Superseded
        );
    }
}

#[tokio::test]
async fn what_is_passed_over_is_recorded_unless_somebody_tried() {
    let later = now() + LEASE * 2;
    let table = Table::new().await;
    let pass_over = async |outcome, at| {
        let passed = table.store.pass_over(key(), outcome, "you", at, LEASE);
        passed.await.unwrap()
    };
    let lease = fresh(&table, "me").await;
    assert_eq!(pass_over(&Outcome::Off, now()).await, Claim::InProgress);
    assert!(matches!(
        pass_over(&Outcome::Off, later).await,
        Claim::Abandoned(_)
    ));
    assert_eq!(
        table.store.release(&lease).await.unwrap(),
        Recorded::Recorded
    );
    let Claim::Fresh(lease) = pass_over(&Outcome::Off, now()).await else {
        panic!("it was given back");
    };
    let recorded = table.store.record(&lease, &Outcome::Off, now()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    assert_eq!(
        pass_over(&Outcome::NoContact, now()).await,
        Claim::Recorded(Outcome::Off)
    );

    let table = Table::new().await;
    for outcome in [Outcome::NoContact, Outcome::Off] {
        let passed = table
            .store
            .pass_over(key(), &outcome, "me", now(), LEASE)
            .await;
        assert_eq!(passed.unwrap(), Claim::Recorded(Outcome::NoContact));
    }
    let claim = table.store.claim(key(), "you", later, LEASE).await;
    assert_eq!(claim.unwrap(), Claim::Recorded(Outcome::NoContact));
}

#[tokio::test]
async fn what_certainly_failed_is_given_back() {
    let table = Table::new().await;
    let lease = fresh(&table, "me").await;
    for _ in 0..2 {
        assert_eq!(
            table.store.release(&lease).await.unwrap(),
            Recorded::Recorded
        );
    }
    let next = fresh(&table, "you").await;
    assert_eq!(next.attempts(), 2);
    assert_eq!(
        table.store.record(&lease, &sent(), now()).await.unwrap(),
        Recorded::Superseded
    );
    assert_eq!(
        table.store.release(&lease).await.unwrap(),
        Recorded::Superseded
    );
    assert_eq!(
        table.store.record(&next, &sent(), now()).await.unwrap(),
        Recorded::Recorded
    );
}

#[tokio::test]
async fn an_unfinished_attempt_is_abandoned_once_its_lease_is_over() {
    let table = Table::new().await;
    let lease = fresh(&table, "me").await;
    let just_before = now() + LEASE - SignedDuration::from_millis(1);
    assert_eq!(
        table
            .store
            .claim(key(), "you", just_before, LEASE)
            .await
            .unwrap(),
        Claim::InProgress
    );
    for owner in ["you", "me"] {
        let claim = table
            .store
            .claim(key(), owner, now() + LEASE, LEASE)
            .await
            .unwrap();
        assert_eq!(claim, Claim::Abandoned(lease.clone()), "{owner}");
    }
    // The slow one may still finish, as long as nobody took it over.
    assert_eq!(
        table
            .store
            .record(&lease, &sent(), now() + LEASE)
            .await
            .unwrap(),
        Recorded::Recorded
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_takes_an_abandoned_notice_over_and_fences_the_slow_one_off() {
    let table = Table::new().await;
    let slow = fresh(&table, "slow").await;
    let later = now() + LEASE;
    let owners = ["a", "b", "c"];
    let all = join_all(owners.map(|owner| table.store.take_over(&slow, owner, later, LEASE))).await;
    let won: Vec<_> = all
        .iter()
        .filter_map(|claim| match claim {
            Ok(Claim::Fresh(lease)) => Some(lease.clone()),
            _ => None,
        })
        .collect();
    let [lease] = &won[..] else { panic!("{all:?}") };
    assert_eq!(lease.attempts(), 2);
    let winner = owners[all
        .iter()
        .position(|c| matches!(c, Ok(Claim::Fresh(_))))
        .unwrap()];
    // A repeat after a lost answer.
    let again = table
        .store
        .take_over(&slow, winner, later, LEASE)
        .await
        .unwrap();
    assert_eq!(again, Claim::Fresh(lease.clone()));
    assert_eq!(
        table.store.record(&slow, &sent(), later).await.unwrap(),
        Recorded::Superseded
    );
    assert_eq!(
        table.store.record(lease, &sent(), later).await.unwrap(),
        Recorded::Recorded
    );
    assert_eq!(
        table
            .store
            .take_over(&slow, "d", later, LEASE)
            .await
            .unwrap(),
        Claim::Recorded(sent())
    );
}

#[tokio::test]
async fn recording_what_was_erased_creates_nothing() {
    let table = Table::new().await;
    let lease = fresh(&table, "me").await;
    table.remove(&Key::Notice(key())).await;
    assert_eq!(
        table.store.record(&lease, &sent(), now()).await.unwrap(),
        Recorded::Superseded
    );
    assert_eq!(
        table.store.release(&lease).await.unwrap(),
        Recorded::Superseded
    );
    assert_eq!(table.raw(&Key::Notice(key())).await, None);
}
