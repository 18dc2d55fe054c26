#!/usr/bin/env python3
"""Checkpoints like the published ones, with random weights, and the taps of a pass through them.

Written with torch.save, as the published files are wrapped: mae.pth, unet.pth, fer.pth, dan.pth,
resnet18.pth, vit_timm.pth; and vit_hf.safetensors, svdd.safetensors. With mae, unet and fer also
reference.safetensors: what the converted model must give.
"""
import argparse
import os

import torch
from torch import nn

import safetensors_io
from config import LABELS, ConfigError, read_config
from images import random_inputs, random_masks
from mapping import MappingError
from record_taps import STORES, write_reference
from stand_ins import draw, spheres
from stand_ins.fer import Dan, ReleasedFer, ResNet18
from stand_ins.fit import Unfit, fit_unet
from stand_ins.pipeline import Pipeline, Unsupported
from stand_ins.unet import ReleasedUNet
from stand_ins.vit import Encoder, MaskedAutoencoder, hugging_face_names

IMAGENET_CLASSES = 1000
PUBLISHED = ("mae", "unet", "fer")
PARTS = (*PUBLISHED, "dan", "resnet", "vit", "svdd")
FILES = {part: f"{part}.pth" for part in PARTS} | {"resnet": "resnet18.pth"}
NETWORKS = {
    "mae": MaskedAutoencoder,
    "unet": lambda config: ReleasedUNet(config.unet),
    "fer": lambda config: ReleasedFer(config, len(LABELS)),
    "dan": lambda config: Dan(config.recogniser, len(LABELS)),
    "resnet": lambda config: ResNet18(config.recogniser.widths, config.recogniser.blocks,
                                      IMAGENET_CLASSES),
    # A ViT that is no autoencoder's, of the size of the detector's encoder.
    "vit": lambda config: Encoder(config.detector.encoder or config.encoder, config.patch_size,
                                  config.patches)}


def network_for(config, part, seed):
    return draw.fill(NETWORKS[part](config), part, seed)


def stored(state, double):
    """A state dict as a file holds it.

    Doubles are none that float32 could hold, but the nearest float32 numbers are the weights.
    """
    wider = 1 + 2.0 ** -26
    return {name: value.double() * wider if double and value.dtype == torch.float32 else value
            for name, value in state.items()}


