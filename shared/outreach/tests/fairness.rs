//! Every address has the same chance to be drawn, whatever its id and however many responses it sent.
//!
//! With fixed seeds: what is drawn is the same in every run, so what holds today holds tomorrow.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use resound_domain::id::{ContactId, ResponseId};
use resound_domain::issue::beta::Seed;
use resound_domain::issue::pick::{Candidate, Sample};
use resound_lambda_kit::idempotency::lot;

const PEOPLE: usize = 300;
const PLACES: usize = 30;
const DRAWS: usize = 500;

fn response(n: usize) -> ResponseId {
    ResponseId::from_bits(u128::try_from(n).unwrap())
}

/// How often each of [`PEOPLE`] is drawn in [`DRAWS`] draws. The one with number n has sent n % 10 + 1 responses.
fn drawn() -> Vec<usize> {
    let mut times = vec![0; PEOPLE];
    for draw in 0..DRAWS {
        let seed = Seed::new(&format!("draw-{draw}")).unwrap();
        let mut sample = Sample::default();
        for person in 0..PEOPLE {
            let contact = ContactId::from_bits(u128::try_from(person).unwrap());
            for n in 0..=person % 10 {
                let one = Candidate {
                    lot: lot(&seed, contact),
                    contact,
                    response: response(n * PEOPLE + person),
                };
                sample.add(one, PLACES);
            }
        }
        assert_eq!(sample.candidates().len(), PLACES);
        for one in sample.candidates() {
            // The first response of a person has their number.
            let person = (0..PEOPLE).find(|n| one.response == response(*n));
            times[person.unwrap()] += 1;
        }
    }
    times
}

/// Pearson's statistic. Those of one draw exclude each other, which makes the counts vary less than independent ones do by the
/// factor (n - k) / (n - 1): divided by it, it has the chi-squared distribution of as many degrees of freedom as there are
/// counts but one.
fn pearson(counts: &[usize]) -> f64 {
    let (people, places, draws) = (PEOPLE as f64, PLACES as f64, DRAWS as f64);
    let expected = draws * places / counts.len() as f64;
    let squares = counts.iter().map(|n| {
        let off = *n as f64 - expected;
        off * off
    });
    squares.sum::<f64>() / expected * (people - 1.0) / (people - places)
}

#[test]
fn everybody_is_drawn_as_often_as_chance_has_it() {
    let times = drawn();
    // The quantiles of 299 degrees of freedom at 0.1 % and 99.9 %: nor is it more even than chance.
    let all = pearson(&times);
    assert!((229.0..380.0).contains(&all), "{all}");
    // Ten responses are no ten chances: by the number of responses, with the quantiles of 9 degrees of freedom.
    let mut groups = [0; 10];
    for (person, n) in times.iter().enumerate() {
        groups[person % 10] += n;
    }
    let by_responses = pearson(&groups);
    assert!((1.15..27.87).contains(&by_responses), "{groups:?}");
}
