//! Betas: started before the announcement, drawn by one run at a time, and what testers say.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use resound_domain::id::{ContactId, ImprovementId, IssueId, Lot, ResponseId};
use resound_domain::issue::announcement::{Announcement, Fate, Ledger, Occasion, Words};
use resound_domain::issue::beta::{Beta, Command, Seed, Size, Terms};
use resound_domain::issue::improvement::{self, Improvement, Plan};
use resound_domain::issue::pick::{Candidate, Draw};
use resound_domain::issue::tester::{Tester, Word};
use resound_domain::issue::{Note, Title};
use resound_store::{
    Accepted, AnnouncedKey, Appended, Approach, Buried, Claim, Kept, Key, Opened, StoreError, Tell,
    Told, UnderWay,
};
use serde_json::json;

use crate::support::{DIGEST, Table, hours, now, response_of, staff, t0};

const IMPROVEMENT: ImprovementId = ImprovementId::from_bits(24);
const CONTACT: ContactId = ContactId::from_bits(7);

fn words() -> Words {
    Words {
        zh_cn: Note::new("请安装测试版").unwrap(),
        zh_tw: None,
        en: Note::new("Install the beta").unwrap(),
    }
}

fn shipped() -> Improvement {
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
    let entry = improvement.handle(&ship, staff(), t0()).unwrap().unwrap();
    improvement.apply(&entry);
    improvement
}

/// One that was started just now, and is asking.
async fn asking(table: &Table) -> Beta {
    let terms = Terms {
        size: Size::USUAL,
        seed: Seed::new("lots-1").unwrap(),
        words: words(),
        until: t0() + hours(100),
    };
    let started = Beta::start(&shipped(), None, terms, staff(), t0()).unwrap();
    for expected in [Opened::New, Opened::Exists] {
        let opened = table.store.start_beta(IMPROVEMENT, &started, None).await;
        assert_eq!(opened.unwrap(), expected);
    }
    let before = table.store.beta(IMPROVEMENT).await.unwrap().unwrap();
    commanded(table, &before, Command::Ask).await
}

async fn commanded(table: &Table, before: &Beta, command: Command) -> Beta {
    let entry = before.handle(command, staff(), t0()).unwrap().unwrap();
    let mut after = before.clone();
    after.apply(&entry);
    let step = || table.store.append_to_beta(before, &after, &entry, None);
    assert_eq!(step().await.unwrap(), Appended::Appended);
    assert_eq!(step().await.unwrap(), Appended::Conflict);
    after
}

#[tokio::test]
async fn it_is_open_until_it_is_closed_and_its_log_tells_everything() {
    let table = Table::new().await;
    let asking = asking(&table).await;
    let open = UnderWay {
        betas: vec![IMPROVEMENT],
        announcements: Vec::new(),
    };
    assert_eq!(table.store.under_way().await.unwrap(), open);
    let stopped = commanded(&table, &asking, Command::Stop).await;
    assert_eq!(
        table.store.under_way().await.unwrap(),
        open,
        "it may expire"
    );
    let closed = commanded(&table, &stopped, Command::Close).await;
    let nothing = UnderWay::default();
    assert_eq!(table.store.under_way().await.unwrap(), nothing);
    let history = table.store.beta_history(IMPROVEMENT).await;
    let history = history.unwrap().unwrap();
    let log = history.log.iter().map(|logged| &logged.entry);
    assert_eq!(Beta::replay(IMPROVEMENT, log), Some(closed));
}

