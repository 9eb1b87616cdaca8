//! Tensors from each encoding to each other, and what an encoding cannot hold.

use std::io::Cursor;

use ternarize::model::{
    DenseTensor, Encoding, Metadata, Model, ModelError, ModelWriter, Tensor, TensorInfo,
};
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Code, Format, PackedTritsBuf, Rule, ScaleSlice, ScaleType, Scales, Ternarizer};

use crate::checkpoints::{bitnet, checkpoint, mlx};
use crate::made::{InMemory, open, ternary};

/// What is written multiplies.
fn multiplied() -> String {
    bitnet(Some("autobitlinear"))
}

/// A tensor of this shape with these trits and one scale.
fn made(shape: [usize; 2], scale: f32) -> TernaryTensor {
    let trits: Vec<i8> = (0..shape[0] * shape[1])
        .map(|i| [-1, 0, 1][i * i % 7 % 3])
        .collect();
    let plane = PackedTritsBuf::from_trits(Code::TwoBit, &trits).unwrap();
    let shape = Shape::new(&shape).unwrap();
    let scales = [scale];
    let scales = ScaleSlice::F32(&scales);
    TernaryTensor::from_parts(shape, Grouping::Tensor, vec![plane], scales, None).unwrap()
}

/// The tensor in a file with one encoding.
fn stored(tensor: &TernaryTensor, encoding: Encoding) -> Result<Vec<u8>, ModelError> {
    let gguf = matches!(encoding, Encoding::Blocks(_));
    let metadata = if gguf {
        Metadata::new_gguf("test")
    } else {
        Metadata::new_safetensors([].into())
    };
    let info = TensorInfo::new("fc.weight", tensor.shape().axes(), encoding)?;
    let mut writer = ModelWriter::new(Cursor::new(vec![]), &metadata, &[info])?;
    writer.put("fc.weight", &Tensor::Ternary(tensor.clone()))?;
    Ok(writer.finish()?.into_inner())
}

fn planes(scale_type: ScaleType) -> Encoding {
    Encoding::Planes {
        grouping: Grouping::Tensor,
        code: Code::TwoBit,
        planes: 1,
        scale_type,
        scales: Scales::One,
        rule: None,
        bias: false,
        rotation: None,
    }
}

#[test]
fn layers_go_from_each_encoding_to_each() {
    let tensor = made([4, 256], 0.3125);
    let read = |bytes: &[u8], encoding: &Encoding| -> TernaryTensor {
        match encoding {
            Encoding::HuggingFace { .. } => {
                ternary(&checkpoint(bytes, &multiplied()).unwrap(), "fc.weight")
            }
            Encoding::Mlx { group, .. } => {
                let config = mlx(*group).to_string();
                ternary(&checkpoint(bytes, &config).unwrap(), "fc.weight")
            }
            _ => ternary::<Cursor<Vec<u8>>>(&open(bytes).unwrap() as &InMemory, "fc.weight"),
        }
    };
    let mut encodings = vec![];
    for scale_type in [ScaleType::F32, ScaleType::F16, ScaleType::Bf16] {
        encodings.push(Encoding::HuggingFace {
            scale_type,
            divided: false,
        });
        let groups = [32, 64, 128].into_iter();
        encodings.extend(groups.map(|group| Encoding::Mlx { group, scale_type }));
    }
    encodings.extend(Format::ALL.map(Encoding::Blocks));
    for first in &encodings {
        let bytes = stored(&tensor, first.clone()).unwrap();
        let once = read(&bytes, first);
        assert_eq!(once.dequantize::<f32>(), tensor.dequantize::<f32>());
        assert_eq!(stored(&once, first.clone()).unwrap(), bytes);
        for second in &encodings {
            let twice = read(&stored(&once, second.clone()).unwrap(), second);
            assert_eq!(twice.dequantize::<f32>(), tensor.dequantize::<f32>());
            assert_eq!(stored(&twice, first.clone()).unwrap(), bytes);
        }
    }
    let own = stored(&tensor, planes(ScaleType::F32)).unwrap();
    assert_eq!(read(&own, &planes(ScaleType::F32)), tensor);
    assert!(matches!(
        stored(&tensor, planes(ScaleType::F16)),
        Err(ModelError::Unfit { .. })
    ));
}

