//! The keys of the table. What is persisted under a key is append only: a variant may be added, never changed.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use resound_domain::contact::Reason;
use resound_domain::form::FormId;
use resound_domain::id::{CaseId, ContactId, ImprovementId, IssueId, ResponseId, SubjectId};
use resound_domain::issue::announcement::Occasion;
use resound_domain::policy::Audience;
use resound_domain::report::{Kind, ReportId};
use resound_domain::risk::Rule;
use resound_domain::route::Route;
use resound_domain::tally::{Cause, Cut};

/// The primary key of an item: what it is and what it is about.
///
/// [`encode`](Key::encode) and [`decode`](Key::decode) are inverse to each other: no two keys share an encoding,
/// and whatever decodes encodes to the same text. Every key fits DynamoDB's limits (2,048 bytes for `PK`, 1,024
/// for `SK`), because each part is bounded by its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// What a customer sent, or the tombstone that remains after its erasure.
    Response(ResponseId),
    /// The snapshot of a case, beside its log.
    Case(CaseId),
    /// One entry in the log of a case.
    Event {
        /// The case it happened to.
        case: CaseId,
        /// Its place in the log.
        seq: u32,
    },
    /// The words that go to the customer with an event.
    Message {
        /// The case it belongs to.
        case: CaseId,
        /// The event it goes with.
        seq: u32,
    },
    /// An entry in the ledger of effects.
    Notice(NoticeKey),
    /// The counts of one day, for one value of one cut.
    Tally {
        /// The survey.
        survey: FormId,
        /// The local day.
        day: Date,
        /// What the day is broken down by.
        cut: Cut,
        /// The value.
        value: Part,
    },
    /// A day that must be counted again. One for each cause, so that a later one hides no earlier one.
    Dirty {
        /// The survey.
        survey: FormId,
        /// The local day.
        day: Date,
        /// Why.
        cause: Cause,
    },
    /// That the whole of a day that was complete came out differently when it was counted again.
    Correction {
        /// The survey.
        survey: FormId,
        /// The local day.
        day: Date,
        /// From 1 up, for each day.
        number: u32,
    },
    /// The generation of the last run that counted a day.
    DayRun {
        /// The survey.
        survey: FormId,
        /// The local day.
        day: Date,
    },
    /// How far the nightly runs of a survey have come.
    Run {
        /// The survey.
        survey: FormId,
    },
    /// Alerts that go to one recipient by one sink as one message.
    Group(GroupKey),
    /// An alert in a group.
    Member {
        /// The group.
        group: GroupKey,
        /// The case of the event that staff are told of.
        case: CaseId,
        /// The place of the event in its log.
        seq: u32,
    },
    /// How far the walk over the open cases has come.
    Walk,
    /// A version of a configuration document.
    Config {
        /// Which document.
        kind: ConfigKind,
        /// From 1 up.
        version: u32,
    },
    /// How many turns a rule of assignment has given.
    Turns {
        /// The name of the rule.
        rule: Part,
    },
    /// Up to where a risk rule has spoken about a subject.
    Mark {
        /// What it is about.
        subject: SubjectId,
        /// The rule.
        rule: Rule,
    },
    /// How far the risk rules have looked at a survey.
    Watch {
        /// The survey.
        survey: FormId,
    },
    /// What only the company knows of a local day. A partition of its own: who may write these must not be able to write counts.
    Figures {
        /// The survey.
        survey: FormId,
        /// The local day.
        day: Date,
    },
    /// An edition of a report.
    Report {
        /// Which report.
        id: ReportId,
        /// From 1 up.
        edition: u32,
    },
    /// An entry in the ledger of effects about a report.
    ReportNotice(ReportNoticeKey),
    /// The snapshot of an issue; its log is in a partition of its own.
    Issue(IssueId),
    /// Whom the links of an issue reach, as counted last.
    Reach(IssueId),
    /// How far the rule of an issue has looked back.
    LookBack(IssueId),
    /// One entry in the log of an issue.
    IssueEntry {
        /// The issue it happened to.
        issue: IssueId,
        /// Its place in the log.
        seq: u32,
    },
    /// A response beside an issue: linked, or taken out by hand.
    Link {
        /// The issue.
        issue: IssueId,
        /// The response.
        response: ResponseId,
    },
    /// A response that may be about an issue: a person decides.
    Suggestion {
        /// The issue.
        issue: IssueId,
        /// The response.
        response: ResponseId,
    },
    /// What somebody answered to the paired questions about an issue.
    Kano {
        /// The issue.
        issue: IssueId,
        /// The response they answered with.
        response: ResponseId,
    },
    /// That an issue has something of a response, so that erasing the response finds it.
    Trail {
        /// The response.
        response: ResponseId,
        /// The issue.
        issue: IssueId,
    },
    /// How far the responses of a survey were held against the issues.
    Linking {
        /// The survey.
        survey: FormId,
    },
    /// The snapshot of an improvement; its log is in a partition of its own.
    Improvement(ImprovementId),
    /// One entry in the log of an improvement.
    ImprovementEntry {
        /// The improvement it happened to.
        improvement: ImprovementId,
        /// Its place in the log.
        seq: u32,
    },
    /// The snapshot of the announcement of an improvement; its log is beside it.
    Announcement(ImprovementId),
    /// One entry in the log of an announcement.
    AnnouncementEntry {
        /// What is announced.
        improvement: ImprovementId,
        /// Its place in the log.
        seq: u32,
    },
    /// How far an announcement has come.
    Pass(ImprovementId),
    /// That an announcement runs.
    Running(ImprovementId),
    /// How many letters about improvements went out in the last minute.
    Pace,
    /// What became of a reporter who was to be written to about an improvement, beside their response.
    Told {
        /// The response.
        response: ResponseId,
        /// What it was about.
        improvement: ImprovementId,
        /// What they were to be written to for.
        occasion: Occasion,
    },
    /// An entry in the ledger of effects about an improvement.
    Announced(AnnouncedKey),
    /// The snapshot of the beta of an improvement; its log is beside it.
    Beta(ImprovementId),
    /// One entry in the log of a beta.
    BetaEntry {
        /// What is tried.
        improvement: ImprovementId,
        /// Its place in the log.
        seq: u32,
    },
    /// Who is drawn to be invited to a beta, and how far the draw has come.
    Draw(ImprovementId),
    /// That a beta is open.
    Trying(ImprovementId),
    /// What somebody said who was invited to a beta.
    Tester {
        /// The response.
        response: ResponseId,
        /// What is tried.
        improvement: ImprovementId,
    },
    /// How many letters about an improvement met which end, of some of the addresses.
    Deliveries {
        /// What they were about.
        improvement: ImprovementId,
        /// What they were for.
        occasion: Occasion,
        /// Which of the addresses: reports of several come at once, and none waits for another.
        shard: u8,
    },
    /// When an address was written to of our own accord.
    Contacted(ContactId),
    /// A letter that was sent to try out how it looks.
    Trial(SubjectId),
    /// How many such letters went out in the last hour.
    TrialPace,
    /// Why nothing is sent to an address. One for each reason, so that to lift one lifts no other.
    Suppression {
        /// The address.
        contact: ContactId,
        /// Why.
        reason: Reason,
    },
    /// What staff did about a reason why nothing is sent to an address.
    SuppressionChange {
        /// The address.
        contact: ContactId,
        /// Why.
        reason: Reason,
        /// From 1 up, for each reason.
        number: u32,
    },
}

