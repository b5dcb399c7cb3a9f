// SPDX-License-Identifier: Apache-2.0
#include "util/hash.h"

#include <new>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace westofn {

std::uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hash128 hash128(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.high64, h.low64};
}

std::string to_hex(const Hash128& hash) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(32, '0');
  for (int i = 0; i < 16; ++i) {
    out[static_cast<std::size_t>(15 - i)] = digits[(hash.high >> (4 * i)) & 15];
    out[static_cast<std::size_t>(31 - i)] = digits[(hash.low >> (4 * i)) & 15];
  }
  return out;
}

Hash128 hash_fields(std::initializer_list<std::string_view> fields) {
  StreamingHash hash;
  for (const auto field : fields) {
    std::array<char, 8> length{};
    for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>((field.size() >> (8 * i)) & 0xff);
    hash.update(std::string_view(length.data(), length.size()));
    hash.update(field);
  }
  return hash.value();
}

struct StreamingHash::State {
  XXH3_state_t xxh;  // 64-byte aligned, which operator new honours in C++17
};

StreamingHash::StreamingHash() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
StreamingHash::~StreamingHash() = default;
StreamingHash::StreamingHash(StreamingHash&&) noexcept = default;
StreamingHash& StreamingHash::operator=(StreamingHash&&) noexcept = default;

void StreamingHash::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void StreamingHash::update(std::string_view bytes) { XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size()); }

Hash128 StreamingHash::value() const {
  const XXH128_hash_t h = XXH3_128bits_digest(&state_->xxh);
  return {h.high64, h.low64};
}

}  // namespace westofn
