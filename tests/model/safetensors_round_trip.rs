//! Models of any kind come back from their bytes equal, and as the same bytes.

use crate::common::stored::Stored;
use proptest::prelude::*;
use proptest::{collection, option, sample};
use ternarize::model::{DenseTensor, Model, Tensor};
use ternarize::tensor::{Grouping, Shape, TensorView, TernaryTensor};
use ternarize::{Code, PackedTritsBuf, Rule, ScaleType, Ternarizer, Weight};

fn grouping(rank: usize) -> impl Strategy<Value = Grouping> {
    let named = sample::subsequence((0..rank).collect::<Vec<_>>(), 0..=rank);
    prop_oneof![
        Just(Grouping::Tensor),
        Just(Grouping::Kernel),
        (1_usize..6).prop_map(Grouping::Block),
        named.prop_map(|axes| Grouping::axes(&axes).unwrap()),
    ]
}

/// A shape, and a grouping that it can have.
fn shape() -> impl Strategy<Value = (Shape, Grouping)> {
    collection::vec(0_usize..5, 0..=4).prop_flat_map(|axes| {
        let shape = Shape::new(&axes).unwrap();
        (Just(shape), grouping(axes.len()))
    })
}

/// A tensor of any shape, planes, scales and bias.
fn put_together() -> impl Strategy<Value = TernaryTensor> {
    (shape(), 1_usize..=4).prop_flat_map(|((shape, grouping), planes)| {
        let scales = planes * grouping.count(&shape).unwrap();
        let codes = prop_oneof![Just(Code::TwoBit), Just(Code::Base3)];
        let trits = collection::vec(collection::vec(-1_i8..=1, shape.len()), planes);
        let bits = || collection::vec(any::<u64>(), scales);
        let kind = sample::select(&ScaleType::ALL[..]);
        let rows = shape.axes().first().copied().unwrap_or(0);
        let bias = option::of(collection::vec(-1e30_f32..1e30, rows));
        (codes, trits, kind, bits(), option::of(bits()), bias).prop_map(
            move |(code, trits, kind, p, n, bias)| {
                let planes = trits
                    .iter()
                    .map(|trits| PackedTritsBuf::from_trits(code, trits).unwrap());
                let (p, n) = (
                    Stored::from_bits(kind, &p),
                    n.map(|n| Stored::from_bits(kind, &n)),
                );
                let n = n.as_ref().map(Stored::slice);
                TernaryTensor::from_parts(shape, grouping, planes.collect(), p.slice(), n)
                    .unwrap()
                    .with_bias(bias.unwrap_or_default())
                    .unwrap()
            },
        )
    })
}

/// A tensor whose trits a rule has chosen: a file names the rule.
fn ternarized<W: Weight>() -> impl Strategy<Value = TernaryTensor> {
    let rule = sample::select(&Rule::ALL[..]);
    (shape(), rule, 0_u8..9).prop_filter_map("a weight", |((shape, grouping), rule, seed)| {
        let value =
            |i: usize| W::from((i + usize::from(seed)) * 7 % 11).unwrap() - W::from(5).unwrap();
        let weights: Vec<W> = (0..shape.len()).map(value).collect();
        let view = TensorView::new(&weights, shape.axes()).unwrap();
        let how = Ternarizer::new().rule(rule);
        let made = TernaryTensor::ternarize(&view, grouping, &how).ok()?;
        assert_eq!(made.0.rule(), Some(rule));
        Some(made.0)
    })
}

fn dense<W: Weight>() -> impl Strategy<Value = Tensor> {
    let axes = collection::vec(0_usize..4, 0..=3);
    (axes, 0_u8..9).prop_map(|(axes, seed)| {
        let value = W::from(seed).unwrap();
        let values = vec![value; axes.iter().product()];
        Tensor::Dense(DenseTensor::new(&axes, &values).unwrap())
    })
}

pub(crate) fn model() -> impl Strategy<Value = Model> {
    let tensor = prop_oneof![
        4 => put_together().prop_map(Tensor::Ternary),
        1 => ternarized::<f32>().prop_map(Tensor::Ternary),
        1 => ternarized::<half::f16>().prop_map(Tensor::Ternary),
        1 => dense::<f32>(),
        1 => dense::<f64>(),
        1 => dense::<half::bf16>(),
    ];
    let text = "[ -~\u{e0}-\u{ff}\u{1f600}\\\\\"]{0,6}";
    let tensors = collection::btree_map(text, tensor, 0..6);
    let metadata = collection::btree_map(text, "\\PC{0,8}", 0..4);
    (tensors, metadata).prop_map(|(tensors, metadata)| {
        let mut model = Model::new();
        for (name, tensor) in tensors {
            model.insert(name, tensor);
        }
        *model.metadata_mut() = metadata;
        model
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_model_comes_back_equal(model in model()) {
        let bytes = model.to_bytes().unwrap();
        let reread = Model::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&reread, &model);
        prop_assert!(reread.to_bytes().unwrap() == bytes);
        let dense = model.to_dense().unwrap();
        let reread = Model::from_bytes(&dense.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(reread, dense);
    }
}
