//! The peer that everything is compared with: sort the magnitudes, and try every prefix. It is the algorithm that the authors of
//! the paper use, as fast as it can be made honestly.
//!
//! ```text
//! sort the bits of |w| as integers;  for M = 1, 2, ...: S += next heaviest, keep the M of the largest S^2 / M
//! a trit for each weight whose magnitude reaches that of the M-th
//! ```
//!
//! The sums are `f64`, which rounds: where two counts score alike but for 1e-13 it may choose the other.

use ternarize::Weight;

/// A weight whose magnitude sorts as an integer.
pub trait Sortable: Weight {
    /// The bits of a magnitude.
    type Key: Copy + Default + Ord;

    /// The bits of this one's.
    fn to_key(self) -> Self::Key;

    /// The magnitude of such bits.
    fn size_of_key(key: Self::Key) -> f64;
}

macro_rules! sortable {
    ($($type:ty, $key:ty;)*) => {$(
        impl Sortable for $type {
            type Key = $key;

            #[inline]
            fn to_key(self) -> $key {
                self.to_bits() & (<$key>::MAX >> 1)
            }

            #[inline]
            fn size_of_key(key: $key) -> f64 {
                f64::from(<$type>::from_bits(key))
            }
        }
    )*};
}

sortable! {
    f32, u32;
    f64, u64;
}

#[cfg(feature = "half")]
sortable! {
    half::f16, u16;
    half::bf16, u16;
}

/// Writes the trits, with a sort of your choice; `scratch` is as long as the weights. Weights are finite.
pub fn ternarize_sorting<W: Sortable>(
    weights: &[W],
    scratch: &mut [W::Key],
    trits: &mut [i8],
    sort: impl FnOnce(&mut [W::Key]),
) {
    for (key, weight) in scratch.iter_mut().zip(weights) {
        *key = weight.to_key();
    }
    sort(scratch);
    let least = lightest_of_the_best::<W>(scratch);
    for (trit, &weight) in trits.iter_mut().zip(weights) {
        let sign = if weight.is_sign_negative() { -1 } else { 1 };
        let within = least.is_some_and(|least| weight.to_key() >= least);
        *trit = if within { sign } else { 0 };
    }
}

/// The lightest weight of the best support, if any weight is not zero.
fn lightest_of_the_best<W: Sortable>(ascending: &[W::Key]) -> Option<W::Key> {
    let (mut sum, mut count) = (0.0, 0.0);
    let (mut best, mut least) = (0.0, None);
    for &key in ascending.iter().rev() {
        sum += W::size_of_key(key);
        count += 1.0;
        let score = sum * sum / count;
        if score > best {
            (best, least) = (score, Some(key));
        }
    }
    least
}
