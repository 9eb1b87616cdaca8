//! A budget of bytes, spent where it lowers the error most.
//!
//! Each tensor can be stored in several ways: in small groups or large ones, with one plane or several, with scales of 16 bits or
//! 32. Which way for which tensor, so that all together stay within a budget and the sum of the errors is least? This is the
//! multiple-choice knapsack problem. Its relaxation, in which a tensor may lie between two ways, has a solution that can be read
//! off the lower convex hulls:
//!
//! ```text
//! error                     begin with the cheapest way of each tensor
//!   |*                      sort the steps along all hulls by  error saved / bytes spent
//!   | \                     take them while they fit
//!   |  *      o             the first that does not fit, taken in part, gives the lower bound
//!   |    `-.
//!   |  o     `--*           * on the hull, o above it
//!   +--------------- bytes
//! ```
//!
//! The steps taken are the optimum for the bytes that they spend: no other choice with as many bytes has a smaller error. What is
//! left of the budget is then spent on whatever still fits, and the lower bound says how much a better choice could save at most.
//! Cost: `O(n log n)` for `n` options, and `O(n)` for each way that what is left is spent on: a few as a rule, `n` at most.
//!
//! Source: P. Sinha and A. Zoltners, *The multiple-choice knapsack problem*, Operations Research 27 (1979).

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::Error;

/// One way to store a tensor: what it costs, and what it loses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// All bytes that it takes, those of the scales too.
    pub bytes: u64,
    /// What is lost, in a unit that can be added up over tensors: a squared error of the weights or of the outputs.
    pub error: f64,
}

/// A choice for each tensor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Allocation {
    /// For each tensor, the index of the way chosen.
    pub choices: Vec<usize>,
    /// The bytes of all tensors.
    pub bytes: u64,
    /// The errors of all tensors, summed in their order.
    pub error: f64,
    /// No choice within the budget has a smaller error, but for the rounding of sums.
    pub lower_bound: f64,
}

/// A step along the hull of a tensor, to the way `to`.
#[derive(Clone, Copy, Debug)]
struct Step {
    tensor: usize,
    to: usize,
    bytes: u64,
    saved: f64,
}

impl Step {
    fn per_byte(&self) -> f64 {
        self.saved / self.bytes as f64
    }
}

/// Chooses a way to store each tensor, within a budget of bytes for all.
///
/// Of ways that save as much for each byte, those of the first tensor come first; the same input gives the same choice.
///
/// # Errors
///
/// [`Error::Empty`] without any tensor; [`Error::InvalidChoice`] with the first tensor that has none; [`Error::InvalidChoice`] if an
/// error is negative, NaN or infinite; [`Error::OverBudget`] if even the cheapest ways cost more than the budget.
///
/// # Examples
///
/// A small tensor that suffers from one plane, and a large one that does not:
///
/// ```
/// use ternarize::budget::{Choice, allocate};
///
/// let small = vec![Choice { bytes: 100, error: 9.0 }, Choice { bytes: 200, error: 1.0 }];
/// let large = vec![Choice { bytes: 5000, error: 6.0 }, Choice { bytes: 10_000, error: 0.5 }];
/// let plan = allocate(&[small, large], 6000)?;
/// assert_eq!((plan.choices, plan.bytes, plan.error), (vec![1, 0], 5200, 7.0));
/// assert!(plan.lower_bound > 6.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn allocate<T: AsRef<[Choice]>>(tensors: &[T], budget: u64) -> Result<Allocation, Error> {
    check(tensors)?;
    let hulls: Vec<Vec<usize>> = tensors.iter().map(|ways| hull(ways.as_ref())).collect();
    let mut spending = Spending {
        tensors,
        choices: hulls.iter().map(|hull| hull[0]).collect(),
        left: 0,
    };
    let least = spending.bytes();
    let exact: u128 = spending.chosen().map(|way| u128::from(way.bytes)).sum();
    if exact > u128::from(budget) {
        return Err(Error::OverBudget { least, budget });
    }
    spending.left = budget - least;
    let saved_at_most = spending.along(&steps(tensors, &hulls));
    let lower_bound = (spending.error() - saved_at_most).max(0.0);
    spending.fill();
    Ok(Allocation {
        bytes: spending.bytes(),
        error: spending.error(),
        lower_bound: lower_bound.min(spending.error()),
        choices: spending.choices,
    })
}

