//! Holidays from elsewhere: an iCalendar file (RFC 5545), as holiday feeds publish them, or a list of dates.
//!
//! The reader is our own: of iCalendar only whole days are wanted, and no kept crate tells the line of a fault, or works
//! without `chrono`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use super::fault::{Fault, FaultKind, InvalidCalendar, MOST_DATES, MOST_FAULTS};
use super::hours::Definition;

/// What is known of an imported date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// What it is called; empty if it has no name.
    pub name: String,
    /// Whether it is a working day in place of another (调休); otherwise it is off.
    pub works: bool,
}

/// Dates that were read from a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    days: BTreeMap<Date, Day>,
}

/// A date is a holiday in one place and a working day in another.
pub(super) struct Contradiction;

impl Imported {
    /// The dates, in order.
    pub fn days(&self) -> &BTreeMap<Date, Day> {
        &self.days
    }

    /// Adds a date; the first name it was given stays.
    pub(super) fn add(&mut self, date: Date, day: Day) -> Result<(), Contradiction> {
        let known = self.days.entry(date).or_insert_with(|| day.clone());
        if known.works == day.works {
            Ok(())
        } else {
            Err(Contradiction)
        }
    }

    /// Reads the all-day events of an iCalendar file.
    ///
    /// Every day of an event is off; an event whose name says 班, or that Apple's calendars mark as an
    /// `ALTERNATE-WORKDAY`, is of working days instead. Events that repeat yearly are written out to the end of
    /// `last_year`; cancelled ones are left out. Other components are skipped.
    ///
    /// # Errors
    /// [`InvalidCalendar`]: every fault, with its line.
    pub fn from_icalendar(file: &[u8], last_year: i16) -> Result<Self, InvalidCalendar> {
        let mut reader = Reader {
            last: Date::new(last_year, 12, 31).unwrap_or(Date::MAX),
            imported: Self::default(),
            written: 0,
            faults: Vec::new(),
        };
        reader.read(file);
        InvalidCalendar::unless_none(reader.faults)?;
        Ok(reader.imported)
    }
}

impl Definition {
    /// Adds imported dates: holidays, and working days with the hours of make-up days. What the definition says of a
    /// date itself stays.
    pub fn keep(&mut self, imported: &Imported) {
        let hours = self.hours_of_make_up_days().to_vec();
        for (&date, day) in &imported.days {
            if self.shifts.contains_key(&date) || self.holidays.contains(&date) {
                continue;
            }
            if day.works {
                self.shifts.insert(date, hours.clone());
            } else {
                self.holidays.insert(date);
            }
        }
    }
}

struct Reader {
    last: Date,
    imported: Imported,
    /// How many dates were written out, those known already too.
    written: usize,
    faults: Vec<Fault>,
}

/// A content line: `NAME;PARAMETERS:VALUE`.
struct Content<'a> {
    line: u32,
    name: String,
    value: &'a str,
}

/// The lines of an event that matter; each with its line.
#[derive(Default)]
struct Event {
    line: u32,
    start: Option<Date>,
    /// The day after the last.
    end: Option<(u32, Date)>,
    length: Option<(u32, Span)>,
    rule: Option<Rule>,
    except: BTreeSet<Date>,
    also: BTreeSet<Date>,
    day: Day,
    cancelled: bool,
    /// A fault was found in it.
    broken: bool,
}

/// A yearly rule.
#[derive(Clone, Copy)]
struct Rule {
    years: i16,
    count: Option<u32>,
    until: Option<Date>,
}

impl Reader {
    fn fault(&mut self, line: u32, path: &str, kind: FaultKind) {
        if self.faults.len() >= MOST_FAULTS {
            return;
        }
        self.faults.push(Fault {
            line: Some(line),
            path: path.to_owned(),
            kind,
        });
    }

