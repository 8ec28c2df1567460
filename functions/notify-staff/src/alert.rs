//! What staff read, and what their systems receive. Never a customer's words or contact.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use resound_domain::case::{Case, State};
use resound_domain::clock::{ClockKind, ClockName, Step};
use resound_domain::event::{Doubt, EventKind};
use resound_domain::id::CaseId;
use resound_domain::locale::Locale;
use resound_domain::policy::{Audience, Priority};
use resound_domain::risk::{Rule, Task};
use resound_domain::trace::TraceId;
use resound_sinks::{Event, Line, Message, MessageId, Recipient, Severity};
use serde::Serialize;
use serde_json::Value;

/// What an alert is about. Names are published to webhooks: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Matter {
    /// A case with a severity signal was opened.
    Severe,
    /// A risk rule opened a task.
    Risk {
        /// Which rule.
        rule: Rule,
    },
    /// A clock passed the warning share of its target.
    Warning {
        /// Which promise.
        clock: ClockName,
        /// Its deadline.
        due: Timestamp,
    },
    /// A clock ran past its deadline.
    Breach {
        /// Which promise.
        clock: ClockName,
        /// Its deadline.
        due: Timestamp,
    },
    /// A breach goes on.
    Escalation {
        /// Which promise.
        clock: ClockName,
        /// Its deadline.
        due: Timestamp,
    },
    /// Whether the customer was told is unknown, or it failed: a person must look.
    Doubt {
        /// The event the customer was to be told of.
        cause: u32,
        /// What is known.
        doubt: Doubt,
    },
    /// A person is to tell the customer: the words are in the case.
    ToTell {
        /// The event the customer is to be told of.
        cause: u32,
    },
    /// The customer says that the outcome did not solve it; the case is open again.
    Dispute {
        /// The event that told of the outcome.
        outcome: u32,
    },
    /// The customer wrote by themselves.
    Words,
}

/// One alert to one audience.
#[derive(Debug, Clone)]
pub struct Alert<'a> {
    /// What it is about.
    pub matter: Matter,
    /// Who is told.
    pub audience: Audience,
    /// The case.
    pub case: CaseId,
    /// Its trace, for finding in the logs what was submitted.
    pub trace_id: Option<TraceId>,
    /// Its human reference.
    pub reference: String,
    /// What a risk rule found, if the case is a task.
    pub task: Option<&'a Task>,
    /// Its priority.
    pub priority: Priority,
    /// Where it stands now.
    pub state: State,
    /// Who works it.
    pub owner: Option<&'a str>,
    /// When the event happened.
    pub at: Timestamp,
    /// Where staff find it.
    pub url: String,
    /// The language staff are written in.
    pub locale: Locale,
    /// The zone dates are written in.
    pub zone: &'a TimeZone,
}

/// An alert in a group, with what it is ordered and counted by.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What stands in the message.
    pub line: Line,
    /// What the title is if it stays alone.
    pub title: String,
    /// How loud it is.
    pub severity: Severity,
    /// The priority of its case.
    pub priority: Priority,
    /// The deadline it is about.
    pub due: Option<Timestamp>,
}

/// The message about a group: `listed` in their order, and `more` that cannot be listed. `at` is when its membership was
/// fixed, and `queue` where staff find all of them.
pub fn grouped_message(
    id: MessageId,
    at: Timestamp,
    locale: Locale,
    listed: Vec<Listed>,
    more: usize,
    queue: String,
) -> Message {
    let count = listed.len().saturating_add(more);
    let title = match listed.as_slice() {
        [one] if more == 0 => one.title.clone(),
        _ => {
            let mut counts = BTreeMap::<Priority, usize>::new();
            for alert in &listed {
                *counts.entry(alert.priority).or_default() += 1;
            }
            let counts = counts.iter().map(|(p, n)| format!("{p:?} {n}"));
            let counts = counts.collect::<Vec<_>>().join(" · ");
            match locale {
                Locale::ZhCn => format!("{count} 条提醒：{counts}"),
                Locale::En => format!("{count} alerts: {counts}"),
            }
        }
    };
    let loudest = listed.iter().map(|alert| alert.severity).max();
    Message {
        id,
        at,
        locale,
        severity: loudest.unwrap_or(Severity::Urgent),
        title,
        lines: listed.into_iter().map(|alert| alert.line).collect(),
        more,
        queue,
    }
}

