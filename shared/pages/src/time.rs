//! Moments, as people write them.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use resound_domain::locale::Locale;

/// A moment to the minute in this zone, without the name of the zone: `2026年11月21日（周六）14:05`,
/// `Saturday 21 November 2026, 14:05`. Seconds are cut, so a deadline never reads later than it is.
pub fn moment(at: Timestamp, zone: &TimeZone, locale: Locale) -> String {
    let local = zone.to_datetime(at);
    let (year, month, day) = (local.year(), local.month(), local.day());
    let (hour, minute) = (local.hour(), local.minute());
    let weekday = weekday(local.weekday(), locale);
    match locale {
        Locale::ZhCn => format!("{year}年{month}月{day}日（{weekday}）{hour:02}:{minute:02}"),
        Locale::En => format!(
            "{weekday} {day} {} {year}, {hour:02}:{minute:02}",
            month_name(month)
        ),
    }
}

/// The moment as a `time` element.
pub(crate) fn time(at: Timestamp, zone: &TimeZone, locale: Locale) -> Markup {
    html! { time datetime=(at) { (moment(at, zone, locale)) } }
}

/// What the clocks of this zone are called: `北京时间`, `China time`, else its name and its offset at that moment.
pub(crate) fn zone_name(at: Timestamp, zone: &TimeZone, locale: Locale) -> String {
    let name = zone.iana_name();
    if let Some("Asia/Shanghai" | "PRC") = name {
        return locale.choose("北京时间", "China time, UTC+8").to_owned();
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
        Some(name) if name != offset => match locale {
            Locale::ZhCn => format!("{name} 时间，{offset}"),
            Locale::En => format!("{name} time, {offset}"),
        },
        _ => offset,
    }
}

fn weekday(day: Weekday, locale: Locale) -> &'static str {
    match day {
        Weekday::Monday => locale.choose("周一", "Monday"),
        Weekday::Tuesday => locale.choose("周二", "Tuesday"),
        Weekday::Wednesday => locale.choose("周三", "Wednesday"),
        Weekday::Thursday => locale.choose("周四", "Thursday"),
        Weekday::Friday => locale.choose("周五", "Friday"),
        Weekday::Saturday => locale.choose("周六", "Saturday"),
        Weekday::Sunday => locale.choose("周日", "Sunday"),
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

    fn shown(at: &str, zone: &str) -> [String; 4] {
        let at: Timestamp = at.parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        [Locale::ZhCn, Locale::En]
            .map(|locale| [moment(at, &zone, locale), zone_name(at, &zone, locale)])
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
                "Saturday 21 November 2026, 14:05",
                "China time, UTC+8"
            ]
        );
        assert_eq!(
            shown("2026-07-01T22:00:00Z", "America/St_Johns"),
            [
                "2026年7月1日（周三）19:30",
                "America/St_Johns 时间，UTC-2:30",
                "Wednesday 1 July 2026, 19:30",
                "America/St_Johns time, UTC-2:30"
            ]
        );
        assert_eq!(
            shown("2026-01-01T00:00:00Z", "UTC"),
            [
                "2026年1月1日（周四）00:00",
                "UTC",
                "Thursday 1 January 2026, 00:00",
                "UTC"
            ]
        );
    }
}
