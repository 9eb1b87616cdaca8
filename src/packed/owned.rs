//! Packed trits that own their bytes.
//!
//! [`PackedTritsBuf`] is to [`PackedTrits`] what a `Vec` is to a slice: it is made here and read through the view that
//! [`as_packed`](PackedTritsBuf::as_packed) lends. Cost: the bytes, and three words more than the view.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::PackedTrits;
use crate::code::{Code, split_group, two_bit};
use crate::error::Error;
use crate::simd::{Backend, Job, Vector};
use crate::threads;

/// A vector of trits in bytes of its own.
///
/// Two of them are equal if they hold the same trits, in whatever code.
///
/// # Examples
///
/// ```
/// use ternarize::{Code, PackedTritsBuf};
///
/// let trits = PackedTritsBuf::from_trits(Code::Base3, &[1, 0, -1, 1, 1, -1])?;
/// assert_eq!(trits.as_bytes().len(), 2);
/// assert_eq!(trits.as_packed().dot(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?, 1.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone)]
pub struct PackedTritsBuf {
    /// Valid for `len` trits in `code`, from the first place of the first byte on.
    bytes: Vec<u8>,
    len: usize,
    code: Code,
}

/// Packs trits in the 2-bit code, many at a time; says whether all of them were trits. If not, the bytes may hold anything.
struct Pack<'a> {
    trits: &'a [i8],
    bytes: &'a mut [u8],
}

impl Job for Pack<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<V: Vector>(self, _: V) -> bool {
        let digits = self.trits.iter().map(|t| t.wrapping_add(1).cast_unsigned());
        if digits.fold(0, u8::max) > 2 {
            return false;
        }
        let (groups, rest) = self.trits.as_chunks();
        let mut places = self.bytes.iter_mut();
        for (group, byte) in groups.iter().zip(&mut places) {
            *byte = two_bit::pack(*group);
        }
        if let Some(byte) = places.next() {
            *byte = two_bit::pack(split_group(rest).0);
        }
        true
    }
}

/// Encodes trits, as [`Code::encode_into`] does: fast, and on several threads if they are many.
pub(crate) fn pack(
    code: Code,
    backend: Backend,
    trits: &[i8],
    bytes: &mut [u8],
) -> Result<(), Error> {
    /// Chosen: so many take some ten microseconds.
    const MANY: usize = 1 << 18;
    if trits.len() > MANY {
        // Whole bytes of either code.
        let at = trits.len() / 40 * 20;
        let (first, second) = trits.split_at(at);
        let (head, tail) = bytes.split_at_mut(code.packed_len(at));
        let pack = |trits, bytes| pack(code, backend, trits, bytes);
        if let (Ok(()), Ok(())) = threads::join(|| pack(first, head), || pack(second, tail)) {
            return Ok(());
        }
    } else if code == Code::TwoBit && backend.run(Pack { trits, bytes }) {
        return Ok(());
    }
    code.encode_into(trits, bytes)
}

