# SPDX-License-Identifier: Apache-2.0
"""Worker processes: how each program is started, and the conversation with it."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {"transformers": HERE / "peer_transformers.py", "ctranslate2": HERE / "peer_ctranslate2.py"}
OURS = "westofn"


class WorkerError(Exception):
    """A worker ended before it answered."""


def find_worker():
    """Our worker in a build folder of this tree, the one built last."""
    builds = (HERE.parents[1] / "build").glob("*/tests/benchmark/inference_benchmark")
    newest = max(builds, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        raise FileNotFoundError("no build has inference_benchmark: ninja -C build/release inference_benchmark")
    return newest


def command(program, worker, case, work_file):
    """`program` is NAME:DTYPE or NAME:DTYPE:BATCH."""
    name, dtype, *batch = program.split(":")
    start = [str(worker)] if name == OURS else [sys.executable, "-B", str(PEERS[name])]
    options = {"model": case["model"], "work": work_file, "mode": case["mode"], "dtype": dtype, "n": case["n"],
               "new-tokens": case["new_tokens"], "threads": case["threads"], "batch": batch[0] if batch else 0}
    return start + [f"--{key}={value}" for key, value in options.items()]


def prepare_model(model, programs):
    """Converts the model for CTranslate2 if that takes part and it is not there yet; a process of its own, so that the
    converter's memory is not counted as the peer's."""
    if any(program.startswith("ctranslate2") for program in programs) and not (pathlib.Path(model) / "ct2").exists():
        subprocess.run([sys.executable, "-B", str(HERE / "convert_ctranslate2.py"), str(model)], check=True)


class Worker:
    """One program that has loaded its model and waits. Use as a context: it is ended on the way out."""

    def __init__(self, program, start, cores, threads):
        self.program = program
        self.errors = tempfile.TemporaryFile(mode="w+")
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True, env=environment,
                                        preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.process.communicate("quit\n", timeout=30)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def read_line(self, wanted):
        """The next line that starts so; libraries may print others."""
        for line in self.process.stdout:
            if line.startswith(wanted):
                return line
        self.process.wait()
        self.errors.seek(0)
        raise WorkerError(f"{self.program} ended with code {self.process.returncode}:\n{self.errors.read()[-2000:]}")

    def wait_ready(self):
        self.read_line("ready")

    def measure(self):
        """One run: seconds, cpu_seconds, peak_rss_mib and what the program found."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return json.loads(self.read_line("{"))
