// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <utility>
#include <vector>

#include "app/progress.h"
#include "comm/agree.h"
#include "config/config.h"
#include "dataset/prepared.h"
#include "io/durable_file.h"
#include "io/match_file.h"
#include "io/mixture_file.h"
#include "io/pool_file.h"
#include "io/synthetic_pair_file.h"
#include "selection/mixture.h"
#include "synthesis/account_text.h"
#include "synthesis/choose_pairs.h"
#include "synthesis/kept_pairs.h"
#include "synthesis/lineage.h"
#include "synthesis/quantile.h"
#include "synthesis/recipe_balance.h"
#include "synthesis/recipe_report.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

using selection::Ranked;

std::string pairs_file_name(std::size_t number) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "pairs-%05zu.h5", number);
  return name.data();
}

/// The stage, with what all its steps share. The pairs are chosen twice, once for their values and once to be written:
/// so no rank holds the texts of more than one block.
class RecipeStage {
 public:
  RecipeStage(app::StageRun& stage, const RecipeInputs& inputs)
      : stage_(stage),
        world_(stage.job().world),
        inputs_(inputs),
        filters_(selection::list_filters(inputs.settings.filters)),
        values_(filters_.size()) {}

  app::StageOutput run() {
    read_manifests();
    collect_values();
    find_cuts();
    std::vector<io::SyntheticOrigin> kept = decide_all();
    write_pairs();
    write_mixture(std::move(kept));
    app::StageOutput output{{"mixture.h5", "balance.json"}, manifest_counts(balance_)};
    for (std::size_t block = 0; block < block_count(); ++block) output.files.push_back(pairs_file_name(block));
    return output;
  }

 private:
  /// Collective.
  void read_manifests() {
    comm::agree(world_, [&] {
      const io::Manifest pools = io::read_manifest(inputs_.pools.folder);
      pools_ = io::pool_files(pools, PromptSet::unlabelled);
      const io::Manifest matches = io::read_manifest(inputs_.matches.folder);
      for (const auto& pool : pools_) matches_.push_back(io::find_file(matches, pool.name));
      lineage_ = common_lineage(stage_.name(), pools, matches);
    });
  }

  [[nodiscard]] std::size_t block_count() const { return (pools_.size() + shards_per_file - 1) / shards_per_file; }

  /// Local. The pairs of a block before the filters.
  [[nodiscard]] std::vector<SyntheticPair> choose_block(std::size_t block) {
    std::vector<SyntheticPair> pairs;
    const std::size_t end = std::min(pools_.size(), (block + 1) * shards_per_file);
    for (std::size_t i = block * shards_per_file; i < end; ++i) {
      stage_.beat();
      const auto pools = io::read_pool(inputs_.pools.folder + "/" + pools_[i].name, pools_[i]);
      const std::string path = inputs_.matches.folder + "/" + matches_[i].name;
      const auto matches = io::read_matches(path, matches_[i]);
      try {
        auto chosen = choose_pairs(pools, matches, inputs_.settings.matches, inputs_.seed);
        std::ranges::move(chosen, std::back_inserter(pairs));
      } catch (const DataError& e) {
        throw DataError(path + ": " + e.what());
      }
    }
    return pairs;
  }

  /// Collective. The blocks are dealt by turns; of each pair only its place and its values are kept.
  void collect_values() {
    app::Progress progress(world_, {stage_.name(), "files of pairs chosen", static_cast<std::int64_t>(block_count()),
                                    stage_.heartbeat_path()});
    comm::agree(world_, [&] {
      fault_point("recipe.choose");
      const auto ranks = static_cast<std::size_t>(world_.size());
      for (auto block = static_cast<std::size_t>(world_.rank()); block < block_count(); block += ranks) {
        stage_.stop_if_signalled();
        const std::vector<SyntheticPair> pairs = choose_block(block);
        prompts_read_ += static_cast<std::int64_t>(pairs.size());
        for (std::size_t row = 0; row < pairs.size(); ++row) take_values(pairs[row], block, row);
        progress.update(static_cast<std::int64_t>(block + 1));
      }
    });
    progress.finish("running");
  }

  void take_values(const SyntheticPair& pair, std::size_t block, std::size_t row) {
    if (pair.cycle) ++balance_.cycles;
    if (pair.outcome != PairOutcome::kept) {
      balance_.count(pair.outcome);
      return;
    }
    ++balance_.pairs;
    bins_.push_back(ConfidenceCounts::bin_of(pair.confidence));
    balance_.confidence.add(bins_.back());
    places_.push_back(
        {pair.prompt, static_cast<std::int64_t>(block), static_cast<std::int64_t>(row), pair.chosen, pair.rejected});
    for (std::size_t f = 0; f < filters_.size(); ++f) values_[f].push_back(value_of(pair, f));
  }

  [[nodiscard]] Ranked value_of(const SyntheticPair& pair, std::size_t filter) const {
    const auto unit = inputs_.settings.filters.likelihood_unit;
    const double value = selection::filter_value(pair, filters_[filter].reason, unit);
    if (std::isnan(value)) {
      if (filters_[filter].q == 0) return {0, pair.prompt};  // drops nothing, whatever the value
      throw DataError(inputs_.pools.folder + ": prompt '" + printable(pair.prompt_id, 60) +
                      "' has samples without log_likelihood, which were imported so; a recipe with a quantile of "
                      "likelihood needs them: add log_likelihood to the files of generation.import, or set the "
                      "recipe's likelihood to 0");
    }
    return {value, pair.prompt};
  }

