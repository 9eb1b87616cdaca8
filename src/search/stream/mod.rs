//! The search for long slices: a guess, one pass that bounds, one that gathers, and a few dozen weights to look at.
//!
//! # The gain of a threshold
//!
//! With the scale `2 tau` the best trits select what is above `tau`, and what they gain over all zeros is
//!
//! ```text
//! F(tau) = sum over |w| > tau of (4 tau |w| - 4 tau^2) = 4 tau B(tau),      B(tau) = sum (|w| - tau)+
//! ```
//!
//! No scale is better for a support than its own, so `F(tau)` is at most the score `S^2 / M` of the support above `tau`; and at
//! the optimum, whose threshold is half its own scale (fact 1 of the [search](crate::search)), it is equal to it. So the largest
//! score is the largest `F`, and where `F` can be shown to be smaller than some known gain, no optimum is. As `B` is convex, it
//! lies below its chords: two values of `B` bound all between ([`chords`]). This is fact 3: in terms of `(M, S)` the chord's
//! maximum is the kink of the two tangents to `S(M)`.
//!
//! # The algorithm
//!
//! ```text
//! guess    = fixed point of g on about 8 sqrt(N) weights                                          (sample)
//! survey   : B at six to eight thresholds around the guess, in one pass, rounding errors bounded
//! left     = the intervals where the chords reach the best F seen; for ordinary data one, with 1 to 3 % of the weights
//! gather   : exact sums above the interval, its weights into the output buffer, in one pass
//! repeat     B at four thresholds inside, drop what the chords exclude                            (finish)
//! until few weights are left: sort them, look at each prefix, exactly
//! ```
//!
//! If an interval has more weights than the output buffer holds (as bytes), it is split at quantiles of a sample of them; each
//! part is done on its own. So the memory is `O(1)` beyond the output, and the worst case, where nothing can be excluded (all candidates
//! score alike), is a gathering for each byte of a weight, or somewhat more, and a sort of all weights in parts: no quadratic path.
//!
//! # What did not help
//!
//! - Counting the weights above each threshold in the survey, too: the map `g` then narrows as much as the chords do, for twice
//!   the work.
//! - Plain loops over arrays of lanes: depending on the number of thresholds the compiler makes vectors of them, or code twenty
//!   times slower.
//! - Exact sums in the survey: the bounds need six digits, not all.

mod chords;
mod finish;
mod sample;

use chords::{Interval, Point, left, pieces};
use sample::Sample;

use crate::backend::Backend;
use crate::exact::score::clearly;
use crate::objective::{Objective, Plain, Sums};
use crate::passes::Side;
use crate::passes::gather::{Gather, Gathered, REACH};
use crate::passes::survey::{Question, Survey};
use crate::weight::{Weight, scale_by_power};
use core::cmp::Ordering;

/// Parts into which an interval is split at once.
const PARTS: usize = 12;

/// Weights by whose quantiles an interval is split.
const SAMPLE: usize = 512;

/// Slices shorter than this are sampled so coarsely that fewer thresholds do.
const SHORT: usize = 1 << 14;

/// What the search found.
pub(crate) enum Outcome<'a, W> {
    /// One of the weights is not a number or infinite.
    NotFinite,
    /// The numbers are too large or too much apart for this search; another has to do it.
    Unsuited,
    /// The optimum.
    Found(Found<'a, W>),
}

/// The optimum, with the exact sums of all that is selected and of what is positive of it.
pub(crate) struct Found<'a, W> {
    pub(crate) plain: Plain<'a, W>,
    pub(crate) all: Sums,
    pub(crate) positive: Sums,
    /// `sum w^2` of all weights in the order of [`crate::ordered`], if they are singles.
    pub(crate) energy: Option<f64>,
}

/// Slices shorter than this are sorted at once, on the stack.
const FEW: usize = 128;

