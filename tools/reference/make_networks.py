#!/usr/bin/env python3
"""Writes the reference networks under Tests/Fixtures/networks.

Every network is built twice with Keras 3 (float32 and float64 policies) and,
where it is listed in LEGACY, once with tf-keras. The float64 model is the
oracle: everything in values.safetensors except `input` and the targets comes
from it and is rounded to float32 at the end (`logits64` and
`probabilities64` keep their float64 values). The float32 model must agree
with it, otherwise this script stops.

    python tools/reference/make_networks.py [--out Tests/Fixtures/networks] [names...]
"""
import argparse
import os
import zlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import absl.logging  # noqa: E402

absl.logging.set_verbosity(absl.logging.ERROR)

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

BATCH = 5


def leaky(K, slope, name):
    key = "negative_slope" if K is keras else "alpha"
    return K.layers.LeakyReLU(**{key: slope}, name=name)


# ------------------------------------------------------------------ networks
def mlp(K):
    L = K.layers
    return K.Sequential([
        K.Input((7,), name="features"),
        L.Dense(6, activation="relu", name="dense_relu"),
        L.Dense(5, activation="tanh", name="dense_tanh"),
        L.Dense(4, activation="softmax", name="dense_softmax"),
    ], name="mlp")


def _lenet(K, name, softmax):
    L = K.layers
    layers = [
        K.Input((9, 9, 2), name="image"),
        L.Conv2D(3, 5, activation="relu", name="conv1"),
        L.MaxPooling2D(2, name="pool1"),
        L.Conv2D(4, 2, activation="relu" if softmax else None, name="conv2"),
        L.Flatten(name="flatten"),
        L.Dense(4, name="head"),
    ]
    if softmax:
        layers.append(L.Softmax(name="softmax"))
    return K.Sequential(layers, name=name)


def lenet(K):
    return _lenet(K, "lenet", False)


def lenet_softmax(K):
    # 12x12 so that the second convolution and the flattening see more than 1x1.
    L = K.layers
    return K.Sequential([
        K.Input((12, 12, 1), name="image"),
        L.Conv2D(3, 5, activation="relu", name="conv1"),
        L.MaxPooling2D(2, name="pool1"),
        L.Conv2D(4, 3, activation="relu", name="conv2"),
        L.Flatten(name="flatten"),
        L.Dense(6, activation="relu", name="dense"),
        L.Dense(4, name="head"),
        L.Softmax(name="softmax"),
    ], name="lenet_softmax")


def conv_same_strided(K):
    L = K.layers
    image = K.Input((9, 8, 2), name="image")          # odd height, even width
    a = L.Conv2D(3, 3, strides=2, padding="same", activation="relu", name="k3s2")(image)   # 5x4
    b = L.Conv2D(3, 2, strides=2, padding="same", name="k2s2")(image)                      # 5x4
    x = L.Concatenate(name="join")([a, b])
    x = L.Conv2D(4, 2, strides=1, padding="same", activation="relu", name="k2s1")(x)       # 5x4
    x = L.Conv2D(4, (3, 2), strides=(2, 1), padding="same", name="k32s21")(x)              # 3x4
    x = L.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="k3s2_last")(x)  # 2x2
    x = L.Flatten(name="flatten")(x)
    y = L.Dense(3, activation="softmax", name="head")(x)
    return K.Model(image, y, name="conv_same_strided")


def conv_dilated(K):
    L = K.layers
    return K.Sequential([
        K.Input((9, 8, 2), name="image"),
        L.Conv2D(3, 3, dilation_rate=2, padding="same", activation="relu", name="dilated_same"),
        L.Conv2D(4, 3, dilation_rate=2, padding="valid", activation="relu", name="dilated_valid"),
        L.Conv2D(3, 2, dilation_rate=(2, 3), padding="same", name="dilated_even"),
        L.Flatten(name="flatten"),
        L.Dense(3, activation="softmax", name="head"),
    ], name="conv_dilated")


def conv_winograd(K):
    L = K.layers
    return K.Sequential([
        K.Input((8, 8, 16), name="image"),
        L.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
        L.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
        L.GlobalAveragePooling2D(name="gap"),
        L.Dense(4, activation="softmax", name="head"),
    ], name="conv_winograd")


