//! The SLA policy.

use jiff::Timestamp;
use resound_domain::policy::{CalendarName, Policy};
use resound_lambda_kit::http::Rejection;
use resound_store::{ConfigKind, Edition, Editions};
use serde_json::{Value, json};

use crate::document::{Asked, Document};
use crate::shelves::Shelves;

impl Document for Policy {
    const KIND: ConfigKind = ConfigKind::Policy;
    const WAITS: bool = true;

    fn shelf(shelves: &mut Shelves) -> &mut Editions<Self> {
        &mut shelves.policies
    }

    fn built_in(_: Option<&CalendarName>, _: &Shelves) -> Option<Self> {
        Some(Self::default())
    }

    fn read(
        asked: &Asked<'_>,
        shelves: &Shelves,
        _: Option<&Edition<Self>>,
    ) -> Result<Self, Rejection> {
        let (text, value) = asked.body.json(asked.request)?;
        // By the calendars there are when it begins: none ever goes away.
        let book = shelves.book();
        let calendars = &book.at(asked.begins()).calendars;
        Self::read(value, calendars).map_err(|invalid| asked.refuse(text, &invalid))
    }

    fn active_from(&self) -> Option<Timestamp> {
        self.active_from
    }

    fn published(self, version: u32, active_from: Option<Timestamp>) -> Self {
        Self {
            version,
            active_from,
            ..self
        }
    }

    fn shown(&self) -> Value {
        let mut shown = json!(self);
        if let Some(members) = shown.as_object_mut() {
            members.remove("version");
            members.remove("active_from");
        }
        shown
    }
}