/// Names an entry in the ledger: one message about one cause, to one recipient by one medium.
/// The recipient is a role, never an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeKey {
    /// The case it is about.
    pub case: CaseId,
    /// The seq of the event that caused it.
    pub cause: u32,
    /// Who is told.
    pub recipient: Recipient,
    /// How they are told.
    pub medium: Medium,
}

impl NoticeKey {
    /// The key as one word of letters, digits, `-` and `_`, which a provider can carry with a message and give back with
    /// what it says of it. Persisted there: append only.
    pub fn tag(&self) -> String {
        let Self {
            case,
            cause,
            recipient,
            medium,
        } = self;
        format!("case_{case}_{cause}_{}_{}", recipient.name(), medium.name())
    }

    /// The key of this tag; `None` for any other text.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let (case, rest) = tag.strip_prefix("case_")?.split_once('_')?;
        let (cause, rest) = rest.split_once('_')?;
        // A recipient may have the separator in its name; a medium has not.
        let (recipient, medium) = rest.rsplit_once('_')?;
        let key = Self {
            case: case.parse().ok()?,
            cause: cause.parse().ok()?,
            recipient: Recipient::from_name(recipient)?,
            medium: medium.parse().ok()?,
        };
        // One key, one tag.
        (key.tag() == tag).then_some(key)
    }
}

/// Names an entry in the ledger about a report: the same message to one recipient by one medium, whichever edition it is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportNoticeKey {
    /// The report.
    pub id: ReportId,
    /// Who is told.
    pub recipient: Recipient,
    /// How they are told.
    pub medium: Medium,
}

/// Names an entry in the ledger about an improvement: one letter of an occasion to one address, however many responses it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnnouncedKey {
    /// Who is told.
    pub contact: ContactId,
    /// Of what.
    pub improvement: ImprovementId,
    /// What for.
    pub occasion: Occasion,
}

impl AnnouncedKey {
    /// The key as one word, like [`NoticeKey::tag`]. Persisted at the provider: append only.
    pub fn tag(&self) -> String {
        let Self {
            contact,
            improvement,
            occasion,
        } = self;
        format!("{}_{contact}_{improvement}", occasion.name())
    }

    fn from_tag(tag: &str) -> Option<Self> {
        let mut parts = tag.split('_');
        let key = Self {
            occasion: Occasion::from_name(parts.next()?)?,
            contact: parts.next()?.parse().ok()?,
            improvement: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(key)
    }
}

/// Names an entry in the ledger, whatever it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// About an event of a case.
    Case(NoticeKey),
    /// About a report.
    Report(ReportNoticeKey),
    /// About an improvement.
    Announcement(AnnouncedKey),
}

impl Entry {
    /// The entry that a provider gave back by this tag; `None` for any other text. Each kind of entry begins with a word of
    /// its own: what only a newer version knows is no entry to this one.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let case = NoticeKey::from_tag(tag).map(Self::Case);
        case.or_else(|| AnnouncedKey::from_tag(tag).map(Self::Announcement))
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Case(key) => Key::Notice(*key),
            Self::Report(key) => Key::ReportNotice(key.clone()),
            Self::Announcement(key) => Key::Announced(*key),
        }
    }
}

impl From<NoticeKey> for Entry {
    fn from(key: NoticeKey) -> Self {
        Self::Case(key)
    }
}

impl From<ReportNoticeKey> for Entry {
    fn from(key: ReportNoticeKey) -> Self {
        Self::Report(key)
    }
}

impl From<AnnouncedKey> for Entry {
    fn from(key: AnnouncedKey) -> Self {
        Self::Announcement(key)
    }
}

/// To whom alerts go in groups, and by which sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// Who is told.
    pub audience: Audience,
    /// By which of their sinks.
    pub medium: Medium,
    /// Where not all of the audience is told by it but one of them: a hash of their address.
    pub one: Option<u64>,
}

/// Names a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// To whom it goes, and by which sink.
    pub line: Line,
    /// From 1 up, within the line: one a minute for eight thousand years. Written in ten digits, as the last is found by the
    /// order of texts.
    pub number: u32,
}

/// `owner/email/all/0000000007`, as messages and the ledger name a group.
impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line {
            audience, medium, ..
        } = self.line;
        let role = Recipient::Staff(audience).name();
        let (medium, one) = (medium.name(), self.line.one_name());
        write!(f, "{role}/{medium}/{one}/{:010}", self.number)
    }
}

impl FromStr for GroupKey {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let read = || {
            let mut parts = text.split('/');
            let line = Line::read(&mut parts)?;
            let number = parts.next()?.parse().ok()?;
            Some(Self { line, number })
        };
        // One key, one text.
        read()
            .filter(|key| key.to_string() == text)
            .ok_or(UnknownKey)
    }
}

