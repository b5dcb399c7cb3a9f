# SPDX-License-Identifier: Apache-2.0
"""From measured runs to the rows of a table: medians, ratios, rates. Pure functions."""
from statistics import median


def paired_ratio(peer, ours):
    """How many times longer the peer took: ratio of medians, and least and largest ratio of the runs of one round."""
    pairs = [p / o for p, o in zip(peer, ours)]
    return {"ratio": median(peer) / median(ours), "least": min(pairs), "largest": max(pairs)}


def times(runs, clock):
    return [run[clock] for run in runs]


def worst_difference(runs, reference):
    """Largest difference of scored probabilities; None where nothing is scored."""
    if "probabilities" not in runs[0]:
        return None
    return max(abs(a - b) for a, b in zip(runs[0]["probabilities"], reference[0]["probabilities"]))


def summarise(case, measured, clock, flops, ceilings):
    """One row for each program, in the order in which they ran. `measured`: program -> its runs, one a round.
    Rates and ratios go by `clock` (seconds or cpu_seconds); ratios are to every program of ours."""
    ours = [program for program in measured if program.startswith("westofn:")]
    units = case["prompts"] * (case["n"] * case["new_tokens"] if case["mode"] == "generate" else 1)
    rows = []
    for program, runs in measured.items():
        name, dtype = program.split(":")[:2]
        spent = median(times(runs, clock))
        gflops = flops / spent / 1e9
        ceiling = ceilings.get(dtype)
        rows.append({
            "program": name, "precision": dtype, "options": ":".join(program.split(":")[2:]),
            "seconds": median(times(runs, "seconds")), "cpu_seconds": median(times(runs, "cpu_seconds")),
            "rate": units / spent, "gflops": gflops, "share_square": gflops / ceiling["square"] if ceiling else None,
            "share_model": gflops / ceiling["model"] if ceiling else None,
            "peak_rss_mib": max(times(runs, "peak_rss_mib")), "loaded_rss_mib": runs[0]["loaded_rss_mib"],
            "distinct": runs[0].get("distinct"),
            "difference": worst_difference(runs, measured[ours[0]]) if ours else None,
            "ratios": {other: paired_ratio(times(runs, clock), times(measured[other], clock)) for other in ours},
        })
    return rows


def ratio_text(ratio):
    return f"{ratio['ratio']:.2f} ({ratio['least']:.2f}..{ratio['largest']:.2f})"


def percent(share):
    return "-" if share is None else f"{100 * share:.0f} %"


def table(case, rows):
    """The rows as a table in Markdown."""
    ours = list(rows[0]["ratios"])
    unit = "tokens/s" if case["mode"] == "generate" else "sequences/s"
    head = ["program", "precision", "CPU s", "wall s", unit, "GFLOP/s", "of GEMM 2048", "of GEMM model", "peak MiB"]
    head += ["max dP"] if rows[0]["difference"] is not None else []
    lines = [head + [f"times {name.split(':', 1)[1]} of ours" for name in ours]]
    for row in rows:
        cells = [row["program"], row["precision"] + (f" b{row['options']}" if row["options"] else ""),
                 f"{row['cpu_seconds']:.3f}", f"{row['seconds']:.3f}", f"{row['rate']:.1f}", f"{row['gflops']:.1f}",
                 percent(row["share_square"]), percent(row["share_model"]), f"{row['peak_rss_mib']:.0f}"]
        cells += [f"{row['difference']:.1e}"] if row["difference"] is not None else []
        lines.append(cells + [ratio_text(row["ratios"][name]) for name in ours])
    return markdown(lines)


def markdown(lines):
    """Cells of equal width in each column, a rule below the first line."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(padded)
