//! Corrected tensors against `scale (W x + bias) + shift`, weight by weight and product by product.

#![expect(clippy::float_cmp, reason = "the same roundings give the same number")]

use crate::common::stored::Stored;
use crate::common::twin::{members, noise};
use proptest::prelude::*;
use proptest::sample::select;
use ternarize::quantize::calibrate::Affine;
use ternarize::tensor::{Grouping, Shape, TensorView, TernaryTensor};
use ternarize::{
    Code, Error, Operand, PackedTritsBuf, Rule, ScaleSlice, ScaleType, ShapeError, Ternarizer,
};

#[derive(Clone, Copy, Debug)]
struct Recipe {
    grouping: Grouping,
    planes: usize,
    code: Code,
    scale_type: ScaleType,
    two: bool,
    bias: bool,
    seed: u64,
}

fn tensor(axes: &[usize], recipe: Recipe) -> TernaryTensor {
    let Recipe {
        grouping,
        planes,
        scale_type,
        seed,
        ..
    } = recipe;
    let shape = Shape::new(axes).unwrap();
    let trit = |x: f64| if x > 0.3 { 1 } else { i8::from(x > -0.3) - 1 };
    let plane = |k| {
        let trits: Vec<i8> = noise(shape.len(), seed ^ k as u64).map(trit).collect();
        PackedTritsBuf::from_trits(recipe.code, &trits).unwrap()
    };
    let scales = planes * grouping.count(&shape).unwrap();
    let p = Stored::moderate(scale_type, scales, seed ^ 5);
    let n = recipe
        .two
        .then(|| Stored::moderate(scale_type, scales, seed ^ 6));
    let n = n.as_ref().map(Stored::slice);
    let planes = (0..planes).map(plane).collect();
    let bias = noise(if recipe.bias { axes[0] } else { 0 }, seed ^ 7);
    let tensor = TernaryTensor::from_parts(shape, grouping, planes, p.slice(), n).unwrap();
    tensor.with_bias(bias.map(single).collect()).unwrap()
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
fn single(x: f64) -> f32 {
    x as f32
}

/// The level of each plane at an index: looked up with the members of the groups.
fn levels(tensor: &TernaryTensor) -> Vec<Vec<f64>> {
    let members = members(tensor.shape().axes(), tensor.grouping());
    let (p, n) = (tensor.lambda_p(), tensor.lambda_n());
    let mut levels = vec![vec![0.0; tensor.shape().len()]; tensor.planes().len()];
    for (k, (levels, plane)) in levels.iter_mut().zip(tensor.planes()).enumerate() {
        for (group, members) in members.iter().enumerate() {
            for &i in members {
                let index = k * p.len() / tensor.planes().len() + group;
                levels[i] = match plane.get(i) {
                    Some(1) => p[index],
                    Some(-1) => -n[index],
                    _ => 0.0,
                };
            }
        }
    }
    levels
}

/// Maps with negative scales, zeros and identities among them.
fn maps(rows: usize, seed: u64) -> Vec<Affine> {
    let map = |(i, x): (usize, f64)| match i % 5 {
        3 => Affine {
            scale: [0.0, -0.0][i % 2],
            shift: x,
        },
        4 => Affine::IDENTITY,
        _ => Affine {
            scale: 4.0 * x,
            shift: 8.0 * x - 1.0,
        },
    };
    noise(rows, seed).enumerate().map(map).collect()
}

/// The largest relative rounding error of a type.
fn unit(scale_type: ScaleType) -> f64 {
    match scale_type {
        ScaleType::F64 => 2.0_f64.powi(-53),
        ScaleType::F32 => 2.0_f64.powi(-24),
        ScaleType::F16 => 2.0_f64.powi(-11),
        ScaleType::Bf16 => 2.0_f64.powi(-8),
        _ => 1.0 / 3.0,
    }
}

fn check(axes: &[usize], recipe: Recipe) {
    let (rows, tensor) = (axes[0], tensor(axes, recipe));
    let maps = maps(rows, recipe.seed ^ 9);
    let corrected = tensor.corrected(&maps).unwrap();
    let inner = tensor.shape().len() / rows;
    let (old, new) = (levels(&tensor), levels(&corrected));
    for (old, new) in old.iter().zip(&new) {
        for (i, (old, new)) in old.iter().zip(new).enumerate() {
            let exact = old * maps[i / inner].scale;
            let rounded = recipe.scale_type.round(exact.abs()).copysign(exact);
            assert_eq!(*new, rounded, "{i} of {axes:?} {recipe:?}");
        }
    }
    assert_eq!(corrected.scale_type(), recipe.scale_type);
    assert_eq!(corrected.scales(), tensor.scales());
    assert_eq!(corrected.trits().code(), recipe.code);
    let bias_of = |row| tensor.bias().get(row).map_or(0.0, |&b| f64::from(b));
    for (row, (map, bias)) in maps.iter().zip(corrected.bias()).enumerate() {
        assert_eq!(*bias, single(map.scale * bias_of(row) + map.shift));
    }
    // The products.
    let x: Vec<f64> = noise(inner, 3).map(|x| f64::from(single(x))).collect();
    let singles: Vec<f32> = x.iter().map(|&x| single(x)).collect();
    let mut y = vec![f32::NAN; rows];
    corrected.matvec(&singles, &mut y).unwrap();
    for (row, (y, map)) in y.into_iter().zip(&maps).enumerate() {
        let terms = old
            .iter()
            .flat_map(|levels| levels[row * inner..][..inner].iter().zip(&x));
        let terms = terms.map(|(w, x)| w * x);
        let sum = terms.clone().fold(bias_of(row), |sum, term| sum + term);
        let size = terms.fold(bias_of(row).abs(), |sum, term| sum + term.abs());
        let exact = map.scale * sum + map.shift;
        let size = map.scale.abs() * size + map.shift.abs();
        let steps = (tensor.planes().len() * (inner + 1) + 6) as f64;
        let bound = (unit(recipe.scale_type) * 1.01 + steps * 2.0_f64.powi(-23)) * size;
        assert!((f64::from(y) - exact).abs() <= bound, "{y} for {exact}");
    }
}

fn groupings() -> impl Strategy<Value = (Vec<usize>, Grouping)> {
    let axes = |axes: &[usize]| Grouping::axes(axes).unwrap();
    let mut cases = vec![];
    for shape in [vec![6, 10], vec![5, 3, 8], vec![4, 2, 3, 5]] {
        let rank = shape.len();
        let all = [Grouping::Tensor, Grouping::Kernel, Grouping::OUTPUT_CHANNEL];
        let more = [
            Grouping::Block(4),
            Grouping::Block(64),
            axes(&[1]),
            axes(&[0, rank - 1]),
        ];
        cases.extend(
            all.into_iter()
                .chain(more)
                .map(|grouping| (shape.clone(), grouping)),
        );
    }
    cases.extend([Grouping::Tensor, Grouping::Block(3)].map(|grouping| (vec![7], grouping)));
    select(cases)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn outputs_are_corrected(
        (axes, grouping) in groupings(),
        planes in 1..=3_usize,
        base3: bool,
        scale_type in select(&ScaleType::ALL[..]),
        two: bool,
        bias: bool,
        seed: u64,
    ) {
        let code = if base3 { Code::Base3 } else { Code::TwoBit };
        check(&axes, Recipe { grouping, planes, code, scale_type, two, bias, seed });
    }

    /// Nothing rounds, so two corrections are the one that they make together.
    #[test]
    fn two_corrections_are_one(
        (axes, grouping) in groupings(),
        exponents in prop::collection::vec((-3..3_i32, any::<bool>(), -64..64_i8), 14),
        two: bool,
        seed: u64,
    ) {
        let recipe = Recipe {
            grouping,
            planes: 2,
            code: Code::TwoBit,
            scale_type: ScaleType::F32,
            two,
            bias: false,
            seed,
        };
        let map = |&(exponent, negative, shift): &(i32, bool, i8)| {
            let scale = 2.0_f64.powi(exponent);
            Affine { scale: if negative { -scale } else { scale }, shift: shift.into() }
        };
        let maps: Vec<_> = exponents.iter().map(map).collect();
        let (first, second) = (&maps[..axes[0]], &maps[7..7 + axes[0]]);
        let both: Vec<_> = first.iter().zip(second).map(|(a, b)| a.then(*b)).collect();
        let tensor = tensor(&axes, recipe);
        let twice = tensor.corrected(first).unwrap().corrected(second).unwrap();
        let once = tensor.corrected(&both).unwrap();
        prop_assert_eq!(&twice, &once);
        // And back.
        let back: Vec<_> = both
            .iter()
            .map(|map| Affine { scale: 1.0 / map.scale, shift: -map.shift / map.scale })
            .collect();
        let back = once.corrected(&back).unwrap();
        prop_assert_eq!(back.dequantize::<f64>(), tensor.dequantize::<f64>());
        prop_assert!(back.bias().iter().all(|&bias| bias == 0.0));
    }
}

fn one_scale(scales: ScaleSlice<'_>) -> TernaryTensor {
    let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[1, -1, 0, 1]).unwrap();
    let shape = Shape::new(&[2, 2]).unwrap();
    TernaryTensor::from_parts(shape, Grouping::OUTPUT_CHANNEL, vec![trits], scales, None).unwrap()
}

