//! Every unit against the definition, with the plainest loops for that.

use super::{ActivationTile, DigitPlanes, Digits, MOST_TILES, TILE, TileJob, TileUnit};
use crate::simd::Backend;
use alloc::vec::Vec;

/// A small generator, so that a test has the same numbers everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u8 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[0]
    }

    /// -127..=127, now and then all at an end of it.
    fn activations<const P: usize>(&mut self) -> DigitPlanes<P> {
        let extreme = self.next();
        let mut planes = [[0; TILE]; P];
        for x in planes.as_flattened_mut() {
            *x = match extreme {
                0..40 => 127,
                40..80 => -127,
                _ => self.next().cast_signed().max(-127),
            };
        }
        planes
    }

    fn digits<const P: usize>(&mut self) -> [[u8; P]; TILE] {
        let extreme = self.next();
        let mut digits = [[0; P]; TILE];
        for digit in digits.as_flattened_mut() {
            *digit = match extreme {
                0..60 => extreme % 3,
                _ => self.next() % 3,
            };
        }
        digits
    }
}

/// A tile, and what comes of it.
struct Case<const P: usize> {
    codes: [u8; TILE],
    tile: ActivationTile<P>,
    plus: [i32; 16],
    minus: [i32; 16],
}

impl<const P: usize> Case<P> {
    fn new(numbers: &mut Numbers, encode: fn([u8; P]) -> u8) -> Self {
        let (digits, x) = (numbers.digits::<P>(), numbers.activations::<P>());
        let mut case = Self {
            codes: digits.map(encode),
            tile: ActivationTile { x, less: [0; 16] },
            plus: [0; 16],
            minus: [0; 16],
        };
        for (byte, digits) in digits.iter().enumerate() {
            for (place, digit) in digits.iter().enumerate() {
                let (lane, x) = (byte / 4, i32::from(x[place][byte]));
                case.tile.less[lane] -= x;
                match digit {
                    2 => case.plus[lane] += x,
                    0 => case.minus[lane] += x,
                    _ => {}
                }
            }
        }
        case
    }

    fn total(&self) -> [i32; 16] {
        core::array::from_fn(|lane| self.plus[lane] - self.minus[lane])
    }
}

fn two_bits(digits: [u8; 4]) -> u8 {
    digits.iter().rev().fold(0, |byte, digit| byte << 2 | digit)
}

fn fraction(digits: [u8; 5]) -> u8 {
    let number = digits
        .iter()
        .fold(0, |number, &digit| 3 * number + u32::from(digit));
    u8::try_from((256 * number).div_ceil(243)).unwrap()
}

struct Check<'a>(&'a [Case<4>], &'a [Case<5>]);

impl TileJob for Check<'_> {
    type Output = ();

    #[inline(always)]
    fn run<T: TileUnit>(self, unit: T) {
        check(unit, self.0);
        check(unit, self.1);
    }
}

fn check<T: Digits<P>, const P: usize>(unit: T, cases: &[Case<P>]) {
    // Two vectors: that of the case, and that of the first case.
    let (mut totals, mut less) = ([0_i64; 2], [[0; 16]; 2]);
    for case in cases {
        let xs = [&case.tile, &cases[0].tile];
        let [sums, _] = unit.tiles([&case.codes], [xs]);
        assert_eq!(unit.array(sums), case.total());
        let [by_sign, _] = unit.tiles_by_sign([&case.codes], [xs]);
        assert_eq!(
            by_sign.map(|sums| unit.array(sums)),
            [case.plus, case.minus]
        );
        // Folded beside the first case, which the other vector meets.
        let (codes, xs_of_both) = ([&case.codes, &cases[0].codes], [xs, [xs[1], xs[0]]]);
        let folded = |case: &[i32; 16]| core::array::from_fn::<_, 8, _>(|j| case[j] + case[j + 8]);
        let halves = |sums| unit.array(sums).as_chunks::<8>().0.to_vec();
        let [pair, _] = unit.tiles(codes, xs_of_both);
        assert_eq!(
            halves(pair),
            [folded(&case.total()), folded(&cases[0].total())]
        );
        let [[plus, minus], _] = unit.tiles_by_sign(codes, xs_of_both);
        assert_eq!(halves(plus), [folded(&case.plus), folded(&cases[0].plus)]);
        assert_eq!(
            halves(minus),
            [folded(&case.minus), folded(&cases[0].minus)]
        );
        for (c, x) in xs.into_iter().enumerate() {
            let [sums] = unit.tiles([&case.codes], [[x]]);
            totals[c] += i64::from(unit.total(sums));
            for (less, more) in less[c].iter_mut().zip(x.less) {
                *less += more;
            }
        }
    }
    let mut running = [unit.start(&less[0]), unit.start(&less[1])];
    // One vector alone is added by other instructions on AVX2.
    let mut alone = [running[0]];
    for cases_between in cases.chunks(T::SHORT) {
        for case in cases_between {
            unit.add(&mut running, &case.codes, [&case.tile, &cases[0].tile]);
            unit.add(&mut alone, &case.codes, [&case.tile]);
        }
        running = running.map(|sums| unit.settle(sums));
        alone = alone.map(|sums| unit.settle(sums));
    }
    let total = |sums| i64::from(unit.total(unit.finish(sums)));
    assert_eq!(running.map(total), totals);
    assert_eq!(alone.map(total), [totals[0]]);
}

