//! Disks that fail: at each read, write and seek in turn the error says so, and the old file stays.

use core::cell::Cell;
use std::fs;
use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ternarize::model::{ModelError, ModelReader, ModelWriter, TensorInfo, replace_file};

use crate::forged::Forged;
use crate::made::{Gguf, NOWHERE, copied, open, put_again};

/// A file that fails when so many reads, writes and seeks are done.
struct Failing<'a, T>(T, &'a Cell<usize>);

fn take(operations: &Cell<usize>) -> io::Result<()> {
    let left = operations.get().checked_sub(1);
    operations.set(left.unwrap_or(0));
    left.map(drop).ok_or_else(|| io::Error::other("bad disk"))
}

impl<T: Read> Read for Failing<'_, T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        take(self.1)?;
        self.0.read(bytes)
    }
}

impl<T: Write> Write for Failing<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        take(self.1)?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        take(self.1)?;
        self.0.flush()
    }
}

impl<T: Seek> Seek for Failing<'_, T> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        take(self.1)?;
        self.0.seek(position)
    }
}

/// A file that reads and writes a byte at a time, and is interrupted before each.
struct Slow<T>(T, bool);

impl<T> Slow<T> {
    fn interrupt(&mut self) -> io::Result<()> {
        self.1 = !self.1;
        let interrupted = io::Error::from(ErrorKind::Interrupted);
        (!self.1).then_some(()).ok_or(interrupted)
    }
}

impl<T: Read> Read for Slow<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.interrupt()?;
        let len = bytes.len().min(1);
        self.0.read(&mut bytes[..len])
    }
}

impl<T: Write> Write for Slow<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.interrupt()?;
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<T: Seek> Seek for Slow<T> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

/// One file of each container.
fn files() -> [Vec<u8>; 2] {
    let planes = open(&Forged::of_planes().bytes()).unwrap();
    [Gguf::small().bytes(), copied(&planes).unwrap()]
}

/// All that a reader does.
fn read_all<R: Read + Seek>(reader: &ModelReader<R>) -> Result<(), ModelError> {
    for index in 0..reader.tensors().len() {
        reader.read(index)?;
        reader.copy_to(index, &mut io::sink())?;
    }
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for bytes in files() {
        let mut operations = 0;
        loop {
            let left = Cell::new(operations);
            let opened = ModelReader::open_with(NOWHERE, |_| {
                take(&left)?;
                Ok(Failing(Cursor::new(bytes.clone()), &left))
            });
            match opened.and_then(|reader| read_all(&reader)) {
                Ok(()) => break,
                Err(ModelError::Read { path, source }) => {
                    assert_eq!(path, Path::new(NOWHERE));
                    assert_eq!(source.to_string(), "bad disk");
                }
                Err(error) => panic!("{operations}: {error}"),
            }
            operations += 1;
        }
        assert!(operations > 10, "{operations}");
    }
}

/// The index, the shards and the config are opened one after the other.
#[test]
fn each_file_of_a_model_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("config.json", b"{}");
    put("model.safetensors", &Forged::of_planes().bytes());
    put(
        "index.json",
        br#"{"weight_map":{"x.trits":"model.safetensors"}}"#,
    );
    let (mut operations, mut named) = (0, vec![]);
    loop {
        let left = Cell::new(operations);
        let opened = ModelReader::open_with(folder.path().join("index.json"), |path| {
            take(&left)?;
            Ok(Failing(fs::File::open(path)?, &left))
        });
        match opened.and_then(|reader| read_all(&reader)) {
            Ok(()) => break,
            Err(ModelError::Read { path, .. }) => {
                let name = path.file_name().unwrap().to_str().unwrap();
                named.push(name.to_string());
            }
            Err(error) => panic!("{operations}: {error}"),
        }
        operations += 1;
    }
    named.sort();
    named.dedup();
    assert_eq!(named, ["config.json", "index.json", "model.safetensors"]);
}

#[test]
fn slow_files_are_read_and_written_as_the_same_bytes() {
    for bytes in files() {
        let slow = |_: &Path| Ok(Slow(Cursor::new(bytes.clone()), false));
        let reader = ModelReader::open_with(NOWHERE, slow).unwrap();
        read_all(&reader).unwrap();
        assert_eq!(copied(&reader).unwrap(), bytes);
        let infos: Vec<_> = reader.tensors().cloned().collect();
        let file = Slow(Cursor::new(vec![]), false);
        let mut writer = ModelWriter::new(file, reader.metadata(), &infos).unwrap();
        for index in 0..infos.len() {
            writer.copy(&reader, index, |_| Ok(())).unwrap();
        }
        let written = writer.finish().unwrap().0.into_inner();
        assert_eq!(written, put_again(&open(&bytes).unwrap()).unwrap());
    }
}

