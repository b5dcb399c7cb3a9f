# SPDX-License-Identifier: Apache-2.0
"""Every table of a run as CSV (RUN/tables by default), or in Python as a pandas DataFrame: tables.models(Results(RUN)).

Shares are shares, not percent. With --samples also what has a row for each prompt, sample or match.
"""
import pathlib

import numpy as np
import pandas as pd

from intervals import best_of_n_curves, grouped_mean, wilson, wins_over_pool
from results import LENGTHS, SPLITS, VERDICTS, Results, main, parser_of, replacing
from synthetic import (add_estimate, choices, filters, growth, length_bias, matches, matches_summary, order_bias, pools,
                       quantile_effects, recipes, samples, spread, synthetic)

MEASURES = ("accuracy", "high_confidence", "win_over_pool", "win_over_sft", "win_by_judge")


def models(results):
    """A row for each model, with all that is said of it in one number."""
    count = len(results.names)
    table = pd.DataFrame({"model": results.names, "kind": results.kinds,
                          "reference": np.arange(count) == results.reference})
    names, index = results.text("recipes/name"), results.get("models/recipe", count, -1)
    table["recipe"] = [names[i] if i >= 0 else "" for i in index]
    table["human"] = results.text("models/human", count)
    table["validation_accuracy"] = results.get("models/validation_accuracy", count)
    for name in (*MEASURES, "length_correlation"):
        add_estimate(table, results, f"models/{name}", name)
    for name in ("expected_error", "brier"):
        table[name] = results[f"calibration/{name}"]
    return table


def differences(results):
    """A row for each reward model but the reference: its measures minus those of the reference, with verdicts."""
    index = results["differences/model"]
    table = pd.DataFrame({"model": [results.names[i] for i in index],
                          "reference": results.names[results.reference] if len(index) else ""}, index=range(len(index)))
    for name in ("accuracy", "win_over_pool", "win_by_judge"):
        path = f"differences/{name}"
        add_estimate(table, results, path, name)
        verdicts = results.get(f"{path}/verdict", len(index), 0)
        table[f"{name}_verdict"] = [VERDICTS[v] for v in verdicts]
        table.loc[table[name].isna(), f"{name}_verdict"] = ""
    for name in ("only_model", "only_reference", "p_value"):
        table[name] = results.get(f"differences/mcnemar/{name}", len(index))
    return table


def best_of_n(results):
    """A row for each model and n; low and high: 95 % over the groups of prompts."""
    n, kl = results["best_of_n/n"], results["best_of_n/kl"]
    shape = (len(results.names), len(n))
    table = pd.DataFrame({"model": np.repeat(np.array(results.names, dtype=object), len(n)),
                          "n": np.tile(n, shape[0]), "kl": np.tile(kl, shape[0])})
    bands = best_of_n_bands(results, shape)
    for name in ("score", "gold", "win"):
        table[name] = results.get(f"best_of_n/{name}", shape).reshape(-1)
        table[f"{name}_low"], table[f"{name}_high"] = bands[name].reshape(2, -1)
    for end in ("low", "high"):
        table[f"win_{end}"] = table[f"win_{end}"].clip(0, 1)
    return table


def best_of_n_bands(results, shape):
    """Measure -> [2, models, n], from the scores of every sample; NaN where there are none."""
    bands = {name: np.full((2, *shape), np.nan) for name in ("score", "gold", "win")}
    if "prompts/score" not in results or shape[1] != results.n:
        return bands
    score, prompts = results["prompts/score"], results.size("prompts/id")
    groups = results.text("prompts/group", prompts)
    groups = np.array([group or f"\0{i}" for i, group in enumerate(groups)])
    values = {"score": None}
    if "prompts/gold" in results:
        values["gold"] = results["prompts/gold"][:, :results.n]
        values["win"] = wins_over_pool(values["gold"])
    for model, row in enumerate(score):
        own = row.reshape(prompts, -1)[:, :results.n]
        usable = ~np.isnan(own).any(axis=1)
        if not usable.any():
            continue
        for name, array in values.items():
            curves = best_of_n_curves(own[usable], (own if array is None else array)[usable])
            bands[name][:, model] = grouped_mean(curves, groups[usable])[1:]
    return bands


