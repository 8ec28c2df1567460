//! SES, the one call we make: `POST /v2/email/outbound-emails` with simple content. What it accepts goes to a mailbox
//! instead of the world.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::sqs::{NewMessage, Sqs};
use super::{ACCOUNT, Clock, Data, StartError};

/// Name of the mailbox in the data folder: one JSON object a line.
const FILE: &str = "mailbox.jsonl";

/// How many letters are kept for listing; the file keeps them all.
const KEPT: usize = 1000;

/// SES accepts this many recipients in one call.
const MAX_RECIPIENTS: usize = 50;

/// The tag whose value becomes [`Letter::about`].
const ABOUT_TAG: &str = "about";

/// One message that was caught on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Business time of acceptance.
    pub at: Timestamp,
    /// How it would have travelled: `email` or `sms`.
    pub channel: String,
    /// Who sent it, as the sender gave it; empty if it was caught before this was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// The bare addresses of the recipients, separated by a comma and a space.
    pub to: String,
    /// The subject line; empty where the channel has none.
    pub subject: String,
    /// The plain text, empty if there is none.
    pub text: String,
    /// The HTML alternative.
    pub html: Option<String>,
    /// What it is about: the value of the tag `about`.
    pub about: Option<String>,
    /// The further headers it was sent with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The message id the sender was given.
    pub id: String,
}

/// Everything that was caught, in order of arrival. A letter is on disk before its sender learns that it was accepted,
/// so the mailbox shows each accepted letter, twice if it was sent twice.
pub struct Mailbox {
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The file and its length up to the last whole line.
    file: Option<(File, u64)>,
    recent: VecDeque<Letter>,
    count: u64,
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Opens the mailbox. A last line cut short by a kill is dropped: its sender was not told that it was accepted.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds a line that is not ours.
    pub(super) fn open(data: &Data, clock: Clock) -> Result<Self, StartError> {
        let inner = match data {
            Data::Memory => Inner {
                file: None,
                recent: VecDeque::new(),
                count: 0,
            },
            Data::Dir(folder) => read(&folder.join(FILE))?,
        };
        Ok(Self {
            clock,
            inner: Mutex::new(inner),
        })
    }

    /// The last thousand letters, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Letter> {
        self.lock().recent.iter().cloned().collect()
    }

    /// How many letters were ever caught.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Keeps a letter and gives it the business time and an id. Blocks until the letter is on disk.
    ///
    /// # Errors
    ///
    /// When it cannot be written; then it was not kept at all.
    pub(super) fn keep(&self, draft: Draft) -> Result<Letter, std::io::Error> {
        let at = (self.clock)();
        let mut inner = self.lock();
        let letter = Letter {
            at,
            channel: draft.channel.into(),
            from: draft.from,
            to: draft.to,
            subject: draft.subject,
            text: draft.text,
            html: draft.html,
            about: draft.about,
            headers: draft.headers,
            id: format!("{:016x}-{:08x}", at.as_millisecond(), inner.count + 1),
        };
        if let Some((file, length)) = &mut inner.file {
            let mut line = serde_json::to_vec(&letter)?;
            line.push(b'\n');
            if let Err(error) = file.write_all(&line).and_then(|()| file.sync_data()) {
                // Half a line must not become the beginning of the next one.
                file.set_len(*length)?;
                file.seek(SeekFrom::End(0))?;
                return Err(error);
            }
            *length += line.len() as u64;
        }
        inner.push(letter.clone());
        Ok(letter)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, letter: Letter) {
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(letter);
        self.count += 1;
    }
}

fn read(path: &Path) -> Result<Inner, StartError> {
    let io = |source| StartError::Io {
        path: PathBuf::from(path),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(io)?;
    let mut inner = Inner {
        file: None,
        recent: VecDeque::new(),
        count: 0,
    };
    let mut lines = BufReader::new(file);
    let mut length = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.read_until(b'\n', &mut line).map_err(io)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        let letter = serde_json::from_slice(&line).map_err(|error| StartError::Damaged {
            path: path.into(),
            detail: format!("line {}: {error}", inner.count + 1),
        })?;
        inner.push(letter);
        length += line.len() as u64;
    }
    let mut file = lines.into_inner();
    file.set_len(length).map_err(io)?;
    file.seek(SeekFrom::Start(length)).map_err(io)?;
    inner.file = Some((file, length));
    Ok(inner)
}

