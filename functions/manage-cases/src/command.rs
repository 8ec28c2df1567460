//! What staff send: a command with its words, or everything that is wrong with it.

use resound_domain::case::{Command, Verb};
use resound_domain::event::EventKind;
use resound_domain::id::CaseId;
use resound_domain::locale::Locale;
use resound_domain::reason;
use resound_domain::submission::{Raw, RawFields, TEXT_LIMIT, breaks_line, clean, is_blank};
use resound_domain::telling::{Came, How};
use resound_lambda_kit::problem::FieldError;

/// The longest name of an owner, in characters.
pub(crate) const OWNER_LIMIT: usize = 100;

/// A command that can be carried out if the case allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// What to do.
    pub(crate) command: Command,
    /// The words that go with it: to the customer, from the customer, the plan, or a note.
    pub(crate) text: Option<String>,
    /// The revision the caller has seen, where it is said in the body.
    pub(crate) version: Option<u32>,
}

impl Order {
    /// Reads a command. Whoever assigns without naming an owner takes the case.
    ///
    /// # Errors
    /// Every fault, at most one for each field.
    pub(crate) fn read(
        fields: &RawFields,
        caller: &str,
        locale: Locale,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader {
            fields,
            locale,
            faults: Vec::new(),
        };
        let verb = reader.verb();
        let version = reader.version();
        let message = verb.map_or(Need::Unknown, |verb| match verb {
            Verb::Reply | Verb::Resolve | Verb::RecordCustomerMessage => Need::Required,
            Verb::AwaitCustomer => Need::Optional,
            _ => Need::None,
        });
        let reason = verb.map_or(Need::Unknown, |verb| match verb {
            Verb::Decline => Need::Required,
            _ => Need::None,
        });
        let owner = verb.map_or(Need::Unknown, |verb| match verb {
            Verb::Assign => Need::Optional,
            _ => Need::None,
        });
        let plan = verb.map_or(Need::Unknown, |verb| match verb {
            Verb::Plan => Need::Required,
            _ => Need::None,
        });
        let into = verb.map_or(Need::Unknown, |verb| match verb {
            Verb::Merge => Need::Required,
            _ => Need::None,
        });
        let (told, note) = verb.map_or((Need::Unknown, Need::Unknown), |verb| match verb {
            Verb::Told => (Need::Required, Need::Optional),
            _ => (Need::None, Need::None),
        });
        let message = reader.words(Field::Message, message);
        let reason = reader.words(Field::Reason, reason);
        if reason
            .as_deref()
            .is_some_and(|text| !reason::reads_as_sentence(text))
        {
            reader.fault(
                Field::Reason,
                "not-a-sentence",
                "不像写给客户的一句话：请用自己的话说明原因，至少 8 个不同的汉字，不要只写代码或标签。",
                "does not read as a sentence to the customer: say why in at least four words of your own, not in a code or a label.",
            );
        }
        let plan = reader.words(Field::Plan, plan);
        let owner = reader.owner(owner);
        let into = reader.case(into);
        let note = reader.words(Field::Note, note);
        let told = reader.told(told);
        let Some(verb) = verb.filter(|_| reader.faults.is_empty()) else {
            return Err(reader.faults);
        };
        let text = message.or(reason).or(plan).or(note);
        let command = match verb {
            Verb::Acknowledge => Command::Acknowledge,
            Verb::Assign => Command::Assign {
                owner: owner.unwrap_or_else(|| caller.to_owned()),
            },
            Verb::Reply => Command::Reply,
            Verb::AwaitCustomer => Command::AwaitCustomer {
                message: text.is_some(),
            },
            Verb::Resume => Command::Resume,
            Verb::Resolve => Command::Resolve,
            Verb::Decline => Command::Decline,
            Verb::Reopen => Command::Reopen,
            Verb::Close => Command::Close,
            Verb::RecordCustomerMessage => Command::RecordCustomerMessage,
            Verb::Plan => Command::Plan,
            Verb::Merge => match into {
                Some(into) => Command::Merge { into },
                None => return Err(reader.faults),
            },
            Verb::Told => match told {
                Some(told) => told,
                None => return Err(reader.faults),
            },
        };
        Ok(Self {
            command,
            text,
            version,
        })
    }

