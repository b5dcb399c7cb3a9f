// SPDX-License-Identifier: Apache-2.0
// Quantiles and recipes over ranks: the same as on one.
#include "synthesis/quantile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "comm/single_communicator.h"
#include "comm/typed.h"
#include "support/mpi_main.h"
#include "support/temporary_folder.h"
#include "unit/synthesis/recipe_world.h"
#include "util/philox.h"

namespace westofn::synthesis {
namespace {

using selection::Ranked;
using westofn::testing::world;

/// The same on every rank; few different values, so that ties lie on many ranks.
std::vector<Ranked> make_entries(std::int64_t count, std::uint32_t different) {
  RandomSequence random(Philox("entries", different, 0, ""));
  std::vector<Ranked> entries;
  for (std::int64_t i = 0; i < count; ++i) {
    entries.push_back({static_cast<double>(random.below(different)) - different / 2.0, i});
  }
  return entries;
}

/// Those of this rank: dealt by turns, or all on the last rank.
std::vector<Ranked> share(const std::vector<Ranked>& all, bool last_only) {
  std::vector<Ranked> mine;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const int owner = last_only ? world().size() - 1 : static_cast<int>(i % static_cast<std::size_t>(world().size()));
    if (owner == world().rank()) mine.push_back(all[i]);
  }
  return mine;
}

Ranked by_sorting(std::vector<Ranked> all, double q) {
  std::sort(all.begin(), all.end(),
            [](const Ranked& a, const Ranked& b) { return std::tie(a.value, a.index) < std::tie(b.value, b.index); });
  return all[static_cast<std::size_t>(std::floor(q * static_cast<double>(all.size())))];
}

TEST(Quantile, EqualsSortingTheValuesOfAllRanks) {
  const auto coarse = make_entries(1000, 7);
  const auto fine = make_entries(777, 1'000'000);
  for (const bool last_only : {false, true}) {
    const auto my_coarse = share(coarse, last_only);
    const auto my_fine = share(fine, last_only);
    const auto cuts = global_cuts(
        world(), std::vector<QuantileRequest>{{my_coarse, 0.25}, {my_fine, 0.9}, {my_coarse, 0}, {{}, 0.5}});
    ASSERT_EQ(cuts.size(), 4U);
    EXPECT_EQ(cuts[0].index, by_sorting(coarse, 0.25).index);
    EXPECT_EQ(cuts[0].value, by_sorting(coarse, 0.25).value);
    EXPECT_EQ(cuts[1].index, by_sorting(fine, 0.9).index);
    EXPECT_EQ(cuts[2].index, by_sorting(coarse, 0).index);
    EXPECT_EQ(cuts[3].value, 0);
  }
}

/// Values of many sizes and of both signs, with as many ties as the seed wants, in any order of the indices.
std::vector<Ranked> random_entries(std::uint64_t seed) {
  RandomSequence random(Philox("random entries", seed, 0, ""));
  const std::uint32_t count = 1 + random.below(300);
  const std::uint32_t different = 1 + random.below(2 * count);
  std::vector<std::int64_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::int64_t{1} << (10 * (seed % 5)));
  random.shuffle(indices);
  std::vector<Ranked> entries;
  for (const std::int64_t index : indices) {
    const double step = static_cast<double>(random.below(different)) - different / 2.0;
    const double value = step == 0 && random.below(2) == 0 ? -0.0 : step;
    entries.push_back({std::ldexp(value, static_cast<int>(seed % 7) * 100 - 300), index});
  }
  return entries;
}

TEST(Quantile, EqualsSortingForRandomDataWithTies) {
  constexpr std::uint64_t cases = 300;
  std::vector<std::vector<Ranked>> all;
  std::vector<std::vector<Ranked>> mine(cases);
  std::vector<QuantileRequest> requests;
  for (std::uint64_t seed = 0; seed < cases; ++seed) {
    all.push_back(random_entries(seed));
    RandomSequence random(Philox("owners", seed, 0, ""));
    for (const auto& entry : all[seed]) {
      const auto owner = static_cast<int>(random.below(static_cast<std::uint32_t>(world().size())));
      if (owner == world().rank()) mine[seed].push_back(entry);
    }
    requests.push_back({mine[seed], seed % 10 == 0 ? 0 : random.uniform()});
  }
  const auto cuts = global_cuts(world(), requests);
  std::vector<std::int64_t> kept;
  for (std::uint64_t seed = 0; seed < cases; ++seed) {
    const auto is_kept = [&](const Ranked& entry) { return selection::is_kept(entry, cuts[seed]); };
    kept.push_back(std::ranges::count_if(mine[seed], is_kept));
  }
  world().all_reduce(kept, comm::ReduceOp::sum);
  for (std::uint64_t seed = 0; seed < cases; ++seed) {
    const Ranked expected = by_sorting(all[seed], requests[seed].q);
    ASSERT_EQ(cuts[seed].index, expected.index) << seed;
    ASSERT_EQ(cuts[seed].value, expected.value) << seed;
    const auto dropped = std::floor(requests[seed].q * static_cast<double>(all[seed].size()));
    ASSERT_EQ(kept[seed], static_cast<std::int64_t>(all[seed].size()) - static_cast<std::int64_t>(dropped)) << seed;
  }
}

TEST(Quantile, MovesCountsAndNotValues) {
  const auto entries = share(make_entries(1'000'000, 100'000'000), false);
  const std::uint64_t before = world().bytes_received();
  static_cast<void>(global_cuts(world(), std::vector<QuantileRequest>{{entries, 0.5}}));
  const std::uint64_t received = world().bytes_received() - before;
  EXPECT_LE(received, std::uint64_t{1} << 20) << "of a million values, which are 15 MiB";
  const std::uint64_t counts = 16 * 256 * sizeof(std::int64_t);
  EXPECT_LE(received, counts + 1024) << "16 digits and the number of values";
  if (world().size() > 1) {
    EXPECT_GE(received, counts) << "what travels is counted";
  }
}

TEST(RecipeOverRanks, HasTheBytesOfOneRank) {
  std::unique_ptr<westofn::testing::TemporaryFolder> folder;
  if (world().rank() == 0) folder = std::make_unique<westofn::testing::TemporaryFolder>();
  const std::string path = comm::broadcast_string(world(), folder ? folder->path().string() : "", 0);
  const testing::RecipeWorld recipes(path);
  RecipeInputs inputs = recipes.inputs();
  inputs.settings.filters = {0.3, 0.1};
  if (world().rank() == 0) {
    recipes.write(66);
    comm::SingleCommunicator alone;
    recipes.make(alone, inputs, "alone");
  }
  world().barrier();
  recipes.make(world(), inputs, "together");
  for (const auto* name : {"pairs-00000.h5", "pairs-00001.h5", "mixture.h5", "balance.json", "manifest.json"}) {
    EXPECT_EQ(westofn::testing::read_all(recipes.recipe_folder(inputs, "together") + "/" + name),
              westofn::testing::read_all(recipes.recipe_folder(inputs, "alone") + "/" + name))
        << name;
  }
  world().barrier();
}

}  // namespace
}  // namespace westofn::synthesis
