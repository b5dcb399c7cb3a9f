// SPDX-License-Identifier: Apache-2.0
#include "synthesis/pools.h"

#include <algorithm>
#include <array>
#include <span>

#include "app/finished_stages.h"
#include "app/stage.h"
#include "comm/agree.h"
#include "config/config.h"
#include "synthesis/account_text.h"
#include "synthesis/phase_report.h"
#include "synthesis/pool_account.h"
#include "synthesis/pool_plan.h"
#include "synthesis/sample_source.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::synthesis {
namespace {

/// The stage, with what all its steps share.
class PoolsStage {
 public:
  PoolsStage(app::StageRun& stage, const PoolsInputs& inputs)
      : stage_(stage),
        world_(stage.job().world),
        inputs_(inputs),
        source_(stage, {inputs.settings, inputs.seed, inputs.policy, inputs.placement}),
        prompts_(comm::agree(world_, [&] { return PreparedPrompts(inputs.prepared.folder); })) {}

  app::StageOutput run() {
    const std::vector<PlannedShard> plan =
        plan_pools(stage_, prompts_, inputs_.runtime.shard_size,
                   [&](PlannedShard& shard, std::span<const Prompt> prompts) { source_.weigh(shard, prompts); });
    std::vector<app::Shard> shards;
    shards.reserve(plan.size());
    for (const auto& planned : plan) shards.push_back({{planned.file_name()}, planned.cost});
    take_over(plan);
    const std::vector<int> owners = stage_.deal(shards);
    source_.load(plan, owners);
    PhaseMeter meter(inputs_.placement);
    stage_.make_shards(owners, [&](std::size_t i) {
      meter.run([&] { make_shard(plan[i]); });
      meter.count("prompts", plan[i].prompts);
      meter.count("samples", plan[i].prompts * source_.samples_of(plan[i].prompt_set()));
    });
    meter.report(world_, stage_.name(), std::array<std::string, 2>{"prompts", "samples"});
    stage_.need_all_shards();
    count_earlier(plan, owners);
    account_.sum(world_);
    if (world_.rank() == 0) say_account(stage_.name(), account_.text(), account_.warnings());
    app::StageOutput output{{}, account_.counts()};
    source_.count_imported(plan, output);
    for (const auto& planned : plan) output.files.push_back(planned.file_name());
    return output;
  }

 private:
  /// Collective. The shards that an earlier stage of the run has made with the same policy and settings for the same
  /// prompts, under the same name: files of prompts were added to the experiment, or others changed.
  void take_over(const std::vector<PlannedShard>& plan) {
    std::int64_t taken = 0;
    const app::ShardRange range = inputs_.part.range(static_cast<std::int64_t>(plan.size()));
    comm::agree(world_, [&] {
      const app::StageSpec spec = pools_spec(inputs_);
      const auto earlier = app::finished_stages(stage_.run(), "pools", [&](const io::Manifest& manifest) {
        return manifest.settings == spec.settings &&
               differ_only_in(inputs_.prepared.name, manifest.inputs, spec.inputs);
      });
      for (std::size_t i = 0; i < plan.size() && !earlier.empty(); ++i) {
        const bool mine = static_cast<int>(i % static_cast<std::size_t>(world_.size())) == world_.rank();
        if (mine && range.contains(static_cast<std::int64_t>(i)) && take_over_shard(plan[i], earlier)) ++taken;
        stage_.beat();
      }
    });
    taken = world_.all_reduce(taken, comm::ReduceOp::sum);
    if (taken > 0) {
      log_info(stage_.name() + ": " + std::to_string(taken) + " of " + std::to_string(plan.size()) +
               " shards are those of an earlier stage with the same policy, settings and prompts");
    }
  }

  static bool differ_only_in(const std::string& name, const std::vector<io::ManifestInput>& a,
                             const std::vector<io::ManifestInput>& b) {
    return std::ranges::equal(a, b, [&](const io::ManifestInput& x, const io::ManifestInput& y) {
      return x == y || (x.name == name && y.name == name);
    });
  }

  [[nodiscard]] bool take_over_shard(const PlannedShard& shard, const std::vector<app::FinishedStage>& earlier) {
    const std::string name = shard.file_name();
    if (io::file_status(stage_.folder() + "/" + name)) return false;
    for (const auto& stage : earlier) {
      const auto file = std::ranges::find(stage.manifest.files, name, &io::FileInfo::name);
      if (file == stage.manifest.files.end()) continue;
      const auto pools = app::read_if_intact([&] { return io::read_pool(stage.folder + "/" + name, *file); });
      if (!pools || !holds(shard, *pools)) continue;
      app::take_over_file(stage_, stage, *file);
      return true;
    }
    return false;
  }

  /// Whether pools are those of exactly the prompts of a shard.
  [[nodiscard]] bool holds(const PlannedShard& shard, std::span<const Pool> pools) {
    const std::vector<Prompt> prompts = prompts_.read_shard(shard);
    if (pools.size() != prompts.size()) return false;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      const bool same_place = pools[i].index == shard.first + static_cast<std::int64_t>(i);
      if (!same_place || pools[i].prompt != prompts[i]) return false;
    }
    return true;
  }

  void make_shard(const PlannedShard& shard) {
    const std::vector<Prompt> prompts = prompts_.read_shard(shard);
    auto samples = source_.find(prompts, shard.prompt_set());
    std::vector<Pool> pools;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      pools.push_back({shard.first + static_cast<std::int64_t>(i), prompts[i], std::move(samples[i])});
    }
    fault_point("pools.write");
    stage_.note_file(io::write_pool(stage_.folder() + "/" + shard.file_name(), pools));
    account_.add(pools);
  }

  /// Collective. Adds the shards of an earlier job to the account: they are in the manifest like all others.
  void count_earlier(const std::vector<PlannedShard>& plan, const std::vector<int>& owners) {
    comm::agree(world_, [&] {
      for (std::size_t i = 0; i < plan.size(); ++i) {
        const bool mine = static_cast<int>(i % static_cast<std::size_t>(world_.size())) == world_.rank();
        if (owners[i] != -1 || !mine) continue;
        stage_.beat();
        account_.add(io::read_pool(stage_.folder() + "/" + plan[i].file_name()));
      }
    });
  }

  app::StageRun& stage_;
  comm::Communicator& world_;
  const PoolsInputs& inputs_;
  SampleSource source_;
  PreparedPrompts prompts_;
  PoolAccount account_;  ///< of what this rank has made or read
};

}  // namespace

app::StageSpec pools_spec(const PoolsInputs& inputs) {
  GenerationSettings settings = inputs.settings;
  settings.imports = app::short_names(settings.imports);  // moving the files elsewhere changes nothing
  app::StageSpec spec{"pools",
                      1,
                      "seed: " + std::to_string(inputs.seed) + "\n" + config::to_yaml(settings) +
                          model::computing_settings(inputs.runtime, model::Work::generation),
                      {inputs.prepared.for_manifest(), inputs.policy.for_manifest()}};
  for (const auto& file : inputs.imports) spec.inputs.push_back({"import " + file.name, file.key});
  return spec;
}

std::optional<io::Manifest> make_pools(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                                       const PoolsInputs& inputs) {
  const auto body = [&](app::StageRun& stage) { return PoolsStage(stage, inputs).run(); };
  if (!inputs.part.is_all()) return app::run_stage_part(job, run, spec, inputs.part, body);
  return app::run_stage(job, run, spec, body);
}

}  // namespace westofn::synthesis
