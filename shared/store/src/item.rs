//! The items of the table. Names of attributes are persisted: append only, and snapshotted in the tests.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::budget::{Contacts, Times};
use resound_domain::case::Case;
use resound_domain::contact::{self, Act, ByHand, Reason, Suppression};
use resound_domain::delivery::{Delivery, Fates};
use resound_domain::event::{Direction, Effect, Event, EventKind};
use resound_domain::figures::Figures;
use resound_domain::form::FormId;
use resound_domain::id::{CaseId, ResponseId};
use resound_domain::issue::announcement::{self, Announcement, Fate, Ledger, Pass};
use resound_domain::issue::beta::{self, Beta};
use resound_domain::issue::improvement::{self, Improvement};
use resound_domain::issue::pick::Draw;
use resound_domain::issue::tester::Tester;
use resound_domain::issue::{How, Issue, Link, Reach, Reporter, kano};
use resound_domain::response::Response;
use resound_domain::risk::{Mark, Rule, is_complaint, is_negative};
use resound_domain::score::{Ces, Csat, Nps, Scores};
use resound_domain::tally::{Cause, Counted, Cut, METHOD, Tally};
use resound_domain::triage::{Category, Kind, Sentiment};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::announcements::{Progress, Told};
use crate::betas::Drawn;
use crate::config::{Edition, Signed};
use crate::corrections::Correction;
use crate::deliveries::Announced;
use crate::dynamo::{Item, key_of};
use crate::issues::{Logged, LookBack, Suggestion};
use crate::key::{GroupKey, Key, NoticeKey, RawKey};
use crate::marks::DirtyDay;
use crate::notices::{Notice, NoticeStatus, Outcome};
use crate::responses::Digest;
use crate::risks::Remark;
use crate::schema::{
    case_shard_of, day_shard_of, event_shard_of, from_millis, millis, queue_shard_of,
};
use crate::trials::{Trial, TrialStatus};
use crate::walk::WalkItem;
use crate::{Message, Repair, StoreError, StoredEvent, repair, schema};

/// The form of most items.
const FORM: u32 = 1;

/// The form of the case of a task. A version that knows the first form only would take it for a customer's and let
/// staff write to nobody: to that it cannot be read, and is left alone.
const TASK_FORM: u32 = 2;

/// DynamoDB's limit for a partition key.
const MAX_HASH_BYTES: usize = 2048;

/// Writes an item: its key, the version of its form, its attributes.
pub(crate) fn encode<T: Serialize>(key: &Key, body: &T) -> Result<Item, StoreError> {
    encode_as(FORM, key, body)
}

fn encode_as<T: Serialize>(form: u32, key: &Key, body: &T) -> Result<Item, StoreError> {
    #[derive(Serialize)]
    struct Head {
        #[serde(rename = "PK")]
        pk: String,
        #[serde(rename = "SK")]
        sk: String,
        v: u32,
    }
    let RawKey { pk, sk } = key.encode();
    let mut item: Item = serde_dynamo::to_item(Head { pk, sk, v: form })
        .map_err(|e| StoreError::Rejected(e.into()))?;
    let body: Item = serde_dynamo::to_item(body).map_err(|e| StoreError::Rejected(e.into()))?;
    item.extend(body);
    Ok(item)
}

/// One attribute, as `encode` would write it.
pub(crate) fn attribute<T: Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|e| StoreError::Rejected(e.into()))
}

/// Reads the attributes of an item.
fn body<T: DeserializeOwned>(item: Item) -> Result<(Key, T), StoreError> {
    let raw = key_of(&item);
    let read = || -> Result<(Key, T), Box<dyn std::error::Error + Send + Sync>> {
        let key = Key::decode(&raw)?;
        let v = item.get("v").and_then(|v| v.as_n().ok());
        let v: u32 = v.ok_or("it does not say which form it has")?.parse()?;
        let newest = match key {
            Key::Case(_) => TASK_FORM,
            _ => FORM,
        };
        if v > newest {
            return Err(format!("it has form {v}, newer than {newest}").into());
        }
        Ok((key, serde_dynamo::from_item(item)?))
    };
    read().map_err(|source| StoreError::corrupt(raw.clone(), source))
}

fn misplaced(key: &Key) -> StoreError {
    StoreError::corrupt(key.encode(), "it holds something else than its key says")
}

/// An entity that is one item.
pub(crate) trait Stored: Sized {
    /// Reads it from its item.
    fn read(item: Item) -> Result<Self, StoreError>;
}

/// What can be read of these items, in their order, and why each of the others cannot: one that is damaged hides nothing.
pub(crate) fn read_each<T: Stored, C: Default + Extend<T>>(
    items: Vec<Item>,
) -> (C, Vec<StoreError>) {
    let (mut found, mut corrupt) = (C::default(), Vec::new());
    for item in items {
        match T::read(item) {
            Ok(read) => found.extend([read]),
            Err(error) => corrupt.push(error),
        }
    }
    (found, corrupt)
}

// Response

#[derive(Serialize, Deserialize)]
struct ResponseItem {
    response: Response,
    digest: Digest,
    // What the indexes need again, outside the snapshot.
    day: String,
    received_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nps: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    csat: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ces: Option<u8>,
    channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touchpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    locale: String,
    /// What triage took it for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    /// Only if it is negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sentiment: Option<Sentiment>,
    /// What triage found it to be about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<Category>,
}

