// SPDX-License-Identifier: Apache-2.0
// A YAML document as a tree of plain values that remember where they stood.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace westofn::config {

/// One value of a document with everything below it.
struct Node {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  std::string text{};            ///< of a scalar
  bool quoted = false;           ///< the scalar stood in quotes or as a block: it is a text, never a number
  std::string place{};           ///< "demo.yaml:12:5", or "--set data.x=5"
  std::string key{};             ///< the name of this value, if its parent is a map
  std::string key_place{};       ///< where that name stood
  std::vector<Node> children{};  ///< of a list or a map, in file order

  /// The value with this name in a map, or nullptr.
  [[nodiscard]] const Node* find(std::string_view name) const {
    for (const Node& child : children) {
      if (child.key == name) return kind == Kind::map ? &child : nullptr;
    }
    return nullptr;
  }
};

}  // namespace westofn::config
