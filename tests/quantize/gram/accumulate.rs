//! The Gram matrix against plain sums.

use super::data::{batch, entries, weights};
use ternarize::quantize::gram::Gram;

#[test]
fn accumulation_does_not_depend_on_the_batches() {
    for inputs in [1, 7, 8, 13, 40] {
        let rows = batch(100, inputs, 5, false);
        let mut whole = Gram::new(inputs).unwrap();
        whole.add(&rows).unwrap();
        for split in [1, 3, 31, 32, 33, 64] {
            let mut parts = Gram::new(inputs).unwrap();
            for part in rows.chunks(split * inputs) {
                parts.add(part).unwrap();
            }
            assert_eq!(parts.rows(), 100);
            assert_eq!(entries(&whole), entries(&parts));
            assert_eq!(whole, parts);
        }
    }
}

#[test]
fn entries_are_sums_in_the_order_of_the_rows() {
    let inputs = 11;
    let rows = batch(75, inputs, 8, false);
    let mut gram = Gram::new(inputs).unwrap();
    gram.add(&rows).unwrap();
    for (i, mean_square) in gram.diagonal().into_iter().enumerate() {
        let squares = rows.chunks(inputs).map(|row| f64::from(row[i]).powi(2));
        assert_eq!(
            mean_square.to_bits(),
            (squares.sum::<f64>() / 75.0).to_bits()
        );
    }
    let difference: Vec<f64> = weights(inputs, 2).iter().map(|&d| f64::from(d)).collect();
    let outputs = rows.chunks(inputs).map(|row| {
        let terms = row.iter().zip(&difference);
        terms.map(|(&x, d)| f64::from(x) * d).sum::<f64>()
    });
    let expected: f64 = outputs.map(|y| y * y).sum();
    let error = gram.error(&difference).unwrap();
    assert!((error - expected).abs() < 1e-12 * expected);
}
