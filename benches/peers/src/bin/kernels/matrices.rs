//! The same trits in every layout.

use half::f16;
use rand::{RngExt, SeedableRng};
use ternarize::format::FormatMatrix;
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Code, Format, PackedTritsBuf, ScaleSlice};
use ternarize_peers::data::SEED;

/// The columns of all matrices.
pub(crate) const COLUMNS: usize = 4096;

/// A matrix of some rows, over and over.
pub(crate) struct Matrices {
    /// In all.
    pub(crate) rows: usize,
    pub(crate) x: Vec<f32>,
    /// Once.
    pub(crate) trits: Vec<i8>,
    pub(crate) tq2_0: Vec<u8>,
    pub(crate) tq1_0: Vec<u8>,
    /// One scale for each row, two bits a trit.
    pub(crate) by_row: TernaryTensor,
    /// Two planes, one scale each for each row, two bits a trit.
    pub(crate) two_planes: TernaryTensor,
    /// Two scales for each 256.
    pub(crate) two: TernaryTensor,
    /// One scale for each row, 1.6 bits a trit.
    pub(crate) base3: TernaryTensor,
}

impl Matrices {
    /// With so many `rows`, a multiple of 5 if they come more than once, for rows of base-3 need not end with a byte.
    pub(crate) fn new(rows: usize, copies: usize) -> Self {
        let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(SEED);
        let trits: Vec<i8> = (0..rows * COLUMNS)
            .map(|_| rng.random_range(-1..=1))
            .collect();
        let tensor = |code, grouping: Grouping, two: bool, planes: usize| {
            let shape = Shape::new(&[rows * copies, COLUMNS]).expect("a shape");
            let groups = grouping.count(&shape).expect("groups");
            let packed = PackedTritsBuf::from_trits(code, &trits).expect("trits");
            let packed = packed.as_bytes().repeat(copies);
            let packed = PackedTritsBuf::from_bytes(code, packed, rows * copies * COLUMNS);
            let packed = packed.expect("whole bytes");
            let groups = groups * planes;
            let (lambda_p, lambda_n) = (vec![0.5_f32; groups], vec![0.375_f32; groups]);
            let lambda_n = two.then_some(ScaleSlice::F32(&lambda_n));
            let lambda_p = ScaleSlice::F32(&lambda_p);
            TernaryTensor::from_parts(shape, grouping, vec![packed; planes], lambda_p, lambda_n)
                .expect("a tensor")
        };
        let encode = |format: Format| {
            let scales = vec![f16::from_f32(0.5); rows * COLUMNS / 256];
            let mut bytes = vec![0; format.encoded_len(rows, COLUMNS).expect("a length")];
            let done = format.encode_into(COLUMNS, &trits, &scales, &mut bytes);
            done.expect("trits");
            bytes.repeat(copies)
        };
        Self {
            rows: rows * copies,
            x: (0..COLUMNS).map(|_| rng.random_range(-1.0..1.0)).collect(),
            tq2_0: encode(Format::Tq2_0),
            tq1_0: encode(Format::Tq1_0),
            by_row: tensor(Code::TwoBit, Grouping::OUTPUT_CHANNEL, false, 1),
            two_planes: tensor(Code::TwoBit, Grouping::OUTPUT_CHANNEL, false, 2),
            two: tensor(Code::TwoBit, Grouping::Block(256), true, 1),
            base3: tensor(Code::Base3, Grouping::OUTPUT_CHANNEL, false, 1),
            trits,
        }
    }

    pub(crate) fn format<'a>(&self, format: Format, bytes: &'a [u8]) -> FormatMatrix<'a> {
        FormatMatrix::new(format, self.rows, COLUMNS, bytes).expect("a matrix")
    }

    /// The plain product, for comparison, if the trits stand for `lambda_p` and minus `lambda_n`.
    pub(crate) fn exact(&self, [lambda_p, lambda_n]: [f64; 2]) -> Vec<f64> {
        let rows = self.trits.chunks_exact(COLUMNS);
        let row = |row: &[i8]| {
            let terms = row.iter().zip(&self.x);
            terms
                .map(|(&t, &x)| {
                    let lambda = if t > 0 { lambda_p } else { lambda_n };
                    lambda * f64::from(t) * f64::from(x)
                })
                .sum()
        };
        rows.map(row).collect()
    }
}
