//! How long things take, stated once.
//!
//! The order is what keeps two runs of one piece of work apart: a function is stopped before its lease ends, a lease
//! ends before the queue hands the message out again, and that happens before the sweep sends the event again.
//! `infra/template.yaml` states the timeouts and the visibility too, and the store the back-off; tests compare them
//! with these.

use jiff::SignedDuration;

/// A function behind the HTTP API is stopped after this.
pub const HTTP_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);
/// A function behind a queue, a stream or a schedule is stopped after this.
pub const CONSUMER_TIMEOUT: SignedDuration = SignedDuration::from_secs(20);
/// The sweep of each minute is stopped after this: before the next one begins.
pub const SWEEP_TIMEOUT: SignedDuration = SignedDuration::from_secs(50);
/// Whoever claimed a notice may work on it for this long.
pub const NOTICE_LEASE: SignedDuration = SignedDuration::from_secs(30);
/// Whoever claimed the letter of an announcement may work on it for this long: longer than a run, which is a sweep of its own.
pub const ANNOUNCEMENT_LEASE: SignedDuration = SignedDuration::from_secs(90);
/// A message received from a queue is hidden from other receivers for this long.
pub const QUEUE_VISIBILITY: SignedDuration = SignedDuration::from_secs(120);
/// An unsettled event is sent again after this, for the first time.
pub const FIRST_BACK_OFF: SignedDuration = SignedDuration::from_secs(180);

const _: () = assert!(
    HTTP_TIMEOUT.as_secs() < NOTICE_LEASE.as_secs()
        && CONSUMER_TIMEOUT.as_secs() < NOTICE_LEASE.as_secs()
        && NOTICE_LEASE.as_secs() < QUEUE_VISIBILITY.as_secs()
        && QUEUE_VISIBILITY.as_secs() < FIRST_BACK_OFF.as_secs(),
    "timeout < lease < visibility < back-off"
);
const _: () = assert!(
    SWEEP_TIMEOUT.as_secs() < ANNOUNCEMENT_LEASE.as_secs(),
    "a run that tells reporters is stopped before its leases end"
);
const _: () = assert!(
    SWEEP_TIMEOUT.as_secs() < 60 && SWEEP_TIMEOUT.as_secs() < FIRST_BACK_OFF.as_secs(),
    "one sweep at a time; it holds no lease, and is over before what it sends again is due again"
);

#[cfg(test)]
mod tests {
    #[test]
    fn the_store_waits_as_long_as_stated_here() {
        assert_eq!(resound_store::repair::FIRST_BACK_OFF, super::FIRST_BACK_OFF);
    }
}
