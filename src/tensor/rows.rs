//! The rows of a ternary matrix times vectors, some rows at once.
//!
//! ```text
//! for a few rows at once                          as many as the kernel sums side by side
//!     for each run of groups
//!         for each vector
//!             y += scales * sums of the part of the vector that the run meets
//! ```
//!
//! The runs lie at the same places in all rows: whether two neighbours in a row belong to one group is up to the axes within
//! the row. Only which groups they are may differ from row to row. The type of the scales is out of sight here, so that the
//! loops are compiled once; that costs a call for each run.
//!
//! Cost: as said for [`kernels`](crate::matmul::dot); the bytes of a few rows are in cache while all vectors meet them.

use alloc::borrow::Cow;
use core::num::NonZero;
use core::ops::Range;

use super::{Groups, TernaryTensor, runs::Runs};
use crate::error::ShapeError;
use crate::matmul::dot::{ActivationSums, Apart, Row, Together, sums};
use crate::simd::{Backend, Divisible, Job, Vector};
use crate::{Error, PackedTrits, Scales};

/// The least trits times vectors of a part that is given to a thread. Derived: at 0.1 to 0.3 ns each they take 13 to 40 microseconds,
/// several times what starting a thread's job costs.
const LEAST: usize = 1 << 17;

/// The most rows at once: as many sums as fit the registers of AVX-512. Parts begin at multiples of it.
const ROWS: usize = 4;

/// A tensor as a matrix: the first axis gives the rows, all others together give the columns.
pub(super) struct GroupedMatrix<'a> {
    pub(super) trits: PackedTrits<'a>,
    pub(super) groups: &'a Groups,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// The scale of each group.
    pub(super) lambda_p: Cow<'a, [f32]>,
    /// The scales of the -1 trits; empty if they are the same.
    pub(super) lambda_n: Cow<'a, [f32]>,
}

impl TernaryTensor {
    /// The matrix of the tensor.
    pub(super) fn matrix(&self) -> Result<GroupedMatrix<'_>, Error> {
        let (&rows, inner) = self
            .shape()
            .axes()
            .split_first()
            .ok_or(Error::Shape(ShapeError::Axis { axis: 0, rank: 0 }))?;
        let (lambda_p, lambda_n) = self.stored_scales();
        Ok(GroupedMatrix {
            trits: self.trits(),
            groups: self.groups(),
            rows,
            columns: inner.iter().product(),
            lambda_p: lambda_p.to_f32(),
            lambda_n: match self.scales() {
                Scales::One => Cow::Borrowed(&[]),
                Scales::Two => lambda_n.to_f32(),
            },
        })
    }
}

impl GroupedMatrix<'_> {
    /// The scales of a group, for the +1 trits and the -1 trits.
    pub(super) fn scales_of(&self, group: usize) -> (f32, f32) {
        let scale = |lambdas: &[f32]| lambdas.get(group).copied();
        let lambda_p = scale(&self.lambda_p).unwrap_or_default();
        (lambda_p, scale(&self.lambda_n).unwrap_or(lambda_p))
    }
}

/// Some rows of a matrix times some vectors.
struct Rows<'a> {
    matrix: &'a GroupedMatrix<'a>,
    first: usize,
    /// The vectors, one after the other.
    x: &'a [f32],
    vectors: NonZero<usize>,
    /// The products, row after row, with a number for each vector.
    y: &'a mut [f32],
}

impl GroupedMatrix<'_> {
    /// Multiplies with vectors that lie one after the other in `x`. The products come row after row, with a number for each
    /// vector.
    pub(super) fn multiply(
        &self,
        backend: Backend,
        x: &[f32],
        vectors: usize,
        y: &mut [f32],
    ) -> Result<(), Error> {
        backend.run_divided(Rows {
            matrix: self,
            first: 0,
            x,
            // Without vectors there is no product: any number will do.
            vectors: NonZero::new(vectors).unwrap_or(NonZero::<usize>::MIN),
            y,
        })
    }
}

impl Job for Rows<'_> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> Result<(), Error> {
        // Wide registers are many, too.
        match (self.matrix.lambda_n.is_empty(), V::ROWS > 4) {
            (true, false) => self.multiply::<V, Together, 1>(v),
            (true, true) => self.multiply::<V, Together, { ROWS / 2 }>(v),
            (false, false) => self.multiply::<V, Apart, 1>(v),
            (false, true) => self.multiply::<V, Apart, { ROWS / 2 }>(v),
        }
    }
}

impl Divisible for Rows<'_> {
    type Part<'p>
        = Rows<'p>
    where
        Self: 'p;

    fn divide(&mut self) -> Option<[Rows<'_>; 2]> {
        let rows = self.y.len() / self.vectors;
        let half = (rows / 2).next_multiple_of(ROWS);
        let work = self.y.len().saturating_mul(self.matrix.columns);
        if work < 2 * LEAST || half >= rows {
            return None;
        }
        let (first, second) = self.y.split_at_mut_checked(half * self.vectors.get())?;
        let (matrix, x, vectors) = (self.matrix, self.x, self.vectors);
        let part = |first, y| Rows {
            matrix,
            first,
            x,
            vectors,
            y,
        };
        Some([part(self.first, first), part(self.first + half, second)])
    }

    fn unite(&mut self, [first, second]: [Self::Output; 2]) -> Option<Self::Output> {
        Some(first.and(second))
    }
}