/// Writes a copy of a model.
fn write<R: Read + Seek, W: Write + Seek>(
    reader: &ModelReader<R>,
    file: W,
) -> Result<(), ModelError> {
    let infos: Vec<_> = reader.tensors().cloned().collect();
    let mut writer = ModelWriter::new(file, reader.metadata(), &infos)?;
    for (index, info) in infos.iter().enumerate() {
        if index % 2 == 0 {
            writer.put(info.name(), &reader.read(index)?)?;
        } else {
            writer.copy(reader, index, |_| Ok(()))?;
        }
    }
    writer.finish().map(drop)
}

/// The error of a test that writes to a real file.
#[derive(Debug)]
enum Failure {
    Model(ModelError),
    Disk(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    for bytes in files() {
        let reader = open(&bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let mut operations = 0;
        loop {
            fs::write(&path, "old").unwrap();
            let written = replace_file(&path, |file| {
                write(&reader, Failing(file, &Cell::new(operations))).map_err(Failure::Model)
            });
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            match written {
                Ok(()) => break,
                Err(Failure::Model(ModelError::Output(source))) => {
                    assert_eq!(source.to_string(), "bad disk");
                    assert_eq!(fs::read(&path).unwrap(), b"old");
                }
                Err(error) => panic!("{operations}: {error:?}"),
            }
            operations += 1;
        }
        assert!(operations > 6, "{operations}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    // In a folder that is not there.
    let nowhere = replace_file(NOWHERE, |_| Ok::<_, Failure>(()));
    assert!(matches!(nowhere, Err(Failure::Disk(error)) if error.kind() == ErrorKind::NotFound));
}

/// A disk that is full takes no bytes, and says nothing.
#[test]
fn a_file_that_takes_no_bytes_is_an_error() {
    let reader = open(&Gguf::small().bytes()).unwrap();
    let mut space = [0; 400];
    for len in [0, 10, 100, 200, 300] {
        let file = Cursor::new(&mut space[..len]);
        let error = write(&reader, file).unwrap_err();
        assert!(
            matches!(error, ModelError::Output(source) if source.kind() == ErrorKind::WriteZero)
        );
    }
}

/// The header was read; then somebody cuts the file.
#[test]
fn a_file_that_becomes_shorter_is_named() {
    for bytes in files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, &bytes).unwrap();
        let reader = ModelReader::open(&path).unwrap();
        read_all(&reader).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for len in [bytes.len() - 40, 8, 0] {
            file.set_len(len as u64).unwrap();
            let last = reader.tensors().len() - 1;
            let copy = write(&reader, Cursor::new(vec![]));
            for error in [reader.read(last).unwrap_err(), copy.unwrap_err()] {
                let ModelError::Read {
                    path: named,
                    source,
                } = error
                else {
                    panic!("{error:?}");
                };
                assert_eq!(
                    (named, source.kind()),
                    (path.clone(), ErrorKind::UnexpectedEof)
                );
            }
        }
    }
}

/// What a file states of its length may be wrong, too, as that of a device.
#[test]
fn a_file_that_is_shorter_than_it_says_is_named() {
    struct Long(Cursor<Vec<u8>>, u64);
    impl Read for Long {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0.read(bytes)
        }
    }
    impl Seek for Long {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            match position {
                SeekFrom::End(_) => Ok(self.1),
                other => self.0.seek(other),
            }
        }
    }
    for stated in [1 << 20, 1 << 40, u64::MAX] {
        let mut file = Gguf::small();
        file.pairs[0].2 = (1_u64 << 19).to_le_bytes().to_vec();
        for file in [
            file,
            Gguf::small(),
            Gguf::new().tensor("x", &[1], 99, &[0; 4]),
        ] {
            let open = |_: &Path| Ok(Long(Cursor::new(file.bytes()), stated));
            match ModelReader::open_with(NOWHERE, open) {
                Ok(reader) => assert!(matches!(reader.read(0), Err(ModelError::Read { .. }))),
                Err(error) => assert!(matches!(
                    error,
                    ModelError::Read { .. } | ModelError::Container { .. }
                )),
            }
        }
    }
}

/// Tensors of a reader are described by their header alone.
#[test]
fn reading_by_a_number_that_is_none_is_an_error() {
    for bytes in files() {
        let reader = open(&bytes).unwrap();
        let count = reader.tensors().map(TensorInfo::weights).count();
        for index in [count, usize::MAX] {
            let read = reader.read(index).unwrap_err();
            let copied = reader.copy_to(index, &mut io::sink()).unwrap_err();
            for error in [read, copied] {
                assert_eq!(
                    error.to_string(),
                    format!("there is no tensor `number {index}`")
                );
            }
        }
        let full = reader.copy_to(0, &mut Cursor::new(&mut [0; 1][..]));
        assert!(matches!(full, Err(ModelError::Output(_))));
    }
}
