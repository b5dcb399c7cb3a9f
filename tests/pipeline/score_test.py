# SPDX-License-Identifier: Apache-2.0
"""`westofn score` held against transformers, on any number of ranks, and with wrong input."""
import json
import pathlib
import shutil
import tempfile
import unittest

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

import runner

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TOY = REPOSITORY / "configs" / "toy" / "base-model"
TEMPLATE = "[CONTEXT] {prompt} [RESPONSE A] {a} [RESPONSE B] {b}"
POINTWISE = "[CONTEXT] {prompt} [RESPONSE] {response}"
WORDS = "my cat screamed and so i called what sister . also laptop fell to roof zebra neighbor dog barked now please ?".split()


def some_text(rng, low, high):
    return " ".join(rng.choice(WORDS) for _ in range(rng.integers(low, high)))


def some_rows(count, seed=1):
    """Rows of all kinds at once, with other keys that have to survive."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        rows.append({"note": {"é": [i, None, 1.5]}, "prompt": some_text(rng, 0, 30), "response": some_text(rng, 0, 12),
                     "a": some_text(rng, 1, 9), "b": some_text(rng, 1, 9), "id": 2**60 + i})
    return rows


def make_model(folder, **changes):
    """A small random T5 as transformers saves it, with the tokenizer of the toy model."""
    torch.manual_seed(3)
    config = transformers.T5Config(**{**dict(
        vocab_size=152, d_model=24, d_kv=6, d_ff=40, num_layers=2, num_decoder_layers=2, num_heads=3, dropout_rate=0,
        feed_forward_proj="gated-gelu", decoder_start_token_id=0, pad_token_id=0, eos_token_id=1), **changes})
    model = transformers.T5ForConditionalGeneration(config)
    model.save_pretrained(folder)
    shutil.copy(TOY / "spiece.model", folder)
    return model.eval()


class Reference:
    """The three scores as transformers gives them, one row at a time."""

    def __init__(self, folder):
        self.tokenizer = transformers.T5Tokenizer.from_pretrained(folder)
        self.model = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()

    def encode(self, text):
        return self.tokenizer(text).input_ids

    def first_step(self, text):
        with torch.no_grad():
            return self.model(input_ids=torch.tensor([self.encode(text)]), decoder_input_ids=torch.tensor([[0]]),
                              output_hidden_states=True)

    def likelihood(self, prompt, response):
        target = self.encode(response)
        with torch.no_grad():
            logits = self.model(input_ids=torch.tensor([self.encode(prompt)]), labels=torch.tensor([target])).logits[0]
        return torch.log_softmax(logits.double(), -1)[range(len(target)), target].sum().item(), len(target)

    def pairwise(self, template, labels, prompt, a, b):
        ids = [self.encode(label) for label in labels]
        assert all(len(tokens) == 2 for tokens in ids), "one piece and the end token"
        text = template.replace("{prompt}", prompt).replace("{a}", a).replace("{b}", b)
        logits = self.first_step(text).logits[0, 0, [tokens[0] for tokens in ids]].double()
        return torch.softmax(logits, -1)[0].item()

    def pointwise(self, weight, bias, prompt, response):
        text = POINTWISE.replace("{prompt}", prompt).replace("{response}", response)
        return (self.first_step(text).decoder_hidden_states[-1][0, 0].double() @ weight.double()).item() + bias


class Score(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="westofn-score-")
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)
        self.rows = some_rows(150)
        runner.write_jsonl(self.folder / "data.jsonl", self.rows)

    def score(self, out, *more, model=TOY, data="data.jsonl", ranks=0):
        return runner.run(["score", "--model", model, "--data", self.folder / data, "--out", self.folder / out, *more],
                          ranks=ranks)

    def rows_of(self, *arguments, **named):
        done = self.score("out.jsonl", *arguments, **named)
        self.assertEqual(done.code, 0, done)
        path = self.folder / "out.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()
        return rows

    def models(self):
        yield TOY, Reference(TOY)
        for name, changes in (("relu", {"feed_forward_proj": "relu"}),
                              ("deep", {"num_layers": 3, "num_decoder_layers": 1, "num_heads": 2})):
            make_model(self.folder / name, **changes)
            yield self.folder / name, Reference(self.folder / name)

    def check_copy(self, found, rows, added):
        self.assertEqual(len(found), len(rows))
        for new, old in zip(found, rows):
            self.assertEqual(list(new), [*old, *added], "the keys of the row in their order, then ours")
            self.assertEqual({key: new[key] for key in old}, old)

    def test_likelihoods_are_those_of_transformers(self):
        for folder, reference in self.models():
            found = self.rows_of("--kind", "likelihood", model=folder)
            self.check_copy(found, self.rows, ["log_likelihood", "tokens"])
            for row in found[:40]:
                expected, tokens = reference.likelihood(row["prompt"], row["response"])
                self.assertEqual(row["tokens"], tokens)
                self.assertAlmostEqual(row["log_likelihood"], expected, delta=1e-4)

    def test_preferences_are_those_of_transformers(self):
        for folder, reference in self.models():
            for template, labels in ((TEMPLATE, "A,B"), ("{b} worse , now {a} {prompt}", "B,A")):
                found = self.rows_of("--kind", "pairwise", "--template", template, "--label-tokens", labels, model=folder)
                self.check_copy(found, self.rows, ["p_a_over_b", "p_ab", "p_ba_swapped"])
                for row in found[:40]:
                    prompt, a, b = row["prompt"], row["a"], row["b"]
                    forward = reference.pairwise(template, labels.split(","), prompt, a, b)
                    backward = reference.pairwise(template, labels.split(","), prompt, b, a)
                    self.assertAlmostEqual(row["p_ab"], forward, delta=1e-5)
                    self.assertAlmostEqual(row["p_ba_swapped"], backward, delta=1e-5)
                    self.assertAlmostEqual(row["p_a_over_b"], (forward + 1 - backward) / 2, delta=1e-5)

    def add_head(self, folder, scale):
        weight = torch.randn(1, json.loads((folder / "config.json").read_text())["d_model"])
        head = {"weight": weight, "bias": torch.tensor([0.25])}
        if scale:
            head["score_mean"] = torch.tensor([0.5], dtype=torch.float64)
            head["score_standard_deviation"] = torch.tensor([2.0], dtype=torch.float64)
        save_file(head, folder / "reward_head.safetensors", metadata={"format": "pt"})
        return weight[0]

    def test_rewards_are_a_head_on_the_first_state_of_transformers(self):
        torch.manual_seed(5)
        shutil.copytree(TOY, self.folder / "reward")
        reference = Reference(TOY)
        for scale in (False, True):
            weight = self.add_head(self.folder / "reward", scale)
            found = self.rows_of("--kind", "pointwise", model=self.folder / "reward")
            self.check_copy(found, self.rows, ["score", "score_normalised"])
            for row in found[:40]:
                expected = reference.pointwise(weight, 0.25, row["prompt"], row["response"])
                self.assertAlmostEqual(row["score"], expected, delta=1e-4)
                if scale:
                    self.assertAlmostEqual(row["score_normalised"], (row["score"] - 0.5) / 2, delta=1e-12)
                else:
                    self.assertIsNone(row["score_normalised"])

    def test_chosen_and_rejected_are_accepted_by_all_kinds(self):
        pairs = [{"prompt": row["prompt"], "chosen": row["a"], "rejected": row["b"]} for row in self.rows]
        runner.write_jsonl(self.folder / "pairs.jsonl", pairs)
        shutil.copytree(TOY, self.folder / "reward")
        self.add_head(self.folder / "reward", False)
        for kind, single in (("likelihood", "log_likelihood"), ("pointwise", "score")):
            model = self.folder / "reward"
            found = self.rows_of("--kind", kind, model=model, data="pairs.jsonl")
            self.check_copy(found, pairs, ["score_chosen", "score_rejected"])
            for side in ("chosen", "rejected"):
                runner.write_jsonl(self.folder / "one.jsonl",
                                   [{"prompt": pair["prompt"], "response": pair[side]} for pair in pairs])
                alone = self.rows_of("--kind", kind, model=model, data="one.jsonl")
                for row, other in zip(found, alone):
                    self.assertAlmostEqual(row[f"score_{side}"], other[single], delta=1e-4)
        found = self.rows_of("--kind", "pairwise", data="pairs.jsonl")
        for row, other in zip(found, self.rows_of("--kind", "pairwise")):
            self.assertAlmostEqual(row["p_a_over_b"], other["p_a_over_b"], delta=1e-5)

    def test_any_number_of_ranks_writes_the_same_bytes(self):
        for kind in ("likelihood", "pairwise"):
            for ranks in (0, 1, 2, 4):
                done = self.score(f"{kind}{ranks}.jsonl", "--kind", kind, ranks=ranks)
                self.assertEqual(done.code, 0, done)
            contents = {(self.folder / f"{kind}{ranks}.jsonl").read_bytes() for ranks in (0, 1, 2, 4)}
            self.assertEqual(len(contents), 1)

    def test_nothing_is_cut_unless_the_user_says_so(self):
        long = {"prompt": " ".join(WORDS * 60), "response": "my cat", "a": "my cat", "b": "laptop fell now"}
        runner.write_jsonl(self.folder / "long.jsonl", [long])
        (self.folder / "toy").mkdir()
        shutil.copytree(TOY, self.folder / "toy", dirs_exist_ok=True)
        (self.folder / "toy" / "tokenizer_config.json").write_text('{"model_max_length": 16}')
        reference = Reference(TOY)
        row = self.rows_of("--kind", "likelihood", model=self.folder / "toy", data="long.jsonl")[0]
        self.assertAlmostEqual(row["log_likelihood"], reference.likelihood(long["prompt"], "my cat")[0], delta=1e-4)
        cut = self.rows_of("--kind", "pairwise", "--max-input-tokens", 40, data="long.jsonl")[0]
        whole = self.rows_of("--kind", "pairwise", data="long.jsonl")[0]
        self.assertNotEqual(cut["p_ab"], whole["p_ab"])
        done = self.score("out.jsonl", "--kind", "pairwise", "--max-input-tokens", 8, data="long.jsonl")
        self.assertEqual(done.code, 3, done)
        self.assertIn("long.jsonl:1", done.stderr)

    def test_the_kind_comes_from_the_model_if_it_says_so(self):
        shutil.copytree(TOY, self.folder / "toy")
        self.assertEqual(self.score("out.jsonl", model=self.folder / "toy").code, 2)
        (self.folder / "toy" / "westofn.json").write_text(json.dumps(
            {"version": 1, "kind": "pairwise", "template": "{prompt} {b} {a}", "labels": ["B", "A"],
             "max_input_tokens": 12, "cut": "start"}))
        found = self.rows_of(model=self.folder / "toy")
        plain = self.rows_of("--kind", "pairwise", "--template", "{prompt} {b} {a}", "--label-tokens", "B,A")
        self.assertEqual([row["p_ab"] for row in found], [row["p_ab"] for row in plain])
        self.assertIn("tokens", self.rows_of("--kind", "likelihood", model=self.folder / "toy")[0])

    def test_scores_of_an_earlier_run_are_replaced(self):
        first = self.rows_of("--kind", "likelihood")
        runner.write_jsonl(self.folder / "again.jsonl", [{**row, "log_likelihood": 0} for row in first])
        self.assertEqual(self.rows_of("--kind", "likelihood", data="again.jsonl"), first)

    def test_bad_rows_are_refused_with_their_line(self):
        good = json.dumps(self.rows[0])
        cases = {
            '{"prompt": "x"}': "response", '{"response": "x"}': "prompt", '{"prompt": 1, "response": "x"}': "prompt",
            '{"prompt": "x", "response": null}': "response", "[1]": "object", '{"prompt": "x",': "",
            '{"prompt": "x", "prompt": "y", "response": "z"}': "prompt",
            '{"prompt": "\\ud800", "response": "z"}': "surrogate", '{"prompt": "x", "response": NaN}': "",
            '{"prompt": "x", "chosen": "y"}': "rejected",
        }
        for number, (bad, word) in enumerate(cases.items()):
            for before in (1, 100) if number == 0 else (1,):  # row 101 is found by the second rank
                (self.folder / "bad.jsonl").write_text("\n" + (good + "\n") * before + bad + "\n" + good + "\n")
                done = self.score("out.jsonl", "--kind", "likelihood", data="bad.jsonl", ranks=2)
                self.assertEqual(done.code, 3, (bad, done))
                self.assertIn(f"bad.jsonl:{before + 2}", done.stderr)
                self.assertIn(word, done.stderr)
                self.assertEqual([path.name for path in self.folder.iterdir() if "out" in path.name], [])

    def test_blank_lines_are_skipped_and_a_file_without_rows_is_refused(self):
        (self.folder / "blank.jsonl").write_text("\n  \n" + json.dumps(self.rows[0]) + "\n\n")
        self.assertEqual(len(self.rows_of("--kind", "likelihood", data="blank.jsonl")), 1)
        (self.folder / "none.jsonl").write_text("\n\n")
        self.assertEqual(self.score("out.jsonl", "--kind", "likelihood", data="none.jsonl", ranks=2).code, 3)
        self.assertEqual(self.score("out.jsonl", "--kind", "likelihood", data="missing.jsonl").code, 3)

    def test_wrong_options_change_nothing(self):
        (self.folder / "there.jsonl").write_text("mine")
        self.assertEqual(self.score("there.jsonl", "--kind", "likelihood", ranks=2).code, 2)
        self.assertEqual((self.folder / "there.jsonl").read_text(), "mine")
        for wrong in (["--kind", "pair"], ["--kind", "likelihood", "--template", "{prompt}"],
                      ["--kind", "pointwise", "--label-tokens", "A,B"], ["--kind", "pairwise", "--label-tokens", "A"],
                      ["--kind", "pairwise", "--label-tokens", "A,A"], ["--kind", "pairwise", "--label-tokens", "A,cat dog"],
                      ["--kind", "pairwise", "--template", "{prompt} {a}"], ["--kind", "likelihood", "--dtype", "int8"],
                      ["--kind", "pairwise", "--template", "{prompt} {a} {b} {c}"],
                      ["--kind", "likelihood", "--max-input-tokens", "0"], ["--kind", "likelihood", "--threads", "0"]):
            done = self.score("out.jsonl", *wrong, ranks=0)
            self.assertEqual(done.code, 2, (wrong, done))
            self.assertFalse((self.folder / "out.jsonl").exists())

    def test_a_folder_that_is_no_model_is_refused(self):
        (self.folder / "empty").mkdir()
        self.assertEqual(self.score("out.jsonl", "--kind", "likelihood", model=self.folder / "empty", ranks=2).code, 3)
        self.assertEqual(self.score("out.jsonl", "--kind", "pointwise").code, 3, "it has no reward head")


if __name__ == "__main__":
    unittest.main()
