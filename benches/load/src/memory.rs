//! Whether memory grows.

use std::time::Duration;

/// One look at the memory of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How long after the first.
    pub at: Duration,
    /// Resident memory, in KiB.
    pub rss_kib: u64,
}

/// Samples are averaged over this long before a line is fitted: neighbours are not independent of each other, and a line
/// through all of them would look far more certain than it is.
const BLOCK: Duration = Duration::from_secs(10);

/// A line through the second half of the samples, by least squares. The first half is warming up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// KiB per minute.
    pub slope: f64,
    /// Half the width of the 95 % interval around it.
    pub margin: f64,
    /// The mean of the second half, in KiB.
    pub mean: f64,
    /// How long the second half is.
    pub span: Duration,
}

/// What is called flat: growth that would not reach this share of the memory in use within the span that was watched.
const FLAT_SHARE: f64 = 0.01;

impl Growth {
    /// The line, if there are enough samples for one: five blocks of ten seconds in the second half.
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let last = samples.last()?.at;
        let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
        let mut current = None;
        for sample in samples.iter().filter(|sample| sample.at >= last / 2) {
            let block = sample.at.as_secs() / BLOCK.as_secs();
            if current != Some(block) {
                blocks.push((0.0, 0.0, 0.0));
                current = Some(block);
            }
            if let Some((n, minutes, kib)) = blocks.last_mut() {
                *n += 1.0;
                *minutes += sample.at.as_secs_f64() / 60.0;
                #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 KiB")]
                {
                    *kib += sample.rss_kib as f64;
                }
            }
        }
        let points: Vec<(f64, f64)> = blocks
            .into_iter()
            .map(|(n, minutes, kib)| (minutes / n, kib / n))
            .collect();
        if points.len() < 5 {
            return None;
        }
        let n = f64::from(u32::try_from(points.len()).ok()?);
        let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| {
            (x + point.0 / n, y + point.1 / n)
        });
        let square = |number: f64| number * number;
        let xx: f64 = points.iter().map(|point| square(point.0 - x)).sum();
        let xy: f64 = points
            .iter()
            .map(|point| (point.0 - x) * (point.1 - y))
            .sum();
        let slope = xy / xx;
        let residual: f64 = points
            .iter()
            .map(|point| square(point.1 - y - slope * (point.0 - x)))
            .sum();
        Some(Self {
            slope,
            margin: student(n - 2.0) * (residual / (n - 2.0) / xx).sqrt(),
            mean: y,
            span: last / 2,
        })
    }

    /// Whether it is flat: less than 1 % of what is in use would be added in as long as was watched, even at the upper
    /// end of the interval.
    pub fn is_flat(&self) -> bool {
        let minutes = self.span.as_secs_f64() / 60.0;
        (self.slope + self.margin) * minutes < FLAT_SHARE * self.mean
    }
}

/// The 97.5 % quantile of Student's t, by the expansion of Cornish and Fisher: within 2 % from 3 degrees of freedom on
/// (Abramowitz and Stegun, 26.7.5).
fn student(degrees: f64) -> f64 {
    let z = 1.959_964_f64;
    let z2 = z * z;
    let first = (z2 + 1.0) * z / 4.0;
    let second = ((5.0 * z2 + 16.0) * z2 + 3.0) * z / 96.0;
    let third = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) * z / 384.0;
    z + (first + (second + third / degrees) / degrees) / degrees
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(seconds: u64, rss_kib: impl Fn(u64) -> u64) -> Vec<Sample> {
        (0..=seconds)
            .map(|at| Sample {
                at: Duration::from_secs(at),
                rss_kib: rss_kib(at),
            })
            .collect()
    }

    #[test]
    fn a_line_is_found_and_what_came_before_is_not_looked_at() {
        // Warming up, and then 2 KiB a second.
        let growing = samples(600, |at| if at < 300 { 10 } else { 50_000 + 2 * at });
        let growth = Growth::of(&growing).unwrap();
        assert!((growth.slope - 120.0).abs() < 1.0, "{growth:?}");
        assert!(growth.margin < 1.0, "{growth:?}");
        assert!(!growth.is_flat(), "600 KiB of 50 MiB in five minutes");
    }

    #[test]
    fn noise_is_flat_and_says_how_wide() {
        let noisy = samples(600, |at| 50_000 + (at * 7919) % 100);
        let growth = Growth::of(&noisy).unwrap();
        assert!(growth.is_flat(), "{growth:?}");
        assert!(growth.margin > 0.0 && growth.slope.abs() < growth.margin + 1.0);
    }

    #[test]
    fn too_little_is_no_line() {
        assert_eq!(Growth::of(&[]), None);
        assert_eq!(Growth::of(&samples(60, |_| 5)), None);
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (degrees, expected) in [(3.0, 3.182), (10.0, 2.228), (30.0, 2.042), (100.0, 1.984)] {
            assert!(
                (student(degrees) / expected - 1.0).abs() < 0.02,
                "{degrees}"
            );
        }
    }
}
