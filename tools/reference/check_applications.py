#!/usr/bin/env python3
"""Saves the image classifiers of keras.applications and compares what modelctl predicts with Keras.

    python3 tools/reference/check_applications.py MODELCTL [--names MobileNetV2,ResNet50] [--size 96]

Weights are random and so are the running statistics, so that every part of a network shows in its answer.
Each model is saved as .keras and as .h5. Prints the largest difference of any probability, and ends with 1
when one is above 1e-4, or when a file is refused that is not among those known to be refused.
"""
import argparse
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras  # noqa: E402
import numpy as np  # noqa: E402

NAMES = ["MobileNet", "MobileNetV2", "MobileNetV3Small", "ResNet50", "ResNet50V2", "VGG16", "DenseNet121",
         "EfficientNetB0", "EfficientNetV2B0", "NASNetMobile", "InceptionV3", "Xception", "ConvNeXtTiny"]
# Layers of classes of its own.
REFUSED = {"ConvNeXtTiny"}
TOLERANCE = 1e-4


def model(name, size, rng):
    keras.utils.set_random_seed(1)
    result = getattr(keras.applications, name)(weights=None, classes=10, input_shape=(size, size, 3))
    for weight in result.weights:
        if "moving_variance" in weight.path:
            weight.assign(rng.uniform(0.7, 1.3, weight.shape))
        elif "moving_mean" in weight.path:
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return result


def compare(modelctl, name, size, folder):
    rng = np.random.default_rng(1)
    network = model(name, size, rng)
    samples = (rng.normal(120, 60, (3, size, size, 3))).astype(np.float32)
    expected = network.predict(samples, verbose=0)
    inputs, outputs = os.path.join(folder, "inputs.npy"), os.path.join(folder, "outputs.npy")
    np.save(inputs, samples)
    failures = 0
    for end in ("keras", "h5"):
        path = os.path.join(folder, f"model.{end}")
        network.save(path)
        result = subprocess.run(
            [modelctl, "predict", path, outputs, "--input", inputs, "-q"], capture_output=True, text=True)
        if result.returncode:
            print(f"{name} .{end}: {result.stderr.strip()}", flush=True)
            failures += name not in REFUSED
            continue
        difference = float(np.abs(np.load(outputs) - expected).max())
        print(f"{name} .{end}: {network.count_params():,} parameters, differs by {difference:.1e}", flush=True)
        failures += not difference <= TOLERANCE
    return failures


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modelctl")
    parser.add_argument("--names", type=lambda text: text.split(","), default=NAMES)
    parser.add_argument("--size", type=int, default=96, help="pixels in a row of an image")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        failures = sum(compare(options.modelctl, name, options.size, folder) for name in options.names)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
