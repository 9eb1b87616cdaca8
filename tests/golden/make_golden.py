"""Writes golden.json: inputs as bit patterns, and what reference.py says about them.

    python3 make_golden.py            # writes golden.json next to this file
    python3 make_golden.py --check    # only compares with the golden.json that is there
"""

import json
import math
import struct
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from reference import TYPES, curve, solve, solve_range, solve_target

EXACT = ("tnt", "two-scale")
ALL = ("tnt", "two-scale", "twn", "absmean", "absmax")
F16, BF16, F32, F64 = (TYPES[name] for name in ("f16", "bf16", "f32", "f64"))

COMMENT = (
    "Golden vectors made by make_golden.py from reference.py (exact rational arithmetic); see README.md. "
    "weights and importance: bit patterns in hex, separated by spaces, weights in dtype, importance always f32. "
    "results: one object per question; 'ask' is a rule (tnt, two-scale, twn, absmean, absmax) or nonzeros "
    "(exactly 'count'), range ('min'..='max'), target (sparsest with cosine >= 'target'). "
    "lambda, lambda_p, lambda_n: bit patterns in dtype, the exact value rounded to nearest even. "
    "relative_error_one uses lambda for both signs, relative_error_two uses lambda_p and lambda_n, both after "
    "rounding. gap: (best - second best) / best of S^2/M over the threshold sets, 0 for an exact tie."
)


class Book:
    def __init__(self):
        self.cases = []

    def add(self, name, kind, weights, importance=None, rules=ALL, counts=(), ranges=(), targets=(), with_curve=False):
        patterns = [w if isinstance(w, Bits) else Bits(encode(kind, w)) for w in weights]
        exact = [kind.decode(p) for p in patterns]
        case = {"name": name, "dtype": kind.name, "weights": " ".join(map(kind.hex, patterns))}
        h = None
        if importance is not None:
            h_patterns = [encode(F32, x) for x in importance]
            assert len(h_patterns) == len(patterns)
            case["importance"] = " ".join(map(F32.hex, h_patterns))
            h = [F32.decode(p) for p in h_patterns]
            rules = EXACT
        results = [{"ask": rule, **solve(kind, rule, exact, h)} for rule in rules]
        results += [{"ask": "nonzeros", "count": m, **solve_range(kind, exact, m, m)} for m in counts]
        results += [
            {"ask": "range", "min": low, "max": high, **solve_range(kind, exact, low, high)} for low, high in ranges
        ]
        results += [{"ask": "target", "target": c, **solve_target(kind, exact, c)} for c in targets]
        case["results"] = results
        if with_curve:
            case["curve"] = curve(exact)
        assert all(name != other["name"] for other in self.cases), name
        self.cases.append(case)
        return case

    def text(self):
        lines = [json.dumps(case, sort_keys=True) for case in self.cases]
        return '{"cases": [\n' + ",\n".join(lines) + '\n],\n"comment": ' + json.dumps(COMMENT) + ',\n"version": 1}\n'


class Bits(int):
    """A weight given as its bit pattern."""


def encode(kind, x):
    if isinstance(x, float) and x == 0 and math.copysign(1, x) < 0:
        return 1 << (kind.bits - 1)
    return kind.encode(Fraction(x))


def shuffled(rng, magnitudes, signs="random"):
    """The magnitudes in random order, with random signs (or all positive)."""
    values = [Fraction(m) for m in magnitudes]
    values = [values[i] for i in rng.permutation(len(values))]
    if signs == "random":
        values = [v if rng.integers(2) else -v for v in values]
    return values


def pow2(e):
    return Fraction(2) ** e


# --------------------------------------------------------------------------- small and strange


