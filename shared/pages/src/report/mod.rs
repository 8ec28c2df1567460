//! Reports, as a page and as a letter.

mod chart;
mod sections;
mod words;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};
use resound_domain::locale::Locale;
use resound_domain::nps::Period;
use resound_domain::report::{Kind, Numbers};

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
        @for section in sections(view.numbers, locale) { (part(&section, locale)) }
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
            @if let Some(chart) = &section.chart { (chart.render()) }
            @if let Some(of) = &section.table {
                @if section.chart.is_some() {
                    details {
                        summary { (locale.choose("数字", "The numbers")) }
                        (table(of, section.title))
                    }
                } @else { (table(of, section.title)) }
            }
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
    let parts = sections(view.numbers, locale);
    let about = view.about();
    let open = locale.choose("打开报告", "Open the report");
    let mut text = format!("{title}\n\n{about}\n");
    for section in &parts {
        text.push_str(&format!("\n## {}\n", section.title));
        for sentence in &section.lead {
            text.push_str(&format!("{sentence}\n"));
        }
        if let Some(table) = &section.table {
            for row in &table.rows {
                let mut cells = row.iter();
                let head = cells.next().map_or("", String::as_str);
                text.push_str(&format!("\n- {}\n", one_line(head)));
                for (column, cell) in table.columns.iter().skip(1).zip(cells) {
                    let between = locale.choose("：", ": ");
                    text.push_str(&format!("  {column}{between}{}\n", one_line(cell)));
                }
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
                    @if let Some(table) = &section.table {
                        table style="border-collapse: collapse; font-size: 0.9rem" {
                            tr { @for column in &table.columns { th style=(CELL) { (column) } } }
                            @for row in &table.rows {
                                tr { @for cell in row { td style=(CELL) dir="auto" { (Clean(cell)) } } }
                            }
                        }
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
