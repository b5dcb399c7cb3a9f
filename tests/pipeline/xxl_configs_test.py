# SPDX-License-Identifier: Apache-2.0
"""The experiments with T5-XXL (configs/*-t5-xxl) through every stage, at a 64th of the width: T5 1.1 with all 24 + 24
layers, a vocabulary of T5's size, and files laid out and formatted as their READMEs say. Only steps, micro-batches, the
size of pools, the length of responses and the device differ, so that a mistake in these files is found here."""
import gzip
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import runner

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
sys.path.insert(0, str(ROOT / "tests/golden"))
import model_zoo  # noqa: E402
import torch  # noqa: E402
from sentencepiece import sentencepiece_model_pb2  # noqa: E402
from transformers import T5Config, T5ForConditionalGeneration  # noqa: E402

SHAPE = {"vocab_size": 32128, "num_layers": 24, "num_decoder_layers": 24, "d_kv": 64, "feed_forward_proj": "gated-gelu",
         "tie_word_embeddings": False, "decoder_start_token_id": 0}
XXL = SHAPE | {"d_model": 4096, "d_ff": 10240, "num_heads": 64}
LARGE = SHAPE | {"d_model": 1024, "d_ff": 2816, "num_heads": 16}
NARROW = {"d_model": 64, "d_ff": 160, "num_heads": 1}
REWARDS = ("hf50", "west_of_n", "hf100")
SMALLER = [f"{model}.train.{key}=1" for model in ("policy", "preference_model", "evaluation.judge",
                                                  *(f"reward_models.{name}" for name in REWARDS))
           for key in ("steps", "validate_every")] + [
    "generation.n=4", "recipes.west_of_64.n=4", "generation.max_new_tokens=6", "evaluation.resamples=100",
    "runtime.device=cpu", "runtime.micro_batch=8"]
WORDS = "why how can i bake fix a cake bike lamp né 你好 quickly with care my dog ate the letter and now it rains".split()


def tokenizer_of_t5_size():
    """32,000 pieces: those of a small trained model, and names that no text has."""
    model = sentencepiece_model_pb2.ModelProto.FromString(model_zoo.tokenizer_bytes())
    for number in range(len(model.pieces), 32000):
        model.pieces.add(piece=f"\u2581~{number}~", score=-20 - number / 1000)
    model.trainer_spec.vocab_size = 32000
    return model.SerializeToString(deterministic=True)


def write_config(folder, shape):
    """config.json as on the hub; transformers 5 would call every model tied."""
    T5Config(**shape).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))


def write_model(folder, shape, seed):
    torch.manual_seed(seed)
    model = T5ForConditionalGeneration(T5Config(**shape))
    model.lm_head.weight = torch.nn.Parameter(torch.randn(shape["vocab_size"], shape["d_model"]) / shape["d_model"] ** 0.5)
    model.save_pretrained(folder)
    write_config(folder, shape)
    (folder / "spiece.model").write_bytes(tokenizer_of_t5_size())


def text(rng, count):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def post(rng, name):
    return {"id": f"t3_{name}", "post": text(rng, 30) + "\n\n" + text(rng, 20), "title": text(rng, 5), "subreddit": "baking"}


def comparison(rng, info, batch, split):
    """A row as OpenAI publishes it."""
    policies = ("ref", "sup4_ppo_rm3_kl10")
    return {"info": info, "summaries": [{"text": " " + text(rng, 9), "policy": name, "note": None} for name in policies],
            "choice": rng.randrange(2), "worker": "ikNmucwunMnYJCQpnq6ZYb57OW7NiD", "batch": batch, "split": split,
            "extra": {"confidence": rng.randrange(1, 10)} if rng.random() < 0.9 else {}}


def write_openai_files(folder):
    """comparisons/ and train.jsonl of tldr_3_filtered, as they are downloaded."""
    rng = random.Random(1)
    (folder / "comparisons").mkdir(parents=True)
    for number in range(3, 14):
        batch = f"batch{number}"
        splits = ["train"] * 5 + ["valid1"] if number < 11 else ["train", "valid1"] + ["valid2"] * 8
        posts = [(post(rng, f"{batch}x{i}"), split) for i, split in enumerate(splits)]
        rows = [comparison(rng, info, batch, split) for info, split in posts for _ in range(2)]
        runner.write_jsonl(folder / f"comparisons/{batch}.json", rows)
    article = {"id": "0f3", "site": "news", "title": text(rng, 5), "article": text(rng, 40)}
    runner.write_jsonl(folder / "comparisons/cnndm0.json", [comparison(rng, article, "cnndm0", "valid2")])
    runner.write_jsonl(folder / "train.jsonl", [post(rng, f"sft{i}") | {"summary": text(rng, 12)} for i in range(50)])


