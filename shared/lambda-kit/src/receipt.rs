//! Signed tokens: the private address of a response's status page, and of the page where an address unsubscribes.
//!
//! A token is `{id}.{key version}.{tag}`, the tag being the first 16 bytes of HMAC-SHA256 of the id in base64url. Each purpose
//! has keys of its own, so the token of one opens nothing of the other. It is
//! derived, not stored, so it can be given again; rotating keys keeps old tokens valid as long as their key is listed.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use resound_domain::id::{ContactId, ResponseId};
use ring::hmac;

use crate::http::HttpRequest;
use crate::problem::{Kind, Problem};

/// The length of a tag in bytes: 128 bits, which nobody guesses.
const TAG: usize = 16;
/// The shortest secret, in bytes.
const SHORTEST: usize = 16;

/// A token that opens nothing, as long as those of a system whose keys were rotated fewer than nine times.
pub const SAMPLE: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV.1.AAAAAAAAAAAAAAAAAAAAAA";
/// A token that opens nothing, as long as the longest: where somebody wants to know how long a link can be.
pub const LONGEST: &str = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ.4294967295.AAAAAAAAAAAAAAAAAAAAAA";

/// The keys that sign: `SIGNING_KEYS`, written `2=<secret>,1=<secret>`. The first signs, all verify.
///
/// The secrets are masters: each purpose has a key of its own, derived from them.
#[derive(Clone)]
pub struct SigningKeys {
    receipts: Versions,
    unsubscribing: Versions,
}

/// The keys of one purpose, the one that signs first.
#[derive(Clone, Default)]
struct Versions(Vec<(u32, hmac::Key)>);

/// Why a text is not a list of keys. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// Not `version=secret`, separated by commas.
    #[error("`version=secret`, separated by commas, is expected")]
    Malformed,
    /// A secret shorter than 16 bytes.
    #[error("a secret has fewer than {SHORTEST} bytes")]
    Short,
    /// A version twice.
    #[error("a version is listed twice")]
    Repeated,
}

impl FromStr for SigningKeys {
    type Err = InvalidKeys;

    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let (mut receipts, mut unsubscribing) = (Versions::default(), Versions::default());
        for part in text.split(',') {
            let (version, secret) = part.trim().split_once('=').ok_or(InvalidKeys::Malformed)?;
            let version = version.parse().map_err(|_| InvalidKeys::Malformed)?;
            if secret.len() < SHORTEST {
                return Err(InvalidKeys::Short);
            }
            if receipts.0.iter().any(|(listed, _)| *listed == version) {
                return Err(InvalidKeys::Repeated);
            }
            receipts.0.push((version, derive(secret, "receipt-token")));
            let key = derive(secret, "unsubscribe-token");
            unsubscribing.0.push((version, key));
        }
        Ok(Self {
            receipts,
            unsubscribing,
        })
    }
}

/// Hides the secrets; shows the versions.
impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions = self.receipts.0.iter().map(|(version, _)| version);
        f.debug_list().entries(versions).finish()
    }
}

fn derive(master: &str, purpose: &str) -> hmac::Key {
    let master = hmac::Key::new(hmac::HMAC_SHA256, master.as_bytes());
    hmac::Key::new(
        hmac::HMAC_SHA256,
        hmac::sign(&master, purpose.as_bytes()).as_ref(),
    )
}

