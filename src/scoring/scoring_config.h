// SPDX-License-Identifier: Apache-2.0
// How a model is asked for scores: template, labels and limits. Saved beside the model as westofn.json.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "config/types.h"
#include "io/file.h"
#include "tokenizer/template.h"

namespace westofn::scoring {

enum class ScoreKind { likelihood, pairwise, pointwise };

/// What westofn.json says.
struct ScoringConfig {
  ScoreKind kind = ScoreKind::pairwise;
  std::string template_text;  ///< empty for likelihood
  std::string first_label = "A";
  std::string second_label = "B";
  std::optional<std::int64_t> max_input_tokens;  ///< nothing: no limit
  tokenizer::CutPrompt cut = tokenizer::CutPrompt::start;
  bool operator==(const ScoringConfig&) const = default;
};

/// Local. Publishes FOLDER/westofn.json.
io::FileInfo write_scoring_config(const std::string& folder, const ScoringConfig& config);

/// Local. Nothing if the folder has no westofn.json; throws DataError if it is damaged.
[[nodiscard]] std::optional<ScoringConfig> read_scoring_config(const std::string& folder);

}  // namespace westofn::scoring

template <>
struct westofn::config::EnumNames<westofn::scoring::ScoreKind> {
  using E = westofn::scoring::ScoreKind;
  static constexpr std::array table = {EnumName<E>{E::likelihood, "likelihood"}, EnumName<E>{E::pairwise, "pairwise"},
                                       EnumName<E>{E::pointwise, "pointwise"}};
};
