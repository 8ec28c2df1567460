//! The SLA policy: who is answered how fast, and who hears of it when not.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::score::{Nps, Standing};
use crate::submission::{Channel, Tier};

/// How urgent a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// A severity signal: safety, data loss, payment, legal threat, quality incident.
    P1,
    /// A gold or platinum customer, or NPS 0-3.
    P2,
    /// Any other complaint or detractor.
    P3,
    /// A suggestion, a question, praise that asks something.
    P4,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        }
    }

    /// The priority of a case opened for a response with this severity signal, tier, score and tone.
    pub fn assess(severe: bool, tier: Option<Tier>, nps: Option<Nps>, complaint: bool) -> Self {
        if severe {
            return Self::P1;
        }
        if matches!(tier, Some(Tier::Gold | Tier::Platinum))
            || nps.is_some_and(|nps| nps.get() <= 3)
        {
            return Self::P2;
        }
        if complaint || nps.is_some_and(|nps| nps.standing() == Standing::Detractor) {
            return Self::P3;
        }
        Self::P4
    }
}

/// Who is told when a clock runs out, from the nearest to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The owner of the case, or the team's inbox while it has none.
    Owner,
    /// The team lead.
    TeamLead,
    /// The manager.
    Manager,
    /// An executive.
    Executive,
}

/// The name of the hours that count: 1 to 40 of `a-z`, `0-9`, `-` and `_`. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CalendarName(Cow<'static, str>);

/// Why a text is not the name of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a calendar: 1 to 40 of a-z, 0-9, - and _ are expected")]
pub struct InvalidCalendarName;

impl CalendarName {
    /// Every second counts. Built in: no document may bear this name.
    pub const AROUND_THE_CLOCK: Self = Self(Cow::Borrowed("around_the_clock"));
    /// The business hours of the company. There is always a calendar of this name.
    pub const BUSINESS: Self = Self(Cow::Borrowed("business"));

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CalendarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CalendarName {
    type Err = InvalidCalendarName;

    fn from_str(text: &str) -> Result<Self, InvalidCalendarName> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for CalendarName {
    type Error = InvalidCalendarName;

    fn try_from(text: String) -> Result<Self, InvalidCalendarName> {
        let fits = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        fits.then_some(Self(Cow::Owned(text)))
            .ok_or(InvalidCalendarName)
    }
}

impl From<CalendarName> for String {
    fn from(name: CalendarName) -> Self {
        name.0.into_owned()
    }
}

/// An agreed duration, in the hours that count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// How long.
    pub duration: SignedDuration,
    /// Counted in which hours.
    pub calendar: CalendarName,
}

impl Target {
    const fn around_the_clock(hours: i64) -> Self {
        Self {
            duration: SignedDuration::from_hours(hours),
            calendar: CalendarName::AROUND_THE_CLOCK,
        }
    }

    const fn business(hours: i64) -> Self {
        Self {
            duration: SignedDuration::from_hours(hours),
            calendar: CalendarName::BUSINESS,
        }
    }
}

/// The targets of one priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// Until the customer hears from a person.
    pub first_response: Target,
    /// Until it is resolved or declined.
    pub resolution: Target,
}

/// The targets of every priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TargetTable {
    #[serde(rename = "P1")]
    pub p1: Targets,
    #[serde(rename = "P2")]
    pub p2: Targets,
    #[serde(rename = "P3")]
    pub p3: Targets,
    #[serde(rename = "P4")]
    pub p4: Targets,
}

/// The shares of a target, in percent, after which a breach is told further up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// The team lead is told.
    pub team_lead: u16,
    /// The manager is told.
    pub manager: u16,
    /// An executive is told.
    pub executive: u16,
}

/// The numbers of a policy that a case keeps for its whole life, reopenings included: a later policy does not
/// change what was promised. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The version of the policy they are from.
    pub policy: u32,
    /// The share of a target, in percent, after which its owner is warned.
    pub warn_percent: u16,
    /// Who is told of a breach that goes on.
    pub ladder: Ladder,
    /// No deadline is further away than this, whatever the calendar says. Elapsed time, less pauses.
    pub loop_limit: SignedDuration,
    /// How long after it was resolved or declined a case closes by itself. Elapsed time.
    pub auto_close: SignedDuration,
}

