// SPDX-License-Identifier: Apache-2.0
// The shards of the stage `pools`: which prompts each of them holds, the same for any number of ranks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "app/stage.h"
#include "io/manifest.h"
#include "io/pool_file.h"
#include "record/records.h"

namespace westofn::synthesis {

/// Some prompts of one set in one prepared file. Trivially copyable: it is gathered.
struct PlannedShard {
  std::int64_t set = 0;
  std::int64_t file = 0;    ///< number of the prepared file
  std::int64_t number = 0;  ///< of the shard within file and set
  std::int64_t first = 0;   ///< index of its first prompt in the set, over all files
  std::int64_t begin = 0;   ///< its first prompt among those of the set in the file
  std::int64_t prompts = 0;
  std::int64_t imported = 0;  ///< of these, prompts whose samples come from files
  double cost = 0;

  [[nodiscard]] PromptSet prompt_set() const { return static_cast<PromptSet>(set); }
  [[nodiscard]] std::string file_name() const { return io::pool_file_name(prompt_set(), file, number); }
};

/// The prompts of a stage `prepare`, file by file. Local.
class PreparedPrompts {
 public:
  /// Throws DataError.
  explicit PreparedPrompts(std::string folder);

  /// The numbers of the files that hold prompts, ascending.
  [[nodiscard]] std::vector<std::int64_t> files() const;
  /// The prompts of a set in a file; the last file is kept, since shards come file by file. Throws DataError.
  [[nodiscard]] std::vector<Prompt> read_set(std::int64_t file, PromptSet set);
  [[nodiscard]] std::vector<Prompt> read_shard(const PlannedShard& shard);

 private:
  std::string folder_;
  io::Manifest manifest_;
  std::int64_t last_file_ = -1;
  std::vector<Prompt> last_prompts_;
};

/// Says of a shard with these prompts how many are imported, and what it costs.
using WeighShard = std::function<void(PlannedShard& shard, std::span<const Prompt> prompts)>;

/// Collective. All shards in the order of set, file and number. The prepared files are read by turns.
[[nodiscard]] std::vector<PlannedShard> plan_pools(app::StageRun& stage, PreparedPrompts& prompts,
                                                   std::int64_t shard_size, const WeighShard& weigh);

}  // namespace westofn::synthesis
