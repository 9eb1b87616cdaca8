//! Weighted rows, means, merged matrices and matrices from elsewhere, against the rows added one by one.
//!
//! Inputs are multiples of 1/8 where sums must be exact: then no order of additions rounds, and what is equal is equal to the last bit.

use super::data::{batch, entries, weights};
use proptest::collection::vec;
use proptest::prelude::*;
use ternarize::quantize::gram::{Gram, OutputAware};
use ternarize::{Error, Operand};

/// Rows of inputs, and of the original network's if there are any.
#[derive(Clone, Debug)]
struct Rows {
    inputs: usize,
    seen: Vec<f32>,
    original: Option<Vec<f32>>,
}

impl Rows {
    fn add_to(&self, gram: &mut Gram) {
        let original = self.original.as_deref();
        gram.add_weighted(&self.seen, original, None).unwrap();
    }

    fn gram(&self) -> Gram {
        let mut gram = Gram::new(self.inputs).unwrap();
        self.add_to(&mut gram);
        gram
    }

    fn each(&self) -> impl Iterator<Item = Self> {
        let row = |values: &[f32], row| values.chunks(self.inputs).nth(row).unwrap().to_vec();
        (0..self.seen.len() / self.inputs).map(move |number| Self {
            inputs: self.inputs,
            seen: row(&self.seen, number),
            original: self.original.as_ref().map(|values| row(values, number)),
        })
    }
}

/// So many rows of inputs that are multiples of 1/8.
fn exact_rows(inputs: usize, rows: usize) -> impl Strategy<Value = Rows> {
    let values = || {
        vec(
            (-32..=32_i8).prop_map(|x| f32::from(x) / 8.0),
            inputs * rows,
        )
    };
    (values(), prop::option::of(values())).prop_map(move |(seen, original)| Rows {
        inputs,
        seen,
        original,
    })
}

/// All that can be seen of two matrices is the same, to the last bit.
fn assert_same(one: &Gram, other: &Gram) -> Result<(), TestCaseError> {
    prop_assert_eq!(entries(one), entries(other));
    prop_assert_eq!(one.means(), other.means());
    prop_assert_eq!(one.diagonal(), other.diagonal());
    let row = weights(one.inputs(), 3);
    prop_assert_eq!(
        one.effective_weights(&row, 0.01),
        other.effective_weights(&row, 0.01)
    );
    Ok(())
}

/// Rows less the mean of each input, which has few digits if their number is a power of two.
fn about_means(values: &[f32], inputs: usize) -> (Vec<f32>, Vec<f64>) {
    let rows = (values.len() / inputs) as f32;
    let means: Vec<f32> = (0..inputs)
        .map(|i| values.iter().skip(i).step_by(inputs).sum::<f32>() / rows)
        .collect();
    let about = values.iter().zip(means.iter().cycle());
    let about = about.map(|(x, mean)| x - mean).collect();
    (about, means.into_iter().map(f64::from).collect())
}

