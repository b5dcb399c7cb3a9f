// SPDX-License-Identifier: Apache-2.0
// The step loop: micro-batches shared out over the ranks, gradients summed exactly, optimizer state held by owners.
#pragma once

#include <cstdint>
#include <vector>

#include "app/stage.h"
#include "comm/device/device_group.h"
#include "model/runtime.h"
#include "training/settings.h"
#include "training/task.h"

namespace westofn::training {

/// One line of the training curve; validation fields are NaN where nothing was validated.
struct CurvePoint {
  std::int64_t step = 0;  ///< from 1; 0 is the untrained model
  double learning_rate = 0;
  double loss = 0;
  double gradient_norm = 0;
  double validation_loss = 0;
  double validation_accuracy = 0;
};

/// What training has found.
struct TrainingResult {
  std::vector<CurvePoint> curve;
  std::int64_t best_step = 0;
  std::vector<model::Parameter> best_weights;  ///< float32, on every rank, in order of names
};

struct TrainerOptions {
  TrainSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
};

/// Collective. Trains the task and returns its best weights; the task's own parameters hold them too afterwards.
///
/// The same bits for any number of ranks: every micro-batch is computed by one rank, gradients are added as integers
/// (exact_sum.h). Checkpoints go to FOLDER/checkpoints of the stage, at intervals and when the job is asked to stop
/// (then StopRequested is thrown); a later call goes on from the newest intact one, on any number of ranks.
[[nodiscard]] TrainingResult train(app::StageRun& stage, comm::DeviceGroup& group, Task& task,
                                   const TrainerOptions& options);

}  // namespace westofn::training
