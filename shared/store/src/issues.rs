//! Issues, the responses beside them, and improvements.
//!
//! All issues are in one partition, so that they can be listed without an index; so are all improvements. What belongs to one
//! of them alone (its log, its links) is in a partition of its own, which may be large and is read page by page.
//!
//! A link holds no words of the customer: where they are needed, the response is read. Whatever an issue has of a response
//! leaves a [trail](Key::Trail) in the partition of the response, by which [`bury`](Store::bury) takes it away.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use resound_domain::form::FormId;
use resound_domain::id::{ImprovementId, IssueId, ResponseId};
use resound_domain::issue::improvement::{self, Improvement};
use resound_domain::issue::{Entry, Issue, Link, Reach, kano, link};
use resound_domain::response::Response;
use serde::{Deserialize, Serialize};

use crate::cases::{Appended, Changed, MAX_SEQ};
use crate::dynamo::{Change, Item, Part, Query, Refusal, Transacted, Written, key_of, n, s};
use crate::item::{
    KanoItem, LinkItem, LinkingItem, LookBackItem, ReachItem, ResponseRecord, Stored,
    SuggestionItem, attribute, encode, logged_item, read_each, snapshot_item,
};
use crate::key::{
    IMPROVEMENTS, ISSUES, KANO, Key, LINKS, LOG, RawKey, SUGGESTIONS, TRAIL, improvement_partition,
    issue_partition, response_partition,
};
use crate::risks::Place;
use crate::schema::{BY_DAY, day_shard, from_millis, millis};
use crate::{Store, StoreError};

/// The most links, suggestions or answers on one page.
pub const MAX_LINKS: usize = 1000;

/// How many responses are read at once: 200 of the largest are 8 MB.
const RESPONSES: usize = 200;

/// How many issues lose what they have of a response in one transaction: four items each.
const FORGOTTEN_AT_ONCE: usize = 20;

/// An issue with what is counted and remembered about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The issue.
    pub issue: Issue,
    /// Whom it reaches, as counted last; `None` if it never was.
    pub reach: Option<Reach>,
    /// How far its rule has looked back; `None` before it began.
    pub look_back: Option<LookBack>,
}

/// All issues, in no order that means anything.
#[derive(Debug)]
pub struct Issues {
    /// The issues.
    pub issues: Vec<Known>,
    /// Those that cannot be read, each a [`StoreError::Corrupt`]; they hide no other.
    pub corrupt: Vec<StoreError>,
}

/// All improvements, in no order that means anything.
#[derive(Debug)]
pub struct Improvements {
    /// The improvements.
    pub improvements: Vec<Improvement>,
    /// Those that cannot be read, each a [`StoreError::Corrupt`]; they hide no other.
    pub corrupt: Vec<StoreError>,
}

/// How far the rule of an issue has looked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookBack {
    /// The entry that set the rule: of another one nothing was looked at yet.
    pub rule: u32,
    /// Every response that came before this instant, and after the beginning, was looked at.
    pub to: Timestamp,
    /// Where it ends: what came later is looked at as it comes.
    pub until: Timestamp,
}

impl LookBack {
    /// Whether there is nothing left to look at.
    pub fn is_done(self) -> bool {
        self.to >= self.until
    }
}

/// An entry of a log, with the key of the command that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged<E> {
    /// The entry.
    pub entry: E,
    /// The `Idempotency-Key` of the command that made it.
    pub command_key: Option<String>,
}

/// An issue with its whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueHistory {
    /// The issue.
    pub issue: Issue,
    /// Its log, in order.
    pub log: Vec<Logged<Entry>>,
}

/// An improvement with its whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImprovementHistory {
    /// The improvement.
    pub improvement: Improvement,
    /// Its log, in order.
    pub log: Vec<Logged<improvement::Entry>>,
}

/// What came of opening an issue or an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    /// It is there now.
    New,
    /// There is one of this id: a repeat, or another content under the same key. Nothing is written.
    Exists,
}

