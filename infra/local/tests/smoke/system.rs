//! The real program as a child process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::{Answer, Ask};

/// Generous: it only ends what would never end. The demo alone takes three minutes of one core.
const PATIENCE: Duration = Duration::from_secs(900);

/// An empty folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "smoke-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the system keeps its data; it makes this folder itself.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn log(&self) -> PathBuf {
        self.0.join("stderr.log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ignored = fs::remove_dir_all(&self.0);
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resound"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The program, running. It is killed with the test.
pub(crate) struct System {
    child: Mutex<Child>,
    pub(crate) http: String,
    pub(crate) aws: String,
    pub(crate) welcome: String,
    log: PathBuf,
    stdout: Mutex<Receiver<String>>,
}

impl System {
    /// Starts on two free ports.
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let data = folder.data();
        let mut all = vec!["--port", "0", "--data", data.to_str().unwrap()];
        all.extend_from_slice(arguments);
        Self::start_as(folder, &all)
    }

    /// Starts with these arguments and waits until it says where it listens.
    pub(crate) fn start_as(folder: &Folder, arguments: &[&str]) -> Self {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.log())
            .unwrap();
        let mut child = program(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in stdout.lines().map_while(Result::ok) {
                if line.send(text).is_err() {
                    return;
                }
            }
        });
        let mut system = Self {
            child: Mutex::new(child),
            http: String::new(),
            aws: String::new(),
            welcome: String::new(),
            log: folder.log(),
            stdout: Mutex::new(lines),
        };
        while system.http.is_empty() || system.aws.is_empty() {
            let Some(line) = system.next_line() else {
                panic!("it did not start: {}", system.stderr());
            };
            let address = || {
                let rest = line.split_once("http://").unwrap().1;
                let end = rest.find(['/', ',', ' ']).unwrap_or(rest.len());
                rest[..end].to_owned()
            };
            match line.split_whitespace().next() {
                Some("Form") => system.http = address(),
                Some("AWS") => system.aws = address(),
                _ => {}
            }
            system.welcome.push_str(&line);
            system.welcome.push('\n');
        }
        system
    }

    fn next_line(&self) -> Option<String> {
        self.stdout.lock().unwrap().recv_timeout(PATIENCE).ok()
    }

    /// Everything it has logged.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill(self) {
        self.kill_now();
    }

    /// SIGKILL while others still speak to it.
    pub(crate) fn kill_now(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(self) {
        let mut child = self.child.lock().unwrap();
        let sent = Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap();
        assert!(sent.success());
        let ended = wait(&mut child).expect("it stops when asked to");
        assert!(ended.success(), "{ended}: {}", self.stderr());
    }

    pub(crate) fn get(&self, target: &str) -> Ask {
        Ask::new(&self.http, "GET", target)
    }

    pub(crate) fn post(&self, target: &str) -> Ask {
        Ask::new(&self.http, "POST", target)
    }

    pub(crate) fn ask(&self, method: &'static str, target: &str) -> Ask {
        Ask::new(&self.http, method, target)
    }

    /// Posts feedback as a program and returns the receipt.
    #[track_caller]
    pub(crate) fn feedback(&self, body: &Value) -> Receipt {
        let answer = self.post("/v1/feedback").json(body).send().expect(201);
        Receipt(answer.json())
    }

    pub(crate) fn token(&self, role: &str) -> String {
        let answer = self.get(&format!("/_local/token?role={role}")).send();
        let answer = answer.expect(200).json();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// A member of staff with a fresh token.
    pub(crate) fn staff(&self, role: &str) -> Staff<'_> {
        Staff {
            system: self,
            token: self.token(role),
        }
    }

    /// Business time.
    pub(crate) fn now(&self) -> Timestamp {
        let clock = self.get("/_local/clock").send().expect(200).json();
        clock["now"].as_str().unwrap().parse().unwrap()
    }

    /// Moves business time and waits until all is quiet.
    #[track_caller]
    pub(crate) fn advance(&self, by: &str) {
        let ask = self.post("/_local/clock").json(&json!({"advance": by}));
        let clock = ask.send().expect(200).json();
        assert_eq!(clock["quiet"], true, "{clock}\n{}", self.stderr());
    }

    /// Moves business time forward to the next time of day in Shanghai, where the days of the default survey begin.
    pub(crate) fn advance_to(&self, hour: i8) {
        let now = self
            .now()
            .to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
        let today = now
            .with()
            .hour(hour)
            .minute(0)
            .second(0)
            .subsec_nanosecond(0);
        let mut then = today.build().unwrap();
        if then < now {
            then = then.tomorrow().unwrap();
        }
        let by: SignedDuration = now.duration_until(&then);
        self.advance(&format!("PT{}S", by.as_secs() + 1));
    }

    /// What was mailed about a case (its id), in order.
    pub(crate) fn mail(&self, about: &str) -> Vec<Value> {
        let letters = self.get("/_local/mailbox").send().expect(200).json();
        let letters = letters.as_array().unwrap().iter();
        letters
            .filter(|letter| letter["about"] == about)
            .cloned()
            .collect()
    }

    /// Waits until a look at the system shows what is expected: delivery goes on by itself in the background.
    #[track_caller]
    pub(crate) fn eventually<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "not in time: {what}\n{}",
                self.stderr()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // It may have ended already.
        let _ignored = child.kill();
        let _ignored = child.wait();
        let log = self.stderr();
        if thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the log tells why the test failed")]
            {
                eprintln!("--- log of the system\n{log}---");
            }
        } else {
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

/// A member of staff.
pub(crate) struct Staff<'a> {
    system: &'a System,
    token: String,
}

