//! Letters that are sent to try out how they look.

use jiff::SignedDuration;
use resound_domain::id::SubjectId;
use resound_store::{Digest, Trial, TrialStatus, Trying};

use crate::support::{Table, t0};

const DIGEST: Digest = Digest([7; 32]);

#[tokio::test]
async fn one_is_sent_once_and_what_came_of_it_stays() {
    let table = Table::new().await;
    let store = &table.store;
    let id = SubjectId::from_bits(1);
    let begin = || store.begin_trial(id, DIGEST, t0());
    assert_eq!(begin().await.unwrap(), Trying::Ours);
    let begun = |status| {
        let (digest, at) = (DIGEST, t0());
        Trying::Begun(Trial { digest, at, status })
    };
    assert_eq!(begin().await.unwrap(), begun(TrialStatus::Unknown));
    for status in [TrialStatus::Sent, TrialStatus::NotSent] {
        store.end_trial(id, status).await.unwrap();
        assert_eq!(begin().await.unwrap(), begun(TrialStatus::Sent));
    }
    // What was never begun is not made by ending it.
    let other = SubjectId::from_bits(2);
    store.end_trial(other, TrialStatus::Sent).await.unwrap();
    let begun = store.begin_trial(other, DIGEST, t0()).await;
    assert_eq!(begun.unwrap(), Trying::Ours);
}

#[tokio::test]
async fn an_hour_has_so_many_and_repeats_are_none() {
    let table = Table::new().await;
    let store = &table.store;
    let begin = |n, hours| {
        let at = t0() + SignedDuration::from_hours(hours);
        store.begin_trial(SubjectId::from_bits(n), DIGEST, at)
    };
    for n in 0..20 {
        for again in [false, true] {
            let ours = begin(n, 0).await.unwrap() == Trying::Ours;
            assert_eq!(ours, !again, "{n}");
        }
    }
    assert_eq!(begin(20, 0).await.unwrap(), Trying::TooMany);
    assert_eq!(begin(20, 1).await.unwrap(), Trying::Ours);
    assert_eq!(begin(21, 0).await.unwrap(), Trying::TooMany);
}
