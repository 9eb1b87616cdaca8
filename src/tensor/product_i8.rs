//! A ternary matrix times vectors of 8-bit activations.
//!
//! Where the scales of a row change only with whole lanes of a tile the product goes tile by tile, as
//! [`product`](crate::matmul) has it; other groupings are multiplied run by run, each an exact sum:
//!
//! ```text
//! grouping                                  code      activations' scales     how
//! one group for each row, or all rows       any       one                     tiles, exact sums
//! blocks of a multiple of 32, row = k * 4   2-bit     one, or one per block   tiles, scaled sums
//! anything else                             any       any                     run by run
//! ```

use crate::error::ShapeError;
use alloc::vec;
use alloc::vec::Vec;

use super::TernaryTensor;
use crate::matmul::int8::{
    ACTIVATION_BLOCK, Activations, Contiguous, Drivable, Exact, Groups, LANE_PAIRS, Laid, Lambda,
    Multiplier, Places, Run, Scaled, results,
};
use crate::weight::Format;
use crate::{Code, Error, Scales, Weight};

/// How the scales of a matrix lie.
enum Lie {
    /// One for each row; or, with step 0, one for all.
    Rows { step: usize },
    /// `per_row` groups of so many weights, a multiple of 32.
    Blocks { per_row: usize, len: usize },
    /// In some other way.
    Scattered,
}

