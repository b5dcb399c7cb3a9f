// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "util/error.h"
#include "util/text.h"

namespace westofn::config {
namespace {

void report(const Node& node, const std::string& path, const std::string& expected, Problems& problems) {
  problems.add(node.place, path, "expected " + expected + ", got " + describe_found(node));
}

bool is_plain(const Node& node) { return node.kind == Node::Kind::scalar && !node.quoted; }

/// Digits without leading zeros after an optional minus: what all YAML versions read as the same integer.
bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return text.size() == 1 || text.front() != '0';
}

template <class T>
void read_integer(const Node& node, const std::string& path, T& value, const std::string& range, Problems& problems) {
  const std::string hint = " (decimal digits; no point, exponent, prefix or leading zero)";
  if (!is_plain(node)) return report(node, path, "an integer", problems);
  if (!is_decimal(node.text)) return report(node, path, "an integer" + hint, problems);
  const char* end = node.text.data() + node.text.size();
  const auto result = std::from_chars(node.text.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end) report(node, path, "an integer " + range, problems);
}

}  // namespace

std::string describe_found(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "nothing (null)";
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a map";
    case Node::Kind::scalar: break;
  }
  return node.quoted ? "the quoted text \"" + printable(node.text) + "\"" : "'" + printable(node.text) + "'";
}

void read_scalar(const Node& node, const std::string& path, bool& value, Problems& problems) {
  if (is_plain(node) && (node.text == "true" || node.text == "false")) {
    value = node.text == "true";
  } else {
    report(node, path, "true or false", problems);
  }
}

void read_scalar(const Node& node, const std::string& path, double& value, Problems& problems) {
  if (!is_plain(node)) return report(node, path, "a number", problems);
  std::string_view digits = node.text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  const bool octal_look = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
  const char* end = node.text.data() + node.text.size();
  const auto result = std::from_chars(node.text.data(), end, value);
  if (result.ec == std::errc::result_out_of_range) return report(node, path, "a number of double precision", problems);
  if (result.ec != std::errc{} || result.ptr != end || octal_look || !std::isfinite(value)) {
    report(node, path, "a finite number such as 0.5 or 1e-5", problems);
  }
}

void read_scalar(const Node& node, const std::string& path, std::string& value, Problems& problems) {
  if (node.kind != Node::Kind::scalar) return report(node, path, "a text", problems);
  value = node.text;
}

void read_unsigned(const Node& node, const std::string& path, std::uint64_t& value, std::uint64_t limit,
                   Problems& problems) {
  const std::string range = "from 0 to " + std::to_string(limit);
  const std::size_t before = problems.count();
  read_integer(node, path, value, range, problems);
  if (problems.count() == before && value > limit) report(node, path, "an integer " + range, problems);
}

void read_signed(const Node& node, const std::string& path, std::int64_t& value, SignedRange range,
                 Problems& problems) {
  const std::string text = "from " + std::to_string(range.lowest) + " to " + std::to_string(range.highest);
  const std::size_t before = problems.count();
  read_integer(node, path, value, text, problems);
  if (problems.count() == before && (value < range.lowest || value > range.highest)) {
    report(node, path, "an integer " + text, problems);
  }
}

std::optional<std::size_t> read_choice(const Node& node, const std::string& path, const std::vector<std::string>& names,
                                       Problems& problems) {
  if (node.kind == Node::Kind::scalar) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == node.text) return i;
    }
  }
  report(node, path, "one of " + join_text(names, ", "), problems);
  return std::nullopt;
}

Node make_scalar(bool value) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = value ? "true" : "false";
  return node;
}

Node make_scalar(const std::string& text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.quoted = true;
  return node;
}

Node make_scalar(double value) {
  WESTOFN_CHECK(std::isfinite(value), "a setting is not a finite number");
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  Node node;
  node.kind = Node::Kind::scalar;
  node.text.assign(buffer.data(), result.ptr);
  if (node.text.find('.') == std::string::npos) {
    node.text.insert(std::min(node.text.find('e'), node.text.size()), ".0");  // YAML 1.1 takes 1e-05 for a text
  }
  return node;
}

}  // namespace westofn::config
