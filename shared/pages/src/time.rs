//! Moments, as people write them.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use resound_domain::language::Language;

/// A moment to the minute in this zone, without the name of the zone: `2026年11月21日（周六）14:05`,
/// `Saturday 21 November 2026, 14:05`. Seconds are cut, so a deadline never reads later than it is.
pub fn moment(at: Timestamp, zone: &TimeZone, language: impl Into<Language>) -> String {
    let language = language.into();
    let local = zone.to_datetime(at);
    let (year, month, day) = (local.year(), local.month(), local.day());
    let (hour, minute) = (local.hour(), local.minute());
    let weekday = weekday(local.weekday(), language);
    match language {
        Language::ZhCn | Language::ZhTw => {
            format!("{year}年{month}月{day}日（{weekday}）{hour:02}:{minute:02}")
        }
        Language::En => format!(
            "{weekday} {day} {} {year}, {hour:02}:{minute:02}",
            month_name(month)
        ),
    }
}

/// The moment as a `time` element.
pub(crate) fn time(at: Timestamp, zone: &TimeZone, language: impl Into<Language>) -> Markup {
    html! { time datetime=(at) { (moment(at, zone, language)) } }
}

/// What the clocks of this zone are called: `北京时间`, `China time`, else its name and its offset at that moment.
pub(crate) fn zone_name(at: Timestamp, zone: &TimeZone, language: impl Into<Language>) -> String {
    let language = language.into();
    let name = zone.iana_name();
    if let Some("Asia/Shanghai" | "PRC") = name {
        let names = language.choose("北京时间", "中國標準時間", "China time, UTC+8");
        return names.to_owned();
    }
    if let (Some("Asia/Taipei"), Language::ZhTw) = (name, language) {
        return "臺灣時間".to_owned();
    }
    let seconds = zone.to_offset(at).seconds();
    let (sign, minutes) = (
        if seconds < 0 { '-' } else { '+' },
        seconds.unsigned_abs() / 60,
    );
    let offset = match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    };
    match name {
        Some(name) if name != offset => match language {
            Language::ZhCn => format!("{name} 时间，{offset}"),
            Language::ZhTw => format!("{name} 時間，{offset}"),
            Language::En => format!("{name} time, {offset}"),
        },
        _ => offset,
    }
}

fn weekday(day: Weekday, language: Language) -> &'static str {
    match day {
        Weekday::Monday => language.choose("周一", "週一", "Monday"),
        Weekday::Tuesday => language.choose("周二", "週二", "Tuesday"),
        Weekday::Wednesday => language.choose("周三", "週三", "Wednesday"),
        Weekday::Thursday => language.choose("周四", "週四", "Thursday"),
        Weekday::Friday => language.choose("周五", "週五", "Friday"),
        Weekday::Saturday => language.choose("周六", "週六", "Saturday"),
        Weekday::Sunday => language.choose("周日", "週日", "Sunday"),
    }
}

fn month_name(month: i8) -> &'static str {
    match month {
        1 => "January",
        2 => "February",
        3 => "March",
        4 => "April",
        5 => "May",
        6 => "June",
        7 => "July",
        8 => "August",
        9 => "September",
        10 => "October",
        11 => "November",
        _ => "December",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(at: &str, zone: &str) -> [String; 6] {
        let at: Timestamp = at.parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        [Language::ZhCn, Language::ZhTw, Language::En]
            .map(|language| [moment(at, &zone, language), zone_name(at, &zone, language)])
            .concat()
            .try_into()
            .unwrap()
    }

    #[test]
    fn moments_read_like_a_letter_and_are_never_late() {
        assert_eq!(
            shown("2026-11-21T06:05:59.999Z", "Asia/Shanghai"),
            [
                "2026年11月21日（周六）14:05",
                "北京时间",
                "2026年11月21日（週六）14:05",
                "中國標準時間",
                "Saturday 21 November 2026, 14:05",
                "China time, UTC+8"
            ]
        );
        assert_eq!(
            shown("2026-07-01T22:00:00Z", "America/St_Johns"),
            [
                "2026年7月1日（周三）19:30",
                "America/St_Johns 时间，UTC-2:30",
                "2026年7月1日（週三）19:30",
                "America/St_Johns 時間，UTC-2:30",
                "Wednesday 1 July 2026, 19:30",
                "America/St_Johns time, UTC-2:30"
            ]
        );
        assert_eq!(
            shown("2026-01-01T00:00:00Z", "UTC"),
            [
                "2026年1月1日（周四）00:00",
                "UTC",
                "2026年1月1日（週四）00:00",
                "UTC",
                "Thursday 1 January 2026, 00:00",
                "UTC"
            ]
        );
        let [_, _, _, taipei, ..] = shown("2026-01-01T00:00:00Z", "Asia/Taipei");
        assert_eq!(taipei, "臺灣時間");
    }
}
