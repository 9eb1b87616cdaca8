//! `McNemar`'s exact test: do two networks differ in how often they are right, seen on the same images?
//!
//! Only images that one of them has right and the other wrong say anything. Without a difference, each of these `n` falls to either side with
//! probability 1/2, so the two-sided p-value is that of `n` fair coins, of which at most `min(b, c)` show the rarer side.
//!
//! ```text
//! p = min(1, 2 sum_{i <= min(b, c)} C(n, i) / 2^n)
//! ```
//!
//! Source: Q. `McNemar`, Note on the sampling error of the difference between correlated proportions (1947).

/// The p-value for two lists of which images are right.
#[must_use]
pub(super) fn compare(first: &[bool], second: &[bool]) -> f64 {
    let only = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| **a && !**b).count();
    p_value(only(first, second), only(second, first))
}

/// The p-value of `b` images that only the first has right, and `c` that only the second has.
#[must_use]
fn p_value(b: usize, c: usize) -> f64 {
    let n = (b + c) as f64;
    // In logarithms, for 2^-n may be below the smallest number.
    let mut term = -n * core::f64::consts::LN_2;
    let mut sum = term.exp();
    for i in 0..b.min(c) {
        term += ((n - i as f64) / (i as f64 + 1.0)).ln();
        sum += term.exp();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let near = |found: f64, expected: f64| {
            assert!(
                (found - expected).abs() < 1e-9 * expected,
                "{found} {expected}"
            );
        };
        near(p_value(0, 0), 1.0);
        near(p_value(5, 5), 1.0);
        near(p_value(0, 5), 2.0 / 32.0);
        near(p_value(2, 8), 2.0 * 56.0 / 1024.0);
        // From exact binomial coefficients; the last begins below the smallest number.
        near(p_value(30, 12), 0.007_915_897_334_896_727);
        near(p_value(121, 59), 4.434_449_263_755_176e-6);
        near(p_value(900, 1000), 0.023_108_845_108_901_07);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "few coins are exact")]
    fn only_differences_count() {
        let first = [true, true, false, true, true];
        let second = [true, false, false, false, true];
        assert_eq!(compare(&first, &second), 0.5);
        assert_eq!(compare(&first, &first), 1.0);
    }
}
