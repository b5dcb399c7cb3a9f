# SPDX-License-Identifier: Apache-2.0
"""How good the models are: the table of models as points, differences, and Best-of-n."""
import numpy as np

import tables
from figures.style import (DARK, GREY, colors, grid, interval_points, line, name_rows, outer_labels, overlay_or_multiples,
                           short)


def measures(results):
    """Column of tables.models -> title."""
    best = f"Best-of-{results.n} over"
    return {"accuracy": "Accuracy", "high_confidence": "High-confidence\naccuracy", "win_over_pool": f"{best}\nits pool, by gold",
            "win_over_sft": f"{best}\none sample, by gold", "win_by_judge": f"{best}\none sample, by judge"}


def point_panels(results, table, titles, unit, line_at, form="{:.1f}"):
    """One panel for each measure that has a value; rows are models."""
    titles = {column: title for column, title in titles.items() if table[column].notna().any()}
    if not titles:
        return None
    figure, panels = grid(len(titles), 5, 2.8 if len(titles) < 4 else 2, 0.4 * len(table) + 0.1, sharey=True)
    shades = [colors(results)[name] for name in table["model"]]
    for axes, (column, title) in zip(panels, titles.items()):
        interval_points(axes, table, column, shades, form=form)
        begin, end = axes.get_xlim()
        axes.axvline(line_at, color=DARK, linestyle=":", linewidth=1)
        if line_at != 0:
            axes.set_xlim(begin, end)  # chance is drawn where it lies inside
        name_rows(axes, table["model"], title)
        axes.set_xlabel(unit)
    return figure


def models(results):
    """Every model on the same held-out human pairs and test pools: value and 95 % interval.

    Grey: baselines that need no training; dotted: chance. Look first whether the reward models are clearly above "longer"."""
    table = tables.models(results)
    return point_panels(results, table, measures(results), "percent", 50)


def differences(results):
    """Each reward model minus the reference, on the same pairs and prompts, with the interval of the paired difference.

    An interval that contains 0 means: no difference seen at this sample size."""
    table = tables.differences(results)
    if len(table) == 0:
        return None
    titles = {name: measures(results)[name] for name in ("accuracy", "win_over_pool", "win_by_judge")}
    return point_panels(results, table, titles, "percentage points", 0, "{:+.1f}")


def best_of_n_lines(results, measure, x, scale, labels):
    """The curves of one measure over n or KL divergence, with their bands."""
    table = tables.best_of_n(results)
    rows = {name: part for name, part in table.groupby("model", sort=False) if part[measure].notna().any()}
    shades = colors(results)
    lines = {results.names[i]: {"color": shades[results.names[i]], "linewidth": 2}
             for i in results.models("reward model") if results.names[i] in rows}
    if not lines:
        return None
    behind = {name: {"color": GREY, "linestyle": style, "linewidth": 1.2}
              for name, style in (("gold", "-."), ("longer", "--"), ("random", ":")) if name in rows}

    def draw(axes, name, options, band):
        part = rows[name]
        ends = [scale * part[f"{measure}_{end}"].to_numpy() for end in ("low", "high")] if band else ()
        line(axes, part[x].to_numpy(), scale * part[measure].to_numpy(), *ends, **options)

    figure, panels = overlay_or_multiples(lines, draw, behind)
    if x == "n":
        for axes in panels:
            log_axis(axes, results.n)
    outer_labels(figure, panels, *labels)
    return figure


def best_of_n(results):
    """How often Best-of-n beats the rest of its pool by gold, as n grows (unbiased estimator from one pool of N).

    Bands: 95 % over groups of prompts. Grey: choosing by gold itself (dash-dotted), by length (dashed), at random (dotted)."""
    return best_of_n_lines(results, "win", "n", 100, ("n", "wins over the pool (%)"))


def best_of_n_gold(results):
    """Expected gold reward of Best-of-n against how far it has moved from the policy.

    A curve that bends down has found what its model likes and gold does not. Grey: as above."""
    return best_of_n_lines(results, "gold", "kl", 1, ("KL divergence from the policy, ln n - (n - 1) / n (nats)", "gold reward"))


def overoptimisation(results):
    """What a model believes it gains by Best-of-n (solid) and what it gains by gold (dashed).

    Both from n = 1, in standard deviations over all samples. The wider the gap, the less the model's own score can be trusted."""
    table = tables.best_of_n(results)
    models = [i for i in results.models("reward model") if table["gold"].notna().any() and "prompts/score" in results]
    if not models:
        return None
    figure, panels = grid(len(models), 4, 2.4, 1.8, sharex=True, sharey=True)
    gold_deviation = np.nanstd(results["prompts/gold"])
    for axes, i in zip(panels, models):
        part = table[table["model"] == results.names[i]]
        own_deviation = np.nanstd(results.file["prompts/score"][i])
        for column, style, deviation in (("score", "-", own_deviation), ("gold", "--", gold_deviation)):
            gain = (part[column] - part[column].iloc[0]) / deviation if deviation > 0 else part[column] * 0
            axes.plot(part["n"], gain, style, color=colors(results)[results.names[i]], linewidth=2, label=column)
        log_axis(axes, results.n)
        axes.set_title(short(results.names[i]), fontsize=9)
    panels[0].legend(["own score", "gold"], loc="upper left")
    outer_labels(figure, panels, "n", "gain (standard deviations)")
    return figure


def log_axis(axes, largest):
    axes.set_xscale("log", base=2)
    ticks = [2**k for k in range(largest.bit_length()) if 2**k <= largest]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
