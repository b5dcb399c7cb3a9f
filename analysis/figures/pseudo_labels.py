# SPDX-License-Identifier: Apache-2.0
"""The synthetic pairs: growth with N (the paper's Figure 4), filters (Figure 5), confidence and likelihood."""
import numpy as np

import tables
from figures.style import COLORS, DARK, MARKERS, grid, outer_labels, short

TOP = 12  # recipes that get a panel of their own


def with_interval(axes, table, x, column, color, marker="o", scale=100, label=None, style="-"):
    """A line of points with error bars over x."""
    table = table[table[column].notna()].sort_values(x)
    if len(table) == 0:
        return False
    value = scale * table[column].to_numpy(dtype=float)
    error = [np.nan_to_num(np.maximum(value - scale * table[f"{column}_low"], 0)),
             np.nan_to_num(np.maximum(scale * table[f"{column}_high"] - value, 0))]
    axes.errorbar(table[x], value, yerr=error, color=color, marker=marker, markersize=5, linewidth=1.8, elinewidth=1,
                  capsize=3, label=label, linestyle=style)
    return True


def growth(results):
    """Labels right by gold, gain of the reward model over the reference, and likelihood of both members, against N.

    Tournaments of the same filters (self-training counts as N = 2). The paper's Figure 4: labels and gains grow with N
    while both members become less likely under the policy."""
    table = tables.growth(results)
    table = table[table.groupby("family")["n"].transform("nunique") > 1] if len(table) else table
    if len(table) == 0:
        return None
    panels = {"Labels right by gold (%)": [("label_accuracy", 100, "-", "")],
              "Gain in accuracy (points)": [("accuracy_gain", 100, "-", "")],
              "Gain in Best-of-N wins (points)": [("win_over_pool_gain", 100, "-", "by gold"), ("win_by_judge_gain", 100, "--", "by judge")],
              "Mean log-likelihood (nats)": [("mean_chosen_log_likelihood", 1, "-", "chosen"),
                                                            ("mean_rejected_log_likelihood", 1, "--", "rejected")]}
    panels = {title: parts for title, parts in panels.items() if any(table[part[0]].notna().any() for part in parts)}
    figure, axes_list = grid(len(panels), 2, 4, 2.4, (0.8, 0.9))
    for axes, (title, parts) in zip(axes_list, panels.items()):
        drawn = 0
        for family, rows in table.groupby("family"):
            for column, scale, style, what in parts:
                label = ", ".join(word for word in (family if table["family"].nunique() > 1 else "", what) if word)
                unique = rows if "gain" in column else rows.drop_duplicates(["recipe"])
                drawn += with_interval(axes, unique, "n", column, COLORS[drawn % len(COLORS)], MARKERS[drawn % len(MARKERS)],
                                       scale, short(label, 34), style)
        axes.set_xscale("log", base=2)
        ticks = sorted(table["n"].unique())
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.minorticks_off()
        axes.set_xlabel("N, samples of a pool"), axes.set_title(title)
        if "Gain" in title:
            axes.axhline(0, color=DARK, linestyle=":", linewidth=1)
        if any(axes.get_legend_handles_labels()[1]):
            axes.legend()
    return figure


def filters(results):
    """Reward models whose recipes differ in one quantile only, the paper's Figure 5.

    Solid: accuracy on the test pairs with interval; open: on the validation pairs, by which the quantile is chosen (star)."""
    table, chosen = tables.filters(results), tables.choices(results)
    names = [n for n in ("confidence", "likelihood")
             if (len(table) and table.loc[table["filter"] == n, "accuracy"].notna().any()) or choices_of(chosen, n)]
    if not names:
        return None
    figure, panels = grid(len(names), 2, 4.4, 2.7, (0.9, 1))
    for axes, name in zip(panels, names):
        for k, (family, rows) in enumerate(table[table["filter"] == name].groupby("family")):
            with_interval(axes, rows, "quantile", "accuracy", COLORS[k % len(COLORS)], MARKERS[k % len(MARKERS)],
                          label=short(family, 40) + " (test)")
        for k, (model, rows) in enumerate(choices_of(chosen, name)):
            rows = rows.sort_values(f"{name}_quantile")
            x, y = rows[f"{name}_quantile"], 100 * rows["validation_accuracy"]
            axes.plot(x, y, "--", color=COLORS[(k + 3) % len(COLORS)], marker="o", markerfacecolor="white",
                      label=short(model, 30) + " (validation)")
            best = rows["chosen"] == 1
            axes.plot(x[best], y[best], "*", color=COLORS[(k + 3) % len(COLORS)], markersize=15)
        axes.set_xlabel(f"quantile of {name} below which pairs are dropped")
        axes.set_ylabel("accuracy (%)")
        axes.set_title(f"Filter by {name}")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.22), borderaxespad=0)
    return figure


