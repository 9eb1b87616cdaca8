//! Model files: those of an independent writer are read to the last bit, our own come back equal and are the same bytes
//! every time, and a write either succeeds or leaves the folder as it was. Hostile files are in `safetensors_hostile`.

use std::fs;
use std::path::{Path, PathBuf};
use ternarize::Operand;

use ternarize::model::{DenseTensor, Model, ModelError, Tensor};
use ternarize::tensor::{Grouping, TernaryTensor};
use ternarize::{Code, Error, Rule, ScaleType, Scales, Ternarizer, Weight};

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("{name}.safetensors"))
}

fn ternary(model: &Model, name: &str) -> TernaryTensor {
    match model.get(name) {
        Some(Tensor::Ternary(ternary)) => ternary.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

/// A dense tensor of one axis.
fn dense<W: Weight>(values: &[W]) -> Tensor {
    Tensor::Dense(DenseTensor::new(&[values.len()], values).unwrap())
}

/// A ternary tensor `w` of one scale, a dense one and some metadata.
fn small() -> Model {
    let mut model = Model::new();
    model.insert("w", dense(&[1.0_f32, -0.5, 0.1, 0.9, -1.0]));
    model.insert("bias", dense(&[half::f16::ONE; 3]));
    let how = Ternarizer::new().scales(Scales::One);
    model.ternarize("w", Grouping::Tensor, &how).unwrap();
    model.metadata_mut().insert("format".into(), "pt".into());
    model
}

/// The header of a file, and its data.
fn split(bytes: &[u8]) -> (&str, &[u8]) {
    let (len, rest) = bytes.split_first_chunk().unwrap();
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap();
    let (header, data) = rest.split_at(len);
    (core::str::from_utf8(header).unwrap(), data)
}

#[test]
fn files_of_an_independent_writer_are_read_to_the_last_bit() {
    for (name, count) in [("ternary", 20), ("ternary-bf16", 2)] {
        let model = Model::read(golden(name)).unwrap();
        let is_ternary = |(_, tensor): &(&str, &Tensor)| matches!(tensor, Tensor::Ternary(_));
        assert_eq!(model.tensors().filter(is_ternary).count(), count);
        assert!(model.metadata().is_empty());
        // Dense tensors are equal if their bytes are.
        let expected = Model::read(golden(&format!("{name}-dense"))).unwrap();
        assert_eq!(model.to_dense().unwrap(), expected);
    }
}

#[test]
fn what_the_independent_writer_said_of_its_tensors() {
    let model = Model::read(golden("ternary")).unwrap();
    let tensor = ternary(&model, "conv.axes02");
    assert_eq!(tensor.scale_type(), ScaleType::F32);
    assert_eq!(tensor.rule(), Some(Rule::Tnt));
    assert!(tensor.bias().is_empty());
    assert_eq!(tensor.shape().axes(), [2, 2, 3]);
    assert_eq!(tensor.grouping().to_string(), "axes:0,2");
    assert_eq!(tensor.scales(), Scales::Two);
    assert_eq!(tensor.trits().code(), Code::TwoBit);
    let lambda_p: [f32; 6] = [0.1, 0.0, 0.3, 0.0, 0.5, 0.6];
    let lambda_n: [f32; 6] = [0.0, 1.2, 0.0, 1.4, 0.0, 0.0];
    assert_eq!(tensor.lambda_p(), lambda_p.map(f64::from));
    assert_eq!(tensor.lambda_n(), lambda_n.map(f64::from));
    let tensor = ternary(&model, "conv1d.kernel");
    assert_eq!(tensor.scale_type(), ScaleType::F16);
    assert_eq!(tensor.rule(), Some(Rule::Twn));
    assert_eq!(tensor.scales(), Scales::One);
    assert_eq!(tensor.trits().code(), Code::Base3);
}

#[test]
fn the_golden_tensors_are_written_and_read_again_in_either_code() {
    for name in ["ternary", "ternary-bf16"] {
        let model = Model::read(golden(name)).unwrap();
        for code in [Code::TwoBit, Code::Base3] {
            let mut recoded = Model::new();
            for (name, tensor) in model.tensors() {
                let tensor = match tensor.clone() {
                    Tensor::Ternary(ternary) => Tensor::Ternary(ternary.transcode(code)),
                    dense @ Tensor::Dense(_) => dense,
                };
                recoded.insert(name, tensor);
            }
            let reread = Model::from_bytes(&recoded.to_bytes().unwrap()).unwrap();
            assert_eq!(reread, model);
            assert_eq!(reread.to_dense().unwrap(), model.to_dense().unwrap());
            let codes = reread.tensors().filter_map(|(_, tensor)| match tensor {
                Tensor::Ternary(ternary) => Some(ternary.trits().code()),
                Tensor::Dense(_) => None,
            });
            assert!(codes.eq(vec![code; if name == "ternary" { 20 } else { 2 }]));
        }
    }
}

#[test]
fn a_file_is_laid_out_as_documented() {
    let bytes = small().to_bytes().unwrap();
    let (header, data) = split(&bytes);
    let header: serde_json::Value = serde_json::from_str(header).unwrap();
    let directory = header["__metadata__"]["ternarize"].as_str().unwrap();
    assert_eq!(
        directory,
        r#"{"version":2,"tensors":{"w":{"shape":[5],"grouping":"tensor","code":"2bit","scales":"f32","rule":"tnt"}}}"#
    );
    assert_eq!(header["__metadata__"]["format"], "pt");
    for (name, dtype, shape, offsets) in [
        ("w.lambda_p", "F32", &[1, 1][..], [0, 4]),
        ("bias", "F16", &[3], [4, 10]),
        ("w.trits", "U8", &[1, 2], [10, 12]),
    ] {
        let expected = serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": offsets});
        assert_eq!(header[name], expected);
    }
    assert_eq!(header.as_object().unwrap().len(), 4);
    let lambda = (1.0_f32 + 0.5 + 0.9 + 1.0) / 4.0;
    assert_eq!(data[..4], lambda.to_le_bytes());
    assert_eq!(data[10..], [0b10_01_00_10, 0b01_01_01_00]);
}

#[test]
fn every_part_is_aligned() {
    let mut model = Model::read(golden("ternary")).unwrap();
    model.insert("x", dense(&[0.5_f64; 3]));
    for len in 0..8 {
        model.metadata_mut().insert("pad".into(), "x".repeat(len));
        let bytes = model.to_bytes().unwrap();
        let (text, data) = split(&bytes);
        let header: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut end = 0;
        for (name, part) in header.as_object().unwrap() {
            let Some(dtype) = part["dtype"].as_str() else {
                continue;
            };
            let size = match dtype {
                "F64" => 8,
                "F32" => 4,
                "F16" => 2,
                _ => 1,
            };
            let start = 8 + text.len() as u64 + part["data_offsets"][0].as_u64().unwrap();
            assert_eq!(start % size, 0, "{name}");
            end = end.max(part["data_offsets"][1].as_u64().unwrap());
        }
        assert_eq!(end, data.len() as u64);
    }
}

#[test]
fn the_same_model_is_the_same_bytes() {
    let metadata = ["zeta", "a", "M", "mid", "b", "\u{e9}t\u{e9}", "", "quote\""];
    let mut names: Vec<String> = (0..12).map(|i| format!("t{}", i * 7 % 12)).collect();
    let build = |names: &[String], metadata: &[&str]| {
        let mut model = small();
        for name in names {
            let values: Vec<f32> = name.bytes().map(f32::from).collect();
            model.insert(name.clone(), dense(&values));
        }
        for &key in metadata {
            model.metadata_mut().insert(key.into(), key.to_uppercase());
        }
        model.to_bytes().unwrap()
    };
    let bytes = build(&names, &metadata);
    let backwards: Vec<_> = metadata.into_iter().rev().collect();
    for _ in 0..4 {
        assert!(build(&names, &metadata) == bytes);
        names.reverse();
        assert!(build(&names, &backwards) == bytes);
    }
    let (header, _) = split(&bytes);
    let place = |key: &str| header.find(&format!("{key}:")).expect(key);
    let sorted = [
        r#""""#,
        r#""M""#,
        r#""a""#,
        r#""b""#,
        r#""format""#,
        r#""mid""#,
        r#""quote\"""#,
        r#""ternarize""#,
        r#""zeta""#,
        "\"\u{e9}t\u{e9}\"",
    ];
    assert!(sorted.map(place).is_sorted(), "{header}");
    let reread = Model::from_bytes(&bytes).unwrap();
    assert_eq!(reread.metadata()["\u{e9}t\u{e9}"], "\u{c9}T\u{c9}");
    assert_eq!(reread.metadata().len(), 9);
    assert!(!reread.metadata().contains_key("ternarize"));
}

/// The names in a folder.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn a_file_is_written_and_overwritten_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut model = small();
    let size = model.write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), model.to_bytes().unwrap());
    assert_eq!(fs::metadata(&path).unwrap().len(), size);
    model.insert("more", dense(&[1.0_f64; 100]));
    // Whoever has the old file open keeps reading the old file.
    #[cfg(unix)]
    let mut old = fs::File::open(&path).unwrap();
    model.write(&path).unwrap();
    assert_eq!(Model::read(&path).unwrap(), model);
    assert_eq!(listing(folder.path()), ["model.safetensors"]);
    #[cfg(unix)]
    {
        let mut bytes = vec![];
        std::io::Read::read_to_end(&mut old, &mut bytes).unwrap();
        assert!(bytes == small().to_bytes().unwrap());
    }
}

