// SPDX-License-Identifier: Apache-2.0
// What the stage `prepare` depends on: the input files, or the stage that makes a toy world.
#pragma once

#include <cstdint>
#include <optional>
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

/// The stage `world`, which comes before `prepare` where the settings ask for one.
struct WorldStage {
  world::ToyWorldSettings toy;
  app::StageSpec spec;
};

/// What the stage depends on.
struct PrepareInputs {
  DataSettings settings;  ///< names files, also where the experiment asks for a world
  app::StageSpec spec;    ///< depends on the hashes of the files, or on the key of the world
  /// The key of all rows but unlabelled prompts, for stages that read none of these: files of prompts can be added
  /// without training or judging anything again. Without such files it is the key of `spec`.
  std::string labelled_key;
  std::vector<InputState> seen;     ///< the files before they were hashed; empty for a world
  std::optional<WorldStage> world;  ///< what has to be made first
};

/// Collective. Finds the input files and hashes them; makes nothing, so all keys are known before the work begins.
[[nodiscard]] PrepareInputs find_inputs(app::JobContext& job, const app::RunFolder& run, const DataSettings& settings,
                                        std::uint64_t seed);

/// Collective. What `prepare` would do; changes nothing.
[[nodiscard]] std::vector<app::StagePlan> plan_prepare(app::JobContext& job, const app::RunFolder& run,
                                                       const DataSettings& settings, std::uint64_t seed);

/// Collective. Makes the files of a toy world, if they are not there.
void make_world(app::JobContext& job, const app::RunFolder& run, const WorldStage& world);

/// Local. Size and time of the input files; a missing one is all zero. Throws IoError.
[[nodiscard]] std::vector<InputState> look_at(const std::vector<Source>& sources);

}  // namespace westofn::preparation
