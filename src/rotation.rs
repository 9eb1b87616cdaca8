//! Rotations of the activations: a matrix may be stored for rotated inputs.
//!
//! A few activations that are much larger than all others make 8-bit activations coarse and ternary weights inaccurate. A rotation `R`
//! spreads them: `W x = (W R^T) (R x)`, and `W R^T` is what is ternarized. This one changes signs at random, then applies a Hadamard
//! matrix to each block of `width` activations, which takes `log2(width)` additions for each. Activations that are too few for another
//! block, at the end of a vector, form blocks that are as large as possible: 2450 of the width 1024 are 1024 + 1024 + 256 + 128 + 16 + 2.
//!
//! ```text
//! s[i]     =  -1 if bit i % 64 of random word i / 64 is set, else +1
//! R x      =  for each block of n activations:   H (s x) / sqrt(n)                 R^T x  =  s (H x) / sqrt(n)
//! H        =  butterflies of distance 1, 2, 4 ... n / 2:   (a, b) -> (a + b, a - b)
//! random word k:   the output number seed + k, counted from 0, of SplitMix64 started at 0:  with z = (seed + k + 1) 0x9e3779b97f4a7c15,
//!                  z = (z ^ z >> 30) 0xbf58476d1ce4e5b9,   z = (z ^ z >> 27) 0x94d049bb133111eb,   z ^ z >> 31     (modulo 2^64)
//! ```
//!
//! `R` is orthogonal. The order of all additions is defined, so the bits are the same on every target.
//!
//! Source of the random words: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (2014).

use core::array;

use num_traits::Float;

use crate::error::{Error, ShapeError};
use crate::simd::{Backend, Job, Vector};

/// Activations that are transformed in registers at the beginning. Chosen: one AVX-512 vector of `f32`, two of AVX2.
const LANES: usize = 16;

/// Rotates vectors of activations, one after the other in `x`: those of a matrix whose
/// [`rotation`](crate::matmul::TernaryMatrix::rotation) is `(width, seed)`. Needs no heap.
///
/// `columns` is the length of a vector, the width a power of two.
///
/// # Errors
///
/// [`Error::InvalidOption`] for a width that is no power of two; [`Error::Shape`] unless the length of `x` is a multiple of `columns`.
///
/// # Examples
///
/// ```
/// use ternarize::matmul::{rotate, rotate_back};
///
/// let mut x = [8.0_f32, 0.0, 0.0, 0.0];
/// rotate(&mut x, 4, 4, 1)?;
/// assert!(x.iter().all(|x| x.abs() == 4.0));
/// rotate_back(&mut x, 4, 4, 1)?;
/// assert_eq!(x, [8.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn rotate(x: &mut [f32], columns: usize, width: usize, seed: u64) -> Result<(), Error> {
    rotate_rows(x, columns, width, seed)
}

/// The inverse of [`rotate`]; for the rows of a weight matrix too, as a rotation keeps inner products.
///
/// # Errors
///
/// As [`rotate`].
pub fn rotate_back(x: &mut [f32], columns: usize, width: usize, seed: u64) -> Result<(), Error> {
    Rotate::new(x, columns, width, seed, true).map(|job| Backend::detect().run(job))
}

/// [`rotate`] for both types of numbers.
pub(crate) fn rotate_rows<F: Element>(
    x: &mut [F],
    columns: usize,
    width: usize,
    seed: u64,
) -> Result<(), Error> {
    Rotate::new(x, columns, width, seed, false).map(|job| Backend::detect().run(job))
}

/// Checks the width of a rotation.
pub(crate) const fn check_width(width: usize) -> Result<(), Error> {
    if width.is_power_of_two() {
        Ok(())
    } else {
        Err(Error::option("width of a rotation", width as f64))
    }
}

/// The rotation of some vectors.
struct Rotate<'a, F> {
    x: &'a mut [F],
    columns: usize,
    width: usize,
    seed: u64,
    /// Whether it is the inverse.
    back: bool,
}

impl<'a, F> Rotate<'a, F> {
    fn new(
        x: &'a mut [F],
        columns: usize,
        width: usize,
        seed: u64,
        back: bool,
    ) -> Result<Self, Error> {
        check_width(width)?;
        if !x.len().is_multiple_of(columns) {
            let (len, group) = (x.len(), columns);
            return Err(Error::Shape(ShapeError::Ragged { len, group }));
        }
        Ok(Self {
            x,
            columns,
            width,
            seed,
            back,
        })
    }
}

