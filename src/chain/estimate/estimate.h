// SPDX-License-Identifier: Apache-2.0
// What an experiment needs, before anything is submitted: memory of a rank, work, bytes on disk and hours, by phase.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chain/estimate/data_size.h"
#include "chain/estimate/memory.h"
#include "chain/estimate/work.h"
#include "chain/experiment.h"

namespace westofn::chain {

/// What the experiment does not say.
struct EstimateOptions {
  int ranks = 1;
  std::optional<double> memory_bytes;       ///< of a device that tensors can use
  std::optional<double> rank_operations;    ///< a second and rank
  std::optional<double> tokens_per_second;  ///< written by a rank; goes before the operations of the pools
  std::optional<double> bytes_per_second;   ///< to and from a rank; without: messages take no time
  std::optional<double> hours_per_job;
};

/// A model, and which phases start from it.
struct ModelUse {
  std::string name;  ///< folder, or "policy.architecture"
  model::T5Config config;
  std::string phases;
};

/// Mean lengths of inputs, cut to their limits.
struct MeanLengths {
  double prompt = 0;   ///< of the policy
  double written = 0;  ///< a response that it writes
  double shown = 0;    ///< a response that it is trained on
};

/// How much more or less a device could do at once.
struct Fitting {
  double at_once = 0;  ///< as the settings have it
  double fits = -1;    ///< at most; -1: no device was given
  std::string unit;    ///< "prompts", "inputs", "pairs"
};

/// One stage of the chain.
struct Phase {
  std::string name;
  std::optional<PhaseMemory> memory;  ///< nothing: no model is loaded
  Fitting fitting;
  std::string unit;  ///< of work.units
  PhaseWork work;
  double disk = 0;            ///< bytes that stay
  double disk_temporary = 0;  ///< bytes besides, while it works: checkpoints
  std::optional<double> hours;
};

struct Estimate {
  std::string name;
  EstimateOptions options;
  model::RuntimeSettings runtime;
  std::vector<ModelUse> models;
  DataSize data;
  MeanLengths lengths;
  std::vector<Phase> phases;

  [[nodiscard]] double total_operations() const;
  [[nodiscard]] double total_disk() const;      ///< that stays
  [[nodiscard]] double temporary_disk() const;  ///< at most at one time, besides
  /// Wall time; nothing if that of a phase is unknown.
  [[nodiscard]] std::optional<double> total_hours() const;
};

/// Local. Reads config.json of the models that the experiment names, nothing else. Throws ConfigError without a section
/// `policy`, DataError if a model cannot be read.
[[nodiscard]] Estimate make_estimate(const Experiment& experiment, const DataSize& data,
                                     const EstimateOptions& options);

/// A report for people, and the same as JSON (bytes, operations, tokens, hours; keys as here).
[[nodiscard]] std::string to_text(const Estimate& estimate);
[[nodiscard]] std::string to_json(const Estimate& estimate);

}  // namespace westofn::chain
