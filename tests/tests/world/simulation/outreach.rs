//! Announcements in a run of chance: what many customers reported ships, whoever reported it is told once, and some of them
//! want to hear no more.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Request;
use jiff::{SignedDuration, Timestamp};
use resound_domain::budget::{self, WINDOW};
use resound_domain::id::{ImprovementId, IssueId};
use resound_emulator::Letter;
use resound_lambda_kit::mail::Mailbox;
use resound_tests::World;
use resound_tests::faults::Fault;
use resound_tests::rng::Rng;
use resound_tests::table::text;
use resound_tests::world::PUBLIC_URL;
use serde_json::json;

use super::local_time;
use crate::announcements::{issue, minute, minute_of, staff_post, words};

/// What they all say: a word of the issues' rule.
pub(super) const REPORT: &str = "Nice, but the app crashes on start.";
/// Letters a minute: as fast as they can, as a test waits for real.
const FAST: u32 = 60_000;
/// Improvements that ship: more than an address is written about in a month.
const MOST: usize = 3;

/// Who reported it, and when.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) at: Timestamp,
    /// Where they may be written to, in small letters; `None` if they may not, or left no address.
    pub(super) address: Option<String>,
}

/// What shipped for it, and is announced.
#[derive(Debug)]
struct Shipped {
    id: ImprovementId,
    at: Timestamp,
    /// How many letters there were when it was stopped, while it is.
    stopped: Option<usize>,
}

/// What must be true of announcements, kept beside the world.
#[derive(Debug)]
pub(super) struct Outreach {
    issues: [IssueId; 2],
    is_merged: bool,
    shipped: Vec<Shipped>,
    pub(super) reporters: Vec<Reporter>,
    /// Who unsubscribed, and how many letters of our own accord they had by then.
    unsubscribed: BTreeMap<String, usize>,
    commands: usize,
}

/// What came of the announcements of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) letters: usize,
    pub(super) unknown: usize,
    pub(super) unsubscribed: usize,
}

impl Outreach {
    pub(super) async fn new(world: &mut World) -> Self {
        world.configure("tell-reporters", "LETTERS_A_MINUTE", &FAST.to_string());
        let issues = [issue(world, 1).await, issue(world, 2).await];
        Self {
            issues,
            is_merged: false,
            shipped: Vec::new(),
            reporters: Vec::new(),
            unsubscribed: BTreeMap::new(),
            commands: 0,
        }
    }

    /// Something about announcements happens.
    pub(super) async fn step(&mut self, world: &mut World, rng: &mut Rng) {
        match rng.below(12) {
            0..2 => {
                world.leap("PT1S");
                world.link().await;
            }
            2..4 => self.ship(world).await,
            4..8 => tell(world, rng).await,
            8..10 => self.stop_or_go_on(world, rng).await,
            10 => self.unsubscribe(world, rng).await,
            _ => self.merge(world).await,
        }
    }

    /// An improvement ships for both issues, and a lead announces it.
    async fn ship(&mut self, world: &mut World) {
        if self.shipped.len() == MOST || self.reporters.is_empty() {
            return;
        }
        world.leap("PT1S");
        let issues = match self.is_merged {
            true => &self.issues[1..],
            false => &self.issues[..],
        };
        let plan = json!({"title": "Start without a network", "issues": issues});
        let opened = self.post(world, "/v1/improvements", &plan).await;
        let id = opened["id"].as_str().unwrap().to_owned();
        let at = world.now();
        let ship = json!({"command": "ship", "release": "2.4"});
        self.post(world, &format!("/v1/improvements/{id}/commands"), &ship)
            .await;
        let path = format!("/v1/improvements/{id}/announcement");
        self.post(world, &path, &words()).await;
        world.leap("PT1S");
        self.shipped.push(Shipped {
            id: id.parse().unwrap(),
            at,
            stopped: None,
        });
    }

