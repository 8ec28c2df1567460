//! The public holidays of mainland China, and the working days that make up for them (调休).
//!
//! Each year the General Office of the State Council publishes them in a notice, usually in November of the year
//! before; the one for 2026 is 国办发明电〔2025〕7号. The table has every year from [`FIRST`] to [`LAST`], each with the address
//! of its notice, or notices where one was amended (2015, 2019, 2020). It was checked against two independent collections,
//! `NateScarlet/holiday-cn` and `LKI/chinese-calendar`: they agree on every working day and on every weekday off.
//! The notice for a later year is added here when it is out; until then such a year has ordinary weeks only.

use std::iter;

use jiff::civil::Date;

/// The first year in the table.
pub const FIRST: i16 = 2007;

/// The last year in the table. Dates after it are not known to be holidays or working days.
pub const LAST: i16 = 2026;

/// A month and a day, to a month and a day: both are off.
type Run = (i8, i8, i8, i8);

struct Year {
    year: i16,
    /// Days off, weekends among them included.
    off: &'static [Run],
    /// Saturdays and Sundays that are worked.
    work: &'static [(i8, i8)],
}

/// The dates off of every year in the table, in order; weekends within a holiday are among them.
pub fn holidays() -> impl Iterator<Item = Date> {
    YEARS.iter().flat_map(|year| {
        let date = |month, day| Date::new(year.year, month, day).ok();
        year.off
            .iter()
            .flat_map(move |&(month, day, last_month, last_day)| {
                let last = date(last_month, last_day);
                iter::successors(date(month, day), |date| date.tomorrow().ok())
                    .take_while(move |date| Some(*date) <= last)
            })
    })
}

/// The Saturdays and Sundays that are worked, in order.
pub fn make_up_days() -> impl Iterator<Item = Date> {
    YEARS.iter().flat_map(|year| {
        let dates = year.work.iter();
        dates.filter_map(|&(month, day)| Date::new(year.year, month, day).ok())
    })
}

