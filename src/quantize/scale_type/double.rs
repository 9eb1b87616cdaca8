//! [`Double`]: the unevaluated sum of two `f64`, which carries about 106 bits.
//!
//! ```text
//! a + b = s + e     s = fl(a + b); e is found by undoing the addition
//! a * b = p + e     p = fl(a * b); e is found from the halves of a and b, of 26 bits each
//! ```
//!
//! Each operation errs by at most a few `2^-106` of its operands. There is no fused multiply-add, so the bits are the same on every
//! target.
//!
//! Source: T. J. Dekker, A floating-point technique for extending the available precision (1971).

/// The number `high + low`, with `high` the nearest `f64` to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(super) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    /// An `f64`.
    pub(super) const fn new(x: f64) -> Self {
        Self { high: x, low: 0.0 }
    }

    /// The nearest `f64`.
    pub(super) const fn nearest(self) -> f64 {
        self.high
    }

    /// `high + low`, whichever of the two is larger.
    fn of(high: f64, low: f64) -> Self {
        let sum = high + low;
        let back = sum - high;
        let low = (high - (sum - back)) + (low - back);
        Self { high: sum, low }
    }

    /// The exact product of two `f64` that neither overflow nor underflow on the way.
    pub(super) fn product(a: f64, b: f64) -> Self {
        let halves = |x: f64| {
            let wide = x * 134_217_729.0; // 2^27 + 1
            let high = wide - (wide - x);
            (high, x - high)
        };
        let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
        let high = a * b;
        let low = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low;
        Self { high, low }
    }

    /// The sum.
    pub(super) fn plus(self, other: Self) -> Self {
        let sum = Self::of(self.high, other.high);
        Self::of(sum.high, sum.low + (self.low + other.low))
    }

    /// The product with an `f64`.
    pub(super) fn times(self, factor: f64) -> Self {
        let product = Self::product(self.high, factor);
        Self::of(product.high, product.low + self.low * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `high + low` as a whole number.
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers below 2^127")]
    fn whole(double: Double) -> i128 {
        double.high as i128 + double.low as i128
    }

    #[test]
    fn products_of_two_doubles_are_exact() {
        let mut x = 1_i64;
        for _ in 0..1000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (a, b) = (x >> 11, (x ^ x << 17) >> 12);
            let product = Double::product(a as f64, b as f64);
            assert_eq!(whole(product), i128::from(a) * i128::from(b));
        }
    }

    #[test]
    fn sums_and_products_keep_a_hundred_bits() {
        let mut sum = Double::default();
        let mut exact = 0;
        for i in 0..1000_i64 {
            let x = i64::MAX >> 10 >> (i % 40);
            exact += 3 * i128::from(x);
            sum = sum.plus(Double::new(x as f64).times(3.0));
        }
        assert_eq!(whole(sum), exact);
        let tiny = Double::new(1.0).plus(Double::new(f64::EPSILON * f64::EPSILON / 4.0));
        assert!(tiny > Double::new(1.0) && tiny.plus(Double::new(-1.0)).nearest() > 0.0);
    }
}
