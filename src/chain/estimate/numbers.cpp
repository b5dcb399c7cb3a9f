// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace westofn::chain {
namespace {

std::string formatted(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// Three significant digits without an exponent.
std::string three_digits(double value) {
  const double size = std::abs(value);
  return formatted(size >= 99.95 ? "%.0f" : size >= 9.995 ? "%.1f" : "%.2f", value);
}

}  // namespace

std::string with_prefix(double value, const std::string& unit) {
  static constexpr std::array<const char*, 8> prefixes = {"", "k", "M", "G", "T", "P", "E", "Z"};
  std::size_t prefix = 0;
  while (std::abs(value) >= 999.5 && prefix + 1 < prefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  const std::string number = prefix == 0 && value == std::floor(value) ? formatted("%.0f", value) : three_digits(value);
  const std::string name = prefixes.at(prefix) + unit;
  return name.empty() ? number : number + " " + name;
}

std::string with_commas(double value) {
  std::string digits = formatted("%.0f", value);
  for (auto place = static_cast<std::ptrdiff_t>(digits.size()) - 3; place > 0; place -= 3) {
    digits.insert(static_cast<std::size_t>(place), ",");
  }
  return digits;
}

std::string as_hours(double hours) {
  if (hours == 0) return "0";
  if (hours < 1.0 / 60) return three_digits(hours * 3600) + " s";
  return hours < 1 ? three_digits(hours * 60) + " min" : three_digits(hours) + " h";
}

std::string Table::text() const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  for (std::size_t column = 0; column < columns; ++column) {
    const bool is_used =
        std::any_of(rows_.begin() + 1, rows_.end(), [&](const auto& row) { return !row[column].empty(); });
    if (!is_used) continue;
    for (const auto& row : rows_) widths[column] = std::max(widths[column], row[column].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line = "  " + row[0] + std::string(widths[0] - std::min(widths[0], row[0].size()), ' ');
    for (std::size_t column = 1; column < columns; ++column) {
      if (widths[column] == 0) continue;
      line += "  " + std::string(widths[column] - row[column].size(), ' ') + row[column];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace westofn::chain
