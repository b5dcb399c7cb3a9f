// SPDX-License-Identifier: Apache-2.0
// Numbers as the accounts of stages print them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace westofn::synthesis {

/// "12.3"
[[nodiscard]] std::string fixed_text(double value, int digits);

/// "45.6 %" of the whole; "-" if the whole is 0.
[[nodiscard]] std::string percent_text(std::int64_t part, std::int64_t whole);

/// part / whole; 0 if the whole is 0.
[[nodiscard]] double share_of(std::int64_t part, std::int64_t whole);

/// A line of a table: what it is about, and what is said of it.
struct AccountLine {
  std::string label;
  std::string text;
};

/// "\n  label   text" for each line, the texts below one another.
[[nodiscard]] std::string lines_text(std::span<const AccountLine> lines);

/// A line of a table of counts.
struct CountLine {
  std::string label;
  std::int64_t count = 0;
};

/// "\n  label   count   share of the whole" for each line, numbers below one another.
[[nodiscard]] std::string counts_text(std::span<const CountLine> lines, std::int64_t whole);

/// Local. Says the account to the user, and the warnings, each with the name of the stage; call it on one rank.
void say_account(const std::string& stage, const std::string& account, std::span<const std::string> warnings);

}  // namespace westofn::synthesis
