#!/usr/bin/env python3
"""Reads .npz (or .npy) files with NumPy, without pickle, and prints name, dtype, shape and SHA-256 of each array.

    python tools/reference/check_numpy.py FILE...

The digest is over the elements as little-endian C-order bytes.
"""
import hashlib
import sys

import numpy as np


def line(name, a):
    raw = np.ascontiguousarray(a.astype(a.dtype.newbyteorder("<"), copy=False)).tobytes()
    return f"{name} {a.dtype.str} {list(a.shape)} {hashlib.sha256(raw).hexdigest()}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for path in sys.argv[1:]:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            print(line(path, loaded))
        else:
            with loaded:
                for name in loaded.files:
                    print(line(name, loaded[name]))


if __name__ == "__main__":
    main()
