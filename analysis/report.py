# SPDX-License-Identifier: Apache-2.0
"""Draws a run: reads RUN/results.h5 only, writes RUN/report.html (one file, figures inside) and RUN/figures/*.png."""
import base64
import html
import io

import matplotlib.pyplot as plt
import numpy as np

import figures
import tables
import texts
from figures.style import short
from results import Results, main, parser_of, percent, points, replacing, text_of

CSS = """
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #222; max-width: 82rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; overflow-wrap: anywhere; } h2 { margin-top: 2.4rem; border-bottom: 1px solid #ddd; }
nav a { margin-right: 1.2rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9em; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid #444; vertical-align: bottom; white-space: normal; }
td:first-child, th:first-child { text-align: left; min-width: 13rem; max-width: 24rem; overflow-wrap: anywhere; white-space: normal; }
tr.other { color: #666; } .better { color: #00694d; font-weight: 600; } .worse { color: #a83f00; font-weight: 600; }
figure { margin: 1.6rem 0; } img { max-width: 100%; display: block; } figcaption, .small { color: #555; font-size: .92em; max-width: 60rem; }
pre { background: #f6f6f6; padding: 1rem; overflow: auto; }
.pair { border-left: 4px solid #56B4E9; padding: .1rem 1rem; margin: 1rem 0; background: #fafafa; overflow-wrap: anywhere; }
.pair.dropped { border-color: #D55E00; } .pair.middling { border-color: #E69F00; } .pair p { margin: .4rem 0; white-space: pre-wrap; }
"""


def table(head, rows):
    """Rows are (class, cells); a cell is a text or (text, class)."""
    lines = ["<div class=wide><table><tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>"]
    for style, cells in rows:
        line = f'<tr class="{style}">' if style else "<tr>"
        for cell in cells:
            text, name = cell if isinstance(cell, tuple) else (cell, "")
            line += (f'<td class="{name}">' if name else "<td>") + html.escape(str(text)) + "</td>"
        lines.append(line + "</tr>")
    return "\n".join([*lines, "</table></div>"])


def frame(data):
    """A data frame as it is."""
    return table(list(data.columns), [("", [f"{v:,}" if isinstance(v, (int, np.integer)) else v for v in row])
                                      for row in data.itertuples(index=False)]) if len(data) else ""


def estimate(row, name):
    return [row[name], row[f"{name}_low"], row[f"{name}_high"]]


def model_table(results):
    """The paper's Table 2, with what stands beside it."""
    data = tables.models(results)
    shares = {"accuracy": "accuracy", "high_confidence": "high confidence",
              "win_over_pool": f"Best-of-{results.n} over its pool, by gold", "win_over_sft": "over one sample, by gold",
              "win_by_judge": "over one sample, by judge"}
    shown = {name: title for name, title in shares.items() if name in ("accuracy", "high_confidence") or data[name].notna().any()}
    rows = []
    for row in data.to_dict("records"):
        error = "–" if np.isnan(row["expected_error"]) else f"{100 * row['expected_error']:.1f}"
        rows.append(("" if row["kind"] == "reward model" else "other",
                     [short(row["model"], 48), short(row["recipe"] or row["human"]), int(row["accuracy_count"]),
                      *[percent(estimate(row, name)) for name in shown], error]))
    return table(["model", "trained on", "test pairs", *shown.values(), "calibration error"], rows)


def verdict_sentence(row, reference, results):
    """"west_of_n ranks pairs better than hf50: +1.0 [+0.2, +1.8] points." and the like."""
    said = {"accuracy": "accuracy on held-out pairs", "win_over_pool": f"Best-of-{results.n} by gold",
            "win_by_judge": f"Best-of-{results.n} by the judge"}
    parts = []
    for name, what in said.items():
        verdict = row[f"{name}_verdict"]
        if verdict:
            text = f"{verdict} than {reference}" if verdict != "no difference seen" else f"{verdict} at this sample size"
            parts.append(f'{what}: <span class="{verdict.split()[0]}">{html.escape(text)}</span> '
                         f"({points(estimate(row, name))} points)")
    if not np.isnan(row["p_value"]):
        parts.append(f"better on {row['only_model']:.0f} pairs and worse on {row['only_reference']:.0f} (McNemar’s test: "
                     f"p = {row['p_value']:.2g})")
    return f"<li><b>{html.escape(short(row['model'], 48))}</b> – {'; '.join(parts)}.</li>" if parts else ""


def difference_list(results):
    data = tables.differences(results)
    if len(data) == 0:
        return "<p>There is one reward model only, so nothing to compare.</p>"
    reference = results.names[results.reference]
    items = "".join(verdict_sentence(row, reference, results) for row in data.to_dict("records"))
    return ("<p class=small>Percentage points on the same test pairs and prompts. “No difference seen” means that 0 lies "
            f"inside the interval.</p><ul>{items}</ul>")


