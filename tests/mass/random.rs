//! Random numbers that are the same on every machine: `SplitMix64`, and `libm` where a logarithm is needed.
//!
//! Each block of cases has a stream of its own, made from the seed and the number of the block, so that what is drawn does not
//! depend on which thread draws it.

/// A stream of random numbers.
pub(crate) struct Random(u64);

/// Mixes the bits of a number: the finisher of `SplitMix64`.
pub(crate) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl Random {
    /// The stream of a block.
    pub(crate) fn new(seed: u64, block: u64) -> Self {
        Self(mix(seed ^ mix(block.wrapping_add(1))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below another.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A length or an index below another.
    pub(crate) fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).expect("below a usize")
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Uniform in `(0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Uniform in `(-1, 1)`.
    pub(crate) fn signed(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }

    /// Normal, of variance 1.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(self.unit())).sqrt();
        radius * libm::cos(core::f64::consts::TAU * self.unit())
    }

    /// Laplace, of scale 1.
    pub(crate) fn laplace(&mut self) -> f64 {
        let magnitude = -libm::log(self.unit());
        magnitude.copysign(self.signed())
    }

    /// A length between two, whose logarithm is about uniform.
    pub(crate) fn length(&mut self, low: usize, high: usize) -> usize {
        let ratio = high as f64 / low as f64;
        let x = low as f64 * libm::pow(ratio, self.unit());
        num_traits::cast::<f64, usize>(x)
            .expect("a length")
            .clamp(low, high)
    }

    /// Puts things into a random order.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.index(last + 1));
        }
    }
}
