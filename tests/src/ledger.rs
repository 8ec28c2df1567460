//! Whether each effect came out as its class promises.
//!
//! - A letter or text message to a customer: at most once. If the ledger does not say that it was sent, it says that this is unknown, a
//!   doubt is in the log of the case and staff were told of it.
//! - A webhook to the company's app: at least once if the ledger says that it was sent, never more often than it counts attempts, and
//!   the same each time.
//! - By one route alone, unless the provider told of the letter that it reached nobody.
//! - A letter of an announcement or a beta: at most once. If the ledger does not say that it was sent, it says that this is unknown. What
//!   the provider told of it is counted once.
//! - An alert to staff: at least once by each medium, and no more often than the ledger counts attempts. A message about
//!   several tells of the same ones each time it is sent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use notify_staff::alert::matter;
use resound_domain::event::{Doubt, Effect, Event, EventKind};
use resound_domain::policy::Priority;
use resound_lambda_kit::mail::Mailbox;
use serde_json::Value;

use crate::table::{Dump, text};
use crate::world::World;

/// How often effects reached somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Letters that customers got.
    pub mails: usize,
    /// Letters among them of which the provider has not told that a mailbox took them.
    pub untold: usize,
    /// Letters of which it is unknown whether the customer got them.
    pub doubts: usize,
    /// Alerts that staff got, by letter and by webhook.
    pub alerts: usize,
    /// Alerts that staff got again.
    pub repeated: usize,
    /// Webhooks that the company's app got.
    pub app: usize,
    /// Webhooks that the company's app got again.
    pub app_repeated: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.mails += other.mails;
        self.untold += other.untold;
        self.doubts += other.doubts;
        self.alerts += other.alerts;
        self.repeated += other.repeated;
        self.app += other.app;
        self.app_repeated += other.app_repeated;
    }
}

/// An entry of the ledger, as far as it is judged.
struct Entry<'a> {
    case: &'a str,
    cause: u32,
    recipient: &'a str,
    medium: &'a str,
    status: &'a str,
    attempts: usize,
    group: Option<&'a str>,
    is_delivered: bool,
    /// The provider told that it reached nobody.
    has_failed: bool,
}

impl<'a> Entry<'a> {
    fn read(key: &'a str, item: &'a Value) -> Option<Self> {
        let (pk, sk) = key.split_once(" / ")?;
        let mut parts = sk.strip_prefix("NOTICE#")?.split('#');
        Some(Self {
            case: pk.strip_prefix("CASE#")?,
            cause: parts.next()?.parse().ok()?,
            recipient: parts.next()?,
            medium: parts.next()?,
            status: text(item, "status"),
            attempts: usize::try_from(item["attempts"].as_u64()?).ok()?,
            group: item.get("group").and_then(Value::as_str),
            is_delivered: item.get("delivered_at").is_some(),
            has_failed: ["bounced_at", "rejected_at"]
                .iter()
                .any(|told| item.get(told).is_some()),
        })
    }
}

/// Judges every effect of a world that has settled.
///
/// # Panics
/// If one did not come out as promised.
pub fn check(world: &World) -> Tally {
    let dump = world.dump();
    let entries = dump.iter().filter_map(|(key, item)| Entry::read(key, item));
    let entries: Vec<Entry<'_>> = entries.collect();
    for item in dump
        .iter()
        .filter_map(|(key, item)| key.contains(" / EVENT#").then_some(item))
    {
        let event: Event = serde_json::from_value(item["event"].clone()).expect("an event");
        recorded(&event, &entries);
    }
    let mut tally = Tally::default();
    for entry in entries.iter().filter(|e| e.recipient == "customer") {
        customer(world, &dump, &entries, entry, &mut tally);
    }
    texts(world, &entries, &mut tally);
    app(world, &entries, &mut tally);
    by_one_route(&entries);
    announcements(world, &dump, &mut tally);
    webhooks(world, &dump, &entries, &mut tally);
    letters(world, &entries, &mut tally);
    tally
}

