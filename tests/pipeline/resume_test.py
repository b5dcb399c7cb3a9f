# SPDX-License-Identifier: Apache-2.0
"""Training that is killed or stopped and goes on, on the same or on another number of ranks, ends with the bytes of an
undisturbed run; so does training on 1, 2 and 4 ranks. Three kinds of models, both optimizers, float32 and bfloat16,
with and without dropout."""
import os
import random
import signal
import tempfile
import time
import unittest

import runner
import training_runs
from training_runs import STEPS, steps_to_kill

TYPES = ("float32", "bfloat16")
KINDS = {"sft": "sft", "preference": "preference", "reward-human": "reward", "reward-mixed": "reward"}
EARLY, LATE = "early", "after the best checkpoint, if there is a step"
# Each line is a job: its ranks, and where it is killed (None: it ends). It first does the rest of what the job before it
# left. The last rank is killed: before a step, or when it has not yet written its part of a checkpoint.
CHAINS = {
    "float32": [(2, "sft", "train.step", EARLY), (4, "sft", "train.step", LATE), (1, "preference", "train.step", LATE),
                (1, "reward-human", "train.step", LATE), (2, "reward-mixed", "train.checkpoint", LATE), (2, None)],
    "bfloat16": [(1, "sft", "train.checkpoint", EARLY), (1, "preference", "train.step", LATE),
                 (2, "reward-human", "train.step", LATE), (2, "reward-mixed", "train.step", LATE), (1, None)],
}
# After a kill the launcher shall not wait a second for the other ranks.
os.environ["OMPI_MCA_odls_base_sigkill_timeout"] = "0"
RANDOM_KILLS = 40 if runner.FULL else 4


