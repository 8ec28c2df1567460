//! Groups of alerts against the real table: what is in one is in no other, and nothing joins what is being sent.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::{join, join_all};
use jiff::{SignedDuration, Timestamp};
use resound_domain::id::{CaseId, ResponseId};
use resound_domain::policy::Audience;
use resound_store::groups::CAPACITY;
use resound_store::{
    Claim, GroupClaim, GroupKey, GroupLease, Joined, Joining, Key, Line, Medium, NoticeKey,
    NoticeStatus, Outcome, Recipient, Recorded,
};

use crate::support::{Table, now};

const LEASE: SignedDuration = SignedDuration::from_secs(30);
const OWNER: Recipient = Recipient::Staff(Audience::Owner);
const MAIL: Line = line(Medium::EMAIL);
const HOOK: Line = line(Medium::WEBHOOK);
const SEQ: u32 = 2;

const fn line(medium: Medium) -> Line {
    Line {
        audience: Audience::Owner,
        medium,
        one: None,
    }
}

const fn group(line: Line, number: u32) -> GroupKey {
    GroupKey { line, number }
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn case(n: u128) -> CaseId {
    ResponseId::from_bits(n).case()
}

fn ways(lines: &[Line], due_at: Timestamp) -> Vec<Joining> {
    let way = |line: &Line| Joining {
        line: *line,
        to: None,
        due_at,
    };
    lines.iter().map(way).collect()
}

/// Joins the line of letters; what has to be sent when, as far as that is news.
async fn joined(table: &Table, n: u128, due_at: Timestamp) -> Vec<(GroupKey, Timestamp)> {
    let ways = ways(&[MAIL], due_at);
    match table.store.join(case(n), SEQ, &ways, now()).await.unwrap() {
        Joined::Joined(news) => news,
        Joined::Present => panic!("it is there already"),
    }
}

async fn claimed(table: &Table, key: GroupKey, at: Timestamp) -> GroupLease {
    match table.store.claim_group(key, "me", at, LEASE).await.unwrap() {
        GroupClaim::Claimed(lease) => lease,
        other => panic!("{other:?}"),
    }
}

async fn members(table: &Table, key: GroupKey) -> BTreeSet<CaseId> {
    let members = table.store.members(key).await.unwrap();
    members
        .into_iter()
        .map(|(case, seq)| {
            assert_eq!(seq, SEQ);
            case
        })
        .collect()
}

async fn attribute(table: &Table, key: GroupKey, name: &str) -> Option<AttributeValue> {
    table.raw(&Key::Group(key)).await.unwrap().remove(name)
}

async fn count(table: &Table, key: GroupKey) -> usize {
    let count = attribute(table, key, "count").await.unwrap();
    count.as_n().unwrap().parse().unwrap()
}

fn sent() -> Outcome {
    Outcome::Sent {
        provider_id: Some("0100-abc".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_joins_at_once_is_in_one_group_of_each_line() {
    let table = Table::new().await;
    let ways = ways(&[MAIL, HOOK], after(60));
    // Each of them twice: a message may be handed out twice at once.
    let all = (0..12).map(|n| table.store.join(case(n / 2), SEQ, &ways, now()));
    let all = join_all(all).await;
    let is_new = |joined: &Joined| matches!(joined, Joined::Joined(_));
    let done: Vec<Joined> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(done.iter().filter(|joined| is_new(joined)).count(), 6);
    let news: Vec<_> = done
        .into_iter()
        .filter_map(|joined| match joined {
            Joined::Joined(news) => Some(news),
            Joined::Present => None,
        })
        .flatten()
        .collect();
    let begun = [group(MAIL, 1), group(HOOK, 1)].map(|key| (key, after(60)));
    assert_eq!(news, begun, "each is announced once");
    for key in [group(MAIL, 1), group(HOOK, 1)] {
        assert_eq!(members(&table, key).await, (0..6).map(case).collect());
        assert_eq!(count(&table, key).await, 6);
    }
}

/// Clocks of machines differ: one finds the time come, others still join.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_joins_while_a_group_is_sealed_is_in_it_or_in_the_next() {
    for round in 0..10 {
        let table = Table::new().await;
        let (first, next) = (group(MAIL, 1), group(MAIL, 2));
        joined(&table, 0, after(60)).await;
        let ways = ways(&[MAIL], after(60));
        let joining = join_all((1..9).map(|n| table.store.join(case(n), SEQ, &ways, after(59))));
        let sealing = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            claimed(&table, first, after(60)).await;
            members(&table, first).await
        };
        let (joined, sealed) = join(joining, sealing).await;
        for one in joined {
            assert!(matches!(one.unwrap(), Joined::Joined(_)));
        }
        assert_eq!(members(&table, first).await, sealed, "fixed when sealed");
        assert_eq!(count(&table, first).await, sealed.len());
        let late = members(&table, next).await;
        assert!(late.is_disjoint(&sealed));
        assert_eq!(late.len() + sealed.len(), 9, "nothing is lost");
    }
}

#[tokio::test]
async fn a_full_group_is_followed_by_another() {
    let table = Table::new().await;
    let (first, next) = (group(MAIL, 1), group(MAIL, 2));
    joined(&table, 0, after(60)).await;
    let mut item = table.raw(&Key::Group(first)).await.unwrap();
    let almost = AttributeValue::N((CAPACITY - 1).to_string());
    item.insert("count".to_owned(), almost);
    table.plant(item).await;
    assert_eq!(joined(&table, 1, after(60)).await, []);
    assert_eq!(joined(&table, 2, after(70)).await, [(next, after(70))]);
    assert_eq!(joined(&table, 3, after(70)).await, []);
    assert_eq!(members(&table, first).await, [0, 1].map(case).into());
    assert_eq!(members(&table, next).await, [2, 3].map(case).into());
}

#[tokio::test]
async fn numbers_never_run_out_of_order() {
    let table = Table::new().await;
    joined(&table, 0, after(60)).await;
    let mut item = table.raw(&Key::Group(group(MAIL, 1))).await.unwrap();
    for number in [9, 10, 999_999, 1_000_000, 99_999_999] {
        let raw = Key::Group(group(MAIL, number)).encode();
        item.insert("SK".to_owned(), AttributeValue::S(raw.sk));
        item.insert("status".to_owned(), AttributeValue::S("recorded".into()));
        table.plant(item.clone()).await;
        let next = group(MAIL, number + 1);
        let n = number.into();
        assert_eq!(joined(&table, n, after(60)).await, [(next, after(60))]);
        assert_eq!(joined(&table, n + 1000, after(60)).await, []);
    }
}

#[tokio::test]
async fn the_most_urgent_decides_when() {
    let table = Table::new().await;
    let key = group(MAIL, 1);
    assert_eq!(joined(&table, 0, after(3600)).await, [(key, after(3600))]);
    assert_eq!(joined(&table, 1, after(5)).await, [(key, after(5))]);
    assert_eq!(joined(&table, 2, after(60)).await, []);
    let claim = |at| table.store.claim_group(key, "me", at, LEASE);
    assert_eq!(
        claim(after(4)).await.unwrap(),
        GroupClaim::Early(after(5)),
        "others may still join"
    );
    claimed(&table, key, after(5)).await;
    assert_eq!(members(&table, key).await.len(), 3);
}

#[tokio::test]
async fn one_sends_at_a_time_and_each_attempt_tells_of_the_same() {
    let table = Table::new().await;
    let key = group(MAIL, 1);
    let claim = |holder: &'static str, at| table.store.claim_group(key, holder, at, LEASE);
    assert_eq!(claim("a", now()).await.unwrap(), GroupClaim::Missing);
    joined(&table, 0, after(60)).await;
    let first = claimed(&table, key, after(60)).await;
    assert_eq!((first.sealed_at, first.attempts), (after(60), 1));
    assert_eq!(claim("b", after(89)).await.unwrap(), GroupClaim::InProgress);

    // Its lease is over: it is sent again, and who was late says nothing any more.
    let second = claimed(&table, key, after(90)).await;
    assert_eq!((second.sealed_at, second.attempts), (after(60), 2));
    let refused = Outcome::Refused;
    let late = table.store.record_group(&first, &refused).await;
    assert_eq!(late.unwrap(), Recorded::Superseded);
    let late = table.store.postpone_group(&first, after(500)).await;
    assert_eq!(late.unwrap(), Recorded::Superseded);

    // Given back until later; nobody joins it meanwhile.
    let given = table.store.postpone_group(&second, after(390)).await;
    assert_eq!(given.unwrap(), Recorded::Recorded);
    assert_eq!(
        claim("b", after(389)).await.unwrap(),
        GroupClaim::Early(after(390))
    );
    let next = group(MAIL, 2);
    assert_eq!(joined(&table, 1, after(160)).await, [(next, after(160))]);
    let third = claimed(&table, key, after(390)).await;
    assert_eq!((third.sealed_at, third.attempts), (after(60), 3));
    assert_eq!(members(&table, key).await, [case(0)].into());
    let recorded = table.store.record_group(&third, &sent()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    let over = GroupClaim::Recorded(sent(), 3);
    assert_eq!(claim("b", after(391)).await.unwrap(), over);
    assert_eq!(claim("c", after(9999)).await.unwrap(), over);
}

#[tokio::test]
async fn what_is_recorded_with_an_alert_is_not_overruled() {
    let table = Table::new().await;
    let key = |n| NoticeKey {
        case: case(n),
        cause: SEQ,
        recipient: OWNER,
        medium: Medium::EMAIL,
    };
    for n in 0..2 {
        joined(&table, n, after(60)).await;
    }
    // A version that knows no groups finds an attempt that nobody finished, and makes its own.
    let claim = |at| table.store.claim(key(1), "old", at, LEASE);
    assert_eq!(claim(after(59)).await.unwrap(), Claim::InProgress);
    let Claim::Abandoned(abandoned) = claim(after(60)).await.unwrap() else {
        panic!("the group is due")
    };
    let taken = table
        .store
        .take_over(&abandoned, "old", after(60), LEASE)
        .await;
    let Claim::Fresh(lease) = taken.unwrap() else {
        panic!("nobody else took it over")
    };
    let told = sent();
    for n in [0, 1, 0] {
        let record = table.store.record_member(key(n), &told, 3, after(61));
        record.await.unwrap();
    }
    let record = table.store.record(&lease, &Outcome::Refused, after(62));
    assert_eq!(record.await.unwrap(), Recorded::Recorded);
    for (n, outcome, attempts) in [(0, sent(), 3), (1, Outcome::Refused, 2)] {
        let [notice] =
            <[_; 1]>::try_from(table.store.notices_of(case(n), SEQ, OWNER).await.unwrap()).unwrap();
        assert_eq!(
            (notice.attempts, notice.group),
            (attempts, Some(group(MAIL, 1)))
        );
        assert!(matches!(notice.status, NoticeStatus::Recorded { outcome: o, .. } if o == outcome));
    }
}

/// The client asks again where an answer is lost, and finds what it wrote itself.
#[tokio::test]
async fn a_lost_answer_is_no_other_attempt() {
    let table = Table::new().await;
    let key = group(MAIL, 1);
    table.lose_answer_of("TransactWriteItems");
    let ways = ways(&[MAIL, HOOK], after(60));
    let joined = table.store.join(case(0), SEQ, &ways, now()).await;
    let begun = [key, group(HOOK, 1)].map(|key| (key, after(60)));
    assert_eq!(joined.unwrap(), Joined::Joined(begun.into()));
    for key in [key, group(HOOK, 1)] {
        assert_eq!(members(&table, key).await, [case(0)].into());
        assert_eq!(count(&table, key).await, 1);
    }
    table.lose_answer_of("UpdateItem");
    let lease = claimed(&table, key, after(60)).await;
    assert_eq!(lease.attempts, 1);
    table.lose_answer_of("UpdateItem");
    let postponed = table.store.postpone_group(&lease, after(60)).await;
    assert_eq!(postponed.unwrap(), Recorded::Recorded);
    let lease = claimed(&table, key, after(60)).await;
    table.lose_answer_of("UpdateItem");
    let recorded = table.store.record_group(&lease, &sent()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    assert_eq!(table.lost(), 4);
}
