# SPDX-License-Identifier: Apache-2.0
"""The balance of data as a flow: where the rows of each mixture come from, and where all other rows went."""
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

import tables
from figures.running import OUTCOME_COLORS
from figures.style import COLORS, DARK, GREY, grid, short

TOP = 6  # recipes that are drawn
NO_PAIR = ("one response", "inverted", "too long", "not finite")


def counts_of(results, index, name):
    """Outcome -> prompts of a recipe, and what its mixture used (None in files without mixtures)."""
    rows = tables.synthetic(results, text=False)
    outcomes = rows.loc[rows["recipe_index"] == index, "outcome"].value_counts()
    mixtures = tables.mixture(results).set_index("recipe")
    used = mixtures.loc[name] if "mixture/source" in results else None
    return {outcome: int(count) for outcome, count in outcomes.items() if count > 0}, used


def links_of(outcomes, used):
    """Flows (from, to, count, colour); a name is a place: column, label."""
    prompts, kept = sum(outcomes.values()), outcomes.get("kept", 0)
    without = {o: c for o, c in outcomes.items() if o in NO_PAIR}
    dropped = {o: c for o, c in outcomes.items() if o not in NO_PAIR and o != "kept"}
    pools, pairs = (0, "prompts with a pool"), (1, "pairs")
    links = [(pools, pairs, prompts - sum(without.values()), COLORS[5])]
    links += [(pools, (1, f"no pair: {o}"), c, OUTCOME_COLORS[o]) for o, c in without.items()]
    links += [(pairs, (2, "kept"), kept, OUTCOME_COLORS["kept"])]
    links += [(pairs, (2, f"dropped: {o}"), c, OUTCOME_COLORS[o]) for o, c in dropped.items()]
    if used is not None and used["human_rows"] + used["synthetic_rows"] > 0:
        mixture = (3, f"mixture\n{used['human_rows']} human rows\n{used['synthetic_rows']} synthetic rows")
        links += [((2, "kept"), mixture, int(used["synthetic_pairs"]), OUTCOME_COLORS["kept"])]
        links += [((2, "human pairs used"), mixture, int(used["human_pairs"]), COLORS[0])]
    return [link for link in links if link[2] > 0]


def human_links(results, used):
    """The human pairs by what they are for."""
    table = tables.human(results) if results.size("human/split") else None
    if table is None or used is None:
        return []
    total = (0, "human pairs")
    half = (table["split"] == "train") & (table["labelled_half"] == 1)
    parts = {"train, labelled half": half, "train, other half": (table["split"] == "train") & ~half}
    parts |= {split: table["split"] == split for split in ("validation", "test", "judge")}
    links = [(total, (1, label), int(rows.sum()), COLORS[0] if "labelled" in label else GREY) for label, rows in parts.items()]
    take, left = int(used["human_pairs"]), []
    for label in ("train, labelled half", "train, other half"):  # HF50 first; HF100 takes both
        part = min(take, int(parts[label].sum()))
        left.append(((1, label), (2, "human pairs used"), part, COLORS[0]))
        take -= part
    return [link for link in links + left if link[2] > 0]


def draw_flow(axes, links):
    """Bars for the places, stacked in each column, and ribbons for the flows."""
    places = list(dict.fromkeys(place for link in links for place in link[:2]))
    size = {p: max(sum(c for a, _, c, _ in links if a == p), sum(c for _, b, c, _ in links if b == p)) for p in places}
    gap = 0.13 * max(sum(size[p] for p in places if p[0] == column) for column in range(4))
    top, height = {}, 0
    for column in range(4):
        y = 0
        for place in (p for p in places if p[0] == column):
            top[place], y = y, y + size[place] + gap
        height = max(height, y)
    sent, received = dict(top), dict(top)
    for a, b, count, color in links:
        ribbon(axes, a[0] + 0.06, sent[a], b[0], received[b], count, color)
        sent[a], received[b] = sent[a] + count, received[b] + count
    for place in places:
        axes.add_patch(Rectangle((place[0], top[place]), 0.06, size[place], color=DARK, linewidth=0))
        label = place[1] if place[0] == 3 else f"{place[1]} {size[place]:,}"
        axes.text(place[0] + 0.08, top[place] + size[place] / 2, label, va="center", fontsize=8.5)
    axes.set_xlim(-0.02, 3.75), axes.set_ylim(height, -gap / 2)
    axes.axis("off")


def ribbon(axes, x0, y0, x1, y1, width, color):
    """A band from (x0, y0) to (x1, y1), with horizontal ends."""
    middle = (x0 + x1) / 2
    points = [(x0, y0), (middle, y0), (middle, y1), (x1, y1), (x1, y1 + width), (middle, y1 + width), (middle, y0 + width),
              (x0, y0 + width), (x0, y0)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    axes.add_patch(PathPatch(Path(points, codes), facecolor=color, alpha=0.45, linewidth=0))


def flow(results):
    """From prompts to pairs to the mixture, for each recipe; widths are counts of different pairs or prompts.

    A mixture may take pairs more than once: its rows are counted at its side. The first six recipes."""
    names = results.text("recipes/name")
    found = []
    for index, name in enumerate(names[:TOP]):
        outcomes, used = counts_of(results, index, name)
        if outcomes:
            found.append((name, links_of(outcomes, used) + human_links(results, used)))
    if not found:
        return None
    figure, panels = grid(len(found), 1, 10, 2.7)
    for axes, (name, links) in zip(panels, found):
        draw_flow(axes, links)
        axes.set_title(short(name, 60))
    return figure
