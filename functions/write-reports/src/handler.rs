//! Which reports are due, and what becomes of each.

use std::collections::BTreeSet;
use std::iter::successors;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use resound_domain::form::{Form, FormId};
use resound_domain::nps::Period;
use resound_domain::policy::Audience;
use resound_domain::report::{Kind, ReportId};
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::mail::{Mailbox, Mailer, SendError};
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Fault, Function, Invocation, timing};
use resound_messages::Tick;
use resound_sinks::{Recipients, SinkKind};
use resound_store::{
    AddedReport, Claim, ConfigKind, Lease, Medium, Outcome, Recipient, Recorded, Report,
    ReportNoticeKey, Rules, Store, StoreError,
};
use serde::Serialize;
use serde_json::Value;

use crate::Config;
use crate::gather::Gather;
use crate::letter::Letter;

/// When a report is due, on the day after its period.
const DUE: Time = Time::constant(6, 0, 0, 0);

/// So long after it was due a report that cannot be written is late.
const LATE: SignedDuration = SignedDuration::from_hours(6);

/// Of a report that was due longer ago nobody is told any more: it is no news.
const NEWS: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How many periods back are written if they were missed, and looked at again for corrections.
const fn looks_back(kind: Kind) -> usize {
    match kind {
        Kind::Weekly => 5,
        Kind::Monthly => 3,
    }
}

/// No report is begun with less time than this: one of many responses takes minutes.
const RESERVE: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
    mailer: Mailer,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Wrote {
    /// Reports of which the first edition was written.
    pub written: u64,
    /// Reports of which another edition was written.
    pub corrected: u64,
    /// Letters that went out.
    pub told: u64,
    /// Reports that are due and wait for a night.
    pub waiting: u64,
    /// Those of them that are late.
    pub late: u64,
    /// Whether work is left for the next run.
    pub unfinished: bool,
}

/// A survey in one run.
struct Survey<'a> {
    form: &'a FormId,
    zone: TimeZone,
    now: Timestamp,
    invocation: &'a Invocation,
    /// How much time there was when the run began.
    allowed: Duration,
}

