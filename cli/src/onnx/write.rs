//! The file with its edits, and the files of external data beside it.
//!
//! An edit replaces a field. The messages around it are written again with their new lengths; all else is copied from the file.

use core::ops::Range;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use ternarize::model::replace_file;

use super::protobuf::{LARGEST, Value, fields, put_header};
use super::{Network, Tensor};
use crate::disk::Disk;

/// Bytes that follow each other.
pub(super) type Pieces<'a> = Vec<Cow<'a, [u8]>>;

/// The deepest nesting of messages: that of protocol buffers' own readers.
const DEEPEST: usize = 100;

impl Network {
    /// The bytes of the model file.
    ///
    /// # Errors
    ///
    /// If there would be more than 2 GiB.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        joined(&self.pieces()?)
    }

    /// Writes the model file, and beside it what [`Network::data_files`] lists. External data that was edited is inside the model file.
    ///
    /// # Errors
    ///
    /// If there would be more than 2 GiB in the model file, and those of the operating system.
    pub fn write(&self, disk: &dyn Disk, path: &Path) -> Result<()> {
        let write = || -> Result<()> {
            let pieces = self.pieces()?;
            check_size(&pieces)?;
            for (from, to) in self.data_files(path)? {
                to.parent().map_or(Ok(()), fs::create_dir_all)?;
                replace_file(&to, |file| {
                    io::copy(&mut disk.open(&from)?, &mut disk.output(file))
                })
                .with_context(|| format!("the copy of `{}`", from.display()))?;
            }
            replace_file(path, |file| {
                let mut file = disk.output(file);
                pieces.iter().try_for_each(|piece| file.write_all(piece))
            })?;
            Ok(())
        };
        write().with_context(|| format!("`{}` was not written", path.display()))
    }

    /// The files of external data that a model written to `path` needs beside it: what is copied, and to where. None if the model stays in
    /// its folder.
    ///
    /// # Errors
    ///
    /// If external data lies outside the folder of the model.
    pub fn data_files(&self, path: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
        let new = path.parent().unwrap_or(Path::new(""));
        let files = self.external_files()?.into_iter();
        let files = files.map(|(from, location)| (from, new.join(location)));
        let elsewhere =
            |(from, to): &(PathBuf, PathBuf)| !same_file::is_same_file(from, to).unwrap_or(false);
        Ok(files.filter(elsewhere).collect())
    }

    /// The files of external data, with their places in the folder of the model.
    ///
    /// # Errors
    ///
    /// If external data lies outside the folder of the model.
    pub fn external_files(&self) -> Result<Vec<(PathBuf, PathBuf)>> {
        let mut locations = BTreeSet::new();
        self.locations(Message::Model, 0..self.file.len(), 0, &mut locations)?;
        let Some(folder) = &self.folder else {
            return Ok(Vec::new());
        };
        let files = locations.into_iter();
        Ok(files
            .map(|location| (folder.join(&location), location))
            .collect())
    }

    /// The files of the tensors in a message that are external and not edited.
    fn locations(
        &self,
        kind: Message,
        message: Range<usize>,
        depth: usize,
        found: &mut BTreeSet<PathBuf>,
    ) -> Result<()> {
        ensure!(depth < DEEPEST, "more than {DEEPEST} nested messages");
        if kind == Message::Tensor {
            let tensor = Tensor::parse(&self.file, message, None)?;
            if let Some(external) = tensor.external() {
                found.insert(external.path()?.into());
            }
            return Ok(());
        }
        for field in fields(&self.file, message) {
            let field = field?;
            if let Some(kind) = kind
                .within(field.number)
                .filter(|_| !self.edits.contains_key(&field.whole.start))
            {
                self.locations(kind, field.bytes()?, depth + 1, found)?;
            }
        }
        Ok(())
    }

    fn pieces(&self) -> Result<Pieces<'_>> {
        let mut pieces = Pieces::new();
        self.edited(0..self.file.len(), &mut pieces)?;
        Ok(pieces)
    }

    /// Adds a range of fields, such as a message, with their edits.
    pub(super) fn edited<'a>(&'a self, message: Range<usize>, out: &mut Pieces<'a>) -> Result<()> {
        if message == self.graph {
            out.extend(
                self.new
                    .values()
                    .map(|field| Cow::Borrowed(field.as_slice())),
            );
        }
        let end = message.end;
        let mut copied = message.start;
        for field in fields(&self.file, message) {
            let field = field?;
            let edit = self.edits.get(&field.whole.start);
            let inner = match field.value {
                Value::Bytes(inner) if edit.is_none() && self.is_edited(&inner) => Some(inner),
                _ => None,
            };
            if edit.is_none() && inner.is_none() {
                continue;
            }
            out.push(Cow::Borrowed(&self.file[copied..field.whole.start]));
            copied = field.whole.end;
            out.extend(edit.map(|edit| Cow::Borrowed(edit.as_slice())));
            if let Some(inner) = inner {
                let mut pieces = Pieces::new();
                self.edited(inner, &mut pieces)?;
                let mut header = Vec::new();
                put_header(
                    &mut header,
                    field.number,
                    pieces.iter().map(|piece| piece.len()).sum(),
                );
                out.push(header.into());
                out.append(&mut pieces);
            }
        }
        out.push(Cow::Borrowed(&self.file[copied..end]));
        Ok(())
    }

    fn is_edited(&self, message: &Range<usize>) -> bool {
        let new = *message == self.graph && !self.new.is_empty();
        new || self.edits.range(message.clone()).next().is_some()
    }
}

/// The messages that lead to tensors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    Sparse,
    Tensor,
}

impl Message {
    /// The kind of a message in a field of this one.
    fn within(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Function, 7) | (Self::Graph, 1) => Self::Node,
            (Self::Node, 5) => Self::Attribute,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Self::Tensor,
            _ => return None,
        })
    }
}

/// All bytes, if a model may have so many.
pub(super) fn joined(pieces: &Pieces<'_>) -> Result<Vec<u8>> {
    check_size(pieces)?;
    Ok(pieces.concat())
}

fn check_size(pieces: &Pieces<'_>) -> Result<()> {
    let size: usize = pieces.iter().map(|piece| piece.len()).sum();
    ensure!(
        size <= LARGEST,
        "the model file would have {size} bytes, more than the 2 GiB that an ONNX file can have"
    );
    Ok(())
}
