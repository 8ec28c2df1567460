//! Responses: accepted once, however often they are sent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use resound_domain::case::Case;
use resound_domain::event::Event;
use resound_domain::id::ResponseId;
use resound_domain::response::{Amendment, Response};
use resound_domain::tally::Cause;
use serde::{Deserialize, Serialize};

use crate::dynamo::{Change, Item, Part, Refusal, Transacted, Written, n};
use crate::item::{
    ResponseRecord, Stored, attribute, case_item, counted_on, event_item, response_item,
    tombstone_item,
};
use crate::key::Key;
use crate::marks::mark;
use crate::{Store, StoreError};

/// The SHA-256 of what a customer sent, to tell a repeat from another content under the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub [u8; 32]);

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "not 64 hexadecimal digits";
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return Err(WRONG);
        }
        for (i, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * i..2 * i + 2).ok_or(WRONG)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

/// What came of accepting a response.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Accepted {
    /// It is kept now.
    New,
    /// It was kept before, with the same content: this is what was decided then.
    Replay(Box<Response>),
    /// Another content was accepted under the same id.
    Mismatch,
    /// It was accepted once and erased since.
    Erased,
}

/// What is kept under the id of a response.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// The response.
    Found(Box<Response>),
    /// Its tombstone.
    Erased,
    /// Nothing.
    Missing,
}

/// What came of burying a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Buried {
    /// Only a tombstone is left.
    Buried,
    /// There was nothing under this id.
    Missing,
}

/// What came of changing scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Amended {
    /// They are changed, and the day is marked to be counted again.
    Done,
    /// The response is not as it was seen: its scores were changed or it was erased meanwhile.
    Overtaken,
}

impl Store {
    /// Keeps a response and, if it opened a case, that case with its first event: all of it or nothing. A lost
    /// answer is no harm; the repeat is a [`Replay`](Accepted::Replay).
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn accept(
        &self,
        response: &Response,
        digest: &Digest,
        opened: Option<(&Case, &Event)>,
        machine_now: Timestamp,
    ) -> Result<Accepted, StoreError> {
        let item = response_item(response, digest)?;
        let Some((case, event)) = opened else {
            return match self.put_new(item).await? {
                Written::Done => Ok(Accepted::New),
                Written::Refused(old) => kept_before(old, digest),
            };
        };
        if case.id() != response.id.case() || event.case != case.id() || case.version() != event.seq
        {
            return Err(StoreError::rejected(
                "a response opens the case of its own id with one event",
            ));
        }
        let parts = vec![
            Part::PutNew(item),
            Part::PutNew(case_item(case)?),
            Part::PutNew(event_item(event, None, machine_now)?),
        ];
        match self.transact(parts).await? {
            Transacted::Done => Ok(Accepted::New),
            Transacted::Refused(refusals) => match refusals.into_iter().next() {
                Some(Refusal::Failed(old)) => kept_before(old, digest),
                _ => Err(StoreError::corrupt(
                    Key::Case(case.id()).encode(),
                    "there is a case without the response that opened it",
                )),
            },
        }
    }

    /// What is kept under this id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn response(&self, id: ResponseId) -> Result<Lookup, StoreError> {
        Ok(
            match self
                .get(&Key::Response(id))
                .await?
                .map(ResponseRecord::read)
                .transpose()?
            {
                Some(ResponseRecord::Kept { response, .. }) => Lookup::Found(response),
                Some(ResponseRecord::Erased) => Lookup::Erased,
                None => Lookup::Missing,
            },
        )
    }

    /// Changes the scores of a response that is as it was seen, and marks its day to be counted again: both or
    /// neither. What the customer sent first stays beside them, and its repeat is still a
    /// [`Replay`](Accepted::Replay).
    ///
    /// Who repeats it after a lost answer may find it [`Overtaken`](Amended::Overtaken) by itself: the response, read
    /// again, has these scores.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn amend(
        &self,
        seen: &Response,
        amendment: &Amendment,
        machine_now: Timestamp,
    ) -> Result<Amended, StoreError> {
        let mut set = "SET #response.#amended = :amended".to_owned();
        let (mut scores, mut causes) = (Vec::new(), BTreeSet::new());
        let (was, is) = (seen.scores(), amendment.scores);
        // What the index counts stands outside the snapshot.
        for (name, was, is) in [
            ("nps", was.nps.map(u8::from), is.nps.map(u8::from)),
            ("csat", was.csat.map(u8::from), is.csat.map(u8::from)),
            ("ces", was.ces.map(u8::from), is.ces.map(u8::from)),
        ] {
            let Some(score) = is.filter(|_| is != was) else {
                continue;
            };
            set.push_str(&format!(", #{name} = :{name}"));
            scores.push((format!(":{name}"), n(score)));
            causes.insert(match was {
                None => Cause::LateAnswer,
                Some(_) => Cause::Edit,
            });
        }
        let change = Change::new(&Key::Response(seen.id), set)
            .only_if("attribute_not_exists(#erased_at)")
            .value(":amended", attribute(amendment)?);
        let change = scores
            .into_iter()
            .fold(change, |change, (name, score)| change.value(&name, score));
        let change = match seen.amended {
            None => change.only_if("attribute_not_exists(#response.#amended)"),
            Some(seen) => change
                .only_if("#response.#amended.#times = :seen")
                .value(":seen", n(seen.times)),
        };
        let mut parts = vec![Part::Change(change)];
        for cause in causes {
            let survey = &seen.submission.form;
            parts.push(mark(survey, seen.day, cause, machine_now)?);
        }
        Ok(match self.transact(parts).await? {
            Transacted::Done => Amended::Done,
            Transacted::Refused(_) => Amended::Overtaken,
        })
    }

    /// Leaves only a tombstone of a response: a retry of its submission gets [`Accepted::Erased`] and does not bring
    /// it back. Its day is marked in the same transaction, so its scores leave the tallies. What issues have of it goes
    /// too, and what was announced to its sender. Its case and messages are other items and stay. If it fails half-way, the tombstone is there and the repeat
    /// does the rest.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn bury(&self, id: ResponseId, machine_now: Timestamp) -> Result<Buried, StoreError> {
        let Some(item) = self.get(&Key::Response(id)).await? else {
            return Ok(Buried::Missing);
        };
        let mut parts = vec![Part::PutOver(tombstone_item(id, machine_now)?)];
        // A tombstone is in no day. A response stays in its own, so whatever changed it since we looked is no matter.
        if let Some((survey, day)) = counted_on(&item) {
            parts.push(mark(&survey, day, Cause::Erasure, machine_now)?);
        }
        match self.transact(parts).await? {
            Transacted::Done => {
                // Nothing is linked to a tombstone, so what is not there now never will be.
                self.forget_links(id).await?;
                self.forget_told(id).await?;
                Ok(Buried::Buried)
            }
            Transacted::Refused(_) => Ok(Buried::Missing),
        }
    }
}

/// What a refused write tells: the response that was there first.
fn kept_before(old: Option<Item>, digest: &Digest) -> Result<Accepted, StoreError> {
    // The condition asks for the item to be absent, so it is there; only a reply without it would say otherwise.
    let old = old.ok_or_else(|| {
        StoreError::Unavailable("the table did not tell which item it has".into())
    })?;
    Ok(match ResponseRecord::read(old)? {
        ResponseRecord::Kept {
            response,
            digest: kept,
        } if kept == *digest => Accepted::Replay(response),
        ResponseRecord::Kept { .. } => Accepted::Mismatch,
        ResponseRecord::Erased => Accepted::Erased,
    })
}
