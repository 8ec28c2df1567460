//! Every access pattern, against a real DynamoDB API in process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

mod accept;
mod amend;
mod announcements;
mod betas;
mod cases;
mod config;
mod contacts;
mod deliveries;
mod document;
mod events;
mod faults;
mod figures;
mod groups;
mod issues;
mod logs;
mod notices;
mod reports;
mod risks;
mod support;
mod tallies;
mod trials;
mod turns;

/// Handlers run on any thread, so whatever they wait for must be able to move.
#[test]
fn every_future_can_move_between_threads() {
    fn movable<F: Future + Send>(_: impl Fn(&'static resound_store::Store) -> F) {}
    let day = jiff::civil::date(2026, 11, 21);
    movable(|store| {
        store.cases(
            const {
                &resound_store::CaseFilter {
                    states: std::collections::BTreeSet::new(),
                    owner: None,
                    to_tell: false,
                }
            },
            None,
            1,
        )
    });
    movable(|store| store.due_events(0, support::now(), 1));
    movable(|store| async move {
        store
            .day_scores(&resound_domain::form::FormId::default_form(), day, |_| {})
            .await
    });
    movable(|store| async move {
        let generation = store
            .next_generation(&resound_domain::form::FormId::default_form(), day)
            .await?;
        let counting = support::counting();
        store.write_day(&generation, &[], &counting).await
    });
    movable(|store| {
        store.latest_config::<resound_domain::policy::Policy>(resound_store::ConfigKind::Policy)
    });
    movable(|store| async move {
        let response = support::response(1);
        let (case, event) = support::case(&response, resound_domain::policy::Priority::P1);
        store
            .accept(
                &response,
                &support::DIGEST,
                Some((&case, &event)),
                support::now(),
            )
            .await
    });
}
