# SPDX-License-Identifier: Apache-2.0
"""Draws a run: reads RUN/results.h5 only, writes RUN/report.html (one file, figures inside) and RUN/figures/*.png."""
import argparse
import base64
import html
import io
import os
import pathlib

import matplotlib.pyplot as plt
import numpy as np

import figures
from results import VERDICTS, Results, main, percent, points

CSS = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .92em; } th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid #444; } td:first-child, th:first-child { text-align: left; }
tr.other { color: #777; } td.better { color: #1b7a3d; font-weight: 600; } td.worse { color: #b3261e; font-weight: 600; }
img { max-width: 100%; display: block; margin: 1rem 0; } .small { color: #666; } pre { background: #f6f6f6; padding: 1rem; overflow: auto; }
"""


def table(head, rows):
    """Rows are lists of cells; a cell is a text or (text, class); row[0] may be a (text, row class)."""
    lines = ["<table><tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>"]
    for style, cells in rows:
        line = f'<tr class="{style}">' if style else "<tr>"
        for cell in cells:
            text, name = cell if isinstance(cell, tuple) else (cell, "")
            line += (f'<td class="{name}">' if name else "<td>") + html.escape(str(text)) + "</td>"
        lines.append(line + "</tr>")
    return "\n".join([*lines, "</table>"])


def model_table(results):
    columns = [results.estimate(f"models/{name}") for name in
               ("accuracy", "high_confidence", "win_over_pool", "win_over_sft")]
    counts, errors = results["models/accuracy/count"], results["calibration/expected_error"]
    rows = []
    for i, name in enumerate(results.names):
        error = "–" if np.isnan(errors[i]) else f"{100 * errors[i]:.1f}"
        rows.append(("" if results.kinds[i] == "reward model" else "other",
                     [name, int(counts[i]), *[percent(column[i]) for column in columns], error]))
    return table(["model", "pairs", "accuracy", "high confidence", f"Best-of-{results.n} win over its pool",
                  "over one sample", "calibration error"], rows)


def difference_table(results):
    models = results["differences/model"]
    if len(models) == 0:
        return ""
    rows = []
    for row, i in enumerate(models):
        cells = [results.names[i]]
        for path in ("differences/accuracy", "differences/win_over_pool"):
            estimate, verdict = results.estimate(path)[row], VERDICTS[results[f"{path}/verdict"][row]]
            cells += [points(estimate), (verdict if not np.isnan(estimate[0]) else "–", verdict.split()[0])]
        rows.append(("", cells))
    return (f"<h2>Against {html.escape(results.names[results.reference])}</h2><p class=small>Points, on the same test "
            "pairs and prompts. “No difference seen” means that 0 lies inside the interval.</p>" +
            table(["model", "accuracy", "", f"Best-of-{results.n} win", ""], rows))


def recipe_table(results):
    names = results.text("recipes/name")
    if not names:
        return ""
    estimate = results.estimate("recipes/label_accuracy")
    rows = [("", [name, int(prompts), int(kept), percent(estimate[i])]) for i, (name, prompts, kept) in
            enumerate(zip(names, results["recipes/prompts"], results["recipes/kept"]))]
    return "<h2>Synthetic pairs</h2>" + table(["recipe", "prompts", "pairs kept", "labels right by gold"], rows)


def draw(results, folder):
    """Draws all figures into the folder; returns name -> PNG bytes."""
    folder.mkdir(exist_ok=True)
    images = {}
    for name, function in figures.ALL.items():
        figure = function(results)
        if figure is None:
            continue
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        plt.close(figure)
        images[name] = buffer.getvalue()
        (folder / f"{name}.png").write_bytes(images[name])
    return images


def page(results, images):
    def image(*names):
        return "".join(f'<img alt="{n}" src="data:image/png;base64,{base64.b64encode(images[n]).decode()}">'
                       for n in names if n in images)

    name = html.escape(results.folder.resolve().name)
    pairs, prompts = len(results["pairs/confidence"]), len(results.text("prompts/id"))
    stages = table(["read", "key"], [("", [n, k]) for n, k in zip(results.text("stages/name"), results.text("stages/key"))])
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>{CSS}</style></head><body>
<h1>{name}</h1><p class=small>{pairs} test pairs; {prompts} test prompts with {results.n} samples each. Percent with intervals.</p>
{model_table(results)}{image("accuracy", "high_confidence", "win")}
{difference_table(results)}{image("differences")}
<h2>Best-of-n</h2>{image("best_of_n")}
{recipe_table(results)}{image("confidence", "balance")}
<h2>How sure, and how long</h2>{image("calibration", "length")}
<h2>Training</h2>{image("training")}
<h2>Where this comes from</h2><details><summary>Stages that were read</summary>{stages}</details>
<details><summary>The resolved experiment</summary><pre>{html.escape(results.text("experiment")[0])}</pre></details>
<p class=small>westofn {html.escape(text_of(results.file.attrs["program"]))}</p></body></html>
"""


def text_of(attribute):
    return attribute.decode() if isinstance(attribute, bytes) else str(attribute)


def write_report(run):
    results = Results(run)
    images = draw(results, results.folder / "figures")
    path = results.folder / "report.html"
    temporary = path.with_name(f".report.html.tmp-{os.getpid()}")
    temporary.write_text(page(results, images), encoding="utf-8")
    temporary.replace(path)
    return path


def program():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path, help="run folder with results.h5")
    print(write_report(parser.parse_args().run))


if __name__ == "__main__":
    main(program)
