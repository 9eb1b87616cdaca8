//! Numbers in files beside a model: little-endian, at an offset. A file outside the folder of the model is refused.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};

use anyhow::{Context as _, Result, ensure};

use super::protobuf::{Field, fields};

/// Numbers in a file beside the model.
#[derive(Clone, Debug, Default)]
pub(super) struct External {
    pub(super) location: String,
    offset: u64,
    length: Option<u64>,
}

impl External {
    /// Reads a key and its value.
    pub(super) fn read(&mut self, file: &[u8], entry: &Field) -> Result<()> {
        let (mut key, mut value) = ("", "");
        for field in fields(file, entry.bytes()?) {
            let field = field?;
            match field.number {
                1 => key = field.text(file)?,
                2 => value = field.text(file)?,
                _ => {}
            }
        }
        let number = || {
            value
                .parse()
                .with_context(|| format!("external data has the {key} `{}`", value.escape_debug()))
        };
        match key {
            "location" => self.location = value.into(),
            "offset" => self.offset = number()?,
            "length" => self.length = Some(number()?),
            _ => {}
        }
        Ok(())
    }

    /// The path within the folder of the model.
    pub(super) fn path(&self) -> Result<&Path> {
        let path = Path::new(&self.location);
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        ensure!(
            !self.location.is_empty() && path.components().all(inside),
            "external data in `{}`, which is outside the folder of the model",
            self.location.escape_debug()
        );
        Ok(path)
    }

    /// The bytes of a tensor that has so many.
    pub(super) fn read_data(&self, folder: Option<&Path>, size: usize) -> Result<Vec<u8>> {
        let path = self.path()?;
        let folder = folder.context("external data of a model that is no file")?;
        let path = folder.join(path);
        let read = || -> Result<Vec<u8>> {
            let mut file = File::open(&path)?;
            // Nothing is allocated before it is known to be there.
            let end = self.offset.checked_add(size as u64);
            ensure!(
                end.is_some_and(|end| file.metadata().is_ok_and(|file| end <= file.len())),
                "it ends before the data of a tensor does"
            );
            ensure!(
                self.length.is_none_or(|length| length == size as u64),
                "the length of the data is not that of the tensor"
            );
            file.seek(SeekFrom::Start(self.offset))?;
            let mut raw = vec![0; size];
            file.read_exact(&mut raw)?;
            Ok(raw)
        };
        read().with_context(|| format!("`{}`", path.display()))
    }
}
