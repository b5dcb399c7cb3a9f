// SPDX-License-Identifier: Apache-2.0
#include "preparation/inputs.h"

#include "comm/agree.h"
#include "config/config.h"
#include "io/file.h"
#include "util/fault.h"
#include "world/toy_world.h"
#include "world/write_toy_world.h"

namespace westofn::preparation {
namespace {

world::ToyWorldSettings toy_settings(const DataSettings& settings, std::uint64_t seed) {
  world::ToyWorldSettings toy = settings.world.value().toy;
  toy.seed = settings.world->seed.value_or(seed);
  return toy;
}

app::StageSpec world_spec(const world::ToyWorldSettings& toy) { return {"world", 1, config::to_yaml(toy), {}}; }

/// Collective. Makes the world as a stage of its own and returns the settings that read its files.
DataSettings make_world(app::JobContext& job, const app::RunFolder& run, const DataSettings& settings,
                        std::uint64_t seed) {
  const world::ToyWorldSettings toy = toy_settings(settings, seed);
  const app::StageSpec spec = world_spec(toy);
  app::run_stage(job, run, spec, [&](app::StageRun& stage) {
    comm::agree(job.world, [&] {
      fault_point("world.write");
      if (job.world.rank() == 0) world::write_toy_world(toy, stage.folder());
    });
    return app::StageOutput{world::toy_world_files(toy), {}};
  });
  return read_world(settings, run.stage(spec.folder_name()));
}

/// The settings without folders: moving the input files elsewhere changes nothing.
std::string readable_settings(DataSettings settings, std::uint64_t seed) {
  const std::vector<Source> sources = list_sources(settings);
  auto source = sources.begin();
  for (auto& file : settings.pairs) file.path = (source++)->name;
  for (auto& file : settings.prompts) file.path = (source++)->name;
  for (auto& file : settings.demonstrations) file.path = (source++)->name;
  return "seed: " + std::to_string(seed) + "\n" + config::to_yaml(settings);
}

}  // namespace

std::vector<InputState> look_at(const std::vector<Source>& sources) {
  std::vector<InputState> states;
  for (const auto& source : sources) {
    const auto status = io::file_status(source.path);
    states.push_back(status ? InputState{status->bytes, status->modified_ns} : InputState{});
  }
  return states;
}

PrepareInputs find_inputs(app::JobContext& job, const app::RunFolder& run, const DataSettings& settings,
                          std::uint64_t seed) {
  PrepareInputs inputs{settings, {}, {}};
  if (settings.world) inputs.settings = make_world(job, run, settings, seed);
  const std::vector<Source> sources = list_sources(inputs.settings);
  inputs.seen = look_at(sources);
  std::vector<std::string> paths;
  paths.reserve(sources.size());
  for (const auto& source : sources) paths.push_back(source.path);
  inputs.spec = {"prepare", 1, readable_settings(inputs.settings, seed), app::hash_inputs(job, paths)};
  return inputs;
}

std::vector<app::StagePlan> plan_prepare(app::JobContext& job, const app::RunFolder& run, const DataSettings& settings,
                                         std::uint64_t seed) {
  std::vector<app::StagePlan> plans;
  if (settings.world) {
    const app::StageSpec world = world_spec(toy_settings(settings, seed));
    plans.push_back(comm::agree(job.world, [&] { return app::plan_stage(run, world); }));
    if (plans.back().state != app::StageState::complete) {
      plans.push_back({"prepare", app::StageState::absent, "after the world"});
      return plans;
    }
  }
  const PrepareInputs inputs = find_inputs(job, run, settings, seed);
  plans.push_back(comm::agree(job.world, [&] { return app::plan_stage(run, inputs.spec); }));
  return plans;
}

}  // namespace westofn::preparation
