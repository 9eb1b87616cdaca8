//! Where an optimum can still be: chords above a convex function.
//!
//! `B(tau) = sum (|w| - tau)+` is convex, so between two thresholds it lies below its chord `a - b tau`, and the gain
//! `4 tau B(tau)` below a parabola. What is left of the interval is where the parabola reaches the best gain known:
//!
//! ```text
//! 4 tau (a - b tau) >= best    <=>    |tau - a / 2b|  <=  sqrt(a^2 - b best) / 2b
//! ```

/// A threshold, and two numbers between which `B` lies there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Point {
    pub(crate) tau: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Point {
    /// Of a `B` that was computed with an error.
    pub(crate) fn new(tau: f64, b: f64, error: f64) -> Self {
        Self {
            tau,
            least: (b - error).max(0.0),
            most: (b + error).max(0.0),
        }
    }

    /// A gain that is reached.
    pub(crate) fn gain(self) -> f64 {
        4.0 * self.tau * self.least
    }
}

/// Points by increasing threshold.
pub(crate) struct Points {
    points: [Point; Self::MOST],
    len: usize,
}

impl Points {
    pub(crate) const MOST: usize = 12;

    /// The threshold zero alone, where `B` is at most this.
    pub(crate) fn new(most: f64) -> Self {
        let mut points = [Point::default(); Self::MOST];
        points[0].most = most;
        Self { points, len: 1 }
    }

    /// Adds a point if its threshold is the largest; returns how many there are.
    pub(crate) fn push(&mut self, point: Point) -> usize {
        if point.tau <= 0.0 {
            self.points[0] = point;
        } else if point.tau > self.points[self.len - 1].tau && self.len < Self::MOST {
            self.points[self.len] = point;
            self.len += 1;
        }
        self.len
    }

    pub(crate) fn all(&self) -> &[Point] {
        self.points.get(..self.len).unwrap_or_default()
    }
}

/// An interval of thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What is left between two points if a gain of `best` is known.
pub(crate) fn left(p: Point, q: Point, best: f64) -> Option<Interval> {
    // Wider than the rounding of all that follows.
    const SLACK: f64 = 1e-9;
    let all = Interval {
        low: p.tau,
        high: q.tau,
    };
    let best = best * (1.0 - 1e-12);
    let b = (p.most - q.most) / (q.tau - p.tau);
    let a = p.most + b * p.tau;
    if b.is_nan() || b <= 0.0 {
        return (4.0 * q.tau * p.most.max(q.most) >= best).then_some(all);
    }
    let square = a * a - b * best;
    if square < 0.0 && -square > SLACK * a * a {
        return None;
    }
    let root = num_traits::Float::sqrt(square.max(0.0) + SLACK * SLACK * a * a);
    // The product of the two ends is best / 4b: no difference, no cancellation.
    let (low, high) = (best / (2.0 * (a + root)), (a + root) / (2.0 * b));
    let left = Interval {
        low: (low * (1.0 - SLACK)).max(p.tau),
        high: (high * (1.0 + SLACK)).min(q.tau),
    };
    (left.low <= left.high).then_some(left)
}

/// What is left between neighbours, touching intervals as one, in at most `N` pieces.
pub(crate) fn pieces<const N: usize>(points: &[Point], best: f64) -> [Option<Interval>; N] {
    let (mut pieces, mut len) = ([None; N], 0_usize);
    for pair in points.windows(2) {
        let &[p, q] = pair else { continue };
        let Some(next) = left(p, q, best) else {
            continue;
        };
        let touches = |last: &Interval| last.high >= next.low;
        match pieces.get_mut(len.wrapping_sub(1)) {
            Some(Some(last)) if touches(last) || len == N => last.high = next.high,
            _ => {
                if let Some(place) = pieces.get_mut(len) {
                    *place = Some(next);
                    len += 1;
                }
            }
        }
    }
    pieces
}
