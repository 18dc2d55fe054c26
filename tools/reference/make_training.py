#!/usr/bin/env python3
"""One training step of a stage in float64: inputs, loss, every gradient; and where steps lead.

Writes `loss` [1] and `gradient/TENSOR` for every learned tensor that the loss depends on; with
--optimiser also `losses` [K], in front of each of K steps on the same batch, and `final/TENSOR`
behind the last. Stage "recognise" has `final/TENSOR` of the running statistics in any case, and
`frozen/latent` and `frozen/restored`, what the stages before it hand over. Stage "reconstruct" has,
where the adversarial part counts, `adversary/weights/TENSOR` of the discriminators, their
`adversary/loss` and every `adversary/gradient/TENSOR`; with --vgg it draws such a network into
that file.

As in make_grid.py, inputs that are unfit to judge float32 by are drawn anew: where a discontinuity
is close, in any of the steps, or where roundings are magnified into some gradient.
"""
import argparse
import contextlib
import json

import numpy as np
import torch

import reconstruction
import safetensors_io
import training
from detector import Bare
from images import MASKS, as_float32, random_images, random_inputs, random_masks
from layers import BatchNorm, Conv, ConvTransposed, InstanceNorm, LayerNorm, Linear
from make_grid import ATTEMPTS, ROUNDINGS, ClearTaps, Unfit
from pipeline import load

# Relative L2 change of a gradient, or of the loss, when every layer rounds its result to float32
# once, forward and backward. Whole sums in float32 cost about twice as much; the tests allow 1e-5.
LARGEST_ROUNDING_EFFECT = 3e-6
# Through the U-Net's many instance norms whole sums cost more (make_grid.py).
LARGEST_UNET_ROUNDING_EFFECT = 2e-6
# A part that counts has at least this share of the loss, so that its gradients are seen.
SMALLEST_PART = 0.01
# Beside the largest gradient one of this size is zero but for roundings: the loss does not depend
# on a key's bias, nor on a bias in front of a batch norm.
NEGLIGIBLE = 1e-9
LAYERS = (Bare, BatchNorm, Conv, ConvTransposed, InstanceNorm, LayerNorm, Linear)

OPTIONS = {  # whose option it is
    "svdd": ("soft_boundary", "nu", "outside", "outside_weight", "margin"),
    "recognise": ("weigh_classes",),
    "reconstruct": ("parts", "vgg", "discriminator_width"),
    "sgd": ("momentum", "nesterov"),
    "optimiser": ("steps", "rate", "weight_decay", "clip"),
}


class Rounded(torch.autograd.Function):
    """Off by half a unit in float32's last place, up or down; so is the gradient on the way back."""

    @staticmethod
    def forward(context, x, generator):
        context.generator = generator
        return Rounded.off(x, generator)

    @staticmethod
    def backward(context, gradient):
        return Rounded.off(gradient, context.generator), None

    @staticmethod
    def off(x, generator):
        sign = torch.randint(0, 2, x.shape, generator=generator, dtype=x.dtype) * 2 - 1
        return x * (1 + 2.0 ** -24 * sign)


