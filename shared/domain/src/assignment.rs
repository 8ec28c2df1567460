//! Who gets a new case: rules in order, of which the first that matches hands its agents out in turn.
//!
//! ```json
//! {"rules": [
//!   {"name": "Kettles", "when": {"product": ["K-200"], "priority": ["P1", "P2"]}, "agents": ["sub-of-ann", "sub-of-bo"]},
//!   {"name": "Parcels", "when": {"touchpoint": ["logistics"]}, "agents": ["sub-of-cy"]},
//!   {"name": "Everything else", "agents": ["sub-of-ann", "sub-of-cy"]}
//! ]}
//! ```
//!
//! A case that no rule matches has no owner, as without rules. Rules decide about new cases only: a case that is opened
//! already, or opened again, keeps who has it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::check::{self, At, Check, WHEN};
use crate::policy::{self, Code, Faults, Origin, Priority};
use crate::submission::{Channel, Tier};

/// The most agents of a rule.
const MOST_AGENTS: usize = 200;
/// The longest `sub` of an agent, and the longest name of a product, in characters.
const TEXT_LIMIT: usize = 100;

/// The rules of a company. Names are persisted: append only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The first one that matches decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// One rule. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is called: 1 to 60 characters on one line, used once in a document. Its turns are counted under this
    /// name, through every version of the document.
    pub name: String,
    /// Which cases.
    #[serde(default)]
    pub when: When,
    /// Who gets them, in turn: each the `sub` of a member of staff. At least one.
    pub agents: Vec<String>,
}

/// What a rule asks of a case: each list that is not empty must name what the case has. Names are persisted: append
/// only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct When {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<Priority>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tier: Vec<Tier>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel: Vec<Channel>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touchpoint: Vec<String>,
    /// To the letter as the sender named it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product: Vec<String>,
}

impl Assignment {
    /// Reads rules that somebody wrote.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn read(document: &Value) -> Result<Self, Faults> {
        let mut check = Check::new(());
        check.assignment(document);
        check.done()?;
        check::read(document.clone())
    }

    /// The rule for a case of this priority and origin, about this product; `None` if there is none.
    pub fn rule(
        &self,
        priority: Priority,
        origin: &Origin,
        product: Option<&str>,
    ) -> Option<&Rule> {
        let matches = |rule: &&Rule| rule.when.matches(priority, origin, product);
        self.rules.iter().find(matches)
    }
}

impl Rule {
    /// Whose turn it is; turns count from 0. `None` if it has no agents, which none has that was [read](Assignment::read).
    pub fn agent(&self, turn: u64) -> Option<&str> {
        let agents = u64::try_from(self.agents.len()).ok()?;
        let n = usize::try_from(turn.checked_rem(agents)?).ok()?;
        self.agents.get(n).map(String::as_str)
    }
}

impl When {
    /// Whether a case is meant. What is not known of it is in no list.
    fn matches(&self, priority: Priority, origin: &Origin, product: Option<&str>) -> bool {
        policy::any(&self.priority, Some(&priority))
            && policy::any(&self.tier, origin.tier.as_ref())
            && policy::any(&self.channel, origin.channel.as_ref())
            && policy::any(&self.touchpoint, origin.touchpoint.as_ref())
            && policy::any(&self.product, product.map(str::to_owned).as_ref())
    }
}

impl Check<()> {
    fn assignment(&mut self, document: &Value) {
        let Some(members) = self.object("", document, &["rules"]) else {
            return;
        };
        self.member("", members, "rules", true, |check, at, rules| {
            check.named_rules(at, rules, &["name", "when", "agents"], |check, at, rule| {
                check.member(at, rule, "when", false, Self::case);
                check.member(at, rule, "agents", true, Self::agents);
            });
        });
    }

    fn case(&mut self, at: &str, value: &Value) {
        let known: Vec<_> = WHEN.into_iter().chain(["product"]).collect();
        let Some(when) = self.object(at, value, &known) else {
            return;
        };
        self.when(at, when);
        self.each(at, when, "product", |check, at, value| {
            check.text(at, value, TEXT_LIMIT);
        });
    }