const fn scaled(scale: f64) -> Affine {
    Affine { scale, shift: 0.0 }
}

/// By way of an `f32` it would be a tie, and rounded down.
#[test]
fn a_half_is_rounded_once() {
    let tensor = one_scale(ScaleSlice::F16(&[0x3c00, 0x3c00]));
    let above_half = 1.0 + 2.0_f64.powi(-11) + 2.0_f64.powi(-40);
    let corrected = tensor.corrected(&[scaled(above_half), scaled(1.0 + 2.0_f64.powi(-11))]);
    assert_eq!(
        corrected.unwrap().lambda_p(),
        [1.0 + 2.0_f64.powi(-10), 1.0]
    );
}

#[test]
fn what_a_type_cannot_hold_is_named() {
    let wide = [1e300, 1.0];
    let tensors = [
        (one_scale(ScaleSlice::F64(&wide)), [1e300, 1.0], Some(0)),
        (
            one_scale(ScaleSlice::F64(&[1.0, 1e-300])),
            [1.0, -1e-300],
            Some(1),
        ),
        (one_scale(ScaleSlice::F64(&wide)), [1e7, 1e-300], None),
        (
            one_scale(ScaleSlice::F32(&[1.0, 2.0])),
            [1.0, f64::from(f32::MAX)],
            Some(1),
        ),
        (
            one_scale(ScaleSlice::F32(&[1.0, 2.0])),
            [1.0, -0.5 * f64::from(f32::MAX)],
            None,
        ),
        (
            one_scale(ScaleSlice::F16(&[0x3c00, 0x3c00])),
            [1.0, 65_521.0],
            Some(1),
        ),
        (
            one_scale(ScaleSlice::F16(&[0x3c00, 0x3c00])),
            [2.0_f64.powi(-26), 65_519.0],
            Some(0),
        ),
        (
            one_scale(ScaleSlice::F16(&[0, 0x3c00])),
            [2.0_f64.powi(-26), 65_519.0],
            None,
        ),
        (
            one_scale(ScaleSlice::Bf16(&[0x3f80, 0x7f00])),
            [0.0, -2.0],
            Some(1),
        ),
        (
            one_scale(ScaleSlice::PowerOfTwo(&[127, 0])),
            [2.0, 1.0],
            Some(0),
        ),
        (
            one_scale(ScaleSlice::PowerOfTwo(&[127, -127])),
            [1.0, 0.25],
            Some(1),
        ),
        (
            one_scale(ScaleSlice::PowerOfTwo(&[-128, -128])),
            [1e300, -1e300],
            None,
        ),
    ];
    for (tensor, scales, place) in tensors {
        let what = Operand::Scale;
        let corrected = tensor.corrected(&scales.map(scaled)).map(|_| ());
        let expected = place.map_or(Ok(()), |index| Err(Error::Unstorable { what, index }));
        assert_eq!(corrected, expected, "{tensor:?} {scales:?}");
    }
    // Of several planes, the place among all scales.
    let recipe = Recipe {
        grouping: Grouping::Tensor,
        planes: 2,
        code: Code::TwoBit,
        scale_type: ScaleType::F16,
        two: false,
        bias: true,
        seed: 0,
    };
    let tensor = tensor(&[2, 3], recipe);
    assert_eq!(
        tensor
            .lambda_p()
            .iter()
            .filter(|&&scale| scale > 0.0)
            .count(),
        2
    );
    let error = tensor.corrected(&[scaled(1.0), scaled(1e9)]).unwrap_err();
    let (what, index) = (Operand::Scale, 1);
    assert_eq!(error, Error::Unstorable { what, index });
}

