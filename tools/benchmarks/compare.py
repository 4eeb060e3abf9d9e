#!/usr/bin/env python3
"""Times the engine against PyTorch and TensorFlow, in turn, and prints ratios (above 1: the engine is better).

    python3 tools/benchmarks/compare.py --peer-python PATH [--measure training] [--networks mlp,lenet]

PATH is a Python with the packages of tools/reference/requirements.txt. In each round the engine and every
mode of every peer run once, each as a fresh process on the same network, batch and number of threads; a
ratio is formed within a round, against the best mode, and the median over the rounds is printed with its
range. What is measured:

    training, inference   time of a step; inference is forward up to the class scores, before softmax
    memory                peak memory of a process that trains
    start                 from the start of the process to the end of its first training step

Absolute times depend on the machine and are not printed. --json keeps the rows, --baseline FILE prints the
rows of an earlier run beside them.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TORCH_MODES = ("eager", "channels_last", "compile")
MODES = TORCH_MODES + ("graph", "xla")
MEASURES = ("training", "inference", "memory", "start")


def run(command):
    """What a process prints as its last line, with its peak memory and how long it took."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # A line of JSON and a few warnings fit into the pipes.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{process.stderr.read()}")
    answer = json.loads(process.stdout.read().strip().splitlines()[-1])
    return answer | {"memory": usage.ru_maxrss, "start": wall}


def build():
    package = ["swift", "build", "-c", "release", "--package-path", HERE]
    subprocess.run(package + ["--product", "EngineBench"], check=True, stdout=sys.stderr)
    path = subprocess.run(package + ["--show-bin-path"], check=True, capture_output=True, text=True)
    return path.stdout.strip() + "/EngineBench"


def peer(options, mode, network):
    script = "torch_steps.py" if mode in TORCH_MODES else "tensorflow_steps.py"
    return [options.peer_python, HERE / "peers" / script, "--network", network, "--mode", mode]


def compare(options, binary, measure, network, batch, threads):
    """One row: the ratios of the best peer to the engine, round by round."""
    common = ["--batch", batch, "--threads", threads]
    if measure == "start":
        common += ["--seconds", 0, "--warmup", 0, "--steps", 1]
    else:
        common += ["--seconds", options.seconds, "--warmup", options.warmup]
    common += ["--inference"] if measure == "inference" else []
    common += ["--precision", options.precision] if options.precision != "float32" else []
    figure = measure if measure in ("memory", "start") else f"{options.clock}ms_per_step_median"

    ratios = {}
    for _ in range(options.rounds):
        ours = run([binary, HERE / "networks" / f"{network}.json"] + common)
        for mode in options.modes:
            theirs = run(peer(options, mode, network) + common)
            ratios.setdefault(mode, []).append(theirs[figure] / ours[figure])
    # The best mode may change from round to round; the engine has to beat each round's best.
    best = [min(round) for round in zip(*ratios.values())]
    return {
        "measure": measure, "network": network, "batch": batch, "threads": threads,
        "precision": options.precision, "ratio": statistics.median(best), "least": min(best), "most": max(best),
        "modes": {mode: statistics.median(values) for mode, values in ratios.items()}}


def key(row):
    return (*(row[name] for name in ("measure", "network", "batch", "threads")), row.get("precision", "float32"))


def line(row, modes, baseline):
    earlier = baseline.get(key(row))
    cells = [row["measure"], row["network"], row["batch"], row["threads"],
             f"**{row['ratio']:.2f}** ({row['least']:.2f} to {row['most']:.2f})"]
    cells += [f"{row['modes'][mode]:.2f}" for mode in modes]
    if baseline:
        cells.append(f"{earlier['ratio']:.2f}" if earlier else "")
    return "| " + " | ".join(map(str, cells)) + " |"


def words(text):
    return text.split(",")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--measure", type=words, default=["training"], help=", ".join(MEASURES))
    parser.add_argument("--networks", type=words, default=["mlp", "lenet", "vgg", "resnet18"])
    parser.add_argument("--batches", type=words, default=["64", "128"])
    parser.add_argument("--threads", type=words, default=["2"])
    parser.add_argument("--modes", type=words, default=["eager", "channels_last"], help=", ".join(MODES))
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--warmup", type=float, default=1)
    parser.add_argument(
        "--processor-time", dest="clock", action="store_const", const="processor_", default="",
        help="compare processor time instead, for a machine that is not quiet")
    parser.add_argument("--json", type=pathlib.Path, help="write the rows to this file")
    parser.add_argument("--baseline", type=pathlib.Path, help="rows of an earlier run")
    options = parser.parse_args()
    for name, chosen, known in (("measure", options.measure, MEASURES), ("mode", options.modes, MODES)):
        for word in set(chosen) - set(known):
            parser.error(f"unknown {name} '{word}', one of {', '.join(known)}")
    if options.precision == "bfloat16" and not set(options.modes) <= set(TORCH_MODES):
        parser.error("TensorFlow is compared in float32 alone")
    return options


def main():
    options = parse()
    baseline = {key(row): row for row in json.loads(options.baseline.read_text())} if options.baseline else {}
    binary = build()
    heads = ["measure", "network", "batch", "threads", "best peer / engine"] + options.modes
    heads += ["earlier"] if baseline else []
    print("| " + " | ".join(heads) + " |\n" + "| --- " * len(heads) + "|")
    rows = []
    for measure in options.measure:
        for network in options.networks:
            for batch in options.batches:
                for threads in options.threads:
                    rows.append(compare(options, binary, measure, network, int(batch), int(threads)))
                    print(line(rows[-1], options.modes, baseline), flush=True)
                    if options.json:
                        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
