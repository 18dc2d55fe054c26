"""What machine this is, and from which state of the source the numbers come."""
import os
import pathlib
import platform
import re
import subprocess
import time


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def system():
    path = pathlib.Path("/etc/os-release")
    found = re.search(r'^PRETTY_NAME="(.*)"', path.read_text(encoding="utf-8"), re.M) \
        if path.exists() else None
    return found[1] if found else platform.system()


def describe():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": cpu_model(), "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(memory / 2 ** 30, 1), "system": system()}


def core_ticks(text):
    """From /proc/stat: {core: (idle, all)} in clock ticks."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"cpu(\d+) +(.*)", line)
        if match:
            ticks = [int(word) for word in match[2].split()[:8]]  # the rest is in user's already
            found[int(match[1])] = sum(ticks[3:5]), sum(ticks)
    return found


def busy_between(before, after, cores):
    """How many of `cores` were busy on average between two readings; None if they do not tell."""
    busy = 0.0
    for core in cores:
        if core not in before or core not in after:
            return None
        idle, passed = (after[core][i] - before[core][i] for i in range(2))
        busy += 1 - idle / passed if passed > 0 else 0
    return round(busy, 2)


def busy_cores(seconds=1.0):
    """How many of the cores that this process may use are busy now, over so long; None where the
    system does not tell. A load average still remembers what ended a minute ago."""
    path = pathlib.Path("/proc/stat")
    if not path.exists():
        return None
    before = core_ticks(path.read_text(encoding="utf-8"))
    time.sleep(seconds)
    after = core_ticks(path.read_text(encoding="utf-8"))
    return busy_between(before, after, os.sched_getaffinity(0))


def short_name(machine):
    """For file names: "amd-epyc-2-cores"."""
    text = re.sub(r"\(r\)|\(tm\)|cpu|processor|@.*", "", machine["cpu"].lower())
    return "-".join(re.findall(r"[a-z0-9]+", text)) + f"-{machine['cores']}-cores"


def folder_name(result):
    """Of a result: its GPU's name, "nvidia-h200", or else its processor's."""
    gpu = result.get("gpu", {}).get("name")
    return "-".join(re.findall(r"[a-z0-9]+", gpu.lower())) if gpu else \
        short_name(result["machine"])


def commit(root):
    """Short commit, "+" behind it when files differ from it; "uncommitted" without any."""
    def git(*arguments):
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True,
                              check=False)

    head = git("rev-parse", "--short", "--verify", "HEAD")
    if head.returncode:
        return "uncommitted"
    changed = git("status", "--porcelain", "--", ".", ":!bench/results", ":!docs").stdout.strip()
    return head.stdout.strip() + ("+" if changed else "")
