//! Rotations of the activations: a matrix may be stored for rotated inputs.
//!
//! A few activations that are much larger than all others make 8-bit activations coarse and ternary weights inaccurate. A rotation `R`
//! spreads them: `W x = (W R^T) (R x)`, and `W R^T` is what is ternarized. This one changes signs at random, then applies a Hadamard
//! matrix to each block of `width` activations, which takes `log2(width)` additions for each:
//!
//! ```text
//! s[i]     =  -1 if bit i % 64 of random word i / 64 is set, else +1
//! R x      =  for each block of width activations:  H (s x) / sqrt(width)          R^T x  =  s (H x) / sqrt(width)
//! H        =  butterflies of distance 1, 2, 4 ... width / 2:   (a, b) -> (a + b, a - b)
//! random word k:   the output number seed + k, counted from 0, of SplitMix64 started at 0:  with z = (seed + k + 1) 0x9e3779b97f4a7c15,
//!                  z = (z ^ z >> 30) 0xbf58476d1ce4e5b9,   z = (z ^ z >> 27) 0x94d049bb133111eb,   z ^ z >> 31     (modulo 2^64)
//! ```
//!
//! `R` is orthogonal. The order of all additions is defined, so the bits are the same on every target.
//!
//! Source of the random words: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (2014).

use num_traits::Float;

use crate::error::{Error, ShapeError};

/// Rotates vectors of activations, one after the other in `x`: those of a matrix whose
/// [`rotation`](super::TernaryMatrix::rotation) is `(width, seed)`. Needs no heap.
///
/// `columns` is the length of a vector, a multiple of the width, which is a power of two.
///
/// # Errors
///
/// [`Error::InvalidOption`] for a width that is no power of two; [`Error::Shape`] unless `columns` is a multiple of the width and the
/// length of `x` one of `columns`.
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
    check(columns, width, x.len())?;
    for x in x.chunks_exact_mut(columns.max(1)) {
        change_signs(x, seed);
        hadamard(x, width);
    }
    Ok(())
}

/// The inverse of [`rotate`]; for the rows of a weight matrix too, as a rotation keeps inner products.
///
/// # Errors
///
/// As [`rotate`].
pub fn rotate_back(x: &mut [f32], columns: usize, width: usize, seed: u64) -> Result<(), Error> {
    check(columns, width, x.len())?;
    for x in x.chunks_exact_mut(columns.max(1)) {
        hadamard(x, width);
        change_signs(x, seed);
    }
    Ok(())
}

/// Checks that vectors of `columns` activations can be rotated, and that `len` is a whole number of them.
pub(crate) const fn check(columns: usize, width: usize, len: usize) -> Result<(), Error> {
    if !width.is_power_of_two() {
        return Err(Error::option("width of a rotation", width as f64));
    }
    if !columns.is_multiple_of(width) {
        let (len, group) = (columns, width);
        return Err(Error::Shape(ShapeError::Ragged { len, group }));
    }
    if !len.is_multiple_of(columns) {
        let group = columns;
        return Err(Error::Shape(ShapeError::Ragged { len, group }));
    }
    Ok(())
}

fn change_signs(x: &mut [f32], seed: u64) {
    for (word, x) in x.chunks_mut(64).enumerate() {
        let bits = random_word(seed.wrapping_add(word as u64));
        for (bit, x) in x.iter_mut().enumerate() {
            *x = f32::from_bits(x.to_bits() ^ ((bits >> bit & 1) as u32) << 31);
        }
    }
}

/// `SplitMix64`.
const fn random_word(state: u64) -> u64 {
    let mut z = state.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The Hadamard matrix times each block, divided by the square root of its width.
fn hadamard(x: &mut [f32], width: usize) {
    // The factor is a power of two, exact, or that times the square root of one half.
    let factor = 1.0 / Float::sqrt(width as f32);
    for block in x.chunks_exact_mut(width) {
        let mut distance = 1;
        while distance < width {
            for pair in block.chunks_exact_mut(2 * distance) {
                let (upper, lower) = pair.split_at_mut(distance);
                for (a, b) in upper.iter_mut().zip(lower) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            distance *= 2;
        }
        for x in block {
            *x *= factor;
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Row `i` of the rotation is the rotated unit vector `i`; rows are orthogonal, and the entries are the definition's.
    #[test]
    fn a_rotation_is_orthogonal_and_as_defined() {
        let (width, columns, seed) = (8, 24, 7);
        let rows: [[f32; 24]; 24] = core::array::from_fn(|i| {
            let mut x = [0.0; 24];
            x[i] = 1.0;
            rotate(&mut x, columns, width, seed).unwrap();
            x
        });
        for (i, a) in rows.iter().enumerate() {
            let sign = if (random_word(seed) >> i) & 1 == 1 {
                -1.0
            } else {
                1.0
            };
            for (j, &entry) in a.iter().enumerate() {
                let odd = ((i % width) & (j % width)).count_ones() % 2 == 1;
                let hadamard = if odd { -1.0 } else { 1.0 };
                let expected = if i / width == j / width {
                    sign * hadamard
                } else {
                    0.0
                };
                assert!((entry - expected / 8.0_f32.sqrt()).abs() < 1e-7, "{i} {j}");
            }
            for (k, b) in rows.iter().enumerate() {
                let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((product - f32::from(u8::from(i == k))).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn back_and_forth() {
        for (columns, width) in [(1, 1), (64, 64), (192, 64), (256, 2), (4096, 1024)] {
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
    fn widths_that_do_not_fit() {
        let rotated = |columns, width| rotate(&mut [0.0; 24], columns, width, 0);
        assert_eq!(
            rotated(24, 12),
            Err(Error::option("width of a rotation", 12.0))
        );
        assert_eq!(
            rotated(24, 0),
            Err(Error::option("width of a rotation", 0.0))
        );
        let ragged = |len, group| Err(Error::Shape(ShapeError::Ragged { len, group }));
        assert_eq!(rotated(24, 16), ragged(24, 16));
        assert_eq!(rotated(16, 16), ragged(24, 16));
    }
}
