# SPDX-License-Identifier: Apache-2.0
"""How the run went: training curves, what became of the data, time and cost."""
import numpy as np

import tables
from figures.style import (COLORS, DARK, GREY, colors, grid, name_rows, outer_labels, overlay_or_multiples,
                           short)
from results import OUTCOMES

# Kept green; each reason its own colour.
OUTCOME_COLORS = dict(zip(OUTCOMES, ("#009E73", "#8a8a8a", "#CC79A7", "#222222", "#7F3C8D", "#E69F00", "#56B4E9", "#0072B2", "#D55E00")))


def smooth(values):
    """The mean over a window of a twentieth of the curve."""
    width = max(1, len(values) // 20)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(0, end - width)
    return (sums[end] - sums[begin]) / (end - begin)


def training(results):
    """Loss of every model by step: training (line, running mean over a twentieth of the steps) and validation (points).

    Points that turn upward while the line falls: the model learns its pairs by heart."""
    table = tables.curves(results)
    if len(table) == 0:
        return None
    parts = {name: part for name, part in table.groupby("model", sort=False)}
    figure, panels = grid(len(parts), 4, 2.3, 1.8, (0.6, 0.55))
    for axes, (name, part) in zip(panels, parts.items()):
        shade = colors(results).get(name, GREY)
        trained = part[part["loss"].notna() & (part["step"] > 0)]
        axes.plot(trained["step"], trained["loss"], color=shade, linewidth=0.5, alpha=0.35)
        axes.plot(trained["step"], smooth(trained["loss"].to_numpy()), color=shade, linewidth=1.8)
        checked = part[part["validation_loss"].notna()]
        axes.plot(checked["step"], checked["validation_loss"], "o", color=DARK, markersize=4)
        axes.set_title(short(name), fontsize=9)
    outer_labels(figure, panels, "step", "loss (nats; policy: a token)")
    return figure


def validation(results):
    """Accuracy on the validation pairs by step; the weights of the highest point are kept."""
    table = tables.curves(results)
    table = table[table["validation_accuracy"] > 0]
    names = list(dict.fromkeys(table["model"]))
    if not names:
        return None
    shades = colors(results)
    lines = {name: {"color": shades.get(name, GREY), "marker": "o", "markersize": 4, "linewidth": 1.5} for name in names}

    def draw(axes, name, options, _):
        part = table[table["model"] == name]
        if options.get("zorder") == 1:
            options = options | {"marker": ""}
        axes.plot(part["step"], 100 * part["validation_accuracy"], **options)

    figure, panels = overlay_or_multiples(lines, draw)
    outer_labels(figure, panels, "step", "validation accuracy (%)")
    return figure


def balance(results):
    """What became of the prompts of each recipe: kept as a pair, or the reason against it. They sum to all prompts."""
    table = tables.synthetic(results, text=False)
    names = results.text("recipes/name")
    if len(table) == 0:
        return None
    counts = table.groupby(["recipe_index", "outcome"], observed=False).size().unstack(fill_value=0)
    counts = counts.reindex(range(len(names)), fill_value=0)
    figure, (axes,) = grid(1, width=6.5, height=0.4 * len(names) + 0.1)
    left = np.zeros(len(names))
    for outcome in (o for o in OUTCOMES if counts[o].sum() > 0):
        axes.barh(range(len(names)), counts[outcome], left=left, color=OUTCOME_COLORS[outcome], label=outcome, height=0.65)
        left += counts[outcome].to_numpy()
    name_rows(axes, names)
    axes.set_xlabel("prompts")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    return figure


def cost(results):
    """Time and devices of each stage, over all attempts; orange: attempts that were stopped or failed.

    Tokens per second: what the stage read and wrote, over its wall time."""
    table = tables.cost_of_stages(results)
    if len(table) == 0 or table["seconds"].sum() == 0:
        return None
    unit = "hours" if table["hours"].max() >= 0.5 else "minutes"
    for column in ("hours", "hours_lost", "gpu_hours", "core_hours"):
        table[column] *= 1 if unit == "hours" else 60
    panels = {"hours": f"Wall time ({unit})", "gpu_hours": f"GPU-{unit}", "core_hours": f"Core-{unit}",
              "tokens_per_second": "Tokens per second"}
    panels = {column: title for column, title in panels.items() if table[column].sum() > 0}
    figure, axes_list = grid(len(panels), 4, 2.4, 0.36 * len(table) + 0.1, sharey=True)
    for axes, (column, title) in zip(axes_list, panels.items()):
        values = table[column].fillna(0)
        axes.barh(range(len(table)), values, color=COLORS[0], height=0.65)
        if column == "hours":
            axes.barh(range(len(table)), table["hours_lost"], color=COLORS[4], height=0.65)
        for row, value in enumerate(values):
            if value > 0:
                text = f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
                axes.annotate(text, (value, row), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_xlim(0, values.max() * 1.28)
        name_rows(axes, [stage.rsplit("-", 1)[0] for stage in table["stage"]], title)
        axes.locator_params(axis="x", nbins=4)
    return figure
