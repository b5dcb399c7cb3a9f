// SPDX-License-Identifier: Apache-2.0
// XXH3 hashes: ids of texts, keys of stages, checksums of files. Not cryptographic.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace westofn {

/// An XXH3-128 value; ordered, so that it can be a map key.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};

/// XXH3-64 of the bytes.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes);

/// XXH3-128 of the bytes.
[[nodiscard]] Hash128 hash128(std::string_view bytes);

/// 32 lower-case hexadecimal digits, high half first (the canonical form that `xxh128sum` prints).
[[nodiscard]] std::string to_hex(const Hash128& hash);

/// XXH3-128 of several fields; every field is preceded by its length, so that ("ab","c") and ("a","bc") differ.
[[nodiscard]] Hash128 hash_fields(std::initializer_list<std::string_view> fields);

/// XXH3-128 over bytes that arrive in pieces.
class StreamingHash {
 public:
  StreamingHash();
  ~StreamingHash();
  StreamingHash(StreamingHash&&) noexcept;
  StreamingHash& operator=(StreamingHash&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  [[nodiscard]] Hash128 value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace westofn
