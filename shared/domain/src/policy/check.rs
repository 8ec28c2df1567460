//! What can be wrong with a policy, with rules of assignment, or with targets that somebody wrote, in both languages.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Audience, CalendarName, Policy, Priority, is_name};
use crate::calendar::Calendars;
use crate::locale::Locale;
use crate::submission::{Channel, Tier, breaks_line};

const MOST_RULES: usize = 100;
const NAME_LIMIT: usize = 60;
/// What every rule may ask of a case.
pub(crate) const WHEN: [&str; 4] = ["priority", "tier", "channel", "touchpoint"];
const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);

/// What is wrong. Codes are published: append only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// Something else than an object of names and values.
    NotAnObject,
    /// Something else than a list.
    NotAList,
    /// A name that means nothing here.
    UnknownField,
    /// It must be there.
    Required,
    /// Something else than one of these.
    UnknownValue {
        /// What it may be.
        choices: String,
    },
    /// Not a duration above zero and of at most a year.
    Duration,
    /// Not a whole number in this range.
    Number {
        /// The lowest.
        low: i64,
        /// The highest.
        high: i64,
    },
    /// Neither a share above the whole nor a duration.
    Delay,
    /// It comes before the rung below it.
    NotRising,
    /// There is no such calendar.
    UnknownCalendar {
        /// Those that there are.
        choices: String,
    },
    /// Not a name: one line of 1 to 60 visible characters.
    Name,
    /// Not the name of a touchpoint: 1 to 40 of `a-z`, `0-9`, `-` and `_`.
    Touchpoint,
    /// Another rule has this name.
    Repeated,
    /// The rule sets no target.
    NoTarget,
    /// More than there may be.
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// Not an instant as RFC 3339 writes it.
    Instant,
    /// Not one line of visible characters.
    Text {
        /// How many characters it may have.
        limit: usize,
    },
    /// A rule that assigns to nobody.
    NoAgent,
    /// The same agent stands before it.
    SameAgent,
    /// Not a day as ISO 8601 writes it.
    Day,
    /// The last day comes before the first, or more days after it than are looked at together.
    Days {
        /// How many are.
        most: i64,
    },
    /// No weight is above zero.
    NoWeight,
    /// More customers than are known.
    AboveKnown,
    /// Braces of a template that are not in pairs around a name.
    Braces,
    /// A variable that there is not.
    UnknownVariable {
        /// Those that there are.
        choices: String,
    },
    /// A template without a variable that it must have.
    MissingVariable {
        /// The variable.
        name: &'static str,
    },
    /// Not a text of several lines: nothing of it can be seen, it has control characters, or it is too long.
    Prose {
        /// How many characters it may have.
        limit: usize,
    },
    /// Not a name of 1 to 40 of `a-z`, `0-9` and `-`.
    Slug,
    /// Another brand has this id.
    SameBrand,
    /// The name of the brand stands in a template, and not every letter has a brand.
    NotEveryBrand,
    /// Not a mailbox.
    Mailbox,
    /// An address that the installation may not send from.
    Sender {
        /// Those that it may.
        choices: String,
    },
    /// The link of a text message runs into what stands beside it.
    LinkNotApart,
    /// A text message that could take more parts than it may.
    Parts {
        /// How many it could take.
        parts: usize,
        /// How many it may.
        most: usize,
    },
}

impl Code {
    /// The published name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotAnObject => "not-an-object",
            Self::NotAList => "not-a-list",
            Self::UnknownField => "unknown-field",
            Self::Required => "required",
            Self::UnknownValue { .. } => "unknown-value",
            Self::Duration => "invalid-duration",
            Self::Number { .. } => "out-of-range",
            Self::Delay => "invalid-delay",
            Self::NotRising => "not-rising",
            Self::UnknownCalendar { .. } => "unknown-calendar",
            Self::Name => "invalid-name",
            Self::Touchpoint => "invalid-touchpoint",
            Self::Repeated => "repeated",
            Self::NoTarget => "no-target",
            Self::TooMany { .. } => "too-many",
            Self::Instant => "invalid-instant",
            Self::Text { .. } => "invalid-text",
            Self::NoAgent => "no-agent",
            Self::SameAgent => "same-agent",
            Self::Day => "invalid-date",
            Self::Days { .. } => "invalid-days",
            Self::NoWeight => "no-weight",
            Self::AboveKnown => "above-known",
            Self::Braces => "malformed-variable",
            Self::UnknownVariable { .. } => "unknown-variable",
            Self::MissingVariable { .. } => "missing-variable",
            Self::Prose { .. } => "invalid-prose",
            Self::Slug => "invalid-id",
            Self::SameBrand => "repeated",
            Self::NotEveryBrand => "not-every-brand",
            Self::Mailbox => "invalid-mailbox",
            Self::Sender { .. } => "not-a-sender",
            Self::LinkNotApart => "link-not-apart",
            Self::Parts { .. } => "too-many-parts",
        }
    }
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901).
    pub at: String,
    /// What.
    pub code: Code,
}

