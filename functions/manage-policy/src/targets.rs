//! What the company wants to reach.

use jiff::Timestamp;
use resound_domain::policy::CalendarName;
use resound_domain::targets::Targets;
use resound_lambda_kit::http::Rejection;
use resound_store::{ConfigKind, Edition, Editions};
use serde_json::{Value, json};

use crate::document::{Asked, Document};
use crate::shelves::Shelves;

impl Document for Targets {
    const KIND: ConfigKind = ConfigKind::Targets;
    const WAITS: bool = false;
    /// The verdicts are over answers and logs, which this function may not read.
    const NO_DRY_RUN: Option<(&'static str, &'static str)> = Some((
        "目标不改变任何期限，也不改变已存的数据，只在读取报表时用于判断，因此没有试运行：请直接发布后查看报表，需要时再发布原来的目标。",
        "Targets move no deadline and change nothing that is stored: they judge reports when those are asked for, so there is no dry run. \
         Publish them and look; what was before can be published again.",
    ));

    fn shelf(shelves: &mut Shelves) -> &mut Editions<Self> {
        &mut shelves.targets
    }

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
        json!(self)
    }
}
