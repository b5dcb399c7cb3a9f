# SPDX-License-Identifier: Apache-2.0
"""Is what results.h5 says what numpy and scipy make of the scores in it?  metrics_check.py RUN, or check_results(RUN).

Written from the schema and method alone, by other means than the program: subsets one by one, scipy's tests.
"""
import itertools
import math
import pathlib
import sys

import h5py
import numpy as np
from scipy import stats

SUBSETS = 50_000  # Best-of-n is compared for every n that has no more subsets of the pool


class Run:
    """Arrays of a results.h5."""

    def __init__(self, folder):
        self.file = h5py.File(pathlib.Path(folder) / "results.h5", "r", locking=False)
        self.names, self.n = self.text("models/name"), int(self.file.attrs["n"])
        self.kinds = self["models/kind"]

    def __contains__(self, path):
        return path in self.file

    def __getitem__(self, path):
        return self.file[path][:]

    def text(self, path):
        data, at = self[f"{path}/bytes"].tobytes(), self[f"{path}/offsets"]
        return [data[a:b].decode() for a, b in zip(at[:-1], at[1:])]

    def rewards(self):
        return [i for i, kind in enumerate(self.kinds) if kind == 0]

    def samples(self, model):
        """[prompts, N] scores of the pool of each test prompt."""
        return self["prompts/score"][model].reshape(-1, self.n + 1)[:, :self.n]

    def outcomes(self, model):
        return better(self["pairs/score_chosen"][model], self["pairs/score_rejected"][model])


def better(a, b):
    """1, 1/2, 0 or NaN."""
    return np.where(np.isnan(a) | np.isnan(b), np.nan, (a > b) + 0.5 * (a == b))


def same(found, expected, what):
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=what)


def mean(values):
    values = values[~np.isnan(values)]
    return values.mean() if len(values) else np.nan


def check_accuracy(run):
    if "pairs/score_chosen" not in run:
        return
    confidence, groups = run["pairs/confidence"], run.text("pairs/group")
    sure = confidence > (np.nanmedian(confidence) if not np.isnan(confidence).all() else np.inf)
    alone = len(set(groups)) == len(groups)
    for i, name in enumerate(run.names):
        outcome = run.outcomes(i)
        for path, values in (("accuracy", outcome), ("high_confidence", outcome[sure])):
            same(run[f"models/{path}/value"][i], mean(values), f"{path} of {name}")
            count = int(np.sum(~np.isnan(values)))
            assert run[f"models/{path}/count"][i] == count, f"{path} of {name}: count"
            wins = np.nansum(values)
            if alone and count and wins == int(wins):
                interval = stats.binomtest(int(wins), count).proportion_ci(0.95, method="wilson")
                same([run[f"models/{path}/{end}"][i] for end in ("low", "high")], interval, f"{path} of {name}: Wilson")
        differences = run["pairs/length_difference"]
        sizes = abs(differences[differences != 0])
        much = np.median(sizes) if len(sizes) else 0
        classes = np.sign(differences) * (1 + (abs(differences) > much)) * (differences != 0) + 2
        for c in range(5):
            same(run["models/accuracy_by_length"][i, c], mean(outcome[classes == c]), f"length class {c} of {name}")


def check_intervals(run):
    """Every interval holds its value."""
    def visit(path, item):
        if isinstance(item, h5py.Group) and {"value", "low", "high"} <= set(item):
            value, low, high = (item[part][:] for part in ("value", "low", "high"))
            given = ~np.isnan(low)
            assert np.all((low <= value + 1e-12)[given] & (value <= high + 1e-12)[given]), f"{path}: value outside its interval"
    run.file.visititems(visit)


