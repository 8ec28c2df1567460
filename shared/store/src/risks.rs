//! What risk rules read, how far they have looked, and the tasks they open.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use resound_domain::case::Case;
use resound_domain::event::Event;
use resound_domain::form::FormId;
use resound_domain::id::{ResponseId, SubjectId};
use resound_domain::response::Response;
use resound_domain::risk::{Mark, Rule};

use crate::dynamo::{Change, Item, Part, Query, Transacted, Written, n, s};
use crate::item::{
    MarkItem, ResponseRecord, Stored, WatchItem, attribute, case_item, encode, event_item, remark,
};
use crate::key::{Key, RawKey, risk_partition};
use crate::schema::{BY_CUSTOMER, BY_DAY, DAY_SHARDS, day_shard, from_millis, millis};
use crate::{Store, StoreError};

/// How many remarks are looked through at once, as many as the nightly count reads of a shard.
const PAGE: usize = 4000;

/// What risk rules ask of a response before they look closer, from `by-day`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The response.
    pub response: ResponseId,
    /// Whether it is negative.
    pub negative: bool,
    /// Whether it is a complaint.
    pub complaint: bool,
    /// The product it is about, as the sender names it.
    pub product: Option<String>,
    /// The customer it is from, where the sender knows them. Personal.
    pub customer: Option<String>,
}

/// Which remarks are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeardBy {
    /// Those of known customers.
    Customer,
    /// Those about a product.
    Product,
}

/// Some of the remarks of a day.
#[derive(Debug)]
pub struct Remarks {
    /// The remarks, as they came.
    pub remarks: Vec<Remark>,
    /// Those that cannot be read, each a [`StoreError::Corrupt`].
    pub corrupt: Vec<StoreError>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Place>,
}

/// A place among the remarks of a day.
#[derive(Debug, Clone)]
pub struct Place {
    pub(crate) shard: u8,
    pub(crate) start: Option<Item>,
}

impl Place {
    /// Where to go on behind a page of a shard; `None` behind the last.
    pub(crate) fn after(shard: u8, next: Option<Item>) -> Option<Self> {
        let next_shard = || Some(shard + 1).filter(|shard| *shard < DAY_SHARDS);
        match next {
            Some(start) => Some(Self {
                shard,
                start: Some(start),
            }),
            None => next_shard().map(|shard| Self { shard, start: None }),
        }
    }
}

/// The responses of a customer.
#[derive(Debug)]
pub struct Heard {
    /// The responses, in no order.
    pub responses: Vec<Response>,
    /// Those that cannot be read, each a [`StoreError::Corrupt`].
    pub corrupt: Vec<StoreError>,
}

/// How far the risk rules have looked at a survey; `None` before the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watch {
    /// Every response that came before this instant was looked at, by the rules about customers.
    pub heard_to: Option<Timestamp>,
    /// The last local day whose complaints were judged.
    pub judged_to: Option<Date>,
    /// The last day of the last period whose satisfaction was assessed.
    pub assessed_to: Option<Date>,
}

/// Up to where a rule has spoken about a subject, as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoken {
    /// Up to where.
    pub mark: Mark,
    times: u64,
}

/// A task to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Raise<'a> {
    /// The task.
    pub case: &'a Case,
    /// Its opening.
    pub opened: &'a Event,
    /// What it is about.
    pub subject: SubjectId,
    /// Up to where the rule has spoken then.
    pub mark: Mark,
    /// Up to where it had spoken before, as it was seen.
    pub seen: Option<Spoken>,
}

/// What came of opening a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Raised {
    /// It is opened. Up to where the rule has spoken now.
    Raised(Spoken),
    /// Another run has spoken about the subject since it was seen; nothing is written.
    Lost,
}

