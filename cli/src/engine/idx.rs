//! IDX files of bytes, the container of MNIST and its like.
//!
//! ```text
//! images   00 00 08 03 | count | rows | columns | one byte per pixel        all numbers big-endian u32
//! labels   00 00 08 01 | count | one byte per label
//! ```

use anyhow::{Context, Result, bail, ensure};

use super::npy::{Array, Numbers};

/// Images as floats from 0 to 1 with the axes of a convolution, or labels as whole numbers.
///
/// # Errors
///
/// If the header is not that of an IDX file of bytes, or the content is not as long as the axes say.
pub(super) fn read(bytes: &[u8]) -> Result<Array> {
    let &[0, 0, kind, rank, ..] = bytes else {
        bail!("not an IDX file");
    };
    ensure!(kind == 8, "an IDX file of type {kind:#04x}, not of bytes");
    let (axes, content) = bytes[4..]
        .split_at_checked(4 * usize::from(rank))
        .context("a header cut short")?;
    let axes = axes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|axis| u32::from_be_bytes(*axis) as usize);
    let mut shape: Vec<usize> = axes.collect();
    let product = shape
        .iter()
        .try_fold(1_usize, |all, &extent| all.checked_mul(extent));
    ensure!(
        product == Some(content.len()),
        "axes {shape:?} for {} bytes",
        content.len()
    );
    if shape.len() < 3 {
        let numbers = Numbers::Integers(content.iter().map(|byte| i64::from(*byte)).collect());
        return Ok(Array { shape, numbers });
    }
    if shape.len() == 3 {
        // One channel.
        shape.insert(1, 1);
    }
    let numbers = Numbers::Floats(
        content
            .iter()
            .map(|byte| f32::from(*byte) / 255.0)
            .collect(),
    );
    Ok(Array { shape, numbers })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: [u8; 20] = [
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102,
    ];

    #[test]
    fn images_and_labels() {
        let images = read(&FILE).unwrap();
        assert_eq!(images.shape, [2, 1, 1, 2]);
        assert_eq!(images.numbers, Numbers::Floats(vec![0.0, 1.0, 0.2, 0.4]));
        let labels = read(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 9]).unwrap();
        assert_eq!(
            (labels.shape, labels.numbers),
            (vec![2], Numbers::Integers(vec![7, 9]))
        );
    }

    #[test]
    fn wrong_files_are_refused() {
        let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(message(b"png"), "not an IDX file");
        assert_eq!(
            message(&[0, 0, 13, 1]),
            "an IDX file of type 0x0d, not of bytes"
        );
        assert_eq!(message(&FILE[..10]), "a header cut short");
        assert_eq!(message(&FILE[..19]), "axes [2, 1, 2] for 3 bytes");
        let longest = [[0, 0, 8, 4].as_slice(), &[0xff; 16]].concat();
        assert!(message(&longest).starts_with("axes "));
    }
}
