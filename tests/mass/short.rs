//! Short vectors, thousands in a call: every answer against the sorting search, bit for bit, and against the reference.

use ternarize::Backend;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};

use crate::common::Sample;
use crate::floats::{Float, Visit};
use crate::importance::Importance;
use crate::kinds::Kind;
use crate::random::Random;
use crate::run::{Effort, Tally, run, seed};
use crate::verdict::{Case, Way, difference};

/// The stream of the plans, next to which the blocks have theirs.
const SHORT: u64 = 1 << 40;

/// A block: vectors of one kind and one length.
struct Plan {
    block: u64,
    kind: Kind,
    float: Float,
    way: Way,
    len: usize,
    count: usize,
    backend: Backend,
    importance: Option<Importance>,
    /// Every backend is asked, vector by vector.
    thorough: bool,
}

impl Plan {
    fn new(block: u64, most: usize) -> Self {
        let mut random = Random::new(seed(), SHORT + block);
        let backends: Vec<Backend> = Backend::available().collect();
        let longer = random.once_in(10);
        let len = if longer {
            33 + random.index(224)
        } else {
            1 + random.index(32)
        };
        // Whatever the number of backends, each meets each kind.
        let turn = usize::try_from(block / Kind::ALL.len() as u64).expect("few blocks");
        Self {
            block,
            kind: Kind::ALL[usize::try_from(block % Kind::ALL.len() as u64).expect("a kind")],
            float: Float::draw(&mut random),
            way: random.pick(&[Way::Two, Way::Two, Way::One, Way::TwoScale]),
            len,
            count: (65_536 / len).clamp(1, most),
            backend: backends[turn % backends.len()],
            thorough: random.once_in(64),
            importance: Importance::draw(&mut random, 6),
        }
    }
}

impl Visit for (&Plan, &mut Tally) {
    type Output = Result<(), String>;

    fn visit<W: Sample>(self) -> Self::Output {
        let (plan, tally) = self;
        let mut random = Random::new(seed(), plan.block);
        let mut weights = vec![W::zero(); plan.len * plan.count];
        for row in weights.chunks_exact_mut(plan.len) {
            plan.kind.fill(&mut random, row);
        }
        let importance = plan.importance.map(|importance| {
            let mut all = vec![0.0; weights.len()];
            for row in all.chunks_exact_mut(plan.len) {
                importance.fill(&mut random, row);
            }
            all
        });
        plan.judge(&weights, importance.as_deref(), tally)
    }
}

impl Plan {
    /// One call for all vectors, and then one vector after the other.
    fn judge<W: Sample>(
        &self,
        weights: &[W],
        importance: Option<&[f32]>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let view = TensorView::new(weights, &[self.count, self.len]).expect("a shape that fits");
        let how = self.way.ternarizer().backend(self.backend);
        let how = importance.map_or(how, |all| how.importance(all));
        let (tensor, fits) = TernaryTensor::ternarize(&view, Grouping::Block(self.len), &how)
            .map_err(|error| format!("{:?}: {error}", self.kind))?;
        let mut trits = vec![0; weights.len()];
        tensor
            .trits()
            .unpack_into(&mut trits)
            .expect("as long as the tensor");
        let rows = weights
            .chunks_exact(self.len)
            .zip(trits.chunks_exact(self.len));
        let (lambda_p, lambda_n) = (tensor.lambda_p(), tensor.lambda_n());
        for (row, ((weights, trits), fit)) in rows.zip(&fits).enumerate() {
            let case = Case {
                weights,
                importance: importance.map(|all| &all[row * self.len..][..self.len]),
                way: self.way,
                backend: self.backend,
                // With importances almost all need them.
                big: importance.is_none() || self.thorough,
            };
            let sort = case.sorted();
            let unlike = difference((trits, fit), (&sort.0, &sort.1));
            let stored = (lambda_p[row].to_bits(), lambda_n[row].to_bits());
            let wrong = unlike
                .or_else(|| case.unexpected((trits, fit)))
                .or_else(|| {
                    let found = (fit.lambda_p.wide(), fit.lambda_n.wide());
                    let unlike = stored != (found.0.to_bits(), found.1.to_bits());
                    unlike.then(|| format!("the tensor stores {stored:x?}"))
                })
                .or_else(|| self.singly(&case, &sort));
            if let Some(wrong) = wrong {
                return Err(format!(
                    "{:?}, importance {:?}, row {row}: {}",
                    self.kind,
                    self.importance,
                    case.describe(&wrong)
                ));
            }
            tally.digest(self.block << 20 | row as u64, trits, fit);
        }
        let cases = fits.len() as u64;
        self.count(cases, tally);
        Ok(())
    }

    /// Of thorough blocks, each vector by itself on each backend.
    fn singly<W: Sample>(
        &self,
        case: &Case<'_, W>,
        sort: &(Vec<i8>, ternarize::Fit<W>),
    ) -> Option<String> {
        let backends = Backend::available().filter(|_| self.thorough);
        let mut wrong = backends.filter_map(|backend| {
            let wrong = Case { backend, ..*case }.judge(sort)?;
            Some(format!("by itself on {}: {wrong}", backend.name()))
        });
        wrong.next()
    }

    fn count(&self, cases: u64, tally: &mut Tally) {
        tally.count("kinds", &format!("{:?}", self.kind), cases);
        tally.count("floats", self.float.name(), cases);
        tally.count("rules", &format!("{:?}", self.way), cases);
        Importance::count(self.importance, cases, tally);
        tally.count("tensors on", self.backend.name(), cases);
        if self.thorough {
            tally.count("singly", "on every backend", cases);
        }
    }
}

/// Enough blocks for the wanted number of cases.
pub(crate) fn test() {
    let effort = Effort::wanted();
    let wanted = effort.choose([30_000, 4_000_000, 100_000_000]);
    let most = usize::try_from(effort.choose([128, 4096, 4096])).expect("few");
    let (mut blocks, mut cases) = (0, 0);
    while cases < wanted {
        cases += Plan::new(blocks, most).count as u64;
        blocks += 1;
    }
    run(
        "short vectors",
        &format!("{cases} cases"),
        blocks,
        |block, tally| {
            let plan = Plan::new(block, most);
            plan.float.visit((&plan, tally))
        },
    );
}
