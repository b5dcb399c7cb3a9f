# SPDX-License-Identifier: Apache-2.0
"""`westofn score` against transformers: 200 real texts of 1 to 750 tokens, every kind of T5 folder, all three scores.

score_parity.py           the tests; WESTOFN, MPIEXEC and T5_LOGITS name the programs
score_parity.py --write   writes score_golden.json, what transformers gives for one kind, which the tests hold us against too
"""
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

os.environ.setdefault("WESTOFN", "westofn")  # --write does without
import model_zoo  # noqa: E402
import runner  # noqa: E402
import t5_reference  # noqa: E402

GOLDEN = pathlib.Path(__file__).resolve().with_name("score_golden.json")
GOLDEN_KIND = "v1_1"
TEXTS = model_zoo.texts()
STEAMSHP = "POST: {prompt}\n\n RESPONSE A: {a}\n\n RESPONSE B: {b}\n\n Which response is better? RESPONSE"


def some_pairs(count=40):
    """Two responses to a prompt: lengths as in the texts, but together below 2,400 letters."""
    pairs = [{"prompt": one["prompt"], "response": one["response"], "a": one["response"], "b": two["response"]}
             for one, two in zip(TEXTS, TEXTS[7:] + TEXTS[:7])]
    fitting = [row for row in pairs if sum(map(len, row.values())) < 2400]
    return fitting[::len(fitting) // count][:count]


PAIRS = some_pairs()


def expected_scores(reference):
    """What transformers gives for the texts and the pairs."""
    return {"likelihood": [reference.log_likelihood(row["prompt"], row["response"]) for row in TEXTS],
            "pairwise": [reference.preference(row["prompt"], row["a"], row["b"]) for row in PAIRS],
            "pointwise": [reference.reward(row["prompt"], row["response"]) for row in PAIRS]}


def write_golden():
    with tempfile.TemporaryDirectory() as folder:
        scores = expected_scores(t5_reference.Reference(model_zoo.make(GOLDEN_KIND, folder)))
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in scores.items())
    GOLDEN.write_text("{" + lines + "}\n")


def likelihood_tolerance(tokens):
    return 2e-4 * max(1, tokens / 64)


class ScoreParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="westofn-parity-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        for name in model_zoo.FULL_SIZE:
            model_zoo.make(name, cls.folder / name)
        runner.write_jsonl(cls.folder / "texts.jsonl", TEXTS)
        runner.write_jsonl(cls.folder / "pairs.jsonl", PAIRS)

    @functools.cache
    def reference(self, name):
        return t5_reference.Reference(self.folder / name)

    def score(self, model, kind, *more, data=None, ranks=0):
        """The rows, and the bytes of the file."""
        out = self.folder / "out.jsonl"
        data = data or self.folder / ("texts.jsonl" if kind == "likelihood" else "pairs.jsonl")
        done = runner.run(["score", "--model", self.folder / model, "--kind", kind, "--data", data, "--out", out, *more],
                          ranks=ranks, timeout=900)
        self.assertEqual(done.code, 0, done)
        content = out.read_bytes()
        out.unlink()
        return [json.loads(line) for line in content.splitlines()], content

    def check_scores(self, name, expected):
        """All three kinds of scores of a model; prints the largest errors as shares of what is allowed."""
        found, _ = self.score(name, "likelihood")
        self.assertEqual([row["tokens"] for row in found], [tokens for _, tokens in expected["likelihood"]])
        errors = {"likelihood": max(abs(row["log_likelihood"] - value) / likelihood_tolerance(tokens)
                                    for row, (value, tokens) in zip(found, expected["likelihood"], strict=True))}
        found, _ = self.score(name, "pairwise")
        errors["pairwise"] = max(abs(row[key] - value) / 1e-5 for row, values in zip(found, expected["pairwise"], strict=True)
                                 for key, value in values.items())
        found, _ = self.score(name, "pointwise")
        errors["pointwise"] = max(abs(row["score"] - value) / 1e-4
                                  for row, value in zip(found, expected["pointwise"], strict=True))
        print(f"{name:18}", *(f"{key} {error:.3f}" for key, error in errors.items()), "of what is allowed", flush=True)
        for key, error in errors.items():
            self.assertLessEqual(error, 1, f"{name}: {key} differs from transformers")

    def test_every_kind_of_folder_scores_as_in_transformers(self):
        for name in model_zoo.FULL_SIZE:
            with self.subTest(name):
                self.check_scores(name, expected_scores(self.reference(name)))

    def test_the_rounding_of_transformers_itself_leaves_room_for_ours(self):
        # On the deepest model, the one that blows rounding up most: else the comparison would judge nobody's arithmetic.
        narrow, wide = self.reference("wide"), t5_reference.Reference(self.folder / "wide", torch.float64)
        for row in TEXTS[::4]:
            (value, tokens), (exact, _) = (model.log_likelihood(row["prompt"], row["response"]) for model in (narrow, wide))
            self.assertLess(abs(value - exact), 0.5 * likelihood_tolerance(tokens))

    def test_the_golden_scores_are_kept(self):
        self.check_scores(GOLDEN_KIND, json.loads(GOLDEN.read_text()))

    def test_the_golden_file_is_far_from_uniform(self):
        golden = json.loads(GOLDEN.read_text())
        first = [row["p_ab"] for row in golden["pairwise"]]
        self.assertLess(min(first), 0.05)
        self.assertGreater(max(first), 0.95)
        self.assertGreater(np.std(first), 0.2)
        per_token = [value / tokens for value, tokens in golden["likelihood"]]
        self.assertGreater(np.std(per_token), 0.5)
        self.assertLess(min(tokens for _, tokens in golden["likelihood"]), 2)
        self.assertGreater(max(tokens for _, tokens in golden["likelihood"]), 500)

    def test_a_score_does_not_depend_on_its_batch(self):
        keys = {"likelihood": "log_likelihood", "pairwise": "p_a_over_b", "pointwise": "score"}
        data = self.folder / "some.jsonl"
        for kind, key in keys.items():
            rows = TEXTS if kind == "likelihood" else PAIRS
            whole, _ = self.score("odd_heads", kind)
            order = np.random.RandomState(1).permutation(len(rows))
            for chosen in (order, order[:23], order[:1], order[1:2]):
                runner.write_jsonl(data, [rows[i] for i in chosen])
                found, _ = self.score("odd_heads", kind, data=data)
                for i, row in zip(chosen, found, strict=True):
                    tokens = row.get("tokens", 1)
                    self.assertAlmostEqual(row[key], whole[i][key], delta=1e-5 * max(1, tokens), msg=f"{kind}, row {i}")

    def test_any_number_of_ranks_writes_the_same_bytes(self):
        for kind in ("likelihood", "pairwise", "pointwise"):
            contents = [self.score("wide", kind, data=self.folder / "pairs.jsonl", ranks=ranks)[1] for ranks in (1, 2, 4)]
            self.assertEqual(contents[1], contents[0], kind)
            self.assertEqual(contents[2], contents[0], kind)

    def test_steamshp_is_a_template_and_two_labels(self):
        rows, reference = PAIRS[:20], self.reference("flan")
        data = self.folder / "steamshp.jsonl"
        runner.write_jsonl(data, rows)
        found, _ = self.score("flan", "pairwise", "--template", STEAMSHP, "--label-tokens", "A,B", data=data)
        for row in found:
            expected = reference.preference(row["prompt"], row["a"], row["b"], STEAMSHP)
            for key, value in expected.items():
                self.assertAlmostEqual(row[key], value, delta=1e-5)
        self.assertGreater(np.std([row["p_ab"] for row in found]), 0.05)
        usual, _ = self.score("flan", "pairwise", data=data)
        self.assertGreater(max(abs(one["p_ab"] - two["p_ab"]) for one, two in zip(found, usual)), 0.1)

    def test_logits_are_those_of_transformers(self):
        """The model library itself, on one padded batch of very different lengths."""
        random = np.random.RandomState(3)
        lengths = [700, 1, 33, 250, 5]
        source = np.zeros((len(lengths), max(lengths)), dtype=np.int64)
        for row, length in enumerate(lengths):
            source[row, :length] = random.randint(3, model_zoo.PIECES, length)
        target = random.randint(3, model_zoo.PIECES, (len(lengths), 40))
        for name in model_zoo.FULL_SIZE:
            with self.subTest(name):
                self.check_logits(name, source, lengths, target)

    def check_logits(self, name, source, lengths, target):
        reference = self.reference(name)
        target[:, 0] = reference.start
        inputs, outputs = self.folder / "inputs.safetensors", self.folder / "outputs.safetensors"
        save_file({"source": source.astype(np.float64), "lengths": np.array(lengths, dtype=np.float64),
                   "target": target.astype(np.float64)}, inputs)
        subprocess.run([os.environ["T5_LOGITS"], self.folder / name, inputs, outputs], check=True)
        found = load_file(outputs)["logits"]
        with torch.no_grad():
            expected = np.concatenate([reference.model(input_ids=torch.tensor(source[i:i + 1, :length]),
                                                       decoder_input_ids=torch.tensor(target[i:i + 1])).logits.numpy()
                                       for i, length in enumerate(lengths)])
        error, spread = np.abs(found - expected).max(), expected.std(-1).mean()
        print(f"{name:18} logits differ by {error:.2e}, standard deviation {spread:.2f}", flush=True)
        self.assertLess(error, 1e-4)
        self.assertTrue(2 < spread < 4)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] == ["--write"]:
        write_golden()
    else:
        import os
        import runner
        unittest.main()
