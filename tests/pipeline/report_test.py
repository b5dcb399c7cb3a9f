# SPDX-License-Identifier: Apache-2.0
"""analysis/report.py on made-up results: the page and its figures say what the file says, whatever it lacks."""
import pathlib
import re
import tempfile
import time
import unittest
import unittest.mock
import warnings

import h5py
import numpy as np
import pandas as pd

from made_results import RECIPES, call, many_models, write_results

import figures
import matplotlib.pyplot as plt
import report
import tables
from results import Results

TINY = {"pairs": 3, "prompts": 2, "unlabelled": 3, "recipes": RECIPES[2:3], "more": (), "curves": ("hf50",)}
NOTHING = {"pairs": 0, "prompts": 0, "unlabelled": 0, "recipes": (), "more": (), "curves": (), "gold": False, "judge": False}


def panels_of(results, name):
    """The panels of a figure that are in use."""
    return [axes for axes in figures.draw(results, name).axes if axes.get_visible()]


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-report-")
        self.addCleanup(temporary.cleanup)
        self.addCleanup(plt.close, "all")
        self.folder = pathlib.Path(temporary.name)

    def results(self, **what):
        return Results(write_results(self.folder / f"run-{time.monotonic_ns()}", **what))


class Report(TemporaryFolder):
    def report(self, run):
        done = call("report.py", run)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return (run / "report.html").read_text()

    def cells(self, page, name):
        row = re.search(rf"<tr[^>]*><td>{re.escape(name)}</td>(.*?)</tr>", page).group(1)
        return re.findall(r"<td[^>]*>(.*?)</td>", row)

    def test_the_page_says_what_the_file_says_and_has_every_figure(self):
        run = write_results(self.folder / "run", accuracy={"hf50": 0.774, "west_of_8": 0.883, "hf100": 0.7},
                            win={"hf50": 0.764, "west_of_8": 0.76, "hf100": 0.7})
        page = self.report(run)
        self.assertEqual(self.cells(page, "hf50")[:5],
                         ["hf50", "40", "77.4 [75.4, 79.4]", "87.4 [85.4, 89.4]", "76.4 [73.4, 79.4]"])
        self.assertEqual(self.cells(page, "preference model")[4], "–")
        self.assertIn('<b>west_of_8</b> – accuracy on held-out pairs: <span class="better">better than hf50</span> '
                      "(+10.9 [+8.9, +12.9] points)", page)
        self.assertIn('<span class="worse">worse than hf50</span> (-6.4 [-8.4, -4.4] points)', page)
        self.assertIn('<span class="no">no difference seen at this sample size</span> (-0.4 [-2.4, +1.6] points)', page)
        self.assertIn("better on 13 pairs and worse on 9", page)
        self.assertNotIn("<script>", page)
        self.assertNotIn("<i>1</i>", page)
        self.assertNotIn("Why is <b>", page)
        self.assertEqual(len(re.findall(r"Why is &lt;b&gt;\d+&lt;/b&gt; &amp; so on\?", page)), 10)
        self.assertEqual(len(re.findall(r'class="pair ', page)), 10)
        drawn = {path.stem for path in (run / "figures").iterdir()}
        self.assertEqual(drawn, set(figures.ALL))
        self.assertEqual(len(re.findall(r'src="data:image/png;base64,', page)), len(drawn))
        self.assertNotRegex(page, r'(src|href)="(?!data:|#)')

    def test_what_is_not_there_is_left_out_and_an_old_figure_goes(self):
        run = write_results(self.folder / "run", **NOTHING)
        (run / "figures").mkdir()
        (run / "figures" / "best_of_n.png").write_bytes(b"of an earlier report")
        page = self.report(run)
        self.assertEqual([path.name for path in (run / "figures").iterdir()], ["cost.png"])
        self.assertIn("This run has no recipes.", page)
        self.assertIn("one reward model only", page)
        self.assertEqual(self.report(run), page, "two reports of one run are equal")

    def test_a_wrong_folder_is_a_message_and_no_traceback(self):
        (self.folder / "empty").mkdir()
        runs = {name: write_results(self.folder / name, **NOTHING) for name in ("broken", "other", "lacking")}
        (runs["broken"] / "results.h5").write_bytes(b"x" * 100)
        with h5py.File(runs["other"] / "results.h5", "a") as file:
            file.attrs["version"] = [2, 0]
        with h5py.File(runs["lacking"] / "results.h5", "a") as file:
            del file["models/accuracy"]
        for program in ("report.py", "tables.py", "compare.py", "to_tensorboard.py"):
            for name, words in (("empty", "no such file"), ("broken", "no intact HDF5"), ("other", "schema version 2"),
                                ("lacking", "lacks models/accuracy")):
                done = call(program, self.folder / name)
                self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), f"{program} {name}\n{done.stderr}")
                self.assertIn(words, done.stderr)
            self.assertEqual(call(program, "--help").returncode, 0)
            self.assertEqual(call(program).returncode, 2)