    /// Whether an event and the words kept with it are what this order makes happen.
    pub(crate) fn made(&self, kind: &EventKind, text: Option<&str>) -> bool {
        let same_kind = match (&self.command, kind) {
            (Command::Assign { owner }, EventKind::Assigned { owner: given }) => owner == given,
            (
                Command::AwaitCustomer { message },
                EventKind::AwaitingCustomer { message: m, .. },
            ) => message == m,
            (Command::Acknowledge, EventKind::Acknowledged | EventKind::TakenUp { .. })
            | (Command::Reply, EventKind::Replied { .. })
            | (Command::Resume, EventKind::Resumed { .. })
            | (Command::Resolve, EventKind::Resolved { .. })
            | (Command::Decline, EventKind::Declined { .. })
            | (Command::Reopen, EventKind::Reopened { .. })
            | (Command::RecordCustomerMessage, EventKind::CustomerWrote { .. })
            | (Command::Plan, EventKind::Planned { .. })
            | (Command::Close, EventKind::Closed) => true,
            (Command::Merge { into }, EventKind::Merged { into: given, .. }) => into == given,
            (
                Command::Told {
                    cause,
                    how,
                    came: Came::Told,
                },
                EventKind::Told {
                    cause: given,
                    how: by,
                },
            ) => how == by && cause.is_none_or(|cause| cause == *given),
            (
                Command::Told { cause, how, came },
                EventKind::NotReached {
                    cause: given,
                    how: by,
                    gives_up,
                },
            ) => {
                let same = match came {
                    Came::Told => false,
                    Came::NotReached => !gives_up,
                    Came::GaveUp => *gives_up,
                };
                same && how == by && cause.is_none_or(|cause| cause == *given)
            }
            _ => false,
        };
        same_kind && self.text.as_deref() == text
    }
}

/// The names of commands, for a person.
pub(crate) fn names(verbs: &[Verb]) -> String {
    let names: Vec<_> = verbs.iter().map(|verb| verb.name()).collect();
    names.join(", ")
}

/// Whether a command takes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
    None,
    /// It is not known which command it is, so only the form of the field can be wrong.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Command,
    Version,
    Message,
    Reason,
    Owner,
    Plan,
    Into,
    Cause,
    How,
    Reached,
    GiveUp,
    Note,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Version => "version",
            Self::Message => "message",
            Self::Reason => "reason",
            Self::Owner => "owner",
            Self::Plan => "plan",
            Self::Into => "into",
            Self::Cause => "cause",
            Self::How => "how",
            Self::Reached => "reached",
            Self::GiveUp => "give_up",
            Self::Note => "note",
        }
    }

    const fn label(self, locale: Locale) -> &'static str {
        let (zh_cn, en) = match self {
            Self::Command => ("命令", "The command"),
            Self::Version => ("版本号", "The version"),
            Self::Message => ("消息", "The message"),
            Self::Reason => ("给客户的理由", "The reason for the customer"),
            Self::Owner => ("负责人", "The owner"),
            Self::Plan => ("整改方案", "The remediation plan"),
            Self::Into => ("并入的个案", "The case to merge into"),
            Self::Cause => ("所告知的事项", "The event that it was about"),
            Self::How => ("联系方式", "The way"),
            Self::Reached => ("是否联系到客户", "Whether the customer was reached"),
            Self::GiveUp => ("是否不再尝试", "Whether nobody tries again"),
            Self::Note => ("备注", "The note"),
        };
        locale.choose(zh_cn, en)
    }
}

