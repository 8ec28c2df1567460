//! What staff tell a customer themselves: what is still to be told by a person, and what came of trying.
//!
//! A person has to tell what nothing that was sent has surely told. That is one thing at a time: a newer word takes the
//! place of an older one, and whoever is told the newer one learns the older from it or from the status page. It is over
//! when somebody has told the customer or gives up, and also when the customer has spoken themselves, or the case was
//! opened again or closed by hand: a later outcome is to be told then, or nothing.
//!
//! It has a deadline: a clock like those of the case, that lives as long as there is something to tell and never waits.
//! Whatever ends that ends the clock. What it does by itself is [`EventKind::Reminded`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::event::{Event, EventKind};
use crate::template::Occasion;

/// How staff turned to a customer. Names are persisted and published. A version cannot read an event with a name that it
/// does not know, so one that is to be added needs an event of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By phone.
    Phone,
    /// Where they live or work, or in the shop.
    InPerson,
    /// By an e-mail, a text message or a chat of the member of staff's own.
    Message,
    /// By post.
    Letter,
}

impl How {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Phone, Self::InPerson, Self::Message, Self::Letter];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::InPerson => "in_person",
            Self::Message => "message",
            Self::Letter => "letter",
        }
    }

    /// The way of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.name() == name)
    }
}

/// What came of turning to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// They know.
    Told,
    /// They were not reached; somebody tries again.
    NotReached,
    /// They were not reached, and nobody tries again.
    GaveUp,
}

/// What a person is to tell the customer of a case. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToTell {
    /// The seq of the event that they are to be told of.
    pub cause: u32,
    /// Since when. Business time.
    pub since: Timestamp,
    /// How often somebody tried since.
    #[serde(default)]
    pub attempts: u32,
    /// Until when. It runs. `None` in what was written before there was a deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

impl ToTell {
    /// Whether it is that event that is to be told, or one that has taken its place.
    pub(crate) const fn covers(&self, cause: u32) -> bool {
        self.cause >= cause
    }

    /// When it is late, or has been since; `None` in what was written before there was a deadline.
    pub fn due(&self) -> Option<Timestamp> {
        self.clock.as_ref().and_then(Clock::due)
    }

    /// What is to be told after an event of this kind at this instant, where this was to be told before it.
    #[must_use]
    pub fn after(before: Option<Self>, kind: &EventKind, at: Timestamp) -> Option<Self> {
        match *kind {
            EventKind::NoticeInDoubt {
                cause, ref clock, ..
            }
            | EventKind::ToTell { cause, ref clock } => match before {
                Some(open) if open.covers(cause) => Some(open),
                _ => Some(Self {
                    cause,
                    since: at,
                    attempts: 0,
                    clock: clock.clone(),
                }),
            },
            EventKind::Reminded {
                cause, step, due, ..
            } => before.map(|mut open| {
                if let Some(clock) = open.clock.as_mut().filter(|_| open.cause == cause) {
                    clock.take(step, due);
                }
                open
            }),
            EventKind::Retargeted {
                tell: Some(ref clock),
                ..
            } => before.map(|open| Self {
                clock: Some(clock.clone()),
                ..open
            }),
            EventKind::NotReached {
                cause,
                gives_up: false,
                ..
            } => before.map(|open| Self {
                attempts: open.attempts.saturating_add(u32::from(open.cause == cause)),
                ..open
            }),
            EventKind::Told { cause, .. }
            | EventKind::NotReached { cause, .. }
            | EventKind::NoticeFound { cause } => before.filter(|open| open.cause > cause),
            EventKind::Replied { .. }
            | EventKind::AwaitingCustomer { message: true, .. }
            | EventKind::Resolved { .. }
            | EventKind::Declined { .. }
            | EventKind::Followed { .. }
            | EventKind::CustomerWrote { .. }
            | EventKind::Confirmed { .. }
            | EventKind::Disputed { .. }
            | EventKind::Reopened { .. }
            | EventKind::Closed => None,
            EventKind::Opened { .. }
            | EventKind::Acknowledged
            | EventKind::TakenUp { .. }
            | EventKind::Assigned { .. }
            | EventKind::AwaitingCustomer { message: false, .. }
            | EventKind::Resumed { .. }
            | EventKind::Planned { .. }
            | EventKind::Merged { .. }
            | EventKind::Absorbed { .. }
            | EventKind::Retargeted { tell: None, .. }
            | EventKind::Warned { .. }
            | EventKind::Breached { .. }
            | EventKind::Escalated { .. }
            // The next route is taken.
            | EventKind::NoticeFailed { .. }
            | EventKind::Unknown => before,
        }
    }
}