#[rustfmt::skip] // one line a year's list: it is read against the notice
const YEARS: &[Year] = &[
    // <https://www.gov.cn/zhengce/zhengceku/2008-03/28/content_1761.htm>
    Year {
        year: 2007,
        off: &[(1, 1, 1, 3), (2, 18, 2, 24), (5, 1, 5, 7), (10, 1, 10, 7), (12, 30, 12, 31)],
        work: &[(2, 17), (2, 25), (4, 28), (4, 29), (9, 29), (9, 30), (12, 29)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2008-03/28/content_1645.htm>
    Year {
        year: 2008,
        off: &[(1, 1, 1, 1), (2, 6, 2, 12), (4, 4, 4, 6), (5, 1, 5, 3), (6, 7, 6, 9), (9, 13, 9, 15), (9, 29, 10, 5)],
        work: &[(2, 2), (2, 3), (5, 4), (9, 27), (9, 28)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2008-12/10/content_1572.htm>
    Year {
        year: 2009,
        off: &[(1, 1, 1, 3), (1, 25, 1, 31), (4, 4, 4, 6), (5, 1, 5, 3), (5, 28, 5, 30), (10, 1, 10, 8)],
        work: &[(1, 4), (1, 24), (2, 1), (5, 31), (9, 27), (10, 10)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2009-12/08/content_1476.htm>
    Year {
        year: 2010,
        off: &[(1, 1, 1, 3), (2, 13, 2, 19), (4, 3, 4, 5), (5, 1, 5, 3), (6, 14, 6, 16), (9, 22, 9, 24), (10, 1, 10, 7)],
        work: &[(2, 20), (2, 21), (6, 12), (6, 13), (9, 19), (9, 25), (9, 26), (10, 9)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2010-12/10/content_1423.htm>
    Year {
        year: 2011,
        off: &[(1, 1, 1, 3), (2, 2, 2, 8), (4, 3, 4, 5), (4, 30, 5, 2), (6, 4, 6, 6), (9, 10, 9, 12), (10, 1, 10, 7)],
        work: &[(1, 30), (2, 12), (4, 2), (10, 8), (10, 9), (12, 31)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2011-12/06/content_1411.htm>
    Year {
        year: 2012,
        off: &[(1, 1, 1, 3), (1, 22, 1, 28), (4, 2, 4, 4), (4, 29, 5, 1), (6, 22, 6, 24), (9, 30, 10, 7)],
        work: &[(1, 21), (1, 29), (3, 31), (4, 1), (4, 28), (9, 29)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2012-12/10/content_1353.htm>
    Year {
        year: 2013,
        off: &[(1, 1, 1, 3), (2, 9, 2, 15), (4, 4, 4, 6), (4, 29, 5, 1), (6, 10, 6, 12), (9, 19, 9, 21), (10, 1, 10, 7)],
        work: &[(1, 5), (1, 6), (2, 16), (2, 17), (4, 7), (4, 27), (4, 28), (6, 8), (6, 9), (9, 22), (9, 29), (10, 12)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2014-01/02/content_1194.htm>
    Year {
        year: 2014,
        off: &[(1, 1, 1, 1), (1, 31, 2, 6), (4, 5, 4, 5), (4, 7, 4, 7), (5, 1, 5, 3), (6, 2, 6, 2), (9, 8, 9, 8), (10, 1, 10, 7)],
        work: &[(1, 26), (2, 8), (5, 4), (9, 28), (10, 11)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2014-12/16/content_9302.htm>
    // <https://www.gov.cn/zhengce/zhengceku/2015-05/13/content_9742.htm>
    Year {
        year: 2015,
        off: &[(1, 1, 1, 3), (2, 18, 2, 24), (4, 5, 4, 6), (5, 1, 5, 1), (6, 20, 6, 20), (6, 22, 6, 22), (9, 3, 9, 5), (9, 27, 9, 27), (10, 1, 10, 7)],
        work: &[(1, 4), (2, 15), (2, 28), (9, 6), (10, 10)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2015-12/10/content_10394.htm>
    Year {
        year: 2016,
        off: &[(1, 1, 1, 1), (2, 7, 2, 13), (4, 4, 4, 4), (5, 1, 5, 2), (6, 9, 6, 11), (9, 15, 9, 17), (10, 1, 10, 7)],
        work: &[(2, 6), (2, 14), (6, 12), (9, 18), (10, 8), (10, 9)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2016-12/01/content_5141603.htm>
    Year {
        year: 2017,
        off: &[(1, 1, 1, 2), (1, 27, 2, 2), (4, 2, 4, 4), (5, 1, 5, 1), (5, 28, 5, 30), (10, 1, 10, 8)],
        work: &[(1, 22), (2, 4), (4, 1), (5, 27), (9, 30)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2017-11/30/content_5243579.htm>
    Year {
        year: 2018,
        off: &[(1, 1, 1, 1), (2, 15, 2, 21), (4, 5, 4, 7), (4, 29, 5, 1), (6, 18, 6, 18), (9, 24, 9, 24), (10, 1, 10, 7), (12, 30, 12, 31)],
        work: &[(2, 11), (2, 24), (4, 8), (4, 28), (9, 29), (9, 30), (12, 29)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2018-12/06/content_5346276.htm>
    // <https://www.gov.cn/zhengce/zhengceku/2019-03/22/content_5375877.htm>
    Year {
        year: 2019,
        off: &[(1, 1, 1, 1), (2, 4, 2, 10), (4, 5, 4, 5), (5, 1, 5, 4), (6, 7, 6, 7), (9, 13, 9, 13), (10, 1, 10, 7)],
        work: &[(2, 2), (2, 3), (4, 28), (5, 5), (9, 29), (10, 12)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2019-11/21/content_5454164.htm>
    // <https://www.gov.cn/zhengce/zhengceku/2020-01/27/content_5472352.htm>
    Year {
        year: 2020,
        off: &[(1, 1, 1, 1), (1, 24, 2, 2), (4, 4, 4, 6), (5, 1, 5, 5), (6, 25, 6, 27), (10, 1, 10, 8)],
        work: &[(1, 19), (4, 26), (5, 9), (6, 28), (9, 27), (10, 10)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2020-11/25/content_5564127.htm>
    Year {
        year: 2021,
        off: &[(1, 1, 1, 3), (2, 11, 2, 17), (4, 3, 4, 5), (5, 1, 5, 5), (6, 12, 6, 14), (9, 19, 9, 21), (10, 1, 10, 7)],
        work: &[(2, 7), (2, 20), (4, 25), (5, 8), (9, 18), (9, 26), (10, 9)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2021-10/25/content_5644835.htm>
    Year {
        year: 2022,
        off: &[(1, 1, 1, 3), (1, 31, 2, 6), (4, 3, 4, 5), (4, 30, 5, 4), (6, 3, 6, 5), (9, 10, 9, 12), (10, 1, 10, 7), (12, 31, 12, 31)],
        work: &[(1, 29), (1, 30), (4, 2), (4, 24), (5, 7), (10, 8), (10, 9)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/2022-12/08/content_5730844.htm>
    Year {
        year: 2023,
        off: &[(1, 1, 1, 2), (1, 21, 1, 27), (4, 5, 4, 5), (4, 29, 5, 3), (6, 22, 6, 24), (9, 29, 10, 6)],
        work: &[(1, 28), (1, 29), (4, 23), (5, 6), (6, 25), (10, 7), (10, 8)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/202310/content_6911528.htm>
    Year {
        year: 2024,
        off: &[(1, 1, 1, 1), (2, 10, 2, 17), (4, 4, 4, 6), (5, 1, 5, 5), (6, 10, 6, 10), (9, 15, 9, 17), (10, 1, 10, 7)],
        work: &[(2, 4), (2, 18), (4, 7), (4, 28), (5, 11), (9, 14), (9, 29), (10, 12)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/202411/content_6986383.htm>
    Year {
        year: 2025,
        off: &[(1, 1, 1, 1), (1, 28, 2, 4), (4, 4, 4, 6), (5, 1, 5, 5), (5, 31, 6, 2), (10, 1, 10, 8)],
        work: &[(1, 26), (2, 8), (4, 27), (9, 28), (10, 11)],
    },
    // <https://www.gov.cn/zhengce/zhengceku/202511/content_7047091.htm>
    Year {
        year: 2026,
        off: &[(1, 1, 1, 3), (2, 15, 2, 23), (4, 4, 4, 6), (5, 1, 5, 5), (6, 19, 6, 21), (9, 25, 9, 27), (10, 1, 10, 7)],
        work: &[(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Weekday;

    #[test]
    fn every_year_is_there_and_in_order() {
        let years: Vec<i16> = YEARS.iter().map(|year| year.year).collect();
        assert_eq!(years, (FIRST..=LAST).collect::<Vec<_>>());
        let off: Vec<Date> = holidays().collect();
        let work: Vec<Date> = make_up_days().collect();
        assert!(off.is_sorted() && work.is_sorted());
        assert!(off.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(work.iter().all(|date| off.binary_search(date).is_err()));
        assert!(
            work.iter()
                .all(|date| matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday))
        );
        for year in FIRST..=LAST {
            let count = |dates: &[Date]| dates.iter().filter(|date| date.year() == year).count();
            // The law gives 10, then 11, then 13 days (2007, 2008, 2025); weekends make more of them.
            assert!(
                (22..=33).contains(&count(&off)),
                "{year}: {} days off",
                count(&off)
            );
            assert!(
                (5..=12).contains(&count(&work)),
                "{year}: {} made up for",
                count(&work)
            );
            let listed = YEARS
                .iter()
                .filter(|y| y.year == year)
                .map(|y| y.work.len())
                .sum::<usize>();
            assert_eq!(count(&work), listed, "{year}: a date that is none");
        }
    }

    #[test]
    fn golden_week_of_2026() {
        let october: Vec<i8> = holidays()
            .filter(|date| (date.year(), date.month()) == (2026, 10))
            .map(Date::day)
            .collect();
        assert_eq!(october, [1, 2, 3, 4, 5, 6, 7]);
        let worked: Vec<String> = make_up_days()
            .filter(|date| date.year() == 2026)
            .map(|date| date.to_string())
            .collect();
        assert_eq!(
            worked,
            [
                "2026-01-04",
                "2026-02-14",
                "2026-02-28",
                "2026-05-09",
                "2026-09-20",
                "2026-10-10"
            ]
        );
    }
}
