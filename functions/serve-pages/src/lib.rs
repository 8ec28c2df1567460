//! serve-pages.
