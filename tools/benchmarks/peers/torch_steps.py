#!/usr/bin/env python3
"""Training or inference throughput of PyTorch on the CPU; prints one line of JSON.

    python tools/benchmarks/peers/torch_steps.py --network lenet --batch 64 --threads 2 \
        --mode channels_last --seconds 5 --warmup 1

The networks are those of tools/benchmarks/networks. A step is forward,
cross-entropy, backward and SGD with momentum 0.9 (fused); with --inference it
is forward up to the class scores. The data are random and made before timing. With
--precision bfloat16 the forward pass is PyTorch's automatic mixed precision.
"""
import argparse
import itertools

import torch
from torch import nn

import timing


def mlp():
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)), (784,)


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)), (1, 28, 28)


def vgg():
    layers = []
    for i, o, pool in ((3, 64, False), (64, 64, True), (64, 128, False), (128, 128, True)):
        layers += [nn.Conv2d(i, o, 3, padding=1), nn.ReLU()] + ([nn.MaxPool2d(2)] if pool else [])
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 8 * 128, 256), nn.ReLU(), nn.Linear(256, 10)), (3, 32, 32)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18():
    layers, i = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for stage, o in enumerate((64, 128, 256, 512)):
        layers += [Block(i, o, 2 if stage else 1), Block(o, o, 1)]
        i = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)), (3, 32, 32)


def conv_bn(i, o, size, stride, groups=1):
    return [nn.Conv2d(i, o, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]


class Inverted(nn.Module):
    def __init__(self, i, o, stride, expansion):
        super().__init__()
        wide = i * expansion
        expand = [] if expansion == 1 else conv_bn(i, wide, 1, 1) + [nn.ReLU6()]
        self.branch = nn.Sequential(
            *expand, *conv_bn(wide, wide, 3, stride, wide), nn.ReLU6(), *conv_bn(wide, o, 1, 1))
        self.has_shortcut = stride == 1 and i == o

    def forward(self, x):
        y = self.branch(x)
        return x + y if self.has_shortcut else y


def mobilenetv2():
    layers, i = conv_bn(3, 32, 3, 2) + [nn.ReLU6()], 32
    for expansion, o, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                        (6, 160, 3, 2), (6, 320, 1, 1)):
        for n in range(count):
            layers.append(Inverted(i, o, 1 if n else stride, expansion))
            i = o
    layers += conv_bn(i, 1280, 1, 1) + [nn.ReLU6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10)), (3, 96, 96)


NETWORKS = {f.__name__: f for f in (mlp, lenet, vgg, resnet18, mobilenetv2)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    a = timing.arguments(p, sorted(NETWORKS), ("eager", "channels_last", "compile"))

    torch.set_num_threads(a.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    model, shape = NETWORKS[a.network]()
    batches = [(torch.randn(a.batch, *shape), torch.randint(0, 10, (a.batch,))) for _ in range(4)]
    if a.mode == "channels_last" and len(shape) == 3:
        model = model.to(memory_format=torch.channels_last)
        batches = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in batches]
    model.train(not a.inference)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
    run = torch.compile(model) if a.mode == "compile" else model
    mixed = lambda: torch.autocast("cpu", torch.bfloat16, enabled=a.precision == "bfloat16")  # noqa: E731

    def train(x, y):
        optimizer.zero_grad(set_to_none=True)
        with mixed():
            loss = nn.functional.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()

    def infer(x, y):
        with torch.inference_mode(), mixed():
            return run(x)

    step = infer if a.inference else train

    turns = itertools.cycle(batches)
    print(timing.report(a, lambda: step(*next(turns)), {"torch": torch.__version__}))


if __name__ == "__main__":
    main()
