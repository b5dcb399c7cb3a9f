// SPDX-License-Identifier: Apache-2.0
// Numbers and tables for people.
#pragma once

#include <string>
#include <vector>

namespace westofn::chain {

/// Three significant digits with a decimal prefix: "22.3 GB" of 2.227e10 and "B".
[[nodiscard]] std::string with_prefix(double value, const std::string& unit);

/// A whole number with its thousands: "38,400".
[[nodiscard]] std::string with_commas(double value);

/// "1.2 h", "340 h", "12 min".
[[nodiscard]] std::string as_hours(double hours);

/// Rows of equally many cells, the first row the heads; the first column to the left, the others to the right. A column
/// without any value below its head is left out.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace westofn::chain
