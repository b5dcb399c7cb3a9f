# SPDX-License-Identifier: Apache-2.0
"""`synthesize` as users run it: in parts, again with other recipes, with prompts added, with imported samples, killed."""
import json
import pathlib
import random
import shutil
import tempfile
import time
import unittest

import runner

BASE_MODEL = pathlib.Path(__file__).parents[2] / "configs/toy/base-model"
TRAIN = "{steps: 4, batch: 8, optimizer: adamw, learning_rate: 1e-3, validate_every: 2}"
EXPERIMENT = """name: tiny
seed: 5
data:
  pairs:
    - {{path: {world}/pairs-labelled.jsonl, split: train, half: labelled}}
    - {{path: {world}/pairs-validation.jsonl, split: validation}}
    - {{path: {world}/pairs-test.jsonl, split: test}}
  prompts:
{prompts}
  demonstrations: [{{path: {world}/demonstrations.jsonl}}]
policy: {{model: {model}, train: {train}}}
preference_model: {{train: {train}}}
generation: {{n: 8, max_new_tokens: 12}}
recipes:
  west_of_8: {{rule: tournament, n: 8}}
reward_models:
  hf50: {{human: hf50, train: {train}}}
runtime: {{shard_size: 4, micro_batch: 2}}
"""
ROWS = {"demonstrations": 40, "pairs-labelled": 20, "pairs-validation": 12, "pairs-test": 20}
KILLS = 10


