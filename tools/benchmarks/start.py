#!/usr/bin/env python3
"""Times how long a command that only reads takes, from the start of its process to its end.

    python3 tools/benchmarks/start.py [BINARY...]

Each binary (by default the one that tools/build makes) runs each of a few commands once a round, in turn, so
that whatever else the machine does falls on all of them alike. Printed is the median in milliseconds, and the
range that the middle half of the rounds lies in.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "digits.h5"
COMMANDS = (["--version"], ["inspect", "--trusted", SAMPLE], ["inspect", SAMPLE])


def run(words):
    """The milliseconds that a process lives; what it prints goes nowhere."""
    actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    process = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    _, status = os.waitpid(process, 0)
    wall = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{' '.join(words)} failed")
    return 1000 * wall


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", metavar="BINARY", nargs="*")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    build = [ROOT / "tools" / "build"]
    binaries = options.binaries or [subprocess.run(
        build, check=True, capture_output=True, text=True).stdout.strip()]

    jobs = [[str(word) for word in [binary] + command] for command in COMMANDS for binary in binaries]
    times = [[] for _ in jobs]
    # The first rounds bring everything into memory.
    for round in range(-3, options.rounds):
        for job, walls in zip(jobs, times):
            wall = run(job)
            if round >= 0:
                walls.append(wall)
    print("| command | ms | middle half |\n| --- | --- | --- |")
    for job, walls in zip(jobs, times):
        low, middle, high = statistics.quantiles(walls, n=4)
        print(f"| {' '.join(job)} | {middle:.1f} | {low:.1f} to {high:.1f} |".replace(f"{ROOT}/", ""))


if __name__ == "__main__":
    main()
