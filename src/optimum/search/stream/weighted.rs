//! Supports with importances: their sums are rounded, so most are compared in `f64`, and exactly where that leaves a doubt.
//!
//! Neighbouring supports near the optimum of `M` weights differ by about `1 / M^2` of their score, and no sum is known that well.
//! But all supports that are left of an interval consist of a common base `(S, m)`, what is above the interval, and a few weights
//! more. What these change can be computed as such. With `(a, c)` the sums of the weights more, `alpha = a / S`, `gamma = c / m`:
//!
//! ```text
//! (S + a)^2 / (m + c)  =  S^2/m (1 + d),      d = (2 alpha + alpha^2 - gamma) / (1 + gamma)
//! ```
//!
//! If `alpha` and `gamma` have the relative error `r`, the numerator and the denominator of `d` move by at most
//! `r (2 alpha + 2 alpha^2 + gamma)` and `r gamma`, to first order, so `d` moves by at most
//!
//! ```text
//! r (2 alpha (1 + alpha) + gamma + gamma |d|) / (1 + gamma)
//! ```
//!
//! and evaluating it adds a few roundings of its terms. Both shrink with `alpha`: with the few weights that are left they
//! are far below `1 / M^2`. Twice that is allowed for all that is of second order.
//!
//! Equal magnitudes are taken together: no part of them beats both none and all of them. Supports that are still not told apart are
//! compared by their exact sums, which costs a pass over all weights for each.

use core::cmp::Ordering;
use core::marker::PhantomData;

use super::chords::Interval;
use super::intervals::IntervalSearch;
use super::{Decide, StreamInput};
use crate::exact::wide_sums::{ExactPart, WideSums};
use crate::optimum::objective::RoundedTally;
use crate::optimum::scan::above::{ROUNDING, RoundedSums, SupportSums};
use crate::optimum::scan::buffer::GatherBuffer;
use crate::optimum::scan::exact::ExactPass;
use crate::optimum::scan::gathered::CompactPass;
use crate::optimum::side::Side;
use crate::weight::{FloatBits, floor, scale_by_power};

/// The most different magnitudes that are left of an interval. Chosen: their sums have so few terms that doubts are rare, and they
/// take less than a kilobyte of stack.
const MAGNITUDES: usize = 64;

/// The most exact passes. Chosen: more of them cost as much as a search in integers.
const DOUBTS: usize = 24;

/// The best support so far: all above a threshold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BestThreshold {
    /// Separates the support from the rest; it need not be half the scale. `None` if nothing was offered.
    pub(crate) threshold: Option<f32>,
    score: f64,
    /// The relative error of the score.
    error: f64,
    /// Exact passes so far.
    doubts: usize,
}

/// A support: all above a threshold.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    threshold: f32,
    /// By how much its score is larger than that of the base, in parts of it; and the error of that.
    gain: f64,
    error: f64,
}

impl Candidate {
    /// The base and sums of some weights more, of a relative error.
    fn new(threshold: f32, base: RoundedSums, [sum, mass]: [f64; 2], relative: f64) -> Self {
        let (alpha, gamma) = (sum / base.sum, mass / base.mass);
        let gain = (2.0 * alpha + alpha * alpha - gamma) / (1.0 + gamma);
        let relative = base.error + relative + 8.0 * ROUNDING;
        let terms = 2.0 * alpha * (1.0 + alpha) + gamma + gamma * gain.abs();
        Self {
            threshold,
            gain,
            error: 2.0 * relative * terms / (1.0 + gamma),
        }
    }
}

/// The supports that are left of an interval.
struct CandidateList {
    candidates: [Candidate; MAGNITUDES + 1],
    len: usize,
    /// The score of the base, and its relative error.
    score: f64,
    error: f64,
}

impl CandidateList {
    /// The base, if it is not empty, and the support of one magnitude more each time; `None` if there are too many.
    fn new<W: FloatBits>(
        mut base: RoundedSums,
        high: f32,
        buffer: &GatherBuffer<'_, W>,
    ) -> Option<Self> {
        let mut candidates = [Candidate::default(); MAGNITUDES + 1];
        let mut len = 0;
        if base.mass > 0.0 {
            candidates[0].threshold = high;
            len = 1;
        }
        let error = (buffer.slots.len() + MAGNITUDES + 8) as f64 * ROUNDING;
        let (mut sum, mut mass, mut last) = (0.0, 0.0, f32::INFINITY);
        while let Some((x, h)) = next_magnitude(buffer, last) {
            last = x;
            let place = candidates.get_mut(len)?;
            len += 1;
            if base.mass > 0.0 {
                sum += f64::from(x) * h;
                mass += h;
                *place = Candidate::new(x.next_down(), base, [sum, mass], error);
            } else {
                // Nothing is above the interval: the base is its first magnitude.
                base = RoundedSums {
                    sum: f64::from(x) * h,
                    mass: h,
                    error,
                };
                place.threshold = x.next_down();
            }
        }
        let score = RoundedTally::new(base.sum, base.mass).score();
        Some(Self {
            candidates,
            len,
            score,
            error: 4.0 * base.error + 16.0 * ROUNDING,
        })
    }

    fn all(&self) -> &[Candidate] {
        self.candidates.get(..self.len).unwrap_or_default()
    }
}

/// The largest magnitude below one, and the importance of all that have it.
fn next_magnitude<W: FloatBits>(buffer: &GatherBuffer<'_, W>, below: f32) -> Option<(f32, f64)> {
    let (mut largest, mut mass) = (0.0, 0.0);
    for (x, h) in buffer.magnitudes().filter(|&(x, _)| x < below) {
        if x > largest {
            (largest, mass) = (x, f64::from(h));
        } else if x >= largest {
            mass += f64::from(h);
        }
    }
    (largest > 0.0).then_some((largest, mass))
}

