# SPDX-License-Identifier: Apache-2.0
"""What scores should not depend on, and whether a model knows how sure it is: calibration, order, length."""
import numpy as np
from matplotlib.ticker import LogLocator

import tables
from figures.style import COLORS, DARK, GREY, colors, grid, interval_points, name_rows, outer_labels, short
from results import LENGTHS

SIGNS = ("− −", "−", "=", "+", "+ +")


def calibration(results):
    """Accuracy of a model among the pairs of which it is about equally sure; on the diagonal it knows how sure to be.

    Below the diagonal it is too sure of itself. Bars: 95 % (Wilson); grey: share of pairs in the bin; ECE: expected calibration error."""
    table = tables.calibration(results)
    models = tables.models(results).set_index("model")["expected_error"]
    names = [name for name, part in table.groupby("model", sort=False) if (part["count"] > 0).any()]
    if not names:
        return None
    figure, panels = grid(len(names), 4, 2.3, 2.1, (0.3, 0.6), sharex=True, sharey=True)
    for axes, name in zip(panels, names):
        part = table[(table["model"] == name) & (table["count"] > 0)]
        axes.bar(52.5 + 5 * part["bin"], 40 * part["count"] / part["count"].sum(), width=4.6, color="#dddddd")
        axes.plot([50, 100], [50, 100], color=DARK, linestyle=":", linewidth=1)
        accuracy = 100 * part["accuracy"]
        error = [np.maximum(accuracy - 100 * part["accuracy_low"], 0), np.maximum(100 * part["accuracy_high"] - accuracy, 0)]
        axes.errorbar(100 * part["confidence"], accuracy, yerr=error, color=colors(results)[name], marker="o",
                      markersize=4, linewidth=1.5, elinewidth=1, capsize=2)
        axes.set_xlim(48, 102), axes.set_ylim(0, 104)
        axes.set_title(f"{short(name, 22)}\nECE {100 * models[name]:.1f} %", fontsize=9)
    outer_labels(figure, panels, "confidence max(p, 1 - p) (%)", "accuracy in the bin (%)")
    return figure


def order_bias(results):
    """Does the preference model look at the place? Each match asked in both orders; without a bias all points lie on the diagonal.

    Flips: matches whose winner depends on the order. First place: mean probability of the response that stands first, 50 % without a bias."""
    table = tables.order_bias(results)
    table = table[table["both_orders"] > 0]
    if len(table) == 0:
        return None
    edges = np.linspace(0, 1, 51)
    counts = {number: np.zeros((50, 50)) for number in table["set"]}
    for index, p, q in results.blocks("matches/set", "matches/p_ab", "matches/p_ba_swapped"):
        for number in counts:
            mine = (index == number) & ~np.isnan(p) & ~np.isnan(q)
            counts[number] += np.histogram2d(p[mine], 1 - q[mine], bins=(edges, edges))[0]
    figure, panels = grid(len(table), 3, 2.9, 2.9, (1.5, 1))
    for axes, row in zip(panels, table.to_dict("records")):
        shown = np.ma.masked_equal(counts[row["set"]].T, 0)
        mesh = axes.pcolormesh(edges, edges, shown, cmap="viridis", norm="log", rasterized=True)
        axes.plot([0, 1], [0, 1], color=DARK, linestyle=":", linewidth=1)
        axes.set_aspect("equal")
        axes.set_title(f"{short(row['match_set'], 34)}: {row['both_orders']} matches\n"
                       f"flips {100 * row['flips']:.1f} %, first place {100 * row['first_place']:.1f} %", fontsize=9)
        axes.set_xlabel("P(a > b) asked as a, b"), axes.set_ylabel("P(a > b) asked as b, a")
        figure.colorbar(mesh, cax=axes.inset_axes([1.03, 0, 0.05, 1]), label="matches", format="{x:g}",
                        ticks=LogLocator(subs=(1, 2, 5))).ax.minorticks_off()
    return figure


def length(results):
    """Accuracy by how much longer the response is that people chose: from much shorter (− −) to much longer (+ +).

    Much: more words of difference than the median. A model that follows length is good on the right and bad on the left,
    like the baseline "longer" (grey, dashed)."""
    table = tables.accuracy_by_length(results)
    kinds = dict(zip(results.names, results.kinds))
    names = [name for name in results.names if kinds[name] != "baseline" and table.loc[table["model"] == name, "accuracy"].notna().any()]
    if not names or table["count"].sum() == 0:
        return None
    figure, panels = grid(len(names), 4, 2.4, 1.9, sharex=True, sharey=True)
    for axes, name in zip(panels, names):
        part = table[table["model"] == name].reset_index(drop=True)
        longer = table[table["model"] == "longer"]
        axes.plot(range(len(longer)), 100 * longer["accuracy"], "--", color=GREY, linewidth=1)
        error = [100 * np.nan_to_num(np.maximum(part["accuracy"] - part["accuracy_low"], 0)),
                 100 * np.nan_to_num(np.maximum(part["accuracy_high"] - part["accuracy"], 0))]
        axes.errorbar(part.index, 100 * part["accuracy"], yerr=error, marker="o", markersize=4, color=colors(results)[name],
                      linewidth=1.5, elinewidth=1, capsize=2)
        axes.axhline(50, color=DARK, linestyle=":", linewidth=1)
        axes.set_xticks(range(len(LENGTHS)), [f"{sign}\n{count}" for sign, count in zip(SIGNS, part["count"])], fontsize=8)
        axes.set_title(short(name), fontsize=9)
    outer_labels(figure, panels, "length of the chosen response: much shorter (− −) to much longer (+ +); pairs", "accuracy (%)", 0.5)
    return figure


def length_bias(results):
    """Left: rank correlation of score and length over the responses of the test pairs (0: length does not matter).

    Right: how often the chosen response is the longer one, in human pairs and in the kept pairs of each recipe (dotted: half)."""
    models, shares = tables.models(results), tables.length_bias(results)
    models = models[models["length_correlation"].notna()]
    rows = max(len(models), len(shares))
    if rows == 0:
        return None
    figure, panels = grid((len(models) > 0) + (len(shares) > 0), 2, 3.4, 0.4 * rows + 0.1, (2.4, 0.5))
    if len(models):
        interval_points(panels[0], models, "length_correlation", [colors(results)[m] for m in models["model"]], 1, "{:+.2f}")
        panels[0].axvline(0, color=DARK, linestyle=":", linewidth=1)
        name_rows(panels[0], list(models["model"]), "Score and length")
        panels[0].set_xlabel("Spearman's rank correlation")
    if len(shares):
        interval_points(panels[-1], shares, "longer", [DARK] + [COLORS[0]] * (len(shares) - 1))
        panels[-1].axvline(50, color=DARK, linestyle=":", linewidth=1)
        name_rows(panels[-1], list(shares["pairs_of"]), "Chosen is longer")
        panels[-1].set_xlabel("share of pairs (%); human by words, synthetic by tokens")
    return figure
