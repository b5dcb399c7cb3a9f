// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <thread>

#include "app/build_info.h"
#include "comm/agree.h"
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

/// The cores of the binding; none if the system does not tell.
std::vector<int> cores_of_this_rank() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
  for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(static_cast<int>(core));
  }
  return cores;
}

/// "0-7,16".
std::string list_text(const std::vector<int>& numbers) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    parts.push_back(std::to_string(numbers[i]) + (last == i ? "" : "-" + std::to_string(numbers[last])));
    i = last + 1;
  }
  return join_text(parts, ",");
}

int environment_number(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? 0 : std::atoi(value);
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

/// The ranks of one host together; of every number the lowest and the highest.
struct HostReport {
  std::string host;
  int ranks = 0;
  int bound_cores = 0;  ///< sum over the ranks
  bool has_too_many_threads = false;
  RankReport low;
  RankReport high;
};

void widen(HostReport& host, const RankReport& rank) {
  if (host.ranks++ == 0) {
    host.host = rank.host;
    host.low = host.high = rank;
  }
  host.bound_cores += rank.cores;
  host.has_too_many_threads = host.has_too_many_threads || (rank.cores > 0 && rank.threads > rank.cores);
  for (int RankReport::*number : {&RankReport::local_size, &RankReport::cores, &RankReport::machine_cores,
                                  &RankReport::threads, &RankReport::gpus}) {
    host.low.*number = std::min(host.low.*number, rank.*number);
    host.high.*number = std::max(host.high.*number, rank.*number);
  }
}

/// "8", or "4 to 8".
std::string range_text(int low, int high) {
  return std::to_string(low) + (low == high ? "" : " to " + std::to_string(high));
}

std::string host_text(const HostReport& host) {
  const std::string threads = host.high.threads == 0  ? "not set"
                              : host.low.threads == 0 ? "not set on all ranks"
                                                      : range_text(host.low.threads, host.high.threads);
  return host.host + ": " + std::to_string(host.ranks) + (host.ranks == 1 ? " rank" : " ranks") + ", " +
         range_text(host.low.cores, host.high.cores) + " of " + std::to_string(host.low.machine_cores) + " cores and " +
         range_text(host.low.gpus, host.high.gpus) + " GPUs each, OMP_NUM_THREADS " + threads;
}

/// What is wrong on one host; every finding has an advice.
std::vector<Finding> judge_host(const HostReport& host) {
  std::vector<Finding> findings;
  const auto look = [&](std::string text, std::string advice) {
    findings.push_back({host.host + ": " + std::move(text), std::move(advice)});
  };
  const int machine = host.low.machine_cores;
  if (host.ranks > machine) {
    look("more ranks than cores", "start at most " + std::to_string(machine) + " ranks on this machine");
  }
  if (host.low.cores > 0 && host.bound_cores < machine) {
    look("its ranks are bound to " + std::to_string(host.bound_cores) + " of " + std::to_string(machine) + " cores",
         "start more ranks, or widen the binding (--cpus-per-task, mpirun --bind-to none)");
  }
  if (host.high.gpus > 0 && host.ranks > host.low.gpus) {
    look("more ranks than GPUs", "start one rank a GPU (--ntasks-per-node=" + std::to_string(host.high.gpus) + ")");
  }
  if (host.has_too_many_threads) {
    look("more threads than cores in the binding",
         "set OMP_NUM_THREADS to " + std::to_string(host.low.cores) +
             " or widen the binding (--cpus-per-task, mpirun --bind-to none)");
  }
  if (host.low.local_size != host.ranks || host.high.local_size != host.ranks) {
    look("MPI sees " + range_text(host.low.local_size, host.high.local_size) + " ranks here where the host name says " +
             std::to_string(host.ranks),
         "several machines share a name, or shared memory is not usable: give every machine a name of its own, and "
         "/dev/shm space");
  }
  return findings;
}

/// Makes a folder and what is missing above it, and removes again what it made, unless somebody has put something
/// there.
class BorrowedFolder {
 public:
  /// Throws IoError.
  explicit BorrowedFolder(const std::string& path) {
    std::string missing = path;
    while (missing.size() > 1 && missing.ends_with('/')) missing.pop_back();
    for (; !io::file_status(missing); missing = io::parent_folder(missing)) made_.push_back(missing);
    try {
      io::make_folder_durable(path);
    } catch (...) {
      give_back();
      throw;
    }
  }
  ~BorrowedFolder() { give_back(); }
  BorrowedFolder(const BorrowedFolder&) = delete;
  BorrowedFolder& operator=(const BorrowedFolder&) = delete;

 private:
  void give_back() const {
    for (const auto& folder : made_) rmdir(folder.c_str());
  }

  std::vector<std::string> made_;  // the deepest first
};

/// A file that goes away with the object.
class ProbeFile {
 public:
  explicit ProbeFile(std::string path) : path_(std::move(path)) {}
  ~ProbeFile() { io::remove_file_quietly(path_); }
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string probe_name() { return ".westofn-probe-" + host_name() + "-" + std::to_string(getpid()); }

/// Throws IoError where the file system refuses.
void probe_operations(const std::string& folder, std::vector<Finding>& findings) {
  const ProbeFile probe(folder + "/" + probe_name());
  const double start = steady_seconds();
  io::write_durable(probe.path(), "probe");
  const double seconds = steady_seconds() - start;
  findings.push_back({"write, fsync, rename, fsync of the folder: " + human_seconds(seconds),
                      seconds > 1 ? "slow: put the run folder on a faster file system (scratch, NVMe)" : ""});
  (void)io::MappedFile(probe.path());
  findings.push_back({"memory mapping", ""});
  const ProbeFile taken(probe.path() + ".taken");
  io::write_durable(taken.path(), "another file");
  const bool refused = !io::link_file(probe.path(), taken.path());
  io::remove_file(taken.path());
  const bool linked = io::link_file(probe.path(), taken.path());
  findings.push_back(
      {"hard links, which the locks of stages need",
       linked && refused ? "" : "a link to a name that is taken was not refused: locks do not hold here"});
  struct statvfs space {};
  if (statvfs(folder.c_str(), &space) != 0) return;
  const std::uint64_t free = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  findings.push_back(
      {human_bytes(free) + " free", free < (1ULL << 30) ? "less than 1 GiB: make room before a run" : ""});
}

bool sees(comm::Communicator& world, const std::string& path, const std::string& content, double patience_s) {
  const double start = steady_seconds();
  while (true) {
    world.beat();
    try {
      if (io::read_file(path, content.size()) == content) return true;
    } catch (const Error&) {
      // Not there, or not to be read: what we want to know.
    }
    if (steady_seconds() - start >= patience_s) return false;
    usleep(100'000);
  }
}

std::vector<Finding> judge_sharing(const std::vector<std::string>& hosts, const std::vector<std::int32_t>& seen) {
  std::map<std::string, bool> host_sees;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto entry = host_sees.emplace(hosts[i], true).first;
    entry->second = entry->second && seen[i] != 0;
  }
  std::vector<std::string> blind;
  for (const auto& [host, all] : host_sees) {
    if (!all) blind.push_back(host);
  }
  if (blind.empty()) return {{"all ranks see the file of rank 0", ""}};
  return {{"a file of rank 0 on " + hosts.at(0) + " is not seen on: " + join_text(blind, ", "),
           "the run folder must be on a file system that all nodes share, under the same path from where all ranks "
           "start"}};
}

}  // namespace

std::vector<RankReport> gather_ranks(comm::Communicator& world, comm::Communicator& node) {
  const std::vector<int> cores = cores_of_this_rank();
  const std::array<int, 6> mine = comm::agree(world, [&] {
    return std::array<int, 6>{node.rank(),
                              node.size(),
                              static_cast<int>(cores.size()),
                              static_cast<int>(std::thread::hardware_concurrency()),
                              environment_number("OMP_NUM_THREADS"),
                              static_cast<int>(comm::list_gpus().size())};
  });
  const auto hosts = comm::gather_strings(world, host_name(), 0);
  const auto core_lists = comm::gather_strings(world, list_text(cores), 0);
  std::vector<int> all(world.rank() == 0 ? mine.size() * static_cast<std::size_t>(world.size()) : 0);
  world.gather(mine, all, 0);
  std::vector<RankReport> ranks;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const int* n = all.data() + i * mine.size();
    ranks.push_back({hosts[i], n[0], n[1], n[2], n[3], n[4], n[5], core_lists[i]});
  }
  return ranks;
}

