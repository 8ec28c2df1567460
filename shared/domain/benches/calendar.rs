//! How long arithmetic of business time takes: `cargo bench -p resound-domain --bench calendar`.
//!
//! Each figure is of single calls, from instants all over 1990 to 2040; fails if the 99th percentile of a deadline is not below
//! its limit.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark is no function"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar::BusinessCalendar;

/// What the 99th percentile of a deadline must stay below.
const LIMIT: Duration = Duration::from_micros(20);
const CALLS: i64 = 100_000;

fn calendars() -> [(&'static str, String); 4] {
    let week = |tz: &str, day: &str, rest: &str| {
        let days = ["mon", "tue", "wed", "thu", "fri"].map(|name| format!("\"{name}\": [{day}]"));
        format!(
            "{{\"tz\": \"{tz}\", \"hours\": {{{}}}{rest}}}",
            days.join(", ")
        )
    };
    let office = r#"["09:00", "12:00"], ["13:30", "18:00"]"#;
    let around = r#"["00:00", "24:00"]"#;
    let dates: Vec<String> = (1990..2040)
        .flat_map(|year| (1..=12).map(move |month| format!("\"{year}-{month:02}-15\"")))
        .collect();
    [
        (
            "Shanghai, public holidays",
            week("Asia/Shanghai", office, r#", "public_holidays": "cn""#),
        ),
        (
            "Berlin, nights over the skipped hour",
            week("Europe/Berlin", r#"["22:00", "02:30"]"#, ""),
        ),
        (
            "New York, 600 holidays, breaks",
            week(
                "America/New_York",
                office,
                &format!(
                    r#", "weekly_breaks": {{"wed": [["10:00", "10:15"]]}}, "holidays": [{}]"#,
                    dates.join(",")
                ),
            ),
        ),
        (
            "Lord Howe, around the clock",
            week("Australia/Lord_Howe", around, ""),
        ),
    ]
}

struct Percentiles {
    half: Duration,
    most: Duration,
    worst: Duration,
}

fn measure(mut call: impl FnMut(Timestamp)) -> Percentiles {
    let mut times: Vec<Duration> = (0..CALLS)
        .map(|n| {
            // 50 years in steps of a prime, so that no two fall on the same hour of the same weekday.
            let second = 631_152_000 + n * 15_485_863 % (50 * 31_556_952);
            let at = Timestamp::from_second(second).unwrap();
            let start = Instant::now();
            call(at);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let share = |percent: usize| times[times.len() * percent / 100];
    Percentiles {
        half: share(50),
        most: share(99),
        worst: times[times.len() - 1],
    }
}

fn main() -> ExitCode {
    let hours = SignedDuration::from_hours;
    let mut slow = false;
    println!("| calendar | call | p50 | p99 | max |\n|---|---|---|---|---|");
    for (name, document) in calendars() {
        let calendar = BusinessCalendar::parse(&document).unwrap();
        let spans = [("add 24 h", 24), ("add 45 h", 45), ("add 10,000 h", 10_000)];
        for (call, span) in spans {
            let took = measure(|at| {
                black_box(calendar.add(black_box(at), hours(span)).ok());
            });
            slow |= took.most >= LIMIT;
            show(name, call, &took);
        }
        let took = measure(|at| {
            black_box(calendar.sub(black_box(at), hours(45)).ok());
        });
        slow |= took.most >= LIMIT;
        show(name, "sub 45 h", &took);
        for (call, days) in [
            ("between, a month apart", 30),
            ("between, ten years apart", 3653),
        ] {
            let took = measure(|at| {
                black_box(calendar.between(black_box(at), at + hours(24 * days)));
            });
            slow |= took.most >= LIMIT;
            show(name, call, &took);
        }
        let took = measure(|at| {
            black_box(calendar.is_open(black_box(at)));
        });
        slow |= took.most >= LIMIT;
        show(name, "is_open", &took);
        // Not a deadline: once for each version of a calendar that a function reads.
        let start = Instant::now();
        for _ in 0..20 {
            black_box(BusinessCalendar::parse(black_box(&document)).unwrap());
        }
        let each = start.elapsed() / 20;
        println!("| {name} | parse and compile | {each:.1?} | | |");
    }
    if slow {
        println!("a 99th percentile is not below {LIMIT:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn show(name: &str, call: &str, took: &Percentiles) {
    let Percentiles { half, most, worst } = took;
    println!("| {name} | {call} | {half:.2?} | {most:.2?} | {worst:.1?} |");
}
