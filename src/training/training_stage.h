// SPDX-License-Identifier: Apache-2.0
// What the three training stages do alike: settings of their keys, checks of their inputs, training, publishing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/stage.h"
#include "model/reward_model.h"
#include "model/runtime.h"
#include "scoring/scoring_config.h"
#include "training/baselines.h"
#include "training/model_card.h"
#include "training/pair_task.h"
#include "training/start_model.h"
#include "training/task.h"
#include "training/trainer.h"
#include "training/training_summary.h"

namespace westofn::training {

/// The text of a spec's settings: seed, own settings, what computing depends on, and the architecture of the start.
[[nodiscard]] std::string settings_text(std::uint64_t seed, const std::string& own,
                                        const model::RuntimeSettings& runtime, const StartModel& start);

/// How passes are made in training.
[[nodiscard]] PassSettings pass_settings(const TrainSettings& settings, const model::RuntimeSettings& runtime);

/// What loops over rows call: a sign of life, which throws StopRequested if this rank was signalled.
[[nodiscard]] std::function<void()> heartbeat_of(app::StageRun& stage);

/// Throws DataError "STAGE: there are no KIND ..." if a part of the data is empty.
void refuse_empty(const std::string& stage, const std::string& kind, const RowBalance& balance);

/// Collective. Trains on a device group of all ranks.
[[nodiscard]] TrainingResult train_on(app::StageRun& stage, Task& task, const TrainerOptions& options,
                                      at::Device device);

/// Collective. The accuracy of the weights that the task has now, on its validation pairs; rank 0 prints a histogram of
/// their scores.
[[nodiscard]] AccuracyReport judge_model(app::StageRun& stage, const PairTask& task, const ValidationPairs& pairs,
                                         scoring::ScoreKind kind);

/// What a stage leaves besides the curve.
struct TrainedModel {
  const LoadedModel& model;
  const TrainingResult& result;
  scoring::ScoringConfig scoring;
  TrainingSummary summary;
  ModelOrigin origin;
  std::optional<model::RewardHead> head{};  ///< of reward models
  std::optional<model::ScoreScale> scale{};
};

/// Collective. Rank 0 publishes all files and reports.
[[nodiscard]] app::StageOutput publish(app::StageRun& stage, const TrainedModel& trained);

}  // namespace westofn::training
