# SPDX-License-Identifier: Apache-2.0
"""analysis/tables.py and to_tensorboard.py: what they write is what results.h5 holds, and what scipy makes of it."""
import math
import pathlib
import tempfile
import unittest

import h5py
import numpy as np
import pandas as pd
from scipy import stats

from made_results import RECIPES, Recipe, call, write_results

import intervals
import tables
import texts
from results import OUTCOMES, Results


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-tables-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)


class Tables(TemporaryFolder):
    def test_every_table_is_written_and_reads_back(self):
        run = write_results(self.folder / "run")
        done = call("tables.py", run, "--samples", "--out", self.folder / "out")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        written = {path.stem: pd.read_csv(path) for path in (self.folder / "out").iterdir()}
        self.assertEqual(set(written), set(tables.ALL) | set(tables.SAMPLES))
        results = Results(run)
        with h5py.File(run / "results.h5", locking=False) as file:
            np.testing.assert_array_equal(written["models"]["accuracy"], file["models/accuracy/value"])
            np.testing.assert_array_equal(written["models"]["win_by_judge_low"], file["models/win_by_judge/low"])
            np.testing.assert_array_equal(written["differences"]["p_value"], file["differences/mcnemar/p_value"])
            np.testing.assert_array_equal(written["best_of_n"]["gold"], file["best_of_n/gold"][:].ravel())
            np.testing.assert_array_equal(written["pairs"]["west_of_8 rejected"], file["pairs/score_rejected"][3])
            np.testing.assert_array_equal(written["prompts"]["hf50"], file["prompts/score"][0])
            np.testing.assert_array_equal(written["samples"]["log_likelihood"], file["samples/log_likelihood"])
            np.testing.assert_allclose(written["matches"]["p"], (file["matches/p_ab"][:] + 1 - file["matches/p_ba_swapped"]) / 2)
        self.assertEqual(written["samples"]["response"][9], "answer <i>1</i> né 你好")
        self.assertEqual(written["pools"]["set"].value_counts().to_dict(), {"unlabelled": 60, "test": 6})
        self.assertEqual(list(written["models"]["recipe"][:2].fillna("")), ["", "self_training"])
        self.assertEqual(written["counts"].to_numpy().tolist(), [["pools-00ff", "prompts", 60], ["pools-00ff", "samples", 480]])
        self.assertEqual(written["choices"][["model", "recipe"]].to_numpy().tolist(),
                         [["west_of_8", "west_of_8"], ["west_of_8", "west_of_8_sure"]])
        self.assertEqual(results.names, list(written["models"]["model"]))
        names = {path.name for path in (self.folder / "out").iterdir()}
        self.assertFalse([name for name in names if ".tmp-" in name])

    def test_an_older_file_and_an_empty_one_have_the_tables_that_they_can_have(self):
        for name, what in (("old", {"old": True}), ("none", {"pairs": 0, "prompts": 0, "unlabelled": 0, "recipes": (), "more": ()})):
            results = Results(write_results(self.folder / name, **what))
            for table in (tables.ALL | tables.SAMPLES).values():
                self.assertIsInstance(table(results), pd.DataFrame)
        self.assertEqual(len(tables.models(results)), len(results.names))

    def test_verdicts_are_said_only_where_there_is_a_difference(self):
        table = tables.differences(Results(write_results(self.folder / "run", gold=False, accuracy={"hf50": 0.7, "hf100": 0.8})))
        self.assertEqual(set(table["win_over_pool_verdict"]), {""})
        self.assertEqual(table.set_index("model")["accuracy_verdict"]["hf100"], "better")

    def test_cost_sums_attempts_and_counts_what_was_lost(self):
        table = tables.cost_of_stages(Results(write_results(self.folder / "run"))).set_index("stage")
        pools = table.loc["pools-00ff"]
        self.assertEqual((pools["attempts"], pools["seconds"], pools["tokens"]), (2, 4200, 13_000_000))
        self.assertAlmostEqual(pools["hours_lost"], 1200 / 3600)
        self.assertAlmostEqual(pools["gpu_hours"], 8 * 4200 / 3600)
        self.assertAlmostEqual(pools["tokens_per_second"], 13_000_000 / 4200)

    def test_order_bias_is_that_of_the_matches(self):
        run = write_results(self.folder / "run")
        with h5py.File(run / "results.h5", "a") as file:
            p, q = file["matches/p_ab"][:], file["matches/p_ba_swapped"][:]
            q[:7] = np.nan
            file["matches/p_ba_swapped"][:] = q
        table = tables.order_bias(Results(run))
        both = ~np.isnan(q)
        self.assertEqual(list(table["both_orders"]), [both.sum()])
        self.assertAlmostEqual(table["first_place"][0], (p[both].mean() + q[both].mean()) / 2)
        self.assertAlmostEqual(table["flips"][0], np.mean([(a > 0.5) == (b > 0.5) for a, b in zip(p[both], q[both])]))
        summary = tables.matches_summary(Results(run))
        self.assertEqual(summary["matches"].sum(), len(p))

    def test_length_bias_counts_the_chosen_that_are_longer(self):
        run = write_results(self.folder / "run")
        table = tables.length_bias(Results(run)).set_index("pairs_of")
        with h5py.File(run / "results.h5", locking=False) as file:
            self.assertAlmostEqual(table.loc["human test pairs", "longer"], np.mean(file["pairs/length_difference"][:] > 0))
            rows = (file["synthetic/recipe"][:] == 3) & (file["synthetic/outcome"][:] == 0)
            first = file["pools/first_sample"][:][file["synthetic/pool"][:][rows]]
            tokens = file["samples/tokens"][:]
            longer = [tokens[at] > tokens[at + 1] for at in first]
        self.assertAlmostEqual(table.loc["west_of_8_sure", "longer"], np.mean(longer))

    def test_quantiles_keep_the_largest_as_the_filters_do(self):
        results = Results(write_results(self.folder / "run", recipes=(Recipe("plain"),), unlabelled=47))
        rows = tables.synthetic(results)
        rows = rows[rows["confidence"].notna()]
        table = tables.quantile_effects(results).set_index(["filter", "quantile"])
        for q in (0.0, 0.25, 0.5, 0.95):
            kept = rows.sort_values("confidence", kind="stable").iloc[math.floor(q * len(rows)):]
            self.assertEqual(table.loc[("confidence", q), "kept"], len(kept))
            self.assertAlmostEqual(table.loc[("confidence", q), "label_accuracy"], np.mean(kept["gold_difference"] > 0))
        each = [set(rows.sort_values(f"{side}_log_likelihood").index[math.floor(0.5 * len(rows)):]) for side in ("chosen", "rejected")]
        self.assertEqual(table.loc[("likelihood of each", 0.5), "kept"], len(each[0] & each[1]))

    def test_growth_takes_recipes_of_the_same_filters_and_filters_those_of_one_quantile(self):
        results = Results(write_results(self.folder / "run"))
        growth = tables.growth(results)
        self.assertEqual(growth.groupby("family")["n"].apply(list).to_dict(),
                         {"no filter": [2, 4, 8], "confidence ≥ 0.5": [8], "likelihood ≥ 0.25": [8]})
        difference = tables.differences(results).set_index("model")["accuracy"]
        np.testing.assert_allclose(growth["accuracy_gain"], difference.loc[growth["model"]])
        filters = tables.filters(results)
        self.assertEqual(filters.groupby("filter")["quantile"].apply(list).to_dict(), {"confidence": [0, 0.5], "likelihood": [0, 0.25]})
        self.assertEqual(list(tables.choices(results)["confidence_quantile"]), [0, 0.5])

    def test_mixtures_count_rows_and_different_pairs(self):
        table = tables.mixture(Results(write_results(self.folder / "run"))).set_index("recipe")
        self.assertEqual(list(table.loc["west_of_8"]), [54, 54, 15, 54])


