//! The file with its edits.
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Network;
use crate::disk::Disk;

impl Network {
    /// The bytes of the model file.
    ///
    /// # Errors
    ///
    /// If there would be more than 2 GiB.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        todo!()
    }

    /// Writes the model file, and beside it copies of [`Network::data_files`].
    ///
    /// # Errors
    ///
    /// If there would be more than 2 GiB in the model file, and those of the operating system.
    pub fn write(&self, _disk: &dyn Disk, _path: &Path) -> Result<()> {
        todo!()
    }

    /// The files of external data that a model written to `path` needs beside it: which file is copied, and to where. Empty if the model
    /// stays in its folder.
    #[must_use]
    pub fn data_files(&self, _path: &Path) -> Vec<(PathBuf, PathBuf)> {
        todo!()
    }
}
