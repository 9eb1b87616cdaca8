//! Images and labels in files, plain or in gzip: in the IDX container, or raw.
//!
//! ```text
//! name.u8, name.u8.gz      raw: one byte per pixel, or per label
//! name.f32, name.f32.gz    raw: little-endian floats, taken as they are
//! all other names          IDX, see the crate `idx`
//! ```
//!
//! Raw images lie one after the other, channel by channel, row by row; the network's input says how long they are.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// How a file holds numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Idx,
    Bytes,
    Floats,
}

impl Kind {
    /// What the name of a file says.
    pub(crate) fn of(path: &Path) -> Self {
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let plain = if packed {
            path.with_extension("")
        } else {
            path.to_owned()
        };
        match plain.extension().and_then(|extension| extension.to_str()) {
            Some("u8") => Self::Bytes,
            Some("f32") => Self::Floats,
            _ => Self::Idx,
        }
    }
}

/// Images as a network wants them: one after the other, channel by channel, row by row.
pub(crate) struct Images {
    pub(crate) count: usize,
    pub(crate) pixels: Vec<f32>,
}

impl Images {
    /// The images of a file, each of `length` numbers; bytes become `byte / white`.
    pub(crate) fn parse(bytes: &[u8], kind: Kind, length: usize, white: f32) -> Result<Self> {
        let bytes = unpacked(bytes)?;
        let pixels: Vec<f32> = match kind {
            Kind::Idx => {
                let (axes, content) = idx::parse(&bytes)?;
                let [_, inner @ ..] = axes.as_slice() else {
                    bail!("an IDX file without axes");
                };
                let found = inner.iter().fold(1_usize, |all, &n| all.saturating_mul(n));
                ensure!(
                    found == length,
                    "images of {found} pixels for a network that takes {length}"
                );
                content.iter().map(|&p| f32::from(p) / white).collect()
            }
            Kind::Bytes => bytes.iter().map(|&p| f32::from(p) / white).collect(),
            Kind::Floats => {
                let (floats, rest) = bytes.as_chunks();
                ensure!(rest.is_empty(), "{} bytes are no whole floats", bytes.len());
                floats
                    .iter()
                    .map(|float| f32::from_le_bytes(*float))
                    .collect()
            }
        };
        ensure!(
            pixels.len().is_multiple_of(length),
            "{} numbers are no whole images of {length}",
            pixels.len()
        );
        Ok(Self {
            count: pixels.len() / length.max(1),
            pixels,
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

/// The labels of a file.
pub(crate) fn labels(bytes: &[u8], kind: Kind) -> Result<Vec<u8>> {
    let bytes = unpacked(bytes)?;
    match kind {
        Kind::Idx => {}
        Kind::Bytes => return Ok(bytes),
        Kind::Floats => bail!("labels are bytes, not floats"),
    }
    let (axes, content) = idx::parse(&bytes)?;
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
            let images = Images::parse(&bytes, Kind::Idx, 2, 255.0).unwrap();
            assert_eq!((images.count, images.pixels), (2, vec![0.0, 1.0, 0.2, 0.4]));
        }
    }

    #[test]
    fn raw_images() {
        let images = Images::parse(&[0, 255, 51, 102], Kind::Bytes, 2, 255.0).unwrap();
        assert_eq!((images.count, images.pixels), (2, vec![0.0, 1.0, 0.2, 0.4]));
        let floats = [0.5_f32, -2.0, 7.0].map(f32::to_le_bytes);
        let images = Images::parse(floats.as_flattened(), Kind::Floats, 3, 255.0).unwrap();
        assert_eq!((images.count, images.pixels), (1, vec![0.5, -2.0, 7.0]));
    }

    #[test]
    fn names_say_how_numbers_lie() {
        let kind = |name: &str| Kind::of(Path::new(name));
        assert_eq!(["a.u8", "b/a.u8.gz"].map(kind), [Kind::Bytes; 2]);
        assert_eq!(["a.f32", "a.b.f32.gz"].map(kind), [Kind::Floats; 2]);
        assert_eq!(["a-ubyte.gz", "idx", "f32"].map(kind), [Kind::Idx; 3]);
    }

    #[test]
    fn some_images() {
        let images = Images::parse(&TWO, Kind::Idx, 2, 1.0).unwrap().select(&[1]);
        assert_eq!((images.count, images.pixels), (1, vec![51.0, 102.0]));
    }

    #[test]
    fn refused() {
        let images = |bytes: &[u8], kind, length| Images::parse(bytes, kind, length, 1.0);
        let message = |bytes: &[u8]| images(bytes, Kind::Idx, 2).err().unwrap().to_string();
        assert_eq!(message(b"png"), "not an IDX file");
        assert_eq!(message(&TWO[..10]), "a header cut short");
        assert_eq!(message(&TWO[..19]), "axes [2, 1, 2] for 3 bytes");
        let other = images(&TWO, Kind::Idx, 3).err().unwrap().to_string();
        assert_eq!(other, "images of 2 pixels for a network that takes 3");
        let raw = |kind, length| images(&[0; 6], kind, length).err().unwrap().to_string();
        assert_eq!(raw(Kind::Bytes, 4), "6 numbers are no whole images of 4");
        assert_eq!(raw(Kind::Floats, 1), "6 bytes are no whole floats");
        assert!(labels(&TWO, Kind::Idx).is_err());
        assert!(labels(&TWO, Kind::Floats).is_err());
        let one = [0, 0, 8, 1, 0, 0, 0, 1, 7];
        assert_eq!(labels(&one, Kind::Idx).unwrap(), [7]);
        assert_eq!(labels(&one, Kind::Bytes).unwrap(), one);
    }
}
