"""The stand-ins as one pipeline, and the taps of it. Between the networks: the twin's helpers."""
import pathlib

import torch

from autoencoder import unpatchify, visible_statistics
from mapping import read_mapping
from record_taps import Recorder
from resize import resize
from unet import hole_pixels, input_channels

MAPPINGS = pathlib.Path(__file__).parent.parent / "mappings"


class Unsupported(ValueError):
    """The configuration is none that the published networks could have."""


def check_supported(config):
    part = config.recogniser
    for wrong, field, value in (
            (config.unet and config.unet.self_assembly != "released", "unet.self_assembly",
             "released"),
            (part.latent_source != "decoder_norm", "recogniser.latent_source", "decoder_norm"),
            (part.latent_selection != "fixed", "recogniser.latent_selection", "fixed")):
        if wrong:
            raise Unsupported(f"{field} must be '{value}': the published networks are like that")


def mapping_for(config, name):
    """The mapping of "mae", "unet" or "fer" in the configuration's sizes."""
    part = config.recogniser
    sizes = {
        "mae": lambda: {"encoder_depth": config.encoder.depth,
                        "decoder_depth": config.decoder.depth},
        "unet": lambda: {"levels": config.unet.levels},
        "fer": lambda: {"features": part.widths[3], "heads": part.heads,
                        **{f"blocks{s}": count for s, count in enumerate(part.blocks, start=1)}}}
    return read_mapping(MAPPINGS / f"{name}.json", sizes[name]())


class Pipeline:
    """Runs stage after stage, so that only one network need be in memory; collects `taps`.

    vit_raw [N, 3, S, S] and image [N, 3, U, U] in [0, 1], covered [N, L] bool.
    """

    def __init__(self, config, vit_raw, image, covered):
        check_supported(config)
        self.config, self.vit_raw, self.image, self.covered = config, vit_raw, image, covered
        self.some = covered.any(dim=1)
        self.mean, self.std = (torch.tensor(v, dtype=vit_raw.dtype).view(1, 3, 1, 1)
                               for v in (config.mean, config.std))
        self.normalised = (vit_raw - self.mean) / self.std
        self.inputs = {"input/vit_raw": vit_raw, "input/unet": image, "given/mask": covered}
        self.taps = {"input/vit": self.normalised}

    def record(self, name, network, *arguments):
        with torch.no_grad(), Recorder(network, mapping_for(self.config, name)) as taps:
            return network(*arguments), taps

    def autoencode(self, network):
        config = self.config
        predicted, taps = self.record("mae", network, self.normalised, self.covered)
        if config.decoder.norm_pix_loss:
            mean, deviation = visible_statistics(self.normalised, ~self.covered, config.patch_size)
            predicted = predicted * deviation + mean
        painted = unpatchify(predicted, config.patch_size, config.grid)
        self.coarse = (painted * self.std + self.mean).clamp(0.0, 1.0)
        self.taps.update(taps, **{"reconstruct/coarse": self.coarse})

    def unet_inputs(self):
        """(x [M, 12, U, U], hole [M, 1, U, U]) of the images that have a covered patch."""
        size = self.config.unet_size
        hole = hole_pixels(self.covered[self.some], size)
        coarse = resize(self.coarse[self.some], size, size)
        return input_channels(self.image[self.some], coarse, hole,
                              self.config.unet.flip_channels), hole

    def refine(self, network):
        """`network` is None where the configuration has no U-Net."""
        size = self.config.unet_size
        restored = self.image.clone()
        if self.some.any():
            hole = hole_pixels(self.covered[self.some], size)
            refined = resize(self.coarse[self.some], size, size)
            if network is not None:
                refined, taps = self.record("unet", network, *self.unet_inputs())
                refined = ((refined + 1.0) / 2.0).clamp(0.0, 1.0)
                self.taps.update(taps)
                self.taps["reconstruct/unet/hole"] = network.assembly().hole
            if network is None or self.config.unet.composite:
                refined = torch.where(hole, refined, self.image[self.some])
            restored[self.some] = refined
        self.restored = self.taps["reconstruct/restored"] = restored

    def recognise(self, network):
        part = self.config.recogniser
        size = part.image_size
        # An image with no covered patch is recognised as it came.
        face = torch.where(self.some.view(-1, 1, 1, 1), resize(self.restored, size, size),
                           resize(self.vit_raw, size, size))
        latent = self.taps["reconstruct/latent"][:, part.latent_patches].flatten(1)
        logits, taps = self.record("fer", network, (face - self.mean) / self.std, latent)
        self.taps.update(taps)
        return logits