#[derive(Serialize, Deserialize)]
struct TombstoneItem {
    erased_at: Timestamp,
}

/// What the item of a response holds.
pub(crate) enum ResponseRecord {
    Kept {
        response: Box<Response>,
        digest: Digest,
    },
    Erased,
}

pub(crate) fn response_item(response: &Response, digest: &Digest) -> Result<Item, StoreError> {
    let counted = Counted::of(response);
    let submission = &response.submission;
    encode(
        &Key::Response(response.id),
        &ResponseItem {
            day: day_shard_of(&submission.form, response.day, response.id),
            received_at: millis(response.received_at),
            // DynamoDB refuses an item whose index key is empty or too long; such a customer is not looked up.
            customer: submission
                .customer_id
                .clone()
                .filter(|id| (1..=MAX_HASH_BYTES).contains(&id.len())),
            nps: counted.scores.nps.map(u8::from),
            csat: counted.scores.csat.map(u8::from),
            ces: counted.scores.ces.map(u8::from),
            channel: counted.channel.name().to_owned(),
            touchpoint: counted.touchpoint,
            product: counted.product,
            tier: counted.tier.map(|tier| tier.name().to_owned()),
            locale: counted.locale.tag().to_owned(),
            kind: Some(response.triage.kind),
            sentiment: Some(response.triage.sentiment)
                .filter(|&sentiment| sentiment == Sentiment::Negative),
            category: counted.category,
            response: response.clone(),
            digest: *digest,
        },
    )
}

pub(crate) fn tombstone_item(
    id: resound_domain::id::ResponseId,
    erased_at: Timestamp,
) -> Result<Item, StoreError> {
    encode(&Key::Response(id), &TombstoneItem { erased_at })
}

impl Stored for ResponseRecord {
    fn read(item: Item) -> Result<Self, StoreError> {
        if item.contains_key("erased_at") {
            return body::<TombstoneItem>(item).map(|_| Self::Erased);
        }
        let (
            key,
            ResponseItem {
                response, digest, ..
            },
        ) = body(item)?;
        if key != Key::Response(response.id) {
            return Err(misplaced(&key));
        }
        Ok(Self::Kept {
            response: Box::new(response),
            digest,
        })
    }
}

/// An entry of `by-day`.
#[derive(Deserialize)]
struct DayRow {
    #[serde(default)]
    nps: Option<u8>,
    #[serde(default)]
    csat: Option<u8>,
    #[serde(default)]
    ces: Option<u8>,
    channel: resound_domain::submission::Channel,
    #[serde(default)]
    touchpoint: Option<String>,
    #[serde(default)]
    product: Option<String>,
    #[serde(default)]
    tier: Option<resound_domain::submission::Tier>,
    locale: resound_domain::locale::Locale,
    #[serde(default)]
    category: Option<Category>,
}

/// A remark, from its entry in `by-day`.
pub(crate) fn remark(row: Item) -> Result<Remark, StoreError> {
    #[derive(Deserialize)]
    struct Row {
        received_at: String,
        #[serde(default)]
        nps: Option<Nps>,
        #[serde(default)]
        csat: Option<Csat>,
        #[serde(default)]
        ces: Option<Ces>,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default)]
        sentiment: Option<Sentiment>,
        #[serde(default)]
        product: Option<String>,
        #[serde(default)]
        customer: Option<String>,
    }
    let raw = key_of(&row);
    let read = || -> Result<Remark, Box<dyn std::error::Error + Send + Sync>> {
        let Key::Response(response) = Key::decode(&raw)? else {
            return Err("it is not of a response".into());
        };
        let Row {
            received_at,
            nps,
            csat,
            ces,
            kind,
            sentiment,
            product,
            customer,
        } = serde_dynamo::from_item(row)?;
        from_millis(&received_at).ok_or("not an instant")?;
        let scores = Scores { nps, csat, ces };
        // What was written before these were kept is known by its scores alone.
        Ok(Remark {
            response,
            negative: is_negative(sentiment.unwrap_or(Sentiment::Neutral), scores),
            complaint: is_complaint(kind.unwrap_or(Kind::Other), scores),
            product,
            customer,
        })
    };
    read().map_err(|source| StoreError::corrupt(raw.clone(), source))
}

/// What of a response is counted, from its entry in `by-day`.
pub(crate) fn counted(row: Item) -> Result<Counted, StoreError> {
    use resound_domain::score::{OffScale, Scores};
    fn score<S: TryFrom<u8, Error = OffScale>>(n: Option<u8>) -> Result<Option<S>, OffScale> {
        n.map(S::try_from).transpose()
    }
    let key = key_of(&row);
    let corrupt = |e: OffScale| StoreError::corrupt(key.clone(), e);
    let row: DayRow =
        serde_dynamo::from_item(row).map_err(|e| StoreError::corrupt(key.clone(), e))?;
    Ok(Counted {
        scores: Scores {
            nps: score(row.nps).map_err(corrupt)?,
            csat: score(row.csat).map_err(corrupt)?,
            ces: score(row.ces).map_err(corrupt)?,
        },
        channel: row.channel,
        touchpoint: row.touchpoint,
        product: row.product,
        tier: row.tier,
        locale: row.locale,
        category: row.category,
    })
}

// Case

