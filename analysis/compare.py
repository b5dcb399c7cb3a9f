# SPDX-License-Identifier: Apache-2.0
"""Several runs (seeds) of one experiment: mean and standard error of every model, and differences paired by run."""
import argparse
import pathlib

import numpy as np

from results import Results, ResultsError, main

MEASURES = (("accuracy", "models/accuracy"), ("high confidence", "models/high_confidence"),
            ("Best-of-N win", "models/win_over_pool"), ("over one sample", "models/win_over_sft"))


def mean_and_error(values):
    """Mean and standard error in percent of the runs that have a value; error nan for a single run."""
    values = 100 * np.asarray([v for v in values if not np.isnan(v)])
    if len(values) == 0:
        return np.nan, np.nan
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def show(values, sign=""):
    mean, error = mean_and_error(values)
    if np.isnan(mean):
        return "-"
    return f"{mean:{sign}.1f}" + ("" if np.isnan(error) else f" ± {error:.1f}")


def value(results, name, path):
    return results[f"{path}/value"][results.names.index(name)]


def common_models(runs):
    """Names in all runs, in the order of the first one."""
    names = [n for n in runs[0].names if all(n in r.names for r in runs)]
    if not names:
        raise ResultsError("these runs have no model in common")
    return names


def compare(runs, reference):
    names = common_models(runs)
    if reference not in names:
        raise ResultsError(f"'{reference}' is not in all runs; there are: {', '.join(names)}")
    lines = [f"{len(runs)} runs; percent, mean ± standard error over runs", ""]
    lines.append(f"{'':24}" + "".join(f"{title:>18}" for title, _ in MEASURES))
    for name in names:
        cells = [show([value(r, name, path) for r in runs]) for _, path in MEASURES]
        lines.append(f"{name[:23]:24}" + "".join(f"{cell:>18}" for cell in cells))
    kind = dict(zip(runs[0].names, runs[0].kinds))
    models = [n for n in names if kind[n] == "reward model" and n != reference]
    for title, path in (MEASURES[0], MEASURES[2]):
        if not models or all(np.isnan(value(r, reference, path)) for r in runs):
            continue
        lines += ["", f"{title} minus {reference}, points, paired by run", ""]
        lines.append(f"{'':24}{'mean':>14}  " + "".join(f"{r.folder.resolve().name[-10:]:>11}" for r in runs))
        for name in models:
            differences = [value(r, name, path) - value(r, reference, path) for r in runs]
            lines.append(f"{name[:23]:24}{show(differences, '+'):>14}  " +
                         "".join(f"{100 * d:>+11.1f}" for d in differences))
    recipes = [n for n in runs[0].text("recipes/name") if all(n in r.text("recipes/name") for r in runs)]
    if recipes:
        lines += ["", "labels of the synthetic pairs right by gold", ""]
    for name in recipes:
        rates = [r["recipes/label_accuracy/value"][r.text("recipes/name").index(name)] for r in runs]
        lines.append(f"{name[:23]:24}{show(rates):>14}  " + "".join(f"{100 * rate:>11.1f}" for rate in rates))
    return "\n".join(lines)


def program():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=pathlib.Path, nargs="+", help="run folders with results.h5, one a seed")
    parser.add_argument("--reference", help="the model that others are compared with (default: that of the first run)")
    options = parser.parse_args()
    runs = [Results(run) for run in options.runs]
    print(compare(runs, options.reference or runs[0].names[runs[0].reference]))


if __name__ == "__main__":
    main(program)