/// Why a send was refused, as SES says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SesError {
    /// The request is wrong; sending it again changes nothing.
    BadRequest(String),
    /// The mailbox could not be written.
    Internal(String),
}

/// The body of a send that can be accepted.
pub(super) struct Draft {
    pub(super) channel: &'static str,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
    pub(super) about: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
}

/// What SES tells of a letter besides what it says.
struct Envelope {
    from: String,
    recipients: Vec<String>,
    tags: BTreeMap<String, String>,
    configuration_set: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    #[serde(default)]
    destination: Destination,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    content: Option<Content>,
    #[serde(default)]
    email_tags: Vec<Pair>,
    configuration_set_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Part,
    body: Body,
    #[serde(default)]
    headers: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Part>,
    html: Option<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    name: String,
    value: String,
}

/// Answers one `SendEmail`: keeps the letter and returns the message id. Blocks until the letter is on disk.
///
/// As strict as SES where it matters to a sender: addresses in plain ASCII, no control characters in what becomes a
/// header, tags of letters, digits, `_`, `-`, `.` and `@` only.
pub(super) fn send(mailbox: &Mailbox, reports: &Reports, body: &[u8]) -> Result<String, SesError> {
    let request: SendEmail = serde_json::from_slice(body)
        .map_err(|error| SesError::BadRequest(format!("The body is not valid: {error}")))?;
    let (draft, envelope) = accept(request).map_err(SesError::BadRequest)?;
    if let Some(set) = &envelope.configuration_set
        && !reports.knows(set)
    {
        let message = format!("Configuration set <{set}> does not exist.");
        return Err(SesError::BadRequest(message));
    }
    let letter = mailbox
        .keep(draft)
        .map_err(|error| SesError::Internal(format!("The mailbox cannot be written: {error}")))?;
    if let Some(set) = &envelope.configuration_set {
        reports.publish(set, &events(&envelope, &letter, set));
    }
    Ok(letter.id)
}

fn accept(request: SendEmail) -> Result<(Draft, Envelope), String> {
    let from = request
        .from_email_address
        .ok_or("Missing required header 'From'.")?;
    check_address(&from)?;
    let Destination {
        to_addresses,
        cc_addresses,
        bcc_addresses,
    } = request.destination;
    let recipients: Vec<String> = [to_addresses, cc_addresses, bcc_addresses].concat();
    if recipients.is_empty() {
        return Err("Destination must contain at least one recipient.".into());
    }
    if recipients.len() > MAX_RECIPIENTS {
        return Err(format!("Recipient count exceeds {MAX_RECIPIENTS}."));
    }
    let to: Vec<&str> = recipients
        .iter()
        .map(|address| check_address(address))
        .collect::<Result<_, _>>()?;
    for address in &request.reply_to_addresses {
        check_address(address)?;
    }
    let simple = request
        .content
        .and_then(|content| content.simple)
        .ok_or("Only simple content is emulated: Content.Simple is missing.")?;
    check_header("Subject", &simple.subject.data)?;
    for header in &simple.headers {
        let name_is_fine = !header.name.is_empty()
            && header
                .name
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b':');
        if !name_is_fine || !header.value.is_ascii() {
            return Err(format!("Invalid header: {:?}.", header.name));
        }
        check_header(&header.name, &header.value)?;
    }
    for tag in &request.email_tags {
        let allowed = |text: &str| {
            (1..=256).contains(&text.len())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-.@".contains(&b))
        };
        if !allowed(&tag.name) || !allowed(&tag.value) {
            return Err(format!(
                "Invalid message tag: {:?} = {:?}.",
                tag.name, tag.value
            ));
        }
    }
    if simple.body.text.is_none() && simple.body.html.is_none() {
        return Err("Body must contain Text or Html.".into());
    }
    let tags: BTreeMap<String, String> = request
        .email_tags
        .into_iter()
        .map(|tag| (tag.name, tag.value))
        .collect();
    let recipients = to.iter().map(|address| (*address).to_owned()).collect();
    let draft = Draft {
        channel: "email",
        from: from.clone(),
        to: to.join(", "),
        subject: simple.subject.data,
        text: simple.body.text.map(|part| part.data).unwrap_or_default(),
        html: simple.body.html.map(|part| part.data),
        about: tags.get(ABOUT_TAG).cloned(),
        headers: simple
            .headers
            .into_iter()
            .map(|header| (header.name, header.value))
            .collect(),
    };
    let envelope = Envelope {
        from,
        recipients,
        tags,
        configuration_set: request.configuration_set_name,
    };
    Ok((draft, envelope))
}