class Resume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-resume-")
        cls.addClassCleanup(temporary.cleanup)
        cls.runs = training_runs.Runs(temporary.name)
        cls.check_done(cls.runs.run("prepare", "prepared"))
        cls.seconds = {}
        for dtype in TYPES:
            cls.runs.copy("prepared", dtype)
            done = cls.check_done(cls.runs.run("reward", dtype, dtype=dtype))
            cls.seconds[dtype] = done.seconds

    @staticmethod
    def check_done(done):
        assert done.code == 0, done
        return done

    def same_bytes(self, run, reference, *stages):
        one, other = self.runs.contents(run, *stages), self.runs.contents(reference, *stages)
        self.assertGreater(len(one), 8)
        self.assertEqual(runner.differences(one, other), [])

    def test_any_number_of_ranks_writes_the_same_bytes(self):
        for dtype in TYPES:
            for ranks in (2, 4):
                run = f"{dtype}-{ranks}"
                self.runs.copy("prepared", run)
                # What is computed twice instead of kept is the same as well.
                again = ("--set", f"runtime.activation_checkpointing={str(ranks == 2).lower()}")
                self.check_done(self.runs.run("reward", run, *again, ranks=ranks, dtype=dtype))
                self.same_bytes(run, dtype)

    def test_killed_in_an_epoch_in_a_window_and_after_the_best_checkpoint_it_ends_with_the_same_bytes(self):
        killed_after_best = set()
        for dtype, chain in CHAINS.items():
            run = f"killed-{dtype}"
            self.runs.copy("prepared", run)
            done = {stage: 0 for stage in KINDS}  # steps whose checkpoint is kept
            for ranks, *where in chain[:-1]:
                if self.kill(dtype, run, ranks, done, *where):
                    killed_after_best.add(KINDS[where[0]])
            self.check_done(self.runs.run("reward", run, ranks=chain[-1][0], dtype=dtype))
            self.same_bytes(run, dtype)
        self.assertEqual(killed_after_best, set(KINDS.values()), "settings under which the best validation comes early")

    def kill(self, dtype, run, ranks, done, stage, point, moment):
        """Goes on with a run and kills it in a stage; whether the best validation was before that. Updates `done`."""
        summary = self.runs.summary(dtype, stage)
        unsaved = point == "train.checkpoint"  # the checkpoint of the step before is never finished
        steps = steps_to_kill(summary, stage, done[stage])
        late = [step for step in steps if step - 1 - unsaved > summary["best_step"]]
        step = late[0] if late and moment == LATE else steps[0]
        count = 0  # how often this job passes the point before it is killed there
        for earlier in list(KINDS)[:list(KINDS).index(stage)]:
            count += STEPS - done[earlier] - (unsaved and done[earlier] < STEPS)
            done[earlier] = STEPS
        count += step - done[stage] - unsaved
        killed = self.runs.run("reward", run, ranks=ranks, dtype=dtype,
                               WESTOFN_FAULT=f"{point}:{ranks - 1}:{count}:kill")
        self.assertEqual(killed.code, 137, f"{ranks} ranks, {stage} before step {step}\n{killed}")
        if done[stage] > 0:
            self.assertIn(f"goes on after step {done[stage]}", killed.stderr)
        done[stage] = step - 1 - unsaved
        finished = [path.parent.name for folder in self.runs.checkpoints(run, stage)
                    for path in folder.glob("manifest.json")]
        self.assertEqual(finished, [f"step-{number:08d}" for number in (done[stage] - 1, done[stage])])
        return done[stage] > summary["best_step"]

    def test_killed_at_random_moments_it_ends_with_the_same_bytes(self):
        seed = int(os.environ.get("WESTOFN_TEST_SEED", random.randrange(10**6)))
        print(f"random kills: WESTOFN_TEST_SEED={seed}")
        rng = random.Random(seed)
        kills = rounds = 0
        while kills < RANDOM_KILLS:
            dtype, run = rng.choice(TYPES), f"random-{rounds}"
            rounds += 1
            self.runs.copy("prepared", run)
            while True:
                ranks = rng.choice((1, 2, 4))
                job = self.runs.start("reward", run, ranks=ranks, dtype=dtype)
                if kills < RANDOM_KILLS:
                    time.sleep(rng.uniform(0.2, 1) * self.seconds[dtype])
                    victims = sorted(training_runs.processes_of(job))
                    for pid in victims if rng.random() < 0.5 else victims[:1]:
                        os.kill(pid, signal.SIGKILL)
                ended = runner.finish(job)
                if ended.code == 0:
                    break
                self.assertEqual(ended.code, 137, f"seed {seed}\n{ended}")
                kills += 1
            self.same_bytes(run, dtype)

    def test_stopped_in_time_it_ends_with_the_same_bytes(self):
        self.runs.copy("prepared", "stopped")
        # Suspended in step 3, the job has its signal before it can see it.
        self.stop_by_signal(signal.SIGUSR1, ranks=2, step=4)
        self.stop_by_signal(signal.SIGTERM, ranks=0, step=8)
        for step in (9, 10):  # a job without time does one step, so that a chain of jobs gets on
            done = self.runs.run("sft", "stopped", "--max-hours", "1e-9")
            self.assertEqual(done.code, 85, done)
            self.assertIn(f"stopped in time after step {step};", done.stderr)
        self.check_done(self.runs.run("sft", "stopped", ranks=2))
        self.same_bytes("stopped", "float32", "prepare", "sft")

    def stop_by_signal(self, number, ranks, step):
        """Sends a signal to the launcher, which hands it on, or to the only process."""
        job = self.runs.start("sft", "stopped", "--set", "runtime.checkpoint_minutes=60", ranks=ranks,
                              WESTOFN_FAULT=f"train.step:{max(ranks - 1, 0)}:3:stop")
        pid = training_runs.stopped_process(job)
        os.kill(job.pid, number)
        training_runs.wait_for(lambda: training_runs.has_pending(pid, number), "the signal")
        os.kill(pid, signal.SIGCONT)
        done = runner.finish(job)
        self.assertEqual(done.code, 85, done)
        self.assertEqual(done.errors(), [])
        self.assertIn(f"stopped in time after step {step};", done.stderr)
        self.assertEqual(self.runs.checkpoints("stopped", "sft")[-1].name, f"step-{step:08d}")

    def test_dropout_changes_the_weights(self):
        self.runs.copy("prepared", "without")
        self.check_done(self.runs.run("sft", "without", "--set", "policy.train.dropout=0"))
        weights = [self.runs.stage(run, "sft") / "model.safetensors" for run in ("float32", "without")]
        self.assertNotEqual(weights[0].read_bytes(), weights[1].read_bytes())


if __name__ == "__main__":
    unittest.main()
