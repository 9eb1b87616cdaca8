//! Shapes and groups against a twin that knows only division and sorting.

extern crate std;

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::{format, vec, vec::Vec};
use std::collections::HashSet;

use proptest::prelude::*;

use crate::tensor::{Grouping, Groups, MAX_RANK, Shape};
use crate::{Error, ShapeError};

const SHAPES: &[&[usize]] = &[
    &[],
    &[1],
    &[7],
    &[0],
    &[3, 4],
    &[1, 5],
    &[5, 1],
    &[0, 3],
    &[3, 0],
    &[2, 3, 4],
    &[3, 1, 2],
    &[2, 0, 2],
    &[1, 1, 1],
    &[4, 1, 3, 3],
    &[2, 3, 1, 5],
    &[2, 1, 3, 1, 4],
    &[2, 1, 2, 1, 1, 2, 1, 3],
];

/// Every grouping that exists at this rank, with blocks that fit, that don't and that are too long.
fn groupings(rank: usize) -> Vec<Grouping> {
    let mut all = vec![Grouping::Tensor, Grouping::Kernel];
    all.extend([1, 2, 3, 4, 5, 64, usize::MAX].map(Grouping::Block));
    all.extend((0..1_usize << rank).map(|set| {
        let named: Vec<_> = (0..rank).filter(|axis| set >> axis & 1 == 1).collect();
        Grouping::axes(&named).unwrap()
    }));
    all
}

/// Coordinates by division, in the order of the axes.
fn coordinates(shape: &[usize], flat: usize) -> Vec<usize> {
    let axes = 0..shape.len();
    axes.map(|axis| flat / shape[axis + 1..].iter().product::<usize>() % shape[axis])
        .collect()
}

/// What the members of a group have in common.
fn key(grouping: Grouping, shape: &[usize], flat: usize) -> Vec<usize> {
    let mut key = coordinates(shape, flat);
    match grouping {
        Grouping::Axes(axes) => (0..shape.len())
            .filter(|axis| axes >> axis & 1 == 1)
            .map(|axis| key[axis])
            .collect(),
        Grouping::Kernel if shape.len() >= 3 => key[..2].to_vec(),
        Grouping::Block(len) => {
            if let Some(last) = key.last_mut() {
                *last /= len;
            }
            key
        }
        _ => vec![],
    }
}

/// The members of each group; sorted keys are row-major order.
fn twin(grouping: Grouping, shape: &[usize]) -> Vec<Vec<usize>> {
    let mut members = BTreeMap::<_, Vec<usize>>::new();
    for flat in 0..shape.iter().product() {
        let key = key(grouping, shape, flat);
        members.entry(key).or_default().push(flat);
    }
    members.into_values().collect()
}

fn check(grouping: Grouping, axes: &[usize]) {
    let shape = Shape::new(axes).unwrap();
    let groups = grouping.resolve(&shape).unwrap();
    let expected = twin(grouping, axes);
    let context = format!("{shape} under {grouping}");
    assert_eq!(groups.len(), expected.len(), "{context}");
    assert_eq!(grouping.count(&shape), Ok(expected.len()), "{context}");
    assert_eq!((*groups.shape(), groups.grouping()), (shape, grouping));
    for (group, members) in expected.iter().enumerate() {
        assert_eq!(groups.group_len(group), members.len(), "{context}");
        for &flat in members {
            assert_eq!(groups.group_of(flat), Some(group), "{context}");
        }
        let run = members[0]..members[members.len() - 1] + 1;
        let one_run = (run.len() == members.len()).then_some(run);
        assert_eq!(groups.range(group..group + 1), one_run, "{context}");
        check_indices(&groups, group, members, &context);
    }
    for absent in [expected.len(), usize::MAX] {
        assert_eq!(groups.group_len(absent), 0, "{context}");
        assert_eq!(groups.indices(absent).next(), None, "{context}");
        assert_eq!(
            groups.range(absent..absent.saturating_add(1)),
            None,
            "{context}"
        );
    }
    assert_eq!(groups.group_of(shape.len()), None, "{context}");
    check_runs(&groups, &context);
}

/// Stepping and folding agree from every place on.
fn check_indices(groups: &Groups, group: usize, members: &[usize], context: &str) {
    let mut indices = groups.indices(group);
    for done in 0..=members.len() {
        let mut folded = vec![];
        indices.clone().for_each(|flat| folded.push(flat));
        assert_eq!(folded, members[done..], "{context}");
        assert_eq!(indices.next(), members.get(done).copied(), "{context}");
    }
}

