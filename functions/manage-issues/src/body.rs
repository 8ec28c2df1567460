//! What staff send, or everything that is wrong with it.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::id::{ImprovementId, IssueId, ResponseId};
use resound_domain::issue::announcement;
use resound_domain::issue::beta::{self, Seed, Size};
use resound_domain::issue::improvement::{self, MAX_ISSUES, MAX_NAME, Plan};
use resound_domain::issue::kano::{Answer, Pair};
use resound_domain::issue::rule::{MAX_CHARS, MAX_WORDS};
use resound_domain::issue::{
    About, BadWords, Command, Effort, LinkRule, MAX_NAMED, Note, Title, Verb,
};
use resound_domain::locale::Locale;
use resound_domain::submission::{IdempotencyKey, breaks_line};
use resound_domain::triage::Category;
use resound_lambda_kit::http::{ContentType, HttpRequest, Rejection};
use resound_lambda_kit::problem::{FieldError, Kind};
use serde_json::{Map, Value};

/// Reads the members of a body one by one. What nobody asked for is a fault: whoever wrote it believes it means something.
pub(crate) struct Reader {
    members: Map<String, Value>,
    asked: BTreeSet<&'static str>,
    locale: Locale,
    faults: Vec<FieldError>,
}

impl Reader {
    /// The body of a request, and whether its key may be one.
    ///
    /// # Errors
    /// 400 if it is not a JSON object, 415 if it is said to be something else.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Rejection> {
        if ContentType::of(request)? != ContentType::Json {
            let problem = request.problem(Kind::UnsupportedMediaType);
            return Err(problem.header("accept", "application/json").into());
        }
        let members = serde_json::from_slice(&request.body).map_err(|_| {
            let problem = request.problem(Kind::BadRequest);
            problem.detail(
                "正文应为一个 JSON 对象。",
                "The body is expected to be a JSON object.",
            )
        })?;
        let locale = request.locale();
        let key = request
            .header("idempotency-key")
            .map(IdempotencyKey::try_from);
        let fault = key.and_then(Result::err).map(|fault| FieldError {
            field: "idempotency_key".to_owned(),
            code: fault.code.name().into(),
            message: fault.message(locale),
        });
        Ok(Self {
            members,
            asked: BTreeSet::new(),
            locale,
            faults: fault.into_iter().collect(),
        })
    }

    /// What was read, unless something is wrong.
    ///
    /// # Errors
    /// 422 with every fault, at most one for each member.
    pub(crate) fn done<T>(
        mut self,
        request: &HttpRequest,
        read: Option<T>,
    ) -> Result<T, Rejection> {
        // Of which command it is wrong to be a member is only known of one that can be read.
        let all_read = read.is_some() && self.faults.is_empty();
        let stray: Vec<String> = match all_read {
            true => self.members.keys().cloned().collect(),
            false => Vec::new(),
        };
        for name in &stray {
            if self.asked.contains(name.as_str()) {
                continue;
            }
            self.fault(
                name,
                "unknown-field",
                "没有这个字段，或不属于该命令：请检查拼写，或去掉。",
                "There is no such member, or it does not belong to this command: check its spelling, or leave it out.",
            );
        }
        match read.filter(|_| self.faults.is_empty()) {
            Some(read) => Ok(read),
            None => Err(request.problem(Kind::Invalid).errors(self.faults).into()),
        }
    }

    fn fault(&mut self, field: &str, code: &'static str, zh_cn: &str, en: &str) {
        self.faults.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            message: self.locale.choose(zh_cn, en).to_owned(),
        });
    }

    /// A member; `None` if it was left out or is null.
    fn value(&mut self, name: &'static str) -> Option<Value> {
        self.asked.insert(name);
        self.members
            .get(name)
            .filter(|value| !value.is_null())
            .cloned()
    }

    fn required(&mut self, name: &'static str) -> Option<Value> {
        let value = self.value(name);
        if value.is_none() {
            self.fault(name, "required", "必填。", "It is required.");
        }
        value
    }

    fn text(&mut self, name: &'static str, value: &Value) -> Option<String> {
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(name, "wrong-type", "须为字符串。", "A string is expected.");
        }
        text
    }

    fn one_of<T>(
        &mut self,
        name: &'static str,
        value: &Value,
        choices: &[&str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let found = value.as_str().and_then(read);
        if found.is_none() {
            let choices = choices.join(", ");
            self.fault(
                name,
                "unknown-value",
                &format!("无法识别：可用的值为 {choices}。"),
                &format!("Not known: use one of {choices}."),
            );
        }
        found
    }

    fn words<T>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl Fn(&str) -> Result<T, BadWords>,
    ) -> Option<T> {
        let value = self.required(name)?;
        let text = self.text(name, &value)?;
        match read(&text) {
            Ok(words) => Some(words),
            Err(fault) => {
                let (code, zh_cn, en) = match fault {
                    BadWords::Blank => (
                        "blank",
                        "为空白：请写下能读到的内容。".to_owned(),
                        "It is blank: write what somebody can read.".to_owned(),
                    ),
                    BadWords::TooLong => (
                        "too-long",
                        format!("过长：最多 {most} 个字符，请缩短。"),
                        format!("It is too long: shorten it to at most {most} characters."),
                    ),
                    BadWords::Lines => (
                        "lines",
                        "须为一行。".to_owned(),
                        "One line is expected.".to_owned(),
                    ),
                    BadWords::Personal => (
                        "personal-data",
                        "含有个人信息：请去掉邮箱、电话、证件号和卡号。".to_owned(),
                        "It holds personal data: leave out e-mail addresses and numbers of people."
                            .to_owned(),
                    ),
                };
                self.fault(name, code, &zh_cn, &en);
                None
            }
        }
    }

    fn title(&mut self) -> Option<Title> {
        self.words("title", Title::MAX, Title::new)
    }

    fn note(&mut self, name: &'static str) -> Option<Note> {
        self.words(name, Note::MAX, Note::new)
    }

    /// A name in one visible line, if it was sent.
    fn name(&mut self, name: &'static str, most: usize) -> Option<String> {
        let value = self.value(name)?;
        let text = self.text(name, &value)?.trim().to_owned();
        let visible = text.chars().any(char::is_alphanumeric) && !text.chars().any(breaks_line);
        if !visible || text.chars().nth(most).is_some() {
            self.fault(
                name,
                "invalid-name",
                &format!("须为一行可见文字，1 到 {most} 个字符。"),
                &format!("One line of 1 to {most} visible characters is expected."),
            );
            return None;
        }
        Some(text)
    }

    fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        if !value.is_boolean() {
            let en = "true or false is expected.";
            self.fault(name, "wrong-type", "须为 true 或 false。", en);
        }
        value.as_bool()
    }

    fn id<T: FromStr>(&mut self, name: &'static str, value: &Value) -> Option<T> {
        let id = value.as_str().and_then(|text| text.parse().ok());
        if id.is_none() {
            self.fault(
                name,
                "invalid-id",
                "不是编号：须为 26 个字符。",
                "It is not an id: 26 characters are expected.",
            );
        }
        id
    }

    /// 1 to `most` ids.
    fn ids<T: FromStr>(&mut self, name: &'static str, most: usize) -> Option<Vec<T>> {
        let value = self.required(name)?;
        let list = value
            .as_array()
            .filter(|list| (1..=most).contains(&list.len()));
        let Some(list) = list else {
            self.fault(
                name,
                "invalid-list",
                &format!("须为 1 到 {most} 个编号的列表。"),
                &format!("A list of 1 to {most} ids is expected."),
            );
            return None;
        };
        let faults = self.faults.len();
        let mut ids = Vec::with_capacity(list.len());
        for value in list {
            if self.faults.len() > faults {
                return None;
            }
            ids.extend(self.id(name, value));
        }
        Some(ids)
    }

    fn effort(&mut self) -> Option<Effort> {
        let value = self.value("effort")?;
        self.one_of(
            "effort",
            &value,
            &Effort::ALL.map(Effort::name),
            Effort::from_name,
        )
    }

    fn category(&mut self) -> Option<Category> {
        let value = self.value("category")?;
        let names: Vec<_> = Category::ALL.iter().map(|c| c.name()).collect();
        self.one_of("category", &value, &names, Category::from_name)
    }

    fn rule(&mut self) -> Option<LinkRule> {
        let value = self.value("rule")?;
        let rule = serde_json::from_value::<LinkRule>(value).ok();
        let rule = rule.filter(|rule| rule.check().is_ok());
        if rule.is_none() {
            self.fault(
                "rule",
                "invalid-rule",
                &format!(
                    "须为对象，至少含 category、touchpoint、product、words 之一；words 最多 {MAX_WORDS} 个，每个 1 到 {MAX_CHARS} 个可见字符。"
                ),
                &format!(
                    "An object with at least one of category, touchpoint, product and words is expected; at most {MAX_WORDS} words of 1 to {MAX_CHARS} visible characters."
                ),
            );
        }
        rule
    }

    fn day(&mut self, name: &'static str) -> Option<Date> {
        let value = self.value(name)?;
        let day = value.as_str().and_then(|text| text.parse::<Date>().ok());
        let day = day.filter(|day| (2000..=2999).contains(&day.year()));
        if day.is_none() {
            let en = "A day like 2026-11-01 is expected.";
            self.fault(name, "invalid-date", "须为 2026-11-01 形式的日期。", en);
        }
        day
    }

    /// The version the caller has seen, where it is said in the body.
    pub(crate) fn version(&mut self) -> Option<u32> {
        let value = self.value("version")?;
        let version = value.as_u64().and_then(|number| u32::try_from(number).ok());
        if version.is_none() {
            let en = "The number that `version` of what you have read says is expected.";
            self.fault("version", "wrong-type", "须为所读内容的 version 整数。", en);
        }
        version
    }

    /// A new issue.
    pub(crate) fn about(&mut self) -> Option<About> {
        let title = self.title();
        let category = self.category();
        let touchpoint = self.name("touchpoint", MAX_CHARS);
        let product = self.name("product", MAX_CHARS);
        let core = self.flag("core").unwrap_or(false);
        let effort = self.effort();
        let rule = self.rule();
        Some(About {
            title: title?,
            category,
            touchpoint,
            product,
            core,
            effort,
            rule,
        })
    }

    /// A command to an issue.
    pub(crate) fn command(&mut self) -> Option<Command> {
        let value = self.required("command")?;
        let names = Verb::ALL.map(Verb::name);
        Some(
            match self.one_of("command", &value, &names, Verb::from_name)? {
                Verb::Link => Command::Link {
                    responses: self.ids::<ResponseId>("responses", MAX_NAMED)?,
                },
                Verb::Unlink => Command::Unlink {
                    responses: self.ids::<ResponseId>("responses", MAX_NAMED)?,
                },
                Verb::Retitle => Command::Retitle {
                    title: self.title()?,
                },
                Verb::SetRule => Command::SetRule { rule: self.rule() },
                Verb::SetEffort => Command::SetEffort {
                    effort: self.effort(),
                },
                Verb::SetCore => {
                    self.required("core")?;
                    Command::SetCore {
                        core: self.flag("core")?,
                    }
                }
                Verb::Merge => {
                    let into = self.required("into")?;
                    Command::Merge {
                        into: self.id::<IssueId>("into", &into)?,
                    }
                }
                Verb::Close => Command::Close,
                Verb::Reopen => Command::Reopen,
            },
        )
    }

    /// A new improvement.
    pub(crate) fn plan(&mut self) -> Option<Plan> {
        let title = self.title();
        let issues = self.ids("issues", MAX_ISSUES);
        let touchpoint = self.name("touchpoint", MAX_CHARS);
        let owner = self.name("owner", MAX_NAME);
        let due = self.day("due");
        let mut issues: Vec<IssueId> = issues?;
        issues.sort_unstable();
        issues.dedup();
        Some(Plan {
            title: title?,
            issues,
            touchpoint,
            owner,
            due,
        })
    }

    /// A command to an improvement; whoever assigns without naming an owner takes it.
    pub(crate) fn step(&mut self, caller: &str) -> Option<improvement::Command> {
        use improvement::{Command, Verb};
        let value = self.required("command")?;
        let names = Verb::ALL.map(Verb::name);
        Some(
            match self.one_of("command", &value, &names, Verb::from_name)? {
                Verb::Assign => Command::Assign {
                    owner: match self.value("owner") {
                        Some(_) => self.name("owner", MAX_NAME)?,
                        None => caller.to_owned(),
                    },
                },
                Verb::Schedule => {
                    self.required("due")?;
                    Command::Schedule {
                        due: self.day("due")?,
                    }
                }
                Verb::Progress => Command::Progress {
                    note: self.note("note")?,
                },
                Verb::Ship => {
                    self.required("release")?;
                    Command::Ship {
                        version: self.name("release", MAX_NAME)?,
                    }
                }
                Verb::Cancel => Command::Cancel {
                    reason: self.note("reason")?,
                },
            },
        )
    }

    /// What reporters are told: "here is how", in each language.
    pub(crate) fn announced(&mut self) -> Option<announcement::Words> {
        let (zh_cn, en) = (self.note("zh-CN"), self.note("en"));
        let zh_tw = match self.value("zh-TW") {
            Some(_) => Some(self.note("zh-TW")?),
            None => None,
        };
        Some(announcement::Words {
            zh_cn: zh_cn?,
            zh_tw,
            en: en?,
        })
    }

    /// A command to an announcement.
    pub(crate) fn announcing(&mut self) -> Option<announcement::Command> {
        use announcement::Command;
        let value = self.required("command")?;
        let names = Command::ALL.map(Command::name);
        self.one_of("command", &value, &names, Command::from_name)
    }

    /// Whether everyone is to be told although a beta is open.
    pub(crate) fn despite_beta(&mut self) -> bool {
        self.flag("despite_beta").unwrap_or_default()
    }

    /// How a beta is to be; `drawn` is what lots are drawn by if nobody says so.
    pub(crate) fn beta(&mut self, drawn: Seed) -> Option<beta::Terms> {
        let (size, seed) = (self.size(), self.seed(drawn));
        let (words, until) = (self.announced(), self.until());
        Some(beta::Terms {
            size: size?,
            seed: seed?,
            words: words?,
            until: until?,
        })
    }

    fn size(&mut self) -> Option<Size> {
        let Some(value) = self.value("size") else {
            return Some(Size::USUAL);
        };
        let size = value.as_u64().and_then(|size| u16::try_from(size).ok());
        let size = size.and_then(Size::new);
        if size.is_none() {
            let most = Size::MOST;
            self.fault(
                "size",
                "out-of-range",
                &format!("须为 1 到 {most} 的整数。"),
                &format!("A whole number from 1 to {most} is expected."),
            );
        }
        size
    }

    fn seed(&mut self, drawn: Seed) -> Option<Seed> {
        let Some(value) = self.value("seed") else {
            return Some(drawn);
        };
        let seed = value.as_str().and_then(Seed::new);
        if seed.is_none() {
            let most = Seed::MAX;
            self.fault(
                "seed",
                "invalid-seed",
                &format!("须为 1 到 {most} 个字母、数字、“-”或“_”。"),
                &format!("1 to {most} letters, digits, `-` and `_` are expected."),
            );
        }
        seed
    }

    fn until(&mut self) -> Option<Timestamp> {
        let value = self.required("until")?;
        let until = value.as_str().and_then(|text| text.parse().ok());
        let whole = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).ok();
        let until = until.and_then(whole);
        if until.is_none() {
            self.fault(
                "until",
                "invalid-instant",
                "须为带时区的时刻，例如 2026-12-31T18:00:00+08:00。",
                "An instant with its offset is expected, such as 2026-12-31T18:00:00+08:00.",
            );
        }
        until
    }

    /// A command to a beta.
    pub(crate) fn trying(&mut self) -> Option<beta::Command> {
        use beta::Command;
        let value = self.required("command")?;
        let names = Command::ALL.map(Command::name);
        self.one_of("command", &value, &names, Command::from_name)
    }

    /// The answers to the two questions of a pair.
    pub(crate) fn pair(&mut self) -> Option<Pair> {
        let mut answer = |name| {
            let value = self.required(name)?;
            self.one_of(
                name,
                &value,
                &Answer::ALL.map(Answer::name),
                Answer::from_name,
            )
        };
        let (functional, dysfunctional) = (answer("functional"), answer("dysfunctional"));
        Some(Pair {
            functional: functional?,
            dysfunctional: dysfunctional?,
        })
    }
}