/// The item of a case without its key.
#[derive(Serialize, Deserialize)]
pub(crate) struct CaseItem {
    pub(crate) case: Case,
    pub(crate) version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_at: Option<String>,
    pub(crate) queue: String,
    pub(crate) queue_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    /// Since when a person is to tell the customer, for the filter of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to_tell: Option<String>,
}

impl CaseItem {
    pub(crate) fn of(case: &Case) -> Self {
        let due = case.next_deadline();
        Self {
            case: case.clone(),
            version: case.version(),
            due_shard: due.map(|_| case_shard_of(case.id())),
            due_at: due.map(millis),
            queue: queue_shard_of(case.state(), case.id()),
            queue_at: queue_place(case),
            owner: case.owner().map(str::to_owned),
            to_tell: case.to_tell().map(|open| millis(open.since)),
        }
    }
}

/// Where a case stands in its queue: by the deadline that is missed next or was missed first, of the clocks that run.
///
/// After all of these come the cases of which none runs, by their last event, and then those with an outcome, by when
/// they close or closed: letters sort after digits.
fn queue_place(case: &Case) -> String {
    let place = match case.next_due() {
        Some(due) => millis(due),
        None if !case.state().is_over() => format!("{STANDING}{}", millis(case.last_event_at())),
        None => {
            let closes = case.closed_at().or(case.closes_at());
            let at = closes.unwrap_or_else(|| case.last_event_at());
            format!("{OVER}{}", millis(at))
        }
    };
    format!("{place}#{}", case.id())
}

/// Begins the place of a case of which no clock runs.
pub(crate) const STANDING: char = 'v';
/// Begins the place of a case that has an outcome.
pub(crate) const OVER: char = 'x';

pub(crate) fn case_item(case: &Case) -> Result<Item, StoreError> {
    let form = match case.task() {
        Some(_) => TASK_FORM,
        None => FORM,
    };
    encode_as(form, &Key::Case(case.id()), &CaseItem::of(case))
}

impl Stored for Case {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, CaseItem { case, version, .. }) = body(item)?;
        if key != Key::Case(case.id()) || version != case.version() {
            return Err(misplaced(&key));
        }
        Ok(case)
    }
}

// Event

#[derive(Serialize, Deserialize)]
struct EventItem {
    event: Event,
    /// The names of effects; those of a newer version among them.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        with = "serde_dynamo::string_set"
    )]
    open: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command_key: Option<String>,
}

/// An event as it is born: unsettled if anything must follow from it.
pub(crate) fn event_item(
    event: &Event,
    command_key: Option<&str>,
    machine_now: Timestamp,
) -> Result<Item, StoreError> {
    let effects = event.effects().iter();
    let open: BTreeSet<String> = effects.map(|effect| effect.name().to_owned()).collect();
    let unsettled = !open.is_empty();
    encode(
        &Key::Event {
            case: event.case,
            seq: event.seq,
        },
        &EventItem {
            event: event.clone(),
            open,
            due_shard: unsettled.then(|| event_shard_of(event.case)),
            due_at: unsettled.then(|| millis(repair::after(machine_now, 0))),
            attempts: unsettled.then_some(0),
            command_key: command_key.map(str::to_owned),
        },
    )
}

/// What a newer version wrote of a kind that this one does not know stands in its log as
/// [`EventKind::Unknown`]: who, when and at which place are the same for every kind.
fn without_unknown_kind(mut item: Item) -> Item {
    let kind = match item.get_mut("event") {
        Some(AttributeValue::M(event)) => event.get_mut("kind"),
        _ => None,
    };
    if let Some(kind) = kind {
        let name = match &*kind {
            AttributeValue::S(name) => Some(name),
            AttributeValue::M(variant) => variant.keys().next(),
            _ => None,
        };
        if name.is_some_and(|name| !EventKind::WRITTEN.contains(&name.as_str())) {
            *kind = AttributeValue::S(EventKind::Unknown.name().to_owned());
        }
    }
    item
}

impl Stored for StoredEvent {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, EventItem) = body(without_unknown_kind(item))?;
        if key
            != (Key::Event {
                case: item.event.case,
                seq: item.event.seq,
            })
        {
            return Err(misplaced(&key));
        }
        let repair = match (item.due_shard, item.due_at) {
            (Some(shard), Some(at)) => Some(Repair {
                due_at: from_millis(&at).ok_or_else(|| misplaced(&key))?,
                attempts: item.attempts.unwrap_or(0),
                stuck: shard == schema::STUCK,
            }),
            _ => None,
        };
        let mut open_elsewhere = item.open;
        let open: BTreeSet<Effect> = open_elsewhere
            .iter()
            .filter_map(|name| Effect::from_name(name))
            .collect();
        open_elsewhere.retain(|name| Effect::from_name(name).is_none());
        Ok(Self {
            event: item.event,
            open,
            open_elsewhere,
            repair,
            command_key: item.command_key,
        })
    }
}

// Message

#[derive(Serialize, Deserialize)]
struct MessageItem {
    text: String,
    /// Absent in what was written before there were words that do not go to the customer, and for those that do.
    #[serde(default, skip_serializing_if = "goes_to_customer")]
    direction: Direction,
}

fn goes_to_customer(direction: &Direction) -> bool {
    *direction == Direction::ToCustomer
}

pub(crate) fn message_item(
    case: resound_domain::id::CaseId,
    message: &Message,
) -> Result<Item, StoreError> {
    encode(
        &Key::Message {
            case,
            seq: message.seq,
        },
        &MessageItem {
            text: message.text.clone(),
            direction: message.direction,
        },
    )
}