impl Fault {
    /// What is wrong and how to put it right, in a sentence.
    pub fn message(&self, locale: Locale) -> String {
        let (zh_cn, en) = match &self.code {
            Code::NotAnObject => ("须为对象。", "An object is expected."),
            Code::NotAList => ("须为列表。", "A list is expected."),
            Code::UnknownField => (
                "没有这个字段：请检查拼写，或去掉。",
                "There is no such member: check its spelling, or leave it out.",
            ),
            Code::Required => ("必填。", "It is required."),
            Code::UnknownValue { choices } => {
                return match locale {
                    Locale::ZhCn => format!("无法识别：可用的值为 {choices}。"),
                    Locale::En => format!("Not known: use one of {choices}."),
                };
            }
            Code::Duration => (
                "须为大于零、不超过一年的时长，例如 \"PT24H\"。",
                "A duration above zero and of at most a year is expected, such as \"PT24H\".",
            ),
            Code::Number { low, high } => {
                return match locale {
                    Locale::ZhCn => format!("须为 {low} 到 {high} 的整数。"),
                    Locale::En => format!("A whole number from {low} to {high} is expected."),
                };
            }
            Code::Delay => (
                "须为 101 到 10000 的百分数，或超时后的时长，例如 \"PT1H\"。",
                "A percentage from 101 to 10000 is expected, or a time after the breach, such as \"PT1H\".",
            ),
            Code::NotRising => (
                "不得早于下一级的通知。",
                "It must not come before the rung below it.",
            ),
            Code::UnknownCalendar { choices } => {
                return match locale {
                    Locale::ZhCn => format!("没有这个日历：可用的日历为 {choices}。"),
                    Locale::En => format!("There is no such calendar: use one of {choices}."),
                };
            }
            Code::Name => (
                "须为一行可见文字，1 到 60 个字符。",
                "One line of 1 to 60 visible characters is expected.",
            ),
            Code::Touchpoint => (
                "触点名须为 1 到 40 个 a-z、0-9、- 或 _。",
                "The name of a touchpoint is 1 to 40 of a-z, 0-9, - and _.",
            ),
            Code::Repeated => (
                "规则名重复：请为每条规则取不同的名称。",
                "Another rule has this name: give each its own.",
            ),
            Code::NoTarget => (
                "该规则没有设定任何时限：请至少设定一项。",
                "The rule sets no target: set at least one.",
            ),
            Code::TooMany { most } => {
                return match locale {
                    Locale::ZhCn => format!("过多：最多 {most} 个。"),
                    Locale::En => format!("Too many: there may be {most}."),
                };
            }
            Code::Instant => (
                "须为 RFC 3339 时刻，例如 \"2026-11-23T02:00:00Z\"。",
                "An instant of RFC 3339 is expected, such as \"2026-11-23T02:00:00Z\".",
            ),
            Code::Text { limit } => {
                return match locale {
                    Locale::ZhCn => {
                        format!("须为一行可见文字，1 到 {limit} 个字符，首尾不留空格。")
                    }
                    Locale::En => format!(
                        "One line of 1 to {limit} visible characters is expected, without blanks around it."
                    ),
                };
            }
            Code::NoAgent => (
                "该规则没有客服：请至少写一位。",
                "The rule assigns to nobody: name at least one agent.",
            ),
            Code::SameAgent => (
                "该客服在这条规则中已经出现：请只写一次。",
                "The rule names this agent already: name each once.",
            ),
            Code::Day => (
                "须为 2026-11-01 形式的日期。",
                "A day like 2026-11-01 is expected.",
            ),
            Code::Days { most } => {
                return match locale {
                    Locale::ZhCn => format!("to 不得早于 from，且最多 {most} 天。"),
                    Locale::En => {
                        format!("`to` must not be before `from`, and there may be {most} days.")
                    }
                };
            }
            Code::NoWeight => (
                "权重全为零：至少一项须大于零。",
                "Every weight is zero: at least one must be above it.",
            ),
            Code::AboveKnown => (
                "活跃客户不得多于已知客户。",
                "There cannot be more active customers than are known.",
            ),
            Code::Braces => (
                "大括号不成对：变量须写成 {{reference}} 的形式。",
                "Braces are not in pairs: a variable is written as {{reference}}.",
            ),
            Code::UnknownVariable { choices } => {
                return match locale {
                    Locale::ZhCn => format!("没有这个变量：可用的变量为 {choices}。"),
                    Locale::En => format!("There is no such variable: use one of {choices}."),
                };
            }
            Code::MissingVariable { name } => {
                return match locale {
                    Locale::ZhCn => format!("缺少变量：请写上 {{{{{name}}}}}。"),
                    Locale::En => format!("A variable is missing: it must have {{{{{name}}}}}."),
                };
            }
            Code::Prose { limit } => {
                return match locale {
                    Locale::ZhCn => format!(
                        "须为 1 到 {limit} 个字符的可见文字，可以换行，不得有其他控制字符。"
                    ),
                    Locale::En => format!(
                        "1 to {limit} characters of visible text are expected; lines may end, and no other control characters are allowed."
                    ),
                };
            }
            Code::Slug => (
                "须为 1 到 40 个 a-z、0-9 或 -。",
                "1 to 40 of a-z, 0-9 and - are expected.",
            ),
            Code::SameBrand => (
                "另一个品牌已用此 id：请为每个品牌取不同的 id。",
                "Another brand has this id: give each its own.",
            ),
            Code::NotEveryBrand => (
                "用到了 {{brand}}，但有些反馈不属于任何品牌：请加一个不限产品和表单的品牌，或去掉该变量。",
                "It has {{brand}}, and some feedback is of no brand: add a brand without products and forms, or leave the variable out.",
            ),
            Code::Mailbox => (
                "不是邮箱：须为 me@example.com 或 \"My Name <me@example.com>\" 的形式。",
                "Not a mailbox: `me@example.com` or `My Name <me@example.com>` is expected.",
            ),
            Code::Sender { choices } if choices.is_empty() => (
                "没有设置可用的品牌发件地址：请让运维人员用参数 BrandSenders 给出，或去掉该字段。",
                "No senders of brands are set: have the operator give them as the parameter BrandSenders, or leave it out.",
            ),
            Code::Sender { choices } => {
                return match locale {
                    Locale::ZhCn => format!("不能用此地址发信：可用的地址为 {choices}。"),
                    Locale::En => {
                        format!("Letters cannot be sent from this address: use one of {choices}.")
                    }
                };
            }
            Code::LinkNotApart => (
                "{{link}} 与相邻文字连在一起，手机会把它们当成网址的一部分：请在其后留空格或换行，其前不要紧接字母、数字或变量。",
                "{{link}} runs into what stands beside it, which phones take for a part of the address: put a blank or the end behind it, and no letter, digit or variable right before it.",
            ),
            Code::Parts { parts, most } => {
                return match locale {
                    Locale::ZhCn => {
                        format!("过长：变量取最长值时须分 {parts} 条发送，最多 {most} 条，请缩短。")
                    }
                    Locale::En => format!(
                        "It is too long: with the longest values of its variables it takes {parts} parts, and {most} are the most. Shorten it."
                    ),
                };
            }
        };
        locale.choose(zh_cn, en).to_owned()
    }
}

