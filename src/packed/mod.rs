//! Packed trits that have been checked once: a borrowed view for flash and for files, and its owner.
//!
//! [`PackedTrits`] is bytes, a [`Code`] and a length which are known to fit: every byte is a code word and the last one is
//! filled up with zero trits. That is checked when it is made, by the compiler for one in a `static`, and never again. A
//! [slice](PackedTrits::slice) is the same view with another beginning and end, at any trit, whether or not a byte begins there.
//!
//! ```text
//! bytes   [ . . . . | t t t t | t t t t | t t . . ]      slice(4..14) of the 2-bit code keeps bytes 1..4
//!                     0 1 2 3   4 5 6 7   8 9
//! ```
//!
//! Cost: four words; making one reads the bytes once, slicing one reads none.

#[cfg(feature = "alloc")]
mod owned;

use core::fmt;
use core::iter::FusedIterator;
use core::ops::{Bound, RangeBounds};

use crate::code::Code;
use crate::error::{Error, Operand, check_len};

#[cfg(feature = "alloc")]
pub use owned::PackedTritsBuf;
#[cfg(feature = "alloc")]
pub(crate) use owned::pack;

/// A vector of trits in borrowed bytes.
///
/// Two of them are equal if they hold the same trits, in whatever code and wherever in a byte they begin.
///
/// # Examples
///
/// ```
/// use ternarize::{Code, PackedTrits};
///
/// static BYTES: [u8; 2] = Code::TwoBit.encode(&[1, 0, -1, 1, 1]);
/// static ROW: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &BYTES, 5);
///
/// assert_eq!(ROW.dot_i8(&[10, 20, 30, 40, 50])?, 70);
/// assert_eq!(ROW.slice(1..)?.get(1), Some(-1));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct PackedTrits<'a> {
    /// Just the bytes in use; all are code words.
    bytes: &'a [u8],
    /// The place of the first trit in the first byte; 0 if there is none.
    skip: usize,
    len: usize,
    code: Code,
}

impl<'a> PackedTrits<'a> {
    /// Checks `bytes` and reads them as `len` trits.
    ///
    /// Cost: one pass, eight bytes a step; nothing at run time in a `const` or `static`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `bytes` is not [`code.packed_len(len)`](Code::packed_len) long,
    /// [`Error::InvalidCode`] for the first byte that is no code word, and then [`Error::InvalidCode`] if the last byte is
    /// not filled up with zero trits.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, Error, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::Base3, &[0, 121], 7)?;
    /// assert_eq!(trits.len(), 7);
    /// let error = PackedTrits::new(Code::Base3, &[0, 121], 11).unwrap_err();
    /// assert_eq!(error, Error::LengthMismatch { expected: 3, actual: 2 });
    /// # Ok::<(), Error>(())
    /// ```
    pub const fn new(code: Code, bytes: &'a [u8], len: usize) -> Result<Self, Error> {
        match code.validate(bytes, len) {
            Ok(()) => Ok(Self {
                bytes,
                skip: 0,
                len,
                code,
            }),
            Err(error) => Err(error),
        }
    }

    /// [`new`](Self::new) for a `const` or `static`, where an error stops the compiler.
    ///
    /// Cost: that of `new`, to the compiler. It checks some megabytes before it asks, by its lint
    /// `long_running_const_eval`, whether so much work is meant.
    ///
    /// # Panics
    ///
    /// Where `new` would return an error. In a `const` or `static` that is a compile error. For data known at run time use
    /// `new`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// static ROW: PackedTrits<'_> = PackedTrits::must(Code::Base3, &[0, 121], 7);
    /// assert_eq!(ROW.get(4), Some(-1));
    /// ```
    ///
    /// ```compile_fail
    /// use ternarize::{Code, PackedTrits};
    ///
    /// static NO_CODE_WORD: PackedTrits<'_> = PackedTrits::must(Code::Base3, &[243], 5);
    /// ```
    #[must_use]
    pub const fn must(code: Code, bytes: &'a [u8], len: usize) -> Self {
        match Self::new(code, bytes, len) {
            Ok(trits) => trits,
            Err(Error::LengthMismatch { .. }) => {
                panic!("the packed bytes have another length than their trits need")
            }
            Err(Error::InvalidCode {
                what: Operand::Byte,
                ..
            }) => panic!("a packed byte is not a code word"),
            Err(_) => panic!("the last packed byte is not filled up with zero trits"),
        }
    }

