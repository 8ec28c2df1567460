//! Words that came from outside.

use maud::{Escaper, Render};
use std::fmt::Write;

/// Text from outside, as text: escaped, and without the control characters that no HTML document may hold
/// (NUL and its kin become U+FFFD; tab and line breaks stay).
///
/// Right-to-left text and bidirectional controls are kept, because people write them; the element around it
/// isolates them (`dir="auto"`, `bdi`).
pub(crate) struct Clean<'a>(pub(crate) &'a str);

impl Render for Clean<'_> {
    fn render_to(&self, out: &mut String) {
        let mut escaped = Escaper::new(out);
        for (i, run) in self.0.split(is_forbidden).enumerate() {
            let written = if i > 0 {
                escaped.write_char('\u{FFFD}')
            } else {
                Ok(())
            }
            .and_then(|()| escaped.write_str(run));
            debug_assert!(written.is_ok(), "writing into a string does not fail");
        }
    }
}

fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::html;

    #[test]
    fn outside_text_is_text() {
        let hostile = "a\0<b>\"'&\u{1b}[1m\r\n\t\u{202e}مرحبا 🙂\u{7f}";
        assert_eq!(
            html! { (Clean(hostile)) }.into_string(),
            "a\u{fffd}&lt;b&gt;&quot;'&amp;\u{fffd}[1m\r\n\t\u{202e}مرحبا 🙂\u{fffd}"
        );
    }
}
