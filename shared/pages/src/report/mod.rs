//! Reports, as a page and as a letter.

mod chart;
mod sections;
mod words;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};
use resound_domain::locale::Locale;
use resound_domain::nps::Period;
use resound_domain::report::{Kind, Names, Numbers};

use crate::layout::{Page, STYLE, policy};
use crate::text::Clean;
use crate::time::{moment, zone_name};
use sections::{Section, Table, sections};

/// The style sheet of reports, beside that of every page.
const CHARTS: &str = include_str!("report.css");

/// The policy of the page of a report: both style sheets, and nothing else.
pub fn report_policy() -> String {
    policy(&[STYLE, CHARTS])
}

/// A report, as far as it is shown.
#[derive(Debug)]
pub struct ReportView<'a> {
    /// The language of the reader.
    pub locale: Locale,
    /// The days it is about.
    pub period: Period,
    /// The survey.
    pub survey: &'a str,
    /// From 1 up.
    pub edition: u32,
    /// Business time up to which the nights are in it.
    pub as_of: Timestamp,
    /// The zone of its days.
    pub zone: &'a TimeZone,
    /// What it says.
    pub numbers: &'a Numbers,
    /// What the issues and improvements in it are called.
    pub names: &'a Names,
}

/// What some customers wrote, masked, of each type of complaint in its order; what was erased is not there.
pub type Examples = Vec<Vec<String>>;

impl ReportView<'_> {
    /// `Weekly report 2026-W47: default`.
    pub fn title(&self) -> String {
        let kind = match self.numbers.kind() {
            Kind::Weekly => self.locale.choose("周报", "Weekly report"),
            Kind::Monthly => self.locale.choose("月报", "Monthly report"),
        };
        let between = self.locale.choose("：", ": ");
        format!("{kind} {}{between}{}", self.period, self.survey)
    }

    /// Which days, and up to when.
    fn about(&self) -> String {
        let (first, last) = (self.period.first(), self.period.last());
        let as_of = moment(self.as_of, self.zone, self.locale);
        let zone = zone_name(self.as_of, self.zone, self.locale);
        let edition = self.edition;
        match self.locale {
            Locale::ZhCn => {
                format!("{first} 至 {last}。统计截至 {as_of}（{zone}），第 {edition} 版。")
            }
            Locale::En => {
                format!("{first} to {last}. Counted up to {as_of} ({zone}), edition {edition}.")
            }
        }
    }

    fn corrected(&self) -> Option<&'static str> {
        (self.edition > 1).then(|| {
            self.locale.choose(
                "本版取代此前各版：计数之后有回答迟到、被修改或被删除。",
                "It takes the place of earlier editions: answers came late, were changed or erased after those were counted.",
            )
        })
    }
}

/// The page of a report. `formats` are the addresses of the same report for programs, with their names.
pub fn report_page(view: &ReportView<'_>, examples: &Examples, formats: &[(&str, &str)]) -> String {
    let locale = view.locale;
    let title = view.title();
    let content = html! {
        h1 { (Clean(&title)) }
        p.hint { (Clean(&view.about())) }
        @if let Some(corrected) = view.corrected() { p.box.note { (corrected) } }
        @for section in sections(view) { (part(&section, locale)) }
        @if let Numbers::Weekly(week) = view.numbers {
            (written(&week.complaints.top, examples, locale))
        }
        p.formats {
            (locale.choose("同一份报告的其他格式：", "The same report for programs: "))
            @for (name, address) in formats { a href=(address) { (name) } " " }
        }
    };
    let address = format!("?survey={}&lang=", view.survey);
    let page = Page {
        locale,
        title: &title,
        other_language: Some(&format!("{address}{}", locale.choose("en", "zh-CN"))),
        content: html! { div.report { (content) } },
    };
    page.into_html_with(&[CHARTS])
}

fn part(section: &Section, locale: Locale) -> Markup {
    html! {
        section {
            h2 { (section.title) }
            @for sentence in &section.lead { p.hint { (Clean(sentence)) } }
            @if let Some(chart) = &section.chart {
                p.hint { (chart.caption) }
                (chart.render())
            }
            @if let Some(of) = &section.table {
                @if section.chart.is_some() {
                    details {
                        summary { (locale.choose("数字", "The numbers")) }
                        (table(of, section.title))
                    }
                } @else { (table(of, section.title)) }
            }
            @if let Some(note) = section.note(locale) { p.hint { (note) } }
        }
    }
}