/// Each effect of a settled event is in the ledger, with an outcome.
fn recorded(event: &Event, entries: &[Entry<'_>]) {
    let case = event.case.to_string();
    for effect in event.effects() {
        let cause = event.kind.tells_of(event.seq);
        let about = |entry: &&Entry<'_>| entry.case == case && entry.cause == cause;
        let found: Vec<_> = entries
            .iter()
            .filter(about)
            .filter(|entry| (entry.recipient == "customer") == (*effect == Effect::CustomerNotice))
            .collect();
        let what = format!("{} of event {} of {case}", effect.name(), event.seq);
        assert!(!found.is_empty(), "{what} is not in the ledger");
        for entry in found {
            let over = !matches!(entry.status, "in_progress" | "released");
            assert!(over, "{what} is {}", entry.status);
        }
    }
}

fn customer(
    world: &World,
    dump: &Dump,
    entries: &[Entry<'_>],
    entry: &Entry<'_>,
    tally: &mut Tally,
) {
    let Entry { case, cause, .. } = *entry;
    let message = format!("CASE#{case} / MESSAGE#{cause:06}");
    let words = text(&dump[&message], "text");
    // What went by text message or to the app is counted apart.
    let mails = world.mails().into_iter().filter(|letter| {
        entry.medium == "email"
            && letter.channel == "email"
            && letter.about.as_deref() == Some(case)
            && letter.text.contains(words)
    });
    let mails = mails.count();
    tally.mails += mails;
    if entry.medium == "email" && !entry.is_delivered && !entry.has_failed {
        tally.untold += mails;
    }
    let what = format!("the letter about event {cause} of {case}");
    match entry.status {
        // What went otherwise is counted apart, and what a person said is heard by nobody else.
        "sent" if entry.medium != "email" => {}
        "sent" => assert_eq!(mails, 1, "{what} was sent"),
        "unknown" => {
            tally.doubts += 1;
            assert!(mails <= 1, "{what} was sent {mails} times");
            let log = dump.range(format!("CASE#{case} / EVENT#")..format!("CASE#{case} / EVENT$"));
            let doubt = log
                .map(|(_, item)| serde_json::from_value(item["event"].clone()))
                .map(|event: Result<Event, _>| event.expect("an event"))
                .find(|event| match event.kind {
                    EventKind::NoticeInDoubt {
                        cause: of, doubt, ..
                    } => of == cause && doubt == Doubt::Unknown,
                    _ => false,
                });
            let doubt = doubt.unwrap_or_else(|| panic!("{what} is in doubt and the log is not"));
            let told = entries.iter().any(|entry| {
                entry.case == case && entry.cause == doubt.seq && entry.status == "sent"
            });
            assert!(told, "{what} is in doubt and nobody was told");
        }
        _ => assert_eq!(mails, 0, "{what} is {}", entry.status),
    }
}

/// A text message has no words of staff, so they are counted by case: as many as were sent, and at most one more for each of
/// which nobody knows.
fn texts(world: &World, entries: &[Entry<'_>], tally: &mut Tally) {
    let mut expected: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.medium == "sms") {
        let (least, most) = expected.entry(entry.case).or_default();
        *least += usize::from(entry.status == "sent");
        *most += usize::from(matches!(entry.status, "sent" | "unknown"));
    }
    for letter in world.letters() {
        let Some(case) = letter.about.as_deref().filter(|_| letter.channel == "sms") else {
            continue;
        };
        let counts = expected.get_mut(case).map(|(least, most)| {
            *least = least.saturating_sub(1);
            most.checked_sub(1).map(|left| *most = left)
        });
        assert!(counts.flatten().is_some(), "one too many about {case}");
        tally.mails += 1;
    }
    for (case, (least, _)) in expected {
        assert_eq!(
            least, 0,
            "a text message about {case} was sent, and is nowhere"
        );
    }
}

/// What the app was told is what the ledger has, the same each time, and not more often than it has attempts.
fn app(world: &World, entries: &[Entry<'_>], tally: &mut Tally) {
    let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for webhook in world.told_app() {
        assert!(webhook.signature.starts_with("v1,"), "{webhook:?}");
        let payloads = taken.entry(webhook.id).or_default();
        payloads.push(webhook.payload);
    }
    for entry in entries.iter().filter(|entry| entry.medium == "app") {
        let Entry { case, cause, .. } = *entry;
        let id = format!("{case}-{cause}-customer");
        let payloads = taken.remove(&id).unwrap_or_default();
        let (times, most) = (payloads.len(), entry.attempts);
        let least = usize::from(entry.status == "sent");
        let most = match entry.status {
            "sent" | "unknown" => most,
            _ => 0,
        };
        assert!(
            (least..=most).contains(&times),
            "{id} is {} after {} attempts, and was taken {times} times",
            entry.status,
            entry.attempts
        );
        let same = payloads.iter().all(|payload| *payload == payloads[0]);
        assert!(same, "{id} is not the same each time: {payloads:?}");
        tally.app += times;
        tally.app_repeated += times.saturating_sub(1);
    }
    assert_eq!(taken, BTreeMap::new(), "the ledger does not know of it");
}

/// Nobody is told by two routes, unless what went by the first came back.
fn by_one_route(entries: &[Entry<'_>]) {
    let mut told: BTreeMap<(&str, u32), &str> = BTreeMap::new();
    for entry in entries {
        let may_have_told = matches!(entry.status, "sent" | "unknown") && !entry.has_failed;
        // A person may call whoever had a letter.
        let is_sent = entry.recipient == "customer" && entry.medium != "person";
        if is_sent && may_have_told {
            let other = told.insert((entry.case, entry.cause), entry.medium);
            let what = format!("event {} of {}", entry.cause, entry.case);
            assert_eq!(other, None, "{what} was told by {} too", entry.medium);
        }
    }
}

/// An alert as a webhook tells of it: its case, its matter, and when that was: a customer may write more than once.
type Alert = (String, String, Timestamp);

/// The alerts of a webhook.
fn alerts(payload: &Value) -> BTreeSet<Alert> {
    let one = |alert: &Value| {
        let data = &alert["data"];
        let at = text(alert, "timestamp").parse().expect("an instant");
        (
            text(data, "case").to_owned(),
            data["matter"].to_string(),
            at,
        )
    };
    let Some(several) = payload["data"]["alerts"].as_array() else {
        return [one(payload)].into();
    };
    let alerts: BTreeSet<Alert> = several.iter().map(one).collect();
    assert_eq!(alerts.len(), several.len(), "twice in {payload}");
    assert_eq!(payload["data"]["count"], several.len(), "{payload}");
    alerts
}

/// The alert that an entry is about.
fn alert(entry: &Entry<'_>, dump: &Dump) -> Alert {
    let key = format!("CASE#{} / EVENT#{:06}", entry.case, entry.cause);
    let event = serde_json::from_value(dump[&key]["event"].clone());
    let event: Event = event.expect("an event");
    // The priority decides about who is told, not about what.
    let (matter, _) = matter(&event.kind, Priority::P1).expect("it is told");
    let matter = serde_json::to_value(matter).expect("JSON");
    (entry.case.to_owned(), matter.to_string(), event.at)
}

fn webhooks(world: &World, dump: &Dump, entries: &[Entry<'_>], tally: &mut Tally) {
    let mut taken: BTreeMap<String, Vec<BTreeSet<Alert>>> = BTreeMap::new();
    for webhook in world.alerts() {
        let messages = taken.entry(webhook.id.clone()).or_default();
        messages.push(alerts(&webhook.json()));
    }
    for (id, messages) in &taken {
        let same = messages.iter().all(|alerts| *alerts == messages[0]);
        assert!(same, "{id} is not the same each time: {messages:?}");
    }
    let mut expected: BTreeMap<String, BTreeSet<Alert>> = BTreeMap::new();
    for entry in entries.iter().filter(|e| e.medium == "webhook") {
        let id = match entry.group {
            Some(group) => group.replace('/', "-"),
            None => format!("{}-{}-{}", entry.case, entry.cause, entry.recipient),
        };
        let times = taken.get(&id).map_or(0, Vec::len);
        let counted = (1..=entry.attempts).contains(&times);
        let attempts = entry.attempts;
        assert!(
            counted,
            "webhook {id} was taken {times} times, by the ledger in {attempts} attempts"
        );
        tally.alerts += times;
        tally.repeated += times - 1;
        let fresh = expected.entry(id).or_default().insert(alert(entry, dump));
        assert!(fresh, "two entries for one alert");
    }
    let taken: BTreeMap<String, BTreeSet<Alert>> = taken
        .into_iter()
        .filter_map(|(id, messages)| Some((id, messages.into_iter().next()?)))
        .collect();
    assert_eq!(taken, expected, "what was told is what the ledger has");
}

/// Letters do not say which event they are about, so they are counted by case and recipient: each line of a letter about
/// several has the address of its case.
/// A letter about an improvement: at most one for each occasion to each address, and as many as the ledger says.
fn announcements(world: &World, dump: &Dump, tally: &mut Tally) {
    /// What the ledger says of the letters to an address about an improvement, whatever for.
    #[derive(Default)]
    struct Said {
        sent: usize,
        unknown: usize,
        delivered: usize,
    }
    let letters = world.letters();
    let mut said: BTreeMap<(&str, &str), Said> = BTreeMap::new();
    let mut delivered: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (key, item) in dump {
        let entry = key.strip_prefix("CONTACT#");
        let Some((contact, (kind, improvement))) = entry
            .and_then(|key| key.split_once(" / "))
            .and_then(|(contact, sk)| Some((contact, sk.split_once('#')?)))
        else {
            continue;
        };
        let occasion = match kind {
            "TOLD" => "announcement",
            "INVITED" => "invitation",
            "ASKED" => "question",
            _ => continue,
        };
        let said = said.entry((contact, improvement)).or_default();
        match text(item, "status") {
            "sent" => said.sent += 1,
            "unknown" => said.unknown += 1,
            status => panic!("{key} is {status}"),
        }
        if item.get("delivered_at").is_some() {
            said.delivered += 1;
            *delivered.entry((occasion, improvement)).or_default() += 1;
        }
    }
    for ((contact, improvement), said) in said {
        let theirs = letters.iter().filter(|letter| {
            let to = Mailbox::new(&letter.to).map(|to| to.contact().to_string());
            to.is_ok_and(|to| to == contact) && letter.about.as_deref() == Some(improvement)
        });
        let times = theirs.count();
        let most = said.sent + said.unknown;
        assert!(
            (said.sent..=most).contains(&times),
            "{contact} {improvement}: {times} letters"
        );
        tally.mails += times;
        tally.doubts += said.unknown;
        tally.untold += times - said.delivered;
    }
    let mut counted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (key, item) in dump {
        let counts = key.strip_prefix("IMPROVEMENT#");
        let counts = counts.and_then(|key| key.split_once(" / DELIVERIES#"));
        if let Some((improvement, (occasion, _))) =
            counts.and_then(|(improvement, sk)| Some((improvement, sk.split_once('#')?)))
        {
            let of = counted.entry((occasion, improvement)).or_default();
            *of += item["delivered"].as_u64().unwrap_or(0);
        }
    }
    assert_eq!(counted, delivered, "letters that were delivered");
}

fn letters(world: &World, entries: &[Entry<'_>], tally: &mut Tally) {
    let mut expected: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for entry in entries {
        if entry.recipient != "customer" && entry.medium == "email" && entry.status == "sent" {
            let counts = expected.entry((entry.case, entry.recipient)).or_default();
            counts.0 += 1;
            counts.1 += entry.attempts;
        }
    }
    let letters = world.letters();
    for ((case, recipient), (least, most)) in expected {
        let address = format!("{}@example.com", recipient.replace('_', "-"));
        let lines = letters
            .iter()
            .filter(|letter| letter.to == address)
            .map(|letter| match letter.about.as_deref() == Some(case) {
                true => 1,
                false => letter.text.matches(&format!("/v1/cases/{case}\n")).count(),
            });
        let times: usize = lines.sum();
        assert!(
            (least..=most).contains(&times),
            "{times} letters to {recipient} about {case}, by the ledger {least} in {most} attempts"
        );
        tally.alerts += times;
        tally.repeated += times - least;
    }
}
