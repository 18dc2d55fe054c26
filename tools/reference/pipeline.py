"""The whole of Latent-OFER: detect, reconstruct, recognise."""
import json

import torch
from torch import nn

import safetensors_io
import self_assembly
from autoencoder import Autoencoder
from config import LABELS, Config
from detector import Detector
from layers import install
from recogniser import Recogniser
from resize import resize
from taps import no_taps
from unet import UNet, hole_pixels, input_channels


class LatentOfer(nn.Module):
    def __init__(self, config, classes=len(LABELS)):
        super().__init__()
        self.config = config
        self.mae = Autoencoder(config)
        self.detector = Detector(config)
        if config.unet:
            self.unet = UNet(config.unet)
        self.recogniser = Recogniser(config, classes)

    def normalise(self, image):
        mean, std = (torch.tensor(v, dtype=image.dtype).view(1, 3, 1, 1)
                     for v in (self.config.mean, self.config.std))
        return (image - mean) / std

    def denormalise(self, image):
        mean, std = (torch.tensor(v, dtype=image.dtype).view(1, 3, 1, 1)
                     for v in (self.config.mean, self.config.std))
        return image * std + mean

    def detect(self, vit_image, tap=no_taps):
        """vit_image [N, 3, S, S] normalised -> mask [N, L] bool."""
        return self.detector(self.mae.encoder, vit_image, self.config.patches, tap)

    def refine(self, image, coarse, mask, tap=no_taps):
        """image and coarse [M, 3, U, U] in [0, 1], mask [M, L] with a covered patch each."""
        hole = hole_pixels(mask, self.config.unet_size)
        if not self.config.unet:
            return torch.where(hole, coarse, image)
        spec = self.config.unet
        channels = input_channels(image, coarse, hole, spec.flip_channels)
        refined = ((self.unet(channels, hole, tap) + 1.0) / 2.0).clamp(0.0, 1.0)
        return torch.where(hole, refined, image) if spec.composite else refined

    def reconstruct(self, vit_image, image, mask, tap=no_taps):
        """vit_image [N, 3, S, S] normalised, image [N, 3, U, U] in [0, 1], mask [N, L] bool.

        Returns (latent [N, L, W], restored [N, 3, U, U] in [0, 1]).
        """
        latent, painted = self.mae(vit_image, ~mask, tap)
        coarse = self.denormalise(painted).clamp(0.0, 1.0)
        tap("reconstruct/coarse", coarse)
        covered = mask.any(dim=1)
        restored = image.clone()
        if covered.any():
            size = self.config.unet_size
            restored[covered] = self.refine(image[covered], resize(coarse[covered], size, size),
                                            mask[covered], tap)
        tap("reconstruct/restored", restored)
        return latent, restored

    def face(self, vit_raw, restored, mask):
        """What the recogniser sees, [N, 3, R, R] normalised: restored where a patch is covered.

        An image with no covered patch is recognised as it came, not by way of the U-Net's size.
        """
        size = self.config.recogniser.image_size
        covered = mask.any(dim=1).view(-1, 1, 1, 1)
        return self.normalise(torch.where(covered, resize(restored, size, size),
                                          resize(vit_raw, size, size)))

    def forward(self, vit_raw, image, mask=None, tap=no_taps):
        """vit_raw [N, 3, S, S] and image [N, 3, U, U], both in [0, 1].

        mask [N, L] bool: given, nothing is detected (all False: nothing is covered).
        Returns logits [N, classes].
        """
        vit_image = self.normalise(vit_raw)
        tap("input/vit", vit_image)
        tap("input/unet", image)
        if mask is None:
            mask = self.detect(vit_image, tap)
        latent, restored = self.reconstruct(vit_image, image, mask, tap)
        face = self.face(vit_raw, restored, mask)
        tap("recognise/input", face)
        return self.recogniser(face, latent, tap)


def load(path, dtype=torch.float64, vectorised=False):
    """(model, metadata) from a weight file. `vectorised`: the fast self-assembly."""
    tensors, metadata = safetensors_io.read(path)
    config = Config(json.loads(metadata["configuration"]))
    model = install(LatentOfer(config, len(json.loads(metadata["labels"]))), tensors, dtype)
    if vectorised and config.unet:
        model.unet.assemble = self_assembly.vectorised
    return model.eval(), metadata