std::vector<Finding> judge_ranks(const std::vector<RankReport>& ranks) {
  std::map<std::string, HostReport> hosts;
  for (const auto& rank : ranks) widen(hosts[rank.host], rank);
  std::vector<Finding> findings;
  for (const auto& [name, host] : hosts) {
    findings.push_back({host_text(host), ""});
    for (auto& finding : judge_host(host)) findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> probe_file_system(const std::string& folder) {
  std::vector<Finding> findings;
  try {
    const BorrowedFolder borrowed(folder);
    probe_operations(folder, findings);
  } catch (const Error& error) {
    findings.push_back({error.what(), "choose another folder with --dir, or ask for space and permissions here"});
  }
  return findings;
}

std::vector<Finding> probe_sharing(comm::Communicator& world, const std::string& folder, double patience_s) {
  const bool is_first = world.rank() == 0;
  std::unique_ptr<BorrowedFolder> borrowed;
  std::unique_ptr<ProbeFile> token;
  const std::string name = comm::broadcast_string(world, is_first ? probe_name() + ".token" : "", 0);
  const std::string content = comm::broadcast_string(world, is_first ? name + " " + utc_now() : "", 0);
  comm::agree(world, [&] {
    if (!is_first) return;
    try {
      borrowed = std::make_unique<BorrowedFolder>(folder);
      token = std::make_unique<ProbeFile>(folder + "/" + name);
      io::write_durable(token->path(), content);
    } catch (const IoError&) {
      token.reset();  // probe_file_system says what is wrong
    }
  });
  if (!comm::any(world, token != nullptr)) return {};
  const std::int32_t mine =
      comm::agree(world, [&] { return std::int32_t{sees(world, folder + "/" + name, content, patience_s) ? 1 : 0}; });
  const auto hosts = comm::gather_strings(world, host_name(), 0);
  const auto seen = world.gather_variable(std::array{mine}, 0);
  return is_first ? judge_sharing(hosts, seen.values) : std::vector<Finding>();
}

std::string doctor(JobContext& job, const std::string& folder) {
  constexpr double patience_s = 3;
  const std::vector<RankReport> ranks = gather_ranks(job.world, job.node);
  const std::vector<Finding> sharing = probe_sharing(job.world, folder, patience_s);
  if (job.world.rank() != 0) return "";
  std::vector<Finding> files = probe_file_system(folder);
  if (job.world.size() > 1) files.insert(files.end(), sharing.begin(), sharing.end());
  return build_description() + "\n" + list_findings("Libraries", describe_libraries()) +
         list_findings("Ranks (" + std::to_string(job.world.size()) + ")", judge_ranks(ranks)) +
         list_findings("GPUs", describe_gpus()) + list_findings("File system of " + folder, files);
}

}  // namespace westofn::app
