# SPDX-License-Identifier: Apache-2.0
"""analysis/report.py and compare.py on made-up results: the pages say what the file says."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

ANALYSIS = pathlib.Path(__file__).resolve().parents[2] / "analysis"
NAMES = ["hf50", "west_of_64", "a<b>", "preference model", "longer", "gold"]
KINDS = [0, 0, 0, 1, 2, 2]
PAIRS, PROMPTS, N = 40, 6, 8
NAN = float("nan")


def write_text(file, path, rows):
    encoded = [row.encode() for row in rows]
    file[f"{path}/bytes"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    file[f"{path}/offsets"] = np.cumsum([0] + [len(row) for row in encoded]).astype(np.int64)


def write_estimates(file, path, values, half=0.02, count=PAIRS):
    values = np.asarray(values, dtype=float)
    file[f"{path}/value"] = values
    file[f"{path}/low"], file[f"{path}/high"] = values - half, values + half
    file[f"{path}/count"] = np.where(np.isnan(values), 0, count).astype(np.int64)


def write_results(folder, accuracy=(0.774, 0.783, 0.7, 0.763, 0.526, 0.88), win=(0.764, 0.717, 0.7, NAN, 0.49, 0.995),
                  recipes=("west_of_64",), curves=("policy", "hf50")):
    """A results.h5 as the schema in analysis/README.md has it."""
    rng = np.random.default_rng(1)
    models, folder = len(NAMES), pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "results.h5", "w") as file:
        file.attrs["filetype"], file.attrs["version"], file.attrs["n"], file.attrs["program"] = "westofn/results", [1, 0], N, "0.1.0"
        write_text(file, "models/name", NAMES)
        file["models/kind"] = np.array(KINDS, dtype=np.uint8)
        file["models/reference"] = np.array([0])
        write_estimates(file, "models/accuracy", accuracy)
        write_estimates(file, "models/high_confidence", [0.9, 0.91, NAN, 0.89, 0.5, 0.99])
        write_estimates(file, "models/win_over_pool", win, count=PROMPTS)
        write_estimates(file, "models/win_over_sft", win, count=PROMPTS)
        file["models/accuracy_by_length"] = rng.random((models, 5))
        file["models/count_by_length"] = np.full((models, 5), PAIRS / 5)
        file["differences/model"] = np.array([1, 2])
        write_estimates(file, "differences/accuracy", [0.009, -0.074])
        file["differences/accuracy/verdict"] = np.array([0, 2], dtype=np.uint8)
        write_estimates(file, "differences/win_over_pool", [-0.047, -0.064])
        file["differences/win_over_pool/verdict"] = np.array([2, 2], dtype=np.uint8)
        file["calibration/expected_error"] = np.array([0.031, 0.04, 0.05, 0.02, NAN, NAN])
        file["calibration/brier"] = np.array([0.15, 0.16, 0.16, 0.14, NAN, NAN])
        file["calibration/confidence"] = np.tile(np.linspace(0.52, 0.98, 10), (models, 1))
        file["calibration/accuracy"] = rng.random((models, 10))
        file["calibration/count"] = np.full((models, 10), 20.0)
        file["best_of_n/n"] = np.arange(1, N + 1)
        file["best_of_n/kl"] = np.log(np.arange(1, N + 1)) - np.arange(N) / np.arange(1, N + 1)
        for name in ("score", "gold", "win"):
            file[f"best_of_n/{name}"] = np.sort(rng.random((models, N)), axis=1)
        file["pairs/confidence"] = rng.random(PAIRS)
        write_text(file, "prompts/id", [f"p{i}" for i in range(PROMPTS)])
        write_text(file, "recipes/name", recipes)
        file["recipes/prompts"] = np.full(len(recipes), 60)
        file["recipes/kept"] = np.full(len(recipes), 57)
        write_estimates(file, "recipes/label_accuracy", [0.977] * len(recipes))
        rows = 60 * len(recipes)
        file["synthetic/recipe"] = np.repeat(np.arange(len(recipes)), 60)
        file["synthetic/outcome"] = np.where(np.arange(rows) % 20 == 0, 2, 0).astype(np.uint8)
        for name in ("confidence", "gold_difference"):
            file[f"synthetic/{name}"] = rng.random(rows)
        write_text(file, "curves/name", curves)
        file["curves/model"] = np.repeat(np.arange(len(curves)), 30)
        file["curves/step"] = np.tile(np.arange(30), len(curves))
        file["curves/loss"] = rng.random(30 * len(curves))
        file["curves/validation_accuracy"] = np.where(np.arange(30 * len(curves)) % 10 == 0, 0.7, NAN)
        write_text(file, "stages/name", ["prepare"])
        write_text(file, "stages/key", ["00ff"])
        write_text(file, "experiment", ["name: test # <script>\n"])
    return folder


def call(program, *arguments):
    return subprocess.run([sys.executable, "-B", ANALYSIS / program, *map(str, arguments)], capture_output=True, text=True)


class Report(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-report-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def report(self, run):
        done = call("report.py", run)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return (run / "report.html").read_text()

    def cells(self, page, name):
        row = re.search(rf"<tr[^>]*><td>{re.escape(name)}</td>(.*?)</tr>", page).group(1)
        return re.findall(r"<td[^>]*>(.*?)</td>", row)

    def test_the_table_says_what_the_file_says(self):
        page = self.report(write_results(self.folder / "run"))
        self.assertEqual(self.cells(page, "hf50"), ["40", "77.4 [75.4, 79.4]", "90.0 [88.0, 92.0]", "76.4 [74.4, 78.4]",
                                                    "76.4 [74.4, 78.4]", "3.1"])
        self.assertEqual(self.cells(page, "preference model")[3], "–")
        self.assertEqual(self.cells(page, "a&lt;b&gt;")[2], "–")
        self.assertIn("<td>+0.9 [-1.1, +2.9]</td><td class=\"no\">no difference seen</td>", page)
        self.assertIn("<td>-4.7 [-6.7, -2.7]</td><td class=\"worse\">worse</td>", page)
        self.assertIn("<td>60</td><td>57</td><td>97.7 [95.7, 99.7]</td>", page)
        self.assertNotIn("<script>", page)

    def test_every_figure_is_in_the_page_and_in_the_folder(self):
        run = write_results(self.folder / "run")
        page = self.report(run)
        drawn = sorted(path.stem for path in (run / "figures").glob("*.png"))
        self.assertEqual(drawn, ["accuracy", "balance", "best_of_n", "calibration", "confidence", "differences",
                                 "high_confidence", "length", "training", "win"])
        self.assertEqual(len(re.findall(r'src="data:image/png;base64,', page)), len(drawn))
        self.assertNotRegex(page, r'(src|href)="(?!data:)')
        self.assertEqual(self.report(run), page, "two reports of one run are equal")

    def test_a_run_without_gold_recipes_and_curves_has_a_report(self):
        run = write_results(self.folder / "run", win=[NAN] * 6, recipes=(), curves=())
        with h5py.File(run / "results.h5", "a") as file:
            del file["best_of_n/win"], file["best_of_n/gold"]
        page = self.report(run)
        self.assertFalse((run / "figures" / "best_of_n.png").exists())
        self.assertEqual(self.cells(page, "hf50")[3], "–")

    def test_a_wrong_folder_is_a_message_and_no_traceback(self):
        (self.folder / "empty").mkdir()
        broken = write_results(self.folder / "broken")
        (broken / "results.h5").write_bytes(b"x" * 100)
        other = write_results(self.folder / "other")
        with h5py.File(other / "results.h5", "a") as file:
            file.attrs["version"] = [2, 0]
        for name, words in (("empty", "no such file"), ("broken", "no intact HDF5"), ("other", "schema version 2")):
            done = call("report.py", self.folder / name)
            self.assertEqual(done.returncode, 3, name)
            self.assertIn(words, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(call("report.py", "--help").returncode, 0)
        self.assertEqual(call("report.py").returncode, 2)


class Compare(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-compare-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def test_means_errors_and_paired_differences_are_right(self):
        rng = np.random.default_rng(7)
        accuracies = rng.uniform(0.6, 0.9, (3, len(NAMES)))
        runs = [write_results(self.folder / f"seed-{i}", accuracy=a) for i, a in enumerate(accuracies)]
        done = call("compare.py", *runs)
        self.assertEqual(done.returncode, 0, done.stderr)

        def text(values, sign=""):
            values = 100 * np.asarray(values)
            return f"{values.mean():{sign}.1f} ± {values.std(ddof=1) / np.sqrt(3):.1f}"

        row = next(line for line in done.stdout.splitlines() if line.startswith("west_of_64"))
        self.assertIn(text(accuracies[:, 1]), row)
        section = done.stdout.split("accuracy minus hf50")[1].split("Best-of-N win minus")[0]
        difference = accuracies[:, 1] - accuracies[:, 0]
        row = next(line for line in section.splitlines() if line.startswith("west_of_64"))
        self.assertIn(text(difference, "+"), row)
        self.assertEqual(row.split()[-3:], [f"{100 * d:+.1f}" for d in difference])

    def test_one_run_has_no_error_and_another_reference_can_be_named(self):
        run = write_results(self.folder / "run")
        done = call("compare.py", run, "--reference", "west_of_64")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("minus west_of_64", done.stdout)
        self.assertNotIn("77.4 ±", done.stdout)
        self.assertEqual(call("compare.py", run, "--reference", "nobody").returncode, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
