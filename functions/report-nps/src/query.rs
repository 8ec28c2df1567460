//! What is asked for.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::{ToSpan, Unit};
use resound_domain::form::FormId;
use resound_domain::locale::Locale;
use resound_domain::nps::{Period, TierWeights, Window};
use resound_domain::submission::Tier;
use resound_domain::tally::{Cut, Dimension};
use resound_lambda_kit::http::HttpRequest;
use resound_lambda_kit::problem::FieldError;
use serde::Serialize;

/// How many days a report covers unless the caller says otherwise.
const DAYS: i64 = 30;

/// The name of no tier.
pub(crate) const UNKNOWN: &str = "unknown";

/// The most days a report covers.
const MAX_DAYS: i64 = 400;

/// What there is one row of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A value of a cut; the surveys are one.
    Cut(Cut),
    /// A local day.
    Day,
}

impl By {
    const DAY: &'static str = "day";

    fn from_name(name: &str) -> Option<Self> {
        if name == Self::DAY {
            return Some(Self::Day);
        }
        // A plus that was not written %2B arrives as a blank, and no name has one.
        Cut::from_name(&name.replace(' ', "+")).map(Self::Cut)
    }

    fn names() -> String {
        let names = Cut::every().map(Cut::name);
        let names: Vec<_> = names.chain([Self::DAY.to_owned()]).collect();
        names.join(", ")
    }

    /// Whether it parts the answers of a survey: not the whole, not the surveys, not the days.
    const fn splits(self) -> bool {
        !matches!(
            self,
            Self::Day | Self::Cut(Cut::One(Dimension::All | Dimension::Survey))
        )
    }
}

/// Local days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Days {
    pub(crate) from: Date,
    pub(crate) to: Date,
}

impl Days {
    pub(crate) fn of(period: Period) -> Self {
        Self {
            from: period.first(),
            to: period.last(),
        }
    }

    pub(crate) fn contain(self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }

    /// As many days just before these; `None` where keys do not reach.
    fn before(self) -> Option<Self> {
        let to = self.from.yesterday().ok()?;
        let from = to
            .checked_sub((days(self.from, self.to)? - 1).days())
            .ok()?;
        (from.year() >= 0).then_some(Self { from, to })
    }
}

/// Which days of which survey are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// What it is about.
    pub(crate) days: Days,
    /// What that is compared with, unless something else is said.
    pub(crate) before: Option<Days>,
    /// Only this survey; `None` for all of them.
    pub(crate) survey: Option<FormId>,
}

impl Span {
    /// Reads the days of a request: the thirty days up to today, unless it says otherwise. A window says which days go with the
    /// last one; weeks and months are compared with the week or month before, all others with as many days.
    ///
    /// `today` is the local day of a survey, or of all of them. An empty parameter counts as left out.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    pub(crate) fn read(
        request: &HttpRequest,
        today: impl Fn(Option<&FormId>) -> Date,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::new(request);
        let span = reader.days_of_survey(today);
        reader.done().map(|()| span)
    }
}

/// The last day that is looked at, of a survey: where how many days there are goes without saying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Until {
    /// The last day.
    pub(crate) to: Date,
    /// Only this survey; `None` for all of them.
    pub(crate) survey: Option<FormId>,
}

impl Until {
    /// Reads `to` and `survey` of a request, as [`Span::read`] does.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    pub(crate) fn read(
        request: &HttpRequest,
        today: impl Fn(Option<&FormId>) -> Date,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::new(request);
        let survey = reader.survey();
        let to = reader.day("to").unwrap_or_else(|| today(survey.as_ref()));
        reader.done().map(|()| Self { to, survey })
    }

    /// The fault of a `to` before which there are not days enough.
    pub(crate) fn out_of_range(request: &HttpRequest) -> FieldError {
        out_of_range(request.locale())
    }
}

/// A report that can be made. An empty parameter counts as left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    /// Which days; of days, each is compared with the one before it.
    pub(crate) span: Span,
    pub(crate) by: By,
    /// Whether to say what each value of the dimension does to the score of all.
    pub(crate) drivers: bool,
    /// How much answers count by the tier of who gave them, where that is asked for.
    pub(crate) weights: Option<TierWeights>,
}