impl Stored for Message {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, MessageItem { text, direction }) = body(item)?;
        match key {
            Key::Message { seq, .. } => Ok(Self {
                seq,
                text,
                direction,
            }),
            _ => Err(misplaced(&key)),
        }
    }
}

// Notice

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusName {
    InProgress,
    Released,
    Sent,
    Refused,
    Unknown,
    NoContact,
    NoConsent,
    MailOff,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct NoticeItem {
    pub(crate) status: StatusName,
    /// Who tries, so that a repeat finds its own claim.
    pub(crate) holder: String,
    pub(crate) epoch: u32,
    pub(crate) attempts: u32,
    /// Machine time: until then nobody else tries.
    pub(crate) leased_until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recorded_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider_id: Option<String>,
    /// The group it is in. A version that knows none sees an attempt whose lease runs out, and tells it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// What exactly came of it, where `status` is only the nearest that every version can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) withheld: Option<String>,
    /// What the provider said later.
    #[serde(flatten)]
    pub(crate) delivery: Delivery,
    /// The seq of the event that tells staff that it reached nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<u32>,
    /// The response that a letter of our own accord is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<ResponseId>,
}

/// The value of `withheld` of what an address on the suppression list was not sent.
pub(crate) const SUPPRESSED: &str = "suppressed";
/// The value of `withheld` of what an installation does not send by.
pub(crate) const OFF: &str = "off";
/// The value of `withheld` of what could not be sent to what the customer left.
pub(crate) const UNUSABLE: &str = "unusable";
/// The value of `withheld` of what was not worth telling any more.
pub(crate) const OVERTAKEN: &str = "overtaken";
/// The value of `withheld` of what a person is to tell.
pub(crate) const TO_TELL: &str = "to_tell";
/// The value of `withheld` of what a person gave up telling.
pub(crate) const NOT_REACHED: &str = "not_reached";

impl Outcome {
    pub(crate) const fn status(&self) -> StatusName {
        match self {
            Self::Sent { .. } => StatusName::Sent,
            Self::Refused => StatusName::Refused,
            Self::Unknown => StatusName::Unknown,
            // To a version that knows the others not: there is no address to send it to.
            Self::NoContact
            | Self::Suppressed
            | Self::Off
            | Self::Unusable
            | Self::ToTell
            | Self::NotReached
            | Self::Overtaken => StatusName::NoContact,
            Self::NoConsent => StatusName::NoConsent,
            Self::MailOff => StatusName::MailOff,
        }
    }
}

impl NoticeItem {
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match (self.status, self.withheld.as_deref()) {
            (StatusName::NoContact, Some(SUPPRESSED)) => Some(Outcome::Suppressed),
            (StatusName::NoContact, Some(OFF)) => Some(Outcome::Off),
            (StatusName::NoContact, Some(UNUSABLE)) => Some(Outcome::Unusable),
            (StatusName::NoContact, Some(OVERTAKEN)) => Some(Outcome::Overtaken),
            (StatusName::NoContact, Some(TO_TELL)) => Some(Outcome::ToTell),
            (StatusName::NoContact, Some(NOT_REACHED)) => Some(Outcome::NotReached),
            (status, _) => status.outcome(self.provider_id.as_deref()),
        }
    }

    /// Where it stands.
    pub(crate) fn standing(&self) -> NoticeStatus {
        match self.outcome() {
            Some(outcome) => NoticeStatus::Recorded {
                outcome,
                at: self.recorded_at,
            },
            None if self.status == StatusName::InProgress => NoticeStatus::InProgress {
                until: self.leased_until,
            },
            None => NoticeStatus::Released,
        }
    }

    /// Where it stands, to whoever is about to write.
    pub(crate) fn ledger(&self, machine_now: Timestamp) -> Ledger {
        match self.status {
            StatusName::Released => Ledger::Released,
            StatusName::InProgress if machine_now < self.leased_until => Ledger::InProgress,
            StatusName::InProgress => Ledger::Abandoned,
            _ => Ledger::Recorded,
        }
    }

    /// Whose letter it was, and what came of it, if that is recorded.
    pub(crate) fn letter(&self) -> Option<(ResponseId, Fate)> {
        let fate = match self.status {
            StatusName::Sent => Fate::Sent,
            StatusName::Refused => Fate::Refused,
            StatusName::Unknown => Fate::Unknown,
            _ => return None,
        };
        self.response.map(|response| (response, fate))
    }
}

impl StatusName {
    fn outcome(self, provider_id: Option<&str>) -> Option<Outcome> {
        match self {
            Self::InProgress | Self::Released => None,
            Self::Sent => Some(Outcome::Sent {
                provider_id: provider_id.map(str::to_owned),
            }),
            Self::Refused => Some(Outcome::Refused),
            Self::Unknown => Some(Outcome::Unknown),
            Self::NoContact => Some(Outcome::NoContact),
            Self::NoConsent => Some(Outcome::NoConsent),
            Self::MailOff => Some(Outcome::MailOff),
        }
    }
}

