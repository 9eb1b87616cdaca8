//! What other programs' formats cannot hold: each refusal names its place, and leaves the output as it was.

use half::{bf16, f16};
use ternarize::format::{self, Format, storable};
use ternarize::{Code, Error, PackedTritsBuf, Weight};
use ternarize::{Operand, ShapeError};

/// The error of an encoding, which wrote nothing.
fn encoding_error<W: Weight>(format: Format, columns: usize, trits: &[i8], scales: &[W]) -> Error {
    let rows = trits.len() / columns.max(1);
    let mut bytes = vec![0xEE; format.encoded_len(rows, columns).unwrap_or(7)];
    let error = format.encode_into(columns, trits, scales, &mut bytes);
    assert!(bytes.iter().all(|&byte| byte == 0xEE));
    error.unwrap_err()
}

/// The error of a decoding, which wrote nothing.
fn decoding_error<W: Weight>(format: Format, columns: usize, bytes: &[u8], groups: usize) -> Error {
    let (mut trits, mut scales) = (vec![9; columns], vec![W::max_value(); groups]);
    let error = format.decode_into(columns, bytes, &mut trits, &mut scales);
    assert!(trits.iter().all(|&trit| trit == 9));
    assert!(scales.iter().all(|&scale| scale == W::max_value()));
    error.unwrap_err()
}

#[test]
fn encoding_refuses_what_it_cannot_hold() {
    let one = f16::ONE;
    let ragged = Error::Shape(ShapeError::Ragged { len: 96, group: 64 });
    assert_eq!(
        encoding_error(Format::Q2_0, 96, &[0; 192], &[one; 3]),
        ragged
    );
    let mismatch = |expected, actual| Error::LengthMismatch { expected, actual };
    assert_eq!(
        encoding_error(Format::Q2_0, 64, &[0; 65], &[one]),
        mismatch(64, 65)
    );
    assert_eq!(
        encoding_error(Format::Q2_0, 0, &[0; 64], &[one]),
        mismatch(0, 64)
    );
    assert_eq!(
        encoding_error(Format::Q2_0, 64, &[0; 64], &[one; 2]),
        mismatch(1, 2)
    );
    assert_eq!(
        encoding_error(Format::I2S, 128, &[0; 256], &[one; 2]),
        mismatch(1, 2)
    );
    let mut trits = [0; 128];
    trits[77] = 2;
    let no_trit = Error::InvalidCode {
        what: Operand::Trit,
        index: 77,
        value: 2,
    };
    assert_eq!(encoding_error(Format::Pq2_0, 128, &trits, &[one]), no_trit);
    trits[77] = i8::MIN;
    let no_trit = Error::InvalidCode {
        what: Operand::Trit,
        index: 77,
        value: i16::from(i8::MIN),
    };
    assert_eq!(encoding_error(Format::Ptq1_0, 128, &trits, &[one]), no_trit);
    for scale in [-1.0, f32::NAN, f32::INFINITY] {
        let error = encoding_error(Format::Q2_0, 128, &[0; 128], &[1.0, scale]);
        assert_eq!(
            error,
            Error::InvalidValue {
                what: Operand::Scale,
                index: 1
            }
        );
    }
    for scale in [0.1, 65_536.0, 1e-9] {
        let error = encoding_error(Format::Q2_0, 128, &[0; 128], &[1.0, scale]);
        assert_eq!(
            error,
            Error::Unstorable {
                what: Operand::Scale,
                index: 1
            }
        );
    }
    let error = encoding_error(Format::I2S, 128, &[0; 128], &[0.1_f64]);
    assert_eq!(
        error,
        Error::Unstorable {
            what: Operand::Scale,
            index: 0
        }
    );
    let mut bytes = [0xEE; 19];
    let error = Format::Q2_0.encode_into(64, &[0; 64], &[one], &mut bytes);
    assert_eq!((error, bytes), (Err(mismatch(18, 19)), [0xEE; 19]));
    let packed = PackedTritsBuf::from_trits(Code::Base3, &[0; 65]).unwrap();
    let error = Format::Q2_0.encode_packed(64, packed.as_packed(), &[one]);
    assert_eq!(error, Err(mismatch(64, 65)));
    assert_eq!(
        Format::Q2_0.encoded_len(usize::MAX, 64),
        Err(Error::Shape(ShapeError::Overflow))
    );
}