def pools(K):
    L = K.layers
    image = K.Input((9, 9, 2), name="image")
    x = L.Conv2D(3, 3, padding="same", name="conv1")(image)                            # no ReLU: negative values meet the padding
    a = L.MaxPooling2D(2, padding="same", name="max_same")(x)                          # 5x5
    b = L.AveragePooling2D(3, strides=2, padding="same", name="avg_same_overlap")(x)   # 5x5
    c = L.MaxPooling2D(3, strides=2, padding="same", name="max_same_overlap")(x)       # 5x5
    j = L.Concatenate(name="join1")([a, b, c])                                         # 5x5x9
    d = L.MaxPooling2D(3, strides=2, name="max_valid_overlap")(j)                      # 2x2
    e = L.AveragePooling2D(2, name="avg_valid")(j)                                     # 2x2
    f = L.AveragePooling2D(3, strides=2, name="avg_valid_overlap")(j)                  # 2x2
    g = L.AveragePooling2D(2, padding="same", name="avg_same")(j)                      # 3x3
    k = L.Concatenate(name="join2")([d, e, f])                                         # 2x2x27
    k = L.GlobalAveragePooling2D(keepdims=True, name="gap_keepdims")(k)                # 1x1x27
    k = L.Conv2D(4, 1, activation="relu", name="conv2")(k)
    k = L.Flatten(name="flatten")(k)
    h = L.GlobalAveragePooling2D(name="gap")(g)                                        # 9
    y = L.Concatenate(name="join3")([k, h])
    y = L.Dense(4, activation="softmax", name="head")(y)
    return K.Model(image, y, name="pools")


def batchnorm(K):
    L = K.layers
    return K.Sequential([
        K.Input((6, 6, 2), name="image"),
        L.Conv2D(3, 3, padding="same", use_bias=False, name="conv1"),
        L.BatchNormalization(name="bn1"),
        L.ReLU(name="relu1"),
        L.Conv2D(4, 3, use_bias=False, name="conv2"),
        L.BatchNormalization(scale=False, epsilon=1e-5, momentum=0.9, name="bn_noscale"),
        L.ReLU(name="relu2"),
        L.Conv2D(4, 2, padding="same", use_bias=False, name="conv3"),
        L.BatchNormalization(center=False, momentum=0.9, name="bn_nocenter"),
        L.Activation("relu", name="relu3"),
        L.Flatten(name="flatten"),
        L.Dense(6, use_bias=False, name="dense"),
        L.BatchNormalization(name="bn_dense"),
        L.Activation("relu", name="relu4"),
        L.Dense(4, activation="softmax", name="head"),
    ], name="batchnorm")


def batchnorm_after_bias(K):
    # The gradient of these biases is zero in training mode, except for rounding,
    # and Adam would blow the rounding up: no after_adam/* for this network.
    L = K.layers
    return K.Sequential([
        K.Input((5, 6, 2), name="image"),
        L.Conv2D(3, 3, activation="relu", name="conv1"),
        L.BatchNormalization(name="bn_after_relu"),
        L.Conv2D(4, 2, name="conv2"),
        L.BatchNormalization(scale=False, center=False, momentum=0.9, name="bn_plain"),
        L.ReLU(name="relu"),
        L.Flatten(name="flatten"),
        L.Dense(5, name="dense"),
        L.BatchNormalization(epsilon=1e-5, name="bn_dense"),
        L.Dense(3, activation="softmax", name="head"),
    ], name="batchnorm_after_bias")


def residual(K):
    L = K.layers
    image = K.Input((8, 8, 2), name="image")
    x = L.ZeroPadding2D(1, name="pad_symmetric")(image)                                # 10x10
    x = L.Conv2D(4, 3, use_bias=False, name="stem")(x)                                 # 8x8
    x = L.BatchNormalization(epsilon=1e-5, momentum=0.9, name="stem_bn")(x)
    x = leaky(K, 0.1, "stem_leaky")(x)

    # identity shortcut
    y = L.Conv2D(4, 3, padding="same", use_bias=False, name="block1_conv")(x)
    y = L.BatchNormalization(epsilon=1e-5, momentum=0.9, name="block1_bn")(y)
    x = L.Add(name="block1_add")([x, y])
    x = L.ReLU(name="block1_relu")(x)

    # projection shortcut, asymmetric zero padding in front of a valid stride-2 convolution
    y = L.ZeroPadding2D(((0, 1), (0, 1)), name="pad_asymmetric")(x)                    # 9x9
    y = L.Conv2D(6, 3, strides=2, name="block2_conv")(y)                               # 4x4
    s = L.Conv2D(6, 1, strides=2, name="block2_shortcut")(x)                           # 4x4
    x = L.Add(name="block2_add")([y, s])
    x = leaky(K, 0.3, "block2_leaky")(x)

    z = L.ZeroPadding2D(((2, 0), (1, 3)), name="pad_uneven")(x)                        # 6x8
    z = L.Conv2D(3, (3, 5), activation="relu", name="uneven_conv")(z)                  # 4x4
    x = L.Concatenate(name="concat")([x, z])
    x = L.GlobalAveragePooling2D(name="gap")(x)
    out = L.Dense(4, name="logits")(x)
    out = L.Activation("softmax", name="softmax")(out)
    return K.Model(image, out, name="residual")


