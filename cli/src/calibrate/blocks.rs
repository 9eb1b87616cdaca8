//! Wide layers, fitted block by block of their inputs, so that Gram matrices stay small.
//!
//! Each block is fitted as if it were a layer of its own, with scales of its own, and all of them are joined. What the inputs of different
//! blocks have in common is not made use of.

use half::f16;
use ternarize::quantize::gram::Gram;
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Code, Error, PackedTritsBuf, ScaleSlice};

/// How the inputs of each output are divided: into blocks of the same width, the last one filled up with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    pub count: usize,
    pub width: usize,
    columns: usize,
}

impl Blocks {
    /// As few as there can be with at most `most` inputs in each.
    #[must_use]
    pub(super) fn of(columns: usize, most: usize) -> Self {
        let count = columns.div_ceil(most.max(1)).max(1);
        let width = columns.div_ceil(count);
        Self {
            // Wide blocks may take all there is before the last.
            count: columns.div_ceil(width.max(1)).max(1),
            width,
            columns,
        }
    }

    /// The weights that share a scale.
    #[must_use]
    pub(super) fn grouping(self) -> Grouping {
        match self.count {
            1 => Grouping::OUTPUT_CHANNEL,
            _ => Grouping::Block(self.width),
        }
    }

    /// Rows of weights or of inputs, each divided: block after block, and in each block row after row.
    #[must_use]
    pub(super) fn divided(self, rows: &[f32]) -> Vec<f32> {
        let mut divided = Vec::with_capacity(rows.len());
        for start in (0..self.columns).step_by(self.width.max(1)) {
            for row in rows.chunks_exact(self.columns) {
                let end = self.columns.min(start + self.width);
                divided.extend(&row[start..end]);
                divided.resize(divided.len() + start + self.width - end, 0.0);
            }
        }
        divided
    }

    /// Adds rows, with a weight for each, to the Gram matrices of the blocks: those that a layer sees, and those of the original network if
    /// they are others.
    ///
    /// # Errors
    ///
    /// Those of [`Gram::add_weighted`].
    pub(super) fn add(
        self,
        grams: &mut [Gram],
        seen: &[f32],
        original: Option<&[f32]>,
        weights: Option<&[f32]>,
    ) -> Result<(), Error> {
        if let [gram] = grams {
            return gram.add_weighted(seen, original, weights);
        }
        let size = seen.len() / self.columns.max(1) * self.width;
        let (seen, original) = (self.divided(seen), original.map(|rows| self.divided(rows)));
        for (number, gram) in grams.iter_mut().enumerate() {
            let block = number * size..(number + 1) * size;
            let original = original.as_ref().map(|rows| &rows[block.clone()]);
            gram.add_weighted(&seen[block.clone()], original, weights)?;
        }
        Ok(())
    }

