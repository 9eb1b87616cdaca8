//! Interrupts while a command works.
#![cfg(unix)]

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

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

/// Sends a signal once the command is at work.
fn interrupt(folder: &Folder, arguments: &str, signal: &str, at_work: impl Fn() -> bool) {
    let before = folder.names();
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
    ran.one_line(&["interrupted"]);
    assert_eq!(folder.names(), before, "{arguments}");
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
        interrupt(&folder, arguments, signal, || entries() > count);
    }
    assert_eq!(folder.names(), ["m.safetensors"]);
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
        at_work,
    );
}
