//! Model files with planes, scales of any type and biases: between this crate and a reader and a writer in Python.

use std::path::{Path, PathBuf};

use ternarize::model::{DenseTensor, Model, Tensor};
use ternarize::quantize::calibrate::Affine;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Code, ScaleType, Scales};

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("{name}.safetensors"))
}

/// The dense model, with the bias of each ternary tensor as a tensor of its own, as the Python reader has it.
fn with_biases(model: &Model) -> Model {
    let mut dense = model.to_dense();
    for (name, tensor) in model.tensors() {
        if let Tensor::Ternary(ternary) = tensor
            && !ternary.bias().is_empty()
        {
            let bias = DenseTensor::new(&[ternary.bias().len()], ternary.bias()).unwrap();
            dense.insert(format!("{name}.bias"), Tensor::Dense(bias));
        }
    }
    dense
}

#[test]
fn planes_of_an_independent_writer_are_read_to_the_last_bit() {
    let model = Model::read(golden("ternary-planes")).unwrap();
    let expected = Model::read(golden("ternary-planes-dense")).unwrap();
    // Dense tensors are equal if their bytes are.
    assert_eq!(with_biases(&model), expected);
    let described = model.tensors().map(|(name, tensor)| match tensor {
        Tensor::Ternary(t) => (t.scale_type(), t.planes().len(), t.scales(), t.bias().len()),
        Tensor::Dense(_) => panic!("{name} is ternary"),
    });
    let described: Vec<_> = described.collect();
    assert_eq!(
        described,
        [
            (ScaleType::F16, 3, Scales::One, 3),
            (ScaleType::PowerOfTwo, 2, Scales::Two, 0),
            (ScaleType::Bf16, 1, Scales::Two, 2),
            (ScaleType::F64, 1, Scales::One, 2),
            (ScaleType::F32, 4, Scales::One, 0),
        ]
    );
    let reread = Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(reread, model);
    assert_eq!(with_biases(&reread), expected);
}

/// Writes the files that `.ci/run python` reads and compares: in `target/tmp`.
#[test]
fn planes_are_written_for_the_reader_in_python() {
    let weights: Vec<f32> = (0..6 * 45)
        .map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0)
        .collect();
    let view = TensorView::new(&weights, &[6, 45]).unwrap();
    let mut model = Model::new();
    for (name, scale_type, grouping, code) in [
        (
            "three.f16",
            ScaleType::F16,
            Grouping::Block(16),
            Code::Base3,
        ),
        (
            "three.bf16",
            ScaleType::Bf16,
            Grouping::Tensor,
            Code::TwoBit,
        ),
        (
            "three.shifts",
            ScaleType::PowerOfTwo,
            Grouping::OUTPUT_CHANNEL,
            Code::Base3,
        ),
        (
            "three.f64",
            ScaleType::F64,
            Grouping::axis(1).unwrap(),
            Code::TwoBit,
        ),
    ] {
        let how = Planes::new(3).scale_type(scale_type);
        let tensor = TernaryTensor::ternarize_planes(&view, grouping, &how).unwrap();
        let map = |row: u32| Affine {
            scale: 0.75 - f64::from(row),
            shift: f64::from(row) / 3.0,
        };
        let maps: Vec<_> = (0..6).map(map).collect();
        let corrected = tensor.corrected(&maps).unwrap().transcode(code);
        assert!(corrected.bias().iter().any(|&bias| bias != 0.0));
        model.insert(name, Tensor::Ternary(corrected));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    model.write(folder.join("planes.safetensors")).unwrap();
    let dense = with_biases(&model);
    dense
        .write(folder.join("planes-dense.safetensors"))
        .unwrap();
    assert_eq!(
        Model::read(folder.join("planes.safetensors")).unwrap(),
        model
    );
}
