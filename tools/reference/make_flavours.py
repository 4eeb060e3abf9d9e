#!/usr/bin/env python3
"""Writes Tests/Fixtures/flavours: one model in every flavour of Keras file, and files that
other HDF5 writers could have made of them.

    python tools/reference/make_flavours.py [--out Tests/Fixtures/flavours]

expected.json lists for each file its flavour and its weights: the names of the layers on the way,
with slashes, the variable's own name, dtype, shape, and the SHA-256 of the elements as
little-endian C-order bytes.
"""
import argparse
import ctypes
import hashlib
import json
import os
import shutil

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import absl.logging  # noqa: E402

absl.logging.set_verbosity(absl.logging.ERROR)

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tf_keras  # noqa: E402


# -------------------------------------------------------------------- models
def deep(K, nested_name="encoder"):
    """A model inside a model, layers of one class, and names of the user's own."""
    L = K.layers
    inner = K.Sequential([K.Input((4,)), L.Dense(3), L.BatchNormalization()], name=nested_name)
    x = K.Input((4,), name="features")
    h = L.Dense(5, name="middle")(inner(x))
    h = L.Dropout(0.2)(h)
    h = L.Dense(5, use_bias=False, name="narrow")(h)
    h = L.Add()([h, h])
    return K.Model(x, L.Dense(2, activation="softmax", name="out")(h), name="deep")


def twelve(K):
    """More layers of one class than there are digits."""
    L = K.layers
    names = ["größe"] + [f"step_{chr(108 - i)}" for i in range(11)]
    layers = [K.Input((3,))] + [L.Dense(3, name=name) for name in names]
    return K.Sequential(layers, name="twelve")


def recurrent(K):
    L = K.layers
    x = K.Input((6, 4), name="steps")
    h = L.LSTM(3, return_sequences=True, name="memory")(x)
    h = L.Bidirectional(L.GRU(2), name="both")(h)
    return K.Model(x, L.Dense(2, name="out")(h), name="recurrent")


def composite(K):
    """Layers that keep their weights in parts, and parts of parts."""
    L = K.layers
    x = K.Input((6, 4), name="steps")
    h = L.TimeDistributed(L.Dense(3), name="each")(x)
    piece = K.Sequential([K.Input((3,)), L.Dense(4), L.BatchNormalization()], name="piece")
    h = L.TimeDistributed(piece, name="pieces")(h)
    h = L.Bidirectional(L.LSTM(2, return_sequences=True, name="memory"), name="both")(h)
    h = L.MultiHeadAttention(2, 3, name="attention")(h, h)
    h = L.LayerNormalization(name="norm")(h)
    h = L.RNN([L.LSTMCell(3, name="first"), L.GRUCell(2, name="second")], name="stack")(h)
    return K.Model(x, L.Dense(2, name="out")(h), name="composite")


def shared(K):
    """A model that is called twice, a model in a model in it, and a layer that is called twice."""
    L = K.layers
    x = K.Input((4,), name="left")
    core = K.Sequential([K.Input((4,)), L.Dense(3, name="deep"), L.BatchNormalization(name="bn")], name="core")
    a = K.Input((4,))
    block = K.Model(a, L.Dense(4, name="wide")(core(a)), name="block")
    twice = L.Dense(4, activation="relu", name="twice")
    h = L.Add(name="sum")([block(x), block(twice(twice(x)))])
    return K.Model(x, L.Dense(2, name="out")(h), name="shared")