    /// Staff post something that is done.
    async fn post(
        &mut self,
        world: &mut World,
        path: &str,
        body: &serde_json::Value,
    ) -> serde_json::Value {
        self.commands += 1;
        let key = format!("outreach-{}", self.commands);
        let answer = staff_post(world, path, body, &key).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.body);
        answer.json()
    }

    async fn stop_or_go_on(&mut self, world: &mut World, rng: &mut Rng) {
        if self.shipped.is_empty() {
            return;
        }
        let at = rng.below(self.shipped.len());
        self.toggle(world, at).await;
    }

    async fn toggle(&mut self, world: &mut World, at: usize) {
        let Shipped { id, stopped, .. } = self.shipped[at];
        let letters = about(&world.letters(), id).count();
        if let Some(before) = stopped {
            assert_eq!(letters, before, "nobody is told while it is stopped");
        }
        let command = match stopped {
            Some(_) => "go_on",
            None => "stop",
        };
        let path = format!("/v1/improvements/{id}/announcement/commands");
        self.post(world, &path, &json!({"command": command})).await;
        self.shipped[at].stopped = stopped.is_none().then_some(letters);
    }

    /// Somebody clicks what their mail program shows. Before that a scanner of links looked at it, which does nothing.
    async fn unsubscribe(&mut self, world: &mut World, rng: &mut Rng) {
        let letters = self.letters(world);
        if letters.is_empty() {
            return;
        }
        let letter = rng.pick(&letters);
        let link = letter.headers["List-Unsubscribe"].trim_matches(['<', '>']);
        let link = link.strip_prefix(PUBLIC_URL).unwrap();
        world.get(link).await;
        if rng.percent(30) {
            return;
        }
        loop {
            let click =
                Request::post(link).header("content-type", "application/x-www-form-urlencoded");
            let click = click.body(Body::from("List-Unsubscribe=One-Click"));
            let answer = world.http(click.unwrap()).await;
            if answer.status < 500 {
                assert_eq!(answer.status, 200, "{}", answer.body);
                break;
            }
        }
        let to = letter.to.to_ascii_lowercase();
        let had = letters.iter().filter(|letter| is_to(letter, &to)).count();
        self.unsubscribed.entry(to).or_insert(had);
    }

    /// The same thing as the other: from here on their links are walked as one.
    async fn merge(&mut self, world: &mut World) {
        if self.is_merged {
            return;
        }
        let [one, two] = self.issues;
        let merge = json!({"command": "merge", "into": two});
        self.post(world, &format!("/v1/issues/{one}/commands"), &merge)
            .await;
        self.is_merged = true;
    }

    /// The letters of all announcements.
    fn letters(&self, world: &World) -> Vec<Letter> {
        let ids: BTreeSet<String> = self.shipped.iter().map(|s| s.id.to_string()).collect();
        let letters = world.letters().into_iter();
        let ours = letters.filter(|l| l.about.as_ref().is_some_and(|about| ids.contains(about)));
        ours.collect()
    }

    /// Links who is not linked yet and lets every announcement go on until it has nothing left to do.
    pub(super) async fn come_to_an_end(&mut self, world: &mut World) {
        world.leap("PT1S");
        world.link().await;
        for at in 0..self.shipped.len() {
            if self.shipped[at].stopped.is_some() {
                self.toggle(world, at).await;
            }
        }
        for _ in 0..3 {
            // Whoever is in the hands of a run that was killed is not any more, and it is day.
            world.leap("P1DT1M");
            while !(9..20).contains(&local_time(world.now()).hour()) {
                world.leap("PT1H");
            }
            world.pass(SignedDuration::from_mins(2));
            minute(world).await;
            minute(world).await;
        }
    }

    /// Looks at what everybody got.
    pub(super) async fn check(&self, world: &mut World) -> Told {
        let letters = self.letters(world);
        let dump = world.dump();
        let mut told = Told {
            letters: letters.len(),
            unsubscribed: self.unsubscribed.len(),
            ..Told::default()
        };
        for letter in &letters {
            let hour = local_time(letter.at).hour();
            assert!((8..21).contains(&hour), "a letter at {}", letter.at);
        }
        for (address, had) in &self.unsubscribed {
            let letters = letters.iter().filter(|letter| is_to(letter, address));
            assert_eq!(letters.count(), *had, "{address} had unsubscribed");
        }
        let may: BTreeSet<&str> = self.addresses().collect();
        for letter in &letters {
            let to = letter.to.to_ascii_lowercase();
            assert!(may.contains(&*to), "{to} is nobody's who may be written to");
        }
        for address in may {
            let contact = Mailbox::new(address).unwrap().contact();
            // What is known of each announcement: the letters, and what the ledger says of them.
            let mut contacts = 0;
            let mut missing = Vec::new();
            for shipped in &self.shipped {
                let theirs = about(&letters, shipped.id).filter(|letter| is_to(letter, address));
                let theirs = theirs.count();
                assert!(theirs <= 1, "{address} got {theirs} about {}", shipped.id);
                let entry = dump.get(&format!("CONTACT#{contact} / TOLD#{}", shipped.id));
                match entry.map(|entry| text(entry, "status")) {
                    Some("sent") => assert_eq!(theirs, 1, "{address}"),
                    Some("unknown") => told.unknown += 1,
                    other => assert_eq!((other, theirs), (None, 0), "{address}"),
                }
                contacts += usize::from(entry.is_some());
                let reported = |reporter: &&Reporter| {
                    reporter.at < shipped.at && reporter.address.as_deref() == Some(address)
                };
                let is_reporter = self.reporters.iter().any(|reporter| reported(&reporter));
                assert!(
                    is_reporter || entry.is_none(),
                    "{address} reported nothing before {}",
                    shipped.at
                );
                if is_reporter && entry.is_none() {
                    missing.push(shipped.id);
                }
            }
            let answers = dump.get(&format!("CONTACT#{contact} / CONTACTED"));
            let answers = answers.and_then(|item| item["answers"].as_array());
            let answers = answers.map_or(0, Vec::len);
            let all = world.letters();
            let mut of_cases = all.iter().filter(|letter| {
                is_to(letter, address) && !letters.iter().any(|ours| ours.id == letter.id)
            });
            assert!(answers > 0 || of_cases.next().is_none(), "{address}");
            let excused = self.unsubscribed.contains_key(address)
                || contacts >= budget::MOST
                || contacts + answers >= budget::MOST_IN_ALL;
            assert!(
                excused || missing.is_empty(),
                "{address} was not told of {missing:?}"
            );
            let mut times: Vec<Timestamp> = letters
                .iter()
                .filter(|letter| is_to(letter, address))
                .map(|letter| letter.at)
                .collect();
            times.sort();
            for some in times.windows(budget::MOST + 1) {
                let apart = some[budget::MOST].duration_since(some[0]);
                assert!(apart >= WINDOW, "{address} was written to at {some:?}");
            }
        }
        for shipped in &self.shipped {
            let path = format!("/v1/improvements/{}/announcement", shipped.id);
            let shown = world.staff_get(&path).await.expect(200).json();
            let pass = &shown["pass"];
            assert!(pass["ended_at"].is_string(), "{shown}");
            let counts = pass["counts"].as_object().unwrap().values();
            let all: u64 = counts.filter_map(serde_json::Value::as_u64).sum();
            let reporters = u64::try_from(self.reporters.len()).unwrap();
            assert!(all >= reporters, "{reporters} reported it: {shown}");
        }
        told
    }

    /// The addresses that may be written to.
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let reporters = self.reporters.iter();
        reporters.filter_map(|reporter| reporter.address.as_deref())
    }
}