@contextlib.contextmanager
def rounding_layers(model, seed):
    """Inside, every layer rounds its result."""
    generator = torch.Generator().manual_seed(seed)
    hooks = [module.register_forward_hook(lambda _, inputs, y: Rounded.apply(y, generator))
             for module in model.modules() if isinstance(module, LAYERS)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def check_steady(model, objective, parameters, loss, exact, limit=LARGEST_ROUNDING_EFFECT):
    """Raises Unfit where some gradient magnifies roundings."""
    present = {name: g for name, g in exact.items() if g is not None}
    largest = max(torch.linalg.vector_norm(g) for g in present.values())
    squares = dict.fromkeys(["loss", *present], 0.0)
    for seed in range(ROUNDINGS):
        with rounding_layers(model, seed):
            rounded_loss, rounded = training.gradients(objective, parameters)
        squares["loss"] += float((rounded_loss - loss) ** 2 / loss ** 2)
        for name, g in present.items():
            norm = torch.linalg.vector_norm(g)
            size = norm if norm > NEGLIGIBLE * largest else largest
            squares[name] += float(torch.linalg.vector_norm(rounded[name] - g) / size) ** 2
        worst = max(squares, key=squares.get)
        effect = (squares[worst] / ROUNDINGS) ** 0.5  # the other roundings can only add to it
        if not effect <= limit:
            raise Unfit(f"{worst}: rounding changes it by {effect} or more")


def draw_patches(batch, patches, generator):
    """Which patches are clean, and which are covered; some are neither. [N, L] bool each."""
    draw = torch.as_tensor(generator.random((batch, patches)))
    return draw < 0.5, draw > 0.7


def make_objective(arguments, model, classes, seed):
    """(objective, inputs by name) for one seed."""
    config, batch = model.config, arguments.batch
    generator = np.random.default_rng([seed, 2])
    vit_raw, image = random_inputs(config, batch, seed)
    inputs = {"input/vit_raw": vit_raw}
    if arguments.stage == "svdd":
        clean, covered = draw_patches(batch, config.patches, generator)
        inputs.update({"given/clean": clean, "given/covered": covered})
        options = {name: value for name in OPTIONS["svdd"]
                   if (value := getattr(arguments, name)) is not None}
        return training.Svdd(model, vit_raw, clean, covered, **options), inputs
    mask = random_masks(arguments.mask, batch, config.patches, seed)
    inputs["given/mask"] = mask
    if arguments.stage == "mae":
        return training.Mae(model, vit_raw, mask), inputs
    label = torch.as_tensor(generator.integers(0, classes, batch))
    inputs.update({"input/unet": image, "given/label": label})
    weight = None
    if arguments.weigh_classes:
        weight = as_float32(generator.uniform(0.5, 2.0, classes))
        inputs["given/class_weight"] = weight
    objective = training.Recognise(model, vit_raw, image, mask, label, weight, ClearTaps())
    inputs.update({"frozen/latent": objective.latent, "frozen/restored": objective.restored})
    return objective, inputs


def make_reconstruction(arguments, model, seed):
    """(objective, inputs by name) for one seed."""
    config, batch = model.config, arguments.batch
    generator = np.random.default_rng([seed, 3])
    vit_raw, image = random_inputs(config, batch, seed)
    truth = as_float32(random_images(batch, config.unet_size, seed + 1000))
    mask = random_masks(arguments.mask, batch, config.patches, seed)
    inputs = {"input/vit_raw": vit_raw, "input/unet": image, "given/truth": truth,
              "given/mask": mask}
    if arguments.vgg:
        features = reconstruction.draw(reconstruction.Vgg(4), generator)
        safetensors_io.write(arguments.vgg, {name: value.to(torch.float32).numpy()
                                             for name, value in features.named_parameters()})
    else:
        features = reconstruction.RecogniserFeatures(model)
    with torch.no_grad():
        channels = features(2.0 * truth - 1.0)[0].shape[1]
    judges = reconstruction.draw(
        reconstruction.Judges(arguments.discriminator_width, channels), generator)
    weights = dict(zip(reconstruction.PARTS, arguments.parts))
    return reconstruction.Reconstruct(model, vit_raw, image, truth, mask, weights, features,
                                      judges), inputs


def check_parts(objective, loss):
    """Raises Unfit where a part is too small beside the others."""
    for name, value in objective.parts.items():
        if not value >= SMALLEST_PART * loss:
            raise Unfit(f"{name} is {value} of {loss}")


def judge(objective):
    """The discriminators' side of a step; raises Unfit."""
    parameters = dict(objective.judges.named_parameters())
    mine = reconstruction.JudgesObjective(objective)
    loss, found = training.gradients(mine, parameters)
    check_steady(objective.modules, mine, parameters, loss, found, LARGEST_UNET_ROUNDING_EFFECT)
    for value in parameters.values():
        value.requires_grad_(False)
    return {"adversary/loss": loss.view(1),
            **{f"adversary/weights/{name}": value for name, value in parameters.items()},
            **{f"adversary/gradient/{name}": g for name, g in found.items()}}


def run(arguments, model, classes, seed):
    """Everything to be written, by name; raises Unfit. The model is left as it was."""
    if arguments.stage == "reconstruct":
        objective, result = make_reconstruction(arguments, model, seed)
    else:
        objective, result = make_objective(arguments, model, classes, seed)
    parameters = training.learned(model, arguments.stage)
    statistics = {name: value for name, value in model.named_buffers()
                  if name.startswith("recogniser.") and arguments.stage == "recognise"}
    start = {name: value.detach().clone() for name, value in {**parameters, **statistics}.items()}

    def back_to_start():
        with torch.no_grad():
            for name, value in {**parameters, **statistics}.items():
                value.copy_(start[name])

    try:
        loss, found = training.gradients(objective, parameters, ClearTaps())
        result["loss"] = loss.view(1)
        result.update({f"gradient/{name}": g for name, g in found.items() if g is not None})
        final = {f"final/{name}": value.clone() for name, value in statistics.items()}
        if arguments.stage == "reconstruct":
            check_parts(objective, loss)
            check_steady(objective.modules, objective, parameters, loss, found,
                         LARGEST_UNET_ROUNDING_EFFECT)
            if objective.weights["adversarial"] > 0:
                result.update(judge(objective))
        else:
            check_steady(model, objective, parameters, loss, found)
        if arguments.optimiser:
            back_to_start()
            options = {name: value for name in ("momentum", "nesterov", "weight_decay")
                       if (value := getattr(arguments, name)) is not None}
            optimiser = training.make_optimiser(arguments.optimiser, parameters, arguments.rate,
                                                **options)
            result["losses"] = training.follow(objective, parameters, optimiser, arguments.steps,
                                               arguments.clip or 0.0, ClearTaps)
            final = {f"final/{name}": value.detach().clone()
                     for name, value in {**parameters, **statistics}.items()}
        return {**result, **final}
    finally:
        back_to_start()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-m", "--model", required=True, help="weight file")
    parser.add_argument("--stage", required=True, choices=training.STAGES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--mask", choices=(*MASKS, "mixed"), help="mae, recognise, reconstruct (mixed)")
    parser.add_argument("-o", "--output", required=True)
    svdd = parser.add_argument_group("stage svdd")
    svdd.add_argument("--soft-boundary", action="store_true", default=None)
    svdd.add_argument("--nu", type=float)
    svdd.add_argument("--outside", choices=("hinge", "inverse"))
    svdd.add_argument("--outside-weight", type=float)
    svdd.add_argument("--margin", type=float)
    recognise = parser.add_argument_group("stage recognise")
    recognise.add_argument("--weigh-classes", action="store_true", default=None,
                           help="by random weights")
    reconstruct = parser.add_argument_group("stage reconstruct")
    reconstruct.add_argument("--parts", type=float, nargs=4, metavar="WEIGHT",
                             help="of " + ", ".join(reconstruction.PARTS))
    reconstruct.add_argument("--vgg", metavar="FILE", help="draw a narrow VGG-16 into it")
    reconstruct.add_argument("--discriminator-width", type=int)
    steps = parser.add_argument_group("steps")
    steps.add_argument("--optimiser", choices=("sgd", "adam", "adamw"))
    steps.add_argument("--steps", type=int, help="how many (20)")
    steps.add_argument("--rate", type=float)
    steps.add_argument("--momentum", type=float)
    steps.add_argument("--nesterov", action="store_true", default=None)
    steps.add_argument("--weight-decay", type=float, help="of matrices and kernels")
    steps.add_argument("--clip", type=float, help="largest norm of all gradients together")
    arguments = parser.parse_args()
    here = {arguments.stage, arguments.optimiser, "optimiser" if arguments.optimiser else None}
    for owner, names in OPTIONS.items():
        for name in names:
            if owner not in here and getattr(arguments, name) is not None:
                parser.error(f"--{name.replace('_', '-')} belongs to '{owner}'")
    if arguments.stage == "svdd" and arguments.mask:
        parser.error("--mask belongs to 'mae', 'recognise' and 'reconstruct'")
    if arguments.stage == "reconstruct" and not (arguments.parts and
                                                 arguments.discriminator_width):
        parser.error("'reconstruct' needs --parts and --discriminator-width")
    if arguments.stage == "reconstruct" and arguments.optimiser:
        parser.error("'reconstruct' is one step, without --optimiser")
    if arguments.optimiser and arguments.rate is None:
        parser.error("--optimiser needs --rate")
    arguments.mask = arguments.mask or "mixed"
    arguments.steps = arguments.steps or 20
    return arguments


def main():
    arguments = parse_arguments()
    model, metadata = load(arguments.model)
    classes = len(json.loads(metadata["labels"]))
    reason = None
    for seed in range(arguments.seed, arguments.seed + ATTEMPTS):
        try:
            result = run(arguments, model, classes, seed)
            break
        except Unfit as caught:
            reason = caught
    else:
        raise SystemExit(f"no seed of the inputs is fit; the last: {reason}")
    arrays = {name: value.detach().to(torch.float64).numpy() for name, value in result.items()}
    safetensors_io.write(arguments.output, arrays, {
        "kind": "training", "weights_sha256": metadata["sha256"], "seed": str(seed)})


if __name__ == "__main__":
    main()
