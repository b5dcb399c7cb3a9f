# SPDX-License-Identifier: Apache-2.0
"""Made-up results.h5 files as the schema in analysis/README.md has them, for the tests of analysis/."""
import dataclasses
import math
import pathlib
import subprocess
import sys

import h5py
import numpy as np

ANALYSIS = pathlib.Path(__file__).resolve().parents[2] / "analysis"
sys.path.insert(0, str(ANALYSIS))
NAN = float("nan")


@dataclasses.dataclass
class Recipe:
    """The settings of a recipe that matter here."""
    name: str
    rule: str = "tournament"
    n: int = 8
    confidence: float = 0
    likelihood: float = 0
    joint: bool = False


RECIPES = (Recipe("self_training", "self-training"), Recipe("west_of_4", n=4), Recipe("west_of_8"),
           Recipe("west_of_8_sure", confidence=0.5), Recipe("west_of_8_likely", likelihood=0.25))


@dataclasses.dataclass
class Made:
    """What the file shall hold; reward models are hf50 and one for each recipe, then `more` ones."""
    seed: int = 1
    more: tuple = ("hf100",)
    recipes: tuple = RECIPES
    curves: tuple = ("policy", "preference model", "hf50")
    pairs: int = 40
    prompts: int = 6
    unlabelled: int = 60
    n: int = 8
    gold: bool = True
    judge: bool = True
    intervals: bool = True
    confidences: bool = True
    old: bool = False  # version 1.0, without the groups that came later
    accuracy: dict = dataclasses.field(default_factory=dict)  # by model, in the place of drawn ones
    win: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        self.rewards = ["hf50", *(r.name for r in self.recipes), *self.more]
        self.names = [*self.rewards, "preference model", "longer", "shorter", "random"]
        self.names += (["gold"] if self.gold else []) + (["judge"] if self.judge else [])
        kinds = {"preference model": 1, "longer": 2, "shorter": 2, "random": 2, "gold": 2, "judge": 3}
        self.kinds = [kinds.get(name, 0) for name in self.names]

    def write(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / "results.h5", "w") as self.file:
            attributes = {"filetype": "westofn/results", "version": [1, 0 if self.old else 2], "n": self.n, "program": "0.1.0"}
            self.file.attrs.update(attributes)
            for part in (self.models, self.differences, self.calibration, self.pairs_and_prompts, self.best_of_n,
                         self.recipes_and_pairs, self.training, self.origin):
                part()
            if not self.old:
                for part in (self.human, self.pools, self.matches, self.mixture, self.choices, self.cost):
                    part()
        return folder

    def put(self, path, values, kind=None):
        self.file[path] = np.asarray(values, dtype=kind)

    def text(self, path, rows):
        encoded = [row.encode() for row in rows]
        self.put(f"{path}/bytes", np.frombuffer(b"".join(encoded), dtype=np.uint8))
        self.put(f"{path}/offsets", np.cumsum([0] + [len(row) for row in encoded]), np.int64)

    def estimates(self, path, values, half=0.02, count=None):
        values = np.asarray(values, dtype=float)
        half = half if self.intervals else NAN
        self.put(f"{path}/value", values)
        self.put(f"{path}/low", values - half), self.put(f"{path}/high", values + half)
        self.put(f"{path}/count", np.where(np.isnan(values), 0, self.pairs if count is None else count), np.int64)

    def by_kind(self, reward, teacher, baseline):
        """A drawn number for each model around the centre of its kind."""
        centre = [{0: reward, 1: teacher, 2: baseline, 3: teacher}[k] for k in self.kinds]
        return np.array(centre) + self.rng.normal(0, 0.02, len(centre))

    def models(self):
        self.text("models/name", self.names)
        self.put("models/kind", self.kinds, np.uint8), self.put("models/reference", [0])
        drawn = self.by_kind(0.77, 0.76, 0.5)
        accuracy = [self.accuracy.get(name, value) for name, value in zip(self.names, drawn)]
        self.accuracies = np.array(accuracy) if self.pairs else np.full(len(accuracy), NAN)
        self.estimates("models/accuracy", self.accuracies)
        self.estimates("models/high_confidence", self.accuracies + 0.1 if self.confidences else self.accuracies * NAN)
        drawn = self.by_kind(0.78, NAN, 0.45) if self.gold and self.prompts else np.full(len(self.names), NAN)
        self.wins = np.array([self.win.get(name, value) for name, value in zip(self.names, drawn)])
        for name in ("win_over_pool", "win_over_sft"):
            self.estimates(f"models/{name}", self.wins, 0.03, self.prompts)
        self.put("models/accuracy_by_length", self.rng.uniform(0.5, 0.9, (len(self.names), 5)))
        self.put("models/count_by_length", np.full((len(self.names), 5), self.pairs / 5))
        if self.old:
            return
        self.judged = self.by_kind(0.7, NAN, 0.5) if self.judge else np.full(len(self.names), NAN)
        self.estimates("models/win_by_judge", self.judged, 0.03, self.prompts)
        self.estimates("models/length_correlation", [0.1 + 0.02 * i if k == 0 and self.pairs else NAN for i, k in enumerate(self.kinds)])
        self.put("models/recipe", [i - 1 if 0 < i <= len(self.recipes) else -1 for i in range(len(self.names))], np.int64)
        self.text("models/human", ["hf50" if k == 0 else "" for k in self.kinds])
        self.put("models/validation_accuracy", [a - 0.01 if k < 2 else NAN for a, k in zip(self.accuracies, self.kinds)])

    def differences(self):
        index = np.arange(1, len(self.rewards))
        self.put("differences/model", index, np.int64)
        measures = {"accuracy": self.accuracies, "win_over_pool": self.wins}
        for name, values in (measures if self.old else measures | {"win_by_judge": self.judged}).items():
            difference = values[index] - values[0]
            self.estimates(f"differences/{name}", difference)
            verdict = np.where(difference > 0.02, 1, np.where(difference < -0.02, 2, 0))
            self.put(f"differences/{name}/verdict", verdict, np.uint8)
        if not self.old:
            self.put("differences/mcnemar/only_model", 10 + index), self.put("differences/mcnemar/only_reference", 9 + 0 * index)
            self.put("differences/mcnemar/p_value", 1 / (1 + index))

    def calibration(self):
        shape, judged = (len(self.names), 10), np.array([k in (0, 1) for k in self.kinds])
        bins = np.tile(np.linspace(0.525, 0.975, 10), (shape[0], 1))
        missing = np.where(judged, 0, NAN)
        self.put("calibration/confidence", bins + missing[:, None])
        self.put("calibration/accuracy", np.clip(bins + self.rng.normal(0, 0.05, shape), 0, 1) + missing[:, None])
        self.put("calibration/count", np.full(shape, self.pairs / 10) + missing[:, None])
        self.put("calibration/expected_error", 0.031 + 0.001 * np.arange(shape[0]) + missing)
        self.put("calibration/brier", 0.15 + 0.001 * np.arange(shape[0]) + missing)

    def best_of_n(self):
        n = np.arange(1, self.n + 1)
        self.put("best_of_n/n", n), self.put("best_of_n/kl", np.log(n) - (n - 1) / n)
        if not self.prompts:
            return
        score = self.file["prompts/score"][:].reshape(len(self.names), self.prompts, -1)[:, :, :self.n]
        self.put("best_of_n/score", expected_best(score, score))
        if self.gold:
            gold = np.broadcast_to(self.file["prompts/gold"][:, :self.n], score.shape)
            beaten = (gold[..., None, :] < gold[..., None]).sum(axis=-1) / (self.n - 1)
            self.put("best_of_n/gold", expected_best(score, gold)), self.put("best_of_n/win", expected_best(score, beaten))

    def pairs_and_prompts(self):
        self.text("pairs/id", [f"pair {i}" for i in range(self.pairs)])
        self.text("pairs/group", [f"post {i}" for i in range(self.pairs)])
        self.put("pairs/confidence", self.rng.random(self.pairs) if self.confidences else np.full(self.pairs, NAN))
        self.put("pairs/length_difference", self.rng.integers(-9, 12, self.pairs))
        self.text("prompts/id", [f"p{i}" for i in range(self.prompts)])
        self.text("prompts/group", [f"g{i // 2}" for i in range(self.prompts)])
        for side in ("chosen", "rejected") if self.pairs else ():
            self.put(f"pairs/score_{side}", self.rng.normal(0, 1, (len(self.names), self.pairs)))
        if self.prompts:
            size = self.prompts * (self.n + 1)
            gold = self.rng.normal(0, 1, size)
            skill = {0: 1.5, 2: 0.1}
            reading = np.array([9 if name == "gold" else skill.get(k, 1) for name, k in zip(self.names, self.kinds)])
            noise = self.rng.normal(0, 1, (len(self.names), size))
            self.put("prompts/score", reading[:, None] * gold + noise * (reading[:, None] < 9))
            self.put("prompts/best", self.rng.integers(0, self.n, (len(self.names), self.prompts)))
            if self.gold:
                self.put("prompts/gold", gold.reshape(self.prompts, -1))
                self.put("prompts/win_over_pool", self.rng.random((len(self.names), self.prompts)))
            if self.judge and not self.old:
                self.put("prompts/judge_prefers_best", self.rng.random((len(self.names), self.prompts)))

    def recipes_and_pairs(self):
        count, rows = len(self.recipes), self.unlabelled * len(self.recipes)
        self.text("recipes/name", [r.name for r in self.recipes])
        confidence = np.clip(self.rng.normal(0.85, 0.1, rows), 0.5, 1)
        chosen, rejected = self.rng.normal(-12, 4, (2, rows))
        outcome = np.concatenate([self.outcomes(r, confidence[part], chosen[part], rejected[part])
                                  for r, part in zip(self.recipes, self.parts())]).astype(int) if rows else []
        outcome = np.asarray(outcome, dtype=np.uint8)
        self.outcome, none = outcome, np.isin(outcome, (1, 2, 3, 4))
        self.put("recipes/prompts", [self.unlabelled] * count, np.int64)
        self.put("recipes/kept", [np.sum(outcome[part] == 0) for part in self.parts()], np.int64)
        labels = 0.9 + 0.01 * np.array([r.n for r in self.recipes]) if self.gold else np.full(count, NAN)
        self.estimates("recipes/label_accuracy", labels)
        self.put("synthetic/recipe", np.repeat(np.arange(count), self.unlabelled))
        self.text("synthetic/prompt", [f"u{i % max(self.unlabelled, 1)}" for i in range(rows)])
        self.put("synthetic/outcome", outcome)
        gold = self.rng.normal(1, 1, rows) if self.gold else np.full(rows, NAN)
        for name, values in (("confidence", confidence), ("chosen_log_likelihood", chosen),
                             ("rejected_log_likelihood", rejected), ("gold_difference", gold)):
            self.put(f"synthetic/{name}", np.where(none, NAN, values))
        if self.old:
            return
        self.put("synthetic/pool", np.arange(rows) % max(self.unlabelled, 1)), self.put("synthetic/cycle", np.zeros(rows), np.uint8)
        self.put("synthetic/chosen", np.where(none, -1, 0)), self.put("synthetic/rejected", np.where(none, -1, 1))
        for name, values in (("rule", [r.rule for r in self.recipes]), ("orders", ["both"] * count),
                             ("likelihood_of", ["joint" if r.joint else "each" for r in self.recipes]),
                             ("human", ["hf50"] * count)):
            self.text(f"recipes/{name}", values)
        for name, values in (("n", [r.n for r in self.recipes]), ("match_set", np.zeros(count, dtype=np.int64)),
                             ("confidence_quantile", [r.confidence for r in self.recipes]),
                             ("likelihood_quantile", [r.likelihood for r in self.recipes]), ("ratio", np.ones(count))):
            self.put(f"recipes/{name}", values)

    def parts(self):
        return [slice(i * self.unlabelled, (i + 1) * self.unlabelled) for i in range(len(self.recipes))]

    def outcomes(self, recipe, confidence, chosen, rejected):
        """Every twentieth prompt has no pair; the filters drop the rest as quantiles do."""
        outcome = np.where(np.arange(self.unlabelled) % 20 == 3, 1, np.where(np.arange(self.unlabelled) % 20 == 7, 2, 0))
        for q, values, reason in ((recipe.confidence, confidence, 5), (recipe.likelihood, chosen, 6),
                                  (recipe.likelihood, rejected, 7)):
            if q > 0 and self.unlabelled:
                outcome[(values < np.quantile(values, q)) & (outcome == 0)] = reason
        return outcome

    def training(self):
        self.text("curves/name", self.curves)
        steps, count = np.arange(61), len(self.curves)
        self.put("curves/model", np.repeat(np.arange(count), len(steps)))
        self.put("curves/step", np.tile(steps, count))
        noise = self.rng.normal(0, 0.05, len(steps) * count)
        loss = np.tile(0.7 * np.exp(-steps / 30), count) + noise
        self.put("curves/loss", np.where(np.tile(steps, count) == 0, NAN, loss))
        self.put("curves/learning_rate", np.full(len(loss), 1e-3)), self.put("curves/gradient_norm", abs(noise) + 1)
        checked = np.tile(steps, count) % 20 == 0
        self.put("curves/validation_loss", np.where(checked, loss + 0.05, NAN))
        self.put("curves/validation_accuracy", np.where(checked, 0.8 - loss / 5, NAN))

    def origin(self):
        self.text("experiment", ["name: test # <script>\n"]), self.text("settings", ["resamples: 100\n"])
        names = ["prepare", "sft", "pools", "evaluate"]
        self.text("stages/name", names), self.text("stages/key", ["00ff"] * len(names))
        if not self.old:
            self.text("stages/folder", [f"{name}-00ff" for name in names])
            self.text("inputs/name", ["pairs.jsonl"]), self.text("inputs/hash", ["ab12"])
            self.text("versions/name", ["westofn", "torch"]), self.text("versions/version", ["0.1.0", "2.11.0"])
            self.put("counts/stage", [2, 2]), self.text("counts/name", ["prompts", "samples"])
            self.put("counts/value", [self.unlabelled, self.unlabelled * self.n])

    def human(self):
        count = 50
        self.text("human/id", [f"h{i}" for i in range(count)])
        for name in ("prompt", "chosen", "rejected"):
            self.text(f"human/{name}", [f"{name} {i}" for i in range(count)])
        self.put("human/split", np.arange(count) % 10 // 7, np.uint8)
        self.put("human/labelled_half", np.arange(count) % 10 < 3, np.uint8)
        self.put("human/confidence", np.full(count, NAN))

    def pools(self):
        count = self.unlabelled + self.prompts
        sizes = np.array([self.n] * self.unlabelled + [self.n + 1] * self.prompts, dtype=np.int64)
        self.put("pools/set", [0] * self.unlabelled + [2] * self.prompts, np.uint8)
        self.put("pools/index", [*range(self.unlabelled), *range(self.prompts)], np.int64)
        self.text("pools/prompt_id", [f"u{i}" for i in range(self.unlabelled)] + [f"p{i}" for i in range(self.prompts)])
        self.text("pools/group", [f"g{i}" for i in range(count)])
        self.text("pools/prompt", [f"Why is <b>{i}</b> & so on?" for i in range(count)])
        self.put("pools/first_sample", np.concatenate([[0], np.cumsum(sizes)]), np.int64)
        number = np.concatenate([np.arange(size) for size in sizes]) if count else []
        self.put("samples/pool", np.repeat(np.arange(count), sizes)), self.put("samples/number", number, np.int64)
        self.text("samples/response", [f"answer <i>{int(k)}</i> né 你好" for k in number])
        self.put("samples/tokens", self.rng.integers(2, 20, len(number))), self.put("samples/finished", np.ones(len(number)), np.uint8)
        self.put("samples/log_likelihood", self.rng.normal(-12, 4, len(number)))

    def matches(self):
        self.text("match_sets/name", ["tournament 8"]), self.text("match_sets/key", ["00aa"])
        self.text("match_sets/rule", ["tournament"]), self.text("match_sets/orders", ["both"]), self.put("match_sets/n", [8])
        count = self.unlabelled * 10
        p = self.rng.beta(2, 2, count)
        bias = self.rng.normal(0.05, 0.1, (2, count))
        self.put("matches/set", np.zeros(count), np.int64), self.put("matches/pool", np.repeat(np.arange(self.unlabelled), 10))
        self.put("matches/a", np.zeros(count), np.int32), self.put("matches/b", np.ones(count), np.int32)
        self.put("matches/p_ab", np.clip(p + bias[0], 0, 1)), self.put("matches/p_ba_swapped", np.clip(1 - p + bias[1], 0, 1))
        self.put("matches/bracket", np.arange(count) % 4, np.uint8), self.put("matches/round", 1 + np.arange(count) % 3, np.int32)
        self.put("matches/winner", np.where(p > 0.5, 0, 1), np.int32)

    def mixture(self):
        parts = [(r, kind, row) for r, part in enumerate(self.parts())
                 for row in range(int(np.sum(self.outcome[part] == 0))) for kind in (0, 1)]
        columns = np.array(parts, dtype=np.int64).reshape(-1, 3)
        columns[columns[:, 1] == 0, 2] %= 15  # the 15 pairs of HF50, again and again
        for i, name in enumerate(("recipe", "source", "row")):
            self.put(f"mixture/{name}", columns[:, i])

    def choices(self):
        names = [r.name for r in self.recipes if r.confidence > 0 or r.name == "west_of_8"]
        names = names if "west_of_8" in names else []
        self.put("choices/model", [self.names.index("west_of_8")] * len(names) if names else [], np.int64)
        self.put("choices/recipe", [[r.name for r in self.recipes].index(name) for name in names], np.int64)
        self.put("choices/validation_accuracy", 0.7 + 0.01 * np.arange(len(names)))
        self.put("choices/chosen", [int(i == len(names) - 1) for i in range(len(names))], np.uint8)

    def cost(self):
        stages = ["prepare-00ff", "sft-00ff", "pools-00ff", "pools-00ff", "evaluate-00ff"]
        self.text("cost/stage", stages), self.text("cost/outcome", ["complete", "complete", "stopped", "complete", "complete"])
        self.put("cost/seconds", [3.0, 600, 1200, 3000, 60])
        for name, value in (("ranks", 8), ("nodes", 2), ("gpus", 8), ("cpus", 64)):
            self.put(f"cost/{name}", [value] * len(stages), np.int64)
        self.put("cost/tokens", [0, 600_000, 4_000_000, 9_000_000, 100_000])
        self.put("cost/samples", [0, 0, 2000, 5000, 0]), self.put("cost/restart", [0, 0, 0, 1, 0])


def expected_best(score, values):
    """Mean over pools [models, pools, N] of the value of the best by score of n = 1 .. N, over all subsets."""
    size = score.shape[-1]
    ranked = np.take_along_axis(values, np.argsort(score, axis=-1, kind="stable"), axis=-1).mean(axis=1)
    weights = [[math.comb(i, n - 1) / math.comb(size, n) for i in range(size)] for n in range(1, size + 1)]
    return ranked @ np.array(weights).T


def write_results(folder, **what):
    """A run folder with a made-up results.h5; `what`: fields of Made."""
    return Made(**what).write(folder)


def many_models():
    """Twelve reward models, some with very long names."""
    recipes = [Recipe(f"west_of_{n}", n=n) for n in (2, 4, 8)] + [Recipe("self_training", "self-training")]
    recipes += [Recipe(f"west_of_8_confidence_{q}", confidence=q) for q in (0.25, 0.5, 0.75)]
    recipes += [Recipe("a very long name of a recipe that somebody gave, with <b>markup</b> & more of it " * 2, likelihood=0.5),
                Recipe("best_random", "best-random")]
    return {"recipes": tuple(recipes), "more": ("hf100", "another_model_trained_on_everything_there_is"),
            "curves": ("policy", "preference model", "hf50", *(r.name for r in recipes), "hf100"), "pairs": 2000, "prompts": 100}


def call(program, *arguments):
    return subprocess.run([sys.executable, "-B", ANALYSIS / program, *map(str, arguments)], capture_output=True, text=True)
