#!/usr/bin/env python3
"""Runs ofer_bench_causes and saves what it found, by machine and commit.

bench/write_performance.py sets the experiments below the list of the largest gaps.
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess

import machine

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="ofer_bench_causes")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results",
                        help="folder to save to (bench/results)")
    arguments = parser.parse_args()
    busy = machine.busy_cores()
    command = [arguments.program, "--threads", str(arguments.threads), "--rounds",
               str(arguments.rounds)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{arguments.program} ended with status {done.returncode}; its message is "
                         "above")
    result = {**json.loads(done.stdout), "date": datetime.date.today().isoformat(),
              "commit": machine.commit(HERE.parent), "machine": machine.describe(),
              "busy_cores": busy}
    path = arguments.results / machine.folder_name(result) / f"causes-{result['commit']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for experiment in result["experiments"]:
        print(f"{experiment['config']} {experiment['operation']}: {experiment['shape']}".lstrip())
        for way in experiment["ways"]:
            print(f"  {way['how']:<62}{way['ms']:>10.3f} ms{way['gflop_per_s']:>7.0f} GFLOP/s")
    print(f"written: {path}")


if __name__ == "__main__":
    main()
