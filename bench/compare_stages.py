#!/usr/bin/env python3
"""Times the engine's stages and the PyTorch twin's side by side, in one run on one machine.

Both programs stay loaded and take turns, stage by stage, in rounds (ours first, then the twin
first, and so on), so that what else the machine does falls on both. Before anything is timed, every
stage's results are compared. A stage's ratio is the median over the rounds of (the twin's median)
/ (our median); a stage is done when that median is known to 2 % (1.57 IQR / sqrt(rounds)).
"""
import argparse
import datetime
import json
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

import machine
from worker import Worker

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools" / "reference"))

import safetensors_io  # noqa: E402

STAGES = ("encoder_all", "encoder_half", "decoder", "unet", "self_assembly", "recogniser",
          "pipeline")
# What the engine promises at "base" against PyTorch, as a ratio.
TARGETS = {"encoder_all": 1.5, "encoder_half": 1.5, "decoder": 1.5, "unet": 1.0}
LARGEST_DIFFERENCE = 1e-3  # relative L2; float32 over a whole network stays far below
KNOWN_TO = 0.02


def relative_l2(ours, twin):
    ours, twin = ours.astype(np.float64), twin.astype(np.float64)
    if ours.shape != twin.shape:
        return float("inf")
    return float(np.linalg.norm(ours - twin) / max(np.linalg.norm(twin), 1e-30))


def differences(ours, twin, folder):
    """Stage -> the largest relative L2 difference among its results."""
    paths = [pathlib.Path(folder) / f"{name}.safetensors" for name in ("ours", "twin")]
    ours.outputs(paths[0])
    twin.outputs(paths[1])
    ours, twin = (safetensors_io.read(path)[0] for path in paths)
    if set(ours) != set(twin):
        raise SystemExit(f"the two sides give different results: {sorted(set(ours) ^ set(twin))}")
    worst = {}
    for name in ours:
        stage = name.rpartition("/")[0]
        worst[stage] = max(worst.get(stage, 0.0), relative_l2(ours[name], twin[name]))
    wrong = {stage: value for stage, value in worst.items() if not value <= LARGEST_DIFFERENCE}
    if wrong:
        raise SystemExit("the two sides disagree, so times mean nothing: "
                         + ", ".join(f"{stage} {value:.1e}" for stage, value in wrong.items()))
    return worst


class Record:
    """The rounds of one stage."""

    def __init__(self):
        self.samples = {"ours": ([], []), "twin": ([], [])}  # wall, CPU milliseconds
        self.ratios = []

    def add(self, visits):
        for side, (wall, cpu) in visits.items():
            self.samples[side][0].extend(wall)
            self.samples[side][1].extend(cpu)
        self.ratios.append(float(np.median(visits["twin"][0]) / np.median(visits["ours"][0])))

    def known(self):
        low, middle, high = np.percentile(self.ratios, (25, 50, 75))
        return 1.57 * (high - low) / len(self.ratios) ** 0.5 / middle < KNOWN_TO

    def result(self):
        def side(wall, cpu):
            low, middle, high = np.percentile(wall, (5, 50, 95))
            return {"median_ms": round(middle, 4), "p5_ms": round(low, 4),
                    "p95_ms": round(high, 4), "cpu_ms": round(float(np.median(cpu)), 4),
                    "samples": len(wall)}

        low, middle, high = np.percentile(self.ratios, (25, 50, 75))
        return {name: side(*samples) for name, samples in self.samples.items()} | {
            "ratio": round(middle, 3), "ratio_quartiles": [round(low, 3), round(high, 3)],
            "rounds": len(self.ratios)}


