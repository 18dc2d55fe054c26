#!/usr/bin/env python3
"""Times whole steps of training of the PyTorch twin in float32, eager, on ofer_bench_training's
batch: objective, gradients, clipping, AdamW. Answers the same requests.
"""
import argparse
import json
import os
import sys

import torch
import torch.nn.functional as F

import twin
import layers
import safetensors_io
import training
from twin_stages import about, measure

RATE, WEIGHT_DECAY, CLIP = 1e-4, 0.05, 1.0


def batch_norm(self, x):
    """PyTorch's own, with the batch's statistics while it trains."""
    return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, self.training,
                        eps=layers.BATCH_NORM_EPS)


def keep_trained(detector):
    """Drops spheres with a closed form, which steps do not train. They stand behind the others."""
    trained = [spec for spec in detector.spheres if len(getattr(spec, "widths", ())) > 1]
    if trained != list(detector.spheres[:len(trained)]):
        raise SystemExit("the peer needs the spheres that are trained in front of the others")
    detector.spheres = trained


def objective_of(stage, model, batch):
    """The objective for the batch, made anew for each step as the frozen stages' work is a step's."""
    images, covered = batch["images"], batch["covered"] > 0
    if stage == "mae":
        return training.Mae(model, images, covered)
    if stage == "svdd":
        return training.Svdd(model, images, batch["clean"] > 0, covered, outside_weight=1.0)
    size = model.config.unet_size if model.config.unet else model.config.image_size
    image = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
    return training.Recognise(model, images, image, covered, batch["labels"].long())


class Step:
    def __init__(self, stage, model, batch):
        self.stage, self.model, self.batch = stage, model, batch
        self.parameters = training.learned(model, stage)
        for value in self.parameters.values():
            value.requires_grad_(True)
        self.optimiser = training.make_optimiser("adamw", self.parameters, RATE,
                                                 weight_decay=WEIGHT_DECAY)

    def __call__(self):
        self.optimiser.zero_grad(set_to_none=True)
        loss = objective_of(self.stage, self.model, self.batch)()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), CLIP)
        self.optimiser.step()
        return loss.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-m", "--weights", required=True, help="weight file")
    parser.add_argument("--batch-file", required=True, help="what ofer_bench_training wrote")
    parser.add_argument("--stage", required=True, choices=("mae", "svdd", "recognise"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, _ = twin.load(arguments.weights)
    layers.BatchNorm.forward = batch_norm
    arrays, _ = safetensors_io.read(arguments.batch_file)
    batch = {name: torch.tensor(array) for name, array in arrays.items()}
    keep_trained(model.detector)
    step = Step(arguments.stage, model, batch)
    first = step()
    info = about(model, {"vit": batch["images"]})
    print(json.dumps({**info, "stage": arguments.stage, "first_loss": first}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        times, cpu_times = measure(step, request["warm_up"], request["samples"],
                                   request["seconds"])
        print(json.dumps({"stage": arguments.stage, "samples_ms": times, "cpu_ms": cpu_times}),
              flush=True)


if __name__ == "__main__":
    main()
