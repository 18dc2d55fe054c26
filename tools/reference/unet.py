"""Stage 2b: the U-Net with self-assembly, which refines the coarse image inside the hole."""
import torch
import torch.nn.functional as F
from torch import nn

import self_assembly
from layers import Conv, ConvTransposed, InstanceNorm
from taps import margin_of

SLOPE = 0.2
# What stands in the hole of the masked image, in [-1, 1].
FILL = tuple(2.0 * value / 255.0 - 1.0 for value in (123.0, 104.0, 117.0))
ASSEMBLY_LEVEL = 3


def hole_pixels(mask, size):
    """Patch mask [N, L] bool -> [N, 1, size, size] bool, nearest neighbour by floor."""
    grid = int(round(mask.shape[1] ** 0.5))
    index = torch.arange(size) * grid // size
    return mask.view(-1, 1, grid, grid)[:, :, index][:, :, :, index]


def hole_features(hole):
    """[M, 1, U, U] -> [M, 1, U/8, U/8] bool: three average poolings, zeros counted, > 5/16."""
    x = hole.to(torch.float64)
    for _ in range(3):
        x = F.avg_pool2d(x, 4, stride=2, padding=1, count_include_pad=True)
    return x > 5.0 / 16.0


def input_channels(image, coarse, hole, flip_channels):
    """image and coarse [M, 3, U, U] in [0, 1], hole bool -> [M, 12, U, U].

    Syn (coarse in the hole), A (constants in the hole), then both flipped left to right.
    """
    image, coarse = 2.0 * image - 1.0, 2.0 * coarse - 1.0
    fill = torch.tensor(FILL, dtype=image.dtype).view(1, 3, 1, 1).expand_as(image)
    pair = [torch.where(hole, coarse, image), torch.where(hole, fill, image)]
    flipped = [x.flip(3).flip(1) if flip_channels else x.flip(3) for x in pair]
    return torch.cat(pair + flipped, dim=1)


def level_widths(i, levels, g):
    """(input, output of `in`, output of `out`) of level i; None where the level has no such."""
    if i == 0:
        return None, 2 * g, 3
    wide = min(2 ** i, 8) * g
    if i == levels:
        return wide, None, None
    return wide, (2 * wide if i <= 3 else wide), (wide // 2 if i <= 3 else wide)


class Level(nn.Module):
    """The layers of one resolution, on the way down (down, in) and on the way up (out, up)."""

    def __init__(self, i, levels, g):
        super().__init__()
        width, inner, outer = level_widths(i, levels, g)
        if i == 0:
            self.add_module("in", Conv(12, inner, 3, padding=1))
            self.out = ConvTransposed(2 * g, outer, 3, stride=1, padding=1)
            return
        self.down = Conv(width, width, 4, stride=2, padding=3, dilation=2)
        if i < levels:
            self.down_norm = InstanceNorm(width)
            self.add_module("in", Conv(width, inner, 3, padding=1))
            self.in_norm = InstanceNorm(inner // 2 if i == ASSEMBLY_LEVEL else inner)
            # From below comes the lower level's output and its skip, of the same width.
            below = 2 * level_widths(i + 1, levels, g)[0] if i >= 3 else inner
            self.out = ConvTransposed(below, outer, 3, stride=1, padding=1)
            self.out_norm = InstanceNorm(outer)
        up = width if i == levels else outer
        self.up = ConvTransposed(up, up, 4, stride=2, padding=1)
        self.up_norm = InstanceNorm(up)

    def enter(self, x):
        return self._modules["in"](x)


class UNet(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.levels, self.variant = spec.levels, spec.self_assembly
        self.assemble = self_assembly.loop
        for i in range(spec.levels + 1):
            self.add_module(f"level{i}", Level(i, spec.levels, spec.width))

    def forward(self, x, hole, tap, prefix="reconstruct/unet", features=None):
        """x [M, 12, U, U] in [-1, 1], hole [M, 1, U, U] bool -> [M, 3, U, U], not clamped.

        `features` (a dict) gets what training compares: hole [M, 1, h, w] bool, assembled and
        rising [M, 8g, h, w], h = w = U / 8.
        """
        tap(f"{prefix}/input", x)
        small_hole = hole_features(hole)
        tap(f"{prefix}/hole", small_hole)
        level = [getattr(self, f"level{i}") for i in range(self.levels + 1)]
        x = level[0].enter(x)
        tap(f"{prefix}/level0/in", x)
        skips = [None]
        for i in range(1, self.levels + 1):
            # Of the upper levels only the half that stands for the unflipped image goes across.
            skips.append(x[:, :x.shape[1] // 2] if i <= 3 else x)
            x = level[i].down(F.leaky_relu(x, SLOPE))
            if i < self.levels:
                x = level[i].down_norm(x)
            tap(f"{prefix}/level{i}/down", x)
            if i == self.levels:
                break
            x = level[i].enter(F.leaky_relu(x, SLOPE))
            if i == ASSEMBLY_LEVEL:
                straight, flipped = x.chunk(2, dim=1)
                x = self.assemble(self.variant, straight, flipped, small_hole[:, 0],
                                  margin_of(tap))
                tap(f"{prefix}/assembly", x)
                if features is not None:
                    features.update(hole=small_hole, assembled=x)
            x = level[i].in_norm(x)
            tap(f"{prefix}/level{i}/in", x)
        for i in range(self.levels, 0, -1):
            if i < self.levels:
                x = torch.cat([x, skips[i + 1]], dim=1)
                x = level[i].out_norm(level[i].out(F.relu(x)))
                tap(f"{prefix}/level{i}/out", x)
            x = level[i].up_norm(level[i].up(F.relu(x)))
            tap(f"{prefix}/level{i}/up", x)
            if features is not None and i == ASSEMBLY_LEVEL + 1:
                features["rising"] = F.relu(x)
        x = level[0].out(F.relu(torch.cat([x, skips[1]], dim=1)))
        tap(f"{prefix}/output", x)
        return x
