#!/usr/bin/env python3
"""Checks of the twin itself, without the engine. Prints one line per failure; exits 1 on any."""
import hashlib
import json
import os
import struct
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import autoencoder
import gradcam
import layers
import make_taps
import make_weights
import param_count
import safetensors_io
import self_assembly
import training
import vit
from checks import run_checks
from config import Config, ConfigError, read_config
from detector import Bare, smoothed
from folding import fold
from images import MASKS, random_inputs, random_masks
from layers import install
from pipeline import LatentOfer
from resize import resize
from unet import hole_features, hole_pixels, input_channels

CONFIGS = Path(__file__).parent / "configs"
TINY = sorted(CONFIGS.glob("tiny*.json"))


def close(a, b, tolerance, what):
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    assert a.shape == b.shape, f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)}"
    worst = float((a - b).abs().max()) if a.numel() else 0.0
    assert worst <= tolerance, f"{what}: differs by {worst:.3g}, allowed {tolerance:.3g}"


def tiny_model(path, seed=5, structure=None, dtype=torch.float64):
    config = read_config(path)
    if structure:
        config = config.with_structure(structure)
    arrays = make_weights.make(config, seed)
    return install(LatentOfer(config), arrays, dtype), arrays


def inputs_for(config, count, seed=3):
    return random_inputs(config, count, seed)


def check_resize_against_pillow():
    generator = np.random.default_rng(0)
    for size in ((7, 7), (224, 256), (256, 224), (301, 64), (5, 31), (14, 7), (1, 4), (33, 10)):
        for other in ((9, 9), (200, 31)):
            source = generator.random((size[0], other[0])).astype(np.float32)
            pillow = Image.fromarray(source, mode="F").resize((other[1], size[1]), Image.BILINEAR)
            ours = resize(torch.tensor(source, dtype=torch.float64), size[1], other[1])
            close(ours, np.asarray(pillow, np.float64), 4e-7, f"resize {size} x {other}")


def check_patches():
    image = torch.arange(2 * 3 * 12 * 12, dtype=torch.float64).view(2, 3, 12, 12)
    patches = autoencoder.patchify(image, 4)
    close(autoencoder.unpatchify(patches, 4, 3), image, 0.0, "unpatchify(patchify)")
    # Patch 5 is row 1, column 2; value (y 3, x 1, channel 2) inside it.
    assert patches[1, 5, (3 * 4 + 1) * 3 + 2] == image[1, 2, 4 + 3, 8 + 1], "pixel order"


def check_safetensors():
    tensors = {"f": np.arange(7, dtype=np.float32), "d": np.array(2.5), "e": np.zeros((0, 3)),
               "i": np.arange(6).reshape(2, 3), "j": np.arange(3, dtype=np.int32),
               "u": np.arange(100, dtype=np.uint8), "h": np.array([1, -0.5], np.float16)}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.safetensors")
        safetensors_io.write(path, tensors, {"a": "b"})
        raw = Path(path).read_bytes()
        everything, metadata = safetensors_io.read(path, keep_padding=True)
        read, _ = safetensors_io.read(path)
    (length,) = struct.unpack("<Q", raw[:8])
    assert (8 + length) % 64 == 0, "data section off the boundary"
    header = json.loads(raw[8:8 + length])
    assert metadata["sha256"] == hashlib.sha256(raw[8 + length:]).hexdigest(), "sha256"
    assert metadata["a"] == "b"
    assert list(read) == list(tensors) and "__padding0__" in everything
    for name, value in tensors.items():
        assert header[name]["data_offsets"][0] % 64 == 0, f"{name} off the boundary"
        assert read[name].dtype == value.dtype and read[name].shape == value.shape, name
        assert np.array_equal(read[name], value), name


def check_safetensors_of_16_bits():
    def file(kind, data):
        header = json.dumps({"x": {"dtype": kind, "shape": [2], "data_offsets": [0, 4]}}).encode()
        return struct.pack("<Q", len(header)) + header + data

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.safetensors")
        path.write_bytes(file("BF16", struct.pack("<HH", 0x3F80, 0xC040)))
        x = safetensors_io.read(path)[0]["x"]
        assert x.dtype == np.float32 and x.tolist() == [1.0, -3.0]
        path.write_bytes(file("F8_E5M2", b"1234"))
        try:
            safetensors_io.read(path)
            raise AssertionError("an unknown type was read")
        except ValueError as error:
            assert "'x' has type F8_E5M2" in str(error)


