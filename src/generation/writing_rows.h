// SPDX-License-Identifier: Apache-2.0
// The rows of a decoder at work: samples take free slots in their order, and leave them when they end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inference/decoder.h"
#include "record/records.h"
#include "tokenizer/tokenizer.h"

namespace westofn::generation {

/// Samples of some prompts that are to be written: `n` for each, prompt by prompt.
struct WritingPlan {
  std::span<const tokenizer::Tokens> prompts;
  std::size_t n = 0;
  std::size_t rows = 0;  ///< at a time
  std::int64_t positions = 0;
};

/// A sample that is being written.
struct WritingRow {
  std::size_t prompt = 0;
  std::size_t sample = 0;  ///< of the n
  inference::DecoderRow decoder;
};

/// Which sample is in which row. Depends on nothing but the plan and when samples end.
class WritingRows {
 public:
  WritingRows(const inference::Engine& engine, const WritingPlan& plan);

  /// Gives free slots to the next samples. Returns whether anything is left to write.
  bool admit();
  /// States [R,D] of all rows; row i belongs to rows()[i].
  [[nodiscard]] at::Tensor step();
  [[nodiscard]] std::span<WritingRow> rows() { return rows_; }
  /// The sample of this row has ended; its row is gone, or a filler, at the next admit().
  void end(WritingRow& row);

 private:
  /// A prompt whose keys and values are in the cache.
  struct Place {
    std::size_t prompt = 0;
    std::size_t unfinished = 0;  ///< samples that have not ended or not begun
  };

  [[nodiscard]] std::vector<std::int64_t> free_slots() const;
  [[nodiscard]] bool open_place();
  void put(const WritingRow& row);
  void shrink();

  WritingPlan plan_;
  bool keeps_ended_;
  inference::DecoderCapacity capacity_;
  inference::Decoder decoder_;
  std::vector<WritingRow> rows_;
  std::vector<Place> places_;
  std::vector<std::int64_t> opened_;  ///< places whose prompts are yet to be encoded
  std::size_t current_place_ = 0;     ///< of the prompt of the next sample
  std::size_t next_ = 0;              ///< prompt * n + sample
};

}  // namespace westofn::generation
