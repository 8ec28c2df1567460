//! What can be wrong with a calendar, in both languages.

use std::fmt;

use jiff::tz::TimeZone;

use super::hours::{DAY, Definition, Interval, Week};
use crate::locale::Locale;

/// The most dates that one list of a calendar may name.
pub(super) const MOST_DATES: usize = 5_000;
/// The most intervals that a day may have.
pub(super) const MOST_INTERVALS: usize = 48;
/// The most faults that are told at once.
pub(super) const MOST_FAULTS: usize = 100;

/// What is wrong. Codes are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The text is not JSON.
    NotJson,
    /// Something else than an object of names and values.
    NotAnObject,
    /// Something else than a list.
    NotAList,
    /// Something else than a string.
    NotAString,
    /// Something else than `true` or `false`.
    NotABoolean,
    /// Something else than a pair of times.
    NotAnInterval,
    /// A name that means nothing here.
    UnknownField,
    /// A name that is there already.
    RepeatedField,
    /// The zone is not given.
    NoZone,
    /// The zone is not in the bundled database.
    UnknownZone,
    /// No public holidays of this name are built in.
    UnknownCountry,
    /// Not a time of day.
    NotATime,
    /// Not a date.
    NotADate,
    /// An interval begins at 24:00, which is the next day's 00:00.
    BeginsAtMidnight,
    /// A list names more dates than any real calendar.
    TooManyDates,
    /// A day has more intervals than any real one.
    TooManyIntervals,
    /// No second is ever open, so nothing would ever be due.
    NeverOpen,
    /// The file does not begin with `BEGIN:VCALENDAR`, or is not UTF-8.
    NotICalendar,
    /// A line of an iCalendar file has no colon.
    NotAContentLine,
    /// A component is not ended where it must be.
    NotEnded,
    /// An event has no `DTSTART`.
    NoStart,
    /// An event begins or ends at a time of day; holidays are whole days.
    NotAllDay,
    /// An event ends before it begins.
    EndsBeforeStart,
    /// An event repeats in another way than yearly on the same date.
    UnsupportedRule,
    /// A date is both a holiday and a working day.
    Contradiction,
    /// Neither an iCalendar file nor a list of dates.
    NotAnImport,
    /// Not an instant as RFC 3339 writes it.
    NotAnInstant,
}

