//! What staff call the issues and improvements of a report.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Numbers;
use crate::id::{ImprovementId, IssueId};
use crate::issue::{Improvement, Issue, Title};

/// The words for the ids that a report holds, as they are now: an edition keeps none. What is not there any more has no name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// What issues are called.
    pub issues: BTreeMap<IssueId, Title>,
    /// What improvements are called, and whose they are.
    pub improvements: BTreeMap<ImprovementId, Named>,
}

/// An improvement in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// In a line.
    pub title: Title,
    /// Whose it is: a staff `sub`.
    pub owner: Option<String>,
}

impl Names {
    /// Those of these that the numbers name.
    pub fn of<'a>(
        numbers: &Numbers,
        issues: impl IntoIterator<Item = &'a Issue>,
        improvements: impl IntoIterator<Item = &'a Improvement>,
    ) -> Self {
        let Numbers::Monthly(month) = numbers else {
            return Self::default();
        };
        let ranked = month.priorities.iter().flat_map(|list| &list.first);
        let ranked: Vec<_> = ranked.map(|of| of.issue).collect();
        let rows = month.improvements.iter().flat_map(|list| &list.listed);
        let rows: Vec<_> = rows.map(|row| row.improvement).collect();
        let issues = issues
            .into_iter()
            .filter(|issue| ranked.contains(&issue.id()))
            .map(|issue| (issue.id(), issue.about().title.clone()));
        let improvements = improvements
            .into_iter()
            .filter(|improvement| rows.contains(&improvement.id()))
            .map(|improvement| {
                let plan = improvement.plan();
                let named = Named {
                    title: plan.title.clone(),
                    owner: plan.owner.clone(),
                };
                (improvement.id(), named)
            });
        Self {
            issues: issues.collect(),
            improvements: improvements.collect(),
        }
    }
}

impl Numbers {
    /// Whether they hold ids that [`Names`] are for.
    pub fn need_names(&self) -> bool {
        let Self::Monthly(month) = self else {
            return false;
        };
        month.priorities.iter().any(|list| !list.first.is_empty())
            || month
                .improvements
                .iter()
                .any(|list| !list.listed.is_empty())
    }

    /// The list of priorities, if it is in them: what a later edition takes over, as it cannot be computed again.
    pub fn priorities(&self) -> Option<&super::Priorities> {
        match self {
            Self::Weekly(_) => None,
            Self::Monthly(month) => month.priorities.as_ref(),
        }
    }
}
