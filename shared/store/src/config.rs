//! Configuration documents: versioned, never changed.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamo::{Query, Written};
use crate::item::{config_item, read_config};
use crate::key::{ConfigKind, Key, config_partition};
use crate::{Store, StoreError};

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

    /// Adds a version of a document.
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
            .put_new(config_item(&Key::Config { kind, version }, document)?)
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
