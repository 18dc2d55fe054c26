"""A mapping says which values of a PyTorch module are which taps (README.md describes the form).

It is a JSON object: {"sizes": {NAME: NUMBER}, "rows": [{"tap": .., "module": .., "shape": ..}]}.
Here it becomes a list of rows without patterns.
"""
import json
import re
from types import SimpleNamespace

import torch

REQUIRED = ("tap", "module", "shape")
OPTIONAL = {"value": "output", "index": None, "call": None, "for": {}, "then": []}


class MappingError(ValueError):
    """The mapping, or the module it is used with, is not as it should be; the text says how."""


def need(condition, text):
    if not condition:
        raise MappingError(text)


def evaluate(text, known, where):
    """A number, or a name with perhaps a number added or subtracted: "levels-1"."""
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"(\w+)(?:([+-])(\d+))?", str(text))
    need(match, f"{where}: '{text}' is neither a number nor NAME, NAME+NUMBER or NAME-NUMBER")
    name, sign, number = match.groups()
    need(name.isdigit() or name in known, f"{where}: '{name}' in '{text}' is not defined")
    value = int(name) if name.isdigit() else known[name]
    return value + int((sign or "+") + (number or "0"))


def fill(pattern, known, where):
    """`pattern` with every {..} replaced: {k} a number, {kk} with two digits, {text*k} repeated."""
    def replaced(match):
        inside = match[1]
        if "*" in inside:
            text, _, count = inside.rpartition("*")
            return text * evaluate(count, known, where)
        if len(inside) == 2 and inside[0] == inside[1] and inside[0] in known:
            return f"{known[inside[0]]:02d}"
        return str(evaluate(inside, known, where))

    return re.sub(r"\{([^{}]*)\}", replaced, pattern)


def squeeze(x, axis):
    if x.shape[axis] != 1:  # torch's own would leave x as it is, without a word
        raise IndexError
    return x.squeeze(axis)


# What may be done to a value, each with the numbers of arguments that it takes.
STEPS = {
    "flatten": ((2,), lambda x, first, last: x.flatten(first, last)),
    "narrow": ((2, 3), lambda x, axis, start, *length: x.narrow(
        axis, start, *(length or (x.shape[axis] - start,)))),
    "squeeze": ((1,), squeeze),
    "transpose": ((2,), lambda x, a, b: x.transpose(a, b)),
    "reshape": (range(1, 9), lambda x, *sizes: x.reshape(sizes)),
    "sum": ((1,), lambda x, axis: x.sum(dim=axis)),
}


def read_step(step, known, where):
    need(isinstance(step, list) and step and step[0] in STEPS,
         f"{where}: step {json.dumps(step)} is none of {', '.join(STEPS)}")
    need(len(step) - 1 in STEPS[step[0]][0], f"{where}: step {json.dumps(step)} takes other "
         "arguments")
    return (step[0], *(evaluate(argument, known, where) for argument in step[1:]))


def apply_steps(value, row):
    for name, *arguments in row.steps:
        try:
            value = STEPS[name][1](value, *arguments)
        except (IndexError, RuntimeError):
            step = " ".join(map(str, (name, *arguments)))
            raise MappingError(f"tap '{row.tap}': '{step}' does not fit {list(value.shape)}") \
                from None
    return value


def check_shape(value, row, bound):
    """Names in a row's shape take the first extent they meet (`bound`) and must then agree."""
    shape = list(value.shape)
    expected = ", ".join(map(str, row.shape))
    need(len(shape) == len(row.shape),
         f"tap '{row.tap}': module '{row.module}' gave {shape}, the mapping says [{expected}]")
    for extent, wanted in zip(shape, row.shape):
        if wanted == "*":
            continue
        match = re.fullmatch(r"([A-Za-z]\w*)(?:([+-])(\d+))?", str(wanted))
        if match and match[1] not in bound:
            bound[match[1]] = extent - int((match[2] or "+") + (match[3] or "0"))
        value_wanted = evaluate(wanted, bound, f"tap '{row.tap}'")
        need(extent == value_wanted, f"tap '{row.tap}': module '{row.module}' gave {shape}, the "
             f"mapping says [{expected}], where {wanted} is {value_wanted}")


def ranges_of(source, known, where):
    """All assignments of the letters in "for": {"k": "0..depth-1"}, both ends included."""
    assignments = [{}]
    for letter, text in source.items():
        need(re.fullmatch("[a-z]", letter), f"{where}: '{letter}' in 'for' must be one letter")
        ends = str(text).split("..")
        need(len(ends) == 2, f"{where}: range '{text}' must be FIRST..LAST")
        first, last = (evaluate(end, known, where) for end in ends)
        assignments = [{**a, letter: i} for a in assignments for i in range(first, last + 1)]
    return assignments


def read_row(source, sizes, where):
    """One row of the file as the rows that it stands for."""
    need(isinstance(source, dict), f"{where} must be an object")
    for name in source:
        need(name in REQUIRED or name in OPTIONAL, f"{where}: unknown field '{name}'")
    for name in REQUIRED:
        need(name in source, f"{where}: field '{name}' is missing")
    field = {**OPTIONAL, **source}
    need(field["value"] in ("output", "input"), f"{where}: 'value' must be 'output' or 'input'")
    for name in ("index", "call"):
        need(field[name] is None or (isinstance(field[name], int) and field[name] >= 0),
             f"{where}: '{name}' must be a number from 0")
    need(isinstance(field["shape"], list), f"{where}: 'shape' must be a list")
    for letters in ranges_of(field["for"], sizes, where):
        known = {**sizes, **letters}
        yield SimpleNamespace(
            tap=fill(field["tap"], known, where), module=fill(field["module"], known, where),
            value=field["value"], index=field["index"], call=field["call"],
            steps=[read_step(step, known, where) for step in field["then"]],
            shape=[fill(s, known, where) if isinstance(s, str) else s for s in field["shape"]])


class Mapping:
    """The rows of a mapping, patterns filled in. `sizes` replaces some of the mapping's own."""

    def __init__(self, source, sizes=None, name="mapping"):
        need(isinstance(source, dict), f"{name}: must be an object")
        for key in source:
            need(key in ("sizes", "rows"), f"{name}: unknown field '{key}'")
        need(source.get("rows"), f"{name}: has no rows")
        self.sizes = dict(source.get("sizes", {}))
        for size, value in (sizes or {}).items():
            need(size in self.sizes, f"{name}: has no size '{size}', only {', '.join(self.sizes)}")
            self.sizes[size] = value
        self.rows = [row for k, part in enumerate(source["rows"])
                     for row in read_row(part, self.sizes, f"{name}: rows[{k}]")]
        taps = set()
        for row in self.rows:
            need(row.tap not in taps, f"{name}: tap '{row.tap}' is in it twice")
            taps.add(row.tap)


def read_mapping(path, sizes=None):
    with open(path, encoding="utf-8") as file:
        try:
            source = json.load(file)
        except ValueError as error:
            raise MappingError(f"{path}: is not JSON: {error}") from None
    return Mapping(source, sizes, str(path))