/// Finds the optimum. Whatever `scratch` held is lost.
pub(crate) fn optimum<'a, W: Weight>(
    backend: Backend,
    weights: &'a [W],
    side: Side,
    scratch: &mut [i8],
) -> Outcome<'a, W> {
    if weights.len() < FEW {
        let mut scratch = [0; FEW * size_of::<f64>()];
        return begin(backend, weights, side, [], &mut scratch);
    }
    of_many(backend, weights, side, scratch)
}

/// Finds the optimum of a long slice.
fn of_many<'a, W: Weight>(
    backend: Backend,
    weights: &'a [W],
    side: Side,
    scratch: &mut [i8],
) -> Outcome<'a, W> {
    let sample = Sample::new(weights, side);
    let guess = f64::from(backend.run_vectors(sample));
    let spread = sample.spread();
    let (near, far) = (1.0 + spread, 1.0 + 5.5 * spread);
    if side == Side::Both && weights.len() < SHORT {
        let factors = [2.0 - far, 2.0 - near, 1.0, near, far, 2.9];
        begin(
            backend,
            weights,
            side,
            factors.map(|factor| single(guess * factor)),
            scratch,
        )
    } else {
        let lowest = if side == Side::Both { 0.5 } else { 0.0 };
        let factors = [
            lowest,
            2.0 - far,
            2.0 - near,
            1.0,
            near,
            far,
            1.7 * num_traits::Float::sqrt(far),
            2.9,
        ];
        begin(
            backend,
            weights,
            side,
            factors.map(|factor| single(guess * factor)),
            scratch,
        )
    }
}

/// Surveys the weights, and searches what is left.
fn begin<'a, W: Weight, const T: usize>(
    backend: Backend,
    weights: &'a [W],
    side: Side,
    thresholds: [f32; T],
    scratch: &mut [i8],
) -> Outcome<'a, W> {
    let question = Question {
        weights,
        side,
        thresholds,
    };
    let survey = backend.run_vectors(question);
    if survey.largest >= f32::INFINITY.to_bits() {
        return if W::FITS_SINGLE {
            Outcome::NotFinite
        } else {
            Outcome::Unsuited
        };
    }
    let Some(mut search) = Search::new(backend, weights, side, survey.top, scratch) else {
        return Outcome::Unsuited;
    };
    let done = match (survey.top, T) {
        (0, _) => Some(()),
        (_, 0) => search.every(),
        _ => search.all(&survey_points(thresholds, &survey), survey.energy),
    };
    if done.is_none() {
        return Outcome::Unsuited;
    }
    let best = search.best;
    Outcome::Found(Found {
        plain: search.plain,
        all: Sums {
            count: best.count,
            sum: best.sum,
        },
        positive: Sums {
            count: best.positives,
            sum: best.positive_sum,
        },
        energy: W::FITS_SINGLE.then_some(survey.energy),
    })
}

/// The nearest single.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding is what is wanted"
)]
fn single(x: f64) -> f32 {
    x as f32
}

/// The largest single that is not larger, of a number that is not negative.
fn single_below(x: f64) -> f32 {
    let near = single(x);
    if f64::from(near) > x {
        near.next_down()
    } else {
        near
    }
}

/// Intervals are to be searched one after the other; this is what the searches share.
struct Search<'a, 's, W: Weight> {
    backend: Backend,
    plain: Plain<'a, W>,
    weights: &'a [W],
    side: Side,
    slots: &'s mut [W::Slot],
    /// The best support so far.
    best: Gathered,
    /// Its score, on the grid of the sums.
    score: f64,
    /// A gain that some support reaches.
    gain: f64,
    top: f64,
    /// The grid's unit is two to this power.
    unit: i32,
}

