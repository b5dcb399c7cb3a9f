// SPDX-License-Identifier: Apache-2.0
#include "synthesis/pointwise_teacher.h"

#include <utility>

#include "synthesis/score_shard.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

scoring::ScoringConfig read_config(const std::string& folder) {
  auto config = scoring::read_scoring_config(folder);
  if (!config || config->kind != scoring::ScoreKind::pointwise) {
    throw DataError(printable(folder) + ": no pointwise reward model: westofn.json, which holds its template, " +
                    (config ? "says that it is of another kind" : "is missing") +
                    "; give `teacher` a folder that the command `reward` has made");
  }
  return *std::move(config);
}

}  // namespace

PointwiseTeacher::PointwiseTeacher(const std::string& folder, model::Placement placement)
    : config_(read_config(folder)),
      model_(scoring::load_reward_engine(folder, placement)),
      tokenizer_(tokenizer::Tokenizer::load(folder, model_.t5.config().vocab_size)),
      format_(tokenizer_, config_) {}

io::MatchShard PointwiseTeacher::score(std::span<const Pool> pools, const MatchSettings& settings,
                                       const scoring::ScoringRun& run) const {
  const ResponseScorer scorer{[&](auto prompt, auto response) { return format_.encode(prompt, response); },
                              [&](auto inputs) { return scoring::rewards(model_, inputs, run); }};
  return score_shard(pools, settings, scorer);
}

}  // namespace westofn::synthesis
