#!/usr/bin/env python3
"""Writes Tests/Fixtures/validate: a sound checkpoint, and for each rule of `modelctl validate` files that break it alone.

    python3 tools/reference/make_invalid.py

h5py and numpy only. This is a second writer of the format, made from its published text: digests, manifest and
provenance are computed here. cases.json names for each file the rule, and what --erased and --original are to be.
"""
import hashlib
import json
import os
import struct
import zlib

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "../../Tests/Fixtures/validate")
TEXT = h5py.string_dtype()
CASES = []

CONFIG = {"class_name": "Sequential", "config": {"name": "small", "layers": [
    {"class_name": "InputLayer", "config": {"batch_shape": [None, 8], "name": "input"}},
    {"class_name": "Dense", "config": {"name": "dense", "units": 2, "activation": "softmax"}}]}}
TRAINING = {"schema": "modelctl/training/1", "epochs": 3, "batchSize": 4, "optimizer": {"name": "sgd", "momentum": 0.9},
            "learningRate": 0.1, "schedule": "constant", "seed": 0}


def texts(values):
    return np.array(values, dtype=TEXT)


class Model:
    """The parts of a checkpoint, by path, to be changed before they are written."""

    def __init__(self):
        random = np.random.default_rng(7)
        self.groups = []
        self.attributes = {
            "/@model_config": json.dumps(CONFIG), "/@keras_version": "3.0.0", "/@backend": "tensorflow",
            "/model_weights@layer_names": texts(["input", "dense"]),
            "/model_weights/input@weight_names": np.zeros(0),
            "/model_weights/dense@weight_names": texts(["dense/kernel", "dense/bias"]),
            "/model_weights/top_level_model_weights@weight_names": np.zeros(0),
            "/modelctl@encoding-type": "modelctl-checkpoint", "/modelctl@encoding-version": "1.0",
            "/modelctl@producer": "another writer",
            "/modelctl/splits@class-names": texts(["no", "yes"]),
            "/modelctl/splits/train@role": "train", "/modelctl/splits/test@role": "test",
        }
        self.datasets = {
            "/model_weights/dense/dense/kernel": random.normal(size=(8, 2)).astype("<f4"),
            "/model_weights/dense/dense/bias": np.array([0.5, -0.5], "<f4"),
            "/modelctl/training": json.dumps(TRAINING),
        }
        for name, first, count in [("train", 0, 12), ("test", 12, 4)]:
            split = f"/modelctl/splits/{name}/"
            self.datasets[split + "x"] = random.normal(size=(count, 8)).astype("<f4")
            self.datasets[split + "y"] = (np.arange(count) % 2).astype("<i4")
            self.datasets[split + "id"] = texts([f"record-{first + i:04}" for i in range(count)])
        self.weights = ["/model_weights/dense/dense/kernel", "/model_weights/dense/dense/bias"]
        self.records = [{"operation": "import"}]
        self.has_manifest = True
        self.settings = {"userblock_size": 0, "libver": ("v108", "v110")}
        self.user_block = b""
        self.packs_inputs = False
        self.hidden = {}
        self.on_manifest = lambda manifest: None
        self.on_records = lambda records: None
        self.digest = lambda digest: digest
        self.content_after = lambda digest: digest

    def drop_config(self):
        del self.attributes["/@model_config"]

    def drop_ours(self):
        """What is left is a plain Keras file."""
        self.attributes = {k: v for k, v in self.attributes.items() if not k.startswith("/modelctl")}
        self.datasets = {k: v for k, v in self.datasets.items() if not k.startswith("/modelctl")}
        self.records = []
        self.has_manifest = False

    def weights_alone(self):
        self.drop_ours()
        self.drop_config()
        strip = lambda p: p.replace("/model_weights@", "/@").replace("/model_weights/", "/")
        self.attributes = {strip(k): v for k, v in self.attributes.items()}
        self.datasets = {strip(k): v for k, v in self.datasets.items()}

    # Digests

    def entries(self):
        found = []
        if "/@model_config" in self.attributes:
            found.append(entry("@model_config", self.attributes["/@model_config"]))
        names = self.attributes.get("/modelctl/splits@class-names")
        if names is not None:
            found.append(entry("modelctl/splits@class-names", names))
        for name, neutral in [("input-scale", 1), ("input-offset", 0)]:
            value = self.attributes.get(f"/modelctl/splits@{name}")
            if value is not None:
                found.append(entry(f"modelctl/splits@{name}", np.atleast_1d(value).astype("<f4")))
        for path in self.weights:
            if path in self.datasets:
                found.append(entry(path[1:], self.datasets[path]))
        for path, value in self.datasets.items():
            parts = path.split("/")
            if path.startswith("/modelctl/splits/") and len(parts) == 5:
                rows = len(self.datasets["/".join(parts[:4]) + "/x"])
                if np.ndim(value) and len(value) == rows:
                    found.append(entry(path[1:], value))
        return sorted(found, key=lambda e: e["path"].encode())

    def finish(self):
        digest = None
        if self.has_manifest:
            entries = self.entries()
            manifest = {"schema": "modelctl/manifest/1", "arrays": entries}
            self.on_manifest(manifest)
            self.datasets["/modelctl/manifest"] = json.dumps(manifest)
            whole = hashlib.sha256()
            for e in entries:
                whole.update(e["path"].encode() + b"\0" + bytes.fromhex(e["sha256"]))
            digest = self.digest("sha256:" + whole.hexdigest())
            self.attributes["/modelctl@content-digest"] = digest
        if self.records:
            for i, record in enumerate(self.records):
                whole = {"schema": "modelctl/provenance-record/1", "index": i, "producer": "another writer",
                         "contentBefore": None, "contentAfter": self.content_after(digest), "previous": None, "details": {}}
                for key, value in whole.items():
                    record.setdefault(key, value)
                if i and record["previous"] is None:
                    record["previous"] = "sha256:" + hashlib.sha256(json.dumps(self.records[i - 1]).encode()).hexdigest()
            self.on_records(self.records)
            self.datasets["/modelctl/provenance"] = texts([json.dumps(r) for r in self.records])

    def write(self, name):
        self.finish()
        path = os.path.join(FOLDER, name + ".h5")
        with h5py.File(path, "w", **self.settings) as f:
            for group in self.groups:
                f.require_group(group)
            # Whatever is a dataset must not be made as the group of somebody's attribute first.
            for place, value in self.datasets.items():
                parts = place.split("/")
                options = {}
                if self.packs_inputs and parts[-1] == "x":
                    options = {"chunks": (min(6, len(value)), 8), "compression": 4, "shuffle": True}
                if place in self.hidden:
                    options["shuffle"] = False
                    pack_with(self.hidden[place], f.create_dataset(place, value.shape, value.dtype, **options), value)
                    continue
                f.create_dataset(place, data=value, dtype=TEXT if isinstance(value, str) else None, **options)
            for place, value in self.attributes.items():
                target, attribute = place.split("@")
                f.require_group(target) if target not in f else None
                f[target].attrs[attribute] = value
        if self.user_block:
            with open(path, "r+b") as raw:
                raw.write(self.user_block)
        return path


