"""Training of the U-Net on the twin's modules: section 4.6 of the method.

Feature networks, discriminators, the U-Net's objective and the discriminators'.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from images import as_float32
from layers import Conv, InstanceNorm
from resize import resize
from taps import no_taps
from unet import SLOPE, hole_pixels, input_channels

# VGG-16's convolutions up to relu4_3: their number in torchvision's Sequential, outputs in units
# of the base width (64 there), whether a pooling stands in front.
VGG = ((0, 1, False), (2, 1, False), (5, 2, True), (7, 2, False), (10, 4, True), (12, 4, False),
       (14, 4, False), (17, 8, True), (19, 8, False), (21, 8, False))
VGG_FINE = 14  # relu3_3 is behind this one
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PARTS = ("reconstruction", "consistency", "semantic", "adversarial")


def draw(module, generator):
    """Random numbers of order 1 for every parameter, rounded to float32."""
    for name, value in list(module.named_parameters()):
        owner = module.get_submodule(name.rpartition(".")[0])
        leaf = name.rpartition(".")[2]
        if isinstance(owner, InstanceNorm) and leaf == "weight":
            numbers = generator.uniform(0.5, 1.5, value.shape)
        elif leaf == "weight":
            numbers = generator.normal(0.0, 1.4 / math.sqrt(math.prod(value.shape[1:])), value.shape)
        else:
            numbers = generator.normal(0.0, 0.3, value.shape)
        owner._parameters[leaf] = nn.Parameter(as_float32(numbers), requires_grad=False)
    return module


class Vgg(nn.Module):
    """fine: relu3_3, deep: relu4_3 of images in [-1, 1]. Parameters named as torchvision's."""

    def __init__(self, width):
        super().__init__()
        self.features, inputs = nn.Module(), 3
        for number, outputs, _ in VGG:
            self.features.add_module(str(number), Conv(inputs, outputs * width, 3, padding=1))
            inputs = outputs * width

    def forward(self, x):
        mean, std = (torch.tensor(v, dtype=torch.float32).to(x).view(1, 3, 1, 1) for v in IMAGENET)
        x = ((x + 1.0) / 2.0 - mean) / std
        for number, _, pooled in VGG:
            x = F.max_pool2d(x, 2) if pooled else x
            x = F.relu(self.features.get_submodule(str(number))(x))
            if number == VGG_FINE:
                fine = x
        return fine, x


def view(model, image):
    """What the recogniser sees of an image in [-1, 1]."""
    size = model.config.recogniser.image_size
    return model.normalise(resize((image + 1.0) / 2.0, size, size))


