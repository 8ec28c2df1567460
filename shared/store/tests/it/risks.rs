use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use resound_domain::case::{Case, Command, State};
use resound_domain::form::FormId;
use resound_domain::id::{CaseId, ResponseId, SubjectId};
use resound_domain::risk::{Mark, Rule, Surge, Task};
use resound_store::{HeardBy, Key, Raise, Raised, Remark, Spoken, StoreError, Watch};
use serde_json::json;

use crate::support::{DIGEST, Table, book, hours, now, response_of, t0};

const DAY: Date = date(2026, 11, 21);
const SUBJECT: SubjectId = SubjectId::from_bits(9);

fn survey() -> FormId {
    FormId::default_form()
}

fn anomaly(day: Date) -> Task {
    Task::Anomaly(Surge {
        survey: survey(),
        product: "锅".to_owned(),
        day,
        complaints: vec![5, 7, 9, 12],
        evidence: Vec::new(),
    })
}

async fn raise(table: &Table, bits: u128, day: Date, seen: Option<Spoken>) -> Raised {
    let opened = Case::open_task(CaseId::from_bits(bits), t0(), anomaly(day), &book());
    let case = Case::begin(&opened).unwrap();
    let raise = Raise {
        case: &case,
        opened: &opened,
        subject: SUBJECT,
        mark: Mark::Day(day),
        seen,
    };
    table.store.raise(&raise, now()).await.unwrap()
}

async fn seen(table: &Table) -> Option<Spoken> {
    let marks = table.store.marks(SUBJECT).await.unwrap();
    marks.get(&Rule::Anomaly).copied()
}

async fn remarks(table: &Table, by: HeardBy, hours_from: i64, hours_to: i64) -> Vec<Remark> {
    let range = (t0() + hours(hours_from), t0() + hours(hours_to));
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = table.store.remarks(&survey(), DAY, range, by, after).await;
        let page = page.unwrap();
        assert!(page.corrupt.is_empty(), "{:?}", page.corrupt);
        found.extend(page.remarks);
        after = page.next;
        if after.is_none() {
            found.sort_by_key(|remark| remark.response);
            return found;
        }
    }
}

