//! Who is told of an alert: by the recipients that a company published, or else by the variables of this function.

use std::sync::Arc;

use jiff::Timestamp;
use resound_domain::policy::Audience;
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::outbound::Reach;
use resound_sinks::{Recipient, Recipients, SinkKind};
use resound_store::{Cached, ConfigKind, Store, StoreError};
use serde_json::Value;

/// The published recipients, read again after a minute.
#[derive(Debug)]
pub(crate) struct Published {
    store: Store,
    reach: Reach,
    cached: Cached<Option<Recipients>>,
}

impl Published {
    pub(crate) fn new(store: Store, reach: Reach) -> Self {
        Self {
            store,
            reach,
            cached: Cached::default(),
        }
    }

    /// The latest that this code can read; `None` if none were published.
    pub(crate) async fn recipients(
        &self,
        machine_now: Timestamp,
    ) -> Result<Arc<Option<Recipients>>, StoreError> {
        if let Some(recipients) = self.cached.get(machine_now) {
            return Ok(recipients);
        }
        let read = |document: Value| Recipients::read(&document, self.reach, None);
        let latest = self
            .store
            .latest_config_by(ConfigKind::Recipients, read)
            .await?;
        let recipients = Arc::new(latest.map(|(_, recipients)| recipients));
        Ok(self.cached.put(machine_now, recipients))
    }
}

/// Who is told when an audience is to be, or who stands in for them; `None` if nobody is told at all.
///
/// `case_owner` is who works the case, if that is an address: the first letter to owners goes there instead of to the
/// inbox of the team. Further letters to owners are copies that somebody asked for, and go where they always do.
pub(crate) fn find(
    recipients: &Recipients,
    audience: Audience,
    case_owner: Option<&Mailbox>,
) -> Option<Recipient> {
    let (found, recipient) = recipients.find(audience)?;
    let mut recipient = recipient.clone();
    if let (Audience::Owner, Some(owner)) = (found, case_owner) {
        let mut letters = recipient
            .sinks
            .iter_mut()
            .filter_map(|sink| match &mut sink.kind {
                SinkKind::Email { to } => Some(to),
                _ => None,
            });
        if let Some(to) = letters.next() {
            *to = owner.clone();
        }
    }
    Some(recipient)
}