impl Query {
    /// Reads the query of a request, as [`Span::read`] does.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    pub(crate) fn read(
        request: &HttpRequest,
        today: impl Fn(Option<&FormId>) -> Date,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::new(request);
        let mut span = reader.days_of_survey(today);
        let by = reader.by();
        let drivers = reader.drivers(by);
        let weights = reader.weights(by);
        if by == By::Day {
            let first = span.days.from.yesterday().ok();
            span.before = first
                .filter(|day| day.year() >= 0)
                .map(|day| Days { from: day, to: day });
        }
        reader.done().map(|()| Self {
            span,
            by,
            drivers,
            weights,
        })
    }

    /// All days that are to be read: what is asked for and, just before it, what that is compared with.
    pub(crate) fn read_from(&self) -> Date {
        let before = self.span.before;
        before.map_or(self.span.days.from, |before| before.from)
    }
}

struct Reader<'a> {
    request: &'a HttpRequest,
    locale: Locale,
    faults: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    fn new(request: &'a HttpRequest) -> Self {
        Self {
            request,
            locale: request.locale(),
            faults: Vec::new(),
        }
    }

    fn done(self) -> Result<(), Vec<FieldError>> {
        match self.faults.is_empty() {
            true => Ok(()),
            false => Err(self.faults),
        }
    }

    fn days_of_survey(&mut self, today: impl Fn(Option<&FormId>) -> Date) -> Span {
        let from = self.day("from");
        let to = self.day("to");
        let survey = self.survey();
        let to = to.unwrap_or_else(|| today(survey.as_ref()));
        let window = self.window(from.is_some());
        let mut days = Days {
            from: from.unwrap_or_else(|| to.saturating_sub((DAYS - 1).days())),
            to,
        };
        let mut before = days.before();
        if let Some(window) = window
            && let Some(period) = self.period(window, to)
        {
            days = Days::of(period);
            before = period.previous().map(Days::of);
            before = before.filter(|days| days.from.year() >= 0);
        }
        if self.faults.is_empty() {
            self.span(days.from, days.to);
        }
        Span {
            days,
            before,
            survey,
        }
    }

    fn given(&self, name: &str) -> Option<&'a str> {
        self.request.query(name).filter(|value| !value.is_empty())
    }

    fn fault(
        &mut self,
        field: &str,
        code: &'static str,
        zh_cn: impl fmt::Display,
        en: impl fmt::Display,
    ) {
        self.faults.push(fault(self.locale, field, code, zh_cn, en));
    }

    fn day(&mut self, name: &str) -> Option<Date> {
        let text = self.given(name)?;
        // One day, one text: `20261101`, or a day with a time, could be read too. Years before 0 do not sort as text,
        // and keys do.
        let day = text.parse().ok();
        let day = day.filter(|day: &Date| day.year() >= 0 && day.to_string() == text);
        if day.is_none() {
            self.fault(
                name,
                "invalid-date",
                format_args!("{name} 须为 2026-11-01 形式的日期。"),
                format_args!("`{name}` must be a date like 2026-11-01."),
            );
        }
        day
    }

    fn by(&mut self) -> By {
        let Some(name) = self.given("by") else {
            return By::Cut(Cut::ALL);
        };
        By::from_name(name).unwrap_or_else(|| {
            let names = By::names();
            self.fault(
                "by",
                "unknown-value",
                format_args!("by 无法识别：可用的值为 {names}。"),
                format_args!("`by` is not known: send one of {names}."),
            );
            By::Day
        })
    }

    fn survey(&mut self) -> Option<FormId> {
        let survey = self.given("survey")?.parse().ok();
        if survey.is_none() {
            self.fault(
                "survey",
                "unknown-form",
                "survey 无效：请使用表单的名称。",
                "`survey` is not valid: send the name of a form.",
            );
        }
        survey
    }

    /// A window already says where it begins.
    fn window(&mut self, has_from: bool) -> Option<Window> {
        let name = self.given("window")?;
        let window = Window::from_name(name);
        if window.is_none() {
            let names = Window::EVERY.map(Window::name).join(", ");
            self.fault(
                "window",
                "unknown-value",
                format_args!("window 无法识别：可用的值为 {names}。"),
                format_args!("`window` is not known: send one of {names}."),
            );
        } else if has_from {
            self.fault(
                "from",
                "not-with-window",
                "from 不能与 window 同时使用：时间窗口由 to 决定。",
                "`from` cannot be sent with `window`, which goes by `to` alone.",
            );
        }
        window
    }

    fn period(&mut self, window: Window, to: Date) -> Option<Period> {
        let period = window.period(to);
        if period.is_none() {
            self.faults.push(out_of_range(self.locale));
        }
        period
    }

    fn drivers(&mut self, by: By) -> bool {
        let wanted = match self.given("drivers") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.fault(
                    "drivers",
                    "unknown-value",
                    "drivers 须为 true 或 false。",
                    "`drivers` must be true or false.",
                );
                false
            }
        };
        if wanted && !by.splits() {
            self.fault(
                "drivers",
                "not-with-by",
                "drivers 须与 by 一起使用，且不能为 all、survey 或 day。",
                "`drivers` goes with `by`, and with none of all, survey and day.",
            );
        }
        wanted && by.splits()
    }

    fn weights(&mut self, by: By) -> Option<TierWeights> {
        let text = self.given("weights")?;
        if by.splits() {
            self.fault(
                "weights",
                "not-with-by",
                "weights 只能与 by=all、survey 或 day 一起使用。",
                "`weights` goes with `by`: all, survey or day.",
            );
            return None;
        }
        let weights = weights(text);
        if weights.is_none() {
            self.fault(
                "weights",
                "invalid-weights",
                "weights 须为 gold:3,platinum:5,unknown:1 的形式：等级各出现至多一次，权重为 0 至 1000000。",
                "`weights` must be like gold:3,platinum:5,unknown:1: each tier at most once, each weight from 0 to 1000000.",
            );
        }
        weights
    }

    fn span(&mut self, from: Date, to: Date) {
        if from > to {
            self.fault(
                "from",
                "out-of-order",
                format_args!("from 不能晚于 to（{to}）。"),
                format_args!("`from` must not be later than `to`, which is {to}."),
            );
        } else if days(from, to).is_none_or(|days| days > MAX_DAYS) {
            self.fault(
                "from",
                "too-long",
                format_args!("时间范围过长：最多 {MAX_DAYS} 天。"),
                format_args!("The span is too long: ask for at most {MAX_DAYS} days."),
            );
        }
    }
}

