//! By which route a customer is told, and when the next one is taken.

use close_loop::Config;
use jiff::{SignedDuration, Timestamp};
use resound_domain::delivery::Fate;
use resound_domain::event::{Doubt, EventKind};
use resound_domain::id::ContactId;
use resound_domain::phone::E164;
use resound_domain::route::Route;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::{BoxedFunction, Function as _, sms};
use resound_store::{
    Claim, DeliveryReport, Medium, NoticeKey, Outcome, Reported, Suppressed, Telling,
};
use resound_testing::cases::book;
use resound_testing::{Server, start, vars};
use serde_json::{Value, json};

use crate::support::{SEQ, World, again, all_done, case_id, key, later, message};

const IDENTITY: (&str, &str) = (
    "SMS_ORIGINATION_IDENTITY",
    "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-1",
);
const MAIL: (&str, &str) = ("MAIL_FROM", "resound@example.test");
const CHINA: (&str, &str) = ("SMS_COUNTRY", "86");

/// The function with these variables.
fn function(clients: &Clients, pairs: &[(&str, &str)]) -> BoxedFunction {
    let config = vars(pairs).read(Config::read).unwrap();
    close_loop::App::new(config, clients).erase()
}

/// The function with its text messages going to another address than the mailbox.
fn texting(world: &World, url: &str, pairs: &[(&str, &str)]) -> BoxedFunction {
    let clients = Clients {
        texter: Clients::new(&Settings::emulator(url)).texter,
        ..world.aws.clients.clone()
    };
    function(&clients, pairs)
}

/// The ledger of the event: by route, what came of it.
async fn ledger(world: &World) -> Vec<(String, Option<Outcome>)> {
    let notices = world.history().await.notices.into_iter();
    let mut entries: Vec<_> = notices
        .map(|notice| {
            let outcome = match notice.status {
                resound_store::NoticeStatus::Recorded { outcome, .. } => Some(outcome),
                _ => None,
            };
            (notice.key.medium.name().to_owned(), outcome)
        })
        .collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries
}

fn entry(route: Route, outcome: Outcome) -> (String, Option<Outcome>) {
    (route.name().to_owned(), Some(outcome))
}

fn is_sent((route, outcome): &(String, Option<Outcome>), by: Route) -> bool {
    route == by.name() && matches!(outcome, Some(Outcome::Sent { .. }))
}

fn refused() -> Vec<(u32, Doubt)> {
    vec![(SEQ, Doubt::Refused)]
}

fn unknown() -> Vec<(u32, Doubt)> {
    vec![(SEQ, Doubt::Unknown)]
}

#[tokio::test]
async fn who_left_a_number_alone_gets_a_text_message() {
    let contact = json!({"contact": {"phone": "138 0013 8000", "name": "Li"}});
    let world = World::resolved(contact).await;
    let function = function(&world.aws.clients, &[MAIL, IDENTITY, CHINA]);
    for _ in 0..2 {
        assert_eq!(world.deliver(&function, start()).await, all_done());
    }
    let caught = world.aws.port.mailbox().list();
    assert_eq!(caught.len(), 1);
    assert_eq!(
        (caught[0].channel.as_str(), caught[0].to.as_str()),
        ("sms", "+8613800138000")
    );
    assert!(
        caught[0]
            .text
            .starts_with("Your feedback R-FFQ69-G5FAV has been resolved."),
        "{}",
        caught[0].text
    );
    assert!(
        !caught[0].text.contains("Fixed in 2.1."),
        "it travels in the open"
    );
    let ledger = ledger(&world).await;
    assert_eq!(
        ledger[..2],
        [
            entry(Route::App, Outcome::NoContact),
            entry(Route::Email, Outcome::NoContact)
        ]
    );
    assert!(is_sent(&ledger[2], Route::Sms));
    assert!(world.is_settled().await);
    assert_eq!(world.metrics.summary(), "NoticesSent 1");
    let number = sms::contact(&E164::read("+8613800138000", None).unwrap());
    assert_eq!(world.counted(number).await, world.counted_once().await);
}

