//! Layers, run on batches of images.
//!
//! A convolution is a matrix product with the unfolded patches of an image, a column for each place. So every layer with weights is
//! a [`Matrix`], and all time is spent in one product, `ndarray`'s. Layers run on any number of images; threads divide the images.

use anyhow::{Result, ensure};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;
use ternarize::quantize::calibrate::Affine;
use ternarize::tensor::TensorView;

/// Images that a thread takes at a time.
const CHUNK: usize = 32;

/// Channels of rows of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// How a convolution reads its input.
#[derive(Clone, Copy)]
pub(crate) struct Unfold {
    pub(crate) input: Volume,
    pub(crate) kernel: usize,
    pub(crate) padding: usize,
    pub(crate) stride: usize,
    /// The places of the kernel.
    pub(crate) output: Volume,
}

/// A weight matrix, of a linear layer or a convolution.
#[derive(Clone)]
pub(crate) struct Matrix {
    pub(crate) name: String,
    /// Output channels.
    pub(crate) rows: usize,
    /// Inputs of each.
    pub(crate) columns: usize,
    pub(crate) weights: Vec<f32>,
    /// Empty, or one for each output channel.
    pub(crate) bias: Vec<f32>,
    pub(crate) unfold: Option<Unfold>,
}

/// What a layer does.
pub(crate) enum Operation {
    Matrix(Matrix),
    Relu,
    MaxPool(usize),
    AveragePool(usize),
    Flatten,
}

/// An operation with what goes in and comes out.
pub(crate) struct Layer {
    pub(crate) operation: Operation,
    pub(crate) input: Volume,
    pub(crate) output: Volume,
}

impl Volume {
    /// So many numbers without places.
    pub(crate) const fn line(channels: usize) -> Self {
        Self {
            channels,
            rows: 1,
            columns: 1,
        }
    }

    pub(crate) const fn len(self) -> usize {
        self.channels * self.rows * self.columns
    }

    /// After pooling of squares.
    pub(crate) fn pooled(self, size: usize) -> Result<Self> {
        ensure!(
            size > 0 && self.rows >= size && self.columns >= size,
            "pools of {size} in {} x {} pixels",
            self.rows,
            self.columns
        );
        Ok(Self {
            rows: self.rows / size,
            columns: self.columns / size,
            ..self
        })
    }
}

impl Layer {
    pub(crate) const fn matrix(&self) -> Option<&Matrix> {
        match &self.operation {
            Operation::Matrix(matrix) => Some(matrix),
            _ => None,
        }
    }

    /// The outputs for these images, with other weights in place of the layer's own if there are.
    pub(crate) fn run(&self, images: &[f32], other: Option<&Matrix>) -> Vec<f32> {
        match &self.operation {
            Operation::Matrix(matrix) => other.unwrap_or(matrix).apply(images),
            Operation::Relu => images.iter().map(|value| value.max(0.0)).collect(),
            &Operation::MaxPool(size) => self.pool(images, size, f32::NEG_INFINITY, f32::max),
            &Operation::AveragePool(size) => {
                let mut sums = self.pool(images, size, 0.0, |sum, value| sum + value);
                let area = (size * size) as f32;
                for sum in &mut sums {
                    *sum /= area;
                }
                sums
            }
            Operation::Flatten => images.to_vec(),
        }
    }

    /// The same, with threads.
    pub(crate) fn run_parallel(&self, images: &[f32], other: Option<&Matrix>) -> Vec<f32> {
        let chunks = images.par_chunks(CHUNK * self.input.len());
        let outputs: Vec<_> = chunks.map(|chunk| self.run(chunk, other)).collect();
        outputs.concat()
    }

    /// Combines the values of each square.
    fn pool(
        &self,
        images: &[f32],
        size: usize,
        start: f32,
        combine: impl Fn(f32, f32) -> f32,
    ) -> Vec<f32> {
        let (wide, narrow) = (self.input, self.output);
        let mut outputs = Vec::with_capacity(images.len() / (size * size));
        for plane in images.chunks_exact(wide.rows * wide.columns) {
            for row in 0..narrow.rows {
                for column in 0..narrow.columns {
                    let square = (0..size).flat_map(|r| {
                        let corner = (row * size + r) * wide.columns + column * size;
                        &plane[corner..corner + size]
                    });
                    outputs.push(square.fold(start, |all, &value| combine(all, value)));
                }
            }
        }
        outputs
    }
}

