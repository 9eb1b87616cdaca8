//! Every operation against an integer library, on numbers of every length, carries and near-ties included.

#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers drawn from small ranges"
)]

extern crate alloc;

use alloc::vec::Vec;
use core::cmp::Ordering;

use num_bigint::BigUint;

use super::limbs::{add_shifted, bit_length, compare, divide, leading, multiply, to_f64};
use super::quotient::Quotient;
use super::score::{Score, clearly, exactly};
use crate::weight::{FloatBits, decode};

/// `SplitMix64`: numbers without a pattern, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A limb that is often all zeros, all ones or next to them: where carries run.
    fn limb(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => 1,
            3 => 1 << self.below(64),
            _ => self.next(),
        }
    }

    /// A number of at most `limbs` limbs in an array of `N`.
    fn limbs<const N: usize>(&mut self, limbs: u64) -> [u64; N] {
        let used = self.below(limbs + 1);
        let mut number = [0; N];
        for (_, limb) in (0..used).zip(&mut number) {
            *limb = self.limb();
        }
        number
    }
}

fn big(limbs: &[u64]) -> BigUint {
    let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    BigUint::from_bytes_le(&bytes)
}

/// `x * 2^exponent` as a fraction.
fn shifted(x: &BigUint, exponent: i32) -> (BigUint, BigUint) {
    let (up, down) = (exponent.max(0), (-exponent).max(0));
    (x << up, BigUint::from(1_u8) << down)
}

fn magnitude(key: u64, precision: u32) -> BigUint {
    let (mantissa, shift) = decode(key, precision);
    BigUint::from(mantissa) << shift
}

/// `numerator / denominator` rounded down and to the nearest key, ties to even, by bisection.
fn rounded<W: FloatBits>(numerator: &BigUint, denominator: &BigUint) -> (u64, u64) {
    let (mut low, mut high) = (0, W::infinity().key());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if magnitude(middle, W::PRECISION) * denominator <= *numerator {
            low = middle;
        } else {
            high = middle;
        }
    }
    // Against the middle between the neighbours: half of their sum.
    let sum = magnitude(low, W::PRECISION) + magnitude(high, W::PRECISION);
    let up = match (numerator * 2_u8).cmp(&(sum * denominator)) {
        Ordering::Less => 0,
        Ordering::Equal => low & 1,
        Ordering::Greater => 1,
    };
    (low, low + up)
}

/// A quotient that stands for `a * 2^exponent / b`, and its half, are rounded as that is, if it is a finite weight.
fn judge<W: FloatBits>(quotient: Quotient, (a, b): (&BigUint, &BigUint), exponent: i32) -> usize {
    let (a, one) = shifted(a, exponent);
    let b = b * one;
    let top = magnitude(W::infinity().key() - 1, W::PRECISION);
    if a > top * &b {
        return 0;
    }
    for (quotient, b) in [(quotient, b.clone()), (quotient.half(), b * 2_u8)] {
        let (floor, nearest) = rounded::<W>(&a, &b);
        assert_eq!(quotient.floor_key(W::PRECISION), floor, "{quotient:?}");
        assert_eq!(quotient.nearest_key(W::PRECISION), nearest, "{quotient:?}");
    }
    1
}

fn judge_all(quotient: Quotient, ratio: (&BigUint, &BigUint), exponent: i32) -> usize {
    #[cfg(feature = "half")]
    let halves = judge::<half::f16>(quotient, ratio, exponent)
        + judge::<half::bf16>(quotient, ratio, exponent);
    #[cfg(not(feature = "half"))]
    let halves = 0;
    judge::<f32>(quotient, ratio, exponent) + judge::<f64>(quotient, ratio, exponent) + halves
}

#[test]
fn sums_products_and_order() {
    let mut numbers = Numbers(1);
    for _ in 0..3000 {
        let (a, b): ([u64; 6], [u64; 6]) = (numbers.limbs(5), numbers.limbs(5));
        assert_eq!(u64::from(bit_length(&a)), big(&a).bits());
        assert_eq!(compare(&a, &b), big(&a).cmp(&big(&b)));
        assert_eq!(compare(&a, a.get(..5).unwrap()), Ordering::Equal);
        let mut product = [7; 12];
        multiply(&mut product, &a, &b);
        assert_eq!(big(&product), big(&a) * big(&b));
        let [low, high] = [numbers.limb(), numbers.limb()];
        let addend = u128::from(low) | u128::from(high) << 64;
        let shift = numbers.below(250) as u32;
        let mut sum = [0; 7];
        sum[..6].copy_from_slice(&a);
        add_shifted(&mut sum, addend, shift);
        assert_eq!(big(&sum), big(&a) + (BigUint::from(addend) << shift));
    }
}

