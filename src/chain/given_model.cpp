// SPDX-License-Identifier: Apache-2.0
#include "chain/given_model.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include "chain/model_folder.h"
#include "comm/agree.h"
#include "comm/typed.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

namespace fs = std::filesystem;

bool holds_model(const std::string& name) {
  return name == "config.json" || name == "spiece.model" || name == "model.safetensors.index.json" ||
         name.ends_with(".safetensors");
}

/// Throws DataError unless the folder holds a reward model, as far as one can tell without reading its weights.
void check_reward_model(const std::string& folder) {
  const ModelFolder model = open_model_folder(folder);
  if (model.head && model.scoring && model.scoring->kind == scoring::ScoreKind::pointwise) return;
  throw DataError(printable(folder) +
                  ": no reward model: a teacher must have reward_head.safetensors and a westofn.json of the kind "
                  "pointwise; give a folder that the command `reward` has made");
}

void check_teacher(const std::string& key, const std::string& folder) {
  try {
    check_reward_model(folder);
  } catch (const DataError& error) {
    throw DataError(key + ": " + error.what());
  }
}

/// Throws DataError unless a model can be loaded from the folder, as far as one can tell without reading its weights.
std::vector<std::string> list_model_files(const std::string& folder, bool with_format) {
  if (with_format) {
    check_reward_model(folder);
  } else {
    (void)open_model_folder(folder);
  }
  std::error_code error;
  std::vector<std::string> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (holds_model(name) || (with_format && name == "westofn.json")) files.push_back(entry->path().string());
  }
  if (error) throw IoError(printable(folder) + ": cannot list the folder: " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

ModelFolder open_given_model(const std::string& key, const std::string& folder) {
  try {
    return open_model_folder(folder);
  } catch (const DataError& error) {
    throw DataError(key + ": " + error.what());
  }
}

void check_label(const tokenizer::Tokenizer& tokenizer, const std::string& label) {
  try {
    (void)tokenizer.label(label);
  } catch (const ConfigError& error) {
    throw ConfigError(std::string("preference_model.label_tokens: ") + error.what());
  }
}

/// Collective. See find_given_model; `with_format`: westofn.json counts too.
app::StageInput find_folder(app::JobContext& job, const std::string& folder, bool with_format) {
  // One rank looks: another machine may see the folder a moment later.
  const std::string listed = comm::agree(job.world, [&] {
    return job.world.rank() == 0 ? join_text(list_model_files(folder, with_format), "\n") : std::string();
  });
  const std::vector<std::string> files = split_text(comm::broadcast_string(job.world, listed, 0), '\n');
  std::string text;
  for (const auto& file : app::hash_inputs(job, files)) text += file.name + "=" + file.key + "\n";
  return {with_format ? "teacher" : "model", folder, to_hex(hash128(text))};
}

}  // namespace

void check_given_models(const Experiment& experiment) {
  const auto& preference = experiment.preference_model;
  std::optional<ModelFolder> judge;  // what the preference model starts from
  if (experiment.policy && experiment.policy->model)
    judge = open_given_model("policy.model", *experiment.policy->model);
  if (preference.model) judge = open_given_model("preference_model.model", *preference.model);
  if (judge) {
    for (const auto& label : preference.label_tokens) check_label(judge->tokenizer, label);
  }
  for (const auto& [name, settings] : experiment.reward_models) {
    if (settings.model) (void)open_given_model("reward_models." + name + ".model", *settings.model);
  }
  for (const auto& [name, recipe] : experiment.recipes) {
    if (recipe.teacher) check_teacher("recipes." + name + ".teacher", *recipe.teacher);
  }
}

app::StageInput find_given_model(app::JobContext& job, const std::string& folder) {
  return find_folder(job, folder, false);
}

app::StageInput find_teacher(app::JobContext& job, const std::string& folder) { return find_folder(job, folder, true); }

}  // namespace westofn::chain
