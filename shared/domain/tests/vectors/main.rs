//! Vectors: published facts that the model must agree with, one a line. The README beside this file tells of their fields.
//!
//! `VECTORS=/path/to/cases.jsonl cargo test -p resound-domain --test vectors given -- --nocapture` runs the lines of any file:
//! those of kind `nps`, `csat` and `ces` as statistics, those without a kind as business time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests may fail the test, and are told by a person what to run"
)]

mod business_time;
mod nps;

/// The file that `VECTORS` names.
#[test]
fn given() {
    let Ok(path) = std::env::var("VECTORS") else {
        return;
    };
    let (mut times, mut statistics) = (String::new(), String::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let kind = serde_json::from_str::<serde_json::Value>(line)
            .ok()
            .and_then(|case| case["kind"].as_str().map(str::to_owned));
        let of = match kind.as_deref() {
            None => &mut times,
            Some("nps" | "csat" | "ces") => &mut statistics,
            Some(other) => {
                println!("skipped, of another kind: {other}");
                continue;
            }
        };
        of.push_str(line);
        of.push('\n');
    }
    business_time::run(&times);
    nps::run(&statistics);
}
