//! Certificates: that of every answer is accepted, and whatever is wrong is refused, with an oracle that adds with big integers and
//! knows the bound in another form, and with the search that sorts.

use crate::common::{Sample, strategy};
use crate::proof::mutate::{Rolls, Verdict, changes};
use crate::proof::{Case, number};
use proptest::collection::vec;
use proptest::prelude::*;
use ternarize::{Certificate, Error, Ladder, Refusal, Rule, Scales, Step, Ternarizer};

const PAPER: Ternarizer<'_> = Ternarizer::new();
const EXACT: [Rule; 2] = [Rule::Tnt, Rule::TwoScale];

/// Both rules, with importances and without.
fn cases<W: Sample>(weights: &[W], masses: &[f32]) -> Vec<Case<W>> {
    let mut cases = Vec::new();
    for rule in EXACT {
        for h in [None, Some(masses)] {
            cases.push(Case::new(PAPER, rule, weights, h));
        }
    }
    let one = PAPER.scales(Scales::One);
    cases.push(Case::new(one, Rule::Tnt, weights, None));
    cases.push(Case::new(one, Rule::Tnt, weights, Some(masses)));
    cases
}

/// What is certified is accepted, proved and right.
fn accepted<W: Sample>(weights: &[W], masses: &[f32]) {
    for case in cases(weights, masses) {
        assert_eq!(case.check(), Ok(()), "{}\n{case:?}", case.certificate);
        assert!(case.is_proved() && case.is_right(), "{case:?}");
    }
}

/// What is spoiled is refused, unless it is proved, and then it is right.
fn spoiled<W: Sample>(weights: &[W], masses: &[f32], rolls: &[u64]) {
    let cases = cases(weights, masses);
    for ((name, change), rolls) in changes::<W>().into_iter().zip(rolls.chunks(9)) {
        let case = &cases[usize::try_from(rolls[0]).unwrap_or(0) % cases.len()];
        let mut mutant = case.clone();
        let verdict = change(&mut mutant, &mut Rolls(&rolls[1..]));
        let result = mutant.check();
        match verdict {
            Verdict::Same => {}
            Verdict::Wrong => assert!(result.is_err(), "{name}: {mutant:?}"),
            Verdict::Open => {
                let proved = mutant.is_proved();
                assert_eq!(result.is_ok(), proved, "{name}: {result:?} {mutant:?}");
                assert!(!proved || mutant.is_right(), "{name}: {mutant:?}");
            }
        }
    }
}

/// A certificate that tells nothing but the truth and passes off a worse support as the best is refused by the intervals, and by
/// nothing else: without them the checker would believe it. Returns how many were refused.
fn forged<W: Sample>(weights: &[W]) -> usize {
    let honest = Case::new(PAPER, Rule::Tnt, weights, None);
    let (mut refused, mut accepted) = (0, 0);
    for best in 0.. {
        let Some(case) = Case::forged(weights, best) else {
            break;
        };
        assert!(case.is_proved_but_for_the_intervals(), "{case:?}");
        if case.trits == honest.trits {
            assert_eq!(case.check(), Ok(()), "{case:?}");
            accepted += 1;
        } else {
            let refusal = case.check().unwrap_err();
            assert!(
                matches!(refusal, Refusal::Interval { ladder: 0, .. }),
                "{refusal}: {case:?}"
            );
            refused += 1;
        }
    }
    assert_eq!(accepted, usize::from(honest.fit.nonzeros > 0));
    refused
}

fn rolls() -> impl Strategy<Value = Vec<u64>> {
    vec(any::<u64>(), 9 * changes::<f32>().len())
}

macro_rules! for_type {
    ($name:ident, $type:ty) => {
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(60))]

                #[test]
                fn is_accepted((weights, masses) in strategy::weighted::<$type>()) {
                    accepted(&weights, &masses);
                }

                #[test]
                fn is_refused_if_spoiled(
                    (weights, masses) in strategy::weighted::<$type>(),
                    rolls in rolls(),
                ) {
                    spoiled(&weights, &masses, &rolls);
                }
            }
        }
    };
}
for_type!(singles, f32);
for_type!(doubles, f64);
#[cfg(feature = "half")]
for_type!(halves, half::f16);
#[cfg(feature = "half")]
for_type!(brain_floats, half::bf16);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn short_vectors_of_small_integers(
        pairs in vec((-6_i8..=6, 0_u8..=3), 1..8),
        rolls in rolls(),
    ) {
        // Many equal optima.
        let weights: Vec<f32> = pairs.iter().map(|&(w, _)| f32::from(w)).collect();
        let masses: Vec<f32> = pairs.iter().map(|&(_, h)| f32::from(h)).collect();
        accepted(&weights, &masses);
        spoiled(&weights, &masses, &rolls);
        forged(&weights);
    }
}

#[test]
fn a_worse_support_is_refused_by_the_intervals_alone() {
    // With 6 % more, or 0.6 %: the optimum is [1, -1, 1, 0, 0].
    assert_eq!(forged(&[1.0_f32, -0.9, 0.8, 0.2, -0.1]), 4);
    let level = |i: u16| (f64::from(i) + 1.0).sqrt() - f64::from(i).sqrt();
    assert_eq!(forged(&(0..120).map(level).collect::<Vec<_>>()), 119);
}

