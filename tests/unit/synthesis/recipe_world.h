// SPDX-License-Identifier: Apache-2.0
// Small finished stages `prepare`, `pools` and `matches` without any model, for tests of recipes.
#pragma once

#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "io/manifest.h"
#include "io/match_file.h"
#include "io/pool_file.h"
#include "io/record_file.h"
#include "selection/bracket.h"
#include "synthesis/recipe.h"
#include "util/philox.h"

namespace westofn::synthesis::testing {

/// A world in a folder: `files` pool files of three prompts with eight samples each.
class RecipeWorld {
 public:
  static constexpr std::int32_t samples = 8;
  static constexpr std::int64_t prompts_per_file = 3;
  static constexpr const char* policy_key = "5f";
  static constexpr const char* preference_key = "9e";

  /// With `only` all pools are of the kind of prompt `only`: see make_pools() and play().
  explicit RecipeWorld(std::string folder, std::optional<std::int64_t> only = {})
      : folder_(std::move(folder)), only_(only) {}

  /// Writes all files; one process does it.
  void write(std::int64_t files, selection::Rule rule = selection::Rule::tournament) const {
    for (const auto* name : {"prepare", "pools", "matches"}) std::filesystem::create_directories(folder_ + "/" + name);
    std::vector<io::FileInfo> pools;
    std::vector<io::FileInfo> matches;
    for (std::int64_t file = 0; file < files; ++file) {
      const std::string name = io::pool_file_name(PromptSet::unlabelled, file / 40, file % 40);
      const std::vector<Pool> shard = make_pools(file * prompts_per_file);
      pools.push_back(io::write_pool(folder_ + "/pools/" + name, shard));
      matches.push_back(io::write_matches(folder_ + "/matches/" + name, play(shard, rule)));
    }
    const std::string prepared = folder_ + "/prepare/pairs-00000.h5";
    finish("prepare", {io::write_pairs(prepared, make_human_pairs())}, {});
    finish("pools", pools, {{"prepare", "1"}, {"sft", policy_key}});
    finish("matches", matches, {{"pools", "2"}, {"preference", preference_key}});
  }

  [[nodiscard]] RecipeInputs inputs() const {
    RecipeInputs inputs;
    inputs.settings.matches.n = samples;
    inputs.prepared = {"prepare", folder_ + "/prepare", "1"};
    inputs.pools = {"pools", folder_ + "/pools", "2"};
    inputs.matches = {"matches", folder_ + "/matches", "3"};
    return inputs;
  }

  /// Collective. Makes a recipe in the run folder RUN of the world.
  io::Manifest make(comm::Communicator& comm, const RecipeInputs& inputs, const std::string& run_name) const {
    const auto node = comm.split(0, comm.rank());
    const app::CommonOptions options;
    const app::StopControl stop(std::nullopt);
    app::JobContext job{comm, *node, options, stop};
    const app::RunFolder run(folder_ + "/" + run_name);
    if (comm.rank() == 0) run.make();
    comm.barrier();
    return make_recipe(job, run, recipe_spec("test", inputs), inputs);
  }

  [[nodiscard]] std::string recipe_folder(const RecipeInputs& inputs, const std::string& run_name) const {
    return folder_ + "/" + run_name + "/" + recipe_spec("test", inputs).folder_name();
  }

 private:
  /// Pools of all kinds: of prompts 3, 13, ... all responses are equal, of 4, 14, ... all are empty.
  [[nodiscard]] std::vector<Pool> make_pools(std::int64_t first) const {
    std::vector<Pool> pools;
    for (std::int64_t index = first; index < first + prompts_per_file; ++index) {
      Pool pool;
      pool.index = index;
      pool.prompt.id = "id" + std::to_string(index);
      pool.prompt.group = "g";
      pool.prompt.text = "prompt " + std::to_string(index);
      RandomSequence random(Philox("pool", 1, 0, pool.prompt.id));
      for (std::int32_t k = 0; k < samples; ++k) {
        const std::string text = kind_of(index) == 3 ? "same" : "response " + std::to_string(random.below(20));
        const std::vector<std::int32_t> tokens(1 + random.below(5), 7);
        const double log_likelihood = -static_cast<double>(1 + random.below(30));  // ties are common
        pool.samples.push_back({k, tokens, kind_of(index) == 4 ? "" : text, log_likelihood, true});
      }
      pools.push_back(std::move(pool));
    }
    return pools;
  }

  /// Of prompts 5, 15, ... a comparison was too long, of 6, 16, ... a score was no number.
  [[nodiscard]] io::MatchShard play(const std::vector<Pool>& pools, selection::Rule rule) const {
    io::MatchShard shard;
    for (const auto& pool : pools) {
      shard.prompts.push_back(pool.index);
      const auto numbers = selection::contestants(pool.samples, samples);
      PairOutcome outcome = numbers.size() < 2 ? PairOutcome::one_response : PairOutcome::kept;
      if (kind_of(pool.index) == 5) outcome = PairOutcome::too_long;
      if (kind_of(pool.index) == 6) outcome = PairOutcome::non_finite;
      shard.outcomes.push_back(outcome);
      if (outcome == PairOutcome::kept)
        play_pool(pool, *selection::make_contest(rule, numbers, 1, pool.prompt.id), shard);
    }
    return shard;
  }

  static void play_pool(const Pool& pool, selection::Contest& contest, io::MatchShard& shard) {
    const Philox noise("matches", 1, 0, pool.prompt.id);
    for (auto games = contest.next(); !games.empty(); games = contest.next()) {
      std::vector<double> p;
      for (const auto& game : games) {
        const double u = noise.uniform(static_cast<std::uint32_t>(game.a), static_cast<std::uint32_t>(game.b));
        const double p_ab = std::floor(u * 16) / 16;
        shard.matches.push_back(
            {pool.index, game.a, game.b, p_ab, 1 - p_ab, game.bracket, game.round, selection::winner(game, p_ab)});
        p.push_back(p_ab);
      }
      contest.report(p);
    }
  }

  /// Twelve pairs: numbers 0, 3, 6, 9 are the labelled half, the others of the training split are not, two are tests.
  static std::vector<HumanPair> make_human_pairs() {
    std::vector<HumanPair> pairs;
    for (int i = 0; i < 12; ++i) {
      HumanPair pair;
      pair.id = "h" + std::to_string(i);
      pair.prompt = "p" + std::to_string(i);
      pair.chosen = "good";
      pair.rejected = "bad";
      pair.split = i >= 10 ? Split::test : Split::train;
      pair.labelled_half = i % 3 == 0 && i < 10;
      if (i == 1) pair.confidence = 3;
      pairs.push_back(pair);
    }
    return pairs;
  }

  void finish(const std::string& stage, const std::vector<io::FileInfo>& files,
              const std::vector<io::ManifestInput>& inputs) const {
    io::write_manifest(folder_ + "/" + stage, {stage, "1", "test", files, inputs, "", {}});
  }

  [[nodiscard]] std::int64_t kind_of(std::int64_t index) const { return only_.value_or(index % 10); }

  std::string folder_;
  std::optional<std::int64_t> only_;
};

}  // namespace westofn::synthesis::testing
