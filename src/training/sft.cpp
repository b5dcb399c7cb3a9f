// SPDX-License-Identifier: Apache-2.0
#include "training/sft.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "app/stage_files.h"
#include "comm/agree.h"
#include "config/config.h"
#include "dataset/prepared.h"
#include "training/checkpoint.h"
#include "training/examples.h"
#include "training/padding.h"
#include "training/sft_task.h"
#include "training/training_stage.h"
#include "util/fault.h"

namespace westofn::training {
namespace {

struct SftData {
  LoadedModel model;
  TextExamples train{};
  TextExamples validation{};
  ModelOrigin origin{};
};

/// Local.
SftData load(app::StageRun& stage, const SftInputs& inputs) {
  fault_point("training.load");
  app::verify_input(stage.job().world, inputs.start.folder);
  SftData data{load_start_model(inputs.start, inputs.seed, inputs.placement)};
  data.origin.start = describe_start(inputs.start);
  const TextEncoder encoder(data.model.tokenizer, inputs.settings, heartbeat_of(stage));
  const std::string& prepared = inputs.prepared.folder;
  std::map<std::string, std::int64_t> sources;
  for (const auto& row : dataset::read_demonstrations(prepared)) {
    encoder.add(row.prompt, row.response, data.train, row.id);
    ++sources[row.source];
  }
  add_sources(sources, "demonstrations, training", data.origin);
  sources.clear();
  for (const auto& pair : dataset::read_human_pairs(prepared, {Split::validation})) {
    encoder.add(pair.prompt, pair.chosen, data.validation);
    ++sources[pair.source];
  }
  add_sources(sources, "chosen responses of human pairs, validation", data.origin);
  refuse_empty(stage.name(), "demonstrations", data.train.balance);
  refuse_empty(stage.name(), "validation pairs", data.validation.balance);
  return data;
}

dataset::BatchOfStep batches(const SftInputs& inputs, const TextExamples& train) {
  const PolicySettings& settings = inputs.settings;
  return dataset::sorted_in_windows(
      dataset::shuffled_epochs(train.balance.used, settings.train.batch, {"sft", inputs.seed}), lengths_of(train.rows),
      settings.window, {"sft-window", inputs.seed});
}

app::StageOutput fine_tune(app::StageRun& stage, const SftInputs& inputs) {
  SftData data = comm::agree(stage.job().world, [&] { return load(stage, inputs); });
  const PolicySettings& settings = inputs.settings;
  const model::RuntimeSettings& runtime = inputs.runtime;
  auto order = batches(inputs, data.train);
  SftTask task(
      data.model.t5,
      {std::move(data.train.rows), std::move(data.validation.rows), std::move(order), settings.train.label_smoothing},
      {runtime.batch_rows, runtime.batch_tokens}, pass_settings(settings.train, runtime));
  const TrainingResult result = train_on(stage, task, {settings.train, runtime, inputs.seed}, inputs.placement.device);

  TrainingSummary summary = summarize(result, task.selection());
  summary.tokens = count_training_tokens(task, summary.steps, runtime.micro_batch);
  add_balance("train", data.train.balance, summary.counts);
  add_balance("validation", data.validation.balance, summary.counts);
  scoring::ScoringConfig scoring;
  scoring.kind = scoring::ScoreKind::likelihood;
  scoring.max_input_tokens = settings.max_input_tokens;
  scoring.cut = settings.cut;
  data.origin.parts.push_back({"It was trained with these settings", sft_spec(inputs).settings});
  return publish(stage, {data.model, result, std::move(scoring), std::move(summary), std::move(data.origin)});
}

}  // namespace

app::StageSpec sft_spec(const SftInputs& inputs) {
  PolicySettings settings = inputs.settings;
  settings.model.reset();  // its files are an input: where they are changes nothing
  return {"sft",
          2,
          settings_text(inputs.seed, config::to_yaml(settings), inputs.runtime, inputs.start),
          {inputs.prepared.for_manifest(), inputs.start.folder.for_manifest()}};
}

io::Manifest train_policy(app::JobContext& job, const app::RunFolder& run, const SftInputs& inputs) {
  const app::StageSpec spec = sft_spec(inputs);
  io::Manifest manifest =
      app::run_stage(job, run, spec, [&](app::StageRun& stage) { return fine_tune(stage, inputs); });
  remove_checkpoints(job, run.stage(spec.folder_name()));
  return manifest;
}

}  // namespace westofn::training
