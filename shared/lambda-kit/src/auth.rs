//! Who calls, and what the token allows.
//!
//! API Gateway has verified the token before a function is called. Functions look at the scopes again, so that a
//! route that lost its authorizer refuses everybody instead of nobody.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A permission that a token may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read cases and their timelines.
    CasesRead,
    /// Command cases.
    CasesWrite,
    /// Read numbers.
    ReportsRead,
    /// Configure.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::CasesRead,
        Self::CasesWrite,
        Self::ReportsRead,
        Self::Admin,
    ];

    /// Its name in tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CasesRead => "resound/cases.read",
            Self::CasesWrite => "resound/cases.write",
            Self::ReportsRead => "resound/reports.read",
            Self::Admin => "resound/admin",
        }
    }
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose token it is: the `sub` claim. Never empty.
    pub sub: String,
    scopes: BTreeSet<String>,
}

impl Claims {
    /// Whether the token carries a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(scope.name())
    }
}

/// `requestContext.authorizer` of an HTTP API event.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Authorizer {
    #[serde(default)]
    jwt: Option<Jwt>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Jwt {
    #[serde(default)]
    claims: Option<Map<String, Value>>,
    #[serde(default)]
    scopes: Option<Vec<Value>>,
}

impl Authorizer {
    /// The claims, if there are any that name a subject.
    ///
    /// API Gateway makes every claim a string, a list as `[a b]`. `scopes` is filled only on routes that demand some.
    pub(crate) fn into_claims(self) -> Option<Claims> {
        let jwt = self.jwt?;
        let claims = jwt.claims.unwrap_or_default();
        let text = |name: &str| {
            claims
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let listed = jwt.scopes.iter().flatten().filter_map(Value::as_str);
        let claimed = text("scope")
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .split_ascii_whitespace();
        Some(Claims {
            sub: text("sub")?.to_owned(),
            scopes: listed.chain(claimed).map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(jwt: Value) -> Option<Claims> {
        serde_json::from_value::<Authorizer>(json!({ "jwt": jwt }))
            .unwrap()
            .into_claims()
    }

    #[test]
    fn scopes_come_from_the_list_and_the_claim() {
        for jwt in [
            json!({"claims": {"sub": "u1", "scope": "openid resound/cases.read"}, "scopes": null}),
            json!({"claims": {"sub": "u1", "exp": "1"}, "scopes": ["resound/cases.read"]}),
            json!({"claims": {"sub": "u1", "scope": "[resound/cases.read other]"}}),
        ] {
            let claims = claims(jwt).unwrap();
            assert_eq!(claims.sub, "u1");
            assert!(claims.allows(Scope::CasesRead));
            assert!(!claims.allows(Scope::CasesWrite));
            assert!(!claims.allows(Scope::Admin));
        }
    }

    #[test]
    fn nobody_is_nobody() {
        for jwt in [
            json!(null),
            json!({}),
            json!({"claims": {"sub": ""}}),
            json!({"claims": {"sub": 7, "scope": "resound/admin"}}),
            json!({"claims": {}, "scopes": ["resound/admin"]}),
        ] {
            assert_eq!(claims(jwt.clone()), None, "{jwt}");
        }
        assert!(
            !claims(json!({"claims": {"sub": "u"}, "scopes": [1, {}]}))
                .unwrap()
                .allows(Scope::Admin)
        );
    }
}
