// SPDX-License-Identifier: Apache-2.0
#include "scoring/scores.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/sigmoid.h>

#include <array>
#include <utility>

#include "model/saved_head.h"
#include "model/t5_folder.h"
#include "util/error.h"

namespace westofn::scoring {
namespace {

std::vector<tokenizer::Tokens> select(std::span<const tokenizer::Tokens> lists, const std::vector<std::size_t>& rows) {
  std::vector<tokenizer::Tokens> selected;
  selected.reserve(rows.size());
  for (const auto row : rows) selected.push_back(lists[row]);
  return selected;
}

/// Runs `score`, which gives a score for each row of one batch, over the plan of batches.
template <class Score>
std::vector<double> in_batches(const std::vector<std::int64_t>& lengths, const ScoringRun& run, const Score& score) {
  const at::NoGradGuard no_gradients;
  std::vector<double> values(lengths.size());
  for (const auto& rows : model::plan_batches(lengths, run.limits)) {
    run.beat();
    const std::vector<double> scores = score(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) values[rows[i]] = scores[i];
  }
  return values;
}

std::vector<double> to_vector(const at::Tensor& scores_B) {
  const at::Tensor host_B = scores_B.to(at::kCPU, at::kDouble).contiguous();
  return {host_B.const_data_ptr<double>(), host_B.const_data_ptr<double>() + host_B.numel()};
}

std::vector<std::int64_t> lengths_of(std::span<const tokenizer::Tokens> lists) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(lists.size());
  for (const auto& list : lists) lengths.push_back(static_cast<std::int64_t>(list.size()));
  return lengths;
}

}  // namespace

at::Tensor label_log_odds(const model::T5& model, const model::TokenBatch& inputs, tokenizer::TokenId first,
                          tokenizer::TokenId second) {
  const at::Tensor logits_BV = model.logits(model.first_state(inputs));
  return logits_BV.select(1, first).sub(logits_BV.select(1, second));
}

at::Tensor target_logits(const model::T5& model, const model::TokenBatch& inputs, const model::TokenBatch& targets) {
  const at::Tensor& ids_BT = targets.ids_BS;
  const at::Tensor start_B1 = at::full({ids_BT.size(0), 1}, model.config().decoder_start_token_id, ids_BT.options());
  const at::Tensor shifted_BT = at::cat({start_B1, ids_BT.narrow(1, 0, ids_BT.size(1) - 1)}, 1);
  return model.logits(model.decode(model.encode(inputs), shifted_BT));
}

at::Tensor sequence_log_likelihood(const model::T5& model, const model::TokenBatch& inputs,
                                   const model::TokenBatch& targets) {
  const at::Tensor& ids_BT = targets.ids_BS;
  const at::Tensor logits_BTV = target_logits(model, inputs, targets);
  const at::Tensor chosen_BT = at::gather(logits_BTV, 2, ids_BT.unsqueeze(2)).squeeze(2);
  const at::Tensor token_BT = chosen_BT.sub(at::logsumexp(logits_BTV, {2}));
  const at::Tensor is_padding_BT =
      at::arange(ids_BT.size(1), ids_BT.options()).unsqueeze(0).ge(targets.lengths_B.unsqueeze(1));
  return token_BT.masked_fill(is_padding_BT, 0).sum(1);
}

RewardEngine load_reward_engine(const std::string& folder, model::Placement placement) {
  // Headers first: weights can take minutes to read.
  model::SavedHead saved = model::load_reward_head(folder, model::T5Folder(folder).config().d_model, placement.device);
  return {inference::Engine::load(folder, placement), std::move(saved.head), saved.scale};
}

std::vector<double> label_probabilities(const inference::Engine& engine, std::span<const tokenizer::Tokens> inputs,
                                        tokenizer::TokenId first, tokenizer::TokenId second, const ScoringRun& run) {
  return in_batches(lengths_of(inputs), run, [&](const std::vector<std::size_t>& rows) {
    const at::Tensor states_BD = engine.first_states(engine.encode(select(inputs, rows)));
    const at::Tensor logits_B2 = engine.logits_of(states_BD, std::array{first, second}).to(at::kDouble);
    return to_vector(at::sigmoid(logits_B2.select(1, 0) - logits_B2.select(1, 1)));
  });
}

std::vector<double> rewards(const RewardEngine& model, std::span<const tokenizer::Tokens> inputs,
                            const ScoringRun& run) {
  return in_batches(lengths_of(inputs), run, [&](const std::vector<std::size_t>& rows) {
    const at::Tensor states_BD = model.t5.first_states(model.t5.encode(select(inputs, rows))).to(at::kFloat);
    return to_vector(at::linear(states_BD, model.head.weight_D.unsqueeze(0), model.head.bias).squeeze(1));
  });
}

std::vector<double> log_likelihoods(const inference::Engine& engine, std::span<const tokenizer::Tokens> inputs,
                                    std::span<const tokenizer::Tokens> targets, const ScoringRun& run) {
  WESTOFN_CHECK(inputs.size() == targets.size(), "every input has a target");
  std::vector<std::int64_t> lengths = lengths_of(inputs);
  for (std::size_t i = 0; i < targets.size(); ++i) lengths[i] += static_cast<std::int64_t>(targets[i].size());
  return in_batches(lengths, run, [&](const std::vector<std::size_t>& rows) {
    return engine.log_likelihoods(engine.encode(select(inputs, rows)), select(targets, rows));
  });
}

}  // namespace westofn::scoring