class Texts(TemporaryFolder):
    def test_ten_pairs_are_chosen_by_confidence_and_reason(self):
        results = Results(write_results(self.folder / "run", recipes=RECIPES[3:4]))
        pairs = texts.example_pairs(results)
        self.assertEqual([pair["label"] for pair in pairs], ["confident"] * 4 + ["middling"] * 3 + ["dropped"] * 3)
        kept = tables.synthetic(results).query("outcome == 'kept'")["confidence"].sort_values(ascending=False)
        self.assertEqual([pair["confidence"] for pair in pairs[:4]], list(kept[:4]))
        self.assertTrue(all(kept.min() <= pair["confidence"] <= kept.iloc[3] for pair in pairs[4:7]))
        self.assertEqual([pair["outcome"] for pair in pairs[7:]], [OUTCOMES[1], OUTCOMES[2], OUTCOMES[5]])
        self.assertEqual(pairs[0]["prompt"], f"Why is <b>{pairs[0]['pool']}</b> & so on?")
        self.assertEqual((pairs[0]["chosen_text"], pairs[0]["rejected_text"]),
                         ("answer <i>0</i> né 你好", "answer <i>1</i> né 你好"))
        self.assertIsNone(pairs[7]["chosen_text"])

    def test_where_nothing_is_dropped_ten_kept_pairs_are_shown(self):
        run = write_results(self.folder / "run", recipes=RECIPES[2:3])
        with h5py.File(run / "results.h5", "a") as file:
            file["synthetic/outcome"][:] = 0
            file["synthetic/confidence"][:] = np.linspace(0.5, 1, 60)
        pairs = texts.example_pairs(Results(run))
        self.assertEqual([pair["label"] for pair in pairs], ["confident"] * 4 + ["middling"] * 6)

    def test_fewer_pairs_are_shown_once_each(self):
        results = Results(write_results(self.folder / "run", recipes=RECIPES[2:3], unlabelled=3))
        self.assertEqual(len({pair["pool"] for pair in texts.example_pairs(results)}), 3)


