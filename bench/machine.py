"""What machine this is, and from which state of the source the numbers come."""
import os
import pathlib
import platform
import re
import subprocess


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
