#!/usr/bin/env python3
"""Checks of the recorder, its mappings and the stand-ins, against the twin. As selftest.py."""
import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np
import torch
from torch import nn

import make_checkpoints
import run_stand_ins
import safetensors_io
from checks import run_checks
from config import LABELS, Config, read_config
from images import random_inputs, random_masks
from layers import install
from make_checkpoints import NETWORKS, PUBLISHED, network_for
from make_taps import run
from make_weights import make
from mapping import Mapping, MappingError, read_mapping
from pipeline import LatentOfer
from record_taps import Recorder
from recogniser import ClassifierChain
from stand_ins import twin_names
from stand_ins.pipeline import Pipeline, Unsupported
from stand_ins.vit import hugging_face_names
from taps import Taps

HERE = pathlib.Path(__file__).parent
TINY = HERE / "configs" / "tiny_released.json"
# Taps that no module of the published networks gives.
NOT_RECORDED = {"recognise/attention", "recognise/attention_grid", "recognise/probabilities"}
TOLERANCE = 1e-10


def tiny(**unet):
    """The released configuration, small; `unet` changes fields of its U-Net."""
    source = json.loads(TINY.read_text())
    source["unet"].update(unet)
    return source


def close(a, b, tolerance, what):
    assert a.shape == b.shape, f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)}"
    worst = float((a - b).abs().max() / (1.0 + b.abs().max()))
    assert worst <= tolerance, f"{what}: differs by {worst:.3g}, allowed {tolerance:.3g}"


def fails(action, kind, text):
    """`action` must fail with a one-line error that has `text` in it."""
    try:
        action()
    except kind as error:
        assert text in str(error) and "\n" not in str(error), f"said: {error}"
        return
    raise AssertionError(f"no error with '{text}'")


def twin_of(config, networks):
    """The twin with the weights of stand-ins; what they do not have is drawn."""
    arrays = make(config, 1)
    renamed = {**twin_names.mae(networks["mae"].state_dict()),
               **twin_names.recogniser(networks["fer"].state_dict(), config.recogniser.widths[3])}
    if "unet" in networks:
        renamed.update(twin_names.unet(networks["unet"].state_dict(), config.unet.levels))
    unknown = [name for name in renamed if name not in arrays]
    assert not unknown, f"names the twin does not have: {unknown[:3]}"
    left = [name for name in arrays if name not in renamed and not name.startswith("detector.")]
    assert not left, f"names that came from nowhere: {left[:3]}"
    arrays.update((name, value.detach().numpy()) for name, value in renamed.items())
    return install(LatentOfer(config), arrays, torch.float64)


def compare_with_twin(config, seed, where):
    networks = {part: network_for(config, part, seed).double()
                for part in PUBLISHED if part != "unet" or config.unet}
    vit_raw, image = random_inputs(config, 5, seed)
    covered = random_masks("mixed", 5, config.patches, seed)
    pipeline = Pipeline(config, vit_raw, image, covered)
    pipeline.autoencode(networks["mae"])
    pipeline.refine(networks.get("unet"))
    pipeline.recognise(networks["fer"])
    expected = run(twin_of(config, networks), vit_raw, image, covered)
    for name, value in {**pipeline.inputs, **pipeline.taps}.items():
        assert name in expected, f"{where}: the twin has no tap '{name}'"
        close(value.double(), expected[name].double(), TOLERANCE, f"{where}: {name}")
    missing = set(expected) - set(pipeline.inputs) - set(pipeline.taps) - NOT_RECORDED
    assert not missing, f"{where}: not recorded: {sorted(missing)[:3]}"


def check_every_tap_against_the_twin():
    for change in ({}, {"levels": 4, "composite": True, "flip_channels": False},
                   {"levels": 6, "width": 3}):
        compare_with_twin(Config(tiny(**change)), 2, f"unet {change}")


def check_other_autoencoders_and_no_unet():
    source = tiny()
    source["decoder"]["norm_pix_loss"] = True
    compare_with_twin(Config(source), 3, "norm_pix_loss")
    source["unet"] = None
    compare_with_twin(Config(source), 3, "no U-Net")


