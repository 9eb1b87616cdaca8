//! A pass for an interval: its weights, and the exact sums of those above it.
//!
//! ```text
//! for each weight:  if |w| > high:  count it and add it, once to all and once to those of its sign
//!                   else if |w| > low:  append it to the window
//! ```
//!
//! Cost: one read, and about 16 vector operations for 16 weights.

use super::above::{Above, Chunk};
use super::survey::Visitor;
use super::window::Window;
use super::{LANES, Side, padded, singles};
use crate::exact::float_sums::cut;
use crate::exact::grid::{Grid, Sums};
use crate::simd::{Divisible, Job, Vector};
use crate::weight::{Format, Weight, floor};

/// What to gather: the weights of magnitude in `(low, high]`, or a sample of them if there are more than slots.
pub(crate) struct Gather<'a, 's, W: Format> {
    pub(crate) weights: &'a [W],
    pub(crate) side: Side,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) window: &'s mut [W::Slot],
    /// On which the sums are.
    pub(crate) grid: Grid,
}

/// What was gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gathered {
    /// Weights in the interval, also those for which there was no slot.
    pub(crate) inside: usize,
    /// The weights above it, and those of them that are positive.
    pub(crate) all: Sums,
    pub(crate) positive: Sums,
}

impl Gathered {
    /// Adds a weight to those above.
    #[inline(always)]
    pub(crate) fn add(&mut self, placed: u128, negative: bool) {
        self.add_if(true, placed, negative);
    }

    /// Adds a weight to those above, or not: without a branch.
    #[inline(always)]
    pub(crate) fn add_if(&mut self, above: bool, placed: u128, negative: bool) {
        self.all.add_if(above, placed);
        self.positive.add_if(above && !negative, placed);
    }

    /// What was gathered from two parts, whose weights then lie side by side; `None` if those of one were too many for its slots.
    pub(super) fn and<W: Format>(
        mut self,
        second: Self,
        slots: &mut [W::Slot],
        at: usize,
        len: usize,
    ) -> Option<Self> {
        let start = share(slots.len(), at, len);
        if self.inside > start || second.inside > slots.len() - start {
            return None;
        }
        slots.copy_within(start..start + second.inside, self.inside);
        self.inside += second.inside;
        self.add_sums([second.all, second.positive]);
        Some(self)
    }

    /// Adds sums of weights above.
    pub(crate) fn add_sums(&mut self, [all, positive]: [Sums; 2]) {
        self.all = self.all.and(all);
        self.positive = self.positive.and(positive);
    }
}

/// Weights whose sums are exact in doubles: 2^10 terms a lane of up to 24 + 18 bits.
const RUN: usize = LANES << 10;

/// A run's sums are exact if the largest weight has at most so many binary places more than `high`.
pub(crate) const REACH: i32 = 18;

impl<W: Weight> Job for Gather<'_, '_, W> {
    type Output = Gathered;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Gathered {
        if !W::FITS_SINGLE {
            return self.one_by_one();
        }
        let ends = [self.low, self.high].map(floor::<f32>);
        let mut collector = Collector::<V, W>::new(vector, ends, self.window);
        let mut gathered = Gathered::default();
        for run in self.weights.chunks(RUN) {
            let (chunks, rest) = run.as_chunks::<LANES>();
            for chunk in chunks {
                collector.add(vector, self.side, chunk);
            }
            if !rest.is_empty() {
                collector.add(vector, self.side, &padded(rest));
            }
            gathered.add_sums(
                collector
                    .above
                    .total(vector, self.side, self.grid.unit::<W>()),
            );
            collector.above = Above::new(vector);
        }
        gathered.inside = collector.window.len;
        gathered
    }
}

impl<W: Weight> Divisible for Gather<'_, '_, W> {
    type Part<'p>
        = Gather<'p, 'p, W>
    where
        Self: 'p;

    fn divide(&mut self) -> Option<[Gather<'_, '_, W>; 2]> {
        let at = cut(self.weights.len())?;
        let (first, second) = self.weights.split_at(at);
        let (first_slots, second_slots) = halves(self.window, at, self.weights.len());
        let (side, low, high, grid) = (self.side, self.low, self.high, self.grid);
        let part = |weights, window| Gather {
            weights,
            side,
            low,
            high,
            window,
            grid,
        };
        Some([part(first, first_slots), part(second, second_slots)])
    }

    fn unite(&mut self, [first, second]: [Gathered; 2]) -> Option<Gathered> {
        let at = cut(self.weights.len())?;
        first.and::<W>(second, self.window, at, self.weights.len())
    }
}

/// Slots for two parts of the weights, as many as they are long.
pub(super) fn halves<S>(slots: &mut [S], at: usize, len: usize) -> (&mut [S], &mut [S]) {
    slots.split_at_mut(share(slots.len(), at, len))
}

/// As much of the slots as `at` is of the weights.
fn share(slots: usize, at: usize, len: usize) -> usize {
    // Of four bytes a slot: no overflow.
    let first = slots as u128 * at as u128 / (len as u128).max(1);
    usize::try_from(first).unwrap_or(slots).min(slots)
}

/// The window, and the sums above it, so far.
pub(super) struct Collector<'s, V: Vector, W: Format> {
    ends: [V::Singles; 2],
    pub(super) above: Above<V>,
    pub(super) window: Window<'s, W>,
    blocks: usize,
}

impl<'s, V: Vector, W: Format> Collector<'s, V, W> {
    #[inline(always)]
    pub(super) fn new(vector: V, ends: [f32; 2], window: &'s mut [W::Slot]) -> Self {
        Self {
            ends: [vector.splat(ends[0]), vector.splat(ends[1])],
            above: Above::new(vector),
            window: Window::new(window),
            blocks: 0,
        }
    }

    #[inline(always)]
    fn add(&mut self, vector: V, side: Side, chunk: &[W; LANES]) {
        let chunk = Chunk::new(vector, side, vector.load(&singles(chunk)));
        self.visit(vector, &chunk);
    }
}

impl<V: Vector, W: Format> Visitor<V> for Collector<'_, V, W> {
    #[inline(always)]
    fn visit(&mut self, vector: V, chunk: &Chunk<V>) {
        let inside = self.above.add(vector, chunk, self.ends);
        self.window.append(vector, inside, chunk.singles);
    }

    #[inline(always)]
    fn next_block(&mut self, vector: V) {
        self.window.prefetch(vector, self.blocks);
        self.blocks += 1;
    }
}

impl<W: Weight> Gather<'_, '_, W> {
    /// The same for weights that are wider than singles.
    fn one_by_one(self) -> Gathered {
        let mut window = Window::<W>::new(self.window);
        let mut gathered = Gathered::default();
        for &weight in self.weights {
            let negative = weight.is_sign_negative();
            let x = weight.abs().widen();
            if !self.side.includes(negative) || x <= self.low {
                continue;
            }
            if x <= self.high {
                window.push(weight.to_slot());
            } else {
                gathered.add(self.grid.place(weight.key()), negative);
            }
        }
        gathered.inside = window.len;
        gathered
    }
}
