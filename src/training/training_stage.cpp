// SPDX-License-Identifier: Apache-2.0
#include "training/training_stage.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "comm/agree.h"
#include "comm/device/device_group.h"
#include "comm/typed.h"
#include "config/config.h"
#include "io/durable_file.h"
#include "io/manifest.h"
#include "metrics/histogram.h"
#include "training/train_curve.h"
#include "training/validation.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::training {
namespace {

/// All weights of the T5 in float32: the best ones of those that were trained, the others as they are.
std::vector<model::Parameter> t5_weights(const TrainedModel& trained) {
  std::vector<model::Parameter> weights = trained.model.t5.parameters();
  for (auto& weight : weights) {
    const auto best = std::ranges::find(trained.result.best_weights, weight.name, &model::Parameter::name);
    const bool is_trained = best != trained.result.best_weights.end();
    weight.value = (is_trained ? best->value : weight.value).detach().to(at::kCPU, at::kFloat);
  }
  return weights;
}

void write_files(app::StageRun& stage, const TrainedModel& trained) {
  const std::string& folder = stage.folder();
  const std::string& spiece_model = trained.model.tokenizer.model_bytes();
  for (const auto& file : model::save_t5(folder, trained.model.t5, t5_weights(trained), spiece_model)) {
    stage.note_file(file);
    stage.beat();
  }
  if (trained.head) stage.note_file(model::save_reward_head(folder, *trained.head, trained.scale));
  stage.note_file(scoring::write_scoring_config(folder, trained.scoring));
  stage.note_file(write_curve(folder + "/" + curve_name, trained.result.curve));
  const auto write = [&](const std::string& name, const std::string& text) {
    stage.note_file(io::write_durable(folder + "/" + name, text));
  };
  write(curve_lines_name, curve_lines(trained.result.curve));
  write(summary_name, to_json(trained.summary));
  write(model_card_name, to_markdown({stage.name(), trained.scoring, trained.origin, trained.summary, trained.scale}));
}

/// The scores of validation pairs for the log.
std::string draw_scores(std::span<const PairScore> scores, scoring::ScoreKind kind) {
  std::vector<double> chosen;
  std::vector<double> rejected;
  for (const PairScore& score : scores) {
    chosen.push_back(score.chosen);
    rejected.push_back(score.rejected);
  }
  if (kind == scoring::ScoreKind::pairwise) {
    return "P(chosen > rejected) of the validation pairs\n" +
           metrics::text_histogram(std::vector<metrics::HistogramColumn>{{"pairs", chosen}});
  }
  return "rewards of the validation pairs\n" +
         metrics::text_histogram(std::vector<metrics::HistogramColumn>{{"chosen", chosen}, {"rejected", rejected}});
}

}  // namespace

std::string settings_text(std::uint64_t seed, const std::string& own, const model::RuntimeSettings& runtime,
                          const StartModel& start) {
  std::string text =
      "seed: " + std::to_string(seed) + "\n" + own + model::computing_settings(runtime, model::Work::training);
  if (start.architecture) text += config::to_yaml(*start.architecture);
  return text;
}

PassSettings pass_settings(const TrainSettings& settings, const model::RuntimeSettings& runtime) {
  return {settings.dropout, runtime.activation_checkpointing ? gradient::Keep::inputs : gradient::Keep::activations};
}

std::function<void()> heartbeat_of(app::StageRun& stage) {
  return [&stage] {
    stage.beat();
    stage.stop_if_signalled();
  };
}

void refuse_empty(const std::string& stage, const std::string& kind, const RowBalance& balance) {
  if (balance.used > 0) return;
  throw DataError(stage + ": there are no " + kind + " that can be used (" + std::to_string(balance.too_long) +
                  " are too long, " + std::to_string(balance.equal) +
                  " have equal responses); look at the balance of `prepare` and at max_input_tokens");
}

TrainingResult train_on(app::StageRun& stage, Task& task, const TrainerOptions& options, at::Device device) {
  const std::unique_ptr<comm::DeviceGroup> group = comm::make_device_group(stage.job().world, device);
  TrainingResult result = train(stage, *group, task, options);
  group->close();
  return result;
}

AccuracyReport judge_model(app::StageRun& stage, const PairTask& task, const ValidationPairs& pairs,
                           scoring::ScoreKind kind) {
  const std::vector<PairScore> scores = score_validation(stage, task);
  log_info(stage.name() + ": " + draw_scores(scores, kind));
  return compare_with_baselines(scores, pairs);
}

app::StageOutput publish(app::StageRun& stage, const TrainedModel& trained) {
  comm::Communicator& world = stage.job().world;
  const std::string names = comm::agree(world, [&] {
    fault_point("training.publish");
    if (world.rank() != 0) return std::string();
    write_files(stage, trained);
    report(stage.name(), trained.summary);
    std::vector<std::string> published;
    for (const auto& file : stage.published()) published.push_back(file.name);
    return join_text(published, "\n");
  });
  return {split_text(comm::broadcast_string(world, names, 0), '\n'), trained.summary.counts};
}

}  // namespace westofn::training
