# SPDX-License-Identifier: Apache-2.0
"""What the tests on a real Slurm share: a small experiment, its undisturbed run by mpirun, submissions, comparisons."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "pipeline"))
import cluster
import runner
from cluster import wait_for

ROOT = pathlib.Path(__file__).parents[2]
SUBMIT = ROOT / "slurm/submit.sh"
TRAIN = "{{steps: {steps}, batch: 8, optimizer: adamw, learning_rate: 1e-3, validate_every: 50}}"
EXPERIMENT = """name: {name}
seed: 5
data:
  pairs:
    - {{path: {world}/pairs-labelled.jsonl, split: train, half: labelled}}
    - {{path: {world}/pairs-validation.jsonl, split: validation}}
    - {{path: {world}/pairs-test.jsonl, split: test}}
  prompts: [{{path: {world}/prompts-unlabelled.jsonl}}]
  demonstrations: [{{path: {world}/demonstrations.jsonl}}]
policy: {{model: {root}/configs/toy/base-model, train: {train_policy}}}
preference_model: {{train: {train}}}
generation: {{n: 8, max_new_tokens: 12}}
recipes:
  west_of_8: {{rule: tournament, n: 8}}
reward_models:
  west_of_n: {{recipe: west_of_8, train: {train}}}
runtime: {{shard_size: 4, micro_batch: 4}}
"""
ROWS = {"demonstrations": 40, "pairs-labelled": 20, "pairs-validation": 12, "pairs-test": 20, "prompts-unlabelled": 24}
SITE = """source "$westofn_slurm/site.conf"
program="{program}"
nodes={nodes}
ranks_per_node=1
hours=0.2
margin_s=30
array=2
array_at_once=2
"""


class SlurmTest(unittest.TestCase):
    """A cluster and a folder with a world, for all tests of a class."""
    STEPS = 6  # of the policy, which the others do not have to wait for

    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster()
        cls.enterClassContext(cls.cluster)
        temporary = tempfile.TemporaryDirectory(prefix="westofn-slurm-runs-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        made = runner.run(["make-world", "toy", "--out", cls.folder / "world", "--seed", 5], ranks=0)
        assert made.code == 0, made
        for name, count in ROWS.items():
            file = cls.folder / f"world/{name}.jsonl"
            file.write_text("".join(file.read_text().splitlines(keepends=True)[:count]))
        cls.experiment = cls.write_experiment("toy")
        cls.seconds = cls.undisturbed("reference")

    @classmethod
    def write_experiment(cls, name, steps=None):
        path = cls.folder / f"{name}.yaml"
        path.write_text(EXPERIMENT.format(name=name, world=cls.folder / "world", root=ROOT, train=TRAIN.format(steps=6),
                                          train_policy=TRAIN.format(steps=steps or cls.STEPS)))
        return path

    @classmethod
    def undisturbed(cls, run, experiment=None, command="run"):
        """Runs an experiment without Slurm; its seconds."""
        done = runner.run([command, experiment or cls.experiment, "--run-dir", cls.folder / run], ranks=2, timeout=600)
        assert done.code == 0, done
        return done.seconds

    def site(self, name="site", program=runner.WESTOFN, nodes=1, more=""):
        path = self.folder / f"{name}.conf"
        path.write_text(SITE.format(program=program, nodes=nodes) + more)
        return path

    def submit(self, run, *more, experiment=None, site=None, check=True):
        """submit.sh; its output, and the ids of the jobs."""
        done = self.cluster.run(SUBMIT, experiment or self.experiment, "--run-dir", self.folder / run, "--site",
                                site or self.site(), *more, check=False)
        if check:
            self.assertEqual(done.returncode, 0, done.stdout)
        found = re.search(r"^jobs +(.*)$", done.stdout, re.MULTILINE)
        return done, found.group(1).split() if found else []

    def wait(self, jobs, seconds=240):
        """Until none of the jobs is in the queue."""
        try:
            wait_for(lambda: not self.left(jobs), f"the end of {jobs}", seconds)
        except TimeoutError as error:
            logs = "".join(f"{path}\n{path.read_text()}" for path in sorted(self.folder.glob("*/log/slurm*")) if path.suffix)
            raise AssertionError(f"{error}\n{logs}{self.cluster.run('squeue')}{self.cluster.logs()}") from error

    def left(self, jobs):
        return {job for job in self.cluster.active() if job.split("_")[0] in jobs}

    def costs(self, run):
        """The lines of the account of costs, several for an attempt."""
        return [json.loads(line) for line in (self.folder / run / "log/stages.jsonl").read_text().splitlines()]

    def log(self, run):
        """What the jobs of a chain have said, and all that their programs have printed."""
        return "".join(path.read_text() for path in sorted((self.folder / run / "log").glob("slurm*"))
                       if path.suffix in (".log", ".out"))

    def show(self, run):
        """For messages of failed checks."""
        return self.log(run) + self.cluster.run("squeue") + self.cluster.logs()

    def assert_as_undisturbed(self, run, reference="reference"):
        """Every published file has the bytes of the plain run: mixture.h5, scores and all else. results.h5, which is
        written by all ranks together, is left to its own tests; its content is that of the stage evaluate."""
        one, other = self.published(run), self.published(reference)
        self.assertTrue(any(name.endswith("mixture.h5") for name in other))
        self.assertTrue(any(name.startswith("evaluate-") for name in other))
        self.assertEqual(runner.differences(one, other), [], self.show(run))

    def published(self, run):
        return {name: data for name, data in runner.contents(self.folder / run).items()
                if name not in ("results.h5", "experiment.yaml")}

    def restarts(self, run):
        """The SLURM_RESTART_COUNTs with which jobs have begun."""
        return [int(count) for count in re.findall(r"begins on \S+, restart (\d+),", self.chain_log(run))]

    def chain_log(self, run):
        path = self.folder / run / "log/slurm.log"
        return path.read_text() if path.exists() else ""

    def wait_for_stage(self, run, stage):
        """Until a job begins to train in a stage: its heartbeat says so at once."""
        path = self.folder / run / "log/heartbeat.json"
        wait_for(lambda: path.exists() and f'"stage": "{stage}-' in path.read_text(), f"{run}: work on {stage}", 90)


def main():
    cluster.require()
    os.environ["OMPI_MCA_mpi_yield_when_idle"] = "1"
    unittest.main(verbosity=2)
