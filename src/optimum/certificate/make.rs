//! The maker: from an optimum that some search found to a certificate that the checker accepts.
//!
//! ```text
//! copy the weights that can be selected; cut them at the optimum's threshold
//! refine(interval):  if the chord excludes it, keep its lower end
//!                    else split at the magnitude below the middle key, and refine both parts
//! thin:              drop a step wherever the chord between its neighbours does as well
//! ```
//!
//! Whatever the search did wrong, the worst that comes of it is a certificate that is refused: the maker proves nothing.
//!
//! Cost: about 80 ns for each weight of ordinary data, mostly for two or three readings in parts and the exact sums of what moves;
//! the chords, some dozens, cost nothing beside it. The certificate has 15 steps for 100,000 normal weights, and 15 for a million.
//! Where almost all candidates score alike it is `O(N log N)`, a step and a few chords for each magnitude: 0.4 to 3 us. Memory: a
//! copy of the weights with their importances.

use alloc::{vec, vec::Vec};

use super::check::chord;
use super::{Certificate, Ladder, Step};
use crate::error::Error;
use crate::exact::natural::natural;
use crate::exact::wide_sums::WideSums;
use crate::optimum::fit::Fit;
use crate::optimum::options::Ternarizer;
use crate::optimum::rule::Rule;
use crate::optimum::solution;
use crate::optimum::weight::{Certified, PRIVATE, Weight};
use crate::weight::FloatBits;

impl Ternarizer<'_> {
    /// The trits, the scales, and why no ternary vector is better.
    ///
    /// For the exact rules, with importances or without. Cost: [`ternarize`](Self::ternarize), and about 80 ns for each weight of ordinary data.
    ///
    /// # Errors
    ///
    /// As [`ternarize_into`](Self::ternarize_into), and [`Error::Conflict`] for a rule that seeks no optimum, a number of non-zeros or
    /// a target cosine.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Rule, Ternarizer};
    ///
    /// let weights = [0.5_f32, -0.6, 0.1, -0.2, 0.7, 0.0];
    /// let importance = [1.0, 1.0, 0.5, 2.0, 1.0, 1.0];
    /// let two_scale = Ternarizer::new().rule(Rule::TwoScale).importance(&importance);
    /// let (trits, fit, certificate) = two_scale.certify(&weights)?;
    /// assert_eq!(certificate.check(&weights, Some(&importance), &trits, &fit), Ok(()));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[expect(
        clippy::type_complexity,
        reason = "what `ternarize` returns, and the certificate"
    )]
    #[inline]
    pub fn certify<W: Weight>(
        &self,
        weights: &[W],
    ) -> Result<(Vec<i8>, Fit<W>, Certificate<W>), Error> {
        W::certify(self, weights, PRIVATE)
    }

    /// Whether an optimum of its rule is what is asked for.
    fn check_certifiable(&self) -> Result<(), Error> {
        let options = self;
        let this = match options.rule {
            Rule::Twn | Rule::AbsMean | Rule::AbsMax => options.rule.name(),
            _ if options.target_cosine.is_some() => "a target cosine",
            _ if options.min_nonzeros > 0 || options.max_nonzeros < usize::MAX => {
                "a number of non-zeros"
            }
            _ => return Ok(()),
        };
        Err(Error::conflict(this, "a certificate"))
    }
}

/// Ternarizes and makes the certificate.
pub(in crate::optimum) fn certify<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
) -> Certified<W> {
    options.check_certifiable()?;
    let mut trits = vec![0; weights.len()];
    let fit = solution::ternarize_into(options, weights, &mut trits)?;
    let side = |negative: Option<bool>| {
        let importance = |i| options.importance.map(|h: &[f32]| h[i]);
        let items = weights.iter().enumerate().map(|(i, &w)| (w, importance(i)));
        items
            .filter(|(w, h)| !w.is_zero() && *h != Some(0.0))
            .filter(|(w, _)| negative.is_none_or(|sign| w.is_sign_negative() == sign))
            .map(|(weight, importance)| Selectable {
                magnitude: weight.abs(),
                importance,
            })
            .collect()
    };
    let certificate = match options.rule {
        Rule::TwoScale => Certificate::BySign([
            ladder(side(Some(false)), fit.threshold_p),
            ladder(side(Some(true)), fit.threshold_n),
        ]),
        _ => Certificate::Joint(ladder(side(None), fit.threshold)),
    };
    Ok((trits, fit, certificate))
}

/// A weight that can be selected.
#[derive(Clone, Copy)]
struct Selectable<W> {
    magnitude: W,
    importance: Option<f32>,
}

