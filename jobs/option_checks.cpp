// SPDX-License-Identifier: Apache-2.0
// Checks of option values: those of CLI11 let NaN and "-1 as unsigned" pass and print limits with six decimals.
#include <charconv>
#include <cmath>
#include <cstdint>

#include "jobs/jobs.h"
#include "util/text.h"

namespace westofn::jobs {
namespace {

template <class Number>
std::optional<Number> parse_all(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string found(const std::string& text) { return ", found '" + printable(text, 60) + "'"; }

std::string plain(double number) { return std::to_string(static_cast<std::int64_t>(number)); }

}  // namespace

CLI::Validator number_between(double low, double high) {
  const auto check = [low, high](const std::string& text) {
    const auto number = parse_all<double>(text);
    if (number && *number >= low && *number <= high) return std::string();
    return "expected a number from " + plain(low) + " to " + plain(high) + found(text);
  };
  return {check, ""};
}

CLI::Validator positive_number() {
  const auto check = [](const std::string& text) {
    const auto number = parse_all<double>(text);
    return number && *number > 0 && std::isfinite(*number) ? std::string() : "expected a number above 0" + found(text);
  };
  return {check, ""};
}

CLI::Validator whole_number() {
  const auto check = [](const std::string& text) {
    return parse_all<std::uint64_t>(text) ? std::string() : "expected a whole number of 64 bits" + found(text);
  };
  return {check, ""};
}

CLI::Validator not_empty() {
  return {[](const std::string& text) { return std::string(text.empty() ? "must not be empty" : ""); }, ""};
}

}  // namespace westofn::jobs
