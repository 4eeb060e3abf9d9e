#!/usr/bin/env python3
"""Loads a written .h5, .keras or .weights.h5 with Keras and compares its predictions.

    python tools/reference/check_written.py MODEL EXPECTED.npy INPUT.npy [--tolerance 1e-5] [--tf-keras]
        [--architecture model.json]

Prints the largest difference; exits with 1 if it is over the tolerance.
"""
import argparse
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow 2.21's graph optimizer with oneDNN fuses convolution + Add + LeakyReLU and
# loses the slope; eager mode, TensorFlow without oneDNN, and Keras on PyTorch agree.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np  # noqa: E402


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("expected")
    p.add_argument("input")
    p.add_argument("--tolerance", type=float, default=1e-5)
    p.add_argument("--tf-keras", action="store_true", help="load with tf-keras instead of Keras 3")
    p.add_argument("--architecture", help="the network of a .weights.h5, by model.to_json()")
    a = p.parse_args()

    if a.tf_keras:
        import tf_keras as keras
    else:
        import keras
    if a.architecture:
        with open(a.architecture) as file:
            model = keras.models.model_from_json(file.read())
        model.load_weights(a.model)
    else:
        model = keras.models.load_model(a.model, compile=False)
    expected = np.load(a.expected, allow_pickle=False)
    output = np.asarray(model.predict(np.load(a.input, allow_pickle=False), verbose=0))
    if output.shape != expected.shape:
        print(f"shape {output.shape}, expected {expected.shape}")
        sys.exit(1)
    difference = np.abs(output.astype(np.float64) - expected.astype(np.float64)).max() if output.size else 0.0
    print(f"max difference {difference:.3g} over {output.size} values, tolerance {a.tolerance:g}")
    sys.exit(0 if difference <= a.tolerance else 1)   # NaN counts as over


if __name__ == "__main__":
    main()
