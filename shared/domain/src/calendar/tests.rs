use super::*;
use crate::locale::Locale;
use jiff::civil::Date;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn decode<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap()
}

fn calendar(definition: Value) -> BusinessCalendar {
    decode(&definition)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn pairs(spans: impl Iterator<Item = Period>) -> Vec<(Timestamp, Timestamp)> {
    spans.map(|span| (span.start, span.end)).collect()
}

#[test]
fn interval_ends_that_the_wall_clock_skips_or_repeats() {
    // Berlin, Sunday 2026-03-29: 02:00 to 03:00 is skipped; the transition is at 01:00 UTC.
    let early = |from: &str, to: &str| {
        calendar(json!({"tz": "Europe/Berlin", "hours": {"sun": [[from, to]]}}))
    };
    let minutes = SignedDuration::from_mins;
    let spring = |calendar: BusinessCalendar| {
        calendar.between(at("2026-03-28T22:00:00Z"), at("2026-03-30T00:00:00Z"))
    };
    // 02:30 is read as 03:30, so what was meant to last 90 minutes does.
    assert_eq!(spring(early("01:00", "02:30")), minutes(90));
    assert_eq!(spring(early("02:30", "05:00")), minutes(90));
    assert_eq!(spring(early("02:10", "02:50")), minutes(40));
    // 03:30 to 03:15 is nothing.
    assert_eq!(spring(early("02:30", "03:15")), minutes(0));
    assert_eq!(spring(early("01:00", "05:00")), minutes(180));
    // Berlin, Sunday 2026-10-25: 02:00 to 03:00 happens twice; the transition is at 01:00 UTC.
    let autumn = |calendar: BusinessCalendar| {
        calendar.between(at("2026-10-24T22:00:00Z"), at("2026-10-26T00:00:00Z"))
    };
    assert_eq!(autumn(early("01:00", "02:30")), minutes(90));
    assert_eq!(autumn(early("02:30", "05:00")), minutes(210));
    assert_eq!(autumn(early("01:00", "05:00")), minutes(300));
}

#[test]
fn calendars_go_by_name() {
    let night = calendar(json!({"tz": "Etc/UTC", "hours": {"mon": [["22:00", "06:00"]]}}));
    let name: CalendarName = "night".parse().unwrap();
    let calendars = Calendars::office_hours("Etc/UTC")
        .unwrap()
        .with(name.clone(), night.clone())
        .with(CalendarName::AROUND_THE_CLOCK, night);
    let monday = at("2026-11-23T00:00:00Z");
    for (name, hour) in [
        (&name, "2026-11-23T23:00:00Z"),
        (&CalendarName::BUSINESS, "2026-11-23T10:00:00Z"),
        (&CalendarName::AROUND_THE_CLOCK, "2026-11-23T01:00:00Z"),
        (&"unknown".parse().unwrap(), "2026-11-23T01:00:00Z"),
    ] {
        let hour = at(hour);
        assert_eq!(
            calendars.add(name, monday, SignedDuration::from_hours(1)),
            hour
        );
        assert_eq!(
            calendars.between(name, monday, hour),
            SignedDuration::from_hours(1)
        );
        assert_eq!(calendars.knows(name), name.as_str() != "unknown");
    }
    assert!(
        calendars
            .names()
            .map(CalendarName::as_str)
            .eq(["business", "night"])
    );
}

#[test]
fn a_date_that_never_was_has_no_hours() {
    // 2011-12-30 was a Friday everywhere but in Apia, which had none: Thursday ended at 10:00 UTC, and Saturday began.
    let apia = |hours: Value| calendar(json!({"tz": "Pacific/Apia", "hours": hours}));
    let (before, after) = (at("2011-12-29T00:00:00Z"), at("2012-01-04T00:00:00Z"));
    let hours = SignedDuration::from_hours;
    let office = json!([["09:00", "17:00"]]);
    let days = apia(json!({"thu": office, "fri": office}));
    assert_eq!(days.between(before, after), hours(8));
    assert_eq!(days.add(before, hours(8)), Ok(at("2011-12-30T03:00:00Z")));
    assert!(!days.is_business_day(Date::constant(2011, 12, 30)));
    let next = days.add_business_days(before, 1, TimeOfDayRule::Keep);
    assert_eq!(next, Ok(at("2012-01-05T00:00:00Z")));
    // The night shift of Thursday is worked to its end, which is on Saturday.
    let night = apia(json!({"thu": [["22:00", "06:00"]]}));
    let shift = night.periods_after(before).next().unwrap();
    assert_eq!(shift.start.duration_until(shift.end), hours(8));
    assert_eq!(shift.end, at("2011-12-30T16:00:00Z"));
}

#[test]
fn a_day_that_happens_partly_twice_counts_once() {
    // St. John's, 2008-11-02 00:01: the clocks went back to 23:01 of Saturday.
    let all = json!([["00:00", "24:00"]]);
    let weekend = calendar(json!({"tz": "America/St_Johns", "hours": {"sat": all, "sun": all}}));
    let (before, after) = (at("2008-10-31T00:00:00Z"), at("2008-11-04T00:00:00Z"));
    assert_eq!(
        weekend.between(before, after),
        SignedDuration::from_hours(49)
    );
    assert!(weekend.is_open(at("2008-11-02T02:45:00Z")));
}

#[test]
fn make_up_days_and_golden_week() {
    // The National Day holidays of 2026: closed from the 1st to the 7th, worked on Saturday the 10th.
    let office = json!([["09:00", "12:00"], ["13:30", "18:00"]]);
    let shanghai = calendar(json!({
        "tz": "Asia/Shanghai",
        "hours": {"mon": office, "tue": office, "wed": office, "thu": office, "fri": office},
        "shifts": {"2026-10-10": office},
        "holidays": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
    }));
    let start = at("2026-09-30T17:00:00+08:00");
    assert_eq!(
        shanghai.add(start, SignedDuration::from_hours(1)),
        Ok(at("2026-09-30T18:00:00+08:00"))
    );
    assert_eq!(
        shanghai.add(start, SignedDuration::from_millis(3_600_001)),
        Ok(at("2026-10-08T09:00:00.001+08:00"))
    );
    let days = SignedDuration::from_mins(3 * 450);
    assert_eq!(
        shanghai.add(start, days),
        Ok(at("2026-10-10T17:00:00+08:00"))
    );
}

#[test]
fn a_definition_keeps_its_names() {
    let definition = json!({
        "tz": "Asia/Shanghai",
        "hours": {"mon": [["22:00", "06:00"]], "sun": [["09:00", "12:00:30"], ["13:00", "24:00"]]},
        "shifts": {"2026-10-10": [["09:00", "18:00"]]},
        "breaks": {"2026-10-12": [["23:00", "23:15"]]},
        "weekly_breaks": {"sun": [["10:00", "10:10"]]},
        "holidays": ["2026-10-01"],
        "public_holidays": "cn",
        "make_up_hours": [["10:00", "16:00"]],
    });
    assert_eq!(
        serde_json::to_value(calendar(definition.clone())).unwrap(),
        definition
    );
    let parsed = BusinessCalendar::parse(&definition.to_string()).unwrap();
    assert_eq!(serde_json::to_value(parsed).unwrap(), definition);
}

#[test]
fn the_hours_of_a_zone_without_whole_offsets() {
    // Monrovia kept -00:44:30 until 1972-01-07.
    let monrovia =
        calendar(json!({"tz": "Africa/Monrovia", "hours": {"mon": [["09:00", "17:00"]]}}));
    let monday = monrovia
        .periods_after(at("1972-01-02T00:00:00Z"))
        .next()
        .unwrap();
    assert_eq!(monday.start, at("1972-01-03T09:44:30Z"));
    assert_eq!(
        monday.start.duration_until(monday.end),
        SignedDuration::from_hours(8)
    );
}

#[test]
fn the_night_before_a_holiday_is_worked_and_breaks_cut_it() {
    let night = calendar(json!({
        "tz": "Etc/UTC",
        "hours": {"mon": [["22:00", "06:00"]], "tue": [["22:00", "06:00"]]},
        "holidays": ["2026-11-24"],
        "breaks": {"2026-11-24": [["02:00", "02:30"]], "2026-11-23": [["23:30", "00:15"]]},
    }));
    let periods = pairs(night.periods_after(at("2026-11-23T00:00:00Z")).take(4));
    let expected = [
        ("2026-11-23T22:00:00Z", "2026-11-23T23:30:00Z"),
        ("2026-11-24T00:15:00Z", "2026-11-24T02:00:00Z"),
        ("2026-11-24T02:30:00Z", "2026-11-24T06:00:00Z"),
        ("2026-11-30T22:00:00Z", "2026-12-01T06:00:00Z"),
    ];
    assert_eq!(periods, expected.map(|(from, to)| (at(from), at(to))));
}

#[test]
fn periods_belong_to_the_date_they_begin_on() {
    let all = json!([["00:00", "24:00"]]);
    let around = calendar(
        json!({"tz": "Etc/UTC", "hours": {"mon": all, "tue": all, "wed": [["00:00", "00:00"]]}}),
    );
    let periods = pairs(around.periods_after(at("2026-11-23T12:00:00Z")).take(3));
    let expected = [
        ("2026-11-23T12:00:00Z", "2026-11-24T00:00:00Z"),
        ("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"),
        ("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
    ];
    assert_eq!(periods, expected.map(|(from, to)| (at(from), at(to))));
    // What two dates cover is the earlier one's; intervals of one date that touch are one period.
    let shared = calendar(json!({
        "tz": "Etc/UTC",
        "hours": {"mon": [["20:00", "08:00"]], "tue": [["06:00", "12:00"], ["12:00", "13:00"], ["12:30", "14:00"]]},
    }));
    let periods = pairs(shared.periods_after(at("2026-11-23T00:00:00Z")).take(2));
    let expected = [
        ("2026-11-23T20:00:00Z", "2026-11-24T08:00:00Z"),
        ("2026-11-24T08:00:00Z", "2026-11-24T14:00:00Z"),
    ];
    assert_eq!(periods, expected.map(|(from, to)| (at(from), at(to))));
}

#[test]
fn business_days() {
    let office = json!([["09:00", "18:00"]]);
    let shanghai = calendar(json!({
        "tz": "Asia/Shanghai",
        "hours": {"mon": office, "tue": office, "wed": office, "thu": office, "fri": office},
        "public_holidays": "cn",
        "breaks": {"2026-10-09": [["08:00", "19:00"]]},
    }));
    let start = at("2026-09-30T20:00:00+08:00");
    let days = |days, rule| shanghai.add_business_days(start, days, rule);
    // The 8th, and Saturday the 10th, which is made up; the 9th is a break from beginning to end.
    assert_eq!(
        days(1, TimeOfDayRule::Keep),
        Ok(at("2026-10-08T20:00:00+08:00"))
    );
    assert_eq!(
        days(2, TimeOfDayRule::Keep),
        Ok(at("2026-10-10T20:00:00+08:00"))
    );
    assert_eq!(
        days(2, TimeOfDayRule::NextOpen),
        Ok(at("2026-10-12T09:00:00+08:00"))
    );
    assert_eq!(
        days(2, TimeOfDayRule::LastOpen),
        Ok(at("2026-10-10T18:00:00+08:00"))
    );
    assert_eq!(
        days(-1, TimeOfDayRule::Keep),
        Ok(at("2026-09-29T20:00:00+08:00"))
    );
    assert_eq!(days(0, TimeOfDayRule::Keep), Ok(start));
    assert!(days(2_000, TimeOfDayRule::Keep).is_ok());
    assert_eq!(days(i64::MAX, TimeOfDayRule::Keep), Err(OutOfTime));
    assert_eq!(days(i64::MIN, TimeOfDayRule::Keep), Err(OutOfTime));
}

#[test]
fn public_holidays_give_way_to_what_the_company_says() {
    let office = json!([["09:00", "18:00"]]);
    let shop = calendar(json!({
        "tz": "Asia/Shanghai",
        "hours": {"mon": office, "tue": office, "wed": office, "thu": office, "fri": office},
        "public_holidays": "cn",
        "make_up_hours": [["10:00", "12:00"]],
        "shifts": {"2026-10-01": [["14:00", "15:00"]]},
        "holidays": ["2026-10-10"],
    }));
    let open = |date: &str| {
        let midnight = at(&format!("{date}T00:00:00+08:00"));
        shop.between(midnight, midnight + SignedDuration::from_hours(24))
            .as_hours()
    };
    assert_eq!(open("2026-10-01"), 1, "a shift on a public holiday");
    assert_eq!(open("2026-10-02"), 0, "a public holiday");
    assert_eq!(open("2026-10-10"), 0, "a holiday on a make-up day");
    assert_eq!(open("2026-09-20"), 2, "a make-up day");
    assert_eq!(open("2026-09-19"), 0, "an ordinary Saturday");
    assert_eq!(open("2027-10-01"), 9, "a year that is not known yet");
    let preview = shop.preview(at("2026-12-24T00:00:00Z"));
    assert_eq!(preview.periods.len(), 30);
    assert_eq!(
        preview.holidays_known_until,
        Some(Date::constant(2026, 12, 31))
    );
}

#[test]
fn no_two_changes_of_a_zone_are_so_near_that_their_seams_meet() {
    let database = TimeZoneDatabase::bundled();
    let mut zones = 0;
    for name in database.available() {
        let zone = database.get(name.as_str()).unwrap();
        zones += 1;
        let mut last = None;
        let changes = zone.following(Timestamp::MIN);
        for change in changes.take_while(|change| change.timestamp() < at("2100-01-01T00:00:00Z")) {
            let at = change.timestamp();
            let before = zone.to_offset(at - SignedDuration::from_secs(1)).seconds();
            let jump = SignedDuration::from_secs((change.offset().seconds() - before).abs().into());
            if jump.is_zero() {
                continue;
            }
            assert!(jump <= SignedDuration::from_hours(24), "{name:?} {at}");
            if let Some((end, last)) = last.replace((at + jump, at)) {
                assert!(
                    end + SignedDuration::from_hours(24) < at,
                    "{name:?} {last} {at}"
                );
            }
        }
    }
    assert!(zones > 590);
}

#[test]
fn what_never_opens_is_told_at_once() {
    let closed = |definition: Value| BusinessCalendar::compile(decode(&definition)).unwrap();
    let hour = SignedDuration::from_hours(1);
    let start = at("2026-11-21T00:00:00Z");
    for calendar in [
        closed(json!({"tz": "Europe/Berlin"})),
        closed(
            json!({"tz": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]]}, "weekly_breaks": {"mon": [["08:00", "18:00"]]}}),
        ),
    ] {
        assert_eq!(calendar.add(start, hour), Err(OutOfTime));
        assert_eq!(calendar.sub(start, hour), Err(OutOfTime));
        assert_eq!(calendar.add(start, SignedDuration::ZERO), Err(OutOfTime));
        assert_eq!(
            calendar.between(Timestamp::MIN, Timestamp::MAX),
            SignedDuration::ZERO
        );
        assert_eq!(calendar.periods_after(start).next(), None);
        assert_eq!(calendar.periods_before(start).next(), None);
        assert_eq!(
            calendar.add_business_days(start, 1, TimeOfDayRule::Keep),
            Err(OutOfTime)
        );
        let office = Calendars::new(calendar);
        assert_eq!(
            office.add(&CalendarName::BUSINESS, start, hour),
            later(start, HORIZON)
        );
    }
    // Open on one date only.
    let once =
        calendar(json!({"tz": "Europe/Berlin", "shifts": {"2026-11-23": [["09:00", "10:00"]]}}));
    assert_eq!(once.add(start, hour), Ok(at("2026-11-23T09:00:00Z")));
    assert_eq!(once.add(start, hour + hour), Err(OutOfTime));
    assert_eq!(once.sub(start, hour), Err(OutOfTime));
    assert_eq!(once.periods_after(start).count(), 1);
}

