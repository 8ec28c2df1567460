//! The SLA policy: who is answered how fast, and who hears of it when not.

pub(crate) mod check;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::score::{Nps, Standing};
use crate::submission::{Channel, Submission, Tier};
use crate::triage::Triage;

pub use check::{Code, Fault, Faults};

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

impl Audience {
    /// Every audience, from the nearest.
    pub const ALL: [Self; 4] = [Self::Owner, Self::TeamLead, Self::Manager, Self::Executive];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::TeamLead => "team_lead",
            Self::Manager => "manager",
            Self::Executive => "executive",
        }
    }

    /// The audience of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|audience| audience.name() == name)
    }
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
        is_name(&text)
            .then_some(Self(Cow::Owned(text)))
            .ok_or(InvalidCalendarName)
    }
}

impl From<CalendarName> for String {
    fn from(name: CalendarName) -> Self {
        name.0.into_owned()
    }
}

/// Whether a text is 1 to 40 of `a-z`, `0-9`, `-` and `_`.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
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
    /// From a later message of the customer until the next word to them; `None` for as long as the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_response: Option<Target>,
    /// Until it is resolved or declined.
    pub resolution: Target,
    /// Until there is a remediation plan, where one is due; `None` for 48 hours around the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Target>,
    /// Until somebody has told the customer, where a person is to; `None` for 24 hours around the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tell: Option<Target>,
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

impl TargetTable {
    /// The targets of one.
    pub const fn of(&self, priority: Priority) -> &Targets {
        match priority {
            Priority::P1 => &self.p1,
            Priority::P2 => &self.p2,
            Priority::P3 => &self.p3,
            Priority::P4 => &self.p4,
        }
    }
}

/// What a rule looks at besides the priority: where a case came from. Names are persisted: append only.
///
/// It is kept in the log of the case, which outlives an erasure, so it holds nothing a customer wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The channel it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The customer's tier, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The point of the journey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// Whether a touchpoint got a low score, so that a remediation plan is due.
    #[serde(default, skip_serializing_if = "is_false")]
    pub low_score: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Origin {
    /// What came by this channel, and nothing else known of it.
    pub fn by(channel: Channel) -> Self {
        Self {
            channel: Some(channel),
            ..Self::default()
        }
    }

    /// Where a response came from.
    ///
    /// A touchpoint that the sender named counts if it is a plain name (1 to 40 of `a-z`, `0-9`, `-`, `_`), else the
    /// one that triage found: the field is free text. A low score is a detractor's, or 1 or 2 of CSAT, given where
    /// the sender named a touchpoint.
    pub fn of(submission: &Submission, triage: &Triage) -> Self {
        let named = submission.touchpoint.as_deref();
        let low = submission
            .nps
            .is_some_and(|nps| nps.standing() == Standing::Detractor)
            || submission.csat.is_some_and(|csat| csat.get() <= 2);
        Self {
            channel: Some(submission.channel),
            tier: submission.tier,
            touchpoint: named
                .filter(|name| is_name(name))
                .or_else(|| triage.touchpoint.map(|touchpoint| touchpoint.name()))
                .map(str::to_owned),
            low_score: low && named.is_some(),
        }
    }
}

/// What a rule asks of a case: each list that is not empty must name what the case has. Names are persisted: append
/// only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct When {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<Priority>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tier: Vec<Tier>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel: Vec<Channel>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touchpoint: Vec<String>,
}

impl When {
    /// Whether a case of this priority and origin is meant. What is not known of it is in no list.
    pub fn matches(&self, priority: Priority, origin: &Origin) -> bool {
        any(&self.priority, Some(&priority))
            && any(&self.tier, origin.tier.as_ref())
            && any(&self.channel, origin.channel.as_ref())
            && any(&self.touchpoint, origin.touchpoint.as_ref())
    }
}

/// Whether a list names what a case has; an empty one asks for nothing.
pub(crate) fn any<T: PartialEq>(list: &[T], value: Option<&T>) -> bool {
    list.is_empty() || value.is_some_and(|value| list.contains(value))
}

