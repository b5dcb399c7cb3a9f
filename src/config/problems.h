// SPDX-License-Identifier: Apache-2.0
// Everything that is wrong with a document, collected so that one run of the program shows it all.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace westofn::config {

/// Collects messages; the first five are shown, the others counted.
class Problems {
 public:
  /// Adds "PLACE: PATH: TEXT"; the path is the dotted key, empty for the root.
  void add(const std::string& place, const std::string& path, const std::string& text);

  [[nodiscard]] std::size_t count() const { return count_; }
  /// False when a further message would only be counted: a caller can save the work of writing it.
  [[nodiscard]] bool wants_text() const { return lines_.size() < max_shown; }
  /// Throws ConfigError with one line a problem, if there is any.
  void throw_if_any() const;

 private:
  static constexpr std::size_t max_shown = 5;
  std::vector<std::string> lines_;
  std::size_t count_ = 0;
};

}  // namespace westofn::config
