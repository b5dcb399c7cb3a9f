# SPDX-License-Identifier: Apache-2.0
"""The figures of a report: each function draws one from a Results, or returns None where there is nothing to draw.

What a figure shows and what to look for is said in the text of its function, which the report prints below it.
"""
import inspect

from figures import bias, flow, pseudo_labels, quality, running
from figures.style import short, title

# Section of the report -> the titles of its figures.
SECTIONS = {
    "Models": {quality.models: "How good are the models?"},
    "Differences": {quality.differences: "Better than {reference}?"},
    "Best-of-n": {quality.best_of_n: "Best-of-n by gold", quality.best_of_n_gold: "Gold reward of Best-of-n",
                  quality.overoptimisation: "What models believe, and what gold says"},
    "Synthetic pairs": {flow.flow: "From prompts and human pairs to the mixture", running.balance: "What became of the prompts",
                        pseudo_labels.growth: "Growth with N", pseudo_labels.filters: "Filters and accuracy",
                        pseudo_labels.quantile_effects: "What each quantile would keep",
                        pseudo_labels.confidence: "Confidence of the synthetic pairs",
                        pseudo_labels.likelihood: "Likelihood of both members", pseudo_labels.gold_margin: "Gold of chosen minus rejected"},
    "How sure, in which order, how long": {bias.calibration: "Calibration", bias.order_bias: "Order bias of the preference model",
                                           bias.length: "Accuracy by length", bias.length_bias: "Length bias"},
    "Training": {running.training: "Loss", running.validation: "Accuracy on the validation pairs"},
    "Time and cost": {running.cost: "Time and cost of the stages"},
}
ALL = {function.__name__: function for functions in SECTIONS.values() for function in functions}
TITLES = {function.__name__: text for functions in SECTIONS.values() for function, text in functions.items()}


def draw(results, name):
    """The figure of this name with its title, or None."""
    figure = ALL[name](results)
    if figure is not None:
        title(figure, TITLES[name].format(reference=short(results.names[results.reference])))
    return figure


def caption(function):
    """What stands below the figure."""
    return " ".join(inspect.getdoc(function).split())
