//! Sixteen vectors side by side: from one after the other to row by row, their energies, and back to trits.
//!
//! ```text
//! transpose 16 x 16:   four times, row 2i and row 2i+1 = row i and row i+8, zipped
//! ```
//!
//! Cost: four shuffles a row; four operations a row for the energies, whose order of addition is that of
//! [`crate::ordered`], the eight lanes of which are rows here; three operations a row for the trits.

use super::best::Lanes;
use crate::backend::{Job, Vector};
use crate::ordered::BLOCK;
use crate::passes::Side;
use crate::weight::Format;

/// Copies weights as singles; zeros behind them.
pub(super) struct Fill<'a, 'f, W> {
    pub(super) weights: &'a [W],
    pub(super) flat: &'f mut [f32],
}

impl<W: Format> Job for Fill<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let (filled, rest) = self.flat.split_at_mut(self.weights.len());
        for (place, weight) in filled.iter_mut().zip(self.weights) {
            *place = weight.single();
        }
        rest.fill(0.0);
    }
}

/// Sixteen singles of a slice from `start` on, zeros beyond its end.
#[inline(always)]
fn sixteen(flat: &[f32], start: usize) -> [f32; 16] {
    let found = flat.get(start..).and_then(|rest| rest.first_chunk());
    found.copied().unwrap_or([0.0; 16])
}

/// Writes the ranks of the vectors row by row, those of one sign or of both; returns the energies.
pub(super) struct Spread<'f, 'r> {
    pub(super) flat: &'f [f32],
    pub(super) len: usize,
    pub(super) side: Side,
    pub(super) rows: &'r mut [[f32; 16]],
}

impl Job for Spread<'_, '_> {
    type Output = Lanes;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> Lanes {
        let Self {
            flat,
            len,
            side,
            rows,
        } = self;
        // Totals of one block, of two, and of those not yet paired: up to four blocks.
        let (mut one, mut two) = ([v.zeros(); 2], [v.zeros(); 2]);
        let mut lanes = [[v.zeros(); 2]; 8];
        for (b, block) in rows.chunks_mut(16).enumerate() {
            let mut x = [v.splat(0.0); 16];
            for (lane, x) in x.iter_mut().enumerate() {
                if 16 * b < len {
                    *x = v.load(&sixteen(flat, lane * len + 16 * b));
                }
            }
            transpose(v, &mut x);
            for (i, x) in x.iter_mut().enumerate() {
                if 16 * b + i >= len {
                    *x = v.splat(0.0);
                }
                let wide = v.widen(*x);
                for h in 0..2 {
                    lanes[i % 8][h] = v.add_square(lanes[i % 8][h], wide[h]);
                }
            }
            for (row, x) in block.iter_mut().zip(x) {
                *row = v.array(v.rank(of_side(v, side, x)));
            }
            let end = 16 * (b + 1);
            if end.is_multiple_of(BLOCK) && end <= len {
                let sum = total(v, &lanes);
                lanes = [[v.zeros(); 2]; 8];
                match end / BLOCK {
                    1 | 3 => one = sum,
                    2 => two = add(v, sum, one),
                    // Equals with equals.
                    _ => two = add(v, add(v, sum, one), two),
                }
            }
        }
        let mut sum = total(v, &lanes);
        let blocks = len / BLOCK;
        if blocks & 1 == 1 {
            sum = add(v, sum, one);
        }
        if blocks >= 2 {
            sum = add(v, sum, two);
        }
        sum.map(|half| v.doubles(half))
    }
}

#[inline(always)]
fn add<V: Vector>(v: V, a: [V::Doubles; 2], b: [V::Doubles; 2]) -> [V::Doubles; 2] {
    [v.add_doubles(a[0], b[0]), v.add_doubles(a[1], b[1])]
}

/// The fixed tree of [`crate::ordered`].
#[inline(always)]
fn total<V: Vector>(v: V, lanes: &[[V::Doubles; 2]; 8]) -> [V::Doubles; 2] {
    let pair = |i: usize| add(v, lanes[i], lanes[i + 4]);
    add(v, add(v, pair(0), pair(2)), add(v, pair(1), pair(3)))
}

#[inline(always)]
fn transpose<V: Vector>(v: V, x: &mut [V::Singles; 16]) {
    for _ in 0..4 {
        let old = *x;
        for i in 0..8 {
            [x[2 * i], x[2 * i + 1]] = v.zip(old[i], old[i + 8]);
        }
    }
}

/// Writes the trits of the vectors, one after the other; up to 15 bytes behind them are overwritten.
pub(super) struct Trits<'f, 't> {
    pub(super) flat: &'f [f32],
    pub(super) len: usize,
    /// Selected are those above the first, and below the second.
    pub(super) thresholds: [[f32; 16]; 2],
    pub(super) places: &'t mut [i8],
}

impl Job for Trits<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        for lane in 0..16 {
            let [p, n] = self.thresholds.map(|all| v.splat(all[lane]));
            let start = lane * self.len;
            for at in (start..start + self.len).step_by(16) {
                let signs = v.signs(v.load(&sixteen(self.flat, at)), p, n);
                if let Some(place) = self.places.get_mut(at..at + 16) {
                    place.copy_from_slice(&signs);
                }
            }
        }
    }
}

/// Those of one sign as magnitudes and zeros for the others, or all with their signs.
#[inline(always)]
fn of_side<V: Vector>(v: V, side: Side, x: V::Singles) -> V::Singles {
    match side {
        Side::Both => x,
        one => one.magnitudes(v, x),
    }
}