class RecogniserFeatures(nn.Module):
    """The recogniser's stages nearest in size to a quarter and an eighth of the U-Net's image."""

    def __init__(self, model):
        super().__init__()
        self.model = [model]  # not a part of this module
        sizes, size = [], model.config.recogniser.image_size
        for _ in range(2):
            size = (size + 1) // 2
        for _ in range(4):
            sizes.append(size)
            size = (size + 1) // 2
        self.fine, self.deep = (min(range(4), key=lambda i: abs(sizes[i] - wanted))
                                for wanted in (model.config.unet_size // 4,
                                               model.config.unet_size // 8))

    def forward(self, x):
        maps = []

        def keep(name, value):
            if "/block" in name:
                maps[int(name.split("/stage")[1][0]) - 1:] = [value]

        model = self.model[0]
        model.recogniser.features(view(model, x), keep)
        return maps[self.fine], maps[self.deep]


class Judge(nn.Module):
    """Convolutions 4 x 4, padding 1: (outputs, stride, norm) each; a norm takes the bias' place."""

    def __init__(self, inputs, plan):
        super().__init__()
        self.plan = plan
        for i, (outputs, stride, norm) in enumerate(plan):
            layer = Conv(inputs, outputs, 4, stride=stride, padding=1, bias=not norm)
            if norm:
                layer.norm = InstanceNorm(outputs)
            self.add_module(f"layer{i}", layer)
            inputs = outputs

    def forward(self, x):
        for i, (_, _, norm) in enumerate(self.plan):
            layer = self.get_submodule(f"layer{i}")
            x = layer(F.leaky_relu(x, SLOPE) if i else x)
            x = layer.norm(x) if norm else x
        return x


class Judges(nn.Module):
    def __init__(self, width, fine_channels):
        super().__init__()
        w = width
        self.image_discriminator = Judge(3, ((w, 2, False), (2 * w, 2, True), (4 * w, 2, True),
                                             (8 * w, 1, True), (1, 1, False)))
        self.feature_discriminator = Judge(fine_channels, ((8 * w, 2, False), (8 * w, 2, True),
                                                           (8 * w, 2, False)))

    def losses(self, truth, fine, fake, fake_fine, margin):
        return (relativistic(self.image_discriminator(truth), self.image_discriminator(fake), margin)
                + relativistic(self.feature_discriminator(fine),
                               self.feature_discriminator(fake_fine), margin))


def relativistic(real, fake, margin):
    """Average least squares; margin 1 for the discriminator, -1 for the generator."""
    return (((real - fake.mean() - margin) ** 2).mean()
            + ((fake - real.mean() + margin) ** 2).mean()) / 2.0


class Reconstruct:
    """The weighted sum of the parts whose weight is above 0, by name (PARTS).

    vit_raw [N, 3, S, S] and image [N, 3, U, U] show the covered faces, truth [N, 3, U, U] the same
    uncovered, all in [0, 1]; mask [N, L] bool. No gradient reaches the autoencoder, the recogniser
    and `features`.
    """

    def __init__(self, model, vit_raw, image, truth, mask, weights, features, judges):
        self.model, self.vit_raw, self.image, self.mask = model, vit_raw, image, mask
        self.truth, self.weights = 2.0 * truth - 1.0, weights
        self.features, self.judges = features, judges
        self.hole = hole_pixels(mask, model.config.unet_size)
        self.modules = nn.ModuleList([model, features, judges])

    def log_probabilities(self, image, latent, tap=no_taps):
        return torch.log_softmax(self.model.recogniser(view(self.model, image), latent, tap), 1)

    def refine(self, tap, found=None):
        """(refined [N, 3, U, U] in [-1, 1], latent)"""
        model, spec, size = self.model, self.model.config.unet, self.model.config.unet_size
        with torch.no_grad():
            latent, painted = model.mae(model.normalise(self.vit_raw), ~self.mask, tap)
            coarse = resize(model.denormalise(painted).clamp(0.0, 1.0), size, size)
        channels = input_channels(self.image, coarse, self.hole, spec.flip_channels)
        refined = model.unet(channels, self.hole, tap, features=found)
        if spec.composite:
            refined = torch.where(self.hole, refined, 2.0 * self.image - 1.0)
        return refined, latent

    def consistency(self, found, deep):
        size = found["assembled"].shape[2]
        wanted = resize(deep, size, size)
        count = min(wanted.shape[1], found["assembled"].shape[1])
        inside = found["hole"].expand(-1, count, -1, -1)
        if not inside.any():
            return found["assembled"].sum() * 0.0
        return sum((((found[name][:, :count] - wanted[:, :count]) ** 2)[inside]).mean()
                   for name in ("assembled", "rising"))

    def __call__(self, tap=no_taps):
        found = {}
        refined, latent = self.refine(tap, found)
        fine, deep = (x.detach() for x in self.features(self.truth))
        parts = {}
        if self.weights["reconstruction"] > 0:
            parts["reconstruction"] = (refined - self.truth).abs().mean()
        if self.weights["consistency"] > 0:
            parts["consistency"] = self.consistency(found, deep)
        if self.weights["semantic"] > 0:
            expected = self.log_probabilities(self.truth, latent).detach().exp()
            parts["semantic"] = -(expected * self.log_probabilities(refined, latent, tap)).sum(
                dim=1).mean()
        if self.weights["adversarial"] > 0:
            parts["adversarial"] = self.judges.losses(self.truth, fine, refined,
                                                      self.features(refined)[0], -1.0)
        weighted = {name: self.weights[name] * part for name, part in parts.items()}
        self.parts = {name: float(part) for name, part in weighted.items()}
        return sum(weighted.values())


class JudgesObjective:
    """The discriminators' turn: the sum of both losses, of what the U-Net makes as it is."""

    def __init__(self, reconstruct):
        self.reconstruct = reconstruct

    def __call__(self, tap=no_taps):
        r = self.reconstruct
        with torch.no_grad():
            fake, _ = r.refine(tap)
            fine, fake_fine = r.features(r.truth)[0], r.features(fake)[0]
        return r.judges.losses(r.truth, fine, fake, fake_fine, 1.0)
