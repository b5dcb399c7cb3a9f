// SPDX-License-Identifier: Apache-2.0
// Texts to the token lists that tasks compute with, made once; what cannot be used is counted.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/batch_order.h"
#include "dataset/pair_set.h"
#include "scoring/inputs.h"
#include "tokenizer/tokenizer.h"
#include "training/policy_settings.h"

namespace westofn::training {

/// Rows that were used, and those that were not, by reason.
struct RowBalance {
  std::int64_t used = 0;
  std::int64_t too_long = 0;
  std::int64_t equal = 0;  ///< both responses give the same tokens
};

/// What the policy reads and shall write, each with its end token.
struct TextExample {
  tokenizer::Tokens input;
  tokenizer::Tokens target;
  std::string id{};
};

struct TextExamples {
  std::vector<TextExample> rows;
  RowBalance balance;
};

/// Two inputs of a model for one pair. Pairwise: with the chosen response first, and with it second. Pointwise: of the
/// chosen and of the rejected response.
struct PairExample {
  tokenizer::Tokens first;
  tokenizer::Tokens second;
  double confidence = 1;  ///< as in dataset::LabelledPair
  std::string id{};       ///< likewise
};

struct PairExamples {
  std::vector<PairExample> pairs;
  std::vector<std::int64_t> places;  ///< of every pair of the set: its index in `pairs`, -1 if it is not used
  RowBalance balance;
};

/// Encodes prompts with their good responses for the policy.
class TextEncoder {
 public:
  /// Refers to the tokenizer; `beat` is called for every row.
  TextEncoder(const tokenizer::Tokenizer& tokenizer, const PolicySettings& settings, std::function<void()> beat)
      : tokenizer_(tokenizer), settings_(settings), beat_(std::move(beat)) {}

  void add(std::string_view prompt, std::string_view response, TextExamples& examples, std::string id = {}) const;

 private:
  const tokenizer::Tokenizer& tokenizer_;
  const PolicySettings& settings_;
  std::function<void()> beat_;
};

/// The pairs in their order; `beat` is called for every one.
[[nodiscard]] PairExamples encode_pairs(const scoring::PairwiseFormat& format,
                                        std::span<const dataset::LabelledPair> pairs,
                                        const std::function<void()>& beat);
[[nodiscard]] PairExamples encode_pairs(const scoring::PointwiseFormat& format,
                                        std::span<const dataset::LabelledPair> pairs,
                                        const std::function<void()>& beat);

/// The tokens of each example, by which batches are planned: of the longer input of a pair; input and target of a text.
[[nodiscard]] std::vector<std::int64_t> lengths_of(std::span<const PairExample> pairs);
[[nodiscard]] std::vector<std::int64_t> lengths_of(std::span<const TextExample> rows);

/// The training order of a set in terms of its examples. The place of a row that cannot be used goes to the next usable
/// row of its source, cycled; a source without usable rows is left out.
[[nodiscard]] std::vector<std::int64_t> example_order(const dataset::PairSet& set, const PairExamples& examples);

}  // namespace westofn::training
