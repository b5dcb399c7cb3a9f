// SPDX-License-Identifier: Apache-2.0
#include "training/examples.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace westofn::training {
namespace {

/// `encode(pair, which)` gives the first and the second input of a pair.
template <class Encode>
PairExamples encode_all(std::span<const dataset::LabelledPair> pairs, const std::function<void()>& beat,
                        const Encode& encode) {
  PairExamples result;
  result.places.reserve(pairs.size());
  for (const auto& pair : pairs) {
    beat();
    auto [first, second] = encode(pair);
    result.places.push_back(-1);
    if (!first || !second) {
      ++result.balance.too_long;
    } else if (*first == *second) {
      ++result.balance.equal;
    } else {
      result.places.back() = result.balance.used++;
      result.pairs.push_back({std::move(*first), std::move(*second), pair.confidence, pair.id});
    }
  }
  return result;
}

using TwoInputs = std::pair<std::optional<tokenizer::Tokens>, std::optional<tokenizer::Tokens>>;

}  // namespace

void TextEncoder::add(std::string_view prompt, std::string_view response, TextExamples& examples,
                      std::string id) const {
  beat_();
  tokenizer::Tokens target = tokenizer_.encode_with_end(response);
  if (static_cast<std::int64_t>(target.size()) > settings_.max_target_tokens) {
    ++examples.balance.too_long;
    return;
  }
  ++examples.balance.used;
  examples.rows.push_back({scoring::encode_prompt(tokenizer_, prompt, settings_.max_input_tokens, settings_.cut),
                           std::move(target), std::move(id)});
}

PairExamples encode_pairs(const scoring::PairwiseFormat& format, std::span<const dataset::LabelledPair> pairs,
                          const std::function<void()>& beat) {
  return encode_all(pairs, beat, [&](const dataset::LabelledPair& pair) {
    return TwoInputs(format.encode(pair.prompt, pair.chosen, pair.rejected),
                     format.encode(pair.prompt, pair.rejected, pair.chosen));
  });
}

PairExamples encode_pairs(const scoring::PointwiseFormat& format, std::span<const dataset::LabelledPair> pairs,
                          const std::function<void()>& beat) {
  return encode_all(pairs, beat, [&](const dataset::LabelledPair& pair) {
    return TwoInputs(format.encode(pair.prompt, pair.chosen), format.encode(pair.prompt, pair.rejected));
  });
}

std::vector<std::int64_t> lengths_of(std::span<const PairExample> pairs) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(pairs.size());
  for (const auto& pair : pairs) {
    lengths.push_back(static_cast<std::int64_t>(std::max(pair.first.size(), pair.second.size())));
  }
  return lengths;
}

std::vector<std::int64_t> lengths_of(std::span<const TextExample> rows) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(rows.size());
  for (const auto& row : rows) lengths.push_back(static_cast<std::int64_t>(row.input.size() + row.target.size()));
  return lengths;
}

std::vector<std::int64_t> example_order(const dataset::PairSet& set, const PairExamples& examples) {
  // The places of a source are filled with its usable rows, so that human and synthetic rows keep their proportion.
  std::array<std::vector<std::int64_t>, 2> usable;
  const auto source_of = [&](std::int64_t pair) { return pair < set.human ? std::size_t{0} : std::size_t{1}; };
  for (const std::int64_t pair : set.order) {
    const std::int64_t place = examples.places[static_cast<std::size_t>(pair)];
    if (place >= 0) usable[source_of(pair)].push_back(place);
  }
  std::vector<std::int64_t> order;
  order.reserve(set.order.size());
  std::array<std::size_t, 2> next{};
  for (const std::int64_t pair : set.order) {
    const std::size_t source = source_of(pair);
    const auto& rows = usable[source];
    if (!rows.empty()) order.push_back(rows[next[source]++ % rows.size()]);
  }
  return order;
}

}  // namespace westofn::training
