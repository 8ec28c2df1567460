//! Lets the night count very many responses; see `docs/night.md`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use resound_emulator::{AwsPort, Data};
use resound_lambda_kit::Fault;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_night::ours::{self, Reader, Took};
use resound_night::pages::Pages;
use resound_night::report::{HEAD, Peer, Size};
use resound_night::rows::{MOST, Rows};
use resound_night::{TABLE, rows};
use resound_store::schema;

const HELP: &str = "\
Lets the deployed night count the responses of one day, DuckDB and Polars group the same rows from a Parquet file, compares
the cells that they find, and reports what each took. Start it with benches/night/run.sh, which installs the others.

Usage: resound-night [options]

  --responses N,N,..    how many (100000,1000000)
  --seed NUMBER         what they are made up from (7)
  --rounds NUMBER       how often each counts them, one after the other (3)
  --python PATH         a Python that has the packages of benches/night/requirements.txt; without it only we count
  --embedded            the rows are in the embedded table too, instead of made up as they are asked for
  --read N              instead, reads N of them through the SDK and as the store does, and counts nothing
  --folder DIR          where Parquet files are kept meanwhile (beside this program)
  --help                print this

Ends with 1 if two of them find different cells. It does not judge speed.
";

struct Plan {
    responses: Vec<u32>,
    seed: u64,
    rounds: u32,
    python: Option<PathBuf>,
    embedded: bool,
    read: Option<u32>,
    folder: PathBuf,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let said = match arguments.next() {
        // What this program starts itself for, so that a process is one peer and its memory its own.
        Some(part) if part == "count" => count(arguments),
        Some(part) if part == "read" => read(arguments),
        first => match parse(first.into_iter().chain(arguments)) {
            Ok(Some(plan)) => carry_out(&plan),
            Ok(None) => print(HELP),
            Err(fault) => Err(Fault::new(fault)),
        },
    };
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // One sentence, and nowhere else to report to if even that fails.
            drop(writeln!(io::stderr(), "resound-night: {fault}"));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(plan: &Plan) -> Result<(), Fault> {
    let mut held = Rows {
        seed: plan.seed,
        count: 0,
    };
    let pages = Pages::start(held)?;
    print(&format!(
        "seed {}, load of the machine {}\n\n",
        plan.seed,
        load()
    ))?;
    if let Some(count) = plan.read {
        held.count = count;
        pages.hold(held);
        return readers(plan, &pages, count);
    }
    std::fs::create_dir_all(&plan.folder)?;
    print(HEAD)?;
    for &count in &plan.responses {
        held.count = count;
        pages.hold(held);
        print(&size(plan, &pages, held)?.to_string())?;
    }
    print(&format!(
        "\nthe cells are the same; load of the machine {}\n",
        load()
    ))
}

/// Everybody counts, round after round.
fn size(plan: &Plan, pages: &Pages, rows: Rows) -> Result<Size, Fault> {
    let file = |name: &str| plan.folder.join(name);
    let parquet = file("rows.parquet");
    if let Some(python) = &plan.python {
        make_parquet(python, rows, &parquet)?;
    }
    let mut size = Size {
        responses: rows.count,
        cells: 0,
        took: Vec::new(),
    };
    let mut expected: Option<String> = None;
    for _ in 0..plan.rounds {
        for peer in Peer::ALL {
            let cells = file("cells.tsv");
            let took = match (peer, &plan.python) {
                (Peer::Ours, _) => {
                    // A table of its own each time: the cells of the last round would be there already.
                    let clock = Arc::new(|| jiff::Timestamp::UNIX_EPOCH);
                    let port = AwsPort::start_anywhere(&Data::Memory, clock)?;
                    let table = port.dynamo();
                    create_table(table.url())?;
                    let mut pages = pages.url.as_str();
                    if plan.embedded {
                        ours::fill(table.database(), rows)?;
                        pages = table.url();
                    }
                    let own = std::env::current_exe()?;
                    let arguments = ["count", pages, table.url()].map(OsString::from);
                    let arguments = arguments.iter().map(OsString::as_os_str);
                    let arguments = arguments.chain([cells.as_os_str()]);
                    took(Command::new(own).args(arguments))?
                }
                (_, Some(python)) => {
                    let mut group = Command::new(python);
                    group
                        .arg(script())
                        .arg(peer.name())
                        .arg(&parquet)
                        .arg(&cells);
                    took(&mut group)?
                }
                (_, None) => continue,
            };
            let found = std::fs::read_to_string(&cells)?;
            size.cells = found.lines().count();
            size.took.push((peer, took));
            if *expected.get_or_insert_with(|| found.clone()) != found {
                let name = peer.name();
                return Err(Fault::new(format!(
                    "{name} finds other cells: see {}",
                    cells.display()
                )));
            }
        }
    }
    Ok(size)
}

fn create_table(url: &str) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let clients = Clients::new(&Settings::emulator(url));
    Ok(runtime.block_on(schema::create_table(&clients.dynamodb, TABLE))?)
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("group.py")
}