struct Reader<'a> {
    fields: &'a RawFields,
    locale: Locale,
    faults: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    fn fault(&mut self, field: Field, code: &'static str, zh_cn: &str, en: &str) {
        let label = field.label(self.locale);
        let message = match self.locale {
            Locale::ZhCn => format!("{label}{zh_cn}"),
            Locale::En => format!("{label} {en}"),
        };
        self.faults.push(FieldError {
            field: field.name().to_owned(),
            code: code.into(),
            message,
        });
    }

    /// The value of a field; `None` if it was not sent, or sent as null, or if it is at fault.
    fn value(&mut self, field: Field) -> Option<&'a Raw> {
        let mut sent = self.fields.iter().filter(|(name, _)| *name == field.name());
        let (_, first) = sent.next()?;
        if sent.next().is_some() {
            let en = "was sent more than once: send it once.";
            self.fault(field, "duplicated", "重复提交：请只保留一个。", en);
            return None;
        }
        (*first != Raw::Null).then_some(first)
    }

    fn text(&mut self, field: Field) -> Option<&'a str> {
        match self.value(field)? {
            Raw::Text(text) => Some(text),
            _ => {
                let en = "is of the wrong type: send a string.";
                self.fault(
                    field,
                    "wrong-type",
                    "的数据类型不对：请发送一个字符串。",
                    en,
                );
                None
            }
        }
    }

    fn verb(&mut self) -> Option<Verb> {
        let faults = self.faults.len();
        let verb = self.text(Field::Command).and_then(Verb::from_name);
        if verb.is_none() && self.faults.len() == faults {
            let names = names(&Verb::ALL);
            self.fault(
                Field::Command,
                "unknown-value",
                &format!("无法识别：可用的值为 {names}。"),
                &format!("is not known: send one of {names}."),
            );
        }
        verb
    }

    fn version(&mut self) -> Option<u32> {
        self.number(
            Field::Version,
            "须为个案的 version 所给出的整数。",
            "must be the number of a version, as `version` of a case says it.",
        )
    }

    fn number(&mut self, field: Field, zh_cn: &str, en: &str) -> Option<u32> {
        let value = self.value(field)?;
        let number = match value {
            Raw::Integer(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        if number.is_none() {
            self.fault(field, "wrong-type", zh_cn, en);
        }
        number
    }

    fn flag(&mut self, field: Field) -> Option<bool> {
        match self.value(field)? {
            Raw::Bool(flag) => Some(*flag),
            _ => {
                let en = "is of the wrong type: send true or false.";
                self.fault(
                    field,
                    "wrong-type",
                    "的数据类型不对：请发送 true 或 false。",
                    en,
                );
                None
            }
        }
    }

    /// How somebody turned to the customer about what, and what came of it.
    fn told(&mut self, need: Need) -> Option<Command> {
        let faults = self.faults.len();
        let cause = self.number(
            Field::Cause,
            "须为时间线中事项的 seq 所给出的整数。",
            "must be the `seq` of an entry in the timeline.",
        );
        let reached = self.flag(Field::Reached);
        let give_up = self.flag(Field::GiveUp);
        let text = self.text(Field::How);
        if self.faults.len() > faults {
            return None;
        }
        if need != Need::Required {
            if need == Need::None {
                let given = [
                    (Field::Cause, cause.is_some()),
                    (Field::Reached, reached.is_some()),
                    (Field::GiveUp, give_up.is_some()),
                    (Field::How, text.is_some()),
                ];
                for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
                    self.unexpected(field);
                }
            }
            return None;
        }
        let how = text.and_then(How::from_name);
        match text {
            None => self.fault(Field::How, "required", "必填。", "is required."),
            Some(_) if how.is_none() => {
                let names = How::ALL.map(How::name).join(", ");
                self.fault(
                    Field::How,
                    "unknown-value",
                    &format!("无法识别：可用的值为 {names}。"),
                    &format!("is not known: send one of {names}."),
                );
            }
            Some(_) => {}
        }
        let came = match (reached, give_up.unwrap_or(false)) {
            (Some(true), false) => Some(Came::Told),
            (Some(false), false) => Some(Came::NotReached),
            (Some(false), true) => Some(Came::GaveUp),
            (Some(true), true) => {
                self.unexpected(Field::GiveUp);
                None
            }
            (None, _) => {
                self.fault(Field::Reached, "required", "必填。", "is required.");
                None
            }
        };
        Some(Command::Told {
            cause,
            how: how?,
            came: came?,
        })
    }

    /// The words of a field, if the command takes any.
    fn words(&mut self, field: Field, need: Need) -> Option<String> {
        let faults = self.faults.len();
        let text = self.text(field).map(clean);
        if self.faults.len() > faults {
            return None;
        }
        let Some(text) = text else {
            if need == Need::Required {
                self.fault(field, "required", "必填。", "is required.");
            }
            return None;
        };
        if need == Need::None {
            self.unexpected(field);
            return None;
        }
        if is_blank(&text) {
            let en = "is blank: write what somebody can read.";
            self.fault(field, "blank", "为空白：请写下能读到的内容。", en);
            return None;
        }
        if text.chars().nth(TEXT_LIMIT).is_some() {
            self.fault(
                field,
                "too-long",
                &format!("过长：最多 {TEXT_LIMIT} 个字符，请缩短。"),
                &format!("is too long: shorten it to at most {TEXT_LIMIT} characters."),
            );
            return None;
        }
        Some(text)
    }

    fn owner(&mut self, need: Need) -> Option<String> {
        let text = self.text(Field::Owner)?;
        if need == Need::None {
            self.unexpected(Field::Owner);
            return None;
        }
        if !is_owner(text) {
            self.fault(
                Field::Owner,
                "invalid-owner",
                &format!("须为一行可见文字，1 到 {OWNER_LIMIT} 个字符。"),
                &format!("must be one line of 1 to {OWNER_LIMIT} visible characters."),
            );
            return None;
        }
        Some(text.trim().to_owned())
    }

    fn case(&mut self, need: Need) -> Option<CaseId> {
        let faults = self.faults.len();
        let text = self.text(Field::Into);
        if self.faults.len() > faults {
            return None;
        }
        match (text, need) {
            (None, Need::Required) => self.fault(Field::Into, "required", "必填。", "is required."),
            (Some(_), Need::None) => self.unexpected(Field::Into),
            _ => {}
        }
        let id = text?.parse().ok();
        if id.is_none() {
            let en = "is not the id of a case: send the `id` of one.";
            self.fault(
                Field::Into,
                "invalid-case",
                "不是个案编号：请发送个案的 id。",
                en,
            );
        }
        id
    }

    /// Words that a command would drop without a sound are refused: whoever wrote them believes they are sent.
    fn unexpected(&mut self, field: Field) {
        let en = "does not belong to this command: leave it out.";
        self.fault(field, "unexpected", "不属于该命令：请去掉。", en);
    }
}