def check_configurations_that_were_never_published():
    for change, text in ((lambda c: c["unet"].update(self_assembly="paper"), "self_assembly"),
                         (lambda c: c["recogniser"].update(latent_source="encoder_norm"),
                          "latent_source"),
                         (lambda c: c["recogniser"].update(latent_selection="cam",
                                                           latent_patches=[]),
                          "latent_selection")):
        source = tiny()
        change(source)
        config = Config(source)
        fails(lambda: Pipeline(config, *random_inputs(config, 2, 0), None), Unsupported, text)


def check_mappings_as_they_stand():
    """Read without sizes, they are those of the published networks."""
    counts = {name: len(read_mapping(HERE / "mappings" / f"{name}.json").rows)
              for name in PUBLISHED}
    assert counts == {"mae": 1 + 12 * 3 + 1 + 1 + 8 * 3 + 3, "unet": 2 + 7 * 4 + 2 + 2,
                      "fer": 2 + 8 + 4 * 4 + 3}, counts
    unet = {row.tap: row.module for row in read_mapping(HERE / "mappings/unet.json").rows}
    nest = "model.model.1.model.6.model.6.model.8.model.6.model.6.model.6"
    assert unet["reconstruct/unet/level7/out"] == f"{nest}.model.9", unet
    assert unet["reconstruct/unet/level8/up"] == f"{nest}.model.6.model.4", unet


def check_dan():
    """DAN's heads against the twin's that attend to space first; its chain against the twin's with
    zeros for the latent branch and identities behind."""
    source = tiny()
    source["recogniser"]["head_order"] = "spatial_first"
    config = Config(source)
    dan = network_for(config, "dan", 4).double()
    state, c, classes = dan.state_dict(), config.recogniser.widths[3], len(LABELS)
    names = twin_names.recogniser({k: v for k, v in state.items()
                                   if not k.startswith(("fc.", "bn."))}, c)
    twin = LatentOfer(config).recogniser
    table = twin.state_dict(keep_vars=True)
    wanted = {f"recogniser.{name}" for name in table if not name.startswith("classifier.")}
    assert set(names) == wanted, sorted(set(names) ^ wanted)[:3]
    heads = {name: np.zeros(value.shape) for name, value in table.items()}
    install(twin, heads | {name.removeprefix("recogniser."): value.numpy()
                           for name, value in names.items()}, torch.float64)
    widths = [3, 2, 2, 2]
    chain = ClassifierChain(5, c, widths, [classes, classes], classes)
    one, arrays = 1.0 - 1e-5, {}
    for name, value in chain.state_dict(keep_vars=True).items():
        kind = name.rpartition(".")[2]
        arrays[name] = np.full(value.shape, {"variance": one, "weight": 1.0}.get(kind, 0.0)) \
            if "_bn" in name else np.zeros(value.shape)
    arrays["joint1.weight"] = np.hstack([np.zeros((classes, 2)), state["fc.weight"].numpy()])
    arrays["joint1.bias"] = state["fc.bias"].numpy()
    arrays["joint2.weight"] = arrays["joint3.weight"] = np.eye(classes)
    for part, name in (("weight", "weight"), ("bias", "bias"), ("mean", "running_mean"),
                       ("variance", "running_var")):
        arrays[f"joint_bn3.{part}"] = state[f"bn.{name}"].numpy()
    install(chain, arrays, torch.float64)
    image = random_inputs(config, 2, 5)[1]
    with torch.no_grad():
        fused = dan.fused(image)
        taps = Taps()
        twin(image, torch.zeros(2, config.patches, config.latent_width).double(), taps)
        close(taps["recognise/fused"], fused, 1e-12, "DAN's heads")
        close(dan(image), chain(torch.ones(2, 5, dtype=torch.float64), fused), 1e-12, "DAN")


