# SPDX-License-Identifier: Apache-2.0
"""analysis/compare.py: means, standard errors and paired differences over runs are those of numpy and scipy."""
import pathlib
import tempfile
import unittest

import numpy as np
import pandas as pd
from scipy import stats

from made_results import call, write_results

import compare
import matplotlib.pyplot as plt
from results import Results

NAMES = ["hf50", "west_of_8", "hf100"]


class Compare(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-compare-")
        self.addCleanup(temporary.cleanup)
        self.addCleanup(plt.close, "all")
        self.folder = pathlib.Path(temporary.name)
        self.accuracies = np.random.default_rng(7).uniform(0.6, 0.9, (4, len(NAMES)))

    def runs(self):
        return [write_results(self.folder / f"seed-{i}", seed=i, accuracy=dict(zip(NAMES, row)))
                for i, row in enumerate(self.accuracies)]

    def row(self, text, name):
        return next(line for line in text.splitlines() if line.startswith(name + " "))

    def test_the_text_says_means_errors_and_paired_differences(self):
        done = call("compare.py", *self.runs())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        values = 100 * self.accuracies[:, 1]
        self.assertIn(f"{values.mean():.1f} ± {stats.sem(values):.1f}", self.row(done.stdout, "west_of_8"))
        section = done.stdout.split("accuracy minus hf50")[1].split("Best-of-N win minus")[0]
        difference = 100 * (self.accuracies[:, 1] - self.accuracies[:, 0])
        low, high = stats.t.interval(0.95, 3, difference.mean(), stats.sem(difference))
        row = self.row(section, "west_of_8")
        self.assertIn(f"{difference.mean():+.1f} ± {stats.sem(difference):.1f}", row)
        self.assertIn(f"[{low:+.1f}, {high:+.1f}]", row)
        self.assertIn(f"{(difference > 0).sum()} of 4", row)
        self.assertEqual(row.split()[-4:], [f"{d:+.1f}" for d in difference])
        self.assertIn("win by judge minus hf50", done.stdout)
        self.assertIn("N = 4  west_of_4", done.stdout.split("growth with N")[1])

    def test_the_csv_and_the_figure_say_the_same(self):
        runs = self.runs()
        done = call("compare.py", *runs, "--csv", self.folder / "all.csv", "--figure", self.folder / "forest.png")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue((self.folder / "forest.png").read_bytes().startswith(b"\x89PNG"))
        table = pd.read_csv(self.folder / "all.csv")
        rows = table[(table["table"] == "differences") & (table["measure"] == "accuracy")].set_index("model")
        difference = self.accuracies[:, 2] - self.accuracies[:, 0]
        self.assertAlmostEqual(rows.loc["hf100", "difference"], difference.mean())
        low, high = stats.t.interval(0.95, 3, difference.mean(), stats.sem(difference))
        np.testing.assert_allclose(rows.loc["hf100", ["difference_low", "difference_high"]].astype(float), [low, high], rtol=1e-4)

        differences = compare.paired_differences(compare.read_models([Results(run) for run in runs]), "hf50")
        axes = compare.forest(differences, "hf50").axes[0]
        names = [label.get_text() for label in axes.get_yticklabels()]
        points = {round(line.get_ydata()[0], 2): line.get_xdata() for line in axes.lines if line.get_marker() == "o"}
        place = names.index("hf100")
        self.assertAlmostEqual(points[place][0], 100 * difference.mean())
        np.testing.assert_allclose(points[place + 0.28], 100 * difference)

    def test_one_run_has_no_error_and_another_reference_can_be_named(self):
        run = write_results(self.folder / "run", accuracy={"hf50": 0.774})
        done = call("compare.py", run, "--reference", "west_of_8")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("minus west_of_8", done.stdout)
        self.assertIn("77.4", self.row(done.stdout, "hf50"))
        self.assertNotIn("±", done.stdout.splitlines()[3])
        nobody = call("compare.py", run, "--reference", "nobody")
        self.assertEqual((nobody.returncode, nobody.stderr.count("\n")), (3, 1))

    def test_a_seed_that_counts_twice_is_named(self):
        runs = self.runs()
        done = call("compare.py", *runs, runs[1])
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"^warning: .* have the same numbers: is this one seed twice\?\n$")

    def test_runs_without_common_models_recipes_or_gold(self):
        poor = write_results(self.folder / "poor", recipes=(), gold=False, judge=False, old=True)
        done = call("compare.py", poor, write_results(self.folder / "rich"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("growth", done.stdout)
        alone = write_results(self.folder / "alone", recipes=(), more=())
        done = call("compare.py", alone, "--figure", self.folder / "f.png")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)
        self.assertFalse((self.folder / "f.png").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
