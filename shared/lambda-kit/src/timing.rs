//! How long things take, stated once.
//!
//! The order is what keeps two runs of one piece of work apart: a function is stopped before its lease ends, a lease
//! ends before the queue hands the message out again, and that happens before the sweep sends the event again.
//! `infra/template.yaml` states the timeouts and the visibility too; a test there compares them with these.

use std::time::Duration;

/// A function behind the HTTP API is stopped after this.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
/// A function behind a queue, a stream or a schedule is stopped after this.
pub const CONSUMER_TIMEOUT: Duration = Duration::from_secs(20);
/// Whoever claimed a notice may work on it for this long.
pub const NOTICE_LEASE: Duration = Duration::from_secs(30);
/// A message received from a queue is hidden from other receivers for this long.
pub const QUEUE_VISIBILITY: Duration = Duration::from_secs(120);
/// An unsettled event is sent again after this, for the first time.
pub const FIRST_BACKOFF: Duration = Duration::from_secs(180);
/// The longest wait between two attempts at an event.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(6 * 60 * 60);
/// After this many attempts an event is `stuck`.
pub const ATTEMPTS: u32 = 12;

const _: () = assert!(
    HTTP_TIMEOUT.as_secs() < NOTICE_LEASE.as_secs()
        && CONSUMER_TIMEOUT.as_secs() < NOTICE_LEASE.as_secs()
        && NOTICE_LEASE.as_secs() < QUEUE_VISIBILITY.as_secs()
        && QUEUE_VISIBILITY.as_secs() < FIRST_BACKOFF.as_secs()
        && FIRST_BACKOFF.as_secs() < LONGEST_BACKOFF.as_secs(),
    "timeout < lease < visibility < back-off"
);

/// How long to wait before an event is sent again, after `attempts` attempts: doubling, capped.
///
/// `None` after the last attempt: the event is stuck.
pub fn backoff(attempts: u32) -> Option<Duration> {
    if attempts >= ATTEMPTS {
        return None;
    }
    let factor = 1u32.checked_shl(attempts).unwrap_or(u32::MAX);
    Some(FIRST_BACKOFF.saturating_mul(factor).min(LONGEST_BACKOFF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        assert_eq!(backoff(0), Some(FIRST_BACKOFF));
        assert_eq!(backoff(1), Some(FIRST_BACKOFF * 2));
        assert_eq!(backoff(11), Some(LONGEST_BACKOFF));
        assert_eq!(backoff(12), None);
        assert_eq!(backoff(u32::MAX), None);
    }
}
