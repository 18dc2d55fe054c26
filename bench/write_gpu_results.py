#!/usr/bin/env python3
"""Puts our times and PyTorch's into one JSON, and prints them as one table."""
import argparse
import datetime
import json
import pathlib


def read(path):
    path = pathlib.Path(path)
    if not path.exists() or not path.read_text().strip():
        return None
    return json.loads(path.read_text())


def show(ours, peer):
    """Prints a precision's table; our cases with the peer's times in them."""
    peers = {}
    for case in peer["cases"] if peer else []:
        peers.setdefault((case["operation"], case["case"]), []).append(case)
    print(f"{'operation (' + ours['precision'] + ')':30} {'case':34} {'ms':>9} {'GFLOP/s':>9} "
          f"{'GB/s':>7}  PyTorch")
    for case in ours["cases"]:
        beside = peers.get((case["operation"], case["case"]), [])
        case["peers"] = [{"how": p["how"], "median_ms": p["median_ms"],
                          "ratio": round(p["median_ms"] / case["median_ms"], 3)} for p in beside]
        words = ", ".join(f"{p['how']} {p['median_ms']:.4f} ms ({p['ratio']:.2f}x)"
                          for p in case["peers"])
        ms = case["median_ms"]
        print(f"{case['operation']:30} {case['case']:34} {ms:9.4f} {case['gflop'] / ms * 1e3:9.0f} "
              f"{case['megabytes'] / ms:7.0f}  {words}")
    return ours


def show_pipeline(ours, peer):
    """Prints a configuration's and precision's table; our batches with the peer's beside them."""
    beside = {batch["batch"]: batch for batch in peer["batches"]} if peer else {}
    how = ours["precision"] + ("" if ours["deterministic"] else ", fast")
    print(f"\n{ours['config']}, {how}: {'detect ms':>11} {'PyTorch':>18} "
          f"{'analyse ms':>11} {'PyTorch':>18} {'faces/s':>9}")
    for batch in ours["batches"]:
        other = beside.get(batch["batch"])
        words = {}
        for part in ("detect", "analyse"):
            if other:
                ms, theirs = batch[part]["median_ms"], other[part]["median_ms"]
                batch[part]["peer_ms"], batch[part]["ratio"] = theirs, round(theirs / ms, 3)
                words[part] = f"{theirs:9.2f} ({theirs / ms:.2f}x)"
            else:
                words[part] = "-"
        if other:
            for what in ("probabilities", "restored"):
                batch[f"{what}_off_by"] = max(
                    abs(a - b) for a, b in zip(batch[what], other[what]))
        print(f"{'batch ' + str(batch['batch']):12} {batch['detect']['median_ms']:13.3f} "
              f"{words['detect']:>18} {batch['analyse']['median_ms']:11.3f} "
              f"{words['analyse']:>18} {batch['analyse']['images_per_second']:9.0f}"
              + (f"   off by {batch['probabilities_off_by']:.1e} in probabilities, "
                 f"{batch['restored_off_by']:.1e} in restored values" if other else ""))
    for batch in ours["batches"]:
        del batch["probabilities"], batch["restored"]
    return ours


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=pathlib.Path,
                        help="holds {ours,torch}-PRECISION.json and "
                             "{ours,torch}-pipeline-CONFIG-PRECISION.json; those of torch may be "
                             "missing: then there is no peer")
    parser.add_argument("--gpu", required=True)
    parser.add_argument("--capability", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    result = {"date": datetime.date.today().isoformat(), "commit": arguments.commit,
              "gpu": arguments.gpu, "compute_capability": arguments.capability, "torch": None,
              "cudnn": None, "kernels": [], "pipelines": []}
    for precision in ("fp32", "tf32", "bf16"):
        ours = read(arguments.folder / f"ours-{precision}.json")
        peer = read(arguments.folder / f"torch-{precision}.json")
        if peer:
            result["torch"], result["cudnn"] = peer["torch"], peer["cudnn"]
        if ours:
            result["kernels"].append(show(ours, peer))
    for ours in sorted(arguments.folder.glob("ours-pipeline-*.json"), key=lambda path: path.stem):
        peer = ours.with_name(ours.name.replace("ours-", "torch-"))
        if read(ours):
            result["pipelines"].append(show_pipeline(read(ours), read(peer)))
    if not result["kernels"]:
        raise SystemExit("the benchmark gave no result")
    pathlib.Path(arguments.output).write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwritten: {arguments.output}")


if __name__ == "__main__":
    main()
