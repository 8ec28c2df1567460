//! Charts as inline SVG: no script, no style of their own, and intervals as whiskers or bands.
//!
//! They are drawn 360 units wide, so that letters can be read on a phone, and grow with the page. Colours come from classes of
//! the page's style sheet, dark or light; without it they are black on what is there. What a chart shows stands in a table
//! beside it; who hears the page is told its title and what it says in one sentence.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use super::words::decimal;
use crate::text::Clean;

/// The width that everything is drawn in.
const WIDTH: f64 = 360.0;
/// What is left free at both sides, for the numbers of the axis.
const MARGIN: f64 = 14.0;
/// How wide a label may be: a Chinese character counts two.
const LABEL: usize = 30;

/// A row of a chart of rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    /// What it is of.
    pub(super) label: String,
    /// The estimate, on the axis.
    pub(super) value: f64,
    /// The number as the label shows it.
    pub(super) shown: String,
    /// Its interval.
    pub(super) interval: Option<[f64; 2]>,
    /// The same in the period before.
    pub(super) before: Option<f64>,
    /// What it shall be.
    pub(super) target: Option<f64>,
}

/// A point of a trend; `None` where nothing is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    /// What it is of.
    pub(super) label: String,
    /// The estimate and its interval.
    pub(super) value: Option<(f64, [f64; 2])>,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Drawing {
    /// Bars from zero, each with its interval.
    Bars(Vec<Bar>),
    /// Dots, each with its interval, the value before as a ring and the target as a stroke.
    Dots(Vec<Bar>),
    /// A line with its band.
    Trend(Vec<Point>),
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    /// Unique in its page.
    pub(super) id: &'static str,
    /// What it shows.
    pub(super) title: String,
    /// How it is to be read, for who sees it.
    pub(super) caption: &'static str,
    /// What it says, for who does not.
    pub(super) description: String,
    /// What is drawn.
    pub(super) drawing: Drawing,
}

impl Chart {
    /// The chart, if anything is in it.
    pub(super) fn render(&self) -> Markup {
        let (body, height) = match &self.drawing {
            Drawing::Bars(bars) => rows(bars, true),
            Drawing::Dots(bars) => rows(bars, false),
            Drawing::Trend(points) => trend(points),
        };
        let (title, description) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        html! {
            svg.chart viewBox=(format!("0 0 {WIDTH} {}", number(height))) role="img"
                aria-labelledby=(format!("{title} {description}")) xmlns="http://www.w3.org/2000/svg" {
                title id=(title) { (Clean(&self.title)) }
                desc id=(description) { (Clean(&self.description)) }
                (PreEscaped(body))
            }
        }
    }
}

/// A coordinate, to a tenth.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0")
        .map_or_else(|| text.clone(), str::to_owned)
}

/// An axis from one round number to another.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    /// Holds zero and every one of these.
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((0.0f64, 0.0f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let span = (high - low).max(1.0);
        // At most five marks.
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0];
        let step = steps.into_iter().find(|step| span / step <= 5.0);
        let step = step.unwrap_or(100.0);
        Self {
            low: (low / step).floor() * step,
            high: ((high / step).ceil() * step).max(step),
            step,
        }
    }

    fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (value.clamp(self.low, self.high) - self.low) / (self.high - self.low) * (to - from)
    }

    fn marks(&self) -> impl Iterator<Item = f64> {
        let (low, high, step) = (self.low, self.high, self.step);
        (0..=12u32)
            .map(move |n| low + f64::from(n) * step)
            .take_while(move |mark| *mark <= high)
    }
}

/// As much of a text as fits, escaped.
fn label(text: &str) -> Markup {
    let mut width = 0;
    let fits: String = text
        .chars()
        .take_while(|c| {
            width += if c.is_ascii() { 1 } else { 2 };
            width <= LABEL
        })
        .collect();
    let cut = fits.len() < text.len();
    html! { (Clean(&fits)) @if cut { "…" } }
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, class: &str, what: &Markup) {
    // Writing into a string does not fail.
    let _written = write!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>",
        number(x),
        number(y),
        what.0
    );
}

fn line(out: &mut String, class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
    let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(number);
    let _written = write!(
        out,
        "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
    );
}

