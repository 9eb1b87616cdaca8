//! Short groups with one scale of a type: many at once, and each alone by the search that looks at every number of non-zeros.

use half::{bf16, f16};
use proptest::prelude::*;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Rule, ScaleType, Weight};

/// Weights of one kind: spread out, on a coarse grid with many ties, nearly equal, sparse.
fn weights(kind: usize, unit: f64) -> impl Strategy<Value = f64> {
    let one = prop_oneof![Just(-1.0), Just(1.0)];
    (any::<u32>(), one).prop_map(move |(bits, sign)| {
        let x = f64::from(bits) / f64::from(u32::MAX);
        let magnitude = match kind {
            0 => x,
            1 => (x * 8.0).round() / 8.0,
            2 => 1.0 + x * 1e-3,
            _ if x > 0.9 => x,
            _ => 0.0,
        };
        sign * magnitude * unit
    })
}

/// The trits and scales of a tensor in blocks, or the number of the first group that cannot be stored.
fn at_once<W: Weight>(
    weights: &[W],
    len: usize,
    scale_type: ScaleType,
) -> Result<(Vec<i8>, Vec<f64>), ternarize::Error> {
    let view = TensorView::new(weights, &[weights.len() / len, len])?;
    let options = Planes::new(1).scale_type(scale_type);
    let tensor = TernaryTensor::ternarize_planes(&view, Grouping::Block(len), &options)?;
    Ok((tensor.trits().iter().collect(), tensor.lambda_p()))
}

fn each_alone<W: Weight>(
    weights: &[W],
    len: usize,
    scale_type: ScaleType,
) -> Result<(Vec<i8>, Vec<f64>), ternarize::Error> {
    let (mut trits, mut scales) = (Vec::new(), Vec::new());
    for (number, group) in weights.chunks(len).enumerate() {
        let found = scale_type.ternarize(Rule::Tnt, group);
        let (own, fit) = found.map_err(|error| match error {
            ternarize::Error::Unstorable { what, .. } => ternarize::Error::Unstorable {
                what,
                index: number,
            },
            other => other,
        })?;
        trits.extend(own);
        scales.push(fit.lambda_p);
    }
    Ok((trits, scales))
}

fn same<W: Weight>(weights: &[f64], len: usize) -> Result<(), TestCaseError> {
    let weights: Vec<W> = weights.iter().map(|&w| nearest(w)).collect();
    for scale_type in ScaleType::ALL {
        let at_once = at_once(&weights, len, scale_type);
        prop_assert_eq!(at_once, each_alone(&weights, len, scale_type));
    }
    Ok(())
}

fn nearest<W: Weight>(x: f64) -> W {
    W::from(x).unwrap_or_else(W::zero)
}

proptest! {
    // Each case is two hundred groups or more, in three types of weights and five of scales.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn short_groups_are_those_found_one_by_one(
        (len, weights) in (
            prop_oneof![Just(1_usize), Just(9), Just(32), Just(64), Just(256), 2_usize..300],
            0_usize..4,
            prop_oneof![Just(0.05), Just(1.0), Just(1e-6), Just(1e-9), Just(3e4), Just(1e5)],
        ).prop_flat_map(|(len, kind, unit)| {
            (Just(len), proptest::collection::vec(weights(kind, unit), 17 * len))
        })
    ) {
        same::<f32>(&weights, len)?;
        same::<f16>(&weights.iter().map(|w| w.clamp(-6e4, 6e4)).collect::<Vec<_>>(), len)?;
        same::<bf16>(&weights, len)?;
    }
}

/// The index is that of the tensor, and it goes before a group whose scale cannot be stored.
#[test]
fn a_weight_that_is_not_finite_is_named() {
    let mut weights = vec![0.5_f32; 64];
    weights[3] = 1e9;
    weights[40] = f32::NAN;
    let error = at_once(&weights, 32, ScaleType::F16).unwrap_err();
    let what = ternarize::Operand::Weight;
    assert_eq!(error, ternarize::Error::InvalidValue { what, index: 40 });
    weights[40] = 0.5;
    let error = at_once(&weights, 32, ScaleType::F16).unwrap_err();
    let what = ternarize::Operand::Scale;
    assert_eq!(error, ternarize::Error::Unstorable { what, index: 0 });
}
