"""The released U-Net: sequences inside sequences, the leaky ReLU of a level in place."""
import torch
from torch import nn

from .assembly import SelfAssembly

ASSEMBLY_LEVEL = 3


def norm(width):
    return nn.InstanceNorm2d(width, affine=True)


def down(width):
    return nn.Conv2d(width, width, 4, stride=2, padding=3, dilation=2)


def up(width):
    return nn.ConvTranspose2d(width, width, 4, stride=2, padding=1)


class Skip(nn.Module):
    """What comes up from below, then the skip: the input, changed in place by the leaky ReLU.

    Of levels 1 to 3 the first half of the channels goes across, the half of the unflipped image.
    """

    def __init__(self, layers, skipped):
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.skipped = skipped

    def forward(self, x):
        return torch.cat([self.model(x), x[:, :self.skipped]], dim=1)


def level(i, levels, g):
    """(the block of level i and all below, how many channels it returns)"""
    width = min(2 ** i, 8) * g  # what comes in
    enter = [nn.LeakyReLU(0.2, inplace=True), down(width)]
    if i == levels:
        return Skip(enter + [nn.ReLU(inplace=True), up(width), norm(width)], width), 2 * width
    split = i <= ASSEMBLY_LEVEL
    inner, outer = (2 * width, width // 2) if split else (width, width)
    below, returned = level(i + 1, levels, g)
    enter += [norm(width), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(width, inner, 3, padding=1)]
    # Identities stand where training taps a loss.
    middle = [SelfAssembly(), nn.Identity(), norm(width), below, nn.Identity()] \
        if i == ASSEMBLY_LEVEL else [norm(inner), below]
    leave = [nn.ReLU(inplace=True), nn.ConvTranspose2d(returned, outer, 3, padding=1), norm(outer),
             nn.ReLU(inplace=True), up(outer), norm(outer)]
    skipped = width // 2 if split else width
    return Skip(enter + middle + leave, skipped), outer + skipped


class Outermost(nn.Module):
    def __init__(self, levels, g):
        super().__init__()
        below, returned = level(1, levels, g)
        self.model = nn.Sequential(nn.Conv2d(12, 2 * g, 3, padding=1), below,
                                   nn.ReLU(inplace=True),
                                   nn.ConvTranspose2d(returned, 3, 3, padding=1))

    def forward(self, x):
        return self.model(x)


class ReleasedUNet(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.model = Outermost(spec.levels, spec.width)

    def assembly(self):
        return next(m for m in self.modules() if isinstance(m, SelfAssembly))

    def forward(self, x, hole):
        """x [M, 12, U, U], hole [M, 1, U, U] bool -> [M, 3, U, U]."""
        self.assembly().set_hole(hole)
        return self.model(x)
