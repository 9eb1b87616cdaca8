//! Long vectors: the cosines that theory gives for 100,000 weights of three distributions, and both searches on vectors made
//! to slow a search down.

#![expect(
    clippy::cast_possible_truncation,
    reason = "weights are made in f64, and small indices in both"
)]

use crate::common::bits;
use ternarize::{Fit, Rule, Search, Ternarizer};

const LEN: u32 = 100_000;

/// The quantile function at the middle of each of `LEN` equal parts: a sample without chance.
fn stratified(quantile: impl Fn(f64) -> f64) -> Vec<f32> {
    let middle = |i| (f64::from(i) + 0.5) / f64::from(LEN);
    (0..LEN).map(|i| quantile(middle(i)) as f32).collect()
}

/// The quantile of the normal distribution: its distribution function by Simpson's rule, inverted by Newton's method.
fn normal_quantiles() -> Vec<f32> {
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * core::f64::consts::PI).sqrt();
    let (mut x, mut below) = (-6.0, 0.0);
    stratified(|p| p)
        .into_iter()
        .map(f64::from)
        .map(|p| {
            // From the last quantile to this one: small steps, each of an area known to a fourth order.
            while below < p {
                let step = ((p - below) / density(x)).clamp(1e-9, 1e-3);
                below +=
                    step / 6.0 * (density(x) + 4.0 * density(x + step / 2.0) + density(x + step));
                x += step;
            }
            x as f32
        })
        .collect()
}

fn cosine(weights: &[f32]) -> f64 {
    let mut trits = vec![0; weights.len()];
    ternarize::ternarize_into(weights, &mut trits)
        .unwrap()
        .cosine
}

#[test]
fn the_limits_of_theory() {
    let uniform = stratified(|p| 2.0 * p - 1.0);
    assert!((cosine(&uniform) - (8.0_f64 / 9.0).sqrt()).abs() < 1e-4);
    assert!((cosine(&normal_quantiles()) - 0.8998).abs() < 1e-3);
    let laplace = stratified(|p| {
        if p < 0.5 {
            (2.0 * p).ln()
        } else {
            -(2.0 - 2.0 * p).ln()
        }
    });
    let limit = 2.0 * (-0.5_f64).exp() / 2.0_f64.sqrt();
    assert!((cosine(&laplace) - limit).abs() < 1e-3);
}

fn answer(options: Ternarizer<'_>, weights: &[f32]) -> (Vec<i8>, Fit<f32>) {
    options.ternarize(weights).unwrap()
}

fn both_agree(name: &str, weights: &[f32]) {
    let options = [
        Ternarizer::new(),
        Ternarizer::new().rule(Rule::TwoScale),
        Ternarizer::new().nonzeros(weights.len() / 3),
        Ternarizer::new()
            .min_nonzeros(40)
            .max_nonzeros(weights.len() / 2),
    ];
    for options in options {
        let (trits, fit) = answer(options.search(Search::Auto), weights);
        let (expected, sorted) = answer(options.search(Search::Sort), weights);
        assert_eq!(bits(&fit), bits(&sorted), "{name}, {options:?}");
        assert!(trits == expected, "{name}, {options:?}");
    }
}

fn values(len: u32, value: impl Fn(f64) -> f64) -> Vec<f32> {
    (0..len).map(|i| value(f64::from(i)) as f32).collect()
}

#[test]
fn runs_of_equals() {
    let noise = |i: f64| (i * 7.0) % 3.0 - 1.0 + (i * 0.618).fract() * 1e-3;
    both_agree("all equal", &values(LEN, |_| 0.1));
    both_agree(
        "two values",
        &values(LEN, |i| [1.0, -0.37, -0.37][i as usize % 3]),
    );
    both_agree("ternary and noise", &values(LEN, noise));
}

#[test]
fn exponentials() {
    let decaying = values(LEN, |i| (-i / 1000.0).exp2());
    let growing: Vec<f32> = decaying.iter().rev().copied().collect();
    both_agree("geometric", &decaying);
    both_agree("geometric, reversed", &growing);
    assert!((cosine(&decaying) - cosine(&growing)).abs() < 1e-15);
}

/// `b_i = sqrt(i + 1) - sqrt(i)` gives every prefix the same score but for rounding: no bound tells them apart, and the search
/// takes a number of passes that grows with the length. Hence fewer weights.
#[test]
fn power_laws() {
    let level = |i: f64| (i + 1.0).sqrt() - i.sqrt();
    both_agree("level", &values(LEN / 25, level));
    both_agree(
        "level, rough",
        &values(LEN / 25, |i| level(i) * (1.0 + 1e-6 * (i % 2.0))),
    );
    both_agree(
        "harmonic",
        &values(LEN / 25, |i| [1.0, -1.0][i as usize % 2] / (i + 1.0)),
    );
}

/// Of equal optima the sparsest wins, even where rounding puts the cosine of another one higher.
#[test]
fn an_exact_tie_that_rounds_the_other_way() {
    // 28^2 / 1 = (28 + 8 * 7)^2 / 9.
    let weights = [28.0_f32, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0];
    let cosines = ternarize::curve(&weights).unwrap();
    assert!(cosines[8] > cosines[0]);
    for search in [Search::Auto, Search::Sort] {
        let (_, fit) = answer(Ternarizer::new().search(search), &weights);
        assert_eq!(fit.nonzeros, 1);
        assert_eq!(fit.cosine.to_bits(), cosines[0].to_bits());
    }
}