/// Has DuckDB write the rows as Parquet, from CSV that it reads as we write it.
fn make_parquet(python: &Path, rows: Rows, to: &Path) -> Result<(), Fault> {
    let mut child = Command::new(python)
        .arg(script())
        .args(["write".as_ref(), to.as_os_str()])
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(input) = child.stdin.take() {
        let mut input = BufWriter::new(input);
        rows.write_csv(&mut input)?;
        input.flush()?;
    }
    if child.wait()?.success() {
        return Ok(());
    }
    Err(Fault::new("the Parquet file was not written"))
}

/// Runs a peer and reads what it says it took.
fn took(command: &mut Command) -> Result<Took, Fault> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Fault::new(format!("{command:?} failed")));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Both readers, round after round.
fn readers(plan: &Plan, pages: &Pages, count: u32) -> Result<(), Fault> {
    print("| reader | wall s | CPU s | M rows a CPU s | peak MiB |\n|---|--:|--:|--:|--:|\n")?;
    for _ in 0..plan.rounds {
        for reader in ["sdk", "sdk, projected", "store"] {
            let own = std::env::current_exe()?;
            let took = took(Command::new(own).args(["read", reader, &pages.url]))?;
            let rate = f64::from(count) / took.cpu / 1e6;
            let peak = took.peak_kib / 1024;
            print(&format!(
                "| {reader} | {:.2} | {:.2} | {rate:.2} | {peak} |\n",
                took.wall, took.cpu
            ))?;
        }
    }
    Ok(())
}

fn count(mut arguments: impl Iterator<Item = OsString>) -> Result<(), Fault> {
    let mut next = || text(arguments.next());
    let (pages, table, cells) = (next()?, next()?, next()?);
    let mut cells = BufWriter::new(File::create(cells)?);
    let took = ours::count(&pages, &table, &mut cells)?;
    cells.flush()?;
    print(&serde_json::to_string(&took)?)
}

fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<(), Fault> {
    let mut next = || text(arguments.next());
    let reader = match next()?.as_str() {
        "sdk" => Reader::Sdk,
        "sdk, projected" => Reader::SdkProjected,
        _ => Reader::Store,
    };
    let (took, _) = ours::read(&next()?, reader)?;
    print(&serde_json::to_string(&took)?)
}

fn text(argument: Option<OsString>) -> Result<String, Fault> {
    let argument = argument.and_then(|argument| argument.into_string().ok());
    argument.ok_or_else(|| Fault::new("an argument is missing"))
}

fn load() -> String {
    resound_sweep::machine::load().unwrap_or_else(|| "-".to_owned())
}

/// The plan; `None` if only the help was asked for.
fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<Plan>, String> {
    let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let mut plan = Plan {
        responses: vec![100_000, 1_000_000],
        seed: 7,
        rounds: 3,
        python: None,
        embedded: false,
        read: None,
        folder: own.with_file_name(format!("resound-night-{}", std::process::id())),
    };
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy().into_owned();
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--embedded" => plan.embedded = true,
            "--python" => plan.python = Some(value()?.into()),
            "--folder" => plan.folder = value()?.into(),
            "--seed" => plan.seed = number(&name, &value()?.to_string_lossy(), u64::MAX)?,
            "--rounds" => plan.rounds = small(&name, &value()?.to_string_lossy(), 100)?,
            "--read" => plan.read = Some(small(&name, &value()?.to_string_lossy(), MOST)?),
            "--responses" => {
                let list = value()?.to_string_lossy().into_owned();
                let sizes = list.split(',').map(|size| small(&name, size, rows::MOST));
                plan.responses = sizes.collect::<Result<_, _>>()?;
            }
            _ => return Err(format!("{name} is not an option; see --help")),
        }
    }
    Ok(Some(plan))
}

fn small(name: &str, text: &str, most: u32) -> Result<u32, String> {
    let number = number(name, text, most.into())?;
    u32::try_from(number).map_err(|fault| fault.to_string())
}

fn number(name: &str, text: &str, most: u64) -> Result<u64, String> {
    let number = text.parse().ok();
    number
        .filter(|n| (1..=most).contains(n))
        .ok_or_else(|| format!("{name} must be a number from 1 to {most}"))
}

fn print(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    Ok(())
}
