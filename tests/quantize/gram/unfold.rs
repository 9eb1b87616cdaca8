//! The rows of patches against the definition of a convolution, number by number.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use ternarize::quantize::gram::Unfold;
use ternarize::{Error, ShapeError};

/// What describes an axis of a convolution.
#[derive(Clone, Copy, Debug)]
struct Axis {
    extent: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    begin: usize,
    end: usize,
}

impl Axis {
    const fn span(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// The positions of the kernel, counted.
    fn output(self) -> usize {
        let padded = self.begin + self.extent + self.end;
        let starts = (0..padded).step_by(self.stride);
        starts.filter(|start| start + self.span() <= padded).count()
    }
}

fn unfold(channels: usize, groups: usize, axes: &[Axis]) -> Result<Unfold, Error> {
    let each = |get: fn(&Axis) -> usize| axes.iter().map(get).collect::<Vec<_>>();
    Unfold::new(channels, &each(|a| a.extent), &each(|a| a.kernel))?
        .padding(&each(|a| a.begin), &each(|a| a.end))?
        .dilations(&each(|a| a.dilation))?
        .strides(&each(|a| a.stride))?
        .groups(groups)
}

/// The coordinates of an index in row-major order.
fn coordinates(mut index: usize, extents: &[usize]) -> Vec<usize> {
    let mut coordinates: Vec<_> = extents
        .iter()
        .rev()
        .map(|extent| {
            let coordinate = index % extent;
            index /= extent;
            coordinate
        })
        .collect();
    coordinates.reverse();
    coordinates
}

/// The number of a row: a channel of a group under a tap of the kernel.
fn entry(image: &[f32], channel: usize, axes: &[Axis], position: &[usize], tap: &[usize]) -> f32 {
    let mut index = channel;
    for ((axis, o), k) in axes.iter().zip(position).zip(tap) {
        let padded = o * axis.stride + k * axis.dilation;
        if padded < axis.begin || padded >= axis.begin + axis.extent {
            return 0.0;
        }
        index = index * axis.extent + padded - axis.begin;
    }
    image[index]
}

fn axis() -> impl Strategy<Value = Axis> {
    (
        0_usize..8,
        1_usize..4,
        1_usize..4,
        1_usize..4,
        0_usize..4,
        0_usize..4,
    )
        .prop_map(|(extent, kernel, stride, dilation, begin, end)| Axis {
            extent,
            kernel,
            stride,
            dilation,
            begin,
            end,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rows_are_those_of_the_definition(
        axes in vec(axis(), 0..4), groups in 1_usize..4, of_group in 1_usize..4, order in vec(any::<Index>(), 5),
    ) {
        let channels = groups * of_group;
        let unfold = unfold(channels, groups, &axes).unwrap();
        let output: Vec<_> = axes.iter().map(|axis| axis.output()).collect();
        prop_assert_eq!(unfold.output(), &output[..]);
        let kernel: Vec<_> = axes.iter().map(|axis| axis.kernel).collect();
        let taps: usize = kernel.iter().product();
        prop_assert_eq!(unfold.columns(), of_group * taps);

        let len: usize = axes.iter().map(|axis| axis.extent).product();
        let image: Vec<f32> = (0..channels * len).map(|i| i as f32 + 1.0).collect();
        if let Some(axis) = output.iter().rposition(|extent| *extent == 0) {
            prop_assert_eq!(unfold.positions(), 0);
            let fits = unfold.rows(&image, 0, &mut Vec::new());
            let kernel_error = matches!(fits, Err(Error::Shape(ShapeError::Kernel { axis: a, span, extent }))
                if a <= axis && span == axes[a].span() && extent < span);
            prop_assert!(kernel_error, "{:?}", fits);
            return Ok(());
        }
        for group in 0..groups {
            let mut expected = Vec::new();
            for position in 0..unfold.positions() {
                let position = coordinates(position, &output);
                for column in 0..unfold.columns() {
                    let (channel, tap) = (group * of_group + column / taps, coordinates(column % taps, &kernel));
                    expected.push(entry(&image, channel, &axes, &position, &tap));
                }
            }
            // Appended to what is there.
            let mut rows = vec![7.0];
            unfold.rows(&image, group, &mut rows).unwrap();
            prop_assert_eq!(&rows[1..], &expected[..]);

            // Some positions, in any order.
            let chosen: Vec<_> = order.iter().map(|index| index.index(unfold.positions())).collect();
            unfold.rows_at(&image, group, &chosen, &mut rows).unwrap();
            let columns = unfold.columns();
            let chosen = chosen.iter().flat_map(|at| &expected[at * columns..][..columns]).copied();
            prop_assert_eq!(&rows[1 + expected.len()..], &chosen.collect::<Vec<_>>()[..]);
        }
    }
}

#[test]
fn sizes_that_do_not_fit() {
    let shape = |error| Err(Error::Shape(error));
    let (rank, max) = (4, 3);
    assert_eq!(
        Unfold::new(1, &[1; 4], &[1; 4]),
        shape(ShapeError::TooManyAxes { rank, max })
    );
    assert_eq!(Unfold::new(0, &[2], &[1]), Err(Error::Empty));
    let (expected, actual) = (2, 1);
    let mismatch = Err(Error::LengthMismatch { expected, actual });
    assert_eq!(Unfold::new(1, &[2, 2], &[1]), mismatch);
    let unfold = Unfold::new(6, &[4, 4], &[3, 3]).unwrap();
    assert_eq!(unfold.strides(&[1]), mismatch);
    assert_eq!(unfold.dilations(&[1]), mismatch);
    assert_eq!(unfold.padding(&[1, 1], &[1]), mismatch);
    let zero = |name| Err(Error::InvalidOption { name, value: 0.0 });
    assert_eq!(Unfold::new(1, &[2], &[0]), zero("extent of a kernel"));
    assert_eq!(unfold.strides(&[1, 0]), zero("stride"));
    assert_eq!(unfold.dilations(&[0, 1]), zero("dilation"));
    for group in [0, 4] {
        assert_eq!(
            unfold.groups(group),
            shape(ShapeError::Ragged { len: 6, group })
        );
    }
    // Neither sums nor products overflow.
    let most = usize::MAX;
    assert_eq!(Unfold::new(2, &[most], &[1]), shape(ShapeError::Overflow));
    assert_eq!(
        Unfold::new(1, &[1, 1], &[most, 2]),
        shape(ShapeError::Overflow)
    );
    assert_eq!(unfold.dilations(&[most, 1]), shape(ShapeError::Overflow));
    assert_eq!(
        unfold.padding(&[most, 0], &[0, 0]),
        shape(ShapeError::Overflow)
    );
    assert_eq!(
        unfold.padding(&[most / 2; 2], &[0, 0]),
        shape(ShapeError::Overflow)
    );
    let far = Unfold::new(1, &[4], &[3]).unwrap();
    let far = far.padding(&[most - 4], &[0]).unwrap();
    assert_eq!(far.output(), [most - 2]);
}

#[test]
fn images_that_do_not_fit() {
    let unfold = Unfold::new(2, &[3], &[2]).unwrap().groups(2).unwrap();
    let mut rows = vec![1.0];
    let (expected, actual) = (6, 5);
    assert_eq!(
        unfold.rows(&[0.0; 5], 0, &mut rows),
        Err(Error::LengthMismatch { expected, actual })
    );
    let beyond = |index, len| Err(Error::OutOfBounds { index, len });
    assert_eq!(unfold.rows(&[0.0; 6], 2, &mut rows), beyond(2, 2));
    assert_eq!(
        unfold.rows_at(&[0.0; 6], 0, &[0, 2], &mut rows),
        beyond(2, 2)
    );
    // More rows than memory could hold.
    let far = unfold.padding(&[usize::MAX / 4], &[0]).unwrap();
    assert!(matches!(
        far.rows(&[0.0; 6], 0, &mut rows),
        Err(Error::TooMany { .. })
    ));
    assert_eq!(rows, [1.0]);
}