def simple(book):
    poster = [0.5, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0]
    for kind in (F32, F64, F16, BF16):
        book.add(f"poster-{kind.name}", kind, poster, counts=range(0, 9), ranges=[(1, 2), (3, 7), (0, 1), (6, 9), (2, 2)],
                 targets=[0.5, 0.8, 0.9, 0.95, 0.99], with_curve=True)
    for kind in (F32, F64, F16, BF16):
        book.add(f"one-positive-{kind.name}", kind, [0.3])
        book.add(f"all-zero-{kind.name}", kind, [0.0] * 5, counts=[0, 3], ranges=[(1, 4)], targets=[0.9], with_curve=True)
    book.add("one-negative", F32, [-0.7], counts=[0, 1, 2], targets=[1.0])
    book.add("one-zero", F32, [0.0])
    book.add("one-minus-zero", F32, [-0.0])
    book.add("signed-zeros", F32, [0.0, -0.0, 1.0, -0.0, -0.5, 0.0])
    book.add("only-signed-zeros", F64, [-0.0, 0.0, -0.0])
    book.add("zeros-and-tiny-minus", F16, [-0.0, Bits(0x8001), 0.0])
    for n, value in ((2, 1.0), (3, -0.1), (9, 0.3), (16, 1.0), (64, -2.5)):
        book.add(f"all-equal-{n}", F32, [value] * n, counts=[1, n - 1] if n < 20 else [7], targets=[0.5, 1.0])
    book.add("all-equal-mixed-signs", F32, [0.3, -0.3, -0.3, 0.3, 0.3, -0.3, 0.3], counts=[1, 3, 6], with_curve=True)
    book.add("all-equal-f16", F16, [0.1] * 7)
    book.add("all-equal-bf16", BF16, [-0.1, 0.1, 0.1, 0.1])
    book.add("ternary-f32", F32, [0.7, 0, -0.7, 0, 0, 0.7, 0.7, -0.7, 0], counts=[3, 5, 6])
    book.add("ternary-f64", F64, [0.1, 0, -0.1, 0, 0, 0.1, 0.1, -0.1, 0, 0.1, 0.1])
    book.add("ternary-f16", F16, [3, 0, -3, -3, 0])
    book.add("ternary-bf16", BF16, [0.01, 0, -0.01, -0.01, 0])
    book.add("ternary-two-magnitudes", F32, [0.7, 0, -0.4, 0.7, 0, -0.4, -0.4, 0])
    book.add("ternary-two-far-magnitudes", F32, [1.0, 0, -0.125, 1.0, -0.125, -0.125])
    book.add("only-positive", F32, [0.9, 0.2, 0.7, 0.1, 0.4, 0.65])
    book.add("only-negative", F32, [-0.9, -0.2, -0.7, -0.1, -0.4, -0.65])
    book.add("lambda-rounds-half-even-down", F32, [Bits(0x3F800000), Bits(0x3F800001)])
    book.add("lambda-rounds-half-even-up", F32, [Bits(0x3F800001), Bits(0x3F800002)])
    book.add("lambda-rounds-half-even-f16", F16, [Bits(0x3C00), Bits(0x3C01), Bits(0xBC01), Bits(0xBC02)])
    book.add("lambda-rounds-half-even-bf16", BF16, [Bits(0x3F80), Bits(0x3F81), Bits(0xBF81), Bits(0xBF82)])
    book.add("lambda-rounds-half-even-f64", F64, [Bits(0x3FF0000000000001), Bits(0x3FF0000000000002)])
    # An element exactly at lambda/2 of the others belongs to the optimum.
    book.add("at-half-lambda", F32, [2, -2, 2, -2, 1, -1])
    book.add("ulp-below-half-lambda", F32, [2, -2, 2, -2, Bits(0x3F7FFFFF)])
    book.add("far-below-half-lambda", F32, [2, -2, 2, -2, 0.5, -0.75])
    # b_2 decides against b_1 at b_2 = (sqrt 2 - 1) b_1, which no float is.
    root = math.sqrt(2) - 1
    for kind, step in ((F32, 2.0**-25), (F16, 2.0**-12), (BF16, 2.0**-9), (F64, 2.0**-54)):
        ulp = Fraction(step)
        down = Fraction(math.floor(Fraction(root) / ulp)) * ulp
        book.add(f"sqrt2-below-{kind.name}", kind, [1.0, -down], rules=EXACT)
        book.add(f"sqrt2-above-{kind.name}", kind, [1.0, -(down + ulp)], rules=EXACT)
    # Ties across the boundary of a fixed M: the lowest index goes first.
    tied = [0.5, -1.0, 0.5, 1.0, -0.5, 0.5, 0.25, -0.25, 0.0]
    book.add("tied-boundary", F32, tied, counts=range(0, 10), ranges=[(3, 5), (1, 3), (7, 8), (4, 4)],
             targets=[0.6, 0.85, 0.9, 0.97, 1.0], with_curve=True)
    book.add("tied-boundary-f16", F16, tied, counts=[1, 3, 4, 7, 20], targets=[0.9])
    book.add("tied-boundary-first", F64, [-0.3] * 4 + [0.3] * 4 + [0.0] * 2, counts=[1, 2, 5, 8, 9, 10], targets=[0.3, 0.75])
    # Thresholds of the baselines met exactly.
    book.add("absmax-at-half", F32, [1.0, 0.5, -0.5, Bits(0x3EFFFFFF), -0.25])
    book.add("absmean-at-half", F32, [4.0, 1.0, 1.0, -1.0, 1.0, 4.0, 2.0, 2.0])
    book.add("twn-at-threshold", F32, [20.0, 7.0, -7.0, 6.0])
    book.add("twn-at-threshold-f64", F64, [7.0, -13.0])
    book.add("twn-selects-above-threshold", F32, [Bits(0x40E00001), -13.0, 10.0, 10.0])
    book.add("absmean-scale-underflows", F32, [Bits(1), 0.0, 0.0, 0.0, 0.0])


