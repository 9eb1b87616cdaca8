//! Files that are damaged, or made to deceive: each is refused by name, or is a model like any other; none panics.

use crate::forged::{Forged, file};
use serde_json::{Value, json};
use ternarize::model::{DenseTensor, Model, ModelError, Tensor};
use ternarize::tensor::Grouping;
use ternarize::{ScaleType, Scales, Ternarizer};

fn is_container(result: &Result<Model, ModelError>) -> bool {
    matches!(result, Err(ModelError::Container { reason, .. }) if !reason.is_empty())
}

/// A model like any other: it can be written, and is the same when it is read again.
fn is_sound(model: &Model) -> bool {
    let bytes = model.to_bytes().unwrap();
    Model::from_bytes(&bytes).unwrap() == *model && model.to_dense().unwrap().to_bytes().is_ok()
}

#[test]
fn the_file_that_the_others_are_made_from_is_good() {
    let model = Forged::new().read().unwrap();
    assert!(is_sound(&model));
    let Some(Tensor::Ternary(tensor)) = model.get("x") else {
        panic!("{model:?}")
    };
    let values = [0.5, 0.5, 0.0, -1.0, 2.0, -1.0];
    assert_eq!(tensor.dequantize::<f32>(), values);
}

#[test]
fn a_file_cut_short_is_refused_at_every_length() {
    let bytes = Forged::new().bytes();
    for len in 0..bytes.len() {
        assert!(is_container(&Model::from_bytes(&bytes[..len])), "{len}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(is_container(&Model::from_bytes(&longer)));
}

#[test]
fn a_damaged_file_is_refused_or_sound() {
    let mut model = Model::new();
    model.insert(
        "w",
        Tensor::Dense(DenseTensor::new(&[3], &[1.0_f32, 0.0, -1.0]).unwrap()),
    );
    model.insert(
        "b",
        Tensor::Dense(DenseTensor::new(&[1], &[1.0_f64]).unwrap()),
    );
    let how = Ternarizer::new().scales(Scales::One);
    model.ternarize("w", Grouping::Tensor, &how).unwrap();
    model.metadata_mut().insert("k".into(), "v".into());
    let (mut refused, mut sound) = (0, 0);
    for bytes in [model.to_bytes().unwrap(), Forged::new().bytes()] {
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << bit;
                match Model::from_bytes(&damaged) {
                    Ok(model) => {
                        assert!(is_sound(&model), "bit {bit} of byte {place}");
                        sound += 1;
                    }
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 1000 && sound > 100, "{refused}, {sound}");
}

#[test]
fn a_huge_header_is_refused_before_anything_is_allocated() {
    let good = Forged::new().bytes();
    for len in [
        u64::MAX,
        u64::MAX - 7,
        1 << 63,
        1 << 40,
        100_000_001,
        100_000_000,
        good.len() as u64 - 7,
    ] {
        let mut bytes = good.clone();
        bytes[..8].copy_from_slice(&len.to_le_bytes());
        assert!(is_container(&Model::from_bytes(&bytes)), "{len}");
    }
}

#[test]
fn tensors_that_reach_beyond_the_end_of_the_address_space_are_refused() {
    let top = u64::MAX;
    let part = |count: u64, start: u64| {
        let end = start.wrapping_add(count);
        format!(r#"{{"dtype":"U8","shape":[{count}],"data_offsets":[{start},{end}]}}"#)
    };
    let one = [top, top - 8, 1 << 63, 1 << 61];
    for count in one {
        let header = format!(r#"{{"x":{}}}"#, part(count, 0));
        assert!(is_container(&Model::from_bytes(&file(&header, &[1, 2]))));
    }
    // Each is possible, and all of them end just below 2^64.
    let step = (1_u64 << 61) - 1;
    let mut parts: Vec<String> = (0..8)
        .map(|i| format!(r#""t{i}":{}"#, part(step, i * step)))
        .collect();
    parts.push(format!(r#""t8":{}"#, part(top - 8 * step, 8 * step)));
    let header = format!("{{{}}}", parts.join(","));
    assert!(is_container(&Model::from_bytes(&file(&header, &[1, 2]))));
}

#[test]
fn a_header_that_is_none_is_refused() {
    let x = r#""x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"#;
    assert!(Model::from_bytes(&file(&format!("{{{x}}}"), &[1, 2])).is_ok());
    let nested = format!(r#"{{"a":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for header in [
        "",
        "[]",
        "null",
        "{",
        "{}x",
        &format!("{{{x}}}\0"),
        &format!("{{{x}"),
        &format!(r#"{{"__metadata__":{{"k":1}},{x}}}"#),
        &format!(r#"{{"__metadata__":[],{x}}}"#),
        r#"{"x":{"dtype":"U9","shape":[2],"data_offsets":[0,2]}}"#,
        r#"{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}"#,
        r#"{"x":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}}"#,
        r#"{"x":{"dtype":"U8","shape":[2],"data_offsets":[1,2]}}"#,
        r#"{"x":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#,
        r#"{"x":{"dtype":"U8","shape":[18446744073709551615,2],"data_offsets":[0,2]}}"#,
        r#"{"x":{"dtype":"U8","dtype":"I8","shape":[2],"data_offsets":[0,2]}}"#,
        &nested,
    ] {
        let result = Model::from_bytes(&file(header, &[1, 2]));
        assert!(is_container(&result), "{header:.80}: {result:?}");
    }
    let mut bytes = file(&format!(r#"{{"x":{{"?":"~",{}"#, &x[5..]), &[1, 2]);
    bytes.insert(8 + 3, b'}');
    let broken = bytes.iter().position(|&byte| byte == b'~').unwrap();
    bytes[broken] = 0xff;
    assert!(is_container(&Model::from_bytes(&bytes)));
}

#[test]
fn a_name_that_occurs_twice_is_refused() {
    let part = r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    let other = r#"{"dtype":"I8","shape":[1],"data_offsets":[0,1]}"#;
    let escaped = "\\u0078";
    for (header, twice) in [
        (format!(r#"{{"x":{part},"x":{part}}}"#), "x"),
        (format!(r#"{{"x":{part},"{escaped}":{other}}}"#), "x"),
        (
            format!(r#"{{"__metadata__":{{"k":"1","l":"","k":"1"}},"x":{part}}}"#),
            "k",
        ),
        (
            format!(r#"{{"__metadata__":{{}},"x":{part},"__metadata__":{{}}}}"#),
            "__metadata__",
        ),
    ] {
        let error = Model::from_bytes(&file(&header, &[1])).unwrap_err();
        let expected = format!("the name `{twice}` occurs twice in the header");
        assert_eq!(error.to_string(), expected);
        assert!(matches!(error, ModelError::DuplicateName { name } if name == twice));
    }
    // And a tensor that is described twice.
    let forged = Forged::new();
    let entry = forged.directory["tensors"]["x"].to_string();
    let directory = format!(r#"{{"version":1,"tensors":{{"x":{entry},"x":{entry}}}}}"#);
    let error = Model::from_bytes(&forged.bytes_with(&directory)).unwrap_err();
    assert!(matches!(error, ModelError::DuplicateName { name } if name == "x"));
}

#[test]
fn other_versions_are_refused() {
    for version in [0, 3, u64::MAX] {
        let mut forged = Forged::new();
        forged.directory = json!({"version": version, "layout": "of another time"});
        let error = forged.read().unwrap_err();
        assert!(error.to_string().contains(&version.to_string()));
        assert!(matches!(error, ModelError::UnknownVersion { found } if found == version));
    }
}

#[test]
fn a_directory_that_is_none_is_refused() {
    let forged = Forged::new();
    let good = forged.directory.to_string();
    assert!(Model::from_bytes(&forged.bytes_with(&good)).is_ok());
    for directory in [
        "",
        "?",
        "1",
        "{}",
        r#"{"tensors":{}}"#,
        r#"{"version":1}"#,
        r#"{"version":1.0,"tensors":{}}"#,
        r#"{"version":"1","tensors":{}}"#,
        r#"{"version":-1,"tensors":{}}"#,
        r#"{"version":1,"version":1,"tensors":{}}"#,
        r#"{"version":1,"tensors":{},"tensors":{}}"#,
        r#"{"version":1,"tensors":[]}"#,
        r#"{"version":1,"tensors":{"x":{}}}"#,
        &good.replace("[2,3]", "[2,-3]"),
        &good.replace("[2,3]", "[2,3.0]"),
        &good.replace("[2,3]", "[2,99999999999999999999]"),
        &good.replace("[2,3]", r#"[2,3],"shape":[2,3]"#),
        &good[..good.len() - 1],
    ] {
        let error = Model::from_bytes(&forged.bytes_with(directory)).unwrap_err();
        assert!(matches!(&error, ModelError::Directory { reason } if !reason.is_empty()));
        assert!(error.to_string().contains("cannot be understood"));
    }
}

#[test]
fn parts_that_do_not_fit_their_description_are_refused() {
    let good = Forged::new;
    for number in [0, 1] {
        let name = good().parts[number].0;
        assert_eq!(format!("x.{}", good().without(number).bad_part()), name);
    }
    // Without the second scales it is another tensor, and as good.
    assert!(is_sound(&good().without(2).read().unwrap()));

    let trits = good().parts[0].2.clone();
    for bad in [
        good().part(0, "I8", &trits),
        good().part(0, "BOOL", &trits),
        good().part(0, "U8", &trits[..1]),
        good().part(0, "U8", &[]),
        good().part(0, "U8", &[trits[0], trits[1], 0x55]),
        good().part(0, "U8", &[trits[0] | 3, trits[1]]),
        good().part(0, "U8", &[trits[0], trits[1] ^ 0x40]),
        good().entry("shape", json!([2, 2])),
        good().entry("shape", json!([3, 3])),
        good().entry("shape", json!([0, 3])),
        good().entry("shape", json!([6, 1, 1, 1, 1, 1, 1, 2])),
        good().entry("shape", json!([usize::MAX])),
        good()
            .entry("code", json!("base3"))
            .part(0, "U8", &[121, 243]),
    ] {
        assert_eq!(bad.bad_part(), "trits");
    }
    for number in [1, 2] {
        let part = &good().parts[number].0[2..];
        let halves = good().part(number, "F16", &[0; 4]);
        assert_eq!(halves.bad_part(), part);
        for bad in [&[][..], &[1.0], &[1.0; 3]] {
            assert_eq!(good().scales(number, bad).bad_part(), part);
        }
        for bad in [[-1.0, 1.0], [1.0, f32::NAN]] {
            assert_eq!(good().scales(number, &bad).bad_part(), "set of scales");
        }
    }
}

#[test]
fn descriptions_that_cannot_be_are_refused() {
    for (key, value) in [
        ("shape", json!([usize::MAX, 2])),
        ("shape", json!([usize::MAX, 0, 2])),
        ("shape", json!([2, 3, 1, 1, 1, 1, 1, 1, 1])),
        ("code", json!("2-bit")),
        ("code", json!("")),
        ("rule", json!("TNT")),
        ("rule", json!("best")),
        ("grouping", json!("rows")),
        ("grouping", json!("block:0")),
        ("grouping", json!("axis:8")),
    ] {
        assert_eq!(
            Forged::new().entry(key, value.clone()).bad_part(),
            key,
            "{value}"
        );
    }
    let beyond = Forged::new().entry("grouping", json!("axis:2"));
    assert_eq!(beyond.bad_part(), "grouping");
    for dtype in ["I64", "U8", "f32", ""] {
        let error = Forged::new().entry("dtype", json!(dtype)).read();
        assert!(matches!(error, Err(ModelError::NotFloat { dtype: d, .. }) if d == dtype));
    }
}

#[test]
fn two_tensors_of_one_name_are_refused() {
    let error = Forged::new().with("x").read().unwrap_err();
    assert!(matches!(error, ModelError::NameTaken { name } if name == "x"));
    // What only looks like a part is a tensor of its own.
    let model = Forged::new().with("x.trits.trits").read().unwrap();
    assert!(matches!(model.get("x.trits.trits"), Some(Tensor::Dense(_))));
    assert!(is_sound(&model));
    let model = Forged::new().with("x.bias").read().unwrap();
    assert!(matches!(model.get("x.bias"), Some(Tensor::Dense(_))));
    assert!(is_sound(&model));
    // A bias that is described, and missing.
    assert_eq!(Forged::of_planes().without(2).bad_part(), "bias");
}

/// One part cannot serve two tensors.
#[test]
fn shared_parts_are_refused() {
    let mut forged = Forged::new();
    let entry = forged.directory["tensors"]["x"].clone();
    forged.directory["tensors"]["x.trits"] = entry.clone();
    assert!(
        matches!(forged.read(), Err(ModelError::BadPart { tensor, .. }) if tensor == "x.trits")
    );
    forged.directory["tensors"] = json!({"y": entry});
    assert!(matches!(forged.read(), Err(ModelError::BadPart { tensor, .. }) if tensor == "y"));
}

/// Files of version 2: planes, types of scales, and a bias.
#[test]
fn parts_of_planes_that_do_not_fit_are_refused() {
    let forged = Forged::of_planes();
    let Some(Tensor::Ternary(tensor)) = forged.read().unwrap().get("x").cloned() else {
        panic!("a ternary tensor");
    };
    assert_eq!(tensor.lambda_p(), [0.5, 2.0, 1.0, 0.25]);
    assert_eq!(
        (tensor.planes().len(), tensor.bias()),
        (2, &[1.0, -1.0][..])
    );
    assert_eq!((tensor.scale_type(), tensor.rule()), (ScaleType::F16, None));
    // Another type of scales than that of the part, a name that is none, and none.
    for name in ["f32", "bf16", "power-of-two"] {
        assert_eq!(
            forged.clone().entry("scales", json!(name)).bad_part(),
            "lambda_p"
        );
    }
    for name in [json!("F16"), json!("")] {
        assert_eq!(
            forged.clone().entry("scales", name).bad_part(),
            "scale type"
        );
    }
    // Entries of the other version, and entries that are none.
    for (key, value) in [("scales", Value::Null), ("dtype", json!("F16"))] {
        assert_eq!(forged.clone().entry(key, value).bad_part(), "description");
    }
    let mut first = forged.clone();
    first.directory["version"] = json!(1);
    assert_eq!(first.bad_part(), "description");
    let second = Forged::new().entry("scales", json!("f32"));
    assert_eq!(second.bad_part(), "description");
    let mut more = forged.clone();
    more.directory["transforms"] = json!({});
    assert!(matches!(more.read(), Err(ModelError::Directory { .. })));
    // Planes that are too many, or not as many as the scales and trits say.
    let planes = |planes: usize, bytes: &[u8]| {
        let mut other = forged.clone().part(0, "U8", bytes);
        other.planes = planes;
        other.bad_part()
    };
    assert_eq!(planes(5, &[0b01_01_01_01; 10]), "trits");
    assert_eq!(planes(1, &[0b01_01_01_01; 2]), "lambda_p");
    assert_eq!(planes(2, &[0b01_01_01_01; 2]), "trits");
    assert_eq!(planes(4, &[0b01_01_01_01; 8]), "lambda_p");
    // A bias of another length or type, or without a value.
    let bias = |dtype, bias: &[f32]| {
        let bytes: Vec<u8> = bias.iter().flat_map(|b| b.to_le_bytes()).collect();
        forged.clone().part(2, dtype, &bytes).bad_part()
    };
    assert_eq!(bias("F32", &[1.0; 3]), "bias");
    assert_eq!(bias("F32", &[1.0, f32::NAN]), "bias");
    assert_eq!(bias("I32", &[1.0; 2]), "bias");
}
