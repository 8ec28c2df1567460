//! How well the loop is closed, for staff: each key figure beside its target.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use resound_domain::kpi::{Duration, Kpis, Missing, Name, Portion};
use resound_domain::locale::Locale;
use resound_domain::nps::Reached;

use crate::layout::Page;
use crate::text::Clean;
use crate::time::{time, zone_name};

/// What the page of key figures shows.
#[derive(Debug, Clone, Copy)]
pub struct KpiView<'a> {
    /// The language of the page.
    pub locale: Locale,
    /// The first local day.
    pub from: Date,
    /// The last local day, included.
    pub to: Date,
    /// Only of this survey; `None` for all of them.
    pub survey: Option<&'a str>,
    /// As of when what is open was judged.
    pub as_of: Timestamp,
    /// The zone of that moment.
    pub zone: &'a TimeZone,
    /// The figures.
    pub kpis: &'a Kpis,
    /// How much could not be read, and is in none of them.
    pub unreadable: u64,
    /// Where the same page is found in the other language.
    pub other_language: &'a str,
}

/// The page of key figures.
pub fn kpi_page(view: &KpiView<'_>) -> String {
    let locale = view.locale;
    let title = locale.choose("闭环关键指标", "How well the loop is closed");
    Page {
        locale,
        title,
        other_language: Some(view.other_language),
        content: html! {
            h1 { (title) }
            p { (view.from) " – " (view.to) }
            @if let Some(survey) = view.survey {
                p { (locale.choose("调查：", "Survey: ")) bdi { (Clean(survey)) } }
            }
            @for (name, portion) in &view.kpis.shares { (portion_box(*name, portion, locale)) }
            (time_box(&view.kpis.time_to_close, locale))
            @if view.unreadable > 0 {
                p.hint { (unreadable(view.unreadable, locale)) }
            }
            p.hint {
                (locale.choose(
                    "区间为 95 % 置信区间（Wilson）。整个区间都不低于目标才算达到，整个区间都低于目标才算未达到；少于 30 个时不下结论。",
                    "Intervals are at 95 % (Wilson). A target is reached if the whole interval is at or above it, and not reached if all of it is below; nothing is said on fewer than 30.",
                ))
            }
            p.zone {
                (locale.choose("截至 ", "As of ")) (time(view.as_of, view.zone, locale))
                " (" (zone_name(view.as_of, view.zone, locale)) ")"
            }
        },
    }
    .into_html()
}

fn portion_box(name: Name, portion: &Portion, locale: Locale) -> Markup {
    html! {
        section class=(class(portion.reached)) {
            h2 { (name.text(locale)) }
            @match portion.share {
                Ok(share) => {
                    @let [low, high] = share.wilson();
                    p {
                        strong { (percent(share.percent())) }
                        (locale.choose("（", " (")) (format!("{low:.1}–{high:.1}")) (locale.choose("）", ")"))
                        ", " (share.count()) " / " (share.of())
                    }
                }
                Err(missing) => { (none(missing, locale)) }
            }
            @if let Some(target) = portion.target {
                (verdict(&format!("{target} %"), portion.reached, locale))
            }
        }
    }
}

fn time_box(took: &Duration, locale: Locale) -> Markup {
    html! {
        section class=(class(took.reached)) {
            h2 { (Name::TimeToClose.text(locale)) }
            @match took.business.zip(took.wall) {
                Some((business, wall)) => {
                    p {
                        strong { (span(business.median, locale)) }
                        ", n = " (took.n)
                    }
                    p.hint {
                        (locale.choose("客户实际等待（中位数）：", "What customers waited, median: "))
                        (span(wall.median, locale))
                    }
                }
                None => { (none(Missing::NoCases, locale)) }
            }
            (verdict(&span(took.target, locale), took.reached, locale))
        }
    }
}

fn none(missing: Missing, locale: Locale) -> Markup {
    html! { p { (missing.text(locale)) } }
}

fn verdict(target: &str, reached: Option<Reached>, locale: Locale) -> Markup {
    html! {
        p.hint {
            (locale.choose("目标：", "Target: ")) (target)
            @if let Some(reached) = reached { (locale.choose("；", "; ")) (reached.text(locale)) }
        }
    }
}

const fn class(reached: Option<Reached>) -> &'static str {
    match reached {
        Some(Reached::Yes) => "box good",
        Some(Reached::No) => "box bad",
        Some(Reached::CannotTell | Reached::TooFew) => "box note",
        None => "box",
    }
}

fn unreadable(n: u64, locale: Locale) -> String {
    match locale {
        Locale::ZhCn => format!("有 {n} 条记录无法读取，未计入。"),
        Locale::En => format!("{n} could not be read and are in no figure."),
    }
}

fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

/// A duration to the minute, rounded down: `1 d 4 h 30 min`, `1 天 4 小时 30 分钟`.
fn span(duration: SignedDuration, locale: Locale) -> String {
    let minutes = duration.as_mins();
    let [days, hours, minutes] = [minutes / 1440, minutes / 60 % 24, minutes % 60];
    let (day, hour) = (locale.choose("天", "d"), locale.choose("小时", "h"));
    let minute = locale.choose("分钟", "min");
    let parts = [(days, day), (hours, hour), (minutes, minute)];
    let some: Vec<_> = parts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    match some.is_empty() {
        true => format!("0 {minute}"),
        false => some.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::body;
    use jiff::civil::date;
    use resound_domain::figures::ResponseRate;
    use resound_domain::kpi::Loops;
    use resound_domain::nps::Share;
    use resound_domain::statistics::Progress;
    use resound_domain::targets::KpiTargets;

    #[test]
    fn figures_met_not_met_and_unknown() {
        let mut loops = Loops {
            told: 60,
            stayed: 40,
            reopened: 10,
            answered: 20,
            solved: 15,
            ..Loops::default()
        };
        for minutes in 0..40 {
            let took = SignedDuration::from_mins(1700 + minutes);
            loops.resolution.add(&Progress::Done {
                by: None,
                business: took,
                wall: took * 2,
                in_time: true,
            });
        }
        let asked = ResponseRate {
            asked: 1000,
            responses: 900,
        };
        let improved = Share::new(0, 40);
        let kpis = Kpis::of(&loops, Some(asked), improved, &KpiTargets::default());
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        for (name, locale) in [("kpi_zh", Locale::ZhCn), ("kpi_en", Locale::En)] {
            let page = kpi_page(&KpiView {
                locale,
                from: date(2026, 11, 1),
                to: date(2026, 11, 30),
                survey: Some("<b>"),
                as_of: "2026-11-30T02:00:00Z".parse().unwrap(),
                zone: &zone,
                kpis: &kpis,
                unreadable: 2,
                other_language: "?lang=x",
            });
            insta::assert_snapshot!(name, body(&page));
        }
    }

    #[test]
    fn a_duration_is_told_to_the_minute() {
        for (seconds, en, zh_cn) in [
            (0, "0 min", "0 分钟"),
            (59, "0 min", "0 分钟"),
            (28_800, "8 h", "8 小时"),
            (90_060, "1 d 1 h 1 min", "1 天 1 小时 1 分钟"),
            (86_460, "1 d 1 min", "1 天 1 分钟"),
        ] {
            let duration = SignedDuration::from_secs(seconds);
            assert_eq!(span(duration, Locale::En), en);
            assert_eq!(span(duration, Locale::ZhCn), zh_cn);
        }
    }
}
