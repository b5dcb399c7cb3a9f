// SPDX-License-Identifier: Apache-2.0
#include "training/weight_check.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comm/agree.h"
#include "util/error.h"
#include "util/hash.h"

namespace westofn::training {
namespace {

std::uint64_t hash_of(const at::Tensor& weight) {
  const at::Tensor here = weight.detach().to(at::kCPU).contiguous();
  return hash64(std::string_view(static_cast<const char*>(here.const_data_ptr()), here.nbytes()));
}

/// The hash that most ranks have; of the lowest rank among equally frequent ones.
std::uint64_t most_frequent(std::span<const std::uint64_t> hashes) {
  std::map<std::uint64_t, int> counts;
  for (const std::uint64_t hash : hashes) ++counts[hash];
  std::uint64_t best = hashes.front();
  for (const std::uint64_t hash : hashes) {
    if (counts[hash] > counts[best]) best = hash;
  }
  return best;
}

}  // namespace

void check_weights(app::StageRun& stage, std::span<const TrainedWeight> weights, std::int64_t step) {
  comm::Communicator& world = stage.job().world;
  if (world.size() == 1) return;
  std::vector<std::uint64_t> mine;
  for (const auto& weight : weights) {
    stage.beat();
    mine.push_back(hash_of(weight.value));
  }
  const auto ranks = static_cast<std::size_t>(world.size());
  std::vector<std::uint64_t> all(mine.size() * ranks);
  world.all_gather(mine, all);
  std::string differing;
  std::string first_weight;
  for (std::size_t i = 0; i < mine.size() && differing.empty(); ++i) {
    std::vector<std::uint64_t> of_ranks;
    for (std::size_t r = 0; r < ranks; ++r) of_ranks.push_back(all[r * mine.size() + i]);
    const std::uint64_t expected = most_frequent(of_ranks);
    for (std::size_t r = 0; r < ranks; ++r) {
      if (of_ranks[r] != expected) differing += (differing.empty() ? "" : ", ") + std::to_string(r);
    }
    first_weight = weights[i].name;
  }
  if (differing.empty()) return;
  comm::agree(world, [&] {
    if (world.rank() != 0) return;
    throw CommError(stage.name() + ": in step " + std::to_string(step) + " the weights of rank " + differing +
                    " differ from those of the other ranks, first in " + first_weight +
                    ": memory, link or GPU of that rank are suspect (the log names its host). Start the same command " +
                    "again without that node; training goes on from the newest checkpoint");
  });
}

}  // namespace westofn::training