impl TernaryTensor {
    /// Multiplies with a vector of 8-bit activations: the first axis is that of `y`, all others together are that of `x`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// use ternarize::product::{Activations, Multiplier, ScalePer};
    ///
    /// let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0], &[2, 3])?;
    /// let rows = Grouping::axis(0)?;
    /// let (matrix, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let x = Activations::from_values(vec![1, 2, 3], 1.0)?;
    /// let mut y = [0.0; 2];
    /// matrix.matvec_i8(&Multiplier::new(), &x, &mut y)?;
    /// assert_eq!(y, [-0.5, 12.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec_i8(&self, how: &Multiplier, x: &Activations, y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8(how, core::slice::from_ref(x), y)
    }

    /// Multiplies with several vectors; `y` is as long as all results, one after the other.
    ///
    /// # Errors
    ///
    /// As [`matvec_i8`](Self::matvec_i8).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// use ternarize::product::{Activations, Multiplier};
    ///
    /// let view = TensorView::new(&[0.5_f32, -0.5, 2.0, 2.0], &[2, 2])?;
    /// let rows = Grouping::axis(0)?;
    /// let (matrix, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let xs = [Activations::from_values(vec![1, 2], 1.0)?, Activations::from_values(vec![0, 1], 2.0)?];
    /// let mut y = [0.0; 4];
    /// matrix.matmul_i8(&Multiplier::new(), &xs, &mut y)?;
    /// assert_eq!(y, [-0.5, 6.0, -1.0, 4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matmul_i8(
        &self,
        how: &Multiplier,
        xs: &[Activations],
        y: &mut [f32],
    ) -> Result<(), Error> {
        let axes = self.shape().axes();
        let (&rows, inner) = axes
            .split_first()
            .ok_or(Error::Shape(ShapeError::Axis { axis: 0, rank: 0 }))?;
        let columns = inner.iter().product();
        let mut ys = results(rows, columns, xs, y)?;
        if ys.is_empty() {
            return Ok(());
        }
        let scaled = xs.iter().any(|x| x.only_scale().is_none());
        let (lambda_p, lambda_n) = self.stored_scales();
        let (lambda_p, lambda_n) = (lambda_p.to_f32(), lambda_n.to_f32());
        let matrix = Matrix {
            how: *how,
            rows,
            columns,
            two: self.scales() == Scales::Two,
            lambda_p: &lambda_p[..],
            lambda_n: &lambda_n[..],
            bytes: self.trits().as_bytes(),
        };
        match (self.lie(columns), self.trits().code()) {
            (Lie::Rows { step }, Code::TwoBit) if !scaled && columns.is_multiple_of(4) => {
                matrix.exact::<4, true>(step, xs, &mut ys);
            }
            (Lie::Rows { step }, Code::TwoBit) if !scaled => {
                matrix.exact::<4, false>(step, xs, &mut ys);
            }
            (Lie::Rows { step }, Code::Base3) if !scaled => {
                matrix.exact::<5, false>(step, xs, &mut ys);
            }
            (Lie::Rows { step }, Code::TwoBit) if columns.is_multiple_of(4) => {
                matrix.rows_of_blocks(step, xs, &mut ys);
            }
            (Lie::Blocks { per_row, len }, Code::TwoBit) if columns.is_multiple_of(4) => {
                matrix.blocks(per_row, len, xs, &mut ys);
            }
            _ => {
                for (x, y) in xs.iter().zip(ys) {
                    for (row, y) in y.iter_mut().enumerate() {
                        *y = self.row_product_i8(row * columns, x)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// How the scales lie, if that is simple.
    fn lie(&self, columns: usize) -> Lie {
        let groups = self.groups();
        let (all, pattern) = (self.trits().len(), groups.pattern());
        let per_row = columns.div_ceil(pattern.run);
        let rows_alike = columns.is_multiple_of(pattern.run) || pattern.row == columns;
        if groups.len() == 1 {
            Lie::Rows { step: 0 }
        } else if pattern.run == columns && pattern.row == all {
            Lie::Rows { step: 1 }
        } else if pattern.run.is_multiple_of(32)
            && rows_alike
            && groups.len() == all / columns * per_row
        {
            let len = pattern.run;
            Lie::Blocks { per_row, len }
        } else {
            Lie::Scattered
        }
    }

    /// The row that begins at a row-major index, times `x`: run by run, and block by block of the activations.
    fn row_product_i8(&self, start: usize, x: &Activations) -> Result<f32, Error> {
        let mut y = 0.0;
        for (run, group) in self.groups().runs(start..start + x.len())? {
            let (lambda_p, lambda_n) = self.scales_of(group);
            let (lambda_p, lambda_n) = (f32::narrow(lambda_p), f32::narrow(lambda_n));
            let mut from = run.start - start;
            while from < run.end - start {
                let block = from / ACTIVATION_BLOCK;
                let end = match x.only_scale() {
                    Some(_) => run.end - start,
                    None => (run.end - start).min((block + 1) * ACTIVATION_BLOCK),
                };
                let trits = self.trits().slice(start + from..start + end)?;
                let values = x.values().get(from..end).unwrap_or_default();
                let d = x.scale_of_block(block);
                y += match self.scales() {
                    Scales::One => trits.dot_i8(values)? as f32 * (lambda_p * d),
                    Scales::Two => {
                        let (plus, minus) = trits.dot_signed_i8(values)?;
                        plus as f32 * (lambda_p * d) - minus as f32 * (lambda_n * d)
                    }
                };
                from = end;
            }
        }
        Ok(y)
    }
}

impl<W: Weight> Lambda for W {
    #[inline(always)]
    fn nearest(self) -> f32 {
        self.single()
    }
}

fn singles<W: Weight>(lambdas: &[W]) -> Vec<f32> {
    lambdas.iter().map(|lambda| lambda.nearest()).collect()
}

/// A matrix whose rows are multiplied by tiles.
struct Matrix<'a, W> {
    how: Multiplier,
    rows: usize,
    columns: usize,
    two: bool,
    lambda_p: &'a [W],
    lambda_n: &'a [W],
    bytes: &'a [u8],
}

impl<W: Weight> Matrix<'_, W> {
    /// The vectors, for rows that begin anywhere in a byte of `P` trits.
    fn lay_out<const P: usize>(&self, xs: &[Activations]) -> Vec<Laid<P>> {
        let run = |element| Run {
            element,
            step: P,
            // The first of five digits is the least significant.
            digit: if P == 5 { 4 - element } else { element },
            byte: 0,
            len: 64,
        };
        let places = Places::new(64 * P, (0..P).map(run));
        let mut used = [false; P];
        for row in 0..self.rows.min(P) {
            used[row * self.columns % P] = true;
        }
        let lay_out = |x| Laid::new(x, &places, &used);
        xs.iter().map(lay_out).collect()
    }

    fn source<const P: usize, const ALIGNED: bool>(&self) -> Contiguous<'_, P, ALIGNED> {
        Contiguous {
            bytes: self.bytes,
            columns: self.columns,
        }
    }

    /// One scale for each vector, and one, or two, for each row.
    fn exact<const P: usize, const ALIGNED: bool>(
        &self,
        step: usize,
        xs: &[Activations],
        ys: &mut [&mut [f32]],
    ) where
        for<'a> Exact<'a, Contiguous<'a, P, ALIGNED>, false>: Drivable<P>,
        for<'a> Exact<'a, Contiguous<'a, P, ALIGNED>, true>: Drivable<P>,
    {
        let xs = self.lay_out(xs);
        let (lambda_p, lambda_n) = (&singles(self.lambda_p)[..], &singles(self.lambda_n)[..]);
        let source = self.source::<P, ALIGNED>();
        let rows = 0..self.rows;
        if self.two {
            let exact = Exact::<_, true> {
                source,
                lambda_p,
                lambda_n,
                step,
            };
            exact.multiply(self.how, rows, &xs, ys);
        } else {
            let exact = Exact::<_, false> {
                source,
                lambda_p,
                lambda_n,
                step,
            };
            exact.multiply(self.how, rows, &xs, ys);
        }
    }

    /// One scale, or two, for each row, and several for a vector.
    fn rows_of_blocks(self, step: usize, xs: &[Activations], ys: &mut [&mut [f32]]) {
        let for_all = |lambdas: &[W]| match lambdas {
            [lambda, ..] if step == 0 => vec![*lambda; self.rows],
            _ => lambdas.to_vec(),
        };
        let (lambda_p, lambda_n) = (&for_all(self.lambda_p)[..], &for_all(self.lambda_n)[..]);
        let matrix = Matrix {
            lambda_p,
            lambda_n,
            ..self
        };
        matrix.blocks(1, self.columns.next_multiple_of(256), xs, ys);
    }

    /// Scales for blocks of so many weights, a multiple of 32.
    fn blocks(&self, per_row: usize, len: usize, xs: &[Activations], ys: &mut [&mut [f32]]) {
        match (len.is_multiple_of(256), self.two) {
            (true, false) => self.scaled::<1, false>(per_row, len / 256, xs, ys),
            (true, true) => self.scaled::<1, true>(per_row, len / 256, xs, ys),
            (false, false) => self.scaled::<LANE_PAIRS, false>(per_row, len / 32, xs, ys),
            (false, true) => self.scaled::<LANE_PAIRS, true>(per_row, len / 32, xs, ys),
        }
    }

    fn scaled<const SINGLES: usize, const TWO: bool>(
        &self,
        per_row: usize,
        shared: usize,
        xs: &[Activations],
        ys: &mut [&mut [f32]],
    ) {
        let scaling = Groups::<W, SINGLES, TWO> {
            lambda_p: self.lambda_p,
            lambda_n: self.lambda_n,
            per_row,
            shared,
        };
        let source = self.source::<4, true>();
        let xs = self.lay_out::<4>(xs);
        Scaled { source, scaling }.multiply(self.how, 0..self.rows, &xs, ys);
    }
}
