//! Files for spreadsheets: RFC 4180, with a byte order mark, without which Excel reads no Chinese.

use std::fmt;

/// The type of such a body.
pub const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// A file, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv(String);

impl Default for Csv {
    fn default() -> Self {
        Self(String::from("\u{feff}"))
    }
}

/// One cell of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Words, perhaps of somebody else: never taken for a formula.
    Text(&'a str),
    /// A number, also below zero.
    Number(f64),
    /// A count.
    Count(u64),
    /// Nothing.
    Empty,
}

impl Cell<'_> {
    /// A number, if there is one.
    pub fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }

    /// A count, if there is one.
    pub fn count(value: Option<u64>) -> Self {
        value.map_or(Self::Empty, Self::Count)
    }
}

impl Csv {
    /// A file with this header.
    pub fn new(header: &[&str]) -> Self {
        let mut csv = Self::default();
        let cells: Vec<_> = header.iter().map(|name| Cell::Text(name)).collect();
        csv.line(&cells);
        csv
    }

    /// With one line more.
    pub fn line(&mut self, cells: &[Cell<'_>]) {
        let cells: Vec<_> = cells.iter().map(ToString::to_string).collect();
        self.0.push_str(&cells.join(","));
        self.0.push_str("\r\n");
    }

    /// The whole of it.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(words) => f.write_str(&text(words)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Empty => Ok(()),
        }
    }
}

/// Words as a cell. A text that a spreadsheet would take for a formula gets an apostrophe before it: also where blanks stand
/// first, which some strip, and with the full-width signs that Chinese and Japanese ones take for the plain ones.
fn text(words: &str) -> String {
    const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let formula = words.trim_start().starts_with(SIGNS) || words.starts_with(char::is_control);
    let words = if formula {
        format!("'{words}")
    } else {
        words.to_owned()
    };
    if words.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", words.replace('"', "\"\""));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_and_nothing_else() {
        for (words, written) in [
            ("ann", "ann"),
            ("李, \"雷\"", "\"李, \"\"雷\"\"\""),
            ("=1+1", "'=1+1"),
            ("+cmd|'/c calc'!A0", "'+cmd|'/c calc'!A0"),
            ("-2,3", "\"'-2,3\""),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\u{0}x", "'\u{0}x"),
            (" =1+1", "' =1+1"),
            ("\u{a0}\u{3000}@a", "'\u{a0}\u{3000}@a"),
            ("＝1＋1", "'＝1＋1"),
            ("－1", "'－1"),
            ("a\nb", "\"a\nb\""),
            ("3=3", "3=3"),
            ("", ""),
        ] {
            assert_eq!(Cell::Text(words).to_string(), written);
        }
    }

    #[test]
    fn numbers_below_zero_are_numbers() {
        let mut csv = Csv::new(&["key", "n"]);
        csv.line(&[
            Cell::Text("-"),
            Cell::Number(-2.5),
            Cell::Count(3),
            Cell::Empty,
        ]);
        assert_eq!(csv.into_string(), "\u{feff}key,n\r\n'-,-2.5,3,\r\n");
    }
}
