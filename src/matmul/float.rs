//! A [`TernaryMatrix`] times vectors of `f32` activations.
//!
//! ```text
//! for a few rows at once                        as many as the loop sums side by side
//!     for each plane, for each block of columns
//!         for each vector
//!             y += scales * sums of the part of the vector that the block meets
//!     y += bias
//! ```
//!
//! Only the scales are multiplied with: one or two multiplications for each block, none for a weight.
//!
//! # The bound
//!
//! Let `u = 2^-24` and `S = sum |w'_i x_i|` over a row of `n` weights of one plane in `k` blocks, the longest of `L`, so
//! `k + L <= n + 1`.
//!
//! - Within a block of length `l` an activation passes at most `l - 1` roundings of additions: as many as there are others
//!   (adding a zero is exact, and if neither `plus` nor `minus` is empty their difference takes the place of an addition).
//!   In eight lanes there are at most `l / 8 + 4` of them, too. With the rounding of the scale to `f32` and the product that
//!   makes `d <= min(L + 1, L / 8 + 6)`, and an error of at most `e S` with `e = (1 + u)^d - 1`.
//! - Adding up the `k` blocks loses at most `(k - 1) u` of the sum of their magnitudes (Rump 2012), which is at most
//!   `(1 + e) S`.
//!
//! Together `e + (n - L) u (1 + e)`. That is at most `(n + 3) u` if `(e / u) (1 + n u) <= L + 3`, which holds for every `L`
//! as long as `n <= 2^22`: then `n u <= 1/4` and `e / u` is `d` but for 4 %, and less for small `L`. `K` planes have `K` times as
//! many blocks, and a bias is one more term: for them the error is at most `(K n + K + 3) u` of the sum of all magnitudes.
//!
//! Source: Rump, Error estimation of floating-point summation and dot product, BIT 52 (2012).

use core::num::NonZero;

use super::TernaryMatrix;
use super::dot::{ActivationSums, Apart, Together, sums};
use crate::error::{Error, check_len};
use crate::simd::{Backend, Divisible, Job, Vector};

/// The least number of weights times vectors of a part that is given to a thread. Derived: it takes about 10 microseconds, several
/// times what starting a thread's job costs.
const LEAST: usize = 1 << 17;

/// Rows that are summed side by side on the widest backend. Measured: four hide the latency of the additions.
const ROWS: usize = 4;

impl TernaryMatrix<'_> {
    /// Multiplies with a vector of as many activations as there are columns. Writes one result for each row. Needs no heap.
    ///
    /// The order of all additions is [defined](super#the-order-of-a-floating-point-sum), so all backends and numbers of threads
    /// return the same bits. For `K` planes of `n` columns the error is at most about `(K n + K + 3) 2^-24` of the sum of the
    /// magnitudes of the terms of all planes and of the bias, unless a scale or a product overflows or underflows.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` or `y` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_10_00_10], 3)?;
    /// let matrix = TernaryMatrix::new([1, 3], &[trits], ScaleSlice::F32(&[0.5]))?;
    /// let mut y = [0.0];
    /// matrix.matvec(&[1.0, 2.0, 4.0], &mut y)?;
    /// assert_eq!(y, [1.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.check_lengths(x, 1, y)?;
        self.multiply(Backend::detect(), x, 1, y);
        Ok(())
    }

    /// Multiplies with several vectors, one after the other in `x`. Writes their results one after the other to `y`. Each has the
    /// bits that [`matvec`](Self::matvec) returns.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` or `y` is not as long as so many vectors or results.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_01_00_10], 2)?;
    /// let matrix = TernaryMatrix::new([1, 2], &[trits], ScaleSlice::F32(&[0.5]))?;
    /// let mut y = [0.0; 2];
    /// matrix.matmul(&[3.0, 1.0, /* next vector */ 0.0, 8.0], 2, &mut y)?;
    /// assert_eq!(y, [1.0, -4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn matmul(&self, x: &[f32], vectors: usize, y: &mut [f32]) -> Result<(), Error> {
        self.matmul_on(Backend::detect(), x, vectors, y)
    }

    /// [`matmul`](Self::matmul) with the instructions of a backend.
    ///
    /// # Errors
    ///
    /// As [`matmul`](Self::matmul).
    #[cfg(feature = "alloc")]
    pub fn matmul_on(
        &self,
        backend: Backend,
        x: &[f32],
        vectors: usize,
        y: &mut [f32],
    ) -> Result<(), Error> {
        self.check_lengths(x, vectors, y)?;
        if vectors <= 1 {
            self.multiply(backend, x, vectors, y);
            return Ok(());
        }
        // Row by row, so that threads can divide the rows; then vector by vector.
        let mut by_rows = alloc::vec![0.0; y.len()];
        self.multiply(backend, x, vectors, &mut by_rows);
        for (vector, y) in y.chunks_exact_mut(self.rows().max(1)).enumerate() {
            let results = by_rows.iter().skip(vector).step_by(vectors);
            for (y, &result) in y.iter_mut().zip(results) {
                *y = result;
            }
        }
        Ok(())
    }

    fn check_lengths(&self, x: &[f32], vectors: usize, y: &[f32]) -> Result<(), Error> {
        check_len(self.columns().saturating_mul(vectors), x.len())?;
        check_len(self.rows().saturating_mul(vectors), y.len())
    }

    /// The results of all vectors, row by row.
    fn multiply(&self, backend: Backend, x: &[f32], vectors: usize, y: &mut [f32]) {
        backend.run_divided(MatrixRows {
            matrix: self,
            first: 0,
            x,
            // Without vectors there is no product: any number will do.
            vectors: NonZero::new(vectors).unwrap_or(NonZero::<usize>::MIN),
            y,
        });
    }
}