/// What is added to the log of one issue.
#[derive(Debug, Clone, Copy)]
pub struct IssueStep<'a> {
    /// The issue as it was seen.
    pub before: &'a Issue,
    /// The issue after the entry.
    pub after: &'a Issue,
    /// The entry.
    pub entry: &'a Entry,
    /// The key of the command that made it.
    pub command_key: Option<&'a str>,
}

/// A response that a person links or takes out.
#[derive(Debug, Clone, Copy)]
pub struct Relinked<'a> {
    /// What stands beside the issue now; `None` for nothing.
    pub seen: Option<&'a Link>,
    /// What is to stand there.
    pub link: &'a Link,
    /// When the response came: it must still be there, and not be erased.
    pub received_at: Timestamp,
}

/// What came of linking a response that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Linked {
    /// It is linked, or suggested, now.
    Linked,
    /// It was before; or a person took it out, and it stays so.
    Present,
    /// The response is erased by now.
    Gone,
}

/// A response that may be about an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// The response.
    pub response: ResponseId,
    /// How like those that are linked, in percent.
    pub percent: u8,
    /// The local day it came on.
    pub day: Date,
}

/// Some of what stands beside an issue, in the order of the responses.
#[derive(Debug)]
pub struct Beside<T> {
    /// What was found.
    pub found: Vec<T>,
    /// What cannot be read, each a [`StoreError::Corrupt`].
    pub corrupt: Vec<StoreError>,
    /// The last response that was looked at, if there are more: the `after` of the next page.
    pub next: Option<ResponseId>,
}

/// Some of the responses of a day.
#[derive(Debug)]
pub struct Received {
    /// The responses, in no order.
    pub responses: Vec<Response>,
    /// Those that cannot be read, each a [`StoreError::Corrupt`].
    pub corrupt: Vec<StoreError>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Place>,
}