/// The entry of an alert that is in a group.
pub(crate) fn grouped_notice(
    key: NoticeKey,
    group: GroupKey,
    due_at: Timestamp,
) -> Result<Item, StoreError> {
    encode(
        &Key::Notice(key),
        &NoticeItem {
            status: StatusName::InProgress,
            holder: "group".to_owned(),
            epoch: 1,
            attempts: 1,
            leased_until: due_at,
            recorded_at: None,
            provider_id: None,
            group: Some(group.to_string()),
            withheld: None,
            delivery: Delivery::default(),
            failed: None,
            response: None,
        },
    )
}

// Groups

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupStatus {
    Open,
    Sealed,
    Recorded,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct GroupItem {
    pub(crate) status: GroupStatus,
    pub(crate) count: u32,
    /// Machine time.
    pub(crate) due_at: Timestamp,
    pub(crate) epoch: u32,
    pub(crate) attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leased_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<StatusName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
}

impl GroupItem {
    /// A new group with one alert.
    pub(crate) const fn open(to: Option<String>, due_at: Timestamp) -> Self {
        Self {
            status: GroupStatus::Open,
            count: 1,
            due_at,
            epoch: 0,
            attempts: 0,
            to,
            sealed_at: None,
            holder: None,
            leased_until: None,
            outcome: None,
            provider_id: None,
        }
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.outcome?.outcome(self.provider_id.as_deref())
    }
}

pub(crate) fn read_group(item: Item) -> Result<(GroupKey, GroupItem), StoreError> {
    let (key, group) = body(item)?;
    match key {
        Key::Group(key) => Ok((key, group)),
        _ => Err(misplaced(&key)),
    }
}

/// Its key says it all.
pub(crate) fn member_item(group: GroupKey, case: CaseId, seq: u32) -> Result<Item, StoreError> {
    #[derive(Serialize)]
    struct MemberItem {}
    encode(&Key::Member { group, case, seq }, &MemberItem {})
}

pub(crate) fn read_member(item: &Item) -> Result<(CaseId, u32), StoreError> {
    let raw = key_of(item);
    match Key::decode(&raw) {
        Ok(Key::Member { case, seq, .. }) => Ok((case, seq)),
        Ok(key) => Err(misplaced(&key)),
        Err(error) => Err(StoreError::corrupt(raw, error)),
    }
}

pub(crate) fn read_notice(item: Item) -> Result<(NoticeKey, NoticeItem), StoreError> {
    let (key, notice) = body(item)?;
    match key {
        Key::Notice(key) => Ok((key, notice)),
        _ => Err(misplaced(&key)),
    }
}

/// An entry of the ledger, whatever it is about.
pub(crate) fn read_entry(item: Item) -> Result<NoticeItem, StoreError> {
    let (key, notice) = body(item)?;
    match key {
        Key::Notice(_) | Key::ReportNotice(_) | Key::Announced(_) => Ok(notice),
        _ => Err(misplaced(&key)),
    }
}

impl Stored for Notice {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item) = read_notice(item)?;
        let status = item.standing();
        Ok(Self {
            // One that only a newer version can name is for that version to send.
            group: item.group.and_then(|group| group.parse().ok()),
            key,
            attempts: item.attempts,
            status,
            delivery: item.delivery,
            failed: item.failed,
        })
    }
}

impl Stored for Announced {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, NoticeItem) = body(item)?;
        let Key::Announced(key) = key else {
            return Err(misplaced(&key));
        };
        Ok(Self {
            key,
            status: item.standing(),
            delivery: item.delivery,
        })
    }
}

impl Stored for Fates {
    fn read(item: Item) -> Result<Self, StoreError> {
        match body(item)? {
            (Key::Deliveries { .. }, fates) => Ok(fates),
            (key, _) => Err(misplaced(&key)),
        }
    }
}

// Tallies

#[derive(Serialize, Deserialize)]
pub(crate) struct TallyItem {
    /// Besides the key, for filtering. The name is of a time when a cut was one dimension.
    dimension: Cut,
    /// By which rules it was counted.
    #[serde(default = "first_method")]
    pub(crate) method: u32,
    /// The zone of the survey's days when it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    pub(crate) tally: Tally,
}

/// What does not say by which rules it was counted is of the time of the first ones.
const fn first_method() -> u32 {
    1
}

/// Nothing of it depends on the run that writes it, or on when: who counts the same writes the same.
pub(crate) fn tally_item(
    survey: &FormId,
    day: Date,
    cell: &crate::Cell,
    zone: &str,
) -> Result<Item, StoreError> {
    encode(
        &Key::Tally {
            survey: survey.clone(),
            day,
            cut: cell.cut,
            value: cell.value.clone(),
        },
        &TallyItem {
            dimension: cell.cut,
            method: METHOD,
            zone: Some(zone.to_owned()),
            tally: cell.tally.clone(),
        },
    )
}

impl Stored for TallyItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        body(item).map(|(_, tally)| tally)
    }
}

