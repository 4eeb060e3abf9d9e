#!/usr/bin/env python3
"""Times the engine against PyTorch, in turn, and prints the ratio (above 1: the engine is faster).

    python3 tools/benchmarks/compare.py --peer-python PATH [--networks mlp,lenet,vgg] [--batches 64,128]

PATH is a Python with PyTorch (tools/reference/requirements.txt). Each round runs the engine and every
mode of PyTorch once, each as a fresh process; the ratio is formed within a round against the best mode,
and the median over rounds is printed. Absolute times depend on the machine and are not.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stderr}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--networks", default="mlp,lenet,vgg")
    parser.add_argument("--batches", default="64,128")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--modes", default="eager,channels_last")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", default="3")
    parser.add_argument("--warmup", default="1")
    parser.add_argument("--inference", action="store_true")
    parser.add_argument("--json", help="also append one line for each row to this file")
    options = parser.parse_args()

    subprocess.run(
        ["swift", "build", "-c", "release", "--package-path", HERE, "--product", "EngineBench"],
        check=True, stdout=sys.stderr)
    binary = subprocess.run(
        ["swift", "build", "-c", "release", "--package-path", HERE, "--show-bin-path"],
        check=True, capture_output=True, text=True).stdout.strip() + "/EngineBench"
    shared = ["--threads", options.threads, "--seconds", options.seconds, "--warmup", options.warmup]
    shared += ["--inference"] if options.inference else []

    print("| network | batch | best PyTorch / engine | range | best mode |")
    print("| --- | --- | --- | --- | --- |")
    for network in options.networks.split(","):
        for batch in options.batches.split(","):
            ratios, best_modes = [], []
            for _ in range(options.rounds):
                common = ["--batch", batch] + shared
                ours = run([binary, HERE / "networks" / f"{network}.json"] + common)
                peers = [
                    run([options.peer_python, HERE / "peers/torch_steps.py", "--network", network,
                         "--mode", mode] + common)
                    for mode in options.modes.split(",")
                ]
                best = min(peers, key=lambda peer: peer["ms_per_step_median"])
                ratios.append(best["ms_per_step_median"] / ours["ms_per_step_median"])
                best_modes.append(best["mode"])
            row = {"network": network, "batch": int(batch), "threads": int(options.threads),
                   "step": "inference" if options.inference else "training",
                   "ratio": statistics.median(ratios), "ratios": ratios,
                   "best_mode": statistics.mode(best_modes)}
            print(f"| {network} | {batch} | {row['ratio']:.2f} | {min(ratios):.2f} to "
                  f"{max(ratios):.2f} | {row['best_mode']} |", flush=True)
            if options.json:
                with open(options.json, "a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