/// Somebody who gets letters, under the name that the ledger keeps them.
struct Reader {
    medium: Medium,
    to: Mailbox,
    letter: Letter,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        Self {
            rules: Rules::new(store.clone(), config.calendars.clone(), Vec::new()),
            mailer: clients.mailer.clone(),
            store,
            config,
        }
    }

    fn zone(&self, form: &Form) -> TimeZone {
        form.time_zone().unwrap_or_else(|| self.config.zone.clone())
    }

    async fn survey(&self, survey: &Survey<'_>, wrote: &mut Wrote) -> Result<(), Fault> {
        for kind in Kind::ALL {
            let latest = latest_due(kind, survey.now, &survey.zone);
            let before = |(period, _): &(Period, Timestamp)| {
                let before = period.previous()?;
                Some((before, due_at(before, &survey.zone)?))
            };
            let periods = successors(latest, before).take(looks_back(kind));
            let mut periods: Vec<_> = periods.enumerate().collect();
            // The oldest first: whether a period in which nobody wrote has a report depends on the one before.
            periods.reverse();
            for (back, (period, due)) in periods {
                let Some(id) = ReportId::of_day(kind, period.first(), survey.form.clone()) else {
                    continue;
                };
                if survey.invocation.time_left() < RESERVE {
                    wrote.unfinished = true;
                    return Ok(());
                }
                let report = self.report(survey, &id, due, back > 0, wrote).await?;
                if let Some(report) = report
                    && survey.now.duration_since(due) < NEWS
                {
                    self.tell(survey, &report, wrote).await?;
                }
            }
        }
        Ok(())
    }

    /// Writes a report if it is due and not written, or corrects it; gives its last edition. `earlier` is one that is followed by
    /// another: of these the last edition is only looked at in the morning.
    async fn report(
        &self,
        survey: &Survey<'_>,
        id: &ReportId,
        due: Timestamp,
        earlier: bool,
        wrote: &mut Wrote,
    ) -> Result<Option<Report>, Fault> {
        let morning = survey.now.to_zoned(survey.zone.clone()).hour() == DUE.hour();
        if earlier && !morning {
            return Ok(None);
        }
        let read = |what: &'static str| move |error: StoreError| Fault::doing(what, error);
        let last = self
            .store
            .report(id)
            .await
            .map_err(read("read the report"))?;
        if last.is_some() && !morning {
            return Ok(last);
        }
        let counted = self.store.watermark(survey.form).await;
        let counted = counted.map_err(read("read the watermark"))?;
        // Before the first night of all there is nothing to report of, and nothing is late.
        let Some(counted) = counted else {
            return Ok(last);
        };
        if counted.day < id.period().last() {
            wrote.waiting += 1;
            let late = !earlier && survey.now.duration_since(due) >= LATE;
            wrote.late += u64::from(late);
            if late {
                tracing::error!(report = %id, "a report is late: the nights of its days are not counted");
            }
            return Ok(last);
        }
        let gather = Gather {
            store: &self.store,
            rules: &self.rules,
            invocation: survey.invocation,
        };
        let basis = gather.all(survey.form, id.period()).await;
        let basis = basis.map_err(read("read the tallies"))?;
        if last.as_ref().is_some_and(|last| last.basis == basis) {
            return Ok(last);
        }
        // Nobody wrote: that is worth a report where there was one before, and else the survey was not there yet.
        if last.is_none() && basis.responses == 0 && !self.follows_another(id).await? {
            return Ok(None);
        }
        // The list of priorities is of the time at which it is made: a later edition takes it over, and a report that was missed has none.
        let priorities = match &last {
            Some(last) => last.numbers.priorities().cloned(),
            None if earlier || id.kind() != Kind::Monthly => None,
            None => {
                let list = gather.priorities().await;
                Some(list.map_err(read("read the issues"))?)
            }
        };
        let numbers = gather.numbers(id, due, &survey.zone, priorities).await;
        let numbers = numbers.map_err(read("gather the numbers"))?;
        if last.as_ref().is_some_and(|last| last.numbers == numbers) {
            return Ok(last);
        }
        let edition = last
            .as_ref()
            .map_or(1, |last| last.edition.saturating_add(1));
        let report = Report {
            id: id.clone(),
            edition,
            as_of: counted.as_of,
            zone: survey.zone.iana_name().unwrap_or("UTC").to_owned(),
            basis,
            numbers,
        };
        let added = self.store.add_report(&report).await;
        match added.map_err(read("write the report"))? {
            AddedReport::Added => {
                let counter = if edition == 1 {
                    &mut wrote.written
                } else {
                    &mut wrote.corrected
                };
                *counter += 1;
                tracing::info!(report = %id, edition, "a report was written");
                Ok(Some(report))
            }
            // Another run was first; what it wrote is the report.
            AddedReport::Exists => self.store.report(id).await.map_err(read("read the report")),
        }
    }

    /// Whether the period before has a report.
    async fn follows_another(&self, id: &ReportId) -> Result<bool, Fault> {
        let before = id.period().previous();
        let before = before
            .and_then(|before| ReportId::of_day(id.kind(), before.first(), id.survey().clone()));
        let Some(before) = before else {
            return Ok(false);
        };
        let report = self.store.report(&before).await;
        let report = report.map_err(|error| Fault::doing("read the report before", error))?;
        Ok(report.is_some())
    }

    /// Tells everybody of a report whom nobody has told. At least once.
    async fn tell(
        &self,
        survey: &Survey<'_>,
        report: &Report,
        wrote: &mut Wrote,
    ) -> Result<(), Fault> {
        let Some(from) = &self.config.from else {
            return Ok(());
        };
        let told = self.store.report_told(&report.id).await;
        let told: BTreeSet<Medium> =
            told.map_err(|error| Fault::doing("read the ledger", error))?;
        for reader in self.readers().await? {
            if told.contains(&reader.medium) {
                continue;
            }
            if survey.invocation.time_left() < RESERVE {
                wrote.unfinished = true;
                return Ok(());
            }
            let names = self.store.names_in(&report.numbers).await;
            let names = names.map_err(|error| Fault::doing("read the names", error))?;
            let letter = reader.letter.mail(report, &names, from, &reader.to);
            wrote.told += u64::from(self.send(survey, report, &reader, letter).await?);
        }
        Ok(())
    }

    /// Sends one letter, unless that was done or is being done; whether it went out.
    async fn send(
        &self,
        survey: &Survey<'_>,
        report: &Report,
        reader: &Reader,
        letter: resound_lambda_kit::mail::Mail,
    ) -> Result<bool, Fault> {
        let key = ReportNoticeKey {
            id: report.id.clone(),
            recipient: Recipient::Staff(Audience::Manager),
            medium: reader.medium,
        };
        // A run may have taken minutes by now, and a lease is short.
        let invocation = survey.invocation;
        let passed = survey.allowed.saturating_sub(invocation.time_left());
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let passed = SignedDuration::from_millis(passed);
        let now = invocation
            .machine_now
            .saturating_add(passed)
            .unwrap_or(Timestamp::MAX);
        let holder = format!("{}/{}", invocation.request_id, report.id);
        let ledger = |error: StoreError| Fault::doing("claim the notice", error);
        let lease = timing::NOTICE_LEASE;
        let claim = self
            .store
            .claim(key, &holder, now, lease)
            .await
            .map_err(ledger)?;
        let claim = match claim {
            Claim::Abandoned(lost) => {
                let taken = self.store.take_over(&lost, &holder, now, lease).await;
                taken.map_err(ledger)?
            }
            claim => claim,
        };
        let Claim::Fresh(lease) = claim else {
            return Ok(false);
        };
        let outcome = match self.mailer.send(&letter, now).await {
            Ok(id) => Outcome::Sent {
                provider_id: Some(id),
            },
            Err(SendError::Refused(reason)) => {
                invocation.metrics.count(Counter::AlertsFailed, 1);
                tracing::error!(report = %report.id, medium = reader.medium.name(), reason, "a report was refused");
                Outcome::Refused
            }
            Err(SendError::NotSent(reason)) => return Err(self.give_back(&lease, reason).await),
            // It may have arrived. The lease runs out, and the next run sends it again.
            Err(SendError::Unknown(reason)) => return Err(Fault::new(reason)),
        };
        let sent = matches!(outcome, Outcome::Sent { .. });
        let recorded = self.store.record(&lease, &outcome, now).await;
        match recorded.map_err(|error| Fault::doing("record the notice", error))? {
            Recorded::Recorded => {}
            Recorded::Superseded => {
                tracing::warn!(report = %report.id, "another run sent the same letter");
            }
        }
        if sent {
            invocation.metrics.count(Counter::AlertsSent, 1);
        }
        Ok(sent)
    }

    async fn give_back(&self, lease: &Lease, reason: String) -> Fault {
        match self.store.release(lease).await {
            Ok(Recorded::Recorded | Recorded::Superseded) => Fault::new(reason),
            Err(error) => Fault::doing("give back the notice", error),
        }
    }

    /// Who is written to: the mailboxes of the managers in the published recipients, or of who stands in for them; else the
    /// variable.
    async fn readers(&self) -> Result<Vec<Reader>, Fault> {
        let reach = self.config.reach;
        let read = |document: Value| Recipients::read(&document, reach, None);
        let published = self.store.latest_config_by(ConfigKind::Recipients, read);
        let published = published.await;
        let published = published.map_err(|error| Fault::doing("read the recipients", error))?;
        let letter = |locale, zone: &TimeZone| Letter {
            locale,
            zone: zone.clone(),
            public_url: self.config.public_url.clone(),
        };
        let found = published
            .as_ref()
            .and_then(|(_, recipients)| recipients.find(Audience::Manager));
        let Some((_, recipient)) = found else {
            let manager = self.config.manager.clone();
            return Ok(manager
                .into_iter()
                .map(|to| Reader {
                    medium: Medium::EMAIL,
                    to,
                    letter: letter(self.config.locale, &self.config.zone),
                })
                .collect());
        };
        let mut readers = Vec::new();
        for sink in &recipient.sinks {
            if let SinkKind::Email { to } = &sink.kind {
                let medium = sink.name.parse();
                readers.push(Reader {
                    medium: medium.map_err(|error| Fault::doing("read a sink", error))?,
                    to: to.clone(),
                    letter: letter(recipient.locale, &recipient.zone),
                });
            }
        }
        Ok(readers)
    }
}

