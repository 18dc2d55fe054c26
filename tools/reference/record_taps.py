"""Records what happens inside any PyTorch module, under the tap names of docs/model.md.

    with Recorder(module, read_mapping("mappings/mae.json")) as taps:
        module(images)
    write_reference("reference.safetensors", inputs, taps)
"""
import json

import numpy as np
import torch

import safetensors_io
from mapping import apply_steps, check_shape, need

STORES = {"float32": np.float32, "float64": np.float64}


class Recorder(dict):
    """Taps by name, in the order in which they came, of one forward pass inside a `with`.

    Hooks are there inside the `with` only. Values are copies: what the module does in place later
    does not reach them. When the `with` ends, every tap of the mapping must have been seen.
    """

    def __init__(self, module, mapping):
        super().__init__()
        self.rows = mapping.rows
        self.bound = dict(mapping.sizes)
        self.calls, self.hooks = {}, []
        modules = dict(module.named_modules())
        for row in self.rows:
            need(row.module in modules, f"tap '{row.tap}': there is no module '{row.module}'"
                 f"{self.nearest(row.module, modules)}")
        self.modules = modules

    @staticmethod
    def nearest(path, modules):
        while path and path not in modules:
            path = path.rpartition(".")[0]
        children = [name for name, _ in modules[path].named_children()]
        return f"; '{path}' has {', '.join(children[:12]) or 'no children'}"

    def __enter__(self):
        for row in self.rows:
            module = self.modules[row.module]
            if row.value == "input":
                hook = module.register_forward_pre_hook(
                    lambda module, inputs, row=row: self.see(row, inputs))
            else:
                hook = module.register_forward_hook(
                    lambda module, inputs, output, row=row: self.see(row, output))
            self.hooks.append(hook)
        return self

    def __exit__(self, kind, error, trace):
        for hook in self.hooks:
            hook.remove()
        self.hooks = []
        if kind is None:
            for row in self.rows:
                ran = self.calls.get(row.tap, -1) + 1
                need(row.tap in self, f"tap '{row.tap}' was not recorded: module '{row.module}' "
                     f"ran {ran} times; take its row out of the mapping, or run the module")

    def see(self, row, value):
        call = self.calls[row.tap] = self.calls.get(row.tap, -1) + 1
        if row.call is not None and row.call != call:
            return
        need(row.tap not in self, f"tap '{row.tap}': module '{row.module}' ran twice; record one "
             "pass at a time, or say which call counts by 'call'")
        value = self.picked(row, value)
        # A copy even where the steps made one: whether they did is torch's affair.
        value = apply_steps(value.detach(), row).clone()
        check_shape(value, row, self.bound)
        self[row.tap] = value

    @staticmethod
    def picked(row, value):
        """The tensor that the row means, out of a module's positional inputs or its output."""
        if isinstance(value, (tuple, list)):
            index = 0 if row.index is None and row.value == "input" else row.index
            need(index is not None, f"tap '{row.tap}': module '{row.module}' gives {len(value)} "
                 "values; say which by 'index'")
            need(index < len(value), f"tap '{row.tap}': module '{row.module}' has {len(value)} "
                 f"values as {row.value}, none of index {index}")
            value = value[index]
        else:
            need(row.index is None, f"tap '{row.tap}': module '{row.module}' gives one value, so "
                 "'index' has no meaning")
        need(torch.is_tensor(value), f"tap '{row.tap}': the {row.value} of module '{row.module}' "
             f"is a {type(value).__name__}, not a tensor")
        return value


def write_reference(path, inputs, taps, store="float64", metadata=None):
    """A file for `ofer verify`: inputs, which the engine takes in float32, and taps as `store`."""
    arrays = {name: value.to(torch.float32).numpy() for name, value in inputs.items()}
    for name, value in taps.items():
        need(name not in arrays, f"'{name}' is an input and a tap")
        array = value.detach().cpu().to(torch.float64).numpy()
        need(np.isfinite(array).all(), f"tap '{name}' is not finite")
        arrays[name] = array.astype(STORES[store])
    safetensors_io.write(path, arrays, {"kind": "taps", "order": json.dumps(list(arrays)),
                                        **(metadata or {})})