/// Others may read it where they may read other files.
#[cfg(unix)]
#[test]
fn a_file_has_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let (ours, usual) = (folder.path().join("ours"), folder.path().join("usual"));
    small().write(&ours).unwrap();
    fs::write(&usual, b"").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(ours), mode(usual));
}

#[test]
fn a_failed_write_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let before = small();
    before.write(&path).unwrap();
    let mut clash = small();
    clash.insert("w.trits", dense(&[1.0_f32]));
    let error = clash.write(&path).unwrap_err();
    assert!(matches!(error, ModelError::NameTaken { name } if name == "w.trits"));
    assert_eq!(Model::read(&path).unwrap(), before);

    let missing = folder.path().join("missing/model.safetensors");
    let error = before.write(&missing).unwrap_err();
    assert!(matches!(&error, ModelError::Write { path, .. } if *path == missing));
    assert!(error.to_string().contains("missing"));

    let taken = folder.path().join("folder");
    fs::create_dir(&taken).unwrap();
    let error = before.write(&taken).unwrap_err();
    assert!(matches!(&error, ModelError::Write { path, .. } if *path == taken));
    assert_eq!(listing(folder.path()), ["folder", "model.safetensors"]);
}

/// A model that could not be read again is not written.
#[test]
fn names_that_the_layout_needs_are_taken() {
    let taken = |model: &Model, expected: &str| {
        let error = model.to_bytes().unwrap_err();
        assert!(matches!(&error, ModelError::NameTaken { name } if name == expected));
        assert!(error.to_string().contains(expected));
    };
    // Also a second scale where there is one only: it would be taken for one when read.
    for part in ["w.trits", "w.lambda_p", "w.lambda_n"] {
        let mut model = small();
        model.insert(part, dense(&[1.0_f32]));
        taken(&model, part);
    }
    let mut model = Model::new();
    model.insert("__metadata__", dense(&[1.0_f32]));
    taken(&model, "__metadata__");
    for mut model in [small(), Model::new()] {
        model.metadata_mut().insert("ternarize".into(), "?".into());
        taken(&model, "ternarize");
    }
    // A ternary tensor of such a name lies elsewhere.
    let mut model = small();
    let how = Ternarizer::new();
    for name in ["w.lambda_n", "w.trits", "__metadata__", ""] {
        model.insert(name, dense(&[1.0_f32, 0.0, -1.0]));
        model.ternarize(name, Grouping::Block(2), &how).unwrap();
    }
    assert_eq!(
        Model::from_bytes(&model.to_bytes().unwrap()).unwrap(),
        model
    );
}

