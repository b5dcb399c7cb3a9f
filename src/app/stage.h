// SPDX-License-Identifier: Apache-2.0
// Stages: folders named by what went into them, made once, complete when their manifest is there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/shard_part.h"
#include "app/stage_cost.h"
#include "app/stage_lock.h"
#include "io/manifest.h"

namespace westofn::app {

/// What a stage depends on. Equal specs have equal folders, whatever else is set in the experiment.
struct StageSpec {
  std::string name;                       ///< "prepare"
  int format_version = 1;                 ///< raised when the same settings give other files
  std::string settings;                   ///< the resolved settings that the stage reads, as YAML
  std::vector<io::ManifestInput> inputs;  ///< keys of earlier stages, hashes of files

  /// 32 hexadecimal digits.
  [[nodiscard]] std::string key() const;
  /// NAME-KEY with the first eight digits of the key.
  [[nodiscard]] std::string folder_name() const;
};

enum class StageState { complete, partial, absent };

/// Whether a stage will be computed, and why.
struct StagePlan {
  std::string folder_name;
  StageState state = StageState::absent;
  std::string why;
};

/// Local. Looks at the run folder only, and at the sizes of the files of a complete stage; throws IoError if it cannot
/// be read, DataError if a complete stage has lost or changed a file.
[[nodiscard]] StagePlan plan_stage(const RunFolder& run, const StageSpec& spec);

/// One line for the user: "prepare-3fa9c1d2  will be computed: ...".
[[nodiscard]] std::string to_text(const StagePlan& plan);

/// A folder that a stage reads: an earlier stage, or a model that the user gave.
struct StageInput {
  std::string name;    ///< "sft"; in manifests
  std::string folder;  ///< where its files are
  std::string key;     ///< key of the stage, or hash of the files

  [[nodiscard]] io::ManifestInput for_manifest() const { return {name, key}; }
};

/// A part of a stage that is made as a whole by one rank, and never again once its files are there.
struct Shard {
  std::vector<std::string> files;  ///< names in the stage folder; may be empty
  double cost = 1;                 ///< estimated, in any unit
};

/// Which rank makes which shard: longest first, each to the rank with the least so far. The same on all ranks.
[[nodiscard]] std::vector<int> deal_shards(std::span<const double> costs, int ranks);

/// What the body of a stage works with.
class StageRun {
 public:
  StageRun(JobContext& job, const RunFolder& run, const StageSpec& spec, const StageLock* lock,
           const ShardPart& part = {});

  [[nodiscard]] JobContext& job() { return job_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const RunFolder& run() const { return run_; }
  [[nodiscard]] std::string heartbeat_path() const { return heartbeat_path_; }
  /// Local. Tells the peers and the account of costs that this rank makes progress; loops call it. Throws IoError if
  /// the lock is lost.
  void beat();
  /// Local. Throws StopRequested, inside comm::agree, if this rank was signalled: for long work before the shards.
  void stop_if_signalled() const;
  /// Local. Remembers size and hash of a file that this rank has published, so that nobody has to read it again.
  void note_file(const io::FileInfo& file) { published_.push_back(file); }
  [[nodiscard]] const std::vector<io::FileInfo>& published() const { return published_; }
  /// Local. Adds to what this rank has worked through, for the account of costs.
  void count_work(const StageWork& work) { work_ += work; }
  [[nodiscard]] const StageWork& work() const { return work_; }
  /// Collective. Begins to measure this attempt at the stage; its beats keep the account up to date.
  CostMeter& start_meter() { return meter_.emplace(job_, run_, name_, part_); }

  /// Collective. The owner of every shard that this job has still to make; -1 where its files are there and intact, or
  /// where another job makes it. Damaged files of an earlier attempt are removed with a warning.
  [[nodiscard]] std::vector<int> deal(std::span<const Shard> shards);

  /// Collective. Makes the shards that `owners` gives to this rank. Before each one the stop signal and the remaining
  /// time are looked at; if a rank had to leave shards undone, all throw StopRequested when the others are ready.
  void make_shards(std::span<const int> owners, const std::function<void(std::size_t)>& make);

  /// Collective. Between making shards and reading all of them: throws PartMade in a job that makes a part of them,
  /// while those of the other jobs are missing.
  void need_all_shards();

 private:
  [[nodiscard]] std::vector<std::int32_t> missing_shards(std::span<const Shard> shards, const ShardRange& looked_at);

  JobContext& job_;
  RunFolder run_;
  std::string name_;
  std::string folder_;
  std::string heartbeat_path_;
  const StageLock* lock_;  ///< held by rank 0 only
  ShardPart part_;
  std::vector<Shard> shards_;  ///< as given to deal()
  std::vector<io::FileInfo> published_;
  StageWork work_;
  std::optional<CostMeter> meter_;
};

/// A job has made its part of a stage; other jobs have not made theirs yet.
class PartMade : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a stage has made.
struct StageOutput {
  std::vector<std::string> files;  ///< names of all files of the stage, the same on all ranks
  std::map<std::string, std::int64_t> counts;
};

using StageBody = std::function<StageOutput(StageRun&)>;

/// Collective. The manifest of the stage: read if the folder is complete, otherwise after the body has made its files
/// under the lock of the stage. Throws ConfigError if another job holds the lock, StopRequested, and what the body
/// throws.
io::Manifest run_stage(JobContext& job, const RunFolder& run, const StageSpec& spec, const StageBody& body);

/// Collective. As run_stage for a part of the shards, under a lock of that part; nothing if the stage is not complete
/// then, because other jobs have not made theirs. The last one to be ready completes the stage.
std::optional<io::Manifest> run_stage_part(JobContext& job, const RunFolder& run, const StageSpec& spec,
                                           const ShardPart& part, const StageBody& body);

/// Collective. The hashes of input files, shared out over the ranks; names are without folders, "#2" on repetition.
[[nodiscard]] std::vector<io::ManifestInput> hash_inputs(JobContext& job, std::span<const std::string> paths);

/// Names without folders for a list of files; a repeated one gets "#2", "#3".
[[nodiscard]] std::vector<std::string> short_names(std::span<const std::string> paths);

}  // namespace westofn::app
