//! Who gets a new case.

use jiff::Timestamp;
use resound_domain::assignment::Assignment;
use resound_domain::policy::CalendarName;
use resound_lambda_kit::http::Rejection;
use resound_store::{ConfigKind, Edition, Editions};
use serde_json::{Value, json};

use crate::document::{Asked, Document};
use crate::shelves::Shelves;

impl Document for Assignment {
    const KIND: ConfigKind = ConfigKind::Assignment;
    const WAITS: bool = false;

    fn shelf(shelves: &mut Shelves) -> &mut Editions<Self> {
        &mut shelves.assignments
    }

    /// No rules: a case has no owner until somebody takes it.
    fn built_in(_: Option<&CalendarName>, _: &Shelves) -> Option<Self> {
        Some(Self::default())
    }

    fn read(asked: &Asked<'_>, _: &Shelves, _: Option<&Edition<Self>>) -> Result<Self, Rejection> {
        let (text, value) = asked.body.json(asked.request)?;
        Self::read(value).map_err(|invalid| asked.refuse(text, &invalid))
    }

    fn active_from(&self) -> Option<Timestamp> {
        None
    }

    fn published(self, _: u32, _: Option<Timestamp>) -> Self {
        self
    }

    fn shown(&self) -> Value {
        json!({"rules": self.rules})
    }
}
