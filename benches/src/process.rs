//! One start of a bootstrap, with Lambda's side of the conversation.

use resound_bench::SIGNING_KEYS;
use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::aws::{FakeAws, Tls};
use crate::http;
use crate::peer::Peer;

/// Longer than any call takes, also under callgrind on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the program runs under.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Under<'a> {
    /// Nothing: times are true.
    Nothing,
    /// Valgrind's callgrind, which counts instructions, and writes here where they went.
    Callgrind(&'a Path),
}

/// What one start showed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shot {
    /// From before the process is made to its first request for work.
    pub(crate) init: Duration,
    /// From the first event sent to its answer.
    pub(crate) first: Duration,
    /// CPU time of a warm call, all threads, on average.
    pub(crate) warm_cpu: Duration,
    /// The most memory it held, in KiB.
    pub(crate) peak_kib: u64,
    /// Calls of AWS in all, by call of the function.
    pub(crate) aws_calls: f64,
    /// All instructions of the process.
    pub(crate) instructions: Option<u64>,
}

/// What a runtime says to Lambda.
enum Said {
    /// It wants work.
    Next {
        asked: Instant,
        /// What it had used until then.
        cpu: Duration,
        /// When it was given some.
        given: Instant,
    },
    /// It answered.
    Answer(Instant),
    /// It failed.
    Failed(String),
}

/// Starts a peer, calls it once and then `warm` times, and stops it.
pub(crate) fn run(peer: &Peer, aws: &FakeAws, tls: &Tls, warm: usize, under: Under<'_>) -> Shot {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    aws.expect(&peer.answers);

    let started = Instant::now();
    let mut child = command(peer, under)
        .envs(environment(tls, &aws.url))
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", peer.name));
    let pid = child.id();
    let (say, said) = mpsc::channel();
    let (event, calls) = (peer.event.clone(), 1 + warm);
    thread::spawn(move || runtime_api(&listener, pid, &event, calls, &say));

    let mut shot = Shot::default();
    let (mut answers, mut sent, mut cpu) = (0, started, Vec::new());
    while cpu.len() <= calls {
        match said.recv_timeout(PATIENCE) {
            Ok(Said::Next {
                asked,
                cpu: used,
                given,
            }) => {
                if cpu.is_empty() {
                    shot.init = asked - started;
                }
                sent = given;
                cpu.push(used);
            }
            Ok(Said::Answer(at)) => {
                if answers == 0 {
                    shot.first = at - sent;
                }
                answers += 1;
            }
            Ok(Said::Failed(why)) => {
                let question = aws
                    .unheard()
                    .map(|question| format!("; not recorded: {question}"));
                fail(&mut child, peer, &(why + &question.unwrap_or_default()))
            }
            Err(_) => fail(&mut child, peer, "nothing was heard of it"),
        }
    }
    if let Some(question) = aws.unheard() {
        fail(
            &mut child,
            peer,
            &format!("it asks for what was not recorded, {question}"),
        );
    }
    if warm > 0 {
        shot.warm_cpu = (cpu[calls] - cpu[1]) / u32::try_from(warm).expect("few calls");
    }
    shot.peak_kib = peak_kib(pid);
    shot.aws_calls = aws.calls() as f64 / calls as f64;
    // Valgrind writes its summary when it is asked to end, not when it is killed.
    let asked = Command::new("kill")
        .args(["-TERM", &pid.to_string()])
        .status();
    assert!(
        asked.is_ok_and(|status| status.success()),
        "{} ended by itself",
        peer.name
    );
    let output = child.wait_with_output().expect("its output");
    if under != Under::Nothing {
        shot.instructions = collected(&String::from_utf8_lossy(&output.stderr));
    }
    shot
}

