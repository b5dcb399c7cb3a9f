// SPDX-License-Identifier: Apache-2.0
// Runs a piece of a test in a process of its own: for limits, deaths and races.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>

#include "util/error.h"

namespace westofn::testing {

/// Starts a process that does `work` and leaves with its result, without destructors or exit handlers; an Error
/// becomes its exit code.
inline pid_t start_child(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child > 0) return child;
  int code = 99;
  try {
    code = work();
  } catch (const Error& error) {
    code = static_cast<int>(error.code());
  } catch (...) {
    code = 98;
  }
  _exit(code);
}

/// Exit code of a child, or minus the signal that ended it.
inline int wait_for(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("cannot wait for the child");
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// The same at once.
inline int run_in_child(const std::function<int()>& work) { return wait_for(start_child(work)); }

/// From now on files of this process cannot grow beyond `bytes`: a write is cut short, the next one fails.
inline void limit_file_size(rlim_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {bytes, bytes};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) throw std::runtime_error("cannot set the limit");
}

}  // namespace westofn::testing
