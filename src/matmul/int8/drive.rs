//! All rows times all vectors, block by block, on all threads.
//!
//! ```text
//! for each panel of rows that fits the second cache:   for each few vectors:   for each few rows of the panel:   a block
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use super::kernel::Product;
use super::lay_out::Laid;
use super::{Arithmetic, Multiplier};
use crate::simd::{Digits, TileJob, Unit};
use crate::threads;

/// Rows that are multiplied with some vectors before the next vectors come.
const PANEL: usize = 128;

/// Rows of a block with one vector, and with several.
const ROWS: usize = 4;
const ROWS_OF_MANY: usize = 2;

/// Vectors of a block.
const VECTORS: usize = 4;

/// Tiles that are worth a thread.
const WORTH: usize = 1 << 12;

/// A product with a driver for its code.
pub(crate) trait Drivable<const P: usize>: Product<P> {
    /// Multiplies `rows` with all `xs`; `ys` are as many, each as long as there are rows.
    fn multiply(self, how: Multiplier, rows: Range<usize>, xs: &[Laid<P>], ys: &mut [&mut [f32]]);
}

/// One thread, or several.
fn divide<Q: Drivable<P>, const P: usize>(
    product: Q,
    how: Multiplier,
    rows: Range<usize>,
    xs: &[Laid<P>],
    ys: &mut [&mut [f32]],
    run: impl FnOnce(Drive<'_, '_, Q, P>),
) {
    let middle = rows.start + rows.len() / 2;
    let tiles: usize = xs.iter().map(Laid::len).sum();
    let work = rows.len().saturating_mul(tiles);
    // Threads are asked about last: asking may start them.
    if rows.len() > 2 * ROWS && work > 2 * WORTH && threads::pays() {
        let halves = ys.iter_mut().map(|y| y.split_at_mut(middle - rows.start));
        let (mut upper, mut lower): (Vec<_>, Vec<_>) = halves.unzip();
        threads::join(
            || product.multiply(how, rows.start..middle, xs, &mut upper),
            || product.multiply(how, middle..rows.end, xs, &mut lower),
        );
        return;
    }
    run(Drive {
        product,
        rows,
        xs,
        ys,
    });
}

/// The same for each number of digits, of which no function can be generic: not every unit has tiles of `P` digits.
macro_rules! drive {
    ($digits:literal) => {
        impl<Q: Product<$digits>> Drivable<$digits> for Q {
            fn multiply(
                self,
                how: Multiplier,
                rows: Range<usize>,
                xs: &[Laid<$digits>],
                ys: &mut [&mut [f32]],
            ) {
                let additions_only = how.arithmetic == Arithmetic::Add;
                divide(self, how, rows, xs, ys, |drive| {
                    how.backend.run_tiles(additions_only, drive);
                });
            }
        }

        impl<Q: Product<$digits>> TileJob for Drive<'_, '_, Q, $digits> {
            type Output = ();

            #[inline(always)]
            fn run<T: Unit>(self, unit: T) {
                self.drive(unit);
            }
        }
    };
}

drive!(4);
drive!(5);

/// Rows times vectors on one thread.
pub(crate) struct Drive<'a, 'y, Q, const P: usize> {
    product: Q,
    rows: Range<usize>,
    xs: &'a [Laid<P>],
    ys: &'a mut [&'y mut [f32]],
}

impl<Q: Product<P>, const P: usize> Drive<'_, '_, Q, P> {
    #[inline(always)]
    fn drive<T: Digits<P>>(self, unit: T) {
        let Self {
            product,
            rows,
            xs,
            ys,
        } = self;
        let mut scratch = Vec::new();
        let mut start = rows.start;
        while start < rows.end {
            let panel = start..rows.end.min(start + PANEL);
            let at = start - rows.start;
            let (fours, _) = xs.as_chunks::<VECTORS>();
            for (xs, ys) in fours.iter().zip(ys.chunks_exact_mut(VECTORS)) {
                let xs = xs.each_ref();
                panel_times::<T, Q, P, ROWS_OF_MANY, VECTORS>(
                    unit,
                    &product,
                    &panel,
                    xs,
                    ys,
                    at,
                    &mut scratch,
                );
            }
            let done = fours.len() * VECTORS;
            for (x, y) in xs.iter().zip(ys.chunks_exact_mut(1)).skip(done) {
                panel_times::<T, Q, P, ROWS, 1>(unit, &product, &panel, [x], y, at, &mut scratch);
            }
            start = panel.end;
        }
    }
}

/// A panel of rows times a few vectors.
#[inline(always)]
fn panel_times<T: Digits<P>, Q: Product<P>, const P: usize, const R: usize, const C: usize>(
    unit: T,
    product: &Q,
    panel: &Range<usize>,
    xs: [&Laid<P>; C],
    ys: &mut [&mut [f32]],
    at: usize,
    scratch: &mut Vec<f32>,
) {
    let mut row = panel.start;
    while row + R <= panel.end {
        let block = product.block::<T, R, C>(unit, row, xs, scratch);
        write(&block, ys, at + row - panel.start);
        row += R;
    }
    while row < panel.end {
        let block = product.block::<T, 1, C>(unit, row, xs, scratch);
        write(&block, ys, at + row - panel.start);
        row += 1;
    }
}

/// The results of a block, to their vectors.
#[inline(always)]
fn write<const R: usize, const C: usize>(block: &[[f32; C]; R], ys: &mut [&mut [f32]], at: usize) {
    for (r, results) in block.iter().enumerate() {
        for (y, &result) in ys.iter_mut().zip(results) {
            if let Some(slot) = y.get_mut(at + r) {
                *slot = result;
            }
        }
    }
}