#[test]
fn the_ends_of_time() {
    assert_eq!(Timestamp::MIN.as_second(), business::FIRST);
    assert_eq!(Timestamp::MAX.as_second() + 1, business::END);
    let all = json!([["00:00", "24:00"]]);
    let week =
        json!({"mon": all, "tue": all, "wed": all, "thu": all, "fri": all, "sat": all, "sun": all});
    for zone in ["Etc/UTC", "Pacific/Kiritimati", "America/Adak"] {
        for hours in [
            week.clone(),
            json!({"mon": [["09:00", "09:01"]], "thu": [["23:00", "01:00"]]}),
        ] {
            let calendar = calendar(json!({
                "tz": zone,
                "hours": hours,
                "shifts": {"9999-12-31": [["20:00", "08:00"]], "-009999-01-01": [["20:00", "08:00"]]},
            }));
            for edge in [
                Timestamp::MIN,
                Timestamp::MAX,
                at("9999-12-30T00:00:00Z"),
                at("-009999-01-03T00:00:00Z"),
            ] {
                for duration in [
                    SignedDuration::ZERO,
                    SignedDuration::from_nanos(1),
                    SignedDuration::from_hours(24),
                ] {
                    if let Ok(end) = calendar.add(edge, duration) {
                        assert_eq!(calendar.between(edge, end), duration);
                    }
                    if let Ok(start) = calendar.sub(edge, duration) {
                        assert_eq!(calendar.between(start, edge), duration);
                    }
                }
                calendar.is_open(edge);
                calendar.periods_after(edge).take(3).for_each(drop);
                calendar.periods_before(edge).take(3).for_each(drop);
                for days in [-1, 0, 1] {
                    for rule in [
                        TimeOfDayRule::Keep,
                        TimeOfDayRule::NextOpen,
                        TimeOfDayRule::LastOpen,
                    ] {
                        calendar.add_business_days(edge, days, rule).ok();
                    }
                }
            }
        }
    }
    // The whole of time, with its 16,000 changes of the clocks.
    let adak = calendar(json!({"tz": "America/Adak", "hours": week}));
    assert_eq!(
        adak.add(Timestamp::MIN, SignedDuration::MAX),
        Err(OutOfTime)
    );
    assert_eq!(
        adak.sub(Timestamp::MAX, SignedDuration::MAX),
        Err(OutOfTime)
    );
    let everything = adak.between(Timestamp::MIN, Timestamp::MAX);
    assert_eq!(everything, Timestamp::MIN.duration_until(Timestamp::MAX));
}

