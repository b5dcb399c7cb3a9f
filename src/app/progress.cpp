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

std::string to_json(const Heartbeat& h) {
  const nlohmann::ordered_json json = {{"time", h.time},   {"unix_s", h.unix_s},   {"stage", h.stage},
                                       {"state", h.state}, {"done", h.done},       {"total", h.total},
                                       {"unit", h.unit},   {"rate", h.rate_per_s}, {"eta_s", h.eta_s},
                                       {"host", h.host},   {"pid", h.pid},         {"slurm_job", h.slurm_job}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// False if a part of the text did not get into the file.
bool write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return file.good();
}

bool has_eta(const Heartbeat& h) { return h.rate_per_s > 0 && h.done < h.total; }

}  // namespace

std::string to_text(const Heartbeat& h) {
  std::string text = printable(h.stage) + " " + std::to_string(h.done);
  if (h.total > 0) text += "/" + std::to_string(h.total);
  text += " " + printable(h.unit);
  std::array<char, 64> number{};
  if (h.total > 0) {
    const double percent = 100 * static_cast<double>(h.done) / static_cast<double>(h.total);
    std::snprintf(number.data(), number.size(), " (%.0f %%)", percent);
    text += number.data();
  }
  std::snprintf(number.data(), number.size(), ", %.1f/s", h.rate_per_s);
  text += number.data();
  if (has_eta(h)) text += ", " + human_seconds(h.eta_s) + " left";
  return text;
}

void write_heartbeat(const std::string& path, const Heartbeat& h) {
  static bool warned = false;
  const std::string temporary = path + ".new";
  if (write_text(temporary, to_json(h)) && std::rename(temporary.c_str(), path.c_str()) == 0) return;
  io::remove_file_quietly(temporary);
  if (warned) return;
  warned = true;
  log_warning(path + ": cannot be written; `westofn status` will not know how far this job is");
}

Heartbeat read_heartbeat(const std::string& path) {
  const nlohmann::json json = io::parse_json(io::read_file(path, heartbeat_cap), {path, 0});
  try {
    return {json.at("time"),  json.at("unix_s"), json.at("stage"), json.at("state"),
            json.at("done"),  json.at("total"),  json.at("unit"),  json.at("rate"),
            json.at("eta_s"), json.at("host"),   json.at("pid"),   json.at("slurm_job")};
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
  done_ = task_.total > 0 ? std::min(done, task_.total) : done;
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
  Heartbeat h;
  h.time = utc_now();
  h.unix_s = unix_seconds();
  h.stage = task_.stage;
  h.state = state;
  h.done = done_;
  h.total = task_.total;
  h.unit = task_.unit;
  h.rate_per_s = static_cast<double>(done_) / std::max(steady_seconds() - start_s_, 1e-9);
  h.eta_s = has_eta(h) ? static_cast<double>(h.total - h.done) / h.rate_per_s : 0;
  h.host = host_name();
  h.pid = getpid();
  h.slurm_job = environment("SLURM_JOB_ID");
  return h;
}

void Progress::print(bool last) {
  printed_ = true;
  const Heartbeat h = heartbeat("running");
  if (!is_terminal_) {
    log_info(h.time + " " + to_text(h));
    return;
  }
  std::string bar;
  if (h.total > 0) {
    bar = "[" + std::string(20, '.') + "] ";
    std::fill_n(bar.begin() + 1, 20 * h.done / h.total, '#');
  }
  std::fprintf(stderr, "\r%s%s\x1b[K%s", bar.c_str(), to_text(h).c_str(), last ? "\n" : "");
}

}  // namespace westofn::app