#[test]
fn leading_bits_and_floats() {
    let mut numbers = Numbers(2);
    for _ in 0..5000 {
        let a: [u64; 6] = numbers.limbs(6);
        let (top, exact) = (leading(&a), big(&a));
        assert_eq!(BigUint::from(top.bits), &exact >> top.exponent);
        assert_eq!(
            top.inexact,
            BigUint::from(top.bits) << top.exponent != exact
        );
        assert!(top.exponent == 0 || top.bits >> 127 == 1);
        let (numerator, denominator) = shifted(&exact, 1074 - 300);
        let (_, nearest) = rounded::<f64>(&numerator, &denominator);
        assert_eq!(to_f64(&a, -300).key(), nearest);
    }
}

/// A number halfway between two of `precision` bits, or just beside: `(2m + 1) 2^s + nudge`.
fn halfway<const N: usize>(numbers: &mut Numbers, precision: u32) -> [u64; N] {
    let odd = 1 << precision | numbers.below(1 << precision) | 1;
    let mut number = [0; N];
    add_shifted(&mut number, u128::from(odd), 1 + numbers.below(120) as u32);
    match numbers.below(3) {
        0 => add_shifted(&mut number, 1, 0),
        1 => {
            let below = big(&number) - 1_u8;
            number = [0; N];
            for (limb, digit) in number.iter_mut().zip(below.to_u64_digits()) {
                *limb = digit;
            }
        }
        _ => {}
    }
    number
}

#[test]
fn floats_near_ties() {
    let mut numbers = Numbers(3);
    for _ in 0..3000 {
        let a: [u64; 4] = halfway(&mut numbers, 53);
        let (numerator, denominator) = shifted(&big(&a), 1074);
        let (_, nearest) = rounded::<f64>(&numerator, &denominator);
        assert_eq!(to_f64(&a, 0).key(), nearest);
    }
}

#[test]
fn quotients_of_short_sums() {
    let mut numbers = Numbers(4);
    let mut judged = 0;
    for round in 0..2000_u64 {
        let precision = [8, 11, 24, 53][round as usize % 4];
        let bits = numbers.below(20);
        let b = 1 + numbers.below(1 << bits);
        let near: [u64; 2] = match halfway::<4>(&mut numbers, precision) {
            [low, high, 0, 0] if high >> 40 == 0 => [low, high],
            _ => numbers.limbs(2),
        };
        let a = u128::from(near[0]) | u128::from(near[1]) << 64;
        for a in [a, a.checked_mul(u128::from(b)).unwrap_or(a)] {
            for exponent in [-140, -60, 0, 7, 130, 1800] {
                let ratio = (&BigUint::from(a), &BigUint::from(b));
                judged += judge_all(Quotient::of(a, b, exponent), ratio, exponent);
            }
        }
    }
    assert!(judged > 20_000, "{judged}");
}

#[test]
fn quotients_of_long_sums() {
    let mut numbers = Numbers(5);
    let mut judged = 0;
    for round in 0..1500_u64 {
        let b: [u64; 9] = numbers.limbs(3);
        if bit_length(&b) == 0 {
            continue;
        }
        let precision = [8, 11, 24, 53][round as usize % 4];
        let near: [u64; 4] = halfway(&mut numbers, precision);
        let mut multiple = [0; 9];
        multiply(&mut multiple, &near, &b);
        let mut beside = multiple;
        add_shifted(&mut beside, 1, 0);
        for a in [numbers.limbs(8), multiple, beside] {
            judged += judge_all(divide(&a, &b), (&big(&a), &big(&b)), 0);
        }
    }
    assert!(judged > 5000, "{judged}");
}

/// Two candidates: anything, or scores that tie exactly, or by a hair.
fn candidates(numbers: &mut Numbers) -> [([u64; 4], [u64; 4]); 2] {
    if numbers.below(4) == 0 {
        return [(); 2].map(|()| (numbers.limbs(4), numbers.limbs(2)));
    }
    // (k s)^2 / (k^2 m) = s^2 / m.
    let (s, m, k) = (
        numbers.next() >> numbers.below(50),
        numbers.below(1 << 20),
        numbers.below(1 << 16),
    );
    let times = |x: u64, y: u64| {
        let mut product = [0; 4];
        multiply(&mut product, &[x], &[y]);
        product
    };
    let mut pair = [(times(k, s), times(k * k, m)), (times(1, s), times(1, m))];
    let [first, second] = &mut pair;
    match numbers.below(5) {
        0 => add_shifted(&mut first.0, 1, 0),
        1 => add_shifted(&mut second.0, 1, 0),
        2 => add_shifted(&mut first.1, 1, 0),
        _ => {}
    }
    pair
}

