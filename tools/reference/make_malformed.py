#!/usr/bin/env python3
"""Writes the files of Tests/Fixtures/malformed: HDF5 that a reader should refuse, and why is in the name;
and malformed/../foreign/parts.h5, which is sound and holds what modelctl has no use for but must not lose.

    python tools/reference/make_malformed.py [FOLDER]

h5py only. Each file starts as the same small Keras-like file, so that nothing else is wrong with it.
"""
import os
import sys

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../Tests/Fixtures/malformed")


def new(name, **settings):
    path = os.path.join(FOLDER, name + ".h5")
    f = h5py.File(path, "w", **settings)
    g = f.create_group("model_weights")
    g.attrs["layer_names"] = [b"dense"]
    layer = g.create_group("dense")
    layer.attrs["weight_names"] = [b"dense/kernel"]
    return f, layer.create_group("dense")


def foreign():
    folder = os.path.join(FOLDER, "..", "foreign")
    os.makedirs(folder, exist_ok=True)
    f = h5py.File(os.path.join(folder, "parts.h5"), "w")
    g = f.create_group("model_weights")
    g.attrs["layer_names"] = [b"dense"]
    layer = g.create_group("dense")
    layer.attrs["weight_names"] = [b"dense/kernel"]
    layer["dense/kernel"] = np.arange(6, dtype="<f4").reshape(2, 3)

    pair = np.dtype([("a", "<i4"), ("b", ">f8")])
    x = f.create_group("x", track_order=True)
    x["zebra"] = np.array([(1, 2.5), (3, 4.5)], pair)
    x["apple"] = np.arange(24, dtype="<i8").reshape(2, 3, 4)
    x["mango"] = np.array(7.5)
    x.attrs["pair"] = np.array([(5, 6.5)], pair)
    ragged = x.create_dataset("ragged", (3,), h5py.vlen_dtype("<i4"))
    ragged[:] = [np.arange(n, dtype="<i4") for n in (2, 0, 5)]
    x.attrs.create("ragged", ragged[:], dtype=h5py.vlen_dtype("<i4"))
    words = x.create_dataset("words", (2, 2), h5py.string_dtype())
    words[:] = [["a", ""], ["lang", "\u4e16\u754c"]]
    latin = x.create_dataset("latin1", (2,), h5py.string_dtype("ascii"))
    latin[:] = [b"caf\xe9", b"x"]
    x["truth"] = np.array([True, False, True])
    x["packed"] = x.create_dataset("unpacked", data=np.arange(5000, dtype="<u2").reshape(50, 100), chunks=(7, 30),
                                   compression=4, shuffle=True, fletcher32=True)
    x.create_dataset("growing", data=np.arange(10, dtype="<u1"), maxshape=(None,), chunks=(64,))
    x.create_dataset("sparse", (100, 10), "<f4", chunks=(10, 10), fillvalue=3.0)[20:25] = 1
    f.close()


def main():
    foreign()
    os.makedirs(FOLDER, exist_ok=True)
    data = np.arange(6, dtype="<f4").reshape(2, 3)

    f, g = new("soft_link")
    g["real"] = data
    g["kernel"] = h5py.SoftLink("/model_weights/dense/dense/real")
    f.close()

    f, g = new("external_link")
    g["kernel"] = h5py.ExternalLink("soft_link.h5", "/model_weights/dense/dense/real")
    f.close()

    f, g = new("soft_link_to_external_link")
    f["away"] = h5py.ExternalLink("soft_link.h5", "/")
    g["kernel"] = h5py.SoftLink("/away/model_weights/dense/dense/real")
    f.close()

    f, g = new("external_storage")
    g.create_dataset("kernel", (2, 3), "<f4", external=[("secret.txt", 0, 24)])
    f.close()

    f, g = new("virtual_dataset", libver="v110")
    layout = h5py.VirtualLayout((2, 3), "<f4")
    layout[:] = h5py.VirtualSource("soft_link.h5", "/model_weights/dense/dense/real", (2, 3))
    g.create_virtual_dataset("kernel", layout)
    f.close()

    f, g = new("group_cycle")
    g["kernel"] = data
    g["again"] = f["model_weights"]
    f.close()

    f, g = new("group_twice")
    g["kernel"] = data
    f["again"] = f["model_weights"]
    f.close()

    f, g = new("deep_groups")
    g["kernel"] = data
    for _ in range(40):
        g = g.create_group("g")
    f.close()

    f, g = new("lzf_filter")
    g.create_dataset("kernel", data=data, compression="lzf")
    f.close()

    f, g = new("huge_unallocated")
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
    h5py.h5d.create(g.id, b"kernel", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((1 << 25, 1 << 25)), plist)
    f.close()

    f, g = new("huge_chunked")
    g.create_dataset("kernel", (1 << 25, 1 << 25), "<f4", chunks=(1, 1024))
    f.close()

    f, g = new("huge_expansion")
    d = g.create_dataset("kernel", (1 << 22, 1 << 10), "<f4", chunks=(1, 1024), compression=1)
    d[0] = 1
    f.close()

    f, g = new("huge_chunk")
    g.create_dataset("kernel", (1 << 16, 1 << 16), "<f4", chunks=(1 << 14, 1 << 15))
    f.close()

    f, g = new("object_reference")
    g.create_dataset("kernel", data=np.array([f.ref, f.ref], dtype=h5py.ref_dtype))
    f.close()

    f, g = new("named_type")
    g["kernel"] = np.dtype("<f4")
    f.close()

    f, g = new("not_utf8_name")
    h5py.h5g.create(g.id, b"\xff\xfe")
    f.close()

    f, g = new("left_open", libver="v110")
    g["kernel"] = data
    f.close()
    with open(os.path.join(FOLDER, "left_open.h5"), "r+b") as raw:
        raw.seek(11)  # the consistency flags of a version 3 superblock
        raw.write(b"\x01")

    f, g = new("newer_superblock", libver="v110")
    g["kernel"] = data
    f.close()
    with open(os.path.join(FOLDER, "newer_superblock.h5"), "r+b") as raw:
        raw.seek(8)
        raw.write(b"\x09")


if __name__ == "__main__":
    main()
