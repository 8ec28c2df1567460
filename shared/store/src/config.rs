//! Configuration documents: versioned, never changed.

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
    /// The latest version of a document and its number; `None` if there is none yet.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if the document is not a `T`.
    pub async fn latest_config<T: DeserializeOwned>(
        &self,
        kind: ConfigKind,
    ) -> Result<Option<(u32, T)>, StoreError> {
        let query = Query::partition(config_partition(kind))
            .descending()
            .limit(1);
        let page = self.query_page(&query, None).await?;
        page.items.into_iter().next().map(read_config).transpose()
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