def recipe_table(results):
    data = tables.recipes(results)
    if len(data) == 0:
        return "<p>This run has no recipes.</p>"

    def number(value, form="{:.1f}"):
        return "–" if np.isnan(value) else form.format(value)

    rows = [("", [row["recipe"], row["rule"] or "–", row["n"] or "–", number(row["confidence_quantile"], "{:g}"),
                  number(row["likelihood_quantile"], "{:g}"), row["prompts"], row["kept"], percent(estimate(row, "label_accuracy")),
                  number(row["mean_confidence"], "{:.3f}"), number(row["mean_chosen_log_likelihood"]),
                  number(row["mean_rejected_log_likelihood"])]) for row in data.to_dict("records")]
    return table(["recipe", "rule", "N", "confidence quantile", "likelihood quantile", "prompts", "pairs kept",
                  "labels right by gold", "mean confidence", "log-likelihood of chosen", "of rejected"], rows)


def pair_list(results):
    pairs = texts.example_pairs(results)
    if not pairs:
        return ""
    name = html.escape(results.text("recipes/name")[texts.choose_recipe(results)])
    items = []
    for pair in pairs:
        sides = "".join(f"<p><b>{side}</b> {html.escape(pair[f'{side}_text'])}</p>" for side in ("chosen", "rejected")
                        if pair[f"{side}_text"] is not None)
        items.append(f'<div class="pair {pair["label"]}"><p class=small>{pair["label"]} – {html.escape(texts.describe(pair))}</p>'
                     f"<p><b>prompt</b> {html.escape(pair['prompt'])}</p>{sides}</div>")
    return (f"<h3>Pairs to read</h3><p class=small>Of the recipe {name}: the most confident ones, those of middling confidence, "
            f"and dropped ones. The choice is the same every time.</p>{''.join(items)}")


def cost_table(results):
    data = tables.cost_of_stages(results)
    if len(data) == 0:
        return ""
    rows = [("", [row["stage"], row["attempts"], f"{row['hours']:.3f}", f"{row['hours_lost']:.3f}", f"{row['gpu_hours']:.3f}",
                  f"{row['core_hours']:.3f}", f"{row['tokens']:,.0f}",
                  "–" if not row["tokens_per_second"] > 0 else f"{row['tokens_per_second']:,.0f}"]) for row in data.to_dict("records")]
    rows.append(("other", ["all", data["attempts"].sum(), *[f"{data[c].sum():.3f}" for c in ("hours", "hours_lost", "gpu_hours", "core_hours")],
                           f"{data['tokens'].sum():,.0f}", ""]))
    return table(["stage", "attempts", "hours", "of these lost", "GPU-hours", "core-hours", "tokens", "tokens per second"], rows)


def origin(results):
    """What the numbers come from, to unfold."""
    parts = [("Stages", frame(tables.stages(results))), ("Balance of every stage", frame(tables.counts(results))),
             ("Input files", frame(tables.inputs(results))), ("Versions", frame(tables.versions(results)))]
    parts += [(what, f"<pre>{html.escape(results.text(path)[0])}</pre>") for what, path in
              (("The resolved experiment", "experiment"), ("Settings that the evaluation depends on", "settings")) if results.size(path)]
    return "\n".join(f"<details><summary>{title}</summary>{body}</details>" for title, body in parts if body)


TEXTS = {"Models": model_table, "Differences": difference_list, "Synthetic pairs": recipe_table, "Time and cost": cost_table}
AFTER = {"Synthetic pairs": pair_list}


def draw(results, folder):
    """Draws all figures into the folder; returns name -> PNG bytes. Figures of an earlier report go."""
    images = {}
    for name in figures.ALL:
        path = folder / f"{name}.png"
        figure = figures.draw(results, name)
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        plt.close(figure)
        images[name] = buffer.getvalue()
        with replacing(path) as temporary:
            temporary.write_bytes(images[name])
    return images


def image(name, images):
    if name not in images:
        return ""
    code, title = base64.b64encode(images[name]).decode(), html.escape(name)
    return (f'<figure id="{title}"><img alt="{title}" src="data:image/png;base64,{code}">'
            f"<figcaption>{html.escape(figures.caption(figures.ALL[name]))}</figcaption></figure>")


def page(results, images):
    name = html.escape(results.folder.resolve().name)
    sections, links = [], []
    for title, functions in figures.SECTIONS.items():
        body = TEXTS.get(title, lambda _: "")(results) + "".join(image(f.__name__, images) for f in functions)
        body += AFTER.get(title, lambda _: "")(results)
        if body:
            anchor = title.lower().replace(" ", "-").replace(",", "")
            links.append(f'<a href="#{anchor}">{html.escape(title)}</a>')
            sections.append(f'<h2 id="{anchor}">{html.escape(title)}</h2>{body}')
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>{CSS}</style></head><body>
<h1>{name}</h1><p class=small>{results.size("pairs/confidence")} test pairs; {results.size("prompts/id")} test prompts with {results.n}
samples each. Percent, with intervals in brackets (95 % unless the experiment says otherwise).</p><nav>{"".join(links)}</nav>
{"".join(sections)}
<h2>Where this comes from</h2>{origin(results)}
<p class=small>westofn {html.escape(text_of(results.file.attrs.get("program", "")))}</p></body></html>
"""


def write_report(run):
    results = Results(run)
    images = draw(results, results.folder / "figures")
    path = results.folder / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page(results, images), encoding="utf-8")
    return path


def program():
    print(write_report(parser_of(__doc__).parse_args().run))


if __name__ == "__main__":
    main(program)