class Intervals(unittest.TestCase):
    def test_they_are_those_of_scipy(self):
        for k, n in ((0, 5), (3, 7), (50, 60)):
            np.testing.assert_allclose(intervals.wilson(k / n, n), stats.binomtest(k, n).proportion_ci(method="wilson"), atol=1e-12)
        for freedom in (1, 2, 7, 100):
            self.assertAlmostEqual(intervals.t_quantile(freedom) / stats.t.ppf(0.975, freedom), 1, places=4)
        values = np.random.default_rng(1).normal(0, 1, 9)
        expected = stats.t.interval(0.95, 8, values.mean(), stats.sem(values))
        np.testing.assert_allclose(intervals.mean_interval(values)[1:], expected, rtol=1e-4)

    def test_a_band_covers_the_truth_as_often_as_it_says(self):
        rng, hits = np.random.default_rng(2), 0
        for _ in range(400):
            groups = np.repeat(np.arange(60), 2)
            rows = rng.normal(0, 1, 60)[groups] + rng.normal(0, 0.5, 120)
            _, low, high = intervals.grouped_mean(rows[:, None], groups)
            hits += low[0] <= 0 <= high[0]
        self.assertGreater(hits / 400, 0.91)
        self.assertLess(hits / 400, 0.98)

    def test_best_of_n_is_the_mean_over_all_subsets(self):
        from metrics_check import best_by_subsets
        rng = np.random.default_rng(3)
        scores, values = rng.integers(0, 4, (5, 6)).astype(float), rng.normal(0, 1, (5, 6))
        curves = intervals.best_of_n_curves(scores, values).mean(axis=0)
        np.testing.assert_allclose(curves, [best_by_subsets(scores, values, n) for n in range(1, 7)])
        gold = rng.integers(0, 3, (4, 6)).astype(float)
        wins = [[(np.sum(x > row) + 0.5 * (np.sum(x == row) - 1)) / 5 for x in row] for row in gold]
        np.testing.assert_allclose(intervals.wins_over_pool(gold), wins)


class TensorBoard(TemporaryFolder):
    def test_the_event_files_hold_the_curves(self):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        run = write_results(self.folder / "run", curves=("policy", "hf50", "a/b <c>"))
        self.assertEqual(call("to_tensorboard.py", run).returncode, 0)
        path = run / "tensorboard" / "hf50" / "events.out.tfevents.0.westofn"
        first = path.read_bytes()
        events = EventAccumulator(str(path.parent), size_guidance={"scalars": 0})
        events.Reload()
        curves = tables.curves(Results(run)).query("model == 'hf50'").dropna(subset=["loss"])
        found = events.Scalars("training/loss")
        self.assertEqual([event.step for event in found], list(curves["step"]))
        np.testing.assert_allclose([event.value for event in found], curves["loss"], rtol=1e-6)
        best = tables.best_of_n(Results(run)).query("model == 'hf50'")
        np.testing.assert_allclose([event.value for event in events.Scalars("best_of_n/gold_reward")], best["gold"], rtol=1e-6)
        self.assertTrue((run / "tensorboard" / "a_b__c_").is_dir())
        call("to_tensorboard.py", run)
        self.assertEqual(path.read_bytes(), first)


if __name__ == "__main__":
    unittest.main(verbosity=2)