impl Store {
    /// Some of the remarks of a survey's local day that came in `from..to`, shard after shard; `after` is the `next` of
    /// the page before. The index lags: what came in the last minutes may be missing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn remarks(
        &self,
        survey: &FormId,
        day: Date,
        (from, to): (Timestamp, Timestamp),
        by: HeardBy,
        after: Option<Place>,
    ) -> Result<Remarks, StoreError> {
        let Place { shard, start } = after.unwrap_or(Place {
            shard: 0,
            start: None,
        });
        // Instants are whole milliseconds; both ends of a range are in it.
        let last = to.checked_sub(SignedDuration::from_millis(1)).unwrap_or(to);
        let query = Query::index(BY_DAY, day_shard(survey, day, shard))
            .range("#received_at BETWEEN :from AND :to")
            .value(":from", s(millis(from)))
            .value(":to", s(millis(last)))
            .filter(match by {
                HeardBy::Customer => "attribute_exists(#customer)",
                HeardBy::Product => "attribute_exists(#product)",
            })
            .limit(PAGE);
        if last < from {
            return Ok(Remarks {
                remarks: Vec::new(),
                corrupt: Vec::new(),
                next: None,
            });
        }
        let page = self.query_page(&query, start).await?;
        let (mut remarks, mut corrupt) = (Vec::new(), Vec::new());
        for row in page.items {
            match remark(row) {
                Ok(row) => remarks.push(row),
                Err(error) => corrupt.push(error),
            }
        }
        Ok(Remarks {
            remarks,
            corrupt,
            next: Place::after(shard, page.next),
        })
    }

    /// The responses of a known customer that came at `since` or later, the newest `limit` of them; those that were
    /// erased are not among them. The index lags; the responses themselves are as of now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn responses_of(
        &self,
        customer: &str,
        since: Timestamp,
        limit: usize,
    ) -> Result<Heard, StoreError> {
        let query = Query::index(BY_CUSTOMER, customer.to_owned())
            .range("#received_at >= :since")
            .value(":since", s(millis(since)))
            .descending()
            .limit(limit);
        let page = self.query_page(&query, None).await?;
        let keys: Vec<RawKey> = page.items.iter().map(crate::dynamo::key_of).collect();
        let (mut responses, mut corrupt) = (Vec::new(), Vec::new());
        for item in self.get_all(&keys).await? {
            match ResponseRecord::read(item) {
                Ok(ResponseRecord::Kept { response, .. }) => responses.push(*response),
                Ok(ResponseRecord::Erased) => {}
                Err(error) => corrupt.push(error),
            }
        }
        Ok(Heard { responses, corrupt })
    }

    /// Up to where each rule has spoken about a subject.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn marks(&self, subject: SubjectId) -> Result<BTreeMap<Rule, Spoken>, StoreError> {
        let query = Query::partition(risk_partition(subject));
        let items = self.query_all(&query).await?;
        let known = items
            .into_iter()
            // The rules of a newer version are that one's.
            .filter(|item| Key::decode(&crate::dynamo::key_of(item)).is_ok());
        known
            .map(|item| {
                let (rule, MarkItem { mark, times, .. }) = <(Rule, MarkItem)>::read(item)?;
                Ok((rule, Spoken { mark, times }))
            })
            .collect()
    }

    /// Opens a task and moves the mark of its rule, all or nothing. A lost answer is no harm: whoever looks again sees
    /// the mark.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] unless the case is a task with one event.
    pub async fn raise(
        &self,
        raise: &Raise<'_>,
        machine_now: Timestamp,
    ) -> Result<Raised, StoreError> {
        let Raise {
            case,
            opened,
            subject,
            mark,
            seen,
        } = *raise;
        let Some(task) = case
            .task()
            .filter(|_| case.id() == opened.case && case.version() == opened.seq)
        else {
            return Err(StoreError::rejected("a task is opened with one event"));
        };
        let rule = task.rule();
        let key = Key::Mark { subject, rule };
        let times = seen.map_or(1, |seen| seen.times.saturating_add(1));
        let moved = match seen {
            None => Part::PutNew(encode(
                &key,
                &MarkItem {
                    mark,
                    times,
                    task: case.id(),
                },
            )?),
            Some(seen) => Part::Change(
                Change::new(&key, "SET #mark = :mark, #times = :times, #task = :task")
                    .only_if("#times = :seen")
                    .value(":mark", attribute(&mark)?)
                    .value(":times", n(times))
                    .value(":task", attribute(&case.id())?)
                    .value(":seen", n(seen.times)),
            ),
        };
        let parts = vec![
            moved,
            Part::PutNew(case_item(case)?),
            Part::PutNew(event_item(opened, None, machine_now)?),
        ];
        Ok(match self.transact(parts).await? {
            Transacted::Done => Raised::Raised(Spoken { mark, times }),
            Transacted::Refused(_) => Raised::Lost,
        })
    }

    /// How far the risk rules have looked at a survey.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn watch(&self, survey: &FormId) -> Result<Watch, StoreError> {
        let key = Key::Watch {
            survey: survey.clone(),
        };
        let Some(item) = self.get(&key).await? else {
            return Ok(Watch::default());
        };
        let WatchItem {
            heard_to,
            judged_to,
            assessed_to,
        } = WatchItem::read(item)?;
        let heard_to = match heard_to {
            None => None,
            Some(text) => {
                let at = from_millis(&text);
                Some(at.ok_or_else(|| StoreError::corrupt(key.encode(), "not an instant"))?)
            }
        };
        Ok(Watch {
            heard_to,
            judged_to,
            assessed_to,
        })
    }

    /// Moves forward what is given of how far the risk rules have looked at a survey. What stands further already stays.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn watched(&self, survey: &FormId, watch: Watch) -> Result<(), StoreError> {
        let key = Key::Watch {
            survey: survey.clone(),
        };
        for (name, to) in [
            ("heard_to", watch.heard_to.map(millis)),
            ("judged_to", watch.judged_to.map(|day| day.to_string())),
            ("assessed_to", watch.assessed_to.map(|day| day.to_string())),
        ] {
            let Some(to) = to else { continue };
            let forward = || {
                Change::new(&key, format!("SET #{name} = :to"))
                    .only_if(&format!("(attribute_not_exists(#{name}) OR #{name} < :to)"))
                    .value(":to", s(&to))
            };
            if let Written::Refused(None) = self.change(forward()).await? {
                // The first time. Whoever was faster made the item, too.
                let _made_by_either = self.put_new(encode(&key, &WatchItem::default())?).await?;
                // Refused: it stands there or further.
                let (Written::Done | Written::Refused(_)) = self.change(forward()).await?;
            }
        }
        Ok(())
    }
}
