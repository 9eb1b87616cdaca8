//! Products with other programs' bytes, against the formula of the documentation on what these bytes decode to, on every backend
//! and both ways to add.

use crate::common::twin::weights;
use crate::products_i8::quantize;
use half::f16;
use proptest::prelude::*;
use ternarize::format::FormatMatrix;
use ternarize::matmul::{Activations, TernaryMatrix};
use ternarize::{Backend, Code, Error, Format, PackedTritsBuf, ScaleSlice};
use ternarize::{Operand, ShapeError};

const FORMATS: [Format; 6] = [
    Format::Tq1_0,
    Format::Tq2_0,
    Format::Q2_0,
    Format::Pq2_0,
    Format::Ptq1_0,
    Format::I2S,
];

/// Trits, scales, and the bytes they are encoded to.
struct Case {
    format: Format,
    rows: usize,
    columns: usize,
    trits: Vec<i8>,
    scales: Vec<f16>,
    bytes: Vec<u8>,
}

impl Case {
    fn new(format: Format, rows: usize, columns: usize, seed: u64) -> Self {
        let trit = |w: f32| i8::from(w > 0.3) - i8::from(w < -0.3);
        let trits: Vec<i8> = weights::<f32>(rows * columns, seed)
            .into_iter()
            .map(trit)
            .collect();
        let count = format.scales_len(rows, columns).unwrap();
        let scales = weights::<f32>(count, seed + 1).into_iter();
        let scales: Vec<f16> = scales.map(|scale| f16::from_f32(scale.abs())).collect();
        let mut bytes = vec![0; format.encoded_len(rows, columns).unwrap()];
        format
            .encode_into(columns, &trits, &scales, &mut bytes)
            .unwrap();
        Self {
            format,
            rows,
            columns,
            trits,
            scales,
            bytes,
        }
    }

    /// The lane of an element in its tile: four bytes of codes, where smaller blocks fill equal parts of a tile.
    fn lane(&self, element: usize) -> usize {
        let block = self.format.block_len();
        let tile = element % 256;
        let byte = self.format.place(tile % block).unwrap().0;
        // Places count from the beginning of the block; these two formats begin with the scale.
        let codes = match self.format {
            Format::Q2_0 | Format::Pq2_0 => byte - 2,
            _ => byte,
        };
        (tile / block * (64 * block / 256) + codes) / 4
    }

    /// Whether a tile has one scale.
    fn has_whole_tiles(&self) -> bool {
        self.format == Format::I2S || self.format.block_len() == 256
    }

    /// A row times a vector: the sums of each lane of each tile, or of two of them, scaled and added in order.
    fn expected(&self, row: usize, x: &Activations<'_>) -> f32 {
        let block_scale = |block| x.scales()[if x.scales().len() == 1 { 0 } else { block }];
        let per_scale = self.trits.len() / self.scales.len();
        let product = |element: usize| {
            let trit = self.trits[row * self.columns + element];
            i32::from(trit) * i32::from(x.values()[element])
        };
        if self.format == Format::I2S && x.scales().len() == 1 {
            let sum: i32 = (0..self.columns).map(product).sum();
            return sum as f32 * (self.scales[0].to_f32() * x.scales()[0]);
        }
        let mut lanes = [0.0_f32; 16];
        for tile in (0..self.columns).step_by(256) {
            let mut sums = [0; 16];
            let mut scales = [0.0; 16];
            for element in tile..self.columns.min(tile + 256) {
                let lane = self.lane(element);
                sums[lane] += product(element);
                scales[lane] = self.scales[(row * self.columns + element) / per_scale].to_f32();
            }
            let d = block_scale(tile / Activations::BLOCK);
            if self.has_whole_tiles() {
                let scale = self.scales[(row * self.columns + tile) / per_scale].to_f32();
                for lane in 0..8 {
                    let sum = sums[lane] + sums[lane + 8];
                    lanes[tile / 256 % 2 * 8 + lane] += sum as f32 * (scale * d);
                }
                continue;
            }
            for lane in 0..16 {
                lanes[lane] += sums[lane] as f32 * (scales[lane] * d);
            }
        }
        for width in [8, 4, 2, 1] {
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
        }
        lanes[0]
    }

    fn check(&self, xs: &[Activations<'_>]) {
        let matrix = FormatMatrix::new(self.format, self.rows, self.columns, &self.bytes).unwrap();
        for backend in Backend::available() {
            let mut y = vec![f32::NAN; self.rows * xs.len()];
            // Copies, which this backend arranges.
            let copies = xs.to_vec();
            matrix.matmul_i8_on(backend, &copies, &mut y).unwrap();
            for (x, y) in xs.iter().zip(y.chunks(self.rows)) {
                for (row, y) in y.iter().enumerate() {
                    let expected = self.expected(row, x);
                    assert!(
                        y.to_bits() == expected.to_bits(),
                        "{:?} {backend:?}: {y} for {expected} in row {row}",
                        self.format
                    );
                }
            }
        }
    }
}

fn vectors(columns: usize, count: u64, blocks: bool) -> Vec<Activations<'static>> {
    let vector = |seed| quantize(&weights::<f32>(columns, seed), blocks).unwrap();
    (0..count).map(vector).collect()
}

