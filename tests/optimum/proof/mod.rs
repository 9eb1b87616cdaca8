//! Certificates under the eyes of big integers: what each claims, whether it is true, and whether it proves the answer.

pub(crate) mod mutate;

use core::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::Zero;
use ternarize::{Certificate, Fit, Ladder, Rule, Search, Step, Ternarizer};

use crate::common::exact::{Fraction, integers, nearest};
use crate::common::{Sample, widen};

/// An answer with all that it is an answer to.
#[derive(Clone, Debug)]
pub(crate) struct Case<W> {
    pub(crate) rule: Rule,
    pub(crate) weights: Vec<W>,
    pub(crate) importance: Option<Vec<f32>>,
    pub(crate) trits: Vec<i8>,
    pub(crate) fit: Fit<W>,
    pub(crate) certificate: Certificate<W>,
}

impl<W: Sample> Case<W> {
    pub(crate) fn new(how: Ternarizer<'_>, rule: Rule, weights: &[W], h: Option<&[f32]>) -> Self {
        let how = how.rule(rule);
        let how = h.map_or(how, |h| how.importance(h));
        let (trits, fit, certificate) = how.certify(weights).unwrap();
        Self {
            rule,
            weights: weights.to_vec(),
            importance: h.map(<[f32]>::to_vec),
            trits,
            fit,
            certificate,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ternarize::Refusal> {
        let h = self.importance.as_deref();
        self.certificate
            .check(&self.weights, h, &self.trits, &self.fit)
    }

    /// Whether trits, scales, thresholds and counts are those that the reference finds, which sorts.
    pub(crate) fn is_right(&self) -> bool {
        let rule = match self.certificate {
            Certificate::Joint(_) => Rule::Tnt,
            Certificate::BySign(_) => Rule::TwoScale,
        };
        let how = Ternarizer::new().rule(rule).search(Search::Sort);
        let how = self
            .importance
            .as_deref()
            .map_or(how, |h| how.importance(h));
        let Ok((trits, fit)) = how.ternarize(&self.weights) else {
            return false;
        };
        let ours = |fit: &Fit<W>| {
            let thresholds = (fit.threshold, fit.threshold_p, fit.threshold_n);
            (fit.nonzeros, fit.positives, fit.len, thresholds)
        };
        let scales = |fit: &Fit<W>| (fit.lambda_p, fit.lambda_n);
        // Informative under the two-scale rule.
        let off = if rule == Rule::TwoScale { 16 } else { 0 };
        let distance = self.fit.lambda.abs().bits().abs_diff(fit.lambda.bits());
        let lambda = self.fit.lambda >= W::zero() && distance <= off;
        let one_scale = scales(&self.fit) == (fit.lambda, fit.lambda);
        let scaled = scales(&self.fit) == scales(&fit) || rule == Rule::Tnt && one_scale;
        trits == self.trits && ours(&fit) == ours(&self.fit) && lambda && scaled
    }

    /// Whether the certificate is true and proves the answer, decided with big integers and the bound as fact 3 has it.
    pub(crate) fn is_proved(&self) -> bool {
        let scene = Scene::new(self);
        scene.is_told_truly(self) && Scene::is_excluded(self) && scene.is_answered(self)
    }

    /// A step of a ladder at any threshold, true in every number.
    pub(crate) fn true_step(&self, ladder: usize, threshold: W) -> Step<W> {
        let sign = match self.certificate {
            Certificate::Joint(_) => None,
            Certificate::BySign(_) => Some(ladder == 1),
        };
        let sums = Scene::new(self).above(&units(&[threshold])[0], sign);
        step(threshold, &sums)
    }

    /// A forgery: every magnitude is a threshold, with the sums that are above it, and the step `best` is passed off as the best
    /// one, with its own trits and scales. `None` beyond the last step that has something. For one support and no importances.
    pub(crate) fn forged(weights: &[W], best: usize) -> Option<Self> {
        let mut case = Self::new(Ternarizer::new(), Rule::Tnt, weights, None);
        let scene = Scene::new(&case);
        let mut magnitudes: Vec<W> = weights.iter().map(|w| w.abs()).collect();
        magnitudes.push(W::zero());
        magnitudes.sort_by_key(|w| w.bits());
        magnitudes.dedup();
        let above = |&threshold: &W| scene.above(&units(&[threshold])[0], None);
        let sums: Vec<Sums> = magnitudes.iter().map(above).collect();
        let count = sums.get(best).filter(|sums| sums.0 > 0)?.0;
        let pairs = magnitudes.iter().zip(&sums);
        let steps = pairs
            .map(|(&threshold, sums)| step(threshold, sums))
            .collect();
        case.certificate = Certificate::Joint(Ladder { steps, best });
        (case.trits, case.fit) = Ternarizer::new()
            .nonzeros(count)
            .ternarize(weights)
            .unwrap();
        let half = half_of_mean(&sums[best]);
        (
            case.fit.threshold,
            case.fit.threshold_p,
            case.fit.threshold_n,
        ) = (half, half, half);
        Some(case)
    }

    /// The same as [`is_proved`](Self::is_proved), but that nothing is asked of what lies between the thresholds.
    pub(crate) fn is_proved_but_for_the_intervals(&self) -> bool {
        let scene = Scene::new(self);
        scene.is_told_truly(self) && scene.is_answered(self)
    }
}

/// How many, `sum h`, `sum h|w|`.
pub(crate) type Sums = (usize, BigInt, BigInt);

fn step<W>(threshold: W, (count, mass, sum): &Sums) -> Step<W> {
    Step {
        threshold,
        count: *count,
        mass: mass.magnitude().to_u64_digits(),
        sum: sum.magnitude().to_u64_digits(),
    }
}

/// The value of limbs, the least significant first.
pub(crate) fn number(limbs: &[u64]) -> BigInt {
    let place = |sum: BigInt, &limb: &u64| (sum << 64) + limb;
    limbs.iter().rev().fold(BigInt::zero(), place)
}

/// Finite numbers as multiples of the smallest subnormal.
fn units<W: Sample>(values: &[W]) -> Vec<BigInt> {
    let mut values = widen(values);
    values.push(W::magnitude(1).wide());
    let (mut integers, _) = integers(&values);
    integers.pop();
    integers
}

/// Weights and importances as integers.
struct Scene {
    weights: Vec<BigInt>,
    masses: Vec<BigInt>,
    negative: Vec<bool>,
    valid: bool,
}

impl Scene {
    fn new<W: Sample>(case: &Case<W>) -> Self {
        let valid = case.weights.iter().all(|w| w.is_finite());
        let h = case.importance.as_deref();
        let mut valid = valid && case.trits.len() == case.weights.len();
        valid &= case.fit.len == case.weights.len();
        valid &= h.is_none_or(|h| {
            h.len() == case.weights.len() && h.iter().all(|h| h.is_finite() && *h >= 0.0)
        });
        if !valid {
            return Self {
                weights: Vec::new(),
                masses: Vec::new(),
                negative: Vec::new(),
                valid,
            };
        }
        let magnitudes: Vec<W> = case.weights.iter().map(|w| w.abs()).collect();
        let ones = || vec![BigInt::from(1); case.weights.len()];
        Self {
            weights: units(&magnitudes),
            masses: h.map_or_else(ones, units),
            negative: case.weights.iter().map(|w| w.is_sign_negative()).collect(),
            valid,
        }
    }

    /// The sums over some weights.
    fn sums(&self, wanted: impl Fn(usize) -> bool) -> Sums {
        let mut sums = (0, BigInt::zero(), BigInt::zero());
        for (i, (weight, mass)) in self.weights.iter().zip(&self.masses).enumerate() {
            if wanted(i) {
                sums.0 += 1;
                sums.1 += mass;
                sums.2 += weight * mass;
            }
        }
        sums
    }

    fn above(&self, threshold: &BigInt, sign: Option<bool>) -> Sums {
        self.sums(|i| {
            let of_sign = sign.is_none_or(|sign| sign == self.negative[i]);
            of_sign && !self.masses[i].is_zero() && self.weights[i] > *threshold
        })
    }

    /// Whether each ladder goes up from zero to nothing, and every number on it is that of the weights.
    fn is_told_truly<W: Sample>(&self, case: &Case<W>) -> bool {
        let signs: &[Option<bool>] = match case.certificate {
            Certificate::Joint(_) => &[None],
            Certificate::BySign(_) => &[Some(false), Some(true)],
        };
        let mut pairs = case.certificate.ladders().iter().zip(signs);
        self.valid && pairs.all(|(ladder, &sign)| self.is_true(ladder, sign))
    }

    fn is_true<W: Sample>(&self, ladder: &Ladder<W>, sign: Option<bool>) -> bool {
        let Ladder { steps, best } = ladder;
        let finite = steps.iter().all(|step| step.threshold.is_finite());
        if !finite || *best >= steps.len() {
            return false;
        }
        let thresholds = thresholds(steps);
        let increase = thresholds.windows(2).all(|pair| pair[0] < pair[1]);
        let last = steps.last().is_some_and(|step| step.count == 0);
        let some = steps[*best].count > 0 || steps[0].count == 0;
        let told = |(step, threshold): (&Step<W>, &BigInt)| {
            let claimed = (step.count, number(&step.mass), number(&step.sum));
            self.above(threshold, sign) == claimed
        };
        let shape = thresholds[0].is_zero() && increase && last && some;
        shape && steps.iter().zip(&thresholds).all(told)
    }

    /// Whether the two tangents to `S(m)` meet below the best score, in every interval.
    fn is_excluded<W: Sample>(case: &Case<W>) -> bool {
        case.certificate.ladders().iter().all(|ladder| {
            let (thresholds, best) = (thresholds(&ladder.steps), &ladder.steps[ladder.best]);
            let score = Fraction::score(&number(&best.sum), &number(&best.mass));
            (1..thresholds.len()).all(|i| {
                let pair = [&ladder.steps[i - 1], &ladder.steps[i]];
                let order = kink(pair, &thresholds[i - 1..=i]).compare(&score);
                order == Ordering::Less || order == Ordering::Equal && i - 1 <= ladder.best
            })
        })
    }

    /// Whether trits are those of the best supports, and the fit their projections, rounded.
    fn is_answered<W: Sample>(&self, case: &Case<W>) -> bool {
        let ladders = case.certificate.ladders();
        let bars: Vec<BigInt> = ladders
            .iter()
            .map(|ladder| thresholds(&ladder.steps)[ladder.best].clone())
            .collect();
        let selected = |i: usize| {
            let bar = &bars[usize::from(self.negative[i]) % bars.len()];
            !self.masses[i].is_zero() && self.weights[i] > *bar
        };
        let trit = |i: usize| i8::from(selected(i)) * (1 - 2 * i8::from(self.negative[i]));
        let trits: Vec<i8> = (0..self.weights.len()).map(trit).collect();
        let p = self.sums(|i| selected(i) && !self.negative[i]);
        let n = self.sums(|i| selected(i) && self.negative[i]);
        let all = (p.0 + n.0, &p.1 + &n.1, &p.2 + &n.2);
        let fit = &case.fit;
        let counts = (fit.nonzeros, fit.positives) == (all.0, p.0);
        let lambda = nearest_mean::<W>(&all);
        let scales = (fit.lambda_p, fit.lambda_n);
        let two = scales == (nearest_mean(&p), nearest_mean(&n));
        let (scaled, halves) = match case.certificate {
            Certificate::Joint(_) => (
                fit.lambda == lambda && (two || scales == (lambda, lambda)),
                [&all, &all],
            ),
            Certificate::BySign(_) => (
                two && fit.lambda >= W::zero()
                    && fit.lambda.abs().bits().abs_diff(lambda.bits()) <= 8,
                [&p, &n],
            ),
        };
        let [p, n] = halves.map(half_of_mean::<W>);
        let thresholds = [fit.threshold_p, fit.threshold_n, fit.threshold];
        trits == case.trits && counts && scaled && thresholds == [p, n, p.min(n)]
    }
}

fn thresholds<W: Sample>(steps: &[Step<W>]) -> Vec<BigInt> {
    let values: Vec<W> = steps.iter().map(|step| step.threshold).collect();
    units(&values)
}

/// The score where the tangents meet, nothing over nothing where there is nothing: `(B + M t1)^2 / M` with `M = (B - A) / (t2 - t1)`, `A = S2 - M2 t2`, `B = S1 - M1 t1`.
fn kink<W>(pair: [&Step<W>; 2], taus: &[BigInt]) -> Fraction<BigInt> {
    let end = |i: usize| number(&pair[i].sum) - number(&pair[i].mass) * &taus[i];
    let (b, a) = (end(0), end(1));
    let length = &taus[1] - &taus[0];
    let mass = &b - &a;
    // Of M = mass / length, both times length.
    let sum = &b * &length + &mass * &taus[0];
    Fraction(&sum * &sum, mass * length)
}

fn nearest_mean<W: Sample>((_, mass, sum): &Sums) -> W {
    if mass.is_zero() {
        return W::zero();
    }
    let (_, least) = integers(&[W::magnitude(1).wide()]);
    nearest(sum, mass, least)
}

/// The largest weight that is at most half the mean.
fn half_of_mean<W: Sample>((_, mass, sum): &Sums) -> W {
    if mass.is_zero() {
        return W::zero();
    }
    let (mut low, mut high) = (0, W::INFINITY_BITS);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if &units(&[W::magnitude(middle)])[0] * mass * 2 <= *sum {
            low = middle;
        } else {
            high = middle;
        }
    }
    W::magnitude(low)
}
