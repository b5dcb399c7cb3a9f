// SPDX-License-Identifier: Apache-2.0
// Samples of another generator, from JSONL files with rows as `westofn generate` writes them:
//   {"id", "sample", "response", "log_likelihood"?, "finished"?}; other keys are not read.
// The rows of a prompt may stand anywhere, best one after the other; `sample` counts from 0. Without `log_likelihood`
// (or null) the likelihood is not known, and filters of likelihood cannot be used. The files are not compressed: what
// is needed of them is read in place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "record/records.h"
#include "tokenizer/tokenizer.h"

namespace westofn::io {
class MappedFile;
}

namespace westofn::synthesis {

/// Where the rows of prompts stand. Every rank holds 40 bytes for each run of rows with one id.
class ImportedSamples {
 public:
  /// Collective. Looks through the files, each rank through a part of each. Throws DataError with file and line.
  ImportedSamples(comm::Communicator& world, std::span<const std::string> paths, const std::function<void()>& beat);
  ~ImportedSamples();

  /// Local. Whether the files have rows of a prompt.
  [[nodiscard]] bool has(const std::string& prompt_id) const;

  /// Local. Samples 0 to count - 1 of a prompt that has() rows; more of them are not read. Their tokens are those that
  /// the tokenizer gives. Throws DataError with file and line: a row is broken, a number is missing or stands twice.
  [[nodiscard]] std::vector<Sample> read(const std::string& prompt_id, std::int64_t count,
                                         const tokenizer::Tokenizer& tokenizer) const;

  /// The number of different prompts in the files.
  [[nodiscard]] std::int64_t prompts() const { return prompts_; }

 private:
  struct Run;
  [[nodiscard]] std::span<const Run> runs_of(const std::string& prompt_id) const;
  void scan(std::size_t file, comm::Communicator& world, const std::function<void()>& beat, std::vector<Run>& runs);

  std::vector<std::unique_ptr<io::MappedFile>> files_;
  std::vector<Run> runs_;  ///< in order of (hash of the id, place)
  std::int64_t prompts_ = 0;
};

}  // namespace westofn::synthesis