impl<'a, 's, W: Weight> Search<'a, 's, W> {
    /// `None` if the sums could overflow or round.
    fn new(
        backend: Backend,
        weights: &'a [W],
        side: Side,
        top: u32,
        scratch: &'s mut [i8],
    ) -> Option<Self> {
        // Sums of 64 singles stay finite; doubles were not cut to nothing when they became singles.
        const MOST: f32 = f32::from_bits((127 + 120) << 23);
        const LEAST: f32 = f32::from_bits((127 - 100) << 23);
        let top = f32::from_bits(top);
        let key = if W::FITS_SINGLE {
            W::narrow(f64::from(top)).key()
        } else {
            let taking_part = |w: &&W| side.includes(w.is_sign_negative());
            weights
                .iter()
                .filter(taking_part)
                .map(|w| w.key())
                .max()
                .unwrap_or(0)
        };
        let suited = top < MOST && (W::FITS_SINGLE || top > LEAST || key == 0);
        let plain = Plain::with_top(weights, side, key);
        let slots = W::slots(scratch);
        suited.then_some(Self {
            backend,
            plain,
            weights,
            side,
            slots,
            best: Gathered::default(),
            score: 0.0,
            gain: 0.0,
            top: W::from_key(key).widen(),
            unit: plain.grid().unit::<W>(),
        })
    }

    /// Looks at every prefix of the sorted weights: there is a slot for each.
    fn every(&mut self) -> Option<()> {
        let mut len = 0;
        for &weight in self.weights {
            *self.slots.get_mut(len)? = weight.to_slot();
            let takes_part = self.side.includes(weight.is_sign_negative());
            len += usize::from(takes_part && weight.key() > 0);
        }
        self.offer_prefixes(Gathered::default(), len);
        Some(())
    }

    /// Searches all that the first survey leaves. `None` if it cannot.
    fn all(&mut self, surveyed: &[Point], energy: f64) -> Option<()> {
        const MOST: usize = 10;
        let mut points = [Point::default(); MOST];
        // Cauchy and Schwarz: the sum of all magnitudes, with more to spare than an energy of rounded singles needs.
        points[0].most = num_traits::Float::sqrt(self.weights.len() as f64 * energy * 1.000_001);
        let mut len = 1;
        for &point in surveyed.iter().take(MOST - 2) {
            if point.tau <= 0.0 {
                points[0] = point;
            } else if points[len - 1].tau < point.tau && point.tau < self.top {
                points[len] = point;
                len += 1;
            }
        }
        points[len].tau = self.top;
        let points = points.get(..=len)?;
        self.note(points);
        // The largest weight alone.
        self.gain = self.gain.max(self.top * self.top);
        let (pieces, _) = pieces::<{ MOST - 1 }>(points, self.gain);
        for piece in pieces.into_iter().flatten() {
            self.dig_around(piece, [0.0, f32::MAX])?;
        }
        Some(())
    }

    /// Remembers the best gain of some points.
    fn note(&mut self, points: &[Point]) {
        let best = points.iter().map(|point| point.gain()).fold(0.0, f64::max);
        self.gain = self.gain.max(best);
    }

    /// Searches an interval of real thresholds, which lie between two singles.
    fn dig_around(&mut self, interval: Interval, [least, most]: [f32; 2]) -> Option<()> {
        // No optimum is below the floor, nor above half of the largest weight.
        let floor = 0.49 * self.top / num_traits::Float::sqrt(self.weights.len() as f64);
        let low = single_below(interval.low.max(floor)).max(least);
        let high = single_below(interval.high.min(0.51 * self.top))
            .next_up()
            .min(most);
        if low < high {
            self.dig(low, high)
        } else {
            Some(())
        }
    }

    /// Searches the supports that hold what is above `high`, and nothing that is not above `low`.
    fn dig(&mut self, low: f32, high: f32) -> Option<()> {
        let gathered = self.gather(low, high)?;
        if gathered.inside > self.slots.len() {
            return self.split(low, high, gathered.inside);
        }
        let interval = Interval {
            low: f64::from(low),
            high: f64::from(high),
        };
        self.finish(gathered, interval);
        Some(())
    }

    /// The weights in `(low, high]` and the sums above.
    fn gather(&mut self, low: f32, high: f32) -> Option<Gathered> {
        let exponent = |x: f64| (x.to_bits() >> 52) as i32;
        let [low, high] = [low, high].map(f64::from);
        let exact = !W::FITS_SINGLE || exponent(self.top) - exponent(high) <= REACH;
        exact.then(|| {
            self.backend.run_vectors(Gather {
                weights: self.weights,
                side: self.side,
                low,
                high,
                window: self.slots,
                unit: self.unit,
            })
        })
    }

