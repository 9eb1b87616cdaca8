//! The best of the last supports, without cancellation.
//!
//! Neighbouring supports near the optimum of `M` weights differ by about `1 / M^2` of their score, and no sum is known that well.
//! But all supports that are left consist of a common base `(S, m)`, what is above the window, and some few weights more, and
//! what these change can be computed as such. With `(a, c)` the sums of the weights more, `alpha = a / S`, `gamma = c / m`:
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
//! and evaluating it adds a few roundings of its terms. Both shrink with `alpha`: with the few weights of the last window they
//! are far below `1 / M^2`. Twice that is allowed for all that is of second order.
//!
//! Equal magnitudes are taken together: no part of them beats both none and all of them. Supports that are still not told apart are
//! compared by their exact sums, which costs a pass over all weights for each.

use super::narrow::Narrowed;
use super::{Found, Interval, Side, Task};
use crate::optimum::objective::{Objective, Tally, Wide};
use crate::optimum::scan::LANES;
use crate::optimum::scan::weighted::exact::{Exact, ExactPart};
use crate::optimum::scan::weighted::pairs::{Pairs, error};
use crate::optimum::scan::weighted::{Above, ROUNDING};
use crate::weight::Weight;

use core::cmp::Ordering;

/// Supports that are compared by their exact sums, at the most.
const DOUBTS: usize = 16;

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
    fn new(threshold: f32, base: Above, [sum, mass]: [f64; 2], relative: f64) -> Self {
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

impl<W: Weight> Task<'_, W> {
    /// The threshold of the best support; `None` if there are too many to choose from.
    pub(super) fn decide(self, kept: Option<&Kept>, found: Found) -> Option<f32> {
        let mut candidates = [Candidate::default(); Kept::MOST + 1];
        let len = kept?.list(&mut candidates);
        let candidates = candidates.get(..len)?;
        let mut best = *candidates.first()?;
        for &candidate in candidates {
            if candidate.gain > best.gain {
                best = candidate;
            }
        }
        let rivals = |rival: &&Candidate| rival.gain + rival.error >= best.gain - best.error;
        if candidates.iter().filter(rivals).count() == 1 {
            return Some(best.threshold);
        }
        self.decide_exactly(candidates.iter().filter(rivals), found)
    }

    /// The threshold of the best of some supports; of equals the smallest.
    fn decide_exactly<'c>(
        self,
        candidates: impl Iterator<Item = &'c Candidate>,
        found: Found,
    ) -> Option<f32> {
        let wide = Wide::with_top(self.weighted.weights, None, self.side, 0);
        let mut best = None;
        for (i, candidate) in candidates.enumerate() {
            let parts = self.exact(candidate.threshold, found)?;
            let tally = Wide::<W>::tally(self.of_side(&parts));
            let better = best.as_ref().is_none_or(|(_, best)| {
                let order = wide.compare_exactly(&tally, best);
                order.then(best.count().cmp(&tally.count())) == Ordering::Greater
            });
            if better {
                best = Some((candidate.threshold, tally));
            }
            if i >= DOUBTS {
                return None;
            }
        }
        best.map(|(threshold, _)| threshold)
    }

    /// The exact sums above a threshold, by sign.
    pub(crate) fn exact(self, threshold: f32, found: Found) -> Option<[ExactPart; 2]> {
        self.backend.run(Exact {
            weighted: self.weighted,
            threshold,
            top: found.top,
            top_importance: found.top_importance,
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

/// All that is left of a window: the supports above some thresholds in an interval.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    /// Where these thresholds are.
    pub(super) interval: Interval,
    /// The sums of what is above `high`, and so in all supports.
    base: Above,
    high: f32,
    /// The magnitudes below, the largest first, each with the importance of all that have it.
    magnitudes: [(f32, f64); Self::MOST],
    len: usize,
    /// The relative error of sums over these.
    error: f64,
}

impl Kept {
    /// Different magnitudes, at the most.
    const MOST: usize = 64;

    /// `None` if there are too many.
    pub(super) fn new(narrowed: &Narrowed, interval: Interval, pairs: &Pairs<'_>) -> Option<Self> {
        // These sums have one lane, not sixteen.
        let terms = LANES * (narrowed.len + Self::MOST);
        let mut kept = Self {
            interval,
            base: narrowed.above,
            high: narrowed.high,
            magnitudes: [(f32::INFINITY, 0.0); Self::MOST],
            len: 0,
            error: error(terms),
        };
        let mut last = f32::INFINITY;
        while let Some(next) = next(pairs, last) {
            *kept.magnitudes.get_mut(kept.len)? = next;
            (kept.len, last) = (kept.len + 1, next.0);
        }
        Some(kept)
    }

    /// Writes the base, if it is not empty, and the support of one magnitude more each time; returns how many.
    fn list(&self, candidates: &mut [Candidate; Self::MOST + 1]) -> usize {
        let (mut base, mut len) = (self.base, 0);
        let mut places = candidates.iter_mut();
        if base.mass > 0.0
            && let Some(place) = places.next()
        {
            place.threshold = self.high;
            len = 1;
        }
        let (mut sum, mut mass) = (0.0, 0.0);
        for (&(x, h), place) in self.magnitudes.iter().take(self.len).zip(places) {
            len += 1;
            if base.mass > 0.0 {
                sum += f64::from(x) * h;
                mass += h;
                *place = Candidate::new(x.next_down(), base, [sum, mass], self.error);
            } else {
                // Nothing is above the window: the base is its first magnitude.
                base = Above {
                    sum: f64::from(x) * h,
                    mass: h,
                    error: self.error,
                };
                place.threshold = x.next_down();
            }
        }
        len
    }

    /// More than the score of any of the supports.
    pub(super) fn most(&self) -> f64 {
        /// More than what sums and scores can be wrong by.
        const MARGIN: f64 = 1.0 + 1e-9;
        let Above {
            mut sum, mut mass, ..
        } = self.base;
        let score = |sum: f64, mass: f64| if mass > 0.0 { sum * (sum / mass) } else { 0.0 };
        let mut most = score(sum, mass);
        for &(x, h) in self.magnitudes.iter().take(self.len) {
            sum += f64::from(x) * h;
            mass += h;
            most = most.max(score(sum, mass));
        }
        most * MARGIN
    }
}

/// The largest magnitude below one, and the importance of all that have it.
fn next(pairs: &Pairs<'_>, below: f32) -> Option<(f32, f64)> {
    let (mut largest, mut mass) = (0.0, 0.0);
    for (x, h) in pairs.iter().filter(|&(x, _)| x < below) {
        if x > largest {
            (largest, mass) = (x, f64::from(h));
        } else if x >= largest {
            mass += f64::from(h);
        }
    }
    (largest > 0.0).then_some((largest, mass))
}
