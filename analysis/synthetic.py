# SPDX-License-Identifier: Apache-2.0
"""Tables about the synthetic pairs: recipes, growth with N, filters, order and length bias. See tables.py."""
import numpy as np
import pandas as pd

from intervals import Z, outcomes, wilson
from results import BRACKETS, OUTCOMES, PROMPT_SETS

FILTERS = ("confidence", "likelihood")


def add_estimate(table, results, path, name, count=True):
    """Columns NAME, NAME_low, NAME_high and NAME_count."""
    estimate = results.estimate(path, len(table))
    for part, values in zip(("", "_low", "_high"), estimate.T):
        table[name + part] = values
    if count:
        table[name + "_count"] = results.get(f"{path}/count", len(table), 0)


def recipes(results):
    """A row for each recipe: its settings, what it kept, and how many labels gold agrees with."""
    names = results.text("recipes/name")
    table = pd.DataFrame({"recipe": names})
    for column in ("rule", "orders", "likelihood_of", "human"):
        table[column] = results.text(f"recipes/{column}", len(names))
    for column, fill in (("n", 0), ("match_set", -1), ("confidence_quantile", np.nan), ("likelihood_quantile", np.nan),
                         ("ratio", np.nan)):
        table[column] = results.get(f"recipes/{column}", len(names), fill)
    table["prompts"], table["kept"] = results["recipes/prompts"], results["recipes/kept"]
    with np.errstate(invalid="ignore"):
        table["kept_share"] = table["kept"] / table["prompts"].where(table["prompts"] > 0)
    add_estimate(table, results, "recipes/label_accuracy", "label_accuracy")
    rows = synthetic(results, text=False)
    kept = rows[rows["outcome"] == "kept"].groupby("recipe_index")
    for column in ("confidence", "chosen_log_likelihood", "rejected_log_likelihood"):
        mean, error = kept[column].mean().reindex(table.index), kept[column].sem().reindex(table.index)
        table[f"mean_{column}"] = mean
        table[f"mean_{column}_low"], table[f"mean_{column}_high"] = mean - Z * error, mean + Z * error
    table["cycles"] = kept["cycle"].sum().reindex(table.index)
    return table


def synthetic(results, text=True):
    """A row for each prompt of each recipe; `text`: with the ids of the prompts."""
    index, rows = results["synthetic/recipe"], results.size("synthetic/recipe")
    names = np.array(results.text("recipes/name"), dtype=object)
    table = pd.DataFrame({"recipe": names[index] if rows else [], "recipe_index": index})
    if text:
        table["prompt"] = results.text("synthetic/prompt", rows)
    table["outcome"] = pd.Categorical.from_codes(results["synthetic/outcome"].astype(np.int64), OUTCOMES)
    for column in ("pool", "chosen", "rejected"):
        table[column] = results.get(f"synthetic/{column}", rows, -1)
    table["cycle"] = results.get("synthetic/cycle", rows, 0)
    for column in ("confidence", "chosen_log_likelihood", "rejected_log_likelihood", "gold_difference"):
        table[column] = results.get(f"synthetic/{column}", rows)
    return table


def models_of_recipes(results):
    """Recipe and reward model by name, with the model's accuracy and its differences from the reference."""
    models = pd.DataFrame({"model": results.names, "index": range(len(results.names)),
                           "recipe_index": results.get("models/recipe", len(results.names), -1),
                           "model_human": results.text("models/human", len(results.names)),
                           "validation_accuracy": results.get("models/validation_accuracy", len(results.names))})
    add_estimate(models, results, "models/accuracy", "accuracy", count=False)
    difference = pd.DataFrame({"index": results["differences/model"]})
    for name in ("accuracy", "win_over_pool", "win_by_judge"):
        add_estimate(difference, results, f"differences/{name}", f"{name}_gain", count=False)
    return models[models["recipe_index"] >= 0].merge(difference, on="index", how="left").drop(columns="index")


def growth(results):
    """Tournaments over N, the paper's Figure 4: labels right, gain over the reference, likelihood of both members.

    Self-training pairs samples 0 and 1: N = 2. `family` names what else the recipe and its model were given.
    """
    table = recipes(results)
    table = table[table["rule"].isin(["tournament", "self-training"])].copy()
    table.loc[table["rule"] == "self-training", "n"] = 2
    table = table.merge(models_of_recipes(results), left_index=True, right_on="recipe_index", how="left")
    table["model"] = table["model"].fillna("")
    table["family"] = [family_name(row) for row in table.to_dict("records")]
    columns = ["family", "n", "recipe", "rule", "model", "prompts", "kept", *spread("label_accuracy"),
               *spread("mean_chosen_log_likelihood"), *spread("mean_rejected_log_likelihood"), *spread("accuracy"),
               *spread("accuracy_gain"), *spread("win_over_pool_gain"), *spread("win_by_judge_gain")]
    return table.sort_values(["family", "n", "recipe", "model"])[columns].reset_index(drop=True)


