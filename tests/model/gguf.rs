//! GGUF files: those that the Python package `gguf` wrote, and what is unusual and yet good.

use std::path::Path;

use serde_json::Value;
use ternarize::Format;
use ternarize::model::{
    DenseTensor, Encoding, Metadata, ModelError, ModelReader, ModelWriter, Tensor, TensorInfo,
};

use crate::made::{
    Gguf, InMemory, bytes_of, copied, find, open, put_again, string, ternary, trits_of, unhex,
};

const GOLDEN: &str = include_str!("../golden/gguf.json");

fn golden(name: &str) -> (ModelReader, Vec<u8>, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = path.join(name);
    let expected: Value = serde_json::from_str(GOLDEN).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (
        ModelReader::open(&path).unwrap(),
        bytes,
        expected[name].clone(),
    )
}

fn is_tensor(reader: &ModelReader, index: usize, expected: &Value) {
    let info = reader.tensors().nth(index).unwrap();
    assert_eq!(info.name(), expected["name"]);
    assert_eq!(Value::from(info.shape()), expected["shape"]);
    assert_eq!(info.stored_type(), expected["type"]);
    let bytes = unhex(expected["bytes"].as_str().unwrap());
    assert_eq!(info.bytes(), bytes.len() as u64);
    assert_eq!(bytes_of(reader, index), bytes);
    match (reader.read(index).unwrap(), info.encoding()) {
        (Tensor::Dense(dense), Encoding::Dense(dtype)) => {
            assert!(expected["trits"].is_null());
            assert_eq!((dense.dtype(), dense.as_bytes()), (&**dtype, &bytes[..]));
            assert_eq!(dense.shape(), info.shape());
        }
        (Tensor::Ternary(tensor), Encoding::Blocks(format)) => {
            let trits = trits_of(expected["trits"].as_str().unwrap());
            assert!(tensor.trits().iter().eq(trits));
            let bits = expected["scales_f16_bits"].as_array().unwrap().iter();
            let scale =
                |bits: &Value| half::f16::from_bits(u16::try_from(bits.as_u64().unwrap()).unwrap());
            let scales = bits.map(|bits| scale(bits).to_f64());
            assert_eq!(tensor.lambda_p(), scales.collect::<Vec<_>>());
            let values = tensor.dequantize::<f32>().into_iter();
            let values: Vec<_> = values
                .map(|value| format!("{:08x}", value.to_bits()))
                .collect();
            assert_eq!(values.join(" "), expected["values_f32_bits"]);
            assert_eq!(tensor.encode(*format).unwrap(), bytes);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_of_the_python_package_are_read_and_written_as_the_same_bytes() {
    for name in ["types.gguf", "ternary.gguf"] {
        let (reader, bytes, expected) = golden(name);
        let keys = expected["metadata"].as_array().unwrap();
        let metadata = reader.metadata();
        assert!(metadata.is_gguf() && metadata.keys().eq(keys.iter().map(|key| &key[0])));
        for key in keys {
            let text = metadata.get(key[0].as_str().unwrap());
            assert_eq!(text.as_deref(), key[1].as_str(), "{key}");
        }
        let tensors = expected["tensors"].as_array().unwrap();
        assert_eq!(reader.tensors().len(), tensors.len());
        for (index, expected) in tensors.iter().enumerate() {
            is_tensor(&reader, index, expected);
        }
        assert_eq!(copied(&reader).unwrap(), bytes);
        assert_eq!(put_again(&reader).unwrap(), bytes);
        // What has no place in safetensors is named.
        let (texts, dropped) = metadata.to_safetensors();
        let arrays = keys.iter().filter(|key| key[1].is_null());
        assert!(dropped.iter().eq(arrays.map(|key| &key[0])));
        // The alignment is that of the file that was read.
        let aligned = usize::from(keys.iter().any(|key| key[0] == "general.alignment"));
        assert_eq!(texts.keys().count() + dropped.len() + aligned, keys.len());
    }
}

#[test]
fn values_are_read_at_once() {
    let (reader, ..) = golden("types.gguf");
    let at = |name| find_in(&reader, name);
    let values = reader.read_values::<f32>(at("vector.f32")).unwrap();
    assert_eq!(values, [0.1, -1.5, 3e38, 1e-45, 0.0]);
    let halves = reader.read_values::<half::f16>(at("matrix.f16")).unwrap();
    assert_eq!((halves.len(), halves[0].to_f32()), (15, -4.0));
    assert_eq!(
        reader.read_values::<f64>(at("vector.f64")).unwrap().len(),
        2
    );
    // A wider type holds them too, a narrower one does not.
    let wide = reader.read_values::<f32>(at("matrix.f16")).unwrap();
    let halves = halves.into_iter().map(half::f16::to_f32);
    assert!(wide.into_iter().eq(halves));
    for name in ["vector.f64", "matrix.q8_0", "vector.i32", "one.tq2_0"] {
        let error = reader.read_values::<f32>(at(name)).unwrap_err();
        assert!(matches!(error, ModelError::NotFloat { tensor, .. } if tensor == name));
    }
    let error = reader.read_values::<f32>(99).unwrap_err();
    assert_eq!(error.to_string(), "there is no tensor `number 99`");
}

fn find_in(reader: &ModelReader, name: &str) -> usize {
    find(reader, name).0
}

#[test]
fn a_small_file_is_good_in_versions_2_and_3() {
    let mut small = Gguf::small();
    let bytes = small.bytes();
    let reader = open(&bytes).unwrap();
    assert_eq!(copied(&reader).unwrap(), bytes);
    let weights = ternary(&reader, "weight").dequantize::<f32>();
    assert_eq!(weights[..4], [0.5, -0.5, 0.0, 0.5]);
    small.version = 2;
    assert_eq!(copied(&open(&small.bytes()).unwrap()).unwrap(), bytes);
    // The last tensor need not be padded; when it is written, it is.
    let end = bytes.len() - 28;
    assert_eq!(copied(&open(&bytes[..end]).unwrap()).unwrap(), bytes);
}

#[test]
fn empty_files_and_tensors_are_good() {
    let empty = Gguf::new();
    assert_eq!(empty.bytes().len(), 32);
    for file in [
        empty.clone(),
        empty.clone().aligned(1),
        empty.clone().aligned(4096),
        empty.clone().tensor("none", &[0], 0, &[]),
        empty.clone().tensor("none", &[256, 0], 35, &[]),
        empty.clone().tensor("none", &[0, 256], 35, &[]),
        empty.clone().tensor("none", &[256, 0], 8, &[]),
        empty.clone().tensor("scalar", &[1], 0, &[0; 4]),
        empty
            .clone()
            .tensor("none", &[0], 0, &[])
            .tensor("one", &[1], 24, &[7])
            .tensor("more", &[0], 0, &[]),
    ] {
        let reader = open(&file.bytes()).unwrap();
        assert_eq!(copied(&reader).unwrap(), file.bytes());
    }
    // Not even the padding of the header is needed.
    assert!(open(&empty.bytes()[..24]).is_ok());
    // A tensor without axes is written as a vector of one.
    let scalar = open(&empty.clone().tensor("s", &[], 0, &[0; 4]).bytes()).unwrap();
    let vector = empty.clone().tensor("s", &[1], 0, &[0; 4]).bytes();
    assert_eq!(scalar.tensors().next().unwrap().shape(), [0; 0]);
    assert_eq!(copied(&scalar).unwrap(), vector);
    // A ternary tensor without elements cannot be decoded, only carried.
    let none = open(&empty.tensor("none", &[256, 0], 35, &[]).bytes()).unwrap();
    let error = none.read(0).unwrap_err();
    assert!(matches!(error, ModelError::BadPart { tensor, .. } if tensor == "none"));
}

/// A table may list tensors in another order than their data; they are written in the order of the data.
#[test]
fn tensors_come_in_the_order_of_their_data() {
    let mut file = Gguf::small();
    let sorted = file.bytes();
    file.tensors[0].offset = Some(0);
    file.tensors[1].offset = Some(32);
    file.tensors.swap(0, 1);
    let at = file.bytes().len() - 96;
    let mut bytes = file.bytes();
    bytes[at..].copy_from_slice(&sorted[sorted.len() - 96..]);
    assert_eq!(copied(&open(&bytes).unwrap()).unwrap(), sorted);
}

/// What is unknown is carried: types, and strings that are not UTF-8.
#[test]
fn what_is_not_understood_is_carried() {
    let file = Gguf::new()
        .pair("odd", 8, &string(&[0xff, 0xfe]))
        .pair("", 7, &[2])
        .tensor("new", &[17, 3], 250, &[1; 64])
        .tensor("bias", &[1], 0, &[0; 4])
        .tensor("newer", &[5], 4_000_000_000, &[2; 32]);
    let reader = open(&file.bytes()).unwrap();
    assert_eq!(reader.metadata().get("odd"), None);
    assert_eq!(reader.metadata().get("").as_deref(), Some("true"));
    assert_eq!(reader.metadata().to_safetensors().1, ["odd"]);
    let types: Vec<_> = reader.tensors().map(TensorInfo::stored_type).collect();
    assert_eq!(types, ["GGML_TYPE_250", "F32", "GGML_TYPE_4000000000"]);
    assert_eq!(copied(&reader).unwrap(), file.bytes());
    assert_eq!(put_again(&reader).unwrap(), file.bytes());
    // Their size is not known, so nobody can describe one, or ask for it elsewhere.
    let dense = |dtype: &str| TensorInfo::new("x", &[5], Encoding::Dense(dtype.into()));
    for dtype in ["GGML_TYPE_250", "TQ2_0", "nothing"] {
        assert!(matches!(dense(dtype), Err(ModelError::Unfit { .. })));
    }
    let infos: Vec<_> = reader.tensors().cloned().collect();
    let metadata = Metadata::new_safetensors([].into());
    let error = ModelWriter::new(std::io::Cursor::new(vec![]), &metadata, &infos).unwrap_err();
    let message = "the tensor `new` cannot be stored as safetensors: it is GGML_TYPE_250, which safetensors does not have";
    assert_eq!(error.to_string(), message);
}

/// Blocks of 128 weights in 34 bytes, whose scale comes first, under the number of ggml's blocks of 64 weights.
#[test]
fn older_files_of_prism_are_told_apart() {
    let blocks = |count: usize| {
        let block = [&0x3800_u16.to_le_bytes()[..], &[0b10_01_00_10; 32]].concat();
        block.repeat(count)
    };
    let format_of = |file: &Gguf, name: &str| {
        let reader: InMemory = open(&file.bytes()).unwrap();
        let weights = ternary(&reader, name).dequantize::<f32>();
        assert_eq!(weights[..4], [0.5, -0.5, 0.0, 0.5]);
        match find(&reader, name).1.encoding() {
            Encoding::Blocks(format) => *format,
            other => panic!("{other:?}"),
        }
    };
    // As the last tensor, and with another one after it.
    let last = Gguf::new().tensor("w", &[2048, 2], 42, &blocks(32));
    assert_eq!(format_of(&last, "w"), Format::Pq2_0);
    let followed = last.clone().tensor("bias", &[100], 0, &[0; 400]);
    assert_eq!(format_of(&followed, "w"), Format::Pq2_0);
    // A tensor so small that its padding hides the difference is what the others are.
    let small = last.clone().tensor("small", &[128], 42, &blocks(1));
    assert_eq!(format_of(&small, "small"), Format::Pq2_0);
    let alone = Gguf::new().tensor("small", &[128], 42, &[&blocks(1)[..], &[0; 2]].concat());
    let reader = open(&alone.bytes()).unwrap();
    assert_eq!(reader.tensors().next().unwrap().stored_type(), "Q2_0");
    // They are written under their own number.
    let own = Gguf::new().tensor("w", &[2048, 2], 142, &blocks(32));
    assert_eq!(copied(&open(&last.bytes()).unwrap()).unwrap(), own.bytes());
    // What fills neither is said to end wrongly.
    let mut neither = followed;
    neither.tensors[0].data.truncate(1000);
    let message = crate::made::refused(&neither.bytes());
    assert!(message.contains("`bias` is at offset 1024"), "{message}");
}

/// The weights are for inputs that this library does not make.
#[test]
fn blocks_for_transformed_inputs_are_copied_and_not_decoded() {
    let file = Gguf::small().pair("prism.hadamard.width", 4, &64_u32.to_le_bytes());
    let reader = open(&file.bytes()).unwrap();
    assert_eq!(copied(&reader).unwrap(), file.bytes());
    let error = reader.read(find(&reader, "weight").0).unwrap_err();
    assert!(error.to_string().contains("`prism.hadamard.*`"), "{error}");
    assert!(matches!(error, ModelError::BadPart { tensor, .. } if tensor == "weight"));
    assert!(reader.read(find(&reader, "bias").0).is_ok());
}

#[test]
fn metadata_go_to_the_other_container_and_back() {
    let texts = [
        ("format", "pt"),
        ("", "none"),
        ("general.architecture", "bert"),
    ];
    let texts = texts.map(|(key, text)| (key.to_string(), text.to_string()));
    let metadata = Metadata::new_safetensors(texts.into());
    let gguf = metadata.to_gguf("llama");
    assert!(gguf.keys().eq(["general.architecture", "format"]));
    assert_eq!(gguf.get("general.architecture").as_deref(), Some("bert"));
    assert_eq!(gguf.to_gguf("llama"), gguf);
    let (back, dropped) = gguf.to_safetensors();
    assert!(dropped.is_empty() && !back.is_gguf());
    assert!(back.keys().eq(["format", "general.architecture"]));
    assert_eq!(back.to_safetensors(), (back, vec![]));
    let mut named = Metadata::new_gguf("llama");
    named.set("name", "a");
    named.set_number("layers", 4);
    named.set("name", "b");
    named.remove("general.architecture");
    assert!(named.keys().eq(["name", "layers"]));
    assert_eq!(named.get("name").as_deref(), Some("b"));
}

#[test]
fn what_gguf_cannot_hold_is_refused() {
    let metadata = Metadata::new_gguf("test");
    let new = |infos: &[TensorInfo], metadata: &Metadata| {
        ModelWriter::new(std::io::Cursor::new(vec![]), metadata, infos).map(drop)
    };
    let info = |name: &str, shape: &[usize], dtype: &str| {
        TensorInfo::new(name, shape, Encoding::Dense(dtype.into())).unwrap()
    };
    let long = "n".repeat(64);
    for (info, reason) in [
        (
            info("b", &[1], "BOOL"),
            "it is of a type that GGUF does not have",
        ),
        (
            info("b", &[1; 5], "F32"),
            "it has more than the 4 axes of GGUF",
        ),
        (
            info(&long, &[1], "F32"),
            "it has a name of more than 63 bytes",
        ),
    ] {
        let error = new(core::slice::from_ref(&info), &metadata).unwrap_err();
        let name = info.name();
        let message = format!("the tensor `{name}` cannot be stored as GGUF: {reason}");
        assert_eq!(error.to_string(), message);
    }
    assert!(new(&[info(&long[1..], &[1; 4], "F32")], &metadata).is_ok());
    let mut bad = metadata.clone();
    for alignment in [0, 48] {
        bad.set_number("general.alignment", alignment);
        let message = format!("not a GGUF file: the alignment {alignment} is not a power of two");
        assert_eq!(new(&[], &bad).unwrap_err().to_string(), message);
    }
    let twice = [info("b", &[1], "F32"), info("b", &[2], "F32")];
    let error = new(&twice, &metadata).unwrap_err();
    assert!(matches!(error, ModelError::NameTaken { name } if name == "b"));
    // Rows of half a block, though the whole matrix would be one.
    for dtype in ["Q8_0", "Q4_0"] {
        let error = TensorInfo::new("w", &[2, 16], Encoding::Dense(dtype.into())).unwrap_err();
        let reason = "its rows of 16 weights are not a multiple of 32";
        assert!(error.to_string().ends_with(reason), "{error}");
    }
}

#[test]
fn tensors_are_written_as_described_or_not_at_all() {
    let metadata = Metadata::new_gguf("test");
    let info = TensorInfo::new("w", &[2, 3], Encoding::Dense("F32".into())).unwrap();
    let mut writer = ModelWriter::new(std::io::Cursor::new(vec![]), &metadata, &[info]).unwrap();
    let tensor = |shape: &[usize]| Tensor::Dense(DenseTensor::new(shape, &[0.5_f32; 6]).unwrap());
    let error = writer.put("w", &tensor(&[3, 2])).unwrap_err();
    let message = "the tensor `w` cannot be stored as F32: its shape is [3, 2]";
    assert_eq!(error.to_string(), message);
    let doubles = Tensor::Dense(DenseTensor::new(&[2, 3], &[0.5_f64; 6]).unwrap());
    assert!(matches!(
        writer.put("w", &doubles),
        Err(ModelError::Unfit { .. })
    ));
    let error = writer.put("x", &doubles).unwrap_err();
    assert_eq!(error.to_string(), "there is no tensor `x`");
    writer.put("w", &tensor(&[2, 3])).unwrap();
    let error = writer.put("w", &tensor(&[2, 3])).unwrap_err();
    assert!(matches!(error, ModelError::NoSuchTensor { tensor } if tensor == "w"));
    assert!(open(&writer.finish().unwrap().into_inner()).is_ok());
}
