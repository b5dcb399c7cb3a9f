// SPDX-License-Identifier: Apache-2.0
// The run folder: one experiment's stages, its resolved settings and its log.
#pragma once

#include <string>
#include <vector>

namespace westofn::app {

/// Paths in a run folder; makes nothing until asked to.
class RunFolder {
 public:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Where a stage's files are: `name` is NAME-KEY.
  [[nodiscard]] std::string stage(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string experiment() const { return path_ + "/experiment.yaml"; }
  [[nodiscard]] std::string log_folder() const { return path_ + "/log"; }
  [[nodiscard]] std::string log_file() const { return log_folder() + "/westofn.log"; }
  [[nodiscard]] std::string heartbeat() const { return log_folder() + "/heartbeat.json"; }
  /// One line an attempt at a stage: see stage_cost.h.
  [[nodiscard]] std::string costs() const { return log_folder() + "/stages.jsonl"; }
  /// Lock files hold host and process, so they stand with the log.
  [[nodiscard]] std::string lock(const std::string& name) const { return log_folder() + "/" + name + ".lock"; }

  /// Makes the folder and its log folder. Local; throws IoError.
  void make() const;

  /// Publishes the resolved experiment, unless it stands there already. Waits for a job that does the same in this
  /// moment. Local; throws IoError, and ConfigError if another job holds the file for seconds.
  void write_experiment(const std::string& yaml) const;

  /// The names NAME-KEY of the stage folders that are there, sorted. Local; throws IoError when the folder cannot be
  /// read, DataError when it is not a run folder.
  [[nodiscard]] std::vector<std::string> stages() const;

 private:
  std::string path_;
};

/// Whether a folder name has the form NAME-KEY of a stage, with a key of eight hexadecimal digits.
[[nodiscard]] bool is_stage_name(const std::string& name);

}  // namespace westofn::app
