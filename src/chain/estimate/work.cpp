// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/work.h"

#include <algorithm>
#include <cmath>

#include "chain/estimate/memory.h"

namespace westofn::chain {
namespace {

double real(std::int64_t number) { return static_cast<double>(number); }

/// Two responses play once, and that is the final.
std::int64_t tournament_matches(std::int64_t n) { return n == 2 ? 1 : (3 * n + 1) / 2 - 2 + 1; }

}  // namespace

std::int64_t count_matches(const synthesis::MatchSettings& matches) {
  switch (matches.rule) {
    case selection::Rule::tournament: return tournament_matches(matches.n);
    case selection::Rule::best_random: return matches.n;
    case selection::Rule::exact: return matches.n * (matches.n - 1) / 2;
    case selection::Rule::self_training: return 1;
    case selection::Rule::random: return 0;
    case selection::Rule::pointwise: return 1;
  }
  return 0;
}

std::int64_t count_scores(const synthesis::MatchSettings& matches) {
  if (matches.rule == selection::Rule::pointwise) return matches.n;
  const std::int64_t asked = matches.rule == selection::Rule::best_random ? 1 : count_matches(matches);
  return asked * (matches.orders == synthesis::Orders::both ? 2 : 1);
}

double score_operations(const model::T5Config& config, double source, Logits logits) {
  return encoder_operations(config, source) + cross_projection_operations(config, source) +
         decoder_operations(config, 1, source, logits);
}

double pool_operations(const model::T5Config& config, double source, double n, double target) {
  return encoder_operations(config, source) + cross_projection_operations(config, source) +
         n * decoder_operations(config, target, source, Logits::computed);
}

double busy_ranks(double parts, int ranks) {
  if (parts < 1) return 1;
  return parts / std::ceil(parts / static_cast<double>(ranks));
}

std::int64_t count_validations(const training::TrainSettings& train) {
  return 1 + (train.steps + train.validate_every - 1) / train.validate_every;
}

PhaseWork training_work(const training::TrainSettings& train, const model::RuntimeSettings& runtime, int ranks,
                        const TrainingLoad& load) {
  const double examples = real(train.steps) * real(train.batch);
  const double validated = (real(count_validations(train)) + load.final_passes) * load.validation_rows;
  const double others = static_cast<double>(ranks - 1) / static_cast<double>(ranks);
  PhaseWork work;
  work.units = examples;
  work.operations = 3 * examples * load.forward + validated * load.validation;
  work.tokens_read = examples * load.read;
  work.busy_ranks = busy_ranks(real(step_parts(train.batch, runtime.micro_batch, ranks).all), ranks);
  // The gradients of each of its micro-batches to their owners, and the new weights from these.
  const double of_rank = real(step_parts(train.batch, runtime.micro_batch, ranks).of_rank);
  work.exchanged_bytes = real(train.steps) * (of_rank + 1) * load.weight_bytes * load.weights * others;
  return work;
}

}  // namespace westofn::chain
