//! Two versions over one table: what an older one wrote is worked by this one, and what a newer one wrote is neither
//! lost nor spoilt by it.
//!
//! `tests/skew/` has the whole table of a system in the middle of its work, as each release left it. The newer version
//! is played: items get attributes, events, effects, documents and messages that this version does not know.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use jiff::civil::date;
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::id::CaseId;
use resound_domain::policy::Policy;
use resound_store::{Buried, ConfigKind, Published, repair, schema};
use resound_tests::World;
use resound_tests::table::{text, unsettled};
use resound_tests::world::Ended;
use serde_json::{Value, json};

use crate::main_job::complaint;

/// Under which key the complaint of the story is sent, and sent again.
const KEY: &str = "skew-complaint-0123456789";

/// A system in the middle of its work: a complaint that was replied to, one that is resolved and whose customer is not
/// told yet, one that is closed, one that was erased, praise, rules and a night that was counted.
struct Story {
    /// Replied to.
    replied: CaseId,
    /// Resolved, and the letter is still to be sent.
    resolved: CaseId,
    /// What the customer of the first one has.
    status: String,
}

/// Business time that passes in the story, and machine time with it.
const LATER: &str = "P4D";

async fn tell(world: &mut World) -> Story {
    let mut form = Form::new(FormId::default_form());
    form.allowed_origins = vec!["https://shop.example".to_owned()];
    publish_forms(world, vec![form]).await;
    let policy = Policy::default();
    let published = world.store.publish_config(ConfigKind::Policy, 1, &policy);
    assert_eq!(published.await.unwrap(), Published::Published);

    world.submit(json!({"nps": 9, "text": "Lovely!"})).await;
    let closed = world.submit(complaint()).await.case;
    let resolve = json!({"command": "resolve", "message": "A new one is on its way."});
    world.command(closed, resolve.clone()).await;
    world.advance(LATER).await;
    world.night().await;
    world.drain().await;
    let erased = world.submit(complaint()).await.case;
    world
        .command(
            erased,
            json!({"command": "decline", "reason": "We do not make it any more."}),
        )
        .await;
    world.drain().await;
    let buried = world.store.bury(erased.response(), world.machine_now());
    assert_eq!(buried.await.unwrap(), Buried::Buried);

    let answer = world.post(&complaint(), Some(KEY)).await.expect(201);
    let replied = resound_tests::world::receipt(&answer);
    let reply = json!({"command": "reply", "message": "Which colour do you want?"});
    world.command(replied.case, reply).await;
    world.drain().await;
    let resolved = world.submit(complaint()).await.case;
    world.command(resolved, resolve).await;
    Story {
        replied: replied.case,
        resolved,
        status: replied.status,
    }
}

async fn publish_forms(world: &World, forms: Vec<Form>) {
    let forms = Forms::new(forms).unwrap();
    let published = world.store.publish_config(ConfigKind::Form, 1, &forms);
    assert_eq!(published.await.unwrap(), Published::Published);
}

/// Works on where the story stopped, in every way a stack works, to its end.
async fn go_on(world: &mut World, story: &Story) {
    // The letter that was not sent yet, once.
    let before = world.mails().len();
    world.pass(repair::FIRST_BACK_OFF);
    world.settle().await;
    assert_eq!(world.mails().len(), before + 1);

    // A retry of the sender gets its receipt again, the customer sees the page, staff see the case.
    let again = world.post(&complaint(), Some(KEY)).await.expect(201);
    let again = resound_tests::world::receipt(&again);
    assert_eq!((again.case, &again.status), (story.replied, &story.status));
    let status = world.get(&story.status).await.expect(200).json();
    assert_eq!(status["state"], "acknowledged");
    let listed = world
        .staff_get("/v1/cases?state=acknowledged")
        .await
        .expect(200);
    assert_eq!(listed.json()["cases"].as_array().unwrap().len(), 1);
    world.case(story.replied).await;
    world.staff_get("/v1/nps").await.expect(200);

    // Time and people move every case on.
    world.advance("PT60H").await;
    let log = world.log(story.replied).await;
    assert!(log.contains(&"warned"), "{log:?}");
    let commands = [
        json!({"command": "assign", "owner": "bo@example.com"}),
        json!({"command": "await_customer", "message": "Which one?"}),
        json!({"command": "resume"}),
        json!({"command": "decline", "reason": "It is not made any more."}),
        json!({"command": "reopen"}),
        json!({"command": "resolve", "message": "We found one."}),
    ];
    for (n, command) in commands.iter().enumerate() {
        // A world of its own counts requests from the beginning; these are not those that the story has sent.
        let key = format!("skew-command-{n:08}");
        let done = world.try_command(story.replied, command, Some(&key)).await;
        done.expect(200);
    }
    world.advance("P8D").await;
    for case in [story.replied, story.resolved] {
        assert_eq!(world.log(case).await.last(), Some(&"closed"));
    }
    let night = world.night().await;
    assert!(matches!(night, Ended::Returned(_)), "{night:?}");
    world.settle().await;
}