fn circle(out: &mut String, class: &str, x: f64, y: f64, r: f64) {
    let [x, y, r] = [x, y, r].map(number);
    let _written = write!(
        out,
        "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>"
    );
}

/// Where the parts of a row stand.
struct Layout {
    /// How high a row is.
    row: f64,
    /// From where to where the axis goes.
    axis: [f64; 2],
    /// How far above the axis the texts are.
    texts: f64,
}

impl Layout {
    /// Names stand above their bars; scores, which are short, before them.
    fn of(bars: &[Bar]) -> Self {
        match bars.iter().all(|bar| bar.label.len() <= 2) {
            true => Self {
                row: 22.0,
                axis: [MARGIN + 22.0, WIDTH - 96.0],
                texts: -4.0,
            },
            false => Self {
                row: 40.0,
                axis: [MARGIN, WIDTH - MARGIN],
                texts: 15.0,
            },
        }
    }
}

fn rows(bars: &[Bar], filled: bool) -> (String, f64) {
    let values = bars.iter().flat_map(|bar| {
        let interval = bar.interval.into_iter().flatten();
        interval
            .chain([bar.value])
            .chain(bar.before)
            .chain(bar.target)
    });
    let axis = Axis::over(values);
    let Layout {
        row,
        axis: [left, right],
        texts,
    } = Layout::of(bars);
    let at = |value| axis.place(value, left, right);
    let mut out = String::new();
    let mut bottom = 0.0;
    for bar in bars {
        bottom += row;
        let middle = bottom - 10.0;
        let above = middle - texts;
        text(
            &mut out,
            MARGIN,
            above,
            "start",
            "label",
            &label(&bar.label),
        );
        text(
            &mut out,
            WIDTH - MARGIN,
            above,
            "end",
            "value",
            &label(&bar.shown),
        );
        let (zero, value) = (at(0.0), at(bar.value));
        line(&mut out, "rail", [left, middle], [right, middle]);
        line(&mut out, "zero", [zero, middle - 9.0], [zero, middle + 9.0]);
        if filled {
            let (start, width) = (zero.min(value), (zero - value).abs());
            let [start, top, width] = [start, middle - 6.0, width].map(number);
            let _written = write!(
                out,
                "<rect class=\"bar\" x=\"{start}\" y=\"{top}\" width=\"{width}\" height=\"12\"/>"
            );
        }
        if let Some([low, high]) = bar.interval {
            let (low, high) = (at(low), at(high));
            line(&mut out, "whisker", [low, middle], [high, middle]);
            line(
                &mut out,
                "whisker",
                [low, middle - 4.0],
                [low, middle + 4.0],
            );
            line(
                &mut out,
                "whisker",
                [high, middle - 4.0],
                [high, middle + 4.0],
            );
        }
        if let Some(target) = bar.target {
            let target = at(target);
            line(
                &mut out,
                "target",
                [target, middle - 9.0],
                [target, middle + 9.0],
            );
        }
        if let Some(before) = bar.before {
            circle(&mut out, "ring", at(before), middle, 3.5);
        }
        if !filled {
            circle(&mut out, "dot", value, middle, 4.0);
        }
    }
    bottom += 14.0;
    for mark in axis.marks() {
        let number = html! { (tick(mark)) };
        text(&mut out, at(mark), bottom, "middle", "tick", &number);
    }
    (out, bottom + 6.0)
}

/// The number of a mark, which is a whole one.
fn tick(mark: f64) -> String {
    let text = decimal(mark);
    text.strip_suffix(".0")
        .map_or_else(|| text.clone(), str::to_owned)
}

