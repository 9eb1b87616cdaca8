//! Short vectors whose scale is a value of a scale type, sixteen at a time.
//!
//! With M non-zeros of sum `S_M` and the scale `s`, the squared error falls by `S_M^2 / M - M (s - S_M / M)^2`. Let M be the best prefix
//! and `s` the value of the type nearest to its mean. Rounding costs the share `r^2` of the score, `r` being the relative distance of
//! `s` from the mean. If the second best score is smaller by more than this share, no other prefix does better with any scale:
//!
//! ```text
//! second < best (1 - r^2)    ->    the best trits are those of magnitudes above s / 2, which are the M largest
//! ```
//!
//! Else the lane is in doubt, and the caller decides by the exact search for this type. Of 256 normal weights with `f16` scales some
//! lanes in a hundred are.

use alloc::vec::Vec;

use super::best::{BestPrefix, Lanes};
use super::spread::LaneTritPass;
use super::{Batch, MOST};
use crate::error::Error;
use crate::optimum::side::Side;
use crate::scale::ScaleType;
use crate::simd::Backend;
use crate::weight::{FloatBits, floor};

/// What rounding errors of scores and means may add to a share. Derived: scores err by less than 1e-13.
const MARGIN: f64 = 1e-12;

/// Decides a vector that is in doubt: its number, its weights, its trits; returns the scale.
pub(crate) type InDoubt<'a, W> = &'a dyn Fn(usize, &[W], &mut [i8]) -> Result<f64, Error>;

/// Ternarizes vectors of `len` weights, one after the other, and appends their scales, which are values of a type.
pub(crate) fn ternarize_stored<W: FloatBits>(
    scale_type: ScaleType,
    len: usize,
    mut weights: &[W],
    mut trits: &mut [i8],
    scales: &mut Vec<f64>,
    decide: InDoubt<'_, W>,
) -> Result<(), Error> {
    if const { !W::FITS_SINGLE } || !(1..=MOST).contains(&len) {
        for (number, (weights, trits)) in weights.chunks(len).zip(trits.chunks_mut(len)).enumerate()
        {
            scales.push(decide(number, weights, trits)?);
        }
        return Ok(());
    }
    let backend = Backend::detect();
    let mut batch = Batch::zeros();
    let mut number = 0;
    while weights.len() >= len {
        let count = (weights.len() / len).min(16);
        let (stored, doubt) = batch.best_stored(backend, scale_type, len, weights);
        let thresholds = stored.map(|scale| floor::<W>(0.5 * scale));
        backend.run(LaneTritPass {
            weights,
            len,
            count,
            thresholds: [&thresholds, &thresholds],
            trits,
        });
        for (lane, mut scale) in stored.into_iter().enumerate().take(count) {
            if doubt >> lane & 1 == 1 {
                let vector = lane * len..(lane + 1) * len;
                scale = decide(number + lane, &weights[vector.clone()], &mut trits[vector])?;
            }
            scales.push(scale);
        }
        number += count;
        weights = &weights[count * len..];
        trits = &mut trits[count * len..];
    }
    Ok(())
}

impl Batch {
    /// The best stored scale of each lane; as bits, the lanes in doubt.
    fn best_stored<W: FloatBits>(
        &mut self,
        backend: Backend,
        scale_type: ScaleType,
        len: usize,
        weights: &[W],
    ) -> (Lanes, u32) {
        self.spread(backend, len, weights);
        let mut doubt = self.best(backend, len, Side::Both);
        let mut stored = [0.0; 16];
        for (lane, scale) in stored.iter_mut().enumerate() {
            let nearest = nearest(scale_type, &self.best[0], lane);
            let sure = self.energy[lane].is_finite() && nearest.is_some();
            doubt |= u32::from(!sure) << lane;
            *scale = nearest.unwrap_or(0.0);
        }
        (stored, doubt)
    }
}

/// The stored scale nearest to the mean of a support, or `None` where that is in doubt.
fn nearest(scale_type: ScaleType, prefix: &BestPrefix, lane: usize) -> Option<f64> {
    let (best, second, support) = (prefix.score[lane], prefix.second[lane], &prefix.support);
    if support.mass[lane] <= 0.0 {
        return Some(0.0);
    }
    let mean = support.sum[lane] / support.mass[lane];
    let [low, high] = scale_type.neighbours(mean);
    let (down, up) = (mean - low, high - mean);
    let (scale, distance) = if up < down { (high, up) } else { (low, down) };
    let share = distance / mean;
    let kept = best * (1.0 - share * share - MARGIN);
    // A mean halfway between two values; one that has no value near; one beyond the largest value.
    let tie = (up - down).abs() <= MARGIN * mean && distance > 0.0;
    (scale > 0.0 && up >= 0.0 && share < 0.25 && second < kept && !tie).then_some(scale)
}