/// The seq of the word to the customer that is worth telling after this log, in order; `None` if there is none.
///
/// That is the last one, however long ago it was, unless staff have told it, the customer has spoken since (they know the
/// page that has it, or spoke to staff), or the case was opened again, so that it does not hold any more.
pub fn worth_telling<'a>(log: impl IntoIterator<Item = &'a Event>) -> Option<u32> {
    let mut word = None;
    for Event { seq, kind, .. } in log {
        if Occasion::of(kind).is_some() {
            word = Some(*seq);
            continue;
        }
        match kind {
            EventKind::Told { cause, .. } => word = word.filter(|word| word > cause),
            EventKind::CustomerWrote { .. }
            | EventKind::Confirmed { .. }
            | EventKind::Disputed { .. }
            | EventKind::Reopened { .. } => word = None,
            _ => {}
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Book;
    use crate::calendar::Calendars;
    use crate::case::{Case, Command};
    use crate::event::{Actor, Doubt, Ending};
    use crate::id::ResponseId;
    use crate::policy::{Origin, Priority};

    /// A log of these kinds, after its opening.
    fn log(kinds: Vec<EventKind>) -> Vec<Event> {
        let mut log = vec![opening()];
        for kind in kinds {
            let seq = u32::try_from(log.len()).unwrap() + 1;
            log.push(Event {
                seq,
                kind,
                ..opening()
            });
        }
        log
    }

    fn book() -> Book {
        Book::built_in(Calendars::office_hours("Asia/Shanghai").unwrap())
    }

    fn opening() -> Event {
        let id = ResponseId::from_bits(7).case();
        let (at, origin) = (Timestamp::UNIX_EPOCH, Origin::default());
        Case::open(id, at, Priority::P3, origin, &book())
    }

    /// What this command makes happen to a case that had these before it.
    fn done(before: &[Command], command: Command) -> EventKind {
        let mut case = Case::begin(&opening()).unwrap();
        let mut last = None;
        for command in before.iter().chain([&command]) {
            let by = Actor::Staff("ann".to_owned());
            let events = case.handle(command, by, Timestamp::UNIX_EPOCH, &book());
            for event in events.unwrap() {
                case.apply(&event);
                last = Some(event.kind);
            }
        }
        last.unwrap()
    }

    fn resolved() -> EventKind {
        done(&[], Command::Resolve)
    }

    fn replied() -> EventKind {
        done(&[], Command::Reply)
    }

    const fn told(cause: u32) -> EventKind {
        let how = How::Phone;
        EventKind::Told { cause, how }
    }

    #[test]
    fn the_last_word_is_worth_telling() {
        let outcome = Ending::Declined;
        for (words, expected) in [
            (vec![], None),
            (vec![EventKind::Acknowledged], None),
            (vec![replied()], Some(2)),
            (vec![replied(), resolved()], Some(3)),
            (vec![resolved(), EventKind::Followed { outcome }], Some(3)),
            // A note that nobody outside sees is no word to the customer.
            (
                vec![done(&[], Command::AwaitCustomer { message: false })],
                None,
            ),
            (
                vec![done(&[], Command::AwaitCustomer { message: true })],
                Some(2),
            ),
            // However long ago, and whatever else has happened.
            (vec![resolved(), EventKind::Closed], Some(2)),
        ] {
            assert_eq!(worth_telling(&log(words.clone())), expected, "{words:?}");
        }
    }

    #[test]
    fn what_the_customer_knows_or_does_not_hold_any_more_is_not_worth_telling() {
        let outcome = 2;
        let resolve = [Command::Resolve];
        let reopened = done(&resolve, Command::Reopen);
        let EventKind::Reopened { clocks, terms } = reopened.clone() else {
            panic!("{reopened:?}")
        };
        let disputed = EventKind::Disputed {
            outcome,
            clocks,
            terms,
        };
        for over in [
            told(2),
            EventKind::Confirmed { outcome },
            done(&resolve, Command::RecordCustomerMessage),
            reopened.clone(),
            disputed,
        ] {
            let mut kinds = vec![resolved(), over];
            assert_eq!(worth_telling(&log(kinds.clone())), None, "{kinds:?}");
            // What is said after that is worth it again.
            kinds.push(replied());
            assert_eq!(worth_telling(&log(kinds)), Some(4));
        }
    }

    #[test]
    fn what_only_tried_to_tell_leaves_it_worth_telling() {
        let (cause, how) = (2, How::Letter);
        let not_reached = |gives_up| EventKind::NotReached {
            cause,
            how,
            gives_up,
        };
        for tried in [
            not_reached(false),
            not_reached(true),
            EventKind::ToTell { cause, clock: None },
            EventKind::NoticeFound { cause },
            EventKind::NoticeInDoubt {
                cause,
                doubt: Doubt::Unknown,
                clock: None,
            },
            // Of something older.
            told(1),
            EventKind::Unknown,
        ] {
            assert_eq!(worth_telling(&log(vec![resolved(), tried])), Some(2));
        }
        // Who was told the older word of two does not know the newer.
        assert_eq!(
            worth_telling(&log(vec![replied(), resolved(), told(2)])),
            Some(3)
        );
        assert_eq!(
            worth_telling(&log(vec![replied(), resolved(), told(3)])),
            None
        );
    }
}
