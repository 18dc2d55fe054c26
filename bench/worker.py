"""A program that answers line by line: ofer_bench_stages or peers/twin_stages.py, --serve."""
import json
import subprocess

SLOW_MS = 1000.0  # a run this long needs no warm-up beside it


class Worker:
    """Use as a context manager; `info` is what the program says about itself."""

    def __init__(self, command, environment):
        self.command = command
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.typical = {}  # stage -> milliseconds of its last visit
        self.info = self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.command[0]} ended with status {self.process.wait()}; "
                             "its message is above")
        return json.loads(line)

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; read() says so
        return self.read()

    def outputs(self, path):
        self.ask({"outputs": str(path)})

    def visit(self, stage, seconds):
        """(wall, CPU) milliseconds of each run of one visit. The other program has had the caches
        before, so a run that nobody times comes first."""
        warm_up = 0 if self.typical.get(stage, 0.0) > SLOW_MS else 1
        answer = self.ask({"stage": stage, "seconds": seconds, "samples": 1, "warm_up": warm_up})
        samples = answer["samples_ms"]
        self.typical[stage] = sorted(samples)[len(samples) // 2]
        return samples, answer["cpu_ms"]