impl Matrix {
    /// The weights as rows and columns, whatever the axes of a convolution.
    pub(crate) fn view(&self) -> Result<TensorView<'_, f32>, ternarize::Error> {
        TensorView::new(&self.weights, &[self.rows, self.columns])
    }

    /// The places of each image that have inputs and outputs of their own.
    pub(crate) fn places(&self) -> usize {
        self.unfold.as_ref().map_or(1, Unfold::places)
    }

    /// `W x + b` for each image; for a convolution, for each place.
    pub(crate) fn apply(&self, images: &[f32]) -> Vec<f32> {
        let Some(unfold) = &self.unfold else {
            return self.apply_lines(images);
        };
        let places = unfold.places();
        let mut patches = vec![0.0; self.columns * places];
        let count = images.len() / unfold.input.len();
        let mut outputs = vec![0.0; count * self.rows * places];
        let images = images.chunks_exact(unfold.input.len());
        for (image, output) in images.zip(outputs.chunks_exact_mut(self.rows * places)) {
            unfold.patches(image, &mut patches);
            for (channel, &bias) in output.chunks_exact_mut(places).zip(&self.bias) {
                channel.fill(bias);
            }
            let weights = view(&self.weights, self.rows, self.columns);
            let patches = view(&patches, self.columns, places);
            multiply(&weights, &patches, output, places);
        }
        outputs
    }

    fn apply_lines(&self, images: &[f32]) -> Vec<f32> {
        let count = images.len() / self.columns;
        let mut outputs = match self.bias.as_slice() {
            [] => vec![0.0; count * self.rows],
            bias => bias.repeat(count),
        };
        let weights = view(&self.weights, self.rows, self.columns);
        multiply(
            &view(images, count, self.columns),
            &weights.reversed_axes(),
            &mut outputs,
            self.rows,
        );
        outputs
    }

    /// Applies a scale and a shift to each output.
    pub(crate) fn fold(&mut self, affine: &[Affine]) {
        self.bias.resize(self.rows, 0.0);
        let rows = self.weights.chunks_exact_mut(self.columns);
        for ((row, bias), affine) in rows.zip(&mut self.bias).zip(affine) {
            for weight in row {
                *weight = narrow(f64::from(*weight) * affine.scale);
            }
            *bias = narrow(affine.apply(f64::from(*bias)));
        }
    }

    /// Outputs of this matrix as rows with one value for each channel.
    pub(crate) fn rows_of_outputs(&self, outputs: &[f32]) -> Vec<f32> {
        transposed(outputs, self.rows, self.places())
    }

    /// Inputs of this matrix as rows: the images themselves, or a patch for each place.
    pub(crate) fn rows_of_inputs(&self, images: &[f32]) -> Vec<f32> {
        let Some(unfold) = &self.unfold else {
            return images.to_vec();
        };
        let mut patches = vec![0.0; self.columns * unfold.places()];
        let rows = images.chunks_exact(unfold.input.len()).flat_map(|image| {
            unfold.patches(image, &mut patches);
            transposed(&patches, self.columns, unfold.places())
        });
        rows.collect()
    }
}

impl Unfold {
    pub(crate) const fn places(&self) -> usize {
        self.output.rows * self.output.columns
    }

    /// A column of patch values for each place, 0 beyond the border.
    fn patches(&self, image: &[f32], patches: &mut [f32]) {
        let mut rows = patches.chunks_exact_mut(self.places());
        for channel in image.chunks_exact(self.input.rows * self.input.columns) {
            for tap in 0..self.kernel * self.kernel {
                let tap = (tap / self.kernel, tap % self.kernel);
                if let Some(row) = rows.next() {
                    self.shifted(channel, tap, row);
                }
            }
        }
    }

    /// The values that one tap of the kernel sees.
    fn shifted(&self, channel: &[f32], (down, right): (usize, usize), seen: &mut [f32]) {
        let Volume { rows, columns, .. } = self.input;
        for (row, line) in seen.chunks_exact_mut(self.output.columns).enumerate() {
            let source = (row * self.stride + down).checked_sub(self.padding);
            let Some(source) = source.filter(|&source| source < rows) else {
                line.fill(0.0);
                continue;
            };
            let source = &channel[source * columns..][..columns];
            for (column, value) in line.iter_mut().enumerate() {
                let from = (column * self.stride + right).checked_sub(self.padding);
                *value = from.and_then(|from| source.get(from)).map_or(0.0, |v| *v);
            }
        }
    }
}