impl Store {
    /// All issues with what is counted about them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn issues(&self) -> Result<Issues, StoreError> {
        let items = self.query_all(&Query::partition(ISSUES.to_owned())).await?;
        let (mut issues, mut corrupt) = (Vec::new(), Vec::new());
        let mut reaches: BTreeMap<IssueId, Reach> = BTreeMap::new();
        let mut looks: BTreeMap<IssueId, LookBack> = BTreeMap::new();
        for item in items {
            // What a newer version keeps here is that one's.
            let read = match Key::decode(&key_of(&item)) {
                Ok(Key::Issue(_)) => Issue::read(item).map(|issue| issues.push(issue)),
                Ok(Key::Reach(id)) => {
                    ReachItem::read(item).map(|counted| reaches.extend([(id, counted.reach)]))
                }
                Ok(Key::LookBack(id)) => {
                    LookBack::read(item).map(|looked| looks.extend([(id, looked)]))
                }
                Ok(_) | Err(_) => Ok(()),
            };
            corrupt.extend(read.err());
        }
        let known = issues.into_iter().map(|issue| Known {
            reach: reaches.remove(&issue.id()),
            look_back: looks.remove(&issue.id()),
            issue,
        });
        Ok(Issues {
            issues: known.collect(),
            corrupt,
        })
    }

    /// An issue as of now; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn issue(&self, id: IssueId) -> Result<Option<Issue>, StoreError> {
        let item = self.get(&Key::Issue(id)).await?;
        item.map(Issue::read).transpose()
    }

    /// Whom the links of an issue reach, as counted last; `None` if they never were.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reach(&self, id: IssueId) -> Result<Option<Reach>, StoreError> {
        let item = self.get(&Key::Reach(id)).await?;
        let read = item.map(ReachItem::read).transpose()?;
        Ok(read.map(|counted| counted.reach))
    }

    /// An issue with its whole log; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`]; one entry that cannot be read fails the whole, as a log with a hole would mislead.
    pub async fn issue_history(&self, id: IssueId) -> Result<Option<IssueHistory>, StoreError> {
        let Some(issue) = self.issue(id).await? else {
            return Ok(None);
        };
        let mut log = self.entries_of(issue_partition(id)).await?;
        // Read after the issue, it may have grown.
        log.retain(|logged: &Logged<Entry>| logged.entry.seq <= issue.version());
        Ok(Some(IssueHistory { issue, log }))
    }

    async fn entries_of<E>(&self, partition: String) -> Result<Vec<Logged<E>>, StoreError>
    where
        Logged<E>: Stored,
    {
        let items = self.query_all(&beginning(partition, LOG)).await?;
        items.into_iter().map(Logged::read).collect()
    }

    /// Opens an issue with the first entry of its log.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry does not open one.
    pub async fn open_issue(
        &self,
        id: IssueId,
        opened: &Entry,
        command_key: Option<&str>,
    ) -> Result<Opened, StoreError> {
        let issue = Issue::begin(id, opened);
        let issue = issue.ok_or_else(|| StoreError::rejected("the entry opens no issue"))?;
        let entry = Key::IssueEntry {
            issue: id,
            seq: opened.seq,
        };
        let parts = vec![
            Part::PutNew(snapshot_item(
                &Key::Issue(id),
                "issue",
                &issue,
                issue.version(),
            )?),
            Part::PutNew(logged_item(&entry, opened, command_key)?),
        ];
        self.opened(parts).await
    }

    async fn opened(&self, parts: Vec<Part>) -> Result<Opened, StoreError> {
        Ok(match self.transact(parts).await? {
            Transacted::Done => Opened::New,
            Transacted::Refused(_) => Opened::Exists,
        })
    }

    /// Adds one entry each to the logs of issues, and links or takes out responses beside the first of them: all or nothing,
    /// if nobody else has changed any of it.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if an entry does not lead from `before` to `after`.
    pub async fn append_to_issues(
        &self,
        steps: &[IssueStep<'_>],
        relinked: &[Relinked<'_>],
    ) -> Result<Appended, StoreError> {
        let mut parts = Vec::new();
        for step in steps {
            let IssueStep {
                before,
                after,
                entry,
                command_key,
            } = *step;
            let (was, is) = (before.version(), after.version());
            if before.id() != after.id() {
                return Err(StoreError::rejected("the step is of two issues"));
            }
            let key = Key::Issue(after.id());
            parts.push(stepped(
                &key,
                "issue",
                (was, before),
                (is, after),
                entry.seq,
            )?);
            let key = Key::IssueEntry {
                issue: after.id(),
                seq: entry.seq,
            };
            parts.push(Part::PutNew(logged_item(&key, entry, command_key)?));
        }
        if let Some(step) = steps.first() {
            for relinked in relinked {
                parts.extend(relinking(step.after.id(), relinked)?);
            }
        }
        self.appended(parts).await
    }

    async fn appended(&self, parts: Vec<Part>) -> Result<Appended, StoreError> {
        Ok(match self.transact(parts).await? {
            Transacted::Done => Appended::Appended,
            Transacted::Refused(_) => Appended::Conflict,
        })
    }

    /// What stands beside an issue of these responses, in no order.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn links_of(
        &self,
        issue: IssueId,
        responses: &[ResponseId],
    ) -> Result<Vec<Link>, StoreError> {
        let key = |&response: &ResponseId| Key::Link { issue, response }.encode();
        let keys: Vec<RawKey> = responses.iter().map(key).collect();
        let items = self.get_all(&keys).await?;
        items.into_iter().map(Link::read).collect()
    }

    /// Links a response by the rule of an issue or by similarity, unless it stands beside the issue already; a suggestion of
    /// it is over with that. A lost answer is no harm: the repeat finds it [`Present`](Linked::Present).
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn link(
        &self,
        issue: IssueId,
        link: &Link,
        received_at: Timestamp,
    ) -> Result<Linked, StoreError> {
        let response = link.response;
        let parts = vec![
            Part::PutNew(link_item(issue, link)?),
            still_there(response, received_at),
            Part::Replace(trail(response, issue)?),
            Part::Delete(Key::Suggestion { issue, response }.encode()),
        ];
        self.linked(parts).await
    }

    /// Suggests a response to a person, unless it stands beside the issue or was suggested already.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn suggest(
        &self,
        issue: IssueId,
        suggestion: Suggestion,
        received_at: Timestamp,
    ) -> Result<Linked, StoreError> {
        let Suggestion {
            response,
            percent,
            day,
        } = suggestion;
        let item = encode(
            &Key::Suggestion { issue, response },
            &SuggestionItem { percent, day },
        )?;
        let parts = vec![
            Part::PutNew(item),
            still_there(response, received_at),
            Part::Replace(trail(response, issue)?),
            Part::Absent(Key::Link { issue, response }.encode()),
        ];
        self.linked(parts).await
    }

    async fn linked(&self, parts: Vec<Part>) -> Result<Linked, StoreError> {
        Ok(match self.transact(parts).await? {
            Transacted::Done => Linked::Linked,
            Transacted::Refused(refusals) => match refusals.get(1) {
                Some(Refusal::Failed(_)) => Linked::Gone,
                _ => Linked::Present,
            },
        })
    }

    /// Some of the links of an issue and of those it absorbed, as [one](link::union): those after a response, in the order of
    /// the responses, which stays the same however many are added meanwhile. What was taken out by hand is among them.
    /// About `limit` of them, at most [`MAX_LINKS`] of each issue; read as of now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn links(
        &self,
        family: &[IssueId],
        after: Option<ResponseId>,
        limit: usize,
    ) -> Result<Beside<Link>, StoreError> {
        let read = family
            .iter()
            .map(|&issue| self.beside::<Link>(issue_partition(issue), LINKS, after, limit));
        let pages = try_join_all(read).await?;
        // Up to here every issue has been seen; behind it, one that was not read to its end may have more.
        let next = pages.iter().filter_map(|page| page.next).min();
        let mut corrupt = Vec::new();
        let mut links = Vec::with_capacity(pages.len());
        for page in pages {
            corrupt.extend(page.corrupt);
            links.push(page.found);
        }
        let mut found = link::union(links);
        if let Some(next) = next {
            found.retain(|link| link.response <= next);
        }
        Ok(Beside {
            found,
            corrupt,
            next,
        })
    }

    /// Those of these responses that are linked to any of these families of issues, each once, and not taken out by hand: whom
    /// [`reporters`](Self::reporters) finds.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn still_linked(
        &self,
        families: &[Vec<IssueId>],
        responses: &[ResponseId],
    ) -> Result<Beside<Link>, StoreError> {
        let key = |issue: IssueId| {
            let of = move |&response: &ResponseId| Key::Link { issue, response }.encode();
            responses.iter().map(of)
        };
        let keys: Vec<RawKey> = families.iter().flatten().copied().flat_map(key).collect();
        let (mut links, mut corrupt) = (BTreeMap::<IssueId, Vec<Link>>::new(), Vec::new());
        for item in self.get_all(&keys).await? {
            // None but these were asked for.
            let Ok(Key::Link { issue, .. }) = Key::decode(&key_of(&item)) else {
                continue;
            };
            match Link::read(item) {
                Ok(link) => links.entry(issue).or_default().push(link),
                Err(error) => corrupt.push(error),
            }
        }
        let mut found = BTreeMap::new();
        for family in families {
            let pages = family
                .iter()
                .map(|issue| links.remove(issue).unwrap_or_default());
            let all = link::union(pages).into_iter().filter(|link| !link.unlinked);
            found.extend(all.map(|link| (link.response, link)));
        }
        Ok(Beside {
            found: found.into_values().collect(),
            corrupt,
            next: None,
        })
    }

    /// Some of the suggestions of an issue, in the order of the responses; at most [`MAX_LINKS`].
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn suggestions(
        &self,
        issue: IssueId,
        after: Option<ResponseId>,
        limit: usize,
    ) -> Result<Beside<Suggestion>, StoreError> {
        self.beside(issue_partition(issue), SUGGESTIONS, after, limit)
            .await
    }

    async fn beside<T: Stored>(
        &self,
        partition: String,
        prefix: &str,
        after: Option<ResponseId>,
        limit: usize,
    ) -> Result<Beside<T>, StoreError> {
        let query = match after {
            None => beginning(partition, prefix),
            Some(after) => Query::partition(partition)
                .range("#SK BETWEEN :after AND :end")
                // The next text after this key, and one that is after every key of the prefix.
                .value(":after", s(format!("{prefix}{after}\u{1}")))
                .value(":end", s(format!("{prefix}\u{7f}"))),
        };
        let page = self
            .query_page(&query.limit(limit.clamp(1, MAX_LINKS)), None)
            .await?;
        let last = page
            .next
            .as_ref()
            .and_then(|last| response_of(&key_of(last)));
        let (found, corrupt) = read_each(page.items);
        Ok(Beside {
            found,
            corrupt,
            next: last,
        })
    }

    /// Keeps what somebody answered to the paired questions about an issue; a later answer with the same response takes the
    /// place of the former.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn answer_kano(
        &self,
        issue: IssueId,
        response: ResponseId,
        pair: kano::Pair,
        received_at: Timestamp,
    ) -> Result<Linked, StoreError> {
        let key = Key::Kano { issue, response };
        let parts = vec![
            Part::PutNew(encode(&key, &KanoItem { pair })?),
            still_there(response, received_at),
            Part::Replace(trail(response, issue)?),
        ];
        match self.linked(parts).await? {
            Linked::Present => {}
            other => return Ok(other),
        }
        let change = Change::new(&key, "SET #pair = :pair").value(":pair", attribute(&pair)?);
        Ok(match self.change(change).await? {
            Written::Done => Linked::Present,
            Written::Refused(_) => Linked::Gone,
        })
    }

    /// What was answered to the paired questions about an issue and those it absorbed. Whoever answered about two of them
    /// counts twice.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn kano_answers(&self, family: &[IssueId]) -> Result<kano::Answers, StoreError> {
        let mut answers = kano::Answers::default();
        for &issue in family {
            let mut after = None;
            loop {
                let partition = issue_partition(issue);
                let page = self.beside::<KanoItem>(partition, KANO, after, MAX_LINKS);
                let page = page.await?;
                if let Some(error) = page.corrupt.into_iter().next() {
                    return Err(error);
                }
                page.found
                    .iter()
                    .for_each(|answer| answers.add(answer.pair));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(answers)
    }

    /// Keeps what was counted about an issue, unless something later was.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn counted(&self, issue: IssueId, reach: &Reach) -> Result<(), StoreError> {
        let key = Key::Reach(issue);
        let forward = Change::new(&key, "SET #reach = :reach, #as_of = :as_of")
            .only_if("#as_of < :as_of")
            .value(":reach", attribute(reach)?)
            .value(":as_of", s(millis(reach.as_of)));
        let first = ReachItem {
            reach: reach.clone(),
            as_of: millis(reach.as_of),
        };
        self.forward(&key, forward, &first).await
    }

    /// Moves forward how far the rule of an issue has looked back. What stands further already, or is of a later rule, stays.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn looked_back(&self, issue: IssueId, look: LookBack) -> Result<(), StoreError> {
        let key = Key::LookBack(issue);
        let forward = Change::new(&key, "SET #rule = :rule, #to = :to, #until = :until")
            .only_if("(#rule < :rule OR (#rule = :rule AND #to < :to))")
            .value(":rule", n(look.rule))
            .value(":to", s(millis(look.to)))
            .value(":until", s(millis(look.until)));
        let first = LookBackItem {
            rule: look.rule,
            to: millis(look.to),
            until: millis(look.until),
        };
        self.forward(&key, forward, &first).await
    }

    /// Up to which instant the responses of a survey were held against the issues; `None` before the first time.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn linked_to(&self, survey: &FormId) -> Result<Option<Timestamp>, StoreError> {
        let key = Key::Linking {
            survey: survey.clone(),
        };
        let Some(item) = self.get(&key).await? else {
            return Ok(None);
        };
        let at = from_millis(&LinkingItem::read(item)?.heard_to);
        at.map(Some)
            .ok_or_else(|| StoreError::corrupt(key.encode(), "not an instant"))
    }

    /// Moves forward up to which instant the responses of a survey were held against the issues. What stands further already
    /// stays.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn advance_linking(&self, survey: &FormId, to: Timestamp) -> Result<(), StoreError> {
        let key = Key::Linking {
            survey: survey.clone(),
        };
        let forward = Change::new(&key, "SET #heard_to = :to")
            .only_if("#heard_to < :to")
            .value(":to", s(millis(to)));
        let first = LinkingItem {
            heard_to: millis(to),
        };
        self.forward(&key, forward, &first).await
    }

    /// Makes a change that only ever leads forward, or the item if there is none.
    async fn forward<T: Serialize + Sync>(
        &self,
        key: &Key,
        change: Change,
        first: &T,
    ) -> Result<(), StoreError> {
        if let Written::Refused(None) = self.change(change.clone()).await?
            && let Written::Refused(_) = self.put_new(encode(key, first)?).await?
        {
            // Somebody made it meanwhile. Refused: it stands there or further.
            let (Written::Done | Written::Refused(_)) = self.change(change).await?;
        }
        Ok(())
    }

    /// Some of the responses to a survey that came on a local day and in `from..to`, shard after shard; `after` is the `next`
    /// of the page before. The index lags: what came in the last minutes may be missing. The responses themselves are as of
    /// now, and those that were erased are not among them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn responses_on(
        &self,
        survey: &FormId,
        day: Date,
        (from, to): (Timestamp, Timestamp),
        after: Option<Place>,
    ) -> Result<Received, StoreError> {
        let Place { shard, start } = after.unwrap_or(Place {
            shard: 0,
            start: None,
        });
        // Instants are whole milliseconds; both ends of a range are in it.
        let last = to.checked_sub(SignedDuration::from_millis(1)).unwrap_or(to);
        let mut received = Received {
            responses: Vec::new(),
            corrupt: Vec::new(),
            next: None,
        };
        if last < from {
            return Ok(received);
        }
        let query = Query::index(BY_DAY, day_shard(survey, day, shard))
            .range("#received_at BETWEEN :from AND :to")
            .value(":from", s(millis(from)))
            .value(":to", s(millis(last)))
            .limit(RESPONSES);
        let page = self.query_page(&query, start).await?;
        let keys: Vec<RawKey> = page.items.iter().map(key_of).collect();
        received.next = Place::after(shard, page.next);
        for item in self.get_all(&keys).await? {
            match ResponseRecord::read(item) {
                Ok(ResponseRecord::Kept { response, .. }) => received.responses.push(*response),
                Ok(ResponseRecord::Erased) => {}
                Err(error) => received.corrupt.push(error),
            }
        }
        Ok(received)
    }

    /// The responses of these ids that are there, in no order; of those that cannot be read, the errors.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn responses_named(
        &self,
        ids: &[ResponseId],
    ) -> Result<(Vec<Response>, Vec<StoreError>), StoreError> {
        let keys: Vec<RawKey> = ids.iter().map(|&id| Key::Response(id).encode()).collect();
        let (mut responses, mut corrupt) = (Vec::new(), Vec::new());
        for item in self.get_all(&keys).await? {
            match ResponseRecord::read(item) {
                Ok(ResponseRecord::Kept { response, .. }) => responses.push(*response),
                Ok(ResponseRecord::Erased) => {}
                Err(error) => corrupt.push(error),
            }
        }
        Ok((responses, corrupt))
    }

    /// Takes away whatever issues have of a response that is erased by now. Can be repeated.
    pub(crate) async fn forget_links(&self, response: ResponseId) -> Result<(), StoreError> {
        let trails = self
            .query_all(&beginning(response_partition(response), TRAIL))
            .await?;
        let issues = trails
            .iter()
            .filter_map(|item| match Key::decode(&key_of(item)) {
                Ok(Key::Trail { issue, .. }) => Some(issue),
                _ => None,
            });
        let issues: Vec<IssueId> = issues.collect();
        for some in issues.chunks(FORGOTTEN_AT_ONCE) {
            let parts = some.iter().flat_map(|&issue| {
                [
                    Key::Link { issue, response },
                    Key::Suggestion { issue, response },
                    Key::Kano { issue, response },
                    Key::Trail { response, issue },
                ]
            });
            let parts = parts.map(|key| Part::Delete(key.encode())).collect();
            match self.transact(parts).await? {
                Transacted::Done => {}
                Transacted::Refused(_) => {
                    return Err(StoreError::rejected("a deletion has no condition"));
                }
            }
        }
        Ok(())
    }

    /// All improvements.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn improvements(&self) -> Result<Improvements, StoreError> {
        let query = Query::partition(IMPROVEMENTS.to_owned());
        let (mut improvements, mut corrupt) = (Vec::new(), Vec::new());
        for item in self.query_all(&query).await? {
            // What a newer version keeps here is that one's.
            if !matches!(Key::decode(&key_of(&item)), Ok(Key::Improvement(_))) {
                continue;
            }
            match Improvement::read(item) {
                Ok(improvement) => improvements.push(improvement),
                Err(error) => corrupt.push(error),
            }
        }
        Ok(Improvements {
            improvements,
            corrupt,
        })
    }

    /// An improvement as of now; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn improvement(&self, id: ImprovementId) -> Result<Option<Improvement>, StoreError> {
        let item = self.get(&Key::Improvement(id)).await?;
        item.map(Improvement::read).transpose()
    }

    /// An improvement with its whole log; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`]; one entry that cannot be read fails the whole.
    pub async fn improvement_history(
        &self,
        id: ImprovementId,
    ) -> Result<Option<ImprovementHistory>, StoreError> {
        let Some(improvement) = self.improvement(id).await? else {
            return Ok(None);
        };
        let mut log = self.entries_of(improvement_partition(id)).await?;
        log.retain(|logged: &Logged<improvement::Entry>| logged.entry.seq <= improvement.version());
        Ok(Some(ImprovementHistory { improvement, log }))
    }

    /// Opens an improvement with the first entry of its log.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry does not open one.
    pub async fn open_improvement(
        &self,
        id: ImprovementId,
        opened: &improvement::Entry,
        command_key: Option<&str>,
    ) -> Result<Opened, StoreError> {
        let improvement = Improvement::begin(id, opened);
        let improvement =
            improvement.ok_or_else(|| StoreError::rejected("the entry opens no improvement"))?;
        let key = Key::Improvement(id);
        let entry = Key::ImprovementEntry {
            improvement: id,
            seq: opened.seq,
        };
        let version = improvement.version();
        let parts = vec![
            Part::PutNew(snapshot_item(&key, "improvement", &improvement, version)?),
            Part::PutNew(logged_item(&entry, opened, command_key)?),
        ];
        self.opened(parts).await
    }

    /// Adds an entry to the log of an improvement, if nobody else has changed it.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry does not lead from `before` to `after`.
    pub async fn append_to_improvement(
        &self,
        before: &Improvement,
        after: &Improvement,
        entry: &improvement::Entry,
        command_key: Option<&str>,
    ) -> Result<Appended, StoreError> {
        if before.id() != after.id() {
            return Err(StoreError::rejected("the step is of two improvements"));
        }
        let (was, is) = ((before.version(), before), (after.version(), after));
        let log = Key::ImprovementEntry {
            improvement: after.id(),
            seq: entry.seq,
        };
        let key = Key::Improvement(after.id());
        let parts = vec![
            stepped(&key, "improvement", was, is, entry.seq)?,
            Part::PutNew(logged_item(&log, entry, command_key)?),
        ];
        self.appended(parts).await
    }
}

