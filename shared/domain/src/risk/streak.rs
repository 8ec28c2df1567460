//! What one customer said, response after response.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{behind, is_complaint, is_negative};
use crate::id::ResponseId;
use crate::response::Response;
use crate::triage::Sentiment;

/// Where a response stands among all of a customer: by when it came; of two of one millisecond, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// When it came.
    pub at: Timestamp,
    /// Its id.
    pub id: ResponseId,
}

/// A response, as far as the rules about customers look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Where it stands.
    pub place: Place,
    /// How the customer felt: [`is_negative`] comes before the words.
    pub feeling: Sentiment,
    /// Whether [`is_complaint`].
    pub complaint: bool,
}

impl Heard {
    /// What of a response counts.
    pub fn of(response: &Response) -> Self {
        let (triage, scores) = (&response.triage, response.scores());
        Self {
            place: Place {
                at: response.received_at,
                id: response.id,
            },
            feeling: if is_negative(triage.sentiment, scores) {
                Sentiment::Negative
            } else {
                triage.sentiment
            },
            complaint: is_complaint(triage.kind, scores),
        }
    }
}

/// Three responses of a customer that a rule speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triple {
    /// The responses, the oldest first.
    pub evidence: [ResponseId; 3],
    /// The last of them: up to here the rule has spoken.
    pub last: Place,
}

/// What a response means to a streak.
enum Step {
    Counts,
    Passes,
    Ends,
}

/// Every third negative response in a row behind `after`, whatever the order they are handed in.
///
/// A positive response ends the streak. A neutral one neither counts nor ends it: who asks when the parcel comes, after
/// two bad experiences and before the third, was not won back. After three the count begins anew, so a streak of six
/// is spoken of twice.
pub fn negatives_in_a_row(heard: &[Heard], after: Option<Place>) -> Vec<Triple> {
    triples(heard, after, |heard| match heard.feeling {
        Sentiment::Negative => Step::Counts,
        Sentiment::Neutral => Step::Passes,
        Sentiment::Positive => Step::Ends,
    })
}

/// Every third complaint behind `after`, in a row or not, whatever the order they are handed in.
pub fn complaints(heard: &[Heard], after: Option<Place>) -> Vec<Triple> {
    triples(heard, after, |heard| match heard.complaint {
        true => Step::Counts,
        false => Step::Passes,
    })
}

