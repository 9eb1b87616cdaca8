//! Model files with planes, scales of any type and biases: between this crate and a reader and a writer in Python.

use std::path::{Path, PathBuf};

use ternarize::matmul::rotate;
use ternarize::model::{Model, ModelError, Tensor};
use ternarize::quantize::calibrate::Affine;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Code, ScaleType, Scales};

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("{name}.safetensors"))
}

#[test]
fn planes_of_an_independent_writer_are_read_to_the_last_bit() {
    let model = Model::read(golden("ternary-planes")).unwrap();
    let expected = Model::read(golden("ternary-planes-dense")).unwrap();
    // Dense tensors are equal if their bytes are.
    assert_eq!(model.to_dense().unwrap(), expected);
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
    assert_eq!(reread.to_dense().unwrap(), expected);
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
    let dense = model.to_dense().unwrap();
    dense
        .write(folder.join("planes-dense.safetensors"))
        .unwrap();
    assert_eq!(
        Model::read(folder.join("planes.safetensors")).unwrap(),
        model
    );
}

/// A tensor that is stored for rotated inputs keeps that in a file, and becomes dense for inputs as they are.
#[test]
fn rotations_are_stored_and_undone_in_dense_models() {
    let noise = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 64.0;
    let mut weights: Vec<f32> = (0..5 * 48).map(noise).collect();
    rotate(&mut weights, 48, 16, 7).unwrap();
    let view = TensorView::new(&weights, &[5, 48]).unwrap();
    let how = Planes::new(3).scale_type(ScaleType::F16);
    let tensor = TernaryTensor::ternarize_planes(&view, Grouping::OUTPUT_CHANNEL, &how).unwrap();
    let tensor = tensor.with_rotation(16, 7).unwrap();
    let model = Model::from_iter([("w", Tensor::Ternary(tensor.clone()))]);
    let bytes = model.to_bytes().unwrap();
    assert_eq!(Model::from_bytes(&bytes).unwrap(), model);

    let mut x: Vec<f32> = (100..148).map(noise).collect();
    let dense = model.to_dense().unwrap();
    let Some(Tensor::Dense(dense)) = dense.get("w") else {
        panic!("a dense tensor");
    };
    let dense: Vec<f32> = dense.values().unwrap();
    let dot = |row: &[f32]| row.iter().zip(&x).map(|(w, x)| w * x).sum::<f32>();
    let expected: Vec<f32> = dense.chunks(48).map(dot).collect();
    rotate(&mut x, 48, 16, 7).unwrap();
    for (y, expected) in tensor.outputs(&x).unwrap().iter().zip(&expected) {
        assert!((y - expected).abs() < 1e-4, "{y} {expected}");
    }

    // A transform that this version does not know must not be overlooked.
    let text = String::from_utf8_lossy(&bytes);
    for (known, other) in [("hadamard", "cayleyy!"), (r#"\"seed\""#, r#"\"sead\""#)] {
        assert!(text.contains(known));
        let at = text.find(known).unwrap();
        let mut other_file = bytes.clone();
        other_file[at..at + known.len()].copy_from_slice(other.as_bytes());
        let error = Model::from_bytes(&other_file).unwrap_err();
        assert!(matches!(error, ModelError::Directory { .. }), "{error}");
    }
}