#[tokio::test]
async fn of_an_announcement_and_a_beta_started_at_once_one_comes_too_late() {
    let table = Table::new().await;
    let store = &table.store;
    let told = Announcement::start(&shipped(), words(), staff(), t0()).unwrap();
    let beta = asking(&table).await;
    // Whoever started this one has seen no beta.
    let late = store.start_announcement(IMPROVEMENT, &told, None, None);
    assert!(matches!(late.await, Err(StoreError::Unavailable(_))));
    let seen = store.start_announcement(IMPROVEMENT, &told, Some(&beta), None);
    assert_eq!(seen.await.unwrap(), Opened::New);
    let again = store.start_announcement(IMPROVEMENT, &told, Some(&beta), None);
    assert_eq!(again.await.unwrap(), Opened::Exists);

    let table = Table::new().await;
    let opened = table
        .store
        .start_announcement(IMPROVEMENT, &told, None, None);
    assert_eq!(opened.await.unwrap(), Opened::New);
    let terms = beta.terms().clone();
    let started = Beta::start(&shipped(), None, terms, staff(), t0()).unwrap();
    let late = table.store.start_beta(IMPROVEMENT, &started, None).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn of_two_runs_one_draws_on() {
    let table = Table::new().await;
    let store = &table.store;
    assert_eq!(store.draw(IMPROVEMENT).await.unwrap(), None);
    let begun = store.draw_on(IMPROVEMENT, None, Draw::begin()).await;
    let begun = begun.unwrap().unwrap();
    let again = store.draw_on(IMPROVEMENT, None, Draw::begin()).await;
    assert_eq!(again.unwrap().as_ref(), Some(&begun), "a repeat");
    let met = |n: u128| {
        let mut draw = begun.draw.clone();
        let (contact, response) = (ContactId::from_bits(n), ResponseId::from_bits(n));
        let lot = Lot::from_bits(u128::MAX - n);
        let one = Candidate {
            lot,
            contact,
            response,
        };
        draw.sample.add(one, 3);
        draw.after = Some(response);
        draw
    };
    let mine = store.draw_on(IMPROVEMENT, Some(&begun), met(1)).await;
    let mine = mine.unwrap().unwrap();
    let again = store.draw_on(IMPROVEMENT, Some(&begun), met(1)).await;
    assert_eq!(again.unwrap().as_ref(), Some(&mine), "a repeat");
    let theirs = store.draw_on(IMPROVEMENT, Some(&begun), met(2)).await;
    assert_eq!(theirs.unwrap(), None);
    assert_eq!(store.draw(IMPROVEMENT).await.unwrap(), Some(mine));
}

#[tokio::test]
async fn an_invitation_is_no_announcement() {
    let table = Table::new().await;
    let key = |occasion| AnnouncedKey {
        contact: CONTACT,
        improvement: IMPROVEMENT,
        occasion,
    };
    let known = async |occasion, at: Timestamp| {
        let store = &table.store;
        let known = store.approachable(occasion, IMPROVEMENT, &[CONTACT], at);
        known.await.unwrap().known.remove(&CONTACT).unwrap()
    };
    for occasion in Occasion::ALL {
        let seen = known(occasion, now()).await;
        assert_eq!(
            seen.ledger(ResponseId::from_bits(9)),
            Ledger::Open,
            "{occasion:?}"
        );
        let times = (t0(), now());
        let approach = table.store.approach(
            key(occasion),
            (ResponseId::from_bits(9), &seen),
            "run",
            times,
            hours(1),
        );
        let claim = approach.await.unwrap();
        assert!(matches!(claim, Approach::Claim(Claim::Fresh(_))));
        assert_eq!(
            known(occasion, now())
                .await
                .ledger(ResponseId::from_bits(9)),
            Ledger::InProgress
        );
    }
    let contacts = known(Occasion::Announcement, now()).await.contacts;
    assert!(!contacts.allow_one(t0()), "each of them counts");
}

#[tokio::test]
async fn what_a_tester_says_is_kept_once_and_goes_with_the_response() {
    let table = Table::new().await;
    let beta = asking(&table).await;
    let one = response_of(1, json!({"text": "物流太慢", "nps": 3}));
    let accepted = table.store.accept(&one, &DIGEST, None, now()).await;
    assert_eq!(accepted.unwrap(), Accepted::New);
    let response = (one.id, one.received_at);
    let silent = Tester::default();
    let say = |tester: &Tester, word| tester.hear(&beta, word, t0()).unwrap().unwrap();
    let joined = say(&silent, Word::Joined);
    let hear = |seen: Tester, tester: Tester| {
        let store = table.store.clone();
        async move {
            let heard = store.hear_tester(IMPROVEMENT, response, &seen, &tester);
            heard.await.unwrap()
        }
    };
    assert_eq!(hear(silent.clone(), joined.clone()).await, Kept::Kept);
    // At the same moment, by another click.
    let declined = say(&silent, Word::Declined);
    assert_eq!(hear(silent.clone(), declined).await, Kept::Overtaken);
    let fixed = say(&joined, Word::Fixed);
    assert_eq!(hear(joined.clone(), fixed.clone()).await, Kept::Kept);
    let not = say(&joined, Word::NotFixed);
    assert_eq!(hear(joined, not.clone()).await, Kept::Overtaken);
    let testers = table.store.testers(IMPROVEMENT, &[one.id]).await.unwrap();
    assert_eq!(testers.said.get(&one.id), Some(&fixed));
    // What one said cannot be read: that hides nobody else.
    let key = |response| Key::Tester {
        response,
        improvement: IMPROVEMENT,
    };
    let mut item = table.raw(&key(one.id)).await.unwrap();
    let other = ResponseId::from_bits(2);
    let raw = key(other).encode();
    item.insert("PK".to_owned(), AttributeValue::S(raw.pk));
    item.insert("said".to_owned(), AttributeValue::N("2".to_owned()));
    table.plant(item).await;
    let both = [other, one.id];
    let testers = table.store.testers(IMPROVEMENT, &both).await.unwrap();
    assert_eq!(testers.said.keys().collect::<Vec<_>>(), [&one.id]);
    assert!(matches!(&testers.corrupt[..], [StoreError::Corrupt { .. }]));

    let invited = Told {
        response: one.id,
        improvement: IMPROVEMENT,
        occasion: Occasion::Invitation,
        fate: Fate::Sent,
        at: t0(),
    };
    let tell = Tell {
        told: invited,
        seen: None,
        received_at: one.received_at,
    };
    assert_eq!(table.store.tell(&tell).await.unwrap(), Kept::Kept);
    let fates = async || {
        let store = &table.store;
        let these = [one.id];
        let fates = store.fates(Occasion::Invitation, IMPROVEMENT, &these);
        fates.await.unwrap().kept
    };
    assert_eq!(fates().await, [invited]);
    assert_eq!(
        table.store.told(one.id).await.unwrap(),
        [],
        "of what shipped"
    );

    let buried = table.store.bury(one.id, now()).await.unwrap();
    assert_eq!(buried, Buried::Buried);
    assert_eq!(fates().await, []);
    let testers = table.store.testers(IMPROVEMENT, &[one.id]).await.unwrap();
    assert!(testers.said.is_empty());
    assert_eq!(hear(silent, not).await, Kept::Overtaken);
}
