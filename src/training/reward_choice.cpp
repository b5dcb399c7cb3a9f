// SPDX-License-Identifier: Apache-2.0
#include "training/reward_choice.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/finished_stages.h"
#include "app/stage_files.h"
#include "comm/agree.h"
#include "config/scalar.h"
#include "io/durable_file.h"
#include "training/training_summary.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::training {
namespace {

constexpr std::uint64_t summary_cap = 1 << 20;

/// Local. The validation accuracy of the weights that the stage has kept.
double read_accuracy(const std::string& folder) {
  const std::string path = folder + "/" + summary_name;
  const auto json = nlohmann::json::parse(io::read_file(path, summary_cap), nullptr, false);
  const bool holds = json.is_object() && json.contains("best") && json.at("best").is_number();
  const double accuracy = holds ? json.at("best").get<double>() : std::nan("");
  if (!std::isfinite(accuracy)) {
    throw DataError(path + ": has no validation accuracy; delete the folder to train the reward model again");
  }
  return accuracy;
}

std::string to_json(const ChoiceInputs& inputs, const std::vector<double>& accuracies, std::size_t chosen) {
  nlohmann::ordered_json json = {{"chosen", inputs.candidates[chosen].recipe},
                                 {"by", "validation accuracy"},
                                 {"candidates", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < accuracies.size(); ++i) {
    json["candidates"].push_back({{"recipe", inputs.candidates[i].recipe}, {"accuracy", accuracies[i]}});
  }
  return json.dump(2) + "\n";
}

void report(const std::string& stage, const ChoiceInputs& inputs, const std::vector<double>& accuracies,
            std::size_t chosen) {
  log_info(stage + ": recipe " + inputs.candidates[chosen].recipe +
           " is chosen, by the accuracy on the validation pairs:");
  for (std::size_t i = 0; i < accuracies.size(); ++i) {
    log_info(stage + ":   " + accuracy_text({accuracies[i], std::nan(""), std::nan(""), 0}) + "  " +
             inputs.candidates[i].recipe + (i == chosen ? "  (chosen)" : ""));
  }
}

/// Rank 0. Publishes the files of the chosen model under their names.
void take_over_files(app::StageRun& stage, const app::FinishedStage& model) {
  for (const auto& file : model.manifest.files) {
    app::take_over_file(stage, model, file);
    stage.beat();
  }
}

app::StageOutput choose(app::StageRun& stage, const ChoiceInputs& inputs) {
  comm::Communicator& world = stage.job().world;
  return comm::agree(world, [&] {
    fault_point("reward.choose");
    std::vector<double> accuracies;
    for (const auto& candidate : inputs.candidates) accuracies.push_back(read_accuracy(candidate.model.folder));
    const std::size_t chosen = best_candidate(accuracies);
    const app::StageInput& model = inputs.candidates[chosen].model;
    app::verify_input(world, model);
    const io::Manifest manifest = io::read_manifest(model.folder);
    if (world.rank() == 0) {
      report(stage.name(), inputs, accuracies, chosen);
      take_over_files(stage, {model.folder, manifest});
      stage.note_file(io::write_durable(stage.folder() + "/" + choice_name, to_json(inputs, accuracies, chosen)));
    }
    app::StageOutput output{{choice_name}, manifest.counts};
    for (const auto& file : manifest.files) output.files.push_back(file.name);
    return output;
  });
}

}  // namespace

app::StageSpec choice_spec(const ChoiceInputs& inputs) {
  app::StageSpec spec{"reward-" + inputs.name, 1, "choice: validation accuracy\n", {}};
  for (const auto& [recipe, model] : inputs.candidates) {
    spec.settings += "candidate: " + recipe + "\n";
    spec.inputs.push_back(model.for_manifest());
  }
  return spec;
}

std::size_t best_candidate(const std::vector<double>& accuracies) {
  WESTOFN_CHECK(!accuracies.empty(), "there is a model to choose");
  return static_cast<std::size_t>(std::ranges::max_element(accuracies) - accuracies.begin());
}

io::Manifest choose_reward_model(app::JobContext& job, const app::RunFolder& run, const ChoiceInputs& inputs) {
  return app::run_stage(job, run, choice_spec(inputs), [&](app::StageRun& stage) { return choose(stage, inputs); });
}

}  // namespace westofn::training
