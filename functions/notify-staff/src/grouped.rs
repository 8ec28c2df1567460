//! Alerts that go to one recipient by one sink within a minute, as one message.

use std::cmp::Reverse;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use resound_domain::id::CaseId;
use resound_domain::policy::{Audience, Priority};
use resound_lambda_kit::Invocation;
use resound_lambda_kit::batch::Outcome;
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::publish::Outgoing;
use resound_lambda_kit::timing;
use resound_messages::{GroupDue, Message as Wire, encode};
use resound_relay::failed;
use resound_sinks::{Answer, Cause, Message, Recipient, SinkKind, retry};
use resound_store::{
    GroupClaim, GroupKey, GroupLease, Joined, Joining, Line, Notice, NoticeKey, NoticeStatus,
    Outcome as Told, Recipient as Role, Recorded, Settled, StoreError,
};
use ring::digest::{SHA256, digest};

use crate::alert::{Alert, Listed, grouped_message, matter};
use crate::handler::{App, Due, EFFECT, ENOUGH_TIME};

/// How long an alert of the highest priority waits for others.
const URGENT: SignedDuration = SignedDuration::from_secs(5);
/// The longest that a message waits on the queue, where its age is alarmed on after 15 minutes. It is not passed on and on
/// either: Lambda takes a function that feeds its own queue 16 times for a loop, and stops it. What waits longer is found
/// by the repair of its events, which is put off until then.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(10);
/// How many alerts of a group are worked on at once.
const AT_ONCE: usize = 25;

impl App {
    /// Puts an alert into the groups of its sinks, or goes on with those that it is in. `None` if it is told by itself:
    /// it has no sinks or was begun so, or none of its groups reached anybody and its sinks may be others by now.
    pub(crate) async fn group(
        &self,
        due: &Due,
        ways: &[Joining],
        invocation: &Invocation,
    ) -> Result<Option<Outcome>, Outcome> {
        let (case, seq) = (due.event.case, due.event.seq);
        let role = Role::Staff(due.audience);
        let now = invocation.machine_now;
        let mut known = self.notices(case, seq, role).await?;
        if known.is_empty() && !ways.is_empty() {
            let joined = {
                // One at a time: they change the same items.
                let _turn = self.joining.lock().await;
                self.store.join(case, seq, ways, now).await
            };
            match joined.map_err(|error| failed("join the groups", error))? {
                Joined::Joined(news) => {
                    self.announce(&news, now).await?;
                    // All at the same instant: quiet hours are those of a person, not of a sink.
                    if let Some(due_at) = ways.iter().map(|way| way.due_at).max() {
                        self.put_off((case, seq), due_at, now).await?;
                    }
                    return Ok(Some(Outcome::Done));
                }
                // By another delivery of the message, a moment ago.
                Joined::Present => known = self.notices(case, seq, role).await?,
            }
        }
        let open = known.iter().filter_map(|notice| match notice.status {
            NoticeStatus::Recorded { .. } => None,
            NoticeStatus::InProgress { .. } | NoticeStatus::Released => notice.group,
        });
        let sent = join_all(open.map(|group| self.go_on(group, due, invocation))).await;
        // All of them, then the first failure: one must not break off another.
        sent.into_iter().collect::<Result<(), Outcome>>()?;
        if known.iter().all(|notice| notice.group.is_none()) {
            return Ok(None);
        }
        Ok(match self.settle_told(case, seq, role).await? {
            Standing::Waits | Standing::Settled => Some(Outcome::Done),
            Standing::Untold => None,
        })
    }

    /// Goes on with a group that an alert is in.
    async fn go_on(
        &self,
        group: GroupKey,
        due: &Due,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        let alert = (due.event.case, due.event.seq);
        let now = invocation.machine_now;
        match self.send_due(group, &due.attempt, invocation).await? {
            Sent::Before(told, attempts) => {
                self.record_with(group, alert, &told, attempts, invocation)
                    .await
            }
            Sent::Early(at) => {
                // What was to come of the delivery before may not have: it is said again.
                if due.again {
                    self.announce(&[(group, at)], now).await?;
                }
                self.put_off(alert, at, now).await
            }
            // Whoever sends it records it with all its alerts; if they do not, a repair will.
            Sent::Now | Sent::Postponed | Sent::InProgress => Ok(()),
        }
    }

    /// Handles the message that a group may have to be sent.
    pub(crate) async fn group_due(
        &self,
        due: &GroupDue,
        attempt: &str,
        invocation: &Invocation,
    ) -> Result<Outcome, Outcome> {
        let group: GroupKey = due.group.parse().map_err(Outcome::quarantine)?;
        match self.send_due(group, attempt, invocation).await? {
            Sent::Now | Sent::Postponed => {}
            Sent::Before(told, attempts) => {
                self.finish(group, &told, attempts, invocation).await?;
            }
            Sent::Early(at) => {
                self.announce(&[(group, at)], invocation.machine_now)
                    .await?;
            }
            Sent::InProgress => {
                return Err(Outcome::Retry("another attempt is under way".to_owned()));
            }
        }
        Ok(Outcome::Done)
    }