/// The numbers a company sets. Names are persisted: append only.
///
/// The default is the built-in policy, version 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Counts up with every change; 0 is the built-in policy.
    pub version: u32,
    /// How fast, by priority.
    pub targets: TargetTable,
    /// The longest first response on social media, whatever the priority. Elapsed time.
    pub social_first_response: SignedDuration,
    /// As in [`Terms`].
    pub warn_percent: u16,
    /// As in [`Terms`].
    pub ladder: Ladder,
    /// As in [`Terms`].
    pub loop_limit: SignedDuration,
    /// As in [`Terms`].
    pub auto_close: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        let around_the_clock = |first_response, resolution| Targets {
            first_response: Target::around_the_clock(first_response),
            resolution: Target::around_the_clock(resolution),
        };
        Self {
            version: 0,
            targets: TargetTable {
                p1: around_the_clock(2, 24),
                p2: around_the_clock(4, 48),
                p3: around_the_clock(24, 72),
                p4: Targets {
                    first_response: Target::business(24),
                    // Five business days of the default office hours, 09:00 to 18:00.
                    resolution: Target::business(5 * 9),
                },
            },
            social_first_response: SignedDuration::from_hours(2),
            warn_percent: 75,
            ladder: Ladder {
                team_lead: 125,
                manager: 150,
                executive: 200,
            },
            loop_limit: SignedDuration::from_hours(7 * 24),
            auto_close: SignedDuration::from_hours(3 * 24),
        }
    }
}

/// Why numbers are not a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A target, limit or delay is not a positive duration of at most a year.
    #[error("a duration is not above zero and at most a year")]
    Duration,
    /// The warning does not come before the deadline, or the rungs are not above each other and the deadline.
    #[error(
        "the warning must be below 100 percent, and the ladder must rise from above 100 to at most 10,000"
    )]
    Percent,
}

