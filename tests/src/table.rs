//! The table as it is, for comparing and for asking what is left to do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

use dynoxide::Database;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Every item by its key, `PK / SK`, in plain JSON.
pub type Dump = BTreeMap<String, Value>;

/// Reads a whole table.
pub fn dump(database: &Database, table: &str) -> Dump {
    let items = items(database, table).into_iter();
    let items = items.map(|item| attributes(&item));
    let key = |item: &Value| format!("{} / {}", text(item, "PK"), text(item, "SK"));
    items.map(|item| (key(&item), item)).collect()
}

/// Every item as DynamoDB writes it: attributes with their types.
pub fn items(database: &Database, table: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut start = Value::Null;
    loop {
        let mut request = json!({"TableName": table, "ConsistentRead": true});
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let request = serde_json::from_value(request).expect("a request to scan");
        let page = database.scan(request).expect("the table is scanned");
        let items = serde_json::to_value(page.items).expect("items");
        found.extend(items.as_array().into_iter().flatten().cloned());
        start = match page.last_evaluated_key {
            Some(last) => serde_json::to_value(last).expect("a key"),
            None => return found,
        };
    }
}

/// Puts an item as DynamoDB writes it, whatever was there: what another version may write.
pub fn put(database: &Database, table: &str, item: &Value) {
    let request = json!({"TableName": table, "Item": item});
    let request = serde_json::from_value(request).expect("a request to put");
    database.put_item(request).expect("the item is put");
}

fn attributes(of: &Value) -> Value {
    let plain = of.as_object().into_iter().flatten();
    Value::Object(plain.map(|(k, v)| (k.clone(), plain_value(v))).collect())
}

fn plain_value(value: &Value) -> Value {
    let (kind, value) = value
        .as_object()
        .and_then(|value| value.iter().next())
        .expect("a typed value");
    match kind.as_str() {
        "M" => attributes(value),
        "L" => value
            .as_array()
            .into_iter()
            .flatten()
            .map(plain_value)
            .collect(),
        "N" => serde_json::from_str(value.as_str().unwrap_or_default()).expect("a number"),
        "NULL" => Value::Null,
        // Bytes, as the model's types read them from JSON.
        "B" => STANDARD
            .decode(value.as_str().unwrap_or_default())
            .expect("base64")
            .into(),
        _ => value.clone(),
    }
}

/// A text attribute; empty if there is none.
pub fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The events that are not settled: key, when they are due (machine time, in milliseconds), and whether they are stuck.
pub fn unsettled(dump: &Dump) -> Vec<(String, i64, bool)> {
    let events = dump.iter().filter(|(key, _)| key.contains(" / EVENT#"));
    events
        .filter(|(_, item)| item.get("due_shard").is_some() || item.get("open").is_some())
        .map(|(key, item)| {
            let due = text(item, "due_at").parse().unwrap_or_default();
            (key.clone(), due, text(item, "due_shard") == "stuck")
        })
        .collect()
}

/// The cases that time should have changed by now (business time).
pub fn overdue(dump: &Dump, now: Timestamp) -> Vec<String> {
    let cases = dump.iter().filter(|(key, _)| key.ends_with(" / CASE"));
    cases
        .filter(|(_, item)| {
            let due: Option<i64> = text(item, "due_at").parse().ok();
            due.is_some_and(|due| due <= now.as_millisecond())
        })
        .map(|(key, _)| key.clone())
        .collect()
}