proptest! {
    #[test]
    fn a_weighted_row_is_a_row_that_often(
        (rows, repeats) in (1_usize..12, 1_usize..70).prop_flat_map(|(inputs, rows)| {
            (exact_rows(inputs, rows), vec(0..4_u8, rows))
        }),
    ) {
        let counts: Vec<f32> = repeats.iter().copied().map(f32::from).collect();
        let mut weighted = Gram::new(rows.inputs).unwrap();
        weighted.add_weighted(&rows.seen, rows.original.as_deref(), Some(&counts)).unwrap();
        let mut repeated = Gram::new(rows.inputs).unwrap();
        for (row, &count) in rows.each().zip(&repeats) {
            (0..count).for_each(|_| row.add_to(&mut repeated));
        }
        let counted = repeats.iter().filter(|count| **count > 0).count() as u64;
        prop_assert_eq!(weighted.rows(), counted);
        prop_assert_eq!(repeated.rows(), repeats.iter().map(|&count| u64::from(count)).sum::<u64>());
        assert_same(&weighted, &repeated)?;
        assert_same(&weighted.centred(), &repeated.centred())?;
    }

    #[test]
    fn a_centred_matrix_is_that_of_the_distances_from_the_means(
        mut rows in (1_usize..12, 0_u32..6).prop_flat_map(|(inputs, power)| exact_rows(inputs, 1 << power)),
        constant in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let inputs = rows.inputs;
        let constant = constant.map(|index| index.index(inputs));
        if let Some(constant) = constant {
            rows.seen.iter_mut().skip(constant).step_by(inputs).for_each(|x| *x = 1.375);
        }
        let centred = rows.gram().centred();
        let (seen, means) = about_means(&rows.seen, inputs);
        let original = rows.original.as_ref().map(|values| about_means(values, inputs).0);
        let expected = Rows { inputs, seen, original }.gram();
        prop_assert!(centred.is_centred() && !expected.is_centred());
        prop_assert_eq!(centred.means(), means);
        prop_assert_eq!(entries(&centred), entries(&expected));
        prop_assert_eq!(centred.diagonal(), expected.diagonal());
        let row = weights(inputs, 4);
        prop_assert_eq!(
            centred.effective_weights(&row, 0.01),
            expected.effective_weights(&row, 0.01)
        );
        prop_assert!(constant.is_none_or(|i| centred.diagonal()[i] == 0.0));
        prop_assert_eq!(&centred.clone().centred(), &centred);
    }

    #[test]
    fn merging_is_adding_one_after_the_other(
        (first, second) in (1_usize..12, 0_usize..40, 0_usize..40).prop_flat_map(|(inputs, one, other)| {
            (exact_rows(inputs, one), exact_rows(inputs, other))
        }),
    ) {
        let (mut merged, mut together) = (first.gram(), first.gram());
        merged.merge(&second.gram()).unwrap();
        second.add_to(&mut together);
        prop_assert_eq!(&merged, &together);
        assert_same(&merged.centred(), &together.centred())?;
    }

    /// One matrix is one number for each two inputs, however it came here.
    #[test]
    fn a_matrix_from_elsewhere_is_the_same(
        rows in (1_usize..9, 1_usize..30).prop_flat_map(|(inputs, rows)| exact_rows(inputs, rows)),
    ) {
        let (gram, inputs) = (rows.gram(), rows.inputs);
        let unit = |at: &[usize]| {
            let mut difference = vec![0.0; inputs];
            for &i in at {
 difference[i] = 1.0;
 }
            gram.error(&difference).unwrap()
        };
        let entry = |i, j| if i == j { unit(&[i]) } else { (unit(&[i, j]) - unit(&[i]) - unit(&[j])) / 2.0 };
        let matrix: Vec<f64> = (0..inputs * inputs).map(|at| entry(at / inputs, at % inputs)).collect();
        let made = Gram::from_matrix(inputs, &matrix, gram.rows()).unwrap();
        prop_assert_eq!((made.rows(), made.inputs(), made.is_centred()), (gram.rows(), inputs, true));
        prop_assert_eq!(made.means(), vec![0.0; inputs]);
        prop_assert_eq!(made.diagonal(), gram.diagonal());
        prop_assert_eq!(entries(&made), entries(&gram));
        let row = weights(2 * inputs, 5);
        let fits = [&made, &gram].map(|gram| OutputAware::new(gram).ternarize(&row).unwrap());
        prop_assert_eq!(&fits[0], &fits[1]);
    }
}

/// A single row is added as it is, so even what rounds is the same.
#[test]
fn merging_single_rows_rounds_as_adding_them() {
    let rows = Rows {
        inputs: 11,
        seen: batch(40, 11, 7, false),
        original: Some(batch(40, 11, 8, false)),
    };
    let mut merged = Gram::new(11).unwrap();
    for row in rows.each() {
        merged.merge(&row.gram()).unwrap();
    }
    assert_eq!(merged, rows.gram());
}

/// Weights of any size, and means that round: `sum weight (d . (x - mean))^2`.
#[test]
fn centred_weighted_sums_are_those_of_the_definition() {
    let (rows, inputs) = (90, 9);
    let values = batch(rows, inputs, 2, false);
    let counts: Vec<f32> = weights(rows, 3).iter().map(|w| w.abs()).collect();
    let mut gram = Gram::new(inputs).unwrap();
    gram.add_weighted(&values, None, Some(&counts)).unwrap();
    let gram = gram.centred();
    let weight: f64 = counts.iter().map(|&w| f64::from(w)).sum();
    let weighted = || {
        values
            .chunks(inputs)
            .zip(&counts)
            .map(|(row, &w)| (row, f64::from(w)))
    };
    let means: Vec<f64> = (0..inputs)
        .map(|i| {
            weighted()
                .map(|(row, w)| w * f64::from(row[i]))
                .sum::<f64>()
                / weight
        })
        .collect();
    let difference: Vec<f64> = weights(inputs, 4).iter().map(|&d| d.into()).collect();
    let (mut expected, mut size) = (0.0, 0.0);
    for (row, w) in weighted() {
        let terms = row.iter().zip(&means).zip(&difference);
        let change: f64 = terms
            .clone()
            .map(|((&x, m), d)| (f64::from(x) - m) * d)
            .sum();
        let largest: f64 = terms.map(|((&x, _), d)| (f64::from(x) * d).abs()).sum();
        expected += w * change * change;
        size += w * largest * largest;
    }
    // Each number is a sum over the rows and over the inputs, which round once for each term.
    let bound = 4.0 * (rows + inputs + 8) as f64 * f64::EPSILON * size;
    assert!((gram.error(&difference).unwrap() - expected).abs() <= bound);
}

