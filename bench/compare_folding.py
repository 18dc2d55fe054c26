#!/usr/bin/env python3
"""What folding the recogniser is worth: ours folded, ours as layers, and the PyTorch twin as layers.

Two weight files of one model, as `ofer convert` makes them with and without --keep-structure, and
three programs that take turns in one run on one machine. Outputs are compared before times are. A
ratio is the median over the rounds of (that side's median) / (our folded median).
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import machine
from compare_stages import HERE, environments, safetensors_io
from worker import Worker

STAGE = "recogniser"
SIDES = ("folded", "layers", "twin")
PROMISE = 6.0  # of ours folded, beside the twin as layers
LARGEST_DIFFERENCE = 1e-5  # of logits, as a share of the largest


def logits(worker, path):
    worker.outputs(path)
    return safetensors_io.read(path)[0][f"{STAGE}/logits"].astype(np.float64)


def differences(workers, folder):
    """Side -> the largest difference from the twin's logits, as a share of the largest logit."""
    found = {side: logits(worker, pathlib.Path(folder) / f"{side}.safetensors")
             for side, worker in workers.items()}
    twin = found["twin"]
    return {side: float(np.abs(value - twin).max() / np.abs(twin).max())
            for side, value in found.items() if side != "twin"}


def rounds_of(workers, arguments):
    """Side -> the median of each round, in milliseconds."""
    medians = {side: [] for side in SIDES}
    for number in range(arguments.rounds):
        order = SIDES[number % 3:] + SIDES[:number % 3]
        for side in order:
            wall, _ = workers[side].visit(STAGE, arguments.seconds)
            medians[side].append(float(np.median(wall)))
    return medians


def measure(arguments):
    our_environment, twin_environment = environments(arguments)
    busy = machine.busy_cores()
    with tempfile.TemporaryDirectory() as folder:
        inputs = pathlib.Path(folder) / "inputs.safetensors"
        subprocess.run([sys.executable, str(HERE / "peers" / "make_inputs.py"), "-m",
                        arguments.layers, "--batch", str(arguments.batch), "-o", str(inputs)],
                       check=True)

        def command(program, weights):
            return program + ["-m", weights, "-i", str(inputs), "--threads",
                              str(arguments.threads), "--serve"]

        twin = [sys.executable, str(HERE / "peers" / "twin_stages.py")]
        with Worker(command([arguments.program], arguments.folded), our_environment) as folded, \
                Worker(command([arguments.program], arguments.layers), our_environment) as layers, \
                Worker(command(twin, arguments.layers), twin_environment) as peer:
            workers = dict(zip(SIDES, (folded, layers, peer)))
            differ = differences(workers, folder)
            medians = rounds_of(workers, arguments)
            about = {side: {k: v for k, v in worker.info.items() if k != "stages"}
                     for side, worker in workers.items()}
    base = np.array(medians["folded"])
    return {"date": datetime.date.today().isoformat(), "commit": machine.commit(HERE.parent),
            "machine": machine.describe(), "busy_cores": busy,
            "threads": arguments.threads, "batch": arguments.batch, "stage": STAGE,
            "rounds": arguments.rounds, "about": about, "difference_from_twin": differ,
            "median_ms": {side: round(float(np.median(m)), 3) for side, m in medians.items()},
            "ratio_to_folded": {side: round(float(np.median(np.array(m) / base)), 3)
                                for side, m in medians.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="ofer_bench_stages")
    parser.add_argument("--folded", required=True, help="weights as ofer convert makes them")
    parser.add_argument("--layers", required=True, help="the same with --keep-structure")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="least time of one visit")
    parser.add_argument("--blas", help="folder of the libblas.so.3 that the twin shall use")
    parser.add_argument("--json", help="write the numbers to this file")
    arguments = parser.parse_args()
    result = measure(arguments)
    print(f"{result['machine']['cpu']}, {result['threads']} threads, batch {result['batch']}, "
          f"busy cores {result['busy_cores']} before\n")
    for side, name in zip(SIDES, ("ours, folded", "ours, layers", "twin, layers")):
        print(f"{name:14}{result['median_ms'][side]:10.2f} ms"
              f"{result['ratio_to_folded'][side]:9.2f}x")
    worst = max(result["difference_from_twin"].values())
    print(f"\nlogits differ from the twin's by {worst:.1e} of the largest at most")
    if not worst <= LARGEST_DIFFERENCE:
        raise SystemExit("that is too much: times mean nothing")
    ratio = result["ratio_to_folded"]["twin"]
    print(f"folded: {ratio:.2f} times the twin's speed, promised {PROMISE:g}: "
          + ("kept" if ratio >= PROMISE else "NOT KEPT"))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n",
                                                encoding="utf-8")
        print(f"\nwritten: {arguments.json}")


if __name__ == "__main__":
    main()
