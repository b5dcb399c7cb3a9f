// SPDX-License-Identifier: Apache-2.0
// The large part of results.h5 on made-up pools: seconds and size of writing it by all ranks, and of reading it back.
//
//   mpirun --oversubscribe -n 4 results_benchmark --prompts 15625 --n 64       # a million samples
//   ... --folder DIR     the file system that is measured (default: that of temporary files)
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "benchmark/benchmark_main.h"
#include "benchmark/process_use.h"
#include "comm/typed.h"
#include "evaluation/run_columns.h"
#include "io/hdf5.h"
#include "io/manifest.h"
#include "io/pool_file.h"
#include "io/shared_hdf5.h"
#include "util/clock.h"
#include "util/philox.h"

namespace westofn {
namespace {

struct BenchmarkSettings {
  std::int64_t prompts = 15625;
  std::int64_t n = 64;
  std::int64_t words = 32;  ///< of a response
  std::string folder = std::filesystem::temp_directory_path();
};

constexpr std::int64_t shard_prompts = 16;

std::string make_text(RandomSequence& random, std::int64_t words) {
  std::string text;
  for (std::int64_t i = 0; i < words; ++i) text += "word" + std::to_string(random.below(5000)) + " ";
  return text;
}

Pool make_pool(std::int64_t index, const BenchmarkSettings& settings) {
  RandomSequence random(Philox("results benchmark", 1, 0, std::to_string(index)));
  Pool pool;
  pool.index = index;
  pool.prompt.id = pool.prompt.group = "prompt-" + std::to_string(index);
  pool.prompt.text = make_text(random, 3 * settings.words);
  for (std::int64_t k = 0; k < settings.n; ++k) {
    Sample sample;
    sample.number = static_cast<std::int32_t>(k);
    sample.response = make_text(random, settings.words);
    sample.tokens.assign(static_cast<std::size_t>(settings.words) + 1, 1);
    sample.log_likelihood = -60 * random.uniform();
    pool.samples.push_back(sample);
  }
  return pool;
}

class Benchmark {
 public:
  Benchmark(comm::Communicator& world, const BenchmarkSettings& settings)
      : world_(world),
        settings_(settings),
        folder_(comm::broadcast_string(world, settings.folder + "/westofn-results-" + std::to_string(getpid()), 0)) {}

  void run() {
    const std::string path = folder_ + "/results.h5";
    measure("pool files (not part of it)", [&] { make_pools(); });
    for (const auto way : {io::best_writing(world_), io::SharedWriting::gathered}) {
      measure(way == io::SharedWriting::together ? "written together" : "gathered by rank 0", [&] {
        io::SharedHdf5Writer out(world_, path, way, [](io::Hdf5Writer&) {});
        evaluation::add_pools(world_, folder_, out);
        out.publish();
      });
    }
    measure("read back by rank 0", [&] {
      if (world_.rank() == 0) read_back(path);
    });
    if (world_.rank() != 0) return;
    std::printf("%lld samples, %.1f MB\n", static_cast<long long>(settings_.prompts * settings_.n),
                1e-6 * static_cast<double>(std::filesystem::file_size(path)));
    std::filesystem::remove_all(folder_);
  }

 private:
  void make_pools() {
    if (world_.rank() == 0) std::filesystem::create_directories(folder_);
    world_.barrier();
    const std::int64_t shards = (settings_.prompts + shard_prompts - 1) / shard_prompts;
    std::string mine;
    for (std::int64_t shard = world_.rank(); shard < shards; shard += world_.size()) {
      std::vector<Pool> pools;
      for (std::int64_t i = shard * shard_prompts; i < std::min(settings_.prompts, (shard + 1) * shard_prompts); ++i) {
        pools.push_back(make_pool(i, settings_));
      }
      io::write_pool(folder_ + "/" + io::pool_file_name(PromptSet::unlabelled, 0, shard), pools);
      world_.beat();
    }
    world_.barrier();
    if (world_.rank() != 0) return;
    io::Manifest manifest{"pools", "00", "0", {}, {}, "", {}};
    for (std::int64_t shard = 0; shard < shards; ++shard) {
      const std::string name = io::pool_file_name(PromptSet::unlabelled, 0, shard);
      manifest.files.push_back(io::describe_file(folder_ + "/" + name, name));
    }
    io::write_manifest(folder_, manifest);
  }

  static void read_back(const std::string& path) {
    const io::Hdf5Reader reader(path);
    const auto likelihoods = reader.read<double>("/samples/log_likelihood");
    const auto responses = reader.text("/samples/response");
    std::printf("last response read: %.20s... %.3f\n", responses.back().c_str(), likelihoods.back());
  }

  void measure(const std::string& part, const std::function<void()>& work) {
    world_.barrier();
    const double start = steady_seconds();
    work();
    const double seconds = world_.all_reduce(steady_seconds() - start, comm::ReduceOp::max);
    const double peak = world_.all_reduce(benchmark::peak_rss_mib(), comm::ReduceOp::max);
    if (world_.rank() == 0) std::printf("%-28s %7.2f s   largest peak so far %6.0f MiB\n", part.c_str(), seconds, peak);
  }

  comm::Communicator& world_;
  const BenchmarkSettings& settings_;
  std::string folder_;
};

int run(int argc, char** argv) {
  BenchmarkSettings settings;
  CLI::App app("Measures writing and reading results.h5 on made-up pools.", "results_benchmark");
  app.add_option("--prompts", settings.prompts)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--n", settings.n, "samples of a prompt")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--words", settings.words, "of a response")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--folder", settings.folder, "where the files go; removed at the end")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return benchmark::on_all_ranks("results_benchmark",
                                 [&](comm::Communicator& world) { Benchmark(world, settings).run(); });
}

}  // namespace
}  // namespace westofn

int main(int argc, char** argv) {
  return westofn::benchmark::guarded("results_benchmark", [&] { return westofn::run(argc, argv); });
}
