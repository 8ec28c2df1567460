//! One trace from the form to the mail.

use serde_json::json;

use crate::system::{Folder, System};
use crate::webhook::Receiver;

const TRACE: &str = "1-6a1f9b4c-3f1d2a0b4c5d6e7f8a9b0c1d";
const HEADER: &str = "X-Amzn-Trace-Id";

/// The functions that say something with this trace, each once, sorted.
fn traced(system: &System, trace: &str) -> Vec<String> {
    let log = system.stderr();
    let trace = format!(" trace_id={trace}");
    let lines = log.lines().filter(|line| line.contains(&trace));
    let mut services: Vec<_> = lines
        .map(|line| {
            let (_, rest) = line.split_once("service=\"").expect("a line of a function");
            rest.split_once('"').unwrap().0.to_owned()
        })
        .collect();
    services.sort_unstable();
    services.dedup();
    services
}

#[test]
fn one_trace_leads_from_the_form_through_every_function_to_the_mail() {
    let folder = Folder::new();
    let receiver = Receiver::start();
    let parameters = receiver.parameters();
    let mut arguments = vec!["--log", "info"];
    arguments.extend(parameters.iter().map(String::as_str));
    let system = System::start(&folder, &arguments);
    let post = |trace: &str| {
        let body = json!({"nps": 0, "contact": {"email": "li@example.com"}});
        let posted = system
            .post("/v1/feedback")
            .header(HEADER, trace)
            .json(&body);
        let receipt = posted.send().expect(201).json();
        receipt["id"].as_str().unwrap().to_owned()
    };
    let id = post(&format!("Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1"));
    assert_eq!(traced(&system, TRACE), ["submit-feedback"]);
    system.advance("PT4H1M");
    // The command has a trace of its own.
    let other = "1-6a1f9b4d-000000000000000000000001";
    let resolve = json!({"command": "resolve", "message": "Mended."});
    let agent = system.staff("agent");
    let resolve = agent
        .ask(&id, &resolve)
        .header(HEADER, &format!("Root={other}"));
    resolve.send().expect(200);
    system.advance("PT1M");

    let through = [
        "alert-breaches",
        "close-loop",
        "manage-cases",
        "notify-staff",
        "relay-events",
        "submit-feedback",
    ];
    assert_eq!(traced(&system, TRACE), through, "{}", system.stderr());
    assert_eq!(traced(&system, other), [""; 0], "the case keeps its own");
    let letters = system.mail(&id);
    assert_eq!(letters.len(), 3, "a warning, a breach, and the customer's");
    for letter in letters {
        assert_eq!(letter["headers"]["X-Resound-Trace"], TRACE, "{letter}");
    }
    for (_, body) in receiver.about(&id) {
        assert_eq!(body["data"]["trace_id"], TRACE);
    }
}

#[test]
fn what_is_no_trace_is_replaced_and_never_repeated() {
    let folder = Folder::new();
    let system = System::start(&folder, &["--log", "info"]);
    let agent = system.staff("agent");
    let mut seen = Vec::new();
    for hostile in [
        "Root=1-6a1f9b4c-hostile",
        "Root=1-6a1f9b4c-3f1d2a0b4c5d6e7f8a9b0c1d%0aX: hostile",
        "hostile\" trace_id=1-6a1f9b4c-3f1d2a0b4c5d6e7f8a9b0c1d",
    ] {
        let body = json!({"nps": 0, "contact": {"email": "li@example.com"}});
        let posted = system
            .post("/v1/feedback")
            .header(HEADER, hostile)
            .json(&body);
        let receipt = posted.send().expect(201).json();
        let id = receipt["id"].as_str().unwrap();
        agent.command(id, &json!({"command": "resolve", "message": "Mended."}));
        let letter = system.eventually("a letter", || system.mail(id).pop());
        seen.push(
            letter["headers"]["X-Resound-Trace"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    for trace in &seen {
        assert_ne!(trace, TRACE);
        let functions = [
            "close-loop",
            "manage-cases",
            "relay-events",
            "submit-feedback",
        ];
        system.eventually("a line of each", || {
            (traced(&system, trace) == functions).then_some(())
        });
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "each request has its own");
    assert!(!system.stderr().contains("hostile"));
}
