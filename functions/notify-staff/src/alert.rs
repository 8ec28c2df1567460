//! What staff read, and what their systems receive. Never a customer's words or contact.

use jiff::{Timestamp, tz::TimeZone};
use maud::{DOCTYPE, html};
use resound_domain::case::State;
use resound_domain::clock::ClockKind;
use resound_domain::event::{Doubt, EventKind};
use resound_domain::id::CaseId;
use resound_domain::locale::Locale;
use resound_domain::policy::{Audience, Priority};
use resound_domain::trace::TraceId;
use serde::Serialize;

/// What an alert is about. Names are published to webhooks: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Matter {
    /// A case with a severity signal was opened.
    Severe,
    /// A clock passed the warning share of its target.
    Warning {
        /// Which clock.
        clock: ClockKind,
        /// Its deadline.
        due: Timestamp,
    },
    /// A clock ran past its deadline.
    Breach {
        /// Which clock.
        clock: ClockKind,
        /// Its deadline.
        due: Timestamp,
    },
    /// A breach goes on.
    Escalation {
        /// Which clock.
        clock: ClockKind,
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
    pub reference: &'a str,
    /// Its priority.
    pub priority: Priority,
    /// Where it stands now.
    pub state: State,
    /// Who works it.
    pub owner: Option<&'a str>,
    /// When the event happened.
    pub at: Timestamp,
    /// Where staff find it.
    pub url: &'a str,
    /// The language staff are written in.
    pub locale: Locale,
    /// The zone dates are written in.
    pub zone: &'a TimeZone,
}

/// What follows for staff from an event, and who is to be told; `None` if nothing does.
///
/// A P1 starts at the executive: its breaches skip the ladder.
pub fn matter(kind: &EventKind, priority: Priority) -> Option<(Matter, Audience)> {
    let first = if priority == Priority::P1 {
        Audience::Executive
    } else {
        Audience::Owner
    };
    match *kind {
        EventKind::Opened {
            priority: Priority::P1,
            ..
        } => Some((Matter::Severe, Audience::Executive)),
        EventKind::Warned { clock, due } => Some((Matter::Warning { clock, due }, Audience::Owner)),
        EventKind::Breached { clock, due } => Some((Matter::Breach { clock, due }, first)),
        EventKind::Escalated {
            clock,
            due,
            audience,
        } => Some((Matter::Escalation { clock, due }, audience)),
        EventKind::NoticeInDoubt { cause, doubt } => {
            Some((Matter::Doubt { cause, doubt }, Audience::Owner))
        }
        _ => None,
    }
}

