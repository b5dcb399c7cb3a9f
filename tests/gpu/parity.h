// SPDX-License-Identifier: Apache-2.0
// What the files of gpu_parity_test share.
#pragma once

#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

#include "model/t5.h"
#include "tokenizer/tokenizer.h"

namespace westofn::testing {

/// The device that is compared with the kernels of the CPU.
[[nodiscard]] at::Device tested_device();

/// A kind of T5 and how its name reads in the output.
struct Kind {
  std::string name;
  model::T5Config config;
};
[[nodiscard]] std::vector<Kind> kinds();

/// Lists of tokens of these lengths, their end tokens included.
[[nodiscard]] std::vector<tokenizer::Tokens> token_lists(std::initializer_list<int> lengths, int salt);

}  // namespace westofn::testing