fn table(table: &Table, title: &str) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label=(title) {
            table {
                thead { tr { @for column in &table.columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (at, cell) in row.iter().enumerate() {
                                @if at == 0 { th scope="row" dir="auto" { (Clean(cell)) } }
                                @else { td { (Clean(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn written(
    types: &[resound_domain::report::ComplaintType],
    examples: &Examples,
    locale: Locale,
) -> Markup {
    let none = examples.iter().all(Vec::is_empty);
    html! {
        @if !none {
            section {
                h2 { (locale.choose("客户的原话（已脱敏）", "In the words of customers, masked")) }
                @for (of, texts) in types.iter().zip(examples) {
                    @if !texts.is_empty() {
                        h3 dir="auto" { (Clean(&sections::complaint(of, locale))) }
                        @for text in texts { blockquote dir="auto" { (Clean(text)) } }
                    }
                }
            }
        }
    }
}

/// A report as a letter: its numbers in tables, as programs for mail draw no charts. No examples are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLetter {
    /// The subject.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As a page.
    pub html: String,
}

/// The letter about a report, which is found at this address.
pub fn report_letter(view: &ReportView<'_>, address: &str) -> ReportLetter {
    let locale = view.locale;
    let title = view.title();
    let parts = sections(view);
    let about = view.about();
    let open = locale.choose("打开报告", "Open the report");
    let mut text = format!("{title}\n\n{about}\n");
    for section in &parts {
        text.push_str(&format!("\n## {}\n", section.title));
        let sentences = section.lead.iter().map(String::as_str);
        for sentence in sentences.chain(section.note(locale)) {
            text.push_str(&format!("{sentence}\n"));
        }
        if let Some(table) = &section.table {
            for row in table.rows.iter().take(LETTER_ROWS) {
                let mut cells = row.iter();
                let head = cells.next().map_or("", String::as_str);
                text.push_str(&format!("\n- {}\n", one_line(head)));
                for (column, cell) in table.columns.iter().skip(1).zip(cells) {
                    let between = locale.choose("：", ": ");
                    text.push_str(&format!("  {column}{between}{}\n", one_line(cell)));
                }
            }
            if let Some(more) = more(table, locale) {
                text.push_str(&format!("\n{more}\n"));
            }
        }
    }
    text.push_str(&format!("\n{open}{}{address}\n", locale.choose("：", ": ")));
    const CELL: &str =
        "border: 1px solid #c3cdca; padding: 0.3rem 0.5rem; text-align: left; vertical-align: top";
    let html = html! {
        (DOCTYPE)
        html lang=(locale.tag()) {
            head { meta charset="utf-8"; title { (Clean(&title)) } }
            body style="font-family: system-ui, sans-serif; line-height: 1.5; max-width: 48rem; margin: 0 auto; padding: 1rem" {
                h1 style="font-size: 1.3rem" { (Clean(&title)) }
                p { (Clean(&about)) }
                p { a href=(address) { (open) } }
                @for section in &parts {
                    h2 style="font-size: 1.1rem" { (section.title) }
                    @for sentence in &section.lead { p { (Clean(sentence)) } }
                    @if let Some(note) = section.note(locale) { p { (note) } }
                    @if let Some(table) = &section.table {
                        table style="border-collapse: collapse; font-size: 0.9rem" {
                            tr { @for column in &table.columns { th style=(CELL) { (column) } } }
                            @for row in table.rows.iter().take(LETTER_ROWS) {
                                tr { @for cell in row { td style=(CELL) dir="auto" { (Clean(cell)) } } }
                            }
                        }
                        @if let Some(more) = more(table, locale) { p { (more) } }
                    }
                }
            }
        }
    };
    ReportLetter {
        subject: format!(
            "{title}{}{}",
            locale.choose("，", ", "),
            sections::headline(view.numbers, locale)
        ),
        text,
        html: html.into_string(),
    }
}

/// How many rows of a table a letter has: a year of months.
const LETTER_ROWS: usize = 12;

/// That a table has more rows than a letter.
fn more(table: &Table, locale: Locale) -> Option<String> {
    let more = table
        .rows
        .len()
        .checked_sub(LETTER_ROWS)
        .filter(|more| *more > 0)?;
    Some(match locale {
        Locale::ZhCn => format!("另有 {more} 行，见报告。"),
        Locale::En => format!("{more} more in the report."),
    })
}

/// Names that senders chose begin no line of their own.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// One report among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEntry {
    /// Its name: `2026-W47`.
    pub period: String,
    /// The survey.
    pub survey: String,
    /// Where it is.
    pub address: String,
    /// Its last edition.
    pub edition: u32,
}

/// The page that lists reports, by kind.
pub fn reports_page(locale: Locale, weekly: &[ReportEntry], monthly: &[ReportEntry]) -> String {
    let title = locale.choose("报告", "Reports");
    let list = |name: &str, entries: &[ReportEntry]| {
        html! {
            h2 { (name) }
            @if entries.is_empty() { p.hint { (locale.choose("尚无报告。", "None yet.")) } }
            ul { @for entry in entries {
                li { a href=(entry.address) { (entry.period) " · " (Clean(&entry.survey)) }
                    @if entry.edition > 1 { " (" (locale.choose("版次 ", "edition ")) (entry.edition) ")" } }
            } }
        }
    };
    let page = Page {
        locale,
        title,
        other_language: Some(locale.choose("?lang=en", "?lang=zh-CN")),
        content: html! {
            h1 { (title) }
            (list(locale.choose("周报", "Weekly"), weekly))
            (list(locale.choose("月报", "Monthly"), monthly))
        },
    };
    page.into_html_with(&[CHARTS])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::body;
    use jiff::SignedDuration;
    use resound_domain::event::Actor;
    use resound_domain::id::{ImprovementId, IssueId, ResponseId};
    use resound_domain::issue::improvement::{Command, Plan};
    use resound_domain::issue::priority::Weights;
    use resound_domain::issue::{About, Effort, Improvement, Issue, Reach, Title, kano};
    use resound_domain::report::{
        ComplaintKey, Found, ImprovementRow, Kept, MonthInput, Monthly, Named, Priorities,
        WeekInput, Weekly,
    };
    use resound_domain::statistics::Progress;
    use resound_domain::submission::{Channel, Tier};
    use resound_domain::tally::Tally;
    use resound_domain::triage::Category;
    use std::collections::BTreeMap;

    /// What a sender might call a touchpoint.
    const HOSTILE: &str = "</svg><script>alert(1)</script>\u{202e}";

    fn tally(responses: u64, [low, middle, high]: [u64; 3]) -> Tally {
        let mut tally = Tally {
            responses,
            ..Tally::default()
        };
        (tally.nps[2], tally.nps[7], tally.nps[10]) = (low, middle, high);
        (tally.csat[1], tally.csat[3], tally.csat[4]) = (low, middle, high);
        tally
    }

    fn week() -> Numbers {
        let key = |category, touchpoint: Option<&str>| ComplaintKey {
            category,
            touchpoint: touchpoint.map(str::to_owned),
        };
        let found = |count: u128| {
            let mut found = Found::default();
            (0..count).for_each(|n| found.add(ResponseId::from_bits(n)));
            found
        };
        let mut kept = Kept::default();
        for minutes in 1..=40 {
            let took = SignedDuration::from_mins(minutes * 7);
            let done = Progress::Done {
                by: None,
                business: took,
                wall: took,
                in_time: minutes < 38,
            };
            kept.first_response.add(&done);
            kept.resolution.add(&done);
        }
        kept.recovered = 33;
        Numbers::Weekly(Box::new(Weekly::of(&WeekInput {
            all: tally(420, [80, 100, 160]),
            all_before: tally(390, [90, 110, 120]),
            channels: BTreeMap::from([
                (Channel::Web, tally(260, [40, 60, 110])),
                (Channel::App, tally(110, [30, 30, 40])),
                (Channel::Email, tally(41, [10, 10, 10])),
                (Channel::Phone, tally(6, [0, 0, 0])),
                (Channel::Social, tally(3, [0, 0, 0])),
            ]),
            complaints: BTreeMap::from([
                (key(Category::Experience, Some("logistics")), found(48)),
                (key(Category::Function, Some("product")), found(31)),
                (key(Category::Performance, Some(HOSTILE)), found(12)),
                (key(Category::Function, Some("service")), found(9)),
                (key(Category::Experience, None), found(7)),
                (key(Category::Other, None), found(2)),
            ]),
            complaints_before: BTreeMap::from([
                (key(Category::Experience, Some("logistics")), found(20)),
                (key(Category::Function, Some("product")), found(33)),
            ]),
            kept: BTreeMap::from([(Channel::App, kept)]),
        })))
    }

    fn month() -> Numbers {
        let months = (1..=12u64).map(|month| {
            let of_month = match month {
                4 => tally(3, [1, 1, 1]),
                _ => tally(400, [60 + 3 * month, 100, 160 - 5 * month]),
            };
            (format!("2025-{month:02}"), of_month)
        });
        let months: Vec<_> = months.collect();
        let by = |values: &[(&str, Tally)]| -> BTreeMap<String, Tally> {
            let values = values.iter();
            values
                .map(|(name, tally)| ((*name).to_owned(), tally.clone()))
                .collect()
        };
        let then = by(&[
            ("logistics", tally(100, [20, 30, 30])),
            ("product", tally(120, [20, 30, 60])),
        ]);
        Numbers::Monthly(Box::new(Monthly::of(&MonthInput {
            months,
            touchpoints: by(&[
                ("logistics", tally(90, [50, 20, 10])),
                ("product", tally(130, [20, 40, 60])),
                (HOSTILE, tally(50, [10, 20, 15])),
                ("aftersales", tally(3, [1, 1, 0])),
            ]),
            touchpoints_before: then.clone(),
            categories: by(&[
                ("function", tally(80, [40, 20, 10])),
                ("praise", tally(120, [0, 20, 80])),
            ]),
            categories_before: BTreeMap::new(),
            targets: BTreeMap::from([("logistics".to_owned(), 20.0), ("product".to_owned(), 30.0)]),
            priorities: Some(priorities()),
            improvements: improvements(),
            days: days(),
        })))
    }

    fn at() -> Timestamp {
        "2025-12-31T22:00:00Z".parse().unwrap()
    }

    /// A wide one, one of which two customers are golden, and one of few.
    fn priorities() -> Priorities {
        let known = [
            (1, "The parcel is late", 150, 0),
            (2, HOSTILE, 12, 2),
            (3, "Dark", 4, 0),
        ];
        let known = known.map(|(bits, title, customers, gold)| {
            let about = About {
                title: Title::new(&title.replace('\u{202e}', "")).unwrap(),
                category: None,
                touchpoint: None,
                product: None,
                core: bits == 1,
                effort: (bits == 1).then_some(Effort::Small),
                rule: None,
            };
            let opened = Issue::open(about, Actor::System, at());
            let reach = Reach {
                as_of: at(),
                links: customers,
                recent: customers,
                customers,
                tiers: BTreeMap::from([(Tier::Gold, gold)]),
                promoters: 0,
                passives: 0,
                detractors: customers,
                days: 24,
                answers: 400,
                kano: kano::Answers {
                    must_be: 30 * u64::from(bits == 1),
                    ..kano::Answers::default()
                },
            };
            (
                Issue::begin(IssueId::from_bits(bits), &opened).unwrap(),
                reach,
            )
        });
        let known = known.iter().map(|(issue, reach)| (issue, Some(reach)));
        Priorities::of(known, &Weights::default())
    }

    /// Two that shipped, of which one is at a touchpoint of few, and one that nobody speaks of.
    fn improvements() -> Vec<ImprovementRow> {
        let month = Kind::Monthly.period("2025-12").unwrap();
        let of = |bits: u128, touchpoint: &str, shipped: Option<&str>| {
            let plan = Plan {
                title: Title::new("x").unwrap(),
                issues: vec![IssueId::from_bits(1)],
                touchpoint: Some(touchpoint.to_owned()),
                owner: Some("ann".to_owned()),
                due: Some(jiff::civil::date(2026, 1, 15)),
            };
            let opened =
                Improvement::open(plan, Actor::System, "2025-10-01T00:00:00Z".parse().unwrap());
            let mut improvement =
                Improvement::begin(ImprovementId::from_bits(bits), &opened).unwrap();
            if let Some(shipped) = shipped {
                let version = "2.0".to_owned();
                let ship = Command::Ship { version };
                let step = improvement.handle(&ship, Actor::System, shipped.parse().unwrap());
                improvement.apply(&step.unwrap().unwrap());
            }
            ImprovementRow::of(&improvement, at(), &TimeZone::UTC, month).unwrap()
        };
        vec![
            of(1, "logistics", Some("2025-12-11T12:00:00Z")),
            of(2, "aftersales", Some("2025-12-12T12:00:00Z")),
            of(3, "product", None),
        ]
    }

    fn days() -> BTreeMap<jiff::civil::Date, BTreeMap<String, Tally>> {
        let day = |month, day| jiff::civil::date(2025, month, day);
        let cell = |name: &str, scores| BTreeMap::from([(name.to_owned(), tally(50, scores))]);
        BTreeMap::from([
            (day(11, 25), cell("logistics", [10, 10, 20])),
            (day(12, 5), cell("logistics", [20, 10, 10])),
            (day(12, 10), cell("account", [5, 10, 5])),
            (day(12, 20), cell("logistics", [5, 10, 35])),
            (day(12, 28), cell("aftersales", [1, 1, 0])),
        ])
    }

    fn names() -> Names {
        let named = |title: &str, owner: Option<&str>| Named {
            title: Title::new(title).unwrap(),
            owner: owner.map(str::to_owned),
        };
        Names {
            issues: BTreeMap::from([
                (
                    IssueId::from_bits(1),
                    Title::new("The parcel is late").unwrap(),
                ),
                (
                    IssueId::from_bits(2),
                    Title::new(&HOSTILE.replace('\u{202e}', "")).unwrap(),
                ),
            ]),
            improvements: BTreeMap::from([
                (
                    ImprovementId::from_bits(1),
                    named("第二家快递", Some("ann")),
                ),
                (ImprovementId::from_bits(2), named("Returns by post", None)),
            ]),
        }
    }

    fn view<'a>(
        numbers: &'a Numbers,
        names: &'a Names,
        locale: Locale,
        zone: &'a TimeZone,
    ) -> ReportView<'a> {
        let (kind, name) = match numbers.kind() {
            Kind::Weekly => (Kind::Weekly, "2026-W47"),
            Kind::Monthly => (Kind::Monthly, "2025-12"),
        };
        ReportView {
            locale,
            period: kind.period(name).unwrap(),
            survey: "default",
            edition: 2,
            as_of: "2026-11-22T16:30:00Z".parse().unwrap(),
            zone,
            numbers,
            names,
        }
    }

    fn examples() -> Examples {
        let first = vec![
            "The parcel came late.".to_owned(),
            "<b>物流太慢</b>".to_owned(),
        ];
        vec![first, Vec::new(), vec!["It is slow.".to_owned()]]
    }

    fn both(show: impl Fn(&ReportView<'_>) -> String) -> [(String, String); 4] {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let (week, month, names) = (week(), month(), names());
        [
            (&week, Locale::En),
            (&week, Locale::ZhCn),
            (&month, Locale::En),
            (&month, Locale::ZhCn),
        ]
        .map(|(numbers, locale)| {
            let name = format!("{}_{}", numbers.kind(), locale.tag());
            (name, show(&view(numbers, &names, locale, &zone)))
        })
    }

    #[test]
    fn pages_in_both_languages() {
        let formats = [("csv", "/v1/reports/weekly/2026-W47?format=csv")];
        for (name, page) in both(|view| report_page(view, &examples(), &formats)) {
            assert!(!page.contains("<script"), "{name}");
            assert!(
                !page.contains(" style="),
                "the policy allows no style of an element"
            );
            // Every chart has a name and a description, and they are its own.
            let charts = page.matches("<svg").count();
            assert!(charts >= 2, "{name}");
            assert_eq!(charts, page.matches("<title id=").count());
            assert_eq!(charts, page.matches("<desc id=").count());
            insta::assert_snapshot!(format!("page_{name}"), body(&page));
        }
    }

    #[test]
    fn letters_in_both_languages() {
        for (name, letter) in both(|view| {
            let letter = report_letter(view, "https://example.test/v1/reports");
            assert!(!letter.html.contains("<script") && !letter.subject.contains('\n'));
            assert!(!letter.html.contains("The parcel came late"));
            format!("{}\n\n{}", letter.subject, letter.text)
        }) {
            insta::assert_snapshot!(format!("letter_{name}"), letter);
        }
    }

    #[test]
    fn the_list_in_both_languages() {
        let entry = ReportEntry {
            period: "2026-W47".to_owned(),
            survey: "default".to_owned(),
            address: "/v1/reports/weekly/2026-W47?survey=default&format=html".to_owned(),
            edition: 2,
        };
        for locale in [Locale::En, Locale::ZhCn] {
            let page = reports_page(locale, std::slice::from_ref(&entry), &[]);
            insta::assert_snapshot!(format!("list_{}", locale.tag()), body(&page));
        }
    }
}
