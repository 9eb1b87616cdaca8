//! Long vectors, up to a million weights: every backend against the sorting search, bit for bit, in orders that are hostile to
//! a search that looks at a sample first, or that takes the data in the order in which it lies.

use ternarize::Backend;

use crate::common::Sample;
use crate::floats::{Float, Visit};
use crate::importance::Importance;
use crate::kinds::Kind;
use crate::random::Random;
use crate::run::{Effort, Tally, run, seed};
use crate::verdict::{Case, Way};

const LONG: u64 = 2 << 40;

/// In which order the weights lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    AsDrawn,
    Ascending,
    Descending,
    /// The heaviest sixteenth at the end.
    LargeLast,
    /// A stride of a power of two meets zeros only.
    ZerosOnTheStride,
    /// A stride of a power of two meets everything that is not zero.
    OnlyTheStride,
}

impl Order {
    fn draw(random: &mut Random) -> Self {
        match random.below(12) {
            0 => Self::Ascending,
            1 => Self::Descending,
            2 => Self::LargeLast,
            3 => Self::ZerosOnTheStride,
            4 => Self::OnlyTheStride,
            _ => Self::AsDrawn,
        }
    }

    fn apply<W: Sample>(self, random: &mut Random, weights: &mut [W]) {
        let len = weights.len();
        match self {
            Self::AsDrawn => {}
            Self::Ascending => weights.sort_unstable_by_key(|w| w.abs().bits()),
            Self::Descending => weights.sort_unstable_by_key(|w| !w.abs().bits()),
            Self::LargeLast => {
                let first = len - (len / 16).max(1);
                weights.select_nth_unstable_by_key(first, |w| w.abs().bits());
            }
            Self::ZerosOnTheStride | Self::OnlyTheStride => {
                let (stride, kept) = (
                    1_usize << (1 + random.below(10)),
                    self == Self::OnlyTheStride,
                );
                let places = weights.iter_mut().enumerate();
                for (_, weight) in places.filter(|(i, _)| (i % stride == 0) != kept) {
                    *weight = W::zero();
                }
            }
        }
    }
}

/// One long vector.
struct Plan {
    block: u64,
    kind: Kind,
    order: Order,
    float: Float,
    way: Way,
    importance: Option<Importance>,
    len: usize,
}

impl Plan {
    fn new(block: u64, huge: u64) -> Self {
        let mut random = Random::new(seed(), LONG + block);
        let mut plan = Self {
            block,
            kind: Kind::ALL[usize::try_from(block % Kind::ALL.len() as u64).expect("a kind")],
            order: Order::draw(&mut random),
            float: Float::draw(&mut random),
            way: random.pick(&[Way::Two, Way::Two, Way::One, Way::TwoScale]),
            importance: Importance::draw(&mut random, 6),
            len: length(&mut random),
        };
        if block < huge {
            plan.len = random.length(65_536, 1 << 20);
        }
        plan
    }
}

/// Mostly up to 2,048, half of those within two of a power of two; once in 12 times up to 20,000.
fn length(random: &mut Random) -> usize {
    if random.once_in(12) {
        return random.length(2049, 20_000);
    }
    if random.once_in(2) {
        return random.length(33, 2048);
    }
    (1_usize << (6 + random.below(6))) + random.index(5) - 2
}

impl Visit for (&Plan, &mut Tally) {
    type Output = Result<(), String>;

    fn visit<W: Sample>(self) -> Self::Output {
        let (plan, tally) = self;
        let mut random = Random::new(seed(), LONG - plan.block);
        let mut weights = vec![W::zero(); plan.len];
        plan.kind.fill(&mut random, &mut weights);
        plan.order.apply(&mut random, &mut weights);
        let importance = plan.importance.map(|importance| {
            let mut all = vec![0.0; plan.len];
            importance.fill(&mut random, &mut all);
            all
        });
        plan.judge(&weights, importance.as_deref(), tally)
    }
}

impl Plan {
    fn judge<W: Sample>(
        &self,
        weights: &[W],
        importance: Option<&[f32]>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let case = |backend| Case {
            weights,
            importance,
            way: self.way,
            backend,
            // Big integers for every prefix take long.
            big: weights.len() <= 300,
        };
        let sort = case(Backend::PORTABLE).sorted();
        for backend in Backend::available() {
            if let Some(wrong) = case(backend).judge(&sort) {
                let what = case(backend).describe(&wrong);
                return Err(format!(
                    "{:?}, importance {:?}, {:?}: {what}",
                    self.kind, self.importance, self.order
                ));
            }
        }
        tally.digest(LONG + self.block, &sort.0, &sort.1);
        self.count(tally);
        Ok(())
    }

    fn count(&self, tally: &mut Tally) {
        let lengths = ["to 32", "to 2,048", "to 20,000", "to 1,048,576"];
        let class = [32, 2048, 20_000]
            .iter()
            .filter(|most| self.len > **most)
            .count();
        tally.count("kinds", &format!("{:?}", self.kind), 1);
        tally.count("orders", &format!("{:?}", self.order), 1);
        tally.count("floats", self.float.name(), 1);
        tally.count("rules", &format!("{:?}", self.way), 1);
        tally.count("lengths", lengths[class], 1);
        Importance::count(self.importance, 1, tally);
    }
}

/// The longest first, so that they do not hold up the end.
pub(crate) fn test() {
    let effort = Effort::wanted();
    let cases = effort.choose([300, 4_000, 110_000]);
    let huge = effort.choose([0, 20, 400]);
    run(
        "long vectors",
        &format!("{cases} cases on each backend"),
        cases,
        |block, tally| {
            let plan = Plan::new(block, huge);
            plan.float.visit((&plan, tally))
        },
    );
}
