//! What people read in a browser.
//!
//! Every page is one string of HTML that works without a script, a font, an image or a second request: escaped by
//! construction, readable at 320 px, in the dark, on paper and by a screen reader, in Chinese and English.
//!
//! **Nothing here** decides anything: a page shows the view it is given. The pages are served with [`HEADERS`],
//! whose policy lets the browser apply our one style sheet and nothing else.

mod beta;
mod form;
mod home;
mod kpi;
mod layout;
pub mod letter;
mod problem;
mod question;
mod receipt;
mod report;
pub mod response;
mod solved;
mod text;
mod time;
mod unsubscribe;

pub use beta::{BetaView, beta_page};
pub use form::{FormView, Values, conflict_page, form_page};
pub use home::{HomeView, home_page};
pub use kpi::{KpiView, kpi_page};
pub use layout::{CONTENT_SECURITY_POLICY, HEADERS};
pub use problem::{ProblemView, problem_page};
pub use receipt::{
    Progress, Promised, ReceiptView, ScoresView, ShippedView, Step, StepKind, TrialStep, TrialView,
    receipt_page,
};
pub use report::{
    Examples, ReportEntry, ReportLetter, ReportView, report_letter, report_page, report_policy,
    reports_page,
};
pub use solved::{MessageView, QuestionView};
pub use time::moment;
pub use unsubscribe::{UnsubscribeView, unsubscribe_page};
