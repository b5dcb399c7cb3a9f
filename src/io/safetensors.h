// SPDX-License-Identifier: Apache-2.0
// Reads safetensors files and folders by mmap; every offset is checked before a byte is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"

namespace westofn::io {

/// Element types that are read; in the order by which the reference library sorts tensors in a file.
enum class DType : std::uint8_t { boolean, u8, i8, i16, f16, bf16, i32, f32, f64, i64 };

/// "F32", as it stands in the file.
[[nodiscard]] std::string_view to_string(DType dtype);
/// Bytes of one element.
[[nodiscard]] std::size_t element_size(DType dtype);

/// A tensor in C order that lies in memory of someone else.
struct TensorView {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;   ///< empty: one number
  std::span<const std::byte> bytes;  ///< little-endian; its start need not be aligned to the element
};

/// Tensors by name.
using TensorMap = std::map<std::string, TensorView, std::less<>>;

/// What a safetensors file says about itself. The views point into the bytes that were parsed.
struct SafetensorsContent {
  TensorMap tensors;
  std::map<std::string, std::string> metadata;
};

/// Checks and reads the header of a whole file; `name` is for messages. Throws DataError unless the header is valid
/// and its tensors cover the data exactly, without holes or overlaps.
[[nodiscard]] SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& name);

/// One mapped file. The views live as long as this object.
class SafetensorsFile {
 public:
  /// Throws DataError if the file is missing or wrong.
  explicit SafetensorsFile(const std::string& path);

  [[nodiscard]] const std::string& path() const { return file_.path(); }
  [[nodiscard]] const TensorMap& tensors() const { return content_.tensors; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return content_.metadata; }
  /// See MappedFile.
  void release_pages() const { file_.release_pages(); }

 private:
  MappedFile file_;
  SafetensorsContent content_;
};

/// The weight map of a model.safetensors.index.json: tensor name -> name of the shard in the same folder.
using WeightMap = std::map<std::string, std::string, std::less<>>;

/// Parses an index; `name` is for messages. Throws DataError, also if a shard is not a plain base name.
[[nodiscard]] WeightMap parse_safetensors_index(std::string_view text, const std::string& name);

/// The weights of a Hugging Face folder: model.safetensors, else (as in transformers) the shards of
/// model.safetensors.index.json. The views live as long as this object.
class SafetensorsModel {
 public:
  /// Throws DataError if there are no such files, or if index and shards disagree about a tensor.
  explicit SafetensorsModel(const std::string& folder);

  [[nodiscard]] const TensorMap& tensors() const { return tensors_; }
  /// The tensor of that name; throws DataError that names the folder if there is none.
  [[nodiscard]] const TensorView& at(std::string_view name) const;
  /// The files that were read, in order of name.
  [[nodiscard]] const std::vector<SafetensorsFile>& files() const { return files_; }
  /// See MappedFile.
  void release_pages() const;

 private:
  void read_shards(const std::string& index_path);

  std::string folder_;
  std::vector<SafetensorsFile> files_;
  TensorMap tensors_;
};

}  // namespace westofn::io
