// SPDX-License-Identifier: Apache-2.0
// Saving and loading Hugging Face folders, also wrong ones.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "io/safetensors_writer.h"
#include "model/t5.h"
#include "model/t5_folder.h"
#include "model/tensor_bytes.h"
#include "support/expect_error.h"
#include "support/small_models.h"
#include "support/temporary_folder.h"

namespace westofn::model {
namespace {

using testing::expect_data_error;
using testing::find_parameter;
using testing::gated_config;
using testing::TemporaryFolder;
using testing::tied_config;

void expect_equal_weights(const T5& a, const T5& b) {
  const auto expected = a.parameters();
  const auto found = b.parameters();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found[i].name, expected[i].name);
    EXPECT_TRUE(at::equal(found[i].value, expected[i].value)) << expected[i].name;
  }
}

/// Writes config.json and these weights.
void write_folder(const TemporaryFolder& folder, const T5Config& config, const std::vector<Parameter>& weights) {
  folder.write("config.json", to_json(config));
  const SavedTensors saved(weights);
  io::write_safetensors(folder / "model.safetensors", saved.tensors(), {});
}

TEST(T5Folder, LoadsTheBitsThatWereSaved) {
  for (const T5Config& config : {gated_config(), tied_config()}) {
    const TemporaryFolder folder;
    const T5 model = T5::random(config, 1, {});
    const auto files = save_t5(folder.path(), model, {}, "pieces");
    std::vector<std::string> names;
    for (const auto& file : files) names.push_back(file.name);
    EXPECT_THAT(names, ::testing::UnorderedElementsAre("config.json", "generation_config.json", "model.safetensors",
                                                       "spiece.model"));
    const T5 loaded = T5::load(folder.path(), {});
    EXPECT_EQ(loaded.config(), config);
    expect_equal_weights(model, loaded);
    EXPECT_EQ(testing::read_all(folder / "spiece.model"), "pieces");
  }
}

TEST(T5Folder, SavesGivenWeightsInTheirPlace) {
  const TemporaryFolder folder;
  const T5 masters = T5::random(gated_config(), 2, {});
  const T5 narrow = T5::random(gated_config(), 2, {at::kCPU, at::kBFloat16});
  const auto weights = masters.parameters();
  save_t5(folder.path(), narrow, weights, "");
  expect_equal_weights(masters, T5::load(folder.path(), {}));
}