impl Stored for crate::DayCell {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, TallyItem) = body(item)?;
        let Key::Tally {
            day, cut, value, ..
        } = key
        else {
            return Err(misplaced(&key));
        };
        Ok(Self {
            day,
            cell: crate::Cell {
                cut,
                value,
                tally: item.tally,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
struct CorrectionItem {
    was: Tally,
    is: Tally,
    #[serde(with = "serde_dynamo::string_set")]
    why: BTreeSet<String>,
    as_of: Timestamp,
}

pub(crate) fn correction_item(
    survey: &FormId,
    correction: &Correction,
) -> Result<Item, StoreError> {
    let causes = correction.why.iter();
    encode(
        &Key::Correction {
            survey: survey.clone(),
            day: correction.day,
            number: correction.number,
        },
        &CorrectionItem {
            was: correction.was.clone(),
            is: correction.is.clone(),
            why: causes.map(|cause| cause.name().to_owned()).collect(),
            as_of: correction.as_of,
        },
    )
}

impl Stored for Correction {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, CorrectionItem) = body(item)?;
        let Key::Correction { day, number, .. } = key else {
            return Err(misplaced(&key));
        };
        Ok(Self {
            day,
            number,
            was: item.was,
            is: item.is,
            // A cause that only a newer version can name is left out.
            why: item
                .why
                .iter()
                .filter_map(|name| Cause::from_name(name))
                .collect(),
            as_of: item.as_of,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct DirtyItem {
    /// Machine time. Sorts as text.
    marked_at: String,
}

/// That a day must be counted again.
pub(crate) fn dirty_item(
    survey: &FormId,
    day: Date,
    cause: Cause,
    machine_now: Timestamp,
) -> Result<Item, StoreError> {
    let survey = survey.clone();
    let marked_at = millis(machine_now);
    encode(&Key::Dirty { survey, day, cause }, &DirtyItem { marked_at })
}

impl Stored for DirtyDay {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, DirtyItem { marked_at }) = body(item)?;
        let marked_at = from_millis(&marked_at).ok_or_else(|| misplaced(&key))?;
        let Key::Dirty { day, cause, .. } = key else {
            return Err(misplaced(&key));
        };
        Ok(Self {
            day,
            cause,
            marked_at,
        })
    }
}

/// The survey and local day whose counts a response is in, by the place it has in `by-day`. So it is known of one that a newer
/// version wrote, too.
pub(crate) fn counted_on(item: &Item) -> Option<(FormId, Date)> {
    let shard = item.get(schema::BY_DAY.hash)?.as_s().ok()?;
    let mut parts = shard.split('#');
    let survey = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    Some((survey, day))
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DayRunItem {
    pub(crate) generation: u64,
}

impl Stored for DayRunItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        body(item).map(|(_, run)| run)
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct RunItem {
    pub(crate) completed: Date,
    /// Sorts as text.
    pub(crate) as_of: String,
}

impl Stored for RunItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        body(item).map(|(_, run)| run)
    }
}

// Assignment

/// How many turns a rule has given. Serialized under the name that [`TURNS`] repeats.
#[derive(Serialize)]
pub(crate) struct TurnsItem {
    pub(crate) turns: u64,
}

/// The attribute of [`TurnsItem`] that is counted up.
pub(crate) const TURNS: &str = "turns";

// Figures

#[derive(Serialize, Deserialize)]
pub(crate) struct FiguresItem {
    pub(crate) figures: Figures,
    /// From 1 up: the condition of the next change.
    pub(crate) version: u32,
    /// Business time.
    pub(crate) put_at: String,
    /// The `sub` of a token.
    pub(crate) put_by: String,
}

impl Stored for (Date, FiguresItem) {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item) = body(item)?;
        match key {
            Key::Figures { day, .. } => Ok((day, item)),
            _ => Err(misplaced(&key)),
        }
    }
}

// Contacts

#[derive(Serialize, Deserialize)]
pub(crate) struct SuppressionItem {
    /// Provider's or business time.
    pub(crate) since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// What is not later than this does not count any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifted_at: Option<Timestamp>,
    /// The `sub` of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifted_by: Option<String>,
    /// How often staff changed it: the number of the last entry of its trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changes: Option<u32>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ChangeItem {
    pub(crate) act: Act,
    pub(crate) hand: ByHand,
}

impl Stored for contact::Change {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, ChangeItem { act, hand }) = body(item)?;
        match key {
            Key::SuppressionChange { reason, .. } => Ok(Self { reason, act, hand }),
            _ => Err(misplaced(&key)),
        }
    }
}

impl SuppressionItem {
    pub(crate) fn stands(&self) -> bool {
        self.lifted_at.is_none_or(|lifted| self.since > lifted)
    }

    pub(crate) fn suppression(self, reason: Reason) -> Option<Suppression> {
        self.stands().then_some(Suppression {
            reason,
            since: self.since,
            source: self.source,
        })
    }
}

impl Stored for (Reason, SuppressionItem) {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item) = body(item)?;
        match key {
            Key::Suppression { reason, .. } => Ok((reason, item)),
            _ => Err(misplaced(&key)),
        }
    }
}

// Risks

#[derive(Serialize, Deserialize)]
pub(crate) struct MarkItem {
    pub(crate) mark: Mark,
    /// How often the rule has spoken: the condition of the next time.
    pub(crate) times: u64,
    /// The task it opened last.
    pub(crate) task: CaseId,
}

impl Stored for (Rule, MarkItem) {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item) = body(item)?;
        match key {
            Key::Mark { rule, .. } => Ok((rule, item)),
            _ => Err(misplaced(&key)),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct WatchItem {
    /// Sorts as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) heard_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) judged_to: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assessed_to: Option<Date>,
}

impl Stored for WatchItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        body(item).map(|(_, watch)| watch)
    }
}

// Reports

#[derive(Serialize, Deserialize)]
pub(crate) struct ReportItem {
    /// Sorts as text.
    pub(crate) as_of: String,
    pub(crate) zone: String,
    pub(crate) basis: Tally,
    /// JSON, so that what is read is what was written to the last digit.
    pub(crate) numbers: String,
}