impl Versions {
    fn issue(&self, id: &str) -> String {
        // There is a first key: a list that parses has one.
        let Some((version, key)) = self.0.first() else {
            return String::new();
        };
        let tag = tag(key, id);
        format!("{id}.{version}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The id of a token, if one of the keys made it. Takes the same time for every wrong tag.
    fn verify<I: FromStr + fmt::Display>(&self, token: &str) -> Option<I> {
        let mut parts = token.split('.');
        let (id, version, claimed) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let id: I = id.parse().ok()?;
        let listed = |(listed, _): &&(u32, hmac::Key)| listed.to_string() == version;
        let (_, key) = self.0.iter().find(listed)?;
        let claimed = URL_SAFE_NO_PAD.decode(claimed).ok()?;
        let sound =
            claimed.len() == TAG && constant_time_eq(key, &claimed, &tag(key, &id.to_string()));
        sound.then_some(id)
    }
}

impl SigningKeys {
    /// The token of a response: the same one each time, until the first key changes.
    pub fn issue_receipt(&self, id: ResponseId) -> String {
        self.receipts.issue(&id.to_string())
    }

    /// The response of the token in the path of a request.
    ///
    /// # Errors
    /// [`unknown`]
    pub fn asked_for(&self, request: &HttpRequest) -> Result<ResponseId, Problem> {
        let token = request.param("token").unwrap_or_default();
        self.verify_receipt(token).ok_or_else(|| unknown(request))
    }

    /// The response of a token, if one of the keys made it.
    pub fn verify_receipt(&self, token: &str) -> Option<ResponseId> {
        self.receipts.verify(token)
    }

    /// The token by which whoever has this address unsubscribes it. The address is not in it.
    pub fn issue_unsubscribe(&self, contact: ContactId) -> String {
        self.unsubscribing.issue(&contact.to_string())
    }

    /// The address of such a token, if one of the keys made it.
    pub fn verify_unsubscribe(&self, token: &str) -> Option<ContactId> {
        self.unsubscribing.verify(token)
    }
}

/// There is no feedback behind this link: 404.
pub fn unknown(request: &HttpRequest) -> Problem {
    request.problem(Kind::NotFound).detail(
        "链接不完整或不正确，请重新复制完整的链接。",
        "The link is incomplete or wrong. Copy the whole link again.",
    )
}

/// The feedback behind this link is erased: 410.
pub fn erased(request: &HttpRequest) -> Problem {
    request.problem(Kind::Gone).detail(
        "这条反馈已按要求删除。",
        "This feedback has been erased, as requested.",
    )
}

fn tag(key: &hmac::Key, id: &str) -> [u8; TAG] {
    let full = hmac::sign(key, id.as_bytes());
    let mut tag = [0; TAG];
    for (to, from) in tag.iter_mut().zip(full.as_ref()) {
        *to = *from;
    }
    tag
}

/// Compares without telling by its time where the difference is.
///
/// `ring` verifies whole tags only and has no public comparison: so both sides are signed with a key that nobody
/// outside knows, and those tags are compared by `ring`.
fn constant_time_eq(key: &hmac::Key, a: &[u8], b: &[u8]) -> bool {
    hmac::verify(key, a, hmac::sign(key, b).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &str = "1=old-old-old-old-old";
    const BOTH: &str = "2=new-new-new-new-new,1=old-old-old-old-old";

    fn keys(text: &str) -> SigningKeys {
        text.parse().unwrap()
    }

    #[test]
    fn tokens_never_change() {
        // Customers have them in their mail: this text must verify for ever.
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let token = keys(OLD).issue_receipt(id);
        assert_eq!(token, "01ARZ3NDEKTSV4RRFFQ69G5FAV.1.8unziBubLMzhrPltO4At-Q");
        assert_eq!(keys(BOTH).verify_receipt(&token), Some(id));
    }

    #[test]
    fn the_token_of_one_purpose_opens_nothing_of_the_other() {
        let (keys, contact) = (keys(OLD), ContactId::from_bits(7));
        let token = keys.issue_unsubscribe(contact);
        // It is in letters that were sent: this text must verify for ever.
        assert_eq!(token, "00000000000000000000000007.1.Vl-np9cXGOv48V5YpyvqdA");
        assert_eq!(keys.verify_unsubscribe(&token), Some(contact));
        assert_eq!(keys.verify_receipt(&token), None);
        let receipt = keys.issue_receipt(ResponseId::from_bits(7));
        assert_eq!(keys.verify_unsubscribe(&receipt), None);
    }

    #[test]
    fn a_new_key_signs_and_the_old_one_verifies_until_it_is_dropped() {
        let id = ResponseId::from_bits(7);
        let new = keys(BOTH).issue_receipt(id);
        assert!(new.starts_with(&format!("{id}.2.")));
        assert_eq!(keys(BOTH).verify_receipt(&new), Some(id));
        assert_eq!(keys(OLD).verify_receipt(&new), None);
    }

    #[test]
    fn no_token_is_longer_than_the_longest() {
        let keys = keys(&format!("{}=old-old-old-old-old", u32::MAX));
        let token = keys.issue_receipt(ResponseId::from_bits(u128::MAX));
        assert_eq!(token.len(), LONGEST.len());
        assert_eq!(keys.verify_receipt(LONGEST), None);
        let usual = super::tests::keys(OLD);
        let token = usual.issue_receipt(ResponseId::from_bits(7));
        assert_eq!(token.len(), SAMPLE.len());
        assert_eq!(usual.verify_receipt(SAMPLE), None);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        for (text, expected) in [
            ("", InvalidKeys::Malformed),
            ("secret-secret-secret", InvalidKeys::Malformed),
            ("x=secret-secret-secret", InvalidKeys::Malformed),
            ("1=short", InvalidKeys::Short),
            (
                "1=secret-secret-secret,1=secret-secret-secret",
                InvalidKeys::Repeated,
            ),
        ] {
            assert_eq!(text.parse::<SigningKeys>().err(), Some(expected), "{text}");
        }
        assert_eq!(format!("{:?}", keys(BOTH)), "[2, 1]");
    }

    proptest! {
        #[test]
        fn every_token_verifies_and_no_other(bits: u128, at in 0usize..50, byte in "[ -~]") {
            let (keys, id) = (keys(BOTH), ResponseId::from_bits(bits));
            let token = keys.issue_receipt(id);
            prop_assert_eq!(keys.verify_receipt(&token), Some(id));
            let mut other = token.clone();
            let at = at % token.len();
            other.replace_range(at..=at, &byte);
            if other != token {
                prop_assert_eq!(keys.verify_receipt(&other), None, "{}", other);
            }
        }

        #[test]
        fn no_text_panics(token in ".{0,80}") {
            prop_assert_eq!(keys(OLD).verify_receipt(&token), None);
        }
    }

    #[test]
    fn wycheproof_tags_verify_as_they_should() {
        let mut seen = 0;
        for vector in crate::vectors("hmac_sha256") {
            let hex = |name: &str| -> Vec<u8> {
                let text = vector[name].as_str().unwrap();
                (0..text.len())
                    .step_by(2)
                    .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
                    .collect()
            };
            let key = hmac::Key::new(hmac::HMAC_SHA256, &hex("key_hex"));
            let tag = hmac::sign(&key, &hex("msg_hex"));
            let claimed = hex("tag_hex");
            let same = constant_time_eq(&key, &tag.as_ref()[..claimed.len()], &claimed);
            assert_eq!(same, vector["expected"] == "valid", "{}", vector["id"]);
            seen += 1;
        }
        assert!(seen > 10);
    }
}
