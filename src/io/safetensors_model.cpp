// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "io/json_text.h"
#include "io/safetensors.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

constexpr std::uint64_t index_limit = std::uint64_t{100} << 20;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

bool has_pickle_weights(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("pytorch_model") && name.ends_with(".bin")) return true;
  }
  return false;
}

[[noreturn]] void fail_without_weights(const std::string& folder) {
  if (!file_status(folder)) throw DataError(folder + ": there is no such folder; check the path");
  if (has_pickle_weights(folder)) {
    throw DataError(folder +
                    ": has only pytorch_model*.bin, and pickle files are not read because they can run code; convert "
                    "the folder once with `python analysis/convert_hf.py FOLDER NEW_FOLDER`");
  }
  throw DataError(folder +
                  ": has neither model.safetensors nor model.safetensors.index.json; name a Hugging Face folder");
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path)
    : file_(path), content_(parse_safetensors(file_.bytes(), path)) {}

WeightMap parse_safetensors_index(std::string_view text, const std::string& name) {
  const TextPlace place{name, 0};
  const nlohmann::json json = parse_json(text, place);
  const JsonValue weight_map = JsonValue(json, place).field("weight_map");
  WeightMap shards;
  for (const std::string& tensor : weight_map.keys()) {
    const JsonValue shard = weight_map.field(tensor);
    if (!is_plain_name(shard.text())) shard.fail(printable(shard.text()) + " is not the name of a file in this folder");
    shards.emplace(tensor, shard.text());
  }
  if (shards.empty()) weight_map.fail("names no tensor");
  return shards;
}

SafetensorsModel::SafetensorsModel(const std::string& folder) : folder_(folder) {
  const std::string single = folder + "/model.safetensors";
  const std::string index = folder + "/model.safetensors.index.json";
  if (file_status(single)) {
    files_.emplace_back(single);
    tensors_ = files_.front().tensors();
  } else if (file_status(index)) {
    read_shards(index);
  } else {
    fail_without_weights(folder);
  }
}

void SafetensorsModel::read_shards(const std::string& index_path) {
  const WeightMap weight_map = parse_safetensors_index(read_file(index_path, index_limit), index_path);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map) shards.insert(shard);
  for (const std::string& shard : shards) {
    files_.emplace_back(folder_ + "/" + shard);
    for (const auto& [tensor, view] : files_.back().tensors()) {
      const auto listed = weight_map.find(tensor);
      if (listed == weight_map.end() || listed->second != shard) {
        throw DataError(files_.back().path() + ": holds tensor " + printable(tensor) + ", which " + index_path +
                        (listed == weight_map.end() ? " does not list" : " places in " + printable(listed->second)) +
                        "; index and shards are not of one model, copy the folder again");
      }
      tensors_.emplace(tensor, view);
    }
  }
  for (const auto& [tensor, shard] : weight_map) {
    if (!tensors_.contains(tensor)) {
      throw DataError(folder_ + "/" + printable(shard) + ": lacks tensor " + printable(tensor) + ", which " +
                      index_path + " places there; copy the folder again");
    }
  }
}

void SafetensorsModel::release_pages() const {
  for (const SafetensorsFile& file : files_) file.release_pages();
}

const TensorView& SafetensorsModel::at(std::string_view name) const {
  const auto tensor = tensors_.find(name);
  if (tensor == tensors_.end()) {
    throw DataError(folder_ + ": the weights have no tensor " + printable(name) +
                    "; is it a model of the kind that config.json names?");
  }
  return tensor->second;
}

}  // namespace westofn::io
