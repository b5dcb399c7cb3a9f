// SPDX-License-Identifier: Apache-2.0
// A T5 folder as config.json and the headers of its weights describe it, checked before a number is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/safetensors.h"
#include "model/t5_config.h"
#include "model/tensor_bytes.h"

namespace westofn::model {

/// Local. Opens the files of a Hugging Face folder; the weights stay mapped as long as this object lives. Quick also
/// for models of many gigabytes.
class T5Folder {
 public:
  /// Throws DataError that names file and key or tensor unless the folder holds every weight that config.json asks
  /// for, in its shape and as floating-point numbers, and no other.
  explicit T5Folder(const std::string& folder);

  /// As config.json says it: with a head in the files a model that it calls tied may be untied all the same.
  [[nodiscard]] const T5Config& config() const { return config_; }
  [[nodiscard]] const io::SafetensorsModel& weights() const { return weights_; }
  [[nodiscard]] bool has(std::string_view name) const { return weights_.tensors().contains(name); }
  /// Whether the files hold lm_head.weight.
  [[nodiscard]] bool has_head() const;
  /// The names under which the files hold the embedding; never empty.
  [[nodiscard]] std::vector<std::string_view> embedding_names() const;
  /// The file of a tensor, for messages.
  [[nodiscard]] TensorPlace place_of(std::string_view name) const;
  /// Numbers of the model; other names of the embedding do not count again, a head in the files counts.
  [[nodiscard]] std::uint64_t parameters() const { return parameters_; }

 private:
  void check_weights();
  void check(std::string_view name, const std::vector<std::int64_t>& shape) const;

  T5Config config_;
  io::SafetensorsModel weights_;
  std::string index_path_;
  std::uint64_t parameters_ = 0;
};

}  // namespace westofn::model