    fn read(&mut self, file: &[u8]) {
        let lines = unfold(file);
        let mut open: Vec<(u32, String)> = Vec::new();
        let mut event: Option<Event> = None;
        let mut begun = false;
        for (line, text) in &lines {
            let Ok(text) = std::str::from_utf8(text) else {
                return self.fault(*line, "", FaultKind::NotICalendar);
            };
            let content = content(*line, text);
            begun |= content.as_ref().is_some_and(|content| {
                content.name == "BEGIN" && content.value.trim().eq_ignore_ascii_case("VCALENDAR")
            });
            if !begun {
                return self.fault(*line, "", FaultKind::NotICalendar);
            }
            let Some(content) = content else {
                self.fault(*line, "", FaultKind::NotAContentLine);
                continue;
            };
            let value = content.value.trim();
            match content.name.as_str() {
                "BEGIN" => {
                    open.push((*line, value.to_ascii_uppercase()));
                    if value.eq_ignore_ascii_case("VEVENT") {
                        event = Some(Event {
                            line: *line,
                            ..Event::default()
                        });
                    }
                }
                "END" => {
                    let matches = open
                        .pop()
                        .is_some_and(|(_, name)| name.eq_ignore_ascii_case(value));
                    if !matches {
                        return self.fault(*line, "END", FaultKind::NotEnded);
                    }
                    if value.eq_ignore_ascii_case("VEVENT")
                        && let Some(event) = event.take()
                    {
                        self.finish(&event);
                    }
                }
                _ => {
                    let inside = open.last().is_some_and(|(_, name)| name == "VEVENT");
                    if let Some(event) = event.as_mut().filter(|_| inside) {
                        self.property(event, &content);
                    }
                }
            }
        }
        if let Some((line, name)) = open.pop() {
            self.fault(line, &name, FaultKind::NotEnded);
        } else if !begun {
            self.fault(1, "", FaultKind::NotICalendar);
        }
    }

    fn property(&mut self, event: &mut Event, content: &Content<'_>) {
        let Content { line, name, value } = content;
        let outcome = match name.as_str() {
            "DTSTART" => date(value).map(|date| event.start = Some(date)),
            "DTEND" => date(value).map(|date| event.end = Some((*line, date))),
            "DURATION" => days(value).map(|length| event.length = Some((*line, length))),
            "RRULE" => rule(value).map(|rule| event.rule = Some(rule)),
            // An instance that was moved: it would have to be found among the others.
            "RECURRENCE-ID" | "EXRULE" => Err(FaultKind::UnsupportedRule),
            "EXDATE" => dates(value).map(|dates| event.except.extend(dates)),
            "RDATE" => dates(value).map(|dates| event.also.extend(dates)),
            "SUMMARY" => {
                event.day.name = unescape(value);
                event.day.works |= event.day.name.contains('班');
                Ok(())
            }
            "X-APPLE-SPECIAL-DAY" => {
                event.day.works |= value.eq_ignore_ascii_case("ALTERNATE-WORKDAY");
                Ok(())
            }
            "STATUS" => {
                event.cancelled = value.eq_ignore_ascii_case("CANCELLED");
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(kind) = outcome {
            event.broken = true;
            self.fault(*line, name, kind);
        }
    }

    fn finish(&mut self, event: &Event) {
        // A file of very many dates is told of once, and not written out.
        if event.broken || event.cancelled || self.written > MOST_DATES {
            return;
        }
        let Some(start) = event.start else {
            return self.fault(event.line, "DTSTART", FaultKind::NoStart);
        };
        let length = match (event.end, event.length) {
            // Some programs write the same date for an event of one day.
            (Some((_, end)), _) if end == start => 1,
            (Some((line, end)), _) if end < start => {
                return self.fault(line, "DTEND", FaultKind::EndsBeforeStart);
            }
            (Some((_, end)), _) => (end - start).get_days(),
            (None, Some((line, length))) => match length.get_days() {
                days if days > 0 => days,
                _ => return self.fault(line, "DURATION", FaultKind::EndsBeforeStart),
            },
            (None, None) => 1,
        };
        let rule = event.rule;
        let until = rule
            .and_then(|rule| rule.until)
            .unwrap_or(self.last)
            .min(self.last);
        let count = rule.map_or(1, |rule| rule.count.unwrap_or(u32::MAX));
        let years = rule.map_or(0, |rule| rule.years);
        // A date that a year has not (29 February) is left out, and not counted.
        let repeated = (0..i16::MAX)
            .map_while(|n| start.year().checked_add(years.checked_mul(n)?))
            .take_while(|year| *year <= until.year())
            .filter_map(|year| Date::new(year, start.month(), start.day()).ok())
            .take_while(|date| rule.is_none() || *date <= until)
            .take(usize::try_from(count).unwrap_or(usize::MAX));
        let starts: BTreeSet<Date> = repeated.chain(event.also.iter().copied()).collect();
        for start in starts.difference(&event.except) {
            for n in 0..length {
                let Ok(date) = start.checked_add(n.days()) else {
                    break;
                };
                self.written += 1;
                if self.written > MOST_DATES {
                    return self.fault(event.line, "VEVENT", FaultKind::TooManyDates);
                }
                if self.imported.add(date, event.day.clone()).is_err() {
                    return self.fault(event.line, "VEVENT", FaultKind::Contradiction);
                }
            }
        }
    }
}

/// Content lines with the number of the first of the lines they were folded into. Bytes, since a fold may part those of
/// one character.
fn unfold(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    let mut lines: Vec<(u32, Vec<u8>)> = Vec::new();
    for (number, line) in (1..).zip(file.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.split_first(), lines.last_mut()) {
            (Some((b' ' | b'\t', rest)), Some((_, last))) => last.extend_from_slice(rest),
            (Some(_), _) => lines.push((number, line.to_vec())),
            (None, _) => {}
        }
    }
    lines
}

fn content(line: u32, text: &str) -> Option<Content<'_>> {
    let mut quoted = false;
    let colon = text.find(|c| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })?;
    let (head, value) = (text.get(..colon)?, text.get(colon + 1..)?);
    let name = head.split(';').next()?.trim().to_ascii_uppercase();
    Some(Content { line, name, value })
}

