//! Chance that repeats, for the simulations of the tests: SplitMix64.

use super::Standings;

pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to, but not, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// `n` answers of a population with these shares of promoters and passives.
    pub(crate) fn standings(&mut self, n: u64, [promoters, passives]: [f64; 2]) -> Standings {
        let mut drawn = Standings::default();
        for _ in 0..n {
            let at = self.unit();
            let one = if at < promoters {
                &mut drawn.promoters
            } else if at < promoters + passives {
                &mut drawn.passives
            } else {
                &mut drawn.detractors
            };
            *one += 1;
        }
        drawn
    }
}
