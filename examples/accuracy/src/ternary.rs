//! A layer as it is stored: planes of trits, scales in 16 bits, a bias.
//!
//! ```text
//! w' = sum over planes of  +positive[group]  where the trit is +1,  -negative[group]  where it is -1
//!
//! bytes = planes ( ceil(weights / 5)  +  2 for each scale )  +  4 for each bias
//! ```
//!
//! What is evaluated is what is stored: scales are `f16` numbers, and a correction goes into them, rounded again.

use half::f16;
use ternarize::Code;
use ternarize::quantize::calibrate::Affine;

use crate::layer::{Matrix, narrow};

/// Which weights share scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    /// All of them.
    Matrix,
    /// So many in a row; the last group of each row may be shorter.
    Block(usize),
}

/// Trits with the scales of their groups.
#[derive(Clone)]
pub(crate) struct Plane {
    /// Row by row.
    pub(crate) trits: Vec<i8>,
    pub(crate) positive: Vec<f16>,
    /// None if they are those of the positive trits.
    pub(crate) negative: Option<Vec<f16>>,
}

/// A ternary matrix and a bias.
#[derive(Clone)]
pub(crate) struct Ternary {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) groups: Groups,
    pub(crate) planes: Vec<Plane>,
    pub(crate) bias: Vec<f32>,
    /// The bytes of a bias that is ternary, too.
    pub(crate) bias_bytes: usize,
}

impl Groups {
    /// How many there are.
    pub(crate) const fn count(self, rows: usize, columns: usize) -> usize {
        match self {
            Self::Matrix => 1,
            Self::Block(length) => rows * columns.div_ceil(length),
        }
    }

    /// The group of a weight.
    pub(crate) const fn of(self, columns: usize, index: usize) -> usize {
        match self {
            Self::Matrix => 0,
            Self::Block(length) => {
                index / columns * columns.div_ceil(length) + index % columns / length
            }
        }
    }

    /// The weights of each group.
    pub(crate) fn slices<T>(self, values: &[T], columns: usize) -> Vec<&[T]> {
        match self {
            Self::Matrix => vec![values],
            Self::Block(length) => {
                let rows = values.chunks(columns);
                rows.flat_map(|row| row.chunks(length)).collect()
            }
        }
    }
}

impl Plane {
    fn value(&self, index: usize, group: usize) -> f32 {
        match self.trits[index] {
            0 => 0.0,
            1 => self.positive[group].to_f32(),
            _ => -self.negative.as_ref().unwrap_or(&self.positive)[group].to_f32(),
        }
    }

    fn scales_mut(&mut self) -> impl Iterator<Item = &mut Vec<f16>> {
        core::iter::once(&mut self.positive).chain(&mut self.negative)
    }

    fn bytes(&self) -> usize {
        let scales = self.positive.len() + self.negative.as_ref().map_or(0, Vec::len);
        Code::Base3.packed_len(self.trits.len()) + 2 * scales
    }
}

impl Ternary {
    /// All stored bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.planes.iter().map(Plane::bytes).sum::<usize>() + self.bias_bytes
    }

    /// The weights that the trits and scales stand for.
    pub(crate) fn restore(&self) -> Vec<f32> {
        let weight = |index| {
            let group = self.groups.of(self.columns, index);
            let planes = self.planes.iter();
            planes.map(|plane| plane.value(index, group)).sum()
        };
        (0..self.rows * self.columns).map(weight).collect()
    }

    /// The layer with restored weights.
    pub(crate) fn matrix(&self, original: &Matrix) -> Matrix {
        Matrix {
            weights: self.restore(),
            bias: self.bias.clone(),
            ..original.clone()
        }
    }

    /// Multiplies the scales of each group, and rounds them again.
    pub(crate) fn multiply_groups(&mut self, factors: &[f64]) {
        for scales in self.planes.iter_mut().flat_map(Plane::scales_mut) {
            for (scale, factor) in scales.iter_mut().zip(factors) {
                *scale = rounded(f64::from(scale.to_f32()) * factor);
            }
        }
    }

    /// Applies a scale and a shift to each output. Groups across outputs become groups of one output each, and more bytes.
    pub(crate) fn fold(&mut self, affine: &[Affine]) {
        if self.groups == Groups::Matrix {
            for scales in self.planes.iter_mut().flat_map(Plane::scales_mut) {
                *scales = scales.repeat(self.rows);
            }
            self.groups = Groups::Block(self.columns);
        }
        let in_a_row = self.groups.count(1, self.columns);
        let factors = affine.iter().flat_map(|a| vec![a.scale; in_a_row]);
        self.multiply_groups(&factors.collect::<Vec<_>>());
        for (bias, affine) in self.bias.iter_mut().zip(affine) {
            *bias = narrow(affine.apply(f64::from(*bias)));
        }
    }
}

/// To the nearest `f16`; what is beyond its range becomes its largest number.
pub(crate) fn rounded(scale: f64) -> f16 {
    let largest = f16::MAX.to_f64();
    f16::from_f64(scale.clamp(-largest, largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(groups: Groups, scales: usize) -> Ternary {
        let plane = Plane {
            trits: vec![1, 0, -1, -1, 0, 1],
            positive: (1..=scales).map(|s| rounded(s as f64)).collect(),
            negative: None,
        };
        Ternary {
            rows: 2,
            columns: 3,
            groups,
            planes: vec![plane],
            bias: vec![1.0, 2.0],
            bias_bytes: 8,
        }
    }

    #[test]
    fn groups_within_rows() {
        let ternary = example(Groups::Block(2), 4);
        assert_eq!(ternary.restore(), [1.0, 0.0, -2.0, -3.0, 0.0, 4.0]);
        // Two bytes of trits, four scales, two biases.
        assert_eq!(ternary.bytes(), 2 + 8 + 8);
        let weights = [0, 1, 2, 3, 4, 5];
        let slices = Groups::Block(2).slices(&weights, 3);
        assert_eq!(slices, [&[0, 1][..], &[2], &[3, 4], &[5]]);
    }

    #[test]
    fn corrections_are_stored() {
        let affine = [2.0, 0.1].map(|scale| Affine { scale, shift: 1.0 });
        let mut ternary = example(Groups::Matrix, 1);
        assert_eq!(ternary.bytes(), 2 + 2 + 8);
        ternary.fold(&affine);
        assert_eq!(ternary.bytes(), 2 + 4 + 8);
        let tenth = f16::from_f32(0.1).to_f32();
        assert_eq!(ternary.restore(), [2.0, 0.0, -2.0, -tenth, 0.0, tenth]);
        assert_eq!(ternary.bias, [3.0, 1.2]);
    }
}