  /// Collective.
  void find_cuts() {
    fault_point("recipe.quantiles");
    std::vector<QuantileRequest> requests;
    for (std::size_t f = 0; f < filters_.size(); ++f) requests.push_back({values_[f], filters_[f].q});
    cuts_ = global_cuts(world_, requests);
  }

  /// The first filter that a pair with these values fails.
  template <class ValueOf>
  [[nodiscard]] PairOutcome outcome_of(const ValueOf& value_of_filter) const {
    for (std::size_t f = 0; f < filters_.size(); ++f) {
      if (!selection::is_kept(value_of_filter(f), cuts_[f])) return filters_[f].reason;
    }
    return PairOutcome::kept;
  }

  /// Collective. Completes the balance on all ranks; the kept pairs of all ranks, in order, on rank 0.
  std::vector<io::SyntheticOrigin> decide_all() {
    std::vector<io::SyntheticOrigin> mine;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const PairOutcome outcome = outcome_of([&](std::size_t f) { return values_[f][i]; });
      balance_.count(outcome);
      if (outcome != PairOutcome::kept) continue;
      balance_.kept_confidence.add(bins_[i]);
      mine.push_back(places_[i]);
    }
    places_ = {};
    values_ = {};
    bins_ = {};
    balance_.sum(world_);
    balance_.check(world_.all_reduce(prompts_read_, comm::ReduceOp::sum));
    fault_point("recipe.gather");
    return gather_kept(world_, std::move(mine));
  }

  /// Collective.
  void write_pairs() {
    std::vector<app::Shard> shards;
    for (std::size_t block = 0; block < block_count(); ++block) shards.push_back({{pairs_file_name(block)}, 1});
    stage_.make_shards(stage_.deal(shards), [&](std::size_t block) {
      std::vector<SyntheticPair> pairs = choose_block(block);
      for (auto& pair : pairs) {
        if (pair.outcome != PairOutcome::kept) continue;
        pair.outcome = outcome_of([&](std::size_t f) { return value_of(pair, f); });
      }
      fault_point("recipe.write");
      stage_.note_file(io::write_synthetic_pairs(stage_.folder() + "/" + pairs_file_name(block), pairs));
    });
  }

  /// Collective. Rank 0 writes the mixture and the balance.
  void write_mixture(std::vector<io::SyntheticOrigin> kept) {
    std::array<std::int64_t, 2> sizes{};  // human pairs, rows
    comm::agree(world_, [&] {
      fault_point("recipe.mixture");
      if (world_.rank() != 0) return;
      io::MixtureLineage& lineage = lineage_;
      lineage.human_ids = human_ids();
      lineage.synthetic = std::move(kept);
      const auto human = static_cast<std::int64_t>(lineage.human_ids.size());
      const auto rows = selection::mix({human, static_cast<std::int64_t>(lineage.synthetic.size())},
                                       inputs_.settings.mixture, inputs_.seed);
      balance_.human = human;
      balance_.mixture = static_cast<std::int64_t>(rows.size());
      balance_.human_rows = std::ranges::count(rows, PairSourceKind::human, &MixtureRow::source);
      stage_.note_file(io::write_mixture(stage_.folder() + "/mixture.h5", rows, lineage));
      sizes = {balance_.human, balance_.mixture};
      stage_.note_file(io::write_durable(stage_.folder() + "/balance.json", to_json(balance_, filters_, cuts_)));
      const RecipeReport report{balance_, filters_, cuts_, inputs_.settings.matches.rule};
      say_account(stage_.name(), report.text(), report.warnings());
    });
    world_.broadcast(sizes, 0);
    balance_.human = sizes[0];
    balance_.mixture = sizes[1];
  }

  [[nodiscard]] std::vector<std::string> human_ids() const {
    std::vector<std::string> ids;
    if (inputs_.settings.human == HumanSet::none) return ids;
    for (auto& pair : dataset::read_human_pairs(inputs_.prepared.folder, {Split::train, inputs_.settings.human})) {
      ids.push_back(std::move(pair.id));
    }
    return ids;
  }

  app::StageRun& stage_;
  comm::Communicator& world_;
  const RecipeInputs& inputs_;
  std::vector<io::FileInfo> pools_;    ///< of the unlabelled prompts, in order
  std::vector<io::FileInfo> matches_;  ///< [i] belongs to pools_[i]
  std::vector<selection::Filter> filters_;
  std::vector<selection::Cut> cuts_;         ///< one a filter
  std::vector<std::vector<Ranked>> values_;  ///< one list a filter: of the pairs of this rank
  std::vector<io::SyntheticOrigin> places_;  ///< of the pairs of this rank
  std::vector<std::uint16_t> bins_;          ///< of their confidences
  std::int64_t prompts_read_ = 0;            ///< by this rank
  io::MixtureLineage lineage_;               ///< complete on rank 0, at the end
  RecipeBalance balance_;
};

}  // namespace

app::StageSpec recipe_spec(const std::string& name, const RecipeInputs& inputs) {
  return {"recipe-" + name,
          2,
          "seed: " + std::to_string(inputs.seed) + "\n" + config::to_yaml(inputs.settings),
          {inputs.prepared.for_manifest(), inputs.pools.for_manifest(), inputs.matches.for_manifest()}};
}

io::Manifest make_recipe(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                         const RecipeInputs& inputs) {
  return app::run_stage(job, run, spec, [&](app::StageRun& stage) { return RecipeStage(stage, inputs).run(); });
}

}  // namespace westofn::synthesis
