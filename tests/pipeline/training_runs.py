# SPDX-License-Identifier: Apache-2.0
"""What the tests of interrupted training share: a small experiment that trains four models, where in it a job can be
hit, and the processes of a job."""
import json
import os
import pathlib
import shutil
import time

import runner

BASE_MODEL = pathlib.Path(__file__).resolve().parents[2] / "configs/toy/base-model"
# Rows, batches and windows share no divisors, so that most steps end within an epoch and within a window. Rates are
# far too high: the best validation comes early.
EXPERIMENT = """name: tiny
seed: 5
data:
  world: {{demonstrations: 41, labelled_pairs: 23, other_pairs: 8, validation_pairs: 31, test_pairs: 4,
          unlabelled_prompts: 5, test_prompts: 2}}
policy:
  model: {model}
  window: 3
  train: {{steps: 14, batch: 8, optimizer: adafactor, learning_rate: 0.05, validate_every: 2, dropout: 0.1}}
preference_model:
  window: 2
  train: {{steps: 14, batch: 6, optimizer: adamw, learning_rate: 1e-2, validate_every: 2}}
generation: {{n: 4, max_new_tokens: 6}}
recipes:
  synthetic: {{rule: tournament, n: 4}}
reward_models:
  human: {{human: hf50, window: 3, train: {{steps: 14, batch: 6, optimizer: adamw, learning_rate: 1e-2, validate_every: 2,
           dropout: 0.1, weight_decay: 0.01}}}}
  mixed: {{recipe: synthetic, window: 4, train: {{steps: 14, batch: 6, optimizer: adafactor, learning_rate: 0.03,
           validate_every: 2, warmup_steps: 2}}}}
runtime: {{shard_size: 4, micro_batch: 2, checkpoint_minutes: 0}}
"""
STEPS = 14
MICRO_BATCH = 2
# Of each training stage: examples of a step, batches of a window.
SHAPES = {"sft": (8, 3), "preference": (6, 2), "reward-human": (6, 3), "reward-mixed": (6, 4)}


def write_experiment(folder):
    path = pathlib.Path(folder) / "e.yaml"
    path.write_text(EXPERIMENT.format(model=BASE_MODEL))
    return path


class Runs:
    """Run folders of the experiment below one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(os.path.realpath(folder))
        self.experiment = write_experiment(self.folder)

    def arguments(self, command, run, *more, dtype="float32"):
        return [command, self.experiment, "--run-dir", self.folder / run, "--set", f"runtime.dtype={dtype}", *more]

    def run(self, command, run, *more, ranks=1, dtype="float32", **extra):
        return runner.run(self.arguments(command, run, *more, dtype=dtype), ranks=ranks, **extra)

    def start(self, command, run, *more, ranks=1, dtype="float32", **extra):
        return runner.start(self.arguments(command, run, *more, dtype=dtype), ranks=ranks, **extra)

    def copy(self, run, to):
        shutil.rmtree(self.folder / to, ignore_errors=True)
        shutil.copytree(self.folder / run, self.folder / to)

    def stage(self, run, name):
        return next((self.folder / run).glob(f"{name}-????????"))

    def checkpoints(self, run, name):
        """The folders, oldest first."""
        return sorted(self.stage(run, name).glob("checkpoints/step-*"))

    def contents(self, run, *stages):
        """Name -> bytes of these stages; of all of them if none is named."""
        found = runner.contents(self.folder / run)
        return {name: data for name, data in found.items()
                if name != "experiment.yaml" and (not stages or name.split("/")[0].rsplit("-", 1)[0] in stages)}

    def summary(self, run, name):
        return json.loads((self.stage(run, name) / "training.json").read_text())


def steps_to_kill(summary, stage, after):
    """Steps before which a kill is a hard case: what is done by then ends within an epoch and within a window, and is
    more than `after` steps."""
    batch, window = SHAPES[stage]
    rows = summary["rows"].get("mixture.used", summary["rows"]["train.used"])
    return [done + 1 for done in range(max(after, 2) + 1, STEPS - 1) if done % window and done * batch % rows]


def loss_of(step, resumed_after=0, ranks=1, batch=SHAPES["sft"][0]):
    """The count at which rank 0 passes `train.loss` with the first micro-batch of a step."""
    parts = -(-batch // MICRO_BATCH)
    return (step - resumed_after - 1) * -(-parts // ranks) + 1


def processes_of(job):
    """The processes of the program that a job has: id -> state."""
    states, parents, names = {}, {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:  # it has ended
            continue
        pid, (name, rest) = int(entry.name), text.split("(", 1)[1].rsplit(")", 1)
        fields = rest.split()
        states[pid], parents[pid], names[pid] = fields[0], int(fields[1]), name
    program = pathlib.Path(runner.WESTOFN).name[:15]

    def is_of_job(pid):
        while pid > 1:
            if pid == job.pid:
                return True
            pid = parents.get(pid, 0)
        return False

    return {pid: state for pid, state in states.items() if names[pid] == program and is_of_job(pid)}


def wait_for(condition, what, timeout=60):
    """The first result that is not false."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError(f"waited in vain for {what}")


def stopped_process(job):
    """The process that a fault has suspended."""
    return wait_for(lambda: [pid for pid, state in processes_of(job).items() if state == "T"], "a suspended rank")[0]


def has_pending(pid, number):
    """Whether a signal waits for a suspended process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> (number - 1) & 1 for mask in masks)