    /// Records what came of a group with each of its alerts, and settles their events.
    async fn finish(
        &self,
        group: GroupKey,
        told: &Told,
        attempts: u32,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        let role = Role::Staff(group.line.audience);
        let one = |(case, seq)| async move {
            self.record_with(group, (case, seq), told, attempts, invocation)
                .await?;
            self.settle_told(case, seq, role).await.map(drop)
        };
        all(self.members(group).await?, one).await.map(drop)
    }

    async fn members(&self, group: GroupKey) -> Result<Vec<(CaseId, u32)>, Outcome> {
        let members = self.store.members(group).await;
        members.map_err(|error| failed("read the group", error))
    }

    /// Says when groups have to be sent, if that is soon.
    async fn announce(
        &self,
        news: &[(GroupKey, Timestamp)],
        machine_now: Timestamp,
    ) -> Result<(), Outcome> {
        let mut messages = Vec::with_capacity(news.len());
        for (group, at) in news {
            if !is_soon(*at, machine_now) {
                continue;
            }
            let due = Wire::GroupDue(GroupDue {
                group: group.to_string(),
            });
            // Up to the next second: what comes early has to come again.
            let wait = at.duration_since(machine_now).as_millis().max(0);
            let seconds = wait.unsigned_abs().div_ceil(1000);
            messages.push(Outgoing {
                body: encode(&due).map_err(Outcome::quarantine)?,
                trace: None,
                delay: u16::try_from(seconds).unwrap_or(0),
            });
        }
        match self.queue.send(&messages).await.first() {
            None => Ok(()),
            Some(unsent) => Err(Outcome::Retry(unsent.to_string())),
        }
    }

    /// Puts the repair of an alert's event off until its group is due, if that is not soon.
    async fn put_off(
        &self,
        (case, seq): (CaseId, u32),
        at: Timestamp,
        machine_now: Timestamp,
    ) -> Result<(), Outcome> {
        if is_soon(at, machine_now) {
            return Ok(());
        }
        let put_off = self.store.repair_at(case, seq, EFFECT, at).await;
        put_off.map_err(|error| failed("put off the repair", error))
    }

    /// Sends a group if it is time and it was not sent.
    async fn send_due(
        &self,
        group: GroupKey,
        attempt: &str,
        invocation: &Invocation,
    ) -> Result<Sent, Outcome> {
        if invocation.time_left() < ENOUGH_TIME {
            return Err(Outcome::Retry("too little time is left".to_owned()));
        }
        let (now, lease) = (invocation.machine_now, timing::NOTICE_LEASE);
        let claim = self.store.claim_group(group, attempt, now, lease).await;
        let lease = match claim.map_err(|error| failed("claim the group", error))? {
            GroupClaim::Claimed(lease) => lease,
            GroupClaim::Recorded(told, attempts) => return Ok(Sent::Before(told, attempts)),
            GroupClaim::Early(at) => return Ok(Sent::Early(at)),
            GroupClaim::InProgress => return Ok(Sent::InProgress),
            GroupClaim::Missing => {
                return Err(Outcome::Quarantine(format!("there is no group {group}")));
            }
        };
        match self.send_group(&lease, invocation).await? {
            Attempt::Over(told) => {
                let recorded = self.store.record_group(&lease, &told).await;
                still_ours(recorded, "record the group")?;
                let attempts = lease.attempts;
                self.finish(group, &told, attempts, invocation).await?;
                Ok(Sent::Now)
            }
            Attempt::Again(wait) => {
                let at = now.checked_add(wait).unwrap_or(Timestamp::MAX);
                let postponed = self.store.postpone_group(&lease, at).await;
                still_ours(postponed, "give back the group")?;
                if is_soon(at, now) {
                    self.announce(&[(group, at)], now).await?;
                } else {
                    let put_off = |alert| self.put_off(alert, at, now);
                    all(self.members(group).await?, put_off).await?;
                }
                Ok(Sent::Postponed)
            }
        }
    }