def custom(K):
    """Layers of classes that only their authors have: one with variables, one with a layer."""

    @K.saving.register_keras_serializable(package="mine")
    class Scaled(K.layers.Layer):
        def build(self, shape):
            self.gain = self.add_weight(name="gain", shape=(shape[-1],))
            self.seen = self.add_weight(name="seen", shape=(), trainable=False)

        def call(self, x):
            return x * self.gain

    @K.saving.register_keras_serializable(package="mine")
    class Twofold(K.layers.Layer):
        def build(self, shape):
            self.inner = K.layers.Dense(3, name="inner")
            self.inner.build(shape)

        def call(self, x):
            return 2 * self.inner(x)

    @K.saving.register_keras_serializable(package="mine")
    class Hiding(K.layers.Layer):
        def build(self, shape):
            self.inner = K.layers.Dense(4, name="scale")

        def call(self, x):
            return self.inner(x)

    L = K.layers
    first = K.Sequential([K.Input((4,)), Scaled(name="scaled"), L.Dense(2, name="out")], name="own")
    second = K.Sequential([K.Input((4,)), Twofold(name="twofold"), L.Dense(2, name="out")], name="inside")
    # Its weights are named as if they were its own.
    third = K.Sequential([K.Input((4,)), Hiding(name="scale"), L.Dense(2, name="out")], name="alike")
    return first, second, third


def inside(K):
    """A model inside a model that was trained by itself first."""
    L = K.layers
    inner = trained(K.Sequential([K.Input((4,)), L.Dense(3, name="code")], name="encoder"))
    x = K.Input((4,), name="features")
    return trained(K.Model(x, L.Dense(2, name="out")(inner(x)), name="inside"))


def grouped(K):
    """A layer whose class Keras publishes under another name."""
    L = K.layers
    x = K.Input((4, 6), name="steps")
    h = L.GroupQueryAttention(2, 4, 2, name="attend")(x, x)
    return K.Model(x, L.Dense(2, name="out")(L.Flatten()(h)), name="grouped")


def depthwise(K):
    """Layers whose weights Keras 2 and 3 call by different names."""
    L = K.layers
    x = K.Input((4, 4, 2), name="image")
    h = L.DepthwiseConv2D(2, depth_multiplier=2, name="deep")(x)
    h = L.SeparableConv2D(3, 2, name="apart")(h)
    h = L.TimeDistributed(L.DepthwiseConv1D(2, use_bias=False, name="line"), name="rows")(h)
    return K.Model(x, L.Dense(2, name="out")(L.Flatten()(h)), name="depthwise")


def slashed(K):
    """A layer whose name is the path of another one, which Keras 2 allows."""
    L = K.layers
    inner = K.Sequential([K.Input((3,)), L.Dense(3, name="b")], name="a")
    x = K.Input((3,), name="x")
    return K.Model(x, L.Dense(2, name="out")(L.Dense(3, name="a/b")(inner(x))), name="slashed")


def reserved(K):
    """A layer named like the group of an .h5 that belongs to no layer: Keras itself cannot save that."""
    L = K.layers
    return K.Sequential([K.Input((3,)), L.Dense(2, name="top_level_model_weights")], name="reserved")


def sharded(K):
    """A model whose weights and optimizer go into several files."""
    L = K.layers
    layers = [L.Dense(24, name="wide"), L.Dense(24, name="deep"), L.Dense(2, name="out")]
    return K.Sequential([K.Input((24,)), *layers], name="sharded")


def words(K):
    """Layers that keep a vocabulary in a file of its own, and a variable under a name of its own."""
    L = K.layers
    text = L.TextVectorization(max_tokens=9, output_mode="tf_idf", name="words")
    text.adapt(np.array(["the cat sat", "on the mat"]))
    x = K.Input((1,), dtype="string", name="text")
    return K.Model(x, L.Dense(2, name="out")(text(x)), name="words")


