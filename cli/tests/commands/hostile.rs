//! Files that are damaged, or made to do harm. Each is refused in one line with its name and the cause.

use clap::Parser as _;
use ternarize::model::Metadata;
use ternarize_cli::arguments::Arguments;
use ternarize_cli::disk::RealDisk;
use ternarize_cli::failure::{exit_code, one_line};

use crate::inputs::{f32s, model, safetensors};
use crate::tool::Folder;

const COMMANDS: [&str; 5] = [
    "inspect bad",
    "quantize bad -o t.safetensors",
    "convert bad -o t.gguf --to tq2_0",
    "dequantize bad -o t.safetensors",
    "verify bad",
];

/// Each command refuses the file `bad` with these words.
fn refuse(bytes: &[u8], words: &[&str]) {
    let folder = Folder::new();
    folder.write("bad", bytes);
    let words: Vec<&str> = words.iter().copied().chain(["bad"]).collect();
    for arguments in COMMANDS {
        folder.refused(1, arguments, &words);
    }
}

#[test]
fn hostile_headers_of_safetensors_are_refused() {
    let w = |rest: &str| format!(r#"{{"w":{{"dtype":"F32",{rest}}}}}"#);
    let deep = format!(r#"{{"w":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (header, words) in [
        (w(r#""shape":[2],"data_offsets":[0,9]"#), &["tensor"][..]),
        (w(r#""shape":[2],"data_offsets":[8,0]"#), &[]),
        (w(r#""shape":[9],"data_offsets":[0,8]"#), &[]),
        (w(r#""shape":[4611686018427387904,4],"data_offsets":[0,8]"#), &[]),
        (w(r#""shape":[18446744073709551615,18446744073709551615],"data_offsets":[0,8]"#), &[]),
        (w(r#""shape":[-1],"data_offsets":[0,8]"#), &[]),
        (w(r#""shape":[2],"data_offsets":[0,18446744073709551615]"#), &[]),
        (w(r#""shape":[2]"#), &["data_offsets"]),
        (r#"{"w":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#.into(), &["F99"]),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#.into(), &["b"]),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#.into(), &["`a`", "twice"]),
        (r#"{"__metadata__":{"k":1},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#.into(), &[]),
        (r#"{"a\u001b[31m\n":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#.into(), &["u{1b}"]),
        (deep, &["recursion"]),
        ("[]".into(), &[]),
        ("{".into(), &[]),
        (String::new(), &[]),
    ] {
        refuse(&safetensors(&header, &[0; 8]), words);
    }
    for (bytes, words) in [
        (&b""[..], "incomplete"),
        (b"\x08\0\0\0\0\0\0", "incomplete"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff{}", "longer than"),
        (b"\x40\0\0\0\0\0\0\0{}", "incomplete"),
        (b"\x02\0\0\0\0\0\0\0\xff\xfe", "utf-8"),
        (b"#!/bin/sh\necho a model\n", "safetensors"),
    ] {
        refuse(bytes, &[words]);
    }
}

/// A GGUF file, part by part.
struct Gguf(Vec<u8>);

impl Gguf {
    fn new(tensors: u64, pairs: u64) -> Self {
        Self(b"GGUF\x03\0\0\0".to_vec()).u64(tensors).u64(pairs)
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self = self.u64(text.len() as u64);
        self.0.extend(text.as_bytes());
        self
    }

    fn pair(self, key: &str, value: u32) -> Self {
        self.text(key).u32(4).u32(value)
    }

    /// Extents are those of the file, the innermost first.
    fn tensor(mut self, name: &str, extents: &[u64], id: u32, offset: u64) -> Self {
        self = self.text(name).u32(u32::try_from(extents.len()).unwrap());
        for &extent in extents {
            self = self.u64(extent);
        }
        self.u32(id).u64(offset)
    }

    fn data(mut self, bytes: usize) -> Vec<u8> {
        let start = self.0.len().next_multiple_of(32);
        self.0.resize(start + bytes, 0);
        self.0
    }
}

const HUGE: u64 = u64::MAX;

#[test]
fn hostile_headers_of_gguf_are_refused() {
    let new = Gguf::new;
    for (bytes, words) in [
        (new(HUGE, 0).data(0), &["GGUF"][..]),
        (new(0, HUGE).data(0), &["incomplete"]),
        (new(0, 1).u64(HUGE).data(64), &["incomplete"]),
        (
            new(0, 1).text("k").u32(9).u32(4).u64(HUGE).data(64),
            &["incomplete"],
        ),
        (new(0, 1).text("k").u32(9).u32(8).u64(HUGE).data(64), &[]),
        (
            new(0, 1).text("k").u32(9).u32(9).u64(HUGE).data(64),
            &["elements of type 9"],
        ),
        (new(0, 1).text("k").u32(99).data(64), &["type 99"]),
        (
            new(0, 2).pair("k", 1).pair("k", 1).data(0),
            &["`k`", "twice"],
        ),
        (
            new(0, 1).pair("general.alignment", 0).data(0),
            &["alignment"],
        ),
        (
            new(0, 1).pair("general.alignment", 3).data(0),
            &["alignment"],
        ),
        (
            new(1, 0).tensor("w", &[1 << 33, 1 << 33], 0, 0).data(64),
            &["`w`", "too many"],
        ),
        (
            new(1, 0).tensor("w", &[1 << 61, 2], 0, 0).data(64),
            &["`w`"],
        ),
        (
            new(1, 0).tensor("w", &[16], 0, HUGE).data(64),
            &["`w`", "offset"],
        ),
        (
            new(1, 0).tensor("w", &[16, 1, 1, 1, 1], 0, 0).data(64),
            &["`w`", "5 axes"],
        ),
        (
            new(1, 0).tensor("w", &[100], 12, 0).data(64),
            &["`w`", "multiple of 256"],
        ),
        (
            new(1, 0).tensor("w", &[16], 0, 0).data(32),
            &["`w`", "end of the file"],
        ),
        (
            new(1, 0).tensor("w", &[8], 0, 0).data(64),
            &["32 bytes follow"],
        ),
        (
            new(2, 0)
                .tensor("a", &[8], 0, 0)
                .tensor("b", &[8], 0, 0)
                .data(64),
            &["`b`", "offset 0"],
        ),
        (
            new(2, 0)
                .tensor("a", &[8], 0, 0)
                .tensor("a", &[8], 0, 32)
                .data(64),
            &["`a`", "twice"],
        ),
        (
            new(1, 0).tensor("\u{1b}[2J\u{202e}", &[16], 0, 0).data(32),
            &["u{1b}", "u{202e}"],
        ),
    ] {
        refuse(&bytes, words);
    }
    let mut old = new(0, 0).data(0);
    old[4] = 1;
    refuse(&old, &["version 1"]);
    old[4..8].copy_from_slice(&[0, 0, 0, 3]);
    refuse(&old, &["big-endian"]);
}

/// Two programs gave the number 42 to blocks of 64 weights in 18 bytes and of 128 weights in 34.
#[test]
fn blocks_of_two_kinds_of_one_number_are_told_apart() {
    let folder = Folder::new();
    // 2048 weights.
    for (rows, bytes, name) in [(8, 18 * 4 * 8, "Q2_0"), (8, 34 * 2 * 8, "PQ2_0")] {
        let bytes: usize = bytes;
        folder.write(
            "m.gguf",
            Gguf::new(1, 0)
                .tensor("w", &[256, rows], 42, 0)
                .data(bytes.next_multiple_of(32)),
        );
        let found = folder.json("inspect m.gguf");
        assert_eq!(found["tensors"][0]["type"], name);
    }
}

#[test]
fn weights_for_transformed_inputs_are_not_converted() {
    let folder = Folder::new();
    let mut metadata = Metadata::new_gguf("llama");
    metadata.set("prism.hadamard.version", "1");
    folder.put_gguf_with(
        "m.gguf",
        &model([("w.weight", f32s(&[4, 256], 1))]),
        &metadata,
    );
    folder.done("quantize m.gguf -o bad --to tq2_0");
    for arguments in [
        "convert bad -o t.safetensors --to safetensors",
        "convert bad -o t.gguf --to tq1_0",
        "dequantize bad -o t.safetensors",
    ] {
        folder.refused(1, arguments, &["bad", "`w.weight`", "prism.hadamard"]);
    }
}

#[test]
fn names_are_printed_without_what_acts_on_a_terminal() {
    let folder = Folder::new();
    let name = "a\u{1b}]0;x\u{7}\r\n\u{202e}.weight";
    folder.put(
        "m.safetensors",
        &model([(name, f32s(&[4, 64], 1)), ("b\u{9b}", f32s(&[4], 1))]),
    );
    for arguments in [
        "inspect m.safetensors",
        "quantize m.safetensors -o t.safetensors --report r.html",
        "convert t.safetensors -o u.safetensors --to safetensors",
        "compare m.safetensors t.safetensors",
        "compare m.safetensors empty.safetensors",
        "verify t.safetensors --against m.safetensors",
        "quantize m.safetensors -o t.safetensors --dry-run",
    ] {
        folder.put("empty.safetensors", &model([]));
        let ran = folder.done(arguments);
        let acts = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(
            !ran.out.contains(acts) || arguments.contains("dry-run"),
            "{arguments}: {:?}",
            ran.out
        );
        assert!(!ran.out.contains('\u{1b}'), "{arguments}");
    }
    // What the page shows, without the JSON in it.
    let page = folder.text("r.html");
    let (shown, json) = page
        .split_once("<script type=\"application/json\"")
        .unwrap();
    let after = json.split_once("</script>").unwrap().1;
    assert!(!page.contains('\u{1b}') && !shown.contains('\u{202e}') && !after.contains('\u{202e}'));
}

/// What a command does in this process, without output: its exit code.
fn code(folder: &Folder, command: &str, input: &str, output: &str) -> u8 {
    let (input, output) = (folder.path(input), folder.path(output));
    let line = [
        "ternarize",
        command,
        input.to_str().unwrap(),
        "-q",
        "-o",
        output.to_str().unwrap(),
        "--force",
    ];
    let to = ["--to", "safetensors"];
    let more: &[&str] = if command == "dequantize" { &[] } else { &to };
    let arguments = Arguments::try_parse_from(line.iter().chain(more)).unwrap();
    match ternarize_cli::run(&arguments.command, &RealDisk) {
        Ok(code) => code,
        Err(error) => {
            assert!(!one_line(&error).contains(char::is_control), "{error:?}");
            exit_code(&error)
        }
    }
}

/// A small ternary file in each container.
fn small_files() -> Folder {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([("a.weight", f32s(&[2, 128], 1)), ("n", f32s(&[2], 2))]),
    );
    folder.done("quantize m.safetensors -o safetensors --to safetensors --scale-type f16");
    folder.done("quantize m.safetensors -o gguf --to pq2_0");
    folder
}

#[test]
fn no_changed_byte_is_a_panic() {
    let folder = small_files();
    for kind in ["safetensors", "gguf"] {
        let good = folder.read(kind);
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= [0x01, 0x80, 0xff, 0x10][place % 4];
            folder.write("bad", &bytes);
            for (every, command) in [(1, "dequantize"), (4, "convert"), (8, "quantize")] {
                if place % every > 0 {
                    continue;
                }
                let code = code(&folder, command, "bad", "out.safetensors");
                let ended = matches!(code, 0 | 1 | 3);
                assert!(ended, "{kind} {command} {place}: {code}");
            }
            if place % 64 == 0 {
                for arguments in ["inspect bad", "verify bad", "compare bad bad"] {
                    let ran = folder.run(arguments);
                    let ended = matches!(ran.code, Some(0 | 1)) && !ran.err.contains("panic");
                    assert!(ended, "{kind} {arguments} {place}: {}", ran.err);
                }
            }
        }
    }
}

#[test]
fn every_file_cut_short_is_refused() {
    let folder = small_files();
    for kind in ["safetensors", "gguf"] {
        let good = folder.read(kind);
        // The last bytes of a GGUF file may be padding, which belongs to the tensor before it.
        let full = if kind == "gguf" {
            good.len() - 32
        } else {
            good.len()
        };
        for len in 0..full {
            folder.write("bad", &good[..len]);
            assert_eq!(
                code(&folder, "dequantize", "bad", "out.safetensors"),
                1,
                "{kind} {len}"
            );
        }
        folder.write("bad", &good[..full / 2]);
        for arguments in COMMANDS {
            folder.refused(1, arguments, &["bad"]);
        }
        folder.write("bad", [&good[..], b"more"].concat());
        folder.refused(1, "inspect bad", &["bad"]);
    }
}
