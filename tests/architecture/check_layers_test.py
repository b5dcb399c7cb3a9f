#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The layer check itself: a tree with one wrong include of each sort is refused."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("check_layers.py")

WRONG = {
    "src/util/a.h": ('#include "comm/b.h"', "util may not use comm"),
    "src/comm/a.h": ("#include <hdf5.h>", "only io may include <hdf5.h>"),
    "src/io/a.h": ("#include <mpi.h>", "only comm may include <mpi.h>"),
    "src/comm/agree.cpp": ("#include <ATen/ATen.h>", "may include <ATen/ATen.h>"),
    "src/util/b.cpp": ('#include "b.h"', 'write #include "util/b.h"'),
    "src/config/a.cpp": ("#include <CLI/CLI.hpp>", "only jobs may include"),
    "src/io/b.cpp": ('#include "world/gold.h"', "only evaluation, world may include world/gold.h"),
    "src/new/a.h": ("", "not in tests/architecture/layers.txt"),
}


class Layers(unittest.TestCase):
    def test_every_sort_of_wrong_include_is_found(self):
        for name, (line, message) in WRONG.items():
            with tempfile.TemporaryDirectory() as folder:
                root = pathlib.Path(folder)
                (root / "jobs").mkdir()
                (root / "tests/architecture").mkdir(parents=True)
                (root / "tests/architecture/layers.txt").write_text(
                    "util:\nconfig: util\ncomm: util\nio: util comm\njobs: util\n")
                (root / name).parent.mkdir(parents=True)
                (root / name).write_text(line + "\n")
                done = subprocess.run([sys.executable, str(SCRIPT), folder], capture_output=True, text=True)
                self.assertEqual(done.returncode, 1, name)
                self.assertIn(message, done.stdout)


if __name__ == "__main__":
    unittest.main()