    /// Searches below and above one magnitude: inside a run of equals nothing beats both its ends.
    fn around(&mut self, low: f32, only: f32, high: f32) -> Option<()> {
        if only <= low {
            // Doubles between neighbouring singles: they cannot be told apart here.
            return None;
        }
        for (low, high) in [(only, high), (low, only.next_down())] {
            if low < high {
                self.dig(low, high)?;
            } else {
                let above = self.gather(low, low)?;
                self.offer(&above);
            }
        }
        Some(())
    }

    /// Searches an interval of too many weights in parts, about as many weights in each as there are slots for.
    fn split(&mut self, low: f32, high: f32, inside: usize) -> Option<()> {
        // Some of the slots, from all over, to the front.
        let len = self.slots.len().min(SAMPLE);
        let stride = self.slots.len() / len.max(1);
        for i in 0..len {
            self.slots.swap(i, i * stride);
        }
        let sample = self.slots.get_mut(..len)?;
        sample.sort_unstable_by_key(|&slot| W::from_slot(slot).key());
        let magnitude = |&slot: &W::Slot| single_below(W::from_slot(slot).abs().widen());
        let middle = magnitude(sample.get(len / 2)?);
        let parts = (inside / self.slots.len() * 5 / 4 + 2).min(PARTS);
        let mut ends = [high; PARTS];
        for (i, end) in (1..parts).zip(&mut ends) {
            *end = magnitude(self.slots.get(len * i / parts)?);
        }
        if ends.iter().all(|&end| end <= low || end >= high) {
            return self.around(low, middle, high);
        }
        // The chords may exclude some of the parts.
        let thresholds: [f32; PARTS + 1] = core::array::from_fn(|i| match i.checked_sub(1) {
            None => low,
            Some(i) => ends[i],
        });
        let question = Question {
            weights: self.weights,
            side: self.side,
            thresholds,
        };
        let points = survey_points(thresholds, &self.backend.run_vectors(question));
        self.note(&points);
        for (pair, ends) in points.windows(2).zip(thresholds.windows(2)) {
            let (&[p, q], &[least, most]) = (pair, ends) else {
                continue;
            };
            if p.tau < q.tau
                && let Some(part) = left(p, q, self.gain)
            {
                self.dig_around(part, [least, most])?;
            }
        }
        Some(())
    }

    /// Takes a support if it beats the best so far; of equals the smaller.
    fn offer(&mut self, support: &Gathered) {
        if support.count == 0 {
            return;
        }
        let sum = support.sum as f64;
        let score = sum * (sum / support.count as f64);
        let sums = |of: &Gathered| Sums {
            count: of.count,
            sum: of.sum,
        };
        let better = self.best.count == 0 || {
            let order = clearly(score, self.score).unwrap_or_else(|| {
                self.plain
                    .compare_exactly(&sums(support), &sums(&self.best))
            });
            order.then(self.best.count.cmp(&support.count)) == Ordering::Greater
        };
        if better {
            (self.best, self.score) = (*support, score);
        }
    }

    /// A sum in the weights' own unit.
    fn value(&self, sum: u128) -> f64 {
        scale_by_power(sum as f64, self.unit)
    }
}

/// What a survey says of `B` at its thresholds.
fn survey_points<const T: usize>(thresholds: [f32; T], survey: &Survey<T>) -> [Point; T] {
    let mut points = [Point {
        tau: 0.0,
        least: 0.0,
        most: 0.0,
    }; T];
    for ((point, tau), hinge) in points.iter_mut().zip(thresholds).zip(survey.hinges) {
        let tau = f64::from(tau);
        let (b, error) = (hinge - survey.len as f64 * tau, hinge * Survey::<T>::ERROR);
        *point = Point {
            tau,
            least: (b - error).max(0.0),
            most: (b + error).max(0.0),
        };
    }
    points
}
