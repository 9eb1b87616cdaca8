//! Labelled images: reading them from IDX files, splitting them, moving them by a pixel.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};

/// Rows and columns of an image.
pub(crate) const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;
/// The digits 0 to 9.
pub(crate) const CLASSES: usize = 10;
/// Pixels are whole numbers from 0 to this; the network sees them divided by it.
const WHITE: u8 = 16;

type Image = [u8; PIXELS];

/// Images and, in the same order, the digits they show.
pub(crate) struct Dataset {
    images: Vec<Image>,
    labels: Vec<u8>,
}

impl Dataset {
    /// Reads `<name>-images.idx3-ubyte` and `<name>-labels.idx1-ubyte` from a folder.
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Self> {
        let pixels = read_idx(
            &folder.join(format!("{name}-images.idx3-ubyte")),
            &[SIDE, SIDE],
        )?;
        let labels = read_idx(&folder.join(format!("{name}-labels.idx1-ubyte")), &[])?;
        let (images, rest) = pixels.as_chunks::<PIXELS>();
        ensure!(
            images.len() == labels.len() && rest.is_empty(),
            "{name}: {} images, but {} labels",
            images.len(),
            labels.len()
        );
        ensure!(
            pixels.iter().all(|&pixel| pixel <= WHITE),
            "{name}: a pixel is above {WHITE}"
        );
        ensure!(
            labels.iter().all(|&label| usize::from(label) < CLASSES),
            "{name}: a label is no digit"
        );
        Ok(Self {
            images: images.to_vec(),
            labels,
        })
    }

    /// How many images there are.
    pub(crate) fn len(&self) -> usize {
        self.images.len()
    }

    /// Four fifths and one fifth of the images: with the images sorted by digit, every fifth goes
    /// to the second part. The test images were split off in the same way.
    pub(crate) fn split_fifth(&self) -> (Self, Self) {
        let mut by_digit: Vec<usize> = (0..self.len()).collect();
        by_digit.sort_by_key(|&image| self.labels[image]);
        let part = |second: bool| {
            let members = by_digit.iter().enumerate();
            let members = members.filter(|(place, _)| (place % 5 == 0) == second);
            let (images, labels) = members
                .map(|(_, &image)| (self.images[image], self.labels[image]))
                .unzip();
            Self { images, labels }
        };
        (part(false), part(true))
    }

    /// The chosen images, as they are: `[n, 1, 8, 8]` from 0 to 1, and their `n` labels.
    pub(crate) fn batch(&self, members: &[usize]) -> Result<(Tensor, Tensor)> {
        self.tensors(members, |image| *image)
    }

    /// Like [`batch`](Self::batch), with every image moved by -1, 0 or 1 pixel down and across.
    pub(crate) fn shifted_batch(
        &self,
        members: &[usize],
        rng: &mut fastrand::Rng,
    ) -> Result<(Tensor, Tensor)> {
        self.tensors(members, |image| {
            let down = rng.isize(-1..=1);
            let right = rng.isize(-1..=1);
            shifted(image, down, right)
        })
    }

    fn tensors(
        &self,
        members: &[usize],
        mut prepare: impl FnMut(&Image) -> Image,
    ) -> Result<(Tensor, Tensor)> {
        let mut pixels = Vec::with_capacity(members.len() * PIXELS);
        for &member in members {
            let image = prepare(&self.images[member]);
            pixels.extend(image.map(|pixel| f32::from(pixel) / f32::from(WHITE)));
        }
        let labels: Vec<u32> = members
            .iter()
            .map(|&member| u32::from(self.labels[member]))
            .collect();
        let shape = (members.len(), 1, SIDE, SIDE);
        Ok((
            Tensor::from_vec(pixels, shape, &Device::Cpu)?,
            Tensor::from_vec(labels, members.len(), &Device::Cpu)?,
        ))
    }
}

/// The image moved by so many pixels; what moves in from outside is paper, 0.
fn shifted(image: &Image, down: isize, right: isize) -> Image {
    let source = |to: usize, by: isize| to.checked_add_signed(-by).filter(|&from| from < SIDE);
    std::array::from_fn(
        |pixel| match (source(pixel / SIDE, down), source(pixel % SIDE, right)) {
            (Some(row), Some(column)) => image[row * SIDE + column],
            _ => 0,
        },
    )
}

/// The bytes of an IDX file whose items have these dimensions.
///
/// The header is big-endian: two zero bytes, 8 for "unsigned bytes", the number of dimensions, and
/// each dimension in four bytes, the first being the number of items.
fn read_idx(path: &Path, item: &[usize]) -> Result<Vec<u8>> {
    let name = path.display();
    let file = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let header = 4 * (2 + item.len());
    ensure!(file.len() >= header, "{name} is too short");
    let (header, bytes) = file.split_at(header);
    let words: Vec<usize> = header
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&word| u32::from_be_bytes(word) as usize)
        .collect();
    ensure!(
        words[0] == 0x0801 + item.len() && words[2..] == *item,
        "{name} does not hold bytes in items of {item:?}"
    );
    ensure!(
        bytes.len() == words[1] * item.iter().product::<usize>(),
        "{name} announces {} items, but its length is another",
        words[1]
    );
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_every_pixel_and_lets_paper_in() {
        let image: Image = std::array::from_fn(|pixel| u8::try_from(pixel % 16 + 1).unwrap());
        let moved = shifted(&image, 1, -1);
        for row in 0..SIDE {
            for column in 0..SIDE {
                let expected = if row == 0 || column == SIDE - 1 {
                    0
                } else {
                    image[(row - 1) * SIDE + column + 1]
                };
                assert_eq!(moved[row * SIDE + column], expected, "{row}, {column}");
            }
        }
        assert_eq!(shifted(&image, 0, 0), image);
    }

    #[test]
    fn the_split_keeps_every_image_once() {
        let images: Vec<Image> = (0..50).map(|number| [number; PIXELS]).collect();
        let labels = (0..50).map(|number| number % 10).collect();
        let (kept, held_out) = Dataset { images, labels }.split_fifth();
        assert_eq!((kept.len(), held_out.len()), (40, 10));
        let mut numbers: Vec<u8> = [&kept, &held_out]
            .iter()
            .flat_map(|part| part.images.iter().map(|image| image[0]))
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..50));
        // Five images of each digit: exactly one of each is held out.
        let mut digits = held_out.labels.clone();
        digits.sort_unstable();
        assert!(digits.into_iter().eq(0..10));
    }

    #[test]
    fn the_files_in_the_repository_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        assert_eq!(Dataset::read(&folder, "train").unwrap().len(), 1437);
        assert_eq!(Dataset::read(&folder, "test").unwrap().len(), 360);
        let error = read_idx(&folder.join("test-labels.idx1-ubyte"), &[SIDE, SIDE]).unwrap_err();
        assert!(error.to_string().contains("does not hold"), "{error}");
    }
}
