// SPDX-License-Identifier: Apache-2.0
// The files of the stage `pools`: one immutable HDF5 file a shard, with the samples of its prompts.
//
// Datasets /index, /id, /group, /prompt, /source, /line have a row a prompt; /samples/number, log_likelihood and
// finished have the shape [prompts, n]; the texts and tokens of the samples follow one another in the same order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "io/manifest.h"
#include "record/records.h"

namespace westofn::io {

/// "unlabelled", "validation" or "test".
[[nodiscard]] std::string_view prompt_set_name(PromptSet set);

/// "unlabelled-00002-00017.h5": shard 17 of the prompts of a set in the prepared file `prompts-00002.h5`.
[[nodiscard]] std::string pool_file_name(PromptSet set, std::int64_t prompts_file, std::int64_t shard);

/// Publishes the pools of a shard: at least one, all of one set and with equally many samples. Local. Throws IoError.
FileInfo write_pool(const std::string& path, std::span<const Pool> pools);

/// Reads the pools of a shard in their order, checked against a manifest's entry if one is given. Local. Throws
/// DataError that names the file if it is damaged, of another type or of another version.
[[nodiscard]] std::vector<Pool> read_pool(const std::string& path,
                                          const std::optional<FileInfo>& expected = std::nullopt);

/// The files of a set in the order of their prompts.
[[nodiscard]] std::vector<FileInfo> pool_files(const Manifest& pools, PromptSet set);

/// All pools of a set in the order of their prompts. Local: FOLDER is a complete stage. Throws as read_pool.
[[nodiscard]] std::vector<Pool> read_pools(const std::string& folder, PromptSet set);

}  // namespace westofn::io
