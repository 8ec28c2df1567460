//! Runs over a real table: two at once, and very many reporters.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar;
use resound_domain::event::Actor;
use resound_domain::id::{ImprovementId, IssueId, ResponseId};
use resound_domain::issue::announcement::{self, Announcement, Fate, Occasion, Words};
use resound_domain::issue::improvement::{self, Improvement, Plan};
use resound_domain::issue::{About, How, Issue, Link, Note, Reporter, Title};
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_lambda_kit::{Function, Invocation};
use resound_messages::Tick;
use resound_store::{Accepted, Appended, ConfigKind, Digest, Linked, Opened, Published, Store};
use resound_testing::{Aws, Server, TABLE, ZONE, start, vars};
use serde_json::{Value, json};
use tell_reporters::{App, Config, Telling};
use tokio::sync::Notify;

const IMPROVEMENT: ImprovementId = ImprovementId::from_bits(24);
const ISSUE: IssueId = IssueId::from_bits(1);

fn ann() -> Actor {
    Actor::Staff("ann".to_owned())
}

fn app(aws: &Aws, letters_a_minute: &str) -> App {
    let own = [
        ("MAIL_FROM", "care@example.test"),
        ("LETTERS_A_MINUTE", letters_a_minute),
    ];
    App::new(vars(&own).read(Config::read).unwrap(), &aws.clients)
}

/// Somebody of their own who reported it, linked to the issue. Of ten, one reads traditional Chinese and one simplified, and
/// one has another product.
async fn reported(aws: &Aws, n: u128) {
    let (locale, language) = match n % 10 {
        0 => ("zh-CN", Some("zh-TW")),
        1 => ("zh-CN", None),
        _ => ("en", None),
    };
    let submission: Submission = serde_json::from_value(json!({
        "form": "default", "channel": "web", "locale": locale, "language": language, "text": "It crashes on start.", "nps": 3,
        "product": if n % 10 == 2 { "T-1" } else { "K-200" },
        "contact": {"email": format!("customer-{n}@customer.example")},
    }))
    .unwrap();
    let response = Response {
        id: response_of(n),
        received_at: start(),
        day: start().to_zoned(calendar::zone(ZONE).unwrap()).date(),
        triage: triage(&Input::from(&submission)),
        submission,
        trace_id: None,
        amended: None,
        promise: None,
    };
    let digest = Digest([7; 32]);
    let kept = aws.store.accept(&response, &digest, None, start()).await;
    assert_eq!(kept.unwrap(), Accepted::New);
    let link = Link {
        response: response.id,
        how: How::Rule,
        unlinked: false,
        reporter: Reporter::of(&response, None),
    };
    let linked = aws.store.link(ISSUE, &link, start()).await;
    assert_eq!(linked.unwrap(), Linked::Linked);
}

