//! The command line: help, options that exclude each other, streams.

use std::process::Stdio;

use crate::inputs::{f32s, language_model, model};
use crate::tool::{Folder, program};

const COMMANDS: [&str; 7] = [
    "inspect",
    "quantize",
    "convert",
    "dequantize",
    "compare",
    "verify",
    "demo",
];

#[test]
fn every_command_has_help_with_examples() {
    let folder = Folder::new();
    for command in COMMANDS {
        let help = folder.done(&format!("{command} --help")).out;
        assert!(help.contains(&format!("  ternarize {command} ")), "{help}");
        assert!(help.contains("Example"), "{help}");
    }
    let help = folder.done("--help").out;
    for line in [
        "0    done",
        "1    a file or a tensor is wrong, and nothing was written",
        "2    the command line is wrong",
        "3    done, but a tensor that was planned as ternary was left as it was",
        "130  interrupted: nothing was written but, of a calibration, what is done",
    ] {
        assert!(help.contains(line), "{help}");
    }
    for command in COMMANDS {
        assert!(help.contains(&format!("  {command} ")), "{help}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = folder.done(&format!("completions {shell}")).out;
        let named = COMMANDS.iter().all(|command| script.contains(command));
        assert!(named, "{shell}");
    }
    folder.write("man/.keep", "");
    folder.done("manual man");
    for command in COMMANDS {
        let page = folder.text(&format!("man/ternarize-{command}.1"));
        assert!(page.contains("Example"), "{page}");
    }
    folder.refused(1, "manual nowhere", &["nowhere", "No such file"]);
}

/// Command lines that are wrong whatever the files hold, with what the message names.
const WRONG: [(&str, &str); 28] = [
    ("quantize m.safetensors", "--output"),
    ("quantize m.safetensors -o out", "--to"),
    ("quantize m.safetensors -o o.safetensors --to q4_0", "q4_0"),
    (
        "quantize m.safetensors -o o.gguf --to safetensors",
        "o.gguf",
    ),
    (
        "quantize m.safetensors -o o.safetensors --to tq2_0",
        "o.safetensors",
    ),
    ("quantize m.safetensors -o o.safetensors --include [", "["),
    (
        "quantize m.safetensors -o o.safetensors --include nothing*",
        "nothing*",
    ),
    (
        "quantize m.safetensors -o o.safetensors --exclude nothing",
        "nothing",
    ),
    ("quantize m.safetensors -o o.safetensors --per rows", "rows"),
    (
        "quantize m.safetensors -o o.safetensors --planes 0",
        "--planes",
    ),
    (
        "quantize m.safetensors -o o.safetensors --planes 5",
        "--planes",
    ),
    (
        "quantize m.safetensors -o o.safetensors --planes 2 --scales two",
        "--scales",
    ),
    (
        "quantize m.safetensors -o o.safetensors --planes 2 --rule absmean",
        "--planes",
    ),
    (
        "quantize m.safetensors -o o.safetensors --rule absmean --scales two",
        "--scales",
    ),
    (
        "quantize m.safetensors -o o.safetensors --rule two-scale --scales one",
        "two-scale",
    ),
    (
        "quantize m.safetensors -o o.safetensors --bits 2 --bytes 20",
        "--bytes",
    ),
    (
        "quantize m.safetensors -o o.safetensors --bits 2 --planes 2",
        "--planes",
    ),
    (
        "quantize m.safetensors -o o.safetensors --bits 2 --scales one",
        "--bits",
    ),
    ("quantize m.safetensors -o o.safetensors --bits -1", "-1"),
    ("quantize m.safetensors -o o.gguf --bits 2", "--bits"),
    ("quantize m.safetensors -o o.gguf --scales two", "--scales"),
    ("quantize m.safetensors -o o.gguf --per tensor", "--per"),
    ("quantize m.safetensors -o o.gguf --code base3", "--code"),
    (
        "quantize m.safetensors -o o.gguf --scale-type f32",
        "--scale-type",
    ),
    (
        "quantize m.safetensors -o o.gguf --shard-size 1M",
        "--shard-size",
    ),
    (
        "quantize m.safetensors -o o.safetensors --plan p.toml --to tq2_0",
        "--to",
    ),
    (
        "quantize m.safetensors -o o.safetensors --plan p.toml --per tensor",
        "--per",
    ),
    (
        "quantize m.safetensors -o o.safetensors --dry-run --report r.html",
        "--report",
    ),
];

#[test]
fn options_that_exclude_each_other_or_have_no_effect_are_errors() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    let before = folder.names();
    for (arguments, word) in WRONG {
        let ran = folder.run(arguments).ended(2);
        assert!(ran.err.contains(word), "{arguments}: {}", ran.err);
        assert!(ran.out.is_empty(), "{arguments}: {}", ran.out);
    }
    for arguments in [
        "quantize m.safetensors -o o.safetensors --json --quiet",
        "quantize m.safetensors -o o.safetensors --json --dry-run",
        "convert m.safetensors -o o.safetensors",
        "dequantize m.safetensors -o o.txt",
        "dequantize m.safetensors -o o.safetensors --type f8",
        "verify",
        "nothing",
        "",
    ] {
        folder.run(arguments).ended(2);
    }
    assert_eq!(folder.names(), before);
}

