//! The loops over columns of a matrix, compiled for each instruction set by [`Backend::run`](crate::Backend).
//!
//! Every entry of a result is a chain of plain multiplications and additions in one order, so the vector width changes no bit. Where
//! products are exact, only the additions round, and fused operations give the same bits.

use crate::simd::{Job, Vector};

/// Columns that are computed side by side in registers. Chosen: one AVX-512 vector of `f64`, two of AVX2.
pub(super) const LANES: usize = 8;

/// Rows of the matrix that share the values loaded from the batch. Chosen: a tile of 4 x 8 sums fits the 16 registers of AVX2.
pub(super) const STRIP: usize = 4;

/// How far ahead rows are read into the cache, in bytes. Measured: processors do not foresee sixteen rows at once.
const AHEAD: usize = 1024;

/// `matrix += left^T right`; the batches are packed in panels.
///
/// A panel holds [`LANES`] columns of all rows of a batch, row after row, so that a tile reads two pieces of memory from end to end. `stride`
/// is a multiple of [`LANES`], the columns of the batches; the matrix has `stride` rows of `stride`.
pub(super) struct AddProducts<'a> {
    pub matrix: &'a mut [f64],
    pub left: &'a [f64],
    pub right: &'a [f64],
    pub stride: usize,
    /// Whether all products are exact, as those of numbers with 29 and 24 bits.
    pub exact: bool,
    /// Whether only the tiles of a symmetric matrix that reach the diagonal or lie above it are computed.
    pub upper: bool,
}

impl Job for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        if self.exact {
            self.add::<V, true>(v);
        } else {
            self.add::<V, false>(v);
        }
    }
}

impl AddProducts<'_> {
    #[inline(always)]
    fn add<V: Vector, const EXACT: bool>(self, v: V) {
        // The numbers of a panel, for all rows of the batch.
        let panel = self.left.len() / self.stride * LANES;
        let strips = self.matrix.chunks_exact_mut(STRIP * self.stride);
        for (number, strip) in strips.enumerate() {
            let row = number * STRIP;
            let left = &self.left[row / LANES * panel..][..panel];
            let first = if self.upper { row / LANES } else { 0 };
            let rights = self.right.chunks_exact(panel).enumerate().skip(first);
            for (number, right) in rights {
                let place = [number * LANES, self.stride];
                tile::<V, EXACT>(v, strip, [left, right], row % LANES, place);
            }
        }
    }
}

/// One tile of `STRIP x LANES` entries: all rows of the batch are added, in order, while it stays in registers. `from` is the first
/// column of the left panel.
#[inline(always)]
fn tile<V: Vector, const EXACT: bool>(
    v: V,
    strip: &mut [f64],
    [left, right]: [&[f64]; 2],
    from: usize,
    [column, stride]: [usize; 2],
) {
    let mut sums = [v.zeros(); STRIP];
    for (sum, line) in sums.iter_mut().zip(strip.chunks_exact(stride)) {
        if let Some(entries) = line[column..].first_chunk() {
            *sum = v.load_doubles(entries);
        }
    }
    let (left, right) = (left.as_chunks::<LANES>().0, right.as_chunks::<LANES>().0);
    for (left, values) in left.iter().zip(right) {
        let Some(factors) = left[from..].first_chunk::<STRIP>() else {
            continue;
        };
        let values = v.load_doubles(values);
        for (sum, &factor) in sums.iter_mut().zip(factors) {
            let factor = v.splat_double(factor);
            *sum = if EXACT {
                v.add_product(*sum, factor, values)
            } else {
                v.add_doubles(*sum, v.multiply_doubles(factor, values))
            };
        }
    }
    for (sum, line) in sums.iter().zip(strip.chunks_exact_mut(stride)) {
        line[column..column + LANES].copy_from_slice(&v.doubles(*sum));
    }
}

/// `sums[s] += factors[0][s] rows[0] + factors[1][s] rows[1] + ...`, row after row. All rows are as long as the sums.
pub(super) struct AddRows<'a, const SUMS: usize> {
    pub sums: [&'a mut [f64]; SUMS],
    pub factors: &'a [[f64; SUMS]],
    pub rows: &'a [&'a [f64]],
}