/// The id in the path, or 404.
pub(crate) fn issue_id(request: &HttpRequest) -> Result<IssueId, Rejection> {
    let id = request.param("id").and_then(|id| id.parse().ok());
    id.ok_or_else(|| no_issue(request))
}

/// The id in the path, or 404.
pub(crate) fn improvement_id(request: &HttpRequest) -> Result<ImprovementId, Rejection> {
    let id = request.param("id").and_then(|id| id.parse().ok());
    id.ok_or_else(|| no_improvement(request))
}

pub(crate) fn no_issue(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::NotFound);
    problem
        .detail("没有这个问题。", "There is no such issue.")
        .into()
}

pub(crate) fn no_improvement(request: &HttpRequest) -> Rejection {
    let problem = request.problem(Kind::NotFound);
    problem
        .detail("没有这个改进。", "There is no such improvement.")
        .into()
}

/// What a body names that is not there.
pub(crate) fn missing(request: &HttpRequest, field: &str, code: &'static str) -> Rejection {
    let message = request.locale().choose(
        "其中有不存在的编号：请检查。",
        "It names something that is not there: check the ids.",
    );
    let fault = FieldError {
        field: field.to_owned(),
        code: code.into(),
        message: message.to_owned(),
    };
    request.problem(Kind::Invalid).errors(vec![fault]).into()
}