fn on_every_unit(two_bit: &[Case<4>], base3: &[Case<5>]) {
    for backend in Backend::available() {
        backend.run_tiles(Check(two_bit, base3));
    }
}

#[test]
fn all_units_agree() {
    let mut numbers = Numbers(1);
    for _ in 0..20 {
        let two_bit: Vec<_> = (0..30).map(|_| Case::new(&mut numbers, two_bits)).collect();
        let base3: Vec<_> = (0..30).map(|_| Case::new(&mut numbers, fraction)).collect();
        on_every_unit(&two_bit, &base3);
    }
}

/// As many tiles as may be, all activations and digits at their ends: nothing overflows.
#[test]
fn the_extremes_fit() {
    fn extreme<const P: usize>(encode: fn([u8; P]) -> u8, digit: u8, x: i8) -> Vec<Case<P>> {
        let sum = 4 * i32::try_from(P).unwrap() * i32::from(x);
        let case = |_| Case {
            codes: [encode([digit; P]); TILE],
            tile: ActivationTile {
                x: [[x; TILE]; P],
                less: [-sum; 16],
            },
            plus: [if digit == 2 { sum } else { 0 }; 16],
            minus: [if digit == 0 { sum } else { 0 }; 16],
        };
        (0..MOST_TILES).map(case).collect()
    }
    for digit in 0..3 {
        for x in [-127, 127] {
            on_every_unit(&extreme(two_bits, digit, x), &extreme(fraction, digit, x));
        }
    }
}

struct Single<'a>(&'a [i32; 16], &'a [u8; TILE]);

impl TileJob for Single<'_> {
    type Output = ([f32; 16], [u8; TILE]);

    #[inline(always)]
    fn run<T: TileUnit>(self, unit: T) -> Self::Output {
        use crate::simd::Vector;
        let sums = unit.load_sums(self.0);
        let twice = unit.add_sums(sums, sums);
        assert_eq!(unit.array(twice), self.0.map(|sum| 2 * sum));
        let singles = unit.vector().array(unit.to_floats(sums));
        (singles, unit.fractions(self.1))
    }
}

#[test]
fn sums_become_the_nearest_singles_and_numbers_fractions() {
    let mut sums = [0; 16];
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum = (1 << (i + 8)) + [1, -1, 3, 0x55][i % 4] * [1, -1][i / 8];
    }
    let numbers: Vec<u8> = (0..=255).collect();
    for numbers in numbers.as_chunks::<TILE>().0 {
        for backend in Backend::available() {
            let (singles, fractions) = backend.run_tiles(Single(&sums, numbers));
            let expected = sums.map(|sum| (sum as f32).to_bits());
            assert_eq!(singles.map(f32::to_bits), expected);
            for (&number, fraction) in numbers.iter().zip(fractions).filter(|pair| *pair.0 < 243) {
                assert_eq!(u32::from(fraction), (256 * u32::from(number)).div_ceil(243));
            }
        }
    }
}

#[cfg(feature = "half")]
#[test]
fn halves_are_widened_exactly() {
    struct Halves<'a>(&'a [u16; 16]);

    impl TileJob for Halves<'_> {
        type Output = [f32; 16];

        #[inline(always)]
        fn run<T: TileUnit>(self, unit: T) -> [f32; 16] {
            use crate::simd::Vector;
            let widened = unit.vector().array(unit.widen_halves(self.0));
            let one_by_one = self.0.map(|bits| unit.widen_half(bits).to_bits());
            assert_eq!(one_by_one, widened.map(f32::to_bits));
            widened
        }
    }

    let finite: Vec<u16> = (0..0x7c00).chain(0x8000..0xfc00).collect();
    for bits in finite.as_chunks::<16>().0 {
        let expected = bits.map(|bits| half::f16::from_bits(bits).to_f32().to_bits());
        for backend in Backend::available() {
            let singles = backend.run_tiles(Halves(bits));
            assert_eq!(singles.map(f32::to_bits), expected);
        }
    }
}
