#!/usr/bin/env python3
"""Times `ofer bench kernels` and PyTorch on the same tensors, in turns on one machine.

Ours, the peer, ours, the peer, ... in one run with the same number of threads. Every result is
compared with ours before it is timed. The result is one of `ofer bench` (`ofer bench compare` reads
it), each case with its peers; a ratio is the median over the turns of the peer's time over ours.
"""
import argparse
import json
import pathlib
import tempfile

import turns
from timings import together

NAME = "PyTorch"


def key_of(row):
    return tuple(row[key] for key in ("device", "precision", "direction", "operation", "case",
                                      "variant"))


def measure(arguments):
    """[(our JSON, {(device, precision): the peer's JSON})], one for each turn."""
    choice = ["--device", arguments.device, "--precision", arguments.precision]
    for option in ("operation", "case", "direction"):
        if getattr(arguments, option):
            choice += [f"--{option}", getattr(arguments, option)]
    if arguments.variants:
        choice.append("--variants")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "ours.json"
        for number in range(arguments.turns):
            # Inputs and results are the same each time: one copy will do.
            tensors = ["--tensors", folder] if number == 0 else []
            ours = turns.run_ours(arguments, ["kernels", *choice, *tensors])
            if number == 0:
                file.write_text(json.dumps(ours), encoding="utf-8")
            peers = {}
            for target in ours["targets"]:
                where = target["device"], target["precision"]
                peers[where] = turns.run_peer(
                    arguments, NAME, "torch_kernels.py",
                    ["--ours", str(file), "--device", where[0], "--precision", where[1]])
            found.append((ours, peers))
    return found


def merged_case(rows):
    """One case's rows of several turns."""
    result = {key: value for key, value in rows[0].items() if key != "tensors"}
    for how in ("warm", "cold", "kernel"):
        timings = [row[how] for row in rows if how in row]
        if timings:
            result[how] = together(timings)
    if "launch_us" in result:
        result["launch_us"] = 1e3 * (result["warm"]["median_ms"] - result["kernel"]["median_ms"])
    return result


def peers_of(row, found):
    """What the peer took for a case, each way it has. `found`: the turns."""
    if row["direction"] != "forward" or row["variant"] is not None:
        return []
    ways = {}
    for ours, peers in found:
        own = next((r for r in ours["cases"] if key_of(r) == key_of(row)), None)
        for case in peers[row["device"], row["precision"]].get("cases", []):
            if own and (case["operation"], case["case"]) == (row["operation"], row["case"]):
                ways.setdefault(case["how"], []).append((case, own))
    result = []
    for how, pairs in ways.items():
        peer = turns.peer_times(NAME, how, [case["timing"] for case, _ in pairs],
                                [own["warm"] for _, own in pairs])
        peer["difference"] = max(case["difference"] for case, _ in pairs)
        if all("cold" in case and "cold" in own for case, own in pairs):
            cold = turns.peer_times(NAME, how, [case["cold"] for case, _ in pairs],
                                    [own["cold"] for _, own in pairs])
            peer.update(cold_ms=cold["median_ms"], cold_ratio=cold["ratio"])
        result.append(peer)
    return result


def merge(found, busy):
    """One result of all turns; `busy` cores before them."""
    ours = [one for one, _ in found]
    result = dict(ours[0], targets=turns.best_targets(ours))
    result["settings"] = dict(result["settings"], turns=len(found), busy_cores=busy)
    rows = {}
    for one in ours:
        for row in one["cases"]:
            rows.setdefault(key_of(row), []).append(row)
    result["cases"] = [dict(merged_case(same), peers=peers_of(same[0], found))
                       for same in rows.values()]
    result["failed"] = []
    for entry in (entry for one in ours for entry in one["failed"]):
        if entry not in result["failed"]:
            result["failed"].append(entry)
    answers = [answer for _, peers in found for answer in peers.values()]
    result["peers"] = {NAME: {key: answer[key] for key in ("torch", "cudnn", "threads")
                              if answer.get(key) is not None}
                       for answer in answers if "torch" in answer}
    result["missing"] = turns.gathered(entry for answer in answers for entry in answer["missing"])
    return result


def ms_text(ms):
    return f"{ms:.4f}" if ms < 100 else f"{ms:.1f}"


def table(result):
    """Lines of at most 100 columns."""
    width = turns.CELLS - 45
    last = None
    for row in result["cases"]:
        heading = f"{row['operation']}, {row['device']} {row['precision']}"
        if heading != last:
            yield ""
            yield turns.cut(heading, width) + f"{'ms':>12}{'+-%':>7}{'roof%':>8}{'ratio':>9}" \
                f"{'differ':>9}"
            last = heading
        warm = row["warm"]
        roof = "" if warm.get("of_roofline") is None else f"{100 * warm['of_roofline']:.0f}" + \
            ("a" if warm["floor_is"] == "arithmetic" else "b")
        name = row["case"] if row["variant"] is None else f"  {row['variant']}"
        yield (turns.cut(f"  {name}", width) + f"{ms_text(warm['median_ms']):>12}"
               f"{turns.percent(warm['noise']):>7}{roof:>8}")
        for peer in row["peers"]:
            ratio = f"{peer['ratio']:.2f}x"
            yield (turns.cut(f"    {peer['name']}, {peer['how']}", width) +
                   f"{ms_text(peer['median_ms']):>12}{turns.percent(peer['noise']):>7}{'':>8}"
                   f"{ratio:>9}{peer['difference']:>9.0e}")
    yield ""
    yield "roof%: share of this machine's own speed, a of its arithmetic, b of its bandwidth."
    yield "ratio: the peer's time over ours. differ: relative L2 of the peer's result and ours."
    for entry in result["failed"]:
        yield f"NOT TIMED, {entry['operation']}: {entry['case']}: {entry['why']}"
    yield from turns.missing_lines(result["missing"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    turns.add_options(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, or both with a comma")
    parser.add_argument("--precision", default="fp32", help="fp32, tf32, bf16, with commas")
    parser.add_argument("--operation", help="only these, with commas")
    parser.add_argument("--case", help="only cases whose name contains this")
    parser.add_argument("--direction", choices=("forward", "backward"))
    parser.add_argument("--variants", action="store_true", help="also the steps before a kernel")
    turns.report(parser.parse_args(), measure, merge, table)


if __name__ == "__main__":
    main()
