# SPDX-License-Identifier: Apache-2.0
"""Some synthetic pairs of a run with their texts, chosen the same way every time."""
import numpy as np

import synthetic

WANTED = (("confident", 4), ("middling", 3), ("dropped", 3))


def choose_recipe(results):
    """The recipe whose pairs are shown: the tournament with the largest N, the first of equal ones; -1: none."""
    table = synthetic.recipes(results)
    if len(table) == 0:
        return -1
    order = table.assign(other=table["rule"] != "tournament").sort_values(["other", "n"], ascending=[True, False], kind="stable")
    return int(order.index[0])


def choose_rows(table):
    """Label and row of each pair: the most confident, those in the middle, and one of each reason in turn."""
    counts = dict(WANTED)
    dropped = table[table["outcome"] != "kept"]
    turn = dropped.groupby("outcome", observed=True).cumcount()
    dropped = list(dropped.assign(turn=turn).sort_values(["turn", "outcome"], kind="stable").index[:counts["dropped"]])
    kept = table[table["outcome"] == "kept"].sort_values("confidence", ascending=False, kind="stable").index
    confident, rest = list(kept[:counts["confident"]]), kept[counts["confident"]:]
    middle = counts["middling"] + counts["dropped"] - len(dropped)  # where fewer are dropped, more of these
    begin = max(0, len(rest) // 2 - middle // 2)
    middling = list(rest[begin:begin + middle])
    return [(label, row) for label, rows in (("confident", confident), ("middling", middling), ("dropped", dropped)) for row in rows]


def example_pairs(results):
    """Ten pairs, or as many as there are, as dictionaries; reads no other text than theirs."""
    recipe = choose_recipe(results)
    if recipe < 0 or "synthetic/pool" not in results or "samples/response" not in results:
        return []
    table = synthetic.synthetic(results, text=False)
    table = table[table["recipe_index"] == recipe]
    found = []
    for label, row in choose_rows(table):
        pair = table.loc[row].to_dict() | {"label": label, "prompt": "", "chosen_text": None, "rejected_text": None}
        if pair["pool"] >= 0:
            pair["prompt"] = results.text_row("pools/prompt", pair["pool"])
            first = int(results.file["pools/first_sample"][pair["pool"]])
            for side in ("chosen", "rejected"):
                if pair[side] >= 0:
                    pair[f"{side}_text"] = results.text_row("samples/response", first + int(pair[side]))
        found.append(pair)
    return found


def describe(pair):
    """One line of numbers about a pair."""
    words = [str(pair["outcome"]) if pair["outcome"] == "kept" else f"dropped: {pair['outcome']}"]
    for name, form, label in (("confidence", "{:.3f}", "confidence"), ("chosen_log_likelihood", "{:.1f} nats", "chosen"),
                              ("rejected_log_likelihood", "{:.1f} nats", "rejected"), ("gold_difference", "{:+.2f}", "gold difference")):
        if not np.isnan(pair[name]):
            words.append(f"{label} {form.format(pair[name])}")
    return "; ".join(words) + ("; won both brackets" if pair["cycle"] else "")
