#!/usr/bin/python3
"""Writes what the fuzzer starts from: tools/fuzz/make_corpus.py FOLDER. One folder a target."""
import glob
import gzip
import os
import struct
import sys

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Fixtures")
LONGEST = 65536


def put(target, name, data):
    folder = os.path.join(sys.argv[1], target)
    os.makedirs(folder, exist_ok=True)
    if len(data) <= LONGEST:
        with open(os.path.join(folder, "seed-" + name.replace("/", "-")), "wb") as f:
            f.write(data)


def files(target, *patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(FIXTURES, pattern))):
            with open(path, "rb") as f:
                put(target, os.path.relpath(path, FIXTURES), f.read())


files("json", "networks/*/architecture.json", "flavours/*.json")
files("configuration", "networks/*/architecture.json", "flavours/*.json")
files("recipe", "../../Schemas/examples/valid/training-*.json")
files("npy", "numpy/*.npy")
files("npz", "numpy/*.npz")
files("idx", "numpy/*ubyte", "numpy/*-values")
files("gzip", "numpy/*.gz")
files("safetensors", "networks/*/values.safetensors", "keras/expected.safetensors")
files("keras", "keras/*.keras", "flavours/*.keras")
files("superblock", "hostile/sound-*.h5", "malformed/left_open.h5", "malformed/newer_superblock.h5",
      "flavours/superblock*.h5", "flavours/user_block.h5")
put("table", "quotes", b'id,"a ""b""",c\r\n1,2,3\n')
put("table", "numbers", b"1.5,-2e3,0\n+.5,7,1\n")
put("table", "names", "größe;x,label\n1,2,rot\n3,4,grün\n".encode())
put("gzip", "npy", gzip.compress(b"\x93NUMPY\1\0v\0{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }"
                                 + b" " * 61 + b"\n" + bytes(8), mtime=0))
put("ids", "numbers", b"\xef\xbb\xbf# a list\r\n1\r\n\r\n -7 \r\n1\n")
put("ids", "names", "größe\nperson-1\n # no\n".encode())
HEADER = b'{"__metadata__":{"a":"b"},"k":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},'
HEADER += b'"\xc3\xa9":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}'
put("safetensors", "small", struct.pack("<Q", len(HEADER)) + HEADER + bytes(12))
put("safetensors-index", "small", b'{"weight_map":{"a":"model-1.safetensors"}}')