#[test]
fn every_fault_of_a_document_is_found_and_has_a_line() {
    let text = r#"{
  "tz": "Mars/Olympus",
  "hours": {
    "mon": [["9:00", "17:00"], ["24:00", "01:00"]],
    "day": [],
    "tue": [["09:00"]]
  },
  "shifts": {"2026-02-30": [], "2026-10-10": "all"},
  "holidays": ["2026-10-01", 7, "20261002"],
  "colour": "red",
  "tz": "Etc/UTC",
  "public_holidays": "xx"
}"#;
    let faults = |text: &str| -> Vec<(Option<u32>, String, &'static str)> {
        let error = BusinessCalendar::parse(text).unwrap_err();
        error
            .faults()
            .iter()
            .map(|fault| (fault.line, fault.path.clone(), fault.kind.code()))
            .collect()
    };
    let expected = [
        (4, "/hours/mon/0/0", "not-a-time"),
        (5, "/hours/day", "unknown-field"),
        (6, "/hours/tue/0", "not-an-interval"),
        (8, "/shifts/2026-02-30", "not-a-date"),
        (8, "/shifts/2026-10-10", "not-a-list"),
        (9, "/holidays/1", "not-a-string"),
        (9, "/holidays/2", "not-a-date"),
        (10, "/colour", "unknown-field"),
        (11, "/tz", "repeated-field"),
        (12, "/public_holidays", "unknown-country"),
    ];
    assert_eq!(
        faults(text),
        expected.map(|(line, path, code)| (Some(line), path.to_owned(), code))
    );
    // What only a whole document can be tested for.
    let text = "{\n\"tz\": \"Mars/Olympus\",\n\"hours\": {\n\"mon\": [[\"24:00\", \"01:00\"]]}}";
    let expected = [
        (2, "/tz", "unknown-zone"),
        (4, "/hours/mon/0/0", "begins-at-midnight"),
    ];
    assert_eq!(
        faults(text),
        expected.map(|(line, path, code)| (Some(line), path.to_owned(), code))
    );
    for (text, line, code) in [
        ("", 1, "not-json"),
        ("{\n\"tz\": \"Etc/UTC\",\n}", 3, "not-json"),
        ("[]", 1, "not-an-object"),
        ("{\"hours\": {}}", 1, "no-zone"),
        ("{\"tz\": \"Etc/UTC\",\n\"hours\": {}}", 2, "never-open"),
        ("{\"tz\": 5}", 1, "not-a-string"),
    ] {
        let found: Vec<_> = faults(text)
            .into_iter()
            .map(|(line, _, code)| (line, code))
            .collect();
        assert_eq!(found, [(Some(line), code)], "{text}");
    }
    let many = json!({"tz": "Etc/UTC", "hours": {"mon": vec![["09:00", "17:00"]; 49]}}).to_string();
    assert_eq!(
        faults(&many),
        [(Some(1), "/hours/mon".to_owned(), "too-many-intervals")]
    );
    let nonsense = json!({"tz": "Etc/UTC", "holidays": vec!["x"; 500]}).to_string();
    assert_eq!(faults(&nonsense).len(), 100);
}