impl PackedTritsBuf {
    /// Packs `trits`.
    ///
    /// Cost: one pass to check and one to write; allocates the packed bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCode`] for the first value other than -1, 0, +1.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Operand, Code, Error, PackedTritsBuf};
    ///
    /// let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[0, 1, -1])?;
    /// assert_eq!(trits.as_bytes(), [0b01_00_10_01]);
    /// let error = PackedTritsBuf::from_trits(Code::TwoBit, &[0, 3]).unwrap_err();
    /// assert_eq!(error, Error::InvalidCode { what: Operand::Trit, index: 1, value: 3 });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_trits(code: Code, trits: &[i8]) -> Result<Self, Error> {
        let mut bytes = vec![0; code.packed_len(trits.len())];
        pack(code, Backend::detect(), trits, &mut bytes)?;
        Ok(Self::from_encoded(code, bytes, trits.len()))
    }

    /// Keeps the bytes of trits that were just encoded.
    pub(crate) fn from_encoded(code: Code, bytes: Vec<u8>, len: usize) -> Self {
        debug_assert_eq!(code.validate(&bytes, len), Ok(()));
        Self { bytes, len, code }
    }

    /// Checks `bytes` and keeps them, as `len` trits.
    ///
    /// Cost: one pass, eight bytes a step; no copy.
    ///
    /// # Errors
    ///
    /// Those of [`PackedTrits::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Operand, Code, Error, PackedTritsBuf};
    ///
    /// let trits = PackedTritsBuf::from_bytes(Code::Base3, vec![0, 121], 7)?;
    /// assert_eq!(trits.get(0), Some(-1));
    /// let error = PackedTritsBuf::from_bytes(Code::Base3, vec![0, 250], 7).unwrap_err();
    /// assert_eq!(error, Error::InvalidCode { what: Operand::Byte, index: 1, value: 250 });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_bytes(code: Code, bytes: Vec<u8>, len: usize) -> Result<Self, Error> {
        code.validate(&bytes, len)?;
        Ok(Self { bytes, len, code })
    }

    /// The view that reads and multiplies.
    ///
    /// Cost: constant; nothing is checked again.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[0, 1, -1])?;
    /// assert_eq!(trits.as_packed().count_nonzeros(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn as_packed(&self) -> PackedTrits<'_> {
        PackedTrits {
            bytes: &self.bytes,
            skip: 0,
            len: self.len,
            code: self.code,
        }
    }

    /// The packed bytes.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// assert_eq!(PackedTritsBuf::from_trits(Code::Base3, &[-1])?.as_bytes(), [120]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The packed bytes, given away.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// assert_eq!(PackedTritsBuf::from_trits(Code::Base3, &[-1])?.into_bytes(), vec![120]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The same trits in another code, or a copy in the same one.
    ///
    /// Cost: one pass; allocates the packed bytes and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// let small = PackedTritsBuf::from_trits(Code::Base3, &[1; 100])?;
    /// let quick = small.transcode(Code::TwoBit);
    /// assert_eq!(quick, small);
    /// assert_eq!((small.as_bytes().len(), quick.as_bytes().len()), (20, 25));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn transcode(&self, code: Code) -> Self {
        if code == self.code {
            return self.clone();
        }
        Self::pack(code, self.len, self.as_packed().iter())
    }

    /// The number of trits.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// assert_eq!(PackedTritsBuf::from_trits(Code::Base3, &[1, 0])?.len(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no trits.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// assert!(PackedTritsBuf::from_trits(Code::Base3, &[])?.is_empty());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The code of the bytes.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// assert_eq!(PackedTritsBuf::from_trits(Code::Base3, &[])?.code(), Code::Base3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The trit at `index`, or `None` beyond the end.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf};
    ///
    /// assert_eq!(PackedTritsBuf::from_trits(Code::Base3, &[1, 0])?.get(1), Some(0));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, index: usize) -> Option<i8> {
        self.as_packed().get(index)
    }

    /// So many trits of an iterator, packed.
    pub(crate) fn pack(code: Code, len: usize, mut trits: impl Iterator<Item = i8>) -> Self {
        let bytes = (0..code.packed_len(len)).map(|_| code.pack_next(&mut trits));
        Self::from_encoded(code, bytes.collect(), len)
    }
}

/// A copy of a view or of a slice of one, in the same code, from the first place of the first byte on.
impl From<PackedTrits<'_>> for PackedTritsBuf {
    fn from(trits: PackedTrits<'_>) -> Self {
        Self::pack(trits.code(), trits.len(), trits.iter())
    }
}

impl PartialEq for PackedTritsBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_packed() == other.as_packed()
    }
}

impl Eq for PackedTritsBuf {}

/// The code and the trits.
impl fmt::Debug for PackedTritsBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_packed().fmt(f)
    }
}