impl FaultKind {
    /// The published name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotAnObject => "not-an-object",
            Self::NotAList => "not-a-list",
            Self::NotAString => "not-a-string",
            Self::NotABoolean => "not-a-boolean",
            Self::NotAnInterval => "not-an-interval",
            Self::UnknownField => "unknown-field",
            Self::RepeatedField => "repeated-field",
            Self::NoZone => "no-zone",
            Self::UnknownZone => "unknown-zone",
            Self::UnknownCountry => "unknown-country",
            Self::NotATime => "not-a-time",
            Self::NotADate => "not-a-date",
            Self::BeginsAtMidnight => "begins-at-midnight",
            Self::TooManyDates => "too-many-dates",
            Self::TooManyIntervals => "too-many-intervals",
            Self::NeverOpen => "never-open",
            Self::NotICalendar => "not-icalendar",
            Self::NotAContentLine => "not-a-content-line",
            Self::NotEnded => "not-ended",
            Self::NoStart => "no-start",
            Self::NotAllDay => "not-all-day",
            Self::EndsBeforeStart => "ends-before-start",
            Self::UnsupportedRule => "unsupported-rule",
            Self::Contradiction => "contradiction",
            Self::NotAnImport => "not-an-import",
            Self::NotAnInstant => "invalid-instant",
        }
    }

    /// What is wrong and how to put it right.
    pub const fn message(self, locale: Locale) -> &'static str {
        match locale {
            Locale::ZhCn => self.in_chinese(),
            Locale::En => self.in_english(),
        }
    }

    const fn in_chinese(self) -> &'static str {
        match self {
            Self::NotJson => "不是有效的 JSON：请检查括号、引号和逗号。",
            Self::NotAnObject => "这里须是一个对象（{…}）。",
            Self::NotAList => "这里须是一个列表（[…]）。",
            Self::NotAString => "这里须是一个字符串（\"…\"）。",
            Self::NotABoolean => "这里须是 true 或 false。",
            Self::NotAnInterval => "时段须写成一对时间，例如 [\"09:00\", \"18:00\"]。",
            Self::UnknownField => "没有这个字段：请检查拼写。",
            Self::RepeatedField => "字段重复：请只保留一个。",
            Self::NoZone => "缺少时区：请填写 tz，例如 \"Asia/Shanghai\"。",
            Self::UnknownZone => "时区无法识别：请使用 IANA 名称，例如 Asia/Shanghai。",
            Self::UnknownCountry => "没有内置这个国家的法定节假日：目前只有 cn（中国大陆）。",
            Self::NotATime => "时间须为 00:00 到 24:00，写成 HH:MM 或 HH:MM:SS。",
            Self::NotADate => "日期须写成 YYYY-MM-DD，并且确实存在。",
            Self::BeginsAtMidnight => "时段不能从 24:00 开始：请写到次日的 00:00。",
            Self::TooManyDates => "日期过多：每个列表最多 5000 个。",
            Self::TooManyIntervals => "时段过多：每天最多 48 个。",
            Self::NeverOpen => "没有任何营业时间，期限永远不会到：请至少填写一个时段。",
            Self::NotICalendar => "不是 iCalendar 文件：须为 UTF-8，并以 BEGIN:VCALENDAR 开头。",
            Self::NotAContentLine => "这一行没有冒号，不是 iCalendar 的内容行。",
            Self::NotEnded => "组件没有正确结束：BEGIN 与 END 须成对。",
            Self::NoStart => "事件缺少 DTSTART。",
            Self::NotAllDay => "事件须为全天：请使用 VALUE=DATE 的日期。",
            Self::EndsBeforeStart => "事件的结束早于开始。",
            Self::UnsupportedRule => "只支持每年同一天重复（FREQ=YEARLY）的规则。",
            Self::Contradiction => "同一天既是假日又是工作日：请只保留一个。",
            Self::NotAnImport => "须为 iCalendar 文件的文本，或日期列表（[…]）。",
            Self::NotAnInstant => "须为 RFC 3339 时刻，例如 \"2026-11-23T02:00:00Z\"。",
        }
    }

    const fn in_english(self) -> &'static str {
        match self {
            Self::NotJson => "This is not JSON: look at brackets, quotes and commas.",
            Self::NotAnObject => "An object ({…}) is expected here.",
            Self::NotAList => "A list ([…]) is expected here.",
            Self::NotAString => "A string (\"…\") is expected here.",
            Self::NotABoolean => "true or false is expected here.",
            Self::NotAnInterval => {
                "An interval is a pair of times, such as [\"09:00\", \"18:00\"]."
            }
            Self::UnknownField => "There is no such field: check its spelling.",
            Self::RepeatedField => "The field is there twice: keep one.",
            Self::NoZone => "The time zone is missing: give tz, such as \"Asia/Shanghai\".",
            Self::UnknownZone => {
                "The time zone is not known: give an IANA name, such as Asia/Shanghai."
            }
            Self::UnknownCountry => {
                "The public holidays of this country are not built in: there is cn (mainland China)."
            }
            Self::NotATime => "A time of day is 00:00 to 24:00, as HH:MM or HH:MM:SS.",
            Self::NotADate => "A date is written YYYY-MM-DD and must exist.",
            Self::BeginsAtMidnight => {
                "An interval cannot begin at 24:00: write it under the next day, from 00:00."
            }
            Self::TooManyDates => "There are too many dates: a list has at most 5,000.",
            Self::TooManyIntervals => "There are too many intervals: a day has at most 48.",
            Self::NeverOpen => {
                "Nothing is ever open, so nothing would ever be due: give at least one interval."
            }
            Self::NotICalendar => {
                "This is not an iCalendar file: it must be UTF-8 and begin with BEGIN:VCALENDAR."
            }
            Self::NotAContentLine => {
                "This line has no colon: it is not a content line of iCalendar."
            }
            Self::NotEnded => "A component is not ended: BEGIN and END must match.",
            Self::NoStart => "The event has no DTSTART.",
            Self::NotAllDay => "The event must be all day: give dates, with VALUE=DATE.",
            Self::EndsBeforeStart => "The event ends before it begins.",
            Self::UnsupportedRule => {
                "Only rules that repeat yearly on the same date (FREQ=YEARLY) are read."
            }
            Self::Contradiction => "The date is both a holiday and a working day: keep one.",
            Self::NotAnImport => {
                "The text of an iCalendar file or a list of dates ([…]) is expected here."
            }
            Self::NotAnInstant => {
                "An instant of RFC 3339 is expected, such as \"2026-11-23T02:00:00Z\"."
            }
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the text, from 1; `None` where there was no text. Of a file within a text, the line of the file.
    pub line: Option<u32>,
    /// A JSON pointer (RFC 6901) into the document, or the property of an iCalendar file.
    pub path: String,
    /// What.
    pub kind: FaultKind,
}

