//! A matrix of plain numbers, and its products one addition at a time, as the page of `ternarize::matmul` defines them.

use crate::common::stored::Stored;
use crate::common::twin::noise;
use core::ops::Range;
use ternarize::matmul::{Activations, TernaryMatrix};
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Code, PackedTrits, PackedTritsBuf, ScaleType};

/// Which weights of a plane share their scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    All,
    Rows,
    Blocks(usize),
}

/// What a random matrix is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) planes: usize,
    pub(super) code: Code,
    pub(super) shared: Shared,
    pub(super) scale_type: ScaleType,
    pub(super) two: bool,
    pub(super) bias: bool,
    pub(super) seed: u64,
}

/// A matrix whose trits and scales can be looked up one by one.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) recipe: Recipe,
    trits: Vec<Vec<i8>>,
    packed: Vec<PackedTritsBuf>,
    lambda_p: Stored,
    lambda_n: Option<Stored>,
    bias: Vec<f32>,
}

/// Trits of a seed, each of the three about as often.
pub(super) fn trits(count: usize, seed: u64) -> Vec<i8> {
    let trit = |x: f64| if x > 0.33 { 1 } else { i8::from(x > -0.33) - 1 };
    noise(count, seed).map(trit).collect()
}

/// Single precision, rounded once.
#[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
pub(super) fn single(x: f64) -> f32 {
    x as f32
}

impl Plain {
    pub(super) fn new(recipe: Recipe) -> Self {
        let Recipe {
            rows,
            columns,
            planes,
            scale_type,
            seed,
            ..
        } = recipe;
        let trits: Vec<_> = (0..planes)
            .map(|k| trits(rows * columns, seed ^ k as u64))
            .collect();
        let packed = trits
            .iter()
            .map(|trits| PackedTritsBuf::from_trits(recipe.code, trits));
        let scales = planes * recipe.scales_of_plane();
        let stored = |seed| Stored::moderate(scale_type, scales, seed);
        Self {
            recipe,
            packed: packed.collect::<Result<_, _>>().unwrap(),
            lambda_p: stored(seed ^ 8),
            lambda_n: recipe.two.then(|| stored(seed ^ 9)),
            bias: noise(if recipe.bias { rows } else { 0 }, seed ^ 0xa)
                .map(single)
                .collect(),
            trits,
        }
    }

