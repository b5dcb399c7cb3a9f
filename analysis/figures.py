# SPDX-License-Identifier: Apache-2.0
"""The figures of a report: each function draws one from a Results, or returns None where there is nothing to draw."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from results import LENGTHS, OUTCOMES

COLORS = ("#3b6ea8", "#d1783c", "#4f9d69", "#a8487a", "#7a6bb5", "#b59f3b", "#4aa3a8", "#8c5a3c")
GREY, DARK, GREEN = "#9a9a9a", "#444444", "#4f9d69"
STYLE = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
         "grid.color": "#e6e6e6", "axes.axisbelow": True, "legend.frameon": False, "figure.dpi": 110,
         "savefig.bbox": "tight", "svg.hashsalt": "westofn"}
plt.rcParams.update(STYLE)


def color(results, i):
    """Reward models have colours of their own, the preference model is dark and all else is grey."""
    return {"reward model": COLORS[i % len(COLORS)], "preference model": DARK}.get(results.kinds[i], GREY)


def bars(results, path, title, chance=None):
    """Horizontal bars with intervals, one a model."""
    estimate = 100 * results.estimate(path)
    shown = [i for i in results.models() if not np.isnan(estimate[i, 0])]
    if not shown:
        return None
    figure, axes = plt.subplots(figsize=(7.5, 0.42 * len(shown) + 1.2))
    for row, i in enumerate(shown):
        value, low, high = estimate[i]
        axes.barh(row, value, color=color(results, i), height=0.7)
        if not np.isnan(low):
            axes.errorbar(value, row, xerr=[[max(value - low, 0)], [max(high - value, 0)]], color="#222222", capsize=3,
                          linewidth=1.2)
        axes.text(1.5, row, f"{value:.1f}", va="center", color="white", fontweight="bold")
    axes.set_yticks(range(len(shown)), [results.names[i] for i in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 102)
    axes.grid(axis="y", visible=False)
    if chance is not None:
        axes.axvline(chance, color="#555555", linestyle=":", linewidth=1)
    axes.set_xlabel("percent")
    axes.set_title(title, loc="left")
    return figure


def accuracy(results):
    return bars(results, "models/accuracy", "Accuracy on held-out human pairs", 50)


def high_confidence(results):
    return bars(results, "models/high_confidence", "Accuracy on pairs that people were sure about", 50)


def win(results):
    return bars(results, "models/win_over_pool", f"Best-of-{results.n} against the rest of its pool, by gold", 50)


def differences(results):
    """Points with intervals around zero for every reward model minus the reference."""
    models = results["differences/model"]
    if len(models) == 0:
        return None
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 0.5 * len(models) + 1.4), sharey=True)
    for axes, path, title in ((panels[0], "differences/accuracy", "Accuracy"),
                              (panels[1], "differences/win_over_pool", f"Best-of-{results.n} win")):
        estimate = 100 * results.estimate(path)
        for row, i in enumerate(models):
            value, low, high = estimate[row]
            if np.isnan(value):
                continue
            if not np.isnan(low):
                axes.plot([low, high], [row, row], color=color(results, i), linewidth=3, solid_capstyle="round")
            axes.plot(value, row, "o", color=color(results, i), markersize=8)
        axes.axvline(0, color="#222222", linewidth=1)
        axes.set_ylim(len(models) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("points")
        axes.set_title(f"{title} minus {results.names[results.reference]}", loc="left")
    panels[0].set_yticks(range(len(models)), [results.names[i] for i in models])
    figure.tight_layout()
    return figure


def best_of_n(results):
    """Win rate and gold reward over n."""
    if "best_of_n/win" not in results or np.isnan(results["best_of_n/win"]).all():
        return None
    n, win_n, gold_n = results["best_of_n/n"], 100 * results["best_of_n/win"], results["best_of_n/gold"]
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4))
    for axes, curves, label in ((panels[0], win_n, "win over the rest of the pool (%)"), (panels[1], gold_n, "gold reward")):
        for i in results.models():
            if np.isnan(curves[i]).all() or results.names[i] == "shorter":
                continue
            is_model = results.kinds[i] == "reward model"
            axes.plot(n, curves[i], color=color(results, i), linewidth=2.2 if is_model else 1.3,
                      linestyle="-" if is_model else {"gold": "-.", "longer": "--"}.get(results.names[i], ":"),
                      label=results.names[i])
        axes.set_xscale("log", base=2)
        ticks = [int(t) for t in n if t & (t - 1) == 0]
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.set_xlabel("n")
        axes.set_ylabel(label)
    panels[0].set_title("Best-of-n by gold", loc="left")
    panels[0].legend(fontsize=9)
    figure.tight_layout()
    return figure


def training(results):
    """Training loss, and validation accuracy where there is one."""
    names = results.text("curves/name")
    if not names:
        return None
    model, step, loss = results["curves/model"], results["curves/step"], results["curves/loss"]
    validation = results["curves/validation_accuracy"]
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4))
    for i, name in enumerate(names):
        shade = color(results, results.names.index(name)) if name in results.names else GREY
        rows = model == i
        has_loss = rows & ~np.isnan(loss) & (step > 0)
        panels[0].plot(step[has_loss], smooth(loss[has_loss]), color=shade, label=name, linewidth=1.6)
        checked = rows & ~np.isnan(validation)
        if np.any(validation[checked] > 0):
            panels[1].plot(step[checked], 100 * validation[checked], "o-", color=shade, label=name, markersize=4)
    panels[0].set_title("Training loss (running mean)", loc="left")
    panels[1].set_title("Validation accuracy (%)", loc="left")
    for axes in panels:
        axes.set_xlabel("step")
        if axes.lines:
            axes.legend(fontsize=9)
    figure.tight_layout()
    return figure


def smooth(values):
    """The mean over a window of a twentieth of the curve."""
    width = max(1, len(values) // 20)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(0, end - width)
    return (sums[end] - sums[begin]) / (end - begin)


def confidence(results):
    """Confidence of the synthetic pairs, and by gold whether they are right."""
    recipe, value = results["synthetic/recipe"], results["synthetic/confidence"]
    names = results.text("recipes/name")
    if not names or np.isnan(value).all():
        return None
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4))
    gold = results["synthetic/gold_difference"]
    for i, name in enumerate(names):
        rows = (recipe == i) & ~np.isnan(value)
        panels[0].hist(value[rows], bins=np.linspace(0, 1, 41), histtype="step", linewidth=2,
                       color=COLORS[i % len(COLORS)], label=f"{name} ({rows.sum()})")
        rows &= ~np.isnan(gold)
        if rows.any():
            panels[1].hist(gold[rows], bins=40, histtype="step", linewidth=2, color=COLORS[i % len(COLORS)], label=name)
    panels[0].set_title("Confidence of the synthetic pairs", loc="left")
    panels[0].set_xlabel("P(chosen > rejected)")
    panels[0].set_ylabel("pairs")
    panels[0].legend(fontsize=9, loc="upper left")
    panels[1].set_title("Gold of chosen minus rejected", loc="left")
    panels[1].set_xlabel("gold reward")
    panels[1].axvline(0, color="#222222", linewidth=1)
    figure.tight_layout()
    return figure


def balance(results):
    """What became of the prompts of each recipe."""
    names = results.text("recipes/name")
    if not names:
        return None
    recipe, outcome = results["synthetic/recipe"], results["synthetic/outcome"]
    figure, axes = plt.subplots(figsize=(7.5, 0.5 * len(names) + 1.6))
    left, others = np.zeros(len(names)), [c for c in COLORS if c != GREEN] + [GREY]
    for code, label in enumerate(OUTCOMES):
        counts = np.array([np.sum((recipe == i) & (outcome == code)) for i in range(len(names))])
        if counts.sum() == 0:
            continue
        axes.barh(range(len(names)), counts, left=left, color=others[code - 1] if code else GREEN, label=label,
                  height=0.6)
        left += counts
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("prompts")
    axes.set_title("What became of the prompts", loc="left")
    axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def calibration(results):
    """Accuracy in each bin of confidence; the diagonal is perfect."""
    if "calibration/count" not in results:
        return None
    mean, hit = results["calibration/confidence"], results["calibration/accuracy"]
    count, error = results["calibration/count"], results["calibration/expected_error"]
    figure, axes = plt.subplots(figsize=(5.4, 4.6))
    axes.plot([50, 100], [50, 100], color="#222222", linewidth=1, linestyle=":")
    for i in results.models():
        used = ~np.isnan(mean[i]) & (count[i] >= 5)
        if used.any():
            axes.plot(100 * mean[i][used], 100 * hit[i][used], "o-", color=color(results, i), markersize=5,
                      label=f"{results.names[i]} (error {100 * error[i]:.1f})")
    axes.set_xlabel("confidence max(p, 1 - p), percent")
    axes.set_ylabel("accuracy in the bin (%)")
    axes.set_title("Calibration", loc="left")
    axes.legend(fontsize=9)
    return figure


def length(results):
    """Accuracy by how much longer the chosen response is."""
    if "models/accuracy_by_length" not in results:
        return None
    values, counts = 100 * results["models/accuracy_by_length"], results["models/count_by_length"][0]
    shown = [i for i in results.models() if results.kinds[i] != "baseline"]
    if not shown:
        return None
    figure, axes = plt.subplots(figsize=(7.5, 3.8))
    for i in shown:
        axes.plot(range(len(LENGTHS)), values[i], "o-", color=color(results, i), label=results.names[i])
    axes.axhline(50, color="#555555", linestyle=":", linewidth=1)
    axes.set_xticks(range(len(LENGTHS)), [f"{name}\n{int(c)} pairs" for name, c in zip(LENGTHS, counts)])
    axes.set_xlabel("the chosen response is …")
    axes.set_ylabel("accuracy (%)")
    axes.set_title("Accuracy by length", loc="left")
    axes.legend(fontsize=9)
    return figure


ALL = {"accuracy": accuracy, "high_confidence": high_confidence, "win": win, "differences": differences,
       "best_of_n": best_of_n, "training": training, "confidence": confidence, "balance": balance,
       "calibration": calibration, "length": length}
