//! Checkpoints of Hugging Face's `BitNet` and of MLX: a safetensors file and the config.json beside it.

use std::fs;

use half::{bf16, f16};
use serde_json::{Value, json};
use ternarize::ScaleType;
use ternarize::model::{Encoding, Metadata, ModelError, ModelReader, Tensor, TensorInfo};

use crate::made::{
    Stored, bytes_of, copied, find, put_again, safetensors, ternary, trits_of, unhex, vectors,
};

const OTHERS: &str = include_str!("../golden/formats/others.json");

fn golden(format: &str) -> Value {
    let mut vectors = vectors(OTHERS).into_iter();
    vectors.find(|vector| vector["format"] == format).unwrap()
}

/// Opens a folder of these two files.
pub(crate) fn checkpoint(model: &[u8], config: &str) -> Result<ModelReader, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors"), model).unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    ModelReader::open(folder.path())
}

pub(crate) fn bitnet(class: Option<&str>) -> String {
    let mut config = json!({"quantization_config": {"quant_method": "bitnet"}});
    if let Some(class) = class {
        config["quantization_config"]["linear_class"] = json!(class);
        config["quantization_config"]["quantization_mode"] = json!("offline");
    }
    config.to_string()
}

pub(crate) fn mlx(group: usize) -> Value {
    json!({"quantization": {"group_size": group, "bits": 2}})
}

fn le(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The scale of the layer, and its weights divided by it.
fn layer(reader: &ModelReader, name: &str) -> (f64, Vec<i8>) {
    let tensor = ternary(reader, name);
    assert_eq!(tensor.lambda_p().len(), 1);
    (tensor.lambda_p()[0], tensor.trits().iter().collect())
}

#[test]
fn bitnet_layers_are_read_with_either_meaning_of_the_scale() {
    let vector = golden("huggingface");
    let (packed, trits) = (
        unhex(vector["bytes"].as_str().unwrap()),
        trits_of(vector["trits"].as_str().unwrap()),
    );
    let scale = bf16::from_f32(0.3125).to_le_bytes();
    let model = safetensors(&[
        ("fc.weight_scale", "BF16", &[1], &scale),
        ("norm.weight", "F32", &[1], &[0; 4]),
        ("fc.weight", "U8", &[2, 4], &packed),
    ]);
    let divided = f64::from(1.0_f32 / 0.3125);
    for (class, expected) in [
        (None, divided),
        (Some("bitlinear"), divided),
        (Some("autobitlinear"), 0.3125),
    ] {
        let reader = checkpoint(&model, &bitnet(class)).unwrap();
        let names: Vec<_> = reader.tensors().map(TensorInfo::name).collect();
        assert_eq!(names, ["norm.weight", "fc.weight"]);
        let (index, info) = find(&reader, "fc.weight");
        let encoding = Encoding::HuggingFace {
            scale_type: ScaleType::Bf16,
            divided: class != Some("autobitlinear"),
        };
        assert_eq!((info.shape(), info.encoding()), (&[8, 4][..], &encoding));
        assert_eq!((info.stored_type(), info.bytes()), ("hf-bitnet".into(), 10));
        assert_eq!(info.stored_names(), ["fc.weight", "fc.weight_scale"]);
        assert_eq!(layer(&reader, "fc.weight"), (expected, trits.clone()));
        assert_eq!(bytes_of(&reader, index), [&packed[..], &scale].concat());
        // Copied with any meaning, encoded with one.
        let copy = checkpoint(&copied(&reader).unwrap(), &bitnet(class)).unwrap();
        assert_eq!(layer(&copy, "fc.weight"), (expected, trits.clone()));
        match put_again(&reader) {
            Ok(bytes) => assert_eq!(bytes, copied(&reader).unwrap()),
            Err(error) => {
                assert_ne!(class, Some("autobitlinear"));
                let message = "the tensor `fc.weight` cannot be stored as hf-bitnet: scales are written to be multiplied by, not divided";
                assert_eq!(error.to_string(), message);
            }
        }
    }
    // Without a config that says so they are four trits in a byte, and a scale.
    for config in [
        json!({}),
        json!({"quantization_config": {"quant_method": "awq"}}),
        json!({"quantization_config": null}),
        json!({"quantization_config": []}),
        json!([]),
    ] {
        let reader = checkpoint(&model, &config.to_string()).unwrap();
        assert_eq!(reader.tensors().filter(|info| info.is_ternary()).count(), 0);
        assert_eq!(reader.tensors().len(), 3);
    }
}

fn scale(bytes: &[u8]) -> Stored<'_> {
    ("w_scale", "F32", &[1], bytes)
}