#[test]
fn decoding_refuses_what_it_cannot_read() {
    let mut bytes = [0; 36];
    let format = Format::Q2_0;
    let mismatch = |expected, actual| Error::LengthMismatch { expected, actual };
    assert_eq!(
        decoding_error::<f16>(format, 128, &bytes[1..], 2),
        mismatch(36, 35)
    );
    assert_eq!(
        decoding_error::<f16>(format, 128, &bytes, 3),
        mismatch(2, 3)
    );
    let ragged = Error::Shape(ShapeError::Ragged {
        len: 100,
        group: 64,
    });
    assert_eq!(decoding_error::<f16>(format, 100, &bytes, 2), ragged);
    for scale in [f16::NEG_ONE, f16::NAN, f16::INFINITY] {
        bytes[18..20].copy_from_slice(&scale.to_le_bytes());
        let error = Error::InvalidValue {
            what: Operand::Scale,
            index: 1,
        };
        assert_eq!(format.validate(1, 128, &bytes), Err(error));
        assert_eq!(format.transcode(1, 128, &bytes, format), Err(error));
        assert_eq!(decoding_error::<f16>(format, 128, &bytes, 2), error);
        assert_eq!(
            format.decode_packed::<f16>(1, 128, &bytes, Code::Base3),
            Err(error)
        );
    }
    // An f16 of more bits than a bf16 has.
    bytes[18..20].copy_from_slice(&f16::from_bits(0x3c01).to_le_bytes());
    let rounded = Error::Unstorable {
        what: Operand::Scale,
        index: 1,
    };
    assert_eq!(decoding_error::<bf16>(format, 128, &bytes, 2), rounded);
    // A scale that looks like a code is none, and the other way round.
    bytes[18..20].copy_from_slice(&[0xff, 0x33]);
    assert_eq!(format.validate(1, 128, &bytes), Ok(()));
    bytes[35] = 0xc0;
    let no_trit = Error::InvalidCode {
        what: Operand::Byte,
        index: 35,
        value: 0xc0,
    };
    assert_eq!(decoding_error::<f16>(format, 128, &bytes, 2), no_trit);

    let mut bytes = [0x55; 64];
    bytes[32..36].copy_from_slice(&0.1_f32.to_le_bytes());
    let rounded = Error::Unstorable {
        what: Operand::Scale,
        index: 0,
    };
    assert_eq!(decoding_error::<f16>(Format::I2S, 128, &bytes, 1), rounded);
    let zeros = Format::I2S.decode_packed::<f64>(1, 128, &bytes, Code::Base3);
    assert_eq!(zeros.unwrap().1, [f64::from(0.1_f32)]);
}

#[test]
fn transcoding_refuses_several_scales_and_those_that_do_not_fit() {
    let scales = [1.0_f32, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.5];
    let (mut bytes, mut out) = (vec![0; 8 * 18], vec![0xEE; 4 * 34]);
    Format::Q2_0
        .encode_into(256, &[1; 512], &scales, &mut bytes)
        .unwrap();
    let error = Format::Q2_0.transcode_into(2, 256, &bytes, Format::Pq2_0, &mut out);
    assert_eq!(
        error,
        Err(Error::Unstorable {
            what: Operand::BlockScales,
            index: 3
        })
    );
    assert_eq!(out, [0xEE; 4 * 34]);
    for (to, block) in [
        (Format::Tq1_0, 0),
        (Format::Tq2_0, 0),
        (Format::I2S, 0),
        (Format::Ptq1_0, 3),
    ] {
        let error = Format::Q2_0.transcode(2, 256, &bytes, to);
        assert_eq!(
            error,
            Err(Error::Unstorable {
                what: Operand::BlockScales,
                index: block
            })
        );
    }
    let ragged = Error::Shape(ShapeError::Ragged {
        len: 64,
        group: 128,
    });
    assert_eq!(
        Format::Q2_0.transcode(8, 64, &bytes, Format::I2S),
        Err(ragged)
    );
    let mismatch = Error::LengthMismatch {
        expected: 136,
        actual: 135,
    };
    let short = Format::Q2_0.transcode_into(2, 256, &bytes, Format::Pq2_0, &mut out[1..]);
    assert_eq!(short, Err(mismatch));
    assert!(
        Format::Q2_0
            .transcode(usize::MAX / 64, 64, &bytes, Format::Q2_0)
            .is_err()
    );

    let mut bytes = [0; 64];
    Format::I2S
        .encode_into(128, &[1; 128], &[0.1_f32], &mut bytes)
        .unwrap();
    let rounded = Err(Error::Unstorable {
        what: Operand::Scale,
        index: 0,
    });
    assert_eq!(
        Format::I2S.transcode(1, 128, &bytes, Format::Pq2_0),
        rounded
    );
    bytes[0] = 3;
    let no_trit = Err(Error::InvalidCode {
        what: Operand::Byte,
        index: 0,
        value: 3,
    });
    assert_eq!(
        Format::I2S.transcode(1, 128, &bytes, Format::Pq2_0),
        no_trit
    );
}

/// No rows are no blocks; a tensor of bitnet.cpp has its scale all the same.
#[test]
fn no_rows_are_no_blocks() {
    let mut bytes = [0xEE; 32];
    Format::I2S
        .encode_into(128, &[], &[0.5_f32], &mut bytes)
        .unwrap();
    assert_eq!(
        (&bytes[..4], &bytes[4..]),
        (&0.5_f32.to_le_bytes()[..], &[0; 28][..])
    );
    assert_eq!(
        Format::I2S.transcode(0, 128, &bytes, Format::Q2_0),
        Ok(vec![])
    );
    assert_eq!(
        Format::Q2_0.transcode(0, 128, &[], Format::I2S),
        Ok(vec![0; 32])
    );
    assert_eq!(format::encode_huggingface_into(0, &[], &mut []), Ok(()));
    assert_eq!(format::decode_huggingface_into(3, &[], &mut []), Ok(()));
}

