#!/usr/bin/env python3
"""Checks of the benchmark's Python side, without a GPU. A line per failure; exits 1 on any."""
import copy
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE / "peers"), str(HERE.parent / "tools" / "reference")]

import numpy as np
import torch

import bench_sections
import compare_kernels
import compare_pipeline
import exported_stages
import fixed_stages
import machine
import make_weights
import plots
import safetensors_io
import self_assembly
import timings
import turns
import twin_on_device
import write_performance
from assembly_loop import assembly_loop
from checks import run_checks
from config import read_config
from images import random_inputs
from make_inputs import half_masks
from taps import Taps

TINY = HERE.parent / "tools/reference/configs/tiny.json"


def timing(ms, noise=0.01, **more):
    return {"median_ms": ms, "p5_ms": ms, "p95_ms": ms, "p99_ms": ms, "noise": noise, "samples": 9,
            "rounds": 3, "thrown_out": 0, "disturbed": False, "stopped": "stable", **more}


def head(kind, gflop_per_s=100.0):
    roof = {"gflop_per_s": gflop_per_s, "copies": [{"bytes": 65536, "gb_per_s": 50.0},
                                                   {"bytes": 1 << 29, "gb_per_s": 10.0}]}
    return {"format": "ofer-bench", "version": 1, "kind": kind, "date": "2026-01-02T03:04:05Z",
            "program": "0.1.0", "commit": "abc1234",
            "machine": {"cpu": "A Processor", "cores": 2, "memory_gib": 8.0, "system": "Debian"},
            "settings": {"seconds": 1},
            "targets": [{"device": "cpu", "precision": "fp32", "threads": 2, "roofline": roof}]}


def kernels_turn(ms, floor, peer_ms, gflop_per_s):
    """(ours, the peers' answers) of one turn."""
    row = {"device": "cpu", "precision": "fp32", "direction": "forward", "operation": "linear",
           "case": "qkv, 1 image", "pipeline": True, "variant": None, "gflop": 0.7,
           "megabytes": 9.5, "tensors": "0.safetensors",
           "warm": timing(ms, floor_ms=floor, floor_is="arithmetic", of_roofline=floor / ms)}
    ours = {**head("kernels", gflop_per_s), "cases": [
        row, dict(row, direction="backward", operation="linear_backward")], "failed": []}
    peer = {"torch": "9.9", "cudnn": None, "threads": 2,
            "cases": [{"operation": "linear", "case": "qkv, 1 image", "precision": "fp32",
                       "how": "eager", "difference": 1e-7, "timing": timing(peer_ms)}],
            "missing": [{"how": "torch.compile", "why": "PyTorch 9.9 has none"}]}
    return ours, {("cpu", "fp32"): peer}


def merged_kernels():
    return compare_kernels.merge([kernels_turn(10.0, 4.0, 20.0, 90.0),
                                  kernels_turn(12.0, 3.0, 36.0, 120.0)], 0.1)


def pipeline_turn(ms):
    stages = {stage: timing(ms) for stage in compare_pipeline.STAGES}
    kernel = {"calls": 12, "ms": 0.5 * ms, "floor_ms": 0.2, "floor_is": "arithmetic", "gflop": 1.0,
              "megabytes": 2.0}
    batch = {"batch": 4, "stages": stages, "images_per_second": 4e3 / ms,
             "memory": {"workspace_mib": 10.0},
             "floors": {stage: dict(kernel, ms=0.8 * ms) for stage in stages},
             "kernels": [dict(kernel, stage=stage, operation=operation, ms=ms * share)
                         for stage in bench_sections.STAGES
                         for operation, share in (("softmax", 0.1), ("linear", 0.5))],
             "probabilities": [1.0], "restored": [0.5] * 256}
    ours = {**head("pipeline"), "runs": [{"config": "small", "device": "cpu", "precision": "fp32",
                                          "threads": 2, "deterministic": True, "batches": [batch]}]}
    peer = {"versions": {"torch": "9.9"}, "threads": 2, "missing": [], "runs": [
        {"how": "eager", "batch": 4, "restored_off_by": 1e-6, "probabilities_off_by": 1e-7,
         "stages": {stage: timing(3 * ms) for stage in compare_pipeline.STAGES}}]}
    absent = {"missing": [{"how": "OpenVINO", "why": "No module named 'openvino'"}]}
    return ours, [("PyTorch", "cpu", "fp32", peer), ("OpenVINO", "cpu", "fp32", absent)]


