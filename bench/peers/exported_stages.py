"""The twin's stages as ONNX files, and what runs them as a way of pipeline_peer."""
import inspect
import pathlib
import tempfile
import warnings

import torch

import fixed_stages
import pipeline_peer
import safetensors_io
import twin_on_device

OPSET = 17
INPUTS = {"detect": ("raw",), "paint": ("raw", "mask"), "refine": ("image", "coarse", "mask"),
          "recognise": ("restored", "latent")}


def export(modules, arguments, folder):
    """Name -> file of each stage. `arguments`: the stages' tensors by name."""
    # The exporter that traces: the other one takes no scripted loop.
    older = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    files = {}
    for name, inputs in INPUTS.items():
        files[name] = str(pathlib.Path(folder) / f"{name}.onnx")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of constants, which they are meant to be
            try:
                torch.onnx.export(modules[name], tuple(arguments[i] for i in inputs),
                                  files[name], opset_version=OPSET, input_names=list(inputs),
                                  **older)
            except Exception as error:
                raise RuntimeError(f"the stage {name} cannot be exported: "
                                   f"{pipeline_peer.first_line(error)}") from error
    return files


class Stages:
    """One batch size. `run`: name -> function of arrays in INPUTS' order that gives a list."""

    def __init__(self, run):
        self.run = run

    def move(self, *arrays):
        return arrays

    def detect(self, moved):
        return self.run["detect"](moved[0])[0]

    def reconstruct(self, moved):
        raw, image, mask = moved
        latent, coarse = self.run["paint"](raw, mask)
        return latent, self.run["refine"](image, coarse, mask)[0]

    def recognise(self, restored, latent):
        return self.run["recognise"](restored, latent)[0]

    def picture(self, restored):
        return restored[0].reshape(-1)

    def wait(self):
        """Nothing runs behind the caller's back."""


class Way:
    """`open_stage(path, inputs)` gives a function of arrays."""

    def __init__(self, arguments, arrays, open_stage):
        self.model = twin_on_device.load(arguments.weights, "cpu", "fp32")
        self.arrays, self.open_stage = arrays, open_stage
        if self.model.config.unet and self.model.config.unet.self_assembly != "paper":
            raise RuntimeError("the released self-assembly has no form that can be exported")

    def stages(self, count):
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that scripting will go some day
            raw, image, mask = (torch.from_numpy(array)
                                for array in pipeline_peer.batch_of(self.arrays, count))
            modules = fixed_stages.modules(self.model, mask > 0)
            latent, coarse = modules["paint"](raw, mask)
            tensors = {"raw": raw, "mask": mask, "image": image, "latent": latent,
                       "coarse": coarse, "restored": modules["refine"](image, coarse, mask)}
            plain = fixed_stages.recurrence
            fixed_stages.recurrence = torch.jit.script(plain)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    files = export(modules, tensors, folder)
                    return Stages({name: self.open_stage(files[name], INPUTS[name])
                                   for name in INPUTS})
            finally:
                fixed_stages.recurrence = plain


def main(name, description, precisions, opener, versions):
    """Of a peer. `opener(arguments)` gives open_stage."""
    arguments = pipeline_peer.options(description, ("cpu",), precisions)
    torch.set_num_threads(arguments.threads)
    arrays, _ = safetensors_io.read(arguments.inputs)
    try:
        way = Way(arguments, arrays, opener(arguments))
    except Exception as error:
        way = error
    pipeline_peer.run([(name, way)], arrays, arguments, versions)
