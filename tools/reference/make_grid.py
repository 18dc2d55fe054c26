#!/usr/bin/env python3
"""Weights of one configuration and reference taps for a list of cases: what the tests compare.

Writes weights.safetensors and one CASE.safetensors per case into a folder. A case is
BATCH-MASK[-backward], for example 3-half or 1-detect-backward. The next seed is taken where a random
input comes too close to a discontinuity (see taps.Taps.margins) for float32 to be sure, and where it
is so ill-conditioned (an instance norm over four nearly equal values) that PyTorch itself, in
float32, strays from float64 by more than LARGEST_FLOAT32_ERROR at some tap.
"""
import argparse
import json
import os

import torch

import safetensors_io
from config import read_config
from images import random_inputs, random_masks
from make_taps import run
from make_weights import make, metadata_for
from pipeline import load

SMALLEST_MARGIN = 3e-5
LARGEST_FLOAT32_ERROR = 4e-6
ATTEMPTS = 50


def float32_error(model32, tap, mask):
    """Largest relative L2 error of any tap when PyTorch computes it in float32."""
    single = run(model32, tap["input/vit_raw"].float(), tap["input/unet"].float(), mask)
    return max((float(torch.linalg.vector_norm(value.double() - tap[name].double()) /
                      torch.linalg.vector_norm(tap[name].double()).clamp_min(1e-30))
                for name, value in single.items() if tap[name].any()), default=0.0)


def write_case(model, model32, weights_sha256, case, seed, only, path):
    batch, mask_kind, *rest = case.rsplit("-backward", 1)[0].split("-", 1) + (
        ["backward"] if case.endswith("-backward") else [])
    config = model.config
    for attempt in range(seed, seed + ATTEMPTS):
        vit_raw, image = random_inputs(config, int(batch), attempt)
        mask = (None if mask_kind == "detect" else
                random_masks(mask_kind, int(batch), config.patches, attempt))
        tap = run(model, vit_raw, image, mask, (0, 3) if rest else ())
        if (min(tap.margins.values(), default=1.0) >= SMALLEST_MARGIN
                and float32_error(model32, tap, mask) <= LARGEST_FLOAT32_ERROR):
            break
    else:
        raise SystemExit(f"{path}: none of {ATTEMPTS} seeds is clear of every discontinuity and "
                         f"well-conditioned; margins of the last: {tap.margins}")
    arrays = {name: value.to(torch.float64).numpy() for name, value in tap.items()
              if not only or name.startswith(("input/", "given/"))
              or any(name.endswith(end) for end in only)}
    safetensors_io.write(path, arrays, {
        "kind": "taps", "weights_sha256": weights_sha256, "order": json.dumps(list(arrays)),
        "margins": json.dumps(tap.margins), "seed": str(attempt)})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="configuration, a JSON file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], metavar="END",
                        help="keep the taps whose names end so (default: all)")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("-o", "--output", required=True, help="folder to write into")
    parser.add_argument("cases", nargs="+", metavar="BATCH-MASK[-backward]")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    os.makedirs(arguments.output, exist_ok=True)
    weights = os.path.join(arguments.output, "weights.safetensors")
    config = read_config(arguments.config)
    safetensors_io.write(weights, make(config, arguments.seed),
                         metadata_for(config, arguments.seed))
    model, metadata = load(weights)
    model32, _ = load(weights, torch.float32)
    for case in arguments.cases:
        write_case(model, model32, metadata["sha256"], case, arguments.seed, arguments.only,
                   os.path.join(arguments.output, f"{case}.safetensors"))


if __name__ == "__main__":
    main()