/// Over every range the runs are the places where the group changes, and nothing else.
fn check_runs(groups: &Groups, context: &str) {
    let len = groups.shape().len();
    for start in 0..=len {
        for end in start..=len {
            let flats: Vec<_> = (start..end).collect();
            let same_group = |a: &usize, b: &usize| groups.group_of(*a) == groups.group_of(*b);
            let expected: Vec<_> = flats
                .chunk_by(same_group)
                .map(|run| {
                    let range = run[0]..run[run.len() - 1] + 1;
                    (range, groups.group_of(run[0]).unwrap())
                })
                .collect();
            let runs: Vec<_> = groups.runs(start..end).unwrap().collect();
            assert_eq!(runs, expected, "{context}, {start}..{end}");
        }
    }
}

#[test]
fn every_shape_under_every_grouping() {
    for axes in SHAPES {
        for grouping in groupings(axes.len()) {
            check(grouping, axes);
        }
    }
}

#[test]
fn the_three_ways_of_the_paper() {
    let (h, c, w) = (2, 3, 4);
    let shape = Shape::new(&[h, c, w]).unwrap();
    let flat = |y: usize, z: usize, x: usize| (y * c + z) * w + x;
    let slices = |axis| Grouping::axis(axis).unwrap().resolve(&shape).unwrap();
    for y in 0..h {
        let slice: Vec<_> = (0..c)
            .flat_map(|z| (0..w).map(move |x| flat(y, z, x)))
            .collect();
        assert!(slices(0).indices(y).eq(slice));
    }
    for z in 0..c {
        let slice: Vec<_> = (0..h)
            .flat_map(|y| (0..w).map(move |x| flat(y, z, x)))
            .collect();
        assert!(slices(1).indices(z).eq(slice));
    }
    for x in 0..w {
        let slice: Vec<_> = (0..h)
            .flat_map(|y| (0..c).map(move |z| flat(y, z, x)))
            .collect();
        assert!(slices(2).indices(x).eq(slice));
    }
}

#[test]
fn kernels_of_small_ranks_are_one() {
    for (axes, count) in [(&[][..], 1), (&[9], 1), (&[9, 4], 1), (&[9, 4, 3], 36)] {
        let shape = Shape::new(axes).unwrap();
        assert_eq!(Grouping::Kernel.resolve(&shape).unwrap().len(), count);
    }
}

#[test]
fn the_last_block_of_a_row_may_be_short() {
    let groups = Grouping::Block(4).resolve(&Shape::new(&[2, 10]).unwrap());
    let runs: Vec<_> = groups.unwrap().runs(0..20).unwrap().collect();
    assert_eq!(
        runs,
        [
            (0..4, 0),
            (4..8, 1),
            (8..10, 2),
            (10..14, 3),
            (14..18, 4),
            (18..20, 5)
        ]
    );
}

#[test]
fn wrong_groupings_are_errors() {
    let shape = Shape::new(&[2, 3]).unwrap();
    let resolve = |grouping: Result<Grouping, Error>| grouping?.resolve(&shape);
    let missing = Error::Shape(ShapeError::Axis { axis: 2, rank: 2 });
    assert_eq!(resolve(Grouping::axis(2)), Err(missing));
    assert_eq!(resolve(Grouping::axes(&[0, 7, 2])), Err(missing));
    assert_eq!(
        resolve(Ok(Grouping::Block(0))),
        Err(Error::Shape(ShapeError::EmptyBlock))
    );
    let scalar = Shape::new(&[]).unwrap();
    assert_eq!(
        Grouping::Block(0).resolve(&scalar),
        Err(Error::Shape(ShapeError::EmptyBlock))
    );
    for axes in [&[8][..], &[usize::MAX], &[0, 8], &[3, 1, 3]] {
        let axis = axes[axes.len() - 1];
        let error = Error::Shape(ShapeError::Axis {
            axis,
            rank: MAX_RANK,
        });
        assert_eq!(Grouping::axes(axes), Err(error));
    }
}

#[test]
fn runs_beyond_the_end_are_an_error_and_reversed_ones_empty() {
    let groups = Grouping::Tensor
        .resolve(&Shape::new(&[2, 3]).unwrap())
        .unwrap();
    let error = Error::OutOfBounds { index: 7, len: 6 };
    assert_eq!(groups.runs(3..7).unwrap_err(), error);
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
    let reversed = [4..1, usize::MAX..6];
    for range in reversed {
        assert_eq!(groups.runs(range).unwrap().next(), None);
    }
}

#[test]
fn shapes_beyond_bounds_are_errors() {
    let top = 1 << (usize::BITS - 1);
    for axes in [
        &[usize::MAX, 2][..],
        &[2, usize::MAX],
        &[top, 2],
        &[top, 0, 2],
        &[0, usize::MAX, usize::MAX],
        &[1 << 9; 8],
    ] {
        assert_eq!(
            Shape::new(axes),
            Err(Error::Shape(ShapeError::Overflow)),
            "{axes:?}"
        );
    }
    let error = Error::Shape(ShapeError::TooManyAxes { rank: 9, max: 8 });
    assert_eq!(Shape::new(&[1; 9]), Err(error));
    assert_eq!(Shape::new(&[0; 9]), Err(error));
}

