// SPDX-License-Identifier: Apache-2.0
// Where the samples of prompts come from: files of another generator, or the policy.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/stage.h"
#include "model/runtime.h"
#include "synthesis/generation_settings.h"
#include "synthesis/imported_samples.h"
#include "synthesis/policy.h"
#include "synthesis/pool_plan.h"
#include "tokenizer/tokenizer.h"

namespace westofn::synthesis {

/// Refers to its arguments.
class SampleSource {
 public:
  /// What it is made of.
  struct Parts {
    const GenerationSettings& settings;
    std::uint64_t seed = 1;
    const app::StageInput& policy;
    model::Placement placement;
  };
  /// Collective. Looks through the files to be imported, if there are any. Throws DataError.
  SampleSource(app::StageRun& stage, Parts parts);

  /// Samples that a prompt of a set gets: of a test prompt one more, which Best-of-n is compared with.
  [[nodiscard]] std::int64_t samples_of(PromptSet set) const;
  /// Local. Counts the imported prompts of a shard, and estimates its tokens.
  void weigh(PlannedShard& shard, std::span<const Prompt> prompts) const;

  /// Collective. Loads the policy on ranks that have something to write, its tokenizer on those that have to import.
  void load(const std::vector<PlannedShard>& plan, const std::vector<int>& owners);
  /// Local. Imported samples where there are some, for the others written ones, all in one batch.
  [[nodiscard]] std::vector<std::vector<Sample>> find(std::span<const Prompt> prompts, PromptSet set);

  /// Local. Adds what was imported to the counts of the stage, says so, and warns of prompts in the files that the
  /// experiment does not have.
  void count_imported(const std::vector<PlannedShard>& plan, app::StageOutput& output) const;

 private:
  [[nodiscard]] bool is_imported(const Prompt& prompt) const { return imported_ && imported_->has(prompt.id); }
  [[nodiscard]] double estimated_tokens(const Prompt& prompt) const;

  app::StageRun& stage_;
  Parts parts_;
  std::optional<ImportedSamples> imported_;
  std::optional<Policy> policy_;
  std::optional<tokenizer::Tokenizer> tokenizer_;
};

}  // namespace westofn::synthesis