#[test]
fn faults_are_told_in_both_languages() {
    let error = BusinessCalendar::parse(
        "{\n\"tz\": \"Beijing\", \"hours\": {\"mon\": [[\"09:00\", \"18:00\"]]}}",
    )
    .unwrap_err();
    let told = |locale| {
        error
            .faults()
            .iter()
            .map(|fault| fault.message(locale))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(Locale::En),
        ["Line 2 (/tz): The time zone is not known: give an IANA name, such as Asia/Shanghai."]
    );
    assert_eq!(
        told(Locale::ZhCn),
        ["第 2 行（/tz）：时区无法识别：请使用 IANA 名称，例如 Asia/Shanghai。"]
    );
}

#[test]
fn times_of_day() {
    for text in [
        "",
        "9:00",
        "24:00:01",
        "12:60",
        "12",
        "12:00:00:00",
        "+1:00",
        "１２:00",
        "25:00",
    ] {
        assert_eq!(text.parse::<TimeOfDay>(), Err(InvalidTimeOfDay), "{text}");
    }
    for text in ["00:00", "09:30", "23:59:59", "24:00"] {
        assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
    }
}

fn read(imported: &Imported) -> Vec<(String, bool)> {
    imported
        .days()
        .iter()
        .map(|(date, day)| (date.to_string(), day.works))
        .collect()
}

