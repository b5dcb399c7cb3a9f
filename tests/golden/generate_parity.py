# SPDX-License-Identifier: Apache-2.0
"""`westofn generate` against a plain slow sampler on transformers' logits: the same samples from all folders.

A sample may differ only where a uniform number falls within rounding of a boundary between two tokens; then taking the
other token there has to give the sample that was written. Such samples are counted and must be few.
"""
import dataclasses
import functools
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

PLAIN = Settings(n=8, temperature=1.0, max_new_tokens=12, seed=11)
OTHERS = {
    "cold": Settings(n=8, temperature=0.3, max_new_tokens=12, seed=12),
    "hot": Settings(n=8, temperature=1.5, max_new_tokens=12, seed=2**63 + 5),
    "top_k": Settings(n=8, top_k=5, max_new_tokens=12, seed=13),
    "top_p": Settings(n=8, top_p=0.8, max_new_tokens=12, seed=14),
    "all_at_once": Settings(n=8, temperature=0.7, top_k=30, top_p=0.9, min_new_tokens=6, max_new_tokens=9, seed=15),
}


def some_prompts(count=8):
    """From the shortest to the longest text, in mixed order, with ids of all kinds and one without."""
    prompts = sorted({row["prompt"] for row in model_zoo.texts()}, key=lambda text: (len(text), text))
    chosen = [prompts[i] for i in np.linspace(0, len(prompts) - 1, count).astype(int)]
    np.random.RandomState(2).shuffle(chosen)
    ids = [7, "né 日本 🙂", "", "a" * 105, -3, 2**62, "b" * 50, "c" * 17]
    return [{"id": key, "prompt": text} if key != "" else {"prompt": text} for key, text in zip(ids, chosen)]


PROMPTS = some_prompts()


class GenerateParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="westofn-parity-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        for name in model_zoo.FULL_SIZE:
            model_zoo.make(name, cls.folder / name)

    @functools.cache
    def reference(self, name):
        return t5_reference.Reference(self.folder / name)

    def generate(self, model, settings, prompts=PROMPTS, ranks=0):
        """The rows, settings.n for each prompt, and the bytes of the file."""
        data, out = self.folder / "prompts.jsonl", self.folder / "out.jsonl"
        runner.write_jsonl(data, prompts)
        done = runner.run(["generate", "--policy", self.folder / model, "--prompts", data, "--out", out,
                           *settings.arguments()], ranks=ranks, timeout=900)
        self.assertEqual(done.code, 0, done)
        content = out.read_bytes()
        out.unlink()
        rows = [json.loads(line) for line in content.splitlines()]
        self.assertEqual(len(rows), settings.n * len(prompts))
        return rows, content

    def seen(self, reference, sample):
        """What a row tells of its tokens."""
        return slow_sampler.text_of(reference, sample.ids), len(sample.ids), sample.finished

    def is_explained(self, reference, prompt, row, settings, slow):
        """Whether another token at a place within rounding of a boundary gives the row."""
        for position, other in slow.close:
            again = slow_sampler.slow_samples(reference, prompt, row["id"], settings, [row["sample"]],
                                              {position: other})
            if self.seen(reference, again[0]) == (row["response"], row["tokens"], row["finished"]):
                return True
        return False

    def check_samples(self, name, settings, title):
        rows, _ = self.generate(name, settings)
        reference = self.reference(name)
        explained, wrong, finished, worst = 0, [], 0, 0.0
        for i, prompt in enumerate(PROMPTS):
            pool = rows[i * settings.n:(i + 1) * settings.n]
            slow = slow_sampler.slow_samples(reference, prompt["prompt"], pool[0]["id"], settings)
            for row, sample in zip(pool, slow, strict=True):
                if self.seen(reference, sample) == (row["response"], row["tokens"], row["finished"]):
                    worst = max(worst, abs(row["log_likelihood"] - sample.log_likelihood))
                    finished += sample.finished
                elif self.is_explained(reference, prompt["prompt"], row, settings, sample):
                    explained += 1
                else:
                    wrong.append((row, self.seen(reference, sample), sample.close))
        print(f"{name:18} {title:12} {len(rows)} samples, {finished} finished, {explained} within rounding of a "
              f"boundary, {len(wrong)} different; log-likelihoods differ by {worst:.2e}", flush=True)
        self.assertEqual(wrong, [])
        self.assertLessEqual(explained, len(rows) // 50)
        self.assertLess(worst, 2e-4)
        self.assertGreater(finished, 0)

    def test_samples_of_every_kind_of_folder_are_those_of_a_slow_sampler(self):
        for name in model_zoo.FULL_SIZE:
            with self.subTest(name):
                self.check_samples(name, PLAIN, "plain")

    def test_temperature_top_k_top_p_and_lengths_are_those_of_a_slow_sampler(self):
        for title, settings in OTHERS.items():
            with self.subTest(title):
                self.check_samples("v1_1", settings, title)

    def test_greedy_samples_are_those_of_transformers(self):
        settings = Settings(n=1, temperature=0, min_new_tokens=3, max_new_tokens=10)
        for name in model_zoo.FULL_SIZE:
            with self.subTest(name):
                reference = self.reference(name)
                rows, _ = self.generate(name, settings)
                for row, prompt in list(zip(rows, PROMPTS, strict=True))[::2]:
                    source = torch.tensor([reference.encode(prompt["prompt"])])
                    written = reference.model.generate(
                        source, attention_mask=torch.ones_like(source), do_sample=False, num_beams=1, min_new_tokens=3,
                        max_new_tokens=10, decoder_start_token_id=reference.start, eos_token_id=1, pad_token_id=0,
                        use_cache=False)[0, 1:]  # its cache takes the number of layers from the encoder
                    ids = written.tolist()
                    self.assertEqual((row["response"], row["tokens"], row["finished"]),
                                     (slow_sampler.text_of(reference, ids), len(ids), ids[-1] == model_zoo.END))
                    expected = reference.token_log_likelihoods(prompt["prompt"], ids).sum().item()
                    self.assertAlmostEqual(row["log_likelihood"], expected, delta=2e-4)

    def test_the_whole_vocabulary_has_the_log_likelihoods_of_transformers(self):
        """At temperature 100 nearly every token is drawn, and each first token shows its logit less a constant."""
        settings = Settings(n=1024, temperature=100, max_new_tokens=1, seed=5)
        prompts = sorted(PROMPTS, key=lambda row: len(row["prompt"]))[2::5]
        for name in model_zoo.FULL_SIZE:
            with self.subTest(name):
                rows, _ = self.generate(name, settings, prompts)
                reference = self.reference(name)
                for i, prompt in enumerate(prompts):
                    pool = rows[i * settings.n:(i + 1) * settings.n]
                    self.check_first_tokens(name, reference, prompt["prompt"], pool, settings)

    def check_first_tokens(self, name, reference, prompt, pool, settings):
        logits, _ = reference.decode(reference.read(prompt), [0])
        likelihoods = torch.log_softmax(logits[0].double(), -1).numpy()
        weights = slow_sampler.probabilities(logits, settings, 0)[0]
        uniforms = slow_sampler.uniforms(slow_sampler.philox_key(pool[0]["id"], settings.seed), range(settings.n), 0)
        draws = [slow_sampler.draw(weights, uniform, 1e-6) for uniform in uniforms]
        clear = [i for i, (_, others) in enumerate(draws) if not others]
        errors = [abs(pool[i]["log_likelihood"] - likelihoods[draws[i][0]]) for i in clear]
        seen = len({draws[i][0] for i in clear})
        self.assertLess(max(errors), 1e-4, name)
        self.assertGreater(len(clear), 0.97 * settings.n)
        self.assertGreater(seen, 0.5 * len(likelihoods))
        self.assertGreater(np.std(likelihoods), 1.5)

    def test_samples_depend_neither_on_their_number_nor_on_order_nor_on_ranks(self):
        many, content = self.generate("wide", PLAIN)
        for ranks in (1, 2, 4):
            self.assertEqual(self.generate("wide", PLAIN, ranks=ranks)[1], content, f"{ranks} ranks")
        named = [row for row in PROMPTS if "id" in row][::-2]
        few, _ = self.generate("wide", dataclasses.replace(PLAIN, n=3), named, ranks=2)
        by_name = {(row["id"], row["sample"]): row for row in many}
        different = 0
        for row in few:
            other = by_name[row["id"], row["sample"]]
            if row["response"] != other["response"]:
                different += 1
                continue
            self.assertEqual((row["tokens"], row["finished"]), (other["tokens"], other["finished"]))
            self.assertAlmostEqual(row["log_likelihood"], other["log_likelihood"], delta=1e-5 * row["tokens"])
        self.assertLessEqual(different, 1)  # within rounding of a boundary


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
