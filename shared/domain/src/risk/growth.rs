//! How the complaints about one product grow from day to day.

use jiff::ToSpan;
use jiff::civil::Date;

use super::Rule;

/// On fewer complaints a day than this nothing is said: 1, 2, 3 is chance, not a trend.
pub const FLOOR: u64 = 10;

/// How many days a rule says no more of a product of which it has spoken.
pub const QUIET_DAYS: i64 = 7;

/// Whether the complaints of each of the last three days are more than 20 % above those of the day before, and at least
/// [`FLOOR`] on the last; the oldest day first. From a day without any, every growth is more than 20 %.
pub fn anomaly(days: [u64; 4]) -> bool {
    let [.., last] = days;
    last >= FLOOR && each(&days, |before, after| 5 * after > 6 * before)
}

/// Whether the complaints of each of the last two days are at least twice those of the day before, and at least
/// [`FLOOR`] on the last; the oldest day first. "Doubling daily" takes two days: one is an incident, and a third would
/// come late.
pub fn crisis(days: [u64; 3]) -> bool {
    let [.., last] = days;
    last >= FLOOR && each(&days, |before, after| after > before && after >= 2 * before)
}

fn each(days: &[u64], grows: impl Fn(u128, u128) -> bool) -> bool {
    let mut pairs = days.iter().zip(days.iter().skip(1));
    pairs.all(|(&before, &after)| grows(before.into(), after.into()))
}

/// What is known of a product on the evening of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// The day.
    pub day: Date,
    /// The complaints of the four days up to it, the oldest first.
    pub complaints: [u64; 4],
    /// The last day on which an anomaly of it was raised.
    pub anomaly: Option<Date>,
    /// The last day on which a crisis of it was raised.
    pub crisis: Option<Date>,
}

/// Which rule speaks, if one does. A crisis is not called an anomaly besides, for as long as it is not said again.
pub fn growth(growth: &Growth) -> Option<Rule> {
    let quiet = |spoken: Option<Date>| {
        spoken.is_some_and(|spoken| growth.day < spoken.saturating_add(QUIET_DAYS.days()))
    };
    let [_, last @ ..] = growth.complaints;
    if crisis(last) && !quiet(growth.crisis) {
        return Some(Rule::Crisis);
    }
    let speaks = anomaly(growth.complaints) && !quiet(growth.anomaly) && !quiet(growth.crisis);
    speaks.then_some(Rule::Anomaly)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn three_days_running_by_more_than_a_fifth() {
        for (days, expected) in [
            ([10, 13, 16, 20], true),
            // Exactly a fifth is not more.
            ([10, 12, 15, 19], false),
            ([10, 13, 13, 20], false),
            ([10, 13, 16, 19], false),
            // The floor.
            ([1, 2, 3, 4], false),
            ([4, 5, 7, 9], false),
            ([5, 7, 9, 11], true),
            // From nothing.
            ([0, 1, 2, 10], true),
            ([0, 0, 0, 50], false),
            ([u64::MAX, u64::MAX, u64::MAX, u64::MAX], false),
        ] {
            assert_eq!(anomaly(days), expected, "{days:?}");
        }
    }

    #[test]
    fn doubling_takes_two_days() {
        for (days, expected) in [
            ([5, 10, 20], true),
            ([5, 10, 19], false),
            ([5, 9, 20], false),
            ([1, 2, 4], false),
            ([2, 5, 10], true),
            ([0, 0, 50], false),
            ([0, 1, 10], true),
            ([u64::MAX, u64::MAX, u64::MAX], false),
        ] {
            assert_eq!(crisis(days), expected, "{days:?}");
        }
    }

    #[test]
    fn a_product_is_spoken_of_once_a_week_and_more_gravely_at_once() {
        let today = date(2026, 11, 21);
        let ago = |days: i64| Some(today.saturating_sub(days.days()));
        let (grows, doubles) = ([10, 13, 16, 20], [10, 13, 26, 52]);
        for (complaints, anomaly, crisis, expected) in [
            (grows, None, None, Some(Rule::Anomaly)),
            (grows, ago(1), None, None),
            (grows, ago(6), None, None),
            (grows, ago(7), None, Some(Rule::Anomaly)),
            (grows, None, ago(6), None),
            (doubles, None, None, Some(Rule::Crisis)),
            (doubles, ago(1), None, Some(Rule::Crisis)),
            (doubles, ago(1), ago(1), None),
            (doubles, None, ago(1), None),
            // A replay of an earlier day.
            (grows, ago(-2), None, None),
        ] {
            let found = growth(&Growth {
                day: today,
                complaints,
                anomaly,
                crisis,
            });
            assert_eq!(found, expected, "{complaints:?} {anomaly:?} {crisis:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_doubles_thrice_is_an_anomaly_too(first in 0u64..1000, factors in prop::array::uniform3(2u64..5)) {
            let mut days = [first; 4];
            for (n, factor) in factors.into_iter().enumerate() {
                days[n + 1] = days[n] * factor;
            }
            let [_, last @ ..] = days;
            prop_assert!(!crisis(last) || anomaly(days));
        }

        #[test]
        fn days_that_are_run_again_raise_nothing(
            counts in prop::collection::vec(0u64..60, 4..20),
            again in prop::collection::vec(any::<bool>(), 20),
        ) {
            let (mut marks, mut raised) = ([None; 2], Vec::new());
            for (n, days) in counts.windows(4).enumerate() {
                let day = date(2026, 1, 1).saturating_add(i64::try_from(n).unwrap().days());
                for _ in 0..=usize::from(again[n]) {
                    let state = Growth {
                        day,
                        complaints: days.try_into().unwrap(),
                        anomaly: marks[0],
                        crisis: marks[1],
                    };
                    if let Some(rule) = growth(&state) {
                        raised.push((rule, day));
                        marks[usize::from(rule == Rule::Crisis)] = Some(day);
                    }
                }
            }
            let mut unique = raised.clone();
            unique.dedup();
            prop_assert_eq!(&unique, &raised);
            for (n, (rule, day)) in raised.iter().enumerate() {
                for (other, later) in &raised[n + 1..] {
                    prop_assert!(rule != other || *later >= day.saturating_add(QUIET_DAYS.days()));
                }
            }
        }
    }
}
