//! The story that `--demo` tells, as whoever starts it looks at it.

use serde_json::Value;

use crate::system::{Folder, System};

#[test]
fn the_demo_closes_loops_and_tells_of_a_fix() {
    let folder = Folder::new();
    let system = System::start(&folder, &["--demo"]);
    let lead = system.staff("lead");
    let read = |target: &str| lead.get(target).send().expect(200).json();
    let some = |count: &Value| assert!(count.as_u64().is_some_and(|n| n > 0), "{count}");

    let improvements = read("/v1/improvements");
    let fix = &improvements["improvements"][0];
    assert_eq!(fix["state"], "shipped", "{fix}");
    let fix = fix["id"].as_str().unwrap();
    let beta = read(&format!("/v1/improvements/{fix}/beta"));
    assert_eq!(beta["state"], "closed");
    some(&beta["turnout"]["joined"]);
    some(&beta["turnout"]["fixed"]);
    let announcement = read(&format!("/v1/improvements/{fix}/announcement"));
    some(&announcement["pass"]["counts"]["sent"]);

    // What customers said, and who of them is still to be called.
    let day = system.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let before = day.checked_sub(jiff::Span::new().days(20)).unwrap();
    let kpi = read(&format!("/v1/kpi?from={before}&to={day}"));
    let kpis = kpi["kpis"].as_array().unwrap();
    let recovery = kpis.iter().find(|kpi| kpi["name"] == "recovery").unwrap();
    some(&recovery["n"]);
    assert!(!lead.list("to_tell=true").is_empty());
    system.stop();
}
