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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--torch", required=True, help="may be missing: then there is no peer")
    parser.add_argument("--gpu", required=True)
    parser.add_argument("--capability", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    ours, peer = read(arguments.ours), read(arguments.torch)
    if ours is None:
        raise SystemExit("the benchmark gave no result")
    peers = {}
    for case in peer["cases"] if peer else []:
        peers.setdefault((case["operation"], case["case"]), []).append(case)
    print(f"{'operation':30} {'case':34} {'ms':>9} {'GFLOP/s':>9} {'GB/s':>7}  PyTorch")
    for case in ours["cases"]:
        beside = peers.get((case["operation"], case["case"]), [])
        case["peers"] = [{"how": p["how"], "median_ms": p["median_ms"],
                          "ratio": round(p["median_ms"] / case["median_ms"], 3)} for p in beside]
        words = ", ".join(f"{p['how']} {p['median_ms']:.4f} ms ({p['ratio']:.2f}x)"
                          for p in case["peers"])
        ms = case["median_ms"]
        print(f"{case['operation']:30} {case['case']:34} {ms:9.4f} {case['gflop'] / ms * 1e3:9.0f} "
              f"{case['megabytes'] / ms:7.0f}  {words}")
    result = {"date": datetime.date.today().isoformat(), "commit": arguments.commit,
              "gpu": arguments.gpu, "compute_capability": arguments.capability,
              "torch": peer["torch"] if peer else None,
              "cudnn": peer["cudnn"] if peer else None, **ours}
    pathlib.Path(arguments.output).write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwritten: {arguments.output}")


if __name__ == "__main__":
    main()
