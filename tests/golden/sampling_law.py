# SPDX-License-Identifier: Apache-2.0
"""The law of the samples of `westofn generate`: chi-square of 4,096 of them against the exact distribution.

The exact distribution of the first two tokens comes from transformers for a model of 40 tokens. A row shows its text, its
number of tokens and whether it ended; token pairs that look the same in a row are one outcome.
"""
import collections
import dataclasses
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

SAMPLES = 4096
PROMPT = "so is it a test , or one of us ?"
PLAIN = Settings(n=SAMPLES, max_new_tokens=2, seed=3)


def chi_square(counts, law):
    """(p value, number of cells); outcomes expected fewer than five times are one cell."""
    total = sum(counts.values())
    cells, rest = [], [0.0, 0.0]
    for outcome, probability in law.items():
        cell = (counts.get(outcome, 0), probability * total)
        if cell[1] >= 5:
            cells.append(cell)
        else:
            rest = [rest[0] + cell[0], rest[1] + cell[1]]
    if rest[1] >= 5:
        cells.append(tuple(rest))
    elif rest[1] > 0:  # too rare for a cell of its own
        cells[-1] = (cells[-1][0] + rest[0], cells[-1][1] + rest[1])
    statistic = sum((found - expected)**2 / expected for found, expected in cells)
    half = torch.tensor([(len(cells) - 1) / 2, statistic / 2], dtype=torch.float64)
    return torch.special.gammaincc(half[0], half[1]).item(), len(cells)


class SamplingLaw(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="westofn-law-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.reference = t5_reference.Reference(model_zoo.make("tiny", cls.folder / "tiny"))

    def counts(self, settings, ids=("x",)):
        """How often each outcome was written for the prompt under these ids."""
        data, out = self.folder / "prompts.jsonl", self.folder / "out.jsonl"
        runner.write_jsonl(data, [{"id": name, "prompt": PROMPT} for name in ids])
        done = runner.run(["generate", "--policy", self.folder / "tiny", "--prompts", data, "--out", out,
                           *settings.arguments()], ranks=0, timeout=900)
        self.assertEqual(done.code, 0, done)
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        out.unlink()
        self.assertEqual(len(rows), SAMPLES)
        return collections.Counter((row["response"], row["tokens"], row["finished"]) for row in rows)

    def law(self, settings):
        """Outcome -> probability, exact."""
        encoded = self.reference.read(PROMPT)
        logits, _ = self.reference.decode(encoded, [0])
        first = slow_sampler.probabilities(logits, settings, 0)[0]
        law = collections.Counter()
        for one in np.flatnonzero(first):
            if one == model_zoo.END:
                law["", 1, True] += first[one]
                continue
            logits, _ = self.reference.decode(encoded, [int(one), 0])
            second = slow_sampler.probabilities(logits[1:], settings, 1)[0]
            for two in np.flatnonzero(second):
                text = slow_sampler.text_of(self.reference, [int(one), int(two)])
                law[text, 2, bool(two == model_zoo.END)] += first[one] * second[two]
        self.assertAlmostEqual(sum(law.values()), 1, delta=1e-12)
        return law

    def check(self, title, counts, law):
        p, cells = chi_square(counts, law)
        print(f"{title:16} {cells} cells of {len(law)} outcomes, p = {p:.3g}", flush=True)
        self.assertEqual(set(counts) - set(law), set(), "samples that cannot be")
        self.assertGreater(p, 1e-4)
        self.assertGreater(cells, 8)

    def test_samples_of_one_prompt_have_the_law_of_the_model(self):
        self.check("one prompt", self.counts(PLAIN), self.law(PLAIN))

    def test_samples_of_many_ids_of_the_same_text_have_the_law_of_the_model(self):
        settings = dataclasses.replace(PLAIN, n=64)
        self.check("64 ids", self.counts(settings, [f"id-{i}" for i in range(64)]), self.law(settings))

    def test_temperature_top_k_and_top_p_give_their_laws(self):
        for changes in ({"temperature": 0.7}, {"temperature": 1.5}, {"top_k": 6}, {"top_p": 0.8}, {"min_new_tokens": 1},
                        {"temperature": 0.8, "top_k": 12, "top_p": 0.9}):
            settings = dataclasses.replace(PLAIN, **changes)
            with self.subTest(changes):
                self.check(" ".join(f"{key} {value}" for key, value in changes.items()), self.counts(settings),
                           self.law(settings))

    def test_a_wrong_law_is_noticed(self):
        counts, more = self.counts(PLAIN), self.counts(dataclasses.replace(PLAIN, n=64), [f"id-{i}" for i in range(64)])
        for changes in ({"temperature": 0.85}, {"temperature": 1.2}, {"top_p": 0.98}, {"min_new_tokens": 1}):
            law = self.law(dataclasses.replace(PLAIN, **changes))
            rest = {outcome: law.get(outcome, 0) + 1e-12 for outcome in set(counts) | set(law) | set(more)}
            for found in (counts, more):
                p, _ = chi_square(found, rest)
                print(f"wrong {changes}: p = {p:.3g}", flush=True)
                self.assertLess(p, 1e-6)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
