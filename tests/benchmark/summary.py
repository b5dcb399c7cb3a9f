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
    """Largest difference of scored probabilities or of the losses of the first run; None where there are none."""
    found = next((key for key in ("probabilities", "losses") if key in runs[0] and key in reference[0]), None)
    return found and max(abs(a - b) for a, b in zip(runs[0][found], reference[0][found]))


def units_of(case):
    """How much is made in a run, of what `unit_name` says."""
    if case["mode"] == "train":
        return case["pairs"] * case["steps"]
    return case["prompts"] * (case["n"] * case["new_tokens"] if case["mode"] == "generate" else 1)


def unit_name(case):
    return {"generate": "tokens/s", "score": "sequences/s", "train": "pairs/s"}[case["mode"]]


def summarise(case, measured, clock, flops, ceilings):
    """One row for each program, in the order in which they ran. `measured`: program -> its runs, one a round.
    Rates and ratios go by `clock` (seconds or cpu_seconds); ratios are to every program of ours."""
    ours = [program for program in measured if program.startswith("westofn:")]
    exact = next((program for program in ours if program.startswith("westofn:float32")), ours[0] if ours else None)
    rows = []
    for program, runs in measured.items():
        name, dtype = program.split(":")[:2]
        spent = median(times(runs, clock))
        gflops = flops / spent / 1e9
        ceiling = ceilings.get({"autocast": "bfloat16"}.get(dtype, dtype))
        rows.append({
            "program": name, "precision": dtype, "options": ":".join(program.split(":")[2:]),
            "seconds": median(times(runs, "seconds")), "cpu_seconds": median(times(runs, "cpu_seconds")),
            "rate": units_of(case) / spent, "tokens_per_second": case.get("tokens", 0) / spent, "gflops": gflops,
            "share_square": gflops / ceiling["square"] if ceiling else None,
            "share_model": gflops / ceiling["model"] if ceiling else None,
            "peak_rss_mib": max(times(runs, "peak_rss_mib")), "loaded_rss_mib": runs[0]["loaded_rss_mib"],
            "distinct": runs[0].get("distinct"),
            "difference": worst_difference(runs, measured[exact]) if ours else None,
            "ratios": {other: paired_ratio(times(runs, clock), times(measured[other], clock)) for other in ours},
        })
    return rows


def summarise_ranks(case, measured):
    """One row for each program NAME:DTYPE:RANKS; the speed-up is to the first one of its precision."""
    rows, first = [], {}
    for program, runs in measured.items():
        _, dtype, ranks = program.split(":")
        base = first.setdefault(dtype, runs)
        rows.append({
            "precision": dtype, "ranks": int(ranks), "seconds": median(times(runs, "seconds")),
            "cpu_seconds": median(times(runs, "cpu_seconds")),
            "cpu_seconds_of_all": median(times(runs, "cpu_seconds_of_all")),
            "rate": units_of(case) / median(times(runs, "seconds")),
            "peak_rss_mib": max(times(runs, "peak_rss_mib")),
            "difference": worst_difference(runs, base),
            "speed_up": paired_ratio(times(base, "seconds"), times(runs, "seconds")),
            "cpu_speed_up": paired_ratio(times(base, "cpu_seconds"), times(runs, "cpu_seconds")),
        })
    return rows


def rank_table(rows):
    """The rows as a table in Markdown."""
    lines = [["precision", "ranks", "wall s", "CPU s of a rank", "CPU s of all", "pairs/s", "peak MiB of a rank",
              "max dloss", "speed-up by wall", "by CPU of a rank"]]
    for row in rows:
        lines.append([row["precision"], str(row["ranks"]), f"{row['seconds']:.3f}", f"{row['cpu_seconds']:.3f}",
                      f"{row['cpu_seconds_of_all']:.3f}", f"{row['rate']:.2f}", f"{row['peak_rss_mib']:.0f}",
                      f"{row['difference']:.1e}", ratio_text(row["speed_up"]),
                      ratio_text(row["cpu_speed_up"])])
    return markdown(lines)


def ratio_text(ratio):
    return f"{ratio['ratio']:.2f} ({ratio['least']:.2f}..{ratio['largest']:.2f})"


def percent(share):
    return "-" if share is None else f"{100 * share:.0f} %"


def table(case, rows):
    """The rows as a table in Markdown."""
    ours, trained = list(rows[0]["ratios"]), case["mode"] == "train"
    with_difference = any(row["difference"] is not None for row in rows)
    head = ["program", "precision", "CPU s", "wall s", unit_name(case), *(["tokens/s"] if trained else []), "GFLOP/s",
            "of GEMM 2048", "of GEMM model", "peak MiB"]
    head += [f"max d{'loss' if trained else 'P'}"] if with_difference else []
    lines = [head + [f"times {name.split(':', 1)[1]} of ours" for name in ours]]
    for row in rows:
        cells = [row["program"], row["precision"] + (f" b{row['options']}" if row["options"] else ""),
                 f"{row['cpu_seconds']:.3f}", f"{row['seconds']:.3f}", f"{row['rate']:.{2 if trained else 1}f}",
                 *([f"{row['tokens_per_second']:.0f}"] if trained else []), f"{row['gflops']:.1f}",
                 percent(row["share_square"]), percent(row["share_model"]), f"{row['peak_rss_mib']:.0f}"]
        if with_difference:
            cells.append("-" if row["difference"] is None else f"{row['difference']:.1e}")
        lines.append(cells + [ratio_text(row["ratios"][name]) for name in ours])
    return markdown(lines)


def markdown(lines):
    """Cells of equal width in each column, a rule below the first line."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(padded)
