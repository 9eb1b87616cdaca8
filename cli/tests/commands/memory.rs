//! The memory that `quantize` needs: at most twice that of the largest tensor, and 64 MiB.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::inputs::numbers;
use crate::tool::Folder;

const MIB: u64 = 1 << 20;

/// Writes a model of float tensors, of which most numbers are zeros that take no place on the disk.
fn put(folder: &Folder, shapes: &[(&str, [u64; 2])]) {
    let (mut end, mut entries) = (0, Vec::new());
    for (name, shape) in shapes {
        let start = end;
        end += shape[0] * shape[1] * 4;
        entries.push(format!(
            "\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}"
        ));
    }
    let mut header = format!("{{{}}}", entries.join(","));
    header.extend(vec![' '; header.len().next_multiple_of(8) - header.len()]);
    let mut file = File::create(folder.path("m.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let start = 8 + header.len() as u64;
    file.set_len(start + end).unwrap();
    let bytes: Vec<u8> = numbers(64, 1)
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    for place in (0..end - 256).step_by(1 << 16) {
        file.seek(SeekFrom::Start(start + place)).unwrap();
        file.write_all(&bytes).unwrap();
    }
}

/// The most memory that a process had, in bytes; `None` once it has ended.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

#[test]
fn memory_is_that_of_the_largest_tensor_and_not_of_the_model() {
    let folder = Folder::new();
    let mut shapes = vec![
        ("embed.weight", [4096, 8192]),
        ("large.weight", [1024, 4096]),
    ];
    let names: Vec<String> = (0..8)
        .map(|number| format!("layers.{number}.weight"))
        .collect();
    shapes.extend(names.iter().map(|name| (&**name, [256, 1024])));
    put(&folder, &shapes);
    // One group is a row, or the tensor.
    for options in ["--scales one", "--per tensor"] {
        let arguments =
            format!("quantize m.safetensors -o t.safetensors --quiet --force {options}");
        let most = most_memory(&folder, &arguments);
        let limit = 2 * 16 * MIB + 64 * MIB;
        assert!(
            most > 4 * MIB && most <= limit,
            "{options}: {most} of {limit}"
        );
    }
}

/// The most memory that the program needs.
fn most_memory(folder: &Folder, arguments: &str) -> u64 {
    let mut child = folder
        .command(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut most = 0;
    loop {
        most = most.max(peak(child.id()).unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success());
            return most;
        }
        sleep(Duration::from_millis(2));
    }
}
