//! The functions of the template, as this program runs them.

use crate::registry::Registry;

/// Every function, built from the same configuration and constructor as its own `main`.
pub fn all() -> Registry {
    Registry::new()
        .with(submit_feedback::Config::read, submit_feedback::App::new)
        .with(serve_pages::Config::read, serve_pages::App::new)
        .with(notify_staff::Config::read, notify_staff::App::new)
        .with(close_loop::Config::read, close_loop::App::new)
}