/// A minute goes by, with a fault and room for one letter, or with room for all: what waits to try again and what goes on
/// meanwhile would be in another order each time.
async fn tell(world: &mut World, rng: &mut Rng) {
    if rng.percent(60) {
        world.faults.clear();
        minute(world).await;
        return;
    }
    world.leap("PT1M");
    world.pass(SignedDuration::from_mins(1));
    let taken = world
        .store
        .take_letters(minute_of(world), FAST - 1, FAST)
        .await;
    taken.unwrap();
    match rng.percent(30) {
        true => world.faults.plan_at("POST /v2/email", any_of_mail(rng)),
        false => world.faults.plan(rng.below(30), *rng.pick(&Fault::ALL)),
    }
    let event = json!({"time": world.now()});
    world.invoke("tell-reporters", event).await;
    world.faults.clear();
}

/// What can happen to a letter: also that it was taken, and the provider says that it failed.
fn any_of_mail(rng: &mut Rng) -> Fault {
    *rng.pick(&[
        Fault::RequestLost,
        Fault::ResponseLost,
        Fault::Throttled,
        Fault::KilledBefore,
        Fault::KilledAfter,
        Fault::Failed,
    ])
}

fn about(letters: &[Letter], id: ImprovementId) -> impl Iterator<Item = &Letter> {
    let id = id.to_string();
    letters
        .iter()
        .filter(move |letter| letter.about.as_deref() == Some(&*id))
}

fn is_to(letter: &Letter, address: &str) -> bool {
    letter.to.eq_ignore_ascii_case(address)
}