impl<F: Element> Job for Rotate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        for x in self.x.chunks_exact_mut(self.columns.max(1)) {
            if !self.back {
                change_signs(x, self.seed);
            }
            let mut rest = &mut *x;
            while !rest.is_empty() {
                let len = self.width.min(1 << rest.len().ilog2());
                let (block, after) = rest.split_at_mut(len);
                hadamard(block);
                rest = after;
            }
            if self.back {
                change_signs(x, self.seed);
            }
        }
    }
}

/// A number that can be rotated.
pub(crate) trait Element: Float {
    /// Its negative if the highest bit is set.
    fn negate_if(self, bits: u32) -> Self;
}

// Of a choice the compiler would make a conditional store, which is slow.
impl Element for f32 {
    #[inline(always)]
    fn negate_if(self, bits: u32) -> Self {
        Self::from_bits(self.to_bits() ^ bits & 1 << 31)
    }
}

impl Element for f64 {
    #[inline(always)]
    fn negate_if(self, bits: u32) -> Self {
        Self::from_bits(self.to_bits() ^ u64::from(bits & 1 << 31) << 32)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "half of a random word at a time"
)]
#[inline(always)]
fn change_signs<F: Element>(x: &mut [F], seed: u64) {
    let bits = |half: usize| {
        let word = random_word(seed.wrapping_add(half as u64 / 2));
        (word >> (half % 2 * 32)) as u32
    };
    let (halves, rest) = x.as_chunks_mut::<32>();
    let rest_bits = bits(halves.len());
    for (half, x) in halves.iter_mut().enumerate() {
        let bits = bits(half);
        *x = array::from_fn(|i| x[i].negate_if(bits << (31 - i)));
    }
    for (i, x) in rest.iter_mut().enumerate() {
        *x = x.negate_if(rest_bits << (31 - i));
    }
}

