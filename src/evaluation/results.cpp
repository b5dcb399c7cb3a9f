// SPDX-License-Identifier: Apache-2.0
#include "evaluation/results.h"

#include <filesystem>
#include <set>

#include "app/build_info.h"
#include "app/stage_cost.h"
#include "evaluation/run_columns.h"
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

void write_matches_and_recipes(const EvaluateInputs& inputs, io::Hdf5Writer& to) {
  const auto texts = [&](const auto& list, const char* path, auto value, const char* what) {
    Texts rows;
    for (const auto& item : list) rows.push_back(value(item));
    to.text(path, rows, {what, "text"});
  };
  const auto numbers = [&](const auto& list, const char* path, auto value, const char* what) {
    std::vector<decltype(value(*list.begin()))> rows;
    for (const auto& item : list) rows.push_back(value(item));
    to.dataset(path, rows, {what, "1"});
  };
  const auto& sets = inputs.matches;
  texts(
      sets, "/match_sets/name", [](const MatchInput& m) { return folder_name(m.input.folder); }, "folder of the stage");
  texts(
      sets, "/match_sets/key", [](const MatchInput& m) { return m.input.key; }, "its key");
  texts(
      sets, "/match_sets/rule", [](const MatchInput& m) { return m.rule; }, "rule by which matches are chosen");
  texts(
      sets, "/match_sets/orders", [](const MatchInput& m) { return m.orders; }, "both, or one drawn by hash");
  numbers(
      sets, "/match_sets/n", [](const MatchInput& m) { return m.n; }, "the first n samples of each pool");

  const auto& recipes = inputs.recipes;
  const auto set_of = [&](const RecipeInput& r) { return sets.empty() ? MatchInput{} : sets[r.matches]; };
  texts(
      recipes, "/recipes/rule", [&](const RecipeInput& r) { return set_of(r).rule; }, "rule");
  texts(
      recipes, "/recipes/orders", [&](const RecipeInput& r) { return set_of(r).orders; }, "both, or one by hash");
  numbers(
      recipes, "/recipes/n", [&](const RecipeInput& r) { return set_of(r).n; }, "the first n samples of each pool");
  numbers(
      recipes, "/recipes/match_set", [](const RecipeInput& r) { return static_cast<std::int64_t>(r.matches); },
      "index into /match_sets");
  numbers(
      recipes, "/recipes/confidence_quantile", [](const RecipeInput& r) { return r.confidence; },
      "share of the pairs of lowest confidence that is dropped");
  numbers(
      recipes, "/recipes/likelihood_quantile", [](const RecipeInput& r) { return r.likelihood; },
      "share of the pairs of lowest likelihood that is dropped");
  texts(
      recipes, "/recipes/likelihood_of", [](const RecipeInput& r) { return r.likelihood_of; },
      "each: chosen and rejected; joint: their sum");
  texts(
      recipes, "/recipes/likelihood_unit", [](const RecipeInput& r) { return r.likelihood_unit; },
      "sum over the tokens of a response, or per-token");
  texts(
      recipes, "/recipes/human", [](const RecipeInput& r) { return r.human; }, "human pairs of the mixture");
  numbers(
      recipes, "/recipes/ratio", [](const RecipeInput& r) { return r.ratio; },
      "synthetic pairs for each human pair of the mixture");
}

void write_versions(io::Hdf5Writer& to) {
  Texts names, versions;
  for (const auto& [name, version] : app::library_versions()) {
    names.push_back(name);
    versions.push_back(version);
  }
  to.text("/versions/name", names, {"the program and its libraries", "text"});
  to.text("/versions/version", versions, {"version", "text"});
}

/// What the stages have cost so far, this and other jobs together.
void write_costs(const std::vector<app::StageCost>& costs, io::Hdf5Writer& to) {
  const auto texts = [&](const char* path, auto value, const char* what) {
    Texts rows;
    for (const auto& cost : costs) rows.push_back(value(cost));
    to.text(path, rows, {what, "text"});
  };
  const auto numbers = [&](const char* path, auto value, const io::FieldNote& note) {
    std::vector<std::decay_t<decltype(value(app::StageCost{}))>> rows;
    for (const auto& cost : costs) rows.push_back(value(cost));
    to.dataset(path, rows, note);
  };
  texts(
      "/cost/stage", [](const auto& cost) { return cost.stage; }, "folder of the stage; a row for each attempt at it");
  texts(
      "/cost/outcome", [](const auto& cost) { return to_text(cost.outcome); },
      "complete, part (of its shards), stopped (in time) or failed");
  numbers("/cost/seconds", [](const auto& cost) { return cost.seconds; }, {"wall time", "s"});
  numbers("/cost/ranks", [](const auto& cost) { return cost.ranks; }, {"ranks", "1"});
  numbers("/cost/nodes", [](const auto& cost) { return cost.nodes; }, {"machines", "1"});
  numbers("/cost/gpus", [](const auto& cost) { return cost.gpus; }, {"GPUs of all ranks", "1"});
  numbers("/cost/cpus", [](const auto& cost) { return cost.cpus; }, {"threads of all ranks", "1"});
  numbers("/cost/tokens", [](const auto& cost) { return cost.work.tokens; },
          {"tokens written, read or trained on", "1"});
  numbers("/cost/samples", [](const auto& cost) { return cost.work.samples; }, {"responses written", "1"});
  numbers("/cost/restart", [](const auto& cost) { return cost.restart; },
          {"how often the job was requeued before", "1"});
}

/// Local. All that is small enough for one rank.
void write_small_parts(const std::string& evaluation_path, const EvaluateInputs& inputs, io::Hdf5Writer& to) {
  fault_point("evaluate.results");
  copy_evaluation(evaluation_path, to);
  to.attribute("/", "program", app::program_version());
  to.text("/experiment", Texts{inputs.experiment}, {"the resolved experiment (YAML)", "text"});
  write_stages(inputs.stages, to);
  write_matches_and_recipes(inputs, to);
  write_versions(to);
}

}  // namespace

void publish_results(app::JobContext& job, const app::RunFolder& run, const std::string& evaluation_path,
                     const EvaluateInputs& inputs) {
  comm::Communicator& world = job.world;
  io::SharedHdf5Writer out(world, run.path() + "/" + results_name, io::best_writing(world), [&](io::Hdf5Writer& to) {
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