#[test]
fn bitnet_layers_that_are_none_are_carried_or_refused() {
    let opened = |packed: Stored<'_>, scale: Stored<'_>| {
        let reader = checkpoint(&safetensors(&[packed, scale]), &bitnet(None)).unwrap();
        let first = reader.tensors().position(TensorInfo::is_ternary);
        assert!(copied(&reader).is_ok());
        first.map(|index| reader.read(index).unwrap_err().to_string())
    };
    let (packed, one) = (
        ("w", "U8", &[1, 2][..], &[0x55; 2][..]),
        1.0_f32.to_le_bytes(),
    );
    // Another type or shape is no layer.
    for packed in [
        ("w", "I8", &[1, 2][..], &[0x55; 2][..]),
        ("w", "U8", &[2], &[0x55; 2]),
        ("w", "U8", &[0, 2], &[]),
        ("w", "U8", &[2, 0], &[]),
        ("v", "U8", &[1, 2], &[0x55; 2]),
    ] {
        assert_eq!(opened(packed, scale(&one)), None);
    }
    assert_eq!(opened(packed, ("w_scale", "I32", &[1], &one)), None);
    assert_eq!(opened(packed, ("w_scale", "F16", &[2], &one)), None);
    // A value that is no trit, and scales that divide by nothing.
    let error = opened(("w", "U8", &[1, 2], &[0x55, 0xff]), scale(&one)).unwrap();
    assert!(
        error.starts_with("the ternary tensor `w` has a bad set of trits: "),
        "{error}"
    );
    for bad in [0.0_f32, -1.0, f32::NAN, f32::INFINITY, 1e-45] {
        let error = opened(packed, scale(&bad.to_le_bytes())).unwrap();
        assert!(
            error.starts_with("the ternary tensor `w` has a bad scale: "),
            "{error}"
        );
    }
}

#[test]
fn mlx_layers_are_read() {
    let vector = golden("mlx");
    let (codes, trits) = (
        unhex(vector["bytes"].as_str().unwrap()),
        trits_of(vector["trits"].as_str().unwrap()),
    );
    let halves = |key: &str| -> Vec<f64> {
        let values = vector[key].as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap()).collect()
    };
    let bits = |key| {
        let values = halves(key).into_iter();
        le(&values
            .map(|value| f16::from_f64(value).to_bits())
            .collect::<Vec<_>>())
    };
    let (scales, biases) = (bits("scales_f16"), bits("biases_f16"));
    let model = safetensors(&[
        ("fc.scales", "F16", &[2, 2], &scales),
        ("fc.biases", "F16", &[2, 2], &biases),
        ("fc.weight", "U32", &[2, 8], &codes),
    ]);
    let reader = checkpoint(&model, &mlx(64).to_string()).unwrap();
    let info = reader.tensors().next().unwrap();
    let encoding = Encoding::Mlx {
        group: 64,
        scale_type: ScaleType::F16,
    };
    assert_eq!(reader.tensors().len(), 1);
    assert_eq!((info.name(), info.shape()), ("fc.weight", &[2, 128][..]));
    assert_eq!(
        (info.encoding(), info.stored_type()),
        (&encoding, "mlx".into())
    );
    assert_eq!(info.stored_names(), ["fc.weight", "fc.scales", "fc.biases"]);
    let tensor = ternary(&reader, "fc.weight");
    assert!(tensor.trits().iter().eq(trits));
    assert_eq!(tensor.lambda_p(), halves("scales_f16"));
    assert_eq!(
        bytes_of(&reader, 0),
        [codes.clone(), scales, biases].concat()
    );
    assert_eq!(put_again(&reader).unwrap(), copied(&reader).unwrap());
    // An entry of its own says of a layer that it has other bits: it is carried as it is. So is what fits no group.
    let mut other = mlx(64);
    other["quantization"]["fc"] = json!({"group_size": 32, "bits": 4});
    let mut unquantized = mlx(64);
    unquantized["quantization"]["fc"] = json!(false);
    let mut by_layer = json!({"quantization": {"bits": 4, "fc": {"bits": 2}}});
    by_layer["quantization"]["other"] = json!({"bits": 4});
    for (config, ternary) in [
        (&other, 0),
        (&unquantized, 1),
        (&by_layer, 1),
        (&json!({}), 0),
    ] {
        let reader = checkpoint(&model, &config.to_string()).unwrap();
        assert_eq!(
            reader.tensors().filter(|info| info.is_ternary()).count(),
            ternary
        );
        assert!(Metadata::new_safetensors([].into()) == *reader.metadata());
        let again = checkpoint(&copied(&reader).unwrap(), &mlx(64).to_string()).unwrap();
        assert_eq!(self::ternary(&again, "fc.weight"), tensor);
    }
}