#[test]
fn an_icalendar_file_of_holidays() {
    let file = "\u{feff}BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VTIMEZONE\r
TZID:Asia/Shanghai\r
BEGIN:STANDARD\r
DTSTART:19700101T000000\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
SUMMARY;LANGUAGE=zh_CN:国\r
 庆节\\, 休\r
DTSTART;VALUE=DATE:20261001\r
DTEND;VALUE=DATE:20261004\r
BEGIN:VALARM\r
TRIGGER:-PT15M\r
SUMMARY:班\r
END:VALARM\r
END:VEVENT\r
BEGIN:VEVENT\r
SUMMARY:国庆节 班\r
DTSTART;VALUE=DATE:20261010\r
END:VEVENT\r
BEGIN:VEVENT\r
SUMMARY:补班？\r
STATUS:CANCELLED\r
DTSTART;VALUE=DATE:20261011\r
END:VEVENT\r
BEGIN:VEVENT\r
SUMMARY;X-NOTE=\"a:b;c\":Leap day\r
DTSTART:20240229\r
DURATION:P1D\r
RRULE:FREQ=YEARLY\r
END:VEVENT\r
BEGIN:VEVENT\r
SUMMARY:Founding day\r
DTSTART;VALUE=DATE:20250630\r
DTEND;VALUE=DATE:20250702\r
RRULE:FREQ=YEARLY;UNTIL=20270630\r
EXDATE;VALUE=DATE:20260630\r
END:VEVENT\r
END:VCALENDAR\r
";
    let imported = Imported::from_icalendar(file.as_bytes(), 2030).unwrap();
    let off = |dates: &[&str]| {
        dates
            .iter()
            .map(|date| ((*date).to_owned(), false))
            .collect::<Vec<_>>()
    };
    let mut expected = off(&[
        "2024-02-29",
        "2025-06-30",
        "2025-07-01",
        "2026-10-01",
        "2026-10-02",
        "2026-10-03",
    ]);
    expected.push(("2026-10-10".to_owned(), true));
    expected.extend(off(&["2027-06-30", "2027-07-01", "2028-02-29"]));
    assert_eq!(read(&imported), expected);
    let names: Vec<&str> = imported
        .days()
        .values()
        .map(|day| day.name.as_str())
        .collect();
    assert_eq!(names[3], "国庆节, 休");
    // Folds may part a character, lines may end in LF alone.
    let mut bytes = file.replace('\r', "").into_bytes();
    let within = bytes
        .windows(3)
        .position(|part| part == "班".as_bytes())
        .unwrap()
        + 1;
    bytes.splice(within..within, *b"\n ");
    assert_eq!(
        read(&Imported::from_icalendar(&bytes, 2030).unwrap()),
        expected
    );
    // Kept by a calendar that has its own word on one of the dates.
    let mut definition: Definition = decode(&json!({
        "tz": "Asia/Shanghai",
        "hours": {"mon": [["09:00", "18:00"]]},
        "shifts": {"2026-10-02": [["10:00", "11:00"]]},
    }));
    definition.keep(&imported);
    assert_eq!(definition.holidays.len(), 8);
    assert_eq!(definition.shifts.len(), 2);
    assert_eq!(
        definition.shifts[&Date::constant(2026, 10, 10)],
        definition.hours.mon
    );
}