def activations(K):
    L = K.layers
    v = K.Input((8,), name="features")
    x = L.Dense(6, activation="relu", name="fused_relu")(v)
    x = L.Dense(6, activation="elu", name="fused_elu")(x)
    x = L.Dense(6, activation="sigmoid", name="fused_sigmoid")(x)
    x = L.Dense(6, activation="tanh", name="fused_tanh")(x)
    x = L.Dense(6, activation="leaky_relu" if K is keras else K.activations.leaky_relu, name="fused_leaky_relu")(x)
    x = L.Dense(6, activation="linear", name="fused_linear")(x)
    a = L.Activation("relu", name="activation_relu")(x)
    b = L.Activation("elu", name="activation_elu")(x)
    c = L.Activation("sigmoid", name="activation_sigmoid")(x)
    d = L.Activation("tanh", name="activation_tanh")(x)
    e = L.Activation("leaky_relu" if K is keras else K.activations.leaky_relu, name="activation_leaky_relu")(x)
    f = L.Activation("linear", name="activation_linear")(x)
    g = L.ReLU(name="layer_relu")(x)
    h = L.ELU(alpha=0.7, name="layer_elu")(x)
    i = leaky(K, 0.2, "layer_leaky")(x)
    x = L.Concatenate(name="concat")([a, b, c, d, e, f, g, h, i])
    x = L.Dense(5, activation="softmax", name="inner_softmax")(x)   # softmax in the middle
    x = L.Dense(3, name="logits")(x)
    x = L.Activation("softmax", name="activation_softmax")(x)
    return K.Model(v, x, name="activations")


def dropout(K):
    L = K.layers
    return K.Sequential([
        K.Input((6, 6, 2), name="image"),
        L.Dropout(0.2, name="drop_input"),
        L.Conv2D(3, 3, activation="relu", name="conv"),
        L.Dropout(0.25, name="drop_conv"),
        L.Flatten(name="flatten"),
        L.Dense(6, activation="relu", name="dense"),
        L.Dropout(0.5, name="drop_dense"),
        L.Dense(3, activation="softmax", name="head"),
    ], name="dropout")


def functional_branches(K):
    L = K.layers
    # The layers are created in another order than the one in which they are connected.
    head = L.Dense(3, activation="softmax", name="a_head")
    join = L.Concatenate(name="m_join")
    right = L.Conv2D(2, 1, padding="same", activation="tanh", name="b_right")
    right2 = L.Conv2D(3, 3, padding="same", activation="relu", name="z_right2")
    left = L.Conv2D(4, 3, padding="same", activation="relu", name="c_left")
    stem = L.Conv2D(3, 3, activation="relu", name="y_stem")
    flat = L.Flatten(name="d_flatten")
    image = K.Input((7, 6, 2), name="x_image")
    x = stem(image)                                       # 5x4x3
    x = join([right2(right(x)), left(x)])                 # the longer branch comes first
    return K.Model(image, head(flat(x)), name="functional_branches")