impl Line {
    fn one_name(self) -> String {
        match self.one {
            None => "all".to_owned(),
            Some(hash) => format!("{hash:016x}"),
        }
    }

    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let Recipient::Staff(audience) = Recipient::from_name(parts.next()?)? else {
            return None;
        };
        let medium = parts.next()?.parse().ok()?;
        let one = match parts.next()? {
            "all" => None,
            hash => Some(u64::from_str_radix(hash, 16).ok()?),
        };
        Some(Self {
            audience,
            medium,
            one,
        })
    }
}

/// Who is told. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// The customer who sent the response.
    Customer,
    /// Staff in this role.
    Staff(Audience),
}

/// How somebody is told: the name of a sink among those of its recipient, never an address. 1 to
/// [`MAX_BYTES`](Self::MAX_BYTES) lower-case letters, digits and hyphens. Names are persisted: what was told by a name
/// stays told when the address behind it changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Medium([u8; Self::MAX_BYTES]);

/// A text that is no name of a [`Medium`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 40 lower-case letters, digits and hyphens are expected")]
pub struct InvalidMedium;

/// The kinds of configuration document. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigKind {
    /// The SLA policy.
    Policy,
    /// The forms.
    Form,
    /// The business calendars.
    Calendar,
    /// Who among staff is told, and by which sinks.
    Recipients,
    /// Who gets a new case.
    Assignment,
    /// What the company wants to reach.
    Targets,
    /// What customers are written.
    Templates,
}

/// Free text inside a key, escaped where it is written so that no value can pass for a separator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(String);

/// A text too long for a part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too long for a key")]
pub struct TooLong;

impl Part {
    /// The most bytes the escaped text may have: with a day, a cut and the separators it fits a sort key twice over.
    pub const MAX_BYTES: usize = 480;

    /// This text as a part of a key.
    ///
    /// # Errors
    /// [`TooLong`] if its escaped form exceeds [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(text: impl Into<String>) -> Result<Self, TooLong> {
        let part = Self(text.into());
        if part.escaped().len() > Self::MAX_BYTES {
            Err(TooLong)
        } else {
            Ok(part)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }

    fn escaped(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            if matches!(c, '#' | '%') || c.is_ascii_control() {
                out.push_str(&format!("%{:02X}", u32::from(c)));
            } else {
                out.push(c);
            }
        }
        out
    }

    fn unescape(text: &str) -> Option<Self> {
        let mut pieces = text.split('%');
        let mut out = pieces.next()?.to_owned();
        for piece in pieces {
            let byte = u8::from_str_radix(piece.get(..2)?, 16)
                .ok()
                .filter(u8::is_ascii)?;
            out.push(char::from(byte));
            out.push_str(piece.get(2..)?);
        }
        let part = Self::new(out).ok()?;
        // `%41` and `%2b` mean something too, but nobody here writes them.
        (part.escaped() == text).then_some(part)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.escaped())
    }
}

/// A primary key as the table holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawKey {
    /// The partition.
    pub pk: String,
    /// The place within it.
    pub sk: String,
}

impl fmt::Display for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

/// A primary key that this code does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of this table")]
pub struct UnknownKey;

impl Key {
    /// The key as the table holds it.
    pub fn encode(&self) -> RawKey {
        let (pk, sk) = match self {
            Self::Response(id) => (response_partition(*id), "RESPONSE".to_owned()),
            Self::Case(id) => (case_partition(*id), "CASE".to_owned()),
            Self::Event { case, seq } => (case_partition(*case), format!("EVENT#{seq:06}")),
            Self::Message { case, seq } => (case_partition(*case), format!("MESSAGE#{seq:06}")),
            Self::Notice(NoticeKey {
                case,
                cause,
                recipient,
                medium,
            }) => (
                case_partition(*case),
                format!("NOTICE#{cause:06}#{}#{}", recipient.name(), medium.name()),
            ),
            Self::Tally {
                survey,
                day,
                cut,
                value,
            } => (
                tally_partition(survey),
                format!("DAY#{day}#{}#{value}", cut.name()),
            ),
            Self::Dirty { survey, day, cause } => (
                dirty_partition(survey),
                format!("DAY#{day}#{}", cause.name()),
            ),
            Self::Correction {
                survey,
                day,
                number,
            } => (
                tally_partition(survey),
                format!("{}{number:06}", correction_prefix(*day)),
            ),
            Self::DayRun { survey, day } => (tally_partition(survey), format!("RUN#{day}")),
            Self::Run { survey } => (tally_partition(survey), "RUN".to_owned()),
            Self::Group(group) => (
                group_partition(group.line),
                format!("G#{:010}", group.number),
            ),
            Self::Member { group, case, seq } => (
                group_partition(group.line),
                format!("{}{case}#{seq:06}", member_prefix(*group)),
            ),
            Self::Walk => ("WALK#retarget".to_owned(), "WALK".to_owned()),
            Self::Config { kind, version } => (config_partition(*kind), format!("V#{version:06}")),
            Self::Turns { rule } => (format!("ASSIGNMENT#{rule}"), "TURNS".to_owned()),
            Self::Mark { subject, rule } => {
                (risk_partition(*subject), format!("MARK#{}", rule.name()))
            }
            Self::Watch { survey } => (format!("WATCH#{survey}"), "RUN".to_owned()),
            Self::Report { id, edition } => (
                report_partition(id.kind()),
                format!("{}{edition:06}", report_prefix(id)),
            ),
            Self::ReportNotice(ReportNoticeKey {
                id,
                recipient,
                medium,
            }) => (
                report_partition(id.kind()),
                format!(
                    "NOTICE#{}{}#{}",
                    report_prefix(id),
                    recipient.name(),
                    medium.name()
                ),
            ),
            Self::Issue(id) => (ISSUES.to_owned(), format!("ISSUE#{id}")),
            Self::Reach(id) => (ISSUES.to_owned(), format!("REACH#{id}")),
            Self::LookBack(id) => (ISSUES.to_owned(), format!("LOOKBACK#{id}")),
            Self::IssueEntry { issue, seq } => (issue_partition(*issue), format!("{LOG}{seq:06}")),
            Self::Link { issue, response } => {
                (issue_partition(*issue), format!("{LINKS}{response}"))
            }
            Self::Suggestion { issue, response } => {
                (issue_partition(*issue), format!("{SUGGESTIONS}{response}"))
            }
            Self::Kano { issue, response } => {
                (issue_partition(*issue), format!("{KANO}{response}"))
            }
            Self::Trail { response, issue } => {
                (response_partition(*response), format!("{TRAIL}{issue}"))
            }
            Self::Linking { survey } => (format!("LINKING#{survey}"), "RUN".to_owned()),
            Self::Improvement(id) => (IMPROVEMENTS.to_owned(), format!("IMPROVEMENT#{id}")),
            Self::ImprovementEntry { improvement, seq } => (
                improvement_partition(*improvement),
                format!("{LOG}{seq:06}"),
            ),
            Self::Figures { survey, day } => (figures_partition(survey), format!("DAY#{day}")),
            Self::Announcement(id) => (improvement_partition(*id), "ANNOUNCEMENT".to_owned()),
            Self::AnnouncementEntry { improvement, seq } => (
                improvement_partition(*improvement),
                format!("{ANNOUNCED}{seq:06}"),
            ),
            Self::Pass(id) => (improvement_partition(*id), "PASS".to_owned()),
            Self::Running(id) => (ANNOUNCEMENTS.to_owned(), format!("{RUNNING}{id}")),
            Self::Pace => (ANNOUNCEMENTS.to_owned(), "PACE".to_owned()),
            Self::Told {
                response,
                improvement,
                occasion,
            } => (
                response_partition(*response),
                format!("{}{improvement}", told_prefix(*occasion)),
            ),
            Self::Announced(AnnouncedKey {
                contact,
                improvement,
                occasion,
            }) => (
                contact_partition(*contact),
                format!("{}{improvement}", told_prefix(*occasion)),
            ),
            Self::Beta(id) => (improvement_partition(*id), "BETA".to_owned()),
            Self::BetaEntry { improvement, seq } => (
                improvement_partition(*improvement),
                format!("{BETA_LOG}{seq:06}"),
            ),
            Self::Draw(id) => (improvement_partition(*id), "DRAW".to_owned()),
            Self::Trying(id) => (ANNOUNCEMENTS.to_owned(), format!("BETA#{id}")),
            Self::Tester {
                response,
                improvement,
            } => (tester_partition(*response), format!("SAID#{improvement}")),
            Self::Deliveries {
                improvement,
                occasion,
                shard,
            } => (
                improvement_partition(*improvement),
                format!("{}{shard:02}", deliveries_prefix(*occasion)),
            ),
            Self::Contacted(contact) => (contact_partition(*contact), "CONTACTED".to_owned()),
            Self::Trial(id) => (format!("TRIAL#{id}"), "LETTER".to_owned()),
            Self::TrialPace => ("TRIALS".to_owned(), "PACE".to_owned()),
            Self::Suppression { contact, reason } => (
                contact_partition(*contact),
                format!("{SUPPRESSIONS}{}", reason.name()),
            ),
            Self::SuppressionChange {
                contact,
                reason,
                number,
            } => (
                contact_partition(*contact),
                format!("{CHANGES}{}#{number:06}", reason.name()),
            ),
        };
        RawKey { pk, sk }
    }