impl<const SUMS: usize> Job for AddRows<'_, SUMS> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, v: V) {
        let columns = self.sums.first().map_or(0, |sum| sum.len());
        let whole = columns - columns % LANES;
        for column in (0..whole).step_by(LANES) {
            let mut tile = [v.zeros(); SUMS];
            for (sums, sum) in tile.iter_mut().zip(&self.sums) {
                *sums = v.load_doubles(lanes(sum, column));
            }
            for (row, factors) in self.rows.iter().zip(self.factors) {
                let values = lanes(row, column);
                v.prefetch(values, AHEAD);
                let values = v.load_doubles(values);
                for (sums, &factor) in tile.iter_mut().zip(factors) {
                    let product = v.multiply_doubles(v.splat_double(factor), values);
                    *sums = v.add_doubles(*sums, product);
                }
            }
            for (sums, sum) in tile.iter().zip(&mut self.sums) {
                sum[column..column + LANES].copy_from_slice(&v.doubles(*sums));
            }
        }
        // What is left of each row.
        for (row, factors) in self.rows.iter().zip(self.factors) {
            for (sum, factor) in self.sums.iter_mut().zip(factors) {
                for (sum, value) in sum[whole..].iter_mut().zip(&row[whole..]) {
                    *sum += factor * value;
                }
            }
        }
    }
}

/// Some numbers of a row, from a column on.
#[inline(always)]
fn lanes(row: &[f64], column: usize) -> &[f64; LANES] {
    row[column..].first_chunk().unwrap_or(&[0.0; LANES])
}

/// A trit of a group changes by `step`, and the group's scale from `before` to `after`: `image += step row`, and the gradient changes
/// with `scale image`.
pub(super) struct Change<'a> {
    pub image: &'a mut [f64],
    pub gradient: &'a mut [f64],
    pub row: &'a [f64],
    pub step: f64,
    pub before: f64,
    pub after: f64,
}

impl Job for Change<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let places = self.image.iter_mut().zip(self.gradient).zip(self.row);
        for ((image, gradient), entry) in places {
            let old = *image;
            let new = old + self.step * entry;
            *image = new;
            *gradient += self.after * new - self.before * old;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::simd::Backend;

    /// Each entry is a chain of products and sums in the order of the rows, on each backend, fused or not.
    #[test]
    fn sums_of_products_are_those_of_a_plain_loop() {
        let (rows, stride) = (37, 16);
        let number = |i: usize| {
            let bits = u32::try_from(i).unwrap().wrapping_mul(2_654_435_761);
            f64::from(f32::from_bits(bits & 0x807f_ffff | (120 + bits % 13) << 23))
        };
        let batch = |seed: usize, weight: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let numbers = (0..rows * stride).map(|i| weight(i / LANES % rows) * number(i * seed));
            numbers.collect()
        };
        let whole = |row: usize| (row % 32) as f64;
        let any = |row: usize| f64::from(1.0 / (row + 3) as f32);
        for exact in [true, false] {
            let left = batch(3, if exact { &whole } else { &any });
            let right = batch(7, &|_| 1.0);
            // The number of a column in a row: panels of some columns of all rows.
            let at = |batch: &[f64], row: usize, column: usize| {
                batch[(column / LANES * rows + row) * LANES + column % LANES]
            };
            for upper in [false, true] {
                let mut expected = vec![0.5; stride * stride];
                for (place, entry) in expected.iter_mut().enumerate() {
                    let (i, j) = (place / stride, place % stride);
                    let left_out = upper && j / LANES < i / LANES;
                    for row in (0..rows).filter(|_| !left_out) {
                        *entry += at(&left, row, i) * at(&right, row, j);
                    }
                }
                for backend in Backend::available() {
                    let mut matrix = vec![0.5; stride * stride];
                    backend.run(AddProducts {
                        matrix: &mut matrix,
                        left: &left,
                        right: &right,
                        stride,
                        exact,
                        upper,
                    });
                    assert_eq!(matrix, expected, "{} {exact} {upper}", backend.name());
                }
            }
        }
    }
}
