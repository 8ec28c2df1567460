//! Betas of improvements: their log, who is drawn, and what testers say. Whom they write to is kept as for
//! [announcements](crate::announcements).
//!
//! The beta and the draw are in the partition of the improvement; that it is open is told by an item beside the announcements
//! that run. What somebody says goes with their response when that is erased.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::id::{ImprovementId, ResponseId};
use resound_domain::issue::announcement::Occasion;
use resound_domain::issue::beta::{Beta, Entry, State};
use resound_domain::issue::pick::Draw;
use resound_domain::issue::tester::Tester;
use serde::{Deserialize, Serialize};

use crate::announcements::{Kept, Told};
use crate::cases::Appended;
use crate::dynamo::{Change, Item, Part, Query, Transacted, Written, key_of, n};
use crate::issues::{Logged, Opened, beginning, stepped, still_there};
use crate::item::{
    DrawItem, Stored, TesterItem, attribute, encode, logged_item, read_each, snapshot_item,
};
use crate::key::{
    BETA_LOG, Key, RawKey, improvement_partition, response_partition, tester_partition, told_prefix,
};
use crate::{Store, StoreError};

/// A beta with its whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BetaHistory {
    /// The beta.
    pub beta: Beta,
    /// Its log, in order.
    pub log: Vec<Logged<Entry>>,
}

/// What testers have said.
#[derive(Debug, Default)]
pub struct Testers {
    /// Those who have said anything, by their responses.
    pub said: BTreeMap<ResponseId, Tester>,
    /// What cannot be read, each a [`StoreError::Corrupt`]; it hides nothing of the others.
    pub corrupt: Vec<StoreError>,
}

/// A draw as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The draw.
    pub draw: Draw,
    pub(crate) step: u64,
}

