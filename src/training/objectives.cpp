// SPDX-License-Identifier: Apache-2.0
#include "training/objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/logsumexp.h>

namespace westofn::training {
namespace {

/// -q log sigmoid(z) - (1 - q) log sigmoid(-z) of every pair. Two terms: softplus(-z) + (1 - q) z would lose digits
/// where z is far below 0.
at::Tensor logistic_loss(const at::Tensor& z_B, const PairTargets& targets) {
  const double s = targets.label_smoothing;
  if (!targets.probabilities_B.defined()) {
    const at::Tensor right_B = -at::log_sigmoid(z_B);
    return s == 0 ? right_B : right_B * (1 - s) - at::log_sigmoid(-z_B) * s;
  }
  const at::Tensor q_B = targets.probabilities_B * (1 - 2 * s) + s;
  return -(q_B * at::log_sigmoid(z_B)) - (1 - q_B) * at::log_sigmoid(-z_B);
}

}  // namespace

at::Tensor token_cross_entropy(const at::Tensor& logits_BTV, const model::TokenBatch& targets, double label_smoothing) {
  const at::Tensor& ids_BT = targets.ids_BS;
  const at::Tensor target_BT = at::gather(logits_BTV, 2, ids_BT.unsqueeze(2)).squeeze(2);
  at::Tensor loss_BT = at::logsumexp(logits_BTV, {2});
  if (label_smoothing == 0) {
    loss_BT = loss_BT.sub(target_BT);
  } else {
    loss_BT = loss_BT.sub(target_BT * (1 - label_smoothing)).sub(logits_BTV.mean(2) * label_smoothing);
  }
  const at::Tensor is_padding_BT =
      at::arange(ids_BT.size(1), ids_BT.options()).unsqueeze(0).ge(targets.lengths_B.unsqueeze(1));
  return loss_BT.masked_fill(is_padding_BT, 0).sum();
}

at::Tensor two_label_cross_entropy(const at::Tensor& log_odds_B, const at::Tensor& signs_B,
                                   const PairTargets& targets) {
  return logistic_loss(log_odds_B * signs_B, targets).sum();
}

at::Tensor bradley_terry(const PairRewards& rewards, const BradleyTerry& terms) {
  at::Tensor z_B = rewards.chosen_B - rewards.rejected_B;
  if (terms.margins_B.defined()) z_B = z_B - terms.margins_B;
  at::Tensor loss_B = logistic_loss(z_B, terms.targets);
  if (terms.centring > 0) loss_B = loss_B + (rewards.chosen_B + rewards.rejected_B).square() * terms.centring;
  return loss_B.sum();
}

}  // namespace westofn::training