def sequence(K):
    L = K.layers
    return K.Sequential([
        K.Input((12,), dtype="int32", name="tokens"),
        L.Embedding(20, 6, name="embedding"),
        L.Conv1D(8, 3, padding="causal", activation="relu", name="causal"),
        L.MaxPooling1D(2, name="max"),                                                 # 6x8
        L.SeparableConv1D(7, 3, padding="same", depth_multiplier=2, activation="silu", name="separable"),
        L.LayerNormalization(center=False, name="layer_norm"),
        L.SpatialDropout1D(0.2, name="spatial"),
        L.Conv1D(5, 2, strides=2, use_bias=False, name="strided"),                                # 3x5
        L.BatchNormalization(name="bn"),
        L.UpSampling1D(2, name="up"),
        L.ZeroPadding1D((1, 2), name="pad"),
        L.Cropping1D((2, 1), name="crop"),                                             # 6x5
        L.AveragePooling1D(3, strides=2, padding="same", name="mean"),
        L.GlobalAveragePooling1D(name="gap"),
        L.Dense(3, activation="softmax", name="head"),
    ], name="sequence")


def mobile(K):
    L = K.layers
    image = K.Input((8, 8, 3), name="image")
    x = L.Rescaling([0.5, 1.0, 2.0], offset=-0.1, name="rescale")(image)
    x = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)      # 4x4
    x = L.BatchNormalization(momentum=0.9, name="stem_bn")(x)
    x = L.ReLU(max_value=6, name="relu6")(x)
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = L.BatchNormalization(scale=False, name="depthwise_bn")(x)
    x = L.Activation("silu", name="silu")(x)
    gate = L.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = L.Conv2D(8, 1, activation="sigmoid", name="excite")(gate)
    x = L.Multiply(name="gate")([x, gate])
    x = L.SeparableConv2D(6, 3, padding="same", depth_multiplier=2, name="separable")(x)
    x = L.GaussianNoise(0.1, name="noise")(x)
    x = L.Conv2D(6, 3, padding="same", groups=2, activation="relu", name="groups")(x)
    x = L.Conv2DTranspose(5, 3, strides=2, padding="same", activation="tanh", name="transposed")(x)   # 8x8
    x = L.Cropping2D(((1, 2), (0, 3)), name="crop")(x)                                 # 5x5
    x = L.UpSampling2D(2, interpolation="bilinear", name="up")(x)                      # 10x10
    x = L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, name="multiplied")(x)      # 4x4
    a = L.GlobalMaxPooling2D(name="most")(x)
    y = L.Dense(4, activation="softmax", name="head")(a)
    return K.Model(image, y, name="mobile")


def more_activations(K):
    L = K.layers
    v = K.Input((8,), name="features")
    x = L.Dense(6, name="stem")(v)
    names = ["gelu", "silu", "mish", "softplus", "softsign", "selu", "exponential", "hard_sigmoid"]
    if K is keras:
        names += ["relu6", "celu", "log_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink",
                  "squareplus", "sparse_plus", "sparse_sigmoid", "log_softmax"]
    branches = [L.Activation(n, name=f"activation_{n}")(x) for n in names]
    branches.append(L.PReLU(name="prelu")(x))
    branches.append(L.ReLU(max_value=0.8, negative_slope=0.2, threshold=0.3, name="bent")(x))
    x = L.Concatenate(name="concat")(branches)
    y = L.Dense(3, activation="softmax", name="head")(x)
    return K.Model(v, y, name="more_activations")


def merges(K):
    L = K.layers
    image = K.Input((4, 6), name="table")
    x = L.Normalization(name="normalization")(image)
    x = L.Reshape((4, 6, 1), name="reshape")(x)
    x = L.Conv2D(6, 2, padding="same", name="conv")(x)                                 # 4x6x6
    a = L.GroupNormalization(3, name="group_norm")(x)
    b = L.LayerNormalization(axis=[1, 2, 3], name="whole_norm")(x)
    c = L.Dense(6, activation="gelu", name="pixelwise")(x)
    p = L.Subtract(name="subtract")([a, b])
    q = L.Multiply(name="multiply")([b, c])
    r = L.Average(name="average")([a, b, c])
    s = L.Maximum(name="maximum")([a, c])
    t = L.Minimum(name="minimum")([b, x])
    x = L.Concatenate(axis=1, name="rows")([p, q])                                     # 8x6x6
    y = L.Concatenate(axis=2, name="columns")([r, s, t])                               # 4x18x6
    x = L.Permute((3, 1, 2), name="permute")(x)                                        # 6x8x6
    x = L.Softmax(axis=1, name="softmax_first")(x)
    x = L.GlobalAveragePooling2D(name="gap1")(x)
    y = L.GlobalMaxPooling2D(name="gap2")(y)
    y = L.RepeatVector(3, name="repeat")(y)                                            # 3x6
    y = L.Conv1D(6, 3, name="mix")(y)
    y = L.Flatten(name="flatten")(y)
    x = L.Add(name="add")([x, y])
    x = L.Dense(3, activation="softmax", name="head")(x)
    return K.Model(image, x, name="merges")


