//! A disk of which any read, seek or write fails: always an error, and everything is as it was.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser as _;
use ternarize_cli::arguments::Arguments;
use ternarize_cli::disk::{Disk, Input, WriteSeek};
use ternarize_cli::failure::{exit_code, one_line};

use crate::inputs::{f16s, f32s, model};
use crate::tool::Folder;

/// Counts down with each access; the one at 0 fails.
#[derive(Clone)]
struct Countdown(Arc<AtomicUsize>);

impl Countdown {
    fn next(&self) -> io::Result<()> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("the disk is broken")),
            _ => Ok(()),
        }
    }
}

/// A disk whose n-th access fails.
struct Unreliable(Countdown);

struct Handle<F> {
    file: F,
    left: Countdown,
}

impl<F: Read> Read for Handle<F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.left.next()?;
        self.file.read(bytes)
    }
}

impl<F: Write> Write for Handle<F> {
    /// Half of the bytes are written before it fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.left.next() {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.left.next()?;
        self.file.flush()
    }
}

impl<F: Seek> Seek for Handle<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.left.next()?;
        self.file.seek(to)
    }
}

impl Disk for Unreliable {
    fn open(&self, path: &Path) -> io::Result<Input> {
        self.0.next()?;
        let (file, left) = (File::open(path)?, self.0.clone());
        Ok(Box::new(Handle { file, left }))
    }

    fn output<'a>(&self, file: &'a mut File) -> Box<dyn WriteSeek + 'a> {
        let left = self.0.clone();
        Box::new(Handle { file, left })
    }
}

/// Runs a command with its first, its second, its third access failing, until none does.
fn fails_at_every_access(folder: &Folder, arguments: &str, output: &str) {
    let paths = arguments
        .split(' ')
        .map(|word| match word.strip_prefix('@') {
            Some(name) => folder.path(name).to_str().unwrap().to_string(),
            None => word.to_string(),
        });
    let line: Vec<String> = ["ternarize".to_string()].into_iter().chain(paths).collect();
    let before = folder.contents();
    for fails in 0..10_000 {
        let arguments = Arguments::try_parse_from(&line).unwrap();
        let disk = Unreliable(Countdown(Arc::new(AtomicUsize::new(fails))));
        match ternarize_cli::run(&arguments.command, &disk) {
            Ok(code) => {
                assert_eq!(code, 0);
                assert!(fails > 10, "{line:?}: {fails}");
                assert!(folder.contents() != before);
                // The output is that of a disk that works.
                let made = folder.path(output);
                assert!(made.is_dir() || fs::metadata(made).unwrap().len() > 1000);
                return;
            }
            Err(error) => {
                assert_eq!(exit_code(&error), 1);
                let said = one_line(&error);
                assert!(said.contains("the disk is broken"), "{said}");
                assert!(folder.contents() == before, "{line:?} {fails}: {said}");
            }
        }
    }
    panic!("{line:?} never ends");
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("a.weight", f32s(&[4, 256], 1)),
            ("b.weight", f16s(&[4, 256], 2)),
            ("norm", f32s(&[256], 3)),
        ]),
    );
    folder
}

#[test]
fn quantize_leaves_a_file_as_it_was() {
    let folder = folder();
    folder.write("old.safetensors", "old");
    fails_at_every_access(
        &folder,
        "quantize @m.safetensors -q -o @old.safetensors --force",
        "old.safetensors",
    );
    fails_at_every_access(
        &folder,
        "quantize @m.safetensors -q -o @new.gguf",
        "new.gguf",
    );
    fails_at_every_access(
        &folder,
        "quantize @m.safetensors -q -o @bits.safetensors --bits 3",
        "bits.safetensors",
    );
}

#[test]
fn quantize_leaves_a_folder_as_it_was() {
    let folder = folder();
    folder.done("quantize m.safetensors -o parts --shard-size 2k --per tensor");
    fails_at_every_access(
        &folder,
        "quantize @m.safetensors -q -o @parts --shard-size 1k --force",
        "parts",
    );
    // From several files, too.
    folder.done("dequantize parts -o dense --shard-size 2k");
    fails_at_every_access(
        &folder,
        "quantize @dense -q -o @again --shard-size 1k",
        "again",
    );
}

#[test]
fn convert_leaves_a_folder_as_it_was() {
    let folder = folder();
    folder.done("quantize m.safetensors -o t --to hf-bitnet");
    folder.write("t/tokenizer.json", "{}");
    fails_at_every_access(&folder, "convert @t -q -o @mlx --to mlx", "mlx");
    fails_at_every_access(&folder, "convert @mlx -q -o @t --to mlx --force", "t");
}

#[test]
fn dequantize_leaves_a_file_as_it_was() {
    let folder = folder();
    folder.done("quantize m.safetensors -o t.safetensors");
    folder.write("old.gguf", "old");
    fails_at_every_access(
        &folder,
        "dequantize @t.safetensors -q -o @old.gguf --force",
        "old.gguf",
    );
}

#[test]
fn importances_that_cannot_be_read_are_an_error() {
    let folder = folder();
    folder.put(
        "i.safetensors",
        &model([(
            "a.weight",
            crate::inputs::of_values(&[256], &[1.0_f32; 256]),
        )]),
    );
    fails_at_every_access(
        &folder,
        "quantize @m.safetensors -q -o @t.safetensors --importance @i.safetensors",
        "t.safetensors",
    );
}