/// Everything that is wrong with a document, in its order. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document has {} fault(s)", .0.len())]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// The same, of a document that stands at this JSON pointer inside another.
    #[must_use]
    pub fn within(mut self, pointer: &str) -> Self {
        for fault in &mut self.0 {
            fault.at.insert_str(0, pointer);
        }
        self
    }
}

impl Policy {
    /// Reads a policy that somebody wrote, for a company with these calendars. `version` and `active_from` may be
    /// left out: whoever publishes it sets them.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn read(document: &Value, calendars: &Calendars) -> Result<Self, Faults> {
        let mut check = Check::new(calendars);
        check.policy(document);
        check.done()?;
        let mut document = document.clone();
        if let Some(members) = document.as_object_mut() {
            members.entry("version").or_insert_with(|| 0.into());
        }
        read(document)
    }

    /// Checks a policy that is to be published, for a company with these calendars. Clocks stand any numbers; these
    /// make sense.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn check(&self, calendars: &Calendars) -> Result<(), Faults> {
        let document = serde_json::to_value(self).unwrap_or_default();
        Self::read(&document, calendars).map(|_| ())
    }
}

/// What was checked, as what it is.
pub(crate) fn read<T: DeserializeOwned>(checked: Value) -> Result<T, Faults> {
    serde_json::from_value(checked).map_err(|_| {
        // What was checked can be read; a member of a form that is not checked cannot be named.
        let (at, code) = (String::new(), Code::NotAnObject);
        Faults(vec![Fault { at, code }])
    })
}