    /// The key that encodes to this text.
    ///
    /// # Errors
    /// [`UnknownKey`] for any other text.
    pub fn decode(raw: &RawKey) -> Result<Self, UnknownKey> {
        let key = Self::parse(&raw.pk, &raw.sk).ok_or(UnknownKey)?;
        // One key, one text: `EVENT#0001` or `DAY#20261121#..` are not ours though they can be read.
        if key.encode() == *raw {
            Ok(key)
        } else {
            Err(UnknownKey)
        }
    }

    fn parse(pk: &str, sk: &str) -> Option<Self> {
        // The two partitions that hold all of a kind have no subject.
        let (partition, subject) = pk.split_once('#').unwrap_or((pk, ""));
        let mut parts = sk.split('#');
        let item = parts.next()?;
        let key = match (partition, item) {
            ("RESPONSE", "RESPONSE") => Self::Response(subject.parse().ok()?),
            ("CASE", "CASE") => Self::Case(subject.parse().ok()?),
            ("CASE", "EVENT") => Self::Event {
                case: subject.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            },
            ("CASE", "MESSAGE") => Self::Message {
                case: subject.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            },
            ("CASE", "NOTICE") => Self::Notice(NoticeKey {
                case: subject.parse().ok()?,
                cause: parts.next()?.parse().ok()?,
                recipient: Recipient::from_name(parts.next()?)?,
                medium: parts.next()?.parse().ok()?,
            }),
            ("TALLY", "DAY") => Self::Tally {
                survey: survey(subject)?,
                day: parts.next()?.parse().ok()?,
                cut: Cut::from_name(parts.next()?)?,
                value: Part::unescape(parts.next()?)?,
            },
            ("DIRTY", "DAY") => Self::Dirty {
                survey: survey(subject)?,
                day: parts.next()?.parse().ok()?,
                cause: Cause::from_name(parts.next()?)?,
            },
            ("TALLY", "CORRECTION") => Self::Correction {
                survey: survey(subject)?,
                day: parts.next()?.parse().ok()?,
                number: parts.next()?.parse().ok()?,
            },
            ("TALLY", "RUN") => match parts.next() {
                Some(day) => Self::DayRun {
                    survey: survey(subject)?,
                    day: day.parse().ok()?,
                },
                None => Self::Run {
                    survey: survey(subject)?,
                },
            },
            ("GROUP", "G") => Self::Group(GroupKey {
                line: line(subject)?,
                number: parts.next()?.parse().ok()?,
            }),
            ("GROUP", "M") => Self::Member {
                group: GroupKey {
                    line: line(subject)?,
                    number: parts.next()?.parse().ok()?,
                },
                case: parts.next()?.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            },
            ("WALK", "WALK") if subject == "retarget" => Self::Walk,
            ("CONFIG", "V") => Self::Config {
                kind: ConfigKind::from_name(subject)?,
                version: parts.next()?.parse().ok()?,
            },
            ("ASSIGNMENT", "TURNS") => Self::Turns {
                rule: Part::unescape(subject)?,
            },
            ("RISK", "MARK") => Self::Mark {
                subject: subject.parse().ok()?,
                rule: Rule::from_name(parts.next()?)?,
            },
            ("WATCH", "RUN") => Self::Watch {
                survey: survey(subject)?,
            },
            ("FIGURES", "DAY") => Self::Figures {
                survey: survey(subject)?,
                day: parts.next()?.parse().ok()?,
            },
            ("REPORT", "NOTICE") => Self::ReportNotice(ReportNoticeKey {
                id: report(subject, parts.next()?, parts.next()?)?,
                recipient: Recipient::from_name(parts.next()?)?,
                medium: parts.next()?.parse().ok()?,
            }),
            ("REPORT", period) => Self::Report {
                id: report(subject, period, parts.next()?)?,
                edition: parts.next()?.parse().ok()?,
            },
            ("ISSUES", "ISSUE") => Self::Issue(parts.next()?.parse().ok()?),
            ("ISSUES", "REACH") => Self::Reach(parts.next()?.parse().ok()?),
            ("ISSUES", "LOOKBACK") => Self::LookBack(parts.next()?.parse().ok()?),
            ("ISSUE", "LOG") => Self::IssueEntry {
                issue: subject.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            },
            ("ISSUE", "RESPONSE") => Self::Link {
                issue: subject.parse().ok()?,
                response: parts.next()?.parse().ok()?,
            },
            ("ISSUE", "SUGGESTION") => Self::Suggestion {
                issue: subject.parse().ok()?,
                response: parts.next()?.parse().ok()?,
            },
            ("ISSUE", "KANO") => Self::Kano {
                issue: subject.parse().ok()?,
                response: parts.next()?.parse().ok()?,
            },
            ("RESPONSE", "ISSUE") => Self::Trail {
                response: subject.parse().ok()?,
                issue: parts.next()?.parse().ok()?,
            },
            ("LINKING", "RUN") => Self::Linking {
                survey: survey(subject)?,
            },
            ("IMPROVEMENTS", "IMPROVEMENT") => Self::Improvement(parts.next()?.parse().ok()?),
            ("IMPROVEMENT", "LOG") => Self::ImprovementEntry {
                improvement: subject.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            },
            ("IMPROVEMENT", "ANNOUNCEMENT") => Self::Announcement(subject.parse().ok()?),
            ("IMPROVEMENT", "ANNOUNCED") => Self::AnnouncementEntry {
                improvement: subject.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            },
            ("IMPROVEMENT", "PASS") => Self::Pass(subject.parse().ok()?),
            ("IMPROVEMENT", "DELIVERIES") => Self::Deliveries {
                improvement: subject.parse().ok()?,
                occasion: Occasion::from_name(parts.next()?)?,
                shard: parts.next()?.parse().ok()?,
            },
            ("ANNOUNCEMENTS", "RUNNING") => Self::Running(parts.next()?.parse().ok()?),
            ("ANNOUNCEMENTS", "PACE") => Self::Pace,
            ("ANNOUNCEMENTS", "BETA") => Self::Trying(parts.next()?.parse().ok()?),
            ("IMPROVEMENT", "BETA") => Self::Beta(subject.parse().ok()?),
            ("IMPROVEMENT", "TRIED") => Self::BetaEntry {
                improvement: subject.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            },
            ("IMPROVEMENT", "DRAW") => Self::Draw(subject.parse().ok()?),
            ("TESTER", "SAID") => Self::Tester {
                response: subject.parse().ok()?,
                improvement: parts.next()?.parse().ok()?,
            },
            ("RESPONSE", kind @ ("TOLD" | "INVITED" | "ASKED")) => Self::Told {
                response: subject.parse().ok()?,
                improvement: parts.next()?.parse().ok()?,
                occasion: occasion(kind)?,
            },
            ("CONTACT", kind @ ("TOLD" | "INVITED" | "ASKED")) => Self::Announced(AnnouncedKey {
                contact: subject.parse().ok()?,
                improvement: parts.next()?.parse().ok()?,
                occasion: occasion(kind)?,
            }),
            ("CONTACT", "CONTACTED") => Self::Contacted(subject.parse().ok()?),
            ("TRIAL", "LETTER") => Self::Trial(subject.parse().ok()?),
            ("TRIALS", "PACE") => Self::TrialPace,
            ("CONTACT", "SUPPRESSION") => Self::Suppression {
                contact: subject.parse().ok()?,
                reason: Reason::from_name(parts.next()?)?,
            },
            ("CONTACT", "CHANGE") => Self::SuppressionChange {
                contact: subject.parse().ok()?,
                reason: Reason::from_name(parts.next()?)?,
                number: parts.next()?.parse().ok()?,
            },
            _ => return None,
        };
        parts.next().is_none().then_some(key)
    }
}

