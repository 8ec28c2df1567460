//! Measures functions as they are shipped: starts a `bootstrap` as Lambda does, and plays its neighbours.
//!
//! `benches/run.sh` builds what is measured and runs this; `docs/speed.md` says what the columns mean.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for developers: what goes wrong should stop it and be seen"
)]

mod aws;
mod http;
mod peer;
mod process;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aws::{FakeAws, Tls};
use peer::Peer;

/// What to do, from the command line.
struct Options {
    /// The folder of binaries and packages, `target`.
    target: PathBuf,
    /// Cold starts of each peer.
    cold: usize,
    /// Warm calls after each cold start.
    warm: usize,
    /// Peers to measure; all if empty.
    only: Vec<String>,
    /// Skips the instructions, which need valgrind.
    times_only: bool,
    /// Keeps callgrind's profiles in this folder: `FUNCTION.0` of a cold start, `FUNCTION.120` with so many warm calls.
    profiles: Option<PathBuf>,
    /// Compares with the limits in this file, and measures nothing else.
    gate: Option<PathBuf>,
}

const USAGE: &str = "resound-bench [--target DIR] [--cold N] [--warm N] [--only a,b] [--times-only] [--profiles DIR] \
                     [--gate FILE]";

fn main() -> ExitCode {
    let options = options();
    let tls = Tls::make(&options.target.join("bench/tls"));
    let aws = FakeAws::start(&tls);
    let mut peers = peer::all(&options.target);
    if !options.only.is_empty() {
        peers.retain(|peer| options.only.contains(&peer.name));
    }
    match &options.gate {
        Some(limits) => gate(&options, limits, &peers, &aws, &tls),
        None => measure(&options, &peers, &aws, &tls),
    }
}

fn measure(options: &Options, peers: &[Peer], aws: &FakeAws, tls: &Tls) -> ExitCode {
    let mut rows: Vec<table::Row> = peers.iter().map(table::Row::new).collect();
    for round in 0..options.cold {
        for place in 0..peers.len() {
            // Interleaved, and each round begins with another one: what slows the machine down slows all of them.
            let i = (place + round) % peers.len();
            rows[i].add(process::run(
                &peers[i],
                aws,
                tls,
                options.warm,
                process::Under::Nothing,
            ));
        }
        eprint!("\rround {} of {}", round + 1, options.cold);
    }
    eprintln!();
    if !options.times_only {
        for (peer, row) in peers.iter().zip(&mut rows) {
            row.instructions = Some(instructions(options, peer, aws, tls));
            eprint!("\rinstructions of {:40}", peer.name);
        }
        eprintln!();
    }
    print!("{}", table::render(&rows));
    ExitCode::SUCCESS
}

/// Instructions of init with the first call, and of a warm one.
fn instructions(options: &Options, peer: &Peer, aws: &FakeAws, tls: &Tls) -> (u64, u64) {
    let count = |warm| {
        let kept = options.profiles.as_ref();
        let profile = kept.map(|folder| folder.join(format!("{}.{warm}", peer.name)));
        let profile = profile.as_deref().unwrap_or(Path::new("/dev/null"));
        let shot = process::run(peer, aws, tls, warm, process::Under::Callgrind(profile));
        shot.instructions.expect("callgrind says how many")
    };
    let (first, some, more) = (count(0), count(20), count(120));
    (first, more.saturating_sub(some) / 100)
}

/// Fails if a function takes more than its limits, or has none.
fn gate(options: &Options, limits: &Path, peers: &[Peer], aws: &FakeAws, tls: &Tls) -> ExitCode {
    let text = std::fs::read_to_string(limits).expect("the file of limits");
    let limits: BTreeMap<String, Limits> = serde_json::from_str(&text).expect("limits");
    let (mut passed, mut failed) = (0, 0);
    let mut hold = |name: &str, what: &str, found: u64, limit: u64| {
        let holds = found <= limit;
        *(if holds { &mut passed } else { &mut failed }) += 1;
        let verdict = if holds { "ok" } else { "TOO MUCH" };
        println!("{name}, {what}: {found} of {limit}: {verdict}");
    };
    for peer in peers.iter().filter(|peer| peer.is_ours) {
        let limits = limits.get(&peer.name);
        let limits = limits.unwrap_or_else(|| panic!("{} has no limits", peer.name));
        let (first, warm) = instructions(options, peer, aws, tls);
        let shots = (0..3).map(|_| process::run(peer, aws, tls, 100, process::Under::Nothing));
        let peak = shots.map(|shot| shot.peak_kib).min().unwrap_or(u64::MAX);
        let package = std::fs::metadata(&peer.package).expect("a package").len();
        hold(
            &peer.name,
            "instructions of init and first call",
            first,
            limits.init_and_first,
        );
        hold(&peer.name, "instructions of a warm call", warm, limits.warm);
        hold(&peer.name, "bytes of package", package, limits.package);
        hold(&peer.name, "KiB of memory", peak, limits.peak_kib);
    }
    println!("limits: {passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0 || passed == 0))
}

/// What one function may take.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Instructions from the start of the process to its first answer.
    init_and_first: u64,
    /// Instructions of each call after that.
    warm: u64,
    /// Bytes of the package.
    package: u64,
    /// The most memory it may hold, in KiB, after 100 calls; the best of three starts.
    peak_kib: u64,
}

fn options() -> Options {
    let mut options = Options {
        target: PathBuf::from("target"),
        cold: 15,
        warm: 100,
        only: Vec::new(),
        times_only: false,
        profiles: None,
        gate: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect(USAGE);
        match argument.as_str() {
            "--target" => options.target = value().into(),
            "--cold" => options.cold = value().parse().expect(USAGE),
            "--warm" => options.warm = value().parse().expect(USAGE),
            "--only" => options.only = value().split(',').map(str::to_owned).collect(),
            "--times-only" => options.times_only = true,
            "--profiles" => options.profiles = Some(value().into()),
            "--gate" => options.gate = Some(value().into()),
            _ => panic!("{USAGE}"),
        }
    }
    options
}
