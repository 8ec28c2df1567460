//! The header that carries a trace: `X-Amzn-Trace-Id`.
//!
//! Whatever a client sends in it ends as an id or as nothing: no text of theirs is logged or kept.

use resound_domain::trace::TraceId;

/// The name of the header, in lower case.
pub const HEADER: &str = "x-amzn-trace-id";

/// The name of the header that our letters carry the trace in.
pub const MAIL_HEADER: &str = "X-Resound-Trace";

/// The trace that a header names as its root; the first one if several headers were joined.
///
/// A client may send any id it likes, also one that others have used: it ties logs together and grants nothing.
pub fn root(header: &str) -> Option<TraceId> {
    header
        .split([';', ','])
        .filter_map(|field| field.trim().strip_prefix("Root="))
        .find_map(|root| root.parse().ok())
}

/// The header of a trace, without a decision whether it is sampled.
pub fn header(trace: TraceId) -> String {
    format!("Root={trace}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_root_is_found() {
        let id = "1-5759e988-bd862e3fe1be46a994272793";
        for header in [
            format!("Root={id}"),
            format!("Root={id};Parent=53995c3f42cd8ad8;Sampled=1"),
            format!("Self=1-67891234-12456789abcdef012345678;Root={id};CalledFrom=app"),
            format!("Root=1-nonsense, Root={id}"),
            format!(" Sampled=? ; Root={id} ; Lineage=a87bd80c:0|68fd508a:5"),
        ] {
            assert_eq!(
                root(&header).map(|id| id.to_string()),
                Some(id.to_owned()),
                "{header}"
            );
        }
        for none in [
            "",
            "Root=",
            "Parent=53995c3f42cd8ad8",
            id,
            "Root=\"><script>",
            "Root=1-\n",
        ] {
            assert_eq!(root(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_on_is_read_again(second: u32, random: u128) {
            let id = TraceId::new(second, random);
            prop_assert_eq!(root(&header(id)), Some(id));
        }

        #[test]
        fn no_header_panics(text in ".*") {
            let _ignored = root(&text);
        }
    }
}
