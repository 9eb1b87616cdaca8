//! What a layer's inputs look like: their Gram matrix.
//!
//! A convolution has a row of inputs for each place of each image. Rows that overlap say much the same, so an evenly spaced
//! part of them is enough.

use anyhow::Result;
use ternarize::quantize::calibrate::Moments;
use ternarize::quantize::gram::Gram;

use crate::layer::{Matrix, narrow};
use crate::recipe::Recipe;

/// Rows to look at, at least, if there are as many.
const ROWS: usize = 16_384;

/// The Gram matrix of a layer's inputs behind ternary layers, and of the same inputs in the f32 network.
pub(crate) fn gram(
    matrix: &Matrix,
    own: &[f32],
    reference: &[f32],
    recipe: &Recipe,
) -> Result<Gram> {
    let prepare = |images: &[f32]| {
        let rows = some(&matrix.rows_of_inputs(images), matrix);
        if recipe.centred {
            centred(rows, matrix.columns)
        } else {
            Ok(rows)
        }
    };
    let own = prepare(own)?;
    let mut gram = Gram::new(matrix.columns)?;
    if recipe.effective {
        gram.add_pairs(&own, &prepare(reference)?)?;
    } else {
        gram.add(&own)?;
    }
    Ok(gram)
}

/// An evenly spaced part of the rows, which has every place of an image in equal numbers.
fn some(rows: &[f32], matrix: &Matrix) -> Vec<f32> {
    let count = rows.len() / matrix.columns;
    let rows = rows.chunks_exact(matrix.columns);
    let chosen = rows.step_by(step(count, matrix.places()));
    chosen.flatten().copied().collect()
}

/// The largest step from row to row that leaves enough of them and comes to all places.
///
/// A step that has a divisor in common with the columns of an image would come to some columns only, again and again.
fn step(count: usize, places: usize) -> usize {
    let steps = (2..=count / ROWS).rev();
    let mut coprime = steps.filter(|step| greatest_divisor(*step, places) == 1);
    coprime.next().unwrap_or(1)
}

/// The greatest common divisor.
const fn greatest_divisor(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Rows with the mean of each column taken away.
fn centred(mut rows: Vec<f32>, columns: usize) -> Result<Vec<f32>> {
    let mut moments = Moments::new(columns)?;
    moments.add(&rows)?;
    let means = moments.means();
    for row in rows.chunks_exact_mut(columns) {
        for (value, mean) in row.iter_mut().zip(&means) {
            *value = narrow(f64::from(*value) - mean);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_an_image_is_seen() {
        for images in [1, 300, 512, 2000] {
            for side in 1..=32_usize {
                let places = side * side;
                let count = images * places;
                let step = step(count, places);
                let mut seen = vec![0; places];
                (0..count)
                    .step_by(step)
                    .for_each(|row| seen[row % places] += 1);
                let (fewest, most) = (seen.iter().min(), seen.iter().max());
                assert!(fewest.unwrap() + 1 >= *most.unwrap() && *fewest.unwrap() > 0);
                assert!(count.div_ceil(step) >= count.min(ROWS));
            }
        }
    }

    #[test]
    fn steps_have_no_divisor_in_common_with_a_row() {
        // 512 images: LeNet-5, then the two convolutions of the notebook's network.
        assert_eq!(step(512 * 100, 100), 3);
        assert_eq!([784, 196].map(|places| step(512 * places, places)), [23, 5]);
        assert_eq!([step(512, 1), step(60_000, 1)], [1, 3]);
    }
}
