# SPDX-License-Identifier: Apache-2.0
"""`westofn prepare` on files of its own: what it writes, that ranks do not matter, and that it starts again."""
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy as np

import runner


def read_text(group):
    data, offsets = group["bytes"][:].tobytes(), group["offsets"][:]
    return [data[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]


def reference_import(rows):
    """HH rows as the method says, written down a second time: (prompt, chosen, rejected) or a reason."""
    seen, out = set(), []
    for row in rows:
        a, b = row["chosen"], row["rejected"]
        n = 0
        while n < min(len(a), len(b)) and a[n] == b[n]:
            n += 1
        cut = a[:n].rfind("\n\nAssistant:")
        end = cut + len("\n\nAssistant:")
        prompt, chosen, rejected = a[:end], a[end:], b[end:]
        if "\n\nHuman:" in chosen or "\n\nHuman:" in rejected:
            out.append("further_turn")
        elif not chosen.strip() or not rejected.strip():
            out.append("empty_response")
        elif chosen.strip() == rejected.strip():
            out.append("equal_responses")
        elif (prompt, chosen, rejected) in seen:
            out.append("duplicate")
        else:
            seen.add((prompt, chosen, rejected))
            out.append((prompt, chosen.strip(), rejected.strip()))
    return out


class Prepare(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="westofn-prepare-")
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)
        self.experiment = runner.write_experiment(self.folder, rows=120)

    def prepare(self, name, ranks, *more, **extra):
        return runner.run(["prepare", self.experiment, "--run-dir", self.folder / name, *more], ranks=ranks, **extra)

    def stage(self, name):
        return next((self.folder / name).glob("prepare-*"))

    def test_any_number_of_ranks_writes_the_same_bytes(self):
        for ranks in (1, 2, 3, 4):
            done = self.prepare(f"run{ranks}", ranks)
            self.assertEqual(done.code, 0, done)
        one = runner.contents(self.folder / "run1")
        self.assertGreater(len(one), 10)
        for ranks in (2, 3, 4):
            self.assertEqual(runner.differences(one, runner.contents(self.folder / f"run{ranks}")), [])

    def test_every_row_is_where_the_method_puts_it(self):
        self.assertEqual(self.prepare("run", 2).code, 0)
        rows = [json.loads(line) for line in (self.folder / "hh.jsonl").read_text().splitlines()]
        expected = reference_import(rows)
        found, split_of_group, lent, shown = [], {}, [], []
        for path in sorted(self.stage("run").glob("pairs-*.h5")):
            with h5py.File(path) as file:
                self.assertEqual(file.attrs["filetype"], b"westofn/pairs")
                texts = zip(*(read_text(file[name]) for name in ("prompt", "chosen", "rejected", "group", "id")))
                for (prompt, chosen, rejected, group, _), split, half in zip(texts, file["split"][:], file["labelled_half"][:]):
                    found.append((prompt, chosen, rejected))
                    self.assertEqual(split_of_group.setdefault(group, (split, half)), (split, half), "a group is split")
                    human = prompt.split("\n\nHuman:")[1].split("\n\nAssistant:")[0].strip()
                    self.assertIn(human, group)
                    if split == 0 and not half:
                        lent.append(prompt)
                    if split == 0 and half:
                        shown.append((prompt, chosen))
                self.assertTrue(np.isnan(file["confidence"][:]).all())
                for name in ("split", "line", "confidence"):
                    self.assertTrue(file[name].attrs["description"])
                    self.assertTrue(file[name].attrs["units"])
        self.assertEqual(found, [row for row in expected if isinstance(row, tuple)])
        prompts, demonstrations = [], []
        for path in sorted(self.stage("run").glob("prompts-*.h5")):
            with h5py.File(path) as file:
                prompts += [t for t, s in zip(read_text(file["prompt"]), file["set"][:]) if s == 0]
        for path in sorted(self.stage("run").glob("demonstrations-*.h5")):
            with h5py.File(path) as file:
                demonstrations += zip(read_text(file["prompt"]), read_text(file["response"]))
        self.assertEqual(prompts, list(dict.fromkeys(lent)))
        self.assertEqual(demonstrations, shown)
        balance = json.loads((self.stage("run") / "balance.json").read_text())["files"][0]
        self.assertEqual(balance["rows"], len(rows))
        for reason in ("further_turn", "empty_response", "equal_responses", "duplicate"):
            self.assertGreater(expected.count(reason), 0)
            self.assertEqual(balance[reason], expected.count(reason))
        self.assertEqual(sum(v for k, v in balance.items() if isinstance(v, int) and k != "rows"), len(rows))

    def test_a_file_of_another_format_is_refused_not_dropped(self):
        runner.write_jsonl(self.folder / "hh.jsonl", [{"chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(5)])
        done = self.prepare("run", 2)
        self.assertEqual(done.code, 3, done)
        self.assertIn("hh.jsonl: none of its 5 rows can be used: no_common_prompt; is its format really 'hh'?", done.errors()[0])

    def test_a_finished_stage_is_not_made_again(self):
        self.assertEqual(self.prepare("run", 2).code, 0)
        manifest = self.stage("run") / "manifest.json"
        before = manifest.stat().st_mtime_ns
        again = self.prepare("run", 1)
        self.assertEqual(again.code, 0, again)
        self.assertIn("is there", again.stderr)
        self.assertIn("further_turn", again.stderr, "the balance is shown again")
        self.assertEqual(manifest.stat().st_mtime_ns, before)

    def test_another_setting_makes_another_folder_and_says_why(self):
        self.assertEqual(self.prepare("run", 1).code, 0)
        other = self.prepare("run", 1, "--set", "seed=8")
        self.assertEqual(other.code, 0, other)
        self.assertIn("seed: 8", other.stderr)
        self.assertEqual(len(list((self.folder / "run").glob("prepare-*"))), 2)

    def test_the_resolved_experiment_gives_the_same_result(self):
        self.assertEqual(self.prepare("run", 1).code, 0)
        resolved = self.folder / "run" / "experiment.yaml"
        again = runner.run(["prepare", resolved, "--run-dir", self.folder / "again"])
        self.assertEqual(again.code, 0, again)
        self.assertEqual(runner.differences(runner.contents(self.folder / "run"), runner.contents(self.folder / "again")), [])

    def test_a_dry_run_writes_nothing(self):
        done = self.prepare("run", 2, "--dry-run")
        self.assertEqual(done.code, 0, done)
        self.assertIn("will be computed", done.stderr)
        self.assertFalse((self.folder / "run").exists())

    def test_a_signal_stops_in_time_and_the_next_run_goes_on(self):
        reference = self.prepare("reference", 2)
        self.assertEqual(reference.code, 0, reference)
        for rank in (0, 1):
            stopped = self.prepare("run", 2, WESTOFN_FAULT=f"shard.done:{rank}:1:term")
            self.assertEqual(stopped.code, 85, stopped)
            self.assertIn("Run the same command again", stopped.stderr)
        done = self.prepare("run", 2)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(runner.differences(runner.contents(self.folder / "reference"), runner.contents(self.folder / "run")), [])

    def test_usr1_to_the_launcher_stops_all_ranks_in_time(self):
        job = subprocess.Popen([runner.MPIEXEC, "-n", "2", runner.WESTOFN, "prepare", str(self.experiment), "--run-dir",
                                str(self.folder / "run")], env=runner.environment(WESTOFN_FAULT="prepare.gather:0:1:stop"),
                               stderr=subprocess.PIPE, text=True)
        heartbeat = self.folder / "run" / "log" / "heartbeat.json"
        deadline = time.monotonic() + 30
        while not heartbeat.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.5)  # rank 0 has stopped itself by now
        job.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        subprocess.run(["pkill", "-CONT", "-f", f"westofn prepare {self.experiment}"], check=False)
        _, messages = job.communicate(timeout=60)
        self.assertEqual(job.returncode, 85, messages)
        self.assertEqual(self.prepare("run", 2).code, 0)

    def test_a_complete_stage_that_lost_a_file_is_not_called_complete(self):
        self.assertEqual(self.prepare("run", 1).code, 0)
        lost = self.stage("run") / "pairs-00000.h5"
        lost.unlink()
        done = self.prepare("run", 2)
        self.assertEqual(done.code, 3, done)
        self.assertEqual(len(done.errors()), 1, done)
        self.assertIn(str(lost), done.errors()[0])
        self.assertIn("Delete the folder", done.errors()[0])

    def test_a_damaged_older_stage_is_no_concern_of_a_new_one(self):
        self.assertEqual(self.prepare("run", 1).code, 0)
        (self.stage("run") / "manifest.json").write_text("{")
        done = self.prepare("run", 1, "--set", "seed=8")
        self.assertEqual(done.code, 0, done)

    def test_too_little_time_stops_before_the_first_shard_that_does_not_fit(self):
        stopped = self.prepare("run", 2, "--max-hours", "0")
        self.assertEqual(stopped.code, 85, stopped)

    def test_a_second_job_on_the_stage_is_refused_and_a_dead_one_is_taken_over(self):
        first = subprocess.Popen([runner.WESTOFN, "prepare", str(self.experiment), "--run-dir", str(self.folder / "run")],
                                 env=runner.environment(WESTOFN_FAULT="shard.begin:0:2:hang"), stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 30
            while not list((self.folder / "run" / "log").glob("prepare-*.lock")) and time.monotonic() < deadline:
                time.sleep(0.05)
            second = self.prepare("run", 2)
            self.assertEqual(second.code, 2, second)
            self.assertEqual(len(second.errors()), 1, second)
            self.assertIn(str(first.pid), second.errors()[0])
            status = runner.run(["status", self.folder / "run"], ranks=0)
            self.assertIn("in work", status.stdout)
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait()
        third = self.prepare("run", 2)
        self.assertEqual(third.code, 0, third)
        self.assertIn("warning", third.stderr)


class World(unittest.TestCase):
    def test_a_dry_run_of_a_world_names_both_stages_as_they_will_be(self):
        with tempfile.TemporaryDirectory(prefix="westofn-world-") as name:
            experiment, run = pathlib.Path(name) / "e.yaml", pathlib.Path(name) / "run"
            experiment.write_text("name: toy\ndata: {world: {demonstrations: 4, labelled_pairs: 3, other_pairs: 2, "
                                  "validation_pairs: 1, test_pairs: 1, judge_pairs: 1, unlabelled_prompts: 2, "
                                  "test_prompts: 1}}\n")
            done = runner.run(["prepare", experiment, "--run-dir", run, "--dry-run"], ranks=2)
            self.assertEqual(done.code, 0, done)
            self.assertFalse(run.exists())
            planned = re.findall(r"((?:world|prepare)-[0-9a-f]{8})  will be computed", done.stderr)
            self.assertEqual([stage.split("-")[0] for stage in planned], ["world", "prepare"], done)
            self.assertEqual(runner.run(["prepare", experiment, "--run-dir", run]).code, 0)
            made = [path.parent.name for path in run.glob("*/manifest.json")]
            self.assertEqual(sorted(made), sorted(planned))

    def test_another_world_makes_another_prepare(self):
        with tempfile.TemporaryDirectory(prefix="westofn-world-") as name:
            experiment, run = pathlib.Path(name) / "e.yaml", pathlib.Path(name) / "run"
            experiment.write_text("name: toy\ndata: {world: {}}\n")
            plans = set()
            for seed in (1, 2):
                done = runner.run(["prepare", experiment, "--run-dir", run, "--dry-run", "--set", f"data.world.seed={seed}"])
                self.assertEqual(done.code, 0, done)
                plans |= set(re.findall(r"(?:world|prepare)-[0-9a-f]{8}", done.stderr))
            self.assertEqual(len(plans), 4, plans)

    def test_prepare_of_a_world_keeps_every_row(self):
        with tempfile.TemporaryDirectory(prefix="westofn-world-") as name:
            folder = pathlib.Path(name)
            (folder / "e.yaml").write_text("name: toy\nseed: 5\ndata: {world: {demonstrations: 40, labelled_pairs: 30, "
                                           "other_pairs: 20, validation_pairs: 10, test_pairs: 10, judge_pairs: 5, "
                                           "unlabelled_prompts: 12, test_prompts: 6}}\n")
            for ranks in (1, 2):
                done = runner.run(["prepare", folder / "e.yaml", "--run-dir", folder / f"run{ranks}"], ranks=ranks)
                self.assertEqual(done.code, 0, done)
            self.assertEqual(runner.differences(runner.contents(folder / "run1"), runner.contents(folder / "run2")), [])
            counts = json.loads(next((folder / "run1").glob("prepare-*/manifest.json")).read_text())["counts"]
            for name, count in {"split.train": 50, "labelled_half": 30, "split.validation": 10, "split.test": 10,
                                "split.judge": 5, "prompts.unlabelled": 12, "prompts.test": 6, "demonstrations": 40}.items():
                self.assertEqual(counts[name], count, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