/// Whether a text can name an owner.
pub(crate) fn is_owner(text: &str) -> bool {
    let text = text.trim();
    !is_blank(text) && !text.chars().any(breaks_line) && text.chars().nth(OWNER_LIMIT).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<Order, Vec<(String, String)>> {
        let fields: RawFields = serde_json::from_value(body).unwrap();
        for locale in [Locale::ZhCn, Locale::En] {
            if let Err(faults) = Order::read(&fields, "ann", locale) {
                assert!(faults.iter().all(|fault| !fault.message.is_empty()));
            }
        }
        Order::read(&fields, "ann", Locale::En).map_err(|faults| {
            let pairs = faults.into_iter().map(|f| (f.field, f.code.into_owned()));
            pairs.collect()
        })
    }

    fn faults(body: Value) -> Vec<(String, String)> {
        read(body).unwrap_err()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(f, c)| ((*f).to_owned(), (*c).to_owned()))
            .collect()
    }

    #[test]
    fn every_command_is_read() {
        for verb in Verb::ALL {
            let mut body = json!({"command": verb.name()});
            match verb {
                Verb::Reply | Verb::Resolve | Verb::RecordCustomerMessage => {
                    body["message"] = "好的".into();
                }
                Verb::Plan => body["plan"] = "换供应商".into(),
                Verb::Merge => body["into"] = "01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
                Verb::Told => {
                    body["reached"] = true.into();
                    body["how"] = "phone".into();
                }
                Verb::Decline => body["reason"] = "We do not make it any more.".into(),
                _ => {}
            }
            let order = read(body).unwrap();
            assert_eq!(order.command.verb(), verb);
        }
    }

    #[test]
    fn the_survivor_is_named_by_its_id() {
        for (body, code) in [
            (json!({"command": "merge"}), "required"),
            (json!({"command": "merge", "into": "x"}), "invalid-case"),
            (json!({"command": "merge", "into": 7}), "wrong-type"),
            (
                json!({"command": "close", "into": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}),
                "unexpected",
            ),
        ] {
            assert_eq!(faults(body), pairs(&[("into", code)]));
        }
    }

    #[test]
    fn whoever_assigns_without_a_name_takes_it() {
        let owner = |body| match read(body).unwrap().command {
            Command::Assign { owner } => owner,
            other => panic!("{other:?}"),
        };
        assert_eq!(owner(json!({"command": "assign"})), "ann");
        assert_eq!(owner(json!({"command": "assign", "owner": null})), "ann");
        assert_eq!(
            owner(json!({"command": "assign", "owner": " 小王 "})),
            "小王"
        );
    }

    #[test]
    fn every_fault_is_named_at_once() {
        assert_eq!(
            faults(json!({"command": "fix", "message": 7, "owner": "a\nb", "version": "3"})),
            pairs(&[
                ("command", "unknown-value"),
                ("version", "wrong-type"),
                ("message", "wrong-type"),
                ("owner", "invalid-owner"),
            ])
        );
        assert_eq!(faults(json!({})), pairs(&[("command", "unknown-value")]));
        assert_eq!(
            faults(json!({"command": "decline", "message": "no"})),
            pairs(&[("message", "unexpected"), ("reason", "required")])
        );
    }

    #[test]
    fn words_are_visible_and_not_too_long() {
        for blank in [
            "",
            " \n\t",
            "\u{0}\u{7}",
            "\u{200b}\u{feff}",
            "\u{3000}",
            "\u{3164}",
        ] {
            for command in ["reply", "await_customer"] {
                let body = json!({"command": command, "message": blank});
                assert_eq!(faults(body), pairs(&[("message", "blank")]), "{blank:?}");
            }
        }
        let long = |n| json!({"command": "reply", "message": "\u{1f600}".repeat(n)});
        assert!(read(long(10_000)).is_ok());
        assert_eq!(faults(long(10_001)), pairs(&[("message", "too-long")]));
        let kept = read(json!({"command": "reply", "message": "a\r\nb\u{0}\u{202e}"})).unwrap();
        assert_eq!(kept.text.as_deref(), Some("a\nb\u{202e}"));
    }

    #[test]
    fn a_reason_is_a_sentence_to_the_customer() {
        let decline = |reason| json!({"command": "decline", "reason": reason});
        for label in ["WONTFIX", "No.", "不予处理", "DUP-123 P3"] {
            let refused = pairs(&[("reason", "not-a-sentence")]);
            assert_eq!(faults(decline(label)), refused, "{label}");
        }
        assert_eq!(faults(decline(" \n")), pairs(&[("reason", "blank")]));
        for sentence in [
            "该型号已停产，配件也无法再提供。",
            "We do not make it any more.",
        ] {
            assert_eq!(
                read(decline(sentence)).unwrap().text.as_deref(),
                Some(sentence)
            );
        }
        let fields: RawFields = serde_json::from_value(decline("WONTFIX")).unwrap();
        let message = |locale| {
            Order::read(&fields, "ann", locale).unwrap_err()[0]
                .message
                .clone()
        };
        assert!(message(Locale::ZhCn).starts_with("给客户的理由不像"));
        assert!(message(Locale::En).starts_with("The reason for the customer does not read"));
    }

    #[test]
    fn owners_are_one_visible_line() {
        for broken in ["", " ", "\u{200b}", "a\u{2028}b", &"x".repeat(101)] {
            let body = json!({"command": "assign", "owner": broken});
            assert_eq!(
                faults(body),
                pairs(&[("owner", "invalid-owner")]),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn a_repeated_field_is_a_fault() {
        let body = r#"{"command":"reply","message":"a","message":"b"}"#;
        let fields: RawFields = serde_json::from_str(body).unwrap();
        let faults = Order::read(&fields, "ann", Locale::ZhCn).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].code, "duplicated");
    }
}
