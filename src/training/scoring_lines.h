// SPDX-License-Identifier: Apache-2.0
// Lines of Python that use a model folder with transformers: they stand in the folder's README.md.
#pragma once

#include <string_view>

#include "scoring/scoring_config.h"

namespace westofn::training {

/// A whole program: `python lines.py FOLDER ROWS.jsonl` prints one number a row. Rows and numbers are those of
/// `westofn score` (pointwise: prompt, response -> the raw score; pairwise: prompt, a, b -> P(a > b), both orders
/// averaged; likelihood: prompt, response -> the log-likelihood), but nothing is cut to max_input_tokens.
[[nodiscard]] std::string_view scoring_lines(scoring::ScoreKind kind);

}  // namespace westofn::training