def spread(name):
    return [name, f"{name}_low", f"{name}_high"]


def family_name(row, without=None):
    """What a recipe was given beside N (or beside the quantile of one filter), in words."""
    words = [f"{name} ≥ {row[name + '_quantile']:g}" for name in FILTERS
             if name != without and row[f"{name}_quantile"] > 0]
    if row["human"] not in ("", "hf50"):
        words.append(f"human {row['human']}")
    if row["ratio"] > 0 and row["ratio"] != 1:
        words.append(f"ratio {row['ratio']:g}")
    if row["orders"] == "one":
        words.append("one order")
    return ", ".join(words) or ("no other filter" if without else "no filter")


def filters(results):
    """Recipes that differ in one quantile only, the paper's Figure 5: what is kept, and how good the models are."""
    table = recipes(results)
    table["recipe_index"] = table.index
    table = table.merge(models_of_recipes(results), on="recipe_index", how="left")
    table["model"] = table["model"].fillna("")
    found = [one_filter(table, name) for name in FILTERS]
    return pd.concat(found, ignore_index=True)


def one_filter(table, name):
    quantile, other = f"{name}_quantile", f"{FILTERS[1 - FILTERS.index(name)]}_quantile"
    table = table[table[quantile].notna()].copy()
    same = ["rule", "n", "orders", "likelihood_of", "human", "ratio", other]
    several = table.groupby(same, dropna=False)[quantile].transform("nunique") > 1 if len(table) else []
    table = table[several].copy() if len(table) else table
    rows = table.to_dict("records")
    table["filter"], table["quantile"] = name, table[quantile]
    table["family"] = [f"{row['rule']} {row['n']}, {family_name(row, name)}" for row in rows]
    columns = ["filter", "family", "quantile", "recipe", "model", "kept", "kept_share", *spread("label_accuracy"),
               *spread("accuracy"), "validation_accuracy"]
    return table.sort_values(["family", "quantile", "model"])[columns]


def choices(results):
    """Where a recipe lists quantiles: every model that was trained, and which one was chosen."""
    rows = results.size("choices/chosen")
    table = pd.DataFrame({"model": results.labels("choices/model", results.names),
                          "recipe": results.labels("choices/recipe", results.text("recipes/name")),
                          "validation_accuracy": results.get("choices/validation_accuracy", rows),
                          "chosen": results.get("choices/chosen", rows, 0)})
    settings = recipes(results)[["recipe", "confidence_quantile", "likelihood_quantile"]]
    return table.merge(settings, on="recipe", how="left")


def quantile_effects(results, quantiles=tuple(np.arange(0, 1, 0.05).round(2))):
    """What each quantile of each filter alone would keep of a recipe's pairs, and how right their labels would be.

    Likelihoods are sums over the tokens here, also for recipes that filter by likelihood per token.
    """
    rows = synthetic(results, text=False)
    found = []
    for recipe, pairs in rows[rows["confidence"].notna()].groupby("recipe", sort=False):
        right = outcomes(pairs["gold_difference"].to_numpy())
        places = {name: rank(pairs[name].to_numpy()) for name in
                  ("confidence", "chosen_log_likelihood", "rejected_log_likelihood")}
        joint = rank((pairs["chosen_log_likelihood"] + pairs["rejected_log_likelihood"]).to_numpy())
        for name, tested in (("confidence", [places["confidence"]]),
                             ("likelihood of each", list(places.values())[1:]), ("joint likelihood", [joint])):
            for q in quantiles:
                keep = np.all([place >= np.floor(q * len(pairs)) for place in tested], axis=0)
                labels = right[keep & ~np.isnan(right)]
                accuracy = labels.mean() if len(labels) else np.nan
                found.append((recipe, name, q, keep.sum(), keep.mean(), accuracy, *wilson(accuracy, len(labels))))
    return pd.DataFrame(found, columns=["recipe", "filter", "quantile", "kept", "kept_share", *spread("label_accuracy")])


def rank(values):
    """The place of each value in ascending order, equal ones by row."""
    places = np.empty(len(values), dtype=np.int64)
    places[np.argsort(values, kind="stable")] = np.arange(len(values))
    return places


def match_set_names(results):
    """"tournament 64 (matches-0123abcd)": rule, N and stage of each set of matches."""
    sets = results.size("match_sets/name")
    return [f"{rule} {n} ({name})" for rule, n, name in zip(
        results.text("match_sets/rule", sets), results.get("match_sets/n", sets, 0), results.text("match_sets/name", sets))]


