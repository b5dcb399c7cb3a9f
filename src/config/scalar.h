// SPDX-License-Identifier: Apache-2.0
// Single values: strict readings of a scalar, and their text.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "config/problems.h"

namespace westofn::config {

/// true or false, nothing else.
void read_scalar(const Node& node, const std::string& path, bool& value, Problems& problems);
/// A finite decimal number.
void read_scalar(const Node& node, const std::string& path, double& value, Problems& problems);
/// Any scalar as it is written, but no null.
void read_scalar(const Node& node, const std::string& path, std::string& value, Problems& problems);
/// A decimal number without fraction, at most `limit`.
void read_unsigned(const Node& node, const std::string& path, std::uint64_t& value, std::uint64_t limit,
                   Problems& problems);

/// Bounds of a signed type.
struct SignedRange {
  std::int64_t lowest;
  std::int64_t highest;
};
/// A decimal number without fraction within the range.
void read_signed(const Node& node, const std::string& path, std::int64_t& value, SignedRange range, Problems& problems);

/// The position of the scalar in a list of names.
[[nodiscard]] std::optional<std::size_t> read_choice(const Node& node, const std::string& path,
                                                     const std::vector<std::string>& names, Problems& problems);

/// Any integer type, by the two functions above.
template <std::integral T>
void read_scalar(const Node& node, const std::string& path, T& value, Problems& problems) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_signed_v<T>) {
    std::int64_t wide = value;
    read_signed(node, path, wide, {Limits::min(), Limits::max()}, problems);
    value = static_cast<T>(wide);
  } else {
    std::uint64_t wide = value;
    read_unsigned(node, path, wide, Limits::max(), problems);
    value = static_cast<T>(wide);
  }
}

/// What stands there, for "expected ..., got ...".
[[nodiscard]] std::string describe_found(const Node& node);

/// Scalars to nodes.
[[nodiscard]] Node make_scalar(bool value);
[[nodiscard]] Node make_scalar(const std::string& text);
/// Shortest text that reads back as the same number, with a point so that every YAML reader sees a number. Finite only.
[[nodiscard]] Node make_scalar(double value);
template <std::integral T>
[[nodiscard]] Node make_scalar(T value) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::to_string(value);
  return node;
}

}  // namespace westofn::config