#[tokio::test]
async fn who_left_a_number_is_a_persons_where_nothing_is_sent_to_it() {
    for channel in ["web", "app"] {
        let left = json!({"channel": channel, "contact": {"phone": "138 0013 8000"}});
        let world = World::resolved(left).await;
        let function = function(&world.aws.clients, &[MAIL]);
        for now in [start(), later()] {
            assert_eq!(world.deliver(&function, now).await, all_done());
        }
        assert_eq!(world.letters(), 0);
        assert_eq!(world.doubts().await, refused(), "{channel}");
        assert!(world.is_settled().await);
        let ledger = ledger(&world).await;
        assert!(
            ledger.contains(&entry(Route::Sms, Outcome::Off)),
            "{ledger:?}"
        );
    }
}

#[tokio::test]
async fn a_number_that_may_be_another_gets_none() {
    let world = World::resolved(json!({"contact": {"phone": "138 0013 8000"}})).await;
    let function = function(&world.aws.clients, &[MAIL, IDENTITY]);
    assert_eq!(world.deliver(&function, start()).await, all_done());
    assert_eq!(world.letters(), 0);
    assert!(
        ledger(&world)
            .await
            .contains(&entry(Route::Sms, Outcome::Unusable))
    );
    assert_eq!(world.doubts().await, refused());
}

