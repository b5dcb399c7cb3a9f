// SPDX-License-Identifier: Apache-2.0
#include "synthesis/pool_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <tuple>
#include <utility>

#include "comm/agree.h"
#include "io/record_file.h"
#include "util/error.h"
#include "util/fault.h"

namespace westofn::synthesis {
namespace {

constexpr std::array all_sets = {PromptSet::unlabelled, PromptSet::validation, PromptSet::test};
constexpr std::string_view prompts_prefix = "prompts-";

std::string prompts_file_name(std::int64_t number) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "prompts-%05lld.h5", static_cast<long long>(number));
  return name.data();
}

}  // namespace

PreparedPrompts::PreparedPrompts(std::string folder)
    : folder_(std::move(folder)), manifest_(io::read_manifest(folder_)) {}

std::vector<std::int64_t> PreparedPrompts::files() const {
  std::vector<std::int64_t> numbers;
  for (const auto& file : manifest_.files) {
    if (!file.name.starts_with(prompts_prefix)) continue;
    std::int64_t number = 0;
    const char* end = file.name.data() + file.name.size();
    std::from_chars(file.name.data() + prompts_prefix.size(), end, number);
    WESTOFN_CHECK(prompts_file_name(number) == file.name, "a prepared file has an unknown name: " + file.name);
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<Prompt> PreparedPrompts::read_set(std::int64_t file, PromptSet set) {
  if (last_file_ != file) {
    const std::string name = prompts_file_name(file);
    last_prompts_ = io::read_prompts(folder_ + "/" + name, io::find_file(manifest_, name));
    last_file_ = file;
  }
  std::vector<Prompt> prompts;
  for (const auto& prompt : last_prompts_) {
    if (prompt.set == set) prompts.push_back(prompt);
  }
  return prompts;
}

std::vector<Prompt> PreparedPrompts::read_shard(const PlannedShard& shard) {
  const std::vector<Prompt> all = read_set(shard.file, shard.prompt_set());
  const auto begin = all.begin() + shard.begin;
  return {begin, begin + shard.prompts};
}

std::vector<PlannedShard> plan_pools(app::StageRun& stage, PreparedPrompts& prompts, std::int64_t shard_size,
                                     const WeighShard& weigh) {
  comm::Communicator& world = stage.job().world;
  std::vector<PlannedShard> mine;
  const auto add_shards = [&](std::int64_t file, PromptSet set) {
    const std::vector<Prompt> all = prompts.read_set(file, set);
    for (std::int64_t begin = 0; begin < std::ssize(all); begin += shard_size) {
      PlannedShard shard{.set = static_cast<std::int64_t>(set), .file = file, .number = begin / shard_size};
      shard.begin = begin;
      shard.prompts = std::min<std::int64_t>(shard_size, std::ssize(all) - begin);
      weigh(shard, std::span(all).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(shard.prompts)));
      mine.push_back(shard);
    }
  };
  comm::agree(world, [&] {
    fault_point("pools.plan");
    const auto files = prompts.files();
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (static_cast<int>(i % static_cast<std::size_t>(world.size())) != world.rank()) continue;
      stage.beat();
      for (const PromptSet set : all_sets) add_shards(files[i], set);
    }
  });
  std::vector<PlannedShard> all = world.all_gather_variable(mine).values;
  std::ranges::sort(all, {}, [](const PlannedShard& shard) { return std::tuple(shard.set, shard.file, shard.number); });
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].set == all[i - 1].set) all[i].first = all[i - 1].first + all[i - 1].prompts;
  }
  return all;
}

}  // namespace westofn::synthesis
