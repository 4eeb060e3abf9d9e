#!/usr/bin/env python3
"""Writes tools/benchmarks/networks/*.json, as Keras 3 model.to_json() writes them."""
import argparse
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402

L = keras.layers


def sequential(name, shape, layers):
    return keras.Sequential([keras.Input(shape, name="input"), *layers], name=name)


def mlp():
    return sequential("mlp", (784,), [
        L.Dense(256, activation="relu", name="dense1"),
        L.Dense(128, activation="relu", name="dense2"),
        L.Dense(10, activation="softmax", name="head"),
    ])


def lenet():
    return sequential("lenet", (28, 28, 1), [
        L.Conv2D(6, 5, activation="relu", name="conv1"),
        L.MaxPooling2D(2, name="pool1"),
        L.Conv2D(16, 5, activation="relu", name="conv2"),
        L.MaxPooling2D(2, name="pool2"),
        L.Flatten(name="flatten"),
        L.Dense(120, activation="relu", name="dense1"),
        L.Dense(84, activation="relu", name="dense2"),
        L.Dense(10, activation="softmax", name="head"),
    ])


def vgg():
    conv = lambda filters, name: L.Conv2D(filters, 3, padding="same", activation="relu", name=name)  # noqa: E731
    return sequential("vgg", (32, 32, 3), [
        conv(64, "conv1"), conv(64, "conv2"), L.MaxPooling2D(2, name="pool1"),
        conv(128, "conv3"), conv(128, "conv4"), L.MaxPooling2D(2, name="pool2"),
        L.Flatten(name="flatten"),
        L.Dense(256, activation="relu", name="dense1"),
        L.Dense(10, activation="softmax", name="head"),
    ])


def batch_norm(name):
    return L.BatchNormalization(epsilon=1e-5, momentum=0.9, name=name)


def resnet18():
    def conv(x, filters, size, stride, name):
        # PyTorch's padding of 1 on each side; 'same' would pad on one side only at stride 2.
        if size == 3 and stride == 2:
            x = L.ZeroPadding2D(1, name=f"{name}_pad")(x)
            return L.Conv2D(filters, 3, strides=2, use_bias=False, name=name)(x)
        return L.Conv2D(filters, size, strides=stride, padding="same" if size == 3 else "valid",
                        use_bias=False, name=name)(x)

    image = keras.Input((32, 32, 3), name="input")
    x = conv(image, 64, 3, 1, "stem_conv")
    x = L.ReLU(name="stem_relu")(batch_norm("stem_bn")(x))
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for block in (1, 2):
            stride = 2 if stage > 1 and block == 1 else 1
            p = f"stage{stage}_block{block}"
            y = conv(x, filters, 3, stride, f"{p}_conv1")
            y = L.ReLU(name=f"{p}_relu1")(batch_norm(f"{p}_bn1")(y))
            y = conv(y, filters, 3, 1, f"{p}_conv2")
            y = batch_norm(f"{p}_bn2")(y)
            if stride != 1:
                x = conv(x, filters, 1, stride, f"{p}_shortcut_conv")
                x = batch_norm(f"{p}_shortcut_bn")(x)
            x = L.ReLU(name=f"{p}_relu2")(L.Add(name=f"{p}_add")([y, x]))
    x = L.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, L.Dense(10, activation="softmax", name="head")(x), name="resnet18")


def mobilenetv2():
    model = keras.applications.MobileNetV2(weights=None, classes=10, input_shape=(96, 96, 3))
    model.name = "mobilenetv2"
    return model


def fashion_mlp():
    return sequential("fashion-mlp", (28, 28, 1), [
        L.Flatten(name="flatten"),
        L.Dense(256, activation="relu", name="dense1"),
        L.Dense(128, activation="relu", name="dense2"),
        L.Dense(10, activation="softmax", name="head"),
    ])


def fashion_cnn(bn=False):
    layers = []
    for i, filters in enumerate((16, 32), 1):
        layers.append(L.Conv2D(filters, 3, padding="same", activation=None if bn else "relu", name=f"conv{i}"))
        if bn:
            layers += [batch_norm(f"bn{i}"), L.ReLU(name=f"relu{i}")]
        layers.append(L.MaxPooling2D(2, name=f"pool{i}"))
    return sequential("fashion-cnn-bn" if bn else "fashion-cnn", (28, 28, 1), [
        *layers,
        L.Flatten(name="flatten"),
        L.Dense(128, activation="relu", name="dense1"),
        L.Dense(10, activation="softmax", name="head"),
    ])


def fashion_cnn_bn():
    return fashion_cnn(True)


def fashion_vgg():
    # Wide enough that bfloat16 makes a difference, small enough for a study.
    layers = []
    for i, filters in enumerate((32, 32, 64, 64), 1):
        layers += [L.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{i}"),
                   batch_norm(f"bn{i}"), L.ReLU(name=f"relu{i}")]
        if i % 2 == 0:
            layers.append(L.MaxPooling2D(2, name=f"pool{i // 2}"))
    return sequential("fashion-vgg", (28, 28, 1), [
        *layers,
        L.Flatten(name="flatten"),
        L.Dense(128, activation="relu", name="dense1"),
        L.Dense(10, activation="softmax", name="head"),
    ])


def digits_cnn():
    # It narrows early, so that a thousand digits are learned by heart: the sample's point.
    return sequential("digits-cnn", (8, 8, 1), [
        L.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
        L.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="conv2"),
        L.MaxPooling2D(2, name="pool"),
        L.Flatten(name="flatten"),
        L.Dense(128, activation="relu", name="dense1"),
        L.Dense(10, activation="softmax", name="head"),
    ])


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=os.path.join(here, "networks"))
    out = p.parse_args().out
    os.makedirs(out, exist_ok=True)
    for build in (mlp, lenet, vgg, resnet18, mobilenetv2, fashion_mlp, fashion_cnn, fashion_cnn_bn, fashion_vgg,
                  digits_cnn):
        model = build()
        text = model.to_json()
        assert keras.models.model_from_json(text).count_params() == model.count_params()
        with open(os.path.join(out, model.name + ".json"), "w") as f:
            f.write(text)
        print(f"{model.name:16s} {model.count_params():>10,} parameters")


if __name__ == "__main__":
    main()
