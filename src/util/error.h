// SPDX-License-Identifier: Apache-2.0
// The errors that libraries throw and the exit codes that they become.
#pragma once

#include <stdexcept>
#include <string>

namespace westofn {

/// What the program returns to the launcher; job scripts act on these numbers.
enum class ExitCode : int {
  done = 0,
  usage = 2,          ///< wrong option, wrong key or value in the experiment file
  data = 3,           ///< input data or model files
  storage = 4,        ///< reading or writing failed: full disk, quota, permissions
  communication = 5,  ///< MPI or NCCL failed, or a rank stopped answering
  internal = 70,      ///< a bug in this program
  stopped = 85,       ///< stopped in time and resumable: start the same command again
};

/// Base of all errors of this program: one message for the user, and the exit code.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// The command line or the experiment file is wrong; the message names file, line and key.
struct ConfigError : Error {
  explicit ConfigError(const std::string& message) : Error(ExitCode::usage, message) {}
};

/// Input data or a model file is wrong; the message names file and line or field.
struct DataError : Error {
  explicit DataError(const std::string& message) : Error(ExitCode::data, message) {}
};

/// The operating system refused to read or write; the message names the path and the system's reason.
struct IoError : Error {
  explicit IoError(const std::string& message) : Error(ExitCode::storage, message) {}
};

/// MPI or NCCL failed, or a rank did not answer before the deadline.
struct CommError : Error {
  explicit CommError(const std::string& message) : Error(ExitCode::communication, message) {}
};

/// A broken invariant of this program.
struct InternalError : Error {
  explicit InternalError(const std::string& message) : Error(ExitCode::internal, message) {}
};

/// Another rank failed and reports it; this rank only has to leave with the same exit code.
struct PeerError : Error {
  using Error::Error;
};

/// All ranks agreed to stop in time (a signal, or too little time left); the work can be resumed.
struct StopRequested : Error {
  explicit StopRequested(const std::string& message) : Error(ExitCode::stopped, message) {}
};

/// Throws InternalError with the place and the broken condition. Called by WESTOFN_CHECK only.
[[noreturn]] void fail_check(const char* file, int line, const char* condition, const std::string& message);

/// The name of the error class that belongs to an exit code, for messages ("storage error").
[[nodiscard]] const char* describe(ExitCode code);

}  // namespace westofn

/// Asserts what can only be false through a bug; for wrong input throw ConfigError or DataError instead.
#define WESTOFN_CHECK(condition, message) \
  ((condition) ? static_cast<void>(0) : ::westofn::fail_check(__FILE__, __LINE__, #condition, (message)))
