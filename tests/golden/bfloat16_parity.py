# SPDX-License-Identifier: Apache-2.0
"""`--dtype bfloat16` of score and generate: not much further from float32 than transformers' own bfloat16.

The errors are root mean squares over texts: of the log-likelihood divided by the number of tokens, and of the
probability of the first label.
"""
import json
import pathlib
import tempfile
import unittest

import numpy as np
import torch

import model_zoo
import runner
import slow_sampler
import t5_reference
from slow_sampler import Settings

KINDS = ("v1_0", "v1_1", "deep_decoder")
AT_MOST = 2.0  # times the error of transformers
ROWS = [{"prompt": one["prompt"], "response": one["response"], "a": one["response"], "b": two["response"]}
        for one, two in list(zip(model_zoo.texts()[:80], model_zoo.texts()[3:]))
        if len(one["prompt"]) < 500 and len(one["response"] + two["response"]) < 500][::2]
SAMPLING = Settings(n=24, temperature=1.0, max_new_tokens=2, seed=4)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def scores(reference):
    """(log-likelihoods a token, probabilities of the first label) by transformers."""
    likelihoods = [reference.log_likelihood(row["prompt"], row["response"]) for row in ROWS]
    return (np.array([value / tokens for value, tokens in likelihoods]),
            np.array([reference.preference(row["prompt"], row["a"], row["b"])["p_ab"] for row in ROWS]))


class Bfloat16Parity(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-bfloat16-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def westofn(self, *arguments):
        out = self.folder / "out.jsonl"
        done = runner.run([*arguments, "--dtype", "bfloat16", "--out", out], ranks=0, timeout=900)
        self.assertEqual(done.code, 0, done)
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        out.unlink()
        return rows

    def scores(self, folder):
        data = self.folder / "data.jsonl"
        runner.write_jsonl(data, ROWS)
        found = [self.westofn("score", "--model", folder, "--data", data, "--kind", kind)
                 for kind in ("likelihood", "pairwise")]
        return (np.array([row["log_likelihood"] / row["tokens"] for row in found[0]]),
                np.array([row["p_ab"] for row in found[1]]))

    def check(self, name, what, ours, theirs):
        print(f"{name:18} {what:26} ours {ours:.2e}, transformers {theirs:.2e}: {ours / theirs:.2f} times", flush=True)
        self.assertGreater(ours, theirs / 50, "this is no bfloat16")
        self.assertLess(ours, AT_MOST * theirs)

    def test_scores_are_no_further_from_float32_than_those_of_transformers(self):
        for name in KINDS:
            with self.subTest(name):
                folder = model_zoo.make(name, self.folder / name)
                exact = scores(t5_reference.Reference(folder))
                ours, theirs = self.scores(folder), scores(t5_reference.Reference(folder, torch.bfloat16))
                for i, what in enumerate(("log-likelihood a token", "pair probability")):
                    with self.subTest(what):
                        self.check(name, what, rms(ours[i] - exact[i]), rms(theirs[i] - exact[i]))

    def test_likelihoods_of_samples_are_no_further_from_float32_than_those_of_transformers(self):
        """For the samples that are the same in both precisions."""
        prompts = [{"id": i, "prompt": row["prompt"]} for i, row in enumerate(ROWS[:8])]
        data = self.folder / "prompts.jsonl"
        runner.write_jsonl(data, prompts)
        for name in ("v1_0", "v1_1"):
            with self.subTest(name):
                folder = model_zoo.make(name, self.folder / name)
                rows = self.westofn("generate", "--policy", folder, "--prompts", data, *SAMPLING.arguments())
                self.check_samples(name, folder, prompts, rows)

    def check_samples(self, name, folder, prompts, rows):
        exact, rounded = t5_reference.Reference(folder), t5_reference.Reference(folder, torch.bfloat16)
        ours, theirs = [], []
        for i, prompt in enumerate(prompts):
            slow = slow_sampler.slow_samples(exact, prompt["prompt"], prompt["id"], SAMPLING)
            for row, sample in zip(rows[i * SAMPLING.n:(i + 1) * SAMPLING.n], slow, strict=True):
                if (row["response"], row["tokens"]) != (slow_sampler.text_of(exact, sample.ids), len(sample.ids)):
                    continue
                ours.append((row["log_likelihood"] - sample.log_likelihood) / row["tokens"])
                other = rounded.token_log_likelihoods(prompt["prompt"], sample.ids).sum().item()
                theirs.append((other - sample.log_likelihood) / row["tokens"])
        self.assertGreater(len(ours), len(rows) // 3)
        self.check(name, f"{len(ours)} of {len(rows)} samples", rms(ours), rms(theirs))


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
