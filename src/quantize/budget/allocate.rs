//! The allocation of a budget of bytes where it lowers the error most.
//!
//! Each tensor can be stored in several ways: in small or large groups, with one plane or several, with scales of 16 or 32 bits.
//! Which way for which tensor, so that all together stay within a budget and the sum of the errors is least? This is the
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
//! The steps taken are the optimum for the bytes that they spend: no other choice with as many bytes has a smaller error. The rest
//! of the budget is then spent on whatever still fits. The lower bound says how much a better choice could save at most. Cost:
//! `O(n log n)` for `n` ways in all, and `O(n)` for each way that the rest is spent on: a few in practice, `n` at most.
//!
//! Source: P. Sinha and A. Zoltners, *The multiple-choice knapsack problem*, Operations Research 27 (1979).

use alloc::vec::Vec;

use crate::error::Error;

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
    /// No choice within the budget has a smaller error, up to the rounding of sums.
    pub lower_bound: f64,
}

/// A way to store a tensor: its bytes and its error.
type Way = (u64, f64);

/// A step along the hull of a tensor, to the way `to`.
#[derive(Clone, Copy, Debug)]
struct HullStep {
    tensor: usize,
    to: usize,
    bytes: u64,
    saved: f64,
}

impl HullStep {
    fn per_byte(&self) -> f64 {
        self.saved / self.bytes as f64
    }
}

/// Chooses a way to store each tensor, within a budget of bytes for all tensors together.
///
/// For each tensor, `tensors` lists the ways to store it as `(bytes, error)`: all bytes that it takes, those of the scales included,
/// and the error in a unit that can be added up over tensors, such as a squared error of the weights or of the outputs.
///
/// Of ways that save equally much per byte, those of the first tensor come first, so the same input gives the same choice.
///
/// # Errors
///
/// [`Error::Empty`] without any tensor; [`Error::InvalidChoice`] with the first tensor that has none; [`Error::InvalidChoice`] if an
/// error is negative, NaN or infinite; [`Error::OverBudget`] if even the cheapest ways cost more than the budget.
///
/// # Examples
///
/// A small tensor that needs two planes, and a large one that does not:
///
/// ```
/// use ternarize::quantize::budget::allocate;
///
/// let small = vec![(100, 9.0), (200, 1.0)];
/// let large = vec![(5000, 6.0), (10_000, 0.5)];
/// let plan = allocate(&[small, large], 6000)?;
/// assert_eq!((plan.choices, plan.bytes, plan.error), (vec![1, 0], 5200, 7.0));
/// assert!(plan.lower_bound > 6.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn allocate<T: AsRef<[(u64, f64)]>>(tensors: &[T], budget: u64) -> Result<Allocation, Error> {
    let tensors: Vec<&[Way]> = tensors.iter().map(AsRef::as_ref).collect();
    allocate_slices(&tensors, budget)
}

fn allocate_slices(tensors: &[&[Way]], budget: u64) -> Result<Allocation, Error> {
    check(tensors)?;
    // The cheapest ways, which must fit.
    let hulls: Vec<Vec<usize>> = tensors.iter().map(|ways| hull(ways)).collect();
    let mut spending = Spending {
        tensors,
        choices: hulls.iter().map(|hull| hull[0]).collect(),
        left: 0,
    };
    let least = spending.bytes();
    let exact: u128 = spending.chosen().map(|(bytes, _)| u128::from(bytes)).sum();
    if exact > u128::from(budget) {
        return Err(Error::OverBudget { least, budget });
    }
    // The steps along the hulls while they fit, then whatever else fits.
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

fn check(tensors: &[&[Way]]) -> Result<(), Error> {
    if tensors.is_empty() {
        return Err(Error::Empty);
    }
    for (tensor, ways) in tensors.iter().enumerate() {
        let wrong = |(_, error): &Way| !(error.is_finite() && *error >= 0.0);
        let choice = ways.iter().position(wrong);
        if ways.is_empty() || choice.is_some() {
            return Err(Error::InvalidChoice { tensor, choice });
        }
    }
    Ok(())
}

/// The ways on the lower convex hull, from the cheapest to the one with the least error. Not empty if there are ways.
fn hull(ways: &[Way]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ways.len()).collect();
    order.sort_by(|&a, &b| {
        let bytes = ways[a].0.cmp(&ways[b].0);
        bytes.then(ways[a].1.total_cmp(&ways[b].1))
    });
    let mut hull: Vec<usize> = Vec::new();
    for way in order {
        if hull.last().is_some_and(|&last| ways[way].1 >= ways[last].1) {
            continue;
        }
        // Drop ways that save no more per byte than the one after them.
        while let [.., before, last] = hull[..]
            && slope(ways, before, last) <= slope(ways, last, way)
        {
            hull.pop();
        }
        hull.push(way);
    }
    hull
}