#[test]
fn of_equal_optima_the_larger_is_refused() {
    // 3^2 / 1 = (3 + 1 + 1 + 1)^2 / 4.
    let weights = [1.0_f32, 3.0, -1.0, 1.0];
    let larger = Case::forged(&weights, 0).unwrap();
    assert_eq!(larger.trits, [1, 1, -1, 1]);
    let refusal = Refusal::Interval { ladder: 0, step: 1 };
    assert_eq!(larger.check(), Err(refusal));
    let smaller = Case::forged(&weights, 1).unwrap();
    assert_eq!((smaller.check(), smaller.fit.nonzeros), (Ok(()), 1));
}

/// Numbers without a pattern, the sum of four uniform ones: nearly normal.
fn bell(len: u32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap()) / 65_536.0 - 0.5
    };
    (0..len).map(|_| (0..4).map(|_| uniform()).sum()).collect()
}

#[test]
fn long_vectors_have_short_certificates() {
    for len in [10_000, 100_000] {
        let weights = bell(len);
        let masses: Vec<f32> = weights.iter().map(|w| 0.1 + w * w).collect();
        let doubles: Vec<f64> = weights.iter().copied().map(f64::from).collect();
        for rule in EXACT {
            let double = Case::new(PAPER, rule, &doubles, None);
            assert_eq!(double.check(), Ok(()));
            for h in [None, Some(&masses[..])] {
                let case = Case::new(PAPER, rule, &weights, h);
                assert_eq!(case.check(), Ok(()));
                let ladders = case.certificate.ladders().iter();
                assert!(ladders.clone().all(|it| it.steps.len() < 40));
                assert!(ladders.clone().all(|it| it.steps[it.best].count > 1000));
            }
        }
    }
}

#[test]
fn long_level_vectors_have_long_certificates() {
    // Each prefix scores the same, but for rounding.
    let level = |i: u16| (f64::from(i) + 1.0).sqrt() - f64::from(i).sqrt();
    let weights: Vec<f64> = (0..3000).map(level).collect();
    let case = Case::new(PAPER, Rule::Tnt, &weights, None);
    assert_eq!(case.check(), Ok(()));
    assert!(case.certificate.ladders()[0].steps.len() > 2900);
}

#[test]
fn nothing_to_select() {
    let zeros = [0.0_f32, -0.0, 0.0];
    let nothing = Ladder {
        steps: vec![Step {
            threshold: 0.0,
            count: 0,
            mass: vec![],
            sum: vec![],
        }],
        best: 0,
    };
    for rule in EXACT {
        let case = Case::new(PAPER, rule, &zeros, None);
        assert!(case.certificate.ladders().iter().all(|it| *it == nothing));
        assert_eq!(case.check(), Ok(()));
        let weightless = Case::new(PAPER, rule, &[1.0_f32, -2.0], Some(&[0.0, -0.0]));
        assert!(
            weightless
                .certificate
                .ladders()
                .iter()
                .all(|it| *it == nothing)
        );
        assert_eq!(weightless.check(), Ok(()));
    }
    // Nothing passed off as the best of something.
    let mut case = Case::new(PAPER, Rule::Tnt, &[1.0_f32, 2.0], None);
    let zero = Case::new(PAPER, Rule::Tnt, &[0.0_f32; 2], None);
    (case.trits, case.fit) = (zero.trits, zero.fit);
    let Certificate::Joint(ladder) = &mut case.certificate else {
        panic!("one support has one ladder")
    };
    ladder.best = ladder.steps.len() - 1;
    assert_eq!(case.check(), Err(Refusal::Shape { ladder: 0 }));
}

#[test]
fn only_optima_can_be_certified() {
    let conflict = |how: Ternarizer<'_>, this| {
        let that = "a certificate";
        let expected = Error::Conflict { this, that };
        assert_eq!(how.certify(&[1.0_f32]).unwrap_err(), expected);
    };
    conflict(PAPER.nonzeros(1), "a number of non-zeros");
    conflict(PAPER.min_nonzeros(1), "a number of non-zeros");
    conflict(PAPER.max_nonzeros(9), "a number of non-zeros");
    conflict(PAPER.target_cosine(0.9), "a target cosine");
    for rule in [Rule::Twn, Rule::AbsMean, Rule::AbsMax] {
        conflict(PAPER.rule(rule), rule.name());
    }
    let none: [f32; 0] = [];
    assert_eq!(PAPER.certify(&none).unwrap_err(), Error::Empty);
}

#[test]
fn a_certificate_can_be_read() {
    let case = Case::new(PAPER, Rule::TwoScale, &[1.0_f64, 0.5, -0.25, 1e-300], None);
    let text = case.certificate.to_string();
    let best = text.lines().filter(|line| line.starts_with('*'));
    assert_eq!(best.count(), 2);
    assert!(text.contains("positive weights") && text.contains("negative weights"));
    for ladder in case.certificate.ladders() {
        for step in &ladder.steps {
            assert_eq!(number(&step.mass), step.count.into());
            assert!(step.threshold <= step.mean() || step.count == 0);
        }
    }
}
