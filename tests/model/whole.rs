//! A whole model: what cannot or should not be ternary is reported and stays as it is.

use crate::forged::file;
use ternarize::model::{DenseTensor, Model, ModelError, Tensor};
use ternarize::tensor::Grouping;
use ternarize::{Error, Operand, Scales, ShapeError, Ternarizer};

/// A tensor of this shape with every weight 0.5, but for the last.
fn tensor(shape: &[usize], last: f32) -> Tensor {
    let mut values = vec![0.5; shape.iter().product()];
    if let Some(value) = values.last_mut() {
        *value = last;
    }
    Tensor::Dense(DenseTensor::new(shape, &values).unwrap())
}

#[test]
fn tensors_that_cannot_be_ternary_stop_nothing() {
    // Nine axes, which only a file can have, and integers.
    let header = r#"{"nine":{"dtype":"F32","shape":[1,1,1,1,1,1,1,2,2],"data_offsets":[0,16]},
        "indices":{"dtype":"I64","shape":[1,2],"data_offsets":[16,32]}}"#;
    let mut model = Model::from_bytes(&file(header, &[0; 32])).unwrap();
    for (name, shape, last) in [
        ("bias", &[8][..], 0.5),
        ("conv", &[8, 3, 3, 3], -0.5),
        ("empty", &[0, 8], 0.5),
        ("fc", &[10, 8], -0.5),
        ("mask", &[4, 4], f32::NEG_INFINITY),
        ("pointwise", &[16, 16, 1, 1], 0.5),
    ] {
        model.insert(name, tensor(shape, last));
    }
    let before = model.clone();
    let found = model.ternarize_all(Grouping::Kernel, &Ternarizer::new());
    let mut ternary = vec![];
    for (name, result) in found.unwrap() {
        let unchanged = model.get(&name) == before.get(&name);
        assert_eq!(unchanged, result.is_err(), "{name}");
        match (&*name, result) {
            (_, Ok(metrics)) => {
                assert!(metrics.cosine > 0.9);
                ternary.push(name);
            }
            ("nine", Err(ModelError::Tensor { tensor, source })) => {
                let error = ShapeError::TooManyAxes { rank: 9, max: 8 };
                assert_eq!((&*tensor, source), ("nine", Error::Shape(error)));
            }
            ("empty", Err(ModelError::Tensor { source, .. })) => assert_eq!(source, Error::Empty),
            ("mask", Err(ModelError::Tensor { source, .. })) => {
                let (what, index) = (Operand::Weight, 15);
                assert_eq!(source, Error::InvalidValue { what, index });
            }
            ("indices", Err(ModelError::NotFloat { dtype, .. })) => assert_eq!(dtype, "I64"),
            ("pointwise", Err(error)) => {
                let message = "the tensor `pointwise` would take 2112 bytes as trits and scales, and takes 1024";
                assert_eq!(error.to_string(), message);
                assert!(matches!(error, ModelError::NotSmaller { .. }));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ternary, ["conv", "fc"]);
    assert_eq!(
        Model::from_bytes(&model.to_bytes().unwrap()).unwrap(),
        model
    );
    // With a scale for each channel it becomes smaller; and by name it may become larger.
    let rows = Grouping::OUTPUT_CHANNEL;
    let found = model.ternarize_all(rows, &Ternarizer::new()).unwrap();
    assert!(
        found
            .iter()
            .any(|(name, result)| name == "pointwise" && result.is_ok())
    );
    let mut model = before;
    let one = Ternarizer::new().scales(Scales::One);
    assert!(model.ternarize("pointwise", Grouping::Kernel, &one).is_ok());
}

#[test]
fn a_model_without_a_matrix_of_floats_says_so() {
    let header = r#"{"indices":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}"#;
    let mut model = Model::from_bytes(&file(header, &[0; 8])).unwrap();
    model.insert("bias", tensor(&[8], 0.5));
    for mut model in [Model::new(), model] {
        let before = model.clone();
        let error = model.ternarize_all(Grouping::Tensor, &Ternarizer::new());
        assert!(matches!(error, Err(ModelError::NoMatrix)));
        assert_eq!(model, before);
    }
}