/// The targets a rule sets; those it leaves out are as without it. Names are persisted: append only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTargets {
    /// As in [`Targets`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_response: Option<Target>,
    /// As in [`Targets`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_response: Option<Target>,
    /// As in [`Targets`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Target>,
    /// As in [`Targets`]; a case that a rule gives one needs a plan whatever its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Target>,
    /// As in [`Targets`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tell: Option<Target>,
}

/// Targets for some cases. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What the case says of it: 1 to 60 characters on one line, used once in a policy.
    pub name: String,
    /// Which cases.
    #[serde(default)]
    pub when: When,
    /// What is agreed for them.
    pub targets: RuleTargets,
}

/// What a policy agrees for one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Until the customer hears from a person.
    pub first_response: Target,
    /// From a later message of the customer until the next word to them.
    pub next_response: Target,
    /// Until it is resolved or declined.
    pub resolution: Target,
    /// Until there is a remediation plan; `None` if none is due.
    pub plan: Option<Target>,
    /// Until somebody has told the customer, where a person is to.
    pub tell: Target,
    /// The rule that matched; `None` if the table of priorities decided.
    pub rule: Option<String>,
}

/// When a rung of the ladder is told of a breach. Written as a number of percent or as a duration, `"PT1H"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// At this share of the target.
    Percent(u16),
    /// So long after the deadline, in the hours of the target.
    AfterBreach(SignedDuration),
}

impl Delay {
    /// The time that must have been counted of a target of this length.
    pub(crate) fn of(self, target: SignedDuration) -> SignedDuration {
        match self {
            Self::Percent(percent) => share(target, percent),
            Self::AfterBreach(delay) => target.saturating_add(delay),
        }
    }
}

/// A share of a duration, down to the millisecond.
fn share(duration: SignedDuration, percent: u16) -> SignedDuration {
    let millis = duration.as_millis().saturating_mul(i128::from(percent)) / 100;
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Percent(percent) => percent.serialize(serializer),
            Self::AfterBreach(delay) => delay.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = Delay;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of percent or a duration")
            }

            fn visit_u64<E: de::Error>(self, percent: u64) -> Result<Delay, E> {
                u16::try_from(percent)
                    .map(Delay::Percent)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(percent), &self))
            }

            fn visit_i64<E: de::Error>(self, percent: i64) -> Result<Delay, E> {
                u16::try_from(percent)
                    .map(Delay::Percent)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(percent), &self))
            }

            fn visit_str<E: de::Error>(self, delay: &str) -> Result<Delay, E> {
                delay
                    .parse()
                    .map(Delay::AfterBreach)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(delay), &self))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Who is told of a breach that goes on, and when: one rung for an audience, the nearest first. A rung whose time comes
/// before that of the rung below it is told together with it.
pub type Ladder = BTreeMap<Audience, Delay>;

/// Reads a ladder. An audience that only a newer version knows is left out: it is told by that version.
fn known_rungs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ladder, D::Error> {
    struct Rungs;
    impl<'de> de::Visitor<'de> for Rungs {
        type Value = Ladder;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("audiences with their delays")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Ladder, A::Error> {
            let mut ladder = Ladder::new();
            while let Some(name) = map.next_key::<String>()? {
                match Audience::from_name(&name) {
                    Some(audience) => {
                        ladder.insert(audience, map.next_value()?);
                    }
                    None => {
                        map.next_value::<de::IgnoredAny>()?;
                    }
                }
            }
            Ok(ladder)
        }
    }
    deserializer.deserialize_map(Rungs)
}

