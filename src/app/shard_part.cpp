// SPDX-License-Identifier: Apache-2.0
#include "app/shard_part.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "util/error.h"
#include "util/text.h"

namespace westofn::app {
namespace {

constexpr std::int64_t most = std::int64_t{1} << 40;
constexpr std::string_view piece_mark = "of";

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || value < 0 || value > most) return std::nullopt;
  return value;
}

}  // namespace

ShardPart::ShardPart(const std::string& text) : text_(text) {
  const auto fail = [&] {
    throw ConfigError("'" + printable(text, 60) +
                      "' is no part of the shards; expected A:B (shards A to before B, from 0) or K/N (piece K of N, "
                      "from 0)");
  };
  const std::string_view view = text;
  if (const auto slash = view.find('/'); slash != std::string_view::npos) {
    const auto piece = number(view.substr(0, slash));
    const auto pieces = number(view.substr(slash + 1));
    if (!piece || !pieces || *piece >= *pieces) fail();
    range_.begin = *piece;
    pieces_ = *pieces;
    return;
  }
  const auto colon = view.find(':');
  if (colon == std::string_view::npos) fail();
  const std::string_view first = view.substr(0, colon);
  const std::string_view last = view.substr(colon + 1);
  const auto begin = first.empty() ? 0 : number(first);
  const auto end = last.empty() ? range_.end : number(last);
  if (!begin || !end || *begin >= *end) fail();
  range_ = {*begin, *end};
}

ShardRange ShardPart::range(std::int64_t shards) const {
  if (pieces_ == 0) return {std::min(range_.begin, shards), std::min(range_.end, shards)};
  // Not shards * piece / pieces, which may be too large for 64 bits.
  const std::int64_t size = shards / pieces_;
  const std::int64_t longer = shards % pieces_;
  const auto first = [&](std::int64_t piece) { return piece * size + std::min(piece, longer); };
  return {first(range_.begin), first(range_.begin + 1)};
}

std::string ShardPart::lock_name() const {
  if (pieces_ > 0) return std::to_string(range_.begin) + std::string(piece_mark) + std::to_string(pieces_);
  const std::string end = range_.end > most ? "" : std::to_string(range_.end);
  return std::to_string(range_.begin) + "-" + end;
}

std::optional<ShardPart> ShardPart::from_lock_name(const std::string& name) {
  std::string text = name;
  if (const auto mark = text.find(piece_mark); mark != std::string::npos) {
    text.replace(mark, piece_mark.size(), "/");
  } else if (const auto dash = text.find('-'); dash != std::string::npos) {
    text[dash] = ':';
  }
  try {
    return ShardPart(text);
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

bool ShardPart::may_overlap(const ShardPart& other) const {
  if (pieces_ != other.pieces_) return true;
  if (pieces_ > 0) return range_.begin == other.range_.begin;
  return range_.begin < other.range_.end && other.range_.begin < range_.end;
}

}  // namespace westofn::app
