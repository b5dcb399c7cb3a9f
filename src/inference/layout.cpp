// SPDX-License-Identifier: Apache-2.0
#include "inference/layout.h"

#include <algorithm>
#include <utility>

namespace westofn::inference {

std::int64_t Layout::longest() const { return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end()); }

Layout ragged(std::vector<std::int64_t> lengths) {
  Layout layout;
  for (const std::int64_t length : lengths) {
    layout.begins.push_back(layout.rows);
    layout.rows += length;
  }
  layout.lengths = std::move(lengths);
  return layout;
}

Layout padded(std::vector<std::int64_t> lengths, std::int64_t step) {
  Layout layout;
  layout.lengths = std::move(lengths);
  layout.width = (layout.longest() + step - 1) / step * step;
  for (std::size_t i = 0; i < layout.lengths.size(); ++i) {
    layout.begins.push_back(layout.rows);
    layout.rows += layout.width;
  }
  return layout;
}

}  // namespace westofn::inference
