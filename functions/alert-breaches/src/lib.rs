//! alert-breaches.
