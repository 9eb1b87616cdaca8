//! Files of NumPy: one array, or several in a zip archive.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::inputs::numbers;
use crate::tool::Folder;

/// An array as a `.npy` file: the type, the extents, and the bytes of the numbers.
fn npy(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let extents: Vec<String> = shape.iter().map(|extent| format!("{extent},")).collect();
    let header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}\n",
        extents.concat()
    );
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

pub(crate) fn of_floats(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    npy("<f4", shape, &data)
}

pub(crate) fn of_integers(shape: &[usize], values: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    npy("<i8", shape, &data)
}

/// Numbers of which each has a part of the one before, as in images and sounds.
pub(crate) fn smooth(shape: &[usize], seed: u64) -> Vec<f32> {
    let mut level = 0.0;
    let noise = numbers(shape.iter().product(), seed).into_iter();
    noise
        .map(|noise| {
            level = 0.6 * level + noise;
            level
        })
        .collect()
}

pub(crate) fn smooth_floats(shape: &[usize], seed: u64) -> Vec<u8> {
    of_floats(shape, &smooth(shape, seed))
}

impl Folder {
    /// Writes a `.npz` file of arrays.
    pub(crate) fn put_arrays(&self, name: &str, arrays: &[(&str, Vec<u8>)]) {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, bytes) in arrays {
            archive.start_file(format!("{name}.npy"), stored).unwrap();
            archive.write_all(bytes).unwrap();
        }
        self.write(name, archive.finish().unwrap().into_inner());
    }
}
