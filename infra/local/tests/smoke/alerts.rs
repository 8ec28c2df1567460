//! No deadline passes unseen, and none is told twice.

use serde_json::{Value, json};

use crate::system::{Folder, Receipt, System};
use crate::webhook::Receiver;

/// Four hours to the first response, 48 to the outcome.
fn detractor(system: &System) -> Receipt {
    system.feedback(&json!({"nps": 0, "locale": "en"}))
}

/// To whom and what staff got about a case, sorted: letters are sent side by side.
fn alerts(system: &System, receipt: &Receipt) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let letters = system.mail(receipt.id()).into_iter();
    let mut told: Vec<_> = letters
        .map(|letter| {
            let subject = text(&letter["subject"]);
            assert!(subject.contains(receipt.reference()), "{letter}");
            let (start, end) = (subject.find(' ').unwrap(), subject.rfind(" [").unwrap());
            (text(&letter["to"]), subject[start + 1..end].to_owned())
        })
        .collect();
    told.sort_unstable();
    told
}

/// What staff must have got about a case by now, and nothing else.
#[track_caller]
fn assert_told(system: &System, receipt: &Receipt, expected: &[(&str, &str)]) {
    let mut expected: Vec<_> = expected
        .iter()
        .map(|(to, what)| (format!("{to}@example.com"), (*what).to_owned()))
        .collect();
    expected.sort_unstable();
    assert_eq!(alerts(system, receipt), expected);
}

const IN_ENGLISH: [&str; 2] = ["--parameter", "StaffLocale=en"];
const STILL: &str = "Still overdue: first response";
/// What staff get about the first response, in the order of time.
const FIRST_RESPONSE: [(&str, &str); 5] = [
    ("owner", "Due soon: first response"),
    ("owner", "Overdue: first response"),
    ("team-lead", STILL),
    ("manager", STILL),
    ("executive", STILL),
];

#[test]
fn staff_are_warned_and_alerted_once_each() {
    let folder = Folder::new();
    let system = System::start(&folder, &IN_ENGLISH);
    let receipt = detractor(&system);
    let told = |count: usize| assert_told(&system, &receipt, &FIRST_RESPONSE[..count]);
    for (advance, count) in [("PT2H59M", 0), ("PT2M", 1), ("PT58M", 1), ("PT2M", 2)] {
        system.advance(advance);
        told(count);
    }
    let status = system.get(receipt.status_path()).send().expect(200).json();
    assert_eq!(status["late"], true, "the customer is told the truth");
    // However often it is looked for.
    for _ in 0..3 {
        system.post("/_local/run/alert-breaches").send().expect(200);
        system.advance("PT1M");
    }
    told(2);
    // The ladder: 125, 150 and 200 % of four hours.
    for (advance, count) in [("PT1H", 3), ("PT1H", 4), ("PT2H", 5), ("P1D", 5)] {
        system.advance(advance);
        told(count);
    }
    // An answer stops what it answers, and only that.
    let agent = system.staff("agent");
    let reply = json!({"command": "reply", "message": "Sorry for the wait."});
    agent.command(receipt.id(), &reply);
    system.advance("PT4H");
    let soon = [("owner", "Due soon: resolution")];
    assert_told(&system, &receipt, &[&FIRST_RESPONSE[..], &soon].concat());
    let resolve = json!({"command": "resolve", "message": "Done."});
    agent.command(receipt.id(), &resolve);
    system.advance("P3D");
    assert_told(&system, &receipt, &[&FIRST_RESPONSE[..], &soon].concat());
}

#[test]
fn a_jump_tells_everything_in_between() {
    let folder = Folder::new();
    let system = System::start(&folder, &IN_ENGLISH);
    let receipts: Vec<_> = (0..12).map(|_| detractor(&system)).collect();
    let answered = detractor(&system);
    let agent = system.staff("agent");
    let resolve = json!({"command": "resolve", "message": "Done."});
    agent.command(answered.id(), &resolve);
    system.advance("PT25H");
    for receipt in &receipts {
        let log = [
            "opened",
            "warned",
            "breached",
            "escalated",
            "escalated",
            "escalated",
        ];
        assert_eq!(agent.log(receipt.id()), log);
        assert_told(&system, receipt, &FIRST_RESPONSE);
    }
    assert_eq!(agent.log(answered.id()), ["opened", "resolved"]);
    assert_told(&system, &answered, &[]);
}

#[test]
fn a_severe_one_goes_to_the_executive_at_once() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let receipt = system.feedback(&json!({"text": "充电器起火了，孩子被烫伤。"}));
    system.eventually("an alert", || alerts(&system, &receipt).pop());
    let severe = ("executive", "出现严重信号");
    assert_told(&system, &receipt, &[severe]);
    system.advance("PT2H1M");
    let warning = ("owner", "即将超时：首次响应");
    let breach = ("executive", "已超时：首次响应");
    assert_told(&system, &receipt, &[severe, warning, breach]);
}

#[test]
fn alerts_go_to_a_webhook_that_can_check_them() {
    let folder = Folder::new();
    let receiver = Receiver::start();
    let parameters = receiver.parameters();
    let parameters: Vec<_> = parameters.iter().map(String::as_str).collect();
    let system = System::start(&folder, &parameters);
    let receipt = detractor(&system);
    system.advance("PT4H1M");
    let arrived = receiver.about(receipt.id());
    let mut kinds: Vec<_> = arrived
        .iter()
        .map(|(_, body)| body["type"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["case.breached", "case.warned"]);
    assert_ne!(arrived[0].0, arrived[1].0, "each has its own id");
    for (_, body) in &arrived {
        assert!(body["timestamp"].is_string());
        assert_eq!(body["data"]["reference"], receipt.reference());
        assert_eq!(body["data"]["priority"], "P2");
    }
    system.advance("PT1M");
    assert_eq!(receiver.about(receipt.id()).len(), 2);
    assert_eq!(system.mail(receipt.id()).len(), 2, "by mail as well");
}