/// What two runs of one scenario must agree in, whatever was struck: everything but
///
/// - who held the entries of the ledger, how often and in machine time, and the provider's names for letters;
/// - the attempts and the generation with which derived data were written, and when and how often the open cases were
///   walked;
/// - which alerts were one message: who was struck comes later, and in another group;
/// - a doubt whether a customer was told: its event and the alert of it (by which later events count on), that a person is
///   to tell them, which holds the case open, and the outcome `unknown` of the notice it is about, with what the provider
///   told of the letter. Whether a doubt is right, [`ledger`](crate::ledger) judges, and whether every letter was told of.
pub fn canonical(dump: &Dump) -> Dump {
    let mut out = Dump::new();
    for (key, item) in dump {
        let (pk, sk) = key.split_once(" / ").expect("a key of two parts");
        // How letters shared out the minutes says nothing about who got one; what the provider told of them is judged by the
        // letters that went out.
        let judged = sk.starts_with("DELIVERIES#");
        if pk.starts_with("GROUP#") || key == "ANNOUNCEMENTS / PACE" || judged {
            continue;
        }
        let numbers = Renumbered::of(dump, pk);
        let mut item = item.clone();
        let fields = item.as_object_mut().expect("an item");
        fields.remove("PK");
        fields.remove("SK");
        fields.remove("generation");
        if pk.starts_with("WALK#") {
            fields.remove("number");
            fields.remove("began_at");
        }
        let mut parts: Vec<String> = sk.split('#').map(str::to_owned).collect();
        if pk.starts_with("REPORT#") && sk.starts_with("NOTICE#") {
            notice(fields);
        } else if pk.starts_with("CONTACT#") {
            announced(fields);
        } else if ["TOLD#", "INVITED#", "ASKED#"]
            .iter()
            .any(|told| sk.starts_with(told))
        {
            told(fields);
        } else if sk == "DRAW" {
            drawn(fields);
        } else if sk.starts_with("SAID#") {
            said(fields);
        } else if sk == "PASS" {
            walked(fields);
        } else if pk.starts_with("CASE#") {
            if let Some(seq) = parts.get(1) {
                let Some(number) = numbers.of_seq(seq.parse().expect("a seq")) else {
                    continue;
                };
                parts[1] = format!("{number:06}");
            }
            match parts[0].as_str() {
                "CASE" => numbers.case(fields),
                "EVENT" => numbers.event(fields),
                "NOTICE" => notice(fields),
                _ => {}
            }
        }
        out.insert(format!("{pk} / {}", parts.join("#")), item);
    }
    out
}

/// What is known of an address: that a letter to it is over, and how often it was written to.
fn announced(fields: &mut Map<String, Value>) {
    if let Some(contacts) = fields.get_mut("contacts") {
        *contacts = json!(contacts.as_array().map(Vec::len));
    } else if fields.contains_key("epoch") {
        notice(fields);
    }
}

/// What became of a reporter: a letter that went out and one that perhaps did are the same here.
fn told(fields: &mut Map<String, Value>) {
    fields.remove("at");
    if matches!(
        fields["fate"].as_str(),
        Some("sent" | "unknown" | "refused")
    ) {
        fields.insert("fate".to_owned(), json!("written to"));
    }
}

/// Who is drawn for a beta, in however many runs.
fn drawn(fields: &mut Map<String, Value>) {
    fields.remove("step");
    let draw = fields["draw"].as_object_mut().expect("a draw");
    for at in ["ended_at", "looked_at"] {
        let done = draw.remove(at).is_some();
        draw.insert(at.to_owned(), json!(done));
    }
    draw.remove("night");
}

/// What a tester said, whichever request got through.
fn said(fields: &mut Map<String, Value>) {
    for said in fields["said"].as_array_mut().expect("words") {
        said.as_object_mut().expect("a word").remove("at");
    }
}

/// How far an announcement has come: whom it has dealt with in the end, in however many passes.
fn walked(fields: &mut Map<String, Value>) {
    let counts = fields["pass"]["counts"].as_object().expect("counts");
    let all: u64 = counts.values().filter_map(Value::as_u64).sum();
    let ended = fields["pass"].get("ended_at").is_some();
    *fields = Map::from_iter([
        ("reporters".to_owned(), json!(all)),
        ("ended".to_owned(), json!(ended)),
    ]);
}

