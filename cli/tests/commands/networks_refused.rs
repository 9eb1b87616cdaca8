//! Networks, plans and command lines of `quantize` that are wrong.

use std::fs;

use crate::arrays::{of_floats, smooth};
use crate::inputs::{f32s, model};
use crate::networks::{NOT_RUN, folder_of};

#[test]
fn a_plan_can_be_edited_and_wrong_ones_are_refused() {
    let folder = folder_of("dense");
    let quantize = "quantize n.onnx -o t.onnx";
    folder.done(&format!("{quantize} --bits 15 --dry-run=plan.toml"));
    let plan = folder.text("plan.toml");
    let (start, rest) = plan.split_once("[[layer]]").unwrap();
    let (first, others) = rest.split_once("[[layer]]").unwrap();
    // What a plan does not name is left.
    folder.write("plan.toml", format!("{start}[[layer]]{others}"));
    let made = folder.json(&format!("{quantize} --plan plan.toml"));
    assert_eq!(made["totals"]["ternary"], 3);
    assert_eq!(made["tensors"][0]["kept"], "the plan does not name it");
    fs::remove_file(folder.path("t.onnx")).unwrap();
    for (edited, word) in [
        (plan.replace("\"a\"", "\"e\""), "`e`"),
        (format!("{plan}\n[[layer]]{first}"), "twice"),
        (plan.replacen("planes = ", "planes = 7", 1), "planes"),
        (plan.replace("version = 1", "version = 9"), "version 9"),
        (plan.replacen("planes", "plans", 1), "plan.toml"),
        (plan.replacen("planes", "color = 1\nplanes", 1), "color"),
        (start.to_string(), "plan.toml"),
    ] {
        folder.write("plan.toml", edited);
        folder.refused(1, &format!("{quantize} --plan plan.toml"), &[word]);
    }
    folder.done(&format!(
        "{quantize} --calibrate i.npz --bits 15 --dry-run=outputs.toml"
    ));
    folder.refused(
        2,
        &format!("{quantize} --plan outputs.toml"),
        &["--calibrate"],
    );
}

#[test]
fn inputs_without_end_leave_every_layer_behind_them() {
    let folder = folder_of("dense");
    let mut values = smooth(&[40, 6], 1);
    values[17] = f32::INFINITY;
    folder.put_arrays("inf.npz", &[("x", of_floats(&[40, 6], &values))]);
    let words = [
        "nothing would become ternary",
        "`a`",
        "`d`",
        "17",
        "not finite",
    ];
    folder.refused(
        1,
        "quantize n.onnx -o t.onnx --bits 15 --calibrate inf.npz",
        &words,
    );
}

#[test]
fn options_without_effect_on_a_network_are_errors_of_the_command_line() {
    let folder = folder_of("dense");
    folder.put("m.safetensors", &model([("w.weight", f32s(&[8, 8], 1))]));
    let quantize = "quantize n.onnx -o t.onnx";
    for (option, word) in [
        ("--per tensor", "--per"),
        ("--rule absmean", "--rule"),
        ("--scales one", "--scales"),
        ("--planes 2", "--planes"),
        ("--scale-type f16", "--scale-type"),
        ("--code base3", "--code"),
        ("--bytes 1000", "--bytes"),
        ("--importance i.npz", "--importance"),
        ("--shard-size 1k", "--shard-size"),
        ("--include x*", "fits no tensor"),
        ("--exclude x*", "fits no tensor"),
        ("--bits 0", "--bits"),
        ("--bits nan", "--bits"),
        ("--bits 1", "--bits from"),
        ("--to tq2_0", "tq2_0"),
    ] {
        folder.refused(2, &format!("{quantize} {option}"), &[word]);
    }
    for (arguments, word) in [
        (
            "quantize m.safetensors -o t.safetensors --calibrate i.npz",
            "--calibrate",
        ),
        ("quantize m.safetensors -o t.onnx --to onnx", "--to onnx"),
    ] {
        folder.refused(2, arguments, &[word]);
    }
}

#[test]
fn no_file_that_is_read_is_overwritten() {
    let folder = folder_of("dense");
    folder.done("quantize n.onnx -o t.onnx --bits 15 --dry-run=plan.toml");
    let quantize = "quantize n.onnx --calibrate i.npz --force";
    for (options, word) in [
        ("--bits 15 -o n.onnx", "n.onnx"),
        ("--bits 15 -o i.npz", "i.npz"),
        ("--plan plan.toml -o plan.toml", "plan.toml"),
        ("--bits 15 -o t.onnx --report n.onnx", "n.onnx"),
        ("--bits 15 -o t.onnx --report i.npz", "i.npz"),
        ("--bits 15 -o t.onnx --report t.onnx", "t.onnx"),
        ("--bits 15 -o t.onnx --dry-run=n.onnx", "n.onnx"),
        ("--bits 15 -o t.onnx --dry-run=i.npz", "i.npz"),
    ] {
        folder.refused(1, &format!("{quantize} {options}"), &[word, "is the input"]);
    }
    folder.write("t.onnx", "old");
    folder.refused(
        1,
        "quantize n.onnx -o t.onnx --bits 15",
        &["t.onnx", "--force"],
    );
}

#[test]
fn networks_that_are_none_are_refused() {
    let folder = folder_of("odd");
    let words = [
        "nothing would become ternary",
        "`a_node`",
        "`g`: it is a call of a local function",
    ];
    folder.refused(1, "quantize n.onnx -o t.onnx", &words);
    let whole = folder_of("images").read("n.onnx");
    for len in (0..whole.len()).step_by(7) {
        folder.write("n.onnx", &whole[..len]);
        folder.refused(1, "quantize n.onnx -o t.onnx --bits 15", &[]);
    }
    folder.write("n.onnx", "no network");
    folder.refused(1, "evaluate n.onnx --inputs i.npz", &["n.onnx"]);
    folder.refused(
        1,
        "quantize none.onnx -o t.onnx",
        &["none.onnx", "No such file"],
    );
}

#[test]
fn a_network_that_the_engine_cannot_run_is_not_calibrated() {
    for (name, ..) in NOT_RUN
        .into_iter()
        .filter(|(name, ..)| *name != "convolutions_9")
    {
        let folder = folder_of(name);
        folder.refused(
            1,
            "quantize n.onnx -o t.onnx --calibrate i.npz --bits 30",
            &["the engine"],
        );
        folder.refused(1, "evaluate n.onnx --inputs i.npz", &["the engine"]);
    }
}
