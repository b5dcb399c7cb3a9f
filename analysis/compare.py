# SPDX-License-Identifier: Apache-2.0
"""Several runs (seeds) of one experiment: mean and standard error of every model, and differences paired by run.

Differences are those within a run, so that what a seed makes easier or harder for all models cancels out; their interval
is Student's t over the runs.
"""
import pathlib
import sys

import numpy as np
import pandas as pd

import tables
from intervals import mean_interval
from results import Results, ResultsError, main, parser_of, replacing

MEASURES = {"accuracy": "accuracy", "high_confidence": "high confidence", "win_over_pool": "Best-of-N win",
            "win_over_sft": "over one sample", "win_by_judge": "win by judge"}
COMPARED = ("accuracy", "win_over_pool", "win_by_judge")


def run_names(runs):
    """The shortest ends of their paths that tell the runs apart."""
    parts = [run.folder.resolve().parts for run in runs]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [f"run {i + 1}" for i in range(len(runs))]


def read_models(runs):
    """A row for each run and model, of the models that all runs have, in the order of the first one."""
    names = [n for n in runs[0].names if all(n in r.names for r in runs)]
    if not names:
        raise ResultsError("these runs have no model in common")
    parts = [tables.models(run).set_index("model").loc[names].reset_index().assign(run=label)
             for run, label in zip(runs, run_names(runs))]
    return pd.concat(parts, ignore_index=True)


def repeated(runs):
    """A warning for every run whose models all score as those of an earlier one: one seed that counts twice."""
    seen, warnings = {}, []
    for run, label in zip(runs, run_names(runs)):
        numbers = tuple(zip(run.names, run["models/accuracy/value"]))
        if numbers in seen:
            warnings.append(f"{label} and {seen[numbers]} have the same numbers: is this one seed twice?")
        seen.setdefault(numbers, label)
    return warnings


def summarise(data, by, columns):
    """Mean, standard error and number of runs of each column."""
    grouped = data.groupby(by, sort=False)
    found = {}
    for column in columns:
        found[column], found[f"{column}_error"] = grouped[column].mean(), grouped[column].sem()
        found[f"{column}_runs"] = grouped[column].count()
    return pd.DataFrame(found).reset_index()


def paired_differences(data, reference):
    """A row for each measure, reward model and run."""
    if reference not in set(data["model"]):
        raise ResultsError(f"'{reference}' is not in all runs; there are: {', '.join(dict.fromkeys(data['model']))}")
    base = data[data["model"] == reference].set_index("run")
    others = data[(data["kind"] == "reward model") & (data["model"] != reference)]
    parts = [pd.DataFrame({"measure": name, "model": others["model"], "run": others["run"],
                           "difference": others[name] - others["run"].map(base[name])}) for name in COMPARED]
    return pd.concat(parts, ignore_index=True).dropna(subset=["difference"])


def summarise_differences(differences):
    """Mean, interval over runs, and in how many of them the model is better or worse."""
    rows = [(measure, model, *mean_interval(part["difference"]), part["difference"].sem(), len(part),
             (part["difference"] > 0).sum(), (part["difference"] < 0).sum())
            for (measure, model), part in differences.groupby(["measure", "model"], sort=False)]
    return pd.DataFrame(rows, columns=["measure", "model", "difference", "difference_low", "difference_high",
                                       "difference_error", "runs", "better", "worse"])


def pseudo_labels(runs):
    """Mean over runs of what became of each recipe that all runs have."""
    parts = [tables.recipes(run).assign(run=label) for run, label in zip(runs, run_names(runs))]
    data = pd.concat(parts, ignore_index=True)
    return summarise(in_all(data, runs), ["recipe"], ["label_accuracy", "kept_share", "mean_confidence"])


def in_all(data, runs):
    """The rows of recipes that all runs have."""
    return data[data.groupby("recipe")["run"].transform("nunique") == len(runs)] if len(data) else data


def growth(runs):
    """Mean over runs of the tournaments by N."""
    data = pd.concat([tables.growth(run).assign(run=label) for run, label in zip(runs, run_names(runs))], ignore_index=True)
    columns = ["label_accuracy", "accuracy_gain", "win_over_pool_gain", "win_by_judge_gain", "mean_chosen_log_likelihood",
               "mean_rejected_log_likelihood"]
    data = in_all(data, runs)
    data = data[data.groupby("family")["n"].transform("nunique") > 1] if len(data) else data
    return summarise(data, ["family", "n", "recipe", "model"], columns)


def cell(value, error, sign="", scale=100):
    """"77.4 ± 0.3"; without an error for a single run."""
    if np.isnan(value):
        return "-"
    return f"{scale * value:{sign}.1f}" + ("" if np.isnan(error) else f" ± {scale * error:.1f}")


def lines_of(frame, key, columns, width=18, scale=100):
    """Head and rows of mean ± error; `columns`: column -> title. Columns without values are left out."""
    columns = {c: title for c, title in columns.items() if frame[c].notna().any()}
    lines = [f"{'':28}" + "".join(f"{title:>{width}}" for title in columns.values())]
    for row in frame.to_dict("records"):
        cells = [cell(row[c], row[f"{c}_error"], "+" if c.endswith("_gain") else "", 1 if "log_likelihood" in c else scale)
                 for c in columns]
        lines.append(f"{str(row[key])[:27]:28}" + "".join(f"{text:>{width}}" for text in cells))
    return lines