// What an older version wrote

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("skew")
}

#[tokio::test]
#[ignore = "writes the table of a release; refuses to touch that of an old one"]
async fn write_the_table_of_this_version() {
    let mut world = World::new().await;
    let story = tell(&mut world).await;
    let passed = world.machine_now().duration_since(world_start());
    let told = json!({
        "replied": story.replied,
        "resolved": story.resolved,
        "status": story.status,
        "business": world.now(),
        "machine_seconds": passed.as_secs(),
        "items": world.items(),
    });
    let file = folder().join(concat!("v", env!("CARGO_PKG_VERSION"), ".json"));
    let text = serde_json::to_string_pretty(&told).unwrap() + "\n";
    let mut made = fs::File::create_new(file).expect("a file that is not there yet");
    std::io::Write::write_all(&mut made, text.as_bytes()).unwrap();
    world.abandon("its table is all that is wanted");
}

fn world_start() -> jiff::Timestamp {
    resound_tests::world::START.parse().unwrap()
}

#[tokio::test]
async fn the_table_of_every_release_is_worked_on() {
    let mut releases = 0;
    for file in fs::read_dir(folder()).unwrap() {
        let told = fs::read_to_string(file.unwrap().path()).unwrap();
        let told: Value = serde_json::from_str(&told).unwrap();
        let mut world = World::new().await;
        for item in told["items"].as_array().unwrap() {
            world.put(item);
        }
        let business: jiff::Timestamp = told["business"].as_str().unwrap().parse().unwrap();
        let ahead = business.duration_since(world.now()).as_secs();
        world.leap(&format!("PT{ahead}S"));
        let machine = told["machine_seconds"].as_i64().unwrap();
        world.pass(SignedDuration::from_secs(machine));
        let case = |name: &str| told[name].as_str().unwrap().parse().unwrap();
        let story = Story {
            replied: case("replied"),
            resolved: case("resolved"),
            status: told["status"].as_str().unwrap().to_owned(),
        };
        go_on(&mut world, &story).await;
        releases += 1;
    }
    assert!(releases > 0);
}

// What a newer version wrote

const NEWER: &str = "of_a_newer_version";

/// The maps of items that have named members: a newer version may add to each.
const MAPS: [&str; 14] = [
    "",
    "/case/M",
    "/case/M/terms/M",
    "/case/M/terms/M/ladder/M",
    "/case/M/clocks/M",
    "/case/M/clocks/M/first_response/M",
    "/case/M/clocks/M/resolution/M",
    "/case/M/clocks/M/resolution/M/target/M",
    "/event/M",
    "/response/M",
    "/response/M/submission/M",
    "/response/M/submission/M/contact/M",
    "/response/M/triage/M",
    "/document/M",
];

/// An item with something more in each of its maps.
fn extended(mut item: Value) -> Value {
    for path in MAPS {
        if let Some(Value::Object(map)) = item.pointer_mut(path) {
            map.insert(NEWER.to_owned(), json!({"S": path}));
        }
    }
    item
}

/// Where in an item something of the newer version stands.
fn extensions(item: &Value) -> Vec<&'static str> {
    let has = |path: &&str| {
        item.pointer(path)
            .is_some_and(|map| map.get(NEWER).is_some())
    };
    MAPS.into_iter().filter(has).collect()
}

fn is_derived(item: &Value) -> bool {
    item["PK"]["S"].as_str().unwrap().starts_with("TALLY#")
}

#[tokio::test]
async fn attributes_of_a_newer_version_survive_every_change() {
    let mut world = World::new().await;
    let story = tell(&mut world).await;
    for item in world.items() {
        world.put(&extended(item));
    }
    let before = world.items();
    go_on(&mut world, &story).await;
    let after = world.items();
    let mut compared = 0;
    for old in before.iter().filter(|item| !is_derived(item)) {
        let key = (&old["PK"], &old["SK"]);
        let new = after.iter().find(|item| (&item["PK"], &item["SK"]) == key);
        let new = new.unwrap_or_else(|| panic!("{key:?} is gone"));
        assert_eq!(extensions(new), extensions(old), "{key:?}");
        compared += extensions(old).len();
    }
    assert!(compared > 50, "{compared}");
}

