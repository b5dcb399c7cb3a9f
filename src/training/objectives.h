// SPDX-License-Identifier: Apache-2.0
// The objectives as functions of tensors: differentiable, in the floating type of what they are given, finite for
// finite arguments. All are sums; the caller divides by tokens or pairs.
//
// Letters of shapes: B rows or pairs, T target tokens, V vocabulary. Local.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/batch.h"

namespace westofn::training {

/// Teacher-forced cross-entropy of logits [B,T,V], where position t has seen the targets before t. With s the label
/// smoothing (0 <= s < 1):
///   sum over rows b, over t < length of row b, of  -(1 - s) log p(target | b, t) - s mean over v of log p(v | b, t)
/// as torch's cross_entropy has it; padding counts nothing, whatever its logits.
[[nodiscard]] at::Tensor token_cross_entropy(const at::Tensor& logits_BTV, const model::TokenBatch& targets,
                                             double label_smoothing);

/// How sure the labels of pairs are. The target of a pair is
///   q = (1 - s) p + s (1 - p)
/// where p is its probability that the chosen response is better, and s (0 <= s <= 0.5) how often a label is taken to
/// be wrong: a certain label (p = 1) has the targets (1 - s, s).
struct PairTargets {
  at::Tensor probabilities_B;  ///< undefined: all 1
  double label_smoothing = 0;
};

/// Cross-entropy of the two labels of a pairwise model. `log_odds_B` is log P(first label) - log P(second label) among
/// these two, `signs_B` 1 where the chosen response was shown first and -1 where the order was flipped. With
/// z = sign * log odds:
///   sum of  -q log sigmoid(z) - (1 - q) log sigmoid(-z)
[[nodiscard]] at::Tensor two_label_cross_entropy(const at::Tensor& log_odds_B, const at::Tensor& signs_B,
                                                 const PairTargets& targets);

/// The rewards of both responses of each pair.
struct PairRewards {
  const at::Tensor& chosen_B;
  const at::Tensor& rejected_B;
};

/// Bradley-Terry with what may be added to it.
struct BradleyTerry {
  PairTargets targets;
  at::Tensor margins_B;  ///< m; undefined: 0
  double centring = 0;   ///< c; TRL's center_rewards_coefficient
};

/// With z = r(chosen) - r(rejected) - m:
///   sum of  -q log sigmoid(z) - (1 - q) log sigmoid(-z) + c (r(chosen) + r(rejected))^2
/// The margin moves the difference at which a label counts as well met; for soft labels too, whose best difference is
/// logit(q) + m. Centring keeps the sum of both rewards near 0, which Bradley-Terry leaves open.
[[nodiscard]] at::Tensor bradley_terry(const PairRewards& rewards, const BradleyTerry& terms);

}  // namespace westofn::training
