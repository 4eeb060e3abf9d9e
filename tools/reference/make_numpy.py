#!/usr/bin/env python3
"""Writes the array files in Tests/Fixtures/numpy by NumPy itself (2.x), and what they hold.

    python3 tools/reference/make_numpy.py Tests/Fixtures/numpy

manifest.json says for every array what a reader must find: its type, its shape, and its elements
row-major and little-endian in hexadecimal, or its strings. The output is the same on every run.
"""

import gzip
import io
import json
import struct
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
manifest = []

NAMES = {
    "b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
    "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64",
    "f2": "float16", "f4": "float32", "f8": "float64",
}  # fmt: skip


def describe(array, file, name):
    entry = {"file": file, "array": name, "shape": list(array.shape)}
    if array.dtype.kind in "SU":
        decode = (lambda s: s.decode()) if array.dtype.kind == "S" else str
        entry["strings"] = [decode(s) for s in array.ravel()]
    else:
        kind = array.dtype.kind + str(array.dtype.itemsize)
        entry["type"] = NAMES[kind]
        little = array.astype(array.dtype.newbyteorder("<"))
        entry["bytes"] = little.tobytes("C").hex()
    return entry


def save(stem, array, version=None):
    with open(out / f"{stem}.npy", "wb") as file:
        np.lib.format.write_array(file, np.asanyarray(array), version, allow_pickle=True)
    return np.asanyarray(array)


def good(stem, array, version=None):
    manifest.append(describe(save(stem, array, version), f"{stem}.npy", stem))


