"""Weights of the U-Net that can judge float32, by the rules of make_grid.py and in float64 alone.

Its instance norms work on as few as four positions, so some draws magnify roundings; and its
self-assembly takes the best of many matches, where two may be nearly alike.
"""
import torch
from torch import nn

from make_grid import LARGEST_ROUNDING_EFFECT, ROUNDINGS, SMALLEST_MARGIN

from . import draw

ATTEMPTS = 50  # seeds of the weights


class Unfit(Exception):
    """No seed gave fit numbers; the text says why."""


def rounding_effect(pipeline, unet):
    """The tap that suffers most when each layer rounds its result to float32 once: (change, tap).

    The change is relative L2, the root mean square over so many random roundings.
    """
    generator = torch.Generator().manual_seed(0)

    def round_up_or_down(module, inputs, output):
        sign = torch.randint(0, 2, output.shape, generator=generator, dtype=output.dtype) * 2 - 1
        return output * (1 + 2.0 ** -24 * sign)

    # Hooked before the recorder, which shall see the rounded values.
    hooks = [module.register_forward_hook(round_up_or_down) for module in unet.modules()
             if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.InstanceNorm2d))]
    total = {}
    for _ in range(ROUNDINGS):
        _, rounded = pipeline.record("unet", unet, *pipeline.unet_inputs())
        for name, value in rounded.items():
            exact = pipeline.taps[name]
            change = torch.linalg.vector_norm(value - exact) / torch.linalg.vector_norm(exact)
            total[name] = total.get(name, 0.0) + float(change) ** 2
    for hook in hooks:
        hook.remove()
    return max(((value / ROUNDINGS) ** 0.5, name) for name, value in total.items())


def fit_unet(pipeline, unet, seed):
    """Fills `unet` with the first fit weights and runs it; returns the margin that it kept."""
    reason = None
    for attempt in range(ATTEMPTS):
        draw.fill(unet, "unet", [seed, attempt])
        pipeline.refine(unet)
        margin = unet.assembly().margin
        if margin < SMALLEST_MARGIN:
            reason = f"another best match is {margin:.2g} away"
            continue
        effect, tap = rounding_effect(pipeline, unet)
        if effect <= LARGEST_ROUNDING_EFFECT:
            return margin
        reason = f"{tap}: rounding changes it by {effect:.2g}"
    raise Unfit(f"none of {ATTEMPTS} seeds of the U-Net's weights is fit; the last: {reason}; "
                "take another --seed")
