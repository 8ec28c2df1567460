//! The function over a real table, with requests as the gateway sends them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp, ToSpan};
use manage_issues::{App, Config};
use resound_domain::form::FormId;
use resound_domain::id::{IssueId, ResponseId};
use resound_domain::issue::{How, Link, Reach, Reporter, kano};
use resound_domain::response::Response;
use resound_domain::tally::{Dimension, Tally};
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::{BoxedFunction, Function};
use resound_store::{
    Accepted, Cell, Counting, Digest, Linked, Part, Suggestion, Watermark, WroteDay,
};
use resound_testing::api::assert_is;
use resound_testing::{Aws, ZONE, call, start, vars};
use serde_json::{Value, json};

const KEY: &str = "0123456789abcdef";
const LEAD: &str =
    "resound/cases.read resound/cases.write resound/cases.manage resound/reports.read";

static REQUESTS: AtomicU32 = AtomicU32::new(0);

struct Desk {
    aws: Aws,
    function: BoxedFunction,
}

#[derive(Debug, Clone)]
struct Request(Value);

#[derive(Debug)]
struct Answer {
    status: u64,
    headers: Value,
    body: Value,
}

impl Request {
    fn new(route: &str, path: &[(&str, &str)]) -> Self {
        let mut event: Value = serde_json::from_str(include_str!("../events/list.json")).unwrap();
        event["routeKey"] = route.into();
        event["requestContext"]["routeKey"] = route.into();
        for (name, value) in path {
            event["pathParameters"][*name] = (*value).into();
        }
        let nth = REQUESTS.fetch_add(1, Ordering::Relaxed);
        event["requestContext"]["requestId"] = format!("request-{nth}=").into();
        event["requestContext"]["timeEpoch"] = start().as_millisecond().into();
        Self(event).scopes(LEAD)
    }

    fn body(mut self, body: &Value) -> Self {
        self.0["headers"]["content-type"] = "application/json".into();
        self.0["body"] = body.to_string().into();
        self
    }

    fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = query.into();
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    fn key(self) -> Self {
        self.header("idempotency-key", KEY)
    }

    fn at(mut self, at: Timestamp) -> Self {
        self.0["requestContext"]["timeEpoch"] = at.as_millisecond().into();
        self
    }

    fn scopes(mut self, scopes: &str) -> Self {
        let jwt = &mut self.0["requestContext"]["authorizer"]["jwt"];
        jwt["claims"]["scope"] = scopes.into();
        jwt["scopes"] = Value::Null;
        self
    }
}

impl Answer {
    fn faults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let pairs = errors.iter().map(|e| (text(&e["field"]), text(&e["code"])));
        pairs.collect()
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    owned.collect()
}

impl Desk {
    async fn new() -> Self {
        let aws = Aws::start().await;
        let config = vars(&[("TIME_ZONE", ZONE)]).read(Config::read).unwrap();
        let function = App::new(config, &aws.clients).erase();
        Self { aws, function }
    }

