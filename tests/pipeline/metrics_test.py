# SPDX-License-Identifier: Apache-2.0
"""What results.h5 of a real run says is what numpy and scipy make of its scores; a wrong number is noticed."""
import pathlib
import shutil
import tempfile
import unittest

import h5py

import runner
from metrics_check import check_results

BASE_MODEL = pathlib.Path(__file__).parents[2] / "configs/toy/base-model"
TRAIN = "{steps: 6, batch: 8, optimizer: adamw, learning_rate: 1e-3, validate_every: 3}"
EXPERIMENT = f"""name: tiny
seed: 5
data: {{world: {{demonstrations: 40, labelled_pairs: 20, other_pairs: 12, validation_pairs: 12, test_pairs: 60, unlabelled_prompts: 18, test_prompts: 10}}}}
policy: {{model: {BASE_MODEL}, train: {TRAIN}}}
preference_model: {{train: {TRAIN}}}
generation: {{n: 8, max_new_tokens: 12}}
recipes:
  west_of_8: {{rule: tournament, n: 8}}
  self_training: {{rule: self-training, n: 8}}
  filtered: {{rule: tournament, n: 8, confidence: 0.5, likelihood: 0.25}}
reward_models:
  hf50: {{human: hf50, train: {TRAIN}}}
  west_of_n: {{recipe: west_of_8, train: {TRAIN}}}
runtime: {{shard_size: 4, micro_batch: 2}}
evaluation: {{resamples: 200}}
"""
WRONG = ("models/accuracy/value", "models/high_confidence/value", "models/win_over_sft/value", "models/win_over_pool/value",
         "differences/accuracy/value", "differences/mcnemar/p_value", "calibration/brier", "calibration/expected_error",
         "recipes/label_accuracy/value", "best_of_n/kl")


class Metrics(unittest.TestCase):
    def test_they_are_those_of_scipy(self):
        with tempfile.TemporaryDirectory(prefix="westofn-metrics-") as name:
            folder = pathlib.Path(name)
            (folder / "e.yaml").write_text(EXPERIMENT)
            done = runner.run(["run", folder / "e.yaml", "--run-dir", folder / "run"], ranks=2, timeout=300)
            self.assertEqual(done.code, 0, done)
            self.assertGreater(len(check_results(folder / "run")), 5)
            for path in WRONG:
                self.change(folder, path, 0)
            for path, column in (("best_of_n/gold", 3), ("best_of_n/win", 7), ("best_of_n/score", 0)):
                self.change(folder, path, (0, column))

    def change(self, folder, path, at):
        """One number that is wrong by a thousandth."""
        shutil.copytree(folder / "run", folder / "wrong", ignore=shutil.ignore_patterns("*-????????"), dirs_exist_ok=True)
        with h5py.File(folder / "wrong" / "results.h5", "a") as file:
            file[path][at] += 1e-3
        with self.assertRaises(AssertionError, msg=path):
            check_results(folder / "wrong")


if __name__ == "__main__":
    unittest.main(verbosity=2)