def values(kind):
    dtype = np.dtype(kind)
    if dtype.kind == "b":
        return np.array([[True, False, True], [False, True, True]])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return np.array([[info.min, info.max, 0], [1, info.max // 3, info.min // 3]], dtype)
    info = np.finfo(dtype)
    row = [info.max, info.smallest_subnormal, -0.0]
    return np.array([row, [np.inf, -np.inf, 1 / 3]], dtype)


for kind in NAMES:
    good(f"little-{kind}", values(kind))
    if kind[1] != "1":
        good(f"big-{kind}", values(kind).astype(values(kind).dtype.newbyteorder(">")))

cube = np.arange(24, dtype="<i2").reshape(2, 3, 4)
good("nan", np.array([np.nan, -np.nan], "<f4"))
good("fortran", np.asfortranarray(cube))
good("fortran-big", np.asfortranarray(cube.astype(">f8")))
good("fortran-vector", np.asfortranarray(np.arange(5, dtype="<u2")))
good("scalar", np.float32(2.5))
good("scalar-text", np.array("one"))
good("empty", np.zeros((0, 3), "<f4"))
good("empty-inside", np.zeros((3, 0, 2), "<f8"))
good("long", np.arange(1000, dtype="<u4"))
good("version-2", cube, (2, 0))
good("version-3", cube, (3, 0))
good("many-axes", np.arange(2, dtype="u1").reshape((1,) * 20 + (2,)))
good("unicode", np.array(["img-00001", "Stra\u00dfe", "\u732b", "\U0001f408", ""]))
good("unicode-big", np.array(["a", "\u732b"]).astype(">U3"))
good("ascii", np.array([b"airplane", b"cat", b""]))
good("fortran-text", np.asfortranarray(np.array(["x", "yz"])))

# What must be refused, each for its own reason.
save("object", np.array([1, "two", None], dtype=object))
save("string-type", np.array(["a", "b"], dtype=np.dtypes.StringDType()))
save("structured", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))
save("datetime", np.array(["2020-01-01"], dtype="datetime64[ns]"))
save("duration", np.array([5], dtype="timedelta64[s]"))
save("complex", np.array([1 + 2j], dtype="<c8"))
save("long-double", np.zeros(1, dtype=np.longdouble))
save("void", np.array([b"\x80\x3f"], dtype="V2"))

# Python 2 wrote its long integers so.
header = b"{'descr': '<i4', 'fortran_order': False, 'shape': (3L,), }"
header += b" " * (80 - 10 - 1 - len(header)) + b"\n"
python2 = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
(out / "python-2.npy").write_bytes(python2 + np.arange(3, dtype="<i4").tobytes())
manifest.append(describe(np.arange(3, dtype="<i4"), "python-2.npy", "python-2"))

with gzip.GzipFile(out / "packed.npy.gz", "wb", mtime=0) as file:
    np.save(file, cube)
manifest.append(describe(cube, "packed.npy.gz", "packed"))

# Archives.
arrays = {
    "dense/kernel": np.linspace(-1, 1, 12, dtype="<f4").reshape(3, 4),
    "dense/bias": np.arange(4, dtype="<f8"),
    "x": np.arange(60, dtype="u1").reshape(5, 4, 3),
    "fortran": np.asfortranarray(cube),
    "big": np.arange(6, dtype=">i4"),
    "id": np.array(["one", "two", "three", "four", "f\u00fcnf"]),
    "empty": np.zeros((0, 2), "<f4"),
    "scalar": np.array(7, "<i8"),
    "gr\u00f6\u00dfe": np.arange(2, dtype="<f2"),
}
np.savez(out / "stored.npz", **arrays)
np.savez_compressed(out / "deflated.npz", **arrays)
for file in ["stored.npz", "deflated.npz"]:
    manifest += [describe(array, file, name) for name, array in arrays.items()]


def member(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


class Unseekable(io.RawIOBase):
    """Makes zipfile write sizes behind the data (bit 3 of the flags)."""

    def __init__(self, target):
        self.target = target

    def writable(self):
        return True

    def write(self, data):
        return self.target.write(data)


def zipped(file, members, method=zipfile.ZIP_STORED, streamed=False):
    with open(out / file, "wb") as target:
        with zipfile.ZipFile(Unseekable(target) if streamed else target, "w", method) as archive:
            for name, data in members:
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.compress_type = method
                archive.writestr(info, data)


row = np.arange(7, dtype="<f4")
zipped("streamed.npz", [("row.npy", member(row))], zipfile.ZIP_DEFLATED, streamed=True)
limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 0
zipped("zip64.npz", [("row.npy", member(row)), ("cube.npy", member(cube))])
zipfile.ZIP64_LIMIT = limit
manifest += [describe(row, "streamed.npz", "row"), describe(row, "zip64.npz", "row")]
manifest += [describe(cube, "zip64.npz", "cube")]

zipped("duplicate.npz", [("row.npy", member(row)), ("row.npy", member(row + 1))])
zipped("no-array.npz", [("row.npy", member(row)), ("notes.txt", b"hello")])
zipped("bzip2.npz", [("row.npy", member(row))], zipfile.ZIP_BZIP2)
np.savez(out / "object.npz", fine=row, bad=np.array([None, 1], dtype=object))

# A member that claims to unpack to 128 MiB, in the central directory only.
zipped("bomb.npz", [("zeros.npy", member(np.zeros(1000, "u1")))], zipfile.ZIP_DEFLATED)
bomb = bytearray((out / "bomb.npz").read_bytes())
central = bomb.rindex(b"PK\x01\x02")
bomb[central + 24 : central + 28] = struct.pack("<I", 128 << 20)
(out / "bomb.npz").write_bytes(bomb)


# IDX, the format of MNIST: big-endian, one file for each array.
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array):
    code = CODES[array.dtype.kind + str(array.dtype.itemsize)]
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


for kind in CODES:
    (out / f"{kind}-idx2-values").write_bytes(idx(values(kind)))
    manifest.append(describe(values(kind), f"{kind}-idx2-values", f"{kind}-idx2-values"))
images = np.arange(7 * 4 * 3, dtype="u1").reshape(7, 4, 3)
labels = np.array([3, 0, 2, 1, 1, 0, 2], "u1")
packed = {name: gzip.compress(idx(array), mtime=0) for name, array in
          [("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)]}  # fmt: skip
for name, array in [("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)]:
    (out / f"{name}.gz").write_bytes(packed[name])
    manifest.append(describe(array, f"{name}.gz", name))
(out / "short-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)[:-1], mtime=0))
(out / "long-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images) + b"\0", mtime=0))
damaged = bytearray(packed["images-idx3-ubyte"])
damaged[-8] ^= 1  # the checksum
(out / "damaged-idx3-ubyte.gz").write_bytes(damaged)

(out / "table.csv.gz").write_bytes(gzip.compress(b"a,class,b\n1,cat,2\n3,ant,4\n", mtime=0))

(out / "manifest.json").write_text(
    json.dumps({"numpy": np.__version__, "arrays": manifest}, indent=1) + "\n"
)