def matches_summary(results):
    """By stage of matches, bracket and round: how many, how sure, how often the order of the two decides.

    first_place: mean probability of the first label, 1/2 without a bias. flips: share whose winner depends on the order.
    """
    names, parts = match_set_names(results), []
    paths = [f"matches/{name}" for name in ("set", "bracket", "round", "p_ab", "p_ba_swapped")]
    for index, bracket, number, p, q in results.blocks(*paths):
        both = ~np.isnan(p) & ~np.isnan(q)
        block = pd.DataFrame({"set": index, "bracket": bracket, "round": number, "matches": 1, "both_orders": both,
                              "flips": both & ((p > 0.5) == (q > 0.5)), "first_place": np.where(both, (p + q) / 2, 0),
                              "confidence": np.where(both, 0.5 + abs(p - q) / 2, 0)})
        parts.append(block.groupby(["set", "bracket", "round"], as_index=False).sum())
    columns = ["match_set", "bracket", "round", "matches", "both_orders", "first_place", "flips", "confidence"]
    if not parts:
        return pd.DataFrame(columns=["set", *columns])
    table = pd.concat(parts).groupby(["set", "bracket", "round"], as_index=False).sum()
    for column in ("flips", "first_place", "confidence"):
        table[column] = table[column] / table["both_orders"].where(table["both_orders"] > 0)
    table["match_set"] = [names[i] for i in table["set"]]
    table["bracket"] = [BRACKETS[b] for b in table["bracket"]]
    return table[["set", *columns]]


def order_bias(results):
    """A row for each stage of matches: matches, share of flips with interval, mean probability of the first place."""
    table = matches_summary(results)
    for column in ("flips", "first_place", "confidence"):
        table[column] = table[column] * table["both_orders"]
    table = table.groupby(["set", "match_set"], as_index=False)[
        ["matches", "both_orders", "first_place", "flips", "confidence"]].sum()
    for column in ("flips", "first_place", "confidence"):
        table[column] = (table[column] / table["both_orders"].where(table["both_orders"] > 0)).astype(float)
    table["flips_low"], table["flips_high"] = wilson(table["flips"], table["both_orders"].astype(float))
    return table


def length_bias(results):
    """Is the chosen response the longer one? Human test pairs by words, the kept pairs of each recipe by tokens."""
    found = [("human test pairs", "words", results.get("pairs/length_difference", 0))]
    if "synthetic/pool" in results and "samples/tokens" in results:
        rows = synthetic(results, text=False)
        rows = rows[(rows["outcome"] == "kept") & (rows["chosen"] >= 0)]
        first, tokens = results["pools/first_sample"], results["samples/tokens"]
        begin = first[rows["pool"].to_numpy()] if len(rows) else np.zeros(0, dtype=np.int64)
        difference = tokens[begin + rows["chosen"]] - tokens[begin + rows["rejected"]]
        for i, name in enumerate(results.text("recipes/name")):
            found.append((name, "tokens", difference[(rows["recipe_index"] == i).to_numpy()]))
    table = pd.DataFrame([(name, unit, len(d), *shares(d)) for name, unit, d in found],
                         columns=["pairs_of", "unit", "pairs", *spread("longer"), "equal", "mean_difference"])
    return table[table["pairs"] > 0].reset_index(drop=True)


def shares(difference):
    """Share of chosen that are longer, with interval; share of equal lengths; mean difference."""
    difference = np.asarray(difference, dtype=float)
    if len(difference) == 0:
        return [np.nan] * 5
    longer = (difference > 0).mean()
    return longer, *wilson(longer, len(difference)), (difference == 0).mean(), difference.mean()


def pools(results):
    """A row for each pool, with its prompt."""
    rows, first = results.size("pools/set"), results.get("pools/first_sample", 1, 0)
    return pd.DataFrame({"set": [PROMPT_SETS[s] for s in results.get("pools/set", rows, 0)],
                         "index": results.get("pools/index", rows, 0), "samples": np.diff(first),
                         **{name: results.text(f"pools/{name}", rows) for name in ("prompt_id", "group", "prompt")}})


def samples(results):
    """A row for each sample of each pool."""
    rows = results.size("samples/pool")
    return pd.DataFrame({**{name: results.get(f"samples/{name}", rows, 0) for name in
                            ("pool", "number", "tokens", "log_likelihood", "finished")},
                         "response": results.text("samples/response", rows)})


def matches(results):
    """A row for each match, with P(a > b)."""
    table = pd.DataFrame({name: results.get(f"matches/{name}", 0) for name in
                          ("set", "pool", "a", "b", "p_ab", "p_ba_swapped", "bracket", "round", "winner")})
    table["p"] = pd.concat([table["p_ab"], 1 - table["p_ba_swapped"]], axis=1).mean(axis=1)  # one order: that one
    table["bracket"] = [BRACKETS[int(b)] for b in table["bracket"]]
    return table
