//! The kinds of importances: what a vector's weights matter, from all alike to nothing but one.
//!
//! Sums weighted by them lie on a finer grid than those of the weights alone, up to 300 bits long, and the zeros take weights
//! out of the vector altogether.

use crate::common::Sample;
use crate::random::Random;
use crate::run::Tally;

/// A kind of importances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Importance {
    /// What a diagonal of second derivatives is like.
    SquaredNormals,
    FewValues,
    HalfZeros,
    Equal,
    /// From `2^-60` to `2^60`.
    HugeRange,
    /// One that is not zero.
    Single,
    /// All magnitudes there are, uniform in their bits.
    Anything,
    /// All bits random, in one power of two, and some zeros.
    Binade,
}

impl Importance {
    pub(crate) const ALL: [Self; 8] = [
        Self::SquaredNormals,
        Self::FewValues,
        Self::HalfZeros,
        Self::Equal,
        Self::HugeRange,
        Self::Single,
        Self::Anything,
        Self::Binade,
    ];

    /// A kind, once in `times`.
    pub(crate) fn draw(random: &mut Random, times: u64) -> Option<Self> {
        random.once_in(times).then(|| random.pick(&Self::ALL))
    }

    /// Fills the importances of a vector.
    pub(crate) fn fill(self, random: &mut Random, masses: &mut [f32]) {
        if self == Self::Single {
            masses.fill(0.0);
            let place = random.index(masses.len());
            masses[place] = small(random);
            return;
        }
        let (alike, most) = (small(random), random.pick(&[2, 4, 16]));
        for mass in masses {
            *mass = match self {
                Self::SquaredNormals => squared_normal(random),
                Self::FewValues => narrow((1 + random.below(most)) as f64),
                Self::HalfZeros if random.once_in(2) => 0.0,
                Self::HalfZeros => small(random),
                Self::HugeRange => narrow(libm::exp2(120.0 * random.unit() - 60.0)),
                Self::Anything => f32::magnitude(random.below(f32::INFINITY_BITS)),
                Self::Binade if random.once_in(16) => 0.0,
                Self::Binade => f32::magnitude(1_f32.bits() + random.below(f32::NORMAL_BITS)),
                Self::Equal | Self::Single => alike,
            };
        }
    }

    /// Counts the cases that have importances, and those that have none.
    pub(crate) fn count(kind: Option<Self>, cases: u64, tally: &mut Tally) {
        let Some(kind) = kind else {
            return tally.count("importances", "none", cases);
        };
        tally.count("importances", "given", cases);
        tally.count("importances of kind", &format!("{kind:?}"), cases);
    }
}

fn narrow(x: f64) -> f32 {
    num_traits::cast(x).expect("in the range of an f32")
}

fn squared_normal(random: &mut Random) -> f32 {
    let normal = random.normal();
    narrow(normal * normal)
}

/// A whole number up to 4, or one of many digits.
fn small(random: &mut Random) -> f32 {
    if random.once_in(2) {
        narrow((1 + random.below(4)) as f64)
    } else {
        squared_normal(random)
    }
}
