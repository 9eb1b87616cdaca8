//! Sixteen vectors sorted at once, lane by lane: a sorting network, whose comparators are a vector maximum and minimum.
//!
//! A network compares the same places whatever it finds, so it has no branch to mispredict, and a comparator serves sixteen
//! vectors. The magnitudes of rows are sorted in decreasing order:
//!
//! ```text
//! sort each 16 rows by 60 comparators, in registers
//! for p = 16, 32, .. < n:   merge neighbours of p rows:  compare i with 2p-1-i,   then i with i+p/2,  i with i+p/4,  ..,  i with i+1
//! ```
//!
//! Every comparator puts the larger one first. So rows beyond the last, as they are zeros, never move, and what only
//! touches them is skipped: any `n` will do. The steps of a merge that compare blocks of 16 rows are done on rows in registers,
//! which then are read and written once, and so are the others, within the blocks: the stores are what a merge costs.
//!
//! Sixteen lanes fill several registers of most processors, and then there are not enough for 16 rows. So the lanes of one
//! register are sorted in all rows before those of the next: column after column, by the same code.
//!
//! Cost for 16 rows of 256: `3.75 + (5 + 6 + 7 + 8) / 2 = 16.75` comparators a row, so about 2.1 vector operations a weight.
//! The odd-even merge of Batcher needs 15 comparators a row, but its steps do not keep to blocks of rows, so that they must go
//! through memory one by one.
//!
//! Sources: Batcher, Sorting networks and their applications (1968); Knuth, The Art of Computer Programming 3, section 5.3.4
//! (the 60 comparators are Green's).

use crate::optimum::scan::magnitudes;
use crate::optimum::side::Side;
use crate::simd::{Job, Vector};

/// Rows that are sorted in registers.
const BASE: usize = 16;

/// So many rows.
type SortBlock = [[f32; 16]; BASE];

/// Sorts magnitudes of rows, of both signs or of one.
pub(super) struct SortPass<'r> {
    /// The first `len` are to be sorted, and those beyond, up to a multiple of 16, are zeros.
    pub(super) rows: &'r [[f32; 16]],
    pub(super) len: usize,
    pub(super) side: Side,
    /// As many places, and beyond them zeros up to a power of two, which stay.
    pub(super) sorted: &'r mut [[f32; 16]],
}

impl Job for SortPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self {
            rows, len, side, ..
        } = self;
        let rows = &rows[..len.next_multiple_of(BASE)];
        for (place, row) in self.sorted.iter_mut().zip(rows) {
            *place = v.array(magnitudes(v, side, v.load(row)));
        }
        let blocks = self.sorted.as_chunks_mut::<BASE>().0;
        for c in 0..V::COLUMNS {
            if len <= 9 {
                few::<V, 9>(v, c, &mut blocks[0]);
                continue;
            }
            for block in blocks.iter_mut().take(rows.len() / BASE) {
                few::<V, BASE>(v, c, block);
            }
            macro_rules! merge {
                ($($blocks:literal)*) => {$(
                    if len > BASE * $blocks / 2 {
                        merge::<V, $blocks>(v, c, blocks, len);
                    }
                )*};
            }
            merge!(2 4 8 16);
        }
    }
}

/// Sorts the first `N` rows of a block.
#[inline(always)]
fn few<V: Vector, const N: usize>(v: V, c: usize, rows: &mut SortBlock) {
    let mut x = [v.column(&rows[0], c); N];
    for (x, row) in x.iter_mut().zip(rows.iter()) {
        *x = v.column(row, c);
    }
    macro_rules! compare {
        ($($low:literal $high:literal),*) => {$(
            if $high < N {
                [x[$low % N], x[$high % N]] = v.order(x[$low % N], x[$high % N]);
            }
        )*};
    }
    compare!(0 1, 2 3, 4 5, 6 7, 8 9, 10 11, 12 13, 14 15);
    compare!(0 2, 1 3, 4 6, 5 7, 8 10, 9 11, 12 14, 13 15);
    compare!(0 4, 1 5, 2 6, 3 7, 8 12, 9 13, 10 14, 11 15);
    compare!(0 8, 1 9, 2 10, 3 11, 4 12, 5 13, 6 14, 7 15);
    compare!(5 10, 6 9, 3 12, 13 14, 4 8, 7 11, 1 2);
    compare!(1 4, 7 13, 2 8, 11 14);
    compare!(2 4, 5 6, 9 10, 11 13, 3 8, 7 12);
    compare!(6 8, 10 12, 3 5, 7 9);
    compare!(3 4, 5 6, 7 8, 9 10, 11 12);
    compare!(6 7, 8 9);
    for (x, row) in x.into_iter().zip(rows) {
        v.set_column(row, c, x);
    }
}

