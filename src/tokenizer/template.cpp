// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/template.h"

#include <algorithm>
#include <utility>

#include "util/error.h"
#include "util/text.h"

namespace westofn::tokenizer {
namespace {

constexpr std::string_view cut_value = "prompt";

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Where the characters of a UTF-8 text begin, and its end.
std::vector<std::size_t> character_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// A prompt that is cut by whole characters.
class CutText {
 public:
  CutText(std::string_view text, CutPrompt cut) : text_(text), cut_(cut), starts_(character_starts(text)) {}

  [[nodiscard]] std::size_t characters() const { return starts_.size() - 1; }
  /// What is left of the text when `kept` characters stay.
  [[nodiscard]] std::string_view keep(std::size_t kept) const {
    return cut_ == CutPrompt::end ? text_.substr(0, starts_[kept]) : text_.substr(starts_[characters() - kept]);
  }
  /// The numbers of characters that leave whole words, rising from 0 to all.
  [[nodiscard]] std::vector<std::size_t> word_borders() const {
    std::vector<std::size_t> borders = {0};
    for (std::size_t kept = 1; kept < characters(); ++kept) {
      const char first_lost = cut_ == CutPrompt::end ? text_[starts_[kept]] : text_[starts_[characters() - kept] - 1];
      if (is_space(first_lost)) borders.push_back(kept);
    }
    if (characters() > 0) borders.push_back(characters());
    return borders;
  }

 private:
  std::string_view text_;
  CutPrompt cut_;
  std::vector<std::size_t> starts_;
};

/// The ids for the most characters that fit, where `encode_kept(n)` gives those for n characters, or nothing if they
/// are too many, as all of them are. More words never cost less, so halving finds the word that is cut. But more of a
/// word may cost less than a part of it: all its parts are tried (where it has more than 64 characters: near a part
/// that fits), the longest first.
template <class F>
std::optional<Tokens> fit_most(const CutText& text, const F& encode_kept) {
  constexpr std::size_t longest_word = 64;
  std::optional<Tokens> best = encode_kept(0);
  if (!best) return std::nullopt;
  const auto halve = [&](std::size_t fits, std::size_t too_many, std::size_t until, const auto& kept_at) {
    while (too_many - fits > until) {
      const std::size_t middle = fits + (too_many - fits) / 2;
      if (auto ids = encode_kept(kept_at(middle))) {
        best = std::move(ids);
        fits = middle;
      } else {
        too_many = middle;
      }
    }
    return std::pair(fits, too_many);
  };
  const std::vector<std::size_t> borders = text.word_borders();
  const auto words = halve(0, borders.size() - 1, 1, [&](std::size_t word) { return borders[word]; });
  const auto part = halve(borders[words.first], borders[words.second], longest_word, [](std::size_t n) { return n; });
  for (std::size_t kept = part.second - 1; kept > part.first; --kept) {
    if (auto ids = encode_kept(kept)) return ids;
  }
  return best;
}

}  // namespace

Template::Template(std::string text, const std::vector<std::string>& names) : text_(std::move(text)) {
  const auto refuse = [&](const std::string& why) {
    throw ConfigError("template '" + printable(text_) + "': " + why + "; it needs each of {" +
                      join_text(names, "}, {") + "} exactly once, and no other");
  };
  if (find_invalid_utf8(text_)) refuse("is not UTF-8");
  literals_.emplace_back();
  for (std::size_t i = 0; i < text_.size();) {
    const std::size_t close = text_[i] == '{' ? text_.find('}', i) : std::string::npos;
    const std::string name = close == std::string::npos ? "" : text_.substr(i + 1, close - i - 1);
    if (!is_name(name)) {
      literals_.back() += text_[i++];
      continue;
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) refuse("{" + name + "} is not known here");
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) refuse("{" + name + "} stands there twice");
    names_.push_back(name);
    literals_.emplace_back();
    i = close + 1;
  }
  for (const auto& name : names) {
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) refuse("{" + name + "} is missing");
  }
}

std::string Template::fill(const std::vector<TemplateValue>& values) const {
  std::string filled = literals_.front();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto value =
        std::find_if(values.begin(), values.end(), [&](const TemplateValue& v) { return v.name == names_[i]; });
    WESTOFN_CHECK(value != values.end(), "no value for {" + names_[i] + "}");
    filled += value->text;
    filled += literals_[i + 1];
  }
  return filled;
}

std::optional<Tokens> Template::encode(const Tokenizer& tokenizer, const std::vector<TemplateValue>& values,
                                       std::optional<std::int64_t> max_tokens, CutPrompt cut) const {
  Tokens whole = tokenizer.encode_with_end(fill(values));
  const auto fits = [&](const Tokens& ids) { return !max_tokens || std::ssize(ids) <= *max_tokens; };
  if (fits(whole)) return whole;
  std::vector<TemplateValue> shorter = values;
  const auto prompt =
      std::find_if(shorter.begin(), shorter.end(), [](const TemplateValue& v) { return v.name == cut_value; });
  if (prompt == shorter.end() || prompt->text.empty()) return std::nullopt;
  const CutText text(prompt->text, cut);
  return fit_most(text, [&](std::size_t kept) -> std::optional<Tokens> {
    prompt->text = text.keep(kept);
    Tokens ids = tokenizer.encode_with_end(fill(shorter));
    if (!fits(ids)) return std::nullopt;
    return ids;
  });
}

}  // namespace westofn::tokenizer
