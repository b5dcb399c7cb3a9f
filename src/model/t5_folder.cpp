// SPDX-License-Identifier: Apache-2.0
#include "model/t5_folder.h"

#include <array>
#include <functional>
#include <numeric>
#include <set>

#include "io/file.h"
#include "model/t5_weights.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::model {
namespace {

constexpr std::string_view head_name = "lm_head.weight";
/// The names under which files may hold the embedding; the second and third are aliases of the first.
constexpr std::array<std::string_view, 3> embedding_aliases = {"shared.weight", "encoder.embed_tokens.weight",
                                                               "decoder.embed_tokens.weight"};
/// Old files hold a bias that T5 never used.
constexpr std::string_view unused_name = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";

/// The folder itself; throws DataError unless it is one.
const std::string& check_folder(const std::string& folder) {
  const auto status = io::file_status(folder);
  if (!status) throw DataError(printable(folder, 1000) + ": there is no such folder; check the path");
  if (!status->is_folder) {
    throw DataError(printable(folder, 1000) + ": is not a folder; name the folder that holds config.json");
  }
  return folder;
}

}  // namespace

T5Folder::T5Folder(const std::string& folder)
    : config_(read_t5_config(check_folder(folder))),
      weights_(folder),
      index_path_(folder + "/model.safetensors.index.json") {
  check_weights();
}

bool T5Folder::has_head() const { return has(head_name); }

std::vector<std::string_view> T5Folder::embedding_names() const {
  std::vector<std::string_view> names;
  for (const std::string_view name : embedding_aliases) {
    if (has(name)) names.push_back(name);
  }
  return names;
}

TensorPlace T5Folder::place_of(std::string_view name) const {
  for (const io::SafetensorsFile& file : weights_.files()) {
    if (file.tensors().contains(name)) return {file.path(), std::string(name)};
  }
  return {"", std::string(name)};
}

void T5Folder::check(std::string_view name, const std::vector<std::int64_t>& shape) const {
  if (!has(name)) {
    const bool is_single = weights_.files().size() == 1;
    fail({is_single ? weights_.files().front().path() : index_path_, std::string(name)},
         "is missing, but config.json asks for it; the weights are not whole, or of another kind of model");
  }
  check_tensor(weights_.at(name), shape, place_of(name));
}

void T5Folder::check_weights() {
  T5Config expected = config_;
  if (has_head()) expected.tie_word_embeddings = false;
  std::set<std::string_view> known = {unused_name};
  for (const std::string_view alias : embedding_names()) {
    check(alias, {config_.vocab_size, config_.d_model});
    known.insert(alias);
  }
  const auto slots = T5Weights::slots_of(expected);
  for (const WeightSlot& slot : slots) {
    parameters_ += static_cast<std::uint64_t>(
        std::accumulate(slot.shape.begin(), slot.shape.end(), std::int64_t{1}, std::multiplies<>()));
    known.insert(slot.name);
    if (slot.name == embedding_aliases.front() && !embedding_names().empty()) continue;
    check(slot.name, slot.shape);
  }
  for (const auto& [name, view] : weights_.tensors()) {
    if (!known.contains(name)) fail(place_of(name), "is not part of the model that config.json describes");
  }
}

}  // namespace westofn::model
