//! The embedded test images and labels.

use anyhow::{Context as _, Result, ensure};

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
    let images = include_bytes!("../data/test-images.idx3-ubyte");
    let labels = include_bytes!("../data/test-labels.idx1-ubyte");
    let (sizes, pixels) = idx::parse(images).context("the embedded images")?;
    let (labels_axes, labels) = idx::parse(labels).context("the embedded labels")?;
    ensure!(
        sizes == [labels.len(), 8, 8] && labels_axes.len() == 1,
        "the embedded images are not 8 x 8, with a label each"
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