/// What a case keeps of the edition of the rules that its clocks were computed under; a later edition takes their
/// place. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The version of the policy they are from.
    pub policy: u32,
    /// The version of the calendars; 0 is before any was published.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calendars: u32,
    /// The rule of the policy that decided the targets; `None` if the table of priorities did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The share of a target, in percent, after which its owner is warned.
    pub warn_percent: u16,
    /// Who is told of a breach at once; `None` in what was written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_told: Option<Audience>,
    /// Who is told of a breach that goes on.
    #[serde(deserialize_with = "known_rungs")]
    pub ladder: Ladder,
    /// How long a loop may stay open, whatever the calendar says. Elapsed time, pauses included.
    pub loop_limit: SignedDuration,
    /// How long after it was resolved or declined a case closes by itself. Elapsed time.
    pub auto_close: SignedDuration,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Terms {
    /// The rungs above whoever is told of a breach at once, the nearest first.
    pub(crate) fn rungs(&self) -> impl Iterator<Item = (Audience, Delay)> {
        let first = self.first_told.unwrap_or(Audience::Owner);
        self.ladder
            .iter()
            .map(|(&audience, &delay)| (audience, delay))
            .filter(move |&(audience, _)| audience > first)
    }

    /// When this audience is told, if it has a rung.
    pub(crate) fn rung(&self, audience: Audience) -> Option<Delay> {
        self.ladder.get(&audience).copied()
    }

    /// How long a target may count before its owner is warned.
    pub(crate) fn warning(&self, target: SignedDuration) -> SignedDuration {
        share(target, self.warn_percent)
    }
}

/// The numbers a company sets. Names are persisted: append only.
///
/// The default is the built-in policy, version 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Counts up with every change; 0 is the built-in policy.
    pub version: u32,
    /// The instant of business time at which it begins to apply; `None` for always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// Targets for some cases; the first rule that matches wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// How fast, by priority, where no rule says otherwise.
    pub targets: TargetTable,
    /// The longest first response on social media, whatever the priority, where no rule says otherwise. Elapsed time.
    pub social_first_response: SignedDuration,
    /// As in [`Terms`].
    pub warn_percent: u16,
    /// Who is told of a breach at once, by priority; the owner where nothing is said.
    #[serde(default = "first_told")]
    pub first_told: BTreeMap<Priority, Audience>,
    /// As in [`Terms`].
    #[serde(deserialize_with = "known_rungs")]
    pub ladder: Ladder,
    /// As in [`Terms`].
    pub loop_limit: SignedDuration,
    /// As in [`Terms`].
    pub auto_close: SignedDuration,
}

/// A P1 starts at the executive.
fn first_told() -> BTreeMap<Priority, Audience> {
    BTreeMap::from([(Priority::P1, Audience::Executive)])
}

impl Default for Policy {
    fn default() -> Self {
        let targets = |first_response, resolution| Targets {
            first_response,
            next_response: None,
            resolution,
            plan: None,
            tell: None,
        };
        let around_the_clock = |first_response, resolution| {
            targets(
                Target::around_the_clock(first_response),
                Target::around_the_clock(resolution),
            )
        };
        Self {
            version: 0,
            active_from: None,
            rules: Vec::new(),
            targets: TargetTable {
                p1: around_the_clock(2, 24),
                p2: around_the_clock(4, 48),
                p3: around_the_clock(24, 72),
                // Five business days of the default office hours, 09:00 to 18:00.
                p4: targets(Target::business(24), Target::business(5 * 9)),
            },
            social_first_response: SignedDuration::from_hours(2),
            warn_percent: 75,
            first_told: first_told(),
            ladder: Ladder::from([
                (Audience::TeamLead, Delay::Percent(125)),
                (Audience::Manager, Delay::Percent(150)),
                (Audience::Executive, Delay::Percent(200)),
            ]),
            loop_limit: SignedDuration::from_hours(7 * 24),
            auto_close: SignedDuration::from_hours(3 * 24),
        }
    }
}