class EveryFigure(TemporaryFolder):
    """What is drawn, whatever there is; a warning of numpy or matplotlib is an error."""

    def draw_all(self, **what):
        results, drawn = self.results(**what), set()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for name in figures.ALL:
                figure = figures.draw(results, name)
                if figure is not None:
                    figure.draw_without_rendering()
                    plt.close(figure)
                    drawn.add(name)
            self.assertIn("<h1>", report.page(results, {}))
        return set(figures.ALL) - drawn

    def test_small_and_poor_files(self):
        gold = {"best_of_n", "best_of_n_gold", "overoptimisation", "gold_margin"}
        recipes = {"flow", "balance", "quantile_effects", "confidence", "likelihood", "gold_margin"}
        fitted = {"growth", "filters"}
        self.assertEqual(self.draw_all(**TINY), fitted | {"calibration", "length"})
        self.assertEqual(self.draw_all(gold=False), gold)
        self.assertEqual(self.draw_all(judge=False, intervals=False, confidences=False), set())
        self.assertEqual(self.draw_all(recipes=(), more=()), recipes | fitted | {"differences"})
        self.assertEqual(self.draw_all(unlabelled=0), recipes | {"order_bias"})
        self.assertEqual(self.draw_all(pairs=0), {"calibration", "length"})
        self.assertEqual(self.draw_all(old=True), {"growth", "filters", "order_bias", "cost"})

    def test_twelve_models_do_not_overlap(self):
        results = self.results(**many_models())
        self.assertEqual(len(results.models("reward model")), 12)
        for name in ("models", "differences", "length_bias", "balance"):
            figure = figures.draw(results, name)
            figure.draw_without_rendering()
            for axes in figure.axes:
                boxes = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text() and label.get_visible()]
                for above, below in zip(boxes, boxes[1:]):
                    self.assertFalse(above.overlaps(below), f"{name}: names of rows")
        self.assertEqual(len(figures.draw(results, "best_of_n").axes), 12)