/// `SplitMix64`.
#[inline(always)]
const fn random_word(state: u64) -> u64 {
    let mut z = state.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The Hadamard matrix times a block, divided by the square root of its length.
#[inline(always)]
fn hadamard<F: Float>(block: &mut [F]) {
    // The factor is a power of two, exact, or that times the square root of one half.
    let len = F::from(block.len()).unwrap_or_else(F::one);
    let factor = F::one() / len.sqrt();
    let (vectors, short) = block.as_chunks_mut::<LANES>();
    for x in &mut *vectors {
        *x = within::<F, 8>(within::<F, 4>(within::<F, 2>(within::<F, 1>(*x))));
    }
    between(vectors, |a, b| {
        (
            array::from_fn(|i| a[i] + b[i]),
            array::from_fn(|i| a[i] - b[i]),
        )
    });
    between(short, |a, b| (a + b, a - b));
    for x in block {
        *x = *x * factor;
    }
}

/// Butterflies of one distance within a vector.
#[inline(always)]
fn within<F: Float, const DISTANCE: usize>(x: [F; LANES]) -> [F; LANES] {
    array::from_fn(|i| {
        let (first, other) = (i & DISTANCE == 0, x[i ^ DISTANCE]);
        if first { x[i] + other } else { other - x[i] }
    })
}

/// Butterflies between the elements of a block, or between its vectors: of distance 1, 2, 4 ...
#[inline(always)]
fn between<T: Copy>(block: &mut [T], butterfly: impl Fn(T, T) -> (T, T)) {
    let mut distance = 1;
    while distance < block.len() {
        for pair in block.chunks_exact_mut(2 * distance) {
            let (upper, lower) = pair.split_at_mut(distance);
            for (a, b) in upper.iter_mut().zip(lower) {
                (*a, *b) = butterfly(*a, *b);
            }
        }
        distance *= 2;
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::fmt::Debug;
    use core::ops::Range;

    /// The blocks of a vector.
    fn blocks(columns: usize, width: usize) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let (mut start, mut len) = (0, width);
        while len > 0 {
            while columns - start >= len {
                blocks.push(start..start + len);
                start += len;
            }
            len /= 2;
        }
        blocks
    }

    /// The definition, number by number.
    fn slowly<F: Element>(x: &mut [F], columns: usize, width: usize, seed: u64, back: bool) {
        let signs = |x: &mut [F]| {
            for (i, x) in x.iter_mut().enumerate() {
                if random_word(seed.wrapping_add(i as u64 / 64)) >> (i % 64) & 1 == 1 {
                    *x = -*x;
                }
            }
        };
        for x in x.chunks_mut(columns) {
            if !back {
                signs(x);
            }
            for block in blocks(columns, width) {
                let len = block.len();
                for distance in (0..len.ilog2()).map(|level| 1 << level) {
                    for i in block.clone().filter(|i| (i - block.start) & distance == 0) {
                        let (a, b) = (x[i], x[i + distance]);
                        (x[i], x[i + distance]) = (a + b, a - b);
                    }
                }
                let factor = F::one() / F::from(len).unwrap().sqrt();
                x[block].iter_mut().for_each(|x| *x = *x * factor);
            }
            if back {
                signs(x);
            }
        }
    }

    /// Lengths about those of vectors and words, and with many blocks.
    const CASES: [(usize, usize); 14] = [
        (1, 1),
        (7, 1),
        (24, 2),
        (31, 8),
        (24, 16),
        (47, 1024),
        (64, 64),
        (65, 64),
        (192, 64),
        (402, 256),
        (384, 128),
        (1000, 1 << 31),
        (2450, 1024),
        (4096, 1024),
    ];

    /// Every backend returns the bits of the definition.
    fn check_backends<F: Element + Debug>(number: impl Fn(usize) -> F) {
        for ((columns, width), back) in CASES.into_iter().flat_map(|c| [(c, false), (c, true)]) {
            let x: Vec<F> = (0..3 * columns).map(&number).collect();
            let seed = u64::MAX - columns as u64 / 128;
            let mut expected = x.clone();
            slowly(&mut expected, columns, width, seed, back);
            for backend in Backend::available() {
                let mut y = x.clone();
                backend.run(Rotate::new(&mut y, columns, width, seed, back).unwrap());
                assert_eq!(y, expected, "{columns} {width} {}", backend.name());
            }
        }
    }

    #[test]
    fn backends_agree_with_the_definition() {
        check_backends(|i| ((i * i) as f32).sin());
        check_backends(|i| ((i * i) as f64).sin());
    }

    /// Row `i` of the rotation is the rotated unit vector `i`; rows are orthogonal, and the entries are the definition's.
    #[test]
    fn a_rotation_is_orthogonal_and_as_defined() {
        let (width, seed) = (8, 7);
        let rows: [[f32; 29]; 29] = array::from_fn(|i| {
            let mut x = [0.0; 29];
            x[i] = 1.0;
            rotate(&mut x, 29, width, seed).unwrap();
            x
        });
        // Three of 8, one of 4, one of 1.
        let block =
            |i: usize| [0..8, 8..16, 16..24, 24..28, 28..29][i / 8 + usize::from(i == 28)].clone();
        for (i, a) in rows.iter().enumerate() {
            let sign = if (random_word(seed) >> i) & 1 == 1 {
                -1.0
            } else {
                1.0
            };
            for (j, &entry) in a.iter().enumerate() {
                let len = block(i).len();
                let odd = ((i % len) & (j % len)).count_ones() % 2 == 1;
                let hadamard = if odd { -1.0 } else { 1.0 };
                let expected = if block(i) == block(j) {
                    sign * hadamard
                } else {
                    0.0
                };
                let root = (len as f32).sqrt();
                assert!((entry - expected / root).abs() < 1e-7, "{i} {j}");
            }
            for (k, b) in rows.iter().enumerate() {
                let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((product - f32::from(u8::from(i == k))).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn back_and_forth() {
        for (columns, width) in CASES {
            let x: Vec<f32> = (0..3 * columns).map(|i| ((i * i) as f32).sin()).collect();
            let mut y = x.clone();
            rotate(&mut y, columns, width, 3).unwrap();
            assert!(width == 1 || x != y);
            rotate_back(&mut y, columns, width, 3).unwrap();
            let near = |(x, y): (&f32, &f32)| (x - y).abs() < 1e-5;
            assert!(x.iter().zip(&y).all(near));
        }
    }

    #[test]
    fn widths_and_lengths_that_do_not_fit() {
        let rotated = |columns, width| rotate(&mut [0.0; 24], columns, width, 0);
        for width in [0, 12] {
            let expected = Err(Error::option("width of a rotation", width as f64));
            assert_eq!(rotated(24, width), expected);
        }
        let ragged = |len, group| Err(Error::Shape(ShapeError::Ragged { len, group }));
        assert_eq!(rotated(16, 16), ragged(24, 16));
        assert_eq!(rotated(0, 16), ragged(24, 0));
        assert_eq!(rotate(&mut [], 0, 16, 0), Ok(()));
    }
}
