//! What a change would do to the open cases.

use jiff::{SignedDuration, Timestamp};
use resound_domain::case::{Case, Command};
use resound_domain::policy::Priority;
use resound_store::{Appended, ConfigKind, Editions, Rules};
use resound_testing::cases::{book, calendars};
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{Office, Request, after, office_until, warning_at};

/// The built-in policy with another target for the resolution of P2.
fn resolved_in(duration: &str) -> Value {
    let mut policy = warning_at(75);
    policy["targets"]["P2"]["resolution"]["duration"] = duration.into();
    policy
}

async fn run(office: &Office, request: Request, query: &str) -> Value {
    let request = request.query(&format!("dry_run=true{query}"));
    office.send(request).await.expect(200).body
}

fn policy(document: &Value) -> Request {
    Request::new("PUT /v1/policy").json(document)
}

/// Clock, what it was, and what it becomes, of every case by its id.
fn moves(run: &Value) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let cases = run["cases"].as_array().unwrap().iter();
    cases
        .flat_map(|case| {
            let moves = case["moves"].as_array().unwrap().iter();
            moves.map(|moved| {
                let [clock, was, becomes] =
                    ["clock", "was", "becomes"].map(|name| text(&moved[name]));
                (text(&case["id"]), clock, was, becomes)
            })
        })
        .collect()
}

#[tokio::test]
async fn deadlines_that_would_move_are_listed_and_nothing_is_written() {
    let office = Office::new().await;
    let urgent = office.aws.opened(1, Priority::P2).await;
    office.aws.opened(2, Priority::P3).await;
    let waiting = office.aws.opened(3, Priority::P2).await;
    let waiting = office
        .aws
        .commanded(&waiting, Command::AwaitCustomer { message: true }, after(1))
        .await;
    let done = office.aws.opened(4, Priority::P2).await;
    office
        .aws
        .commanded(&done, Command::Resolve, after(1))
        .await;

    let told = run(&office, policy(&resolved_in("PT10H")), "").await;
    assert_eq!(
        (&told["version"], &told["active_from"]),
        (&json!(1), &json!(after(2)))
    );
    assert_eq!(
        (&told["looked_at"], &told["moved"], &told["next"]),
        (&json!(3), &json!(1), &Value::Null)
    );
    let expected = (
        urgent.id().to_string(),
        "resolution".to_owned(),
        after(48 * 60).to_string(),
        after(10 * 60).to_string(),
    );
    assert_eq!(moves(&told), [expected]);
    assert_eq!(told["cases"][0]["priority"], "P2");
    assert_eq!(told["cases"][0]["reference"], urgent.reference());
    // A clock that waits has no deadline to move.
    assert!(waiting.clocks().resolution.due().is_none());
    let none: Editions<Value> = office.aws.store.editions(ConfigKind::Policy).await.unwrap();
    assert_eq!(none.last, 0);
    // What holds already moves nothing.
    let told = run(&office, policy(&warning_at(75)), "").await;
    assert_eq!(
        (&told["unchanged"], &told["looked_at"]),
        (&json!(true), &json!(0))
    );
}

#[tokio::test]
async fn the_deadline_of_who_is_to_tell_a_customer_is_told_too() {
    let office = Office::new().await;
    let case = office.aws.opened(1, Priority::P2).await;
    let case = office.aws.commanded(&case, Command::Reply, after(1)).await;
    let asked = case.ask(2, after(1), &book());
    let mut untold = case.clone();
    asked.iter().for_each(|event| untold.apply(event));
    let store = &office.aws.store;
    let appended = store.append(&case, &untold, &asked, None, None, start());
    assert_eq!(appended.await.unwrap(), Appended::Appended);

    let mut sooner = warning_at(75);
    sooner["targets"]["P2"]["tell"] = json!({"duration": "PT4H", "calendar": "around_the_clock"});
    let told = run(&office, policy(&sooner), "").await;
    let [was, becomes] = [24, 4].map(|hours| after(1 + hours * 60).to_string());
    let expected = (case.id().to_string(), "tell".to_owned(), was, becomes);
    assert_eq!(moves(&told), [expected]);
}

