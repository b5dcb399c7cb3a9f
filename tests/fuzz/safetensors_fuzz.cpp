// SPDX-License-Identifier: Apache-2.0
// A safetensors file or, if the first byte is 'i', an index: what is accepted covers the data and stays inside them.
#include "fuzz/fuzz_target.h"
#include "io/safetensors.h"
#include "support/safetensors_bytes.h"
#include "util/error.h"

namespace {

using namespace westofn;

void check_file(std::string_view text) {
  const auto file = std::as_bytes(std::span(text));
  const auto content = io::parse_safetensors(file, "fuzz");
  std::size_t covered = 0;
  for (const auto& [name, tensor] : content.tensors) {
    WESTOFN_CHECK(tensor.bytes.empty() || (tensor.bytes.data() >= file.data() &&
                                           tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size()),
                  "a tensor outside the file");
    std::size_t size = io::element_size(tensor.dtype);
    for (const auto extent : tensor.shape) size *= static_cast<std::size_t>(extent);
    WESTOFN_CHECK(size == tensor.bytes.size(), "bytes that do not fit the shape");
    covered += size;
  }
  WESTOFN_CHECK(covered <= file.size(), "tensors that overlap");
}

void check_index(std::string_view text) {
  for (const auto& [tensor, shard] : io::parse_safetensors_index(text, "fuzz")) {
    WESTOFN_CHECK(shard.find('/') == shard.npos && shard != ".." && !shard.empty(), "a shard outside the folder");
  }
}

}  // namespace

std::vector<std::string> westofn::fuzz::seeds() {
  return {testing::safetensors_bytes(
              R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[2,10]},)"
              R"("v":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}   )",
              10),
          testing::safetensors_bytes(R"({"e":{"dtype":"BF16","shape":[0,3],"data_offsets":[0,0]}})", 0),
          "i"
          R"({"metadata":{"total_size":8},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"x"}})"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (text.starts_with('i')) {
      check_index(text.substr(1));
    } else {
      check_file(text);
    }
  } catch (const DataError&) {  // the answer to wrong input
  }
  return 0;
}
