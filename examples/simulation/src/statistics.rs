//! The three statistics that the simulation reports.
//!
//! ```text
//! mean +- standard error:  m = sum x / n,  sqrt(sum (x - m)^2 / (n (n - 1)))
//! median
//! least-squares line:      y = a + p x,  p = Sxy / Sxx,  standard error of p = sqrt(sum r^2 / ((n - 2) Sxx))
//! ```

use core::fmt;

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
pub(crate) fn real(count: usize) -> f64 {
    count as f64
}

/// A running mean, with its standard error.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    value: f64,
    squares: f64,
}

impl Mean {
    /// Welford's update: no cancellation between large sums.
    pub(crate) fn add(&mut self, x: f64) {
        self.count += 1.0;
        let before = x - self.value;
        self.value += before / self.count;
        self.squares += before * (x - self.value);
    }

    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    pub(crate) fn standard_error(&self) -> f64 {
        (self.squares / (self.count * (self.count - 1.0))).sqrt()
    }
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.5} ± {:.5}", self.value(), self.standard_error())
    }
}

/// The middle value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A straight line through points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) slope: f64,
    pub(crate) slope_error: f64,
    pub(crate) intercept: f64,
}

impl Line {
    /// The line of least squares. At least three points with different `x`.
    pub(crate) fn through(points: &[(f64, f64)]) -> Self {
        let count = real(points.len());
        let mean_x = points.iter().map(|p| p.0).sum::<f64>() / count;
        let mean_y = points.iter().map(|p| p.1).sum::<f64>() / count;
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|p| f(p.0 - mean_x, p.1 - mean_y)).sum()
        };
        let sxx = sum(&|x, _| x * x);
        let slope = sum(&|x, y| x * y) / sxx;
        let residue = sum(&|x, y| (y - slope * x).powi(2));
        Self {
            slope,
            slope_error: (residue / ((count - 2.0) * sxx)).sqrt(),
            intercept: mean_y - slope * mean_x,
        }
    }

    pub(crate) fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}
