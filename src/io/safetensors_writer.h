// SPDX-License-Identifier: Apache-2.0
// Writes safetensors files and sharded models with their index, durably and with bytes that depend on content only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/durable_file.h"
#include "io/safetensors.h"

namespace westofn::io {

/// A tensor to be written.
struct NamedTensor {
  std::string name;
  TensorView tensor;
};

/// Free text that a file carries; transformers asks for {"format": "pt"}.
using SafetensorsMetadata = std::map<std::string, std::string>;

/// Writes one file. The tensors are ordered as the reference library orders them (widest type first, then name), so
/// each is aligned to its element. Names are distinct and the bytes fit the shape (else InternalError). `beat`, if
/// given, is called for every tensor.
FileInfo write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                           const SafetensorsMetadata& metadata, const std::function<void()>& beat = {});

/// Writes the weights of a model into a folder: model.safetensors if `max_shard_bytes` allows it, else shards filled in
/// order of name, and model.safetensors.index.json last. Returns every file written.
std::vector<FileInfo> write_safetensors_model(const std::string& folder, std::span<const NamedTensor> tensors,
                                              const SafetensorsMetadata& metadata, std::uint64_t max_shard_bytes);

}  // namespace westofn::io
