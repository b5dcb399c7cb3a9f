// SPDX-License-Identifier: Apache-2.0
// How many rows an experiment has and how long they are: from a finished `prepare`, from its files, or as given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chain/experiment.h"

namespace westofn::chain {

/// What the command line says in place of the data.
struct GivenSize {
  std::optional<std::int64_t> prompts;    ///< unlabelled ones
  std::optional<std::int64_t> pairs;      ///< human pairs of all splits
  std::optional<double> prompt_tokens;    ///< mean
  std::optional<double> response_tokens;  ///< mean
};

/// Rows of each kind, and mean lengths.
struct DataSize {
  double unlabelled_prompts = 0;
  double validation_prompts = 0;
  double test_prompts = 0;
  double labelled_pairs = 0;  ///< HF50
  double training_pairs = 0;  ///< HF100
  double validation_pairs = 0;
  double test_pairs = 0;
  double demonstrations = 0;
  double prompt_tokens = 0;    ///< with the end token; not cut yet
  double response_tokens = 0;  ///< with the end token
  double bytes_per_token = 4;  ///< of text
  std::string rows_from;       ///< for people: where the rows were counted
  std::string lengths_from;    ///< for people: where the lengths were measured
};

/// Local. In this order: what is given, the stage `prepare` of this run folder if it is there, the settings of a toy
/// world, the input files (parsed whole, up to 1 GB of them). Lengths are those of the first rows, tokenised where the
/// policy's folder has a tokenizer, else four bytes a token; without any text the limits of the settings. Throws
/// ConfigError that names the options to give if rows cannot be counted, and DataError for wrong files.
[[nodiscard]] DataSize measure_data(const Experiment& experiment, const std::string& run_dir, const GivenSize& given);

}  // namespace westofn::chain
