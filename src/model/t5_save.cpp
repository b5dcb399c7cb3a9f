// SPDX-License-Identifier: Apache-2.0
// save_t5: a folder that transformers opens.
#include <nlohmann/json.hpp>

#include "io/durable_file.h"
#include "model/t5.h"
#include "model/tensor_bytes.h"

namespace westofn::model {
namespace {

constexpr std::uint64_t shard_limit = 5'000'000'000;

std::string generation_config(const T5Config& config) {
  const nlohmann::ordered_json json = {
      {"decoder_start_token_id", config.decoder_start_token_id}, {"eos_token_id", 1}, {"pad_token_id", 0}};
  return json.dump(2) + "\n";
}

}  // namespace

std::vector<io::FileInfo> save_t5(const std::string& folder, const T5& model, std::span<const Parameter> weights,
                                  const std::string& spiece_model) {
  const std::vector<Parameter> own = model.parameters();
  const SavedTensors saved(weights.empty() ? std::span<const Parameter>(own) : weights);
  auto files = io::write_safetensors_model(folder, saved.tensors(), {{"format", "pt"}}, shard_limit);
  files.push_back(io::write_durable(folder + "/spiece.model", spiece_model));
  files.push_back(io::write_durable(folder + "/generation_config.json", generation_config(model.config())));
  files.push_back(io::write_durable(folder + "/config.json", to_json(model.config())));
  return files;
}

}  // namespace westofn::model