#[test]
fn mlx_layers_that_are_none_are_carried_or_refused() {
    let halves = |bits: u16, count| le(&vec![bits; count]);
    let opened = |weight: Stored<'_>, scales: Stored<'_>, biases: Stored<'_>| {
        let file = safetensors(&[weight, scales, biases]);
        let reader = checkpoint(&file, &mlx(32).to_string()).unwrap();
        copied(&reader).unwrap();
        let first = reader.tensors().position(TensorInfo::is_ternary);
        first.map(|index| reader.read(index).map_err(|error| error.to_string()))
    };
    let (codes, s, b) = ([0x55; 32], halves(0x3800, 4), halves(0xb800, 4));
    let weight: Stored<'_> = ("w.weight", "U32", &[2, 4], &codes);
    let scales: Stored<'_> = ("w.scales", "F16", &[2, 2], &s);
    let biases: Stored<'_> = ("w.biases", "F16", &[2, 2], &b);
    assert!(matches!(opened(weight, scales, biases), Some(Ok(_))));
    // Other types, shapes and names are no layers: among them groups of 16, 64 with a rest, and scales of no type of MLX.
    let (doubles, sixteen) = (vec![0; 32], halves(0, 8));
    for (weight, scales, biases) in [
        (("w.weight", "I32", &[2, 4][..], &codes[..]), scales, biases),
        (("v.weight", "U32", &[2, 4], &codes), scales, biases),
        (("w.weight", "U32", &[8], &codes), scales, biases),
        (("w.weight", "U32", &[4, 2], &codes), scales, biases),
        (weight, ("w.scales", "F16", &[4][..], &s[..]), biases),
        (weight, scales, ("w.biases", "F16", &[4], &b)),
        (weight, scales, ("w.biases", "BF16", &[2, 2], &b)),
        (weight, scales, ("w.bias", "F16", &[2, 2], &b)),
        (
            weight,
            ("w.scales", "F16", &[2, 4], &sixteen),
            ("w.biases", "F16", &[2, 4], &sixteen),
        ),
        (
            weight,
            ("w.scales", "F16", &[2, 0], &[]),
            ("w.biases", "F16", &[2, 0], &[]),
        ),
        (
            weight,
            ("w.scales", "F64", &[2, 2], &doubles),
            ("w.biases", "F64", &[2, 2], &doubles),
        ),
        (
            ("w.weight", "U32", &[0, 4], &[]),
            ("w.scales", "F16", &[0, 2], &[]),
            ("w.biases", "F16", &[0, 2], &[]),
        ),
    ] {
        assert!(
            opened(weight, scales, biases).is_none(),
            "{weight:?} {scales:?} {biases:?}"
        );
    }
    // The fourth level, a bias that is not the negated scale, and scales that are none.
    let mut fourth = codes;
    fourth[9] = 0xff;
    let other = halves(0x3800, 4);
    let infinite = halves(0x7c00, 4);
    for (weight, scales, biases) in [
        (
            ("w.weight", "U32", &[2, 4][..], &fourth[..]),
            scales,
            biases,
        ),
        (weight, scales, ("w.biases", "F16", &[2, 2][..], &other[..])),
        (weight, ("w.scales", "F16", &[2, 2], &infinite), biases),
        (
            weight,
            ("w.scales", "F16", &[2, 2], &b),
            ("w.biases", "F16", &[2, 2], &s),
        ),
    ] {
        let error = opened(weight, scales, biases).unwrap().unwrap_err();
        let start = "the ternary tensor `w.weight` has a bad set of 2-bit weights: ";
        assert!(error.starts_with(start), "{error}");
    }
    // A group of zeros, as MLX has it: all codes and the bias are 0, with any scale.
    let (zeros, zero) = ([0; 32], halves(0, 4));
    let biases: Stored<'_> = ("w.biases", "F16", &[2, 2], &zero);
    let weight: Stored<'_> = ("w.weight", "U32", &[2, 4], &zeros);
    let Some(Ok(Tensor::Ternary(tensor))) =
        opened(weight, ("w.scales", "F16", &[2, 2], &b), biases)
    else {
        panic!("a ternary tensor");
    };
    assert!(tensor.trits().iter().all(|trit| trit == 0));
    assert_eq!(tensor.lambda_p(), [0.0; 4]);
}

#[test]
fn a_config_that_is_damaged_is_refused() {
    let model = safetensors(&[("a", "U8", &[1], &[7])]);
    let nested = format!(r#"{{"a":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for config in ["", "{", "{}x", "\u{1b}", &nested] {
        let error = checkpoint(&model, config).unwrap_err();
        assert!(error.to_string().starts_with("not a config.json file: "));
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