#[tokio::test]
async fn a_task_is_opened_once_and_moves_its_mark() {
    let table = Table::new().await;
    assert_eq!(seen(&table).await, None);
    let raised = raise(&table, 1, DAY, None).await;
    let first = seen(&table).await;
    assert_eq!(first.map(|spoken| spoken.mark), Some(Mark::Day(DAY)));
    assert_eq!(raised, Raised::Raised(first.unwrap()));

    // The same again, after a lost answer; and by somebody who looked before it was opened.
    assert_eq!(raise(&table, 1, DAY, None).await, Raised::Lost);
    assert_eq!(raise(&table, 2, DAY, None).await, Raised::Lost);
    assert_eq!(table.store.case(CaseId::from_bits(2)).await.unwrap(), None);

    let later = date(2026, 11, 28);
    let again = raise(&table, 3, later, first).await;
    assert!(matches!(again, Raised::Raised(_)));
    assert_eq!(raise(&table, 4, later, first).await, Raised::Lost);
    let second = seen(&table).await;
    assert_eq!(second.map(|spoken| spoken.mark), Some(Mark::Day(later)));

    let event = table.store.event(CaseId::from_bits(1), 1).await.unwrap();
    let event = event.unwrap();
    assert!(
        event.repair.is_some() && !event.open.is_empty(),
        "staff are to be told"
    );
    let case = table
        .store
        .case(CaseId::from_bits(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(case.task(), Some(&anomaly(DAY)));
}

#[tokio::test]
async fn what_is_no_task_is_not_raised() {
    let table = Table::new().await;
    let (case, event) = crate::support::case(&crate::support::response(1), Rule::Crisis.priority());
    let raise = Raise {
        case: &case,
        opened: &event,
        subject: SUBJECT,
        mark: Mark::Day(DAY),
        seen: None,
    };
    let refused = table.store.raise(&raise, now()).await;
    assert!(
        matches!(refused, Err(StoreError::Rejected(_))),
        "{refused:?}"
    );
}

/// A version that knows the first form of cases only must not let anybody write to a customer who is not there.
#[tokio::test]
async fn an_older_version_leaves_a_task_alone() {
    let table = Table::new().await;
    let _raised = raise(&table, 1, DAY, None).await;
    let form = async |key: Key| {
        let item = table.raw(&key).await.unwrap();
        item["v"].as_n().unwrap().clone()
    };
    let id = CaseId::from_bits(1);
    assert_eq!(form(Key::Case(id)).await, "2");
    assert_eq!(form(Key::Event { case: id, seq: 1 }).await, "1");
    // Working it does not make it readable to that version, and it stays listed and due like any case.
    let case = table.store.case(id).await.unwrap().unwrap();
    let worked = table.commanded(&case, Command::Acknowledge).await;
    assert_eq!(worked.state(), State::Acknowledged);
    assert_eq!(form(Key::Case(id)).await, "2");
    let listed = table
        .store
        .cases(&Default::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(listed.cases, [worked]);
}

#[tokio::test]
async fn remarks_are_found_by_when_they_came_and_whose_they_are() {
    let table = Table::new().await;
    let bodies = [
        json!({"text": "物流太慢，太差了", "customer_id": "c-1"}),
        json!({"text": "太好用了", "nps": 10, "customer_id": "c-2"}),
        json!({"nps": 6, "product": "锅"}),
        json!({"csat": 2, "customer_id": "c-3", "product": "锅"}),
        json!({"nps": 9}),
    ];
    for (bits, body) in bodies.into_iter().enumerate() {
        let mut response = response_of(bits as u128, body);
        response.received_at = t0() + hours(bits as i64);
        let _new = table
            .store
            .accept(&response, &DIGEST, None, now())
            .await
            .unwrap();
    }
    let marks = |remarks: &[Remark]| -> Vec<(u128, bool, bool)> {
        let marks = remarks
            .iter()
            .map(|r| (r.response.bits(), r.negative, r.complaint));
        marks.collect()
    };
    let customers = remarks(&table, HeardBy::Customer, 0, 9).await;
    assert_eq!(
        marks(&customers),
        [(0, true, true), (1, false, false), (3, true, true)]
    );
    assert_eq!(customers[0].customer.as_deref(), Some("c-1"));
    let products = remarks(&table, HeardBy::Product, 0, 9).await;
    assert_eq!(marks(&products), [(2, true, true), (3, true, true)]);
    // Neither end is counted twice: the last instant belongs to the next range.
    let ids = |remarks: Vec<Remark>| -> BTreeSet<u128> {
        remarks.iter().map(|r| r.response.bits()).collect()
    };
    let (early, late) = (
        remarks(&table, HeardBy::Customer, 0, 1).await,
        remarks(&table, HeardBy::Customer, 1, 9).await,
    );
    assert_eq!(ids(early), BTreeSet::from([0]));
    assert_eq!(ids(late), BTreeSet::from([1, 3]));
    assert_eq!(remarks(&table, HeardBy::Customer, 3, 3).await, []);
}

#[tokio::test]
async fn what_was_written_before_is_known_by_its_scores() {
    let table = Table::new().await;
    let bodies = [
        json!({"text": "太差了", "customer_id": "c"}),
        json!({"nps": 3, "customer_id": "c"}),
    ];
    for (bits, body) in bodies.into_iter().enumerate() {
        let response = response_of(bits as u128, body);
        let _new = table
            .store
            .accept(&response, &DIGEST, None, now())
            .await
            .unwrap();
        let mut item = table.raw(&Key::Response(response.id)).await.unwrap();
        item.remove("kind");
        item.remove("sentiment");
        table.plant(item).await;
    }
    let found = remarks(&table, HeardBy::Customer, 0, 1).await;
    let found: Vec<_> = found.iter().map(|r| (r.negative, r.complaint)).collect();
    assert_eq!(found, [(false, false), (true, true)]);
}

#[tokio::test]
async fn the_newest_responses_of_a_customer_are_read_and_erased_ones_are_not() {
    let table = Table::new().await;
    for bits in 0..6u128 {
        let mut response = response_of(bits, json!({"nps": 1, "customer_id": "c"}));
        response.received_at = t0() + hours(bits as i64);
        let _new = table
            .store
            .accept(&response, &DIGEST, None, now())
            .await
            .unwrap();
    }
    let other = response_of(9, json!({"nps": 1, "customer_id": "d"}));
    let _new = table
        .store
        .accept(&other, &DIGEST, None, now())
        .await
        .unwrap();
    let _buried = table
        .store
        .bury(ResponseId::from_bits(4), now())
        .await
        .unwrap();
    let of = async |since: i64, limit: usize| -> BTreeSet<u128> {
        let heard = table
            .store
            .responses_of("c", t0() + hours(since), limit)
            .await;
        let heard = heard.unwrap();
        assert!(heard.corrupt.is_empty());
        heard.responses.iter().map(|r| r.id.bits()).collect()
    };
    assert_eq!(of(0, 100).await, BTreeSet::from([0, 1, 2, 3, 5]));
    assert_eq!(of(2, 100).await, BTreeSet::from([2, 3, 5]));
    assert_eq!(of(0, 3).await, BTreeSet::from([2, 3, 5]));
}

#[tokio::test]
async fn the_watch_goes_forward_only() {
    let table = Table::new().await;
    assert_eq!(
        table.store.watch(&survey()).await.unwrap(),
        Watch::default()
    );
    let to = |hour: i64| Watch {
        heard_to: Some(t0() + hours(hour)),
        ..Watch::default()
    };
    table.store.watched(&survey(), to(2)).await.unwrap();
    table.store.watched(&survey(), to(1)).await.unwrap();
    assert_eq!(table.store.watch(&survey()).await.unwrap(), to(2));
    let judged = Watch {
        judged_to: Some(DAY),
        ..Watch::default()
    };
    table.store.watched(&survey(), judged).await.unwrap();
    let both = Watch {
        judged_to: Some(DAY),
        ..to(2)
    };
    assert_eq!(table.store.watch(&survey()).await.unwrap(), both);
}