def calibration(results):
    """A row for each model and bin of confidence; low and high: Wilson's interval of the accuracy in the bin."""
    if "calibration/count" not in results:
        return pd.DataFrame(columns=["model", "bin", "confidence", *spread("accuracy"), "count"])
    count = results["calibration/count"]
    bins = count.shape[1]
    table = pd.DataFrame({"model": np.repeat(np.array(results.names, dtype=object), bins),
                          "bin": np.tile(np.arange(bins), len(results.names))})
    for name in ("confidence", "accuracy"):
        table[name] = results[f"calibration/{name}"].reshape(-1)
    table["count"] = np.nan_to_num(count.reshape(-1)).astype(np.int64)
    low, high = wilson(table["accuracy"], table["count"])
    table.insert(4, "accuracy_low", low), table.insert(5, "accuracy_high", high)
    return table


def accuracy_by_length(results):
    """A row for each model and class of length: the chosen response is much shorter .. much longer."""
    shape = (len(results.names), len(LENGTHS))
    accuracy, count = (results.get(f"models/{name}_by_length", shape).reshape(-1) for name in ("accuracy", "count"))
    low, high = wilson(accuracy, count)
    return pd.DataFrame({"model": np.repeat(np.array(results.names, dtype=object), len(LENGTHS)),
                         "chosen_is": np.tile(LENGTHS, shape[0]), "accuracy": accuracy, "accuracy_low": low,
                         "accuracy_high": high, "count": np.nan_to_num(count).astype(np.int64)})


def pairs(results):
    """A row for each test pair, with the scores of all models."""
    rows = results.size("pairs/confidence")
    table = pd.DataFrame({"id": results.text("pairs/id", rows), "group": results.text("pairs/group", rows),
                          "confidence": results["pairs/confidence"],
                          "length_difference": results.get("pairs/length_difference", rows)})
    shape = (len(results.names), rows)
    sides = {side: results.get(f"pairs/score_{side}", shape) for side in ("chosen", "rejected")}
    scores = {f"{name} {side}": values[i] for i, name in enumerate(results.names) for side, values in sides.items()}
    return pd.concat([table, pd.DataFrame(scores)], axis=1)


def prompts(results):
    """A row for each sample of each test prompt: gold and the scores of all models; number N is the SFT sample."""
    rows, size = results.size("prompts/id"), results.n + 1
    table = pd.DataFrame({"id": np.repeat(np.array(results.text("prompts/id"), dtype=object), size),
                          "group": np.repeat(np.array(results.text("prompts/group", rows), dtype=object), size),
                          "number": np.tile(np.arange(size), rows)})
    table["gold"] = results.get("prompts/gold", (rows, size)).reshape(-1)
    scores = results.get("prompts/score", (len(results.names), rows * size))
    return pd.concat([table, pd.DataFrame(dict(zip(results.names, scores)))], axis=1)


def best_samples(results):
    """A row for each test prompt: by model the sample that Best-of-N takes, what it beats, and what the judge says."""
    rows = results.size("prompts/id")
    table = pd.DataFrame({"id": results.text("prompts/id", rows), "group": results.text("prompts/group", rows)})
    columns = {}
    for name in ("best", "win_over_pool", "judge_prefers_best"):
        values = results.get(f"prompts/{name}", (len(results.names), rows))
        columns |= {f"{model} {name}": values[i] for i, model in enumerate(results.names)}
    return pd.concat([table, pd.DataFrame(columns)], axis=1)


def human(results):
    """A row for each human pair."""
    rows = results.size("human/split")
    table = pd.DataFrame({name: results.text(f"human/{name}", rows) for name in ("id", "prompt", "chosen", "rejected")})
    table["split"] = [SPLITS[s] for s in results.get("human/split", rows, 0)]
    for name in ("labelled_half", "confidence"):
        table[name] = results.get(f"human/{name}", rows)
    return table


