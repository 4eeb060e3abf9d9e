"""What every peer's driver shares: its options, its clock and its line of JSON."""
import json
import statistics
import time


def arguments(parser, networks, modes):
    parser.add_argument("--network", choices=networks, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=modes, default=modes[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--warmup", type=float, default=1, help="seconds")
    parser.add_argument("--steps", type=int, default=5, help="at least so many")
    parser.add_argument("--inference", action="store_true")
    return parser.parse_args()


def measure(step, seconds, at_least):
    """Wall and processor seconds of every step."""
    times, start = [], time.perf_counter()
    while len(times) < at_least or time.perf_counter() - start < seconds:
        wall, processor = time.perf_counter(), time.process_time()
        step()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return times


def report(options, step, versions):
    # The first steps compile and allocate.
    measure(step, options.warmup, 3 if options.steps > 1 else 0)
    times = measure(step, options.seconds, options.steps)
    wall, processor = (statistics.median(column) for column in zip(*times))
    return json.dumps({
        "network": options.network, "batch": options.batch, "threads": options.threads,
        "mode": options.mode, "step": "inference" if options.inference else "training",
        "ms_per_step_median": round(wall * 1e3, 5),
        "processor_ms_per_step_median": round(processor * 1e3, 5),
        "samples_per_second": round(options.batch / wall, 1), **versions})
