// SPDX-License-Identifier: Apache-2.0
#include "scoring/inputs.h"

#include <limits>
#include <string>

#include "util/error.h"
#include "util/text.h"

namespace westofn::scoring {

PairwiseFormat::PairwiseFormat(const tokenizer::Tokenizer& tokenizer, const ScoringConfig& config)
    : tokenizer_(&tokenizer),
      config_(config),
      template_(config.template_text, {"prompt", "a", "b"}),
      first_(tokenizer.label(config.first_label)),
      second_(tokenizer.label(config.second_label)) {
  if (first_ == second_) {
    throw ConfigError("the labels '" + printable(config.first_label, 60) + "' and '" +
                      printable(config.second_label, 60) + "' are the same token; give two different ones");
  }
}

std::optional<tokenizer::Tokens> PairwiseFormat::encode(std::string_view prompt, std::string_view a,
                                                        std::string_view b) const {
  return template_.encode(*tokenizer_, {{"prompt", prompt}, {"a", a}, {"b", b}}, config_.max_input_tokens, config_.cut);
}

PointwiseFormat::PointwiseFormat(const tokenizer::Tokenizer& tokenizer, const ScoringConfig& config)
    : tokenizer_(&tokenizer), config_(config), template_(config.template_text, {"prompt", "response"}) {}

std::optional<tokenizer::Tokens> PointwiseFormat::encode(std::string_view prompt, std::string_view response) const {
  return template_.encode(*tokenizer_, {{"prompt", prompt}, {"response", response}}, config_.max_input_tokens,
                          config_.cut);
}

tokenizer::Tokens encode_prompt(const tokenizer::Tokenizer& tokenizer, std::string_view prompt,
                                std::optional<std::int64_t> max_tokens, tokenizer::CutPrompt cut) {
  WESTOFN_CHECK(!max_tokens || *max_tokens >= 1, "the end token needs room");
  tokenizer::Tokens tokens = tokenizer.encode(prompt);
  const auto room = static_cast<std::size_t>(max_tokens.value_or(std::numeric_limits<std::int64_t>::max()) - 1);
  if (tokens.size() > room) {
    const auto surplus = static_cast<std::ptrdiff_t>(tokens.size() - room);
    const auto from = cut == tokenizer::CutPrompt::start ? tokens.begin() : tokens.end() - surplus;
    tokens.erase(from, from + surplus);
  }
  tokens.push_back(tokenizer.end_id());
  return tokens;
}

}  // namespace westofn::scoring