impl Stored for crate::Report {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, ReportItem) = body(item)?;
        let raw = key.encode();
        let Key::Report { id, edition } = key else {
            return Err(misplaced(&key));
        };
        let numbers: resound_domain::report::Numbers = serde_json::from_str(&item.numbers)
            .map_err(|error| StoreError::corrupt(raw.clone(), error))?;
        if numbers.kind() != id.kind() {
            return Err(StoreError::corrupt(raw, "it is of another kind"));
        }
        let as_of =
            from_millis(&item.as_of).ok_or_else(|| StoreError::corrupt(raw, "not an instant"))?;
        Ok(Self {
            id,
            edition,
            as_of,
            zone: item.zone,
            basis: item.basis,
            numbers,
        })
    }
}

// Issues and improvements

/// The snapshot of something that has a log: the attribute `name`, and its version, which is the condition of changes.
pub(crate) fn snapshot_item<T: Serialize>(
    key: &Key,
    name: &'static str,
    of: &T,
    version: u32,
) -> Result<Item, StoreError> {
    #[derive(Serialize)]
    struct Snapshot {
        version: u32,
    }
    let mut item = encode(key, &Snapshot { version })?;
    item.insert(name.to_owned(), attribute(of)?);
    Ok(item)
}

impl Stored for Issue {
    fn read(item: Item) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct IssueItem {
            issue: Issue,
        }
        let (key, IssueItem { issue }) = body(item)?;
        match key == Key::Issue(issue.id()) {
            true => Ok(issue),
            false => Err(misplaced(&key)),
        }
    }
}

impl Stored for Improvement {
    fn read(item: Item) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct ImprovementItem {
            improvement: Improvement,
        }
        let (key, ImprovementItem { improvement }) = body(item)?;
        match key == Key::Improvement(improvement.id()) {
            true => Ok(improvement),
            false => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct LoggedItem<E> {
    entry: E,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command_key: Option<String>,
}

pub(crate) fn logged_item<E: Serialize>(
    key: &Key,
    entry: &E,
    command_key: Option<&str>,
) -> Result<Item, StoreError> {
    encode(
        key,
        &LoggedItem {
            entry,
            command_key: command_key.map(str::to_owned),
        },
    )
}

impl Stored for Logged<resound_domain::issue::Entry> {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, LoggedItem<resound_domain::issue::Entry>) = body(item)?;
        match key {
            Key::IssueEntry { seq, .. } if seq == item.entry.seq => Ok(item.into()),
            _ => Err(misplaced(&key)),
        }
    }
}

impl Stored for Logged<improvement::Entry> {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, LoggedItem<improvement::Entry>) = body(item)?;
        match key {
            Key::ImprovementEntry { seq, .. } if seq == item.entry.seq => Ok(item.into()),
            _ => Err(misplaced(&key)),
        }
    }
}

impl Stored for Announcement {
    fn read(item: Item) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct AnnouncementItem {
            announcement: Announcement,
        }
        let (key, AnnouncementItem { announcement }) = body(item)?;
        match key == Key::Announcement(announcement.improvement()) {
            true => Ok(announcement),
            false => Err(misplaced(&key)),
        }
    }
}

impl Stored for Beta {
    fn read(item: Item) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct BetaItem {
            beta: Beta,
        }
        let (key, BetaItem { beta }) = body(item)?;
        match key == Key::Beta(beta.improvement()) {
            true => Ok(beta),
            false => Err(misplaced(&key)),
        }
    }
}

