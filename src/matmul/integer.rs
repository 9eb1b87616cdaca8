//! A [`TernaryMatrix`] times vectors of 8-bit activations.
//!
//! There are three ways to add up a row, which depend on its blocks and on the scales of the activations only:
//!
//! ```text
//! scales of a row     scales of the vector     code      way
//! one                 one                      any       exact: one sum of integers, times the scales
//! one                 one for each block       2-bit     tiles: eight sums for each 256 weights
//! one per 32 k        any                      2-bit     tiles: eight or sixteen
//! anything else                                          runs: one sum of integers for each run of weights with the same scales
//! ```
//!
//! `Tiles` needs rows of whole bytes. The plain loops here need no heap. They are the definition: the loops in `int8` return the same
//! bits.

#[cfg(feature = "alloc")]
use super::int8::{by_scales, check_lengths};
use super::{Activations, TernaryMatrix};
#[cfg(feature = "alloc")]
use crate::Backend;
use crate::code::Code;
use crate::error::Error;
#[cfg(not(feature = "alloc"))]
use crate::error::check_len;

/// The weights of a tile in the 2-bit code, those of one of its lanes, and those of two lanes, which share a scale.
const TILE: usize = 256;
const LANE: usize = 16;
const LANES: usize = TILE / LANE;
const PAIR: usize = 32;

/// How a row is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowSum {
    Exact,
    Tiles,
    Runs,
}