/// Merges sorted neighbours of `N / 2` blocks, of `len` rows in all.
#[inline(always)]
fn merge<V: Vector, const N: usize>(v: V, c: usize, blocks: &mut [SortBlock], len: usize) {
    let spans = blocks.as_chunks_mut::<N>().0.iter_mut();
    for (span, start) in spans.zip((0..len).step_by(BASE * N)) {
        let len = len - start;
        for i in 0..BASE {
            // Unless all of the right neighbour are zeros.
            if BASE * N / 2 + (BASE - 1 - i) < len {
                flip(v, c, span, i);
            }
        }
        for block in span.iter_mut().take(len.div_ceil(BASE)) {
            let mut x = [v.column(&block[0], c); BASE];
            for (x, row) in x.iter_mut().zip(block.iter()) {
                *x = v.column(row, c);
            }
            clean::<V, BASE, 2>(v, &mut x);
            for (x, row) in x.into_iter().zip(block) {
                v.set_column(row, c, x);
            }
        }
    }
}

/// Compares row `i` of each block with its mirror image, and goes on while the blocks are not the same.
#[inline(always)]
fn flip<V: Vector, const N: usize>(v: V, c: usize, span: &mut [SortBlock; N], i: usize) {
    let place = |j| if j < N / 2 { i } else { BASE - 1 - i };
    let mut x = [v.column(&span[0][i], c); N];
    for j in 0..N {
        x[j] = v.column(&span[j][place(j)], c);
    }
    for j in 0..N / 2 {
        [x[j], x[N - 1 - j]] = v.order(x[j], x[N - 1 - j]);
    }
    clean::<V, N, 4>(v, &mut x);
    for j in 0..N {
        v.set_column(&mut span[j][place(j)], c, x[j]);
    }
}

/// Compares `i` with `i + N/PART`, then with half the distance, and so on.
#[inline(always)]
fn clean<V: Vector, const N: usize, const PART: usize>(v: V, x: &mut [V::Column; N]) {
    macro_rules! step {
        ($distance:literal: $($i:literal)*) => {$(
            if $distance * PART <= N && $i + $distance < N {
                [x[$i % N], x[($i + $distance) % N]] = v.order(x[$i % N], x[($i + $distance) % N]);
            }
        )*};
    }
    step!(8: 0 1 2 3 4 5 6 7);
    step!(4: 0 1 2 3 8 9 10 11);
    step!(2: 0 1 4 5 8 9 12 13);
    step!(1: 0 2 4 6 8 10 12 14);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Backend;

    /// Sorts sixteen vectors, given row by row, and checks the first `len` rows.
    fn check(backend: Backend, values: &[[u32; 16]]) {
        let len = values.len();
        let mut rows = [[0.0; 16]; 256];
        for (row, values) in rows.iter_mut().zip(values) {
            *row = values.map(f32::from_bits);
        }
        let mut sorted = [[0.0; 16]; 256];
        backend.run(SortPass {
            rows: &rows,
            len,
            side: Side::Both,
            sorted: &mut sorted[..len.next_power_of_two().max(BASE)],
        });
        for lane in 0..16 {
            let mut expected = [0; 256];
            for (place, row) in expected.iter_mut().zip(values) {
                *place = row[lane];
            }
            let expected = &mut expected[..len];
            expected.sort_unstable();
            for (row, expected) in sorted.iter().zip(expected.iter().rev()) {
                assert_eq!(row[lane].to_bits(), *expected, "{len}");
            }
        }
    }

    #[test]
    fn all_vectors_of_zeros_and_ones_are_sorted() {
        for backend in Backend::available() {
            for len in 1..=16_usize {
                for first in (0..1_u32 << len).step_by(16) {
                    let row = |i: usize| {
                        core::array::from_fn(|lane| {
                            let lane = u32::try_from(lane).unwrap_or(0);
                            (first + lane) >> i & 1
                        })
                    };
                    let rows: [[u32; 16]; 16] = core::array::from_fn(row);
                    check(backend, &rows[..len]);
                }
            }
        }
    }

    #[test]
    fn random_vectors_of_every_length_are_sorted() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few values, so that there are equals, and many.
            let bits = state >> 8;
            if bits & 1 == 0 { bits } else { bits >> 20 }
        };
        for len in 1..=256 {
            let rows: [[u32; 16]; 256] =
                core::array::from_fn(|_| core::array::from_fn(|_| random()));
            for backend in Backend::available() {
                check(backend, &rows[..len]);
            }
        }
    }
}
