// SPDX-License-Identifier: Apache-2.0
#include "evaluation/results.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "app/build_info.h"
#include "app/stage_cost.h"
#include "app/stage_lock.h"
#include "comm/agree.h"
#include "evaluation/run_columns.h"
#include "io/durable_file.h"
#include "io/hdf5.h"
#include "io/manifest.h"
#include "io/shared_hdf5.h"
#include "util/fault.h"

namespace westofn::evaluation {
namespace {

template <class T>
void copy_dataset(const io::Hdf5Reader& from, const io::DatasetInfo& dataset, io::Hdf5Writer& to) {
  const auto values = from.read<T>(dataset.path);
  if (dataset.shape.size() == 2) {
    to.dataset_2d(dataset.path, values, dataset.shape[1], dataset.note);
  } else {
    to.dataset(dataset.path, values, dataset.note);
  }
}

void copy_evaluation(const std::string& path, io::Hdf5Writer& to) {
  const io::Hdf5Reader from(path);
  for (const auto& name : from.attribute_names("/")) to.attribute("/", name, from.attribute("/", name));
  for (const auto& dataset : from.list()) {
    switch (dataset.type) {
      case io::ElementType::uint8: copy_dataset<std::uint8_t>(from, dataset, to); break;
      case io::ElementType::int32: copy_dataset<std::int32_t>(from, dataset, to); break;
      case io::ElementType::int64: copy_dataset<std::int64_t>(from, dataset, to); break;
      case io::ElementType::float64: copy_dataset<double>(from, dataset, to); break;
      default: from.refuse(dataset.path + " has the type " + io::to_string(dataset.type) + ", which none should have");
    }
  }
}

using Texts = std::vector<std::string>;

/// Of a stage in its run folder.
std::string folder_name(const std::string& folder) { return std::filesystem::path(folder).filename().string(); }

/// The stages, what they counted, and what the user gave.
void write_stages(const std::vector<app::StageInput>& stages, io::Hdf5Writer& to) {
  Texts names, folders, keys, count_names, input_names, input_hashes;
  std::vector<std::int64_t> count_stages, counts;
  std::set<std::string> stage_keys;
  for (const auto& stage : stages) stage_keys.insert(stage.key);
  std::set<std::pair<std::string, std::string>> given;
  for (const auto& stage : stages) {
    names.push_back(stage.name);
    keys.push_back(stage.key);
    const std::string folder = folder_name(stage.folder);
    folders.push_back(folder);
    const io::Manifest manifest = io::read_manifest(stage.folder);
    for (const auto& [name, count] : manifest.counts) {
      count_stages.push_back(static_cast<std::int64_t>(names.size()) - 1);
      count_names.push_back(name);
      counts.push_back(count);
    }
    stage_keys.insert(manifest.key);
    for (const auto& input : manifest.inputs) {
      if (stage_keys.contains(input.key) || !given.emplace(input.name, input.key).second) continue;
      input_names.push_back(input.name);
      input_hashes.push_back(input.key);
    }
  }
  to.text("/stages/name", names, {"every stage that led here, in the order of the chain", "text"});
  to.text("/stages/folder", folders, {"its folder in the run folder", "text"});
  to.text("/stages/key", keys, {"hash of the settings and inputs that it depends on", "text"});
  to.dataset("/counts/stage", count_stages, {"index into /stages; the balance of each stage", "1"});
  to.text("/counts/name", count_names, {"what is counted", "text"});
  to.dataset("/counts/value", counts, {"how many", "1"});
  to.text("/inputs/name", input_names, {"files and models that the user gave, without their folders", "text"});
  to.text("/inputs/hash", input_hashes, {"hash of the content", "text"});
}

/// Writes a list as datasets of one group, one a field.
template <class Items>
class Columns {
 public:
  Columns(const Items& items, std::string group, io::Hdf5Writer& to)
      : items_(items), group_(std::move(group)), to_(to) {}

  template <class Value>
  void text(const char* name, const Value& value, const char* what) {
    Texts rows;
    for (const auto& item : items_) rows.push_back(std::invoke(value, item));
    to_.text(group_ + name, rows, {what, "text"});
  }
  template <class Value>
  void number(const char* name, const Value& value, const io::FieldNote& note) {
    std::vector<std::decay_t<decltype(std::invoke(value, *items_.begin()))>> rows;
    for (const auto& item : items_) rows.push_back(std::invoke(value, item));
    to_.dataset(group_ + name, rows, note);
  }

