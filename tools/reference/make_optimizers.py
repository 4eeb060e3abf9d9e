#!/usr/bin/env python3
"""Writes Tests/Fixtures/optimizers: what Keras's optimizers and schedules do.

Every case is a compiled Keras 3 model: its training_config as Keras writes it
into a file, and the weights after STEPS steps on the batch of
Tests/Fixtures/networks/mlp, from the weights there. Computed in float64 and
rounded at the end. Settings that would change nothing (clipping that never
clips, AMSGrad that never differs) end this script.

    python tools/reference/make_optimizers.py [--out Tests/Fixtures/optimizers]
"""
import argparse
import json
import os
import tempfile

import make_networks as networks
import h5py
import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save_file

STEPS = 8
O, S = keras.optimizers, keras.optimizers.schedules
PLAIN = {"sgd": lambda: O.SGD(0.1), "adam": lambda: O.Adam(0.01), "rmsprop": lambda: O.RMSprop(0.01)}

# name: (the optimizer, one from which its result has to differ)
CASES = {
    "sgd": (PLAIN["sgd"], None),
    "sgd_momentum": (lambda: O.SGD(0.1, momentum=0.9), "sgd"),
    "sgd_nesterov": (lambda: O.SGD(0.1, momentum=0.9, nesterov=True), "sgd_momentum"),
    "sgd_decay": (lambda: O.SGD(0.1, momentum=0.5, nesterov=True, weight_decay=0.05), "sgd"),
    "adam": (PLAIN["adam"], None),
    "adam_settings": (lambda: O.Adam(0.02, beta_1=0.7, beta_2=0.9, epsilon=1e-3), "adam"),
    # Second moments that shrink again, or the largest would be the last.
    "amsgrad_off": (lambda: O.Adam(0.05, beta_2=0.4), "adam"),
    "amsgrad": (lambda: O.Adam(0.05, beta_2=0.4, amsgrad=True), "amsgrad_off"),
    "adamw": (lambda: O.AdamW(0.02, weight_decay=0.1), "adam"),
    "adamw_amsgrad": (lambda: O.AdamW(0.05, beta_2=0.4, weight_decay=0.2, amsgrad=True), "amsgrad"),
    "rmsprop": (PLAIN["rmsprop"], None),
    "rmsprop_momentum": (lambda: O.RMSprop(0.01, rho=0.8, momentum=0.7), "rmsprop"),
    "rmsprop_centered": (lambda: O.RMSprop(0.01, epsilon=1e-3, centered=True), "rmsprop"),
    "rmsprop_both": (lambda: O.RMSprop(0.005, momentum=0.6, epsilon=1e-2, centered=True), "rmsprop"),
    "clip_norm": (lambda: O.SGD(0.1, clipnorm=0.05), "sgd"),
    "clip_global_norm": (lambda: O.SGD(0.1, global_clipnorm=0.1), "sgd"),
    "clip_value": (lambda: O.SGD(0.1, clipvalue=0.01), "sgd"),
    "clip_then_decay": (lambda: O.AdamW(0.02, weight_decay=0.1, epsilon=0.01, global_clipnorm=0.1), "adamw"),
    "cosine": (lambda: O.SGD(S.CosineDecay(0.2, STEPS)), "sgd"),
    "cosine_warmup": (lambda: O.Adam(S.CosineDecay(0.002, 5, alpha=0.1, warmup_target=0.02, warmup_steps=2)), "adam"),
    "exponential": (lambda: O.SGD(S.ExponentialDecay(0.2, 3, 0.5)), "sgd"),
    "exponential_staircase": (lambda: O.SGD(S.ExponentialDecay(0.2, 3, 0.5, staircase=True)), "exponential"),
    "piecewise": (lambda: O.SGD(S.PiecewiseConstantDecay([2, 5], [0.2, 0.1, 0.05]), momentum=0.9), "sgd_momentum"),
    "linear": (lambda: O.SGD(S.PolynomialDecay(0.2, STEPS, 0.0)), "sgd"),
}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    fixtures = os.path.join(here, "..", "..", "Tests", "Fixtures")
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=os.path.join(fixtures, "optimizers"))
    out = p.parse_args().out
    os.makedirs(out, exist_ok=True)
    # Rates and moments too.
    keras.config.set_floatx("float64")
    batch = load_file(os.path.join(fixtures, "networks", "mlp", "values.safetensors"))
    configs, arrays = {}, {}
    for name, (optimizer, other) in CASES.items():
        configs[name], after = run(optimizer, batch)
        arrays.update({f"{name}/{k}": v for k, v in after.items()})
        if other:
            far = max(np.abs(v - arrays[f"{other}/{k}"]).max() for k, v in after.items())
            assert far > 1e-3, (name, other, far)
            print(f"{name:22s} is {far:.1e} from {other}")
    with open(os.path.join(out, "configs.json"), "w") as f:
        json.dump({"steps": STEPS, "configs": configs}, f, indent=1, sort_keys=True)
        f.write("\n")
    save_file({k: np.ascontiguousarray(v, np.float32) for k, v in arrays.items()},
              os.path.join(out, "weights.safetensors"))


def run(optimizer, batch):
    """The configuration as it is in a file, and all weights by name after the steps."""
    model = networks.mlp(keras)
    names = [(f"{n}/{v.name}", v) for n, l in networks.leaves(model) for v in l.weights]
    for name, v in names:
        v.assign(batch[f"weight/{name}"])
    model.compile(optimizer(), keras.losses.SparseCategoricalCrossentropy())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.h5")
        model.save(path)
        with h5py.File(path) as f:
            config = json.loads(f.attrs["training_config"])
    own = optimizer()
    networks.Oracle(model, "float64").train(own, STEPS, batch["input"], batch["labels"])
    assert int(own.iterations.numpy()) == STEPS
    assert own.learning_rate.dtype == "float64" or isinstance(own._learning_rate, S.LearningRateSchedule)
    return config, {n: tf.convert_to_tensor(v).numpy() for n, v in names}


if __name__ == "__main__":
    main()
