# SPDX-License-Identifier: Apache-2.0
"""The whole chain on a very small toy world: ranks, kills and gold change no byte; what is there is not made again."""
import io
import json
import pathlib
import tempfile
import unittest

import h5py

import runner

BASE_MODEL = pathlib.Path(__file__).parents[2] / "configs/toy/base-model"
TRAIN = "{steps: 4, batch: 8, optimizer: adamw, learning_rate: 1e-3, validate_every: 2}"
CHAIN = """policy: {{model: {model}, train: {train}}}
preference_model: {{train: {train}}}
generation: {{n: 8, max_new_tokens: 12}}
recipes:
  west_of_8: {{rule: tournament, n: 8}}
  filtered: {{rule: tournament, n: 8, confidence: 0.5, likelihood: 0.25}}
  best_random: {{rule: best-random, n: 8}}
reward_models:
  hf50: {{human: hf50, train: {train}}}
  west_of_n: {{recipe: west_of_8, train: {train}}}
runtime: {{shard_size: 4, micro_batch: 2}}
evaluation: {{resamples: 100}}
"""
SIZES = ("{demonstrations: 40, labelled_pairs: 20, other_pairs: 12, validation_pairs: 12, test_pairs: 20, "
         "unlabelled_prompts: 18, test_prompts: 6}")


def rows_of(mixture):
    """All datasets of a mixture; its attributes hold keys."""
    rows = []
    with h5py.File(mixture) as file:
        file.visititems(lambda name, item: rows.append(name.encode() + item[()].tobytes())
                        if isinstance(item, h5py.Dataset) else None)
    return b"".join(sorted(rows))


def results(folder):
    """All files of the stages; results.h5 is the same content, but not compared byte by byte."""
    return {name: data for name, data in runner.contents(folder).items() if not name.startswith("results")}