/// What follows for staff from an event, and who is to be told; `None` if nothing does.
///
/// The event says who is told of a breach at once. One that was written before it did says nothing: there a P1 starts
/// at the executive.
pub fn matter(kind: &EventKind, priority: Priority) -> Option<(Matter, Audience)> {
    let first = if priority == Priority::P1 {
        Audience::Executive
    } else {
        Audience::Owner
    };
    match *kind {
        EventKind::Opened {
            task: Some(ref task),
            ..
        } => {
            let rule = task.rule();
            Some((Matter::Risk { rule }, rule.audience()))
        }
        EventKind::Opened {
            priority: Priority::P1,
            ..
        } => Some((Matter::Severe, Audience::Executive)),
        EventKind::Warned { clock, due } => {
            let clock = ClockName::Case(clock);
            Some((Matter::Warning { clock, due }, Audience::Owner))
        }
        EventKind::Breached {
            clock,
            due,
            audience,
        } => {
            let clock = ClockName::Case(clock);
            Some((Matter::Breach { clock, due }, audience.unwrap_or(first)))
        }
        EventKind::Escalated {
            clock,
            due,
            audience,
        } => {
            let clock = ClockName::Case(clock);
            Some((Matter::Escalation { clock, due }, audience))
        }
        EventKind::Reminded {
            step,
            due,
            audience,
            cause: _,
        } => {
            let clock = ClockName::Tell;
            let matter = match step {
                Step::Warning => Matter::Warning { clock, due },
                Step::Breach => Matter::Breach { clock, due },
                Step::TeamLead | Step::Manager | Step::Executive => {
                    Matter::Escalation { clock, due }
                }
            };
            Some((matter, audience))
        }
        EventKind::NoticeInDoubt { cause, doubt, .. } => {
            Some((Matter::Doubt { cause, doubt }, Audience::Owner))
        }
        EventKind::ToTell { cause, .. } => Some((Matter::ToTell { cause }, Audience::Owner)),
        EventKind::Disputed { outcome, .. } => Some((Matter::Dispute { outcome }, Audience::Owner)),
        EventKind::CustomerWrote { .. } => Some((Matter::Words, Audience::Owner)),
        _ => None,
    }
}

impl<'a> Alert<'a> {
    /// The alert about `matter`, which happened to `case` at `at`, as `recipient` reads it. `queue` is where staff find
    /// all cases.
    pub fn new(
        matter: Matter,
        audience: Audience,
        at: Timestamp,
        case: &'a Case,
        recipient: &'a Recipient,
        queue: &str,
    ) -> Self {
        Self {
            matter,
            audience,
            case: case.id(),
            trace_id: case.trace_id(),
            reference: case.reference(),
            task: case.task(),
            priority: case.priority(),
            state: case.state(),
            owner: case.owner(),
            at,
            url: format!("{queue}/{}", case.id()),
            locale: recipient.locale,
            zone: &recipient.zone,
        }
    }
}

