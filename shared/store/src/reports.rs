//! Reports: numbers that are frozen, in editions that follow each other.

use std::collections::BTreeSet;

use futures::stream::TryStreamExt;
use futures::try_join;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use resound_domain::form::FormId;
use resound_domain::report::{Kind, Names, Numbers, ReportId};
use resound_domain::response::Response;
use resound_domain::tally::Tally;

use crate::dynamo::{Query, Written, key_of, s};
use crate::item::{ReportItem, ResponseRecord, Stored, encode, read_entry, remark};
use crate::key::{Key, Medium, RawKey, report_partition, report_prefix};
use crate::schema::millis;
use crate::{Store, StoreError};

/// How many responses of a day are read at once, of each shard.
const PAGE: usize = 100;

/// How many editions of reports are read at once when they are listed. They are some ten KB each.
const LIST_PAGE: usize = 20;

/// An edition of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Which report.
    pub id: ReportId,
    /// From 1 up: a later one is there because what was counted has changed.
    pub edition: u32,
    /// Business time up to which the nights are in it.
    pub as_of: Timestamp,
    /// The zone of its days.
    pub zone: String,
    /// Everything of the period, by which the next run tells whether what was counted has changed. Not to be shown.
    pub basis: Tally,
    /// What it says.
    pub numbers: Numbers,
}

/// An edition in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which report.
    pub id: ReportId,
    /// Its last edition.
    pub edition: u32,
    /// Business time up to which the nights are in it.
    pub as_of: Timestamp,
}

/// What came of adding an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AddedReport {
    /// It is there.
    Added,
    /// There is one of this number already, of another run.
    Exists,
}

impl Store {
    /// Adds an edition, on condition that there is none of its number. Repeating it after a lost answer is harmless.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn add_report(&self, report: &Report) -> Result<AddedReport, StoreError> {
        let key = Key::Report {
            id: report.id.clone(),
            edition: report.edition,
        };
        let item = encode(&key, &ReportItem::of(report)?)?;
        Ok(match self.put_new(item.clone()).await? {
            Written::Done => AddedReport::Added,
            Written::Refused(there) if there.as_ref() == Some(&item) => AddedReport::Added,
            Written::Refused(_) => AddedReport::Exists,
        })
    }

    /// The last edition of a report; `None` before the first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn report(&self, id: &ReportId) -> Result<Option<Report>, StoreError> {
        let prefix = report_prefix(id);
        let query = Query::partition(report_partition(id.kind()))
            .range("begins_with(#SK, :prefix)")
            .value(":prefix", s(prefix))
            .descending()
            .limit(1);
        let page = self.query_page(&query, None).await?;
        page.items.into_iter().next().map(Report::read).transpose()
    }

    /// What staff call the issues and improvements that these numbers name, now. What cannot be read is passed over and logged.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn names_in(&self, numbers: &Numbers) -> Result<Names, StoreError> {
        if !numbers.need_names() {
            return Ok(Names::default());
        }
        let (issues, improvements) = try_join!(self.issues(), self.improvements())?;
        for error in issues.corrupt.iter().chain(&improvements.corrupt) {
            tracing::error!(%error, "a name was passed over");
        }
        Ok(Names::of(
            numbers,
            issues.issues.iter().map(|known| &known.issue),
            &improvements.improvements,
        ))
    }

    /// Of which media the ledger says what came of telling the staff of a report.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn report_told(&self, id: &ReportId) -> Result<BTreeSet<Medium>, StoreError> {
        let query = Query::partition(report_partition(id.kind()))
            .range("begins_with(#SK, :prefix)")
            .value(":prefix", s(format!("NOTICE#{}", report_prefix(id))));
        let mut told = BTreeSet::new();
        for item in self.query_all(&query).await? {
            let key = Key::decode(&key_of(&item));
            if let Ok(Key::ReportNotice(key)) = key
                && read_entry(item)?.outcome().is_some()
            {
                told.insert(key.medium);
            }
        }
        Ok(told)
    }

    /// The last edition of each report of a kind, the newest period first, of one survey or all; at most `limit` of them.
    /// What cannot be read is passed over and logged.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reports(
        &self,
        kind: Kind,
        survey: Option<&FormId>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        // Periods begin with a digit, and what the ledger has about reports with a letter.
        let query = Query::partition(report_partition(kind))
            .range("#SK < :letters")
            .value(":letters", s("A"))
            .descending()
            .limit(LIST_PAGE);
        let mut found: Vec<Listed> = Vec::new();
        let mut start = None;
        loop {
            let page = self.query_page(&query, start).await?;
            for item in page.items {
                let Ok(Key::Report { id, edition }) = Key::decode(&key_of(&item)) else {
                    continue;
                };
                let wanted = survey.is_none_or(|survey| id.survey() == survey);
                // Editions of one report follow each other, the last one first.
                if !wanted || found.last().is_some_and(|last| last.id == id) {
                    continue;
                }
                match Report::read(item) {
                    Ok(report) => found.push(Listed {
                        id,
                        edition,
                        as_of: report.as_of,
                    }),
                    Err(error) => tracing::error!(%error, "a report was passed over"),
                }
                if found.len() >= limit {
                    return Ok(found);
                }
            }
            if page.next.is_none() {
                return Ok(found);
            }
            start = page.next;
        }
    }

    /// Hands over every complaint to a survey on its local days `from..=to`, in no order, with a page of each shard in
    /// memory. Returns what cannot be read, each a [`StoreError::Corrupt`]: it hides no other. What was erased is not
    /// among them.
    ///
    /// The index lags; what was written in the last moments may be missing.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been handed over by then.
    pub async fn complaints(
        &self,
        survey: &FormId,
        (from, to): (Date, Date),
        mut each: impl FnMut(&Response),
    ) -> Result<Vec<StoreError>, StoreError> {
        let mut corrupt = Vec::new();
        for day in from.series(1.day()).take_while(|day| *day <= to) {
            let mut pages = self.day_pages(survey, day, PAGE);
            while let Some(rows) = pages.try_next().await? {
                let mut keys: Vec<RawKey> = Vec::new();
                for row in rows {
                    let key = key_of(&row);
                    match remark(row) {
                        Ok(remark) if remark.complaint => keys.push(key),
                        Ok(_) => {}
                        Err(error) => corrupt.push(error),
                    }
                }
                for item in self.get_all(&keys).await? {
                    match ResponseRecord::read(item) {
                        Ok(ResponseRecord::Kept { response, .. }) => each(&response),
                        Ok(ResponseRecord::Erased) => {}
                        Err(error) => corrupt.push(error),
                    }
                }
            }
        }
        Ok(corrupt)
    }
}

impl ReportItem {
    fn of(report: &Report) -> Result<Self, StoreError> {
        let numbers = serde_json::to_string(&report.numbers);
        Ok(Self {
            as_of: millis(report.as_of),
            zone: report.zone.clone(),
            basis: report.basis.clone(),
            numbers: numbers.map_err(|error| StoreError::Rejected(error.into()))?,
        })
    }
}
