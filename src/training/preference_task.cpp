// SPDX-License-Identifier: Apache-2.0
#include "training/preference_task.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <utility>

#include "scoring/scores.h"
#include "training/padding.h"
#include "training/rehearsal.h"

namespace westofn::training {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// -log sigmoid(x), also where exp(-x) is too large.
double softplus_of_minus(double x) { return x > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x; }

}  // namespace

PreferenceTask::PreferenceTask(model::T5& t5, LabelTokens tokens, Data data, const model::BatchLimits& limits,
                               const PairLabels& labels, const PassSettings& pass)
    : PairTask(std::move(data), limits), t5_(t5), network_(t5), tokens_(tokens), labels_(labels), pass_(pass) {}

at::Tensor PreferenceTask::label_rows() const {
  return t5_.head_VD().index_select(0,
                                    at::tensor({tokens_.first, tokens_.second}, at::kLong).to(t5_.head_VD().device()));
}

at::Tensor PreferenceTask::log_odds(const at::Tensor& states_BD, const at::Tensor& rows_2D) const {
  const auto wide = network_.operations().wide();
  const double scale =
      t5_.config().scale_decoder_outputs ? 1 / std::sqrt(static_cast<double>(t5_.config().d_model)) : 1.0;
  const at::Tensor difference_D = rows_2D[0].to(wide) - rows_2D[1].to(wide);
  return at::mv(states_BD.to(wide), difference_D) * scale;
}

void PreferenceTask::backward(gradient::FirstStepPass& pass, const at::Tensor& states_gradient,
                              const at::Tensor& rows_gradient, const gradient::GradientSink& sink) const {
  const auto& ops = network_.operations();
  const at::Tensor& head_VD = t5_.head_VD();
  at::Tensor gradient_VD = at::zeros(head_VD.sizes(), head_VD.options().dtype(ops.wide()));
  gradient_VD[tokens_.first].copy_(rows_gradient[0]);
  gradient_VD[tokens_.second].copy_(rows_gradient[1]);
  const bool tied = head_VD.is_same(t5_.embedding_VD());
  if (!tied) {
    sink(head_VD, ops.narrow(gradient_VD));
    gradient_VD = at::Tensor();
  }
  pass.backward(states_gradient, std::move(gradient_VD), sink);
}

std::vector<TrainedWeight> PreferenceTask::weights() {
  const std::vector<model::Parameter> named = t5_.parameters();
  return rehearse(named, [&](const gradient::GradientSink& sink) {
    const gradient::DropoutSource no_dropout(0, {});
    gradient::FirstStepPass pass({network_, no_dropout, pass_.keep});
    const at::Tensor states_BD = pass.forward(rehearsal_input());
    backward(pass, at::zeros_like(states_BD), at::zeros_like(label_rows()), sink);
  });
}

double PreferenceTask::differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                                     const gradient::GradientSink& sink) {
  const at::NoGradGuard no_gradients;
  const std::vector<const PairExample*> pairs = training_pairs(examples);
  std::vector<tokenizer::Tokens> inputs;
  std::vector<double> signs;
  for (const PairExample* pair : pairs) {
    const bool flipped = random.chance(0.5);
    inputs.push_back(flipped ? pair->second : pair->first);
    signs.push_back(flipped ? -1 : 1);
  }
  const gradient::DropoutSource dropout = dropout_source(pass_.dropout, inputs.size(), random);
  gradient::FirstStepPass pass({network_, dropout, pass_.keep});
  const at::Tensor states_BD = pass.forward(inputs);
  const ObjectiveGradient objective =
      differentiate_objective({states_BD, label_rows()}, [&](std::span<const at::Tensor> arguments) {
        const at::Tensor odds_B = log_odds(arguments[0], arguments[1]);
        return two_label_cross_entropy(odds_B, numbers_like(odds_B, signs), targets_of(pairs, labels_, odds_B));
      });
  backward(pass, objective.gradients[0], objective.gradients[1], sink);
  return objective.value;
}

TokenCount PreferenceTask::tokens(std::span<const std::int64_t> examples) const {
  std::vector<const tokenizer::Tokens*> rows;
  for (const PairExample* pair : training_pairs(examples)) rows.push_back(&pair->first);
  return count_tokens(network_.operations(), rows);
}

std::vector<PairScore> PreferenceTask::judge(std::span<const tokenizer::Tokens> inputs) const {
  const gradient::DropoutSource no_dropout(0, {});
  gradient::FirstStepPass pass({network_, no_dropout, gradient::Keep::nothing});
  const at::Tensor odds_B = log_odds(pass.forward(inputs), label_rows()).to(at::kCPU, at::kDouble);
  const std::span<const double> odds(odds_B.const_data_ptr<double>(), inputs.size());
  std::vector<PairScore> scores;
  for (std::size_t i = 0; i < inputs.size() / 2; ++i) {
    const double chosen_first = odds[i];
    const double chosen_second = odds[i + inputs.size() / 2];
    const double loss = (softplus_of_minus(chosen_first) + softplus_of_minus(-chosen_second)) / 2;
    const double p = scoring::both_orders(sigmoid(chosen_first), sigmoid(chosen_second));
    scores.push_back({0, loss, p, 1 - p});
  }
  return scores;
}

}  // namespace westofn::training