/// Some rows times all vectors.
struct MatrixRows<'a> {
    matrix: &'a TernaryMatrix<'a>,
    /// The row of the first results.
    first: usize,
    x: &'a [f32],
    vectors: NonZero<usize>,
    y: &'a mut [f32],
}

impl Job for MatrixRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        // Wide registers are many, too.
        match (self.matrix.lambda_n.is_none(), V::ROWS > 4) {
            (true, false) => self.multiply::<V, Together, 1>(v),
            (true, true) => self.multiply::<V, Together, { ROWS / 2 }>(v),
            (false, false) => self.multiply::<V, Apart, 1>(v),
            (false, true) => self.multiply::<V, Apart, { ROWS / 2 }>(v),
        }
    }
}

impl Divisible for MatrixRows<'_> {
    fn divide(&mut self) -> Option<[impl Divisible<Output = Self::Output>; 2]> {
        let rows = self.y.len() / self.vectors;
        let half = (rows / 2).next_multiple_of(ROWS);
        let work = self.y.len().saturating_mul(self.matrix.columns());
        if work < 2 * LEAST || half >= rows {
            return None;
        }
        let (first, second) = self.y.split_at_mut_checked(half * self.vectors.get())?;
        let (matrix, x, vectors) = (self.matrix, self.x, self.vectors);
        let part = |first, y| MatrixRows {
            matrix,
            first,
            x,
            vectors,
            y,
        };
        Some([part(self.first, first), part(self.first + half, second)])
    }

    fn unite(&mut self, _: [(); 2]) -> Option<()> {
        Some(())
    }
}

impl MatrixRows<'_> {
    #[inline(always)]
    fn multiply<V: Vector, S: ActivationSums, const PAIRS: usize>(self, v: V) {
        let Self { matrix, x, .. } = self;
        let (vectors, at_once) = (self.vectors, 2 * PAIRS);
        let strip = vectors.get().saturating_mul(at_once);
        for (strip, y) in self.y.chunks_mut(strip).enumerate() {
            matrix.multiply_some::<V, S, PAIRS>(v, self.first + strip * at_once, (x, vectors), y);
        }
    }
}

impl TernaryMatrix<'_> {
    /// Up to `2 PAIRS` rows times all vectors.
    #[inline(always)]
    fn multiply_some<V: Vector, S: ActivationSums, const PAIRS: usize>(
        &self,
        v: V,
        first: usize,
        (x, vectors): (&[f32], NonZero<usize>),
        y: &mut [f32],
    ) {
        y.fill(0.0);
        let (count, vectors) = (y.len() / vectors, vectors.get());
        for plane in 0..self.planes() {
            let trits = self.trits(plane);
            let (mut start, mut block) = (0, 0);
            while start < self.columns() {
                let end = self.block_end(start);
                // The codes and the scales of the block in each row. A strip with too few rows repeats its last row.
                let mut codes = [[trits.row(0); 2]; PAIRS];
                let mut scales = [[[0.0; 2]; 2]; PAIRS];
                for pair in 0..PAIRS {
                    for half in 0..2 {
                        let row = first + (2 * pair + half).min(count.saturating_sub(1));
                        codes[pair][half] = trits.row(row * self.columns() + start);
                        scales[pair][half] = self.scales_of_block(plane, row, block);
                    }
                }
                for vector in 0..vectors {
                    let origin = vector * self.columns();
                    let x = x.get(origin + start..origin + end).unwrap_or_default();
                    let sums = sums::<V, S, PAIRS>(v, self.code(), codes, x);
                    let (sums, scales) = (sums.as_flattened(), scales.as_flattened());
                    for row in 0..2 * PAIRS {
                        // The repeats are not written.
                        if let Some(y) = y.get_mut(row * vectors + vector) {
                            *y += S::scaled(sums[row], scales[row]);
                        }
                    }
                }
                (start, block) = (end, block + 1);
            }
        }
        self.add_bias(first, vectors, y);
    }

    /// Adds the bias of the rows from `first` on to their results, which are row by row.
    #[inline(always)]
    pub(super) fn add_bias(&self, first: usize, vectors: usize, y: &mut [f32]) {
        let bias = self.bias.get(first..).unwrap_or_default();
        for (y, bias) in y.chunks_mut(vectors).zip(bias) {
            for y in y {
                *y += bias;
            }
        }
    }
}
