# SPDX-License-Identifier: Apache-2.0
"""Several settings of one experiment, each with several runs (seeds): a row a setting, paired differences by run.

Expects ROOT/SETTING/RUN/results.h5. With --base SETTING also what each other setting does to these differences, paired
by the names of the runs that both have.
"""
import numpy as np
import pandas as pd

import compare
from intervals import mean_interval
from results import Results, ResultsError, main, parser_of

TEACHER = "preference model"


def read_settings(root):
    """SETTING -> its runs, the settings in the order of the alphabet."""
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    found = {folder.name: [Results(path) for path in sorted(folder.glob("*/results.h5"))] for folder in folders}
    found = {name: runs for name, runs in found.items() if runs}
    if not found:
        raise ResultsError(f"{root}: holds no SETTING/RUN/results.h5")
    return found


def changes_of(settings, reference, base):
    """A row for each other setting, measure and model: by how much its difference is above that of `base`."""
    if base not in settings:
        raise ResultsError(f"there is no setting '{base}'; there are: {', '.join(settings)}")
    parts = []
    for name, runs in settings.items():
        differences = compare.paired_differences(compare.read_models(runs), reference)
        names = dict(zip(compare.run_names(runs), (run.folder.name for run in runs)))
        parts.append(differences.assign(setting=name, run=differences["run"].map(names)))
    data = pd.concat(parts, ignore_index=True)
    of_base = data[data["setting"] == base].set_index(["measure", "model", "run"])["difference"]
    data = data[data["setting"] != base].join(of_base.rename("base"), on=["measure", "model", "run"]).dropna(subset=["base"])
    rows = []
    for (setting, measure, model), part in data.groupby(["setting", "measure", "model"], sort=False):
        change = part["difference"] - part["base"]
        mean, low, high = mean_interval(change)
        rows.append({"setting": setting, "runs": len(change), "measure": measure, "model": model, "difference": mean,
                     "difference_error": change.sem(), "difference_low": low, "difference_high": high})
    if not rows:
        raise ResultsError(f"no other setting has a run of the name of one in '{base}'")
    return pd.DataFrame(rows)


def rows_of(settings, reference):
    """A row for each setting, measure and model: level of the reference, of its teacher, and the model's difference."""
    rows = []
    for name, runs in settings.items():
        data = compare.read_models(runs)
        levels = compare.summarise(data, ["model"], compare.COMPARED).set_index("model")
        labels = compare.pseudo_labels(runs)["label_accuracy"]
        for (measure, model), part in compare.paired_differences(data, reference).groupby(["measure", "model"], sort=False):
            mean, low, high = mean_interval(part["difference"])
            rows.append({"setting": name, "runs": len(runs), "measure": measure, "model": model,
                         "reference": levels.loc[reference, measure], "reference_error": levels.loc[reference, f"{measure}_error"],
                         "teacher_accuracy": levels["accuracy"].get(TEACHER, np.nan),
                         "teacher_accuracy_error": levels["accuracy_error"].get(TEACHER, np.nan),
                         "label_accuracy": labels.mean() if len(labels) else np.nan, "label_accuracy_error": np.nan,
                         "difference": mean,
                         "difference_error": part["difference"].sem(), "difference_low": low, "difference_high": high})
    if not rows:
        raise ResultsError("there is no second reward model, so no difference to show")
    return pd.DataFrame(rows)


def lines_of(rows, title, levels=()):
    """A block for each measure, a line for each setting; `levels`: column -> title of what stands before the differences."""
    lines = []
    for measure, part in rows.groupby("measure", sort=False):
        models = list(dict.fromkeys(part["model"]))
        lines += [f"{compare.MEASURES[measure]}{title}, points, mean ± standard error over runs [95 %, t]", "",
                  f"{'setting':22}{'runs':>5}" + "".join(f"{name[:14]:>15}" for name in dict(levels).values())
                  + "".join(f"{model[:27]:>29}" for model in models)]
        for setting, here in part.groupby("setting", sort=False):
            first, here = here.iloc[0], here.set_index("model")
            lines.append(f"{setting[:21]:22}{first['runs']:>5}"
                         + "".join(f"{compare.cell(first[c], first[f'{c}_error']):>15}" for c in dict(levels))
                         + "".join(f"{difference_cell(here.loc[m]) if m in here.index else '-':>29}" for m in models))
        lines.append("")
    return lines


def difference_cell(row):
    """"+1.2 ± 0.4 [+0.1, +2.3]"."""
    text = compare.cell(row["difference"], row["difference_error"], "+")
    if np.isnan(row["difference_low"]):
        return text
    return f"{text} [{100 * row['difference_low']:+.1f}, {100 * row['difference_high']:+.1f}]"


def figure_of(rows, reference):
    """A panel for each measure and model, a line for each setting."""
    from figures.style import COLORS, DARK, grid, interval_points, name_rows, short, title
    panels_of = list(dict.fromkeys(zip(rows["measure"], rows["model"])))
    settings = list(dict.fromkeys(rows["setting"]))
    figure, panels = grid(len(panels_of), 2, 4.2, 0.3 * len(settings) + 0.5, sharey=True)
    for axes, (measure, model) in zip(panels, panels_of):
        part = rows[(rows["measure"] == measure) & (rows["model"] == model)].set_index("setting").reindex(settings)
        interval_points(axes, part.reset_index(), "difference", [COLORS[0]] * len(settings), form="{:+.1f}")
        axes.axvline(0, color=DARK, linestyle=":", linewidth=1)
        name_rows(axes, settings, f"{short(model)}: {compare.MEASURES[measure]}")
    runs = " to ".join(str(n) for n in sorted({rows["runs"].min(), rows["runs"].max()}))
    title(figure, f"Minus {short(reference)}, percentage points; {runs} runs a setting, 95 % intervals")
    return figure


def program():
    parser = parser_of(__doc__, "root", "folder that holds SETTING/RUN/results.h5")
    parser.add_argument("--base", metavar="SETTING", help="the setting that the others are changes of")
    compare.add_options(parser)
    options = parser.parse_args()
    settings = read_settings(options.root)
    first = next(iter(settings.values()))[0]
    reference = options.reference or first.names[first.reference]
    rows = rows_of(settings, reference)
    lines = lines_of(rows, f" minus that of {reference}", {"reference": reference, "teacher_accuracy": "teacher acc.",
                                                          "label_accuracy": "labels right"})
    if options.base:
        changes = changes_of(settings, reference, options.base)
        lines += lines_of(changes, f" minus that of {reference}: what changes from '{options.base}'")
        rows = pd.concat([rows, changes.assign(base=options.base)], ignore_index=True)
    print("\n".join(lines[:-1]))
    compare.write(options, rows, lambda: figure_of(rows_of(settings, reference), reference))


if __name__ == "__main__":
    main(program)
