// SPDX-License-Identifier: Apache-2.0
// T5::load: the weights of a Hugging Face folder.
#include <ATen/ops/equal.h>

#include <array>
#include <memory>
#include <optional>
#include <set>

#include "io/safetensors.h"
#include "model/t5.h"
#include "model/t5_weights.h"
#include "model/tensor_bytes.h"

namespace westofn::model {
namespace {

constexpr std::string_view embedding_name = "shared.weight";
constexpr std::string_view head_name = "lm_head.weight";
/// Other names under which a file may hold the embedding, in its place or once more.
constexpr std::array embedding_aliases = {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"};
/// Old files hold a bias that T5 never used.
constexpr std::string_view unused_name = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";

/// The tensors of a folder, copied to a place or, without one, left in the files; remembers which were asked for.
class WeightReader {
 public:
  WeightReader(const io::SafetensorsModel& files, std::optional<Placement> placement)
      : files_(files), placement_(placement) {}

  [[nodiscard]] bool has(std::string_view name) const { return files_.tensors().contains(name); }

  at::Tensor read(std::string_view name, const std::vector<std::int64_t>& shape) {
    const io::TensorView& view = files_.at(name);
    used_.emplace(name);
    return placement_ ? to_tensor(view, shape, place_of(name), *placement_)
                      : to_mapped_tensor(view, shape, place_of(name));
  }

  /// The embedding under whatever name; throws DataError if two names have different ones.
  at::Tensor read_embedding(const std::vector<std::int64_t>& shape) {
    at::Tensor embedding;
    if (has(embedding_name)) embedding = read(embedding_name, shape);
    for (const char* alias : embedding_aliases) {
      if (!has(alias)) continue;
      const at::Tensor other = read(alias, shape);
      if (!embedding.defined()) embedding = other;
      if (!at::equal(embedding, other)) fail(place_of(alias), "is another name of the embedding but differs from it");
    }
    return embedding.defined() ? embedding : read(embedding_name, shape);
  }

  /// Throws DataError if the folder has a tensor that nobody asked for.
  void check_all_used() const {
    for (const auto& [name, view] : files_.tensors()) {
      if (!used_.contains(name) && name != unused_name) {
        fail(place_of(name), "is not part of the model that config.json describes");
      }
    }
  }

 private:
  [[nodiscard]] TensorPlace place_of(std::string_view name) const {
    for (const io::SafetensorsFile& file : files_.files()) {
      if (file.tensors().contains(name)) return {file.path(), std::string(name)};
    }
    return {"", std::string(name)};
  }

  const io::SafetensorsModel& files_;
  std::optional<Placement> placement_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace

T5 T5::read(T5Config config, const io::SafetensorsModel& files, std::optional<Placement> placement) {
  WeightReader reader(files, placement);
  const std::vector<std::int64_t> shape_VD = {config.vocab_size, config.d_model};
  const at::Tensor embedding_VD = reader.read_embedding(shape_VD);
  // transformers 5 calls every model tied: what counts is whether the file has a head of its own.
  if (reader.has(head_name)) {
    config.tie_word_embeddings =
        config.tie_word_embeddings && at::equal(embedding_VD, reader.read(head_name, shape_VD));
  }
  T5 model(config, placement.value_or(Placement{at::kCPU, embedding_VD.scalar_type()}));
  for (const WeightSlot& slot : T5Weights::slots(model)) {
    *slot.value = slot.name == embedding_name ? embedding_VD : reader.read(slot.name, slot.shape);
  }
  T5Weights::tie(model);
  reader.check_all_used();
  return model;
}

T5 T5::load(const std::string& folder, Placement placement) {
  const T5Config config = read_t5_config(folder);
  return read(config, io::SafetensorsModel(folder), placement);
}

T5 T5::map(const std::string& folder) {
  const T5Config config = read_t5_config(folder);
  const auto files = std::make_shared<const io::SafetensorsModel>(folder);
  T5 model = read(config, *files, std::nullopt);
  model.files_ = files;
  return model;
}

void T5::release_pages() const {
  if (files_) files_->release_pages();
}

}  // namespace westofn::model
