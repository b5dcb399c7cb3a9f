// SPDX-License-Identifier: Apache-2.0
// Which shards of a stage a job makes: all of them, or a part, so that several jobs can share a stage.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace westofn::app {

/// Shards `begin` to before `end`, in the order of the stage.
struct ShardRange {
  std::int64_t begin = 0;
  std::int64_t end = std::numeric_limits<std::int64_t>::max();

  [[nodiscard]] bool contains(std::int64_t shard) const { return shard >= begin && shard < end; }
};

/// A part as the user names it, before it is known how many shards there are.
class ShardPart {
 public:
  /// All shards.
  ShardPart() = default;
  /// "A:B" (shards A to before B; either may be missing) or "K/N" (piece K of N pieces of nearly equal size, K from 0).
  /// Throws ConfigError.
  explicit ShardPart(const std::string& text);

  [[nodiscard]] bool is_all() const { return text_.empty(); }
  /// Of so many shards. Pieces 0 to N-1 together are all shards, and no two have one in common.
  [[nodiscard]] ShardRange range(std::int64_t shards) const;
  /// The part in the name of a lock: "0-10", "2of8".
  [[nodiscard]] std::string lock_name() const;
  /// Whether the two can have a shard in common, however many there are; parts of different kinds always may.
  [[nodiscard]] bool may_overlap(const ShardPart& other) const;
  /// The reverse of lock_name; nothing if it is none.
  [[nodiscard]] static std::optional<ShardPart> from_lock_name(const std::string& name);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  ShardRange range_;
  std::int64_t pieces_ = 0;  ///< 0: `range_` says it; otherwise piece range_.begin of so many
  std::string text_;         ///< empty: all
};

}  // namespace westofn::app