def extremes(book):
    subnormal = [Bits(1), Bits(0x80000001), Bits(2), Bits(0x80000003), Bits(0), Bits(5)]
    book.add("subnormal-f32", F32, subnormal, counts=[2, 5], targets=[0.9], with_curve=True)
    book.add("subnormal-large-f32", F32, [Bits(0x007FFFFF), Bits(0x80400000), Bits(0x00100001), Bits(0x80200000), Bits(0x00800000)])
    book.add("subnormal-one-f32", F32, [0.0, Bits(0x80000001), 0.0])
    book.add("subnormal-f16", F16, [Bits(x) for x in (1, 0x8001, 2, 0x8003, 0, 5, 0x03FF, 0x8200)])
    book.add("subnormal-bf16", BF16, [Bits(x) for x in (1, 0x8001, 2, 0x8003, 0, 5, 0x007F, 0x8040)])
    book.add("subnormal-f64", F64, [Bits(x) for x in (1, 2, 3, 5, 0x8000000000000004, 0x8000000000000001, 0)], with_curve=True)
    book.add("subnormal-and-normal-f32", F32, [1.0, Bits(1), Bits(0x80000001), -0.75])
    book.add("subnormal-and-huge-f32", F32, [1e38, Bits(1), Bits(0x80000001), -3e38])
    book.add("huge-f32", F32, [1e38, -2e38, 3e38, 0.5e38, -0.2e38, 1.5e38], counts=[1, 4], targets=[0.9], with_curve=True)
    book.add("max-f32", F32, [Bits(0x7F7FFFFF), Bits(0xFF7FFFFF), Bits(0x7F7FFFFF), Bits(0xFF7FFFFE)])
    book.add("max-f16", F16, [Bits(0x7BFF), Bits(0xFBFF), Bits(0x7BFF), Bits(0xFBFE), Bits(0x7000)])
    book.add("max-bf16", BF16, [Bits(0x7F7F), Bits(0xFF7F), Bits(0x7F7F), Bits(0xFF7E), Bits(0x7E80)])
    book.add("huge-f64", F64, [1e308, -1.5e308, 1.2e308, 0.5e308, -0.2e308, 1e-300], counts=[1, 4], targets=[0.9], with_curve=True)
    book.add("max-f64", F64, [Bits(0x7FEFFFFFFFFFFFFF), Bits(0xFFEFFFFFFFFFFFFF), Bits(0x7FEFFFFFFFFFFFFE)])
    book.add("tiny-f64", F64, [1e-308, -1.5e-308, 1.2e-308, 0.5e-308, -0.2e-308])
    book.add("wide-f64", F64, [1e-200, -1e-100, 1.0, 1e100, -1e200, 1.1e200])
    book.add("wide-f32", F32, [10.0**e * (-1) ** e for e in range(-40, 39, 6)], counts=[5])
    book.add("powers-of-two-f32", F32, [pow2(-e) * (-1) ** e for e in range(12)], with_curve=True)
    book.add("powers-of-two-f16", F16, [pow2(-e) * (-1) ** (e // 2) for e in range(12)])
    for kind in (F32, F64, F16, BF16):
        rng = np.random.default_rng(11)
        book.add(f"outlier-{kind.name}", kind, [*rng.normal(0, 0.01, 15), -1000.0, *rng.normal(0, 0.01, 16)])
    book.add("outlier-short", F32, [0.001, 50.0, -0.002])
    book.add("outliers-two-signs", F32, [0.001, 50.0, -0.002, -0.3, 0.01, 0.2, -0.29])


# --------------------------------------------------------------------------- ties and near-ties


def family(limit):
    """Magnitudes whose S^2/M is the same at M = 1, 4, 9, 16, ..: odd k times 1/k."""
    odd = list(range(1, limit + 1, 2))
    common = math.lcm(*odd)
    return [common // k for k in odd for _ in range(k)]


def ties(book):
    rng = np.random.default_rng(21)
    for kind in (F32, F64, F16, BF16):
        for limit in (3, 5, 7):
            book.add(f"tie-family-{limit}-{kind.name}", kind, shuffled(rng, family(limit)), rules=EXACT, with_curve=limit == 7)
    book.add("tie-family-9-f32", F32, shuffled(rng, family(9)), rules=EXACT)
    book.add("tie-family-11-f32", F32, shuffled(rng, family(11)), rules=EXACT)
    book.add("tie-family-15-f32", F32, shuffled(rng, family(15)), rules=EXACT)
    book.add("tie-family-7-positive", F32, shuffled(rng, family(7), "positive"), counts=[1, 4, 9, 16], ranges=[(2, 16), (5, 16), (2, 3)], targets=[0.5])
    book.add("tie-family-7-tail", F32, shuffled(rng, family(7) + [1, 2, 3, 4] * 4), rules=EXACT)
    for name, scale in (("subnormal", -149), ("tiny", -130), ("huge", 119)):
        book.add(f"tie-family-7-{name}-f32", F32, shuffled(rng, [m * pow2(scale) for m in family(7)]), rules=EXACT)
    book.add("tie-family-7-subnormal-f64", F64, shuffled(rng, [m * pow2(-1074) for m in family(7)]), rules=EXACT)
    book.add("tie-family-7-huge-f64", F64, shuffled(rng, [m * pow2(1016) for m in family(7)]), rules=EXACT)
    # The same ties one unit of one element away from equal: 105 * 2^17 has 24 bits.
    for index, name in ((0, "first"), (3, "fourth"), (15, "last")):
        for step in (1, -1):
            m = [x << 17 for x in family(7)]
            m[index] += step
            book.add(f"tie-broken-{name}-{'up' if step > 0 else 'down'}", F32, shuffled(rng, m), rules=EXACT)
    # Uneven elements: M = 1 against M = 4, M = 4 against M = 9.
    book.add("tie-1-4", F32, [2, 0.75, -0.625, 0.625], counts=[2], with_curve=True)
    book.add("tie-1-4-tail", F32, [0.25, -2, 0.75, 0.625, -0.125, 0.625, 0.0, 0.3], rules=EXACT)
    book.add("tie-1-9", F32, [4, 1, -1, 1, 1, -1, 1, 1, 1], rules=EXACT, with_curve=True)
    book.add("tie-1-9-bf16", BF16, [1, -1, 1, 1, -1, 1, 4, 1, -1], rules=EXACT)
    book.add("tie-4-9", F16, [5, -5, 5, 5, 2, 2, -2, 2, 2], rules=EXACT)
    book.add("tie-4-9-uneven", F32, [6.5, -4.5, 5.25, 3.75, 2.125, 2.25, -1.875, 1.75, 2], rules=EXACT)
    book.add("tie-2-8", F64, [3, -3, 1, 1, -1, 1, 1, -1], rules=EXACT)
    book.add("tie-both-signs", F32, [15, 5, 5, 5, 3, 3, 3, 3, 3] + [-40, -10, -10, -10, -10, -10, -10, -10, -10], rules=EXACT)
    book.add("tie-positive-only", F32, [3, 1, 1, 1] + [-0.7, -0.2, -0.1], rules=EXACT)
    book.add("tie-negative-only", F32, [-3, -1, -1, -1] + [0.7, 0.2, 0.1, 5], rules=EXACT)


def near_tie(a, b, bits, rng):
    """Integers below 2^bits with S_b/S_a the best fraction for sqrt(b/a), so that
    S_a^2/a and S_b^2/b almost agree: first a large elements, then b - a small ones."""
    root = Fraction(math.isqrt(b * 10**240 // a), 10**120)
    ratio = root.limit_denominator(a * ((1 << bits) - (1 << (bits - 6))))
    s_a, s_b = ratio.denominator, ratio.numerator

    def split(total, parts):
        base, rest = divmod(total, parts)
        out = [base + (1 if j < rest else 0) for j in range(parts)]
        for j in range(parts // 2):
            shift = int(rng.integers(0, max(1, base >> 7)))
            out[2 * j] += shift
            out[2 * j + 1] -= shift
        return out

    large, small = split(s_a, a), split(s_b - s_a, b - a)
    assert max(large) < 1 << bits and min(large) > max(small) and 2 * min(small) * b > s_b
    return large + small, abs(Fraction(s_a * s_a * b - s_b * s_b * a, s_a * s_a * b)), s_a, s_b


def near_ties(book):
    rng = np.random.default_rng(31)
    smallest, winners = 1, {"few": 0, "many": 0}

    def one(a, b, kind, scale=0, suffix="", signs="random", bits=None):
        nonlocal smallest
        bits = bits or kind.fraction_bits + 1
        m, gap, _, _ = near_tie(a, b, bits, rng)
        weights = shuffled(rng, [x * pow2(scale) for x in m], signs)
        case = book.add(f"near-tie-{a}-{b}-{kind.name}{suffix}", kind, weights, rules=EXACT)
        found = case["results"][0]
        assert found["gap"] <= float(gap) * 1.01 and found["nonzeros"] in (a, b)
        winners["few" if found["nonzeros"] == a else "many"] += 1
        smallest = min(smallest, found["gap"])

    for a, b in ((1, 2), (1, 3), (2, 3), (1, 5), (2, 5), (3, 5), (3, 7), (4, 7), (5, 8), (5, 12), (8, 13), (8, 16), (11, 21), (16, 32), (20, 50), (32, 63)):
        one(a, b, F32, -24)
        if b <= 16:
            one(a, b, F64, -53)
    for a, b in ((5, 8), (7, 12)):
        one(a, b, F32, -149, "-subnormal", bits=23)
        one(a, b, F32, 104, "-huge")
        one(a, b, F32, -20, "-positive", "positive")
        one(a, b, F16)
        one(a, b, BF16)
    one(6, 11, F64, -1074, "-subnormal", bits=52)
    one(6, 11, F64, 971, "-huge")
    # both signs near a tie of their own
    p, _, _, _ = near_tie(7, 10, 24, rng)
    n, _, _, _ = near_tie(6, 13, 24, rng)
    weights = [Fraction(x) for x in p] + [-x * pow2(-3) for x in n]
    book.add("near-tie-both-signs", F32, [weights[i] for i in rng.permutation(len(weights))], rules=EXACT)
    assert smallest < 1e-16 and min(winners.values()) >= 5, (smallest, winners)


# --------------------------------------------------------------------------- distributions


def distributions(book):
    rng = np.random.default_rng(41)
    draw = {
        "normal": lambda n: rng.normal(0, 0.05, n),
        "laplace": lambda n: rng.laplace(0, 0.05, n),
        "uniform": lambda n: rng.uniform(-1, 1, n),
        "skewed": lambda n: rng.gamma(1.5, 0.1, n) - 0.05,
        "bimodal": lambda n: np.where(rng.random(n) < 0.3, rng.normal(1, 0.1, n), rng.normal(-0.2, 0.1, n)),
    }
    extra = dict(counts=[1, 4, 9], ranges=[(1, 3), (5, 6), (7, 9)], targets=[0.7, 0.85, 0.97], with_curve=True)
    for name, f in draw.items():
        book.add(f"kernel-3x3-{name}", F32, f(9).tolist(), **extra)
    book.add("kernel-3x3-f16", F16, draw["normal"](9).tolist(), **extra)
    book.add("kernel-3x3-bf16", BF16, draw["normal"](9).tolist(), **extra)
    book.add("kernel-3x3-f64", F64, draw["laplace"](9).tolist(), **extra)
    for n in (2, 3, 4, 5, 7, 8, 16, 17, 25, 31, 32, 33, 49, 63, 64):
        name = list(draw)[n % len(draw)]
        book.add(f"{name}-{n}-f32", F32, draw[name](n).tolist())
    for n in (2, 6, 15, 33, 64):
        name = list(draw)[n % len(draw)]
        book.add(f"{name}-{n}-f64", F64, draw[name](n).tolist())
        book.add(f"{name}-{n}-f16", F16, draw[name](n).tolist())
        book.add(f"{name}-{n}-bf16", BF16, draw[name](n).tolist())
    book.add("integers-40-bf16", BF16, [int(x) for x in rng.integers(-4, 5, 40)], counts=[11, 23], targets=[0.9])
    book.add("integers-64-f32", F32, [int(x) for x in rng.integers(-3, 4, 64)], counts=[11, 23], targets=[0.9], ranges=[(1, 20)])
    book.add("normal-256-f32", F32, draw["normal"](256).tolist(), counts=[100], ranges=[(1, 64)], targets=[0.85])
    book.add("skewed-256-f16", F16, draw["skewed"](256).tolist())
    book.add("laplace-256-bf16", BF16, draw["laplace"](256).tolist(), counts=[100])
    book.add("uniform-256-f64", F64, draw["uniform"](256).tolist(), rules=EXACT)
    book.add("normal-1000-f32", F32, draw["normal"](1000).tolist(), targets=[0.8])
    book.add("skewed-1000-f32", F32, draw["skewed"](1000).tolist(), rules=EXACT)
    book.add("laplace-1000-f16", F16, draw["laplace"](1000).tolist(), rules=EXACT)
    book.add("target-met-exactly", F32, [1.0] * 16, targets=[0.25, 0.5, 0.75, 1.0])
    book.add("target-met-exactly-with-tail", F64, [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, -0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
             targets=[0.5, 0.6, 0.8, 0.97])
    book.add("target-out-of-reach", F32, draw["laplace"](12).tolist(), targets=[0.999, 1.0])


# --------------------------------------------------------------------------- importance


def fine_importance(rng, up):
    """h and w with a near-tie between {w1} and {w1} + the rest, tuned through ever smaller h."""
    w1, h1 = F32.round(Fraction(float(rng.uniform(0.5, 1)))), F32.round(Fraction(float(rng.uniform(0.5, 1))))
    w2 = F32.round(w1 * Fraction(float(rng.uniform(0.35, 0.45))))
    aim = h1 * w1 * w1  # the score of {w1}
    h = []
    for level in range(3):
        # the largest float h with (s + h w2)^2 <= aim (mass + h), by bisection on the bits
        s, mass = h1 * w1 + sum(h) * w2, h1 + sum(h)
        low, high = 0, F32.encode(Fraction(100))
        while high - low > 1:
            middle = (low + high) // 2
            x = F32.decode(middle)
            if (s + x * w2) ** 2 <= aim * (mass + x):
                low = middle
            else:
                high = middle
        h.append(F32.decode(low + (up and level == 2)))
    return [w1, w2, -w2, w2], [h1, *h]


def importances(book):
    rng = np.random.default_rng(51)
    book.add("importance-ones", F32, [0.5, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0], [1] * 7)
    book.add("importance-tens", F32, [0.5, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0], [10] * 7)
    book.add("importance-some", F32, [0.5, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0], [1, 0.5, 8, 2, 4, 0.25, 3])
    for kind in (F32, F64, F16, BF16):
        book.add(f"importance-all-zero-{kind.name}", kind, [0.5, -0.6, 0.1], [0, 0, 0])
        w, h = rng.normal(0, 0.05, 24), rng.exponential(1, 24)
        book.add(f"importance-normal-24-{kind.name}", kind, w.tolist(), h.tolist())
        h[rng.random(24) < 0.4] = 0
        book.add(f"importance-with-zeros-24-{kind.name}", kind, w.tolist(), h.tolist())
    book.add("importance-zero-on-largest", F32, [5, -0.6, 0.5, 0.1, -0.05], [0, 1, 1, 1, 1])
    book.add("importance-zero-on-tied", F32, [1, -1, 1, 0.2, -1], [0, 1, 0, 1, 2])
    book.add("importance-only-on-zeros", F32, [0.0, -0.0, 1, -2], [1, 2, 0, 0])
    book.add("importance-one-element", F32, [-0.3], [7])
    book.add("importance-one-element-zero", F32, [-0.3], [0])
    book.add("importance-positive-side-zero", F32, [0.5, -0.6, 0.1, -0.2, 0.3], [0, 1, 0, 2, 0])
    book.add("importance-minus-zero", F32, [0.5, -0.6, 0.1], [1, -0.0, 1])
    book.add("importance-tiny", F32, [0.5, -0.6, 0.1, 0.3], [1e-45, 3e-45, 1e-44, 1e-45])
    book.add("importance-huge", F32, [1e38, -3e38, 0.1e38, 2e38], [3e38, 1e38, 2e38, 3.4e38])
    book.add("importance-huge-f64", F64, [1e308, -1.7e308, 0.1e308, 1.2e308], [3e38, 1e38, 2e38, 3.4e38])
    book.add("importance-wide", F32, [1e-45, -3e38, 1.0, 2.0], [3e38, 1e-45, 1, 0.5])
    book.add("importance-one-dominates", F32, [0.01, -1, 1, 1, -1], [1e30, 1, 1, 1, 1])
    book.add("importance-tie-1-4", F32, [3, 1], [1, 3])
    book.add("importance-tie-family", F32, [15, -21, 105, 35], [7, 5, 1, 3])
    book.add("importance-tie-family-f16", F16, [15, 21, 105, 35, 0, 1], [7, 5, 1, 3, 9, 0])
    book.add("importance-tie-family-scaled", F32, [15, -21, -105, 35], [0.875, 0.625, 0.125, 0.375])
    book.add("importance-tie-broken", F32, [15, 21, 105, 35], [Bits32(0x40E00001), 5, 1, 3])
    book.add("importance-tie-broken-down", F32, [15, 21, 105, 35], [Bits32(0x40DFFFFF), 5, 1, 3])
    gaps = []
    for up in (False, True, False, True):
        w, h = fine_importance(rng, up)
        case = book.add(f"importance-near-tie-{len(gaps)}", F32, w, h)
        gaps.append(case["results"][0]["gap"])
        assert (case["results"][0]["nonzeros"] == 1) != up
    assert max(gaps) < 1e-15, gaps
    w, h = rng.laplace(0, 0.05, 200), rng.gamma(0.5, 1, 200)
    h[rng.random(200) < 0.1] = 0
    book.add("importance-laplace-200", F32, w.tolist(), h.tolist())
    book.add("importance-integers-48", F32, [int(x) for x in rng.integers(-5, 6, 48)], [int(x) for x in rng.integers(0, 4, 48)])


def Bits32(pattern):
    return struct.unpack("<f", struct.pack("<I", pattern))[0]


def main():
    book = Book()
    for part in (simple, extremes, ties, near_ties, distributions, importances):
        part(book)
    text = book.text()
    path = Path(__file__).with_name("golden.json")
    results = sum(len(case["results"]) for case in book.cases)
    print(f"{len(book.cases)} cases, {results} results, {len(text)} bytes")
    if "--check" in sys.argv[1:]:
        if path.read_text() != text:
            sys.exit("golden.json differs from what reference.py says")
    else:
        path.write_text(text)


if __name__ == "__main__":
    main()
