//! What a report says, part by part: the same for a page and for a letter.

use resound_domain::locale::Locale;
use resound_domain::nps::{Driver, FEWEST_PEOPLE, Reached, Volatility};
use resound_domain::report::{
    Answered, Breakdown, BreakdownNumbers, Change, ChannelNumbers, ComplaintType, ImprovementRow,
    Improvements, MOST_LISTED, Month, Monthly, Numbers, Priorities, Ranked, Rated, Score,
    TOP_ISSUES, Told, Weekly,
};

use super::ReportView;
use super::chart::{Bar, Chart, Drawing, Point};
use super::words::{
    NONE, category, channel, decimal, duration, effort, hidden, kano, range, signed, theme, told,
    touchpoint, why_hidden, with_range,
};
use crate::time::moment;

/// A part of a report.
pub(super) struct Section {
    pub(super) title: &'static str,
    /// Sentences that go before.
    pub(super) lead: Vec<String>,
    pub(super) chart: Option<Chart>,
    pub(super) table: Option<Table>,
}

impl Section {
    /// Why some of its cells are hidden, if any are.
    pub(super) fn note(&self, locale: Locale) -> Option<&'static str> {
        let mut cells = self
            .table
            .iter()
            .flat_map(|table| table.rows.iter().flatten());
        let any = cells.any(|cell| cell == hidden(locale));
        any.then(|| why_hidden(locale))
    }
}

/// A table; the first cell of a row is its head.
pub(super) struct Table {
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// The parts of a report, in the language of its view.
pub(super) fn sections(view: &ReportView<'_>) -> Vec<Section> {
    let words = Words(view.locale);
    match view.numbers {
        Numbers::Weekly(week) => words.weekly(week),
        Numbers::Monthly(month) => {
            let mut sections = words.monthly(month);
            let priorities = month.priorities.iter();
            sections.extend(priorities.map(|list| words.priorities(list, view)));
            let improvements = month.improvements.iter();
            sections.extend(improvements.map(|list| words.improvements(list, view)));
            sections
        }
    }
}

/// What a letter says of a report in its subject: the score, if it is shown.
pub(super) fn headline(numbers: &Numbers, locale: Locale) -> String {
    let score = match numbers {
        Numbers::Weekly(week) => week.nps,
        Numbers::Monthly(month) => month.now().map_or(Told::Nobody, |now| now.nps),
    };
    told(&score, locale, |score| {
        format!("NPS {}", decimal(score.nps))
    })
}

#[derive(Clone, Copy)]
struct Words(Locale);

impl Words {
    const fn of<'a>(self, zh_cn: &'a str, en: &'a str) -> &'a str {
        self.0.choose(zh_cn, en)
    }

    fn range(self, value: f64, interval: Option<[f64; 2]>) -> String {
        with_range(value, interval, self.0, decimal)
    }

    fn percent(self, value: f64, interval: [f64; 2]) -> String {
        let interval = range(interval, self.0, decimal);
        format!("{} % ({interval})", decimal(value))
    }

    fn score(self, score: &Told<Score>) -> String {
        told(score, self.0, |score| {
            self.range(score.nps, Some(score.interval))
        })
    }

    fn n(self, score: &Told<Score>) -> String {
        told(score, self.0, |score| score.n.to_string())
    }

    fn count(self, count: &Told<u64>) -> String {
        told(count, self.0, u64::to_string)
    }

    fn change(self, change: Option<&Change>) -> [String; 2] {
        match change {
            Some(change) => [
                with_range(change.difference, Some(change.interval), self.0, signed),
                change.verdict.text(self.0).to_owned(),
            ],
            None => [NONE.to_owned(), NONE.to_owned()],
        }
    }

    /// Why a table is not there.
    fn withheld(self) -> String {
        match self.0 {
            Locale::ZhCn => format!("人数不足以分项列出而不暴露少于 {FEWEST_PEOPLE} 人的情况。"),
            Locale::En => format!(
                "Too few people for a table that would not tell of fewer than {FEWEST_PEOPLE} of them."
            ),
        }
    }