fn survey(text: &str) -> Option<FormId> {
    FormId::from_str(text).ok()
}

fn report(kind: &str, period: &str, of: &str) -> Option<ReportId> {
    ReportId::named(Kind::from_name(kind)?, period, survey(of)?)
}

/// The partition of the reports of a kind, with what the ledger has about them.
pub(crate) fn report_partition(kind: Kind) -> String {
    format!("REPORT#{kind}")
}

/// How the sort keys of the editions of a report begin.
pub(crate) fn report_prefix(id: &ReportId) -> String {
    format!("{}#{}#", id.period(), id.survey())
}

/// The partition of all issues: a few thousand, with their counts.
pub(crate) const ISSUES: &str = "ISSUES";
/// The partition of all improvements.
pub(crate) const IMPROVEMENTS: &str = "IMPROVEMENTS";

/// How the sort keys of a log of an issue or an improvement begin. Not `EVENT#`: nothing has to follow from an entry, so it
/// is no outbox, and the stream passes it over.
pub(crate) const LOG: &str = "LOG#";
/// How the sort keys of the links of an issue begin.
pub(crate) const LINKS: &str = "RESPONSE#";
/// How the sort keys of the suggestions of an issue begin.
pub(crate) const SUGGESTIONS: &str = "SUGGESTION#";
/// How the sort keys of the answers to paired questions begin.
pub(crate) const KANO: &str = "KANO#";
/// How the sort keys of what leads from a response to issues begin.
pub(crate) const TRAIL: &str = "ISSUE#";

