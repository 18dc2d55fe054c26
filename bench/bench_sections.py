"""docs/performance.md's parts about results of `ofer bench`: bench/compare_kernels.py and
bench/compare_pipeline.py write those, each with its peers."""
import os
import pathlib
import statistics

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
STAGES = ("detect", "reconstruct", "recognise")
BOUND = {"arithmetic": "arithmetic", "bytes": "bandwidth"}


def other_work(record):
    """What a table says of the machine's other work before its run: of the busy cores, or, in older
    results, of the load average. Empty where nothing was noted."""
    for key, name in (("load_average", "Load average"), ("busy_cores", "Busy cores")):
        noted = record.get(key)
        before = noted[0] if isinstance(noted, list) else noted  # [before, after]
        if before is not None:
            warning = "" if before <= 0.5 else \
                " **The machine had other work; these numbers are not to be quoted.**"
            return f" {name} before the run: {before}.{warning}"
    return ""


def machine_title(result):
    gpu = result.get("gpu", {}).get("name")
    threads = max((target["threads"] for target in result["targets"]), default=0)
    return gpu or f"{result['machine']['cpu']}, {threads} threads"


def facts(result, script):
    machine, settings = result["machine"], result["settings"]
    turns = settings.get("turns", 1)
    parts = [f"{name} {value}" for about in result.get("peers", {}).values()
             for name, value in about.items() if name != "threads"]
    peers = f" Peers: {', '.join(dict.fromkeys(parts))}." if parts else ""
    roofs = " ".join(f"{t['device']} {t['precision']}: products reach "
                     f"{t['roofline']['gflop_per_s']:.0f} GFLOP/s, copies "
                     f"{t['roofline']['copies'][-1]['gb_per_s']:.0f} GB/s from memory."
                     for t in result["targets"] if t.get("roofline", {}).get("copies"))
    return (f"{result['date'][:10]}, commit {result['commit']}, `{script}`; {machine['cores']} "
            f"cores, {machine['memory_gib']:.0f} GiB, {machine['system']}; "
            f"{turns} turn{'s' if turns > 1 else ''}. {roofs}{peers}"
            f"{other_work(settings)}")


def pictures(result):
    """Links to what bench/plots.py drew beside the result's file."""
    path = pathlib.Path(result["path"]) if "path" in result else None
    for picture in sorted(path.parent.glob(f"{path.stem}-*.png")) if path else ():
        yield f"![{picture.stem}]({os.path.relpath(picture, DOCS)})"


def not_there(result):
    entries = result.get("missing", [])
    if entries:
        yield ""
        yield "Not there, or not timed:"
        yield ""
    for entry in entries:
        of = entry.get("of", [])
        about = f" ({of[0]}{f' and {len(of) - 1} more' if len(of) > 1 else ''})" if of else ""
        yield f"- {entry['how']}{about}: {entry['why']}"


def percent(share):
    return "?" if share is None else f"{100 * share:.1f}"


def share_of_roof(timing):
    """"45, arithmetic": the share of the floor in the time, and what the floor is."""
    if timing.get("of_roofline") is None:
        return ""
    return f"{100 * timing['of_roofline']:.0f}, {BOUND[timing['floor_is']]}"


def kernel_rows(result):
    cold = any("cold" in row for row in result["cases"])
    yield ("| operation | case | | ms | noise % | GFLOP/s | GB/s | % of roof |" +
           (" cold ms |" if cold else "") + " the peers' times over ours |")
    yield "|---|---|---|--:|--:|--:|--:|--:|" + ("--:|" if cold else "") + "---|"
    for row in result["cases"]:
        warm, name = row["warm"], row["case"]
        if row["variant"] is not None:
            name += f", {row['variant']}"
        ms = warm["median_ms"]
        cells = [row["operation"], name, f"{row['device']} {row['precision']}", f"{ms:.4f}",
                 percent(warm["noise"]), f"{row['gflop'] / ms * 1e3:.0f}",
                 f"{row['megabytes'] / ms:.0f}", share_of_roof(warm)]
        if cold:
            cells.append(f"{row['cold']['median_ms']:.4f}" if "cold" in row else "")
        cells.append(", ".join(
            f"{peer['how']} {peer['ratio']:.2f}" +
            (f" ({peer['cold_ratio']:.2f} cold)" if "cold_ratio" in peer else "")
            for peer in row.get("peers", [])))
        yield "| " + " | ".join(cells) + " |"


def kernels_section(result):
    lines = ["", f"## Kernels: {machine_title(result)}", "",
             facts(result, "bench/compare_kernels.py"), "",
             "Every operation at the full model's shapes. \"% of roof\" is the share of the time "
             "that this machine's own speed, measured in the same run, explains, and by which of "
             "the two. Peers had the same tensors and number of threads, and their results were "
             "compared first; above 1 they are slower.", "", *kernel_rows(result),
             *not_there(result)]
    drawn = list(pictures(result))
    return "\n".join(lines + [""] * bool(drawn) + drawn) + "\n"


def run_title(run):
    return (f"`{run['config']}`, {run['device']} {run['precision']}"
            f"{'' if run['deterministic'] else ', fast'}")


def peer_label(peer):
    return peer["name"] if peer["how"] == peer["name"] else f"{peer['name']}, {peer['how']}"


