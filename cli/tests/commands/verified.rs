//! `verify`.

use ternarize::model::{Encoding, ModelReader};

use crate::inputs::{bf16s, f32s, model};
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

const MADE: [&str; 9] = [
    "-o t.safetensors",
    "-o t.safetensors --scales one",
    "-o t.safetensors --code base3 --per block:64",
    "-o t.safetensors --rule two-scale",
    "-o t.safetensors --rule two-scale --scale-type f16",
    "-o t.safetensors --scales one --scale-type f16",
    "-o t.safetensors --rule absmean",
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
            .filter_map(|tensor| tensor["optimal_groups"].as_u64())
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
            let said = ran.out.contains("`a.weight`") && ran.out.contains("1 of 3 tensors");
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
        "2 of 3",
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
