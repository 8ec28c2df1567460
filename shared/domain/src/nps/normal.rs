//! The normal distribution, and the one quantile of Student's that is needed.

use std::f64::consts::FRAC_1_SQRT_2;

/// The quantile of 97.5 % of the standard normal distribution: what lies within it is 95 %.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// The chance that a standard normal number is farther from zero than `z`, on either side: erfc(|z| / sqrt 2).
///
/// `erfc` is that of FreeBSD's msun in the `libm` crate, whose error is below 1 ulp; with the rounding of its argument, which
/// weighs z^2 times as much, the relative error is below 1e-13 up to z = 20. `NaN` for `NaN`.
pub fn two_sided_p(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}

/// The chance that a standard normal number is at most `z`.
pub fn cumulative(z: f64) -> f64 {
    libm::erfc(-z * FRAC_1_SQRT_2) / 2.0
}

/// The quantiles of 97.5 % of Student's distribution at 1 to 9 degrees of freedom.
const STUDENT: [f64; 9] = [
    12.706_204_736_432_1,
    4.302_652_729_696_14,
    3.182_446_305_284_26,
    2.776_445_105_197_8,
    2.570_581_836_614_74,
    2.446_911_848_791_68,
    2.364_624_251_010_3,
    2.306_004_135_033_37,
    2.262_157_162_740_99,
];

/// The quantile of 97.5 % of Student's distribution. From ten degrees of freedom on by the expansion of Abramowitz and Stegun,
/// "Handbook of Mathematical Functions", 26.7.5, whose error there is below 1e-5 and falls with the fifth power. Infinite at zero.
pub fn student_95(degrees: u64) -> f64 {
    let Some(before) = degrees.checked_sub(1) else {
        return f64::INFINITY;
    };
    let tabled = usize::try_from(before).ok().and_then(|at| STUDENT.get(at));
    if let Some(quantile) = tabled {
        return *quantile;
    }
    let v = super::float(degrees);
    let z = Z_95;
    let z2 = z * z;
    let first = (z2 + 1.0) * z / 4.0;
    let second = ((5.0 * z2 + 16.0) * z2 + 3.0) * z / 96.0;
    let third = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) * z / 384.0;
    let fourth = ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) * z / 92_160.0;
    z + (first + (second + (third + fourth / v) / v) / v) / v
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From the power series, with 400 digits.
    const KNOWN: [(f64, f64); 8] = [
        (0.0, 1.0),
        (0.5, 0.617_075_077_451_973_8),
        (1.0, 0.317_310_507_862_914_2),
        (Z_95, 0.05),
        (2.575_829_303_548_901, 0.01),
        (5.0, 5.733_031_437_583_878e-7),
        (10.0, 1.523_970_604_832_105_3e-23),
        (20.0, 5.507_248_237_212_467e-89),
    ];

    #[test]
    fn the_two_sided_p_has_thirteen_digits() {
        for (z, p) in KNOWN {
            let ours = two_sided_p(z);
            assert!((ours / p - 1.0).abs() < 1e-13, "{z}: {ours:e}, not {p:e}");
            assert!((cumulative(-z) - p / 2.0).abs() <= p * 1e-13, "{z}");
        }
        assert_eq!(two_sided_p(f64::INFINITY), 0.0);
        assert!(two_sided_p(f64::NAN).is_nan());
    }

    /// The same bits everywhere: a platform that rounds anything differently fails here.
    #[test]
    fn the_bits_are_the_same_everywhere() {
        let bits = [0.1, 0.9, 1.3, 2.7, 4.4, 9.9].map(|z| two_sided_p(z).to_bits());
        insta::assert_debug_snapshot!(bits);
    }

    #[test]
    fn students_quantile_is_known_and_falls_to_the_normal_one() {
        for (degrees, known) in [
            (1, 12.706_205),
            (4, 2.776_445),
            (9, 2.262_157),
            (10, 2.228_139),
            (15, 2.131_450),
            (30, 2.042_272),
            (120, 1.979_930),
        ] {
            assert!((student_95(degrees) - known).abs() < 1e-5, "{degrees}");
        }
        let quantiles: Vec<_> = (0..500).map(student_95).collect();
        assert!(quantiles.windows(2).all(|two| two[0] > two[1]));
        assert!((student_95(u64::MAX) - Z_95).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn p_is_symmetric_and_falls(z in 0.0..30.0f64, more in 1e-6..5.0f64) {
            prop_assert_eq!(two_sided_p(z).to_bits(), two_sided_p(-z).to_bits());
            prop_assert!(two_sided_p(z) > two_sided_p(z + more));
            prop_assert!((cumulative(z) + cumulative(-z) - 1.0).abs() < 1e-15);
        }
    }
}