def mixture(results):
    """A row for each recipe: rows of its mixture, and how many different pairs they are."""
    recipe, source, row = (results.get(f"mixture/{name}", 0) for name in ("recipe", "source", "row"))
    found = []
    for i, name in enumerate(results.text("recipes/name")):
        mine = recipe == i
        parts = [row[mine & (source == kind)] for kind in (0, 1)]
        found.append((name, *(len(part) for part in parts), *(len(np.unique(part)) for part in parts)))
    return pd.DataFrame(found, columns=["recipe", "human_rows", "synthetic_rows", "human_pairs", "synthetic_pairs"])


def curves(results):
    """A row for each step of each model that was trained in this run."""
    names = results.text("curves/name")
    index = results["curves/model"]
    table = pd.DataFrame({"model": np.array(names, dtype=object)[index] if names else [], "step": results["curves/step"]})
    for name in ("learning_rate", "loss", "gradient_norm", "validation_loss", "validation_accuracy"):
        table[name] = results.get(f"curves/{name}", len(table))
    return table


def cost(results):
    """A row for each attempt at a stage: wall time, ranks, devices, and what it made."""
    rows = results.size("cost/seconds")
    table = pd.DataFrame({name: results.text(f"cost/{name}", rows) for name in ("stage", "outcome")})
    for name in ("seconds", "ranks", "nodes", "gpus", "cpus", "tokens", "samples", "restart"):
        table[name] = results.get(f"cost/{name}", rows)
    return table


def cost_of_stages(results):
    """The same summed over attempts; hours_lost: of attempts that did not complete their stage."""
    table = cost(results)
    hours = table["seconds"] / 3600
    table = table.assign(hours=hours, gpu_hours=hours * table["gpus"], core_hours=hours * table["cpus"],
                         hours_lost=hours.where(table["outcome"].isin(["stopped", "failed", "unfinished"]), 0), attempts=1)
    columns = ["attempts", "seconds", "hours", "hours_lost", "gpu_hours", "core_hours", "tokens", "samples"]
    table = table.groupby("stage", sort=False, as_index=False)[columns].sum()
    for name in ("tokens", "samples"):
        table[f"{name}_per_second"] = table[name] / table["seconds"].where(table["seconds"] > 0)
    return table


def counts(results):
    """The balance of each stage."""
    rows = results.size("counts/value")
    folders = results.text("stages/folder", results.size("stages/folder"))
    return pd.DataFrame({"stage": results.labels("counts/stage", folders), "name": results.text("counts/name", rows),
                         "value": results.get("counts/value", rows, 0)})


def named(*paths):
    """A table of texts."""
    def table(results):
        rows = results.size(paths[0])
        return pd.DataFrame({path.split("/")[1]: results.text(path, rows) for path in paths})
    return table


stages = named("stages/name", "stages/folder", "stages/key")
inputs = named("inputs/name", "inputs/hash")
versions = named("versions/name", "versions/version")

ALL = {f.__name__: f for f in (models, differences, best_of_n, calibration, accuracy_by_length, recipes, growth, filters,
                               choices, quantile_effects, synthetic, matches_summary, order_bias, length_bias, mixture,
                               curves, cost, cost_of_stages, counts)}
ALL |= {"stages": stages, "inputs": inputs, "versions": versions}
SAMPLES = {f.__name__: f for f in (pairs, prompts, best_samples, human, pools, samples, matches)}


def write_tables(results, folder, with_samples=False):
    """Writes every table that has rows; returns name -> rows."""
    written = {}
    for name, function in (ALL | SAMPLES if with_samples else ALL).items():
        table = function(results)
        if len(table) > 0:
            with replacing(folder / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False)
            written[name] = len(table)
    return written


def program():
    parser = parser_of(__doc__)
    parser.add_argument("--out", type=pathlib.Path, help="folder for the CSV files (default: RUN/tables)")
    parser.add_argument("--samples", action="store_true", help="also pairs, prompts, pools, samples, matches, human pairs")
    options = parser.parse_args()
    results = Results(options.run)
    folder = options.out or results.folder / "tables"
    for name, rows in write_tables(results, folder, options.samples).items():
        print(f"{rows:>10}  {folder / name}.csv")


if __name__ == "__main__":
    main(program)
