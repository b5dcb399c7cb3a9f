// SPDX-License-Identifier: Apache-2.0
#include "config/problems.h"

#include "util/error.h"
#include "util/text.h"

namespace westofn::config {

void Problems::add(const std::string& place, const std::string& path, const std::string& text) {
  ++count_;
  if (!wants_text()) return;
  lines_.push_back(place + ": " + (path.empty() ? "" : printable(path, 120) + ": ") + text);
}

void Problems::throw_if_any() const {
  if (count_ == 0) return;
  std::string message = join_text(lines_, "\n");
  if (count_ > lines_.size()) message += "\n... and " + std::to_string(count_ - lines_.size()) + " more";
  throw ConfigError(message);
}

}  // namespace westofn::config
