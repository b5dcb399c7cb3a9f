# SPDX-License-Identifier: Apache-2.0
"""Spoiled T5 folders: each ends with code 3 and one message that names the file and what is wrong, nothing written.

Every case of model_folder_cases.py is loaded and looked at in one process by open_models; two in five go through the
command line as well, some of them on two ranks.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import model_folder_cases
import runner

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TOY = REPOSITORY / "configs" / "toy" / "base-model"
OPEN_MODELS = os.environ["WESTOFN_OPEN_MODELS"]
PROCESSES = 2
STARTED = (0, 2)  # of five cases in a row, those that are started through the command line
RANKS = {"config.json is not JSON", "a weight is NaN", "a shard is missing", "reward head is too narrow"}
# What only the numbers show, and what only `score --kind` asks for: opening the folder finds nothing wrong.
LOADING_ONLY = {"embeddings differ", "a weight is NaN", "a weight is minus infinity", "a bfloat16 weight is NaN",
                "no reward head"}


def by_command_line():
    return [case for number, case in enumerate(model_folder_cases.CASES) if number % 5 in STARTED or case[0] in RANKS]


class ModelFolder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="westofn-folder-")
        self.addCleanup(self.temporary.cleanup)
        self.here = pathlib.Path(self.temporary.name)
        runner.write_jsonl(self.here / "rows.jsonl", [{"prompt": "my cat", "response": "a", "a": "x", "b": "y"}])

    def spoil(self, number, case):
        """A folder of its own for the case, with the model in it."""
        folder = self.here / str(number) / "model"
        shutil.copytree(TOY, folder)
        case[1](model_folder_cases.Model(folder))
        return folder

    def assert_message(self, message, folder, parts):
        for part in (str(folder), *parts):
            self.assertIn(part, message)
        self.assertNotIn("\n", message)

    def test_every_case_is_refused_when_it_is_loaded_and_when_it_is_looked_at(self):
        folders = [self.spoil(number, case) for number, case in enumerate(model_folder_cases.CASES)]
        arguments = [word for (_, _, _, kind), folder in zip(model_folder_cases.CASES, folders)
                     for word in (kind or "likelihood", str(folder))]
        done = subprocess.run([OPEN_MODELS, *arguments], env=runner.environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), len(folders))
        for (name, _, parts, _), folder, line in zip(model_folder_cases.CASES, folders, lines):
            with self.subTest(name):
                self.assertEqual(line["load"]["code"], 3, line)
                self.assert_message(line["load"]["message"], folder, parts)
                if name in LOADING_ONLY:
                    self.assertEqual(line["look"]["code"], 0, line)
                else:
                    self.assertEqual(line["look"], line["load"])

    def start(self, number, case):
        """Exit code, messages, and what the command left beside its input."""
        name, _, _, kind = case
        folder = self.spoil(number, case)
        out = folder.parent / "out" / "rows.jsonl"
        out.parent.mkdir()
        command = ["score", "--kind", kind or "likelihood", "--model", folder, "--data", self.here / "rows.jsonl"]
        if kind is None and number % 4 < 2:
            command = ["generate", "--n", 1, "--max-new-tokens", 1, "--policy", folder, "--prompts", self.here / "rows.jsonl"]
        done = runner.run([*command, "--out", out], ranks=2 if name in RANKS else 0)
        return folder, done, list(out.parent.iterdir())

    def test_the_commands_end_with_code_3_and_one_message_and_write_nothing(self):
        cases = by_command_line()
        self.assertGreaterEqual(len(cases), 40)
        with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
            ended = list(pool.map(self.start, range(len(cases)), cases))
        for (name, _, parts, _), (folder, done, left) in zip(cases, ended):
            with self.subTest(name):
                self.assertEqual(done.code, 3, done)
                self.assertEqual(len(done.errors()), 1, done)
                self.assert_message(done.errors()[0], folder, parts)
                self.assertEqual(done.stdout, "")
                self.assertEqual(left, [])

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_folder_that_may_not_be_read_is_a_matter_of_the_storage(self):
        folder = self.here / "model"
        shutil.copytree(TOY, folder)
        for path in (folder / "model.safetensors", folder / "config.json"):
            path.chmod(0)
            done = runner.run(["inspect", folder], ranks=0)
            self.assertEqual(done.code, 4, done)
            self.assertIn(str(path), done.errors()[0])

    def test_inspect_says_what_a_folder_is_and_refuses_what_loading_refuses(self):
        folder = self.here / "model"
        shutil.copytree(TOY, folder)
        model = model_folder_cases.Model(folder)
        done = runner.run(["inspect", f"{folder}/"], ranks=0)
        self.assertEqual(done.code, 0, done)
        for part in ("gated GELU", "head of its own", "not scaled", "217088", "848.0 KiB of memory as float32", "F32: ",
                     "model.safetensors", "152 pieces", "whole by the headers"):
            self.assertIn(part, done.stdout)
        model.shard()
        model.write_scoring(max_input_tokens=77)
        done = runner.run(["inspect", folder], ranks=0)
        for part in ("a.safetensors", "b.safetensors", "pairwise, labels 'A' and 'B'", "at most 77 tokens", "{prompt} {a}"):
            self.assertIn(part, done.stdout)
        model.write_scoring(labels=["A", "cat dog"])
        done = runner.run(["inspect", folder], ranks=0)
        self.assertEqual((done.code, done.stdout), (3, ""))
        self.assertIn("westofn.json", done.errors()[0])
        self.assertIn("'cat dog'", done.errors()[0])

    def test_validate_names_the_key_of_a_model_that_cannot_be_opened(self):
        folder = self.here / "model"
        shutil.copytree(TOY, folder)
        (self.here / "e.yaml").write_text(f"""name: small
data: {{world: {{}}}}
policy: {{model: {TOY}}}
preference_model: {{label_tokens: [A, B]}}
reward_models:
  hf50: {{model: {folder}}}
""")
        validate = ["validate", self.here / "e.yaml"]
        self.assertEqual(runner.run(validate, ranks=0).code, 0)
        model_folder_cases.Model(folder).configure(d_ff=None)
        done = runner.run(validate, ranks=0)
        self.assertEqual((done.code, done.stdout), (3, ""))
        self.assertIn(f"reward_models.hf50.model: {folder}/config.json: field 'd_ff': is missing", done.errors()[0])
        done = runner.run([*validate, "--set", f"reward_models.hf50.model={TOY}", "--set", "preference_model.label_tokens[1]=cat dog"],
                          ranks=0)
        self.assertEqual(done.code, 2)
        self.assertIn("preference_model.label_tokens", done.errors()[0])


if __name__ == "__main__":
    unittest.main()
