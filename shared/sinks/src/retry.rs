//! When a message that was not accepted is tried again: the schedule that Standard Webhooks 1.0 publishes
//! ("Deliverability and reliability"), for every sink alike.

use std::time::Duration;

use ring::digest::{SHA256, digest};

use crate::answer::LONGEST_WAIT;
use crate::{Answer, MessageId};

/// How long each attempt waits after the one before: ten attempts within 75 h 35 min 5 s, jitter aside.
pub const SCHEDULE: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(5 * 60 * 60),
    Duration::from_secs(10 * 60 * 60),
    Duration::from_secs(14 * 60 * 60),
    Duration::from_secs(20 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
];

/// How long to wait until the next attempt, after `attempts` of them of which the last came to `answer`; `None` if there
/// is none: it was accepted, the receiver is gone, or all ten were made.
///
/// What was refused is tried again too. The standard calls everything but 2xx and 410 a failure that is retried, and
/// within three days somebody may mend the receiver or its secret; the difference is that a refusal is worth a person's
/// attention at once.
///
/// Never sooner than the schedule says or the receiver asked (up to 24 h), and at most a tenth later: the jitter keeps
/// messages that failed together from coming back together. It follows from the message and the attempt, so asking
/// again gives the same.
pub fn next_attempt(attempts: u32, answer: &Answer, id: &MessageId) -> Option<Duration> {
    let after = match answer {
        Answer::Accepted { .. } | Answer::Gone { .. } => return None,
        Answer::TryLater { after, .. } => after.unwrap_or_default().min(LONGEST_WAIT),
        Answer::Refused { .. } => Duration::ZERO,
    };
    let scheduled = *SCHEDULE.get(usize::try_from(attempts).ok()?)?;
    let wait = scheduled.max(after);
    Some(wait + wait.mul_f64(jitter(id, attempts)))
}

/// From 0 to below 0.1, evenly.
fn jitter(id: &MessageId, attempts: u32) -> f64 {
    let hash = digest(&SHA256, format!("{id}.{attempts}").as_bytes());
    let first = hash.as_ref().iter().take(4);
    let n = first.fold(0_u32, |n, byte| (n << 8) | u32::from(*byte));
    f64::from(n) / (f64::from(u32::MAX) + 1.0) / 10.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Cause, Fate};

    fn later(after: Option<u64>) -> Answer {
        Answer::TryLater {
            reason: String::new(),
            after: after.map(Duration::from_secs),
            fate: Fate::Unknown,
        }
    }

    fn refused() -> Answer {
        Answer::Refused {
            cause: Cause::Other,
            reason: String::new(),
        }
    }

    #[test]
    fn the_schedule_is_the_published_one() {
        let vectors = crate::vectors("retry_schedule");
        assert_eq!(vectors.len(), 1);
        let (mut total, mut cumulative) = (0, Vec::new());
        let delays = SCHEDULE.map(|delay| delay.as_secs());
        for delay in delays {
            total += delay;
            cumulative.push(total);
        }
        assert_eq!(vectors[0]["delays_s"], serde_json::json!(delays));
        assert_eq!(vectors[0]["cumulative_s"], serde_json::json!(cumulative));
    }

    #[test]
    fn some_answers_end_it() {
        let id = "a".parse().unwrap();
        let gone = Answer::Gone {
            reason: String::new(),
        };
        for attempts in 0..12 {
            assert_eq!(next_attempt(attempts, &Answer::accepted(), &id), None);
            assert_eq!(next_attempt(attempts, &gone, &id), None);
            for answer in [later(None), later(Some(7)), refused()] {
                let next = next_attempt(attempts, &answer, &id);
                assert_eq!(next.is_some(), attempts < 10, "{attempts} {answer}");
            }
        }
        assert_eq!(next_attempt(u32::MAX, &later(None), &id), None);
    }

    #[test]
    fn jitter_spreads() {
        let waits: std::collections::BTreeSet<_> = (0..1000)
            .map(|n| next_attempt(2, &later(None), &format!("m-{n}").parse().unwrap()).unwrap())
            .collect();
        assert!(waits.len() > 990);
        let (first, last) = (waits.first().unwrap(), waits.last().unwrap());
        assert!(first.as_secs_f64() < 301.0 && last.as_secs_f64() > 329.0);
    }

    proptest! {
        #[test]
        fn never_early_and_at_most_a_tenth_late(attempts in 0_u32..10, after: Option<u64>, id in "[a-z]{1,9}") {
            let id = id.parse().unwrap();
            let wait = next_attempt(attempts, &later(after), &id).unwrap();
            let asked = Duration::from_secs(after.unwrap_or(0)).min(LONGEST_WAIT);
            let least = asked.max(SCHEDULE[attempts as usize]);
            prop_assert!(wait >= least && wait <= least.mul_f64(1.1));
            prop_assert_eq!(next_attempt(attempts, &later(after), &id), Some(wait));
        }
    }
}