    fn overview(
        self,
        (responses, score, change): (&Told<u64>, &Told<Score>, Option<&Change>),
        rest: Vec<Vec<String>>,
    ) -> Section {
        let [difference, verdict] = self.change(change);
        let mut rows = vec![
            vec![
                self.of("收到的反馈", "Responses").to_owned(),
                self.count(responses),
                NONE.to_owned(),
                NONE.to_owned(),
            ],
            vec![
                "NPS".to_owned(),
                self.score(score),
                self.n(score),
                match change {
                    Some(_) => format!("{difference}{}{verdict}", self.of("；", "; ")),
                    None => NONE.to_owned(),
                },
            ],
        ];
        rows.extend(rest);
        Section {
            title: self.of("概览", "At a glance"),
            lead: Vec::new(),
            chart: None,
            table: Some(Table {
                columns: vec![
                    self.of("指标", "Number"),
                    self.of("数值（95 % 区间）", "Value (95 % interval)"),
                    self.of("回答数", "Answers"),
                    self.of("较上期", "Since the period before"),
                ],
                rows,
            }),
        }
    }

    fn rated(self, name: &str, rated: &Told<Rated>) -> Vec<String> {
        let value = told(rated, self.0, |rated| {
            let mean = with_range(rated.mean, rated.interval, self.0, |value| {
                format!("{value:.2}")
            });
            let top = rated.top_two;
            let share = self.percent(top.percent, top.interval);
            format!("{mean}{}{share}", self.of("；最高两档 ", "; top two "))
        });
        let n = told(rated, self.0, |rated| rated.n.to_string());
        vec![name.to_owned(), value, n, NONE.to_owned()]
    }

    fn weekly(self, week: &Weekly) -> Vec<Section> {
        vec![
            self.overview(
                (&week.responses, &week.nps, week.nps_change.as_ref()),
                vec![vec![
                    self.of("投诉", "Complaints").to_owned(),
                    self.count(&week.complaints.total),
                    NONE.to_owned(),
                    format!(
                        "{}{}",
                        self.of("上周 ", "week before: "),
                        self.count(&week.complaints.before)
                    ),
                ]],
            ),
            self.complaints(week),
            self.channels(week),
        ]
    }

    /// What is wrong and where.
    fn complaint(self, of: &ComplaintType) -> String {
        complaint(of, self.0)
    }

    fn complaints(self, week: &Weekly) -> Section {
        let title = self.of("投诉最多的五类", "What people complain about most");
        let top = &week.complaints.top;
        if top.is_empty() {
            return Section {
                title,
                lead: vec![
                    self.of(
                        "没有一类投诉达到可以列出的人数。",
                        "No type of complaint has enough people to be listed.",
                    )
                    .to_owned(),
                ],
                chart: None,
                table: None,
            };
        }
        let bars = top.iter().map(|of| Bar {
            label: self.complaint(of),
            value: of.share.percent,
            shown: format!("{} % · {}", decimal(of.share.percent), of.share.count),
            interval: Some(of.share.interval),
            before: of.change.map(|change| change.before),
            target: None,
        });
        let rows = top.iter().map(|of| {
            let [difference, verdict] = self.change(of.change.as_ref());
            vec![
                self.complaint(of),
                of.share.count.to_string(),
                self.percent(of.share.percent, of.share.interval),
                self.count(&of.before),
                difference,
                verdict,
            ]
        });
        Section {
            title,
            lead: vec![
                self.of(
                    "占本周全部反馈的百分比。少于 5 人的类别及会暴露它的类别不列出。",
                    "In percent of all responses of the week. Types of fewer than 5 people, and what would tell of them, are not listed.",
                )
                .to_owned(),
            ],
            chart: Some(Chart {
                id: "complaints",
                title: title.to_owned(),
                caption: self.of(
                    "线段为 95 % 区间，圆圈为上周。",
                    "Lines are 95 % intervals, rings the week before.",
                ),
                description: self.spoken(top.iter().map(|of| {
                    (self.complaint(of), self.percent(of.share.percent, of.share.interval))
                })),
                drawing: Drawing::Bars(bars.collect()),
            }),
            table: Some(Table {
                columns: vec![
                    self.of("类别", "Type"),
                    self.of("本周", "This week"),
                    self.of("占全部反馈", "Of all responses"),
                    self.of("上周", "Week before"),
                    self.of("变化（百分点）", "Change in points"),
                    self.of("判断", "Verdict"),
                ],
                rows: rows.collect(),
            }),
        }
    }

