"""Exact ternary quantization, written for clarity: the reference behind golden.json.

Every decision (which weights are kept, how a scale rounds) is made with integers and
`fractions.Fraction`; nothing is decided in floating point. It was written from the
mathematics alone and shares no code with the Rust crate.

    python3 reference.py            # self-test: compares the searches with brute force
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product

import numpy as np

# --------------------------------------------------------------------------- number types


@dataclass(frozen=True)
class FloatType:
    """An IEEE-754-style binary format: sign, `exponent_bits`, `fraction_bits`."""

    name: str
    exponent_bits: int
    fraction_bits: int

    @property
    def bits(self):
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def bias(self):
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def ulp_exponent_min(self):
        """log2 of the smallest subnormal."""
        return 1 - self.bias - self.fraction_bits

    def decode(self, pattern):
        """The exact value of a finite bit pattern (both zeros give 0)."""
        fraction = pattern & ((1 << self.fraction_bits) - 1)
        exponent = (pattern >> self.fraction_bits) & ((1 << self.exponent_bits) - 1)
        if exponent == (1 << self.exponent_bits) - 1:
            raise ValueError("not finite")
        if exponent > 0:
            fraction |= 1 << self.fraction_bits
            exponent -= 1
        scale = exponent + self.ulp_exponent_min
        value = Fraction(fraction << scale) if scale >= 0 else Fraction(fraction, 1 << -scale)
        return -value if pattern >> (self.bits - 1) else value

    def encode(self, value):
        """The bit pattern nearest to a rational, ties to even. Overflow is an error."""
        value = Fraction(value)
        sign = 1 if value < 0 else 0
        value = abs(value)
        if value == 0:
            return 0
        # e with 2^e <= value < 2^(e+1)
        e = value.numerator.bit_length() - value.denominator.bit_length()
        if value < _pow2(e):
            e -= 1
        ulp = max(e - self.fraction_bits, self.ulp_exponent_min)
        units = round(value / _pow2(ulp))  # Python rounds a Fraction half to even
        # `units` has at most fraction_bits + 1 bits, or is the power of two just above;
        # adding it to the exponent field handles that carry and the subnormals at once.
        pattern = ((ulp - self.ulp_exponent_min) << self.fraction_bits) + units
        if pattern >> self.fraction_bits >= (1 << self.exponent_bits) - 1:
            raise OverflowError(f"{float(value)} does not fit {self.name}")
        return sign << (self.bits - 1) | pattern

    def round(self, value):
        return self.decode(self.encode(value))

    def hex(self, pattern):
        return format(pattern, f"0{self.bits // 4}x")


def _pow2(e):
    return Fraction(1 << e) if e >= 0 else Fraction(1, 1 << -e)


TYPES = {
    t.name: t
    for t in (
        FloatType("f16", 5, 10),
        FloatType("bf16", 8, 7),
        FloatType("f32", 8, 23),
        FloatType("f64", 11, 52),
    )
}


def sqrt_to_float(value):
    """The float64 nearest to the square root of a rational (60 digits on the way)."""
    if value == 0:
        return 0.0
    with localcontext() as context:
        context.prec = 60
        context.Emax, context.Emin = 10**9, -(10**9)
        return float((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


# --------------------------------------------------------------------------- supports


def sign(x):
    return (x > 0) - (x < 0)


def by_magnitude(weights):
    """Indices of the non-zero weights, largest magnitude first, then lowest index."""
    return sorted((i for i, w in enumerate(weights) if w), key=lambda i: (-abs(weights[i]), i))


def threshold_sets(weights, importance):
    """Yields (support, S, H): every set {|w| >= v} of weights that count.

    S = sum of h|w|, H = sum of h. Weights with h = 0 or w = 0 are never in it.
    """
    order = [i for i in by_magnitude(weights) if importance[i]]
    s = h = Fraction(0)
    for position, i in enumerate(order):
        s += importance[i] * abs(weights[i])
        h += importance[i]
        last = position + 1 == len(order)
        if last or abs(weights[order[position + 1]]) != abs(weights[i]):
            yield order[: position + 1], s, h


def best_threshold_set(weights, importance):
    """The support that maximises S^2/H, the smallest one among equals, and its gap.

    gap = (best - second best) / best over the other threshold sets; 1 if there is none.
    """
    best, best_score, second_score = [], Fraction(0), Fraction(0)
    for support, s, h in threshold_sets(weights, importance):
        score = s * s / h
        if score > best_score:
            best, best_score, second_score = support, score, best_score
        elif score > second_score:
            second_score = score
    gap = (best_score - second_score) / best_score if best else Fraction(1)
    return best, gap


def prefix_scores(weights):
    """S_M^2 / M for M = 1 .. number of non-zero weights."""
    s = Fraction(0)
    for m, i in enumerate(by_magnitude(weights), start=1):
        s += abs(weights[i])
        yield m, s * s / m


def best_prefix(weights, low, high):
    """The M in low..=high (both cut to the number of non-zeros) with the best S_M^2/M."""
    count = sum(1 for w in weights if w)
    low, high = min(low, count), min(high, count)
    best, best_score = low, None
    for m, score in [(0, Fraction(0)), *prefix_scores(weights)]:
        if low <= m <= high and (best_score is None or score > best_score):
            best, best_score = m, score
    return by_magnitude(weights)[:best]


# --------------------------------------------------------------------------- rules


def select_tnt(weights, importance):
    return best_threshold_set(weights, importance)


def select_two_scale(weights, importance):
    positive, gap_p = best_threshold_set([max(w, 0) for w in weights], importance)
    negative, gap_n = best_threshold_set([min(w, 0) for w in weights], importance)
    return positive + negative, min(gap_p, gap_n)


def mean_magnitude(weights):
    return sum(map(abs, weights), Fraction(0)) / len(weights)


def select_twn(weights):
    threshold = Fraction(7, 10) * mean_magnitude(weights)
    return [i for i, w in enumerate(weights) if abs(w) > threshold]


def select_absmean(weights):
    threshold = mean_magnitude(weights) / 2
    return [i for i, w in enumerate(weights) if abs(w) > threshold]


def select_absmax(weights):
    threshold = max(map(abs, weights)) / 2
    return [i for i, w in enumerate(weights) if w and abs(w) >= threshold]


def projection(weights, importance, support):
    """sum h|w| / sum h over the support, 0 for an empty one."""
    h = sum((importance[i] for i in support), Fraction(0))
    return sum((importance[i] * abs(weights[i]) for i in support), Fraction(0)) / h if support else Fraction(0)


def describe(kind, weights, importance, support, scale=None):
    """Everything golden.json says about one choice of support."""
    support = sorted(support)
    chosen = set(support)
    trits = [sign(w) if i in chosen else 0 for i, w in enumerate(weights)]
    positive = [i for i in support if trits[i] > 0]
    negative = [i for i in support if trits[i] < 0]
    assert len(positive) + len(negative) == len(support)

    exact = projection(weights, importance, support) if scale is None else scale
    one = kind.encode(exact)
    two_p = kind.encode(projection(weights, importance, positive))
    two_n = kind.encode(projection(weights, importance, negative))

    norm = sum((h * w * w for h, w in zip(importance, weights)), Fraction(0))

    def relative_error(lambda_p, lambda_n):
        values = {1: kind.decode(lambda_p), 0: Fraction(0), -1: -kind.decode(lambda_n)}
        lost = sum(
            (h * (w - values[t]) ** 2 for h, w, t in zip(importance, weights, trits)), Fraction(0)
        )
        return float(lost / norm) if norm else 0.0  # int / int is correctly rounded

    s = sum((importance[i] * abs(weights[i]) for i in support), Fraction(0))
    h = sum((importance[i] for i in support), Fraction(0))
    return {
        "trits": "".join("-0+"[t + 1] for t in trits),
        "nonzeros": len(support),
        "lambda": kind.hex(one),
        "lambda_p": kind.hex(two_p),
        "lambda_n": kind.hex(two_n),
        "cosine": sqrt_to_float(s * s / (h * norm)) if support and norm else 0.0,
        "relative_error_one": relative_error(one, one),
        "relative_error_two": relative_error(two_p, two_n),
    }


def solve(kind, rule, weights, importance=None):
    """`rule` on exact weights (Fractions of type `kind`), optionally with importance."""
    h = [Fraction(1)] * len(weights) if importance is None else importance
    if rule in ("tnt", "two-scale"):
        select = select_tnt if rule == "tnt" else select_two_scale
        support, gap = select(weights, h)
        return {**describe(kind, weights, h, support), "gap": float(gap)}
    assert importance is None, "the baselines know no importance"
    if rule == "twn":
        return describe(kind, weights, h, select_twn(weights))
    if rule == "absmean":
        return describe(kind, weights, h, select_absmean(weights), mean_magnitude(weights))
    if rule == "absmax":
        return describe(kind, weights, h, select_absmax(weights), max(map(abs, weights)))
    raise ValueError(rule)


def solve_range(kind, weights, low, high):
    """The best number of non-zeros in low..=high; low == high fixes it."""
    h = [Fraction(1)] * len(weights)
    return describe(kind, weights, h, best_prefix(weights, low, high))


def solve_target(kind, weights, target):
    """The sparsest M with cosine >= target; the optimum, reached = False, if none has."""
    h = [Fraction(1)] * len(weights)
    norm = sum((w * w for w in weights), Fraction(0))
    wanted = Fraction(target) ** 2 * norm
    for m, score in prefix_scores(weights):
        if score >= wanted:
            return {**describe(kind, weights, h, by_magnitude(weights)[:m]), "reached": True}
    support, _ = select_tnt(weights, h)
    return {**describe(kind, weights, h, support), "reached": False}


def curve(weights):
    """The cosine for M = 1 .. number of non-zero weights."""
    norm = sum((w * w for w in weights), Fraction(0))
    return [sqrt_to_float(score / norm) for _, score in prefix_scores(weights)]


# --------------------------------------------------------------------------- self-test


def brute_force(weights, importance):
    """The best (w.t)^2 / t.t over all ternary vectors, and its fewest non-zeros."""
    best = (Fraction(0), 0)
    for trits in product((-1, 0, 1), repeat=len(weights)):
        dot = sum((h * w * t for h, w, t in zip(importance, weights, trits)), Fraction(0))
        size = sum((h for h, t in zip(importance, trits) if t), Fraction(0))
        if size and dot > 0:
            best = max(best, (dot * dot / size, -sum(1 for t in trits if t)))
    return best[0], -best[1]


def brute_force_two_scale(weights, importance):
    """The least squared error over all ternary vectors with two free scales >= 0."""
    least = None
    for trits in product((-1, 0, 1), repeat=len(weights)):
        gain = Fraction(0)
        for side in (1, -1):
            dot = sum((h * w * side for h, w, t in zip(importance, weights, trits) if t == side), Fraction(0))
            size = sum((h for h, t in zip(importance, trits) if t == side), Fraction(0))
            if size and dot > 0:
                gain += dot * dot / size
        least = gain if least is None else max(least, gain)
    return least


def self_test():
    rng = np.random.default_rng(1)
    f32 = TYPES["f32"]
    # encode / decode agree with numpy on every f16 and on random f32, f64
    for pattern in range(1 << 16):
        value = np.array([pattern], dtype=np.uint16).view(np.float16)[0]
        if np.isfinite(value):
            exact = TYPES["f16"].decode(pattern)
            assert exact == Fraction(float(value))
            assert TYPES["f16"].encode(exact) == (pattern if exact else 0)
    for raw in rng.integers(0, 1 << 63, 20000):
        double = np.array([raw], dtype=np.int64).view(np.float64)[0]
        if not np.isfinite(double):
            continue
        assert TYPES["f64"].encode(Fraction(float(double))) == int(raw)
        small = float(np.ldexp(double, -int(np.frexp(double)[1]) + int(rng.integers(-151, 127))))
        with np.errstate(under="ignore"):
            assert f32.encode(Fraction(small)) == int(np.array([small]).astype(np.float32).view(np.uint32)[0])
            half = np.ldexp(small, -int(np.frexp(small)[1]) + int(rng.integers(-27, 15)))
            assert TYPES["f16"].encode(Fraction(float(half))) == int(np.array([half]).astype(np.float16).view(np.uint16)[0])
    # the searches against all 3^N vectors, on small integers so that ties are common
    for round_ in range(300):
        n = int(rng.integers(1, 7))
        w = [Fraction(int(x)) for x in rng.integers(-6, 7, n)]
        h = [Fraction(1)] * n if round_ % 2 else [Fraction(int(x)) for x in rng.integers(0, 4, n)]
        support, _ = select_tnt(w, h)
        score, size = brute_force(w, h)
        s = sum((h[i] * abs(w[i]) for i in support), Fraction(0))
        mass = sum((h[i] for i in support), Fraction(0))
        assert (s * s / mass if mass else Fraction(0), len(support)) == (score, size), (w, h)
        if round_ % 2:
            assert sorted(best_prefix(w, 0, n)) == sorted(support)
        support, _ = select_two_scale(w, h)
        gain = Fraction(0)
        for side in (1, -1):
            part = [i for i in support if sign(w[i]) == side]
            s = sum((h[i] * abs(w[i]) for i in part), Fraction(0))
            mass = sum((h[i] for i in part), Fraction(0))
            gain += s * s / mass if mass else 0
        assert gain == brute_force_two_scale(w, h)
    print("reference.py: self-test passed")


if __name__ == "__main__":
    self_test()
