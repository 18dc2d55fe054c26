"""The twin's stages as modules of fixed shapes, which compilers and exporters can take whole.

The twin takes any number of covered patches, another one for each image. Here every image of a
batch has `covered` of them, so that nothing depends on a value; the results are the same.
"""
import torch
import torch.nn.functional as F
from torch import nn

import twin  # noqa: F401  (finds the reference's modules)
import pipeline
import unet
from autoencoder import patchify, unpatchify
from self_assembly import neighbourhood_mean
from taps import no_taps
from twin_on_device import constant, resize

STAGES = ("detect", "paint", "refine", "recognise")


def first_true(flags, count):
    """[N, L] of 0 and 1 -> the places of the first `count` ones, in order; zeros come last."""
    rank = torch.arange(flags.shape[1], 0, -1, device=flags.device, dtype=torch.float32)
    return torch.topk(flags.float() * rank, count, dim=1).indices


def rows_at(rows, index):
    return rows.gather(1, index[:, :, None].expand(-1, -1, rows.shape[2]))


def put_rows(rows, index, values):
    return rows.scatter(1, index[:, :, None].expand(-1, -1, rows.shape[2]), values)


def blocks(part, x):
    """The transformer blocks' outputs and the norm's by name, each [N * T, D]."""
    count, tokens = x.shape[:2]
    x, outputs = x.reshape(count * tokens, -1), {}
    for k in range(part.depth):
        name = f"block{k:02d}"
        x = outputs[name] = getattr(part, name)(x, [tokens] * count, no_taps, "")
    outputs["norm"] = part.norm(x)
    return outputs


def encode(encoder, image, kept=None):
    tokens = encoder.patch(image).flatten(2).transpose(1, 2) + encoder.position[1:]
    if kept is not None:
        tokens = rows_at(tokens, kept)
    first = (encoder.class_token + encoder.position[0]).expand(len(tokens), 1, -1)
    return blocks(encoder, torch.cat([first, tokens], dim=1))


