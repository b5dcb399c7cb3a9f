// SPDX-License-Identifier: Apache-2.0
#include "app/progress.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/file.h"
#include "io/json_text.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::app {
namespace {

constexpr double line_interval_s = 10;
constexpr double bar_interval_s = 0.2;
constexpr double heartbeat_interval_s = 5;
constexpr std::size_t heartbeat_cap = std::size_t{64} * 1024;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void write_heartbeat(const std::string& path, const Heartbeat& h) {
  const nlohmann::ordered_json json = {{"time", h.time},       {"stage", h.stage},        {"state", h.state},
                                       {"done", h.done},       {"total", h.total},        {"unit", h.unit},
                                       {"rate", h.rate_per_s}, {"eta_s", h.eta_s},        {"host", h.host},
                                       {"pid", h.pid},         {"slurm_job", h.slurm_job}};
  static bool warned = false;
  const std::string temporary = path + ".new";
  std::ofstream(temporary) << json.dump(2) << '\n';
  if (std::rename(temporary.c_str(), path.c_str()) != 0 && !warned) {
    warned = true;
    log_warning(path + ": cannot be written; `westofn status` will not know how far this job is");
  }
}

Heartbeat read_heartbeat(const std::string& path) {
  const nlohmann::json json = io::parse_json(io::read_file(path, heartbeat_cap), {path, 0});
  try {
    return {json.at("time"), json.at("stage"), json.at("state"), json.at("done"), json.at("total"),    json.at("unit"),
            json.at("rate"), json.at("eta_s"), json.at("host"),  json.at("pid"),  json.at("slurm_job")};
  } catch (const nlohmann::json::exception&) {
    throw DataError(path + ": not a heartbeat of this version; it is written anew by the next job");
  }
}

Progress::Progress(comm::Communicator& comm, Task task)
    : comm_(comm),
      task_(std::move(task)),
      start_s_(steady_seconds()),
      last_print_s_(start_s_),
      last_beat_s_(start_s_),
      is_terminal_(isatty(STDERR_FILENO) == 1 && environment("SLURM_JOB_ID").empty()) {
  if (comm_.rank() == 0 && !task_.heartbeat_path.empty()) write_heartbeat(task_.heartbeat_path, heartbeat("running"));
}

void Progress::update(std::int64_t done) {
  done_ = std::min(done, task_.total);
  comm_.beat();
  if (comm_.rank() != 0) return;
  const double now = steady_seconds();
  if (now - last_print_s_ >= (is_terminal_ ? bar_interval_s : line_interval_s)) {
    last_print_s_ = now;
    print(false);
  }
  if (now - last_beat_s_ >= heartbeat_interval_s && !task_.heartbeat_path.empty()) {
    last_beat_s_ = now;
    write_heartbeat(task_.heartbeat_path, heartbeat("running"));
  }
}

void Progress::finish(const std::string& state) {
  if (comm_.rank() != 0) return;
  if (printed_) print(true);
  if (!task_.heartbeat_path.empty()) write_heartbeat(task_.heartbeat_path, heartbeat(state));
}

Heartbeat Progress::heartbeat(const std::string& state) const {
  const double seconds = std::max(steady_seconds() - start_s_, 1e-9);
  const double rate = static_cast<double>(done_) / seconds;
  const double eta = rate > 0 ? static_cast<double>(task_.total - done_) / rate : 0;
  return {utc_now(),
          task_.stage,
          state,
          done_,
          task_.total,
          task_.unit,
          rate,
          eta,
          host_name(),
          getpid(),
          environment("SLURM_JOB_ID")};
}

void Progress::print(bool last) {
  printed_ = true;
  const Heartbeat h = heartbeat("running");
  const double share = task_.total > 0 ? static_cast<double>(done_) / static_cast<double>(task_.total) : 1;
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), "%s %lld/%lld %s (%.0f %%), %.1f/s, %s left", task_.stage.c_str(),
                static_cast<long long>(done_), static_cast<long long>(task_.total), task_.unit.c_str(), 100 * share,
                h.rate_per_s, human_seconds(h.eta_s).c_str());
  if (!is_terminal_) {
    log_info(h.time + " " + text.data());
    return;
  }
  std::string bar(20, '.');
  std::fill_n(bar.begin(), static_cast<std::size_t>(share * 20), '#');
  std::fprintf(stderr, "\r[%s] %s\x1b[K%s", bar.c_str(), text.data(), last ? "\n" : "");
}

}  // namespace westofn::app
