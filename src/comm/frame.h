// SPDX-License-Identifier: Apache-2.0
// Objects as checked bytes: a frame (magic, version, length, XXH3-128) around a Boost.Serialization archive.
//
// Frames travel between ranks and lie in files of the same build; the archive sees only bytes whose checksum is right.
// Layout, little endian: 8 bytes magic, 4 version, 4 zero, 8 payload length, 16 checksum of the payload, payload.
#pragma once

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstddef>
#include <sstream>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>

#include "util/error.h"

namespace westofn::comm {

inline constexpr std::size_t frame_header_bytes = 40;
/// The longest payload; what is larger goes in several frames.
inline constexpr std::size_t max_frame_bytes = std::size_t{1} << 30;

/// The payload with its header in front. Throws DataError if it is longer than max_frame_bytes.
[[nodiscard]] std::string frame(std::string_view payload);

/// The payload of a frame (a view into it). Throws DataError that names `what` if a header field, the length or the
/// checksum is wrong.
[[nodiscard]] std::string_view unframe(std::string_view framed, std::string_view what);

/// Throws DataError: the archive in the frame of `what` does not fit the type.
[[noreturn]] void fail_archive(std::string_view what, std::string_view reason);

/// Reads from bytes that live elsewhere.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view bytes) {
    char* begin = const_cast<char*>(bytes.data());  // streambuf has no read-only form; nothing writes
    setg(begin, begin, begin + bytes.size());
  }
  [[nodiscard]] bool at_end() const { return gptr() == egptr(); }
};

/// The object as a frame.
template <class T>
[[nodiscard]] std::string pack(const T& object) {
  std::stringbuf payload(std::ios::out | std::ios::binary);
  {
    boost::archive::binary_oarchive archive(payload);
    archive << object;
  }
  return frame(std::move(payload).str());
}

/// The object in a frame made by pack(). Throws DataError that names `what` if the frame is damaged or holds another
/// type.
template <class T>
[[nodiscard]] T unpack(std::string_view framed, std::string_view what) {
  ViewBuffer payload(unframe(framed, what));
  T object{};
  try {
    boost::archive::binary_iarchive archive(payload);
    archive >> object;
  } catch (const std::exception& e) {
    fail_archive(what, e.what());
  }
  if (!payload.at_end()) fail_archive(what, "bytes are left over");
  return object;
}

}  // namespace westofn::comm
