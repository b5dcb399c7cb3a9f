// SPDX-License-Identifier: Apache-2.0
#include "inference/block_product.h"

#include <ATen/native/CPUBlas.h>

namespace westofn::inference {
namespace {

using cpu::Bf16;

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t a_stride, std::int64_t b_stride,
              std::int64_t c_stride, bool add, const Bf16* a, const Bf16* b, float* c) {
  at::native::cpublas::brgemm(m, n, k, a_stride, b_stride, c_stride, add, reinterpret_cast<const at::BFloat16*>(a),
                              reinterpret_cast<const at::BFloat16*>(b), c, /*is_vnni=*/true);
}

}  // namespace

cpu::BlockProduct block_product() {
  static const bool there = cpu::multiplies_bf16() && at::native::cpublas::could_pack(at::kBFloat16);
  return there ? multiply : nullptr;
}

void release_block_product() {
  if (block_product() != nullptr) at::native::cpublas::brgemm_release();
}

}  // namespace westofn::inference
