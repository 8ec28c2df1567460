//! Who is told of alerts, and how. The document holds secrets, which nobody is shown.

use jiff::Timestamp;
use resound_domain::policy::CalendarName;
use resound_lambda_kit::http::Rejection;
use resound_lambda_kit::outbound::Reach;
use resound_sinks::Recipients;
use resound_store::{ConfigKind, Edition, Editions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::body::{Faults, Lines};
use crate::document::{Asked, Document};
use crate::shelves::Shelves;

/// The document of the recipients, secrets and all.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Addressed(Value);

impl Addressed {
    /// The recipients, wherever they are: what was published once may be further away than anything may be now.
    fn recipients(&self) -> Option<Recipients> {
        Recipients::read(&self.0, Reach::Anywhere, None).ok()
    }
}

impl Document for Addressed {
    const KIND: ConfigKind = ConfigKind::Recipients;
    const WAITS: bool = false;

    fn shelf(shelves: &mut Shelves) -> &mut Editions<Self> {
        &mut shelves.recipients
    }

    fn read(
        asked: &Asked<'_>,
        _: &Shelves,
        former: Option<&Edition<Self>>,
    ) -> Result<Self, Rejection> {
        let (text, value) = asked.body.json(asked.request)?;
        let former = former.and_then(|edition| edition.document.recipients());
        let read = Recipients::read(value, asked.reach, former.as_ref());
        let recipients = read.map_err(|invalid| {
            let locale = asked.request.locale();
            let (mut faults, mut lines) = (Faults::new(locale), Lines::new(text));
            for fault in invalid.0 {
                let message = fault.what.text(locale);
                faults.add(&mut lines, &fault.path, fault.what.code(), &message);
            }
            faults.refuse(asked.request)
        })?;
        Ok(Self(recipients.document()))
    }

    fn built_in(_: Option<&CalendarName>, _: &Shelves) -> Option<Self> {
        None
    }

    fn active_from(&self) -> Option<Timestamp> {
        None
    }

    fn published(self, _: u32, _: Option<Timestamp>) -> Self {
        self
    }

    /// With fingerprints in the place of secrets; nothing of a document that cannot be read.
    fn shown(&self) -> Value {
        self.recipients()
            .map_or(Value::Null, |recipients| recipients.shown())
    }
}
