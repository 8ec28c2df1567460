//! The functions of the template, as this program runs them.

use crate::registry::Registry;

/// Every function, built from the same configuration and constructor as its own `main`.
pub fn all() -> Registry {
    Registry::new()
        .with(submit_feedback::Config::read, submit_feedback::App::new)
        .with(serve_pages::Config::read, serve_pages::App::new)
        .with(take_answers::Config::read, take_answers::App::new)
        .with(manage_cases::Config::read, manage_cases::App::new)
        .with(manage_issues::Config::read, manage_issues::App::new)
        .with(link_issues::Config::read, link_issues::App::new)
        .with(tell_reporters::Config::read, tell_reporters::App::new)
        .with(report_nps::Config::read, report_nps::App::new)
        .with(manage_policy::Config::read, manage_policy::App::new)
        .with(relay_events::Config::read, relay_events::App::new)
        .with(alert_breaches::Config::read, alert_breaches::App::new)
        .with(notify_staff::Config::read, notify_staff::App::new)
        .with(close_loop::Config::read, close_loop::App::new)
        .with(settle_notices::Config::read, settle_notices::App::new)
        .with(aggregate_nps::Config::read, aggregate_nps::App::new)
        .with(watch_risks::Config::read, watch_risks::App::new)
        .with(write_reports::Config::read, write_reports::App::new)
        .with(serve_reports::Config::read, serve_reports::App::new)
}
