#!/usr/bin/env python3
"""Writes Tests/Fixtures/differences/cases.json: pairs of arrays, and how NumPy says they differ.

Everything is worked out in 80-bit floats, whose exponents have room for the squares of any double,
and 64-bit integers as Python's own. Floating types are compared as their values: float16 and
bfloat16 are widened, which is exact.
"""

import json
import math
import pathlib
import sys

import numpy as np

FLOOR = 1e-8
WIDE = np.longdouble
INTEGERS = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


class Array:
    """The stored bytes of an array, and its elements as Python integers or 80-bit floats."""

    def __init__(self, dtype, elements):
        self.dtype = dtype
        if dtype == "bfloat16":
            bits = np.asarray(elements, "<f4").view("<u4")
            stored = (bits >> 16).astype("<u2")
            self.values = [WIDE(x) for x in (stored.astype("<u4") << 16).view("<f4")]
            self.bytes = stored.tobytes()
        elif dtype in INTEGERS:
            stored = np.asarray(elements, np.dtype(dtype).newbyteorder("<"))
            self.values = [int(x) for x in stored]
            self.bytes = stored.tobytes()
        else:
            with np.errstate(over="ignore"):
                stored = np.asarray(elements, np.dtype(dtype).newbyteorder("<"))
            self.values = [WIDE(x) for x in stored]
            self.bytes = stored.tobytes()

    def json(self):
        return {"dtype": self.dtype, "count": len(self.values), "hex": self.bytes.hex()}


def number(value):
    """JSON has no number that is not finite."""
    if value is None:
        return None
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def is_nan(x):
    return not isinstance(x, int) and bool(np.isnan(x))


def is_infinite(x):
    return not isinstance(x, int) and bool(np.isinf(x))


def distance(a, b):
    if isinstance(a, int) and isinstance(b, int):
        return WIDE(abs(b - a))
    if a == b:
        return WIDE(0)
    return abs(WIDE(b) - WIDE(a))


def difference(first, second):
    pairs = [(a, b) for a, b in zip(first.values, second.values) if not is_nan(a) and not is_nan(b)]
    unmatched = sum(is_nan(a) != is_nan(b) for a, b in zip(first.values, second.values))
    distances = [distance(a, b) for a, b in pairs]
    infinite = sum(bool((is_infinite(a) or is_infinite(b)) and a != b) for a, b in pairs)
    finite = [(WIDE(a), WIDE(b)) for a, b in pairs if not is_infinite(a) and not is_infinite(b)]
    relative = [
        WIDE(np.inf) if np.isinf(d) else d / max(abs(WIDE(a)), abs(WIDE(b)), WIDE(FLOOR))
        for d, (a, b) in zip(distances, pairs)
    ]
    total = sum((d * d for d in distances), WIDE(0))
    aa = sum((a * a for a, _ in finite), WIDE(0))
    bb = sum((b * b for _, b in finite), WIDE(0))
    ab = sum((a * b for a, b in finite), WIDE(0))
    return {
        "differing": int(sum(bool(d != 0) for d in distances)) + unmatched,
        "unmatchedNaNs": unmatched,
        "unmatchedInfinities": infinite,
        "maximumAbsolute": number(max(distances, default=0)),
        "maximumRelative": number(max(relative, default=0)),
        "rootMeanSquare": number(np.sqrt(total / len(pairs)) if pairs else 0),
        "distance": number(np.sqrt(total)),
        "norm": number(np.sqrt(aa)),
        "cosine": number(ab / (np.sqrt(aa) * np.sqrt(bb))) if aa > 0 and bb > 0 else None,
    }


