//! The second pass: the weights of an interval, and the exact sums of those above it.
//!
//! ```text
//! for each weight:  if |w| > high:  count, sum, and the sum with its sign
//!                   else if |w| > low:  append it to the window
//! ```
//!
//! The sums are added in doubles and are exact: all terms are multiples of the last place of `high`, and a run is shorter than
//! what it takes to exceed 2^53 of those. Cost: one read, and about 16 vector operations for 16 weights, plus 2 ns for each of the
//! few weights in the window.

use super::{LANES, Side, padded, singles};
use crate::backend::{Job, Vector};
use crate::exact::grid::{Grid, Sums};
use crate::exact::quotient::halves;
use crate::weight::{Format, Weight, scale_by_power};

/// What to gather: the weights of magnitude in `(low, high]`, or a sample of them if there are more than slots.
pub(crate) struct Gather<'a, 's, W: Format> {
    pub(crate) weights: &'a [W],
    pub(crate) side: Side,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) window: &'s mut [W::Slot],
    /// On which the sums are.
    pub(crate) grid: Grid,
}

/// What was gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gathered {
    /// Weights in the interval, also those for which there was no slot.
    pub(crate) inside: usize,
    /// The weights above it, and those of them that are positive.
    pub(crate) all: Sums,
    pub(crate) positive: Sums,
}

impl Gathered {
    /// Adds a weight to those above.
    #[inline(always)]
    pub(crate) fn add(&mut self, placed: u128, negative: bool) {
        self.add_if(true, placed, negative);
    }

    /// Adds a weight to those above, or not: without a branch.
    #[inline(always)]
    pub(crate) fn add_if(&mut self, above: bool, placed: u128, negative: bool) {
        self.all.add_if(above, placed);
        self.positive.add_if(above && !negative, placed);
    }
}

/// Chunks whose sums are exact in doubles: 2^10 terms a lane of up to 24 + 18 bits.
const RUN: usize = 1 << 9;

/// A run's sums are exact if the largest weight has at most so many binary places more than `high`.
pub(crate) const REACH: i32 = 18;

impl<W: Weight> Job for Gather<'_, '_, W> {
    type Output = Gathered;

    #[inline(always)]
    fn run<V: Vector>(mut self, vector: V) -> Gathered {
        if !W::FITS_SINGLE {
            return self.one_by_one();
        }
        let mut gathered = Gathered::default();
        let (chunks, rest) = self.weights.as_chunks::<LANES>();
        for run in chunks.chunks(RUN) {
            self.add(vector, run, &mut gathered);
        }
        if !rest.is_empty() {
            self.add(vector, &[padded(rest)], &mut gathered);
        }
        gathered
    }
}

impl<W: Weight> Gather<'_, '_, W> {
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the thresholds are singles, and the sums integers of at most 53 bits"
    )]
    fn add<V: Vector>(&mut self, vector: V, run: &[[W; LANES]], gathered: &mut Gathered) {
        let [low, high] = [self.low, self.high].map(|threshold| vector.splat(threshold as f32));
        let (mut sum, mut signed) = ([vector.zeros(); 2], [vector.zeros(); 2]);
        for chunk in run {
            let singles = vector.load(&singles(chunk));
            let x = self.side.magnitudes(vector, singles);
            let above = vector.greater(x, high);
            let bits = vector.bits(above);
            let not_below = vector.greater(x, low);
            let negative = vector.bits(vector.negative(singles));
            gathered.all.count += bits.count_ones() as usize;
            gathered.positive.count += (bits & !negative).count_ones() as usize;
            let (all, own) = (
                vector.widen(vector.select(above, x)),
                vector.widen(vector.select(above, singles)),
            );
            for half in 0..2 {
                sum[half] = vector.add_doubles(sum[half], all[half]);
                signed[half] = vector.add_doubles(signed[half], own[half]);
            }
            let inside = vector.bits(not_below) ^ bits;
            if V::COMPRESSES || inside != 0 {
                let inside_mask = vector.and_not(not_below, above);
                self.append(
                    vector.array(vector.compress(inside_mask, singles)),
                    inside.count_ones(),
                    gathered,
                );
            }
        }
        let unit = self.grid.unit::<W>();
        let total = |halves: [V::Doubles; 2]| {
            let integer = |lane: f64| i128::from(scale_by_power(lane, -unit) as i64);
            let lanes = halves.map(|half| vector.doubles(half).into_iter().map(integer));
            lanes.into_iter().flatten().sum::<i128>()
        };
        let (sum, signed) = (total(sum), total(signed));
        gathered.all.sum += sum.cast_unsigned();
        // Half of twice the positive ones.
        gathered.positive.sum += (sum + signed).cast_unsigned() / 2;
    }

    /// Appends the first weights of some.
    #[inline(always)]
    fn append(&mut self, singles: [f32; LANES], len: u32, gathered: &mut Gathered) {
        let rest = self.window.get_mut(gathered.inside..);
        if let Some(places) = rest.and_then(<[_]>::first_chunk_mut::<LANES>) {
            // All of them: what is too much is overwritten by the next.
            for l in 0..LANES {
                places[l] = W::single_to_slot(singles[l]);
            }
            gathered.inside += len as usize;
        } else {
            for &single in singles.iter().take(len as usize) {
                self.push(W::single_to_slot(single), gathered);
            }
        }
    }

    #[inline(always)]
    fn push(&mut self, slot: W::Slot, gathered: &mut Gathered) {
        let (slots, mut index) = (self.window.len(), gathered.inside);
        if index >= slots {
            // More than there are slots for: one in eight displaces another, so that what stays is a sample of all.
            let hash = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let [_, random] = halves(u128::from(hash << 3) * slots as u128);
            let kept = hash >> 61 == 0;
            index = usize::try_from(random)
                .ok()
                .filter(|_| kept)
                .unwrap_or(slots);
        }
        if let Some(place) = self.window.get_mut(index) {
            *place = slot;
        }
        gathered.inside += 1;
    }

    /// The same for weights that are wider than singles.
    fn one_by_one(&mut self) -> Gathered {
        let mut gathered = Gathered::default();
        for &weight in self.weights {
            let negative = weight.is_sign_negative();
            let x = weight.abs().widen();
            if !self.side.includes(negative) || x <= self.low {
                continue;
            }
            if x <= self.high {
                self.push(weight.to_slot(), &mut gathered);
            } else {
                gathered.add(self.grid.place(weight.key()), negative);
            }
        }
        gathered
    }
}
