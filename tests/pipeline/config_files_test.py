# SPDX-License-Identifier: Apache-2.0
"""The files of configs: all are valid, and README.md has every key as the program knows it."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import runner

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"


def check_reference(folder):
    return subprocess.run([sys.executable, "-B", folder / "make_reference.py", runner.WESTOFN, "--check"],
                          capture_output=True, text=True, env=runner.environment())


class ConfigFiles(unittest.TestCase):
    def test_every_experiment_is_valid(self):
        files = sorted(CONFIGS.rglob("*.yaml"))
        self.assertGreater(len(files), 5)
        for file in files:
            done = runner.run(["validate", file], ranks=0, cwd=CONFIGS.parent)
            if done.code != 0:  # what is in the file is checked before whether its data are there
                self.assertRegex(f"{done.code} {done.errors()}", "^3 .*there is no such file", f"{file}\n{done}")

    def test_every_change_of_the_demo_is_valid(self):
        environment = runner.environment()
        environment["PATH"] = f"{pathlib.Path(runner.WESTOFN).parent}:{environment['PATH']}"
        done = subprocess.run([CONFIGS / "toy" / "one_change.sh", "--check"], capture_output=True, text=True, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(re.findall(": valid$", done.stdout, re.M)), 10)

    def test_the_readme_has_every_key(self):
        done = check_reference(CONFIGS)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_changed_table_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copy(CONFIGS / "make_reference.py", folder)
            text = (CONFIGS / "README.md").read_text()
            (folder / "README.md").write_text(text.replace("| `seed` | integer | `1`", "| `seed` | integer | `2`"))
            self.assertEqual(check_reference(folder).returncode, 1)


if __name__ == "__main__":
    unittest.main()