#[test]
fn quiet_prints_nothing_and_shows_no_progress() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    for arguments in [
        "quantize m.safetensors -o t.safetensors -q",
        "convert t.safetensors -o c.safetensors --to safetensors --quiet",
        "dequantize t.safetensors -o d.safetensors --quiet",
    ] {
        let ran = folder.done(arguments);
        assert_eq!((&*ran.out, &*ran.err), ("", ""), "{arguments}");
    }
    // Without a terminal there is no progress bar.
    let ran = folder.done("quantize m.safetensors -o u.safetensors");
    assert!(ran.err.is_empty() && ran.out.contains("2 of 4 tensors"));
}

#[test]
fn every_command_prints_json() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    let made = folder.json("quantize m.safetensors -o t.safetensors");
    assert_eq!(made["totals"]["ternary"], 2);
    let found = folder.json("inspect t.safetensors");
    assert_eq!(found["tensors"].as_array().unwrap().len(), 4);
    let done = folder.json("dequantize t.safetensors -o d.safetensors");
    assert_eq!(done["converted"], 2);
    let done = folder.json("convert t.safetensors -o c.safetensors --to safetensors");
    assert_eq!(done["converted"], 0);
    assert_eq!(
        folder.json("compare m.safetensors d.safetensors")["missing"],
        serde_json::json!([])
    );
    assert_eq!(
        folder.json("verify t.safetensors --against m.safetensors")["ok"],
        true
    );
}

#[test]
fn a_reader_that_stops_is_no_error() {
    let folder = Folder::new();
    let mut large = language_model();
    for layer in 0..3000 {
        large.insert(format!("layer.{layer}.weight"), f32s(&[2, 16], layer));
    }
    folder.put("m.safetensors", &large);
    for arguments in [
        "inspect m.safetensors",
        "inspect m.safetensors --json",
        "quantize m.safetensors -o t.safetensors --json",
        "completions bash",
        "--help",
    ] {
        let mut command = folder.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{arguments}: {errors}");
        assert!(errors.is_empty(), "{errors}");
    }
    // Nor is a closed standard error of an error.
    let mut child = program()
        .args(["inspect", "nowhere"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn the_demo_overwrites_nothing() {
    let folder = Folder::new();
    folder.write("ternarize-demo/report.html", "mine");
    folder.refused(1, "demo", &["report.html` is there already", "--force"]);
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "minutes without optimisation; the gate runs it on an optimised program, named by TERNARIZE_PROGRAM"
)]
fn the_demo_calibrates_in_an_empty_folder() {
    let folder = Folder::new();
    let ran = folder.done("demo --json");
    let names = [
        "calibrated.safetensors",
        "calibration.npz",
        "digits.onnx",
        "labels.npy",
        "report.html",
        "test.npz",
        "weights-only.onnx",
    ];
    assert_eq!(
        folder.names(),
        names.map(|name| format!("ternarize-demo/{name}"))
    );
    let values = serde_json::Deserializer::from_str(&ran.out).into_iter::<serde_json::Value>();
    let values: Vec<_> = values.map(Result::unwrap).collect();
    assert_eq!(values.len(), 5);
    // Three of the 360 images are the most that calibration may cost.
    let accuracy = |value: &serde_json::Value| value["accuracy"].as_f64().unwrap();
    let [by_weights, calibrated] = [1, 3].map(|step| accuracy(&values[step]["other"]));
    assert!(calibrated > accuracy(&values[3]) - 0.01 && calibrated > by_weights + 0.05);
    // The report stands for itself.
    let page = folder.text("ternarize-demo/report.html");
    assert!(page.contains("</html>") && !page.contains("src=\"http"));
}

#[test]
fn nothing_to_do_is_said() {
    let folder = Folder::new();
    folder.put("m.safetensors", &model([("norm", f32s(&[8], 1))]));
    let words = ["nothing would become ternary", "`norm`", "a vector"];
    folder.refused(1, "quantize m.safetensors -o t.safetensors", &words);
    folder.refused(
        1,
        "convert m.safetensors -o t.gguf --to tq2_0",
        &["no tensor is stored as ternary"],
    );
    folder.refused(
        1,
        "dequantize m.safetensors -o t.gguf",
        &["no tensor is stored as ternary"],
    );
    folder.put("none.safetensors", &model([]));
    folder.refused(
        1,
        "quantize none.safetensors -o t.safetensors",
        &["the model has no tensors"],
    );
}
