//! A small table, so that the program cannot rot. Only counts are asserted.

use std::time::Duration;

use resound_sweep::{Plan, run};

#[test]
fn each_case_that_falls_due_is_warned_of_once() {
    let folder = format!("resound-sweep-{}", std::process::id());
    let mut plan = Plan::new(std::env::temp_dir().join(folder));
    (plan.cases, plan.due) = (600, 400);
    plan.units = true;
    plan.timeout = Duration::from_secs(600); // however busy the machine is
    let report = run(&plan).unwrap();
    assert!(report.is_sound(), "{report}");
    let [all, nothing] = report.runs.as_slice() else {
        panic!("all in one run, and nothing in the next: {report}");
    };
    assert_eq!((all.swept.expired, nothing.swept.expired), (400, 0));
    // One transaction each: the case, and its event. `queue` holds the deadline, which does not move.
    assert_eq!(all.calls["TransactWriteItems"].count, 400);
    let units = &all.units.writes;
    assert_eq!((units["table"], units["due"]), (1600.0, 1200.0), "{report}");
    assert!(report.lateness.iter().all(|ms| (0..60_000).contains(ms)));
}
