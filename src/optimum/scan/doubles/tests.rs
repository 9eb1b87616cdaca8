//! Every backend against the loop that takes one weight after the other.

use super::*;
use crate::Backend;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// Numbers of 53 bits, of which the largest are `2^range` times the smallest.
fn weights(len: usize, range: u64, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        state ^ state >> 29
    };
    let number = |_| {
        let (bits, sign) = (next(), next() & 1 << 63);
        let exponent = 1023 - next() % (range + 1);
        f64::from_bits(sign | exponent << 52 | bits >> 12)
    };
    (0..len).map(number).collect()
}

/// What was gathered, the weights, and whether that was done in vectors.
fn run(
    backend: Option<Backend>,
    weights: &[f64],
    side: Side,
    ends: [f32; 2],
) -> (Gathered<UnitMass>, Vec<f64>, bool) {
    let top = weights
        .iter()
        .fold(0.0_f64, |top, weight| top.max(weight.abs()));
    let grid = Grid::coarsest(top.key(), weights.len() as u64, f64::PRECISION);
    let mut bytes = vec![0; 8 * weights.len()];
    let mut buffer = GatherBuffer::<f64>::new::<UnitMass>(&mut bytes);
    let mut exact = false;
    let found = match backend {
        None => gather_one_by_one(weights, side, ends, buffer.lend(), grid),
        Some(backend) => {
            let buffer = buffer.lend();
            let pass = GatherPass {
                weights,
                side,
                ends,
                top,
                grid,
                buffer,
            };
            exact = pass.is_exact();
            pass.run_on(backend)
        }
    };
    let kept = buffer.slots[..found.inside].iter();
    let kept = kept.map(|slot| f64::from_slot(*slot)).collect();
    (found, kept, exact)
}

#[test]
fn what_is_gathered_and_summed_is_that_of_the_loop_over_weights() {
    let mut with_sums = BTreeMap::new();
    for (range, len) in [
        (0, 5),
        (2, 100),
        (10, 9000),
        (20, 20_000),
        (34, 300),
        (60, 300),
    ] {
        let weights = weights(len, range, range + 7);
        for side in [Side::Both, Side::Positive, Side::Negative] {
            for ends in [
                [0.5, 0.75],
                [0.0, 0.3],
                [1.0, 1.0],
                [1e-3, 2e-3],
                [0.0, 0.0],
                [3.0, 4.0],
            ] {
                let (expected, kept, _) = run(None, &weights, side, ends);
                for backend in Backend::available() {
                    let (found, own, exact) = run(Some(backend), &weights, side, ends);
                    let case = (backend.name(), range, side, ends);
                    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{case:?}");
                    assert_eq!(own, kept, "{case:?}");
                    *with_sums.entry(exact).or_insert(0) += found.above.all.count;
                }
                let top = |backend: Backend| {
                    backend.run(TopPass {
                        weights: &weights,
                        side,
                    })
                };
                let magnitudes = weights
                    .iter()
                    .filter(|weight| side.includes(**weight < 0.0));
                let expected = magnitudes.fold(0.0_f64, |top, weight| top.max(weight.abs()));
                for backend in Backend::available() {
                    assert_eq!(top(backend).to_bits(), expected.to_bits());
                }
            }
        }
    }
    // Both ways had something to add up.
    assert!(with_sums[&true] > 0 && with_sums[&false] > 0);
}
