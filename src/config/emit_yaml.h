// SPDX-License-Identifier: Apache-2.0
// A tree back to YAML text that parse_yaml reads as the same tree.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/node.h"

namespace westofn::config {

/// A map or a list in block style; short lists of scalars in one line. `indent` blanks stand before every line.
[[nodiscard]] std::string emit_yaml(const Node& node, std::size_t indent = 0);

/// One scalar, empty list, empty map or list of scalars as it stands behind "key: ".
[[nodiscard]] std::string emit_inline(const Node& node);

/// A text as a YAML scalar: plain if nobody can take it for something else, otherwise in double quotes.
[[nodiscard]] std::string emit_text(std::string_view text);

/// Whether the value fits behind its key in one line (see emit_inline).
[[nodiscard]] bool fits_inline(const Node& node);

}  // namespace westofn::config
