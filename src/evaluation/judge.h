// SPDX-License-Identifier: Apache-2.0
// The judge: whether what Best-of-N takes is better than one sample of the policy, where no gold can tell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/stage.h"
#include "evaluation/assess.h"
#include "evaluation/model_scores.h"
#include "evaluation/test_set.h"
#include "io/file.h"

namespace westofn::evaluation {

/// Rows of all samples of all test pools (pool * (n + 1) + number) that Best-of-N of some scorer takes, each once, in
/// ascending order. Local.
[[nodiscard]] std::vector<std::int64_t> best_rows(const TestSet& test, const std::vector<Scorer>& scorers);

/// Collective. P(sample > sample n of its pool) by the judge `task.model` for these rows, which rank 0 has: on rank 0
/// [pools * (n + 1)], elsewhere empty; NaN: not asked, or too long. Which of the two stands first is drawn by hash, by
/// prompt and sample. Equal texts are 0.5 and are not asked.
[[nodiscard]] std::vector<double> judge_rows(app::StageRun& stage, const ScoringTask& task,
                                             const std::vector<std::int64_t>& rows, std::uint64_t seed);

/// Local. Publish and read back; throw IoError, DataError.
io::FileInfo write_judged(const std::string& path, const std::vector<double>& judged);
[[nodiscard]] std::vector<double> read_judged(const std::string& path, const TestSet& test);

}  // namespace westofn::evaluation
