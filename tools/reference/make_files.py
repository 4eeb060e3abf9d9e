#!/usr/bin/env python3
"""Writes Tests/Fixtures/keras: small model files in the shapes in which people have them.

    python tools/reference/make_files.py [--out Tests/Fixtures/keras]

expected.safetensors has, by file name without extension, `<file>/input` and
`<file>/output` (what Keras answers in inference mode), and for models in half
precision `<file>/output64` (the stored weights, computed in float64).
manifest.json lists what is in each file: maker, layers, and the datasets with
the SHA-256 of their elements as little-endian C-order bytes.
"""
import argparse
import hashlib
import json
import os
import shutil
import tempfile

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import absl.logging  # noqa: E402

absl.logging.set_verbosity(absl.logging.ERROR)

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

K3 = f"Keras {keras.__version__}"
K2 = f"tf-keras {tf_keras.__version__}"
H5PY = f"h5py {h5py.__version__} (HDF5 {h5py.version.hdf5_version})"


# -------------------------------------------------------------------- models
def sequential(K, names=("conv", "bn", "relu", "pool", "flatten", "dense", "head")):
    L = K.layers
    n = iter(names)
    return K.Sequential([
        K.Input((6, 6, 1), name="image"),
        L.Conv2D(3, 3, padding="same", name=next(n)),
        L.BatchNormalization(name=next(n)),
        L.ReLU(name=next(n)),
        L.MaxPooling2D(2, name=next(n)),
        L.Flatten(name=next(n)),
        L.Dense(5, activation="tanh", name=next(n)),
        L.Dense(3, activation="softmax", name=next(n)),
    ], name="sequential")


def functional(K):
    L = K.layers
    image = K.Input((6, 6, 2), name="image")
    x = L.Conv2D(3, 3, activation="relu", name="stem")(image)
    a = L.Conv2D(3, 3, padding="same", use_bias=False, name="branch_conv")(x)
    a = L.BatchNormalization(name="branch_bn")(a)
    x = L.Add(name="add")([x, a])
    x = L.GlobalAveragePooling2D(name="gap")(x)
    x = L.Dropout(0.3, name="dropout")(x)
    return K.Model(image, L.Dense(3, activation="softmax", name="head")(x), name="functional")


def nested(K):
    """Transfer learning: a frozen model inside a model, and a layer used twice."""
    L = K.layers
    base = K.Sequential([
        K.Input((6, 6, 1), name="base_image"),
        L.Conv2D(3, 3, activation="relu", name="base_conv"),
        L.BatchNormalization(name="base_bn"),
        L.GlobalAveragePooling2D(name="base_gap"),
    ], name="base")
    base.trainable = False
    image = K.Input((6, 6, 1), name="image")
    shared = L.Dense(3, activation="relu", name="shared")
    x = shared(shared(base(image)))
    return K.Model(image, L.Dense(3, activation="softmax", name="head")(x), name="nested")


def two_inputs(K):
    L = K.layers
    image, extra = K.Input((5, 5, 1), name="image"), K.Input((4,), name="extra")
    x = L.Flatten(name="flatten")(L.Conv2D(2, 3, activation="relu", name="conv")(image))
    x = L.Concatenate(name="concat")([x, L.Dense(3, name="dense_extra")(extra)])
    y = L.Dense(3, activation="softmax", name="classes")(x)
    z = L.Dense(1, activation="sigmoid", name="flag")(x)
    return K.Model([image, extra], [y, z], name="two_inputs")


def lstm(K):
    L = K.layers
    return K.Sequential([
        K.Input((4, 3), name="sequence"),
        L.LSTM(4, name="lstm"),
        L.Dense(3, activation="softmax", name="head"),
    ], name="recurrent")


def attention(K):
    L = K.layers
    tokens = K.Input((4, 6), name="tokens")
    double = lambda t: t * 2.0  # noqa: E731
    double.__code__ = double.__code__.replace(co_filename="lambda.py")   # it ends up in the file
    x = L.Lambda(double, output_shape=(4, 6), name="double")(tokens)
    x = L.MultiHeadAttention(num_heads=2, key_dim=3, name="attention")(x, x)
    x = L.LayerNormalization(name="norm")(x)
    x = L.GlobalAveragePooling1D(name="gap")(x)
    return K.Model(tokens, L.Dense(3, activation="softmax", name="head")(x), name="attention")


# --------------------------------------------------------------------- tools
def shapes(model):
    s = model.input_shape
    return s if isinstance(s, list) else [s]


def randomize(model, rng):
    out = []
    for w, v in zip(model.get_weights(), model.weights):
        r = rng.uniform(0.5, 1.5, w.shape) if "variance" in v.name or "gamma" in v.name else rng.normal(0, 0.5, w.shape)
        out.append(r.astype(w.dtype))
    model.set_weights(out)


