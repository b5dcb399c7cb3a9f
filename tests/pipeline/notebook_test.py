# SPDX-License-Identifier: Apache-2.0
"""analysis/results.ipynb runs from its first cell to its last, on rich and on poor results."""
import os
import pathlib
import tempfile
import unittest

import nbformat
from nbclient import NotebookClient

from made_results import ANALYSIS, write_results


def run_notebook(run):
    """Runs it on a run folder; returns the notebook with its outputs."""
    notebook = nbformat.read(ANALYSIS / "results.ipynb", as_version=4)
    os.environ["WESTOFN_RUN"], os.environ["PYTHONDONTWRITEBYTECODE"] = str(run), "1"
    return NotebookClient(notebook, timeout=300, startup_timeout=200, kernel_name="python3",
                          resources={"metadata": {"path": str(ANALYSIS)}}).execute()


def outputs(notebook):
    """All text, and the number of pictures."""
    found = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(o.get("text", "") + str(o.get("data", {}).get("text/plain", "")) for o in found)
    return text, sum("image/png" in o.get("data", {}) for o in found)


class Notebook(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-notebook-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def test_it_shows_what_the_file_holds(self):
        text, pictures = outputs(run_notebook(write_results(self.folder / "run", accuracy={"hf50": 0.4321})))
        self.assertEqual(pictures, 3)
        self.assertIn("0.432", text)
        self.assertIn("answer <i>0</i> né 你好", text)

    def test_it_runs_where_there_is_little(self):
        poor = write_results(self.folder / "run", recipes=(), more=(), gold=False, judge=False, pairs=0, prompts=0, unlabelled=0)
        text, _ = outputs(run_notebook(poor))
        self.assertIn("preference model", text)

    def test_it_is_kept_without_outputs(self):
        text, pictures = outputs(nbformat.read(ANALYSIS / "results.ipynb", as_version=4))
        self.assertEqual((text, pictures), ("", 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