fn trend(points: &[Point]) -> (String, f64) {
    const TOP: f64 = 10.0;
    const BOTTOM: f64 = 170.0;
    const LEFT: f64 = 34.0;
    const NAME: f64 = 30.0;
    let shown = points.iter().filter_map(|point| point.value);
    let axis = Axis::over(shown.flat_map(|(_, interval)| interval));
    let y = |value| axis.place(value, BOTTOM, TOP);
    let gaps = u32::try_from(points.len().saturating_sub(1))
        .unwrap_or(0)
        .max(1);
    // A name is wider than a point: half of it stands beyond the last one, in whatever font a page is shown.
    let step = (WIDTH - LEFT - MARGIN - NAME) / f64::from(gaps);
    let mut x = LEFT + MARGIN;
    let mut placed = Vec::new();
    for point in points {
        placed.push((x, point));
        x += step;
    }
    let mut out = String::new();
    for mark in axis.marks() {
        let class = if mark == 0.0 { "zero" } else { "rail" };
        line(&mut out, class, [LEFT, y(mark)], [WIDTH - 4.0, y(mark)]);
        text(
            &mut out,
            LEFT - 4.0,
            y(mark) + 3.5,
            "end",
            "tick",
            &html! { (tick(mark)) },
        );
    }
    // One band and one line for each run of months that are shown.
    for run in placed.split(|(_, point)| point.value.is_none()) {
        let values: Vec<(f64, f64, [f64; 2])> = run
            .iter()
            .filter_map(|(x, point)| point.value.map(|(value, interval)| (*x, value, interval)))
            .collect();
        if values.len() > 1 {
            let upper = values.iter().map(|(x, _, [_, high])| (*x, *high));
            let lower = values.iter().rev().map(|(x, _, [low, _])| (*x, *low));
            let band: Vec<String> = upper
                .chain(lower)
                .map(|(x, value)| format!("{},{}", number(x), number(y(value))))
                .collect();
            let _written = write!(
                out,
                "<polygon class=\"band\" points=\"{}\"/>",
                band.join(" ")
            );
            let path: Vec<String> = values
                .iter()
                .map(|(x, value, _)| format!("{},{}", number(*x), number(y(*value))))
                .collect();
            let _written = write!(
                out,
                "<polyline class=\"line\" points=\"{}\"/>",
                path.join(" ")
            );
        }
        for (x, value, [low, high]) in values {
            line(&mut out, "whisker", [x, y(low)], [x, y(high)]);
            circle(&mut out, "dot", x, y(value), 3.5);
        }
    }
    // Not every month has room for its name.
    let every = points.len().div_ceil(6).max(1);
    for (place, (x, point)) in placed.iter().rev().enumerate() {
        if place % every == 0 {
            text(
                &mut out,
                *x,
                BOTTOM + 16.0,
                "middle",
                "tick",
                &label(&point.label),
            );
        }
    }
    (out, BOTTOM + 24.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: f64, interval: [f64; 2]) -> Bar {
        Bar {
            label: "<script>alert(1)</script> \"&' \u{0}".to_owned(),
            value,
            shown: decimal(value),
            interval: Some(interval),
            before: Some(-10.0),
            target: Some(50.0),
        }
    }

    #[test]
    fn outside_names_are_text() {
        let chart = Chart {
            id: "x",
            title: "</title><script>".to_owned(),
            caption: "",
            description: "]]>&".to_owned(),
            drawing: Drawing::Dots(vec![bar(1.0, [0.0, 2.0])]),
        };
        let svg = chart.render().into_string();
        assert!(!svg.contains("<script") && !svg.contains('\0'), "{svg}");
        assert!(svg.contains("&lt;script&gt;"), "{svg}");
        insta::assert_snapshot!(svg.replace("><", ">\n<"));
    }

    #[test]
    fn an_axis_holds_what_is_drawn() {
        for (values, low, high, step) in [
            (&[][..], 0.0, 1.0, 1.0),
            (&[3.2, 9.7], 0.0, 10.0, 2.0),
            (&[-94.0, 38.0], -100.0, 50.0, 50.0),
            (&[-200.0, 200.0], -200.0, 200.0, 100.0),
            (&[-3.0], -3.0, 1.0, 1.0),
        ] {
            let axis = Axis::over(values.iter().copied());
            assert_eq!(
                (axis.low, axis.high, axis.step),
                (low, high, step),
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_trend_has_a_gap_where_nothing_is_shown() {
        let point = |value: Option<f64>| Point {
            label: "2026-11".to_owned(),
            value: value.map(|value| (value, [value - 5.0, value + 5.0])),
        };
        let points = [
            Some(1.0),
            Some(2.0),
            None,
            Some(3.0),
            None,
            Some(4.0),
            Some(5.0),
        ];
        let (svg, _) = trend(&points.map(point));
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 5);
    }
}
