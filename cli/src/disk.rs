//! The files that commands read and write: those of the operating system, or, in tests, files that fail.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use ternarize::model::{ModelError, ModelReader};

/// What can be read at any position.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// What can be written at any position.
pub trait WriteSeek: Write + Seek + Send {}
impl<T: Write + Seek + Send> WriteSeek for T {}

/// An open input file.
pub type Input = Box<dyn ReadSeek>;

/// An open model.
pub type Reader = ModelReader<Input>;

/// Where files come from.
pub trait Disk: Sync {
    /// Opens a file to be read.
    ///
    /// # Errors
    ///
    /// That of the operating system.
    fn open(&self, path: &Path) -> io::Result<Input> {
        Ok(Box::new(File::open(path)?))
    }

    /// An output file, to which bytes are written through what is returned.
    fn output<'a>(&self, file: &'a mut File) -> Box<dyn WriteSeek + 'a> {
        Box::new(file)
    }
}

/// The files of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk;

impl Disk for RealDisk {}

/// Opens a model.
///
/// # Errors
///
/// Those of [`ModelReader::open`].
pub fn open_model(disk: &dyn Disk, path: &Path) -> Result<Reader, ModelError> {
    ModelReader::open_with(path, |path| disk.open(path))
}
