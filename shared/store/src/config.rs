//! Configuration documents: versioned, never changed.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Display;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamo::{Part, Query, Transacted, Written, key_of};
use crate::item::{config_item, read_config, read_edition};
use crate::key::{ConfigKind, Key, config_partition};
use crate::{Store, StoreError};

/// The highest version whose key still sorts as text.
const MAX_VERSION: u32 = 999_999;

/// Who published a version, and when. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The `sub` of their token.
    pub by: String,
    /// Business time.
    pub at: Timestamp,
}

/// A version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition<T> {
    /// Its number, from 1 on.
    pub version: u32,
    /// What it says.
    pub document: T,
    /// Who published it; `None` if it was put into the table by hand.
    pub signed: Option<Signed>,
}

/// Every version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editions<T> {
    /// Those that this code can read, from the first on.
    pub editions: Vec<Edition<T>>,
    /// The number of the last there is, which this code may not be able to read; 0 if there is none.
    pub last: u32,
}

/// What came of publishing a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Published {
    /// It is the version now.
    Published,
    /// There is such a version already; it was not touched.
    Exists,
}

impl Store {
    /// The latest version of a document that this code can read, and its number; `None` if there is none.
    ///
    /// A later one that it cannot read, damaged or published by a newer version, is logged and passed over: to go by
    /// the rules before it is better than to refuse what customers send.
    ///
    /// # Errors
    /// [`StoreError`], never [`StoreError::Corrupt`].
    pub async fn latest_config<T: DeserializeOwned>(
        &self,
        kind: ConfigKind,
    ) -> Result<Option<(u32, T)>, StoreError> {
        self.latest_config_by(kind, Ok::<T, Infallible>).await
    }

    /// The same for a document that needs more to be read than its text: `read` is that, and a version that it cannot
    /// read is passed over as well.
    ///
    /// # Errors
    /// [`StoreError`], never [`StoreError::Corrupt`].
    pub async fn latest_config_by<D: DeserializeOwned, T, E: Display>(
        &self,
        kind: ConfigKind,
        read: impl Fn(D) -> Result<T, E>,
    ) -> Result<Option<(u32, T)>, StoreError> {
        let query = Query::partition(config_partition(kind))
            .descending()
            .limit(1);
        let mut start = None;
        loop {
            let page = self.query_page(&query, start).await?;
            for item in page.items {
                let Some((version, document)) = readable(read_config(item)) else {
                    continue;
                };
                match read(document) {
                    Ok(found) => return Ok(Some((version, found))),
                    Err(error) => {
                        let kind = kind.name();
                        tracing::error!(kind, version, %error, "a configuration document was passed over");
                    }
                }
            }
            if page.next.is_none() {
                return Ok(None);
            }
            start = page.next;
        }
    }

    /// Every version of a document that this code can read, with its number, from the first on. The others are logged
    /// and passed over, as by [`latest_config`](Self::latest_config).
    ///
    /// # Errors
    /// [`StoreError`], never [`StoreError::Corrupt`].
    pub async fn configs<T: DeserializeOwned>(
        &self,
        kind: ConfigKind,
    ) -> Result<Vec<(u32, T)>, StoreError> {
        let query = Query::partition(config_partition(kind));
        let items = self.query_all(&query).await?;
        let read = items.into_iter().map(read_config);
        Ok(read.filter_map(readable).collect())
    }

    /// Every version of a document, with who published it. Those that this code cannot read are logged and passed
    /// over, and count for [`Editions::last`].
    ///
    /// # Errors
    /// [`StoreError`], never [`StoreError::Corrupt`].
    pub async fn editions<T: DeserializeOwned>(
        &self,
        kind: ConfigKind,
    ) -> Result<Editions<T>, StoreError> {
        let query = Query::partition(config_partition(kind));
        let items = self.query_all(&query).await?;
        let last = items.iter().rev().find_map(|item| {
            let Ok(Key::Config { version, .. }) = Key::decode(&key_of(item)) else {
                return None;
            };
            Some(version)
        });
        let read = items.into_iter().map(read_edition);
        Ok(Editions {
            editions: read.filter_map(readable).collect(),
            last: last.unwrap_or(0),
        })
    }

    /// Adds versions of a document from `first` on, all or none.
    ///
    /// Repeating it after a lost answer is harmless: what stands there exactly so is [`Published::Published`] where it
    /// is one version, and [`Published::Exists`] where they are several.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if they are more than a transaction holds, or there are as many
    /// versions as there can be.
    pub async fn publish<T: Serialize>(
        &self,
        kind: ConfigKind,
        first: u32,
        documents: &[T],
        signed: &Signed,
    ) -> Result<Published, StoreError> {
        let mut items = Vec::with_capacity(documents.len());
        for (version, document) in (first..=MAX_VERSION).zip(documents) {
            let key = Key::Config { kind, version };
            items.push(config_item(&key, document, Some(signed))?);
        }
        if items.len() < documents.len() {
            return Err(StoreError::rejected("there are too many versions"));
        }
        if let [item] = items.as_slice() {
            return Ok(match self.put_new(item.clone()).await? {
                Written::Done => Published::Published,
                Written::Refused(there) if there.as_ref() == Some(item) => Published::Published,
                Written::Refused(_) => Published::Exists,
            });
        }
        let parts = items.into_iter().map(Part::PutNew).collect();
        Ok(match self.transact(parts).await? {
            Transacted::Done => Published::Published,
            Transacted::Refused(_) => Published::Exists,
        })
    }

    /// Adds a version of a document that nobody signs.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn publish_config<T: Serialize>(
        &self,
        kind: ConfigKind,
        version: u32,
        document: &T,
    ) -> Result<Published, StoreError> {
        match self
            .put_new(config_item(&Key::Config { kind, version }, document, None)?)
            .await?
        {
            Written::Done => Ok(Published::Published),
            Written::Refused(_) => Ok(Published::Exists),
        }
    }
}

/// A document; one that cannot be read is logged.
fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| {
        let cause = error.source().map(ToString::to_string);
        tracing::error!(%error, cause, "a configuration document was passed over");
    })
    .ok()
}