impl Alert<'_> {
    fn what(&self) -> String {
        let l = self.locale;
        match self.matter {
            Matter::Severe => l.choose("出现严重信号", "Severity signal").to_owned(),
            // The title says which.
            Matter::Risk { .. } => l.choose("风险任务", "Risk").to_owned(),
            Matter::Warning { clock, .. } => match l {
                Locale::ZhCn => format!("即将超时：{}", self.clock(clock)),
                Locale::En => format!("Due soon: {}", self.clock(clock)),
            },
            Matter::Breach { clock, .. } => match l {
                Locale::ZhCn => format!("已超时：{}", self.clock(clock)),
                Locale::En => format!("Overdue: {}", self.clock(clock)),
            },
            Matter::Escalation { clock, .. } => match l {
                Locale::ZhCn => format!("超时升级：{}", self.clock(clock)),
                Locale::En => format!("Still overdue: {}", self.clock(clock)),
            },
            Matter::Doubt {
                doubt: Doubt::Unknown,
                ..
            } => l
                .choose(
                    "请核实：客户是否已收到通知",
                    "Please check: was the customer told?",
                )
                .to_owned(),
            Matter::Doubt {
                doubt: Doubt::Refused,
                ..
            } => l
                .choose(
                    "客户通知被拒收，请另行联系",
                    "The customer could not be told; please reach them another way",
                )
                .to_owned(),
            Matter::ToTell { .. } => l
                .choose(
                    "请亲自告知客户：要说的话在个案中",
                    "Please tell the customer yourself: the words are in the case",
                )
                .to_owned(),
            Matter::Dispute { .. } => l
                .choose(
                    "客户表示问题没有解决，已重新打开",
                    "The customer says it is not solved; it is open again",
                )
                .to_owned(),
            Matter::Words => l.choose("客户来信", "The customer wrote").to_owned(),
        }
    }

    fn clock(&self, promise: ClockName) -> &'static str {
        let (zh, en) = match promise {
            ClockName::Case(ClockKind::FirstResponse) => ("首次响应", "first response"),
            ClockName::Case(ClockKind::NextResponse) => ("后续回复", "next response"),
            ClockName::Case(ClockKind::Resolution) => ("解决", "resolution"),
            ClockName::Case(ClockKind::Plan) => ("整改方案", "remediation plan"),
            ClockName::Case(ClockKind::Loop) => ("闭环", "closing the loop"),
            ClockName::Tell => ("亲自告知客户", "telling the customer"),
        };
        self.locale.choose(zh, en)
    }

    fn state(&self) -> &'static str {
        let (zh, en) = match self.state {
            State::Open => ("待处理", "open"),
            State::Acknowledged => ("已受理", "acknowledged"),
            State::AwaitingCustomer => ("等待客户", "awaiting the customer"),
            State::Resolved => ("已解决", "resolved"),
            State::Declined => ("已婉拒", "declined"),
            State::Closed => ("已关闭", "closed"),
            State::Reopened => ("已重新打开", "reopened"),
            State::Merged => ("已合并", "merged"),
        };
        self.locale.choose(zh, en)
    }

    fn due(&self) -> Option<Timestamp> {
        match self.matter {
            Matter::Warning { due, .. }
            | Matter::Breach { due, .. }
            | Matter::Escalation { due, .. } => Some(due),
            Matter::Severe
            | Matter::Risk { .. }
            | Matter::Doubt { .. }
            | Matter::ToTell { .. }
            | Matter::Dispute { .. }
            | Matter::Words => None,
        }
    }

    fn local(&self, instant: Timestamp) -> String {
        instant
            .to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S %Z")
            .to_string()
    }

    /// One line that says everything that matters.
    pub fn subject(&self) -> String {
        let what = match (self.matter, self.task) {
            (Matter::Risk { .. }, Some(task)) => task.title(self.locale),
            // That a task is late says little without what it is about.
            (_, Some(task)) => format!("{} · {}", self.what(), task.title(self.locale)),
            (_, None) => self.what(),
        };
        format!("[{:?}] {what} [{}]", self.priority, self.reference)
    }

    /// The same with what there is to know besides: its deadline, where it stands, who works it.
    fn text(&self) -> String {
        let l = self.locale;
        let mut parts = vec![self.subject()];
        if let Some(due) = self.due() {
            let due = self.local(due);
            parts.push(format!("{} {due}", l.choose("截止时间", "deadline")));
        }
        parts.push(self.state().to_owned());
        let nobody = l.choose("未分配", "nobody's yet");
        parts.push(self.owner.unwrap_or(nobody).to_owned());
        parts.join(" · ")
    }

    const fn severity(&self) -> Severity {
        match self.matter {
            Matter::Severe
            | Matter::Risk { rule: Rule::Crisis }
            | Matter::Breach { .. }
            | Matter::Escalation { .. } => Severity::Urgent,
            Matter::Risk { .. }
            | Matter::Warning { .. }
            | Matter::Doubt { .. }
            | Matter::ToTell { .. }
            | Matter::Dispute { .. }
            | Matter::Words => Severity::Warning,
        }
    }

    /// A message about this alert alone. `queue` is where staff find all of them.
    ///
    /// # Errors
    /// None in practice: it has only names, ids and instants. The error of the serializer is handed on.
    pub fn message(&self, id: MessageId, queue: String) -> Result<Message, serde_json::Error> {
        Ok(Message {
            id,
            at: self.at,
            locale: self.locale,
            severity: self.severity(),
            title: self.subject(),
            lines: vec![self.line()?],
            more: 0,
            queue,
        })
    }

    /// This alert among others of a group.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    pub fn listed(&self) -> Result<Listed, serde_json::Error> {
        Ok(Listed {
            line: self.line()?,
            title: self.subject(),
            severity: self.severity(),
            priority: self.priority,
            due: self.due(),
        })
    }

    fn line(&self) -> Result<Line, serde_json::Error> {
        let kind = match self.matter {
            Matter::Severe => "case.severe",
            Matter::Risk { .. } => "case.risk",
            Matter::Warning { .. } => "case.warned",
            Matter::Breach { .. } => "case.breached",
            Matter::Escalation { .. } => "case.escalated",
            Matter::Doubt { .. } => "case.notice_in_doubt",
            Matter::ToTell { .. } => "case.to_tell",
            Matter::Dispute { .. } => "case.disputed",
            Matter::Words => "case.customer_wrote",
        };
        Ok(Line {
            text: self.text(),
            url: self.url.clone(),
            about: self.case.to_string(),
            trace: self.trace_id,
            event: Event {
                kind: kind.to_owned(),
                at: self.at,
                data: self.data()?,
            },
        })
    }

    /// What it is about, for machines.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    fn data(&self) -> Result<Value, serde_json::Error> {
        #[derive(Serialize)]
        struct Data<'a> {
            case: CaseId,
            reference: &'a str,
            priority: Priority,
            state: State,
            owner: Option<&'a str>,
            audience: Audience,
            matter: Matter,
            summary: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            task: Option<&'a Task>,
            url: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            trace_id: Option<TraceId>,
        }
        serde_json::to_value(Data {
            case: self.case,
            reference: &self.reference,
            priority: self.priority,
            state: self.state,
            owner: self.owner,
            audience: self.audience,
            matter: self.matter,
            summary: self.subject(),
            task: self.task,
            url: &self.url,
            trace_id: self.trace_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resound_domain::book::Book;
    use resound_domain::calendar::Calendars;
    use resound_domain::case::Case;
    use resound_domain::form::FormId;
    use resound_domain::id::ResponseId;
    use resound_domain::risk::Surge;

    fn alert(matter: Matter, locale: Locale, zone: &TimeZone) -> Alert<'_> {
        Alert {
            matter,
            audience: Audience::Owner,
            case: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            trace_id: Some(TraceId::new(0x6a1f_9b4c, 7)),
            reference: "R-RFFQ6-9G5FA".to_owned(),
            task: None,
            priority: Priority::P2,
            state: State::Acknowledged,
            owner: Some("li.wei@example.test"),
            at: "2026-11-21T10:00:00.001Z".parse().unwrap(),
            url: "https://example.test/v1/cases/01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
            locale,
            zone,
        }
    }

    #[test]
    fn a_breach_reads_well_in_both_languages() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let matter = Matter::Breach {
            clock: ClockName::Case(ClockKind::FirstResponse),
            due: "2026-11-21T10:00:00Z".parse().unwrap(),
        };
        let message = |locale| {
            let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV-2-owner".parse().unwrap();
            let queue = "https://example.test/v1/cases".to_owned();
            alert(matter, locale, &zone).message(id, queue).unwrap()
        };
        let (zh, en) = (message(Locale::ZhCn), message(Locale::En));
        insta::assert_snapshot!(zh.lines[0].text, @"[P2] 已超时：首次响应 [R-RFFQ6-9G5FA] · 截止时间 2026-11-21 18:00:00 CST · 已受理 · li.wei@example.test");
        insta::assert_snapshot!(en.lines[0].text, @"[P2] Overdue: first response [R-RFFQ6-9G5FA] · deadline 2026-11-21 18:00:00 CST · acknowledged · li.wei@example.test");
        insta::assert_snapshot!(en.title, @"[P2] Overdue: first response [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(resound_sinks::standard::payload(&en), @r#"{"data":{"audience":"owner","case":"01ARZ3NDEKTSV4RRFFQ69G5FAV","matter":{"clock":"first_response","due":"2026-11-21T10:00:00Z","kind":"breach"},"owner":"li.wei@example.test","priority":"P2","reference":"R-RFFQ6-9G5FA","state":"acknowledged","summary":"[P2] Overdue: first response [R-RFFQ6-9G5FA]","trace_id":"1-6a1f9b4c-000000000000000000000007","url":"https://example.test/v1/cases/01ARZ3NDEKTSV4RRFFQ69G5FAV"},"timestamp":"2026-11-21T10:00:00.001Z","type":"case.breached"}"#);
    }

    #[test]
    fn who_is_to_tell_a_customer_is_reminded_in_both_languages() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let reminded = |step, audience| EventKind::Reminded {
            cause: 2,
            step,
            due: "2026-11-21T10:00:00Z".parse().unwrap(),
            audience,
        };
        let subject = |step, locale| {
            let told = matter(&reminded(step, Audience::Manager), Priority::P2);
            let (matter, audience) = told.unwrap();
            assert_eq!(audience, Audience::Manager);
            alert(matter, locale, &zone).subject()
        };
        insta::assert_snapshot!(subject(Step::Warning, Locale::ZhCn), @"[P2] 即将超时：亲自告知客户 [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(Step::Warning, Locale::En), @"[P2] Due soon: telling the customer [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(Step::Breach, Locale::ZhCn), @"[P2] 已超时：亲自告知客户 [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(Step::Breach, Locale::En), @"[P2] Overdue: telling the customer [R-RFFQ6-9G5FA]");
        for step in [Step::TeamLead, Step::Manager, Step::Executive] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(subject(step, Locale::ZhCn), @"[P2] 超时升级：亲自告知客户 [R-RFFQ6-9G5FA]");
                insta::assert_snapshot!(subject(step, Locale::En), @"[P2] Still overdue: telling the customer [R-RFFQ6-9G5FA]");
            }
        }
        let (breach, _) = matter(&reminded(Step::Breach, Audience::Owner), Priority::P2).unwrap();
        let line = alert(breach, Locale::En, &zone).line().unwrap().event;
        assert_eq!(line.kind, "case.breached");
        insta::assert_snapshot!(line.data["matter"], @r#"{"clock":"tell","due":"2026-11-21T10:00:00Z","kind":"breach"}"#);
    }

    #[test]
    fn a_risk_says_what_happened_and_stays_said_when_it_is_late() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let task = Task::Crisis(Surge {
            survey: FormId::default_form(),
            product: "Kettle <b>".to_owned(),
            day: jiff::civil::date(2026, 11, 20),
            complaints: vec![5, 10, 20],
            evidence: Vec::new(),
        });
        let opened = of(task.clone());
        let (found, audience) = matter(&opened, Priority::P1).unwrap();
        assert_eq!(audience, Audience::Executive);
        let late = Matter::Warning {
            clock: ClockName::Case(ClockKind::FirstResponse),
            due: "2026-11-21T10:00:00Z".parse().unwrap(),
        };
        let subject = |matter, locale| {
            let alert = Alert {
                task: Some(&task),
                priority: Priority::P1,
                reference: "T-RFFQ6-9G5FA".to_owned(),
                ..alert(matter, locale, &zone)
            };
            alert.subject()
        };
        insta::assert_snapshot!(subject(found, Locale::ZhCn), @"[P1] 投诉危机：“Kettle <b>”的投诉逐日翻倍（5 → 10 → 20） [T-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(found, Locale::En), @"[P1] Crisis: complaints about “Kettle <b>” double daily (5 → 10 → 20) [T-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(late, Locale::ZhCn), @"[P1] 即将超时：首次响应 · 投诉危机：“Kettle <b>”的投诉逐日翻倍（5 → 10 → 20） [T-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(late, Locale::En), @"[P1] Due soon: first response · Crisis: complaints about “Kettle <b>” double daily (5 → 10 → 20) [T-RFFQ6-9G5FA]");
        let alert = Alert {
            task: Some(&task),
            ..alert(found, Locale::En, &zone)
        };
        let message = alert.message("a".parse().unwrap(), String::new()).unwrap();
        assert_eq!(message.severity, Severity::Urgent);
        insta::assert_snapshot!(resound_sinks::standard::payload(&message), @r#"{"data":{"audience":"owner","case":"01ARZ3NDEKTSV4RRFFQ69G5FAV","matter":{"kind":"risk","rule":"crisis"},"owner":"li.wei@example.test","priority":"P2","reference":"R-RFFQ6-9G5FA","state":"acknowledged","summary":"[P2] Crisis: complaints about “Kettle <b>” double daily (5 → 10 → 20) [R-RFFQ6-9G5FA]","task":{"crisis":{"complaints":[5,10,20],"day":"2026-11-20","product":"Kettle <b>","survey":"default"}},"trace_id":"1-6a1f9b4c-000000000000000000000007","url":"https://example.test/v1/cases/01ARZ3NDEKTSV4RRFFQ69G5FAV"},"timestamp":"2026-11-21T10:00:00.001Z","type":"case.risk"}"#);
    }

    /// The opening of such a task.
    fn of(task: Task) -> EventKind {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let book = Book::built_in(Calendars::office_hours("Asia/Shanghai").unwrap());
        Case::open_task(id, Timestamp::UNIX_EPOCH, task, &book).kind
    }

    #[test]
    fn the_owner_is_told_what_the_customer_says() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let subject = |matter, locale| alert(matter, locale, &zone).subject();
        let tell = Matter::ToTell { cause: 2 };
        insta::assert_snapshot!(subject(tell, Locale::ZhCn), @"[P2] 请亲自告知客户：要说的话在个案中 [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(tell, Locale::En), @"[P2] Please tell the customer yourself: the words are in the case [R-RFFQ6-9G5FA]");
        let dispute = Matter::Dispute { outcome: 3 };
        insta::assert_snapshot!(subject(dispute, Locale::ZhCn), @"[P2] 客户表示问题没有解决，已重新打开 [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(dispute, Locale::En), @"[P2] The customer says it is not solved; it is open again [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(Matter::Words, Locale::ZhCn), @"[P2] 客户来信 [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(subject(Matter::Words, Locale::En), @"[P2] The customer wrote [R-RFFQ6-9G5FA]");
        let line = |matter| alert(matter, Locale::En, &zone).line().unwrap().event;
        let (disputed, wrote) = (line(dispute), line(Matter::Words));
        assert_eq!(
            (disputed.kind, wrote.kind),
            ("case.disputed".to_owned(), "case.customer_wrote".to_owned())
        );
        insta::assert_snapshot!(disputed.data["matter"], @r#"{"kind":"dispute","outcome":3}"#);
        insta::assert_snapshot!(wrote.data["matter"], @r#"{"kind":"words"}"#);
    }

    #[test]
    fn whom_each_risk_concerns_is_told() {
        let evidence = [1, 2, 3].map(ResponseId::from_bits);
        for (task, expected) in [
            (Task::ChurnRisk { evidence }, Audience::TeamLead),
            (Task::Interview { evidence }, Audience::Owner),
        ] {
            let rule = task.rule();
            let told = matter(&of(task), rule.priority());
            assert_eq!(told, Some((Matter::Risk { rule }, expected)));
        }
    }

    #[test]
    fn the_breach_of_a_p1_goes_to_the_executive() {
        let audience = |audience, priority| {
            let breached = EventKind::Breached {
                clock: ClockKind::Resolution,
                due: Timestamp::UNIX_EPOCH,
                audience,
            };
            matter(&breached, priority).map(|(_, audience)| audience)
        };
        assert_eq!(audience(None, Priority::P1), Some(Audience::Executive));
        assert_eq!(audience(None, Priority::P3), Some(Audience::Owner));
        let manager = Some(Audience::Manager);
        assert_eq!(audience(manager, Priority::P3), manager);
        assert_eq!(matter(&EventKind::Closed, Priority::P1), None);
    }
}
