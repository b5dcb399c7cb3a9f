// SPDX-License-Identifier: Apache-2.0
#include "training/sft_task.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "training/objectives.h"
#include "training/padding.h"
#include "training/rehearsal.h"

namespace westofn::training {
namespace {

struct Texts {
  std::vector<tokenizer::Tokens> inputs;
  std::vector<tokenizer::Tokens> targets;
};
Texts texts_of(const std::vector<const TextExample*>& rows) {
  Texts texts;
  for (const TextExample* row : rows) {
    texts.inputs.push_back(row->input);
    texts.targets.push_back(row->target);
  }
  return texts;
}

}  // namespace

SftTask::SftTask(model::T5& t5, Data data, const model::BatchLimits& limits, const PassSettings& pass)
    : t5_(t5), network_(t5), data_(std::move(data)), pass_(pass) {
  portions_ = model::plan_batches(lengths_of(data_.validation), limits);
}

double SftTask::weight(std::int64_t example) const {
  return static_cast<double>(data_.train[static_cast<std::size_t>(example)].target.size());
}

std::vector<const TextExample*> SftTask::training_rows(std::span<const std::int64_t> examples) const {
  std::vector<const TextExample*> rows;
  for (const std::int64_t example : examples) rows.push_back(&data_.train[static_cast<std::size_t>(example)]);
  return rows;
}

at::Tensor SftTask::logits(const at::Tensor& states_MD, const at::Tensor& head_VD) const {
  const double scale =
      t5_.config().scale_decoder_outputs ? 1 / std::sqrt(static_cast<double>(t5_.config().d_model)) : 1.0;
  return at::linear(states_MD * scale, head_VD).to(network_.operations().wide());
}

SftTask::Predictions SftTask::predictions(const gradient::TargetPass& pass,
                                          std::span<const tokenizer::Tokens> targets) const {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> ids;
  for (std::size_t b = 0; b < targets.size(); ++b) {
    for (std::size_t t = 0; t < targets[b].size(); ++t) {
      rows.push_back(pass.layout().begins[b] + static_cast<std::int64_t>(t));
      ids.push_back(targets[b][t]);
    }
  }
  const at::Device device = t5_.placement().device;
  return {at::tensor(rows, at::kLong).to(device), at::tensor(ids, at::kLong).to(device)};
}

template <class F>
void SftTask::for_portions(const at::Tensor& states_MD, const Predictions& predictions, const F& use) const {
  constexpr std::int64_t most_logits = std::int64_t{1} << 26;
  const std::int64_t portion = std::max<std::int64_t>(most_logits / t5_.config().vocab_size, 1);
  for (std::int64_t first = 0; first < predictions.rows_P.size(0); first += portion) {
    const std::int64_t count = std::min(portion, predictions.rows_P.size(0) - first);
    const at::Tensor rows_P = predictions.rows_P.narrow(0, first, count);
    const model::TokenBatch targets{predictions.targets_P.narrow(0, first, count).unsqueeze(0),
                                    at::full({1}, count, predictions.targets_P.options())};
    use(rows_P, states_MD.index_select(0, rows_P), targets);
  }
}

void SftTask::backward(gradient::TargetPass& pass, const at::Tensor& states_gradient, at::Tensor head_gradient,
                       const gradient::GradientSink& sink) const {
  const bool tied = t5_.head_VD().is_same(t5_.embedding_VD());
  if (!tied) {
    sink(t5_.head_VD(), network_.operations().narrow(head_gradient));
    head_gradient = at::Tensor();
  }
  pass.backward(states_gradient, std::move(head_gradient), sink);
}

std::vector<TrainedWeight> SftTask::weights() {
  const std::vector<model::Parameter> named = t5_.parameters();
  return rehearse(named, [&](const gradient::GradientSink& sink) {
    const gradient::DropoutSource no_dropout(0, {});
    gradient::TargetPass pass({network_, no_dropout, pass_.keep});
    const at::Tensor states_MD = pass.forward(rehearsal_input(), rehearsal_input());
    const auto& head_VD = t5_.head_VD();
    backward(pass, at::zeros_like(states_MD),
             at::zeros(head_VD.sizes(), head_VD.options().dtype(network_.operations().wide())), sink);
  });
}

double SftTask::differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                              const gradient::GradientSink& sink) {
  const at::NoGradGuard no_gradients;
  const auto [inputs, targets] = texts_of(training_rows(examples));
  const gradient::DropoutSource dropout = dropout_source(pass_.dropout, inputs.size(), random);
  gradient::TargetPass pass({network_, dropout, pass_.keep});
  const at::Tensor states_MD = pass.forward(inputs, targets);
  const at::Tensor head_VD = network_.ready(t5_.head_VD());
  const at::Tensor states_gradient = at::zeros_like(states_MD);
  at::Tensor head_gradient = at::zeros(head_VD.sizes(), head_VD.options().dtype(network_.operations().wide()));
  double loss = 0;
  for_portions(states_MD, predictions(pass, targets),
               [&](const at::Tensor& rows_P, const at::Tensor& states_PD, const model::TokenBatch& batch) {
                 const ObjectiveGradient objective =
                     differentiate_objective({states_PD, head_VD}, [&](std::span<const at::Tensor> arguments) {
                       return token_cross_entropy(logits(arguments[0], arguments[1]).unsqueeze(0), batch,
                                                  data_.label_smoothing);
                     });
                 loss += objective.value;
                 states_gradient.index_copy_(0, rows_P, objective.gradients[0]);
                 head_gradient.add_(objective.gradients[1]);
               });
  backward(pass, states_gradient, std::move(head_gradient), sink);
  return loss;
}

TokenCount SftTask::tokens(std::span<const std::int64_t> examples) const {
  std::vector<const tokenizer::Tokens*> inputs;
  std::vector<const tokenizer::Tokens*> targets;
  for (const TextExample* row : training_rows(examples)) {
    inputs.push_back(&row->input);
    targets.push_back(&row->target);
  }
  const TokenCount of_inputs = count_tokens(network_.operations(), inputs);
  const TokenCount of_targets = count_tokens(network_.operations(), targets);
  return {of_inputs.tokens + of_targets.tokens, of_inputs.computed + of_targets.computed};
}

std::int64_t SftTask::validation_portions() const { return static_cast<std::int64_t>(portions_.size()); }

Task::Validation SftTask::validate(std::int64_t portion) {
  const at::NoGradGuard no_gradients;
  std::vector<const TextExample*> rows;
  Validation result;
  for (const std::size_t index : portions_[static_cast<std::size_t>(portion)]) {
    rows.push_back(&data_.validation[index]);
    result.weight += static_cast<double>(rows.back()->target.size());
  }
  const auto [inputs, targets] = texts_of(rows);
  const gradient::DropoutSource no_dropout(0, {});
  gradient::TargetPass pass({network_, no_dropout, gradient::Keep::nothing});
  const at::Tensor states_MD = pass.forward(inputs, targets);
  const at::Tensor head_VD = network_.ready(t5_.head_VD());
  for_portions(states_MD, predictions(pass, targets),
               [&](const at::Tensor& /*rows*/, const at::Tensor& states_PD, const model::TokenBatch& batch) {
                 result.loss += token_cross_entropy(logits(states_PD, head_VD).unsqueeze(0), batch, 0).item<double>();
               });
  return result;
}

}  // namespace westofn::training