    /// Makes one attempt.
    async fn send_group(
        &self,
        lease: &GroupLease,
        invocation: &Invocation,
    ) -> Result<Attempt, Outcome> {
        let now = invocation.machine_now;
        let line = lease.key.line;
        let recipient = self.recipient(None, line.audience, now).await?;
        let kind = match &lease.to {
            Some(to) => Some(SinkKind::Email {
                to: Mailbox::new(to).map_err(Outcome::quarantine)?,
            }),
            None => recipient
                .sinks
                .iter()
                .find(|sink| sink.name == line.medium.name())
                .map(|sink| sink.kind.clone()),
        };
        let (Some(kind), Some(message)) = (kind, self.list(lease, &recipient).await?) else {
            return Ok(Attempt::Over(Told::NoContact));
        };
        let alerts = u64::try_from(message.count()).unwrap_or(u64::MAX);
        let (group, attempts) = (lease.key.to_string(), lease.attempts);
        let answer = self.sender.send(&kind, &message, now).await;
        let next = retry::next_attempt(attempts, &answer, &message.id);
        let reason = answer.to_string();
        Ok(match (answer, next) {
            (Answer::Accepted { provider_id }, _) => {
                invocation.metrics.count(Counter::AlertsSent, alerts);
                tracing::info!(group, alerts, attempts, provider_id, "staff were told");
                Attempt::Over(Told::Sent { provider_id })
            }
            (
                Answer::Refused {
                    cause: Cause::NotConfigured,
                    ..
                },
                _,
            ) => Attempt::Over(Told::MailOff),
            (_, Some(wait)) => {
                let next = wait.as_secs();
                tracing::warn!(
                    group,
                    alerts,
                    attempts,
                    reason,
                    next,
                    "a group was not taken: it is tried again after so many seconds"
                );
                Attempt::Again(wait)
            }
            (_, None) => {
                invocation.metrics.count(Counter::AlertsFailed, alerts);
                tracing::error!(
                    group,
                    alerts,
                    attempts,
                    reason,
                    "a group was refused: nobody gets it by this channel"
                );
                Attempt::Over(Told::Refused)
            }
        })
    }

    /// The message about these alerts; `None` if each was erased.
    async fn list(
        &self,
        lease: &GroupLease,
        recipient: &Recipient,
    ) -> Result<Option<Message>, Outcome> {
        let read = |alert| self.listed(alert, lease.key.line, recipient);
        let found = all(self.members(lease.key).await?, read).await?;
        let (mut listed, mut more) = (Vec::new(), 0);
        for one in found {
            match one {
                Found::Alert(alert) => listed.push(*alert),
                Found::Unreadable => more += 1,
                Found::Erased => {}
            }
        }
        listed.sort_by_key(|alert| {
            (
                Reverse(alert.severity),
                alert.priority,
                alert.due,
                alert.line.about.clone(),
            )
        });
        if listed.is_empty() && more == 0 {
            return Ok(None);
        }
        let id = lease.key.to_string().replace('/', "-");
        let id = id.parse().map_err(Outcome::quarantine)?;
        let (at, locale) = (lease.sealed_at, recipient.locale);
        let queue = self.cases_url();
        Ok(Some(grouped_message(id, at, locale, listed, more, queue)))
    }

    async fn listed(
        &self,
        (case, seq): (CaseId, u32),
        line: Line,
        recipient: &Recipient,
    ) -> Result<Found, Outcome> {
        let read = async {
            let event = self.store.event(case, seq).await?;
            Ok((event, self.store.case(case).await?))
        };
        let (event, case) = match read.await {
            Ok((Some(event), Some(case))) => (event.event, case),
            Ok(_) => return Ok(Found::Erased),
            // One that cannot be read must not keep the others from being told.
            Err(StoreError::Corrupt { key, .. }) => {
                tracing::error!(%key, "an alert is counted in its group and not listed");
                return Ok(Found::Unreadable);
            }
            Err(error) => return Err(failed("read the alerts of the group", error)),
        };
        let Some((matter, _)) = matter(&event.kind, case.priority()) else {
            return Ok(Found::Unreadable);
        };
        let queue = self.cases_url();
        let alert = Alert::new(matter, line.audience, event.at, &case, recipient, &queue);
        let listed = alert.listed().map_err(Outcome::quarantine)?;
        Ok(Found::Alert(Box::new(listed)))
    }

    /// Records with an alert what came of a group it is in.
    async fn record_with(
        &self,
        group: GroupKey,
        (case, seq): (CaseId, u32),
        told: &Told,
        attempts: u32,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        let key = NoticeKey {
            case,
            cause: seq,
            recipient: Role::Staff(group.line.audience),
            medium: group.line.medium,
        };
        let now = invocation.machine_now;
        let recorded = self.store.record_member(key, told, attempts, now).await;
        recorded.map_err(|error| failed("record the alert", error))
    }

