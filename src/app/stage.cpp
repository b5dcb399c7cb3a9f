// SPDX-License-Identifier: Apache-2.0
#include "app/stage.h"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <set>

#include "app/build_info.h"
#include "app/progress.h"
#include "app/stage_files.h"
#include "comm/agree.h"
#include "comm/typed.h"
#include "io/durable_file.h"
#include "io/hdf5.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/text.h"

namespace westofn::app {
namespace {

std::string stop_message(const std::string& stage) {
  return stage + ": stopped in time; what is finished is kept. Run the same command again to go on.";
}

bool is_intact(const std::string& path) {
  try {
    if (path.ends_with(".h5")) const io::Hdf5Reader reader(path);
    return true;
  } catch (const DataError& error) {
    log_warning(std::string(error.what()) + "; it is made again");
    io::remove_file(path);
    return false;
  }
}

/// Rank 0: whether the stage is complete; if not, makes its folder ready and takes the lock.
bool open_stage(const RunFolder& run, const StageSpec& spec, const ShardPart& part, std::unique_ptr<StageLock>& lock) {
  if (plan_stage(run, spec).state == StageState::complete) return true;
  const std::string folder = run.stage(spec.folder_name());
  // First: `clean` removes folders that nobody holds.
  lock = std::make_unique<StageLock>(run, spec.folder_name(), part);
  io::make_folder_durable(folder);
  if (part.is_all()) io::remove_temporaries(folder);  // else they may be those of other jobs
  // The owner of the lock before us may have finished the stage while we looked.
  return io::has_manifest(folder);
}

/// Collective. Makes the files of a stage, and its manifest. Throws PartMade.
void make_stage(StageRun& stage, const StageSpec& spec, const StageBody& body) {
  comm::Communicator& world = stage.job().world;
  StageOutput output = body(stage);
  std::sort(output.files.begin(), output.files.end());
  const std::vector<io::FileInfo> files = describe_files(stage, output.files);
  comm::agree(world, [&] {
    fault_point("stage.commit");
    if (world.rank() != 0) return;
    // Two jobs that finished the last parts in the same moment both come here, and write the same bytes.
    io::write_manifest(stage.folder(), {spec.name, spec.key(), program_version(), files, spec.inputs, spec.settings,
                                        std::move(output.counts)});
  });
}

/// Must be called inside a catch block.
StageOutcome outcome_of_exception() {
  try {
    throw;
  } catch (const PartMade&) {
    return StageOutcome::part;
  } catch (const Error& error) {
    return error.code() == ExitCode::stopped ? StageOutcome::stopped : StageOutcome::failed;
  } catch (...) {
    return StageOutcome::failed;
  }
}

/// Collective. The sum over the ranks.
StageWork work_of_all(StageRun& stage) {
  std::array<std::int64_t, 2> sums = {stage.work().tokens, stage.work().samples};
  stage.job().world.all_reduce(sums, comm::ReduceOp::sum);
  return {sums[0], sums[1]};
}

/// Collective. As make_stage, with an entry in the account of costs.
void make_stage_at_cost(StageRun& stage, const StageSpec& spec, const StageBody& body) {
  CostMeter& cost = stage.start_meter();
  try {
    make_stage(stage, spec, body);
    cost.end(StageOutcome::complete, work_of_all(stage));
  } catch (...) {
    const StageOutcome outcome = outcome_of_exception();
    // All ranks leave a stage that stops in time; of one that fails, some may be elsewhere.
    cost.end(outcome, outcome == StageOutcome::failed ? stage.work() : work_of_all(stage));
    throw;
  }
}

/// Collective. Makes the stage or its part, if it is not complete. Throws PartMade.
void complete_stage(JobContext& job, const RunFolder& run, const StageSpec& spec, const ShardPart& part,
                    const StageBody& body) {
  std::unique_ptr<StageLock> lock;
  const bool complete =
      comm::agree(job.world, [&] { return job.world.rank() == 0 && open_stage(run, spec, part, lock); });
  if (comm::any(job.world, complete)) return;
  StageRun stage(job, run, spec, lock.get(), part);
  make_stage_at_cost(stage, spec, body);
  fault_point("stage.committed");
}

/// Collective. The manifest of a complete stage, when all ranks see its files.
io::Manifest share_manifest(JobContext& job, const std::string& folder) {
  const std::string text = comm::agree(
      job.world, [&] { return job.world.rank() == 0 ? io::to_json(io::read_manifest(folder)) : std::string(); });
  const std::string path = folder + "/" + std::string(io::manifest_name);
  io::Manifest manifest = io::parse_manifest(comm::broadcast_string(job.world, text, 0), path);
  comm::agree(job.world, [&] { wait_until_visible(job.world, folder, manifest); });
  return manifest;
}

}  // namespace

std::vector<int> deal_shards(std::span<const double> costs, int ranks) {
  std::vector<std::size_t> order(costs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return costs[a] > costs[b]; });
  std::set<std::pair<double, int>> loads;
  for (int rank = 0; rank < ranks; ++rank) loads.emplace(0.0, rank);
  std::vector<int> owners(costs.size());
  for (const std::size_t shard : order) {
    auto [load, rank] = *loads.begin();
    loads.erase(loads.begin());
    owners[shard] = rank;
    loads.emplace(load + costs[shard], rank);
  }
  return owners;
}