/// No data is needed to cut a shape, so the largest ones must not overflow either.
#[test]
fn the_largest_shapes_have_groups() {
    let top = 1 << (usize::BITS - 1);
    for axes in [
        &[usize::MAX][..],
        &[1, usize::MAX],
        &[top, 1],
        &[1, top],
        &[usize::MAX, 0, 1],
    ] {
        let shape = Shape::new(axes).unwrap();
        for grouping in groupings(axes.len()) {
            let groups = grouping.resolve(&shape).unwrap();
            let len = shape.len();
            let Some(last) = len.checked_sub(1) else {
                assert_eq!(groups.len(), 0);
                continue;
            };
            assert_eq!(groups.group_of(last), Some(groups.len() - 1));
            let (run, group) = groups.runs(last..len).unwrap().next().unwrap();
            assert_eq!((run, group), (last..len, groups.len() - 1));
            let ends = groups.range(group..group + 1).map(|range| range.end);
            assert!(ends.is_none_or(|end| end == len));
            assert!(groups.runs(0..len).unwrap().next().is_some());
            assert!(groups.indices(group).next().is_some());
        }
    }
}

#[test]
fn shapes_print_compare_and_index() {
    let shape = Shape::new(&[20, 1, 5, 5]).unwrap();
    assert_eq!(shape.to_string(), "20x1x5x5");
    assert_eq!(format!("{shape:?}"), "Shape(20x1x5x5)");
    assert_eq!(Shape::new(&[]).unwrap().to_string(), "scalar");
    assert_eq!(
        (shape.rank(), shape.len(), shape.is_empty()),
        (4, 500, false)
    );
    let distinct: HashSet<_> = SHAPES
        .iter()
        .map(|axes| Shape::new(axes).unwrap())
        .collect();
    assert_eq!(distinct.len(), SHAPES.len());
    for axes in SHAPES {
        let shape = Shape::new(axes).unwrap();
        assert_eq!(shape.axes(), *axes);
        for flat in 0..shape.len() {
            let found = shape.coordinates(flat).unwrap();
            assert_eq!(found[..axes.len()], coordinates(axes, flat));
        }
        assert_eq!(shape.coordinates(shape.len()), None);
    }
}

#[test]
fn groupings_are_written_and_read() {
    for grouping in groupings(MAX_RANK) {
        assert_eq!(grouping.to_string().parse(), Ok(grouping));
    }
    for (text, grouping) in [
        ("tensor", Ok(Grouping::Tensor)),
        ("kernel", Ok(Grouping::Kernel)),
        ("axis:0", Ok(Grouping::OUTPUT_CHANNEL)),
        ("axis:7", Grouping::axis(7)),
        ("axes:0,2", Grouping::axes(&[2, 0])),
        ("block:32", Ok(Grouping::Block(32))),
    ] {
        assert_eq!(text.parse(), Ok(grouping.unwrap()));
        assert_eq!(grouping.unwrap().to_string(), text);
    }
    assert_eq!("axes:2,0".parse::<Grouping>(), "axes:0,2".parse());
    assert_eq!("axes:3".parse::<Grouping>(), "axis:3".parse());
}

#[test]
fn other_texts_are_errors() {
    let expected = |text: &str| match text.parse::<Grouping>() {
        Err(Error::Shape(ShapeError::Grouping { expected })) => expected,
        other => panic!("{text}: {other:?}"),
    };
    for text in [
        "", "Tensor", " tensor", "tensor:", "kernel:3", "axis", "axes", "block", "row:1",
    ] {
        assert_eq!(
            expected(text),
            "tensor, axis:K, axes:K,L, kernel or block:N",
            "{text}"
        );
    }
    for text in [
        "axis:", "axis:8", "axis:-1", "axis:+1", "axis:0,1", "axis: 1", "axis:1:2",
    ] {
        assert_eq!(expected(text), "axis:K with K from 0 to 7", "{text}");
    }
    for text in ["axes:,", "axes:0,", "axes:0,0", "axes:8,1", "axes:0;1"] {
        assert_eq!(
            expected(text),
            "axes:K,L with different numbers from 0 to 7",
            "{text}"
        );
    }
    for text in [
        "block:",
        "block:0",
        "block:-4",
        "block:1e3",
        "block:99999999999999999999999",
    ] {
        assert_eq!(expected(text), "block:N with N of at least 1", "{text}");
    }
}

proptest! {
    #[test]
    fn random_shapes_under_random_groupings(
        axes in prop::collection::vec(0_usize..4, 0..=5),
        choice: prop::sample::Index,
    ) {
        let all = groupings(axes.len());
        check(all[choice.index(all.len())], &axes);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(axis|axes|block|tensor|kernel)?:?[0-9,+ -]{0,6}") {
        if let Ok(grouping) = text.parse::<Grouping>() {
            prop_assert_eq!(grouping.to_string().parse(), Ok(grouping));
        }
    }
}
