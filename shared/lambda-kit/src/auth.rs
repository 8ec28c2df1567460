//! Who calls, and what the token allows.
//!
//! API Gateway has verified the token before a function is called. Functions look at what it allows again, so that a
//! route that lost its authorizer refuses everybody instead of nobody. A token carries scopes, or the roles that stand
//! for them, as its issuer likes.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A permission that a token may carry. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read cases and their timelines, and the rules they go by.
    CasesRead,
    /// Command cases.
    CasesWrite,
    /// Assign the cases of others, and look after the events that are stuck.
    CasesManage,
    /// Read numbers.
    ReportsRead,
    /// Publish rules and recipients.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::CasesRead,
        Self::CasesWrite,
        Self::CasesManage,
        Self::ReportsRead,
        Self::Admin,
    ];

    /// Its name in tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CasesRead => "resound/cases.read",
            Self::CasesWrite => "resound/cases.write",
            Self::CasesManage => "resound/cases.manage",
            Self::ReportsRead => "resound/reports.read",
            Self::Admin => "resound/admin",
        }
    }

    /// The lowest role that has it.
    pub const fn role(self) -> Role {
        match self {
            Self::CasesRead | Self::CasesWrite => Role::Agent,
            Self::CasesManage | Self::ReportsRead => Role::Lead,
            Self::Admin => Role::Admin,
        }
    }
}

/// What somebody is among staff: each has the scopes of those below it too. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Works cases.
    Agent,
    /// Looks after agents: assigns their cases, reads the numbers, mends what is stuck.
    Lead,
    /// Decides on the rules.
    Admin,
}

impl Role {
    /// All of them, from the lowest.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Lead, Self::Admin];

    /// Its name in tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Lead => "lead",
            Self::Admin => "admin",
        }
    }

    /// The scopes it stands for.
    pub fn scopes(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| scope.role() <= self)
    }
}