def pack_with(hidden, dataset, value):
    """Writes a dataset with something hidden in its chunks: (bytes inside of the packed stream, bytes behind it)."""
    inside, behind = hidden
    size = dataset.chunks[0]
    for start in range(0, len(value), size):
        rows = np.zeros(dataset.chunks, value.dtype)
        part = value[start:start + size]
        rows[:len(part)] = part
        dataset.id.write_direct_chunk((start, 0), zlib.compress(rows.tobytes() + inside, 4) + behind)


def entry(path, value):
    if isinstance(value, str):
        kind, shape, body = "string", [], [value]
    else:
        value = np.asarray(value)
        shape = list(value.shape)
        kind, body = ("string", list(value)) if value.dtype.kind == "O" else (value.dtype.newbyteorder("=").name, None)
    h = hashlib.sha256(kind.encode() + b"\0" + struct.pack(f"<{1 + len(shape)}Q", len(shape), *shape))
    size = 0
    if body is None:
        data = np.ascontiguousarray(value).tobytes()
        h.update(data)
        size = len(data)
    else:
        for text in body:
            data = text.encode()
            h.update(struct.pack("<Q", len(data)) + data)
            size += len(data)
    return {"path": path, "type": kind, "shape": shape, "byteCount": size, "sha256": h.hexdigest()}


