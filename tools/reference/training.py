"""One step of training on the twin's modules, and several: objectives, gradients, optimisers.

The formulas are those of section 2.2 (spheres), of He et al. 2022 (masked autoencoder) and of
section 5.5 (recogniser) of the method.
"""
import torch
import torch.nn.functional as F

from autoencoder import patchify
from taps import no_taps

STAGES = ("mae", "svdd", "recognise", "reconstruct")


def learned(model, stage):
    """The parameters of a stage that gradients move, by name.

    Buffers (centres, radii, support vectors, running statistics) and the fixed positions are not.
    """
    prefixes = {"mae": ("mae.",), "recognise": ("recogniser.",),
                "reconstruct": ("unet.",),
                "svdd": ("detector.",) if hasattr(model.detector, "encoder") else
                ("detector.", "mae.encoder.")}[stage]
    return {name: value for name, value in model.named_parameters()
            if name.startswith(prefixes) and not name.endswith(".position")}


def decays(name, value):
    """Weight decay draws matrices and kernels to zero; not biases, norms and tokens."""
    return name.endswith(".weight") and value.dim() > 1


def mean_where(x, chosen):
    """Mean of x where `chosen`; 0 where nothing is."""
    return x[chosen].mean() if chosen.any() else x.sum() * 0.0


class Mae:
    """Mean of (prediction - pixels)^2 over the covered patches of a batch.

    Normalised pixels, or with norm_pix_loss pixels standardised patch by patch.
    """

    def __init__(self, model, vit_raw, mask):
        self.model, self.mask = model, mask
        self.image = model.normalise(vit_raw)

    def __call__(self, tap=no_taps):
        mae = self.model.mae
        outputs, lengths = mae.encoder(self.image, ~self.mask, tap, "reconstruct/encoder")
        _, predicted = mae.decoder(outputs["norm"], lengths, ~self.mask, tap,
                                   "reconstruct/decoder")
        target = patchify(self.image, mae.patch_size)
        if mae.norm_pix_loss:
            variance, mean = torch.var_mean(target, dim=2, unbiased=True, keepdim=True)
            target = (target - mean) / torch.sqrt(variance + 1e-6)
        return mean_where((predicted - target) ** 2, self.mask)


class Svdd:
    """The sum over the spheres of what draws clean patches in, and pushes covered ones out.

    In: mean d, or with `soft_boundary` R^2 + mean max(0, d - R^2) / nu. Out: outside_weight times
    the mean of max(0, R^2 + margin - d) ("hinge") or of 1 / (d + 1e-6) ("inverse").
    """

    def __init__(self, model, vit_raw, clean, covered, soft_boundary=False, nu=0.1,
                 outside="hinge", outside_weight=0.0, margin=1.0):
        self.model, self.clean, self.covered = model, clean, covered
        self.image = model.normalise(vit_raw)
        self.soft_boundary, self.nu = soft_boundary, nu
        self.outside, self.outside_weight, self.margin = outside, outside_weight, margin

    def of_sphere(self, distance, radius):
        limit = (radius ** 2).expand_as(distance)
        if self.soft_boundary:
            loss = (radius ** 2).mean() + mean_where(F.relu(distance - limit), self.clean) / self.nu
        else:
            loss = mean_where(distance, self.clean)
        push = (1.0 / (distance + 1e-6) if self.outside == "inverse" else
                F.relu(limit + self.margin - distance))
        return loss + self.outside_weight * mean_where(push, self.covered)

    def __call__(self, tap=no_taps):
        detector = self.model.detector
        outputs = detector.encode(self.model.mae.encoder, self.image, self.model.config.patches,
                                  tap)
        loss = 0.0
        for k, spec in enumerate(detector.spheres):
            sphere = getattr(detector, f"sphere{k}")
            z = detector.latents(outputs, len(self.image), spec.taps)
            loss = loss + self.of_sphere(sphere(z, tap, f"detect/sphere{k}"), sphere.radius)
        return loss


class Recognise:
    """Cross entropy of the recogniser behind frozen stages, weighted by class.

    No gradient reaches those: `latent` and `restored` are made once. The recogniser's batch norms
    are in training mode from here on.
    """

    def __init__(self, model, vit_raw, image, mask, label, class_weight=None, tap=no_taps):
        self.model, self.label, self.class_weight = model, label, class_weight
        with torch.no_grad():
            self.latent, self.restored = model.reconstruct(model.normalise(vit_raw), image, mask,
                                                           tap)
            self.face = model.face(vit_raw, self.restored, mask)
        model.recogniser.train()

    def __call__(self, tap=no_taps):
        logits = self.model.recogniser(self.face, self.latent, tap)
        return F.cross_entropy(logits, self.label, weight=self.class_weight)


def gradients(objective, parameters, tap=no_taps):
    """(loss, gradients by name); None where the objective does not depend on a parameter."""
    for value in parameters.values():
        value.requires_grad_(True)
    loss = objective(tap)
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return loss.detach(), dict(zip(parameters, found))


def clip(parameters, limit):
    """Scales the gradients down to the norm `limit` over all of them."""
    norm = sum((p.grad ** 2).sum() for p in parameters if p.grad is not None) ** 0.5
    if norm > limit:
        for p in parameters:
            if p.grad is not None:
                p.grad *= limit / norm


def make_optimiser(kind, parameters, rate, momentum=0.0, nesterov=False, weight_decay=0.0):
    drawn = [value for name, value in parameters.items() if decays(name, value)]
    free = [value for name, value in parameters.items() if not decays(name, value)]
    groups = [{"params": drawn, "weight_decay": weight_decay},
              {"params": free, "weight_decay": 0.0}]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind](groups, lr=rate)


def follow(objective, parameters, optimiser, steps, limit=0.0, tap=lambda: no_taps):
    """Takes the steps, on the same batch; the loss in front of each. `tap()` makes a recorder."""
    losses = []
    for _ in range(steps):
        loss, found = gradients(objective, parameters, tap())
        for name, value in parameters.items():
            value.grad = found[name]
        if limit:
            clip(parameters.values(), limit)
        optimiser.step()
        losses.append(loss)
    return torch.stack(losses)
