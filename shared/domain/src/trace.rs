//! The trace: which request everything about a response and its case began with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// Names the request that brought a submission in: 128 bits, made outside the model and passed in.
///
/// It ties logs, events and letters together and decides nothing. Written as AWS X-Ray writes them: `1-`, the second
/// of the request in 8 hexadecimal digits, `-`, and 24 random ones. The same bits are a W3C trace id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceId(u128);

/// Why a text is not a trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a trace id: `1-`, 8 hexadecimal digits, `-` and 24 more are expected")]
pub struct InvalidTraceId;

/// Bits that are random, below the second of the request.
const RANDOM_BITS: u32 = 96;

impl TraceId {
    /// The id of a request in this second since 1970, with these random bits (the lowest 96 count).
    pub const fn new(second: u32, random: u128) -> Self {
        let second = (second as u128) << RANDOM_BITS;
        Self(second | (random & ((1 << RANDOM_BITS) - 1)))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let random = self.0 & ((1 << RANDOM_BITS) - 1);
        write!(f, "1-{:08x}-{random:024x}", self.0 >> RANDOM_BITS)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl FromStr for TraceId {
    type Err = InvalidTraceId;

    /// Digits may be in either case; they are written in lower case.
    fn from_str(text: &str) -> Result<Self, InvalidTraceId> {
        let (second, random) = text
            .strip_prefix("1-")
            .and_then(|rest| rest.split_once('-'))
            .ok_or(InvalidTraceId)?;
        // `from_str_radix` would take a sign.
        let digits = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit())
        };
        if !digits(second, 8) || !digits(random, 24) {
            return Err(InvalidTraceId);
        }
        let second = u32::from_str_radix(second, 16).map_err(|_| InvalidTraceId)?;
        let random = u128::from_str_radix(random, 16).map_err(|_| InvalidTraceId)?;
        Ok(Self::new(second, random))
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TraceId {
    type Error = InvalidTraceId;

    fn try_from(text: String) -> Result<Self, InvalidTraceId> {
        text.parse()
    }
}

/// Reads a trace id where one is kept or sent. One that is missing, or that this code cannot read, is none: what only
/// ties logs together must not stop work.
///
/// # Errors
/// Those of the format, if the value is neither text nor null.
pub fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TraceId>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// A trace id kept as its 16 bytes, where 35 characters would take an item over a size that is paid for. Read as
/// leniently as by [`lenient`].
pub mod compact {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use super::TraceId;

    /// Writes the bytes.
    ///
    /// # Errors
    /// Those of the format.
    pub fn serialize<S: Serializer>(id: &Option<TraceId>, to: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(TraceId(bits)) => to.serialize_bytes(&bits.to_be_bytes()),
            None => to.serialize_none(),
        }
    }

    /// Reads the bytes; none if there are not 16 of them.
    ///
    /// # Errors
    /// Those of the format, if the value is not bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TraceId>, D::Error> {
        from.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Option<TraceId>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the bytes of a trace id")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            let bytes = bytes.try_into().ok();
            Ok(bytes.map(|bytes| TraceId(u128::from_be_bytes(bytes))))
        }

        // As JSON has bytes.
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            self.visit_bytes(&bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_ids_are_read() {
        let id: TraceId = "1-5759e988-bd862e3fe1be46a994272793".parse().unwrap();
        assert_eq!(
            id,
            TraceId::new(0x5759_e988, 0xbd86_2e3f_e1be_46a9_9427_2793)
        );
        let upper: TraceId = "1-5759E988-BD862E3FE1BE46A994272793".parse().unwrap();
        assert_eq!(upper, id);
        for hostile in [
            "",
            "1-",
            "1--",
            "2-5759e988-bd862e3fe1be46a994272793",
            "1-5759e988-bd862e3fe1be46a99427279",
            "1-5759e988-bd862e3fe1be46a9942727930",
            "1-+759e988-bd862e3fe1be46a994272793",
            "1-5759e988-bd862e3fe1be46a99427279\n",
            "1-5759e988-bd862e3fe1be46a994272793 ",
            "1-5759e988-bd862e3fe1be46a99427279é",
            "1-５759e98-bd862e3fe1be46a994272793",
            "1-5759e988-bd862e3fe1be46a994272793-1",
        ] {
            assert_eq!(
                hostile.parse::<TraceId>(),
                Err(InvalidTraceId),
                "{hostile:?}"
            );
        }
    }

    #[test]
    fn what_is_no_id_is_none() {
        #[derive(Deserialize)]
        struct Kept {
            #[serde(default, deserialize_with = "lenient")]
            trace_id: Option<TraceId>,
        }
        let read = |json: &str| serde_json::from_str::<Kept>(json).unwrap().trace_id;
        let id = TraceId::new(1, 2);
        assert_eq!(read(&format!(r#"{{"trace_id":"{id}"}}"#)), Some(id));
        for none in [
            "{}",
            r#"{"trace_id":null}"#,
            r#"{"trace_id":"00-newer-form"}"#,
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn bytes_that_are_no_id_are_none() {
        #[derive(Serialize, Deserialize)]
        struct Kept {
            #[serde(default, skip_serializing_if = "Option::is_none", with = "compact")]
            trace: Option<TraceId>,
        }
        let trace = Some(TraceId::new(0x5759_e988, 7));
        let json = serde_json::to_string(&Kept { trace }).unwrap();
        assert_eq!(json, r#"{"trace":[87,89,233,136,0,0,0,0,0,0,0,0,0,0,0,7]}"#);
        let read = |json: &str| serde_json::from_str::<Kept>(json).unwrap().trace;
        assert_eq!(read(&json), trace);
        for none in ["{}", r#"{"trace":[]}"#, r#"{"trace":[1,2]}"#] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn ids_are_read_as_they_are_written(second: u32, random: u128) {
            let id = TraceId::new(second, random);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 35);
            prop_assert_eq!(text.parse(), Ok(id));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ignored = text.parse::<TraceId>();
        }
    }
}