/// A parameter of the query with one of these values; an empty one counts as left out.
///
/// # Errors
/// 422 for any other.
pub(crate) fn choice<T>(
    request: &HttpRequest,
    name: &'static str,
    choices: &[&str],
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Rejection> {
    let Some(text) = request.query(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    read(text).map(Some).ok_or_else(|| {
        let choices = choices.join(", ");
        let message = match request.locale() {
            Locale::ZhCn => format!("无法识别：可用的值为 {choices}。"),
            Locale::En => format!("Not known: use one of {choices}."),
        };
        let fault = FieldError {
            field: name.to_owned(),
            code: "unknown-value".into(),
            message,
        };
        request.problem(Kind::Invalid).errors(vec![fault]).into()
    })
}

/// The `limit` of a page, from 1 to `most`.
///
/// # Errors
/// 422 for any other.
pub(crate) fn limit(request: &HttpRequest, usual: usize, most: usize) -> Result<usize, Rejection> {
    let Some(text) = request.query("limit").filter(|text| !text.is_empty()) else {
        return Ok(usual);
    };
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| {
        let message = match request.locale() {
            Locale::ZhCn => format!("每页条数须为 1 到 {most} 的整数。"),
            Locale::En => format!("The limit must be a whole number from 1 to {most}."),
        };
        let fault = FieldError {
            field: "limit".to_owned(),
            code: "off-scale".into(),
            message,
        };
        request.problem(Kind::Invalid).errors(vec![fault]).into()
    })
}
