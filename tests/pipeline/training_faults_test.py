# SPDX-License-Identifier: Apache-2.0
"""What training does with losses that are not numbers, damaged checkpoints, a full disk and a rank whose weights were
altered: the documented code and message, and then the bytes of an undisturbed run."""
import collections
import re
import shutil
import tempfile
import unittest

import runner
import training_runs
from training_runs import loss_of

KILLED = 8  # the step before which the preference model is killed; the checkpoints of steps 6 and 7 are kept
NEWEST, OLDER = "step-00000007", "step-00000006"
Damage = collections.namedtuple("Damage", "file change")


def flip(place):
    def change(data):
        at = int(place * (len(data) - 1))
        return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:]
    return change


def cut(share):
    return lambda data: data[:int(share * len(data))]


FILES = ("state-00000.safetensors", "state-00001.safetensors", "manifest.json")
DAMAGES = [Damage(file, change) for file in FILES for change in (flip(0.6), cut(0.5))]
DAMAGES += [Damage("manifest.json", None), Damage("state-00001.safetensors", None),
            Damage("state-00000.safetensors", cut(0))]
if runner.FULL:
    DAMAGES += [Damage(file, change) for file in FILES for change in (*map(flip, (0, 0.01, 0.05, 0.3, 0.9, 1)),
                                                                      *map(cut, (0, 0.01, 0.2, 0.9)))]
# Calls on files of checkpoints while a resumed job writes its first one. Every rank: write, fsync and rename of its part
# and fsync of the folder, after one of them has made that folder (fsync); then rank 0 likewise the manifest.
FULL_DISKS = ["1:1:ENOSPC", "1:2:ENOSPC", "1:3:ENOSPC", "0:2:EIO", "0:5:ENOSPC", "0:6:ENOSPC"]


def nan_at(steps, **places):
    return ",".join(f"train.loss:0:{loss_of(step, **places)}:nan" for step in steps)


class TrainingFaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-training-faults-")
        cls.addClassCleanup(temporary.cleanup)
        cls.runs = training_runs.Runs(temporary.name)
        for command, run in (("prepare", "prepared"), ("preference", "reference"), ("preference", "killed")):
            if run != "prepared":
                cls.runs.copy("prepared", run)
            fault = {"WESTOFN_FAULT": f"train.step:1:{KILLED}:kill"} if run == "killed" else {}
            done = cls.runs.run(command, run, ranks=2, **fault)
            assert done.code == (137 if fault else 0), done

    def goes_on(self, run, ranks=2):
        """The same command again ends with the bytes of an undisturbed run."""
        done = self.runs.run("preference", run, ranks=ranks)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(runner.differences(self.runs.contents(run), self.runs.contents("reference")), [])
        return done

    def newest(self, run):
        folder = self.runs.stage(run, "preference") / "checkpoints" / NEWEST
        self.assertTrue((folder / "manifest.json").exists())
        return folder

    def test_losses_that_are_not_numbers_are_skipped_and_counted_and_ten_in_a_row_end_the_job(self):
        self.runs.copy("prepared", "nan")
        done = self.runs.run("sft", "nan", WESTOFN_FAULT=nan_at([2, *range(4, 13)]))
        self.assertEqual(done.code, 0, done)
        self.assertEqual(len(re.findall("warning: sft.*is not a finite number", done.stderr)), 10, done)
        self.assertIn("10 of 14 steps were skipped", done.stderr)
        self.assertEqual(self.runs.summary("nan", "sft")["skipped_steps"], 10)
        first = re.search(r"step 2: loss or gradient is not a finite number \(training examples (.*)\); ", done.stderr)
        self.assertIsNotNone(first, done)
        demonstrations = self.ids_of_demonstrations()
        self.assertEqual(len(first[1].split(", ")), training_runs.MICRO_BATCH)
        self.assertLessEqual(set(first[1].split(", ")), demonstrations)

        self.runs.copy("prepared", "again")
        killed = self.runs.run("sft", "again", ranks=2,
                               WESTOFN_FAULT=f"{nan_at([2, *range(4, 9)], ranks=2)},train.step:1:9:kill")
        self.assertEqual(killed.code, 137, killed)
        self.assertIn(first[0], killed.stderr, "the same examples on any number of ranks")
        ended = self.runs.run("sft", "again", WESTOFN_FAULT=nan_at(range(9, 14), resumed_after=8))
        self.assertEqual(ended.code, 3, ended)
        self.assertEqual(len(ended.errors()), 1, ended)
        self.assertRegex(ended.errors()[0], r"step 13: loss or gradient is not a finite number \(training examples .*\), "
                                            r"as in the 9 steps before. Lower learning_rate")
        done = self.runs.run("sft", "again", ranks=2)
        self.assertEqual(done.code, 0, done)
        self.assertIn("goes on after step 12", done.stderr)
        self.assertEqual(runner.differences(self.runs.contents("again"), self.runs.contents("nan")), [])

    def ids_of_demonstrations(self):
        import h5py
        ids = set()
        for path in self.runs.stage("prepared", "prepare").glob("demonstrations-*.h5"):
            with h5py.File(path) as file:
                data, offsets = file["id/bytes"][:].tobytes(), file["id/offsets"][:]
                ids |= {data[a:b].decode() for a, b in zip(offsets, offsets[1:])}
        return ids

    def test_a_damaged_checkpoint_is_named_and_the_older_one_is_used(self):
        for number, damage in enumerate(DAMAGES):
            with self.subTest(damage=damage, number=number):
                run = f"damaged{number}"
                self.runs.copy("killed", run)
                self.spoil(self.newest(run) / damage.file, damage.change)
                done = self.goes_on(run, ranks=1 + number % 2)
                warnings = [line for line in done.stderr.splitlines() if "an older checkpoint is looked for" in line]
                self.assertEqual(len(warnings), 1, done)
                self.assertIn("warning", warnings[0])
                self.assertIn(NEWEST, warnings[0])
                self.assertIn("goes on after step 6", done.stderr)
                shutil.rmtree(self.runs.folder / run)

    def test_without_an_intact_checkpoint_it_starts_anew_and_says_so(self):
        self.runs.copy("killed", "lost")
        newest = self.newest("lost")
        self.spoil(newest / "state-00001.safetensors", flip(0.3))
        self.spoil(newest.parent / OLDER / "manifest.json", cut(0.9))
        done = self.goes_on("lost")
        for text in (NEWEST, OLDER, "no intact checkpoint is left; training starts from the beginning"):
            self.assertRegex(done.stderr, f"warning: .*{text}")
        self.assertNotIn("goes on after", done.stderr)

    @staticmethod
    def spoil(path, change):
        if change is None:
            path.unlink()
        else:
            before = path.read_bytes()
            path.write_bytes(change(before))
            assert path.read_bytes() != before

    def test_a_full_disk_at_a_checkpoint_ends_the_job_and_the_checkpoint_before_is_intact(self):
        self.runs.copy("killed", "full")
        kept = runner.contents(self.newest("full"))
        for fault in FULL_DISKS:
            with self.subTest(fault=fault):
                done = self.runs.run("preference", "full", ranks=2, **self.hooks("full", fault))
                self.assertEqual(done.code, 4, done)
                self.assertEqual(len(done.errors()), 1, done)
                reason = "Input/output error" if fault.endswith("EIO") else "No space left on device"
                self.assertRegex(done.errors()[0], f"/checkpoints.*{reason}")
                self.assertEqual(runner.contents(self.newest("full")), kept)
        self.assertIn("goes on after step 7", self.goes_on("full").stderr)

    def hooks(self, run, fault):
        """The variables of the library that lets calls fail."""
        folder = self.runs.stage(run, "preference") / "checkpoints"
        return {"LD_PRELOAD": runner.PRELOAD, "WESTOFN_CALL_FOLDER": str(folder), "WESTOFN_CALL_FAULT": fault}

    def test_a_rank_whose_weights_were_altered_is_named(self):
        self.runs.copy("killed", "altered")
        every = ("--set", "runtime.check_weights_every=3")
        for ranks, odd, doubt in ((3, 0, False), (3, 2, False), (2, 1, True)):
            # Resumed after step 7, in step 9.
            done = self.runs.run("preference", "altered", *every, "--set", "runtime.checkpoint_minutes=60", ranks=ranks,
                                 WESTOFN_FAULT=f"train.weights:{odd}:2:flip")
            self.assertEqual(done.code, 5, done)
            self.assertEqual(len(done.errors()), 1, done)
            self.assertRegex(done.errors()[0], rf"in step 9 the weights of rank {odd} \(on \S+\) differ")
            self.assertEqual("no majority" in done.errors()[0], doubt)
        # Weights that make the loss no number are no concern of the data.
        done = self.runs.run("preference", "altered", ranks=3, WESTOFN_FAULT="train.weights:1:1:nan")
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.errors()[0], r"in step 8 the weights of rank 1 \(on \S+\) differ")
        self.goes_on("altered")


if __name__ == "__main__":
    unittest.main()