def check_torchvision_names():
    config = Config(tiny())
    part = config.recogniser
    resnet = network_for(config, "resnet", 4)
    state = {k: v for k, v in resnet.state_dict().items() if not k.startswith("fc.")}
    names = twin_names.recogniser(state, part.widths[3])
    fer = network_for(config, "fer", 4)
    same = twin_names.recogniser({k: v for k, v in fer.state_dict().items()
                                  if k.startswith("features.")}, part.widths[3])
    assert {k: v.shape for k, v in names.items()} == {k: v.shape for k, v in same.items()}
    fer.features.load_state_dict(resnet.features().state_dict())
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        close(resnet(x), resnet.fc(fer.features(x).mean(dim=(2, 3))), 1e-6, "ResNet-18")


def check_hugging_face_names():
    state = network_for(Config(tiny()), "vit", 1).state_dict()
    renamed = hugging_face_names(state)
    first = "encoder.layer.1.attention.attention"
    stacked = torch.cat([renamed[f"{first}.{part}.weight"] for part in ("query", "key", "value")])
    assert torch.equal(stacked, state["blocks.1.attn.qkv.weight"])
    assert len(renamed) == len(state) + 4 * 2  # two blocks, weight and bias, 3 for 1
    for name, theirs in (("blocks.0.norm2.bias", "encoder.layer.0.layernorm_after.bias"),
                         ("blocks.1.attn.proj.weight",
                          "encoder.layer.1.attention.output.dense.weight"),
                         ("blocks.1.mlp.fc1.weight", "encoder.layer.1.intermediate.dense.weight"),
                         ("blocks.1.mlp.fc2.weight", "encoder.layer.1.output.dense.weight"),
                         ("norm.weight", "layernorm.weight"),
                         ("pos_embed", "embeddings.position_embeddings"),
                         ("patch_embed.proj.bias",
                          "embeddings.patch_embeddings.projection.bias")):
        assert torch.equal(renamed[theirs], state[name]), theirs


