// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

#include "util/error.h"

namespace westofn::io {
namespace {

using nlohmann::ordered_json;
using TensorPointers = std::vector<const NamedTensor*>;

constexpr std::size_t header_alignment = 8;

std::uint64_t bytes_of_shape(const TensorView& tensor) {
  std::uint64_t bytes = element_size(tensor.dtype);
  for (const std::int64_t extent : tensor.shape) bytes *= static_cast<std::uint64_t>(extent);
  return bytes;
}

TensorPointers in_file_order(std::span<const NamedTensor> tensors) {
  TensorPointers order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::ranges::sort(order, [](const NamedTensor* a, const NamedTensor* b) {
    return std::tie(b->tensor.dtype, a->name) < std::tie(a->tensor.dtype, b->name);
  });
  return order;
}

/// The length and the header, padded so that the data begin at a multiple of header_alignment.
std::string make_header(const TensorPointers& tensors, const SafetensorsMetadata& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const NamedTensor* named : tensors) {
    const std::uint64_t end = offset + named->tensor.bytes.size();
    WESTOFN_CHECK(named->tensor.bytes.size() == bytes_of_shape(named->tensor), "bytes of " + named->name);
    WESTOFN_CHECK(!header.contains(named->name), "two tensors are called " + named->name);
    header[named->name] = {
        {"dtype", to_string(named->tensor.dtype)}, {"shape", named->tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + header_alignment - 1) / header_alignment * header_alignment, ' ');
  std::string length(8, '\0');
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(text.size() >> (8 * i) & 0xFFU);
  return length + text;
}

/// The tensors in order of name, cut into shards of at most `max_bytes` unless one tensor alone is larger.
std::vector<std::vector<NamedTensor>> cut_into_shards(std::span<const NamedTensor> tensors, std::uint64_t max_bytes) {
  std::vector<NamedTensor> sorted(tensors.begin(), tensors.end());
  std::ranges::sort(sorted, {}, &NamedTensor::name);
  std::vector<std::vector<NamedTensor>> shards(1);
  std::uint64_t filled = 0;
  for (NamedTensor& tensor : sorted) {
    if (!shards.back().empty() && filled + tensor.tensor.bytes.size() > max_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    filled += tensor.tensor.bytes.size();
    shards.back().push_back(std::move(tensor));
  }
  return shards;
}

std::string shard_name(std::size_t number, std::size_t count) {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", number, count);
  return name.data();
}

}  // namespace

FileInfo write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                           const SafetensorsMetadata& metadata, const std::function<void()>& beat) {
  const TensorPointers order = in_file_order(tensors);
  DurableFile file(path);
  file.append(make_header(order, metadata));
  for (const NamedTensor* named : order) {
    if (beat) beat();
    file.append(named->tensor.bytes);
  }
  return file.commit();
}

std::vector<FileInfo> write_safetensors_model(const std::string& folder, std::span<const NamedTensor> tensors,
                                              const SafetensorsMetadata& metadata, std::uint64_t max_shard_bytes) {
  const auto shards = cut_into_shards(tensors, max_shard_bytes);
  if (shards.size() == 1) return {write_safetensors(folder + "/model.safetensors", shards.front(), metadata)};

  std::vector<FileInfo> files;
  ordered_json weight_map = ordered_json::object();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i + 1, shards.size());
    files.push_back(write_safetensors(folder + "/" + name, shards[i], metadata));
    for (const NamedTensor& tensor : shards[i]) {
      weight_map[tensor.name] = name;
      total += tensor.tensor.bytes.size();
    }
  }
  const ordered_json index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  files.push_back(write_durable(folder + "/model.safetensors.index.json", index.dump(2) + "\n"));
  return files;
}

}  // namespace westofn::io
