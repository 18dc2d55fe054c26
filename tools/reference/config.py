"""The model's configuration: one JSON object (docs/model.md), read strictly.

An unknown field is an error and so is a missing one. The objects keep the JSON's field names.
"""
import json
import re
from types import SimpleNamespace

VIT_FIELDS = ("width", "depth", "heads", "mlp_width")
SPHERE_FIELDS = {
    "deep": ("kind", "taps", "widths", "slope", "by_position", "weight"),
    "kernel": ("kind", "taps", "support", "gamma", "by_position", "weight"),
}
UNET_FIELDS = ("image_size", "levels", "width", "self_assembly", "flip_channels", "composite")
RECOGNISER_FIELDS = (
    "image_size", "widths", "blocks", "heads", "channel_width", "spatial_width", "latent_source",
    "latent_selection", "latent_patches", "latent_widths", "joint_widths", "structure", "head_order")
LABELS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


class ConfigError(ValueError):
    """The configuration breaks a rule of docs/model.md; the text says which."""


def need(condition, text):
    if not condition:
        raise ConfigError(text)


def strict(source, names, where, **optional):
    """The fields `names` of the JSON object `source`, no more and no fewer, but for `optional`
    ones, which have a value where they are left out."""
    need(isinstance(source, dict), f"{where} must be an object")
    for name in source:
        need(name in names or name in optional, f"{where}: unknown field '{name}'")
    for name in names:
        need(name in source, f"{where}: field '{name}' is missing")
    return SimpleNamespace(**{**optional, **source})


def read_vit(source, where, extra=()):
    vit = strict(source, VIT_FIELDS + extra, where)
    need(min(vit.width, vit.depth, vit.heads, vit.mlp_width) > 0, f"{where}: sizes are positive")
    need(vit.width % vit.heads == 0, f"{where}: heads must divide width")
    return vit


def read_sphere(source, where, depth):
    kind = source.get("kind") if isinstance(source, dict) else None
    need(kind in SPHERE_FIELDS, f"{where}.kind must be 'deep' or 'kernel'")
    sphere = strict(source, SPHERE_FIELDS[kind], where)
    need(len(sphere.taps) > 0, f"{where}.taps is empty")
    for tap in sphere.taps:
        block = re.fullmatch(r"block(\d\d)", tap)
        need(tap == "norm" or (block and int(block[1]) < depth), f"{where}: no tap '{tap}'")
    need(kind == "kernel" or len(sphere.widths) > 0, f"{where}.widths is empty")
    return sphere


def read_detector(source, encoder):
    detector = strict(source, ("encoder", "spheres"), "detector", smoothing=0.0)
    need(0 <= detector.smoothing <= 1 / 3, "detector.smoothing is from 0 to 1/3")
    if detector.encoder is not None:
        detector.encoder = read_vit(detector.encoder, "detector.encoder")
    depth = (detector.encoder or encoder).depth
    detector.spheres = [read_sphere(sphere, f"detector.spheres[{k}]", depth)
                        for k, sphere in enumerate(detector.spheres)]
    return detector


def read_unet(source):
    if source is None:
        return None
    unet = strict(source, UNET_FIELDS, "unet")
    need(unet.levels >= 4, "unet.levels must be at least 4")
    need(unet.image_size % 2 ** unet.levels == 0, "unet.image_size must be divisible by 2^levels")
    need(unet.self_assembly in ("paper", "released"), "unet.self_assembly: 'paper' or 'released'")
    return unet


def read_recogniser(source, patches):
    need(isinstance(source, dict), "recogniser must be an object")
    part = strict({"head_order": "channel_first", **source}, RECOGNISER_FIELDS, "recogniser")
    need(part.head_order in ("channel_first", "spatial_first"), "recogniser.head_order")
    need(len(part.widths) == 4 and len(part.blocks) == 4, "recogniser: four widths, four blocks")
    need(len(part.latent_widths) == 4, "recogniser.latent_widths: four of them")
    need(len(part.joint_widths) == 2, "recogniser.joint_widths: two of them")
    need(part.latent_source in ("decoder_norm", "encoder_norm"), "recogniser.latent_source")
    need(part.latent_selection in ("fixed", "cam"), "recogniser.latent_selection")
    need(part.structure in ("layers", "folded"), "recogniser.structure")
    if part.latent_selection == "cam":
        need(part.latent_patches == [], "recogniser.latent_patches must be [] with 'cam'")
    else:
        need(len(part.latent_patches) > 0, "recogniser.latent_patches is empty")
        need(all(0 <= p < patches for p in part.latent_patches), "recogniser.latent_patches: range")
    return part


class Config:
    """A checked configuration and the sizes that follow from it."""

    def __init__(self, source):
        names = ("name", "image_size", "patch_size", "mean", "std", "encoder", "decoder",
                 "detector", "unet", "recogniser")
        top = strict(source, names, "configuration")
        self.json = source
        self.name = top.name
        self.image_size, self.patch_size = top.image_size, top.patch_size
        self.mean, self.std = top.mean, top.std
        need(self.image_size % self.patch_size == 0, "patch_size must divide image_size")
        need(len(self.mean) == 3 and len(self.std) == 3, "mean and std have three values")
        self.grid = self.image_size // self.patch_size  # rows = columns of patches
        self.patches = self.grid ** 2                   # L
        self.encoder = read_vit(top.encoder, "encoder")
        self.decoder = read_vit(top.decoder, "decoder", ("norm_pix_loss",))
        self.detector = read_detector(top.detector, self.encoder)
        self.unet = read_unet(top.unet)
        # Without a U-Net nothing fixes a second image size: the restored image is the ViT's.
        self.unet_size = self.unet.image_size if self.unet else self.image_size
        self.recogniser = read_recogniser(top.recogniser, self.patches)

    @property
    def latent_width(self):
        """W, the width of one latent vector."""
        decoder = self.recogniser.latent_source == "decoder_norm"
        return self.decoder.width if decoder else self.encoder.width

    @property
    def latent_count(self):
        """P, the number of latent vectors that the classifier sees."""
        fixed = self.recogniser.latent_selection == "fixed"
        return len(self.recogniser.latent_patches) if fixed else self.patches

    def with_structure(self, structure):
        """The same configuration with recogniser.structure replaced."""
        source = json.loads(json.dumps(self.json))
        source["recogniser"]["structure"] = structure
        return Config(source)


def read_config(path):
    with open(path, encoding="utf-8") as file:
        return Config(json.load(file))
