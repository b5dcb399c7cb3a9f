// SPDX-License-Identifier: Apache-2.0
// `westofn generate`: a file of prompts in, a file of samples out.
#pragma once

#include <cstdint>
#include <string>

#include "app/run_job.h"
#include "model/runtime.h"
#include "synthesis/generation_settings.h"

namespace westofn::synthesis {

/// What is to be written, and how.
struct GenerateFileSettings {
  std::string policy;   ///< a T5 folder
  std::string prompts;  ///< JSONL with rows {"id"?, "prompt"}
  std::string out;      ///< must not exist
  std::uint64_t seed = 1;
  GenerationSettings generation;
  model::RuntimeSettings runtime;
};

/// Collective. Writes `out`: rows {"id", "sample", "response", "tokens", "log_likelihood", "finished"}, n for each
/// prompt in the order of the input. The same bytes for any number of ranks. Throws ConfigError, DataError with file
/// and line, IoError; then `out` is not there.
void generate_file(app::JobContext& job, const GenerateFileSettings& settings);

}  // namespace westofn::synthesis
