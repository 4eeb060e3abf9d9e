#!/usr/bin/env python3
"""A second implementation of the checkpoint format's digests and provenance, from Format.md alone.

    python3 tools/reference/check_format.py FILE ...

Needs h5py and numpy; knows nothing of modelctl. For each file, of any flavour, it computes the manifest from the
arrays, the content digest from the manifest and the chain from the records, and compares them with what the file
says. Prints what it found as one JSON object, and exits with 1 when anything differs.
"""
import contextlib
import hashlib
import io
import json
import re
import struct
import sys
import zipfile

import h5py
import numpy

WEIGHT_LISTS = ("layer_names", "weight_names")
NAMES = {("i", 1): "int8", ("i", 2): "int16", ("i", 4): "int32", ("i", 8): "int64",
         ("u", 1): "uint8", ("u", 2): "uint16", ("u", 4): "uint32", ("u", 8): "uint64",
         ("f", 2): "float16", ("f", 4): "float32", ("f", 8): "float64"}


def text(value):
    """A string as HDF5 readers give it: bytes with its filling, or str."""
    return value.rstrip(b"\0 ").decode() if isinstance(value, bytes) else str(value)


def integer(value):
    return struct.pack("<Q", value)


def entry(path, type_name, shape, elements, size):
    """The digest of an array; `elements` is what is hashed after the type and the extents."""
    head = type_name.encode() + b"\0" + integer(len(shape)) + b"".join(map(integer, shape))
    return {"path": path, "type": type_name, "shape": list(shape), "byteCount": size,
            "sha256": hashlib.sha256(head + elements).hexdigest()}


def strings(path, values, shape):
    encoded = [value.encode() for value in values]
    elements = b"".join(integer(len(value)) + value for value in encoded)
    return entry(path, "string", shape, elements, sum(map(len, encoded)))


def dataset(node, bare=None):
    path = node.name.lstrip("/")
    if h5py.check_string_dtype(node.dtype):
        return strings(path, [text(value) for value in node[()].ravel()], node.shape)
    kind, size = node.dtype.kind, node.dtype.itemsize
    is_marked = node.attrs.get("dtype") == "bfloat16"
    if size == 2 and (kind == "V" and bare or kind in "Vu" and is_marked):
        name, values = "bfloat16", node[()] if kind == "V" else node[()].astype("<u2")
    elif kind == "b":
        name, values = "bool", node[()].astype(numpy.uint8)
    else:
        name = NAMES[kind, size]
        values = node[()].astype(node.dtype.newbyteorder("<"))
    elements = values.tobytes()
    return entry(path, name, node.shape, elements, len(elements))


# Weights

def listed(group, name):
    """A list of strings, which may be split over name0, name1, ..."""
    if name in group.attrs:
        return [text(value) for value in numpy.ravel(group.attrs[name])]
    values, number = [], 0
    while f"{name}{number}" in group.attrs:
        values += [text(value) for value in numpy.ravel(group.attrs[f"{name}{number}"])]
        number += 1
    return values


def legacy_weights(group):
    layers = listed(group, "layer_names")
    if "top_level_model_weights" in group and "top_level_model_weights" not in layers:
        layers.append("top_level_model_weights")
    for layer in layers:
        for name in listed(group[layer], "weight_names"):
            yield group[layer][name]


def object_weights(group):
    """All variables below, but for those of a training run."""
    is_model = group.name == "/" or "layers" in group or "_layer_checkpoint_dependencies" in group
    for name, child in group.items():
        if isinstance(child, h5py.Dataset):
            yield child
        elif child.name != "/modelctl" and not (is_model and name in ("optimizer", "metrics")):
            yield from object_weights(child)


def weights(file):
    if "model_weights" in file:
        return legacy_weights(file["model_weights"])
    if any(re.fullmatch(r"layer_names\d*", name) for name in file.attrs):
        return legacy_weights(file)
    return object_weights(file)


# The manifest