def statistics(array):
    nans = sum(map(is_nan, array.values))
    infinities = sum(map(is_infinite, array.values))
    finite = [x for x in array.values if not is_nan(x) and not is_infinite(x)]
    result = {"zeros": sum(bool(x == 0) for x in finite), "nans": nans, "infinities": infinities}
    if not finite:
        return result | {"minimum": None, "maximum": None, "mean": None, "sd": None}
    mean = sum((WIDE(x) for x in finite), WIDE(0)) / len(finite)
    squares = sum(((WIDE(x) - mean) ** 2 for x in finite), WIDE(0))
    as_text = str if isinstance(finite[0], int) else lambda x: repr(float(x))
    return result | {
        "minimum": as_text(min(finite)),
        "maximum": as_text(max(finite)),
        "mean": number(mean),
        "sd": number(np.sqrt(squares / len(finite))),
    }


def cases():
    rng = np.random.default_rng(20)
    for dtype in INTEGERS[1:]:
        info = np.iinfo(dtype)
        a = rng.integers(info.min, info.max, 40, dtype, endpoint=True)
        b = np.where(rng.random(40) < 0.5, a, rng.integers(info.min, info.max, 40, dtype, endpoint=True))
        a[:2], b[:2] = [info.min, info.max], [info.max, info.min]
        yield f"random {dtype}", Array(dtype, a), Array(dtype, b)
    yield "bool", Array("bool", [0, 1, 1, 0]), Array("bool", [0, 1, 0, 0])
    for dtype in ["float16", "bfloat16", "float32", "float64"]:
        a = rng.normal(size=50)
        b = np.where(rng.random(50) < 0.3, a, a + rng.normal(scale=1e-2, size=50))
        a[:3], b[:3] = [0, 0, -1], [0, 1e-3, 1]
        yield f"random {dtype}", Array(dtype, a), Array(dtype, b)
        yield (
            f"not numbers in {dtype}",
            Array(dtype, [1, np.nan, np.nan, 2, np.inf, np.inf, -np.inf, 3]),
            Array(dtype, [1, np.nan, 1, np.nan, np.inf, -np.inf, 5, 4]),
        )
    subnormal = {"float16": 6e-8, "float32": 1.4e-45, "float64": 5e-324}
    for dtype, tiny in subnormal.items():
        yield f"denormals of {dtype}", Array(dtype, [tiny, 3 * tiny, 0]), Array(dtype, [2 * tiny, -tiny, tiny])
    big, small = [1e200, -3e250, 2e300], [1.1e200, -3e250, 1e300]
    yield "squares beyond a double", Array("float64", big), Array("float64", small)
    yield "squares below a double", Array("float64", [1e-200, 3e-250]), Array("float64", [2e-200, -3e-250])
    yield "far apart magnitudes", Array("float64", [1e-300, 1e300, 1]), Array("float64", [2e-300, 1e300, 1])
    yield "last bit of int64", Array("int64", [2**53 + 1, 2**62 + 1, -(2**63)]), Array("int64", [2**53, 2**62, -(2**63) + 1])
    yield "int64 and uint64", Array("int64", [-1, 5, 2**63 - 1]), Array("uint64", [2**64 - 1, 5, 2**63])
    yield "int64 and float64", Array("int64", [2**53 + 1, 3, -7]), Array("float64", [2.0**53, 3.5, -7])
    yield "float32 and uint64", Array("float32", [1.5, np.inf, np.nan]), Array("uint64", [1, 2, 3])
    yield "float16 and float32", Array("float16", [0.1, 1, 65504]), Array("float32", [0.1, 1, 65504])
    yield "nothing", Array("float32", []), Array("float32", [])
    yield "zeros of both signs", Array("float32", [0.0, -0.0]), Array("float32", [-0.0, 0.0])
    yield "a large offset", Array("float64", 1e9 + rng.normal(size=30)), Array("float64", 1e9 + rng.normal(size=30))


def main():
    folder = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/differences"
    folder.mkdir(exist_ok=True)
    document = [
        {
            "name": name,
            "first": first.json(),
            "second": second.json(),
            "difference": difference(first, second),
            "statistics": statistics(first),
        }
        for name, first, second in cases()
    ]
    lines = ",\n".join(json.dumps(case, allow_nan=False) for case in document)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(document)} cases, NumPy {np.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
