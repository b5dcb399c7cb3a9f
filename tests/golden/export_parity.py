# SPDX-License-Identifier: Apache-2.0
"""Folders that training leaves, opened by transformers: exactly the lines in their model cards score as `westofn score`.

For several kinds of T5 a policy, a preference model and a reward model are trained for a few steps; then the program in
each README.md is taken out, run, and held against `westofn score`.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from huggingface_hub import ModelCard

import model_zoo
import runner

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "analysis" / "score_with_transformers.py"
KINDS = ("v1_0", "v1_1", "deep_decoder")  # tied and scaled; untied; another start token
STAGES = {"sft": "likelihood", "preference": "pairwise", "reward-hf50": "pointwise"}
COLUMNS = {"likelihood": "log_likelihood", "pairwise": "p_a_over_b", "pointwise": "score"}
TRAIN = "{steps: 3, batch: 4, learning_rate: 1e-3, validate_every: 2}"
EXPERIMENT = f"""name: export
data:
  world: {{demonstrations: 12, labelled_pairs: 12, other_pairs: 4, validation_pairs: 6, test_pairs: 4, unlabelled_prompts: 4,
          test_prompts: 2}}
policy: {{model: MODEL, train: {TRAIN}}}
preference_model: {{train: {TRAIN}}}
generation: {{n: 2, max_new_tokens: 4}}
recipes: {{}}
reward_models:
  hf50: {{human: hf50, train: {TRAIN}}}
"""


def some_rows(count=24):
    """Rows for all three kinds, texts with braces among them: a template is filled in one pass."""
    texts = [text for text in model_zoo.texts() if len(text["prompt"]) + len(text["response"]) < 1000]
    texts = texts[::len(texts) // count][:count]
    rows = [{"prompt": one["prompt"], "response": one["response"], "a": one["response"], "b": two["response"]}
            for one, two in zip(texts, texts[5:] + texts[:5])]
    rows[0] = {"prompt": "{response} and {a} {b}", "response": "{prompt}", "a": "{b}", "b": "no {place}"}
    return rows


def tolerance(kind, tokens):
    return {"likelihood": 2e-4 * max(1, tokens / 64), "pairwise": 1e-5, "pointwise": 1e-4}[kind]


class ExportParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="westofn-export-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.rows = cls.folder / "rows.jsonl"
        runner.write_jsonl(cls.rows, some_rows())
        for name in KINDS:
            model_zoo.make(name, cls.folder / name)
            experiment = cls.folder / f"{name}.yaml"
            experiment.write_text(EXPERIMENT.replace("MODEL", str(cls.folder / name)))
            for command in ("reward", "preference"):
                done = runner.run([command, experiment, "--run-dir", cls.folder / f"run-{name}"], ranks=1, timeout=600)
                assert done.code == 0, done

    def models(self):
        """(kind of T5, kind of score, folder) of all models that were trained."""
        for name in KINDS:
            for stage, score in STAGES.items():
                yield name, score, next((self.folder / f"run-{name}").glob(f"{stage}-????????"))

    def lines_of(self, folder):
        """The program in the card."""
        blocks = re.findall(r"^```python\n(.*?)^```$", (folder / "README.md").read_text(), re.S | re.M)
        self.assertEqual(len(blocks), 1)
        return blocks[0]

    def run_lines(self, folder):
        """What the program prints, as numbers."""
        program = self.folder / "lines.py"
        program.write_text(self.lines_of(folder))
        done = subprocess.run([sys.executable, "-B", program, folder, self.rows], capture_output=True, text=True, timeout=300,
                              env=dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return np.array([float(line) for line in done.stdout.splitlines()])

    def score(self, folder, kind):
        out = self.folder / "out.jsonl"
        done = runner.run(["score", "--model", folder, "--kind", kind, "--data", self.rows, "--out", out], ranks=0)
        self.assertEqual(done.code, 0, done)
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        out.unlink()
        return rows

    def test_the_lines_in_the_card_score_as_westofn_does(self):
        for name, kind, folder in self.models():
            with self.subTest(f"{name} {kind}"):
                theirs = self.run_lines(folder)
                rows = self.score(folder, kind)
                ours = np.array([row[COLUMNS[kind]] for row in rows])
                allowed = np.array([tolerance(kind, row.get("tokens", 1)) for row in rows])
                self.assertEqual(len(ours), len(theirs))
                self.assertGreater(ours.std(), 1000 * allowed.min(), "scores that are all alike would show nothing")
                share = np.max(np.abs(ours - theirs) / allowed)
                print(f"{name:14} {kind:10} {share:.3f} of the allowed difference; standard deviation {ours.std():.3f}",
                      flush=True)
                self.assertLessEqual(share, 1)

    def test_training_has_changed_what_is_exported(self):
        for name, kind, folder in self.models():
            if kind == "likelihood":
                before = self.score(self.folder / name, kind)
                after = self.score(folder, kind)
                self.assertGreater(max(abs(a["log_likelihood"] - b["log_likelihood"]) for a, b in zip(after, before)), 0.01)

    def test_the_ten_lines_are_those_of_the_script_in_analysis(self):
        for _, kind, folder in self.models():
            if kind == "pointwise":
                lines = self.lines_of(folder)
                self.assertEqual(SCRIPT.read_text().split('"""\n')[-1], lines)
                self.assertEqual(lines.count("\n"), 10)

    def test_the_head_of_the_card_is_what_the_hub_reads(self):
        for name, kind, folder in self.models():
            text = (folder / "README.md").read_text()
            data = ModelCard(text).data
            self.assertEqual(data.library_name, "transformers")
            self.assertEqual(data.pipeline_tag, "text-generation" if kind == "likelihood" else "text-classification")
            self.assertIn("t5", data.tags)
            self.assertIsNone(data.license)
            self.assertNotIn(str(self.folder), text)
            self.assertNotIn(os.uname().nodename, text)


if __name__ == "__main__":
    unittest.main()
