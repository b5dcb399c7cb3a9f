// SPDX-License-Identifier: Apache-2.0
#include "util/error.h"

#include <string_view>

namespace westofn {

void fail_check(const char* file, int line, const char* condition, const std::string& message) {
  std::string_view path(file);
  const auto src = path.rfind("src/");
  if (src != std::string_view::npos) path.remove_prefix(src);
  throw InternalError(std::string(path) + ":" + std::to_string(line) + ": " + message + " (broken: " + condition +
                      "). This is a bug in westofn; please report it with the command that you ran.");
}

const char* describe(ExitCode code) {
  switch (code) {
    case ExitCode::done: return "done";
    case ExitCode::usage: return "usage or configuration error";
    case ExitCode::data: return "error in the input data or model files";
    case ExitCode::storage: return "storage error";
    case ExitCode::communication: return "communication error";
    case ExitCode::internal: return "internal error";
    case ExitCode::stopped: return "stopped in time";
  }
  return "unknown";
}

}  // namespace westofn