/// Sums, and what they are multiplied with.
trait Scaled: ActivationSums {
    fn scaled(sum: Self::Sum, scales: (f32, f32)) -> f32;
}

impl Scaled for Together {
    #[inline(always)]
    fn scaled(sum: f32, (lambda, _): (f32, f32)) -> f32 {
        lambda * sum
    }
}

impl Scaled for Apart {
    #[inline(always)]
    fn scaled((plus, minus): (f32, f32), (lambda_p, lambda_n): (f32, f32)) -> f32 {
        lambda_p * plus - lambda_n * minus
    }
}

/// A run of some rows, at the same place in each.
struct Run<'a, const PAIRS: usize> {
    /// Where in its row.
    place: Range<usize>,
    rows: [[Row<'a>; 2]; PAIRS],
    scales: [[(f32, f32); 2]; PAIRS],
}

impl Rows<'_> {
    #[inline(always)]
    fn multiply<V: Vector, S: Scaled, const PAIRS: usize>(self, v: V) -> Result<(), Error> {
        let Self { matrix, x, .. } = self;
        let (vectors, at_once) = (self.vectors, 2 * PAIRS);
        let block_len = vectors.get().saturating_mul(at_once);
        for (block, y) in self.y.chunks_mut(block_len).enumerate() {
            let first = self.first + block * at_once;
            matrix.multiply_some::<V, S, PAIRS>(v, first, (x, vectors), y)?;
        }
        Ok(())
    }
}

impl<'a> GroupedMatrix<'a> {
    /// A few rows times all vectors.
    #[inline(always)]
    fn multiply_some<V: Vector, S: Scaled, const PAIRS: usize>(
        &self,
        v: V,
        first: usize,
        (x, vectors): (&[f32], NonZero<usize>),
        y: &mut [f32],
    ) -> Result<(), Error> {
        y.fill(0.0);
        let starts = self.starts::<PAIRS>(first, y.len() / vectors);
        let mut runs = self.runs(starts)?;
        let vectors = vectors.get();
        while let Some(run) = runs.next(self, starts) {
            for vector in 0..vectors {
                let start = vector * self.columns;
                let x = x.get(start + run.place.start..start + run.place.end);
                let x = x.unwrap_or_default();
                let sums = sums::<V, S, PAIRS>(v, self.trits.code(), run.rows, x);
                let (sums, scales) = (sums.as_flattened(), run.scales.as_flattened());
                for row in 0..2 * PAIRS {
                    // Rows that are there only to fill up have no product.
                    if let Some(y) = y.get_mut(row * vectors + vector) {
                        *y += S::scaled(sums[row], scales[row]);
                    }
                }
            }
        }
        Ok(())
    }

    /// The first elements of so many rows; the last of them fills up what is left.
    #[inline(always)]
    fn starts<const PAIRS: usize>(&self, first: usize, count: usize) -> [[usize; 2]; PAIRS] {
        let mut starts = [[0; 2]; PAIRS];
        for (row, start) in starts.as_flattened_mut().iter_mut().enumerate() {
            *start = (first + row.min(count.saturating_sub(1))) * self.columns;
        }
        starts
    }

    #[inline(always)]
    fn runs<const PAIRS: usize>(
        &self,
        starts: [[usize; 2]; PAIRS],
    ) -> Result<RowsOfRuns<'a, PAIRS>, Error> {
        let mut runs = [const { [const { None }; 2] }; PAIRS];
        let places = runs.as_flattened_mut().iter_mut();
        for (runs, &start) in places.zip(starts.as_flattened()) {
            *runs = Some(self.groups.runs(start..start + self.columns)?);
        }
        Ok(RowsOfRuns(runs))
    }
}

/// The runs of some rows.
struct RowsOfRuns<'a, const PAIRS: usize>([[Option<Runs<'a>>; 2]; PAIRS]);

impl<const PAIRS: usize> RowsOfRuns<'_, PAIRS> {
    /// The next run of all rows.
    #[inline(always)]
    fn next<'m>(
        &mut self,
        matrix: &'m GroupedMatrix<'_>,
        starts: [[usize; 2]; PAIRS],
    ) -> Option<Run<'m, PAIRS>> {
        let mut place = 0..0;
        let mut rows = [[matrix.trits.row(0); 2]; PAIRS];
        let mut scales = [[(0.0, 0.0); 2]; PAIRS];
        for pair in 0..PAIRS {
            for half in 0..2 {
                let (run, group) = self.0[pair][half].as_mut()?.next()?;
                let start = starts[pair][half];
                rows[pair][half] = matrix.trits.row(run.start);
                scales[pair][half] = matrix.scales_of(group);
                let own = run.start - start..run.end - start;
                debug_assert!(own == place || pair + half == 0, "another place");
                place = own;
            }
        }
        Some(Run {
            place,
            rows,
            scales,
        })
    }
}