/// A step with its sums in a fixed width, to be added to.
#[derive(Clone)]
struct Knot<W: FloatBits> {
    step: Step<W>,
    sums: WideSums<W>,
}

impl<W: FloatBits> Knot<W> {
    fn new(threshold: W, sums: WideSums<W>) -> Self {
        let step = Step {
            threshold,
            count: sums.count,
            mass: natural(&sums.mass),
            sum: natural(&sums.sum),
        };
        Self { step, sums }
    }

    /// At a lower threshold, with what lies between.
    fn below(&self, threshold: W, between: &[Selectable<W>]) -> Self {
        let mut sums = self.sums;
        for item in between {
            sums.add(item.magnitude, item.importance);
        }
        Self::new(threshold, sums)
    }
}

/// The certificate for the support above a threshold.
fn ladder<W: FloatBits>(mut items: Vec<Selectable<W>>, threshold: W) -> Ladder<W> {
    let (rest, selected) = split(&mut items, threshold);
    let (least, most) = ends(selected);
    let top = Knot::new(most, WideSums::NONE);
    if selected.is_empty() {
        let steps = vec![top.step];
        return Ladder { steps, best: 0 };
    }
    let (equals, inner) = split(selected, least);
    let next = top.below(least, inner);
    let best = next.below(ends(rest).1, equals);
    let judge = |ties| Judge {
        best: best.step.clone(),
        ties,
    };
    let mut steps = judge(true).steps(rest, best.below(W::zero(), rest), &best);
    let index = steps.len() - 1;
    steps.append(&mut judge(false).steps(inner, next, &top));
    Ladder { steps, best: index }
}

/// What excludes an interval.
struct Judge<W> {
    best: Step<W>,
    /// Whether as good as the best is not good enough: below it, where the supports are larger.
    ties: bool,
}

impl<W: FloatBits> Judge<W> {
    fn excludes(&self, low: &Step<W>, high: &Step<W>) -> bool {
        let order = chord(low, high, &self.best);
        order.is_lt() || order.is_eq() && self.ties
    }

    /// As few steps as will do from `low` to `high`, both included, for the weights between.
    fn steps(&self, items: &mut [Selectable<W>], low: Knot<W>, high: &Knot<W>) -> Vec<Step<W>> {
        let mut steps = Vec::new();
        if low.step.threshold < high.step.threshold {
            self.refine(items, low, high, &mut steps);
        }
        steps.push(high.step.clone());
        self.thin(steps)
    }

    /// Steps from `low` up to `high`, which is left out, so many that every interval is excluded.
    fn refine(
        &self,
        items: &mut [Selectable<W>],
        low: Knot<W>,
        high: &Knot<W>,
        steps: &mut Vec<Step<W>>,
    ) {
        let [bottom, top] = [&low, high].map(|knot| knot.step.threshold);
        let middle = W::from_key(bottom.key() + (top.key() - bottom.key()) / 2);
        let knot = || {
            let magnitudes = items.iter().map(|item| item.magnitude);
            let below = magnitudes.filter(|&magnitude| magnitude <= middle);
            below.reduce(W::max).unwrap_or(ends(items).0)
        };
        if self.excludes(&low.step, &high.step) || knot() >= top {
            steps.push(low.step);
            return;
        }
        let knot = knot();
        let (lower, upper) = split(items, knot);
        let middle = high.below(knot, upper);
        self.refine(lower, low, &middle, steps);
        self.refine(upper, middle, high, steps);
    }

    /// Without the steps that are not needed: each chord as long as it can be.
    fn thin(&self, steps: Vec<Step<W>>) -> Vec<Step<W>> {
        let mut kept: Vec<Step<W>> = Vec::new();
        let mut next: Option<Step<W>> = None;
        for step in steps {
            if let Some(next) = next.take()
                && !kept.last().is_some_and(|last| self.excludes(last, &step))
            {
                kept.push(next);
            }
            next = Some(step);
        }
        kept.extend(next);
        kept
    }
}

/// Reorders weights into those up to a threshold and those above.
fn split<W: FloatBits>(
    items: &mut [Selectable<W>],
    threshold: W,
) -> (&mut [Selectable<W>], &mut [Selectable<W>]) {
    let mut cut = 0;
    for i in 0..items.len() {
        if items[i].magnitude <= threshold {
            items.swap(i, cut);
            cut += 1;
        }
    }
    items.split_at_mut(cut)
}

/// The smallest and the largest magnitude; 0 of none.
fn ends<W: FloatBits>(items: &[Selectable<W>]) -> (W, W) {
    let magnitudes = || items.iter().map(|item| item.magnitude);
    let end = |choose: fn(W, W) -> W| magnitudes().reduce(choose).unwrap_or(W::zero());
    (end(W::min), end(W::max))
}
