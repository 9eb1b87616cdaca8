//! Sixteen vectors side by side: from one after the other to row by row, their energies, and back to trits.
//!
//! Cost: a transposition of 16 x 16, of six to sixteen shuffles a row; four operations a row for the energies, whose order of
//! addition is that of [`crate::exact::float_sums`], the eight lanes of which are rows here; three operations a row for the trits.

use super::best::{Lanes, lanes};
use crate::exact::float_sums::BLOCK;
use crate::optimum::scan::{padded, singles};
use crate::simd::{Job, Vector};
use crate::weight::FloatBits;

/// Sixteen weights of a slice from `start` on as singles, if there are as many.
#[inline(always)]
fn whole<W: FloatBits>(weights: &[W], start: usize) -> Option<[f32; 16]> {
    weights.get(start..)?.first_chunk().map(singles)
}

/// The same with zeros beyond the end.
#[inline(always)]
fn sixteen<W: FloatBits>(weights: &[W], start: usize) -> [f32; 16] {
    let rest = || weights.get(start..).unwrap_or_default();
    whole(weights, start).unwrap_or_else(|| singles(&padded(rest(), W::zero())))
}

/// Writes the vectors row by row, and zeros for the rows up to a multiple of 16; returns the energies.
pub(super) struct SpreadPass<'w, 'r, W> {
    /// One vector after the other. Where there are fewer than sixteen, the others are zeros.
    pub(super) weights: &'w [W],
    pub(super) len: usize,
    pub(super) rows: &'r mut [[f32; 16]],
}

impl<W: FloatBits> Job for SpreadPass<'_, '_, W> {
    type Output = Lanes;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> Lanes {
        let Self { weights, len, rows } = self;
        for (b, block) in rows.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let mut x = [v.splat(0.0); 16];
            let start = |lane: usize| lane * len + 16 * b;
            // Two loops, as the one for whole chunks alone keeps to registers.
            if start(15) + 16 <= weights.len() {
                for (lane, x) in x.iter_mut().enumerate() {
                    *x = v.load(&whole(weights, start(lane)).unwrap_or([0.0; 16]));
                }
            } else {
                for (lane, x) in x.iter_mut().enumerate() {
                    *x = v.load(&sixteen(weights, start(lane)));
                }
            }
            v.transpose(&mut x);
            for (row, x) in block.iter_mut().zip(x) {
                *row = v.array(x);
            }
        }
        rows[len..].fill([0.0; 16]);
        lanes(v, energies(v, rows, len))
    }
}

/// The sums of squares of rows, those beyond `len` being zeros.
#[inline(always)]
fn energies<V: Vector>(v: V, rows: &[[f32; 16]], len: usize) -> [V::Doubles; 2] {
    // Totals of one block, of two, and of those not yet paired: up to four blocks.
    let (mut one, mut two, mut rest) = ([v.zeros(); 2], [v.zeros(); 2], [v.zeros(); 2]);
    let blocks = len / BLOCK;
    for (b, block) in rows.chunks(BLOCK).enumerate() {
        let mut parts = [[v.zeros(); 2]; 8];
        for eight in block.as_chunks::<8>().0 {
            for (part, row) in parts.iter_mut().zip(eight) {
                let [low, high] = v.widen(v.load(row));
                *part = [v.add_square(part[0], low), v.add_square(part[1], high)];
            }
        }
        let sum = total(v, &parts);
        match b + 1 {
            _ if b >= blocks => rest = sum,
            1 | 3 => one = sum,
            2 => two = add(v, sum, one),
            // Equals with equals.
            _ => two = add(v, add(v, sum, one), two),
        }
    }
    if blocks & 1 == 1 {
        rest = add(v, rest, one);
    }
    if blocks >= 2 {
        rest = add(v, rest, two);
    }
    rest
}

#[inline(always)]
fn add<V: Vector>(v: V, a: [V::Doubles; 2], b: [V::Doubles; 2]) -> [V::Doubles; 2] {
    [v.add_doubles(a[0], b[0]), v.add_doubles(a[1], b[1])]
}

/// The fixed tree of [`crate::exact::float_sums`].
#[inline(always)]
fn total<V: Vector>(v: V, lanes: &[[V::Doubles; 2]; 8]) -> [V::Doubles; 2] {
    let pair = |i: usize| add(v, lanes[i], lanes[i + 4]);
    add(v, add(v, pair(0), pair(2)), add(v, pair(1), pair(3)))
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
        let [p, n] = self.thresholds;
        for lane in 0..self.count.min(16) {
            let (p, n) = (v.splat(p[lane].single()), v.splat(-n[lane].single()));
            let (mut at, end) = (lane * self.len, (lane + 1) * self.len);
            while at < end {
                let signs = v.signs(v.load(&sixteen(self.weights, at)), p, n);
                let Some(rest) = self.trits.get_mut(at..) else {
                    return;
                };
                match rest.first_chunk_mut() {
                    Some(places) => *places = signs,
                    None => rest.copy_from_slice(&signs[..rest.len()]),
                }
                at += 16;
            }
        }
    }
}