def floats(path, values):
    values = numpy.ravel(values).astype("<f4")
    return entry(path, "float32", values.shape, values.tobytes(), values.nbytes)


def settings(file, config):
    if config is not None:
        yield strings("config.json", [config], ())
    elif "model_config" in file.attrs:
        yield strings("@model_config", [text(file.attrs["model_config"])], ())
    attributes = file["modelctl/splits"].attrs if "modelctl/splits" in file else {}
    if "class-names" in attributes:
        names = [text(value) for value in attributes["class-names"]]
        yield strings("modelctl/splits@class-names", names, (len(names),))
    for name, neutral in (("input-scale", 1), ("input-offset", 0)):
        if name in attributes and list(numpy.ravel(attributes[name])) != [neutral]:
            yield floats(f"modelctl/splits@{name}", attributes[name])


def columns(file):
    for split in file.get("modelctl/splits", {}).values():
        count = len(split["x"])
        for node in split.values():
            if isinstance(node, h5py.Dataset) and node.shape[:1] == (count,):
                yield node


def manifest(file, config):
    entries = list(settings(file, config))
    entries += [dataset(node, bare=True) for node in weights(file)]
    entries += [dataset(node) for node in columns(file)]
    return sorted(entries, key=lambda entry: entry["path"].encode())


def content_digest(entries):
    whole = hashlib.sha256()
    for one in entries:
        whole.update(one["path"].encode() + b"\0" + bytes.fromhex(one["sha256"]))
    return "sha256:" + whole.hexdigest()


# The checks

def provenance(file, problems):
    """The records; each one names the text of the one before by its hash."""
    if "modelctl/provenance" not in file:
        return []
    texts = [text(value) for value in file["modelctl/provenance"][()]]
    records = [json.loads(value) for value in texts]
    previous = None
    for index, (value, record) in enumerate(zip(texts, records)):
        if record["schema"] != "modelctl/provenance-record/1" or record["index"] != index:
            problems.append(f"record {index}: schema or index")
        if record["previous"] != previous:
            problems.append(f"record {index}: it does not continue the chain")
        previous = "sha256:" + hashlib.sha256(value.encode()).hexdigest()
    return records


@contextlib.contextmanager
def opened(path):
    """The HDF5 file, and the architecture of an archive."""
    with open(path, "rb") as file:
        is_archive = file.read(4) in (b"PK\3\4", b"PK\5\6")
    if not is_archive:
        with h5py.File(path, "r") as file:
            yield file, None
        return
    with zipfile.ZipFile(path) as archive:
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            yield file, archive.read("config.json").decode()


def check(path):
    problems = []
    with opened(path) as (file, config):
        group = file["modelctl"]
        if text(group.attrs["encoding-type"]) != "modelctl-checkpoint":
            problems.append("encoding-type")
        if not text(group.attrs["encoding-version"]).startswith("1."):
            sys.exit(f"{path}: written for a newer version of the format")
        found = manifest(file, config)
        stored = json.loads(text(file["modelctl/manifest"][()]))
        if stored["schema"] != "modelctl/manifest/1" or stored["arrays"] != found:
            known = {one["path"]: one for one in stored["arrays"]}
            own = {one["path"]: one for one in found}
            problems += [f"manifest: {name}" for name in sorted(known.keys() | own.keys())
                         if known.get(name) != own.get(name)]
        if text(group.attrs["content-digest"]) != content_digest(found):
            problems.append("content-digest")
        records = provenance(file, problems)
        if records and records[-1]["contentAfter"] != content_digest(found):
            problems.append("the last record led to another file")
    return {"file": path, "arrays": len(found), "records": [record["operation"] for record in records],
            "contentDigest": content_digest(found), "problems": problems}


def main():
    results = [check(path) for path in sys.argv[1:]]
    print(json.dumps(results, indent=1))
    sys.exit(any(result["problems"] for result in results))


if __name__ == "__main__":
    main()