    fn agents(&mut self, at: &str, value: &Value) {
        if !value.is_array() {
            return self.fault(at, Code::NotAList);
        }
        let agents = self.list(at, value);
        if agents.is_empty() {
            self.fault(at, Code::NoAgent);
        }
        if agents.len() > MOST_AGENTS {
            self.fault(at, Code::TooMany { most: MOST_AGENTS });
        }
        let mut named = BTreeSet::new();
        for (n, agent) in agents.iter().take(MOST_AGENTS).enumerate() {
            let at = At(at).member(&n.to_string());
            if let Some(agent) = self.text(&at, agent, TEXT_LIMIT)
                && !named.insert(agent)
            {
                self.fault(at, Code::SameAgent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Locale;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn faults(document: &Value) -> Vec<(String, &'static str)> {
        let faults = Assignment::read(document).unwrap_err();
        for fault in faults.iter() {
            for locale in [Locale::ZhCn, Locale::En] {
                assert!(fault.message(locale).ends_with(['。', '.']), "{fault:?}");
            }
        }
        let faults = faults.iter().map(|f| (f.at.clone(), f.code.name()));
        faults.collect()
    }

    fn found<'a>(
        rules: &'a Assignment,
        case: (Priority, &Origin, Option<&str>),
    ) -> Option<&'a str> {
        let (priority, origin, product) = case;
        let rule = rules.rule(priority, origin, product);
        rule.map(|rule| rule.name.as_str())
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = Assignment::read(&json!({"rules": [
            {"name": "all of it", "when": {"product": ["锅 #1"], "touchpoint": ["logistics"], "channel": ["web"], "tier": ["gold"], "priority": ["P2"]}, "agents": ["a"]},
            {"name": "pots", "when": {"product": ["锅 #1", "pan"]}, "agents": ["b"]},
            {"name": "urgent", "when": {"priority": ["P1", "P2"]}, "agents": ["c"]},
        ]}))
        .unwrap();
        let whole = Origin {
            channel: Some(Channel::Web),
            tier: Some(Tier::Gold),
            touchpoint: Some("logistics".to_owned()),
            low_score: false,
        };
        let pot = Some("锅 #1");
        assert_eq!(
            found(&rules, (Priority::P2, &whole, pot)),
            Some("all of it")
        );
        assert_eq!(found(&rules, (Priority::P3, &whole, pot)), Some("pots"));
        for origin in [
            Origin {
                tier: None,
                ..whole.clone()
            },
            Origin {
                channel: None,
                ..whole.clone()
            },
            Origin {
                touchpoint: Some("Logistics".to_owned()),
                ..whole.clone()
            },
        ] {
            assert_eq!(found(&rules, (Priority::P2, &origin, pot)), Some("pots"));
        }
        assert_eq!(
            found(&rules, (Priority::P2, &whole, Some("PAN"))),
            Some("urgent")
        );
        assert_eq!(found(&rules, (Priority::P2, &whole, None)), Some("urgent"));
        assert_eq!(found(&rules, (Priority::P4, &whole, None)), None);
        assert_eq!(Assignment::default().rule(Priority::P1, &whole, pot), None);
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_place() {
        let document = json!({"rules": [
            {"name": "a", "agents": []},
            {"name": "a", "agents": ["x", "y", "x", " z", "", 7, "u\nv"], "when": {"product": ["p", "", "q".repeat(101)], "weather": 1}},
            {"name": "b", "agents": "x", "when": {"tier": ["diamond"], "touchpoint": ["结账"], "channel": "web"}},
            {"agents": vec!["n"; 201].iter().enumerate().map(|(i, n)| format!("{n}{i}")).collect::<Vec<_>>()},
            7,
        ], "turns": 1});
        let expected = [
            ("/turns", "unknown-field"),
            ("/rules/0/agents", "no-agent"),
            ("/rules/1/name", "repeated"),
            ("/rules/1/when/weather", "unknown-field"),
            ("/rules/1/when/product/1", "invalid-text"),
            ("/rules/1/when/product/2", "invalid-text"),
            ("/rules/1/agents/2", "same-agent"),
            ("/rules/1/agents/3", "invalid-text"),
            ("/rules/1/agents/4", "invalid-text"),
            ("/rules/1/agents/5", "invalid-text"),
            ("/rules/1/agents/6", "invalid-text"),
            ("/rules/2/when/tier/0", "unknown-value"),
            ("/rules/2/when/channel", "not-a-list"),
            ("/rules/2/when/touchpoint/0", "invalid-touchpoint"),
            ("/rules/2/agents", "not-a-list"),
            ("/rules/3/name", "required"),
            ("/rules/3/agents", "too-many"),
            ("/rules/4", "not-an-object"),
        ];
        assert_eq!(
            faults(&document),
            expected.map(|(at, code)| (at.to_owned(), code))
        );
        for (document, code) in [
            (json!([]), "not-an-object"),
            (json!({}), "required"),
            (json!({"rules": {}}), "not-a-list"),
        ] {
            assert_eq!(faults(&document).first().unwrap().1, code);
        }
        assert!(
            Assignment::read(&json!({"rules": []})).is_ok(),
            "nobody gets anything any more"
        );
    }

    #[test]
    fn a_rule_of_nobody_gives_a_case_to_nobody() {
        let rule: Rule = serde_json::from_value(json!({"name": "a", "agents": []})).unwrap();
        assert_eq!(rule.agent(7), None);
    }

    proptest! {
        #[test]
        fn turns_in_a_row_differ_by_one_at_most(agents in 1usize..9, first in any::<u64>(), cases in 0u64..60) {
            let first = first.min(u64::MAX - cases);
            let agents = (0..agents).map(|n| n.to_string()).collect();
            let rule = Rule { name: String::new(), when: When::default(), agents };
            let mut given: BTreeMap<&str, u64> = rule.agents.iter().map(|agent| (agent.as_str(), 0)).collect();
            for turn in first..first + cases {
                *given.get_mut(rule.agent(turn).unwrap()).unwrap() += 1;
            }
            let (least, most) = (given.values().min().unwrap(), given.values().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", given);
        }
    }
}
