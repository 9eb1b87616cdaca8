//! One array in NumPy's format `.npy`.
//!
//! ```text
//! 6 bytes    \x93NUMPY
//! 2 bytes    version: 1.0, 2.0 or 3.0
//! 2 bytes, from version 2.0 on 4: the length of the header
//! header     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//! data       little-endian or big-endian, in the order of C or of Fortran
//! ```

use anyhow::{Context, Result, bail, ensure};

/// An array of numbers, in the order of C.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The extents.
    pub shape: Vec<usize>,
    /// The numbers.
    pub numbers: Numbers,
}

/// The numbers of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Floats of any width.
    Floats(Vec<f32>),
    /// Whole numbers of any width, and truth values.
    Integers(Vec<i64>),
}

impl Array {
    /// Reads a `.npy` file.
    ///
    /// # Errors
    ///
    /// For other files, for types that are no numbers, and for data of another length than the shape says.
    pub fn from_npy(bytes: &[u8]) -> Result<Self> {
        let rest = bytes
            .strip_prefix(b"\x93NUMPY")
            .context("not a .npy file")?;
        let cut = "the file is cut off";
        let (version, rest) = rest.split_first_chunk::<2>().context(cut)?;
        let (length, rest) = match version[0] {
            1 => {
                let (length, rest) = rest.split_first_chunk::<2>().context(cut)?;
                (usize::from(u16::from_le_bytes(*length)), rest)
            }
            2 | 3 => {
                let (length, rest) = rest.split_first_chunk::<4>().context(cut)?;
                (u32::from_le_bytes(*length) as usize, rest)
            }
            other => bail!(".npy files of version {other} are not known"),
        };
        let (header, data) = rest.split_at_checked(length).context(cut)?;
        let header = str::from_utf8(header).context("the header is not text")?;
        let shape = shape(header)?;
        let descr = field(header, "descr")?.trim_matches(['\'', '"']);
        let fortran = match field(header, "fortran_order")? {
            "True" => true,
            "False" => false,
            other => bail!("fortran_order is {other}"),
        };
        let count = shape
            .iter()
            .try_fold(1_usize, |product, extent| product.checked_mul(*extent));
        let count = count.context("the shape is too large")?;
        let numbers = numbers(descr, data, count)?;
        let numbers = match numbers {
            Numbers::Floats(values) if fortran => Numbers::Floats(from_fortran(&shape, &values)),
            Numbers::Integers(values) if fortran => {
                Numbers::Integers(from_fortran(&shape, &values))
            }
            numbers => numbers,
        };
        Ok(Self { shape, numbers })
    }

    /// The extent of the first axis: how many samples it holds.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }
}

/// The text of a field of the header, up to the comma or bracket behind it.
fn field<'a>(header: &'a str, name: &str) -> Result<&'a str> {
    let found = [format!("'{name}':"), format!("\"{name}\":")]
        .iter()
        .find_map(|key| header.split_once(key.as_str()));
    let (_, rest) = found.with_context(|| format!("the header has no {name}"))?;
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    Ok(rest[..end].trim())
}

/// The extents in brackets.
fn shape(header: &str) -> Result<Vec<usize>> {
    let (_, rest) = header
        .split_once("shape")
        .context("the header has no shape")?;
    let inside = rest
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let (inside, _) = inside.context("the shape has no brackets")?;
    let extents = inside
        .split(',')
        .map(str::trim)
        .filter(|extent| !extent.is_empty());
    let extents = extents.map(|extent| {
        let number = extent.trim_end_matches('L').parse();
        number.with_context(|| format!("an extent of the shape is `{extent}`"))
    });
    extents.collect()
}

