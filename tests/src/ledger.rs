//! Whether each effect came out as its class promises.
//!
//! - A letter to a customer: at most once. If the ledger does not say that it was sent, it says that this is unknown, a
//!   doubt is in the log of the case and staff were told of it.
//! - An alert to staff: at least once by each medium, and no more often than the ledger counts attempts.

use std::collections::BTreeMap;

use resound_domain::event::{Doubt, Effect, Event, EventKind};
use serde_json::Value;

use crate::table::{Dump, text};
use crate::world::World;

/// How often effects reached somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Letters that customers got.
    pub mails: usize,
    /// Letters of which it is unknown whether the customer got them.
    pub doubts: usize,
    /// Alerts that staff got, by letter and by webhook.
    pub alerts: usize,
    /// Alerts that staff got again.
    pub repeated: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.mails += other.mails;
        self.doubts += other.doubts;
        self.alerts += other.alerts;
        self.repeated += other.repeated;
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
    webhooks(world, &entries, &mut tally);
    letters(world, &entries, &mut tally);
    tally
}

/// Each effect of a settled event is in the ledger, with an outcome.
fn recorded(event: &Event, entries: &[Entry<'_>]) {
    let case = event.case.to_string();
    for effect in event.kind.effects() {
        let about = |entry: &&Entry<'_>| entry.case == case && entry.cause == event.seq;
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
    let mails = world
        .mails()
        .into_iter()
        .filter(|letter| letter.about.as_deref() == Some(case) && letter.text.contains(words));
    let mails = mails.count();
    tally.mails += mails;
    let what = format!("the letter about event {cause} of {case}");
    match entry.status {
        "sent" => assert_eq!(mails, 1, "{what} was sent"),
        "unknown" => {
            tally.doubts += 1;
            assert!(mails <= 1, "{what} was sent {mails} times");
            let log = dump.range(format!("CASE#{case} / EVENT#")..format!("CASE#{case} / EVENT$"));
            let doubt = log
                .map(|(_, item)| serde_json::from_value(item["event"].clone()))
                .map(|event: Result<Event, _>| event.expect("an event"))
                .find(|event| {
                    let doubt = Doubt::Unknown;
                    event.kind == EventKind::NoticeInDoubt { cause, doubt }
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

fn webhooks(world: &World, entries: &[Entry<'_>], tally: &mut Tally) {
    let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for webhook in world.alerts() {
        let payloads = taken.entry(webhook.id).or_default();
        payloads.push(webhook.payload);
    }
    for entry in entries.iter().filter(|e| e.medium == "webhook") {
        let id = format!("{}-{}-{}", entry.case, entry.cause, entry.recipient);
        let payloads = taken.remove(&id).unwrap_or_default();
        let times = payloads.len();
        let counted = (1..=entry.attempts).contains(&times);
        let attempts = entry.attempts;
        assert!(
            counted,
            "webhook {id} was taken {times} times, by the ledger in {attempts} attempts"
        );
        tally.alerts += times;
        tally.repeated += times - 1;
    }
    assert!(taken.is_empty(), "not in the ledger: {taken:?}");
}

/// Letters do not say which event they are about, so they are counted by case and recipient.
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
        let about = letters
            .iter()
            .filter(|letter| letter.to == address && letter.about.as_deref() == Some(case));
        let times = about.count();
        assert!(
            (least..=most).contains(&times),
            "{times} letters to {recipient} about {case}, by the ledger {least} in {most} attempts"
        );
        tally.alerts += times;
        tally.repeated += times - least;
    }
}
