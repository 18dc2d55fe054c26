#!/usr/bin/env python3
"""Random weights for tests: they stress the numerics, and mean nothing.

Batch-norm statistics lie far from 0 and 1, biases are not zero, weights are scaled by fan-in so
that activations stay of order 1. Spheres sit among the latents of random images, with radii that
cover about half of the patches. Each tensor's numbers depend on the seed and its name alone.
"""
import argparse
import json
import math
import zlib

import numpy as np
import torch

import safetensors_io
from config import LABELS, read_config
from detector import Bare
from images import random_inputs
from layers import BatchNorm, Conv, ConvTransposed, InstanceNorm, LayerNorm, Linear, install
from layers import tensor_table
from pipeline import LatentOfer
from recogniser import Spatial, Weight
from taps import no_taps
from vit import sincos_position

PROBES = 8  # random images among whose latents the spheres are placed


def generator_for(seed, name):
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def draw_norm(shape, part, generator):
    if part == "weight":
        return generator.uniform(0.5, 1.5, shape) * np.where(generator.random(shape) < 0.15, -1, 1)
    if part == "variance":
        return np.exp(generator.uniform(math.log(0.25), math.log(4.0), shape))
    return generator.normal(0.0, 0.5, shape)


def gain_of(name, module):
    """Standard deviation of a weight, relative to 1 / sqrt(fan-in)."""
    if name.endswith("qkv"):
        return 1.4  # attention that is not flat
    if isinstance(module, ConvTransposed) or name.startswith("unet."):
        return 0.5 if name == "unet.level0.out" else 1.4
    if name.endswith("conv2"):
        return 0.7  # residual branch: the sum over many blocks stays of order 1
    if ".stage" in name or ".stem" in name:
        return 1.4
    return 1.0


def fan_in(module):
    shape = module.weight.shape
    if isinstance(module, ConvTransposed):
        return shape[0] * shape[2] * shape[3] // module.stride ** 2
    return math.prod(shape[1:]) if not isinstance(module, Bare) else shape[-1]


def draw(model, name, shape, seed):
    """One tensor, all but those of spheres (see place_spheres)."""
    generator = generator_for(seed, name)
    path, _, part = name.rpartition(".")
    module = model.get_submodule(path)
    if part == "position":
        grid = math.isqrt(shape[0] - 1)
        return sincos_position(shape[1], grid) + generator.normal(0.0, 0.1, shape)
    if isinstance(module, (BatchNorm, LayerNorm, InstanceNorm)):
        value = draw_norm(shape, part, generator)
    elif part == "weight" and isinstance(module, (Linear, Conv, ConvTransposed, Weight, Bare)):
        value = generator.normal(0.0, gain_of(path, module) / math.sqrt(fan_in(module)), shape)
    else:  # biases, class and mask token
        value = generator.normal(0.0, 0.3, shape)
    owner = model.get_submodule(path.rpartition(".")[0])
    if isinstance(owner, Spatial) and part in ("weight", "bias"):
        last = isinstance(module, BatchNorm) or owner.folded
        if last and not path.endswith("1x1"):
            value *= 4.0 / len(value)  # the attention map sums over all channels
    return value


def middle(distances):
    """A squared radius near the median, in the widest gap between two of the distances."""
    ordered = np.sort(distances)
    first, last = int(0.42 * len(ordered)), max(int(0.58 * len(ordered)), 2)
    gaps = ordered[first + 1:last + 1] / ordered[first:last]
    at = first + int(np.argmax(gaps))
    return math.sqrt(ordered[at] * ordered[at + 1])


def away_from_zero(center):
    """Every |c_j| < 0.1 moved to +-0.1 by its sign."""
    return np.where(np.abs(center) < 0.1, np.where(center < 0, -0.1, 0.1), center)


def place_spheres(config, model, arrays, seed):
    """Centres, support vectors, alphas and radii, from the latents of random images.

    Radii come from other images than centres and support vectors do, or they would be too small.
    """
    def outputs_for(number):
        probes, _ = random_inputs(config, PROBES, [seed, number])
        return model.detector.encode(model.mae.encoder, model.normalise(probes), config.patches,
                                     no_taps)

    with torch.no_grad():
        install(model, arrays, torch.float64)
        inner, outer = outputs_for(1), outputs_for(2)
        for k, spec in enumerate(config.detector.spheres):
            name, sphere = f"detector.sphere{k}", getattr(model.detector, f"sphere{k}")
            z = model.detector.latents(inner, PROBES, spec.taps)
            if spec.kind == "kernel":
                place_support(arrays, name, z.numpy(), spec, generator_for(seed, name))
            else:
                feature = sphere.feature(z).numpy()
                center = feature.mean(axis=0 if spec.by_position else (0, 1))
                arrays[f"{name}.center"] = away_from_zero(center).astype(np.float32)
            install(model, arrays, torch.float64)
            z = model.detector.latents(outer, PROBES, spec.taps)
            distances = sphere(z, no_taps, name).numpy()
            columns = distances.T if spec.by_position else distances.reshape(1, -1)
            arrays[f"{name}.radius"] = np.array([math.sqrt(middle(c)) for c in columns],
                                                np.float32)


def place_support(arrays, name, z, spec, generator):
    """Support vectors: latents of the probes, blurred; alphas positive, sum 1."""
    shape = arrays[f"{name}.support"].shape
    if spec.by_position:
        picks = generator.integers(0, len(z), shape[:2])
        support = np.stack([z[picks[p], p] for p in range(len(picks))])
    else:
        flat = z.reshape(-1, z.shape[2])
        support = flat[generator.integers(0, len(flat), shape[0])]
    support = support + 0.3 * generator.normal(size=shape)
    alpha = generator.uniform(0.2, 1.0, shape[:-1])
    arrays[f"{name}.support"] = support.astype(np.float32)
    arrays[f"{name}.alpha"] = (alpha / alpha.sum(axis=-1, keepdims=True)).astype(np.float32)


def make(config, seed, classes=len(LABELS)):
    """All tensors of the model as float32 arrays by name."""
    model = LatentOfer(config, classes)
    arrays = {name: draw(model, name, shape, seed).astype(np.float32)
              for name, shape in tensor_table(model).items()}
    place_spheres(config, model, arrays, seed)
    return arrays


def soften(arrays, factor):
    """Scales the logits. A random recogniser is sure of itself, and a cross entropy then flat."""
    last = ("joint_bn3.weight", "joint_bn3.bias", "latent.weight", "features.weight", "bias")
    for part in last:
        name = f"recogniser.classifier.{part}"
        if name in arrays:
            arrays[name] = (arrays[name] * factor).astype(np.float32)


def metadata_for(config, seed):
    return {
        "format_version": "1",
        "configuration": json.dumps(config.json, separators=(",", ":")),
        "labels": json.dumps(LABELS),
        "preprocessing": json.dumps({"mean": config.mean, "std": config.std,
                                     "image_size": config.image_size}),
        "provenance": f"random numbers of seed {seed}, made by tools/reference/make_weights.py",
        "licence": "none needed: random numbers",
        "trained": "false",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="configuration, a JSON file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--soften", type=float, default=1.0, metavar="FACTOR",
                        help="scale the recogniser's logits (1)")
    parser.add_argument("-o", "--output", required=True, help="weight file to write")
    arguments = parser.parse_args()
    config = read_config(arguments.config)
    arrays = make(config, arguments.seed)
    soften(arrays, arguments.soften)
    safetensors_io.write(arguments.output, arrays, metadata_for(config, arguments.seed))


if __name__ == "__main__":
    main()