/// The log of a case without its doubts.
struct Renumbered {
    /// The seqs that stay, and when each was.
    kept: Vec<(u64, Value)>,
    /// The seqs of what it is unknown whether the customer was told of.
    unknown: Vec<u64>,
}

impl Renumbered {
    fn of(dump: &Dump, pk: &str) -> Self {
        let log = dump.range(format!("{pk} / EVENT#")..format!("{pk} / EVENT$"));
        let log: Vec<&Value> = log.map(|(_, item)| &item["event"]).collect();
        let doubts = log
            .iter()
            .filter_map(|event| event["kind"].get("notice_in_doubt"))
            .filter(|doubt| doubt["doubt"] == "unknown")
            .filter_map(|doubt| doubt["cause"].as_u64());
        let unknown = doubts.collect();
        let kept = log
            .into_iter()
            .filter(|event| {
                let kinds = ["notice_in_doubt", "notice_found"];
                kinds.iter().all(|kind| event["kind"].get(kind).is_none())
            })
            .map(|event| (event["seq"].as_u64().expect("a seq"), event["at"].clone()));
        Self {
            kept: kept.collect(),
            unknown,
        }
    }

    /// The place of an event among those that stay.
    fn of_seq(&self, seq: u64) -> Option<usize> {
        let place = self.kept.iter().position(|(kept, _)| *kept == seq)?;
        Some(place + 1)
    }

    fn event(&self, fields: &mut Map<String, Value>) {
        let number = self.of_seq(fields["event"]["seq"].as_u64().expect("a seq"));
        fields["event"]["seq"] = json!(number);
    }

    fn case(&self, fields: &mut Map<String, Value>) {
        let revision = fields["case"]["revision"].as_u64().expect("a seq");
        let (last, at) = self.kept.last().expect("a log is not empty");
        fields["case"]["revision"] = json!(self.of_seq(revision));
        fields["case"]["version"] = json!(self.of_seq(*last));
        fields["case"]["last_event_at"] = at.clone();
        fields["version"] = json!(self.of_seq(*last));
        let to_tell = &fields["case"]["to_tell"]["cause"];
        if to_tell
            .as_u64()
            .is_some_and(|cause| self.unknown.contains(&cause))
        {
            fields.remove("to_tell");
            let case = fields["case"].as_object_mut().expect("a case");
            case.remove("to_tell");
            // Its deadline gave the case a place in its queue; the place it has without one is by when it closes.
            if let Some(closes) = case.get("closes_at").and_then(Value::as_str) {
                let closes: Timestamp = closes.parse().expect("a time");
                let id = text(&fields["case"], "id");
                let place = format!("x{:015}#{id}", closes.as_millisecond());
                fields.insert("queue_at".to_owned(), json!(place));
            }
        }
        // Which follow from that and from when it closes.
        if fields["case"].get("closes_at").is_some() {
            fields.remove("due_at");
            fields.remove("due_shard");
        }
    }
}

fn notice(fields: &mut Map<String, Value>) {
    for machine in [
        "holder",
        "epoch",
        "attempts",
        "leased_until",
        "recorded_at",
        "provider_id",
        "group",
        "delivered_at",
    ] {
        fields.remove(machine);
    }
    if fields["status"] == "unknown" {
        fields["status"] = json!("sent");
    }
}

/// What differs between two dumps, one line for each item.
pub fn differences(expected: &Dump, found: &Dump) -> Vec<String> {
    let mut differences = Vec::new();
    for (key, item) in expected {
        match found.get(key) {
            None => differences.push(format!("- {key} {item}")),
            Some(other) if other != item => {
                differences.push(format!(
                    "! {key}\n    expected {item}\n    found    {other}"
                ));
            }
            Some(_) => {}
        }
    }
    let more = found.iter().filter(|(key, _)| !expected.contains_key(*key));
    differences.extend(more.map(|(key, item)| format!("+ {key} {item}")));
    differences
}
