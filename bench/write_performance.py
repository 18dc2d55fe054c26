#!/usr/bin/env python3
"""Writes docs/performance.md from the saved measurements.

Those are bench/results/*.json, and of each machine's folder kernels-*.json, pipeline-*.json and
causes-*.json.
"""
import argparse
import json
import pathlib

from bench_sections import causes_section, kernels_section, other_work, pipeline_section
from gpu_section import gpu_section

ROOT = pathlib.Path(__file__).resolve().parent.parent

HEAD = """# Performance

Made by `bench/write_performance.py` from the files in `bench/results/`; do not edit by hand.

Every table but those of a GPU and those of `bench/compare_*.py` is one run of

    bench/run.sh BUILD_DIR --save

in which this engine and the PyTorch twin (`tools/reference/`, float32, eager, without gradients,
with PyTorch's own norms and the self-assembly of a whole batch at once) take turns, stage by stage,
with the same weights, inputs and number of threads. Their results are compared first ("differ":
relative L2 difference). Milliseconds are medians over all runs of a batch; the ratio is the median
over the rounds of the twin's time over ours, with its quartiles. GFLOP count the multiply-adds of
linear maps, convolutions and attention, times two. PyTorch multiplies matrices with the BLAS that
the system gives it (Debian: the alternative `libblas.so.3`), so that stands in each title.
"""

EMPTY = """
No measurement has been saved yet.
"""


def title(result):
    machine = result["machine"]
    return (f"## {machine['cpu']}, {result['threads']} threads, `{result['config']}`, batch "
            f"{result['batch']}, PyTorch with {result['twin']['blas']}")


def facts(result):
    machine, ours, twin = result["machine"], result["ours"], result["twin"]
    return (f"{result['date']}, commit {result['commit']}; {machine['cores']} cores, "
            f"{machine['memory_gib']:.0f} GiB, {machine['system']}. Ours: products by "
            f"{ours['matmul']}, {ours['kernels']} kernels, {ours['compiler']}. Twin: PyTorch "
            f"{twin['torch']}, {twin['cpu_capability']} kernels, oneDNN "
            f"{twin['onednn']} for its convolutions.{other_work(result)}")


def table(rows, head):
    yield (f"| {head} | GFLOP | ours ms | GFLOP/s | twin ms | GFLOP/s | ratio | quartiles | "
           "differ |")
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for row in rows:
        ours, twin = row["ours"]["median_ms"], row["twin"]["median_ms"]
        low, high = row["ratio_quartiles"]
        gflop = row["gflop"]
        yield (f"| {row['name'].replace('_', ' ')} | {gflop:.3f} | {ours:.2f} | "
               f"{gflop / ours * 1e3:.0f} | {twin:.2f} | {gflop / twin * 1e3:.0f} | "
               f"{row['ratio']:.2f} | {low:.2f} .. {high:.2f} | {row['difference']:.0e} |")


def section(result):
    lines = ["", title(result), "", facts(result)]
    for kind, head in (("stage", "stage"), ("operation", "single operation")):
        rows = [row for row in result["stages"] if row["kind"] == kind]
        if rows:
            lines += ["", *table(rows, head)]
    return "\n".join(lines) + "\n"


SIDES = (("folded", "ours, folded"), ("layers", "ours, layers"), ("twin", "twin, layers"))


def folding_section(result):
    """A run of bench/compare_folding.py."""
    machine = result["machine"]
    lines = ["", f"## What folding the recogniser is worth: {machine['cpu']}, {result['threads']} "
             f"threads, batch {result['batch']}", "",
             f"{result['date']}, commit {result['commit']}, `bench/compare_folding.py`: the "
             "recogniser with its classifier's chain of 455 M numbers (\"layers\") and folded "
             f"into one map, {result['rounds']} rounds in turns.{other_work(result)}", "",
             "| | ms | times ours, folded | logits differ from the twin's |", "|---|--:|--:|--:|"]
    for side, name in SIDES:
        differ = result["difference_from_twin"].get(side)
        lines.append(f"| {name} | {result['median_ms'][side]:.2f} | "
                     f"{result['ratio_to_folded'][side]:.2f} | "
                     f"{'' if differ is None else f'{differ:.0e}'} |")
    return "\n".join(lines) + "\n"


def training_section(result):
    """A run of bench/compare_training.py."""
    machine = result["machine"]
    first = result["stages"][0]["about"]
    lines = ["", f"## Steps of training: {machine['cpu']}, {result['threads']} threads, "
             f"`{first['fp32']['config']}`, batch {result['batch']}", "",
             f"{result['date']}, commit {result['commit']}, `bench/compare_training.py`: objective, "
             "gradients, clipping and AdamW of one batch, three quarters of the patches covered; "
             "the recogniser's step with the frozen stages in front of it; the spheres' with the "
             "encoder learning along, from unoccluded and covered patches. "
             f"{result['rounds']} rounds in turns; the first losses agree. Twin: PyTorch "
             f"{first['twin']['torch']}, {first['twin']['blas']}, float32.{other_work(result)}", "",
             "| stage | | ms a step | images/s | times the twin's speed |", "|---|---|--:|--:|--:|"]
    for entry in result["stages"]:
        for side in ("fp32", "bf16", "twin"):
            if side in entry["median_ms"]:
                name = "twin" if side == "twin" else f"ours, {side}"
                lines.append(f"| {entry['stage']} | {name} | {entry['median_ms'][side]:.1f} | "
                             f"{entry['images_per_second'][side]:.1f} | "
                             f"{entry['ratio_to_twin'][side]:.2f} |")
    return "\n".join(lines) + "\n"


def read(path):
    """A result, with its own path."""
    return {**json.loads(path.read_text(encoding="utf-8")), "path": str(path.resolve())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=pathlib.Path,
                        help="measurements (all of bench/results)")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=ROOT / "docs/performance.md")
    arguments = parser.parse_args()
    files = arguments.files or [file for pattern in ("*.json", "*/kernels-*.json",
                                                     "*/pipeline-*.json", "*/causes-*.json")
                                for file in sorted((ROOT / "bench/results").glob(pattern))]
    everything = [read(file) for file in files]
    measured = [result for result in everything if result.get("format") == "ofer-bench"]
    results = [result for result in everything if "format" not in result]
    folding = [result for result in results if "ratio_to_folded" in result]
    training = [result for result in results
                if "ratio_to_twin" in (result.get("stages") or [{}])[0]]
    results = [result for result in results if "stages" in result and result not in training]
    results.sort(key=lambda r: (r["machine"]["cpu"], r["config"], r["batch"], r["threads"],
                                r["date"]))
    text = HEAD + ("".join(map(section, results)) if everything else EMPTY)
    text += "".join(map(folding_section, folding))
    text += "".join(map(training_section, training))
    causes = [result for result in everything if result.get("format") == "ofer-causes"]
    by_machine = {result["machine"]["cpu"]: result for result in causes}
    text += "".join(pipeline_section(result, by_machine.get(result["machine"]["cpu"]))
                    for result in measured if result["kind"] == "pipeline")
    text += "".join(map(causes_section, causes))
    text += "".join(kernels_section(result) for result in measured if result["kind"] == "kernels")
    text += "".join(gpu_section(result) for result in everything if "compute_capability" in result)
    arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