/// The part of a partition whose sort keys begin so.
pub(crate) fn beginning(partition: String, prefix: &str) -> Query {
    Query::partition(partition)
        .range("begins_with(#SK, :prefix)")
        .value(":prefix", s(prefix))
}

/// The response that something beside an issue is of.
fn response_of(raw: &RawKey) -> Option<ResponseId> {
    match Key::decode(raw) {
        Ok(
            Key::Link { response, .. }
            | Key::Suggestion { response, .. }
            | Key::Kano { response, .. },
        ) => Some(response),
        _ => None,
    }
}

/// The new snapshot, on condition that the old one is the one we saw. Only what changed is written, so that what a newer
/// version keeps in it stays.
pub(crate) fn stepped<T: Serialize>(
    key: &Key,
    name: &'static str,
    (was, before): (u32, &T),
    (is, after): (u32, &T),
    seq: u32,
) -> Result<Part, StoreError> {
    if was.checked_add(1) != Some(is) || is != seq || is > MAX_SEQ {
        return Err(StoreError::rejected(
            "the entry does not lead from what was before to what is after",
        ));
    }
    let mut changed = Changed::default();
    changed.compare(&format!("#{name}"), attribute(before)?, attribute(after)?);
    let mut set = String::from("SET #version = :version");
    let mut values = Vec::new();
    for (n, (path, value)) in changed.set.into_iter().enumerate() {
        set.push_str(&format!(", {path} = :value{n}"));
        values.push((format!(":value{n}"), value));
    }
    if !changed.remove.is_empty() {
        set.push_str(&format!(" REMOVE {}", changed.remove.join(", ")));
    }
    let mut change = Change::new(key, set)
        .only_if("#version = :seen")
        .value(":seen", n(was))
        .value(":version", n(is));
    for (name, value) in values {
        change = change.value(&name, value);
    }
    Ok(Part::Change(change))
}