def case(rule, change=None, name=None, after=None, **request):
    """A file that breaks one rule; `after` edits it in place."""
    model = Model()
    if change:
        change(model)
    name = name or rule
    path = model.write(name)
    if after:
        after(path)
    rules = rule if isinstance(rule, list) else [rule] if rule else []
    CASES.append({"file": name + ".h5", "rules": rules, **request})


def attribute(place, value):
    def change(m):
        m.attributes[place] = value
    return change


def dataset(place, value):
    def change(m):
        m.datasets[place] = value
    return change


def both(*changes):
    def change(m):
        for c in changes:
            c(m)
    return change


def drop(*places):
    def change(m):
        for place in places:
            for part in (m.attributes, m.datasets):
                for key in [k for k in part if k == place or k.startswith(place + "/") or k.startswith(place + "@")]:
                    del part[key]
    return change


def packed(m):
    m.packs_inputs = True


def modelctl_rules():
    split = "/modelctl/splits/train"
    case("MC101", attribute("/modelctl@encoding-type", "other"))
    case("MC102", attribute("/modelctl@encoding-version", "one"))
    case("MC103", attribute("/modelctl@producer", 5))

    def digest_list(m):
        m.digest = lambda digest: texts([digest])
        m.content_after = lambda digest: digest[0]
    case("MC104", digest_list)
    case("MC105", dataset("/modelctl/training", json.dumps({**TRAINING, "epochs": -1})))

    def extra_member(m):
        m.on_manifest = lambda manifest: manifest["arrays"][0].update(note="x")
    case("MC106", extra_member)

    def no_details(m):
        m.on_records = lambda records: records[0].pop("details")
    case("MC107", no_details)
    case("MC110", both(drop("/modelctl/splits"), dataset("/modelctl/splits", np.zeros(3))))
    case("MC111", attribute("/modelctl/splits@class-names", texts(["no", "no"])))
    case("MC112", attribute("/modelctl/splits@input-scale", np.int32(2)))
    case("MC113", attribute("/modelctl/splits@input-offset", np.int32(2)))
    case("MC120", dataset("/modelctl/splits/readme", np.zeros(3)))
    case("MC121", attribute(split + "@role", "holdout"))
    case("MC122", dataset(split + "/x", np.zeros(12, "<f4")))
    case("MC123", dataset(split + "/y", np.zeros(12, "<f4")))
    case("MC124", dataset(split + "/id", texts([f"record-{i:04}" for i in range(100, 113)])))
    case("MC125", dataset(split + "/weight", np.zeros(13, "<f4")))