fn check<T: AsRef<[Choice]>>(tensors: &[T]) -> Result<(), Error> {
    if tensors.is_empty() {
        return Err(Error::Empty);
    }
    for (tensor, ways) in tensors.iter().enumerate() {
        let ways = ways.as_ref();
        if ways.is_empty() {
            return Err(Error::InvalidChoice {
                tensor,
                choice: None,
            });
        }
        let wrong = |way: &Choice| !(way.error.is_finite() && way.error >= 0.0);
        if let Some(choice) = ways.iter().position(wrong) {
            return Err(Error::InvalidChoice {
                tensor,
                choice: Some(choice),
            });
        }
    }
    Ok(())
}

/// The ways on the lower convex hull, from the cheapest to that with the least error. Never empty for a tensor that has ways.
fn hull(ways: &[Choice]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ways.len()).collect();
    order.sort_by(|&a, &b| {
        let bytes = ways[a].bytes.cmp(&ways[b].bytes);
        bytes.then(ways[a].error.total_cmp(&ways[b].error))
    });
    let mut hull: Vec<usize> = Vec::new();
    for way in order {
        if hull
            .last()
            .is_some_and(|&last| ways[way].error >= ways[last].error)
        {
            continue;
        }
        // A way that saves no more for each byte than the one behind it is passed over.
        while let [.., before, last] = hull[..]
            && slope(ways, before, last) <= slope(ways, last, way)
        {
            hull.pop();
        }
        hull.push(way);
    }
    hull
}

/// What each byte saves on the way from one to another that costs more.
fn slope(ways: &[Choice], from: usize, to: usize) -> f64 {
    (ways[from].error - ways[to].error) / (ways[to].bytes - ways[from].bytes) as f64
}

/// All steps of all hulls, the best first.
fn steps<T: AsRef<[Choice]>>(tensors: &[T], hulls: &[Vec<usize>]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (tensor, hull) in hulls.iter().enumerate() {
        let ways = tensors[tensor].as_ref();
        steps.extend(hull.windows(2).map(|pair| Step {
            tensor,
            to: pair[1],
            bytes: ways[pair[1]].bytes - ways[pair[0]].bytes,
            saved: ways[pair[0]].error - ways[pair[1]].error,
        }));
    }
    // Stable: the steps of a tensor, which save less and less, stay in their order.
    steps.sort_by(|a, b| b.per_byte().total_cmp(&a.per_byte()));
    steps
}

/// Choices that are being made, and what is left of the budget.
struct Spending<'a, T> {
    tensors: &'a [T],
    choices: Vec<usize>,
    left: u64,
}

impl<T: AsRef<[Choice]>> Spending<'_, T> {
    fn chosen(&self) -> impl Iterator<Item = Choice> {
        let pairs = self.tensors.iter().zip(&self.choices);
        pairs.map(|(ways, &choice)| ways.as_ref()[choice])
    }

    fn bytes(&self) -> u64 {
        let bytes = self.chosen().map(|choice| choice.bytes);
        bytes.fold(0, u64::saturating_add)
    }

    fn error(&self) -> f64 {
        self.chosen().map(|choice| choice.error).sum()
    }

    /// Takes the steps until one does not fit, and says what a part of that one would save.
    fn along(&mut self, steps: &[Step]) -> f64 {
        for step in steps {
            if step.bytes > self.left {
                return step.per_byte() * self.left as f64;
            }
            self.left -= step.bytes;
            self.choices[step.tensor] = step.to;
        }
        0.0
    }

    /// Spends what is left: again and again on the way that saves most.
    fn fill(&mut self) {
        while let Some(step) = self.best_that_fits() {
            self.left -= step.bytes;
            self.choices[step.tensor] = step.to;
        }
    }

    /// Of equals, the first. Ways that cost less than the one chosen are not looked at: it would be none of the hull.
    fn best_that_fits(&self) -> Option<Step> {
        let mut best: Option<Step> = None;
        for (tensor, now) in self.chosen().enumerate() {
            for (to, way) in self.tensors[tensor].as_ref().iter().enumerate() {
                let Some(bytes) = way.bytes.checked_sub(now.bytes) else {
                    continue;
                };
                let saved = now.error - way.error;
                let better =
                    best.is_none_or(|best| saved.total_cmp(&best.saved) == Ordering::Greater);
                if bytes <= self.left && saved > 0.0 && better {
                    best = Some(Step {
                        tensor,
                        to,
                        bytes,
                        saved,
                    });
                }
            }
        }
        best
    }
}
