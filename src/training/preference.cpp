// SPDX-License-Identifier: Apache-2.0
#include "training/preference.h"

#include <utility>

#include "app/stage_files.h"
#include "comm/agree.h"
#include "config/config.h"
#include "dataset/pair_set.h"
#include "training/checkpoint.h"
#include "training/examples.h"
#include "training/padding.h"
#include "training/preference_task.h"
#include "training/training_stage.h"
#include "util/fault.h"

namespace westofn::training {
namespace {

/// What depends on the role.
struct RoleText {
  const char* stage;
  const char* pairs;  ///< that it learns from
  dataset::PairFilter filter;
};
RoleText text_of(PairwiseRole role) {
  if (role == PairwiseRole::judge) return {"judge", "the judge split", {Split::judge}};
  return {"preference", "the labelled half", {Split::train, HumanSet::hf50}};
}

struct PreferenceData {
  LoadedModel model;
  LabelTokens labels{};
  PairExamples train{};
  PairExamples validation{};
  ValidationPairs pairs{};  ///< of validation
  ModelOrigin origin{};
};

scoring::ScoringConfig scoring_config(const PreferenceSettings& settings) {
  return {.kind = scoring::ScoreKind::pairwise,
          .template_text = settings.template_text,
          .first_label = settings.label_tokens.at(0),
          .second_label = settings.label_tokens.at(1),
          .max_input_tokens = settings.max_input_tokens,
          .cut = settings.cut};
}

/// Local.
PreferenceData load(app::StageRun& stage, const PreferenceInputs& inputs) {
  fault_point("training.load");
  app::verify_input(stage.job().world, inputs.start.folder);
  PreferenceData data{load_start_model(inputs.start, inputs.seed, inputs.placement)};
  const scoring::PairwiseFormat format(data.model.tokenizer, scoring_config(inputs.settings));
  data.labels = {format.first_label(), format.second_label()};
  const auto beat = heartbeat_of(stage);
  const std::string& prepared = inputs.prepared.folder;
  const RoleText role = text_of(inputs.role);
  const dataset::PairSet train = dataset::human_pair_set(prepared, role.filter);
  data.train = encode_pairs(format, train.pairs, beat);
  const dataset::PairSet validation = dataset::human_pair_set(prepared, {Split::validation});
  data.validation = encode_pairs(format, validation.pairs, beat);
  refuse_empty(stage.name(), std::string("pairs of ") + role.pairs, data.train.balance);
  refuse_empty(stage.name(), "validation pairs", data.validation.balance);
  data.pairs = describe_validation(validation.pairs, data.validation);
  data.origin.start = describe_start(inputs.start);
  add_sources(train.sources, std::string("human pairs (") + role.pairs + "), training", data.origin);
  add_sources(validation.sources, "human pairs, validation", data.origin);
  return data;
}

dataset::BatchOfStep batches(const PreferenceInputs& inputs, const PairExamples& train) {
  const PreferenceSettings& settings = inputs.settings;
  const std::string stage = text_of(inputs.role).stage;
  return dataset::sorted_in_windows(
      dataset::shuffled_epochs(train.balance.used, settings.train.batch, {stage, inputs.seed}), lengths_of(train.pairs),
      settings.window, {stage + "-window", inputs.seed});
}

app::StageOutput train_pairwise(app::StageRun& stage, const PreferenceInputs& inputs) {
  PreferenceData data = comm::agree(stage.job().world, [&] { return load(stage, inputs); });
  const TrainSettings& settings = inputs.settings.train;
  const model::RuntimeSettings& runtime = inputs.runtime;
  auto order = batches(inputs, data.train);
  PreferenceTask task(data.model.t5, data.labels,
                      {std::move(data.train.pairs), std::move(data.validation.pairs), std::move(order)},
                      {runtime.batch_rows, runtime.batch_tokens}, {LabelKind::certain, settings.label_smoothing},
                      pass_settings(settings, runtime));
  const TrainingResult result =
      train_on(stage, task, {settings, runtime, inputs.seed, baseline_note(data.pairs)}, inputs.placement.device);

  TrainingSummary summary = summarize(result, task.selection());
  summary.accuracy = judge_model(stage, task, data.pairs, scoring::ScoreKind::pairwise);
  summary.tokens = count_training_tokens(task, summary.steps, runtime.micro_batch);
  add_balance("train", data.train.balance, summary.counts);
  add_balance("validation", data.validation.balance, summary.counts);
  data.origin.parts.push_back({"It was trained with these settings", preference_spec(inputs).settings});
  return publish(stage,
                 {data.model, result, scoring_config(inputs.settings), std::move(summary), std::move(data.origin)});
}

}  // namespace

app::StageSpec preference_spec(const PreferenceInputs& inputs) {
  PreferenceSettings settings = inputs.settings;
  settings.model.reset();  // its files are an input: where they are changes nothing
  return {text_of(inputs.role).stage,
          2,
          settings_text(inputs.seed, config::to_yaml(settings), inputs.runtime, inputs.start),
          {inputs.prepared.for_manifest(), inputs.start.folder.for_manifest()}};
}

io::Manifest train_preference(app::JobContext& job, const app::RunFolder& run, const PreferenceInputs& inputs) {
  const app::StageSpec spec = preference_spec(inputs);
  io::Manifest manifest =
      app::run_stage(job, run, spec, [&](app::StageRun& stage) { return train_pairwise(stage, inputs); });
  remove_checkpoints(job, run.stage(spec.folder_name()));
  return manifest;
}

}  // namespace westofn::training