def legacy_rules():
    for rule, name in [("KL101", "model_config"), ("KL102", "training_config"), ("KL103", "keras_version"),
                       ("KL104", "backend")]:
        case(rule, attribute("/@" + name, 5))
    case("KL105", both(Model.drop_config, drop("/model_weights"), dataset("/model_weights", np.zeros(3))))
    case("KL106", attribute("/model_weights@keras_version", 5))
    case("KL107", attribute("/model_weights@backend", 5))
    case("KL108", attribute("/model_weights@layer_names", texts([["input", "dense"]])))
    case("KL109", both(Model.weights_alone, attribute("/@layer_names", texts([["input", "dense"]]))))
    for first, whole in [(110, True), (125, False)]:
        base = "/model_weights" if whole else ""
        prepare = Model.drop_config if whole else Model.weights_alone
        names = f"{base}@layer_names" if whole else "/@layer_names"
        case(f"KL{first}", both(prepare, attribute(names, texts(["input", "dense", "ghost"]))))
        case(f"KL{first + 1}", both(prepare, attribute(base + "/input@weight_names", np.zeros((0, 2)))))
        case(f"KL{first + 2}", both(prepare, attribute(base + "/input@weight_names", texts(["ghost"]))))
        case(f"KL{first + 3}", both(prepare, attribute(base + "/dense/dense/bias@dtype", 5)))
        top = base + "/top_level_model_weights"
        case(f"KL{first + 5}", both(prepare, drop(top), dataset(top, np.zeros(3))))
        case(f"KL{first + 6}", both(prepare, attribute(top + "@weight_names", np.zeros((0, 2)))))
        case(f"KL{first + 7}", both(prepare, attribute(top + "@weight_names", texts(["ghost"]))))

        def top_weight(m, top=top):
            m.attributes[top + "@weight_names"] = texts(["scale"])
            m.datasets[top + "/scale"] = np.ones(2, "<f4")
            m.attributes[top + "/scale@dtype"] = 5
            m.weights.append(top + "/scale")
        case(f"KL{first + 8}", both(prepare, top_weight))
    o = "/optimizer_weights"
    case("KL140", dataset(o, np.zeros(3)))
    case("KL141", both(attribute(o + "@weight_names", 5), lambda m: m.groups.append(o)))
    case("KL143", dataset(o + "/step", "five"))
    case("KL144", dataset(o + "/adam/step", "five"))


def weights_rules():
    def start(m):
        m.drop_ours()
        m.drop_config()
        drop("/model_weights")(m)
        m.attributes = {}
        m.groups = ["/layers"]
    case("KW101", both(start, attribute("/@keras_version", 5)))
    case("KW102", both(start, attribute("/@backend", 5)))
    for first, base in [(110, "/layers"), (120, "/_layer_checkpoint_dependencies"), (130, "/optimizer"), (140, "/vars"),
                        (150, "/metrics")]:
        def alone(m, base=base):
            start(m)
            m.groups = [] if base == "/layers" else ["/layers"]
        case(f"KW{first}", both(alone, dataset(base, np.zeros(3))))
        case(f"KW{first + 1}", both(start, attribute(base + "@name", 5)))
        case(f"KW{first + 2}", both(start, dataset(base + "/0", "text")))
        if base != "/vars":
            case(f"KW{first + 4}", both(start, attribute(base + "/dense/vars@name", 5)))
            case(f"KW{first + 5}", both(start, dataset(base + "/dense/vars/0", "text")))
            case(f"KW{first + 6}", both(start, dataset(base + "/dense/vars/0", np.zeros(3)),
                                        attribute(base + "/dense/vars/0@dtype", 5)))