impl Policy {
    /// What is agreed for a case: by the first rule that matches, and by the table of priorities where that says
    /// nothing. Where neither the rule nor anything faster speaks of it, social media are answered as fast as the
    /// policy says for them.
    pub fn agreed(&self, priority: Priority, origin: &Origin) -> Agreed {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.when.matches(priority, origin));
        let ruled = rule.map(|rule| rule.targets.clone()).unwrap_or_default();
        let table = self.targets.of(priority);
        let first_response = ruled.first_response.unwrap_or_else(|| {
            let first = &table.first_response;
            let fast = first.calendar == CalendarName::AROUND_THE_CLOCK
                && first.duration <= self.social_first_response;
            if origin.channel == Some(Channel::Social) && !fast {
                Target {
                    duration: self.social_first_response,
                    calendar: CalendarName::AROUND_THE_CLOCK,
                }
            } else {
                first.clone()
            }
        });
        let plan = || table.plan.clone().unwrap_or(Target::around_the_clock(48));
        Agreed {
            next_response: ruled
                .next_response
                .or_else(|| table.next_response.clone())
                .unwrap_or_else(|| first_response.clone()),
            first_response,
            resolution: ruled.resolution.unwrap_or_else(|| table.resolution.clone()),
            plan: ruled.plan.or_else(|| origin.low_score.then(plan)),
            tell: ruled
                .tell
                .or_else(|| table.tell.clone())
                .unwrap_or(Target::around_the_clock(24)),
            rule: rule.map(|rule| rule.name.clone()),
        }
    }

    /// What a case keeps of this policy, its targets aside.
    pub(crate) fn terms(&self, priority: Priority, rule: Option<String>, calendars: u32) -> Terms {
        Terms {
            policy: self.version,
            calendars,
            rule,
            warn_percent: self.warn_percent,
            first_told: Some(
                self.first_told
                    .get(&priority)
                    .copied()
                    .unwrap_or(Audience::Owner),
            ),
            ladder: self.ladder.clone(),
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
                policy.agreed(priority, &Origin::by(Channel::Web)),
                policy.agreed(priority, &Origin::by(Channel::Social)),
            );
            assert_eq!(social.first_response, two);
            assert_eq!(social.next_response, two);
            assert_eq!(social.resolution, web.resolution);
        }
        // What is faster already stays so.
        policy.targets.p1.first_response = Target::around_the_clock(1);
        let fast = policy.agreed(Priority::P1, &Origin::by(Channel::Social));
        assert_eq!(fast.first_response, Target::around_the_clock(1));
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = json!([
            {"name": "gold at the checkout", "when": {"tier": ["gold", "platinum"], "touchpoint": ["checkout"]},
             "targets": {"first_response": {"duration": "PT1H", "calendar": "around_the_clock"},
                         "plan": {"duration": "PT8H", "calendar": "business"}}},
            {"name": "gold", "when": {"tier": ["gold"], "priority": ["P2"]},
             "targets": {"resolution": {"duration": "PT10H", "calendar": "night"}}},
            {"name": "the rest of social", "when": {"channel": ["social"]},
             "targets": {"first_response": {"duration": "PT3H", "calendar": "around_the_clock"},
                         "next_response": {"duration": "PT30M", "calendar": "around_the_clock"}}},
        ]);
        let policy = Policy {
            rules: serde_json::from_value(rules).unwrap(),
            ..Policy::default()
        };
        let origin = |channel, tier, touchpoint: &str| Origin {
            channel: Some(channel),
            tier: Some(tier),
            touchpoint: Some(touchpoint.to_owned()),
            low_score: false,
        };
        let rule = |priority, origin: &Origin| policy.agreed(priority, origin).rule;
        let both = origin(Channel::Social, Tier::Gold, "checkout");
        assert_eq!(rule(Priority::P2, &both).unwrap(), "gold at the checkout");
        let agreed = policy.agreed(Priority::P2, &both);
        assert_eq!(agreed.first_response, Target::around_the_clock(1));
        assert_eq!(agreed.next_response, Target::around_the_clock(1));
        assert_eq!(agreed.resolution, Target::around_the_clock(48));
        assert_eq!(agreed.plan, Some(Target::business(8)));
        let gold = origin(Channel::Social, Tier::Gold, "home");
        assert_eq!(rule(Priority::P2, &gold).unwrap(), "gold");
        // It says nothing of the first response, so the social media are answered as ever.
        let first = policy.agreed(Priority::P2, &gold).first_response;
        assert_eq!(first, Target::around_the_clock(2));
        assert_eq!(rule(Priority::P3, &gold).unwrap(), "the rest of social");
        let agreed = policy.agreed(Priority::P3, &gold);
        assert_eq!(agreed.first_response, Target::around_the_clock(3));
        assert_eq!(agreed.next_response.duration, SignedDuration::from_mins(30));
        assert_eq!(rule(Priority::P3, &Origin::default()), None);
    }

    #[test]
    fn a_plan_is_due_where_a_touchpoint_got_a_low_score() {
        let origin = |json: serde_json::Value| {
            let mut whole = json!({"form": "default", "channel": "web", "locale": "en"});
            let members = json.as_object().unwrap().clone();
            whole.as_object_mut().unwrap().extend(members);
            let submission: Submission = serde_json::from_value(whole).unwrap();
            let triage = crate::triage::triage(&(&submission).into());
            Origin::of(&submission, &triage)
        };
        for (sent, low) in [
            (json!({"nps": 6, "touchpoint": "checkout"}), true),
            (json!({"csat": 2, "touchpoint": "checkout"}), true),
            (
                json!({"nps": 7, "csat": 3, "touchpoint": "checkout"}),
                false,
            ),
            (json!({"nps": 0}), false),
        ] {
            let origin = origin(sent);
            assert_eq!(origin.low_score, low);
            let plan = Policy::default().agreed(Priority::P3, &origin).plan;
            assert_eq!(plan, low.then(|| Target::around_the_clock(48)));
        }
        // Free text does not get into a log that outlives an erasure.
        let named =
            origin(json!({"text": "the parcel never came", "touchpoint": "Li Wei, 13800138000"}));
        assert_eq!(named.touchpoint.as_deref(), Some("logistics"));
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
            "first_told": {"P1": "executive"},
            "ladder": {"team_lead": 125, "manager": 150, "executive": 200},
            "loop_limit": "PT168H",
            "auto_close": "PT72H",
        });
        assert_eq!(encoded, table);
        assert_eq!(
            serde_json::from_value::<Policy>(encoded).unwrap(),
            Policy::default()
        );
        // The form of the first version.
        let mut first = table;
        first.as_object_mut().unwrap().remove("first_told");
        assert_eq!(
            serde_json::from_value::<Policy>(first).unwrap(),
            Policy::default()
        );
    }

    #[test]
    fn a_rung_waits_for_a_share_or_for_a_time_after_the_breach() {
        let ladder: Ladder =
            serde_json::from_value(json!({"team_lead": 110, "executive": "PT1H30M"})).unwrap();
        assert_eq!(
            json!(ladder),
            json!({"team_lead": 110, "executive": "PT1H30M"})
        );
        let day = SignedDuration::from_hours(20);
        let reached: Vec<_> = ladder.values().map(|delay| delay.of(day)).collect();
        assert_eq!(
            reached,
            [
                SignedDuration::from_hours(22),
                SignedDuration::from_mins(21 * 60 + 30)
            ]
        );
        let newer = json!({"ladder": {"team_lead": 110, "board": "PT9H"}});
        let terms = Policy::default().terms(Priority::P3, None, 0);
        let mut terms = serde_json::to_value(terms).unwrap();
        terms
            .as_object_mut()
            .unwrap()
            .extend(newer.as_object().unwrap().clone());
        let terms: Terms = serde_json::from_value(terms).unwrap();
        assert_eq!(
            terms.ladder.into_keys().collect::<Vec<_>>(),
            [Audience::TeamLead]
        );
        for broken in [
            json!(-1),
            json!(70_000),
            json!(1.5),
            json!("soon"),
            json!(null),
        ] {
            assert!(serde_json::from_value::<Delay>(broken).is_err());
        }
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