    /// Sends a request. The answer is as the description of the API says.
    async fn send(&self, request: Request) -> Answer {
        let output = call(&self.function, request.0, start()).await;
        let text = output["body"].as_str().unwrap();
        let body: Value = match text {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        let status = output["statusCode"].as_u64().unwrap();
        let each = |name: &str, members: &Value| {
            members
                .as_array()
                .unwrap()
                .iter()
                .for_each(|m| assert_is(name, m));
        };
        match status {
            200 | 201 if body.get("links").is_some() => each("IssueLink", &body["links"]),
            200 if body.get("suggestions").is_some() => {
                each("IssueSuggestion", &body["suggestions"]);
            }
            200 if body.get("improvements").is_some() => {
                each("ImprovementSummary", &body["improvements"]);
            }
            200 if body.get("formula").is_some() && body.get("total").is_some() => {
                each("IssueSummary", &body["issues"]);
            }
            200 if body.get("class").is_some() => {}
            200 | 201 if body.get("silent").is_some() => assert_is("Improvement", &body),
            200 | 201 => assert_is("Issue", &body),
            304 => assert_eq!(body, Value::Null),
            _ => assert_is("Problem", &body),
        }
        Answer {
            status,
            headers: output["headers"].clone(),
            body,
        }
    }

    /// A new issue of this title; its id.
    async fn opened(&self, title: &str) -> String {
        let body = json!({"title": title});
        let answer = self
            .send(Request::new("POST /v1/issues", &[]).body(&body))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_str().unwrap().to_owned()
    }

    fn request(id: &str, body: &Value) -> Request {
        Request::new("POST /v1/issues/{id}/commands", &[("id", id)]).body(body)
    }

    async fn done(&self, id: &str, body: Value) -> Answer {
        let answer = self.send(Self::request(id, &body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    async fn shown(&self, id: &str) -> Answer {
        self.send(Request::new("GET /v1/issues/{id}", &[("id", id)]))
            .await
    }

    async fn said(&self, bits: u128, text: &str) -> Response {
        let submission = json!({
            "form": "default", "text": text, "nps": 2, "channel": "web", "locale": "zh-CN",
            "tier": "gold", "customer_id": "c-1",
        });
        let submission = serde_json::from_value(submission).unwrap();
        let response = Response {
            id: ResponseId::from_bits(bits),
            received_at: start(),
            day: jiff::civil::date(2026, 11, 2),
            triage: triage(&Input::from(&submission)),
            submission,
            trace_id: None,
            amended: None,
            promise: None,
        };
        let kept = self
            .aws
            .store
            .accept(&response, &Digest([7; 32]), None, start());
        assert_eq!(kept.await.unwrap(), Accepted::New);
        response
    }

    async fn links(&self, id: &str) -> Value {
        let answer = self
            .send(Request::new("GET /v1/issues/{id}/links", &[("id", id)]))
            .await;
        assert_eq!(answer.status, 200);
        answer.body["links"].clone()
    }
}

fn of(id: &str) -> IssueId {
    id.parse().unwrap()
}

#[tokio::test]
async fn an_issue_is_opened_once_and_its_faults_are_named_at_once() {
    let desk = Desk::new().await;
    let new = || Request::new("POST /v1/issues", &[]);
    let body = json!({
        "title": "物流太慢", "category": "experience", "touchpoint": "logistics", "core": true, "effort": "small",
        "rule": {"category": "experience", "words": ["慢", "slow"]},
    });
    let first = desk.send(new().key().body(&body)).await;
    assert_eq!(first.status, 201);
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(first.headers["location"], format!("/v1/issues/{id}"));
    assert_eq!(
        (&first.headers["etag"], &first.body["state"]),
        (&json!("\"1\""), &json!("open"))
    );
    desk.done(id, json!({"command": "close"})).await;
    let again = desk.send(new().key().body(&body)).await;
    assert_eq!((again.status, again.body), (201, first.body.clone()));
    let other = desk.send(new().key().body(&json!({"title": "别的"}))).await;
    assert_eq!(other.status, 409);

    let wrong = json!({
        "title": "call 13800138000", "category": "slow", "core": 1, "effort": "tiny", "rule": {"words": []}, "product": " ",
    });
    let refused = desk.send(new().body(&wrong)).await;
    assert_eq!(refused.status, 422);
    let expected = [
        ("title", "personal-data"),
        ("category", "unknown-value"),
        ("product", "invalid-name"),
        ("core", "wrong-type"),
        ("effort", "unknown-value"),
        ("rule", "invalid-rule"),
    ];
    assert_eq!(refused.faults(), pairs(&expected));
    let stray = desk
        .send(new().body(&json!({"title": "a", "colour": 1})))
        .await;
    assert_eq!(stray.faults(), pairs(&[("colour", "unknown-field")]));
    for (body, status) in [("[]", 400), ("{", 400), ("", 400)] {
        let mut request = new().body(&json!({}));
        request.0["body"] = body.into();
        assert_eq!(desk.send(request).await.status, status, "{body}");
    }
    let form = new().body(&json!({})).header("content-type", "text/plain");
    assert_eq!(desk.send(form).await.status, 415);
    let short = desk
        .send(
            new()
                .body(&json!({"title": "a"}))
                .header("idempotency-key", "x"),
        )
        .await;
    assert_eq!(short.status, 422);
}

#[tokio::test]
async fn an_agent_links_by_hand_and_only_a_lead_decides() {
    let desk = Desk::new().await;
    let id = desk.opened("物流太慢").await;
    let agent = "resound/cases.read resound/cases.write";
    let response = desk.said(7, "物流太慢，打 13800138000").await;
    let link = json!({"command": "link", "responses": [response.id]});
    let done = desk.send(Desk::request(&id, &link).scopes(agent)).await;
    assert_eq!((done.status, &done.body["version"]), (200, &json!(2)));
    for command in ["close", "reopen"] {
        let request = Desk::request(&id, &json!({"command": command})).scopes(agent);
        assert_eq!(desk.send(request).await.status, 403, "{command}");
    }
    let links = desk.links(&id).await;
    assert_eq!(links[0]["how"], "hand");
    assert_eq!(links[0]["tier"], "gold");
    assert_eq!(links[0]["text"], "物流太慢，打 138****8000");
    // So already, and not once more.
    let again = desk.send(Desk::request(&id, &link).scopes(agent)).await;
    assert_eq!((again.status, &again.body["version"]), (200, &json!(2)));
    let out = json!({"command": "unlink", "responses": [response.id]});
    assert_eq!(desk.done(&id, out).await.body["version"], 3);
    assert_eq!(desk.links(&id).await[0]["unlinked"], true);

    let unknown = json!({"command": "link", "responses": [ResponseId::from_bits(8)]});
    let refused = desk.send(Desk::request(&id, &unknown)).await;
    assert_eq!(
        refused.faults(),
        pairs(&[("responses", "unknown-response")])
    );
    for (responses, code) in [(json!([]), "invalid-list"), (json!(["x"]), "invalid-id")] {
        let body = json!({"command": "link", "responses": responses});
        let refused = desk.send(Desk::request(&id, &body)).await;
        assert_eq!(refused.faults(), pairs(&[("responses", code)]));
    }
    // An erased one says nothing any more.
    let _buried = desk.aws.store.bury(response.id, start()).await.unwrap();
    assert_eq!(desk.links(&id).await, json!([]));
}

#[tokio::test]
async fn a_command_is_carried_out_once_and_only_on_what_was_seen() {
    let desk = Desk::new().await;
    let id = desk.opened("物流太慢").await;
    let effort = json!({"command": "set_effort", "effort": "large"});
    let first = desk
        .send(
            Desk::request(&id, &effort)
                .key()
                .header("if-match", "\"1\""),
        )
        .await;
    assert_eq!(
        (first.status, &first.headers["etag"]),
        (200, &json!("\"2\""))
    );
    desk.done(&id, json!({"command": "set_effort", "effort": null}))
        .await;
    // The repeat is told what the command had made, and changes nothing.
    let again = desk
        .send(
            Desk::request(&id, &effort)
                .key()
                .header("if-match", "\"1\""),
        )
        .await;
    assert_eq!((again.status, again.body), (200, first.body));
    assert_eq!(desk.shown(&id).await.body["effort"], Value::Null);
    let reused = desk
        .send(Desk::request(&id, &json!({"command": "close"})).key())
        .await;
    assert_eq!(reused.status, 409);
    let stale = desk
        .send(Desk::request(&id, &effort).header("if-match", "\"1\""))
        .await;
    assert_eq!(
        (stale.status, &stale.headers["etag"]),
        (412, &json!("\"3\""))
    );
    let stale = json!({"command": "set_core", "core": true, "version": 2});
    assert_eq!(desk.send(Desk::request(&id, &stale)).await.status, 412);
    let core = desk
        .done(
            &id,
            json!({"command": "set_core", "core": true, "version": 3}),
        )
        .await;
    assert_eq!(core.body["priority"]["urgency"]["core"], true);
    let rule = json!({"command": "set_rule", "rule": {"words": ["慢"]}});
    assert_eq!(
        desk.done(&id, rule).await.body["rule"],
        json!({"words": ["慢"]})
    );
    desk.done(&id, json!({"command": "retitle", "title": "Slow delivery"}))
        .await;
    desk.done(&id, json!({"command": "close"})).await;
    let rule = json!({"command": "set_rule", "rule": null});
    assert_eq!(desk.send(Desk::request(&id, &rule)).await.status, 409);
    let timeline = desk.done(&id, json!({"command": "reopen"})).await.body["timeline"].clone();
    let types: Vec<_> = timeline
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["type"].as_str().unwrap())
        .collect();
    let expected = [
        "opened",
        "effort_set",
        "effort_set",
        "core_set",
        "rule_set",
        "retitled",
        "closed",
        "reopened",
    ];
    assert_eq!(types, expected);
    let nobody = desk.shown(&IssueId::from_bits(9).to_string()).await;
    assert_eq!(nobody.status, 404);
}

#[tokio::test]
async fn a_merged_issue_sends_everybody_to_its_survivor() {
    let desk = Desk::new().await;
    let (one, two) = (desk.opened("物流太慢").await, desk.opened("快递慢").await);
    for (bits, id) in [(7, &one), (8, &two)] {
        let response = desk.said(bits, "太慢").await;
        desk.done(id, json!({"command": "link", "responses": [response.id]}))
            .await;
    }
    let merged = desk
        .done(&one, json!({"command": "merge", "into": two}))
        .await;
    assert_eq!(
        (&merged.body["state"], &merged.body["merged_into"]),
        (&json!("merged"), &json!(two))
    );
    assert_eq!(desk.shown(&two).await.body["absorbed"], json!([one]));
    assert_eq!(desk.links(&two).await.as_array().unwrap().len(), 2);
    let refused = desk
        .send(Desk::request(&one, &json!({"command": "close"})))
        .await;
    assert_eq!(
        (refused.status, &refused.body["merged_into"]),
        (409, &json!(two))
    );
    for (into, status) in [(two.clone(), 409), (IssueId::from_bits(1).to_string(), 422)] {
        let body = json!({"command": "merge", "into": into});
        assert_eq!(desk.send(Desk::request(&two, &body)).await.status, status);
    }
}

#[tokio::test]
async fn the_list_is_by_priority_with_the_weights_it_was_made_with() {
    let desk = Desk::new().await;
    let (rare, wide) = (desk.opened("少见").await, desk.opened("常见").await);
    let today = jiff::civil::date(2026, 11, 2);
    let count = |customers: u64| {
        let none: [&Link; 0] = [];
        let answers = kano::Answers::default();
        Reach {
            customers,
            days: 15,
            ..Reach::count(none, 100, answers, today, start())
        }
    };
    for (id, customers) in [(&rare, 3), (&wide, 45)] {
        desk.aws
            .store
            .counted(of(id), &count(customers))
            .await
            .unwrap();
    }
    let list = |query: &str| Request::new("GET /v1/issues", &[]).query(query);
    let answer = desk.send(list("")).await;
    let ids = |answer: &Answer| -> Vec<Value> {
        let issues = answer.body["issues"].as_array().unwrap();
        issues.iter().map(|issue| issue["id"].clone()).collect()
    };
    assert_eq!(ids(&answer), [json!(wide), json!(rare)]);
    assert_eq!(answer.body["weights"]["wide"], 30);
    assert!(
        answer.body["formula"]
            .as_str()
            .unwrap()
            .contains("impact x urgency x cost")
    );
    let first = &answer.body["issues"][0]["priority"];
    assert_eq!(
        (&first["impact"]["wide"], &first["impact"]["share"]),
        (&json!(true), &json!(0.45))
    );
    // 100 x 1 x (0.2 + 0.5 x 15/30) x 0.6 x 1 x 1
    assert!(
        (first["score"].as_f64().unwrap() - 27.0).abs() < 1e-9,
        "{first}"
    );
    let tag = answer.headers["etag"].as_str().unwrap();
    let same = desk.send(list("").header("if-none-match", tag)).await;
    assert_eq!(same.status, 304);
    desk.done(&rare, json!({"command": "close"})).await;
    assert_eq!(ids(&desk.send(list("state=closed")).await), [json!(rare)]);
    let one = desk.send(list("sort=changed&limit=1")).await;
    assert_eq!((one.body["total"].clone(), ids(&one).len()), (json!(1), 1));
    for query in ["state=x", "sort=x", "limit=0", "limit=1001"] {
        assert_eq!(desk.send(list(query)).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn a_suggestion_is_over_when_somebody_has_decided() {
    let desk = Desk::new().await;
    let id = desk.opened("物流太慢").await;
    for bits in [7, 8, 9] {
        let response = desk.said(bits, "太慢，li.lei@example.com").await;
        let suggestion = Suggestion {
            response: response.id,
            percent: 25,
            day: response.day,
        };
        let at = response.received_at;
        let suggested = desk
            .aws
            .store
            .suggest(of(&id), suggestion, at)
            .await
            .unwrap();
        assert_eq!(suggested, Linked::Linked);
    }
    let page =
        |query: &str| Request::new("GET /v1/issues/{id}/suggestions", &[("id", &id)]).query(query);
    let first = desk.send(page("limit=2")).await.body;
    assert_eq!(first["suggestions"][0]["text"], "太慢，l***@example.com");
    let next = first["next"].as_str().unwrap();
    let last = desk
        .send(page(&format!("limit=2&cursor={next}")))
        .await
        .body;
    assert_eq!(
        (last["suggestions"].as_array().unwrap().len(), &last["next"]),
        (1, &Value::Null)
    );
    let named = |bits: u128| ResponseId::from_bits(bits);
    desk.done(&id, json!({"command": "link", "responses": [named(7)]}))
        .await;
    desk.done(&id, json!({"command": "unlink", "responses": [named(8)]}))
        .await;
    let left = desk.send(page("")).await.body;
    let left = left["suggestions"].as_array().unwrap().clone();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["response"], json!(named(9)));
    assert_eq!(desk.send(page("cursor=x")).await.status, 422);
    let reporter = Reporter::of(&desk.said(10, "慢").await, None);
    let again = Link {
        response: named(8),
        how: How::Rule,
        unlinked: false,
        reporter,
    };
    let linked = desk.aws.store.link(of(&id), &again, start()).await.unwrap();
    assert_eq!(linked, Linked::Present, "a person took it out");
}

#[tokio::test]
async fn paired_answers_are_kept_by_response() {
    let desk = Desk::new().await;
    let id = desk.opened("夜间模式").await;
    let response = desk.said(7, "希望有夜间模式").await.id.to_string();
    let put = |response: &str, body: Value| {
        let path = [("id", id.as_str()), ("response", response)];
        Request::new("PUT /v1/issues/{id}/kano/{response}", &path).body(&body)
    };
    let pair = |functional: &str| json!({"functional": functional, "dysfunctional": "dislike"});
    for (functional, class) in [
        ("like", "one_dimensional"),
        ("expect", "must_be"),
        ("expect", "must_be"),
    ] {
        let kept = desk.send(put(&response, pair(functional))).await;
        assert_eq!((kept.status, &kept.body["class"]), (200, &json!(class)));
    }
    let answers = desk.aws.store.kano_answers(&[of(&id)]).await.unwrap();
    assert_eq!((answers.n(), answers.must_be), (1, 1));
    let wrong = desk
        .send(put(&response, json!({"functional": "love"})))
        .await;
    let expected = [
        ("functional", "unknown-value"),
        ("dysfunctional", "required"),
    ];
    assert_eq!(wrong.faults(), pairs(&expected));
    let nobody = ResponseId::from_bits(8).to_string();
    assert_eq!(desk.send(put(&nobody, pair("like"))).await.status, 404);
    assert_eq!(desk.send(put("x", pair("like"))).await.status, 404);
}

/// So many of each score at logistics on each of these days.
async fn night(desk: &Desk, days: std::ops::RangeInclusive<i64>, low: u64, high: u64) {
    let survey = FormId::default_form();
    for back in days {
        let day = jiff::civil::date(2026, 11, 2).saturating_add(back.days());
        let mut tally = Tally::default();
        (tally.nps[2], tally.nps[10], tally.responses) = (low, high, low + high);
        let cell = Cell {
            cut: Dimension::Touchpoint.into(),
            value: Part::new("logistics").unwrap(),
            tally,
        };
        let store = &desk.aws.store;
        let generation = store.next_generation(&survey, day).await.unwrap();
        let counting = Counting {
            zone: ZONE,
            as_of: start(),
            marked: BTreeSet::new(),
        };
        let written = store.write_day(&generation, &[cell], &counting).await;
        assert!(matches!(written.unwrap(), WroteDay::Written { .. }));
        let mark = Watermark {
            day,
            as_of: start(),
        };
        store.advance_watermark(&survey, mark).await.unwrap();
    }
}

#[tokio::test]
async fn an_improvement_ships_and_its_effect_is_measured() {
    let desk = Desk::new().await;
    let issue = desk.opened("物流太慢").await;
    let new = |body: Value| Request::new("POST /v1/improvements", &[]).key().body(&body);
    let body = json!({"title": "第二个仓库", "issues": [issue], "touchpoint": "logistics", "due": "2026-12-01"});
    let opened = desk.send(new(body.clone())).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    let id = opened.body["id"].as_str().unwrap().to_owned();
    assert_eq!(desk.send(new(body)).await.body, opened.body);
    let unknown = json!({"title": "x1", "issues": [IssueId::from_bits(1)]});
    let refused = desk.send(new(unknown)).await;
    assert_eq!(refused.faults(), pairs(&[("issues", "unknown-issue")]));

    let command = |body: Value| {
        Request::new("POST /v1/improvements/{id}/commands", &[("id", &id)]).body(&body)
    };
    let agent = "resound/cases.write";
    let note = json!({"command": "progress", "note": "架子到了"});
    for _ in 0..2 {
        let told = desk.send(command(note.clone()).key().scopes(agent)).await;
        assert_eq!(
            (told.status, &told.body["version"]),
            (200, &json!(2)),
            "once"
        );
    }
    let ship = json!({"command": "ship", "release": "2.4"});
    assert_eq!(
        desk.send(command(ship.clone()).scopes(agent)).await.status,
        403
    );
    for body in [
        json!({"command": "assign", "owner": "bo"}),
        json!({"command": "schedule", "due": "2026-12-24"}),
        ship.clone(),
    ] {
        let done = desk.send(command(body)).await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    assert_eq!(desk.send(command(ship)).await.status, 409);
    for (body, fault) in [
        (json!({"command": "ship"}), ("release", "required")),
        (
            json!({"command": "schedule", "due": "soon"}),
            ("due", "invalid-date"),
        ),
        (
            json!({"command": "cancel", "reason": " "}),
            ("reason", "blank"),
        ),
    ] {
        assert_eq!(desk.send(command(body)).await.faults(), pairs(&[fault]));
    }

    let show = || Request::new("GET /v1/improvements/{id}", &[("id", &id)]);
    assert_eq!(
        desk.send(show()).await.body["effect"],
        Value::Null,
        "no day is counted yet"
    );
    // Twenty days before it shipped, that day, and ten days after: as many are compared.
    night(&desk, -20..=-1, 8, 2).await;
    night(&desk, 0..=0, 500, 0).await;
    night(&desk, 1..=10, 2, 8).await;
    let shown = desk.send(show()).await.body;
    let effect = &shown["effect"];
    let expected = json!({"days": 10, "before": ["2026-10-23", "2026-11-01"], "after": ["2026-11-03", "2026-11-12"]});
    assert_eq!(effect["surveys"][0]["spans"], expected);
    assert_eq!(
        (
            &effect["nps"]["before"]["nps"],
            &effect["nps"]["after"]["nps"]
        ),
        (&json!(-60.0), &json!(60.0))
    );
    assert_eq!(effect["nps"]["change"]["difference"], 120.0);
    assert_eq!(
        effect["verdict"],
        json!({"code": "up", "text": "up, and unlikely to be chance"})
    );
    assert_eq!(
        effect["csat"],
        json!({"before": null, "after": null, "change": null})
    );
    assert_eq!(shown["shipped"]["release"], "2.4");

    let list = Request::new("GET /v1/improvements", &[]);
    let later = start() + SignedDuration::from_hours(24 * 8);
    let other = json!({"title": "更多骑手", "issues": [issue]});
    let other = desk
        .send(Request::new("POST /v1/improvements", &[]).body(&other))
        .await;
    assert_eq!(other.status, 201);
    let listed = desk
        .send(list.clone().at(later).query("state=planned"))
        .await
        .body;
    assert_eq!(listed["improvements"].as_array().unwrap().len(), 1);
    assert_eq!(listed["improvements"][0]["silent"], true);
    assert_eq!(
        desk.send(list.scopes("resound/cases.read")).await.status,
        403
    );
}

#[tokio::test]
async fn what_is_shown_may_be_kept_and_its_tag_names_the_version() {
    let desk = Desk::new().await;
    let id = desk.opened("物流太慢").await;
    let show = || Request::new("GET /v1/issues/{id}", &[("id", &id)]);
    let shown = desk.send(show()).await;
    let tag = shown.headers["etag"].as_str().unwrap().to_owned();
    assert!(tag.starts_with("\"1-"), "{tag}");
    let kept = desk.send(show().header("if-none-match", &tag)).await;
    assert_eq!((kept.status, &kept.headers["etag"]), (304, &json!(tag)));
    let rename = |to: &str| Desk::request(&id, &json!({"command": "retitle", "title": to}));
    let renamed = desk.send(rename("太慢").header("if-match", &tag)).await;
    assert_eq!(renamed.status, 200);
    assert_eq!(
        desk.send(rename("慢").header("if-match", &tag))
            .await
            .status,
        412
    );
    assert_eq!(
        desk.send(show().header("if-none-match", &tag)).await.status,
        200
    );
}
