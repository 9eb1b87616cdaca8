//! Interrupts while a command works.
#![cfg(unix)]

use std::fs;
#[cfg(feature = "onnx")]
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[cfg(feature = "onnx")]
use crate::arrays::smooth_floats;
use crate::inputs::{f32s, model};
use crate::tool::{Folder, Ran};

/// A model of many tensors, on which four planes take some seconds.
fn folder(tensors: usize) -> Folder {
    let mut many = model([]);
    let tensor = f32s(&[16, 256], 1);
    for number in 0..tensors {
        many.insert(format!("layers.{number}.weight"), tensor.clone());
    }
    let folder = Folder::new();
    folder.put("m.safetensors", &many);
    folder
}

/// Sends a signal once the command is at work. It says that it was interrupted, and this.
fn interrupt(
    folder: &Folder,
    arguments: &str,
    signal: &str,
    says: &str,
    at_work: impl Fn() -> bool,
) {
    let mut command = folder.command(arguments);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !at_work() {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "{arguments} does not begin"
        );
        sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
    let ran = Ran::of(child.wait_with_output().unwrap(), arguments).ended(130);
    ran.one_line(&["interrupted", says]);
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let folder = folder(1500);
    let entries = || fs::read_dir(folder.path("")).unwrap().count();
    for (arguments, signal) in [
        ("quantize m.safetensors -o t.safetensors --planes 4", "-INT"),
        (
            "quantize m.safetensors -o t.safetensors --planes 4 --json",
            "-TERM",
        ),
        (
            "quantize m.safetensors -o parts --planes 4 --shard-size 1M",
            "-INT",
        ),
    ] {
        let count = entries();
        interrupt(&folder, arguments, signal, "", || entries() > count);
        assert_eq!(folder.names(), ["m.safetensors"], "{arguments}");
    }
}

#[test]
fn commands_that_only_read_are_interrupted_too() {
    let folder = folder(500);
    folder.done("quantize m.safetensors -o t.safetensors -q --rule absmax");
    let start = Instant::now();
    // The whole work takes some seconds.
    let at_work = || start.elapsed() > Duration::from_millis(100);
    interrupt(
        &folder,
        "verify t.safetensors --against m.safetensors",
        "-INT",
        "",
        at_work,
    );
    assert_eq!(folder.names(), ["m.safetensors", "t.safetensors"]);
}

#[test]
#[cfg(feature = "onnx")]
fn an_interrupted_calibration_keeps_what_is_done() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let folder = Folder::new();
    folder.write("n.onnx", fs::read(data.join("digits.onnx")).unwrap());
    let few = ("input", smooth_floats(&[24, 1, 8, 8], 1));
    folder.put_arrays("i.npz", &[few]);
    let arguments = "quantize n.onnx -q --calibrate i.npz -o t.onnx";
    let unfinished = folder.path("t.onnx.unfinished");
    let says = "the same command goes on";
    interrupt(&folder, arguments, "-INT", says, || unfinished.exists());
    assert_eq!(folder.names(), ["i.npz", "n.onnx", "t.onnx.unfinished"]);
}
