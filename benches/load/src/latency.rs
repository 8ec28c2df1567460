//! Latencies: all of them, exactly. An hour at a hundred a second is a megabyte and a half.

use std::time::Duration;

/// Measured latencies.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    sorted: Vec<Duration>,
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<T: IntoIterator<Item = Duration>>(iter: T) -> Self {
        let mut sorted: Vec<_> = iter.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

impl Latencies {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The smallest that so many of a thousand do not exceed (the nearest rank); `None` without any.
    pub fn per_mille(&self, share: usize) -> Option<Duration> {
        let rank = (self.sorted.len() * share).div_ceil(1000).max(1);
        self.sorted.get(rank - 1).copied()
    }

    /// The greatest.
    pub fn max(&self) -> Option<Duration> {
        self.sorted.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let ms = Duration::from_millis;
        let latencies: Latencies = (1..=200).rev().map(ms).collect();
        let found = [1, 500, 990, 999, 1000].map(|share| latencies.per_mille(share));
        assert_eq!(found, [1, 100, 198, 200, 200].map(|value| Some(ms(value))));
        assert_eq!(latencies.max(), Some(ms(200)));
        assert_eq!(Latencies::default().per_mille(500), None);
    }
}
