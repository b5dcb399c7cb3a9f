// SPDX-License-Identifier: Apache-2.0
// YAML text to a tree; refuses the parts of YAML that make a settings file ambiguous.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/node.h"

namespace westofn::config {

inline constexpr std::size_t max_document_bytes = 1'000'000;
inline constexpr int max_depth = 64;

/// Parses one document. Refuses with ConfigError: more than 1 MB, invalid UTF-8, control characters, anchors, aliases,
/// tags, duplicate keys, keys that are not plain names, a second document, depth over 64. An empty text is a null.
[[nodiscard]] Node parse_yaml(std::string_view text, const std::string& name);

/// The same for a value of the command line: every place in it is `place`.
[[nodiscard]] Node parse_yaml_value(std::string_view text, const std::string& place);

}  // namespace westofn::config