/// Every route that needs a token, as the template writes it, and the scope it asks for. Tests hold the template, the
/// description of the API and the functions to it.
pub const ROUTES: &[(&str, Scope)] = &[
    ("GET /v1/cases", Scope::CasesRead),
    ("GET /v1/cases/{id}", Scope::CasesRead),
    ("POST /v1/cases/{id}/commands", Scope::CasesWrite),
    ("POST /v1/suppressions", Scope::CasesManage),
    ("POST /v1/suppressions/lookup", Scope::CasesManage),
    ("POST /v1/suppressions/lift", Scope::Admin),
    ("GET /v1/nps", Scope::ReportsRead),
    ("GET /v1/nps/radar", Scope::ReportsRead),
    ("GET /v1/nps/index", Scope::ReportsRead),
    ("GET /v1/nps/volatility", Scope::ReportsRead),
    ("GET /v1/nps/assessments", Scope::ReportsRead),
    ("GET /v1/nps/corrections", Scope::ReportsRead),
    ("GET /v1/reports", Scope::ReportsRead),
    ("GET /v1/reports/{kind}/{period}", Scope::ReportsRead),
    ("GET /v1/nps/replay", Scope::ReportsRead),
    ("POST /v1/nps/replay", Scope::Admin),
    ("GET /v1/assignment", Scope::CasesRead),
    ("PUT /v1/assignment", Scope::Admin),
    ("GET /v1/surveys/{survey}/figures/{day}", Scope::ReportsRead),
    ("PUT /v1/surveys/{survey}/figures/{day}", Scope::Admin),
    ("GET /v1/targets", Scope::ReportsRead),
    ("PUT /v1/targets", Scope::Admin),
    ("GET /v1/templates", Scope::CasesRead),
    ("PUT /v1/templates", Scope::Admin),
    ("POST /v1/templates/preview", Scope::Admin),
    ("POST /v1/templates/test", Scope::Admin),
    ("GET /v1/policy", Scope::CasesRead),
    ("PUT /v1/policy", Scope::Admin),
    ("GET /v1/calendars", Scope::CasesRead),
    ("GET /v1/calendars/{name}", Scope::CasesRead),
    ("PUT /v1/calendars/{name}", Scope::Admin),
    ("GET /v1/calendars/{name}/preview", Scope::CasesRead),
    ("POST /v1/calendars/preview", Scope::Admin),
    ("GET /v1/issues", Scope::CasesRead),
    ("POST /v1/issues", Scope::CasesManage),
    ("GET /v1/issues/{id}", Scope::CasesRead),
    ("GET /v1/issues/{id}/links", Scope::CasesRead),
    ("GET /v1/issues/{id}/suggestions", Scope::CasesRead),
    ("POST /v1/issues/{id}/commands", Scope::CasesWrite),
    ("PUT /v1/issues/{id}/kano/{response}", Scope::CasesWrite),
    ("GET /v1/improvements", Scope::ReportsRead),
    ("POST /v1/improvements", Scope::CasesManage),
    ("GET /v1/improvements/{id}", Scope::ReportsRead),
    ("POST /v1/improvements/{id}/commands", Scope::CasesWrite),
    ("GET /v1/improvements/{id}/announcement", Scope::CasesManage),
    (
        "POST /v1/improvements/{id}/announcement",
        Scope::CasesManage,
    ),
    (
        "GET /v1/improvements/{id}/announcement/preview",
        Scope::CasesManage,
    ),
    (
        "POST /v1/improvements/{id}/announcement/commands",
        Scope::CasesManage,
    ),
    ("GET /v1/improvements/{id}/beta", Scope::CasesManage),
    ("POST /v1/improvements/{id}/beta", Scope::CasesManage),
    ("GET /v1/improvements/{id}/beta/preview", Scope::CasesManage),
    (
        "POST /v1/improvements/{id}/beta/commands",
        Scope::CasesManage,
    ),
    ("GET /v1/recipients", Scope::Admin),
    ("PUT /v1/recipients", Scope::Admin),
    ("GET /v1/statistics/cases", Scope::ReportsRead),
    ("GET /v1/kpi", Scope::ReportsRead),
    ("GET /v1/stuck-events", Scope::CasesManage),
    ("POST /v1/stuck-events/resume", Scope::CasesManage),
];

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
    /// Roles are in `roles`, or in `cognito:groups`, the groups of a user pool. They mean something only where the
    /// gateway asked for no scope: elsewhere a group of another program may have the name of a role.
    pub(crate) fn into_claims(self) -> Option<Claims> {
        let jwt = self.jwt?;
        let claims = jwt.claims.unwrap_or_default();
        let text = |name: &str| {
            claims
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let words = |name: &str| -> Vec<&str> {
            let text = text(name).unwrap_or_default();
            text.trim_matches(['[', ']'])
                .split([' ', ','])
                .filter(|word| !word.is_empty())
                .collect()
        };
        let listed = jwt.scopes.iter().flatten().filter_map(Value::as_str);
        let held = match &jwt.scopes {
            Some(_) => Vec::new(),
            None => [words("roles"), words("cognito:groups")].concat(),
        };
        let meant = Role::ALL
            .into_iter()
            .filter(|role| held.contains(&role.name()))
            .flat_map(Role::scopes)
            .map(|scope| scope.name().to_owned());
        let said = listed.chain(words("scope")).map(str::to_owned);
        Some(Claims {
            sub: text("sub")?.to_owned(),
            scopes: said.chain(meant).collect(),
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
    fn roles_stand_for_scopes() {
        let allowed = |jwt: Value| -> Vec<Scope> {
            let claims = claims(jwt).unwrap();
            let scopes = Scope::ALL.into_iter();
            scopes.filter(|scope| claims.allows(*scope)).collect()
        };
        let agent = vec![Scope::CasesRead, Scope::CasesWrite];
        let lead = Scope::ALL[..4].to_vec();
        for (claim, groups, expected) in [
            ("roles", "agent", agent.clone()),
            ("roles", "[agent]", agent.clone()),
            ("cognito:groups", "[staff lead]", lead.clone()),
            ("cognito:groups", "[agent,lead]", lead),
            ("cognito:groups", "[agent admin]", Scope::ALL.to_vec()),
            ("groups", "[admin]", vec![]),
            ("roles", "[Admin administrators resound/admin]", vec![]),
        ] {
            let jwt = json!({"claims": {"sub": "u", claim: groups}});
            assert_eq!(allowed(jwt), expected, "{claim} {groups}");
        }
        // The gateway asked for a scope, so scopes count.
        let jwt = json!({
            "claims": {"sub": "u", "scope": "resound/cases.read", "cognito:groups": "[admin]"},
            "scopes": ["resound/cases.read"],
        });
        assert_eq!(allowed(jwt), [Scope::CasesRead]);
        for scope in Scope::ALL {
            let held = Role::ALL.map(|role| role.scopes().any(|held| held == scope));
            assert!(held.is_sorted() && held[2], "{scope:?}: {held:?}");
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