#[test]
fn tensors_that_cannot_be_ternarized_stay_as_they_were() {
    let header = br#"{"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes(), &header[..], &[1; 8]].concat();
    let mut model = Model::from_bytes(&bytes).unwrap();
    for (name, tensor) in small().tensors() {
        model.insert(name, tensor.clone());
    }
    model.insert("nan", dense(&[1.0_f64, f64::NAN]));
    let before = format!("{model:?}");
    let mut error = |name: &str| {
        let result = model.ternarize(name, Grouping::Tensor, &Ternarizer::new());
        assert_eq!(format!("{model:?}"), before);
        result.unwrap_err()
    };
    let found = error("no");
    assert!(matches!(&found, ModelError::NoSuchTensor { tensor } if tensor == "no"));
    assert_eq!(found.to_string(), "there is no tensor `no`");
    let found = error("n");
    assert!(matches!(&found, ModelError::NotFloat { dtype, .. } if dtype == "I64"));
    assert!(found.to_string().contains("`n` is I64"));
    assert!(matches!(error("w"), ModelError::NotFloat { dtype, .. } if dtype == "ternary"));
    let found = error("nan");
    let source = Error::InvalidValue {
        what: Operand::Weight,
        index: 1,
    };
    assert!(matches!(&found, ModelError::Tensor { source: s, .. } if *s == source));
    assert!(found.to_string().contains("`nan`"));
}

#[test]
fn dense_tensors_have_the_values_of_their_shape() {
    for (axes, count) in [(&[2, 2][..], 3), (&[usize::MAX, 2], 2), (&[1; 9], 1)] {
        let error = DenseTensor::new(axes, &vec![1.0_f32; count]).unwrap_err();
        assert!(matches!(&error, ModelError::Shape(_)));
        assert!(error.to_string().starts_with("values and shape"));
    }
    let tensor = DenseTensor::new(&[2], &[half::bf16::ONE, -half::bf16::ONE]).unwrap();
    assert_eq!(tensor.as_bytes(), [0x80, 0x3f, 0x80, 0xbf]);
    assert_eq!(tensor.values::<half::f16>(), None);
    let values = tensor.values::<half::bf16>().unwrap();
    assert_eq!(values, [half::bf16::ONE, half::bf16::NEG_ONE]);
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.safetensors");
    let error = Model::read(&path).unwrap_err();
    assert!(matches!(&error, ModelError::Read { path: named, .. } if *named == path));
    assert!(error.to_string().starts_with("cannot read "));
}
