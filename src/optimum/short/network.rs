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
//! touches them is skipped: any `n` will do. Up to four steps of a merge are done on rows in registers, which then are read
//! and written once: the stores are what a merge costs.
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
    fn run<V: Vector>(self, vector: V) {
        let Self {
            rows,
            len,
            side,
            sorted,
        } = self;
        if len <= 9 {
            return few::<V, 9>(vector, side, rows, sorted);
        }
        for (block, sorted) in rows[..len.next_multiple_of(BASE)]
            .as_chunks::<BASE>()
            .0
            .iter()
            .zip(sorted.as_chunks_mut::<BASE>().0)
        {
            few::<V, BASE>(vector, side, block, sorted);
        }
        macro_rules! merge {
            ($($span:literal)*) => {$(
                if len > $span / 2 {
                    merge::<V, $span>(vector, sorted, len);
                }
            )*};
        }
        merge!(32 64 128 256);
    }
}

/// Sorts the first `N` rows, at most 16.
#[inline(always)]
fn few<V: Vector, const N: usize>(
    vector: V,
    side: Side,
    rows: &[[f32; 16]],
    sorted: &mut [[f32; 16]],
) {
    let mut x = [vector.splat(0.0); N];
    for (x, row) in x.iter_mut().zip(rows) {
        *x = magnitudes(vector, side, vector.load(row));
    }
    macro_rules! compare {
        ($($low:literal $high:literal),*) => {$(
            if $high < N {
                [x[$low % N], x[$high % N]] = vector.order(x[$low % N], x[$high % N]);
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
    for (x, row) in x.into_iter().zip(sorted) {
        *row = vector.array(x);
    }
}

/// Merges sorted neighbours of `SPAN / 2` rows, of `len` rows in all.
///
/// Spans and blocks are known to the compiler, so that vector units look up no row with a check.
#[inline(always)]
fn merge<V: Vector, const SPAN: usize>(vector: V, rows: &mut [[f32; 16]], len: usize) {
    // With 16 rows at once, as many steps as leave blocks of 16; else what is left has to be a power of 4.
    let pairs = match V::ROWS {
        16 => SPAN / 32,
        _ => 2 - SPAN.trailing_zeros() as usize % 2,
    };
    let spans = rows.as_chunks_mut::<SPAN>().0.iter_mut();
    for (span, start) in spans.zip((0..len).step_by(SPAN)) {
        let len = len - start;
        match pairs {
            1 => flip::<V, SPAN, 1>(vector, span, len),
            2 => flip::<V, SPAN, 2>(vector, span, len),
            4 => flip::<V, SPAN, 4>(vector, span, len),
            _ => flip::<V, SPAN, 8>(vector, span, len),
        }
        if SPAN / 2 / pairs == 64 {
            clean_blocks::<V, 64>(vector, span, len);
        }
        clean_blocks::<V, 16>(vector, span, len);
        if V::ROWS == 4 {
            clean_blocks::<V, 4>(vector, span, len);
        }
    }
}

/// Compares the rows from the first on upward with those from the last on downward, `PAIRS` at once, and goes on within both.
#[inline(always)]
fn flip<V: Vector, const SPAN: usize, const PAIRS: usize>(
    vector: V,
    rows: &mut [[f32; 16]; SPAN],
    len: usize,
) {
    let step = vector.distance(SPAN / 2 / PAIRS);
    for i in 0..step {
        // The first row beyond those of the left neighbour.
        if SPAN / 2 + (step - 1 - i) >= len {
            continue;
        }
        let (mut large, mut small) = ([vector.splat(0.0); PAIRS], [vector.splat(0.0); PAIRS]);
        for j in 0..PAIRS {
            let a = vector.load(&rows[i + j * step]);
            let b = vector.load(&rows[SPAN - 1 - i - j * step]);
            // Those that come down from above: the last first.
            [large[j], small[PAIRS - 1 - j]] = vector.order(a, b);
        }
        clean(vector, &mut large);
        clean(vector, &mut small);
        for j in 0..PAIRS {
            rows[i + j * step] = vector.array(large[j]);
            rows[SPAN - 1 - i - j * step] = vector.array(small[PAIRS - 1 - j]);
        }
    }
}

/// Goes on within each block of rows that has some of the first `len`, as many steps as can be done in registers.
#[inline(always)]
fn clean_blocks<V: Vector, const BLOCK: usize>(vector: V, rows: &mut [[f32; 16]], len: usize) {
    for start in (0..len.min(rows.len())).step_by(BLOCK) {
        for i in start..start + BLOCK / BLOCK.min(V::ROWS) {
            match V::ROWS {
                16 => clean_rows::<V, BLOCK, 16>(vector, &mut rows[i..]),
                _ => clean_rows::<V, BLOCK, 4>(vector, &mut rows[i..]),
            }
        }
    }
}

/// Goes on within the rows of a block, `ROWS` at once.
#[inline(always)]
fn clean_rows<V: Vector, const BLOCK: usize, const ROWS: usize>(vector: V, rows: &mut [[f32; 16]]) {
    let step = vector.distance(BLOCK / ROWS);
    let mut x = [vector.splat(0.0); ROWS];
    for j in 0..ROWS {
        x[j] = vector.load(&rows[j * step]);
    }
    clean(vector, &mut x);
    for j in 0..ROWS {
        rows[j * step] = vector.array(x[j]);
    }
}

/// Compares `i` with `i + N/2`, then with `i + N/4`, and so on.
#[inline(always)]
fn clean<V: Vector, const N: usize>(vector: V, x: &mut [V::Singles; N]) {
    macro_rules! step {
        ($distance:literal: $($i:literal)*) => {$(
            if $i + $distance < N {
                [x[$i % N], x[($i + $distance) % N]] =
                    vector.order(x[$i % N], x[($i + $distance) % N]);
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
