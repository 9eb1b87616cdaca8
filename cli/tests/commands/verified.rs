//! `verify`.

use ternarize::model::{Encoding, ModelReader, Tensor};

use crate::inputs::{bf16s, f16s, f32s, model};
use crate::tool::Folder;

/// A folder with a model and its ternary form `t.safetensors` or `t.gguf`.
fn folder(options: &str) -> Folder {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("a.weight", f32s(&[4, 256], 1)),
            ("b.weight", bf16s(&[4, 256], 2)),
            ("norm", f32s(&[256], 3)),
        ]),
    );
    folder.done(&format!("quantize m.safetensors {options}"));
    folder
}

const MADE: [&str; 11] = [
    "-o t.safetensors",
    "-o t.safetensors --scales one",
    "-o t.safetensors --code base3 --per block:64",
    "-o t.safetensors --rule two-scale",
    "-o t.safetensors --rule two-scale --scale-type f16",
    "-o t.safetensors --scales one --scale-type f16",
    "-o t.safetensors --rule absmean",
    "-o t.safetensors --per axis:1 --scales one",
    "-o t.safetensors --per axis:1 --rule absmax",
    "-o t.gguf --to tq2_0",
    "-o t.gguf --to i2_s",
];

fn output(options: &str) -> &str {
    options.split(' ').nth(1).unwrap()
}

#[test]
fn what_quantize_makes_is_the_optimum() {
    for options in MADE {
        let folder = folder(options);
        let verify = format!("verify {} --against m.safetensors", output(options));
        let found = folder.json(&verify);
        assert_eq!(found["ok"], true, "{options}: {found}");
        let groups = found["tensors"].as_array().unwrap().iter();
        let groups: u64 = groups
            .filter_map(|tensor| {
                Some(tensor["optimal_groups"].as_u64()? + tensor["remade_groups"].as_u64()?)
            })
            .sum();
        assert!(groups > 0, "{options}");
        let text = folder.done(&verify).out;
        assert!(text.contains("3 tensors are well formed"), "{text}");
    }
}

#[test]
fn the_containers_of_all_outputs_are_well_formed() {
    for options in MADE
        .into_iter()
        .chain(["-o t.safetensors --planes 3", "-o t.safetensors --bits 4"])
    {
        folder(options).done(&format!("verify {}", output(options)));
    }
}

/// The places of the bytes of trits and of scales of the tensor `a.weight`.
fn places(folder: &Folder, file: &str) -> Vec<(&'static str, usize)> {
    let bytes = folder.read(file);
    let reader = ModelReader::open(folder.path(file)).unwrap();
    let index = reader
        .tensors()
        .position(|info| info.name() == "a.weight")
        .unwrap();
    let mut stored = Vec::new();
    reader.copy_to(index, &mut stored).unwrap();
    let info = reader.tensors().nth(index).unwrap();
    // Trits come first, and in a block of TQ2_0 its scale last; 64 bytes are enough to find each part in the file.
    let find = |part: &[u8]| bytes.windows(part.len()).position(|w| w == part).unwrap();
    let trits = find(&stored[..64]) + 5;
    let scales = match info.encoding() {
        Encoding::Planes { .. } => {
            let len = stored.len();
            let scale = find(&stored[len - 8..]);
            scale + 4
        }
        Encoding::Blocks(_) if file.ends_with("gguf") && stored.len() % 66 == 0 => {
            find(&stored[..66]) + 64
        }
        _ => find(&stored[stored.len() - 32..]),
    };
    vec![("trits", trits), ("scales", scales)]
}