type WeightedSearch<'a, 's, W> = IntervalSearch<'a, 's, W, f32>;

impl<W: FloatBits> Decide<W> for f32 {
    type Best = BestThreshold;

    fn is_suited(search: &WeightedSearch<'_, '_, W>, hinges: &[f64]) -> bool {
        // Hinges are neither infinite nor so small that products may have been lost: a product or an importance below the range
        // of normal numbers loses at most 2^-126 (times a magnitude), which is 2^-26 of this.
        let len = search.input.weights.weights.len();
        let least = scale_by_power(len as f64, -100) * search.top().max(1.0);
        let scale = f64::from(search.mass_scale);
        let suits = |&hinge: &f64| hinge.is_finite() && hinge * scale >= least;
        hinges.iter().all(suits)
    }

    fn is_exact(_: &WeightedSearch<'_, '_, W>, threshold: f32) -> bool {
        // Not exact, but known well enough, except where nothing is left to divide.
        threshold > 0.0
    }

    fn in_unit(_: &WeightedSearch<'_, '_, W>, sums: RoundedSums, _: i32) -> RoundedSums {
        sums
    }

    fn compact(
        search: &mut WeightedSearch<'_, '_, W>,
        above: &mut RoundedSums,
        len: usize,
        Interval { low, high }: Interval,
    ) -> usize {
        let (kept, sums) = search.input.backend.run(CompactPass::<W, Self> {
            buffer: search.buffer.first(len),
            ends: [low, high].map(floor::<f32>),
            unit: 0,
            masses: PhantomData,
        });
        *above = above.and(sums);
        kept
    }

    fn rounded(_: &WeightedSearch<'_, '_, W>, sums: RoundedSums) -> RoundedSums {
        sums
    }

    fn offer(
        search: &mut WeightedSearch<'_, '_, W>,
        above: RoundedSums,
        len: usize,
        high: f32,
    ) -> Option<()> {
        let list = CandidateList::new(above, high, &search.buffer.first(len))?;
        let Some(&first) = list.all().first() else {
            return Some(());
        };
        let larger = |a: Candidate, &b: &Candidate| if b.gain > a.gain { b } else { a };
        let mut best = list.all().iter().fold(first, larger);
        let score_of = |candidate: Candidate| list.score * (1.0 + candidate.gain);
        let error = list.error + 2.0 * best.error;
        // The optimum reaches the gain that is known.
        if score_of(best) * (1.0 + error) < search.gain * (1.0 - 1e-12) {
            return Some(());
        }
        // Those that cannot be told apart from the best of the list.
        let is_rival = |rival: &&Candidate| rival.gain + rival.error >= best.gain - best.error;
        if list.all().iter().filter(is_rival).count() > 1 {
            let rivals = list.all().iter().filter(is_rival);
            best = search.best_of(rivals.copied())?;
        }
        // The best of the other intervals.
        let (score, error) = (score_of(best), list.error + 2.0 * best.error);
        let (old, margin) = (search.best, error + search.best.error);
        let better = match old.threshold {
            None => true,
            Some(_) if (score - old.score).abs() > 2.0 * margin * score.max(old.score) => {
                score > old.score
            }
            Some(threshold) => {
                let old = Candidate {
                    threshold,
                    ..Candidate::default()
                };
                search.best_of([old, best].into_iter())?.threshold.to_bits() != threshold.to_bits()
            }
        };
        if better {
            search.best.threshold = Some(best.threshold);
            (search.best.score, search.best.error) = (score, error);
        }
        search.gain = search.gain.max(score * (1.0 - 2.0 * error));
        Some(())
    }

    fn offer_all(_: &mut WeightedSearch<'_, '_, W>) -> Option<()> {
        None
    }
}

impl<W: FloatBits> WeightedSearch<'_, '_, W> {
    /// The best of some supports by their exact sums; of equals the smallest.
    fn best_of(&mut self, candidates: impl Iterator<Item = Candidate>) -> Option<Candidate> {
        let top = floor::<f32>(self.top());
        let mut best: Option<(Candidate, WideSums<W>)> = None;
        for candidate in candidates {
            self.best.doubts += 1;
            if self.best.doubts > DOUBTS {
                return None;
            }
            let parts = self.input.exact(candidate.threshold, top)?;
            let sums = WideSums::of_parts(self.input.of_side(&parts));
            let better = best.as_ref().is_none_or(|(_, best)| {
                let order = sums.compare(best);
                order.then(best.count.cmp(&sums.count)) == Ordering::Greater
            });
            if better {
                best = Some((candidate, sums));
            }
        }
        best.map(|(candidate, _)| candidate)
    }
}

impl<W: FloatBits> StreamInput<'_, W, f32> {
    /// The exact sums above a threshold, by sign.
    pub(crate) fn exact(self, threshold: f32, top: f32) -> Option<[ExactPart; 2]> {
        self.backend.run(ExactPass {
            input: self.weights,
            threshold,
            top,
            top_mass: self.norms.top_mass,
        })
    }

    /// Those of the signs that take part.
    pub(crate) fn of_side(self, parts: &[ExactPart; 2]) -> &[ExactPart] {
        let [positive, negative] = parts;
        match self.side {
            Side::Both => parts,
            Side::Positive => core::slice::from_ref(positive),
            Side::Negative => core::slice::from_ref(negative),
        }
    }
}
