//! Strided views against the formula `data[offset + sum c_k stride_k]`.

use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use crate::tensor::{Grouping, Shape, TensorView};
use crate::{Error, Operand, ShapeError};

/// A strided view and the elements it must have, in row-major order.
#[derive(Clone, Debug)]
struct Case {
    data: Vec<u32>,
    axes: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
    elements: Vec<u32>,
}

impl Case {
    /// Data of just the reach of these strides, `before` and `after` elements aside.
    fn new(axes: &[usize], strides: &[isize], before: usize, after: usize) -> Self {
        let shape = Shape::new(axes).unwrap();
        let distance = |coordinates: &[usize]| -> isize {
            let pairs = coordinates.iter().zip(strides);
            pairs.map(|(&c, stride)| c.cast_signed() * stride).sum()
        };
        let distances: Vec<_> = (0..shape.len())
            .map(|flat| distance(&shape.coordinates(flat).unwrap()[..axes.len()]))
            .collect();
        let lowest = distances.iter().min().map_or(0, |d| d.unsigned_abs());
        let highest = distances.iter().max().map_or(0, |d| d.unsigned_abs() + 1);
        let offset = before + lowest;
        let data: Vec<u32> = (100..).take(offset + highest + after).collect();
        let read = |&d: &isize| data[offset.checked_add_signed(d).unwrap()];
        Self {
            elements: distances.iter().map(read).collect(),
            axes: axes.to_vec(),
            strides: strides.to_vec(),
            data,
            offset,
        }
    }

    fn view(&self) -> Result<TensorView<'_, u32>, Error> {
        TensorView::with_strides(&self.data, &self.axes, &self.strides, self.offset)
    }

    fn check(&self) {
        let view = self.view().unwrap();
        check_elements(&view, &self.elements);
        let consecutive = self.elements.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let slice = view.as_row_major_slice();
        assert_eq!(slice, consecutive.then_some(&self.elements[..]), "{view:?}");
        for grouping in groupings(self.axes.len()) {
            check_groups(&view, &self.elements, grouping);
        }
    }
}

/// Stepping and folding agree with the elements from every place on.
fn check_elements(view: &TensorView<'_, u32>, elements: &[u32]) {
    assert_eq!(view.shape().len(), elements.len());
    let mut values = view.iter();
    for done in 0..=elements.len() {
        assert_eq!(values.len(), elements.len() - done);
        let mut folded = vec![];
        values.clone().for_each(|value| folded.push(value));
        assert_eq!(folded, elements[done..], "{view:?}");
        assert_eq!(view.get(done), elements.get(done).copied(), "{view:?}");
        assert_eq!(values.next(), elements.get(done).copied(), "{view:?}");
    }
    assert!(view.iter().eq(elements.iter().copied()));
}

/// Each group has the elements at its indices, whichever way they are asked for.
fn check_groups(view: &TensorView<'_, u32>, elements: &[u32], grouping: Grouping) {
    let grouped = view.grouped(grouping).unwrap();
    let mut scratch = vec![7; 3];
    let mut all = vec![];
    for group in 0..grouped.groups().len() {
        let indices = grouped.groups().indices(group);
        let expected: Vec<_> = indices.map(|flat| elements[flat]).collect();
        assert!(grouped.elements(group).eq(expected.iter().copied()));
        let gathered = grouped.gather(group..group + 1, &mut scratch).unwrap();
        assert_eq!(gathered, expected);
        let consecutive = expected.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let slice = grouped.elements(group).as_slice();
        assert_eq!(
            slice,
            consecutive.then_some(&expected[..]),
            "{view:?}, {grouping}"
        );
        // No copy is made of what lies in one piece.
        let gathered = grouped.gather(group..group + 1, &mut scratch).unwrap();
        assert_eq!(slice.is_some(), gathered.as_ptr() != scratch.as_ptr());
        all.extend(expected);
        assert_eq!(grouped.gather(0..group + 1, &mut scratch).unwrap(), all);
    }
    let absent = grouped.groups().len();
    assert_eq!(grouped.elements(absent).next(), None);
    let gathered = grouped.gather(absent..absent + 1, &mut scratch);
    assert!(gathered.unwrap().is_empty());
}

fn groupings(rank: usize) -> Vec<Grouping> {
    let mut all = vec![
        Grouping::Tensor,
        Grouping::Kernel,
        Grouping::Block(2),
        Grouping::Block(3),
    ];
    all.extend((0..rank).map(|axis| Grouping::axis(axis).unwrap()));
    if rank >= 3 {
        all.push(Grouping::axes(&[0, 2]).unwrap());
    }
    all
}