#[test]
fn a_single_changed_trit_or_scale_is_found() {
    for options in MADE {
        let folder = folder(options);
        let file = output(options);
        let good = folder.read(file);
        for (what, place) in places(&folder, file) {
            let mut bytes = good.clone();
            // Another trit, in either code; the last bit of a scale.
            bytes[place] = if what == "scales" {
                bytes[place] ^ 1
            } else {
                other_trit(bytes[place], options)
            };
            folder.write(file, &bytes);
            let ran = folder
                .run(&format!("verify {file} --against m.safetensors"))
                .ended(1);
            let said = ran.out.contains("the tensor `a.weight`: group ")
                && ran.out.contains(" without importances")
                && ran.out.contains("1 of 3 tensors");
            assert!(said, "{options} {what}: {}", ran.out);
            // Alone it is a file like any other.
            folder.done(&format!("verify {file}"));
            let found = folder
                .run(&format!("verify {file} --against m.safetensors --json"))
                .ended(1)
                .json();
            assert_eq!(
                (&found["ok"], found["tensors"].as_array().unwrap().len()),
                (&false.into(), 3)
            );
        }
    }
}

/// A byte with another trit in its place of least weight.
fn other_trit(byte: u8, options: &str) -> u8 {
    if options.contains("base3") {
        // A number below 3^5 = 243, or scaled by 256 / 243; one step further in either is another number.
        return if byte > 3 { byte - 2 } else { byte + 2 };
    }
    // Codes of two bits each, of which three are in use.
    (0..4)
        .map(|code| byte & !3 | code)
        .find(|other| *other != byte && is_code(*other, byte))
        .unwrap()
}

/// Whether the lowest two bits are a code that the byte may have: 11 is none in `TQ2_0` and `I2_S`, 10 is none in this library's code.
fn is_code(other: u8, byte: u8) -> bool {
    let codes = [0, 2, 4, 6].map(|shift| (byte >> shift) & 3);
    let unused = if codes.contains(&3) { 2 } else { 3 };
    other & 3 != unused && (codes.contains(&3) || other & 3 != 2 || codes.contains(&2))
}

#[test]
fn another_original_is_told() {
    let folder = folder("-o t.safetensors");
    folder.put(
        "other.safetensors",
        &model([("a.weight", f32s(&[4, 128], 1)), ("norm", f32s(&[256], 3))]),
    );
    let ran = folder
        .run("verify t.safetensors --against other.safetensors")
        .ended(1);
    for said in [
        "`a.weight`: the original has another shape",
        "`b.weight`: the original has no tensor of this name",
        "2 of 3 tensors",
    ] {
        assert!(ran.out.contains(said), "{}", ran.out);
    }
    folder.refused(
        1,
        "verify t.safetensors --against nowhere",
        &["nowhere", "No such file"],
    );
    folder.refused(1, "verify nowhere", &["nowhere", "No such file"]);
}

#[test]
fn damaged_codes_and_scales_are_found_without_an_original() {
    let folder = folder("-o t.safetensors");
    let good = folder.read("t.safetensors");
    let [(_, trits), (_, scales)] = places(&folder, "t.safetensors")[..] else {
        panic!()
    };
    for (place, byte) in [
        (trits, 0b0101_0110_u8),
        (trits, 0b1010_1010),
        (scales + 3, 0xff),
    ] {
        let mut bytes = good.clone();
        bytes[place] = byte;
        folder.write("t.safetensors", &bytes);
        let ran = folder.run("verify t.safetensors");
        let found = ran.code == Some(1) && ran.out.contains("`a.weight`");
        assert!(found || byte != 0xff, "{place}: {}", ran.out);
    }
}

#[test]
fn proved_groups_are_counted_apart_from_those_made_again() {
    for (options, optimal, remade) in [
        ("-o t.safetensors", 8, 0),
        ("-o t.gguf --to tq2_0", 8, 0),
        ("-o t.safetensors --rule twn", 0, 8),
        // In `a.weight` of f32 scales are rounded after the choice; in `b.weight` they have the type of the weights.
        ("-o t.safetensors --scale-type bf16", 4, 4),
        ("-o t.safetensors --planes 2", 0, 8),
    ] {
        let folder = folder(options);
        let verify = format!("verify {} --against m.safetensors", output(options));
        let found = folder.json(&verify);
        let sum = |key: &str| {
            let tensors = found["tensors"].as_array().unwrap().iter();
            let groups = tensors.filter_map(|tensor| tensor[key].as_u64());
            groups.sum::<u64>()
        };
        let sums = (sum("optimal_groups"), sum("remade_groups"));
        assert_eq!(sums, (optimal, remade), "{options}");
        let text = folder.done(&verify).out;
        for (groups, what) in [
            (optimal, "are the proved optimum"),
            (remade, "made again are the same"),
        ] {
            let said = text.contains(&format!("; {groups} groups {what}"));
            assert_eq!(said, groups > 0, "{options}: {text}");
        }
    }
}