fn triples(heard: &[Heard], after: Option<Place>, step: impl Fn(&Heard) -> Step) -> Vec<Triple> {
    let mut triples = Vec::new();
    let mut counted = Vec::with_capacity(3);
    for heard in behind(heard, after) {
        match step(&heard) {
            Step::Counts => counted.push(heard.place.id),
            Step::Passes => {}
            Step::Ends => counted.clear(),
        }
        if let Ok(evidence) = <[ResponseId; 3]>::try_from(counted.as_slice()) {
            let last = heard.place;
            triples.push(Triple { evidence, last });
            counted.clear();
        }
    }
    triples
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `-` negative, `0` neutral, `+` positive; `!` negative and a complaint. One a minute.
    fn heard(text: &str) -> Vec<Heard> {
        let heard = text.chars().enumerate().map(|(n, c)| Heard {
            place: Place {
                at: Timestamp::from_second(60 * n as i64).unwrap(),
                id: ResponseId::from_bits(n as u128),
            },
            feeling: match c {
                '-' | '!' => Sentiment::Negative,
                '0' => Sentiment::Neutral,
                _ => Sentiment::Positive,
            },
            complaint: c == '!',
        });
        heard.collect()
    }

    fn places(triples: &[Triple]) -> Vec<[u128; 3]> {
        let ids = triples.iter().map(|triple| triple.evidence);
        ids.map(|ids| ids.map(ResponseId::bits)).collect()
    }

    #[test]
    fn three_in_a_row_are_spoken_of_once() {
        for (text, expected) in [
            ("", vec![]),
            ("--", vec![]),
            ("---", vec![[0, 1, 2]]),
            ("----", vec![[0, 1, 2]]),
            // A further three.
            ("------", vec![[0, 1, 2], [3, 4, 5]]),
            // A positive one ends the streak, a neutral one does not.
            ("--+--", vec![]),
            ("--0-", vec![[0, 1, 3]]),
            ("---+---", vec![[0, 1, 2], [4, 5, 6]]),
            ("--+---", vec![[3, 4, 5]]),
            ("0+0+", vec![]),
        ] {
            let found = negatives_in_a_row(&heard(text), None);
            assert_eq!(places(&found), expected, "{text}");
        }
    }

    #[test]
    fn complaints_need_not_be_in_a_row() {
        for (text, expected) in [
            ("!!", vec![]),
            ("!+!-!", vec![[0, 2, 4]]),
            ("!!!!!", vec![[0, 1, 2]]),
            ("!!!+!!!", vec![[0, 1, 2], [4, 5, 6]]),
        ] {
            assert_eq!(places(&complaints(&heard(text), None)), expected, "{text}");
        }
    }

    #[test]
    fn what_was_spoken_of_counts_no_more() {
        let all = heard("-----");
        let first = negatives_in_a_row(&all, None)[0];
        assert_eq!(negatives_in_a_row(&all, Some(first.last)), []);
        let more = heard("------");
        let second = negatives_in_a_row(&more, Some(first.last));
        assert_eq!(places(&second), [[3, 4, 5]]);
    }

    type By = fn(&[Heard], Option<Place>) -> Vec<Triple>;
    const RULES: [By; 2] = [negatives_in_a_row, complaints];

    /// As a function does: runs after each of these lengths, remembering how far it spoke.
    fn in_runs(all: &[Heard], lengths: &[usize], rule: By) -> Vec<Triple> {
        let (mut spoken, mut mark) = (Vec::new(), None);
        for length in lengths.iter().map(|length| length % (all.len() + 1)) {
            for triple in rule(&all[..length], mark) {
                mark = Some(triple.last);
                spoken.push(triple);
            }
        }
        spoken
    }

    proptest! {
        #[test]
        fn the_order_of_reading_does_not_matter(
            (all, shuffled) in "[-0+!]{0,20}".prop_flat_map(|text| {
                let all = heard(&text);
                (Just(all.clone()), Just(all).prop_shuffle())
            })
        ) {
            for rule in RULES {
                prop_assert_eq!(rule(&all, None), rule(&shuffled, None));
                let twice: Vec<_> = all.iter().chain(&shuffled).copied().collect();
                prop_assert_eq!(rule(&all, None), rule(&twice, None));
            }
        }

        #[test]
        fn it_does_not_matter_when_it_runs_and_how_often(
            text in "[-0+!]{0,20}",
            mut lengths in prop::collection::vec(0usize..=20, 0..8),
        ) {
            let all = heard(&text);
            lengths.iter_mut().for_each(|length| *length %= all.len() + 1);
            lengths.sort_unstable();
            lengths.extend([all.len(), all.len()]);
            for rule in RULES {
                let all_at_once = rule(&all, None);
                prop_assert_eq!(in_runs(&all, &lengths, rule), all_at_once);
            }
        }

        #[test]
        fn an_erasure_raises_nothing(
            text in "[-0+!]{0,20}",
            erased in prop::collection::vec(any::<bool>(), 20),
        ) {
            let all = heard(&text);
            let mut left = all.clone();
            left.retain(|heard| !erased[heard.place.id.bits() as usize]);
            for rule in RULES {
                let spoken = rule(&all, None);
                let Some(mark) = spoken.last().map(|triple| triple.last) else { continue };
                // What is behind the mark may lack a positive response now, and no third one has come.
                let again = rule(&left, Some(mark));
                for triple in again {
                    prop_assert!(triple.last > mark);
                    let fresh = triple.evidence.iter().all(|id| {
                        spoken.iter().all(|before| !before.evidence.contains(id))
                    });
                    prop_assert!(fresh);
                }
            }
        }
    }
}