#[test]
fn what_an_encoding_cannot_hold_is_refused() {
    let hf = |scale_type| Encoding::HuggingFace {
        scale_type,
        divided: false,
    };
    let mlx = |group, scale_type| Encoding::Mlx { group, scale_type };
    let error = |shape, scale, encoding| stored(&made(shape, scale), encoding).unwrap_err();
    for (shape, scale, encoding, kind, reason) in [
        (
            [6, 4],
            0.5,
            hf(ScaleType::F32),
            "hf-bitnet",
            "its 6 rows are not a multiple of 4",
        ),
        (
            [4, 4],
            0.5,
            hf(ScaleType::F64),
            "hf-bitnet",
            "its scales are not f16, bf16 or f32",
        ),
        ([4, 4], 0.1, hf(ScaleType::F16), "hf-bitnet", ""),
        (
            [4, 48],
            0.5,
            mlx(32, ScaleType::F32),
            "mlx",
            "its rows of 48 weights are not a multiple of the group of 32",
        ),
        (
            [4, 48],
            0.5,
            mlx(48, ScaleType::F32),
            "mlx",
            "its groups are not of 32, 64 or 128 weights",
        ),
        (
            [4, 64],
            0.5,
            mlx(64, ScaleType::PowerOfTwo),
            "mlx",
            "its scales are not f16, bf16 or f32",
        ),
        ([4, 64], 0.1, mlx(64, ScaleType::Bf16), "mlx", ""),
        (
            [4, 256],
            0.1,
            Encoding::Blocks(Format::Tq2_0),
            "TQ2_0",
            "its scales are not numbers of the type f16",
        ),
    ] {
        let message = error(shape, scale, encoding).to_string();
        let start = format!("the tensor `fc.weight` cannot be stored as {kind}: {reason}");
        assert!(
            message.starts_with(&start) && message.len() > 65,
            "{message}"
        );
    }
    let info = |name: &str, shape: &[usize], encoding| TensorInfo::new(name, shape, encoding);
    let message = info("fc", &[4, 64], mlx(64, ScaleType::F32))
        .unwrap_err()
        .to_string();
    assert!(message.contains("named `.weight` only"), "{message}");
    let message = info("w.weight", &[4, 0], mlx(0, ScaleType::F32)).unwrap_err();
    assert!(
        message
            .to_string()
            .ends_with("its groups are not of 32, 64 or 128 weights")
    );
    for shape in [&[64][..], &[4, 4, 64]] {
        let message = info("w", shape, hf(ScaleType::F32))
            .unwrap_err()
            .to_string();
        assert!(message.ends_with("it is not a matrix"), "{message}");
    }
    // Experts of a layer may lie in one tensor of MLX.
    assert!(info("w.weight", &[2, 4, 64], mlx(64, ScaleType::F32)).is_ok());
}

/// What the encoding needs is said before anything is computed.
#[test]
fn what_an_encoding_cannot_hold_is_said_with_what_would_fit() {
    let error = |encoding| TensorInfo::new("fc", &[2, 192], encoding).unwrap_err();
    let message = "the tensor `fc` cannot be stored as TQ2_0: its rows of 192 weights are not a multiple of 256; q2_0 would fit";
    assert_eq!(error(Encoding::Blocks(Format::Tq2_0)).to_string(), message);
    let error = TensorInfo::new("fc", &[9, 100], Encoding::Blocks(Format::Q2_0)).unwrap_err();
    let message = "the tensor `fc` cannot be stored as Q2_0: its rows of 100 weights are not a multiple of 64; no format of GGUF would fit, safetensors would";
    assert_eq!(error.to_string(), message);
    // A tensor made in memory, with two scales, for blocks with one.
    let mut model = Model::new();
    let weights: Vec<f32> = (0..512_u16).map(|i| f32::from(i % 7) - 2.0).collect();
    let weights = DenseTensor::new(&[2, 256], &weights).unwrap();
    model.insert("w", Tensor::Dense(weights));
    let how = Ternarizer::new().rule(Rule::TwoScale);
    model
        .ternarize("w", Grouping::OUTPUT_CHANNEL, &how)
        .unwrap();
    let info = TensorInfo::new("w", &[2, 256], Encoding::Blocks(Format::Tq2_0)).unwrap();
    let metadata = Metadata::new_gguf("test");
    let mut writer = ModelWriter::new(Cursor::new(vec![]), &metadata, &[info]).unwrap();
    let error = writer
        .put("w", model.get("w").unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the tensor `w` cannot be stored as TQ2_0: "),
        "{error}"
    );
}