#[test]
fn the_rule_is_stated_where_the_file_does_not() {
    let folder = folder("-o t.gguf --to tq2_0 --rule absmax");
    let ran = folder.run("verify t.gguf --against m.safetensors").ended(1);
    let words = "of 4 is not the optimum of the rule tnt without importances";
    assert!(ran.out.contains(words), "{}", ran.out);
    let verify = "verify t.gguf --against m.safetensors --rule";
    folder.done(&format!("{verify} absmax"));
    let ran = folder.run(&format!("{verify} absmean")).ended(1);
    let words = "of 4 is not what the rule absmean makes without importances";
    assert!(ran.out.contains(words), "{}", ran.out);
    let ran = folder.run(&format!("{verify} two-scale")).ended(1);
    assert!(ran.out.contains("has two scales"), "{}", ran.out);
    folder.refused(2, "verify t.gguf --rule absmax", &["--rule", "--against"]);
}

#[test]
fn other_tensors_must_be_those_of_the_original() {
    let folder = folder("-o t.safetensors");
    let made = folder.get("t.safetensors");
    let with = |name: &str, tensor: Option<Tensor>| {
        let tensors = made.tensors().filter(|(other, _)| *other != name);
        let tensors = tensors.map(|(name, tensor)| (name.to_string(), tensor.clone()));
        let other = tensor.map(|tensor| (name.to_string(), tensor));
        folder.put("o.safetensors", &tensors.chain(other).collect());
        folder.run("verify o.safetensors --against m.safetensors")
    };
    with("norm", Some(f32s(&[256], 3))).ended(0);
    with("a.weight.bias", Some(f32s(&[4], 3))).ended(0);
    for (name, tensor, said) in [
        ("norm", Some(f32s(&[256], 4)), "has other values"),
        (
            "norm",
            Some(f16s(&[256], 3)),
            "has another type: F32, not F16",
        ),
        ("norm", None, "only the original has it"),
        ("more", Some(f32s(&[4], 3)), "has no tensor of this name"),
        ("b.weight", Some(bf16s(&[4, 256], 3)), "has other values"),
    ] {
        let out = with(name, tensor).ended(1).out;
        let named = out.contains(&format!("the tensor `{name}`: ")) && out.contains(said);
        assert!(named && out.contains("1 of "), "{name}: {out}");
    }
    let verify = "verify o.safetensors --against m.safetensors --json";
    with("norm", None).ended(1);
    let found = folder.run(verify).ended(1).json();
    let missing = (&found["missing"], &found["ok"]);
    assert_eq!(missing, (&serde_json::json!(["norm"]), &false.into()));
}

#[test]
fn all_kinds_of_tensors_are_found_again_in_other_containers() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("a.weight", f32s(&[4, 256], 1)),
            ("one", f32s(&[1], 2)),
            ("scalar", f32s(&[], 2)),
        ]),
    );
    for (to, output) in [("tq2_0", "t.gguf"), ("hf-bitnet", "h"), ("mlx", "x")] {
        folder.done(&format!("quantize m.safetensors -o {output} --to {to}"));
        folder.done(&format!("verify {output} --against m.safetensors"));
    }
}

#[test]
fn ternary_tensors_that_were_carried_are_compared_with_the_original() {
    let folder = folder("-o t.safetensors");
    folder.done("verify t.safetensors --against t.safetensors");
    let good = folder.read("t.safetensors");
    let (_, scales) = places(&folder, "t.safetensors")[1];
    let mut bytes = good;
    bytes[scales] ^= 1;
    folder.write("o.safetensors", &bytes);
    let ran = folder.run("verify o.safetensors --against t.safetensors");
    let out = ran.ended(1).out;
    assert!(
        out.contains("`a.weight`: the original has other values"),
        "{out}"
    );
}
