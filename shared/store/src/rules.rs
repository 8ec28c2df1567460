//! The rules a company set: its forms, policy and calendar, as far as a function needs them.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::try_join;
use jiff::{SignedDuration, Timestamp};
use resound_domain::assignment::Assignment;
use resound_domain::book::Book;
use resound_domain::calendar::Calendars;
use resound_domain::form::Forms;
use resound_domain::targets::Targets;
use resound_domain::template::Templates;

use crate::{ConfigKind, Store, StoreError};

/// How long, in machine time, a document is used before it is read again.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// The rules of a company: what it published and this code can read, or else the defaults. A published change is known
/// within a minute; so what is to begin everywhere at once begins two minutes after it was published, or later.
#[derive(Debug)]
pub struct Rules {
    store: Store,
    origins: Vec<String>,
    builtin_calendars: Arc<Calendars>,
    forms: Cached<Forms>,
    book: Cached<Book>,
    assignment: Cached<Assignment>,
    targets: Cached<Targets>,
    templates: Cached<Templates>,
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
            book: Cached::default(),
            assignment: Cached::default(),
            targets: Cached::default(),
            templates: Cached::default(),
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
        let forms = self.store.latest_config::<Forms>(ConfigKind::Form).await?;
        let forms = forms
            .map(|(_, forms)| forms)
            .unwrap_or_default()
            .with_default_origins(&self.origins);
        Ok(self.forms.put(machine_now, Arc::new(forms)))
    }

    /// The policies and calendars of the company, with the instants from which they apply.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn book(&self, machine_now: Timestamp) -> Result<Arc<Book>, StoreError> {
        if let Some(book) = self.book.get(machine_now) {
            return Ok(book);
        }
        let (policies, calendars) = try_join(
            self.store.configs(ConfigKind::Policy),
            self.store.configs(ConfigKind::Calendar),
        )
        .await?;
        let book = Book::compile(Arc::clone(&self.builtin_calendars), policies, calendars);
        Ok(self.book.put(machine_now, Arc::new(book)))
    }

    /// Who gets a new case. Without such a document, or with one of no rules, nobody does.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn assignment(&self, machine_now: Timestamp) -> Result<Arc<Assignment>, StoreError> {
        if let Some(assignment) = self.assignment.get(machine_now) {
            return Ok(assignment);
        }
        let latest = self
            .store
            .latest_config::<Assignment>(ConfigKind::Assignment);
        let assignment = latest.await?.map(|(_, rules)| rules).unwrap_or_default();
        Ok(self.assignment.put(machine_now, Arc::new(assignment)))
    }

    /// What the company wants to reach.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn targets(&self, machine_now: Timestamp) -> Result<Arc<Targets>, StoreError> {
        if let Some(targets) = self.targets.get(machine_now) {
            return Ok(targets);
        }
        let latest = self.store.latest_config::<Targets>(ConfigKind::Targets);
        let targets = latest
            .await?
            .map(|(_, targets)| targets)
            .unwrap_or_default();
        Ok(self.targets.put(machine_now, Arc::new(targets)))
    }

    /// What customers are written.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn templates(&self, machine_now: Timestamp) -> Result<Arc<Templates>, StoreError> {
        if let Some(templates) = self.templates.get(machine_now) {
            return Ok(templates);
        }
        let latest = self.store.latest_config::<Templates>(ConfigKind::Templates);
        let templates = latest.await?.map(|(_, found)| found).unwrap_or_default();
        Ok(self.templates.put(machine_now, Arc::new(templates)))
    }
}