def operations(K):
    """Functions of keras.ops beside layers of the same names, as in the applications of Keras."""
    L, ops = K.layers, K.ops
    image = K.Input((6, 6, 3), name="image")
    x = L.Rescaling(0.5, name="rescale")(image)
    x = L.Normalization(axis=3, name="normalization")(x)          # counted from the front
    x = L.Conv2D(5, 3, padding="same", name="conv")(x)
    gate = L.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = L.Conv2D(5, 1, name="excite")(gate)
    gate = ops.relu6(gate + 3.0) * (1 / 6)                        # a hard sigmoid, by hand
    y = L.Multiply(name="gate")([x, gate])
    z = ops.maximum(1.5 - y, 0.0) / 2.0 - 0.25
    z = L.Add(name="skip")([ops.silu(z) * y, x])
    v = L.GlobalAveragePooling2D(name="pool")(z)
    v = ops.tanh(v) - L.Dense(5, name="dense")(v)
    return K.Model(image, L.Dense(3, activation="softmax", name="head")(v), name="operations")


def nested(K):
    L = K.layers
    block = K.Sequential([
        K.Input((6, 6, 3)),
        L.Conv2D(4, 3, padding="same", use_bias=False, name="widen"),
        L.BatchNormalization(momentum=0.9, name="block_bn"),
        L.Activation("relu", name="block_relu"),
        L.Conv2D(3, 3, padding="same", name="narrow"),
    ], name="block")
    inner = K.Sequential([K.Input((5,)), L.Dense(4, activation="tanh", name="deepest")], name="inner")
    features = K.Input((108,), name="flat_features")
    hidden = L.Dense(5, activation="elu", name="hidden")(features)
    classifier = K.Model(features, inner(hidden), name="classifier")
    again = L.Dense(4, activation="tanh", name="again")
    image = K.Input((6, 6, 3), name="image")
    x = block(image)
    x = L.Add(name="skip")([image, block(x)])                                          # one block, twice
    x = L.Flatten(name="flatten")(x)
    x = classifier(x)
    x = again(again(x))
    return K.Model(image, L.Dense(3, activation="softmax", name="head")(x), name="nested")


def binary(K):
    L = K.layers
    return K.Sequential([
        K.Input((7,), name="features"),
        L.Dense(6, activation="relu", name="dense"),
        L.Dense(1, activation="sigmoid", name="head"),
    ], name="binary")


NETWORKS = [sequence, mobile, more_activations, merges, operations, nested, binary, mlp, lenet, lenet_softmax, batchnorm, batchnorm_after_bias, conv_same_strided, conv_dilated, conv_winograd,
            pools, residual, activations, dropout, functional_branches]
LEGACY = {"mlp", "lenet", "lenet_softmax", "batchnorm", "batchnorm_after_bias", "conv_same_strided", "conv_dilated", "pools", "residual",
          "dropout", "functional_branches", "mobile", "nested", "binary", "sequence"}
# optimizer of the saved training configuration; "trained": one step before saving
COMPILED = {
    "mlp": (lambda K: K.optimizers.Adam(1e-3), True),
    "lenet": (lambda K: K.optimizers.SGD(0.05, momentum=0.9), True),
    "batchnorm": (lambda K: K.optimizers.Adam(1e-3), True),
    "residual": (lambda K: K.optimizers.SGD(0.01, momentum=0.9, nesterov=True), True),
    "dropout": (lambda K: K.optimizers.Adam(1e-3), False),
}


