// SPDX-License-Identifier: Apache-2.0
// UltraFeedback in both shapes; the prompt is written as a dialogue of one human turn or more in both.
// - original: {"instruction", "completions": [{"response", "overall_score" or "fine-grained_score"}, ...]}; the pair is
//   the response with the highest score against the one with the lowest (the first of equals);
// - binarised: {"prompt"?, "chosen": [messages], "rejected": [messages], "score_chosen"?, "score_rejected"?}.
// The confidence is the difference of the two scores.
#include <algorithm>
#include <vector>

#include "io/importers/dialogue.h"
#include "io/importers/formats.h"

namespace westofn::io {
namespace {

double read_score(const JsonValue& completion) {
  if (const auto score = completion.find("overall_score")) return score->number();
  return completion.field("fine-grained_score").number();
}

Imported<ImportedPair> best_against_worst(const JsonValue& row) {
  const auto completions = row.field("completions").items();
  std::vector<double> scores;
  scores.reserve(completions.size());
  for (const JsonValue& completion : completions) scores.push_back(read_score(completion));
  if (scores.size() < 2) return DropReason::one_response;
  const auto best = std::ranges::max_element(scores);
  const auto worst = std::ranges::min_element(scores);
  if (*best == *worst) return DropReason::tied_scores;
  const auto response = [&](auto score) {
    return completions[static_cast<std::size_t>(score - scores.begin())].field("response").text();
  };
  return ImportedPair{.prompt = render_prompt(std::vector<Message>{{"user", row.field("instruction").text()}}),
                      .chosen = response(best),
                      .rejected = response(worst),
                      .confidence = *best - *worst};
}

}  // namespace

Imported<ImportedPair> import_ultrafeedback(const JsonValue& row) {
  if (row.find("completions")) return best_against_worst(row);
  auto imported = import_trl(row);
  auto* pair = std::get_if<ImportedPair>(&imported);
  if (pair == nullptr || (!row.find("score_chosen") && !row.find("score_rejected"))) return imported;
  const double difference = row.field("score_chosen").number() - row.field("score_rejected").number();
  if (difference < 0) row.field("score_chosen").fail("is below score_rejected");
  if (difference == 0) return DropReason::tied_scores;
  pair->confidence = difference;
  return imported;
}

}  // namespace westofn::io