    /// The borrowed planes.
    pub(super) fn planes(&self) -> Vec<PackedTrits<'_>> {
        self.packed.iter().map(PackedTritsBuf::as_packed).collect()
    }

    pub(super) fn matrix(&self) -> TernaryMatrix<'_> {
        let Recipe {
            rows,
            columns,
            shared,
            ..
        } = self.recipe;
        let (shape, planes, scales) = ([rows, columns], self.planes(), self.lambda_p.slice());
        let matrix = match shared {
            Shared::All | Shared::Rows => TernaryMatrix::new(shape, &planes, scales),
            Shared::Blocks(len) => TernaryMatrix::with_blocks(shape, len, &planes, scales),
        };
        let matrix = matrix.unwrap();
        let matrix = match &self.lambda_n {
            Some(lambda_n) => matrix.with_lambda_n(lambda_n.slice()).unwrap(),
            None => matrix,
        };
        if self.recipe.bias {
            matrix.with_bias(&self.bias).unwrap()
        } else {
            matrix
        }
    }

    /// The same as a tensor; one without weights has no scales.
    pub(super) fn tensor(&self) -> TernaryTensor {
        let Recipe {
            rows,
            columns,
            shared,
            scale_type,
            ..
        } = self.recipe;
        let grouping = match shared {
            Shared::All => Grouping::Tensor,
            Shared::Rows => Grouping::OUTPUT_CHANNEL,
            Shared::Blocks(len) => Grouping::Block(len),
        };
        let (shape, none) = (
            Shape::new(&[rows, columns]).unwrap(),
            Stored::moderate(scale_type, 0, 0),
        );
        let own = |scales| if columns == 0 { &none } else { scales };
        let (p, n) = (own(&self.lambda_p), self.lambda_n.as_ref().map(own));
        let n = n.map(Stored::slice);
        let tensor = TernaryTensor::from_parts(shape, grouping, self.packed.clone(), p.slice(), n);
        tensor.unwrap().with_bias(self.bias.clone()).unwrap()
    }

    /// The exact scales of the +1 and the -1 trits of a plane, where a weight lies.
    pub(super) fn scales(&self, plane: usize, row: usize, column: usize) -> [f64; 2] {
        let of_row = self.recipe.scales_of_row();
        let own = match self.recipe.shared {
            Shared::All => 0,
            Shared::Rows => row,
            Shared::Blocks(len) => row * of_row + column / len,
        };
        let index = plane * self.recipe.scales_of_plane() + own;
        let lambda_n = self.lambda_n.as_ref().unwrap_or(&self.lambda_p);
        [&self.lambda_p, lambda_n].map(|scales| scales.slice().get(index).unwrap())
    }

    pub(super) fn trit(&self, plane: usize, row: usize, column: usize) -> i8 {
        self.trits[plane][row * self.recipe.columns + column]
    }

    /// The exact product with a vector, and the sum of the magnitudes of its terms.
    pub(super) fn exact(&self, row: usize, x: &(impl Iterator<Item = f64> + Clone)) -> [f64; 2] {
        let bias = self.bias.get(row).map_or(0.0, |&bias| f64::from(bias));
        let mut sums = [bias, bias.abs()];
        for plane in 0..self.recipe.planes {
            for (column, x) in x.clone().enumerate() {
                let [lambda_p, lambda_n] = self.scales(plane, row, column);
                let weight = match self.trit(plane, row, column) {
                    1 => lambda_p,
                    -1 => -lambda_n,
                    _ => 0.0,
                };
                sums[0] += weight * x;
                sums[1] += (weight * x).abs();
            }
        }
        sums
    }

    /// The columns of each block of a row.
    fn blocks(&self) -> Vec<Range<usize>> {
        let columns = self.recipe.columns;
        let len = match self.recipe.shared {
            Shared::Blocks(len) => len,
            _ => columns.max(1),
        };
        (0..columns)
            .step_by(len)
            .map(|start| start..columns.min(start + len))
            .collect()
    }

    /// A row times a vector of floats.
    pub(super) fn product(&self, row: usize, x: &[f32]) -> f32 {
        let mut y = 0.0;
        for plane in 0..self.recipe.planes {
            for block in self.blocks() {
                let [lambda_p, lambda_n] = self.scales(plane, row, block.start).map(single);
                let (mut all, mut plus, mut minus) = ([0.0; 8], [0.0; 8], [0.0; 8]);
                for (i, column) in block.enumerate() {
                    match self.trit(plane, row, column) {
                        1 => {
                            all[i % 8] += x[column];
                            plus[i % 8] += x[column];
                        }
                        -1 => {
                            all[i % 8] -= x[column];
                            minus[i % 8] += x[column];
                        }
                        _ => {}
                    }
                }
                let sum =
                    |l: [f32; 8]| ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
                y += match self.lambda_n {
                    None => lambda_p * sum(all),
                    Some(_) => lambda_p * sum(plus) - lambda_n * sum(minus),
                };
            }
        }
        self.bias.get(row).map_or(y, |bias| y + bias)
    }

    /// A row times a vector of whole numbers.
    pub(super) fn product_i8(&self, row: usize, x: &Activations<'_>) -> f32 {
        let Recipe {
            columns,
            code,
            shared,
            ..
        } = self.recipe;
        let one_block = self.blocks().len() <= 1;
        let whole_bytes = code == Code::TwoBit && columns.is_multiple_of(4);
        let of_32 = matches!(shared, Shared::Blocks(len) if len.is_multiple_of(32));
        let term = |plane| {
            if one_block && x.scales().len() <= 1 {
                self.run(plane, row, 0..columns, x)
            } else if whole_bytes && (one_block || of_32) {
                self.tiles(plane, row, x)
            } else {
                self.runs(plane, row, x)
            }
        };
        let y = (1..self.recipe.planes).fold(term(0), |y, plane| y + term(plane));
        self.bias.get(row).map_or(y, |bias| y + bias)
    }

    /// The exact sums under the +1 and the -1 trits of some columns; the scales there, times that of the activations.
    fn part(
        &self,
        plane: usize,
        row: usize,
        columns: Range<usize>,
        x: &Activations<'_>,
    ) -> ([i32; 2], [f32; 2]) {
        let d = match x.scales() {
            [] => 0.0,
            &[d] => d,
            scales => scales[columns.start / 256],
        };
        let scales = if self.recipe.columns == 0 {
            [0.0; 2]
        } else {
            self.scales(plane, row, columns.start).map(single)
        };
        let mut sums = [0; 2];
        for column in columns {
            match self.trit(plane, row, column) {
                1 => sums[0] += i32::from(x.values()[column]),
                -1 => sums[1] += i32::from(x.values()[column]),
                _ => {}
            }
        }
        (sums, scales.map(|scale| scale * d))
    }

    fn run(&self, plane: usize, row: usize, columns: Range<usize>, x: &Activations<'_>) -> f32 {
        let ([plus, minus], [p, n]) = self.part(plane, row, columns, x);
        match self.lambda_n {
            None => (plus - minus) as f32 * p,
            Some(_) => plus as f32 * p - minus as f32 * n,
        }
    }

    fn runs(&self, plane: usize, row: usize, x: &Activations<'_>) -> f32 {
        let mut y = 0.0;
        for block in self.blocks() {
            let mut start = block.start;
            while start < block.end {
                let tile_end = if x.scales().len() > 1 {
                    start - start % 256 + 256
                } else {
                    block.end
                };
                let end = block.end.min(tile_end);
                y += self.run(plane, row, start..end, x);
                start = end;
            }
        }
        y
    }

    /// Tile by tile: eight sums of a tile with one scale, or sixteen.
    fn tiles(&self, plane: usize, row: usize, x: &Activations<'_>) -> f32 {
        let (columns, mut sums) = (self.recipe.columns, [0.0_f32; 16]);
        let whole = match self.recipe.shared {
            Shared::Blocks(len) => len >= columns || len.is_multiple_of(256),
            _ => true,
        };
        let part = |start: usize| self.part(plane, row, start..columns.min(start + 16), x);
        for (tile, first) in (0..columns).step_by(256).enumerate() {
            for lane in 0..if whole { 8 } else { 16 } {
                let start = first + 16 * lane;
                if start >= columns {
                    break;
                }
                let ([mut plus, mut minus], [p, n]) = part(start);
                if whole && start + 128 < columns {
                    let ([more, less], _) = part(start + 128);
                    (plus, minus) = (plus + more, minus + less);
                }
                let sum = &mut sums[if whole { tile % 2 * 8 + lane } else { lane }];
                if self.lambda_n.is_none() {
                    *sum += (plus - minus) as f32 * p;
                } else {
                    *sum += plus as f32 * p;
                    *sum += minus as f32 * -n;
                }
            }
        }
        for width in [8, 4, 2, 1] {
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
        }
        sums[0]
    }

    /// The longest chain of additions in a plane's product with 8-bit activations.
    pub(super) fn chain(&self, x: &Activations<'_>) -> usize {
        let columns = self.recipe.columns;
        let tiles = 2 * columns.div_ceil(256) + 4;
        tiles.max(self.blocks().len() + x.scales().len())
    }
}

impl Recipe {
    fn scales_of_row(&self) -> usize {
        match self.shared {
            Shared::Blocks(len) => self.columns.div_ceil(len).max(1),
            _ => 1,
        }
    }

    pub(super) fn scales_of_plane(&self) -> usize {
        if self.shared == Shared::All {
            1
        } else {
            self.rows * self.scales_of_row()
        }
    }
}