TEST(T5Folder, ConvertsToThePlacement) {
  const TemporaryFolder folder;
  const T5 model = T5::random(gated_config(), 3, {});
  save_t5(folder.path(), model, {}, "");
  const T5 loaded = T5::load(folder.path(), {at::kCPU, at::kBFloat16});
  for (const Parameter& parameter : loaded.parameters()) {
    EXPECT_EQ(parameter.value.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(at::equal(parameter.value, find_parameter(model, parameter.name).to(at::kBFloat16)));
  }
}

TEST(T5Folder, UsesTheHeadOfTheFileAlsoIfTheConfigSaysTied) {
  const TemporaryFolder folder;
  const T5 model = T5::random(gated_config(), 4, {});
  T5Config config = gated_config();
  config.tie_word_embeddings = true;  // as transformers 5 writes it
  write_folder(folder, config, model.parameters());
  const T5 loaded = T5::load(folder.path(), {});
  expect_equal_weights(model, loaded);
  EXPECT_EQ(loaded.config(), gated_config());
}

TEST(T5Folder, AHeadThatIsTheEmbeddingStaysTied) {
  const TemporaryFolder folder;
  const T5 model = T5::random(tied_config(), 5, {});
  auto weights = model.parameters();
  const at::Tensor embedding = find_parameter(model, "shared.weight");
  for (const char* name : {"lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}) {
    weights.push_back({name, embedding});
  }
  weights.push_back({"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", embedding});
  write_folder(folder, tied_config(), weights);
  expect_equal_weights(model, T5::load(folder.path(), {}));
}

TEST(T5Folder, FindsTheEmbeddingUnderItsOtherName) {
  const TemporaryFolder folder;
  const T5 model = T5::random(tied_config(), 6, {});
  auto weights = model.parameters();
  for (Parameter& weight : weights) {
    if (weight.name == "shared.weight") weight.name = "encoder.embed_tokens.weight";
  }
  write_folder(folder, tied_config(), weights);
  expect_equal_weights(model, T5::load(folder.path(), {}));
  weights.push_back({"decoder.embed_tokens.weight", find_parameter(model, "shared.weight") + 1});
  write_folder(folder, tied_config(), weights);
  expect_data_error([&] { (void)T5::load(folder.path(), {}); }, "'decoder.embed_tokens.weight'");
}

TEST(T5Folder, NamesTheWrongTensorAndItsFile) {
  const T5 model = T5::random(gated_config(), 7, {});
  const std::string name = "decoder.block.1.layer.1.EncDecAttention.v.weight";
  const auto expect_refused = [&](const std::function<void(std::vector<Parameter>&)>& spoil, const std::string& file) {
    const TemporaryFolder folder;
    auto weights = model.parameters();
    spoil(weights);
    write_folder(folder, gated_config(), weights);
    expect_data_error([&] { (void)T5::load(folder.path(), {}); }, name);
    expect_data_error([&] { (void)T5::load(folder.path(), {}); }, folder.path().string() + file);
  };
  expect_refused([&](auto& weights) { std::erase_if(weights, [&](const auto& w) { return w.name == name; }); }, "");
  expect_refused(
      [&](auto& weights) {
        for (Parameter& weight : weights) {
          if (weight.name == name) weight.value = weight.value.t();
        }
      },
      "/model.safetensors");
  expect_refused([&](auto& weights) { weights.push_back({name + "2", model.embedding_VD()}); }, "/model.safetensors");
}

TEST(T5Folder, RefusesIntegerWeights) {
  const TemporaryFolder folder;
  folder.write("config.json", to_json(gated_config()));
  const std::vector<std::byte> zeros(23 * 8);
  const std::vector<io::NamedTensor> tensors = {{"shared.weight", {io::DType::i8, {23, 8}, zeros}}};
  io::write_safetensors(folder / "model.safetensors", tensors, {});
  expect_data_error([&] { (void)T5::load(folder.path(), {}); }, "'shared.weight' is of type I8");
}

TEST(T5Folder, RefusesWeightsThatAreNotFinite) {
  const T5 model = T5::random(gated_config(), 8, {});
  const std::string name = "encoder.final_layer_norm.weight";
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
    for (const double wrong : {double{NAN}, HUGE_VAL, -HUGE_VAL}) {
      const TemporaryFolder folder;
      folder.write("config.json", to_json(gated_config()));
      // As another program would store them: each tensor in its own type.
      std::vector<at::Tensor> stored;
      std::vector<io::NamedTensor> tensors;
      for (const Parameter& weight : model.parameters()) {
        at::Tensor& value = stored.emplace_back(weight.value.to(type, false, true));
        if (weight.name == name) value[3].fill_(wrong);
        const auto dtype = type == at::kFloat      ? io::DType::f32
                           : type == at::kBFloat16 ? io::DType::bf16
                           : type == at::kHalf     ? io::DType::f16
                                                   : io::DType::f64;
        const std::span bytes(static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes());
        tensors.push_back({weight.name, {dtype, value.sizes().vec(), bytes}});
      }
      io::write_safetensors(folder / "model.safetensors", tensors, {});
      EXPECT_NO_THROW((void)T5Folder(folder.path())) << "headers know nothing of numbers";
      expect_data_error([&] { (void)T5::load(folder.path(), {}); },
                        "model.safetensors: tensor '" + name + "' holds a number that is not finite");
      expect_data_error([&] { (void)T5::load(folder.path(), {}); }, "at place 3 of [8]");
    }
  }
}

TEST(T5Folder, CountsEveryNumberOnce) {
  for (const T5Config& config : {gated_config(), tied_config()}) {
    const TemporaryFolder folder;
    const T5 model = T5::random(config, 9, {});
    auto weights = model.parameters();
    weights.push_back({"encoder.embed_tokens.weight", model.embedding_VD()});
    write_folder(folder, config, weights);
    std::uint64_t numbers = 0;
    for (const Parameter& weight : model.parameters()) numbers += static_cast<std::uint64_t>(weight.value.numel());
    const T5Folder opened(folder.path());
    EXPECT_EQ(opened.parameters(), numbers);
    EXPECT_EQ(opened.has_head(), !config.tie_word_embeddings);
    EXPECT_THAT(opened.embedding_names(), ::testing::ElementsAre("shared.weight", "encoder.embed_tokens.weight"));
    EXPECT_EQ(opened.place_of("shared.weight").file, folder / "model.safetensors");
  }
}

TEST(T5Folder, TellsAMissingFolderFromAFile) {
  const TemporaryFolder folder;
  folder.write("model", "x");
  expect_data_error([&] { (void)T5::load(folder / "model", {}); }, "model: is not a folder");
  expect_data_error([&] { (void)T5::load(folder / "none", {}); }, "none: there is no such folder");
}

TEST(T5Folder, RefusesFoldersWithoutConfigOrWeights) {
  const TemporaryFolder folder;
  expect_data_error([&] { (void)T5::load(folder.path(), {}); }, "config.json");
  folder.write("config.json", to_json(gated_config()));
  expect_data_error([&] { (void)T5::load(folder.path(), {}); }, "model.safetensors");
}

}  // namespace
}  // namespace westofn::model
