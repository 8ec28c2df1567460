//! Business time of the local stack: the machine's, and as much ahead as somebody moved it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use resound_lambda_kit::machine_now;

/// The furthest that time is moved at once, in days: every night in between is run.
const MOST_DAYS: i64 = 400;
const MS_PER_DAY: i64 = 24 * 60 * 60 * 1000;

/// A clock that can be moved forward, and never back.
#[derive(Debug)]
pub struct Clock {
    machine: Machine,
    offset_ms: AtomicI64,
}

#[derive(Debug)]
enum Machine {
    Real,
    Stopped(Timestamp),
}

impl Clock {
    /// Business time that runs with the machine, so many milliseconds ahead.
    pub fn ahead(offset_ms: i64) -> Self {
        Self {
            machine: Machine::Real,
            offset_ms: AtomicI64::new(offset_ms),
        }
    }

    /// Business time that stands still until it is moved, for tests.
    pub fn stopped(at: Timestamp) -> Self {
        Self {
            machine: Machine::Stopped(at),
            offset_ms: AtomicI64::new(0),
        }
    }

    /// Business time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let machine = match &self.machine {
            Machine::Real => machine_now(),
            Machine::Stopped(at) => *at,
        };
        let ms = machine.as_millisecond().saturating_add(self.offset_ms());
        Timestamp::from_millisecond(ms).unwrap_or(machine)
    }

    /// How far it is ahead, in milliseconds.
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::SeqCst)
    }

    /// Moves it so many milliseconds ahead of the machine.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::SeqCst);
    }
}

/// Reads an ISO 8601 duration such as `PT25H` or `P1D`, in milliseconds. A day is 24 hours.
///
/// # Errors
/// What is wrong with it: not a duration, negative, months or years, or too long.
pub fn parse_advance(text: &str) -> Result<i64, String> {
    let fault =
        || format!("advance must be an ISO 8601 duration such as PT25H or P1D, not {text:?}");
    if text.starts_with('-') {
        return Err("time moves forward only: advance must not be negative".to_owned());
    }
    if !text.starts_with('P') {
        return Err(fault());
    }
    let span: Span = text.parse().map_err(|_| fault())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(
            "advance must be in days or smaller units: months and years differ in length"
                .to_owned(),
        );
    }
    let duration: SignedDuration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| fault())?;
    let ms = i64::try_from(duration.as_millis()).map_err(|_| fault())?;
    if ms < 0 {
        return Err("time moves forward only: advance must not be negative".to_owned());
    }
    if ms > MOST_DAYS * MS_PER_DAY {
        return Err(format!("advance must be at most P{MOST_DAYS}D at once"));
    }
    Ok(ms)
}

/// How far business time is ahead, as an ISO 8601 duration.
pub fn offset_text(offset_ms: i64) -> String {
    SignedDuration::from_millis(offset_ms).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, expected) in [
            ("PT25H", 90_000_000),
            ("P1D", 86_400_000),
            ("P1W", 604_800_000),
            ("P1DT1M", 86_460_000),
            ("PT0.5S", 500),
            ("PT0S", 0),
        ] {
            assert_eq!(parse_advance(text), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("", "must be an ISO 8601"),
            ("25h", "must be an ISO 8601"),
            ("PT", "must be an ISO 8601"),
            ("P1", "must be an ISO 8601"),
            ("PT99999999999999999999H", "must be an ISO 8601"),
            ("-PT1H", "must not be negative"),
            ("P1M", "months and years"),
            ("P2Y", "months and years"),
            ("P401D", "at most P400D"),
        ] {
            let fault = parse_advance(text).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
    }

    #[test]
    fn a_stopped_clock_moves_when_it_is_moved() {
        let clock = Clock::stopped("2026-11-21T10:00:00Z".parse().unwrap());
        clock.set_offset_ms(90_000_000);
        assert_eq!(clock.now().to_string(), "2026-11-22T11:00:00Z");
        assert_eq!(offset_text(clock.offset_ms()), "PT25H");
    }
}
