# SPDX-License-Identifier: Apache-2.0
"""`westofn generate`: the same bytes on any number of ranks, what its rows say, and transformers as the judge."""
import json
import pathlib
import tempfile
import unittest

import torch
import transformers

import runner

POLICY = pathlib.Path(__file__).resolve().parents[2] / "configs" / "toy" / "base-model"
# All known to the tokenizer.
WORDS = "my wife forgave and roof creaked randomly cat hissed landlord called lately car rattled wallet ripped".split()


def prompt_rows(count):
    """Prompts of many lengths, with ids of all kinds."""
    rows = []
    for i in range(count):
        row = {"prompt": " ".join(WORDS[(i * 5 + k) % len(WORDS)] for k in range(i % 13))}
        if i % 3 == 0:
            row["id"] = i
        elif i % 3 == 1:
            row["id"] = f"né-{i}"
        else:
            row["prompt"] += " ." * (1 + i // 13)
        rows.append(row)
    return rows


class Generate(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-generate-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.prompts = self.folder / "prompts.jsonl"

    def generate(self, *more, ranks=1, out="out.jsonl", policy=POLICY, **extra):
        arguments = ["generate", "--policy", policy, "--prompts", self.prompts, "--out", self.folder / out, *more]
        return runner.run(arguments, ranks=ranks, **extra)

    def rows(self, *more, **options):
        done = self.generate(*more, **options)
        self.assertEqual(done.code, 0, done)
        return [json.loads(line) for line in (self.folder / options.get("out", "out.jsonl")).read_text().splitlines()]

    def refused(self, code, text, *more, ranks=1, **options):
        """The job ends with this code and one message that holds the text, and writes nothing."""
        before = sorted(path.name for path in self.folder.iterdir())
        done = self.generate(*more, ranks=ranks, **options)
        self.assertEqual(done.code, code, done)
        self.assertEqual(len(done.errors()), 1, done)
        self.assertIn(text, done.stderr)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), before)
        return done

    def test_any_number_of_ranks_writes_the_same_bytes(self):
        runner.write_jsonl(self.prompts, prompt_rows(40))
        options = ("--n", 5, "--max-new-tokens", 8, "--seed", 3)
        self.rows(*options, ranks=0, out="alone.jsonl")
        alone = (self.folder / "alone.jsonl").read_bytes()
        self.assertEqual(alone.count(b"\n"), 200)
        for ranks in (1, 2, 4):
            self.rows(*options, ranks=ranks, out=f"{ranks}.jsonl")
            self.assertEqual((self.folder / f"{ranks}.jsonl").read_bytes(), alone, f"{ranks} ranks")

    def test_rows_come_in_input_order_with_the_ids_as_they_were(self):
        given = prompt_rows(20)
        lines = [json.dumps(row, ensure_ascii=False) for row in given]
        self.prompts.write_text("\ufeff" + "\n\n".join(lines) + "\r\n   \n")
        rows = self.rows("--n", 3, "--max-new-tokens", 6, "--temperature", "1.5", ranks=2)
        self.assertEqual(len(rows), 60)
        for i, row in enumerate(rows):
            self.assertEqual(list(row), ["id", "sample", "response", "tokens", "log_likelihood", "finished"])
            self.assertEqual(row["sample"], i % 3)
            if "id" in given[i // 3]:
                self.assertEqual(row["id"], given[i // 3]["id"])
                self.assertIs(type(row["id"]), type(given[i // 3]["id"]))
            else:
                self.assertRegex(row["id"], "^[0-9a-f]{32}$")
            self.assertTrue(1 <= row["tokens"] <= 6)
            self.assertTrue(row["finished"] or row["tokens"] == 6)
            self.assertLess(row["log_likelihood"], 0)
            self.assertIsInstance(row["response"], str)

    def test_a_sample_depends_on_its_prompt_and_number_only(self):
        given = [row for row in prompt_rows(30) if "id" in row]
        runner.write_jsonl(self.prompts, given)
        many = self.rows("--n", 6, "--max-new-tokens", 8, out="many.jsonl")
        runner.write_jsonl(self.prompts, given[::-2])
        few = self.rows("--n", 2, "--max-new-tokens", 8, ranks=2, out="few.jsonl")
        by_name = {(row["id"], row["sample"]): row for row in many}
        self.assertEqual(len(few), 2 * len(given[::-2]))
        for row in few:
            other = by_name[row["id"], row["sample"]]
            self.assertEqual(row["response"], other["response"])
            self.assertAlmostEqual(row["log_likelihood"], other["log_likelihood"], delta=1e-5 * row["tokens"])

    def test_greedy_samples_and_their_likelihoods_are_those_of_transformers(self):
        given = prompt_rows(12)
        runner.write_jsonl(self.prompts, given)
        limits = {"max_new_tokens": 12, "min_new_tokens": 8}
        rows = self.rows("--n", 1, "--temperature", 0, "--max-new-tokens", 12, "--min-new-tokens", 8)
        model = transformers.T5ForConditionalGeneration.from_pretrained(POLICY).eval()
        tokenizer = transformers.T5Tokenizer.from_pretrained(POLICY, extra_ids=0)
        for row, prompt in zip(rows, given):
            source = torch.tensor([tokenizer(prompt["prompt"]).input_ids])
            with torch.no_grad():
                target = model.generate(source, do_sample=False, num_beams=1, eos_token_id=1, pad_token_id=0, **limits)[0]
                logits = model(input_ids=source, decoder_input_ids=target[:-1][None]).logits[0].double()
            written = target[1:]
            expected = torch.log_softmax(logits, -1)[torch.arange(len(written)), written].sum().item()
            self.assertEqual(row["tokens"], len(written))
            self.assertEqual(row["finished"], written[-1].item() == 1)
            self.assertAlmostEqual(row["log_likelihood"], expected, delta=1e-4 * len(written))
            self.assertEqual(row["response"], tokenizer.decode(written, skip_special_tokens=True))

    def test_long_prompts_lose_their_end_only_if_a_limit_is_given(self):
        long = " ".join(WORDS * 20)
        runner.write_jsonl(self.prompts, [{"id": "x", "prompt": long}])
        options = ("--n", 2, "--max-new-tokens", 4)
        whole = self.rows(*options, out="whole.jsonl")
        cut = self.rows(*options, "--max-input-tokens", 12, out="cut.jsonl")
        runner.write_jsonl(self.prompts, [{"id": "x", "prompt": long + " " + long}])
        longer_cut = self.rows(*options, "--max-input-tokens", 12, out="longer.jsonl")
        self.assertEqual(cut, longer_cut)
        self.assertNotEqual(whole, cut)

    def test_an_existing_file_is_left_alone(self):
        runner.write_jsonl(self.prompts, prompt_rows(3))
        out = self.folder / "out.jsonl"
        out.write_text("mine")
        self.refused(2, "exists already", ranks=2)
        self.assertEqual(out.read_text(), "mine")
        self.refused(2, "no folder", out="missing/out.jsonl")

    def test_wrong_options_end_with_code_2(self):
        runner.write_jsonl(self.prompts, prompt_rows(3))
        for options in (["--n", "0"], ["--n", "1.5"], ["--temperature", "-1"], ["--temperature", "nan"], ["--top-p", "0"],
                        ["--top-k", "-1"], ["--max-new-tokens", "0"], ["--dtype", "float16"], ["--threads", "0"],
                        ["--seed", "-1"], ["--min-new-tokens", "9", "--max-new-tokens", "8"], ["--sample", "1"]):
            self.refused(2, "westofn: error:", *options, ranks=0)

    def test_broken_prompts_end_with_code_3_and_the_line(self):
        good = '{"id": "a", "prompt": "x"}\n\n'
        for bad, text in (('{"id": "a", "prompt": "y"}', "line 1"), ('{"id": 1, "prompt": "y"}\n{"id": "1", "prompt": "z"}', "4"),
                          ('{"prompt": "y"}\n{"prompt": "y"}', "hash"), ('{"id": "b"}', "prompt"), ('{"prompt": 3}', "prompt"),
                          ('{"prompt": "x"', ""), ("[1]", ""), ('{"prompt": "x", "prompt": "y"}', "twice"),
                          ('{"id": 1.5, "prompt": "x"}', "id"), ('{"id": "", "prompt": "x"}', "id"),
                          ('{"prompt": "\\ud800"}', "")):
            with self.subTest(bad):
                self.prompts.write_text(good + bad + "\n")
                done = self.refused(3, text, ranks=0)
                self.assertIn(f"{self.prompts}:{4 if chr(10) in bad else 3}", done.stderr)
        self.prompts.write_text("\n\n")
        self.refused(3, "no rows", ranks=2)
        self.prompts.unlink()
        self.refused(3, "prompts.jsonl")
        runner.write_jsonl(self.prompts, prompt_rows(3))
        self.refused(3, "config.json", policy=self.folder)

    def test_a_failure_on_any_rank_leaves_no_file(self):
        runner.write_jsonl(self.prompts, prompt_rows(40))
        for fault, code in (("generate.load:1:1", 70), ("output.commit:0:1:ENOSPC", 4)):
            self.refused(code, "", "--n", 2, "--max-new-tokens", 4, ranks=2, WESTOFN_FAULT=fault)


if __name__ == "__main__":
    unittest.main()
