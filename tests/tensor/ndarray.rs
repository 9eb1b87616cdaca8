//! `ndarray` arrays of any layout have the elements that their own iterator has.

use core::ops::Range;
use ternarize::{Operand, ShapeError};

use ndarray::{
    Array, Array2, ArrayD, ArrayRef, ArrayView3, Axis, Dimension, Ix3, IxDyn, ShapeBuilder, Slice,
    arr0,
};
use ternarize::Error;
use ternarize::tensor::{Shape, from_array, into_array};

/// Elements, shape and way back; whether it is borrowed is returned.
fn borrowed<D: Dimension>(array: &ArrayRef<i32, D>) -> bool {
    let mut scratch = vec![7];
    let view = from_array(array, &mut scratch).unwrap();
    assert_eq!(view.shape().axes(), array.shape());
    let expected: Vec<_> = array.iter().copied().collect();
    let values: Vec<_> = view.iter().collect();
    assert_eq!(values, expected);
    for (flat, value) in expected.into_iter().enumerate() {
        assert_eq!(view.get(flat), Some(value));
    }
    let back = into_array(values, view.shape()).unwrap();
    assert_eq!(back, array.to_owned().into_dyn());
    // Borrowed elements leave the scratch empty; else it holds the copy.
    assert!(scratch.is_empty() || scratch.iter().eq(array.iter()));
    scratch.is_empty()
}

fn cube() -> Array<i32, Ix3> {
    Array::from_iter(0..24)
        .into_shape_with_order((2, 3, 4))
        .unwrap()
}

/// Part of an axis, every `step`-th coordinate. The macro `s!` is not for crates that forbid unsafe
/// code.
fn cut(
    cube: &Array<i32, Ix3>,
    axis: usize,
    part: Range<isize>,
    step: isize,
) -> ArrayView3<'_, i32> {
    cube.slice_axis(Axis(axis), Slice::new(part.start, Some(part.end), step))
}

#[test]
fn blocks_of_memory_are_borrowed_in_any_order_and_direction() {
    let cube = cube();
    assert!(borrowed(&cube));
    assert!(borrowed(&cube.t()));
    assert!(borrowed(&cube.index_axis(Axis(0), 1)));
    assert!(borrowed(&arr0(5)));
    assert!(borrowed(&Array::from_shape_fn((3, 4).f(), |(y, x)| {
        i32::from(y > x)
    })));
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for backward in 0..8 {
            let mut view = cube.view().permuted_axes(order);
            for axis in (0..3).filter(|axis| backward >> axis & 1 == 1) {
                view.invert_axis(Axis(axis));
            }
            assert!(borrowed(&view), "{order:?}, backward {backward:03b}");
            assert!(borrowed(&view.into_dyn()));
        }
    }
}

#[test]
fn a_borrowed_tensor_has_the_addresses_of_the_array() {
    let cube = cube();
    let mut reversed = cube.view();
    reversed.invert_axis(Axis(0));
    let mut scratch = vec![];
    let view = from_array(&reversed, &mut scratch).unwrap();
    // Reversed once more, it is the array in row-major order.
    let mut again = reversed.view();
    again.invert_axis(Axis(0));
    let mut other = vec![];
    let whole = from_array(&again, &mut other).unwrap();
    let slice = whole.as_row_major_slice().unwrap();
    assert!(core::ptr::eq(
        &raw const slice[0],
        &raw const cube[[0, 0, 0]]
    ));
    assert_eq!(view.as_row_major_slice(), None);
    assert_eq!(view.get(0), Some(cube[[1, 0, 0]]));
    assert!(scratch.is_empty() && other.is_empty());
}

#[test]
fn gaps_and_repetitions_are_copied() {
    let cube = cube();
    assert!(!borrowed(&cut(&cube, 2, 0..3, 1)));
    assert!(!borrowed(&cut(&cube, 1, 0..2, 1)));
    assert!(!borrowed(&cut(&cube, 2, 0..4, 2)));
    assert!(!borrowed(&cut(&cube, 2, 0..4, -2)));
    assert!(!borrowed(&cut(&cube, 1, 1..3, -1).reversed_axes()));
    assert!(!borrowed(&arr0(5).broadcast((2, 3)).unwrap()));
}

#[test]
fn empty_arrays() {
    borrowed(&Array2::zeros((3, 0)));
    borrowed(&Array2::zeros((0, 3)).t());
    borrowed(&ArrayD::zeros(IxDyn(&[2, 0, 2, 5])));
    borrowed(&cut(&cube(), 1, 1..1, 1));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let nine = ArrayD::<f32>::zeros(IxDyn(&[1; 9]));
    let error = Error::Shape(ShapeError::TooManyAxes { rank: 9, max: 8 });
    assert_eq!(from_array(&nine, &mut vec![]).unwrap_err(), error);
    let broadcast = nine.broadcast(IxDyn(&[2; 9])).unwrap();
    assert_eq!(from_array(&broadcast, &mut vec![]).unwrap_err(), error);

    let one = arr0(0.5);
    let endless = one.broadcast(isize::MAX.unsigned_abs()).unwrap();
    let error = from_array(&endless, &mut vec![]).unwrap_err();
    let needed = isize::MAX.unsigned_abs();
    assert_eq!(
        error,
        Error::TooMany {
            what: Operand::Element,
            given: needed,
            max: 0
        }
    );

    let shape = Shape::new(&[2, 3]).unwrap();
    let error = Error::LengthMismatch {
        expected: 6,
        actual: 5,
    };
    assert_eq!(into_array(vec![0; 5], &shape).unwrap_err(), error);
    let wide = Shape::new(&[0, usize::MAX]).unwrap();
    assert_eq!(
        into_array(Vec::<u8>::new(), &wide),
        Err(Error::Shape(ShapeError::Overflow))
    );
}