impl Stored for Logged<beta::Entry> {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, LoggedItem<beta::Entry>) = body(item)?;
        match key {
            Key::BetaEntry { seq, .. } if seq == item.entry.seq => Ok(item.into()),
            _ => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DrawItem {
    pub(crate) draw: Draw,
    /// How often it was moved on: the condition of the next move.
    pub(crate) step: u64,
}

impl Stored for Drawn {
    fn read(item: Item) -> Result<Self, StoreError> {
        match body(item)? {
            (Key::Draw(_), DrawItem { draw, step }) => Ok(Self { draw, step }),
            (key, _) => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TesterItem {
    pub(crate) said: Tester,
}

impl Stored for (ResponseId, Tester) {
    fn read(item: Item) -> Result<Self, StoreError> {
        match body(item)? {
            (Key::Tester { response, .. }, TesterItem { said }) => Ok((response, said)),
            (key, _) => Err(misplaced(&key)),
        }
    }
}

impl Stored for Logged<announcement::Entry> {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, LoggedItem<announcement::Entry>) = body(item)?;
        match key {
            Key::AnnouncementEntry { seq, .. } if seq == item.entry.seq => Ok(item.into()),
            _ => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PassItem {
    pub(crate) pass: Pass,
    /// How often it was moved on: the condition of the next move.
    pub(crate) step: u64,
    /// The response up to which the links are walked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<ResponseId>,
    /// The pass before, as it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Pass>,
}

impl Stored for Progress {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, PassItem) = body(item)?;
        let Key::Pass(improvement) = key else {
            return Err(misplaced(&key));
        };
        let PassItem {
            pass,
            step,
            after,
            last,
        } = item;
        Ok(Self {
            improvement,
            pass,
            after,
            last,
            step,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PaceItem {
    /// Business time: when the minute, or the hour, began.
    pub(crate) minute: String,
    pub(crate) taken: u32,
}

impl Stored for PaceItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        match body(item)? {
            (Key::Pace | Key::TrialPace, item) => Ok(item),
            (key, _) => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TrialItem {
    pub(crate) digest: Digest,
    /// Business time.
    pub(crate) at: Timestamp,
    pub(crate) status: TrialStatus,
    /// Seconds since 1970: the table forgets it after that.
    pub(crate) expires_at: i64,
}

impl Stored for Trial {
    fn read(item: Item) -> Result<Self, StoreError> {
        match body(item)? {
            (
                Key::Trial(_),
                TrialItem {
                    digest, at, status, ..
                },
            ) => Ok(Self { digest, at, status }),
            (key, _) => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ToldItem {
    pub(crate) fate: Fate,
    /// Business time.
    pub(crate) at: Timestamp,
}

impl Stored for Told {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, ToldItem { fate, at }) = body(item)?;
        match key {
            Key::Told {
                response,
                improvement,
                occasion,
            } => Ok(Self {
                response,
                improvement,
                occasion,
                fate,
                at,
            }),
            _ => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ContactedItem {
    /// Of our own accord.
    pub(crate) contacts: Times,
    /// In answer to their own case.
    #[serde(default, skip_serializing_if = "Times::is_empty")]
    pub(crate) answers: Times,
    pub(crate) version: u32,
}

impl ContactedItem {
    /// The item of an address that was not written to before.
    pub(crate) fn first(contacts: Contacts) -> Self {
        Self {
            contacts: contacts.own,
            answers: contacts.answers,
            version: 1,
        }
    }

    pub(crate) fn into_contacts(self) -> Contacts {
        Contacts {
            own: self.contacts,
            answers: self.answers,
        }
    }
}

impl Stored for ContactedItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        match body(item)? {
            (Key::Contacted(_), item) => Ok(item),
            (key, _) => Err(misplaced(&key)),
        }
    }
}

impl<E> From<LoggedItem<E>> for Logged<E> {
    fn from(LoggedItem { entry, command_key }: LoggedItem<E>) -> Self {
        Self { entry, command_key }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LinkItem {
    pub(crate) how: How,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) unlinked: bool,
    pub(crate) reporter: Reporter,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Stored for Link {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item): (_, LinkItem) = body(item)?;
        let Key::Link { response, .. } = key else {
            return Err(misplaced(&key));
        };
        let LinkItem {
            how,
            unlinked,
            reporter,
        } = item;
        Ok(Self {
            response,
            how,
            unlinked,
            reporter,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SuggestionItem {
    pub(crate) percent: u8,
    pub(crate) day: Date,
}

impl Stored for Suggestion {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, SuggestionItem { percent, day }) = body(item)?;
        match key {
            Key::Suggestion { response, .. } => Ok(Self {
                response,
                percent,
                day,
            }),
            _ => Err(misplaced(&key)),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct KanoItem {
    pub(crate) pair: kano::Pair,
}

impl Stored for KanoItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        body(item).map(|(_, answer)| answer)
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ReachItem {
    pub(crate) reach: Reach,
    /// Sorts as text.
    pub(crate) as_of: String,
}

impl Stored for ReachItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        body(item).map(|(_, counted)| counted)
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LookBackItem {
    pub(crate) rule: u32,
    /// Sorts as text.
    pub(crate) to: String,
    pub(crate) until: String,
}

impl Stored for LookBack {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, LookBackItem { rule, to, until }) = body(item)?;
        let instant = |text: &str| from_millis(text).ok_or_else(|| misplaced(&key));
        Ok(Self {
            rule,
            to: instant(&to)?,
            until: instant(&until)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LinkingItem {
    /// Sorts as text.
    pub(crate) heard_to: String,
}

impl Stored for LinkingItem {
    fn read(item: Item) -> Result<Self, StoreError> {
        body(item).map(|(_, linking)| linking)
    }
}

// Walk

pub(crate) fn read_walk(item: Item) -> Result<(Key, WalkItem), StoreError> {
    body(item)
}

// Configuration

#[derive(Serialize)]
struct ConfigOut<'a, T> {
    document: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ConfigIn<T> {
    document: T,
    #[serde(default)]
    published_by: Option<String>,
    #[serde(default)]
    published_at: Option<Timestamp>,
}

pub(crate) fn config_item<T: Serialize>(
    key: &Key,
    document: &T,
    signed: Option<&Signed>,
) -> Result<Item, StoreError> {
    let published_by = signed.map(|signed| signed.by.as_str());
    let published_at = signed.map(|signed| signed.at);
    let body = ConfigOut {
        document,
        published_by,
        published_at,
    };
    encode(key, &body)
}

pub(crate) fn read_config<T: DeserializeOwned>(item: Item) -> Result<(u32, T), StoreError> {
    read_edition(item).map(|edition| (edition.version, edition.document))
}

pub(crate) fn read_edition<T: DeserializeOwned>(item: Item) -> Result<Edition<T>, StoreError> {
    let (key, found) = body::<ConfigIn<T>>(item)?;
    let Key::Config { version, .. } = key else {
        return Err(misplaced(&key));
    };
    let signed = found.published_by.zip(found.published_at);
    Ok(Edition {
        version,
        document: found.document,
        signed: signed.map(|(by, at)| Signed { by, at }),
    })
}
