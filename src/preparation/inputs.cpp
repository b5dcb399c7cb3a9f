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

WorldStage world_stage(const WorldSettings& settings, std::uint64_t seed) {
  world::ToyWorldSettings toy = settings.toy;
  toy.seed = settings.seed.value_or(seed);
  return {toy, {"world", 1, config::to_yaml(toy), {}}};
}

/// The settings without the files of unlabelled prompts.
DataSettings labelled_settings(DataSettings settings) {
  std::erase_if(settings.prompts, [](const PromptSource& source) { return source.set == PromptSet::unlabelled; });
  return settings;
}

/// The hashes of `all` settings' files, without those of unlabelled prompts.
std::vector<io::ManifestInput> labelled_inputs(const DataSettings& all, const std::vector<io::ManifestInput>& inputs) {
  std::vector<io::ManifestInput> kept;
  const std::vector<Source> sources = list_sources(all);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const bool is_unlabelled = sources[i].kind == RowKind::prompt && sources[i].set == PromptSet::unlabelled;
    if (!is_unlabelled) kept.push_back(inputs[i]);
  }
  const std::vector<Source> labelled = list_sources(labelled_settings(all));
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i].name = labelled[i].name;
  return kept;
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
  PrepareInputs inputs{settings, {"prepare", 1, {}, {}}, {}, {}, {}};
  if (settings.world) {
    inputs.world = world_stage(*settings.world, seed);
    inputs.settings = read_world(settings, run.stage(inputs.world->spec.folder_name()));
    inputs.spec.inputs = {{"world", inputs.world->spec.key()}};
  } else {
    const std::vector<Source> sources = list_sources(settings);
    inputs.seen = look_at(sources);
    std::vector<std::string> paths;
    paths.reserve(sources.size());
    for (const auto& source : sources) paths.push_back(source.path);
    inputs.spec.inputs = app::hash_inputs(job, paths);
  }
  inputs.spec.settings = readable_settings(inputs.settings, seed);
  app::StageSpec labelled = inputs.spec;
  labelled.settings = readable_settings(labelled_settings(inputs.settings), seed);
  if (!settings.world) labelled.inputs = labelled_inputs(inputs.settings, inputs.spec.inputs);
  inputs.labelled_key = labelled.key();
  return inputs;
}

std::vector<app::StagePlan> plan_prepare(app::JobContext& job, const app::RunFolder& run, const DataSettings& settings,
                                         std::uint64_t seed) {
  const PrepareInputs inputs = find_inputs(job, run, settings, seed);
  return comm::agree(job.world, [&] {
    std::vector<app::StagePlan> plans;
    if (inputs.world) plans.push_back(app::plan_stage(run, inputs.world->spec));
    plans.push_back(app::plan_stage(run, inputs.spec));
    return plans;
  });
}

void make_world(app::JobContext& job, const app::RunFolder& run, const WorldStage& world) {
  app::run_stage(job, run, world.spec, [&](app::StageRun& stage) {
    comm::agree(job.world, [&] {
      fault_point("world.write");
      if (job.world.rank() == 0) world::write_toy_world(world.toy, stage.folder());
    });
    return app::StageOutput{world::toy_world_files(world.toy), {}};
  });
}

}  // namespace westofn::preparation