def optimizer_state(network):
    """What SGD keeps after a step: a momentum buffer for every parameter."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9, weight_decay=1e-4)
    for parameter in network.parameters():
        parameter.grad = parameter.detach() * 0.01
    optimizer.step()  # of length 0
    optimizer.zero_grad(set_to_none=True)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    return optimizer.state_dict()


def content_of(part, network, state, prefix):
    """What the published file of `part` holds."""
    if part == "mae":
        return {"model": state}
    if part not in ("fer", "dan"):
        return state
    return {"iter": 60, "model_state_dict": {prefix + name: v for name, v in state.items()},
            "optimizer_state_dict": optimizer_state(network)}


class Writer:
    """Writes into a folder, in the serialisation and the precision asked for."""

    def __init__(self, arguments):
        self.folder, self.double = arguments.output, arguments.double
        self.zip, self.module_prefix = not arguments.stream, arguments.module_prefix

    def path(self, name):
        return os.path.join(self.folder, name)

    def torch(self, name, content):
        partial = self.path(f"{name}.partial")
        torch.save(content, partial, _use_new_zipfile_serialization=self.zip)
        os.replace(partial, self.path(name))

    def safetensors(self, name, tensors):
        safetensors_io.write(self.path(name), {key: value.contiguous().numpy() for key, value in
                                               stored(tensors, self.double).items()})

    def network(self, part, network):
        network.float()  # exact: the weights are float32 numbers
        prefix = "module." if self.module_prefix and part == "fer" else ""
        state = stored(network.state_dict(), self.double)
        self.torch(FILES[part], content_of(part, network, state, prefix))

    def vit(self, network, seed):
        """In timm's names, with a classifier, and in Hugging Face's, with a pooler."""
        width = network.norm.weight.shape[0]
        extra = draw.fill(nn.ModuleDict({"head": nn.Linear(width, IMAGENET_CLASSES),
                                         "pooler": nn.ModuleDict({
                                             "dense": nn.Linear(width, width)})}), "vit", seed)
        head, pooler = ({name: value for name, value in extra.state_dict().items()
                         if name.startswith(first)} for first in ("head.", "pooler."))
        state = network.state_dict()
        self.torch("vit_timm.pth", stored({**state, **head}, self.double))
        self.safetensors("vit_hf.safetensors", {**hugging_face_names(state), **pooler})


def write_published(config, arguments, writer):
    """The published networks, one after the other, and what a pass through them gives."""
    seed, count = arguments.seed, arguments.images
    pipeline = Pipeline(config, *random_inputs(config, count, seed),
                        random_masks("mixed", count, config.patches, seed))
    network, margin = network_for(config, "mae", seed).double(), None
    pipeline.autoencode(network)
    writer.network("mae", network)
    if config.unet:
        network = NETWORKS["unet"](config).double()
        margin = fit_unet(pipeline, network, seed)
        writer.network("unet", network)
    else:
        pipeline.refine(None)
    network = network_for(config, "fer", seed).double()
    pipeline.recognise(network)
    writer.network("fer", network)
    write_reference(writer.path("reference.safetensors"), pipeline.inputs, pipeline.taps,
                    arguments.store, {"seed": str(seed), "margin": str(margin)})


def write_all(config, arguments):
    writer, seed, parts = Writer(arguments), arguments.seed, set(arguments.parts)
    if not config.unet:
        parts.discard("unet")
    if not config.detector.spheres:
        parts.discard("svdd")
    published = {part for part in PUBLISHED if part != "unet" or config.unet}
    if published <= parts:
        write_published(config, arguments, writer)
        parts -= published
    for part in parts - {"vit", "svdd"}:
        writer.network(part, network_for(config, part, seed))
    if "vit" in parts:
        writer.vit(network_for(config, "vit", seed), seed)
    if "svdd" in parts:
        encoder = network_for(config, "vit" if config.detector.encoder else "mae", seed)
        arrays = spheres.place(config, encoder, seed)
        writer.safetensors("svdd.safetensors",
                           {name: torch.from_numpy(value) for name, value in arrays.items()})


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="configuration, a JSON file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", default=",".join(PARTS), metavar="PART,PART",
                        help="some of %(default)s (the default)")
    parser.add_argument("--images", type=int, default=3, metavar="N",
                        help="images of the reference, at least 2; the first has no covered patch")
    parser.add_argument("--store", choices=STORES, default="float64", help="type of the taps")
    parser.add_argument("--stream", action="store_true",
                        help="in the serialisation of PyTorch before 1.6, which is no zip")
    parser.add_argument("--double", action="store_true", help="tensors in double precision")
    parser.add_argument("--module-prefix", action="store_true",
                        help="names in fer.pth start with 'module.'")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("-o", "--output", required=True, help="folder to write into")
    result = parser.parse_args(arguments)
    result.parts = result.parts.split(",")
    for part in result.parts:
        if part not in PARTS:
            parser.error(f"--parts: '{part}' is none of {','.join(PARTS)}")
    if result.images < 2:
        parser.error("--images must be at least 2: one without a covered patch, one with")
    return result


def main(arguments=None):
    arguments = parse_arguments(arguments)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    os.makedirs(arguments.output, exist_ok=True)
    try:
        write_all(read_config(arguments.config), arguments)
    except (ConfigError, MappingError, Unsupported, Unfit) as error:
        raise SystemExit(f"{arguments.config}: {error}") from None


if __name__ == "__main__":
    main()
