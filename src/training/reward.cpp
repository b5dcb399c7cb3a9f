// SPDX-License-Identifier: Apache-2.0
#include "training/reward.h"

#include <string>
#include <utility>

#include "app/stage_files.h"
#include "comm/agree.h"
#include "config/config.h"
#include "dataset/pair_set.h"
#include "training/checkpoint.h"
#include "training/examples.h"
#include "training/padding.h"
#include "training/reward_task.h"
#include "training/score_scale.h"
#include "training/training_stage.h"
#include "util/error.h"
#include "util/fault.h"

namespace westofn::training {
namespace {

struct RewardData {
  LoadedModel model;
  PairExamples train{};
  PairExamples validation{};
  std::vector<std::int64_t> order{};  ///< of a mixture, in examples; empty: shuffled epochs
  ValidationPairs pairs{};            ///< of validation
  ModelOrigin origin{};
  Counts counts{};
};

scoring::ScoringConfig scoring_config(const RewardSettings& settings) {
  return {.kind = scoring::ScoreKind::pointwise,
          .template_text = settings.template_text,
          .max_input_tokens = settings.max_input_tokens,
          .cut = settings.cut};
}

dataset::PairSet training_pairs(const RewardInputs& inputs) {
  const std::string& prepared = inputs.prepared.folder;
  const HumanSet human = inputs.settings.human;
  if (inputs.recipe) return dataset::mixture_pair_set(prepared, human, inputs.recipe->folder);
  return dataset::human_pair_set(prepared, {Split::train, human});
}

/// Local. What the model card names.
ModelOrigin origin_of(const RewardInputs& inputs, const dataset::PairSet& train, const dataset::PairSet& validation) {
  ModelOrigin origin{describe_start(inputs.start)};
  const bool all = inputs.settings.human == HumanSet::hf100;
  add_sources(train.sources, std::string("human pairs (") + (all ? "all" : "the labelled half") + "), training",
              origin);
  if (inputs.recipe) {
    origin.rows.push_back({"recipe " + *inputs.settings.recipe, "synthetic pairs, training",
                           static_cast<std::int64_t>(train.pairs.size()) - train.human});
    origin.parts.push_back(describe_recipe(*inputs.recipe));
    if (inputs.pools) origin.parts.push_back(describe_generator(*inputs.pools));
  }
  add_sources(validation.sources, "human pairs, validation", origin);
  origin.parts.push_back({"It was trained with these settings", reward_spec(inputs).settings});
  return origin;
}

/// Local.
RewardData load(app::StageRun& stage, const RewardInputs& inputs) {
  fault_point("training.load");
  app::verify_input(stage.job().world, inputs.start.folder);
  RewardData data{load_start_model(inputs.start, inputs.seed, inputs.placement)};
  const scoring::PointwiseFormat format(data.model.tokenizer, scoring_config(inputs.settings));
  const auto beat = heartbeat_of(stage);
  const dataset::PairSet train = training_pairs(inputs);
  data.train = encode_pairs(format, train.pairs, beat);
  data.order = example_order(train, data.train);
  const dataset::PairSet validation = dataset::human_pair_set(inputs.prepared.folder, {Split::validation});
  data.validation = encode_pairs(format, validation.pairs, beat);
  refuse_empty(stage.name(), "pairs", data.train.balance);
  refuse_empty(stage.name(), "validation pairs", data.validation.balance);
  if (inputs.recipe && data.order.empty()) throw DataError(stage.name() + ": the mixture has no rows that can be used");
  data.pairs = describe_validation(validation.pairs, data.validation);
  data.origin = origin_of(inputs, train, validation);
  add_balance("train", data.train.balance, data.counts);
  add_balance("validation", data.validation.balance, data.counts);
  data.counts["train.human"] = train.human;
  data.counts["train.synthetic"] = static_cast<std::int64_t>(train.pairs.size()) - train.human;
  if (inputs.recipe) {
    data.counts["mixture.rows"] = static_cast<std::int64_t>(train.order.size());
    data.counts["mixture.used"] = static_cast<std::int64_t>(data.order.size());
  }
  return data;
}

/// One purpose for all reward models, so that comparisons between them share the noise of the order.
dataset::BatchOfStep batches(const RewardInputs& inputs, const RewardData& data) {
  const RewardSettings& settings = inputs.settings;
  const std::int64_t batch = settings.train.batch;
  dataset::BatchOfStep order = inputs.recipe
                                   ? dataset::cycled(data.order, batch)
                                   : dataset::shuffled_epochs(data.train.balance.used, batch, {"reward", inputs.seed});
  return dataset::sorted_in_windows(std::move(order), lengths_of(data.train.pairs), settings.window,
                                    {"reward-window", inputs.seed});
}

app::StageOutput train_student(app::StageRun& stage, const RewardInputs& inputs) {
  RewardData data = comm::agree(stage.job().world, [&] { return load(stage, inputs); });
  const RewardSettings& settings = inputs.settings;
  const model::BatchLimits limits{inputs.runtime.batch_rows, inputs.runtime.batch_tokens};
  // A copy of a T5 shares its weights.
  model::RewardModel model{data.model.t5, model::random_head(data.model.t5, inputs.seed), {}};
  auto order = batches(inputs, data);
  RewardTask task(model, {std::move(data.train.pairs), std::move(data.validation.pairs), std::move(order)}, limits,
                  objective_of(settings), pass_settings(settings.train, inputs.runtime));
  const TrainingResult result = train_on(
      stage, task, {settings.train, inputs.runtime, inputs.seed, baseline_note(data.pairs)}, inputs.placement.device);

  TrainedModel trained{
      data.model, result, scoring_config(settings), summarize(result, task.selection()), std::move(data.origin),
      model.head};
  trained.summary.accuracy = judge_model(stage, task, data.pairs, scoring::ScoreKind::pointwise);
  trained.summary.tokens = count_training_tokens(task, trained.summary.steps, inputs.runtime.micro_batch);
  trained.summary.counts = std::move(data.counts);
  comm::agree(stage.job().world, [&] {
    if (!inputs.pools || stage.job().world.rank() != 0) return;
    const scoring::PointwiseFormat format(data.model.tokenizer, trained.scoring);
    const MeasuredScale measured = measure_scale(model, format, inputs.pools->folder, {limits, [&] { stage.beat(); }});
    trained.scale = measured.scale;
    trained.summary.counts["scale.used"] = measured.used;
    trained.summary.counts["scale.too_long"] = measured.too_long;
  });
  return publish(stage, trained);
}

}  // namespace

app::StageSpec reward_spec(const RewardInputs& inputs) {
  RewardSettings settings = inputs.settings;
  settings.model.reset();  // its files are an input: where they are changes nothing
  WESTOFN_CHECK(settings.recipe.has_value() == inputs.recipe.has_value(), "a recipe is named, and its folder given");
  app::StageSpec spec{"reward-" + inputs.name,
                      2,
                      settings_text(inputs.seed, config::to_yaml(settings), inputs.runtime, inputs.start),
                      {inputs.prepared.for_manifest(), inputs.start.folder.for_manifest()}};
  if (inputs.recipe) spec.inputs.push_back(inputs.recipe->for_manifest());
  if (inputs.pools) spec.inputs.push_back(inputs.pools->for_manifest());
  return spec;
}

io::Manifest train_reward(app::JobContext& job, const app::RunFolder& run, const RewardInputs& inputs) {
  const app::StageSpec spec = reward_spec(inputs);
  io::Manifest manifest =
      app::run_stage(job, run, spec, [&](app::StageRun& stage) { return train_student(stage, inputs); });
  remove_checkpoints(job, run.stage(spec.folder_name()));
  return manifest;
}

}  // namespace westofn::training
