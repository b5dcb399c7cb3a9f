// SPDX-License-Identifier: Apache-2.0
// T5::load: the weights of a Hugging Face folder.
#include <ATen/ops/equal.h>

#include <memory>
#include <optional>

#include "model/t5.h"
#include "model/t5_folder.h"
#include "model/t5_weights.h"
#include "model/tensor_bytes.h"

namespace westofn::model {
namespace {

constexpr std::string_view embedding_name = "shared.weight";
constexpr std::string_view head_name = "lm_head.weight";

/// Reads the tensors of a folder: copied to a place or, without one, left in the files.
class WeightReader {
 public:
  WeightReader(const T5Folder& folder, std::optional<Placement> placement) : folder_(folder), placement_(placement) {}

  [[nodiscard]] at::Tensor read(std::string_view name, const std::vector<std::int64_t>& shape) {
    const io::TensorView& view = folder_.weights().at(name);
    if (placement_) return to_tensor(view, shape, folder_.place_of(name), *placement_);
    // Every number has been looked at: what that brought into memory need not stay there.
    constexpr std::uint64_t many = std::uint64_t{256} << 20U;
    const at::Tensor tensor = to_mapped_tensor(view, shape, folder_.place_of(name));
    if ((bytes_ += view.bytes.size()) > many) {
      folder_.weights().release_pages();
      bytes_ = 0;
    }
    return tensor;
  }

  /// The embedding under whatever name; throws DataError if two names have different ones.
  [[nodiscard]] at::Tensor read_embedding(const std::vector<std::int64_t>& shape) {
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
  std::optional<Placement> placement_;
  std::uint64_t bytes_ = 0;  ///< read since pages were released
};

}  // namespace

T5 T5::read(const T5Folder& folder, std::optional<Placement> placement) {
  T5Config config = folder.config();
  WeightReader reader(folder, placement);
  const std::vector<std::int64_t> shape_VD = {config.vocab_size, config.d_model};
  const at::Tensor embedding_VD = reader.read_embedding(shape_VD);
  // transformers 5 calls every model tied: what counts is whether the file has a head of its own.
  if (folder.has_head()) {
    config.tie_word_embeddings =
        config.tie_word_embeddings && at::equal(embedding_VD, reader.read(head_name, shape_VD));
  }
  T5 model(config, placement.value_or(Placement{at::kCPU, embedding_VD.scalar_type()}));
  for (const WeightSlot& slot : T5Weights::slots(model)) {
    *slot.value = slot.name == embedding_name ? embedding_VD : reader.read(slot.name, slot.shape);
  }
  T5Weights::tie(model);
  return model;
}

T5 T5::load(const std::string& folder, Placement placement) { return read(T5Folder(folder), placement); }

T5 T5::map(const std::string& folder) {
  const auto files = std::make_shared<const T5Folder>(folder);
  T5 model = read(*files, std::nullopt);
  model.files_ = files;
  return model;
}

void T5::release_pages() const {
  if (files_) files_->weights().release_pages();
}

}  // namespace westofn::model
