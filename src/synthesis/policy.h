// SPDX-License-Identifier: Apache-2.0
// The policy at work: prompts as texts in, samples out.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "inference/engine.h"
#include "record/records.h"
#include "synthesis/generation_settings.h"
#include "tokenizer/tokenizer.h"

namespace westofn::synthesis {

/// A T5 with its tokenizer and the settings for drawing samples.
class Policy {
 public:
  /// Local. Loads the T5 folder. Throws DataError.
  Policy(const std::string& folder, const GenerationSettings& settings, std::uint64_t seed,
         const model::Placement& placement);

  /// Local. Samples 0 to n - 1 of every prompt, in order; the numbers depend on the id of the prompt. Throws DataError.
  [[nodiscard]] std::vector<std::vector<Sample>> write(std::span<const Prompt> prompts, std::int64_t n,
                                                       const std::function<void()>& beat) const;

 private:
  inference::Engine engine_;
  tokenizer::Tokenizer tokenizer_;
  GenerationSettings settings_;
  std::uint64_t seed_;
};

}  // namespace westofn::synthesis
