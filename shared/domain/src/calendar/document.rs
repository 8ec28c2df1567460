//! Reading the JSON document of a calendar so that every fault is found and has a line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::business::BusinessCalendar;
use super::fault::{Fault, FaultKind, InvalidCalendar, MOST_DATES, MOST_FAULTS};
use super::hours::{Country, Definition, Interval, TimeOfDay, Week};
use super::import::{Day, Imported};

impl BusinessCalendar {
    /// The calendar that a JSON document defines: a [`Definition`], in which nothing unknown may stand.
    ///
    /// # Errors
    /// [`InvalidCalendar`]: every fault, with its line.
    pub fn parse(text: &str) -> Result<Self, InvalidCalendar> {
        let mut reader = Reader::new(text);
        let definition = reader
            .root()
            .map(|root| reader.definition(root, |_, _, _, _| false));
        InvalidCalendar::unless_none(reader.faults_found())?;
        let definition = definition.unwrap_or_default();
        Self::try_from(definition).map_err(|faults| faults.with_lines(|path| reader.line(path)))
    }
}

/// A calendar as somebody sends it to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The calendar, with the dates that were sent along.
    pub calendar: BusinessCalendar,
    /// When it is to begin, if that was said.
    pub active_from: Option<Timestamp>,
}

impl Draft {
    /// Reads a JSON document: the members of a [`Definition`], and `active_from`, and `import`: the text of an
    /// iCalendar file, or a list as [`Imported::from_json`] reads it, whose dates are added as [`Definition::keep`]
    /// says. Events that repeat are written out as [`Imported::from_icalendar`] says. Faults of a file have its own
    /// lines, and `/import` before the property.
    ///
    /// # Errors
    /// [`InvalidCalendar`]: every fault, with its line.
    pub fn parse(text: &str, last_year: i16) -> Result<Self, InvalidCalendar> {
        let mut reader = Reader::new(text);
        let (mut active_from, mut imported) = (None, Imported::default());
        let definition = reader.root().map(|root| {
            reader.definition(root, |reader, path, name, value| {
                match name {
                    "active_from" => active_from = reader.instant(path, value),
                    "import" => imported = reader.import(path, value, last_year),
                    _ => return false,
                }
                true
            })
        });
        InvalidCalendar::unless_none(reader.faults_found())?;
        let mut definition = definition.unwrap_or_default();
        definition.keep(&imported);
        let calendar = BusinessCalendar::try_from(definition)
            .map_err(|faults| faults.with_lines(|path| reader.line(path)))?;
        Ok(Self {
            calendar,
            active_from,
        })
    }
}

impl Imported {
    /// Reads a JSON list of dates off: `["2026-10-01", {"date": "2026-10-10", "name": "国庆节", "works": true}]`. A date that
    /// `works` is a working day instead.
    ///
    /// # Errors
    /// [`InvalidCalendar`]: every fault, with its line.
    pub fn from_json(text: &str) -> Result<Self, InvalidCalendar> {
        let mut reader = Reader::new(text);
        let imported = reader.root().map(|root| reader.days("", root));
        InvalidCalendar::unless_none(reader.faults_found())?;
        Ok(imported.unwrap_or_default())
    }
}

