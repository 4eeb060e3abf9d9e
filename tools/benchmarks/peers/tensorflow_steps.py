#!/usr/bin/env python3
"""Training or inference throughput of TensorFlow on the CPU; prints one line of JSON.

    python tools/benchmarks/peers/tensorflow_steps.py --network lenet --batch 64 --threads 2 \
        --mode graph --seconds 5 --warmup 1

The networks are the files of tools/benchmarks/networks, read by Keras. A step is forward,
cross-entropy, backward and SGD with momentum 0.9 in one tf.function; with --inference it is
forward up to the class scores. The data are random and made before timing.
"""
import argparse
import itertools
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import tensorflow as tf

import timing

NETWORKS = pathlib.Path(__file__).resolve().parent.parent / "networks"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options = timing.arguments(parser, sorted(p.stem for p in NETWORKS.glob("*.json")), ("graph", "xla"))
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(1)

    model = keras.models.model_from_json((NETWORKS / f"{options.network}.json").read_text())
    # The networks end in softmax; the loss takes what goes into it, and so does who asks for class scores.
    from_logits = keras.activations.serialize(model.layers[-1].activation) != "softmax"
    if options.inference and not from_logits:
        model.layers[-1].activation = keras.activations.linear
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    optimizer.build(model.trainable_variables)
    batches = [
        (tf.random.normal((options.batch, *model.input_shape[1:])),
         tf.random.uniform((options.batch,), 0, model.output_shape[-1], tf.int32))
        for _ in range(4)]

    @tf.function(jit_compile=options.mode == "xla")
    def train(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.ops.sparse_categorical_crossentropy(
                y, model(x, training=True), from_logits=from_logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    @tf.function(jit_compile=options.mode == "xla")
    def infer(x, y):
        return model(x, training=False)

    step = infer if options.inference else train
    turns = itertools.cycle(batches)
    print(timing.report(options, lambda: step(*next(turns)).numpy(), {"tensorflow": tf.__version__}))


if __name__ == "__main__":
    main()
