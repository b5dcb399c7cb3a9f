# SPDX-License-Identifier: Apache-2.0
"""What all figures share: colours, names that fit, points with intervals, and small multiples where lines would overlap."""
import matplotlib

matplotlib.use("Agg")  # no display is needed
import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D")
GREY, LIGHT, DARK = "#8a8a8a", "#d9d9d9", "#222222"
MARKERS = "osD^vP*X"
OVERLAY = 5  # more lines than this get a panel each

plt.rcParams.update({
    "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#ebebeb", "axes.axisbelow": True,
    "legend.frameon": False, "legend.fontsize": 9, "figure.dpi": 110, "savefig.bbox": "tight", "svg.hashsalt": "westofn",
    "text.parse_math": False})


def short(name, width=26):
    """A name that fits, with its beginning and its end."""
    if len(name) <= width:
        return name
    return name[:width * 2 // 3] + "…" + name[-(width - width * 2 // 3 - 1):]


def colors(results):
    """Name -> colour: reward models have their own, preference model and judge are dark, all else is grey."""
    rewards = results.models("reward model")
    own = {results.names[i]: COLORS[k % len(COLORS)] for k, i in enumerate(rewards)}
    other = {"preference model": DARK, "judge": DARK}
    return {name: own.get(name, other.get(kind, GREY)) for name, kind in zip(results.names, results.kinds)}


def grid(count, columns=3, width=3.2, height=2.2, gap=(0.3, 0.5), **options):
    """A figure and `count` axes of this size in rows of at most `columns`; all in inches.

    Labels stand outside the figure and are counted in when it is saved: no layout engine, which takes seconds a figure.
    """
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    size = (width * columns + gap[0] * (columns - 1), height * rows + gap[1] * (rows - 1))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    figure.subplots_adjust(0, 0, 1, 1, gap[0] / width, gap[1] / height)
    for unused in axes.flat[count:]:
        unused.set_visible(False)
    for above in axes.flat[max(0, count - columns):(rows - 1) * columns]:
        above.tick_params(labelbottom=True)  # nothing stands below it
    return figure, list(axes.flat[:count])


def outer_labels(figure, panels, x, y, below=0.38, left=0.5):
    """Axis labels once: of the only panel, or of all small multiples together, so many inches outside of them."""
    if len(panels) == 1:
        panels[0].set_xlabel(x), panels[0].set_ylabel(y)
        return
    width, height = figure.get_size_inches()
    figure.text(0.5, -below / height, x, ha="center", va="top")
    figure.text(-left / width, 0.5, y, ha="right", va="center", rotation=90)


def title(figure, text):
    """A title over all panels and their own titles."""
    lines = max((axes.get_title(loc="left").count("\n") + 1 if axes.get_title(loc="left") else 0) for axes in figure.axes)
    figure.text(0, 1 + (0.2 + 0.19 * lines) / figure.get_size_inches()[1], text, fontsize=12, fontweight="bold", va="bottom")


def name_rows(axes, names, title=None):
    """Rows of a chart from top to bottom."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    if title:
        axes.set_title(title)


def no_minus_zero(text):
    return text.lstrip("+-") if float(text) == 0 else text


def interval_points(axes, table, column, shades, scale=100, form="{:.1f}"):
    """A point with its interval and its value in each row of `table` that has one; returns how many there were."""
    low_end, high_end, drawn = [], [], 0
    for row, (value, low, high) in enumerate(table[[column, f"{column}_low", f"{column}_high"]].to_numpy(dtype=float) * scale):
        if np.isnan(value):
            continue
        if not np.isnan(low):
            axes.plot([low, high], [row, row], color=shades[row], linewidth=2.4, alpha=0.55, solid_capstyle="round")
        axes.plot([value], [row], "o", color=shades[row], markersize=6)
        axes.annotate(no_minus_zero(form.format(value)), (value, row), (0, 5), textcoords="offset points", ha="center", fontsize=8, color=DARK)
        low_end.append(np.nanmin([value, low])), high_end.append(np.nanmax([value, high]))
        drawn += 1
    if drawn:
        begin, end = min(low_end), max(high_end)
        margin = max((end - begin) * 0.09, 1e-3 * max(abs(begin), abs(end), 1e-9))
        axes.set_xlim(begin - margin, end + margin)
        axes.locator_params(axis="x", nbins=5)
    return drawn


def line(axes, x, y, low=None, high=None, **options):
    """A line, with the band of its interval where there is one."""
    drawn, = axes.plot(x, y, **options)
    if low is not None and not np.isnan(low).all():
        axes.fill_between(x, low, high, color=drawn.get_color(), alpha=0.15, linewidth=0)
    return drawn


def overlay_or_multiples(lines, draw, behind=None):
    """Few lines share one panel and a legend; of many each gets a panel of its own with the others in grey behind it.

    `lines`: name -> options of the line; `behind`: the same for lines that every panel has; `draw(axes, name, options,
    band)` draws one. Returns figure and axes.
    """
    behind = behind or {}
    if len(lines) <= OVERLAY:
        figure, (axes,) = grid(1, width=5.5, height=3)
        for name, options in (lines | behind).items():
            draw(axes, name, options | {"label": short(name)}, name in lines)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
        return figure, [axes]
    figure, panels = grid(len(lines), 4, 2.4, 1.8, sharex=True, sharey=True)
    for axes, own in zip(panels, lines):
        for name in lines:
            if name != own:
                draw(axes, name, {"color": LIGHT, "linewidth": 0.9, "zorder": 1}, False)
        for name, options in behind.items():
            draw(axes, name, options, False)
        draw(axes, own, lines[own] | {"label": short(own)}, True)
        axes.set_title(short(own), fontsize=9)
    return figure, panels
