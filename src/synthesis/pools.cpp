// SPDX-License-Identifier: Apache-2.0
#include "synthesis/pools.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <tuple>

#include "app/finished_stages.h"
#include "app/stage.h"
#include "app/stage_files.h"
#include "comm/agree.h"
#include "config/config.h"
#include "io/record_file.h"
#include "synthesis/account_text.h"
#include "synthesis/imported_samples.h"
#include "synthesis/phase_report.h"
#include "synthesis/policy.h"
#include "synthesis/pool_account.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::synthesis {
namespace {

constexpr std::array all_sets = {PromptSet::unlabelled, PromptSet::validation, PromptSet::test};
constexpr std::string_view prompts_prefix = "prompts-";

/// A shard in a form that can be gathered: some prompts of one set in one prepared file.
struct PlannedShard {
  std::int64_t set = 0;
  std::int64_t file = 0;    ///< number of the prepared file
  std::int64_t number = 0;  ///< of the shard within file and set
  std::int64_t first = 0;   ///< index of its first prompt in the set, over all files
  std::int64_t prompts = 0;
  std::int64_t imported = 0;  ///< of these, prompts whose samples come from files
  double cost = 0;

  [[nodiscard]] PromptSet prompt_set() const { return static_cast<PromptSet>(set); }
  [[nodiscard]] std::string file_name() const { return io::pool_file_name(prompt_set(), file, number); }
};

std::string prompts_file_name(std::int64_t number) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "prompts-%05lld.h5", static_cast<long long>(number));
  return name.data();
}

/// The numbers of the prepared files that hold prompts.
std::vector<std::int64_t> prompts_files(const io::Manifest& prepared) {
  std::vector<std::int64_t> numbers;
  for (const auto& file : prepared.files) {
    if (!file.name.starts_with(prompts_prefix)) continue;
    std::int64_t number = 0;
    const char* end = file.name.data() + file.name.size();
    std::from_chars(file.name.data() + prompts_prefix.size(), end, number);
    WESTOFN_CHECK(prompts_file_name(number) == file.name, "a prepared file has an unknown name: " + file.name);
    numbers.push_back(number);
  }
  return numbers;
}

/// The stage, with what all its steps share.
class PoolsStage {
 public:
  PoolsStage(app::StageRun& stage, const PoolsInputs& inputs)
      : stage_(stage), world_(stage.job().world), inputs_(inputs) {}

  app::StageOutput run() {
    if (!inputs_.settings.imports.empty()) {
      imported_.emplace(world_, inputs_.settings.imports, [&] { stage_.beat(); });
    }
    const std::vector<PlannedShard> plan = plan_shards();
    std::vector<app::Shard> shards;
    shards.reserve(plan.size());
    for (const auto& planned : plan) shards.push_back({{planned.file_name()}, planned.cost});
    take_over(plan);
    const std::vector<int> owners = stage_.deal(shards);
    load_policy(plan, owners);
    PhaseMeter meter(inputs_.placement);
    stage_.make_shards(owners, [&](std::size_t i) {
      meter.run([&] { make_shard(plan[i]); });
      meter.count("prompts", plan[i].prompts);
      meter.count("samples", plan[i].prompts * samples_of(plan[i].prompt_set()));
    });
    meter.report(world_, stage_.name(), std::array<std::string, 2>{"prompts", "samples"});
    stage_.need_all_shards();
    count_earlier(plan, owners);
    account_.sum(world_);
    if (world_.rank() == 0) say_account(stage_.name(), account_.text(), account_.warnings());
    app::StageOutput output{{}, account_.counts()};
    if (imported_) count_imported(plan, output);
    for (const auto& planned : plan) output.files.push_back(planned.file_name());
    return output;
  }

