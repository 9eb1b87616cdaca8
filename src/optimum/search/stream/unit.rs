//! Supports without importances: their sums are exact, so each can be compared with the best at once.

use core::cmp::Ordering;
use core::marker::PhantomData;

use super::Decide;
use super::chords::Interval;
use super::intervals::IntervalSearch;
use crate::exact::score::clearly_within;
use crate::optimum::scan::above::{
    ROUNDING, RoundedSums, SignedSums, SupportSums, is_exact, scan_is_exact,
};
use crate::optimum::scan::doubles::GatherPass;
use crate::optimum::scan::gathered::CompactPass;
use crate::optimum::scan::mass::UnitMass;
use crate::optimum::scan::survey::Gathered;
use crate::simd::Backend;
use crate::weight::{FloatBits, floor, scale_by_power};

/// The largest relative error of a running sum before it is taken anew from the exact one. Derived: 2^-53 for each addition of
/// [`RUN`], and two more.
const SUM_ERROR: f64 = 1.2e-15;

/// Prefixes that are offered from one running sum.
const RUN: usize = 8;

/// The best support so far, with its exact sums.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BestSums {
    pub(crate) sums: SignedSums,
    /// Its score, on the grid of the sums.
    score: f64,
}

type UnitSearch<'a, 's, W> = IntervalSearch<'a, 's, W, UnitMass>;

impl<W: FloatBits> Decide<W> for UnitMass {
    type Best = BestSums;

    fn is_suited(search: &UnitSearch<'_, '_, W>, _: &[f64]) -> bool {
        // Sums of 64 `f32` stay finite; `f64` were not cut to nothing when they became `f32`.
        const MOST: f32 = f32::from_bits((127 + 120) << 23);
        const LEAST: f32 = f32::from_bits((127 - 100) << 23);
        let top = search.input.norms.top(search.input.side);
        top < MOST && (W::FITS_SINGLE || top > LEAST)
    }

    fn is_exact(search: &UnitSearch<'_, '_, W>, threshold: f32) -> bool {
        let len = search.input.weights.weights.len();
        !W::FITS_SINGLE || scan_is_exact(len, search.top(), f64::from(threshold))
    }

    fn in_unit(search: &UnitSearch<'_, '_, W>, sums: SignedSums, old: i32) -> SignedSums {
        SignedSums {
            all: sums.all.in_unit(old, search.unit()),
            positive: sums.positive.in_unit(old, search.unit()),
        }
    }

    fn gather_doubles(backend: Backend, pass: GatherPass<'_, '_, W>) -> Option<Gathered<Self>> {
        Some(pass.run_on(backend))
    }

    fn compact(
        search: &mut UnitSearch<'_, '_, W>,
        above: &mut SignedSums,
        len: usize,
        Interval { low, high }: Interval,
    ) -> usize {
        if W::FITS_SINGLE && is_exact(len, search.top(), high) {
            let unit = search.unit();
            let (kept, sums) = search.input.backend.run(CompactPass::<W, Self> {
                buffer: search.buffer.first(len),
                ends: [low, high].map(floor::<f32>),
                unit,
                masses: PhantomData,
            });
            *above = above.and(sums);
            return kept;
        }
        let (slots, grid) = (&mut *search.buffer.slots, search.grid);
        let mut kept = 0;
        // Without a branch, for none could be predicted.
        for i in 0..len {
            let weight = W::from_slot(slots[i]);
            let signed = weight.widen();
            let x = signed.abs();
            let placed = grid.place(weight.key());
            above.add_if(x > high, placed, signed.is_sign_negative());
            slots[kept] = slots[i];
            kept += usize::from(x > low && x <= high);
        }
        kept
    }

    fn rounded(search: &UnitSearch<'_, '_, W>, sums: SignedSums) -> RoundedSums {
        RoundedSums {
            sum: scale_by_power(sums.all.sum as f64, search.unit()),
            mass: sums.all.count as f64,
            error: 2.0 * ROUNDING,
        }
    }

    fn offer(
        search: &mut UnitSearch<'_, '_, W>,
        mut above: SignedSums,
        len: usize,
        _: f32,
    ) -> Option<()> {
        const MARGIN: f64 = 1.0 - 1e-12;
        const { assert!(SUM_ERROR > (RUN + 2) as f64 * ROUNDING) };
        let (grid, unit) = (search.grid, -search.unit());
        if let Some(window) = search.buffer.slots.get_mut(..len) {
            W::sort_slots(window);
        }
        search.offer_sum(above, above.all.sum as f64);
        for start in (0..len).step_by(RUN) {
            // In a loop around the other, or the compiler takes it anew for each weight.
            let mut sum = above.all.sum as f64;
            for i in start..len.min(start + RUN) {
                let weight = W::from_slot(search.buffer.slots[i]);
                let signed = weight.widen();
                above.add_if(true, grid.place(weight.key()), signed.is_sign_negative());
                sum += scale_by_power(signed.abs(), unit);
                // Most are clearly worse: no need to know by how much.
                if sum * sum >= search.best.score * MARGIN * above.all.count as f64 {
                    search.offer_sum(above, sum);
                }
            }
        }
        Some(())
    }

    fn offer_all(search: &mut UnitSearch<'_, '_, W>) -> Option<()> {
        let mut len = 0;
        for &weight in search.input.weights.weights {
            *search.buffer.slots.get_mut(len)? = weight.to_slot();
            let negative = weight.is_sign_negative();
            let counts = search.input.side.includes(negative) && weight.key() > 0;
            len += usize::from(counts);
        }
        Self::offer(search, SignedSums::default(), len, 0.0)
    }
}

impl<W: FloatBits> UnitSearch<'_, '_, W> {
    /// Takes a support if it beats the best so far; of equals the smaller. Its sum in `f64` is off by at most [`SUM_ERROR`] of it.
    fn offer_sum(&mut self, support: SignedSums, sum: f64) {
        let (new, best) = (support.all, self.best.sums.all);
        if new.count == 0 {
            return;
        }
        let score = sum * (sum / new.count as f64);
        let better = best.count == 0 || {
            // Each is off by twice the error of a sum, and by three roundings.
            let order = clearly_within(5.0 * SUM_ERROR, score, self.best.score)
                .unwrap_or_else(|| new.compare(&best));
            order.then(best.count.cmp(&new.count)) == Ordering::Greater
        };
        if better {
            self.best = BestSums {
                sums: support,
                score,
            };
        }
    }
}