impl Alert<'_> {
    fn what(&self) -> String {
        let l = self.locale;
        match self.matter {
            Matter::Severe => l.choose("出现严重信号", "Severity signal").to_owned(),
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
        }
    }

    fn clock(&self, clock: ClockKind) -> &'static str {
        match clock {
            ClockKind::FirstResponse => self.locale.choose("首次响应", "first response"),
            ClockKind::Resolution => self.locale.choose("解决", "resolution"),
        }
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
        };
        self.locale.choose(zh, en)
    }

    fn due(&self) -> Option<Timestamp> {
        match self.matter {
            Matter::Warning { due, .. }
            | Matter::Breach { due, .. }
            | Matter::Escalation { due, .. } => Some(due),
            Matter::Severe | Matter::Doubt { .. } => None,
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
        format!("[{:?}] {} [{}]", self.priority, self.what(), self.reference)
    }

    /// Label and value of each fact, in reading order.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let l = self.locale;
        let mut facts = vec![
            (
                l.choose("个案", "Case"),
                format!("{} ({})", self.reference, self.case),
            ),
            (
                l.choose("优先级", "Priority"),
                format!("{:?}", self.priority),
            ),
            (l.choose("状态", "State"), self.state().to_owned()),
            (
                l.choose("负责人", "Owner"),
                self.owner
                    .unwrap_or(l.choose("未分配", "nobody yet"))
                    .to_owned(),
            ),
        ];
        if let Some(due) = self.due() {
            facts.push((l.choose("截止时间", "Deadline"), self.local(due)));
        }
        facts.push((l.choose("发生时间", "Happened"), self.local(self.at)));
        facts
    }

    /// The plain text part.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.what());
        for (label, value) in self.facts() {
            text.push_str(&format!(
                "{label}{}{value}\n",
                self.locale.choose("：", ": ")
            ));
        }
        text.push_str(&format!("\n{}\n", self.url));
        text
    }

    /// The HTML part.
    pub fn html(&self) -> String {
        html! {
            (DOCTYPE)
            html lang=(self.locale.tag()) {
                head { meta charset="utf-8"; title { (self.subject()) } }
                body style="font-family: system-ui, sans-serif; line-height: 1.6; max-width: 36rem; margin: 0 auto; padding: 1rem" {
                    h1 style="font-size: 1.2rem" { (self.what()) }
                    dl {
                        @for (label, value) in self.facts() {
                            dt style="color: #666" { (label) }
                            dd { (value) }
                        }
                    }
                    p { a href=(self.url) { (self.url) } }
                }
            }
        }
        .into_string()
    }

    /// The payload of a webhook, in the shape Standard Webhooks recommends: `type`, `timestamp`, `data`.
    ///
    /// # Errors
    /// None in practice: the payload has only names, ids and instants. The error of the serializer is handed on.
    pub fn payload(&self) -> Result<String, serde_json::Error> {
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
            url: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            trace_id: Option<TraceId>,
        }
        #[derive(Serialize)]
        struct Payload<'a> {
            r#type: &'static str,
            timestamp: Timestamp,
            data: Data<'a>,
        }
        serde_json::to_string(&Payload {
            r#type: match self.matter {
                Matter::Severe => "case.severe",
                Matter::Warning { .. } => "case.warned",
                Matter::Breach { .. } => "case.breached",
                Matter::Escalation { .. } => "case.escalated",
                Matter::Doubt { .. } => "case.notice_in_doubt",
            },
            timestamp: self.at,
            data: Data {
                case: self.case,
                reference: self.reference,
                priority: self.priority,
                state: self.state,
                owner: self.owner,
                audience: self.audience,
                matter: self.matter,
                summary: self.subject(),
                url: self.url,
                trace_id: self.trace_id,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(matter: Matter, locale: Locale, zone: &TimeZone) -> Alert<'_> {
        Alert {
            matter,
            audience: Audience::Owner,
            case: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            trace_id: Some(TraceId::new(0x6a1f_9b4c, 7)),
            reference: "R-RFFQ6-9G5FA",
            priority: Priority::P2,
            state: State::Acknowledged,
            owner: Some("li.wei@example.test"),
            at: "2026-11-21T10:00:00.001Z".parse().unwrap(),
            url: "https://example.test/v1/cases/01ARZ3NDEKTSV4RRFFQ69G5FAV",
            locale,
            zone,
        }
    }

    #[test]
    fn a_breach_reads_well_in_both_languages() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let matter = Matter::Breach {
            clock: ClockKind::FirstResponse,
            due: "2026-11-21T10:00:00Z".parse().unwrap(),
        };
        insta::assert_snapshot!(alert(matter, Locale::ZhCn, &zone).text(), @r"
        已超时：首次响应

        个案：R-RFFQ6-9G5FA (01ARZ3NDEKTSV4RRFFQ69G5FAV)
        优先级：P2
        状态：已受理
        负责人：li.wei@example.test
        截止时间：2026-11-21 18:00:00 CST
        发生时间：2026-11-21 18:00:00 CST

        https://example.test/v1/cases/01ARZ3NDEKTSV4RRFFQ69G5FAV
        ");
        insta::assert_snapshot!(alert(matter, Locale::En, &zone).subject(), @"[P2] Overdue: first response [R-RFFQ6-9G5FA]");
        insta::assert_snapshot!(alert(matter, Locale::En, &zone).payload().unwrap(), @r#"{"type":"case.breached","timestamp":"2026-11-21T10:00:00.001Z","data":{"case":"01ARZ3NDEKTSV4RRFFQ69G5FAV","reference":"R-RFFQ6-9G5FA","priority":"P2","state":"acknowledged","owner":"li.wei@example.test","audience":"owner","matter":{"kind":"breach","clock":"first_response","due":"2026-11-21T10:00:00Z"},"summary":"[P2] Overdue: first response [R-RFFQ6-9G5FA]","url":"https://example.test/v1/cases/01ARZ3NDEKTSV4RRFFQ69G5FAV","trace_id":"1-6a1f9b4c-000000000000000000000007"}}"#);
    }

    #[test]
    fn the_breach_of_a_p1_goes_to_the_executive() {
        let breached = EventKind::Breached {
            clock: ClockKind::Resolution,
            due: Timestamp::UNIX_EPOCH,
        };
        let audience = |priority| matter(&breached, priority).map(|(_, audience)| audience);
        assert_eq!(audience(Priority::P1), Some(Audience::Executive));
        assert_eq!(audience(Priority::P3), Some(Audience::Owner));
        assert_eq!(matter(&EventKind::Closed, Priority::P1), None);
    }
}