/// Sums of a number that rounds drift away from their product, the further the longer they are.
#[test]
fn inputs_that_never_change_are_exactly_zero() {
    for value in [0.1_f32, 12_345.678] {
        let batch: Vec<f32> = (0..1000_u16)
            .flat_map(|row| [value, f32::from(row % 7)])
            .collect();
        for batches in [1, 200] {
            let mut gram = Gram::new(2).unwrap();
            for _ in 0..batches {
                gram.add_pairs(&batch, &batch).unwrap();
            }
            let diagonal = gram.centred().diagonal();
            assert_eq!(diagonal[0].to_bits(), 0, "{value} {batches} {diagonal:?}");
            assert!(diagonal[1] > 3.9);
        }
    }
}

#[test]
fn a_centred_matrix_takes_no_more_rows() {
    let more = Gram::new(2).unwrap();
    let mut gram = more.clone();
    gram.add(&[1.0, 2.0, 3.0, 5.0]).unwrap();
    for mut closed in [
        gram.clone().centred(),
        Gram::from_matrix(2, &[1.0, 0.5, 0.5, 2.0], 3).unwrap(),
    ] {
        let before = closed.clone();
        let refused = [
            closed.add(&[1.0; 2]),
            closed.add_pairs(&[1.0; 2], &[1.0; 2]),
            closed.add_weighted(&[1.0; 2], None, Some(&[1.0])),
            closed.merge(&more),
            gram.clone().merge(&closed),
        ];
        for refused in refused {
            assert!(
                matches!(refused, Err(Error::Conflict { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(closed, before);
    }
    // Without rows there are no means.
    let mut open = more.centred();
    assert!(!open.is_centred());
    open.add(&[1.0; 2]).unwrap();
    let (expected, actual) = (2, 3);
    let refused = open.merge(&Gram::new(3).unwrap());
    assert_eq!(refused, Err(Error::LengthMismatch { expected, actual }));
}

#[test]
fn weights_that_are_wrong_change_nothing() {
    let mut gram = Gram::new(2).unwrap();
    gram.add(&[1.0, 2.0]).unwrap();
    let before = gram.clone();
    let rows = [0.5; 4];
    let (expected, actual) = (2, 1);
    let invalid = |what| Error::InvalidValue { what, index: 1 };
    for (weights, error) in [
        (&[1.0][..], Error::LengthMismatch { expected, actual }),
        (&[1.0, f32::NAN], invalid(Operand::Weight)),
        (&[1.0, -1.0], invalid(Operand::Importance)),
    ] {
        for original in [None, Some(&rows[..])] {
            let refused = gram.add_weighted(&rows, original, Some(weights));
            assert_eq!(refused, Err(error));
            assert_eq!(gram, before);
        }
    }
}

#[test]
fn matrices_that_are_none_are_refused() {
    let refused = |inputs, matrix: &[f64]| Gram::from_matrix(inputs, matrix, 1).unwrap_err();
    let length = |expected, actual| Error::LengthMismatch { expected, actual };
    assert_eq!(refused(0, &[]), Error::Empty);
    assert_eq!(refused(2, &[1.0; 3]), length(4, 3));
    assert_eq!(refused(usize::MAX, &[1.0]), length(usize::MAX, 1));
    for (matrix, index) in [
        ([1.0, 0.5, 0.25, 1.0], 1),
        ([1.0, f64::NAN, f64::NAN, 1.0], 1),
        ([f64::INFINITY, 0.0, 0.0, 1.0], 0),
        ([1.0, 0.5, 0.5, -1.0], 3),
    ] {
        let what = Operand::Activation;
        assert_eq!(refused(2, &matrix), Error::InvalidValue { what, index });
    }
    assert!(Gram::from_matrix(1, &[0.0], 0).unwrap().diagonal()[0] == 0.0);
}
