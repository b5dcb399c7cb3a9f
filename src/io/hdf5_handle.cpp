// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5_handle.h"

#include <atomic>

#include "util/error.h"
#include "util/text.h"

namespace westofn::io {

std::string to_string(ElementType type) {
  switch (type) {
    case ElementType::int8: return "int8";
    case ElementType::uint8: return "uint8";
    case ElementType::int32: return "int32";
    case ElementType::int64: return "int64";
    case ElementType::uint64: return "uint64";
    case ElementType::float32: return "float32";
    case ElementType::float64: return "float64";
    case ElementType::other: return "another type";
  }
  return "another type";
}

}  // namespace westofn::io

namespace westofn::io::detail {
namespace {

/// Adds the messages of the stack, the outermost first. C code calls it: nothing may be thrown.
herr_t add_message(unsigned, const H5E_error2_t* error, void* text) noexcept {
  try {
    auto& out = *static_cast<std::string*>(text);
    if (error->desc == nullptr) return 0;
    if (!out.empty()) out += " < ";
    out += error->desc;
  } catch (...) {
    return -1;
  }
  return 0;
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock_library() {
  static std::recursive_mutex mutex;
  return std::unique_lock(mutex);
}

void start_hdf5() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);
}

std::string memory_file_name() {
  static std::atomic<std::uint64_t> next{0};
  return "/dev/null/" + std::to_string(next++);
}

std::string take_error_stack() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, add_message, &text);
  H5Eclear2(H5E_DEFAULT);
  return printable(text.empty() ? "no reason given" : text, 400);
}

hid_t file_type(ElementType type) {
  switch (type) {
    case ElementType::int8: return H5T_STD_I8LE;
    case ElementType::uint8: return H5T_STD_U8LE;
    case ElementType::int32: return H5T_STD_I32LE;
    case ElementType::int64: return H5T_STD_I64LE;
    case ElementType::uint64: return H5T_STD_U64LE;
    case ElementType::float32: return H5T_IEEE_F32LE;
    case ElementType::float64: return H5T_IEEE_F64LE;
    case ElementType::other: break;
  }
  throw InternalError("no HDF5 type");
}

hid_t memory_type(ElementType type) {
  switch (type) {
    case ElementType::int8: return H5T_NATIVE_INT8;
    case ElementType::uint8: return H5T_NATIVE_UINT8;
    case ElementType::int32: return H5T_NATIVE_INT32;
    case ElementType::int64: return H5T_NATIVE_INT64;
    case ElementType::uint64: return H5T_NATIVE_UINT64;
    case ElementType::float32: return H5T_NATIVE_FLOAT;
    case ElementType::float64: return H5T_NATIVE_DOUBLE;
    case ElementType::other: break;
  }
  throw InternalError("no HDF5 type");
}

std::uint64_t element_bytes(ElementType type) { return H5Tget_size(memory_type(type)); }

std::string make_trailer(std::string_view image) {
  const Hash128 hash = hash128(image);
  std::string trailer = "WOFNXXH3";
  for (const std::uint64_t half : {hash.high, hash.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) trailer += static_cast<char>(half >> shift & 0xffU);
  }
  return trailer;
}

}  // namespace westofn::io::detail
