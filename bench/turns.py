"""Ours and the peers in turns on one machine, and one result file: what the drivers share."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import textwrap

import machine
from compare_stages import HERE, environments

CELLS = 100  # columns of a table


def add_options(parser):
    parser.add_argument("--program", required=True, help="ofer, with its command bench")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--turns", type=int, default=2, help="of ours and the peers (2)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of samples for one figure")
    parser.add_argument("--rounds", type=int, default=5, help="in a turn")
    parser.add_argument("--python", default=os.environ.get("OFER_PYTHON", sys.executable),
                        help="the Python that has the peers (OFER_PYTHON, else this one)")
    parser.add_argument("--no-compile", dest="compile", action="store_false",
                        help="leave torch.compile out: it takes its time")
    parser.add_argument("--blas", help="folder of the libblas.so.3 that PyTorch shall use")
    parser.add_argument("--json", help="write the result to this file")
    parser.add_argument("--save", metavar="FOLDER", nargs="?", const=str(HERE / "results"),
                        help="write it below FOLDER (bench/results), by machine and commit")


def run_ours(arguments, words):
    """The JSON of `ofer bench WORDS`; a case that failed its check is in it."""
    environment = environments(arguments)[0]
    environment.setdefault("OFER_COMMIT", machine.commit(HERE.parent))
    command = [arguments.program, "bench", *words, "--threads", str(arguments.threads),
               "--seconds", str(arguments.seconds), "--rounds", str(arguments.rounds), "--json"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command[:3])} ended with status {done.returncode}; its "
                         "message is above")
    return json.loads(done.stdout)


def run_peer(arguments, name, script, words):
    """A peer's JSON. One that cannot run is not there, with the reason."""
    command = [arguments.python, str(HERE / "peers" / script), *words,
               "--threads", str(arguments.threads), "--seconds", str(arguments.seconds),
               "--rounds", str(arguments.rounds)]
    if not arguments.compile:
        command.append("--no-compile")
    done = subprocess.run(command, env=environments(arguments)[1], capture_output=True, text=True,
                          check=False)
    try:
        if done.returncode == 0:
            return json.loads(done.stdout)
        why = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
    except ValueError:
        why = f"{script} printed no JSON"
    return {"missing": [{"how": name, "why": why}]}


def gathered(missing):
    """The entries of all turns, one for each reason, with what each is about."""
    found = {}
    for entry in missing:
        about = ": ".join(entry[key] for key in ("operation", "case", "stage") if key in entry)
        names = found.setdefault((entry["how"], entry["why"]), [])
        if about and about not in names:
            names.append(about)
    return [{"how": how, "why": why, **({"of": names} if names else {})}
            for (how, why), names in found.items()]


def missing_lines(missing):
    for entry in missing:
        about = f" ({len(entry['of'])}: {entry['of'][0]}" + \
            (", ...)" if len(entry["of"]) > 1 else ")") if "of" in entry else ""
        yield from textwrap.wrap(f"not there: {entry['how']}{about}: {entry['why']}", CELLS,
                                 subsequent_indent="  ")


def peer_times(name, how, turns, ours):
    """`turns`, `ours`: the timings of the turns that have both. Above 1 the peer is slower."""
    result = {"name": name, "how": how,
              "median_ms": statistics.median(t["median_ms"] for t in turns)}
    noises = [turn["noise"] for turn in turns]
    result["noise"] = None if None in noises else max(noises)
    result["ratio"] = statistics.median(t["median_ms"] / o["median_ms"]
                                        for t, o in zip(turns, ours))
    return result


def best_targets(turns):
    """The targets with the best speeds of any turn: a roof is what can be reached."""
    targets = [dict(target) for target in turns[0].get("targets", [])]
    for i, target in enumerate(targets):
        roofs = [turn["targets"][i]["roofline"] for turn in turns
                 if "roofline" in turn["targets"][i]]
        if roofs:
            target["roofline"] = {
                "gflop_per_s": max(roof["gflop_per_s"] for roof in roofs),
                "copies": [max(same, key=lambda copy: copy["gb_per_s"])
                           for same in zip(*(roof["copies"] for roof in roofs))]}
    return targets


def report(arguments, measure, merge, table):
    """Measures, prints the table and writes the result of one driver's functions."""
    if not pathlib.Path(arguments.program).exists():
        raise SystemExit(f"no program {arguments.program}")
    busy = machine.busy_cores()
    result = merge(measure(arguments), busy)
    print("\n".join(table(result)))
    write(result, arguments)


def write(result, arguments):
    """To the files that were asked for."""
    paths = [pathlib.Path(arguments.json)] if arguments.json else []
    if arguments.save:
        configs = dict.fromkeys(run["config"] for run in result.get("runs", []))
        paths.append(pathlib.Path(arguments.save) / machine.folder_name(result) /
                     ("-".join([result["kind"], *configs, result["commit"]]) + ".json"))
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False,
                                         encoding="utf-8") as file:
            file.write(json.dumps(result, indent=1) + "\n")
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
        print(f"written: {path}")


def cut(text, width):
    """In exactly so many columns, the last one a tilde where it was longer."""
    return text.ljust(width) if len(text) <= width else text[:width - 1] + "~"


def percent(share):
    return "?" if share is None else f"{100 * share:.{1 if share < 1 else 0}f}"
