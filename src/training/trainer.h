// SPDX-License-Identifier: Apache-2.0
// The step loop: micro-batches shared out over the ranks, gradients summed exactly, optimizer state held by owners.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/stage.h"
#include "comm/device/device_group.h"
#include "model/runtime.h"
#include "training/settings.h"
#include "training/state_bytes.h"
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
  std::vector<model::Parameter> best_weights;  ///< in the type of sums, in host memory of every rank, in order of names
  StateBytes bytes;                            ///< what this rank kept between steps
};

struct TrainerOptions {
  TrainSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  std::string baselines{};  ///< what the accuracy of the untrained model is to be seen beside, for the log
};

/// Collective. Trains the task and returns its best weights; the task's own weights hold them too afterwards. Ends
/// after all steps, or after `early_stop` validations in a row that were not better than an earlier one.
///
/// The same bits for any number of ranks: every micro-batch is computed by one rank, and its gradients are added in the
/// order of the micro-batches (gradient_sum.h). Optimizer state and float32 masters are held by one rank each, whole
/// tensors dealt out by size. Checkpoints go to FOLDER/checkpoints of the stage, at intervals and when the job is asked
/// to stop (then StopRequested is thrown); a later call goes on from the newest intact one, on any number of ranks.
[[nodiscard]] TrainingResult train(app::StageRun& stage, comm::DeviceGroup& group, Task& task,
                                   const TrainerOptions& options);

}  // namespace westofn::training