def choices_of(chosen, name):
    """Name and rows of every reward model that chose among several quantiles of this filter."""
    groups = chosen.groupby("model", sort=False) if len(chosen) else ()
    return [(model, rows) for model, rows in groups if rows[f"{name}_quantile"].nunique() > 1]


def quantile_effects(results):
    """What each quantile would do to the pairs of a recipe as they are: labels right among those kept (solid),
    and the share that is kept (dotted).

    No model is trained for this. A curve that does not rise says that the filter cannot tell right labels from wrong ones."""
    table = tables.quantile_effects(results)
    if len(table) == 0:
        return None
    recipes = list(dict.fromkeys(table["recipe"]))[:TOP]
    measure = "label_accuracy" if table["label_accuracy"].notna().any() else "kept_share"
    figure, panels = grid(len(recipes), 3, 3.1, 2, sharex=True, sharey=True)
    for axes, recipe in zip(panels, recipes):
        for k, (name, rows) in enumerate(table[table["recipe"] == recipe].groupby("filter", sort=False)):
            rows = rows[rows[measure].notna()]
            axes.plot(rows["quantile"], 100 * rows[measure], color=COLORS[k], linewidth=1.8, label=name)
            axes.plot(rows["quantile"], 100 * rows["kept_share"], color=COLORS[k], linewidth=1, linestyle=":")
            if measure == "label_accuracy":
                axes.fill_between(rows["quantile"], 100 * rows["label_accuracy_low"], 100 * rows["label_accuracy_high"],
                                  color=COLORS[k], alpha=0.12, linewidth=0)
        axes.set_title(short(recipe), fontsize=9)
    figure.legend(*drawn_labels(panels), fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    outer_labels(figure, panels, "quantile below which pairs are dropped",
                 "labels right by gold (%)" if measure == "label_accuracy" else "pairs kept (%)")
    return figure


def histograms(results, columns, xlabel):
    """A panel for each recipe; `columns`: name, column, style of each histogram."""
    table = tables.synthetic(results, text=False)
    table = table[table["confidence"].notna()]
    recipes = list(dict.fromkeys(table["recipe"]))[:TOP]
    used = table[[column for column, *_ in columns]].to_numpy(dtype=float)
    if not recipes or not np.isfinite(used).any():
        return None
    edges = np.histogram_bin_edges(used[np.isfinite(used)], 40)
    figure, panels = grid(len(recipes), 3, 3, 1.8, (0.6, 0.5), sharex=True)
    for axes, recipe in zip(panels, recipes):
        rows = table[table["recipe"] == recipe]
        for column, wanted, options in columns:
            part = rows[(rows["outcome"] == "kept") == (wanted == "kept")] if wanted else rows
            if part[column].notna().any():
                axes.hist(part[column].dropna(), bins=edges, **options)
        axes.set_title(f"{short(recipe)} ({(rows['outcome'] == 'kept').sum()} of {len(rows)} pairs kept)", fontsize=9)
    figure.legend(*drawn_labels(panels), fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    outer_labels(figure, panels, xlabel, "pairs")
    return figure


def drawn_labels(panels):
    """Handles and labels of all panels, each once."""
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels())}
    return list(found.values()), list(found)


def confidence(results):
    """How sure the preference model is of the pairs of each recipe, kept and dropped by the filters.

    A peak at 1/2 means labels at random; a peak at 1 means easy pairs, from which there is little to learn."""
    kept = {"color": COLORS[0], "label": "kept", "alpha": 0.85}
    dropped = {"color": COLORS[1], "label": "dropped", "histtype": "step", "linewidth": 1.6}
    return histograms(results, (("confidence", "kept", kept), ("confidence", "dropped", dropped)),
                      "confidence, P(chosen > rejected) by the preference model")


def likelihood(results):
    """Log-likelihood of chosen and rejected responses under the policy, in the pairs that are kept (filled) and dropped (lines).

    Members far below the rest are responses that the policy hardly ever gives."""
    parts = [(f"{side}_log_likelihood", kept, {"color": COLORS[k], "label": f"{side}, {kept}", **style})
             for k, side in ((0, "chosen"), (1, "rejected"))
             for kept, style in (("kept", {"alpha": 0.5}), ("dropped", {"histtype": "step", "linewidth": 1.5}))]
    return histograms(results, parts, "log-likelihood by the policy, sum over tokens (nats)")


def gold_margin(results):
    """Gold reward of the chosen minus the rejected response: right of 0 the label is right. By whether the filters kept the pair."""
    kept = {"color": COLORS[2], "label": "kept", "alpha": 0.7}
    dropped = {"color": COLORS[1], "label": "dropped", "histtype": "step", "linewidth": 1.6}
    figure = histograms(results, (("gold_difference", "kept", kept), ("gold_difference", "dropped", dropped)),
                        "gold reward of chosen minus rejected")
    for axes in figure.axes if figure else ():
        axes.axvline(0, color=DARK, linewidth=1, linestyle=":")
    return figure