impl TernaryMatrix<'_> {
    /// Multiplies with a vector of as many 8-bit activations as there are columns. Writes one result for each row.
    ///
    /// With one scale for each row and plane and one for the vector, the sums of each row are exact. Then each plane rounds three times,
    /// and each addition of a plane or of the bias once. Otherwise the order of all additions is [defined](super#8-bit-activations). So all
    /// backends, numbers of threads and sets of features return the same bits.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` or `y` has another length.
    ///
    /// # Examples
    ///
    /// Without a heap:
    ///
    /// ```
    /// use ternarize::matmul::{Activations, TernaryMatrix, quantize_into};
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// static TRITS: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &[0b01_10_00_10], 3);
    /// static LAYER: TernaryMatrix<'_> = TernaryMatrix::must([1, 3], &[TRITS], ScaleSlice::F32(&[0.5]));
    /// let (mut values, mut y) = ([0; 3], [0.0]);
    /// let scale = quantize_into(&[1.27, -0.5, 0.1], &mut values)?;
    /// LAYER.matvec_i8(&Activations::from_slices(&values, &[scale])?, &mut y)?;
    /// assert!((y[0] - 0.935).abs() < 1e-6);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec_i8(&self, x: &Activations<'_>, y: &mut [f32]) -> Result<(), Error> {
        #[cfg(feature = "alloc")]
        return self.matmul_i8_on(Backend::detect(), core::slice::from_ref(x), y);
        #[cfg(not(feature = "alloc"))]
        {
            check_len(self.columns(), x.len())?;
            check_len(self.rows(), y.len())?;
            self.plain_i8(x, y)
        }
    }

    /// Multiplies with several vectors. Writes their results one after the other. Each has the bits that
    /// [`matvec_i8`](Self::matvec_i8) returns.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if a vector is not as long as a row, or `y` not as long as all results; [`Error::Shape`] if their
    /// number does not fit a `usize`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::{Activations, TernaryMatrix};
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_01_00_10], 2)?;
    /// let matrix = TernaryMatrix::new([1, 2], &[trits], ScaleSlice::F32(&[0.5]))?;
    /// let xs = [vec![3, 1], vec![0, 8]].map(|x| Activations::from_values(x, 1.0));
    /// let [first, second] = xs;
    /// let mut y = [0.0; 2];
    /// matrix.matmul_i8(&[first?, second?], &mut y)?;
    /// assert_eq!(y, [1.0, -4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn matmul_i8(&self, xs: &[Activations<'_>], y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8_on(Backend::detect(), xs, y)
    }

    /// [`matmul_i8`](Self::matmul_i8) with the instructions of a backend.
    ///
    /// # Errors
    ///
    /// As [`matmul_i8`](Self::matmul_i8).
    #[cfg(feature = "alloc")]
    pub fn matmul_i8_on(
        &self,
        backend: Backend,
        xs: &[Activations<'_>],
        y: &mut [f32],
    ) -> Result<(), Error> {
        check_lengths(self.rows(), self.columns(), xs, y)?;
        let ys = y.chunks_exact_mut(self.rows().max(1));
        if self.columns() == 0 {
            return xs.iter().zip(ys).try_for_each(|(x, y)| self.plain_i8(x, y));
        }
        if self.has_short_rows() {
            for (x, y) in xs.iter().zip(ys) {
                self.multiply_short_rows(backend, x, 0, y);
            }
            return Ok(());
        }
        by_scales(xs, ys, |one_scale, xs, ys| {
            let way = self.way(one_scale);
            match self.code() {
                _ if way == RowSum::Runs || !self.begins_with_bytes() => {
                    let mut vectors = xs.iter().zip(ys);
                    vectors.try_for_each(|(x, y)| self.plain_i8(x, y))?;
                }
                Code::TwoBit => self.multiply_tiles::<4>((backend, way), xs, ys),
                Code::Base3 => self.multiply_tiles::<5>((backend, way), xs, ys),
            }
            Ok(())
        })
    }

    /// How rows are added up with activations that have one scale, or several.
    pub(super) fn way(&self, one_scale: bool) -> RowSum {
        let one_block = self.block >= self.columns();
        let whole_bytes = self.code() == Code::TwoBit && self.columns().is_multiple_of(4);
        let whole_pairs = self.block.is_multiple_of(PAIR) && !self.has_segments();
        if one_block && one_scale {
            RowSum::Exact
        } else if whole_bytes && (one_block || whole_pairs) {
            RowSum::Tiles
        } else {
            RowSum::Runs
        }
    }

    /// All rows times a vector, with plain loops.
    pub(super) fn plain_i8(&self, x: &Activations<'_>, y: &mut [f32]) -> Result<(), Error> {
        if self.columns() == 0 {
            // Nothing but the bias is left.
            y.fill(0.0);
            self.add_bias(0, 1, y);
            return Ok(());
        }
        let way = self.way(x.only_scale().is_some());
        for (row, y) in y.iter_mut().enumerate() {
            *y = 0.0;
            for plane in 0..self.planes() {
                // The first plane's sum, whatever the sign of a zero.
                let term = match way {
                    RowSum::Exact => self.run(plane, row, 0..self.columns(), x)?,
                    RowSum::Tiles => self.tiles(plane, row, x)?,
                    RowSum::Runs => self.runs(plane, row, x)?,
                };
                *y = if plane == 0 { term } else { *y + term };
            }
        }
        self.add_bias(0, 1, y);
        Ok(())
    }

    /// A run of weights of a row that share their scales, times activations that do so.
    fn run(
        &self,
        plane: usize,
        row: usize,
        run: core::ops::Range<usize>,
        x: &Activations<'_>,
    ) -> Result<f32, Error> {
        let start = row * self.columns();
        let trits = self
            .trits(plane)
            .slice(start + run.start..start + run.end)?;
        let d = x.scale_of_block(run.start / Activations::BLOCK);
        let [lambda_p, lambda_n] = self.scales(plane, row, run.start);
        let values = x.values().get(run).unwrap_or_default();
        if self.lambda_n.is_none() {
            return Ok(trits.dot_i8(values)? as f32 * (lambda_p * d));
        }
        let (plus, minus) = trits.dot_signed_i8(values)?;
        Ok(plus as f32 * (lambda_p * d) - minus as f32 * (lambda_n * d))
    }

    /// A row, run by run.
    fn runs(&self, plane: usize, row: usize, x: &Activations<'_>) -> Result<f32, Error> {
        let (mut sum, mut start) = (0.0, 0);
        while start < self.columns() {
            let mut end = self.block_end(start);
            if x.only_scale().is_none() {
                end = end.min((start / Activations::BLOCK + 1) * Activations::BLOCK);
            }
            sum += self.run(plane, row, start..end, x)?;
            start = end;
        }
        Ok(sum)
    }

    /// A row, tile by tile, in the defined order.
    fn tiles(&self, plane: usize, row: usize, x: &Activations<'_>) -> Result<f32, Error> {
        let (mut sums, origin) = ([0.0; LANES], row * self.columns());
        // A tile has a scale and eight sums, two tiles have sixteen; or two lanes share a scale, and each has a sum.
        let whole_tiles = self.block >= self.columns() || self.block.is_multiple_of(TILE);
        let apart = if whole_tiles { LANES / 2 } else { LANES };
        for (tile, start) in (0..self.columns()).step_by(TILE).enumerate() {
            let d = x.scale_of_block(start / Activations::BLOCK);
            for first in 0..apart {
                let (scaled, slot) = if whole_tiles {
                    (start, tile % 2 * apart + first)
                } else {
                    (start + first / 2 * PAIR, first)
                };
                if scaled >= self.columns() {
                    break;
                }
                let [mut plus, mut minus] = [0; 2];
                for lane in (first..LANES).step_by(apart) {
                    let from = self.columns().min(start + lane * LANE);
                    let run = from..self.columns().min(from + LANE);
                    let trits = self.trits(plane);
                    let trits = trits.slice(origin + run.start..origin + run.end)?;
                    let values = x.values().get(run).unwrap_or_default();
                    let (more, less) = trits.dot_signed_i8(values)?;
                    (plus, minus) = (plus + more, minus + less);
                }
                let [lambda_p, lambda_n] = self.scales(plane, row, scaled);
                if self.lambda_n.is_none() {
                    sums[slot] += (plus - minus) as f32 * (lambda_p * d);
                } else {
                    sums[slot] += plus as f32 * (lambda_p * d);
                    sums[slot] += minus as f32 * (-lambda_n * d);
                }
            }
        }
        // Folded in halves.
        for width in [8, 4, 2, 1] {
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
        }
        Ok(sums[0])
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests;
