//! Writing a file so that it is whole or as it was.
//!
//! ```text
//! follow symbolic links to the file itself
//! write a temporary file in its folder, with the permissions of the old file from the first byte on
//! wait until the bytes are on the disk; rename it
//! ```
//!
//! What is there but is no regular file, such as `/dev/stdout`, is written to directly: a rename would replace it.

use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Writes a file, or leaves the old one.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return fs::write(path, bytes);
    }
    let path = without_links(path)?;
    let mut file = temporary_file(folder(&path), old.map(|old| old.permissions()))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The file that a path leads to, whether or not it exists.
fn without_links(path: &Path) -> Result<PathBuf, Error> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            Ok(link) => without_links(&folder(path).join(link)),
            Err(_) => Ok(path.into()),
        },
        found => found,
    }
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new("."))
}

/// A temporary file with the permissions of the old file, or those that a new file gets: not readable for the user alone.
fn temporary_file(folder: &Path, old: Option<Permissions>) -> Result<NamedTempFile, Error> {
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    {
        let new = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        file.permissions(old.clone().unwrap_or(new));
    }
    let file = file.tempfile_in(folder)?;
    // The mask of the process may have taken some away.
    if let Some(old) = old.filter(|_| cfg!(unix)) {
        file.as_file().set_permissions(old)?;
    }
    Ok(file)
}