def take_turns(workers, names, arguments):
    """Stage -> Record. `workers`: "ours" and "twin"."""
    records = {name: Record() for name in names}
    start = time.monotonic()
    for number in range(arguments.most_rounds):
        left = [name for name in names
                if number < arguments.rounds or not records[name].known()]
        if number >= arguments.rounds and time.monotonic() - start > 60 * arguments.minutes:
            break
        order = ("ours", "twin") if number % 2 == 0 else ("twin", "ours")
        for name in left:
            records[name].add({side: workers[side].visit(name, arguments.seconds)
                               for side in order})
        if sys.stderr.isatty():
            print(f"\rround {number + 1}, {len(left)} stages", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return records


def table(rows):
    lines = [f"{'':26}{'GFLOP':>8}{'ours':>9}{'GF/s':>6}{'twin':>9}{'GF/s':>6}{'ratio':>8}"
             f"{'differ':>9}",
             f"{'':26}{'':>8}{'ms':>9}{'':>6}{'ms':>9}"]
    for row in rows:
        ours, twin = row["ours"]["median_ms"], row["twin"]["median_ms"]
        gflop = row["gflop"]
        lines.append(f"{row['name']:26}{gflop:8.3f}{ours:9.2f}{gflop / ours * 1e3:6.0f}"
                     f"{twin:9.2f}{gflop / twin * 1e3:6.0f}{row['ratio']:7.2f}x"
                     f"{row['difference']:9.0e}")
    return "\n".join(lines)


def verdict(rows):
    """One line for each promise."""
    ratios = {row["name"]: row["ratio"] for row in rows}
    return "\n".join(f"{name}: {ratios[name]:.2f} times the twin's speed, promised {target}: "
                     + ("kept" if ratios[name] >= target else "NOT KEPT")
                     for name, target in TARGETS.items() if name in ratios)


def environments(arguments):
    """Ours, the twin's."""
    twin = dict(os.environ, OMP_NUM_THREADS=str(arguments.threads),
                OPENBLAS_NUM_THREADS=str(arguments.threads),
                MKL_NUM_THREADS=str(arguments.threads))
    if arguments.blas:
        if not (pathlib.Path(arguments.blas) / "libblas.so.3").exists():
            raise SystemExit(f"{arguments.blas} holds no libblas.so.3")
        twin["LD_LIBRARY_PATH"] = ":".join(
            filter(None, [arguments.blas, os.environ.get("LD_LIBRARY_PATH")]))
    return dict(os.environ), twin


def compare(arguments):
    shared = ["-m", arguments.weights, "-i", arguments.inputs, "--threads",
              str(arguments.threads), "--serve"]
    our_environment, twin_environment = environments(arguments)
    busy = [machine.busy_cores()]
    with Worker([arguments.program] + shared, our_environment) as ours, \
            Worker([sys.executable, str(HERE / "peers" / "twin_stages.py")] + shared,
                   twin_environment) as twin, \
            tempfile.TemporaryDirectory() as folder:
        if ours.info["threads"] != twin.info["threads"]:
            raise SystemExit(f"the two sides have {ours.info['threads']} and "
                             f"{twin.info['threads']} threads")
        gflop = {stage["name"]: stage["gflop"] for stage in ours.info.pop("stages")}
        names = [name for name in gflop
                 if (name in arguments.stage if arguments.stage
                     else name in STAGES or arguments.operations)]
        unknown = set(arguments.stage or ()) - set(gflop)
        if unknown:
            raise SystemExit(f"no such stage: {', '.join(sorted(unknown))}")
        differ = differences(ours, twin, folder)
        records = take_turns({"ours": ours, "twin": twin}, names, arguments)
        rows = [{"name": name, "kind": "stage" if name in STAGES else "operation",
                 "gflop": round(gflop[name], 6), "difference": differ[name],
                 **records[name].result()} for name in names]
        busy.append(machine.busy_cores())
        return {"date": datetime.date.today().isoformat(), "commit": machine.commit(HERE.parent),
                "machine": machine.describe(), "busy_cores": busy,
                "threads": arguments.threads, "batch": ours.info["batch"],
                "config": ours.info["config"], "ours": ours.info, "twin": twin.info,
                "stages": rows}


def file_name(result):
    words = [machine.short_name(result["machine"]), result["commit"], result["config"],
             f"batch{result['batch']}", f"{result['threads']}threads",
             result["twin"]["blas"].lower().replace(" ", "-")]
    return "-".join(words) + ".json"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="ofer_bench_stages")
    parser.add_argument("-m", "--weights", required=True)
    parser.add_argument("-i", "--inputs", required=True)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--stage", action="append", help="only these stages or operations")
    parser.add_argument("--operations", action="store_true", help="single operations as well")
    parser.add_argument("--rounds", type=int, default=5, help="least number of rounds")
    parser.add_argument("--most-rounds", type=int, default=25)
    parser.add_argument("--minutes", type=float, default=10.0,
                        help="no further round after this long")
    parser.add_argument("--seconds", type=float, default=0.3, help="least time of one visit")
    parser.add_argument("--blas", help="folder of the libblas.so.3 that the twin shall use")
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--save", metavar="FOLDER",
                        help="write them to FOLDER, named by machine, commit and settings")
    arguments = parser.parse_args()
    result = compare(arguments)
    stages = [row for row in result["stages"] if row["kind"] == "stage"]
    operations = [row for row in result["stages"] if row["kind"] == "operation"]
    ours, twin = result["ours"], result["twin"]
    print(f"{result['machine']['cpu']}, {result['threads']} threads, batch {result['batch']}, "
          f"configuration {result['config']}")
    print(f"ours: {ours['matmul']} products, {ours['kernels']} kernels; twin: PyTorch "
          f"{twin['torch']} with {twin['blas']}; busy cores "
          f"{result['busy_cores'][0]} before, {result['busy_cores'][1]} after\n")
    if (result["busy_cores"][0] or 0) > 0.5:
        print("The machine had other work: no number here is one to quote.\n")
    if stages:
        print(table(stages))
    if operations:
        print("\n" + table(operations))
    if result["config"] == "base" and verdict(stages):
        print("\n" + verdict(stages))
    paths = [pathlib.Path(arguments.json)] if arguments.json else []
    if arguments.save:
        paths.append(pathlib.Path(arguments.save) / file_name(result))
    for path in paths:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
