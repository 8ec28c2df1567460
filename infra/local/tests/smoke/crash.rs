//! Killed at any moment, it goes on where it was: nothing acknowledged is lost, nobody is told twice.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::system::{Folder, Receipt, System, killed_while_starting};
use crate::webhook::Receiver;

fn post(system: &System, n: usize) -> std::io::Result<Receipt> {
    let ask = system
        .post("/v1/feedback")
        .header("Idempotency-Key", &format!("burst-number-{n:05}"));
    let body = json!({"text": format!("Number {n} broke."), "nps": 1, "contact": {"email": format!("c{n}@example.com")}});
    Ok(Receipt(ask.json(&body).try_send()?.expect(201).json()))
}

#[test]
fn a_first_start_may_be_killed_at_any_moment() {
    for step in 1..=12 {
        let folder = Folder::new();
        killed_while_starting(&folder, Duration::from_millis(20 * step));
        killed_while_starting(&folder, Duration::from_millis(40));
        let system = System::start(&folder, &[]);
        post(&system, 1).unwrap();
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    const POSTS: usize = 120;
    let folder = Folder::new();
    let mut acknowledged: Vec<Option<Receipt>> = vec![None; POSTS];
    // Three lives: killed early and late in the burst, and the last one ends it.
    for kill_after in [5, 60, usize::MAX] {
        let system = System::start(&folder, &[]);
        let taken = Mutex::new(Vec::new());
        let left: Vec<usize> = (0..POSTS).filter(|n| acknowledged[*n].is_none()).collect();
        let next = Mutex::new(left.iter().copied());
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    loop {
                        let Some(n) = next.lock().unwrap().next() else {
                            return;
                        };
                        match post(&system, n) {
                            Ok(receipt) => taken.lock().unwrap().push((n, receipt)),
                            // It was killed.
                            Err(_) if kill_after < POSTS => return,
                            Err(fault) => panic!("{n}: {fault}"),
                        }
                    }
                });
            }
            while taken.lock().unwrap().len() < kill_after.min(left.len()) {
                thread::sleep(Duration::from_millis(2));
            }
            if kill_after < POSTS {
                system.kill_now();
            }
        });
        for (n, receipt) in taken.into_inner().unwrap() {
            acknowledged[n] = Some(receipt);
        }
    }
    let system = System::start(&folder, &[]);
    let agent = system.staff("agent");
    for (n, receipt) in acknowledged.iter().enumerate() {
        let receipt = receipt.as_ref().unwrap();
        let status = system.get(receipt.status_path()).send().expect(200).json();
        assert_eq!(status["reference"], receipt.reference());
        if n % 10 == 0 {
            assert_eq!(
                post(&system, n).unwrap().id(),
                receipt.id(),
                "a repeat is a repeat"
            );
        }
    }
    let cases = agent.list("state=open");
    assert_eq!(cases.len(), POSTS, "each opened one case");
}

#[test]
fn customers_are_told_once_though_it_is_killed() {
    const CASES: usize = 24;
    let folder = Folder::new();
    let mut system = System::start(&folder, &[]);
    let receipts: Vec<_> = (0..CASES).map(|n| post(&system, n).unwrap()).collect();
    for (n, receipt) in receipts.iter().enumerate() {
        let resolve = json!({"command": "resolve", "message": "It is repaired."});
        system.staff("agent").command(receipt.id(), &resolve);
        if n % 8 == 3 {
            // Letters are on their way just now.
            system.kill();
            system = System::start(&folder, &[]);
        }
    }
    let agent = system.staff("agent");
    for receipt in &receipts {
        // A letter that was being sent in the moment of a kill is in doubt once its lease is over, and a person is told.
        let log = system.eventually("each customer is told, or a person is", || {
            let letters = system.mail(receipt.id());
            let to_customer = letters
                .iter()
                .filter(|letter| {
                    letter["subject"]
                        .as_str()
                        .unwrap()
                        .contains(receipt.reference())
                        && letter["to"].as_str().unwrap().starts_with('c')
                })
                .count();
            assert!(to_customer <= 1, "told twice: {letters:?}");
            let log = agent.log(receipt.id());
            (to_customer == 1 || log.contains(&"notice_in_doubt".to_owned())).then_some(log)
        });
        assert_eq!(log.iter().filter(|kind| *kind == "resolved").count(), 1);
    }
    system.advance("PT1M");
    let letters = system.get("/_local/mailbox").send().expect(200).json();
    let to_customers = letters
        .as_array()
        .unwrap()
        .iter()
        .filter(|letter| letter["to"].as_str().unwrap().starts_with('c'));
    assert!(to_customers.count() <= CASES, "{letters}");
}

#[test]
fn no_alert_is_lost_though_time_is_killed_on_its_way() {
    const CASES: usize = 16;
    let folder = Folder::new();
    let receiver = Receiver::start();
    let parameters = receiver.parameters();
    let parameters: Vec<_> = parameters.iter().map(String::as_str).collect();
    let system = System::start(&folder, &parameters);
    let receipts: Vec<_> = (0..CASES).map(|n| post(&system, n).unwrap()).collect();
    let begun = system.now();
    // Past the warning and the breach of the first response, and no rung of the ladder.
    let leap = system
        .post("/_local/clock")
        .json(&json!({"advance": "PT4H30M"}));
    thread::scope(|scope| {
        scope.spawn(|| drop(leap.try_send()));
        // In the middle of what follows from it.
        while !receipts
            .iter()
            .any(|receipt| !receiver.about(receipt.id()).is_empty())
        {
            thread::sleep(Duration::from_millis(1));
        }
        system.kill_now();
    });
    let system = System::start(&folder, &parameters);
    let moved = system.now().duration_since(begun);
    assert!(moved.as_hours() >= 4, "time does not fall back: {moved}");
    let agent = system.staff("agent");
    for receipt in &receipts {
        system.eventually("a warning and an alert for each", || {
            let arrived = receiver.about(receipt.id());
            let has = |kind: &str| {
                arrived
                    .iter()
                    .any(|(_, body): &(String, Value)| body["type"] == kind)
            };
            (has("case.warned") && has("case.breached")).then_some(())
        });
        assert_eq!(agent.log(receipt.id()), ["opened", "warned", "breached"]);
        // At least once, and each repeat under the id of the first.
        let mut ids: Vec<_> = receiver
            .about(receipt.id())
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 2);
    }
}
