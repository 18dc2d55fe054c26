"""What every peer of the pipeline does: the same faces, results held against ours, then rounds.

A way is something with stages(batch size) -> an object that has move(raw, image, mask),
detect(moved) -> host array, reconstruct(moved) -> (latent, restored), recognise(restored, latent)
-> probabilities in host memory, picture(restored) -> the first face, flat, and wait().
"""
import argparse
import json
import os
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from timings import LEAST_SAMPLES, SLOW_MS, timing  # noqa: E402

PARTS = ("whole", "detect", "reconstruct", "recognise")
TOLERANCE = {"fp32": 1e-3, "tf32": 2e-2, "bf16": 5e-2}  # relative L2 of the restored picture
SHOWN = 256  # values of the first restored picture that our result has


def options(description, devices, precisions):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("-m", "--weights", required=True, help="weight file")
    parser.add_argument("-i", "--inputs", required=True, help="file that make_inputs.py wrote")
    parser.add_argument("--ours", required=True, help="JSON of `ofer bench pipeline`, same inputs")
    parser.add_argument("--device", choices=devices, default="cpu")
    parser.add_argument("--precision", choices=precisions, default="fp32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of samples for a batch size")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    return parser.parse_args()


def nothing(name, why):
    """Prints that the peer is not there."""
    print(json.dumps({"runs": [], "missing": [{"how": name, "why": str(why)}]}))
    sys.exit(0)


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def relative(got, expected):
    got, expected = (np.asarray(x, np.float64).reshape(-1) for x in (got, expected))
    return float(np.linalg.norm(got - expected) / max(np.linalg.norm(expected), 1e-30))


def our_batches(arguments):
    """Batch size -> what ours gave."""
    runs = json.loads(pathlib.Path(arguments.ours).read_text(encoding="utf-8"))["runs"]
    return {batch["batch"]: batch for run in runs for batch in run["batches"]
            if (run["device"], run["precision"]) == (arguments.device, arguments.precision)}


def batch_of(arrays, count):
    return tuple(np.ascontiguousarray(arrays[name][np.arange(count) % len(arrays[name])])
                 for name in ("vit_raw", "image", "mask"))


def sample(stages, batch):
    """Milliseconds of each part of a pass that detects and a pass behind the given mask."""
    times = [time.perf_counter()]
    stages.detect(stages.move(*batch))
    times.append(time.perf_counter())
    latent, restored = stages.reconstruct(stages.move(*batch))
    stages.wait()
    times.append(time.perf_counter())
    stages.recognise(restored, latent)
    times.append(time.perf_counter())
    steps = [1e3 * (b - a) for a, b in zip(times, times[1:])]
    return [sum(steps), *steps]


def rounds(stages, batch, arguments):
    """Part -> timing."""
    visits = []
    once = [sample(stages, batch) for _ in range(2)][1][0]
    least = 1 if once > SLOW_MS else LEAST_SAMPLES
    for _ in range(arguments.rounds):
        start, samples = time.perf_counter(), []
        while len(samples) < least or \
                time.perf_counter() - start < arguments.seconds / arguments.rounds:
            samples.append(sample(stages, batch))
        visits.append(list(zip(*samples)))
    return {part: timing([visit[i] for visit in visits]) for i, part in enumerate(PARTS)}


def compared(stages, batch, ours):
    latent, restored = stages.reconstruct(stages.move(*batch))
    picture = np.asarray(stages.picture(restored), np.float64)
    shown = picture[np.arange(SHOWN) * picture.size // SHOWN]
    probabilities = np.asarray(stages.recognise(restored, latent), np.float64)[0]
    return {"restored_off_by": relative(shown, ours["restored"]),
            "probabilities_off_by": float(np.abs(probabilities - ours["probabilities"]).max())}


def run(ways, arrays, arguments, versions):
    """Prints the JSON. `ways`: (how, way) one after the other, made when it is their turn; `way`
    may be the error that keeps it from being there."""
    runs, missing = [], []
    for how, way in ways:
        if isinstance(way, Exception):
            missing.append({"how": how, "why": first_line(way)})
            continue
        for count, ours in our_batches(arguments).items():
            entry = {"how": how, "stage": f"batch {count}"}
            try:
                batch, stages = batch_of(arrays, count), way.stages(count)
                apart = compared(stages, batch, ours)
                # In bf16 a rounding may choose another patch: probabilities are told, not judged.
                if not apart["restored_off_by"] <= TOLERANCE[arguments.precision] or (
                        arguments.precision == "fp32" and not
                        apart["probabilities_off_by"] <= TOLERANCE["fp32"]):
                    missing.append({**entry, "why": "not timed: differs from ours by "
                                    f"{apart['restored_off_by']:.1e} in the restored picture, "
                                    f"{apart['probabilities_off_by']:.1e} in probabilities"})
                    continue
                runs.append({"how": how, "batch": count, **apart,
                             "stages": rounds(stages, batch, arguments)})
            except Exception as error:  # whatever a version or a memory cannot do is told
                missing.append({**entry, "why": first_line(error)})
    print(json.dumps({"versions": versions, "threads": arguments.threads, "runs": runs,
                      "missing": missing}, indent=1))