impl Store {
    /// The beta of an improvement; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn beta(&self, improvement: ImprovementId) -> Result<Option<Beta>, StoreError> {
        let item = self.get(&Key::Beta(improvement)).await?;
        item.map(Beta::read).transpose()
    }

    /// A beta with its whole log; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]; one entry that cannot be read fails the whole.
    pub async fn beta_history(
        &self,
        improvement: ImprovementId,
    ) -> Result<Option<BetaHistory>, StoreError> {
        let Some(beta) = self.beta(improvement).await? else {
            return Ok(None);
        };
        let log = beginning(improvement_partition(improvement), BETA_LOG);
        let log = self.query_all(&log).await?.into_iter().map(Logged::read);
        let mut log: Vec<Logged<Entry>> = log.collect::<Result<_, _>>()?;
        log.retain(|logged| logged.entry.seq <= beta.version());
        Ok(Some(BetaHistory { beta, log }))
    }

    /// Starts a beta with the first entry of its log, if the improvement is not announced. It is open from then on.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry does not start one; [`StoreError::Unavailable`] if the
    /// improvement was announced meanwhile.
    pub async fn start_beta(
        &self,
        improvement: ImprovementId,
        started: &Entry,
        command_key: Option<&str>,
    ) -> Result<Opened, StoreError> {
        let beta = Beta::begin(improvement, started);
        let beta = beta.ok_or_else(|| StoreError::rejected("the entry starts no beta"))?;
        let (seq, key) = (started.seq, Key::Beta(improvement));
        let entry = Key::BetaEntry { improvement, seq };
        let parts = vec![
            Part::PutNew(snapshot_item(&key, "beta", &beta, beta.version())?),
            Part::PutNew(logged_item(&entry, started, command_key)?),
            Part::Replace(trying(improvement)?),
            Part::Absent(Key::Announcement(improvement).encode()),
        ];
        match self.transact(parts).await? {
            Transacted::Done => Ok(Opened::New),
            Transacted::Refused(_) if self.beta(improvement).await?.is_some() => Ok(Opened::Exists),
            Transacted::Refused(_) => Err(StoreError::Unavailable(
                "the improvement was announced".into(),
            )),
        }
    }

    /// Adds an entry to the log of a beta, if nobody else has changed it. Whether it is open is kept in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry does not lead from `before` to `after`.
    pub async fn append_to_beta(
        &self,
        before: &Beta,
        after: &Beta,
        entry: &Entry,
        command_key: Option<&str>,
    ) -> Result<Appended, StoreError> {
        let (improvement, seq) = (after.improvement(), entry.seq);
        if before.improvement() != improvement {
            return Err(StoreError::rejected("the step is of two betas"));
        }
        let (was, is) = ((before.version(), before), (after.version(), after));
        let log = Key::BetaEntry { improvement, seq };
        let parts = vec![
            stepped(&Key::Beta(improvement), "beta", was, is, seq)?,
            Part::PutNew(logged_item(&log, entry, command_key)?),
            match after.state() {
                State::Inviting | State::Asking | State::Stopped => {
                    Part::Replace(trying(improvement)?)
                }
                State::Closed => Part::Delete(Key::Trying(improvement).encode()),
            },
        ];
        Ok(match self.transact(parts).await? {
            Transacted::Done => Appended::Appended,
            Transacted::Refused(_) => Appended::Conflict,
        })
    }

    /// Who is drawn so far; `None` before the draw began.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn draw(&self, improvement: ImprovementId) -> Result<Option<Drawn>, StoreError> {
        let item = self.get(&Key::Draw(improvement)).await?;
        item.map(Drawn::read).transpose()
    }

    /// Moves a draw on from what was seen; `None` if another run was first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn draw_on(
        &self,
        improvement: ImprovementId,
        seen: Option<&Drawn>,
        draw: Draw,
    ) -> Result<Option<Drawn>, StoreError> {
        let key = Key::Draw(improvement);
        let step = seen.map_or(1, |seen| seen.step.saturating_add(1));
        let to = Drawn { draw, step };
        let written = match seen {
            None => {
                let draw = to.draw.clone();
                self.put_new(encode(&key, &DrawItem { draw, step })?)
                    .await?
            }
            Some(seen) => {
                let change = Change::new(&key, "SET #draw = :draw, #step = :step")
                    .only_if("#step = :seen")
                    .value(":draw", attribute(&to.draw)?)
                    .value(":step", n(step))
                    .value(":seen", n(seen.step));
                self.change(change).await?
            }
        };
        Ok(match written {
            Written::Done => Some(to),
            // Our own, whose answer was lost.
            Written::Refused(Some(now)) => (Drawn::read(now)? == to).then_some(to),
            Written::Refused(None) => None,
        })
    }

    /// What the senders of these responses have said as testers.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn testers(
        &self,
        improvement: ImprovementId,
        responses: &[ResponseId],
    ) -> Result<Testers, StoreError> {
        let key = |&response: &ResponseId| {
            let tester = Key::Tester {
                response,
                improvement,
            };
            tester.encode()
        };
        let keys: Vec<RawKey> = responses.iter().map(key).collect();
        let (said, corrupt) = read_each(self.get_all(&keys).await?);
        Ok(Testers { said, corrupt })
    }

    /// The invitations that are kept beside a response, in no order, each with what its sender has said as a tester. What only a
    /// newer version can read is not among them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn invitations(
        &self,
        response: ResponseId,
    ) -> Result<Vec<(Told, Tester)>, StoreError> {
        let invited = told_prefix(Occasion::Invitation);
        let invited = beginning(response_partition(response), invited);
        let invited = self.query_all(&invited).await?;
        if invited.is_empty() {
            return Ok(Vec::new());
        }
        let said = Query::partition(tester_partition(response));
        let mut testers = BTreeMap::new();
        for item in self.query_all(&said).await? {
            if let Ok(Key::Tester { improvement, .. }) = Key::decode(&key_of(&item))
                && let Ok((_, tester)) = <(ResponseId, Tester)>::read(item)
            {
                testers.insert(improvement, tester);
            }
        }
        let invited = invited.into_iter().filter_map(|item| Told::read(item).ok());
        let with_words = invited.map(|told| {
            let tester = testers.remove(&told.improvement);
            (told, tester.unwrap_or_default())
        });
        Ok(with_words.collect())
    }

    /// Keeps what a tester says, if they have said nothing since `seen` and their response, which came at `received_at`, is
    /// not erased.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn hear_tester(
        &self,
        improvement: ImprovementId,
        (response, received_at): (ResponseId, Timestamp),
        seen: &Tester,
        tester: &Tester,
    ) -> Result<Kept, StoreError> {
        let key = Key::Tester {
            response,
            improvement,
        };
        let kept = match seen.said() {
            [] => Part::PutNew(encode(
                &key,
                &TesterItem {
                    said: tester.clone(),
                },
            )?),
            _ => Part::Change(
                Change::new(&key, "SET #said = :said")
                    .only_if("#said = :seen")
                    .value(":said", attribute(tester)?)
                    .value(":seen", attribute(seen)?),
            ),
        };
        let parts = vec![kept, still_there(response, received_at)];
        Ok(match self.transact(parts).await? {
            Transacted::Done => Kept::Kept,
            Transacted::Refused(_) => Kept::Overtaken,
        })
    }
}

/// Its key says it all.
fn trying(improvement: ImprovementId) -> Result<Item, StoreError> {
    #[derive(Serialize, Deserialize)]
    struct TryingItem {}
    encode(&Key::Trying(improvement), &TryingItem {})
}