fn link_item(issue: IssueId, link: &Link) -> Result<Item, StoreError> {
    let key = Key::Link {
        issue,
        response: link.response,
    };
    encode(
        &key,
        &LinkItem {
            how: link.how,
            unlinked: link.unlinked,
            reporter: link.reporter.clone(),
        },
    )
}

/// Its key says it all.
fn trail(response: ResponseId, issue: IssueId) -> Result<Item, StoreError> {
    #[derive(Serialize, Deserialize)]
    struct TrailItem {}
    encode(&Key::Trail { response, issue }, &TrailItem {})
}

/// That a response is there and not erased: a tombstone does not tell when it came.
pub(crate) fn still_there(response: ResponseId, received_at: Timestamp) -> Part {
    Part::Check {
        key: Key::Response(response),
        condition: "#received_at = :value",
        value: s(millis(received_at)),
    }
}

/// What a person decides about a response, on condition that what stands beside the issue is what was seen.
fn relinking(issue: IssueId, relinked: &Relinked<'_>) -> Result<Vec<Part>, StoreError> {
    let Relinked {
        seen,
        link,
        received_at,
    } = *relinked;
    let response = link.response;
    let placed = match seen {
        None => Part::PutNew(link_item(issue, link)?),
        Some(seen) => {
            let update = if link.unlinked {
                "SET #how = :how, #unlinked = :unlinked"
            } else {
                "SET #how = :how REMOVE #unlinked"
            };
            let condition = if seen.unlinked {
                "#unlinked = :unlinked"
            } else {
                "attribute_not_exists(#unlinked)"
            };
            let mut change = Change::new(&Key::Link { issue, response }, update)
                .only_if(condition)
                .value(":how", attribute(&link.how)?);
            if link.unlinked || seen.unlinked {
                change = change.value(":unlinked", attribute(&true)?);
            }
            Part::Change(change)
        }
    };
    Ok(vec![
        placed,
        still_there(response, received_at),
        Part::Replace(trail(response, issue)?),
        Part::Delete(Key::Suggestion { issue, response }.encode()),
    ])
}
