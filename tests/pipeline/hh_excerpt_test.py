# SPDX-License-Identifier: Apache-2.0
"""Real dialogues (tests/data/hh) through the importer and the whole chain, with a tokenizer and models made from them."""
import json
import pathlib
import tempfile
import unittest

import runner

DATA = pathlib.Path(__file__).parents[1] / "data/hh/harmless-base-excerpt.jsonl"
TRAIN = "{steps: 4, batch: 8, optimizer: adamw, learning_rate: 1e-3, validate_every: 2}"
EXPERIMENT = f"""name: hh-excerpt
seed: 3
data:
  pairs: [{{path: {DATA}, format: hh}}]
  shares: {{train: 0.6, validation: 0.15, test: 0.2, judge: 0.05}}
tokenizer: {{vocab_size: 500}}
policy:
  architecture: {{d_model: 32, d_kv: 16, d_ff: 64, num_layers: 1, num_decoder_layers: 1, num_heads: 2}}
  max_target_tokens: 256
  train: {TRAIN}
preference_model: {{train: {TRAIN}}}
generation: {{n: 4, max_new_tokens: 8}}
recipes: {{west_of_4: {{rule: tournament, n: 4}}}}
reward_models:
  hf50: {{human: hf50, train: {TRAIN}}}
  west_of_n: {{recipe: west_of_4, train: {TRAIN}}}
evaluation: {{resamples: 100, judge: {{train: {TRAIN}}}}}
runtime: {{shard_size: 2, micro_batch: 2}}
"""


class HhExcerpt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="westofn-hh-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        experiment = cls.folder / "e.yaml"
        experiment.write_text(EXPERIMENT)
        cls.rows = [json.loads(line) for line in DATA.read_text().splitlines()]
        cls.done = runner.run(["run", experiment, "--run-dir", cls.folder / "run"], ranks=2, timeout=300)

    def setUp(self):
        self.assertEqual(self.done.code, 0, self.done)

    def stage(self, name):
        return next((self.folder / "run").glob(f"{name}-????????"))

    def export(self, path):
        out = self.folder / f"{self._testMethodName}-{path.stem}.jsonl"
        done = runner.run(["export", "--pairs", path, "--out", out], ranks=0)
        self.assertEqual(done.code, 0, done)
        return [json.loads(line) for line in out.read_text().splitlines()]

    def test_the_balance_is_the_one_that_was_counted_by_hand(self):
        balance = json.loads((self.stage("prepare") / "balance.json").read_text())
        self.assertEqual(balance["files"], [{"file": DATA.name, "kind": "pairs", "rows": 42, "kept": 41, "further_turn": 1}])
        self.assertEqual(sum(split["pairs"] for split in balance["pairs"].values()), 41)
        self.assertEqual(sum(split["groups"] for split in balance["pairs"].values()), 36)
        self.assertEqual(balance["demonstrations"], balance["labelled_half"]["pairs"])

    def test_every_human_pair_is_the_row_that_it_names(self):
        pairs = self.export(self.stage("prepare") / "pairs-00000.h5")
        self.assertEqual([pair["line"] for pair in pairs], [n for n in range(1, 43) if n != 35])
        for pair in pairs:
            self.assertEqual(pair["source"], DATA.name)
            row = self.rows[pair["line"] - 1]
            for side in ("chosen", "rejected"):
                self.assertTrue(row[side].startswith(pair["prompt"]), pair)
                self.assertEqual(row[side][len(pair["prompt"]):].strip(), pair[side])
            self.assertTrue(pair["prompt"].startswith("\n\nHuman: ") and pair["prompt"].endswith("\n\nAssistant:"))
            self.assertIn(f"Human: {pair['group']}", pair["prompt"])

    def test_synthetic_pairs_are_about_prompts_whose_labels_nobody_saw(self):
        pairs = self.export(self.stage("prepare") / "pairs-00000.h5")
        lent = {pair["prompt"] for pair in pairs if pair["split"] == "train" and not pair["labelled_half"]}
        shown = {pair["prompt"] for pair in pairs if pair["split"] != "train" or pair["labelled_half"]}
        mixture = self.export(self.stage("recipe-west_of_4") / "mixture.h5")
        synthetic = {row["prompt"] for row in mixture if row["source"] == "synthetic"}
        self.assertTrue(synthetic and synthetic <= lent, synthetic - lent)
        self.assertFalse(synthetic & shown)
        ids = {pair["id"]: pair for pair in pairs}
        for row in mixture:
            if row["source"] == "human":
                self.assertEqual([ids[row["id"]][key] for key in ("prompt", "chosen", "rejected")],
                                 [row[key] for key in ("prompt", "chosen", "rejected")])

    def test_the_table_has_all_models(self):
        table = (self.stage("evaluate") / "table.txt").read_text()
        for name in ("hf50", "west_of_n", "preference model", "judge"):
            self.assertIn(name, table)


if __name__ == "__main__":
    unittest.main()
