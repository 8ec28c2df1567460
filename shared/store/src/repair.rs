//! When an unsettled event is sent again. Machine time.

use jiff::{SignedDuration, Timestamp};

/// From the birth of an event to its first repair. Longer than the visibility of every queue: by then a message
/// that could still settle it has had its turn.
pub const FIRST_BACK_OFF: SignedDuration = SignedDuration::from_secs(180);

/// The longest wait between two repairs.
pub const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_hours(6);

/// How often an event is sent again before it is stuck and waits for a person: for about two days.
pub const ATTEMPTS: u32 = 12;

/// The wait after this many repairs: it doubles up to [`LONGEST_BACK_OFF`].
pub fn back_off(attempts: u32) -> SignedDuration {
    let seconds = FIRST_BACK_OFF
        .as_secs()
        .saturating_mul(1 << attempts.min(32));
    SignedDuration::from_secs(seconds).min(LONGEST_BACK_OFF)
}

/// When the next repair is due, after this many.
pub(crate) fn after(machine_now: Timestamp, attempts: u32) -> Timestamp {
    machine_now
        .checked_add(back_off(attempts))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_six_hours() {
        let seconds: Vec<i64> = (0..10).map(|n| back_off(n).as_secs()).collect();
        assert_eq!(
            seconds,
            [180, 360, 720, 1440, 2880, 5760, 11520, 21600, 21600, 21600]
        );
        assert_eq!(back_off(u32::MAX), LONGEST_BACK_OFF);
    }
}