def merged_pipeline():
    return compare_pipeline.merge([pipeline_turn(10.0), pipeline_turn(8.0)], 0.1)


def narrow(lines):
    lines = list(lines)
    assert all(len(line) <= turns.CELLS for line in lines), max(lines, key=len)
    return "\n".join(lines)


def check_timings():
    found = timings.timing([[1.0, 1.2, 1.1], [1.1, 1.1, 9.0]])
    assert (found["median_ms"], found["samples"], found["rounds"]) == (1.1, 6, 2)
    assert found["noise"] == timings.SMALLEST_NOISE and found["p95_ms"] == 9.0
    assert timings.noise([1.0]) is None
    spread = timings.noise([1.0, 1.2])
    assert abs(spread - 12.706 * 1.2533 * 0.02 ** 0.5 / 2 ** 0.5 / 1.1) < 1e-9, spread
    assert len(timings.visit(lambda: 2 * timings.SLOW_MS, 1.0)) == 1
    both = timings.together([timing(1.0, None), timing(3.0)])
    assert both["noise"] is None and both["median_ms"] == 2.0 and both["samples"] == 18


def check_kernels():
    result = merged_kernels()
    row, backward = result["cases"]
    assert row["warm"]["median_ms"] == 11.0 and row["warm"]["floor_ms"] == 3.0
    assert abs(row["warm"]["noise"] - 1.0 / 11.0) < 1e-12 and "tensors" not in row
    assert result["targets"][0]["roofline"]["gflop_per_s"] == 120.0
    assert row["peers"] == [{"name": "PyTorch", "how": "eager", "median_ms": 28.0, "noise": 0.01,
                             "ratio": 2.5, "difference": 1e-7}]
    assert backward["peers"] == [] and result["peers"]["PyTorch"] == {"torch": "9.9", "threads": 2}
    assert result["missing"] == [{"how": "torch.compile", "why": "PyTorch 9.9 has none"}]
    text = narrow(compare_kernels.table(result))
    assert "2.50x" in text and "not there: torch.compile: PyTorch 9.9 has none" in text


def check_pipeline():
    result = merged_pipeline()
    batch = result["runs"][0]["batches"][0]
    assert batch["stages"]["whole"]["median_ms"] == 9.0 and batch["floors"]["whole"]["ms"] == 6.4
    assert abs(batch["floors"]["whole"]["explains"] - 0.2 / 9.0) < 1e-12
    assert batch["peers"][0]["stages"]["detect"] == {"median_ms": 27.0, "noise": 0.01, "ratio": 3.0}
    text = narrow(compare_pipeline.table(result))
    assert "PyTorch, eager" in text and "not there: OpenVINO" in text


def check_names():
    assert machine.folder_name({"gpu": {"name": "NVIDIA H200"}}) == "nvidia-h200"
    assert machine.folder_name(head("kernels")) == "a-2-cores"
    gathered = turns.gathered([{"how": "x", "why": "y", "operation": "o", "case": c}
                               for c in ("1", "2", "1")])
    assert gathered == [{"how": "x", "why": "y", "of": ["o: 1", "o: 2"]}]


def causes():
    """As bench/find_causes.py saves it. Of a gap of 1/50 - 1/100 a way takes half."""
    ways = [{"how": how, "ms": 1.0, "gflop_per_s": speed, "spread": 0.01}
            for how, speed in (("as it is", 50.0), ("another order", 1 / 0.015))]
    return {**{key: value for key, value in head("causes").items() if key == "machine"},
            "format": "ofer-causes", "threads": 2, "rounds": 3, "products": "plain",
            "date": "2026-11-26", "commit": "abc1234", "load_average": 0.1,
            "experiments": [
                {"config": "", "operation": "product", "shape": "9 x 9 x 9", "stages": [],
                 "ways": [{"how": "as it is", "ms": 1.0, "gflop_per_s": 100.0, "spread": 0.01}]},
                {"config": "small", "operation": "linear", "shape": "9 rows", "stages": ["detect"],
                 "ways": ways}]}


