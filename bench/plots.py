#!/usr/bin/env python3
"""Draws results of `ofer bench` as PNG: kernels on their roofline, latency by batch with the peers.

Files are named after the result and lie beside it, where bench/write_performance.py finds them.
"""
import argparse
import json
import pathlib

from bench_sections import peer_label

MISSING = ("plots.py: no matplotlib in this Python: tools/install_packages.sh bench, or "
           "apt-get install python3-matplotlib")


def pyplot():
    try:
        import matplotlib
    except ImportError as error:
        raise SystemExit(MISSING) from error
    matplotlib.use("Agg")
    import matplotlib.pyplot
    return matplotlib.pyplot


def machine_name(result):
    return result.get("gpu", {}).get("name") or result["machine"]["cpu"]


def points(result, device, precision):
    """Operation -> [(floating-point operations for each byte, GFLOP/s)], warm."""
    found = {}
    for row in result["cases"]:
        if (row["device"], row["precision"], row["variant"]) == (device, precision, None) and \
                row["gflop"] > 0 and row["megabytes"] > 0:
            found.setdefault(row["operation"], []).append((
                row["gflop"] / row["megabytes"] * 1e3,
                row["gflop"] / row["warm"]["median_ms"] * 1e3))
    return found


def draw_roofline(plt, result, target, path):
    roof, found = target["roofline"], points(result, target["device"], target["precision"])
    figure, axes = plt.subplots(figsize=(10, 6))
    everything = [point for same in found.values() for point in same]
    left, right = (pick(x for x, _ in everything) for pick in (min, max))
    bandwidths = {"memory": roof["copies"][-1]["gb_per_s"],
                  "caches": max(copy["gb_per_s"] for copy in roof["copies"])}
    ridge = roof["gflop_per_s"] / min(bandwidths.values())
    ends = min(left, ridge) / 2, max(right, ridge) * 2
    for (where, speed), style in zip(bandwidths.items(), ("-", "--")):
        corner = min(roof["gflop_per_s"] / speed, ends[1])
        axes.plot([ends[0], corner, ends[1]],
                  [ends[0] * speed, corner * speed, min(roof["gflop_per_s"], ends[1] * speed)],
                  style, color="black", linewidth=1,
                  label=f"{speed:.0f} GB/s from {where}, {roof['gflop_per_s']:.0f} GFLOP/s")
    markers = "osv^D<>pPX*"
    for i, (operation, same) in enumerate(found.items()):
        axes.scatter(*zip(*same), s=24, marker=markers[i % len(markers)],
                     color=plt.cm.tab20(i % 20), label=operation.replace("_", " "))
    axes.set(xscale="log", yscale="log", xlabel="floating-point operations for each byte",
             ylabel="GFLOP/s", title=f"{machine_name(result)}, {target['device']} "
             f"{target['precision']}, commit {result['commit']}")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=6, ncol=2, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def lines(run):
    """Name -> [(batch, milliseconds, noise)] of ours and every peer."""
    found = {}
    for batch in run["batches"]:
        sides = [("ours", batch["stages"]["whole"])]
        sides += [(peer_label(peer), peer["stages"]["whole"]) for peer in batch.get("peers", [])]
        for name, whole in sides:
            found.setdefault(name, []).append((batch["batch"], whole["median_ms"],
                                               whole["median_ms"] * min(whole["noise"] or 0, 0.9)))
    return found


def draw_latency(plt, result, run, path):
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, values in lines(run).items():
        batches, times, noises = zip(*values)
        axes.errorbar(batches, times, yerr=noises, marker="o", markersize=4, capsize=2, label=name,
                      linewidth=2.5 if name == "ours" else 1.2)
    axes.set(xscale="log", yscale="log", xlabel="faces at once", ylabel="milliseconds of a batch",
             title=f"{machine_name(result)}, {run['config']}, {run['device']} {run['precision']}"
             f"{'' if run['deterministic'] else ', fast'}, commit {result['commit']}")
    ticks = sorted({batch["batch"] for batch in run["batches"]})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def draw(path, folder):
    """The PNGs of one result; their paths."""
    plt = pyplot()
    result = json.loads(path.read_text(encoding="utf-8"))
    if result.get("format") != "ofer-bench":
        raise SystemExit(f"plots.py: {path} is no result of ofer bench")
    made = []
    if result["kind"] == "kernels":
        for target in result["targets"]:
            where = target["device"], target["precision"]
            if "roofline" in target and points(result, *where):
                made.append(folder / f"{path.stem}-roofline-{'-'.join(where)}.png")
                draw_roofline(plt, result, target, made[-1])
    else:
        for run in result["runs"]:
            words = [run["config"], run["device"], run["precision"]]
            if not run["deterministic"]:
                words.append("fast")
            made.append(folder / f"{path.stem}-latency-{'-'.join(words)}.png")
            draw_latency(plt, result, run, made[-1])
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path, help="results of ofer bench")
    parser.add_argument("-o", "--output", type=pathlib.Path, help="folder (beside each file)")
    arguments = parser.parse_args()
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
    for file in arguments.files:
        for path in draw(file, arguments.output or file.parent):
            print(path)


if __name__ == "__main__":
    main()