#[test]
fn every_format_is_multiplied_as_documented() {
    for format in FORMATS {
        let block = format.block_len();
        for blocks in [1, 2, 3, 5, 17, 34] {
            let columns = blocks * block;
            // Rows that are a block of the driver, one less, and some more.
            for rows in [1, 3, 4, 5] {
                let case = Case::new(format, rows, columns, blocks as u64);
                case.check(&vectors(columns, 1, true));
                case.check(&vectors(columns, 1, false));
                // Vectors of one scale beside those of several.
                case.check(&[vectors(columns, 2, true), vectors(columns, 3, false)].concat());
            }
        }
        let case = Case::new(format, 6, 3 * block, 9);
        case.check(&vectors(3 * block, 6, true));
    }
}

/// A matrix times a vector.
type Product = Box<dyn Fn(&Activations<'_>) -> Vec<f32>>;

/// A vector keeps what its first product arranged, for matrices with the same order and for no others.
#[test]
fn a_kept_order_changes_no_bits() {
    let columns = 768;
    let mut products: Vec<Product> = Vec::new();
    for format in FORMATS {
        let case = Case::new(format, 2, columns, 3);
        products.push(Box::new(move |x| {
            let matrix = FormatMatrix::new(format, 2, columns, &case.bytes).unwrap();
            let mut y = vec![0.0; 2];
            matrix.matvec_i8(x, &mut y).unwrap();
            y
        }));
    }
    // In base 3 one row begins with a byte, two begin at two digits, and more at all of them.
    for (rows, code) in [
        (2, Code::TwoBit),
        (1, Code::Base3),
        (2, Code::Base3),
        (7, Code::Base3),
    ] {
        let trits = [1, 0, -1, -1].into_iter().cycle().take(rows * columns);
        let trits = PackedTritsBuf::from_trits(code, &trits.collect::<Vec<_>>()).unwrap();
        products.push(Box::new(move |x| {
            let (trits, mut y) = ([trits.as_packed()], vec![0.0; rows]);
            let scale = ScaleSlice::F32(&[0.5]);
            let matrix = TernaryMatrix::new([rows, columns], &trits, scale).unwrap();
            matrix.matvec_i8(x, &mut y).unwrap();
            y
        }));
    }
    for blocks in [false, true] {
        let x = &vectors(columns, 1, blocks)[0];
        for first in 0..products.len() {
            // Beginning with each product, all others and all again.
            let shared = x.clone();
            let others = products.iter().cycle().skip(first);
            for product in others.take(2 * products.len()) {
                assert_eq!(product(&shared), product(&x.clone()));
            }
            assert_eq!(&shared, x);
        }
    }
}

#[test]
fn what_is_no_matrix_is_refused() {
    let case = Case::new(Format::Tq2_0, 2, 512, 1);
    let new =
        |rows, columns, bytes| FormatMatrix::new(Format::Tq2_0, rows, columns, bytes).map(drop);
    assert_eq!(new(2, 512, &case.bytes), Ok(()));
    assert_eq!(
        new(2, 500, &case.bytes),
        Err(Error::Shape(ShapeError::Ragged {
            len: 500,
            group: 256
        }))
    );
    let (expected, actual) = (6 * 66, 4 * 66);
    assert_eq!(
        new(3, 512, &case.bytes),
        Err(Error::LengthMismatch { expected, actual })
    );
    let mut wrong = case.bytes.clone();
    wrong[70] = 0xff;
    let error = Error::InvalidCode {
        what: Operand::Byte,
        index: 70,
        value: 0xff,
    };
    assert_eq!(new(2, 512, &wrong), Err(error));
    let mut wrong = case.bytes.clone();
    wrong[65] = 0x7c;
    wrong[64] = 0;
    assert_eq!(
        new(2, 512, &wrong),
        Err(Error::InvalidValue {
            what: Operand::Scale,
            index: 0
        })
    );

    let none = FormatMatrix::new(Format::Tq2_0, 0, 512, &[]).unwrap();
    assert_eq!(none.matmul_i8(&vectors(512, 2, true), &mut []), Ok(()));
    let matrix = FormatMatrix::new(Format::Tq2_0, 2, 512, &case.bytes).unwrap();
    let xs = vectors(256, 1, false);
    let (expected, actual) = (512, 256);
    let error = matrix.matmul_i8(&xs, &mut [0.0; 2]);
    assert_eq!(error, Err(Error::LengthMismatch { expected, actual }));
    let (expected, actual) = (2, 3);
    let error = matrix.matvec_i8(&vectors(512, 1, false)[0], &mut [0.0; 3]);
    assert_eq!(error, Err(Error::LengthMismatch { expected, actual }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products_are_those_of_the_formula(
        which in 0..6_usize,
        rows in 1..10_usize,
        blocks in 1..12_usize,
        seed in 0..1_000_000_u64,
        count in 1..6_u64,
        block: bool,
    ) {
        let format = FORMATS[which];
        let columns = blocks * format.block_len();
        Case::new(format, rows, columns, seed).check(&vectors(columns, count, block));
    }
}
