//! Lets the night count very many responses of one day, beside DuckDB and Polars on the same rows; see `docs/night.md`.
//!
//! Our side is the deployed handler of `aggregate-nps`, on one thread as in Lambda, over the real SDK and HTTP. The pages of
//! the index come from a stand-in that makes them up as they are asked for, as DynamoDB would write them; everything else is
//! in an embedded table. The others group a Parquet file. All of them must find the same cells.
//!
//! Times are the machine's; cells are not, and tests assert those only.

pub mod ours;
pub mod pages;
pub mod report;
pub mod rows;

use resound_domain::form::FormId;

/// The name of the table.
pub const TABLE: &str = "resound-night";

/// The survey whose day is counted.
pub fn survey() -> FormId {
    FormId::default_form()
}