#[tokio::test]
async fn a_task_is_called_as_everywhere() {
    let office = Office::new().await;
    let task = office.aws.raised(7).await;
    let mut sooner = resolved_in("PT10H");
    sooner["targets"]["P1"]["resolution"]["duration"] = "PT10H".into();
    let told = run(&office, policy(&sooner), "").await;
    assert_eq!(told["cases"][0]["reference"], task.reference());
    assert!(task.reference().starts_with("T-"));
}

#[tokio::test]
async fn what_was_told_is_what_happens() {
    let office = Office::new().await;
    for bits in 1..=3 {
        office.aws.opened(bits, Priority::P4).await;
    }
    let mut shorter = office_until("12:00");
    shorter["active_from"] = json!(after(300));
    let put = Request::calendar("PUT /v1/calendars/{name}", "business").json(&shorter);
    let told = run(&office, put.clone(), "").await;
    let told = moves(&told);
    assert_eq!(
        told.len(),
        6,
        "both business clocks of three cases: {told:?}"
    );
    office.send(put).await.expect(201);

    let rules = Rules::new(office.aws.store.clone(), calendars(), Vec::new());
    let book = rules.book(start()).await.unwrap();
    let listed = office
        .aws
        .store
        .cases(&resound_store::CaseFilter::default(), None, 100)
        .await;
    let mut found = Vec::new();
    for case in listed.unwrap().cases {
        let mut now: Case = case.clone();
        for event in case.expire(after(300), &book) {
            now.apply(&event);
        }
        let due = |case: &Case| {
            [
                case.clocks().first_response.due(),
                case.clocks().resolution.due(),
            ]
        };
        let text = |at: Option<Timestamp>| at.unwrap().to_string();
        let clocks = ["first_response", "resolution"].into_iter();
        for (clock, (was, becomes)) in clocks.zip(due(&case).into_iter().zip(due(&now))) {
            found.push((
                case.id().to_string(),
                clock.to_owned(),
                text(was),
                text(becomes),
            ));
        }
    }
    assert_eq!(told, found);
}

#[tokio::test]
async fn only_what_this_change_moves_is_told() {
    let office = Office::new().await;
    office.aws.opened(1, Priority::P2).await;
    let mut coming = resolved_in("PT20H");
    coming["active_from"] = json!(after(60));
    office.send(policy(&coming)).await.expect(201);
    // After that one, a deadline is compared with what it will be by then.
    let mut later = resolved_in("PT10H");
    later["active_from"] = json!(after(120));
    let told = run(&office, policy(&later), "").await;
    let [(_, _, was, becomes)] = moves(&told).try_into().unwrap();
    assert_eq!(
        [was, becomes],
        [after(20 * 60), after(10 * 60)].map(|at| at.to_string())
    );
    // Before it, what is to come is withdrawn, and the deadline never moves.
    let told = run(&office, policy(&warning_at(75)), "").await;
    assert_eq!(moves(&told), []);
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let office = Office::new().await;
    for bits in 1..=23 {
        let priority = if bits % 2 == 0 {
            Priority::P2
        } else {
            Priority::P1
        };
        office.aws.opened(bits, priority).await;
    }
    let (mut seen, mut looked_at, mut cursor) = (Vec::new(), 0, String::new());
    for page in 0.. {
        assert!(page < 20, "it does not end");
        let told = run(
            &office,
            policy(&resolved_in("PT10H")),
            &format!("&limit=4{cursor}"),
        )
        .await;
        assert_eq!(told["moved"], told["cases"].as_array().unwrap().len());
        looked_at += told["looked_at"].as_u64().unwrap();
        seen.extend(moves(&told).into_iter().map(|(id, ..)| id));
        let Some(next) = told["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), looked_at), (11, 23));
}

#[tokio::test]
async fn a_dry_run_is_refused_as_the_real_one_would_be() {
    let office = Office::new().await;
    let request = policy(&resolved_in("soon")).query("dry_run=true");
    office.send(request).await.expect(422);
    let request = policy(&resolved_in("PT10H")).query("dry_run=true");
    office
        .send(request.clone().header("if-match", "\"7\""))
        .await
        .expect(412);
    let mut past = resolved_in("PT10H");
    past["active_from"] = json!(start() - SignedDuration::from_hours(1));
    office
        .send(policy(&past).query("dry_run=true"))
        .await
        .expect(422);
    let agent = request.scopes("resound/cases.read resound/cases.write");
    office.send(agent).await.expect(403);
}