/// Two alerts that wait in a group for each sink, and what begins the keys of groups.
async fn waiting_alerts() -> (World, &'static str) {
    let mut world = World::new().await;
    world.group_alerts(60);
    for _ in 0..2 {
        world.submit(complaint()).await;
    }
    world.drain().await;
    world.leap("PT23H");
    world.sweep().await;
    world.deliver().await;
    (world, "GROUP#")
}

#[tokio::test]
async fn attributes_of_a_newer_version_survive_what_becomes_of_a_group() {
    let (mut world, groups) = waiting_alerts().await;
    for item in world.items() {
        world.put(&extended(item));
    }
    let before = world.items();
    world.drain().await;
    assert_eq!(world.alerts().len(), 1, "one message");
    let mut compared = 0;
    for (old, new) in before.iter().zip(world.items()) {
        let key = (&old["PK"], &old["SK"]);
        assert_eq!(key, (&new["PK"], &new["SK"]));
        assert_eq!(extensions(&new), extensions(old), "{key:?}");
        compared += usize::from(old["PK"]["S"].as_str().unwrap().starts_with(groups));
    }
    assert_eq!(compared, 6, "two groups of two");
}

#[tokio::test]
async fn a_group_of_a_newer_form_is_left_to_the_version_that_knows_it() {
    let (mut world, groups) = waiting_alerts().await;
    let is_group = |item: &Value| {
        let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
        text("PK").starts_with(groups) && text("SK").starts_with("G#")
    };
    let mut kept: Vec<Value> = world.items().into_iter().filter(is_group).collect();
    for group in &mut kept {
        group["v"] = json!({"N": "2"});
        world.put(group);
    }
    world
        .submit(json!({"nps": 2, "text": "It never came."}))
        .await;
    world.advance("PT23H").await;
    world.settle().await;
    let now = world.items();
    assert!(kept.iter().all(|group| now.contains(group)), "untouched");
    // Who knows which of the owner's alerts were told already? Others do not wait for that.
    let told: Vec<String> = world.alerts().into_iter().map(|w| w.id).collect();
    assert!(!told.is_empty() && told.iter().all(|id| !id.starts_with("owner-")));
    let left = unsettled(&world.dump());
    assert!(left.len() >= 3 && left.iter().all(|(_, _, stuck)| *stuck));
    world.abandon("the newer version tells them");
}

/// Adds to a case what only a newer version does: an event, with effects, and something of its own in the case.
fn newer_event(world: &World, case: CaseId, note: &str) -> u64 {
    let items = world.items();
    let pk = json!({"S": format!("CASE#{case}")});
    let find = |sk: &str| {
        let found = items
            .iter()
            .find(|item| item["PK"] == pk && item["SK"]["S"] == sk);
        found.unwrap().clone()
    };
    let mut snapshot = find("CASE");
    let version: u64 = snapshot["version"]["N"].as_str().unwrap().parse().unwrap();
    let seq = version + 1;
    let number = json!({"N": seq.to_string()});
    snapshot["version"] = number.clone();
    snapshot["case"]["M"]["version"] = number.clone();
    snapshot["case"]["M"]["note"] = json!({"S": note});
    world.put(&snapshot);
    let mut event = find(&format!("EVENT#{version:06}"));
    event["SK"] = json!({"S": format!("EVENT#{seq:06}")});
    event["event"]["M"]["seq"] = number;
    event["event"]["M"]["kind"] = json!({"M": {"apologised": {"M": {"gift": {"S": "tea"}}}}});
    event["open"] = json!({"SS": ["customer_notice", "gift"]});
    let due = world.machine_now() + repair::FIRST_BACK_OFF;
    event["due_at"] = json!({"S": format!("{:015}", due.as_millisecond())});
    let shard = u8::try_from(case.bits() % u128::from(schema::EVENT_SHARDS)).unwrap();
    event["due_shard"] = json!({"S": schema::event_shard(shard)});
    event["attempts"] = json!({"N": "0"});
    world.put(&event);
    seq
}