/// Looks for faults, beside what else is published.
pub(crate) struct Check<C> {
    pub(crate) beside: C,
    faults: Vec<Fault>,
}

/// A place in the document.
#[derive(Clone, Copy)]
pub(crate) struct At<'a>(pub(crate) &'a str);

impl At<'_> {
    pub(crate) fn member(self, name: &str) -> String {
        let name = name.replace('~', "~0").replace('/', "~1");
        format!("{}/{name}", self.0)
    }
}

impl<C> Check<C> {
    pub(crate) const fn new(beside: C) -> Self {
        Self {
            beside,
            faults: Vec::new(),
        }
    }

    pub(crate) fn done(self) -> Result<(), Faults> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Faults(self.faults))
        }
    }

    pub(crate) fn fault(&mut self, at: impl Into<String>, code: Code) {
        self.faults.push(Fault {
            at: at.into(),
            code,
        });
    }

    /// The members of an object, of which these may be there and no others.
    pub(crate) fn object<'v>(
        &mut self,
        at: &str,
        value: &'v Value,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Some(members) = value.as_object() else {
            self.fault(at, Code::NotAnObject);
            return None;
        };
        for name in members
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
        {
            self.fault(At(at).member(name), Code::UnknownField);
        }
        Some(members)
    }

    pub(crate) fn list<'v>(&mut self, at: &str, value: &'v Value) -> &'v [Value] {
        let Some(list) = value.as_array() else {
            self.fault(at, Code::NotAList);
            return &[];
        };
        list
    }

    /// Checks a member; one that must be there and is not is a fault.
    pub(crate) fn member(
        &mut self,
        at: &str,
        members: &Map<String, Value>,
        name: &str,
        required: bool,
        check: impl FnOnce(&mut Self, &str, &Value),
    ) {
        let place = At(at).member(name);
        match members.get(name) {
            Some(value) => check(self, &place, value),
            None if required => self.fault(place, Code::Required),
            None => {}
        }
    }

    /// A list of rules, each an object of these members with a name of its own.
    pub(crate) fn named_rules(
        &mut self,
        at: &str,
        value: &Value,
        known: &[&str],
        mut check_rule: impl FnMut(&mut Self, &str, &Map<String, Value>),
    ) {
        let rules = self.list(at, value);
        if rules.len() > MOST_RULES {
            self.fault(at, Code::TooMany { most: MOST_RULES });
        }
        let mut names = BTreeSet::new();
        for (n, rule) in rules.iter().take(MOST_RULES).enumerate() {
            let at = At(at).member(&n.to_string());
            let Some(rule) = self.object(&at, rule, known) else {
                continue;
            };
            self.member(&at, rule, "name", true, |check, at, value| {
                let name = value.as_str().filter(|name| is_line(name, NAME_LIMIT));
                match name {
                    None => check.fault(at, Code::Name),
                    Some(name) if !names.insert(name.to_owned()) => check.fault(at, Code::Repeated),
                    Some(_) => {}
                }
            });
            check_rule(self, &at, rule);
        }
    }

    /// What a rule asks of a case: the members named in [`WHEN`].
    pub(crate) fn when(&mut self, at: &str, when: &Map<String, Value>) {
        let choices: [(&str, Vec<&str>); 3] = [
            ("priority", Priority::ALL.map(Priority::name).to_vec()),
            ("tier", Tier::ALL.map(Tier::name).to_vec()),
            ("channel", Channel::ALL.map(Channel::name).to_vec()),
        ];
        for (name, choices) in choices {
            self.each(at, when, name, |check, at, value| {
                check.one_of(at, value, &choices);
            });
        }
        self.each(at, when, "touchpoint", |check, at, value| {
            if !value.as_str().is_some_and(is_name) {
                check.fault(at, Code::Touchpoint);
            }
        });
    }

    /// Checks each entry of a list that may be there.
    pub(crate) fn each(
        &mut self,
        at: &str,
        members: &Map<String, Value>,
        name: &str,
        mut check_entry: impl FnMut(&mut Self, &str, &Value),
    ) {
        self.member(at, members, name, false, |check, at, value| {
            for (n, value) in check.list(at, value).iter().enumerate() {
                check_entry(check, &At(at).member(&n.to_string()), value);
            }
        });
    }

    /// One line of visible characters, at most so many, without blanks around it; `None` if it is not that.
    pub(crate) fn text<'v>(&mut self, at: &str, value: &'v Value, limit: usize) -> Option<&'v str> {
        let text = value.as_str();
        let text = text.filter(|text| is_line(text, limit) && text.trim() == *text);
        if text.is_none() {
            self.fault(at, Code::Text { limit });
        }
        text
    }

    /// A whole number from `low` to `high`.
    pub(crate) fn number(&mut self, at: &str, value: &Value, low: i64, high: i64) {
        if !value.as_i64().is_some_and(|n| (low..=high).contains(&n)) {
            self.fault(at, Code::Number { low, high });
        }
    }

    /// A duration above zero and of at most a year.
    pub(crate) fn duration(&mut self, at: &str, value: &Value) {
        if !value.as_str().is_some_and(is_duration) {
            self.fault(at, Code::Duration);
        }
    }

    fn one_of(&mut self, at: &str, value: &Value, choices: &[&str]) {
        if !value.as_str().is_some_and(|text| choices.contains(&text)) {
            let choices = choices.join(", ");
            self.fault(at, Code::UnknownValue { choices });
        }
    }
}