#[test]
fn the_faults_of_an_icalendar_file() {
    let event = |lines: &str| {
        format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n")
    };
    for (file, line, code) in [
        (String::new(), 1, "not-icalendar"),
        ("hello".into(), 1, "not-icalendar"),
        ("BEGIN:VCARD\nEND:VCARD".into(), 1, "not-icalendar"),
        (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR".into(),
            3,
            "not-ended",
        ),
        ("BEGIN:VCALENDAR\n".into(), 1, "not-ended"),
        (event("SUMMARY:x"), 2, "no-start"),
        (
            event("SUMMARY:x\nDTSTART:20260101T090000Z"),
            4,
            "not-all-day",
        ),
        (event("DTSTART;VALUE=DATE:20260230"), 3, "not-a-date"),
        (
            event("DTSTART:20260102\nDTEND:20260101"),
            4,
            "ends-before-start",
        ),
        (event("DTSTART:20260102\nDURATION:PT1H"), 4, "not-all-day"),
        (
            event("DTSTART:20260102\nRRULE:FREQ=WEEKLY"),
            4,
            "unsupported-rule",
        ),
        (
            event("DTSTART:20260102\nRRULE:FREQ=YEARLY;BYMONTH=3"),
            4,
            "unsupported-rule",
        ),
        (
            event("DTSTART:20260102\nRRULE:FREQ=YEARLY;INTERVAL=0"),
            4,
            "unsupported-rule",
        ),
        (
            event("DTSTART:20260102\nRECURRENCE-ID:20260102"),
            4,
            "unsupported-rule",
        ),
        (event("DTSTART:20260102\nno colon"), 4, "not-a-content-line"),
        (
            event("DTSTART:20200101\nDTEND:20900101"),
            2,
            "too-many-dates",
        ),
        (
            event(
                "DTSTART:20260102\nSUMMARY:班\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:20260102\nSUMMARY:休",
            ),
            6,
            "contradiction",
        ),
    ] {
        let error = Imported::from_icalendar(file.as_bytes(), 2030).unwrap_err();
        let found: Vec<_> = error
            .faults()
            .iter()
            .map(|fault| (fault.line, fault.kind.code()))
            .collect();
        assert_eq!(found, [(Some(line), code)], "{file}");
    }
    assert!(Imported::from_icalendar(b"BEGIN:VCALENDAR\n\xff\xff:\n", 2030).is_err());
}