class Synthesize(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="westofn-synthesize-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.world = cls.folder / "world"
        made = runner.run(["make-world", "toy", "--out", cls.world, "--seed", 5], ranks=0)
        assert made.code == 0, made
        for name, count in ROWS.items():
            file = cls.world / f"{name}.jsonl"
            file.write_text("".join(file.read_text().splitlines(keepends=True)[:count]))
        rows = (cls.world / "prompts-unlabelled.jsonl").read_text().splitlines(keepends=True)
        cls.prompts = [cls.folder / "first.jsonl", cls.folder / "second.jsonl"]
        cls.prompts[0].write_text("".join(rows[:18]))
        cls.prompts[1].write_text("".join(rows[18:30]))
        cls.grown = cls.write_experiment("grown", cls.prompts)
        cls.experiment = cls.write_experiment("first", cls.prompts[:1])
        cls.reference = cls.folder / "reference"
        done = cls.westofn("synthesize", "reference")
        assert done.code == 0, done

    @classmethod
    def write_experiment(cls, name, prompts):
        path = cls.folder / f"{name}.yaml"
        lines = "\n".join(f"    - {{path: {file}}}" for file in prompts)
        path.write_text(EXPERIMENT.format(world=cls.world, model=BASE_MODEL, train=TRAIN, prompts=lines))
        return path

    @classmethod
    def westofn(cls, command, run, *more, experiment=None, ranks=2, **extra):
        arguments = [command, experiment or cls.experiment, "--run-dir", cls.folder / run, *more]
        return runner.run(arguments, ranks=ranks, **extra)

    def synthesize(self, run, *more, **extra):
        done = self.westofn("synthesize", run, *more, **extra)
        self.assertEqual(done.code, 0, done)
        return done

    def copy_models(self, run):
        """A run folder with the stages before synthesize."""
        for stage in self.reference.glob("*-????????"):
            if stage.name.split("-")[0] in ("prepare", "sft", "preference"):
                shutil.copytree(stage, self.folder / run / stage.name)

    def stages(self, run, name):
        return sorted((self.folder / run).glob(f"{name}-????????"), key=lambda path: path.stat().st_mtime_ns)

    def counts(self, stage):
        return json.loads((stage / "manifest.json").read_text())["counts"]

    def exported(self, run, stage=None):
        out = self.folder / f"{run}-{time.monotonic_ns()}.jsonl"
        stage = stage or self.stages(run, "recipe-west_of_8")[-1]
        done = runner.run(["export", "--pairs", stage, "--out", out], ranks=0)
        self.assertEqual(done.code, 0, done)
        return out.read_text()

    def assert_same_files(self, run):
        found, reference = runner.contents(self.folder / run), runner.contents(self.reference)
        self.assertEqual(runner.differences(found, reference), [])

    def test_jobs_that_share_the_shards_make_the_bytes_of_one_job(self):
        self.copy_models("shared")
        for phase in ("pools", "matches"):
            jobs = [runner.start(["synthesize", self.experiment, "--run-dir", self.folder / "shared", "--phase", phase,
                                  "--shards", f"{piece}/3"]) for piece in range(3)]
            for job in jobs:
                done = runner.finish(job)
                self.assertEqual(done.code, 0, done)
            self.assertTrue((self.stages("shared", phase)[0] / "manifest.json").exists(), phase)
        self.synthesize("shared")
        self.assert_same_files("shared")

    def test_a_part_needs_the_stages_before_it_and_a_phase(self):
        early = self.westofn("synthesize", "early", "--phase", "matches", "--shards", "0:2")
        self.assertEqual(early.code, 2, early)
        self.assertIn("without --shards", early.errors()[0])
        for part in ("2:2", "3/3", "x"):
            self.assertEqual(self.westofn("synthesize", "early", "--phase", "pools", "--shards", part).code, 2)
        self.assertEqual(self.westofn("synthesize", "early", "--shards", "0/2").code, 2)

    def test_added_prompts_cost_only_themselves(self):
        shutil.copytree(self.reference, self.folder / "adding")
        models = {path: path.stat().st_mtime_ns for name in ("sft", "preference")
                  for path in self.stages("adding", name)}
        self.synthesize("adding", experiment=self.grown)
        self.synthesize("fresh", experiment=self.grown)
        for name in ("sft", "preference"):
            self.assertEqual({path: path.stat().st_mtime_ns for path in self.stages("adding", name)},
                             {path: time for path, time in models.items() if path.name.startswith(name)})
        old, new = self.stages("adding", "pools")
        shared = [file.name for file in old.glob("*.h5") if (new / file.name).samefile(file)]
        self.assertGreaterEqual(len(shared), 4, "all but the shards of the validation and the added prompts")
        matches = self.counts(self.stages("adding", "matches")[-1])
        self.assertEqual(matches["prompts"], 30)
        for name in ("pools", "matches", "recipe-west_of_8"):
            one, two = self.stages("adding", name)[-1], self.stages("fresh", name)[-1]
            self.assertEqual(runner.differences(runner.contents(one), runner.contents(two)), [], name)

    def test_rows_at_the_end_of_a_file_of_prompts_cost_only_themselves(self):
        shutil.copytree(self.reference, self.folder / "appending")
        longer = self.folder / "longer" / self.prompts[0].name
        longer.parent.mkdir()
        longer.write_text("".join(file.read_text() for file in self.prompts))
        experiment = self.write_experiment("appended", [longer])
        self.synthesize("appending", experiment=experiment)
        self.assertEqual(len(self.stages("appending", "sft")), 1)
        old, new = self.stages("appending", "pools")
        shared = [file.name for file in old.glob("unlabelled*.h5") if (new / file.name).samefile(file)]
        self.assertEqual(len(shared), 4, "the last of five shards has more prompts now")
        self.assertEqual(self.counts(new)["unlabelled_prompts"], 30)

    def test_another_decision_on_the_same_pools_computes_nothing(self):
        shutil.copytree(self.reference, self.folder / "again")
        no_forward = {"WESTOFN_FAULT": ",".join(f"inference.encode:{rank}:1" for rank in range(2))}
        for change in ("confidence=0.5", "likelihood=0.25", "mixture=truncate", "human=hf100", "ratio=2"):
            self.synthesize("again", "--set", f"recipes.west_of_8.{change}", **no_forward)
        # The only pair of self-training has met in the first round of the tournament.
        self.synthesize("again", "--set", "recipes.west_of_8.rule=self-training", **no_forward)
        self.synthesize("again", "--set", "recipes.west_of_8.rule=exact")
        for n in (2, 3, 5, 8):
            self.synthesize("again", "--set", f"recipes.west_of_8.n={n}", **no_forward)
        self.assertEqual(len(self.stages("again", "pools")), 1)
        failed = self.westofn("synthesize", "forward", **no_forward)
        self.assertNotEqual(failed.code, 0, "the fault point is passed where a model computes")

    def test_imported_samples_take_the_place_of_written_ones(self):
        rows = []
        for prompt in map(json.loads, self.prompts[0].read_text().splitlines()):
            rows += [{"id": prompt["id"], "sample": k, "response": f"word {k} of {prompt['id']}", "log_likelihood": -k,
                      "finished": True} for k in range(8)]
        samples = self.folder / "samples.jsonl"
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.synthesize("imported", "--set", f"generation.import=[{samples}]")
        self.assertEqual(self.counts(self.stages("imported", "pools")[0])["imported_prompts"], 18)
        for line in self.exported("imported").splitlines():
            pair = json.loads(line)
            self.assertEqual(pair["chosen"], f"word {pair['chosen_sample']} of {pair['prompt_id']}")
            self.assertEqual(pair["chosen_log_likelihood"], -pair["chosen_sample"])
        for row in rows:
            del row["log_likelihood"]
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        bare = ("--set", f"generation.import=[{samples}]")
        self.synthesize("bare", *bare)
        refused = self.westofn("synthesize", "bare", *bare, "--set", "recipes.west_of_8.likelihood=0.5")
        self.assertEqual(refused.code, 3, refused)
        self.assertIn("log_likelihood", refused.errors()[0])

    def test_killed_at_random_moments_it_ends_with_the_same_bytes_on_any_number_of_ranks(self):
        moments = random.Random(11)
        begin = time.monotonic()
        self.copy_models("timed")
        self.synthesize("timed")
        whole = time.monotonic() - begin
        kills, run = 0, ""
        while kills < KILLS:
            if not run:
                run = f"killed{kills}"
                self.copy_models(run)
            job = runner.start(["synthesize", self.experiment, "--run-dir", self.folder / run],
                               ranks=moments.choice((1, 2, 3, 4)), new_session=True)
            time.sleep(moments.uniform(0.2, 1) * whole)
            if job.poll() is None:
                runner.kill_session(job)
                kills += 1
            elif (self.stages(run, "recipe-west_of_8")[0] / "manifest.json").exists():
                self.assert_as_undisturbed(run)
                run = ""
            job.communicate()
        self.synthesize(run, ranks=3)
        self.assert_as_undisturbed(run)

    def assert_as_undisturbed(self, run):
        self.assert_same_files(run)
        self.assertEqual(self.exported(run), self.exported("reference"))


if __name__ == "__main__":
    unittest.main()
