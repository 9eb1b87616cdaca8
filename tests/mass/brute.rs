//! All `3^N` ternary vectors of up to 12 weights, valued in exact integers: the answer is the one that is best, and of those the
//! sparsest.
//!
//! This knows nothing of thresholds, of sorting, or of signs. With `S` and `M` the sum and the number over the +1 (with
//! importances `h` the sum of `h w` and that of `h`), and the same over the -1, with its sign turned:
//!
//! ```text
//! one support     (S_p + S_n)^2 / (M_p + M_n)            a sum below 0 is worth 0: its scale would be negative
//! two scales      S_p^2 / M_p  +  S_n^2 / M_n
//! ```

use ternarize::{Backend, Rule};

use crate::common::Sample;
use crate::floats::{Float, Visit};
use crate::importance::Importance;
use crate::kinds::Kind;
use crate::random::Random;
use crate::reference::{Grid, Masses};
use crate::run::{Effort, Tally, run, seed};
use crate::verdict::{Case, Way};

const BRUTE: u64 = 3 << 40;
const LONGEST: u64 = 12;

/// The low bits of the digits of a vector's code.
const EVEN: u64 = u64::MAX / 3;

/// A worth, as a fraction, with the number of non-zeros and the vector that has it.
#[derive(Clone, Copy)]
struct Best {
    worth: (i128, i128),
    nonzeros: u32,
    code: u64,
}

impl Best {
    const NOTHING: Self = Self {
        worth: (0, 1),
        nonzeros: 0,
        code: 0,
    };

    /// Keeps the better; of equals the sparser.
    fn raise(&mut self, other: Self) {
        let (new, old) = (other.worth.0 * self.worth.1, self.worth.0 * other.worth.1);
        if new > old || new == old && other.nonzeros < self.nonzeros {
            *self = other;
        }
    }

    fn trits(self, len: usize) -> Vec<i8> {
        let trit = |i| match self.code >> (2 * i) & 3 {
            1 => 1,
            2 => -1,
            _ => 0,
        };
        (0..len).map(trit).collect()
    }
}

/// The search through all vectors.
struct Search<'a> {
    /// The weights times their masses, and the masses.
    weights: &'a [(i128, i128)],
    one: Best,
    two: Best,
    visited: u64,
}

impl Search<'_> {
    /// Tries the three trits for the weight at a place; `plus` and `minus` are sum and mass so far.
    fn visit(&mut self, place: usize, plus: (i128, i128), minus: (i128, i128), code: u64) {
        let Some(&(weight, mass)) = self.weights.get(place) else {
            self.value(plus, minus, code);
            return;
        };
        let at = 2 * place;
        self.visit(place + 1, plus, minus, code);
        self.visit(
            place + 1,
            (plus.0 + weight, plus.1 + mass),
            minus,
            code | 1 << at,
        );
        self.visit(
            place + 1,
            plus,
            (minus.0 - weight, minus.1 + mass),
            code | 2 << at,
        );
    }

    fn value(&mut self, plus: (i128, i128), minus: (i128, i128), code: u64) {
        self.visited += 1;
        let (nonzeros, mass) = (
            (code & EVEN | code >> 1 & EVEN).count_ones(),
            plus.1 + minus.1,
        );
        let square = |sum: i128| sum.max(0) * sum.max(0);
        self.one.raise(Best {
            worth: (square(plus.0 + minus.0), mass.max(1)),
            nonzeros,
            code,
        });
        let (p, n) = (plus.1.max(1), minus.1.max(1));
        self.two.raise(Best {
            worth: (square(plus.0) * n + square(minus.0) * p, p * n),
            nonzeros,
            code,
        });
    }
}