 private:
  const Items& items_;
  std::string group_;
  io::Hdf5Writer& to_;
};

void write_match_sets(const std::vector<MatchInput>& sets, io::Hdf5Writer& to) {
  Columns columns(sets, "/match_sets/", to);
  columns.text(
      "name", [](const MatchInput& set) { return folder_name(set.input.folder); }, "folder of the stage");
  columns.text(
      "key", [](const MatchInput& set) { return set.input.key; }, "its key");
  columns.text("rule", &MatchInput::rule, "rule by which matches are chosen");
  columns.text("orders", &MatchInput::orders, "both, or one drawn by hash");
  columns.number("n", &MatchInput::n, {"the first n samples of each pool", "1"});
}

void write_recipes(const EvaluateInputs& inputs, io::Hdf5Writer& to) {
  const auto of_set = [&](auto MatchInput::*field) {
    return [&inputs, field](const RecipeInput& recipe) {
      return inputs.matches.empty() ? std::decay_t<decltype(MatchInput{}.*field)>{}
                                    : inputs.matches[recipe.matches].*field;
    };
  };
  Columns columns(inputs.recipes, "/recipes/", to);
  columns.text("rule", of_set(&MatchInput::rule), "rule");
  columns.text("orders", of_set(&MatchInput::orders), "both, or one drawn by hash");
  columns.number("n", of_set(&MatchInput::n), {"the first n samples of each pool", "1"});
  columns.number("match_set", [](const RecipeInput& recipe) { return static_cast<std::int64_t>(recipe.matches); },
                 {"index into /match_sets", "1"});
  columns.number("confidence_quantile", &RecipeInput::confidence,
                 {"share of the pairs of lowest confidence that is dropped", "1"});
  columns.number("likelihood_quantile", &RecipeInput::likelihood,
                 {"share of the pairs of lowest likelihood that is dropped", "1"});
  columns.text("likelihood_of", &RecipeInput::likelihood_of, "each: chosen and rejected; joint: their sum");
  columns.text("likelihood_unit", &RecipeInput::likelihood_unit, "sum over the tokens of a response, or per-token");
  columns.text("human", &RecipeInput::human, "human pairs of the mixture");
  columns.number("ratio", &RecipeInput::ratio, {"synthetic pairs for each human pair of the mixture", "1"});
}

void write_versions(io::Hdf5Writer& to) {
  using Version = std::pair<std::string, std::string>;
  const std::vector<Version> versions = app::library_versions();
  Columns columns(versions, "/versions/", to);
  columns.text("name", &Version::first, "the program and its libraries");
  columns.text("version", &Version::second, "version");
}

/// What the stages have cost so far, this and other jobs together.
void write_costs(const std::vector<app::StageCost>& costs, io::Hdf5Writer& to) {
  using app::StageCost;
  Columns columns(costs, "/cost/", to);
  columns.text("stage", &StageCost::stage, "folder of the stage; a row for each attempt at it");
  columns.text(
      "outcome", [](const StageCost& cost) { return to_text(cost.outcome); },
      "complete, part (of its shards), stopped (in time), failed or unfinished (killed)");
  columns.number("seconds", &StageCost::seconds, {"wall time", "s"});
  columns.number("ranks", &StageCost::ranks, {"ranks", "1"});
  columns.number("nodes", &StageCost::nodes, {"machines", "1"});
  columns.number("gpus", &StageCost::gpus, {"GPUs of all ranks", "1"});
  columns.number("cpus", &StageCost::cpus, {"threads of all ranks", "1"});
  columns.number("tokens", [](const StageCost& cost) { return cost.work.tokens; },
                 {"tokens written, read or trained on", "1"});
  columns.number("samples", [](const StageCost& cost) { return cost.work.samples; }, {"responses written", "1"});
  columns.number("restart", &StageCost::restart, {"how often the job was requeued before", "1"});
}

/// Local. All that is small enough for one rank.
void write_small_parts(const std::string& evaluation_path, const EvaluateInputs& inputs, io::Hdf5Writer& to) {
  fault_point("evaluate.results");
  copy_evaluation(evaluation_path, to);
  to.attribute("/", "program", app::program_version());
  to.text("/experiment", Texts{inputs.experiment}, {"the resolved experiment (YAML)", "text"});
  write_stages(inputs.stages, to);
  write_match_sets(inputs.matches, to);
  write_recipes(inputs, to);
  write_versions(to);
}

}  // namespace

void publish_results(app::JobContext& job, const app::RunFolder& run, const std::string& evaluation_path,
                     const EvaluateInputs& inputs) {
  comm::Communicator& world = job.world;
  const std::string path = run.path() + "/" + results_name;
  const auto lock = comm::agree(world, [&] {
    std::unique_ptr<app::StageLock> held;
    if (world.rank() != 0) return held;
    held = std::make_unique<app::StageLock>(run, "results", app::ShardPart());
    io::remove_temporaries_of(path);  // as large as the file itself, of jobs that were killed here
    return held;
  });
  io::SharedHdf5Writer out(world, path, io::best_writing(world), [&](io::Hdf5Writer& to) {
    write_small_parts(evaluation_path, inputs, to);
    write_costs(app::read_costs(run), to);
  });
  add_human_pairs(world, inputs.prepared.folder, out);
  if (inputs.pools) add_pools(world, inputs.pools->folder, out);
  add_matches(world, inputs.matches, out);
  add_mixtures(world, inputs.recipes, out);
  out.publish();
}

}  // namespace westofn::evaluation