def coded_rules():
    split = "/modelctl/splits/train"
    test_ids = [f"record-{i:04}" for i in range(12, 16)]
    case("MC001", attribute("/modelctl/splits@input-scale", np.float32("nan")))
    case("MC002", dataset("/somebody/else", np.zeros(3)))
    case("MC003", dataset("/modelctl/splits/test/id", texts(["record-0003"] + test_ids[1:])))
    case("MC004", dataset("/modelctl/splits/test/id", np.arange(4)))
    labels = (np.arange(12) % 2).astype("<i4")
    labels[5] = 7
    case("MC005", dataset(split + "/y", labels))
    targets = np.full((12, 2), 0.5, "<f4")
    targets[3] = [1.5, -0.5]
    case("MC005", dataset(split + "/y", targets), name="MC005-probabilities")

    def manifest(change):
        def apply(m):
            m.on_manifest = change
        return apply
    case("MC007", manifest(lambda found: found["arrays"][3].update(sha256="0" * 64)))
    case("MC007", manifest(lambda found: found["arrays"][3].update(type="float64")), name="MC007-type")
    case("MC007", manifest(lambda found: found["arrays"].pop()), name="MC007-missing")

    def other_digest(m):
        m.digest = lambda digest: "sha256:" + "0" * 64
    case("MC008", other_digest)
    case("MC009", lambda m: m.records.append({"operation": "train", "previous": "sha256:" + "0" * 64}))

    def other_end(m):
        m.content_after = lambda digest: "sha256:" + "0" * 64
    case("MC010", other_end)
    optimizer = dataset("/optimizer_weights/step", np.zeros(1))
    case("MC011", both(optimizer, lambda m: m.records.append({"operation": "unlearn"})))
    case("MC012", attribute("/@model_config", "{"))
    case("MC013", dataset("/model_weights/dense/dense/kernel", np.zeros((8, 3), "<f4")))
    case("MC014", dataset("/model_weights/dense/dense/bias", np.array([np.nan, 0], "<f4")))

    def zero(path):
        # Rewritten in place: the old chunks stay, and the file's own digests are made right again.
        with h5py.File(path, "r+") as f:
            f[split + "/x"][...] = 0

    def forget_digests(m):
        m.has_manifest = False
    x = np.random.default_rng(3).normal(size=(60, 8)).astype("<f4")
    case("MC015", both(packed, forget_digests, dataset(split + "/x", x), dataset(split + "/y", np.zeros(60, "<i4")),
                       dataset(split + "/id", texts([f"record-{i:04}" for i in range(100, 160)])),
                       lambda m: m.records.clear()),
         name="MC015-in-place", after=zero)

    def delete(path):
        with h5py.File(path, "r+") as f:
            del f["/model_weights/dense/old"]

    def old_weight(m):
        m.datasets = {"/model_weights/dense/old": np.random.default_rng(5).normal(size=(64, 8)), **m.datasets}
    case("MC015", old_weight, after=delete)
    case("MC015", both(old_weight, Model.drop_ours), after=delete, name="MC015-foreign")

    def hide(*data):
        def change(m):
            packed(m)
            m.hidden[split + "/x"] = data
        return change
    case("MC015", hide(b"", b"of a forgotten record"), name="MC015-behind-chunk")
    case("MC015", hide(b"of a forgotten record", b""), name="MC015-inside-chunk")

    def hide_elsewhere(m):
        packed(m)
        m.datasets["/extra/x"] = x
        m.hidden["/extra/x"] = (b"", b"of a forgotten record")
    case(["MC002", "MC015"], hide_elsewhere, name="MC015-elsewhere-chunk")

    def shorter(path):
        with h5py.File(path, "r+") as f:
            f["/modelctl"].attrs["producer"] = "x"
    case("MC016", attribute("/modelctl@producer", "somebody whose name is deleted in place"), after=shorter)

    def share(path):
        with h5py.File(path, "r") as f:
            a, b = (f["/dense/dense/" + n].id.get_offset() for n in ["kernel", "other"])
        data = open(path, "rb").read()
        assert data.count(struct.pack("<Q", b)) == 1
        with open(path, "wb") as raw:
            raw.write(data.replace(struct.pack("<Q", b), struct.pack("<Q", a)))

    def two(m):
        m.weights_alone()
        m.settings = {"libver": "earliest"}
        m.attributes["/dense@weight_names"] = texts(["dense/kernel", "dense/bias", "dense/other"])
        m.datasets["/dense/dense/other"] = np.zeros((8, 2), "<f4")
    case("MC017", two, after=share)

    def spoil(path):
        data = open(path, "rb").read()
        assert b"FSSE" in data
        with open(path, "wb") as raw:
            raw.write(data.replace(b"FSSE", b"XXXX"))

    def many(m):
        m.weights_alone()
        names = [f"dense/{i}" for i in range(40)]
        m.attributes["/dense@weight_names"] = texts(names)
        m.datasets = {f"/dense/{n}": np.ones(2, "<f4") for n in names}
    case("MC018", many, after=spoil)