/// The partition of what all announcements and betas have in common: which of them run, and how fast.
pub(crate) const ANNOUNCEMENTS: &str = "ANNOUNCEMENTS";
/// How the sort keys of the log of an announcement begin.
pub(crate) const ANNOUNCED: &str = "ANNOUNCED#";
/// How the sort keys of the announcements that run begin.
pub(crate) const RUNNING: &str = "RUNNING#";
/// How the sort keys of what was announced to somebody begin, beside their responses and in the ledger of their address.
pub(crate) const TOLD: &str = "TOLD#";
/// How the sort keys of the log of a beta begin.
pub(crate) const BETA_LOG: &str = "TRIED#";

/// How the sort keys of what somebody was written to for begin, beside their responses and in the ledger of their address.
pub(crate) const fn told_prefix(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Announcement => TOLD,
        Occasion::Invitation => "INVITED#",
        Occasion::Question => "ASKED#",
    }
}

/// What somebody was written to for, by how its sort keys begin.
fn occasion(kind: &str) -> Option<Occasion> {
    let is = |occasion: &Occasion| told_prefix(*occasion).strip_suffix('#') == Some(kind);
    Occasion::ALL.into_iter().find(is)
}

/// How the sort keys of what became of letters of these begin.
pub(crate) fn deliveries_prefix(occasion: Occasion) -> String {
    format!("DELIVERIES#{}#", occasion.name())
}

/// How the sort keys of why nothing is sent to an address begin.
pub(crate) const SUPPRESSIONS: &str = "SUPPRESSION#";
/// How the sort keys of what staff did about that begin.
pub(crate) const CHANGES: &str = "CHANGE#";

/// The partition of what is known of an address.
pub(crate) fn contact_partition(id: ContactId) -> String {
    format!("CONTACT#{id}")
}

/// The partition of a response: itself, what leads to issues, and what was announced to its sender.
pub(crate) fn response_partition(id: ResponseId) -> String {
    format!("RESPONSE#{id}")
}

/// The partition of what the sender of a response said as a tester. Not that of the response: who may write the one may not
/// write the other.
pub(crate) fn tester_partition(id: ResponseId) -> String {
    format!("TESTER#{id}")
}

/// The partition of an issue: its log, links, suggestions and answers to paired questions.
pub(crate) fn issue_partition(id: IssueId) -> String {
    format!("ISSUE#{id}")
}

/// The partition of an improvement: its log, and its announcement.
pub(crate) fn improvement_partition(id: ImprovementId) -> String {
    format!("IMPROVEMENT#{id}")
}

/// The partition of a case: its snapshot, log, messages and notices.
pub(crate) fn case_partition(id: CaseId) -> String {
    format!("CASE#{id}")
}

/// The partition of a survey's tallies, and of what is known of their days.
pub(crate) fn tally_partition(survey: &FormId) -> String {
    format!("TALLY#{survey}")
}

/// The partition of what only the company knows of a survey.
pub(crate) fn figures_partition(survey: &FormId) -> String {
    format!("FIGURES#{survey}")
}

/// The partition of a survey's marked days. Beside the tallies and not among them: who may mark may not write counts.
pub(crate) fn dirty_partition(survey: &FormId) -> String {
    format!("DIRTY#{survey}")
}

/// How the sort keys of the corrections of a day begin.
pub(crate) fn correction_prefix(day: Date) -> String {
    format!("CORRECTION#{day}#")
}

fn line(text: &str) -> Option<Line> {
    let mut parts = text.split('#');
    let line = Line::read(&mut parts)?;
    parts.next().is_none().then_some(line)
}

/// The partition of the groups of a line, with the alerts in them.
pub(crate) fn group_partition(line: Line) -> String {
    let role = Recipient::Staff(line.audience).name();
    format!("GROUP#{role}#{}#{}", line.medium.name(), line.one_name())
}

/// How the sort keys of the alerts of a group begin.
pub(crate) fn member_prefix(group: GroupKey) -> String {
    format!("M#{:010}#", group.number)
}

/// How the sort keys of what the ledger has about an event and those it is told to begin.
pub(crate) fn notice_prefix(cause: u32, recipient: Recipient) -> String {
    format!("NOTICE#{cause:06}#{}#", recipient.name())
}

/// The partition of a configuration document.
pub(crate) fn config_partition(kind: ConfigKind) -> String {
    format!("CONFIG#{}", kind.name())
}

/// The partition of what risk rules are about: the marks of each rule.
pub(crate) fn risk_partition(subject: SubjectId) -> String {
    format!("RISK#{subject}")
}

impl From<&Key> for RawKey {
    fn from(key: &Key) -> Self {
        key.encode()
    }
}

impl Recipient {
    /// Everybody who can be told.
    pub const ALL: [Self; 5] = [
        Self::Customer,
        Self::Staff(Audience::Owner),
        Self::Staff(Audience::TeamLead),
        Self::Staff(Audience::Manager),
        Self::Staff(Audience::Executive),
    ];

    /// The persisted name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff(Audience::Owner) => "owner",
            Self::Staff(Audience::TeamLead) => "team_lead",
            Self::Staff(Audience::Manager) => "manager",
            Self::Staff(Audience::Executive) => "executive",
        }
    }

    /// The recipient of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }
}

impl Medium {
    /// The longest name.
    pub const MAX_BYTES: usize = 40;
    /// The customer's e-mail, and that to staff where no recipients are published.
    pub const EMAIL: Self = Self::padded("email");
    /// The webhook to staff where no recipients are published.
    pub const WEBHOOK: Self = Self::padded("webhook");

    /// The medium of a route to the customer.
    pub const fn of(route: Route) -> Self {
        Self::padded(route.name())
    }

    /// A longer text becomes the empty name, which nothing is called.
    const fn padded(name: &str) -> Self {
        let mut bytes = [0; Self::MAX_BYTES];
        if let Some((head, _)) = bytes.split_at_mut_checked(name.len()) {
            head.copy_from_slice(name.as_bytes());
        }
        Self(bytes)
    }

    /// The persisted name.
    pub fn name(&self) -> &str {
        let name = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
        // Only ASCII gets in.
        str::from_utf8(name).unwrap_or_default()
    }
}