def prepare(K, build, optimizer=None, seed=1, policy=None, train=True, **build_args):
    """A model with random weights, after one step of its optimizer; with an input and the output for it."""
    K.backend.clear_session()
    K.utils.set_random_seed(seed)
    if policy:
        K.config.set_dtype_policy(policy) if K is keras else K.mixed_precision.set_global_policy(policy)
    model = build(K, **build_args)
    if policy:
        K.config.set_dtype_policy("float32") if K is keras else K.mixed_precision.set_global_policy("float32")
    rng = np.random.default_rng(seed)
    randomize(model, rng)
    xs = [rng.normal(0, 1, (4,) + s[1:]).astype(np.float32) for s in shapes(model)]
    if optimizer:
        model.compile(optimizer, K.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
        if train:
            model.train_on_batch(xs[0], np.array([0, 1, 2, 0], np.int32))
    return model, xs


def predict(model, xs):
    y = model(xs if len(xs) > 1 else xs[0], training=False)
    return [np.asarray(t) for t in (y if isinstance(y, (list, tuple)) else [y])]


def resave(source, target, dataset=None, attribute=None, **file_args):
    """Copies an HDF5 file object by object; `dataset` and `attribute` may change what is written."""
    def copy_attributes(a, b):
        for k, v in a.attrs.items():
            attribute(b.attrs, k, v) if attribute else b.attrs.create(k, v, dtype=a.attrs.get_id(k).dtype)

    def copy(a, b):
        copy_attributes(a, b)
        for k, v in a.items():
            if isinstance(v, h5py.Group):
                copy(v, b.create_group(k))
            else:
                data, options = dataset(v[()]) if dataset else (v[()], {})
                copy_attributes(v, b.create_dataset(k, data=data, **options))

    with h5py.File(source, "r") as a, h5py.File(target, "w", **file_args) as b:
        copy(a, b)


def compressed(data):
    if data.ndim == 0:
        return data, {}
    return data, dict(compression="gzip", compression_opts=6, shuffle=True,
                      chunks=tuple(max(1, (n + 1) // 2) for n in data.shape))


def big_endian(data):
    return np.asarray(data).astype(data.dtype.newbyteorder(">")), {}


def fixed(attrs, name, value):
    if isinstance(value, (str, bytes)):
        value = np.bytes_(value if isinstance(value, bytes) else value.encode())
        attrs.create(name, value, dtype=f"S{len(value)}")
    else:
        value = np.array([v if isinstance(v, bytes) else v.encode() for v in value]) if len(value) else value
        attrs.create(name, value)


def variable(attrs, name, value):
    text = h5py.string_dtype("utf-8")
    decode = lambda v: v.decode() if isinstance(v, bytes) else v  # noqa: E731
    if isinstance(value, (str, bytes)):
        attrs.create(name, decode(value), dtype=text)
    elif len(value):
        attrs.create(name, [decode(v) for v in value], dtype=text)
    else:
        attrs.create(name, np.zeros((0,), "S1"))


def describe(path):
    datasets = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            d = np.asarray(item[()])
            raw = d.astype(d.dtype.newbyteorder("<")) if d.dtype.kind in "iuf" else d
            datasets[name] = {"dtype": str(item.dtype), "shape": list(item.shape)}
            if d.dtype.kind in "iuf":
                datasets[name]["sha256"] = hashlib.sha256(np.ascontiguousarray(raw).tobytes()).hexdigest()

    with h5py.File(path, "r") as f:
        f.visititems(visit)
    return datasets


class Writer:
    def __init__(self, out):
        self.out, self.manifest, self.expected = out, {}, {}

    def path(self, name):
        return os.path.join(self.out, name)

    def record(self, name, maker, note, model, xs, output64=None, loads=True):
        path, stem = self.path(name), name.split(".h5")[0]
        if name.endswith((".keras", ".weights.h5")):
            stem = name
        entry = {"maker": maker, "note": note}
        if model is not None:
            entry["layers"] = [[type(layer).__name__, layer.name] for layer in model.layers]
            entry["parameters"] = int(model.count_params())
            ys = predict(model, xs)
            for kind, values in (("input", xs), ("output", ys)):
                for i, v in enumerate(values):
                    v = v.astype(np.float32) if v.dtype == np.float16 else v
                    self.expected[f"{stem}/{kind}" + (str(i) if len(values) > 1 else "")] = np.ascontiguousarray(v)
            if output64 is not None:
                self.expected[f"{stem}/output64"] = output64
            if loads:
                module = tf_keras if maker.startswith("tf-keras") else keras
                again = module.models.load_model(path, compile=False, **({} if loads is True else loads))
                for a, b in zip(predict(again, xs), ys):
                    assert np.allclose(a, b, atol=1e-6), name
        if h5py.is_hdf5(path):
            entry["datasets"] = describe(path)
        self.manifest[name] = entry
        print(f"{name:36s} {os.path.getsize(path):7d} bytes", flush=True)

    def finish(self):
        save_file(self.expected, self.path("expected.safetensors"))
        with open(self.path("manifest.json"), "w") as f:
            json.dump(self.manifest, f, indent=1, sort_keys=True, ensure_ascii=False)
            f.write("\n")


def in_float64(build, model, xs):
    keras.config.set_dtype_policy("float64")
    again = build(keras)
    keras.config.set_dtype_policy("float32")
    again.set_weights([w.astype(np.float64) for w in model.get_weights()])
    return predict(again, [x.astype(np.float64) for x in xs])[0]


# ----------------------------------------------------------------------- run
def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=os.path.join(here, "..", "..", "Tests", "Fixtures", "keras"))
    out = p.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    w = Writer(out)

    # Keras 3
    base, base_x = prepare(keras, sequential, keras.optimizers.Adam(1e-3))
    base.save(w.path("keras3_sequential.h5"))
    w.record("keras3_sequential.h5", K3, "Sequential with Adam's weights", base, base_x)
    base.save(w.path("keras3_sequential.keras"))
    w.record("keras3_sequential.keras", K3, "the same as a .keras archive", base, base_x)
    base.save_weights(w.path("keras3_sequential.weights.h5"))
    w.record("keras3_sequential.weights.h5", K3, "the same, save_weights()", base, base_x, loads=False)

    m, x = prepare(keras, functional, keras.optimizers.SGD(0.05, momentum=0.9), seed=2)
    m.save(w.path("keras3_functional.h5"))
    w.record("keras3_functional.h5", K3, "functional with SGD's momentum", m, x)
    m.save(w.path("keras3_functional.keras"))
    w.record("keras3_functional.keras", K3, "the same as a .keras archive", m, x)

    m, x = prepare(keras, nested, keras.optimizers.RMSprop(1e-3), seed=3)
    m.save(w.path("keras3_nested.h5"))
    w.record("keras3_nested.h5", K3, "a frozen Sequential inside a functional model; a layer used twice", m, x)
    m, x = prepare(keras, two_inputs, seed=4)
    m.save(w.path("keras3_two_inputs.h5"))
    w.record("keras3_two_inputs.h5", K3, "two inputs, two outputs, not compiled", m, x)

    for policy in ("float16", "mixed_float16", "float64", "mixed_bfloat16"):
        m, x = prepare(keras, sequential, keras.optimizers.Adam(1e-3, epsilon=1e-4), seed=5, policy=policy)
        name = f"keras3_{policy}.h5"
        m.save(w.path(name))
        w.record(name, K3, f"dtype policy {policy}", m, x, in_float64(sequential, m, x), loads=False)

    m, x = prepare(keras, lstm, keras.optimizers.Adam(1e-3), seed=6)
    m.save(w.path("keras3_lstm.h5"))
    w.record("keras3_lstm.h5", K3, "an LSTM layer (the engine cannot run it)", m, x)
    m, x = prepare(keras, attention, seed=7)
    m.save(w.path("keras3_attention.h5"))
    w.record("keras3_attention.h5", K3, "Lambda, MultiHeadAttention and LayerNormalization layers (the engine cannot run them)",
             m, x, loads={"safe_mode": False})
    m, x = prepare(keras, sequential, keras.optimizers.Adam(1e-3), seed=8, train=False,  # graph scopes are ASCII
                   names=("größe", "нормировка", "活性化", "μ_pool", "aplatir_é", "层_dense", "sortie_🙂"))
    m.save(w.path("keras3_non_ascii.h5"))
    w.record("keras3_non_ascii.h5", K3, "layer names outside ASCII", m, x)

    # The same, with the limit for one attribute lowered so that Keras splits the lists.
    from keras.src.legacy.saving import legacy_h5_format
    limit, legacy_h5_format.HDF5_OBJECT_HEADER_LIMIT = legacy_h5_format.HDF5_OBJECT_HEADER_LIMIT, 40
    m, x = prepare(keras, sequential, keras.optimizers.Adam(1e-3), seed=9)
    m.save(w.path("keras3_split_names.h5"))
    legacy_h5_format.HDF5_OBJECT_HEADER_LIMIT = limit
    with h5py.File(w.path("keras3_split_names.h5")) as f:
        assert "layer_names" not in f["model_weights"].attrs and "layer_names1" in f["model_weights"].attrs
    w.record("keras3_split_names.h5", K3, "layer_names and weight_names split over several attributes (limit lowered to 40 bytes)", m, x)

    # tf-keras
    m, x = prepare(tf_keras, sequential, tf_keras.optimizers.Adam(1e-3), seed=11)
    m.save(w.path("tfkeras_sequential.h5"))
    w.record("tfkeras_sequential.h5", K2, "Sequential with Adam's weights", m, x)
    m.save_weights(w.path("tfkeras_weights_only.h5"), save_format="h5")
    w.record("tfkeras_weights_only.h5", K2, "the same, save_weights() in the legacy layout", m, x, loads=False)
    sequential2, sequential2_x = m, x
    m, x = prepare(tf_keras, functional, tf_keras.optimizers.legacy.SGD(0.05, momentum=0.9), seed=12)
    m.save(w.path("tfkeras_functional.h5"))
    w.record("tfkeras_functional.h5", K2, "functional with the legacy SGD's momentum", m, x)
    m, x = prepare(tf_keras, nested, tf_keras.optimizers.Adam(1e-3), seed=13)
    m.save(w.path("tfkeras_nested.h5"))
    w.record("tfkeras_nested.h5", K2, "a frozen Sequential inside a functional model; a layer used twice", m, x)
    m, x = prepare(tf_keras, sequential, tf_keras.optimizers.Adam(1e-3), seed=14, policy="mixed_float16")
    m.save(w.path("tfkeras_mixed_float16.h5"))
    w.record("tfkeras_mixed_float16.h5", K2, "dtype policy mixed_float16", m, x, loads=False)
    m, x = prepare(tf_keras, lstm, tf_keras.optimizers.Adam(1e-3), seed=15)
    m.save(w.path("tfkeras_lstm.h5"))
    w.record("tfkeras_lstm.h5", K2, "an LSTM layer (the engine cannot run it)", m, x)

    # keras3_sequential.h5 and tfkeras_sequential.h5 written again by h5py
    for source, model, x, maker in (("keras3_sequential.h5", base, base_x, K3),
                                    ("tfkeras_sequential.h5", sequential2, sequential2_x, K2)):
        prefix = source.split("_")[0]
        for name, note, args in (
                ("gzip_shuffle", "all weights in chunks, shuffle + gzip", dict(dataset=compressed)),
                ("libver_latest", "libver='latest'", dict(libver="latest")),
                ("fixed_strings", "all strings in attributes of fixed length", dict(attribute=fixed)),
                ("variable_strings", "all strings in attributes of variable length, UTF-8", dict(attribute=variable)),
                ("big_endian", "big-endian numbers, 512-byte user block", dict(dataset=big_endian, userblock_size=512))):
            if prefix == "tfkeras" and name not in ("gzip_shuffle", "big_endian"):
                continue
            target = f"{prefix}_{name}.h5"
            resave(w.path(source), w.path(target), **args)
            if name == "big_endian":
                with open(w.path(target), "r+b") as f:
                    f.write(b"user block\n".ljust(512, b"#"))
            w.record(target, f"{maker}, written again by {H5PY}", note, model, x, loads=name != "big_endian")
            with h5py.File(w.path(target)) as a, h5py.File(w.path(source)) as b:
                for k, v in b["model_weights"].attrs.items():
                    assert np.array_equal([t if isinstance(t, str) else t.decode() for t in np.atleast_1d(a["model_weights"].attrs[k]).tolist()],
                                          [t if isinstance(t, str) else t.decode() for t in np.atleast_1d(v).tolist()]), (target, k)

    # A configuration as Keras 2.0 wrote it: a bare list of layers, the input shape in the first one.
    shutil.copy(w.path("tfkeras_sequential.h5"), w.path("keras2_list_config.h5"))
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, "x.h5")
        with h5py.File(w.path("keras2_list_config.h5"), "r+") as f:
            config = json.loads(f.attrs["model_config"])
            layers = [layer for layer in config["config"]["layers"] if layer["class_name"] != "InputLayer"]
            for layer in layers:
                for key in ("module", "registered_name", "build_config"):
                    layer.pop(key, None)
                layer["config"].pop("batch_input_shape", None)
            layers[0]["config"]["batch_input_shape"] = [None, 6, 6, 1]
            for name in list(f.attrs):
                del f.attrs[name]
            f.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers}).encode()
            f.attrs["keras_version"] = b"2.0.9"
            f.attrs["backend"] = b"tensorflow"
            if "optimizer_weights" in f:
                del f["optimizer_weights"]
            del f["model_weights"].attrs["keras_version"]
            del f["model_weights"].attrs["backend"]
        resave(w.path("keras2_list_config.h5"), temporary)
        shutil.copy(temporary, w.path("keras2_list_config.h5"))
    w.record("keras2_list_config.h5", f"{K2}, edited with {H5PY}",
             "model_config as Keras 2.0 wrote it: a bare list of layers, no InputLayer, no training_config",
             sequential2, sequential2_x)
    w.finish()
    total = sum(os.path.getsize(w.path(f)) for f in os.listdir(out))
    print(f"total {total / 1e3:.0f} kB, TensorFlow {tf.__version__}")


if __name__ == "__main__":
    main()
