// SPDX-License-Identifier: Apache-2.0
#include "io/input_stream.h"

#define ZLIB_CONST  // zlib does not write to its input
#include <zlib.h>

#include <new>
#include <utility>
#include <vector>

#include "io/file.h"
#include "util/error.h"

namespace westofn::io {
namespace {

constexpr std::size_t chunk_size = std::size_t{256} << 10;
constexpr int gzip_only = 15 + 16;  // window bits of zlib: the largest window, with a gzip header and checksum

}  // namespace

struct InputStream::State {
  explicit State(const std::string& path) : file(FileHandle::open_to_read(path)), raw(chunk_size) {
    read_raw();
    if (unread.starts_with("\x1f\x8b")) start_gzip();
  }
  ~State() {
    if (compressed) inflateEnd(&zlib);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Refills `unread` from the file; it stays empty at the end of the file.
  void read_raw() { unread = {raw.data(), file.read(raw)}; }

  void start_gzip() {
    inflated.resize(chunk_size);
    if (inflateInit2(&zlib, gzip_only) != Z_OK) throw std::bad_alloc();
    compressed = true;
  }

  std::string_view next_raw() {
    if (unread.empty()) read_raw();
    return std::exchange(unread, {});
  }

  std::string_view next_inflated() {
    while (true) {
      if (unread.empty() && !output_waits) {
        read_raw();
        if (unread.empty() && inside_member) {
          throw DataError(file.path() + ": the compressed data are cut off; copy the file again");
        }
        if (unread.empty()) return {};
      }
      if (const std::string_view bytes = inflate_some(); !bytes.empty()) return bytes;
    }
  }

  std::string_view inflate_some() {
    inside_member = true;
    zlib.next_in = reinterpret_cast<const Bytef*>(unread.data());
    zlib.avail_in = static_cast<uInt>(unread.size());
    zlib.next_out = reinterpret_cast<Bytef*>(inflated.data());
    zlib.avail_out = static_cast<uInt>(inflated.size());
    const int result = inflate(&zlib, Z_NO_FLUSH);
    unread.remove_prefix(unread.size() - zlib.avail_in);
    const std::string_view bytes(inflated.data(), inflated.size() - zlib.avail_out);
    output_waits = result == Z_OK && zlib.avail_out == 0;
    if (result == Z_STREAM_END) {  // a further member may follow, nothing else
      inside_member = false;
      inflateReset(&zlib);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      const char* reason = zlib.msg != nullptr ? zlib.msg : "unknown reason";
      throw DataError(file.path() + ": the compressed data are damaged (" + reason + "); copy the file again");
    }
    return bytes;
  }

  FileHandle file;
  std::vector<char> raw;
  std::string_view unread;  // of `raw`
  bool compressed = false;
  bool inside_member = false;
  bool output_waits = false;  // zlib may hold more output than fitted into `inflated`
  z_stream zlib{};
  std::vector<char> inflated;
};

InputStream::InputStream(const std::string& path) : state_(std::make_unique<State>(path)) {}
InputStream::~InputStream() = default;
InputStream::InputStream(InputStream&&) noexcept = default;
InputStream& InputStream::operator=(InputStream&&) noexcept = default;

std::string_view InputStream::next_chunk() { return state_->compressed ? state_->next_inflated() : state_->next_raw(); }

const std::string& InputStream::path() const { return state_->file.path(); }

}  // namespace westofn::io
