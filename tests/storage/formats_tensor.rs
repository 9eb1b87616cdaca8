//! Whole tensors into other programs' formats and back, and what of a tensor they cannot hold.

use ternarize::format::{Format, decode_mlx_into, storable};
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Code, Error, PackedTritsBuf, ScaleSlice, ScaleType};
use ternarize::{Operand, ShapeError};

/// A tensor of these scales, with a pattern of trits.
fn tensor(
    axes: &[usize],
    grouping: Grouping,
    p: ScaleSlice<'_>,
    n: Option<ScaleSlice<'_>>,
) -> TernaryTensor {
    let shape = Shape::new(axes).unwrap();
    let trits: Vec<i8> = [1, 0, -1, -1, 1]
        .into_iter()
        .cycle()
        .take(shape.len())
        .collect();
    let trits = PackedTritsBuf::from_trits(Code::Base3, &trits).unwrap();
    TernaryTensor::from_parts(shape, grouping, vec![trits], p, n).unwrap()
}

#[test]
fn tensors_come_back_from_every_format() {
    let axes = [2, 2, 256];
    for format in Format::ALL {
        for (grouping, scales) in [
            (Grouping::Tensor, vec![0.3_f64]),
            (Grouping::OUTPUT_CHANNEL, vec![0.3, 0.7]),
            (Grouping::axis(1).unwrap(), vec![0.3, 0.7]),
            (Grouping::Block(256), vec![0.1, 0.2, 0.3, 0.4]),
            (Grouping::Block(64), vec![0.5; 16]),
        ] {
            let original = tensor(&axes, grouping, ScaleSlice::F64(&scales), None);
            let encoded = original.encode(format);
            if format == Format::I2S && scales.windows(2).any(|pair| pair[0] < pair[1]) {
                assert_eq!(
                    encoded,
                    Err(Error::Unstorable {
                        what: Operand::BlockScales,
                        index: 0
                    })
                );
                continue;
            }
            let bytes = encoded.unwrap();
            let read = TernaryTensor::decode(format, *original.shape(), &bytes).unwrap();
            assert_eq!(read.trits(), original.trits());
            let scale_type = match format {
                Format::I2S => ScaleType::F32,
                _ => ScaleType::F16,
            };
            assert_eq!(read.scale_type(), scale_type);
            assert_eq!(
                read.grouping(),
                format.group().map_or(Grouping::Tensor, Grouping::Block)
            );
            let rounded = |scale: f64| match format.group() {
                Some(_) => f64::from(storable(scale).unwrap()),
                None => f64::from(to_f32(scale)),
            };
            let expected = original.dequantize::<f64>().into_iter();
            let expected = expected.map(|w| rounded(w.abs()).copysign(w));
            assert!(
                read.dequantize::<f64>().into_iter().eq(expected),
                "{format:?} {grouping}"
            );
            assert_eq!(read.encode(format).unwrap(), bytes);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "to the nearest is what is wanted"
)]
fn to_f32(x: f64) -> f32 {
    x as f32
}

/// Scales that no non-zero trit uses cannot be lost.
#[test]
fn unused_scales_are_no_obstacle() {
    let make = |axes: &[usize], grouping, trits: &[i8], p: &[f32], n: &[f32]| {
        let trits = PackedTritsBuf::from_trits(Code::TwoBit, trits).unwrap();
        let shape = Shape::new(axes).unwrap();
        let n = (!n.is_empty()).then_some(ScaleSlice::F32(n));
        TernaryTensor::from_parts(shape, grouping, vec![trits], ScaleSlice::F32(p), n).unwrap()
    };
    let rows = Grouping::OUTPUT_CHANNEL;
    let plus = [[1, 0, 1, 1]; 64].as_flattened();
    let minus: Vec<i8> = plus.iter().map(|trit| -trit).collect();
    let (zeros, two) = ([0; 256], [plus, &minus].concat());
    let pruned = [&zeros[..], plus, &zeros].concat();
    let tensors = [
        // One sign alone, and in each row another one.
        make(&[1, 256], rows, plus, &[0.5], &[0.0]),
        make(&[1, 256], rows, &minus, &[0.25], &[0.5]),
        make(&[2, 256], rows, &two, &[0.5, 0.25], &[0.0, 0.5]),
        make(&[2, 256], Grouping::Tensor, &two, &[0.5], &[0.5]),
        // Rows without non-zeros, even with a scale that no format holds.
        make(&[3, 256], rows, &pruned, &[0.0, 0.5, 1e30], &[]),
        make(
            &[3, 256],
            rows,
            &pruned,
            &[0.25, 0.5, 0.25],
            &[1.0, 1e-30, 3.0],
        ),
        make(&[1, 256], rows, &zeros, &[1e30], &[1e-30]),
    ];
    for tensor in tensors {
        for format in Format::ALL {
            let bytes = tensor.encode(format).unwrap();
            let read = TernaryTensor::decode(format, *tensor.shape(), &bytes).unwrap();
            assert_eq!(read.trits(), tensor.trits());
            let values = read.dequantize::<f32>();
            assert!(
                values.into_iter().eq(tensor.dequantize::<f32>()),
                "{format:?}"
            );
        }
    }
    // In two blocks of one group each sign may have a scale of its own; in one it may not.
    let halves = make(&[1, 512], rows, &two, &[0.5], &[0.25]);
    assert!(halves.encode(Format::Tq2_0).is_ok());
    let (what, index) = (Operand::SignScales, 0);
    assert_eq!(
        halves.encode(Format::I2S),
        Err(Error::Unstorable { what, index })
    );
}

#[test]
fn unused_scales_are_no_obstacle_between_formats() {
    let trits = [[0; 64], [1; 64], [0; 64], [0; 64]].concat();
    let mut bytes = [0; 4 * 18];
    let scales = [0.25_f32, 0.5, 4.0, 0.0];
    Format::Q2_0
        .encode_into(256, &trits, &scales, &mut bytes)
        .unwrap();
    for (to, expected) in [(Format::Pq2_0, &[0.5, 0.0][..]), (Format::I2S, &[0.5])] {
        let there = Format::Q2_0.transcode(1, 256, &bytes, to).unwrap();
        let (mut read, mut scales) = ([7; 256], vec![7.0; expected.len()]);
        to.decode_into(256, &there, &mut read, &mut scales).unwrap();
        assert_eq!((&read[..], &scales[..]), (&trits[..], expected));
    }
    // A scale that an f16 would round.
    let mut bytes = [0; 96];
    Format::I2S
        .encode_into(256, &[0; 256], &[0.1_f32], &mut bytes)
        .unwrap();
    let there = Format::I2S.transcode(1, 256, &bytes, Format::Q2_0).unwrap();
    assert_eq!(Format::Q2_0.validate(1, 256, &there), Ok(()));
}

/// What `mlx.core.quantize` of MLX 0.32 writes for 64 zeros.
#[test]
fn zeros_of_mlx_are_zeros() {
    let codes = [[0; 16], [0b10_01_00_01; 16]].concat();
    let mut trits = [7; 128];
    let (scales, biases) = ([-1e-7_f32, 0.5], [0.0, -0.5]);
    decode_mlx_into(64, 128, &codes, &scales, &biases, &mut trits).unwrap();
    assert_eq!(trits[..64], [0; 64]);
    assert_eq!(trits[64..], [[0, -1, 0, 1]; 16].concat());
    // A code other than 0 would be a weight, and so would a bias.
    let (what, index) = (Operand::Scale, 0);
    let refused = Err(Error::InvalidValue { what, index });
    let mut read = |codes: &[u8], scale, bias| {
        let (scales, biases) = ([scale, 0.5_f32], [bias, -0.5]);
        decode_mlx_into(64, 128, codes, &scales, &biases, &mut trits)
    };
    let other = [[1; 16], [0; 16]].concat();
    assert_eq!(read(&other, -1e-7, 0.0), refused);
    assert_eq!(read(&codes, -1e-7, 1.0), refused);
    assert_eq!(read(&codes, f32::NEG_INFINITY, 0.0), refused);
    assert_eq!(read(&codes, 0.0, 0.0), Ok(()));
}

#[test]
fn tensors_say_what_a_format_cannot_hold() {
    let rows = Grouping::OUTPUT_CHANNEL;
    let two = tensor(
        &[2, 64],
        rows,
        ScaleSlice::F32(&[0.5, 0.5]),
        Some(ScaleSlice::F32(&[0.5, 0.25])),
    );
    assert_eq!(
        two.encode(Format::Q2_0),
        Err(Error::Unstorable {
            what: Operand::SignScales,
            index: 1
        })
    );
    let equal = tensor(
        &[2, 64],
        rows,
        ScaleSlice::F32(&[0.5, 0.25]),
        Some(ScaleSlice::F32(&[0.5, 0.25])),
    );
    assert!(equal.encode(Format::Q2_0).is_ok());
    let ragged = Err(Error::Shape(ShapeError::Ragged {
        len: 64,
        group: 128,
    }));
    assert_eq!(equal.encode(Format::Ptq1_0), ragged);
    let one = tensor(&[], Grouping::Tensor, ScaleSlice::F32(&[1.0]), None);
    let ragged = Err(Error::Shape(ShapeError::Ragged { len: 1, group: 64 }));
    assert_eq!(one.encode(Format::Q2_0), ragged);
    for scale in [65_520.0, 1e-8] {
        let far = tensor(&[2, 64], rows, ScaleSlice::F32(&[0.5, scale]), None);
        assert_eq!(
            far.encode(Format::Q2_0),
            Err(Error::Unstorable {
                what: Operand::Scale,
                index: 1
            })
        );
    }
    let far = tensor(&[1, 128], Grouping::Tensor, ScaleSlice::F64(&[1e300]), None);
    assert_eq!(
        far.encode(Format::I2S),
        Err(Error::Unstorable {
            what: Operand::Scale,
            index: 0
        })
    );
    // Blocks of 96 weights: the second block of 64 has two scales. Scales that become the same are one.
    let blocks = Grouping::Block(96);
    let several = tensor(&[1, 192], blocks, ScaleSlice::F32(&[0.5, 0.25]), None);
    assert_eq!(
        several.encode(Format::Q2_0),
        Err(Error::Unstorable {
            what: Operand::BlockScales,
            index: 1
        })
    );
    let near = tensor(&[1, 192], blocks, ScaleSlice::F32(&[0.5, 0.500_01]), None);
    assert!(near.encode(Format::Q2_0).is_ok());
    let columns = tensor(
        &[2, 64],
        Grouping::axis(1).unwrap(),
        ScaleSlice::F32(&[0.5; 64]),
        None,
    );
    assert!(columns.encode(Format::Q2_0).is_ok());

    let empty = Shape::new(&[0, 64]).unwrap();
    assert_eq!(
        TernaryTensor::decode(Format::Q2_0, empty, &[]),
        Err(Error::Empty)
    );
    let shape = Shape::new(&[64]).unwrap();
    let error = TernaryTensor::decode(Format::Q2_0, shape, &[0; 17]);
    assert_eq!(
        error,
        Err(Error::LengthMismatch {
            expected: 18,
            actual: 17
        })
    );
}

/// A format has one trit for each weight and nothing that is added: nothing is written.
#[test]
fn planes_and_biases_are_refused() {
    let one = tensor(&[2, 128], Grouping::Tensor, ScaleSlice::F32(&[0.5]), None);
    let planes = [one.trits(), one.trits()].map(|plane| {
        PackedTritsBuf::from_trits(plane.code(), &plane.iter().collect::<Vec<_>>()).unwrap()
    });
    let (shape, scales) = (*one.shape(), ScaleSlice::F32(&[0.5, 0.25]));
    let two = TernaryTensor::from_parts(shape, Grouping::Tensor, planes.into(), scales, None);
    let shifted = one.clone().with_bias(vec![0.0; 2]).unwrap();
    let rotated = one.clone().with_rotation(64, 7).unwrap();
    for (tensor, what) in [
        (two.unwrap(), Operand::Plane),
        (shifted, Operand::Bias),
        (rotated, Operand::Rotation),
    ] {
        let refused = Error::Unstorable { what, index: 0 };
        for format in [Format::Q2_0, Format::I2S] {
            let mut bytes = vec![7; format.encoded_len(2, 128).unwrap()];
            assert_eq!(tensor.encode_into(format, &mut bytes), Err(refused));
            assert!(bytes.iter().all(|&byte| byte == 7));
            assert_eq!(tensor.encode(format), Err(refused));
        }
    }
    assert!(one.encode(Format::Q2_0).is_ok());
}
