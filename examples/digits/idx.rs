//! The embedded test images and labels, in the IDX container.
//!
//! ```text
//! images   00 00 08 03 | count | rows | columns | one byte per pixel        all numbers big-endian u32
//! labels   00 00 08 01 | count | one byte per label
//! ```

use anyhow::{Context, Result, ensure};

/// Pixels of an image: 8 x 8.
pub(crate) const PIXELS: usize = 64;

/// The brightest pixel.
const WHITE: f32 = 16.0;

/// An image with the digit it shows.
pub(crate) struct Example {
    /// Brightness in `[0, 1]`, row by row.
    pub(crate) image: [f32; PIXELS],
    pub(crate) label: u8,
}

/// The 360 test images.
pub(crate) fn test_set() -> Result<Vec<Example>> {
    let images = include_bytes!("data/test-images.idx3-ubyte");
    let labels = include_bytes!("data/test-labels.idx1-ubyte");
    let (sizes, pixels) = header::<3>(images).context("the embedded images")?;
    ensure!(
        sizes[1] * sizes[2] == PIXELS,
        "the embedded images are not 8 x 8"
    );
    let (_, labels) = header::<1>(labels).context("the embedded labels")?;
    ensure!(
        pixels.len() == PIXELS * labels.len(),
        "not as many images as labels"
    );
    let examples = pixels
        .chunks_exact(PIXELS)
        .zip(labels)
        .map(|(pixels, &label)| {
            let mut image = [0.0; PIXELS];
            for (place, &pixel) in image.iter_mut().zip(pixels) {
                *place = f32::from(pixel) / WHITE;
            }
            Example { image, label }
        });
    Ok(examples.collect())
}

/// The lengths of `N` axes, and the bytes behind the header.
fn header<const N: usize>(bytes: &[u8]) -> Result<([usize; N], &[u8])> {
    let mut words = bytes
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    let magic = words.next().context("no header")?;
    ensure!(
        magic as usize == 0x0800 + N,
        "not an IDX file of bytes with {N} axes"
    );
    let mut sizes = [0; N];
    for size in &mut sizes {
        *size = words.next().context("a header cut short")? as usize;
    }
    let body = bytes.get(4 * (N + 1)..).context("no content")?;
    ensure!(
        body.len() == sizes.iter().product::<usize>(),
        "content of another length than stated"
    );
    Ok((sizes, body))
}
