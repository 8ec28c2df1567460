use jiff::civil::{Date, date};
use resound_domain::form::FormId;
use resound_domain::id::ResponseId;
use resound_domain::policy::Audience;
use resound_domain::report::{ComplaintKey, Found, Kind, Numbers, ReportId, WeekInput, Weekly};
use resound_domain::response::Response;
use resound_domain::tally::Tally;
use resound_domain::triage::{Category, Kind as Sort};
use resound_store::{
    Accepted, AddedReport, Claim, Listed, Medium, Outcome, Recipient, Recorded, Report,
    ReportNoticeKey, StoreError,
};

use crate::support::{DIGEST, Table, hours, now, response_of, t0};

fn id(day: Date, survey: &str) -> ReportId {
    ReportId::of_day(Kind::Weekly, day, survey.parse().unwrap()).unwrap()
}

fn edition(id: &ReportId, edition: u32, responses: u64) -> Report {
    let all = Tally {
        responses,
        ..Tally::default()
    };
    let key = ComplaintKey {
        category: Category::Experience,
        touchpoint: Some("物流 #1".to_owned()),
    };
    let mut found = Found::default();
    (0..7).for_each(|n| found.add(ResponseId::from_bits(n)));
    let week = WeekInput {
        all: all.clone(),
        complaints: [(key, found)].into(),
        ..WeekInput::default()
    };
    Report {
        id: id.clone(),
        edition,
        as_of: t0() + hours(edition.into()),
        zone: "Asia/Shanghai".to_owned(),
        basis: all,
        numbers: Numbers::Weekly(Box::new(Weekly::of(&week))),
    }
}

#[tokio::test]
async fn editions_follow_each_other_and_the_last_one_is_the_report() {
    let table = Table::new().await;
    let store = &table.store;
    let of = id(date(2026, 11, 18), "default");
    assert_eq!(store.report(&of).await.unwrap(), None);
    let first = edition(&of, 1, 50);
    for _ in 0..2 {
        // Once more after a lost answer.
        assert_eq!(store.add_report(&first).await.unwrap(), AddedReport::Added);
    }
    let other = edition(&of, 1, 49);
    assert_eq!(store.add_report(&other).await.unwrap(), AddedReport::Exists);
    assert_eq!(store.report(&of).await.unwrap(), Some(first));
    let second = edition(&of, 2, 49);
    assert_eq!(store.add_report(&second).await.unwrap(), AddedReport::Added);
    // To the last digit.
    assert_eq!(store.report(&of).await.unwrap(), Some(second));
    let neighbour = id(date(2026, 11, 18), "default-2");
    assert_eq!(store.report(&neighbour).await.unwrap(), None);
}

#[tokio::test]
async fn a_list_has_the_last_edition_of_each_the_newest_first() {
    let table = Table::new().await;
    let store = &table.store;
    // More than a page.
    for week in 0..12 {
        let day = date(2026, 8, 3) + jiff::Span::new().weeks(week);
        for survey in ["default", "shop"] {
            let of = id(day, survey);
            for number in 1..=2 {
                let added = store.add_report(&edition(&of, number, 9)).await.unwrap();
                assert_eq!(added, AddedReport::Added);
            }
        }
    }
    let notice = notice(id(date(2026, 8, 3), "default"));
    let claimed = store.claim(notice, "a", now(), hours(1)).await.unwrap();
    assert!(matches!(claimed, Claim::Fresh(_)));
    let all = store.reports(Kind::Weekly, None, 100).await.unwrap();
    assert_eq!(all.len(), 24);
    assert!(all.iter().all(|listed| listed.edition == 2));
    let names: Vec<_> = all[..3]
        .iter()
        .map(|listed| listed.id.to_string())
        .collect();
    assert_eq!(
        names,
        [
            "weekly/2026-W43/shop",
            "weekly/2026-W43/default",
            "weekly/2026-W42/shop"
        ]
    );
    let shop: FormId = "shop".parse().unwrap();
    let some = store.reports(Kind::Weekly, Some(&shop), 5).await.unwrap();
    assert_eq!(some.len(), 5);
    let expected = Listed {
        id: id(date(2026, 9, 21), "shop"),
        edition: 2,
        as_of: t0() + hours(2),
    };
    assert_eq!(some[4], expected);
    assert_eq!(store.reports(Kind::Monthly, None, 5).await.unwrap(), []);
}

fn notice(id: ReportId) -> ReportNoticeKey {
    ReportNoticeKey {
        id,
        recipient: Recipient::Staff(Audience::Manager),
        medium: Medium::EMAIL,
    }
}

#[tokio::test]
async fn the_ledger_holds_what_was_told_of_a_report() {
    let table = Table::new().await;
    let store = &table.store;
    let key = notice(id(date(2026, 11, 18), "default"));
    let Claim::Fresh(lease) = store
        .claim(key.clone(), "a", now(), hours(1))
        .await
        .unwrap()
    else {
        panic!("nobody else tells them")
    };
    let other = store
        .claim(key.clone(), "b", now(), hours(1))
        .await
        .unwrap();
    assert_eq!(other, Claim::InProgress);
    let Claim::Abandoned(lost) = store
        .claim(key.clone(), "b", now() + hours(2), hours(1))
        .await
        .unwrap()
    else {
        panic!("the lease is over")
    };
    let again = store
        .take_over(&lost, "b", now() + hours(2), hours(1))
        .await
        .unwrap();
    let Claim::Fresh(taken) = again else {
        panic!("it is theirs now")
    };
    let sent = Outcome::Sent { provider_id: None };
    assert_eq!(
        store.record(&lease, &sent, now()).await.unwrap(),
        Recorded::Superseded
    );
    assert_eq!(
        store.record(&taken, &sent, now()).await.unwrap(),
        Recorded::Recorded
    );
    let later = store
        .claim(key, "c", now() + hours(9), hours(1))
        .await
        .unwrap();
    assert_eq!(later, Claim::Recorded(sent));
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_listed_by_that_version() {
    let table = Table::new().await;
    let store = &table.store;
    let of = id(date(2026, 11, 18), "default");
    let mut newer = edition(&of, 1, 50);
    assert_eq!(store.add_report(&newer).await.unwrap(), AddedReport::Added);
    // A month in the place of a week is what no version writes.
    let month = resound_domain::report::MonthInput::default();
    newer.numbers = Numbers::Monthly(Box::new(resound_domain::report::Monthly::of(&month)));
    newer.edition = 2;
    assert_eq!(store.add_report(&newer).await.unwrap(), AddedReport::Added);
    let error = store.report(&of).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn complaints_are_handed_over_with_what_triage_made_of_them() {
    let table = Table::new().await;
    let store = &table.store;
    let plain = response_of(1, serde_json::json!({"text": "The parcel is late."}));
    for n in 1..=9u128 {
        let mut response = Response {
            id: ResponseId::from_bits(n),
            ..plain.clone()
        };
        let complains = n % 3 == 0;
        response.triage.kind = if complains {
            Sort::Complaint
        } else {
            Sort::Praise
        };
        let accepted = store.accept(&response, &DIGEST, None, now()).await;
        assert_eq!(accepted.unwrap(), Accepted::New);
    }
    let _buried = store.bury(ResponseId::from_bits(6), t0()).await.unwrap();
    let day = plain.day;
    let mut found = Vec::new();
    let survey = FormId::default_form();
    let corrupt = store
        .complaints(&survey, (day, day), |response| found.push(response.id))
        .await
        .unwrap();
    assert!(corrupt.is_empty());
    found.sort();
    assert_eq!(found, [3, 9].map(ResponseId::from_bits));
}
