// SPDX-License-Identifier: Apache-2.0
// Templates of model inputs, filled in one pass and tokenised whole, and what to do when they are too long.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/types.h"
#include "tokenizer/tokenizer.h"

namespace westofn::tokenizer {

inline constexpr std::string_view default_pairwise_template = "[CONTEXT] {prompt} [RESPONSE A] {a} [RESPONSE B] {b}";
inline constexpr std::string_view default_pointwise_template = "[CONTEXT] {prompt} [RESPONSE] {response}";

/// From which end a prompt is cut that is too long: dialogues lose their start, documents their end.
enum class CutPrompt { start, end };

/// A value for a place holder, such as {"prompt", text}.
struct TemplateValue {
  std::string_view name;
  std::string_view text;
};

/// A text with place holders "{name}". Filled in one pass: braces in values are plain text.
class Template {
 public:
  /// Every name of `names` must occur exactly once and no other place holder may; throws ConfigError otherwise.
  Template(std::string text, const std::vector<std::string>& names);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string fill(const std::vector<TemplateValue>& values) const;

  /// The ids of the filled template with the end token, at most `max_tokens` of them (nothing: no limit). What is too
  /// long loses whole characters of the value `prompt` at the given end, as few as possible; nothing is returned if the
  /// other values alone are too long.
  [[nodiscard]] std::optional<Tokens> encode(const Tokenizer& tokenizer, const std::vector<TemplateValue>& values,
                                             std::optional<std::int64_t> max_tokens, CutPrompt cut) const;

 private:
  std::string text_;
  std::vector<std::string> literals_;  ///< around the place holders: one more than there are names
  std::vector<std::string> names_;     ///< in the order of the text
};

}  // namespace westofn::tokenizer

namespace westofn::config {

template <>
struct EnumNames<tokenizer::CutPrompt> {
  using E = tokenizer::CutPrompt;
  static constexpr std::array table = {EnumName<E>{E::start, "start"}, EnumName<E>{E::end, "end"}};
};

}  // namespace westofn::config