class Detect(nn.Module):
    """vit_raw [N, 3, S, S] -> mask [N, L], 1 where covered."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        encoder = getattr(model.detector, "encoder", model.mae.encoder)
        model.detector.encode = lambda shared, image, patches, tap: encode(encoder, image)

    def forward(self, raw):
        return self.model.detect(self.model.normalise(raw)).float()


class Paint(nn.Module):
    """vit_raw, mask [N, L] -> latent [N, L, W], coarse [N, 3, S, S]."""

    def __init__(self, model, covered):
        super().__init__()
        self.model, self.visible = model, model.config.patches - covered

    def scale(self, image, kept):
        values = rows_at(patchify(image, self.model.mae.patch_size), kept)
        deviation = torch.sqrt(values.var(dim=2, unbiased=True) + 1e-6)
        return values.mean(dim=(1, 2))[:, None, None], deviation.mean(dim=1)[:, None, None]

    def forward(self, raw, mask):
        mae, image = self.model.mae, self.model.normalise(raw)
        count, patches = mask.shape
        kept = first_true(1 - mask, self.visible)
        tokens = encode(mae.encoder, image, kept)["norm"]
        part = mae.decoder
        embedded = part.embed(tokens).view(count, self.visible + 1, -1)
        x = part.mask_token.expand(count, patches + 1, -1)
        index = torch.cat([torch.zeros_like(kept[:, :1]), kept + 1], dim=1)
        x = put_rows(x, index, embedded) + part.position
        normed = blocks(part, x)["norm"].view(count, patches + 1, -1)[:, 1:]
        painted = part.predict(normed)
        latent = normed
        if mae.latent_source != "decoder_norm":
            seen = tokens.view(count, self.visible + 1, -1)[:, 1:]
            latent = put_rows(seen.new_zeros(count, patches, seen.shape[2]), kept, seen)
        if mae.norm_pix_loss:
            mean, deviation = self.scale(image, kept)
            painted = painted * deviation + mean
        image = unpatchify(painted, mae.patch_size, mae.grid)
        return latent, self.model.denormalise(image).clamp(0.0, 1.0)


class Refine(nn.Module):
    """image [N, 3, U, U], coarse [N, 3, S, S], mask [N, L] -> restored [N, 3, U, U]."""

    def __init__(self, model, steps):
        super().__init__()
        self.model = model
        if model.config.unet and model.config.unet.self_assembly == "paper":
            model.unet.assemble = lambda variant, x, f, hole, margin=None: \
                assemble(x, f, hole, steps)

    def forward(self, image, coarse, mask):
        size = self.model.config.unet_size
        return self.model.refine(image, resize(coarse, size, size), mask > 0)


class Recognise(nn.Module):
    """restored [N, 3, U, U], latent -> probabilities [N, classes]. Every image has a hole."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        model.recogniser.choose = self.choose

    def choose(self, latent, attention_grid, tap):
        spec = self.model.recogniser.spec
        if spec.latent_selection == "fixed":
            return latent[:, spec.latent_patches].flatten(1)
        flat = attention_grid.flatten(1)
        kept = torch.topk(flat, flat.shape[1] // 2, dim=1).indices
        chosen = torch.zeros_like(flat).scatter(1, kept, torch.ones_like(flat[:, :kept.shape[1]]))
        return (latent * chosen[:, :, None]).flatten(1)

    def forward(self, restored, latent):
        size = self.model.config.recogniser.image_size
        face = self.model.normalise(resize(restored, size, size))
        return torch.softmax(self.model.recogniser(face, latent, no_taps), dim=1)


def hole_pixels(mask, size):
    """unet.hole_pixels of a size that is known."""
    grid = round(int(mask.shape[1]) ** 0.5)
    index = torch.arange(size, device=mask.device) * grid // size
    return mask.view(-1, 1, grid, grid)[:, :, index][:, :, :, index]


def hole_features(hole):
    """unet.hole_features in float32, where its values, multiples of 1/4096, are exact as well."""
    x = hole.float()
    for _ in range(3):
        x = F.avg_pool2d(x, 4, stride=2, padding=1, count_include_pad=True)
    return x > 5.0 / 16.0


def input_channels(image, coarse, hole, flip_channels):
    """unet.input_channels without an expansion that PyTorch 1.13 exports wrongly."""
    image, coarse = 2.0 * image - 1.0, 2.0 * coarse - 1.0
    pair = [torch.where(hole, coarse, image),
            torch.where(hole, constant(unet.FILL, image.device, image.dtype), image)]
    flipped = [x.flip(3).flip(1) if flip_channels else x.flip(3) for x in pair]
    return torch.cat(pair + flipped, dim=1)


def unit_or_zero(rows):
    norm = rows.norm(dim=-1, keepdim=True)
    return rows / norm.clamp_min(1e-37) * (norm > 0)


def recurrence(queries, fixed, weight, alone):
    """The part of the self-assembly in which each step needs the one before it. A function of
    plain tensors, which torch.jit can script: exported, it is a loop and not its steps in a row."""
    made = []
    previous = torch.zeros_like(fixed[:, 0])
    for m in range(fixed.shape[1]):
        norm = torch.sqrt((previous * previous).sum(dim=1, keepdim=True))
        unit = previous / norm.clamp_min(1e-37)
        s = (queries[:, m] * unit).sum(dim=1, keepdim=True).clamp_min(0.0)
        total = weight[:, m] + s
        value = (fixed[:, m] + s * previous) / total.clamp_min(1e-8)
        previous = torch.where(total < 1e-8, alone[:, m], value)
        made.append(previous)
    return torch.stack(made, dim=1)


def opaque(function):
    """`recurrence` as one operation that torch.compile does not look into: unrolled it would be
    hundreds of steps."""
    if not hasattr(torch.library, "custom_op"):
        return torch._dynamo.disable(function)
    tensor = torch.Tensor

    def call(queries: tensor, fixed: tensor, weight: tensor, alone: tensor) -> tensor:
        return function(queries, fixed, weight, alone)

    made = torch.library.custom_op("ofer_bench::recurrence", call, mutates_args=())
    made.register_fake(lambda queries, fixed, weight, alone: torch.empty_like(fixed))
    return made


def assemble(x, f, hole, steps):
    """self_assembly.vectorised of the variant "paper", at most `steps` positions masked."""
    masked = hole.flatten(1)
    source = x.flatten(2).transpose(1, 2)
    unit = unit_or_zero(source)
    order = first_true(masked, steps)
    queries, own = rows_at(unit, order), rows_at(source, order)
    p_flip = rows_at(neighbourhood_mean(f).flatten(2).transpose(1, 2), order)
    s_flip = (queries * unit_or_zero(p_flip)).sum(dim=2, keepdim=True).clamp_min(0.0)
    products = queries @ unit.transpose(1, 2)
    s_known, best = products.masked_fill(masked[:, None, :], -2.0).max(dim=2)
    s_known = s_known.clamp_min(0.0)[:, :, None]
    p_known = rows_at(source, best)
    made = recurrence(queries, s_flip * p_flip + s_known * p_known, s_flip + s_known, p_known)
    # Behind an image's own masked positions stand others, which keep what they have.
    valid = masked.gather(1, order)[:, :, None]
    return put_rows(source, order, torch.where(valid, made, own)).transpose(1, 2).reshape(x.shape)


def modules(model, mask):
    """The stages for batches whose images are covered as `mask` [N, L] bool says."""
    covered = {int(n) for n in mask.sum(dim=1)}
    if len(covered) != 1:
        raise ValueError("the images have different numbers of covered patches")
    unet.hole_features = hole_features
    pipeline.hole_pixels, pipeline.input_channels = hole_pixels, input_channels
    hole = hole_features(hole_pixels(mask, model.config.unet_size))
    steps = int(hole.flatten(1).sum(dim=1).max())
    return {"detect": Detect(model), "paint": Paint(model, covered.pop()),
            "refine": Refine(model, steps), "recognise": Recognise(model)}