/// The weights times their masses, and the masses, as integers, if they are short enough for the products above.
fn integers<W: Sample>(weights: &[W], importance: Option<&[f32]>) -> Option<Vec<(i128, i128)>> {
    let (grid, masses) = (Grid::of(weights), Masses::of(importance));
    let integer = |(i, w): (usize, &W)| {
        let [magnitude, mass] = [grid.place(w.abs().bits()), masses.place(i)]
            .map(|(digits, shift)| i128::from(digits) << shift);
        let product = magnitude * mass;
        if w.is_sign_negative() {
            (-product, mass)
        } else {
            (product, mass)
        }
    };
    // With 4 bits for the twelve: a square, thrice a mass, and one for the sum of two.
    let mass = masses.bits() + 4;
    let fits = 2 * (grid.bits() + mass) + 3 * mass < 127;
    fits.then(|| weights.iter().enumerate().map(integer).collect())
}

struct Judge<'a>(u64, usize, &'a mut Tally);

impl Visit for Judge<'_> {
    type Output = Result<(), String>;

    fn visit<W: Sample>(self) -> Self::Output {
        let Self(block, len, tally) = self;
        let mut random = Random::new(seed(), BRUTE + block);
        let mut weights = vec![W::zero(); len];
        let mut masses = vec![0.0; len];
        let weighted = random.once_in(6);
        let (kind, importance, integers) = loop {
            let kind = random.pick(&Kind::ALL);
            kind.fill(&mut random, &mut weights);
            let importance = weighted.then(|| random.pick(&Importance::ALL));
            if let Some(importance) = importance {
                importance.fill(&mut random, &mut masses);
            }
            if let Some(integers) = integers(&weights, importance.and(Some(&masses))) {
                break (kind, importance, integers);
            }
        };
        let mut search = Search {
            weights: &integers,
            one: Best::NOTHING,
            two: Best::NOTHING,
            visited: 0,
        };
        search.visit(0, (0, 0), (0, 0), 0);
        for way in Way::ALL {
            let best = if way.rule() == Rule::TwoScale {
                search.two
            } else {
                search.one
            };
            let masses = importance.and(Some(&masses[..]));
            judge((&weights, masses), way, &best.trits(len), tally, block)
                .map_err(|e| format!("{kind:?}, importance {importance:?}: {e}"))?;
        }
        tally.count("lengths", &format!("{len:2}:"), 1);
        Importance::count(importance, 1, tally);
        tally.count("kinds", &format!("{kind:?}"), 1);
        tally.count("ternary vectors", "visited", search.visited);
        Ok(())
    }
}

/// One way to ternarize, on each backend, against the best trits.
fn judge<W: Sample>(
    (weights, importance): (&[W], Option<&[f32]>),
    way: Way,
    best: &[i8],
    tally: &mut Tally,
    block: u64,
) -> Result<(), String> {
    for backend in Backend::available() {
        let case = Case {
            weights,
            importance,
            way,
            backend,
            big: true,
        };
        let sort = case.sorted();
        let unlike = (sort.0 != best).then(|| format!("{:?}, but the best is {best:?}", sort.0));
        if let Some(wrong) = unlike.or_else(|| case.judge(&sort)) {
            return Err(case.describe(&wrong));
        }
        if backend == Backend::PORTABLE {
            tally.digest(BRUTE + block, &sort.0, &sort.1);
        }
    }
    Ok(())
}

/// As many cases of each length, but fewer of the longest in a debug build.
pub(crate) fn test() {
    let rounds = Effort::wanted().choose([3, 60, 1500]);
    let cases = rounds * LONGEST;
    run(
        "brute force",
        &format!("{cases} cases"),
        cases,
        |block, tally| {
            let len = usize::try_from(LONGEST - block / rounds).expect("up to 12");
            let mut random = Random::new(seed(), BRUTE + (1 << 32) + block);
            // The digits of an `f64` alone leave no room for the products.
            let drawn = Float::draw(&mut random);
            let float = if drawn == Float::F64 {
                Float::F32
            } else {
                drawn
            };
            float.visit(Judge(block, len, tally))
        },
    );
}