# --------------------------------------------------------------------- tools
def random_weights(model, rng):
    values = []
    for v in model.weights:
        name, shape = v.name.split("/")[-1].split(":")[0], tuple(v.shape)
        if name in ("kernel", "depthwise_kernel", "pointwise_kernel", "embeddings", "alpha", "mean"):
            fan_in = int(np.prod(shape[:-1]))
            w = rng.normal(0, 1.3 / np.sqrt(fan_in), shape)
        elif name == "bias":
            w = rng.uniform(0.05, 0.4, shape) * rng.choice([-1, 1, 1], shape)
        elif name == "gamma":
            w = rng.uniform(0.5, 1.5, shape)
        elif name == "beta":
            w = rng.normal(0, 0.4, shape)
        elif name == "moving_mean":
            w = rng.normal(0, 0.3, shape)
        elif name == "count":
            w = np.asarray(7)
        elif name in ("moving_variance", "variance"):
            w = rng.uniform(0.5, 2.0, shape)
        else:
            raise ValueError(v.name)
        values.append(w.astype(np.float32))
    return values


def leaves(model, prefix=""):
    """The layers that are no models, by the names of all models around them."""
    for layer in model.layers:
        if isinstance(layer, (keras.Model, tf_keras.Model)):
            yield from leaves(layer, f"{prefix}{layer.name}/")
        else:
            yield prefix + layer.name, layer


def assign(model, weights):
    model.set_weights(weights)
    for _, layer in leaves(model):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


class Oracle:
    """Logits, losses and gradients of a Keras 3 model, in the dtype of its policy."""

    def __init__(self, model, dtype):
        self.model, self.dtype = model, dtype
        for _, layer in leaves(model):
            if isinstance(layer, (keras.layers.Dropout, keras.layers.SpatialDropout1D)):
                layer.rate = 0.0
            if isinstance(layer, keras.layers.GaussianNoise):
                layer.stddev = 0.0
            if isinstance(layer, keras.layers.Conv2D) and max(layer.dilation_rate) > 1:
                layer.convolution_op = dilated_convolution(layer)
            if isinstance(layer, keras.layers.Conv2D) and layer.groups > 1:
                layer.convolution_op = grouped_convolution(layer)
        last = model.layers[-1]
        if isinstance(last, keras.layers.Dense):
            last.activation = keras.activations.linear
            self.net = model
        else:       # Softmax or Activation("softmax")
            self.net = keras.Model(model.inputs, last.input)

    def logits(self, x, training):
        z = self.net(tf.constant(x, self.dtype), training=training)
        # One score is the second class's; the first one's is zero.
        return tf.concat([tf.zeros_like(z), z], 1) if z.shape[-1] == 1 else z

    def names(self, trainable):
        vs = self.model.trainable_variables if trainable else self.model.weights
        out = []
        for name, layer in leaves(self.model):
            for v in layer.trainable_variables if trainable else layer.weights:
                out.append((f"{name}/{v.name}", v))
        assert [id(v) for _, v in out] == [id(v) for v in vs] or trainable
        assert len(out) == len(vs), (len(out), len(vs))
        return out

    def label_loss(self, x, labels):
        z = self.logits(x, True)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, z))

    def soft_loss(self, x, soft, weights):
        z = self.logits(x, False)
        ce = tf.nn.softmax_cross_entropy_with_logits(tf.constant(soft, self.dtype), z)
        return tf.reduce_sum(tf.constant(weights, self.dtype) * ce)

    def gradients(self, loss):
        named = self.names(True)
        with tf.GradientTape() as tape:
            value = loss()
        grads = tape.gradient(value, [v.value for _, v in named])
        return value.numpy(), {n: tf.convert_to_tensor(g).numpy() for (n, _), g in zip(named, grads)}

    def train(self, optimizer, steps, x, labels):
        named = self.names(True)
        optimizer.build([v for _, v in named])
        for _ in range(steps):
            with tf.GradientTape() as tape:
                value = self.label_loss(x, labels)
            # Dense, also where TensorFlow keeps only the rows of a table that were looked up.
            grads = [tf.convert_to_tensor(g) for g in tape.gradient(value, [v.value for _, v in named])]
            optimizer.apply_gradients(zip(grads, [v for _, v in named]))


def grouped_convolution(layer):
    """TensorFlow's CPU kernels lack the gradients of grouped convolutions: take the groups one by one."""
    def op(inputs, kernel):
        inputs = tf.split(inputs, layer.groups, axis=3)
        kernels = tf.split(tf.convert_to_tensor(kernel), layer.groups, axis=3)
        return tf.concat([tf.nn.conv2d(i, k, layer.strides, layer.padding.upper())
                          for i, k in zip(inputs, kernels)], 3)
    return op


