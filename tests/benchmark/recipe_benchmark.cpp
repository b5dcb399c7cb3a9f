// SPDX-License-Identifier: Apache-2.0
// The parts of the stage `recipe` that look at all pairs at once, on made-up pairs: quantiles, gathering, mixture,
// file.
//
//   mpirun --oversubscribe -n 4 recipe_benchmark --pairs 10000000
//
// Prints, for each part, the wall and CPU seconds of the slowest rank, and of each rank the largest memory so far and
// what it received.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "benchmark/benchmark_main.h"
#include "benchmark/process_use.h"
#include "io/mixture_file.h"
#include "selection/mixture.h"
#include "support/temporary_folder.h"
#include "synthesis/kept_pairs.h"
#include "synthesis/quantile.h"
#include "util/clock.h"
#include "util/philox.h"

namespace westofn {
namespace {

using selection::Ranked;

struct BenchmarkSettings {
  std::int64_t pairs = 10'000'000;
  std::int64_t human_pairs = 100'000;
  double quantile = 0.25;
  double ratio = 1;
};

constexpr std::int64_t prompts_per_block = 1024;

/// The pairs of one rank, as the stage holds them.
struct MadeUpPairs {
  std::vector<io::SyntheticOrigin> places;
  std::array<std::vector<Ranked>, 3> values;  ///< confidence, likelihood of the chosen and of the rejected one
};

/// Float32 confidences, so that there are ties; log-likelihoods of responses of some thirty tokens.
MadeUpPairs make_pairs(const comm::Communicator& world, std::int64_t pairs) {
  MadeUpPairs made;
  const Philox random("recipe benchmark", 1, 0, "");
  const std::int64_t blocks = (pairs + prompts_per_block - 1) / prompts_per_block;
  for (std::int64_t block = world.rank(); block < blocks; block += world.size()) {
    for (std::int64_t row = 0; row < prompts_per_block && block * prompts_per_block + row < pairs; ++row) {
      const std::int64_t prompt = block * prompts_per_block + row;
      made.places.push_back({prompt, block, row, 0, 1});
      for (std::uint32_t f = 0; f < made.values.size(); ++f) {
        const double u = random.uniform(static_cast<std::uint32_t>(prompt), f);
        const double value = f == 0 ? static_cast<double>(static_cast<float>(0.5 + u / 2)) : -60 * u;
        made.values[f].push_back({value, prompt});
      }
    }
  }
  return made;
}

class Benchmark {
 public:
  Benchmark(comm::Communicator& world, const BenchmarkSettings& settings) : world_(world), settings_(settings) {}

  void run() {
    MadeUpPairs made;
    measure("made up (not part of the stage)", [&] { made = make_pairs(world_, settings_.pairs); });
    std::vector<selection::Cut> cuts;
    measure("quantiles", [&] {
      std::vector<synthesis::QuantileRequest> requests;
      for (const auto& values : made.values) requests.push_back({values, settings_.quantile});
      cuts = synthesis::global_cuts(world_, requests);
    });
    std::vector<io::SyntheticOrigin> kept;
    measure("filters and gathering", [&] {
      std::vector<io::SyntheticOrigin> mine;
      for (std::size_t i = 0; i < made.places.size(); ++i) {
        bool is_kept = true;
        for (std::size_t f = 0; f < cuts.size(); ++f)
          is_kept = is_kept && selection::is_kept(made.values[f][i], cuts[f]);
        if (is_kept) mine.push_back(made.places[i]);
      }
      made = {};
      kept = synthesis::gather_kept(world_, std::move(mine));
    });
    const bool is_root = world_.rank() == 0;
    io::MixtureLineage lineage;
    for (std::int64_t i = 0; is_root && i < settings_.human_pairs; ++i) lineage.human_ids.push_back(std::to_string(i));
    lineage.synthetic = std::move(kept);
    std::vector<MixtureRow> rows;
    measure("mixture", [&] {
      if (!is_root) return;
      rows = selection::mix({settings_.human_pairs, static_cast<std::int64_t>(lineage.synthetic.size())},
                            {selection::MixtureRule::cycle, settings_.ratio}, 1);
    });
    measure("mixture.h5", [&] {
      if (!is_root) return;
      const testing::TemporaryFolder folder;
      io::write_mixture(folder / "mixture.h5", rows, lineage);
    });
    if (is_root)
      std::printf("%zu of %lld pairs kept, %zu rows\n", lineage.synthetic.size(),
                  static_cast<long long>(settings_.pairs), rows.size());
  }

 private:
  void measure(const std::string& part, const std::function<void()>& work) {
    world_.barrier();
    const std::uint64_t received = world_.bytes_received();
    const double start = steady_seconds();
    const double cpu_start = benchmark::cpu_seconds();
    work();
    const double seconds = world_.all_reduce(steady_seconds() - start, comm::ReduceOp::max);
    const double cpu = world_.all_reduce(benchmark::cpu_seconds() - cpu_start, comm::ReduceOp::max);
    const std::array<double, 2> mine = {benchmark::peak_rss_mib(),
                                        static_cast<double>(world_.bytes_received() - received) / (1 << 20)};
    std::vector<double> all(mine.size() * static_cast<std::size_t>(world_.size()));
    world_.gather(mine, all, 0);
    if (world_.rank() != 0) return;
    std::printf("%-32s %7.2f s %7.2f CPU s   peak MiB", part.c_str(), seconds, cpu);
    for (std::size_t i = 0; i < all.size(); i += 2) std::printf(" %6.0f", all[i]);
    std::printf("   received MiB");
    for (std::size_t i = 1; i < all.size(); i += 2) std::printf(" %8.3f", all[i]);
    std::printf("\n");
  }

  comm::Communicator& world_;
  const BenchmarkSettings& settings_;
};

int run(int argc, char** argv) {
  BenchmarkSettings settings;
  CLI::App app("Measures quantiles, gathering and mixture on made-up pairs.", "recipe_benchmark");
  app.add_option("--pairs", settings.pairs, "of all ranks")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--human-pairs", settings.human_pairs)->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--quantile", settings.quantile, "of each of the three filters")->capture_default_str();
  app.add_option("--ratio", settings.ratio)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return benchmark::on_all_ranks("recipe_benchmark",
                                 [&](comm::Communicator& world) { Benchmark(world, settings).run(); });
}

}  // namespace
}  // namespace westofn

int main(int argc, char** argv) {
  return westofn::benchmark::guarded("recipe_benchmark", [&] { return westofn::run(argc, argv); });
}