#[test]
fn storable_scales_are_rounded_and_neither_lost_nor_infinite() {
    let edge = 2.0_f64.powi(-25);
    assert_eq!(storable(edge.next_up()), Ok(f16::from_bits(1)));
    assert_eq!(
        storable(edge),
        Err(Error::Unstorable {
            what: Operand::Scale,
            index: 0
        })
    );
    assert_eq!(storable(65_520.0_f64.next_down()), Ok(f16::MAX));
    assert_eq!(
        storable(65_520.0_f64),
        Err(Error::Unstorable {
            what: Operand::Scale,
            index: 0
        })
    );
    assert_eq!(storable(0.0_f32), Ok(f16::ZERO));
    for scale in [-0.5, f32::NAN, f32::INFINITY] {
        assert_eq!(
            storable(scale),
            Err(Error::InvalidValue {
                what: Operand::Scale,
                index: 0
            })
        );
    }
}

#[test]
fn hugging_face_and_mlx_refuse_what_is_not_theirs() {
    let mut bytes = [0xEE; 16];
    let ragged = |len, group| Err(Error::Shape(ShapeError::Ragged { len, group }));
    let mismatch = |expected, actual| Err(Error::LengthMismatch { expected, actual });
    assert_eq!(
        format::encode_huggingface_into(4, &[0; 24], &mut bytes[..6]),
        ragged(6, 4)
    );
    assert_eq!(
        format::encode_huggingface_into(4, &[0; 33], &mut bytes[..8]),
        mismatch(32, 33)
    );
    assert_eq!(
        format::encode_huggingface_into(4, &[0; 32], &mut bytes[..9]),
        mismatch(8, 9)
    );
    let no_trit = Err(Error::InvalidCode {
        what: Operand::Trit,
        index: 31,
        value: -2,
    });
    let mut trits = [0; 64];
    trits[31] = -2;
    assert_eq!(
        format::encode_huggingface_into(4, &trits[..32], &mut bytes[..8]),
        no_trit
    );
    assert_eq!(
        format::huggingface_len(4, usize::MAX),
        Err(Error::Shape(ShapeError::Overflow))
    );

    let (one, mut bias) = ([1.0_f32; 2], [7.0; 2]);
    assert_eq!(
        format::encode_mlx_into(32, 64, &trits, &one, &mut bytes, &mut bias),
        no_trit
    );
    assert_eq!(
        format::encode_mlx_into(64, 32, &trits, &one, &mut bytes, &mut bias),
        ragged(32, 64)
    );
    // Groups that MLX does not have.
    for group in [0, 16, 256] {
        assert_eq!(
            format::encode_mlx_into(group, 64, &trits, &one, &mut bytes, &mut bias),
            ragged(64, group)
        );
    }
    assert_eq!(
        format::encode_mlx_into(64, 64, &trits, &one, &mut bytes, &mut bias),
        mismatch(1, 2)
    );
    assert_eq!(
        format::encode_mlx_into(32, 64, &trits[..63], &one, &mut bytes, &mut bias),
        mismatch(0, 63)
    );
    let negative = Err(Error::InvalidValue {
        what: Operand::Scale,
        index: 1,
    });
    let scales = [1.0, -1.0];
    assert_eq!(
        format::encode_mlx_into(32, 64, &[0; 64], &scales, &mut bytes, &mut bias),
        negative
    );
    assert_eq!((bytes, bias), ([0xEE; 16], [7.0; 2]));

    // What mlx.core.quantize makes of 0.5, 0 and -0.5: a scale of -0.25 and a bias of 0.5.
    let read = format::decode_mlx_into(32, 64, &[0; 16], &[0.5, -0.25], &[-0.5, 0.5], &mut trits);
    assert_eq!(read, negative);
    let read = format::decode_mlx_into(
        32,
        64,
        &[0; 16],
        &[0.5, 0.25],
        &[-0.5, f32::NAN],
        &mut trits,
    );
    assert_eq!(
        read,
        Err(Error::InvalidValue {
            what: Operand::Bias,
            index: 1
        })
    );
    let no_code = Err(Error::InvalidCode {
        what: Operand::Byte,
        index: 3,
        value: 0x0c,
    });
    bytes = [0; 16];
    bytes[3] = 0x0c;
    let read = format::decode_mlx_into(32, 64, &bytes, &[0.5, 0.25], &[-0.5, -0.25], &mut trits);
    assert_eq!(read, no_code);
    assert_eq!(
        format::decode_huggingface_into(4, &bytes, &mut trits),
        no_code
    );
    assert_eq!(trits[31], -2);
}