fn command(peer: &Peer, under: Under<'_>) -> Command {
    let mut command = match under {
        Under::Nothing => Command::new(&peer.binary),
        Under::Callgrind(profile) => {
            let mut valgrind = Command::new("valgrind");
            valgrind
                .arg("--tool=callgrind")
                .arg(format!("--callgrind-out-file={}", profile.display()))
                .arg(&peer.binary);
            valgrind
        }
    };
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

/// What Lambda sets, and what the template sets.
fn environment(tls: &Tls, aws: &str) -> Vec<(&'static str, String)> {
    let authority = tls.authority.display().to_string();
    let mut variables = vec![
        ("SSL_CERT_FILE", authority),
        ("AWS_ENDPOINT_URL", aws.to_owned()),
    ];
    let fixed = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        (
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        (
            "AWS_SESSION_TOKEN",
            "FwoGZXIvYXdzEXAMPLETOKENEXAMPLETOKENEXAMPLETOKENEXAMPLETOKENEXAMPLETOKENEXAMPLE",
        ),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        (
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "2026/11/21/[$LATEST]0123456789abcdef",
        ),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("TABLE_NAME", "resound-Table"), // as recorded
        ("LOG_LEVEL", "info"),
        ("TIME_ZONE", "Asia/Shanghai"),
        ("PUBLIC_URL", "https://feedback.example.test"),
        ("SIGNING_KEYS", SIGNING_KEYS),
        ("ALLOWED_ORIGINS", "https://www.example.test"),
        (
            "CUSTOMER_NOTICES_URL",
            "https://sqs.us-east-1.amazonaws.com/123456789012/customer-notices",
        ),
        (
            "STAFF_ALERTS_URL",
            "https://sqs.us-east-1.amazonaws.com/123456789012/staff-alerts",
        ),
        ("STAFF_LOCALE", "en"),
        ("LETTERS_A_MINUTE", "600"),
        ("MAIL_FROM", "feedback@example.test"),
        ("OWNER_EMAIL", "owner@example.test"),
        ("TEAM_LEAD_EMAIL", "lead@example.test"),
        ("MANAGER_EMAIL", "manager@example.test"),
        ("EXECUTIVE_EMAIL", "executive@example.test"),
    ];
    variables.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    variables
}

/// Plays the Runtime API: hands out the event so often, and holds the last request open as Lambda does when it freezes
/// an environment.
fn runtime_api(listener: &TcpListener, pid: u32, event: &str, calls: usize, say: &Sender<Said>) {
    let handed_out = AtomicU64::new(0);
    thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            let (say, handed_out) = (say.clone(), &handed_out);
            scope.spawn(move || converse(stream, pid, event, calls as u64, handed_out, &say));
        }
    });
}

fn converse(
    stream: TcpStream,
    pid: u32,
    event: &str,
    calls: u64,
    handed_out: &AtomicU64,
    say: &Sender<Said>,
) {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    stream.set_nodelay(true).expect("a socket");
    let mut stream = BufReader::new(stream);
    while let Some(request) = http::read(&mut stream) {
        let now = Instant::now();
        let answer = if request.method == "GET" && request.path.ends_with("/invocation/next") {
            let cpu = cpu_time(pid);
            let n = NUMBER.fetch_add(1, Ordering::SeqCst);
            let event = event.replace("{{n}}", &format!("{n:08}"));
            let answer = http::answer("200 OK", &invocation_headers(n), &event);
            say.send(Said::Next {
                asked: now,
                cpu,
                given: Instant::now(),
            })
            .unwrap_or_default();
            if handed_out.fetch_add(1, Ordering::SeqCst) >= calls {
                // Ends with the process.
                let _ended = stream.read(&mut [0]);
                return;
            }
            answer
        } else {
            say.send(if request.path.ends_with("/response") {
                Said::Answer(now)
            } else {
                Said::Failed(format!(
                    "{}: {}",
                    request.path,
                    String::from_utf8_lossy(&request.body)
                ))
            })
            .unwrap_or_default();
            http::answer("202 Accepted", "", "{\"status\":\"OK\"}")
        };
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn invocation_headers(n: u64) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a deadline of the machine's, as Lambda sends it"
    )]
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let deadline = now.as_millis() + 300_000;
    format!(
        "lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-{n:012x}\r\n\
         lambda-runtime-deadline-ms: {deadline}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n\
         lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n"
    )
}

/// CPU time that the living threads of a process have used, to the nanosecond.
fn cpu_time(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let used = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(used.sum())
}

fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let word = line.and_then(|line| line.split_whitespace().nth(1));
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// Reads `==1== Collected : 123`.
fn collected(summary: &str) -> Option<u64> {
    let line = summary.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn fail(child: &mut Child, peer: &Peer, why: &str) -> ! {
    child.kill().expect("it can be stopped");
    let mut log = String::new();
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_string(&mut log).unwrap_or_default();
    }
    child.wait().expect("it ended");
    panic!("{}: {why}\n{log}", peer.name)
}