impl Fault {
    pub(super) fn at(path: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            line: None,
            path: path.into(),
            kind,
        }
    }

    /// What is wrong, where, and how to put it right.
    pub fn message(&self, locale: Locale) -> String {
        let Self { line, path, kind } = self;
        let what = kind.message(locale);
        let at = match (line, path.as_str(), locale) {
            (Some(line), "", Locale::ZhCn) => format!("第 {line} 行："),
            (Some(line), path, Locale::ZhCn) => format!("第 {line} 行（{path}）："),
            (Some(line), "", Locale::En) => format!("Line {line}: "),
            (Some(line), path, Locale::En) => format!("Line {line} ({path}): "),
            (None, "", _) => String::new(),
            (None, path, Locale::ZhCn) => format!("{path}："),
            (None, path, Locale::En) => format!("{path}: "),
        };
        format!("{at}{what}")
    }
}

/// Everything that is wrong with a calendar, at most the first 100 faults. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidCalendar(Vec<Fault>);

impl InvalidCalendar {
    /// The faults, in the order of the text.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }

    /// `Ok` if there are no faults.
    pub(super) fn unless_none(mut faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() {
            return Ok(());
        }
        faults.truncate(MOST_FAULTS);
        Err(Self(faults))
    }

    /// The same faults, each with the line that `line` knows for it.
    pub(super) fn with_lines(mut self, line: impl Fn(&str) -> Option<u32>) -> Self {
        for fault in &mut self.0 {
            fault.line = fault.line.or_else(|| line(&fault.path));
        }
        self.0.sort_by_key(|fault| fault.line);
        self
    }
}

impl From<Fault> for InvalidCalendar {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for InvalidCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the calendar is not valid:")?;
        for fault in &self.0 {
            write!(f, " {}", fault.message(Locale::En))?;
        }
        Ok(())
    }
}

/// Checks a definition, and finds its zone.
pub(super) fn check(definition: &Definition) -> Result<TimeZone, InvalidCalendar> {
    let zone = super::zone(&definition.tz);
    let mut faults = Vec::new();
    if zone.is_none() {
        faults.push(Fault::at("/tz", FaultKind::UnknownZone));
    }
    for (name, week) in [
        ("hours", &definition.hours),
        ("weekly_breaks", &definition.weekly_breaks),
    ] {
        for (weekday, intervals) in Week::NAMES.iter().zip(week.days()) {
            check_day(&format!("/{name}/{weekday}"), intervals, &mut faults);
        }
    }
    check_day("/make_up_hours", &definition.make_up_hours, &mut faults);
    for (name, dates) in [
        ("shifts", &definition.shifts),
        ("breaks", &definition.breaks),
    ] {
        for (date, intervals) in dates {
            check_day(&format!("/{name}/{date}"), intervals, &mut faults);
        }
        if dates.len() > MOST_DATES {
            faults.push(Fault::at(format!("/{name}"), FaultKind::TooManyDates));
        }
    }
    if definition.holidays.len() > MOST_DATES {
        faults.push(Fault::at("/holidays", FaultKind::TooManyDates));
    }
    InvalidCalendar::unless_none(faults)?;
    zone.ok_or_else(|| Fault::at("/tz", FaultKind::UnknownZone).into())
}

fn check_day(path: &str, intervals: &[Interval], faults: &mut Vec<Fault>) {
    if intervals.len() > MOST_INTERVALS {
        return faults.push(Fault::at(path, FaultKind::TooManyIntervals));
    }
    let ends = |interval: &Interval| interval.from.0 == DAY;
    let late = intervals
        .iter()
        .enumerate()
        .filter(|(_, interval)| ends(interval));
    faults
        .extend(late.map(|(n, _)| Fault::at(format!("{path}/{n}/0"), FaultKind::BeginsAtMidnight)));
}
