//! Any bits as weights and importances: both searches agree to the last bit, and no input panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ternarize::{Rule, Search, Ternarizer, Weight, ternarize_into};

fn agree<W: Weight>(weights: &[W], how: Ternarizer<'_>) {
    let (mut by_auto, mut by_sort) = (vec![0; weights.len()], vec![0; weights.len()]);
    let auto = how
        .search(Search::Auto)
        .ternarize_into(weights, &mut by_auto);
    let sort = how
        .search(Search::Sort)
        .ternarize_into(weights, &mut by_sort);
    assert_eq!((&auto, &by_auto), (&sort, &by_sort), "{weights:?} {how:?}");
}

fn all<W: Weight>(weights: &[W], importance: &[f32], knob: u8) {
    let how = Ternarizer::new();
    agree(weights, how);
    agree(weights, how.rule(Rule::TwoScale));
    agree(weights, how.importance(importance));
    agree(weights, how.rule(Rule::TwoScale).importance(importance));
    let knob = usize::from(knob);
    agree(weights, how.min_nonzeros(knob % 7).max_nonzeros(knob));
    agree(weights, how.target_cosine(knob as f64 / 255.0));
    if let Ok(fit) = ternarize_into(weights, &mut vec![0; weights.len()]) {
        assert!((0.0..=1.0).contains(&fit.cosine) && fit.relative_error >= 0.0);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&knob, data)) = data.split_first() else {
        return;
    };
    let (head, tail) = data.split_at(data.len() / 2);
    let words = |bytes: &[u8]| -> Vec<f32> {
        bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&word| f32::from_le_bytes(word))
            .collect()
    };
    let weights = words(head);
    let mut importance = words(tail);
    importance.resize(weights.len(), 1.0);
    all(&weights, &importance, knob);
    let doubles: Vec<f64> = head
        .as_chunks::<8>()
        .0
        .iter()
        .map(|&word| f64::from_le_bytes(word))
        .collect();
    all(
        &doubles,
        &importance[..doubles.len().min(importance.len())],
        knob,
    );
});
