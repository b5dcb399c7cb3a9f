// SPDX-License-Identifier: Apache-2.0
// `westofn score`: adds the scores of a model to the rows of a JSONL file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/run_job.h"
#include "model/runtime.h"
#include "scoring/scoring_config.h"

namespace westofn::synthesis {

/// What is to be scored, and how. What is not given is taken from westofn.json of the model, then from the defaults.
struct ScoreFileSettings {
  std::string model;  ///< folder
  std::string data;
  std::string out;  ///< must not exist
  std::optional<scoring::ScoreKind> kind;
  std::optional<std::string> template_text;
  std::optional<std::string> label_tokens;       ///< "A,B"
  std::optional<std::int64_t> max_input_tokens;  ///< prompts are cut to it; nothing: never cut
  model::RuntimeSettings runtime;
};

/// Collective. Writes `out`: every row of `data` in its order with all its keys, and
///   likelihood: log_likelihood (nats, with the end token) and tokens, for rows with prompt, response;
///   pairwise:   p_a_over_b, p_ab and p_ba_swapped, for rows with prompt, a, b or prompt, chosen, rejected;
///   pointwise:  score and score_normalised (null if the model knows no scale), for rows with prompt, response;
///   likelihood and pointwise: score_chosen and score_rejected, for rows with prompt, chosen, rejected.
/// The same bytes for any number of ranks. Throws ConfigError, DataError with file and line, IoError; then `out` is
/// not there.
void score_file(app::JobContext& job, const ScoreFileSettings& settings);

}  // namespace westofn::synthesis