#[test]
fn named_layouts() {
    for (axes, strides) in [
        (&[][..], &[][..]),
        (&[5], &[1]),
        (&[5], &[-1]),
        (&[5], &[3]),
        (&[1], &[-7]),
        (&[2, 3], &[3, 1]),
        (&[2, 3], &[1, 2]),
        (&[2, 3], &[-3, -1]),
        (&[2, 3], &[5, 1]),
        (&[2, 3], &[0, 1]),
        (&[2, 1, 3], &[3, 99, 1]),
        (&[2, 3, 4], &[12, -4, 1]),
        (&[2, 3, 4], &[1, 8, 2]),
        (&[2, 3, 4], &[4, 8, 1]),
        (&[3, 0, 2], &[5, 1, -9]),
        (&[2, 1, 2, 1, 1, 2, 1, 3], &[12, 0, 6, 0, 0, 3, 0, 1]),
    ] {
        Case::new(axes, strides, 0, 0).check();
        Case::new(axes, strides, 4, 5).check();
    }
}

#[test]
fn row_major_views_are_slices() {
    let data: Vec<u32> = (0..24).collect();
    let view = TensorView::new(&data, &[2, 3, 4]).unwrap();
    check_elements(&view, &data);
    assert_eq!(view.as_row_major_slice().unwrap().as_ptr(), data.as_ptr());
    let rows = view.grouped(Grouping::OUTPUT_CHANNEL).unwrap();
    let mut scratch = vec![];
    let second = rows.gather(1..2, &mut scratch).unwrap();
    assert_eq!(second, &data[12..]);
    assert_eq!(second.as_ptr(), data[12..].as_ptr());
    assert_eq!(scratch.capacity(), 0, "a slice needs no scratch");
}

#[test]
fn permuting_permutes_the_coordinates() {
    let data: Vec<u32> = (0..24).collect();
    let view = TensorView::new(&data, &[2, 3, 4]).unwrap();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let permuted = view.permuted(&order).unwrap();
        let axes = order.map(|axis| [2, 3, 4][axis]);
        assert_eq!(permuted.shape().axes(), axes);
        for flat in 0..24 {
            let found = permuted.shape().coordinates(flat).unwrap();
            let mut original = [0; 3];
            for (place, axis) in order.into_iter().enumerate() {
                original[axis] = found[place];
            }
            let [a, b, c] = original;
            let expected = view.get((3 * a + b) * 4 + c);
            assert_eq!(permuted.get(flat), expected);
        }
        let elements: Vec<_> = (0..24).map(|flat| permuted.get(flat).unwrap()).collect();
        check_elements(&permuted, &elements);
        for grouping in groupings(3) {
            check_groups(&permuted, &elements, grouping);
        }
    }
}

#[test]
fn wrong_orders_are_errors() {
    let data = [0; 24];
    let view = TensorView::new(&data, &[2, 3, 4]).unwrap();
    let wrong_length = |actual| Error::LengthMismatch {
        expected: 3,
        actual,
    };
    assert_eq!(view.permuted(&[0, 1]).unwrap_err(), wrong_length(2));
    assert_eq!(view.permuted(&[0; 9]).unwrap_err(), wrong_length(9));
    let wrong_axis = |axis| Error::Shape(ShapeError::Axis { axis, rank: 3 });
    assert_eq!(view.permuted(&[0, 1, 3]).unwrap_err(), wrong_axis(3));
    assert_eq!(view.permuted(&[1, 2, 1]).unwrap_err(), wrong_axis(1));
}

#[test]
fn wrong_lengths_are_errors() {
    let mismatch = |expected, actual| Error::LengthMismatch { expected, actual };
    let data = [0; 6];
    assert_eq!(TensorView::new(&data, &[2, 2]).unwrap_err(), mismatch(4, 6));
    assert_eq!(TensorView::new(&data, &[2, 0]).unwrap_err(), mismatch(0, 6));
    assert_eq!(
        TensorView::new(&data[..0], &[]).unwrap_err(),
        mismatch(1, 0)
    );
    let error = TensorView::with_strides(&data, &[2, 3], &[1], 0).unwrap_err();
    assert_eq!(error, mismatch(2, 1));
    let error = TensorView::new(&data, &[usize::MAX, 2]).unwrap_err();
    assert_eq!(error, Error::Shape(ShapeError::Overflow));
    let error = TensorView::with_strides(&data, &[1; 9], &[1; 9], 0).unwrap_err();
    assert_eq!(
        error,
        Error::Shape(ShapeError::TooManyAxes { rank: 9, max: 8 })
    );
}