impl Staff<'_> {
    pub(crate) fn get(&self, target: &str) -> Ask {
        self.system.get(target).bearer(&self.token)
    }

    /// A command to a case, to be sent.
    pub(crate) fn ask(&self, case: &str, body: &Value) -> Ask {
        let ask = self.system.post(&format!("/v1/cases/{case}/commands"));
        ask.bearer(&self.token).json(body)
    }

    /// A command that works.
    #[track_caller]
    pub(crate) fn command(&self, case: &str, body: &Value) -> Answer {
        self.ask(case, body).send().expect(200)
    }

    #[track_caller]
    pub(crate) fn case(&self, case: &str) -> Answer {
        self.get(&format!("/v1/cases/{case}")).send().expect(200)
    }

    /// The types of the log of a case, in order.
    #[track_caller]
    pub(crate) fn log(&self, case: &str) -> Vec<String> {
        let case = self.case(case).json();
        let timeline = case["timeline"].as_array().unwrap().iter();
        let types = timeline.map(|event| event["type"].as_str().unwrap().to_owned());
        types.collect()
    }

    /// Every case of a query, page by page.
    #[track_caller]
    pub(crate) fn list(&self, query: &str) -> Vec<Value> {
        let mut cases = Vec::new();
        let mut cursor = String::new();
        for _ in 0..100 {
            let target = format!("/v1/cases?{query}{cursor}");
            let page = self.get(&target).send().expect(200).json();
            cases.extend(page["cases"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else {
                assert!(page["next"].is_null());
                return cases;
            };
            cursor = format!("&cursor={next}");
        }
        panic!("the list has no end");
    }
}

/// What a program got for its feedback.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Receipt(pub(crate) Value);

impl Receipt {
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    pub(crate) fn reference(&self) -> &str {
        self.0["reference"].as_str().unwrap()
    }

    /// The path of the status page: the host is another after a restart on another port.
    pub(crate) fn status_path(&self) -> &str {
        let url = self.0["status_url"].as_str().unwrap();
        &url[url.find("/v1/").unwrap()..]
    }

    pub(crate) fn time(&self, field: &str) -> Timestamp {
        self.0[field].as_str().unwrap().parse().unwrap()
    }
}

/// Starts on a folder and kills it so soon that it may not be up yet.
pub(crate) fn killed_while_starting(folder: &Folder, after: Duration) {
    let data = folder.data();
    let mut child = program(&["--port", "0", "--data", data.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Starts what must not start, and returns the one sentence that says why.
#[track_caller]
pub(crate) fn refused(arguments: &[&str]) -> String {
    let mut child = program(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = wait(&mut child);
    let Some(ended) = ended else {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{arguments:?} started");
    };
    let (mut out, mut why) = (String::new(), String::new());
    child.stdout.unwrap().read_to_string(&mut out).unwrap();
    child.stderr.unwrap().read_to_string(&mut why).unwrap();
    assert!(ended.code().is_some_and(|code| code != 0), "{ended}");
    assert_eq!(out, "");
    assert!(!why.contains("panicked"), "{why}");
    let sentence = why
        .strip_prefix("resound: ")
        .unwrap_or_else(|| panic!("{why}"));
    assert_eq!(sentence.lines().count(), 1, "{why}");
    sentence.trim_end().to_owned()
}

/// How a process ended, if it does in time.
fn wait(child: &mut Child) -> Option<std::process::ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(ended) = child.try_wait().unwrap() {
            return Some(ended);
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}