/// Ids are anywhere, as those of real ones.
fn response_of(n: u128) -> ResponseId {
    ResponseId::from_bits(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// An announcement of what so many reported.
async fn announced(aws: &Aws, people: u128) {
    let about = About {
        title: Title::new("It crashes on start").unwrap(),
        category: None,
        touchpoint: None,
        product: None,
        core: false,
        effort: None,
        rule: None,
    };
    let opened = Issue::open(about, ann(), start());
    let done = aws.store.open_issue(ISSUE, &opened, None).await;
    assert_eq!(done.unwrap(), Opened::New);
    let all = stream::iter(0..people).map(|n| reported(aws, n));
    all.buffer_unordered(16).collect::<Vec<_>>().await;
    let plan = Plan {
        title: Title::new("Start without a network").unwrap(),
        issues: vec![ISSUE],
        touchpoint: None,
        owner: None,
        due: None,
    };
    let opened = Improvement::open(plan, ann(), start());
    let done = aws.store.open_improvement(IMPROVEMENT, &opened, None).await;
    assert_eq!(done.unwrap(), Opened::New);
    let before = Improvement::begin(IMPROVEMENT, &opened).unwrap();
    let version = "2.4".to_owned();
    let ship = improvement::Command::Ship { version };
    let entry = before.handle(&ship, ann(), start()).unwrap().unwrap();
    let mut after = before.clone();
    after.apply(&entry);
    let done = aws
        .store
        .append_to_improvement(&before, &after, &entry, None);
    assert_eq!(done.await.unwrap(), Appended::Appended);
    let words = Words {
        zh_cn: Note::new("请升级到 2.4。").unwrap(),
        zh_tw: None,
        en: Note::new("Update the app to 2.4.").unwrap(),
    };
    let started = Announcement::start(&after, words, ann(), start()).unwrap();
    let done = aws
        .store
        .start_announcement(IMPROVEMENT, &started, None, None)
        .await;
    assert_eq!(done.unwrap(), Opened::New);
}

/// The run of a minute, named apart from every other.
async fn run(app: &App, minutes: i64, name: &str) -> Telling {
    let time = start() + SignedDuration::from_mins(minutes);
    let mut invocation = Invocation::at(format!("{name}-{minutes}"), time);
    invocation.deadline = Some(time + SignedDuration::from_secs(50));
    app.handle(Tick { time }, &invocation).await.unwrap()
}

async fn ended(aws: &Aws) -> Option<Timestamp> {
    let progress = aws.store.progress(IMPROVEMENT).await.unwrap();
    progress.and_then(|progress| progress.pass.ended_at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_at_once_tell_nobody_twice() {
    let aws = Aws::start().await;
    announced(&aws, 150).await;
    let (one, two) = (app(&aws, "60000"), app(&aws, "60000"));
    for minutes in 0..5 {
        let _both = tokio::join!(run(&one, minutes, "one"), run(&two, minutes, "two"));
    }
    assert!(ended(&aws).await.is_some());
    // Whoever one run found in the hands of the other is looked at again an hour later.
    run(&one, 90, "one").await;
    let progress = aws.store.progress(IMPROVEMENT).await.unwrap().unwrap();
    let counts = &progress.pass.counts;
    let told = counts.of(Fate::Sent) + counts.of(Fate::Already);
    assert_eq!((told, counts.total()), (150, 150), "{counts:?}");
    let mut letters: BTreeMap<String, usize> = BTreeMap::new();
    let traditional = "您反映的問題已在 2.4 版本中解決";
    for letter in aws.port.mailbox().list() {
        let reads_it = letter.to.contains("0@");
        assert_eq!(
            letter.subject.starts_with(traditional),
            reads_it,
            "{letter:?}"
        );
        *letters.entry(letter.to).or_default() += 1;
    }
    assert_eq!(letters.len(), 150);
    assert!(letters.values().all(|n| *n == 1), "{letters:?}");
}

#[tokio::test]
async fn each_is_written_to_by_the_brand_of_their_product() {
    let texts =
        |zh_cn: &str, zh_tw: &str, en: &str| json!({"zh-CN": zh_cn, "zh-TW": zh_tw, "en": en});
    let document = json!({"brands": [{
        "id": "kettle", "name": texts("茶壶", "茶壺", "Kettle & Co"), "products": ["K-200"],
        "from": "care@kettle.example", "reply_to": "Care <answers@kettle.example>",
        "signature": texts("茶壶公司", "茶壺公司", "Kettle & Co, Tea Street 1"),
    }]});
    for (senders, address) in [
        (
            "hello@tea.example,care@kettle.example",
            "care@kettle.example",
        ),
        // The operator has taken it away again: no letter is lost.
        ("hello@tea.example", "resound@example.test"),
    ] {
        let aws = Aws::start().await;
        announced(&aws, 4).await;
        let published = aws
            .store
            .publish_config(ConfigKind::Templates, 1, &document)
            .await;
        assert_eq!(published.unwrap(), Published::Published);
        let ses = Server::answering(200, r#"{"MessageId":"m-1"}"#);
        let clients = Clients {
            mailer: Clients::new(&Settings::emulator(ses.url())).mailer,
            ..aws.clients.clone()
        };
        let own = [
            ("MAIL_FROM", "Resound <resound@example.test>"),
            ("BRAND_SENDERS", senders),
            ("LETTERS_A_MINUTE", "60000"),
        ];
        let app = App::new(vars(&own).read(Config::read).unwrap(), &clients);
        assert_eq!(run(&app, 1, "run").await.letters, 4);
        let letters: BTreeMap<String, Value> = ses
            .requests()
            .iter()
            .map(|request| {
                let sent: Value = serde_json::from_str(&request.body).unwrap();
                let to = &sent["Destination"]["ToAddresses"][0];
                (to.as_str().unwrap().to_owned(), sent)
            })
            .collect();
        for (n, name, signature) in [
            (0, "=?UTF-8?B?6Iy25aO6?=", Some("茶壺公司")),
            (1, "=?UTF-8?B?6Iy25aO2?=", Some("茶壶公司")),
            (2, "\"Resound\"", None),
            (3, "\"Kettle & Co\"", Some("Kettle & Co, Tea Street 1")),
        ] {
            let sent = &letters[&format!("customer-{n}@customer.example")];
            let (address, reply_to) = match signature {
                Some(_) => (address, json!(["\"Care\" <answers@kettle.example>"])),
                None => ("resound@example.test", json!([])),
            };
            assert_eq!(sent["FromEmailAddress"], format!("{name} <{address}>"));
            assert_eq!(sent["ReplyToAddresses"], reply_to);
            let text = &sent["Content"]["Simple"]["Body"]["Text"]["Data"];
            let text = text.as_str().unwrap();
            for each in ["茶壶公司", "茶壺公司", "Kettle & Co, Tea Street 1"] {
                assert_eq!(text.contains(each), signature == Some(each), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn a_minute_takes_no_more_than_its_letters() {
    let aws = Aws::start().await;
    announced(&aws, 60).await;
    // Of a pace at which a test need not wait, all but a few letters are gone.
    let app = app(&aws, "60000");
    for (minutes, left, letters) in [(0, 25, 25), (1, 0, 0), (2, 30, 30), (3, 100, 5)] {
        let minute = start() + SignedDuration::from_mins(minutes);
        let taken = aws.store.take_letters(minute, 60_000 - left, 60_000).await;
        assert_eq!(taken.unwrap(), 60_000 - left);
        let telling = run(&app, minutes, "run").await;
        assert_eq!(telling.letters, letters, "minute {minutes}");
        assert_eq!(telling.unfinished, minutes < 3);
    }
    assert!(ended(&aws).await.is_some());
    assert_eq!(aws.port.mailbox().list().len(), 60);
    // Whoever asks later hears that they were told, and not that they are perhaps being told.
    let everybody: Vec<_> = (0..60).map(response_of).collect();
    let fates = aws
        .store
        .fates(Occasion::Announcement, IMPROVEMENT, &everybody);
    let kept = fates.await.unwrap().kept;
    let told = kept.iter().filter(|told| told.fate == Fate::Sent);
    assert_eq!((told.count(), kept.len()), (60, 60), "{kept:?}");
}

/// Counts the calls of a function by what is called, and the letters by who gets them.
#[derive(Debug, Clone)]
struct Counting {
    inner: SharedHttpConnector,
    calls: Arc<Mutex<BTreeMap<String, u64>>>,
    letters: Arc<Letters>,
}

impl HttpConnector for Counting {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let operation = target.and_then(|target| Some(target.split('.').nth(1)?.to_owned()));
        let name = operation.clone().unwrap_or("SendEmail".to_owned());
        *self.calls.lock().unwrap().entry(name).or_default() += 1;
        if operation.is_some() {
            return self.inner.call(request);
        }
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let body = ByteStream::new(request.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            let body = body.into_bytes();
            this.letters.left(&body);
            *request.body_mut() = SdkBody::from(body);
            this.inner.call(request).await
        })
    }
}

/// How many letters left for each customer, in a place that does not grow.
#[derive(Debug)]
struct Letters {
    to: Vec<AtomicU8>,
    all: AtomicU64,
    more: Notify,
}

impl Letters {
    fn of(people: u128) -> Self {
        let people = usize::try_from(people).unwrap();
        Self {
            to: std::iter::repeat_with(AtomicU8::default)
                .take(people)
                .collect(),
            all: AtomicU64::default(),
            more: Notify::new(),
        }
    }

    fn left(&self, body: &[u8]) {
        let body = std::str::from_utf8(body).unwrap();
        let (_, rest) = body.split_once("customer-").unwrap();
        let (number, _) = rest.split_once('@').unwrap();
        self.to[number.parse::<usize>().unwrap()].fetch_add(1, Ordering::Relaxed);
        self.all.fetch_add(1, Ordering::Relaxed);
        self.more.notify_one();
    }

    fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Comes back when so many have left.
    async fn come_to(&self, letters: u64) {
        while self.all() < letters {
            self.more.notified().await;
        }
    }

    /// The most letters that anybody was sent.
    fn most(&self) -> u8 {
        let each = self.to.iter().map(|to| to.load(Ordering::Relaxed));
        each.max().unwrap_or_default()
    }
}

/// Resident memory of this process, now and at most, in MB.
fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kb = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kb.unwrap_or_default() / 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// The table, the mailbox and the reporters, in a process of their own, as memory is measured here.
struct Elsewhere {
    process: Child,
    settings: Settings,
}

impl Elsewhere {
    /// What the program starts itself with.
    const VARIABLE: &str = "RESOUND_AWS_OF";

    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["a_hundred_thousand_reporters", "--ignored", "--nocapture"])
            .env(Self::VARIABLE, "here")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut urls = lines.map_while(Result::ok);
        let url = urls.find_map(|line| Some(line.strip_prefix("AWS ")?.to_owned()));
        let settings = Settings::emulator(url.expect("the table"));
        Self { process, settings }
    }

    /// What that process does: it ends with whoever started it, however that ends, because its input ends then.
    async fn be(people: u128) {
        std::thread::spawn(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap_or_default();
            std::process::exit(0);
        });
        let aws = Aws::start().await;
        announced(&aws, people).await;
        println!("\nAWS {}", aws.port.url());
        std::future::pending().await
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // Not before its input is closed; if it is gone already there is nothing to wait for.
        drop(self.process.stdin.take());
        self.process.wait().map(drop).unwrap_or_default();
    }
}

async fn commanded(store: &Store, command: announcement::Command, at: Timestamp) {
    let before = store.announcement(IMPROVEMENT).await.unwrap().unwrap();
    let entry = before.handle(command, ann(), at).unwrap().unwrap();
    let mut after = before.clone();
    after.apply(&entry);
    let done = store.append_to_announcement(&before, &after, &entry, None);
    assert_eq!(done.await.unwrap(), Appended::Appended);
}

/// `REPORTERS=100000 cargo test -p tell-reporters --test telling hundred -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_hundred_thousand_reporters() {
    #[expect(
        clippy::disallowed_methods,
        reason = "what a person asks of a test is no configuration of a function"
    )]
    let (child, people) = (
        std::env::var(Elsewhere::VARIABLE),
        std::env::var("REPORTERS"),
    );
    let people: u128 = people.ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    if child.is_ok() {
        return Elsewhere::be(people).await;
    }
    let began = Instant::now();
    let elsewhere = Elsewhere::start();
    println!("{people} reporters linked in {:.0?}", began.elapsed());
    let calls = Arc::<Mutex<BTreeMap<String, u64>>>::default();
    let letters = Arc::new(Letters::of(people));
    let counting = SharedHttpConnector::new(Counting {
        inner: connector(),
        calls: Arc::clone(&calls),
        letters: Arc::clone(&letters),
    });
    let clients = Clients::with(&elsewhere.settings, counting, Retries::Off);
    let store = Store::new(Clients::new(&elsewhere.settings).dynamodb, TABLE);
    let own = [
        ("MAIL_FROM", "care@example.test"),
        ("LETTERS_A_MINUTE", "60000"),
    ];
    let app = App::new(vars(&own).read(Config::read).unwrap(), &clients);
    let pass = async || {
        let progress = store.progress(IMPROVEMENT).await.unwrap();
        progress.map(|progress| progress.pass)
    };
    let people = u64::try_from(people).unwrap();
    let (began, mut minutes) = (Instant::now(), 0);
    let say = |minutes: i64| {
        let (now, most) = resident();
        let letters = letters.all();
        println!("run {minutes}: {letters} letters, {now} MB, at most {most} MB");
        now
    };

    // After a quarter of them a run is killed in the middle of its letters.
    let mut killed = false;
    while !killed {
        minutes += 1;
        killed = tokio::select! {
            _ = run(&app, minutes, "killed") => false,
            () = letters.come_to(people / 4) => true,
        };
        say(minutes);
    }
    // After half of them it is stopped, which takes hold within a hundred reporters, and nobody is told until it goes on.
    let mut stopped = None;
    while stopped.is_none() {
        minutes += 1;
        let at = start() + SignedDuration::from_mins(minutes);
        tokio::select! {
            _ = run(&app, minutes, "run") => {}
            _ = async {
                letters.come_to(people / 2).await;
                commanded(&store, announcement::Command::Stop, at).await;
                stopped = Some(letters.all());
                std::future::pending::<()>().await;
            } => {}
        }
        say(minutes);
    }
    let more = letters.all() - stopped.unwrap();
    println!("{more} letters after the stop");
    assert!(more <= 100, "{more} letters after the stop");
    let before = pass().await.unwrap();
    let done = before.counts.total();
    assert!(
        letters.all().abs_diff(done) <= 8,
        "{done} are done with, which is all but those in whose letters a run was killed"
    );
    minutes += 1;
    assert_eq!(run(&app, minutes, "stopped").await, Telling::default());
    assert_eq!(pass().await.unwrap(), before);
    let at = start() + SignedDuration::from_mins(minutes);
    commanded(&store, announcement::Command::GoOn, at).await;

    let mut flat = None;
    while pass().await.unwrap().ended_at.is_none() {
        minutes += 1;
        run(&app, minutes, "run").await;
        let now = say(minutes);
        let first = *flat.get_or_insert(now);
        assert!(now <= first + 8, "{now} MB, where it began with {first} MB");
    }
    let took = began.elapsed();
    let (sent, first) = (letters.all(), std::mem::take(&mut *calls.lock().unwrap()));
    println!("{sent} letters in {minutes} runs, {took:.0?}");
    println!("calls: {first:?}, {:.2} a letter", per(&first, sent));

    // An hour later nobody is in the hands of the run that was killed any more.
    minutes += 90;
    while pass().await.unwrap().number == 1 || pass().await.unwrap().ended_at.is_none() {
        let telling = run(&app, minutes, "later").await;
        assert_eq!(telling.letters, 0);
        minutes += 1;
    }
    let counts = pass().await.unwrap().counts;
    println!("in the end: {counts:?}");
    let (told, doubts) = (counts.of(Fate::Sent), counts.of(Fate::Unknown));
    assert_eq!(told + doubts, people, "{counts:?}");
    assert!(doubts <= 8, "no more than were under way: {counts:?}");
    assert!((told..=people).contains(&letters.all()));
    assert_eq!(letters.most(), 1, "nobody is written to twice");

    // A day later everybody is looked at again, and nobody written to.
    calls.lock().unwrap().clear();
    let (began, day) = (Instant::now(), minutes + 24 * 60);
    let again = run(&app, day, "run").await;
    let took = began.elapsed();
    println!("a pass over those who are told: {again:?} in {took:.0?}");
    let next = calls.lock().unwrap().clone();
    println!(
        "calls: {next:?}, {:.3} a reporter",
        per(&next, again.reporters)
    );
    assert_eq!(again.letters, 0);
}

#[expect(clippy::cast_precision_loss, reason = "for a person to read")]
fn per(calls: &BTreeMap<String, u64>, of: u64) -> f64 {
    calls.values().sum::<u64>() as f64 / of as f64
}
