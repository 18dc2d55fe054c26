#!/usr/bin/env python3
"""Weights of one configuration and reference taps for a list of cases: what the tests compare.

Writes weights.safetensors and one CASE.safetensors per case into a folder. A case is
BATCH-MASK[-backward], for example 3-half or 1-detect-backward.

Random numbers may be unfit to judge float32 by: too close to a discontinuity (taps.Taps.margins),
or ill-conditioned (an instance norm over four nearly equal values). Then the next seed is taken for
the inputs, and where that does not help, for the weights. What is fit is decided in float64 alone,
so that every machine takes the same seeds, whatever its BLAS and its instruction set.
"""
import argparse
import contextlib
import json
import os

import torch

import safetensors_io
import self_assembly
from config import read_config
from images import random_inputs, random_masks
from layers import Conv, ConvTransposed, InstanceNorm
from make_taps import run
from make_weights import make, metadata_for
from pipeline import load
from taps import Taps
from unet import hole_pixels

SMALLEST_MARGIN = 3e-5
# Relative L2 change of any tap of the U-Net when each of its layers rounds its result to float32
# once. Whole sums in float32 cost 3 to 7 times as much, and the tests allow 1e-5.
LARGEST_ROUNDING_EFFECT = 1.25e-6
ROUNDINGS = 4         # the change is the root mean square over so many random roundings
ATTEMPTS = 50         # seeds of the inputs for one set of weights
WEIGHT_ATTEMPTS = 10  # seeds of the weights


class Unfit(Exception):
    """These numbers cannot judge float32; the text says why."""


class ClearTaps(Taps):
    """Gives up at the first discontinuity that is too close."""

    def margin(self, name, value):
        super().margin(name, value)
        if not value >= SMALLEST_MARGIN:
            raise Unfit(f"{name}: {float(value)}")


class SteadyTaps(Taps):
    """Keeps nothing, and gives up at the first tap [ROUNDINGS * M, ...] too far from `exact`."""

    def __init__(self, exact):
        super().__init__()
        self.exact = exact

    def __call__(self, name, value):
        exact = self.exact[name].double()
        change = torch.linalg.vector_norm(value.double().view(ROUNDINGS, *exact.shape) - exact)
        effect = float(change / torch.linalg.vector_norm(exact)) / ROUNDINGS ** 0.5
        if not effect <= LARGEST_ROUNDING_EFFECT:
            raise Unfit(f"{name}: rounding changes it by {effect}")


@contextlib.contextmanager
def rounding_layers(unet):
    """Inside, every layer's result is off by half a unit in float32's last place, up or down."""
    generator = torch.Generator().manual_seed(0)

    def round_up_or_down(module, inputs, output):
        sign = torch.randint(0, 2, output.shape, generator=generator, dtype=output.dtype) * 2 - 1
        return output * (1 + 2.0 ** -24 * sign)

    hooks = [module.register_forward_hook(round_up_or_down) for module in unet.modules()
             if isinstance(module, (Conv, ConvTransposed, InstanceNorm))]
    assemble, unet.assemble = unet.assemble, self_assembly.vectorised
    try:
        yield
    finally:
        unet.assemble = assemble
        for hook in hooks:
            hook.remove()


def check_steady(model, tap, mask):
    """Raises Unfit where the U-Net, which holds the instance norms, magnifies roundings."""
    if "reconstruct/unet/input" not in tap:
        return
    mask = tap["detect/mask"] if mask is None else mask
    hole = hole_pixels(mask[mask.any(dim=1)], model.config.unet_size)
    with torch.no_grad(), rounding_layers(model.unet):
        model.unet(*(x.repeat(ROUNDINGS, 1, 1, 1) for x in (tap["reconstruct/unet/input"], hole)),
                   SteadyTaps(tap))


def attempts_for(mask_kind):
    """With every patch covered no pixel of the input is looked at: all seeds are the same."""
    return 1 if mask_kind == "all" else ATTEMPTS


def parse_case(case):
    """(batch, kind of mask, whether gradients are wanted)"""
    plain = case.removesuffix("-backward")
    batch, mask_kind = plain.split("-", 1)
    return int(batch), mask_kind, plain != case


def fit_taps(model, batch, mask_kind, classes, seed):
    """The taps of a case with inputs of this seed; raises Unfit."""
    vit_raw, image = random_inputs(model.config, batch, seed)
    mask = (None if mask_kind == "detect" else
            random_masks(mask_kind, batch, model.config.patches, seed))
    tap = run(model, vit_raw, image, mask, classes, ClearTaps())
    check_steady(model, tap, mask)
    return tap


def write_case(model, weights_sha256, case, seed, only, path):
    batch, mask_kind, backward = parse_case(case)
    reason = None
    for attempt in range(seed, seed + attempts_for(mask_kind)):
        try:
            tap = fit_taps(model, batch, mask_kind, (0, 3) if backward else (), attempt)
            break
        except Unfit as caught:
            reason = caught
    else:
        raise Unfit(f"{case}: no seed of the inputs is fit; the last: {reason}")
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
    # The cases first for which only other weights could help.
    cases = sorted(arguments.cases, key=lambda case: attempts_for(parse_case(case)[1]))
    reason = None
    for seed in range(arguments.seed, arguments.seed + WEIGHT_ATTEMPTS):
        safetensors_io.write(weights, make(config, seed), metadata_for(config, seed))
        model, metadata = load(weights)
        try:
            for case in cases:
                write_case(model, metadata["sha256"], case, seed, arguments.only,
                           os.path.join(arguments.output, f"{case}.safetensors"))
            return
        except Unfit as caught:
            reason = caught
    raise SystemExit(f"none of {WEIGHT_ATTEMPTS} seeds of the weights is fit; the last: {reason}")


if __name__ == "__main__":
    main()