fn fault(
    locale: Locale,
    field: &str,
    code: &'static str,
    zh_cn: impl fmt::Display,
    en: impl fmt::Display,
) -> FieldError {
    FieldError {
        field: field.to_owned(),
        code: code.into(),
        message: match locale {
            Locale::ZhCn => zh_cn.to_string(),
            Locale::En => en.to_string(),
        },
    }
}

fn out_of_range(locale: Locale) -> FieldError {
    let en = "`to` is beyond the days there are.";
    fault(locale, "to", "out-of-range", "to 超出可用日期范围。", en)
}

/// The weights of a text like `gold:3,platinum:5`; who is of an unnamed or unknown tier counts once unless `unknown` is said.
fn weights(text: &str) -> Option<TierWeights> {
    let mut unknown = None;
    let mut tiers = BTreeMap::new();
    for part in text.split(',') {
        let (name, weight) = part.split_once(':')?;
        let weight = weight.parse().ok()?;
        let before = if name == UNKNOWN {
            unknown.replace(weight)
        } else {
            tiers.insert(
                Tier::ALL.into_iter().find(|tier| tier.name() == name)?,
                weight,
            )
        };
        if before.is_some() {
            return None;
        }
    }
    TierWeights::new(tiers, unknown.unwrap_or(1.0)).ok()
}

/// How many days there are from one to another, both included.
fn days(from: Date, to: Date) -> Option<i64> {
    let span = from.until((Unit::Day, to)).ok()?;
    Some(i64::from(span.get_days()) + 1)
}
