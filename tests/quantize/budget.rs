//! A budget of bytes: against all combinations of choices.

use proptest::prelude::*;
use ternarize::Operand;
use ternarize::quantize::budget::{Allocation, allocate};
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Code, Error};

/// Which weights share scales, how many planes there are, and the code.
type StorageOption = (Grouping, Planes, Code);

/// A way to store a tensor: its bytes and its error.
type Way = (u64, f64);

/// The least error of all combinations within the budget.
fn brute_force(tensors: &[Vec<Way>], budget: u64) -> Option<f64> {
    let Some((first, others)) = tensors.split_first() else {
        return Some(0.0);
    };
    let rest = |way: &Way| Some(way.1 + brute_force(others, budget.checked_sub(way.0)?)?);
    first.iter().filter_map(rest).min_by(f64::total_cmp)
}

/// What the steps along the hulls that were taken one after the other cost: there the answer is the optimum.
fn corners(tensors: &[Vec<Way>], most: u64) -> Vec<u64> {
    (0..=most)
        .filter(|&budget| {
            allocate(tensors, budget).is_ok_and(|plan| plan.lower_bound >= plan.error - 1e-9)
        })
        .collect()
}

/// That a plan is what it says, keeps to the budget, and is as close to the optimum as it claims.
fn verify(tensors: &[Vec<Way>], budget: u64, plan: &Allocation) {
    let chosen = tensors
        .iter()
        .zip(&plan.choices)
        .map(|(ways, &way)| ways[way]);
    assert_eq!(plan.bytes, chosen.clone().map(|way| way.0).sum::<u64>());
    let error: f64 = chosen.map(|way| way.1).sum();
    assert_eq!(plan.error.to_bits(), error.to_bits());
    assert!(plan.bytes <= budget);
    let optimum = brute_force(tensors, budget).expect("a plan exists");
    assert!(
        plan.lower_bound <= optimum + 1e-9,
        "{} > {optimum}",
        plan.lower_bound
    );
    assert!(plan.error >= optimum - 1e-9);
}

