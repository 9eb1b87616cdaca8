//! Everything that can be done to a certificate, or to what it certifies.

use core::ops::Neg;

use ternarize::{Certificate, Ladder, Rule, Ternarizer};

use super::Case;
use crate::common::Sample;

/// What became of a case.
pub(crate) enum Verdict {
    /// This cannot be done to it.
    Same,
    /// Whether it is still right is for the oracle to say.
    Open,
    /// Certainly wrong.
    Wrong,
}

/// Numbers that select what is changed, and how.
pub(crate) struct Rolls<'a>(pub(crate) &'a [u64]);

impl Rolls<'_> {
    fn next(&mut self) -> u64 {
        let (first, rest) = self.0.split_first().expect("enough numbers");
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.next() % 2 == 1
    }
}

impl<W> Case<W> {
    /// One of the ladders.
    fn ladder(&mut self, rolls: &mut Rolls<'_>) -> &mut Ladder<W> {
        match &mut self.certificate {
            Certificate::Joint(ladder) => ladder,
            Certificate::BySign(ladders) => &mut ladders[rolls.below(2)],
        }
    }
}

/// The next number of the type, up or down, or the other sign.
fn nudged<W: Sample + Neg<Output = W>>(x: W, rolls: &mut Rolls<'_>) -> W {
    let bits = x.abs().bits();
    match rolls.below(4) {
        0 => W::magnitude((bits + 1).min(W::INFINITY_BITS - 1)),
        1 => W::magnitude(bits.saturating_sub(1)),
        2 => -x,
        _ => W::magnitude(rolls.next() % W::INFINITY_BITS),
    }
}

/// The verdict on what may have been replaced by itself.
fn wrong_if(changed: bool) -> Verdict {
    if changed {
        Verdict::Wrong
    } else {
        Verdict::Same
    }
}

type Change<W> = fn(&mut Case<W>, &mut Rolls<'_>) -> Verdict;

/// All ways to spoil a case. Each takes fewer than eight rolls.
pub(crate) fn changes<W: Sample>() -> Vec<(&'static str, Change<W>)> {
    vec![
        ("a threshold", threshold),
        ("a count", count),
        ("a mass", mass),
        ("a sum", sum),
        ("the best step", best),
        ("a dropped step", drop_step),
        ("a repeated step", repeat_step),
        ("a true step more", another_step),
        ("steps exchanged", exchange_steps),
        ("ladders exchanged", exchange_ladders),
        ("the other kind of certificate", other_kind),
        ("nothing", nothing),
        ("a step below zero", below_zero),
        ("a weight", weight),
        ("a weight that is no number", no_number),
        ("an importance", importance),
        ("importances or none", no_importance),
        ("a trit", trit),
        ("a length", length),
        ("a scale", scale),
        ("a fit's threshold", fit_threshold),
        ("a fit's count", fit_count),
        ("another number of non-zeros", other_count),
        ("another rule's answer", other_rule),
        ("another vector's certificate", other_vector),
    ]
}

fn threshold<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let step = rolls.below(ladder.steps.len());
    ladder.steps[step].threshold = nudged(ladder.steps[step].threshold, rolls);
    Verdict::Open
}

fn count<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let step = rolls.below(ladder.steps.len());
    let count = &mut ladder.steps[step].count;
    *count = count.wrapping_add(if rolls.coin() { 1 } else { usize::MAX });
    Verdict::Wrong
}

/// A number that differs in one bit.
fn flip(limbs: &mut Vec<u64>, rolls: &mut Rolls<'_>) {
    let limb = rolls.below(limbs.len() + 1);
    if limb == limbs.len() {
        limbs.push(0);
    }
    limbs[limb] ^= 1 << rolls.below(64);
}

fn mass<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let step = rolls.below(ladder.steps.len());
    flip(&mut ladder.steps[step].mass, rolls);
    Verdict::Wrong
}

fn sum<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let step = rolls.below(ladder.steps.len());
    flip(&mut ladder.steps[step].sum, rolls);
    Verdict::Wrong
}

fn best<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let step = rolls.below(ladder.steps.len() + 1);
    if step == ladder.best {
        return Verdict::Same;
    }
    ladder.best = step;
    // No two steps have the same support, so not the answer's.
    Verdict::Wrong
}

fn drop_step<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let step = rolls.below(ladder.steps.len());
    ladder.steps.remove(step);
    ladder.best -= usize::from(step < ladder.best);
    Verdict::Open
}

fn repeat_step<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let step = rolls.below(ladder.steps.len());
    ladder.steps.insert(step, ladder.steps[step].clone());
    ladder.best += usize::from(step < ladder.best || rolls.coin());
    Verdict::Wrong
}

fn another_step<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let side = rolls.below(case.certificate.ladders().len());
    let threshold = match rolls.below(3) {
        0 => W::magnitude(rolls.next() % W::INFINITY_BITS),
        1 => case.weights[rolls.below(case.weights.len())].abs(),
        _ => {
            let steps = &case.certificate.ladders()[side].steps;
            let near = steps[rolls.below(steps.len())].threshold;
            W::magnitude(near.bits().saturating_sub(1))
        }
    };
    let step = case.true_step(side, threshold);
    let ladder = match &mut case.certificate {
        Certificate::Joint(ladder) => ladder,
        Certificate::BySign(ladders) => &mut ladders[side],
    };
    let place = ladder.steps.partition_point(|it| it.threshold < threshold);
    ladder.steps.insert(place, step);
    ladder.best += usize::from(place <= ladder.best);
    Verdict::Open
}