#[test]
fn views_beyond_the_data_are_errors() {
    let data = [0; 6];
    for (axes, strides, offset, needed) in [
        (&[][..], &[][..], 6, 7),
        (&[2, 3], &[3, 1], 1, 7),
        (&[3], &[-2], 3, 7),
        (&[2, 2], &[-4, 5], 3, 10),
        (&[1], &[isize::MIN], usize::MAX, usize::MAX),
        (&[2], &[isize::MIN], 0, usize::MAX),
        (&[usize::MAX], &[isize::MIN], 0, usize::MAX),
        (&[3, 3], &[isize::MAX, isize::MAX], 0, usize::MAX),
        (&[3, 3], &[isize::MAX, isize::MIN], 0, usize::MAX),
    ] {
        let error = TensorView::with_strides(&data, axes, strides, offset).unwrap_err();
        match error {
            Error::Shape(ShapeError::View {
                needed: found,
                len: 6,
            }) if needed < 100 => {
                assert_eq!(found, needed, "{axes:?} {strides:?} {offset}");
            }
            Error::Shape(ShapeError::View {
                needed: found,
                len: 6,
            }) => assert!(found > usize::MAX / 8),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn empty_views_read_nothing() {
    let view =
        TensorView::with_strides(&[0_u8; 0], &[3, 0], &[isize::MAX, isize::MIN], 99).unwrap();
    assert_eq!(view.as_row_major_slice(), Some(&[][..]));
    assert_eq!((view.get(0), view.iter().next()), (None, None));
    let grouped = view.grouped(Grouping::Block(4)).unwrap();
    assert!(grouped.groups().len() == 0);
}

/// A stride of zero makes a long tensor of little data; no one can gather it.
#[test]
fn repeated_elements_without_end() {
    let view = TensorView::with_strides(&[1.5], &[usize::MAX], &[0], 0).unwrap();
    assert_eq!(view.get(usize::MAX - 1), Some(1.5));
    assert_eq!(view.iter().len(), usize::MAX);
    let grouped = view.grouped(Grouping::Tensor).unwrap();
    let error = grouped.gather(0..1, &mut vec![]).unwrap_err();
    let needed = usize::MAX;
    assert_eq!(
        error,
        Error::TooMany {
            what: Operand::Element,
            given: needed,
            max: 0
        }
    );
}

/// Elements without size, of which a slice may have more than half the address space.
#[test]
fn more_elements_than_addresses() {
    let data = [(); usize::MAX];
    let view = TensorView::new(&data, &[1, usize::MAX]).unwrap();
    assert_eq!(view.as_row_major_slice().map(<[_]>::len), Some(usize::MAX));
    assert_eq!(view.get(usize::MAX - 1), Some(()));
    let view = TensorView::with_strides(&data, &[2], &[isize::MIN], usize::MAX / 2 + 1).unwrap();
    assert_eq!(view.iter().count(), 2);
}

proptest! {
    #[test]
    fn random_strides(
        layout in prop::collection::vec((0_usize..4, -9_isize..=9), 0..=5),
        before in 0_usize..3,
        after in 0_usize..3,
    ) {
        let (axes, strides): (Vec<_>, Vec<_>) = layout.into_iter().unzip();
        Case::new(&axes, &strides, before, after).check();
    }

    #[test]
    fn one_element_less_is_an_error(
        layout in prop::collection::vec((1_usize..4, -9_isize..=9), 0..=5),
    ) {
        let (axes, strides): (Vec<_>, Vec<_>) = layout.into_iter().unzip();
        let mut case = Case::new(&axes, &strides, 0, 0);
        let needed = case.data.len();
        let len = needed - 1;
        case.data.pop();
        prop_assert_eq!(case.view().unwrap_err(), Error::Shape(ShapeError::View { needed, len }));
        if let Some(offset) = case.offset.checked_sub(1) {
            case.offset = offset;
            let needed = needed.max(len + 1);
            prop_assert_eq!(case.view().unwrap_err(), Error::Shape(ShapeError::View { needed, len }));
        }
    }

    #[test]
    fn hostile_views_are_refused_or_read(
        layout in prop::collection::vec((any::<usize>(), any::<isize>()), 0..=9),
        shifts in prop::collection::vec((0..usize::BITS, 0..usize::BITS), 9),
        offset in 0_usize..20,
    ) {
        let shifted = layout.iter().zip(&shifts);
        let (axes, strides): (Vec<_>, Vec<_>) = shifted
            .map(|((extent, stride), (left, right))| (extent >> left, stride >> right))
            .unzip();
        let data: Vec<u32> = (0..10).collect();
        if let Ok(view) = TensorView::with_strides(&data, &axes, &strides, offset) {
            let elements: Vec<_> = view.iter().take(50).collect();
            prop_assert_eq!(elements.len(), view.shape().len().min(50));
            for (flat, &element) in elements.iter().enumerate() {
                prop_assert_eq!(view.get(flat), Some(element));
            }
        }
    }
}
