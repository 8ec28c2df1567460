//! The rules a company set: its forms, policy and calendar, as far as a function needs them.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar::{BusinessCalendar, Calendars};
use resound_domain::form::Forms;
use resound_domain::policy::Policy;
use serde::de::DeserializeOwned;

use crate::{ConfigKind, Store, StoreError};

/// How long, in machine time, a document is used before it is read again.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// The rules of a company: the latest that it published and this code can read, or else the defaults. A published
/// change is used within a minute.
#[derive(Debug)]
pub struct Rules {
    store: Store,
    origins: Vec<String>,
    builtin_calendars: Arc<Calendars>,
    forms: Cached<Forms>,
    policy: Cached<Policy>,
    calendars: Cached<Calendars>,
}

/// A document that is read again after a minute of machine time.
#[derive(Debug)]
pub struct Cached<T>(Mutex<Option<(Timestamp, Arc<T>)>>);

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Cached<T> {
    /// What was read within the last minute, if anything was.
    pub fn get(&self, machine_now: Timestamp) -> Option<Arc<T>> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, value) = slot.as_ref()?;
        let age = machine_now.duration_since(*read_at);
        (age < FRESH).then(|| Arc::clone(value))
    }

    /// Keeps what was just read.
    pub fn put(&self, machine_now: Timestamp, value: Arc<T>) -> Arc<T> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some((machine_now, Arc::clone(&value)));
        value
    }
}

impl Rules {
    /// The rules kept in this table. `calendars` are the business hours while none are published, and pages of
    /// `origins` may post to the default form while the published forms name no origins for it.
    pub fn new(store: Store, calendars: Calendars, origins: Vec<String>) -> Self {
        Self {
            store,
            origins,
            builtin_calendars: Arc::new(calendars),
            forms: Cached::default(),
            policy: Cached::default(),
            calendars: Cached::default(),
        }
    }

    /// The forms of the company; the default form is always among them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn forms(&self, machine_now: Timestamp) -> Result<Arc<Forms>, StoreError> {
        if let Some(forms) = self.forms.get(machine_now) {
            return Ok(forms);
        }
        let forms: Option<Forms> = self.published(ConfigKind::Form).await?;
        let forms = forms
            .unwrap_or_default()
            .with_default_origins(&self.origins);
        Ok(self.forms.put(machine_now, Arc::new(forms)))
    }

    /// The SLA policy of the company.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn policy(&self, machine_now: Timestamp) -> Result<Arc<Policy>, StoreError> {
        if let Some(policy) = self.policy.get(machine_now) {
            return Ok(policy);
        }
        let policy = self
            .published(ConfigKind::Policy)
            .await?
            .unwrap_or_default();
        Ok(self.policy.put(machine_now, Arc::new(policy)))
    }

    /// The calendars clocks run on.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn calendars(&self, machine_now: Timestamp) -> Result<Arc<Calendars>, StoreError> {
        if let Some(calendars) = self.calendars.get(machine_now) {
            return Ok(calendars);
        }
        let published = self.published::<BusinessCalendar>(ConfigKind::Calendar);
        let calendars = match published.await? {
            Some(hours) => Arc::new(Calendars::new(hours)),
            None => Arc::clone(&self.builtin_calendars),
        };
        Ok(self.calendars.put(machine_now, calendars))
    }

    async fn published<T: DeserializeOwned>(
        &self,
        kind: ConfigKind,
    ) -> Result<Option<T>, StoreError> {
        let latest = self.store.latest_config(kind).await?;
        Ok(latest.map(|(_, document)| document))
    }
}
