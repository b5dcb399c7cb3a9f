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
#include "training/train_curve.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/text.h"

namespace westofn::training {
namespace {

/// The float32 weights of the T5 alone.
std::vector<model::Parameter> t5_weights(const TrainedModel& trained) {
  std::vector<model::Parameter> weights = trained.result.best_weights;
  std::erase_if(weights, [](const model::Parameter& weight) { return weight.name.starts_with("reward_head."); });
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
  stage.note_file(io::write_durable(folder + "/" + summary_name, to_json(trained.summary)));
}

}  // namespace

std::string settings_text(std::uint64_t seed, const std::string& own, const model::RuntimeSettings& runtime,
                          const StartModel& start) {
  std::string text =
      "seed: " + std::to_string(seed) + "\n" + own + model::computing_settings(runtime, model::Work::training);
  if (start.architecture) text += config::to_yaml(*start.architecture);
  return text;
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
