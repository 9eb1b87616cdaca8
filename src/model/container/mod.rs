//! Containers: files of named tensors. What the header of one says, and the bytes of a tensor by position.
//!
//! ```text
//! safetensors   JSON header: metadata; name, type, shape and place of each tensor             data
//! GGUF          binary header: keys and values; name, shape, type and place of each tensor    data, each tensor aligned
//! ```
//!
//! A file is never mapped into memory and never read as a whole: the header is read, then one tensor at a time. No memory is
//! allocated for a number that a file states before so many bytes are known to be there.

pub(super) mod gguf;
mod gguf_fields;
mod names;
pub(super) mod number_type;
pub(super) mod safetensors;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

pub(in crate::model) use names::duplicate;

use super::error::printable;
use super::{Metadata, ModelError};

/// A file that can be read at any position.
pub(super) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// An open file with its name for messages.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) file: &'a mut dyn ReadSeek,
}

/// A tensor as a container stores it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) name: String,
    /// The name of the number type.
    pub(super) dtype: String,
    /// The extents, outermost axis first.
    pub(super) shape: Vec<usize>,
    /// The file of a model of several files.
    pub(super) file: usize,
    /// The position of its first byte in the file.
    pub(super) start: u64,
    /// The number of its bytes.
    pub(super) len: u64,
}

/// What the header of a container says. The tensors are in the order of their data.
pub(super) struct Contents {
    pub(super) metadata: Metadata,
    /// The descriptions of ternary tensors that the metadata of further files hold.
    pub(super) directories: Vec<String>,
    pub(super) tensors: Vec<Stored>,
}

/// A file that is not of the kind that it begins like.
pub(super) fn not_a(container: &'static str, reason: &dyn ToString) -> ModelError {
    ModelError::Container {
        container,
        reason: printable(&reason.to_string()),
    }
}

/// Reads the header of a container of either kind.
pub(super) fn contents(source: &mut Source<'_>) -> Result<Contents, ModelError> {
    let len = source.len()?;
    let mut magic = [0; 4];
    if len >= 4 {
        source.read(0, &mut magic)?;
    }
    if &magic == gguf::MAGIC {
        gguf::read_header(source, len)
    } else {
        safetensors::read_header(source, len)
    }
}

impl Source<'_> {
    /// The number of bytes of the file.
    fn len(&mut self) -> Result<u64, ModelError> {
        let end = self.file.seek(SeekFrom::End(0));
        end.map_err(|error| self.failed(error))
    }

    /// Moves to a position of the file.
    pub(super) fn seek(&mut self, position: u64) -> Result<(), ModelError> {
        let moved = self.file.seek(SeekFrom::Start(position));
        moved.map(drop).map_err(|error| self.failed(error))
    }

    /// The bytes at a position. They are known to be in the file, unless it has become shorter.
    pub(super) fn bytes(&mut self, start: u64, len: u64) -> Result<Vec<u8>, ModelError> {
        self.seek(start)?;
        let mut bytes = Vec::new();
        let fits = usize::try_from(len).is_ok_and(|len| bytes.try_reserve_exact(len).is_ok());
        if !fits {
            return Err(self.failed(std::io::ErrorKind::OutOfMemory.into()));
        }
        let mut file = &mut *self.file;
        let read = Read::take(&mut file, len).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == len => Ok(bytes),
            Ok(_) => Err(self.failed(std::io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Reads the bytes at a position into memory that is there.
    pub(super) fn read(&mut self, start: u64, bytes: &mut [u8]) -> Result<(), ModelError> {
        self.seek(start)?;
        let read = self.file.read_exact(bytes);
        read.map_err(|error| self.failed(error))
    }

    /// An error of the operating system, with the path.
    pub(super) fn failed(&self, source: std::io::Error) -> ModelError {
        ModelError::read(self.path, source)
    }
}
