//! Sixteen vectors side by side: from one after the other to row by row, their energies, and back to trits.
//!
//! Cost: a transposition of 16 x 16, of six to sixteen shuffles a row; four operations a row for the energies, whose order of
//! addition is that of [`crate::exact::float_sums`], the eight lanes of which are rows here; three operations a row for the trits.

use super::best::{Lanes, lanes};
use crate::exact::float_sums::BLOCK;
use crate::optimum::scan::{padded, singles};
use crate::simd::{Job, Loop, Vector};
use crate::weight::FloatBits;

/// Sixteen weights of a slice from `start` on as singles, with zeros beyond the end.
#[inline(always)]
fn sixteen<W: FloatBits>(weights: &[W], start: usize) -> [f32; 16] {
    let rest = weights.get(start..).unwrap_or_default();
    match rest.first_chunk() {
        Some(chunk) => singles(chunk),
        None => singles(&padded(rest, W::zero())),
    }
}

/// Writes the vectors row by row, with zeros for the rows up to a multiple of 16, and the energies.
pub(super) struct SpreadPass<'w, 'r, W> {
    /// One vector after the other. Where there are fewer than sixteen, the others are zeros.
    pub(super) weights: &'w [W],
    pub(super) len: usize,
    pub(super) rows: &'r mut [[f32; 16]],
    pub(super) energy: &'r mut Lanes,
}

impl<W: FloatBits> Job for SpreadPass<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let (weights, len, rows) = (self.weights, self.len, self.rows);
        for (b, block) in rows.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let mut rest = weights.get(16 * b..).unwrap_or_default();
            let (zeros, mut copies) = ([W::zero(); 16], None);
            let mut chunks = [&zeros; 16];
            if rest.len() >= 15 * len + 16 {
                for chunk in &mut chunks {
                    *chunk = rest.first_chunk().unwrap_or(&zeros);
                    rest = rest.get(len..).unwrap_or_default();
                }
            } else {
                let copies = copies.insert([zeros; 16]);
                for copy in copies.iter_mut() {
                    *copy = padded(rest, W::zero());
                    rest = rest.get(len..).unwrap_or_default();
                }
                chunks = copies.each_ref();
            }
            v.transpose(chunks, singles, block);
        }
        rows[len..].fill([0.0; 16]);
        *self.energy = lanes(v, [energies(v, rows, len, 0), energies(v, rows, len, 1)]);
    }
}

/// The sums of squares of rows in half `h` of the lanes, those beyond `len` being zeros.
#[inline(always)]
fn energies<V: Vector>(v: V, rows: &[[f32; 16]], len: usize, h: usize) -> V::Doubles {
    // Totals of one block, of two, and of those not yet paired: up to four blocks.
    let (mut one, mut two, mut rest) = (v.zeros(), v.zeros(), v.zeros());
    let blocks = len / BLOCK;
    for (b, block) in rows.chunks(BLOCK).enumerate() {
        let mut parts = [v.zeros(); 8];
        for eight in block.as_chunks::<8>().0 {
            for (part, row) in parts.iter_mut().zip(eight) {
                *part = v.add_square(*part, v.widen(v.load(row))[h]);
            }
        }
        let sum = total(v, &parts);
        match b + 1 {
            _ if b >= blocks => rest = sum,
            1 | 3 => one = sum,
            2 => two = v.add_doubles(sum, one),
            // Equals with equals.
            _ => two = v.add_doubles(v.add_doubles(sum, one), two),
        }
    }
    if blocks & 1 == 1 {
        rest = v.add_doubles(rest, one);
    }
    if blocks >= 2 {
        rest = v.add_doubles(rest, two);
    }
    rest
}

/// The fixed tree of [`crate::exact::float_sums`].
#[inline(always)]
fn total<V: Vector>(v: V, lanes: &[V::Doubles; 8]) -> V::Doubles {
    let pair = |i: usize| v.add_doubles(lanes[i], lanes[i + 4]);
    let (even, odd) = ((pair(0), pair(2)), (pair(1), pair(3)));
    v.add_doubles(v.add_doubles(even.0, even.1), v.add_doubles(odd.0, odd.1))
}

/// Writes the trits of up to sixteen vectors, one after the other; up to 15 places behind them are overwritten.
pub(super) struct LaneTritPass<'w, 't, W> {
    pub(super) weights: &'w [W],
    pub(super) len: usize,
    pub(super) count: usize,
    /// Selected are those above the first, and those whose magnitude is above the second.
    pub(super) thresholds: [&'w [W; 16]; 2],
    pub(super) trits: &'t mut [i8],
}

impl<W: FloatBits> Job for LaneTritPass<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        v.apart(self);
    }
}

impl<V: Vector, W: FloatBits> Loop<V> for LaneTritPass<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self, v: V) {
        let (len, whole) = (self.len, self.len.next_multiple_of(16));
        let Self { weights, trits, .. } = self;
        let [p, n] = self.thresholds;
        let limits = |lane: usize| (v.splat(p[lane].single()), v.splat(-n[lane].single()));
        // How many vectors have enough weights and places behind them to be read and written in whole chunks.
        let shown = weights.len().min(trits.len());
        let within = (shown + len).saturating_sub(whole) / len;
        let within = within.min(self.count).min(16);
        let (shown_weights, shown_trits) = (&weights[..shown], &mut trits[..shown]);
        for lane in 0..within {
            let (p, n) = limits(lane);
            let chunks = lane * len..lane * len + whole;
            let places = shown_trits[chunks.clone()].as_chunks_mut().0;
            for (weights, places) in shown_weights[chunks].as_chunks().0.iter().zip(places) {
                *places = v.signs(v.load(&singles(weights)), p, n);
            }
        }
        for lane in within..self.count.min(16) {
            let (p, n) = limits(lane);
            for at in (lane * len..(lane + 1) * len).step_by(16) {
                let signs = v.signs(v.load(&sixteen(weights, at)), p, n);
                let places = trits[at..].iter_mut().zip(signs);
                places.for_each(|(place, sign)| *place = sign);
            }
        }
    }
}