/// The last period of which the report is due at `now`, and when it was.
fn latest_due(kind: Kind, now: Timestamp, zone: &TimeZone) -> Option<(Period, Timestamp)> {
    let today = now.to_zoned(zone.clone()).date();
    let mut period = kind.window().period(today)?;
    // The one before this, or if that is not due yet this morning, the one before that.
    for _ in 0..2 {
        period = period.previous()?;
        let due = due_at(period, zone)?;
        if due <= now {
            return Some((period, due));
        }
    }
    None
}

/// When the report of a period is due. An hour that the clock skips is where it goes on.
fn due_at(period: Period, zone: &TimeZone) -> Option<Timestamp> {
    let day = period.last().tomorrow().ok()?;
    zone.to_timestamp(day.to_datetime(DUE)).ok()
}

impl Function for App {
    const NAME: &'static str = "write-reports";
    type Event = Tick;
    type Output = Wrote;

    /// One survey that fails does not stop the others; the run then fails at its end and is tried again.
    async fn handle(&self, tick: Tick, invocation: &Invocation) -> Result<Wrote, Fault> {
        let allowed = invocation.time_left();
        let forms = self.rules.forms(invocation.machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let mut wrote = Wrote::default();
        let mut failed = Vec::new();
        for form in forms.iter() {
            let survey = Survey {
                form: &form.id,
                zone: self.zone(form),
                now: tick.time,
                invocation,
                allowed,
            };
            if let Err(fault) = self.survey(&survey, &mut wrote).await {
                failed.push(format!("{}: {fault}", form.id));
            }
        }
        let Wrote {
            written,
            corrected,
            told,
            waiting,
            late,
            unfinished,
        } = wrote;
        tracing::info!(written, corrected, told, waiting, late, unfinished, "wrote");
        invocation
            .metrics
            .count(Counter::ReportsWritten, written + corrected);
        invocation.metrics.count(Counter::ReportsLate, late);
        if unfinished {
            tracing::warn!("the rest is left for the next run");
        }
        if failed.is_empty() {
            return Ok(wrote);
        }
        Err(Fault::new(format!(
            "the reports of {} surveys are not done: {}",
            failed.len(),
            failed.join("; ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(kind: Kind, now: &str, zone: &str) -> (String, String) {
        let zone = TimeZone::get(zone).unwrap();
        let (period, due) = latest_due(kind, now.parse().unwrap(), &zone).unwrap();
        (period.to_string(), due.to_string())
    }

    #[test]
    fn reports_are_due_at_six_in_the_zone_of_the_survey() {
        for (kind, now, zone, period, at) in [
            (
                Kind::Weekly,
                "2026-11-22T21:59:59Z",
                "Asia/Shanghai",
                "2026-W46",
                "2026-11-15T22:00:00Z",
            ),
            (
                Kind::Weekly,
                "2026-11-22T22:00:00Z",
                "Asia/Shanghai",
                "2026-W47",
                "2026-11-22T22:00:00Z",
            ),
            (
                Kind::Weekly,
                "2026-11-29T12:00:00Z",
                "Asia/Shanghai",
                "2026-W47",
                "2026-11-22T22:00:00Z",
            ),
            (
                Kind::Weekly,
                "2026-11-23T06:00:00Z",
                "America/New_York",
                "2026-W46",
                "2026-11-16T11:00:00Z",
            ),
            (
                Kind::Monthly,
                "2026-11-30T22:00:00Z",
                "Asia/Shanghai",
                "2026-11",
                "2026-11-30T22:00:00Z",
            ),
            (
                Kind::Monthly,
                "2026-11-30T21:59:59Z",
                "Asia/Shanghai",
                "2026-10",
                "2026-10-31T22:00:00Z",
            ),
            (
                Kind::Monthly,
                "2027-01-15T00:00:00Z",
                "Asia/Shanghai",
                "2026-12",
                "2026-12-31T22:00:00Z",
            ),
        ] {
            assert_eq!(
                due(kind, now, zone),
                (period.to_owned(), at.to_owned()),
                "{now}"
            );
        }
        let zone = TimeZone::UTC;
        assert_eq!(latest_due(Kind::Weekly, Timestamp::MIN, &zone), None);
    }
}
