//! The only crate that knows DynamoDB.
//!
//! One table holds everything; [`Key`] says what is kept under which key and [`schema`] how the table and its
//! indexes are built. Each access pattern is one method of [`Store`]. All of them
//!
//! - can be repeated, but [`next_turn`](Store::next_turn): after a lost answer the second call finds what the first
//!   one wrote;
//! - tell "somebody else was first" as an outcome and never as an error; only a failed condition counts as that, a
//!   conflict of transactions or a throttle is tried again;
//! - never create an item by updating it, so that what was erased stays erased;
//! - read the item itself before they answer: an index only says where to look.

mod announcements;
mod betas;
mod cases;
mod config;
mod contacts;
mod corrections;
mod deliveries;
mod dynamo;
mod error;
mod events;
mod figures;
pub mod groups;
mod issues;
mod item;
mod key;
mod logs;
mod marks;
mod notices;
pub mod repair;
mod reports;
mod responses;
mod restore;
mod risks;
mod rows;
mod rules;
pub mod schema;
mod tallies;
mod tellings;
mod trials;
mod turns;
mod walk;

use aws_sdk_dynamodb::Client;

pub use announcements::{
    AnnouncementHistory, Approach, Contacted, Fates, Kept, Known as KnownContact, Progress, Tell,
    Told, UnderWay,
};
pub use betas::{BetaHistory, Drawn, Testers};
pub use cases::{
    Addition, Appended, CaseFilter, CasePage, Cursor, Doubted, History, InvalidCursor, MAX_EVENTS,
    MAX_ITEMS, MAX_PAGE, Message, Owed,
};
pub use config::{Edition, Editions, Published, Signed};
pub use contacts::{Lifted, Suppressed};
pub use corrections::Correction;
pub use deliveries::{Announced, DeliveryReport, Reported, Telling};
pub use error::StoreError;
pub use events::{Due, Postponed, Repair, Resumed, Settled, StoredEvent};
pub use figures::{KeptFigures, KeptOne};
pub use groups::{GroupClaim, GroupLease, Joined, Joining};
pub use issues::{
    Beside, ImprovementHistory, Improvements, IssueHistory, IssueStep, Issues, Known, Linked,
    Logged, LookBack, MAX_LINKS, Opened, Received, Relinked, Suggestion,
};
pub use key::{
    AnnouncedKey, ConfigKind, Entry, GroupKey, InvalidMedium, Key, Line, Medium, NoticeKey, Part,
    RawKey, Recipient, ReportNoticeKey, TooLong, UnknownKey,
};
pub use marks::DirtyDay;
pub use notices::{Claim, Lease, Notice, NoticeStatus, Outcome, Recorded};
pub use reports::{AddedReport, Listed, Report};
pub use responses::{Accepted, Amended, Buried, Digest, Lookup};
pub use restore::Restored;
pub use risks::{Heard, HeardBy, Place, Raise, Raised, Remark, Remarks, Spoken, Watch};
pub use rules::{Cached, Rules};
pub use tallies::{Cell, Counting, DayCell, Generation, Watermark, WroteDay};
pub use tellings::Turned;
pub use trials::{Trial, TrialStatus, Trying};
pub use walk::{Advanced, INDEX_LAG, OpenShard, Reached, Round, Stage, Walk, WalkPage};

/// The table.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// The table of this name. Nothing is checked before the first call.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}
