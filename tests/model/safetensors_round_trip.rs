//! Models of any kind come back from their bytes equal, and as the same bytes.

use proptest::prelude::*;
use proptest::{collection, option, sample};
use ternarize::model::{DenseTensor, Model, Tensor};
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Code, PackedTritsBuf, Rule, Weight};

fn grouping(rank: usize) -> impl Strategy<Value = Grouping> {
    let named = sample::subsequence((0..rank).collect::<Vec<_>>(), 0..=rank);
    prop_oneof![
        Just(Grouping::Tensor),
        Just(Grouping::Kernel),
        (1_usize..6).prop_map(Grouping::Block),
        named.prop_map(|axes| Grouping::axes(&axes).unwrap()),
    ]
}

/// A weight type made of bytes.
trait Bytes: Weight {
    fn from_le(bytes: &[u8]) -> Self;
}

macro_rules! bytes {
    ($($type:ty),*) => {$(
        impl Bytes for $type {
            fn from_le(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().unwrap())
            }
        }
    )*};
}
bytes!(f32, f64, half::f16, half::bf16);

/// Scales as bits, of which those of finite numbers above zero are kept.
fn scales<W: Bytes>(count: usize) -> impl Strategy<Value = Vec<W>> {
    let scale = collection::vec(any::<u8>(), size_of::<W>()).prop_map(|bytes| {
        let scale = W::from_le(&bytes).abs();
        if scale.is_finite() { scale } else { W::zero() }
    });
    collection::vec(scale, count)
}

fn ternary<W: Bytes>() -> impl Strategy<Value = Tensor> {
    let cut =
        collection::vec(0_usize..5, 0..=4).prop_flat_map(|axes| (grouping(axes.len()), Just(axes)));
    cut.prop_flat_map(|(grouping, axes)| {
        let shape = Shape::new(&axes).unwrap();
        let groups = grouping.count(&shape).unwrap();
        let codes = prop_oneof![Just(Code::TwoBit), Just(Code::Base3)];
        let trits = collection::vec(-1_i8..=1, shape.len());
        let packed =
            (codes, trits).prop_map(|(code, trits)| PackedTritsBuf::from_trits(code, &trits));
        let rule = sample::select(&Rule::ALL[..]);
        let lambdas = (scales::<W>(groups), option::of(scales::<W>(groups)));
        (packed, rule, lambdas).prop_map(move |(packed, rule, (p, n))| {
            let packed = packed.unwrap();
            let n = n.as_deref();
            let tensor = TernaryTensor::from_parts(shape, grouping, rule, packed, &p, n);
            Tensor::Ternary(tensor.unwrap())
        })
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

fn model() -> impl Strategy<Value = Model> {
    let tensor = prop_oneof![
        ternary::<f32>(),
        ternary::<f64>(),
        ternary::<half::f16>(),
        ternary::<half::bf16>(),
        dense::<f32>(),
        dense::<f64>(),
        dense::<half::bf16>(),
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
        let dense = model.to_dense();
        let reread = Model::from_bytes(&dense.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(reread, dense);
    }
}
