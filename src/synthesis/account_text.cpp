// SPDX-License-Identifier: Apache-2.0
#include "synthesis/account_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "util/log.h"

namespace westofn::synthesis {
namespace {

std::string padding(std::size_t width, const std::string& text) {
  return std::string(width - std::min(width, text.size()), ' ');
}

template <class Line>
std::size_t label_width(std::span<const Line> lines) {
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, line.label.size());
  return width;
}

}  // namespace

std::string fixed_text(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

double share_of(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string percent_text(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-" : fixed_text(100 * share_of(part, whole), 1) + " %";
}

std::string lines_text(std::span<const AccountLine> lines) {
  const std::size_t width = label_width(lines);
  std::string text;
  for (const auto& line : lines) text += "\n  " + line.label + padding(width, line.label) + "  " + line.text;
  return text;
}

std::string counts_text(std::span<const CountLine> lines, std::int64_t whole) {
  const std::size_t width = label_width(lines);
  std::size_t digits = 1;
  for (const auto& line : lines) digits = std::max(digits, std::to_string(line.count).size());
  std::string text;
  for (const auto& line : lines) {
    const std::string count = std::to_string(line.count);
    const std::string share = percent_text(line.count, whole);
    text += "\n  " + line.label + padding(width, line.label) + "  " + padding(digits, count) + count + "  " +
            padding(7, share) + share;
  }
  return text;
}

void say_account(const std::string& stage, const std::string& account, std::span<const std::string> warnings) {
  log_info(stage + ": " + account);
  for (const auto& warning : warnings) log_warning(stage + ": " + warning);
}

}  // namespace westofn::synthesis