def write_hh_files(folder, parts):
    for seed, (part, count) in enumerate(parts.items()):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(folder / part, "wt", encoding="utf-8") as out:
            for row in runner.hh_rows(count, seed=seed):
                mark = "\n\nHuman: "  # no prompt of two files is the same
                out.write(json.dumps({side: row[side].replace(mark, f"{mark}{seed}, ", 1) for side in row}) + "\n")


class XxlConfigs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="westofn-xxl-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        for name, shape in (("xxl", XXL), ("large", LARGE)):
            write_model(cls.folder / f"models/t5-{name}-lm-adapt", shape | NARROW, len(name))

    def run_all(self, config, balance):
        """All stages on 2 ranks in a folder that has the files of its README."""
        settings = [part for change in SMALLER for part in ("--set", change)]
        done = runner.run(["run", CONFIGS / config, *settings], ranks=2, cwd=self.folder, timeout=600)
        self.assertEqual(done.code, 0, done)
        name = next(line.split()[1] for line in (CONFIGS / config).read_text().splitlines() if line.startswith("name:"))
        run = self.folder / "runs" / name
        for stage in ("sft", "preference", "pools", "recipe-west_of_64", "judge", *(f"reward-{name}" for name in REWARDS)):
            self.assertEqual(len(list(run.glob(f"{stage}-????????/manifest.json"))), 1, stage)
        self.assertTrue((run / "results.h5").exists())
        table = next(run.glob("evaluate-????????/table.txt")).read_text()
        for word in (*REWARDS, "judge", "west_of_64"):
            self.assertIn(word, table)
        found = json.loads(next(run.glob("prepare-????????/balance.json")).read_text())
        for key, least in balance.items():
            self.assertGreaterEqual(found["pairs"][key]["pairs"], least, found)
        return found

    def test_tldr(self):
        write_openai_files(self.folder / "openai")
        subprocess.run([sys.executable, "-B", CONFIGS / "tldr-t5-xxl/make_files.py", "openai/comparisons",
                        "openai/train.jsonl", "data/tldr"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        found = self.run_all("tldr-t5-xxl/experiment.yaml", {"train": 80, "validation": 22, "test": 10, "judge": 10})
        self.assertEqual(found["pairs"]["test"]["pairs"] + found["pairs"]["judge"]["pairs"], 48)
        self.assertEqual(found["demonstrations"], 50)
        self.assertEqual([file for file in found["files"] if file["kept"] != file["rows"]], [])
        self.assertGreater(found["prompts"]["test"]["given"], 0)
        self.assertEqual(found["prompts"]["test"]["of_pairs"], 0)

    def test_helpful(self):
        write_hh_files(self.folder / "data/hh-rlhf", {"helpful-base/train.jsonl.gz": 120, "helpful-online/train.jsonl.gz": 60,
                                                      "helpful-rejection-sampled/train.jsonl.gz": 90,
                                                      "helpful-base/test.jsonl.gz": 20})
        self.run_all("hh-t5-xxl/helpful.yaml", {"train": 150, "validation": 1, "test": 10, "judge": 5})

    def test_harmless(self):
        write_hh_files(self.folder / "data/hh-rlhf", {"harmless-base/train.jsonl.gz": 200, "harmless-base/test.jsonl.gz": 20})
        self.run_all("hh-t5-xxl/harmless.yaml", {"train": 110, "validation": 1, "test": 10, "judge": 5})

    def test_the_readmes_show_what_estimate_says_of_memory_and_all_of_it_fits(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, shape in (("xxl", XXL), ("large", LARGE)):
                model = pathlib.Path(folder, f"models/t5-{name}-lm-adapt")
                model.mkdir(parents=True)
                write_config(model, shape)
            for config in ("tldr-t5-xxl/experiment.yaml", "hh-t5-xxl/helpful.yaml", "hh-t5-xxl/harmless.yaml"):
                done = runner.run(["estimate", CONFIGS / config, "--ranks", 8, "--memory", 72, "--prompts", 10000, "--pairs",
                                   20000], ranks=0, cwd=folder)
                self.assertEqual(done.code, 0, done)
                self.assertNotIn("NO, at most", done.stdout)
                self.assertNotIn("not even 1", done.stdout)
                readme = (CONFIGS / config).with_name("README.md").read_text()
                shown = readme[readme.index("    Memory of a rank that trains"):readme.index("    Work\n")].splitlines()
                said = {line.strip() for line in done.stdout.splitlines()}
                self.assertEqual([line for line in shown if line.strip() not in said], [])
                self.assertGreater(len(shown), 12)


if __name__ == "__main__":
    unittest.main()