impl Check<&Calendars> {
    fn policy(&mut self, document: &Value) {
        const MEMBERS: [&str; 10] = [
            "version",
            "active_from",
            "rules",
            "targets",
            "social_first_response",
            "warn_percent",
            "first_told",
            "ladder",
            "loop_limit",
            "auto_close",
        ];
        let Some(policy) = self.object("", document, &MEMBERS) else {
            return;
        };
        self.member("", policy, "version", false, |check, at, value| {
            let number = value.as_u64().map(u32::try_from);
            if !matches!(number, Some(Ok(_))) {
                check.fault(
                    at,
                    Code::Number {
                        low: 0,
                        high: u32::MAX.into(),
                    },
                );
            }
        });
        self.member("", policy, "active_from", false, |check, at, value| {
            let instant = value.as_str().map(str::parse::<Timestamp>);
            if !value.is_null() && !matches!(instant, Some(Ok(_))) {
                check.fault(at, Code::Instant);
            }
        });
        self.member("", policy, "rules", false, Self::rules);
        self.member("", policy, "targets", true, |check, at, value| {
            let priorities = Priority::ALL.map(Priority::name);
            let Some(table) = check.object(at, value, &priorities) else {
                return;
            };
            for priority in priorities {
                check.member(at, table, priority, true, |check, at, value| {
                    check.targets(at, value, true);
                });
            }
        });
        self.member("", policy, "warn_percent", true, |check, at, value| {
            check.number(at, value, 1, 99);
        });
        self.member("", policy, "first_told", false, |check, at, value| {
            let priorities = Priority::ALL.map(Priority::name);
            let Some(told) = check.object(at, value, &priorities) else {
                return;
            };
            for (priority, audience) in told
                .iter()
                .filter(|(n, _)| priorities.contains(&n.as_str()))
            {
                let at = At(at).member(priority);
                check.one_of(&at, audience, &Audience::ALL.map(Audience::name));
            }
        });
        self.member("", policy, "ladder", true, Self::ladder);
        for name in ["social_first_response", "loop_limit", "auto_close"] {
            self.member("", policy, name, true, Self::duration);
        }
    }

