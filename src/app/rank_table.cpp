// SPDX-License-Identifier: Apache-2.0
#include "app/rank_table.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string_view>
#include <vector>

#include "util/log.h"
#include "util/text.h"

namespace westofn::app {
namespace {

constexpr std::size_t most_lines = 64;

std::string row(std::string_view rank, std::string_view local_rank, std::string_view gpu, std::string_view threads,
                std::string_view cores, std::string_view host) {
  std::array<char, 512> text{};
  std::snprintf(text.data(), text.size(), "\n  %6.*s %10.*s %8.*s %8.*s  %-16.*s %.*s", static_cast<int>(rank.size()),
                rank.data(), static_cast<int>(local_rank.size()), local_rank.data(), static_cast<int>(gpu.size()),
                gpu.data(), static_cast<int>(threads.size()), threads.data(), static_cast<int>(cores.size()),
                cores.data(), static_cast<int>(host.size()), host.data());
  return text.data();
}

/// The number of the GPU among those that the rank sees, chosen as model::start_runtime does.
std::string gpu_text(const RankReport& rank, const RankUse& use) {
  if (use.gpus == 0 || rank.gpus == 0) return "none";
  return std::to_string(rank.local_rank % rank.gpus) + " of " + std::to_string(rank.gpus);
}

/// What two ranks have in common that need not both be shown.
std::string kind_of(const RankReport& rank, const RankUse& use) {
  return std::to_string(rank.local_rank) + " " + gpu_text(rank, use) + " " + rank.core_list;
}

}  // namespace

std::string rank_table(std::span<const RankReport> ranks, const RankUse& use) {
  std::string text = row("rank", "local rank", "GPU", "threads", "cores", "host");
  std::set<std::string> shown;
  std::set<std::string> other_hosts;
  std::size_t lines = 0;
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const RankReport& rank = ranks[i];
    const bool is_new = shown.insert(kind_of(rank, use)).second || rank.host == ranks[0].host;
    if (!is_new || lines == most_lines) {
      other_hosts.insert(rank.host);
      ++left_out;
      continue;
    }
    ++lines;
    text += row(std::to_string(i), std::to_string(rank.local_rank), gpu_text(rank, use), std::to_string(use.threads),
                rank.core_list, rank.host);
  }
  if (left_out == 0) return text;
  return text + "\n  and " + std::to_string(left_out) + " more on " + std::to_string(other_hosts.size()) +
         (other_hosts.size() == 1 ? " host" : " hosts") +
         (lines == most_lines ? "" : ", with the local ranks, GPUs and cores of those above");
}

void log_ranks(JobContext& job) {
  if (std::getenv("SLURM_JOB_ID") == nullptr) return;
  const std::vector<RankReport> ranks = gather_ranks(job.world, job.node);
  if (job.world.rank() != 0) return;
  log_info(std::to_string(ranks.size()) + (ranks.size() == 1 ? " rank" : " ranks") + rank_table(ranks, job.use));
  for (const auto& finding : judge_ranks(ranks)) {
    if (!finding.advice.empty()) log_warning(finding.text + ": " + finding.advice);
  }
}

}  // namespace westofn::app