def again(K):
    """A model of a class of its own with two models inside that have one name."""

    @K.saving.register_keras_serializable(package="mine")
    class Pair(K.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.left, self.right = fill(plain(K), 15), fill(plain(K), 16)

        def call(self, x):
            return self.left(x) + self.right(x)

    model = Pair(name="again")
    model(np.zeros((1, 4), "float32"))
    return model


def adapted(K):
    """A layer with weights of low rank beside its kernel."""
    model = K.Sequential([K.Input((4,)), K.layers.Dense(6, name="wide"), K.layers.Dense(3, name="out")], name="adapted")
    model.layers[0].enable_lora(2)
    return model


def plain(K, policy="float32"):
    L = K.layers
    policy = K.mixed_precision.Policy(policy) if K is tf_keras else K.DTypePolicy(policy)
    return K.Sequential([
        K.Input((4,)),
        L.Dense(6, activation="relu", dtype=policy, name="hidden"),
        L.Dense(3, activation="softmax", dtype=policy, name="scores"),
    ], name="plain")


def fill(model, seed):
    rng = np.random.default_rng(seed)
    model.set_weights([
        (rng.uniform(0.5, 1.5, w.shape) if "variance" in w.name else rng.standard_normal(w.shape))
        .astype("float32") for w in model.weights
    ])
    return model


def trained(model):
    """With an optimizer's state in the file."""
    model.compile("adam", "mse")
    outputs = model.output_shape[1:]
    model.fit(np.zeros((4,) + tuple(model.input_shape[1:])), np.zeros((4,) + tuple(outputs)), verbose=0)
    return model


# -------------------------------------------------------------------- notes
def sha(array):
    array = np.ascontiguousarray(array)
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def layers_of(layer):
    return layer.layers if hasattr(layer, "layers") and not hasattr(layer, "forward_layer") else None


def parts_of(layer):
    """What a layer that is no model consists of, in the order of its weights."""
    names = ["forward_layer", "backward_layer"]
    if not hasattr(layer, "forward_layer"):
        names = ["layer", "cell", "_query_dense", "_key_dense", "_value_dense", "_output_dense"]
    names.append("inner")
    return [getattr(layer, name) for name in names if hasattr(layer, name)] + list(getattr(layer, "cells", []))


def weights_of(layer, label):
    parts = layers_of(layer) or parts_of(layer)
    if parts:
        return [w for part in parts for w in weights_of(part, f"{label}/{part.name}" if label else part.name)]
    result = []
    for variable in layer.weights:
        value = variable.numpy() if hasattr(variable, "numpy") else np.asarray(variable)
        name = variable.name.split("/")[-1].split(":")[0]
        dtype = str(variable.dtype) if isinstance(variable.dtype, str) else variable.dtype.name
        result.append({"layer": label, "role": name, "dtype": dtype, "shape": list(value.shape),
                       "sha256": sha(value)})
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", default="Tests/Fixtures/flavours")
    out = p.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    notes = {}

    def save(model, name, flavour, weights_only=False):
        path = os.path.join(out, name)
        (model.save_weights if weights_only else model.save)(path)
        weights = weights_of(model, "")
        if flavour == "h5":
            # Its lists are those of the outermost layers.
            weights = [dict(w, layer=w["layer"].split("/")[0]) for w in weights]
        notes[name] = {"flavour": flavour, "maker": (K2 if type(model).__module__.startswith("tf_keras") else K3),
                       "weights": weights}

    K3, K2 = f"Keras {keras.__version__}", f"tf-keras {tf_keras.__version__}"
    model = trained(fill(deep(keras), 1))
    save(model, "deep.keras", "keras")
    save(model, "deep.weights.h5", "weights.h5", True)
    with open(os.path.join(out, "deep.json"), "w") as file:
        file.write(model.to_json())
    model = trained(fill(deep(tf_keras), 2))
    save(model, "tfkeras_deep.keras", "keras")
    save(model, "tfkeras_deep.weights.h5", "weights.h5", True)
    save(fill(twelve(keras), 3), "twelve.weights.h5", "weights.h5", True)
    save(fill(recurrent(keras), 4), "recurrent.keras", "keras")
    for kind, seed in [(composite, 7), (shared, 8)]:
        model = fill(kind(keras), seed)
        for end in ["keras", "h5"]:
            save(model, f"{kind.__name__}.{end}", end)
        model = fill(kind(tf_keras), seed)
        for end in ["keras", "h5"]:
            save(model, f"tfkeras_{kind.__name__}.{end}", end)
    save(fill(custom(tf_keras)[2], 9), "tfkeras_custom_alike.h5", "h5")
    for model in custom(keras)[:2]:
        name = f"custom_{model.name}.keras"
        save(fill(model, 9), name, "keras")
        # The file numbers the variables, and what they are only the class says.
        own = [w for w in notes[name]["weights"] if w["layer"] != "out"]
        for number, weight in enumerate(own):
            weight["role"] = str(number)
        save(model, f"custom_{model.name}.h5", "h5")
    save(inside(tf_keras), "tfkeras_inside.keras", "keras")
    save(inside(keras), "inside.keras", "keras")
    model = fill(grouped(keras), 10)
    save(model, "grouped.keras", "keras")
    save(model, "grouped.h5", "h5")
    model = fill(depthwise(tf_keras), 11)
    for end in ["keras", "weights.h5", "h5"]:
        name = f"tfkeras_depthwise.{end}"
        save(model, name, end, end == "weights.h5")
        for weight in notes[name]["weights"]:
            # Where objects own the weights they have numbers, which are read as Keras 3 names them.
            if end != "h5" and weight["layer"] != "apart" and weight["role"] == "depthwise_kernel":
                weight["role"] = "kernel"
    model = fill(depthwise(keras), 11)
    for end in ["keras", "h5"]:
        save(model, f"depthwise.{end}", end)
    model = fill(slashed(tf_keras), 12)
    for end in ["keras", "weights.h5"]:
        save(model, f"tfkeras_slashed.{end}", end, end == "weights.h5")
    save(fill(reserved(keras), 13), "reserved.keras", "keras")
    model = trained(fill(sharded(keras), 14))
    save(model, "sharded.weights.h5", "weights.h5", True)
    # Not in expected.json: it is no file by itself.
    model.save_weights(os.path.join(out, "sharded.weights.json"), max_shard_size=6e-6)
    words(keras).save(os.path.join(out, "words.keras"))
    again(keras).save_weights(os.path.join(out, "again.weights.h5"))
    model = adapted(keras)
    save(model, "adapted.h5", "h5")
    # Keras adds them to the kernel here; before training that changes nothing.
    save(model, "adapted.keras", "keras")
    weights = notes["adapted.keras"]["weights"]
    notes["adapted.keras"]["weights"] = [w for w in weights if not w["role"].startswith("lora_")]
    model = trained(fill(plain(keras), 5))
    save(model, "plain.keras", "keras")
    save(model, "plain.weights.h5", "weights.h5", True)
    save(model, "plain.h5", "h5")
    with open(os.path.join(out, "plain.json"), "w") as file:
        file.write(model.to_json())
    for policy in ["bfloat16", "float16", "float64", "mixed_bfloat16"]:
        save(fill(plain(keras, policy), 6), f"{policy}.keras", "keras")
    model = fill(plain(keras, "bfloat16"), 6)
    save(model, "bfloat16.weights.h5", "weights.h5", True)
    # Without the mark that the other flavours have: Keras itself cannot load it.
    save(model, "bfloat16.h5", "h5")
    with open(os.path.join(out, "bfloat16.json"), "w") as file:
        file.write(model.to_json())
    variants(out, notes)
    with open(os.path.join(out, "expected.json"), "w") as file:
        json.dump(notes, file, indent=1, ensure_ascii=False)
        file.write("\n")


# ----------------------------------------------------------------- other writers
def variants(out, notes):
    def rewrite(source, name, **options):
        path = os.path.join(out, name)
        with h5py.File(os.path.join(out, source)) as old:
            with h5py.File(path, options.pop("mode", "w"), **options) as new:
                copy(old, new)
        notes[name] = dict(notes[source], maker=f"h5py {h5py.__version__}")

    def copy(old, new, **dataset):
        for key, value in old.attrs.items():
            new.attrs[key] = value
        for key, item in old.items():
            if isinstance(item, h5py.Group):
                copy(item, new.create_group(key))
            else:
                new.create_dataset(key, data=item[()])

    rewrite("plain.h5", "user_block.h5", userblock_size=1024)
    with open(os.path.join(out, "user_block.h5"), "r+b") as file:
        file.write(b"#!/bin/sh\n# a block of the user's own\n")
    for name, bounds in [("superblock0", ("earliest", "v108")), ("superblock2", ("v108", "v108")),
                         ("superblock3", ("v110", "v110"))]:
        rewrite("plain.h5", f"{name}.h5", libver=bounds)
    rewrite("plain.weights.h5", "superblock3.weights.h5", libver=("v110", "v110"))
    superblock1(os.path.join(out, "superblock1.h5"))
    rewrite("plain.h5", "superblock1.h5", mode="r+")
    with h5py.File(os.path.join(out, "plain.h5")) as old:
        with h5py.File(os.path.join(out, "packed.h5"), "w") as new:
            for key, value in old.attrs.items():
                new.attrs[key] = value
            old.copy("model_weights", new)
            for layer in ["hidden", "scores"]:
                group = new[f"model_weights/{layer}/plain/{layer}"]
                for key, filters in [("kernel", {"fletcher32": True}),
                                     ("bias", {"compression": "gzip", "shuffle": True, "fletcher32": True})]:
                    value = group[key][()]
                    del group[key]
                    group.create_dataset(key, data=value, chunks=tuple(min(2, n) for n in value.shape), **filters)
    notes["packed.h5"] = dict(notes["plain.h5"], maker=f"h5py {h5py.__version__}")
    strangers(out, notes)


def superblock1(path):
    """An empty file of version 1, which takes a size of B-trees that nobody asks for."""
    library = ctypes.CDLL("libhdf5_serial.so.103")
    for name in ["H5Pcreate", "H5Fcreate"]:
        getattr(library, name).restype = ctypes.c_int64
    library.H5open()
    kind = ctypes.c_int64.in_dll(library, "H5P_CLS_FILE_CREATE_ID_g")
    plist = library.H5Pcreate(kind)
    assert library.H5Pset_istore_k(ctypes.c_int64(plist), 17) >= 0
    file = library.H5Fcreate(path.encode(), 2, ctypes.c_int64(plist), ctypes.c_int64(0))
    assert file >= 0
    library.H5Fclose(ctypes.c_int64(file))
    assert open(path, "rb").read(9)[8] == 1


def strangers(out, notes):
    """What other tools keep beside the model: every type that a file can hold, but references."""
    for source in ["plain.h5", "plain.weights.h5"]:
        name = "strangers." + source.split(".", 1)[1]
        shutil.copy(os.path.join(out, source), os.path.join(out, name))
        with h5py.File(os.path.join(out, name), "r+") as file:
            file.attrs["tool"] = "somebody's"
            group = file.create_group("notes")
            group.attrs["numbers"] = np.arange(3, dtype=">i2")
            group.attrs["words"] = np.array([b"a", b"bc"], dtype="S4")
            group["text"] = "söme text"
            group["lines"] = np.array(["a", "", "ccc"], dtype=h5py.string_dtype())
            group["fixed"] = np.array([b"ab", b"c"], dtype="S3")
            pair = np.array([(1, 2.5), (3, 4.5)], dtype=[("id", "<i4"), ("value", "<f8")])
            group["compound"] = pair
            group["flags"] = np.array([True, False])
            group["enumeration"] = np.array([0, 1], dtype=h5py.enum_dtype({"NO": 0, "YES": 1}, basetype="u1"))
            ragged = group.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype(np.int32))
            ragged[0], ragged[1] = [1, 2, 3], [4]
            group["opaque"] = np.void(b"\1\2\3\4")
            group["big"] = np.arange(4, dtype=">f8")
            group["array"] = np.zeros(2, dtype=[("a", "<f4", (2,))])
            group.create_dataset("empty", data=h5py.Empty("f4"))
            group.create_dataset("growing", data=np.arange(10), chunks=(4,), maxshape=(None,), compression="gzip")
        notes[name] = dict(notes[source], maker=f"{notes[source]['maker']}, h5py {h5py.__version__}")


if __name__ == "__main__":
    main()