def check_config_is_strict():
    source = json.loads((CONFIGS / "tiny.json").read_text())
    Config(source)
    for change in (lambda c: c.pop("mean"), lambda c: c.update(extra=1),
                   lambda c: c["unet"].pop("levels"), lambda c: c["recogniser"].update(depth=3),
                   lambda c: c["detector"]["spheres"][0].update(gamma=1.0),
                   lambda c: c["detector"]["spheres"][0].update(taps=["block07"])):
        broken = json.loads(json.dumps(source))
        change(broken)
        try:
            Config(broken)
        except ConfigError:
            continue
        raise AssertionError("a broken configuration was accepted")


def check_norms():
    x = torch.randn(3, 5, 4, 6, dtype=torch.float64)
    w, b, m, v = (torch.rand(5, dtype=torch.float64) + 0.2 for _ in range(4))
    values = {"weight": w, "bias": b}
    instance = install(layers.InstanceNorm(5), values, torch.float64)
    close(instance(x), F.instance_norm(x, weight=w, bias=b), 1e-12, "instance norm")
    close(instance(x[:, :, :1, :1]), b.view(1, 5, 1, 1).expand(3, 5, 1, 1), 0.0, "one position")
    batch = install(layers.BatchNorm(5), {**values, "mean": m, "variance": v}, torch.float64)
    close(batch(x), F.batch_norm(x, m, v, w, b), 1e-12, "batch norm")
    rows = x.transpose(0, 1).reshape(5, -1)
    mean, variance = rows.mean(1), rows.var(1, unbiased=False)
    scale = w / torch.sqrt(variance + 1e-5)
    literal = (rows - mean[:, None]) * scale[:, None] + b[:, None]
    close(batch.train()(x).transpose(0, 1).reshape(5, -1), literal, 1e-12, "training batch norm")
    close(batch.mean, 0.9 * m + 0.1 * mean, 1e-12, "running mean")
    close(batch.variance, 0.9 * v + 0.1 * rows.var(1, unbiased=True), 1e-12, "running variance")


def check_position():
    table, width, grid = vit.sincos_position(24, 5), 24, 5
    for row, column, channel in ((0, 0, 0), (3, 1, 2), (2, 4, 8), (4, 2, 13), (1, 3, 23)):
        coordinate = column if channel < 12 else row
        angle = coordinate / 10000 ** ((channel % 6) / (width / 4))
        wave = np.sin(angle) if channel % 12 < 6 else np.cos(angle)
        assert abs(table[1 + row * grid + column, channel] - wave) < 1e-14, "sine-cosine position"
    assert not table[0].any()


def check_published_counts():
    counts = param_count.counts()
    assert counts["unet"] == param_count.PUBLISHED_UNET, counts["unet"]
    assert round(counts["recogniser"] / 1e6, 1) == 474.7, counts["recogniser"]
    assert round(counts["recogniser.classifier.latent"] / 1e6, 1) == 454.8


def check_detectors_by_position():
    generator = torch.Generator().manual_seed(1)
    z, w = (torch.randn(*s, generator=generator, dtype=torch.float64)
            for s in ((2, 5, 4), (5, 3, 4)))
    linear = install(Bare(4, 3, (5,)), {"weight": w}, torch.float64)
    literal = torch.stack([z[:, p] @ w[p].T for p in range(5)], dim=1)
    close(linear(z), literal, 1e-13, "phi by position")
    model, _ = tiny_model(CONFIGS / "tiny_kernel_byposition.json")
    sphere = model.detector.sphere0
    z = torch.randn(2, model.config.patches, 48, generator=generator, dtype=torch.float64)
    kernel = lambda a, b: torch.exp(-sphere.gamma * ((a - b) ** 2).sum())
    d = sphere(z, lambda *_: None, "")
    for n, p in ((0, 0), (1, 7), (0, 15)):
        x, a = sphere.support[p], sphere.alpha[p]
        value = 1.0 - 2.0 * sum(a[j] * kernel(z[n, p], x[j]) for j in range(len(a)))
        value += sum(a[j] * a[k] * kernel(x[j], x[k]) for j in range(len(a))
                     for k in range(len(a)))
        close(d[n, p], value, 1e-13, "kernel sphere")