def dilated_convolution(layer):
    """TensorFlow's CPU kernels lack some gradients of dilated convolutions: spread the kernel with zeros instead."""
    def op(inputs, kernel):
        kernel = tf.convert_to_tensor(kernel)
        kh, kw, ci, co = kernel.shape
        dh, dw = layer.dilation_rate
        k = tf.reshape(kernel, (kh, 1, kw, 1, ci, co))
        k = tf.pad(k, [[0, 0], [0, dh - 1], [0, 0], [0, dw - 1], [0, 0], [0, 0]])
        k = tf.reshape(k, (kh * dh, kw * dw, ci, co))[: (kh - 1) * dh + 1, : (kw - 1) * dw + 1]
        return tf.nn.conv2d(inputs, k, layer.strides, layer.padding.upper())
    return op


def measure(build, weights, dtype, x, labels, soft, sample_weights):
    keras.config.set_dtype_policy(dtype)
    model = build(keras)
    keras.config.set_dtype_policy("float32")
    assign(model, weights)
    plain = None if dtype == "float32" else model(tf.constant(x, dtype), training=False).numpy()
    oracle = Oracle(model, dtype)
    out = {}

    out["logits"] = oracle.logits(x, False).numpy()
    out["probabilities"] = tf.nn.softmax(oracle.logits(x, False)).numpy()
    if plain is not None and model.name != "lenet":
        shown = out["probabilities"][:, 1:] if plain.shape[1] == 1 else out["probabilities"]
        assert np.abs(plain - shown).max() < 1e-6, "model output is not softmax(logits)"

    out["loss_labels"], grads = oracle.gradients(lambda: oracle.label_loss(x, labels))
    out.update({f"grad/{n}": g for n, g in grads.items()})
    out.update({f"moving/{n}": v.numpy().copy() for n, v in oracle.names(False) if "/moving_" in n})

    assign(model, weights)
    out["loss_soft"], grads = oracle.gradients(lambda: oracle.soft_loss(x, soft, sample_weights))
    out.update({f"grad_soft/{n}": g for n, g in grads.items()})
    for v, w in zip(model.weights, weights):
        assert np.array_equal(np.asarray(v), w), "inference mode changed a weight"

    for label, optimizer in (
            ("after_sgd", keras.optimizers.SGD(0.05, momentum=0.9)),
            ("after_adam", keras.optimizers.Adam(1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7))):
        assign(model, weights)
        oracle.train(optimizer, 3, x, labels)
        out.update({f"{label}/{n}": v.numpy().copy() for n, v in oracle.names(False)})
    if model.name == "batchnorm_after_bias":
        out = {k: v for k, v in out.items() if not k.startswith("after_adam/")}
    return {k: np.asarray(v) for k, v in out.items()}


def check_moving_averages(model, weights, values, x):
    """The first BatchNormalization, by hand: biased variance, moving = m*moving + (1-m)*batch."""
    for i, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.BatchNormalization):
            before = keras.Model(model.inputs, layer.input)
            a = before(x, training=True).numpy().astype(np.float64).reshape(-1, layer.gamma.shape[0] if layer.scale else layer.beta.shape[0])
            mean, var = a.mean(0), a.var(0)
            start = dict(zip([f"{n}/{v.name}" for n, l in leaves(model) for v in l.weights], weights))
            m = layer.momentum
            for n, s in (("moving_mean", mean), ("moving_variance", var)):
                want = m * start[f"{layer.name}/{n}"] + (1 - m) * s
                got = values[f"moving/{layer.name}/{n}"]
                assert np.abs(want - got).max() < 1e-5, (layer.name, n, want, got)
            return