def check_differences(run):
    reference = int(run["models/reference"][0])
    wins = run["prompts/win_over_pool"] if "prompts/win_over_pool" in run else None
    for row, i in enumerate(run["differences/model"]):
        if "pairs/score_chosen" in run:
            difference = run.outcomes(i) - run.outcomes(reference)
            same(run["differences/accuracy/value"][row], mean(difference), f"difference of {run.names[i]}")
            only, other = int(np.sum(difference > 0)), int(np.sum(difference < 0))
            if "differences/mcnemar" in run:
                p = stats.binomtest(min(only, other), only + other).pvalue if only + other else 1
                found = [run[f"differences/mcnemar/{part}"][row] for part in ("only_model", "only_reference", "p_value")]
                same(found, [only, other, p], f"McNemar of {run.names[i]}")
        if wins is not None:
            same(run["differences/win_over_pool/value"][row], mean(wins[i] - wins[reference]), f"win of {run.names[i]}")
    for name in ("accuracy", "win_over_pool", "win_by_judge"):
        if f"differences/{name}" in run:
            low, high = run[f"differences/{name}/low"], run[f"differences/{name}/high"]
            assert np.array_equal(run[f"differences/{name}/verdict"], np.where(low > 0, 1, np.where(high < 0, 2, 0))), f"verdict by {name}"


def check_calibration(run):
    if "calibration/count" not in run:
        return
    for i, name in enumerate(run.names):
        if run.kinds[i] == 2:
            assert np.isnan(run["calibration/brier"][i]), f"{name} has no probabilities"
            continue
        chosen, rejected = run["pairs/score_chosen"][i], run["pairs/score_rejected"][i]
        p = 1 / (1 + np.exp(rejected - chosen)) if run.kinds[i] == 0 else chosen
        p = p[~np.isnan(p)]
        confidence, right = np.maximum(p, 1 - p), better(p, np.full(len(p), 0.5))
        place = np.minimum(((confidence - 0.5) * 20).astype(int), 9)
        error = 0
        for b in range(10):
            mine = place == b
            assert np.nan_to_num(run["calibration/count"][i, b]) == mine.sum(), f"bin {b} of {name}"
            same(run["calibration/accuracy"][i, b], mean(right[mine]), f"bin {b} of {name}")
            same(run["calibration/confidence"][i, b], mean(confidence[mine]), f"bin {b} of {name}")
            error += abs(right[mine].sum() - confidence[mine].sum()) / len(p)
        same(run["calibration/expected_error"][i], error, f"calibration error of {name}")
        same(run["calibration/brier"][i], np.mean((1 - p) ** 2), f"Brier of {name}")


def best_by_subsets(scores, values, n):
    """Mean over prompts and over all subsets of size n of the value of the best; of equal scores the last."""
    order = np.argsort(scores, axis=1, kind="stable")
    place = np.argsort(order, axis=1)
    subsets = np.array(list(itertools.combinations(range(scores.shape[1]), n)))
    total = 0.0
    for row in range(len(scores)):
        winners = order[row, place[row][subsets].max(axis=1)]
        total += values[row, winners].mean()
    return total / len(scores)


def check_best_of_n(run):
    if "prompts/score" not in run:
        return
    sizes = [n for n in range(1, run.n + 1) if math.comb(run.n, n) <= SUBSETS]
    gold = run["prompts/gold"] if "prompts/gold" in run else None
    n = run["best_of_n/n"]
    same(run["best_of_n/kl"], np.log(n) - (n - 1) / n, "KL")
    for i, name in enumerate(run.names):
        scores = run.samples(i)
        usable = ~np.isnan(scores).any(axis=1)
        if not usable.any():
            continue
        last = run.n - 1 - np.argmax(scores[:, ::-1], axis=1)
        assert np.array_equal(run["prompts/best"][i][usable], last[usable]), f"best of {name}"
        curves = {"score": scores}
        if gold is not None:
            pool = gold[:, :run.n]
            beats = np.array([(better(row[:, None], row[None]).sum(axis=1) - 0.5) / (run.n - 1) for row in pool])
            curves |= {"gold": pool, "win": beats}
            at_best = np.arange(len(scores))[usable], last[usable]
            same(run["prompts/win_over_pool"][i][usable], beats[at_best], f"wins of {name}")
            same(run["models/win_over_pool/value"][i], beats[at_best].mean(), f"win of {name}")
            same(run["models/win_over_sft/value"][i], better(pool[at_best], gold[usable, run.n]).mean(), f"win over one of {name}")
        for k in sizes if i in run.rewards()[:2] else (1, run.n):
            for what, values in curves.items():
                expected = best_by_subsets(scores[usable], values[usable], k)
                same(run[f"best_of_n/{what}"][i, k - 1], expected, f"Best-of-{k} {what} of {name}")


