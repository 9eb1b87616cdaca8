//! Images and labels in the IDX container, plain or in gzip.
//!
//! ```text
//! images   00 00 08 03 | count | rows | columns | one byte per pixel        all numbers big-endian u32
//! labels   00 00 08 01 | count | one byte per label
//! ```
//!
//! Images of several channels have a fourth axis, after the count.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// Images as a network wants them: one after the other, channel by channel, row by row.
pub(crate) struct Images {
    pub(crate) count: usize,
    pub(crate) pixels: Vec<f32>,
}

impl Images {
    /// The first images of an IDX file, `pixel / white`; all of `length` pixels.
    pub(crate) fn parse(bytes: &[u8], length: usize, white: f32) -> Result<Self> {
        let bytes = unpacked(bytes)?;
        let (axes, content) = header(&bytes)?;
        let [count, inner @ ..] = axes.as_slice() else {
            bail!("an IDX file without axes");
        };
        let found: usize = inner.iter().product();
        ensure!(
            found == length,
            "images of {found} pixels for a network that takes {length}"
        );
        Ok(Self {
            count: *count,
            pixels: content.iter().map(|&p| f32::from(p) / white).collect(),
        })
    }

    /// These images, by number.
    pub(crate) fn select(&self, numbers: &[usize]) -> Self {
        let length = self.pixels.len() / self.count.max(1);
        let images = numbers
            .iter()
            .filter_map(|n| self.pixels.chunks(length).nth(*n));
        Self {
            count: numbers.len(),
            pixels: images.flatten().copied().collect(),
        }
    }
}

/// The labels of an IDX file.
pub(crate) fn labels(bytes: &[u8]) -> Result<Vec<u8>> {
    let bytes = unpacked(bytes)?;
    let (axes, content) = header(&bytes)?;
    ensure!(axes.len() == 1, "labels have one axis, not {}", axes.len());
    Ok(content.to_vec())
}

/// The bytes of a file, with its name in the error.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut plain = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(bytes);
    decoder
        .read_to_end(&mut plain)
        .context("a broken gzip file")?;
    Ok(plain)
}

/// The lengths of the axes, and the bytes behind the header.
fn header(bytes: &[u8]) -> Result<(Vec<usize>, &[u8])> {
    let &[0, 0, kind, rank, ..] = bytes else {
        bail!("not an IDX file");
    };
    ensure!(kind == 8, "an IDX file of type {kind:#04x}, not of bytes");
    let end = 4 * (usize::from(rank) + 1);
    let words = bytes.get(4..end).context("a header cut short")?;
    let axes: Vec<usize> = words
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]) as usize)
        .collect();
    let content = &bytes[end..];
    let product = axes.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
    ensure!(
        product == Some(content.len()),
        "axes {axes:?} for {} bytes",
        content.len()
    );
    Ok((axes, content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const TWO: [u8; 20] = [
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102,
    ];

    #[test]
    fn images_plain_and_packed() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&TWO).unwrap();
        for bytes in [TWO.to_vec(), packed.finish().unwrap()] {
            let images = Images::parse(&bytes, 2, 255.0).unwrap();
            assert_eq!((images.count, images.pixels), (2, vec![0.0, 1.0, 0.2, 0.4]));
        }
    }

    #[test]
    fn some_images() {
        let images = Images::parse(&TWO, 2, 1.0).unwrap().select(&[1]);
        assert_eq!((images.count, images.pixels), (1, vec![51.0, 102.0]));
    }

    #[test]
    fn refused() {
        let message = |bytes: &[u8]| Images::parse(bytes, 2, 1.0).err().unwrap().to_string();
        assert_eq!(message(b"png"), "not an IDX file");
        assert_eq!(message(&TWO[..10]), "a header cut short");
        assert_eq!(message(&TWO[..19]), "axes [2, 1, 2] for 3 bytes");
        let other = Images::parse(&TWO, 3, 1.0).err().unwrap().to_string();
        assert_eq!(other, "images of 2 pixels for a network that takes 3");
        assert!(labels(&TWO).is_err());
        assert_eq!(labels(&[0, 0, 8, 1, 0, 0, 0, 1, 7]).unwrap(), [7]);
    }
}
