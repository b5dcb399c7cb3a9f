// SPDX-License-Identifier: Apache-2.0
// Texts to the token lists that models are scored and trained on.
#pragma once

#include <optional>
#include <string_view>

#include "scoring/scoring_config.h"
#include "tokenizer/template.h"
#include "tokenizer/tokenizer.h"

namespace westofn::scoring {

/// Inputs of a pairwise preference model. Refers to the tokenizer, which must live longer.
class PairwiseFormat {
 public:
  /// Throws ConfigError if the template or the labels do not fit.
  PairwiseFormat(const tokenizer::Tokenizer& tokenizer, const ScoringConfig& config);

  /// The input with `a` first; nothing if the responses alone are too long (`too_long`).
  [[nodiscard]] std::optional<tokenizer::Tokens> encode(std::string_view prompt, std::string_view a,
                                                        std::string_view b) const;
  [[nodiscard]] tokenizer::TokenId first_label() const { return first_; }
  [[nodiscard]] tokenizer::TokenId second_label() const { return second_; }

 private:
  const tokenizer::Tokenizer* tokenizer_;
  ScoringConfig config_;
  tokenizer::Template template_;
  tokenizer::TokenId first_ = 0;
  tokenizer::TokenId second_ = 0;
};

/// Inputs of a pointwise reward model. Refers to the tokenizer, which must live longer.
class PointwiseFormat {
 public:
  PointwiseFormat(const tokenizer::Tokenizer& tokenizer, const ScoringConfig& config);

  /// Nothing if the response alone is too long.
  [[nodiscard]] std::optional<tokenizer::Tokens> encode(std::string_view prompt, std::string_view response) const;

 private:
  const tokenizer::Tokenizer* tokenizer_;
  ScoringConfig config_;
  tokenizer::Template template_;
};

/// The encoder input of the policy: the prompt as it is and the end token; what is too long loses tokens of the prompt
/// at `cut`. The limit is at least 1.
[[nodiscard]] tokenizer::Tokens encode_prompt(const tokenizer::Tokenizer& tokenizer, std::string_view prompt,
                                              std::optional<std::int64_t> max_tokens, tokenizer::CutPrompt cut);

}  // namespace westofn::scoring
