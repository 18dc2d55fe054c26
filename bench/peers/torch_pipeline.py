#!/usr/bin/env python3
"""Times the PyTorch twin's pipeline on a GPU: the passes and the JSON of ofer_bench_pipeline.

Eager, the self-assembly vectorised, attention by scaled_dot_product_attention, matrices of the
resizing and constants kept on the GPU, no gradients. From arrays in host memory to probabilities in
host memory. fp32 without TF32; tf32 allows it to products and convolutions; bf16 is weights and
activations.
"""
import argparse
import functools
import json
import time

import numpy as np
import torch
import torch.nn.functional as F

import twin
import pipeline
import recogniser
import safetensors_io
import vit
from resize import weights
from taps import Taps, no_taps

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}


@functools.lru_cache(maxsize=None)
def axis(inputs, outputs, dtype):
    return torch.tensor(weights(inputs, outputs), dtype=dtype)


def resize(image, height, width):
    columns, rows = axis(image.shape[-1], width, image.dtype), axis(image.shape[-2], height, image.dtype)
    return rows @ (image @ columns.T)


@functools.lru_cache(maxsize=None)
def constant(values, dtype):
    return torch.tensor(values, dtype=dtype).view(1, -1, 1, 1)


class Pipeline(pipeline.LatentOfer):
    def normalise(self, image):
        mean, std = (constant(tuple(v), image.dtype) for v in (self.config.mean, self.config.std))
        return (image - mean) / std

    def denormalise(self, image):
        mean, std = (constant(tuple(v), image.dtype) for v in (self.config.mean, self.config.std))
        return image * std + mean


def load(path, precision):
    vit.attention = F.scaled_dot_product_attention
    pipeline.LatentOfer = Pipeline
    pipeline.resize = recogniser.resize = resize
    torch.set_default_device("cuda")  # where the twin makes its constants
    model, _ = twin.load(path)
    return model.to("cuda", DTYPES[precision])


def measure(run, samples, seconds):
    for _ in range(3):
        run()
    times, start = [], time.perf_counter()
    while len(times) < samples or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - before))
    return times


def statistics_of(times, count):
    low, median, high, last = np.percentile(times, (5, 50, 95, 99))
    return {"median_ms": median, "p5_ms": low, "p95_ms": high, "p99_ms": last,
            "samples": len(times), "images_per_second": 1e3 * count / median}


def repeated(array, count):
    return np.ascontiguousarray(array[np.arange(count) % len(array)])


def time_batch(model, arrays, count, dtype, samples, seconds):
    raw, image, mask = (repeated(arrays[name], count) for name in ("vit_raw", "image", "mask"))

    def moved(array):
        return torch.from_numpy(array).to("cuda").to(dtype)

    def given():
        logits = model(moved(raw), moved(image), moved(mask) > 0)
        return torch.softmax(logits.float(), dim=1).cpu()

    def detect():
        model.detect(model.normalise(moved(raw)), no_taps).cpu()

    torch.cuda.reset_peak_memory_stats()
    result = {"batch": count, "detect": statistics_of(measure(detect, samples, seconds), count),
              "analyse": statistics_of(measure(given, samples, seconds), count)}
    result["peak_mib"] = torch.cuda.max_memory_allocated() / 2 ** 20
    result["probabilities"] = given()[0].tolist()
    taps = Taps()
    model(moved(raw), moved(image), moved(mask) > 0, taps)
    restored = taps["reconstruct/restored"][0].float().flatten().cpu()
    result["restored"] = restored[torch.arange(256, device="cpu") * len(restored) // 256].tolist()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-m", "--weights", required=True, help="weight file")
    parser.add_argument("-i", "--inputs", required=True, help="file that make_inputs.py wrote")
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    parser.add_argument("--batch", default="1,4,16")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = arguments.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = arguments.precision == "tf32"
    torch.backends.cudnn.benchmark = True
    arrays, _ = safetensors_io.read(arguments.inputs)
    with torch.inference_mode():
        model = load(arguments.weights, arguments.precision)
        batches = [time_batch(model, arrays, int(count), DTYPES[arguments.precision],
                              arguments.samples, arguments.seconds)
                   for count in arguments.batch.split(",")]
    print(json.dumps({"config": model.config.name, "device": torch.cuda.get_device_name(),
                      "precision": arguments.precision, "torch": torch.__version__,
                      "batches": batches}, indent=1))


if __name__ == "__main__":
    main()
