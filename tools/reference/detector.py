"""Stage 1: which patches are covered. Spheres (SVDD) around the latents of uncovered patches."""
import torch
import torch.nn.functional as F
from torch import nn

from layers import parameter, statistic
from taps import margin_of
from vit import Encoder


class Bare(nn.Module):
    """A linear map without bias; `positions` in front of the shape gives one per patch."""

    def __init__(self, inputs, outputs, positions):
        super().__init__()
        self.weight = parameter(*positions, outputs, inputs)

    def forward(self, z):
        """z [N, L, in] -> [N, L, out]."""
        return torch.einsum("nli,loi->nlo" if self.weight.dim() == 3 else "nli,oi->nlo",
                            z, self.weight)


class DeepSphere(nn.Module):
    """d = ||phi(z) - c||^2, phi a chain of linear maps without bias, leaky ReLU between them."""

    def __init__(self, spec, inputs, patches):
        super().__init__()
        positions = (patches,) if spec.by_position else ()
        self.slope, self.depth = spec.slope, len(spec.widths)
        for k, (a, b) in enumerate(zip([inputs] + spec.widths, spec.widths)):
            self.add_module(f"phi{k}", Bare(a, b, positions))
        self.register_buffer("center", statistic(*positions, spec.widths[-1]))
        self.register_buffer("radius", statistic(*(positions or (1,))))

    def feature(self, z):
        for k in range(self.depth):
            z = getattr(self, f"phi{k}")(z if k == 0 else F.leaky_relu(z, self.slope))
        return z

    def forward(self, z, tap, name):
        """z [N, L, Z] -> d [N, L]."""
        feature = self.feature(z)
        tap(f"{name}/feature", feature)
        return ((feature - self.center) ** 2).sum(dim=2)


class KernelSphere(nn.Module):
    """d = 1 - 2 sum_j a_j K(z, x_j) + sum_jk a_j a_k K(x_j, x_k), K(a, b) = exp(-g ||a - b||^2)."""

    def __init__(self, spec, inputs, patches):
        super().__init__()
        positions = (patches,) if spec.by_position else ()
        self.gamma = spec.gamma
        self.register_buffer("support", statistic(*positions, spec.support, inputs))
        self.register_buffer("alpha", statistic(*positions, spec.support))
        self.register_buffer("radius", statistic(*(positions or (1,))))

    def forward(self, z, tap, name):
        """z [N, L, Z] -> d [N, L]."""
        support = self.support if self.support.dim() == 3 else self.support[None]  # [L or 1, S, Z]
        alpha = self.alpha if self.alpha.dim() == 2 else self.alpha[None]
        # By differences, not by the expanded square: no cancellation.
        to_support = ((z[:, :, None] - support[None]) ** 2).sum(dim=3)
        cross = (alpha * torch.exp(-self.gamma * to_support)).sum(dim=2)
        among = ((support[:, :, None] - support[:, None]) ** 2).sum(dim=3)
        inner = torch.einsum("lj,lk,ljk->l", alpha, alpha, torch.exp(-self.gamma * among))
        return 1.0 - 2.0 * cross + inner


def smoothed(score, rows, a):
    """score [N, L] of patches in `rows` rows: means over 3 x 3, weights (a, 1 - 2 a, a) along both
    axes, of the patches that there are."""
    weights = torch.tensor([a, 1 - 2 * a, a], dtype=score.dtype)
    kernel = (weights[:, None] * weights)[None, None]
    grid = score.view(len(score), 1, rows, -1)
    there = F.conv2d(torch.ones_like(grid[:1]), kernel, padding=1)
    return (F.conv2d(grid, kernel, padding=1) / there).view_as(score)


class Detector(nn.Module):
    """Holds an encoder of its own only where the configuration gives it one."""

    def __init__(self, config):
        super().__init__()
        spec = config.detector
        self.spheres, self.smoothing = spec.spheres, spec.smoothing
        self.rows = config.image_size // config.patch_size
        size = spec.encoder or config.encoder
        if spec.encoder:
            self.encoder = Encoder(size, config.patch_size, config.patches)
        for k, sphere in enumerate(spec.spheres):
            kind = DeepSphere if sphere.kind == "deep" else KernelSphere
            self.add_module(f"sphere{k}", kind(sphere, size.width * len(sphere.taps),
                                               config.patches))

    def latents(self, outputs, images, taps):
        """The named encoder outputs, class token dropped, side by side: [N, L, Z]."""
        return torch.cat([outputs[t].view(images, -1, outputs[t].shape[1])[:, 1:] for t in taps],
                         dim=2)

    def encode(self, shared_encoder, image, patches, tap, prefix="detect/encoder"):
        """Outputs of the detector's encoder over all patches, taps as [N, L + 1, D]."""
        encoder = self.encoder if hasattr(self, "encoder") else shared_encoder
        images = len(image)
        visible = torch.ones(images, patches, dtype=torch.bool)

        def unpacked(name, value):
            tap(name, value.view(images, patches + 1, -1))

        return encoder(image, visible, unpacked, prefix)[0]

    def forward(self, shared_encoder, image, patches, tap):
        """image [N, 3, S, S] normalised -> mask [N, L] bool, True where covered."""
        outputs = self.encode(shared_encoder, image, patches, tap)
        distances = []
        for k, spec in enumerate(self.spheres):
            z = self.latents(outputs, len(image), spec.taps)
            distances.append(getattr(self, f"sphere{k}")(z, tap, f"detect/sphere{k}"))
            tap(f"detect/sphere{k}/distance", distances[-1])
        if len(self.spheres) == 1 and not self.spheres[0].by_position and not self.smoothing:
            distance, limit = distances[0], self.sphere0.radius ** 2
        else:
            score = sum(spec.weight * torch.log(d / getattr(self, f"sphere{k}").radius ** 2)
                        for k, (spec, d) in enumerate(zip(self.spheres, distances)))
            if self.smoothing:
                score = smoothed(score, self.rows, self.smoothing)
            distance, limit = torch.exp(score), torch.ones(1, dtype=score.dtype)
        tap("detect/distance", distance)
        if margin_of(tap):
            tap.margin("covered or not, |distance / radius^2 - 1|",
                       (distance / limit - 1.0).abs().min())
        mask = distance > limit
        tap("detect/mask", mask)
        return mask