    /// A chart in a sentence: `Web 40.0 (25.9 to 51.7); App ...`.
    fn spoken(self, parts: impl Iterator<Item = (String, String)>) -> String {
        let parts: Vec<String> = parts
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        parts.join(self.of("；", "; "))
    }

    fn channels(self, week: &Weekly) -> Section {
        let title = self.of("各渠道成效", "How each channel does");
        let Some(channels) = &week.channels else {
            return Section {
                title,
                lead: vec![self.withheld()],
                chart: None,
                table: None,
            };
        };
        let scored: Vec<(String, Score)> = channels
            .iter()
            .filter_map(|row| {
                let score = row.numbers.as_ref()?.nps.shown()?;
                Some((channel(&row.channel, self.0), *score))
            })
            .collect();
        let bars = scored.iter().map(|(name, score)| self.dot(name, score));
        let chart =
            (!scored.is_empty()).then(|| Chart {
                id: "channels",
                title: self.of("各渠道的 NPS", "NPS by channel").to_owned(),
                caption: self.of("线段为 95 % 区间。", "Lines are 95 % intervals."),
                description: self.spoken(scored.iter().map(|(name, score)| {
                    (name.clone(), self.range(score.nps, Some(score.interval)))
                })),
                drawing: Drawing::Dots(bars.collect()),
            });
        let rows = channels.iter().map(|row| {
            let mut cells = vec![channel(&row.channel, self.0)];
            match &row.numbers {
                Some(numbers) => cells.extend(self.channel_cells(numbers)),
                None => cells.extend(std::iter::repeat_n(hidden(self.0).to_owned(), 7)),
            }
            cells
        });
        Section {
            title,
            lead: vec![
                self.of(
                    "等待时间自个案开启起计，截至本报告到期之时；括号内为 95 % 区间。守住：有结果且未被重开的个案。",
                    "Customers wait from the opening of a case, as of when this report was due; 95 % intervals in brackets. Stayed \
                     closed: cases with an outcome that were not opened again.",
                )
                .to_owned(),
            ],
            chart,
            table: Some(Table {
                columns: vec![
                    self.of("渠道", "Channel"),
                    self.of("反馈", "Responses"),
                    "NPS",
                    self.of("NPS 回答数", "Answers to it"),
                    self.of("首次答复：中位数；九成在此之内", "First answer: median; nine of ten within"),
                    self.of("首次答复按时", "First answer in time"),
                    self.of("解决：中位数；九成在此之内", "Outcome: median; nine of ten within"),
                    self.of("守住", "Stayed closed"),
                ],
                rows: rows.collect(),
            }),
        }
    }

    fn dot(self, name: &str, score: &Score) -> Bar {
        Bar {
            label: name.to_owned(),
            value: score.nps,
            shown: format!("{} · n = {}", decimal(score.nps), score.n),
            interval: Some(score.interval),
            before: None,
            target: None,
        }
    }

    fn channel_cells(self, numbers: &ChannelNumbers) -> [String; 7] {
        let waited = |answered: &Told<Answered>| {
            told(answered, self.0, |answered| {
                let time = |of: resound_domain::statistics::Estimate| {
                    with_range(of.value, of.interval, self.0, |s| duration(s, self.0))
                };
                let (median, p90) = (time(answered.median_seconds), time(answered.p90_seconds));
                let between = self.of("；", "; ");
                format!("{median}{between}{p90}{between}n = {}", answered.n)
            })
        };
        let in_time = told(&numbers.first_answer, self.0, |answered| {
            self.percent(answered.in_time.percent, answered.in_time.interval)
        });
        let recovered = told(&numbers.recovered, self.0, |share| {
            let of = self.percent(share.percent, share.interval);
            format!("{of}{}n = {}", self.of("；", "; "), share.n)
        });
        [
            numbers.responses.to_string(),
            self.score(&numbers.nps),
            self.n(&numbers.nps),
            waited(&numbers.first_answer),
            in_time,
            waited(&numbers.resolution),
            recovered,
        ]
    }

