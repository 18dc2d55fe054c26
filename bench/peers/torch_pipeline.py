#!/usr/bin/env python3
"""Times the PyTorch twin's stages on a CPU or GPU, beside `ofer bench pipeline` on the same faces.

Eager, torch.compile where PyTorch has it, channels-last; the self-assembly vectorised, fused
attention where PyTorch has it, constants kept on the device, no gradients. From arrays in host
memory to probabilities in host memory. fp32 without TF32; tf32 allows it to products and
convolutions; bf16 is weights and activations.
"""
import pipeline_peer

try:
    import torch
except ImportError as error:
    pipeline_peer.nothing("PyTorch", error)

import fixed_stages
import safetensors_io
import twin_on_device


class Stages:
    """One batch size. `modules`: the stages by name."""

    def __init__(self, modules, device, dtype, memory_format=torch.contiguous_format):
        self.modules, self.device, self.dtype = modules, device, dtype
        self.memory_format = memory_format

    def move(self, *arrays):
        moved = (torch.from_numpy(array).to(self.device).to(self.dtype) for array in arrays)
        return [x.contiguous(memory_format=self.memory_format) if x.dim() == 4 else x
                for x in moved]

    def detect(self, moved):
        return self.modules["detect"](moved[0]).cpu()

    def reconstruct(self, moved):
        raw, image, mask = moved
        latent, coarse = self.modules["paint"](raw, mask)
        return latent, self.modules["refine"](image, coarse, mask)

    def recognise(self, restored, latent):
        return self.modules["recognise"](restored, latent).float().cpu().numpy()

    def picture(self, restored):
        return restored[0].float().cpu().contiguous().flatten().numpy()

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()


class Way:
    def __init__(self, model, arrays, arguments, channels_last=False, compiled=False):
        self.model, self.arrays, self.compiled = model, arrays, compiled
        self.device = arguments.device
        self.dtype = twin_on_device.DTYPES[arguments.precision]
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        if channels_last:
            model.to(memory_format=torch.channels_last)

    def stages(self, count):
        mask = torch.from_numpy(pipeline_peer.batch_of(self.arrays, count)[2]).to(self.device) > 0
        modules = fixed_stages.modules(self.model, mask)
        stages = Stages(modules, self.device, self.dtype, self.memory_format)
        if self.compiled:
            torch._dynamo.reset()
            # What is made once is made before anything is traced.
            pipeline_peer.sample(stages, pipeline_peer.batch_of(self.arrays, count))
            stages.modules = {name: torch.compile(module, dynamic=False)
                              for name, module in modules.items()}
        return stages


def ways(model, arrays, arguments):
    yield "eager", Way(model, arrays, arguments)
    if not arguments.compile:
        yield "torch.compile", RuntimeError("left out by --no-compile")
    elif not hasattr(torch, "compile"):
        yield "torch.compile", RuntimeError(f"PyTorch {torch.__version__} has none")
    else:
        plain = fixed_stages.recurrence
        fixed_stages.recurrence = fixed_stages.opaque(plain)
        yield "torch.compile", Way(model, arrays, arguments, compiled=True)
        fixed_stages.recurrence = plain
    yield "channels-last", Way(model, arrays, arguments, channels_last=True)


def main():
    arguments = pipeline_peer.options(__doc__.splitlines()[0], ("cpu", "cuda"),
                                      ("fp32", "tf32", "bf16"))
    if arguments.device == "cuda" and not torch.cuda.is_available():
        pipeline_peer.nothing("PyTorch", "this PyTorch finds no GPU")
    torch.set_num_threads(arguments.threads)
    arrays, _ = safetensors_io.read(arguments.inputs)
    versions = {"torch": torch.__version__}
    if arguments.device == "cuda":
        versions["cudnn"] = torch.backends.cudnn.version()
    with torch.no_grad():
        model = twin_on_device.load(arguments.weights, arguments.device, arguments.precision)
        pipeline_peer.run(ways(model, arrays, arguments), arrays, arguments, versions)


if __name__ == "__main__":
    main()