/// The numbers of a type.
fn numbers(descr: &str, data: &[u8], count: usize) -> Result<Numbers> {
    let (order, kind) = descr.split_at_checked(1).context("the type is empty")?;
    let width: usize = kind
        .get(1..)
        .and_then(|width| width.parse().ok())
        .unwrap_or(0);
    let expected = count.checked_mul(width).context("the shape is too large")?;
    ensure!(
        data.len() == expected,
        "the shape and the type `{descr}` say {expected} bytes, there are {}",
        data.len()
    );
    // Each number in the order of little-endian machines, extended to eight bytes.
    let numbers = data.chunks_exact(width.max(1)).map(|number| {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(number) {
            *to = *from;
        }
        if order == ">" {
            bytes[..width.min(8)].reverse();
        }
        u64::from_le_bytes(bytes)
    });
    Ok(match kind {
        "f2" => Numbers::Floats(
            numbers
                .map(|bits| half::f16::from_bits(low(bits)).to_f32())
                .collect(),
        ),
        "f4" => Numbers::Floats(numbers.map(|bits| f32::from_bits(low(bits))).collect()),
        "f8" => Numbers::Floats(numbers.map(|bits| narrow(f64::from_bits(bits))).collect()),
        "b1" | "u1" | "u2" | "u4" | "u8" => {
            let numbers = numbers.map(|bits| i64::try_from(bits).context("a number is above 2^63"));
            Numbers::Integers(numbers.collect::<Result<_>>()?)
        }
        "i1" | "i2" | "i4" | "i8" => {
            let shift = 64 - 8 * width;
            Numbers::Integers(
                numbers
                    .map(|bits| (bits << shift).cast_signed() >> shift)
                    .collect(),
            )
        }
        _ => bail!("the type `{descr}` is not one of numbers"),
    })
}

/// The lower bits of a number that has no others.
fn low<T: TryFrom<u64> + Default>(bits: u64) -> T {
    T::try_from(bits).unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "to the nearest is what is wanted"
)]
const fn narrow(value: f64) -> f32 {
    value as f32
}

/// The values in the order of C, whose last axis runs fastest, from those whose first does.
fn from_fortran<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let at = |mut index: usize| {
        let mut from = 0;
        for (extent, stride) in shape.iter().zip(&strides).rev() {
            from += index % extent * stride;
            index /= extent;
        }
        values[from]
    };
    (0..values.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap();
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn both_orders_of_axes_and_of_bytes() {
        let header = |descr: &str, fortran: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (2, 3), }}\n")
        };
        let read = |descr, fortran, data: &[u8]| {
            Array::from_npy(&file(&header(descr, fortran), data)).unwrap()
        };
        let array = read("|u1", "True", &[1, 4, 2, 5, 3, 6]);
        assert_eq!(array.shape, [2, 3]);
        assert_eq!(array.numbers, Numbers::Integers(vec![1, 2, 3, 4, 5, 6]));
        let big: Vec<u8> = [1.5_f32, -2.0, 0.0, 1.0, 2.0, 3.0]
            .iter()
            .flat_map(|x| x.to_be_bytes())
            .collect();
        assert_eq!(
            read(">f4", "False", &big).numbers,
            Numbers::Floats(vec![1.5, -2.0, 0.0, 1.0, 2.0, 3.0])
        );
        let signed = read("<i2", "False", &[255, 255, 0, 128, 1, 0, 2, 0, 3, 0, 4, 0]);
        assert_eq!(
            signed.numbers,
            Numbers::Integers(vec![-1, -32768, 1, 2, 3, 4])
        );
    }

    #[test]
    fn wrong_files_are_refused() {
        let fails = |bytes: &[u8]| Array::from_npy(bytes).unwrap_err().to_string();
        assert_eq!(fails(b"PK"), "not a .npy file");
        let whole = file(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n",
            &[0; 8],
        );
        for length in 0..whole.len() {
            assert!(Array::from_npy(&whole[..length]).is_err(), "{length}");
        }
        let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), }";
        assert_eq!(fails(&file(huge, &[])), "the shape is too large");
        let words = "{'descr': '<U4', 'fortran_order': False, 'shape': (0,), }";
        assert_eq!(
            fails(&file(words, &[])),
            "the type `<U4` is not one of numbers"
        );
    }
}
