// SPDX-License-Identifier: Apache-2.0
// Checkpoints: FOLDER/checkpoints/step-00000100/ with one file of tensors for each rank that wrote, and manifest.json
// last. A checkpoint that some ranks wrote can be read by any number of ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "app/run_job.h"
#include "app/stage.h"
#include "training/optimizer.h"
#include "training/trainer.h"

namespace westofn::training {

/// What the owner of a weight keeps about it.
struct OwnedWeight {
  std::size_t parameter = 0;  ///< index in the list of parameters
  std::string name;
  at::Tensor master;  ///< float32, on the device
  OptimizerState optimizer;
  at::Tensor best;  ///< float32, in host memory: the master at the best validation
};

/// All that a training run needs to go on as if it had never been interrupted.
struct TrainingState {
  std::int64_t step = 0;       ///< steps done
  std::int64_t updates = 0;    ///< of these, steps that were not skipped
  std::int64_t skipped = 0;    ///< skipped steps in a row, up to now
  std::int64_t best_step = 0;  ///< whose weights are the best ones
  std::vector<CurvePoint> curve;
  std::vector<OwnedWeight> owned;  ///< this rank's share; all other members are equal on all ranks
};

/// Collective. Writes the state durably and removes all but the two newest checkpoints.
void save_checkpoint(app::StageRun& stage, const TrainingState& state);

/// Collective. Replaces the state, whose `owned` names the tensors and their shapes, by the newest intact checkpoint;
/// false if there is none. Damaged and unfinished ones are removed with a warning. Throws DataError if an intact one
/// does not have the tensors.
[[nodiscard]] bool load_checkpoint(app::StageRun& stage, TrainingState& state);

/// Collective. Removes the checkpoints of a stage folder: called when the stage is complete, after run_stage. A folder
/// without checkpoints is fine.
void remove_checkpoints(app::JobContext& job, const std::string& stage_folder);

}  // namespace westofn::training