class Chain(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="westofn-chain-")
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)
        self.experiment = self.folder / "e.yaml"
        self.write_experiment(f"world: {SIZES}")

    def write_experiment(self, data):
        chain = CHAIN.format(model=BASE_MODEL, train=TRAIN)
        self.experiment.write_text(f"name: tiny\nseed: 5\ndata:\n  {data}\n{chain}")

    def westofn(self, command, run, *more, ranks=2, **extra):
        return runner.run([command, self.experiment, "--run-dir", self.folder / run, *more], ranks=ranks, **extra)

    def run_chain(self, run, ranks=2):
        done = self.westofn("run", run, ranks=ranks)
        self.assertEqual(done.code, 0, done)
        return done

    def stage(self, run, name):
        return next((self.folder / run).glob(f"{name}-????????"))

    def test_any_number_of_ranks_writes_the_same_bytes(self):
        for ranks in (1, 2, 3, 4):
            self.run_chain(f"run{ranks}", ranks)
        one = results(self.folder / "run1")
        self.assertGreater(len(one), 40)
        for ranks in (2, 3, 4):
            self.assertEqual(runner.differences(one, results(self.folder / f"run{ranks}")), [])

    def test_a_run_that_is_killed_in_every_stage_ends_with_the_same_bytes(self):
        self.run_chain("reference")
        every_step = ("--set", "runtime.checkpoint_minutes=0")
        for command, fault in ((("prepare",), "prepare.write:1:1:kill"), (("sft",), "train.step:1:3:kill"),
                               (("sft",), "train.checkpoint:0:1:kill"), (("preference",), "train.checkpointed:0:2:kill"),
                               (("synthesize", "--phase", "pools"), "shard.done:1:2:kill"),
                               (("synthesize", "--phase", "matches"), "shard.begin:0:2:kill"),
                               (("synthesize",), "stage.commit:1:1:kill"), (("reward",), "train.step:0:6:kill"),
                               (("evaluate",), "stage.commit:0:1:kill")):
            killed = self.westofn(command[0], "run", *command[1:], *every_step, WESTOFN_FAULT=fault)
            self.assertEqual(killed.code, 137, f"{command} {fault}\n{killed}")
        self.run_chain("run", ranks=4)
        found = results(self.folder / "run")
        found.pop("experiment.yaml")
        reference = results(self.folder / "reference")
        reference.pop("experiment.yaml")  # checkpoint_minutes differed
        self.assertEqual(runner.differences(reference, found), [])

    def test_a_signal_stops_training_in_time_and_the_next_run_goes_on(self):
        self.run_chain("reference")
        stopped = self.westofn("run", "run", WESTOFN_FAULT="train.step:1:1:term")
        self.assertEqual(stopped.code, 85, stopped)
        self.assertTrue(list(self.stage("run", "sft").glob("checkpoints/*/manifest.json")))
        self.run_chain("run")
        self.assertEqual(runner.differences(results(self.folder / "reference"), results(self.folder / "run")), [])

    def test_gold_changes_no_stage_but_evaluate(self):
        self.run_chain("with")
        world = self.stage("with", "world")
        self.write_experiment(self.files_of(world))
        self.run_chain("without")
        with_gold, without = results(self.folder / "with"), results(self.folder / "without")

        def contents_of(run):
            """Stage and file -> all contents: keys differ, since files are read instead of a world."""
            named_keys = ("manifest.json", "balance.json", "README.md")  # a model card names the stages behind it
            found = {}
            for name, data in run.items():
                stage, *rest = pathlib.Path(name).parts
                if rest and rest[-1] == "mixture.h5":
                    data = rows_of(io.BytesIO(data))
                if rest and not stage.startswith(("world-", "evaluate-")) and rest[-1] not in named_keys:
                    found.setdefault((stage.rsplit("-", 1)[0], *rest), []).append(data)
            return {name: sorted(contents) for name, contents in found.items()}

        one, two = contents_of(with_gold), contents_of(without)
        self.assertGreater(len(one), 30)
        self.assertEqual([name for name in one.keys() | two.keys() if one.get(name) != two.get(name)], [])
        self.assertIn("win", self.table("with"))

    def files_of(self, world):
        """A `data` section that reads the files of a world as the world itself is read."""
        manifest = json.loads((self.stage("with", "prepare") / "manifest.json").read_text())
        lines = manifest["settings"].split("\n")[1:]
        text = []
        for line in lines:
            for path in world.glob("*.jsonl"):
                if line.rstrip().endswith(f"path: {path.name}"):
                    line = line.replace(path.name, str(path))
            text.append(line)
        return "\n  ".join(text)

    def table(self, run):
        return (self.stage(run, "evaluate") / "table.txt").read_text()

    def test_what_is_there_is_not_made_again_and_a_changed_recipe_uses_the_same_matches(self):
        self.run_chain("run")
        before = {path: path.stat().st_mtime_ns for path in (self.folder / "run").rglob("manifest.json")}
        again = self.westofn("run", "run", "--dry-run")
        self.assertEqual(again.code, 0, again)
        self.assertNotIn("will be computed", again.stderr)
        changed = self.westofn("run", "run", "--set", "recipes.filtered.confidence=0.25")
        self.assertEqual(changed.code, 0, changed)
        after = {path for path in (self.folder / "run").rglob("manifest.json")}
        new = {path.parent.name.rsplit("-", 1)[0] for path in after - before.keys()}
        self.assertEqual(new, {"recipe-filtered", "evaluate"})
        for path, time in before.items():
            self.assertEqual(path.stat().st_mtime_ns, time)

    def test_the_filters_keep_what_the_quantiles_say(self):
        self.run_chain("run", ranks=3)
        counts = json.loads((self.stage("run", "recipe-filtered") / "manifest.json").read_text())["counts"]
        dropped = sum(count for name, count in counts.items() if name.startswith("dropped."))
        self.assertEqual(counts["prompts"], 18)
        self.assertEqual(counts["kept"] + dropped, 18)
        self.assertEqual(counts["pairs"] - counts["dropped.confidence"], counts["pairs"] - counts["pairs"] // 2)

    def test_every_row_of_a_mixture_is_traced_to_its_samples_and_models(self):
        done = self.westofn("synthesize", "run")
        self.assertEqual(done.code, 0, done)
        for said in ("different responses", "matches that flip with the order", "median confidence", "matrix products"):
            self.assertIn(said, done.stderr)
        key_of = lambda stage: json.loads((self.stage("run", stage) / "manifest.json").read_text())["key"]
        responses = self.responses_by_prompt()
        out = self.folder / "mixture.jsonl"
        done = runner.run(["export", "--pairs", self.stage("run", "recipe-filtered") / "mixture.h5", "--out", out], ranks=0)
        self.assertEqual(done.code, 0, done)
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual([row["source"] for row in rows[:4]], ["human", "synthetic"] * 2)
        for row in rows:
            self.assertTrue(all(isinstance(row[column], str) for column in ("prompt", "chosen", "rejected")))
            if row["source"] == "human":
                self.assertTrue(row["id"])
                continue
            for side in ("chosen", "rejected"):
                self.assertEqual(responses[row["prompt_id"]][row[f"{side}_sample"]], row[side])
            self.assertEqual((row["recipe"], row["round"], row["policy"], row["preference_model"]),
                             ("filtered", 1, key_of("sft"), key_of("preference")))

    def responses_by_prompt(self):
        found = {}
        for path in self.stage("run", "pools").glob("unlabelled-*.h5"):
            with h5py.File(path) as file:
                text = lambda name: [file[f"{name}/bytes"][begin:end].tobytes().decode() for begin, end in
                                     zip(file[f"{name}/offsets"][:-1], file[f"{name}/offsets"][1:])]
                samples, n = text("samples/response"), file.attrs["n"]
                for i, prompt in enumerate(text("id")):
                    found[prompt] = samples[i * n:(i + 1) * n]
        return found

    def test_results_hold_what_the_table_says(self):
        self.run_chain("run")
        with h5py.File(self.folder / "run" / "results.h5") as file:
            described = []
            file.visititems(lambda _, item: described.append("description" in item.attrs and "units" in item.attrs)
                            if isinstance(item, h5py.Dataset) and item.name.split("/")[-1] not in ("bytes", "offsets") else None)
            self.assertTrue(described and all(described))
        for name in ("hf50", "west_of_n", "longer"):
            self.assertIn(name, self.table("run"))

    def test_an_experiment_without_policy_is_refused_where_it_needs_one(self):
        self.experiment.write_text(f"name: tiny\ndata:\n  world: {SIZES}\n")
        done = self.westofn("run", "run", ranks=2)
        self.assertEqual(done.code, 2, done)
        self.assertIn("policy", done.errors()[0])
        self.assertEqual(self.westofn("prepare", "run").code, 0)

    def test_a_model_that_is_not_there_is_no_concern_of_prepare(self):
        elsewhere = ("--set", "policy.model=nowhere")
        self.assertEqual(self.westofn("prepare", "run", *elsewhere).code, 0)
        done = self.westofn("run", "run", *elsewhere)
        self.assertEqual(done.code, 3, done)
        self.assertIn("nowhere", done.errors()[0])

    def test_labels_that_the_model_does_not_know_are_refused_before_any_work(self):
        done = self.westofn("run", "run", "--set", "preference_model.label_tokens=[zz, qq]")
        self.assertEqual(done.code, 2, done)
        self.assertEqual(list((self.folder / "run").glob("*-????????")), [])


if __name__ == "__main__":
    unittest.main()
