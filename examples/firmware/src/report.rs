//! Does all jobs and prints what came out: floats as bit patterns, and as decimals for the reader.
//!
//! The decimals are made from integers. `core`'s own float formatting would do as well, and would be larger than all the
//! rest of the image. For the same reason an [`Error`](ternarize::Error), which can hold a float, is not printed: there is
//! none with this data, and if there were, the report would end with a [`fmt::Error`].

use core::fmt::{self, Write};

use ternarize::matmul::{Activations, TernaryMatrix, quantize_into};
use ternarize::{Code, Fit, PackedTrits, Ternarizer};

use crate::data::{self, LEN};
use crate::{jobs, matrix};

/// Ternarizes, multiplies, and prints every result to `out`.
///
/// # Errors
///
/// [`fmt::Error`] if `out` takes no more, or if a job refuses its data.
pub fn report(out: &mut impl Write) -> fmt::Result {
    let (weights, importance) = (data::weights(), data::importance());
    for (name, options) in jobs::all(&importance) {
        writeln!(out, "{name}")?;
        ternarized(out, &options, &weights)?;
    }
    for code in [Code::TwoBit, Code::Base3] {
        writeln!(out, "matrix in flash, {}", code.name())?;
        multiplied(out, matrix::layer_in(code))?;
    }
    Ok(())
}

/// One job: its trits, its figures, and its product with the activations.
fn ternarized(out: &mut impl Write, options: &Ternarizer<'_>, weights: &[f32; LEN]) -> fmt::Result {
    let mut trits = [0; LEN];
    let fit = done(options.ternarize_into(weights, &mut trits))?;
    write!(out, "  trits          ")?;
    for trit in trits {
        out.write_char(match trit {
            1 => '+',
            -1 => '-',
            _ => '0',
        })?;
    }
    writeln!(out)?;
    figures(out, &fit)?;

    // What was ternarized here is packed here, too: four trits a byte, in RAM.
    let mut bytes = [0; LEN.div_ceil(4)];
    done(Code::TwoBit.encode_into(&trits, &mut bytes))?;
    let row = done(PackedTrits::new(Code::TwoBit, &bytes, LEN))?;
    let product = done(row.dot_i8(&data::activations_i8()))?;
    writeln!(out, "  product        {product}")
}

fn figures(out: &mut impl Write, fit: &Fit<f32>) -> fmt::Result {
    let (nonzeros, positives) = (fit.nonzeros, fit.positives);
    writeln!(out, "  non-zeros      {nonzeros}, {positives} of them +")?;
    let singles = [
        ("lambda", fit.lambda),
        ("lambda_p", fit.lambda_p),
        ("lambda_n", fit.lambda_n),
        ("threshold_p", fit.threshold_p),
        ("threshold_n", fit.threshold_n),
    ];
    for (name, x) in singles {
        let (bits, decimal) = (x.to_bits(), Decimal(x.into()));
        writeln!(out, "  {name:14} {bits:#010x} {decimal}")?;
    }
    for (name, x) in [
        ("cosine", fit.cosine),
        ("relative error", fit.relative_error),
    ] {
        let (bits, decimal) = (x.to_bits(), Decimal(x));
        writeln!(out, "  {name:14} {bits:#018x} {decimal}")?;
    }
    Ok(())
}

/// The products of the matrix with activations in 8 bits, and with the floats that these are made from.
fn multiplied(out: &mut impl Write, matrix: &TernaryMatrix<'_>) -> fmt::Result {
    let x = data::activations();
    let (mut values, mut products) = ([0; LEN], [0.0; matrix::ROWS]);
    let scales = [done(quantize_into(&x, &mut values))?];
    let rounded = done(Activations::from_slices(&values, &scales))?;
    done(matrix.matvec_i8(&rounded, &mut products))?;
    print_products(out, "i8", &products)?;
    done(matrix.matvec(&x, &mut products))?;
    print_products(out, "f32", &products)
}

fn print_products(out: &mut impl Write, kind: &str, products: &[f32; matrix::ROWS]) -> fmt::Result {
    for (r, &product) in products.iter().enumerate() {
        let (bits, decimal) = (product.to_bits(), Decimal(product.into()));
        writeln!(out, "  {kind:3} row {r:2} {bits:#010x} {decimal}")?;
    }
    Ok(())
}

/// The result, or the end of the report.
fn done<T>(result: Result<T, ternarize::Error>) -> Result<T, fmt::Error> {
    result.map_err(|_| fmt::Error)
}

/// A number of moderate size, rounded to six decimals.
struct Decimal(f64);

impl fmt::Display for Decimal {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding is meant; the numbers printed here are below 2^40"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = if self.0 < 0.0 { -0.5 } else { 0.5 };
        let millionths = (self.0 * 1e6 + half) as i64;
        let sign = if millionths < 0 { "-" } else { "" };
        let (whole, part) = (
            millionths.unsigned_abs() / 1_000_000,
            millionths.unsigned_abs() % 1_000_000,
        );
        write!(f, "{sign}{whole}.{part:06}")
    }
}