#[tokio::test]
async fn an_event_of_a_newer_version_stands_in_the_log_and_waits_for_it() {
    let mut world = World::new().await;
    let receipt = world.submit(complaint()).await;
    let case = receipt.case;
    let seq = newer_event(&world, case, "kept");
    world.drain().await;
    assert!(world.mails().is_empty(), "nobody here knows what to say");

    // Everybody goes on.
    let shown = world.case(case).await;
    assert_eq!(shown["timeline"][1]["type"], "unknown");
    let status = world.get(&receipt.status).await.expect(200).json();
    assert_eq!(status["timeline"].as_array().unwrap().len(), 1);
    let resolve = json!({"command": "resolve", "message": "Done."});
    world.command(case, resolve).await;
    world.advance("P4D").await;
    assert_eq!(world.mails().len(), 1, "that it is resolved");
    assert_eq!(
        world.log(case).await,
        ["opened", "unknown", "resolved", "closed"]
    );
    let key = format!("CASE#{case} / CASE");
    assert_eq!(world.dump()[&key]["case"]["note"], "kept");

    // Its effects stay open, and at last a person hears of them.
    let event = format!("CASE#{case} / EVENT#{seq:06}");
    let left = unsettled(&world.dump());
    assert!(
        matches!(&left[..], [(key, _, false)] if *key == event),
        "{left:?}"
    );
    world.settle().await;
    let left = unsettled(&world.dump());
    assert!(
        matches!(&left[..], [(key, _, true)] if *key == event),
        "{left:?}"
    );
    let item = world.dump()[&event].clone();
    assert_eq!(item["open"], json!(["customer_notice", "gift"]));
    assert!(item["event"]["kind"].get("apologised").is_some(), "{item}");
    let stuck = world.store.stuck_events(10).await.unwrap().ready;
    assert_eq!(stuck[0].open_names(), ["customer_notice", "gift"]);
    world.abandon("the newer version settles it");
}

#[tokio::test]
async fn two_versions_take_turns_at_one_case() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    let commands = [
        json!({"command": "acknowledge"}),
        json!({"command": "await_customer"}),
        json!({"command": "resume"}),
        json!({"command": "reply", "message": "Soon."}),
    ];
    for (turn, command) in commands.into_iter().enumerate() {
        newer_event(&world, case, &format!("turn {turn}"));
        world.command(case, command).await;
        world.advance("PT7H").await;
    }
    let history = world.history(case).await;
    let seqs = history.events.iter().map(|stored| stored.event.seq);
    assert!(seqs.eq(1..=history.case.version()), "no gap, none twice");
    let unknown = world.log(case).await;
    let unknown = unknown.iter().filter(|kind| **kind == "unknown");
    assert_eq!(unknown.count(), 4);
    let snapshot = &world.dump()[&format!("CASE#{case} / CASE")];
    assert_eq!(snapshot["case"]["note"], "turn 3");
    assert_eq!(world.mails().len(), 1);
    world.abandon("the newer version settles its events");
}

/// What this version cannot understand at all it does not touch, and it keeps nothing else waiting.
#[tokio::test]
async fn items_that_cannot_be_understood_are_left_alone() {
    let mut world = World::new().await;
    let mut spoilt = Vec::new();
    for (path, value) in [
        ("/case/M/state/S", "snoozed"),
        ("/case/M/priority/S", "P0"),
        ("/v/N", "3"),
        ("/case/M/clocks/M/resolution/M/fired/S", "board"),
    ] {
        let case = world.submit(complaint()).await.case;
        spoilt.push((case, path, value));
    }
    let good = world.submit(complaint()).await;
    world.advance("PT20H").await;
    let mut kept = Vec::new();
    for (case, path, value) in &spoilt {
        let pk = format!("CASE#{case}");
        let items = world.items();
        let item = items
            .iter()
            .find(|item| item["PK"]["S"] == pk && item["SK"]["S"] == "CASE");
        let mut item = item.unwrap().clone();
        let (parent, kind) = path.rsplit_once('/').unwrap();
        let (parent, name) = parent.rsplit_once('/').unwrap();
        let parent = item.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.insert(name.to_owned(), json!({kind: value}));
        world.put(&item);
        kept.push((format!("{pk} / CASE"), item));
    }
    // A channel that did not exist.
    let response = world.submit(json!({"nps": 10})).await;
    for mut item in world.items() {
        if item["PK"]["S"] == format!("RESPONSE#{}", response.id) {
            item["channel"] = json!({"S": "kiosk"});
            item["response"]["M"]["submission"]["M"]["channel"] = json!({"S": "kiosk"});
            world.put(&item);
        }
    }

    world.advance("P2D").await;
    let log = world.log(good.case).await;
    assert!(log.contains(&"breached"), "{log:?}");
    let listed = world.staff_get("/v1/cases").await.expect(200).json();
    assert_eq!(listed["cases"].as_array().unwrap().len(), 1);
    for (case, _, _) in &spoilt {
        let reply = json!({"command": "reply", "message": "Hello."});
        let answer = world.try_command(*case, &reply, None).await;
        assert_eq!(answer.status, 500, "{}", answer.body);
    }
    assert_eq!(world.get(&response.status).await.status, 500);
    let scores = world.staff_get("/v1/nps").await.expect(200);
    assert!(!scores.body.is_empty());
    for (key, item) in kept {
        let now = world
            .items()
            .into_iter()
            .find(|now| format!("{} / CASE", now["PK"]["S"].as_str().unwrap()) == key);
        let now = now.filter(|now| now["SK"]["S"] == "CASE");
        assert_eq!(now.unwrap(), item, "{key}");
    }
    world.abandon("the newer version works its cases");
}

