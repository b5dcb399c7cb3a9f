// SPDX-License-Identifier: Apache-2.0
#include "util/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn {
namespace {

struct Log {
  int rank = 0;
  Verbosity verbosity = Verbosity::normal;
  std::shared_ptr<spdlog::logger> terminal;
  std::shared_ptr<spdlog::logger> file;

  Log() {
    terminal = std::make_shared<spdlog::logger>("terminal", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    terminal->set_pattern("westofn: %v");
    terminal->set_level(spdlog::level::trace);
    terminal->flush_on(spdlog::level::trace);
  }

  void write(spdlog::level::level_enum level, std::string_view text, bool to_terminal) const {
    if (to_terminal) terminal->log(level, "{}", text);
    if (file) file->log(level, "{}", text);
  }
};

Log& instance() {
  static Log log;
  return log;
}

std::string with_rank(std::string_view text) {
  const Log& log = instance();
  return log.rank == 0 ? std::string(text) : "[rank " + std::to_string(log.rank) + "] " + std::string(text);
}

}  // namespace

void start_log(int rank, Verbosity verbosity) {
  instance().rank = rank;
  instance().verbosity = verbosity;
}

void log_to_file(const std::string& path) {
  Log& log = instance();
  if (log.rank != 0) return;
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    auto file = std::make_shared<spdlog::logger>("file", std::move(sink));
    file->set_pattern("%Y-%m-%dT%H:%M:%S%z " + host_name() + " rank " + std::to_string(log.rank) + " %l %v");
    file->set_level(spdlog::level::trace);
    file->flush_on(spdlog::level::trace);
    log.file = std::move(file);
  } catch (const spdlog::spdlog_ex& error) {
    throw IoError(printable(path, 1000) + ": the log file cannot be opened (" + printable(error.what(), 1000) +
                  "); check the permissions and the space of its folder");
  }
}

void log_info(std::string_view text) {
  const Log& log = instance();
  if (log.rank == 0) log.write(spdlog::level::info, text, log.verbosity != Verbosity::quiet);
}

void log_warning(std::string_view text) {
  instance().write(spdlog::level::warn, with_rank("warning: " + std::string(text)), true);
}

void log_error(std::string_view text) { instance().write(spdlog::level::err, "error: " + std::string(text), true); }

void log_debug(std::string_view text) {
  const Log& log = instance();
  log.write(spdlog::level::debug, with_rank(text), log.verbosity == Verbosity::verbose);
}

}  // namespace westofn