class Sample(nn.Module):
    """Two inputs, a layer that runs twice, a tuple, a change in place."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Identity()
        self.pair = Pair()
        self.idle = nn.Identity()
        self.pad = nn.ReLU(inplace=True)

    def forward(self, x, y):
        a = self.scale(x - 1.0)
        b = self.scale(y + 1.0)
        return self.pair(self.pad(a), b)[1]


class Pair(nn.Module):
    def forward(self, a, b):
        return a, b


def row(**fields):
    return {"tap": "t", "module": "pad", "shape": ["N", 3], **fields}


def recorded(*rows, sizes=None):
    sample, mapping = Sample(), Mapping({"sizes": sizes or {}, "rows": list(rows)})
    with torch.no_grad(), Recorder(sample, mapping) as taps:
        sample(torch.zeros(2, 3), torch.ones(2, 3))
    return taps


def check_recorder():
    taps = recorded(row(tap="first", module="scale", call=0), row(tap="second", module="scale",
                                                                 call=1),
                    row(tap="y", module="", value="input", index=1),
                    row(tap="b", module="pair", index=1),
                    row(tap="s", module="pair", index=1, then=[["sum", 1]], shape=["N"]),
                    row(tap="r", then=[["transpose", 0, 1], ["reshape", "k+1", 1, -1],
                                       ["squeeze", 1], ["narrow", 0, 1]], shape=["k", "N"]),
                    sizes={"k": 2})
    assert list(taps) == ["y", "first", "second", "r", "b", "s"], list(taps)
    assert (taps["first"] == -1.0).all(), "changed in place after it was recorded"
    assert (taps["second"] == 2.0).all() and (taps["y"] == 1.0).all()
    assert taps["s"].tolist() == [6.0, 6.0] and taps["r"].shape == (2, 2)
    sample = Sample()
    with Recorder(sample, Mapping({"rows": [row()]})):
        sample(torch.zeros(2, 3), torch.zeros(2, 3))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in sample.modules()), "hooks left"


def check_recorder_refuses():
    for rows, text in (
            ([row(module="pads")], "there is no module 'pads'; '' has scale, pair, idle, pad"),
            ([row(module="pair.x")], "'pair' has no children"),
            ([row(modul="pad")], "unknown field 'modul'"),
            ([{"tap": "t", "module": "pad"}], "field 'shape' is missing"),
            ([row(), row()], "tap 't' is in it twice"),
            ([row(module="scale")], "module 'scale' ran twice"),
            ([row(module="idle")], "was not recorded: module 'idle' ran 0 times"),
            ([row(module="scale", call=2)], "was not recorded: module 'scale' ran 2 times"),
            ([row(module="pair")], "gives 2 values; say which by 'index'"),
            ([row(module="pair", index=2)], "none of index 2"),
            ([row(index=0)], "'index' has no meaning"),
            ([row(shape=["N", 4])], "gave [2, 3], the mapping says [N, 4]"),
            ([row(shape=["N"])], "gave [2, 3], the mapping says [N]"),
            ([row(shape=["N", "N"])], "where N is 2"),
            ([row(shape=["N", "m"]), row(tap="u", shape=["m", "*"])], "where m is 3"),
            ([row(then=[["squeeze", 1]])], "'squeeze 1' does not fit [2, 3]"),
            ([row(then=[["narrow", 1, 2, 2]])], "'narrow 1 2 2' does not fit [2, 3]"),
            ([row(then=[["transpose", 0, 2]])], "'transpose 0 2' does not fit"),
            ([row(then=[["permute", 0, 1]])], "is none of flatten"),
            ([row(then=[["flatten", 1]])], "takes other arguments"),
            ([row(tap="t{k}")], "'k' in 'k' is not defined"),
            ([row(**{"for": {"k": "0-2"}})], "must be FIRST..LAST"),
            ([row(**{"for": {"k": "0..n"}})], "'n' in 'n' is not defined"),
            ([row(value="both")], "'output' or 'input'"), ([], "has no rows")):
        fails(lambda: recorded(*rows), MappingError, text)
    fails(lambda: read_mapping(HERE / "mappings/unet.json", {"level": 3}), MappingError,
          "has no size 'level', only levels")


def written(folder, *options):
    """The paths of what make_checkpoints writes, by name."""
    make_checkpoints.main(["--config", str(TINY), "--seed", "1", "-o", folder, *options])
    return {name: pathlib.Path(folder, name) for name in os.listdir(folder)}


def leaves(value, path=""):
    """Every tensor of nested dicts, by joined name."""
    if torch.is_tensor(value):
        return {path: value}
    found = {}
    for key, child in value.items() if isinstance(value, dict) else ():
        found.update(leaves(child, f"{path}.{key}" if path else str(key)))
    return found


def check_files():
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        zips, streams = written(one), written(two, "--stream", "--double", "--module-prefix")
        assert sorted(zips) == sorted(streams) == sorted([
            "mae.pth", "unet.pth", "fer.pth", "dan.pth", "resnet18.pth", "vit_timm.pth",
            "vit_hf.safetensors", "svdd.safetensors", "reference.safetensors"])
        training = ["iter", "model_state_dict", "optimizer_state_dict"]
        wrappers = {"mae.pth": ["model"], "fer.pth": training, "dan.pth": training}
        for name in (name for name in zips if name.endswith(".pth")):
            assert zipfile.is_zipfile(zips[name]) and not zipfile.is_zipfile(streams[name]), name
            single, double = torch.load(zips[name]), torch.load(streams[name])
            found = [key for key in single if not torch.is_tensor(single[key])]
            assert found == wrappers.get(name, []), f"{name}: {found}"
            single, double = leaves(single), leaves(double)
            prefix = "model_state_dict." + ("module." if name == "fer.pth" else "")
            assert list(double) == [key.replace("model_state_dict.", prefix) for key in single]
            for (key, value), wide in zip(single.items(), double.values()):
                if value.is_floating_point() and "optimizer" not in key:
                    assert value.dtype == torch.float32 and wide.dtype == torch.float64, key
                    assert torch.equal(wide.float(), value), f"{key}: does not round to the weight"
                    assert not torch.equal(wide, value.double()), f"{key}: has nothing to round"
        for name in ("reference.safetensors", "svdd.safetensors", "vit_hf.safetensors"):
            single, double = (safetensors_io.read(files[name])[0] for files in (zips, streams))
            assert all(np.array_equal(value, double[key].astype(value.dtype))
                       for key, value in single.items()), f"{name}: other numbers in double"
        see_training_state(torch.load(zips["fer.pth"]))
        see_reference(zips["reference.safetensors"])


def see_training_state(checkpoint):
    buffers = [state["momentum_buffer"] for state in
               checkpoint["optimizer_state_dict"]["state"].values()]
    trained = [value for name, value in checkpoint["model_state_dict"].items()
               if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    assert [b.shape for b in buffers] == [t.shape for t in trained], "a buffer for every parameter"
    assert all(b.any() for b in buffers)


def see_reference(path):
    taps, metadata = safetensors_io.read(path)
    covered = taps["given/mask"].sum(axis=1)
    assert covered[0] == 0 and (covered[1:] > 0).all(), covered
    assert json.loads(metadata["order"]) == list(taps)
    assert {name: value.dtype for name, value in taps.items() if value.dtype != np.float64} == \
        {name: np.float32 for name in ("input/vit_raw", "input/unet", "given/mask")}
    largest = np.abs(taps["recognise/logits"]).max()
    assert 1.0 < largest < 20.0, f"logits up to {largest}"


def check_float32_is_a_fair_comparison():
    """The stand-ins in float32 stay within what `ofer verify` promises of float32."""
    config = read_config(TINY)
    with tempfile.TemporaryDirectory() as folder:
        files = written(folder)
        taps, _ = safetensors_io.read(files["reference.safetensors"])
        networks = {part: run_stand_ins.network_from(files[f"{part}.pth"], config, part).float()
                    for part in PUBLISHED}
    pipeline = Pipeline(config, torch.tensor(taps["input/vit_raw"]),
                        torch.tensor(taps["input/unet"]), torch.tensor(taps["given/mask"]) > 0.5)
    pipeline.autoencode(networks["mae"])
    pipeline.refine(networks["unet"])
    pipeline.recognise(networks["fer"])
    for name, value in pipeline.taps.items():
        exact = torch.tensor(taps[name]).double()
        error = torch.linalg.vector_norm(value.double() - exact) / torch.linalg.vector_norm(exact)
        allowed = 1e-4 if name == "recognise/logits" else 1e-5
        assert value.dtype in (torch.float32, torch.bool) and error < allowed, f"{name}: {error}"


def check_checkpoints_give_their_reference():
    """What run_stand_ins makes of the files is what make_checkpoints said, to the last bit."""
    with tempfile.TemporaryDirectory() as folder:
        files = written(folder, "--stream", "--double", "--module-prefix")
        again = os.path.join(folder, "again.safetensors")
        given = [f"--{part}={files[f'{part}.pth']}" for part in PUBLISHED]
        rest = ["--config", str(TINY), "--inputs", str(files["reference.safetensors"]), "-o", again]
        run_stand_ins.main(given + rest)
        first, _ = safetensors_io.read(files["reference.safetensors"])
        second, _ = safetensors_io.read(again)
        assert list(first) == list(second)
        assert all(np.array_equal(first[name], second[name]) for name in first)
        config = read_config(TINY)
        fails(lambda: run_stand_ins.network_from(files["dan.pth"], config, "fer"),
              run_stand_ins.BadCheckpoint, "has no 'hh_layer.weight'")
        fails(lambda: run_stand_ins.network_from(files["vit_timm.pth"], config, "mae"),
              run_stand_ins.BadCheckpoint, "is it the file for --mae?")
        wide = Config(tiny(width=5))
        fails(lambda: run_stand_ins.network_from(files["unet.pth"], wide, "unet"),
              run_stand_ins.BadCheckpoint, "the configuration asks for [10, 12, 3, 3]")


if __name__ == "__main__":
    run_checks(globals())