def check_judge(run):
    if "prompts/judge_prefers_best" not in run:
        return
    for i, name in enumerate(run.names):
        p = run["prompts/judge_prefers_best"][i]
        same(run["models/win_by_judge/value"][i], mean(better(p, np.where(np.isnan(p), np.nan, 0.5))), f"win by judge of {name}")


def check_length_correlation(run):
    if "human/id" not in run or "models/length_correlation" not in run:
        return
    rows = {name: i for i, name in enumerate(run.text("human/id"))}
    texts = {side: run.text(f"human/{side}") for side in ("chosen", "rejected")}
    words = np.concatenate([[len(texts[side][rows[name]].split()) for name in run.text("pairs/id")] for side in texts])
    for i in run.rewards():
        scores = np.concatenate([run[f"pairs/score_{side}"][i] for side in texts])
        expected = stats.spearmanr(scores, words, nan_policy="omit").statistic
        same(run["models/length_correlation/value"][i], expected, f"length correlation of {run.names[i]}")


def check_recipes(run):
    recipe, outcome = run["synthetic/recipe"], run["synthetic/outcome"]
    for r, name in enumerate(run.text("recipes/name")):
        mine, kept = recipe == r, (recipe == r) & (outcome == 0)
        assert run["recipes/prompts"][r] == mine.sum() and run["recipes/kept"][r] == kept.sum(), f"counts of {name}"
        gold = run["synthetic/gold_difference"][kept]
        same(run["recipes/label_accuracy/value"][r], mean(better(gold, gold * 0)), f"labels of {name}")
        if "recipes/confidence_quantile" in run:
            has_pair = mine & ~np.isnan(run["synthetic/confidence"])
            dropped = int(np.floor(run["recipes/confidence_quantile"][r] * has_pair.sum()))
            assert np.sum(mine & (outcome == 5)) == dropped, f"pairs of {name} below the quantile of confidence"
        if "mixture/source" in run:
            rows = run["mixture/row"][(run["mixture/recipe"] == r) & (run["mixture/source"] == 1)]
            assert len(rows) == 0 or (rows.min() >= 0 and rows.max() < kept.sum()), f"mixture of {name}"


def check_samples(run):
    """Pairs point at their samples, matches at the better response."""
    if "synthetic/pool" not in run or "samples/pool" not in run:
        return
    first, pool = run["pools/first_sample"], run["samples/pool"]
    assert np.array_equal(pool, np.repeat(np.arange(len(first) - 1), np.diff(first))), "samples of the pools"
    assert np.array_equal(run["samples/number"], np.arange(len(pool)) - first[pool]), "numbers of the samples"
    ids, prompts = np.array(run.text("pools/prompt_id"), dtype=object), np.array(run.text("synthetic/prompt"), dtype=object)
    assert np.array_equal(ids[run["synthetic/pool"]], prompts), "pools of the synthetic pairs"
    for side in ("chosen", "rejected"):
        number = run[f"synthetic/{side}"]
        rows = np.flatnonzero((number >= 0) & ~np.isnan(run[f"synthetic/{side}_log_likelihood"]))
        found = run["samples/log_likelihood"][first[run["synthetic/pool"][rows]] + number[rows]]
        same(run[f"synthetic/{side}_log_likelihood"][rows], found, f"likelihood of {side}")
    p = np.nanmean([run["matches/p_ab"], 1 - run["matches/p_ba_swapped"]], axis=0) if run["matches/set"].size else np.zeros(0)
    a, b, winner = run["matches/a"], run["matches/b"], run["matches/winner"]
    clear = abs(p - 0.5) > 2e-6
    assert np.array_equal(winner[clear], np.where(p > 0.5, a, b)[clear]), "winners of the matches"


CHECKS = (check_accuracy, check_intervals, check_differences, check_calibration, check_best_of_n, check_judge,
          check_length_correlation, check_recipes, check_samples)


def check_results(folder):
    """Raises AssertionError where a number is not what the scores give; returns the names of the checks."""
    run = Run(folder)
    for check in CHECKS:
        check(run)
    return [check.__name__ for check in CHECKS]


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        print(folder, *check_results(folder), sep="\n  ")