    /// The number of trits.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// assert_eq!(PackedTrits::must(Code::TwoBit, &[0x55], 3).len(), 3);
    /// ```
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no trits.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// assert!(PackedTrits::must(Code::TwoBit, &[], 0).is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The code of the bytes.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// assert_eq!(PackedTrits::must(Code::TwoBit, &[], 0).code(), Code::TwoBit);
    /// ```
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The bytes in which the trits lie, of which the first begins with [`offset`](Self::offset) trits of something else.
    ///
    /// After a [slice](Self::slice) the trits that follow the last one may be anything too, so these bytes need not be
    /// [valid](Code::validate) for its length. The trits begin at [`offset`](Self::offset).
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0x12, 0x56], 8)?.slice(5..7)?;
    /// assert_eq!((trits.as_bytes(), trits.offset()), (&[0x56][..], 1));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The place in the first byte at which the first trit lies, in trits: 0 unless sliced.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::Base3, &[0, 0], 10)?;
    /// assert_eq!(trits.slice(8..)?.offset(), 3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.skip
    }

    /// The trit at `index`, or `None` beyond the end.
    ///
    /// Cost: constant; a shift and a mask, or a table look-up.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
    /// assert_eq!(trits.get(1), Some(1));
    /// assert_eq!(trits.get(3), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn get(&self, index: usize) -> Option<i8> {
        if index >= self.len {
            return None;
        }
        self.code.get(self.bytes, self.skip + index)
    }

    /// The trits in order, from either end.
    ///
    /// Cost: constant; each step is one [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
    /// assert!(trits.iter().eq([0, 1, -1]));
    /// assert!(trits.iter().rev().eq([-1, 1, 0]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use = "iterators do nothing unless they are consumed"]
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = i8> + ExactSizeIterator + FusedIterator + Clone + use<'a>
    {
        let trits = *self;
        // Each index is below the length.
        (0..self.len).map(move |index| trits.get(index).unwrap_or_default())
    }

    /// Writes the trits to `trits`.
    ///
    /// Cost: one pass, a table look-up a byte.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `trits` has another length. Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let mut trits = [0; 3];
    /// PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?.unpack_into(&mut trits)?;
    /// assert_eq!(trits, [0, 1, -1]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn unpack_into(&self, trits: &mut [i8]) -> Result<(), Error> {
        check_len(self.len, trits.len())?;
        let (head, bytes) = self.split_head();
        let (first, rest) = trits.split_at_mut_checked(head).unwrap_or_default();
        for (slot, trit) in first.iter_mut().zip(self.iter()) {
            *slot = trit;
        }
        self.code.unpack(bytes, rest);
        Ok(())
    }

    /// The trits of a range, without a copy; the range may begin and end within bytes.
    ///
    /// Cost: two divisions; no byte is read.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the range ends beyond [`len`](Self::len), or begins beyond its own end.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, Error, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01, 0b01_01_01_00], 5)?;
    /// assert!(trits.slice(1..=3)?.iter().eq([1, -1, 0]));
    /// assert_eq!(trits.slice(2..6), Err(Error::OutOfBounds { index: 6, len: 5 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Result<Self, Error> {
        let start = match range.start_bound() {
            Bound::Included(&start) => Some(start),
            Bound::Excluded(&before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1),
            Bound::Excluded(&end) => Some(end),
            Bound::Unbounded => Some(self.len),
        };
        let (Some(start), Some(end)) = (start, end) else {
            let (index, len) = (usize::MAX, self.len);
            return Err(Error::OutOfBounds { index, len });
        };
        for (index, len) in [(end, self.len), (start, end)] {
            if index > len {
                return Err(Error::OutOfBounds { index, len });
            }
        }

        let per_byte = self.code.trits_per_byte();
        let (from, to) = (self.skip + start, self.skip + end);
        let bytes = self.bytes.get(from / per_byte..self.code.packed_len(to));
        Ok(Self {
            bytes: bytes.unwrap_or_default(),
            skip: from % per_byte,
            len: end - start,
            code: self.code,
        })
    }

    /// The number of trits that are not 0.
    ///
    /// Cost: one pass over the bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
    /// assert_eq!(trits.count_nonzeros(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn count_nonzeros(&self) -> usize {
        let (head, bytes) = self.split_head();
        let full = (self.len - head) / self.code.trits_per_byte();
        let (bytes, _) = bytes.split_at_checked(full).unwrap_or_default();
        let ends = (0..head).chain(head + full * self.code.trits_per_byte()..self.len);
        ends.filter(|&index| self.get(index) != Some(0)).count() + self.code.count_nonzeros(bytes)
    }

    /// The number of trits before the first byte border, and the bytes after it.
    fn split_head(&self) -> (usize, &'a [u8]) {
        match (self.skip, self.bytes) {
            (0, bytes) => (0, bytes),
            (skip, [_, rest @ ..]) => ((self.code.trits_per_byte() - skip).min(self.len), rest),
            (_, []) => (0, &[]),
        }
    }
}

impl PartialEq for PackedTrits<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl Eq for PackedTrits<'_> {}

/// The code and the trits.
impl fmt::Debug for PackedTrits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedTrits({}) ", self.code.name())?;
        f.debug_list().entries(self.iter()).finish()
    }
}