def make(build, root):
    name = build.__name__
    folder = os.path.join(root, name)
    os.makedirs(folder, exist_ok=True)
    keras.utils.clear_session()
    seed = zlib.crc32(name.encode())
    keras.utils.set_random_seed(seed % 2**31)
    rng = np.random.default_rng(seed)

    model = build(keras)
    classes = max(2, model.output_shape[-1])
    x = rng.normal(0, 1, (BATCH,) + model.input_shape[1:]).astype(np.float32)
    if "int" in model.inputs[0].dtype:
        x = rng.integers(0, 20, x.shape).astype(np.float32)
    labels = rng.permutation(np.resize(np.arange(classes), BATCH)).astype(np.int32)
    soft = rng.dirichlet(np.ones(classes), BATCH).astype(np.float32)
    soft /= soft.sum(1, keepdims=True)
    sample_weights = rng.uniform(0.2, 2.0, BATCH).astype(np.float32)
    assign(model, random_weights(model, rng))

    loss = lambda K: K.losses.SparseCategoricalCrossentropy(from_logits=name == "lenet")  # noqa: E731
    optimizer, trained = COMPILED.get(name, (None, False))
    if optimizer:
        model.compile(optimizer(keras), loss(keras), metrics=["accuracy"])
        if trained:
            model.train_on_batch(x, labels)
    weights = [w.copy() for w in model.get_weights()]
    model.save(os.path.join(folder, "keras3.h5"))
    if name == "operations":    # where its layers are counted, and its operations are not
        model.save(os.path.join(folder, "model.keras"))
    with open(os.path.join(folder, "architecture.json"), "w") as f:
        f.write(model.to_json())
    expected = model(x, training=False).numpy()

    if name in LEGACY:
        tf_keras.backend.clear_session()
        old = build(tf_keras)
        if optimizer:
            old.compile(optimizer(tf_keras), loss(tf_keras), metrics=["accuracy"])
            if trained:
                old.train_on_batch(x, labels)
        by_name = {f"{n}/{v.name}": np.asarray(v) for n, l in leaves(model) for v in l.weights}
        for n, layer in leaves(old):
            roles = [v.name.split("/")[-1].split(":")[0] for v in layer.weights]
            if "Depthwise" in type(layer).__name__:
                roles = [r.replace("depthwise_kernel", "kernel") for r in roles]
            layer.set_weights([by_name[f"{n}/{r}"] for r in roles])
        assert np.abs(old(x, training=False).numpy() - expected).max() < 1e-5
        old.save(os.path.join(folder, "keras2.h5"))

    if name == "functional_branches":
        import json
        config = json.loads(model.to_json())
        config["config"]["layers"].reverse()
        text = json.dumps(config)
        again = keras.models.model_from_json(text)
        for layer in again.layers:
            layer.set_weights(model.get_layer(layer.name).get_weights())
        assert np.abs(again(x, training=False).numpy() - expected).max() < 1e-6
        with open(os.path.join(folder, "architecture_reversed.json"), "w") as f:
            f.write(text)

    v64 = measure(build, weights, "float64", x, labels, soft, sample_weights)
    v32 = measure(build, weights, "float32", x, labels, soft, sample_weights)
    worst = max((np.abs(v64[k] - v32[k]).max() / max(1, np.abs(v64[k]).max()), k) for k in v64)
    assert worst[0] < 2e-5, worst
    zero = [k for k in v64 if k.startswith("grad") and not np.abs(v64[k]).max() > 1e-4]
    if name != "sequence":      # whose dropout would have a part in it
        check_moving_averages(model, weights, v64, x)
    shown = expected if name != "lenet" else np.asarray(v32["probabilities"])
    if name == "binary":
        shown = np.concatenate([1 - shown, shown], 1)
    assert np.abs(shown - v64["probabilities"]).max() < 1e-5

    out = {"input": x, "labels": labels, "soft_targets": soft, "sample_weights": sample_weights,
           "logits64": v64["logits"], "probabilities64": v64["probabilities"]}
    # Not from the model: checking the moving averages has moved them.
    names = [f"{n}/{v.name}" for n, l in leaves(model) for v in l.weights]
    out.update({f"weight/{n}": np.asarray(w, np.float32) for n, w in zip(names, weights, strict=True)})
    out.update({k: np.asarray(v, np.float32) for k, v in v64.items()})
    assert out["logits64"].dtype == np.float64
    save_file({k: np.ascontiguousarray(v) if v.ndim else v for k, v in out.items()},
              os.path.join(folder, "values.safetensors"))
    size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
    print(f"{name:20s} {size / 1e3:7.1f} kB  float32 vs float64: {worst[0]:.1e} ({worst[1]})"
          + (f"  gradients that are zero: {zero}" if zero else ""), flush=True)
    assert size < 300e3
    return size


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=os.path.join(here, "..", "..", "Tests", "Fixtures", "networks"))
    p.add_argument("names", nargs="*")
    a = p.parse_args()
    total = sum(make(b, a.out) for b in NETWORKS if not a.names or b.__name__ in a.names)
    print(f"total {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