#[test]
fn maps_that_are_no_maps_are_refused() {
    let tensor = one_scale(ScaleSlice::F32(&[1.0, 2.0]));
    let error = |maps: &[Affine]| tensor.corrected(maps).unwrap_err();
    let (expected, actual) = (2, 1);
    assert_eq!(
        error(&[scaled(1.0)]),
        Error::LengthMismatch { expected, actual }
    );
    let shifted = |shift| Affine { scale: 1.0, shift };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (what, index) = (Operand::Scale, 1);
        for map in [scaled(bad), shifted(bad)] {
            assert_eq!(
                error(&[scaled(1.0), map]),
                Error::InvalidValue { what, index }
            );
        }
    }
    let (what, index) = (Operand::Bias, 0);
    assert_eq!(
        error(&[shifted(1e39), scaled(1.0)]),
        Error::InvalidValue { what, index }
    );
    let view = TensorView::new(&[1.0_f32], &[]).unwrap();
    let (scalar, _) =
        TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new()).unwrap();
    let axis = Error::Shape(ShapeError::Axis { axis: 0, rank: 0 });
    assert_eq!(scalar.corrected(&[]).unwrap_err(), axis);
}

/// The rule chose the trits; it is kept.
#[test]
fn a_corrected_tensor_keeps_its_rule() {
    let view = TensorView::new(&[1.0_f32, 0.5, -0.25, 1.0], &[2, 2]).unwrap();
    let how = Ternarizer::new().rule(Rule::TwoScale);
    let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &how).unwrap();
    let corrected = tensor.corrected(&[scaled(-1.0), scaled(2.0)]).unwrap();
    assert_eq!(corrected.rule(), Some(Rule::TwoScale));
    assert_eq!(corrected.grouping(), Grouping::OUTPUT_CHANNEL);
}