def bfloat16():
    """Sound files: the ways in which other writers store it."""
    def weights(form, marked):
        def change(m):
            m.drop_ours()
            for path in m.weights:
                m.datasets[path] = (m.datasets[path].view("<u4") >> 16).astype("<u2").view(form)
                if marked:
                    m.attributes[path + "@dtype"] = "bfloat16"
        return change
    case(None, weights("V2", False), name="bfloat16-unmarked")
    case(None, weights("V2", True), name="bfloat16-marked")
    case(None, weights("<u2", True), name="bfloat16-integers")


def erasure_rules():
    model = Model()
    packed(model)
    valid = model.write("valid")
    with h5py.File(valid) as f:
        chunk = f["/modelctl/splits/train/x"].id.read_direct_chunk((0, 0))[1]
        row = f["/modelctl/splits/train/x"][4].tobytes()
    ids = ["record-0004"]

    def without(m):
        packed(m)
        split = "/modelctl/splits/train/"
        for name in ["x", "y", "id"]:
            m.datasets[split + name] = np.delete(m.datasets[split + name], 4, axis=0)
        m.datasets[split + "id"] = m.datasets[split + "id"].astype(TEXT)

    def hide(data):
        def change(m):
            m.settings["userblock_size"] = 1024
            m.user_block = b"?" * 100 + data
        return change

    def duplicate(m):
        without(m)
        m.datasets["/modelctl/splits/test/x"][2] = np.frombuffer(row, "<f4")
    case(None, without, name="clean", erased=ids, original="valid.h5")
    case("MC030", name="MC030", erased=ids)
    case("MC031", both(without, attribute("/modelctl@producer", "made for record-0004 alone")), erased=ids)
    case("MC031", both(without, dataset("/modelctl/splits/train/parent", np.arange(1234567890, 1234567901))),
         name="MC031-number", erased=["1234567893"])
    case(None, both(without, attribute("/modelctl@producer", "made for record-00045 alone")), name="clean-longer",
         erased=ids)
    case("MC032", duplicate, erased=ids, original="valid.h5")
    case("MC033", both(without, hide(chunk)), erased=ids, original="valid.h5")
    case("MC034", both(without, hide(row)), erased=ids, original="valid.h5")
    case("MC035", both(without, dataset("/optimizer_weights/step", np.zeros(1))), erased=ids, original="valid.h5")

    def by_hand(path):
        # What people do: the rows are deleted in place, and the file is not written anew.
        with h5py.File(path, "r+") as f:
            group = f["/modelctl/splits/train"]
            kept = {name: np.delete(group[name][()], 4, axis=0) for name in ["x", "y", "id"]}
            for name in kept:
                del group[name]
        # What is freed can be used again only while the file is open.
        with h5py.File(path, "r+") as f:
            for name, value in kept.items():
                f["/modelctl/splits/train"].create_dataset(name, data=value, dtype=TEXT if name == "id" else None)
    case(["MC007", "MC015", "MC016", "MC031", "MC033"], packed, name="by-hand", after=by_hand, erased=ids,
         original="valid.h5")
    case("MC036", without, erased=ids + ["record-9999"], original="valid.h5")


def main():
    os.makedirs(FOLDER, exist_ok=True)
    modelctl_rules()
    legacy_rules()
    weights_rules()
    coded_rules()
    bfloat16()
    erasure_rules()
    with open(os.path.join(FOLDER, "cases.json"), "w") as f:
        f.write("[\n" + ",\n".join("  " + json.dumps(c) for c in CASES) + "\n]\n")


if __name__ == "__main__":
    main()
