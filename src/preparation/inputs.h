// SPDX-License-Identifier: Apache-2.0
// What the stage `prepare` depends on: the input files, or a toy world that is made first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "preparation/settings.h"
#include "preparation/sources.h"

namespace westofn::preparation {

/// An input file as it was before its hash was taken.
struct InputState {
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const InputState&) const = default;
};

/// What the stage depends on.
struct PrepareInputs {
  DataSettings settings;  ///< names files, also where the experiment asks for a world
  app::StageSpec spec;
  std::vector<InputState> seen;
};

/// Collective. Finds the input files and hashes them; makes the toy world first if the settings ask for one.
[[nodiscard]] PrepareInputs find_inputs(app::JobContext& job, const app::RunFolder& run, const DataSettings& settings,
                                        std::uint64_t seed);

/// Collective. What `prepare` would do; changes nothing.
[[nodiscard]] std::vector<app::StagePlan> plan_prepare(app::JobContext& job, const app::RunFolder& run,
                                                       const DataSettings& settings, std::uint64_t seed);

/// Local. Size and time of the input files; a missing one is all zero. Throws IoError.
[[nodiscard]] std::vector<InputState> look_at(const std::vector<Source>& sources);

}  // namespace westofn::preparation