    fn rules(&mut self, at: &str, value: &Value) {
        self.named_rules(
            at,
            value,
            &["name", "when", "targets"],
            |check, at, rule| {
                check.member(at, rule, "when", false, |check, at, value| {
                    if let Some(when) = check.object(at, value, &WHEN) {
                        check.when(at, when);
                    }
                });
                check.member(at, rule, "targets", true, |check, at, value| {
                    check.targets(at, value, false);
                });
            },
        );
    }

    fn targets(&mut self, at: &str, value: &Value, whole: bool) {
        let known = [
            "first_response",
            "next_response",
            "resolution",
            "plan",
            "tell",
        ];
        let Some(targets) = self.object(at, value, &known) else {
            return;
        };
        if !whole && known.iter().all(|name| targets.get(*name).is_none()) {
            self.fault(at, Code::NoTarget);
        }
        for name in known {
            let required = whole && matches!(name, "first_response" | "resolution");
            self.member(at, targets, name, required, Self::target);
        }
    }

    fn target(&mut self, at: &str, value: &Value) {
        let Some(target) = self.object(at, value, &["duration", "calendar"]) else {
            return;
        };
        self.member(at, target, "duration", true, Self::duration);
        self.member(at, target, "calendar", true, |check, at, value| {
            let name = value.as_str().map(str::parse::<CalendarName>);
            if !matches!(name, Some(Ok(name)) if check.beside.knows(&name)) {
                let names = check.beside.names().map(CalendarName::as_str);
                let names: Vec<_> = std::iter::once(CalendarName::AROUND_THE_CLOCK.as_str())
                    .chain(names)
                    .collect();
                let choices = names.join(", ");
                check.fault(at, Code::UnknownCalendar { choices });
            }
        });
    }

    fn ladder(&mut self, at: &str, value: &Value) {
        // The owner is told of the breach itself.
        let audiences = [Audience::TeamLead, Audience::Manager, Audience::Executive];
        let Some(rungs) = self.object(at, value, &audiences.map(Audience::name)) else {
            return;
        };
        let mut below = 0;
        for audience in audiences {
            self.member(at, rungs, audience.name(), false, |check, at, value| {
                let percent = value.as_u64().filter(|n| (101..=10_000).contains(n));
                match (percent, value.as_str()) {
                    (Some(percent), _) => {
                        if percent < below {
                            check.fault(at, Code::NotRising);
                        }
                        below = below.max(percent);
                    }
                    (None, Some(text)) if is_duration(text) => {}
                    _ => check.fault(at, Code::Delay),
                }
            });
        }
    }
}

fn is_duration(text: &str) -> bool {
    let duration: Result<SignedDuration, _> = text.parse();
    duration.is_ok_and(|duration| duration.is_positive() && duration <= YEAR)
}

