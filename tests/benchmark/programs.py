# SPDX-License-Identifier: Apache-2.0
"""Worker processes: how each program is started, and the conversation with it."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {"transformers": HERE / "peer_transformers.py", "ctranslate2": HERE / "peer_ctranslate2.py"}
TRAINING_PEERS = {"transformers": HERE / "peer_transformers_train.py", "trl": HERE / "peer_trl_train.py"}
OURS = "westofn"
# Ranks stay on the cores that the launcher is given; our worker deals them out.
OPEN_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}


class WorkerError(Exception):
    """A worker ended before it answered."""


def find_worker(mode):
    """Our worker in a build folder of this tree, the one built last."""
    name = "training_benchmark" if mode == "train" else "inference_benchmark"
    builds = (HERE.parents[1] / "build").glob(f"*/tests/benchmark/{name}")
    newest = max(builds, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        raise FileNotFoundError(f"no build has {name}: ninja -C build/release {name}")
    return newest


def ranks_of(program):
    """In training the third part of our program's name is its number of ranks; without it no launcher is used."""
    return int(program.split(":")[2])


def command(program, worker, case, work_file):
    """`program` is NAME:DTYPE or NAME:DTYPE:BATCH; in training NAME:DTYPE:MICRO_BATCH, but westofn:DTYPE:RANKS."""
    name, dtype, *rest = program.split(":")
    options = {"model": case["model"], "work": work_file, "dtype": dtype, "threads": case["threads"]}
    if case["mode"] == "train":
        peers, micro_batch = TRAINING_PEERS, case["micro_batch"] if name == OURS else rest[0] if rest else 0
        options |= {"optimizer": case["optimizer"], "pairs": case["pairs"], "micro-batch": micro_batch}
    else:
        peers = PEERS
        options |= {"mode": case["mode"], "n": case["n"], "new-tokens": case["new_tokens"],
                    "batch": rest[0] if rest else 0}
    start = [str(worker)] if name == OURS else [sys.executable, "-B", str(peers[name])]
    if case["mode"] == "train" and name == OURS and rest:
        start = [os.environ.get("MPIEXEC", "mpirun"), "-n", str(ranks_of(program)), *start]
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
        environment = os.environ | OPEN_MPI | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
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


def tell(text):
    print(text, file=sys.stderr, flush=True)


def take_turns(case, data, names, settings):
    """Program -> its runs. All have loaded their model before the first one runs. `data` is the content of the file
    that they work on."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".json"))
        json.dump(data, file)
        file.flush()
        workers = []
        for name in names:
            start = command(name, settings.worker, case, file.name)
            cores = settings.cores[-settings.threads * ranks_of(name):] if settings.ranks else settings.cores
            workers.append(stack.enter_context(Worker(name, start, cores, settings.threads)))
            workers[-1].wait_ready()
        measured = {name: [] for name in names}
        for round_number in range(case["runs"]):
            for worker in workers:
                measured[worker.program].append(worker.measure())
                tell(f"round {round_number + 1} of {case['runs']}: {worker.program} "
                     f"{measured[worker.program][-1][settings.clock]:.2f} s")
    return measured