def pipeline_rows(result):
    yield ("| | batch | | detect ms | reconstruct ms | recognise ms | whole ms | noise % | "
           "faces/s | times ours | restored differ by |")
    yield "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for run in result["runs"]:
        for batch in run["batches"]:
            sides = [("ours", batch["stages"], "", "")]
            sides += [(peer_label(peer), peer["stages"], f"{peer['stages']['whole']['ratio']:.2f}",
                       f"{peer['restored_off_by']:.0e}") for peer in batch.get("peers", [])]
            for name, stages, ratio, apart in sides:
                whole = stages["whole"]
                cells = [run_title(run), str(batch["batch"]), name]
                cells += [f"{stages[stage]['median_ms']:.2f}" for stage in (*STAGES, "whole")]
                cells += [percent(whole["noise"]),
                          f"{1e3 * batch['batch'] / whole['median_ms']:.1f}", ratio, apart]
                yield "| " + " | ".join(cells) + " |"


def largest_gap(batch, stage):
    """The operation of a stage that is furthest above its floor, or None."""
    rows = [row for row in batch["kernels"] if row["stage"] == stage]
    return max(rows, key=lambda row: row["ms"] - row["floor_ms"], default=None)


def gap_shares(experiment, roof):
    """(how, share of the gap between the operation and the machine's products that it closes)."""
    own = 1 / experiment["ways"][0]["gflop_per_s"]
    for way in experiment["ways"][1:]:
        yield way["how"], (own - 1 / way["gflop_per_s"]) / (own - 1 / roof)


def roof_of(causes):
    return max(way["gflop_per_s"] for e in causes["experiments"] for way in e["ways"])


def cause(causes, config, stage, operation):
    """What closes the operation's gap in a stage, by the experiments on that machine: medians."""
    found = {}
    for experiment in causes["experiments"] if causes else ():
        if (experiment["config"], experiment["operation"]) == (config, operation) and \
                stage in experiment["stages"]:
            for how, share in gap_shares(experiment, roof_of(causes)):
                found.setdefault(how, []).append(share)
    return "; ".join(f"{how}: {100 * statistics.median(shares):.0f} % of it gone"
                     for how, shares in found.items()) or "not looked into"


def work_rows(result, causes):
    yield ("| | batch | stage | stage ms | kernels one by one ms | largest gap | calls | ms | "
           "floor ms | gap ms | % of the kernels | bound by | cause |")
    yield "|---|--:|---|--:|--:|---|--:|--:|--:|--:|--:|---|---|"
    for run in result["runs"]:
        looked_into = causes if run["device"] == "cpu" else None
        for batch in run["batches"][:1] + run["batches"][1:][-1:]:
            for stage in STAGES:
                worst = largest_gap(batch, stage)
                if worst is None:
                    continue
                kernels = batch["floors"][stage]["ms"]
                gap = worst["ms"] - worst["floor_ms"]
                yield (f"| {run_title(run)} | {batch['batch']} | {stage} | "
                       f"{batch['stages'][stage]['median_ms']:.2f} | {kernels:.2f} | "
                       f"{worst['operation']} | {worst['calls']} | {worst['ms']:.3f} | "
                       f"{worst['floor_ms']:.3f} | {gap:.3f} | {100 * gap / kernels:.0f} | "
                       f"{BOUND[worst['floor_is']]} | "
                       f"{cause(looked_into, run['config'], stage, worst['operation'])} |")


def pipeline_section(result, causes=None):
    """`causes`: what bench/find_causes.py saved on the same machine."""
    lines = ["", f"## The pipeline: {machine_title(result)}", "",
             facts(result, "bench/compare_pipeline.py"), "",
             "From floats in the host's memory to probabilities in the host's memory: a pass that "
             "finds the covered patches, then one that restores and recognises behind a given mask "
             "of half of each face. Peers had the same faces, weights and number of threads, and "
             "their results were compared first (relative L2 of the restored picture); above 1 "
             "they are slower.", "", *pipeline_rows(result), *not_there(result)]
    drawn = list(pictures(result))
    lines += [""] * bool(drawn) + drawn
    lines += ["", f"### Next work: {machine_title(result)}", "",
              "For each stage of the smallest and the largest batch the operation whose calls "
              "together are furthest above the sum of their floors, and what those floors are. "
              "Kernels were observed one by one in a pass of their own, so that their sum is not "
              "the stage's time. A convolution that Winograd's tiles compute needs fewer "
              "multiplications than its floor counts. The causes are those of the experiments "
              "below, by their median.", "", *work_rows(result, causes)]
    return "\n".join(lines) + "\n"


def cause_rows(result):
    roof = roof_of(result)
    yield "| | operation | shape | in | | ms | GFLOP/s | % of the gap gone |"
    yield "|---|---|---|---|---|--:|--:|--:|"
    for experiment in result["experiments"]:
        shares = {experiment["ways"][0]["how"]: None, **dict(gap_shares(experiment, roof))}
        for way in experiment["ways"]:
            share = shares[way["how"]]
            yield (f"| {experiment['config']} | {experiment['operation']} | "
                   f"{experiment['shape']} | "
                   f"{', '.join(experiment['stages'])} | {way['how']} | {way['ms']:.3f} | "
                   f"{way['gflop_per_s']:.0f} | {'' if share is None else f'{100 * share:.0f}'} |")


def causes_section(result):
    return "\n".join([
        "", f"## What the gaps are made of: {result['machine']['cpu']}, "
        f"{result['threads']} threads", "",
        f"{result['date']}, commit {result['commit']}, `bench/find_causes.py`; products by "
        f"{result['products']}; {result['rounds']} rounds in turns."
        f"{other_work(result)}", "",
        "The same work with one thing changed or left out. The gap is what an operation takes more "
        "than the fastest product of the run takes for as many multiplications; what a way saves "
        "of it is what the thing costs.", "", *cause_rows(result)]) + "\n"
