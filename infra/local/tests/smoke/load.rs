//! The load tool, for a moment: what it counts, not how fast it was.

use std::path::PathBuf;
use std::time::Duration;

use resound_load::{Mix, Plan, Target};

use crate::system::Folder;

#[test]
fn load_and_kills_lose_nothing_and_double_nothing() {
    let folder = Folder::new();
    let plan = Plan {
        target: Target::Program {
            program: PathBuf::from(env!("CARGO_BIN_EXE_resound")),
            folder: folder.path().join("load"),
            keep: false,
        },
        mix: Mix::Real,
        rate: 40,
        rate_for: Duration::from_secs(1),
        clients: 6,
        throughput_for: Duration::ZERO,
        kills: 2,
        kill_after: 40,
        memory_for: Duration::ZERO,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = runtime.block_on(resound_load::run(&plan)).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.rate.as_ref().unwrap().sent(), 40);
    assert!(
        report.kills.iter().all(|kill| kill.unanswered > 0),
        "{report}"
    );
    // The night counts every submission once, and finds each that was acknowledged.
    assert!(report.kept.acknowledged > 80, "{report}");
    assert_eq!(
        report.kept.counted,
        Some(report.kept.acknowledged),
        "{report}"
    );
    assert!(!folder.path().join("load").exists(), "it clears up");
}