#[test]
fn scores_in_order() {
    let mut numbers = Numbers(6);
    let (mut ties, mut clear, mut unclear) = (0, 0, 0);
    for _ in 0..20_000 {
        let [a, b] = candidates(&mut numbers);
        if bit_length(&a.1) == 0 || bit_length(&b.1) == 0 {
            continue;
        }
        let cube = |s: &[u64], m: &[u64]| big(s) * big(s) * big(m);
        let expected = cube(&a.0, &b.1).cmp(&cube(&b.0, &a.1));
        let left = Score {
            sum: &a.0,
            mass: &a.1,
        };
        let right = Score {
            sum: &b.0,
            mass: &b.1,
        };
        assert_eq!(exactly::<[u64; 12]>(left, right), expected);
        let float = |(sum, mass): &([u64; 4], [u64; 4])| {
            let (sum, mass) = (to_f64(sum, 0), to_f64(mass, 0));
            sum * (sum / mass)
        };
        match clearly(float(&a), float(&b)) {
            Some(order) => assert_eq!(order, expected),
            None => unclear += 1,
        }
        ties += usize::from(expected == Ordering::Equal);
        clear += usize::from(clearly(float(&a), float(&b)).is_some());
    }
    assert!(
        ties > 1000 && clear > 1000 && unclear > ties,
        "{ties} {clear} {unclear}"
    );
}

#[test]
fn the_filter_decides_what_it_can_and_no_more() {
    assert_eq!(clearly(1.0, 1.0 + 1e-13), Some(Ordering::Less));
    assert_eq!(clearly(2.0, 1.0), Some(Ordering::Greater));
    assert_eq!(clearly(1.0, 1.0), None);
    // Two scores of a relative error of eight roundings each may stand in the wrong order.
    assert_eq!(clearly(1.0, 1.0 + 8.0 * f64::EPSILON), None);
    assert_eq!(clearly(0.0, 1.0), None);
    assert_eq!(clearly(1e-300, 1e-260), None);
    assert_eq!(clearly(1e251, f64::INFINITY), None);
}

#[cfg(feature = "alloc")]
#[test]
fn products_and_differences_of_any_length() {
    use super::natural::{difference, magnitude, product};

    let mut numbers = Numbers(7);
    for _ in 0..2000 {
        let (a, b): ([u64; 5], [u64; 3]) = (numbers.limbs(5), numbers.limbs(3));
        let together = product(&a, &b);
        assert_eq!(big(&together), big(&a) * big(&b));
        let mut more = together.clone();
        more.push(0);
        add_shifted(&mut more, numbers.next().into(), 40);
        let expected = big(&more) - big(&together);
        assert_eq!(big(&difference(more, &together)), expected);
        let weight = f64::from_key(numbers.below(f64::INFINITY.key()));
        let expected = self::magnitude(weight.key(), f64::PRECISION);
        assert_eq!(big(&magnitude(weight)), expected);
    }
}

#[cfg(feature = "alloc")]
#[test]
fn weighted_sums_and_their_scales() {
    use super::wide_sums::WideSums;

    let mut numbers = Numbers(8);
    for round in 0..300 {
        let mut parts = [WideSums::<f64>::NONE; 2];
        let (mut sum, mut mass) = (BigUint::default(), BigUint::default());
        let (len, weighted) = (numbers.below(9), round % 2 == 0);
        for i in 0..len {
            let weight = f64::from_key(numbers.below(f64::INFINITY.key() >> (round % 3)));
            let key = numbers.below(f32::INFINITY.key());
            let h = weighted.then(|| f32::from_key(key));
            let one = || BigUint::from(1_u8);
            let expected = h.map_or_else(one, |_| magnitude(key, f32::PRECISION));
            sum += magnitude(weight.key(), f64::PRECISION) * &expected;
            mass += expected;
            parts[i as usize % 2].add(-weight, h);
        }
        let all = parts[0].plus(&parts[1]);
        assert!(all.are(len as usize, &mass.to_u64_digits(), &sum.to_u64_digits()));
        assert!(!all.are(
            len as usize + 1,
            &mass.to_u64_digits(),
            &sum.to_u64_digits()
        ));
        assert!(!all.are(
            len as usize,
            &mass.to_u64_digits(),
            &(sum.clone() + 1_u8).to_u64_digits()
        ));
        assert!(!all.are(
            len as usize,
            &(mass.clone() + 1_u8).to_u64_digits(),
            &sum.to_u64_digits()
        ));
        if mass == BigUint::default() {
            assert_eq!((all.scale().key(), all.half_scale().key()), (0, 0));
            continue;
        }
        assert_eq!(all.scale().key(), rounded::<f64>(&sum, &mass).1);
        assert_eq!(
            all.half_scale().key(),
            rounded::<f64>(&sum, &(mass * 2_u8)).0
        );
    }
}
