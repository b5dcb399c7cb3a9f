// SPDX-License-Identifier: Apache-2.0
// T5::load: the weights of a Hugging Face folder.
#include <ATen/ops/equal.h>

#include "model/t5.h"
#include "model/t5_folder.h"
#include "model/t5_weights.h"
#include "model/tensor_bytes.h"

namespace westofn::model {
namespace {

constexpr std::string_view embedding_name = "shared.weight";
constexpr std::string_view head_name = "lm_head.weight";

/// Reads the tensors of a folder.
class WeightReader {
 public:
  WeightReader(const T5Folder& folder, Placement placement) : folder_(folder), placement_(placement) {}

  [[nodiscard]] at::Tensor read(std::string_view name, const std::vector<std::int64_t>& shape) const {
    return to_tensor(folder_.weights().at(name), shape, folder_.place_of(name), placement_);
  }

  /// The embedding under whatever name; throws DataError if two names have different ones.
  [[nodiscard]] at::Tensor read_embedding(const std::vector<std::int64_t>& shape) const {
    at::Tensor embedding;
    for (const std::string_view alias : folder_.embedding_names()) {
      const at::Tensor other = read(alias, shape);
      if (!embedding.defined()) embedding = other;
      if (!at::equal(embedding, other)) {
        fail(folder_.place_of(alias), "is another name of the embedding but differs from it");
      }
    }
    return embedding;
  }

 private:
  const T5Folder& folder_;
  Placement placement_;
};

}  // namespace

T5 T5::load(const std::string& path, Placement placement) {
  const T5Folder folder(path);
  T5Config config = folder.config();
  const WeightReader reader(folder, placement);
  const std::vector<std::int64_t> shape_VD = {config.vocab_size, config.d_model};
  const at::Tensor embedding_VD = reader.read_embedding(shape_VD);
  // transformers 5 calls every model tied: what counts is whether the file has a head of its own.
  if (folder.has_head()) {
    config.tie_word_embeddings =
        config.tie_word_embeddings && at::equal(embedding_VD, reader.read(head_name, shape_VD));
  }
  T5 model(config, placement);
  for (const WeightSlot& slot : T5Weights::slots(model)) {
    *slot.value = slot.name == embedding_name ? embedding_VD : reader.read(slot.name, slot.shape);
  }
  T5Weights::tie(model);
  return model;
}

}  // namespace westofn::model