/// A `DATE`: eight digits.
fn date(value: &str) -> Result<Date, FaultKind> {
    let value = value.trim();
    if value.len() > 8 && value.get(8..9) == Some("T") {
        return Err(FaultKind::NotAllDay);
    }
    let number = |range| {
        value
            .get(range)
            .and_then(|digits: &str| digits.parse::<i16>().ok())
    };
    let digits = value.len() == 8 && value.bytes().all(|byte| byte.is_ascii_digit());
    let date = || {
        let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    digits.then(date).flatten().ok_or(FaultKind::NotADate)
}

fn dates(value: &str) -> Result<Vec<Date>, FaultKind> {
    value.split(',').map(date).collect()
}

/// A `DURATION` of whole days or weeks.
fn days(value: &str) -> Result<Span, FaultKind> {
    let value = value.trim();
    let (number, unit) = value
        .strip_prefix('+')
        .unwrap_or(value)
        .strip_prefix('P')
        .and_then(|text| text.split_at_checked(text.len().checked_sub(1)?))
        .ok_or(FaultKind::NotAllDay)?;
    let days = match unit {
        "D" => 1,
        "W" => 7,
        _ => return Err(FaultKind::NotAllDay),
    };
    let number: i32 = number.parse().map_err(|_| FaultKind::NotAllDay)?;
    Span::new()
        .try_days(number.saturating_mul(days))
        .map_err(|_| FaultKind::NotAllDay)
}

fn rule(value: &str) -> Result<Rule, FaultKind> {
    let mut rule = Rule {
        years: 1,
        count: None,
        until: None,
    };
    let mut yearly = false;
    for part in value.trim().split(';') {
        let (name, value) = part.split_once('=').ok_or(FaultKind::UnsupportedRule)?;
        match name.to_ascii_uppercase().as_str() {
            "FREQ" => yearly = value.eq_ignore_ascii_case("YEARLY"),
            "INTERVAL" => rule.years = positive(value)?,
            "COUNT" => rule.count = Some(positive(value)?),
            // A date, or an instant of which the date is near enough for whole days.
            "UNTIL" => rule.until = Some(date(value.get(..8).unwrap_or(value))?),
            "WKST" => {}
            _ => return Err(FaultKind::UnsupportedRule),
        }
    }
    yearly.then_some(rule).ok_or(FaultKind::UnsupportedRule)
}

fn positive<T: std::str::FromStr + PartialOrd + Default>(value: &str) -> Result<T, FaultKind> {
    let number: Option<T> = value.parse().ok();
    number
        .filter(|number| *number > T::default())
        .ok_or(FaultKind::UnsupportedRule)
}

/// A `TEXT` as it is meant.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            (plain, false) => text.push(plain),
        }
    }
    text
}
