// SPDX-License-Identifier: Apache-2.0
// The scores that `westofn score` adds to rows, for the three kinds of models.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "io/json_text.h"
#include "model/t5.h"
#include "scoring/scores.h"
#include "scoring/scoring_config.h"

namespace westofn::synthesis {

/// The texts of a row that are scored.
struct RowTexts {
  std::string prompt;
  std::string first;   ///< response, a or chosen
  std::string second;  ///< b or rejected; empty for a single response
  bool is_pair = false;
};

/// Local. Takes the columns `response` (`a`, `b` for pairwise models) or, where they are missing, `chosen`, `rejected`.
/// Throws DataError with the place of the row.
[[nodiscard]] RowTexts read_row_texts(const io::JsonValue& row, scoring::ScoreKind kind);

/// A row on its way through the program.
struct ScoredRow {
  io::TextPlace place;
  RowTexts texts;
  nlohmann::ordered_json json;  ///< all keys in their order; scores are added
};

/// A model that scores rows.
class RowScorer {
 public:
  explicit RowScorer(scoring::ScoreKind kind) : kind_(kind) {}
  virtual ~RowScorer() = default;
  RowScorer(const RowScorer&) = delete;
  RowScorer& operator=(const RowScorer&) = delete;

  [[nodiscard]] scoring::ScoreKind kind() const { return kind_; }
  /// Local. Adds the scores to the rows; throws DataError with the place of a row that is too long or whose score is
  /// not a number.
  virtual void score(std::span<ScoredRow> rows, const scoring::ScoringRun& run) const = 0;

 private:
  scoring::ScoreKind kind_;
};

/// Local. Loads the model of a folder as the config asks for. Throws ConfigError, DataError.
[[nodiscard]] std::unique_ptr<RowScorer> load_row_scorer(const std::string& folder,
                                                         const scoring::ScoringConfig& config,
                                                         model::Placement placement);

}  // namespace westofn::synthesis
