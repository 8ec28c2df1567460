//! relay-events.