    fn monthly(self, month: &Monthly) -> Vec<Section> {
        let nobody = (Told::Nobody, Told::Nobody);
        let (responses, nps) = month.now().map_or(nobody, |now| (now.responses, now.nps));
        let mut sections = vec![
            self.overview(
                (&responses, &nps, month.nps_change.as_ref()),
                vec![
                    self.rated("CSAT (1–5)", &month.csat),
                    self.rated("CES (1–7)", &month.ces),
                ],
            ),
            self.trend(month),
        ];
        sections.extend(self.distribution(month));
        sections.extend(self.breakdown(
            &month.touchpoints,
            ("touchpoints", "touchpoint-drivers"),
            (
                self.of(
                    "触点：上月、本月与目标",
                    "Touchpoints: month before, now and target",
                ),
                self.of("哪些触点影响得分", "Which touchpoints move the score"),
                self.of("触点", "Touchpoint"),
            ),
            touchpoint,
        ));
        sections.extend(self.breakdown(
            &month.themes,
            ("themes", "theme-drivers"),
            (
                self.of("主题：上月与本月", "Themes: month before and now"),
                self.of("哪些主题影响得分", "Which themes move the score"),
                self.of("主题", "Theme"),
            ),
            theme,
        ));
        sections
    }

    fn trend(self, month: &Monthly) -> Section {
        let points = month.trend.iter().map(|of| Point {
            label: of.month.clone(),
            value: of.nps.shown().map(|score| (score.nps, score.interval)),
        });
        let spoken = month
            .trend
            .iter()
            .map(|of| (of.month.clone(), self.score(&of.nps)));
        let satisfied = |of: &Month| {
            told(&of.satisfied, self.0, |share| {
                let value = self.percent(share.percent, share.interval);
                format!("{value}{}n = {}", self.of("；", "; "), share.n)
            })
        };
        let rows = month.trend.iter().map(|of| {
            vec![
                of.month.clone(),
                self.count(&of.responses),
                self.score(&of.nps),
                self.n(&of.nps),
                satisfied(of),
            ]
        });
        let volatility = month.volatility.as_ref().map(|of| self.volatility(of));
        Section {
            title: self.of("走势", "Trend"),
            lead: volatility.into_iter().collect(),
            chart: Some(Chart {
                id: "trend",
                title: self.of("NPS 走势", "NPS by month").to_owned(),
                caption: self.of(
                    "色带为 NPS 的 95 % 区间（调整 Wald）。",
                    "The band is the 95 % interval of the NPS (adjusted Wald).",
                ),
                description: self.spoken(spoken),
                drawing: Drawing::Trend(points.collect()),
            }),
            table: Some(Table {
                columns: vec![
                    self.of("月份", "Month"),
                    self.of("反馈", "Responses"),
                    self.of("NPS（95 % 区间）", "NPS (95 % interval)"),
                    self.of("回答数", "Answers"),
                    self.of("满意（CSAT 4–5）", "Satisfied (CSAT 4–5)"),
                ],
                rows: rows.collect(),
            }),
        }
    }

    fn volatility(self, of: &Volatility) -> String {
        let [low, high] = [of.lowest, of.highest].map(decimal);
        let (months, text) = (of.months, of.swing.text(self.0));
        match self.0 {
            Locale::ZhCn => format!(
                "近六个月中有 {months} 个月的满意度可比：最低 {low} %，最高 {high} %。{text}。"
            ),
            Locale::En => format!(
                "Satisfaction in the {months} of the last six months that can be compared: lowest {low} %, highest {high} %: {text}."
            ),
        }
    }

