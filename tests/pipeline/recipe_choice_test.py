# SPDX-License-Identifier: Apache-2.0
"""Lists of quantiles, of which validation chooses, and reward models as teachers, on a very small toy world."""
import json
import pathlib
import tempfile
import unittest

import h5py

import runner

BASE_MODEL = pathlib.Path(__file__).parents[2] / "configs/toy/base-model"
TRAIN = "{steps: 4, batch: 8, optimizer: adamw, learning_rate: 1e-3, validate_every: 2}"
EXPERIMENT = f"""name: tiny
seed: 5
data:
  world: {{demonstrations: 40, labelled_pairs: 20, other_pairs: 12, validation_pairs: 12, test_pairs: 20,
          unlabelled_prompts: 18, test_prompts: 6}}
policy: {{model: {BASE_MODEL}, train: {TRAIN}}}
preference_model: {{train: {TRAIN}}}
generation: {{n: 8, max_new_tokens: 12}}
recipes:
  west_of_8: {{n: 8, confidence: [0, 0.25, 0.5]}}
reward_models:
  hf50: {{human: hf50, train: {TRAIN}}}
  west_of_n: {{recipe: west_of_8, train: {TRAIN}}}
runtime: {{shard_size: 4, micro_batch: 2}}
evaluation: {{resamples: 100}}
"""
LISTED = [f"west_of_8@confidence={q}" for q in ("0.0", "0.25", "0.5")]


class RecipeChoice(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="westofn-choice-")
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)
        self.experiment = self.folder / "e.yaml"
        self.experiment.write_text(EXPERIMENT)

    def westofn(self, command, *more, code=0, ranks=2):
        done = runner.run([command, self.experiment, "--run-dir", self.folder / "run", *more], ranks=ranks)
        self.assertEqual(done.code, code, done)
        return done

    def stages(self, prefix):
        return sorted((self.folder / "run").glob(f"{prefix}-????????"))

    def stage(self, name):
        found = self.stages(name)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_validation_chooses_among_the_quantiles_of_a_list(self):
        done = self.westofn("run")
        choice = json.loads((self.stage("reward-west_of_n") / "choice.json").read_text())
        self.assertEqual([candidate["recipe"] for candidate in choice["candidates"]], LISTED)
        accuracies = []
        for candidate in choice["candidates"]:
            quantile = candidate["recipe"].split("@")[1]
            summary = json.loads((self.stage(f"reward-west_of_n@{quantile}") / "training.json").read_text())
            self.assertEqual(candidate["accuracy"], summary["best"])
            accuracies.append(summary["best"])
        best = accuracies.index(max(accuracies))
        self.assertEqual(choice["chosen"], LISTED[best])
        self.assertIn(f"recipe {LISTED[best]} is chosen", done.stderr)
        chosen = self.stage(f"reward-west_of_n@{LISTED[best].split('@')[1]}")
        for path in chosen.glob("*.safetensors"):
            self.assertEqual((self.stage("reward-west_of_n") / path.name).read_bytes(), path.read_bytes())
        self.assertEqual(len(self.stages("matches")), 1, "all share the matches")
        table = (self.stage("evaluate") / "table.txt").read_text()
        self.assertIn("west_of_n", table)
        self.assertNotIn("west_of_n@", table, "the chosen one stands for the reward model")
        with h5py.File(self.folder / "run" / "results.h5") as file:
            text = bytes(file["recipes/name/bytes"][()]).decode()
        for name in LISTED:
            self.assertIn(name, text)
        self.assertNotIn("will be computed", self.westofn("run", "--dry-run").stderr)

    def test_one_more_quantile_trains_one_more_model(self):
        self.westofn("reward", "--set", "recipes.west_of_8.confidence=[0, 0.5]")
        before = {path.parent.name for path in (self.folder / "run").rglob("manifest.json")}
        self.westofn("reward")
        after = {path.parent.name for path in (self.folder / "run").rglob("manifest.json")}
        new = sorted(name.rsplit("-", 1)[0] for name in after - before)
        self.assertEqual(new, [f"recipe-{LISTED[1]}", "reward-west_of_n", "reward-west_of_n@confidence=0.25"])

    def test_a_reward_model_is_the_teacher_of_pointwise_recipes(self):
        hf50 = ("--set", "reward_models={hf50: {train: %s}}" % TRAIN)
        self.westofn("reward", *hf50)
        teacher = self.stage("reward-hf50")
        pointwise = ("--set", "recipes={by_score: {rule: pointwise, n: 8, teacher: %s}}" % teacher, *hf50)
        self.westofn("synthesize", *pointwise)
        counts = json.loads((self.stage("recipe-by_score") / "manifest.json").read_text())["counts"]
        self.assertEqual(counts["prompts"], 18)
        self.assertGreater(counts["kept"], 0)
        self.assertEqual(len(self.stages("preference")), 0, "nobody asks a preference model")
        played = json.loads((self.stage("matches") / "manifest.json").read_text())["counts"]
        self.assertEqual(played["matches"], played["kept"])
        done = self.westofn("synthesize", "--set",
                            "recipes={by_score: {rule: pointwise, n: 8, teacher: %s}}" % BASE_MODEL, *hf50, code=3)
        self.assertIn(f"{BASE_MODEL}: no reward model", done.errors()[0])
        self.assertEqual(len(self.stages("recipe-by_score")), 1, "it is refused before anything is made")


if __name__ == "__main__":
    unittest.main()
