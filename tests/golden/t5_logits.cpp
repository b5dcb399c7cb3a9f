// SPDX-License-Identifier: Apache-2.0
// For t5_parity.py: t5_logits MODEL INPUTS.safetensors OUTPUTS.safetensors [SAVED] writes the logits of MODEL for the
// inputs, and saves the model once more into SAVED.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <exception>
#include <iostream>
#include <string>

#include "io/file.h"
#include "io/safetensors.h"
#include "io/safetensors_writer.h"
#include "model/t5.h"
#include "model/tensor_bytes.h"

namespace westofn {
namespace {

/// The inputs are written as float64, which holds every token id.
at::Tensor read_ids(const io::SafetensorsFile& file, const std::string& name) {
  const io::TensorView& view = file.tensors().at(name);
  return model::to_tensor(view, view.shape, {file.path(), name}, {at::kCPU, at::kDouble}).to(at::kLong);
}

void write_logits(const std::string& folder, const std::string& inputs, const std::string& outputs) {
  const at::NoGradGuard no_gradients;
  const auto t5 = model::T5::load(folder, {});
  const io::SafetensorsFile file(inputs);
  const model::TokenBatch source{read_ids(file, "source"), read_ids(file, "lengths")};
  const auto encoded = t5.encode(source);
  const std::vector<model::Parameter> results = {
      {"encoded", encoded.hidden_BSD},
      {"logits", t5.logits(t5.decode(encoded, read_ids(file, "target")))},
      {"first_logits", t5.logits(t5.first_state(source))},
  };
  const model::SavedTensors saved(results);
  io::write_safetensors(outputs, saved.tensors(), {});
}

}  // namespace
}  // namespace westofn

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::cerr << "usage: t5_logits MODEL INPUTS.safetensors OUTPUTS.safetensors [SAVED]\n";
    return 2;
  }
  try {
    westofn::write_logits(argv[1], argv[2], argv[3]);
    if (argc == 5) westofn::model::save_t5(argv[4], westofn::model::T5::load(argv[1], {}), {}, "");
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
