//! A pass over gathered weights: those of a smaller interval stay, in place, and those above it are added.
//!
//! Cost: one read and one write of the gathered weights, and about 16 vector operations for 16 of them.

use super::LANES;
use super::above::{Above, Chunk};
use crate::exact::grid::{Grid, Sums};
use crate::optimum::scan::Side;
use crate::simd::{Job, Vector};
use crate::weight::Weight;

/// Which of the gathered weights to keep: those of magnitude in `(low, high]`.
pub(crate) struct Compact<'s, W: Weight> {
    pub(crate) slots: &'s mut [W::Slot],
    pub(crate) ends: [f32; 2],
    /// On which the sums are.
    pub(crate) grid: Grid,
}

impl<W: Weight> Job for Compact<'_, W> {
    /// How many are kept, in the first slots, and the sums of those above.
    type Output = (usize, [Sums; 2]);

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let Self { slots, ends, grid } = self;
        let ends = ends.map(|end| vector.splat(end));
        let mut above = Above::new(vector);
        let mut kept = 0;
        for start in (0..slots.len()).step_by(LANES) {
            let chunk = Chunk::new(vector, Side::Both, vector.load(&load::<W>(slots, start)));
            let inside = above.add(vector, &chunk, ends);
            // No place is written before it was read. Of a chunk all are written, and overwritten by what is kept of the next.
            let first = vector.array(vector.compress(inside, chunk.singles));
            store::<W>(slots, kept, first);
            kept += vector.bits(inside).count_ones() as usize;
        }
        (kept, above.total(vector, Side::Both, grid.unit::<W>()))
    }
}

/// Sixteen singles from a slot on, and zeros beyond the last.
#[inline(always)]
pub(crate) fn load<W: Weight>(slots: &[W::Slot], start: usize) -> [f32; LANES] {
    let rest = slots.get(start..).unwrap_or_default();
    let mut chunk = [0.0; LANES];
    if let Some(slots) = rest.first_chunk::<LANES>() {
        for l in 0..LANES {
            chunk[l] = W::slot_to_single(slots[l]);
        }
        return chunk;
    }
    for (single, &slot) in chunk.iter_mut().zip(rest) {
        *single = W::slot_to_single(slot);
    }
    chunk
}

/// Writes sixteen singles, or as many as there are slots for.
#[inline(always)]
fn store<W: Weight>(slots: &mut [W::Slot], start: usize, singles: [f32; LANES]) {
    let rest = slots.get_mut(start..).unwrap_or_default();
    if let Some(places) = rest.first_chunk_mut::<LANES>() {
        for l in 0..LANES {
            places[l] = W::single_to_slot(singles[l]);
        }
        return;
    }
    for (place, single) in rest.iter_mut().zip(singles) {
        *place = W::single_to_slot(single);
    }
}
