#!/usr/bin/env python3
"""Times the PyTorch twin's stages in float32, eager, without gradients.

Prints one JSON object, or, with --serve, answers the same requests as ofer_bench_stages --serve.
"""
import argparse
import json
import os
import re
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import twin
import safetensors_io
from taps import Taps, no_taps
from unet import input_channels
from vit import attention


def pattern(shape):
    """Element i is 2 frac(i phi) - 1 to 24 bits, phi the golden ratio, as bench/operations.cpp."""
    turned = np.arange(int(np.prod(shape)), dtype=np.uint64) * np.uint64(2654435769)
    turned = (turned & np.uint64(0xffffffff)).astype(np.uint32) >> np.uint32(8)
    values = turned.astype(np.float32) / np.float32(1 << 23) - np.float32(1)
    return torch.from_numpy(values.reshape(shape))


def make_operation(model, batch, entry):
    """A function that runs one entry of the list of operations."""
    x = pattern(entry["input"])
    if entry["kind"] == "attention":
        heads, width = entry["heads"], x.shape[1] // 3

        def attend():
            parts = x.view(batch, -1, 3, heads, width // heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            return attention(q, k, v).transpose(1, 2).reshape(-1, width)

        return attend
    path = entry["weight"].split(".")
    layer = model
    for piece in path:
        layer = layer._modules[piece]
    if entry.get("gelu"):
        return lambda: F.gelu(layer(x))
    return lambda: layer(x)


def make_stages(model, inputs, operations):
    """Name -> function that returns the stage's results by name."""
    config = model.config
    batch = len(inputs["vit"])
    mask = inputs["mask"] > 0
    everything = torch.ones_like(mask)
    encoder, decoder = model.mae.encoder, model.mae.decoder
    lengths = [int(n) + 1 for n in (~mask).sum(dim=1)]

    def decode():
        latent, prediction = decoder(inputs["decoder/tokens"], lengths, ~mask, no_taps, "")
        return {"latent": latent, "prediction": prediction}

    stages = {
        "encoder_all": lambda: {
            "tokens": encoder(inputs["vit"], everything, no_taps, "")[0]["norm"]},
        "encoder_half": lambda: {"tokens": encoder(inputs["vit"], ~mask, no_taps, "")[0]["norm"]},
        "decoder": decode,
    }
    if config.unet:
        hole, small = inputs["unet/hole"] > 0, inputs["assembly/hole"] > 0

        def refine():
            channels = input_channels(inputs["unet/image"], inputs["unet/coarse"], hole,
                                      config.unet.flip_channels)
            return {"image": model.unet(channels, hole, no_taps)}

        stages["unet"] = refine
        stages["self_assembly"] = lambda: {"map": model.unet.assemble(
            config.unet.self_assembly, inputs["assembly/x"], inputs["assembly/f"], small)}
    stages["recogniser"] = lambda: {
        "logits": model.recogniser(inputs["recogniser/image"], inputs["recogniser/latent"],
                                   no_taps)}
    for entry in operations:
        run = make_operation(model, batch, entry)
        stages[entry["name"]] = lambda run=run: {"y": run()}
    stages["pipeline"] = lambda: {"logits": model(inputs["vit_raw"], inputs["image"])}
    return stages


def all_outputs(model, inputs, stages):
    """Every stage's results, "stage/name" -> array. The pipeline's and the recogniser's by taps."""
    arrays = {}
    for name, run in stages.items():
        if name != "pipeline":
            for key, value in run().items():
                arrays[f"{name}/{key}"] = value
    taps = Taps()
    model.recogniser(inputs["recogniser/image"], inputs["recogniser/latent"], taps)
    arrays["recogniser/attention"] = taps["recognise/attention"]
    taps = Taps()
    model(inputs["vit_raw"], inputs["image"], None, taps)
    arrays["pipeline/mask"] = taps["detect/mask"].float()
    arrays["pipeline/restored"] = taps["reconstruct/restored"]
    arrays["pipeline/probabilities"] = taps["recognise/probabilities"]
    return {name: value.contiguous().flatten().numpy() for name, value in arrays.items()}


def measure(run, warm_up, samples, seconds):
    """Milliseconds of each run behind the warm-up: by the clock, and of all threads together."""
    for _ in range(warm_up):
        run()
    times, cpu_times, start = [], [], time.perf_counter()
    while len(times) < samples or time.perf_counter() - start < seconds:
        before, cpu_before = time.perf_counter(), time.process_time()
        run()
        times.append(1000.0 * (time.perf_counter() - before))
        cpu_times.append(1000.0 * (time.process_time() - cpu_before))
    return times, cpu_times


def loaded_libraries(part):
    """Paths of the libraries in this process whose file name has `part` in it."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    return sorted(path for path in paths if part in os.path.basename(path))


def blas_name():
    """Which BLAS multiplies matrices here, as the files say that this process has loaded.

    Debian's PyTorch asks for libblas.so.3, whose alternatives differ in their folder (a LAPACK may
    have loaded another BLAS beside it); PyTorch's own builds bring a library of another name.
    """
    names = (("openblas", "OpenBLAS"), ("mkl", "MKL"), ("blis", "BLIS"), ("atlas", "ATLAS"),
             ("/blas/", "reference BLAS"))
    for path in loaded_libraries("libblas.so") or loaded_libraries("blas") + \
            loaded_libraries("mkl") + loaded_libraries("blis"):
        for part, name in names:
            if part in os.path.realpath(path):
                return name
        return os.path.realpath(path)
    return "built in"


def built_with(expression):
    """What PyTorch says about its own parts."""
    found = re.search(expression, torch.__config__.show())
    return found[1] if found else "unknown"


def about(model, inputs):
    return {"config": model.config.name, "batch": len(inputs["vit"]),
            "threads": torch.get_num_threads(), "torch": torch.__version__,
            "python": sys.version.split()[0], "blas": blas_name(),
            "blas_files": loaded_libraries("blas"),
            "onednn": built_with(r"MKL-DNN (v[0-9.]+)"),
            "cpu_capability": built_with(r"CPU capability usage: (\S+)")}


def answer(model, inputs, stages, request):
    if "outputs" in request:
        safetensors_io.write(request["outputs"], all_outputs(model, inputs, stages))
        return {"outputs": request["outputs"]}
    times, cpu_times = measure(stages[request["stage"]], request["warm_up"], request["samples"],
                               request["seconds"])
    return {"stage": request["stage"], "samples_ms": times, "cpu_ms": cpu_times}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-m", "--weights", required=True, help="weight file")
    parser.add_argument("-i", "--inputs", required=True, help="file that make_inputs.py wrote")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--samples", type=int, default=10, help="least number of runs of a stage")
    parser.add_argument("--seconds", type=float, default=2.0, help="least time for a stage")
    parser.add_argument("--stage", action="append", help="only these stages")
    parser.add_argument("--serve", action="store_true", help="answer requests line by line")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with torch.inference_mode():
        model, _ = twin.load(arguments.weights)
        arrays, metadata = safetensors_io.read(arguments.inputs)
        inputs = {name: torch.tensor(array) for name, array in arrays.items()}
        stages = make_stages(model, inputs, json.loads(metadata["operations"]))
        info = about(model, inputs)
        if arguments.serve:
            print(json.dumps(info), flush=True)
            for line in sys.stdin:
                print(json.dumps(answer(model, inputs, stages, json.loads(line))), flush=True)
            return
        info["stages"] = []
        for name, run in stages.items():
            if not arguments.stage or name in arguments.stage:
                times, cpu_times = measure(run, 2, arguments.samples, arguments.seconds)
                low, median, high = np.percentile(times, (5, 50, 95))
                info["stages"].append({"name": name, "median_ms": median, "p5_ms": low,
                                       "p95_ms": high, "cpu_ms": np.median(cpu_times),
                                       "samples": len(times)})
        print(json.dumps(info, indent=2))


if __name__ == "__main__":
    main()