def check_smoothed_scores():
    score = torch.randn(2, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    got = smoothed(score, 3, 0.2)
    for n in range(2):
        for r in range(3):
            for c in range(4):
                total = weight = 0.0
                for y in range(max(0, r - 1), min(3, r + 2)):
                    for x in range(max(0, c - 1), min(4, c + 2)):
                        w = (0.6 if y == r else 0.2) * (0.6 if x == c else 0.2)
                        total, weight = total + w * score[n, 4 * y + x], weight + w
                close(got[n, 4 * r + c], total / weight, 1e-13, "smoothed score")


def check_hole():
    mask = torch.zeros(1, 196, dtype=torch.bool)
    mask[0, [0, 30, 100, 195]] = True
    hole = hole_pixels(mask, 256)
    for y, x in ((0, 0), (18, 18), (18, 19), (19, 18), (36, 36), (37, 37), (255, 255), (130, 45)):
        assert hole[0, 0, y, x] == mask[0, (y * 14 // 256) * 14 + x * 14 // 256], "hole pixel"
    assert hole_features(torch.ones(1, 1, 64, 64, dtype=torch.bool)).all(), "whole map masked"
    image, coarse = torch.rand(2, 1, 3, 8, 8, dtype=torch.float64)
    hole = torch.rand(1, 1, 8, 8) < 0.5
    for flip in (False, True):
        x = input_channels(image, coarse, hole, flip)
        order = [2, 1, 0] if flip else [0, 1, 2]
        close(x[:, 6:9], x[:, :3].flip(3)[:, order], 0.0, "flipped Syn")
        close(x[:, 9:], x[:, 3:6].flip(3)[:, order], 0.0, "flipped A")
        outside = ~hole.expand(1, 3, 8, 8)
        close(x[:, :3][outside], 2.0 * image[outside] - 1.0, 0.0, "Syn")


def assembly_cases():
    generator = torch.Generator().manual_seed(7)
    x, f = torch.randn(2, 6, 9, 5, 7, generator=generator, dtype=torch.float64)
    share = torch.tensor([0.0, 0.03, 0.5, 0.5, 0.97, 1.0]).view(6, 1, 1)
    hole = torch.rand(6, 5, 7, generator=generator) < share
    yield "random", x, f, hole
    yield "smooth", x.cumsum(2) + 4.0, f.cumsum(3) + 2.0, hole
    yield "opposed", torch.where(hole[:, None], -x.abs(), x.abs()), f.abs(), hole
    yield "zeros", x * (torch.rand(6, 1, 5, 7, generator=generator) < 0.5), f * 0.0, hole
    yield "nothing masked", x, f, hole & False


def check_self_assembly():
    for name, x, f, hole in assembly_cases():
        for variant in ("paper", "released"):
            one = self_assembly.loop(variant, x, f, hole)
            assert torch.isfinite(one).all(), f"{variant} {name}: not finite"
            kept = ~hole[:, None].expand_as(x)
            close(one[kept], x[kept], 0.0, f"{variant} {name}: unmasked positions")
            close(self_assembly.vectorised(variant, x, f, hole), one,
                  1e-9 * float(one.abs().max()), f"{variant} {name}: vectorised")


def check_self_assembly_by_hand():
    """Three positions in a row, the last two masked; every number worked out from the formulas."""
    x = torch.tensor([[3.0, 1.0, 2.0], [0.0, 1.0, 1.0]], dtype=torch.float64).view(1, 2, 1, 3)
    f = torch.tensor([[1.0, 0.0, 2.0], [1.0, 2.0, 0.0]], dtype=torch.float64).view(1, 2, 1, 3)
    hole = torch.tensor([[[False, True, True]]])
    cosine = lambda a, b: float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))
    known, a, b = np.array([3.0, 0.0]), np.array([1.0, 1.0]), np.array([2.0, 1.0])
    flip_a, flip_b = np.array([1.0, 1.0]), np.array([1.0, 1.0])  # means of F around 1 and 2
    first = (cosine(a, flip_a) * flip_a + cosine(a, known) * known) \
        / (cosine(a, flip_a) + cosine(a, known))
    shares = [cosine(b, flip_b), cosine(b, known), cosine(b, first)]
    second = (shares[0] * flip_b + shares[1] * known + shares[2] * first) / sum(shares)
    made = self_assembly.loop("paper", x, f, hole)[0, :, 0].T
    close(made[1:], np.stack([first, second]), 1e-14, "paper by hand")
    # Released: only X_0 is known, so whatever the shares, rows of attention stand on it alone.
    out = 0.5 * known + 0.5 * np.array([2.0, 2.0 / 3.0])
    s, v = float(b @ out) / np.linalg.norm(b), 2.0
    w = max(float(np.dot(u, [0.0, 2.0])) / np.linalg.norm(u) for u in (known, a, b))
    total = (s + v) / (s + v + w)  # F at raster position 1, the running count
    made = self_assembly.loop("released", x, f, hole)[0, :, 0].T
    close(made[1:], np.stack([known, total * known]), 1e-7, "released by hand")


def check_packing():
    """Ragged batches give each image what it gets alone, and 'all visible' is the plain ViT."""
    model, _ = tiny_model(CONFIGS / "tiny.json")
    vit_raw, image = inputs_for(model.config, 5)
    mask = random_masks("mixed", 5, model.config.patches, 1)
    together = make_taps.run(model, vit_raw, image, mask)
    for n in range(5):
        alone = make_taps.run(model, vit_raw[n:n + 1], image[n:n + 1], mask[n:n + 1])
        for name in ("reconstruct/latent", "reconstruct/coarse", "reconstruct/restored",
                     "recognise/logits"):
            close(together[name][n], alone[name][0], 1e-11, f"image {n} alone: {name}")
    tokens = int((~mask).sum()) + 5
    assert len(together["reconstruct/encoder/norm"]) == tokens
    assert len(together["reconstruct/unet/output"]) == 4, "the U-Net sees covered images only"
    assert torch.equal(together["reconstruct/restored"][0], image[0]), "clean image passes"


def check_folding():
    for path in TINY:
        model, arrays = tiny_model(path, structure="layers")
        folded = install(LatentOfer(model.config.with_structure("folded")), fold(arrays),
                         torch.float64)
        vit_raw, image = inputs_for(model.config, 3)
        one, two = (make_taps.run(m, vit_raw, image, None) for m in (model, folded))
        for name, value in one.items():
            close(two[name].to(torch.float64), value.to(torch.float64), 1e-9,
                  f"{path.stem} folded: {name}")


def check_every_configuration():
    for path in TINY:
        model, arrays = tiny_model(path)
        config = model.config
        again = make_weights.make(config, 5)
        assert all(np.array_equal(arrays[name], again[name]) for name in arrays), "seed"
        vit_raw, image = inputs_for(config, 4)
        for kind in (*MASKS, "mixed", "detect"):
            mask = None if kind == "detect" else random_masks(kind, 4, config.patches, 2)
            tap = make_taps.run(model, vit_raw, image, mask, (2,))
            where = f"{path.stem}, mask {kind}"
            for name, value in tap.items():
                assert torch.isfinite(value.to(torch.float64)).all(), f"{where}: {name}"
            assert any(n.startswith("detect/") for n in tap) == (kind == "detect"), where
            used = tap["detect/mask"] if kind == "detect" else mask
            assert tap["reconstruct/latent"].shape == (4, config.patches, config.latent_width)
            if config.unet:
                covered = int(used.any(dim=1).sum())
                seen = tap.get("reconstruct/unet/output", torch.zeros(0))
                assert len(seen) == covered, f"{where}: U-Net ran on {len(seen)}"
            if kind == "detect":
                share = float(used.double().mean())
                assert 0.1 < share < 0.9, f"{where}: {share:.0%} of the patches covered"
            for name, value in tap.items():
                if name.endswith(("/cam", "/campp")):
                    assert 0.0 <= value.min() and value.max() <= 1.0, name
        largest = float(tap["recognise/logits"].abs().max())
        assert 0.1 < largest < 100.0, f"{path.stem}: logits up to {largest}"


def check_float32():
    """The same pass in float32, with the fast self-assembly, for the benchmark."""
    for path in TINY:
        model, arrays = tiny_model(path)
        single = install(LatentOfer(model.config), arrays, torch.float32)
        if model.config.unet:
            single.unet.assemble = self_assembly.vectorised
        vit_raw, image = inputs_for(model.config, 3)
        mask = random_masks("half", 3, model.config.patches, 4)
        with torch.no_grad():
            logits = single(vit_raw.float(), image.float(), mask)
            assert logits.dtype == torch.float32
            close(logits.double(), model(vit_raw, image, mask), 2e-3, f"{path.stem} in float32")


def check_gradients():
    """Grad-CAM gradients against central differences of the classifier's input."""
    a, g = torch.rand(2, 3, 4, 4, dtype=torch.float64), torch.randn(2, 3, 4, 4, dtype=torch.float64)
    g[0, 1] = 0.0
    weight = torch.zeros(2, 3, dtype=torch.float64)
    for n in range(2):
        for k in range(3):
            for value in g[n, k].flatten():
                bottom = 2 * value ** 2 + a[n, k].sum() * value ** 3
                weight[n, k] += 0.0 if bottom == 0 else value ** 2 / bottom * max(value, 0.0)
    literal = torch.relu(torch.einsum("nk,nkhw->nhw", weight, a))
    low, high = literal.amin((1, 2), True), literal.amax((1, 2), True)
    close(gradcam.grad_cam_plus_plus(a, g), (literal - low) / (high - low), 1e-12, "Grad-CAM++")
    assert not gradcam.grad_cam(a, g * 0.0).any(), "a constant map is all 0"
    model, _ = tiny_model(CONFIGS / "tiny_folded_cam.json")
    config = model.config
    vit_raw, image = inputs_for(config, 2)
    tap = make_taps.run(model, vit_raw, image, random_masks("half", 2, config.patches, 1), (4,))
    features = tap["recognise/stage4/block0"]
    gradient = tap["gradcam/4/stage4/block0/gradient"]
    recogniser, latent = model.recogniser, tap["reconstruct/latent"]

    def logit(value):
        recogniser.features = lambda x, tap: value
        with torch.no_grad():
            return recogniser(None, latent, lambda *_: None)[:, 4].sum()

    for at in ((0, 0, 0, 0), (1, 5, 1, 2), (0, 17, 2, 1)):
        step = torch.zeros_like(features)
        step[at] = 1e-5
        slope = (logit(features + step) - logit(features - step)) / 2e-5
        close(slope, gradient[at], 1e-6 * (1.0 + abs(float(slope))), f"gradient at {at}")


def check_training():
    """Which tensors are learned, the spheres' objective by hand, steps and clipping by hand."""
    model, _ = tiny_model(CONFIGS / "tiny.json")
    shared, mae = (training.learned(model, stage) for stage in ("svdd", "mae"))
    assert "mae.encoder.block00.qkv.bias" in shared and "mae.decoder.mask_token" in mae
    assert not any(name.endswith((".position", ".center", ".mean")) for name in {**shared, **mae})
    assert not any(name.startswith("mae.decoder") for name in shared)
    assert training.decays("a.weight", torch.zeros(2, 3))
    assert not training.decays("norm.weight", torch.zeros(2))
    distance = torch.tensor([[1.0, 4.0, 9.0, 0.5]], dtype=torch.float64)
    clean, covered = torch.tensor([[[True, True, False, False]], [[False, False, True, True]]])
    radius = torch.ones(1, dtype=torch.float64)

    def loss(**options):
        objective = training.Svdd(model, torch.zeros(1, 3, 32, 32, dtype=torch.float64), clean,
                                  covered, **options)
        return objective.of_sphere(distance, radius)

    close(loss(), torch.tensor(2.5).double(), 1e-12, "one class")
    close(loss(soft_boundary=True, nu=0.5), torch.tensor(1.0 + 1.5 / 0.5).double(), 1e-12, "soft")
    close(loss(outside_weight=3.0, margin=2.0), torch.tensor(2.5 + 3 * 1.25).double(), 1e-12,
          "hinge")
    close(loss(outside_weight=2.0, outside="inverse"), torch.tensor(2.5 + 1 / 9 + 2).double(), 1e-4,
          "inverse")
    weight, bias = (torch.full(shape, 2.0, dtype=torch.float64) for shape in ((1, 1), (1,)))
    parameters = {"a.weight": weight, "a.bias": bias}
    optimiser = training.make_optimiser("sgd", parameters, 0.1, momentum=0.5, weight_decay=0.2)
    losses = training.follow(lambda tap: (3 * weight + 4 * bias).sum(), parameters, optimiser,
                             steps=2, limit=1.0)
    close(losses[0], torch.tensor(14.0).double(), 0.0, "loss in front of the first step")
    first = 2.0 - 0.1 * (0.6 + 0.2 * 2.0)
    velocity = 0.5 * (0.6 + 0.2 * 2.0) + 0.6 + 0.2 * first
    close(weight.detach(), torch.full((1, 1), first - 0.1 * velocity).double(), 1e-6, "weight")
    close(bias.detach(), torch.full((1,), 2.0 - 0.1 * (0.8 + 1.2)).double(), 1e-6, "bias")


if __name__ == "__main__":
    run_checks(globals())