/// Each block of `rows` x `columns` with its axes exchanged.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    if columns == 1 {
        return values.to_vec();
    }
    let blocks = values.chunks_exact(rows * columns);
    let turned = blocks
        .flat_map(|block| (0..rows * columns).map(move |i| block[i % rows * columns + i / rows]));
    turned.collect()
}

fn view(values: &[f32], rows: usize, columns: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows, columns), values).expect("sizes are those of the network")
}

/// Adds a product to what is in `sums`.
fn multiply(a: &ArrayView2<'_, f32>, b: &ArrayView2<'_, f32>, sums: &mut [f32], columns: usize) {
    let rows = sums.len() / columns;
    let mut sums = ArrayViewMut2::from_shape((rows, columns), sums).expect("sizes of a product");
    general_mat_mul(1.0, a, b, 1.0, &mut sums);
}

/// To the nearest `f32`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "to the nearest is what is wanted"
)]
pub(crate) const fn narrow(x: f64) -> f32 {
    x as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of a convolution, with padding and stride.
    fn naive(matrix: &Matrix, unfold: &Unfold, image: &[f32], place: [usize; 3]) -> f32 {
        let [channel, row, column] = place;
        let Volume {
            channels,
            rows,
            columns,
        } = unfold.input;
        let mut sum = matrix.bias[channel];
        for c in 0..channels {
            for tap in 0..unfold.kernel * unfold.kernel {
                let r = row * unfold.stride + tap / unfold.kernel;
                let k = column * unfold.stride + tap % unfold.kernel;
                let inside =
                    |at: usize, side| (unfold.padding..side + unfold.padding).contains(&at);
                if inside(r, rows) && inside(k, columns) {
                    let pixel = ((c * rows) + r - unfold.padding) * columns + k - unfold.padding;
                    let weight = (channel * channels + c) * unfold.kernel * unfold.kernel + tap;
                    sum += matrix.weights[weight] * image[pixel];
                }
            }
        }
        sum
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "sums of small integers are exact")]
    fn convolutions_are_the_definition() {
        for (kernel, padding, stride) in [(1, 0, 1), (3, 1, 1), (3, 0, 2), (5, 2, 1), (2, 1, 3)] {
            let input = Volume {
                channels: 2,
                rows: 7,
                columns: 6,
            };
            let places = |side: usize| (side + 2 * padding - kernel) / stride + 1;
            let output = Volume {
                channels: 0,
                rows: places(7),
                columns: places(6),
            };
            let unfold = Unfold {
                input,
                kernel,
                padding,
                stride,
                output,
            };
            let columns = 2 * kernel * kernel;
            let number = |i: usize| ((i * 37) % 19) as f32 - 9.0;
            let matrix = Matrix {
                name: String::new(),
                rows: 3,
                columns,
                weights: (0..3 * columns).map(number).collect(),
                bias: vec![1.0, 2.0, 3.0],
                unfold: Some(unfold),
            };
            let images: Vec<f32> = (0..2 * input.len()).map(|i| number(i + 5)).collect();
            let outputs = matrix.apply(&images);
            for (i, found) in outputs.iter().enumerate() {
                let (image, i) = (i / (3 * unfold.places()), i % (3 * unfold.places()));
                let (channel, at) = (i / unfold.places(), i % unfold.places());
                let place = [channel, at / output.columns, at % output.columns];
                let image = &images[image * input.len()..][..input.len()];
                assert_eq!(*found, naive(&matrix, &unfold, image, place));
            }
            let rows = matrix.rows_of_inputs(&images);
            let lines = Matrix {
                unfold: None,
                ..matrix.clone()
            };
            assert_eq!(lines.apply(&rows), matrix.rows_of_outputs(&outputs));
        }
    }

    #[test]
    fn pools() {
        let input = Volume {
            channels: 1,
            rows: 3,
            columns: 4,
        };
        let layer = |operation| Layer {
            operation,
            input,
            output: input.pooled(2).unwrap(),
        };
        let image: Vec<f32> = (0..12_u8).map(f32::from).collect();
        assert_eq!(layer(Operation::MaxPool(2)).run(&image, None), [5.0, 7.0]);
        assert_eq!(
            layer(Operation::AveragePool(2)).run(&image, None),
            [2.5, 4.5]
        );
        assert!(input.pooled(4).is_err());
    }
}
