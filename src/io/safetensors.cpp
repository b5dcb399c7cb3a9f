// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/json_text.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

constexpr std::uint64_t header_limit = 100'000'000;  // as in the reference library
constexpr std::size_t length_bytes = 8;
constexpr std::string_view metadata_key = "__metadata__";

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DTypeRow, 10> dtype_table = {{{DType::boolean, "BOOL", 1},
                                                   {DType::u8, "U8", 1},
                                                   {DType::i8, "I8", 1},
                                                   {DType::i16, "I16", 2},
                                                   {DType::f16, "F16", 2},
                                                   {DType::bf16, "BF16", 2},
                                                   {DType::i32, "I32", 4},
                                                   {DType::f32, "F32", 4},
                                                   {DType::f64, "F64", 8},
                                                   {DType::i64, "I64", 8}}};

const DTypeRow& row_of(DType dtype) { return dtype_table.at(static_cast<std::size_t>(dtype)); }

/// A tensor of the header: where its bytes stand within the data that follow the header.
struct Entry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape = {};
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

DType read_dtype(const JsonValue& value) {
  const auto row = std::ranges::find(dtype_table, value.text(), &DTypeRow::name);
  if (row == dtype_table.end()) {
    value.fail("the element type " + printable(value.text(), 40) +
               " is not supported (F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL are)");
  }
  return row->dtype;
}

/// Checks that the extent of the bytes is what shape and element type ask for.
void check_extent(const Entry& entry, const JsonValue& value) {
  std::uint64_t bytes = element_size(entry.dtype);
  for (const std::int64_t extent : entry.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) value.fail("the shape is too large");
  }
  if (entry.begin > entry.end || entry.end - entry.begin != bytes) {
    value.fail("data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) +
               "] do not fit the shape, which takes " + std::to_string(bytes) + " bytes");
  }
}

Entry read_entry(const std::string& name, const JsonValue& value) {
  for (const std::string& key : value.keys()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") value.fail("unknown key " + printable(key, 40));
  }
  Entry entry{.name = name, .dtype = read_dtype(value.field("dtype"))};
  for (const JsonValue& extent : value.field("shape").items()) {
    if (extent.count() > INT64_MAX) extent.fail("the extent is too large");
    entry.shape.push_back(extent.integer());
  }
  const auto offsets = value.field("data_offsets").items();
  if (offsets.size() != 2) value.field("data_offsets").fail("expected two numbers");
  entry.begin = offsets[0].count();
  entry.end = offsets[1].count();
  check_extent(entry, value);
  return entry;
}

/// The entries must follow one another from 0 to `data_size`.
void check_cover(std::vector<Entry>& entries, std::uint64_t data_size, const std::string& name) {
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  std::uint64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != covered) {
      throw DataError(name + ": tensor " + printable(entry.name) + " begins at offset " + std::to_string(entry.begin) +
                      " of the data, but the tensors before it end at " + std::to_string(covered) +
                      ": the header has a hole or an overlap");
    }
    covered = entry.end;
  }
  if (covered != data_size) {
    throw DataError(name + ": the tensors take " + std::to_string(covered) + " bytes, the file has " +
                    std::to_string(data_size) + " bytes of data; the file is damaged or was not copied whole");
  }
}

/// The text between the length and the data.
std::string_view header_text(std::span<const std::byte> file, const std::string& name) {
  if (file.size() < length_bytes) {
    throw DataError(name + ": is too short for a safetensors file (" + std::to_string(file.size()) + " bytes)");
  }
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8U | std::to_integer<std::uint64_t>(file[i]);
  const std::uint64_t after = file.size() - length_bytes;
  if (length > header_limit || length > after) {
    throw DataError(name + ": the header length at offset 0 is " + std::to_string(length) + ", but " +
                    std::to_string(after) + " bytes follow and the limit is " + std::to_string(header_limit) +
                    "; not a safetensors file, or not copied whole");
  }
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + length_bytes, length);
  if (!header.starts_with('{')) throw DataError(name + ": the header at offset 8 does not begin with '{'");
  return header;
}

}  // namespace

std::string_view to_string(DType dtype) { return row_of(dtype).name; }
std::size_t element_size(DType dtype) { return row_of(dtype).size; }

SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& name) {
  const std::string_view header = header_text(file, name);
  const TextPlace place{name + ": header", 0};
  const nlohmann::json json = parse_json(header, place);
  const JsonValue root(json, place);

  SafetensorsContent content;
  std::vector<Entry> entries;
  for (const std::string& key : root.keys()) {
    const JsonValue value = root.field(key);
    if (key == metadata_key) {
      for (const std::string& word : value.keys()) content.metadata[word] = value.field(word).text();
    } else {
      entries.push_back(read_entry(key, value));
    }
  }
  const auto data = file.subspan(length_bytes + header.size());
  check_cover(entries, data.size(), name);
  for (Entry& entry : entries) {
    const auto bytes = data.subspan(entry.begin, entry.end - entry.begin);
    content.tensors.emplace(std::move(entry.name), TensorView{entry.dtype, std::move(entry.shape), bytes});
  }
  return content;
}

}  // namespace westofn::io
