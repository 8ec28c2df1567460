//! Text that others chose, made harmless, and cut where a provider's limit is.

/// The longest title, in characters.
pub(crate) const TITLE: usize = 150;
/// The longest text of a line, in characters.
pub(crate) const LINE: usize = 300;
/// The longest address that is linked to, in bytes.
const URL: usize = 1024;

/// One line of visible text: every run of blanks, line ends and control characters is one space; what turns the
/// direction of writing around, or is not seen at all, is gone; what programs take for "tell everybody", or for an
/// address to link to, is not one.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let visible: String = text
        .chars()
        .filter(|c| !hidden(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let joined = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    // Most programs make a link of whatever looks like an address.
    let joined = joined.replace("://", "：//");
    clip(&unmentioned(&joined), most)
}

/// A text to click on where there was none.
pub(crate) fn something(text: String) -> String {
    match text.is_empty() {
        true => "…".to_owned(),
        false => text,
    }
}

/// Writes the `@` of "everybody" in full width. A mailbox keeps its own.
fn unmentioned(text: &str) -> String {
    const EVERYBODY: [&str; 6] = ["all", "channel", "here", "everyone", "所有人", "全体成员"];
    let mut parts = text.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let lower = part.to_lowercase();
        let everybody = EVERYBODY.iter().any(|name| lower.starts_with(name));
        out.push(if everybody { '＠' } else { '@' });
        out.push_str(part);
    }
    out
}

/// At most so many characters, the last of which says that something is missing.
pub(crate) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// For the markdown of WeCom and DingTalk, neither of which documents an escape: what would begin a link, an image, a
/// tag, a mention or an emphasis is written with a character that looks like it. What is left of a name reads the same.
pub(crate) fn markdown(text: &str, most: usize) -> String {
    similar(&plain(text, most), |c| match c {
        '<' => Some('＜'),
        '>' => Some('＞'),
        '[' => Some('［'),
        ']' => Some('］'),
        '*' => Some('＊'),
        '`' => Some('ˋ'),
        '~' => Some('～'),
        '#' => Some('＃'),
        '\\' => Some('＼'),
        '|' => Some('｜'),
        '&' => Some('＆'),
        _ => None,
    })
}

/// For Slack's mrkdwn: the three characters it documents an escape for (Formatting text for app surfaces, "Escaping
/// text"), which are those that mentions and links need; for its emphasis, of which it documents none, look-alikes.
pub(crate) fn mrkdwn(text: &str, most: usize) -> String {
    let text = similar(&plain(text, most), |c| match c {
        '*' => Some('∗'),
        '`' => Some('ˋ'),
        '~' => Some('∼'),
        '|' => Some('¦'),
        _ => None,
    });
    slack_escaped(&text)
}

/// As Slack wants every text.
pub(crate) fn slack_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Replaces characters; an underscore too, unless it stands between letters or digits, where it never emphasizes.
fn similar(text: &str, replace: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let within =
            before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        out.push(match c {
            '_' if !within => '＿',
            c => replace(c).unwrap_or(c),
        });
        before = c;
    }
    out
}

/// An address as every markup can hold it: what could end the link is percent-encoded. `None` if it is not `http` or
/// `https`, or too long to fit.
pub(crate) fn link(url: &str) -> Option<String> {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return None;
    }
    let mut out = String::with_capacity(url.len());
    for byte in url.bytes() {
        let safe = byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'+,;=%".contains(&byte);
        match safe {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    (out.len() <= URL).then_some(out)
}

/// The most of `n` things that fit, if fewer always fit better: all of them, or else as many as leave room for saying
/// how many are missing.
pub(crate) fn most_that_fit(n: usize, fits: impl Fn(usize) -> bool) -> usize {
    if fits(n) {
        return n;
    }
    // `low` fits or is nothing at all; `high` does not.
    let (mut low, mut high) = (0, n);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_visible_line() {
        for (text, expected) in [
            ("  a \r\n\t b\u{0} ", "a b"),
            ("\u{202e}evil\u{2066}\u{200b}", "evil"),
            (
                "ask li@example.com @all now",
                "ask li@example.com ＠all now",
            ),
            ("x@here.example", "x＠here.example"),
            ("@所有人 @Channel", "＠所有人 ＠Channel"),
            ("see https://evil.example", "see https：//evil.example"),
            ("", ""),
        ] {
            assert_eq!(plain(text, 99), expected);
        }
        assert_eq!(plain("回响回响", 3), "回响…");
        assert_eq!(plain("回响回响", 4), "回响回响");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            markdown("[a](b) <@x> **c** _d_ e_f `g` #h", 99),
            "［a］(b) ＜@x＞ ＊＊c＊＊ ＿d＿ e_f ˋgˋ ＃h"
        );
        assert_eq!(
            mrkdwn("<!channel> R&D *b* _i_ a_b <u|v>", 99),
            "&lt;!channel&gt; R&amp;D ∗b∗ ＿i＿ a_b &lt;u¦v&gt;"
        );
    }

    #[test]
    fn links_stay_links() {
        assert_eq!(
            link("https://e.test/a?b=c&d=(e)|<f> 回").as_deref(),
            Some("https://e.test/a?b=c&d=%28e%29%7C%3Cf%3E%20%E5%9B%9E")
        );
        for text in ["", "javascript:alert(1)", "//e.test", "ftp://e.test"] {
            assert_eq!(link(text), None);
        }
        assert_eq!(link(&format!("https://e.test/{}", "x".repeat(1024))), None);
    }

    #[test]
    fn as_many_as_fit() {
        for n in 0..20 {
            for limit in 0..20 {
                // Saying that something is missing takes room too.
                let fits = |k: usize| k + usize::from(k < n) <= limit;
                let expected = (0..=n).rev().find(|k| fits(*k)).unwrap_or(0);
                assert_eq!(most_that_fit(n, fits), expected, "{n} {limit}");
            }
        }
    }
}
