//! What can go wrong between us and the table.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::key::RawKey;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not do what it was asked.
///
/// "Somebody else was first" is never an error: each operation has an outcome for it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The table is busy: a throttle, or another transaction on the same item. Nothing was written; try again.
    #[error("the table is busy")]
    Throttled(#[source] Source),
    /// The table did not answer, or not in time. A write may or may not have happened; every operation can be
    /// repeated.
    #[error("the table cannot be reached")]
    Unavailable(#[source] Source),
    /// An item cannot be read: damaged, or written by a newer version. Trying again does not help.
    #[error("item {key} cannot be read")]
    Corrupt {
        /// Which item.
        key: RawKey,
        /// What is wrong with it.
        #[source]
        source: Source,
    },
    /// The table refuses the request itself: a missing permission, a missing table, a limit, a mistake of ours.
    #[error("the table refused the request")]
    Rejected(#[source] Source),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled(_) | Self::Unavailable(_) => true,
            Self::Corrupt { .. } | Self::Rejected(_) => false,
        }
    }

    pub(crate) fn rejected(reason: &'static str) -> Self {
        Self::Rejected(reason.into())
    }

    pub(crate) fn corrupt(key: RawKey, source: impl Into<Source>) -> Self {
        Self::Corrupt {
            key,
            source: source.into(),
        }
    }

    /// Sorts an error of the SDK. Failed conditions are taken out before.
    pub(crate) fn from_sdk<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match &error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                match context.err().code() {
                    Some(code) if is_throttle(code) => Self::Throttled(error.into()),
                    _ if status >= 500 => Self::Unavailable(error.into()),
                    _ => Self::Rejected(error.into()),
                }
            }
            SdkError::ConstructionFailure(_) => Self::Rejected(error.into()),
            // A lost, late or garbled answer, and whatever the SDK may add.
            _ => Self::Unavailable(error.into()),
        }
    }
}

/// Whether this error code, of a request or of one part of a transaction, asks us to try again.
pub(crate) fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "ReplicatedWriteConflictException"
            // As reasons of a cancelled transaction.
            | "ThrottlingError"
            | "ProvisionedThroughputExceeded"
            | "TransactionConflict"
    )
}
