// SPDX-License-Identifier: Apache-2.0
// Samples of a policy for a list of prompts.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "generation/sampler.h"
#include "inference/engine.h"
#include "record/records.h"
#include "tokenizer/tokenizer.h"

namespace westofn::generation {

/// What the policy reads.
struct PromptInput {
  std::string id;            ///< names the random numbers of its samples
  tokenizer::Tokens tokens;  ///< with the end token
};

/// In what portions the work is done, and what to call between them (heartbeats).
struct GenerationRun {
  std::int64_t rows = 512;  ///< samples that are written at once
  std::function<void()> beat = [] {};
};

/// Local. The samples of every prompt, in order; sample k has the number first_sample + k.
///
/// Position t of sample k of a prompt uses the uniform number Philox(purpose, seed, round, id) at counter (k, t), so
/// that a sample depends on nothing but its own names and, on a GPU in the last bits of its logits, on its batch.
/// `run.rows` samples are written at once; where one ends, the next begins. Throws DataError if the model gives logits
/// that are not finite.
[[nodiscard]] std::vector<std::vector<Sample>> generate(const inference::Engine& engine,
                                                        const tokenizer::Tokenizer& tokenizer,
                                                        std::span<const PromptInput> prompts,
                                                        const SamplingSettings& settings, const GenerationRun& run);

}  // namespace westofn::generation