class Numbers(TemporaryFolder):
    """What is drawn is what tables.py says, for two runs with different data."""

    def both(self):
        return [self.results(seed=seed, recipes=RECIPES[:count], more=("hf100",)) for seed, count in ((3, 3), (4, 5))]

    def points(self, axes):
        """Row -> value of a chart of points."""
        return {int(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"}

    def test_points_of_models_and_differences(self):
        seen = []
        for results in self.both():
            for name, table, columns in (
                    ("models", tables.models(results), ("accuracy", "high_confidence", "win_over_pool", "win_over_sft", "win_by_judge")),
                    ("differences", tables.differences(results), ("accuracy", "win_over_pool", "win_by_judge"))):
                panels = figures.draw(results, name).axes
                for axes, column in zip(panels, columns, strict=True):
                    expected = {i: 100 * v for i, v in enumerate(table[column]) if not np.isnan(v)}
                    self.assertEqual(self.points(axes).keys(), expected.keys())
                    np.testing.assert_allclose(list(self.points(axes).values()), list(expected.values()))
                    names = [label.get_text() for label in panels[0].get_yticklabels()]
                    self.assertEqual(names, list(table["model"]))
                seen.append(self.points(panels[0])[0])
        self.assertNotAlmostEqual(seen[1], seen[3], msg="the runs differ")

    def test_intervals_are_drawn_to_their_ends(self):
        results = self.both()[0]
        axes = figures.draw(results, "models").axes[0]
        ends = sorted(tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() == "None"
                      and line.get_ydata()[0] == line.get_ydata()[1])
        table = tables.models(results)
        np.testing.assert_allclose(ends, sorted(zip(100 * table["accuracy_low"], 100 * table["accuracy_high"])))

    def test_curves_over_n_and_steps(self):
        for results in self.both():
            curves, steps = tables.best_of_n(results), tables.curves(results)
            for name, x, column, scale in (("best_of_n", "n", "win", 100), ("best_of_n_gold", "kl", "gold", 1)):
                axes = figures.draw(results, name).axes
                drawn = {line.get_label(): line for panel in axes for line in panel.lines if not line.get_label().startswith("_")}
                for model in (results.names[i] for i in results.models("reward model")):
                    rows = curves[curves["model"] == model]
                    np.testing.assert_allclose(drawn[model].get_xdata(), rows[x])
                    np.testing.assert_allclose(drawn[model].get_ydata(), scale * rows[column])
            panel = figures.draw(results, "training").axes[2]
            rows = steps[(steps["model"] == panel.get_title(loc="left")) & (steps["step"] > 0)]
            np.testing.assert_allclose(panel.lines[0].get_ydata(), rows["loss"])
            validation = {line.get_label(): line.get_ydata() for line in figures.draw(results, "validation").axes[0].lines}
            rows = steps[(steps["model"] == "hf50") & steps["validation_accuracy"].notna()]
            np.testing.assert_allclose(validation["hf50"], 100 * rows["validation_accuracy"])

    def test_growth_filters_and_calibration(self):
        results = self.both()[1]
        growth = tables.growth(results)
        growth = growth[growth["family"] == "no filter"]
        self.assertEqual(list(growth["n"]), [2, 4, 8])
        line = figures.draw(results, "growth").axes[0].containers[0].lines[0]
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([growth["n"], 100 * growth["label_accuracy"]]))
        filters = tables.filters(results)
        for panel, name in zip(figures.draw(results, "filters").axes, ("confidence", "likelihood")):
            rows = filters[filters["filter"] == name]
            np.testing.assert_allclose(panel.containers[0].lines[0].get_xydata(),
                                       np.column_stack([rows["quantile"], 100 * rows["accuracy"]]))
        calibration = tables.calibration(results)
        for panel in panels_of(results, "calibration"):
            rows = calibration[calibration["model"] == panel.get_title(loc="left").split("\n")[0]]
            line = next(c for c in panel.containers if hasattr(c, "lines")).lines[0]
            np.testing.assert_allclose(line.get_xydata(), 100 * rows[["confidence", "accuracy"]])

    def test_each_filter_shows_only_choices_among_its_own_quantiles(self):
        chosen = pd.DataFrame({"model": ["confident"] * 2 + ["likely"] * 2, "validation_accuracy": [0.7, 0.8, 0.6, 0.5],
                               "confidence_quantile": [0.1, 0.5, 0, 0], "likelihood_quantile": [0, 0, 0.1, 0.5],
                               "chosen": [0, 1, 1, 0]})
        with unittest.mock.patch.object(tables, "choices", return_value=chosen):
            panels = figures.draw(self.both()[1], "filters").axes
        for panel, own in zip(panels, ("confident", "likely"), strict=True):
            dashed = {line.get_label(): line.get_xydata() for line in panel.lines if line.get_linestyle() == "--"}
            self.assertEqual(list(dashed), [f"{own} (validation)"])
            rows = chosen[chosen["model"] == own]
            np.testing.assert_allclose(dashed[f"{own} (validation)"],
                                       np.column_stack([[0.1, 0.5], 100 * rows["validation_accuracy"]]))

    def test_counts_of_histograms_bars_and_matches(self):
        results = self.both()[1]
        table, recipes = tables.synthetic(results), tables.recipes(results)
        for panel, name in zip(panels_of(results, "confidence"), recipes["recipe"], strict=True):
            rows = table[(table["recipe"] == name) & table["confidence"].notna()]
            kept = sum(patch.get_height() for patch in panel.patches[:40])
            self.assertEqual(kept, (rows["outcome"] == "kept").sum())
        kept = figures.draw(results, "balance").axes[0].containers[0]
        self.assertEqual([bar.get_width() for bar in kept], list(recipes["kept"]))
        order = tables.order_bias(results).iloc[0]
        panel = figures.draw(results, "order_bias").axes[0]
        self.assertEqual(panel.collections[0].get_array().sum(), order["both_orders"])
        self.assertIn(f"flips {100 * order['flips']:.1f} %", panel.get_title(loc="left"))
        hours = tables.cost_of_stages(results)["hours"]
        bars = figures.draw(results, "cost").axes[0].containers[0]
        np.testing.assert_allclose([bar.get_width() for bar in bars], hours)

    def test_the_flow_says_the_counts_of_the_balance(self):
        results = self.both()[1]
        recipes, mixture = tables.recipes(results), tables.mixture(results)
        for axes, kept, rows in zip(panels_of(results, "flow"), recipes["kept"], mixture["human_rows"], strict=True):
            said = [text.get_text() for text in axes.texts]
            self.assertIn(f"kept {kept}", said)
            self.assertIn("prompts with a pool 60", said)
            self.assertIn("human pairs used 15", said)
            self.assertTrue(any(f"{rows} human rows" in text for text in said), said)


class Huge(TemporaryFolder):
    def test_many_prompts_take_seconds(self):
        results = self.results(unlabelled=20_000, prompts=10_000, recipes=RECIPES[2:4], more=())
        begin = time.process_time()
        for name in figures.ALL:
            figure = figures.draw(results, name)
            if figure is not None:
                figure.draw_without_rendering()
                plt.close(figure)
            self.assertLess(time.process_time() - begin, 60, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
