//! Writing a file so that it is whole or as it was.
//!
//! ```text
//! follow symbolic links to the file itself
//! write a temporary file in its folder, with the permissions of the old file from the first byte on
//! wait until the bytes are on the disk; rename it
//! ```
//!
//! What is there but is no regular file, such as `/dev/stdout`, is written to directly: a rename would replace it.

use std::fs::{self, File, Permissions};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Writes a file with a function, or leaves the old one as it was. The function writes to a temporary file in the same folder, which is
/// then renamed. An old file's permissions are kept, and symbolic links are followed to the file itself.
///
/// # Errors
///
/// The error that `write` returns, and those of the operating system, as of type `E`.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("file");
/// use std::io::{Error, Write};
/// use ternarize::model::replace_file;
///
/// replace_file(&path, |file| file.write_all(b"new"))?;
/// let failed = replace_file(&path, |_| Err::<(), _>(Error::other("no")));
/// assert!(failed.is_err() && std::fs::read(&path)? == b"new");
/// # Ok::<(), Error>(())
/// ```
pub fn replace_file<T, E: From<Error>>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return write(&mut File::create(path)?);
    }
    let path = without_links(path)?;
    let mut file = temporary_file(folder(&path), old.map(|old| old.permissions()))?;
    let written = write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(Error::from)?;
    Ok(written)
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