#[tokio::test]
async fn documents_of_a_newer_version_are_passed_over() {
    let mut world = World::new().await;
    let mut form = Form::new("shop".parse().unwrap());
    form.zone = Some("Pacific/Kiritimati".to_owned());
    publish_forms(&world, vec![form]).await;
    for kind in ["form", "policy", "calendar"] {
        for (version, form) in [(2, "2"), (3, "1")] {
            world.put(&json!({
                "PK": {"S": format!("CONFIG#{kind}")}, "SK": {"S": format!("V#{version:06}")}, "v": {"N": form},
                "document": {"M": {"something": {"S": "else"}}},
            }));
        }
    }
    let mut feedback = complaint();
    feedback["form"] = json!("shop");
    let receipt = world.submit(feedback).await;
    assert!(receipt.respond_by.is_some(), "by the default policy");
    world.get("/f/shop").await.expect(200);
    let key = format!("RESPONSE#{} / RESPONSE", receipt.id);
    assert!(
        text(&world.dump()[&key], "day").starts_with("shop#2026-11-02"),
        "its own zone"
    );
    world.advance("PT20H").await;
    let nights = world
        .transcript
        .iter()
        .filter(|line| line.contains("aggregate-nps {"));
    assert_eq!(nights.count(), 1, "{:?}", world.transcript);
}

#[tokio::test]
async fn messages_of_a_newer_version_are_kept_for_it() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    world
        .command(case, json!({"command": "resolve", "message": "Done."}))
        .await;
    world.drain().await;
    for function in ["close-loop", "notify-staff"] {
        let bodies = [
            json!({"v": 2, "message": {"type": "effect_due", "effect": "customer_notice", "case": case, "seq": 2}}),
            json!({"v": 1, "message": {"type": "surprise", "case": case}}),
            json!({"v": 1, "message": {"type": "effect_due", "effect": "gift", "case": case, "seq": 2}}),
        ];
        for body in &bodies {
            world.send(&world.queue_of(function), &body.to_string());
        }
        // One with more in it is as good as one without.
        let known = json!({"v": 1, "trace": "x", "message": {"type": "effect_due", "effect": "customer_notice", "case": case, "seq": 2, "hint": 1}});
        if function == "close-loop" {
            world.send(&world.queue_of(function), &known.to_string());
        }
        world.drain().await;
        let dead = world.dead_letters_of(function);
        assert_eq!(world.count(&dead), bodies.len(), "{dead}");
        world.purge(&dead);
    }
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn a_night_leaves_the_counts_of_a_newer_version() {
    let mut world = World::new().await;
    world.submit(json!({"nps": 9})).await;
    world.advance("P1D").await;
    let items = world.items();
    let cell = items
        .iter()
        .find(|item| item["SK"]["S"] == "DAY#2026-11-02#all#all");
    let mut cell = cell.unwrap().clone();
    cell["SK"] = json!({"S": "DAY#2026-11-02#weather#rain"});
    cell["dimension"] = json!({"S": "weather"});
    world.put(&cell);
    let counted = world.replay(date(2026, 11, 2)).await;
    assert!(
        matches!(&counted, Ended::Returned(counted) if counted["days"] == 1),
        "{counted:?}"
    );
    assert!(world.items().contains(&cell));
    world.staff_get("/v1/nps").await.expect(200);
}
