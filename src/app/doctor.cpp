// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <thread>

#include "app/build_info.h"
#include "comm/device/device_info.h"
#include "comm/session.h"
#include "comm/typed.h"
#include "io/durable_file.h"
#include "io/file.h"
#include "io/hdf5_version.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::app {
namespace {

int cores_of_this_rank() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
}

int environment_number(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? 0 : std::atoi(value);
}

std::vector<RankReport> gather_ranks(comm::Communicator& world, comm::Communicator& node) {
  const std::array<int, 6> mine = {node.rank(),
                                   node.size(),
                                   cores_of_this_rank(),
                                   static_cast<int>(std::thread::hardware_concurrency()),
                                   environment_number("OMP_NUM_THREADS"),
                                   static_cast<int>(comm::list_gpus().size())};
  const auto hosts = comm::gather_strings(world, host_name(), 0);
  std::vector<int> all(world.rank() == 0 ? mine.size() * static_cast<std::size_t>(world.size()) : 0);
  world.gather(mine, all, 0);
  std::vector<RankReport> ranks;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const int* n = all.data() + i * mine.size();
    ranks.push_back({hosts[i], n[0], n[1], n[2], n[3], n[4], n[5]});
  }
  return ranks;
}

std::string list_findings(const std::string& title, const std::vector<Finding>& findings) {
  std::string text = title + "\n";
  for (const auto& finding : findings) {
    text += (finding.advice.empty() ? "  ok    " : "  look  ") + finding.text + "\n";
    if (!finding.advice.empty()) text += "        -> " + finding.advice + "\n";
  }
  return text;
}

std::vector<Finding> describe_libraries() {
  std::vector<Finding> findings;
  findings.push_back({comm::MpiSession::library_version(), ""});
  const io::Hdf5Version hdf5 = io::hdf5_version();
  const bool parallel = hdf5.parallel == io::ParallelHdf5::yes;
  findings.push_back(
      {"HDF5 " + hdf5.version + (parallel ? ", parallel" : ", not parallel"),
       parallel ? "" : "results.h5 is then gathered and written by rank 0; a parallel HDF5 is faster at scale"});
  findings.push_back({"LibTorch " + comm::torch_version(), ""});
  const std::string nccl = comm::nccl_version();
  findings.push_back({nccl.empty() ? "no NCCL in this build" : "NCCL " + nccl,
                      nccl.empty() ? "build against a LibTorch with CUDA to train on GPUs" : ""});
  return findings;
}

std::vector<Finding> describe_gpus() {
  std::vector<Finding> findings;
  for (const auto& gpu : comm::list_gpus()) findings.push_back({gpu.name + ", " + human_bytes(gpu.bytes), ""});
  if (findings.empty()) {
    findings.push_back({"no GPU is visible to rank 0: everything runs on the CPU",
                        "fine for the toy world; for T5-XL and larger ask Slurm for GPUs (--gpus-per-node)"});
  }
  return findings;
}

}  // namespace

std::vector<Finding> judge_ranks(const std::vector<RankReport>& ranks) {
  std::vector<Finding> findings;
  std::map<std::string, int> ranks_of_host;
  for (const auto& rank : ranks) ++ranks_of_host[rank.host];
  for (const auto& [host, count] : ranks_of_host) {
    const auto first =
        std::find_if(ranks.begin(), ranks.end(), [&h = host](const RankReport& r) { return r.host == h; });
    std::string text = host + ": " + std::to_string(count) + (count == 1 ? " rank" : " ranks") + ", " +
                       std::to_string(first->cores) + " of " + std::to_string(first->machine_cores) +
                       " cores for the first, " + std::to_string(first->gpus) + " GPUs, OMP_NUM_THREADS " +
                       (first->threads == 0 ? "not set" : std::to_string(first->threads));
    std::string advice;
    if (count > first->machine_cores) {
      advice =
          "more ranks than cores: start at most " + std::to_string(first->machine_cores) + " ranks on this machine";
    } else if (first->gpus > 0 && count > first->gpus) {
      advice = "more ranks than GPUs: start one rank a GPU (--ntasks-per-node=" + std::to_string(first->gpus) + ")";
    } else if (first->threads > first->cores && first->cores > 0) {
      advice = "more threads than cores in the binding: set OMP_NUM_THREADS to " + std::to_string(first->cores) +
               " or widen the binding (--cpus-per-task, mpirun --bind-to none)";
    }
    if (first->local_size != count) {
      advice = "MPI sees " + std::to_string(first->local_size) + " ranks on this host where the host name says " +
               std::to_string(count) + ": several machines share a name, or shared memory is not usable";
    }
    findings.push_back({std::move(text), std::move(advice)});
  }
  return findings;
}

std::vector<Finding> probe_file_system(const std::string& folder) {
  std::vector<Finding> findings;
  const std::string probe = folder + "/.westofn-probe-" + std::to_string(getpid());
  try {
    io::make_folder_durable(folder);
    const double start = steady_seconds();
    io::write_durable(probe, "probe");
    const double seconds = steady_seconds() - start;
    findings.push_back({"write, fsync, rename, fsync of the folder: " + human_seconds(seconds),
                        seconds > 1 ? "slow: put the run folder on a faster file system (scratch, NVMe)" : ""});
    (void)io::MappedFile(probe);
    findings.push_back({"memory mapping", ""});
    const std::string taken = probe + ".taken";
    io::write_durable(taken, "another file");
    const bool refused = !io::link_file(probe, taken);
    io::remove_file(taken);
    const bool linked = io::link_file(probe, taken);
    io::remove_file(taken);
    findings.push_back(
        {"hard links, which the locks of stages need",
         linked && refused ? "" : "a link to a name that is taken was not refused: locks do not hold here"});
  } catch (const Error& error) {
    findings.push_back({error.what(), "choose another folder with --dir, or ask for space and permissions here"});
  }
  io::remove_file_quietly(probe);
  struct statvfs space {};
  if (statvfs(folder.c_str(), &space) == 0) {
    const std::uint64_t free = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
    findings.push_back(
        {human_bytes(free) + " free", free < (1ULL << 30) ? "less than 1 GiB: make room before a run" : ""});
  }
  return findings;
}

std::string doctor(JobContext& job, const std::string& folder) {
  const std::vector<RankReport> ranks = gather_ranks(job.world, job.node);
  if (job.world.rank() != 0) return "";
  return build_description() + "\n" + list_findings("Libraries", describe_libraries()) +
         list_findings("Ranks (" + std::to_string(job.world.size()) + ")", judge_ranks(ranks)) +
         list_findings("GPUs", describe_gpus()) + list_findings("File system of " + folder, probe_file_system(folder));
}

}  // namespace westofn::app