StageRun::StageRun(JobContext& job, const RunFolder& run, const StageSpec& spec, const StageLock* lock,
                   const ShardPart& part)
    : job_(job),
      run_(run),
      name_(spec.folder_name()),
      folder_(run.stage(name_)),
      heartbeat_path_(run.heartbeat()),
      lock_(lock),
      part_(part) {}

void StageRun::beat() {
  job_.world.beat();
  if (meter_) meter_->tick(work_);
  if (lock_ != nullptr) lock_->check();
}

void StageRun::stop_if_signalled() const {
  if (job_.stop.signalled()) throw StopRequested(stop_message(name_));
}

std::vector<std::int32_t> StageRun::missing_shards(std::span<const Shard> shards, const ShardRange& looked_at) {
  std::vector<std::int32_t> missing(shards.size(), 0);
  comm::agree(job_.world, [&] {
    for (std::size_t i = 0; i < shards.size(); ++i) {
      if (static_cast<int>(i % static_cast<std::size_t>(job_.world.size())) != job_.world.rank()) continue;
      if (!looked_at.contains(static_cast<std::int64_t>(i))) continue;
      beat();
      for (const auto& file : shards[i].files) {
        const std::string path = folder_ + "/" + file;
        if (!io::file_status(path) || !is_intact(path)) missing[i] = 1;
      }
    }
  });
  job_.world.all_reduce(missing, comm::ReduceOp::max);
  return missing;
}

std::vector<int> StageRun::deal(std::span<const Shard> shards) {
  const ShardRange range = part_.range(static_cast<std::int64_t>(shards.size()));
  const std::int64_t size = range.end - range.begin;
  shards_.assign(shards.begin(), shards.end());
  const std::vector<std::int32_t> missing = missing_shards(shards, range);
  std::vector<std::size_t> todo;
  std::vector<double> costs;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (missing[i] == 0) continue;
    todo.push_back(i);
    costs.push_back(shards[i].cost);
  }
  const auto there = size - static_cast<std::int64_t>(todo.size());
  if (!part_.is_all()) {
    log_info(name_ + ": this job makes " + std::to_string(size) + " of " + std::to_string(shards.size()) + " shards (" +
             part_.text() + ")");
  }
  if (there > 0) {
    log_info(name_ + ": " + std::to_string(there) + " of " + std::to_string(size) + " shards are there already");
  }
  const std::vector<int> dealt = deal_shards(costs, job_.world.size());
  std::vector<int> owners(shards.size(), -1);
  for (std::size_t k = 0; k < todo.size(); ++k) owners[todo[k]] = dealt[k];
  return owners;
}

void StageRun::need_all_shards() {
  if (part_.is_all()) return;
  const std::vector<std::int32_t> missing = missing_shards(shards_, {});
  const auto count = std::count(missing.begin(), missing.end(), 1);
  if (count == 0) return;
  const auto first = std::find(missing.begin(), missing.end(), 1) - missing.begin();
  throw PartMade(name_ + ": the shards of this job (" + part_.text() + ") are made; " + std::to_string(count) + " of " +
                 std::to_string(missing.size()) + " are missing, the first is number " + std::to_string(first) +
                 ". The job that makes the last one completes the stage");
}

void StageRun::make_shards(std::span<const int> owners, const std::function<void(std::size_t)>& make) {
  const auto mine = std::count(owners.begin(), owners.end(), job_.world.rank());
  Progress progress(job_.world, {name_, job_.world.size() > 1 ? "shards of rank 0" : "shards", mine, heartbeat_path_});
  bool stopped = false;
  comm::agree(job_.world, [&] {
    double longest_s = 0;
    std::int64_t done = 0;
    for (std::size_t i = 0; i < owners.size() && !stopped; ++i) {
      if (owners[i] != job_.world.rank()) continue;
      if (!job_.stop.may_start(longest_s)) {
        stopped = true;
        break;
      }
      const double start = steady_seconds();
      fault_point("shard.begin");
      make(i);
      fault_point("shard.done");
      longest_s = std::max(longest_s, steady_seconds() - start);
      beat();
      progress.update(++done);
    }
  });
  const bool any_stopped = comm::any(job_.world, stopped);
  progress.finish(any_stopped ? "stopped" : "done");
  if (any_stopped) throw StopRequested(stop_message(name_));
}

io::Manifest run_stage(JobContext& job, const RunFolder& run, const StageSpec& spec, const StageBody& body) {
  complete_stage(job, run, spec, {}, body);
  return share_manifest(job, run.stage(spec.folder_name()));
}

std::optional<io::Manifest> run_stage_part(JobContext& job, const RunFolder& run, const StageSpec& spec,
                                           const ShardPart& part, const StageBody& body) {
  try {
    complete_stage(job, run, spec, part, body);
  } catch (const PartMade& made) {
    log_info(made.what());
    return std::nullopt;
  }
  return share_manifest(job, run.stage(spec.folder_name()));
}

}  // namespace westofn::app
