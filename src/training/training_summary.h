// SPDX-License-Identifier: Apache-2.0
// What came of a training, in a few numbers: training.json, and the words for the user.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "training/baselines.h"
#include "training/examples.h"
#include "training/task.h"
#include "training/trainer.h"

namespace westofn::training {

inline constexpr const char* summary_name = "training.json";

/// Rows in and out, as in a manifest: "train.used", "validation.too_long", ...
using Counts = std::map<std::string, std::int64_t>;

/// Adds the counts of one part of the data.
void add_balance(const std::string& part, const RowBalance& balance, Counts& counts);

struct TrainingSummary {
  Task::Selection selection = Task::Selection::accuracy;
  std::int64_t steps = 0;
  std::int64_t skipped = 0;  ///< of these, steps whose loss or gradient was not finite
  std::int64_t best_step = 0;
  double untrained = 0;                    ///< what `selection` names, on the validation rows
  double best = 0;                         ///< likewise, at the best step
  std::optional<AccuracyReport> accuracy;  ///< of the best weights; of models of pairs
  TokenCount tokens;                       ///< of all training batches
  Counts counts;
};

[[nodiscard]] TrainingSummary summarize(const TrainingResult& result, Task::Selection selection);

/// "74.2 % [71.0, 77.1]"; without the interval where there is none.
[[nodiscard]] std::string accuracy_text(const metrics::Estimate& accuracy);

/// The content of training.json. The same for the same training.
[[nodiscard]] std::string to_json(const TrainingSummary& summary);

/// Local. Says on rank 0 what was reached, and warns if training has not helped or if the model is not clearly
/// better than a trivial rule.
void report(const std::string& stage, const TrainingSummary& summary);

}  // namespace westofn::training