    fn distribution(self, month: &Monthly) -> Option<Section> {
        let scores = month.scores.shown()?;
        let n = month.now()?.nps.shown()?.n;
        let share = |count: u64| resound_domain::nps::Share::new(count, n);
        let shown = || {
            scores.iter().enumerate().map(|(score, count)| {
                let count = match count {
                    Told::Nobody => Some(0),
                    Told::Shown(count) => Some(*count),
                    Told::Hidden => None,
                };
                (score, count.and_then(share))
            })
        };
        let bars = shown().filter_map(|(score, share)| {
            let share = share?;
            Some(Bar {
                label: score.to_string(),
                value: share.percent(),
                shown: format!("{} % · {}", decimal(share.percent()), share.count()),
                interval: Some(share.wilson()),
                before: None,
                target: None,
            })
        });
        let cells = |share: Option<resound_domain::nps::Share>| match share {
            Some(share) => [
                share.count().to_string(),
                self.percent(share.percent(), share.wilson()),
            ],
            None => [hidden(self.0).to_owned(), hidden(self.0).to_owned()],
        };
        let title = self.of("评分分布", "Distribution of scores");
        let described = shown().map(|(score, share)| {
            let [_, percent] = cells(share);
            (score.to_string(), percent)
        });
        Some(Section {
            title,
            lead: vec![match self.0 {
                Locale::ZhCn => format!("{n} 个回答，0 至 10 分；未列出的分数人数过少。"),
                Locale::En => {
                    format!(
                        "{n} answers from 0 to 10; scores that too few people gave are not drawn."
                    )
                }
            }],
            chart: Some(Chart {
                id: "scores",
                title: title.to_owned(),
                caption: self.of("线段为 95 % 区间。", "Lines are 95 % intervals."),
                description: self.spoken(described),
                drawing: Drawing::Bars(bars.collect()),
            }),
            table: Some(Table {
                columns: vec![
                    self.of("评分", "Score"),
                    self.of("人数", "People"),
                    self.of("占比（95 % 区间）", "Share (95 % interval)"),
                ],
                rows: shown()
                    .map(|(score, share)| {
                        let mut row = vec![score.to_string()];
                        row.extend(cells(share));
                        row
                    })
                    .collect(),
            }),
        })
    }