/// The error saved per byte by taking one way in place of a cheaper one.
fn slope(ways: &[Way], from: usize, to: usize) -> f64 {
    (ways[from].1 - ways[to].1) / (ways[to].0 - ways[from].0) as f64
}

/// All steps of all hulls, those that save most per byte first.
fn steps(tensors: &[&[Way]], hulls: &[Vec<usize>]) -> Vec<HullStep> {
    let mut steps = Vec::new();
    for (tensor, hull) in hulls.iter().enumerate() {
        let ways = tensors[tensor];
        steps.extend(hull.windows(2).map(|pair| HullStep {
            tensor,
            to: pair[1],
            bytes: ways[pair[1]].0 - ways[pair[0]].0,
            saved: ways[pair[0]].1 - ways[pair[1]].1,
        }));
    }
    // A stable sort: the steps of a tensor, which save less and less, stay in their order.
    steps.sort_by(|a, b| b.per_byte().total_cmp(&a.per_byte()));
    steps
}

/// The choices so far, and the rest of the budget.
struct Spending<'a> {
    tensors: &'a [&'a [Way]],
    choices: Vec<usize>,
    left: u64,
}

impl Spending<'_> {
    fn chosen(&self) -> impl Iterator<Item = Way> {
        let pairs = self.tensors.iter().zip(&self.choices);
        pairs.map(|(ways, &choice)| ways[choice])
    }

    fn bytes(&self) -> u64 {
        let bytes = self.chosen().map(|(bytes, _)| bytes);
        bytes.fold(0, u64::saturating_add)
    }

    fn error(&self) -> f64 {
        self.chosen().map(|(_, error)| error).sum()
    }

    /// Takes the steps until one does not fit, and returns what a part of that one would save.
    fn along(&mut self, steps: &[HullStep]) -> f64 {
        for step in steps {
            if step.bytes > self.left {
                return step.per_byte() * self.left as f64;
            }
            self.left -= step.bytes;
            self.choices[step.tensor] = step.to;
        }
        0.0
    }

    /// Spends the rest of the budget, again and again on the way that saves most.
    fn fill(&mut self) {
        while let Some(step) = self.best_that_fits() {
            self.left -= step.bytes;
            self.choices[step.tensor] = step.to;
        }
    }

    /// The step that saves most, of equals the first. A way that costs less than the chosen one is never better, because the chosen
    /// one was on the hull.
    fn best_that_fits(&self) -> Option<HullStep> {
        let of_tensor = |(tensor, now): (usize, Way)| {
            let ways = self.tensors[tensor].iter().enumerate();
            ways.filter_map(move |(to, &(bytes, error))| {
                Some(HullStep {
                    tensor,
                    to,
                    bytes: bytes.checked_sub(now.0)?,
                    saved: now.1 - error,
                })
            })
        };
        let steps = self.chosen().enumerate().flat_map(of_tensor);
        let fitting = steps.filter(|step| step.bytes <= self.left && step.saved > 0.0);
        // The first of the largest.
        fitting.min_by(|a, b| b.saved.total_cmp(&a.saved))
    }
}