    /// One tensor of so many rows from the tensor whose rows are those of the blocks, divided as by [`divided`](Self::divided) in each
    /// group of outputs. Its scales are stored as `f16`.
    ///
    /// # Errors
    ///
    /// None that are known.
    pub(super) fn joined(
        self,
        blocks: &TernaryTensor,
        rows: usize,
        groups: usize,
    ) -> Result<TernaryTensor, Error> {
        let in_group = rows / groups.max(1);
        // The row of the blocks that holds a block of a row.
        let place = |row: usize, block: usize| {
            (row / in_group * self.count + block) * in_group + row % in_group
        };
        let all = || (0..rows).flat_map(|row| (0..self.count).map(move |block| (row, block)));
        let mut planes = Vec::new();
        for plane in blocks.planes() {
            let mut trits = vec![0; plane.len()];
            plane.unpack_into(&mut trits)?;
            let mut joined = Vec::with_capacity(rows * self.columns);
            for (row, block) in all() {
                let width = self.width.min(self.columns - block * self.width);
                joined.extend(&trits[place(row, block) * self.width..][..width]);
            }
            planes.push(PackedTritsBuf::from_trits(Code::TwoBit, &joined)?);
        }
        let scales = blocks.lambda_p();
        let scales = scales.chunks_exact(rows * self.count).flat_map(|plane| {
            all().map(|(row, block)| f16::from_f64(plane[place(row, block)]).to_bits())
        });
        let scales: Vec<u16> = scales.collect();
        let bias = (0..rows).map(|row| {
            let blocks = (0..self.count).map(|block| blocks.bias()[place(row, block)]);
            blocks.sum()
        });
        let shape = Shape::new(&[rows, self.columns])?;
        let scales = ScaleSlice::F16(&scales);
        let tensor = TernaryTensor::from_parts(shape, self.grouping(), planes, scales, None)?;
        tensor.with_bias(bias.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::treatment::{LayerInputs, Treatment};
    use super::*;

    #[test]
    fn blocks_are_as_few_and_as_even_as_can_be() {
        for (columns, most, count, width) in [
            (7, 8, 1, 7),
            (8, 8, 1, 8),
            (9, 8, 2, 5),
            (9, 4, 3, 3),
            (10, 4, 3, 4),
            (5, 2, 3, 2),
            (17, 5, 4, 5),
        ] {
            let blocks = Blocks::of(columns, most);
            assert_eq!((blocks.count, blocks.width), (count, width), "{columns}");
        }
    }

    /// The joined layer is that of the blocks, each fitted alone, in each group; what the last lacks is filled up with zeros.
    #[test]
    fn a_joined_layer_is_that_of_its_blocks() {
        let (rows, columns, groups, samples) = (6, 7, 2, 60);
        let numbers = |count: usize, seed: f32| {
            let numbers = (0..count).map(|i| ((i * i) as f32 * seed).sin());
            numbers.collect::<Vec<f32>>()
        };
        let (weights, bias) = (numbers(rows * columns, 0.7), numbers(rows, 1.1));
        let inputs = [0.31, 0.37].map(|seed| numbers(samples * columns, seed));
        let blocks = Blocks::of(columns, 3);
        assert_eq!((blocks.count, blocks.width), (3, 3));
        let empty = || (0..groups * 3).map(|_| Gram::new(3).unwrap());
        let mut grams: Vec<Gram> = empty().collect();
        for (grams, inputs) in grams.chunks_exact_mut(3).zip(&inputs) {
            blocks.add(grams, inputs, None, None).unwrap();
        }
        let grams: Vec<Gram> = grams.into_iter().map(Gram::centred).collect();
        let none: Vec<Gram> = empty().collect();
        let layer = LayerInputs {
            weights: &weights,
            rows,
            groups,
            blocks,
            bias: &bias,
            all: &grams,
            winners: &none,
            held_out: &none,
        };
        let treatment = Treatment {
            rotation: false,
            effective: false,
            ..Treatment::DEFAULT
        };
        let joined = treatment.apply(&layer, 2).unwrap().tensor;
        let restored: Vec<f32> = joined.dequantize();
        let mut biases = bias.clone();
        for (group, inputs) in inputs.iter().enumerate() {
            for (number, columns_of) in [(0, 0..3), (1, 3..6), (2, 6..7)] {
                // The weights and the inputs of the block, taken out by hand.
                let cut = |rows: &[f32]| {
                    let rows = rows.chunks(columns).flat_map(|row| {
                        let mut row = row[columns_of.clone()].to_vec();
                        row.resize(3, 0.0);
                        row
                    });
                    rows.collect::<Vec<f32>>()
                };
                let of_group = group * 3 * columns..(group + 1) * 3 * columns;
                let mut gram = Gram::new(3).unwrap();
                gram.add(&cut(inputs)).unwrap();
                let alone = LayerInputs {
                    weights: &cut(&weights[of_group.clone()]),
                    rows: 3,
                    groups: 1,
                    blocks: Blocks::of(3, 3),
                    bias: &[],
                    all: &[gram.centred()],
                    winners: &none[..1],
                    held_out: &none[..1],
                };
                let alone = treatment.apply(&alone, 2).unwrap().tensor;
                let expected: Vec<f32> = alone.dequantize();
                assert_eq!(cut(&restored[of_group]), expected, "block {number}");
                for (bias, more) in biases[group * 3..].iter_mut().zip(alone.bias()) {
                    *bias += more;
                }
            }
        }
        for (found, expected) in joined.bias().iter().zip(&biases) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
