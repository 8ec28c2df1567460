//! Staff tokens of the local stack: JSON Web Tokens under a secret that is made once per data folder.
//!
//! They stand in for the company's identity provider. They expire by machine time, like real ones.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use resound_lambda_kit::auth::{Role, Scope};
use ring::hmac;
use serde_json::{Map, Value, json};

/// Who issued a token, and for whom: both must be in it.
const ISSUER: &str = "resound-local";
const AUDIENCE: &str = "resound";
/// How long a token is good, in seconds.
const LIFETIME: i64 = 12 * 60 * 60;

/// What a token can be had for besides the roles of staff: less than any of them.
const PARTS: [(&str, Scope); 2] = [
    ("analyst", Scope::ReportsRead),
    ("viewer", Scope::CasesRead),
];

/// The names that a token can be had for.
pub fn names() -> impl Iterator<Item = &'static str> {
    let roles = Role::ALL.into_iter().map(Role::name);
    roles.chain(PARTS.into_iter().map(|(name, _)| name))
}

/// The scopes of a name.
fn scopes_of(name: &str) -> Option<Vec<&'static str>> {
    let role = Role::ALL.into_iter().find(|role| role.name() == name);
    if let Some(role) = role {
        return Some(role.scopes().map(Scope::name).collect());
    }
    let (_, scope) = PARTS.into_iter().find(|(part, _)| *part == name)?;
    Some(vec![scope.name()])
}

/// Issues and checks tokens.
pub struct Tokens {
    key: hmac::Key,
}

/// The claims of a token that was checked.
pub type Claims = Map<String, Value>;

impl Tokens {
    /// Tokens under this secret.
    pub fn new(secret: &str) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        }
    }

    /// A token for one of the [`names`]; `None` if there is no such name.
    pub fn issue(&self, role: &str, machine_now: Timestamp) -> Option<String> {
        let scope = scopes_of(role)?.join(" ");
        let now = machine_now.as_second();
        Some(self.sign(&json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": role, "scope": scope, "iat": now, "exp": now + LIFETIME,
        })))
    }

    fn sign(&self, claims: &Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of a token that is ours and good at this machine time.
    pub fn check(&self, token: &str, machine_now: Timestamp) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).ok()?;
        // Only what we signed gets here, so the header is ours as well.
        let (_, claims) = signed.split_once('.')?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let good = claims.get("exp")?.as_i64()? > machine_now.as_second()
            && claims.get("iss")? == ISSUER
            && claims.get("aud")? == AUDIENCE;
        good.then_some(claims)
    }
}

/// The claims as API Gateway hands them on: every value is text.
pub fn stringified(claims: &Claims) -> Map<String, Value> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    claims
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(text(value))))
        .collect()
}

/// The scopes of a token.
pub fn scopes(claims: &Claims) -> Vec<&str> {
    claims
        .get("scope")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split_whitespace()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_it_expires() {
        let tokens = Tokens::new("secret");
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let token = tokens.issue("viewer", now).unwrap();
        let claims = tokens.check(&token, now).unwrap();
        assert_eq!(scopes(&claims), ["resound/cases.read"]);
        assert_eq!(
            stringified(&claims)["exp"],
            (now.as_second() + LIFETIME).to_string()
        );
        let last = Timestamp::from_second(now.as_second() + LIFETIME - 1).unwrap();
        assert!(tokens.check(&token, last).is_some());
        assert!(
            tokens
                .check(
                    &token,
                    Timestamp::from_second(last.as_second() + 1).unwrap()
                )
                .is_none()
        );
        assert_eq!(tokens.issue("king", now), None);
    }

    #[test]
    fn what_we_did_not_sign_is_refused() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let tokens = Tokens::new("secret");
        let foreign = Tokens::new("other").issue("admin", now).unwrap();
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            URL_SAFE_NO_PAD.encode("{}")
        );
        let elsewhere = tokens.sign(&json!({"iss": "else", "aud": AUDIENCE, "exp": i64::MAX}));
        let endless = tokens.sign(&json!({"iss": ISSUER, "aud": AUDIENCE}));
        let mut changed = tokens.issue("viewer", now).unwrap();
        changed.insert(30, 'A');
        for token in [
            foreign.as_str(),
            &none,
            &elsewhere,
            &endless,
            &changed,
            "",
            ".",
            "..",
            "a.b.c",
            "é.é.é",
        ] {
            assert!(tokens.check(token, now).is_none(), "{token}");
        }
    }
}