impl Policy {
    /// Checks numbers that came from outside. Clocks stand any numbers; these make sense.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let year = SignedDuration::from_hours(366 * 24);
        let TargetTable { p1, p2, p3, p4 } = &self.targets;
        let durations = [p1, p2, p3, p4]
            .into_iter()
            .flat_map(|targets| [targets.first_response.duration, targets.resolution.duration])
            .chain([self.social_first_response, self.loop_limit, self.auto_close]);
        for duration in durations {
            if !duration.is_positive() || duration > year {
                return Err(InvalidPolicy::Duration);
            }
        }
        let Ladder {
            team_lead,
            manager,
            executive,
        } = self.ladder;
        let rising = 0 < self.warn_percent
            && self.warn_percent < 100
            && 100 < team_lead
            && team_lead < manager
            && manager < executive
            && executive <= 10_000;
        if rising {
            Ok(())
        } else {
            Err(InvalidPolicy::Percent)
        }
    }

    /// The targets of a case of this priority that came by this channel.
    pub fn targets(&self, priority: Priority, channel: Channel) -> Targets {
        let mut targets = match priority {
            Priority::P1 => self.targets.p1.clone(),
            Priority::P2 => self.targets.p2.clone(),
            Priority::P3 => self.targets.p3.clone(),
            Priority::P4 => self.targets.p4.clone(),
        };
        let first = &targets.first_response;
        let faster = first.calendar == CalendarName::AROUND_THE_CLOCK
            && first.duration <= self.social_first_response;
        if channel == Channel::Social && !faster {
            targets.first_response = Target {
                duration: self.social_first_response,
                calendar: CalendarName::AROUND_THE_CLOCK,
            };
        }
        targets
    }

    /// What a case opened under this policy keeps of it.
    pub fn terms(&self) -> Terms {
        Terms {
            policy: self.version,
            warn_percent: self.warn_percent,
            ladder: self.ladder,
            loop_limit: self.loop_limit,
            auto_close: self.auto_close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_most_urgent_reason_decides() {
        let nps = |n| Some(Nps::try_from(n).unwrap());
        for (severe, tier, nps, complaint, priority) in [
            (true, None, None, false, Priority::P1),
            (true, Some(Tier::Gold), nps(0), true, Priority::P1),
            (false, Some(Tier::Gold), None, false, Priority::P2),
            (false, Some(Tier::Platinum), nps(9), false, Priority::P2),
            (false, Some(Tier::Silver), nps(3), false, Priority::P2),
            (false, Some(Tier::Silver), nps(4), false, Priority::P3),
            (false, Some(Tier::Bronze), nps(6), false, Priority::P3),
            (false, None, nps(7), true, Priority::P3),
            (false, None, nps(7), false, Priority::P4),
            (false, None, None, false, Priority::P4),
        ] {
            assert_eq!(Priority::assess(severe, tier, nps, complaint), priority);
        }
    }

    #[test]
    fn social_media_is_answered_within_two_hours() {
        let mut policy = Policy::default();
        let two = Target::around_the_clock(2);
        for priority in Priority::ALL {
            let (web, social) = (
                policy.targets(priority, Channel::Web),
                policy.targets(priority, Channel::Social),
            );
            assert_eq!(social.first_response, two);
            assert_eq!(social.resolution, web.resolution);
        }
        // What is faster already stays so.
        policy.targets.p1.first_response = Target::around_the_clock(1);
        let fast = policy.targets(Priority::P1, Channel::Social);
        assert_eq!(fast.first_response, Target::around_the_clock(1));
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let check = |change: &dyn Fn(&mut Policy)| {
            let mut policy = Policy::default();
            change(&mut policy);
            policy.check()
        };
        assert_eq!(check(&|_| {}), Ok(()));
        assert_eq!(
            check(&|policy| policy.loop_limit = SignedDuration::ZERO),
            Err(InvalidPolicy::Duration)
        );
        assert_eq!(
            check(&|policy| policy.targets.p4.resolution.duration = SignedDuration::MAX),
            Err(InvalidPolicy::Duration)
        );
        for warn_percent in [0, 100] {
            assert_eq!(
                check(&|policy| policy.warn_percent = warn_percent),
                Err(InvalidPolicy::Percent)
            );
        }
        assert_eq!(
            check(&|policy| policy.ladder.manager = 125),
            Err(InvalidPolicy::Percent)
        );
    }

    #[test]
    fn the_default_is_the_published_table() {
        let encoded = serde_json::to_value(Policy::default()).unwrap();
        let around = |first: &str, resolution: &str| {
            json!({
                "first_response": {"duration": first, "calendar": "around_the_clock"},
                "resolution": {"duration": resolution, "calendar": "around_the_clock"},
            })
        };
        let table = json!({
            "version": 0,
            "targets": {
                "P1": around("PT2H", "PT24H"),
                "P2": around("PT4H", "PT48H"),
                "P3": around("PT24H", "PT72H"),
                "P4": {
                    "first_response": {"duration": "PT24H", "calendar": "business"},
                    "resolution": {"duration": "PT45H", "calendar": "business"},
                },
            },
            "social_first_response": "PT2H",
            "warn_percent": 75,
            "ladder": {"team_lead": 125, "manager": 150, "executive": 200},
            "loop_limit": "PT168H",
            "auto_close": "PT72H",
        });
        assert_eq!(encoded, table);
        assert_eq!(
            serde_json::from_value::<Policy>(encoded).unwrap(),
            Policy::default()
        );
    }

    #[test]
    fn names_of_calendars() {
        for name in [
            "around_the_clock",
            "business",
            "night-shift_2",
            &"x".repeat(40),
        ] {
            assert_eq!(json!(name.parse::<CalendarName>().unwrap()), name);
        }
        for name in ["", "Business", "a b", "夜班", &"x".repeat(41)] {
            assert_eq!(name.parse::<CalendarName>(), Err(InvalidCalendarName));
            assert!(serde_json::from_value::<CalendarName>(json!(name)).is_err());
        }
    }
}
