//! What is published, as it stands in the table now.

use std::sync::Arc;

use resound_domain::assignment::Assignment;
use resound_domain::book::{Book, NamedCalendar};
use resound_domain::calendar::Calendars;
use resound_domain::policy::Policy;
use resound_domain::targets::Targets;
use resound_domain::template::Templates;
use resound_store::{ConfigKind, Editions, Store, StoreError};

use crate::recipients::Addressed;

/// Every version of the documents that are looked at together.
#[derive(Clone)]
pub(crate) struct Shelves {
    builtin: Arc<Calendars>,
    pub(crate) policies: Editions<Policy>,
    pub(crate) calendars: Editions<NamedCalendar>,
    pub(crate) recipients: Editions<Addressed>,
    pub(crate) assignments: Editions<Assignment>,
    pub(crate) targets: Editions<Targets>,
    pub(crate) templates: Editions<Templates>,
}

const fn empty<T>() -> Editions<T> {
    Editions {
        editions: Vec::new(),
        last: 0,
    }
}

impl Shelves {
    /// Reads what a document of this kind is judged with. `builtin` are the calendars while none are published.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn read(
        store: &Store,
        kind: ConfigKind,
        builtin: &Arc<Calendars>,
    ) -> Result<Self, StoreError> {
        let mut shelves = Self {
            builtin: Arc::clone(builtin),
            policies: empty(),
            calendars: empty(),
            recipients: empty(),
            assignments: empty(),
            targets: empty(),
            templates: empty(),
        };
        match kind {
            // A policy names calendars, and both together decide deadlines.
            ConfigKind::Policy | ConfigKind::Calendar => {
                (shelves.policies, shelves.calendars) = tokio::try_join!(
                    store.editions(ConfigKind::Policy),
                    store.editions(ConfigKind::Calendar),
                )?;
            }
            ConfigKind::Recipients => shelves.recipients = store.editions(kind).await?,
            ConfigKind::Assignment => shelves.assignments = store.editions(kind).await?,
            ConfigKind::Targets => shelves.targets = store.editions(kind).await?,
            ConfigKind::Templates => shelves.templates = store.editions(kind).await?,
            // Nobody publishes forms yet.
            ConfigKind::Form => {}
        }
        Ok(shelves)
    }

    /// The calendars while none are published.
    pub(crate) fn builtin(&self) -> &Calendars {
        &self.builtin
    }

    /// The rules through time.
    pub(crate) fn book(&self) -> Book {
        let policies = self.policies.editions.iter();
        let calendars = self.calendars.editions.iter();
        Book::compile(
            Arc::clone(&self.builtin),
            policies.map(|edition| (edition.version, edition.document.clone())),
            calendars.map(|edition| (edition.version, edition.document.clone())),
        )
    }
}
