#!/usr/bin/env python3
"""Converts every flavour of Keras file into every other and loads the results with real Keras.

    python tools/reference/check_flavours.py .build/debug/modelctl [--fixtures Tests/Fixtures]

Each result must answer as the file that it was made from; exits with 1 if one does not.
"""
import argparse
import os
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tf_keras  # noqa: E402

import make_flavours  # noqa: E402

make_flavours.custom(keras)  # registers the classes


def load(path, K, architecture=None):
    if not path.endswith(".weights.h5"):
        return K.models.load_model(path, compile=False)
    with open(architecture) as file:
        model = K.models.model_from_json(file.read())
    model.load_weights(path)
    return model


def answers(model):
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((3,) + tuple(i.shape[1:])).astype("float32") for i in model.inputs]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [np.asarray(o, dtype="float64") for o in outputs]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tool")
    p.add_argument("--fixtures", default="Tests/Fixtures")
    a = p.parse_args()
    cases = [
        ("flavours/plain.h5", None), ("flavours/plain.keras", None),
        ("flavours/plain.weights.h5", "flavours/plain.json"),
        ("flavours/deep.keras", None), ("flavours/deep.weights.h5", "flavours/deep.json"),
        ("flavours/tfkeras_deep.keras", None), ("flavours/recurrent.keras", None),
        ("flavours/bfloat16.keras", None), ("flavours/mixed_bfloat16.keras", None),
        ("flavours/composite.h5", None), ("flavours/composite.keras", None),
        ("flavours/shared.h5", None), ("flavours/shared.keras", None),
        ("flavours/custom_own.h5", None), ("flavours/custom_own.keras", None),
        ("flavours/custom_inside.h5", None), ("flavours/custom_inside.keras", None),
        ("flavours/tfkeras_composite.h5", None), ("flavours/tfkeras_composite.keras", None),
        ("flavours/tfkeras_shared.h5", None), ("flavours/tfkeras_shared.keras", None),
        ("keras/keras3_attention.h5", None), ("keras/keras3_lstm.h5", None), ("keras/tfkeras_lstm.h5", None),
        ("flavours/user_block.h5", None), ("flavours/packed.h5", None),
        *((f"flavours/superblock{n}.h5", None) for n in range(4)),
        *((f"keras/keras3_{name}.h5", None) for name in ["float16", "float64", "mixed_float16", "big_endian",
                                                          "gzip_shuffle", "split_names", "two_inputs"]),
        ("keras/keras3_functional.h5", None), ("keras/keras3_sequential.h5", None),
        ("keras/keras3_nested.h5", None), ("keras/keras3_non_ascii.h5", None),
        ("keras/tfkeras_functional.h5", None), ("keras/tfkeras_nested.h5", None),
        ("keras/keras2_list_config.h5", None),
    ]
    failures = 0
    for source, architecture in cases:
        source = os.path.join(a.fixtures, source)
        architecture = architecture and os.path.join(a.fixtures, architecture)
        makers = [tf_keras, keras] if "tfkeras" in source or "keras2" in source else [keras]
        with tempfile.TemporaryDirectory() as folder:
            extra = ["--architecture", architecture] if architecture else []
            json = architecture or os.path.join(folder, "model.json")
            if not architecture:
                subprocess.run([a.tool, "export", source, json, "-q"], check=True)
            for extension in [".h5", ".keras", ".weights.h5"]:
                out = os.path.join(folder, "out" + extension)
                done = subprocess.run([a.tool, "export", source, out, "-q"] + extra, capture_output=True, text=True)
                name = f"{os.path.basename(source)} -> {extension}"
                if done.returncode:
                    print(f"{name}: refused: {done.stderr.strip()}")
                    continue
                for K in makers:
                    if K is tf_keras and extension == ".keras" and source.endswith("functional.h5"):
                        # An archive says where Functional is, and that is Keras 3's place for it.
                        continue
                    try:
                        expected = answers(load(source, K, json))
                    except Exception as e:
                        print(f"{name}: {K.__name__} cannot load the source itself: {str(e)[:100]!r}")
                        continue
                    try:
                        found = answers(load(out, K, json))
                        worst = max(np.abs(x - y).max() for x, y in zip(expected, found))
                        ok = worst == 0
                    except Exception as e:
                        worst, ok = f"{type(e).__name__}: {str(e)[:300]!r}", False
                    failures += not ok
                    print(f"{name}: {K.__name__}: {'ok' if ok else worst}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
