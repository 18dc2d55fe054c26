#!/usr/bin/env python3
"""Steps of training: ours in fp32 and in bf16, and the PyTorch twin's, in turns on one machine.

The same weights, the same batch; the first step's losses are compared before times are. A ratio is
the median over the rounds of (the twin's median) / (that side's median).
"""
import argparse
import datetime
import json
import os
import pathlib
import sys
import tempfile

import numpy as np

import machine
from compare_stages import HERE, environments
from worker import Worker

STAGES = ("mae", "svdd", "recognise")
LARGEST_DIFFERENCE = 1e-4  # of the first loss in fp32, relative


def losses_apart(sides):
    """Side -> how far its first loss is from the twin's, relative.

    In bf16 that is told and not judged: batch norms over a few faces of an untrained network
    magnify every rounding.
    """
    twin = sides["twin"].info["first_loss"]
    apart = {side: abs(worker.info["first_loss"] - twin) / abs(twin)
             for side, worker in sides.items() if side != "twin"}
    if not apart["fp32"] <= LARGEST_DIFFERENCE:
        raise SystemExit(f"{sides['fp32'].info['stage']}: the first losses differ, ours "
                         f"{sides['fp32'].info['first_loss']}, twin {twin}: times mean nothing")
    return apart


def measure_stage(stage, arguments, folder):
    our_environment, twin_environment = environments(arguments)
    batch = pathlib.Path(folder) / f"{stage}.safetensors"
    shared = ["-m", arguments.weights, "--stage", stage, "--threads", str(arguments.threads)]

    def ours(precision, more=()):
        return Worker([arguments.program, *shared, "--batch", str(arguments.batch), "--precision",
                       precision, *more], our_environment)

    peer = [sys.executable, str(HERE / "peers" / "twin_training.py"), *shared, "--batch-file",
            str(batch)]
    medians = {}
    with ours("fp32", ("--write-batch", str(batch))) as fp32, \
            Worker(peer, twin_environment) as twin:
        sides = {"fp32": fp32, "twin": twin}
        bf16 = ours("bf16") if arguments.bf16 else None
        if bf16:
            sides["bf16"] = bf16
        apart = losses_apart(sides)
        medians = {side: [] for side in sides}
        for number in range(arguments.rounds):
            order = list(sides)
            for side in order[number % len(order):] + order[:number % len(order)]:
                wall, _ = sides[side].visit(stage, arguments.seconds)
                medians[side].append(float(np.median(wall)))
        about = {side: worker.info for side, worker in sides.items()}
        if bf16:
            bf16.__exit__()
    twin_medians = np.array(medians["twin"])
    return {"stage": stage, "about": about, "first_loss_apart": apart,
            "median_ms": {side: round(float(np.median(m)), 2) for side, m in medians.items()},
            "images_per_second": {side: round(1e3 * arguments.batch / float(np.median(m)), 1)
                                  for side, m in medians.items()},
            "ratio_to_twin": {side: round(float(np.median(twin_medians / np.array(m))), 3)
                              for side, m in medians.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="ofer_bench_training")
    parser.add_argument("-m", "--weights", required=True, help="weight file, not folded")
    parser.add_argument("--stage", action="append", choices=STAGES, help="only these stages")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="least time of one visit")
    parser.add_argument("--no-bf16", dest="bf16", action="store_false",
                        help="leave our bf16 out, for a CPU without the instructions")
    parser.add_argument("--blas", help="folder of the libblas.so.3 that the twin shall use")
    parser.add_argument("--json", help="write the numbers to this file")
    arguments = parser.parse_args()
    busy = machine.busy_cores()
    with tempfile.TemporaryDirectory() as folder:
        stages = [measure_stage(stage, arguments, folder) for stage in arguments.stage or STAGES]
    result = {"date": datetime.date.today().isoformat(), "commit": machine.commit(HERE.parent),
              "machine": machine.describe(), "busy_cores": busy,
              "threads": arguments.threads, "batch": arguments.batch, "rounds": arguments.rounds,
              "stages": stages}
    print(f"{result['machine']['cpu']}, {arguments.threads} threads, batch {arguments.batch}, "
          f"load {load:.2f} before\n")
    print(f"{'stage':12}{'side':8}{'ms a step':>12}{'images/s':>12}{'twin / it':>12}")
    for entry in stages:
        for side in entry["median_ms"]:
            print(f"{entry['stage']:12}{side:8}{entry['median_ms'][side]:12.1f}"
                  f"{entry['images_per_second'][side]:12.1f}{entry['ratio_to_twin'][side]:12.2f}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n",
                                                encoding="utf-8")
        print(f"\nwritten: {arguments.json}")


if __name__ == "__main__":
    main()