#[test]
fn a_list_of_dates() {
    let text = r#"["2026-10-01", {"date": "2026-10-10", "name": "国庆节", "works": true}]"#;
    let imported = Imported::from_json(text).unwrap();
    assert_eq!(
        read(&imported),
        [("2026-10-01".into(), false), ("2026-10-10".into(), true)]
    );
    let wrong = "[\n\"2026-13-01\",\n{\"day\": 1},\n{\"date\": \"2026-10-10\", \"works\": \"yes\"}\n,5, \"2026-01-01\",\n{\"date\": \"2026-01-01\", \"works\": true}]";
    let error = Imported::from_json(wrong).unwrap_err();
    let found: Vec<_> = error
        .faults()
        .iter()
        .map(|fault| (fault.line.unwrap(), fault.kind.code()))
        .collect();
    let expected = [
        (2, "not-a-date"),
        (3, "unknown-field"),
        (3, "not-a-date"),
        (4, "not-a-boolean"),
        (5, "not-a-string"),
        (6, "contradiction"),
    ];
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_read(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(BusinessCalendar::parse(&text));
        drop(Imported::from_json(&text));
        drop(Imported::from_icalendar(&bytes, 2030));
        let mut file = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n".to_vec();
        file.extend(bytes);
        drop(Imported::from_icalendar(&file, 9999));
    }
}

