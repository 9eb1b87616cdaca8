//! All `3^N` ternary vectors, valued with exact integers: no vector beats the one returned, and none of the same worth is
//! sparser. Every exact rule, both searches, with and without importance, with forced counts and with a target cosine.

use core::cmp::Ordering;
use core::ops::RangeInclusive;

use crate::common::exact::{Fraction, Integer, Sums, Worth, integers, nearest};
use crate::common::{Sample, strategy, widen};
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;
use ternarize::{Error, Fit, Rule, Scales, Search, Ternarizer};

const SEARCHES: [Search; 2] = [Search::Auto, Search::Sort];

/// The best worth of each number of non-zeros, over all ternary vectors.
struct Table<T> {
    weights: Vec<T>,
    masses: Vec<T>,
    one: Vec<Fraction<T>>,
    two: Vec<Fraction<T>>,
    visited: usize,
}

impl<T: Integer> Table<T> {
    fn new(weights: Vec<T>, masses: Vec<T>) -> Self {
        let worst = || vec![Fraction::zero(); weights.len() + 1];
        let (one, two) = (worst(), worst());
        let mut table = Self {
            weights,
            masses,
            one,
            two,
            visited: 0,
        };
        table.visit(0, &Sums::empty());
        assert_eq!(
            table.visited,
            3_usize.pow(u32::try_from(table.weights.len()).unwrap())
        );
        table
    }

    fn visit(&mut self, place: usize, sums: &Sums<T>) {
        if place == self.weights.len() {
            self.visited += 1;
            let Worth { nonzeros, one, two } = sums.worth();
            raise(&mut self.one[nonzeros], one);
            raise(&mut self.two[nonzeros], two);
            return;
        }
        for trit in [0, 1, -1] {
            let next = sums.with(trit, &self.weights[place], &self.masses[place]);
            self.visit(place + 1, &next);
        }
    }

    /// No vector with an allowed number of non-zeros is worth more, and none of the same worth has fewer.
    fn judge(&self, trits: &[i8], rule: Rule, allowed: RangeInclusive<usize>) {
        let sums = Sums::of(trits, &self.weights, &self.masses);
        let worth = sums.worth();
        let (actual, table) = match rule {
            Rule::TwoScale => (worth.two, &self.two),
            _ => (worth.one, &self.one),
        };
        assert!(allowed.contains(&worth.nonzeros), "{trits:?}");
        for count in allowed {
            let expected = match table[count].compare(&actual) {
                Ordering::Greater => false,
                Ordering::Equal => count >= worth.nonzeros,
                Ordering::Less => true,
            };
            assert!(expected, "{rule}: {trits:?} is beaten by {count} non-zeros");
        }
    }
}

/// Keeps the larger.
fn raise<T: Integer>(best: &mut Fraction<T>, new: Fraction<T>) {
    if new.compare(best) == Ordering::Greater {
        *best = new;
    }
}

/// One rule, both searches: the optimum, and its scales rounded once from the exact means.
fn judge_rule<W: Sample, T: Integer + Into<BigInt>>(
    table: &Table<T>,
    weights: &[W],
    exponent: i16,
    options: Ternarizer<'_>,
    rule: Rule,
) {
    for search in SEARCHES {
        let options = options.rule(rule).search(search);
        let (trits, fit) = options.ternarize(weights).unwrap();
        table.judge(&trits, rule, 0..=weights.len());
        judge_scales(table, &trits, &fit, exponent, rule);
    }
}

fn judge_scales<W: Sample, T: Integer + Into<BigInt>>(
    table: &Table<T>,
    trits: &[i8],
    fit: &Fit<W>,
    exponent: i16,
    rule: Rule,
) {
    let sums = Sums::of(trits, &table.weights, &table.masses);
    let both = sums.both();
    let mean = |(sum, mass): (T, T)| {
        if mass.is_zero() {
            W::zero()
        } else {
            nearest::<W>(&sum.into(), &mass.into(), exponent)
        }
    };
    assert_eq!(
        (fit.lambda_p, fit.lambda_n),
        (mean(sums.plus), mean(sums.minus))
    );
    if rule == Rule::Tnt {
        assert_eq!(fit.lambda, mean(both));
    }
}

/// Everything a vector can be asked for without importance.
fn judge_counts<W: Sample, T: Integer>(table: &Table<T>, weights: &[W]) {
    let available = weights.iter().filter(|w| !w.is_zero()).count();
    for min in 0..=weights.len() {
        for max in min..=weights.len() {
            let allowed = min.max(1).min(available)..=max.min(available);
            let allowed = if max == 0 { 0..=0 } else { allowed };
            let options = Ternarizer::new().min_nonzeros(min).max_nonzeros(max);
            for search in SEARCHES {
                let (trits, _) = options.search(search).ternarize(weights).unwrap();
                table.judge(&trits, Rule::Tnt, allowed.clone());
                first_among_equals(weights, &trits);
            }
        }
    }
}

/// Of equal magnitudes, the first in order are taken.
fn first_among_equals<W: Sample>(weights: &[W], trits: &[i8]) {
    for (i, w) in weights.iter().enumerate() {
        let passed_over = |j: usize| trits[j] == 0 && weights[j].abs() == w.abs();
        assert!(trits[i] == 0 || !(0..i).any(passed_over), "{trits:?}");
    }
}