#[tokio::test]
async fn what_is_refused_falls_back_and_what_is_lost_does_not() {
    let both = json!({"contact": {"email": "li@example.test", "phone": "+86 138 0013 8000"}});
    // (SES, letters and messages, doubts)
    for (ses, caught, doubts) in [
        (
            Server::answering(400, r#"{"__type":"MessageRejected"}"#),
            1,
            vec![],
        ),
        (Server::answering(500, "{}"), 0, unknown()),
        (Server::hanging_up(), 0, unknown()),
    ] {
        let world = World::resolved(both.clone()).await;
        let clients = Clients {
            mailer: Clients::new(&Settings::emulator(ses.url())).mailer,
            ..world.aws.clients.clone()
        };
        let function = function(&clients, &[MAIL, IDENTITY]);
        // What was lost waits for what the provider tells, as long as its lease.
        let first = if doubts.is_empty() {
            all_done()
        } else {
            again()
        };
        assert_eq!(world.deliver(&function, start()).await, first);
        assert_eq!(world.deliver(&function, later()).await, all_done());
        assert_eq!(world.letters(), caught);
        assert_eq!(world.doubts().await, doubts);
        assert!(world.is_settled().await);
        assert_eq!(ses.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_route_that_was_passed_over_is_not_taken_by_who_knows_more() {
    let both = json!({"contact": {"email": "li@example.test", "phone": "+86 138 0013 8000"}});
    let world = World::resolved(both).await;
    let busy = Server::answering(400, r#"{"__type":"ThrottlingException"}"#);
    let without_mail = texting(&world, busy.url(), &[IDENTITY]);
    assert_eq!(world.deliver(&without_mail, start()).await, again());
    // Mail is switched on while the message waits: another attempt may be under way by SMS.
    let with_mail = function(&world.aws.clients, &[MAIL, IDENTITY]);
    assert_eq!(world.deliver(&with_mail, start()).await, all_done());
    let caught = world.aws.port.mailbox().list();
    assert_eq!(caught.len(), 1);
    assert_eq!(caught[0].channel, "sms");
    assert!(
        ledger(&world)
            .await
            .contains(&entry(Route::Email, Outcome::MailOff))
    );
}

/// The provider tells that what it took by a route was given up.
async fn given_up(world: &World, medium: Medium) {
    let store = &world.aws.store;
    let key = NoticeKey { medium, ..key() };
    let notice = store.notice(key).await.unwrap().unwrap();
    let report = DeliveryReport {
        fate: Fate::Bounced,
        at: start(),
        provider_id: "0100",
    };
    let before = store.case(case_id()).await.unwrap().unwrap();
    let events = before.hear_of_notice(&notice.told_by(report.fate), start(), &book());
    let mut after = before.clone();
    events.iter().for_each(|event| after.apply(event));
    let telling = Telling {
        before: &before,
        after: &after,
        events: &events,
    };
    let told = store.record_delivery(&notice, &report, Some(telling), start());
    assert_eq!(told.await.unwrap(), Reported::Recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_failures_at_once_are_one_doubt() {
    let both = json!({"contact": {"email": "li@example.test", "phone": "+86 138 0013 8000"}});
    for _ in 0..5 {
        let world = World::resolved(both.clone()).await;
        let function = || function(&world.aws.clients, &[MAIL, IDENTITY]);
        assert_eq!(world.deliver(&function(), start()).await, all_done());
        given_up(&world, Medium::EMAIL).await;
        // Whoever took the next route was killed before it could settle, and that fails as well.
        let medium = Medium::of(Route::Sms);
        let key = NoticeKey { medium, ..key() };
        let sent = Outcome::Sent { provider_id: None };
        let store = &world.aws.store;
        let entered = store.pass_over(key, &sent, "another", start(), SignedDuration::ZERO);
        assert_eq!(entered.await.unwrap(), Claim::Recorded(sent));
        given_up(&world, medium).await;
        let failure = |seq: u32| {
            let mut event = message();
            let body = json!({"v": 1, "message": {
                "type": "effect_due", "effect": "customer_notice", "case": case_id(), "seq": seq,
            }});
            event["Records"][0]["body"] = body.to_string().into();
            event
        };
        let (one, other) = (function(), function());
        let replies = tokio::join!(
            world.call(&one, failure(3), start()),
            world.call(&other, failure(4), start()),
        );
        assert_eq!(replies, (all_done(), all_done()));
        assert_eq!(world.doubts().await, refused());
    }
}

#[tokio::test]
async fn what_both_refuse_is_a_persons_once() {
    let both = json!({"contact": {"email": "nobody", "phone": "+86 138 0013 8000"}});
    let world = World::resolved(both).await;
    let refusal = r#"{"__type":"ConflictException","Reason":"DESTINATION_PHONE_NUMBER_OPTED_OUT"}"#;
    let service = Server::answering(400, refusal);
    let function = texting(&world, service.url(), &[MAIL, IDENTITY]);
    for now in [start(), later()] {
        assert_eq!(world.deliver(&function, now).await, all_done());
    }
    assert_eq!(service.requests().len(), 1);
    assert_eq!(world.doubts().await, refused());
    let ledger = ledger(&world).await;
    for expected in [
        entry(Route::Email, Outcome::Unusable),
        entry(Route::Sms, Outcome::Refused),
    ] {
        assert!(ledger.contains(&expected), "{ledger:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_sms_service_is_in_doubt_for_good() {
    let world = World::resolved(json!({"contact": {"phone": "+86 138 0013 8000"}})).await;
    let service = Server::hanging_up();
    let function = texting(&world, service.url(), &[MAIL, IDENTITY]);
    // It waits for what the networks tell, as long as its lease.
    assert_eq!(world.deliver(&function, start()).await, again());
    assert_eq!(world.doubts().await, []);
    for _ in 0..2 {
        assert_eq!(world.deliver(&function, later()).await, all_done());
    }
    assert_eq!(service.requests().len(), 1);
    assert_eq!(world.doubts().await, unknown());
    let number = sms::contact(&E164::read("+8613800138000", None).unwrap());
    let once = world.counted_once().await;
    assert_eq!(world.counted(number).await, once, "perhaps they got it");
}

#[tokio::test]
async fn a_number_on_the_suppression_list_gets_none() {
    let world = World::resolved(json!({"contact": {"phone": "+86 138 0013 8000"}})).await;
    let contact: ContactId = sms::contact(&E164::read("+8613800138000", None).unwrap());
    let reason = resound_domain::contact::Reason::ByHand;
    let listed = world.aws.store.suppress(contact, reason, start(), None);
    assert_eq!(listed.await.unwrap(), Suppressed::New);
    let function = function(&world.aws.clients, &[IDENTITY]);
    assert_eq!(world.deliver(&function, start()).await, all_done());
    assert_eq!(world.letters(), 0);
    assert!(
        ledger(&world)
            .await
            .contains(&entry(Route::Sms, Outcome::Suppressed))
    );
    assert_eq!(world.doubts().await, refused());
}

#[tokio::test]
async fn a_phone_does_not_ring_at_night() {
    let world = World::resolved(json!({"contact": {"phone": "+86 138 0013 8000"}})).await;
    let function = function(&world.aws.clients, &[IDENTITY]);
    // The zone of the tests is Asia/Shanghai.
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (evening, night, morning) = (
        at("2026-11-02T21:00:00+08:00"),
        at("2026-11-03T07:59:59+08:00"),
        at("2026-11-03T08:00:00+08:00"),
    );
    for now in [evening, night] {
        assert_eq!(
            world.deliver(&function, now).await,
            all_done(),
            "the message is done with"
        );
        assert_eq!(world.letters(), 0);
        assert!(!world.is_settled().await);
        let event = world.aws.store.event(crate::support::case_id(), SEQ).await;
        let repair = event.unwrap().unwrap().repair.unwrap();
        assert_eq!(repair.due_at, morning, "the sweep sends it again then");
    }
    assert_eq!(world.deliver(&function, morning).await, all_done());
    assert_eq!(world.letters(), 1);
    assert!(world.is_settled().await);
    assert_eq!(world.doubts().await, []);
}

#[tokio::test]
async fn it_is_night_by_the_clock_of_the_customer() {
    let abroad = json!({"contact": {"phone": "+1 202 555 0143"}, "time_zone": "America/New_York"});
    let world = World::resolved(abroad).await;
    let function = function(&world.aws.clients, &[IDENTITY]);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (noon_in_shanghai, morning) = (
        at("2026-11-02T12:00:00+08:00"),
        at("2026-11-02T08:00:00-05:00"),
    );
    assert_eq!(world.deliver(&function, noon_in_shanghai).await, all_done());
    assert_eq!(world.letters(), 0);
    let event = world.aws.store.event(crate::support::case_id(), SEQ).await;
    assert_eq!(event.unwrap().unwrap().repair.unwrap().due_at, morning);
    assert_eq!(world.deliver(&function, morning).await, all_done());
    assert_eq!(world.letters(), 1);
}

#[tokio::test]
async fn a_letter_does_not_wait_for_the_morning() {
    let both = json!({"contact": {"email": "li@example.test", "phone": "+86 138 0013 8000"}});
    let world = World::resolved(both).await;
    let function = function(&world.aws.clients, &[MAIL, IDENTITY]);
    let night = "2026-11-03T03:00:00+08:00".parse().unwrap();
    assert_eq!(world.deliver(&function, night).await, all_done());
    assert_eq!(world.aws.port.mailbox().list()[0].channel, "email");
}

// The app

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn user() -> World {
    World::resolved(json!({
        "channel": "app", "customer_id": "u-77",
        "contact": {"email": "li@example.test", "name": "Li"},
    }))
    .await
}

fn telling(world: &World, app: &Server) -> BoxedFunction {
    function(
        &world.aws.clients,
        &[
            MAIL,
            ("CUSTOMER_WEBHOOK_URL", app.url()),
            ("CUSTOMER_WEBHOOK_SECRET", SECRET),
            ("WEBHOOK_ALLOW_PRIVATE", "true"),
        ],
    )
}

#[tokio::test]
async fn the_app_is_told_who_and_what_and_no_more() {
    let world = user().await;
    let app = Server::answering(204, "");
    let function = telling(&world, &app);
    for _ in 0..2 {
        assert_eq!(world.deliver(&function, start()).await, all_done());
    }
    assert_eq!(world.letters(), 0);
    let requests = app.requests();
    assert_eq!(requests.len(), 1);
    let mut body: Value = serde_json::from_str(&requests[0].body).unwrap();
    let url = body["data"]["status_url"].take();
    assert!(url.as_str().unwrap().contains("/v1/receipts/"), "{url}");
    assert_eq!(
        body,
        json!({
            "type": "feedback.resolved",
            "timestamp": "2026-11-02T02:00:00Z",
            "data": {
                "customer_id": "u-77",
                "reference": "R-FFQ69-G5FAV",
                "locale": "en",
                "text": "Fixed in 2.1.",
                "question": "Did this solve it?",
                "status_url": null,
            },
        })
    );
    let ledger = ledger(&world).await;
    assert!(is_sent(&ledger[0], Route::App), "{ledger:?}");
    assert_eq!(ledger.len(), 1);
    assert!(world.is_settled().await);
}

#[tokio::test]
async fn an_app_that_refuses_leaves_it_to_the_letter() {
    for status in [410, 404, 400, 403] {
        let world = user().await;
        let app = Server::answering(status, "");
        let function = telling(&world, &app);
        for now in [start(), later()] {
            assert_eq!(world.deliver(&function, now).await, all_done());
        }
        assert_eq!(app.requests().len(), 1, "{status}");
        assert_eq!(world.letters(), 1);
        assert_eq!(ledger(&world).await[0], entry(Route::App, Outcome::Refused));
        assert_eq!(world.doubts().await, []);
    }
}

#[tokio::test]
async fn an_app_that_is_down_is_asked_again_with_the_same_id_and_nobody_else_is() {
    let world = user().await;
    let down = Server::answering(503, "");
    let function_now = telling(&world, &down);
    assert_eq!(world.deliver(&function_now, start()).await, all_done());
    assert!(!world.is_settled().await);
    assert_eq!(world.letters(), 0);
    let lost = Server::hanging_up();
    let after = start() + SignedDuration::from_mins(6);
    assert_eq!(
        world.deliver(&telling(&world, &lost), after).await,
        all_done()
    );
    assert_eq!(world.letters(), 0, "it may have arrived");
    let up = Server::answering(200, "");
    let after = start() + SignedDuration::from_hours(1);
    assert_eq!(
        world.deliver(&telling(&world, &up), after).await,
        all_done()
    );
    assert!(world.is_settled().await);
    assert_eq!((world.letters(), world.doubts().await), (0, vec![]));
    let id = |server: &Server| {
        server.requests()[0]
            .header("webhook-id")
            .unwrap()
            .to_owned()
    };
    assert_eq!(id(&down), id(&up));
    assert_eq!(id(&lost), id(&up));
}

#[tokio::test]
async fn an_attempt_at_the_app_that_was_given_up_is_made_again() {
    let world = user().await;
    let medium = Medium::of(Route::App);
    let entry = NoticeKey { medium, ..key() };
    let lease = resound_lambda_kit::timing::NOTICE_LEASE;
    let claim = world
        .aws
        .store
        .claim(entry, "another", start(), lease)
        .await;
    assert!(matches!(claim.unwrap(), Claim::Fresh(_)));
    let app = Server::answering(200, "");
    let function = telling(&world, &app);
    assert_eq!(world.deliver(&function, start()).await, again());
    assert_eq!(world.deliver(&function, later()).await, all_done());
    assert_eq!(app.requests().len(), 1);
    assert!(world.is_settled().await);
}

#[test]
fn an_app_within_the_network_is_refused_at_the_start() {
    for url in [
        "http://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
    ] {
        let config = vars(&[("CUSTOMER_WEBHOOK_URL", url)]).read(Config::read);
        assert!(config.is_err(), "{url}");
    }
}

#[tokio::test]
async fn who_spoke_to_a_person_is_told_by_one_first() {
    for channel in ["phone", "store", "sales"] {
        let left = json!({"channel": channel, "contact": {"email": "li@example.test", "phone": "+86 138 0013 8000"}});
        let world = World::resolved(left).await;
        let function = function(&world.aws.clients, &[MAIL, IDENTITY]);
        for now in [start(), later()] {
            assert_eq!(world.deliver(&function, now).await, all_done());
        }
        assert_eq!(world.letters(), 0);
        assert_eq!(
            ledger(&world).await,
            [entry(Route::Person, Outcome::ToTell)]
        );
        let history = world.aws.store.history(case_id()).await.unwrap().unwrap();
        let asked = history
            .events
            .iter()
            .filter(|stored| matches!(stored.event.kind, EventKind::ToTell { cause: 2, .. }));
        assert_eq!(asked.count(), 1, "{channel}");
        assert!(world.is_settled().await);
    }
}