/// Reads a document and notes what is wrong with it, and where each of its values stands.
struct Reader<'a> {
    text: &'a str,
    /// The byte at which the value of a path begins.
    offsets: BTreeMap<String, usize>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            offsets: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    fn line(&self, path: &str) -> Option<u32> {
        let before = self.text.get(..*self.offsets.get(path)?)?;
        u32::try_from(before.matches('\n').count() + 1).ok()
    }

    fn fault(&mut self, path: &str, kind: FaultKind) {
        // Each costs a look at the text up to it.
        if self.faults.len() >= MOST_FAULTS {
            return;
        }
        self.faults.push(Fault {
            line: self.line(path),
            path: path.to_owned(),
            kind,
        });
    }

    fn faults_found(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    fn note(&mut self, path: &str, value: &RawValue) {
        // Values are slices of the text.
        let offset = (value.get().as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        self.offsets.insert(path.to_owned(), offset);
    }

    fn root(&mut self) -> Option<&'a RawValue> {
        match serde_json::from_str::<&RawValue>(self.text) {
            Ok(root) => {
                self.note("", root);
                Some(root)
            }
            Err(error) => {
                let line = u32::try_from(error.line()).ok();
                self.faults.push(Fault {
                    line,
                    path: String::new(),
                    kind: FaultKind::NotJson,
                });
                None
            }
        }
    }

    fn object(&mut self, path: &str, value: &'a RawValue) -> Vec<(String, String, &'a RawValue)> {
        let mut json = serde_json::Deserializer::from_str(value.get());
        let Ok(entries) = json.deserialize_map(Entries) else {
            self.fault(path, FaultKind::NotAnObject);
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let mut fields = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.note(&path, value);
            if seen.insert(name.clone()) {
                fields.push((path, name, value));
            } else {
                self.fault(&path, FaultKind::RepeatedField);
            }
        }
        fields
    }

    fn list(&mut self, path: &str, value: &'a RawValue) -> Vec<(String, &'a RawValue)> {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            self.fault(path, FaultKind::NotAList);
            return Vec::new();
        };
        let numbered = items.into_iter().enumerate();
        let items: Vec<_> = numbered
            .map(|(n, item)| (format!("{path}/{n}"), item))
            .collect();
        for (path, item) in &items {
            self.note(path, item);
        }
        items
    }

    fn string(&mut self, path: &str, value: &RawValue) -> Option<String> {
        let text = serde_json::from_str(value.get()).ok();
        if text.is_none() {
            self.fault(path, FaultKind::NotAString);
        }
        text
    }

    /// `beside` reads members that are no part of a definition, and says whether a member is one.
    fn definition(
        &mut self,
        root: &'a RawValue,
        mut beside: impl FnMut(&mut Self, &str, &str, &'a RawValue) -> bool,
    ) -> Definition {
        let mut definition = Definition::default();
        let mut zone = None;
        let fields = self.object("", root);
        let is_object = root.get().starts_with('{');
        for (path, name, value) in fields {
            match name.as_str() {
                "tz" => {
                    zone = Some(());
                    definition.tz = self.string(&path, value).unwrap_or_default();
                }
                "hours" => definition.hours = self.week(&path, value),
                "weekly_breaks" => definition.weekly_breaks = self.week(&path, value),
                "shifts" => definition.shifts = self.dated(&path, value),
                "breaks" => definition.breaks = self.dated(&path, value),
                "holidays" => definition.holidays = self.dates(&path, value),
                "public_holidays" => definition.public_holidays = self.country(&path, value),
                "make_up_hours" => definition.make_up_hours = self.intervals(&path, value),
                _ => {
                    if !beside(self, &path, &name, value) {
                        self.fault(&path, FaultKind::UnknownField);
                    }
                }
            }
        }
        if is_object && zone.is_none() {
            self.fault("", FaultKind::NoZone);
        }
        definition
    }

    fn week(&mut self, path: &str, value: &'a RawValue) -> Week {
        let mut week = Week::default();
        for (path, name, value) in self.object(path, value) {
            let Some(place) = Week::NAMES.iter().position(|weekday| *weekday == name) else {
                self.fault(&path, FaultKind::UnknownField);
                continue;
            };
            let intervals = self.intervals(&path, value);
            if let Some(day) = week.days_mut().into_iter().nth(place) {
                *day = intervals;
            }
        }
        week
    }

    fn dated(&mut self, path: &str, value: &'a RawValue) -> BTreeMap<Date, Vec<Interval>> {
        let mut dated = BTreeMap::new();
        for (path, name, value) in self.object(path, value) {
            let intervals = self.intervals(&path, value);
            match date(&name) {
                Some(date) => {
                    dated.insert(date, intervals);
                }
                None => self.fault(&path, FaultKind::NotADate),
            }
        }
        dated
    }

    fn dates(&mut self, path: &str, value: &'a RawValue) -> BTreeSet<Date> {
        let items = self.list(path, value);
        items
            .into_iter()
            .filter_map(|(path, item)| self.date(&path, item))
            .collect()
    }

    fn date(&mut self, path: &str, value: &RawValue) -> Option<Date> {
        let date = date(&self.string(path, value)?);
        if date.is_none() {
            self.fault(path, FaultKind::NotADate);
        }
        date
    }

    fn country(&mut self, path: &str, value: &RawValue) -> Option<Country> {
        self.string(path, value)?;
        let country = serde_json::from_str(value.get()).ok();
        if country.is_none() {
            self.fault(path, FaultKind::UnknownCountry);
        }
        country
    }

    fn intervals(&mut self, path: &str, value: &'a RawValue) -> Vec<Interval> {
        let items = self.list(path, value);
        items
            .into_iter()
            .filter_map(|(path, item)| self.interval(&path, item))
            .collect()
    }

    fn interval(&mut self, path: &str, value: &'a RawValue) -> Option<Interval> {
        let Ok([from, to]) = serde_json::from_str::<[&RawValue; 2]>(value.get()) else {
            self.fault(path, FaultKind::NotAnInterval);
            return None;
        };
        let mut time = |n: u8, value: &RawValue| {
            let path = format!("{path}/{n}");
            self.note(&path, value);
            let time = self.string(&path, value)?.parse::<TimeOfDay>().ok();
            if time.is_none() {
                self.fault(&path, FaultKind::NotATime);
            }
            time
        };
        let (from, to) = (time(0, from), time(1, to));
        Some(Interval {
            from: from?,
            to: to?,
        })
    }

    fn instant(&mut self, path: &str, value: &RawValue) -> Option<Timestamp> {
        if value.get() == "null" {
            return None;
        }
        let instant = self.string(path, value)?.parse().ok();
        if instant.is_none() {
            self.fault(path, FaultKind::NotAnInstant);
        }
        instant
    }

    fn import(&mut self, path: &str, value: &'a RawValue, last_year: i16) -> Imported {
        if value.get().starts_with('[') {
            return self.days(path, value);
        }
        let Ok(file) = serde_json::from_str::<String>(value.get()) else {
            self.fault(path, FaultKind::NotAnImport);
            return Imported::default();
        };
        Imported::from_icalendar(file.as_bytes(), last_year).unwrap_or_else(|invalid| {
            let faults = invalid.faults().iter().take(MOST_FAULTS);
            self.faults.extend(faults.map(|fault| Fault {
                path: match fault.path.as_str() {
                    "" => path.to_owned(),
                    property => format!("{path} {property}"),
                },
                ..fault.clone()
            }));
            Imported::default()
        })
    }

    fn days(&mut self, path: &str, list: &'a RawValue) -> Imported {
        let mut imported = Imported::default();
        for (path, item) in self.list(path, list) {
            let Some((date, day)) = self.imported(&path, item) else {
                continue;
            };
            if imported.add(date, day).is_err() {
                self.fault(&path, FaultKind::Contradiction);
            }
        }
        if imported.days().len() > MOST_DATES {
            self.fault(path, FaultKind::TooManyDates);
        }
        imported
    }

    fn imported(&mut self, path: &str, value: &'a RawValue) -> Option<(Date, Day)> {
        let mut day = Day::default();
        if !value.get().starts_with('{') {
            return Some((self.date(path, value)?, day));
        }
        let mut date = None;
        for (path, name, value) in self.object(path, value) {
            match name.as_str() {
                "date" => date = Some(self.date(&path, value)),
                "name" => day.name = self.string(&path, value)?,
                "works" => match serde_json::from_str(value.get()) {
                    Ok(works) => day.works = works,
                    Err(_) => self.fault(&path, FaultKind::NotABoolean),
                },
                _ => self.fault(&path, FaultKind::UnknownField),
            }
        }
        if date.is_none() {
            self.fault(path, FaultKind::NotADate);
        }
        Some((date??, day))
    }
}

/// A date as `YYYY-MM-DD` and in no other way.
fn date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// The fields of an object as they stand, repeated ones too.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}