/// Where a configuration set publishes what becomes of letters: an event destination, its topic and the queue behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportsTo {
    /// The name of the set.
    pub configuration_set: String,
    /// The types of event that are published, as CloudFormation writes them: `delivery`, `bounce`.
    pub types: Vec<String>,
    /// The queue: name, URL or ARN.
    pub queue: String,
}

/// What publishes the events of letters and of text messages. The mailbox of the world is that of SES's simulator: what is sent to
/// `bounce@simulator.amazonses.com` bounces, what is sent to `complaint@…` is complained of, what is sent to
/// `suppressionlist@…` is known to bounce; a label after `+` changes nothing. Everything else is delivered at once.
#[derive(Debug)]
pub(super) struct Reports {
    sqs: Arc<Sqs>,
    to: RwLock<Vec<ReportsTo>>,
}

impl Reports {
    pub(super) fn new(sqs: Arc<Sqs>) -> Self {
        Self {
            sqs,
            to: RwLock::default(),
        }
    }

    pub(super) fn add(&self, to: ReportsTo) {
        let mut all = self.to.write().unwrap_or_else(PoisonError::into_inner);
        all.push(to);
    }

    pub(super) fn knows(&self, set: &str) -> bool {
        let all = self.to.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|to| to.configuration_set == set)
    }

    /// Publishes what becomes of a message that was accepted with this set. A queue that refuses loses it, as AWS may.
    pub(super) fn publish(&self, set: &str, events: &[Value]) {
        let all = self.to.read().unwrap_or_else(PoisonError::into_inner);
        for to in all.iter().filter(|to| to.configuration_set == set) {
            let wanted = |event: &&Value| {
                let kind = event.get("eventType").and_then(Value::as_str);
                let kind = kind.unwrap_or_default();
                to.types
                    .iter()
                    .any(|wanted| wanted.eq_ignore_ascii_case(kind))
            };
            for event in events.iter().filter(wanted) {
                let sent = self.sqs.send(&to.queue, NewMessage::new(event.to_string()));
                if let Err(error) = sent {
                    tracing::warn!(%error, queue = to.queue, "what became of a message cannot be published");
                }
            }
        }
    }
}

/// Everything SES would tell of a letter, for each recipient.
fn events(envelope: &Envelope, letter: &Letter, set: &str) -> Vec<Value> {
    let at = letter.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let headers = letter.headers.iter();
    let headers: Vec<Value> = headers
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let mut tags = Map::new();
    tags.insert("ses:configuration-set".to_owned(), json!([set]));
    for (name, value) in &envelope.tags {
        tags.insert(name.clone(), json!([value]));
    }
    let mail = json!({
        "timestamp": at,
        "source": envelope.from,
        "sendingAccountId": ACCOUNT,
        "messageId": letter.id,
        "destination": envelope.recipients,
        "headersTruncated": false,
        "headers": headers,
        "commonHeaders": {"from": [envelope.from], "to": envelope.recipients, "messageId": letter.id, "subject": letter.subject},
        "tags": tags,
    });
    let mut events = vec![json!({"eventType": "Send", "mail": mail, "send": {}})];
    for recipient in &envelope.recipients {
        let delivery = json!({
            "eventType": "Delivery",
            "mail": mail,
            "delivery": {
                "timestamp": at, "processingTimeMillis": 0, "recipients": [recipient],
                "smtpResponse": "250 2.6.0 Message received", "reportingMTA": "mta.localhost",
            },
        });
        let bounce = |kind: &str| {
            json!({
                "eventType": "Bounce",
                "mail": mail,
                "bounce": {
                    "feedbackId": format!("{}-bounce", letter.id), "bounceType": "Permanent", "bounceSubType": kind,
                    "bouncedRecipients": [{"emailAddress": recipient, "action": "failed", "status": "5.1.1",
                        "diagnosticCode": "smtp; 550 5.1.1 user unknown"}],
                    "timestamp": at, "reportingMTA": "dns; mta.localhost",
                },
            })
        };
        match simulated(recipient) {
            Some("bounce") => events.push(bounce("General")),
            Some("suppressionlist") => events.push(bounce("Suppressed")),
            Some("complaint") => {
                let complaint = json!({
                    "eventType": "Complaint",
                    "mail": mail,
                    "complaint": {
                        "feedbackId": format!("{}-complaint", letter.id), "complaintSubType": null,
                        "complainedRecipients": [{"emailAddress": recipient}], "timestamp": at,
                        "userAgent": "Amazon SES Mailbox Simulator", "complaintFeedbackType": "abuse",
                    },
                });
                events.extend([delivery, complaint]);
            }
            _ => events.push(delivery),
        }
    }
    events
}