/// Targets between the cosines that there are: the smallest count that reaches each, and the best vector of that count.
fn judge_targets<W: Sample>(table: &Table<BigInt>, weights: &[W]) {
    let energy: BigInt = table.weights.iter().map(|w| w * w).sum();
    let wide = |x: &BigInt| x.to_f64().unwrap();
    let cosine = |f: &Fraction<BigInt>| (wide(&f.0) / wide(&f.1) / wide(&energy)).sqrt();
    let cosines: Vec<f64> = table.one.iter().skip(1).map(cosine).collect();
    let mut steps = cosines.clone();
    steps.sort_by(f64::total_cmp);
    let gaps = steps.windows(2).filter(|pair| pair[1] - pair[0] > 1e-9);
    for target in gaps
        .map(|pair| f64::midpoint(pair[0], pair[1]))
        .filter(|t| *t > 0.0)
    {
        let count = cosines.iter().position(|c| *c >= target).unwrap() + 1;
        let above = steps.last().unwrap().midpoint(1.0);
        for search in SEARCHES {
            let options = Ternarizer::new().search(search);
            let (trits, fit) = options.target_cosine(target).ternarize(weights).unwrap();
            assert_eq!(fit.nonzeros, count, "{target}");
            table.judge(&trits, Rule::Tnt, count..=count);
            if above - steps.last().unwrap() > 1e-9 {
                let error = options.target_cosine(above).ternarize(weights).unwrap_err();
                let Error::TargetUnreachable { best, .. } = error else {
                    panic!("{error}")
                };
                assert!((best - steps.last().unwrap()).abs() < 1e-14);
            }
        }
    }
}

/// Small integers, where ties between different numbers of non-zeros are common.
fn small(len: RangeInclusive<usize>, top: i8) -> impl Strategy<Value = Vec<i8>> {
    vec(-top..=top, len)
}

/// Small integers with masses.
fn small_weighted(len: RangeInclusive<usize>) -> impl Strategy<Value = (Vec<i8>, Vec<u8>)> {
    small(len, 6).prop_flat_map(|weights| {
        let len = weights.len();
        (Just(weights), vec(0_u8..=4, len))
    })
}

fn judge_integers(weights: &[i8], masses: &[u8]) {
    let floats: Vec<f32> = weights.iter().map(|&w| f32::from(w)).collect();
    let importance: Vec<f32> = masses.iter().map(|&h| f32::from(h)).collect();
    let integers = weights.iter().map(|&w| i128::from(w)).collect();
    let table = Table::new(integers, masses.iter().map(|&h| i128::from(h)).collect());
    let weighted = Ternarizer::new().importance(&importance);
    for rule in [Rule::Tnt, Rule::TwoScale] {
        judge_rule(&table, &floats, 0, weighted, rule);
        if masses.iter().all(|&h| h == 1) {
            judge_rule(&table, &floats, 0, Ternarizer::new(), rule);
        }
    }
}

fn judge_floats<W: Sample>(weights: &[W], importance: &[f32]) {
    let (integers_w, exponent) = integers(&widen(weights));
    let plain = Table::new(integers_w.clone(), vec![BigInt::from(1); weights.len()]);
    let (masses, _) = integers(&widen(importance));
    let weighted = Table::new(integers_w, masses);
    let options = Ternarizer::new().importance(importance);
    for rule in [Rule::Tnt, Rule::TwoScale] {
        judge_rule(&plain, weights, exponent, Ternarizer::new(), rule);
        judge_rule(&weighted, weights, exponent, options, rule);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn small_integers_without_importance(weights in small(1..=7, 6)) {
        judge_integers(&weights, &vec![1; weights.len()]);
    }

    #[test]
    fn small_integers_with_importance((weights, masses) in small_weighted(1..=7)) {
        judge_integers(&weights, &masses);
    }

    #[test]
    fn forced_counts(weights in small(1..=6, 4)) {
        let floats: Vec<f32> = weights.iter().map(|&w| f32::from(w)).collect();
        let integers = weights.iter().map(|&w| i128::from(w)).collect();
        judge_counts(&Table::new(integers, vec![1; weights.len()]), &floats);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn any_f32((weights, importance) in strategy::weighted::<f32>()) {
        let len = weights.len().min(7);
        judge_floats(&weights[..len], &importance[..len]);
    }

    #[test]
    fn any_f64((weights, importance) in strategy::weighted::<f64>()) {
        let len = weights.len().min(7);
        judge_floats(&weights[..len], &importance[..len]);
    }

    #[test]
    fn target_cosines(weights in vec(-1.0_f32..1.0, 2..=7)) {
        let (integers, _) = integers(&widen(&weights));
        judge_targets(&Table::new(integers, vec![BigInt::from(1); weights.len()]), &weights);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn nine_small_integers((weights, masses) in small_weighted(9..=9)) {
        judge_integers(&weights, &masses);
        judge_integers(&weights, &[1; 9]);
    }
}

#[test]
fn equal_optima_go_to_the_sparsest() {
    // 3^2 / 1 = (3 + 1 + 1 + 1)^2 / 4, and 8 ones beside a four: 4^2 / 1 = 12^2 / 9.
    judge_integers(&[1, 3, -1, 1], &[1; 4]);
    judge_integers(&[1, -1, 1, 1, -4, 1, 1, -1, 1], &[1; 9]);
    let (trits, _) = Ternarizer::new()
        .ternarize(&[1.0_f32, 3.0, -1.0, 1.0])
        .unwrap();
    assert_eq!(trits, [0, 1, 0, 0]);
}

#[test]
fn two_scales_are_the_means_of_both_signs() {
    let weights = [0.5_f32, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0];
    let (trits, one) = Ternarizer::new()
        .scales(Scales::One)
        .ternarize(&weights)
        .unwrap();
    assert_eq!(trits, [1, -1, 0, 0, 0, 0, 0]);
    assert_eq!((one.lambda_p, one.lambda_n), (0.55, 0.55));
    judge_floats(&weights, &[1.0; 7]);
}
