// SPDX-License-Identifier: Apache-2.0
#include "comm/frame.h"

#include <cstdint>

#include "util/hash.h"
#include "util/text.h"

namespace westofn::comm {
namespace {

constexpr std::string_view frame_magic("WoNframe", 8);
constexpr std::uint64_t frame_version = 1;

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

[[noreturn]] void fail(std::string_view what, const std::string& reason) {
  throw DataError(printable(what) + " is damaged: " + reason +
                  ". If it is a file, remove it and start the same command again; it will be made anew.");
}

}  // namespace

std::string frame(std::string_view payload) {
  if (payload.size() > max_frame_bytes) {
    throw DataError("a frame of " + human_bytes(payload.size()) + " is longer than the limit of " +
                    human_bytes(max_frame_bytes) + "; use smaller shards");
  }
  const Hash128 checksum = hash128(payload);
  std::string out;
  out.reserve(frame_header_bytes + payload.size());
  out.append(frame_magic);
  append_number(out, frame_version, 4);
  append_number(out, 0, 4);
  append_number(out, payload.size(), 8);
  append_number(out, checksum.high, 8);
  append_number(out, checksum.low, 8);
  out.append(payload);
  return out;
}

std::string_view unframe(std::string_view framed, std::string_view what) {
  if (framed.size() < frame_header_bytes) {
    fail(what, "it has " + std::to_string(framed.size()) + " bytes, its header alone needs " +
                   std::to_string(frame_header_bytes));
  }
  if (framed.substr(0, 8) != frame_magic) fail(what, "it does not begin with the mark of a frame");
  const std::uint64_t version = read_number(framed.substr(8, 4));
  if (version != frame_version || read_number(framed.substr(12, 4)) != 0) {
    fail(what, "its format is version " + std::to_string(version) + ", this program reads version " +
                   std::to_string(frame_version));
  }
  const std::uint64_t length = read_number(framed.substr(16, 8));
  const std::string_view payload = framed.substr(frame_header_bytes);
  if (length > max_frame_bytes) fail(what, "its header states " + human_bytes(length) + ", more than any frame holds");
  if (length != payload.size()) {
    fail(what, "its header states " + std::to_string(length) + " bytes, there are " + std::to_string(payload.size()));
  }
  const Hash128 stated{read_number(framed.substr(24, 8)), read_number(framed.substr(32, 8))};
  if (hash128(payload) != stated) fail(what, "its checksum is wrong");
  return payload;
}

void fail_archive(std::string_view what, std::string_view reason) {
  fail(what, "it does not hold what is expected here (" + printable(reason) + ")");
}

}  // namespace westofn::comm
