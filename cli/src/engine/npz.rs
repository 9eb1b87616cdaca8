//! Arrays by their names, in NumPy's format `.npz`: a zip archive of `.npy` files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use zip::ZipArchive;

use super::idx;
use super::npy::Array;

/// Reads one array.
type Reader = fn(&[u8]) -> Result<Array>;

/// The arrays of a `.npz` file by their names, or the one of a `.npy` or IDX file, also compressed by gzip, by the name "".
///
/// # Errors
///
/// For a file that cannot be read or is none of both, with its name and that of the array.
pub fn read_arrays(path: &Path) -> Result<BTreeMap<String, Array>> {
    let name = || path.display().to_string();
    let mut file = File::open(path).with_context(name)?;
    let mut start = [0; 4];
    let length = file.read(&mut start).with_context(name)?;
    file.seek(SeekFrom::Start(0)).with_context(name)?;
    let alone: Option<Reader> = match &start[..length] {
        [0x93, b'N', ..] => Some(Array::from_npy),
        [0, 0, 8, _] | [0x1f, 0x8b, ..] => Some(idx::read),
        _ => None,
    };
    if let Some(read) = alone {
        let mut bytes = Vec::new();
        if start.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(file)
                .read_to_end(&mut bytes)
                .with_context(name)?;
        } else {
            file.read_to_end(&mut bytes).with_context(name)?;
        }
        return Ok(BTreeMap::from([(
            String::new(),
            read(&bytes).with_context(name)?,
        )]));
    }
    let archive = ZipArchive::new(BufReader::new(file));
    let mut archive =
        archive.with_context(|| format!("{} is none of .npz, .npy and IDX", name()))?;
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).with_context(name)?;
        let array_name = entry.name().trim_end_matches(".npy").to_owned();
        let place = || format!("{}: {}", path.display(), array_name.escape_debug());
        // What the archive says of the length is not believed: memory grows with what is there.
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).with_context(place)?;
        let array = Array::from_npy(&bytes).with_context(place)?;
        arrays.insert(array_name, array);
    }
    Ok(arrays)
}