fn ways() -> impl Strategy<Value = Vec<Way>> {
    let way = (0_u64..40, 0_u32..50).prop_map(|(bytes, error)| (bytes, f64::from(error) / 4.0));
    prop::collection::vec(way, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_combination_beats_the_bound(tensors in prop::collection::vec(ways(), 1..5), budget in 0_u64..120) {
        match allocate(&tensors, budget) {
            Ok(plan) => verify(&tensors, budget, &plan),
            Err(Error::OverBudget { least, .. }) => {
                prop_assert!(least > budget);
                prop_assert_eq!(brute_force(&tensors, budget), None);
                prop_assert!(brute_force(&tensors, least).is_some());
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// What is lost against the bound is less than one step, so no more than what a single tensor can save.
    #[test]
    fn the_gap_is_at_most_one_step(tensors in prop::collection::vec(ways(), 1..5), budget in 0_u64..120) {
        if let Ok(plan) = allocate(&tensors, budget) {
            let span = |ways: &Vec<Way>| {
                let errors = ways.iter().map(|way| way.1);
                errors.clone().fold(0.0, f64::max) - errors.fold(f64::MAX, f64::min)
            };
            let most = tensors.iter().map(span).fold(0.0, f64::max);
            prop_assert!(plan.error - plan.lower_bound <= most + 1e-9);
        }
    }
}

#[test]
fn where_steps_end_the_choice_is_the_optimum() {
    let tensors = [
        vec![(3, 9.0), (5, 4.0), (9, 2.0), (7, 3.9)],
        vec![(2, 7.0), (8, 1.0)],
        vec![(1, 1.0), (2, 0.0)],
    ];
    let corners = corners(&tensors, 20);
    // All cheapest; then 2.5, 1 and 1, and 0.5 saved by each byte.
    for corner in [6, 8, 9, 15, 19] {
        assert!(corners.contains(&corner), "{corner} is none of {corners:?}");
    }
    for budget in corners {
        let plan = allocate(&tensors, budget).unwrap();
        let optimum = brute_force(&tensors, budget).unwrap();
        assert!((plan.error - optimum).abs() < 1e-12);
    }
}

#[test]
fn what_is_left_is_spent_on_ways_off_the_hull() {
    // The step to 100 bytes does not fit; the way of 40 bytes is off the hull, and fits.
    let tensors = [vec![(10, 8.0), (40, 7.0), (100, 0.0)]];
    let plan = allocate(&tensors, 60).unwrap();
    assert_eq!((plan.choices, plan.error), (vec![1], 7.0));
}

#[test]
fn equals_are_settled_by_order() {
    let ways = vec![(1, 2.0), (2, 1.0), (2, 1.0)];
    let plan = allocate(&[ways.clone(), ways], 3).unwrap();
    assert_eq!(plan.choices, [1, 0]);
}

#[test]
fn what_cannot_be_chosen_from_is_named() {
    let none: [Vec<Way>; 0] = [];
    assert_eq!(allocate(&none, 9), Err(Error::Empty));
    let ways = [vec![(1, 1.0)], vec![]];
    assert_eq!(
        allocate(&ways, 9),
        Err(Error::InvalidChoice {
            tensor: 1,
            choice: None
        })
    );
    for error in [f64::NAN, f64::INFINITY, -1.0] {
        let ways = [vec![(1, 1.0), (2, error)]];
        let expected = Error::InvalidChoice {
            tensor: 0,
            choice: Some(1),
        };
        assert_eq!(allocate(&ways, 9), Err(expected));
    }
    let ways = [vec![(u64::MAX, 1.0)], vec![(5, 1.0)]];
    let least = u64::MAX;
    let budget = u64::MAX;
    let over = Error::OverBudget { least, budget };
    assert_eq!(allocate(&ways, budget), Err(over));
    let expected = Error::OverBudget {
        least: u64::MAX,
        budget: 9,
    };
    assert_eq!(allocate(&ways, 9), Err(expected));
}

/// Two matrices, the second with few weights; and ways from one plane for a tensor to two for each row.
fn tensors_and_ways() -> ([Vec<f32>; 2], Vec<StorageOption>) {
    let weights = |n: u32, seed: u32| -> Vec<f32> {
        let value = |i: u32| ((i * 2_654_435 + seed) % 2001) as f32 / 1000.0 - 1.0;
        (0..n).map(value).collect()
    };
    let groupings = [Grouping::Tensor, Grouping::OUTPUT_CHANNEL];
    let ways = groupings
        .into_iter()
        .flat_map(|grouping| [1, 2].map(|planes| (grouping, Planes::new(planes), Code::Base3)));
    ([weights(400, 7), weights(40, 3)], ways.collect())
}

fn spend(
    views: &[TensorView<'_, f32>],
    ways: &[StorageOption],
    budget: u64,
    importance: &[f64],
) -> Result<(Vec<TernaryTensor>, Allocation), Error> {
    TernaryTensor::ternarize_within_budget(views, ways, budget, importance)
}

/// `|w|^2` of each tensor: with these importances the error is `|w - w'|^2`.
fn energies<const N: usize>(views: &[TensorView<'_, f32>; N]) -> [f64; N] {
    let energy = |view: &TensorView<'_, f32>| view.iter().map(|w| f64::from(w).powi(2)).sum();
    views.each_ref().map(energy)
}

#[test]
fn tensors_are_stored_in_the_ways_chosen() {
    let ([large, small], ways) = tensors_and_ways();
    let views = [
        TensorView::new(&large, &[8, 50]).unwrap(),
        TensorView::new(&small, &[4, 10]).unwrap(),
    ];
    let mut last = f64::INFINITY;
    for budget in [96, 130, 200, 300, 1000] {
        let (tensors, plan) = spend(&views, &ways, budget, &energies(&views)).unwrap();
        let bytes: usize = tensors.iter().map(TernaryTensor::stored_bytes).sum();
        assert_eq!(plan.bytes, bytes as u64);
        assert!(plan.bytes <= budget);
        let mut error = 0.0;
        for (tensor, view) in tensors.iter().zip(&views) {
            let pairs = tensor.dequantize::<f64>().into_iter().zip(view.iter());
            error += pairs.map(|(q, w)| (q - f64::from(w)).powi(2)).sum::<f64>();
        }
        assert!(
            (plan.error / error - 1.0).abs() < 1e-6,
            "{} {error}",
            plan.error
        );
        assert!(plan.lower_bound <= plan.error && plan.error <= last);
        last = plan.error;
        for (tensor, &way) in tensors.iter().zip(&plan.choices) {
            assert_eq!(tensor.grouping(), ways[way].0);
        }
    }
}

/// Importances of 1 give bytes to small layers, those of `|w|^2` to large ones.
#[test]
fn importances_say_which_tensors_count() {
    let ([large, small], ways) = tensors_and_ways();
    let views = [
        TensorView::new(&large, &[8, 50]).unwrap(),
        TensorView::new(&small, &[4, 10]).unwrap(),
    ];
    // 96 bytes for one plane each; a second one of the small tensor costs 12 more, of the large one 84.
    let planes = |importance: [f64; 2]| {
        let (tensors, _) = spend(&views, &ways, 190, &importance).unwrap();
        [tensors[0].planes().len(), tensors[1].planes().len()]
    };
    assert_eq!(planes([1.0, 1.0]), [1, 2]);
    assert_eq!(planes(energies(&views)), [2, 1]);
}

#[test]
fn what_cannot_be_ternarized_is_said() {
    let ([large, _], ways) = tensors_and_ways();
    let views = [TensorView::new(&large, &[8, 50]).unwrap()];
    let least = Err(Error::OverBudget {
        least: 84,
        budget: 9,
    });
    assert_eq!(spend(&views, &ways, 9, &[1.0]).map(|_| ()), least);
    assert_eq!(
        spend(&views, &[], 9, &[1.0]).map(|_| ()),
        Err(Error::InvalidChoice {
            tensor: 0,
            choice: None
        })
    );
    let broken = [1.0, f32::NAN];
    let views = [TensorView::new(&broken, &[1, 2]).unwrap()];
    assert_eq!(
        spend(&views, &ways, 999, &[1.0]).map(|_| ()),
        Err(Error::InvalidValue {
            what: Operand::Weight,
            index: 1
        })
    );
    let views = [TensorView::new(&large, &[8, 50]).unwrap()];
    let (expected, actual) = (1, 2);
    assert_eq!(
        spend(&views, &ways, 999, &[1.0, 1.0]).map(|_| ()),
        Err(Error::LengthMismatch { expected, actual })
    );
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let error = spend(&views, &ways, 999, &[bad]).unwrap_err();
        assert!(matches!(
            error,
            Error::InvalidChoice {
                tensor: 0,
                choice: Some(_)
            }
        ));
    }
}