    /// Settles an event if what came of it is recorded for each of the sinks it had when it joined their groups, and
    /// one of them took it. If none did its own repair comes back to it, and tells whoever is a recipient by then.
    async fn settle_told(&self, case: CaseId, seq: u32, role: Role) -> Result<Standing, Outcome> {
        let mut standing = Standing::Untold;
        for notice in self.notices(case, seq, role).await? {
            match notice.status {
                NoticeStatus::InProgress { .. } | NoticeStatus::Released => {
                    return Ok(Standing::Waits);
                }
                NoticeStatus::Recorded {
                    outcome: Told::Sent { .. },
                    ..
                } => standing = Standing::Settled,
                NoticeStatus::Recorded { .. } => {}
            }
        }
        if let Standing::Settled = standing {
            let settled = self.store.settle(case, seq, EFFECT).await;
            match settled.map_err(|error| failed("settle the event", error))? {
                // Missing: erased meanwhile, and nothing is owed any more.
                Settled::Settled | Settled::OthersOpen | Settled::Missing => {}
            }
        }
        Ok(standing)
    }

    async fn notices(&self, case: CaseId, seq: u32, role: Role) -> Result<Vec<Notice>, Outcome> {
        let known = self.store.notices_of(case, seq, role).await;
        known.map_err(|error| failed("read the ledger", error))
    }
}

/// What came of looking after a group.
enum Sent {
    /// It was sent and is recorded with each of its alerts, or it can never be.
    Now,
    /// The same happened before, in so many attempts.
    Before(Told, u32),
    /// It is not to be sent before. Machine time.
    Early(Timestamp),
    /// It was not taken, and is tried again later.
    Postponed,
    /// Somebody else is sending it.
    InProgress,
}

/// What came of one attempt to send a group.
enum Attempt {
    /// No further attempt would change it.
    Over(Told),
    /// It was not taken: it is to be tried again after so long.
    Again(Duration),
}

/// Where an event stands with its sinks.
enum Standing {
    /// A group of it is still to be sent.
    Waits,
    /// Somebody was told.
    Settled,
    /// Nobody was told, and nothing is left to be sent.
    Untold,
}

/// Whether a message may wait on the queue until then.
fn is_soon(at: Timestamp, machine_now: Timestamp) -> bool {
    at.duration_since(machine_now) <= LONGEST_DELAY
}

/// Works on all alerts of a group, some at once and all to their end; then the first failure.
async fn all<T, F>(
    alerts: Vec<(CaseId, u32)>,
    work: impl FnMut((CaseId, u32)) -> F,
) -> Result<Vec<T>, Outcome>
where
    F: Future<Output = Result<T, Outcome>>,
{
    let done = stream::iter(alerts).map(work).buffer_unordered(AT_ONCE);
    done.collect::<Vec<_>>().await.into_iter().collect()
}

fn still_ours(written: Result<Recorded, StoreError>, doing: &str) -> Result<(), Outcome> {
    match written.map_err(|error| failed(doing, error))? {
        Recorded::Recorded => Ok(()),
        Recorded::Superseded => Err(Outcome::Retry("another attempt took it over".to_owned())),
    }
}

/// What is left of an alert of a group.
enum Found {
    /// All that is to be told of it.
    Alert(Box<Listed>),
    /// It is there and cannot be understood.
    Unreadable,
    /// Nothing.
    Erased,
}

/// The groups that an alert belongs to: of what the audience shares, and of `own`, who is told in fact. The first of a
/// group waits for `window`, and what can wait for the end of the quiet hours besides.
pub(crate) fn ways(
    window: SignedDuration,
    audience: Audience,
    priority: Priority,
    (shared, own): (&Recipient, &Recipient),
    machine_now: Timestamp,
) -> Result<Vec<Joining>, Outcome> {
    let after = |wait| machine_now.checked_add(wait).unwrap_or(Timestamp::MAX);
    let due_at = match priority {
        Priority::P1 => after(window.min(URGENT)),
        Priority::P2 | Priority::P3 | Priority::P4 => {
            let soon = after(window);
            let quiet = own.quiet.and_then(|quiet| quiet.until(soon, &own.zone));
            quiet.unwrap_or(soon)
        }
    };
    let own = own.sinks.iter().map(|sink| {
        let address = |kind: &SinkKind| match kind {
            SinkKind::Email { to } => Some(to.to_string()),
            _ => None,
        };
        let usual = shared.sinks.iter().find(|usual| usual.name == sink.name);
        let usual = usual.and_then(|usual| address(&usual.kind));
        let to = address(&sink.kind).filter(|to| usual.as_ref() != Some(to));
        Ok(Joining {
            line: Line {
                audience,
                medium: sink.name.parse().map_err(Outcome::quarantine)?,
                one: to.as_deref().map(hash),
            },
            to,
            due_at,
        })
    });
    own.collect()
}

fn hash(address: &str) -> u64 {
    let hash = digest(&SHA256, address.as_bytes());
    let first = hash.as_ref().iter().take(8);
    first.fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}