fn exchange_steps<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let (a, b) = (
        rolls.below(ladder.steps.len()),
        rolls.below(ladder.steps.len()),
    );
    ladder.steps.swap(a, b);
    wrong_if(a != b)
}

fn exchange_ladders<W: Sample>(case: &mut Case<W>, _: &mut Rolls<'_>) -> Verdict {
    let Certificate::BySign(ladders) = &mut case.certificate else {
        return Verdict::Same;
    };
    ladders.swap(0, 1);
    Verdict::Open
}

fn other_kind<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    case.certificate = match case.certificate.clone() {
        Certificate::Joint(ladder) => Certificate::BySign([ladder.clone(), ladder]),
        Certificate::BySign(ladders) => Certificate::Joint(ladders[rolls.below(2)].clone()),
    };
    Verdict::Open
}

fn nothing<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    ladder.steps.clear();
    Verdict::Wrong
}

fn below_zero<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let ladder = case.ladder(rolls);
    let mut first = ladder.steps[0].clone();
    first.threshold = -W::magnitude(1 + rolls.next() % (W::INFINITY_BITS - 1));
    ladder.steps.insert(0, first);
    ladder.best += 1;
    Verdict::Wrong
}

fn weight<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let i = rolls.below(case.weights.len());
    case.weights[i] = nudged(case.weights[i], rolls);
    Verdict::Open
}

fn no_number<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let i = rolls.below(case.weights.len());
    let bad = [W::nan(), W::infinity(), W::neg_infinity()];
    if rolls.coin() {
        case.weights[i] = bad[rolls.below(3)];
    } else {
        let ladder = case.ladder(rolls);
        let step = rolls.below(ladder.steps.len());
        ladder.steps[step].threshold = bad[rolls.below(3)];
    }
    Verdict::Wrong
}

fn importance<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let Some(importance) = case.importance.as_mut() else {
        return Verdict::Same;
    };
    let i = rolls.below(importance.len());
    importance[i] = match rolls.below(8) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        _ => nudged(importance[i], rolls),
    };
    Verdict::Open
}

fn no_importance<W: Sample>(case: &mut Case<W>, _: &mut Rolls<'_>) -> Verdict {
    case.importance = match &case.importance {
        Some(_) => None,
        None => Some(vec![1.0; case.weights.len()]),
    };
    Verdict::Open
}

fn trit<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let i = rolls.below(case.trits.len());
    let other = [-1, 0, 1, 2, -128][rolls.below(5)];
    let changed = case.trits[i] != other;
    case.trits[i] = other;
    wrong_if(changed)
}

fn length<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    match rolls.below(4) {
        0 => case.trits.push(0),
        1 => case.fit.len += 1,
        2 => case.weights.push(W::zero()),
        _ => match case.importance.as_mut() {
            Some(importance) => importance.push(0.0),
            None => return Verdict::Same,
        },
    }
    Verdict::Wrong
}

fn scale<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let fit = &mut case.fit;
    let scale = match rolls.below(3) {
        0 => &mut fit.lambda,
        1 => &mut fit.lambda_p,
        _ => &mut fit.lambda_n,
    };
    *scale = nudged(*scale, rolls);
    Verdict::Open
}

fn fit_threshold<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let fit = &mut case.fit;
    let threshold = match rolls.below(3) {
        0 => &mut fit.threshold,
        1 => &mut fit.threshold_p,
        _ => &mut fit.threshold_n,
    };
    *threshold = nudged(*threshold, rolls);
    Verdict::Open
}

fn fit_count<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let fit = &mut case.fit;
    let count = if rolls.coin() {
        &mut fit.nonzeros
    } else {
        &mut fit.positives
    };
    *count = count.wrapping_add(if rolls.coin() { 1 } else { usize::MAX });
    Verdict::Wrong
}

fn other_count<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let wanted = match rolls.below(3) {
        0 => case.fit.nonzeros + 1,
        1 => case.fit.nonzeros.saturating_sub(1),
        _ => rolls.below(case.weights.len() + 1),
    };
    let how = Ternarizer::new().nonzeros(wanted);
    (case.trits, case.fit) = how.ternarize(&case.weights).unwrap();
    Verdict::Open
}

fn other_rule<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let rule = Rule::ALL[rolls.below(5)];
    let how = Ternarizer::new().rule(rule);
    (case.trits, case.fit) = how.ternarize(&case.weights).unwrap();
    Verdict::Open
}

fn other_vector<W: Sample>(case: &mut Case<W>, rolls: &mut Rolls<'_>) -> Verdict {
    let mut weights = case.weights.clone();
    let i = rolls.below(weights.len());
    weights[i] = nudged(weights[i], rolls);
    let how = Ternarizer::new().rule(case.rule);
    let h = case.importance.as_deref();
    let how = h.map_or(how, |h| how.importance(h));
    (case.trits, case.fit, case.certificate) = how.certify(&weights).unwrap();
    Verdict::Open
}