    fn breakdown(
        self,
        breakdown: &Breakdown,
        (id, drivers_id): (&'static str, &'static str),
        (title, drivers_title, column): (&'static str, &'static str, &'static str),
        name: fn(&str, Locale) -> String,
    ) -> Vec<Section> {
        let Some(rows) = &breakdown.rows else {
            return vec![Section {
                title,
                lead: vec![self.withheld()],
                chart: None,
                table: None,
            }];
        };
        let named = |value: Option<&str>| match value {
            Some(value) => name(value, self.0),
            None => self.of("（未注明）", "(not named)").to_owned(),
        };
        let dots = || {
            rows.iter().filter_map(|row| {
                let numbers = row.numbers.as_ref()?;
                let score = numbers.nps.shown()?;
                Some(Bar {
                    before: numbers.before.shown().map(|before| before.nps),
                    target: numbers.target,
                    ..self.dot(&named(row.value.as_deref()), score)
                })
            })
        };
        let has_targets = rows
            .iter()
            .flat_map(|row| &row.numbers)
            .any(|of| of.target.is_some());
        let cells = |numbers: &BreakdownNumbers| {
            let [difference, verdict] = self.change(numbers.change.as_ref());
            let mut cells = vec![
                numbers.responses.to_string(),
                self.score(&numbers.nps),
                self.n(&numbers.nps),
                self.score(&numbers.before),
                difference,
                verdict,
            ];
            if has_targets {
                let reached = numbers
                    .reached
                    .map(|reached| Reached::text(reached, self.0));
                cells.push(match (numbers.target, reached) {
                    (Some(target), Some(reached)) => {
                        format!("{}{}{reached}", decimal(target), self.of("；", "; "))
                    }
                    _ => NONE.to_owned(),
                });
            }
            cells
        };
        let mut columns = vec![
            column,
            self.of("反馈", "Responses"),
            self.of("NPS（95 % 区间）", "NPS (95 % interval)"),
            self.of("回答数", "Answers"),
            self.of("上月 NPS", "NPS month before"),
            self.of("变化", "Change"),
            self.of("判断", "Verdict"),
        ];
        if has_targets {
            columns.push(self.of("目标", "Target"));
        }
        let width = columns.len().saturating_sub(1);
        let table = rows.iter().map(|row| {
            let mut line = vec![named(row.value.as_deref())];
            match &row.numbers {
                Some(numbers) => line.extend(cells(numbers)),
                None => line.extend(std::iter::repeat_n(hidden(self.0).to_owned(), width)),
            }
            line
        });
        let table = Table {
            rows: table.collect(),
            columns,
        };
        let described = dots().map(|dot| {
            let interval = dot.interval;
            (dot.label, self.range(dot.value, interval))
        });
        let mut sections = vec![Section {
            title,
            lead: Vec::new(),
            chart: dots().next().is_some().then(|| Chart {
                id,
                title: title.to_owned(),
                caption: self.of(
                    "圆点为本月，线段为 95 % 区间，圆圈为上月，竖线为目标。",
                    "Dots are this month, lines 95 % intervals, rings the month before, strokes the target.",
                ),
                description: self.spoken(described),
                drawing: Drawing::Dots(dots().collect()),
            }),
            table: Some(table),
        }];
        if !breakdown.drivers.is_empty() {
            sections.push(self.drivers(
                &breakdown.drivers,
                drivers_id,
                (drivers_title, column),
                name,
            ));
        }
        sections
    }

    fn priorities(self, list: &Priorities, view: &ReportView<'_>) -> Section {
        let title = self.of("先改什么", "What to mend first");
        let open = list.open;
        let mut lead = vec![match self.0 {
            Locale::ZhCn => format!(
                "共有 {open} 个未关闭的问题；此处列出其中最多 {TOP_ISSUES} 个，过去 90 天内至少有 {FEWEST_PEOPLE} 位客户反映过，各问卷合计。"
            ),
            Locale::En => format!(
                "Open issues: {open}. Listed are at most {TOP_ISSUES} of them, each reported by {FEWEST_PEOPLE} customers or more in 90 days, over all surveys."
            ),
        }];
        if let Some(as_of) = list.as_of {
            let as_of = moment(as_of, view.zone, self.0);
            lead.push(match self.0 {
                Locale::ZhCn => format!("客户数统计截至 {as_of}。只有先后次序有意义。"),
                Locale::En => {
                    format!("Customers counted up to {as_of}. Only the order means something.")
                }
            });
            lead.push(format!(
                "{}{}",
                self.of("得分 = ", "Score = "),
                list.formula
            ));
            let weights = list.weights.each();
            let weights = weights.map(|(name, percent)| format!("{name} {percent}"));
            lead.push(format!(
                "{}{}",
                self.of("权重（%）：", "Weights in percent: "),
                weights.join(self.of("，", ", "))
            ));
        }
        let name = |of: &Ranked| match view.names.issues.get(&of.issue) {
            Some(title) => title.to_string(),
            None => of.issue.to_string(),
        };
        let share = |of: &Ranked| self.percent(of.share.percent, of.share.interval);
        let bars = || {
            list.first.iter().map(|of| Bar {
                label: name(of),
                value: of.share.percent,
                shown: format!("{} % · {}", decimal(of.share.percent), of.share.count),
                interval: Some(of.share.interval),
                before: None,
                target: None,
            })
        };
        let factor = |value: f64| format!("× {value:.2}");
        let rows = list.first.iter().map(|of| {
            let between = self.of("；", "; ");
            let days = of.days;
            let mut urgency = match self.0 {
                Locale::ZhCn => format!("30 天中有 {days} 天"),
                Locale::En => format!("{days} of 30 days"),
            };
            if of.core {
                urgency.push_str(between);
                urgency.push_str(self.of("影响核心用途", "what the product is for"));
            }
            let wide = match of.wide {
                true => format!("{between}{}", self.of("影响面广", "wide")),
                false => String::new(),
            };
            let [impact, urgent, cost, worth] = [
                of.factors.impact,
                of.factors.urgency,
                of.factors.cost,
                of.factors.kano,
            ]
            .map(factor);
            let count = of.share.count;
            vec![
                name(of),
                told(&of.score, self.0, |score| decimal(*score)),
                format!("{count}{between}{}{wide}{between}{impact}", share(of)),
                format!("{urgency}{between}{urgent}"),
                format!("{}{between}{cost}", effort(of.effort, self.0)),
                format!(
                    "{}{between}{worth}",
                    of.kano.map_or(NONE, |class| kano(class, self.0))
                ),
                told(&of.value, self.0, |value| factor(*value)),
            ]
        });
        Section {
            title,
            lead,
            chart: (!list.first.is_empty()).then(|| Chart {
                id: "priorities",
                title: self
                    .of("反映各问题的客户，按先后次序", "Who reported each issue, in the order of priority")
                    .to_owned(),
                caption: self.of(
                    "反映该问题的客户占全部回答的百分比；线段为 95 % 区间。",
                    "Customers who reported it, in percent of all answers; lines are 95 % intervals.",
                ),
                description: self.spoken(list.first.iter().map(|of| (name(of), share(of)))),
                drawing: Drawing::Bars(bars().collect()),
            }),
            table: (!list.first.is_empty()).then(|| Table {
                columns: vec![
                    self.of("问题", "Issue"),
                    self.of("得分", "Score"),
                    self.of("影响：客户（占回答，95 % 区间）", "Impact: customers (of answers, 95 % interval)"),
                    self.of("紧迫程度", "Urgency"),
                    self.of("所需工作量", "Effort"),
                    self.of("Kano 类别", "Kano class"),
                    self.of("客户价值", "Customer value"),
                ],
                rows: rows.collect(),
            }),
        }
    }

    fn improvements(self, list: &Improvements, view: &ReportView<'_>) -> Section {
        let title = self.of("改进及其效果", "Improvements and what they did");
        if list.listed.is_empty() {
            return Section {
                title,
                lead: vec![
                    self.of(
                        "没有计划中的改进，也没有 90 天内上线的改进。",
                        "None is planned, and none shipped in the last 90 days.",
                    )
                    .to_owned(),
                ],
                chart: None,
                table: None,
            };
        }
        let mut lead = vec![
            self.of(
                "效果：该触点在本问卷中的 NPS，上线日之后与之前相同天数相比，截至本月末，最多 90 天。这不是实验：这些天里其他的变化也在其中。",
                "The effect is the NPS of its touchpoint in this survey: as many days after the day it shipped, up to the end of this \
                 month and at most 90, against as many before. It is no experiment: whatever else changed in these days is in it too.",
            )
            .to_owned(),
        ];
        if list.total > u64::try_from(list.listed.len()).unwrap_or(u64::MAX) {
            let total = list.total;
            lead.push(match self.0 {
                Locale::ZhCn => format!("共 {total} 项，此处列出前 {MOST_LISTED} 项。"),
                Locale::En => format!("The first {MOST_LISTED} of {total}."),
            });
        }
        let named = |row: &ImprovementRow| view.names.improvements.get(&row.improvement);
        let name = |row: &ImprovementRow| match named(row) {
            Some(named) => named.title.to_string(),
            None => row.improvement.to_string(),
        };
        let changes = || {
            list.listed.iter().filter_map(|row| {
                let effect = row.effect?;
                Some((
                    row,
                    effect.before.shown().copied()?,
                    effect.change?,
                    effect.after.shown()?.n,
                ))
            })
        };
        let bars = changes().map(|(row, before, change, after)| Bar {
            label: name(row),
            value: change.difference,
            shown: format!("{} · n = {} / {after}", signed(change.difference), before.n),
            interval: Some(change.interval),
            before: None,
            target: None,
        });
        let spoken = changes().map(|(row, _, change, _)| {
            let change = with_range(change.difference, Some(change.interval), self.0, signed);
            (name(row), change)
        });
        let rows = list.listed.iter().map(|row| {
            let owner = named(row).and_then(|named| named.owner.clone());
            let place = row.touchpoint.as_deref();
            let mut cells = vec![
                name(row),
                self.stands(row),
                owner.unwrap_or_else(|| NONE.to_owned()),
                place.map_or_else(|| NONE.to_owned(), |place| touchpoint(place, self.0)),
            ];
            match (&row.effect, row.spans) {
                (Some(effect), Some(spans)) => {
                    let [difference, verdict] = self.change(effect.change.as_ref());
                    cells.extend([
                        self.side(&effect.before, spans.before),
                        self.side(&effect.after, spans.after),
                        difference,
                        verdict,
                    ]);
                }
                _ => cells.extend(std::iter::repeat_n(NONE.to_owned(), 4)),
            }
            cells
        });
        Section {
            title,
            lead,
            chart: changes().next().is_some().then(|| Chart {
                id: "improvements",
                title: self.of("上线前后 NPS 的变化", "Change of the NPS since each shipped").to_owned(),
                caption: self.of(
                    "之后减之前，以分计；线段为 95 % 区间，越过零线即无法与偶然波动区分。",
                    "After less before, in points; lines are 95 % intervals: one that crosses zero cannot be told from chance.",
                ),
                description: self.spoken(spoken),
                drawing: Drawing::Bars(bars.collect()),
            }),
            table: Some(Table {
                columns: vec![
                    self.of("改进", "Improvement"),
                    self.of("进展", "State"),
                    self.of("负责人", "Owner"),
                    self.of("触点", "Touchpoint"),
                    self.of("之前的 NPS（95 % 区间）", "NPS before (95 % interval)"),
                    self.of("之后的 NPS（95 % 区间）", "NPS after (95 % interval)"),
                    self.of("变化", "Change"),
                    self.of("判断", "Verdict"),
                ],
                rows: rows.collect(),
            }),
        }
    }

    /// Where an improvement stands: when it shipped, or is to, and when somebody last said how far it has come.
    fn stands(self, row: &ImprovementRow) -> String {
        let mut parts = vec![match (row.shipped_on, row.due) {
            (Some(day), _) => format!("{} {day}", self.of("已上线", "shipped")),
            (None, Some(day)) => format!("{} {day}", self.of("计划上线", "planned for")),
            (None, None) => self
                .of("计划中，未定日期", "planned, no day set")
                .to_owned(),
        }];
        if row.shipped_on.is_none() {
            parts.extend(
                row.progressed_on
                    .map(|day| format!("{} {day}", self.of("最近进展", "last word"))),
            );
            if row.silent {
                let silent = self.of("超过一周没有进展说明", "no word for more than a week");
                parts.push(silent.to_owned());
            }
        }
        parts.join(self.of("；", "; "))
    }

    /// A score of some days, both included.
    fn side(self, score: &Told<Score>, [first, last]: [jiff::civil::Date; 2]) -> String {
        let between = self.of("；", "; ");
        let days = format!("{first}{}{last}", self.of(" 至 ", " to "));
        told(score, self.0, |score| {
            let value = self.range(score.nps, Some(score.interval));
            format!("{value}{between}n = {}{between}{days}", score.n)
        })
    }

    fn drivers(
        self,
        drivers: &[Driver],
        id: &'static str,
        (title, column): (&'static str, &'static str),
        name: fn(&str, Locale) -> String,
    ) -> Section {
        let bars = drivers.iter().map(|driver| Bar {
            label: name(&driver.name, self.0),
            value: driver.impact,
            shown: format!("{} · n = {}", signed(driver.impact), driver.n),
            interval: Some(driver.interval),
            before: None,
            target: None,
        });
        let impact =
            |driver: &Driver| with_range(driver.impact, Some(driver.interval), self.0, signed);
        let rows = drivers.iter().map(|driver| {
            vec![
                name(&driver.name, self.0),
                impact(driver),
                format!("{} ({} %)", driver.n, decimal(driver.share)),
                decimal(driver.nps_with),
                decimal(driver.nps_without),
                driver.pull.text(self.0).to_owned(),
            ]
        });
        Section {
            title,
            lead: vec![
                self.of(
                    "若没有提及它的人，总体 NPS 会相差多少分。它说明什么同时出现，不说明因果。",
                    "By how many points the score of all differs from that of those who do not mention it. It tells what goes together, not what causes what.",
                )
                .to_owned(),
            ],
            chart: Some(Chart {
                id,
                title: title.to_owned(),
                caption: self.of("线段为 95 % 区间。", "Lines are 95 % intervals."),
                description: self.spoken(
                    drivers.iter().map(|driver| (name(&driver.name, self.0), impact(driver))),
                ),
                drawing: Drawing::Bars(bars.collect()),
            }),
            table: Some(Table {
                columns: vec![
                    column,
                    self.of("影响（95 % 区间）", "Impact (95 % interval)"),
                    self.of("提及者", "Who mention it"),
                    self.of("提及者的 NPS", "Their NPS"),
                    self.of("其他人的 NPS", "NPS of the others"),
                    self.of("判断", "Verdict"),
                ],
                rows: rows.collect(),
            }),
        }
    }
}

/// What is wrong and where: `Experience: Logistics`.
pub(super) fn complaint(of: &ComplaintType, locale: Locale) -> String {
    let what = category(of.category, locale);
    match &of.touchpoint {
        Some(place) => {
            let between = locale.choose("：", ": ");
            format!("{what}{between}{}", touchpoint(place, locale))
        }
        None => what.to_owned(),
    }
}
