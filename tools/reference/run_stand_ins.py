#!/usr/bin/env python3
"""Runs checkpoints in the published names through the stand-ins and writes the taps they give.

Nothing is needed of the code that the checkpoints come from. torch.load runs what a pickle says:
only for files that you trust.
"""
import argparse

import torch

from config import ConfigError, read_config
from make_checkpoints import NETWORKS
from make_taps import read_inputs
from mapping import MappingError
from record_taps import STORES, write_reference
from stand_ins.pipeline import Pipeline, Unsupported

WRAPPERS = ("model", "model_state_dict", "state_dict")


class BadCheckpoint(ValueError):
    """The file does not hold the network that it was given for; the text says why."""


def read_state(path):
    """A file's state dict, without what it is wrapped in and without "module."."""
    state = torch.load(path, map_location="cpu")
    for key in WRAPPERS:
        if isinstance(state.get(key), dict):
            state = state[key]
    return {name.removeprefix("module."): value for name, value in state.items()}


def network_from(path, config, part):
    """The network of `part` in float64, with the file's weights rounded to float32."""
    network, state = NETWORKS[part](config).eval(), read_state(path)
    wanted = network.state_dict()
    # Published files may lack batch norms' counters, which inference does not use.
    state.update((name, value) for name, value in wanted.items()
                 if name.endswith("num_batches_tracked") and name not in state)
    for name in wanted:
        if name not in state:
            raise BadCheckpoint(f"{path}: has no '{name}'; is it the file for --{part}?")
    for name, value in state.items():
        if name not in wanted:
            raise BadCheckpoint(f"{path}: '{name}' is no tensor of the network; is it the file for "
                                f"--{part}?")
        if value.shape != wanted[name].shape:
            raise BadCheckpoint(f"{path}: '{name}' is {list(value.shape)}, the configuration asks "
                                f"for {list(wanted[name].shape)}")
    network.load_state_dict(state)
    return network.double()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="configuration, a JSON file")
    parser.add_argument("--mae", required=True, help="checkpoint in MAE's names")
    parser.add_argument("--unet", help="checkpoint in the released U-Net's names")
    parser.add_argument("--fer", required=True, help="checkpoint in the released FER's names")
    parser.add_argument("--inputs", required=True,
                        help="safetensors file with the images and `given/mask`")
    parser.add_argument("--store", choices=STORES, default="float64", help="type of the taps")
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args(arguments)
    try:
        config = read_config(arguments.config)
        if bool(config.unet) != bool(arguments.unet):
            parser.error("--unet is needed where the configuration has a U-Net, and only there")
        vit_raw, image, mask = read_inputs(arguments.inputs, config)
        if mask is None:
            parser.error(f"{arguments.inputs}: needs 'given/mask': the stand-ins do not detect")
        pipeline = Pipeline(config, vit_raw, image, mask > 0.5)
        pipeline.autoencode(network_from(arguments.mae, config, "mae"))
        pipeline.refine(arguments.unet and network_from(arguments.unet, config, "unet"))
        pipeline.recognise(network_from(arguments.fer, config, "fer"))
        write_reference(arguments.output, pipeline.inputs, pipeline.taps, arguments.store)
    except (BadCheckpoint, ConfigError, MappingError, Unsupported) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
