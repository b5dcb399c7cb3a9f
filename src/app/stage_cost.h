// SPDX-License-Identifier: Apache-2.0
// What the stages of a run have cost: lines for every attempt at a stage in log/stages.jsonl, and their sum.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/shard_part.h"

namespace westofn::app {

enum class StageOutcome { complete, part, stopped, failed, unfinished };

/// "complete", "part" (of the shards; others are missing), "stopped" (in time), "failed", "unfinished" (killed, or
/// still at work).
[[nodiscard]] std::string to_text(StageOutcome outcome);

/// What a stage has worked through.
struct StageWork {
  std::int64_t tokens = 0;   ///< written by the policy, read by teachers, or trained on; other work is not counted
  std::int64_t samples = 0;  ///< responses that the policy has written

  StageWork& operator+=(const StageWork& other);
};

/// One attempt at a stage, or at a part of its shards.
struct StageCost {
  std::string attempt;  ///< different for every attempt
  std::string stage;    ///< NAME-KEY
  std::string part;     ///< as --shards gives it; empty: all shards
  StageOutcome outcome = StageOutcome::failed;
  double seconds = 0;  ///< wall time, from the lock of the stage to its manifest
  std::int64_t ranks = 1;
  std::int64_t nodes = 1;
  std::int64_t gpus = 0;  ///< of all ranks
  std::int64_t cpus = 1;  ///< threads of all ranks
  StageWork work;         ///< of all ranks; of a failed or unfinished attempt only that of rank 0
  std::string job;        ///< SLURM_JOB_ID; empty outside Slurm
  std::int64_t restart = 0;
  std::string time;  ///< UTC, of this line
};

/// Local. Appends one line to the costs of the run by a single write, so that jobs may do so at the same time. A
/// failure is a warning, and false.
bool append_cost(const RunFolder& run, const StageCost& cost);

/// Local. All attempts so far, in the order in which they began, each as its last line has it; a broken line (of a job
/// that was killed, or a disk that was full) is left out. Throws IoError.
[[nodiscard]] std::vector<StageCost> read_costs(const RunFolder& run);

/// "cost of 9 attempts at 7 stages: 0.52 node-hours, ..." for people; empty without attempts.
[[nodiscard]] std::string cost_text(std::span<const StageCost> costs);

/// Local. Says in the log what the run has cost so far; a failure is a warning only.
void log_costs(const RunFolder& run);

/// Measures an attempt at a stage from its construction on. Rank 0 notes what it has cost so far at once and every
/// minute, so that little is missing from the sum when it is killed.
class CostMeter {
 public:
  /// Collective.
  CostMeter(JobContext& job, const RunFolder& run, const std::string& stage, const ShardPart& part,
            double interval_s = 60);

  /// Local. Called often: notes the attempt as unfinished, with the work of this rank, when it is time to.
  void tick(const StageWork& work);

  /// Local. Rank 0 notes how the attempt has ended; `work` is that of all ranks where they could be asked.
  void end(StageOutcome outcome, const StageWork& work);

 private:
  void note(StageOutcome outcome, const StageWork& work);

  bool is_first_;
  bool is_noted_ = true;  ///< false once a line could not be written
  RunFolder run_;
  double interval_s_;
  double start_s_;
  double noted_s_;
  StageCost cost_;
};

}  // namespace westofn::app
