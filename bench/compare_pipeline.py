#!/usr/bin/env python3
"""Times `ofer bench pipeline` and its peers on the same faces, in turns on one machine.

Ours, PyTorch, on a CPU also ONNX Runtime and OpenVINO, ours again, ... in one run with the same
number of threads. Restored pictures and probabilities are compared before anything is timed. The
result is one of `ofer bench` (`ofer bench compare` reads it), each batch with its peers; a ratio is
the median over the turns of the peer's time over ours.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import turns
from bench_sections import peer_label
from timings import together

PEERS = (("PyTorch", "torch_pipeline.py", ("fp32", "tf32", "bf16")),
         ("ONNX Runtime", "onnx_pipeline.py", ("fp32",)),
         ("OpenVINO", "openvino_pipeline.py", ("fp32", "bf16")))
STAGES = ("detect", "reconstruct", "recognise", "whole")


def peers_for(device, precision):
    for name, script, precisions in PEERS:
        if precision in precisions and (device == "cpu" or script.startswith("torch")):
            yield name, script


def make_inputs(arguments, path):
    """None, or why there are none: then ours draws its own faces and stands alone."""
    done = subprocess.run([arguments.python, str(turns.HERE / "peers" / "make_inputs.py"), "-m",
                           arguments.weights, "--batch", "4", "-o", str(path)],
                          capture_output=True, text=True, check=False)
    return (done.stderr.strip() or "no reason given").splitlines()[-1] if done.returncode else None


def measure(arguments):
    """[(our JSON, [(name, device, precision, the peer's JSON)])], one for each turn."""
    words = ["pipeline", "-m", arguments.weights, "--device", arguments.device, "--precision",
             arguments.precision, "--batch", arguments.batch]
    if arguments.fast:
        words.append("--fast")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        inputs, file = (pathlib.Path(folder) / name for name in ("inputs.safetensors", "ours.json"))
        why = make_inputs(arguments, inputs)
        for _ in range(arguments.turns):
            ours = turns.run_ours(arguments, words + ([] if why else ["--inputs", str(inputs)]))
            file.write_text(json.dumps(ours), encoding="utf-8")
            answers = []
            for target in ours["targets"]:
                device, precision = target["device"], target["precision"]
                for name, script in peers_for(device, precision):
                    answer = {"missing": [{"how": name, "why": f"no inputs: {why}"}]} if why else \
                        turns.run_peer(arguments, name, script,
                                       ["-m", arguments.weights, "-i", str(inputs), "--ours",
                                        str(file), "--device", device, "--precision", precision])
                    answers.append((name, device, precision, answer))
            found.append((ours, answers))
    return found


def batches_of(result):
    return {(run["config"], run["device"], run["precision"], run["deterministic"],
             batch["batch"]): batch for run in result["runs"] for batch in run["batches"]}


def peers_of(key, found):
    """What every peer took for a batch, each way it has."""
    _, device, precision, _, count = key
    ways = {}
    for ours, answers in found:
        own = batches_of(ours).get(key)
        for name, at, how_exact, answer in answers:
            for run in answer.get("runs", []):
                if own and (at, how_exact, run["batch"]) == (device, precision, count):
                    ways.setdefault((name, run["how"]), []).append((run, own))
    result = []
    for (name, how), pairs in ways.items():
        stages = {}
        for stage in STAGES:
            times = turns.peer_times(name, how, [run["stages"][stage] for run, _ in pairs],
                                     [own["stages"][stage] for _, own in pairs])
            stages[stage] = {key: times[key] for key in ("median_ms", "noise", "ratio")}
        result.append({"name": name, "how": how, "stages": stages, **{
            what: max(run[what] for run, _ in pairs)
            for what in ("restored_off_by", "probabilities_off_by")}})
    return result


def merged_batch(same, found, key):
    """A batch of several turns. The kernels, one by one, are those of the turn in which they took
    least."""
    result = dict(min(same, key=lambda batch: batch["floors"]["whole"]["ms"]))
    result["stages"] = {stage: together([batch["stages"][stage] for batch in same])
                        for stage in same[0]["stages"]}
    whole = result["stages"]["whole"]["median_ms"]
    result["images_per_second"] = 1e3 * result["batch"] / whole
    result["floors"] = {
        stage: dict(floor, explains=floor["floor_ms"] / result["stages"][stage]["median_ms"])
        for stage, floor in result["floors"].items()}
    result["peers"] = peers_of(key, found)
    return result


def merge(found, busy):
    """One result of all turns; `busy` cores before them."""
    ours = [one for one, _ in found]
    result = dict(ours[0], targets=turns.best_targets(ours))
    result["settings"] = dict(result["settings"], turns=len(found), busy_cores=busy)
    tables = [batches_of(one) for one in ours]
    result["runs"] = []
    for run in ours[0]["runs"]:
        batches = []
        for batch in run["batches"]:
            key = (run["config"], run["device"], run["precision"], run["deterministic"],
                   batch["batch"])
            batches.append(merged_batch([t[key] for t in tables if key in t], found, key))
        result["runs"].append(dict(run, batches=batches))
    answers = [(name, answer) for _, answers in found for name, _, _, answer in answers]
    result["peers"] = {name: {**answer["versions"], "threads": answer["threads"]}
                       for name, answer in answers if "versions" in answer}
    result["missing"] = turns.gathered(
        entry if entry["how"] == name else dict(entry, how=f"{name}, {entry['how']}")
        for name, answer in answers for entry in answer["missing"])
    return result


def row(name, stages, more):
    return turns.cut(name, 28) + "".join(f"{stages[stage]['median_ms']:>12.3f}"
                                         for stage in STAGES) + more


def table(result):
    """Lines of at most 100 columns."""
    for run in result["runs"]:
        yield ""
        yield (f"{run['config']}, {run['device']} {run['precision']}"
               f"{'' if run['deterministic'] else ', fast'}, {run['threads']} threads")
        yield turns.cut("batch", 28) + "".join(f"{stage:>12}" for stage in STAGES) + \
            f"{'+-%':>6}{'faces/s':>9}{'ratio':>8}"
        for batch in run["batches"]:
            noise = turns.percent(batch["stages"]["whole"]["noise"])
            yield row(f"{batch['batch']:5} ours", batch["stages"],
                      f"{noise:>6}{batch['images_per_second']:>9.1f}")
            for peer in batch["peers"]:
                whole = peer["stages"]["whole"]
                faces, ratio = 1e3 * batch["batch"] / whole["median_ms"], f"{whole['ratio']:.2f}x"
                yield row(f"      {peer_label(peer)}", peer["stages"],
                          f"{turns.percent(whole['noise']):>6}{faces:>9.1f}{ratio:>8}")
    yield ""
    yield "Milliseconds, medians. ratio: the peer's time for the whole over ours."
    yield from turns.missing_lines(result["missing"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    turns.add_options(parser)
    parser.add_argument("-m", "--weights", required=True, help="weight file")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", default="fp32", help="fp32, tf32, bf16, with commas")
    parser.add_argument("--batch", default="1,4,16", help="faces at once, with commas")
    parser.add_argument("--fast", action="store_true",
                        help="ours: a face's last bits may depend on its batch")
    turns.report(parser.parse_args(), measure, merge, table)


if __name__ == "__main__":
    main()