def check_causes():
    found = causes()
    cause = bench_sections.cause(found, "small", "detect", "linear")
    assert cause == "another order: 50 % of it gone", cause
    assert bench_sections.cause(found, "small", "recognise", "linear") == "not looked into"
    assert bench_sections.cause(found, "base", "detect", "linear") == "not looked into"
    assert bench_sections.cause(None, "small", "detect", "linear") == "not looked into"
    text = bench_sections.causes_section(found)
    assert "| small | linear | 9 rows | detect | another order | 1.000 | 67 | 50 |" in text, text
    assert "not to be quoted" in bench_sections.causes_section(dict(found, load_average=2.0))
    # A GPU's gaps are not explained by a processor's experiments.
    result = merged_pipeline()
    for run in result["runs"]:
        run["device"] = "cuda"
    assert "not looked into" in bench_sections.pipeline_section(result, found)


def check_performance():
    with tempfile.TemporaryDirectory() as folder:
        written, files = pathlib.Path(folder) / "performance.md", []
        for result in (merged_kernels(), merged_pipeline()):
            files.append(pathlib.Path(folder) / f"{result['kind']}-abc1234.json")
            files[-1].write_text(json.dumps(result), encoding="utf-8")
        files.append(pathlib.Path(folder) / "causes-abc1234.json")
        files[-1].write_text(json.dumps(causes()), encoding="utf-8")
        files[0].with_name("kernels-abc1234-roofline-cpu-fp32.png").write_bytes(b"")
        for given in (files, []):
            with unittest.mock.patch("sys.argv", ["", *map(str, given), "-o", str(written)]):
                write_performance.main()
            text = written.read_text(encoding="utf-8")
            if given:
                assert "| linear | qkv, 1 image | cpu fp32 | 11.0000 |" in text, text
                assert "27, arithmetic | eager 2.50 |" in text, text
                assert "![kernels-abc1234-roofline-cpu-fp32](" in text
                assert "| 4 | detect | 9.00 | 6.40 | linear | 12 | 4.000 | 0.200 | 3.800 | 59 | " \
                    "arithmetic | another order: 50 % of it gone |" in text, text
                assert "No module named 'openvino'" in text
        assert "## Steps of training" in text and "## NVIDIA H200" in text  # the older ones
        busy = merged_kernels()
        for key in ("load_average", "busy_cores"):
            busy["settings"] = dict(merged_kernels()["settings"], **{key: 3.0})
            assert "not to be quoted" in bench_sections.kernels_section(busy)


def check_busy_cores():
    before = machine.core_ticks("cpu  9 9 9 9\ncpu0 10 0 10 70 10 0 0 0 5 5\ncpu1 0 0 0 50\nintr 1")
    assert before == {0: (80, 100), 1: (50, 50)}, before
    after = {0: (105, 200), 1: (150, 150), 7: (0, 9)}
    assert machine.busy_between(before, after, {0, 1}) == 0.75
    assert machine.busy_between(before, after, {1}) == 0.0
    assert machine.busy_between(before, after, {0, 7}) is None
    assert machine.busy_between(before, before, {0}) == 0.0
    found = machine.busy_cores(0.05)
    assert found is None or 0 <= found <= len(os.sched_getaffinity(0)), found


def check_plots():
    with unittest.mock.patch.dict(sys.modules, {"matplotlib": None}):
        try:
            plots.pyplot()
            raise AssertionError("drew without matplotlib")
        except SystemExit as error:
            assert str(error) == plots.MISSING and "\n" not in str(error)
    if importlib.util.find_spec("matplotlib") is None:
        print("NOT CHECKED: the plots; there is no matplotlib here (apt-get install "
              "python3-matplotlib)")
        return
    with tempfile.TemporaryDirectory() as folder:
        for result, name in ((merged_kernels(), "kernels-x-roofline-cpu-fp32.png"),
                             (merged_pipeline(), "pipeline-x-latency-small-cpu-fp32.png")):
            path = pathlib.Path(folder) / f"{result['kind']}-x.json"
            path.write_text(json.dumps(result), encoding="utf-8")
            assert [made.name for made in plots.draw(path, path.parent)] == [name]
            assert (path.parent / name).read_bytes().startswith(b"\x89PNG")


# Stands for `ofer`: two cases of `bench kernels --tensors`, one with a wrong result.
STAND_IN = """#!{python}
import json, pathlib, shutil, sys
result = json.loads(pathlib.Path({result!r}).read_text())
if "--tensors" in sys.argv:
    for file in pathlib.Path({folder!r}).glob("*.safetensors"):
        shutil.copy(file, sys.argv[sys.argv.index("--tensors") + 1])
else:
    for row in result["cases"]:
        del row["tensors"]
print(json.dumps(result))
"""