/// Which mailbox of SES's simulator an address is; `None` for any other.
fn simulated(address: &str) -> Option<&str> {
    let (local, domain) = address.rsplit_once('@')?;
    let simulator = domain.eq_ignore_ascii_case("simulator.amazonses.com");
    simulator.then(|| local.split('+').next().unwrap_or_default())
}

/// Checks `local@domain` or `Name <local@domain>`, and returns the bare address.
fn check_address(address: &str) -> Result<&str, String> {
    check_header("address", address)?;
    let bare = match address.rsplit_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or(rest),
        None => address,
    };
    let whole = bare
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"<>,;".contains(&b));
    match bare.rsplit_once('@') {
        Some((local, domain))
            if whole && address.is_ascii() && !local.is_empty() && !domain.is_empty() =>
        {
            Ok(bare)
        }
        _ => Err(format!("Illegal address: {address:?}.")),
    }
}

fn check_header(name: &str, value: &str) -> Result<(), String> {
    if value.chars().any(char::is_control) {
        return Err(format!("Control characters are not allowed in {name:?}."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqs::Receive;

    fn quiet() -> Reports {
        Reports::new(Arc::new(Sqs::new("http://localhost")))
    }

    fn clock() -> Clock {
        Arc::new(|| "2026-11-21T10:00:00Z".parse().expect("a timestamp"))
    }

    fn body(to: &str, subject: &str) -> Vec<u8> {
        serde_json::json!({
            "FromEmailAddress": "care@example.com",
            "Destination": {"ToAddresses": [to]},
            "Content": {"Simple": {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": {"Text": {"Data": "你好"}}}},
            "EmailTags": [{"Name": "about", "Value": "01CASE"}]
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_letter_survives_and_a_torn_line_does_not() {
        let folder = std::env::temp_dir().join(format!("resound-mailbox-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let data = Data::Dir(folder.clone());
        let id = send(
            &Mailbox::open(&data, clock()).unwrap(),
            &quiet(),
            &body("a@example.com", "回复 1"),
        )
        .unwrap();
        let mut file = OpenOptions::new()
            .append(true)
            .open(folder.join(FILE))
            .unwrap();
        file.write_all(b"{\"at\":\"2026-").unwrap();

        let mailbox = Mailbox::open(&data, clock()).unwrap();
        send(&mailbox, &quiet(), &body("b@example.com", "2")).unwrap();
        drop(mailbox);
        let letters = Mailbox::open(&data, clock()).unwrap().list();
        std::fs::remove_dir_all(&folder).unwrap();

        assert_eq!(letters.len(), 2);
        assert_eq!(letters[0].id, id);
        assert_eq!(letters[0].subject, "回复 1");
        assert_eq!(letters[0].about.as_deref(), Some("01CASE"));
        assert_ne!(letters[1].id, id);
    }

    #[test]
    fn what_ses_refuses_is_refused() {
        let mailbox = Mailbox::open(&Data::Memory, clock()).unwrap();
        for (to, subject) in [
            ("nobody", "x"),
            ("a@example.com\r\nBcc: b@example.com", "x"),
            ("a@example.com, b@example.com", "x"),
            ("张三@example.com", "x"),
            ("@example.com", "x"),
            ("a@example.com", "x\r\nBcc: b@example.com"),
        ] {
            assert!(
                matches!(
                    send(&mailbox, &quiet(), &body(to, subject)),
                    Err(SesError::BadRequest(_))
                ),
                "{to:?} {subject:?}"
            );
        }
        assert!(matches!(
            send(&mailbox, &quiet(), b"{"),
            Err(SesError::BadRequest(_))
        ));
        assert!(send(&mailbox, &quiet(), &body("\"Li <3\" <a@example.com>", "x")).is_ok());
        assert_eq!(mailbox.list()[0].to, "a@example.com");
        assert_eq!(mailbox.count(), 1);
    }

    #[test]
    fn the_list_is_bounded() {
        let mailbox = Mailbox::open(&Data::Memory, clock()).unwrap();
        for n in 0..KEPT + 5 {
            send(&mailbox, &quiet(), &body("a@example.com", &n.to_string())).unwrap();
        }
        assert_eq!(mailbox.list().len(), KEPT);
        assert_eq!(mailbox.list()[0].subject, "5");
        assert_eq!(mailbox.count(), KEPT as u64 + 5);
    }

    #[tokio::test]
    async fn what_becomes_of_a_letter_is_told_to_the_queue_of_its_set() {
        let sqs = Arc::new(Sqs::new("http://localhost"));
        sqs.create_queue("told", &BTreeMap::new()).unwrap();
        let reports = Reports::new(Arc::clone(&sqs));
        reports.add(ReportsTo {
            configuration_set: "letters".to_owned(),
            types: ["delivery", "bounce", "complaint"]
                .map(str::to_owned)
                .into(),
            queue: "told".to_owned(),
        });
        let mailbox = Mailbox::open(&Data::Memory, clock()).unwrap();
        for (to, set, told) in [
            ("li@example.com", Some("letters"), &["Delivery"][..]),
            (
                "bounce+7@simulator.amazonses.com",
                Some("letters"),
                &["Bounce"],
            ),
            (
                "suppressionlist@simulator.amazonses.com",
                Some("letters"),
                &["Bounce"],
            ),
            (
                "complaint@simulator.amazonses.com",
                Some("letters"),
                &["Delivery", "Complaint"],
            ),
            ("bounce@example.com", Some("letters"), &["Delivery"]),
            ("bounce@simulator.amazonses.com", None, &[]),
        ] {
            let mut request: Value = serde_json::from_slice(&body(to, "x")).unwrap();
            if let Some(set) = set {
                request["ConfigurationSetName"] = set.into();
            }
            let id = send(&mailbox, &reports, request.to_string().as_bytes()).unwrap();
            let received = sqs.receive("told", Receive::default()).await.unwrap();
            let events: Vec<Value> = received
                .iter()
                .map(|message| serde_json::from_str(&message.body).unwrap())
                .collect();
            for message in &received {
                sqs.delete("told", &message.receipt).unwrap();
            }
            let mut kinds: Vec<_> = events
                .iter()
                .map(|e| e["eventType"].as_str().unwrap())
                .collect();
            kinds.sort_unstable();
            let mut told = told.to_vec();
            told.sort_unstable();
            assert_eq!(kinds, told, "{to}");
            for event in &events {
                assert_eq!(event["mail"]["messageId"], id);
                assert_eq!(event["mail"]["destination"], json!([to]));
                assert_eq!(event["mail"]["timestamp"], "2026-11-21T10:00:00.000Z");
                assert_eq!(event["mail"]["tags"]["about"], json!(["01CASE"]));
            }
        }
        let mut request: Value = serde_json::from_slice(&body("a@example.com", "x")).unwrap();
        request["ConfigurationSetName"] = "other".into();
        let refused = send(&mailbox, &reports, request.to_string().as_bytes());
        assert!(matches!(refused, Err(SesError::BadRequest(_))));
    }
}