def difference_lines(differences, reference):
    """A block for each measure: mean, interval, runs in which the model is better, and every run."""
    summary = summarise_differences(differences)
    runs = list(dict.fromkeys(differences["run"]))
    lines = []
    for measure in dict.fromkeys(summary["measure"]):
        lines += ["", f"{MEASURES[measure]} minus {reference}, points, paired by run; 95 % interval (t)", ""]
        lines.append(f"{'':28}{'mean':>14}{'interval':>18}{'better in':>12}  " + "".join(f"{run[-10:]:>11}" for run in runs))
        for row in summary[summary["measure"] == measure].to_dict("records"):
            part = differences[(differences["measure"] == measure) & (differences["model"] == row["model"])].set_index("run")
            interval = "-" if np.isnan(row["difference_low"]) else f"[{100 * row['difference_low']:+.1f}, {100 * row['difference_high']:+.1f}]"
            each = "".join(f"{cell(part['difference'].get(run, np.nan), np.nan, '+'):>11}" for run in runs)
            lines.append(f"{row['model'][:27]:28}{cell(row['difference'], row['difference_error'], '+'):>14}{interval:>18}"
                         f"{row['better']:>6} of {row['runs']:<2}  {each}")
    return lines


def compare(runs, reference):
    """The whole comparison as text, and its tables by name."""
    data = read_models(runs)
    differences = paired_differences(data, reference)
    found = {"models": summarise(data, ["model"], list(MEASURES)), "differences": summarise_differences(differences),
             "differences by run": differences, "pseudo-labels": pseudo_labels(runs), "growth": growth(runs)}
    lines = [f"{len(runs)} runs; percent, mean ± standard error over runs", ""]
    lines += lines_of(found["models"], "model", MEASURES) + difference_lines(differences, reference)
    if len(found["pseudo-labels"]):
        lines += ["", "synthetic pairs", "", *lines_of(found["pseudo-labels"], "recipe", {
            "label_accuracy": "right by gold", "kept_share": "prompts kept", "mean_confidence": "confidence"})]
    if len(found["growth"]):
        lines += ["", "growth with N", "", *lines_of(found["growth"].assign(row=[
            f"N = {n}  {recipe}" for n, recipe in zip(found["growth"]["n"], found["growth"]["recipe"])]), "row", {
                "label_accuracy": "right by gold", "accuracy_gain": "accuracy gain", "win_over_pool_gain": "win gain",
                "win_by_judge_gain": "gain by judge", "mean_chosen_log_likelihood": "log p chosen",
                "mean_rejected_log_likelihood": "log p rejected"}, 16)]
    return "\n".join(lines), found


def forest(differences, reference):
    """Mean and interval of every paired difference, with a dot for every run; None without differences."""
    from figures.style import COLORS, DARK, GREY, grid, interval_points, name_rows, short, title
    if len(differences) == 0:
        return None
    summary = summarise_differences(differences)
    measures = list(dict.fromkeys(summary["measure"]))
    models = list(dict.fromkeys(summary["model"]))
    figure, panels = grid(len(measures), 3, 3.4, 0.5 * len(models) + 0.1, sharey=True)
    for axes, measure in zip(panels, measures):
        rows = summary[summary["measure"] == measure].set_index("model").reindex(models).reset_index()
        interval_points(axes, rows, "difference", [COLORS[0]] * len(models), form="{:+.1f}")
        for row, model in enumerate(models):
            dots = 100 * differences.loc[(differences["measure"] == measure) & (differences["model"] == model), "difference"]
            axes.plot(dots, [row + 0.28] * len(dots), "o", color=GREY, markersize=3.5, alpha=0.8)
        axes.autoscale(axis="x"), axes.margins(x=0.08)
        axes.axvline(0, color=DARK, linestyle=":", linewidth=1)
        name_rows(axes, models, MEASURES[measure][0].upper() + MEASURES[measure][1:])
        axes.set_xlabel("percentage points; small dots: runs")
    title(figure, f"Minus {short(reference)}, {differences['run'].nunique()} runs, 95 % intervals")
    return figure


def long_table(found):
    """All tables below one another, for one CSV file."""
    return pd.concat([frame.assign(table=name) for name, frame in found.items()], ignore_index=True).pipe(
        lambda all_rows: all_rows[["table", *[c for c in all_rows.columns if c != "table"]]])


def add_options(parser):
    """What the scripts that compare have in common."""
    parser.add_argument("--reference", help="the model that others are compared with (default: that of the first run)")
    parser.add_argument("--csv", type=pathlib.Path, help="also write all numbers, shares, to this file")
    parser.add_argument("--figure", type=pathlib.Path, help="also draw the differences (.png, .pdf or .svg)")


def write(options, table, draw):
    """The files that are asked for."""
    if options.csv:
        with replacing(options.csv) as temporary:
            table.to_csv(temporary, index=False)
    if options.figure:
        draw_to(options.figure, draw())


def draw_to(path, figure):
    if figure is None:
        raise ResultsError("there is no second reward model, so no difference to draw")
    if path.suffix not in (".png", ".pdf", ".svg"):
        raise ResultsError(f"{path}: a figure ends in .png, .pdf or .svg")
    with replacing(path) as temporary:
        figure.savefig(temporary)


def program():
    parser = parser_of(__doc__, "runs", "run folders with results.h5, one a seed", "+")
    add_options(parser)
    options = parser.parse_args()
    runs = [Results(run) for run in options.runs]
    reference = options.reference or runs[0].names[runs[0].reference]
    for warning in repeated(runs):
        print(f"warning: {warning}", file=sys.stderr)
    text, found = compare(runs, reference)
    print(text)
    write(options, long_table(found), lambda: forest(found["differences by run"], reference))


if __name__ == "__main__":
    main(program)