def check_turns_with_a_program():
    """The driver and the worker, with a program of two lines in place of ours."""
    generator = np.random.default_rng(1)
    result, rows = kernels_turn(1.0, 0.5, 1.0, 10.0)[0], []
    with tempfile.TemporaryDirectory() as folder:
        for n, (operation, case, shape, wrong) in enumerate((
                ("reduce", "sum over channels, 16 images", (16, 512, 49), 0.0),
                ("reduce", "global average, 16 images", (16, 512, 49), 1.0))):
            x = generator.normal(size=shape).astype(np.float32)
            y = (x.mean(2) if "average" in case else x.sum(1)) + np.float32(wrong)
            safetensors_io.write(f"{folder}/{n}.safetensors",
                                 {"in/x": x.reshape(-1), "out/y": y.reshape(-1)})
            rows.append(dict(copy.deepcopy(result["cases"][0]), operation=operation, case=case,
                             tensors=f"{n}.safetensors"))
        result["cases"] = rows
        program, source, out = (pathlib.Path(folder) / name
                                for name in ("ofer", "result.json", "out"))
        source.write_text(json.dumps(result), encoding="utf-8")
        program.write_text(STAND_IN.format(python=sys.executable, result=str(source),
                                           folder=folder), encoding="utf-8")
        program.chmod(0o755)
        done = subprocess.run(
            [sys.executable, str(HERE / "compare_kernels.py"), "--program", str(program),
             "--python", sys.executable, "--threads", "1", "--seconds", "0.01", "--rounds", "2",
             "--save", str(out)], capture_output=True, text=True, check=False,
            env=dict(os.environ, OMP_NUM_THREADS="1"))
        assert done.returncode == 0, done.stderr
        found = json.loads((out / "a-2-cores" / "kernels-abc1234.json").read_text())
    right, wrong = found["cases"]
    assert right["peers"][0]["how"] == "eager" and right["peers"][0]["difference"] < 1e-5
    assert wrong["peers"] == [] and found["settings"]["turns"] == 2
    assert any("not timed: differs" in entry["why"] and "average" in entry["of"][0]
               for entry in found["missing"]), found["missing"]


def check_assembly():
    generator = torch.Generator().manual_seed(3)
    x, f = (torch.randn(2, 6, 5, 5, generator=generator) for _ in range(2))
    hole = torch.rand(2, 5, 5, generator=generator) < 0.4
    expected = self_assembly.loop("paper", x, f, hole)
    steps = int(hole.flatten(1).sum(dim=1).max())
    for name, got in (("loop", assembly_loop(x, f, hole)),
                      ("fixed", fixed_stages.assemble(x, f, hole, steps))):
        apart = float((got - expected).abs().max())
        assert apart < 1e-5, f"{name} differs by {apart}"


def check_fixed_stages():
    """Against the twin; then that ONNX can take every one."""
    config = read_config(TINY)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        weights = f"{folder}/tiny.safetensors"
        safetensors_io.write(weights, make_weights.make(config, 5),
                             make_weights.metadata_for(config, 5))
        raw, image = (x.float() for x in random_inputs(config, 2, 3))
        mask = half_masks(2, config.grid)
        model, taps = twin_on_device.load(weights, "cpu", "fp32"), Taps()
        found = model.detect(model.normalise(raw))
        model(raw, image, mask, taps)
        modules = fixed_stages.modules(model, mask)
        given = {"raw": raw, "image": image, "mask": mask.float()}
        assert torch.equal(modules["detect"](raw) > 0, found)
        given["latent"], given["coarse"] = modules["paint"](raw, given["mask"])
        given["restored"] = modules["refine"](image, given["coarse"], given["mask"])
        got = {"reconstruct/latent": given["latent"], "reconstruct/coarse": given["coarse"],
               "reconstruct/restored": given["restored"],
               "recognise/probabilities": modules["recognise"](given["restored"], given["latent"])}
        for name, value in got.items():
            apart = float((value - taps[name]).abs().max())
            assert apart < 1e-4, f"{name} differs by {apart}"
        if int(torch.__version__.split(".")[0]) >= 2 and importlib.util.find_spec("onnx") is None:
            print("NOT CHECKED: the export to ONNX; there is no onnx here")
            return
        with unittest.mock.patch.object(fixed_stages, "recurrence",
                                        torch.jit.script(fixed_stages.recurrence)):
            files = exported_stages.export(modules, given, folder)
        assert all(pathlib.Path(file).stat().st_size > 0 for file in files.values())


if __name__ == "__main__":
    run_checks(globals())
