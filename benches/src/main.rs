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

use std::path::PathBuf;
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
    /// Compares instructions with this file and measures nothing else.
    gate: Option<PathBuf>,
}

const USAGE: &str =
    "resound-bench [--target DIR] [--cold N] [--warm N] [--only a,b] [--times-only] [--gate FILE]";

fn main() -> ExitCode {
    let options = options();
    let tls = Tls::make(&options.target.join("bench/tls"));
    let aws = FakeAws::start(&tls);
    let mut peers = peer::all(&options.target);
    if !options.only.is_empty() {
        peers.retain(|peer| options.only.contains(&peer.name));
    }
    match &options.gate {
        Some(limits) => gate(limits, &peers, &aws, &tls),
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
            row.instructions = Some(instructions(peer, aws, tls));
            eprint!("\rinstructions of {:40}", peer.name);
        }
        eprintln!();
    }
    print!("{}", table::render(&rows));
    ExitCode::SUCCESS
}

/// Instructions of init with the first call, and of a warm one.
fn instructions(peer: &Peer, aws: &FakeAws, tls: &Tls) -> (u64, u64) {
    let count = |warm| {
        let shot = process::run(peer, aws, tls, warm, process::Under::Callgrind);
        shot.instructions.expect("callgrind says how many")
    };
    let (first, some, more) = (count(0), count(20), count(120));
    (first, more.saturating_sub(some) / 100)
}

/// Fails if a function takes more instructions than its limits.
fn gate(limits: &std::path::Path, peers: &[Peer], aws: &FakeAws, tls: &Tls) -> ExitCode {
    let text = std::fs::read_to_string(limits).expect("the file of limits");
    let limits: serde_json::Value = serde_json::from_str(&text).expect("limits are JSON");
    let (mut passed, mut failed) = (0, 0);
    for peer in peers {
        let limit = |what: &str| limits[&peer.name][what].as_u64();
        let (Some(first), Some(warm)) = (limit("init_and_first"), limit("warm")) else {
            continue;
        };
        let found = instructions(peer, aws, tls);
        for (what, found, limit) in [("init and first", found.0, first), ("warm", found.1, warm)] {
            let holds = found <= limit;
            *(if holds { &mut passed } else { &mut failed }) += 1;
            let verdict = if holds { "ok" } else { "TOO MANY" };
            println!(
                "{}, {what}: {found} instructions of {limit}: {verdict}",
                peer.name
            );
        }
    }
    println!("instructions: {passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0 || passed == 0))
}

fn options() -> Options {
    let mut options = Options {
        target: PathBuf::from("target"),
        cold: 15,
        warm: 100,
        only: Vec::new(),
        times_only: false,
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
            "--gate" => options.gate = Some(value().into()),
            _ => panic!("{USAGE}"),
        }
    }
    options
}