 private:
  /// Collective. All shards in the order of set, file and number. The prepared files are read by turns.
  std::vector<PlannedShard> plan_shards() {
    std::vector<PlannedShard> mine;
    comm::agree(world_, [&] {
      fault_point("pools.plan");
      prepared_ = io::read_manifest(inputs_.prepared.folder);
      const auto files = prompts_files(prepared_);
      for (std::size_t i = 0; i < files.size(); ++i) {
        if (static_cast<int>(i % static_cast<std::size_t>(world_.size())) != world_.rank()) continue;
        stage_.beat();
        for (const PromptSet set : all_sets) add_shards(files[i], set, mine);
      }
    });
    std::vector<PlannedShard> all = world_.all_gather_variable(mine).values;
    std::sort(all.begin(), all.end(), [](const PlannedShard& a, const PlannedShard& b) {
      return std::tie(a.set, a.file, a.number) < std::tie(b.set, b.file, b.number);
    });
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (all[i].set == all[i - 1].set) all[i].first = all[i - 1].first + all[i - 1].prompts;
    }
    return all;
  }

  void add_shards(std::int64_t file, PromptSet set, std::vector<PlannedShard>& shards) {
    const auto prompts = read_set(file, set);
    const auto size = static_cast<std::size_t>(inputs_.runtime.shard_size);
    for (std::size_t begin = 0; begin < prompts.size(); begin += size) {
      const std::size_t end = std::min(begin + size, prompts.size());
      PlannedShard shard{static_cast<std::int64_t>(set), file, static_cast<std::int64_t>(begin / size), 0,
                         static_cast<std::int64_t>(end - begin)};
      for (std::size_t i = begin; i < end; ++i) {
        const bool is_imported = imported_ && imported_->has(prompts[i].id);
        shard.imported += is_imported ? 1 : 0;
        shard.cost += is_imported ? 1 : estimated_tokens(prompts[i]);
      }
      shards.push_back(shard);
    }
  }

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
      if (file == stage.manifest.files.end() || !holds(shard, io::read_pool(stage.folder + "/" + name, *file)))
        continue;
      app::take_over_file(stage_, stage, *file);
      return true;
    }
    return false;
  }

  /// Whether pools are those of exactly the prompts of a shard.
  [[nodiscard]] bool holds(const PlannedShard& shard, std::span<const Pool> pools) {
    const std::vector<Prompt> all = read_set(shard.file, shard.prompt_set());
    const auto begin = static_cast<std::size_t>(shard.number * inputs_.runtime.shard_size);
    const auto prompts = std::span(all).subspan(begin, static_cast<std::size_t>(shard.prompts));
    if (pools.size() != prompts.size()) return false;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      const Prompt& found = pools[i].prompt;
      const bool same = pools[i].index == shard.first + static_cast<std::int64_t>(i) && found == prompts[i];
      if (!same) return false;
    }
    return true;
  }

  /// Read and written, with four bytes a token of English text.
  [[nodiscard]] double estimated_tokens(const Prompt& prompt) const {
    const std::int64_t read = static_cast<std::int64_t>(prompt.text.size()) / 4 + 1;
    const std::int64_t written = samples_of(prompt.set) * inputs_.settings.max_new_tokens;
    return static_cast<double>(std::min(read, inputs_.settings.max_input_tokens.value_or(read)) + written);
  }

  [[nodiscard]] std::int64_t samples_of(PromptSet set) const {
    switch (set) {
      case PromptSet::unlabelled: return inputs_.settings.n;
      case PromptSet::validation: return inputs_.settings.validation_n;
      case PromptSet::test: return inputs_.settings.n + 1;
    }
    return 0;
  }

  /// The prompts of a set in a prepared file; the last file is kept, since shards come file by file.
  std::vector<Prompt> read_set(std::int64_t file, PromptSet set) {
    if (last_file_ != file) {
      const std::string name = prompts_file_name(file);
      last_prompts_ = io::read_prompts(inputs_.prepared.folder + "/" + name, io::find_file(prepared_, name));
      last_file_ = file;
    }
    std::vector<Prompt> prompts;
    for (const auto& prompt : last_prompts_) {
      if (prompt.set == set) prompts.push_back(prompt);
    }
    return prompts;
  }

  /// Collective. The policy, on ranks that have something to write; its tokenizer, on those that have to import.
  void load_policy(const std::vector<PlannedShard>& plan, const std::vector<int>& owners) {
    comm::agree(world_, [&] {
      fault_point("pools.load");
      std::int64_t written = 0;
      std::int64_t imported = 0;
      for (std::size_t i = 0; i < plan.size(); ++i) {
        if (owners[i] != world_.rank()) continue;
        imported += plan[i].imported;
        written += plan[i].prompts - plan[i].imported;
      }
      if (written + imported > 0) app::verify_input(world_, inputs_.policy);
      if (written > 0) policy_.emplace(inputs_.policy.folder, inputs_.settings, inputs_.seed, inputs_.placement);
      if (imported == 0) return;
      const auto vocabulary = model::read_t5_config(inputs_.policy.folder).vocab_size;
      tokenizer_.emplace(tokenizer::Tokenizer::load(inputs_.policy.folder, vocabulary));
    });
  }

  /// The samples of prompts: imported where there are some, written for the others, all in one batch.
  [[nodiscard]] std::vector<std::vector<Sample>> find_samples(std::span<const Prompt> prompts, std::int64_t n) {
    std::vector<std::vector<Sample>> samples(prompts.size());
    std::vector<std::size_t> to_write;
    std::vector<Prompt> asked;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      if (imported_ && imported_->has(prompts[i].id)) {
        samples[i] = imported_->read(prompts[i].id, n, *tokenizer_);
        stage_.beat();
      } else {
        to_write.push_back(i);
        asked.push_back(prompts[i]);
      }
    }
    if (asked.empty()) return samples;
    auto written = policy_->write(asked, n, [&] { stage_.beat(); });
    for (std::size_t k = 0; k < to_write.size(); ++k) samples[to_write[k]] = std::move(written[k]);
    return samples;
  }

  void make_shard(const PlannedShard& shard) {
    const std::vector<Prompt> all = read_set(shard.file, shard.prompt_set());
    const auto begin = static_cast<std::size_t>(shard.number * inputs_.runtime.shard_size);
    const auto prompts = std::span(all).subspan(begin, static_cast<std::size_t>(shard.prompts));
    auto samples = find_samples(prompts, samples_of(shard.prompt_set()));
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

  /// Says what was imported, and warns of prompts in the files that nobody asked for.
  void count_imported(const std::vector<PlannedShard>& plan, app::StageOutput& output) const {
    std::int64_t used = 0;
    std::int64_t all = 0;
    for (const auto& shard : plan) {
      used += shard.imported;
      all += shard.prompts;
    }
    output.counts["imported_prompts"] = used;
    output.counts["import.unknown_prompts"] = imported_->prompts() - used;
    log_info(stage_.name() + ": the samples of " + std::to_string(used) + " of " + std::to_string(all) +
             " prompts are imported");
    if (imported_->prompts() == used) return;
    log_warning(
        stage_.name() + ": " + std::to_string(imported_->prompts() - used) + " of the " +
        std::to_string(imported_->prompts()) +
        " prompts in the files of generation.import are not among the prompts of the experiment; their ids must "
        "be those of data.prompts (or, for prompts without id, the hash that `westofn generate` gives)");
  }

  app::StageRun& stage_;
  comm::Communicator& world_;
  const PoolsInputs& inputs_;
  std::optional<ImportedSamples> imported_;
  std::optional<Policy> policy_;
  std::optional<tokenizer::Tokenizer> tokenizer_;
  io::Manifest prepared_;
  std::int64_t last_file_ = -1;
  std::vector<Prompt> last_prompts_;
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
