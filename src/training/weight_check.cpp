// SPDX-License-Identifier: Apache-2.0
#include "training/weight_check.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comm/agree.h"
#include "comm/typed.h"
#include "util/clock.h"
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

/// The ranks that do not have a weight as most ranks have it.
struct Difference {
  std::vector<std::size_t> ranks;
  bool is_of_minority = true;  ///< otherwise the other half may as well be wrong
  std::string weight;
};

Difference compare(std::span<const std::uint64_t> hashes) {
  Difference difference;
  const std::uint64_t expected = most_frequent(hashes);
  for (std::size_t r = 0; r < hashes.size(); ++r) {
    if (hashes[r] != expected) difference.ranks.push_back(r);
  }
  difference.is_of_minority = 2 * difference.ranks.size() < hashes.size();
  return difference;
}

/// "rank 1 (on node7) differ from those of the other ranks"
std::string describe(const Difference& difference, std::span<const std::string> hosts) {
  std::string text = "rank ";
  for (const std::size_t rank : difference.ranks) {
    text += (text.ends_with(' ') ? "" : ", ") + std::to_string(rank) + " (on " + hosts[rank] + ")";
  }
  text += " differ from those of the other ranks";
  return difference.is_of_minority ? text : text + " (which may be the wrong ones: there is no majority)";
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
  Difference difference;
  for (std::size_t i = 0; i < mine.size() && difference.ranks.empty(); ++i) {
    std::vector<std::uint64_t> of_ranks;
    for (std::size_t r = 0; r < ranks; ++r) of_ranks.push_back(all[r * mine.size() + i]);
    difference = compare(of_ranks);
    difference.weight = weights[i].name;
  }
  if (difference.ranks.empty()) return;
  const std::vector<std::string> hosts = comm::all_gather_strings(world, host_name());
  comm::agree(world, [&] {
    if (world.rank() != 0) return;
    throw CommError(stage.name() + ": in step " + std::to_string(step) + " the weights of " +
                    describe(difference, hosts) + ", first in " + difference.weight +
                    ": memory, link or GPU there are suspect. Start the same command again without that node; " +
                    "training goes on from the newest checkpoint");
  });
}

}  // namespace westofn::training