#[test]
fn files_that_are_too_large_are_told_of_in_time() {
    let event = "BEGIN:VEVENT\nDTSTART:20000101\nDURATION:P4999D\nEND:VEVENT\n";
    let file = format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", event.repeat(2_000));
    let error = Imported::from_icalendar(file.as_bytes(), 2030).unwrap_err();
    let codes = |error: &InvalidCalendar| {
        let codes = error.faults().iter().map(|fault| fault.kind.code());
        codes.collect::<Vec<_>>()
    };
    assert_eq!(codes(&error), ["too-many-dates"]);
    let wrong = format!("[{}5]", "\"x\",\n".repeat(100_000));
    assert_eq!(Imported::from_json(&wrong).unwrap_err().faults().len(), 100);
    let wrong = format!("BEGIN:VCALENDAR\n{}", "x\n".repeat(100_000));
    let error = Imported::from_icalendar(wrong.as_bytes(), 2030).unwrap_err();
    assert_eq!(error.faults().len(), 100);
}

#[test]
fn what_is_sent_to_be_published_may_bring_dates_and_an_instant() {
    let whole = |import: &str| {
        format!(
            "{{\"tz\": \"UTC\", \"hours\": {{\"mon\": [[\"09:00\", \"17:00\"]]}},\n \"active_from\": \"2026-11-23T02:00:00Z\",\n \"import\": {import}}}"
        )
    };
    let file = "BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nDTSTART;VALUE=DATE:20201224\\nRRULE:FREQ=YEARLY\\nEND:VEVENT\\nEND:VCALENDAR";
    for import in [
        format!("\"{file}\""),
        "[\"2020-12-24\", \"2021-12-24\"]".to_owned(),
    ] {
        let draft = Draft::parse(&whole(&import), 2021).unwrap();
        assert_eq!(
            draft.active_from,
            Some("2026-11-23T02:00:00Z".parse().unwrap())
        );
        let holidays = draft.calendar.definition().holidays.iter();
        let holidays: Vec<_> = holidays.map(ToString::to_string).collect();
        assert_eq!(holidays, ["2020-12-24", "2021-12-24"]);
        // By itself it is no calendar.
        assert!(BusinessCalendar::parse(&whole(&import)).is_err());
    }
    for (import, line, path, kind) in [
        ("7", 3, "/import", FaultKind::NotAnImport),
        ("[\"x\"]", 3, "/import/0", FaultKind::NotADate),
        (
            "\"BEGIN:VCALENDAR\\nEND:X\"",
            2,
            "/import END",
            FaultKind::NotEnded,
        ),
        ("\"x\"", 1, "/import", FaultKind::NotICalendar),
    ] {
        let faults = Draft::parse(&whole(import), 2021).unwrap_err();
        let [fault] = faults.faults() else {
            panic!("{faults}");
        };
        let found = (fault.line, fault.path.as_str(), fault.kind);
        assert_eq!(found, (Some(line), path, kind), "{import}");
    }
    let late = whole("[]").replace("2026-11-23T02:00:00Z", "soon");
    let faults = Draft::parse(&late, 2021).unwrap_err();
    assert_eq!(faults.faults()[0].kind, FaultKind::NotAnInstant);
    let none = whole("[]").replace("\"2026-11-23T02:00:00Z\"", "null");
    assert_eq!(Draft::parse(&none, 2021).unwrap().active_from, None);
}
