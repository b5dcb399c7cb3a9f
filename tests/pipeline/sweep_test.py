# SPDX-License-Identifier: Apache-2.0
"""analysis/sweep.py: each setting's levels and paired differences are those of numpy and scipy."""
import pathlib
import tempfile
import unittest

import numpy as np
import pandas as pd
from scipy import stats

from made_results import call, write_results

import matplotlib.pyplot as plt
import sweep

NAMES = ["hf50", "west_of_8", "hf100"]


class Sweep(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-sweep-")
        self.addCleanup(temporary.cleanup)
        self.addCleanup(plt.close, "all")
        self.folder = pathlib.Path(temporary.name)
        self.accuracies = np.random.default_rng(3).uniform(0.6, 0.9, (2, 3, len(NAMES)))
        for setting, of_setting in zip(("as-is", "noisy"), self.accuracies):
            for seed, row in enumerate(of_setting):
                write_results(self.folder / setting / f"seed-{seed}", seed=seed, accuracy=dict(zip(NAMES, row)))

    def line(self, text, setting):
        return next(line for line in text.splitlines() if line.startswith(setting + " "))

    def test_every_setting_has_its_levels_and_differences(self):
        done = call("sweep.py", self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for setting, of_setting in zip(("as-is", "noisy"), 100 * self.accuracies):
            line = self.line(done.stdout, setting)
            base, difference = of_setting[:, 0], of_setting[:, -1] - of_setting[:, 0]
            low, high = stats.t.interval(0.95, 2, difference.mean(), stats.sem(difference))
            self.assertEqual(line.split()[1], "3")
            self.assertIn(f"{base.mean():.1f} ± {stats.sem(base):.1f}", line)
            self.assertTrue(line.endswith(f"{difference.mean():+.1f} ± {stats.sem(difference):.1f} [{low:+.1f}, {high:+.1f}]"), line)
        self.assertIn("Best-of-N win minus that of hf50", done.stdout)

    def test_the_csv_and_the_figure_hold_the_same(self):
        done = call("sweep.py", self.folder, "--csv", self.folder / "all.csv", "--figure", self.folder / "all.png")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue((self.folder / "all.png").read_bytes().startswith(b"\x89PNG"))
        table = pd.read_csv(self.folder / "all.csv").set_index(["measure", "setting", "model"])
        expected = (self.accuracies[:, :, 1] - self.accuracies[:, :, 0]).mean(axis=1)
        rows = sweep.rows_of(sweep.read_settings(self.folder), "hf50")
        panel = next(a for a in sweep.figure_of(rows, "hf50").axes if a.get_title(loc="left") == "west_of_8: accuracy")
        drawn = [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "o"]
        for setting, value, point in zip(("as-is", "noisy"), expected, drawn):
            self.assertAlmostEqual(table.loc[("accuracy", setting, "west_of_8"), "difference"], value)
            self.assertAlmostEqual(point, 100 * value)

    def test_what_a_change_does_is_paired_by_run(self):
        write_results(self.folder / "noisy" / "seed-9")  # has no partner
        done = call("sweep.py", self.folder, "--base", "as-is", "--csv", self.folder / "all.csv")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        change = 100 * np.diff(self.accuracies[:, :, 2] - self.accuracies[:, :, 0], axis=0)[0]
        line = self.line(done.stdout.split("what changes from 'as-is'")[1], "noisy")
        low, high = stats.t.interval(0.95, 2, change.mean(), stats.sem(change))
        self.assertEqual(line.split()[1], "3")
        self.assertTrue(line.endswith(f"{change.mean():+.1f} ± {stats.sem(change):.1f} [{low:+.1f}, {high:+.1f}]"), line)
        table = pd.read_csv(self.folder / "all.csv").query("base == 'as-is' and measure == 'accuracy' and model == 'hf100'")
        self.assertAlmostEqual(100 * table["difference"].item(), change.mean())
        self.assertIn("what changes", done.stdout)
        nobody = call("sweep.py", self.folder, "--base", "nobody")
        self.assertEqual((nobody.returncode, nobody.stderr.count("\n")), (3, 1), nobody.stderr)

    def test_settings_may_have_other_models_and_single_runs(self):
        write_results(self.folder / "alone" / "seed-1", recipes=(), more=("hf100",), judge=False)
        done = call("sweep.py", self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(self.line(done.stdout, "alone"), r"^alone +1 +\d+\.\d +\d+\.\d +- +[+-]\d+\.\d(?: +-)+$")

    def test_what_holds_no_settings_is_refused(self):
        for wrong in (self.folder / "as-is" / "seed-0", self.folder / "nowhere"):
            done = call("sweep.py", wrong)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)
            self.assertIn("SETTING/RUN/results.h5", done.stderr)
        done = call("sweep.py", self.folder, "--reference", "nobody")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