impl FromStr for Medium {
    type Err = InvalidMedium;

    fn from_str(name: &str) -> Result<Self, InvalidMedium> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match (1..=Self::MAX_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
            true => Ok(Self::padded(name)),
            false => Err(InvalidMedium),
        }
    }
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Medium({})", self.name())
    }
}

impl ConfigKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Policy,
        Self::Form,
        Self::Calendar,
        Self::Recipients,
        Self::Assignment,
        Self::Targets,
        Self::Templates,
    ];

    /// The persisted name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Form => "form",
            Self::Calendar => "calendar",
            Self::Recipients => "recipients",
            Self::Assignment => "assignment",
            Self::Targets => "targets",
            Self::Templates => "templates",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_case() -> impl Strategy<Value = CaseId> {
        any::<u128>().prop_map(|bits| ResponseId::from_bits(bits).case())
    }

    fn any_day() -> impl Strategy<Value = Date> {
        (1i16..=9999, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| jiff::civil::date(y, m, d))
    }

    fn any_survey() -> impl Strategy<Value = FormId> {
        "[a-z0-9-]{1,40}".prop_map(|name| name.parse().unwrap())
    }

    fn any_report() -> impl Strategy<Value = ReportId> {
        (
            proptest::sample::select(Kind::ALL.to_vec()),
            any_day(),
            any_survey(),
        )
            .prop_map(|(kind, day, survey)| ReportId::of_day(kind, day, survey).unwrap())
    }

    fn any_part() -> impl Strategy<Value = Part> {
        prop_oneof!["[#%a-f0-9\u{0}\n物流]{0,40}", any::<String>()]
            .prop_filter_map("bounded", |text| Part::new(text).ok())
    }

    fn any_group() -> impl Strategy<Value = GroupKey> {
        let audience = proptest::sample::select(vec![Audience::Owner, Audience::Executive]);
        let medium = "[a-z0-9-]{1,40}".prop_map(|name| name.parse().unwrap());
        (audience, medium, any::<Option<u64>>(), any::<u32>()).prop_map(
            |(audience, medium, one, number)| GroupKey {
                line: Line {
                    audience,
                    medium,
                    one,
                },
                number,
            },
        )
    }

    fn any_key() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<u128>().prop_map(|bits| Key::Response(ResponseId::from_bits(bits))),
            any_case().prop_map(Key::Case),
            (any_case(), any::<u32>()).prop_map(|(case, seq)| Key::Event { case, seq }),
            (any_case(), any::<u32>()).prop_map(|(case, seq)| Key::Message { case, seq }),
            (
                any_case(),
                any::<u32>(),
                proptest::sample::select(Recipient::ALL.to_vec()),
                "[a-z0-9-]{1,40}".prop_map(|name| name.parse().unwrap())
            )
                .prop_map(|(case, cause, recipient, medium)| Key::Notice(NoticeKey {
                    case,
                    cause,
                    recipient,
                    medium
                })),
            (
                any_survey(),
                any_day(),
                proptest::sample::select(Cut::every().collect::<Vec<_>>()),
                any_part()
            )
                .prop_map(|(survey, day, cut, value)| Key::Tally {
                    survey,
                    day,
                    cut,
                    value
                }),
            (
                any_survey(),
                any_day(),
                proptest::sample::select(Cause::EVERY.to_vec())
            )
                .prop_map(|(survey, day, cause)| Key::Dirty { survey, day, cause }),
            (any_survey(), any_day(), any::<u32>()).prop_map(|(survey, day, number)| {
                Key::Correction {
                    survey,
                    day,
                    number,
                }
            }),
            (any_survey(), any_day()).prop_map(|(survey, day)| Key::DayRun { survey, day }),
            any_survey().prop_map(|survey| Key::Run { survey }),
            any_group().prop_map(Key::Group),
            (any_group(), any_case(), any::<u32>()).prop_map(|(group, case, seq)| Key::Member {
                group,
                case,
                seq
            }),
            Just(Key::Walk),
            (
                proptest::sample::select(ConfigKind::ALL.to_vec()),
                any::<u32>()
            )
                .prop_map(|(kind, version)| Key::Config { kind, version }),
            any_part().prop_map(|rule| Key::Turns { rule }),
            (any::<u128>(), proptest::sample::select(Rule::ALL.to_vec())).prop_map(
                |(bits, rule)| Key::Mark {
                    subject: SubjectId::from_bits(bits),
                    rule
                }
            ),
            any_survey().prop_map(|survey| Key::Watch { survey }),
            (any_report(), any::<u32>()).prop_map(|(id, edition)| Key::Report { id, edition }),
            (
                any_report(),
                proptest::sample::select(Recipient::ALL.to_vec()),
                "[a-z0-9-]{1,40}".prop_map(|name| name.parse().unwrap())
            )
                .prop_map(|(id, recipient, medium)| Key::ReportNotice(
                    ReportNoticeKey {
                        id,
                        recipient,
                        medium
                    }
                )),
            any_key_of_issues(),
            (any_survey(), any_day()).prop_map(|(survey, day)| Key::Figures { survey, day }),
            (
                any::<u128>(),
                proptest::sample::select(Reason::ALL.to_vec())
            )
                .prop_map(|(bits, reason)| Key::Suppression {
                    contact: ContactId::from_bits(bits),
                    reason
                }),
            (
                any::<u128>(),
                proptest::sample::select(Reason::ALL.to_vec()),
                any::<u32>()
            )
                .prop_map(|(bits, reason, number)| Key::SuppressionChange {
                    contact: ContactId::from_bits(bits),
                    reason,
                    number
                }),
        ]
    }

    fn any_key_of_issues() -> impl Strategy<Value = Key> {
        let keys = |of: u128, about: u128, seq| {
            let (issue, response) = (IssueId::from_bits(of), ResponseId::from_bits(about));
            let improvement = ImprovementId::from_bits(of);
            vec![
                Key::Issue(issue),
                Key::Reach(issue),
                Key::LookBack(issue),
                Key::IssueEntry { issue, seq },
                Key::Link { issue, response },
                Key::Suggestion { issue, response },
                Key::Kano { issue, response },
                Key::Trail { response, issue },
                Key::Improvement(improvement),
                Key::ImprovementEntry { improvement, seq },
                Key::Announcement(improvement),
                Key::AnnouncementEntry { improvement, seq },
                Key::Pass(improvement),
                Key::Running(improvement),
                Key::Pace,
                Key::Contacted(ContactId::from_bits(about)),
                Key::Trial(SubjectId::from_bits(about)),
                Key::TrialPace,
                Key::Beta(improvement),
                Key::BetaEntry { improvement, seq },
                Key::Draw(improvement),
                Key::Trying(improvement),
                Key::Tester {
                    response,
                    improvement,
                },
            ]
        };
        let told = |of: u128, about: u128, occasion: Occasion| {
            let improvement = ImprovementId::from_bits(of);
            [
                Key::Told {
                    response: ResponseId::from_bits(about),
                    improvement,
                    occasion,
                },
                Key::Announced(AnnouncedKey {
                    contact: ContactId::from_bits(about),
                    improvement,
                    occasion,
                }),
                Key::Deliveries {
                    improvement,
                    occasion,
                    shard: about.to_le_bytes()[0],
                },
            ]
        };
        let occasions = prop::sample::select(Occasion::ALL.to_vec());
        let told =
            (any::<u128>(), any::<u128>(), occasions).prop_flat_map(move |(of, about, on)| {
                prop::sample::select(told(of, about, on).to_vec())
            });
        let one = (any::<u128>(), any::<u128>(), any::<u32>())
            .prop_flat_map(move |(of, about, seq)| prop::sample::select(keys(of, about, seq)));
        prop_oneof![
            one,
            told,
            any_survey().prop_map(|survey| Key::Linking { survey })
        ]
    }

    proptest! {
        #[test]
        fn keys_round_trip_within_the_limits(key in any_key()) {
            let raw = key.encode();
            prop_assert!(raw.pk.len() <= 2048 && raw.sk.len() <= 1024);
            prop_assert_eq!(Key::decode(&raw), Ok(key));
        }

        #[test]
        fn an_entry_is_found_by_its_tag(
            key in any_key(),
            text in "(case_[0-9A-Z]{26}_[0-9+]{0,3}_[a-z_]{0,9}_[a-z-]{0,6}|(announcement|question)_[0-7][0-9A-Z]{25}_[0-7][0-9A-Z]{25}_?)",
        ) {
            let tag = |entry: &Entry| match entry {
                Entry::Case(key) => key.tag(),
                Entry::Announcement(key) => key.tag(),
                Entry::Report(_) => String::new(),
            };
            let entry = match key {
                Key::Notice(key) => Some(Entry::Case(key)),
                Key::Announced(key) => Some(Entry::Announcement(key)),
                _ => None,
            };
            if let Some(entry) = entry {
                let tag = tag(&entry);
                prop_assert!(tag.len() <= 256 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)));
                prop_assert_eq!(Entry::from_tag(&tag), Some(entry));
            }
            if let Some(entry) = Entry::from_tag(&text) {
                prop_assert_eq!(tag(&entry), text);
            }
        }

        #[test]
        fn a_group_is_named_by_one_text(group in any_group(), text in "(owner|customer)/[a-z]{0,2}/(all|[0-9a-f]{1,16})/[0-9]{1,11}") {
            prop_assert_eq!(group.to_string().parse(), Ok(group));
            if let Ok(group) = text.parse::<GroupKey>() {
                prop_assert_eq!(group.to_string(), text);
            }
        }

        #[test]
        fn whatever_decodes_has_no_other_text(
            pk in "(RESPONSE|CASE|TALLY|DIRTY|CONFIG|ASSIGNMENT|RISK|WATCH|FIGURES|GROUP|ISSUES?|IMPROVEMENTS?|LINKING|CONTACT|ANNOUNCEMENTS|TRIALS?|TESTER)#?(owner#)?[a-z0-9A-Z-]{0,26}(#all)?",
            sk in "(RESPONSE|CASE|EVENT|DAY|CORRECTION|RUN|MARK|V|G|TURNS|ISSUE|REACH|LOG|KANO|SUPPRESSION|CHANGE|ANNOUNCEMENT|ANNOUNCED|PASS|DELIVERIES|RUNNING|PACE|LETTER|TOLD|CONTACTED|INVITED|ASKED|BETA|TRIED|DRAW|SAID)(#[0-9]{4,6}|#2026-11-2[0-9]|#[%a-z0-9]{0,6}){0,3}",
        ) {
            let raw = RawKey { pk, sk };
            if let Ok(key) = Key::decode(&raw) {
                prop_assert_eq!(key.encode(), raw);
            }
        }

        #[test]
        fn events_sort_as_they_happened(case in any_case(), a in 0u32..1_000_000, b in 0u32..1_000_000) {
            let sk = |seq| Key::Event { case, seq }.encode().sk;
            prop_assert_eq!(a.cmp(&b), sk(a).cmp(&sk(b)));
        }
    }

    #[test]
    fn a_medium_is_the_name_of_a_sink() {
        for (medium, name) in [(Medium::EMAIL, "email"), (Medium::WEBHOOK, "webhook")] {
            assert_eq!((medium.name(), name.parse()), (name, Ok(medium)));
        }
        for name in ["ops-2", "a", &"x".repeat(40)] {
            assert_eq!(name.parse::<Medium>().unwrap().name(), name);
        }
        for text in ["", "Ops", "a#b", "me@example.com", "a\0", &"x".repeat(41)] {
            assert_eq!(text.parse::<Medium>(), Err(InvalidMedium), "{text:?}");
        }
    }

    #[test]
    fn a_value_cannot_break_out_of_its_place() {
        let part = Part::new("a#b%23\n").unwrap();
        assert_eq!(part.to_string(), "a%23b%2523%0A");
        assert_eq!(Part::new("#".repeat(161)), Err(TooLong));
        assert!(Part::new("#".repeat(160)).is_ok());
        for foreign in ["%", "%4", "%41", "%2b", "%é", "a\nb", "%FF"] {
            assert_eq!(Part::unescape(foreign), None, "{foreign:?}");
        }
    }
}
