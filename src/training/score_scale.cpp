// SPDX-License-Identifier: Apache-2.0
#include "training/score_scale.h"

#include <cmath>
#include <utility>
#include <vector>

#include "io/pool_file.h"
#include "util/error.h"

namespace westofn::training {

model::ScoreScale scale_of(std::span<const double> scores) {
  const auto count = static_cast<double>(scores.size());
  double sum = 0;
  for (const double score : scores) sum += score;
  const double mean = sum / count;
  double squares = 0;
  for (const double score : scores) squares += (score - mean) * (score - mean);
  const double deviation = scores.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  return {mean, deviation > 0 ? deviation : 1};
}

MeasuredScale measure_scale(const model::RewardModel& model, const scoring::PointwiseFormat& format,
                            const std::string& pools_folder, const scoring::ScoringRun& run) {
  MeasuredScale result;
  std::vector<tokenizer::Tokens> inputs;
  for (const Pool& pool : io::read_pools(pools_folder, PromptSet::validation)) {
    run.beat();
    if (auto input = format.encode(pool.prompt.text, pool.samples.at(0).response)) {
      inputs.push_back(std::move(*input));
    } else {
      ++result.too_long;
    }
  }
  if (inputs.empty()) {
    throw DataError(pools_folder + ": has no samples of validation prompts to measure the scale of scores by; add " +
                    "validation pairs or prompts to `data`");
  }
  const scoring::RewardEngine engine{inference::Engine(model.t5), model.head, {}};
  const std::vector<double> scores = scoring::rewards(engine, inputs, run);
  for (const double score : scores) {
    if (!std::isfinite(score)) throw DataError(pools_folder + ": the reward model gives a score that is not finite");
  }
  result.used = static_cast<std::int64_t>(scores.size());
  result.scale = scale_of(scores);
  return result;
}

}  // namespace westofn::training
