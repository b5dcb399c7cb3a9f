# SPDX-License-Identifier: Apache-2.0
"""The few statistics that results.h5 does not hold: intervals of shares and means, and Best-of-n prompt by prompt."""
import numpy as np

Z = 1.959963984540054  # of 95 %


def outcomes(difference):
    """1, 1/2 or 0 for a difference above, at or below 0; NaN stays."""
    difference = np.asarray(difference, dtype=float)
    return np.where(np.isnan(difference), np.nan, (np.sign(difference) + 1) / 2)


def wilson(share, count):
    """Wilson's interval of shares of `count` trials: (low, high); NaN for none."""
    share, count = np.asarray(share, dtype=float), np.asarray(count, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
        half = Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    return np.maximum(0, centre - half), np.minimum(1, centre + half)


def t_quantile(freedom, level=0.95):
    """The t with this share of Student's distribution between -t and t (t = sqrt(freedom) tan(angle))."""
    angle = np.linspace(0, np.pi / 2, 200_001)
    density = np.cos(angle) ** (freedom - 1)
    share = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    return np.sqrt(freedom) * np.tan(np.interp(level * share[-1], share, angle))


def mean_interval(values):
    """Mean, low and high (t) of the values that are not NaN; no interval for a single one."""
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return np.nan, np.nan, np.nan
    mean = values.mean()
    if len(values) == 1:
        return mean, np.nan, np.nan
    half = t_quantile(len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return mean, mean - half, mean + half


def grouped_mean(rows, groups):
    """Mean, low and high of each column of `rows`; the rows of a group count as one draw (linearised ratio)."""
    rows, groups = np.asarray(rows, dtype=float), np.asarray(groups)
    mean = rows.mean(axis=0)
    number = np.unique(groups, return_inverse=True)[1]
    sums = np.zeros((number.max() + 1, rows.shape[1]))
    np.add.at(sums, number, rows - mean)
    if len(sums) < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    half = Z * np.sqrt((sums**2).sum(axis=0) * len(sums) / (len(sums) - 1)) / len(rows)
    return mean, mean - half, mean + half


def best_of_n_weights(size):
    """Row n - 1: the weight of the i-th smallest of `size` in the expected best of n, C(i-1, n-1) / C(size, n)."""
    weights = np.zeros((size, size))
    for n in range(1, size + 1):
        weight = n / size
        for i in range(size - 1, n - 2, -1):
            weights[n - 1, i] = weight
            if i > 0:
                weight *= (i - n + 1) / i
    return weights


def best_of_n_curves(scores, values):
    """For each prompt (row) the expected value of the best of n = 1 .. N by score; equal scores by number."""
    order = np.argsort(scores, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1) @ best_of_n_weights(scores.shape[1]).T


def wins_over_pool(gold):
    """For each sample (column) of each pool (row) the share of the others that it beats, ties half."""
    ranked = np.sort(gold, axis=1)
    size = gold.shape[1]
    if size < 2:
        return np.full(gold.shape, 0.5)
    wins = np.empty(gold.shape)
    for row, (values, pool) in enumerate(zip(gold, ranked)):
        below, upto = np.searchsorted(pool, values, "left"), np.searchsorted(pool, values, "right")
        wins[row] = (below + (upto - below - 1) / 2) / (size - 1)
    return wins
