#!/usr/bin/env python3
"""Computes and times in PyTorch the cases of which `ofer bench kernels --tensors` left the tensors.

Each result is held against ours first; what differs is reported and not timed. Prints JSON:
{"torch", "cudnn", "threads", "cases": [{"operation", "case", "precision", "how", "difference",
"timing"}], "missing": [{"how", "why"}]}; on a GPU also "cold", with the second-level cache emptied
before each call. --precision fp32 has TF32 off, tf32 has it on, bf16 has tensors of that type.
"""
import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from timings import SLOW_MS, timing, visit, wall_ms  # noqa: E402

try:
    import torch
except ImportError as error:
    print(json.dumps({"cases": [], "missing": [{"how": "PyTorch", "why": str(error)}]}))
    sys.exit(0)

import kernel_calls  # noqa: E402
import safetensors_io  # noqa: E402

TOLERANCE = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 2e-2}  # relative L2
PLAIN_NAMES = {"linear": "cuBLAS", "linear_by_position": "cuBLAS", "conv2d": "cuDNN",
               "conv_transpose2d": "cuDNN"}
FLUSH_BYTES = 256 << 20


def relative_l2(got, expected):
    got = got.detach().double().cpu().reshape(-1)
    if got.shape != expected.shape:
        raise ValueError(f"gives {got.numel()} numbers, ours {expected.numel()}")
    return float((got - expected).norm() / expected.norm().clamp_min(1e-30))


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


class Timer:
    """Samples of a call, in milliseconds: by the clock, or between two events of a GPU."""

    def __init__(self, device):
        self.flush = torch.empty(FLUSH_BYTES // 4, device="cuda") if device == "cuda" else None

    def sample(self, call, cold=False):
        if self.flush is None:
            return wall_ms(call)
        if cold:
            self.flush.zero_()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)


class Row:
    """One way to compute one case."""

    def __init__(self, names, how, function, arguments):
        self.names, self.how = names, how
        self.function, self.arguments = function, arguments
        self.warm, self.cold = [], []

    def __call__(self):
        return self.function(*self.arguments)

    def visit(self, timer, seconds):
        self.warm.append(visit(lambda: timer.sample(self), seconds))
        if timer.flush is not None and self.warm[0][0] <= SLOW_MS:
            self.cold.append(visit(lambda: timer.sample(self, cold=True), seconds))

    def result(self):
        cold = {"cold": timing(self.cold)} if self.cold else {}
        return {**self.names, "how": self.how, "difference": self.difference,
                "timing": timing(self.warm), **cold}


class Kernels:
    def __init__(self, device, precision, compiles):
        self.device, self.precision = device, precision
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.rows, self.missing = [], []
        self.compile = getattr(torch, "compile", None) if compiles else None
        if not self.compile:
            self.missing.append({"how": "torch.compile", "why": "left out by --no-compile"
                                 if not compiles else f"PyTorch {torch.__version__} has none"})

    def name_of(self, how, operation):
        return PLAIN_NAMES.get(operation, how) if self.device == "cuda" and how == "eager" else how

    def ways(self, call, names):
        """(how, function, arguments)"""
        for how, function in call.ways.items():
            arguments = call.arguments
            if call.in_place:
                arguments = tuple(value.clone() for value in arguments)
            yield self.name_of(how, names["operation"]), function, arguments
        function = next(iter(call.ways.values()))
        if call.channels_last:
            yield "channels-last", function, tuple(
                value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
                for value in call.arguments)
        uncompiled = call.uncompiled or ("it works in place" if call.in_place else "")
        if self.compile and uncompiled:
            self.missing.append({"how": "torch.compile", **names,
                                 "why": f"not tried: {uncompiled}"})
        elif self.compile:
            yield "torch.compile", self.compile(function, dynamic=False), call.arguments

    def add(self, names, arrays):
        call = kernel_calls.CALLS[names["operation"], names["case"]](
            kernel_calls.Tensors(arrays, self.device, self.dtype))
        expected = kernel_calls.Tensors(arrays, "cpu", self.dtype).expected(call.result)
        for how, function, arguments in self.ways(call, names):
            row = Row(names, how, function, arguments)
            try:
                row.difference = relative_l2(row(), expected)
            except Exception as error:  # whatever a version cannot do is told
                self.missing.append({"how": how, **names, "why": first_line(error)})
                continue
            if row.difference <= TOLERANCE[self.precision]:
                self.rows.append(row)
            else:
                self.missing.append({"how": how, **names, "why":
                                     f"not timed: differs from ours by {row.difference:.1e}"})

    def time(self, rounds, seconds):
        timer = Timer(self.device)
        for _ in range(rounds):
            for row in self.rows:
                row.visit(timer, seconds / rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, type=pathlib.Path,
                        help="JSON of `ofer bench kernels --tensors`, in that folder")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=tuple(TOLERANCE), default="fp32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of samples for one figure")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"torch": torch.__version__, "cases": [], "missing": [
            {"how": "PyTorch", "why": "this PyTorch finds no GPU"}]}))
        return
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = arguments.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = arguments.precision == "tf32"
    torch.backends.cudnn.benchmark = True
    kernels = Kernels(arguments.device, arguments.precision, arguments.compile)
    with torch.no_grad():
        for row in json.loads(arguments.ours.read_text(encoding="utf-8"))["cases"]:
            if (row["device"], row["precision"], row["variant"]) == \
                    (arguments.device, arguments.precision, None) and "tensors" in row and \
                    (row["operation"], row["case"]) in kernel_calls.CALLS:
                arrays, _ = safetensors_io.read(arguments.ours.with_name(row["tensors"]))
                kernels.add({name: row[name] for name in ("operation", "case", "precision")},
                            arrays)
        kernels.time(arguments.rounds, arguments.seconds)
    cudnn = torch.backends.cudnn.version() if arguments.device == "cuda" else None
    print(json.dumps({"torch": torch.__version__, "cudnn": cudnn,
                      "threads": torch.get_num_threads(),
                      "cases": [row.result() for row in kernels.rows],
                      "missing": kernels.missing}, indent=1))


if __name__ == "__main__":
    main()