fn is_line(text: &str, limit: usize) -> bool {
    let visible =
        !text.trim().is_empty() && !text.chars().any(|c| breaks_line(c) || c.is_control());
    visible && text.chars().nth(limit).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn calendars() -> Calendars {
        let office = Calendars::office_hours("Asia/Shanghai").unwrap();
        let business = office.get(&CalendarName::BUSINESS).unwrap().clone();
        office.with("night".parse().unwrap(), business)
    }

    /// The faults of the built-in policy with the value at these places replaced; null removes it.
    fn faults(changes: &[(&str, Value)]) -> Vec<(String, &'static str)> {
        let mut document = serde_json::to_value(Policy::default()).unwrap();
        for (at, value) in changes {
            let (parent, name) = at.rsplit_once('/').unwrap();
            let parent = document
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap();
            if value.is_null() {
                parent.remove(name);
            } else {
                parent.insert(name.to_owned(), value.clone());
            }
        }
        let Err(faults) = Policy::read(&document, &calendars()) else {
            return Vec::new();
        };
        for fault in faults.iter() {
            for locale in [Locale::ZhCn, Locale::En] {
                assert!(fault.message(locale).ends_with(['。', '.']), "{fault:?}");
            }
        }
        faults
            .iter()
            .map(|f| (f.at.clone(), f.code.name()))
            .collect()
    }

    fn list(faults: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
        faults
            .iter()
            .map(|&(at, code)| (at.to_owned(), code))
            .collect()
    }

    #[test]
    fn what_makes_sense_is_taken() {
        assert_eq!(Policy::default().check(&calendars()), Ok(()));
        let rules = json!([{
            "name": "黄金客户", "when": {"tier": ["gold"], "channel": ["email"], "priority": ["P2"], "touchpoint": ["check-out"]},
            "targets": {"plan": {"duration": "PT30M", "calendar": "night"}},
        }]);
        let ladder = json!({"team_lead": "PT1H", "manager": 150});
        let changes = [
            ("/version", json!(null)),
            ("/rules", rules),
            ("/ladder", ladder),
            ("/active_from", json!("2026-11-23T02:00:00Z")),
        ];
        assert_eq!(faults(&changes), []);
        assert_eq!(faults(&[("/first_told", json!(null))]), []);
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_place() {
        let rule = json!({
            "name": " ", "when": {"tier": ["diamond"], "touchpoint": ["结账"], "weather": []},
            "targets": {},
        });
        let changes = [
            ("/targets/P1/first_response/duration", json!("PT0S")),
            ("/targets/P2/resolution/calendar", json!("weekend")),
            ("/targets/P3/resolution", json!(null)),
            ("/targets/P5", json!({})),
            ("/warn_percent", json!(100)),
            (
                "/ladder",
                json!({"team_lead": 150, "manager": 125, "executive": 100, "owner": 110}),
            ),
            ("/first_told", json!({"P1": "board"})),
            ("/loop_limit", json!("P2Y")),
            ("/a~b/c".split_at(4).0, json!(1)),
            (
                "/rules",
                json!([rule, {"name": "a", "targets": {"plan": 7}}, {"name": "a"}, 7]),
            ),
        ];
        let mut found = faults(&changes);
        found.sort();
        let mut expected = list(&[
            ("/a~0b", "unknown-field"),
            ("/first_told/P1", "unknown-value"),
            ("/ladder/executive", "invalid-delay"),
            ("/ladder/manager", "not-rising"),
            ("/ladder/owner", "unknown-field"),
            ("/loop_limit", "invalid-duration"),
            ("/rules/0/name", "invalid-name"),
            ("/rules/0/targets", "no-target"),
            ("/rules/0/when/tier/0", "unknown-value"),
            ("/rules/0/when/touchpoint/0", "invalid-touchpoint"),
            ("/rules/0/when/weather", "unknown-field"),
            ("/rules/1/targets/plan", "not-an-object"),
            ("/rules/2/name", "repeated"),
            ("/rules/2/targets", "required"),
            ("/rules/3", "not-an-object"),
            ("/targets/P1/first_response/duration", "invalid-duration"),
            ("/targets/P2/resolution/calendar", "unknown-calendar"),
            ("/targets/P3/resolution", "required"),
            ("/targets/P5", "unknown-field"),
            ("/warn_percent", "out-of-range"),
        ]);
        expected.sort();
        assert_eq!(found, expected);
        assert!(Policy::read(&json!([]), &calendars()).is_err());
    }

    #[test]
    fn what_is_not_refused_can_be_read() {
        for (at, value) in [
            ("/rules", json!({})),
            ("/active_from", json!("tomorrow")),
            ("/version", json!(-1)),
            ("/version", json!(1u64 << 40)),
            ("/social_first_response", json!(7)),
            ("/targets", json!("fast")),
            ("/ladder", json!([])),
            ("/rules", json!(vec![json!({}); 101])),
        ] {
            let found = faults(&[(at, value)]);
            assert!(
                !found.is_empty() && found.iter().all(|(place, _)| place.starts_with(at)),
                "{at}: {found:?}"
            );
        }
    }
}
