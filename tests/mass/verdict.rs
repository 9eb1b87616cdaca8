//! Two answers side by side, and what to print when they differ: enough to draw the same case again.

use core::fmt::Write;

use ternarize::{Backend, Fit, Rule, Scales, Ternarizer};

use crate::common::{Sample, bits};
use crate::reference::Expected;

/// An exact rule and its number of scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Two,
    One,
    TwoScale,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Two, Self::One, Self::TwoScale];

    pub(crate) fn rule(self) -> Rule {
        match self {
            Self::Two | Self::One => Rule::Tnt,
            Self::TwoScale => Rule::TwoScale,
        }
    }

    pub(crate) fn ternarizer(self) -> Ternarizer<'static> {
        let scales = if self == Self::One {
            Scales::One
        } else {
            Scales::Two
        };
        Ternarizer::new().rule(self.rule()).scales(scales)
    }

    /// What the reference expects of a vector.
    pub(crate) fn expected<W: Sample>(
        self,
        weights: &[W],
        importance: Option<&[f32]>,
        big: bool,
    ) -> Option<Expected> {
        let expected = Expected::of(weights, importance, self.rule(), big)?;
        Some(if self == Self::One {
            expected.with_one_scale()
        } else {
            expected
        })
    }
}

/// Trits and fit.
pub(crate) type Answer<W> = (Vec<i8>, Fit<W>);

/// The first field in which two answers differ, bit by bit.
pub(crate) fn difference<W: Sample>(
    (trits, fit): (&[i8], &Fit<W>),
    (other_trits, other_fit): (&[i8], &Fit<W>),
) -> Option<String> {
    const FIELDS: [&str; 11] = [
        "lambda",
        "lambda_p",
        "lambda_n",
        "threshold",
        "threshold_p",
        "threshold_n",
        "cosine",
        "relative_error",
        "nonzeros",
        "positives",
        "len",
    ];
    let pairs = bits(fit).into_iter().zip(bits(other_fit));
    let fields = FIELDS.iter().zip(pairs);
    let mut unequal = fields.filter(|(_, (a, b))| a != b);
    if let Some((field, (a, b))) = unequal.next() {
        return Some(format!("{field} is {a:#x}, expected {b:#x}"));
    }
    (trits != other_trits).then(|| format!("trits are {trits:?}, expected {other_trits:?}"))
}

/// A vector, and how it is ternarized.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a, W> {
    pub(crate) weights: &'a [W],
    pub(crate) importance: Option<&'a [f32]>,
    pub(crate) way: Way,
    pub(crate) backend: Backend,
    pub(crate) big: bool,
}

impl<W: Sample> Case<'_, W> {
    /// Looks at one backend by itself: against the given answer of the sorting search, and against the reference.
    pub(crate) fn judge(&self, sort: &Answer<W>) -> Option<String> {
        let how = self.how().backend(self.backend);
        let (trits, fit) = match how.ternarize(self.weights) {
            Ok(answer) => answer,
            Err(error) => return Some(error.to_string()),
        };
        let unlike = difference((&trits, &fit), (&sort.0, &sort.1));
        unlike.or_else(|| self.unexpected((&trits, &fit)))
    }

    /// The options, but for search and backend.
    pub(crate) fn how(&self) -> Ternarizer<'_> {
        let how = self.way.ternarizer();
        self.importance
            .map_or(how, |importance| how.importance(importance))
    }

    /// What the sorting search says.
    pub(crate) fn sorted(&self) -> Answer<W> {
        let how = self.how().search(ternarize::Search::Sort);
        let how = how.backend(Backend::PORTABLE);
        how.ternarize(self.weights).expect("legal weights")
    }

    /// Holds an answer against the reference.
    pub(crate) fn unexpected(&self, (trits, fit): (&[i8], &Fit<W>)) -> Option<String> {
        let expected = self.way.expected(self.weights, self.importance, self.big)?;
        let given = Expected::given(trits, fit, self.way.rule());
        let count = |wanted: fn(&&i8) -> bool| expected.trits().iter().filter(wanted).count();
        let counts = (count(|t| **t != 0), count(|t| **t > 0));
        let unlike = given != expected || counts != (fit.nonzeros, fit.positives);
        unlike.then(|| format!("{given:x?}, but the reference says {expected:x?}"))
    }

    /// The case with only some of its weights.
    fn fails_with(&self, places: &[usize]) -> Option<String> {
        let weights: Vec<W> = places.iter().map(|&i| self.weights[i]).collect();
        let pick = |h: &[f32]| places.iter().map(|&i| h[i]).collect::<Vec<f32>>();
        let importance = self.importance.map(pick);
        let fewer = Case {
            weights: &weights,
            importance: importance.as_deref(),
            big: weights.len() <= 300,
            ..*self
        };
        fewer.judge(&fewer.sorted())
    }

    /// Everything about a mismatch: the weights, and as few of them as still make one.
    pub(crate) fn describe(&self, what: &str) -> String {
        let mut text = format!(
            "{what}\n{:?}, backend {}, {} weights of {}",
            self.way,
            self.backend.name(),
            self.weights.len(),
            core::any::type_name::<W>(),
        );
        let all: Vec<usize> = (0..self.weights.len()).collect();
        self.write(&mut text, "weights", &all);
        if self.fails_with(&all).is_none() {
            text.push_str("\nthe vector by itself is answered well");
            return text;
        }
        let few = shrink(all, |places| self.fails_with(places).is_some());
        self.write(&mut text, "fewer that fail", &few);
        text.push('\n');
        text.push_str(&self.fails_with(&few).unwrap_or_default());
        text
    }

    fn write(&self, text: &mut String, name: &str, places: &[usize]) {
        let list = |bits: &dyn Fn(usize) -> u64| {
            let hex = |&i: &usize| format!("{:#x}", bits(i));
            places
                .iter()
                .take(4096)
                .map(hex)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let weights = list(&|i| self.weights[i].bits());
        let _ = write!(text, "\n{name} ({}): [{weights}]", places.len());
        if let Some(h) = self.importance {
            let importances = list(&|i| h[i].bits());
            let _ = write!(text, "\nimportances: [{importances}]");
        }
    }
}

/// Leaves out halves, quarters, ... and single places as long as it still fails.
fn shrink(mut places: Vec<usize>, fails: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let (mut step, mut trials) = (places.len() / 2, 0);
    while step > 0 && trials < 2000 {
        let mut at = 0;
        while at + step <= places.len() && places.len() > step && trials < 2000 {
            let mut fewer = places.clone();
            fewer.drain(at..at + step);
            trials += 1;
            if fails(&fewer) {
                places = fewer;
            } else {
                at += step;
            }
        }
        step /= 2;
    }
    places
}
